"""Random two-layer networks and the Fisher matrix of their output weights, dense, with all its eigenvalues.

Observables of one network (clusters are runs of eigenvalues from the largest, of given ``sizes``, counted from 1):

- ``modes.trace``, ``modes.second_moment``: tr J and tr J^2;
- ``modes.cluster[k]``, ``modes.share[k]``: mean eigenvalue of cluster k, alone and over tr J;
- ``modes.spread[k]``: variance of the eigenvalues within cluster k;
- ``modes.scatter[k]``, ``modes.share_scatter[k]``: squared deviation of cluster k's mean, or share, from that of the
  ensemble, without bias;
- ``modes.turned[k]``: mean sin^2 between the eigenvectors of cluster k and what it is said to be spanned by: for k = 1
  the norms |w_i|, for k = 2 the columns of W;
- ``modes.hadamard``, ``modes.hadamard_scaled``: mean cos^2 between the eigenvectors of clusters 1 and 3 together and the
  span of w_a o w_b, or of w_a o w_b/|w|;
- ``modes.one_sign``: 1 where the top eigenvector has one sign;
- ``modes.top_share[r]``: share of the trace in the r largest eigenvalues.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.measurements import (
    Measurements,
    Progress,
    Seed,
    check_ensemble,
    collect,
    generator,
    squared_deviations,
)

Array = np.ndarray
_NAME = re.compile(r"modes\.(\w+?)(?:\[(\d+)\])?")
_TRIAL = np.linspace(-3, 3, 13)
_MOST_STEPS, _CONVERGED = 100, 1e-14
_OF_VECTORS = ("turned", "hadamard", "hadamard_scaled", "one_sign")
_OF_CLUSTERS = ("cluster", "share", "spread", "scatter", "share_scatter", "turned")
_NUMBERED = (*_OF_CLUSTERS, "top_share")
_KNOWN = (*_NUMBERED, "trace", "second_moment", "hadamard", "hadamard_scaled", "one_sign")


@dataclass(frozen=True)
class Question:
    """What an observable asks: the name between the dot and the bracket, and the number within it, 0 for none."""

    kind: str
    number: int

    @classmethod
    def of(cls, name: str) -> Question:
        """From the name of an observable; :class:`InputError` where it is none.

        >>> Question.of("modes.spread[2]"), Question.of("modes.hadamard").of_vectors
        (Question(kind='spread', number=2), True)
        """
        match = _NAME.fullmatch(name)
        if not match or match[1] not in _KNOWN or (match[1] in _NUMBERED) != bool(int(match[2] or 0)):
            raise InputError(
                f"{name!r} is no observable of output weights: write for instance modes.trace or modes.share[1]; with a"
                f" number in brackets there are {', '.join(_NUMBERED)}"
            )
        return cls(match[1], int(match[2] or 0))

    @property
    def of_vectors(self) -> bool:
        """Whether eigenvectors are needed."""
        return self.kind in _OF_VECTORS

    @property
    def of_largest(self) -> bool:
        """Whether the trace and the largest eigenvalue answer it, where cluster 1 is that eigenvalue alone."""
        return self.kind == "trace" or (
            self.number == 1 and self.kind in ("cluster", "share", "scatter", "share_scatter")
        )

    @property
    def of_ensemble(self) -> bool:
        """Whether it compares a network with the others."""
        return self.kind.endswith("scatter")

    def require(self, sizes: tuple[int, ...], width: int) -> None:
        """Raises :class:`InputError` where networks of this width have no such clusters."""
        last = self.number if self.kind in _OF_CLUSTERS else 3 if self.kind.startswith("hadamard") else 0
        if last > len(sizes):
            raise InputError(
                f"modes.{self.kind} speaks of cluster {last}: give the sizes of so many, not of {len(sizes)}"
            )
        needed = sum(sizes[:last]) if self.kind != "top_share" else self.number
        if needed > width:
            raise InputError(f"{width} units have fewer than the {needed} eigenvalues of modes.{self.kind}: take more")
        if self.kind == "turned" and self.number > 2:
            raise InputError(
                "clusters 1 and 2 alone are said to be spanned by norms and columns of W: ask for modes.turned[1]"
            )


@dataclass(frozen=True)
class OutputNetwork:
    """How networks are drawn: m units with weights N(0, ``weight_variance`` I_d), or all of that mean square length.

    Inputs are N = ``ratio`` m draws of N(0, I_d), or of length sqrt(d); without ``ratio`` J is averaged over all Gaussian
    inputs, which is possible for ReLU alone: there phi is not needed.
    """

    dimension: int
    sizes: tuple[int, ...]
    phi: Callable[[Array], Array] | None = None
    ratio: float | None = None
    weight_variance: float = 1.0
    fixed_weights: bool = False
    fixed_inputs: bool = False

    def __post_init__(self) -> None:
        if self.ratio is None and self.phi is not None and not np.array_equal(self.phi(_TRIAL), np.maximum(_TRIAL, 0)):
            raise InputError(
                "the average over all inputs is known for ReLU alone: give the ratio N/m of a number of inputs"
            )

    def weights(self, m: int, rng: np.random.Generator) -> Array:
        """W, of shape (m, d)."""
        return _vectors(m, self.dimension, self.fixed_weights, rng) * np.sqrt(self.weight_variance)

    def fisher(self, weights: Array, rng: np.random.Generator) -> Array:
        """J of these units, of shape (m, m)."""
        m = len(weights)
        if self.ratio is None:
            return relu_kernel(weights) / m
        if self.phi is None:
            raise InputError("the average over finitely many inputs needs the activation: give phi")
        n = round(self.ratio * m)
        features = self.phi(weights @ _vectors(n, self.dimension, self.fixed_inputs, rng).T)
        return features @ features.T / (m * n)


def relu_kernel(weights: Array) -> Array:
    """E_x relu(w.x) relu(w'.x) over x ~ N(0, I) for all pairs of rows: the arc-cosine kernel of degree 1."""
    lengths = np.linalg.norm(weights, axis=1)
    cosines = np.clip(weights @ weights.T / np.outer(lengths, lengths), -1, 1)
    np.fill_diagonal(cosines, 1.0)
    angles = np.arccos(cosines)
    return np.outer(lengths, lengths) * (np.sin(angles) + (np.pi - angles) * cosines) / (2 * np.pi)


def _vectors(count: int, d: int, fixed: bool, rng: np.random.Generator) -> Array:
    drawn = rng.standard_normal((count, d))
    return drawn * np.sqrt(d) / np.linalg.norm(drawn, axis=1, keepdims=True) if fixed else drawn


@dataclass(frozen=True)
class OutputEnsemble(Measurements):
    """Observables of independent two-layer networks of one width."""

    network: OutputNetwork
    width: int

    def __repr__(self) -> str:
        return (
            f"<OutputEnsemble of {self.n_networks} networks, m = {self.width}, d = {self.network.dimension}, "
            f"seed {self.seed}: {len(self.names)} observables>"
        )


def simulate_output(
    network: OutputNetwork,
    width: int,
    n_networks: int,
    seed: Seed,
    observables: Iterable[str],
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> OutputEnsemble:
    """Draw networks of ``width`` units and measure. Network ``i`` depends on ``seed``, the width and ``i`` alone.

    >>> simulate_output(OutputNetwork(3, (1, 3, 5)), 40, 4, 1, ["modes.trace", "modes.share[2]"])
    <OutputEnsemble of 4 networks, m = 40, d = 3, seed 1: 2 observables>
    """
    check_ensemble(n_networks, seed, workers)
    asked = {name: Question.of(name) for name in sorted(set(observables))}
    if not asked:
        raise InputError("nothing is to be measured: name observables, as modes.share[1]")
    for question in asked.values():
        question.require(network.sizes, width)
    measured = collect(_measure, [(network, width, seed, i, asked) for i in range(n_networks)], workers, progress)
    for name, question in asked.items():
        if question.of_ensemble:
            measured[name] = squared_deviations(measured[name])
    return OutputEnsemble(seed, measured, network, width)


def output_eigenvalues(network: OutputNetwork, width: int, seed: Seed, index: int) -> Array:
    """All eigenvalues of one network, largest first."""
    rng = generator(seed, index)
    return np.linalg.eigvalsh(network.fisher(network.weights(width, rng), rng))[::-1]


def _measure(
    network: OutputNetwork, width: int, seed: Seed, index: int, asked: dict[str, Question]
) -> dict[str, float | Array]:
    rng = generator(seed, index)
    weights = network.weights(width, rng)
    fisher = network.fisher(weights, rng)
    found: dict[str, float | Array] = {}
    vectors = [name for name, question in asked.items() if question.of_vectors]
    if vectors:
        ascending, columns = np.linalg.eigh(fisher)
        for name in vectors:
            found[name] = _of_vectors(asked[name], columns[:, ::-1], weights, network.sizes)
    elif network.sizes[:1] == (1,) and all(question.of_largest for question in asked.values()):
        ascending = _trace_and_largest(fisher)
    else:
        ascending = np.linalg.eigvalsh(fisher)
    others = {name: question for name, question in asked.items() if not question.of_vectors}
    return found | {name: _of_values(one, ascending[::-1], network.sizes) for name, one in others.items()}


def _trace_and_largest(fisher: Array) -> Array:
    """The largest eigenvalue, by power iteration from the diagonal, after the sum of the others; all where it is slow."""
    vector, before = np.diag(fisher), 0.0
    for _ in range(_MOST_STEPS):
        vector = fisher @ (vector / np.linalg.norm(vector))
        now = float(np.linalg.norm(vector))
        if now - before <= _CONVERGED * now:
            return np.array([np.trace(fisher) - now, now])
        before = now
    return np.linalg.eigvalsh(fisher)


def _of_values(question: Question, values: Array, sizes: tuple[int, ...]) -> float:
    kind, k = question.kind, question.number
    if kind == "trace":
        return float(values.sum())
    if kind == "second_moment":
        return float(values @ values)
    if kind == "top_share":
        return float(values[:k].sum() / values.sum())
    run = values[sum(sizes[: k - 1]) : sum(sizes[:k])]
    if kind == "spread":
        return float(run.var())
    return float(run.mean() / (values.sum() if kind.startswith("share") else 1.0))


def _of_vectors(question: Question, vectors: Array, weights: Array, sizes: tuple[int, ...]) -> float:
    kind, k = question.kind, question.number
    if kind == "one_sign":
        return float(np.all(vectors[:, 0] > 0) or np.all(vectors[:, 0] < 0))
    lengths = np.linalg.norm(weights, axis=1)
    if kind == "turned":
        run = vectors[:, sum(sizes[: k - 1]) : sum(sizes[:k])]
        return 1 - _overlap(run, lengths[:, None] if k == 1 else weights)
    first, second = np.triu_indices(weights.shape[1])
    products = weights[:, first] * weights[:, second]
    if kind == "hadamard_scaled":
        products = products / lengths[:, None]
    run = np.concatenate([vectors[:, : sizes[0]], vectors[:, sum(sizes[:2]) : sum(sizes[:3])]], axis=1)
    return _overlap(run, products)


def _overlap(vectors: Array, spanning: Array) -> float:
    """Mean cos^2 between orthonormal columns and a span."""
    basis = np.linalg.qr(spanning)[0]
    return float(((basis.T @ vectors) ** 2).sum() / vectors.shape[1])
