r"""Infinite-width kernels of a deep network on given inputs: layer by layer, forward and backward.

For inputs x(n), n = 1..N, of dimension M_0, and matrices over pairs of samples,

    Qhat^0 = X X'/M_0,  Q^l = sigma_w^2 Qhat^{l-1} + sigma_b^2,  Qhat^l_nm = E phi(U) phi(V),  (U, V) ~ N(0, Q^l_{nm})
    Qtilde^L = 1,  Qtilde^{l-1} = sigma_w^2 Qtilde^l o E phi'(U) phi'(V)

so that the kernel of gradient descent is Theta = sum_l Qtilde^l o (sigma_w^2 Qhat^{l-1} + sigma_b^2) in the NTK
parameterisation and sum_l Qtilde^l o (M_{l-1} Qhat^{l-1} + 1) = N F* in the ordinary one, once for each output. The
order parameters are the case of two numbers a matrix: one on the diagonal, one off it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from fimtheory.activations import Activation
from fimtheory.emission import emit
from fimtheory.errors import DivergentExpectation, InputError
from fimtheory.gaussian import expectation as gaussian
from fimtheory.gaussian.field import CORRELATION
from fimtheory.gaussian.integrals import PairExpectation
from fimtheory.theory.deep_network import DeepNetwork

PARAMETERISATIONS = ("ordinary", "ntk")

_FIRST, _SECOND = sp.symbols("q_1 q_2", positive=True)
_REACH = 8.5  # standard deviations
_STEPS = (1 / 4, 1 / 8, 1 / 16, 1 / 32)  # of the lattice, finer and finer
_SETTLED = 1e-13
_CHUNK = 2_000_000  # evaluations at once
_LARGEST_VARIANCE = 1e12


@dataclass(frozen=True, eq=False)
class LayerKernels:
    """``forward[l]`` is Qhat^l, l = 0..L-1, and ``backward[l-1]`` is Qtilde^l, l = 1..L, each of shape ``(N, N)``."""

    forward: tuple[np.ndarray, ...]
    backward: tuple[np.ndarray, ...]
    weight_variances: tuple[float, ...]
    bias_variances: tuple[float, ...]

    @property
    def samples(self) -> int:
        """The number N of inputs."""
        return len(self.forward[0])

    @property
    def logits(self) -> np.ndarray:
        """The covariance of one output over inputs, of shape ``(N, N)``: the kernel of the limiting Gaussian process."""
        return self.weight_variances[-1] * self.forward[-1] + self.bias_variances[-1]

    @property
    def tangent(self) -> np.ndarray:
        """Theta of the NTK parameterisation, of shape ``(N, N)``: the same for every output, zero between outputs."""
        layers = zip(self.backward, self.forward, self.weight_variances, self.bias_variances, strict=True)
        return sum((back * (w * below + b) for back, below, w, b in layers), np.zeros_like(self.forward[0]))

    def ordinary(self, widths: Sequence[int]) -> np.ndarray:
        """J'J = N F* of the ordinary parameterisation, for the widths ``(M_0, ..., M_{L-1})``; shape ``(N, N)``.

        The ones that the biases add are of lower order in M and are kept.
        """
        if len(widths) != len(self.forward):
            raise InputError(f"widths = {tuple(widths)}: write {len(self.forward)} of them, (M_0, ..., M_(L-1))")
        layers = zip(self.backward, self.forward, widths, strict=True)
        return sum((back * (width * below + 1) for back, below, width in layers), np.zeros_like(self.forward[0]))


def infinite_kernel(network: DeepNetwork, inputs) -> LayerKernels:
    """The kernels of infinitely wide networks on inputs of shape ``(N, M_0)``, which are given and stay fixed.

    ``network.samples``, ``network.alphas`` and the moments of random inputs play no role. Accurate to about 1e-12 of
    the diagonal (1e-8 for pairs of samples that agree to 1e-15). A layer costs about a microsecond a pair where the duals
    are closed, a millisecond a pair for other smooth activations, and some 20 ms a pair for other activations with
    kinks. *Source*: Lee et al. (2019), appendix E; Jacot, Gabriel, Hongler (2018), theorem 1. *Holds
    when* hidden widths are large, whatever M_0 is. Raises :class:`InputError` for inputs that are no finite matrix or
    have no variance, :class:`JumpError` where phi jumps.

    >>> from fimtheory.activations import activation
    >>> relu = DeepNetwork(activation("relu"), 2, 2, 0)
    >>> infinite_kernel(relu, [[1.0, 0.0], [0.0, 1.0]]).tangent * np.array([[1, np.pi], [np.pi, 1]])
    array([[2., 1.],
           [1., 2.]])
    """
    x = _checked_inputs(inputs)
    weights, biases = _variances(network)
    forward, slopes = [x @ x.T / x.shape[1]], []
    for layer, phi in enumerate(network.activations, start=1):
        covariance = weights[layer - 1] * forward[-1] + biases[layer - 1]
        q, c = _correlations(covariance, phi, layer)
        plain, slope = _duals(phi)
        forward.append(plain.matrix(q, c))
        slopes.append(slope.matrix(q, c))
    return _assembled(forward, slopes, weights, biases)


def two_group_kernels(network: DeepNetwork, samples: int | None = None) -> LayerKernels:
    """The kernels of independent random inputs of a wide input layer: order parameters on and off the diagonal.

    *Source*: Karakida, Akaho, Amari (2020), eqs. 15, 18 and A.5. ``samples`` is ``network.samples`` unless given.
    """
    N = network.samples if samples is None else samples
    o = network.order_parameters

    def matrix(diagonal, rest) -> np.ndarray:
        return np.full((N, N), float(rest)) + (float(diagonal) - float(rest)) * np.eye(N)

    weights, biases = _variances(network)
    forward = tuple(matrix(o.qhat1[k], o.qhat2[k]) for k in range(network.depth))
    backward = tuple(matrix(o.qtilde1[k], o.qtilde2[k]) for k in range(1, network.depth + 1))
    return LayerKernels(forward, backward, weights, biases)


def _assembled(forward: list, slopes: list, weights: tuple[float, ...], biases: tuple[float, ...]) -> LayerKernels:
    backward = [np.ones_like(forward[0])]
    for layer in range(len(slopes), 0, -1):
        backward.append(weights[layer] * backward[-1] * slopes[layer - 1])
    return LayerKernels(tuple(forward), tuple(reversed(backward)), weights, biases)


def _variances(network: DeepNetwork) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(map(float, network.weight_variances)), tuple(map(float, network.bias_variances))


def _checked_inputs(inputs) -> np.ndarray:
    try:
        x = np.asarray(inputs, dtype=float)
    except (TypeError, ValueError):
        raise InputError("the inputs are no matrix of numbers: give an array of shape (N, M_0)") from None
    if x.ndim != 2 or 0 in x.shape or not np.isfinite(x).all():
        raise InputError(f"inputs of shape {x.shape}: give N rows of M_0 finite numbers each, as one matrix")
    return x


def _correlations(covariance: np.ndarray, phi: Activation, layer: int) -> tuple[np.ndarray, np.ndarray]:
    q = np.diagonal(covariance)
    if q.min() <= 0:
        raise InputError(
            f"sample {int(q.argmin())} has no variance at layer {layer}: leave out inputs that are zero, or take"
            " sigma_b2 > 0"
        )
    if q.max() > _LARGEST_VARIANCE:
        raise DivergentExpectation(
            f"the variance of {phi.name} exceeds 10^12 at layer {layer}: take a smaller sigma_w2 or a smaller depth"
        )
    return q, np.clip(covariance / np.sqrt(np.outer(q, q)), -1, 1)


# -- duals of pairs of different variances, on arrays


@dataclass(frozen=True)
class _Dual:
    """E f(U) f(V): ``pair(q1, q2, c)`` on arrays, and ``square(q)`` for U = V."""

    pair: Callable
    square: Callable

    def matrix(self, q: np.ndarray, c: np.ndarray) -> np.ndarray:
        """The symmetric matrix for samples of variances q and correlations c, computed above the diagonal."""
        n, m = np.triu_indices(len(q), 1)
        found = np.diag(np.broadcast_to(self.square(q), q.shape))
        if n.size:
            found[n, m] = found[m, n] = self.pair(q[n], q[m], c[n, m])
        return found


@functools.lru_cache(maxsize=32)
def _duals(phi: Activation) -> tuple[_Dual, _Dual]:
    """The duals of phi and of phi'."""
    squares = phi.second_moment(_FIRST), phi.second_moment_derivative(_FIRST)  # refuses a phi that jumps
    functions = phi.numpy, phi.numpy_derivative
    pairs = (
        gaussian.weak_pair(phi.expression, phi.expression, phi.variable, _FIRST, _SECOND, CORRELATION, weak, weak)
        for weak in (False, True)
    )
    plain, slope = (
        _Dual(_compiled(pair, function), emit(square, (_FIRST,)))
        for pair, function, square in zip(pairs, functions, squares, strict=True)
    )
    return plain, slope


