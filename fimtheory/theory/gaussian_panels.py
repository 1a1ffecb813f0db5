"""Gauss-Legendre rules for the standard Gaussian on panels that are cut at kinks, a row of cuts at a time."""

from __future__ import annotations

import math

import numpy as np

_ORDER = 20  # nodes a panel


def edges(step: float, reach: float, cuts: np.ndarray) -> np.ndarray:
    """Ends of panels of one width on [-reach, reach], and the cuts of each row among them; shape (rows, panels + 1)."""
    grid = np.arange(-reach, reach + step / 2, step)
    inside = np.clip(cuts, -reach, reach)
    return np.sort(np.concatenate([np.broadcast_to(grid, (len(inside), len(grid))), inside], axis=1), axis=1)


def rule(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on panels between the ends, along the last axis.

    >>> z, weight = rule(edges(1.0, 9.0, np.zeros((1, 0))))
    >>> float((z**2 @ weight[0]).round(12)[0])
    1.0
    """
    t, w = np.polynomial.legendre.leggauss(_ORDER)
    half = np.diff(ends)[..., None] / 2
    z = ends[..., :-1, None] + half * (1 + t)
    weight = half * w * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return z.reshape(*ends.shape[:-1], -1), weight.reshape(*ends.shape[:-1], -1)
