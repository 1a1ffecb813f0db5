"""Ladders of random networks in training, described by a :class:`~fimtheory.theory.training_problem.TrainingProblem`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from fimtheory.activations import activation
from fimtheory.claims import Claim
from fimtheory.simulation import Architecture, Ladder, numpy_backend
from fimtheory.simulation.ladder import build_ladder
from fimtheory.simulation.measurements import WORKERS
from fimtheory.simulation.networks import draw_network
from fimtheory.simulation.training import one_hot_labels
from fimtheory.simulation.training_ensemble import TrainingEnsemble, TrainingPlan, simulate_training
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.training_problem import TrainingProblem
from fimtheory.verification.deep_networks import architecture_of

Progress = Callable[[int, int], None]

_GIVEN, _TANGENT = "given_inputs_training", "ntk_training"
_TEACHER_WIDTH = 200


@dataclass(frozen=True)
class TrainingSetting:
    """The networks that are trained; the default resolves errors of 3 % in every statistic.

    Random inputs are drawn anew for each network, and their labels are the classes in turn. Given inputs, of
    ``input_dimension`` numbers, are drawn once, and their labels are those of a teacher network.
    """

    activation: str = "tanh"
    depth: int = 3
    sigma_w2: str = "3"
    sigma_b2: str = "0.64"
    outputs: int = 2
    samples: int = 8
    times: tuple[int, ...] = (1, 4)
    fraction: float = 0.25
    widths: tuple[int, ...] = (64, 128, 256, 512)
    n_networks: tuple[int, ...] = (2400, 1600, 1200, 800)
    seed: int = 1
    parameterisation: str = "ordinary"
    input_dimension: int | None = None
    resolution: float = 0.03

    @classmethod
    def quick(cls) -> TrainingSetting:
        """Smaller networks and fewer, and errors of 5 % resolved: seconds a claim."""
        return cls(widths=(64, 128, 256), n_networks=(600, 400, 300), resolution=0.05)

    def __str__(self) -> str:
        inputs = (
            "random inputs" if self.input_dimension is None else f"given inputs of dimension {self.input_dimension}"
        )
        return (
            f"{self.activation}, L={self.depth}, sigma_w^2={self.sigma_w2}, sigma_b^2={self.sigma_b2}, C={self.outputs}, "
            f"N={self.samples}, {inputs}, {self.parameterisation} parameterisation, eta={self.fraction:g}*2/lambda_max, "
            f"M={', '.join(map(str, self.widths))}, seed {self.seed}"
        )

    @functools.cached_property
    def problem(self) -> TrainingProblem:
        """What the theory is told: never a measured number."""
        network = DeepNetwork(
            activation(self.activation), self.depth, self.sigma_w2, self.sigma_b2, self.outputs, self.samples
        )
        if self.input_dimension is None:
            targets, inputs = np.eye(self.outputs)[np.arange(self.samples) % self.outputs], None
        else:
            targets, inputs = _taught(network, self.input_dimension, self.seed)
        return TrainingProblem(network, targets, self.times, self.fraction, self.parameterisation, inputs)

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, TrainingSetting]]:
        """(mark, arguments of ``predict``, setting) for everything a claim speaks about: one problem."""
        one = self
        if claim.subject == _GIVEN and self.input_dimension is None:
            one = replace(self, input_dimension=self.samples)
        elif claim.subject == _TANGENT:
            one = replace(self, parameterisation="ntk")
        yield "", (one.problem,), one

    def suited_to(self, observables: Iterable[str]) -> TrainingSetting:
        """This setting: every observable is measured on the same networks."""
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[TrainingEnsemble]:
        """The ladder on which the observables are measured."""
        names, problem = tuple(observables), self.problem

        def rung(width: int, number: int, report: Progress | None) -> TrainingEnsemble:
            architecture = _architecture(problem.network, width, self.input_dimension)
            plan = TrainingPlan(
                problem.targets, problem.rate(width), problem.direction, self.parameterisation, problem.inputs
            )
            return simulate_training(
                architecture, plan, number, (self.seed, width), names, progress=report, workers=WORKERS
            )

        return build_ladder(rung, self.widths, self.n_networks, progress)


def _architecture(network: DeepNetwork, width: int, dimension: int | None) -> Architecture:
    """The networks of one width, with an input layer of their own where the inputs are given."""
    wide = architecture_of(network, width)
    return wide if dimension is None else replace(wide, widths=(dimension, *wide.widths[1:]))


def _taught(network: DeepNetwork, dimension: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """One-hot labels and inputs, the same at every width: a teacher of one width has given the labels."""
    backend = numpy_backend()
    generator = backend.make_generator(np.random.SeedSequence((seed, dimension)))
    inputs = backend.normal(generator, (network.samples, dimension))
    teacher = _architecture(network, _TEACHER_WIDTH, dimension)
    return one_hot_labels(teacher, draw_network(teacher, generator, backend), inputs, backend), inputs
