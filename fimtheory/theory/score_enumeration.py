"""E[score score'] of small networks by sums over all outcomes of the responses: the definition, without J' S J.

Gradients of log densities are complex steps, which are exact to rounding, and a Gaussian observation is replaced by the
two values f - sigma and f + sigma, which have its first three moments. Networks are written out once more, in complex
numbers; nothing is shared with what is checked against them but the order of the parameters.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray
Shapes = Sequence[tuple[int, int]]
_STEP = 1e-30

_MEANS: dict[str, Callable[[Any], Any]] = {  # of Gaussian responses, at sigma = 1
    "gaussian:linear": lambda z: z,
    "gaussian:softplus": lambda z: np.log(1 + np.exp(z)),
}
_HIDDEN: dict[str, Callable[[Any], Any]] = {
    "tanh": np.tanh,
    "sigmoid": lambda t: 1 / (1 + np.exp(-t)),
    "softplus": lambda t: np.log(1 + np.exp(t)),
    "relu": lambda t: np.where(t.real > 0, t, 0),
    "leaky_relu alpha=1/4": lambda t: np.where(t.real > 0, t, t / 4),
    "elu alpha=1/4": lambda t: np.where(t.real > 0, t, (np.exp(np.where(t.real > 0, 0, t)) - 1) / 4),
}


def _outcomes(response: str, z: Any) -> list[Array]:
    """Observations of m outputs at each of n inputs, shape (n, m) each; one class for a softmax."""
    n, m = z.shape
    if response == "softmax":
        return [np.tile(row, (n, 1)) for row in np.eye(m)]
    low = 0 if response == "bernoulli:sigmoid" else -1
    signs = [np.tile(row, (n, 1)) for row in itertools.product((low, 1), repeat=m)]
    return [_MEANS[response](z.real) + y for y in signs] if response in _MEANS else signs


def _log_density(response: str, y: Any, z: Any) -> Any:
    """log p of every input, up to a constant for Gaussian responses."""
    match response:
        case "softmax":
            return (y * z).sum(axis=1) - np.log(np.exp(z).sum(axis=1))
        case "bernoulli:sigmoid":
            return (y * z - np.log(1 + np.exp(z))).sum(axis=1)
        case "bernoulli:tanh":
            return np.log((1 + y * np.tanh(z)) / 2).sum(axis=1)
    return -((y - _MEANS[response](z)) ** 2).sum(axis=1) / 2


def enumerated(response: str, outputs: Callable[[Any], Any], theta: Array) -> Array:
    """E[score score'], averaged over inputs, for outputs z(theta) of shape (n, m)."""
    z = outputs(theta.astype(complex))
    steps = [outputs(theta + 1j * _STEP * e) for e in np.eye(len(theta))]
    total = np.zeros((len(theta), len(theta)))
    outcomes = _outcomes(response, z)
    for y in outcomes:
        p = np.full(len(z), 1 / len(outcomes))
        if response not in _MEANS:
            p = np.exp(_log_density(response, y, z).real)
        scores = np.array([_log_density(response, y, moved).imag / _STEP for moved in steps])
        total += (scores * p) @ scores.T / len(z)
    return total


def stack(weights: Sequence[Array]) -> Array:
    """All parameters in their order: columns of the weight matrices one below the other, layer by layer."""
    return np.concatenate([W.T.ravel() for W in weights])


def network(phi: str, shapes: Shapes, X: Array) -> Callable[[Any], Any]:
    """The outputs as a function of all parameters, with a bias where a layer has a row more than the layer below."""

    def outputs(theta: Array) -> Array:
        h, start = X, 0
        for l, (D, m) in enumerate(shapes):
            W, start = theta[start : start + D * m].reshape(m, D), start + D * m
            h = _HIDDEN[phi](h) if l else h
            h = np.hstack([h, np.ones((len(h), D - h.shape[1]))]) @ W.T
        return h

    return outputs
