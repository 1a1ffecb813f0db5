r"""Natural gradient descent: its step, how fast it comes down to a minimum, and what it does where there is none.

A step minimises L + delta' grad L + delta' g delta/(2 gamma), which gives delta = -gamma g^(-1) grad L. In the experiments
the metric is damped, g + epsilon tr(g)/D I, so that it can be inverted. For a canonical model, such as the logistic neuron,
g is the Hessian of the loss, and natural gradient is Newton's method. That settles both ends of training:

- near a minimum an eigenvalue h of the Hessian contracts like 1 - gamma h in ordinary, like 1 - gamma h/(h + epsilon) in
  natural gradient descent;
- on separable data there is no minimum. Then the natural step does not vanish, for its damping has the scale of g: the
  weights grow by the same amount in every epoch, along the direction of the largest margin, and the loss falls
  exponentially; with ordinary gradients it falls like 1/t.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import wrightomega

from fimtheory.errors import InputError

_SYMMETRIC = 1e-8  # relative: what rounding may leave of symmetry
_VANISHING, _EXACT = 1e-13, 1e-6  # of one: a mean that is zero, a margin that is met
_LOG_TEN = float(np.log(10.0))

Array = np.ndarray


def natural_gradient(gradient: ArrayLike, metric: ArrayLike, damping: float = 0.0) -> Array:
    r"""The direction (g + epsilon I)^(-1) grad L, epsilon = ``damping`` tr(g)/D; a step subtracts gamma times it.

    Without damping g^(-1) is the Moore-Penrose inverse where g is singular; the step is then the shortest of all that
    minimise the model, if the gradient lies in the range of g, as it does for a neuron: both are made of its inputs. With
    damping the direction does not change when g and the gradient are multiplied by the same number.

    ``gradient`` has shape (..., D), ``metric`` (..., D, D). *Source*: Sun and Nielsen 2016, eqs. 7 and 30. Raises
    :class:`InputError`.

    >>> natural_gradient([2.0, 6.0], [[1.0, 0.0], [0.0, 3.0]])
    array([2., 2.])
    >>> natural_gradient([2.0, 0.0], [[1.0, 0.0], [0.0, 0.0]])
    array([2., 0.])
    """
    slope, g = np.asarray(gradient, dtype=float), np.asarray(metric, dtype=float)
    D = slope.shape[-1] if slope.ndim else 0
    if not D or g.shape[-2:] != (D, D):
        raise InputError(
            f"a metric of shape {g.shape} does not fit a gradient of shape {slope.shape}: give (D, D), (D,)"
        )
    if not (np.isfinite(slope).all() and np.isfinite(g).all()):
        raise InputError("gradient or metric is not finite: there is no direction; go back to smaller steps")
    if np.abs(g - np.swapaxes(g, -1, -2)).max() > _SYMMETRIC * np.abs(g).max():
        raise InputError("the metric is not symmetric: give (g + g')/2, or a mean of outer products")
    if not damping >= 0:
        raise InputError(f"damping = {damping} makes the metric indefinite: write a number of at least 0")
    if damping == 0:
        return np.einsum("...ij,...j->...i", np.linalg.pinv(g, hermitian=True), slope)
    mean = np.trace(g, axis1=-2, axis2=-1) / D
    if not np.all(mean > 0):
        raise InputError("the metric has no positive trace: without information damping has no scale; write damping=0")
    damped = g + (damping * mean)[..., None, None] * np.eye(D)
    return np.linalg.solve(damped, slope[..., None])[..., 0]


# -- near a minimum


def preconditioned(curvatures: ArrayLike, damping: float = 0.0) -> Array:
    r"""Eigenvalues of (g + epsilon I)^(-1) H where g = H has the eigenvalues h: h/(h + epsilon), epsilon = damping mean(h).

    A direction without curvature keeps none. ``curvatures`` has shape (D,). Raises :class:`InputError`.

    >>> preconditioned([1.0, 3.0], damping=0.5)
    array([0.5 , 0.75])
    """
    h = _curvatures(curvatures)
    if not damping >= 0:
        raise InputError(f"damping = {damping} makes the metric indefinite: write a number of at least 0")
    epsilon = damping * h.mean()
    return np.divide(h, h + epsilon, out=np.zeros_like(h), where=h + epsilon > 0)


def contraction(curvatures: ArrayLike, rate: float, momentum: float = 0.0) -> Array:
    r"""By what an offset shrinks in an epoch, along each eigenvector: the larger root, in modulus, of
    x^2 - (1 + mu - gamma h) x + mu = 0; |1 - gamma h| without momentum.

    *Holds when* the offset is small. For natural gradient descent hand in :func:`preconditioned` curvatures.
    Raises :class:`InputError`.

    >>> contraction([0.5, 1.5], rate=1.0)
    array([0.5, 0.5])
    >>> contraction([1.0], rate=1.0, momentum=0.25)
    array([0.5])
    """
    h = _curvatures(curvatures)
    _require_step(rate, momentum)
    middle = 1 + momentum - rate * h
    below = middle**2 - 4 * momentum
    return np.where(below < 0, np.sqrt(momentum), (np.abs(middle) + np.sqrt(np.maximum(below, 0.0))) / 2)


def epochs_per_digit(factors: ArrayLike) -> Array:
    r"""The epochs in which the excess loss falls to a tenth, ln(10)/(2 ln(1/rho)) for a contraction rho of the offset.

    Infinite where nothing contracts. Raises :class:`InputError`.

    >>> epochs_per_digit([0.1, 1.0])
    array([0.5, inf])
    """
    rho = np.asarray(factors, dtype=float)
    if not np.all(rho >= 0):
        raise InputError(f"contractions {factors} are not numbers of at least 0: they are moduli")
    with np.errstate(divide="ignore"):
        return np.where(rho < 1, _LOG_TEN / (-2 * np.log(np.minimum(rho, 1.0))), np.inf)


def amplitudes(curvatures: ArrayLike, rate: float, momentum: float, epochs: int) -> Array:
    r"""What is left of an offset after 0, 1, ..., ``epochs`` epochs along each eigenvector; shape (epochs + 1, D).

    r_0 = 1, r_1 = 1 - gamma h, r_(t+1) = (1 + mu - gamma h) r_t - mu r_(t-1): descent with v <- mu v - gamma d,
    theta <- theta + v, from rest. Raises :class:`InputError`.

    >>> amplitudes([0.5], rate=1.0, momentum=0.0, epochs=3)[:, 0]
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    h = _curvatures(curvatures)
    _require_step(rate, momentum)
    rows = [np.ones_like(h)]
    velocity = np.zeros_like(h)
    for _ in range(epochs):
        velocity = momentum * velocity - rate * h * rows[-1]
        rows.append(rows[-1] + velocity)
    return np.array(rows)


