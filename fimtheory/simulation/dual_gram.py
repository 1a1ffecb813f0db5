"""The dual matrices of the metrics: sums over layers of products of Gram matrices, never a Jacobian.

A metric ``J J'`` over many parameters has the nonzero eigenvalues of its dual ``J' J``, which is ``CN x CN``. Since
``grad_(W^l) f_k(n)`` is the outer product of ``delta^l_k(n)`` and ``h^(l-1)(n)`` (Karakida, Akaho, Amari 2020, eq. 5),
the dual needs only the Gram matrices of the ``delta`` and of the ``h``; the bias adds 1 to the latter.
Row ``k N + n`` of a dual belongs to output ``k`` and sample ``n``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from fimtheory.simulation.backends import Array, Backend
from fimtheory.simulation.networks import Architecture, Network, Signals


def backward(
    network: Network, signals: Signals, to_inputs: bool, backend: Backend
) -> Iterator[tuple[int, Array, Array | None]]:
    """Yield ``(l, delta^l, e^(l-1))`` for ``l = L..1``, as arrays of shape ``(C N, M_l)`` and ``(C N, M_(l-1))``.

    ``delta^l_k = grad_(u^l) f_k`` and ``e^l_k = grad_(h^l) f_k = W^(l+1)' delta^(l+1)_k``. The gradient ``e^0`` at the
    inputs costs a product of its own: it is None unless ``to_inputs``.
    """
    xp, (n_samples, outputs) = backend.xp, signals.outputs.shape
    delta = xp.repeat(xp.eye(outputs, dtype=backend.dtype), n_samples, axis=0)
    for layer in range(len(network.weights), 0, -1):
        gradient = delta @ network.weights[layer - 1] if layer > 1 or to_inputs else None
        yield layer, delta, gradient
        if layer > 1 and gradient is not None:
            slopes = signals.slopes[layer - 2]
            delta = (gradient.reshape(outputs, *slopes.shape) * slopes).reshape(gradient.shape)


def layer_terms(
    architecture: Architecture,
    layer: int,
    features: Array,
    delta: Array,
    gradient: Array | None,
    families: Collection[str],
    backend: Backend,
) -> Iterator[tuple[str, int, Array]]:
    """Yield ``(family, block, dual)``: what layer ``l`` adds to the dual of each family among F, NTK and A.

    With ``D[(k,n),(k',m)] = delta^l_k(n) . delta^l_k'(m)`` and ``G[n,m] = h^(l-1)(n) . h^(l-1)(m)``, entry by entry,

    - F, block ``l``: ``D (G + 1) / N``, for the metric ``F = sum_kn grad f_k(n) grad f_k(n)' / N`` (eq. 10);
    - NTK: ``D (sigma_w2 G / M_(l-1) + sigma_b2)``, the tangent kernel in its own parameterisation;
    - A, block ``l - 1``: ``e^(l-1)_k(n) . e^(l-1)_k'(m) / N``, the metric of input and feature spaces (eq. 12).

    ``features`` is ``h^(l-1)`` of shape ``(N, M_(l-1))``; ``delta`` and ``gradient`` are those of :func:`backward`.
    """
    n_samples, width = features.shape
    if {"F", "NTK"} & set(families):
        deltas, overlaps = _gram(delta, backend), _gram(features, backend)
        if "F" in families:
            yield "F", layer, _hadamard(deltas, (overlaps + 1) / n_samples)
        if "NTK" in families:
            weight, bias = architecture.weight_variances[layer - 1], architecture.bias_variances[layer - 1]
            scaled = overlaps * (weight / width) + bias
            yield "NTK", layer, _hadamard(deltas, scaled)
    if "A" in families and gradient is not None:
        yield "A", layer - 1, _gram(gradient, backend) / n_samples


def _gram(rows: Array, backend: Backend) -> Array:
    """The matrix of all inner products of rows; double precision from here on, whatever the signals have."""
    return (rows @ rows.T).astype("float64", copy=False)


def _hadamard(deltas: Array, kernel: Array) -> Array:
    """``deltas[(k,n),(k',m)] * kernel[n,m]``, without repeating the kernel C^2 times in memory."""
    n_samples = len(kernel)
    outputs = len(deltas) // n_samples
    blocks = deltas.reshape(outputs, n_samples, outputs, n_samples) * kernel[:, None, :]
    return blocks.reshape(deltas.shape)
