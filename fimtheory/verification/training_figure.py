"""The data behind figure 5 of document 004: cross-entropy and largest eigenvalues along training, beside the theory.

One data set, of Gaussian inputs and the labels of a teacher of the same architecture, and several networks. Full size
is the paper's: three layers of width 2000, ReLU, two classes, 100 samples, 5 networks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fimtheory.activations import activation
from fimtheory.simulation import numpy_backend
from fimtheory.simulation.networks import draw_inputs, draw_network
from fimtheory.simulation.training import one_hot_labels, train
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.training_problem import TrainingProblem
from fimtheory.verification.checkpoints import Checkpoints
from fimtheory.verification.deep_networks import architecture_of

Progress = Callable[[int, int], None]

SEED = 1
FRACTION = 0.5  # of the critical rate of the squared loss, a quarter of what the cross-entropy bears
_FULL, _QUICK = (2000, 100, 5, 400), (200, 20, 5, 100)  # width, samples, networks, steps
_POINTS = 20


@dataclass(frozen=True)
class TrainingFigure:
    """Curves at ``steps``: means and standard deviations over networks, and the theory, averaged over the same networks.

    ``measured`` and ``deviation`` map ``loss``, ``lambda_F`` (mean of the C largest) and ``lambda_F_cross`` (largest)
    to arrays of the shape of ``steps``. ``theory`` has two kernels: that of the order parameters, under ``loss``,
    ``lambda_F``, ``lower``, ``upper`` (the bounds of theorem 3.3) and ``lambda_F_cross``; and that of the very inputs,
    under ``loss_given``, ``lambda_F_given`` and ``lambda_F_cross_given``. Both start from each network's own outputs.
    """

    network: DeepNetwork
    width: int
    rate: float
    steps: np.ndarray
    measured: dict[str, np.ndarray]
    deviation: dict[str, np.ndarray]
    theory: dict[str, np.ndarray]


def training_figure(quick: bool, store: Checkpoints, progress: Progress | None = None) -> TrainingFigure:
    """Figure 5; each network is a piece that is kept."""
    return training_curves(*(_QUICK if quick else _FULL), store, progress)


def training_curves(
    width: int, samples: int, networks: int, steps: int, store: Checkpoints, progress: Progress | None = None
) -> TrainingFigure:
    """The same at any size."""
    network = DeepNetwork(activation("relu"), 3, 2, 0, outputs=2, samples=samples)
    inputs, labels = _data(network, width)
    times = tuple(int(t) for t in np.unique((steps * np.linspace(0, 1, _POINTS) ** 2).round()))  # densest at first
    random = TrainingProblem(network, labels, times, FRACTION)
    given = TrainingProblem(network, labels, times, FRACTION, inputs=inputs)
    rows = []
    for index in range(networks):
        description = (
            f"training: relu, L = 3, sigma_w^2 = 2, sigma_b^2 = 0, C = 2, N = {samples}, M = {width}, "
            f"steps {times} at {FRACTION} of 2/lambda_max, seed {SEED}, network {index}"
        )
        rows.append(store.piece(description, lambda index=index: _trained(random, width, inputs, index)))
        if progress:
            progress(index + 1, networks)
    names = ("loss", "lambda_F", "lambda_F_cross")
    curves = [_theory(random, given, row["outputs"], width) for row in rows]
    return TrainingFigure(
        network,
        width,
        random.rate(width),
        np.array(times),
        {name: np.mean([row[name] for row in rows], axis=0) for name in names},
        {name: np.std([row[name] for row in rows], axis=0, ddof=1) for name in names},
        {name: np.mean([curve[name] for curve in curves], axis=0) for name in curves[0]},
    )


def _data(network: DeepNetwork, width: int) -> tuple[np.ndarray, np.ndarray]:
    backend, architecture = numpy_backend(), architecture_of(network, width)
    generator = backend.make_generator(np.random.SeedSequence((SEED, width)))
    inputs = draw_inputs(architecture, network.samples, generator, backend)
    return inputs, one_hot_labels(architecture, draw_network(architecture, generator, backend), inputs, backend)


def _trained(problem: TrainingProblem, width: int, inputs: np.ndarray, index: int) -> dict[str, np.ndarray]:
    backend, architecture = numpy_backend(), architecture_of(problem.network, width)
    generator = backend.make_generator(np.random.SeedSequence((SEED, width), spawn_key=(index,)))
    start = draw_network(architecture, generator, backend)
    run = train(
        architecture,
        start,
        inputs,
        problem.targets,
        "cross_entropy",
        problem.rate(width),
        problem.times,
        eigenvalues=True,
    )
    found = {"loss": run.losses, "lambda_F": run.lambda_F, "lambda_F_cross": run.lambda_F_cross}
    return found | {"outputs": run.outputs[0]}


def _theory(random: TrainingProblem, given: TrainingProblem, outputs: np.ndarray, width: int) -> dict[str, np.ndarray]:
    """The curves of one network from its own outputs, at the rate at which it was trained."""
    found: dict[str, np.ndarray] = {}
    for mark, problem in (("", random), ("_given", given)):
        run = problem.trajectory(outputs, width, "cross_entropy", problem.times[-1], random.rate(width))
        cross = [float(run.cross_eigenvalues(t)[0]) for t in problem.times]
        found |= {
            f"loss{mark}": run.loss[list(problem.times)],
            f"lambda_F{mark}": np.full(len(cross), run.lambda_max),
            f"lambda_F_cross{mark}": np.array(cross),
        }
        if not mark:
            bounds = np.array([run.cross_bounds(t) for t in problem.times])
            found |= {"lower": bounds[:, 0], "upper": bounds[:, 1]}
    return found
