"""Many ReLU networks with softmax outputs at once: forward and backward, with or without batch normalisation.

Networks are stacked along leading axes, (rates, runs), and never looped over. Biases are weights of a column of ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from fimtheory.errors import InputError

NORMALISATIONS = ("plain", "after", "before")  # the activation of the hidden units
EPSILON = 1e-3  # added to the variances that batch normalisation divides by

Array = np.ndarray


@dataclass
class Network:
    """Parameters of networks of one shape.

    ``weights[l]`` has the shape ``(..., D_l + 1, D_(l+1))``, biases last. Where hidden units are normalised, ``scales[l]``
    and ``shifts[l]`` of shape ``(..., 1, D_(l+1))`` belong to hidden layer ``l``.
    """

    weights: list[Array]
    scales: list[Array] = field(default_factory=list)
    shifts: list[Array] = field(default_factory=list)
    normalisation: str = "plain"

    @property
    def parameters(self) -> list[Array]:
        """All arrays, in the order of the gradients of :func:`backward`."""
        return [*self.weights, *self.scales, *self.shifts]


@dataclass(frozen=True)
class Signals:
    """What a forward pass leaves for the backward one.

    ``features[l]``, of shape ``(..., n, D_l + 1)``, are the inputs of layer ``l`` with the column of ones, and
    ``preactivations[l]``, of shape ``(..., n, D_(l+1))``, what the layer makes of them; the last are the logits.
    ``normalised[l]`` are the hidden values less their means over their deviations, before scale and shift, and
    ``moments[l]`` those means and deviations.
    """

    features: list[Array]
    preactivations: list[Array]
    normalised: list[Array]
    moments: list[tuple[Array, Array]]


def draw_network(generator: np.random.Generator, widths: tuple[int, ...], normalisation: str = "plain") -> Network:
    """Weights N(0, 2/D_l), biases 0, scales 1 and shifts 0; raises :class:`InputError`.

    >>> [W.shape for W in draw_network(np.random.default_rng(1), (64, 32, 10)).weights]
    [(65, 32), (33, 10)]
    """
    if normalisation not in NORMALISATIONS:
        raise InputError(f"normalisation = {normalisation!r}: write one of {', '.join(NORMALISATIONS)}")
    if len(widths) < 2 or min(widths) < 1:
        raise InputError(f"widths = {widths}: write the numbers of inputs, hidden units and classes, e.g. (64, 64, 10)")
    weights = []
    for below, here in pairwise(widths):
        W = np.zeros((below + 1, here))
        W[:-1] = np.sqrt(2 / below) * generator.standard_normal((below, here))
        weights.append(W)
    hidden = widths[1:-1] if normalisation != "plain" else ()
    return Network(weights, [np.ones((1, m)) for m in hidden], [np.zeros((1, m)) for m in hidden], normalisation)


def augmented(x: Array) -> Array:
    """A last column of ones.

    >>> augmented(np.array([[3.0, 4.0]]))
    array([[3., 4., 1.]])
    """
    wide = np.ones((*x.shape[:-1], x.shape[-1] + 1), x.dtype)
    wide[..., :-1] = x
    return wide


def forward(network: Network, inputs: Array, moments: list[tuple[Array, Array]] | None = None) -> Signals:
    """Signals for inputs of shape ``(..., n, D_0 + 1)``, the column of ones included.

    Batch normalisation takes the means and deviations of the very inputs, or the ``moments`` of other signals.
    """
    signals = Signals([inputs], [], [], [])
    for layer, W in enumerate(network.weights):
        z = signals.features[-1] @ W
        signals.preactivations.append(z)
        if layer == len(network.weights) - 1:
            break
        h = np.maximum(z, 0) if network.normalisation != "before" else z
        if network.normalisation != "plain":
            h = _normalised(network, layer, h, signals, None if moments is None else moments[layer])
        signals.features.append(augmented(np.maximum(h, 0) if network.normalisation == "before" else h))
    return signals


def _normalised(network: Network, layer: int, h: Array, signals: Signals, moments: tuple[Array, Array] | None) -> Array:
    mean = h.mean(axis=-2, keepdims=True) if moments is None else moments[0]
    centred = h - mean
    deviation = np.sqrt(_over_batch(centred, centred) / h.shape[-2] + EPSILON) if moments is None else moments[1]
    u = centred / deviation
    signals.moments.append((mean, deviation))
    signals.normalised.append(u)
    return network.scales[layer] * u + network.shifts[layer]


def cross_entropy(logits: Array, labels: Array) -> Array:
    """``-ln p_y`` of a softmax, of shape ``(..., n)``; small losses keep their relative accuracy.

    >>> cross_entropy(np.array([[40.0, 0.0]]), np.array([0])) == np.exp(-40.0)
    array([ True])
    """
    top = logits.argmax(axis=-1)[..., None]
    highest = np.take_along_axis(logits, top, -1)
    rest = np.exp(logits - highest)
    np.put_along_axis(rest, top, 0.0, -1)
    return (highest - _of_label(logits, labels))[..., 0] + np.log1p(rest.sum(axis=-1))


def backward(network: Network, signals: Signals, labels: Array) -> list[Array]:
    """Gradients of the mean cross-entropy with respect to all parameters of each network."""
    last = len(network.weights) - 1
    delta = _output_delta(signals.preactivations[-1], labels)
    by_weights: list[Array] = []
    by_scales: list[Array] = []
    by_shifts: list[Array] = []
    for layer in range(last, -1, -1):
        by_weights.append(signals.features[layer].swapaxes(-1, -2) @ delta)
        if layer == 0:
            break
        delta = delta @ network.weights[layer][..., :-1, :].swapaxes(-1, -2)
        if network.normalisation == "before":
            delta *= signals.features[layer][..., :-1] > 0
        if network.normalisation != "plain":
            u, (_, deviation) = signals.normalised[layer - 1], signals.moments[layer - 1]
            by_scales.append(_over_batch(delta, u))
            by_shifts.append(delta.sum(axis=-2, keepdims=True))
            delta -= (by_shifts[-1] + by_scales[-1] * u) / u.shape[-2]  # moments depend on every sample
            delta *= network.scales[layer - 1] / deviation
        if network.normalisation != "before":
            delta *= signals.preactivations[layer - 1] > 0
    return [*by_weights[::-1], *by_scales[::-1], *by_shifts[::-1]]


def _output_delta(logits: Array, labels: Array) -> Array:
    """(p - y)/n; the entry of the label is minus the sum of the others, which does not cancel."""
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    index = np.broadcast_to(labels, p.shape[:-1])[..., None]
    np.put_along_axis(p, index, 0.0, -1)
    np.put_along_axis(p, index, -p.sum(axis=-1, keepdims=True), -1)
    return p / p.shape[-2]


def _of_label(logits: Array, labels: Array) -> Array:
    return np.take_along_axis(logits, np.broadcast_to(labels, logits.shape[:-1])[..., None], -1)


def _over_batch(a: Array, b: Array) -> Array:
    """Sums of products over the batch, of shape (..., 1, m)."""
    return np.einsum("...ni,...ni->...i", a, b)[..., None, :]
