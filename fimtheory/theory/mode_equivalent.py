r"""Whole spectra of the output-weight Fisher matrix where multiplicities are no longer small against the width.

A degree whose multiplicity N(d, k) is comparable with m is no cluster but a bulk, and the highest degrees are together a
ridge. With tau = |w|^(2 alpha)/E|w|^(2 alpha) the size of a unit, sigma that of an input, and the sum over all modes
L(t) = sum_k N_k lambda_k/(1 + lambda_k t):

    t = -A B/z,  m delta = -B L(t)/z,  N delta' = -A L(t)/z,  A = E tau/(1 + tau delta),  B = E sigma/(1 + sigma delta'),

B = 1 for the average over all inputs, and tr (z - J)^-1/m = (1 - delta A)/z. Harmonics of one degree stand for independent
vectors here. *Heuristic* for random lengths; for all of one length the law of Lu and Yau (2022). One cluster of many modes
is a Marchenko-Pastur law, and single eigenvalues keep the shift of :mod:`fimtheory.theory.mode_fluctuations`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import numpy as np
import sympy as sp

from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.spectra.arguments import above_axis, finite_moments, levels, moment_count
from fimtheory.spectra.chi_square_rule import chi_square_rule
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.sphere import RadialLaw

Array = np.ndarray
_START = 20.0  # in units of the largest eigenvalue and the mean row: there the first terms in 1/z are the solution
_FLOOR = 1e-14  # in units of the mean eigenvalue
_FACTORS = 0.3, 0.6, 0.9  # of one step down; shorter ones where a point was lost
_EMPTY = 1e-7
_BLOCK = 2000  # points at a time
_CLOSE, _BELOW = 1e-10, 1e-7  # the rule for Gaussian lengths leaves 1e-9 of the imaginary part


class ModeSpectrum:
    """The limiting law of all m eigenvalues at one ``width`` m, over all inputs or over a number of ``inputs``.

    Degrees that ``modes`` does not list enter as if they were infinitely high. ``weight_lengths`` and ``input_lengths``,
    |w_i| and |x_n| of one network, replace their laws. Stieltjes transforms are accurate to about 1e-9 given the modes.

    *Holds when* phi is one power, or the lengths of the side that is sampled are all the same.

    >>> sphere = ModeSpectrum(KernelModes("relu", 10, 8, weights="sphere"), 200)
    >>> print(*(round(float(m), 6) for m in sphere.moments(2)), len(sphere.support))
    0.025 0.017796 4
    """

    def __init__(
        self,
        modes: KernelModes,
        width: int,
        inputs: int | None = None,
        weight_lengths: Array | None = None,
        input_lengths: Array | None = None,
    ) -> None:
        for name, count in (("width", width), ("inputs", 1 if inputs is None else inputs)):
            if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
                raise InputError(f"{name} = {count!r} is not possible: give a whole number, 1 or more")
        self.modes, self.width, self.inputs = modes, int(width), None if inputs is None else int(inputs)
        values = [(m.multiplicity, m.value) for m in modes.modes if m.number > 0]
        self._count, self._value = np.array(values, dtype=float).reshape(-1, 2).T
        self._trace, self._tail = modes.trace_value, modes.tail
        self._m, self._n = 1 / self.width, 0.0 if self.inputs is None else 1 / self.inputs
        self._units = _Sizes(modes, modes.weights, weight_lengths, "weights")
        self._inputs = None if inputs is None else _Sizes(modes, modes.inputs, input_lengths, "inputs")

    def __repr__(self) -> str:
        inputs = "all inputs" if self.inputs is None else f"{self.inputs} inputs"
        return f"<ModeSpectrum of {self.modes.activation.name}: d = {self.modes.dimension}, m = {self.width}, {inputs}>"

    # -- the law

    def stieltjes(self, z) -> Array:
        """G(z) = E 1/(z - t) of an eigenvalue t, on the real axis the limit from above; an array for arrays."""
        z, reflected = above_axis(z)
        if np.any(z == 0):
            raise InputError("z = 0 is the end of the spectrum: take another point")
        delta = self._solved(z.ravel()).reshape(z.shape)
        value = (1 - delta * self._units.average(delta)[0]) / z
        return np.where(reflected, value.conj(), value)[()]

    def density(self, x) -> Array:
        """The density of the continuous part at levels x; 0 for x <= 0.

        >>> law = ModeSpectrum(KernelModes("relu", 10, 8, weights="sphere"), 200)
        >>> (law.density([0.001, 0.2]) > [0, 1e-6]).tolist()
        [False, True]
        """
        x = levels(x)
        inside = x > 0
        found = np.zeros(x.shape)
        found[inside] = np.maximum(-np.imag(self.stieltjes(x[inside])) / np.pi, 0.0)
        return found[()]

    @property
    def atom(self) -> float:
        """The share of eigenvalues that are exactly 0: J has at most the rank of the modes, and that of the inputs."""
        rank = np.inf if self._tail > 0 else float(self._count.sum())
        return max(0.0, 1 - min(rank, self.inputs or np.inf) / self.width)

    def moments(self, count: int) -> Array:
        """tr J^p/m for p = 1..``count``, the coefficients of G in 1/z.

        >>> relu = ModeSpectrum(KernelModes("relu", 3, 30), 100)
        >>> round(float(relu.moments(1)[0]) * 100, 9)  # the trace d/2
        1.5
        """
        terms = moment_count(count) + 1
        m, n = self._m, self._n
        tau, loads = _signed(self._units.moments(terms)), _signed([self._load(k) for k in range(terms)])
        sigma = np.eye(1, terms)[0] if self._inputs is None else _signed(self._inputs.moments(terms))
        delta = primed = np.zeros(terms)
        for _ in range(terms):  # one more coefficient in 1/z is right after each
            A, B = _composed(tau, delta), _composed(sigma, primed)
            L = _composed(loads, -_next(_product(A, B)))
            delta, primed = -m * _next(_product(B, L)), -n * _next(_product(A, L))
        return finite_moments(-_product(delta, _composed(tau, delta))[1:])

    @functools.cached_property
    def support(self) -> tuple[tuple[float, float], ...]:
        """The intervals that hold the eigenvalues, lowest first; where lengths are all the same, for there alone ends are.

        Ends are extrema of z(t) = -(1 - t L/m)(1 - t L/N)/t over real t. Raises :class:`OutsideAssumptions`.
        """
        if not (self._units.single and (self._inputs is None or self._inputs.single)):
            raise OutsideAssumptions(
                "the density of Gaussian lengths has no ends, it decays: take weights='sphere', and inputs='sphere' if"
                " they are finitely many",
                "all lengths are the same",
            )
        ends = sorted([0.0, *(self._level(t) for t in self._turning_points())])  # it may reach down to 0
        middles = np.array([(a + b) / 2 for a, b in itertools.pairwise(ends)])
        filled = self.density(middles) > _EMPTY / ends[-1]
        return _merged([pair for pair, f in zip(itertools.pairwise(ends), filled, strict=True) if f])

    # -- equations

    def _load(self, k: int) -> float:
        """sum N_j lambda_j^(k+1), degrees that are not listed included where they count."""
        return float(self._count @ self._value ** (k + 1)) + (self._tail if k == 0 else 0.0)

    def _loads(self, t: Array) -> tuple[Array, Array]:
        """L and its derivative."""
        shrunk = self._value / (1 + np.multiply.outer(t, self._value))
        return shrunk @ self._count + self._tail, -(shrunk**2) @ self._count

    def _solved(self, z: Array) -> Array:
        """delta at points z of the closed upper half-plane, followed down from far above."""
        parts = [self._block(z[i : i + _BLOCK]) for i in range(0, z.size, _BLOCK)]
        return np.concatenate([np.zeros(0, dtype=complex), *parts])

    def _block(self, z: Array) -> Array:
        height = _START * (self._value.max(initial=0.0) + self._trace * max(self._m, self._n))
        found, missing = np.zeros(z.size, dtype=complex), np.arange(z.size)
        for factor in _FACTORS:
            y, right = self._followed(z[missing], height, factor)
            found[missing] = y[0]
            missing = missing[~right]
            if missing.size == 0:
                return found
        raise InputError(f"no solution was found at z = {z[missing[0]]:.6g}: take a point further from the real axis")

    def _followed(self, z: Array, height: float, factor: float) -> tuple[Array, Array]:
        first = -self._trace / (z + 1j * height)
        y = np.array([self._m * first, self._n * first])
        clear = float(np.maximum(np.imag(z), -np.real(z)).min())  # as far as this no eigenvalue is near
        floor = max(clear / 4, _FLOOR * self._trace * self._m)
        with np.errstate(all="ignore"):  # a step that goes astray is seen in the residual
            while height > floor:
                y = self._newton(z + 1j * height, y, 2)
                height *= factor
            y = self._newton(z, y, 8)
            residual, _ = self._equations(z, y)
            size = np.abs(y)
            wrong = (np.abs(residual) > _CLOSE * size) | np.isnan(residual)
            # delta and delta' are averages of 1/(x - z) over positive x.
            wrong |= (np.imag(y) < -_BELOW * size) | (np.imag(z * y) < -_BELOW * np.abs(z) * size)
            wrong |= (np.real(z) < 0) & (np.real(y) < 0)
        return y, ~np.any(wrong, axis=0)

    def _newton(self, z: Array, y: Array, steps: int) -> Array:
        for _ in range(steps):
            (f, g), ((a, b), (c, d)) = self._equations(z, y)
            determinant = a * d - b * c
            y = y - np.array([d * f - b * g, a * g - c * f]) / determinant
        return y

    def _equations(self, z: Array, y: Array) -> tuple[Array, tuple[tuple[Array, Array], tuple[Array, Array]]]:
        """What has to vanish at (delta, delta'), and its derivatives; delta' = 0 for all inputs."""
        m, n = self._m, self._n
        A, dA = self._units.average(y[0])
        B, dB = (np.ones_like(A), np.zeros_like(A)) if self._inputs is None else self._inputs.average(y[1])
        L, dL = self._loads(-A * B / z)
        f = y + np.array([m * B * L, n * A * L]) / z
        first = 1 - m * B * dL * dA * B / z**2, m * (dB * L - B * dL * A * dB / z) / z
        second = n * (dA * L - A * dL * dA * B / z) / z, 1 - n * A * dL * A * dB / z**2
        return f, (first, second)

    # -- ends

    def _turning_points(self) -> list[float]:
        """Real t at which z(t) turns: sign changes of its slope between the poles, on grids refined towards them."""
        poles = np.unique(np.concatenate([-1 / self._value, [0.0]]))
        near, far = np.geomspace(1e-9, 0.5, 400), np.geomspace(1e-9, 1e12, 2400)
        grids = [poles[0] * (1 + far[::-1]), far / self._value.max()]
        for a, b in itertools.pairwise(poles):
            grids.append(np.unique(np.concatenate([a + (b - a) * near, b - (b - a) * near])))
        return [t for grid in grids for t in _zeros(self._slope, grid)]

    def _level(self, t: float) -> float:
        """z(t), from A = 1 - t L/m and B = 1 - t L/N."""
        seen = t * float(self._loads(np.array([t]))[0][0])
        return -(1 - self._m * seen) * (1 - self._n * seen) / t

    def _slope(self, t: Array) -> Array:
        """t^2 z'(t)."""
        L, dL = self._loads(t)
        a, b = 1 - self._m * t * L, 1 - self._n * t * L
        return a * b + t * (L + t * dL) * (self._m * b + self._n * a)


class _Sizes:
    """tau or sigma: relative sizes |w|^(2 alpha)/E|w|^(2 alpha), as a rule for averages."""

    def __init__(self, modes: KernelModes, law: RadialLaw, lengths: Array | None, side: str) -> None:
        alpha = modes.alpha
        if alpha is None and not law.fixed:
            raise OutsideAssumptions(
                f"{modes.activation.name} is no single power, and its modes share one law of sizes only where all {side}"
                f" have one length: take {side}='sphere'",
                f"phi is one power, or {side} on the sphere",
            )
        self.single = law.fixed or alpha == 0
        self._law, self._power = law, sp.S.Zero if alpha is None or self.single else 2 * alpha
        self._drawn = None if lengths is None or self.single else _lengths(lengths, side)
        self._mean = law.moment_number(self._power)
        self._size, self._share = self._rule()

    def _rule(self) -> tuple[Array, Array]:
        """Sizes and their shares, on a ray below the real axis where lengths are Gaussian: delta has poles above it."""
        if self.single:
            return np.ones(1), np.ones(1)
        power, mean = float(self._power), float(self._mean)
        if self._drawn is not None:
            return self._drawn**power / mean, np.full(self._drawn.size, 1 / self._drawn.size)
        squares, share = chi_square_rule(int(self._law.dimension))
        return (float(self._law.variance) * squares) ** (power / 2) / mean, share

    def average(self, delta: Array) -> tuple[Array, Array]:
        """E tau/(1 + tau delta) and its derivative."""
        shrunk = self._size / (1 + np.multiply.outer(delta, self._size))
        return shrunk @ self._share, -(shrunk**2) @ self._share

    def moments(self, count: int) -> Array:
        """E tau, E tau^2, ..."""
        powers = range(1, count + 1)
        if self.single or self._drawn is not None:
            return np.array([self._share @ self._size**k for k in powers])
        return np.array([float(self._law.moment_number(self._power * k) / self._mean**k) for k in powers])


def _lengths(given: Array, side: str) -> Array:
    found = np.asarray(given, dtype=float)
    if found.ndim != 1 or found.size == 0 or not (np.isfinite(found).all() and (found > 0).all()):
        raise InputError(f"the lengths of the {side} have to be positive numbers, one for each, in one row")
    return found


# -- power series in 1/z, as arrays of coefficients


def _signed(coefficients) -> Array:
    """c_0 - c_1 x + c_2 x^2 - ..."""
    return np.asarray(coefficients) * (-1.0) ** np.arange(len(coefficients))


def _product(a: Array, b: Array) -> Array:
    return np.convolve(a, b)[: a.size]


def _next(a: Array) -> Array:
    """a/z."""
    return np.concatenate([[0.0], a[:-1]])


def _composed(outer: Array, inner: Array) -> Array:
    """sum_k outer_k inner^k for an inner series without constant."""
    total = np.zeros(inner.size)
    for c in outer[::-1]:
        total = _product(total, inner)
        total[0] += c
    return total


def _zeros(f: Callable[[Array], Array], grid: Array) -> list[float]:
    """Where a function changes its sign between neighbours of a grid."""
    from scipy.optimize import brentq

    positive = f(grid) > 0
    places = np.flatnonzero(positive[:-1] != positive[1:])
    return [float(brentq(lambda t: f(np.array([t]))[0], grid[i], grid[i + 1], xtol=1e-300)) for i in places]


def _merged(intervals: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Neighbours that touch as one."""
    found: list[tuple[float, float]] = []
    for low, high in intervals:
        if found and found[-1][1] == low:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return tuple(found)
