"""Random members of the class by every route there is: none may disagree.

*Calculus*: the closed form, in ball arithmetic. *Quadrature*: multiple precision. *Arrays*: double precision, of the
function as NumPy sees it. *Enclosure*: proven bounds of the integral. *Mehler*: sum_k a_k b_k c^k from Hermite
coefficients by quadrature of this file, with Parseval's bound of what is left out. 200 draws in every run, 2,000 in
the nightly one (``make nightly``).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from mpmath import mp

from fimtheory.gaussian import quadrature
from fimtheory.gaussian.certification import Enclosure, certify
from fimtheory.gaussian.expectation import expectation, pair_expectation
from fimtheory.gaussian.integrals import Expectation, PairExpectation
from fimtheory.gaussian.pieces import pieces
from fimtheory.gaussian.quadrature import exact
from fimtheory.gaussian.quantity import number
from tests.formulas import NIGHTLY, drawn, runs
from tests.members import Member, X, fraction, rich, simple

DIGITS = 25
DOUBLE = 1e-10  # of the size of the functions
DEGREE = 80


# -- what is drawn


@dataclass(frozen=True)
class One:
    """E f(sqrt(q) Z)."""

    f: Member
    q: sp.Rational

    @classmethod
    def drawn(cls, random: Random) -> One:
        return cls(rich(random), fraction(random, 0, 3))

    @functools.cached_property
    def closed(self) -> sp.Expr:
        return expectation(self.f.expression, X, self.q)

    def routes(self) -> dict[str, Callable[[mp.mpf], bool]]:
        """The name of every route, and whether it may be the value."""
        integral, split = Expectation(self.f.expression, X, self.q), pieces(self.f.expression, X)
        return {
            "quadrature": lambda v: agree(v, quadrature.expectation_digits(split, self.q, DIGITS), DIGITS),
            "enclosure": lambda v: meets(v, certify(integral, DIGITS)),
            "arrays": lambda v: abs(float(v) - hermite(self.f, self.q)[0]) <= DOUBLE * norm(self.f, self.q),
        }


@dataclass(frozen=True)
class Pair:
    """E f(U) g(V), Var U = q1, Var V = q2, correlation c."""

    f: Member
    g: Member
    q1: sp.Rational
    q2: sp.Rational
    c: sp.Rational

    @classmethod
    def drawn(cls, random: Random) -> Pair:
        f, g, q1, q2 = simple(random), simple(random), fraction(random, 0, 3), fraction(random, 0, 3)
        return cls(f, g, q1, q2, sp.Rational(random.randint(-19, 19), 20))

    @property
    def at(self) -> tuple[sp.Rational, sp.Rational, sp.Rational]:
        return self.q1, self.q2, self.c

    @property
    def size(self) -> float:
        return norm(self.f, self.q1) * norm(self.g, self.q2)

    @functools.cached_property
    def closed(self) -> sp.Expr:
        return pair_expectation(self.f.expression, self.g.expression, X, *self.at)

    @property
    def smooth(self) -> bool:
        return not (self.f.kinks or self.g.kinks)

    def digits(self) -> int:
        """How many are asked of the quadrature: a double integral with kinks takes seconds."""
        return DIGITS if self.smooth else 8

    def routes(self) -> dict[str, Callable[[mp.mpf], bool]]:
        """The name of every route, and whether it may be the value."""
        f, g = self.f.expression, self.g.expression
        tried: dict[str, Callable[[mp.mpf], bool]] = {
            "enclosure": lambda v: meets(v, certify(PairExpectation(f, g, X, *self.at), 20)),
            "arrays": lambda v: abs(float(v) - self.arrays()) <= DOUBLE * self.size,
            "Mehler": lambda v: abs(float(v) - self.mehler()[0]) <= self.mehler()[1],
        }
        if self.smooth or NIGHTLY:
            split = pieces(f, X), pieces(g, X)
            tried["quadrature"] = lambda v: agree(
                v, quadrature.pair_digits(*split, *self.at, self.digits()), self.digits()
            )
        return tried

    def arrays(self) -> float:
        q1, q2, c = map(float, self.at)
        return quadrature.pair_float(
            self.f.function, self.g.function, q1, q2, c, self.f.kinks, self.g.kinks, rtol=1e-11
        )

    def mehler(self) -> tuple[float, float]:
        """The sum up to a degree, and a bound of its error: the rest is below |c|^(K + 1) ||rest of f|| ||rest of g||."""
        a, b, c = hermite(self.f, self.q1), hermite(self.g, self.q2), float(self.c)
        rest = math.sqrt(remainder(self.f, self.q1) * remainder(self.g, self.q2))
        total = float(np.polynomial.polynomial.polyval(c, a * b))
        return total, abs(c) ** (DEGREE + 1) * rest + DOUBLE * self.size


def agree(left: mp.mpf, right: mp.mpf, digits: int) -> bool:
    """To that many significant digits, up to one unit of the last."""
    with mp.workdps(digits + 20):
        return bool(abs(left - right) <= mp.mpf(10) ** (1 - digits) * abs(right))


def meets(value: mp.mpf, enclosure: Enclosure) -> bool:
    """Whether a number known to a few more digits than the enclosure lies in it."""
    slack = abs(exact(value)) / 10 ** (DIGITS + 5)
    return enclosure.lower - slack <= exact(value) <= enclosure.upper + slack


# -- Hermite coefficients, by Gauss-Legendre panels of this file


@functools.lru_cache(maxsize=256)
def hermite(f: Member, q: sp.Rational) -> np.ndarray:
    """b_k(q) = E f(sqrt(q) Z) He_k(Z)/sqrt(k!) for k = 0 .. DEGREE."""
    z, weight = nodes(tuple(h / math.sqrt(q) for h in f.kinks))
    values = weight * f.function(math.sqrt(q) * z)
    before, current, found = np.zeros_like(z), np.ones_like(z), []
    for k in range(DEGREE + 1):
        found.append(math.fsum(values * current))
        before, current = current, (z * current - math.sqrt(k) * before) / math.sqrt(k + 1)
    return np.array(found)


@functools.lru_cache(maxsize=256)
def norm(f: Member, q: sp.Rational) -> float:
    """sqrt(E f^2)."""
    z, weight = nodes(tuple(h / math.sqrt(q) for h in f.kinks))
    return math.sqrt(math.fsum(weight * f.function(math.sqrt(q) * z) ** 2))


def remainder(f: Member, q: sp.Rational) -> float:
    """What the coefficients leave of E f^2 (Parseval)."""
    return max(norm(f, q) ** 2 - math.fsum(hermite(f, q) ** 2), 0.0)


@functools.lru_cache(maxsize=64)
def nodes(kinks: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights against the normal density: 24 in each panel of width 1 at most that ends at the kinks."""
    edges = np.array(sorted({*map(float, range(-14, 15)), *(h for h in kinks if abs(h) < 14)}))
    t, w = np.polynomial.legendre.leggauss(24)
    half = np.diff(edges)[:, None] / 2
    z = (edges[:-1, None] + half * (1 + t)).ravel()
    return z, (half * w).ravel() * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


