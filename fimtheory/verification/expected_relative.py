"""Ladders of mini-batches in growing dimension, and of random networks, for averaged relative metrics."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp

from fimtheory.claims import Claim
from fimtheory.emission import emit
from fimtheory.notation import SYMBOLS
from fimtheory.simulation.expected_relative import (
    BatchEnsemble,
    NeuronBatch,
    UnitsEnsemble,
    batch_eigenvalues,
    simulate_batches,
    simulate_units,
)
from fimtheory.simulation.ladder import Ladder, build_ladder, ladder_of
from fimtheory.simulation.measurements import WORKERS
from fimtheory.theory.expected_batches import BatchMetric
from fimtheory.theory.expected_relative import ExpectedMetric
from fimtheory.theory.relative_fisher import Neuron, neuron
from fimtheory.verification.deep_networks import Setting, architecture_of

Progress = Callable[[int, int], None]
Array = np.ndarray
_RATIOS = {"scarce": "1/2", "ample": "12"}


def stochastic(text: str) -> Neuron:
    """A neuron as one word of text, followed by values of parameters.

    >>> stochastic("gaussian:elu alpha=1/4").name
    'gaussian:elu(alpha=1/4)'
    """
    name, *values = text.split(" ")
    return neuron(name, **dict(value.split("=") for value in values))


@dataclass(frozen=True)
class BatchSetting:
    """The batches on which claims on averaged metrics are checked; the default resolves errors of 2 %.

    ``neuron`` is text such as ``"gaussian:elu alpha=1"``. None of the numbers is 1 or 0: those hide errors. Batches hold
    n = ``ratio`` d inputs; a claim that needs fewer or more names its neurons with the mark ``scarce``, d/2 inputs, or
    ``ample``, 12 d.
    """

    neuron: str = "gaussian:elu alpha=1"
    q: str = "3/2"
    bias: str = "1/2"
    input_variance: str = "2"
    ratio: str = "3"
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    n_batches: tuple[int, ...] = (16_000, 8000, 4000, 2000, 800)
    seed: int = 1
    resolution: float = 0.02

    @classmethod
    def quick(cls) -> BatchSetting:
        """Fewer batches, in fewer dimensions, and errors of 5 % resolved: seconds a claim."""
        return cls(widths=(16, 24, 40, 64), n_batches=(4000, 3000, 2000, 1200), resolution=0.05)

    @functools.cached_property
    def metric(self) -> ExpectedMetric:
        """The averaged metric of the theory."""
        numbers = map(sp.Rational, (self.q, self.bias, self.input_variance))
        return ExpectedMetric(stochastic(self.neuron), *numbers)

    @functools.cached_property
    def batch(self) -> NeuronBatch:
        """The same in the simulation, which is told nu and numbers."""
        numbers = map(sp.Rational, (self.q, self.bias, self.input_variance, self.ratio))
        return NeuronBatch(self.metric.neuron.numpy, *map(float, numbers))

    def __str__(self) -> str:
        widths, counts = ", ".join(map(str, self.widths)), ", ".join(map(str, self.n_batches))
        return (
            f"{self.neuron}, q={self.q}, bias {self.bias}, s={self.input_variance}, n/d={self.ratio}, d={widths} ({counts}"
            f" batches), seed {self.seed}"
        )

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, BatchSetting]]:
        """(mark, (metric, inputs a dimension), setting) for each neuron of a claim."""
        for text in claim.activations or (self.neuron,):
            words = text.split(" ")
            ratio = _RATIOS.get(words[-1], self.ratio)
            one = replace(self, neuron=" ".join(word for word in words if word not in _RATIOS), ratio=ratio)
            yield f" [{text}]", (one.metric, sp.Rational(ratio)), one

    def suited_to(self, observables: Iterable[str]) -> BatchSetting:
        """This setting: every observable is measured on the same batches."""
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[BatchEnsemble]:
        """The ladder on which the observables are measured."""
        return ladder_of(
            simulate_batches,
            lambda _: self.batch,
            self.widths,
            self.n_batches,
            self.seed,
            observables,
            progress,
            workers=WORKERS,
        )


@dataclass(frozen=True)
class UnitsSetting(Setting):
    """The networks on whose hidden units relative metrics are checked; the default resolves errors of 2 %.

    The response of the units is that of ``neuron``; a claim names those it speaks about.
    """

    neuron: str = "bernoulli:tanh"
    widths: tuple[int, ...] = (64, 128, 256, 512)
    n_networks: tuple[int, ...] = (3000, 2000, 1250, 750)
    resolution: float = 0.02

    @classmethod
    def quick(cls) -> UnitsSetting:
        """Fewer networks, of unequal widths alone, and errors of 5 % resolved: seconds a claim."""
        return cls(
            widths=(48, 72, 112, 176), n_networks=(400, 300, 240, 160), resolution=0.05, alphas=("3/2", "1", "2")
        )

    def __str__(self) -> str:
        return f"{super().__str__()}, units {self.neuron}"

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, UnitsSetting]]:
        """(mark, (network, neuron), setting) for each neuron of a claim, at both shapes."""
        for text in claim.activations or (self.neuron,):
            for mark, (network,), one in super().subjects(replace(claim, activations=())):
                yield f" [{text}]{mark}", (network, stochastic(text)), replace(one, neuron=text)  # type: ignore[misc]

    def suited_to(self, observables: Iterable[str]) -> UnitsSetting:
        """This setting: every observable is measured on the same networks."""
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[UnitsEnsemble]:
        """The ladder on which the observables are measured."""
        wanted, network = tuple(observables), self.network
        nu = stochastic(self.neuron).numpy

        def rung(width: int, number: int, report: Progress | None) -> UnitsEnsemble:
            architecture = architecture_of(network, width)
            return simulate_units(
                architecture, nu, network.samples, number, (self.seed, width), wanted, report, WORKERS
            )

        return build_ladder(rung, self.widths, self.n_networks, progress)


@dataclass(frozen=True)
class ConditioningCurve:
    """The condition number of one neuron over the variance of t, and the same estimated from batches."""

    neuron: Neuron
    variances: Array
    values: Array
    measured_at: Array
    means: Array
    standard_errors: Array


# inputs a batch and batches
_FULL, _QUICK = (40_000, 40), (8000, 12)


def conditioning_curves(
    neurons: Sequence[str],
    variances: Array,
    measured_at: Array,
    quick: bool = False,
    seed: int = 1,
    progress: Progress | None = None,
) -> list[ConditioningCurve]:
    """max(m_0, m_2)/min(m_0, m_2) without a bias: from the theory at ``variances``, from batches at ``measured_at``."""
    found = []
    for done, text in enumerate(neurons, start=1):
        metric = ExpectedMetric(stochastic(text), SYMBOLS["q"])
        ratio = emit(metric.perpendicular / metric.parallel, SYMBOLS["q"])
        values, near = (np.broadcast_to(ratio(at), at.shape) for at in (variances, measured_at))
        means, errors = np.array(
            [_measured_ratio(metric.neuron, float(at), quick, (seed, done)) for at in measured_at]
        ).T
        inverted = near < 1  # by the theory: what is measured may fall on either side of 1
        means, errors = np.where(inverted, 1 / means, means), np.where(inverted, errors / means**2, errors)
        values = np.maximum(values, 1 / values)
        found.append(ConditioningCurve(metric.neuron, variances, values, measured_at, means, errors))
        if progress is not None:
            progress(done, len(neurons))
    return found


@dataclass(frozen=True)
class BatchSpectrum:
    """The limiting density of a mini-batch at ``levels``, and a histogram of all eigenvalues of several."""

    batch: BatchMetric
    dimension: int
    levels: Array
    density: Array
    edges: Array
    heights: Array


def batch_spectra(
    text: str,
    q: float,
    ratios: Sequence[int],
    dimension: int,
    number: int,
    seed: int = 1,
    progress: Progress | None = None,
) -> list[BatchSpectrum]:
    """One spectrum for each number of inputs a dimension, without a bias, at input variance 1."""
    metric, found = ExpectedMetric(stochastic(text), q), []
    for done, ratio in enumerate(ratios, start=1):
        batch, drawn = BatchMetric(metric, 1, ratio), NeuronBatch(metric.neuron.numpy, q, ratio=ratio)
        values = np.concatenate([batch_eigenvalues(drawn, dimension, (seed, ratio), i) for i in range(number)])
        heights, edges = np.histogram(values, bins=40)
        levels = np.sort(batch.law.grid(300))
        found.append(
            BatchSpectrum(
                batch,
                dimension,
                levels,
                batch.law.density(levels),
                edges,
                heights / (values.size * np.diff(edges)),
            )
        )
        if progress is not None:
            progress(done, len(ratios))
    return found


def _measured_ratio(one: Neuron, q: float, quick: bool, seed: tuple[int, ...]) -> tuple[float, float]:
    """m_0/m_2 over all batches in two dimensions, and its standard error to first order."""
    inputs, number = _QUICK if quick else _FULL
    names = ["relative.perpendicular", "relative.parallel"]
    batches = simulate_batches(NeuronBatch(one.numpy, q, ratio=inputs / 2), 2, number, (*seed, round(1000 * q)), names)
    across, along = (batches.values(name) for name in names)
    ratio = float(across.mean() / along.mean())
    scatter = across / across.mean() - along / along.mean()
    return ratio, ratio * float(scatter.std(ddof=1)) / len(scatter) ** 0.5
