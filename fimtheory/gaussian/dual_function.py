"""Duals without closed form as fast functions of the correlation: c = cos(theta), all the way to c = 1.

With U = s1 (a z + b w), V = s2 (a z - b w), a = cos(theta/2), b = sin(theta/2), nothing degenerates at c = 1, and

    I(1) - I(cos theta) = E (f(U) - f(V))^2 / 2        for f = g, equal variances,

has no cancellation. Divided by theta^2 (by |theta| where f jumps) it is analytic on [0, pi] from inside, kinks or not:
piecewise Chebyshev interpolation in theta converges geometrically, and keeps 1 - I(c)/I(1) to its own digits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fimtheory.errors import InputError, NotConverged
from fimtheory.gaussian import quadrature

_REACH = 10.0  # standard deviations
_ORDER = 16
_RESOLVED = 1e-14
_EPS = np.finfo(float).eps
_MOST_PANELS = 4_000
_DEGREE = 24
_CHUNK = 400_000  # evaluations at once
_WORTH_COMPILING = 200  # correlations at one pair of variances

Array = np.ndarray
Function = Callable[[Array], Array]


# -- one variable: panels on which a function is a polynomial to double precision


@functools.cache
def _rule() -> tuple[Array, Array, Array]:
    """Gauss-Legendre nodes and weights on (-1, 1), and the matrix from values to Legendre coefficients."""
    t, w = np.polynomial.legendre.leggauss(_ORDER)
    k = np.arange(_ORDER)
    return t, w, (np.polynomial.legendre.legvander(t, _ORDER - 1) * w[:, None]).T * (k[:, None] + 0.5)


def _tails(values: Array) -> Array:
    """The size of the last Legendre coefficients of rows of values at the nodes."""
    return np.abs(values @ _rule()[2][-3:].T).max(axis=-1)


def _halved(lo: Array, hi: Array) -> tuple[Array, Array]:
    middle = (lo + hi) / 2
    return np.concatenate([lo, middle]), np.concatenate([middle, hi])


@dataclass(frozen=True)
class Resolved:
    """f(scale z) and panels between whose ends, in units of z, it is resolved by a polynomial of degree 15."""

    function: Function
    scale: float
    kinks: Array
    edges: Array

    @classmethod
    def of(cls, function: Function, scale: float, breaks: Sequence[float] = ()) -> Resolved:
        """Panels halved until f is resolved relative to its size there, where the Gaussian leaves anything of it.

        Raises :class:`NotConverged` for functions that are too rough.
        """
        t = _rule()[0]
        kinks = np.array([h / scale for h in breaks if abs(h) < _REACH * scale], dtype=float)
        edges = np.unique(np.concatenate([np.linspace(-_REACH, _REACH, 11), kinks]))
        lo, hi, done, largest = edges[:-1], edges[1:], [edges], 0.0
        while lo.size:
            z = (lo + hi)[:, None] / 2 + (hi - lo)[:, None] / 2 * t
            values = np.asarray(function(scale * z), dtype=float)
            nearest = np.where(lo * hi <= 0, 0.0, np.minimum(abs(lo), abs(hi)))
            size = np.abs(values).max(axis=1)
            weighted = size * np.exp(-nearest * nearest / 4)
            largest = max(largest, float(weighted.max()))
            # Rounding of the argument is felt where f is steep.
            noise = 4 * _EPS * np.maximum(abs(lo), abs(hi)) * np.ptp(values, axis=1) / (hi - lo)
            rough = (_tails(values) > _RESOLVED * size + noise) & (weighted > _EPS / 10 * largest)
            if sum(part.size for part in done) > _MOST_PANELS or not np.isfinite(size).all():
                raise NotConverged("the function is too rough for panels in double precision", math.nan)
            done.append((lo + hi)[rough] / 2)
            lo, hi = _halved(lo[rough], hi[rough])
        return cls(function, scale, kinks, np.unique(np.concatenate(done)))

    @functools.cached_property
    def second_moment(self) -> float:
        """E f(scale Z)^2."""
        t, weight, _ = _rule()
        lo, hi = self.edges[:-1, None], self.edges[1:, None]
        z = (lo + hi) / 2 + (hi - lo) / 2 * t
        values = self.function(self.scale * z) ** 2 * np.exp(-z * z / 2)
        return float((values * weight * (hi - lo) / 2).sum() / math.sqrt(2 * math.pi))

    @property
    def mirrored(self) -> Resolved:
        """f(-x)."""
        return Resolved(lambda x: self.function(-x), self.scale, -self.kinks[::-1], -self.edges[::-1])


# -- two variables


def _over_z(f: Resolved, g: Resolved, a: float, b: float, integrand: Callable, w: Array) -> Array:
    """E over z of integrand(f(U), g(V)) for every w, cut wherever one of them passes an end of its panels."""
    t, weight, _ = _rule()
    left = (f.edges - b * w[:, None]) / a
    right = (g.edges + b * w[:, None]) / a
    edges = np.sort(np.clip(np.concatenate([left, right], axis=1), -_REACH, _REACH), axis=1)
    half = np.diff(edges, axis=1)[..., None] / 2
    z = edges[:, :-1, None] + half * (1 + t)
    u, v = a * z + b * w[:, None, None], a * z - b * w[:, None, None]
    values = integrand(f.function(f.scale * u), g.function(g.scale * v)) * np.exp(-z * z / 2)
    return (values * weight * half).sum(axis=(1, 2)) / math.sqrt(2 * math.pi)


def _over_plane(f: Resolved, g: Resolved, a: float, b: float, integrand: Callable, noise: Callable) -> float:
    """E integrand(f(U), g(V)): panels in w, cut where kinks of f and g cross, halved until resolved.

    Where f is g, w and -w give the same: half the line will do.
    """
    t, weight, _ = _rule()
    crossings = ((f.kinks[:, None] - g.kinks) / (2 * b)).ravel()
    edges = np.unique(np.concatenate([np.linspace(-_REACH, _REACH, 11), crossings[abs(crossings) < _REACH]]))
    edges, sides = (edges[edges >= 0], 2) if f is g else (edges, 1)
    lo, hi, total, panels = edges[:-1], edges[1:], 0.0, 0
    rows = max(1, _CHUNK // ((f.edges.size + g.edges.size) * _ORDER))
    while lo.size:
        w = ((lo + hi)[:, None] / 2 + (hi - lo)[:, None] / 2 * t).ravel()
        chunks = np.split(w, range(rows, w.size, rows))
        inner = np.concatenate([_over_z(f, g, a, b, integrand, part) for part in chunks])
        values = (inner * np.exp(-w * w / 2)).reshape(lo.size, _ORDER) * (hi - lo)[:, None] / 2
        sums = sides * (values @ weight) / math.sqrt(2 * math.pi)
        size = abs(total) + np.abs(sums).sum()
        rough = _tails(values) > _RESOLVED * size + noise(size)
        total += sums[~rough].sum()
        panels += lo.size
        if panels > _MOST_PANELS or not np.isfinite(size):
            raise NotConverged("the quadrature did not reach double precision", float(total))
        lo, hi = _halved(lo[rough], hi[rough])
    return float(total)


def pair_value(f: Resolved, g: Resolved, theta: float) -> float:
    """E f(U) g(V) at the correlation cos(theta)."""
    if theta > math.pi / 2:
        g, theta = g.mirrored, math.pi - theta
    a, b = math.cos(theta / 2), math.sin(theta / 2)
    size = math.sqrt(f.second_moment * g.second_moment)
    if b == 0:
        return float(_over_z(f, g, 1.0, 0.0, np.multiply, np.zeros(1))[0])
    return _over_plane(f, g, a, b, np.multiply, lambda _: 4 * _EPS * size)


def defect(f: Resolved, theta: float) -> float:
    """I(1) - I(cos theta) = E (f(U) - f(V))^2 / 2, for theta > 0, accurate relative to itself."""
    if theta > math.pi / 2:
        return f.second_moment - pair_value(f, f, theta)
    a, b = math.cos(theta / 2), math.sin(theta / 2)
    # Rounding of f(U) and f(V) is felt in their small difference.
    noise = functools.partial(lambda moment, size: 4 * _EPS * math.sqrt(moment * size), f.second_moment)
    return _over_plane(f, f, a, b, lambda u, v: (u - v) ** 2 / 2, noise)


# -- interpolation in theta


class PiecewiseChebyshev:
    """A function on [0, pi], interpolated at Chebyshev points on intervals that are halved until it is resolved."""

    def __init__(self, function: Callable[[float], float], good: Callable[[Array, float], bool]) -> None:
        """``good(coefficients, right end)`` says whether an interval needs no halving."""
        nodes = np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
        transform = np.linalg.inv(np.polynomial.chebyshev.chebvander(nodes, _DEGREE))
        stack, found = [(math.pi / 2, math.pi), (0.0, math.pi / 2)], []
        while stack:
            lo, hi = stack.pop()
            values = np.array([function((lo + hi) / 2 + (hi - lo) / 2 * t) for t in nodes])
            coefficients = transform @ values
            if good(coefficients, hi):
                found.append((lo, hi, coefficients))
            elif len(found) + len(stack) > 200 or hi - lo < 1e-5:
                raise NotConverged("the dual was not resolved by interpolation", float(values[0]))
            else:
                stack += [((lo + hi) / 2, hi), (lo, (lo + hi) / 2)]
        self.edges = np.array([lo for lo, _, _ in found] + [math.pi])
        self.coefficients = np.array([c for _, _, c in found]).T

    def __call__(self, theta: Array) -> Array:
        """Values by Clenshaw's recursion, in pieces that stay in the cache."""
        flat = np.ascontiguousarray(theta, dtype=float).ravel()
        result = np.empty_like(flat)
        for start in range(0, flat.size, 8192):
            part = slice(start, start + 8192)
            result[part] = self._few(flat[part])
        return result.reshape(np.shape(theta))

    def _few(self, theta: Array) -> Array:
        k = np.clip(np.searchsorted(self.edges, theta, side="right") - 1, 0, len(self.edges) - 2)
        lo, hi = self.edges[k], self.edges[k + 1]
        t2 = 2 * (2 * theta - lo - hi) / (hi - lo)
        first = second = np.zeros_like(theta)
        for row in self.coefficients[:0:-1]:
            first, second = row[k] + t2 * first - second, first
        return self.coefficients[0][k] + t2 / 2 * first - second


