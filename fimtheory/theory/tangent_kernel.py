r"""Eigenvalue statistics of the neural tangent kernel of a deep network.

W^l = sigma_w omega/sqrt(M_{l-1}), b^l = sigma_b beta; Theta = grad f' grad f is C N x C N and tends to
alpha I_C (x) K', with kappa_t' = (1/alpha) sum_l (sigma_w^2 qtilde_t^l qhat_t^{l-1} + sigma_b^2 qtilde_t^l). No 1/N, and
the statistics are over its own C N eigenvalues.
"""

from __future__ import annotations

import sympy as sp

from fimtheory.claims import Source, claim
from fimtheory.notation import SYMBOLS
from fimtheory.theory.deep_fisher import (
    Statistics,
    centred_statistics,
    dual_statistics,
    forward_to_output,
    moments,
    predictions,
    statement,
)

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


def tangent_kernel_centred() -> Statistics:
    """The same after subtraction of the mean over samples, as in :func:`fimtheory.theory.deep_fisher.fisher_centred`.

    Formula: alpha (N-1)/N (kappa_1' - kappa_2'), alpha^2 (N-1)/N (kappa_1' - kappa_2')^2, alpha (kappa_1' - kappa_2').
    *Source*: Karakida, Akaho, Amari (2020), section 4.2. *Holds when* M is large and N is fixed.

    >>> sp.factor(tangent_kernel_centred().lambda_max)
    alpha_tot*(kappa1_ntk - kappa2_ntk)
    """
    return centred_statistics(alpha, kappa1, kappa2, C * N)


def _printed(network) -> dict[str, sp.Expr]:
    ours, layers = tangent_kernel(), range(1, network.depth + 1)
    w, b = network.weight_variances, network.bias_variances
    printed = Statistics(C * ours.mean, C * ours.second_moment, ours.lambda_max)
    kappas = {
        SYMBOLS[f"kappa{t}_ntk"]: sum(w[k - 1] * hat[k] * hat[k - 1] + b[k - 1] * hat[k] for k in layers)
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
    source=Source("karakida2020", "Section 4.1; eqs. C.1 and C.2"),
    assumptions=("M is large", "phi is weakly differentiable", "the network is not centred: kappa_2 > 0"),
    as_printed=r"m_\lambda \sim \alpha \kappa_1' C,\quad s_\lambda \sim \alpha^2 ((N-1)\kappa_2'^2 + \kappa_1'^2) C,\quad "
    r"\kappa_t' := \frac{1}{\alpha} \sum_{l=1}^{L} (\sigma_w^2\, \hat q_t^{l} \hat q_t^{l-1} + \sigma_b^2\, \hat q_t^{l})",
    printed=_printed,
)
def predict(network) -> dict[str, sp.Expr]:
    """The statistics of the tangent kernel for one network."""
    return predictions(network, "NTK", tangent_kernel())


@claim(
    "karakida2020.sec4.2",
    title="The mean-subtracted tangent kernel: no eigenvalue grows with N",
    statement=statement(r"\bar\Theta", tangent_kernel_centred()),
    source=Source("karakida2020", "Section 4.2 (numbers of our own)"),
    assumptions=("M is large at fixed N", "phi is weakly differentiable"),
)
def predict_centred(network) -> dict[str, sp.Expr]:
    """Mean and second moment of the mean-subtracted tangent kernel; its largest eigenvalue settles as M^(-1/2)."""
    return moments(network, "NTK_centred", tangent_kernel_centred())
