r"""Eigenvalue statistics of the metric A of the input and feature spaces of a deep network.

A = (1/N) sum_{k,n} grad_h f_k(n) grad_h f_k(n)' over h = (h^0, ..., h^{L-1}), M_h = alpha-tilde M units; its dual tends
to (alpha-tilde/N) I_C (x) K-tilde with kappa-tilde_t = (sigma_w^2/alpha-tilde) sum_l qtilde_t^l.
"""

from __future__ import annotations

import sympy as sp

from fimtheory.claims import Source, claim
from fimtheory.notation import SYMBOLS
from fimtheory.theory.deep_fisher import Statistics, dual_statistics, predictions, statement

M, N, C = (SYMBOLS[name] for name in "MNC")
sigma_w2, qtilde1, qtilde2 = (SYMBOLS[name] for name in ("sigma_w2", "qtilde1", "qtilde2"))
alpha_below = SYMBOLS["alpha_below"]
alpha, kappa1, kappa2 = SYMBOLS["alpha_sum"], SYMBOLS["kappa1_feature"], SYMBOLS["kappa2_feature"]


def feature_metric() -> Statistics:
    """Mean, second moment and largest eigenvalue of A.

    Formula: kappa1 C/M, alpha C (kappa1^2 + (N-1) kappa2^2)/(N M), alpha (kappa1 + (N-1) kappa2)/N, all tilded.
    *Source*: Karakida, Akaho, Amari (2020), theorem 5.1 and eq. D.6. *Holds when* M is large. *As printed*, the second
    moment lacks the factor 1/M that the number of eigenvalues M_h = alpha-tilde M gives it.

    >>> feature_metric().lambda_max
    alpha_sum*(kappa1_feature + kappa2_feature*(N - 1))/N
    """
    return dual_statistics(alpha / N, kappa1, kappa2, alpha * M)


def feature_block() -> Statistics:
    """The same for the diagonal block A^{l-1,l-1} of the activities h^{l-1} below layer l = 1..L, M_{l-1} units.

    *Source*: Karakida, Akaho, Amari (2020), appendix D.2, times C for the sum over outputs. *Holds when* M is large.
    *As printed*, the second moment lacks the factor 1/M_{l-1}. In the last block the gradients are the rows of W^L for
    every input: qtilde_1^L = qtilde_2^L = 1, and all but C eigenvalues vanish.

    >>> feature_block().mean
    C*qtilde1*sigma_w2/(M*alpha_below)
    """
    return dual_statistics(sigma_w2 / N, qtilde1, qtilde2, alpha_below * M)


def _printed(network) -> dict[str, sp.Expr]:
    ours = feature_metric()
    printed = Statistics(ours.mean, M * ours.second_moment, ours.lambda_max)
    return predictions(network, "A", printed)


@claim(
    "karakida2020.thm5.1",
    title="Mean, second moment and largest eigenvalue of the feature metric A",
    statement=statement("A", feature_metric())
    + r",\quad \tilde\kappa_t = \frac{\sigma_w^2}{\tilde\alpha} \sum_{l=1}^{L} \tilde q_t^{l},\quad "
    r"\tilde\alpha = \sum_{l=0}^{L-1} \alpha_l",
    source=Source("karakida2020", "Theorem 5.1; eqs. D.2 and D.6"),
    assumptions=("M is large", "phi is weakly differentiable", "the network is not centred: kappa_2 > 0"),
    as_printed=r"s_\lambda \sim \tilde\alpha \left(\frac{N-1}{N} \tilde\kappa_2^2 + \frac{\tilde\kappa_1^2}{N}\right) C",
    printed=_printed,
)
def predict(network) -> dict[str, sp.Expr]:
    """The statistics of A for one network, in M."""
    return predictions(network, "A", feature_metric())


@claim(
    "karakida2020.secD.2",
    title="Mean, second moment and largest eigenvalue of the diagonal blocks of A",
    statement=statement("A^{l-1,\\,l-1}", feature_block()),
    source=Source("karakida2020", "Appendix D.2; eqs. D.7 and D.8"),
    assumptions=("M is large", "phi is weakly differentiable", "the network is not centred: kappa_2 > 0"),
    as_printed=r"s_\lambda \sim \sigma_w^4 \left(\frac{N-1}{N} (\hat q_2^{l+1})^2 + \frac{(\hat q_1^{l+1})^2}{N}\right)",
    printed=lambda network: _blocks(network, sp.S.One / M),
)
def predict_blocks(network) -> dict[str, sp.Expr]:
    """The statistics of every block for one network, in M."""
    return _blocks(network)


def _blocks(network, lost: sp.Expr = sp.S.One) -> dict[str, sp.Expr]:
    """By observable; ``lost`` is a factor that the second moment lacks."""
    network.require_theorem()
    return {
        f"deep.A_blocks[{l - 1}].{name}": (e / lost if name == "second_moment" else e).subs(network.layer_values(l))
        for l in range(1, network.depth + 1)
        for name, e in feature_block().items()
    }
