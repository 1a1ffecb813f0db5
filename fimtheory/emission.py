"""SymPy expressions as fast or exact functions: NumPy, CuPy, mpmath, and ball arithmetic.

One printer a target. What SymPy's own ``lambdify`` gets wrong on arrays (``Max``, ``Heaviside``, ``Piecewise`` with
branches that overflow, the functions of :mod:`fimtheory.functions`) is decided here and nowhere else.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.printing.numpy import NumPyPrinter
from sympy.printing.pycode import MpmathPrinter, PythonCodePrinter

from fimtheory.errors import InputError
from fimtheory.functions import bivariate_normal_cdf, sigmoid, softplus

TARGETS = ("numpy", "cupy", "mpmath", "ball")


def emit(expression: sp.Expr, args: Sequence[sp.Symbol] | sp.Symbol, target: str = "numpy") -> Callable:
    """A function of ``args`` that evaluates ``expression``.

    ``target`` is ``"numpy"`` or ``"cupy"`` (vectorised, broadcasting, double precision), ``"mpmath"`` (at the working
    precision of ``mpmath.mp``) or ``"ball"`` (python-flint ``arb`` at the working precision of ``flint.ctx``, with
    rigorous error bounds).

    Raises :class:`InputError` for an unknown target and for a symbol that is not among ``args``.

    >>> x = sp.Symbol("x", real=True)
    >>> float(emit(sp.Max(x, 0) + 1, x)(2.0))
    3.0
    """
    symbols = [args] if isinstance(args, sp.Symbol) else list(args)
    e = sp.sympify(expression)
    missing = sorted(e.free_symbols - set(symbols), key=str)
    if missing:
        raise InputError(f"{', '.join(map(str, missing))} has no value: name it among args or substitute a number")
    if target not in TARGETS:
        raise InputError(f"unknown target {target!r}: choose one of {', '.join(TARGETS)}")
    return _compiled(e, tuple(symbols), target)


@functools.lru_cache(maxsize=512)
def _compiled(e: sp.Expr, symbols: tuple[sp.Symbol, ...], target: str) -> Callable:
    e, kernels = _with_kernels(e, target)
    return {"numpy": _numpy, "cupy": _cupy, "mpmath": _mpmath, "ball": _ball}[target](e, symbols, kernels)


def _with_kernels(e: sp.Expr, target: str) -> tuple[sp.Expr, dict[str, Callable]]:
    """Nodes that bring their own numerics (``kernel(target)`` and ``kernel_args``) become calls of that kernel."""
    kernels, calls = {}, {}
    for node in dict.fromkeys(n for n in sp.preorder_traversal(e) if hasattr(n, "kernel")):
        name = f"kernel_{len(kernels)}"
        kernels[name] = node.kernel(target)
        calls[node] = sp.Function(name)(*node.kernel_args)
    return e.xreplace(calls), kernels


# -- stable forms


def stable(e: sp.Expr) -> sp.Expr:
    """log(1 + exp(u)) -> softplus(u) and exp(u)/(1 + exp(u)) -> sigmoid(u), which do not overflow."""
    if not e.has(sp.exp):
        return e
    u = sp.Wild("u")
    e = e.replace(sp.log(1 + sp.exp(u)), softplus(u))
    e = e.replace(1 / (1 + sp.exp(u)), sigmoid(-u))
    return e.replace(sp.exp(u) * sigmoid(-u), sigmoid(u))


# -- numpy and cupy


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


def _numpy(e: sp.Expr, symbols: tuple[sp.Symbol, ...], kernels: dict[str, Callable]) -> Callable:
    import numpy as np
    from scipy import special

    return _array_function(e, symbols, np, special, {"BivariateNormalCDF": _bivariate_numpy} | kernels)


def _cupy(e: sp.Expr, symbols: tuple[sp.Symbol, ...], kernels: dict[str, Callable]) -> Callable:
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


def _bivariate_numpy(h, k, rho):
    """Phi_2(h, k; rho) by Owen's T function (Owen 1956), vectorised."""
    import numpy as np
    from scipy.special import ndtr, owens_t

    h, k, rho = np.broadcast_arrays(np.asarray(h, float), np.asarray(k, float), np.asarray(rho, float))
    root = np.sqrt((1 - rho) * (1 + rho))
    tiny = np.finfo(float).tiny
    safe_h, safe_k = (np.where(v == 0, tiny, v) for v in (h, k))
    at = owens_t(h, (k / safe_h - rho) / root) + owens_t(k, (h / safe_k - rho) / root)
    opposite = (h * k < 0) | ((h * k == 0) & (h + k < 0))
    value = (ndtr(h) + ndtr(k)) / 2 - at - np.where(opposite, 0.5, 0.0)
    value = np.where((h == 0) & (k == 0), 0.25 + np.arcsin(rho) / (2 * np.pi), value)
    value = np.where(rho >= 1, ndtr(np.minimum(h, k)), value)
    return np.where(rho <= -1, np.maximum(ndtr(h) + ndtr(k) - 1, 0.0), value)


