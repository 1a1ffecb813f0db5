r"""The plane of (sigma_w^2, sigma_b^2) in arrays: chi_1 where signals settle, the edge of chaos, lines of equal depth.

Nothing is solved for on the lines. Beside the edge, which is a curve in the length q, the ordered phase is a chart
in (q, chi_1), sigma_w^2 = chi_1/E phi'^2, and the chaotic phase one in (q, c*):

    sigma_w^2 = q (1 - c*)/(E phi^2 - I_phi[q, c* q]),      sigma_b^2 = q - sigma_w^2 E phi^2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fimtheory.activations import Activation
from fimtheory.emission import emit
from fimtheory.errors import InputError
from fimtheory.gaussian.field import CORRELATION, VARIANCE
from fimtheory.theory.phase_edge import edge_of_chaos
from fimtheory.theory.phase_moments import GRID, gains, lengths
from fimtheory.theory.phases import settled

Array = np.ndarray
Line = tuple[Array, Array]  # sigma_w^2 and sigma_b^2; NaN interrupts
Curve = tuple[Array, Array, Array]  # the length, sigma_w^2 and sigma_b^2

DEPTHS = (2.0, 5.0, 10.0, 20.0, 50.0)
_LOG = np.log(GRID)
_CHUNK = 2048
_FIRST_LAYERS = 60
_FINE = np.exp(np.linspace(_LOG[0], _LOG[-1], 2001))
_NODES = (1 - np.cos(np.pi * np.arange(1, 10) / 9)) / 2  # of sqrt(1 - c)
_ROOTS = np.linspace(0, 1, 201)
_LENGTHS = 20  # at which the chaotic phase is computed, over two decades below the longest that occurs
_ROUNDING = 1e-6  # below zero by less than this, relative to q, an interpolated bias is zero
_SAME = 0.1  # in ln q: two lengths are the same fixed point


@dataclass(frozen=True)
class PhaseDiagram:
    """``chi1`` and ``unbounded`` on the grid, shape (len(sigma_b2), len(sigma_w2)); lines of equal xi_c by depth."""

    sigma_w2: Array
    sigma_b2: Array
    chi1: Array
    unbounded: Array
    edge: Line
    depths: dict[float, list[Line]]

    def __repr__(self) -> str:
        ends = (self.sigma_w2[0], self.sigma_w2[-1], self.sigma_b2[0], self.sigma_b2[-1])
        return "<PhaseDiagram: sigma_w2 from {:g} to {:g}, sigma_b2 from {:g} to {:g}>".format(*ends)


def phase_diagram(
    phi: Activation, sigma_w2: tuple[float, float], sigma_b2: tuple[float, float], points: int = 201
) -> PhaseDiagram:
    """The phases of an activation over ranges of both variances, for drawing: lengths to 10^-3, depths to a per cent.

    *Holds when*: as :func:`fimtheory.theory.phases.phase`, for inputs of norm 1. Raises :class:`InputError` for empty
    ranges and free parameters, :class:`JumpError` where phi jumps.

    >>> from fimtheory.activations import activation
    >>> diagram = phase_diagram(activation("relu"), (1, 3), (0, 1), points=5)
    >>> diagram.chi1[2].round(12).tolist(), diagram.unbounded[2].tolist()
    ([0.5, 0.75, 1.0, 1.25, 1.5], [False, False, True, True, True])
    """
    phi._require_numbers()
    for name, (low, high) in (("sigma_w2", sigma_w2), ("sigma_b2", sigma_b2)):
        if not 0 <= low < high <= 1e6:
            raise InputError(f"the range of {name} from {low:g} to {high:g} is empty: give 0 <= low < high <= 10^6")
    w, b = np.linspace(*sigma_w2, points), np.linspace(*sigma_b2, points)
    grid = np.meshgrid(w, b)
    q, unbounded = reached_lengths(phi, *grid)
    chi1 = grid[0] * np.interp(np.log(q), _LOG, gains(phi))
    depths = {depth: [_reached_part(phi, *_ordered(phi, depth))] for depth in DEPTHS}
    for depth, curves in _chaotic(phi, DEPTHS, w[-1], b[-1]).items():
        depths[depth] += [_reached_part(phi, *curve) for curve in curves]
    return PhaseDiagram(w, b, chi1, unbounded, _edge(phi), depths)


def _edge(phi: Activation) -> Line:
    edge = edge_of_chaos(phi)
    if edge.is_point:
        return edge.weight_on_grid()[:1], np.zeros(1)
    return _reached_part(phi, *_ordered(phi, np.inf))


def reached_lengths(phi: Activation, sigma_w2: Array, sigma_b2: Array) -> tuple[Array, Array]:
    """Where lengths settle from sigma_w^2 + sigma_b^2, by interpolation, and where they grow without bound instead."""
    w, b = (np.ravel(v).astype(float) for v in (sigma_w2, sigma_b2))
    q, unbounded = np.empty(w.size), np.empty(w.size, bool)
    for start in range(0, w.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        q[part], unbounded[part] = _reached(lengths(phi), w[part], b[part])
    return q.reshape(sigma_w2.shape), unbounded.reshape(sigma_w2.shape)


def _reached(length: Array, w: Array, b: Array) -> tuple[Array, Array]:
    """The next zero of V(q)/q - 1 above or below, after some layers that may jump over others."""
    excess = (w[:, None] * length + b[:, None]) / GRID - 1
    rows = np.arange(w.size)
    first = np.searchsorted(GRID, settled(w, b, length, w + b, _FIRST_LAYERS)).clip(0, GRID.size - 1)
    rising = excess[rows, first] > 0
    columns = np.arange(GRID.size)
    not_rising = (excess <= 0) & (columns >= first[:, None])
    still_rising = (excess > 0) & (columns <= first[:, None])
    right = np.where(rising, not_rising.argmax(axis=1), GRID.size - still_rising[:, ::-1].argmax(axis=1))
    unbounded, vanishing = rising & ~not_rising.any(axis=1), ~rising & ~still_rising.any(axis=1)
    right = np.clip(right, 1, GRID.size - 1)
    before, after = excess[rows, right - 1], excess[rows, right]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip(np.where(np.isfinite(after), before / (before - after), 0), 0, 1)
    q = np.exp(_LOG[right - 1] + share * (_LOG[right] - _LOG[right - 1]))
    return np.where(unbounded, GRID[-1], np.where(vanishing, GRID[0], q)), unbounded


def _reached_part(phi: Activation, q: Array, w: Array, b: Array) -> Line:
    """A curve without the points that do not exist or that signals do not reach."""
    exists = np.isfinite(w) & np.isfinite(b) & (b >= 0)
    w, b = np.where(exists, w, np.nan), np.where(exists, b, np.nan)
    at, unbounded = reached_lengths(phi, np.nan_to_num(w), np.nan_to_num(b))
    gone = unbounded | (np.abs(np.log(at / q)) > _SAME)
    return np.where(gone, np.nan, w), np.where(gone, np.nan, b)


def _ordered(phi: Activation, depth: float) -> Curve:
    """(q, sigma_w^2, sigma_b^2) with chi_1 = exp(-1/depth)."""
    length, gain = (_refined(values) for values in (lengths(phi), gains(phi)))
    w = np.exp(-1 / depth) / gain
    bias = _FINE - w * length
    return _FINE, w, np.where(np.abs(bias) < _ROUNDING * _FINE, 0.0, bias)


def _refined(values: Array) -> Array:
    """Positive values on the finer grid; NaN where there are none."""
    from scipy.interpolate import CubicSpline

    there = np.isfinite(values) & (values > 0)
    return np.exp(CubicSpline(_LOG[there], np.log(values[there]), extrapolate=False)(np.log(_FINE)))


def _chaotic(phi: Activation, depths: Sequence[float], most_w: float, most_b: float) -> dict[float, list[Curve]]:
    """The same for C'(c*) = exp(-1/depth), along c* from 1 to 0; several curves, where one c* has several lengths."""
    from scipy.interpolate import CubicSpline

    chosen = _lengths_in(phi, most_w, most_b)
    if len(chosen) < 4:
        return {}
    dual, slope = (emit(e, [VARIANCE, CORRELATION]) for e in _overlaps(phi))
    charts = np.array([_chart(phi, k, dual, slope) for k in chosen])
    log_q = np.linspace(_LOG[chosen[0]], _LOG[chosen[-1]], 401)
    secants, slopes = np.moveaxis(CubicSpline(_LOG[chosen], charts)(log_q), 1, 0)
    w = 1 / secants
    b = np.exp(log_q)[:, None] - w * CubicSpline(_LOG[chosen], lengths(phi)[chosen])(log_q)[:, None]
    surface = np.array(np.broadcast_arrays(log_q[:, None], w, b))
    return {depth: _level_curves(slopes / secants - np.exp(-1 / depth), surface) for depth in depths}


