"""Funk-Hecke coefficients of any activation in double precision: c_k(s), the average of phi(s t) P_k(t) on the sphere."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fimtheory.activations import Activation
from fimtheory.errors import InputError

_NEGLIGIBLE = 95.0  # parts of the sphere with a weight below exp(-95) of the largest are left out
_NODES = 32
_SPAN = 6.0  # a panel covers at most this much of the argument s t, so that waves of sin(x) are resolved
_MOST_PANELS = 2000
_TABLE = 24
_HALVINGS = 18
_ROUNDS = 6
_RESOLVED = 4e-15
_MOST_ROWS = 150
_ANGLES = np.pi * (np.arange(_TABLE) + 0.5) / _TABLE
_COSINES = np.cos(np.outer(np.arange(_TABLE), _ANGLES)) * (2 - (np.arange(_TABLE) == 0))[:, None] / _TABLE
_CHUNK = 2_000_000


def coefficients(
    activation: Activation, d: int, degrees: Sequence[int], s: np.ndarray, refinement: int = 1, rate: float = 0.0
) -> np.ndarray:
    """sqrt(N(d, k)) c_k(s) = E[phi(s t) p_k(t)] for all ``degrees`` and ``s``, shape (degrees, *s.shape).

    t is one coordinate of a uniform point of S^(d-1), p_k = sqrt(N(d, k)) P_k are orthonormal under its law: neither d
    nor k makes anything overflow. Gauss-Legendre panels in theta, t = sin theta, graded towards 0 and split at the kinks;
    ``refinement`` multiplies the panels, and an activation that grows like exp(``rate`` |x|) takes them further out.
    Errors are a few roundings of the root mean square of phi(s t), one s at a time where phi grows.

    Raises :class:`InputError` where phi overflows, or a kink or wave is too fine for the range of s.

    >>> from fimtheory.activations import activation
    >>> float(coefficients(activation("relu"), 3, [2], np.array([1.0]))[0, 0] - 5**0.5 / 16) < 1e-15
    True
    """
    activation._require_numbers()
    s = np.asarray(s, dtype=float)
    flat = s.ravel()
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
        found = (
            _on_two_points(activation, degrees, flat)
            if d == 1
            else _on_sphere(activation, d, degrees, flat, refinement, rate)
        )
    if not np.isfinite(found).all():
        raise InputError(
            f"{activation.name} is not finite at all arguments up to {flat.max():.4g}: take smaller weights"
        )
    return found.reshape(len(degrees), *s.shape)


def _on_two_points(activation: Activation, degrees: Sequence[int], s: np.ndarray) -> np.ndarray:
    up, down = (np.asarray(activation.numpy(side * s), dtype=float) for side in (1, -1))
    halves = {0: (up + down) / 2, 1: (up - down) / 2}
    return np.array([halves.get(k, np.zeros_like(s)) for k in degrees])


def _on_sphere(activation, d: int, degrees, s: np.ndarray, refinement: int, rate: float) -> np.ndarray:
    largest = float(s.max(initial=1.0))
    base = _graded(_end(d, rate * largest), largest, refinement)
    kinks = np.array([float(h) for h in activation.kinks if h != 0])
    nodes = _NODES + max(degrees, default=0) // 2
    step = max(1, _CHUNK // ((base.size + kinks.size) * nodes))
    parts = [_block(activation, d, degrees, s[i : i + step], base, kinks, nodes) for i in range(0, s.size, step)]
    return np.concatenate(parts, axis=1)


def _end(d: int, growth: float) -> float:
    """Where the weight of theta is negligible beside exp(-``growth``)."""
    return np.pi / 2 if d == 2 else float(np.arccos(np.exp(-min((_NEGLIGIBLE + growth) / (d - 2), 700.0))))


def _graded(end: float, largest: float, refinement: int) -> np.ndarray:
    """Breakpoints in theta on [-end, end]: halving towards 0 down to 1/s, and no panel wider than a few units of s t."""
    halvings = max(2, int(np.ceil(np.log2(max(largest * end, 2.0)))) + 1)
    outward = end * 2.0 ** -np.arange(halvings, -1, -1)
    counts = refinement * np.maximum(1, np.ceil(np.diff(outward, prepend=0.0) * largest / _SPAN))
    if counts.sum() > _MOST_PANELS:
        raise InputError(
            f"pre-activations up to {largest * np.sin(end):.3g} have too many scales: take a smaller weight variance, 1/d"
        )
    pieces = [np.zeros(1)]
    for low, high, count in zip((0.0, *outward[:-1]), outward, counts, strict=True):
        pieces.append(np.linspace(low, high, int(count) + 1)[1:])
    positive = np.concatenate(pieces)
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
    if d > 2:  # cos(theta) itself would leave few digits of a power as large as d
        weight = weight * np.exp((d - 2) * np.log1p(-2 * np.sin(theta / 2) ** 2))
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
    0 and towards the kinks, and 24 Chebyshev nodes in each leave rounding alone; waves take more panels.

    For activations that grow like exp(``rate`` |x|) the table is one of c_k over their common growth, that of a Bessel
    function of rate s: what is left varies slowly, and rounding is relative to c_k(s) itself.
    """

    def __init__(
        self, activation: Activation, d: int, degrees: Sequence[int], largest: float, refinement: int, rate: float = 0.0
    ) -> None:
        self.largest, self._rate, self._order = largest, rate, max(d / 2 - 1, 0.0)
        shown = [*degrees, *(k for k in (0, 1) if k not in degrees)]  # the size of phi, for what rounding is
        breaks = _panels(largest, [abs(float(h)) for h in activation.kinks if h != 0])

        def fitted(low: np.ndarray, width: np.ndarray) -> np.ndarray:
            s = low[:, None] + width[:, None] * (np.cos(_ANGLES) + 1) / 2
            values = coefficients(activation, d, shown, s, refinement, rate) * np.exp(-self._growth(s))
            return values @ _COSINES.T

        self._low, self._width, series = _halved(fitted, breaks[:-1], np.diff(breaks))
        self._series = series[: len(degrees)]
        self._unresolved = np.abs(self._series[..., -3:]).max(axis=-1)

    def __call__(self, s: np.ndarray, logarithm: np.ndarray | float = 0.0) -> np.ndarray:
        """sqrt(N(d, k)) c_k(s) exp(``logarithm``) for s up to ``largest``, shape (degrees, *s.shape)."""
        return np.stack([self.row(i, s, logarithm) for i in range(self._series.shape[0])])

    def row(self, i: int, s: np.ndarray, logarithm: np.ndarray | float = 0.0) -> np.ndarray:
        """The same for the degree in place ``i`` alone."""
        panel = self._panel(s)
        scaled = _clenshaw(self._series[i].T, panel, 2 * (s - self._low[panel]) / self._width[panel] - 1)
        return scaled * np.exp(self._growth(s) + logarithm)

    def unresolved(self, i: int, s: np.ndarray, logarithm: np.ndarray | float = 0.0) -> np.ndarray:
        """About how wrong :meth:`row` may be: the last coefficients of a panel, large where phi varies too fast."""
        return self._unresolved[i][self._panel(s)] * np.exp(self._growth(s) + logarithm)

    def _growth(self, s: np.ndarray) -> np.ndarray | float:
        """log E exp(rate s t), to the leading order of large s or large d."""
        if self._rate == 0:
            return 0.0
        v, root = self._order, np.hypot(self._order, self._rate * s)
        return root - v - (v * np.log((v + root) / (2 * v)) if v > 0 else 0.0)

    def _panel(self, s: np.ndarray) -> np.ndarray:
        return np.maximum(np.searchsorted(self._low, s, side="right") - 1, 0)


def _halved(fitted: Callable, low: np.ndarray, width: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Panels, and their coefficients (degrees, panels, coefficients): wide ones are halved until they resolve waves."""
    series, finest = fitted(low, width), width.max() * 2.0**-_ROUNDS
    for _ in range(_ROUNDS):
        size = np.maximum.accumulate(np.abs(series).max(axis=(0, 2)))
        rough = (np.abs(series[..., -3:]).max(axis=(0, 2)) > _RESOLVED * size) & (width > 1.5 * finest)
        if not rough.any() or low.size + rough.sum() > _MOST_ROWS:
            break
        half = width[rough] / 2
        new = np.concatenate([low[rough], low[rough] + half]), np.concatenate([half, half])
        low, width = np.concatenate([low[~rough], new[0]]), np.concatenate([width[~rough], new[1]])
        series, order = np.concatenate([series[:, ~rough], fitted(*new)], axis=1), np.argsort(low)
        low, width, series = low[order], width[order], series[:, order]
    return low, width, series


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
