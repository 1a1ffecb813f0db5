r"""Learning curves at finite width: what m units and N inputs change in the mean, to first order.

Of the matrix Sigma with E Sigma = Lambda that moves the modes, an entry of h_t(Sigma) has to be averaged. To second order
it holds divided differences of h_t; products of two entries of Sigma average to products of eigenfunctions.
"""

from __future__ import annotations

import numpy as np

from fimtheory.activations import Activation
from fimtheory.theory.funk_hecke import Profile
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_clusters import KernelMode

Array = np.ndarray


def corrections(modes: KernelModes, a: KernelMode, steps: int, rate: float, momentum: float) -> tuple[float, float]:
    """c_m and c_N of :meth:`fimtheory.theory.mode_learning.ModeLearning.corrections`."""
    others = [b for b in modes.modes if b.value > 0]
    values = np.array([*(b.value for b in others), 0.0])
    h = divided_differences(a.value, values, steps, rate, momentum)
    slope, single, double = h[:, 0, 1], h[:, 1, 2], h[:, 0, 2]
    own = others.index(a)
    by_width = a.value * _loads(modes, a, others, True) @ double - a.value**2 * double[own]
    by_inputs = _loads(modes, a, others, False) @ (single + a.value * double)
    return float(by_width), float(by_inputs - a.value * slope[own] - a.value**2 * double[own])


def divided_differences(value: float, others: Array, steps: int, rate: float, momentum: float = 0.0) -> Array:
    """h_t of the matrices [[a, 1, 0], [0, a, 1], [0, 0, b]], a = ``value``, one for each b of ``others``.

    Its entries are h'(a), h[a, b] and h[a, a, b] (Opitz), without a difference of nearly equal numbers.

    >>> divided_differences(1.0, np.array([1.0]), steps=2, rate=0.5)[0]  # (1 - x/2)^2: the last entry is h''/2
    array([[ 0.25, -0.5 ,  0.25],
           [ 0.  ,  0.25, -0.5 ],
           [ 0.  ,  0.  ,  0.25]])
    """
    unit = np.broadcast_to(np.eye(3), (others.size, 3, 3))
    last = np.diag([0.0, 0.0, 1.0])
    A = rate * (np.diag([value, value, 0.0]) + np.diag([1.0, 1.0], 1) + others[:, None, None] * last)
    if steps == 0:
        return unit.copy()
    # One step takes (h_t, h_{t-1}) to (h_{t+1}, h_t); h_0 = 1 and h_1 = 1 - A.
    step = np.block([[(1 + momentum) * unit - A, -momentum * unit], [unit, 0 * unit]])
    power = np.linalg.matrix_power(step, steps - 1)
    return power[:, :3, :3] @ (unit - A) + power[:, :3, 3:]


def _loads(modes: KernelModes, a: KernelMode, others: list[KernelMode], of_weights: bool) -> Array:
    """N_b lambda_b kappa_ab for the modes listed, and for the rest of the trace."""
    overlap = modes.overlap if of_weights else modes.input_overlap
    listed = [b.multiplicity * b.value * overlap(a, b) for b in others]
    return np.array([*listed, max(0.0, _whole(modes, a, of_weights) - sum(listed))])


def _whole(modes: KernelModes, a: KernelMode, of_weights: bool) -> float:
    """E R_a(r)^2 phi(w.x)^2, r = |w| or |x|: the sum over all modes, the unlisted ones included."""
    if modes.alpha is not None:
        return (modes.overlap if of_weights else modes.input_overlap)(a, a) * modes.trace_value
    laws = (modes.weights, modes.inputs) if of_weights else (modes.inputs, modes.weights)
    (r, p), (rho, q) = (law.nodes() for law in laws)
    profile = modes.profile(a) if of_weights else modes.input_profile(a)
    square = Activation(modes.activation.expression**2, f"{modes.activation.name} squared")
    means = Profile(square, modes.dimension, [0], float(r[-1] * rho[-1]), 1)(np.multiply.outer(r, rho))[0]
    return float((p * profile(r) ** 2) @ means @ q)
