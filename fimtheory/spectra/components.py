"""What the spectrum of a rectangular layer is made of: coupled pairs, shifted Marchenko-Pastur laws, points.

Every component answers the same questions: density, share of its mass at or below a level, Stieltjes transform, a draw
from uniform numbers, special points, bulk intervals. Levels are arrays of shape ``(n,)``, floats or multiprecision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from mpmath import mp

from fimtheory.spectra import arc_rule, elliptic, end_rule
from fimtheory.spectra.arithmetic import Arithmetic
from fimtheory.spectra.marchenko_pastur import MarchenkoPastur, bulk_share_below, bulk_stieltjes
from fimtheory.spectra.pair import Level, Pair, Side, Stored, distance, eigenvalues, offset

_MOST_CANCELLATION = 1e3  # beyond, the closed form would lose more than three digits, and the end rule takes over
_SPARE_DIGITS = 5

Array = np.ndarray
Interval = tuple[float, float]


class Component(Protocol):
    """A part of a spectrum, of mass one."""

    def density(self, l: Array, digits: int) -> Array:
        """The density, without atoms."""
        ...

    def cdf(self, l: Array) -> Array:
        """The mass at or below l."""
        ...

    def stieltjes(self, z: Array) -> Array:
        """E 1/(z - eigenvalue), z above or on the real axis; nan where it is infinite."""
        ...

    def draw(self, uniform: Array) -> Array:
        """Eigenvalues from uniform numbers, shape ``(3, n)``."""
        ...

    @property
    def points(self) -> tuple[float, ...]:
        """Where the density is not smooth, or the mass not continuous."""
        ...

    @property
    def bulk(self) -> tuple[Interval, ...]:
        """The intervals on which the density is positive."""
        ...

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """(location, mass)."""
        ...


@dataclass(frozen=True)
class Point:
    """A single eigenvalue."""

    location: Stored

    def density(self, l: Array, digits: int) -> Array:
        return 0 * l

    def cdf(self, l: Array) -> Array:
        return np.where(offset(l, self.location) >= 0, 1.0, 0.0)

    def stieltjes(self, z: Array) -> Array:
        x = offset(z, self.location)
        return np.where(x == 0, complex(math.nan, math.nan), 1 / np.where(x == 0, 1, x))

    def draw(self, uniform: Array) -> Array:
        return np.full(uniform.shape[1], self.location[0])

    points = property(lambda self: (self.location[0],))
    bulk = property(lambda self: ())
    atoms = property(lambda self: ((self.location[0], 1.0),))


@dataclass(frozen=True)
class ShiftedBulk:
    """shift + zeta t, t from the continuous part of a Marchenko-Pastur law."""

    kind: Arithmetic
    side: Side
    zeta: float
    edges: tuple[Stored, Stored]

    @classmethod
    def of(cls, shift: mp.mpf, zeta: mp.mpf, ratio: mp.mpf, kind: Arithmetic) -> ShiftedBulk:
        """From parameters at the working precision."""
        root = mp.sqrt(ratio)
        edges = (kind.store(shift + zeta * (1 - root) ** 2), kind.store(shift + zeta * (1 + root) ** 2))
        return cls(kind, Side.of(ratio, kind), kind.number(zeta), edges)

    def density(self, l: Array, digits: int) -> Array:
        below, above = offset(l, self.edges[0]) / self.zeta, -offset(l, self.edges[1]) / self.zeta
        value = np.where(below == 0, math.inf if self.side.low == 0 else 0.0, 0.0).astype(l.dtype)
        inside = (below > 0) & (above > 0)
        below, above = below[inside], above[inside]
        t = self.side.low + below
        radical = self.kind.sqrt(below / t) * self.kind.sqrt(above / t)
        value[inside] = radical / (2 * self.kind.pi() * self.side.share * self.zeta)
        return value

    def cdf(self, l: Array) -> Array:
        return bulk_share_below(self.side.ratio, distance(l, self.edges[0]), -distance(l, self.edges[1]))

    def stieltjes(self, z: Array) -> Array:
        past = [distance(z, edge) / self.zeta for edge in self.edges]
        with np.errstate(divide="ignore", invalid="ignore"):
            value = bulk_stieltjes(self.side.ratio, *past) / self.zeta
        return np.where(np.isfinite(value), value, complex(math.nan, math.nan))

    def draw(self, uniform: Array) -> Array:
        t = MarchenkoPastur(self.side.ratio).bulk_quantile(uniform[0])
        return self.edges[0][0] + self.zeta * (t - self.side.low)

    points = property(lambda self: (self.edges[0][0], self.edges[1][0]))
    bulk = property(lambda self: ((self.edges[0][0], self.edges[1][0]),))
    atoms = property(lambda self: ())


@dataclass(frozen=True)
class CoupledPair:
    """An eigenvalue of M(a, b), one of the two at random."""

    pair: Pair

    def density(self, l: Array, digits: int) -> Array:
        pair = self.pair
        u, v = pair.offsets(l)
        value = np.where((u == 0) | (v == 0), self._at_the_shifts(u, v), 0.0).astype(l.dtype)
        regular = np.flatnonzero((u != 0) & (v > 0))
        level = pair.level(l[regular])
        inside = level.width > 0
        value[regular[inside]] = self._inside(level[inside], digits)
        return value

    def _at_the_shifts(self, u: Array, v: Array) -> Array:
        """At l = A, B: infinite if a, b reach 0; but where A = B, only the limit from the right of a sum a + b."""
        pair = self.pair
        if pair.delta == 0:
            return np.full(u.shape, 1 / (2 * pair.kind.pi() * pair.zeta) if pair.square else 0.0)
        reached = (u == 0) & (pair.a.low == 0) | (v == 0) & (pair.b.low == 0)
        return np.where(reached, math.inf, 0.0)

    def _inside(self, level: Level, digits: int) -> Array:
        """In closed form where that keeps its digits, and by the end rule elsewhere."""
        value = np.empty_like(level.width)
        closed = np.zeros(value.shape, dtype=bool)
        if self.pair.square:
            closed = (level.left_lead != 0) & (level.right_lead != 0)
            with np.errstate(all="ignore"):  # what overflows is not kept
                value[closed], size = elliptic.density(self.pair, level[closed])
                closed[closed] = size < self._tolerated(digits) * np.abs(value[closed])
        value[~closed] = end_rule.density(self.pair, level[~closed], digits)
        return value

    def _tolerated(self, digits: int) -> float:
        if self.pair.kind.floating:
            return _MOST_CANCELLATION
        return mp.mpf(10) ** (mp.dps - digits - _SPARE_DIGITS)

    def cdf(self, l: Array) -> Array:
        pair = self.pair
        u, v = pair.offsets(l)
        value = np.where(u == 0, 0.5, 0.0)
        regular = (u != 0) & (v > 0)
        level = pair.level(l[regular])
        value[regular] = (level.right + end_rule.share_below(pair, level)) / 2
        return value

    def stieltjes(self, z: Array) -> Array:
        return arc_rule.stieltjes(self.pair, z)

    def draw(self, uniform: Array) -> Array:
        pair, upper, lower = self.pair, self.pair.upper[0], self.pair.lower[0]
        a, b = (
            MarchenkoPastur(side.ratio).bulk_quantile(u) for side, u in zip((pair.a, pair.b), uniform[:2], strict=True)
        )
        larger, smaller = eigenvalues(upper, lower, pair.zeta, a, b, np.sqrt)
        return np.where(uniform[2] < 0.5, smaller if pair.delta else upper, larger)

    @property
    def points(self) -> tuple[float, ...]:
        return tuple(stored[0] for corner in self.pair.corners.values() for stored in corner)

    @property
    def bulk(self) -> tuple[Interval, ...]:
        """The larger eigenvalue grows with a and b, the smaller one with b only, and falls with a."""
        corners = self.pair.corners
        upper = (corners[0, 0][0][0], corners[1, 1][0][0])
        lower = (corners[1, 0][1][0], corners[0, 1][1][0])
        return (lower, upper) if self.pair.delta else (upper,)

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """If A = B, the smaller eigenvalue is A whatever a and b are."""
        return () if self.pair.delta else ((self.pair.upper[0], 0.5),)


def components(
    alpha: mp.mpf, beta: mp.mpf, zeta: mp.mpf, aspect: tuple[mp.mpf, mp.mpf], kind: Arithmetic
) -> list[tuple[float, Component]]:
    """The parts of the spectrum of H for widths n0 : n1 : n2 = g0 : 1 : g1, with their masses.

    The n1 (n0 + n2) eigenvalues, per n1^2: two a pair of positive singular values of W2 and W1; A + zeta a for each
    a > 0 and input direction that W1 does not see, A for each hidden direction that W2 does not see and each input
    direction; and likewise B + zeta b, B on the other side. A = g1 alpha, B = beta.
    """
    (g0, g1), one = aspect, mp.mpf(1)
    first, second = g1 * alpha, beta
    if abs(first - second) <= 8 * mp.eps * first:
        second = first  # equal before they were rounded
    ratios = g1, 1 / g0
    if zeta == 0:
        parts: list = [(g0, Point(kind.store(first))), (g1, Point(kind.store(second)))]
    else:
        coupled = (first, second, zeta, ratios) if first >= second else (second, first, zeta, ratios[::-1])
        parts = [
            (2 * min(g0, one) * min(g1, one), CoupledPair(Pair.of(*coupled, kind))),
            (max(g0 - 1, 0) * min(g1, one), ShiftedBulk.of(first, zeta, ratios[0], kind)),
            (max(1 - g1, 0) * g0, Point(kind.store(first))),
            (max(g1 - 1, 0) * min(g0, one), ShiftedBulk.of(second, zeta, ratios[1], kind)),
            (max(1 - g0, 0) * g1, Point(kind.store(second))),
        ]
    return [(kind.number(mass / (g0 + g1)), part) for mass, part in parts if mass > 0]
