r"""The mean largest eigenvalue of the Gaussian orthogonal ensemble, at any size.

G is symmetric of size C with independent Gaussian entries, variance 1 off the diagonal and 2 on it; its eigenvalues
have the density prod_{i<j} |x_i - x_j| prod_i exp(-x_i^2/4). The probability that all lie below t is a Pfaffian of
integrals over pairs of oscillator functions (de Bruijn 1955), the square root of a determinant.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy.special import erfc

from fimtheory.errors import InputError

_LARGEST_SIZE = 100  # of the determinant; beyond it the edge law is right to 2e-4
_TRACY_WIDOM_MEAN = -1.2065335745820  # of the law for beta = 1 (Bornemann 2010)
_ORDER, _PANEL = 16, 0.5


@functools.cache
def mean_largest_eigenvalue(size: int) -> float:
    """g_C = E of the largest eigenvalue; the same for G less its mean eigenvalue, which has mean zero.

    To twelve digits up to size 100. Beyond, from the law of the edge, 2 sqrt(n) - 1.20653 n^(-1/6) with n = C - 1/2,
    which is 2e-4 off at 100 and closer for larger sizes. Raises :class:`InputError`.

    >>> round(mean_largest_eigenvalue(2) ** 2, 12) == round(math.pi / 2, 12)  # the radius of two Gaussian coordinates
    True
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise InputError(f"size = {size!r} is no size of a matrix: give a whole number from 1")
    if size == 1:
        return 0.0
    if size > _LARGEST_SIZE:
        return 2 * math.sqrt(size - 0.5) + _TRACY_WIDOM_MEAN * (size - 0.5) ** (-1 / 6)
    nodes, weights, below = _grid(2 * math.sqrt(size) + 10)
    probability = _all_below(size, nodes, weights, below)
    return float((np.where(nodes > 0, 1 - probability, -probability) * weights).sum())


def _grid(reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes and weights on panels of (-reach, reach), shape (panels, order), and integrals up to each node of a panel."""
    t, w = np.polynomial.legendre.leggauss(_ORDER)
    antiderivatives = [
        np.polynomial.legendre.legval(t, np.polynomial.legendre.legint(unit, lbnd=-1)) for unit in np.eye(_ORDER)
    ]
    panels = 2 * math.ceil(reach / _PANEL)  # an even number: 0 is an end
    half = reach / panels
    middles = np.linspace(-reach + half, reach - half, panels)
    up_to = np.linalg.solve(np.polynomial.legendre.legvander(t, _ORDER - 1).T, np.array(antiderivatives)).T
    return middles[:, None] + half * t, np.broadcast_to(half * w, (panels, _ORDER)), half * up_to


def _all_below(size: int, nodes: np.ndarray, weights: np.ndarray, below: np.ndarray) -> np.ndarray:
    """P(largest <= t) at every node t, shape of nodes."""
    functions, primitives = _oscillator(size, nodes)
    pairs = functions[None] * primitives[:, None]
    pairs = pairs - pairs.swapaxes(0, 1)
    panels = (pairs * weights).sum(axis=-1)
    before = np.cumsum(panels, axis=-1) - panels
    antisymmetric = before[..., None] + pairs @ below.T
    logarithm = _log_determinants(antisymmetric, primitives)
    whole = _log_determinants(
        panels.sum(axis=-1)[..., None, None], (functions * weights).sum(axis=(1, 2))[:, None, None]
    )
    return np.exp((logarithm - whole) / 2)


def _oscillator(size: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The orthonormal He_k(x) exp(-x^2/4) for k < size, and their integrals from -oo, by their recurrences."""
    functions = [np.exp(-x * x / 4) / (2 * math.pi) ** 0.25]
    primitives = [(math.pi / 2) ** 0.25 * erfc(-x / 2)]
    last = last_primitive = np.zeros_like(x)
    for k in range(size - 1):
        following = (x * functions[-1] - math.sqrt(k) * last) / math.sqrt(k + 1)
        primitive = (math.sqrt(k) * last_primitive - 2 * functions[-1]) / math.sqrt(k + 1)
        last, last_primitive = functions[-1], primitives[-1]
        functions.append(following)
        primitives.append(primitive)
    return np.array(functions), np.array(primitives)


def _log_determinants(antisymmetric: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Logarithms of the determinants of the matrices (C, C, ...), bordered by (C, ...) where C is odd."""
    size = len(antisymmetric)
    matrices = np.zeros((*antisymmetric.shape[2:], size + size % 2, size + size % 2))
    matrices[..., :size, :size] = np.moveaxis(antisymmetric, (0, 1), (-2, -1))
    if size % 2:
        matrices[..., :size, size] = np.moveaxis(border, 0, -1)
        matrices[..., size, :size] = -np.moveaxis(border, 0, -1)
    signs, logarithms = np.linalg.slogdet(matrices)
    return np.where(signs > 0, logarithms, -np.inf)  # far below all eigenvalues the determinant is lost in rounding
