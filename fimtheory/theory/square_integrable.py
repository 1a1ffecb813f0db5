"""Whether E phi(w.x)^2 is finite when both the weights and the inputs are random."""

from __future__ import annotations

import math

import sympy as sp
from flint import arb, ctx

from fimtheory.activations import Activation
from fimtheory.emission import emit
from fimtheory.errors import DivergentExpectation, InputError
from fimtheory.theory.sphere import RadialLaw

_FAR = 10**6
_POWERS = 1e-4  # a rate below is that of a power


def require_square_integrable(activation: Activation, weights: RadialLaw, inputs: RadialLaw) -> None:
    """Raise :class:`DivergentExpectation` where E phi(w.x)^2 is infinite.

    With |phi(x)| ~ exp(a |x| + b x^2): w.x is Gaussian of variance d s where one of the two lengths is fixed, and then
    4 b d s < 1 is needed; where neither is, E exp(2 a |w.x|) = E exp(2 a^2 |w|^2) needs b = 0 and 4 a^2 s < 1.

    >>> from fimtheory.activations import activation
    >>> require_square_integrable(activation("exp(x)"), RadialLaw(3, sp.Rational(1, 5)), RadialLaw(3))
    >>> require_square_integrable(activation("exp(x)"), RadialLaw(3), RadialLaw(3))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    fimtheory.errors.DivergentExpectation: E phi(w.x)^2 is infinite for phi = exp(x) and Gaussian weights of variance 1: ...
    """
    if weights.fixed and inputs.fixed:
        return
    rate, curvature = _growth(activation)
    variance = float(weights.variance)
    if weights.fixed or inputs.fixed:
        _require_room(activation, curvature, variance * float(weights.dimension), int(weights.dimension))
        return
    if curvature > 0:
        advice = (
            f"take weights on the sphere, with a variance below {1 / (16 * curvature * int(weights.dimension)):.4g}"
        )
    elif 4 * max(rate, 0.0) ** 2 * variance >= 1 - 1e-9:
        advice = f"take a variance below {1 / (4 * rate**2):.4g}, or weights on the sphere"
    else:
        return
    raise DivergentExpectation(
        f"E phi(w.x)^2 is infinite for phi = {activation.name} and Gaussian weights of variance {weights.variance}: "
        + advice
    )


def _require_room(activation: Activation, b: float, variance: float, d: int) -> None:
    """exp(b x^2) beside N(0, variance), with a margin that double precision needs."""
    if 16 * b * variance < 1:
        return
    advice = f"take a weight variance below {1 / (16 * b * d):.4g}"
    if 4 * b * variance >= 1:
        raise DivergentExpectation(
            f"E phi(w.x)^2 is infinite for phi = {activation.name}: w.x has variance {variance:.4g}, and phi grows like "
            f"exp({b:.4g} x^2); {advice}"
        )
    raise InputError(
        f"{activation.name} grows like exp({b:.4g} x^2), too fast for double precision where w.x has variance "
        f"{variance:.4g}: {advice}"
    )


def growth_rate(activation: Activation) -> float:
    """The least a for which |phi(x)| is below exp(a |x|), up to powers; 0 for what grows no faster than powers.

    >>> from fimtheory.activations import activation
    >>> [round(growth_rate(activation(f)), 6) for f in ("exp(x/3)", "cosh(2*x)", "x**3*tanh(x)", "exp(-x**2)")]
    [0.333333, 2.0, 0, 0]
    """
    rate, curvature = _growth(activation)
    return rate if curvature == 0 and rate > _POWERS else 0


def _growth(activation: Activation) -> tuple[float, float]:
    """(a, b) of the faster side, read off far out in ball arithmetic."""
    f = activation._pieces
    return max(
        _side(f.expressions[0], f.variable, -1), _side(f.expressions[-1], f.variable, 1), key=lambda ab: ab[::-1]
    )


def _side(e: sp.Expr, x: sp.Symbol, side: int) -> tuple[float, float]:
    function = emit(e, x, "ball")
    near, far = (_log_size(function, side * _FAR * n) for n in (1, 2))
    if not math.isfinite(near) or not math.isfinite(far):
        return 0.0, 0.0
    curvature = (far - 2 * near) / (2 * _FAR**2)
    curvature = curvature if abs(curvature) > 1e-9 else 0.0
    return (far - near) / _FAR - 3 * curvature * _FAR, curvature


def _log_size(function, at: int) -> float:
    saved, ctx.prec = ctx.prec, 200
    try:
        size = function(arb(at)).abs_upper()
        return float(size.log()) if size > 0 and size.is_finite() else -math.inf
    finally:
        ctx.prec = saved
