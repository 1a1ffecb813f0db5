"""Random members of the class of Gaussian atoms, each twice: as a SymPy expression and as NumPy sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
import sympy as sp
from scipy.special import ndtr

from fimtheory.functions import Phi

X = sp.Symbol("x", real=True)
Array = np.ndarray


@dataclass(frozen=True)
class Member:
    """A function of the class, its values, and where it has kinks or jumps."""

    expression: sp.Expr
    function: Callable[[Array], Array]
    kinks: tuple[float, ...] = ()

    def __add__(self, other: Member) -> Member:
        kinks = self.kinks + other.kinks
        return Member(self.expression + other.expression, lambda x: self.function(x) + other.function(x), kinks)

    def __mul__(self, other: Member) -> Member:
        kinks = self.kinks + other.kinks
        return Member(self.expression * other.expression, lambda x: self.function(x) * other.function(x), kinks)


def fraction(random: Random, lo: int, hi: int, denominator: int = 8) -> sp.Rational:
    """A fraction between two whole numbers, not zero."""
    return sp.Rational(random.choice([n for n in range(lo * denominator, hi * denominator + 1) if n]), denominator)


def polynomial(random: Random) -> Member:
    coefficients = [fraction(random, -2, 2, 4) for _ in range(random.randint(1, 3))]
    values = [float(a) for a in coefficients]
    return Member(
        sp.Add(*(a * X**k for k, a in enumerate(coefficients))), lambda x: np.polynomial.polynomial.polyval(x, values)
    )


def exponential(random: Random) -> Member:
    b = fraction(random, -1, 1)
    return Member(sp.exp(b * X), lambda x: np.exp(float(b) * x))


def gaussian(random: Random) -> Member:
    a = fraction(random, 0, 2)
    return Member(sp.exp(-a * X**2), lambda x: np.exp(-float(a) * x * x))


def wave(random: Random) -> Member:
    w, d, sine = fraction(random, -2, 2), fraction(random, -1, 1), random.random() < 0.5
    symbolic, numeric = (sp.sin, np.sin) if sine else (sp.cos, np.cos)
    return Member(symbolic(w * X + d), lambda x: numeric(float(w) * x + float(d)))


def sigmoidal(random: Random) -> Member:
    g, d = fraction(random, -2, 2), random.choice([sp.S.Zero, sp.S.Zero, fraction(random, -1, 1)])
    return Member(Phi(g * X + d), lambda x: ndtr(float(g) * x + float(d)))


def kinked(random: Random) -> Member:
    """An indicator, a shifted ReLU, a shifted absolute value, or a clip."""
    h = random.choice([sp.S.Zero, sp.S.Zero, fraction(random, -2, 2)])
    t, place = float(h), (float(h),)
    width = fraction(random, 0, 2, 2)
    return random.choice(
        [
            Member(sp.Heaviside(X - h), lambda x: (x > t) * 1.0, place),
            Member(sp.Max(X - h, 0), lambda x: np.maximum(x - t, 0), place),
            Member(sp.Abs(X - h), lambda x: np.abs(x - t), place),
            Member(sp.Max(h, sp.Min(X, h + width)), lambda x: np.clip(x, t, t + float(width)), (t, t + float(width))),
        ]
    )


SMOOTH = (exponential, gaussian, wave, sigmoidal)


def simple(random: Random) -> Member:
    """Two factors."""
    first, second = random.choice([polynomial, kinked]), random.choice([polynomial, *SMOOTH])
    return first(random) * second(random)


def rich(random: Random) -> Member:
    """A sum of two products, of up to three factors."""
    first = polynomial(random) * random.choice(SMOOTH)(random)
    if random.random() < 0.5:
        first = first * kinked(random)
    return first + simple(random)
