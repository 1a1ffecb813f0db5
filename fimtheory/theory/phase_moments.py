r"""The Gaussian moments behind signal propagation, as numbers: m(q) = E phi(sqrt(q) Z)^2, E phi'(sqrt(q) Z)^2, overlaps.

To any number of digits at one point, and in double precision on a grid over twenty decades of q. Derivatives in q need
none of phi: the density of N(0, q) gives d/dq E f(sqrt(q) Z) = E f(U) (U^2/q - 1)/(2q), kinks and jumps or not.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable

import numpy as np
import sympy as sp
from flint import arb
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.emission import emit
from fimtheory.errors import DivergentExpectation, InputError, JumpError, NoClosedForm, NotCertified, NotConverged
from fimtheory.gaussian.certification import significant
from fimtheory.gaussian.enclosure import precision
from fimtheory.gaussian.expansions import Leading
from fimtheory.gaussian.expectation import expectation
from fimtheory.gaussian.field import CORRELATION, VARIANCE
from fimtheory.gaussian.integrals import Expectation, PairExpectation
from fimtheory.gaussian.quadrature import expectation_float
from fimtheory.gaussian.quantity import number

GRID = np.logspace(-10, 10, 401)
# Where an activation may change its character: cuts that keep a narrow structure from falling between the nodes.
_SCALES = tuple(s * 2.0**k for k in range(-3, 5) for s in (-1, 1))


class Moments:
    """The moments of one activation at ``digits`` correct digits; q > 0 and -1 < c < 1 are ``mpf``, taken as exact."""

    def __init__(self, phi: Activation, digits: int) -> None:
        self.phi = phi._require_numbers()
        self.digits = digits

    def length(self, q) -> mp.mpf:
        """E phi(sqrt(q) Z)^2."""
        return self._at(self.phi.second_moment(VARIANCE), q)

    def length_slope(self, q) -> mp.mpf:
        """Its derivative in q."""
        return self._slope(self.phi.expression**2, q, self.length(q))

    def gain(self, q) -> mp.mpf:
        """E phi'(sqrt(q) Z)^2; infinite where phi jumps."""
        try:
            return self._at(self.phi.second_moment_derivative(VARIANCE), q)
        except JumpError:
            return mp.inf

    def gain_slope(self, q) -> mp.mpf:
        """Its derivative in q; :class:`JumpError` where phi jumps."""
        return self._slope(self.phi.derivative.expression**2, q, self.gain(q))

    def overlap(self, q, c) -> mp.mpf:
        """E phi(U) phi(V), variance q and correlation c."""
        return self._at(self.phi.dual(VARIANCE, CORRELATION), q, c)

    def overlap_slope(self, q, c) -> mp.mpf:
        """E phi'(U) phi'(V): the derivative of the overlap in the covariance."""
        return self._at(self.phi.dual_derivative(VARIANCE, CORRELATION), q, c)

    def _slope(self, f: sp.Expr, q, value: mp.mpf) -> mp.mpf:
        weighted = self._at(expectation(f * self.phi.variable**2, self.phi.variable, VARIANCE), q)
        with mp.workdps(self.digits + 5):
            return (weighted / q - value) / (2 * q)

    def _at(self, e: sp.Expr, q, c=None) -> mp.mpf:
        values = {VARIANCE: q} if c is None else {VARIANCE: q, CORRELATION: c}
        if not e.has(Expectation, PairExpectation):
            with contextlib.suppress(NotCertified):
                return _closed(e, values, self.digits)
        return number(e, self.digits, values)


def _closed(e: sp.Expr, values: dict[sp.Symbol, mp.mpf], digits: int) -> mp.mpf:
    """A closed form at numbers, in balls; compiled once, where :func:`number` would compile at every point."""
    function, points = emit(e, list(values), "ball"), [_ball(v) for v in values.values()]

    def compute(decimals: int) -> arb:
        with precision((decimals + 10) * math.log2(10)):
            return function(*points)

    ball = significant(compute, digits)
    with mp.workdps(digits + 15):
        return mp.mpf(0) if ball.contains(0) else mp.mpf(ball.mid().str(digits + 10, radius=False))


def _ball(value: mp.mpf) -> arb:
    sign, mantissa, exponent, _ = value._mpf_
    return arb((int(mantissa) * (-1) ** sign, int(exponent)))


def linear_length(phi: Activation) -> sp.Expr | None:
    """mu, where E phi(sqrt(q) Z)^2 = mu q exactly (ReLU and its kin); None otherwise.

    >>> from fimtheory.activations import activation
    >>> linear_length(activation("relu")), linear_length(activation("tanh"))
    (1/2, None)
    """
    mu = sp.cancel(phi.second_moment(VARIANCE) / VARIANCE)
    return None if mu.has(VARIANCE) else mu


@functools.lru_cache(maxsize=64)
def near_zero(phi: Activation) -> Leading:
    """E phi(sqrt(q) Z)^2 ~ profile q^power as q -> 0; :class:`InputError` where phi does not start like a power."""
    try:
        return phi.small_variance(sp.S.One)
    except NoClosedForm as error:
        raise InputError(f"{error}: short signals are not followed there; take sigma_b2 > 0") from None


@functools.lru_cache(maxsize=16)
def lengths(phi: Activation) -> np.ndarray:
    """E phi(sqrt(q) Z)^2 on :data:`GRID`; infinite from where it exceeds double precision."""
    return _on_grid(length_float(phi), lambda q: Moments(phi, 16).length(q))


@functools.lru_cache(maxsize=16)
def gains(phi: Activation) -> np.ndarray:
    """E phi'(sqrt(q) Z)^2 on :data:`GRID`."""
    phi.second_moment_derivative(VARIANCE)  # refuses jumps
    return _on_grid(_squared(phi, phi.numpy_derivative), lambda q: Moments(phi, 16).gain(q))


def length_float(phi: Activation) -> Callable[[float], float]:
    """E phi(sqrt(q) Z)^2 as a function of q in double precision, relative to itself however small it is."""
    return _squared(phi, phi.numpy)


def _squared(phi: Activation, function: Callable) -> Callable[[float], float]:
    cuts = [*(float(h) for h in phi.kinks), *_SCALES]
    return lambda q: expectation_float(lambda u: np.square(function(u)), q, cuts)


def _on_grid(fast: Callable[[float], float], sure: Callable[[mp.mpf], mp.mpf]) -> np.ndarray:
    """Quadrature up to where it no longer settles (fast oscillations, steep growth); from there what is proven."""
    values, settled = np.full(GRID.size, np.inf), True
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for k, q in enumerate(GRID):
            values[k], settled = _quickly(fast, q) if settled else (np.nan, False)
            if not settled:
                values[k] = _surely(sure, q)
            if not np.isfinite(values[k]):
                values[k:] = np.inf
                break
    return values


def _quickly(fast: Callable[[float], float], q: float) -> tuple[float, bool]:
    try:
        value = fast(q)
    except NotConverged:
        return np.nan, False
    return value, bool(np.isfinite(value))


def _surely(sure: Callable[[mp.mpf], mp.mpf], q: float) -> float:
    try:
        return float(sure(mp.mpf(q)))
    except (DivergentExpectation, NotCertified, NotConverged, OverflowError):
        return np.inf
