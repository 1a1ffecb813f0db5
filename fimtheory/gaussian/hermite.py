"""Hermite coefficients b_k = E f(Z) He_k(Z)/sqrt(k!) for a symbolic degree k, and the Mehler series made of them.

Every Gaussian atom has its rule; all of them follow from E f He_k = E f' He_(k-1) and x He_k = He_(k+1) + k He_(k-1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from fimtheory.errors import NoClosedForm
from fimtheory.functions import density
from fimtheory.gaussian.expectation import hermite_coefficient, of_pieces
from fimtheory.gaussian.field import sample_points
from fimtheory.gaussian.normal_form import Shape, normal_form
from fimtheory.gaussian.pieces import Pieces

_Rule = Callable[[sp.Expr], sp.Expr]  # from the degree to E atom(Z) He_k(Z)


def scaled(f: Pieces, q: sp.Expr) -> Pieces:
    """z -> f(sqrt(q) z)."""
    root, x = sp.sqrt(q), f.variable
    return Pieces(x, tuple(h / root for h in f.breaks), tuple(e.subs(x, root * x) for e in f.expressions))


def coefficient(f: Pieces, k: int) -> sp.Expr:
    """b_k for a given degree."""
    value = hermite_coefficient(f, k)
    root = sp.sqrt(sp.factorial(k))
    return sp.expand(value / root) if not value.has(sp.Add) else value / root


def general_coefficient(f: Pieces, k: sp.Symbol) -> sp.Expr:
    """b_k for symbolic k: a formula, with the small degrees that it does not cover in front.

    Raises :class:`NoClosedForm` where an atom has no general formula (an exponential beside a kink, two Phi).

    >>> from fimtheory.gaussian.pieces import pieces
    >>> x, k = sp.Symbol("x", real=True), sp.Symbol("k", integer=True, nonnegative=True)
    >>> general_coefficient(pieces(sp.exp(x), x), k)
    exp(1/2)/sqrt(factorial(k))
    """
    rules = [(weight, *_rule(shape)) for shape, weight in normal_form(f).items()]
    total = sp.Add(*(weight * rule(k) for weight, rule, _ in rules))
    general = _tidy(total) / sp.sqrt(sp.factorial(k))
    exceptions = []
    for degree in range(max(first for *_, first in rules)):
        exact = coefficient(f, degree)
        if not _agree(general.subs(k, degree), exact):
            exceptions.append((exact, sp.Eq(k, degree)))
    return sp.Piecewise(*exceptions, (general, True)) if exceptions else general


def _tidy(total: sp.Expr) -> sp.Expr:
    """Real, the parity as cos(pi k/2) or sin(pi k/2), with what all terms share in front."""
    real = sp.expand(total)
    real = real.as_real_imag()[0] if real.has(sp.I) else real
    real = real.replace(
        lambda u: isinstance(u, (sp.sin, sp.cos)), lambda u: sp.expand_trig(u.func(sp.expand(u.args[0])))
    )
    return sp.factor_terms(sp.factor(sp.powsimp(sp.gammasimp(real)), deep=False))


def _agree(found: sp.Expr, exact: sp.Expr) -> bool:
    if found.has(sp.nan, sp.zoo, sp.oo):
        return False
    difference = found - exact
    points = sample_points(difference.free_symbols) if difference.free_symbols else [{}]
    values = [abs(difference.subs(point).evalf(30)) for point in points]
    return all(value.is_comparable and value < sp.Float("1e-25") for value in values)


def _rule(shape: Shape) -> tuple[_Rule, int]:
    """The rule of an atom, and the first degree from which it holds."""
    n, wave = shape.power, bool(shape.quadratic or shape.linear)
    if shape.above is not None:
        if wave or shape.cdfs:
            raise _none("an exponential or a Phi beside a kink")
        return _half_line(n, shape.above), n + 1
    if not shape.cdfs:
        return (_with_power(_gaussian(shape.quadratic, shape.linear), n), 0) if wave else (lambda k: sp.S.Zero, n + 1)
    if wave or len(shape.cdfs) > 1:
        raise _none("an exponential times Phi, or two Phi")
    slope, offset = next(iter(shape.cdfs))
    return _distribution(n, slope, offset), n + 1


def _none(what: str) -> NoClosedForm:
    return NoClosedForm(f"no general formula in k is known for {what}: ask for a number k")


def _half_line(n: int, h: sp.Expr) -> _Rule:
    """x^n 1[x > h]: the derivative is n x^(n-1) 1[x > h] + h^n delta(x - h)."""
    if n == 0:
        return lambda k: _he(k - 1, h) * density(h)
    lower = _half_line(n - 1, h)
    return lambda k: n * lower(k - 1) + h**n * _he(k - 1, h) * density(h)


def _he(k: sp.Expr, h: sp.Expr) -> sp.Expr:
    """He_k(h); at zero (-1)^(k/2) (k - 1)!! for even k."""
    if h.is_zero:
        return sp.cos(sp.pi * k / 2) * 2 ** (k / 2) * sp.gamma((k + 1) / 2) / sp.sqrt(sp.pi)
    return sp.hermite_prob(k, h)


def _gaussian(a: sp.Expr, b: sp.Expr) -> _Rule:
    """exp(a x^2 + b x): E f(Z + t) = sqrt(v) exp(v (b^2/2 + b t + a t^2)) with v = 1/(1 - 2 a) generates the He_k."""
    v = 1 / (1 - 2 * a)
    front, beta, gamma = sp.sqrt(v) * sp.exp(v * b**2 / 2), sp.cancel(v * b), sp.cancel(v * a)
    if not gamma:
        return lambda k: front * _power(beta, k)
    if not beta:
        sign = -1 if gamma.is_negative else 1
        even = sp.cos(sp.pi / 2 * sp.Symbol("k")) if sign == -1 else (1 + sp.cos(sp.pi * sp.Symbol("k"))) / 2
        return lambda k: (
            front * (sign * gamma) ** (k / 2) * sp.factorial(k) / sp.gamma(k / 2 + 1) * even.subs(sp.Symbol("k"), k)
        )
    if not (gamma.is_negative and beta.is_real):
        raise _none("a Gaussian times a wave")
    root = sp.sqrt(-2 * gamma)
    return lambda k: front * root**k * sp.hermite_prob(k, beta / root)


def _power(beta: sp.Expr, k: sp.Expr) -> sp.Expr:
    """beta^k for real or imaginary beta."""
    if beta.is_real:
        return beta**k
    w = sp.expand(beta / sp.I)
    if not w.is_real:
        raise _none("an exponential times a wave")
    sign = -1 if w.could_extract_minus_sign() else 1
    return (sign * w) ** k * (sp.cos(sp.pi * k / 2) + sign * sp.I * sp.sin(sp.pi * k / 2))


def _with_power(rule: _Rule, n: int) -> _Rule:
    """x^n in front, by the recursion of the He_k."""
    if n == 0:
        return rule
    lower = _with_power(rule, n - 1)
    return lambda k: lower(k + 1) + k * lower(k - 1)


def _distribution(n: int, g: sp.Expr, d: sp.Expr) -> _Rule:
    """x^n Phi(g x + d), by its derivative n x^(n-1) Phi(g x + d) + g x^n phi(g x + d)."""
    bell = _with_power(_gaussian(-(g**2) / 2, -g * d), n)
    height = g * sp.exp(-(d**2) / 2) / sp.sqrt(2 * sp.pi)
    if n == 0:
        return lambda k: height * bell(k - 1)
    lower = _distribution(n - 1, g, d)
    return lambda k: n * lower(k - 1) + height * bell(k - 1)


# -- the Mehler series


@dataclass(frozen=True)
class MehlerSeries:
    """The first terms of I(c) = sum b_k^2 c^k, with what they leave out: by Parseval, at most |c|^K times the rest.

    ``squares`` are b_0^2, ..., b_(K-1)^2; ``rest`` is E f^2 - sum of the squares.
    """

    squares: tuple[sp.Expr, ...]
    rest: sp.Expr

    def __call__(self, c) -> sp.Expr:
        """The truncated series."""
        return sp.Add(*(square * sp.sympify(c) ** k for k, square in enumerate(self.squares)))

    def bound(self, c) -> sp.Expr:
        """|I(c) - series(c)| is at most this."""
        return abs(sp.sympify(c)) ** len(self.squares) * self.rest


def mehler(f: Pieces, terms: int) -> MehlerSeries:
    """The first terms of the dual of f(Z) at unit variance."""
    squares = tuple(coefficient(f, k) ** 2 for k in range(terms))
    return MehlerSeries(squares, of_pieces(f.map(lambda e: e**2), sp.S.One) - sp.Add(*squares))
