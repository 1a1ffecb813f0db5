"""The definition of the law, evaluated slowly: mpmath for single levels, products of exact rules for averages.

Nothing of the package is used here.
"""

from itertools import pairwise

import numpy as np
from mpmath import mp
from mpmath.calculus.quadrature import GaussLegendre


def edges(ratio):
    return (1 - mp.sqrt(ratio)) ** 2, (1 + mp.sqrt(ratio)) ** 2


def weight(t, ratio):
    """The density of the continuous part of a Marchenko-Pastur law, mass one."""
    lo, hi = edges(ratio)
    return mp.sqrt((hi - t) * (t - lo)) / (2 * mp.pi * min(ratio, 1) * t)


def integral(f, lo, hi, digits):
    """int f over (lo, hi), f with inverse square roots at the ends at worst: lo + (hi - lo) sin^2 t, graded panels.

    On a panel (t, 4 t) a rule of n nodes gives n digits.
    """
    graded = [mp.mpf(0), *(mp.mpf(4) ** -k for k in range(8 if digits < 30 else 14, 0, -1)), mp.mpf(1) / 2]
    cuts = [t * mp.pi / 2 for t in graded] + [(1 - t) * mp.pi / 2 for t in graded[-2::-1]]
    rule = GaussLegendre(mp).calc_nodes(4 if digits < 24 else 5, mp.prec)
    return mp.fsum(
        (q - p) / 2 * w * f(lo + (hi - lo) * mp.sin(t) ** 2) * (hi - lo) * mp.sin(2 * t)
        for p, q in pairwise(cuts)
        for x, w in rule
        for t in [(p + q) / 2 + (q - p) / 2 * x]
    )


def line(alpha, beta, zeta, l, ratios):
    """The interval of a on which a and b(a) lie in their supports, and b(a)."""
    u, v = l - alpha, l - beta
    ends = sorted((v / zeta - b) * u / v for b in edges(ratios[1]))
    lo, hi = edges(ratios[0])
    return max(lo, ends[0]), min(hi, ends[1]), lambda a: v / zeta - a * v / u


def density(alpha, beta, zeta, l, ratios=(1, 1), digits=20):
    """1/2 int p(a) p(b(a)) db/dl da for alpha >= beta, l off both."""
    with mp.workdps(2 * digits):
        alpha, beta, zeta, l, *ratios = map(mp.mpf, (alpha, beta, zeta, l, *ratios))
        lo, hi, b = line(alpha, beta, zeta, l, ratios)
        if lo >= hi or l <= beta:
            return mp.mpf(0)
        speed = (alpha - beta) / (l - alpha) ** 2
        return (
            integral(lambda a: weight(a, ratios[0]) * weight(b(a), ratios[1]) * (1 / zeta + a * speed), lo, hi, digits)
            / 2
        )


def counted(alpha, beta, zeta, l, digits=20):
    """F(l) for the square layer, l off alpha and beta: 1/2 P(b < b(a)), and 1/2 more beyond alpha."""
    with mp.workdps(2 * digits):
        alpha, beta, zeta, l = map(mp.mpf, (alpha, beta, zeta, l))
        lo, hi, b = line(alpha, beta, zeta, l, (mp.mpf(1), mp.mpf(1)))

        def below(t):
            t = min(max(t, mp.mpf(0)), mp.mpf(4))
            return (2 * mp.asin(mp.sqrt(t) / 2) + mp.sqrt(t * (4 - t)) / 2) / mp.pi

        middle = integral(lambda a: weight(a, mp.mpf(1)) * below(b(a)), lo, hi, digits) if lo < hi else mp.mpf(0)
        rest = below(lo) if l > alpha else 1 - below(hi)
        return (middle + rest + (l > alpha)) / 2


def angles(ratio, count):
    """Nodes and weights for averages over the continuous part, geometrically convergent (exact at ratio 1)."""
    theta = np.pi * np.arange(1, count + 1) / (count + 1)
    semicircle = 2 * np.sin(theta) ** 2 / (count + 1)
    if ratio == 1:
        return 4 * np.cos(theta) ** 2, semicircle
    t = 1 + ratio + 2 * np.sqrt(ratio) * np.cos(theta)
    return t, semicircle * max(ratio, 1) / t


def matrices(alpha, beta, zeta, ratios, count):
    """All M(a, b) on the product grid, shape (count^2, 2, 2), and their weights."""
    (a, p), (b, q) = (angles(ratio, count) for ratio in ratios)
    a, b, weights = np.repeat(a, count), np.tile(b, count), np.outer(p, q).ravel()
    coupling = zeta * np.sqrt(a * b)
    return np.array([[alpha + zeta * a, coupling], [coupling, beta + zeta * b]]).transpose(2, 0, 1), weights
