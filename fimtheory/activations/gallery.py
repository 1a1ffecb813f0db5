"""The gallery: one line an activation. Everything else about it is derived.

A new line here is a new activation for the whole package and for ``tests/test_every_activation.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """A named activation: formula in the language of the parser, parameters with their domains, origin, aliases."""

    name: str
    formula: str
    origin: str
    parameters: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


ENTRIES = (
    Entry("linear", "x", "the identity", aliases=("identity",)),
    Entry("relu", "relu(x)", "rectified linear unit; its dual is the arc-cosine kernel (Cho and Saul 2009)"),
    Entry("leaky_relu", "max(x, 0) + alpha*min(x, 0)", "Maas, Hannun and Ng 2013", {"alpha": "real"}, ("prelu",)),
    Entry("relu_squared", "relu(x)**2", "squared ReLU; arc-cosine kernel of degree 2", aliases=("relu2",)),
    Entry("abs", "abs(x)", "absolute value"),
    Entry("step", "step(x)", "Heaviside step; arc-cosine kernel of degree 0", aliases=("heaviside",)),
    Entry("sign", "sign(x)", "sign; Grothendieck's identity"),
    Entry("hardtanh", "clip(x, -1, 1)", "piecewise linear tanh (Collobert 2004)", aliases=("hard_tanh",)),
    Entry(
        "elu", "where(x < 0, alpha*(exp(x) - 1), x)", "Clevert, Unterthiner and Hochreiter 2015", {"alpha": "positive"}
    ),
    Entry("gelu", "x*Phi(x)", "Gaussian error linear unit (Hendrycks and Gimpel 2016)"),
    Entry("silu", "x*sigmoid(x)", "sigmoid linear unit (Elfwing, Uchibe and Doya 2017)", aliases=("swish",)),
    Entry("softplus", "softplus(x)", "Dugas et al. 2001"),
    Entry("sigmoid", "sigmoid(x)", "logistic function", aliases=("logistic", "expit")),
    Entry("tanh", "tanh(x)", "hyperbolic tangent"),
    Entry("erf", "erf(x)", "error function; its dual is an arcsine (Williams 1997)"),
    Entry("sin", "sin(x)", "sine", aliases=("sine",)),
    Entry("gaussian", "exp(-x**2/2)", "Gaussian bump", aliases=("gauss",)),
    Entry("f_opt", "(x + sqrt(6)*(x**2 - 1))/sqrt(13)", "best conditioned spectrum (Pennington and Worah 2018)"),
    Entry(
        "srelu",
        "(sqrt(2*pi)*(max(x, 0) + alpha*max(-x, 0)) - (1 + alpha))/sqrt(pi*(1 + alpha**2) - (1 + alpha)**2)",
        "centred, normalised leaky ReLU (Pennington and Worah 2018, eq. 30)",
        {"alpha": "real"},
    ),
    Entry(
        "erf_alpha",
        "erf(alpha**2*x)/sqrt(4/pi*atan(sqrt(1 + 4*alpha**4)) - 1)",
        "normalised erf of slope alpha^2 (Pennington and Worah 2018, eq. 30)",
        {"alpha": "positive"},
    ),
)

BY_NAME = {name: entry for entry in ENTRIES for name in (entry.name, *entry.aliases)}
