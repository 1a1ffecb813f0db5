"""Inverting many increasing functions at once: Newton's method inside brackets that shrink."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fimtheory.errors import NotConverged

_EPS = np.finfo(float).eps
_MOST_STEPS = 4000  # bisections alone get down to the smallest float
_BISECT_EVERY = 3  # Newton's method alone creeps where the function is flat

Array = np.ndarray


def invert(residual: Callable[[Array, Array], tuple[Array, Array]], lo: Array, hi: Array) -> Array:
    """The zeros of increasing functions on the brackets [lo, hi], shape ``(n,)``.

    ``residual(x, which)`` gives value and slope at x for the problems numbered ``which``; a slope that is infinite,
    zero or nan only costs a bisection. Raises :class:`NotConverged` where a function is not increasing.

    >>> invert(lambda x, which: (x**3 - 8, 3 * x**2), np.array([0.0]), np.array([5.0]))
    array([2.])
    """
    lo, hi = np.array(lo, dtype=float), np.array(hi, dtype=float)
    x, open_ = (lo + hi) / 2, np.arange(lo.size)
    for step in range(1, _MOST_STEPS):
        value, slope = residual(x[open_], open_)
        hi[open_] = np.where(value >= 0, x[open_], hi[open_])
        lo[open_] = np.where(value <= 0, x[open_], lo[open_])
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = x[open_] - value / slope
        useful = (newton >= lo[open_]) & (newton <= hi[open_]) & (step % _BISECT_EVERY > 0)
        following = np.where(useful, newton, (lo[open_] + hi[open_]) / 2)
        moved, x[open_] = np.abs(following - x[open_]), following
        open_ = open_[moved > 2 * _EPS * np.abs(following)]
        if not open_.size:
            return x
    raise NotConverged(f"{open_.size} of {x.size} inversions did not settle", float(x[open_[0]]))
