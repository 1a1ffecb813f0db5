"""Directions of descent for stacked networks: the gradient, Adam, and the relative natural gradient of each neuron.

A method is told the gradients and signals of one mini batch after the other and answers with directions, one array a
parameter; the rate is left to the caller.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.special import expit

from fimtheory.simulation.digit_network import Array, Signals
from fimtheory.simulation.unit_metrics import from_diagonals, inverses, own_metrics, shared_metric

FIRST, SECOND, TINY = 0.9, 0.999, 1e-8  # Adam's usual constants


class Method(Protocol):
    """What is asked at every iteration."""

    def directions(self, gradients: list[Array], signals: Signals) -> list[Array]:
        """One array a parameter: the step is minus the rate times it."""
        ...


class Gradient:
    """Stochastic gradient descent."""

    def directions(self, gradients: list[Array], signals: Signals) -> list[Array]:
        """The gradients themselves."""
        return gradients


class Adam:
    """Gradients averaged over time, over the root of the averages of their squares (Kingma and Ba 2014)."""

    def __init__(self) -> None:
        self.iteration = 0
        self.means: list[Array] = []
        self.squares: list[Array] = []

    def directions(self, gradients: list[Array], signals: Signals) -> list[Array]:
        """Both averages are freed of their bias towards the zero they start from."""
        if not self.means:
            self.means = [np.zeros_like(g) for g in gradients]
            self.squares = [np.zeros_like(g) for g in gradients]
        self.iteration += 1
        first, second = 1 - FIRST**self.iteration, 1 - SECOND**self.iteration
        for g, mean, square in zip(gradients, self.means, self.squares, strict=True):
            mean += (1 - FIRST) * (g - mean)
            square += (1 - SECOND) * (g * g - square)
        return [
            mean / first / (np.sqrt(square / second) + TINY)
            for mean, square in zip(self.means, self.squares, strict=True)
        ]


class RelativeNatural:
    """Relative natural gradient descent (Sun and Nielsen 2016, eqs. 31-33) of plain ReLU networks.

    Each hidden unit has its own metric G, a moving average over mini batches of ``nu x~ x~' + damping I`` with
    ``nu = sigm(z/omega)^2``, the indicator of z > 0 at ``omega = 0``. G starts from the identity; an old mini batch
    counts ``decay`` times (lambda) what the next one does. Every ``period`` iterations G is inverted. The units of the
    first layer share one metric, with nu = 1, and so do those of the output layer.

    With ``every`` = k > 1 only each k-th mini batch is averaged, and an old one fades as fast as before.
    """

    def __init__(
        self, period: int = 100, decay: float = 0.995, damping: float = 1e-2, every: int = 1, omega: float = 0.0
    ) -> None:
        self.period, self.decay, self.damping, self.every, self.omega = period, decay, damping, every, omega
        self.iteration = 0
        self.averages: list[Array] = []
        self.inverses: list[Array] = []

    def directions(self, gradients: list[Array], signals: Signals) -> list[Array]:
        """G^-1 times the gradient, unit by unit."""
        if self.iteration % self.every == 0:
            self._average(signals)
        if self.iteration % self.period == 0:
            self.inverses = [inverses(G) for G in self.metrics()]
        self.iteration += 1
        last = len(gradients) - 1
        return [
            inverse @ g if layer in (0, last) else _each_its_own(inverse, g)
            for layer, (inverse, g) in enumerate(zip(self.inverses, gradients, strict=True))
        ]

    def metrics(self) -> list[Array]:
        """G of every layer: of shape (..., D, D) where it is shared, (..., m, D, D) where each unit has its own."""
        first, *own, last = self.averages
        return [first, *map(from_diagonals, own), last]

    def _average(self, signals: Signals) -> None:
        kept = self.decay**self.every
        found = self._found(signals, 1 - kept)
        if not self.averages:
            self.averages = [np.zeros_like(part) for part in found]
            _add_to_diagonals(self.averages, 1.0)
        for average, part in zip(self.averages, found, strict=True):
            average *= kept
            average += part
        _add_to_diagonals(self.averages, (1 - kept) * self.damping)

    def _found(self, signals: Signals, weight: float) -> list[Array]:
        """The metrics of one mini batch times a weight, own ones as cyclic diagonals."""
        (first, *hidden, last), values = signals.features, signals.preactivations[1:-1]
        share = weight / first.shape[-2]  # of one sample
        own = [own_metrics(x, share * self._selector(z)) for x, z in zip(hidden, values, strict=True)]
        return [share * shared_metric(first), *own, share * shared_metric(last)]

    def _selector(self, z: Array) -> Array:
        if self.omega == 0:
            return (z > 0).astype(z.dtype)
        return expit(z / self.omega) ** 2


def _add_to_diagonals(metrics: list[Array], amount: float) -> None:
    first, *own, last = metrics
    for shared in (first, last):
        diagonal = np.arange(shared.shape[-1])
        shared[..., diagonal, diagonal] += amount
    for packed in own:
        packed[..., 0, :] += amount


def _each_its_own(inverses: Array, gradient: Array) -> Array:
    """The inverse of each unit, of shape (..., m, D, D), times its column of the gradient, of shape (..., D, m)."""
    return (inverses @ gradient.swapaxes(-1, -2)[..., None])[..., 0].swapaxes(-1, -2)
