"""Ladders of two-layer networks whose functions are compared with their limits, and slices through both."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fimtheory.activations import named
from fimtheory.claims import Claim
from fimtheory.errors import InputError
from fimtheory.simulation.function_forms import FunctionEnsemble, FunctionNetwork, sampled_functions, simulate_functions
from fimtheory.simulation.ladder import Ladder, ladder_of
from fimtheory.simulation.measurements import WORKERS
from fimtheory.theory.function_groups import FunctionLayer

Progress = Callable[[int, int], None]
_RATIOS = ("functions.pythagoras", "functions.quotient")


@dataclass(frozen=True)
class FunctionsSetting:
    """The networks on which claims on function forms are checked.

    Values, variances and inner products are means of independent terms, exact at every width: the number of networks
    alone limits what is known of them. Cosines and quotients tend to their limits and are measured at ``ratio_widths``.
    Inner products are taken over all inputs for ReLU, over ``samples`` fresh ones a network otherwise.
    """

    activation: str = "relu"
    dimension: int = 3
    samples: int = 200
    widths: tuple[int, ...] = (100, 200, 400, 800)
    n_networks: tuple[int, ...] = (20_000, 10_000, 5000, 2500)
    ratio_widths: tuple[int, ...] = (200, 400, 800, 1600)
    ratio_networks: tuple[int, ...] = (4000, 2000, 1000, 400)
    seed: int = 1
    resolution: float = 0.05

    @classmethod
    def quick(cls) -> FunctionsSetting:
        """Fewer networks of up to 400 units, and errors of 10 % resolved: seconds a claim."""
        return cls(
            widths=(100, 200, 400),
            n_networks=(6000, 3000, 1500),
            ratio_widths=(200, 400, 800),
            ratio_networks=(800, 400, 200),
            resolution=0.1,
        )

    @functools.cached_property
    def layer(self) -> FunctionLayer:
        """The layer in the theory."""
        return FunctionLayer(named(self.activation), self.dimension)

    @functools.cached_property
    def network(self) -> FunctionNetwork:
        """The same in the simulation."""
        samples = None if self.activation == "relu" else self.samples
        return FunctionNetwork(self.layer.activation.numpy, self.layer.points, samples)

    def __str__(self) -> str:
        return f"{self.activation}, d = {self.dimension}, m = {', '.join(map(str, self.widths))}, seed {self.seed}"

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, FunctionsSetting]]:
        """(mark, arguments of ``predict``, setting) for each activation that the claim names."""
        for name in claim.activations or (self.activation,):
            one = replace(self, activation=name)
            yield f" [{name}]", (one.layer,), one

    def suited_to(self, observables: Iterable[str]) -> FunctionsSetting:
        """Wider networks for what is a ratio, and holds in the limit alone; fewer for what needs all of J."""
        names = tuple(observables)
        if any(name.startswith(_RATIOS) for name in names):
            return replace(self, widths=self.ratio_widths, n_networks=self.ratio_networks)
        if any(name.startswith("functions.inner") for name in names):
            return replace(self, n_networks=self.ratio_networks)
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[FunctionEnsemble]:
        """The ladder on which the observables are measured."""
        return ladder_of(
            simulate_functions,
            lambda _: self.network,
            self.widths,
            self.n_networks,
            self.seed,
            observables,
            progress,
            workers=WORKERS,
        )


@dataclass(frozen=True)
class Slices:
    """Functions over the plane of the first two coordinates: ``theory`` and one ``sampled`` network, (groups, n, n)."""

    names: tuple[str, ...]
    axis: np.ndarray
    width: int
    theory: np.ndarray
    sampled: np.ndarray


def slice_data(
    activation: str,
    dimension: int,
    names: Sequence[str],
    width: int,
    points: int = 81,
    reach: float = 2.0,
    seed: int = 1,
) -> Slices:
    """The functions of groups on a square of the plane (x_1, x_2, 0, ...), beside those of one network of ``width`` units.

    >>> slices = slice_data("relu", 3, ("norm", "product"), 50, points=5)
    >>> slices.theory.shape, float(slices.theory[0, 2, 4])
    ((2, 5, 5), 1.5)
    """
    if dimension < 2:
        raise InputError(f"dimension = {dimension} has no plane: take 2 or more")
    axis = np.linspace(-reach, reach, points)
    x = np.zeros((points, points, dimension))
    x[..., 0], x[..., 1] = np.meshgrid(axis, axis)
    layer = FunctionLayer(named(activation), dimension)
    theory = np.stack([layer.form(name)(x) for name in names])
    network = FunctionNetwork(layer.activation.numpy, layer.points)
    sampled = sampled_functions(network, width, seed, names, x.reshape(-1, dimension))
    return Slices(tuple(names), axis, width, theory, sampled.reshape(theory.shape))
