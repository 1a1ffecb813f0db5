"""One logistic neuron, trained by gradient descent and by natural gradient, with and without whitened inputs.

The neuron says P(y = 1) = 1/(1 + exp(-theta . z)); z are the inputs with a one appended. All runs (training sets) and
configurations (rate and momentum) of a method go through their epochs together, as one batch of linear algebra; the only
loop is over epochs. The logarithm of the loss is followed, not the loss: on separable data it sinks below the smallest
double. Nothing here is taken from the theory.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fimtheory.errors import InputError, NotConverged
from fimtheory.simulation.digits import Digits, digits
from fimtheory.simulation.measurements import generator

METHODS = ("GD", "WhiteGD", "NGD", "WhiteNGD")
RATES = (0.01, 0.1, 1.0, 10.0, 100.0)
MOMENTA = (0.0, 0.8)
DAMPING = 0.01

_START = 2  # a stream of random numbers; the digits have 0 and 1
_LARGE = 30.0  # margins above: ln(1 + exp(-m)) is exp(-m) to 13 digits
_SINGULAR = 1e-10  # of the largest variance: directions below are not scaled up
_NEWTON_STEPS = 50
_STATIONARY = 1e-12  # Newton decrement, in units of the loss

Array = np.ndarray


@dataclass(frozen=True)
class NeuronExperiment:
    """What is learned and how: ``runs`` training sets of ``train`` images of two digits, each from its own start.

    Weights start as N(0, ``spread`` ^2), the same for all methods and configurations of a run. ``damping`` is the
    epsilon of the metric, in units of its mean eigenvalue. Raises :class:`InputError`.
    """

    classes: tuple[int, int] = (3, 5)
    train: int = 240
    flipped: float = 0.0
    runs: int = 10
    epochs: int = 100
    rates: tuple[float, ...] = RATES
    momenta: tuple[float, ...] = MOMENTA
    damping: float = DAMPING
    spread: float = 0.01
    seed: int = 1

    def __post_init__(self) -> None:
        if len(self.classes) != 2:
            raise InputError(f"classes = {self.classes}: one neuron tells two digits apart, write for instance (3, 5)")
        if self.runs < 1 or self.epochs < 1:
            raise InputError(f"{self.runs} runs of {self.epochs} epochs train nothing: write at least 1 and 1")
        grid = (min(self.rates, default=0) > 0, min(self.momenta, default=-1) >= 0, max(self.momenta, default=1) < 1)
        if not all(grid):
            raise InputError(f"rates {self.rates} and momenta {self.momenta}: write positive rates, momenta in [0, 1)")
        if not self.damping >= 0:
            raise InputError(f"damping = {self.damping} makes the metric indefinite: write a number of at least 0")

    @property
    def configurations(self) -> tuple[tuple[float, float], ...]:
        """(rate, momentum), in the order in which they are trained."""
        return tuple((rate, momentum) for rate in self.rates for momentum in self.momenta)

    def data(self, run: int) -> Digits:
        """The images of a run."""
        return digits(self.classes, self.flipped, self.train, (self.seed, run))


@dataclass(frozen=True, eq=False)
class NeuronCurves:
    """What one method learned: ``log_losses`` (configurations, runs, epochs + 1), plus infinity after divergence.

    ``test_errors`` (configurations, runs) are shares of test images told wrongly after the last epoch.
    """

    experiment: NeuronExperiment
    method: str
    log_losses: Array = field(repr=False)
    test_errors: Array = field(repr=False)

    @property
    def best(self) -> int:
        """The configuration of the smallest mean training loss after the last epoch; one that diverged is never it.

        Raises :class:`NotConverged` where all have diverged.
        """
        final = self.log_losses[:, :, -1]
        converged: Array = np.asarray(np.isfinite(final).all(axis=1))
        if not converged.any():
            raise NotConverged(f"{self.method} diverged at every rate: add smaller ones", float("inf"))
        means = _log_mean(np.where(converged[:, None], final, 0.0))
        return int(np.argmin(np.where(converged, means, np.inf)))

    @property
    def best_configuration(self) -> tuple[float, float]:
        """Its rate and momentum."""
        return self.experiment.configurations[self.best]

    @property
    def best_curves(self) -> Array:
        """Its logarithmic losses, of shape (runs, epochs + 1)."""
        return self.log_losses[self.best]


def train(experiment: NeuronExperiment, method: str) -> NeuronCurves:
    """Train every run with every configuration of one method; the numbers of a run do not depend on the other runs.

    Raises :class:`InputError` for a method that is not among ``METHODS``.

    >>> small = NeuronExperiment(train=100, runs=2, epochs=5, rates=(1.0,))
    >>> train(small, "NGD").log_losses.shape
    (2, 2, 6)
    """
    if method not in METHODS:
        raise InputError(f"method = {method!r}: write one of {', '.join(METHODS)}")
    problem = designs(experiment, method)
    draws = [generator((experiment.seed, run), _START) for run in range(experiment.runs)]
    start = experiment.spread * np.stack([draw.standard_normal(problem.Z.shape[-1]) for draw in draws])
    theta, log_losses = descend(
        problem.Z,
        problem.signs,
        start,
        np.array(experiment.configurations),
        experiment.epochs,
        experiment.damping,
        natural="NGD" in method,
    )
    wrong = _margins(theta, problem.test_Z, problem.test_signs) <= 0
    return NeuronCurves(experiment, method, log_losses.transpose(1, 0, 2), wrong.mean(axis=-1).T)


@dataclass(frozen=True, eq=False)
class Designs:
    """The training sets of all runs as a neuron sees them: ``Z`` (R, n, D) and ``signs`` (R, n), plus and minus one."""

    Z: Array = field(repr=False)
    signs: Array = field(repr=False)
    test_Z: Array = field(repr=False)
    test_signs: Array = field(repr=False)


def designs(experiment: NeuronExperiment, method: str) -> Designs:
    """z = (A (x - a), 1) of every run: A = I and a = 0, or, for white methods, those that whiten the training inputs."""
    parts = []
    for run in range(experiment.runs):
        data = experiment.data(run)
        a, A = whitening(data.inputs) if "White" in method else (np.zeros(data.inputs.shape[1]), None)
        seen = [x - a if A is None else (x - a) @ A.T for x in (data.inputs, data.test_inputs)]
        Z, test_Z = (np.column_stack([x, np.ones(len(x))]) for x in seen)
        parts.append((Z, 2.0 * data.labels - 1, test_Z, 2.0 * data.test_labels - 1))
    return Designs(*(np.stack(column) for column in zip(*parts, strict=True)))


def descend(
    Z: Array, signs: Array, start: Array, configurations: Array, epochs: int, damping: float, natural: bool
) -> tuple[Array, Array]:
    """Full-batch descent with momentum, v <- mu v - gamma d, theta <- theta + v, for all runs and configurations.

    The direction d is the gradient, or, where ``natural``, (g + epsilon I)^(-1) times it with epsilon =
    ``damping`` tr(g)/D. ``Z`` has shape (R, n, D), ``signs`` (R, n) are plus and minus one, ``start`` is (R, D) and
    ``configurations`` (K, 2) are rates and momenta. Returns the last theta, (R, K, D), and the logarithms of all losses,
    (R, K, epochs + 1). A trajectory whose loss is no longer a number is stopped: its theta is zero, its losses infinite.
    """
    rate, momentum = configurations[:, :1], configurations[:, 1:]
    theta = np.repeat(start[:, None], len(configurations), axis=1)
    velocity, direction, lost = np.zeros_like(theta), np.zeros_like(theta), np.zeros(theta.shape[:2], bool)
    log_losses = np.empty((*lost.shape, epochs + 1))
    with np.errstate(over="ignore", invalid="ignore"):  # diverging ones overflow, and are then stopped
        for epoch in range(epochs + 1):
            margins = _margins(theta, Z, signs)
            found = log_loss(margins)
            lost |= ~np.isfinite(found)
            theta[lost] = velocity[lost] = direction[lost] = margins[lost] = 0.0
            log_losses[:, :, epoch] = np.where(lost, np.inf, found)
            if epoch < epochs:
                going = ~lost.all(axis=0)  # configurations that some run still follows
                seen = margins[:, going]
                slope = natural_direction(seen, Z, signs, damping) if natural else gradient(seen, Z, signs)
                direction[:, going] = slope
                velocity = momentum * velocity - rate * direction
                theta = theta + velocity
    return theta, log_losses


def log_loss(margins: Array) -> Array:
    """ln of the mean over the last axis of ln(1 + exp(-m)), m = s theta . z; accurate however small the loss is.

    >>> round(float(log_loss(np.array([1000.0, 1000.0]))), 6)
    -1000.0
    """
    small = np.minimum(margins, _LARGE)
    return _log_mean(np.where(margins < _LARGE, np.log(np.logaddexp(0.0, -small)), -margins))


def gradient(margins: Array, Z: Array, signs: Array, log_scale: Array | float = 0.0) -> Array:
    """The mean of (p - y) z, times exp(-``log_scale``); (R, K, D)."""
    errors = -signs[:, None] * np.exp(-np.logaddexp(0.0, margins) - log_scale)
    return errors @ Z / Z.shape[1]


def metric(log_weights: Array, Z: Array) -> Array:
    """The mean of nu z z' for ln nu of shape (R, K, n); (R, K, D, D)."""
    weighted = np.exp(log_weights)[..., None] * Z[:, None]
    return Z.transpose(0, 2, 1)[:, None] @ weighted / Z.shape[1]


