r"""The tangent kernel in its own parameters: why its mean and second moment carry no factor C.

*Source*: Karakida, Akaho, Amari (2020), section 4.1 and appendix C.
*Lands on*: `karakida2020.sec4.1`.
*Departs from the text*: as printed, mean and second moment have a factor C. It belongs to F, where the same sums are
divided by P ~ alpha M^2 eigenvalues; the kernel has C N eigenvalues of its own, and C cancels. The derivation shows it
twice: by the trace, and without any limit on linear networks with C = 1, 2, 3 outputs. (The converted text also prints
two forward order parameters in kappa', as in theorem 3.1; the backward one is forced in the same way.)
*Assumptions*: exact up to the step marked asymptotic; from there M is large at fixed depth, outputs and samples.
"""

from __future__ import annotations

import sympy as sp
from _network import Network, gaussian_mean, hadamard_sum
from _steps import Account, identical

from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

M, N, C = (SYMBOLS[name] for name in "MNC")
alpha, kappa1, kappa2 = SYMBOLS["alpha_tot"], SYMBOLS["kappa1_ntk"], SYMBOLS["kappa2_ntk"]
sigma_w2, sigma_b2 = SYMBOLS["sigma_w2"], SYMBOLS["sigma_b2"]
SAMPLES = 3


def scales(network: Network, l: int) -> list[sp.Expr]:
    """The standard deviations of the parameters of layer l, in the order of ``network.parameters(l)``."""
    below = network.widths[l - 1]
    return [*[sp.sqrt(sigma_w2 / below)] * below, sp.sqrt(sigma_b2)] * network.widths[l]


def scale_of(network: Network) -> dict[sp.Symbol, sp.Expr]:
    """The standard deviation of every parameter."""
    return {s: f for l in network.W for s, f in zip(network.parameters(l), scales(network, l), strict=True)}


def define_and_differentiate(account: Account, network: Network) -> None:
    """The parameters of the kernel, and the chain rule."""
    account.define(
        r"Every parameter is a standard Gaussian times its standard deviation, and the kernel takes the derivatives in"
        r" these Gaussians, $\omega$ and $\beta$.",
        r"W^l_{ij} = \frac{\sigma_w}{\sqrt{M_{l-1}}}\, \omega^l_{ij}, \quad b^l_i = \sigma_b\, \beta^l_i, \quad"
        r" \Theta = \nabla f^\top\, \nabla f",
    )
    own = {s: scale * s for s, scale in scale_of(network).items()}
    outputs = [f.xreplace(own) for f in network.u[network.depth]]
    direct = sp.Matrix([[sp.diff(f, s) for f in outputs] for s in own])
    chained = sp.Matrix.vstack(
        *(sp.kronecker_product(network.delta[l], sp.Matrix([*network.h[l - 1], 1])).xreplace(own) for l in network.W)
    )
    account.move(
        r"The chain rule: every derivative is multiplied by the standard deviation of its parameter.",
        r"\frac{\partial f_k}{\partial \omega^l_{ij}} = \frac{\sigma_w}{\sqrt{M_{l-1}}}\, \delta^l_{k,i}\, h^{l-1}_j,"
        r" \quad \frac{\partial f_k}{\partial \beta^l_i} = \sigma_b\, \delta^l_{k,i}",
        identical(
            direct,
            sp.diag(*scale_of(network).values()) * chained,
            f"for an arbitrary activation, widths {network.widths}",
        ),
    )


def overlaps(account: Account, network: Network) -> None:
    """The kernel of a finite network as a sum over layers."""
    draw = network.integers(SAMPLES)
    outputs = network.widths[-1]
    kernel = sp.zeros(outputs * SAMPLES)
    for l, gradient in draw["gradient"].items():
        kernel += gradient.T * sp.diag(*(s**2 for s in scales(network, l))) * gradient
    summed = hadamard_sum(
        draw["delta"], draw["h"], outputs, scale=lambda l: sigma_w2 / network.widths[l - 1], shift=sigma_b2
    )
    account.move(
        r"So the kernel is, exactly, the dual of the Fisher matrix with other weights: $\sigma_w^2 / M_{l-1}$ for the"
        r" overlap of the features, $\sigma_b^2$ for the 1 of the bias, and no $1/N$.",
        r"\Theta_{(k n)(k' m)} = \sum_{l=1}^{L} \left(\delta^l_k(n) \cdot \delta^l_{k'}(m)\right)"
        r" \left(\frac{\sigma_w^2}{M_{l-1}}\, h^{l-1}(n) \cdot h^{l-1}(m) + \sigma_b^2\right)",
        identical(kernel, summed, f"on a random network of small integers, widths {network.widths}, {SAMPLES} samples"),
    )


def large_width(account: Account) -> None:
    """The step that is no identity, and what it gives."""
    account.limit(
        r"Sums over many units average themselves, as for the Fisher matrix.",
        r"\frac{1}{M_{l-1}} h^{l-1}(n) \cdot h^{l-1}(m) \to \hat q_t^{l-1}, \quad"
        r" \delta^l_k(n) \cdot \delta^l_{k'}(m) \to \mathbf{1}[k = k']\, \tilde q_t^l",
        "The claim karakida2020.order\\_parameters, which the package confronts with simulated ladders of widths.",
    )
    forward, backward = SYMBOLS["qhat1"], SYMBOLS["qtilde1"]
    width = SYMBOLS["alpha_below"] * M
    account.move(
        r"No power of $M$ is left, and the biases are of the same order as the weights. ($\alpha$ is taken out of"
        r" $\kappa_t'$ to keep the notation of the Fisher matrix.)",
        r"\Theta \to \alpha\, I_C \otimes K', \quad \kappa_t' = \frac{1}{\alpha} \sum_{l=1}^{L}"
        r" \left(\sigma_w^2\, \tilde q_t^l\, \hat q_t^{l-1} + \sigma_b^2\, \tilde q_t^l\right)",
        identical(
            backward * (sigma_w2 / width * (width * forward) + sigma_b2),
            sigma_w2 * backward * forward + sigma_b2 * backward,
        ),
    )


