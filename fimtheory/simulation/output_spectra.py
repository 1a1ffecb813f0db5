"""Whole spectra of the Fisher matrix of output weights, units as many as the square of the dimension."""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.measurements import Measurements, Progress, Seed, check_ensemble, collect, generator
from fimtheory.simulation.output_fisher import OutputNetwork

_NAME = re.compile(r"modes\.resolvent\[(\d+(?:\.\d+)?)\]")


@dataclass(frozen=True)
class OutputSpectra(Measurements):
    """``modes.resolvent[s]``, the mean of s/(s + m lambda) over all m eigenvalues, of independent networks.

    ``outputs`` are the lengths |w_i| of their units, of shape ``(n_networks, m)``: what is predicted given the network.
    """

    network: OutputNetwork
    width: int
    outputs: np.ndarray = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"<OutputSpectra of {self.n_networks} networks, m = {self.width}, d = {self.network.dimension}, "
            f"seed {self.seed}: {len(self.names)} observables>"
        )


def simulate_spectra(
    network: OutputNetwork,
    width: int,
    n_networks: int,
    seed: Seed,
    observables: Iterable[str],
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> OutputSpectra:
    """Draw networks of ``width`` units and measure all their eigenvalues. Network ``i`` depends on the seed and ``i``.

    >>> simulate_spectra(OutputNetwork(4, ()), 16, 3, 1, ["modes.resolvent[0.5]"])
    <OutputSpectra of 3 networks, m = 16, d = 4, seed 1: 1 observables>
    """
    check_ensemble(n_networks, seed, workers)
    levels = {name: _level(name) for name in sorted(set(observables))}
    if not levels:
        raise InputError("nothing is to be measured: name observables, as modes.resolvent[0.5]")
    tasks = [(network, width, seed, i, levels) for i in range(n_networks)]
    measured = collect(_measure, tasks, workers, progress)
    lengths = measured.pop("lengths")
    return OutputSpectra(seed, measured, network, width, lengths)


def _level(name: str) -> float:
    match = _NAME.fullmatch(name)
    if not match or not float(match[1]) > 0:
        raise InputError(f"{name!r} is no observable of spectra: write modes.resolvent[0.5], a number above 0")
    return float(match[1])


def _measure(
    network: OutputNetwork, width: int, seed: Seed, index: int, levels: dict[str, float]
) -> dict[str, float | np.ndarray]:
    rng = generator(seed, index)
    weights = network.weights(width, rng)
    values = width * np.linalg.eigvalsh(network.fisher(weights, rng))
    found: dict[str, float | np.ndarray] = {"lengths": np.linalg.norm(weights, axis=1)}
    return found | {name: float((s / (s + values)).mean()) for name, s in levels.items()}
