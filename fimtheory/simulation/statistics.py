"""What is measured: eigenvalue statistics of a metric through its dual, and the overlaps of signals."""

from __future__ import annotations

import math

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.backends import Array, Backend

_DENSE_SIZE = 1500  # below it, all eigenvalues cost about as much as the iterations for a few
_RESIDUAL = 1e-10  # relative to the largest eigenvalue; bounds the error of every eigenvalue accepted
_ITERATIONS = 12  # enough for a bulk ten times below the outliers; a slower convergence is left to the dense solver


def metric_statistics(dual: Array, count: int, outputs: int, backend: Backend) -> dict[str, float]:
    """The statistics of all ``count`` eigenvalues of a metric, from its dual of shape ``(C N, C N)``.

    ``mean`` is trace / count, ``second_moment`` squared Frobenius norm / count, ``lambda_max`` the mean of the ``C``
    largest eigenvalues (of all, where there are fewer than ``C``), ``lambda_top`` the single largest,
    ``cluster_variance`` the variance of the ``C`` largest among themselves (mean of squares minus square of mean). The
    largest eigenvalue of the infinite-width theory (Karakida, Akaho, Amari 2020, theorems 3.1 and 3.2) is the place of
    a cluster of ``C`` nearly equal outliers: their mean settles as ``1/M``, the top one only as ``1/sqrt(M)``. Raises
    :class:`InputError` where the network's signals overflowed.

    >>> from fimtheory.simulation import numpy_backend
    >>> metric_statistics(np.diag([4.0, 2.0, 0.0]), count=6, outputs=2, backend=numpy_backend())
    {'mean': 1.0, 'second_moment': 3.3333333333333335, 'lambda_max': 3.0, 'lambda_top': 4.0,
     'cluster_variance': 1.0}
    """
    moments = _moments(dual, count, backend)
    top = largest_eigenvalues(dual, min(outputs, count), backend)
    cluster = {"lambda_max": float(top.mean()), "lambda_top": float(top[0]), "cluster_variance": float(top.var())}
    return moments | cluster


def softmax_statistics(dual: Array, count: int, outputs: int, backend: Backend) -> dict[str, float]:
    """The statistics of a metric of softmax outputs, whose outliers are dispersed.

    ``mean`` and ``second_moment`` are those of :func:`metric_statistics`; ``lambda_max`` is the single largest
    eigenvalue and ``outlier[j]`` the ``j``-th largest, ``j = 1..C`` (fewer, where the metric has fewer). A softmax of
    one output is the constant 1: its metric is zero and has no outlier. Raises :class:`InputError` where the network's
    signals overflowed.

    >>> from fimtheory.simulation import numpy_backend
    >>> softmax_statistics(np.diag([4.0, 2.0, 0.0]), count=6, outputs=2, backend=numpy_backend())
    {'mean': 1.0, 'second_moment': 3.3333333333333335, 'lambda_max': 4.0, 'outlier[1]': 4.0, 'outlier[2]': 2.0}
    """
    moments = _moments(dual, count, backend)
    top = largest_eigenvalues(dual, min(outputs, count), backend)
    outliers = {f"outlier[{j}]": float(value) for j, value in enumerate(top, start=1) if outputs > 1}
    return moments | {"lambda_max": float(top[0])} | outliers


def eigenspace_statistics(dual: Array, outputs: int, n_samples: int, backend: Backend) -> dict[str, float]:
    """``share``: how much of the span of the ``C`` mean gradients lies in the eigenspace of the ``C`` largest eigenvalues.

    With ``R`` the gradients over ``sqrt(N)`` and ``nu_k`` the normalised indicator of output ``k``, the mean gradients
    are ``R nu_k`` and the eigenvectors of F are ``R v_j / sqrt(lambda_j)``, so both planes and the mean squared cosine of
    their principal angles follow from ``F* = R' R``: 1 where the planes are equal (Karakida, Akaho, Amari 2020, theorem
    3.2).

    >>> from fimtheory.simulation import numpy_backend
    >>> eigenspace_statistics(np.array([[2.0, 1.0], [1.0, 2.0]]), outputs=1, n_samples=2, backend=numpy_backend())
    {'share': 1.0}
    """
    xp = backend.xp
    values, vectors = xp.linalg.eigh(dual)
    values, vectors = values[-outputs:], vectors[:, -outputs:]
    indicators = xp.repeat(xp.eye(outputs), n_samples, axis=0) / math.sqrt(n_samples)
    overlap = indicators.T @ vectors * values**0.5
    gram = indicators.T @ dual @ indicators
    return {"share": round(float(xp.trace(overlap.T @ xp.linalg.solve(gram, overlap))) / outputs, 12)}


def _moments(dual: Array, count: int, backend: Backend) -> dict[str, float]:
    second_moment = float(backend.xp.vdot(dual, dual)) / count
    if not math.isfinite(second_moment):
        raise InputError("the signals of the network overflow: write a smaller sigma_w2 or sigma_b2, or use float64")
    return {"mean": float(backend.xp.trace(dual)) / count, "second_moment": second_moment}


def largest_eigenvalues(matrix: Array, count: int, backend: Backend) -> np.ndarray:
    """The ``count`` largest eigenvalues, descending, of a symmetric positive semi-definite matrix.

    A dense solver, unless the matrix is large and its outliers stand clear of the bulk: then block subspace iteration.
    A Krylov method with a single start vector would not do: it can miss copies of a repeated eigenvalue, and the last
    diagonal block of F has every eigenvalue exactly ``C`` times.
    """
    top = _subspace_iteration(matrix, count, backend) if len(matrix) > _DENSE_SIZE else None
    if top is None:
        top = backend.xp.linalg.eigvalsh(matrix)[-count:]
    return backend.to_numpy(top)[::-1]


def _subspace_iteration(matrix: Array, count: int, backend: Backend) -> Array | None:
    """The ``count`` largest eigenvalues, ascending, or None where they did not converge."""
    xp = backend.xp
    # A fixed random start makes the answer a function of the matrix; columns beyond those wanted speed convergence.
    start = np.random.default_rng(0).standard_normal((len(matrix), min(2 * count + 8, len(matrix))))
    image = matrix @ xp.asarray(start)
    for _ in range(_ITERATIONS):
        basis, _ = xp.linalg.qr(image)
        image = matrix @ basis
        values, rotation = xp.linalg.eigh(basis.T @ image)
        image = image @ rotation
        residuals = image[:, -count:] - (basis @ rotation[:, -count:]) * values[-count:]
        if float(xp.linalg.norm(residuals, axis=0).max()) <= _RESIDUAL * float(values[-1]):
            return values[-count:]
    return None


def overlaps(signals: Array, backend: Backend) -> tuple[float, float | None]:
    """Mean squared norm of a signal, and mean inner product of those of two different samples.

    ``signals`` has shape ``(K, N, M)``: ``K`` families (one for features, ``C`` for backward signals) of ``N`` samples
    each; the means run over families and over samples, or ordered pairs of them. One sample has no pair: None.

    >>> from fimtheory.simulation import numpy_backend
    >>> overlaps(np.array([[[1.0, 0.0], [1.0, 2.0]]]), numpy_backend())
    (3.0, 1.0)
    """
    families, n_samples, _ = signals.shape
    squares = float(backend.xp.vdot(signals, signals))
    norm = squares / (families * n_samples)
    if n_samples == 1:
        return norm, None
    total = signals.sum(axis=1)
    pairs = float(backend.xp.vdot(total, total)) - squares
    return norm, pairs / (families * n_samples * (n_samples - 1))
