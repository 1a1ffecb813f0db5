"""Many networks of one architecture, each of them trained, measured under the names of the observables."""

from __future__ import annotations

import re
from collections.abc import Collection
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.backends import Array, Backend, numpy_backend
from fimtheory.simulation.measurements import Measurements, Progress, Seed, check_ensemble, collect
from fimtheory.simulation.networks import Architecture, Network, draw_inputs, draw_network, forward
from fimtheory.simulation.training import growth, kernel_of, train

_NAME = re.compile(
    r"training\.(?:critical_rate|(growth|mse|cross_entropy|lambda_F|lambda_F_cross|lambda_F_drift)\[(.+)\])"
)
_GROWTH_STEPS = 3
_ALONG_CROSS_ENTROPY = ("cross_entropy", "lambda_F", "lambda_F_cross", "lambda_F_drift")


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """What every network of an ensemble is trained for.

    ``targets`` have shape ``(N, C)``; ``rate`` is that of gradient descent; ``direction``, of shape ``(N,)`` and norm
    one, is where samples are expected to be learned fastest; ``inputs`` of shape ``(N, M_0)`` are the same for every
    network, and drawn anew for each where they are None.
    """

    targets: np.ndarray
    rate: float
    direction: np.ndarray
    parameterisation: str = "ordinary"
    inputs: np.ndarray | None = None


@dataclass(frozen=True)
class TrainingEnsemble(Measurements):
    """Measurements of independent networks in training: one number a network and observable.

    - ``training.mse[t]``, ``training.cross_entropy[t]``: the loss after t steps of gradient descent on it;
    - ``training.lambda_F[t]``, ``training.lambda_F_cross[t]``: the mean of the C largest eigenvalues of F, and the
      largest of F_cross, after t steps on the cross-entropy; ``training.lambda_F_drift[t]``: the first of these in
      units of what it was at the start;
    - ``training.growth[r]``: what a step on the squared loss multiplies a small residual by, in absolute value, along
      the top eigenvector of the network's own tangent kernel, at r times the network's own 2/lambda_max;
    - ``training.critical_rate``: the rate at which this factor is one, along the direction of the plan in each of the
      outputs, found from a step at the rate of the plan.

    ``outputs`` are those of the networks before training, of shape ``(n_networks, N, C)``.
    """

    architecture: Architecture
    plan: TrainingPlan = field(repr=False)
    outputs: np.ndarray = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"<TrainingEnsemble of {self.n_networks} networks, widths {self.architecture.widths}, seed {self.seed}: "
            f"{len(self.names)} observables>"
        )


