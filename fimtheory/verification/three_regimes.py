"""Ladders of hidden layers for the claims on three regimes, and what the figure shows beside theory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import sympy as sp

from fimtheory.activations import Activation, named
from fimtheory.claims import Claim
from fimtheory.simulation.ladder import Ladder, ladder_of
from fimtheory.simulation.measurements import WORKERS
from fimtheory.simulation.three_regimes import (
    RegimeEnsemble,
    RegimeNetwork,
    layer_eigenvalues,
    overlap_outlier,
    simulate_regimes,
)
from fimtheory.theory.three_regimes import Bulk, ThreeRegimes

Progress = Callable[[int, int], None]
Array = np.ndarray


@dataclass(frozen=True)
class RegimeSetting:
    """The layers on which claims on three regimes are checked; the default resolves errors of 4 %.

    m/d is each of ``aspects``; ``samples`` inputs overlap. Dimensions m/aspect must be whole: what is rounded shows as
    scatter of order 1/m.
    """

    activation: Activation | str = "relu"
    aspects: tuple[str, ...] = ("1/2", "3/2")
    samples: int = 20
    widths: tuple[int, ...] = (300, 399, 540, 720, 960)
    n_networks: tuple[int, ...] = (200, 160, 120, 80, 50)
    seed: int = 1
    resolution: float = 0.04

    @classmethod
    def quick(cls) -> RegimeSetting:
        """Smaller layers and fewer, and errors of 8 % resolved: seconds a claim."""
        return cls(widths=(144, 192, 264, 360), n_networks=(120, 100, 80, 60), resolution=0.08)

    @functools.cached_property
    def regimes(self) -> ThreeRegimes:
        """The theory."""
        return ThreeRegimes(self.activation if isinstance(self.activation, Activation) else named(self.activation))

    @functools.cached_property
    def network(self) -> RegimeNetwork:
        """The same in the simulation, at the first of the aspects."""
        return network_of(self.regimes, float(sp.Rational(self.aspects[0])), self.samples)

    def __str__(self) -> str:
        widths, counts = ", ".join(map(str, self.widths)), ", ".join(map(str, self.n_networks))
        name, aspects = self.regimes.activation.name, ", ".join(self.aspects)
        return f"{name}, m/d = {aspects}, N = {self.samples}, m = {widths} ({counts} networks), seed {self.seed}"

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, RegimeSetting]]:
        """(mark, arguments of ``predict``, setting) for each activation of a claim and each aspect."""
        for name in claim.activations or (self.activation,):
            for aspect in self.aspects:
                one = replace(self, activation=name, aspects=(aspect,))
                yield f" [{name}, m/d = {aspect}]", (one.regimes, sp.Rational(aspect), self.samples), one

    def suited_to(self, observables: Iterable[str]) -> RegimeSetting:
        """This setting: every observable is measured on the same layers."""
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[RegimeEnsemble]:
        """The ladder on which the observables are measured, at the first of the aspects."""
        return ladder_of(
            simulate_regimes,
            lambda _: self.network,
            self.widths,
            self.n_networks,
            self.seed,
            observables,
            progress,
            workers=WORKERS,
        )


def network_of(regimes: ThreeRegimes, aspect: float, samples: int) -> RegimeNetwork:
    """The layer of the theory in the simulation: phi and its kinks alone are passed on."""
    phi = regimes.activation
    return RegimeNetwork(phi.numpy, tuple(float(h) for h in phi.kinks), aspect, samples)


@dataclass(frozen=True)
class Groups:
    """Steps of equal eigenvalues of J, (degree, eigenvalue, multiplicity) from the largest, and those of one layer."""

    dimension: int
    width: int
    steps: tuple[tuple[int, float, int], ...]
    measured: Array

    def means(self) -> list[float]:
        """The mean of the measured eigenvalues that belong to each step, counted from the largest."""
        ends = np.cumsum([0, *(count for _, _, count in self.steps)])
        return [float(self.measured[a:b].mean()) for a, b in pairwise(ends)]


@dataclass(frozen=True)
class BulkHistogram:
    """The law of m J and a histogram of all eigenvalues of several layers but the largest, which ``top`` averages."""

    dimension: int
    width: int
    networks: int
    law: Bulk
    spike: float | None
    edges: Array
    heights: Array
    top: float


@dataclass(frozen=True)
class Overlaps:
    """What every degree adds to the largest eigenvalue over N inputs, against their overlap, and measured ones over m."""

    width: int
    samples: int
    networks: int
    overlaps: Array
    parts: Array  # degrees 0, 1, ... and the rest; shape (degrees + 2, overlaps)
    measured_at: Array
    means: Array
    standard_errors: Array


@dataclass(frozen=True)
class Picture:
    """Three regimes of one activation, theory beside simulation."""

    regimes: ThreeRegimes
    groups: Groups
    bulk: BulkHistogram
    overlaps: Overlaps
    seed: int


# d, m; aspect, m, layers; inputs, m, layers
_FULL = ((4, 2000), (0.5, 500, 16), (20, 2000, 40))
_QUICK = ((4, 400), (0.5, 160, 8), (20, 300, 12))
_RANKS = 150  # of eigengroups


def picture(regimes: ThreeRegimes, quick: bool = False, progress: Progress | None = None, seed: int = 1) -> Picture:
    """Simulate what the figure shows; less of it with ``quick``."""
    (d, m), (aspect, width, layers), (samples, wide, repeats) = _QUICK if quick else _FULL
    report = progress or (lambda done, total: None)
    groups = _groups(regimes, d, m, seed)
    report(1, 3)
    bulk = _bulk(regimes, aspect, width, layers, seed)
    report(2, 3)
    overlaps = _overlaps(regimes, samples, wide, repeats, seed)
    report(3, 3)
    return Picture(regimes, groups, bulk, overlaps, seed)


def _groups(regimes: ThreeRegimes, d: int, m: int, seed: int) -> Groups:
    steps, ranks = [], 0
    for cluster in regimes.groups(d, 12).clusters:
        if ranks + cluster.multiplicity > min(_RANKS, m):
            break
        steps.append((cluster.degrees[0], cluster.value, cluster.multiplicity))
        ranks += cluster.multiplicity
    measured = layer_eigenvalues(network_of(regimes, 1.0, 1), m, d, (seed, 0)) / m
    return Groups(d, m, tuple(steps), measured)


def _bulk(regimes: ThreeRegimes, aspect: float, m: int, layers: int, seed: int) -> BulkHistogram:
    network, law, spike = network_of(regimes, aspect, 1), regimes.bulk(aspect), regimes.spike(aspect)
    d = network.dimension(m)
    found = np.array([layer_eigenvalues(network, m, d, (seed, 1), i) for i in range(layers)])
    inside = found[:, 0 if regimes.is_centred else 1 :]
    end = 1.12 * max(law.edges[1], spike or 0.0, float(np.quantile(inside, 0.999)))
    heights, edges = np.histogram(inside, bins=70, range=(0, end))
    return BulkHistogram(
        d, m, layers, law, spike, edges, heights / (inside.size * np.diff(edges)), float(found[:, 0].mean())
    )


def _overlaps(regimes: ThreeRegimes, samples: int, m: int, repeats: int, seed: int) -> Overlaps:
    network, at, curve = network_of(regimes, 1.0, samples), np.linspace(0, 1, 11), np.linspace(0, 1, 41)
    found = np.array([[overlap_outlier(network, m, c, (seed, 2), i) / m for c in at] for i in range(repeats)])
    errors = found.std(axis=0, ddof=1) / np.sqrt(repeats)
    return Overlaps(m, samples, repeats, curve, regimes.powers(curve, samples), at, found.mean(axis=0), errors)
