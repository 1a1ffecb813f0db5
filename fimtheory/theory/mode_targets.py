"""What a network is to learn, in the modes of its kernel: harmonics, a teacher neuron, or any function of x_1 and |x|."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import sympy as sp

from fimtheory.activations import Activation, activation
from fimtheory.errors import InputError
from fimtheory.gaussian.quantity import number
from fimtheory.theory.funk_hecke import coefficients
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_clusters import KernelMode

MOST_DIMENSIONS = 1000  # of the points at which a function is evaluated
_ANGLES = 200
_SYMMETRIC = 1e-8

Key = int | tuple[int, int] | KernelMode
Teacher = str | sp.Expr | Activation
Function = Callable[[np.ndarray], object]


@dataclass(frozen=True)
class Target:
    """The norm of f* in each mode, and ``remainder``, the mean square of what lies in none of them."""

    coefficients: dict[KernelMode, float]
    remainder: float = 0.0


def mode_of(modes: KernelModes, key: Key) -> KernelMode:
    """The mode of a degree (its largest), of (degree, index), or the mode itself; :class:`InputError` where there is none.

    >>> mode_of(KernelModes("relu", 3), 2).eigenvalue
    9/256
    """
    if isinstance(key, KernelMode):
        wanted = key.degree, key.index
    elif isinstance(key, tuple):
        wanted = key
    else:
        wanted = key, 0
    for mode in modes.modes:
        if (mode.degree, mode.index) == wanted:
            return mode
    raise InputError(
        f"{_named(key)} is no mode of {modes.activation.name}: write a degree from 0 to {modes.degrees}, or (degree, index)"
    )


def _named(key: Key) -> str:
    return f"degree {key.degree}, index {key.index}" if isinstance(key, KernelMode) else repr(key)


def project(modes: KernelModes, target: Mapping[Key, float] | Teacher | Function) -> Target:
    """A target in the modes of a kernel.

    A mapping {degree, (degree, index) or mode: norm} is taken as it is. A formula psi, or an activation, is the teacher
    neuron psi(u . x), |u| = 1. A function is called with points of shape (n, d), and has to be one of x_1 and |x| alone.
    Raises :class:`InputError`.

    >>> found = project(KernelModes("relu", 3), "relu")  # the neuron has sqrt(N lambda) in each degree, times 1/E|w|^2
    >>> [round(c**2 / (m.multiplicity * m.value) * 3, 10) for m, c in found.coefficients.items() if m.value]
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    if isinstance(target, Mapping):
        return Target({mode_of(modes, key): _norm(key, value) for key, value in target.items()})
    if isinstance(target, str | sp.Expr | Activation):
        return _neuron(modes, activation(target))
    if callable(target):
        return _zonal(modes, target)
    raise InputError(
        f"target {target!r} is no function: write {{degree: norm}}, a formula in x, or a function of points"
    )


def _norm(key: Key, value: float) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = np.nan
    if not np.isfinite(found):
        raise InputError(f"the norm {value!r} of {_named(key)} is no finite number: write one, as 1.0")
    return found


def _neuron(modes: KernelModes, psi: Activation) -> Target:
    psi._require_numbers()
    rho, masses = modes.inputs.nodes()
    square = _square_of(psi, modes)
    return _projected(modes, lambda degrees: coefficients(psi, modes.dimension, degrees, rho), rho, masses, square)


def _square_of(psi: Activation, modes: KernelModes) -> float:
    """E psi(u . x)^2."""
    if not modes.inputs.fixed:
        return float(number(psi.second_moment(1), 17))
    square = Activation(psi.expression**2, f"{psi.name} squared")
    return float(coefficients(square, modes.dimension, [0], modes.inputs.nodes()[0])[0, 0])


def _zonal(modes: KernelModes, function: Function) -> Target:
    d = modes.dimension
    if d > MOST_DIMENSIONS:
        raise InputError(f"functions are evaluated in at most {MOST_DIMENSIONS} dimensions, not {d}: write a formula")
    rho, masses = modes.inputs.nodes()
    t, weights = _angles(d)
    values = _values(function, rho, t, d)
    square = float(masses @ values**2 @ weights)

    def found(degrees: list[int]) -> np.ndarray:
        rows = orthonormal(d, max(degrees), t)
        return np.array([values @ (weights * rows[k]) for k in degrees])

    return _projected(modes, found, rho, masses, square)


def _projected(
    modes: KernelModes, found: Callable[[list[int]], np.ndarray], rho: np.ndarray, masses: np.ndarray, square: float
) -> Target:
    """From E[f* p_k(x_1/|x|)] at every length, of shape (degrees, lengths)."""
    degrees = sorted({mode.degree for mode in modes.modes})
    by_degree = dict(zip(degrees, found(degrees), strict=True))
    parts = {
        mode: float(masses @ (by_degree[mode.degree] * modes.input_profile(mode)(rho)))
        for mode in modes.modes
        if mode.value > 0
    }
    return Target(parts, max(0.0, square - sum(c**2 for c in parts.values())))


def orthonormal(d: int, last: int, t: np.ndarray) -> np.ndarray:
    """p_0, ..., p_last at t, orthonormal under the law of one coordinate of a uniform point of S^(d-1), from d = 2 on."""
    rows = [np.ones_like(t), np.sqrt(d) * t]
    for k in range(2, last + 1):
        rows.append((t * rows[-1] - _step(d, k - 1) * rows[-2]) / _step(d, k))
    return np.array(rows[: last + 1])


def _step(d: int, k: int) -> float:
    """a_k of t p_{k-1} = a_k p_k + a_{k-1} p_{k-2}."""
    return 1 / np.sqrt(d) if k == 1 else float(np.sqrt(k * (k + d - 3) / ((2 * k + d - 2) * (2 * k + d - 4))))


def _angles(d: int) -> tuple[np.ndarray, np.ndarray]:
    """t = x_1/|x| and masses: Gauss-Legendre in the angle, on either side of t = 0."""
    if d == 1:
        return np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    x, w = np.polynomial.legendre.leggauss(_ANGLES)
    end = np.pi / 2 if d < 8 else min(np.pi / 2, 14 / np.sqrt(d - 2))  # beyond, less than exp(-98) of the sphere
    theta = np.concatenate([(x - 1) / 2, (x + 1) / 2]) * end
    masses = np.tile(w, 2) * np.cos(theta) ** (d - 2)
    return np.sin(theta), masses / masses.sum()


def _values(function: Function, rho: np.ndarray, t: np.ndarray, d: int) -> np.ndarray:
    """The function at every length and angle, shape (lengths, angles), the same in two directions across the axis."""
    across = np.random.Generator(np.random.Philox(0)).standard_normal((2, max(d - 1, 1)))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    found = []
    for direction in across:
        points = np.multiply.outer(rho, t)[..., None] * np.eye(d)[0]
        points[..., 1:] += np.multiply.outer(rho, np.sqrt(1 - t**2))[..., None] * direction[: d - 1]
        values = np.asarray(function(points.reshape(-1, d)), dtype=float)
        if values.shape != (rho.size * t.size,) or not np.isfinite(values).all():
            raise InputError(
                f"the target has values of shape {values.shape} on {rho.size * t.size} points: return a finite number each"
            )
        found.append(values.reshape(rho.size, t.size))
    if np.abs(found[0] - found[1]).max() > _SYMMETRIC * np.abs(found[0]).max(initial=1e-300):
        raise InputError("the target depends on more than x_1 and |x|: write its norm in each degree, as {1: 1.0}")
    return found[0]
