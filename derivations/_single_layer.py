"""The 2 x 2 model of one hidden layer in symbols, and the mean over its two Marchenko-Pastur variables."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp
from mpmath import mp

from fimtheory.notation import SYMBOLS

eta, eta_prime, zeta, z = (SYMBOLS[name] for name in ("eta", "eta_prime", "zeta", "z"))
alpha, beta = sp.symbols("alpha beta", positive=True)
a, b = sp.symbols("a b", positive=True)

SHIFTS = {alpha: eta_prime - zeta, beta: eta - zeta}


def two_modes(first: sp.Expr = a, second: sp.Expr = b, shift: sp.Expr = alpha) -> sp.Matrix:
    """M(a, b), the block of H on one pair of singular values; ``shift`` is what stands for alpha."""
    coupling = zeta * sp.sqrt(first) * sp.sqrt(second)
    return sp.Matrix([[shift + zeta * first, coupling], [coupling, beta + zeta * second]])


def printed_integrand(l1: sp.Expr, l2: sp.Expr) -> sp.Expr:
    """The integrand of eq. 20 as printed, with eta - zeta = beta and eta' - zeta = alpha."""
    return (l1 + l2 - 2 * z) / (2 * zeta**2 * (alpha * beta + l1 * (z - beta) + l2 * (z - alpha) - z**2))


def mean(polynomial: sp.Expr) -> sp.Expr:
    """The mean of a polynomial in the independent a and b, whose k-th moments are the Catalan numbers."""
    terms = sp.Poly(polynomial, a, b).terms()
    return sp.expand(sum(factor * sp.catalan(i) * sp.catalan(j) for (i, j), factor in terms))


def mean_by_quadrature(f: Callable, low=0, high=4):
    """E f(t) 1[low < t < high] for the Marchenko-Pastur variable t = 4 cos^2 s, by brute force."""
    ends = [mp.acos(mp.sqrt(mp.mpf(end) / 4)) for end in (high, low)]
    return 4 / mp.pi * mp.quad(lambda s: mp.sin(s) ** 2 * f(4 * mp.cos(s) ** 2), ends)


def marchenko_pastur(t):
    """The density of a and of b on [0, 4]."""
    return mp.sqrt((4 - t) / t) / (2 * mp.pi)


def marchenko_pastur_cdf(t):
    """The distribution function of a and of b: with t = 4 sin^2 s it is (2 s + sin 2s)/pi."""
    s = mp.asin(mp.sqrt(min(max(t, mp.zero), mp.mpf(4)) / 4))
    return (2 * s + mp.sin(2 * s)) / mp.pi
