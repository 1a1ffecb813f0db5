"""What every ensemble of random networks has in common: one number a network and observable, whoever measured it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from queue import SimpleQueue

import numpy as np

from fimtheory.errors import InputError

WORKERS = min(4, os.cpu_count() or 1)  # threads, where nobody says how many: no number depends on it

Seed = int | tuple[int, ...]
Progress = Callable[[int, int], None]
Row = Mapping[str, float | np.ndarray]  # what one task measured


@dataclass(frozen=True)
class Measurements:
    """One number a network and observable; the base of every ensemble."""

    seed: Seed
    observables: dict[str, np.ndarray] = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all observables."""
        return tuple(self.observables)

    @property
    def n_networks(self) -> int:
        """The number of networks drawn."""
        return len(next(iter(self.observables.values())))

    def values(self, name: str) -> np.ndarray:
        """One number a network, of shape ``(n_networks,)``. Raises :class:`InputError` for a name not measured."""
        if name not in self.observables:
            raise InputError(f"{name!r} was not measured: name one of {', '.join(self.names)}, or ask for its metric")
        return self.observables[name]

    def mean(self, name: str) -> float:
        """The mean over networks."""
        return float(self.values(name).mean())

    def standard_error(self, name: str) -> float:
        """The standard error of :meth:`mean`, from the scatter of at least two networks."""
        values = self.values(name)
        if len(values) < 2:
            raise InputError("one network shows no scatter: simulate with n_networks >= 2 for a standard error")
        return float(values.std(ddof=1) / np.sqrt(len(values)))


def collect(
    measure: Callable[..., Row], tasks: list[tuple], workers: int | Executor, progress: Progress | None
) -> dict[str, np.ndarray]:
    """``measure(*task)`` for every task, in one array an observable, on so many threads or on an executor.

    ``progress(done, total)`` is called after each task. A keyboard interrupt cancels the tasks not yet begun.
    """
    rows: list[Row] = [{}] * len(tasks)
    for done, (index, row) in enumerate(_run(measure, tasks, workers), start=1):
        rows[index] = row
        if progress is not None:
            progress(done, len(tasks))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _run(measure: Callable[..., Row], tasks: list[tuple], workers: int | Executor) -> Iterator[tuple[int, Row]]:
    """Yield ``(index, measurements)`` as tasks are finished, in any order."""
    if workers == 1:
        yield from ((index, measure(*task)) for index, task in enumerate(tasks))
        return
    with ThreadPoolExecutor(workers) if isinstance(workers, int) else nullcontext(workers) as executor:
        futures: dict[Future, int] = {}
        done: SimpleQueue[Future] = SimpleQueue()  # an interrupt inside as_completed would leave workers locked out
        try:
            for index, task in enumerate(tasks):
                future = executor.submit(measure, *task)
                futures[future] = index
                future.add_done_callback(done.put)
            for _ in tasks:
                future = done.get()
                yield futures[future], future.result()
        finally:
            for future in futures:
                future.cancel()


def squared_deviations(values: np.ndarray) -> np.ndarray:
    """Squared deviations from the ensemble's mean, one a network, whose mean is the variance without bias."""
    if len(values) < 2:
        raise InputError("one network shows no scatter: simulate 2 or more")
    return (values - values.mean()) ** 2 * len(values) / (len(values) - 1)


def generator(seed: Seed, *place: int) -> np.random.Generator:
    """Random numbers that depend on the seed and the place (index of the network, stream) alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=place)))


def check_ensemble(n_networks: int, seed: Seed, workers: int | Executor) -> None:
    """Raises :class:`InputError` where no ensemble can be drawn."""
    if n_networks < 1:
        raise InputError(f"n_networks = {n_networks} is no ensemble: write at least 1")
    if min(seed if isinstance(seed, tuple) else (seed,)) < 0:
        raise InputError(f"seed = {seed} is negative: write a non-negative whole number")
    if isinstance(workers, int) and workers < 1:
        raise InputError(f"workers = {workers} leave the work undone: write at least 1, or give an executor")
