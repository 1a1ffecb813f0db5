"""Funk-Hecke coefficients of any activation in double precision: c_k(s), the average of phi(s t) P_k(t) on the sphere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fimtheory.activations import Activation
from fimtheory.errors import InputError

_NEGLIGIBLE = 95.0  # parts of the sphere with a weight below exp(-95) of the largest are left out
_NODES = 32
_SPAN = 6.0  # a panel covers at most this much of the argument s t, so that waves of sin(x) are resolved
_MOST_PANELS = 2000
_TABLE = 24
_HALVINGS = 18
_CHUNK = 2_000_000


def coefficients(
    activation: Activation, d: int, degrees: Sequence[int], s: np.ndarray, refinement: int = 1
) -> np.ndarray:
    """sqrt(N(d, k)) c_k(s) = E[phi(s t) p_k(t)] for all ``degrees`` and ``s``, shape (degrees, *s.shape).

    t is one coordinate of a uniform point of S^(d-1), p_k = sqrt(N(d, k)) P_k are orthonormal under its law: neither d
    nor k makes anything overflow. Gauss-Legendre panels in theta, t = sin theta, graded towards 0 and split at the kinks;
    ``refinement`` multiplies the panels.

    >>> from fimtheory.activations import activation
    >>> float(coefficients(activation("relu"), 3, [2], np.array([1.0]))[0, 0] - 5**0.5 / 16) < 1e-15
    True
    """
    activation._require_numbers()
    s = np.asarray(s, dtype=float)
    flat = s.ravel()
    if d == 1:
        up, down = (np.asarray(activation.numpy(side * flat), dtype=float) for side in (1, -1))
        halves = {0: (up + down) / 2, 1: (up - down) / 2}
        rows = [halves.get(k, np.zeros_like(flat)) for k in degrees]
        return np.array(rows).reshape(len(degrees), *s.shape)
    ends = _end(d)
    base = _graded(ends, float(flat.max(initial=1.0)), refinement)
    kinks = np.array([float(h) for h in activation.kinks if h != 0])
    nodes = _NODES + max(degrees, default=0) // 2
    step = max(1, _CHUNK // ((base.size + kinks.size) * nodes))
    parts = [_block(activation, d, degrees, flat[i : i + step], base, kinks, nodes) for i in range(0, flat.size, step)]
    found = np.concatenate(parts, axis=1).reshape(len(degrees), *s.shape)
    if not np.isfinite(found).all():
        raise InputError(
            f"{activation.name} is not finite at all arguments up to {flat.max():.4g}: take smaller weights"
        )
    return found


def _end(d: int) -> float:
    return np.pi / 2 if d == 2 else float(np.arccos(np.exp(-min(_NEGLIGIBLE / (d - 2), 700.0))))


def _graded(end: float, largest: float, refinement: int) -> np.ndarray:
    """Breakpoints in theta on [-end, end]: halving towards 0 down to 1/s, and no panel wider than a few units of s t."""
    halvings = max(2, int(np.ceil(np.log2(max(largest * end, 2.0)))) + 1)
    outward = end * 2.0 ** -np.arange(halvings, -1, -1)
    pieces = [np.array([0.0])]
    for low, high in zip((0.0, *outward[:-1]), outward, strict=True):
        count = refinement * int(np.ceil((high - low) * largest / _SPAN) or 1)
        pieces.append(np.linspace(low, high, max(count, refinement) + 1)[1:])
    positive = np.concatenate(pieces)
    if positive.size > _MOST_PANELS:
        raise InputError(
            f"pre-activations up to {largest * np.sin(end):.3g} have too many scales: take a smaller weight variance, 1/d"
        )
    return np.concatenate([-positive[:0:-1], positive])


def _block(activation, d, degrees, s, base, kinks, nodes) -> np.ndarray:
    x, w = np.polynomial.legendre.leggauss(nodes)
    if kinks.size:
        with np.errstate(divide="ignore", invalid="ignore"):
            where = np.arcsin(np.clip(kinks / s[:, None], -1, 1))
        where = np.clip(np.nan_to_num(where), base[0], base[-1])
        breaks = np.sort(np.concatenate([np.broadcast_to(base, (s.size, base.size)), where], axis=1), axis=1)
    else:
        breaks = base[None, :]
    low, width = breaks[:, :-1, None], np.diff(breaks, axis=1)[:, :, None]
    theta = (low + width * (x + 1) / 2).reshape(breaks.shape[0], -1)
    weight = (width * w / 2).reshape(breaks.shape[0], -1)
    if d > 2:
        weight = weight * np.exp((d - 2) * np.log(np.cos(theta)))
    weight = weight / weight.sum(axis=1, keepdims=True)
    t = np.sin(theta)
    values = np.asarray(activation.numpy(s[:, None] * t), dtype=float) * weight
    found = np.empty((len(degrees), s.size))
    wanted = {k: i for i, k in enumerate(degrees)}
    before, here = np.zeros_like(t), np.ones_like(t)
    for k in range(max(degrees, default=0) + 1):
        if k in wanted:
            found[wanted[k]] = np.einsum("ij,ij->i", values, np.broadcast_to(here, values.shape))
        before, here = here, (t * here - _recurrence(d, k) * before) / _recurrence(d, k + 1)
    return found


def _recurrence(d: int, k: int) -> float:
    """a_k of t p_{k-1} = a_k p_k + a_{k-1} p_{k-2}."""
    if k <= 1:
        return k / np.sqrt(d)
    return float(np.sqrt(k * (k + d - 3) / ((2 * k + d - 2) * (2 * k + d - 4))))


class Profile:
    """c_k(s) on an interval [0, ``largest``] as a table of polynomials: every degree at every product |w| |x| at once.

    c_k is analytic in s up to s = |h|, h a kink of phi, and around every s at a distance of order s: panels halve towards
    0 and towards the kinks, and 24 Chebyshev nodes in each leave rounding alone. For activations that grow like
    exp(``rate`` |x|) the table is one of exp(-rate s) c_k(s): rounding is then relative to c_k(s) itself.
    """

    def __init__(
        self, activation: Activation, d: int, degrees: Sequence[int], largest: float, refinement: int, rate: float = 0.0
    ) -> None:
        self.largest, self._rate = largest, rate
        self._breaks = _panels(largest, [abs(float(h)) for h in activation.kinks if h != 0])
        angles = np.pi * (np.arange(_TABLE) + 0.5) / _TABLE
        low, width = self._breaks[:-1, None], np.diff(self._breaks)[:, None]
        s = low + width * (np.cos(angles) + 1) / 2
        values = coefficients(activation, d, degrees, s, refinement) * np.exp(-rate * s)
        cosines = np.cos(np.outer(np.arange(_TABLE), angles)) * (2 / _TABLE)
        cosines[0] /= 2
        self._series = values @ cosines.T  # (degrees, panels, Chebyshev coefficients)
        self._unresolved = np.abs(self._series[..., -3:]).max(axis=-1)

    def __call__(self, s: np.ndarray, logarithm: np.ndarray | float = 0.0) -> np.ndarray:
        """sqrt(N(d, k)) c_k(s) exp(``logarithm``) for s up to ``largest``, shape (degrees, *s.shape)."""
        return np.stack([self.row(i, s, logarithm) for i in range(self._series.shape[0])])

    def row(self, i: int, s: np.ndarray, logarithm: np.ndarray | float = 0.0) -> np.ndarray:
        """The same for the degree in place ``i`` alone."""
        panel = self._panel(s)
        low, high = self._breaks[panel], self._breaks[panel + 1]
        scaled = _clenshaw(self._series[i].T, panel, (2 * s - low - high) / (high - low))
        return scaled * np.exp(self._rate * s + logarithm)

    def unresolved(self, i: int, s: np.ndarray, logarithm: np.ndarray | float = 0.0) -> np.ndarray:
        """About how wrong :meth:`row` may be: the last coefficients of a panel, large where phi varies too fast."""
        return self._unresolved[i][self._panel(s)] * np.exp(self._rate * s + logarithm)

    def _panel(self, s: np.ndarray) -> np.ndarray:
        return np.clip(np.searchsorted(self._breaks, s, side="right") - 1, 0, self._breaks.size - 2)


def _clenshaw(series: np.ndarray, panel: np.ndarray, x: np.ndarray) -> np.ndarray:
    after = here = np.zeros_like(x)
    for coefficient in series[:0:-1]:
        here, after = coefficient[panel] + 2 * x * here - after, here
    return series[0][panel] + x * here - after


def _panels(largest: float, kinks: Sequence[float]) -> np.ndarray:
    halvings = 2.0 ** -np.arange(_HALVINGS)
    places = [np.zeros(1), largest * halvings]
    for h in kinks:
        if h < largest:
            places += [np.array([h]), h + (largest - h) * halvings, h - h * halvings]
    breaks = np.unique(np.concatenate(places))
    return breaks[np.concatenate([[True], np.diff(breaks) > 1e-9 * largest])]
