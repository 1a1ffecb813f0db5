"""Certificates: balls proven to contain the value of an expression, and equality of formulas decided by them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sympy as sp
from flint import arb

from fimtheory.emission import emit
from fimtheory.errors import InputError, NotCertified
from fimtheory.gaussian.enclosure import precision
from fimtheory.gaussian.field import sample_points
from fimtheory.gaussian.integrals import Expectation, PairExpectation

_ATTEMPTS = 5
_GUARD = 4  # decimals beyond those asked for: with them, rounding to the digits asked for is safe
_BITS = math.log2(10)
_DEEPEST = 60  # decimals below 1 at which a ball around zero is accepted


@dataclass(frozen=True, repr=False)
class Enclosure:
    """A real number between two proven bounds.

    ``digits`` counts the proven significant digits; ``lower`` and ``upper`` are exact rationals.

    >>> certify(sp.pi, 20)
    Enclosure(3.1415926535897932385)
    """

    ball: arb
    asked: int

    @property
    def digits(self) -> int:
        """How many significant digits are proven."""
        return max(0, math.floor(self.ball.rel_accuracy_bits() / _BITS))

    @property
    def value(self) -> str:
        """The decimal value, rounded to the digits asked for."""
        return "0" if self.ball.contains(0) else self.ball.mid().str(self.asked, radius=False)

    @property
    def radius(self) -> float:
        """An upper bound of the distance between the value and the middle of the ball."""
        return float(self.ball.rad().upper())

    @property
    def lower(self) -> sp.Rational:
        """A rational number below the value."""
        return _rational(self.ball.mid()) - _rational(self.ball.rad())

    @property
    def upper(self) -> sp.Rational:
        """A rational number above the value."""
        return _rational(self.ball.mid()) + _rational(self.ball.rad())

    def __contains__(self, number) -> bool:
        """Whether an exact number lies within the bounds."""
        value = sp.sympify(number)
        return bool(self.lower <= value) and bool(value <= self.upper)

    def __float__(self) -> float:
        return float(self.ball.mid())

    def __repr__(self) -> str:
        return f"Enclosure({self.value})"

    def _repr_latex_(self) -> str:
        factor, exponent = f"{self.radius:.0e}".split("e")
        return rf"${self.value} \pm {factor} \cdot 10^{{{int(exponent)}}}$"


def certify(expression, digits: int = 30) -> Enclosure:
    """A rigorous enclosure of a number, to ``digits`` proven significant digits.

    ``expression`` is a SymPy expression without free symbols: a closed form, or Gaussian integrals without one
    (:func:`fimtheory.expect` of tanh, a dual at numbers q and c), which are enclosed with proven quadrature and tail
    bounds. Raises :class:`NotCertified` with the reason where no proof is found, :class:`InputError` for free symbols.

    >>> x = sp.Symbol("x", real=True)
    >>> certify(Expectation(sp.tanh(x) ** 2, x, sp.Integer(1)), 25)
    Enclosure(0.3942944903978411744164598)
    """
    e = sp.sympify(getattr(expression, "expression", expression))
    if e.free_symbols:
        names = ", ".join(sorted(map(str, e.free_symbols)))
        raise InputError(f"only a number can be certified: give values to {names}")
    if digits < 1:
        raise InputError(f"{digits} digits cannot be given: ask for 1 or more")
    return Enclosure(enclose(e, digits), digits)


def enclose(e: sp.Expr, digits: int) -> arb:
    """A ball around a number, with ``digits`` proven significant digits (or around zero to many decimals)."""
    return significant(_evaluator(e), digits)


def _evaluator(e: sp.Expr) -> Callable[[int], arb]:
    """A number as a ball, to about as many decimals as asked for."""
    integrals = sorted(e.atoms(Expectation, PairExpectation), key=sp.default_sort_key)
    names = [sp.Dummy(f"integral_{k}") for k in range(len(integrals))]
    function = emit(e.xreplace(dict(zip(integrals, names, strict=True))), names, "ball")

    def value(decimals: int) -> arb:
        balls = [integral.enclosure(decimals) for integral in integrals]
        with precision((decimals + 10) * _BITS):
            return function(*balls)

    return value


def significant(compute: Callable[[int], arb], digits: int) -> arb:
    """A ball with ``digits`` significant digits, from a computation that is asked for decimals."""
    decimals, ball = digits + _GUARD, arb("nan")
    for _ in range(_ATTEMPTS):
        ball = compute(decimals)
        if not ball.is_finite():
            decimals = 2 * decimals + 20
            continue
        missing = digits + _GUARD / 2 - ball.rel_accuracy_bits() / _BITS
        if ball.rad() == 0 or missing <= 0:
            return ball
        if ball.contains(0) and ball.rad() < arb(10) ** -(digits + _DEEPEST):
            return ball
        decimals += math.ceil(min(missing, digits + 2 * _DEEPEST)) + 2
    if not ball.is_finite():
        raise NotCertified("the expression has no finite value in ball arithmetic")
    raise NotCertified(f"{digits} digits were not reached: the proven radius is {float(ball.rad()):.1e}")


def equal(left, right, points: int = 5, digits: int = 40) -> bool:
    """Whether two formulas agree at all parameters in their domains, decided by enclosures at sample points.

    False is a proof: at one point the balls do not meet. True means that they meet, to ``digits`` decimals, at every
    one of ``points`` generic rational points. Raises :class:`NotCertified` where the balls are too wide to tell.

    >>> c = sp.Symbol("c", real=True)
    >>> equal(sp.asin(c) + sp.acos(c), sp.pi / 2), equal(sp.asin(c), c)
    (True, False)
    """
    difference = sp.sympify(left) - sp.sympify(right)
    return all(_vanishes(difference.xreplace(point), digits) for point in _points(difference.free_symbols, points))


def _points(symbols: Iterable[sp.Symbol], count: int) -> Iterable[dict[sp.Symbol, sp.Expr]]:
    return sample_points(symbols, count) if symbols else [{}]


def _vanishes(e: sp.Expr, digits: int) -> bool:
    value = _evaluator(e)
    for decimals in (digits, 2 * digits, 4 * digits):
        ball = value(decimals)
        if ball.is_finite() and not ball.contains(0):
            return False
        if ball.is_finite() and ball.rad() < arb(10) ** -digits:
            return True
    raise NotCertified(f"whether {e} is zero could not be decided")


def _rational(exact: arb) -> sp.Rational:
    mantissa, exponent = exact.man_exp()
    return sp.Integer(int(mantissa)) * sp.Integer(2) ** int(exponent)
