r"""Eigenvalue statistics of the neural tangent kernel of a deep network.

W^l = sigma_w omega/sqrt(M_{l-1}), b^l = sigma_b beta; Theta = grad f' grad f is C N x C N and tends to
alpha I_C (x) K', with kappa_t' = (1/alpha) sum_l (sigma_w^2 qtilde_t^l qhat_t^{l-1} + sigma_b^2 qtilde_t^l). No 1/N, and
the statistics are over its own C N eigenvalues.
"""

from __future__ import annotations

import sympy as sp

from fimtheory.claims import Source, claim
from fimtheory.notation import SYMBOLS
from fimtheory.theory.deep_fisher import Statistics, dual_statistics, forward_to_output, predictions, statement

C, N, alpha = SYMBOLS["C"], SYMBOLS["N"], SYMBOLS["alpha_tot"]
kappa1, kappa2 = SYMBOLS["kappa1_ntk"], SYMBOLS["kappa2_ntk"]


def tangent_kernel() -> Statistics:
    """Mean, second moment and largest eigenvalue of Theta.

    Formula: alpha kappa_1', alpha^2 (kappa_1'^2 + (N-1) kappa_2'^2), alpha (kappa_1' + (N-1) kappa_2').
    *Source*: Karakida, Akaho, Amari (2020), section 4.1. *Holds when* M is large and kappa_2' > 0. *As printed*, mean
    and second moment carry a further factor C, which trace and Frobenius norm over C N eigenvalues do not give, and
    kappa_t' has forward order parameters where the dual Gram matrix has the backward ones.

    >>> tangent_kernel().mean
    alpha_tot*kappa1_ntk
    """
    return dual_statistics(alpha, kappa1, kappa2, C * N)


def _printed(network) -> dict[str, sp.Expr]:
    ours, w, b = tangent_kernel(), network.sigma_w2, network.sigma_b2
    printed = Statistics(C * ours.mean, C * ours.second_moment, ours.lambda_max)
    kappas = {
        SYMBOLS[f"kappa{t}_ntk"]: sum(w * hat[k] * hat[k - 1] + b * hat[k] for k in range(1, network.depth + 1))
        / network.values()[alpha]
        for t, hat in forward_to_output(network).items()
    }
    return predictions(network, "NTK", printed, kappas)


@claim(
    "karakida2020.sec4.1",
    title="Mean, second moment and largest eigenvalue of the tangent kernel",
    statement=statement(r"\Theta", tangent_kernel())
    + r",\quad \kappa_t' = \frac{1}{\alpha} \sum_{l=1}^{L} \left(\sigma_w^2\, \tilde q_t^{l} \hat q_t^{l-1}"
    r" + \sigma_b^2\, \tilde q_t^{l}\right)",
    source=Source("karakida2020", "Section 4.1"),
    assumptions=("M is large", "phi is weakly differentiable", "the network is not centred: kappa_2 > 0"),
    as_printed=r"m_\lambda \sim \alpha \kappa_1' C,\quad s_\lambda \sim \alpha^2 ((N-1)\kappa_2'^2 + \kappa_1'^2) C,\quad "
    r"\kappa_t' := \frac{1}{\alpha} \sum_{l=1}^{L} (\sigma_w^2\, \hat q_t^{l} \hat q_t^{l-1} + \sigma_b^2\, \hat q_t^{l})",
    printed=_printed,
)
def predict(network) -> dict[str, sp.Expr]:
    """The statistics of the tangent kernel for one network."""
    return predictions(network, "NTK", tangent_kernel())
