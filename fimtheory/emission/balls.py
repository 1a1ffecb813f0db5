"""Expressions as functions in ball arithmetic: rigorous error bounds at the working precision of ``flint.ctx``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import sympy as sp
from flint import acb, arb, fmpq, fmpz_poly
from sympy.printing.pycode import PythonCodePrinter

from fimtheory.errors import NotCertified
from fimtheory.timeout import Kept, deferred_signals

_BALL_METHODS = "exp log sin cos tan sinh cosh tanh asin acos atan asinh erf erfc".split()


class _BallPrinter(PythonCodePrinter):
    """Code over python-flint ``arb``; every constant is built at the precision of the call."""

    def _print_Integer(self, expr):
        return f"integer({int(expr)})"

    def _print_Rational(self, expr):
        return f"rational({expr.p}, {expr.q})"

    _print_Half = _print_Rational

    def _print_Zero(self, expr):
        return "integer(0)"

    def _print_One(self, expr):
        return "integer(1)"

    def _print_NegativeOne(self, expr):
        return "integer(-1)"

    def _print_Float(self, expr):
        return f"rational({sp.Rational(expr).p}, {sp.Rational(expr).q})"

    def _print_Pi(self, expr):
        return "pi()"

    def _print_Exp1(self, expr):
        return "exp(integer(1))"

    def _print_Pow(self, expr, rational=False):
        base = self._print(expr.base)
        if expr.exp.is_Integer:
            return f"integer_power({base}, {int(expr.exp)})"
        twice = 2 * expr.exp
        if twice.is_Integer:
            return f"integer_power(sqrt({base}), {int(twice)})"
        return f"power({base}, {self._print(expr.exp)})"

    def _print_ComplexRootOf(self, expr):
        return f"real_root({[int(a) for a in expr.poly.all_coeffs()]}, {expr.index})"

    def _print_Function(self, expr):
        return f"{type(expr).__name__}({', '.join(self._print(a) for a in expr.args)})"

    # Otherwise gamma, floor and others would be those of Python's math, in double precision and without a bound.
    _print_known_func = _print_Function


for _name in "Max Min Abs sign Heaviside Phi BivariateNormalCDF sigmoid softplus".split() + _BALL_METHODS:
    setattr(_BallPrinter, f"_print_{_name}", _BallPrinter._print_Function)


_PRINTED = {"Piecewise", "Pi", "Exp1"}  # functions and constants that the printer itself writes out


def ball_function(e: sp.Expr, symbols: tuple[sp.Symbol, ...], kernels: dict[str, Callable]) -> Callable:
    """A function on real balls: ``arb`` in, ``arb`` out."""
    function = _function(e, symbols, _REAL | kernels)
    return functools.wraps(function)(lambda *values: arb(function(*values)))


def complex_function(e: sp.Expr, symbols: tuple[sp.Symbol, ...], kernels: dict[str, Callable]) -> Callable:
    """A function on complex balls: a finite result proves that it is analytic on the ball."""
    function = _function(e, symbols, _COMPLEX | kernels)
    return functools.wraps(function)(lambda *values: acb(function(*values)))


def _function(e: sp.Expr, symbols: tuple[sp.Symbol, ...], namespace: dict[str, Any]) -> Callable:
    unknown = sorted({type(f).__name__ for f in e.atoms(sp.Function, sp.NumberSymbol)} - _PRINTED - set(namespace))
    if unknown:
        raise NotCertified(f"{', '.join(unknown)} has no ball arithmetic here")
    printer = _BallPrinter({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True})
    return sp.lambdify(symbols, e, modules=[namespace], printer=printer, cse=True)


def _method(name: str) -> Callable:
    return lambda u: getattr(u, name)()


def _integer_power(base, n: int):
    """base^n by repeated squaring: the library's power takes a logarithm, which balls around zero do not have."""
    if n < 0:
        return 1 / _integer_power(base, -n)
    result = 1
    while n:
        if n & 1:
            result = base * result
        base, n = base * base, n >> 1
    return result


def _real_root(coefficients: list[int], index: int) -> arb:
    """Of an irreducible integer polynomial (highest power first), the real root of that number in ascending order."""
    found: list[Any] = fmpz_poly(coefficients[::-1]).complex_roots()
    roots = (root for root, _ in found)
    return sorted((root.real for root in roots if root.imag == 0), key=float)[index]


def _normal(u):
    return (-u / arb(2).sqrt()).erfc() / 2


