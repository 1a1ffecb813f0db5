"""The units of a wide layer as kinds: what a unit takes over linearly from its field, and what it adds as noise.

Over the samples, the pre-activation of unit i is u_i(n) = sqrt(q_2) y_i + sqrt(q_1 - q_2) x_i(n): y_i is common to all
samples and tells the kind of the unit, the x_i(n) are almost independent. To leading order

    phi(u_i(n)) - mean = b(y_i) (field of the unit)(n) + s(y_i) (noise),
    b(y) = E_x phi',  s^2(y) = Var_x phi - (q_1 - q_2) b(y)^2,

and the slope phi'(u_i(n)) has the same form with noise that is correlated with that of phi. Where b or s grow without bound
in y, as those of powers do, the law has a tail that a finite number of kinds breaks into islands of little mass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fimtheory.activations import Activation
from fimtheory.errors import NotConverged
from fimtheory.theory.gaussian_panels import edges, rule

_REACH = 8.0  # of a standard normal variable; 1e-15 is beyond
_SETTLED = 1e-9  # of averages over kinds; those over x are a thousand times finer
_CENTRED = 1e-12  # an overlap below, relative to the variance, is none

Array = np.ndarray


@dataclass(frozen=True)
class UnitKinds:
    """Kinds of units with their probabilities ``share``, shape ``(kinds,)`` each.

    ``slope`` is b and ``noise`` s^2 of phi, ``slope_slope`` and ``slope_noise`` those of phi', ``cross`` the covariance
    of the two noises.
    """

    share: Array
    slope: Array
    noise: Array
    slope_slope: Array
    slope_noise: Array
    cross: Array


def unit_kinds(phi: Activation, q1: float, q2: float) -> UnitKinds:
    """The kinds of units at variance q_1 and overlap q_2 of pre-activations, to about 1e-9.

    One kind where q_2 = 0; otherwise y runs over the nodes of a trapezoidal rule, refined until averages stand.

    >>> from fimtheory.activations import activation
    >>> kinds = unit_kinds(activation("relu"), 1.0, 0.0)
    >>> kinds.slope.round(12), (kinds.noise - (1 / 4 - 1 / (2 * np.pi))).round(12)
    (array([0.5]), array([0.]))
    """
    breaks = tuple(float(h) for h in phi.kinks)
    if abs(q2) <= _CENTRED * q1:
        return _kinds(phi, np.zeros(1), np.ones(1), q1, 0.0, breaks)
    previous, averages = None, np.full(4, math.inf)
    for count in (20, 40, 80, 160, 320, 640):
        y = np.linspace(-_REACH, _REACH, count + 1)
        share = np.exp(-y * y / 2)
        found = _kinds(phi, y, share / share.sum(), q1, q2, breaks)
        current = np.array([found.share @ f for f in (found.slope**2, found.noise, found.slope**4, found.noise**2)])
        if previous is not None and np.all(np.abs(current - averages) <= _SETTLED * current):
            return previous
        previous, averages = found, current
    raise NotConverged(f"{phi.name} at overlap {q2:.6g} of {q1:.6g} needs too many kinds of units", float(averages[0]))


def _kinds(phi: Activation, y: Array, share: Array, q1: float, q2: float, breaks: Sequence[float]) -> UnitKinds:
    scale = math.sqrt(q1 - q2)

    def products(x: Array, u: Array) -> list[Array]:
        f, d = np.broadcast_to(phi.numpy(u), u.shape), np.broadcast_to(phi.numpy_derivative(u), u.shape)
        return [f, x * f, f * f, d, x * d, d * d, f * d]

    f, xf, ff, d, xd, dd, fd = _averages(products, math.sqrt(q2) * y, scale, breaks)
    noise, slope_noise = (
        np.maximum(square - mean**2 - linear**2, 0) for square, mean, linear in ((ff, f, xf), (dd, d, xd))
    )
    return UnitKinds(share, xf / scale, noise, xd / scale, slope_noise, fd - f * d - xf * xd)


def _averages(products: Callable, means: Array, scale: float, breaks: Sequence[float]) -> list[Array]:
    """E_x of several functions of x and u = mean + scale x, for every mean: panels cut at kinks, until they stand."""
    previous = None
    for panels in (17, 34, 68, 136, 272):
        cuts = (np.array(breaks) - means[:, None]) / scale
        x, weight = rule(edges(2 * _REACH / panels, _REACH, cuts))
        current = [(f * weight).sum(axis=1) for f in products(x, means[:, None] + scale * x)]
        if previous is not None and all(
            np.all(np.abs(a - b) <= 1e-3 * _SETTLED * max(np.abs(a).max(), 1e-3))
            for a, b in zip(current, previous, strict=True)
        ):
            return current
        previous = current
    raise NotConverged("averages over the units of a layer did not settle", math.nan)