# -- mpmath


class _MpmathPrinter(MpmathPrinter):
    def _print_Function(self, expr):
        return f"{type(expr).__name__}({', '.join(self._print(a) for a in expr.args)})"

    _print_Phi = _print_BivariateNormalCDF = _print_sigmoid = _print_softplus = _print_Function

    def _print_Max(self, expr):
        return f"max({', '.join(map(self._print, expr.args))})"

    def _print_Min(self, expr):
        return f"min({', '.join(map(self._print, expr.args))})"


def _mpmath(e: sp.Expr, symbols: tuple[sp.Symbol, ...], kernels: dict[str, Callable]) -> Callable:
    from mpmath import mp

    namespace = {
        "Phi": mp.ncdf,
        "BivariateNormalCDF": bivariate_normal_cdf,
        "sigmoid": lambda u: 1 / (1 + mp.exp(-u)),
        "softplus": lambda u: mp.log1p(mp.exp(u)) if u < 0 else u + mp.log1p(mp.exp(-u)),
        "Heaviside": lambda u, half=0.5: mp.mpf(1) if u > 0 else mp.mpf(0) if u < 0 else mp.mpf(half),
    } | kernels
    printer = _MpmathPrinter({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True})
    function = sp.lambdify(symbols, e, modules=[namespace, "mpmath"], printer=printer)
    return functools.wraps(function)(lambda *values: function(*(mp.mpmathify(v) for v in values)))


# -- balls


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

    def _print_Function(self, expr):
        return f"{type(expr).__name__}({', '.join(self._print(a) for a in expr.args)})"


for _name in "Max Min Abs sign Heaviside Phi BivariateNormalCDF sigmoid softplus".split() + _BALL_METHODS:
    setattr(_BallPrinter, f"_print_{_name}", _BallPrinter._print_Function)


def _ball(e: sp.Expr, symbols: tuple[sp.Symbol, ...], kernels: dict[str, Callable]) -> Callable:
    printer = _BallPrinter({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True})
    function = sp.lambdify(symbols, e, modules=[_ball_namespace() | kernels], printer=printer, cse=True)
    from flint import arb

    return functools.wraps(function)(lambda *values: arb(function(*values)))


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


@functools.cache
def _ball_namespace() -> dict[str, Any]:
    from flint import acb, arb, fmpq

    def method(name: str) -> Callable:
        return lambda u: getattr(u, name)()

    def bivariate(h, k, rho):
        """Phi(h) Phi(k) + int_0^asin(rho) exp(-(h^2 + k^2 - 2 h k sin t)/(2 cos^2 t)) dt / (2 pi), enclosed."""

        def integrand(t, analytic):
            return (-(h * h + k * k - 2 * h * k * t.sin()) / (2 * t.cos() ** 2)).exp()

        integral = acb.integral(integrand, acb(0), acb(rho.asin())).real
        return normal(h) * normal(k) + integral / (2 * arb.pi())

    def normal(u):
        return (-u / arb(2).sqrt()).erfc() / 2

    return {name: method(name) for name in ("sqrt", *_BALL_METHODS)} | {
        "integer": arb,
        "rational": lambda p, q: arb(fmpq(p, q)),
        "pi": arb.pi,
        "integer_power": _integer_power,
        "power": lambda u, v: (u.log() * v).exp(),
        "Abs": lambda u: abs(u),
        "Max": lambda *u: functools.reduce(lambda a, b: a.max(b), u),
        "Min": lambda *u: functools.reduce(lambda a, b: a.min(b), u),
        "sign": lambda u: u.sgn(),
        "Heaviside": lambda u, half=None: (u.sgn() + 1) / 2,
        "sigmoid": lambda u: 1 / (1 + (-u).exp()),
        "softplus": lambda u: (1 + u.exp()).log() if u < 0 else u + (1 + (-u).exp()).log(),
        "Phi": normal,
        "BivariateNormalCDF": bivariate,
    }
