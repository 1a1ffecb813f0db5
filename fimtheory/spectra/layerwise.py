"""Laws of the Gram matrices of deep random layers: sums of all layers, where samples are as many as units.

Every layer acts on the spectrum of the one below as a sample covariance matrix on that of its population (a
Marchenko-Pastur map); the sum over layers is solved jointly. :mod:`fimtheory.spectra.resolvent` has the equations.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

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
from fimtheory.spectra.layers import Layer
from fimtheory.spectra.resolvent import Resolvent
from fimtheory.spectra.resolvent_edges import Interval, intervals
from fimtheory.spectra.resolvent_series import moments

_LEFT = 1e-7  # of the mass, beyond the last level of a grid
_RARE = 1e-8  # a share of units that does not set the scale
_MOST_STEPS, _SETTLED = 60, 1e-12  # of an angle, in the search of quantiles
_TABLE = 64  # levels an interval between which quantiles are sought
_CRITICAL = 1e-12  # how close to full rank a matrix is taken to be of just full rank

Array = np.ndarray


@dataclass(frozen=True)
class LayeredLaw:
    """The limiting law of the eigenvalues of shift + sum_l a_l K_l, N x N, as N and all widths grow in proportion.

    K_l = (1/M_l) sum_i r_i r_i', the r_i independent with covariance b_i^2 K_{l-1} + s_i^2 I given the layers below; in
    the first layer b = 0. ``layers`` tell N/M_l, b and s^2 (:class:`fimtheory.spectra.layers.Layer`), ``coefficients``
    the a_l >= 0. Densities are found to about 1e-13, relative to the largest (1e-8 with companions); cdf comes from the
    value of a stationary function, without integration. Methods take arrays and return arrays of the same shape.

    *Source*: Fan, Wang (2020), theorems 3.4 and 3.7, for units of one kind; units of several kinds and companions are
    our own. *Holds when* features are linear in a Gaussian field plus noise, to leading order. Raises
    :class:`InputError` for what is no such matrix.

    >>> law = LayeredLaw((Layer(1, 0, 1), Layer(1, 1, 0)), (0, 1))  # the product of two square Gaussian matrices
    >>> law.moments(4), round(law.support[0][1], 13)
    (array([ 1.,  3., 12., 55.]), 6.75)
    """

    layers: tuple[Layer, ...]
    coefficients: tuple[float, ...]
    shift: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "coefficients", tuple(self.coefficients))
        for value in (*self.coefficients, self.shift):
            require_number(value, "a coefficient", -1e50, 1e50, "between -1e50 and 1e50")
        if not self.layers or len(self.layers) != len(self.coefficients):
            raise InputError(f"{len(self.coefficients)} coefficients for {len(self.layers)} layers: give one for each")
        if min(self.coefficients) < 0 or self.coefficients[-1] == 0:
            raise InputError("coefficients are not negative, and the last is positive: leave out layers above it")
        if self.layers[0].slope.any():
            raise InputError("the first layer has nothing below it: its slope is 0")

    def __repr__(self) -> str:
        ratios = ", ".join(f"{layer.ratio:g}" for layer in self.layers)
        return f"<LayeredLaw of {len(self.layers)} layers, N/M = {ratios}>"

    @functools.cached_property
    def _relevant(self) -> tuple[tuple[Layer, ...], tuple[float, ...]]:
        """Layers and coefficients without what neither counts itself nor is seen by a layer above."""
        kept: list[tuple[Layer, float]] = []
        for layer, a in zip(self.layers[::-1], self.coefficients[::-1], strict=True):
            if a > 0 or layer.companion is not None or kept[0][0].sees_below:
                kept.insert(0, (layer, a))
        return tuple(layer for layer, _ in kept), tuple(a for _, a in kept)

    @functools.cached_property
    def _scale(self) -> float:
        """A bound of the spectrum, from the norms of Gaussian matrices; of most of it, where it is endless."""
        norm, total = 0.0, 0.0
        for layer, a in zip(*self._relevant, strict=True):
            spread = (1 + math.sqrt(layer.ratio)) ** 2
            if layer.companion is not None:
                other = layer.companion
                common = np.abs(layer.share) > _RARE
                weights = np.abs(other.weight) * (other.slope**2 * norm + other.noise)
                total += spread * float(weights[common].max())
            norm = spread * float((layer.slope**2 * norm + layer.noise).max())
            total += a * norm
        return total or 1.0

    @functools.cached_property
    def _equations(self) -> Resolvent:
        """For the spectrum in units of the scale, without the shift."""
        s, (layers, coefficients) = self._scale, self._relevant
        return Resolvent(tuple(layer.scaled(1 / s) for layer in layers), tuple(a / s for a in coefficients))

    # -- where the spectrum is

    @functools.cached_property
    def _rank(self) -> float:
        """The rank of the matrix over N: all units count, unless they only repeat directions of those below."""
        covered, previous, repeats = 0.0, 0.0, False
        for layer, a in zip(*self._relevant, strict=True):
            if layer.is_linear:
                rank = min(previous, 1 / layer.ratio)
            else:
                rank, repeats = 1 / layer.ratio, False
            if a > 0 and not repeats:
                covered, repeats = covered + rank, True
            if layer.companion is not None:
                covered += float(np.real(layer.share @ (layer.companion.weight != 0))) / layer.ratio
            previous = min(rank, 1.0)
        return covered

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """(location, mass): at the shift, where the matrices do not have full rank together; none otherwise.

        >>> LayeredLaw((Layer(4, 0, 1), Layer(2, 1, 1)), (1, 1), shift=3).atoms
        ((3.0, 0.25),)
        """
        return ((float(self.shift), 1 - self._rank),) if self._rank < 1 - _CRITICAL else ()

    @functools.cached_property
    def support(self) -> tuple[Interval, ...]:
        """The intervals on which the density is positive.

        >>> law = LayeredLaw((Layer(0.25, 0, 1),), (1,))
        >>> [round(edge, 14) for edge in law.support[0]]
        [0.25, 2.25]
        """
        scale, shift = self._scale, self.shift
        return tuple((shift + scale * lo, shift + scale * hi) for lo, hi in self._intervals)

    @functools.cached_property
    def _intervals(self) -> tuple[Interval, ...]:
        return intervals(self._equations, self._endless)

    @property
    def _endless(self) -> bool:
        """Whether weights of companions have a tail, and with them the spectrum."""
        companions = (layer.companion for layer in self.layers)
        return any(c is not None and np.iscomplexobj(c.weight) for c in companions)

    @functools.cached_property
    def _ends(self) -> tuple[Interval, ...]:
        """The support, up to where hardly any mass is left, in units of the scale and without the shift."""
        intervals = self._intervals
        if not self._endless:
            return intervals
        low = intervals[-1][0]
        high = max(2 * low, float(moments(*self._relevant, 1)[0]) / self._scale)
        while 1 - self._shares(np.array([high]))[0][0] > _LEFT:
            high *= 1.5
        return (*intervals[:-1], (low, high))

    @property
    def edges(self) -> tuple[float, ...]:
        """The ends of all intervals of the support, in increasing order."""
        return tuple(edge for interval in self.support for edge in interval)

    def grid(self, points: int) -> Array:
        """Levels for a curve of the density: inside the support, crowded near its edges."""
        if isinstance(points, bool) or not isinstance(points, int) or points < 1:
            raise InputError(f"{points!r} points make no grid: give a whole number, 1 or more")
        shares = np.diff(np.linspace(0, points, len(self._ends) + 1).round().astype(int))
        angles = (np.pi * (np.arange(n) + 0.5) / (2 * n) for n in shares)
        inside = [lo + (hi - lo) * np.sin(t) ** 2 for (lo, hi), t in zip(self._ends, angles, strict=True)]
        return self.shift + self._scale * np.concatenate(inside)

    # -- how much of it is where

    def density(self, l) -> Array:
        """The density of the continuous part; its mass is one minus that of the atom, and it is infinite at a hard edge.

        >>> law = LayeredLaw((Layer(1, 0, 1),), (1,))
        >>> print(law.density([2, 0, 5]).round(14) * 2 * np.pi)
        [ 1. inf  0.]
        """
        x = (levels(l) - self.shift) / self._scale
        flat = x.ravel()
        value = self._shares(flat)[1] / self._scale
        value[flat == 0] = math.inf if self._intervals[0][0] == 0 and not self.atoms else 0.0
        return value.reshape(x.shape)[()]

    def _shares(self, x: Array) -> tuple[Array, Array]:
        """Mass at or below x, and density, in units of the scale and without the shift, shape ``(n,)``."""
        top = self._intervals[-1][1]
        mass, density = np.where(x >= top, 1.0, 0.0), np.zeros(x.size)
        mass[x == 0] = 1 - min(self._rank, 1.0)
        between = np.flatnonzero((x > 0) & (x < top))
        if between.size:
            u = self._equations.solve(x[between] + 0j)
            mass[between] = np.clip(self._equations.phase(u, x[between]), 0, 1)
            inside = np.any([(x[between] > lo) & (x[between] < hi) for lo, hi in self._intervals], axis=0)
            density[between] = np.where(inside, np.imag(u[:, -1]) / math.pi, 0.0)
        return mass, density

    def cdf(self, l) -> Array:
        """The share of eigenvalues at or below l, to an absolute 1e-13.

        >>> print(LayeredLaw((Layer(1, 0, 1),), (1,)).cdf([0, 2, 4]).round(12))
        [0.         0.81830989 1.        ]
        """
        x = (levels(l) - self.shift) / self._scale
        return self._shares(x.ravel())[0].reshape(x.shape)[()]

    def mass(self, lo, hi) -> Array:
        """The share of eigenvalues in (lo, hi]. Raises :class:`InputError` where hi < lo."""
        if np.any(np.asarray(hi) < np.asarray(lo)):
            raise InputError("a window ends before it begins: give lo <= hi")
        return self.cdf(hi) - self.cdf(lo)

    def quantile(self, p) -> Array:
        """The smallest l with cdf(l) >= p, to about 1e-11; at p = 0 the lowest point of the spectrum.

        >>> round(float(LayeredLaw((Layer(0.25, 0, 1),), (1,)).quantile(1)), 12)
        2.25
        """
        p = probabilities(p)
        flat = p.ravel()
        atom = sum(mass for _, mass in self.atoms)
        value = np.full(flat.size, 0.0 if atom else self._ends[0][0])
        for lo, hi in self._ends:
            below, upto = self._shares(np.array([lo, hi]))[0]
            last = hi == self._ends[-1][1]
            part = np.flatnonzero((flat > max(below, atom)) & (last | (flat <= upto)))
            value[part] = self._inverted(flat[part], lo, hi)
        return (self.shift + self._scale * value).reshape(p.shape)[()]

    def _inverted(self, p: Array, lo: float, hi: float) -> Array:
        """Quantiles inside one interval, in the angle that opens square roots at its ends."""

        def level(theta: Array) -> Array:
            return lo + (hi - lo) * np.sin(theta) ** 2

        theta = np.linspace(0, math.pi / 2, _TABLE + 1)
        table = np.maximum.accumulate(self._shares(level(theta))[0])
        after = np.clip(np.searchsorted(table, p), 1, _TABLE)
        low, high = theta[after - 1], theta[after]
        x = (low + high) / 2
        for _ in range(_MOST_STEPS):
            mass, density = self._shares(level(x))
            low, high = np.where(mass <= p, x, low), np.where(mass >= p, x, high)
            with np.errstate(divide="ignore", invalid="ignore"):
                newton = x - (mass - p) / (density * (hi - lo) * np.sin(2 * x))
            following = np.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
            moved, x = np.abs(following - x), following
            if moved.max(initial=0.0) <= _SETTLED:
                break
        return np.where(p >= table[-1], hi, level(x))

    def sample(self, size: int, seed: Seed) -> Array:
        """Independent draws from the limiting law, shape ``(size,)``; a longer sample begins like a shorter one."""
        return self.quantile(uniform(1, size, seed)[0])

    def moments(self, count: int) -> Array:
        """E l, E l^2, ... up to the ``count``-th, atoms included: exact power series, no integration."""
        moment_count(count)
        raw = np.concatenate([[1.0], moments(*self._relevant, count)])
        shifted = [
            sum(math.comb(k, j) * self.shift ** (k - j) * raw[j] for j in range(k + 1)) for k in range(count + 1)
        ]
        return finite_moments(np.array(shifted[1:]))

    def stieltjes(self, z) -> Array:
        """G(z) = E 1/(z - l), analytic off the support, about z^-1 at infinity; on the axis the limit from above.

        nan where it is infinite: at an atom, and at a hard edge.

        >>> LayeredLaw((Layer(1, 0, 1),), (1,)).stieltjes([2, -0.5]).round(12)
        array([ 0.5-0.5j, -1. +0.j ])
        """
        z, reflected = above_axis(z)
        x = (z.ravel() - self.shift) / self._scale
        infinite = (x == 0) & bool(np.any(x == 0) and (self.atoms or self._intervals[0][0] == 0))
        value = np.full(x.size, complex(math.nan, math.nan))
        value[~infinite] = -self._equations.solve(x[~infinite])[:, -1] / self._scale
        value = value.reshape(z.shape)
        return np.where(reflected, value.conj(), value)[()]