class DualFunction:
    """I(c) = E phi(U) phi(V) at a fixed variance, compiled: vectorised over c, with 1 - I(c)/I(1) to its own digits.

    Accurate to about 1e-13 of I(1), and the defect to about 1e-8 of itself, for every c in [-1, 1].
    """

    def __init__(self, function: Function, variance: float, breaks: Sequence[float] = (), jumps: bool = False) -> None:
        self.variance = float(variance)
        resolved = Resolved.of(function, math.sqrt(self.variance), breaks)
        self.second_moment = resolved.second_moment
        self._power = 1 if jumps else 2
        self._quotient = PiecewiseChebyshev(lambda theta: defect(resolved, theta) / theta**self._power, self._good)

    def _good(self, coefficients: Array, right: float) -> bool:
        tail, size = np.abs(coefficients[-4:]).max(), np.abs(coefficients).sum()
        return tail * right**self._power <= 1e-14 * self.second_moment and tail <= 1e-9 * size

    def __repr__(self) -> str:
        return f"DualFunction(variance={self.variance:g}, second_moment={self.second_moment:.6g})"

    def __call__(self, c) -> Array:
        """E phi(U) phi(V) at correlations c, an array or a number."""
        theta = _angle(_correlations(c))
        return self.second_moment - theta**self._power * self._quotient(theta)

    def defect(self, c=None, *, one_minus_c=None) -> Array:
        """1 - I(c)/I(1), which keeps its digits as c approaches 1; give c, or 1 - c where c would round it away."""
        if (c is None) == (one_minus_c is None):
            raise InputError("give either c or one_minus_c")
        if one_minus_c is None:
            theta = _angle(_correlations(c))
        else:
            gap = np.asarray(one_minus_c, dtype=float)
            theta = _angle(_correlations(1 - gap), gap)
        return theta**self._power * self._quotient(theta) / self.second_moment


