r"""What Pennington and Worah (2018), sections 4.1 and 4.2, say about conditioning: the best function, the worst, families.

The results themselves are in :mod:`fimtheory.theory.optimal_activations` and
:mod:`fimtheory.theory.constrained_activations`; here they meet the text of the paper.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import sympy as sp

from fimtheory.activations import activation, named
from fimtheory.claims import Agreement, Identity, Ordering, Source, claim
from fimtheory.gaussian.quantity import number
from fimtheory.theory.constrained_activations import constrained_optimum
from fimtheory.theory.optimal_activations import best_in_span, minimise_family, objective_value, optimal
from fimtheory.theory.single_layer import SingleLayer

_OTHERS = ("tanh", "erf", "sin", "hardtanh", "cubic", "softsign", "srelu alpha=0", "srelu alpha=1", "erf_alpha alpha=3")
_ASSUMPTIONS = ("E f(Z) = 0", "f' is square-integrable")
x = activation("linear").variable


def _conditioning(name: str) -> float:
    return float(number(objective_value(named(name)), 12))


@claim(
    "pennington2018.eq28",
    title="The best conditioned activation",
    statement=r"\min_f \frac{m_2}{m_1^2} = \frac{21}{19} \text{ at } f_{\mathrm{opt}}(x) = \frac{x + \sqrt{6}\, (x^2 - 1)}"
    r"{\sqrt{13}}, \text{ unique up to the signs of its modes}",
    source=Source("pennington2018", "Eq. 28"),
    assumptions=_ASSUMPTIONS,
    subject=None,
)
def predict_best() -> dict[str, Identity | Ordering]:
    """The two-mode argument gives the printed function; all others stay above, also those next to it."""
    printed = (x + sp.sqrt(6) * (x**2 - 1)) / sp.sqrt(13)
    near = [f"x+{t}*(x**2-1)" for t in ("2.4", "2.5")]
    return {
        "function": Identity(optimal().expression, printed),
        "value": Identity(objective_value(activation("f_opt")), sp.Rational(21, 19)),
        "others": Ordering(lambda: [21 / 19] * len(_OTHERS), lambda: list(map(_conditioning, _OTHERS)), 0.05),
        "neighbours": Ordering(lambda: [21 / 19] * 2, lambda: list(map(_conditioning, near)), 1e-8),
        "later modes": Ordering(
            lambda: [float(best_in_span(j).conditioning) for j in range(2, 12)],
            lambda: [float(best_in_span(j).conditioning) for j in range(3, 13)],
            1e-3,
        ),
    }


@claim(
    "pennington2018.linear_is_worst",
    title="A linear activation is the worst conditioned",
    statement=r"\frac{m_2}{m_1^2} \le 3, \text{ with equality only for linear } f",
    source=Source("pennington2018", "Section 4.1"),
    assumptions=_ASSUMPTIONS,
    subject=None,
)
def predict_worst() -> dict[str, Identity | Ordering]:
    """3 at x; every other below, with a margin that closes only as f tends to x."""
    return {
        "value": Identity(objective_value(activation("linear")), 3),
        "others": Ordering(lambda: list(map(_conditioning, _OTHERS)), lambda: [3.0] * len(_OTHERS), 0.1),
        "nearly linear": Ordering(lambda: _conditioning("x+0.01*(x**2-1)"), lambda: 3.0, 1e-4),
    }


@claim(
    "pennington2018.eq29",
    title="The constrained problem needs a scale",
    statement=r"\inf_f \frac{m_2}{m_1^2} \text{ over monotone } f,\ \mathbb{E} f = 0,\ f' = 0 \text{ for } |x| > S,"
    r" \text{ depends on } S",
    source=Source("pennington2018", "Eq. 29"),
    assumptions=(*_ASSUMPTIONS, "the saturation scale S is stated"),
    subject=None,
)
def predict_constrained() -> dict[str, Ordering]:
    """A smaller scale is a stronger constraint, and the optimum strictly worse."""
    return {
        "S = 1, 2, 3": Ordering(
            lambda: [_constrained_value(2), _constrained_value(3)],
            lambda: [_constrained_value(1), _constrained_value(2)],
            1e-4,
        )
    }


def _constrained_value(saturation: float) -> float:
    return float(constrained_optimum(saturation=saturation, starts=4).value)


@claim(
    "pennington2018.eq30",
    title="Two normalised families",
    statement=r"\mathrm{srelu}_\alpha,\ \mathrm{erf}_\alpha:\quad \mathbb{E} f(Z) = 0,\ \mathbb{E} f(Z)^2 = 1",
    source=Source("pennington2018", "Eq. 30"),
    assumptions=("alpha is real", "alpha > 0 for erf_alpha"),
    subject=None,
)
def predict_families() -> dict[str, Identity]:
    """The printed normalisations are the standard deviations of the plain functions, for all alpha."""
    a, s = sp.Symbol("alpha", real=True), sp.Symbol("alpha", positive=True)
    leaky = activation("max(x,0)+alpha*max(-x,0)", parameters={"alpha": "real"})
    erf = activation("erf(alpha**2*x)", parameters={"alpha": "positive"})
    return {
        "srelu: mean": Identity(leaky.mean, (1 + a) / sp.sqrt(2 * sp.pi)),
        "srelu: variance": Identity(leaky.eta - leaky.mean**2, (1 + a**2) / 2 - (1 + a) ** 2 / (2 * sp.pi)),
        "erf: mean": Identity(erf.mean, 0),
        "erf: variance": Identity(erf.eta, 4 / sp.pi * sp.atan(sp.sqrt(1 + 4 * s**4)) - 1),
    }


@claim(
    "fimtheory.best_in_families",
    title="The best members of the two families",
    statement=r"\mathrm{srelu}_\alpha:\ \alpha^* = 0.5716 \text{ and } 1/\alpha^*;\quad \mathrm{erf}_\alpha:\ \alpha^* ="
    r" 2.1585",
    source=Source("fimtheory", "extends Pennington and Worah (2018), figure 3"),
    assumptions=_ASSUMPTIONS,
    subject=None,
)
def predict_minimisers() -> dict[str, Agreement | Ordering]:
    """Stationary points of the closed forms against a scan of the conditioning of single activations."""
    return {
        "srelu": Agreement(partial(_minimiser, "srelu", (0, 1)), partial(_scanned, "srelu", 0.3, 0.8), 2e-3),
        "erf": Agreement(partial(_minimiser, "erf_alpha", (1, 4)), partial(_scanned, "erf_alpha", 1.9, 2.4), 2e-3),
        "srelu at 1/alpha is a mirror image": Agreement(
            lambda: _minimiser("srelu", (0, 1)) * _minimiser("srelu", (1, 3)), lambda: 1.0, 1e-12
        ),
    }


def _minimiser(name: str, interval: tuple[int, int]) -> float:
    (best,) = minimise_family(activation(name), interval=interval).best
    return float(best.at)


def _scanned(name: str, low: float, high: float) -> float:
    """The lowest of 26 values and its neighbours, interpolated by a parabola."""
    points = np.linspace(low, high, 26)
    layers = (SingleLayer(activation(name, alpha=sp.Rational(str(round(p, 6))))) for p in points)
    values = np.array([float(number(layer.conditioning, 14)) for layer in layers])
    k = int(values.argmin())
    bend, slope, _ = np.polyfit(points[k - 1 : k + 2] - points[k], values[k - 1 : k + 2], 2)
    return float(points[k] - slope / (2 * bend))
