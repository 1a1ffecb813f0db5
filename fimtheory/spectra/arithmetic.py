"""Two kinds of numbers for one formula: arrays of floats, and arrays of multiprecision numbers.

The formulas of this package are written once; NumPy applies them to arrays of either kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Rational, Real

import numpy as np
from mpmath import mp
from scipy import special

Array = np.ndarray
Number = float | Real


@dataclass(frozen=True)
class Arithmetic:
    """The functions that NumPy does not offer for every kind of number, and how a real number is stored.

    ``store`` makes a pair (head, tail) whose sum is the number: two floats, or all of it and zero. A difference from a
    stored number, (x - head) - tail, keeps its relative accuracy however small it is.
    """

    sqrt: Callable
    exp: Callable
    rf: Callable
    rd: Callable
    rj: Callable
    number: Callable
    store: Callable
    floating: bool

    def pi(self):
        """The number pi."""
        return self.number(mp.pi)


def _two_floats(x: mp.mpf) -> tuple[float, float]:
    head = float(x)
    return head, float(x - head)


FLOATS = Arithmetic(
    np.sqrt,
    np.exp,
    special.elliprf,
    special.elliprd,
    special.elliprj,
    number=float,
    store=_two_floats,
    floating=True,
)

MULTIPRECISION = Arithmetic(
    np.frompyfunc(mp.sqrt, 1, 1),
    np.frompyfunc(mp.exp, 1, 1),
    np.frompyfunc(mp.elliprf, 3, 1),
    np.frompyfunc(mp.elliprd, 3, 1),
    np.frompyfunc(mp.elliprj, 4, 1),
    number=lambda x: +mp.mpf(x),
    store=lambda x: (x, mp.mpf(0)),
    floating=False,
)


def exact(x: Number) -> mp.mpf:
    """A real number of any kind at the working precision; floats count as the binary fractions that they are.

    >>> from fractions import Fraction
    >>> with mp.workdps(30):
    ...     print(exact(Fraction(1, 3)) * 3 == 1, exact(0.5))
    True 0.5
    """
    if isinstance(x, Rational):
        return mp.mpf(int(x.numerator)) / int(x.denominator)
    return +mp.mpf(x) if hasattr(x, "_mpf_") else mp.mpf(float(x))
