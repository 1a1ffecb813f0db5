r"""Eigenvalue statistics of the Fisher information matrix with softmax output, F_cross, its blocks and A with softmax.

F_cross = (1/N) sum_n J_n Q_n J_n' with J_n the gradients of the C outputs and Q_n = diag(g_n) - g_n g_n'. Its non-zero
eigenvalues are those of Q F*, and F* tends to a multiple of I_C (x) K; so the statistics are those of the linear output
with coefficients beta of the softmax. The coefficients depend on the network even at infinite width: they are given by
its outputs, or by their expectation under the law of :mod:`fimtheory.theory.logit_law`.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

import sympy as sp

from fimtheory.claims import GivenOutputs, Source, claim
from fimtheory.errors import InputError
from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS
from fimtheory.theory.logit_law import Distribution, LogitLaw, coefficients
from fimtheory.theory.softmax_outliers import SoftmaxOutliers

M, N, C = (SYMBOLS[name] for name in "MNC")
alpha, kappa1, kappa2 = SYMBOLS["alpha_tot"], SYMBOLS["kappa1"], SYMBOLS["kappa2"]
beta1, beta2, beta3, beta4 = (SYMBOLS[f"beta{k}"] for k in (1, 2, 3, 4))

_ASSUMPTIONS = ("M is large", "phi is weakly differentiable", "the network is not centred: kappa_2 > 0")


@dataclass(frozen=True)
class LeadingDual:
    """A metric of linear outputs to leading order: dual scale * I_C (x) K, ``count`` eigenvalues in all."""

    scale: sp.Expr
    k1: sp.Expr
    k2: sp.Expr
    count: sp.Expr

    def mean(self) -> sp.Expr:
        """The mean of the eigenvalues with softmax output: tr(Q F*) over their number."""
        return N * self.scale * self.k1 * beta1 / self.count

    def second_moment(self) -> sp.Expr:
        """The mean of their squares: tr(Q F* Q F*) over their number."""
        return self.scale**2 * (N**2 * beta2 * self.k2**2 + N * beta3 * self.k1**2) / self.count

    def lower(self) -> sp.Expr:
        """A lower bound of the largest."""
        return beta4 * self.scale * (self.k1 + (N - 1) * self.k2)

    def upper(self) -> sp.Expr:
        """An upper bound of the largest: the root of the sum of all squares."""
        return sp.sqrt(self.count * self.second_moment())


def softmax_fisher() -> LeadingDual:
    """F_cross: alpha M/N I_C (x) K, over P ~ alpha M^2 eigenvalues.

    Formula: mean beta_1 kappa_1/M, second moment alpha (beta_2 kappa_2^2 + beta_3 kappa_1^2/N), lower bound
    beta_4 alpha M (kappa_1 + (N-1) kappa_2)/N, upper bound sqrt(alpha s) M.
    *Source*: Karakida, Akaho, Amari (2020), theorem 3.3. *Holds when* M is large and kappa_2 > 0. *As printed*, the mean
    has a further factor C, which the trace of Q does not give.

    >>> softmax_fisher().mean()
    beta1*kappa1/M
    """
    return LeadingDual(alpha * M / N, kappa1, kappa2, alpha * M**2)


def softmax_block() -> LeadingDual:
    """The diagonal block of one layer, over P_l = alpha_l alpha_{l-1} M^2 eigenvalues, alpha_L = C/M.

    *Source*: our own; figure 3 (b) of Karakida, Akaho, Amari (2020) shows one. *Holds when* M is large. In the first layer
    qhat_2^0 is the overlap of the inputs: where it is zero, there are no outliers.

    >>> softmax_block().mean()
    beta1*qhat1*qtilde1/(M*alpha_l)
    """
    (qhat1, qhat2), (qtilde1, qtilde2) = ([SYMBOLS[f"{q}{t}"] for t in (1, 2)] for q in ("qhat", "qtilde"))
    own, below = SYMBOLS["alpha_l"], SYMBOLS["alpha_below"]
    return LeadingDual(below * M / N, qtilde1 * qhat1, qtilde2 * qhat2, own * below * M**2)


def softmax_feature() -> LeadingDual:
    """The metric A of the feature space with softmax output, over M_h eigenvalues.

    *Source*: our own; figure 7 (b) of Karakida, Akaho, Amari (2020) shows one. *Holds when* M is large and kappa_2 > 0.

    >>> softmax_feature().mean()
    beta1*kappa1_feature/M
    """
    total = SYMBOLS["alpha_sum"]
    return LeadingDual(total / N, SYMBOLS["kappa1_feature"], SYMBOLS["kappa2_feature"], total * M)


def softmax_feature_block() -> LeadingDual:
    """The diagonal block of A with softmax output that belongs to the activities below one layer, over M_{l-1} eigenvalues.

    *Source*: our own; figure 7 (b) of Karakida, Akaho, Amari (2020) shows the block of the inputs. *Holds when* M is large.

    >>> softmax_feature_block().mean()
    beta1*qtilde1*sigma_w2/(M*alpha_below)
    """
    return LeadingDual(SYMBOLS["sigma_w2"] / N, SYMBOLS["qtilde1"], SYMBOLS["qtilde2"], SYMBOLS["alpha_below"] * M)


@dataclass(frozen=True)
class SoftmaxMetric:
    """One metric of one network: ``name`` is ``F_cross`` or ``F_cross_blocks[l]`` with l = 1..L, ``A_cross`` or
    ``A_cross_blocks[l]`` with l = 0..L-1.

    Raises :class:`InputError` for another name, :class:`OutsideAssumptions` for a centred network.
    """

    network: Any
    name: str
    layer: int | None
    dual: LeadingDual

    @classmethod
    def of(cls, network, name: str) -> SoftmaxMetric:
        """The metric of a name."""
        network.require_theorem()
        whole = {"F_cross": softmax_fisher, "A_cross": softmax_feature}
        if name in whole:
            return cls(network, name, None, whole[name]())
        block = re.fullmatch(r"([FA])_cross_blocks\[(\d{1,6})\]", name)
        layer = int(block[2]) + (block[1] == "A") if block else 0
        if block is None or not 1 <= layer <= network.depth:
            raise InputError(
                f"there is no softmax metric {name!r}: write F_cross, A_cross, F_cross_blocks[l] with l from 1 to"
                f" {network.depth}, or A_cross_blocks[l] with l from 0 to {network.depth - 1}"
            )
        return cls(network, name, layer, softmax_block() if block[1] == "F" else softmax_feature_block())

    def formula(self, expression: sp.Expr, beta: dict[str, float]) -> sp.Expr:
        """A formula in M alone."""
        values = self.network.values() if self.layer is None else self.network.layer_values(self.layer)
        return expression.subs(values | {SYMBOLS[name]: sp.Float(value, 16) for name, value in beta.items()})

    def number(self, expression: sp.Expr, beta: dict[str, float], width: int) -> float:
        """A formula at one width."""
        return float(self.formula(expression, beta).subs(M, width))

    def poles(self, width: int) -> tuple[float, float]:
        """a = scale (k1 - k2) and b = scale k2 of :class:`~fimtheory.theory.softmax_outliers.SoftmaxOutliers`."""
        d = self.dual
        return self.number(d.scale * (d.k1 - d.k2), {}, width), self.number(d.scale * d.k2, {}, width)


@dataclass(frozen=True)
class SoftmaxStatistics:
    """What is expected of one softmax metric at one width, over networks: from the law of the logits, no simulation.

    ``mean`` and ``second_moment`` are expectations to ten digits. ``lower`` is E beta_4 times the largest eigenvalue of
    the linear output, E beta_4 over ``draws`` of the law; ``upper`` is the root of the count times E s, to ten digits,
    which bounds the expectation of the largest eigenvalue by Jensen's inequality. ``outliers`` has the laws of the C - 1
    largest eigenvalues over fewer draws, and ``separated`` the share of draws in which each stands above the bulk.
    ``beta`` has the expected coefficients.
    """

    metric: str
    width: int
    mean: float
    second_moment: float
    lower: float
    upper: float
    outliers: tuple[Distribution, ...]
    separated: tuple[float, ...]
    beta: dict[str, float]
    draws: int

    def __repr__(self) -> str:
        largest = f", largest {self.outliers[0].mean:.6g} ± {self.outliers[0].mean_error:.2g}" if self.outliers else ""
        return (
            f"<SoftmaxStatistics of {self.metric} at M = {self.width}: mean {self.mean:.6g}, second moment "
            f"{self.second_moment:.6g}, largest between {self.lower:.6g} and {self.upper:.6g}{largest}>"
        )


def softmax_statistics(
    network, width: int, metric: str = "F_cross", draws: int = 1000, outlier_draws: int = 100, seed: int = 1
) -> SoftmaxStatistics:
    """Expected mean, second moment, bounds and outliers of a softmax metric of a network, at leading order in the width.

    *Source*: theorem 3.3 of Karakida, Akaho, Amari (2020) for given outputs; the rest is our own. *Holds when* M is large
    and kappa_2 > 0. Raises :class:`InputError` for a metric there is not, and whatever :class:`LogitLaw` raises.

    >>> import fimtheory as ft
    >>> from fimtheory.theory.deep_network import DeepNetwork
    >>> network = DeepNetwork(ft.activation("relu"), 3, 2, "0.1", outputs=1)
    >>> softmax_statistics(network, 100).mean  # one output: the softmax is constant
    0.0
    """
    for name, value, least in (("width", width, 1), ("draws", draws, 2), ("outlier_draws", outlier_draws, 2)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InputError(f"{name} = {value} is not possible: give a whole number from {least}")
    one, law = SoftmaxMetric.of(network, metric), LogitLaw.of(network)
    beta = dict(_expected_coefficients(law, draws, seed))
    mean, second, lower, upper = (
        one.number(e, beta, width)
        for e in (one.dual.mean(), one.dual.second_moment(), one.dual.lower(), one.dual.upper())
    )
    places = SoftmaxOutliers(law.draw(outlier_draws, seed), *one.poles(width))
    outliers = tuple(Distribution.of(column) for column in places.values.T)
    separated = tuple(float(share) for share in places.separated.mean(axis=0))
    return SoftmaxStatistics(metric, width, mean, second, lower, upper, outliers, separated, beta, draws)


@functools.lru_cache(maxsize=32)
def _expected_coefficients(law: LogitLaw, draws: int, seed: int) -> dict[str, float]:
    """E beta_1 to E beta_4: the same for every metric and width."""
    return law.expected | {"beta4": law.distributions(draws, seed)["beta4"].mean}


def given_outputs(network, metric: str) -> dict[str, GivenOutputs]:
    """Mean, second moment and outliers of a metric from the outputs of a network, by observable.

    An eigenvalue that is in the bulk in more than a tenth of the draws of the logits is left out: nearly equal
    eigenvalues repel each other at finite width, and their means do not follow a law in 1/M.
    """
    one = SoftmaxMetric.of(network, metric)
    found = {name: _by_coefficients(one, e) for name, e in _moments(one.dual).items()}
    places = SoftmaxOutliers(LogitLaw.of(network).draw(200, seed=1), *one.poles(1000))
    share = places.separated.mean(axis=0)
    found |= {f"outlier[{j}]": _by_secular_equation(one, j) for j in range(1, network.outputs) if share[j - 1] >= 0.9}
    return {f"deep.{metric}.{name}": prediction for name, prediction in found.items()}


def _moments(dual: LeadingDual) -> dict[str, sp.Expr]:
    return {"mean": dual.mean(), "second_moment": dual.second_moment()}


def _by_coefficients(one: SoftmaxMetric, expression: sp.Expr) -> GivenOutputs:
    names = ("beta1", "beta2", "beta3")
    function = sp.lambdify([M, *(SYMBOLS[name] for name in names)], one.formula(expression, {}), "math")

    def predict(outputs, width: int) -> float:
        beta = coefficients(outputs)
        return float(function(width, *(float(beta[name]) for name in names)))

    return GivenOutputs(predict)


def _by_secular_equation(one: SoftmaxMetric, place: int) -> GivenOutputs:
    poles = functools.cache(one.poles)
    return GivenOutputs(lambda outputs, width: float(SoftmaxOutliers(outputs, *poles(width)).values[place - 1]))


def _expected(network, moments: dict[str, sp.Expr]) -> dict[str, sp.Expr]:
    one, beta = SoftmaxMetric.of(network, "F_cross"), LogitLaw.of(network).expected
    return {f"deep.F_cross.{name}": one.formula(e, beta) for name, e in moments.items()}


def _given(network, moments: dict[str, sp.Expr]) -> dict[str, GivenOutputs]:
    one = SoftmaxMetric.of(network, "F_cross")
    return {f"deep.F_cross.{name}": _by_coefficients(one, e) for name, e in moments.items()}


_STATEMENT = (
    rf"m_\lambda \sim {latex(softmax_fisher().mean())},\quad "
    r"s_\lambda \sim \alpha \left(\beta_2 \kappa_2^2 + \beta_3 \frac{\kappa_1^2}{N}\right)"
)
_MOMENTS = _moments(softmax_fisher())
_PRINTED = r"m_\lambda \sim \beta_1 C \frac{\kappa_1}{M}"
_PRINTED_MOMENTS = {"mean": C * softmax_fisher().mean()}


@claim(
    "karakida2020.thm3.3",
    title="Mean and second moment with softmax output, expected over networks",
    statement=_STATEMENT + r",\quad \beta_k \to \mathbb{E}\, \beta_k",
    source=Source("karakida2020", "Theorem 3.3; eq. 25"),
    assumptions=(*_ASSUMPTIONS, "the logits have their Gaussian-process law"),
    as_printed=_PRINTED,
    printed=lambda network: _expected(network, _PRINTED_MOMENTS),
)
def predict_expected(network) -> dict[str, sp.Expr]:
    """Expectations over networks, with no simulation input."""
    return _expected(network, _MOMENTS)


@claim(
    "karakida2020.thm3.3.given_outputs",
    title="Mean and second moment with softmax output, network by network",
    statement=_STATEMENT,
    source=Source("karakida2020", "Theorem 3.3; eq. 25"),
    assumptions=_ASSUMPTIONS,
    as_printed=_PRINTED,
    printed=lambda network: _given(network, _PRINTED_MOMENTS),
)
def predict_given_outputs(network) -> dict[str, GivenOutputs]:
    """From the outputs of each network: the coefficients do not average themselves out."""
    return _given(network, _MOMENTS)


@claim(
    "fimtheory.softmax.outliers",
    title="Outliers with softmax output, network by network: F, its blocks and A",
    statement=r"\det\left[I_C - b \sum_{n=1}^{N} Q_n \left(\lambda I_C - a\, Q_n\right)^{-1}\right] = 0,\quad a = s (k_1 -"
    r" k_2),\quad b = s\, k_2,\quad J^\top J \sim s\, I_C \otimes K",
    source=Source("fimtheory", "extends theorems 3.3, 3.4 and figures 3, 7 of Karakida et al."),
    assumptions=(*_ASSUMPTIONS, "the outliers stand clear of the bulk"),
)
def predict_outliers(network) -> dict[str, GivenOutputs]:
    """The outliers of F_cross; of A and of the blocks also mean and second moment.

    The first block has no outliers where inputs have no overlap.
    """
    whole = given_outputs(network, "F_cross")
    found = {name: prediction for name, prediction in whole.items() if "outlier" in name}
    for metric in (*(f"F_cross_blocks[{l}]" for l in range(1, network.depth + 1)), "A_cross"):
        found |= given_outputs(network, metric)
    return found
