"""Ensembles and ladders of networks with one hidden layer: their expected Fisher information, measured.

Weights are random, inputs are averaged over exactly (:class:`ExpectedFisher`), so that nothing but the finite width
stands between a measurement and the limit of infinite width.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.expected_fisher import ExpectedFisher, exact_moments
from fimtheory.simulation.hidden_units import Function
from fimtheory.simulation.ladder import Ladder, build_ladder
from fimtheory.simulation.lanczos import Spectrum, extreme_eigenvalues, stochastic_lanczos
from fimtheory.simulation.measurements import Measurements, Progress, Seed, check_ensemble, collect

MOMENTS = tuple(f"single_layer.moment[{k}]" for k in (1, 2, 3, 4))
CONDITIONING = "single_layer.conditioning"
EXTREMES = ("single_layer.lambda_min", "single_layer.lambda_max")
SINGLE_LAYER_OBSERVABLES = (*MOMENTS, CONDITIONING, *EXTREMES)

_DENSE_SIZE = 2500  # up to so many parameters, all eigenvalues are computed
_MASS = re.compile(r"single_layer\.mass\[([^,\[\]]+),([^,\[\]]+)\]")


@dataclass(frozen=True)
class SingleLayerEnsemble(Measurements):
    """Measurements of independent networks Y = W2 f(W1 X) of the widths ``(n0, n1, n2)``.

    Observables, of the H = E_X J'J of each network with its n1 (n0 + n2) eigenvalues: ``single_layer.moment[k]`` =
    tr H^k / size for k = 1..4, ``single_layer.conditioning`` = m_2/m_1^2, ``single_layer.lambda_min``,
    ``single_layer.lambda_max``, and ``single_layer.mass[lo,hi]``, the fraction of eigenvalues in a window.
    """

    widths: tuple[int, int, int]

    def __repr__(self) -> str:
        return (
            f"<SingleLayerEnsemble of {self.n_networks} networks, widths {self.widths}, seed {self.seed}: "
            f"{len(self.names)} observables>"
        )


def mass_name(lo: float, hi: float) -> str:
    """The observable that is the fraction of eigenvalues in ``[lo, hi]``.

    >>> mass_name(0, 0.25)
    'single_layer.mass[0.0,0.25]'
    """
    return f"single_layer.mass[{float(lo)!r},{float(hi)!r}]"


def simulate_single_layer(
    f: Function,
    df: Function,
    kinks: Sequence[float],
    n: int,
    aspect: tuple[float, float],
    n_networks: int,
    seed: Seed,
    windows: Iterable[tuple[float, float]] = (),
    observables: Collection[str] = SINGLE_LAYER_OBSERVABLES,
    probes: int = 4,
    steps: int = 80,
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> SingleLayerEnsemble:
    """Draw networks with W1_ab ~ N(0, 1/n0), W2_ca ~ N(0, 1/n1) and measure the observables and masses asked for.

    The hidden layer has ``n`` units, ``aspect = (g0, g1)`` makes ``n0 = g0 n`` inputs and ``n2 = g1 n`` outputs,
    rounded. ``f``, ``df``, ``kinks`` are those of :func:`fimtheory.simulation.hidden_units.pair_moments`. The first two
    moments and the conditioning are exact and cost O(n^2) memory, seconds at n = 2000: ask for no more where they are
    enough. The others come from all eigenvalues up to 2500 parameters, from ``probes`` runs of ``steps`` products of
    :func:`stochastic_lanczos` beyond, and the two ends from :func:`extreme_eigenvalues`.

    Network ``i`` depends on ``seed`` and ``i`` alone. ``progress``, ``workers`` and interrupts are as in
    :func:`fimtheory.simulation.simulate`. Raises :class:`InputError`.

    >>> simulate_single_layer(np.tanh, lambda h: 1 - np.tanh(h) ** 2, (), 4, (1.0, 1.0), 3, seed=1, windows=[(0, 1)])
    <SingleLayerEnsemble of 3 networks, widths (4, 4, 4), seed 1: 8 observables>
    """
    widths = layer_widths(n, aspect)
    check_ensemble(n_networks, seed, workers)
    names = _checked_names(observables, windows)
    tasks = [(f, df, kinks, widths, seed, index, names, probes, steps) for index in range(n_networks)]
    return SingleLayerEnsemble(seed, collect(measure_network, tasks, workers, progress), widths)


def simulate_single_layer_ladder(
    f: Function,
    df: Function,
    kinks: Sequence[float],
    widths: Sequence[int],
    aspect: tuple[float, float],
    n_networks: int | Sequence[int],
    seed: int,
    windows: Iterable[tuple[float, float]] = (),
    observables: Collection[str] = SINGLE_LAYER_OBSERVABLES,
    probes: int = 4,
    steps: int = 80,
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> Ladder[SingleLayerEnsemble]:
    """:func:`simulate_single_layer` at several widths ``n`` of the hidden layer, each with its own random numbers.

    ``n_networks`` is one number for all widths, or one for each. A width's numbers depend on ``seed`` and the width
    alone. Raises :class:`InputError`.

    >>> names = ["single_layer.conditioning"]
    >>> simulate_single_layer_ladder(lambda h: h, np.ones_like, (), [4, 8], (1.0, 1.0), [6, 3], 1, observables=names)
    <Ladder of widths (networks) 4 (6), 8 (3): 1 observables>
    """
    windows = tuple(windows)

    def rung(n: int, number: int, report: Progress | None) -> SingleLayerEnsemble:
        return simulate_single_layer(
            f, df, kinks, n, aspect, number, (seed, n), windows, observables, probes, steps, report, workers
        )

    return build_ladder(rung, widths, n_networks, progress)


def single_layer_spectrum(
    f: Function,
    df: Function,
    kinks: Sequence[float],
    n: int,
    aspect: tuple[float, float],
    seed: Seed,
    index: int = 0,
    probes: int = 4,
    steps: int = 80,
) -> Spectrum:
    """The spectrum of the ``index``-th network of :func:`simulate_single_layer`, for figures.

    Up to 2500 parameters its ``nodes[0]`` are the eigenvalues; beyond, nodes and weights of Lanczos quadrature.
    """
    fisher = draw_fisher(f, df, kinks, layer_widths(n, aspect), seed, index)
    return _Network(fisher, np.random.SeedSequence(seed, spawn_key=(index,)), probes, steps).spectrum


def draw_fisher(
    f: Function, df: Function, kinks: Sequence[float], widths: tuple[int, int, int], seed: Seed, index: int
) -> ExpectedFisher:
    """H of the ``index``-th random network of a seed."""
    return ExpectedFisher.from_weights(*draw_weights(widths, seed, index), f, df, kinks)


def draw_weights(widths: tuple[int, int, int], seed: Seed, index: int) -> tuple[np.ndarray, np.ndarray]:
    """``W1 ~ N(0, 1/n0)`` of shape ``(n1, n0)``, then ``W2 ~ N(0, 1/n1)`` of shape ``(n2, n1)``."""
    n0, n1, n2 = widths
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(index,))))
    return generator.standard_normal((n1, n0)) / n0**0.5, generator.standard_normal((n2, n1)) / n1**0.5


def layer_widths(n: int, aspect: tuple[float, float]) -> tuple[int, int, int]:
    """``(n0, n1, n2)`` of ``n`` hidden units: ``n0 = g0 n`` and ``n2 = g1 n`` for ``aspect = (g0, g1)``, rounded.

    >>> layer_widths(8, (0.5, 2.0))
    (4, 8, 16)
    """
    sizes = [float(ratio) * n for ratio in aspect]
    if n < 1 or len(sizes) != 2 or not all(0.5 < size < np.inf for size in sizes):
        raise InputError(
            f"n = {n} with aspect = {aspect} leaves a layer empty: write n >= 1 and (n0/n, n2/n), both positive"
        )
    return round(sizes[0]), n, round(sizes[1])


def measure_network(
    f: Function,
    df: Function,
    kinks: Sequence[float],
    widths: tuple[int, int, int],
    seed: Seed,
    index: int,
    names: Sequence[str],
    probes: int,
    steps: int,
) -> dict[str, float]:
    """Draw one network, and measure the observables named."""
    fisher = draw_fisher(f, df, kinks, widths, seed, index)
    network = _Network(fisher, np.random.SeedSequence(seed, spawn_key=(index,)), probes, steps)
    return {name: float(network.read(name)) for name in names}


@dataclass(frozen=True)
class _Network:
    """One network; what several observables share is computed at most once, and only if one of them is read."""

    fisher: ExpectedFisher
    sequence: np.random.SeedSequence
    probes: int
    steps: int

    @property
    def dense(self) -> bool:
        return self.fisher.shape[0] <= _DENSE_SIZE

    @cached_property
    def moments(self) -> tuple[float, float]:
        return exact_moments(self.fisher)

    @cached_property
    def spectrum(self) -> Spectrum:
        if self.dense:
            return Spectrum.from_eigenvalues(np.linalg.eigvalsh(self.fisher.dense()))
        size = self.fisher.shape[0]
        spectrum = stochastic_lanczos(self.fisher.matvec, size, self.probes, self.steps, self.sequence)
        return spectrum.calibrated(*self.moments)

    @cached_property
    def extremes(self) -> tuple[float, float]:
        if self.dense:
            return self.spectrum.nodes[0, 0], self.spectrum.nodes[0, -1]
        low, high = extreme_eigenvalues(self.fisher.linear_operator())
        return low[0], high[0]

    def read(self, name: str) -> float:
        if name == CONDITIONING:
            first, second = self.moments
            if first == 0:
                raise InputError("f vanishes, and so does H: its conditioning is 0/0; give another f")
            return second / first**2
        if name in EXTREMES:
            return self.extremes[EXTREMES.index(name)]
        if name in MOMENTS:
            order = MOMENTS.index(name) + 1
            return self.moments[order - 1] if order <= 2 else self.spectrum.moment(order)[0]
        return self.spectrum.mass(*_window(name))[0]


def _window(name: str) -> tuple[float, float]:
    """The window of the name of a mass."""
    found = _MASS.fullmatch(name)
    try:
        lo, hi = (float(end) for end in found.groups()) if found else (1.0, 0.0)
    except ValueError:
        lo, hi = 1.0, 0.0
    if not lo <= hi:
        raise InputError(
            f"{name!r} is not measured: name some of {', '.join(SINGLE_LAYER_OBSERVABLES)}, or {mass_name(0, 0.5)}"
        )
    return lo, hi


def _checked_names(observables: Collection[str], windows: Iterable[tuple[float, float]]) -> tuple[str, ...]:
    if isinstance(observables, str):
        raise InputError(f"observables = {observables!r}: give a collection of names")
    names = tuple(dict.fromkeys([*observables, *(mass_name(*window) for window in windows)]))
    if not names:
        raise InputError(f"nothing is to be measured: name some of {', '.join(SINGLE_LAYER_OBSERVABLES)}")
    for name in names:
        if name not in SINGLE_LAYER_OBSERVABLES:
            _window(name)
    return names
