r"""Eigenvalue statistics of the Fisher information matrix F of a deep network, and of its diagonal blocks.

F = sum_k (1/N) sum_n grad f_k(n) grad f_k(n)' is P x P; its dual F* = R'R (C N x C N) has the same non-zero
eigenvalues and tends to (alpha M/N) I_C (x) K, with K = kappa_1 on the diagonal and kappa_2 off it. Mean, second moment
and largest eigenvalue are trace / P, squared Frobenius norm / P and the top eigenvalue of that matrix, with
P ~ alpha M^2. The largest eigenvalue is the place of C equal outliers: compare it with the mean of the C largest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy as sp

from fimtheory.claims import Source, claim
from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

M, N, C = (SYMBOLS[name] for name in "MNC")
alpha, kappa1, kappa2 = SYMBOLS["alpha_tot"], SYMBOLS["kappa1"], SYMBOLS["kappa2"]
qhat1, qhat2, qtilde1, qtilde2 = (SYMBOLS[name] for name in ("qhat1", "qhat2", "qtilde1", "qtilde2"))
alpha_l, alpha_below = SYMBOLS["alpha_l"], SYMBOLS["alpha_below"]

_ASSUMPTIONS = ("M is large", "phi is weakly differentiable", "the network is not centred: kappa_2 > 0")


@dataclass(frozen=True)
class Statistics:
    """Mean, second moment and largest eigenvalue of one metric, as formulas in the symbols of the notation table."""

    mean: sp.Expr
    second_moment: sp.Expr
    lambda_max: sp.Expr

    def items(self) -> list[tuple[str, sp.Expr]]:
        """(name, formula) in the order in which they are printed."""
        return [("mean", self.mean), ("second_moment", self.second_moment), ("lambda_max", self.lambda_max)]


def dual_statistics(scale: sp.Expr, k1: sp.Expr, k2: sp.Expr, count: sp.Expr) -> Statistics:
    """The statistics, over ``count`` eigenvalues, of a metric whose dual is scale * I_C (x) K, K the N x N matrix with
    k1 on the diagonal and k2 elsewhere.

    The eigenvalues of the dual are scale (k1 + (N-1) k2), C times, and scale (k1 - k2), C (N-1) times.

    >>> dual_statistics(sp.S.One, kappa1, kappa2, C * N).mean
    kappa1
    """
    return Statistics(
        mean=C * N * scale * k1 / count,
        second_moment=C * N * scale**2 / count * (k1**2 + (N - 1) * k2**2),
        lambda_max=scale * (k1 + (N - 1) * k2),
    )


def centred_statistics(scale: sp.Expr, k1: sp.Expr, k2: sp.Expr, count: sp.Expr) -> Statistics:
    """The same after the mean over samples is subtracted from every output's gradients.

    The dual loses the vector of ones of each output; scale (k1 - k2) is left, C (N-1) times.

    >>> centred_statistics(sp.S.One, kappa1, kappa2, C * (N - 1)).mean
    kappa1 - kappa2
    """
    place, number = scale * (k1 - k2), C * (N - 1)
    return Statistics(number * place / count, number * place**2 / count, place)


def fisher() -> Statistics:
    """Mean, second moment and largest eigenvalue of F.

    Formula: kappa_1 C/M, alpha C (kappa_1^2 + (N-1) kappa_2^2)/N, alpha M (kappa_1 + (N-1) kappa_2)/N.
    *Source*: Karakida, Akaho, Amari (2020), theorem 3.1. *Holds when* M is large and kappa_2 > 0. *As printed*, one
    factor of kappa_1 and kappa_2 is a forward order parameter where the dual Gram matrix has the backward one.

    >>> fisher().mean
    C*kappa1/M
    """
    return dual_statistics(alpha * M / N, kappa1, kappa2, alpha * M**2)


def fisher_centred() -> Statistics:
    """The same for F less the mean gradients, sum_k (E grad f_k grad f_k' - E grad f_k E grad f_k').

    Formula: (N-1) C (kappa_1 - kappa_2)/(N M), alpha (N-1) C (kappa_1 - kappa_2)^2/N^2, alpha M (kappa_1 - kappa_2)/N.
    *Source*: Karakida, Akaho, Amari (2020), eq. 22: the C outliers are gone. *Holds when* M is large and N is fixed:
    C (N-1) eigenvalues then tend to one place, and the sampled ones spread around it as M^(-1/2). Where N grows with M
    the spread is of the order of the place itself: :mod:`fimtheory.theory.kernel_spectra` has the density.

    >>> sp.factor(fisher_centred().lambda_max)
    M*alpha_tot*(kappa1 - kappa2)/N
    """
    return centred_statistics(alpha * M / N, kappa1, kappa2, alpha * M**2)


def fisher_block() -> Statistics:
    """The same for the diagonal block F^{ll} of one layer, P_l = alpha_l alpha_{l-1} M^2 parameters, alpha_L = C/M.

    *Source*: Karakida, Akaho, Amari (2020), section 3.2. *Holds when* M is large. In the first layer qhat_2^0 = 0: all
    C N eigenvalues tend to one place, and the sampled ones spread around it as M^(-1/2).

    >>> fisher_block().mean
    C*qhat1*qtilde1/(M*alpha_l)
    """
    return dual_statistics(alpha_below * M / N, qtilde1 * qhat1, qtilde2 * qhat2, alpha_l * alpha_below * M**2)


def forward_to_output(network) -> dict[int, dict[int, sp.Expr]]:
    """qhat_t^l for l = 0..L by t = 1, 2; the linear output has q_t^L. The printed kappas are made of these alone."""
    network.require_theorem()
    o, found = network.order_parameters, {}
    for t, hat, output in ((1, o.qhat1, o.q1), (2, o.qhat2, o.q2)):
        forward = hat | {network.depth: output[network.depth]}
        found[t] = {layer: sp.Float(value, network.digits) for layer, value in forward.items()}
    return found


def _printed_kappas(network) -> dict[sp.Symbol, sp.Expr]:
    """kappa_1 and kappa_2 as printed: two forward order parameters a summand."""
    a, layers = network.alphas, range(1, network.depth + 1)
    return {
        SYMBOLS[f"kappa{t}"]: sum(a[k - 1] * hat[k] * hat[k - 1] for k in layers) / network.values()[alpha]
        for t, hat in forward_to_output(network).items()
    }


def predictions(network, metric: str, statistics: Statistics, values: Mapping | None = None) -> dict[str, sp.Expr]:
    """The statistics of one metric by observable, in M alone; ``values`` take precedence over the network's own."""
    network.require_theorem()
    known = network.values() | (values or {})
    return {f"deep.{metric}.{name}": e.subs(known) for name, e in statistics.items()}


