"""Ladders of networks with one hidden layer whose output weights are trained, degree by degree."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from fimtheory.activations import named
from fimtheory.claims import Claim
from fimtheory.simulation.ladder import Ladder, build_ladder
from fimtheory.simulation.measurements import WORKERS
from fimtheory.simulation.mode_training import Component, LearningEnsemble, LearningPlan, simulate_learning
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_clusters import KernelMode
from fimtheory.theory.mode_learning import ModeLearning
from fimtheory.theory.mode_learning_claims import LearningProblem, leading_degrees

Progress = Callable[[int, int], None]

_DEGREES = 8
_MOMENTUM = 0.5
_TABLE = 4001


@dataclass(frozen=True)
class LearningSetting:
    """The networks whose output weights are trained, from N = ``ratio`` m inputs; the default resolves errors of 3 %.

    The target is the sum of one harmonic, of norm 1, in every degree whose eigenvalue is at least a thousandth of the
    largest. The rate is ``fraction`` of the critical one; ``initial_variance`` is that of a random start. What is of the
    order 1/m is measured on many narrow networks (``narrow``).
    """

    activation: str = "relu"
    dimension: int = 3
    ratio: float = 2.0
    fraction: float = 0.25
    momentum: float = 0.0
    initial_variance: float = 0.05
    weights: str = "gaussian"
    inputs: str = "gaussian"
    steps: tuple[int, ...] = (1, 4, 16, 64)
    widths: tuple[int, ...] = (120, 240, 480, 960)
    n_networks: tuple[int, ...] = (1500, 1000, 600, 300)
    narrow: tuple[int, ...] = (72, 112, 176, 272)
    n_narrow: tuple[int, ...] = (8000, 5000, 3000, 1800)
    narrow_resolution: float = 0.15
    seed: int = 1
    resolution: float = 0.03

    @classmethod
    def quick(cls) -> LearningSetting:
        """Smaller networks and fewer, and errors of 8 % resolved: seconds a claim."""
        return cls(
            widths=(128, 192, 320),
            n_networks=(240, 180, 120),
            narrow=(64, 128, 256),
            n_narrow=(1500, 800, 400),
            narrow_resolution=0.4,
            resolution=0.08,
        )

    def __str__(self) -> str:
        laws = "" if self.weights == self.inputs == "gaussian" else f"{self.weights} weights, {self.inputs} inputs, "
        momentum = f"momentum {self.momentum:g}, " if self.momentum else ""
        return (
            f"{self.activation}, d={self.dimension}, N/m={self.ratio:g}, {laws}eta={self.fraction:g} of the critical rate, "
            f"{momentum}m={', '.join(map(str, self.widths))}, seed {self.seed}"
        )

    @functools.cached_property
    def problem(self) -> LearningProblem:
        """What the theory is told: never a measured number."""
        modes = KernelModes(named(self.activation), self.dimension, _DEGREES, weights=self.weights, inputs=self.inputs)
        degrees = leading_degrees(modes)
        target = dict.fromkeys(degrees, 1.0)
        unit = ModeLearning(modes, target, momentum=self.momentum).stable_rate
        learning = ModeLearning(modes, target, self.fraction * unit, self.momentum, self.initial_variance)
        return LearningProblem(learning, degrees, self.steps, self.ratio)

    @functools.cached_property
    def plan(self) -> LearningPlan:
        """What is drawn and trained: functions of lengths, and rates."""
        problem, modes = self.problem, self.problem.learning.modes
        leading = [mode for k in problem.degrees for mode in modes.modes if (mode.degree, mode.index) == (k, 0)]
        quickly = functools.partial(_tabulated, modes)
        parts = tuple(Component(mode.degree, quickly(mode, of_weights=False), quickly(mode, True)) for mode in leading)
        return LearningPlan(
            phi=modes.activation.numpy,
            dimension=self.dimension,
            components=parts,
            rate=problem.learning.rate,
            critical_rate=problem.learning.stable_rate,
            ratio=self.ratio,
            momentum=self.momentum,
            initial_variance=self.initial_variance,
            weights_on_sphere=self.weights == "sphere",
            inputs_on_sphere=self.inputs == "sphere",
        )

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, LearningSetting]]:
        """(mark, arguments of ``predict``, setting) for each activation of a claim; for this one, where it names none."""
        for name in claim.activations or (self.activation,):
            one = replace(self, activation=name)
            if claim.subject == "momentum_learning" and not self.momentum:
                one = replace(one, momentum=_MOMENTUM)
            elif claim.subject == "narrow_learning":
                one = replace(one, widths=self.narrow, n_networks=self.n_narrow, resolution=self.narrow_resolution)
            yield f" [{name}]" if len(claim.activations) > 1 else "", (one.problem,), one

    def suited_to(self, observables: Iterable[str]) -> LearningSetting:
        """This setting: every observable is measured on the same networks."""
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[LearningEnsemble]:
        """The ladder on which the observables are measured."""
        names, plan = tuple(observables), self.plan

        def rung(width: int, number: int, report: Progress | None) -> LearningEnsemble:
            return simulate_learning(plan, width, number, (self.seed, width), names, report, WORKERS)

        return build_ladder(rung, self.widths, self.n_networks, progress)


def _tabulated(modes: KernelModes, mode: KernelMode, of_weights: bool) -> Callable[[np.ndarray], np.ndarray]:
    """A profile that is evaluated for every network: powers as they are, others from a table, with errors of 1e-6."""
    profile = modes.profile(mode) if of_weights else modes.input_profile(mode)
    if modes.terms is not None:
        return profile
    r, _ = (modes.weights if of_weights else modes.inputs).nodes()
    lengths = np.linspace(r[0], r[-1], _TABLE)
    values = profile(lengths)
    return lambda at: np.interp(at, lengths, values)


@dataclass(frozen=True)
class LearningCurves:
    """Learning curves of one width beside the theory, at ``steps``: shares by degree, and the loss.

    ``measured`` and ``deviations`` (over networks) have shape (degrees, steps); ``loss`` and ``loss_deviation`` (steps,).
    """

    problem: LearningProblem
    width: int
    steps: np.ndarray
    measured: np.ndarray
    deviations: np.ndarray
    loss: np.ndarray
    loss_deviation: np.ndarray

    def __repr__(self) -> str:
        return f"<LearningCurves of width {self.width}: degrees {self.problem.degrees}, {self.steps.size} steps>"


def learning_curves(
    setting: LearningSetting, width: int, n_networks: int, progress: Progress | None = None
) -> LearningCurves:
    """Mean and standard deviation over networks of one width, at the steps of the setting."""
    degrees, steps = setting.problem.degrees, setting.steps
    names = [[f"learning.progress[{k},{t}]" for t in steps] for k in degrees]
    losses = [f"learning.loss[{t}]" for t in steps]
    wanted = [*losses, *(name for row in names for name in row)]
    found = simulate_learning(setting.plan, width, n_networks, (setting.seed, width), wanted, progress, WORKERS)

    def deviation(name: str) -> float:
        return float(found.values(name).std(ddof=1))

    return LearningCurves(
        setting.problem,
        width,
        np.array(steps),
        np.array([[found.mean(name) for name in row] for row in names]),
        np.array([[deviation(name) for name in row] for row in names]),
        np.array([found.mean(name) for name in losses]),
        np.array([deviation(name) for name in losses]),
    )
