"""Neurons, layers and networks on which relative Fisher metrics are compared with mean products of scores."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import sympy as sp

from fimtheory.claims import Claim
from fimtheory.errors import InputError
from fimtheory.simulation.ladder import Ladder, ladder_of
from fimtheory.simulation.measurements import WORKERS, Seed, check_ensemble, generator
from fimtheory.simulation.score_products import ScoreEnsemble, ScoreModel, response, simulate_scores
from fimtheory.theory.relative_fisher import Neuron
from fimtheory.theory.score_claims import ScoreProblem, Subsystem

Progress = Callable[[int, int], None]
Array = np.ndarray

_DIMENSION, _HIDDEN, _OUTPUTS, _INPUTS = 3, 4, 3, 5  # D_x + 1, D_h, D_y, n
_MARGIN = 0.03  # of pre-activations from kinks: steps of the differences move none of them as far
_ATTEMPTS = 1000
_CURVE = 401  # points of a curve


@dataclass(frozen=True)
class ScoreSetting:
    """Problems with given weights and five inputs; the default resolves errors of 2 %.

    ``subsystem`` says what they are made of; ``draws`` are responses to every input in a run, and take the place of widths:
    what is measured does not depend on them. Weights, inputs and directions follow from ``seed``.
    """

    subsystem: str = "bernoulli:tanh"
    draws: tuple[int, ...] = (4000, 8000, 16000)
    n_runs: tuple[int, ...] = (40, 40, 40)
    seed: int = 1
    resolution: float = 0.02

    @classmethod
    def quick(cls) -> ScoreSetting:
        """Fewer draws, and errors of 5 % resolved: a fraction of a second a model."""
        return cls(draws=(1000, 2000, 4000), n_runs=(20, 20, 20), resolution=0.05)

    @functools.cached_property
    def problem(self) -> ScoreProblem:
        """The problem in the theory: the first of those drawn that keeps away from kinks."""
        return self._drawn[0]

    @functools.cached_property
    def model(self) -> ScoreModel:
        """The same in the simulation, which is told functions, and no derivative of one."""
        return self._drawn[1]

    @functools.cached_property
    def _drawn(self) -> tuple[ScoreProblem, ScoreModel]:
        check_ensemble(1, self.seed, 1)
        subsystem = Subsystem.of(self.subsystem)
        for attempt in range(_ATTEMPTS):
            problem = _problem(subsystem, generator(self.seed, attempt))
            model = model_of(subsystem, problem)
            if distance_from_kinks(problem, model) > _MARGIN:
                return problem, model
        raise InputError(f"no weights of {self.subsystem} keep away from its kinks: take another seed, or fewer kinks")

    def __str__(self) -> str:
        draws, runs = (", ".join(map(str, numbers)) for numbers in (self.draws, self.n_runs))
        return f"{self.subsystem}, {_INPUTS} inputs, {draws} draws to each ({runs} runs), seed {self.seed}"

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, ScoreSetting]]:
        """(mark, arguments of ``predict``, setting) for each problem that a claim speaks about."""
        for name in claim.activations or (self.subsystem,):
            one = replace(self, subsystem=name)
            yield f" [{name}]", (one.problem,), one

    def suited_to(self, observables: Iterable[str]) -> ScoreSetting:
        """This setting: every observable is measured on the same responses."""
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[ScoreEnsemble]:
        """The ladder on which the observables are measured."""
        return ladder_of(
            simulate_scores,
            lambda _: self.model,
            self.draws,
            self.n_runs,
            self.seed,
            observables,
            progress,
            workers=WORKERS,
        )


def model_of(subsystem: Subsystem, problem: ScoreProblem) -> ScoreModel:
    """A problem in the simulation: densities by name, activations as functions, and the numbers of the theory."""
    output, phi = problem.output, problem.activation
    values = subsystem.response_values
    parameters = {name: float(sp.Rational(value)) for name, value in values.items() if name != "outcomes"}
    law, f = "softmax", _identity
    if isinstance(output, Neuron):
        law, f = output.response.name, output.activation.numpy
        law = "signed_bernoulli" if law == "bernoulli" and output.response.outcomes.startswith("-1") else law
    return ScoreModel(
        response(law, subsystem.values.get("link", "mean"), **parameters),
        f,
        problem.weights,
        problem.inputs,
        problem.directions,
        np.tanh if phi is None else phi.numpy,
        (0,) if subsystem.kind == "two layers" else (),
    )


def distance_from_kinks(problem: ScoreProblem, model: ScoreModel) -> float:
    """Of the pre-activation that is nearest to one; infinite where there are none."""
    output, phi = problem.output, problem.activation
    last = output.activation.kinks if isinstance(output, Neuron) else ()
    *hidden, z = model.fields()
    pairs = [(z, last), *((t, phi.kinks if phi else ()) for t in hidden)]
    return min((float(np.abs(t - float(h)).min()) for t, kinks in pairs for h in kinks), default=np.inf)


@dataclass(frozen=True)
class NeuronCurve:
    """nu(t) of one neuron, by its formula at ``t`` (not a number at a kink) and by mean squared scores at a few points."""

    name: str
    t: Array
    nu: Array
    at: Array
    predicted: Array
    means: Array
    standard_errors: Array

    @property
    def z_scores(self) -> Array:
        """Measured less predicted, in standard errors; scores are differences, known to 1e-9, also where they are zero."""
        known = 1e-9 * np.maximum(np.abs(self.predicted), 1e-9)
        return (self.means - self.predicted) / np.maximum(self.standard_errors, known)


def neuron_curve(name: str, at: Array, draws: int, seed: Seed = 1) -> NeuronCurve:
    """Theory and Monte Carlo at every point ``at``, from ``draws`` responses; the curve reaches as far as the points.

    The score in t is that in the bias of a neuron with weights (1, 0).

    >>> curve = neuron_curve("bernoulli:tanh", np.array([-1.0, 0.0]), 100)
    >>> curve.predicted.round(6), curve.means.shape
    (array([0.419974, 1.      ]), (2,))
    """
    subsystem, e = Subsystem.of(name), np.eye(2)
    inputs, output = np.stack([at, np.ones_like(at)], axis=1), subsystem.output
    if not isinstance(output, Neuron) or subsystem.kind != "neuron":
        raise InputError(f"{name!r} is no single neuron: write for instance 'bernoulli:tanh'")
    model = model_of(subsystem, ScoreProblem(output, None, (e[:, :1],), inputs, e[1:]))
    squares = model.derivatives(model.draw(generator(seed), draws), 1)[0] ** 2
    kinks = [float(h) for h in output.activation.kinks]
    t = np.unique([*np.linspace(at.min(), at.max(), _CURVE), *kinks])
    nu = np.where(np.isin(t, kinks), np.nan, output.numpy(t))
    errors = squares.std(axis=0, ddof=1) / np.sqrt(draws)
    return NeuronCurve(name, t, nu, at, output.numpy(at), squares.mean(axis=0), errors)


def _identity(z: Array) -> Array:
    return z


def _problem(subsystem: Subsystem, rng: np.random.Generator) -> ScoreProblem:
    shapes = _shapes(subsystem)
    weights = tuple(rng.standard_normal(shape) * 1.5 / np.sqrt(shape[0]) for shape in shapes)
    inputs = np.hstack([rng.standard_normal((_INPUTS, _DIMENSION - 1)), np.ones((_INPUTS, 1))])
    varied = shapes[:1] if subsystem.kind == "two layers" else shapes
    return ScoreProblem(subsystem.output, subsystem.activation, weights, inputs, _directions(varied, rng))


def _shapes(subsystem: Subsystem) -> list[tuple[int, int]]:
    """Those of the weights: inputs have a one at their end, and networks have biases in all layers above, too.

    A network with a Bernoulli response has one output, as in the source.
    """
    binary = subsystem.kind == "network" and subsystem.response.startswith("bernoulli")
    outputs = 1 if subsystem.kind == "neuron" or binary else _OUTPUTS
    widths = [_DIMENSION, *(_HIDDEN for _ in subsystem.hidden), outputs]
    bias = 1 if subsystem.kind == "network" else 0
    return [(below + (bias if l else 0), here) for l, (below, here) in enumerate(pairwise(widths))]


def _directions(shapes: list[tuple[int, int]], rng: np.random.Generator) -> Array:
    """Unit vectors: anywhere; u in one unit and v in the next; u and -v; and in the first and the last of several layers.

    With the sum and the difference, the blocks of two units off the diagonal are known by themselves. One unit has three
    vectors anywhere.
    """
    (rows, units), size = shapes[0], sum(D * m for D, m in shapes)
    if units == 1:
        found = list(rng.standard_normal((3, size)))
    else:
        u, v, rest = rng.standard_normal(rows), rng.standard_normal(rows), np.zeros(size - 2 * rows)
        found = [rng.standard_normal(size), np.concatenate([u, v, rest]), np.concatenate([u, -v, rest])]
    if len(shapes) > 1:
        last = shapes[-1][0] * shapes[-1][1]
        both = rng.standard_normal(size)
        both[rows * units : size - last] = 0
        both[: rows * units] *= np.sqrt(last / (rows * units))
        found.append(both)
    return np.array([v / np.linalg.norm(v) for v in found])