# -- the comparison


def value(draw: One | Pair) -> mp.mpf:
    """The calculus' answer; of a function without closed form, that of its integral."""
    return number(draw.closed, DIGITS + 10)


def dissenters(draw: One | Pair, claimed: mp.mpf) -> list[str]:
    """The routes that contradict a value."""
    return [name for name, allows in draw.routes().items() if not allows(claimed)]


@runs(100, 1000)
@given(draw=drawn(One.drawn))
def test_one_variable(draw):
    assert dissenters(draw, value(draw)) == []


@runs(100, 1000)
@given(draw=drawn(Pair.drawn))
def test_two_variables(draw):
    assert dissenters(draw, value(draw)) == []


@pytest.mark.parametrize("kind", [One, Pair])
def test_most_draws_have_a_closed_form(kind):
    """Those with a wave and a kink have none: they would be normal distribution functions of complex numbers."""
    open_ones = [kind.drawn(Random(seed)).closed.has(Expectation, PairExpectation) for seed in range(40)]
    assert sum(open_ones) < 20


# -- the comparison can fail

OFF = 1 + mp.mpf(10) ** -9


@pytest.mark.parametrize("seed", range(8))
def test_a_constant_off_by_a_billionth_is_caught(seed):
    one, pair = One.drawn(Random(seed)), Pair.drawn(Random(seed))
    assert {"quadrature", "enclosure"} <= {*dissenters(one, value(one) * OFF)}
    assert "enclosure" in dissenters(pair, value(pair) * OFF)


def test_the_digits_of_pairs_catch_it_too():
    smooth = [pair for pair in map(Pair.drawn, map(Random, range(40))) if pair.smooth][:5]
    assert all("quadrature" in dissenters(pair, value(pair) * OFF) for pair in smooth)


def test_a_wrong_correlation_is_caught_by_every_route():
    caught = 0
    for seed in range(20):
        pair = Pair.drawn(Random(seed))
        wrong = value(replace(pair, c=pair.c / 2 + sp.Rational(1, 50)))
        if abs(wrong - value(pair)) > 0.01 * pair.size:  # else the pair hardly depends on the correlation
            assert {"arrays", "Mehler", "enclosure"} <= {*dissenters(pair, wrong)}
            caught += 1
    assert caught > 8
