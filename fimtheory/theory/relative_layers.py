r"""Relative Fisher metrics of layers, of two layers and of whole networks, for given weights and inputs.

A stochastic response turns the outputs z of a subsystem into observations; S(z) = E[(d log p/dz)(d log p/dz)'] is the
Fisher information in z, and the chain rule does the rest: g = J' S(z) J with J = dz/dtheta, averaged over the inputs.
In layers that multiply their input x by a matrix every row of J is an outer product, so that a metric is kept as

    g_lk = (1/n) sum_n (A_l' A_k) (x) (x_l x_k'),     A_l = S^(1/2) dz/dt_l,     t_l = W_l' x_l,

with small matrices A_l(n) (r x m_l) and the inputs x_l(n) of each layer (``derivations/relative_layers.py``). Parameters
are the columns of the weight matrices one below the other, unit by unit, layer by layer; a bias is the last row of a
weight matrix, whose input is one.

Where an activation has a kink, its derivative there is that of the piece on the right: relu'(0) = 1.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fimtheory.activations import Activation, activation, parse_number
from fimtheory.errors import InputError
from fimtheory.theory.logit_law import covariance_factors
from fimtheory.theory.relative_fisher import Neuron, neuron

Array = np.ndarray
SOFTMAX = "softmax"
_LARGEST = 2**28  # numbers in a dense array, 2 GiB


@dataclass(frozen=True, eq=False, repr=False)
class RelativeMetric:
    """A metric J' S J, averaged over n inputs, in factors: ``signals`` A_l of shape (n, r, m_l), ``inputs`` (n, D_l).

    Built by the functions of this module. r is the number of outputs, P = sum_l D_l m_l the number of parameters.

    >>> g = linear_layer([[3.0, 4.0]], outputs=2, sigma="1/2")
    >>> g
    <RelativeMetric of one layer (2 x 2), 4 parameters, 1 input>
    >>> g.matrix[:2, :2].tolist(), g.eigenvalues.round(12).tolist(), g.rank
    ([[36.0, 48.0], [48.0, 64.0]], [100.0, 100.0, 0.0, 0.0], 2)
    """

    signals: tuple[Array, ...]
    inputs: tuple[Array, ...]

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(D_l, m_l) of every weight matrix."""
        return tuple((x.shape[1], A.shape[2]) for A, x in zip(self.signals, self.inputs, strict=True))

    @property
    def parameter_count(self) -> int:
        """P."""
        return sum(D * m for D, m in self.shapes)

    @property
    def n_inputs(self) -> int:
        """n, over which the metric is averaged."""
        return len(self.inputs[0])

    @property
    def n_rows(self) -> int:
        """n r: no rank is larger."""
        return self.n_inputs * self.signals[0].shape[1]

    def layer(self, l: int) -> RelativeMetric:
        """The metric of layer l alone (the first is 0), all others being given: a diagonal block of this one.

        *Source*: Sun, Nielsen (2016), proposition 2.
        """
        self._require_layer(l)
        return RelativeMetric((self.signals[l],), (self.inputs[l],))

    def layer_block(self, l: int, k: int) -> Array:
        """The rows of layer l and the columns of layer k of the matrix, shape (D_l m_l, D_k m_k)."""
        self._require_layer(l, k)
        (D, m), (E, q) = self.shapes[l], self.shapes[k]
        return self._blocks(l, k).transpose(0, 2, 1, 3).reshape(m * D, q * E)

    @property
    def blocks(self) -> Array:
        """G_ij, unit by unit, of shape (m, m, D, D): the correlations of units i and j of a single layer."""
        if len(self.signals) > 1:
            raise InputError(
                "blocks by units are those of one layer: take them of metric.layer(0), metric.layer(1), ..."
            )
        return self._blocks(0, 0)

    def _require_layer(self, *indices: int) -> None:
        for l in indices:
            if l not in range(-len(self.signals), len(self.signals)):
                raise InputError(f"no layer {l}: layers are counted from 0 to {len(self.signals) - 1}")

    def _blocks(self, l: int, k: int) -> Array:
        n, (D, m), (E, q) = self.n_inputs, self.shapes[l], self.shapes[k]
        _require_room(max(n * m * q, n * D * E, D * m * E * q), "the blocks of this metric")
        units = (np.swapaxes(self.signals[l], 1, 2) @ self.signals[k]).reshape(n, m * q)
        pairs = (self.inputs[l][:, :, None] * self.inputs[k][:, None, :]).reshape(n, D * E)
        found, correlated = np.zeros((m * q, D * E)), units.any(axis=0)  # of independent units, only one block in m is
        found[correlated] = units[:, correlated].T @ pairs / n
        return found.reshape(m, q, D, E)

    @functools.cached_property
    def matrix(self) -> Array:
        """The metric, of shape (P, P)."""
        _require_room(self.parameter_count**2, "the matrix of this metric")
        layers = range(len(self.signals))
        return np.block([[self.layer_block(l, k) for k in layers] for l in layers])

    @functools.cached_property
    def factor(self) -> Array:
        """S^(1/2) J, of shape (n, r, P): the metric is the mean of its squares, factor_n' factor_n."""
        n, r, P = self.n_inputs, self.signals[0].shape[1], self.parameter_count
        _require_room(n * r * P, "the factor of this metric")
        parts = [A[..., None] * x[:, None, None, :] for A, x in zip(self.signals, self.inputs, strict=True)]
        return np.concatenate([part.reshape(n, r, -1) for part in parts], axis=2)

    @functools.cached_property
    def dual(self) -> Array:
        """The Gram matrix of the rows of the factor over n, of shape (n r, n r), with the same eigenvalues but zeros.

        Formula: sum_l (A_l(n) A_l(m)') (x_l(n)' x_l(m)) / n.
        """
        _require_room(self.n_rows**2, "the dual of this metric")
        n, r = self.n_inputs, self.signals[0].shape[1]
        total = np.zeros((n, r, n, r))
        for A, x in zip(self.signals, self.inputs, strict=True):
            total += np.tensordot(A, A, (2, 2)) * (x @ x.T)[:, None, :, None]
        return total.reshape(n * r, n * r) / n

    @functools.cached_property
    def eigenvalues(self) -> Array:
        """All P eigenvalues, falling, from the smaller of the matrix and its dual; rounding below zero is set to zero."""
        smaller = self.matrix if self.parameter_count <= self.n_rows else self.dual
        found = np.zeros(self.parameter_count)
        found[: len(smaller)] = np.maximum(np.linalg.eigvalsh(smaller)[::-1], 0)
        return found

    @functools.cached_property
    def _rows(self) -> Array:
        """The factor, row by row; its triangular part where it is tall."""
        rows = self.factor.reshape(self.n_rows, self.parameter_count)
        return np.asarray(np.linalg.qr(rows, mode="r")) if len(rows) > self.parameter_count else rows

    @functools.cached_property
    def rank(self) -> int:
        """The number of singular values of the factor above epsilon max(n r, P) times the largest.

        What saturation has made smaller than this beside the largest counts as zero; exact ranks are those of
        :mod:`fimtheory.theory.relative_ranks`.
        """
        values = np.linalg.svd(self._rows, compute_uv=False)
        tolerance = np.finfo(float).eps * max(self.n_rows, self.parameter_count) * values[0]
        return int((values > tolerance).sum())

    @property
    def null_space(self) -> Array:
        """An orthonormal basis of the directions without length, of shape (P, P - rank)."""
        _require_room(self.parameter_count**2, "the null space of this metric")
        return np.linalg.svd(self._rows)[2][self.rank :].T

    def velocity(self, direction: Any) -> Array:
        """S^(1/2) J times a direction of shape (P,): how far it moves the responses, in standard units, shape (n, r)."""
        delta, start, moved = self._direction(direction), 0, 0.0
        for A, x, (D, m) in zip(self.signals, self.inputs, self.shapes, strict=True):
            V = delta[start : start + D * m].reshape(m, D)
            moved, start = moved + (A @ (x @ V.T)[:, :, None])[..., 0], start + D * m
        return np.asarray(moved)

    def apply(self, direction: Any) -> Array:
        """The metric times a direction of shape (P,), without the matrix."""
        moved = self.velocity(direction)[:, None, :]
        parts = [((moved @ A)[:, 0].T @ x).ravel() for A, x in zip(self.signals, self.inputs, strict=True)]
        return np.concatenate(parts) / self.n_inputs

    def length(self, direction: Any) -> float:
        """The squared length delta' g delta of a direction of shape (P,): E (delta' score)^2, averaged over the inputs.

        *Source*: Sun, Nielsen (2016), eqs. 6 and 10.

        >>> linear_layer([[3.0, 4.0]], outputs=1, sigma=2).length([1.0, 1.0])
        12.25
        """
        return float((self.velocity(direction) ** 2).sum(axis=1).mean())

    def _direction(self, direction: Any) -> Array:
        (delta,) = real_matrix([direction], "a direction, as the only row,")
        if len(delta) != self.parameter_count:
            raise InputError(f"a direction of {len(delta)} numbers: this metric has {self.parameter_count} parameters")
        return delta

    def __repr__(self) -> str:
        n, shapes = self.n_inputs, ", ".join(f"{D} x {m}" for D, m in self.shapes)
        layers = "one layer" if len(self.shapes) == 1 else f"{len(self.shapes)} layers"
        inputs = "1 input" if n == 1 else f"{n} inputs"
        return f"<RelativeMetric of {layers} ({shapes}), {self.parameter_count} parameters, {inputs}>"


