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
from fimtheory.simulation.measurements import WORKERS, generator
from fimtheory.simulation.score_products import ScoreEnsemble, ScoreModel, response, simulate_scores
from fimtheory.theory.relative_fisher import Neuron
from fimtheory.theory.score_claims import Part, ScoreProblem

Progress = Callable[[int, int], None]
Array = np.ndarray

_DIMENSION, _HIDDEN, _OUTPUTS, _INPUTS = 3, 4, 3, 5  # D_x + 1, D_h, D_y, n
_MARGIN = 0.03  # of pre-activations from kinks: steps of the differences move none of them as far
_ATTEMPTS = 1000


@dataclass(frozen=True)
class ScoreSetting:
    """Problems with given weights and five inputs; the default resolves errors of 2 %.

    ``part`` says what they are made of; ``draws`` are responses to every input in a run, and take the place of widths: what
    is measured does not depend on them. Weights, inputs and directions follow from ``seed``.
    """

    part: str = "bernoulli:tanh"
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
        part = Part.of(self.part)
        for attempt in range(_ATTEMPTS):
            problem = _problem(part, generator(self.seed, attempt))
            model = model_of(part, problem)
            if distance_from_kinks(problem, model) > _MARGIN:
                return problem, model
        raise InputError(f"no weights of {self.part} keep away from its kinks: take another seed, or fewer kinks")

    def __str__(self) -> str:
        draws, runs = (", ".join(map(str, numbers)) for numbers in (self.draws, self.n_runs))
        return f"{self.part}, {_INPUTS} inputs, {draws} draws to each ({runs} runs), seed {self.seed}"

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, ScoreSetting]]:
        """(mark, arguments of ``predict``, setting) for each problem that a claim speaks about."""
        for part in claim.activations or (self.part,):
            one = replace(self, part=part)
            yield f" [{part}]", (one.problem,), one

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


def model_of(part: Part, problem: ScoreProblem) -> ScoreModel:
    """A problem in the simulation: densities by name, activations as functions, and the numbers of the theory."""
    output, phi = problem.output, problem.activation
    parameters = {name: float(sp.Rational(value)) for name, value in part.response_values.items() if name != "outcomes"}
    law, f = "softmax", _identity
    if isinstance(output, Neuron):
        law, f = output.response.name, output.activation.numpy
        law = "signed_bernoulli" if law == "bernoulli" and output.response.outcomes.startswith("-1") else law
    return ScoreModel(
        response(law, part.values.get("link", "mean"), **parameters),
        f,
        problem.weights,
        problem.inputs,
        problem.directions,
        np.tanh if phi is None else phi.numpy,
        (0,) if part.kind == "two layers" else (),
    )


def distance_from_kinks(problem: ScoreProblem, model: ScoreModel) -> float:
    """Of the pre-activation that is nearest to one; infinite where there are none."""
    output, phi = problem.output, problem.activation
    last = output.activation.kinks if isinstance(output, Neuron) else ()
    *hidden, z = model.fields()
    pairs = [(z, last), *((t, phi.kinks if phi else ()) for t in hidden)]
    return min((float(np.abs(t - float(h)).min()) for t, kinks in pairs for h in kinks), default=np.inf)


def _identity(z: Array) -> Array:
    return z


def _problem(part: Part, rng: np.random.Generator) -> ScoreProblem:
    shapes = _shapes(part)
    weights = tuple(rng.standard_normal(shape) * 1.5 / np.sqrt(shape[0]) for shape in shapes)
    inputs = np.hstack([rng.standard_normal((_INPUTS, _DIMENSION - 1)), np.ones((_INPUTS, 1))])
    varied = shapes[:1] if part.kind == "two layers" else shapes
    return ScoreProblem(part.output, part.activation, weights, inputs, _directions(varied, rng))


def _shapes(part: Part) -> list[tuple[int, int]]:
    """Those of the weights: inputs have a one at their end, and networks have biases in all layers above, too.

    A network with a Bernoulli response has one output, as in the source.
    """
    binary = part.kind == "network" and part.response.startswith("bernoulli")
    outputs = 1 if part.kind == "neuron" or binary else _OUTPUTS
    widths = [_DIMENSION, *(_HIDDEN for _ in part.hidden), outputs]
    bias = 1 if part.kind == "network" else 0
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