def log_nu(margins: Array) -> Array:
    """ln of p (1 - p), the variance of the answer; the same for margins of both signs.

    >>> round(float(log_nu(np.array(0.0))), 12) == round(-2 * float(np.log(2)), 12)
    True
    """
    return -np.abs(margins) - 2 * np.log1p(np.exp(-np.abs(margins)))


def natural_direction(margins: Array, Z: Array, signs: Array, damping: float) -> Array:
    """(g + damping tr(g)/D I)^(-1) grad L. Metric and gradient are divided by the largest nu first: nothing changes,
    for the damping has the scale of g, and nothing underflows."""
    log_weights = log_nu(margins)
    scale = log_weights.max(axis=-1, keepdims=True)
    g = metric(log_weights - scale, Z)
    D = g.shape[-1]
    mean = np.trace(g, axis1=-2, axis2=-1) / D
    damped = g + (damping * mean)[..., None, None] * np.eye(D)
    return np.linalg.solve(damped, gradient(margins, Z, signs, scale)[..., None])[..., 0]


def minimum(Z: Array, signs: Array) -> Array:
    """theta of the smallest loss on one training set, by Newton steps halved until they descend; (D,).

    ``Z`` is (n, D), ``signs`` (n,). Where the metric is singular, the step is the shortest; along a pixel that only images
    of one class have, the loss falls for ever, and theta is where less than 1e-12 of it is left to gain. Raises
    :class:`NotConverged` where the loss has no positive infimum: separable classes.
    """
    batch, target, theta = Z[None], signs[None], np.zeros(Z.shape[1])

    def loss(at: Array) -> float:
        return float(np.exp(log_loss(_margins(at[None, None], batch, target))[0, 0]))

    for _ in range(_NEWTON_STEPS):
        margins = _margins(theta[None, None], batch, target)
        slope = gradient(margins, batch, target)[0, 0]
        step = np.linalg.lstsq(metric(log_nu(margins), batch)[0, 0], slope, rcond=None)[0]
        here, size = loss(theta), 1.0
        if slope @ step <= _STATIONARY * here:
            return theta - step
        while loss(theta - size * step) > here - size * (slope @ step) / 4:
            size /= 2
        theta = theta - size * step
    raise NotConverged(
        f"no minimum was found in {_NEWTON_STEPS} Newton steps: are the classes separable?", float("nan")
    )


def whitening(inputs: Array) -> tuple[Array, Array]:
    """a and A for which A (x - a) has mean zero and covariance one; A is zero where nothing varies."""
    a = inputs.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(inputs.T, bias=True))
    kept = values > _SINGULAR * values[-1]
    scales = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    return a, scales[:, None] * vectors.T


def _margins(theta: Array, Z: Array, signs: Array) -> Array:
    return (theta @ Z.transpose(0, 2, 1)) * signs[:, None]


def _log_mean(logs: Array) -> Array:
    """ln of the mean of exp, over the last axis."""
    top = logs.max(axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    return top[..., 0] + np.log(np.exp(logs - top).mean(axis=-1))
