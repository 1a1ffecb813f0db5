"""The end rule: one trapezoidal sum for every level, accurate to rounding wherever the branch points are.

In s = log((a - r2)/(r3 - a)) every branch point lies on Im s = +-pi, so that the trapezoidal rule with step h errs by
about exp(-2 pi^2/h); and the integrand falls at least like exp(-|s|/2). All terms of the sum for a density are
positive: it comes out with full *relative* accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mpmath import mp

from fimtheory.spectra.arithmetic import Arithmetic
from fimtheory.spectra.marchenko_pastur import bulk_share_below
from fimtheory.spectra.pair import Level, Pair

_STEP, _REACH = 0.45, 75.0  # exp(-2 pi^2/step) and exp(-reach/2) are below rounding
_DEEPEST = 600.0  # the range of floats ends at exp(-708)
_SPARE_DIGITS = 8  # the residues at Im s = +-pi are not small
_CHUNK = 400  # levels at once: the arrays stay in the cache

Array = np.ndarray


@dataclass(frozen=True)
class _Nodes:
    """The a at the nodes, shape ``(levels, nodes)``, as distances from the four branch points; da/ds."""

    above_low: Array  # a - a_-
    below_high: Array  # a_+ - a
    above_root: Array  # a - rho_lo
    below_root: Array  # rho_hi - a
    rate: Array

    @classmethod
    def of(cls, level: Level, s: Array, kind: Arithmetic) -> _Nodes:
        width, left, right = (x[:, None] for x in (level.width, level.left_lead, level.right_lead))
        from_left, from_right = 1 / (1 + kind.exp(-s)), 1 / (1 + kind.exp(s))
        low, high = width * from_left, width * from_right
        return cls(
            low + np.maximum(left, 0),
            high + np.maximum(right, 0),
            low + np.maximum(-left, 0),
            high + np.maximum(-right, 0),
            low * from_right,
        )


def density(pair: Pair, level: Level, digits: int = 16) -> Array:
    """The density of the pair's law at levels inside its support, shape ``(levels,)``, good to ``digits`` digits."""
    return _in_chunks(_density, pair, level, *_rule(digits))


def _density(pair: Pair, level: Level, s: Array) -> Array:
    """1/2 int p_a(a) p_b(b) db/dl da, db/dl = 1/zeta + a delta/u^2."""
    nodes = _Nodes.of(level, s, pair.kind)
    a, u = pair.a.low + nodes.above_low, level.u[:, None]
    from_edge = np.where(level.right[:, None], nodes.below_root, nodes.above_root)
    b = pair.b.low / level.slope[:, None] + from_edge  # in units of the slope, as its distance from the other edge
    speed = 1 / pair.zeta + (pair.delta / u) * (a / u)
    first = pair.kind.sqrt(nodes.above_low * nodes.below_high) / a
    second = pair.kind.sqrt(nodes.above_root * nodes.below_root) / b
    return (speed * first * second * nodes.rate).sum(axis=1) / (8 * pair.kind.pi() ** 2 * pair.a.share * pair.b.share)


def share_below(pair: Pair, level: Level) -> Array:
    """P(b < b(a)), in floats, at levels of any kind: the part of it where b(a) is in the support of b, and the rest."""
    left = bulk_share_below(pair.a.ratio, level.left_lead, level.low_reach)
    right = 1 - bulk_share_below(pair.a.ratio, level.high_reach, level.right_lead)
    value = np.where(level.right, left, right)
    inside = level.width > 0
    value[inside] += _in_chunks(_share, pair, level[inside], *_rule(16))
    return value


def _share(pair: Pair, level: Level, s: Array) -> Array:
    """int p_a(a) P(b < b(a)) da over the a for which b(a) is in the support."""
    nodes = _Nodes.of(level, s, pair.kind)
    right = level.right[:, None]
    below = np.where(right, nodes.below_root, nodes.above_root)
    above = np.where(right, nodes.above_root, nodes.below_root)
    weight = np.sqrt(nodes.above_low * nodes.below_high) / (pair.a.low + nodes.above_low) * nodes.rate
    return (weight * bulk_share_below(pair.b.ratio, below, above)).sum(axis=1) / (2 * math.pi * pair.a.share)


def _rule(digits: int) -> tuple[float, float]:
    """Step and reach."""
    if digits <= 16:
        return _STEP, _REACH
    working = digits + _SPARE_DIGITS
    return 2 * mp.pi**2 / (mp.log(10) * working), 2 * math.log(10) * working


def _in_chunks(rule: Callable, pair: Pair, level: Level, step, reach: float) -> Array:
    """step * rule(pair, level, s) for a few levels at a time, at nodes that reach deep enough for them."""
    values = [np.empty(0)]
    for start in range(0, level.width.size, _CHUNK):
        part = level[start : start + _CHUNK]
        lowest, highest = math.ceil((reach + _depth(pair, part)) / float(step)), math.ceil(reach / float(step))
        values.append(step * rule(pair, part, step * np.arange(-lowest, highest + 1)))
    return np.concatenate(values)


def _depth(pair: Pair, level: Level) -> float:
    """How far below s = 0 the integrand may be flat: left of A both a and b may come close to 0 at r2."""
    scale = np.maximum(np.abs(level.left_lead), pair.a.low + pair.b.low / level.slope) / level.width
    relative = np.where(level.right, 1.0, np.minimum(scale, 1)).astype(float)
    return -math.log(max(relative.min(), math.exp(-_DEEPEST)))