def _correlations(c) -> Array:
    values = np.asarray(c, dtype=float)
    if not (np.abs(values) <= 1).all():
        raise InputError("a correlation lies outside [-1, 1]")
    return values


def _angle(c: Array, one_minus_c: Array | None = None) -> Array:
    """theta = arccos c, from the nearer end: nothing cancels at c = 1 or c = -1."""
    gap = 1 - c if one_minus_c is None else one_minus_c
    return np.where(c >= 0, 2 * np.arcsin(np.sqrt(gap / 2)), np.pi - 2 * np.arcsin(np.sqrt((1 + c) / 2)))


class PairFunction:
    """E f(U) g(V) at fixed variances, compiled: vectorised over the correlation."""

    def __init__(self, f: Resolved, g: Resolved) -> None:
        size = math.sqrt(f.second_moment * g.second_moment)
        self._values = PiecewiseChebyshev(
            lambda theta: pair_value(f, g, theta), lambda c, _: bool(np.abs(c[-4:]).max() <= 1e-14 * size)
        )

    def __call__(self, c) -> Array:
        return self._values(_angle(_correlations(c)))


# -- arrays of variances and correlations


def pair_kernel(f: tuple[Function, tuple[float, ...]], g: tuple[Function, tuple[float, ...]], same: bool) -> Callable:
    """E f(U) g(V) as a function of arrays (q1, q2, c), f and g given with their kinks.

    Many correlations at one pair of variances are interpolated; a few are computed one by one.
    """

    @functools.lru_cache(maxsize=64)
    def resolved(q1: float, q2: float) -> tuple[Resolved, Resolved]:
        left = Resolved.of(f[0], math.sqrt(q1), f[1])
        return left, left if same and q1 == q2 else Resolved.of(g[0], math.sqrt(q2), g[1])

    @functools.lru_cache(maxsize=64)
    def compiled(q1: float, q2: float) -> PairFunction:
        return PairFunction(*resolved(q1, q2))

    def values(q1: float, q2: float, c: Array) -> Array:
        try:
            if c.size > _WORTH_COMPILING:
                return compiled(q1, q2)(c)
            left, right = resolved(q1, q2)
            return np.array([pair_value(left, right, theta) for theta in _angle(_correlations(c))])
        except NotConverged:  # rough functions, with integrable singularities: slowly, point by point
            return np.array([quadrature.pair_float(f[0], g[0], q1, q2, float(r), f[1], g[1]) for r in c])

    def kernel(q1, q2, c) -> Array:
        first, second, third = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (q1, q2, c)))
        result = np.empty(third.shape)
        pairs, which = np.unique(np.stack([first.ravel(), second.ravel()]), axis=1, return_inverse=True)
        for k, pair in enumerate(pairs.T):
            chosen = which.ravel() == k
            result.ravel()[chosen] = values(float(pair[0]), float(pair[1]), third.ravel()[chosen])
        return result

    return kernel
