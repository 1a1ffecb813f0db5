"""Gaussian integrals without closed form: named, printable, differentiable, and good for any number of digits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp
from flint import arb, ctx
from mpmath import mp

from fimtheory.emission import emit, stable
from fimtheory.errors import InputError, JumpError
from fimtheory.gaussian import dual_function, quadrature
from fimtheory.gaussian.admissible import split_at_singularities
from fimtheory.gaussian.enclosure import enclose_expectation
from fimtheory.gaussian.pair_enclosure import enclose_pair
from fimtheory.gaussian.pieces import Pieces, pieces
from fimtheory.gaussian.quadrature import exact, with_numbers

# The variable of integration: a dummy, so that no symbol of a user is ever captured.
_BOUND = sp.Dummy("x", real=True)
_SHOWN = sp.Symbol("x", real=True)
_BALLS = ("ball", "complex")


class _GaussianIntegral(sp.Expr):
    """What both integrals share; ``functions`` many leading arguments are integrands in the bound variable."""

    is_real = True
    is_commutative = True
    functions: int

    @property
    def integrands(self) -> tuple[sp.Expr, ...]:
        """The functions of the bound variable."""
        return self.args[: self.functions]

    @property
    def kernel_args(self) -> tuple[sp.Expr, ...]:
        """What the value depends on beside parameters of the integrands: variances and correlation."""
        return self.args[self.functions + 1 :]

    @property
    def free_symbols(self):
        return set().union(*(e.free_symbols for e in self.args)) - {_BOUND}

    def _eval_subs(self, old, new):
        return self if old == _BOUND else None

    def _eval_evalf(self, prec):
        if self.free_symbols:
            return self
        return sp.Expr._from_mpmath(self.digits(int(prec / 3.3219) + 2), prec)

    def _eval_derivative(self, s):
        total = sum(e.diff(s) * self._slope(k) for k, e in enumerate(self.kernel_args) if e.has(s))
        for k, f in enumerate(self.integrands):
            if s in f.free_symbols:
                total += self._with(k, sp.diff(f, s))
        return total

    def _with(self, k: int, integrand: sp.Expr) -> sp.Expr:
        """The same integral with the k-th integrand replaced."""
        return self.func(*(integrand if j == k else e for j, e in enumerate(self.args)))

    def _slope(self, k: int) -> sp.Expr:
        """The derivative in the k-th of the kernel arguments."""
        raise NotImplementedError

    def _scaled(self, k: int) -> sp.Expr:
        """E .. U f'(U) .. / (2 Var U), the derivative in the variance of the k-th variable."""
        return self._with(k, _BOUND * _weak(self.integrands[k])) / (2 * self.kernel_args[k])

    def digits(self, n: int):
        """The value as an ``mpmath.mpf`` to n significant digits, by quadrature."""
        raise NotImplementedError

    def enclosure(self, decimals: int) -> arb:
        """A ball proven to contain the value, of radius about 10^-decimals; :class:`NotCertified` without a proof."""
        raise NotImplementedError

    def _constant_ball(self):
        """A constant among balls, such as the mean of a centred activation: enclosed at the precision of the call."""
        if self.free_symbols:
            raise InputError(f"{self} has no ball while {', '.join(map(str, self.free_symbols))} is free: give values")
        return lambda *_: self.enclosure(int(ctx.dps))

    def _sympystr(self, printer):
        shown = (printer._print(e.xreplace({_BOUND: _SHOWN})) for e in self.args)
        return f"{type(self).__name__}({', '.join(shown)})"

    _sympyrepr = _sympystr


class Expectation(_GaussianIntegral):
    """E f(sqrt(q) Z) with Z ~ N(0, 1), unevaluated: prints as an integral, ``evalf(n)`` gives n digits.

    >>> x = sp.Symbol("x", real=True)
    >>> integral = Expectation(sp.log(1 + sp.exp(x)), x, sp.Integer(1))
    >>> integral
    Expectation(log(exp(x) + 1), x, 1)
    >>> integral.evalf(20)
    0.80605918334743978453
    """

    functions = 1

    def __new__(cls, f, variable, q):
        return super().__new__(cls, sp.sympify(f).xreplace({variable: _BOUND}), _BOUND, sp.sympify(q))

    def _slope(self, k: int) -> sp.Expr:
        return self._scaled(0)

    def digits(self, n: int):
        f, _, q = self.args
        return quadrature.expectation_digits(_numeric_pieces(f), q, n)

    def enclosure(self, decimals: int) -> arb:
        f, _, q = self.args
        return enclose_expectation(_numeric_pieces(f).map(stable), q, decimals)

    def kernel(self, target: str):
        """The value as a function of q for an emission target."""
        if target in _BALLS:
            return self._constant_ball()
        split = _numeric_pieces(self.args[0])
        if target == "mpmath":
            return lambda q: quadrature.expectation_digits(split, exact(q), mp.dps)
        _require_array_target(target)
        function, breaks = emit(self.args[0], _BOUND), [float(h) for h in split.breaks]
        return np.vectorize(lambda q: quadrature.expectation_float(function, q, breaks), otypes=[float])

    def _latex(self, printer, exp=None):
        f, x, q = self.args
        body = printer._print(f.subs(x, sp.sqrt(q) * sp.Symbol("z", real=True)))
        return _power(rf"\int_{{-\infty}}^{{\infty}} \mathrm{{D}}z\, {_bracketed(f, body)}", exp)