def _compiled(expression: sp.Expr, function: Callable) -> Callable:
    """A dual as a function of arrays: by its formula, or else on a lattice, or pair by pair where f is not smooth."""
    emitted = emit(expression, (_FIRST, _SECOND, CORRELATION))
    if not expression.has(PairExpectation):
        return emitted

    def values(q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> np.ndarray:
        found = _on_lattice(function, q1, q2, c)
        return emitted(q1, q2, c) if found is None else found

    return values


def _on_lattice(function: Callable, q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> np.ndarray | None:
    """E f(U) f(V) by the trapezoidal rule in the variables (U +- V), refined until it settles; None where it does not.

    For analytic f the error falls exponentially in 1/step, for any correlation; kinks show as slow convergence, on the
    first few pairs already.
    """
    half = np.arccos(c) / 2
    axes = np.stack([np.cos(half), np.sin(half)])
    first, second = np.sqrt(q1) * axes, np.sqrt(q2) * axes
    chosen = np.unique(np.concatenate([[q1.argmax(), q2.argmax(), c.argmin(), c.argmax()], np.arange(len(c))[:4]]))
    coarse = _lattice_sum(function, first[:, chosen], second[:, chosen], _STEPS[0])
    for step in _STEPS[1:]:
        fine = _lattice_sum(function, first[:, chosen], second[:, chosen], step)
        if np.abs(fine - coarse).max() <= _SETTLED * np.abs(fine).max():
            return _lattice_sum(function, first, second, step)
        coarse = fine
    return None


def _lattice_sum(function: Callable, first: np.ndarray, second: np.ndarray, step: float) -> np.ndarray:
    z = np.arange(-_REACH, _REACH + step / 2, step)
    z, w = (grid.ravel() for grid in np.meshgrid(z, z))
    inside = z * z + w * w < _REACH**2
    z, w = z[inside], w[inside]
    weight = np.exp(-(z * z + w * w) / 2) * step**2 / (2 * np.pi)
    pairs = max(1, _CHUNK // z.size)
    found = np.empty(first.shape[1])
    for start in range(0, len(found), pairs):
        part = slice(start, start + pairs)
        u = np.outer(first[0, part], z) + np.outer(first[1, part], w)
        v = np.outer(second[0, part], z) - np.outer(second[1, part], w)
        found[part] = (function(u) * function(v)) @ weight
    return found
