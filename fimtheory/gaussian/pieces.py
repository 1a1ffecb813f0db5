"""Functions of one real variable as finitely many smooth pieces: where the kinks and jumps are.

Everything with a kink (``Abs``, ``Max``, ``Min``, ``sign``, ``Heaviside``, ``Piecewise``, nested at will) is brought
to the form  f = e_0 on (-oo, h_1), e_1 on (h_1, h_2), ..., e_m on (h_m, oo)  with smooth e_k.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key, reduce

import sympy as sp

from fimtheory.errors import DivergentExpectation, InputError
from fimtheory.functions import Phi, sigmoid, softplus

# Functions with f(u) of the sign of u: a kink of relu(tanh(x)) lies where tanh(x), hence x, changes sign.
_SIGN_PRESERVING = (sp.tanh, sp.sinh, sp.atan, sp.erf, sp.asinh)
_POSITIVE = (sp.exp, sp.cosh, Phi, sigmoid, softplus)


@dataclass(frozen=True)
class Pieces:
    """A piecewise smooth function of ``variable``: ``len(expressions) == len(breaks) + 1``."""

    variable: sp.Symbol
    breaks: tuple[sp.Expr, ...]
    expressions: tuple[sp.Expr, ...]

    @property
    def intervals(self) -> list[tuple[sp.Expr, sp.Expr, sp.Expr]]:
        """The pieces as ``(lo, hi, expression)``."""
        ends = (-sp.oo, *self.breaks, sp.oo)
        return list(zip(ends, ends[1:], self.expressions, strict=False))

    @property
    def jumps(self) -> list[tuple[sp.Expr, sp.Expr]]:
        """``(h, f(h+) - f(h-))`` at every break where the function is not continuous."""
        found = []
        for h, left, right in zip(self.breaks, self.expressions, self.expressions[1:], strict=False):
            jump = sp.expand((right - left).subs(self.variable, h))
            if jump.has(sp.nan, sp.zoo, sp.oo):
                raise DivergentExpectation(f"the function is unbounded at {self.variable} = {h}: take one that is not")
            if jump != 0 and not sp.simplify(jump).is_zero:
                found.append((h, jump))
        return found

    @property
    def expression(self) -> sp.Expr:
        """One SymPy expression (a ``Piecewise`` where there are breaks)."""
        conditions = [(e, self.variable < h) for e, h in zip(self.expressions, self.breaks, strict=False)]
        return sp.Piecewise(*conditions, (self.expressions[-1], True)) if conditions else self.expressions[0]

    def map(self, function: Callable[[sp.Expr], sp.Expr]) -> Pieces:
        """Apply a smooth operation to every piece and merge neighbours that became equal."""
        return _merged(self.variable, self.breaks, [function(e) for e in self.expressions])

    def mirrored(self) -> Pieces:
        """f(-x)."""
        x = self.variable
        breaks = tuple(-h for h in reversed(self.breaks))
        return Pieces(x, breaks, tuple(e.subs(x, -x) for e in reversed(self.expressions)))

    def even_part(self) -> Pieces:
        """(f(x) + f(-x))/2."""
        return _combined([self, self.mirrored()], lambda a, b: sp.expand((a + b) / 2))

    def derivative(self) -> Pieces:
        """The regular part of the weak derivative; the deltas are in :attr:`jumps`."""
        return self.map(lambda e: sp.diff(e, self.variable))


def pieces(expression: sp.Expr, variable: sp.Symbol) -> Pieces:
    """Split an expression at its kinks and jumps.

    >>> x = sp.Symbol("x", real=True)
    >>> pieces(sp.Max(-1, sp.Min(1, x)), x).intervals
    [(-oo, -1, -1), (-1, 1, x), (1, oo, 1)]
    >>> pieces(sp.sign(x), x).jumps
    [(0, 2)]
    """
    if not expression.has(sp.Abs, sp.Max, sp.Min, sp.sign, sp.Heaviside, sp.Piecewise):
        return Pieces(variable, (), (expression,))
    return _split(expression, variable)


def _split(e: sp.Expr, x: sp.Symbol) -> Pieces:
    if x not in e.free_symbols or not e.args:  # a named integral binds its variable, which may be x as well
        return Pieces(x, (), (e,))
    if isinstance(e, sp.Piecewise):
        return _split_piecewise(e, x)
    parts = [_split(argument, x) for argument in e.args[:1] if isinstance(e, sp.Heaviside)] or [
        _split(argument, x) for argument in e.args
    ]
    if isinstance(e, sp.Max):
        return reduce(lambda u, v: _select(u, v, _difference(u, v)), parts)
    if isinstance(e, sp.Min):
        return reduce(lambda u, v: _select(v, u, _difference(u, v)), parts)
    if isinstance(e, sp.Abs):
        return _select(parts[0], parts[0].map(lambda u: -u), parts[0])
    if isinstance(e, sp.sign):
        return _select(_constant(x, 1), _constant(x, -1), parts[0])
    if isinstance(e, sp.Heaviside):
        return _select(_constant(x, 1), _constant(x, 0), parts[0])
    return _combined(parts, lambda *arguments: e.func(*arguments))


def _split_piecewise(e: sp.Piecewise, x: sp.Symbol) -> Pieces:
    *branches, (last, condition) = e.args
    if condition != sp.true:
        raise InputError(f"the piecewise function {e} has no value where no condition holds: end it with a default")
    result = _split(last, x)
    for value, relation in reversed(branches):
        if not isinstance(relation, sp.core.relational.Relational) or relation.rel_op not in ("<", "<=", ">", ">="):
            raise InputError(f"the condition {relation} is not an inequality: write for instance x < 0")
        where_true = relation.gts - relation.lts
        result = _select(_split(value, x), result, _split(where_true, x))
    return result


def _constant(x: sp.Symbol, value: int) -> Pieces:
    return Pieces(x, (), (sp.Integer(value),))


def _difference(u: Pieces, v: Pieces) -> Pieces:
    return _combined([u, v], lambda a, b: a - b)


def _select(positive: Pieces, negative: Pieces, switch: Pieces) -> Pieces:
    """``positive`` where ``switch`` > 0, ``negative`` elsewhere."""
    x = switch.variable
    cuts = list(switch.breaks)
    for lo, hi, u in switch.intervals:
        cuts += [r for r in _sign_changes(u, x) if _less(lo, r) and _less(r, hi)]
    refined = _refine([positive, negative, switch], x, cuts)
    chosen = [
        p if _sign(s.subs(x, _inside(lo, hi)), s) > 0 else n
        for lo, hi, (p, n, s) in zip((-sp.oo, *refined[0]), (*refined[0], sp.oo), refined[1], strict=True)
    ]
    return _merged(x, refined[0], chosen)


def _combined(parts: Sequence[Pieces], function: Callable[..., sp.Expr]) -> Pieces:
    x = parts[0].variable
    breaks, rows = _refine(parts, x, [])
    return _merged(x, breaks, [function(*row) for row in rows])


def _refine(parts: Sequence[Pieces], x: sp.Symbol, extra: list[sp.Expr]) -> tuple[list[sp.Expr], list[tuple]]:
    """Common breaks of several piecewise functions (and ``extra`` cuts), with the tuple of expressions on each cell."""
    cuts = set(extra).union(*(part.breaks for part in parts))
    breaks = sorted(cuts, key=cmp_to_key(lambda a, b: -1 if _less(a, b) else 1))
    rows = []
    for lo in (-sp.oo, *breaks):
        rows.append(tuple(part.expressions[sum(not _less(lo, h) for h in part.breaks)] for part in parts))
    return breaks, rows


def _merged(x: sp.Symbol, breaks: Sequence[sp.Expr], expressions: Sequence[sp.Expr]) -> Pieces:
    kept_breaks, kept = [], [expressions[0]]
    for h, e in zip(breaks, expressions[1:], strict=True):
        if e != kept[-1]:
            kept_breaks.append(h)
            kept.append(e)
    return Pieces(x, tuple(kept_breaks), tuple(kept))


def _sign_changes(u: sp.Expr, x: sp.Symbol) -> list[sp.Expr]:
    """The real zeros of a smooth u at which a kink may sit."""
    if not u.has(x) or isinstance(u, _POSITIVE):
        return []
    if isinstance(u, _SIGN_PRESERVING):
        return _sign_changes(u.args[0], x)
    if isinstance(u, sp.Mul) or (isinstance(u, sp.Pow) and u.exp.is_integer):
        factors = u.args if isinstance(u, sp.Mul) else (u.base,)
        return list(dict.fromkeys(r for factor in factors for r in _sign_changes(factor, x)))
    polynomial = u.as_poly(x)
    if polynomial is None:
        raise InputError(f"cannot locate the kink where {u} changes sign: its argument must be a polynomial in {x}")
    if polynomial.degree() == 1:
        slope, intercept = polynomial.all_coeffs()
        return [sp.cancel(-intercept / slope)]
    if polynomial.free_symbols_in_domain:
        raise InputError(f"cannot order the zeros of {u} while it has parameters: give them values")
    if polynomial.domain.is_ZZ or polynomial.domain.is_QQ:
        return list(dict.fromkeys(polynomial.real_roots()))
    roots = sp.roots(polynomial)
    if sum(roots.values()) < polynomial.degree() or any(root.is_real is None for root in roots):
        raise InputError(f"cannot locate the zeros of {u}: give it rational coefficients")
    return [root for root in roots if root.is_real]


def _inside(lo: sp.Expr, hi: sp.Expr) -> sp.Expr:
    if lo == -sp.oo:
        return hi - 1 if hi != sp.oo else sp.S.Zero
    return lo + 1 if hi == sp.oo else (lo + hi) / 2


def _less(a: sp.Expr, b: sp.Expr) -> bool:
    return a != b and _sign(b - a, b - a) > 0


def _sign(value: sp.Expr, what: sp.Expr) -> int:
    value = sp.expand(value) if value.free_symbols else value
    if value.is_extended_positive:
        return 1
    if value.is_extended_negative or value.is_zero:
        return -1
    raise InputError(
        f"the sign of {what} is not known: declare the sign of its parameters (for instance positive) or give values"
    )
