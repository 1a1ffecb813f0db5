"""Metrics with a weight between samples and outputs: the mean gradient subtracted, or the likelihood of a softmax.

A metric ``J S J'`` with a positive semi-definite ``S = T T'`` has the nonzero eigenvalues of ``T' D T``, where
``D = J' J`` is the dual of :mod:`fimtheory.simulation.dual_gram`, row ``k N + n`` for output ``k`` and sample ``n``.
"""

from __future__ import annotations

from fimtheory.errors import InputError
from fimtheory.simulation.backends import Array, Backend


def centred(dual: Array, n_samples: int) -> Array:
    """``T = I_C x (I_N - 11'/N)``: the dual of ``sum_k Cov_n grad f_k(n)``, of the shape of ``dual``.

    >>> import numpy as np
    >>> centred(np.array([[3.0, 1.0], [1.0, 3.0]]), n_samples=2)
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    return centred_rows(centred_rows(dual, n_samples).T, n_samples).T


def centred_rows(rows: Array, n_samples: int) -> Array:
    """Rows ``k N + n`` of any length, less their mean over the samples of each output."""
    blocks = rows.reshape(-1, n_samples, rows.shape[1])
    return (blocks - blocks.mean(axis=1, keepdims=True)).reshape(rows.shape)


def softmax_factors(outputs: Array, backend: Backend) -> Array:
    """``B_n`` with ``B_n B_n' = Q_n = diag(g) - g g'``, of shape ``(N, C, C)``, for ``g = softmax(f(n))``.

    ``Q_n`` is the Fisher information of a softmax about its logits ``outputs``, of shape ``(N, C)`` (Karakida, Akaho,
    Amari 2020, eq. 25). ``B_n = diag(sqrt g) - g sqrt(g)'`` needs no eigenvectors; on its diagonal ``1 - g_k`` is
    summed from the other probabilities, so that a saturated softmax loses no digits. Raises :class:`InputError` where
    the outputs are not finite.

    >>> import numpy as np
    >>> from fimtheory.simulation import numpy_backend
    >>> B = softmax_factors(np.array([[0.0, np.log(3.0)]]), numpy_backend())[0]
    >>> (B @ B.T).round(12)
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    xp = backend.xp
    logits = xp.asarray(outputs, dtype="float64")
    if not bool(xp.isfinite(logits).all()):
        raise InputError("the outputs of the network overflow: write a smaller sigma_w2 or sigma_b2, or use float64")
    powers = xp.exp(logits - logits.max(axis=1, keepdims=True))
    identity = xp.eye(logits.shape[1])
    total = powers.sum(axis=1, keepdims=True)
    likely, unlikely = powers / total, powers @ (1 - identity) / total
    roots = xp.sqrt(likely)
    off_diagonal = likely[:, :, None] * roots[:, None, :] * (1 - identity)
    return (roots * unlikely)[:, :, None] * identity - off_diagonal


def softmax_weighted(dual: Array, factors: Array) -> Array:
    """``T = `` the ``B_n`` of :func:`softmax_factors`, sample by sample: the dual of ``sum_n J_n Q_n J_n'``.

    >>> import numpy as np
    >>> softmax_weighted(np.diag([1.0, 4.0]), factors=np.array([[[2.0, 0.0], [0.0, 3.0]]]))
    array([[ 4.,  0.],
           [ 0., 36.]])
    """
    return weighted_rows(weighted_rows(dual, factors).T, factors).T


def weighted_rows(rows: Array, factors: Array) -> Array:
    """Rows ``k N + n`` of any length, multiplied by ``T'``: the outputs of each sample mixed by its ``B_n'``."""
    n_samples, outputs, _ = factors.shape
    by_sample = rows.reshape(outputs, n_samples, rows.shape[1]).transpose(1, 0, 2)
    return (factors.transpose(0, 2, 1) @ by_sample).transpose(1, 0, 2).reshape(rows.shape)