# -- the response


def output_factor(response: Neuron | str, z: Any) -> Array:
    """A square root A of the output metric, A'A = S(z), for outputs of shape (n, m): shape (n, m, m).

    ``response`` is a neuron, or the text of one (``"bernoulli:tanh"``), or ``"softmax"``.

    Formula: diag(sqrt nu(z_i)) for independent responses, diag(sqrt p) (I - 1 p') for ``"softmax"``.

    >>> A = output_factor("softmax", [[0.0, 0.0]])[0]
    >>> (A.T @ A).round(12).tolist()
    [[0.25, -0.25], [-0.25, 0.25]]
    """
    outputs, unit = real_matrix(z, "the outputs"), _read(response)
    if unit is None:
        return np.swapaxes(covariance_factors(outputs), -1, -2)
    return np.sqrt(_information(unit, outputs))[:, :, None] * np.eye(outputs.shape[1])


def output_metric(response: Neuron | str, z: Any) -> Array:
    """S(z) = E[(d log p/dz)(d log p/dz)'], for outputs of shape (n, m): shape (n, m, m).

    Formula: diag(nu(z_i)) for independent responses, diag(p) - p p' with p = softmax z for ``"softmax"``.
    *Source*: the rules behind Sun, Nielsen (2016), eqs. 22 to 26. Raises :class:`InputError` where nu is undefined.

    >>> output_metric("softmax", [[0.0, 0.0]]).round(12).tolist()
    [[[0.25, -0.25], [-0.25, 0.25]]]
    """
    A = output_factor(response, z)
    return np.swapaxes(A, -1, -2) @ A


