"""What a dual does at the ends: near c = 1 and c = -1, for small and for large variance.

Near c = 1, with e = 1 - c and m the order of the first derivative of f that jumps,

    I(1 - e) = sum_(j <= m) (-q e)^j E f^(j)(sqrt(q) Z)^2/j! + C e^(m + 1/2) + ...,
    C = (-1)^(m+1) q^m/(2 Gamma(m + 3/2)) sum_i J_i^2 phi(h_i/sqrt(q)),

J_i being the jumps of f^(m) at h_i: a step loses P(U > h > V) = p(h) E|U - V|/2, and d^m I/dc^m is q^m times the dual
of f^(m). The exponent is the smoothness of the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from fimtheory.errors import NoClosedForm
from fimtheory.functions import Phi, density, sigmoid, softplus
from fimtheory.gaussian.expectation import pair_of_pieces
from fimtheory.gaussian.pieces import Pieces
from fimtheory.latex import latex

_MOST_DERIVATIVES = 8
_SMOOTH_TERMS = 2
_GAP = sp.Symbol("e", positive=True)


@dataclass(frozen=True, repr=False)
class Expansion:
    """I(c) near one end: analytic terms in e = 1 - |c|, then the first term that is none.

    ``exponent`` and ``coefficient`` are None where the dual is smooth at that end.
    """

    end: int
    analytic: tuple[sp.Expr, ...]
    exponent: sp.Rational | None
    coefficient: sp.Expr | None

    @property
    def expression(self) -> sp.Expr:
        """The terms as one expression in the symbol e = 1 - |c|."""
        terms = [a * _GAP**j for j, a in enumerate(self.analytic)]
        if self.coefficient is not None:
            terms.append(self.coefficient * _GAP**self.exponent)
        return sp.Add(*terms)

    def __repr__(self) -> str:
        return f"Expansion(c -> {self.end}: {self.expression}, e = 1 - |c|)"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {latex(self.expression)} + \dots,\quad e = 1 - |c|$"

    def as_json(self) -> dict:
        """Strings, for a machine."""
        return {
            "end": self.end,
            "analytic": [str(a) for a in self.analytic],
            "exponent": None if self.exponent is None else str(self.exponent),
            "coefficient": None if self.coefficient is None else str(self.coefficient),
        }


def near(f: Pieces, q: sp.Expr, end: int = 1) -> Expansion:
    """The dual of f at variance q near c = end, which is 1 or -1.

    Raises :class:`NoClosedForm` where at c = -1 jumps of different orders meet.

    >>> from fimtheory.gaussian.pieces import pieces
    >>> x = sp.Symbol("x", real=True)
    >>> near(pieces(sp.Max(x, 0), x), sp.S.One)
    Expansion(c -> 1: sqrt(2)*e**(3/2)/(3*pi) - e/2 + 1/2, e = 1 - |c|)
    """
    g = f if end == 1 else f.mirrored()
    analytic, left, right = [], f, g
    for order in range(_MOST_DERIVATIVES):
        moment = pair_of_pieces(left, right, q, q, sp.S.One)
        analytic.append((-q) ** order * moment / sp.factorial(order))
        met = _meeting(left, right)
        if met:
            strength = sp.Add(*(a * b * density(h / sp.sqrt(q)) for h, a, b in met))
            constant = (-1) ** (order + 1) * q**order / (2 * sp.gamma(order + sp.Rational(3, 2)))
            return Expansion(end, tuple(analytic), order + sp.S.Half, sp.simplify(constant * strength))
        if left.jumps or right.jumps or (not f.breaks and order == _SMOOTH_TERMS):
            break
        left, right = left.derivative(), right.derivative()
    return Expansion(end, tuple(analytic), None, None)


def _meeting(f: Pieces, g: Pieces) -> list[tuple[sp.Expr, sp.Expr, sp.Expr]]:
    """(place, jump of f, jump of g) wherever both jump."""
    jumps = dict(g.jumps)
    met = [(h, a, jumps[h]) for h, a in f.jumps if h in jumps]
    if not met and f.breaks and g.breaks:
        rough = {h for h, _ in f.jumps} & set(g.breaks) | set(jumps) & set(f.breaks)
        if rough:
            raise NoClosedForm(f"at {f.variable} = {min(rough, key=str)} jumps of different orders meet")
    return met


# -- small and large variance


@dataclass(frozen=True)
class Leading:
    """I(q, c) ~ q^power profile(c)."""

    power: sp.Expr
    profile: sp.Expr


def small_variance(f: Pieces, c: sp.Expr) -> Leading:
    """The dual for q -> 0, from the first terms of f on both sides of zero.

    >>> from fimtheory.gaussian.pieces import pieces
    >>> x, c = sp.Symbol("x", real=True), sp.Symbol("c", real=True)
    >>> small_variance(pieces(sp.tanh(x), x), c)
    Leading(power=1, profile=c)
    """
    x = f.variable
    left = _first_term(f.expressions[sum(bool(h < 0) for h in f.breaks)], x)
    right = _first_term(f.expressions[sum(bool(h <= 0) for h in f.breaks)], x)
    return _homogeneous(x, left, right, min, c)


def large_variance(f: Pieces, c: sp.Expr) -> Leading:
    """The dual for q -> infinity, from the growth of f on both sides.

    Raises :class:`NoClosedForm` where f does not grow like a power.

    >>> from fimtheory.gaussian.pieces import pieces
    >>> x, c = sp.Symbol("x", real=True), sp.Symbol("c", real=True)
    >>> large_variance(pieces(x * sigmoid(x), x), c)
    Leading(power=1, profile=(c*(pi - acos(c)) + sqrt(1 - c**2))/(2*pi))
    """
    x = f.variable
    factor, power = _last_term(f.expressions[0].subs(x, -x), x)
    left = (factor * (-1) ** power if power.is_Integer else factor, power)
    return _homogeneous(x, left, _last_term(f.expressions[-1], x), max, c)


def _homogeneous(x: sp.Symbol, left: tuple, right: tuple, dominant, c: sp.Expr) -> Leading:
    """The dual of a x^p on each side of zero, the smaller (larger) power alone."""
    power = dominant(p for a, p in (left, right) if a != 0) if left[0] != 0 or right[0] != 0 else sp.S.Zero
    sides = [
        a * (x**power if power.is_Integer else abs(x) ** power) if p == power else sp.S.Zero for a, p in (left, right)
    ]
    limit = Pieces(x, (), (sides[0],)) if sides[0] == sides[1] else Pieces(x, (sp.S.Zero,), tuple(sides))
    return Leading(power, pair_of_pieces(limit, limit, sp.S.One, sp.S.One, c))


def _first_term(e: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    """(a, p) with e ~ a x^p at zero."""
    for power in range(_MOST_DERIVATIVES):
        value = sp.simplify(e.subs(x, 0))
        if value.has(sp.nan, sp.zoo, sp.oo):
            break
        if value != 0:
            return value / sp.factorial(power), sp.Integer(power)
        e = sp.diff(e, x)
        if e == 0:
            return sp.S.Zero, sp.S.Zero
    raise NoClosedForm(f"the behaviour of {e} at {x} = 0 is not that of a power")


_LIMITS = {
    sp.tanh: (-1, 1),
    sp.erf: (-1, 1),
    sp.erfc: (2, 0),
    sp.atan: (-sp.pi / 2, sp.pi / 2),
    sigmoid: (0, 1),
    Phi: (0, 1),
}


def _last_term(e: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    """(a, p) with e ~ a x^p for x -> infinity."""
    if not e.has(x):
        return e, sp.S.Zero
    if e == x:
        return sp.S.One, sp.S.One
    if e.is_Mul:
        factors = [_last_term(a, x) for a in e.args]
        return sp.Mul(*(a for a, _ in factors)), sp.Add(*(p for _, p in factors))
    if e.is_Pow and e.exp.is_Rational:
        a, p = _last_term(e.base, x)
        return a**e.exp, p * e.exp
    if e.is_Add:
        terms = [term for term in (_last_term(a, x) for a in e.args) if term[0] != 0]
        power = max((p for _, p in terms), default=sp.S.Zero)
        total = sp.simplify(sp.Add(*(a for a, p in terms if p == power)))
        if total == 0 and terms:
            raise NoClosedForm(f"the leading terms of {e} cancel for large {x}")
        return total, power
    a, p = _last_term(e.args[0], x)
    upward = a.is_positive if p.is_positive else None
    if upward is not None and a.is_nonzero:
        for kind, (below, above) in _LIMITS.items():
            if isinstance(e, kind):
                return sp.sympify(above if upward else below), sp.S.Zero
        if isinstance(e, softplus):
            return (a, p) if upward else (sp.S.Zero, sp.S.Zero)
        if isinstance(e, sp.exp) and not upward:
            return sp.S.Zero, sp.S.Zero
    raise NoClosedForm(f"the growth of {e} for large {x} is not that of a power")
