"""The sum of all eigenvalues, E phi(w.x)^2, where the Gaussian calculus has a formula for it."""

from __future__ import annotations

import numpy as np
import sympy as sp

from fimtheory.activations import Activation
from fimtheory.errors import DivergentExpectation
from fimtheory.gaussian.field import VARIANCE
from fimtheory.gaussian.integrals import Expectation
from fimtheory.theory.funk_hecke import coefficients
from fimtheory.theory.phase_moments import length_float
from fimtheory.theory.radial_modes import beyond
from fimtheory.theory.sphere import RadialLaw
from fimtheory.theory.square_integrable import growth_rate

_LARGEST = 400  # dimension up to which powers of it are written out
_NODES = (192, 768)  # of a length; more for kinks away from 0, which a short length hardly reaches


def closed_trace(activation: Activation, weights: RadialLaw, inputs: RadialLaw) -> sp.Expr | None:
    """E phi(w.x)^2 for an activation that is no sum of powers; None where no formula is known.

    Given one length, w.x is Gaussian, and E phi(sqrt(q) Z)^2 is to be averaged over q = |w|^2: at once where that length
    is fixed, and by E q^p exp(a q) = E q^p (1 - 2 a s)^(-d/2 - p) where the second moment is made of such terms.

    >>> from fimtheory.activations import activation
    >>> closed_trace(activation("sin"), RadialLaw(4), RadialLaw(4))
    12/25
    >>> closed_trace(activation("erf"), RadialLaw(2, sp.S.One, fixed=True), RadialLaw(2))
    2*asin(4/5)/pi
    """
    if weights.fixed and inputs.fixed:
        return None
    if weights.fixed or inputs.fixed:
        value = activation.second_moment(weights.moment(2))
        return None if value.has(Expectation) else value
    moment = activation.second_moment(VARIANCE)
    if moment.has(Expectation) or int(weights.dimension) > _LARGEST:
        return None
    terms = [_mean(term, weights) for term in sp.Add.make_args(sp.expand(moment.rewrite(sp.exp)))]
    return None if any(term is None for term in terms) else sp.simplify(sp.Add(*terms))


def trace_number(activation: Activation, weights: RadialLaw, inputs: RadialLaw) -> float:
    """E phi(w.x)^2 by quadrature: over w.x at a given length of w, then over that length.

    >>> from fimtheory.activations import activation
    >>> abs(trace_number(activation("sin"), RadialLaw(4), RadialLaw(4)) - 12 / 25) < 1e-14
    True
    """
    if weights.fixed and inputs.fixed:
        s = np.sqrt(float(weights.moment(2) * inputs.moment(2)))
        square = Activation(activation.expression**2, f"{activation.name} squared")
        return float(coefficients(square, int(weights.dimension), [0], np.array([s]))[0, 0])
    length = length_float(activation)
    if weights.fixed or inputs.fixed:
        return length(float(weights.moment(2)))
    nodes = _NODES[any(h != 0 for h in activation.kinks)]
    r, logarithms = weights.log_nodes(nodes, beyond(weights, inputs, growth_rate(activation)))
    return float(sum(length(a * a) * np.exp(b) for a, b in zip(r, logarithms, strict=True)))


def _mean(term: sp.Expr, law: RadialLaw) -> sp.Expr | None:
    """E c q^p exp(a q) over q = |w|^2; None for a term of another form."""
    constant, rest = sp.powsimp(term).as_independent(VARIANCE, as_Add=False)
    power = rate = sp.S.Zero
    for factor in sp.Mul.make_args(rest):
        base, exponent = factor.as_base_exp()
        if base == VARIANCE and exponent.is_number:
            power += exponent
        elif isinstance(factor, sp.exp) and sp.expand(factor.args[0] / VARIANCE).is_number:
            rate += factor.args[0] / VARIANCE
        elif factor != 1:
            return None
    shrinking = 1 - 2 * sp.expand(rate) * law.variance
    if not shrinking > 0:
        raise DivergentExpectation(f"the mean of exp({rate} |w|^2) is infinite at weight variance {law.variance}")
    return constant * law.moment(2 * power) * shrinking ** (-sp.Integer(int(law.dimension)) / 2 - power)
