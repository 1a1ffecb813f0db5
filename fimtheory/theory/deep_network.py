"""The random deep network of Karakida, Akaho and Amari (2020): what is asked, checked once, for every theorem.

L layers of widths M_l = alpha_l M (l < L) and C linear outputs; W^l ~ N(0, sigma_w^2/M_{l-1}), b^l ~ N(0, sigma_b^2);
inputs N(0, I); N samples.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation, parse_number
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.gaussian.quantity import number
from fimtheory.notation import SYMBOLS
from fimtheory.theory.order_parameters import OrderParameters, order_parameters

MAX_DEPTH = 10_000
_GUARD = 15  # decimals carried beyond those asked for


@dataclass(frozen=True)
class DeepNetwork:
    """A random network; ``alphas`` are the width ratios alpha_0, ..., alpha_{L-1} (all 1 unless given).

    Raises :class:`InputError` with one line for anything that is no network.
    """

    activation: Activation
    depth: int
    sigma_w2: sp.Rational
    sigma_b2: sp.Rational
    outputs: int = 10
    samples: int = 100
    alphas: tuple[sp.Rational, ...] = field(default=())
    digits: int = 16

    def __post_init__(self) -> None:
        _require_whole("depth", self.depth, 1, MAX_DEPTH)
        _require_whole("outputs", self.outputs, 1, 100_000)
        _require_whole("samples", self.samples, 1, 10_000_000)
        object.__setattr__(self, "sigma_w2", _rational("sigma_w2", self.sigma_w2))
        object.__setattr__(self, "sigma_b2", _rational("sigma_b2", self.sigma_b2))
        if self.sigma_w2 <= 0:
            raise InputError(f"sigma_w2 = {self.sigma_w2} is not a variance of weights: give a positive number")
        if self.sigma_b2 < 0:
            raise InputError(f"sigma_b2 = {self.sigma_b2} is not a variance: give zero or a positive number")
        alphas = tuple(_rational("widths", a) for a in self.alphas) or (sp.S.One,) * self.depth
        if len(alphas) != self.depth or min(alphas) <= 0:
            raise InputError(
                f"a network of depth {self.depth} has {self.depth} positive width ratios alpha_0..alpha_{self.depth - 1},"
                f" not {', '.join(map(str, alphas))}"
            )
        object.__setattr__(self, "alphas", alphas)
        self.activation._require_numbers()

    @functools.cached_property
    def order_parameters(self) -> OrderParameters:
        """The order parameters, layer by layer."""
        return order_parameters(self.activation, self.depth, self.sigma_w2, self.sigma_b2, self.digits)

    @functools.cached_property
    def coefficients(self) -> dict[str, mp.mpf]:
        """alpha, kappa_1, kappa_2 and their primed and tilded companions, by the names of the notation table."""
        with mp.workdps(self.digits + _GUARD):
            return self._coefficients()

    def _coefficients(self) -> dict[str, mp.mpf]:
        o, a, L = self.order_parameters, self.alphas, self.depth
        w, b = _mpf(self.sigma_w2), _mpf(self.sigma_b2)
        alpha = sum((a[k] * a[k - 1] for k in range(1, L)), sp.S.Zero)
        total = sum(a)
        found: dict[str, mp.mpf] = {"alpha_tot": _mpf(alpha), "alpha_sum": _mpf(total)}
        for t, forward, backward in ((1, o.qhat1, o.qtilde1), (2, o.qhat2, o.qtilde2)):
            layers = range(1, L + 1)
            weights = sum(_mpf(a[k - 1]) * backward[k] * forward[k - 1] for k in layers)
            tangent = sum(w * backward[k] * forward[k - 1] + b * backward[k] for k in layers)
            if alpha:
                found[f"kappa{t}"] = weights / _mpf(alpha)
                found[f"kappa{t}_ntk"] = tangent / _mpf(alpha)
            found[f"kappa{t}_feature"] = w / _mpf(total) * sum(backward[k] for k in layers)
        return found

    def require_theorem(self) -> None:
        """The assumptions of theorem 3.1: a hidden layer, and a network that is not centred (kappa_2 > 0)."""
        if self.depth < 2:
            raise OutsideAssumptions(
                f"depth {self.depth} has no hidden layer: the statistics hold for depth 2 and more", "a hidden layer"
            )
        if self.coefficients["kappa2"] < mp.mpf(10) ** -(self.digits - 4):
            raise OutsideAssumptions(
                f"the network of {self.activation.name} with sigma_b2 = {self.sigma_b2} is centred (kappa_2 = 0): theorem"
                " 3.1 excludes it; take sigma_b2 > 0, or an activation whose Gaussian mean is not zero",
                "kappa_2 > 0",
            )

    def values(self) -> dict[sp.Symbol, sp.Expr | mp.mpf]:
        """Numbers for every symbol but M."""
        fixed: dict[sp.Symbol, sp.Expr | mp.mpf] = {SYMBOLS[name]: v for name, v in self.coefficients.items()}
        fixed |= {SYMBOLS["C"]: sp.Integer(self.outputs), SYMBOLS["N"]: sp.Integer(self.samples)}
        return fixed | {SYMBOLS["sigma_w2"]: self.sigma_w2, SYMBOLS["sigma_b2"]: self.sigma_b2}

    def layer_values(self, layer: int) -> dict[sp.Symbol, sp.Expr | mp.mpf]:
        """Numbers for the symbols of one layer l = 1..L; alpha_L = C/M."""
        o, M = self.order_parameters, SYMBOLS["M"]
        own = self.alphas[layer] if layer < self.depth else sp.Integer(self.outputs) / M
        named = {
            "qhat1": o.qhat1[layer - 1],
            "qhat2": o.qhat2[layer - 1],
            "qtilde1": o.qtilde1[layer],
            "qtilde2": o.qtilde2[layer],
            "alpha_below": self.alphas[layer - 1],
            "alpha_l": own,
        }
        return self.values() | {SYMBOLS[name]: value for name, value in named.items()}

    def evaluate(self, expression: sp.Expr, width: int, layer: int | None = None) -> mp.mpf:
        """A formula in the symbols of the notation table as a number at width scale M."""
        _require_whole("width", width, 1, 10**12)
        values = self.values() if layer is None else self.layer_values(layer)
        fixed = {s: sp.sympify(v).subs(SYMBOLS["M"], width) if isinstance(v, sp.Expr) else v for s, v in values.items()}
        return number(expression, self.digits, fixed | {SYMBOLS["M"]: sp.Integer(width)})


def _mpf(value: sp.Rational) -> mp.mpf:
    return mp.mpf(int(value.p)) / int(value.q)


def _rational(name: str, value) -> sp.Rational:
    try:
        result = parse_number(str(value)) if isinstance(value, float | str) else sp.sympify(value)
    except (TypeError, ValueError):  # errors of the parser are ValueErrors
        raise InputError(f"{name} = {value!r} is not a number: write for instance 0.64 or 16/25") from None
    if isinstance(value, bool) or not isinstance(result, sp.Rational):
        raise InputError(f"{name} = {value} is not a rational number: write for instance 0.64 or 16/25")
    return result


def _require_whole(name: str, value, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"{name} = {value} is not possible: give a whole number from {least} to {most}")
