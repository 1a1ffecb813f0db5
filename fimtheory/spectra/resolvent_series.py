"""Moments of a linear pencil of Gram matrices: the equations of its resolvent solved in powers of 1/z.

g = -w (1 + m_1 w + m_2 w^2 + ..), w = 1/z, and t_l = -w (..) likewise; every round of the equations adds an order.
Series have the powers of w along the last axis.
"""

from __future__ import annotations

import numpy as np

from fimtheory.spectra.layers import Layer

Array = np.ndarray


def moments(layers: tuple[Layer, ...], coefficients: tuple[float, ...], count: int) -> Array:
    """E lambda, .., E lambda^count for sum_l a_l K_l.

    >>> moments((Layer(1, 0, 1),), (1.0,), 4)
    array([ 1.,  2.,  5., 14.])
    """
    n, terms = len(layers), count + 1
    one = np.eye(1, terms)[0]
    g, t, left = one, [0 * one] * n, [a * one for a in coefficients]
    polynomials = [layer.polynomial()[..., None] for layer in layers]
    for _ in range(terms):
        inverses, below = [], 0 * one
        for l, (layer, (e1, e2, f1, f2, f3, f4)) in enumerate(zip(layers, polynomials, strict=True)):
            inner = f1 * below + f2 * g - _raised(f3 * _times(below, g) + f4 * _times(g, g))
            inverse = _inverse(one - _raised(e1 * below + e2 * g + _times(left[l], inner)))
            inverses.append(inverse)
            t[l] = below = layer.per_kind @ _times(inner, inverse)
        above, constant = 0 * one, 0 * one
        for l in range(n - 1, -1, -1):
            e1, e2, f1, f2, f3, f4 = polynomials[l]
            below = t[l - 1] if l else 0 * one
            left[l] = coefficients[l] * one + above
            by_t, by_g = f1 * one - _raised(f3 * g), f2 * one - _raised(f3 * below + 2 * f4 * g)
            above, share = (
                layers[l].per_kind @ _times(e * one + _times(left[l], by), inverses[l])
                for e, by in ((e1, by_t), (e2, by_g))
            )
            constant = constant + share
        g = _inverse(one - _raised(constant))
    return np.real(g[1:])


def _raised(series: Array) -> Array:
    """w times a series."""
    return np.concatenate([np.zeros_like(series[..., :1]), series[..., :-1]], axis=-1)


def _times(a: Array, b: Array) -> Array:
    a, b = np.broadcast_arrays(a, b)
    product = np.zeros(a.shape, dtype=np.result_type(a, b))
    for k in range(a.shape[-1]):
        product[..., k:] += a[..., k, None] * b[..., : a.shape[-1] - k]
    return product


def _inverse(a: Array) -> Array:
    """The reciprocal of series that begin with 1."""
    found = np.zeros_like(a)
    found[..., 0] = 1
    for k in range(1, a.shape[-1]):
        found[..., k] = -(a[..., 1 : k + 1] * found[..., k - 1 :: -1][..., :k]).sum(axis=-1)
    return found
