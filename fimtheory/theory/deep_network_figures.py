"""The figures of Karakida, Akaho and Amari (2020) as claims: what each of them shows, in numbers.

The drawings themselves are in :mod:`fimtheory.report.network_paper_figures`: ``fimtheory claims figure karakida2020.fig4``.
Figures 5 and 6 (right) are in :mod:`fimtheory.theory.kernel_training` and :mod:`fimtheory.theory.kernel_spectra`.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from fimtheory.claims import GivenOutputs, Source, claim
from fimtheory.theory.deep_fisher import fisher, fisher_block, predictions
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.feature_metric import feature_block, feature_metric
from fimtheory.theory.softmax_fisher import given_outputs
from fimtheory.theory.tangent_kernel import tangent_kernel

_ASSUMPTIONS = ("M is large at fixed N", "kappa_2 > 0", "the networks of the paper, C = 10 (figure 6: C = 2)")
_LARGEST = "lambda_max"


def _place(network: DeepNetwork, metric: str, formula: sp.Expr, layer: int) -> dict[str, Any]:
    return {f"deep.{metric}.{_LARGEST}": formula.subs(network.layer_values(layer))}


@claim(
    "karakida2020.fig3a",
    title="Spectra of F and of its second block: the larger population lies around lambda_max",
    statement=r"\frac{1}{C} \sum_{j=1}^{C} \lambda_j \sim \lambda_{\max} \text{ of theorem 3.1 and of section 3.2}",
    source=Source("karakida2020", "Figure 3 (a)"),
    assumptions=_ASSUMPTIONS,
    subject="paper_network",
    activations=("tanh",),
)
def predict_spectra(network: DeepNetwork) -> dict[str, Any]:
    """The mean of the C largest eigenvalues."""
    whole = predictions(network, "F", fisher())
    return {f"deep.F.{_LARGEST}": whole[f"deep.F.{_LARGEST}"]} | _place(
        network, "F_blocks[2]", fisher_block().lambda_max, 2
    )


@claim(
    "karakida2020.fig3b",
    title="Spectra of F_cross and of its second block: the softmax disperses the outliers",
    statement=r"\lambda_1 > \lambda_2 > \dots \text{ above the bulk solve the secular equation of each network}",
    source=Source("karakida2020", "Figure 3 (b)"),
    assumptions=_ASSUMPTIONS,
    subject="paper_network",
    activations=("tanh",),
)
def predict_softmax_spectra(network: DeepNetwork) -> dict[str, GivenOutputs]:
    """The largest, a middle one and the last of the outliers above the bulk, from the outputs of each network."""
    return _outliers(network, "F_cross") | _outliers(network, "F_cross_blocks[2]")


def _outliers(network: DeepNetwork, metric: str) -> dict[str, GivenOutputs]:
    every = [(name, value) for name, value in given_outputs(network, metric).items() if "outlier" in name]
    return dict(every[:: max(1, (len(every) - 1) // 2)])


@claim(
    "karakida2020.fig4",
    title="Statistics of F_cross for tanh, ReLU and linear networks",
    statement=r"m_\lambda,\ s_\lambda \text{ of theorem 3.3, and the largest eigenvalue of the secular equation}",
    source=Source("karakida2020", "Figure 4"),
    assumptions=_ASSUMPTIONS,
    subject="paper_network",
    activations=("tanh", "relu", "linear"),
)
def predict_softmax_statistics(network: DeepNetwork) -> dict[str, GivenOutputs]:
    """Mean, second moment and largest eigenvalue, from the outputs of each network."""
    every = given_outputs(network, "F_cross")
    return {f"deep.F_cross.{name}": every[f"deep.F_cross.{name}"] for name in ("mean", "second_moment", "outlier[1]")}


@claim(
    "karakida2020.fig6",
    title="The outliers of the tangent kernel of a ReLU network",
    statement=r"\frac{1}{C} \sum_{j=1}^{C} \lambda_j(\Theta) \sim \alpha \left(\kappa_1' + (N-1)\, \kappa_2'\right)",
    source=Source("karakida2020", "Figure 6 (left)"),
    assumptions=_ASSUMPTIONS,
    subject="paper_network",
    activations=("relu without biases",),
)
def predict_tangent_kernel(network: DeepNetwork) -> dict[str, Any]:
    """Mean and largest eigenvalues; the second is N kappa_2'/kappa_1' times the first where N is large."""
    found = predictions(network, "NTK", tangent_kernel())
    return {name: found[name] for name in ("deep.NTK.mean", f"deep.NTK.{_LARGEST}")}


@claim(
    "karakida2020.fig7a",
    title="Spectra of the feature metric A and of its block of the inputs",
    statement=r"\frac{1}{C} \sum_{j=1}^{C} \lambda_j \sim \lambda_{\max} \text{ of theorem 5.1 and of appendix D.2}",
    source=Source("karakida2020", "Figure 7 (a)"),
    assumptions=_ASSUMPTIONS,
    subject="paper_network",
    activations=("tanh",),
)
def predict_feature_spectra(network: DeepNetwork) -> dict[str, Any]:
    """The mean of the C largest eigenvalues."""
    whole = predictions(network, "A", feature_metric())
    return {f"deep.A.{_LARGEST}": whole[f"deep.A.{_LARGEST}"]} | _place(
        network, "A_blocks[0]", feature_block().lambda_max, 1
    )


@claim(
    "karakida2020.fig7b",
    title="Spectra of the feature metric with softmax output",
    statement=r"\lambda_1 > \lambda_2 > \dots \text{ above the bulk solve the secular equation of each network}",
    source=Source("karakida2020", "Figure 7 (b)"),
    assumptions=_ASSUMPTIONS,
    subject="paper_network",
    activations=("tanh",),
)
def predict_softmax_feature_spectra(network: DeepNetwork) -> dict[str, GivenOutputs]:
    """The largest, a middle one and the last of the outliers above the bulk, from the outputs of each network."""
    return _outliers(network, "A_cross")
