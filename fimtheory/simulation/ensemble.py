"""Many networks of one architecture, measured under the names of the observables."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.backends import Backend, numpy_backend
from fimtheory.simulation.measurements import Measurements, Progress, Seed, check_ensemble, collect
from fimtheory.simulation.metrics import METRICS, PLAIN_METRICS, SOFTMAX_METRICS, measure_signals
from fimtheory.simulation.networks import Architecture, draw_inputs, drawn, forward
from fimtheory.simulation.streaming import streamed_network


@dataclass(frozen=True)
class Ensemble(Measurements):
    """Measurements of independent networks: one number a network and observable.

    Observables are ``deep.<metric>.<statistic>``.

    - The metrics ``F``, ``F_blocks[l]`` (l = 1..L), ``F_centred``, ``NTK``, ``NTK_centred``, ``A``, ``A_blocks[l]``
      (l = 0..L-1) have the statistics ``mean``, ``second_moment``, ``lambda_max``, ``lambda_top``,
      ``cluster_variance`` (:func:`fimtheory.simulation.statistics.metric_statistics`).
    - The metrics of softmax outputs, ``F_cross``, ``F_cross_blocks[l]``, ``A_cross``, have ``mean``,
      ``second_moment``, ``lambda_max``, ``outlier[j]`` (j = 1..C;
      :func:`fimtheory.simulation.statistics.softmax_statistics`).
    - ``F_eigenspace`` has ``share``: how much of the mean gradients lies in the eigenspace of the ``C`` largest
      eigenvalues (:func:`fimtheory.simulation.statistics.eigenspace_statistics`).
    - The order parameters ``deep.qhat1[l]``, ``deep.qhat2[l]`` (l = 0..L-1), ``deep.qtilde1[l]``, ``deep.qtilde2[l]``
      (l = 1..L), eqs. 14 and 17 of Karakida, Akaho, Amari 2020, are averages over samples (index 1), pairs of
      different samples (index 2; there are none with one sample), and outputs.

    ``outputs`` are the ``f`` of every network, of shape ``(n_networks, N, C)``, where a softmax metric was asked for,
    None otherwise.
    """

    architecture: Architecture
    n_samples: int
    outputs: np.ndarray | None = field(default=None, repr=False)

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
    metrics: Collection[str] = PLAIN_METRICS,
    backend: Backend | None = None,
    progress: Progress | None = None,
    workers: int | Executor = 1,
    streamed: bool = False,
) -> Ensemble:
    """Draw networks and inputs, and measure the statistics of the metrics asked for, and all order parameters.

    ``metrics`` are names among ``METRICS``; the default leaves out those of centred gradients and of softmax outputs.

    Network ``i`` and its ``n_samples`` inputs depend on ``seed`` and ``i`` alone, not on the number of networks or of
    workers. ``workers`` is a number of threads, or an executor (for processes, ``phi`` and ``dphi`` must be picklable;
    limit the threads of the linear-algebra library then). ``progress(done, total)`` is called after each network. A
    keyboard interrupt cancels the networks not yet begun. One network costs ``2 C N M^2`` operations a layer for its
    backward pass, ``(C N)^2 M`` for a Gram matrix, and the eigenvalues of each metric; memory holds, for each worker,
    one network, its features and a few matrices of shape ``(C N, C N)``. With ``streamed`` the weights are not held but
    drawn twice (:mod:`fimtheory.simulation.streaming`): memory is then linear in the width, for networks of billions of
    parameters, and the weights of a seed are others. Raises :class:`InputError`.

    >>> identity = Architecture((3, 4, 2), 1.0, 0.0, phi=lambda u: u, dphi=lambda u: u**0)
    >>> simulate(identity, n_samples=3, n_networks=5, seed=1, metrics={"F"})
    <Ensemble of 5 networks, widths (3, 4, 2), 3 samples, seed 1: 13 observables>
    """
    _check(n_samples, n_networks, seed, metrics, workers)
    backend = backend or numpy_backend()
    tasks = [
        (architecture, n_samples, seed, index, frozenset(metrics), backend, streamed) for index in range(n_networks)
    ]
    rows = collect(simulate_network, tasks, workers, progress)
    outputs = rows.pop("outputs", None)
    return Ensemble(seed, rows, architecture, n_samples, outputs)


def simulate_network(
    architecture: Architecture,
    n_samples: int,
    seed: Seed,
    index: int,
    metrics: Collection[str],
    backend: Backend,
    streamed: bool = False,
) -> dict[str, float | np.ndarray]:
    """Draw the ``index``-th network of a seed with its inputs, and measure it; ``outputs`` beside softmax metrics."""
    if streamed:
        sequence = np.random.SeedSequence(seed, spawn_key=(index,))
        inputs = draw_inputs(architecture, n_samples, backend.make_generator(sequence), backend)
        network = streamed_network(architecture, sequence, backend)
    else:
        network, inputs = drawn(architecture, n_samples, seed, index, backend)
    signals = forward(architecture, network, inputs, backend)
    found: dict[str, float | np.ndarray] = {**measure_signals(architecture, network, signals, metrics, backend)}
    if not set(SOFTMAX_METRICS).isdisjoint(metrics):
        found["outputs"] = backend.to_numpy(signals.outputs)
    return found


def _check(n_samples: int, n_networks: int, seed: Seed, metrics: Collection[str], workers: int | Executor) -> None:
    if n_samples < 1:
        raise InputError(f"n_samples = {n_samples} leaves nothing to measure: write at least 1")
    check_ensemble(n_networks, seed, workers)
    if isinstance(metrics, str) or not set(metrics) <= set(METRICS):
        raise InputError(f"metrics = {metrics!r}: give a collection of names among {', '.join(METRICS)}")