# -- without a minimum


@dataclass(frozen=True, eq=False)
class MaximalMargin:
    """The shortest w with s_i w . z_i >= 1 for all samples, w = sum_i a_i s_i z_i.

    ``direction`` is w, of shape (D,); ``multipliers`` are the a_i >= 0, (n,), which are zero but for support vectors.
    """

    direction: Array = field(repr=False)
    multipliers: Array = field(repr=False)

    @property
    def margin(self) -> float:
        """The distance of the closest sample from the plane, 1/|w|."""
        return 1 / float(np.linalg.norm(self.direction))


def maximal_margin(Z: ArrayLike, signs: ArrayLike) -> MaximalMargin:
    """The separating direction of largest margin, as a problem of non-negative least squares (Lawson and Hanson).

    ``Z`` has shape (n, D), with its column of ones if there is a bias, which then counts in |w|; ``signs`` (n,) are plus
    and minus one. Raises :class:`InputError` for classes that are not separable.

    >>> maximal_margin([[2.0, 0.0], [0.0, 1.0]], [1, -1]).direction.round(12)
    array([ 0.5, -1. ])
    """
    from scipy.optimize import nnls

    X, s = _samples(Z, signs)
    unit = np.abs(X).max() or 1.0
    towards = X * s[:, None] / unit
    target = np.append(np.zeros(X.shape[1]), 1.0)
    weights, _ = nnls(np.vstack([towards.T, np.ones(len(X))]), target, maxiter=30 * len(X))
    scale = 1 - weights.sum()  # zero where the origin is a mean of the s_i z_i: then nothing separates
    if scale > _VANISHING:
        multipliers = weights / scale
        direction = multipliers @ towards
        if (towards @ direction).min() >= 1 - _EXACT:
            return MaximalMargin(direction / unit, multipliers / unit**2)
    raise InputError("the classes are not separable: there is no margin, and the loss has a minimum")