class PairExpectation(_GaussianIntegral):
    """E f(U) g(V) with Var U = q1, Var V = q2 and correlation c, unevaluated.

    >>> x, c = sp.Symbol("x", real=True), sp.Symbol("c", real=True)
    >>> sp.diff(PairExpectation(sp.tanh(x), x, x, 1, 1, c), c)
    PairExpectation(1 - tanh(x)**2, 1, x, 1, 1, c)
    """

    functions = 2

    def __new__(cls, f, g, variable, q1, q2, c):
        integrands = (sp.sympify(e).xreplace({variable: _BOUND}) for e in (f, g))
        return super().__new__(cls, *integrands, _BOUND, *map(sp.sympify, (q1, q2, c)))

    def _slope(self, k: int) -> sp.Expr:
        if k < 2:
            return self._scaled(k)
        f, g, x, q1, q2, c = self.args
        return sp.sqrt(q1 * q2) * PairExpectation(_weak(f), _weak(g), x, q1, q2, c)

    def digits(self, n: int):
        f, g, x, q1, q2, c = self.args
        if abs(c) == 1:
            return Expectation(f * g.subs(x, c * sp.sqrt(q2 / q1) * x), x, q1).digits(n)
        return quadrature.pair_digits(_numeric_pieces(f), _numeric_pieces(g), q1, q2, c, n)

    def enclosure(self, decimals: int) -> arb:
        f, g, x, q1, q2, c = self.args
        if abs(c) == 1:
            return Expectation(f * g.subs(x, c * sp.sqrt(q2 / q1) * x), x, q1).enclosure(decimals)
        left, right = (_numeric_pieces(e).map(stable) for e in (f, g))
        return enclose_pair(left, right, q1, q2, c, decimals)

    def kernel(self, target: str):
        """The value as a function of (q1, q2, c) for an emission target."""
        if target in _BALLS:
            return self._constant_ball()
        f, g, x, *_ = self.args
        left, right = _numeric_pieces(f), _numeric_pieces(g)
        if target == "mpmath":
            return lambda q1, q2, c: PairExpectation(f, g, x, exact(q1), exact(q2), exact(c)).digits(mp.dps)
        _require_array_target(target)
        return dual_function.pair_kernel(_array_function(f, left), _array_function(g, right), f == g)

    def _latex(self, printer, exp=None):
        f, g, x, q1, q2, c = self.args
        z1, z2 = sp.Symbol("z_1", real=True), sp.Symbol("z_2", real=True)
        first, inner = (printer._print(e) for e in (sp.sqrt(q1) * z1, c * z1 + sp.sqrt(1 - c**2) * z2))
        u, v = sp.Symbol("u", real=True), sp.Symbol("v", real=True)
        left, right = _bracketed(f, printer._print(f.subs(x, u))), _bracketed(g, printer._print(g.subs(x, v)))
        if right.startswith((r"\frac", *"0123456789")):  # tanh u 2 tanh v: which of the two is doubled?
            left, right = rf"\left({left}\right)", rf"\left({right}\right)"
        root = "" if q2 == 1 else printer._print(sp.sqrt(q2))
        where = rf"u = {first},\; v = {root}\left({inner}\right)" if root else rf"u = {first},\; v = {inner}"
        integral = rf"\iint \mathrm{{D}}z_1\,\mathrm{{D}}z_2\, {left}\, {right}"
        return _power(rf"{integral} \quad \left({where}\right)", exp)


def _weak(f: sp.Expr) -> sp.Expr:
    """The derivative of a continuous integrand."""
    split = pieces(f, _BOUND)
    if split.jumps:
        raise JumpError("the derivative of an integral over a function with jumps is not implemented: give numbers")
    return split.derivative().expression


def _numeric_pieces(f: sp.Expr) -> Pieces:
    free = f.free_symbols - {_BOUND}
    if free:
        raise InputError(f"the integral of {f} has free parameters ({', '.join(map(str, free))}): give them values")
    return split_at_singularities(pieces(f, _BOUND))


def _array_function(f: sp.Expr, split: Pieces) -> tuple[Callable, tuple[float, ...]]:
    """A vectorised function and its kinks, in double precision."""
    return emit(with_numbers(f, 20), _BOUND), tuple(float(h) for h in split.breaks)


def _require_array_target(target: str) -> None:
    if target not in ("numpy", "cupy"):
        raise InputError(
            f"an integral without closed form has no {target} function: use numpy or mpmath, or .digits(n)"
        )


def _bracketed(f: sp.Expr, body: str) -> str:
    bare = not (f.is_Add or isinstance(f, sp.Piecewise) or body.startswith("-"))
    return body if bare else rf"\left({body}\right)"


def _power(body: str, exp) -> str:
    return body if exp is None else rf"\left({body}\right)^{{{exp}}}"
