"""Ladders of two-layer networks of m = d^2 units, for the whole spectrum of their output-weight Fisher matrix."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import sympy as sp

from fimtheory.activations import activation
from fimtheory.claims import Claim
from fimtheory.simulation.ladder import Ladder, ladder_of
from fimtheory.simulation.measurements import WORKERS
from fimtheory.simulation.output_fisher import OutputNetwork
from fimtheory.simulation.output_spectra import OutputSpectra, simulate_spectra
from fimtheory.theory.quadratic_scaling import QuadraticScaling

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class QuadraticSetting:
    """Networks of d = 12 to 32 inputs and d^2 units; the default resolves errors of 0.2 %, far above terms in d^-3.

    ReLU is checked over all inputs and over N = ``samples`` m of them, other activations over N = ``samples`` m.
    """

    activation: str = "relu"
    ratio: str | None = None
    samples: str = "2"
    widths: tuple[int, ...] = (144, 256, 576, 1024)
    n_networks: tuple[int, ...] = (600, 400, 200, 80)
    seed: int = 1
    resolution: float = 0.002

    @classmethod
    def quick(cls) -> QuadraticSetting:
        """Smaller networks and fewer, and errors of 1 % resolved: seconds a claim."""
        return cls(widths=(36, 64, 144, 256), n_networks=(200, 150, 100, 60), resolution=0.01)

    @functools.cached_property
    def scaling(self) -> QuadraticScaling:
        """The networks in the theory."""
        return QuadraticScaling(activation(self.activation), None if self.ratio is None else sp.Rational(self.ratio))

    def network(self, width: int) -> OutputNetwork:
        """The same in the simulation, at one width."""
        d, ratio = self.scaling.dimension(width), self.scaling.ratio
        phi = self.scaling.activation.numpy
        return OutputNetwork(d, (), phi, None if ratio is None else float(ratio), weight_variance=1 / d)

    def __str__(self) -> str:
        inputs = "all inputs" if self.ratio is None else f"N = {self.ratio} m inputs"
        return f"{self.activation}, m = d^2, {inputs}, m = {', '.join(map(str, self.widths))}, seed {self.seed}"

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, QuadraticSetting]]:
        """(mark, arguments of ``predict``, setting): each activation on finitely many inputs, ReLU on all as well."""
        for name in claim.activations or (self.activation,):
            for ratio in (None, self.samples) if name == "relu" else (self.samples,):
                one = replace(self, activation=name, ratio=ratio)
                yield f" [{name}, {'all inputs' if ratio is None else f'N = {ratio} m'}]", (one.scaling,), one

    def suited_to(self, observables: Iterable[str]) -> QuadraticSetting:
        """This setting: every observable is measured on the same networks."""
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[OutputSpectra]:
        """The ladder on which the observables are measured."""
        return ladder_of(
            simulate_spectra,
            self.network,
            self.widths,
            self.n_networks,
            self.seed,
            observables,
            progress,
            workers=WORKERS,
        )
