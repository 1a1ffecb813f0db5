"""The moments of a layer with an analytic activation, from the Hermite coefficients of phi(sqrt(q) Z)."""

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
from fimtheory.gaussian.enclosure import precision
from fimtheory.gaussian.quadrature import with_numbers
from fimtheory.theory.layer_point import BITS, GUARD, Moments, Point, Unresolved, Way, ball, correlation, rounded

_TERMS = (64, 128, 256, 512, 1024, 2048, 4096)  # of a Hermite series
_FLAT = -6  # octave of variances below which a function needs no finer rule, nor gains by a coarser one
_FINEST = 2.0**-7  # step of the trapezoidal rule, in standard deviations


class HermiteMap(Way):
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
        octave = max(math.ceil(mp.log(point.q1, 2)), _FLAT)
        kind = digits, octave, point.loss
        with precision((digits + 2 * GUARD) * BITS):
            for terms in (n for n in _TERMS if n >= self._enough.get(kind, 0)):
                found = self._series(point.q1, octave, digits, terms).at(point)
                if found:
                    self._enough[kind] = terms
                    return Moments(*map(rounded, found))
        raise Unresolved

    def _expanded(self, variance: mp.mpf, octave: int, digits: int, terms: int) -> _Series:
        """The series at one variance, which is at most 2^octave: what is resolved there is so below."""
        q1, step = ball(variance), _resolving(self._step(octave, digits), terms)
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
        raise Unresolved

    def _values(self, q1: arb, digits: int, nodes: tuple[list[arb], list[arb]]) -> _Values:
        """phi at the nodes and their mirror images; :class:`Unresolved` where the Gaussian does not damp it."""
        if digits not in self._functions:
            numbers = (with_numbers(e, digits + 2 * GUARD) for e in self._formulas)
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
            raise Unresolved
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
        c, small = correlation(q1, point).mid(), (ball(point.gap) / q1).mid()
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
    count = math.ceil((2 * math.sqrt((digits + GUARD) * math.log(10)) + 1) / step)
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