def integral(integrand: Callable[[acb], acb], lo: acb, hi: acb, **options) -> acb:
    """A proven enclosure of the integral over a straight line, by adaptive Gauss-Legendre quadrature.

    The library cannot carry an exception (a time limit, Ctrl-C) out of its callback: what is raised there is kept,
    the rest is skipped, and it is raised here.
    """
    kept = Kept()

    def guarded(z: acb, analytic: bool) -> acb:
        if kept.error is None:
            with kept:
                return integrand(z)
        return acb("nan")

    with deferred_signals(kept):
        value = acb.integral(guarded, lo, hi, **options)
    if kept.error is not None:
        raise kept.error
    return value


def _bivariate(h, k, rho):
    """Phi_2(h, k; rho), enclosed: Plackett's integral over the correlation, Owen's T functions close to +-1."""
    if abs(rho) > 0.9 and not (h * k).contains(0):
        root = ((1 - rho) * (1 + rho)).sqrt()
        opposite = 0 if h * k > 0 else 1
        return (
            (_normal(h) + _normal(k) - opposite) / 2 - _owen(h, (k / h - rho) / root) - _owen(k, (h / k - rho) / root)
        )

    def density(t):
        return (-(h * h + k * k - 2 * h * k * t.sin()) / (2 * t.cos() ** 2)).exp()

    along = integral(density, acb(0), acb(rho.asin())).real
    return _normal(h) * _normal(k) + along / (2 * arb.pi())


def _owen(h, a):
    """Owen's T(h, a) = int_0^a exp(-h^2 (1 + x^2)/2)/(1 + x^2) dx / (2 pi)."""
    along = integral(lambda x: (-h * h * (1 + x * x) / 2).exp() / (1 + x * x), acb(0), acb(a)).real
    return along / (2 * arb.pi())


_COMMON: dict[str, Any] = {name: _method(name) for name in _BALL_METHODS} | {
    "integer": arb,
    "rational": lambda p, q: arb(fmpq(p, q)),
    "pi": arb.pi,
    "integer_power": _integer_power,
    "real_root": _real_root,
    "sigmoid": lambda u: 1 / (1 + (-u).exp()),
    "Phi": _normal,
}
_REAL: dict[str, Any] = _COMMON | {
    "sqrt": _method("sqrt"),
    "power": lambda u, v: (u.log() * v).exp(),
    "Abs": lambda u: abs(u),
    "Max": lambda *u: functools.reduce(lambda a, b: a.max(b), u),
    "Min": lambda *u: functools.reduce(lambda a, b: a.min(b), u),
    "sign": lambda u: u.sgn(),
    "Heaviside": lambda u, half=None: (u.sgn() + 1) / 2,
    "softplus": lambda u: u.exp().log1p() if u < 0 else u + (-u).exp().log1p(),
    "BivariateNormalCDF": _bivariate,
    "gamma": lambda u: u.gamma(),
    "elliptic_k": lambda m: acb(m).elliptic_k().real if m < 1 else arb("nan"),
    "elliptic_e": lambda m: acb(m).elliptic_e().real if m < 1 else arb("nan"),
}


def _logarithm(u) -> acb:
    return acb(u).log(analytic=True)


def _softplus(u) -> acb:
    return u + _logarithm(1 + (-u).exp()) if u.real > 0 else _logarithm(1 + u.exp())


def _sigmoid(u) -> acb:
    """In the form whose exponential is small: a wide ball of large exponentials would seem to meet the pole."""
    return u.exp() / (1 + u.exp()) if u.real < 0 else 1 / (1 + (-u).exp())


def _cut(name: str, crosses: Callable) -> Callable:
    """A function with a branch cut, undefined where the ball may cross it."""
    return lambda u: acb("nan") if crosses(acb(u)) else getattr(u, name)()


def _on_imaginary_cut(u: acb) -> bool:
    """Whether u may lie on the imaginary axis outside (-i, i)."""
    return u.real.contains(0) and not abs(u.imag) < 1


def _on_real_cut(u: acb) -> bool:
    """Whether u may lie on the real axis outside (-1, 1)."""
    return u.imag.contains(0) and not abs(u.real) < 1


_COMPLEX: dict[str, Any] = _COMMON | {
    "sqrt": lambda u: acb(u).sqrt(analytic=True),
    "power": lambda u, v: (_logarithm(u) * v).exp(),
    "log": _logarithm,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "atan": _cut("atan", _on_imaginary_cut),
    "asinh": _cut("asinh", _on_imaginary_cut),
    "asin": _cut("asin", _on_real_cut),
    "acos": _cut("acos", _on_real_cut),
}
