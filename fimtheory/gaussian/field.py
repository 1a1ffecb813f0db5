"""Exact rational arithmetic in the parameters: the coefficients of the calculus live here, not in SymPy trees.

A :class:`Field` is QQ(q, c, parameters, and every irrational constant as one more generator). Arithmetic in it is
fast and puts everything over a common denominator, so that what cancels is gone before anything is printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sympy as sp
from sympy.polys.domains import QQ
from sympy.polys.fields import FracElement, FracField

CORRELATION = sp.Symbol("c", real=True)
"""The correlation: always in (-1, 1) where a sign is decided."""

VARIANCE = sp.Symbol("q", positive=True)

COVARIANCE_FORM = (sp.Symbol("q_1", positive=True), sp.Symbol("q_2", real=True))
"""Variance and covariance, q_2 = q_1 c: the variables of the order-parameter recursions."""


_SEVENTHS = (2, -1, -4, 5, -6, 3)  # correlations to sample


class Field:
    """The field of rational functions that holds the given expressions.

    >>> field = Field([CORRELATION, sp.sqrt(2)])
    >>> element = field(1 / (1 - CORRELATION) + 1 / (1 + CORRELATION))
    >>> field.expr(element)
    2/(1 - c**2)
    """

    def __init__(self, expressions: Iterable[sp.Expr]) -> None:
        atoms: set[sp.Expr] = set()
        for expression in expressions:
            _collect(sp.sympify(expression), atoms)
        self.generators = sorted(atoms, key=sp.default_sort_key)
        self._domain = FracField([sp.Dummy(f"g{k}") for k in range(len(atoms))] or [sp.Dummy("g")], QQ)
        self._element = dict(zip(self.generators, self._domain.gens, strict=False))
        self._values = [*self.generators] or [sp.S.One]
        self._cache: dict[Any, sp.Expr] = {}
        self.zero, self.one = self._domain.zero, self._domain.one

    def __call__(self, expression: sp.Expr | int) -> FracElement:
        e = sp.sympify(expression)
        if e in self._element:
            return self._element[e]
        if e.is_Rational:
            return self.one * QQ(int(e.p), int(e.q))
        if e.is_Add:
            return sum((self(a) for a in e.args), self.zero)
        if e.is_Mul:
            product = self.one
            for a in e.args:
                product = product * self(a)
            return product
        if e.is_Pow and e.exp.is_Integer:
            return self(e.base) ** int(e.exp)
        raise KeyError(f"{e} is not in {self!r}")

    def __repr__(self) -> str:
        return f"QQ({', '.join(map(str, self.generators))})"

    def lift(self, polynomial) -> FracElement:
        """A polynomial of the underlying ring as an element of the field."""
        return self.one.new(polynomial, self.one.denom)

    def poly(self, numerator) -> sp.Expr:
        """A polynomial of the field (numerator or denominator of an element) as a SymPy expression."""
        return numerator.as_expr(*self._values)

    def expr(self, element: FracElement) -> sp.Expr:
        """An element as a SymPy expression, numerator over denominator, the sign where an author puts it."""
        if element not in self._cache:
            numerator, denominator = self.poly(element.numer), self.poly(element.denom)
            if is_positive(denominator) is False:
                numerator, denominator = sp.expand(-numerator), sp.expand(-denominator)
            self._cache[element] = numerator / denominator
        return self._cache[element]

    def uses(self, element: FracElement, generator: sp.Expr) -> bool:
        """Whether a generator occurs in an element."""
        if generator not in self.generators:
            return False
        k = self.generators.index(generator)
        return any(monomial[k] for part in (element.numer, element.denom) for monomial in part)


def _collect(e: sp.Expr, atoms: set[sp.Expr]) -> None:
    if e.is_Rational:
        return
    if e.is_Add or e.is_Mul:
        for argument in e.args:
            _collect(argument, atoms)
    elif e.is_Pow and e.exp.is_Integer:
        _collect(e.base, atoms)
    else:
        atoms.add(e)


def sample_points(symbols: Iterable[sp.Symbol], count: int = 3) -> Iterator[dict[sp.Symbol, sp.Expr]]:
    """Admissible values for symbols: |c| < 1, |q_2| < q_1, parameters in their domains."""
    ordered, (variance, covariance) = sorted(symbols, key=str), COVARIANCE_FORM
    for j in range(count):
        c = sp.Rational(_SEVENTHS[j % len(_SEVENTHS)], 7)
        point = {s: sp.Rational(13 + 8 * k + 5 * j, 29 + 3 * k) for k, s in enumerate(ordered)}
        point |= {s: -value for s, value in point.items() if s.is_negative}
        special = {CORRELATION: c, covariance: c * point.get(variance, sp.S.One)}
        yield point | {s: value for s, value in special.items() if s in point}


def is_positive(expression: sp.Expr) -> bool | None:
    """Whether an expression is positive for every correlation c in (-1, 1) and all parameters in their domains.

    c is written (t - 1)/(t + 1) with t > 0, so that SymPy's sign rules see polynomials in positive symbols.

    >>> is_positive(1 - CORRELATION**2), is_positive(1 + VARIANCE * CORRELATION)
    (True, None)
    """
    e = sp.sympify(expression)
    variance, covariance = COVARIANCE_FORM
    if e.has(covariance):
        e = e.subs(covariance, variance * CORRELATION)
    if e.has(CORRELATION):
        t = sp.Dummy("t", positive=True)
        numerator, denominator = sp.fraction(sp.together(e.subs(CORRELATION, (t - 1) / (t + 1))))
        e = sp.expand(numerator) * sp.expand(denominator)
    if e.is_positive is None and e.free_symbols:
        e = sp.factor_terms(sp.expand(e))
    return e.is_positive
