"""What goes into a layer and what comes out: a point and its moments, and what every way from one to the other shares."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flint import arb
from mpmath import mp

BITS = math.log2(10)  # of one decimal
GUARD = 10  # decimals beyond those asked for, in sums


@dataclass(frozen=True)
class Point:
    """Variance, covariance and their difference, each to its own digits: c = q2/q1 or 1 - gap/q1, whichever is better."""

    q1: mp.mpf
    q2: mp.mpf
    gap: mp.mpf

    @property
    def loss(self) -> int:
        """How many decimals the difference of two numbers near q1 loses."""
        return max(0, math.ceil(-mp.log10(self.gap / self.q1))) if self.gap else 0


@dataclass(frozen=True)
class Moments:
    """E phi(U)^2, E phi(U) phi(V), half of E (phi(U) - phi(V))^2, E phi'(U)^2, E phi'(U) phi'(V), and the elasticity
    d log E phi(U)^2 / d log q1: by how much a relative error of the length grows."""

    second: mp.mpf
    dual: mp.mpf
    gap: mp.mpf
    slope: mp.mpf
    dual_slope: mp.mpf
    elasticity: mp.mpf


class Unresolved(Exception):
    """This way does not lead there; the next may."""


class Way:
    """One way to compute the moments."""

    def at(self, point: Point, digits: int) -> Moments:
        """The moments to that many digits; :class:`Unresolved` where this way fails."""
        raise NotImplementedError


def ball(value: mp.mpf) -> arb:
    """The same number, exactly."""
    sign, mantissa, exponent, _ = value._mpf_
    return arb(((-1) ** sign * int(mantissa), int(exponent)))


def rounded(value: arb) -> mp.mpf:
    """The middle of a ball, rounded to the working precision."""
    return mp.mpf(tuple(int(part) for part in value.mid().man_exp()))


def correlation(q1: arb, point: Point) -> arb:
    """c at the working precision of the balls."""
    return 1 - ball(point.gap) / q1 if 2 * point.gap < point.q1 else ball(point.q2) / q1
