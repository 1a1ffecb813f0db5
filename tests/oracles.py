"""Independent numbers for the tests: Gaussian expectations by Gauss-Legendre panels in mpmath, split at the kinks.

Nothing of the package is used here, so that a golden value never comes from what it is to check.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from itertools import pairwise

from mpmath import mp
from mpmath.calculus.quadrature import GaussLegendre


def gauss(f: Callable, kinks: Iterable = (), q=1, digits: int = 30):
    """E f(sqrt(q) Z) for an mpmath function f that is smooth between ``kinks``."""
    with mp.workdps(digits + 5):
        root = mp.sqrt(mp.mpmathify(q))
        nodes = gaussian_nodes(tuple(mp.mpmathify(h) / root for h in kinks), 14, 1, 5, mp.prec)
        return mp.fsum(weight * f(root * z) for z, weight in nodes)


def gauss_pair(f: Callable, g: Callable, q1, q2, c, kinks_f=(), kinks_g=(), digits: int = 15):
    """E f(U) g(V) with Var U = q1, Var V = q2 and correlation c, as nested integrals."""
    with mp.workdps(digits + 3):
        s1, s2, c = mp.sqrt(mp.mpmathify(q1)), mp.sqrt(mp.mpmathify(q2)), mp.mpmathify(c)
        sine = mp.sqrt(1 - c * c)

        def inner(z):
            kinks = tuple((mp.mpmathify(h) / s2 - c * z) / sine for h in kinks_g)
            return sum(weight * g(s2 * (c * z + sine * w)) for w, weight in gaussian_nodes(kinks, 9, 3, 4, mp.prec))

        outer = gaussian_nodes(tuple(mp.mpmathify(h) / s1 for h in kinks_f), 9, 3, 4, mp.prec)
        return sum(weight * f(s1 * z) * inner(z) for z, weight in outer)


@functools.lru_cache(maxsize=1000)
def gaussian_nodes(kinks: tuple, reach: int, width: int, degree: int, bits: int) -> list:
    """Nodes and weights against the standard normal density on (-reach, reach), with 3 * 2^(degree - 1) nodes a panel.

    Panels have that width at most and end at the kinks. The tail beyond 14 is below 1e-43, beyond 9 below 1e-18.
    """
    inside = {h for h in kinks if abs(h) < reach}
    cuts = sorted(inside | {mp.mpf(k) for k in range(-reach, reach + 1, width)} | {mp.mpf(reach)})
    rule = _legendre(degree, bits)
    nodes = [((a + b) / 2 + (b - a) / 2 * t, (b - a) / 2 * w) for a, b in pairwise(cuts) for t, w in rule]
    return [(z, w * mp.npdf(z)) for z, w in nodes]


@functools.cache
def _legendre(degree: int, bits: int) -> list:
    return GaussLegendre(mp).calc_nodes(degree, bits)


def close(value, exact, digits: int) -> bool:
    """Whether two numbers agree to ``digits`` significant digits; next to zero, to as many decimals and three more."""
    with mp.workdps(60):
        value, exact = mp.mpmathify(value), mp.mpmathify(exact)
        return bool(abs(value - exact) <= mp.mpf(10) ** -digits * max(abs(exact), mp.mpf("1e-3")))
