"""The relative metrics of all units of a layer at once: sums of nu x x' over a mini batch, and their inverses.

A symmetric matrix of side D is kept as half of its cyclic diagonals, entry [k, i] being that of row i and column i + k
(modulo D), k = 0 .. D // 2: the products of an input with itself shifted, with no index lists.
"""

from __future__ import annotations

import functools

import numpy as np

Array = np.ndarray


def own_metrics(x: Array, nu: Array) -> Array:
    """The sums over the batch of ``nu x x'``, a matrix for each unit, in one matrix product for all of them.

    ``x`` has the shape (..., n, D) and ``nu`` (..., n, m): the answer is (..., m, D // 2 + 1, D), cyclic diagonals.

    >>> x, nu = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]]), np.array([[1.0], [1.0]])
    >>> from_diagonals(own_metrics(x, nu))
    array([[[1., 2., 3.],
            [2., 5., 6.],
            [3., 6., 9.]]])
    """
    D = x.shape[-1]
    half = D // 2 + 1
    shifted = np.lib.stride_tricks.sliding_window_view(np.concatenate([x, x], axis=-1), D, axis=-1)[..., :half, :]
    pairs = (x[..., None, :] * shifted).reshape(*x.shape[:-1], half * D)
    return (nu.swapaxes(-1, -2) @ pairs).reshape(*nu.shape[:-2], nu.shape[-1], half, D)


def shared_metric(x: Array) -> Array:
    """The sum of ``x x'`` over the batch, of shape (..., D, D): that of every unit of a linear layer.

    >>> shared_metric(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[10., 14.],
           [14., 20.]])
    """
    return x.swapaxes(-1, -2) @ x


def from_diagonals(packed: Array) -> Array:
    """The symmetric matrices, of shape (..., D, D), of their cyclic diagonals, of shape (..., D // 2 + 1, D)."""
    *units, half, D = packed.shape
    return packed.reshape(*units, half * D).take(_places(D), axis=-1).reshape(*units, D, D)


@functools.cache
def _places(D: int) -> Array:
    """Where the entries of a matrix of side D, row by row, stand among its cyclic diagonals."""
    row, column = np.indices((D, D))
    ahead, behind = (column - row) % D, (row - column) % D
    return np.where(ahead <= D // 2, ahead * D + row, behind * D + column).ravel()


def inverses(metrics: Array) -> Array:
    """Inverses of positive semidefinite matrices, raised by the rounding of their largest entry, which is diagonal.

    They are found in double precision, and given in that of ``metrics``. A metric that has overflowed belongs to a network
    that has diverged: any inverse will do, and it gets the identity.

    >>> inverses(np.array([[[2.0, 0.0], [0.0, 4.0]], [[np.inf, 0.0], [0.0, 1.0]]])).round(9).tolist()
    [[[0.5, 0.0], [0.0, 0.25]], [[1.0, 0.0], [0.0, 1.0]]]
    """
    G, place = metrics.astype(float), np.arange(metrics.shape[-1])
    largest = G[..., place, place].max(axis=-1)
    G[~np.isfinite(largest)] = np.eye(len(place))
    G[..., place, place] += (len(place) * np.finfo(float).eps * np.where(np.isfinite(largest), largest, 0))[..., None]
    return np.linalg.inv(G).astype(metrics.dtype)
