"""Averages over chi^2_C of functions with poles above the axis: a rule whose nodes lie below it.

A unit whose weights in the matrix have squared length u contributes 1/(1 + u delta), delta above the axis, with a pole at
u = -1/delta above it too. So u runs along the ray exp(-i theta) (0, oo), where the pole is seen at an angle theta or more,
and in u = exp(s - exp(-s) - i theta) the trapezoidal rule errs by about exp(-2 pi theta/h), h its step; poles at most
0.1 in modulus cost digits.
"""

from __future__ import annotations

import math

import numpy as np

_STEPS = 5  # per theta: errors of about 1e-9
_LEAST = 1e-12

Array = np.ndarray


def chi_square_rule(dof: int) -> tuple[Array, Array]:
    """Complex nodes and weights of averages over chi^2 with ``dof`` degrees of freedom.

    >>> u, share = chi_square_rule(3)
    >>> print(round(float((share @ u).real), 7), round(float((share @ u**2).real), 7))
    3.0 15.0
    """
    theta = min(math.pi / 4, 2 / math.sqrt(dof))
    step = theta / _STEPS
    s = step * np.arange(math.floor(-5 / step), math.ceil(math.log(120 + 4 * dof) / step))
    log = s - np.exp(-s) - 1j * theta
    density = np.exp(dof / 2 * (log - math.log(2)) - np.exp(log) / 2 - math.lgamma(dof / 2))
    share = step * (1 + np.exp(-s)) * density
    kept = np.abs(share) > _LEAST
    return np.exp(log[kept]), share[kept]
