"""Any supported function as a finite sum of Gaussian atoms.

An atom is  c x^n exp(a x^2 + b x) prod_i Phi(g_i x + d_i) 1[x > h],  or the same with delta(x - h) in place of the
indicator. A piecewise function is written as its leftmost piece plus, at every break, the change of the formula
times 1[x > h]: ReLU is x 1[x > 0], |x| is -x + 2x 1[x > 0].
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp

from fimtheory.errors import NoClosedForm
from fimtheory.functions import Phi
from fimtheory.gaussian.pieces import Pieces


@dataclass(frozen=True)
class Shape:
    """An atom without its coefficient."""

    power: int = 0
    quadratic: sp.Expr = sp.S.Zero
    linear: sp.Expr = sp.S.Zero
    cdfs: tuple[tuple[sp.Expr, sp.Expr], ...] = ()
    above: sp.Expr | None = None
    at: sp.Expr | None = None

    def __mul__(self, other: Shape) -> Shape:
        return Shape(
            self.power + other.power,
            self.quadratic + other.quadratic,
            self.linear + other.linear,
            tuple(sorted(self.cdfs + other.cdfs, key=str)),
        )


Atoms = dict[Shape, sp.Expr]


def normal_form(function: Pieces, deltas: bool = False) -> Atoms:
    """The atoms of a piecewise smooth function; with ``deltas``, of its weak derivative.

    >>> from fimtheory.gaussian.pieces import pieces
    >>> x = sp.Symbol("x", real=True)
    >>> normal_form(pieces(sp.Max(x, 0), x))
    {Shape(power=1, quadratic=0, linear=0, cdfs=(), above=0, at=None): 1}
    """
    regular = function.derivative() if deltas else function
    forms = [_smooth(e, function.variable) for e in regular.expressions]
    total: Atoms = dict(forms[0])
    for h, left, right in zip(regular.breaks, forms, forms[1:], strict=False):
        for shape in {**left, **right}:
            change = right.get(shape, sp.S.Zero) - left.get(shape, sp.S.Zero)
            if sp.expand(change) != 0:
                total[replace(shape, above=h)] = change
    if deltas:
        for h, jump in function.jumps:
            total[Shape(at=h)] = jump
    return {shape: coefficient for shape, coefficient in total.items() if coefficient != 0}


def _smooth(e: sp.Expr, x: sp.Symbol) -> Atoms:
    """The atoms of a smooth expression on the whole line."""
    if not e.has(x):
        return {Shape(): e} if e != 0 else {}
    if e == x:
        return {Shape(power=1): sp.S.One}
    if e.is_Add:
        return _added(*(_smooth(a, x) for a in e.args))
    if e.is_Mul:
        product: Atoms = {Shape(): sp.S.One}
        for factor in e.args:
            product = _multiplied(product, _smooth(factor, x))
        return product
    if e.is_Pow and e.exp.is_Integer and e.exp > 0:
        base, product = _smooth(e.base, x), {Shape(): sp.S.One}
        for _ in range(int(e.exp)):
            product = _multiplied(product, base)
        return product
    return _special(e, x)


def _special(e: sp.Expr, x: sp.Symbol) -> Atoms:
    if isinstance(e, sp.exp):
        return _exponential(e.args[0], x, e)
    if e.is_Pow and not e.base.has(x) and e.base.is_positive:
        return _exponential(e.exp * sp.log(e.base), x, e)
    if isinstance(e, Phi):
        g, d = _affine(e.args[0], x, e)
        return {Shape(cdfs=((g, d),)): sp.S.One}
    if isinstance(e, (sp.erf, sp.erfc)):
        sign = 1 if isinstance(e, sp.erf) else -1
        g, d = _affine(sign * sp.sqrt(2) * e.args[0], x, e)
        offset = {Shape(): sp.S.NegativeOne} if sign == 1 else {}
        return _added({Shape(cdfs=((g, d),)): sp.Integer(2)}, offset)
    if isinstance(e, (sp.sin, sp.cos, sp.sinh, sp.cosh)):
        return _smooth(sp.expand(e.rewrite(sp.exp)), x)
    raise outside(e)


def outside(e: sp.Expr) -> NoClosedForm:
    """The error that says a factor is not in the class."""
    return NoClosedForm(f"{e} is not a finite sum of Gaussian atoms: no closed form in this class exists")


def _exponential(u: sp.Expr, x: sp.Symbol, e: sp.Expr) -> Atoms:
    polynomial = u.as_poly(x)
    if polynomial is None or polynomial.degree() > 2:
        raise outside(e)
    constant, linear, quadratic = (polynomial.coeff_monomial(x**k) for k in range(3))
    if not quadratic.is_real:
        raise outside(e)
    return {Shape(quadratic=quadratic, linear=linear): sp.exp(constant)}


def _affine(u: sp.Expr, x: sp.Symbol, e: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    polynomial = u.as_poly(x)
    if polynomial is None or polynomial.degree() > 1:
        raise outside(e)
    return polynomial.coeff_monomial(x), polynomial.coeff_monomial(1)


def _added(*forms: Atoms) -> Atoms:
    total: Atoms = {}
    for form in forms:
        for shape, coefficient in form.items():
            total[shape] = total.get(shape, sp.S.Zero) + coefficient
    return total


def _multiplied(left: Atoms, right: Atoms) -> Atoms:
    total: Atoms = {}
    for s, a in left.items():
        for t, b in right.items():
            total[s * t] = total.get(s * t, sp.S.Zero) + a * b
    return total