def statistics(account: Account) -> list[sp.Expr]:
    """Over the C N eigenvalues of the kernel."""
    top, rest = alpha * (kappa1 + (N - 1) * kappa2), alpha * (kappa1 - kappa2)
    z = sp.Symbol("z")
    kernel = alpha * sp.Matrix(3, 3, lambda n, m: kappa1 if n == m else kappa2)
    account.move(
        r"$K'$ has $\kappa_1'$ on its diagonal and $\kappa_2'$ elsewhere. One eigenvector is constant over the samples,"
        r" the $N - 1$ others sum to zero, and each output has a copy of them.",
        rf"\lambda_{{\max}} \sim {latex(top)} \;\; (C \text{{ times}}), \quad"
        rf" {latex(rest)} \;\; (C (N - 1) \text{{ times}})",
        identical(
            sp.kronecker_product(sp.eye(2), kernel).charpoly(z).as_expr(),
            (((z - top) * (z - rest) ** 2) ** 2).subs(N, 3),
            "for $C = 2$, $N = 3$",
        ),
    )
    found = [C * (top + (N - 1) * rest) / (C * N), C * (top**2 + (N - 1) * rest**2) / (C * N), top]
    forms = [alpha * kappa1, alpha**2 * (kappa1**2 + (N - 1) * kappa2**2), alpha * (kappa1 + (N - 1) * kappa2)]
    account.move(
        r"The kernel has $C N$ eigenvalues. The number of outputs multiplies the sum and the count alike.",
        rf"m_\lambda \sim {latex(forms[0])}, \quad s_\lambda \sim {latex(forms[1])}",
        identical(found, forms),
    )
    return forms


def printed(account: Account, forms: list[sp.Expr]) -> None:
    """Where the factor C comes from, and two refutations of it."""
    fisher_kappa = SYMBOLS["kappa1"]
    account.move(
        r"Where the printed factor $C$ comes from: for the Fisher matrix the $C N$ diagonal entries"
        r" $\alpha M \kappa_1 / N$ of the dual are shared among $P \sim \alpha M^2$ eigenvalues, most of them zero, and"
        r" $C$ stays.",
        r"m_\lambda(F) \sim \frac{C N}{P} \cdot \frac{\alpha M \kappa_1}{N} = \frac{C \kappa_1}{M}",
        identical(C * N / (alpha * M**2) * alpha * M * fisher_kappa / N, C * fisher_kappa / M),
    )
    single = [form.subs(N, 1) for form in (C * forms[0], forms[2])]
    account.move(
        r"First refutation. With one sample and $C > 1$ outputs the printed mean is $C$ times the printed largest"
        r" eigenvalue, but no mean is larger than the maximum.",
        rf"N = 1: \quad m_\lambda^{{\text{{printed}}}} = {latex(single[0])}, \quad"
        rf" \lambda_{{\max}}^{{\text{{printed}}}} = {latex(single[1])}",
        identical(single[0] / single[1], C),
    )
    forward, backward = {0: 1, 1: sigma_w2 + sigma_b2}, {1: sigma_w2, 2: 1}
    limit = sum(sigma_w2 * backward[l] * forward[l - 1] + sigma_b2 * backward[l] for l in (1, 2))
    account.move(
        r"Second refutation, without a limit. For linear networks of two layers and an input of variance one, the mean"
        r" eigenvalue has the limit as its expectation at every width, whatever the number of outputs.",
        rf"\mathbb{{E}}\, \frac{{\operatorname{{tr}} \Theta}}{{C}} = \alpha\, \kappa_1' = {latex(sp.factor(limit))}",
        identical(
            [mean_eigenvalue(Network((2, 2, outputs))) for outputs in (1, 2, 3)],
            [limit] * 3,
            "for $C = 1, 2, 3$, $N = 1$, $M_0 = M_1 = 2$",
        ),
    )


def mean_eigenvalue(network: Network) -> sp.Expr:
    """E tr Theta / C of a linear network and one sample, over Gaussian input, weights and biases."""
    gradient = sp.Matrix.vstack(*(network.gradient(l) for l in network.W)).applyfunc(network.linear)
    trace = sum(e**2 for e in sp.diag(*scale_of(network).values()) * gradient)
    variances = dict.fromkeys(network.x, sp.S.One) | {s: scale**2 for s, scale in scale_of(network).items()}
    return gaussian_mean(trace, variances) / network.widths[-1]


# --- landing


def land(account: Account, forms: list[sp.Expr]) -> None:
    """The formulas of the package, and the form it keeps as printed."""
    from fimtheory import catalogue
    from fimtheory.theory.tangent_kernel import tangent_kernel

    claim = catalogue.find("karakida2020.sec4.1")
    account.land(
        claim.id,
        "The package's formulas for the tangent kernel.",
        claim.statement,
        identical(forms, [e for _, e in tangent_kernel().items()]),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("The tangent kernel in its own parameters")
    network = Network((2, 3, 2, 2))
    define_and_differentiate(account, network)
    overlaps(account, network)
    large_width(account)
    forms = statistics(account)
    printed(account, forms)
    land(account, forms)
    print(account)
    return account


if __name__ == "__main__":
    main()
