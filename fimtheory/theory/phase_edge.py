r"""The edge of chaos, chi_1 = 1: the curve itself, how correlations decay on it, and the phases close to it.

Given the length q, both variances follow without solving anything:

    sigma_w^2 = 1/E phi'(sqrt(q) Z)^2,        sigma_b^2 = q - sigma_w^2 E phi(sqrt(q) Z)^2 >= 0.

Close to c = 1 the correlation map is C(1 - e) = 1 - chi_1 e + A e^p + ..., p = 2 for smooth phi and p = 3/2 where phi
has a kink. On the edge, 1 - c_l ~ (A (p - 1) l)^(-1/(p - 1)); beside it, c* and the depth scales are powers of chi_1 - 1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.gaussian.field import VARIANCE
from fimtheory.gaussian.quantity import number
from fimtheory.latex import latex
from fimtheory.theory.phase_moments import GRID, Moments, gains, lengths, linear_length, near_zero
from fimtheory.theory.phases import polished, variance

_GUARD = 8
_ROUNDING = 1e-9  # below zero by less than this, relative to q, the bias is zero


@dataclass(frozen=True)
class EdgePoint:
    """A point of the edge of chaos and its length q; ``length_slope`` is V'(q), above 1 where signals leave q."""

    q: mp.mpf
    sigma_w2: mp.mpf
    sigma_b2: mp.mpf
    length_slope: mp.mpf

    def __repr__(self) -> str:
        return f"<edge: sigma_w2 = {mp.nstr(self.sigma_w2, 8)}, sigma_b2 = {mp.nstr(self.sigma_b2, 8)}>"


