"""A quantity as every output of the package shows it: formula, LaTeX, value, status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp
from mpmath import mp

from fimtheory.errors import InputError, NotCertified, NotConverged
from fimtheory.gaussian.certification import enclose
from fimtheory.gaussian.integrals import Expectation, PairExpectation
from fimtheory.gaussian.quadrature import exact
from fimtheory.latex import latex


@dataclass(frozen=True)
class Quantity:
    """An expression with its status.

    ``exact`` is a closed formula; an integral without closed form is ``certified`` where its value carries a proof,
    and ``numerical`` otherwise, or while symbols are free.

    >>> Quantity(sp.pi / 4).as_json(10)
    {'formula': 'pi/4', 'latex': '\\\\frac{\\\\pi}{4}', 'value': '0.7853981634', 'status': 'exact'}
    """

    expression: sp.Expr

    @property
    def is_closed(self) -> bool:
        """Whether the expression is free of unevaluated integrals."""
        return not self.expression.has(Expectation, PairExpectation)

    @property
    def status(self) -> str:
        """``exact``, ``certified`` or ``numerical``."""
        return self.as_json()["status"] or ""

    @property
    def latex(self) -> str:
        """LaTeX of the formula (of the integral, where there is no closed form)."""
        return latex(self.expression)

    def value(self, digits: int = 16) -> str | None:
        """The decimal value to ``digits`` significant digits; None while symbols are free."""
        return None if self.expression.free_symbols else decimal(self.expression, digits)

    def as_json(self, digits: int = 16) -> dict[str, str | None]:
        """The four keys of the public format."""
        closed = self.is_closed
        number = None if self.expression.free_symbols else evaluate(self.expression, digits + 5)
        return {
            "formula": str(self.expression) if closed else None,
            "latex": self.latex,
            "value": number and as_decimal(number.value, digits),
            "status": "exact" if closed else "certified" if number and number.proven else "numerical",
        }

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex}$"


def decimal(expression: sp.Expr, digits: int = 16) -> str:
    """A number to ``digits`` correct significant digits, as a decimal string.

    Closed forms are evaluated in ball arithmetic at growing precision until the error bound leaves no doubt.

    >>> decimal(sp.sqrt(2), 30)
    '1.41421356237309504880168872421'
    """
    return as_decimal(number(expression, digits + 5), digits)


def as_decimal(value: mp.mpf, digits: int) -> str:
    """An ``mpf`` as a decimal string of ``digits`` significant digits."""
    with mp.workdps(digits + 10):
        return mp.nstr(value, digits, strip_zeros=True, min_fixed=-8, max_fixed=digits + 1).removesuffix(".0")


@dataclass(frozen=True)
class Number:
    """A value, and whether its digits are proven."""

    value: mp.mpf
    proven: bool


def number(expression: sp.Expr, digits: int = 16, values: Mapping[sp.Symbol, sp.Expr | mp.mpf] | None = None) -> mp.mpf:
    """An expression without free symbols (after ``values``) as an ``mpmath.mpf`` with ``digits`` correct digits.

    Raises :class:`InputError` where a symbol has no value, :class:`NotConverged` where the digits are not reached.
    """
    e = sp.sympify(expression)
    if values:
        e = e.subs({symbol: exact(value) for symbol, value in values.items()})
    return evaluate(e, digits).value


def evaluate(e: sp.Expr, digits: int) -> Number:
    """A number to ``digits`` significant digits: from a proven enclosure where there is one, else by quadrature."""
    if digits < 1:
        raise InputError(f"{digits} digits cannot be given: ask for 1 or more")
    if e == 0:
        return Number(mp.mpf(0), True)
    try:
        ball = enclose(e, digits)
    except NotCertified:
        return Number(_fallback(e, digits), False)
    if ball.contains(0):
        return Number(mp.mpf(0), False)
    with mp.workdps(digits + 15):
        return Number(mp.mpf(ball.mid().str(digits + 10, radius=False)), True)


def _fallback(e: sp.Expr, digits: int) -> mp.mpf:
    """The digits that SymPy finds where ball arithmetic does not."""
    with mp.workdps(digits + 15):
        value = mp.mpf(sp.N(e, digits + 15)._to_mpmath(int(3.33 * digits) + 50))
        if not mp.isfinite(value):
            raise NotConverged(f"{e} has no finite value", float(value))
        return value if abs(value) > mp.mpf(10) ** -(digits + 100) else mp.mpf(0)
