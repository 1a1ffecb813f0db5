r"""What a hidden layer does to the length and the overlap of two inputs: six Gaussian expectations, to any digits.

U and V are centred Gaussian of variance q_1 and covariance q_2. Beside E phi(U)^2, E phi(U) phi(V) and the same of phi'
there is E (phi(U) - phi(V))^2 / 2: what is left of the gap q_1 - q_2 behind the layer. It is computed to its own digits,
since phi' near a kink feels the square root of the gap, and two inputs that are nearly one would drown it in rounding.

Three ways, the first that applies: closed forms, in ball arithmetic; for analytic phi the Hermite series, whose
coefficients b_k(q_1) give all six at once, I = sum b_k^2 c^k; and quadrature of each expectation by itself.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp
from flint import arb, arb_mat, arb_poly
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.emission import emit, stable
from fimtheory.errors import DivergentExpectation, JumpError, NotConverged
from fimtheory.gaussian.certification import significant
from fimtheory.gaussian.enclosure import precision
from fimtheory.gaussian.field import CORRELATION, VARIANCE
from fimtheory.gaussian.integrals import Expectation, PairExpectation
from fimtheory.gaussian.quadrature import exact, with_numbers
from fimtheory.gaussian.quantity import number

_BITS = math.log2(10)
_GUARD = 10  # decimals beyond those asked for, in sums
_TERMS = (64, 128, 256, 512, 1024, 2048, 4096)  # of a Hermite series
_FINEST = 2.0**-7  # step of the trapezoidal rule, in standard deviations


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
        self._ways = [way for way in (_closed(phi), _hermite(phi), self._any) if way]

    def at(self, point: Point, digits: int) -> Moments:
        """All six to ``digits`` significant digits; one that vanishes by symmetry is an exact zero."""
        if point.q1 + point.q2 == 0:
            return self._any.at(point, digits)
        for way in self._ways:
            try:
                return way.at(point, digits)
            except _Unresolved:
                continue
        raise NotConverged(f"no {digits} digits at the variance {mp.nstr(point.q1, 6)}", math.nan)


@functools.lru_cache(maxsize=64)
def layer_map(phi: Activation) -> LayerMap:
    """The map of an activation, compiled once."""
    return LayerMap(phi)


class _Unresolved(Exception):
    """This way does not lead there; the next may."""


class _Way:
    """One way to compute the moments."""

    def at(self, point: Point, digits: int) -> Moments:
        """The moments to that many digits; :class:`_Unresolved` where this way fails."""
        raise NotImplementedError


def _ball(value: mp.mpf) -> arb:
    """The same number, exactly."""
    sign, mantissa, exponent, _ = value._mpf_
    return arb(((-1) ** sign * int(mantissa), int(exponent)))


def _mpf(value: arb) -> mp.mpf:
    """The middle of a ball, rounded to the working precision."""
    return mp.mpf(tuple(int(part) for part in value.mid().man_exp()))


def _correlation(q1: arb, point: Point) -> arb:
    """c at the working precision of the balls."""
    return 1 - _ball(point.gap) / q1 if 2 * point.gap < point.q1 else _ball(point.q2) / q1


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


class _Closed(_Way):
    """Formulas as functions of balls: evaluated again with more digits until the wanted ones stand."""

    def __init__(self, single: tuple[sp.Expr, ...], pair: tuple[sp.Expr, ...]) -> None:
        self._single = [emit(e, VARIANCE, "ball") for e in single]
        self._pair = [emit(e, (VARIANCE, CORRELATION), "ball") for e in pair]
        self._one_input = functools.lru_cache(maxsize=4)(self._at_variance)

    def at(self, point: Point, digits: int) -> Moments:
        q1 = _ball(point.q1)
        second, slope, elasticity = self._one_input(point.q1, digits)
        if point.gap == 0 or second == 0:
            return Moments(*map(_mpf, (second, second, arb(0), slope, slope, elasticity)))
        second_moment, (dual, dual_slope) = self._single[0], self._pair

        def share() -> arb:
            return dual(q1, _correlation(q1, point)) / second_moment(q1)

        kept = _to_digits(share, digits, point.loss)
        left = _to_digits(lambda: 1 - share(), digits, 2 * point.loss)
        slope_of_both = _to_digits(lambda: dual_slope(q1, _correlation(q1, point)), digits, point.loss)
        with precision(digits * _BITS + 32):
            found = second, _nonzero(kept) * second, _nonzero(left) * second, slope, slope_of_both, elasticity
        return Moments(*map(_mpf, found))

    def _at_variance(self, variance: mp.mpf, digits: int) -> tuple[arb, arb, arb]:
        """What one input is enough for: second moment, slope and elasticity."""
        second_moment, slope, derivative = self._single
        q1 = _ball(variance)
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
        with precision((decimals + extra) * _BITS + 16):
            return arb(compute())

    return significant(to, digits)


def _nonzero(ball: arb) -> arb:
    """A ball around zero that no precision makes smaller is a zero."""
    return arb(0) if ball.contains(0) else ball


# -- Hermite series


def _hermite(phi: Activation) -> _Hermite | None:
    return None if phi.kinks else _Hermite(phi)


class _Hermite(_Way):
    """phi(sqrt(q) Z) = sum b_k h_k(Z): all moments are sums over b_k^2, and Parseval's identity says what is missing."""

    def __init__(self, phi: Activation) -> None:
        x, e = phi.variable, phi.expression
        self._formulas, self._variable = (stable(e), stable(sp.diff(e, x))), x
        mirrored = e.subs(x, -x)
        self._parity = 1 if mirrored - e == 0 else -1 if mirrored + e == 0 else 0
        self._functions: dict[int, list[Callable[[arb], arb]]] = {}
        self._step = functools.lru_cache(maxsize=64)(self._resolved)
        self._enough: dict[tuple[int, int, int], int] = {}  # terms, by digits and the size of variance and gap
        self._series = functools.lru_cache(maxsize=4)(self._expanded)  # deep down, the variance no longer changes

    def at(self, point: Point, digits: int) -> Moments:
        octave = math.ceil(mp.log(point.q1, 2))
        kind = digits, octave, point.loss
        with precision((digits + 2 * _GUARD) * _BITS):
            for terms in (n for n in _TERMS if n >= self._enough.get(kind, 0)):
                found = self._series(point.q1, octave, digits, terms).at(point)
                if found:
                    self._enough[kind] = terms
                    return Moments(*map(_mpf, found))
        raise _Unresolved

    def _expanded(self, variance: mp.mpf, octave: int, digits: int, terms: int) -> _Series:
        """The series at one variance, which is at most 2^octave: what is resolved there is so below."""
        q1, step = _ball(variance), _resolving(self._step(octave, digits), terms)
        values = self._values(q1, digits, _nodes(step, digits))
        return _Series(q1, values, _squares(values, _basis(terms, step, digits), digits), digits)

    def _resolved(self, octave: int, digits: int) -> float:
        """A step that resolves phi^2 at the variance 2^octave: halving it squares the error."""
        q1, step = arb((1, octave)), 0.25
        tolerance, previous = arb(10) ** -(6 * digits // 10 + 3), None
        while step >= _FINEST:
            values = self._values(q1, digits, _nodes(step, digits))
            current = values.second, values.slope, values.growth
            if previous and all(abs(a - b) <= tolerance * abs(b) for a, b in zip(previous, current, strict=True)):
                return step
            previous, step = current, step / 2
        raise _Unresolved

    def _values(self, q1: arb, digits: int, nodes: tuple[list[arb], list[arb]]) -> _Values:
        """phi at the nodes and their mirror images; :class:`_Unresolved` where the Gaussian does not damp it."""
        if digits not in self._functions:
            numbers = (with_numbers(e, digits + 2 * _GUARD) for e in self._formulas)
            self._functions[digits] = [emit(e, self._variable, "ball") for e in numbers]
        phi, dphi = self._functions[digits]
        z, weight = nodes
        root = q1.sqrt()
        u = [(root * at).mid() for at in z]
        f, g = _on_both_sides(phi, u, self._parity)
        df, dg = _on_both_sides(dphi, u, -self._parity)
        second = sum((w * (a * a + b * b) for w, a, b in zip(weight, f, g, strict=True)), arb(0)).mid()
        slope = sum((w * (a * a + b * b) for w, a, b in zip(weight, df, dg, strict=True)), arb(0)).mid()
        both = zip(weight, u, f, df, g, dg, strict=True)
        growth = sum((w * at * (a * da - b * db) for w, at, a, da, b, db in both), arb(0)).mid()
        beyond = max(abs(side[-1]) for side in (f, g, df, dg)) * (-(z[-1] ** 2) / 4).exp()
        if not (growth.is_finite() and beyond**2 <= arb(10) ** -digits * (second + slope)):
            raise _Unresolved
        even, odd = ([(a + sign * b).mid() for a, b in zip(f, g, strict=True)] for sign in (1, -1))
        return _Values(even, odd, second, slope, growth)


def _on_both_sides(function: Callable[[arb], arb], u: list[arb], parity: int) -> tuple[list[arb], list[arb]]:
    """Values at u and at -u, of a function that is even (1), odd (-1) or neither (0)."""
    right = [function(at).mid() for at in u]
    return right, [parity * value for value in right] if parity else [function(-at).mid() for at in u]


@dataclass(frozen=True)
class _Values:
    """phi(u) + phi(-u) and phi(u) - phi(-u) at the nodes; E phi^2, E phi'^2, E U phi phi'."""

    even: list[arb]
    odd: list[arb]
    second: arb
    slope: arb
    growth: arb


def _squares(values: _Values, basis: tuple[arb_mat, arb_mat], digits: int) -> list[arb]:
    """b_k^2; rounding noise, what symmetry makes zero, is zero."""
    columns = (arb_mat([[a] for a in side]) for side in (values.even, values.odd))
    even, odd = ((matrix * column).entries() for matrix, column in zip(basis, columns, strict=True))
    noise = arb(10) ** -(2 * digits + 8) * values.second
    squares = ((b * b).mid() for pair in zip(even, odd, strict=True) for b in pair)
    return [square if square > noise else arb(0) for square in squares]


class _Series:
    """The sums over b_k^2 at one variance, as polynomials in c."""

    def __init__(self, q1: arb, values: _Values, squares: list[arb], digits: int) -> None:
        self._q1, self._values, self._last = q1, values, len(squares) - 1
        self._unit, self._zero = arb(10) ** -digits, arb(10) ** -(2 * digits + 8) * values.second
        above = list(itertools.accumulate(reversed(squares[1:])))  # sum over k > j, from the last j to 0
        self._dual = arb_poly(squares)
        self._linear, self._quotient = self._dual.derivative(), arb_poly(above[::-1])
        self._beyond = abs(values.second - above[-1] - squares[0]).mid()
        self._steep_beyond = abs(q1 * values.slope - self._linear(arb(1))).mid()

    def at(self, point: Point) -> tuple[arb, ...] | None:
        """The six moments, as balls; None where so few terms leave out too much.

        With quotient(c) = (dual(1) - dual(c))/(1 - c), what is left of the gap has no cancellation.
        """
        q1, values, unit = self._q1, self._values, self._unit
        elasticity = values.growth / values.second
        if point.gap == 0:
            return values.second, values.second, arb(0), values.slope, values.slope, elasticity
        c, small = _correlation(q1, point).mid(), (_ball(point.gap) / q1).mid()
        dual, linear, left = self._dual(c), self._linear(c), small * self._quotient(c)
        reach = abs(c) ** self._last  # c^k and c^(k-1) are below it for all terms that are left out
        lost = small * self._steep_beyond  # a bound of the sum of b_k^2 (1 - c^k) over them
        if reach * self._beyond <= unit * left.mid():  # of all that is left out, nothing comes back at c
            left, lost = left + self._beyond, arb(0)
        missing = lost, reach * self._beyond, reach * self._steep_beyond
        sizes = (max(abs(value).mid(), self._zero) for value in (left, dual, linear))
        if not all(part.mid() <= unit * size for part, size in zip(missing, sizes, strict=True)):
            return None
        return values.second, dual, left, values.slope, linear / q1, elasticity


def _resolving(step: float, terms: int) -> float:
    """A step for phi times Hermite polynomials of degree up to ``terms``, whose frequency is its root."""
    return 2 * math.pi / (2 * math.pi / step + math.sqrt(terms))


@functools.lru_cache(maxsize=64)
def _nodes(step: float, digits: int) -> tuple[list[arb], list[arb]]:
    """Nodes z >= 0 and Gaussian weights of the trapezoidal rule, as far as exp(-z^2/4) matters; zero counts twice."""
    h = arb(step)
    count = math.ceil((2 * math.sqrt((digits + _GUARD) * math.log(10)) + 1) / step)
    z = [(k * h).mid() for k in range(count + 1)]
    weight = [(h * (-at * at / 2).exp() / (2 * arb.pi()).sqrt()).mid() for at in z]
    return z, [weight[0] / 2, *weight[1:]]


@functools.lru_cache(maxsize=8)  # the longest take 100 MB
def _basis(terms: int, step: float, digits: int) -> tuple[arb_mat, arb_mat]:
    """weight * h_k(z) for even and for odd k < terms, each of shape (terms/2, nodes).

    By the recursion of the normalised Hermite polynomials, on the middles of the balls: it is stable, but the balls do
    not know.
    """
    z, current = _nodes(step, digits)
    before, rows = [arb(0)] * len(z), []
    for k in range(terms):
        rows.append(current)
        first, second = 1 / arb(k + 1).sqrt(), (arb(k) / (k + 1)).sqrt()
        up = [(at * first).mid() for at in z]
        following = [(at * a - second * b).mid() for at, a, b in zip(up, current, before, strict=True)]
        before, current = current, following
    return arb_mat(rows[::2]), arb_mat(rows[1::2])


# -- each by itself


class _Separately(_Way):
    """Certified values or quadrature, one expectation at a time: slow, and good for everything."""

    def __init__(self, phi: Activation) -> None:
        self.phi = phi

    def at(self, point: Point, digits: int) -> Moments:
        q1, phi = exact(point.q1), self.phi
        second, slope = (
            number(phi.second_moment(q1), digits + 2),
            number(phi.second_moment_derivative(q1), digits),
        )
        elasticity = self._elasticity(q1, second, digits)
        if point.gap == 0:
            return Moments(second, second, mp.mpf(0), slope, slope, elasticity)
        c = 1 - exact(point.gap) / q1 if 2 * point.gap < point.q1 else exact(point.q2) / q1
        enough = digits + 2 + point.loss
        with mp.workdps(enough + 5):
            dual = number(phi.dual(q1, c), enough)
            whole = number(phi.second_moment(q1), enough)
            left = whole - dual
        return Moments(second, dual, left, slope, number(phi.dual_derivative(q1, c), digits), elasticity)

    def _elasticity(self, q1: sp.Expr, second: mp.mpf, digits: int) -> mp.mpf:
        """From a symmetric difference: two digits are enough for an estimate of how errors grow."""
        e = sp.Rational(1, 1000)
        up, down = (number(self.phi.second_moment(q1 * (1 + s)), digits) for s in (e, -e))
        return mp.log(up / down) / mp.log((1 + mp.mpf(1) / 1000) / (1 - mp.mpf(1) / 1000)) if second else mp.mpf(0)
