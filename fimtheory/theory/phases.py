r"""Signals in deep random networks: fixed points of length and correlation, phases, depth scales.

A wide layer with weights of variance sigma_w^2/M and biases of variance sigma_b^2 maps the variance q of a pre-activation
and the correlation c of two of them:

    V(q) = sigma_w^2 E phi(sqrt(q) Z)^2 + sigma_b^2,        C(c) = (sigma_w^2 I_phi[q*, c q*] + sigma_b^2)/q*,
    chi_1 = sigma_w^2 E phi'(sqrt(q*) Z)^2 = C'(1),         C'(c) = sigma_w^2 I_phi'[q*, c q*]

at a fixed point q* = V(q*). Squared gradients grow by chi_1 a layer; chi_1 < 1 is the ordered phase, > 1 the chaotic one.
What makes the answers complete:

*Length.* (x^2/q - 1)/(2 q) >= -1/(2 q) in the derivative of a Gaussian density gives q m'(q) >= -m(q)/2 for every phi,
hence V'(q*) >= -1/2: no fixed point loses its stability by oscillation, and V has no cycles (for a cycle of two,
(q - sigma_b^2)/sqrt(q) would have to rise and fall). So every length settles at a fixed point or grows without bound.

*Correlation.* C is a power series in c with non-negative coefficients of sum 1 (Hermite), so it is convex on [0, 1]:
c* < 1 exists iff chi_1 > 1, and is the only one. On [-1, 0) the sole possibility is c = -1, for odd phi without biases
(or every c, for linear phi).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation, parse_number
from fimtheory.errors import InputError, NotConverged
from fimtheory.gaussian.quantity import number
from fimtheory.theory.phase_moments import GRID, Moments, length_float, lengths, linear_length, near_zero

_GUARD = 8
_EXTRA = (0, 15, 40)  # further digits for fixed points that are nearly marginal
_STEPS = 500  # layers after which a length has settled, or creeps monotonically
_NEAR = 0.05  # |V(q)/q - 1| at a local extremum on the grid that may hide two fixed points


@dataclass(frozen=True)
class FixedPoint:
    """A fixed point q of the length map, and the correlation c at which two signals of that length settle.

    ``length_slope`` is V'(q); ``attracting`` says whether lengths from both sides come to q (at q = 0: from above).
    ``chi1`` is infinite where phi jumps. ``c`` and ``chi`` = C'(c) are None at q = 0, where nothing is left to correlate.
    """

    q: mp.mpf
    length_slope: mp.mpf
    attracting: bool
    chi1: mp.mpf
    c: mp.mpf | None
    chi: mp.mpf | None
    digits: int

    @property
    def name(self) -> str:
        """``ordered``, ``critical`` or ``chaotic``: chi_1 below, at (to all digits asked for) or above 1."""
        return "critical" if self.chi1 == 1 else "ordered" if self.chi1 < 1 else "chaotic"

    @property
    def xi_q(self) -> mp.mpf:
        """1/|ln |V'(q)||: layers in which a deviation of the length falls (if not attracting: grows) by e."""
        return depth_scale(abs(self.length_slope), self.digits)

    @property
    def xi_c(self) -> mp.mpf | None:
        """-1/ln C'(c): layers in which a deviation of the correlation falls by e; infinite at the edge of chaos."""
        return None if self.chi is None else depth_scale(self.chi, self.digits)

    @property
    def xi_grad(self) -> mp.mpf:
        """1/|ln chi_1|: layers in which squared gradients change by e; infinite at the edge of chaos."""
        return depth_scale(self.chi1, self.digits)

    def __repr__(self) -> str:
        pair = "" if self.c is None else f", c* = {mp.nstr(self.c, 6)}"
        return f"<{self.name}: q* = {mp.nstr(self.q, 6)}{pair}, chi_1 = {mp.nstr(self.chi1, 6)}>"


