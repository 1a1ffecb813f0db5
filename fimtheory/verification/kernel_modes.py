"""Ladders of two-layer networks for the clusters of their output-weight Fisher matrix."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from fimtheory.activations import named
from fimtheory.claims import Claim
from fimtheory.errors import InputError
from fimtheory.simulation.ladder import Ladder, ladder_of
from fimtheory.simulation.measurements import WORKERS
from fimtheory.simulation.output_fisher import (
    OutputEnsemble,
    OutputNetwork,
    Question,
    simulate_output,
)
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_fluctuations import OutputFisher

Progress = Callable[[int, int], None]
_DEGREES = 16


@dataclass(frozen=True)
class ModesSetting:
    """The networks on which claims on kernel modes are checked; the default resolves errors of 10 % in corrections of
    order 1/m, and with them far smaller ones in limits.

    ``ratio`` N/m is None for an average over all inputs, which the simulation has for ReLU alone; other activations are
    checked on N = ``samples`` m inputs, ReLU on both. Widths start where the clusters of ``dimension`` no longer touch.
    Eigenvectors, and variances of second order, need the ``vector_widths``: below, terms beyond 1/M^2 are seen. Where
    variances from network to network are measured, ``variance_share`` times as many networks are drawn.
    """

    activation: str = "relu"
    dimension: int = 3
    weight_variance: str = "1"
    ratio: str | None = None
    samples: str = "2"
    widths: tuple[int, ...] = (100, 160, 250, 400, 1000)
    n_networks: tuple[int, ...] = (20_000, 10_000, 5000, 2000, 400)
    seed: int = 1
    resolution: float = 0.1
    vector_widths: tuple[int, ...] = (160, 240, 360, 540, 1000)
    vector_networks: tuple[int, ...] = (10_000, 6000, 3000, 1200, 200)
    variance_share: int = 8

    @classmethod
    def quick(cls) -> ModesSetting:
        """Fewer networks, of up to 400 units, and errors of 20 % in corrections resolved: half a minute a claim."""
        return cls(
            widths=(80, 120, 200, 400),
            n_networks=(4000, 3500, 2500, 1000),
            resolution=0.2,
            vector_widths=(120, 170, 240, 340),
            vector_networks=(2400, 2000, 1500, 1000),
        )

    @functools.cached_property
    def fisher(self) -> OutputFisher:
        """The matrix in the theory."""
        modes = KernelModes(named(self.activation), self.dimension, _DEGREES, sp.Rational(self.weight_variance))
        return OutputFisher(modes, None if self.ratio is None else sp.Rational(self.ratio))

    @functools.cached_property
    def network(self) -> OutputNetwork:
        """The same in the simulation."""
        return network_of(self.fisher, self.fisher.sizes[:4])

    def __str__(self) -> str:
        inputs = "all inputs" if self.ratio is None else f"N = {self.ratio} m inputs"
        widths = ", ".join(map(str, self.widths))
        return f"{self.activation}, d = {self.dimension}, {inputs}, m = {widths}, seed {self.seed}"

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, ModesSetting]]:
        """(mark, arguments of ``predict``, setting): each activation on finitely many inputs, ReLU on all as well."""
        for name in claim.activations or (self.activation,):
            name, _, all_inputs = name.partition(" all")
            for ratio in (None,) if all_inputs else (None, self.samples) if name == "relu" else (self.samples,):
                one = replace(self, activation=name, ratio=ratio)
                yield f" [{name}, {'all inputs' if ratio is None else f'N = {ratio} m'}]", (one.fisher,), one

    def suited_to(self, observables: Iterable[str]) -> ModesSetting:
        """This setting, with wider networks for eigenvectors, and more of them for variances from network to network."""
        asked = [Question.of(name) for name in observables]
        more = tuple(self.variance_share * n for n in self.n_networks)
        if any(question.kind == "share_scatter" for question in asked):
            return replace(self, widths=self.vector_widths, n_networks=more)
        if any(question.of_vectors for question in asked):
            return replace(self, widths=self.vector_widths, n_networks=self.vector_networks)
        if any(question.of_ensemble for question in asked):
            return replace(self, n_networks=more)
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[OutputEnsemble]:
        """The ladder on which the observables are measured."""
        return ladder_of(
            simulate_output,
            lambda _: self.network,
            self.widths,
            self.n_networks,
            self.seed,
            observables,
            progress,
            workers=WORKERS,
        )


def network_of(fisher: OutputFisher, sizes: tuple[int, ...]) -> OutputNetwork:
    """What to draw for a matrix of the theory; an average over all inputs of ReLU alone."""
    modes = fisher.modes
    if fisher.ratio is None and (modes.activation != named("relu") or modes.inputs.fixed):
        raise InputError(
            f"{modes.activation.name} cannot be averaged over all inputs in a simulation: give a number of samples"
        )
    return OutputNetwork(
        modes.dimension,
        sizes,
        modes.activation.numpy,
        None if fisher.ratio is None else float(fisher.ratio),
        float(modes.weight_variance),
        modes.weights.fixed,
        modes.inputs.fixed,
    )


def measure_clusters(
    fisher: OutputFisher,
    width: int,
    ranks: Sequence[int],
    n_networks: int,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Trace, second moment, and mean and spread of clusters in networks of one width, with standard errors."""
    sizes = fisher.sizes[: max(ranks, default=0)]
    names = [
        "modes.trace",
        "modes.second_moment",
        *(f"modes.{what}[{k}]" for k in ranks for what in ("cluster", "spread")),
    ]
    drawn = simulate_output(network_of(fisher, sizes), width, n_networks, seed, names, progress, WORKERS)

    def shown(name: str) -> dict[str, float | None]:
        error = drawn.standard_error(name) if n_networks > 1 else None
        return {"value": drawn.mean(name), "standard_error": error}

    clusters = []
    for k in ranks:
        spread = float(np.sqrt(drawn.mean(f"modes.spread[{k}]")))
        clusters.append({"mean": shown(f"modes.cluster[{k}]"), "spread": {"value": spread}})
    return {"trace": shown("modes.trace"), "second_moment": shown("modes.second_moment"), "clusters": clusters}
