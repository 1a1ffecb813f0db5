"""Random networks with one hidden layer whose output weights are trained by gradient descent on functions of chosen degree.

f(x) = sum_i v_i phi(w_i . x)/sqrt(m) is trained on N inputs with the loss (1/2N) sum_n (f(x_n) - f*(x_n))^2. The gradient
is J v - b with J = Phi' Phi/N, b = Phi' f*/N: one step after the other, nothing is diagonalised.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import combinations_with_replacement

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.control_variates import LEAST, without_controls
from fimtheory.simulation.measurements import Measurements, Progress, Seed, check_ensemble, collect, generator

_NAME = re.compile(r"learning\.(?:(progress)\[(\d+),(\d+)\]|(loss|in_order)\[(\d+)\]|(growth)\[(\d+(?:\.\d+)?)\])")
_GROWTH_STEPS = 2

Array = np.ndarray
Profile = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Component:
    """A part of the target: ``norm`` R'(|x|) Y(x/|x|), Y the harmonic of a degree, E R'^2 = E Y^2 = 1.

    ``weight_profile`` is the R of the function R(|w|) Y(w/|w|) of the weights that realises it; it is used for control
    variates alone.
    """

    degree: int
    input_profile: Profile
    weight_profile: Profile
    norm: float = 1.0


@dataclass(frozen=True, eq=False)
class LearningPlan:
    """What networks are drawn and what they are trained for.

    Weights are N(0, ``weight_variance`` I_d) and inputs N(0, I_d), or on spheres of the same mean square length;
    ``components`` are listed in the order in which they are expected to be learned, and ``critical_rate`` is the unit of
    the rates of ``learning.growth``.
    """

    phi: Callable[[Array], Array]
    dimension: int
    components: tuple[Component, ...]
    rate: float
    critical_rate: float
    ratio: float = 2.0
    momentum: float = 0.0
    initial_variance: float = 0.0
    weight_variance: float = 1.0
    weights_on_sphere: bool = False
    inputs_on_sphere: bool = False

    def samples(self, width: int) -> int:
        """N = ratio m, rounded."""
        return max(1, round(self.ratio * width))


@dataclass(frozen=True)
class LearningEnsemble(Measurements):
    """Measurements of independent networks of one width m in training: one number a network and observable.

    - ``learning.progress[k,t]``: (1/N) sum_n f_t(x_n) F(x_n)/c after t steps for the target c F of degree k;
    - ``learning.loss[t]``: the loss on the sum of all components, from the random start if there is one;
    - ``learning.in_order[t]``: 1 where components of the plan have progressed the further the earlier they are listed;
    - ``learning.growth[r]``: the factor a step, over two of them, by which what is missing of the first component changes
      along itself, in absolute value, at r times the critical rate.
    """

    width: int
    plan: LearningPlan = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"<LearningEnsemble of {self.n_networks} networks of {self.width} units, d = {self.plan.dimension}, "
            f"seed {self.seed}: {len(self.names)} observables>"
        )


def simulate_learning(
    plan: LearningPlan,
    width: int,
    n_networks: int,
    seed: Seed,
    observables: Collection[str],
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> LearningEnsemble:
    """Draw networks and inputs, train each, and measure.

    With many networks, what the overlaps of the components under the drawn weights and inputs explain is taken out:
    their means are known exactly. Seeds, ``progress`` and ``workers`` are those of :func:`fimtheory.simulation.simulate`.
    Raises :class:`InputError`.

    >>> line = Component(1, input_profile=lambda r: r, weight_profile=lambda r: r)
    >>> plan = LearningPlan(lambda u: u, 1, (line,), rate=0.5, critical_rate=2.0)
    >>> simulate_learning(plan, 10, 5, seed=1, observables=["learning.progress[1,3]", "learning.loss[0]"])
    <LearningEnsemble of 5 networks of 10 units, d = 1, seed 1: 2 observables>
    """
    check_ensemble(n_networks, seed, workers)
    if width < 1:
        raise InputError(f"width = {width}: write a whole number from 1 on")
    questions = {name: _question(name, plan) for name in sorted(set(observables))}
    if not questions:
        raise InputError("no observable is named: write for instance learning.progress[1,16]")
    tasks = [(plan, width, seed, index, questions) for index in range(n_networks)]
    measured = collect(_measure, tasks, workers, progress)
    controls = measured.pop("controls")
    if n_networks >= max(LEAST, 4 * controls.shape[1]):
        measured = {name: without_controls(values, controls) for name, values in measured.items()}
    return LearningEnsemble(seed, measured, width, plan)


def harmonic(degree: int, directions: Array) -> Array:
    """One harmonic of a degree at unit vectors of shape (n, d), of mean square 1: 1, or a multiple of Re (x_1 + i x_2)^k.

    >>> harmonic(2, np.eye(3)).round(12)  # x_1^2 - x_2^2 has the mean square 4/15 on the sphere
    array([ 1.93649167, -1.93649167,  0.        ])
    """
    d = directions.shape[1]
    if degree == 0:
        return np.ones(len(directions))
    if d == 1:
        return directions[:, 0] ** degree
    # x_1^2 + x_2^2 is a Beta(1, (d-2)/2) variable
    log_mean = math.lgamma(degree + 1) + math.lgamma(d / 2) - math.lgamma(d / 2 + degree)
    return np.real((directions[:, 0] + 1j * directions[:, 1]) ** degree) * math.sqrt(2) * math.exp(-log_mean / 2)


def descend(J: Array, b: Array, start: Array, rate: float, momentum: float, steps: Collection[int]) -> Iterator[Array]:
    """The output weights after each of the steps, in growing order; ``b`` and ``start`` have a column for each target.

    >>> [float(v[0, 0]) for v in descend(np.eye(1), np.ones((1, 1)), np.zeros((1, 1)), 0.5, 0.0, [0, 1, 2])]
    [0.0, 0.5, 0.75]
    """
    here, before = start, start
    for t in range(max(steps) + 1):
        if t in steps:
            yield here
        here, before = here - rate * (J @ here - b) + momentum * (here - before), here


@dataclass(frozen=True)
class _Question:
    kind: str
    step: int = 0
    component: int = 0
    factor: float = 0.0


def _question(name: str, plan: LearningPlan) -> _Question:
    match = _NAME.fullmatch(name)
    if not match:
        raise InputError(
            f"{name!r} is not measured: write learning.progress[1,16] for a degree and a step, learning.loss[16] or "
            "learning.in_order[16] for a step, or learning.growth[1.05]"
        )
    if match[6]:
        return _Question("growth", factor=float(match[7]))
    if match[4]:
        return _Question(match[4], int(match[5]))
    degree, step = int(match[2]), int(match[3])
    degrees = [component.degree for component in plan.components]
    if degree not in degrees:
        raise InputError(
            f"{name!r}: no component of the target has degree {degree}, but {', '.join(map(str, degrees))}"
        )
    return _Question(match[1], step, degrees.index(degree))


def _measure(
    plan: LearningPlan, width: int, seed: Seed, index: int, questions: Mapping[str, _Question]
) -> dict[str, float | Array]:
    """All observables of one network, and the controls of its draw."""
    rng = generator(seed, index)
    W = _draw(rng, width, plan.dimension, plan.weight_variance, plan.weights_on_sphere)
    x = _draw(rng, plan.samples(width), plan.dimension, 1.0, plan.inputs_on_sphere)
    random_start = math.sqrt(plan.initial_variance) * rng.standard_normal(width)
    features = plan.phi(x @ W.T) / math.sqrt(width)
    parts = _evaluated(plan, x, of_weights=False)
    run = _Run(plan, features, parts, random_start)
    trained = run.trained({question.step for question in questions.values() if question.kind != "growth"})
    found: dict[str, float | Array] = {
        "controls": np.concatenate([_overlaps(parts), _overlaps(_evaluated(plan, W, of_weights=True))])
    }
    return found | {name: run.answer(question, trained) for name, question in questions.items()}


def _draw(generator: np.random.Generator, count: int, d: int, variance: float, on_sphere: bool) -> Array:
    drawn = generator.standard_normal((count, d))
    if on_sphere:
        drawn *= math.sqrt(d) / np.linalg.norm(drawn, axis=1, keepdims=True)
    return math.sqrt(variance) * drawn


def _evaluated(plan: LearningPlan, points: Array, of_weights: bool) -> Array:
    """The components, of unit norm, at inputs or weights: shape (points, components)."""
    lengths = np.linalg.norm(points, axis=1)
    directions = points / lengths[:, None]
    columns = [
        (one.weight_profile if of_weights else one.input_profile)(lengths) * harmonic(one.degree, directions)
        for one in plan.components
    ]
    return np.array(columns).T


def _overlaps(values: Array) -> Array:
    """Mean products of all pairs of components, less their expectations, 1 and 0."""
    products = values.T @ values / len(values) - np.eye(values.shape[1])
    return np.array([products[i, j] for i, j in combinations_with_replacement(range(values.shape[1]), 2)])


class _Run:
    """Training of one network: a column for each component, started at 0, and one for the random start without a target.

    The loss is quadratic: descent on the sum of the components is the sum of the columns.
    """

    def __init__(self, plan: LearningPlan, features: Array, parts: Array, random_start: Array) -> None:
        self.plan, self.features, self.parts = plan, features, parts
        norms = np.array([one.norm for one in plan.components])
        self.targets = np.column_stack([parts * norms, np.zeros(len(parts))])
        self.norms = norms
        self.start = np.column_stack([np.zeros((features.shape[1], parts.shape[1])), random_start])
        self.J = features.T @ features / len(features)
        self.b = features.T @ self.targets / len(features)

    def trained(self, steps: Collection[int]) -> dict[int, Array]:
        """The outputs on all inputs, a column each, after each of the steps."""
        if not steps:
            return {}
        weights = descend(self.J, self.b, self.start, self.plan.rate, self.plan.momentum, steps)
        return {t: self.features @ v for t, v in zip(sorted(steps), weights, strict=True)}

    def answer(self, question: _Question, trained: Mapping[int, Array]) -> float:
        """The observable."""
        if question.kind == "growth":
            return self._growth(question.factor)
        outputs = trained[question.step]
        if question.kind == "loss":
            return float(((outputs - self.targets).sum(axis=1) ** 2).mean() / 2)
        shares = (outputs[:, :-1] * self.parts).mean(axis=0) / self.norms
        if question.kind == "in_order":
            return float(all(np.diff(shares) < 0))
        return float(shares[question.component])

    def _growth(self, factor: float) -> float:
        rate, first, target = factor * self.plan.critical_rate, np.s_[:, :1], self.targets[:, 0]
        (v,) = descend(self.J, self.b[first], self.start[first], rate, self.plan.momentum, [_GROWTH_STEPS])
        missing = (target - self.features @ v[:, 0]) @ target / (target @ target)
        return float(abs(missing) ** (1 / _GROWTH_STEPS))