class EdgeOfChaos:
    """The edge of chaos of an activation, a curve in the length q: :func:`edge_of_chaos`.

    ``sigma_w2`` and ``sigma_b2`` are SymPy expressions in ``q``; parts of the curve where sigma_b2 < 0 do not exist.
    Where E phi^2 and E phi'^2 are m q and m (ReLU and its kin), the edge is the one point (1/m, 0): ``is_point``.
    """

    def __init__(self, phi: Activation) -> None:
        self.activation = phi
        length, gain = phi.second_moment(VARIANCE), phi.second_moment_derivative(VARIANCE)
        if gain == 0:
            raise OutsideAssumptions(f"{phi.name} is constant: chi_1 = 0 everywhere", "phi is not constant")
        self.sigma_w2 = 1 / gain
        self.sigma_b2 = VARIANCE - length / gain
        self.is_point = linear_length(phi) is not None and sp.simplify(self.sigma_b2) == 0
        if self.is_point:
            self.sigma_w2, self.sigma_b2 = sp.cancel(self.sigma_w2), sp.S.Zero

    def __repr__(self) -> str:
        return f"<EdgeOfChaos of {self.activation.name}: sigma_w2 = {self.sigma_w2}, sigma_b2 = {self.sigma_b2}>"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle \sigma_w^2 = {latex(self.sigma_w2)},\quad \sigma_b^2 = {latex(self.sigma_b2)}$"

    @property
    def start(self) -> sp.Expr | None:
        """sigma_w^2 where the curve starts, at sigma_b^2 = 0 and q -> 0; None where it does not."""
        bias = self.bias_on_grid()
        rises = (bias[bias != 0] > 0)[:1]
        if self.is_point or near_zero(self.activation).power != 1 or not rises.all():
            return None
        return 1 / near_zero(self.activation).profile

    def at_length(self, q, digits: int = 16) -> EdgePoint:
        """The point whose fixed point is ``q``, an exact number or an ``mpf``.

        Raises :class:`InputError` for q <= 0, and where sigma_b^2 would be negative.

        >>> from fimtheory.activations import activation
        >>> point = edge_of_chaos(activation("erf")).at_length(2)
        >>> mp.nstr(point.sigma_w2, 12), mp.nstr(3 * mp.pi / 4, 12)
        ('2.35619449019', '2.35619449019')
        """
        length = q if isinstance(q, mp.mpf) else number(variance("q", q), digits + _GUARD)
        if length <= 0:
            raise InputError(f"q = {q}: the edge of chaos is a curve over lengths q > 0")
        moments = Moments(self.activation, digits + _GUARD)
        with mp.workdps(digits + _GUARD):
            weight = 1 / moments.gain(length)
            bias = length - weight * moments.length(length)
            if abs(bias) < length * mp.mpf(10) ** (2 - digits - _GUARD):
                bias = mp.mpf(0)
            if bias < 0:
                raise InputError(f"at q = {mp.nstr(length, 6)} the edge would need sigma_b2 = {mp.nstr(bias, 6)} < 0")
            return EdgePoint(length, weight, bias, weight * moments.length_slope(length))

    def at_bias(self, sigma_b2, digits: int = 16) -> tuple[EdgePoint, ...]:
        """All points of one sigma_b^2 > 0, in the order of their lengths; none where the edge does not go there.

        >>> from fimtheory.activations import activation
        >>> [mp.nstr(point.sigma_w2, 10) for point in edge_of_chaos(activation("x**2")).at_bias("1/20")]
        ['1.25']
        """
        wanted = variance("sigma_b2", sigma_b2)
        return self._where(self.bias_on_grid() - float(wanted), lambda w, b: b - _mpf(wanted), digits)

    def at_weight(self, sigma_w2, digits: int = 16) -> tuple[EdgePoint, ...]:
        """All points of one sigma_w^2, in the order of their lengths."""
        wanted = variance("sigma_w2", sigma_w2)
        return self._where(self.weight_on_grid() - float(wanted), lambda w, b: w - _mpf(wanted), digits)

    def points(self, count: int = 9, low: float = 0.01, high: float = 100.0, digits: int = 16) -> tuple[EdgePoint, ...]:
        """``count`` points at lengths in geometric progression, those of them that exist; a single one for ReLU."""
        if self.is_point:
            return (self.at_length(1, digits),)
        exponents = np.linspace(np.log10(low), np.log10(high), count)
        chosen = [sp.Rational(f"{10**t:.3g}") for t in exponents]
        admissible = np.interp(np.log([float(q) for q in chosen]), np.log(GRID), self.bias_on_grid() / GRID) > 0
        return tuple(self.at_length(q, digits) for q, exists in zip(chosen, admissible, strict=True) if exists)

    def weight_on_grid(self) -> np.ndarray:
        """sigma_w^2 on the grid of lengths."""
        with np.errstate(divide="ignore"):
            return 1 / gains(self.activation)

    def bias_on_grid(self) -> np.ndarray:
        """sigma_b^2 on the grid of lengths; negative where the edge does not exist."""
        with np.errstate(invalid="ignore"):
            bias = GRID - lengths(self.activation) * self.weight_on_grid()
        bias[~np.isfinite(bias)] = -np.inf
        return np.where(np.abs(bias) < _ROUNDING * GRID, 0.0, bias)

    def _where(self, values: np.ndarray, function: Callable, digits: int) -> tuple[EdgePoint, ...]:
        """The points where a function of (sigma_w^2, sigma_b^2) vanishes, known on the grid, with sigma_b^2 >= 0."""
        if self.is_point:
            point = self.at_length(1, digits)
            return (point,) if abs(function(point.sigma_w2, point.sigma_b2)) < mp.mpf(10) ** -digits else ()

        def at(precision: int) -> Callable[[mp.mpf], mp.mpf]:
            moments = Moments(self.activation, precision)

            def value(q: mp.mpf) -> mp.mpf:
                weight = 1 / moments.gain(q)
                return function(weight, q - weight * moments.length(q))

            return value

        found = []
        for k in _crossings(values, self.bias_on_grid()):
            share = values[k] / (values[k] - values[k + 1])
            if _changes_sign(at(digits + _GUARD), GRID[k], GRID[k + 1], digits):
                found.append(polished(at, float(GRID[k] * (GRID[k + 1] / GRID[k]) ** share), digits))
        return tuple(self.at_length(q, digits) for q in found)