def simulate_training(
    architecture: Architecture,
    plan: TrainingPlan,
    n_networks: int,
    seed: Seed,
    observables: Collection[str],
    backend: Backend | None = None,
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> TrainingEnsemble:
    """Draw networks, and inputs unless the plan has them, train each for what the observables ask, and measure.

    Seeds, ``progress`` and ``workers`` are those of :func:`fimtheory.simulation.simulate`. Raises :class:`InputError`.

    >>> identity = Architecture((3, 4, 2), 1.0, 0.0, phi=lambda u: u, dphi=lambda u: u**0)
    >>> plan = TrainingPlan(np.eye(2), rate=0.01, direction=np.array([0.6, 0.8]))
    >>> simulate_training(identity, plan, 5, seed=1, observables=["training.mse[2]"])
    <TrainingEnsemble of 5 networks, widths (3, 4, 2), seed 1: 1 observables>
    """
    check_ensemble(n_networks, seed, workers)
    wanted = _parsed(observables)
    backend = backend or numpy_backend()
    tasks = [(architecture, plan, seed, index, wanted, backend) for index in range(n_networks)]
    rows = collect(simulate_trained_network, tasks, workers, progress)
    outputs = rows.pop("outputs")
    return TrainingEnsemble(seed, rows, architecture, plan, outputs)


def simulate_trained_network(
    architecture: Architecture,
    plan: TrainingPlan,
    seed: Seed,
    index: int,
    wanted: dict[str, tuple[str, ...]],
    backend: Backend,
) -> dict[str, float | np.ndarray]:
    """Draw the ``index``-th network of a seed with its inputs, and measure it in training; ``outputs`` before it."""
    generator = backend.make_generator(np.random.SeedSequence(seed, spawn_key=(index,)))
    inputs = draw_inputs(architecture, len(plan.targets), generator, backend) if plan.inputs is None else plan.inputs
    inputs = backend.xp.asarray(inputs, dtype=backend.dtype)
    network = draw_network(architecture, generator, backend)
    found: dict[str, float | np.ndarray] = {**_losses(architecture, network, inputs, plan, wanted, backend)}
    if "critical_rate" in wanted:
        found["training.critical_rate"] = _critical_rate(architecture, network, inputs, plan, backend)
    for factor in wanted.get("growth", ()):
        found[f"training.growth[{factor}]"] = _growth(architecture, network, inputs, plan, float(factor), backend)
    return found | {"outputs": backend.to_numpy(forward(architecture, network, inputs, backend).outputs)}


def _losses(
    architecture: Architecture,
    network: Network,
    inputs: Array,
    plan: TrainingPlan,
    wanted: dict[str, tuple[str, ...]],
    backend: Backend,
) -> dict[str, float]:
    targets, found = backend.xp.asarray(plan.targets, dtype=backend.dtype), {}
    for loss, names in (("mse", ("mse",)), ("cross_entropy", _ALONG_CROSS_ENTROPY)):
        times = sorted({int(t) for name in names for t in wanted.get(name, ())} | {0})
        asked = [name for name in names if name in wanted]
        if not asked:
            continue
        eigenvalues = any(name.startswith("lambda") for name in asked)
        run = train(
            architecture, network, inputs, targets, loss, plan.rate, times, plan.parameterisation, eigenvalues, backend
        )
        series = {loss: run.losses}
        if eigenvalues:
            series |= {"lambda_F": run.lambda_F, "lambda_F_cross": run.lambda_F_cross}
            series["lambda_F_drift"] = run.lambda_F / run.lambda_F[0]
        found |= {
            f"training.{name}[{t}]": float(series[name][times.index(int(t))]) for name in asked for t in wanted[name]
        }
    return found


def _growth(
    architecture: Architecture, network: Network, inputs: Array, plan: TrainingPlan, factor: float, backend: Backend
) -> float:
    kernel = kernel_of(architecture, network, inputs, plan.parameterisation, backend)
    values, vectors = backend.xp.linalg.eigh(kernel)
    rate = factor * 2 / float(values[-1])
    top = vectors[:, -1].reshape(architecture.outputs, -1).T
    return abs(growth(architecture, network, inputs, top, rate, plan.parameterisation, _GROWTH_STEPS, backend=backend))


def _critical_rate(
    architecture: Architecture, network: Network, inputs: Array, plan: TrainingPlan, backend: Backend
) -> float:
    """A residual is multiplied by 1 - rate * lambda, which is -1 at the critical rate 2/lambda."""
    factors = []
    for output in np.eye(architecture.outputs):
        direction = backend.xp.asarray(np.outer(plan.direction, output), dtype=backend.dtype)
        factors.append(
            growth(architecture, network, inputs, direction, plan.rate, plan.parameterisation, backend=backend)
        )
    return 2 * plan.rate / (1 - float(np.mean(factors)))


def _parsed(observables: Collection[str]) -> dict[str, tuple[str, ...]]:
    """What is in brackets, by name; nothing for the critical rate."""
    wanted: dict[str, tuple[str, ...]] = {}
    for observable in observables:
        match = _NAME.fullmatch(observable)
        if not match or not _sensible(match[1], match[2]):
            raise InputError(
                f"{observable!r} is not measured in training: write training.critical_rate, training.growth[0.95], or"
                " training.mse[10], likewise cross_entropy, lambda_F, lambda_F_cross, lambda_F_drift, at a step"
            )
        name = match[1] or "critical_rate"
        wanted[name] = (*wanted.get(name, ()), *([match[2]] if match[1] else []))
    if not wanted:
        raise InputError("no observable is named: write for instance training.mse[10]")
    return wanted


def _sensible(name: str | None, argument: str | None) -> bool:
    if name is None or argument is None:
        return True
    number = re.fullmatch(r"\d+(\.\d+)?", argument) if name == "growth" else re.fullmatch(r"\d+", argument)
    return number is not None and (name != "growth" or float(argument) > 0)
