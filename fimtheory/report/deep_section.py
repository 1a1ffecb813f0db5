"""Two sections of a report on deep networks: softmax output, and the phase that the variances put a network in."""

from __future__ import annotations

from mpmath import mp

from fimtheory.errors import InputError
from fimtheory.gaussian.quantity import as_decimal
from fimtheory.latex import latex
from fimtheory.references import PAPERS
from fimtheory.report.document import Block, EquationRow, Equations, Paragraph, Section, literal
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.phases import FixedPoint, phase
from fimtheory.theory.softmax_fisher import SoftmaxStatistics, softmax_fisher, softmax_statistics

_MEANINGS = {
    "ordered": r"Inputs become alike ($c^* = 1$) and gradients shrink, $\chi_1 < 1$.",
    "critical": r"On the edge of chaos, $\chi_1 = 1$: gradients keep their size, and correlations settle algebraically.",
    "chaotic": r"Inputs keep apart ($c^* < 1$) and gradients grow, $\chi_1 > 1$.",
    "unbounded": "Lengths grow from layer to layer without limit, and there is no fixed point to speak about.",
}


def softmax_section(network: DeepNetwork, width: int) -> Section | None:
    """What is expected of F_cross over networks, at one width; None where the law of the logits is out of reach."""
    try:
        found = softmax_statistics(network, width)
    except InputError:
        return None
    introduction = Paragraph(
        r"With softmax output the metric is $F_{\mathrm{cross}} = \frac{1}{N} \sum_n J_n Q_n J_n^\top$ with $Q_n ="
        r" \operatorname{diag} g_n - g_n g_n^\top$. Its statistics differ from network to network even at infinite width;"
        rf" these are expectations under the law of the logits at $M = {width}$, with no network drawn. The outliers, at"
        r" most $C - 1$, are roots of $\det\left[I_C - b \sum_n Q_n (\lambda - a Q_n)^{-1}\right] = 0$ with $a ="
        r" \alpha M (\kappa_1 - \kappa_2) / N$ and $b = \alpha M \kappa_2 / N$. Source:"
        f" {literal(str(PAPERS['karakida2020']))}, theorem 3.3, with the factor $C$ of the mean left out and outliers"
        " where it has bounds."
    )
    rows = Equations(
        tuple(_softmax_rows(found)), r"Softmax output: $\beta_1$ to $\beta_4$ are functions of the logits."
    )
    return Section("Softmax output", "softmax", (introduction, rows))


def _softmax_rows(found: SoftmaxStatistics) -> list[EquationRow]:
    dual = softmax_fisher()
    named = ((r"m_\lambda", dual.mean(), found.mean), (r"s_\lambda", dual.second_moment(), found.second_moment),
             (r"\lambda_{\max} \geq", dual.lower(), found.lower),
             (r"\lambda_{\max} \leq", dual.upper(), found.upper))  # fmt: skip
    rows = [EquationRow(f"${label}$", latex(e), f"{value:.6g}", "numerical") for label, e, value in named]
    for place, one in list(enumerate(found.outliers, start=1))[:3]:
        spread = rf"\text{{root {place}; deviation from network to network }} {one.deviation:.2g}"
        rows.append(EquationRow(rf"$\lambda_{place}$", spread, f"{one.mean:.4g}", "numerical"))
    return rows


def phase_section(network: DeepNetwork, digits: int) -> Section | None:
    """Fixed points of lengths and correlations, and how deep signals reach; None where lengths cannot be followed."""
    try:
        found = phase(network.activations[0], network.weight_variances[0], network.bias_variances[0], digits)
    except InputError:
        return None
    weight, bias = network.weight_variances[0], network.bias_variances[0]
    blocks: list[Block] = [
        Paragraph(
            rf"At $\sigma_w^2 = {latex(weight)}$, $\sigma_b^2 = {latex(bias)}$ the network is **{found.name}**. "
            + _MEANINGS[found.name]
            + f" Sources: {literal(str(PAPERS['poole2016']))}; {literal(str(PAPERS['schoenholz2017']))}."
        )
    ]
    if found.reached is not None:
        blocks.append(Equations(tuple(_phase_rows(found.reached)), "Where signals settle, and how fast."))
    return Section("Very deep networks", "phase", tuple(blocks))


def _phase_rows(point: FixedPoint) -> list[EquationRow]:
    q = r"\sqrt{q^*}\, Z"
    rows = [
        ("q^*", r"\sigma_w^2\, \mathbb{E}\, \phi(" + q + r")^2 + \sigma_b^2", point.q),
        (r"\chi_1", r"\sigma_w^2\, \mathbb{E}\, \phi'(" + q + r")^2", point.chi1),
        ("c^*", r"\left(\sigma_w^2\, I_\phi[q^*, c^* q^*] + \sigma_b^2\right) / q^*", point.c),
        (r"\xi_q", r"-1 / \log \left|\frac{\partial q^{l+1}}{\partial q^l}\right|", point.xi_q),
        (r"\xi_c", r"-1 / \log \left(\sigma_w^2\, I_{\phi'}[q^*, c^* q^*]\right)", point.xi_c),
    ]
    return [EquationRow(f"${name}$", formula, _decimal(value), "numerical") for name, formula, value in rows
            if value is not None]  # fmt: skip


def _decimal(value: mp.mpf) -> str:
    return "infinite" if mp.isinf(value) else as_decimal(value, 8)
