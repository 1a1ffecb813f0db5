"""One optimal gradient step of a student that starts at its teacher, with the loss itself along the gradient line.

Targets are Y_i = W2 f(W1 X_i) + eps_i, i = 1..M, with eps_i ~ N(0, epsilon^2 I); the loss is the sum over samples of
|Y_i - prediction|^2/2, and the student starts at the teacher's weights. No Hessian and no Fisher information enters the
result. Its loss changes by sum_i |d_i|^2/2 - d_i . eps_i where d_i is the change of a prediction: that has no
cancellation between losses, which agree to six digits; d_i itself, about 1e-5 of a prediction, needs double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from fimtheory.errors import InputError, NotConverged
from fimtheory.simulation.hidden_units import Function, checked_weights, evaluate
from fimtheory.simulation.ladder import Ladder, build_ladder
from fimtheory.simulation.measurements import Progress, Seed, check_ensemble, collect
from fimtheory.simulation.single_layer import SingleLayerEnsemble, draw_weights, layer_widths

ONE_STEP = "single_layer.one_step"

_BATCH = 4096  # samples at a time; part of what the random numbers depend on
_ACCURACY = 1e-6  # of the minimum, relative: how far the parabola may miss the loss at its vertex
_TRIALS = 30


@dataclass(frozen=True)
class OptimalStep:
    """The step ``W - step_size * gradient`` of the lowest loss, and by how much it changes the loss (negative)."""

    loss_change: float
    step_size: float


@dataclass(frozen=True)
class _Experiment:
    """Teacher weights, and samples that are drawn again on every pass over them."""

    W1: np.ndarray
    W2: np.ndarray
    f: Function
    df: Function
    n_samples: int
    epsilon: float
    seed: np.random.SeedSequence

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Inputs ``(batch, n0)`` and perturbations of the targets ``(batch, n2)``."""
        for index, start in enumerate(range(0, self.n_samples, _BATCH)):
            child = np.random.SeedSequence(self.seed.entropy, spawn_key=(*self.seed.spawn_key, index))
            generator = np.random.Generator(np.random.Philox(child))
            count = min(_BATCH, self.n_samples - start)
            # Data with 24 binary digits are data all the same, and drawing them was the larger part of the work.
            inputs = generator.standard_normal((count, self.W1.shape[1]), dtype=np.float32).astype(float)
            noise = generator.standard_normal((count, self.W2.shape[0]), dtype=np.float32).astype(float)
            yield inputs, self.epsilon * noise

    def descent(self) -> tuple[np.ndarray, np.ndarray]:
        """Minus the gradient of the loss at the teacher, by W1 and by W2."""
        one, two = np.zeros_like(self.W1), np.zeros_like(self.W2)
        for inputs, noise in self.batches():
            h = inputs @ self.W1.T
            two += noise.T @ evaluate("f", self.f, h)
            one += ((noise @ self.W2) * evaluate("df", self.df, h)).T @ inputs
        return one, two

    def step_guess(self, direction: tuple[np.ndarray, np.ndarray]) -> float:
        """The step at which the first batch alone, linearised, would be fitted best: where a search may start."""
        inputs, _ = next(self.batches())
        one, two = direction
        h = inputs @ self.W1.T
        change = (evaluate("df", self.df, h) * (inputs @ one.T)) @ self.W2.T + evaluate("f", self.f, h) @ two.T
        curvature = np.vdot(change, change) * self.n_samples / len(inputs)
        return float((np.vdot(one, one) + np.vdot(two, two)) / curvature)

    def loss_changes(self, direction: tuple[np.ndarray, np.ndarray], steps: Sequence[float]) -> list[float]:
        """L(W + step * direction) - L(W) for several steps, in one pass."""
        one, two = direction
        totals = np.zeros(len(steps))
        for inputs, noise in self.batches():
            h, slope = inputs @ self.W1.T, inputs @ one.T
            before = evaluate("f", self.f, h) @ self.W2.T
            for i, step in enumerate(steps):
                change = evaluate("f", self.f, h + step * slope) @ (self.W2 + step * two).T - before
                totals[i] += np.vdot(change, change) / 2 - np.vdot(change, noise)
        return totals.tolist()


def optimal_step(
    W1: Any,
    W2: Any,
    f: Function,
    df: Function,
    n_samples: int,
    epsilon: float,
    seed: np.random.SeedSequence | int,
) -> OptimalStep:
    """The optimal step of a student at its teacher ``W1`` of shape ``(n1, n0)``, ``W2`` of shape ``(n2, n1)``.

    The minimum of the loss itself over the step, found by parabolas through evaluations of it, to a relative
    1e-6. The samples are streamed: memory holds 4096 of them. *Source*: Pennington, Worah (2018), eqs. 31 to 33.
    Raises :class:`InputError`, and :class:`fimtheory.errors.NotConverged`.

    >>> step = optimal_step(np.eye(2), np.eye(2), lambda h: h, np.ones_like, n_samples=50, epsilon=0.1, seed=1)
    >>> step.loss_change < 0 < step.step_size
    True
    """
    if n_samples < 1:
        raise InputError(f"n_samples = {n_samples} leaves nothing to fit: write at least 1")
    if not 0 < epsilon < np.inf:
        raise InputError(
            f"epsilon = {epsilon}: the student is at its optimum without a perturbation; write a positive one"
        )
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    experiment = _Experiment(*checked_weights(W1, W2), f, df, n_samples, epsilon, sequence)
    direction = experiment.descent()
    if not any(part.any() for part in direction):
        raise InputError("the gradient vanishes: give an f that is not zero, and more samples")
    return _minimise(lambda steps: experiment.loss_changes(direction, steps), experiment.step_guess(direction))


