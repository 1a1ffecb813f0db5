"""The Marchenko-Pastur law: squared singular values of a large Gaussian matrix."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

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
from fimtheory.spectra.inversion import invert

_SERIES_BELOW, _SERIES_TERMS = 0.1, 20  # 0.1^18 is below rounding

Array = np.ndarray


def bulk_share_below(ratio: float, below: Array, above: Array) -> Array:
    """The share of the continuous part that lies below a point, given its distances to the two edges.

    With sin^2(theta/2) = below/(below + above) and r = min(ratio, 1/ratio)^(1/2) it is
    (theta + psi + (r sin theta - psi)/r^2)/pi, psi = arg(1 - r exp(-i theta)). Beyond an edge a distance is negative.
    """
    r = math.sqrt(min(ratio, 1 / ratio))
    theta = 2 * np.arctan2(np.sqrt(np.maximum(below, 0)), np.sqrt(np.maximum(above, 0)))
    if r == 1:
        return (theta + np.sin(theta)) / math.pi
    psi = np.arctan2(r * np.sin(theta), 1 - r * np.cos(theta))
    if r < _SERIES_BELOW:  # psi is sum_k r^k sin(k theta)/k: the first terms would cancel
        rest = -sum(r ** (k - 2) / k * np.sin(k * theta) for k in range(2, _SERIES_TERMS))
    else:
        rest = (r * np.sin(theta) - psi) / r**2
    return np.clip((theta + psi + rest) / math.pi, 0, 1)


def bulk_stieltjes(ratio: float, past_low: Array, past_high: Array) -> Array:
    """E 1/(z - t) over the continuous part, mass one, scale one, given z - t_- and z - t_+ (complex).

    z is off the cut, or above it: imaginary part +0. With x = z - t_-, z - |1 - ratio| is x - 2 r (r - s), where
    s = min(r, 1), r = sqrt(ratio): no digits are lost near t_-.
    """
    root = math.sqrt(ratio)
    z = past_low - 2 * min(root, 1.0) * abs(1 - root)
    return 2 / (z + np.sqrt(past_low) * np.sqrt(past_high))


@dataclass(frozen=True)
class MarchenkoPastur:
    """The limiting law of the eigenvalues of (scale/m) Y Y', Y a k x m standard normal matrix, k/m -> ratio.

    Density sqrt((t_+ - t)(t - t_-))/(2 pi ratio scale t) on [t_-, t_+], t_-+ = scale (1 -+ sqrt(ratio))^2, and mass
    1 - 1/ratio at 0 if ratio > 1. All methods take arrays. Raises :class:`InputError` for a ratio or scale that is
    not positive and finite. *Source*: Marchenko, Pastur (1967).

    >>> law = MarchenkoPastur(4)
    >>> law.edges, law.atom, law.moments(3)
    ((1.0, 9.0), 0.75, array([ 1.,  5., 29.]))
    """

    ratio: float
    scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("ratio", "scale"):
            value = getattr(self, name)
            require_number(value, f"the {name}", 1e-50, 1e50, "between 1e-50 and 1e50")
            object.__setattr__(self, name, float(value))

    @functools.cached_property
    def edges(self) -> tuple[float, float]:
        """t_- and t_+, the ends of the continuous part."""
        root = math.sqrt(self.ratio)
        # (1 - root)^2 without cancellation: a ratio close to 1 keeps its digits.
        return self.scale * ((1 - self.ratio) / (1 + root)) ** 2, self.scale * (1 + root) ** 2

    @property
    def atom(self) -> float:
        """The mass at 0."""
        return max(0.0, 1 - 1 / self.ratio)

    def density(self, t) -> Array:
        """The density of the continuous part; its mass is 1 - atom, and at 0 it is infinite if ratio = 1.

        >>> 2 * np.pi * MarchenkoPastur(1).density([2, 0, 5])
        array([ 1., inf,  0.])
        """
        t = levels(t)
        lo, hi = self.edges
        inside = (t > lo) & (t < hi)
        x = np.where(inside, t, (lo + hi) / 2)
        value = np.sqrt((hi - x) / x) * np.sqrt((x - lo) / x) / (2 * math.pi * self.ratio * self.scale)
        return np.where(inside, value, np.where((t == 0) & (lo == 0), math.inf, 0.0))[()]

    def cdf(self, t) -> Array:
        """P(eigenvalue <= t), to an absolute 1e-14.

        >>> print(round(MarchenkoPastur(1).cdf(2) - 1 / np.pi, 15), MarchenkoPastur(2).cdf(0))
        0.5 0.5
        """
        t = levels(t)
        lo, hi = self.edges
        bulk = bulk_share_below(self.ratio, t - lo, hi - t)
        return np.where(t < 0, 0.0, self.atom + (1 - self.atom) * bulk)[()]

    def quantile(self, p) -> Array:
        """The smallest t with cdf(t) >= p; at p = 0 the smallest point of the support.

        >>> MarchenkoPastur(2).quantile([0.2, 1]) - [0, 3 + 2 * np.sqrt(2)]
        array([0., 0.])
        """
        p = probabilities(p)
        bulk = (p.ravel() - self.atom) / (1 - self.atom)
        return np.where((bulk <= 0) & (self.atom > 0), 0.0, self.bulk_quantile(np.clip(bulk, 0, 1))).reshape(p.shape)[
            ()
        ]

    def bulk_quantile(self, p: Array) -> Array:
        """Quantiles of the continuous part alone, for p of shape ``(n,)``, found in the angle theta of the cdf."""
        r = math.sqrt(min(self.ratio, 1 / self.ratio))

        def residual(theta: Array, which: Array) -> tuple[Array, Array]:
            low, high = np.sin(theta / 2) ** 2, np.cos(theta / 2) ** 2
            with np.errstate(invalid="ignore"):
                slope = 8 / math.pi * low * high / ((1 - r) ** 2 + 4 * r * low)
            return bulk_share_below(self.ratio, low, high) - asked[which], slope

        inside = (p > 0) & (p < 1)
        theta = np.where(p > 0, math.pi, 0.0)
        asked = p[inside]
        theta[inside] = invert(residual, np.zeros(asked.size), np.full(asked.size, math.pi))
        lo, hi = self.edges
        return lo + (hi - lo) * np.sin(theta / 2) ** 2

    def sample(self, size: int, seed: Seed) -> Array:
        """Independent draws from the limiting law, shape ``(size,)``; a longer sample begins with a shorter one."""
        return self.quantile(uniform(1, size, seed)[0])

    def moments(self, count: int) -> Array:
        """E t, E t^2, ... up to the ``count``-th: scale^k times the k-th Narayana polynomial of the ratio.

        >>> MarchenkoPastur(1).moments(5)
        array([ 1.,  2.,  5., 14., 42.])
        """
        with np.errstate(all="ignore"):  # what overflows is refused
            scales = np.float64(self.scale) ** np.arange(1, moment_count(count) + 1)
            return finite_moments(scales * [_narayana(k, self.ratio) for k in range(1, count + 1)])

    def stieltjes(self, z) -> Array:
        """G(z) = E 1/(z - t), analytic off the support, about z^-1 at infinity; on the axis the limit from above.

        -Im G(t + i0)/pi is the density, Re G(t + i0) its Hilbert transform. Infinite at an atom.

        >>> MarchenkoPastur(1).stieltjes([2, 4, -0.5])
        array([ 0.5-0.5j,  0.5+0.j , -1. +0.j ])
        """
        z, reflected = above_axis(z)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = bulk_stieltjes(self.ratio, (z - self.edges[0]) / self.scale, (z - self.edges[1]) / self.scale)
            value = value / self.scale
            if self.atom:
                value = self.atom / z + (1 - self.atom) * value
        return np.where(reflected, value.conj(), value)[()]


def _narayana(k: int, ratio: float) -> float:
    return sum(math.comb(k, r) * math.comb(k, r - 1) // k * np.float64(ratio) ** (r - 1) for r in range(1, k + 1))


def row_moments(count: int, ratio: float) -> Array:
    """Moments 0 to ``count`` of the continuous part, mass one."""
    share = min(1.0, 1 / ratio)
    return np.array([1.0, *(_narayana(k, ratio) / share for k in range(1, count + 1))])
