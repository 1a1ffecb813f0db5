"""Scores of stochastic responses, by differences of log densities; their mean squares are a Fisher metric.

A model is p(y | r) with parameters r = f(z) of the last pre-activations z of a network, and a few directions v_k in the
space of the weights that are varied; all other weights are given. Observables of one run, which draws as many responses to
each input as the width of a ladder says:

- ``score.length[k]``: the mean of (v_k . s)^2 over draws and inputs, s the score: the gradient of log p in the weights;
- ``score.curvature[k]``: the mean of minus the second derivative of log p along v_k.

Log densities and forward passes are typed here, and no derivative is: every one is a central difference of fourth order.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.hidden_units import evaluate
from fimtheory.simulation.measurements import Measurements, Progress, Seed, check_ensemble, collect, generator

Array = np.ndarray
Function = Callable[[Array], Array]
LogDensity = Callable[[Array, Array], Array]
Draw = Callable[[np.random.Generator, Array, tuple[int, ...]], Array]

_NAME = re.compile(r"score\.(length|curvature)\[([1-9]\d*)\]")
_STEP = 2.0**-10  # truncation is h^4/30 of a fifth derivative, rounding 1e-16/h: both near 1e-13
_FIRST = {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12}
_SECOND = {-2: -1 / 12, -1: 4 / 3, 0: -5 / 2, 1: 4 / 3, 2: -1 / 12}


@dataclass(frozen=True)
class Response:
    """p(y | r): ``log_density(y, r)``, less what depends on y alone, and ``draw(rng, r, shape)``.

    r has shape (n, m); log densities have shape (draws, n, m), independent components, or (draws, n, 1), one joint
    component. Parameters lie between the two ends of ``domain``, without them.
    """

    log_density: LogDensity
    draw: Draw
    domain: tuple[float, float] = (-math.inf, math.inf)


def response(name: str, link: str = "mean", **parameters: float) -> Response:
    """A family by name: the parameter r is the mean where nothing else is said; with ``link="natural"`` the natural one.

    ``bernoulli`` (y in {0, 1}), ``signed_bernoulli`` (y in {-1, 1}), ``binomial`` (n = ...; r the probability of one),
    ``gaussian`` (sigma = ...), ``poisson``, ``exponential``, ``gamma`` (shape = ...), ``geometric`` and
    ``negative_binomial`` (r = ...; both of y = 0, 1, ...), ``von_mises`` (kappa = ...; r the direction), ``softmax``
    (r the logits). Raises :class:`InputError`.

    >>> coin = response("bernoulli")
    >>> coin.log_density(np.array([0.0, 1.0]), np.array([0.5, 0.25])).round(6)
    array([-0.693147, -1.386294])
    """
    if name not in _FAMILIES:
        raise InputError(f"no response is called {name!r}: write one of {', '.join(_FAMILIES)}")
    if link != "mean" and (link != "natural" or name not in _OF_NATURAL):
        raise InputError(f"link = {link!r}: write mean, or natural for one of {', '.join(_OF_NATURAL)}")
    try:
        law = _FAMILIES[name](**parameters)
    except TypeError:
        given = ", ".join(parameters) or "no parameter"
        raise InputError(
            f"{name} was given {given}: its parameters are {', '.join(_parameters_of(name)) or 'none'}"
        ) from None
    return law if link == "mean" else _natural(law, *_OF_NATURAL[name])


def _parameters_of(name: str) -> tuple[str, ...]:
    return tuple(inspect.signature(_FAMILIES[name]).parameters)


def _natural(law: Response, mean: Function, domain: tuple[float, float]) -> Response:
    return Response(
        lambda y, r: law.log_density(y, mean(r)), lambda rng, r, shape: law.draw(rng, mean(r), shape), domain
    )


def _bernoulli() -> Response:
    return Response(
        lambda y, r: np.where(y > 0, np.log(r), np.log1p(-r)),
        lambda rng, r, shape: (rng.random(shape) < r).astype(float),
        (0, 1),
    )


def _signed_bernoulli() -> Response:
    return Response(
        lambda y, r: np.log1p(y * r),
        lambda rng, r, shape: np.where(rng.random(shape) < (1 + r) / 2, 1.0, -1.0),
        (-1, 1),
    )


def _binomial(n: float) -> Response:
    trials = int(_positive("n", n))
    if trials != n:
        raise InputError(f"n = {n} is no number of trials: write a whole number")
    return Response(
        lambda y, r: y * np.log(r) + (trials - y) * np.log1p(-r),
        lambda rng, r, shape: rng.binomial(trials, r, shape).astype(float),
        (0, 1),
    )


def _gaussian(sigma: float = 1) -> Response:
    scale = _positive("sigma", sigma)
    return Response(lambda y, r: -(((y - r) / scale) ** 2) / 2, lambda rng, r, shape: rng.normal(r, scale, shape))


def _poisson() -> Response:
    return Response(
        lambda y, r: y * np.log(r) - r, lambda rng, r, shape: rng.poisson(r, shape).astype(float), (0, math.inf)
    )


def _gamma(shape: float = 1) -> Response:
    k = _positive("shape", shape)
    return Response(
        lambda y, r: -k * (np.log(r) + y / r), lambda rng, r, shape: rng.gamma(k, r / k, shape), (0, math.inf)
    )


def _exponential() -> Response:
    return _gamma(1)


def _negative_binomial(r: float = 1) -> Response:
    failures = _positive("r", r)
    return Response(
        lambda y, r: y * np.log(r) - (y + failures) * np.log(failures + r),
        lambda rng, r, shape: rng.negative_binomial(failures, failures / (failures + r), shape).astype(float),
        (0, math.inf),
    )


def _geometric() -> Response:
    return _negative_binomial(1)


def _von_mises(kappa: float = 1) -> Response:
    concentration = _positive("kappa", kappa)
    return Response(
        lambda y, r: concentration * np.cos(y - r), lambda rng, r, shape: rng.vonmises(r, concentration, shape)
    )


def _softmax() -> Response:
    return Response(_log_softmax, _draw_class)


def _log_softmax(y: Array, r: Array) -> Array:
    shifted = r - r.max(axis=-1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return np.take_along_axis(logs[None], y, axis=-1)


def _draw_class(rng: np.random.Generator, r: Array, shape: tuple[int, ...]) -> Array:
    cumulated = np.exp(r - r.max(axis=-1, keepdims=True)).cumsum(axis=-1)
    reached = rng.random((*shape[:-1], 1)) * cumulated[:, -1:]
    return (reached >= cumulated[:, :-1]).sum(axis=-1, keepdims=True)


def _positive(name: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise InputError(f"{name} = {value} is no parameter of a response: write a positive number")
    return value


_FAMILIES: dict[str, Callable[..., Response]] = {
    "bernoulli": _bernoulli,
    "signed_bernoulli": _signed_bernoulli,
    "binomial": _binomial,
    "gaussian": _gaussian,
    "poisson": _poisson,
    "exponential": _exponential,
    "gamma": _gamma,
    "geometric": _geometric,
    "negative_binomial": _negative_binomial,
    "von_mises": _von_mises,
    "softmax": _softmax,
}
_LINE = (-math.inf, math.inf)
_OF_NATURAL: dict[str, tuple[Function, tuple[float, float]]] = {  # the parameter r from the natural one, and its range
    "bernoulli": (lambda t: 1 / (1 + np.exp(-t)), _LINE),
    "signed_bernoulli": (np.tanh, _LINE),
    "binomial": (lambda t: 1 / (1 + np.exp(-t)), _LINE),
    "poisson": (np.exp, _LINE),
    "exponential": (lambda t: -1 / t, (-math.inf, 0)),
    "geometric": (lambda t: 1 / np.expm1(-t), (-math.inf, 0)),
}


@dataclass(frozen=True, eq=False)
class ScoreModel:
    """A response whose parameters are f(W_L' phi(... phi(W_1' x))); the gradient is in some of the W_l.

    ``weights`` are W_1, ..., W_L, of shapes (D_0, D_1), ..., (D_{L-1}, D_L), each after the first with one row more where
    it has biases, and ``inputs`` are x, of shape (n, D_0). ``varied`` are the places in ``weights`` of the matrices whose
    gradient is taken, all of them where it is empty; their columns, stacked, are the vector of parameters. ``directions``
    has shape (K, P). Raises :class:`InputError`.
    """

    response: Response
    f: Function
    weights: tuple[Array, ...]
    inputs: Array
    directions: Array
    phi: Function = np.tanh
    varied: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        arrays = (self.inputs, *self.weights, self.directions)
        if not self.weights or any(a.ndim != 2 or not a.size or not np.isfinite(a).all() for a in arrays):
            raise InputError(
                "inputs, weights and directions must be matrices of finite numbers, with one weight or more"
            )
        shapes = [a.shape for a in arrays[:-1]]
        extra = [above[0] - below[1] for below, above in pairwise(shapes)]  # rows, of biases above the first layer
        if extra[0] != 0 or not set(extra) <= {0, 1}:
            raise InputError(
                f"inputs and weights of shapes {shapes} do not follow each other: write (n, D_0), (D_0, D_1), ..."
            )
        if any(not 0 <= l < len(self.weights) for l in self.varied):
            raise InputError(f"varied = {self.varied}: there are weights 0 to {len(self.weights) - 1}")
        if self.directions.shape[1] != self.size:
            raise InputError(f"directions have {self.directions.shape[1]} entries for {self.size} parameters")

    @functools.cached_property
    def layers(self) -> tuple[int, ...]:
        """The matrices that are varied."""
        return self.varied or tuple(range(len(self.weights)))

    @property
    def size(self) -> int:
        """P, the number of parameters."""
        return sum(self.weights[l].size for l in self.layers)

    def fields(self, change: Array | None = None) -> list[Array]:
        """The pre-activations of every layer, (n, D_l), with ``change`` (P,) added to the weights."""
        h, found = self.inputs, []
        for W in self._weights(change):
            if found:
                h = evaluate("phi", self.phi, found[-1])
            ones = np.ones((len(h), len(W) - h.shape[1]))  # of biases, if there are any
            found.append(np.hstack([h, ones]) @ W)
        return found

    def parameters(self, change: Array | None = None) -> Array:
        """r of every input, (n, m), with ``change`` added to the weights. Raises :class:`InputError`."""
        r = evaluate("f", self.f, self.fields(change)[-1])
        low, high = self.response.domain
        if not ((low < r) & (r < high)).all():
            wrong = r[~((low < r) & (r < high))][0]
            raise InputError(f"the parameter {wrong:.6g} of the response is not between {low:g} and {high:g}")
        return r

    def draw(self, rng: np.random.Generator, draws: int) -> Array:
        """Responses to every input, (draws, n, m) or (draws, n, 1)."""
        r = self.parameters()
        return self.response.draw(rng, r, (draws, *r.shape))

    def derivatives(self, y: Array, k: int) -> tuple[Array, Array]:
        """The first two derivatives of log p(y | x) along direction k = 1, ..., K, each (draws, n)."""
        v = self.directions[k - 1]
        logs = {i: self._log_density(y, i * _STEP * v) for i in _SECOND}
        first = sum(weight * logs[i] for i, weight in _FIRST.items()) / _STEP
        second = sum(weight * logs[i] for i, weight in _SECOND.items()) / _STEP**2
        return np.asarray(first), np.asarray(second)

    def _weights(self, change: Array | None) -> list[Array]:
        weights = list(self.weights)
        if change is not None:
            ends = np.cumsum([weights[l].size for l in self.layers])[:-1]
            for l, part in zip(self.layers, np.split(change, ends), strict=True):
                weights[l] = weights[l] + part.reshape(weights[l].shape[::-1]).T
        return weights

    def _log_density(self, y: Array, change: Array) -> Array:
        return self.response.log_density(y, self.parameters(change)).sum(axis=-1)


@dataclass(frozen=True)
class ScoreEnsemble(Measurements):
    """Observables of independent runs, each of ``draws`` responses to every input."""

    draws: int

    def __repr__(self) -> str:
        return (
            f"<ScoreEnsemble of {self.n_networks} runs of {self.draws} draws, seed {self.seed}:"
            f" {len(self.names)} observables>"
        )


def simulate_scores(
    model: ScoreModel,
    draws: int,
    n_runs: int,
    seed: Seed,
    observables: Iterable[str],
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> ScoreEnsemble:
    """Draw responses and measure. Run ``i`` depends on ``seed`` and ``i`` alone. Raises :class:`InputError`.

    >>> weights, inputs = (np.array([[0.5], [-0.25]]),), np.array([[1.0, 1.0], [-2.0, 1.0]])
    >>> model = ScoreModel(response("gaussian", sigma=0.5), lambda z: z, weights, inputs, np.array([[0.0, 1.0]]))
    >>> found = simulate_scores(model, 100, 4, 1, ["score.length[1]", "score.curvature[1]"])
    >>> found
    <ScoreEnsemble of 4 runs of 100 draws, seed 1: 2 observables>
    >>> round(found.mean("score.curvature[1]"), 6)
    4.0
    """
    check_ensemble(n_runs, seed, workers)
    if draws < 1:
        raise InputError(f"draws = {draws}: draw 1 response or more to every input")
    asked = {name: _question(name, len(model.directions)) for name in sorted(set(observables))}
    if not asked:
        raise InputError("nothing is to be measured: name observables, as score.length[1]")
    tasks = [(model, draws, seed, i, asked) for i in range(n_runs)]
    return ScoreEnsemble(seed, collect(_measure, tasks, workers, progress), draws)


def _question(name: str, directions: int) -> tuple[str, int]:
    match = _NAME.fullmatch(name)
    if match is None or int(match[2]) > directions:
        raise InputError(
            f"{name!r} is not measured: write score.length[k] or score.curvature[k] with k from 1 to {directions}"
        )
    return match[1], int(match[2])


def _measure(model: ScoreModel, draws: int, seed: Seed, index: int, asked: dict) -> dict[str, float]:
    y, found = model.draw(generator(seed, index), draws), {}
    for k in sorted({k for _, k in asked.values()}):
        first, second = model.derivatives(y, k)
        values = {"length": float((first**2).mean()), "curvature": float(-second.mean())}
        found |= {name: values[kind] for name, (kind, place) in asked.items() if place == k}
    return found
