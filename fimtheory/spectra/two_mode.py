"""The limiting spectrum of one hidden layer as a law: density, distribution function, quantiles, samples, G(z)."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from mpmath import mp

from fimtheory.errors import InputError
from fimtheory.spectra.arguments import (
    Seed,
    above_axis,
    finite_moments,
    levels,
    moment_count,
    probabilities,
    require_number,
    uniform,
)
from fimtheory.spectra.arithmetic import FLOATS, MULTIPRECISION, Number, exact
from fimtheory.spectra.components import Component, Interval, components
from fimtheory.spectra.inversion import invert
from fimtheory.spectra.marchenko_pastur import row_moments
from fimtheory.spectra.pair import eigenvalues

_CONSTRUCTION_DIGITS = 60
_MOST_DIGITS = 1000
_NEAREST = 1e-290
_SMALLEST, _LARGEST = 1e-50, 1e50
_RANGE = "0 or between 1e-50 and 1e50; a common factor of all three only scales the law"

Array = np.ndarray


@dataclass(frozen=True)
class TwoModeLaw:
    """The law of the eigenvalues of H = E_X J'J of one hidden layer, widths n0 : n1 : n2 = g0 : 1 : g1 -> infinity.

    A uniformly chosen eigenvalue of M(a, b) = [[g1 alpha + zeta a, zeta sqrt(ab)], [zeta sqrt(ab), beta + zeta b]], a and
    b being independent squared singular values of W2 and W1 (Marchenko-Pastur laws of ratios g1 and 1/g0); and, in a
    layer that is not square, the eigenvalues that belong to singular vectors without a partner.

    ``alpha`` = eta' - zeta, ``beta`` = eta - zeta and ``zeta`` are numbers of any real type; floats count as the binary
    fractions that they are. ``aspect`` is (g0, g1). Methods take arrays and return arrays of the same shape.

    *Source*: equivalent to Pennington, Worah (2018), theorem 1; rectangular layers are our own. *Holds when* f has zero
    Gaussian mean. Raises :class:`InputError` for parameters that are negative, infinite, or beyond 1e50.

    >>> law = TwoModeLaw(1, 0.25, 0.5)
    >>> law.edges[:2], law.moments(2), law.has_gap
    ((0.25, 2.25), array([1.125  , 1.90625]), False)
    """

    alpha: Number
    beta: Number
    zeta: Number
    aspect: tuple[Number, Number] = (1, 1)

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "zeta"):
            if getattr(self, name) != 0:
                require_number(getattr(self, name), name, _SMALLEST, _LARGEST, _RANGE)
        try:
            g0, g1 = self.aspect
        except (TypeError, ValueError):
            raise InputError(f"the aspect {self.aspect!r} is not two numbers: give (n0/n1, n2/n1)") from None
        for ratio in (g0, g1):
            require_number(ratio, "an aspect ratio", _SMALLEST, _LARGEST, "between 1e-50 and 1e50")
        object.__setattr__(self, "aspect", (g0, g1))

    def __repr__(self) -> str:
        aspect = "" if self.is_square else f", aspect=({self.aspect[0]}, {self.aspect[1]})"
        return f"TwoModeLaw(alpha={self.alpha}, beta={self.beta}, zeta={self.zeta}{aspect})"

    @property
    def is_square(self) -> bool:
        """Whether all widths are equal."""
        return self.aspect[0] == 1 == self.aspect[1]

    def _exact(self) -> tuple[mp.mpf, mp.mpf, mp.mpf, tuple[mp.mpf, mp.mpf]]:
        alpha, beta, zeta, g0, g1 = map(exact, (self.alpha, self.beta, self.zeta, *self.aspect))
        return alpha, beta, zeta, (g0, g1)

    @functools.cached_property
    def _parts(self) -> list[tuple[float, Component]]:
        with mp.workdps(_CONSTRUCTION_DIGITS):
            return components(*self._exact(), FLOATS)

    # -- where the spectrum is

    @functools.cached_property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """(location, mass) of every eigenvalue that has a positive share of all, in increasing order.

        None in a square layer, unless f is linear or zeta = 0.

        >>> TwoModeLaw(0, 0, 1).atoms, TwoModeLaw(1, 0.75, 0.5, aspect=(2, 0.5)).atoms
        (((0.0, 0.5),), ((0.5, 0.4),))
        """
        masses: dict[float, float] = {}
        for mass, part in self._parts:
            for location, share in part.atoms:
                masses[location] = masses.get(location, 0.0) + mass * share
        return tuple(sorted(masses.items()))

    @functools.cached_property
    def support(self) -> tuple[Interval, ...]:
        """The intervals on which the density is positive.

        >>> TwoModeLaw(3, 0.5, 0.5).support[0], TwoModeLaw(0, 0, 1).support
        ((0.5, 2.5), ((0.0, 8.0),))
        """
        merged: list[Interval] = []
        for lo, hi in sorted(interval for _, part in self._parts for interval in part.bulk):
            if merged and lo <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(hi, merged[-1][1]))
            else:
                merged.append((lo, hi))
        return tuple(merged)

    @property
    def has_gap(self) -> bool:
        """Whether the support is in several pieces; for a square layer, |alpha - beta| > 4 zeta > 0."""
        return len(self.support) > 1

    @functools.cached_property
    def edges(self) -> tuple[float, ...]:
        """The special points: z_1, .., z_6 of the square layer in this order; of any other one, all in increasing order.

        *Source*: Pennington, Worah (2018), eqs. 23 and 24, for the square layer; eigenvalues of M(a, b) at the corners.

        >>> TwoModeLaw(0, 0, 1).edges
        (0.0, 4.0, 0.0, 0.0, 4.0, 8.0)
        """
        if not self.is_square:
            return self._knots
        with mp.workdps(_CONSTRUCTION_DIGITS):
            alpha, beta, zeta, _ = self._exact()
            last, middle = eigenvalues(alpha, beta, zeta, 4, 4) if alpha + beta + zeta else (alpha, beta)
            return tuple(map(float, (beta, beta + 4 * zeta, middle, alpha, alpha + 4 * zeta, last)))

    @functools.cached_property
    def _knots(self) -> tuple[float, ...]:
        """All special points in increasing order."""
        return tuple(sorted({point for _, part in self._parts for point in part.points}))

    def grid(self, points: int) -> Array:
        """Levels for a curve of the density: from the first special point to the last, crowded near all of them.

        None of them is a special point, where the density may be infinite.
        """
        if isinstance(points, bool) or not isinstance(points, int) or points < 1:
            raise InputError(f"{points!r} points make no grid: give a whole number, 1 or more")
        panels = list(pairwise(self._knots)) or [(self._knots[0], self._knots[0])]
        shares = np.diff(np.linspace(0, points, len(panels) + 1).round().astype(int))
        fractions = (np.sin(np.pi / 2 * np.sin(np.pi * (np.arange(n) + 0.5) / (2 * n)) ** 2) ** 2 for n in shares)
        return np.concatenate([lo + (hi - lo) * t for (lo, hi), t in zip(panels, fractions, strict=True)])

    # -- how much of it is where

    def density(self, l) -> Array:
        """The density of the continuous part, accurate relative to itself; its mass is one minus that of the atoms.

        Infinite at the inverse square roots (alpha and beta, in a square layer), 0 off the support. For a square
        layer complete elliptic integrals, and next to the special points, where these cancel, and for other layers a
        trapezoidal sum. *As printed* (eq. 20) one would invert a double integral for it.

        >>> print(round(TwoModeLaw(0, 0, 1).density(4) * 2 * np.pi**2, 14))  # eq. 17 is 0 times infinity there
        1.0
        """
        return self._summed(lambda part, x: part.density(x, 16), self._levels(l))

    def density_digits(self, l: Number, digits: int) -> mp.mpf:
        """The density at one level to ``digits`` significant digits.

        The level and the parameters count as exact: with a float for alpha, these are digits of the law of that float.

        >>> mp.nstr(TwoModeLaw(0, 0, 1).density_digits(4, 30) * 2 * mp.pi**2, 15)
        '1.0'
        """
        if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= _MOST_DIGITS:
            raise InputError(f"{digits!r} digits are not offered: give a whole number from 1 to {_MOST_DIGITS}")
        require_number(l, "the level", -math.inf, math.inf, "one level at a time")
        with mp.workdps(2 * digits + 30):  # levels as close to a special point as 10^-digits keep their digits
            level = np.array([exact(l)], dtype=object)
            parts = components(*self._exact(), MULTIPRECISION)
            value = mp.fsum(mass * part.density(level, digits)[0] for mass, part in parts)
        with mp.workdps(digits):
            return +value

    def cdf(self, l) -> Array:
        """The share of eigenvalues at or below l, to an absolute 1e-14; an atom counts from its location on.

        >>> print(TwoModeLaw(1, 0.25, 0.5).cdf([0.25, 1, 9]), TwoModeLaw(0, 0, 1).cdf(0))
        [0.  0.5 1. ] 0.5
        """
        return np.clip(self._summed(lambda part, x: part.cdf(x), self._levels(l)), 0, 1)[()]

    def mass(self, lo, hi) -> Array:
        """The share of eigenvalues in (lo, hi]. Raises :class:`InputError` where hi < lo."""
        if np.any(np.asarray(hi) < np.asarray(lo)):
            raise InputError("a window ends before it begins: give lo <= hi")
        return self.cdf(hi) - self.cdf(lo)

    def quantile(self, p) -> Array:
        """The smallest l with cdf(l) >= p; at p = 0 the lowest point of the spectrum.

        >>> print(TwoModeLaw(0, 0, 1).quantile([0.3, 1]), TwoModeLaw(1, 0.25, 0.5).quantile(0.5))
        [0. 8.] 1.0
        """
        p = probabilities(p)
        flat, knots = p.ravel(), np.array(self._knots)
        reached, before = self._steps
        at = np.minimum(np.searchsorted(reached, flat), knots.size - 1)
        value = knots[at]
        between = np.flatnonzero((flat < before[at]) & (at > 0))
        value[between] = self._inverse(flat[between], knots[at[between] - 1], knots[at[between]])
        return value.reshape(p.shape)[()]

    @functools.cached_property
    def _steps(self) -> tuple[Array, Array]:
        """The distribution function at the special points, and its limits from the left."""
        knots = np.array(self._knots)
        reached = np.maximum.accumulate(self.cdf(knots))
        atoms = dict(self.atoms)
        before = reached - np.array([atoms.get(knot, 0.0) for knot in self._knots])
        reached[-1] = 1.0
        for i in range(1, knots.size):  # where nothing lies between, rounding must not make it look like mass
            if not any(lo <= knots[i - 1] and knots[i] <= hi for lo, hi in self.support):
                before[i] = reached[i - 1]
        return reached, before

    def _inverse(self, p: Array, lo: Array, hi: Array) -> Array:
        """Zeros of cdf - p between special points, in l = lo + (hi - lo) sin^2 t: the square roots become smooth."""

        def level(t: Array, which) -> Array:
            return lo[which] + (hi - lo)[which] * np.sin(t) ** 2

        def residual(t: Array, which: Array) -> tuple[Array, Array]:
            x = level(t, which)
            return self.cdf(x) - p[which], self.density(x) * (hi - lo)[which] * np.sin(2 * t)

        t = invert(residual, np.zeros(p.size), np.full(p.size, math.pi / 2))
        return level(t, slice(None))

    def sample(self, size: int, seed: Seed) -> Array:
        """Independent eigenvalues of the limiting law, shape ``(size,)``: draw a and b, take an eigenvalue of M(a, b).

        A longer sample begins with a shorter one of the same seed.
        """
        choice, *others = uniform(4, size, seed)
        masses = np.cumsum([mass for mass, _ in self._parts])
        chosen = np.minimum(np.searchsorted(masses, choice, side="right"), len(self._parts) - 1)
        value = np.empty(choice.size)
        for i, (_, part) in enumerate(self._parts):
            value[chosen == i] = part.draw(np.array(others)[:, chosen == i])
        return value

    # -- its transforms

    def stieltjes(self, z) -> Array:
        """G(z) = E 1/(z - eigenvalue), about 1/z at infinity; on the real axis the limit from above.

        The density is -Im G(l + i0)/pi, its Hilbert transform Re G(l + i0): an independent computation of either. At
        atoms and inverse square roots the imaginary part is -infinite. *Source*: Pennington, Worah (2018), eq. 20.

        >>> law = TwoModeLaw(1, 0.25, 0.5)
        >>> print(round(abs(law.stieltjes(2).imag / np.pi + law.density(2)), 13))
        0.0
        """
        z, reflected = above_axis(z)
        value = self._summed(lambda part, x: part.stieltjes(x), _off_zero(z))
        value = np.where(np.isnan(value), complex(math.nan, -math.inf), value)
        return np.where(reflected, np.conj(value), value)[()]

    def moments(self, count: int) -> Array:
        """m_1, m_2, .. up to the ``count``-th, of shape ``(count,)``: all terms of the closed form are positive.

        Formula: m_k is k/(g0 + g1) times the coefficient of x^k in -log det(1 - x M), summed over singular pairs.

        >>> TwoModeLaw(0, 0, 1).moments(4)
        array([ 1.,  3., 11., 46.])
        """
        count = moment_count(count)
        zeta, g0, g1 = map(np.float64, (self.zeta, *self.aspect))
        first, second = g1 * np.float64(self.alpha), np.float64(self.beta)
        with np.errstate(all="ignore"):  # what overflows is refused
            return finite_moments(self._traces(count, first, second, zeta, g0, g1)[1:] / (g0 + g1))

    @staticmethod
    def _traces(count: int, first, second, zeta, g0, g1) -> Array:
        """lim tr H^k / n1^2 for k from 0 to ``count``."""
        a, b = row_moments(count, g1), row_moments(count, 1 / g0)
        total = np.array([g0 * first**k + g1 * second**k for k in range(count + 1)])
        for i in range(count + 1):
            for j in range(max(0, 1 - i), count + 1 - i):
                pairs = (min(g1, 1) if i else g1) * (min(g0, 1) if j else g0)
                factor = pairs * a[i] * b[j] * zeta ** (i + j) * math.comb(i + j, i) / (i + j)
                rest = count + 1 - i - j
                series = np.convolve(_power_series(i, first, rest), _power_series(j, second, rest))[:rest]
                total[i + j :] += factor * series * np.arange(i + j, count + 1)
        return total

    # -- the sum over components

    def _levels(self, l) -> Array:
        """Real levels as an array; beyond the spectrum one is as good as another."""
        return np.clip(_off_zero(levels(l)), -1.0, 2 * self._knots[-1] + 1.0)

    def _summed(self, question, x: Array) -> Array:
        flat = x.ravel()
        value = sum((mass * question(part, flat) for mass, part in self._parts), np.zeros(flat.size))
        return value.reshape(x.shape)[()]


def _off_zero(x: Array) -> Array:
    """Numbers next to 0, which may be a special point, moved away so far that quotients of distances stay finite."""
    near = (x != 0) & (np.abs(x) < _NEAREST)
    direction = np.where(near, x, 1) * np.where(near, 2.0**700, 1)  # subnormal numbers have no reciprocal
    return np.where(near, _NEAREST * (direction / np.abs(direction)), x)


def _power_series(i: int, x: float, terms: int) -> Array:
    """Coefficients of (1 - x t)^(-i)."""
    if i == 0:
        return np.eye(1, terms)[0]
    return np.array([math.comb(i + r - 1, r) * x**r for r in range(terms)])