def _overlaps(phi: Activation) -> tuple:
    return phi.dual(VARIANCE, CORRELATION), phi.dual_derivative(VARIANCE, CORRELATION)


def _lengths_in(phi: Activation, most_w: float, most_b: float) -> list[int]:
    """Points of the grid at which a chaotic phase within the ranges is possible."""
    edge = edge_of_chaos(phi)
    with np.errstate(invalid="ignore"):
        possible = (edge.weight_on_grid() < most_w) & (most_w * lengths(phi) + most_b > GRID)
    if edge.is_point or not possible.any():
        return []
    last = int(np.flatnonzero(possible)[-1])
    chosen = np.linspace(np.searchsorted(GRID, GRID[last] / 100), last, _LENGTHS).round().astype(int)
    return [int(k) for k in np.unique(chosen) if possible[k]]


def _chart(phi: Activation, k: int, dual: Callable, slope: Callable) -> Array:
    """1/sigma_w^2 and I_phi' at the k-th length of the grid, as functions of sqrt(1 - c*): shape (2, len(_ROOTS))."""
    q, length, gain, c = GRID[k], lengths(phi)[k], gains(phi)[k], 1 - _NODES**2
    secant = (length - dual(q, c)) / (q * (1 - c))
    nodes = np.concatenate([[0.0], _NODES])
    fits = (np.polynomial.Chebyshev.fit(nodes, [gain, *values], len(_NODES)) for values in (secant, slope(q, c)))
    return np.array([fit(_ROOTS) for fit in fits])


def _level_curves(values: Array, surface: Array) -> list[Curve]:
    """Where values (a row a length, a column a correlation) vanish on a surface of (ln q, sigma_w^2, sigma_b^2)."""
    changes = (values[1:] > 0) != (values[:-1] > 0)
    order, columns, curves = changes.cumsum(axis=0), np.arange(values.shape[1]), []
    for rank in range(1, int(order.max(initial=0)) + 1):
        here = changes & (order == rank)
        row = here.argmax(axis=0)
        before, after = values[row, columns], values[row + 1, columns]
        share = np.where(here.any(axis=0), before / np.where(before == after, np.nan, before - after), np.nan)
        log_q, w, b = surface[:, row, columns] + share * (surface[:, row + 1, columns] - surface[:, row, columns])
        q = np.exp(log_q)
        curves.append((q, w, np.where(np.abs(b) < 1e-4 * q, 0.0, b)))
    return curves