def _minimise(loss_changes: Callable[[Sequence[float]], list[float]], guess: float) -> OptimalStep:
    """The minimum over positive steps of a loss that decreases at 0, from exact values of it alone."""
    trials = [guess, 2 * guess]
    known, expected = {0.0: 0.0}, np.nan
    for _ in range(_TRIALS):
        known |= dict(zip(trials, loss_changes(trials), strict=True))
        points = sorted(known)
        best = min(points, key=known.__getitem__)
        if len(trials) == 1 and abs(known[trials[0]] - expected) <= _ACCURACY * abs(known[best]):
            return OptimalStep(known[best], best)
        place = points.index(best)
        if place == 0:
            trials = [points[1] / 4, points[1] / 2]
        elif best == points[-1]:
            trials = [2 * best, 4 * best]
        else:
            vertex, expected = _vertex(*((point, known[point]) for point in points[place - 1 : place + 2]))
            trials = [vertex]
    raise NotConverged(
        "no minimum of the loss was found along the gradient: write a smaller epsilon", min(known.values())
    )


def _vertex(*points: tuple[float, float]) -> tuple[float, float]:
    """Where the parabola through three points, the middle one lowest, is lowest, and its value there."""
    (a, fa), (b, fb), (c, fc) = points
    left, right = (fb - fa) / (b - a), (fc - fb) / (c - b)
    curvature = (right - left) / (c - a)
    slope = left + curvature * (b - a)  # at b
    return b - slope / (2 * curvature), fb - slope**2 / (4 * curvature)


def simulate_one_step(
    f: Function,
    df: Function,
    n: int,
    n_networks: int,
    seed: Seed,
    n_samples: int | None = None,
    epsilon: float = 1e-3,
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> SingleLayerEnsemble:
    """The experiment for random teachers of square layers: ``single_layer.one_step`` = -Delta L/(epsilon^2 n^2).

    ``n_samples`` is 8 n^2 unless given, which is the paper's 2^17 at its width n = 128. Teacher ``i`` has the weights of
    network ``i`` of :func:`simulate_single_layer` with that seed. One network of n = 128 takes a few seconds on one
    core. *Source*: Pennington, Worah (2018), section 4.2. Raises :class:`InputError`.

    >>> simulate_one_step(np.tanh, lambda h: 1 - np.tanh(h) ** 2, n=4, n_networks=3, seed=1)
    <SingleLayerEnsemble of 3 networks, widths (4, 4, 4), seed 1: 1 observables>
    """
    widths = layer_widths(n, (1.0, 1.0))
    check_ensemble(n_networks, seed, workers)
    samples = 8 * n * n if n_samples is None else n_samples
    tasks = [(f, df, widths, samples, epsilon, seed, index) for index in range(n_networks)]
    return SingleLayerEnsemble(seed, collect(measure_one_step, tasks, workers, progress), widths)


def simulate_one_step_ladder(
    f: Function,
    df: Function,
    widths: Sequence[int],
    n_networks: int | Sequence[int],
    seed: int,
    epsilon: float = 1e-3,
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> Ladder[SingleLayerEnsemble]:
    """:func:`simulate_one_step` at several widths, with 8 n^2 samples each. Raises :class:`InputError`.

    >>> simulate_one_step_ladder(lambda h: h, np.ones_like, [2, 4], 3, seed=1)
    <Ladder of widths (networks) 2 (3), 4 (3): 1 observables>
    """

    def rung(n: int, number: int, report: Progress | None) -> SingleLayerEnsemble:
        return simulate_one_step(f, df, n, number, (seed, n), None, epsilon, report, workers)

    return build_ladder(rung, widths, n_networks, progress)


def measure_one_step(
    f: Function, df: Function, widths: tuple[int, int, int], n_samples: int, epsilon: float, seed: Seed, index: int
) -> dict[str, float]:
    """The experiment with the ``index``-th teacher of a seed."""
    weights = draw_weights(widths, seed, index)
    samples = np.random.SeedSequence(seed, spawn_key=(index, 0))
    step = optimal_step(*weights, f, df, n_samples, epsilon, samples)
    return {ONE_STEP: -step.loss_change / (epsilon**2 * widths[1] ** 2)}
