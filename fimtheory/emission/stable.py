"""Forms of an expression that do not overflow."""

from __future__ import annotations

import sympy as sp

from fimtheory.functions import sigmoid, softplus


def stable(e: sp.Expr) -> sp.Expr:
    """log(1 + exp(u)) -> softplus(u) and exp(u)/(1 + exp(u)) -> sigmoid(u), which do not overflow.

    Nor does (exp(a + b) - exp(a - b))/2, where exp(a) sinh(b) may be zero times infinity.
    """
    if not e.has(sp.exp):
        return e
    if e.has(sp.sinh, sp.cosh):
        e = e.replace(_is_damped, _one_exponential)
    u = sp.Wild("u")
    e = e.replace(sp.log(1 + sp.exp(u)), softplus(u))
    e = e.replace(1 / (1 + sp.exp(u)), sigmoid(-u))
    return e.replace(sp.exp(u) * sigmoid(-u), sigmoid(u))


def _is_damped(e: sp.Expr) -> bool:
    return e.is_Mul and any(isinstance(a, sp.exp) for a in e.args) and any(map(_is_hyperbolic, e.args))


def _is_hyperbolic(e: sp.Expr) -> bool:
    return isinstance(e, (sp.sinh, sp.cosh))


def _one_exponential(e: sp.Expr) -> sp.Expr:
    """exp(a) sinh(b) -> (exp(a + b) - exp(a - b))/2, and the sum for cosh."""
    wave = next(filter(_is_hyperbolic, e.args))
    damping = next(a for a in e.args if isinstance(a, sp.exp))
    rest = sp.Mul(*(a for a in e.args if a not in (wave, damping)))
    sign = -1 if isinstance(wave, sp.sinh) else 1
    a, b = damping.args[0], wave.args[0]
    return rest * (sp.exp(_oriented(a + b)) + sign * sp.exp(_oriented(a - b))) / 2


def _oriented(e: sp.Expr) -> sp.Expr:
    """A quotient with 1 - c, not c - 1, below the line: at c = 1 it is infinite on the right side."""
    above, below = sp.fraction(sp.factor(e))
    middle = dict.fromkeys(e.free_symbols, sp.Rational(1, 3))
    sign, factors = 1, []
    for factor in sp.Mul.make_args(below):
        negative = bool(factor.subs(middle).is_negative)
        sign, factors = (-sign, [*factors, -factor]) if negative else (sign, [*factors, factor])
    return sign * above / sp.Mul(*factors)
