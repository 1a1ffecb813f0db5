"""How fast an expression grows on the real line: a proven majorant, read off its tree.

On x >= start >= 1 every subexpression gets a range [low, high] and a majorant C x^p exp(a x + b x^2) of its modulus,
all in ball arithmetic. What has no rule here has no proof: :class:`NotCertified`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp
from flint import arb

from fimtheory.emission import emit
from fimtheory.errors import NotCertified
from fimtheory.functions import Phi, sigmoid, softplus

_ZERO, _INFINITY = arb(0), arb("+inf")


@dataclass(frozen=True)
class Growth:
    """|f(x)| <= factor x^power exp(rate x + curvature x^2) and low <= f(x) <= high, for all x >= start."""

    low: arb
    high: arb
    factor: arb
    power: arb = _ZERO
    rate: arb = _ZERO
    curvature: arb = _ZERO

    def weighted_supremum(self, start: arb, decay: arb) -> arb:
        """An upper bound of |f(x)| exp(-decay x^2) over x >= start (infinite where the decay is too weak)."""
        kappa = decay - self.curvature
        if not kappa > 0:
            return _INFINITY
        # log of the majorant is concave: its maximum lies at the larger of start and its stationary point.
        peak = (self.rate + (self.rate * self.rate + 8 * kappa * self.power).sqrt()) / (4 * kappa)
        x = start.max(peak)
        return self.factor * x**self.power * (self.rate * x - kappa * x * x).exp()


def growth(e: sp.Expr, x: sp.Symbol, start: arb) -> Growth:
    """The majorant of a smooth real expression on x >= start, where start >= 1.

    >>> x = sp.Symbol("x", real=True)
    >>> bound = growth(x * sp.tanh(x) + 3, x, arb(1))
    >>> bound.factor, bound.power
    (4.00000000000000, 1.00000000000000)
    """
    bound = functools.partial(growth, x=x, start=start)
    if not e.has(x):
        value = emit(e, [], "ball")()
        return Growth(value, value, abs(value))
    if e == x:
        return Growth(start, _INFINITY, arb(1), power=arb(1))
    if e.is_Add:
        return functools.reduce(_sum, map(bound, e.args))
    if e.is_Mul:
        return functools.reduce(_product, map(bound, e.args))
    if isinstance(e, sp.exp):
        return _exponential(e.args[0], x, bound)
    if e.is_Pow:
        return _power(bound(e.base), e)
    if isinstance(e, (sp.sinh, sp.cosh)):
        return bound(e.rewrite(sp.exp, deep=False).expand())
    for kinds, rule in _RULES.items():
        if isinstance(e, kinds):
            return rule(bound(e.args[0]), type(e))
    raise NotCertified(f"no growth bound is known for {e}")


def _sum(f: Growth, g: Growth) -> Growth:
    power, rate, curvature = (u.max(v) for u, v in zip(_shape(f), _shape(g), strict=True))
    return Growth(f.low + g.low, f.high + g.high, f.factor + g.factor, power, rate, curvature)


def _product(f: Growth, g: Growth) -> Growth:
    corners = [_times(u, v) for u in (f.low, f.high) for v in (g.low, g.high)]
    low, high = functools.reduce(arb.min, corners), functools.reduce(arb.max, corners)
    power, rate, curvature = (u + v for u, v in zip(_shape(f), _shape(g), strict=True))
    return Growth(low, high, f.factor * g.factor, power, rate, curvature)


def _times(u: arb, v: arb) -> arb:
    """A corner of a product of ranges, where 0 times infinity is 0."""
    return arb(0) if u == 0 or v == 0 else u * v


def _shape(f: Growth) -> tuple[arb, arb, arb]:
    return f.power, f.rate, f.curvature


def _scaled(f: Growth, exponent: arb) -> tuple[arb, arb, arb]:
    return f.power * exponent, f.rate * exponent, f.curvature * exponent


def _bounded(low: arb, high: arb) -> Growth:
    return Growth(low, high, abs(low).max(abs(high)))


def _power(base: Growth, e: sp.Pow) -> Growth:
    if not e.exp.is_Rational:
        raise NotCertified(f"no growth bound is known for {e}")
    exponent, even = emit(abs(e.exp), [], "ball")(), e.exp.is_Integer and e.exp % 2 == 0
    if e.exp.is_Integer and e.exp > 0:
        ends = [_real_power(u, int(e.exp)) for u in (base.low, base.high)]
        low = arb(0) if even and not (base.low > 0 or base.high < 0) else ends[0].min(ends[1])
        return Growth(low, ends[0].max(ends[1]), base.factor ** int(e.exp), *_scaled(base, exponent))
    if e.exp.is_Integer and base.high < 0:
        mirrored = _power(Growth(-base.high, -base.low, base.factor, *_shape(base)), e)
        return mirrored if even else Growth(-mirrored.high, -mirrored.low, mirrored.factor)
    if e.exp > 0 and base.low >= 0:
        ends = [u**exponent if u.is_finite() and u > 0 else u for u in (base.low, base.high)]
        return Growth(ends[0], ends[1], base.factor**exponent, *_scaled(base, exponent))
    if e.exp < 0 and base.low > 0:
        return _bounded(arb(0) if not base.high.is_finite() else base.high**-exponent, base.low**-exponent)
    raise NotCertified(f"no growth bound is known for {e}: its base is not known to stay away from zero")


def _real_power(u: arb, n: int) -> arb:
    if u.is_finite():
        return u**n
    return _INFINITY if u > 0 or n % 2 == 0 else -_INFINITY


def _exponential(u: sp.Expr, x: sp.Symbol, bound: Callable) -> Growth:
    polynomial = u.as_poly(x)
    if polynomial is not None and polynomial.degree() <= 2:
        c0, c1, c2 = (emit(polynomial.coeff_monomial(x**k), [], "ball")() for k in range(3))
        values = bound(u)
        return Growth(values.low.exp(), values.high.exp(), c0.exp(), arb(0), c1, c2)
    values = bound(u)
    if values.high.is_finite():
        return Growth(values.low.exp(), values.high.exp(), values.high.exp())
    if values.rate > 0 or values.curvature > 0 or not values.power <= 2:
        raise NotCertified(f"no growth bound is known for exp({u})")
    shape = {"rate": values.factor} if values.power <= 1 else {"curvature": values.factor}
    return Growth(values.low.exp(), _INFINITY, arb(1), **shape)


def _monotone(u: Growth, kind: type) -> Growth:
    """A bounded increasing function (erfc decreases), by its values at the ends of the range."""
    lowest, highest = _LIMITS[kind]
    function = emit(kind(_ARGUMENT), _ARGUMENT, "ball")
    low = function(u.low) if u.low.is_finite() else lowest
    high = function(u.high) if u.high.is_finite() else highest
    return _bounded(low.min(high), low.max(high))


def _oscillating(u: Growth, kind: type) -> Growth:
    return _bounded(arb(-1), arb(1))


def _softplus(u: Growth, kind: type) -> Growth:
    """log(1 + e^u) <= log 2 + |u|."""
    function = emit(softplus(_ARGUMENT), _ARGUMENT, "ball")
    low, high = (function(v) if v.is_finite() else v.max(arb(0)) for v in (u.low, u.high))
    if high.is_finite():
        return _bounded(low, high)
    return Growth(low, high, arb(2).log() + u.factor, *_shape(u))


def _logarithm(u: Growth, kind: type) -> Growth:
    """|log u| <= |log low| + |log C| + p x + a x + b x^2, since log x <= x."""
    if not u.low > 0:
        raise NotCertified("no growth bound is known for the logarithm of what may come near zero")
    low = u.low.log()
    if u.high.is_finite():
        return _bounded(low, u.high.log())
    power = 2 if u.curvature > 0 else 1 if u.rate > 0 or u.power > 0 else 0
    slopes = sum((v.max(arb(0)) for v in _shape(u)), arb(0))
    return Growth(low, _INFINITY, abs(low) + abs(u.factor.log()) + slopes, power=arb(power))


def _sublinear(u: Growth, kind: type) -> Growth:
    """asinh is increasing and |asinh u| <= |u|."""
    low, high = (v.asinh() if v.is_finite() else v for v in (u.low, u.high))
    return Growth(low, high, u.factor, *_shape(u))


_ARGUMENT = sp.Symbol("u", real=True)
_LIMITS: dict[type, tuple[arb, arb]] = {
    sp.tanh: (arb(-1), arb(1)),
    sp.erf: (arb(-1), arb(1)),
    sp.erfc: (arb(2), arb(0)),
    sp.atan: (arb(-2), arb(2)),
    sigmoid: (arb(0), arb(1)),
    Phi: (arb(0), arb(1)),
}
_RULES: dict[tuple[type, ...], Callable[[Growth, type], Growth]] = {
    tuple(_LIMITS): _monotone,
    (sp.sin, sp.cos): _oscillating,
    (softplus,): _softplus,
    (sp.log,): _logarithm,
    (sp.asinh,): _sublinear,
}
