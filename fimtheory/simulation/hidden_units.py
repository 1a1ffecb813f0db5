"""Gaussian moments of a layer of hidden units: what an average over inputs leaves of any activation function.

The preactivations h_a = w_a . X of X ~ N(0, I) are jointly Gaussian. Every average over inputs that the Fisher
information needs is one of five expectations E[D^i f(h_a) D^j f(h_d)], for all pairs of units at once. Mehler's series
gives them from the Hermite coefficients of single units, kinks or not, since the correlation of two units is below 1;
the few pairs too close to parallel are integrated in two variables.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fimtheory.errors import InputError

Function = Callable[[Any], Any]

_TAIL = 1e-17  # of the series, relative to the bound of Cauchy and Schwarz on its sum
_MOST_TERMS = 1500  # enough for a correlation of 0.97
_LEAST_SINE2 = 1e-8  # units closer to parallel are refused: with a kink, tr H^2 is a difference of terms as 1/sine^2
_AGREEMENT = 1e-12  # of two successive rules
_LEVELS = 6
_ORDER = 20
_DERIVATIVE = 1e-7  # how well df must be the derivative of f: far above rounding, far below any jump that matters


@dataclass(frozen=True)
class PairMoments:
    """``Eij[a, d] = E[D^i f(h_a) D^j f(h_d)]`` for pairs of different units, each of shape ``(n1, n1)``.

    Two different units obey E[f'(h_a) f'(h_d) X X'] = E11 I + E31[a, d] w_a w_a' + E31[d, a] w_d w_d' +
    E22 (w_a w_d' + w_d w_a') and E[f'(h_a) f(h_d) X] = E11 w_d + E20 w_a (Stein). Derivatives above the first do not
    exist for a single unit. The diagonals of ``E31``, ``E22`` and ``E20`` are those numbers with which the same two
    formulas hold for a = d as well; those of ``E00`` and ``E11`` are E f^2 and E f'^2.
    """

    E00: np.ndarray
    E11: np.ndarray
    E20: np.ndarray
    E22: np.ndarray
    E31: np.ndarray


def pair_moments(W1: np.ndarray, f: Function, df: Function, kinks: Sequence[float] = ()) -> PairMoments:
    """The moments of all pairs of hidden units, rows of ``W1`` of shape ``(n1, n0)``, to about twelve digits.

    ``f`` and its derivative ``df`` map arrays to arrays of the same shape; ``kinks`` are the points at which either is
    not smooth. The cost is a few dozen operations a pair of wide layers. Raises :class:`InputError` where ``df`` is not
    the derivative of ``f`` (a jump of ``f`` is such a case), where a kink is not named or E f'^2 does not exist, and
    where two units are parallel.

    >>> cube = pair_moments(np.array([[1.0, 0.0], [0.6, 0.8]]), lambda h: h**3, lambda h: 3 * h**2)
    >>> float(round(cube.E00[0, 1], 12)), float(round(cube.E22[0, 1], 12))  # 6 c^3 + 9 c and 36 c, at c = 3/5
    (6.696, 21.6)
    """
    if not np.isfinite(kinks).all():
        raise InputError(f"kinks = {list(kinks)}: write finite points")
    scales = np.sqrt(np.einsum("ab,ab->a", W1, W1))
    if not scales.all():
        raise InputError("a hidden unit has no weights, so it never varies: give every row of W1 a non-zero entry")
    correlations = W1 @ W1.T / np.outer(scales, scales)
    np.fill_diagonal(correlations, 0)
    terms = _term_count(np.abs(correlations))
    parallel = np.abs(correlations) > _largest_correlation(terms)
    units = _single_units(f, df, kinks, scales, terms)
    moments = _mehler(units, scales, np.where(parallel, 0, correlations))
    for a, d in np.argwhere(np.triu(parallel)):
        _fill_parallel(moments, a, d, f, df, kinks, scales, float(correlations[a, d]))
    _fill_diagonal(moments, units, scales)
    return moments


def _term_count(correlations: np.ndarray) -> int:
    """How many terms bring the tail of every series below ``_TAIL``, or as many as we are prepared to sum.

    The coefficients of f'' and f''' are those of f' times sqrt(k + 1) and sqrt((k + 1)(k + 2)), shifted; hence, by
    Cauchy and Schwarz, the tail from term K on is at most (K + 2) c^K times the norms, wherever that decreases.
    """
    count = 8  # the comparison of f with df looks at so many coefficients
    largest = correlations.max(initial=0.0)
    while count < _MOST_TERMS and (count + 2) * largest**count > _TAIL:
        count += 1
    return count


def _largest_correlation(terms: int) -> float:
    return (_TAIL / (terms + 2)) ** (1 / terms) if terms == _MOST_TERMS else 1.0


def checked_weights(W1: Any, W2: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both weight matrices in double precision. Raises :class:`InputError` where they make no network."""
    matrices = np.asarray(W1, dtype=float), np.asarray(W2, dtype=float)
    for name, matrix in zip(("W1", "W2"), matrices, strict=True):
        if matrix.ndim != 2 or not matrix.size:
            raise InputError(f"{name} has shape {matrix.shape}: write a matrix with at least one row and one column")
        if not np.isfinite(matrix).all():
            raise InputError(f"{name} has an entry that is not finite: write finite weights")
    if matrices[1].shape[1] != matrices[0].shape[0]:
        raise InputError(
            f"W1 of shape {matrices[0].shape} has {matrices[0].shape[0]} hidden units, W2 of shape {matrices[1].shape} "
            f"reads {matrices[1].shape[1]}: write shapes (n1, n0) and (n2, n1)"
        )
    return matrices


# -- one unit


@dataclass(frozen=True)
class _Units:
    """Moments of single units, and the Hermite coefficients E[g(s Z) He_k(Z)]/sqrt(k!); shapes ``(n1,)``, ``(n1, K)``."""

    square: np.ndarray  # E f^2
    slope: np.ndarray  # E f'^2
    slope_zz: np.ndarray  # E f'^2 Z^2
    mixed: np.ndarray  # E f f' Z
    f: np.ndarray
    df: np.ndarray


def _single_units(f: Function, df: Function, kinks: Sequence[float], scales: np.ndarray, terms: int) -> _Units:
    cuts = np.outer(1 / scales, kinks)

    def table(level: int) -> tuple[np.ndarray, np.ndarray]:
        z, weights = _rule(cuts, level)
        values, slopes = evaluate("f", f, scales[:, None] * z), evaluate("df", df, scales[:, None] * z)
        pairs = (values * values, slopes * slopes, slopes * slopes * z * z, values * slopes * z)
        moments = np.stack([np.einsum("an,an->a", weights, pair) for pair in pairs], axis=1)
        coefficients = [_hermite_sums(weights * g, z, terms + 3) for g in (values, slopes)]
        norms = np.sqrt(moments[:, :2])
        sizes = [norms[:, :1] ** 2, *[norms[:, 1:] ** 2] * 2, norms[:, :1] * norms[:, 1:]]
        sizes += [np.repeat(norms[:, [i]], terms + 3, axis=1) for i in (0, 1)]
        return np.concatenate([moments, *coefficients], axis=1), np.concatenate(sizes, axis=1)

    found = _converged(table)
    units = _Units(*found[:, :4].T, *np.split(found[:, 4:], 2, axis=1))
    _check_derivative(units, scales)
    return units


def _check_derivative(units: _Units, scales: np.ndarray) -> None:
    # Integration by parts, s E f'(sZ) He_k(Z) = E f(sZ) He_(k+1)(Z), misses the delta function at a jump.
    by_parts = np.sqrt(np.arange(1, 7)) * units.f[:, 1:7] / scales[:, None]
    gap = np.abs(units.df[:, :6] - by_parts).max(axis=1)
    if (gap > _DERIVATIVE * (np.sqrt(units.slope) + np.sqrt(units.square) / scales)).any():
        raise InputError("df is not the derivative of f, or f jumps: give a continuous f with its derivative")


def _hermite_sums(values: np.ndarray, z: np.ndarray, terms: int) -> np.ndarray:
    """Sums of values He_k(z)/sqrt(k!) over the last axis, for k < terms; the recurrence is stable."""
    before, now = np.zeros_like(z), np.ones_like(z)
    sums = np.empty((len(z), terms))
    for k in range(terms):
        sums[:, k] = np.einsum("an,an->a", values, now)
        before, now = now, (z * now - math.sqrt(k) * before) / math.sqrt(k + 1)
    return sums


# -- two units


def _mehler(units: _Units, scales: np.ndarray, correlations: np.ndarray) -> PairMoments:
    """sum_k (coefficient of D^i f)_k (coefficient of D^j f)_k c^k, for all pairs."""
    terms = units.f.shape[1] - 3
    k = np.arange(terms)
    f, df = units.f[:, :terms], units.df[:, :terms]
    d2f = units.df[:, 1 : terms + 1] * np.sqrt(k + 1) / scales[:, None]
    d3f = units.df[:, 2 : terms + 2] * np.sqrt((k + 1) * (k + 2)) / scales[:, None] ** 2
    sums = PairMoments(*(np.zeros_like(correlations) for _ in range(5)))
    power = np.ones_like(correlations)
    for u, du, ddu, dddu in zip(f.T, df.T, d2f.T, d3f.T, strict=True):
        for total, left, right in (
            (sums.E00, u, u),
            (sums.E11, du, du),
            (sums.E20, ddu, u),
            (sums.E22, ddu, ddu),
            (sums.E31, dddu, du),
        ):
            total += power * np.multiply.outer(left, right)
        power *= correlations
    return sums


def _fill_diagonal(moments: PairMoments, units: _Units, scales: np.ndarray) -> None:
    """One unit with itself: E f'^2 X X' = E f'^2 I + E f'^2 (Z^2 - 1) w w'/q, E f f' X = (E f f' Z / s) w."""
    np.fill_diagonal(moments.E00, units.square)
    np.fill_diagonal(moments.E11, units.slope)
    np.fill_diagonal(moments.E20, units.mixed / scales - units.slope)
    np.fill_diagonal(moments.E22, 0)
    np.fill_diagonal(moments.E31, (units.slope_zz - units.slope) / (2 * scales**2))


def _fill_parallel(
    moments: PairMoments,
    a: int,
    d: int,
    f: Function,
    df: Function,
    kinks: Sequence[float],
    scales: np.ndarray,
    c: float,
) -> None:
    """Two units close to parallel, at correlation ``c``: from moments in the plane of their weights.

    With X = Z u + T v, u along w_a and v orthogonal to it, Stein's formulas read off the five numbers from moments that
    lose no digits, however small the sine.
    """
    if (1 - c) * (1 + c) < _LEAST_SINE2:
        raise InputError(
            f"hidden units {a} and {d} have correlation {c:.9f}, so kinks of the two coincide: "
            "write n0 >= 2, or draw other weights"
        )
    sine = math.sqrt((1 - c) * (1 + c))
    ff, ss, ss_zz, ss_zt, ss_tt, sf_z, fs_z = _plane_moments(f, df, kinks, scales[a], scales[d], c)
    p, q = scales[a], scales[d]
    third_d = (ss_tt - ss) / (q * sine) ** 2
    second = (ss_zt / sine - third_d * q * q * c) / (p * q)
    third_a = (ss_zz - ss - 2 * second * p * q * c - third_d * (q * c) ** 2) / p**2
    for matrix, upper, lower in (
        (moments.E00, ff, ff),
        (moments.E11, ss, ss),
        (moments.E22, second, second),
        (moments.E31, third_a, third_d),
        (moments.E20, (sf_z - ss * q * c) / p, (fs_z - ss * p) / (q * c)),
    ):
        matrix[a, d], matrix[d, a] = upper, lower


def _plane_moments(f: Function, df: Function, kinks: Sequence[float], p: float, q: float, c: float) -> np.ndarray:
    """E of f f, f' f' (1, Z^2, Z T, T^2), f' f Z and f f' Z, first factor at p Z and second at q (c Z + sine T)."""
    sine = math.sqrt((1 - c) * (1 + c))
    cuts = np.asarray(kinks, dtype=float)
    # Seen through the average over T, a kink of the second unit is a layer of width sine / c in Z.
    layers = np.add.outer(cuts / (q * c), sine / c * np.array([-8, -4, -2, -1, 0, 1, 2, 4, 8])).ravel()
    outer_cuts = np.concatenate([cuts / p, layers])[None]

    def table(level: int) -> tuple[np.ndarray, np.ndarray]:
        z, outer = (row[0] for row in _rule(outer_cuts, level))
        t, inner = _rule((cuts / q - c * z[:, None]) / sine, level)
        u, v = p * z, q * (c * z[:, None] + sine * t)
        left, left_slope = evaluate("f", f, u), evaluate("df", df, u)
        right, right_slope = evaluate("f", f, v), evaluate("df", df, v)
        slope_moments = [np.einsum("zt,zt->z", inner * t**k, right_slope) for k in (0, 1, 2)]
        average = np.einsum("zt,zt->z", inner, right)
        means = [left * average, left_slope * slope_moments[0], left_slope * slope_moments[0] * z * z]
        means += [left_slope * slope_moments[1] * z, left_slope * slope_moments[2]]
        means += [left_slope * average * z, left * slope_moments[0] * z]
        norm = math.sqrt(outer @ left**2 * (outer @ np.einsum("zt,zt->z", inner, right**2)))
        norm += math.sqrt(outer @ left_slope**2 * (outer @ np.einsum("zt,zt->z", inner, right_slope**2)))
        return np.array([outer @ mean for mean in means]), np.full(7, norm)

    return _converged(table)


# -- quadrature


def _rule(cuts: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for standard normal Z, shape ``(rows, nodes)``: Gauss-Legendre panels, cut in each row.

    A level doubles the panels, and reaches further out.
    """
    reach = 12 + 2 * level
    grid = np.linspace(-reach, reach, reach * 2**level + 1)
    edges = np.concatenate([np.broadcast_to(grid, (len(cuts), len(grid))), np.clip(cuts, -reach, reach)], axis=1)
    edges.sort(axis=1)
    t, weight = _legendre()
    half = np.diff(edges, axis=1)[..., None] / 2
    z = edges[:, :-1, None] + half * (1 + t)
    weights = half * weight * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return z.reshape(len(cuts), -1), weights.reshape(len(cuts), -1)


@functools.cache
def _legendre() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(_ORDER)


def _converged(table: Callable[[int], tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The values of a table at the first level that agrees with the one before, relative to its sizes."""
    before, _ = table(0)
    for level in range(1, _LEVELS):
        values, sizes = table(level)
        if (np.abs(values - before) <= _AGREEMENT * sizes).all():
            return values
        before = values
    raise InputError("averages of f and df over a Gaussian do not converge: name every kink, and let E f'^2 be finite")


def evaluate(name: str, function: Function, points: np.ndarray) -> np.ndarray:
    """``function(points)`` in double precision. Raises :class:`InputError` unless it is elementwise and finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.asarray(function(points), dtype=float)
    if values.shape != points.shape:
        raise InputError(
            f"{name} turned an array of shape {points.shape} into shape {values.shape}: it must act elementwise"
        )
    if not np.isfinite(values).all():
        raise InputError(
            f"{name} is not finite at {points[~np.isfinite(values)][0]:.6g}: give a function without poles"
        )
    return values
