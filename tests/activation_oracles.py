"""The activations of the gallery, written by hand for mpmath: what the package's formulas are checked against.

One line an activation: the function, its derivative, its kinks. Nothing of the package is used here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mpmath import mp


@dataclass(frozen=True)
class Oracle:
    """f(x), f'(x) away from the kinks (None where f jumps), kinks (numbers or functions); of x and the parameters."""

    f: Callable
    derivative: Callable | None
    kinks: tuple = ()


def _srelu_norm(a):
    return mp.sqrt(mp.pi * (1 + a**2) - (1 + a) ** 2)


def _erf_norm(a):
    return mp.sqrt(4 / mp.pi * mp.atan(mp.sqrt(1 + 4 * a**4)) - 1)


def _sigmoid(x):
    return 1 / (1 + mp.exp(-x))


ORACLES = {
    "linear": Oracle(lambda x: x, lambda x: mp.mpf(1)),
    "relu": Oracle(lambda x: x if x > 0 else mp.mpf(0), lambda x: mp.mpf(x > 0), (0,)),
    "leaky_relu": Oracle(lambda x, a: x if x > 0 else a * x, lambda x, a: mp.mpf(1) if x > 0 else a, (0,)),
    "relu_squared": Oracle(lambda x: x * x if x > 0 else mp.mpf(0), lambda x: 2 * x if x > 0 else mp.mpf(0), (0,)),
    "abs": Oracle(abs, mp.sign, (0,)),
    "step": Oracle(lambda x: mp.mpf(x > 0), None, (0,)),
    "sign": Oracle(mp.sign, None, (0,)),
    "hardtanh": Oracle(lambda x: max(-mp.mpf(1), min(mp.mpf(1), x)), lambda x: mp.mpf(abs(x) < 1), (-1, 1)),
    "elu": Oracle(
        lambda x, a: x if x > 0 else a * mp.expm1(x), lambda x, a: mp.mpf(1) if x > 0 else a * mp.exp(x), (0,)
    ),
    "gelu": Oracle(lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2, lambda x: mp.ncdf(x) + x * mp.npdf(x)),
    "silu": Oracle(lambda x: x * _sigmoid(x), lambda x: _sigmoid(x) + x / (4 * mp.cosh(x / 2) ** 2)),
    "softplus": Oracle(lambda x: mp.log(1 + mp.exp(x)), _sigmoid),
    "sigmoid": Oracle(_sigmoid, lambda x: 1 / (4 * mp.cosh(x / 2) ** 2)),
    "tanh": Oracle(mp.tanh, lambda x: mp.sech(x) ** 2),
    "erf": Oracle(mp.erf, lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    "sin": Oracle(mp.sin, mp.cos),
    "gaussian": Oracle(lambda x: mp.exp(-x * x / 2), lambda x: -x * mp.exp(-x * x / 2)),
    "f_opt": Oracle(
        lambda x: (x + mp.sqrt(6) * (x * x - 1)) / mp.sqrt(13), lambda x: (1 + 2 * mp.sqrt(6) * x) / mp.sqrt(13)
    ),
    "srelu": Oracle(
        lambda x, a: (mp.sqrt(2 * mp.pi) * (x if x > 0 else -a * x) - 1 - a) / _srelu_norm(a),
        lambda x, a: mp.sqrt(2 * mp.pi) * (1 if x > 0 else -a) / _srelu_norm(a),
        (0,),
    ),
    "erf_alpha": Oracle(
        lambda x, a: mp.erf(a * a * x) / _erf_norm(a),
        lambda x, a: 2 * a * a / mp.sqrt(mp.pi) * mp.exp(-((a * a * x) ** 2)) / _erf_norm(a),
    ),
}


def _slope(f: Callable) -> Callable:
    """f' by mpmath's difference quotients."""
    return lambda x, *values: mp.diff(lambda t: f(t, *values), x)


def _smooth(f: Callable, *kinks) -> Oracle:
    """An oracle whose derivative is left to mpmath."""
    return Oracle(f, _slope(f), kinks)


def _softplus(x):
    return mp.log1p(mp.exp(x))


def _logish(x):
    return x * mp.log1p(_sigmoid(x))


def _gelu_tanh(x):
    return x * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))) / 2


def _selu(left: Callable, right: Callable) -> Callable:
    """lambda times right(x), or alpha left(x) below zero."""
    return lambda x: mp.mpf("1.0507009873554805") * (right(x) if x > 0 else mp.mpf("1.6732632423543772") * left(x))