def _read(response: Any) -> Neuron | None:
    """The neuron that is meant; None for a softmax."""
    if isinstance(response, str):
        return None if response == SOFTMAX else neuron(response)
    if not isinstance(response, Neuron):
        raise InputError(f'{response!r} is no response: give "softmax", or a neuron such as "bernoulli:tanh"')
    return response


def _information(unit: Neuron, z: Array) -> Array:
    """nu(z), which must be a number everywhere."""
    with np.errstate(all="ignore"):
        nu = np.broadcast_to(np.asarray(unit.numpy(z), float), z.shape)
    wrong = np.argwhere(~(np.isfinite(nu) & (nu >= 0)))
    if len(wrong):
        n, i = wrong[0]
        raise InputError(
            f"unit {i + 1} has the pre-activation {z[n, i]:.6g} at input {n + 1}, where its Fisher information is "
            "undefined: move the weights, or smooth the activation"
        )
    return nu


# -- one layer


def augmented(x: Any) -> Array:
    """Inputs of shape (n, D_x) with a last column of ones, whose weights are the biases.

    >>> augmented([[2.0, 3.0]]).tolist()
    [[2.0, 3.0, 1.0]]
    """
    X = real_matrix(x, "the inputs")
    return np.hstack([X, np.ones((len(X), 1))])


