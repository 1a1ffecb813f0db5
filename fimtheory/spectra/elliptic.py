"""The density of a square layer in closed form: complete elliptic integrals of Carlson.

With gaps e, D, f between the zeros r1 < r2 < r3 < r4 of a quartic Q, let

    I_n = int_{r2}^{r3} y^n da / sqrt|Q(a)|,  y = (r3 - a)/D.

I_0 and I_1 are R_F and R_J, I_2 brings R_D, and I_3 follows from int d sqrt|Q| = 0. The density is a combination of the
four, whose coefficients are products of linear factors. The combination may cancel; by how much is computed with it.
"""

from __future__ import annotations

import numpy as np

from fimtheory.spectra.arithmetic import Arithmetic
from fimtheory.spectra.pair import Level, Pair

Array = np.ndarray


def complete_integrals(e: Array, D: Array, f: Array, kind: Arithmetic) -> tuple[list[Array], list[Array]]:
    """I_0 .. I_3 for positive gaps, and for each the sum of the absolute values of the terms that it is made of.

    *Source*: the three symmetric integrals are those of Carlson (1995); the reduction is our own.

    >>> from fimtheory.spectra.arithmetic import FLOATS
    >>> (I0, I1, *_), _ = complete_integrals(1e9, 1.0, 1e9, FLOATS)  # 1e-9 int y^n dy/sqrt(y (1 - y))
    >>> round(1e9 * float(I0) / np.pi, 8), round(1e9 * float(I1) / np.pi, 8)
    (1.0, 0.5)
    """
    p, q, whole, zero = e + D, D + f, e + D + f, 0 * D
    x, y = e * f, p * q
    first = 2 * kind.rf(zero, x, y)
    third = 2 * p * f * kind.rj(zero, x, y, p * f) / 3
    second = 2 * p * q * whole * kind.rd(zero, x, y) / 3
    square = (second + (e + 2 * D - f) * third - p * first) / (2 * D)
    square_size = (second + np.abs(e + 2 * D - f) * third + p * first) / (2 * D)
    # Q/D^2 = y (1 - y)(f + D y)(p - D y): the coefficients of y, y^2, y^3 are c, d - c, -D^2 - d
    c, d = f * p, D * (e + D - f)
    cube = (3 * (D * D + d) * square - 2 * (d - c) * third - c * first) / (4 * D * D)
    cube_size = (3 * np.abs(D * D + d) * square_size + 2 * np.abs(d - c) * third + c * first) / (4 * D * D)
    return [first, third, square, cube], [first, third, square_size, cube_size]


def density(pair: Pair, level: Level) -> tuple[Array, Array]:
    """The density at levels inside the support, off the special points; and the sum of the sizes of its terms.

    rho = 1/(8 pi^2) int (1/zeta + a delta/u^2) (4 - a)(4 - b) da / sqrt(a (4 - a) b (4 - b)), both ratios being one.
    """
    e, D, f = np.abs(level.left_lead), level.width, np.abs(level.right_lead)
    integrals, sizes = complete_integrals(e, D, f, pair.kind)
    u, lead, trail = level.u, level.left_lead, level.right_lead
    rate = pair.delta / u / u
    a = np.maximum(lead, 0) + D
    speed = (1 / pair.zeta + rate * a, -rate * D)
    first = (np.maximum(trail, 0), D)  # 4 - a
    second = (  # (4 - b) over the slope of b
        np.where(level.right, np.maximum(-lead, 0) + D, np.maximum(-trail, 0)),
        np.where(level.right, -D, D),
    )
    coefficients = _product(_product([*speed], first), second)
    value = sum(c * integral for c, integral in zip(coefficients, integrals, strict=True))
    size = sum(np.abs(c) * size for c, size in zip(coefficients, sizes, strict=True))
    return value / (8 * pair.kind.pi() ** 2), size / (8 * pair.kind.pi() ** 2)


def _product(polynomial: list[Array], linear: tuple[Array, Array]) -> list[Array]:
    """Coefficients, in increasing order."""
    zero = 0 * linear[1]
    shifted = [zero, *(linear[1] * c for c in polynomial)]
    return [linear[0] * c + s for c, s in zip([*polynomial, zero], shifted, strict=True)]
