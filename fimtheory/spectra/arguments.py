"""What the methods of laws accept: arrays of levels, points, probabilities; counts and seeds."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from fimtheory.errors import InputError

_MOST_MOMENTS = 100

Array = np.ndarray
Seed = int | tuple[int, ...]


def require_number(x, name: str, smallest: float, largest: float, wanted: str) -> None:
    """Refuse, with :class:`InputError`, what is not a finite real number in a range."""
    try:
        value = float(x) if isinstance(x, Real) and not isinstance(x, bool) else math.nan
    except OverflowError:
        value = math.inf
    if not (math.isfinite(value) and smallest <= value <= largest):
        raise InputError(f"{name} = {str(x)[:40]} is not possible: give a real number, {wanted}")


def levels(l) -> Array:
    """Real numbers as an array, or :class:`InputError`."""
    l = np.asarray(l, dtype=float)
    if np.isnan(l).any():
        raise InputError("nan is not a level: give real numbers")
    return l


def probabilities(p) -> Array:
    """An array of numbers in [0, 1], or :class:`InputError`."""
    p = np.asarray(p, dtype=float)
    if not np.all((p >= 0) & (p <= 1)):
        raise InputError("a probability is outside [0, 1]: give numbers from 0 to 1")
    return p


def above_axis(z) -> tuple[Array, Array]:
    """Complex numbers reflected into the closed upper half-plane, and which were reflected; reals count as above."""
    z = np.asarray(z, dtype=complex)
    if np.isnan(z).any():
        raise InputError("nan is not a point: give real or complex numbers")
    reflected = np.imag(z) < 0
    return np.real(z) + 1j * np.abs(np.imag(z)), reflected


def moment_count(count: int) -> int:
    """A number of moments, or :class:`InputError`."""
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MOST_MOMENTS:
        raise InputError(f"{count!r} moments are not offered: give a whole number from 1 to {_MOST_MOMENTS}")
    return count


def finite_moments(moments: Array) -> Array:
    """Moments as they are, or :class:`InputError` where they are too large for floats."""
    beyond = np.flatnonzero(~np.isfinite(moments))
    if beyond.size:
        raise InputError(f"moment {beyond[0] + 1} is beyond the range of floats: ask for fewer, or scale the law")
    return moments


def uniform(count: int, size: int, seed: Seed) -> Array:
    """Uniform numbers, shape ``(count, size)``: a row a counter-based stream, so that a longer one begins alike."""
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 0:
        raise InputError(f"{size!r} draws are not possible: give a whole number, 0 or more")
    try:
        sequences = [np.random.SeedSequence(seed, spawn_key=(i,)) for i in range(count)]
    except (TypeError, ValueError):
        raise InputError(
            f"the seed {seed!r} is not possible: give a whole number, 0 or more, or a tuple of them"
        ) from None
    return np.array([np.random.Generator(np.random.Philox(sequence)).random(size) for sequence in sequences])