def linear_layer(X: Any, outputs: int, sigma: Any = 1) -> RelativeMetric:
    r"""The metric of W in y ~ G(W' x, sigma^2 I), for inputs X of shape (n, D): it does not depend on W.

    Formula: diag[x x', ..., x x'] / sigma^2. *Source*: Sun, Nielsen (2016), eqs. 22 and 70.

    >>> linear_layer([[1.0, 2.0]], outputs=1).matrix.tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    inputs, deviation = real_matrix(X, "the inputs"), _positive(sigma)
    if isinstance(outputs, bool) or not isinstance(outputs, int | np.integer) or outputs < 1:
        raise InputError(f"{outputs!r} outputs: give a whole number, 1 or more")
    signal = np.eye(outputs) / deviation
    return RelativeMetric((np.broadcast_to(signal, (len(inputs), outputs, outputs)),), (inputs,))


def nonlinear_layer(response: Neuron | str, W: Any, X: Any) -> RelativeMetric:
    """The metric of W in independent responses to f(W' x), for W of shape (D, m) and X of shape (n, D).

    Formula: diag[nu(w_1' x) x x', ..., nu(w_m' x) x x']. *Source*: Sun, Nielsen (2016), eqs. 23 and 71 to 74.
    Raises :class:`InputError` where nu is undefined at a pre-activation.

    >>> nonlinear_layer("bernoulli:sigmoid", [[0.0]], [[4.0]]).matrix.tolist()
    [[4.0]]
    """
    weights, inputs = _layer(W, X)
    return RelativeMetric((output_factor(response, _product(inputs, weights)),), (inputs,))


def softmax_layer(W: Any, X: Any) -> RelativeMetric:
    """The metric of W in y ~ softmax(W' x), for W of shape (D, m) and X of shape (n, D).

    Formula: blocks (eta_i delta_ij - eta_i eta_j) x x'. *Source*: Sun, Nielsen (2016), eqs. 24, 25 and 75 to 79.
    Every V = v 1' is a null vector (:func:`~fimtheory.theory.relative_ranks.softmax_null_space`).

    >>> softmax_layer([[0.0, 0.0]], [[2.0]]).matrix.round(12).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    weights, inputs = _layer(W, X)
    return RelativeMetric((output_factor(SOFTMAX, _product(inputs, weights)),), (inputs,))


# -- several layers


def two_layers(output: Neuron | str, phi: str | Activation, W: Any, C: Any, X: Any) -> RelativeMetric:
    """The metric of W in a response to z = C' f(W' x), with C given.

    ``W`` has the shape (D, D_h), ``C`` (D_h, m), or (D_h + 1, m) with a last row of biases, ``X`` (n, D); ``output`` is
    a neuron or ``"softmax"``.

    Formula: G_ij = (C S(z) C')_ij f'(w_i' x) f'(w_j' x) x x'. *Source*: Sun, Nielsen (2016), eqs. 26, 80 and 81.
    *As printed*, nu_f(w_i, x) nu_f(w_j, x) stands for f' f': the same for tanh, the logistic function, and ReLU at
    sigma = 1, but not for ELU, nor for PReLU of another slope than 0 and 1, nor for smoothed ReLU.

    >>> two_layers("gaussian:linear", "relu", [[1.0, -1.0]], [[3.0], [5.0]], [[2.0]]).matrix.tolist()
    [[36.0, 0.0], [0.0, 0.0]]
    """
    return network_metric(output, phi, [W, C], X).layer(0)


def network_metric(output: Neuron | str, phi: str | Activation, weights: Sequence[Any], X: Any) -> RelativeMetric:
    """The Fisher information of all parameters of a network with one response at its end, averaged over the inputs.

    ``weights`` are matrices of shapes (D_0, D_1), (D_1, D_2), ..., or (D_l + 1, D_(l+1)) with a last row of biases; the
    layers below the last apply ``phi``, and the response (a neuron or ``"softmax"``) takes W_L' h. The block of layers
    l and k is ``metric.layer_block(l, k)``, the metric of a layer with the others given ``metric.layer(l)``.

    *Source*: Sun, Nielsen (2016), eqs. 5 and 27. *Holds when* all layers but the last are deterministic and continuous.

    >>> import numpy as np
    >>> g = network_metric("softmax", "relu", [np.ones((2, 3)), np.ones((3, 2))], [[1.0, 2.0]])
    >>> g
    <RelativeMetric of 2 layers (2 x 3, 3 x 2), 12 parameters, 1 input>
    >>> g.rank
    1
    """
    Ws = weight_matrices(weights)
    inputs, slopes = _forward(activation(phi), Ws, real_matrix(X, "the inputs"))
    signals = [output_factor(output, _product(inputs[-1], Ws[-1]))]
    for W, slope in zip(Ws[:0:-1], reversed(slopes), strict=True):
        signals.insert(0, signals[0] @ W[: slope.shape[1]].T * slope[:, None, :])
    return RelativeMetric(tuple(signals), tuple(inputs))


def _forward(phi: Activation, weights: Sequence[Array], X: Array) -> tuple[list[Array], list[Array]]:
    """The inputs of every layer (with a one where it has biases) and f' of every hidden layer, each of n rows."""
    inputs, slopes, functions = [X], [], (phi.numpy, phi.derivative.numpy)
    for l, W in enumerate(weights):
        if len(W) != inputs[-1].shape[1] and not (l and len(W) == inputs[-1].shape[1] + 1):
            raise InputError(
                f"weight matrix {l + 1} has {len(W)} rows for {inputs[-1].shape[1]} inputs: give one row an input"
                + (", and one more for biases" if l else "; biases need a column of ones, as augmented(X) adds")
            )
        if l and len(W) == inputs[-1].shape[1] + 1:
            inputs[-1] = augmented(inputs[-1])
        if l < len(weights) - 1:
            t = _product(inputs[-1], W)
            with np.errstate(all="ignore"):
                h, slope = (np.broadcast_to(np.asarray(g(t), float), t.shape) for g in functions)
            if not (np.isfinite(h).all() and np.isfinite(slope).all()):
                raise InputError(
                    f"{phi.name} or its derivative is not finite in hidden layer {l + 1}: take smaller weights"
                )
            inputs.append(h)
            slopes.append(slope)
    return inputs, slopes


# -- what is given


def real_matrix(a: Any, name: str) -> Array:
    """Finite real numbers in rows and columns; :class:`InputError` otherwise."""
    try:
        found = np.asarray(a)
        found = found.astype(float) if not np.iscomplexobj(found) else None
    except (TypeError, ValueError):
        found = None
    if found is None or found.ndim != 2 or found.size == 0:
        shape = "" if found is None else f", given the shape {found.shape}"
        raise InputError(f"{name} must be a matrix of real numbers with at least one row and one column{shape}")
    if not np.isfinite(found).all():
        raise InputError(f"{name} must be finite: leave out what is not a number or infinite")
    return found


def weight_matrices(weights: Any) -> list[Array]:
    """The weight matrices of a network, one or more; :class:`InputError` otherwise."""
    if not isinstance(weights, Sequence | np.ndarray) or isinstance(weights, str) or len(weights) == 0:
        raise InputError("a network is a list of weight matrices, layer by layer: give at least one")
    return [real_matrix(W, f"weight matrix {l + 1}") for l, W in enumerate(weights)]


def _product(x: Array, W: Array) -> Array:
    """x W, infinite where it overflows; what takes it refuses infinite numbers."""
    with np.errstate(over="ignore", invalid="ignore"):
        return x @ W


def _layer(W: Any, X: Any) -> tuple[Array, Array]:
    weights, inputs = real_matrix(W, "the weights"), real_matrix(X, "the inputs")
    if len(weights) != inputs.shape[1]:
        raise InputError(
            f"the weights have {len(weights)} rows for {inputs.shape[1]} inputs: give one row an input; biases need a "
            "column of ones, as augmented(X) adds"
        )
    return weights, inputs


def _positive(sigma: Any) -> float:
    try:
        value = float(parse_number(sigma) if isinstance(sigma, str) else sigma)
    except (TypeError, ValueError):
        value = 0.0
    if isinstance(sigma, bool) or not 0 < value < np.inf:
        raise InputError(f"sigma = {sigma!r} is no standard deviation: give a positive number")
    return value


def _require_room(numbers: int, what: str) -> None:
    if numbers > _LARGEST:
        raise InputError(
            f"{what} needs arrays of {numbers:.1e} numbers: use apply and length, which need no matrix, or fewer inputs"
        )