def moments(network, metric: str, statistics: Statistics) -> dict[str, sp.Expr]:
    """Mean and second moment alone, where the largest eigenvalue approaches its limit as M^(-1/2)."""
    found = predictions(network, metric, statistics)
    return {name: e for name, e in found.items() if not name.endswith("lambda_max")}


def _printed(network) -> dict[str, sp.Expr]:
    return predictions(network, "F", fisher(), _printed_kappas(network))


def statement(metric: str, statistics: Statistics) -> str:
    """The three formulas of a metric as one line of LaTeX."""
    names = {"mean": r"m_\lambda", "second_moment": r"s_\lambda", "lambda_max": r"\lambda_{\max}"}
    lines = (rf"{names[name]}({metric}) \sim {latex(e)}" for name, e in statistics.items())
    return r",\quad ".join(lines)


_KAPPA = (
    r"\kappa_t = \sum_{l=1}^{L} \frac{\alpha_{l-1}}{\alpha}\, \tilde q_t^{l}\, \hat q_t^{l-1},\quad "
    r"\alpha = \sum_{l=1}^{L-1} \alpha_l \alpha_{l-1}"
)
_KAPPA_PRINTED = r"\kappa_t := \sum_{l=1}^{L} \frac{\alpha_{l-1}}{\alpha}\, \hat q_t^{l}\, \hat q_t^{l-1}"