ORACLES |= {
    "quadratic": Oracle(lambda x: x * x, lambda x: 2 * x),
    "cubic": Oracle(lambda x: x**3, lambda x: 3 * x * x),
    "relu_cubed": Oracle(lambda x: x**3 if x > 0 else mp.mpf(0), lambda x: 3 * x * x if x > 0 else mp.mpf(0), (0,)),
    "shifted_relu": Oracle(lambda x, b: max(x - b, mp.mpf(0)), lambda x, b: mp.mpf(x > b), (lambda b: b,)),
    "thresholded_relu": Oracle(lambda x, t: x if x > t else mp.mpf(0), None, (lambda t: t,)),
    "relu6": Oracle(lambda x: max(mp.mpf(0), min(x, mp.mpf(6))), lambda x: mp.mpf(0 < x < 6), (0, 6)),
    "softshrink": Oracle(
        lambda x, t: mp.sign(x) * max(abs(x) - t, mp.mpf(0)),
        lambda x, t: mp.mpf(abs(x) > t),
        (lambda t: -t, lambda t: t),
    ),
    "hardshrink": Oracle(lambda x, t: x if abs(x) > t else mp.mpf(0), None, (lambda t: -t, lambda t: t)),
    "ternary": Oracle(lambda x, t: mp.sign(x) if abs(x) > t else mp.mpf(0), None, (lambda t: -t, lambda t: t)),
    "hard_sigmoid": Oracle(
        lambda x: max(mp.mpf(0), min(x / 6 + mp.mpf(1) / 2, mp.mpf(1))), lambda x: mp.mpf(abs(x) < 3) / 6, (-3, 3)
    ),
    "hard_swish": Oracle(
        lambda x: x * max(mp.mpf(0), min(x + 3, mp.mpf(6))) / 6,
        lambda x: (2 * x + 3) / 6 if abs(x) < 3 else mp.mpf(x > 0),
        (-3, 3),
    ),
    "selu": Oracle(_selu(mp.expm1, lambda x: x), _selu(mp.exp, lambda x: mp.mpf(1)), (0,)),
    "celu": Oracle(
        lambda x, a: x if x > 0 else a * mp.expm1(x / a), lambda x, a: mp.mpf(1) if x > 0 else mp.exp(x / a), (0,)
    ),
    "erfc": Oracle(mp.erfc, lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    "gelu_scaled": Oracle(lambda x, s: x * mp.ncdf(s * x), lambda x, s: mp.ncdf(s * x) + s * x * mp.npdf(s * x)),
    "gelu_derivative": Oracle(lambda x: mp.ncdf(x) + x * mp.npdf(x), lambda x: (2 - x * x) * mp.npdf(x)),
    "geglu": Oracle(lambda x: x * x * mp.ncdf(x), lambda x: 2 * x * mp.ncdf(x) + x * x * mp.npdf(x)),
    "exp": Oracle(mp.exp, mp.exp),
    "gabor": Oracle(
        lambda x, w: mp.exp(-x * x / 2) * mp.cos(w * x),
        lambda x, w: -mp.exp(-x * x / 2) * (x * mp.cos(w * x) + w * mp.sin(w * x)),
    ),
    "mexican_hat": Oracle(lambda x: (1 - x * x) * mp.exp(-x * x / 2), lambda x: (x**3 - 3 * x) * mp.exp(-x * x / 2)),
    "siren": Oracle(lambda x, w: mp.sin(w * x), lambda x, w: w * mp.cos(w * x)),
    "cos": Oracle(mp.cos, lambda x: -mp.sin(x)),
    "sin_squared": Oracle(lambda x: mp.sin(x) ** 2, lambda x: mp.sin(2 * x)),
    "snake": Oracle(lambda x, a: x + mp.sin(a * x) ** 2 / a, lambda x, a: 1 + mp.sin(2 * a * x)),
    "sinh": Oracle(mp.sinh, mp.cosh),
    "cosh": Oracle(mp.cosh, mp.sinh),
    "log_sigmoid": Oracle(lambda x: -_softplus(-x), lambda x: _sigmoid(-x)),
    "swish_beta": _smooth(lambda x, b: x * _sigmoid(b * x)),
    "quick_gelu": _smooth(lambda x: x * _sigmoid(mp.mpf("1.702") * x)),
    "smooth_leaky_relu": Oracle(
        lambda x, i, w: w * (mp.log1p(mp.exp(-abs((1 - i) * x / w))) + max(i * x / w, x / w)),
        lambda x, i, w: i + (1 - i) * _sigmoid((1 - i) * x / w),
    ),
    "softplus_beta": Oracle(lambda x, b: _softplus(b * x) / b, lambda x, b: _sigmoid(b * x)),
    "logish": _smooth(_logish),
    "lecun_tanh": Oracle(
        lambda x: mp.mpf("1.7159") * mp.tanh(2 * x / 3), lambda x: mp.mpf("1.7159") * 2 / 3 * mp.sech(2 * x / 3) ** 2
    ),
    "tanhshrink": Oracle(lambda x: x - mp.tanh(x), lambda x: mp.tanh(x) ** 2),
    "gelu_tanh": _smooth(_gelu_tanh),
    "mish": _smooth(lambda x: x * mp.tanh(_softplus(x))),
    "serf": _smooth(lambda x: x * mp.erf(_softplus(x))),
    "tanhexp": _smooth(lambda x: x * mp.tanh(mp.exp(x))),
    "arctan": Oracle(mp.atan, lambda x: 1 / (1 + x * x)),
    "softsign": Oracle(lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2, (0,)),
    "isru": Oracle(lambda x, a: x / mp.sqrt(1 + a * x * x), lambda x, a: (1 + a * x * x) ** mp.mpf(-1.5)),
    "isrlu": Oracle(
        lambda x, a: x if x > 0 else x / mp.sqrt(1 + a * x * x),
        lambda x, a: mp.mpf(1) if x > 0 else (1 + a * x * x) ** mp.mpf(-1.5),
        (0,),
    ),
    "squareplus": Oracle(lambda x, b: (x + mp.sqrt(x * x + b)) / 2, lambda x, b: (1 + x / mp.sqrt(x * x + b)) / 2),
    "bent_identity": Oracle(lambda x: (mp.sqrt(x * x + 1) - 1) / 2 + x, lambda x: x / (2 * mp.sqrt(x * x + 1)) + 1),
}

JUMPS = {name for name, oracle in ORACLES.items() if oracle.derivative is None}
