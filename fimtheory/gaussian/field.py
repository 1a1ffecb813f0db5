"""Exact rational arithmetic in the parameters: the coefficients of the calculus live here, not in SymPy trees.

A :class:`Field` is QQ(q, c, parameters, and every irrational constant as one more generator). Arithmetic in it is
fast and puts everything over a common denominator, so that what cancels is gone before anything is printed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sympy as sp
from flint import Ordering, fmpz_mpoly, fmpz_mpoly_ctx

from fimtheory.gaussian.rational import RationalFunction

CORRELATION = sp.Symbol("c", real=True)
"""The correlation: always in (-1, 1) where a sign is decided."""

VARIANCE = sp.Symbol("q", positive=True)

COVARIANCE_FORM = (sp.Symbol("q_1", positive=True), sp.Symbol("q_2", real=True))
"""Variance and covariance, q_2 = q_1 c: the variables of the order-parameter recursions."""

# What bounds the modulus of a correlation or covariance.
_BOUNDS = {CORRELATION: sp.S.One, COVARIANCE_FORM[1]: COVARIANCE_FORM[0]}

_SEVENTHS = (2, -1, -4, 5, -6, 3)  # correlations to sample

Signs = tuple[int, int]  # the least and the largest sign that a quantity may have


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
        names = tuple(f"g{k}" for k in range(max(1, len(atoms))))
        self._ring = fmpz_mpoly_ctx.get(names, Ordering.lex)
        self.zero, self.one = self.lift(self._ring.constant(0)), self.lift(self._ring.constant(1))
        self._element = {g: self.lift(p) for g, p in zip(self.generators, self._ring.gens(), strict=False)}
        self._bounds = {k: _BOUNDS[g] for k, g in enumerate(self.generators) if self._holds(_BOUNDS.get(g))}
        self._expressions: dict[RationalFunction, sp.Expr] = {}
        self._power_signs: dict[tuple[int, int], Signs] = {}

    def __call__(self, expression: sp.Expr | int) -> RationalFunction:
        e = sp.sympify(expression)
        if e.is_Rational:
            return RationalFunction(self._ring.constant(int(e.p)), self._ring.constant(int(e.q)))
        if e in self._element:
            return self._element[e]
        if e.is_Add:
            return sum((self(a) for a in e.args), self.zero)
        if e.is_Mul:
            return math.prod((self(a) for a in e.args), start=self.one)
        if e.is_Pow and e.exp.is_Integer:
            return self(e.base) ** int(e.exp)
        raise KeyError(f"{e} is not in {self!r}")

    def __repr__(self) -> str:
        return f"QQ({', '.join(map(str, self.generators))})"

    def _holds(self, e: sp.Expr | None) -> bool:
        return e is sp.S.One or e in self._element

    def lift(self, polynomial: fmpz_mpoly) -> RationalFunction:
        """A polynomial of the underlying ring as an element of the field."""
        return RationalFunction(polynomial, self._ring.constant(1))

    def polynomial(self, terms: Mapping[tuple, Any]) -> fmpz_mpoly:
        """The polynomial of the underlying ring with the given coefficients of monomials."""
        return self._ring.from_dict(terms)

    def as_expr(self, polynomial: fmpz_mpoly) -> sp.Expr:
        """A polynomial of the underlying ring as a SymPy expression."""
        terms = []
        for monomial, coefficient in zip(polynomial.monoms(), polynomial.coeffs(), strict=True):
            powers = (g ** int(n) for g, n in zip(self.generators, monomial, strict=False) if n)
            terms.append(sp.Mul(sp.Integer(int(coefficient)), *powers))
        return sp.Add(*terms)

    def expr(self, element: RationalFunction) -> sp.Expr:
        """An element as a SymPy expression, numerator over denominator, the sign where an author puts it."""
        if element not in self._expressions:
            numer, denom = self.oriented(element)
            self._expressions[element] = self.as_expr(numer) / self.as_expr(denom)
        return self._expressions[element]

    def oriented(self, element: RationalFunction) -> tuple[fmpz_mpoly, fmpz_mpoly]:
        """Numerator and denominator with the sign that makes the denominator positive on the domain, if one does."""
        if self.is_positive(self.lift(element.denom)) is False:
            return -element.numer, -element.denom
        return element.numer, element.denom

    def uses(self, element: RationalFunction, generator: sp.Expr) -> bool:
        """Whether a generator occurs in an element."""
        if generator not in self._element:
            return False
        k = self.generators.index(generator)
        return any(part.degrees()[k] for part in (element.numer, element.denom))

    # -- signs

    def is_positive(self, element: RationalFunction) -> bool | None:
        """Whether an element is positive for every correlation c in (-1, 1) and all parameters in their domains.

        c is written (t - 1)/(t + 1) with t > 0, the covariance q_2 as q_1 (t - 1)/(t + 1): then a polynomial is
        positive if every term is.

        >>> field = Field([CORRELATION, VARIANCE])
        >>> field.is_positive(field(1 - CORRELATION**2)), field.is_positive(field(1 + VARIANCE * CORRELATION))
        (True, None)
        """
        least, largest = _product(self._signs(element.numer), self._signs(element.denom))
        return True if least > 0 else False if largest <= 0 else None

    def _signs(self, polynomial: fmpz_mpoly) -> Signs:
        for k, bound in self._bounds.items():
            polynomial = self._in_positive_variable(polynomial, k, self(bound).numer)
        terms = zip(polynomial.monoms(), polynomial.coeffs(), strict=True)
        signs = [self._signs_of_term(monomial, 1 if coefficient > 0 else -1) for monomial, coefficient in terms]
        least, largest = zip(*signs, strict=True) if signs else ((0,), (0,))
        return max(least) if min(least) >= 0 else -1, min(largest) if max(largest) <= 0 else 1

    def _in_positive_variable(self, polynomial: fmpz_mpoly, k: int, bound: fmpz_mpoly) -> fmpz_mpoly:
        """The polynomial with bound (t - 1)/(t + 1) for the k-th generator, times (t + 1)^degree; t is that generator."""
        degree, t = int(polynomial.degrees()[k]), self._ring.gen(k)
        if not degree:
            return polynomial
        parts: list[dict] = [{} for _ in range(degree + 1)]
        for monomial, coefficient in polynomial.terms():
            parts[int(monomial[k])][(*monomial[:k], 0, *monomial[k + 1 :])] = coefficient
        rewritten = (
            self.polynomial(part) * (bound * (t - 1)) ** n * (t + 1) ** (degree - n) for n, part in enumerate(parts)
        )
        return sum(rewritten, start=self.polynomial({}))

    def _signs_of_term(self, monomial: tuple, sign: int) -> Signs:
        signs = (sign, sign)
        for k, n in enumerate(monomial):
            if n and k not in self._bounds:
                signs = _product(signs, self._signs_of_power(k, int(n)))
        return signs

    def _signs_of_power(self, k: int, n: int) -> Signs:
        if (k, n) not in self._power_signs:
            power = self.generators[k] ** n
            least = 1 if power.is_positive else 0 if power.is_nonnegative else -1
            largest = -1 if power.is_negative else 0 if power.is_nonpositive else 1
            self._power_signs[k, n] = (least, largest)
        return self._power_signs[k, n]


def _product(left: Signs, right: Signs) -> Signs:
    products = [a * b for a in left for b in right]
    return min(products), max(products)


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
