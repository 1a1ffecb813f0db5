r"""What a hidden layer does to the length and the overlap of two inputs: six Gaussian expectations, to any digits.

U and V are centred Gaussian of variance q_1 and covariance q_2. Beside E phi(U)^2, E phi(U) phi(V) and the same of phi'
there is E (phi(U) - phi(V))^2 / 2: what is left of the gap q_1 - q_2 behind the layer. It is computed to its own digits,
since phi' near a kink feels the square root of the gap, and two inputs that are nearly one would drown it in rounding.

The ways, of which the first that leads there is taken: closed forms, in ball arithmetic; for analytic phi the Hermite
series (:mod:`.hermite_map`); for phi with kinks and two inputs that are close, panels along and across their sum
(:mod:`.kinked_map`); and quadrature of each expectation by itself.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import sympy as sp
from flint import arb
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.emission import emit
from fimtheory.errors import DivergentExpectation, JumpError, NotConverged
from fimtheory.gaussian.certification import significant
from fimtheory.gaussian.enclosure import precision
from fimtheory.gaussian.field import CORRELATION, VARIANCE
from fimtheory.gaussian.integrals import Expectation, PairExpectation
from fimtheory.gaussian.quadrature import exact
from fimtheory.gaussian.quantity import number
from fimtheory.theory.hermite_map import HermiteMap
from fimtheory.theory.kinked_map import KinkedMap
from fimtheory.theory.layer_point import BITS, Moments, Point, Unresolved, Way, ball, correlation, rounded


class LayerMap:
    """The expectations of one activation. Raises :class:`JumpError` where phi jumps.

    >>> from fimtheory.activations import activation
    >>> one = LayerMap(activation("relu")).at(Point(mp.mpf(2), mp.mpf(0), mp.mpf(2)), 20)
    >>> one.second, mp.nstr(one.dual * mp.pi, 12), one.dual_slope
    (mpf('1.0'), '1.0', mpf('0.25'))
    """

    def __init__(self, phi: Activation) -> None:
        self.analytic = not phi.kinks
        self._any = _Separately(phi)
        numerical = HermiteMap(phi) if self.analytic else KinkedMap(phi, self._any.one_input)
        self._ways = [way for way in (_closed(phi), numerical, self._any) if way]

    def at(self, point: Point, digits: int) -> Moments:
        """All six to ``digits`` significant digits; one that vanishes by symmetry is an exact zero."""
        if point.q1 + point.q2 == 0:
            return self._any.at(point, digits)
        for way in self._ways:
            try:
                return way.at(point, digits)
            except Unresolved:
                continue
        raise NotConverged(f"no {digits} digits at the variance {mp.nstr(point.q1, 6)}", math.nan)


@functools.lru_cache(maxsize=64)
def layer_map(phi: Activation) -> LayerMap:
    """The map of an activation, compiled once."""
    return LayerMap(phi)


# -- closed forms


def _closed(phi: Activation) -> _Closed | None:
    try:
        second = phi.second_moment(VARIANCE)
        pair = phi.dual(VARIANCE, CORRELATION), phi.dual_derivative(VARIANCE, CORRELATION)
        single = second, phi.second_moment_derivative(VARIANCE), sp.diff(second, VARIANCE)
    except JumpError:
        raise
    except DivergentExpectation:  # closed, but only for some variances
        return None
    return None if any(e.has(Expectation, PairExpectation) for e in (*single, *pair)) else _Closed(single, pair)


class _Closed(Way):
    """Formulas as functions of balls: evaluated again with more digits until the wanted ones stand."""

    def __init__(self, single: tuple[sp.Expr, ...], pair: tuple[sp.Expr, ...]) -> None:
        self._single = [emit(e, VARIANCE, "ball") for e in single]
        self._pair = [emit(e, (VARIANCE, CORRELATION), "ball") for e in pair]
        self._one_input = functools.lru_cache(maxsize=4)(self._at_variance)

    def at(self, point: Point, digits: int) -> Moments:
        q1 = ball(point.q1)
        second, slope, elasticity = self._one_input(point.q1, digits)
        if point.gap == 0 or second == 0:
            return Moments(*map(rounded, (second, second, arb(0), slope, slope, elasticity)))
        second_moment, (dual, dual_slope) = self._single[0], self._pair

        def share() -> arb:
            return dual(q1, correlation(q1, point)) / second_moment(q1)

        kept = _to_digits(share, digits, point.loss)
        left = _to_digits(lambda: 1 - share(), digits, 2 * point.loss)
        slope_of_both = _to_digits(lambda: dual_slope(q1, correlation(q1, point)), digits, point.loss)
        with precision(digits * BITS + 32):
            found = second, _nonzero(kept) * second, _nonzero(left) * second, slope, slope_of_both, elasticity
        return Moments(*map(rounded, found))

    def _at_variance(self, variance: mp.mpf, digits: int) -> tuple[arb, arb, arb]:
        """What one input is enough for: second moment, slope and elasticity."""
        second_moment, slope, derivative = self._single
        q1 = ball(variance)
        second = _to_digits(lambda: second_moment(q1), digits)
        if second == 0:
            return second, second, second
        return (
            second,
            _to_digits(lambda: slope(q1), digits),
            _to_digits(lambda: q1 * derivative(q1) / second_moment(q1), digits),
        )


def _to_digits(compute: Callable[[], arb], digits: int, extra: int = 0) -> arb:
    """A number to so many significant digits, computed with ``extra`` decimals more at the first attempt."""

    def to(decimals: int) -> arb:
        with precision((decimals + extra) * BITS + 16):
            return arb(compute())

    return significant(to, digits)


def _nonzero(ball: arb) -> arb:
    """A ball around zero that no precision makes smaller is a zero."""
    return arb(0) if ball.contains(0) else ball


# -- each by itself


class _Separately(Way):
    """Certified values or quadrature, one expectation at a time: slow, and good for everything."""

    def __init__(self, phi: Activation) -> None:
        self.phi = phi
        self.one_input = functools.lru_cache(maxsize=4)(self._at_variance)

    def at(self, point: Point, digits: int) -> Moments:
        q1, phi = exact(point.q1), self.phi
        enough = digits + 2 + point.loss
        second, slope, elasticity = self.one_input(point.q1, enough)
        if point.gap == 0:
            return Moments(second, second, mp.mpf(0), slope, slope, elasticity)
        c = 1 - exact(point.gap) / q1 if 2 * point.gap < point.q1 else exact(point.q2) / q1
        dual, dual_slope = number(phi.dual(q1, c), enough), number(phi.dual_derivative(q1, c), digits)
        with mp.workdps(enough + 5):
            return Moments(second, dual, second - dual, slope, dual_slope, elasticity)

    def _at_variance(self, variance: mp.mpf, digits: int) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
        """Second moment, slope, and the elasticity from a symmetric difference: an estimate of how errors grow."""
        q1, e = exact(variance), sp.Rational(1, 1000)
        second, slope = (number(f(q1), digits) for f in (self.phi.second_moment, self.phi.second_moment_derivative))
        if second == 0:
            return second, slope, mp.mpf(0)
        up, down = (number(self.phi.second_moment(q1 * (1 + step)), 10) for step in (e, -e))
        return second, slope, mp.log(up / down) / (2 * mp.atanh(mp.mpf(1) / 1000))
