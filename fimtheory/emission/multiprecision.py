"""Expressions as functions at the working precision of mpmath."""

from __future__ import annotations

import functools
from collections.abc import Callable

import sympy as sp
from sympy.printing.pycode import MpmathPrinter

from fimtheory.functions import bivariate_normal_cdf


class _MpmathPrinter(MpmathPrinter):
    def _print_Function(self, expr):
        return f"{type(expr).__name__}({', '.join(self._print(a) for a in expr.args)})"

    _print_Phi = _print_BivariateNormalCDF = _print_sigmoid = _print_softplus = _print_Function

    def _print_ComplexRootOf(self, expr):
        return f"real_root({[int(a) for a in expr.poly.all_coeffs()]}, {expr.index})"

    def _print_Max(self, expr):
        return f"max({', '.join(map(self._print, expr.args))})"

    def _print_Min(self, expr):
        return f"min({', '.join(map(self._print, expr.args))})"


def _real_root(coefficients: list[int], index: int):
    """Of an irreducible integer polynomial, the real root of that number in ascending order."""
    from mpmath import mp

    roots = mp.polyroots(coefficients, maxsteps=500, extraprec=2 * mp.prec + 100)
    return sorted(root.real for root in roots if root.imag == 0)[index]


def mpmath_function(e: sp.Expr, symbols: tuple[sp.Symbol, ...], kernels: dict[str, Callable]) -> Callable:
    """A function at the working precision of ``mpmath.mp``."""
    from mpmath import mp

    namespace = {
        "Phi": mp.ncdf,
        "real_root": _real_root,
        "BivariateNormalCDF": bivariate_normal_cdf,
        "sigmoid": lambda u: 1 / (1 + mp.exp(-u)),
        "softplus": lambda u: mp.log1p(mp.exp(u)) if u < 0 else u + mp.log1p(mp.exp(-u)),
        "Heaviside": lambda u, half=0.5: mp.mpf(1) if u > 0 else mp.mpf(0) if u < 0 else mp.mpf(half),
    } | kernels
    printer = _MpmathPrinter({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True})
    function = sp.lambdify(symbols, e, modules=[namespace, "mpmath"], printer=printer)
    return functools.wraps(function)(lambda *values: function(*(mp.mpmathify(v) for v in values)))
