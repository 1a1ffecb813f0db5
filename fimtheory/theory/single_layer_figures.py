"""The figures of Pennington and Worah (2018) as claims: what each of them shows, in numbers.

The drawings themselves are in :mod:`fimtheory.report.paper_figures`: ``fimtheory claims figure pennington2018.fig1a``.
"""

from __future__ import annotations

import sympy as sp

from fimtheory.claims import Source, claim
from fimtheory.gaussian.quantity import number
from fimtheory.theory.single_layer import SingleLayer, moments_measured, window_masses

_ASSUMPTIONS = ("n is large", "E f(Z) = 0", "f' is square-integrable")
_WITH_ATOM = "single_layer.mass[-inf,1.6]"
_LOWER = "single_layer.mass[-inf,1.0]"


@claim(
    "pennington2018.fig1a",
    title="Empirical spectrum of a linear layer",
    statement=r"f(x) = x:\ \text{half of the eigenvalues are zero, the others follow eq. 17}",
    source=Source("pennington2018", "Figure 1 (a)"),
    assumptions=("n is large",),
    subject="single_layer",
    activations=("linear",),
)
def predict_linear(layer: SingleLayer) -> dict[str, sp.Expr]:
    """The share up to 1.6 with the atom at 0, the shares in two windows, three moments."""
    return {_WITH_ATOM: sp.Float(float(layer.law.cdf(1.6)))} | window_masses(layer) | moments_measured(layer, 3)


@claim(
    "pennington2018.fig1b",
    title="Empirical spectrum of an erf layer",
    statement=r"f = \mathrm{erf}_1:\ \text{the histogram of eigenvalues tends to } \rho",
    source=Source("pennington2018", "Figure 1 (b)"),
    assumptions=_ASSUMPTIONS,
    subject="single_layer",
    activations=("erf_alpha alpha=1",),
)
def predict_erf(layer: SingleLayer) -> dict[str, sp.Expr]:
    """The shares in two windows, three moments."""
    return window_masses(layer) | moments_measured(layer, 3)


@claim(
    "pennington2018.fig2b",
    title="Slow convergence at the lower end of the spectrum",
    statement=r"f = \mathrm{erf}_1:\ \text{what is smeared at finite width stays below } 1 \text{, and its share is right}",
    source=Source("pennington2018", "Figure 2 (b)"),
    assumptions=_ASSUMPTIONS,
    subject="single_layer",
    activations=("erf_alpha alpha=1",),
)
def predict_lower_end(layer: SingleLayer) -> dict[str, sp.Expr]:
    """The share of eigenvalues below 1, beyond the reach of the smeared points z_1, z_3, z_4."""
    return {_LOWER: sp.Float(float(layer.law.cdf(1.0)))}


def _predict_gain(layer: SingleLayer) -> dict[str, sp.Expr]:
    return {"single_layer.one_step": sp.Float(float(1 / number(layer.conditioning, 16)))}


@claim(
    "pennington2018.fig3a",
    title="Conditioning and one-step gain along the leaky ReLU family",
    statement=r"-\frac{\Delta L}{\varepsilon^2 n^2} \to \frac{m_1^2}{m_2} \text{ for } \mathrm{srelu}_\alpha",
    source=Source("pennington2018", "Figure 3 (a)"),
    assumptions=_ASSUMPTIONS,
    subject="single_layer",
    activations=("srelu alpha=-1/2", "srelu alpha=1/4", "srelu alpha=3/4"),
)
def predict_leaky(layer: SingleLayer) -> dict[str, sp.Expr]:
    """The gain of one optimal step is the inverse of the conditioning, whatever alpha."""
    return _predict_gain(layer)


@claim(
    "pennington2018.fig3b",
    title="Conditioning and one-step gain along the erf family",
    statement=r"-\frac{\Delta L}{\varepsilon^2 n^2} \to \frac{m_1^2}{m_2} \text{ for } \mathrm{erf}_\alpha",
    source=Source("pennington2018", "Figure 3 (b)"),
    assumptions=_ASSUMPTIONS,
    subject="single_layer",
    activations=("erf_alpha alpha=1/2", "erf_alpha alpha=3/2"),
)
def predict_erf_family(layer: SingleLayer) -> dict[str, sp.Expr]:
    """The same for erf."""
    return _predict_gain(layer)
