"""The law of an eigenvalue of the random 2 x 2 matrix M(a, b), and where its density is an elliptic integral.

M(a, b) = [[A + zeta a, zeta sqrt(ab)], [zeta sqrt(ab), B + zeta b]], A >= B, zeta > 0, with independent a and b that
follow the continuous parts of two Marchenko-Pastur laws; one of the two eigenvalues is taken at random. With u = l - A,
v = l - B,

    det(l - M) = u v - zeta a v - zeta b u

is linear in a and in b: the eigenvalue is l on the line b(a) = (v/u)(u/zeta - a), and on that line the density is an
integral over the a for which a and b(a) both lie in their supports. The integrand has branch points where one of them
meets an edge. The integral runs between the two middle ones, r2 and r3, of the four.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpmath import mp

from fimtheory.spectra.arithmetic import Arithmetic

Array = np.ndarray
Stored = tuple  # a number as head and tail, see Arithmetic.store


def distance(l: Array, stored: Stored) -> Array:
    """l minus a stored number, without loss of digits."""
    return (l - stored[0]) - stored[1]


def offset(l: Array, stored: Stored) -> Array:
    """The same, but the float that is printed for a point counts as the point: its density and its atom are found."""
    return np.where(l == stored[0], 0, distance(l, stored))


@dataclass(frozen=True)
class Side:
    """The law of a or of b: t_- and t_+ - t_-, min(ratio, 1) and |1 - ratio|."""

    ratio: float
    low: float
    width: float
    share: float
    gap: float

    @classmethod
    def of(cls, ratio: mp.mpf, kind: Arithmetic) -> Side:
        """From the ratio at the working precision."""
        root = mp.sqrt(ratio)
        values = (ratio, (1 - root) ** 2, 4 * root, min(ratio, mp.mpf(1)), abs(1 - ratio))
        return cls(*map(kind.number, values))


@dataclass(frozen=True)
class Level:
    """The line det(l - M) = 0 for levels l off A and B, as distances between branch points; arrays of one shape.

    In the order of the line, rho_lo < rho_hi are the a at which b(a) meets an edge, ``right`` says whether l > A.
    All differences are products and quotients of accurate ones: none is lost where branch points come together.
    """

    u: Array
    v: Array
    right: Array
    left_lead: Array  # rho_lo - a_-
    right_lead: Array  # a_+ - rho_hi
    low_reach: Array  # a_+ - rho_lo
    high_reach: Array  # rho_hi - a_-
    width: Array  # r3 - r2; no density where it is not positive

    def __getitem__(self, index) -> Level:
        return Level(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @property
    def slope(self) -> Array:
        """|db/da|."""
        return self.v / np.abs(self.u)


@dataclass(frozen=True)
class Pair:
    """The parameters of M(a, b) in one kind of numbers; ``corners[i, j]`` are its eigenvalues where a and b are at
    the edges i and j (0 lower, 1 upper), the larger one first."""

    kind: Arithmetic
    upper: Stored
    lower: Stored
    delta: float
    zeta: float
    a: Side
    b: Side
    corners: dict[tuple[int, int], tuple[Stored, Stored]]

    @classmethod
    def of(cls, upper: mp.mpf, lower: mp.mpf, zeta: mp.mpf, ratios: tuple[mp.mpf, mp.mpf], kind: Arithmetic) -> Pair:
        """From parameters at the working precision, and the ratios of the laws of a and b."""
        edges = [((1 - mp.sqrt(r)) ** 2, (1 + mp.sqrt(r)) ** 2) for r in ratios]
        corners = {
            (i, j): tuple(map(kind.store, eigenvalues(upper, lower, zeta, a, b)))
            for i, a in enumerate(edges[0])
            for j, b in enumerate(edges[1])
        }
        a, b = (Side.of(r, kind) for r in ratios)
        delta, zeta = kind.number(upper - lower), kind.number(zeta)
        return cls(kind, kind.store(upper), kind.store(lower), delta, zeta, a, b, corners)

    @property
    def square(self) -> bool:
        """Whether both laws reach 0."""
        return self.a.low == 0 and self.b.low == 0

    def lead(self, l: Array, v: Array, i: int, j: int) -> Array:
        """The a at which b(a) is at its edge j, minus the edge i of a: det(l - M) at this corner over zeta v."""
        larger, smaller = self.corners[i, j]
        return (distance(l, larger) / self.zeta) * (distance(l, smaller) / v)

    def offsets(self, l: Array) -> tuple[Array, Array]:
        """u = l - A and v = l - B."""
        return offset(l, self.upper), offset(l, self.lower)

    def level(self, l: Array) -> Level:
        """The geometry at levels l, none of which is A or B; above B only."""
        u, v = self.offsets(l)
        right = u > 0
        lead = {(i, j): self.lead(l, v, i, j) for i in (0, 1) for j in (0, 1)}
        left_lead, high_reach = np.where(right, lead[0, 1], lead[0, 0]), np.where(right, lead[0, 0], lead[0, 1])
        low_reach, right_lead = np.where(right, -lead[1, 1], -lead[1, 0]), np.where(right, -lead[1, 0], -lead[1, 1])
        between = self.b.width * (np.abs(u) / v)
        width = np.where(
            left_lead > 0,
            np.where(right_lead > 0, between, low_reach),
            np.where(right_lead > 0, high_reach, self.a.width),
        )
        return Level(u, v, right, left_lead, right_lead, low_reach, high_reach, width)


def eigenvalues(upper, lower, zeta, a, b, sqrt=mp.sqrt) -> tuple:
    """The larger and the smaller eigenvalue of M(a, b), without cancellation: the smaller is det over the larger.

    >>> eigenvalues(3, 0, 1, 1, 4)
    (mpf('6.0'), mpf('2.0'))
    """
    first, second = upper + zeta * a, lower + zeta * b
    radius = sqrt((upper - lower + zeta * (a - b)) ** 2 + 4 * zeta**2 * a * b)
    larger = (first + second + radius) / 2
    return larger, (upper * lower + zeta * (a * lower + b * upper)) / (larger + (larger == 0))