@dataclass(frozen=True)
class Phase:
    """All fixed points at one (sigma_w^2, sigma_b^2), and the one that signals reach: None if they grow without bound."""

    activation: Activation
    sigma_w2: sp.Expr
    sigma_b2: sp.Expr
    fixed_points: tuple[FixedPoint, ...]
    reached: FixedPoint | None
    digits: int

    @property
    def name(self) -> str:
        """``ordered``, ``critical``, ``chaotic`` or ``unbounded``."""
        return "unbounded" if self.reached is None else self.reached.name

    def __repr__(self) -> str:
        where = f"{self.activation.name} at sigma_w2 = {self.sigma_w2}, sigma_b2 = {self.sigma_b2}"
        return f"<Phase of {where}: {'unbounded' if self.reached is None else repr(self.reached)[1:-1]}>"

    def _repr_latex_(self) -> str:
        f = self.reached
        if f is None:
            return r"$\displaystyle q^l \to \infty$"
        pair = "" if f.c is None else rf",\; c^* = {mp.nstr(f.c, 6)}"
        return rf"$\displaystyle q^* = {mp.nstr(f.q, 6)}{pair},\; \chi_1 = {mp.nstr(f.chi1, 6)}$"


def phase(phi: Activation, sigma_w2, sigma_b2, digits: int = 16, input_norm=1) -> Phase:
    r"""Where signals settle in a deep random network, to ``digits`` correct digits.

    The variance of the first layer is sigma_w^2 ``input_norm`` + sigma_b^2; where several fixed points attract, it decides.
    Where every length is kept (ReLU at sigma_w^2 = 2, sigma_b^2 = 0), q* is that first variance.
    *Source*: Poole et al. (2016), the length and the correlation map; Schoenholz et al. (2017), depth scales.
    *Holds when*: widths are large. Fixed points are sought from q = 0 to 10^10 (to infinity, where E phi^2 is linear in
    q); two that differ by a few per cent, about to merge, may be missed. Raises :class:`InputError` for negative
    variances, free parameters and a derivative that is not square-integrable.

    >>> import fimtheory as ft
    >>> p = phase(ft.activation("relu"), 1, "1/2")
    >>> p.name, float(p.reached.q), float(p.reached.chi1), float(p.reached.c)
    ('ordered', 1.0, 0.5, 1.0)
    """
    weight, bias = variance("sigma_w2", sigma_w2), variance("sigma_b2", sigma_b2)
    start = weight * variance("input_norm", input_norm) + bias
    maps = LayerMaps(phi, weight, bias, digits)
    found = tuple(maps.fixed_points())
    if maps.keeps_lengths and start != 0:
        kept = maps.fixed_point(number(start, digits + _GUARD), False)
        return Phase(phi, weight, bias, (*found, kept), kept, digits)
    return Phase(phi, weight, bias, found, _reached(maps, found, float(start)), digits)


def fixed_points(phi: Activation, sigma_w2, sigma_b2, digits: int = 16) -> tuple[FixedPoint, ...]:
    """All fixed points of the length map, ascending; see :func:`phase`.

    >>> import fimtheory as ft
    >>> [p.name for p in fixed_points(ft.activation("tanh"), 2, 0)]
    ['chaotic', 'chaotic']
    """
    return phase(phi, sigma_w2, sigma_b2, digits).fixed_points


def variance(name: str, value: Any) -> sp.Expr:
    """A non-negative number, exactly; text is read as on the command line.

    >>> variance("sigma_w2", "1/3")
    1/3
    """
    try:
        exact = parse_number(value if isinstance(value, str) else str(sp.sympify(value)))
    except (sp.SympifyError, TypeError):
        raise InputError(f"{name} = {value!r} is not a number: write for instance 3/2") from None
    if exact.is_negative or exact > 10**12:
        raise InputError(f"{name} = {value} is no variance: give a number from 0 to 10^12")
    return exact


def depth_scale(factor: mp.mpf, digits: int = 16) -> mp.mpf:
    """1/|ln factor|, the number of layers in which ``factor`` a layer makes a factor e.

    >>> float(depth_scale(mp.mpf(1))), float(depth_scale(mp.mpf(0)))
    (inf, 0.0)
    """
    if factor == 0 or mp.isinf(factor):
        return mp.mpf(0)
    with mp.workdps(digits + _GUARD):
        return mp.inf if factor == 1 else 1 / abs(mp.log(factor))


