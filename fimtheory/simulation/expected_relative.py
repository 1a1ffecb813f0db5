"""Relative metrics of neurons on random inputs, and of the units of random networks, measured.

Observables of one batch, n = ``ratio`` d inputs x ~ N(0, s I_d) of a neuron with weights of length sqrt(q/s):

- ``relative.perpendicular``, ``relative.parallel``: the mean eigenvalue of G = (1/n) sum nu(t) x x' across the weights, and
  its quadratic form along them; ``relative.ratio``: the former over the latter;
- ``relative.cross``, ``relative.alone``: the entries of the bias; ``relative.block[1]``, ``relative.block[2]``: the
  eigenvalues of the 2 x 2 block on the direction of the weights and the bias, the smaller first;
- ``relative.moment[k]``, ``relative.stieltjes[x]``: the mean of g^k, or of 1/(x - g), over all d eigenvalues g of G;
  ``relative.rank``: the share that is not 0; ``relative.top``: the largest;
- ``relative.isotropic``: tr/d of the mean of nu(u) x x' over inputs x ~ N(0, I_d), each with weights N(0, q I_d/d) and a
  bias N(0, bias^2) of its own.

Observables of one network: ``relative.layer[l].mean``, ``.second_moment``, ``.lambda_max``, over the eigenvalues of the
metrics of its units in hidden layer l, averaged over units; ``.over_fisher``, the first of them over the mean eigenvalue of
the diagonal block of the Fisher information of the whole network in the parameters of the layer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.backends import numpy_backend
from fimtheory.simulation.dual_gram import backward
from fimtheory.simulation.measurements import Measurements, Progress, Row, Seed, check_ensemble, collect, generator
from fimtheory.simulation.networks import Architecture, Network, Signals, drawn, forward

Array = np.ndarray
Function = Callable[[Array], Array]

_BATCH = re.compile(
    r"relative\.(perpendicular|parallel|ratio|cross|alone|isotropic|rank|top|block|moment|stieltjes)(?:\[([^\[\]]+)\])?"
)
_LAYER = re.compile(r"relative\.layer\[(\d+)\]\.(mean|second_moment|lambda_max|over_fisher)")
_FROM_EIGENVALUES = frozenset({"rank", "top", "moment", "stieltjes"})
_ZERO = 1e-12  # an eigenvalue below, relative to the largest, is rounding
_UNITS = 64  # units of a layer whose largest eigenvalues are computed

Question = tuple[str, float]


@dataclass(frozen=True)
class NeuronBatch:
    """What is drawn: nu, the variance ``q`` of t and its mean ``bias``, the variance of inputs, inputs a dimension."""

    nu: Function
    q: float = 1.0
    bias: float = 0.0
    input_variance: float = 1.0
    ratio: float = 2.0

    def inputs(self, dimension: int) -> int:
        """n, rounded."""
        return max(1, round(self.ratio * dimension))


@dataclass(frozen=True)
class BatchEnsemble(Measurements):
    """Observables of independent batches in one dimension."""

    batch: NeuronBatch
    dimension: int

    def __repr__(self) -> str:
        return (
            f"<BatchEnsemble of {self.n_networks} batches, d = {self.dimension}, n = {self.batch.inputs(self.dimension)}, "
            f"seed {self.seed}: {len(self.names)} observables>"
        )


def simulate_batches(
    batch: NeuronBatch,
    dimension: int,
    n_batches: int,
    seed: Seed,
    observables: Iterable[str],
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> BatchEnsemble:
    """Draw batches and measure. Batch ``i`` depends on ``seed`` and ``i`` alone. Raises :class:`InputError`.

    >>> simulate_batches(NeuronBatch(np.ones_like), 5, 3, 1, ["relative.parallel", "relative.moment[2]"])
    <BatchEnsemble of 3 batches, d = 5, n = 10, seed 1: 2 observables>
    """
    check_ensemble(n_batches, seed, workers)
    if dimension < 2:
        raise InputError(f"dimension = {dimension} has nothing across the weights: give 2 or more")
    asked = {name: _question(name) for name in sorted(set(observables))}
    if not asked:
        raise InputError("nothing is to be measured: name observables, as relative.parallel")
    tasks = [(batch, dimension, seed, i, asked) for i in range(n_batches)]
    return BatchEnsemble(seed, collect(_measure_batch, tasks, workers, progress), batch, dimension)


def _question(name: str) -> Question:
    match = _BATCH.fullmatch(name)
    try:
        kind, value = match[1], float(match[2] or 0)  # type: ignore[index]
    except (TypeError, ValueError):
        raise InputError(
            f"{name!r} is not measured: write relative.perpendicular, relative.parallel, relative.block[1],"
            " relative.moment[2] or relative.stieltjes[-1]"
        ) from None
    allowed = {
        "block": (value in (1, 2), "the block has the eigenvalues 1 and 2"),
        "moment": (value % 1 == 0 and 0 < value < 10, "moments are 1 to 9"),
        "stieltjes": (value < 0, "points of a transform are negative"),
    }
    possible, what = allowed.get(kind, (match[2] is None, "this has no number"))  # type: ignore[index]
    if not possible:
        raise InputError(f"{name!r} is not measured: {what}")
    return kind, value


def _measure_batch(
    batch: NeuronBatch, dimension: int, seed: Seed, index: int, asked: Mapping[str, Question]
) -> dict[str, float]:
    kinds, n = {kind for kind, _ in asked.values()}, batch.inputs(dimension)
    found: dict[Question, float] = {}
    if "isotropic" in kinds:
        found["isotropic", 0.0] = _isotropic(batch, n, dimension, generator(seed, index, 1))
    if kinds - {"isotropic"}:
        x, nu = _drawn(batch, dimension, seed, index)
        found |= _entries(x, nu)
        if kinds & _FROM_EIGENVALUES:
            found |= _of_eigenvalues(_eigenvalues(x, nu), dimension, asked.values())
    return {name: found[question] for name, question in asked.items()}


def batch_eigenvalues(batch: NeuronBatch, dimension: int, seed: Seed, index: int = 0) -> Array:
    """All d eigenvalues of G of one batch, the smallest first."""
    values = _eigenvalues(*_drawn(batch, dimension, seed, index))
    return np.concatenate([np.zeros(dimension - values.size), values])


def _drawn(batch: NeuronBatch, dimension: int, seed: Seed, index: int) -> tuple[Array, Array]:
    """Inputs, shape (n, d), and nu. No direction is special but that of the weights: it is the first."""
    x = generator(seed, index, 0).standard_normal((batch.inputs(dimension), dimension))
    nu = _values(batch.nu, batch.bias + batch.q**0.5 * x[:, 0])
    return x * batch.input_variance**0.5, nu


def _values(nu: Function, t: Array) -> Array:
    """nu at all t; constants may come back as one number."""
    return np.broadcast_to(np.asarray(nu(t), dtype=float), t.shape)


def _isotropic(batch: NeuronBatch, n: int, dimension: int, draw: np.random.Generator) -> float:
    x = draw.standard_normal((n, dimension))
    w = draw.standard_normal((n, dimension)) * (batch.q / dimension) ** 0.5
    u = (w * x).sum(axis=1) + batch.bias * draw.standard_normal(n)
    return float((_values(batch.nu, u) * (x**2).sum(axis=1)).mean() / dimension)


def _entries(x: Array, nu: Array) -> dict[Question, float]:
    """What needs no eigenvalue of G."""
    along = float((nu * x[:, 0] ** 2).mean())
    across = float((nu * (x[:, 1:] ** 2).sum(axis=1)).mean() / (x.shape[1] - 1))
    cross, alone = float((nu * x[:, 0]).mean()), float(nu.mean())
    low, high = np.linalg.eigvalsh(np.array([[along, cross], [cross, alone]]))
    singles = {"perpendicular": across, "parallel": along, "cross": cross, "alone": alone}
    found = {(kind, 0.0): value for kind, value in singles.items()}
    found["ratio", 0.0] = across / along if along else np.inf
    return found | {("block", 1.0): float(low), ("block", 2.0): float(high)}


def _eigenvalues(x: Array, nu: Array) -> Array:
    """Those of G, the smallest first; where inputs are fewer than dimensions, those of the dual and no zeros."""
    rows = x * np.sqrt(nu / len(x))[:, None]
    return np.linalg.eigvalsh(rows @ rows.T if len(x) < x.shape[1] else rows.T @ rows)


def _of_eigenvalues(values: Array, dimension: int, questions: Iterable[Question]) -> dict[Question, float]:
    """Averages over d eigenvalues, of which the dual leaves out some that are 0."""
    found: dict[Question, float] = {}
    for kind, number in questions:
        if kind == "top":
            found[kind, number] = float(values[-1])
        elif kind == "rank":
            found[kind, number] = float((values > _ZERO * values[-1]).sum() / dimension)
        elif kind == "moment":
            found[kind, number] = float((values**number).sum() / dimension)
        elif kind == "stieltjes":
            found[kind, number] = float(
                ((1 / (number - values)).sum() + (dimension - values.size) / number) / dimension
            )
    return found


# -- units of random networks


@dataclass(frozen=True)
class UnitsEnsemble(Measurements):
    """Relative metrics of the units of independent networks."""

    architecture: Architecture
    n_samples: int

    def __repr__(self) -> str:
        return (
            f"<UnitsEnsemble of {self.n_networks} networks, widths {self.architecture.widths}, {self.n_samples} samples, "
            f"seed {self.seed}: {len(self.names)} observables>"
        )


def simulate_units(
    architecture: Architecture,
    nu: Function,
    n_samples: int,
    n_networks: int,
    seed: Seed,
    observables: Iterable[str],
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> UnitsEnsemble:
    """Draw networks with their inputs, and measure the relative metrics of their hidden units, biases included.

    Mean and second moment are over M_(l-1) + 1 eigenvalues of every unit, the largest over 64 units. Network ``i`` depends
    on ``seed`` and ``i`` alone. Raises :class:`InputError`.

    >>> small = Architecture((4, 5, 2), 1.0, 0.0, phi=np.tanh, dphi=lambda u: 1 - np.tanh(u) ** 2)
    >>> simulate_units(small, np.ones_like, 3, n_networks=2, seed=1, observables=["relative.layer[1].mean"])
    <UnitsEnsemble of 2 networks, widths (4, 5, 2), 3 samples, seed 1: 1 observables>
    """
    check_ensemble(n_networks, seed, workers)
    asked = {name: _layer_question(name, architecture.depth) for name in sorted(set(observables))}
    if not asked:
        raise InputError("nothing is to be measured: name observables, as relative.layer[1].mean")
    tasks = [(architecture, nu, n_samples, seed, i, asked) for i in range(n_networks)]
    return UnitsEnsemble(seed, collect(_measure_units, tasks, workers, progress), architecture, n_samples)


def _layer_question(name: str, depth: int) -> tuple[int, str]:
    match = _LAYER.fullmatch(name)
    if match is None or not 1 <= int(match[1]) < depth:
        raise InputError(f"{name!r} is not measured: write relative.layer[1].mean, layers being 1 to {depth - 1}")
    return int(match[1]), match[2]


def _measure_units(
    architecture: Architecture,
    nu: Function,
    n_samples: int,
    seed: Seed,
    index: int,
    asked: Mapping[str, tuple[int, str]],
) -> Row:
    backend = numpy_backend()
    network, inputs = drawn(architecture, n_samples, seed, index, backend)
    signals = forward(architecture, network, inputs, backend)
    found: dict[tuple[int, str], float] = {}
    if any(what == "over_fisher" for _, what in asked.values()):
        found |= {(layer, "fisher"): mean for layer, mean in _block_means(network, signals).items()}
    for layer in {layer for layer, _ in asked.values()}:
        below = signals.features[layer - 1]
        values = _values(nu, below @ network.weights[layer - 1].T + network.biases[layer - 1])
        statistics = unit_statistics(below @ below.T + 1, values, below.shape[1] + 1)
        found |= {(layer, name): value for name, value in statistics.items()}
        if (layer, "fisher") in found:
            found[layer, "over_fisher"] = found[layer, "mean"] / found[layer, "fisher"]
    return {name: found[question] for name, question in asked.items()}


def _block_means(network: Network, signals: Signals) -> dict[int, float]:
    """The mean eigenvalue of F^{ll} by layer: sum_kn |delta_k(n)|^2 (|h(n)|^2 + 1) over N and the number of parameters."""
    means = {}
    for layer, delta, _ in backward(network, signals, False, numpy_backend()):
        h = signals.features[layer - 1]
        squares = (delta**2).sum(axis=1).reshape(-1, len(h)).sum(axis=0)
        parameters = delta.shape[1] * (h.shape[1] + 1)
        means[layer] = float(squares @ ((h**2).sum(axis=1) + 1)) / (len(h) * parameters)
    return means


def unit_statistics(gram: Array, nu: Array, count: int) -> dict[str, float]:
    """Statistics of the metrics (1/N) sum_n nu_ni h_n h_n' of units i, averaged over them, from the dual matrices.

    ``gram`` is h_n . h_m, shape (N, N), ``nu`` has shape (N, units), ``count`` is the number of eigenvalues.

    >>> unit_statistics(np.diag([2.0, 4.0]), np.array([[1.0], [4.0]]), 8)
    {'mean': 1.125, 'second_moment': 8.125, 'lambda_max': 8.0}
    """
    n = len(gram)
    trace = (np.diag(gram) @ nu).mean() / n
    square = np.einsum("ni,nm,mi->", nu, gram**2, nu, optimize=True) / (n * n * nu.shape[1])
    roots = np.sqrt(nu.T[:_UNITS])
    tops = np.linalg.eigvalsh(roots[:, :, None] * gram * roots[:, None, :])[:, -1]
    return {
        "mean": float(trace / count),
        "second_moment": float(square / count),
        "lambda_max": float(tops.mean() / n),
    }
