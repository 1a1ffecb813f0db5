r"""Relative natural gradient descent of a layer: what its averaged metric holds, what a stale inverse does, what it costs.

Each unit of a layer has a metric of its own, G = mean of nu(w . x~) x~ x~', whose moving average over mini batches is
inverted every T iterations. For a ReLU with sigma = 1 nu is nearly the indicator of w . x~ > 0, and G is the second moment
of the samples on which the unit is active.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from fimtheory.errors import InputError

Array = np.ndarray


def averaged_metric(metrics: ArrayLike, decay: float, damping: float = 0.0) -> Array:
    r"""The moving average G after mini batches with the metrics B_1, ..., B_t, from G = I.

    G_t = lambda^t I + (1 - lambda^t) epsilon I + (1 - lambda) sum_s lambda^(t - s) B_s: what is left of the identity is
    lambda^t (61 % when the inverse is first renewed, at T = 100 and lambda = 0.995), and mini batches count for about
    1/(1 - lambda) iterations.

    ``metrics`` has shape (t, ..., D, D), the answer (..., D, D). *Source*: Sun and Nielsen 2016, eq. 32, unrolled. Raises
    :class:`InputError`.

    >>> averaged_metric([[[2.0]], [[4.0]]], decay=0.5)
    array([[2.75]])
    """
    B = np.asarray(metrics, dtype=float)
    if B.ndim < 3 or B.shape[-1] != B.shape[-2] or not len(B):
        raise InputError(f"metrics of shape {B.shape} are no mini batches of square matrices: give (t, D, D), t >= 1")
    _require_decay(decay)
    if not damping >= 0:
        raise InputError(f"damping = {damping} makes the metric indefinite: write a number of at least 0")
    t, unit = len(B), np.eye(B.shape[-1])
    weights = (1 - decay) * decay ** np.arange(t - 1, -1, -1.0)
    return (decay**t + (1 - decay**t) * damping) * unit + np.tensordot(weights, B, axes=1)


def staleness(decay: float, age: int, growth: float) -> tuple[float, float]:
    r"""Bounds of the eigenvalues of G_old^(-1) G when the inverse is ``age`` iterations old.

    If every mini batch since then, damping included, has a metric of at most ``growth`` G_old, they lie between lambda^age
    and lambda^age + (1 - lambda^age) growth, and by these factors the first-order decrease of the cost differs from that of
    a fresh inverse. The lower bound holds whatever the mini batches: a stale step does at least lambda^age of what a fresh
    one would, and more where there was less information when the inverse was taken. Raises :class:`InputError`.

    *Source*: follows from eq. 32 of Sun and Nielsen 2016, for G - lambda^age G_old is an average of positive semidefinite
    metrics.

    >>> staleness(0.5, age=2, growth=3.0)
    (0.25, 2.5)
    """
    _require_decay(decay)
    if age < 0 or not growth >= 0:
        raise InputError(f"age = {age}, growth = {growth}: write numbers of at least 0")
    kept = decay**age
    return kept, kept + (1 - kept) * growth


@dataclass(frozen=True)
class InformativeSamples:
    """The samples on which a unit can learn, weighted by nu: their ``share``, ``mean`` (D,) and ``covariance`` (D, D).

    ``share`` is the mean of nu: for a ReLU the share of samples on which it is active.
    """

    share: float
    mean: Array
    covariance: Array

    @property
    def whitening(self) -> Array:
        """A with A covariance A' = I, of shape (D, D), lower triangular. Raises :class:`InputError`."""
        try:
            return np.linalg.inv(np.linalg.cholesky(self.covariance))
        except np.linalg.LinAlgError:
            raise InputError("the covariance of the informative samples is singular: take more samples") from None

    @property
    def coordinates(self) -> Array:
        """The matrix of shape (D + 1, D + 1) that makes (A (x - mean), 1)' of the input x~ = (x, 1)'."""
        A = self.whitening
        found = np.zeros((len(A) + 1, len(A) + 1))
        found[:-1, :-1], found[:-1, -1], found[-1, -1] = A, -A @ self.mean, 1.0
        return found


def informative_samples(metric: ArrayLike) -> InformativeSamples:
    """Read them off the metric of one unit, of shape (D + 1, D + 1) with the bias last.

    A natural gradient step of the unit is a step of ordinary descent, 1/share times as long, in the coordinates
    (A (x - mean), 1) in which exactly these samples have mean 0 and covariance I: each unit centres and whitens its input
    in its own way. *Source*: Sun and Nielsen 2016, section 5.2, made exact. *Holds when* the metric is not damped, there
    is a bias, and the covariance is positive definite. Raises :class:`InputError`.

    >>> informative_samples([[2.5, 1.0], [1.0, 0.5]])
    InformativeSamples(share=0.5, mean=array([2.]), covariance=array([[1.]]))
    """
    G = np.asarray(metric, dtype=float)
    if G.ndim != 2 or G.shape[0] != G.shape[1] or len(G) < 2:
        raise InputError(f"a metric of shape {G.shape} is none of a unit with a bias: give (D + 1, D + 1), bias last")
    if not G[-1, -1] > 0:
        raise InputError("the last diagonal entry, the mean of nu, is not positive: the unit learns from no sample")
    share, mean = float(G[-1, -1]), G[:-1, -1] / G[-1, -1]
    return InformativeSamples(share, mean, G[:-1, :-1] / share - np.outer(mean, mean))


def multiplications(
    widths: Sequence[int], batch: int, period: int | None = None, every: int = 1, own: bool = True
) -> float:
    """Multiplications an iteration takes, to leading order, of plain descent or (with a ``period`` T) of the relative one.

    A layer with D inputs (bias included) and m units takes 3 n D m for signals and gradients, without those of its inputs
    in the first. Relative descent adds, for each hidden unit (not in the first or last layer, which share one metric;
    ``own=False``: nowhere), n D^2/2 for its metric, at one iteration of ``every``, D^3/T for its inverse, and D^2 for its
    step. Raises :class:`InputError`.

    >>> multiplications((64, 64, 64, 64, 10), batch=50)
    1761500.0
    >>> round(multiplications((64, 64, 64, 64, 10), batch=50, period=100) / 1761500.0, 2)
    9.48
    """
    if len(widths) < 2 or min(widths) < 1 or batch < 1 or every < 1 or (period is not None and period < 1):
        raise InputError("write widths of at least two layers, and batch, period and every as whole numbers from 1 on")
    total, last = 0.0, len(widths) - 2
    for layer, (below, m) in enumerate(pairwise(widths)):
        D = below + 1
        total += (3 if layer else 2) * batch * D * m
        if period is not None:
            units = m if own and layer not in (0, last) else 1
            total += units * (batch * D**2 / 2 / every + D**3 / period) + m * D**2
    return total


def _require_decay(decay: float) -> None:
    if not 0 <= decay < 1:
        raise InputError(f"decay = {decay} is no weight of the past: write a number from 0 to below 1, e.g. 0.995")
