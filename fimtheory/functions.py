"""The special functions of the subject as SymPy functions: Phi, Phi_2, sigmoid, softplus.

They know their derivatives, symmetries and LaTeX; numbers come from :mod:`fimtheory.emission`.
"""

from __future__ import annotations

import sympy as sp
from mpmath import mp
from sympy.core.function import ArgumentIndexError, Function

sqrt2 = sp.sqrt(2)
_FAR_LEFT = 10**150


def density(x: sp.Expr) -> sp.Expr:
    """The standard normal density exp(-x^2/2)/sqrt(2 pi).

    >>> density(sp.Integer(0))
    sqrt(2)/(2*sqrt(pi))
    """
    return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)


class Phi(Function):
    """The standard normal distribution function Phi(x) = P(Z < x).

    >>> Phi(0), Phi(sp.oo), sp.diff(Phi(sp.Symbol("x")), sp.Symbol("x"))
    (1/2, 1, sqrt(2)*exp(-x**2/2)/(2*sqrt(pi)))
    """

    nargs = 1
    is_real = True

    @classmethod
    def eval(cls, x):
        if x.is_zero:
            return sp.S.Half
        if x is sp.oo:
            return sp.S.One
        if x is -sp.oo:
            return sp.S.Zero
        return None

    def fdiff(self, argindex=1):
        if argindex != 1:
            raise ArgumentIndexError(self, argindex)
        return density(self.args[0])

    def _eval_is_positive(self):
        return self.args[0].is_extended_real or None

    def _eval_rewrite_as_erf(self, x, **kwargs):
        return (1 + sp.erf(x / sqrt2)) / 2

    def _eval_evalf(self, prec):
        x = self.args[0]._to_mpmath(prec + 20)
        if isinstance(x, mp.mpc):
            return self.rewrite(sp.erf)._eval_evalf(prec)
        with mp.workprec(prec + 20):
            # mpmath's erfc overflows there; exp(-x^2/2)/(sqrt(2 pi) |x|) is right to 300 digits.
            return sp.Expr._from_mpmath(mp.npdf(x) / -x if x < -_FAR_LEFT else mp.ncdf(x), prec)

    def _latex(self, printer, exp=None):
        return _latex_call(r"\Phi", self, printer, exp)


def bivariate_normal_cdf(h, k, rho):
    """Phi_2(h, k; rho) at the working precision of mpmath, by Plackett's integral over the correlation."""

    def density_along(t):
        return mp.exp(-(h * h + k * k - 2 * h * k * mp.sin(t)) / (2 * mp.cos(t) ** 2))

    return mp.ncdf(h) * mp.ncdf(k) + mp.quad(density_along, [0, mp.asin(rho)]) / (2 * mp.pi)


class BivariateNormalCDF(Function):
    """Phi_2(h, k; rho) = P(X < h, Y < k) for standard normal X, Y with correlation rho.

    The derivative in rho is the bivariate density (Plackett).

    >>> BivariateNormalCDF(0, 0, sp.Rational(1, 2))
    1/3
    """

    nargs = 3
    is_real = True

    @classmethod
    def eval(cls, h, k, rho):
        if h.is_zero and k.is_zero:
            return sp.Rational(1, 4) + sp.asin(rho) / (2 * sp.pi)
        if rho.is_zero:
            return Phi(h) * Phi(k)
        if rho is sp.S.One and h == k:
            return Phi(h)
        return None

    def fdiff(self, argindex=1):
        h, k, rho = self.args
        root = sp.sqrt(1 - rho**2)
        if argindex == 1:
            return density(h) * Phi((k - rho * h) / root)
        if argindex == 2:
            return density(k) * Phi((h - rho * k) / root)
        if argindex == 3:
            return sp.exp(-(h**2 - 2 * rho * h * k + k**2) / (2 * (1 - rho**2))) / (2 * sp.pi * root)
        raise ArgumentIndexError(self, argindex)

    def _eval_evalf(self, prec):
        values = [argument._to_mpmath(prec + 20) for argument in self.args]
        with mp.workprec(prec + 20):
            return sp.Expr._from_mpmath(bivariate_normal_cdf(*values), prec)

    def _latex(self, printer, exp=None):
        h, k, rho = (printer._print(argument) for argument in self.args)
        call = rf"\Phi_2\left({h},\, {k};\, {rho}\right)"
        return call if exp is None else rf"{call}^{{{exp}}}"


class sigmoid(Function):
    """The logistic function 1/(1 + exp(-x)).

    >>> sigmoid(0), sp.diff(sigmoid(sp.Symbol("x")), sp.Symbol("x"))
    (1/2, (1 - sigmoid(x))*sigmoid(x))
    """

    nargs = 1
    is_real = True

    @classmethod
    def eval(cls, x):
        return sp.S.Half if x.is_zero else None

    def fdiff(self, argindex=1):
        return self * (1 - self)

    def _eval_rewrite_as_exp(self, x, **kwargs):
        return 1 / (1 + sp.exp(-x))

    def _eval_evalf(self, prec):
        return self.rewrite(sp.exp)._eval_evalf(prec)

    def _latex(self, printer, exp=None):
        return _latex_call(r"\sigma", self, printer, exp)


class softplus(Function):
    """log(1 + exp(x)), whose derivative is the logistic function.

    >>> softplus(0), sp.diff(softplus(sp.Symbol("x")), sp.Symbol("x"))
    (log(2), sigmoid(x))
    """

    nargs = 1
    is_real = True

    @classmethod
    def eval(cls, x):
        return sp.log(2) if x.is_zero else None

    def fdiff(self, argindex=1):
        return sigmoid(self.args[0])

    def _eval_rewrite_as_exp(self, x, **kwargs):
        return sp.log(1 + sp.exp(x))

    def _eval_evalf(self, prec):
        """By log(1 + t) at small t: log(1 + exp(x)) cancels far out on the left."""
        x = self.args[0]._to_mpmath(prec + 20)
        with mp.workprec(prec + 20):
            tail = x + mp.log1p(mp.exp(-x)) if mp.re(x) > 0 else mp.log1p(mp.exp(x))
            return sp.Expr._from_mpmath(tail, prec)

    def _latex(self, printer, exp=None):
        return _latex_call(r"\operatorname{softplus}", self, printer, exp)


def _latex_call(name: str, call: Function, printer, exp) -> str:
    head = name if exp is None else rf"{name}^{{{exp}}}"
    return rf"{head}\left({printer._print(call.args[0])}\right)"
