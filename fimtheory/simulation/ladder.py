"""Ensembles at several widths, for the limit of infinite width."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.backends import Backend
from fimtheory.simulation.ensemble import Ensemble, simulate
from fimtheory.simulation.measurements import Measurements, Progress
from fimtheory.simulation.metrics import PLAIN_METRICS
from fimtheory.simulation.networks import Architecture

Rung = TypeVar("Rung", bound=Measurements)


@dataclass(frozen=True)
class Ladder(Generic[Rung]):
    """One ensemble for each width, narrowest first."""

    ensembles: dict[int, Rung] = field(repr=False)

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths simulated."""
        return tuple(self.ensembles)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all observables."""
        return next(iter(self.ensembles.values())).names

    def series(self, name: str, power: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """``(widths, means, standard_errors, n_networks)`` of one observable, each of shape ``(number of widths,)``.

        Means and standard errors are multiplied by ``M ** power``: a quantity that grows as ``M ** -power`` has a
        finite limit only then (the mean eigenvalue of F with power 1, its largest with -1).
        """
        rungs = self.ensembles.values()
        scale = np.array(self.widths, dtype=float) ** power
        return (
            np.array(self.widths),
            np.array([rung.mean(name) for rung in rungs]) * scale,
            np.array([rung.standard_error(name) for rung in rungs]) * scale,
            np.array([rung.n_networks for rung in rungs]),
        )

    def __repr__(self) -> str:
        rungs = ", ".join(f"{width} ({rung.n_networks})" for width, rung in self.ensembles.items())
        return f"<Ladder of widths (networks) {rungs}: {len(self.names)} observables>"


def simulate_ladder(
    make_architecture: Callable[[int], Architecture],
    widths: Sequence[int],
    n_samples: int,
    n_networks: int | Sequence[int],
    seed: int,
    metrics: Collection[str] = PLAIN_METRICS,
    backend: Backend | None = None,
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> Ladder[Ensemble]:
    """Simulate ``make_architecture(M)`` for every width ``M``, each with its own independent stream of random numbers.

    ``n_networks`` is one number for all widths, or one for each. A width's numbers depend on ``seed`` and on the width
    alone: adding a width changes no other. The remaining arguments, ``progress`` over all widths included, are those of
    :func:`fimtheory.simulation.simulate`. Raises :class:`InputError`.

    >>> def linear(width):
    ...     return Architecture((width, width, 2), 1.0, 0.1, phi=lambda u: u, dphi=lambda u: u**0)
    >>> simulate_ladder(linear, [4, 8], n_samples=3, n_networks=[6, 3], seed=1, metrics={"F"})
    <Ladder of widths (networks) 4 (6), 8 (3): 13 observables>
    """

    def rung(width: int, number: int, report: Progress | None) -> Ensemble:
        return simulate(make_architecture(width), n_samples, number, (seed, width), metrics, backend, report, workers)

    return build_ladder(rung, widths, n_networks, progress)


def ladder_of(
    simulate: Callable[..., Rung],
    make: Callable[[int], Any],
    widths: Sequence[int],
    n_networks: int | Sequence[int],
    seed: int,
    observables: Iterable[str],
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> Ladder[Rung]:
    """``simulate(make(width), width, number, (seed, width), observables, progress, workers)`` at several widths."""
    wanted = tuple(observables)

    def rung(width: int, number: int, report: Progress | None) -> Rung:
        return simulate(make(width), width, number, (seed, width), wanted, report, workers)

    return build_ladder(rung, widths, n_networks, progress)


def build_ladder(
    rung: Callable[[int, int, Progress | None], Rung],
    widths: Sequence[int],
    n_networks: int | Sequence[int],
    progress: Progress | None,
) -> Ladder[Rung]:
    """The ensembles ``rung(width, number of networks, progress)`` of all widths, narrowest first.

    ``n_networks`` is one number for all widths, or one for each; ``progress`` runs over all of them. Raises
    :class:`InputError`.
    """
    numbers = [n_networks] * len(widths) if isinstance(n_networks, int) else list(n_networks)
    if len(numbers) != len(widths):
        raise InputError(f"n_networks has {len(numbers)} entries for {len(widths)} widths: write one, or one for each")
    if not widths or len(set(widths)) < len(widths) or min(widths) < 1:
        raise InputError(f"widths = {list(widths)}: write different positive widths, e.g. [100, 200, 400]")
    ensembles: dict[int, Rung] = {}
    done = 0
    for width, number in sorted(zip(widths, numbers, strict=True)):
        report = partial(_shifted, progress, done, sum(numbers)) if progress is not None else None
        ensembles[width] = rung(width, number, report)
        done += number
    return Ladder(ensembles)


def _shifted(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)
