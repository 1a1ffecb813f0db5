"""Many networks of one architecture, measured under the names of the observables."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.backends import Backend, numpy_backend
from fimtheory.simulation.dual_gram import backward, layer_terms
from fimtheory.simulation.measurements import Measurements, Progress, Seed, check_ensemble, collect
from fimtheory.simulation.networks import Architecture, Network, draw_network, forward
from fimtheory.simulation.statistics import metric_statistics, overlaps

METRICS = ("F", "F_blocks", "NTK", "A", "A_blocks")


@dataclass(frozen=True)
class Ensemble(Measurements):
    """Measurements of independent networks: one number a network and observable.

    Observables are ``deep.<metric>.<statistic>`` with the metrics ``F``, ``F_blocks[l]`` (l = 1..L), ``NTK``, ``A``,
    ``A_blocks[l]`` (l = 0..L-1) and the statistics ``mean``, ``second_moment``, ``lambda_max``, ``lambda_top`` (see
    :func:`fimtheory.simulation.statistics.metric_statistics`); and the order parameters ``deep.qhat1[l]``,
    ``deep.qhat2[l]`` (l = 0..L-1), ``deep.qtilde1[l]``, ``deep.qtilde2[l]`` (l = 1..L), eqs. 14 and 17 of Karakida,
    Akaho, Amari 2020, averaged over samples (index 1), pairs of different samples (index 2), and outputs.
    """

    architecture: Architecture
    n_samples: int

    def __repr__(self) -> str:
        return (
            f"<Ensemble of {self.n_networks} networks, widths {self.architecture.widths}, {self.n_samples} samples, "
            f"seed {self.seed}: {len(self.names)} observables>"
        )


def simulate(
    architecture: Architecture,
    n_samples: int,
    n_networks: int,
    seed: Seed,
    metrics: Collection[str] = METRICS,
    backend: Backend | None = None,
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> Ensemble:
    """Draw networks and inputs, and measure the statistics of the metrics asked for, and all order parameters.

    Network ``i`` and its ``n_samples`` inputs depend on ``seed`` and ``i`` alone, not on the number of networks or of
    workers. ``workers`` is a number of threads, or an executor (for processes, ``phi`` and ``dphi`` must be picklable;
    limit the threads of the linear-algebra library then). ``progress(done, total)`` is called after each network. A
    keyboard interrupt cancels the networks not yet begun. One network costs ``2 C N M^2`` operations a layer for its
    backward pass, ``(C N)^2 M`` for a Gram matrix, and the eigenvalues of each metric; memory holds, for each worker,
    one network, its features and a few matrices of shape ``(C N, C N)``. Raises :class:`InputError`.

    >>> identity = Architecture((3, 4, 2), 1.0, 0.0, phi=lambda u: u, dphi=lambda u: u**0)
    >>> simulate(identity, n_samples=3, n_networks=5, seed=1, metrics={"F"})
    <Ensemble of 5 networks, widths (3, 4, 2), 3 samples, seed 1: 12 observables>
    """
    _check(n_samples, n_networks, seed, metrics, workers)
    backend = backend or numpy_backend()
    tasks = [(architecture, n_samples, seed, index, frozenset(metrics), backend) for index in range(n_networks)]
    observables = collect(simulate_network, tasks, workers, progress)
    return Ensemble(seed, observables, architecture, n_samples)


def simulate_network(
    architecture: Architecture, n_samples: int, seed: Seed, index: int, metrics: Collection[str], backend: Backend
) -> dict[str, float]:
    """Draw the ``index``-th network of a seed with its inputs, and measure it."""
    generator = backend.make_generator(np.random.SeedSequence(seed, spawn_key=(index,)))
    inputs = backend.normal(generator, (n_samples, architecture.widths[0]))
    return measure(architecture, draw_network(architecture, generator, backend), inputs, metrics, backend)


def measure(
    architecture: Architecture, network: Network, inputs: np.ndarray, metrics: Collection[str], backend: Backend
) -> dict[str, float]:
    """All observables of one given network on inputs of shape ``(N, M_0)``, by name."""
    n_samples, outputs = len(inputs), architecture.outputs
    families = {metric.removesuffix("_blocks") for metric in metrics}
    found: dict[str, float] = {}
    totals: dict[str, np.ndarray] = {}
    features, slopes = forward(architecture, network, inputs, backend)
    for layer, signals in enumerate(features):
        norm, overlap = overlaps(signals[None], backend)
        width = architecture.widths[layer]
        found |= {f"deep.qhat1[{layer}]": norm / width, f"deep.qhat2[{layer}]": overlap / width}
    for layer, delta, gradient in backward(network, slopes, n_samples, "A" in families, backend):
        norm, overlap = overlaps(delta.reshape(outputs, n_samples, -1), backend)
        found |= {f"deep.qtilde1[{layer}]": norm, f"deep.qtilde2[{layer}]": overlap}
        terms = layer_terms(architecture, layer, features[layer - 1], delta, gradient, families, backend)
        for family, block, dual in terms:
            if f"{family}_blocks" in metrics:
                count = architecture.parameter_counts[layer - 1] if family == "F" else architecture.widths[block]
                found |= _named(f"{family}_blocks[{block}]", metric_statistics(dual, count, outputs, backend))
            if family in metrics:
                totals[family] = totals[family] + dual if family in totals else dual
    counts = {"F": architecture.parameter_count, "NTK": outputs * n_samples, "A": architecture.feature_count}
    for family, dual in totals.items():
        found |= _named(family, metric_statistics(dual, counts[family], outputs, backend))
    return found


def _named(metric: str, statistics: dict[str, float]) -> dict[str, float]:
    return {f"deep.{metric}.{name}": value for name, value in statistics.items()}


def _check(n_samples: int, n_networks: int, seed: Seed, metrics: Collection[str], workers: int | Executor) -> None:
    if n_samples < 2:
        raise InputError(f"n_samples = {n_samples} leaves no pair of samples to overlap: write at least 2")
    check_ensemble(n_networks, seed, workers)
    if isinstance(metrics, str) or not set(metrics) <= set(METRICS):
        raise InputError(f"metrics = {metrics!r}: give a collection of names among {', '.join(METRICS)}")