@claim(
    "karakida2020.thm3.1",
    title="Mean, second moment and largest eigenvalue of F",
    statement=statement("F", fisher()) + r",\quad " + _KAPPA,
    source=Source("karakida2020", "Theorem 3.1; eq. A.4"),
    assumptions=_ASSUMPTIONS,
    as_printed=_KAPPA_PRINTED,
    printed=_printed,
)
def predict_fisher(network) -> dict[str, sp.Expr]:
    """The statistics of F for one network, in M."""
    return predictions(network, "F", fisher())


@claim(
    "karakida2020.thm3.2",
    title="The eigenspace of the C largest eigenvalues is spanned by the mean gradients",
    statement=r"\frac{1}{C} \sum_{j=1}^{C} \cos^2 \vartheta_j \to 1 \text{ for the principal angles between "
    r"span}\{\mathbb{E}[\nabla_\theta f_k]\} \text{ and the eigenspace}",
    source=Source("karakida2020", "Theorem 3.2, first half"),
    assumptions=_ASSUMPTIONS,
)
def predict_eigenspace(network) -> dict[str, sp.Expr]:
    """The mean squared cosine of the angles between both spaces; single eigenvectors are random mixtures."""
    network.require_theorem()
    return {"deep.F_eigenspace.share": sp.S.One}


@claim(
    "karakida2020.eq22",
    title="The mean-subtracted F: the C outliers are gone",
    statement=statement(r"\bar F", fisher_centred()),
    source=Source("karakida2020", "eq. 22 (numbers of our own)"),
    assumptions=("M is large at fixed N", "phi is weakly differentiable"),
)
def predict_centred(network) -> dict[str, sp.Expr]:
    """Mean and second moment of the mean-subtracted F for one network, in M.

    The largest eigenvalue is left out: its limit is approached as M^(-1/2).
    """
    return moments(network, "F_centred", fisher_centred())


@claim(
    "karakida2020.sec3.2",
    title="Mean, second moment and largest eigenvalue of the diagonal blocks of F",
    statement=statement("F^{ll}", fisher_block()),
    source=Source("karakida2020", "Section 3.2; eqs. A.7 to A.11"),
    assumptions=(*_ASSUMPTIONS, "alpha_L = C/M"),
    as_printed=r"K_{nm}^l := \hat q_1^l\, \hat q_1^{l-1}\ (n = m),\quad \hat q_2^l\, \hat q_2^{l-1}\ (n \neq m)",
    printed=lambda network: _blocks(network, _printed_layer),
)
def predict_blocks(network) -> dict[str, sp.Expr]:
    """The statistics of every block for one network, in M.

    The largest eigenvalue of the first block is left out: it has no isolated cluster, its limit is approached as
    M^(-1/2), and a ladder in 1/M would misread it.
    """
    return _blocks(network, lambda network, layer: {})


def _blocks(network, changed: Callable[..., dict]) -> dict[str, sp.Expr]:
    network.require_theorem()
    return {
        f"deep.F_blocks[{l}].{name}": e.subs(network.layer_values(l) | changed(network, l))
        for l in range(1, network.depth + 1)
        for name, e in fisher_block().items()
        if (l, name) != (1, "lambda_max")
    }


def _printed_layer(network, layer: int) -> dict[sp.Symbol, sp.Expr]:
    """Eq. A.11 has a forward parameter where the backward one of the layer stands."""
    forward = forward_to_output(network)
    return {qtilde1: forward[1][layer], qtilde2: forward[2][layer]}
