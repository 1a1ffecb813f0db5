"""Independent numbers for the tests: Gaussian expectations by mpmath's quadrature, split at the kinks by hand.

Nothing of the package is used here, so that a golden value never comes from what it is to check.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from itertools import pairwise

from mpmath import mp
from mpmath.calculus.quadrature import GaussLegendre

REACH = 14  # the Gaussian tail beyond is below 1e-41


def gauss(f: Callable, kinks: Iterable = (), q=1, digits: int = 30):
    """E f(sqrt(q) Z) for an mpmath function f that is smooth between ``kinks``."""
    with mp.workdps(digits + 5):
        root = mp.sqrt(mp.mpmathify(q))
        cuts = panels([mp.mpmathify(h) / root for h in kinks])
        return mp.quad(lambda z: f(root * z) * mp.npdf(z), cuts)


def gauss_pair(f: Callable, g: Callable, q1, q2, c, kinks_f=(), kinks_g=(), digits: int = 15):
    """E f(U) g(V) with Var U = q1, Var V = q2 and correlation c, as nested integrals."""
    with mp.workdps(digits + 3):
        s1, s2, c = mp.sqrt(mp.mpmathify(q1)), mp.sqrt(mp.mpmathify(q2)), mp.mpmathify(c)
        sine = mp.sqrt(1 - c * c)

        def inner(z):
            kinks = [(mp.mpmathify(h) / s2 - c * z) / sine for h in kinks_g]
            return sum(weight * g(s2 * (c * z + sine * w)) for w, weight in gaussian_nodes(kinks))

        outer = gaussian_nodes([mp.mpmathify(h) / s1 for h in kinks_f])
        return sum(weight * f(s1 * z) * inner(z) for z, weight in outer)


def gaussian_nodes(kinks: list) -> list:
    """Nodes and weights against the standard normal density: 24 Gauss-Legendre nodes a panel, up to 9."""
    rule, cuts = _legendre(mp.prec), panels(kinks, 9)
    nodes = [((a + b) / 2 + (b - a) / 2 * t, (b - a) / 2 * w) for a, b in pairwise(cuts) for t, w in rule]
    return [(z, w * mp.npdf(z)) for z, w in nodes]


@functools.cache
def _legendre(bits: int) -> list:
    return GaussLegendre(mp).calc_nodes(4, bits)


def panels(kinks: list, reach: int = REACH) -> list:
    """Cuts of the line for a quadrature: the kinks, and every third integer."""
    inside = {mp.mpf(h) for h in kinks if abs(h) < reach}
    return sorted(inside | {mp.mpf(k) for k in range(-reach, reach + 1, 3)} | {mp.mpf(reach)})


def close(value, exact, digits: int) -> bool:
    """Whether two numbers agree to ``digits`` significant digits; next to zero, to as many decimals and three more."""
    with mp.workdps(60):
        value, exact = mp.mpmathify(value), mp.mpmathify(exact)
        return bool(abs(value - exact) <= mp.mpf(10) ** -digits * max(abs(exact), mp.mpf("1e-3")))
