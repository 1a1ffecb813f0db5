"""Training of ReLU networks on handwritten digits by relative natural gradient descent and by its rivals.

The experiment of Sun and Nielsen (2016), section 5.2: mini batches, several rates and several runs a method. All
networks of a method are trained at once. Run ``i`` has its own split of the images, flipped labels, first weights and
order of mini batches, the same for every method and rate: differences between methods are paired.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.descent_methods import Adam, Gradient, Method, RelativeNatural
from fimtheory.simulation.digit_network import (
    Array,
    Network,
    augmented,
    backward,
    cross_entropy,
    draw_network,
    forward,
)
from fimtheory.simulation.digits import CLASSES, digits
from fimtheory.simulation.measurements import generator

Progress = Callable[[int, int], None]

# a method by its optimiser, and by where hidden units are normalised: after (BNA) or before (BNB) their activation
METHODS = ("SGD", "SGD_BNA", "SGD_BNB", "Adam", "Adam_BNA", "Adam_BNB", "RNGD", "RNGD_sparse")
_NORMALISATIONS = {"BNA": "after", "BNB": "before"}
_WEIGHTS, _BATCHES = 0, 1  # streams of random numbers
_PIXELS = 64


@dataclass(frozen=True)
class DescentPlan:
    """What is trained, on what, and for how long.

    Every epoch runs once through the ``train`` images in mini batches of ``batch``, of which ``train`` is a multiple.
    The test images are looked at after every ``look`` epochs. ``period``, ``decay`` and ``damping`` are those of
    :class:`fimtheory.simulation.descent_methods.RelativeNatural`, and the method ``RNGD_sparse`` averages every
    ``sparse``-th mini batch only. In single ``precision`` paths part from those in double after some epochs; final costs
    differ by less than they do from run to run. Raises :class:`InputError`.
    """

    hidden: tuple[int, ...] = (64, 64, 64)
    train: int = 1400
    batch: int = 50
    epochs: int = 100
    look: int = 5
    runs: int = 10
    flipped: float = 0.0
    seed: int = 1
    period: int = 100
    decay: float = 0.995
    damping: float = 1e-2
    sparse: int = 10
    precision: str = "float32"

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1:
            raise InputError(f"hidden = {self.hidden} is no network: write the numbers of hidden units, e.g. (64, 64)")
        if self.batch < 2 or self.train < 1 or self.train % self.batch:
            raise InputError(f"train = {self.train} images are no whole number of mini batches of {self.batch} >= 2")
        if min(self.runs, self.period, self.sparse, self.look) < 1 or self.epochs < self.look:
            raise InputError("runs, period, sparse and look are whole numbers from 1 on, and epochs is at least look")
        if not (0 <= self.decay < 1 and self.damping > 0):
            raise InputError(f"decay = {self.decay} must lie in [0, 1) and damping = {self.damping} be positive")
        if self.precision not in ("float32", "float64"):
            raise InputError(f"precision = {self.precision!r}: write float32 or float64")

    @property
    def per_epoch(self) -> int:
        """Iterations of an epoch."""
        return self.train // self.batch


@dataclass(frozen=True)
class Descent:
    """Curves of one method: ``costs`` of the mini batches before each step, of shape (rates, runs, iterations).

    ``test_losses`` and ``test_errors`` have the shape (rates, runs, looks), after so many epochs as ``looks`` says. A
    network that has diverged costs NaN from there on.
    """

    method: str
    rates: tuple[float, ...]
    looks: tuple[int, ...]
    costs: Array = field(repr=False)
    test_losses: Array = field(repr=False)
    test_errors: Array = field(repr=False)


@dataclass(frozen=True)
class _Data:
    """Images of every run, with a column of ones, and their labels: shapes (runs, n, 65) and (runs, n)."""

    inputs: Array
    labels: Array
    test_inputs: Array
    test_labels: Array


def descend_on_digits(
    method: str, rates: tuple[float, ...], plan: DescentPlan, progress: Progress | None = None
) -> Descent:
    """Train ``len(rates) * plan.runs`` networks at once; ``progress(epoch, epochs)`` after each epoch.

    Raises :class:`InputError`, also without scikit-learn.

    >>> small = DescentPlan(hidden=(8,), train=100, epochs=1, look=1, runs=2)
    >>> descend_on_digits("RNGD", (0.1, 0.2, 0.4), small).costs.shape
    (3, 2, 2)
    """
    if not rates or not all(0 < rate < np.inf for rate in rates):
        raise InputError(f"rates = {rates} of {method}: write positive numbers, e.g. (0.1, 0.2)")
    network, descent = _start(method, len(rates), plan)
    data, rate = _data(plan), np.array(rates, plan.precision)[:, None, None, None]
    alive, each = np.ones((len(rates), plan.runs), bool), np.arange(plan.runs)[:, None]
    costs, looks, tests = [], [], []
    with np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(1, plan.epochs + 1):
            for batch in _batches(plan, epoch):
                x, y = data.inputs[each, batch], data.labels[each, batch]
                costs.append(_step(network, descent, rate, alive, x, y))
            if epoch % plan.look == 0:
                looks.append(epoch)
                tests.append(_tested(network, data, alive))
            if progress is not None:
                progress(epoch, plan.epochs)
    losses, errors = np.moveaxis(np.array(tests), 0, -1)
    return Descent(method, rates, tuple(looks), np.moveaxis(np.array(costs), 0, -1), losses, errors)


def _step(network: Network, descent: Method, rate: Array, alive: Array, x: Array, y: Array) -> Array:
    """One iteration, in place; the weights of networks whose cost is no longer a number rest at zero."""
    signals = forward(network, x)
    cost = cross_entropy(signals.preactivations[-1], y).mean(axis=-1)
    alive &= np.isfinite(cost)
    gradients = backward(network, signals, y)
    for array, step in zip(network.parameters, descent.directions(gradients, signals), strict=True):
        array -= rate * step
        array[~alive] = 0.0
    return np.where(alive, cost, np.nan)


def _start(method: str, rates: int, plan: DescentPlan) -> tuple[Network, Method]:
    """Stacked networks, of shape (rates, runs) in front, that start alike at every rate."""
    if method not in METHODS:
        raise InputError(f"method = {method!r}: write one of {', '.join(METHODS)}")
    name, _, variant = method.partition("_")
    normalisation, widths = _NORMALISATIONS.get(variant, "plain"), (_PIXELS, *plan.hidden, CLASSES)
    drawn = [draw_network(generator(plan.seed, _WEIGHTS, run), widths, normalisation) for run in range(plan.runs)]

    def stacked(arrays: list[list[Array]]) -> list[Array]:
        return [
            np.repeat(np.stack(of_runs)[None], rates, axis=0).astype(plan.precision)
            for of_runs in zip(*arrays, strict=True)
        ]

    network = Network(
        stacked([one.weights for one in drawn]),
        stacked([one.scales for one in drawn]),
        stacked([one.shifts for one in drawn]),
        normalisation,
    )
    if name == "RNGD":
        every = plan.sparse if variant else 1
        return network, RelativeNatural(plan.period, plan.decay, plan.damping, every)
    return network, Gradient() if name == "SGD" else Adam()


def _data(plan: DescentPlan) -> _Data:
    sets = [digits(flipped=plan.flipped, train=plan.train, seed=(plan.seed, run)) for run in range(plan.runs)]
    return _Data(
        augmented(np.stack([one.inputs for one in sets])).astype(plan.precision),
        np.stack([one.labels for one in sets]),
        augmented(np.stack([one.test_inputs for one in sets])).astype(plan.precision),
        np.stack([one.test_labels for one in sets]),
    )


def _batches(plan: DescentPlan, epoch: int) -> Array:
    """Indices of the mini batches of an epoch: shape (iterations, runs, batch)."""
    orders = [generator(plan.seed, _BATCHES, run, epoch).permutation(plan.train) for run in range(plan.runs)]
    return np.stack(orders).reshape(plan.runs, -1, plan.batch).swapaxes(0, 1)


def _tested(network: Network, data: _Data, alive: Array) -> tuple[Array, Array]:
    """Loss and share of errors on the test images; batch normalisation takes the moments of all training images."""
    moments = forward(network, data.inputs).moments if network.normalisation != "plain" else None
    logits = forward(network, data.test_inputs, moments).preactivations[-1]
    loss = cross_entropy(logits, data.test_labels).mean(axis=-1)
    errors = (logits.argmax(axis=-1) != data.test_labels).mean(axis=-1)
    return np.where(alive, loss, np.nan), np.where(alive, errors, np.nan)