def _crossings(values: np.ndarray, bias: np.ndarray) -> list[int]:
    """Where the sign of finite values changes between grid points that do not both lie off the curve."""
    finite = np.isfinite(values[:-1]) & np.isfinite(values[1:])
    exists = np.maximum(bias[:-1], bias[1:]) > 0
    return [int(k) for k in np.flatnonzero(finite & exists & ((values[:-1] > 0) != (values[1:] > 0)))]


def _changes_sign(function: Callable[[mp.mpf], mp.mpf], left: float, right: float, digits: int) -> bool:
    """Whether the signs at both ends are certain and differ: the curve may approach a value like exp(-q) and not cross."""
    with mp.workdps(digits + _GUARD):
        ends = function(mp.mpf(left)), function(mp.mpf(right))
        return ends[0] * ends[1] < 0 and min(map(abs, ends)) > mp.mpf(10) ** (-digits - _GUARD // 2)


def _mpf(value: sp.Expr) -> mp.mpf:
    return number(value, mp.dps)


def edge_of_chaos(phi: Activation) -> EdgeOfChaos:
    r"""The curve chi_1 = 1 in the plane of (sigma_w^2, sigma_b^2), parametrised by the length q.

    *Source*: Schoenholz et al. (2017), the critical line; the parametrisation is ours. *Holds when*: phi is weakly
    differentiable with square-integrable derivative. Raises :class:`JumpError` where phi jumps (chi_1 is infinite:
    always chaotic) and :class:`OutsideAssumptions` for constants.

    >>> from fimtheory.activations import activation
    >>> edge_of_chaos(activation("leaky_relu"))
    <EdgeOfChaos of leaky_relu: sigma_w2 = 2/(alpha**2 + 1), sigma_b2 = 0>
    """
    return EdgeOfChaos(phi)


# -- close to c = 1


@dataclass(frozen=True)
class CriticalDecay:
    """On the edge, 1 - c_l ~ ``coefficient`` l^(-``exponent``), from C(1 - e) = 1 - e + ``amplitude`` e^``power`` + ..."""

    power: sp.Rational
    amplitude: sp.Expr

    @property
    def exponent(self) -> sp.Rational:
        """2 for a kink, 1 for a smooth activation."""
        return 1 / (self.power - 1)

    @property
    def coefficient(self) -> sp.Expr:
        """(A (p - 1))^(-1/(p - 1))."""
        return sp.powsimp(sp.expand_power_base((self.amplitude * (self.power - 1)) ** (-self.exponent), force=True))

    def __repr__(self) -> str:
        return f"CriticalDecay(1 - c_l ~ {self.coefficient}*l**({-self.exponent}))"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle 1 - c_l \sim {latex(self.coefficient)}\; l^{{{-self.exponent}}}$"


def critical_decay(phi: Activation, q=VARIANCE) -> CriticalDecay:
    r"""How correlations approach 1 at the edge of chaos at length q, a number or the symbol.

    With A = sigma_w^2 q E phi''(sqrt(q) Z)^2/2 and p = 2, or p = 3/2 and A from the jumps J_i of phi' at h_i,
    (2 sigma_w^2/(3 sqrt(pi))) sum J_i^2 varphi(h_i/sqrt(q)), at sigma_w^2 = 1/E phi'^2. *Source*: fimtheory; for ReLU the
    coefficient 9 pi^2/2 is in Hayou, Doucet, Rousseau (2019). *Holds when*: (q, c) starts close to the fixed point.
    Raises :class:`JumpError` where phi jumps, :class:`OutsideAssumptions` for linear phi, which keeps every correlation.

    >>> from fimtheory.activations import activation
    >>> critical_decay(activation("relu"))
    CriticalDecay(1 - c_l ~ 9*pi**2/2*l**(-2))
    """
    length = sp.sympify(q)
    weight = edge_of_chaos(phi).sigma_w2.subs(VARIANCE, length)
    power, term = _second_term(phi, length)
    amplitude = weight * term / length
    amplitude = sp.factor(amplitude) if linear_length(phi) is not None else amplitude
    if amplitude == 0:
        raise OutsideAssumptions(f"{phi.name} is linear: at the edge it keeps every correlation", "phi is not linear")
    return CriticalDecay(power, amplitude)


@functools.lru_cache(maxsize=64)
def _second_term(phi: Activation, q: sp.Expr) -> tuple[sp.Rational, sp.Expr]:
    """(p, K) with I_phi = E phi^2 - q E phi'^2 e + K e^p + ..."""
    expansion = phi.expansion(q)
    if expansion.exponent == sp.Rational(3, 2):
        return expansion.exponent, expansion.coefficient
    return sp.Integer(2), expansion.analytic[2]


@dataclass(frozen=True)
class NearEdge:
    """Leading orders at sigma_w^2 = edge + d, sigma_b^2 fixed: chi_1 - 1 ~ ``rate`` d, and C near c = 1 as on the edge."""

    edge: EdgePoint
    rate: mp.mpf
    power: mp.mpf
    amplitude: mp.mpf

    def one_minus_c(self, d) -> mp.mpf:
        """1 - c* ~ (rate d/A)^(1/(p - 1)); 0 on the ordered side, d < 0 (if rate > 0)."""
        excess = self.rate * d
        return (excess / self.amplitude) ** (1 / (self.power - 1)) if excess > 0 else mp.mpf(0)

    def xi_c(self, d) -> mp.mpf:
        """1/(rate |d|) on the ordered side, 1/((p - 1) rate d) on the chaotic one: twice as deep with kinks."""
        excess = self.rate * d
        return 1 / ((self.power - 1) * excess) if excess > 0 else -1 / excess

    def xi_grad(self, d) -> mp.mpf:
        """1/(rate |d|)."""
        return 1 / abs(self.rate * d)


def near_edge(phi: Activation, sigma_b2, digits: int = 16) -> tuple[NearEdge, ...]:
    r"""The phases close to each point of the edge at one sigma_b^2 > 0, to first order in sigma_w^2.

    rate = d chi_1/d sigma_w^2 = E phi'^2 + sigma_w^2 (E phi'^2)' E phi^2/(1 - V'), the prime a derivative in q.
    *Source*: fimtheory, after Schoenholz et al. (2017), the depth scales. Beside a point with V' > 1
    these are the phases of a fixed point that signals leave. Raises :class:`OutsideAssumptions` where the edge is one
    point, as for ReLU.

    >>> from fimtheory.activations import activation
    >>> near, = near_edge(activation("erf"), "1/10")
    >>> mp.nstr(near.xi_c(-0.01) / near.xi_c(0.01), 5)
    '1.0'
    """
    edge = edge_of_chaos(phi)
    if edge.is_point:
        raise OutsideAssumptions(
            f"the edge of {phi.name} is the single point sigma_w2 = {edge.sigma_w2}, sigma_b2 = 0: there is no side to it",
            "the edge is a curve",
        )
    return tuple(_near(phi, point, digits) for point in edge.at_bias(sigma_b2, digits))


def _near(phi: Activation, point: EdgePoint, digits: int) -> NearEdge:
    moments, precision = Moments(phi, digits + _GUARD), digits + _GUARD
    decay = critical_decay(phi, VARIANCE)
    with mp.workdps(precision):
        moved = moments.length(point.q) / (1 - point.length_slope)
        rate = 1 / point.sigma_w2 + point.sigma_w2 * moments.gain_slope(point.q) * moved
        amplitude = number(decay.amplitude, precision, {VARIANCE: point.q})
        return NearEdge(point, rate, mp.mpf(decay.power.p) / decay.power.q, amplitude)
