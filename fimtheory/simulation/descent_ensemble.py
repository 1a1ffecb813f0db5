"""What is measured on trained networks: logarithms of ratios between two methods, one number a run.

Each method is represented by the rate at which its mean cost over the last tenth of the iterations is smallest on
average over runs; a rate at which any run diverges is never chosen.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.digit_network import augmented
from fimtheory.simulation.digits import digits
from fimtheory.simulation.measurements import Measurements, Progress
from fimtheory.simulation.relative_descent import METHODS, Descent, DescentPlan, descend_on_digits
from fimtheory.simulation.unit_metrics import shared_metric

Array = np.ndarray
Rates = tuple[tuple[str, tuple[float, ...]], ...]

RATES: Rates = (
    ("SGD", (0.05, 0.1, 0.2, 0.4, 0.8)),
    ("Adam", (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032)),
    ("RNGD", (0.1, 0.2, 0.4, 0.8)),
)
_LAST, _SHARP, _EARLY = 0.1, 0.01, 0.1  # shares of all iterations
_SINGULAR = 1e-10  # of the largest eigenvalue
_NAME = re.compile(r"network\.(\w+)\[(\w+)(?:/(\w+))?\]")
_INPUTS = (("normalised", "raw"), ("whitened", "normalised"))


@dataclass(frozen=True)
class BestCurves:
    """The curves of one method at its best ``rate``: shapes (runs, iterations) and (runs, looks)."""

    method: str
    rate: float
    looks: tuple[int, ...]
    costs: Array = field(repr=False)
    test_losses: Array = field(repr=False)
    test_errors: Array = field(repr=False)


@dataclass(frozen=True)
class DescentEnsemble(Measurements):
    """Measurements of runs of several methods, paired: one number a run and observable.

    With A and B among ``METHODS``, ln of the ratio of

    - ``network.final[A/B]``: the mean costs over the last tenth of the iterations;
    - ``network.sharp[A/B]``: those over the last hundredth, the sharp ratio of the document;
    - ``network.early[A/B]``: those over the epoch with which a tenth of the training ends;
    - ``network.deviation[A/B]``: the standard deviations of the cost over the last tenth of the iterations;
    - ``network.variation[A/B]``: those of the logarithm of the cost, as curves on a logarithmic axis show them;
    - ``network.test[A/B]``: the losses on the test images at the end;
    - ``network.overfit[A]``: the smallest loss on the test images along the training, and that at the end;
    - ``network.condition[normalised/raw]``, ``network.condition[whitened/normalised]``: the condition numbers of the
      metric of a linear layer on the training images, whose pixels are normalised one by one, or whitened.
    """

    plan: DescentPlan
    curves: dict[str, BestCurves] = field(repr=False)

    def __repr__(self) -> str:
        chosen = ", ".join(f"{name} at {one.rate:g}" for name, one in self.curves.items())
        return f"<DescentEnsemble of {self.n_networks} runs, {chosen or 'no method'}: {len(self.names)} observables>"


def simulate_descent(
    plan: DescentPlan, observables: Collection[str], rates: Rates = RATES, progress: Progress | None = None
) -> DescentEnsemble:
    """Train the networks that the observables speak about, and measure; ``progress`` over all epochs of all methods.

    What one process has trained it keeps. Raises :class:`InputError`.

    >>> small = DescentPlan(hidden=(8,), train=100, epochs=10, look=10, runs=4)
    >>> simulate_descent(small, ["network.final[RNGD/SGD]"], rates=(("SGD", (0.1,)), ("RNGD", (0.1,))))
    <DescentEnsemble of 4 runs, SGD at 0.1, RNGD at 0.1: 1 observables>
    """
    wanted = {name: _parsed(name) for name in observables}
    if not wanted:
        raise InputError("no observable is named: write for instance network.final[RNGD/SGD]")
    needed = [m for m in METHODS if any(m in (a, b) for _, a, b in wanted.values())]
    curves = {}
    for done, method in enumerate(needed, start=1):
        curves[method] = best_curves(method, plan, rates)
        if progress is not None:
            progress(done, len(needed))
    rows = {name: _measured(*question, plan, curves) for name, question in wanted.items()}
    return DescentEnsemble(plan.seed, rows, plan, curves)


def best_curves(method: str, plan: DescentPlan, rates: Rates = RATES) -> BestCurves:
    """The curves of a method at the rate chosen among those of its optimiser; raises :class:`InputError`."""
    grid = tuple(dict(rates).get(method.partition("_")[0], ()))
    one = _trained(method, grid, plan)
    means = _ending(one.costs, _LAST).mean(axis=(1, 2))
    if not np.isfinite(means).any():
        raise InputError(f"{method} diverges at every rate of {grid}: give smaller ones")
    best = int(np.nanargmin(means))
    return BestCurves(method, grid[best], one.looks, one.costs[best], one.test_losses[best], one.test_errors[best])


@functools.lru_cache(maxsize=2 * len(METHODS))  # two variants of the data
def _trained(method: str, rates: tuple[float, ...], plan: DescentPlan) -> Descent:
    return descend_on_digits(method, rates, plan)


def _parsed(observable: str) -> tuple[str, str, str]:
    """What is asked, and of which two methods (or inputs); the second is empty where there is one."""
    match = _NAME.fullmatch(observable)
    kind, a, b = (part or "" for part in match.groups()) if match else ("", "", "")
    if kind == "condition" and (a, b) in _INPUTS:
        return kind, a, b
    known = a in METHODS and (not b if kind == "overfit" else b in METHODS)
    if not known or kind not in (*_OF_CURVES, "overfit"):
        raise InputError(
            f"{observable!r} is not measured: write network.K[A/B] with K one of {', '.join(_OF_CURVES)}, or "
            f"network.overfit[A], and methods A, B among {', '.join(METHODS)}"
        )
    return kind, a, b


def _measured(kind: str, a: str, b: str, plan: DescentPlan, curves: dict[str, BestCurves]) -> Array:
    if kind == "condition":
        conditions = [condition_numbers(plan, run) for run in range(plan.runs)]
        return np.log([one[a] / one[b] for one in conditions])
    if kind == "overfit":
        losses = curves[a].test_losses
        return np.log(losses.min(axis=-1) / losses[:, -1])
    statistic = _OF_CURVES[kind]
    return np.log(statistic(curves[a]) / statistic(curves[b]))


def condition_numbers(plan: DescentPlan, run: int) -> dict[str, float]:
    """Largest over smallest eigenvalue of the mean of x~ x~', the metric of a linear layer at unit noise.

    The images are those of a run: ``raw``, ``normalised`` to mean 0 and variance 1 pixel by pixel as batch normalisation
    does, and ``whitened``. Pixels that are the same in all of them are left out, and so are singular dimensions.
    """
    x = digits(train=plan.train, seed=(plan.seed, run)).inputs
    x = x[:, x.std(axis=0) > 0]
    normalised = (x - x.mean(axis=0)) / x.std(axis=0)
    values, vectors = np.linalg.eigh(shared_metric(normalised) / len(x))
    kept = values > _SINGULAR * values[-1]
    found = {"raw": x, "normalised": normalised, "whitened": normalised @ vectors[:, kept] / np.sqrt(values[kept])}
    return {name: _condition(shared_metric(augmented(array))) for name, array in found.items()}


def _condition(metric: Array) -> float:
    values = np.linalg.eigvalsh(metric)
    return float(values[-1] / values[values > _SINGULAR * values[-1]][0])


def _ending(costs: Array, share: float, end: float = 1.0) -> Array:
    """The costs of a share of all iterations, the last of them at ``end`` of the training."""
    last = round(end * costs.shape[-1])
    return costs[..., max(last - max(round(share * costs.shape[-1]), 2), 0) : last].astype(float)


_OF_CURVES: dict[str, Callable[[BestCurves], Array]] = {
    "final": lambda one: _ending(one.costs, _LAST).mean(axis=-1),
    "sharp": lambda one: _ending(one.costs, _SHARP).mean(axis=-1),
    "early": lambda one: _ending(one.costs, _SHARP, _EARLY).mean(axis=-1),
    "deviation": lambda one: _ending(one.costs, _LAST).std(axis=-1),
    "variation": lambda one: np.log(_ending(one.costs, _LAST)).std(axis=-1),
    "test": lambda one: one.test_losses[:, -1],
}
