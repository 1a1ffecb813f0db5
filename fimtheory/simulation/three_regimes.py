"""One hidden layer with as many units as dimensions, averaged over all inputs; and many units on a few inputs that overlap.

Observables of one network, m units with weights N(0, I_d/d), K = E_x f(Wx) f(Wx)' over x ~ N(0, I_d):

- ``regimes.bulk.moment[k]``, ``regimes.bulk.stieltjes[x]``: the mean of t^k, or of 1/(x - t), over all eigenvalues t of K
  but the largest;
- ``regimes.top``: the largest eigenvalue of K over m; ``regimes.pair``: the mean of the two largest of K;
- ``regimes.overlap[c]``: the largest eigenvalue of (1/N) sum_n f(W x_n) f(W x_n)' over N inputs of length sqrt(d), any two
  of which have the correlation c.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.control_variates import LEAST, wishart_traces, without_controls
from fimtheory.simulation.hidden_units import evaluate
from fimtheory.simulation.measurements import Measurements, Progress, Seed, check_ensemble, collect, generator

Array = np.ndarray
Function = Callable[[Array], Array]

_NAME = re.compile(r"regimes\.(bulk\.moment|bulk\.stieltjes|top|pair|overlap)(?:\[([^\[\]]+)\])?")
_REACH, _PANELS = 11.0, 32  # a standard normal variable beyond has no weight in double precision
_MOST_TERMS = 200
_TAIL = 1e-16


@dataclass(frozen=True)
class RegimeNetwork:
    """m units over m/``aspect`` dimensions, with a function f whose ``kinks`` are named; ``samples`` inputs overlap."""

    f: Function
    kinks: tuple[float, ...] = ()
    aspect: float = 0.5
    samples: int = 20

    def dimension(self, m: int) -> int:
        """d, rounded."""
        return max(2, round(m / self.aspect))


def averaged_kernel(weights: Array, f: Function, kinks: Sequence[float] = ()) -> Array:
    """K = E_x f(Wx) f(Wx)' over x ~ N(0, I_d), for ``weights`` W of shape (m, d): shape (m, m).

    Mehler's series, of as many terms as the largest correlation of two units asks for, at most 200: exact to rounding
    below a correlation of 0.8. The neglected part is positive semi-definite. The diagonal is integrated directly.

    >>> averaged_kernel(np.array([[0.6, 0.8], [1.0, 0.0]]), lambda h: h**2).round(12)
    array([[3.  , 1.72],
           [1.72, 3.  ]])
    """
    lengths = np.linalg.norm(weights, axis=1)
    correlations = weights @ weights.T / np.outer(lengths, lengths)
    np.fill_diagonal(correlations, 0)
    largest = float(np.abs(correlations).max(initial=0.0))
    coefficients, squares = _hermite(lengths, f, np.asarray(kinks, float), _terms(largest))
    kernel, power = np.zeros_like(correlations), np.ones_like(correlations)
    for k, b in enumerate(coefficients.T):
        if largest**k * np.abs(b).max() ** 2 > _TAIL * squares.max():  # every other one vanishes for many f
            kernel += power * np.outer(b, b)
        power *= correlations
    np.fill_diagonal(kernel, squares)
    return kernel


def _terms(largest: float) -> int:
    if largest == 0:
        return 1
    return min(_MOST_TERMS, 2 + int(np.ceil(np.log(_TAIL) / np.log(min(largest, 0.999)))))


def _hermite(lengths: Array, f: Function, kinks: Array, terms: int) -> tuple[Array, Array]:
    """E[f(s Z) He_k(Z)]/sqrt(k!) for every length s, shape (m, terms), and E f(s Z)^2: panels cut at the kinks.

    A kink at 0 is one for all lengths: the nodes are then the same.
    """
    cuts = kinks / lengths[:, None] if kinks.any() else kinks[None]
    grid = np.broadcast_to(np.linspace(-_REACH, _REACH, _PANELS + 1), (len(cuts), _PANELS + 1))
    edges = np.sort(np.concatenate([grid, np.clip(cuts, -_REACH, _REACH)], axis=1), axis=1)
    t, weight = np.polynomial.legendre.leggauss(16)
    half = np.diff(edges, axis=1)[..., None] / 2
    z = (edges[:, :-1, None] + half * (1 + t)).reshape(len(cuts), -1)
    masses = (half * weight).reshape(z.shape) * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    values = evaluate("f", f, lengths[:, None] * z)
    weighted, before, now = masses * values, np.zeros_like(z), np.ones_like(z)
    found = np.empty((len(lengths), terms))
    for k in range(terms):
        found[:, k] = np.matmul(weighted[:, None, :], now[:, :, None])[:, 0, 0]
        before, now = now, (z * now - np.sqrt(k) * before) / np.sqrt(k + 1)
    return found, np.einsum("an,an->a", weighted, values)


def layer_eigenvalues(network: RegimeNetwork, m: int, d: int, seed: Seed, index: int = 0) -> Array:
    """All eigenvalues of K of one network, m units in d dimensions, largest first."""
    return _eigenvalues(_weights(m, d, seed, index), network)


def overlap_outlier(network: RegimeNetwork, m: int, overlap: float, seed: Seed, index: int = 0) -> float:
    """The largest eigenvalue of (1/N) sum_n f(W x_n) f(W x_n)' over inputs that overlap by ``overlap``.

    x_n = sqrt(d) (sqrt(1-c) e_n + sqrt(c) e_0) on d = N + 1 orthonormal vectors. The same weights for every overlap.
    """
    return _outlier(network, _fields(network, m, seed, index), overlap)


def _fields(network: RegimeNetwork, m: int, seed: Seed, index: int) -> Array:
    """The pre-activations of e_0, ..., e_N, times sqrt(d), shape (m, N + 1)."""
    return generator(seed, index, 1).standard_normal((m, network.samples + 1))


def _outlier(network: RegimeNetwork, fields: Array, overlap: float) -> float:
    mixed = np.sqrt(1 - overlap) * fields[:, 1:] + np.sqrt(overlap) * fields[:, :1]
    features = evaluate("f", network.f, mixed)
    return float(np.linalg.eigvalsh(features.T @ features / network.samples)[-1])


@dataclass(frozen=True)
class RegimeEnsemble(Measurements):
    """Observables of independent networks of one width."""

    network: RegimeNetwork
    width: int

    def __repr__(self) -> str:
        return (
            f"<RegimeEnsemble of {self.n_networks} networks, m = {self.width}, d = {self.network.dimension(self.width)}, "
            f"seed {self.seed}: {len(self.names)} observables>"
        )


def simulate_regimes(
    network: RegimeNetwork,
    width: int,
    n_networks: int,
    seed: Seed,
    observables: Iterable[str],
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> RegimeEnsemble:
    """Draw networks and measure. Network ``i`` depends on ``seed`` and ``i`` alone. Raises :class:`InputError`.

    With 40 networks or more, what tr W'W and tr (W'W)^2 explain is taken out of the largest eigenvalues, and of those over
    few inputs what moments of the shared pre-activations do: their means are known exactly. Statistics of the bulk scatter
    little by themselves, and without its scatter terms of order 1/m^2 would show first.

    >>> simulate_regimes(RegimeNetwork(np.tanh), 20, 3, 1, ["regimes.bulk.moment[2]", "regimes.overlap[0.5]"])
    <RegimeEnsemble of 3 networks, m = 20, d = 40, seed 1: 2 observables>
    """
    check_ensemble(n_networks, seed, workers)
    asked = {name: _question(name) for name in sorted(set(observables))}
    if not asked:
        raise InputError("nothing is to be measured: name observables, as regimes.bulk.moment[1]")
    tasks = [(network, width, seed, i, asked) for i in range(n_networks)]
    measured = collect(_measure, tasks, workers, progress)
    controls = {kind: measured.pop(f"controls.{kind}") for kind in ("layer", "overlap")}
    if n_networks >= LEAST:
        explained = {"top": "layer", "pair": "layer", "overlap": "overlap"}
        for name, (kind, _) in asked.items():
            if kind in explained:
                measured[name] = without_controls(measured[name], controls[explained[kind]])
    return RegimeEnsemble(seed, measured, network, width)


def _question(name: str) -> tuple[str, float]:
    match = _NAME.fullmatch(name)
    try:
        kind, value = match[1], float(match[2] or 0)  # type: ignore[index]
    except (TypeError, ValueError):
        raise InputError(
            f"{name!r} is not measured: write regimes.top, regimes.pair, regimes.bulk.moment[2],"
            " regimes.bulk.stieltjes[-1] or regimes.overlap[0.5]"
        ) from None
    allowed = {
        "bulk.moment": (value % 1 == 0 and 0 < value < 10, "moments are 1 to 9"),
        "bulk.stieltjes": (value < 0, "points of a transform are negative"),
        "overlap": (0 <= value <= 1, "an overlap is between 0 and 1"),
    }
    possible, what = allowed.get(kind, (match[2] is None, "this has no number"))  # type: ignore[index]
    if not possible:
        raise InputError(f"{name!r} is not measured: {what}")
    return kind, value


def _measure(network: RegimeNetwork, width: int, seed: Seed, index: int, asked: dict) -> dict[str, float | Array]:
    """All observables of one network, and the controls of its draws."""
    found: dict[str, float | Array] = {"controls.layer": np.zeros(2), "controls.overlap": np.zeros(5)}
    kinds = {kind for kind, _ in asked.values()}
    t = fields = np.empty(0)
    if "overlap" in kinds:
        fields = _fields(network, width, seed, index)
        found["controls.overlap"] = _field_controls(fields)
    if kinds - {"overlap"}:
        weights = _weights(width, network.dimension(width), seed, index)
        t, found["controls.layer"] = _eigenvalues(weights, network), _layer_controls(weights)
    for name, (kind, x) in asked.items():
        found[name] = _outlier(network, fields, x) if kind == "overlap" else _of_values(kind, x, t)
    return found


def _of_values(kind: str, x: float, t: Array) -> float:
    match kind:
        case "top":
            return float(t[0] / t.size)
        case "pair":
            return float(t[:2].mean())
        case "bulk.moment":
            return float((t[1:] ** x).mean())
    return float((1 / (x - t[1:])).mean())


def _layer_controls(weights: Array) -> Array:
    """tr W'W and tr (W'W)^2 less their means, relative to them."""
    m, d = weights.shape
    first, second, _ = wishart_traces(m, d)
    gram = weights.T @ weights * d
    return np.array([np.trace(gram) / first - 1, (gram**2).sum() / second - 1])


def _field_controls(fields: Array) -> Array:
    """First and second moments over units of the field of e_0 and of the mean field of the others, less their means."""
    u, v = fields[:, 0], fields[:, 1:].sum(axis=1) / np.sqrt(fields.shape[1] - 1)
    return np.array([u.mean(), v.mean(), (u**2).mean() - 1, (v**2).mean() - 1, (u * v).mean()])


def _eigenvalues(weights: Array, network: RegimeNetwork) -> Array:
    return np.linalg.eigvalsh(averaged_kernel(weights, network.f, network.kinks))[::-1]


def _weights(m: int, d: int, seed: Seed, index: int) -> Array:
    return generator(seed, index, 0).standard_normal((m, d)) / np.sqrt(d)
