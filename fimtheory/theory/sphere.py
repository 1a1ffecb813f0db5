"""Harmonics of the sphere in any dimension: how many there are, their zonal polynomials, and the law of a radius."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.errors import InputError
from fimtheory.gaussian.quantity import number

_T = sp.Symbol("t", real=True)


def multiplicity(d: int | sp.Expr, k: int | sp.Expr) -> int | sp.Expr:
    """N(d, k), the number of linearly independent harmonics of degree k on the sphere of R^d.

    N(d, k) = binom(d+k-1, k) - binom(d+k-3, k-2); on S^0 = {-1, 1} (d = 1) there are degrees 0 and 1 alone, on the circle
    (d = 2) one harmonic of degree 0 and two of every other. With a symbol d and a number k: a polynomial in d.

    >>> [multiplicity(3, k) for k in range(4)], multiplicity(2, 7), multiplicity(1, 2), multiplicity(10**6, 1)
    ([1, 3, 5, 7], 2, 0, 1000000)
    >>> multiplicity(sp.Symbol("d"), 2)
    (d - 1)*(d + 2)/2
    """
    if isinstance(d, int) and isinstance(k, int):
        if d == 1:
            return int(k < 2)
        return math.comb(d + k - 1, k) - (math.comb(d + k - 3, k - 2) if k >= 2 else 0)
    if isinstance(k, int):
        lower = sp.ff(d + k - 3, k - 2) / sp.factorial(k - 2) if k >= 2 else 0
        return sp.factor(sp.expand(sp.expand_func(sp.ff(d + k - 1, k)) / sp.factorial(k) - sp.expand_func(lower)))
    return (2 * k + d - 2) * sp.gamma(k + d - 2) / (sp.gamma(d - 1) * sp.factorial(k))


def zonal(d: int | sp.Expr, k: int, t: sp.Expr = _T) -> sp.Expr:
    """P_k(t): the harmonic of degree k that depends on one coordinate alone, with P_k(1) = 1.

    d = 2: Chebyshev, d = 3: Legendre, otherwise Gegenbauer; d may be a symbol. From
    (k + d - 2) P_{k+1} = (2k + d - 2) t P_k - k P_{k-1}.

    >>> zonal(3, 2), zonal(2, 3), sp.factor(zonal(sp.Symbol("d"), 2))
    (3*t**2/2 - 1/2, 4*t**3 - 3*t, (d*t**2 - 1)/(d - 1))
    """
    below, here = sp.S.One, t
    if k == 0:
        return below
    for j in range(1, k):
        below, here = here, sp.cancel(((2 * j + d - 2) * t * here - j * below) / (j + d - 2))
    return sp.expand(here) if isinstance(d, int) else here


@dataclass(frozen=True)
class RadialLaw:
    """The length r of a vector of R^d: of N(0, ``variance`` I_d), or ``fixed`` at the same mean square d ``variance``."""

    dimension: int | sp.Expr
    variance: sp.Expr = sp.S.One
    fixed: bool = False

    def moment(self, power: int | sp.Expr) -> sp.Expr:
        """E r^p, exact; d may be a symbol. Raises :class:`InputError` where it is infinite, p <= -d.

        >>> RadialLaw(3).moment(1), RadialLaw(3).moment(2), RadialLaw(3, sp.Rational(1, 3), fixed=True).moment(1)
        (2*sqrt(2)/sqrt(pi), 3, 1)
        """
        d, p = sp.sympify(self.dimension), sp.sympify(power)
        half = p / 2
        if self.fixed:
            return (d * self.variance) ** (p / 2)
        if (d + p).is_number and d + p <= 0:
            raise InputError(f"the mean of |w|^({p}) is infinite in {d} dimensions: take a power above -{d}")
        if half.is_Integer and abs(half) <= 60:
            ratio = sp.Mul(*[d / 2 + j for j in range(int(half))]) if half >= 0 else _falling(d, -int(half))
        else:
            ratio = sp.gamma((d + p) / 2) / sp.gamma(d / 2)
        scale = (2 * self.variance) ** half
        return sp.simplify(scale * ratio) if d.is_number and d <= 400 else scale * ratio

    def moment_number(self, power: sp.Expr) -> mp.mpf:
        """E r^p at the working precision of mpmath, in any dimension without overflow; +inf where it is infinite."""
        half, half_d, variance = to_mpf(power) / 2, mp.mpf(int(self.dimension)) / 2, to_mpf(self.variance)
        if self.fixed:
            return (2 * half_d * variance) ** half
        return (2 * variance) ** half * mp.gammaprod([half_d + half], [half_d]) if half_d + half > 0 else mp.inf

    def nodes(self, n: int = 192) -> tuple[np.ndarray, np.ndarray]:
        """Lengths and their masses: panels of 16 Gauss-Legendre nodes, n in all, wherever the density is not negligible.

        Lengths enter activations through |w| |x|: panels resolve a tanh that is steep in it, where a Gauss rule in r^2 has
        few nodes.
        """
        r, logarithms = self.log_nodes(n)
        return r, np.exp(logarithms)

    def log_nodes(self, n: int = 192, beyond: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """The same with logarithms of the masses; up to ``beyond`` standard deviations longer, for what grows fast."""
        d, scale = int(self.dimension), math.sqrt(float(self.variance))
        if self.fixed:
            return np.array([math.sqrt(d) * scale]), np.zeros(1)
        low, high = _effective(d)
        n, high = math.ceil(n * (1 + beyond / (high - low))), high + beyond
        x, w = np.polynomial.legendre.leggauss(16)
        ends = np.linspace(low, high, max(1, n // 16) + 1)
        r = (ends[:-1, None] + np.diff(ends)[:, None] * (x + 1) / 2).ravel()
        log = (d - 1) * np.log(r) - r**2 / 2
        log += np.log(np.tile(w, ends.size - 1)) - log.max()
        return scale * r, log - np.log(np.exp(log).sum())


def to_mpf(e: sp.Expr) -> mp.mpf:
    """A number at the working precision of mpmath."""
    return mp.mpf(int(e.p)) / int(e.q) if isinstance(e, sp.Rational) else number(e, mp.dps)


def _effective(d: int) -> tuple[float, float]:
    """Where log r^(d-1) exp(-r^2/2) is within 90 of its largest value."""
    peak = math.sqrt(d - 1)
    # The logarithm is concave, and bends at least like -r^2/2 beyond its peak: both ends lie within this of it.
    reach = math.sqrt(2 * 90)
    below = peak * math.exp(-1 - 90 / (d - 1)) if d > 1 else 0.0
    return max(below, peak - reach), peak + reach


def _falling(d: sp.Expr, n: int) -> sp.Expr:
    """Gamma(d/2 - n)/Gamma(d/2)."""
    return 1 / sp.Mul(*[d / 2 - j for j in range(1, n + 1)])
