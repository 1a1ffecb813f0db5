"""Where the spectrum of a linear pencil begins and ends: folds of the equations of its resolvent on the real axis.

Off the spectrum the unknowns are real functions of z; at an edge two solutions meet, so that the Hessian has a null
vector. Edges are bracketed on a grid, and Newton's method for point and null vector together finds them to rounding.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from fimtheory.errors import NotConverged
from fimtheory.spectra.resolvent import Resolvent

_LEAST = 1e-13  # next to 0, in units of the spectrum
_OCCUPIED = 1e-7  # Im g relative to |g|
_HIDDEN = 1e-10  # the mass between two empty points of the grid that betrays an interval between them
_COMPLEX_STEP = 1e-7  # its square and rounding over it only slow the last steps of Newton's method
_SETTLED, _NEAR = 1e-13, 1e-6  # relative steps of Newton's method in x, which is stationary in u, and in u
_NEXT = 1e-4  # how near a fold is looked for an empty and an occupied point, in units of its bracket
_NEWTON_STEPS, _HALVINGS = 40, 100

Array = np.ndarray
Interval = tuple[float, float]


def intervals(equations: Resolvent, endless: bool, points: int = 100) -> tuple[Interval, ...]:
    """The intervals on which the density is positive; a first one that begins at 0 has a hard edge there.

    All within (0, 1], unless the spectrum is known to be ``endless``: then the last one is, and is no less occupied
    where its density is too small to be seen.
    """
    x = np.unique(np.concatenate([np.geomspace(_LEAST, 1, points // 2), np.linspace(0, 1, points + 1)[1:]]))
    u = equations.solve(x + 0j)
    if endless:
        last = int(np.flatnonzero(occupied(u))[-1])
        x, u = x[: last + 1], u[: last + 1]
    x, u = _with_hidden(equations, *_with_minima(equations, x, u))
    inside = occupied(u)
    found, begin = [], 0.0 if inside[0] else None
    for i in range(len(x) - 1):
        if inside[i + 1] and not inside[i]:
            begin = _edge(equations, x[i], x[i + 1], u[i + 1])
        elif inside[i] and not inside[i + 1] and begin is not None:
            found.append((begin, _edge(equations, x[i + 1], x[i], u[i])))
            begin = None
    if begin is not None:
        found.append((begin, math.inf if endless else 1.0))
    return tuple(found)


def occupied(u: Array) -> Array:
    """Where the density is positive."""
    return np.imag(u[:, -1]) > _OCCUPIED * np.abs(u[:, -1])


def _with_minima(equations: Resolvent, x: Array, u: Array) -> tuple[Array, Array]:
    """The grid, refined where the density dips: gaps may be narrower than its steps."""
    for _ in range(3):
        rho = np.imag(u[:, -1])
        dips = [
            i for i in range(1, len(x) - 1) if rho[i - 1] > rho[i] < rho[i + 1] and occupied(u[i - 1 : i + 2]).all()
        ]
        if not dips:
            break
        x, u = _joined(equations, x, u, np.concatenate([np.linspace(x[i - 1], x[i + 1], 33)[1:-1] for i in dips]))
    return x, u


def _with_hidden(equations: Resolvent, x: Array, u: Array) -> tuple[Array, Array]:
    """The grid, with a point in every interval of the spectrum that lies between two empty points."""
    for _ in range(8):
        mass, empty = equations.phase(u, x), ~occupied(u)
        new = [
            _median(equations, a, b, (p + q) / 2)
            for (a, b), (p, q), (s, t) in zip(pairwise(x), pairwise(mass), pairwise(empty), strict=True)
            if s and t and q - p > _HIDDEN
        ]
        if not new:
            break
        x, u = _joined(equations, x, u, np.array(new))
    return x, u


def _joined(equations: Resolvent, x: Array, u: Array, new: Array) -> tuple[Array, Array]:
    new = np.setdiff1d(new, x)
    x, u = np.concatenate([x, new]), np.concatenate([u, equations.solve(new + 0j)])
    order = np.argsort(x)
    return x[order], u[order]


def _median(equations: Resolvent, low: float, high: float, mass: float) -> float:
    """A point of [low, high] with so much mass below."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        u = equations.solve(np.array([middle + 0j]))
        if occupied(u)[0]:
            return middle
        low, high = (middle, high) if equations.phase(u, np.array([middle]))[0] < mass else (low, middle)
    return (low + high) / 2


def _edge(equations: Resolvent, empty: float, full: float, u: Array) -> float:
    """The edge between an empty and an occupied point, from the solution at the latter.

    A fold may lie on another sheet: it counts only where points next to it, on both sides, are empty and occupied.
    """
    for _ in range(_HALVINGS):
        fold = _fold(equations, np.real(u), full)
        tried = np.array([(empty + full) / 2])
        if fold is not None and min(empty, full) <= fold <= max(empty, full):
            tried = np.array([*tried, fold + _NEXT * (empty - fold), fold + _NEXT * (full - fold)])
        v = equations.solve(tried + 0j)
        inside = occupied(v)
        if fold is not None and len(tried) > 1 and inside[2] and not inside[1]:
            return fold
        if inside.any():
            nearest = np.flatnonzero(inside)[np.abs(tried[inside] - empty).argmin()]
            full, u = float(tried[nearest]), v[nearest]
        beyond = tried[~inside & ((tried - full) * (empty - full) > 0)]
        empty = float(beyond[np.abs(beyond - full).argmin()]) if beyond.size else empty
        if abs(full - empty) <= 1e-14 * abs(full):
            return float(full)
    raise NotConverged("an edge of the spectrum was not found", (empty + full) / 2)


def _fold(equations: Resolvent, u: Array, x: float) -> float | None:
    """The point at which the Hessian is singular, by Newton's method in u, x and the null vector v.

    The derivative of (Hessian v) in u is the derivative of the Hessian along v: a complex step. All unknowns are taken
    in units of where they begin.
    """
    size, unit = len(u), np.abs(u)

    def scaled(u: Array, x: float) -> tuple[Array, Array]:
        gradient, hessian = equations.derivatives(u[None] + 0j, np.array([x]))
        return gradient[0] * unit, hessian[0] * np.outer(unit, unit)

    values, vectors = np.linalg.eigh(np.real(scaled(u, x)[1]))
    v = across = vectors[:, np.argmin(np.abs(values))]
    corner = np.zeros((size, 1))
    corner[-1] = -unit[-1] * x
    start, level, zero = x, 1.0, np.zeros((size, 1))
    for _ in range(_NEWTON_STEPS):
        gradient, h = (np.real(d) for d in scaled(u, start * level))
        bent = np.imag(scaled(u + 1j * _COMPLEX_STEP * v * unit, start * level)[1]) / _COMPLEX_STEP
        jacobian = np.block([[h, corner, 0 * h], [bent, zero, h], [np.zeros((1, size + 1)), across[None]]])
        rest = np.concatenate([gradient, h @ v, [across @ v - 1]])
        if not (np.isfinite(jacobian).all() and np.isfinite(rest).all()):
            return None
        try:
            step = np.linalg.solve(jacobian, rest)
        except np.linalg.LinAlgError:
            return None
        u, level, v = u - step[:size] * unit, level - step[size], v - step[size + 1 :]
        if abs(step[size]) <= _SETTLED * abs(level) and np.all(np.abs(step[:size]) <= _NEAR):
            return float(start * level)
    return None
