"""SymPy expressions as fast or exact functions, one module a target: arrays, multiprecision, balls."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from fimtheory.emission.arrays import cupy_function, numpy_function
from fimtheory.emission.balls import ball_function, complex_function
from fimtheory.emission.multiprecision import mpmath_function
from fimtheory.emission.stable import stable
from fimtheory.errors import InputError

__all__ = ["TARGETS", "emit", "stable"]

_TARGETS = {
    "numpy": numpy_function,
    "cupy": cupy_function,
    "mpmath": mpmath_function,
    "ball": ball_function,
    "complex": complex_function,
}
_SOURCES = tuple(f"source:{language}" for language in ("numpy", "jax", "torch", "mathematica"))
TARGETS = (*_TARGETS, *_SOURCES)


def emit(expression: sp.Expr, args: Sequence[sp.Symbol] | sp.Symbol, target: str = "numpy") -> Any:
    """A function of ``args`` that evaluates ``expression``.

    ``target`` is ``"numpy"`` or ``"cupy"`` (vectorised, broadcasting, double precision), ``"mpmath"`` (at the working
    precision of ``mpmath.mp``), ``"ball"`` (python-flint ``arb`` at the working precision of ``flint.ctx``, with
    rigorous error bounds) or ``"complex"`` (``acb``, not finite where the function is not analytic on the ball).

    ``"source:numpy"``, ``"source:jax"``, ``"source:torch"`` and ``"source:mathematica"`` give text.

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
    if target in _SOURCES:
        from fimtheory.emission.source import source

        return source(e, symbols, target.partition(":")[2])
    if target not in TARGETS:
        raise InputError(f"unknown target {target!r}: choose one of {', '.join(TARGETS)}")
    return _compiled(e, tuple(symbols), target)


@functools.lru_cache(maxsize=512)
def _compiled(e: sp.Expr, symbols: tuple[sp.Symbol, ...], target: str) -> Callable:
    e, kernels = _with_kernels(e, target)
    return _TARGETS[target](e, symbols, kernels)


def _with_kernels(e: sp.Expr, target: str) -> tuple[sp.Expr, dict[str, Callable]]:
    """Nodes that bring their own numerics (``kernel(target)`` and ``kernel_args``) become calls of that kernel."""
    kernels, calls = {}, {}
    for node in dict.fromkeys(n for n in sp.preorder_traversal(e) if hasattr(n, "kernel")):
        name = f"kernel_{len(kernels)}"
        kernels[name] = node.kernel(target)
        calls[node] = sp.Function(name)(*node.kernel_args)
    return e.xreplace(calls), kernels
