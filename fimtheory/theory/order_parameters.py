r"""Order parameters of wide networks: forward and backward, diagonal and off-diagonal (Karakida et al. 2020, 2.3).

    qhat_1^0 = 1,  qhat_2^0 = 0,   q_t^l = sigma_w^2 qhat_t^{l-1} + sigma_b^2
    qhat_1^l = E phi(sqrt(q_1^l) Z)^2,            qhat_2^l = I_phi[q_1^l, q_2^l]
    qtilde_1^l = sigma_w^2 qtilde_1^{l+1} E phi'(sqrt(q_1^l) Z)^2,
    qtilde_2^l = sigma_w^2 qtilde_2^{l+1} I_phi'[q_1^l, q_2^l],   qtilde_t^L = 1

with I_f[a, b] = E f(U) f(V), variance a, covariance b: the dual at q = a, c = b/a.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.claims import Source, claim
from fimtheory.errors import DivergentExpectation
from fimtheory.gaussian.field import CORRELATION, COVARIANCE_FORM, VARIANCE
from fimtheory.gaussian.quantity import number
from fimtheory.latex import latex

_GUARD = 8


@dataclass(frozen=True)
class OrderParameters:
    """Numbers by layer: ``qhat*[l]`` for l = 0..L-1, ``q*[l]`` for l = 1..L-1, ``qtilde*[l]`` for l = 1..L."""

    depth: int
    digits: int
    qhat1: dict[int, mp.mpf]
    qhat2: dict[int, mp.mpf]
    q1: dict[int, mp.mpf]
    q2: dict[int, mp.mpf]
    qtilde1: dict[int, mp.mpf]
    qtilde2: dict[int, mp.mpf]

    def __repr__(self) -> str:
        shown = ", ".join(f"qhat1[{k}]={mp.nstr(v, 6)}" for k, v in list(self.qhat1.items())[:3])
        return f"<OrderParameters of depth {self.depth}: {shown}, ...>"


def order_parameters(phi: Activation, depth: int, sigma_w2, sigma_b2, digits: int = 16) -> OrderParameters:
    """Run the recursions to ``digits`` correct digits.

    *Source*: Karakida, Akaho, Amari (2020), eqs. 15, 16 and 18. *Holds when*: widths are large, phi is weakly
    differentiable with square-integrable derivative. Raises :class:`JumpError` where phi jumps and
    :class:`DivergentExpectation` where a variance grows beyond what phi allows.

    >>> import fimtheory as ft
    >>> o = order_parameters(ft.activation("relu"), 3, 2, 0)
    >>> [float(o.qhat1[l]) for l in range(3)], float(o.qtilde1[1])
    ([1.0, 1.0, 1.0], 1.0)
    """
    precision = digits + _GUARD
    with mp.workdps(precision + 10):
        w, b = (mp.mpf(int(v.p)) / int(v.q) for v in map(sp.Rational, (str(sigma_w2), str(sigma_b2))))
        qhat1, qhat2 = {0: mp.mpf(1)}, {0: mp.mpf(0)}
        q1, q2, slope1, slope2 = {}, {}, {}, {}
        for layer in range(1, depth):
            q1[layer], q2[layer] = w * qhat1[layer - 1] + b, w * qhat2[layer - 1] + b
            _require_finite(phi, q1[layer], layer)
            at = _Point(phi, q1[layer], q2[layer], precision)
            qhat1[layer], qhat2[layer] = at.second_moment(), at.dual()
            slope1[layer], slope2[layer] = at.second_moment_derivative(), at.dual_derivative()
        qtilde1, qtilde2 = {depth: mp.mpf(1)}, {depth: mp.mpf(1)}
        for layer in range(depth - 1, 0, -1):
            qtilde1[layer] = w * qtilde1[layer + 1] * slope1[layer]
            qtilde2[layer] = w * qtilde2[layer + 1] * slope2[layer]
    return OrderParameters(
        depth, digits, qhat1, qhat2, q1, q2, dict(sorted(qtilde1.items())), dict(sorted(qtilde2.items()))
    )


class _Point:
    """The four Gaussian expectations of one layer, at numerical q1 and c = q2/q1."""

    def __init__(self, phi: Activation, q1: mp.mpf, q2: mp.mpf, digits: int) -> None:
        self.phi, self.digits = phi, digits
        self.same = abs(q1 - q2) <= mp.mpf(10) ** (3 - digits) * q1
        self.values = {VARIANCE: q1, CORRELATION: q2 / q1}

    def second_moment(self) -> mp.mpf:
        return number(self.phi.second_moment(VARIANCE), self.digits, self.values)

    def second_moment_derivative(self) -> mp.mpf:
        return number(self.phi.second_moment_derivative(VARIANCE), self.digits, self.values)

    def dual(self) -> mp.mpf:
        return self.second_moment() if self.same else self._pair(self.phi.dual(VARIANCE, CORRELATION))

    def dual_derivative(self) -> mp.mpf:
        if self.same:
            return self.second_moment_derivative()
        return self._pair(self.phi.dual_derivative(VARIANCE, CORRELATION))

    def _pair(self, expression: sp.Expr) -> mp.mpf:
        return number(expression, self.digits, self.values)


def _require_finite(phi: Activation, q: mp.mpf, layer: int) -> None:
    if not mp.isfinite(q) or q > mp.mpf(10) ** 12:
        raise DivergentExpectation(
            f"the variance of {phi.name} exceeds 10^12 at layer {layer}: take a smaller sigma_w2 or a smaller depth"
        )


def recursions(phi: Activation) -> dict[str, str]:
    """The recursions written out for one activation, as LaTeX by the name of the left side."""
    q, _ = COVARIANCE_FORM
    forward, backward = phi.covariance_form(), phi.covariance_form(derivatives=True)
    dual = phi.dual(q, CORRELATION) if forward is None else forward
    slope = phi.dual_derivative(q, CORRELATION) if backward is None else backward
    return {
        "qhat1": r"\hat q_1^{l+1} = " + latex(phi.second_moment(q)),
        "qhat2": r"\hat q_2^{l+1} = " + latex(dual),
        "qtilde1": r"\tilde q_1^{l} = \sigma_w^2\, \tilde q_1^{l+1}" + _factor(phi.second_moment_derivative(q)),
        "qtilde2": r"\tilde q_2^{l} = \sigma_w^2\, \tilde q_2^{l+1}" + _factor(slope),
    }


def _factor(e: sp.Expr) -> str:
    """An expression as the last factor of a product: sums in parentheses, a factor one left out."""
    if e == 1:
        return ""
    return rf" \left({latex(e)}\right)" if e.is_Add else rf" \cdot {latex(e)}"


@claim(
    "karakida2020.order_parameters",
    title="Order parameters of wide networks",
    statement=r"\hat q_1^{l} = \mathbb{E}\,\phi(\sqrt{q_1^{l}}\,Z)^2,\quad \hat q_2^{l} = I_\phi[q_1^{l}, q_2^{l}],\quad "
    r"\tilde q_1^{l} = \sigma_w^2 \tilde q_1^{l+1}\, \mathbb{E}\,\phi'(\sqrt{q_1^{l}}\,Z)^2,\quad "
    r"\tilde q_2^{l} = \sigma_w^2 \tilde q_2^{l+1} I_{\phi'}[q_1^{l}, q_2^{l}]",
    source=Source("karakida2020", "eqs. 15, 16 and 18"),
    assumptions=("M is large", "phi is weakly differentiable with square-integrable derivative"),
)
def predict(network) -> dict[str, sp.Expr]:
    """Every order parameter that is not fixed by the initial conditions, by observable."""
    o, L = network.order_parameters, network.depth
    hidden, found = range(1, L), {}
    for name, numbers in (("qhat1", o.qhat1), ("qhat2", o.qhat2), ("qtilde1", o.qtilde1), ("qtilde2", o.qtilde2)):
        found |= {f"deep.{name}[{k}]": sp.Float(numbers[k], network.digits) for k in hidden}
    return found
