"""Expressions as vectorised functions on NumPy or CuPy arrays, in double precision.

What SymPy's own ``lambdify`` gets wrong on arrays (``Max``, ``Heaviside``, ``Piecewise`` with branches that overflow,
the functions of :mod:`fimtheory.functions`) is decided here and nowhere else.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable

import sympy as sp
from sympy.printing.numpy import NumPyPrinter

from fimtheory.emission.stable import stable
from fimtheory.errors import InputError


class _ArrayPrinter(NumPyPrinter):
    """Array code whose functions are looked up by bare name in the namespace that goes with it."""

    def _print_Function(self, expr):
        name = type(expr).__name__
        return f"{name}({', '.join(self._print(a) for a in expr.args)})"

    _print_Phi = _print_BivariateNormalCDF = _print_sigmoid = _print_softplus = _print_Function
    _print_erf = _print_erfc = _print_Function

    def _print_Integer(self, expr):
        """Integers beyond the machine's become floats: arrays cannot hold them."""
        return str(expr) if abs(expr) < 2**53 else repr(float(expr))

    def _print_Rational(self, expr):
        return repr(float(expr))

    _print_ComplexRootOf = _print_Rational

    def _print_Max(self, expr):
        return functools.reduce(lambda a, b: f"maximum({a}, {b})", map(self._print, expr.args))

    def _print_Min(self, expr):
        return functools.reduce(lambda a, b: f"minimum({a}, {b})", map(self._print, expr.args))

    def _print_Heaviside(self, expr):
        return f"heaviside({self._print(expr.args[0])}, 0.5)"

    def _print_Piecewise(self, expr):
        code = "nan"
        for value, condition in reversed(expr.args):
            code = f"where({self._print(condition)}, {self._print(value)}, {code})"
        return code


def numpy_function(e: sp.Expr, symbols: tuple[sp.Symbol, ...], kernels: dict[str, Callable]) -> Callable:
    """A vectorised, broadcasting function of NumPy arrays."""
    import numpy as np
    from scipy import special

    return _array_function(e, symbols, np, special, {"BivariateNormalCDF": bivariate_numpy} | kernels)


def cupy_function(e: sp.Expr, symbols: tuple[sp.Symbol, ...], kernels: dict[str, Callable]) -> Callable:
    """The same on CuPy arrays."""
    try:
        import cupy as cp  # pyright: ignore[reportMissingImports]
        from cupyx.scipy import special  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise InputError('CuPy is not installed: pip install "fimtheory[cupy]", or use target "numpy"') from None

    return _array_function(e, symbols, cp, special, kernels)


def _array_function(e, symbols, xp, special, kernels: dict[str, Callable]) -> Callable:
    namespace = {name: getattr(xp, name) for name in ("maximum", "minimum", "where", "nan")}
    namespace |= {"Phi": special.ndtr, "erf": special.erf, "erfc": special.erfc, "sigmoid": special.expit}
    namespace["softplus"] = lambda u: xp.logaddexp(0.0, u)
    namespace["heaviside"] = lambda u, half: xp.where(u > 0, 1.0, xp.where(u < 0, 0.0, half))
    namespace |= kernels
    printer = _ArrayPrinter({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True})
    function = sp.lambdify(symbols, stable(e), modules=[namespace, xp], printer=printer, cse=True)

    @functools.wraps(function)
    def evaluate(*values):
        arrays = [
            xp.asarray(v) if getattr(v, "dtype", None) is not None else xp.asarray(v, dtype=float) for v in values
        ]
        with _silent(xp):
            result = function(*arrays)
        shape = xp.broadcast_shapes(*(a.shape for a in arrays)) if arrays else ()
        return xp.broadcast_to(xp.asarray(result), shape) if xp.ndim(result) < len(shape) else result

    return evaluate


def _silent(xp):
    """Branches of a ``where`` that are not taken may overflow: silence them, the result is not affected."""
    return xp.errstate(all="ignore") if hasattr(xp, "errstate") else contextlib.nullcontext()


def bivariate_numpy(h, k, rho):
    """Phi_2(h, k; rho) by Owen's T function (Owen 1956), vectorised."""
    import numpy as np
    from scipy.special import ndtr, owens_t

    h, k, rho = np.broadcast_arrays(np.asarray(h, float), np.asarray(k, float), np.asarray(rho, float))
    tiny = np.finfo(float).tiny
    safe_h, safe_k = (np.where(v == 0, tiny, v) for v in (h, k))
    with np.errstate(all="ignore"):
        root = np.sqrt((1 - rho) * (1 + rho))
        at = owens_t(h, (k / safe_h - rho) / root) + owens_t(k, (h / safe_k - rho) / root)
    opposite = (h * k < 0) | ((h * k == 0) & (h + k < 0))
    value = (ndtr(h) + ndtr(k)) / 2 - at - np.where(opposite, 0.5, 0.0)
    value = np.where((h == 0) & (k == 0), 0.25 + np.arcsin(rho) / (2 * np.pi), value)
    value = np.where(rho >= 1, ndtr(np.minimum(h, k)), value)
    return np.where(rho <= -1, np.maximum(ndtr(h) + ndtr(k) - 1, 0.0), value)
