"""The arc rule: the Stieltjes transform of a pair's law, as easy on the spectrum as far away from it.

The average over a is closed, by the Stieltjes transform s of its law. As functions of b, all branch points of the result
lie in the closed upper half-plane when z does; so the average over b is taken along an arc in the lower one,

    w = (b - b_-)/(b_+ - b) = exp(s - i pi/2),

on which the trapezoidal rule with step h errs by about exp(-pi^2/h), however near z is to the spectrum.
"""

from __future__ import annotations

import math

import numpy as np

from fimtheory.spectra.marchenko_pastur import bulk_stieltjes
from fimtheory.spectra.pair import Pair

_STEP, _REACH = 0.23, 75.0
_DEEPEST = 600.0  # the range of floats ends at exp(-708)
_CHUNK = 400  # points at once: the arrays stay in the cache

Array = np.ndarray


def stieltjes(pair: Pair, z: Array) -> Array:
    """G(z) = E tr(z - M)^-1 / 2 for z in the closed upper half-plane, on the axis the limit from above, nan for infinity.

    Shape ``(n,)``.
    """
    u, v = pair.offsets(z)
    infinite = (u == 0) & (pair.a.low == 0) | (v == 0) & ((pair.b.low == 0) | (pair.delta == 0))
    v = np.where(v == 0, np.finfo(float).tiny ** 0.5 * pair.zeta, v)  # a removable singularity, where it is finite
    value, finite = np.full(z.shape, complex(math.nan, math.nan)), np.flatnonzero(~infinite)
    for start in range(0, finite.size, _CHUNK):
        part = finite[start : start + _CHUNK]
        value[part] = _arc(pair, *(x[part, None] for x in (z, u, v)))
    return value


def _arc(pair: Pair, z: Array, u: Array, v: Array) -> Array:
    """E_b s (u/zeta + v/zeta - b - |1 - ratio| - min(ratio, 1) c s)/(2 v), s = E_a 1/(c - a), c = (u/v)(v/zeta - b).

    det(z - M) is zeta v (c - a); the quadratic equation of s has removed what would cancel where v is small.
    """
    s = _STEP * np.arange(-math.ceil(_depth(pair, v) / _STEP), math.ceil(_REACH / _STEP))
    w = np.exp(s) * -1j
    from_low, to_high = pair.b.width * w / (1 + w), pair.b.width / (1 + w)
    b, c = pair.b.low + from_low, (u / v) * (v / pair.zeta - pair.b.low - from_low)
    near_low, slope = s < 0, u / v
    past = (  # c - a_- and c - a_+, from the nearer end of the arc
        np.where(near_low, pair.lead(z, v, i, 0) - slope * from_low, pair.lead(z, v, i, 1) + slope * to_high)
        for i in (0, 1)
    )
    inner = bulk_stieltjes(pair.a.ratio, *past)
    bracket = u / pair.zeta + v / pair.zeta - b - pair.a.gap - pair.a.share * c * inner
    radical = np.exp(s / 2 - 0.25j * math.pi) * to_high
    density = radical * from_low / (1 + w) / (2 * math.pi * pair.b.share * b)
    return _STEP * (density * inner * bracket).sum(axis=1) / (2 * v[:, 0])


def _depth(pair: Pair, v: Array) -> float:
    """How far down s counts: near z = B the scale of b is that of v."""
    scale = float(np.abs(v).min()) / (pair.zeta * pair.b.width)
    return _REACH - math.log(min(max(scale, math.exp(-_DEEPEST)), 1.0))
