r"""Relative metrics of one neuron, averaged over Gaussian weights, and over weights and inputs: multiples of the identity.

w ~ N(0, sigma_w^2 I/d), b ~ N(0, sigma_b^2). Given the input, t is Gaussian and independent of x: only its variance q =
sigma_w^2 |x|^2/d + sigma_b^2 counts.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from fimtheory.errors import DivergentExpectation, InputError
from fimtheory.theory.expected_relative import ExpectedMetric, Number, as_number
from fimtheory.theory.gaussian_panels import edges, rule
from fimtheory.theory.relative_fisher import Neuron

_REACH, _PANEL = 30.0, 1.0  # of a standard normal variable where nu may grow as exp(t), and the width of a panel
_NODES, _DECAY = 400, 150.0  # of the rule for chi^2, and the logarithm of a density that counts for nothing
_SEEN = 1e-14  # the share of the longest inputs, where the average converges


def over_weights(one: Neuron | str, sigma_w2: Number = 1, sigma_b2: Number = 0, norm: Number = 1) -> sp.Expr:
    """c in E_w nu(w.x + b) x~ x~' = c x~ x~', for one input with |x|^2/d = ``norm``: rank one.

    w ~ N(0, sigma_w2 I/d), b ~ N(0, sigma_b2); c = E nu(sqrt(q) Z), q = sigma_w2 norm + sigma_b2. For N(0, I) inputs of
    many dimensions norm -> 1, and over both the metric of the weights is c I.

    >>> over_weights("gaussian:erf", sigma_w2=2)
    4/(3*pi)
    """
    w, b, size = as_number("sigma_w2", sigma_w2), as_number("sigma_b2", sigma_b2), as_number("norm", norm)
    if b.is_negative:
        raise InputError(f"sigma_b2 = {b} is not a variance: give zero or a positive number")
    return ExpectedMetric(one, w * size + b).moment(0)


def over_weights_and_inputs(one: Neuron | str, dimension: int, sigma_w2: Number = 1, sigma_b2: Number = 0) -> float:
    r"""c in E nu(w.x + b) x x' = c I over w ~ N(0, sigma_w2 I/d), b ~ N(0, sigma_b2) and x ~ N(0, I_d), at finite d.

    c = E[|x|^2/d E nu(sqrt(q) Z)], q = sigma_w2 |x|^2/d + sigma_b2, which is E nu(sqrt(q) Z) with chi^2_(d+2) in place of
    |x|^2: the trapezoidal rule in its logarithm, and panels cut at the kinks in Z. To about 1e-12; tends to
    :func:`over_weights` as d grows. Raises :class:`DivergentExpectation` where it is infinite or nearly so: for
    poisson:exp, whose c is infinite at sigma_w2 >= d, from about 0.6 d on.

    >>> round(over_weights_and_inputs("poisson:exp", 4) * (3 / 4) ** 3, 10)
    1.0
    """
    if isinstance(dimension, bool) or not isinstance(dimension, int) or dimension < 1:
        raise InputError(f"dimension = {dimension!r} is not possible: give a whole number from 1")
    one = ExpectedMetric(one).neuron  # E nu is finite for one input at least
    w, b = float(as_number("sigma_w2", sigma_w2)), float(as_number("sigma_b2", sigma_b2))
    if w <= 0 or b < 0:
        raise InputError(f"sigma_w2 = {w:g}, sigma_b2 = {b:g} are no variances: give a positive number, and one from 0")
    lengths, shares = _chi_square(dimension + 2)
    roots = np.sqrt(w * lengths / dimension + b)
    kinks = np.array([float(kink.at) for kink in one.kinks])
    z, weight = rule(edges(_PANEL, _REACH, kinks / roots[:, None]))
    with np.errstate(over="ignore"):
        parts = shares * (np.broadcast_to(one.numpy(roots[:, None] * z), z.shape) * weight).sum(axis=1)
    if not np.isfinite(parts).all() or parts[-1] > _SEEN * parts.sum():
        raise DivergentExpectation(
            f"E nu is infinite, or nearly, for {one.name} over weights and inputs in dimension {dimension}: nu grows too"
            " fast; take a smaller sigma_w2 or more dimensions"
        )
    return float(parts.sum())


def _chi_square(dof: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of an average over chi^2, on an even grid in the logarithm."""
    spread = np.sqrt(dof)
    s = np.linspace(-_DECAY / dof - 12 / spread, np.log1p(14 / spread + 2 * _DECAY / dof), _NODES)
    log = dof / 2 * (s - np.exp(s))  # relative to the value at s = 0; its normalisation is that of the sum
    share = np.exp(log - log.max())
    return dof * np.exp(s), share / share.sum()