class LayerMaps:
    """The two maps of a layer of one activation at one (sigma_w^2, sigma_b^2)."""

    def __init__(self, phi: Activation, sigma_w2: sp.Expr, sigma_b2: sp.Expr, digits: int) -> None:
        if digits < 1:
            raise InputError(f"{digits} digits cannot be given: ask for 1 or more")
        self.phi = phi._require_numbers()
        self.exact, self.digits, self.precision = (sigma_w2, sigma_b2), digits, digits + _GUARD
        self.moments = Moments(phi, self.precision)
        self.w, self.b = (number(v, self.precision + 5) for v in self.exact)
        self.mu = linear_length(phi)

    # -- length

    @property
    def keeps_lengths(self) -> bool:
        """Whether V is the identity."""
        return self.mu is not None and self.exact[1] == 0 and sp.simplify(self.exact[0] * self.mu - 1) == 0

    def excess(self) -> np.ndarray:
        """V(q)/q - 1 on the grid."""
        return (float(self.w) * lengths(self.phi) + float(self.b)) / GRID - 1

    def fixed_points(self) -> Iterator[FixedPoint]:
        """Those of the length map, ascending."""
        rows = self._rows()
        if self.exact[1] == 0 and (self.exact[0] == 0 or near_zero(self.phi).power > 0):
            zero = self._at_zero()
            rises = zero.length_slope > 1 or (zero.length_slope == 1 and rows[0][1] > 0)
            yield replace(zero, attracting=not rises and not self.keeps_lengths)
            if self.mu is None and rises != (rows[0][1] > 0):
                yield self.fixed_point(self._below_the_grid(zero.length_slope - 1), rises)
        if self.mu is not None:
            yield from self._linear()
            return
        for (left, before), (right, after) in pairwise(rows):
            if (before > 0) != (after > 0):
                yield self.fixed_point(self._root(left, right), before > 0)

    def _below_the_grid(self, at_zero: mp.mpf) -> mp.mpf:
        """The root where V(q)/q - 1 still is a line."""
        slope = (self._excess_digits(self.precision + 20)(mp.mpf(GRID[0])) - at_zero) / GRID[0]
        return polished(self._excess_digits, -at_zero / slope, self.digits)

    def _linear(self) -> Iterator[FixedPoint]:
        """V(q) = sigma_w^2 mu q + sigma_b^2."""
        loss = 1 - self.exact[0] * self.mu
        if self.exact[1] != 0 and loss.is_positive:
            yield self.fixed_point(number(self.exact[1] / loss, self.precision), True)

    def _rows(self) -> list[tuple[float, float]]:
        """(q, V(q)/q - 1) on the grid and where two fixed points may hide between its points."""
        excess = self.excess()
        rows = list(zip(map(float, GRID), map(float, excess), strict=True))
        return sorted(rows + [self._extremum(k) for k in _hiding(excess)])

    def _extremum(self, k: int) -> tuple[float, float]:
        """The extremum of V(q)/q - 1 near the k-th point of the grid."""
        from scipy.optimize import minimize_scalar

        function, sign = self._excess_float(), float(np.sign(self.excess()[k]))
        ends = (np.log(GRID[k - 1]), np.log(GRID[k + 1]))
        best = minimize_scalar(lambda t: sign * function(np.exp(t)), bounds=ends, method="bounded")
        return float(np.exp(best.x)), float(sign * best.fun)

    def _excess_float(self) -> Callable[[float], float]:
        length, weight, bias = length_float(self.phi), float(self.w), float(self.b)
        return lambda at: (weight * length(at) + bias) / at - 1

    def _root(self, left: float, right: float) -> mp.mpf:
        from scipy.optimize import brentq

        guess = brentq(self._excess_float(), left, right, rtol=1e-14)
        return polished(self._excess_digits, guess, self.digits)

    def _excess_digits(self, precision: int) -> Callable[[mp.mpf], mp.mpf]:
        moments = Moments(self.phi, precision)
        weight, bias = (number(v, precision + 5) for v in self.exact)
        return lambda at: (weight * moments.length(at) + bias) / at - 1

    # -- what belongs to a fixed point

    def fixed_point(self, at: mp.mpf, attracting: bool) -> FixedPoint:
        """Everything about the fixed point q > 0."""
        with mp.workdps(self.precision):
            slope = self.w * self.moments.length_slope(at)
            chi1 = self._snapped(self.w * self.moments.gain(at)) if self.w else mp.mpf(0)
            c, chi = self._correlation(at, chi1)
            return FixedPoint(at, self._snapped(slope), attracting, chi1, c, chi, self.digits)

    def _at_zero(self) -> FixedPoint:
        """q = 0, where V(q) ~ sigma_w^2 profile q^power."""
        leading = near_zero(self.phi) if self.w else None
        slope = mp.mpf(0)
        if leading is not None and leading.power <= 1:
            slope = self.w * number(leading.profile, self.precision) if leading.power == 1 else mp.inf
        slope = self._snapped(slope)
        return FixedPoint(mp.mpf(0), slope, False, slope, None, None, self.digits)

    def _snapped(self, value: mp.mpf) -> mp.mpf:
        """Exactly 1 where it is to all digits asked for."""
        return mp.mpf(1) if abs(value - 1) < mp.mpf(10) ** -self.digits else value

    # -- correlation

    def _correlation(self, at: mp.mpf, chi1: mp.mpf) -> tuple[mp.mpf, mp.mpf]:
        """(c*, C'(c*)). Above chi_1 = 1 Newton's iteration from c = 0 rises to c*, since C is convex there."""
        if chi1 <= 1:
            return mp.mpf(1), chi1
        lost = 0 if chi1 > 2 else int(-2 * mp.log10(chi1 - 1))  # C(c) and c nearly touch between c* and 1
        moments, tolerance, here = Moments(self.phi, self.precision + lost), mp.mpf(10) ** -(self.digits + 3), mp.mpf(0)
        with mp.workdps(self.precision + lost):
            for _ in range(mp.prec + 50):
                rise = (self.w * moments.overlap(at, here) + self.b) / at - here
                chi = self.w * moments.overlap_slope(at, here)
                step = rise / (1 - chi)
                if abs(step) < tolerance:
                    return here, chi
                here += step
        raise NotConverged(f"the correlation of {self.phi.name} was not found to {self.digits} digits", float(here))


