"""Ladders of random networks with one hidden layer, described by a :class:`~fimtheory.theory.single_layer.SingleLayer`."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import sympy as sp

from fimtheory.activations import Activation, named
from fimtheory.claims import Claim
from fimtheory.simulation import Ladder, SingleLayerEnsemble, simulate_single_layer_ladder
from fimtheory.simulation.control_variates import controlled
from fimtheory.simulation.measurements import WORKERS
from fimtheory.simulation.one_step import ONE_STEP, simulate_one_step_ladder
from fimtheory.simulation.single_layer import EXTREMES, layer_widths
from fimtheory.theory.single_layer import SQUARE, Aspect, SingleLayer

Progress = Callable[[int, int], None]

RECTANGLE = (sp.Rational(3, 2), sp.Rational(1, 2))  # the aspect on which claims about rectangular layers are checked
_COUNT = re.compile(r"single_layer\.count\[(.*)\]")


@dataclass(frozen=True)
class LayerSetting:
    """The layers on which a claim is checked; the default resolves errors of 3 % in every statistic.

    ``activation`` is an activation, or text such as ``"srelu alpha=0"``. Spectra of so many parameters come from
    stochastic Lanczos quadrature, of so many steps that the ends of windows do not show. Where eigenvalues outside a
    spectrum are counted, or extreme ones wanted, smaller layers are taken, and all their eigenvalues.
    """

    activation: Activation | str = "erf_alpha alpha=1"
    aspect: Aspect = SQUARE
    widths: tuple[int, ...] = (48, 64, 96, 128)
    n_networks: tuple[int, ...] = (100, 80, 60, 40)
    seed: int = 1
    steps: int = 200
    counted_widths: tuple[int, ...] = (12, 16, 24, 34)
    counted_networks: tuple[int, ...] = (600, 500, 400, 300)
    controls: bool = True  # control variates, which need 40 networks
    resolution: float = 0.03

    @classmethod
    def quick(cls) -> LayerSetting:
        """Smaller networks and fewer, and errors of 5 % resolved: seconds a claim."""
        return cls(
            widths=(36, 48, 64),
            n_networks=(60, 50, 40),
            steps=160,
            counted_widths=(12, 16, 24),
            counted_networks=(150, 120, 90),
            resolution=0.05,
        )

    @functools.cached_property
    def phi(self) -> Activation:
        """The activation, which need not have mean zero."""
        return self.activation if isinstance(self.activation, Activation) else named(self.activation)

    @functools.cached_property
    def layer(self) -> SingleLayer:
        """The layer of the theory."""
        return SingleLayer(self.phi, self.aspect)

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, LayerSetting]]:
        """(mark, arguments of ``predict``, setting) for each activation of a claim; for this one, where it names none."""
        base = (
            replace(self, aspect=RECTANGLE) if claim.subject == "rectangular_layer" and self.aspect == SQUARE else self
        )
        for name in claim.activations or (self.activation,):
            one = replace(base, activation=name)
            mark = f" [{name}]" if len(claim.activations) > 1 else ""
            yield mark, (one.phi if claim.subject == "activation" else one.layer,), one

    def __str__(self) -> str:
        shape = "" if self.aspect == SQUARE else f", aspect {self.aspect[0]}:1:{self.aspect[1]}"
        counts = ", ".join(map(str, self.n_networks))
        return f"widths n = {', '.join(map(str, self.widths))} ({counts} networks){shape}, seed {self.seed}"

    def suited_to(self, observables: Iterable[str]) -> LayerSetting:
        """This setting, on the smaller layers all of whose eigenvalues are computed where some are counted, or extreme."""
        if any(_COUNT.fullmatch(name) or name in EXTREMES for name in observables):
            return replace(self, widths=self.counted_widths, n_networks=self.counted_networks)
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[SingleLayerEnsemble]:
        """The ladder on which the observables are measured; only phi, phi' and its kinks are passed on.

        ``single_layer.count[lo,hi]`` is the number of eigenvalues in a window, divided by the width.
        """
        wanted = set(observables)
        phi = self.phi
        functions = phi.numpy, phi.numpy_derivative, tuple(float(h) for h in phi.kinks)
        if wanted == {ONE_STEP}:
            steps = simulate_one_step_ladder(
                *functions[:2], self.widths, self.n_networks, self.seed, progress=progress, workers=WORKERS
            )
            return Ladder({n: self._controlled(e) for n, e in steps.ensembles.items()})
        counts = {name: f"single_layer.mass[{m[1]}]" for name in wanted if (m := _COUNT.fullmatch(name))}
        measured = (wanted - set(counts)) | set(counts.values())
        ladder = simulate_single_layer_ladder(
            *functions,
            self.widths,
            self._aspect,
            self.n_networks,
            self.seed,
            observables=sorted(measured),
            steps=self.steps,
            progress=progress,
            workers=WORKERS,
        )
        return Ladder({n: self._controlled(self._counted(n, e, counts)) for n, e in ladder.ensembles.items()})

    def _controlled(self, ensemble: SingleLayerEnsemble) -> SingleLayerEnsemble:
        return controlled(ensemble) if self.controls else ensemble

    @property
    def _aspect(self) -> tuple[float, float]:
        return float(self.aspect[0]), float(self.aspect[1])

    def _counted(self, n: int, ensemble: SingleLayerEnsemble, counts: dict[str, str]) -> SingleLayerEnsemble:
        inputs, _, outputs = layer_widths(n, self._aspect)
        found = {name: ensemble.values(mass) * (inputs + outputs) for name, mass in counts.items()}
        return replace(ensemble, observables=ensemble.observables | found)