def separable_rate(Z: ArrayLike, signs: ArrayLike, rate: float, momentum: float = 0.0, damping: float = 0.01) -> float:
    r"""The loss of a logistic neuron in damped natural gradient descent falls by the factor exp(-this) in an epoch.

    rho gamma/(1 - mu) with rho = 1/(1 + (epsilon/D) sum_i a_i |z_i|^2), where sum_i a_i s_i z_i is the separating direction
    of largest margin (:func:`maximal_margin`). The weights grow along this direction, and the metric is in the end that
    of the support vectors alone. *Source*: fimtheory, extends Sun and Nielsen 2016, section 5.1. *Holds when* the classes
    are separable, after many epochs, at rates at which no sample is thrown far to the wrong side. Raises
    :class:`InputError`.

    >>> round(separable_rate([[1.0], [-1.0]], [1, -1], rate=1.0, damping=0.25), 12)
    0.8
    """
    _require_step(rate, momentum)
    X, _ = _samples(Z, signs)
    if not damping >= 0:
        raise InputError(f"damping = {damping} makes the metric indefinite: write a number of at least 0")
    found = maximal_margin(Z, signs)
    load = float(found.multipliers @ (X**2).sum(axis=1)) / X.shape[1]
    return rate / (1 - momentum) / (1 + damping * load)


def flow_error(time: ArrayLike, start: float = 0.0, natural: bool = True, damping: float = 0.0) -> Array:
    r"""The probability of the wrong answer, 1 - p, of one weight on two samples z = 1, -1 of opposite classes; dt = gamma.

    Natural gradient flow: (1 - p_0) exp(-t/(1 + epsilon)), an exponential from the very start. Gradient flow: 1/(1 + u)
    with u + ln u = t + theta_0 + exp(theta_0), so u is near t: 1/t. The loss is -ln p. Raises :class:`InputError`.

    >>> flow_error([0.0, np.log(4)])
    array([0.5  , 0.125])
    """
    t = np.asarray(time, dtype=float)
    if not np.all(t >= 0) or not damping >= 0:
        raise InputError(f"time = {time}, damping = {damping}: write numbers of at least 0")
    if natural:
        return np.exp(-t / (1 + damping)) / (1 + np.exp(start))
    return 1 / (1 + np.real(wrightomega(t + start + np.exp(start))))


# -- what cannot be


def _curvatures(values: ArrayLike) -> Array:
    h = np.asarray(values, dtype=float)
    if not h.size or not np.isfinite(h).all() or h.min() < 0:
        raise InputError(
            f"curvatures {values} are not finite numbers of at least 0: a loss at its minimum has no others"
        )
    return h


def _require_step(rate: float, momentum: float) -> None:
    if not 0 < rate < np.inf or not 0 <= momentum < 1:
        raise InputError(f"rate = {rate}, momentum = {momentum}: write a positive rate and a momentum in [0, 1)")


def _samples(Z: ArrayLike, signs: ArrayLike) -> tuple[Array, Array]:
    X, s = np.asarray(Z, dtype=float), np.asarray(signs, dtype=float)
    if X.ndim != 2 or s.shape != X.shape[:1] or not X.size or not set(np.unique(s)) <= {-1.0, 1.0}:
        raise InputError(f"{X.shape} inputs with {s.shape} signs: give shapes (n, D) and (n,), signs plus or minus one")
    return X, s