def _hiding(excess: np.ndarray) -> list[int]:
    """Interior extrema of the excess that point at zero without reaching it."""
    found = []
    for k in range(1, excess.size - 1):
        before, here, after = excess[k - 1 : k + 2]
        one_sign = (before > 0) == (here > 0) == (after > 0)
        if one_sign and abs(here) < _NEAR and abs(here) < min(abs(before), abs(after)):
            found.append(k)
    return found


def polished(function: Callable[[int], Callable[[mp.mpf], mp.mpf]], guess: float, digits: int) -> mp.mpf:
    """The root near ``guess`` to ``digits`` digits: secants, then a change of sign as proof.

    ``function(n)`` is the function at n correct digits. Raises :class:`NotConverged` where the sign does not change.
    """
    for extra in _EXTRA:
        with mp.workdps(digits + _GUARD + extra + 5):
            f, radius = function(digits + _GUARD + extra), mp.mpf(10) ** -digits
            start = mp.mpf(guess)
            root = mp.findroot(f, (start, start * (1 + mp.mpf(10) ** -9)), solver="secant", verify=False,
                               tol=mp.mpf(10) ** -(2 * (digits + 3)))  # fmt: skip
            if f(root * (1 - radius)) * f(root * (1 + radius)) < 0:
                return root
    raise NotConverged(f"a fixed point near {guess:g} is too nearly marginal for {digits} digits", guess)


def _reached(maps: LayerMaps, found: tuple[FixedPoint, ...], start: float) -> FixedPoint | None:
    """The fixed point to which the length ``start`` of the first layer is attracted."""
    attracting = [point for point in found if point.attracting]
    if not attracting:
        return None
    at = settled(float(maps.w), float(maps.b), lengths(maps.phi), np.array(start))
    below = [point for point in attracting if point.q <= float(at) * (1 + 1e-6)]
    above = [point for point in attracting if point.q > float(at) * (1 - 1e-6)]
    rising = np.interp(np.log(max(at, GRID[0])), np.log(GRID), maps.excess()) > 0
    if rising:
        return above[0] if above else _close(below, at)
    return below[-1] if below else _close(above, at)


def _close(candidates: list[FixedPoint], at) -> FixedPoint | None:
    """A fixed point that an interpolated length has passed by less than the interpolation may err."""
    return next((point for point in candidates if abs(point.q / float(at) - 1) < _NEAR), None)


def settled(weight, bias, length: np.ndarray, start: np.ndarray, steps: int = _STEPS) -> np.ndarray:
    """Lengths after many layers, by interpolation of E phi^2 on the grid: arrays of variances and of starts."""
    abscissa = np.log(GRID)
    with np.errstate(divide="ignore"):
        ordinate = np.log(np.where(np.isfinite(length), length, 1e300))
    at = np.clip(start, GRID[0], GRID[-1])
    for _ in range(steps):
        at = np.clip(weight * np.exp(np.interp(np.log(at), abscissa, ordinate)) + bias, GRID[0], GRID[-1])
    return at
