r"""Theorem 5.1: the metric of inputs and features, its blocks; and what the subtraction of the mean leaves of F.

*Source*: Karakida, Akaho, Amari (2020), theorem 5.1, appendix D; eq. 22 and section 4.2.
*Lands on*: `karakida2020.thm5.1`, `karakida2020.secD.2`, `karakida2020.eq22`, `karakida2020.sec4.2`.
*Departs from the text*: the printed second moments of A and of its blocks lack the factor one over the width that the
number of eigenvalues gives them: an inequality that holds for every metric refutes them without any limit. The numbers of
the mean-subtracted metrics are not printed.
*Assumptions*: exact up to the step marked asymptotic. From there M is large at fixed depth, outputs and samples.
"""

from __future__ import annotations

import sympy as sp
from _network import Network, gaussian_mean, phi
from _steps import Account, identical

from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

M, N, C = (SYMBOLS[name] for name in "MNC")
sigma_w2, below = SYMBOLS["sigma_w2"], SYMBOLS["alpha_below"]
NETWORK, SAMPLES = Network((2, 3, 2, 2)), 3
ON_DRAW = f"on a random network of small integers, widths {NETWORK.widths}, {SAMPLES} samples"
ANY_PHI = f"for an arbitrary activation, widths {NETWORK.widths}"
NUMBERS = (2, 3, 4, 5)
NAMES = (r"m_\lambda", r"s_\lambda", r"\lambda_{\max}")


def above(l: int) -> tuple[sp.Matrix, sp.Matrix]:
    """Symbols for the activities of layer l, and the outputs as functions of them."""
    h = sp.Matrix([sp.Symbol(f"y_{i}") for i in range(NETWORK.widths[l])])
    u = NETWORK.W[l + 1] * h + NETWORK.b[l + 1]
    for k in range(l + 2, NETWORK.depth + 1):
        u = NETWORK.W[k] * u.applyfunc(phi) + NETWORK.b[k]
    return h, u


def feature_gradients(account: Account) -> None:
    """Derivatives in the activities, and their dual."""
    account.define(
        r"$A$ measures the answer of the outputs to a change of all activities $h = (h^0, \ldots, h^{L-1})$, of which"
        r" there are $M_h = \sum_{l=0}^{L-1} M_l = \tilde\alpha M$.",
        r"A = \sum_{k=1}^{C} \frac{1}{N} \sum_{n=1}^{N} \nabla_h f_k(n)\, \nabla_h f_k(n)^\top",
    )
    found, expected = [], []
    for l in range(NETWORK.depth):
        h, outputs = above(l)
        values = dict(zip(h, NETWORK.h[l], strict=True))
        found += [sp.diff(f, y).subs(values) for f in outputs for y in h]
        expected += [*(NETWORK.W[l + 1].T * NETWORK.delta[l + 1]).T]
    account.move(
        r"The derivative in the activities of one layer is the backward signal of the next, sent through the weights.",
        r"\nabla_{h^{l-1}} f_k = (W^l)^\top \delta^l_k",
        identical(found, expected, ANY_PHI),
    )
    G = integer_gradients()
    z = sp.Symbol("z")
    account.move(
        r"A Gram matrix and its dual have the same non-zero eigenvalues.",
        r"A^*_{(k n)(k' m)} = \frac{1}{N} \sum_{l=1}^{L} \left((W^l)^\top \delta^l_k(n)\right) \cdot"
        r" \left((W^l)^\top \delta^l_{k'}(m)\right), \quad \det(z - A) = z^{M_h - C N} \det(z - A^*)",
        identical((G * G.T).charpoly(z).as_expr(), z ** (G.rows - G.cols) * (G.T * G).charpoly(z).as_expr(), ON_DRAW),
    )


def integer_gradients() -> sp.Matrix:
    """grad_h f_k(n) as columns, of a network of small integers."""
    draw = NETWORK.integers(SAMPLES)
    weights = {l: integer_weights(draw, l) for l in NETWORK.W}
    return sp.Matrix.vstack(*(weights[l].T * draw["delta"][l] for l in NETWORK.W))


def integer_weights(draw: dict, l: int) -> sp.Matrix:
    """Any integers will do for the weights: the dual is a statement about Gram matrices."""
    rows, columns = NETWORK.W[l].shape
    return sp.Matrix(rows, columns, lambda i, j: (3 * i + 2 * j + l) % 5 - 2)


def large_width(account: Account) -> list[sp.Expr]:
    """Weights average themselves out."""
    found, expected = [], []
    for width in (1, 2, 3):
        overlap, products, other = sent_through(width)
        variances = dict.fromkeys(other, sigma_w2 / width)
        found += [gaussian_mean(overlap, variances), gaussian_mean((overlap - sigma_w2 * products) ** 2, variances)]
        d, e = signals()
        norms = sum(x**2 for x in d) * sum(x**2 for x in e)
        expected += [sigma_w2 * products, sigma_w2**2 * (norms + products**2) / width]
    account.move(
        r"Weights that know nothing of the signals leave overlaps as they are, times $\sigma_w^2$, and fluctuate by one"
        r" over the width.",
        r"\mathbb{E}\, (W^\top d) \cdot (W^\top e) = \sigma_w^2\, d \cdot e, \quad"
        r" \operatorname{Var} = \frac{\sigma_w^4}{M_{l-1}} \left(|d|^2 |e|^2 + (d \cdot e)^2\right)",
        identical(found, expected, "for $M_{l-1} = 1, 2, 3$ and signals of two units"),
    )
    account.limit(
        r"In a wide network the weights of a layer know its backward signals only through the activities, and the overlaps"
        r" of these average themselves out.",
        r"A^* \sim \frac{\tilde\alpha}{N}\, I_C \otimes \tilde K, \quad \tilde\kappa_t = \frac{\sigma_w^2}{\tilde\alpha}"
        r" \sum_{l=1}^{L} \tilde q_t^l",
        "The only step that is not an identity. The limits are the claim karakida2020.order\\_parameters.",
    )
    return found


def signals() -> tuple[tuple, tuple]:
    """Two backward signals of two units."""
    return sp.symbols("d0:2"), sp.symbols("e0:2")


def sent_through(width: int) -> tuple[sp.Expr, sp.Expr, list]:
    """(W'd).(W'e), d.e and the weights, 2 x width of them."""
    d, e = signals()
    W = sp.Matrix(2, width, lambda i, j: sp.Symbol(f"w{i}_{j}"))
    left, right = W.T * sp.Matrix(d), W.T * sp.Matrix(e)
    return sp.expand(left.dot(right)), sum(a * b for a, b in zip(d, e, strict=True)), list(W)


def statistics(scale: sp.Expr, k1: sp.Expr, k2: sp.Expr, count: sp.Expr) -> list[sp.Expr]:
    """Sum / count, sum of squares / count and largest of the eigenvalues of scale I_C (x) K."""
    top, rest = scale * (k1 + (N - 1) * k2), scale * (k1 - k2)
    return [C * (top + (N - 1) * rest) / count, C * (top**2 + (N - 1) * rest**2) / count, top]


def theorem(account: Account) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """A as a whole, and one of its blocks."""
    total, k1, k2 = SYMBOLS["alpha_sum"], SYMBOLS["kappa1_feature"], SYMBOLS["kappa2_feature"]
    whole = statistics(total / N, k1, k2, total * M)
    printed_second = M * whole[1]
    forms = [k1 * C / M, total * C * (k1**2 + (N - 1) * k2**2) / (N * M), total * (k1 + (N - 1) * k2) / N]
    account.move(
        r"Theorem 5.1, with $M_h = \tilde\alpha M$ eigenvalues of $A$: trace, squared Frobenius norm and top eigenvalue.",
        ", \\quad ".join(
            rf"{name} \sim {latex(e)}"
            for name, e in zip((r"m_\lambda", r"s_\lambda", r"\lambda_{\max}"), forms, strict=True)
        ),
        identical(whole, forms),
    )
    gap = sp.expand(whole[0] * whole[2] - whole[1])
    account.move(
        r"For eigenvalues that are not negative, $s_\lambda \leq m_\lambda \lambda_{\max}$. Ours obeys it, with a"
        r" difference that is a product of factors that are not negative; the printed second moment is $M$ times as large,"
        r" and for one sample it is $M$ times the bound.",
        r"m_\lambda \lambda_{\max} - s_\lambda = \frac{\tilde\alpha\, C}{M} \cdot \frac{N-1}{N}\,"
        r" \tilde\kappa_2\, (\tilde\kappa_1 - \tilde\kappa_2)",
        identical(gap, total * C * (N - 1) * k2 * (k1 - k2) / (M * N)),
        identical((printed_second / (whole[0] * whole[2])).subs(N, 1), M),
    )
    q1, q2 = SYMBOLS["qtilde1"], SYMBOLS["qtilde2"]
    block = statistics(sigma_w2 / N, q1, q2, below * M)
    account.move(
        r"A diagonal block has one summand of the dual and $M_{l-1} = \alpha_{l-1} M$ eigenvalues.",
        rf"m_\lambda \sim {latex(C * sigma_w2 * q1 / (M * below))}, \quad \tilde\alpha\, \tilde\kappa_t ="
        r" \sum_{l=1}^{L} \sigma_w^2\, \tilde q_t^l",
        identical(block[0], C * sigma_w2 * q1 / (M * below)),
    )
    last = NETWORK.W[NETWORK.depth].T * NETWORK.delta[NETWORK.depth]
    account.move(
        r"In the last block the derivatives are the rows of $W^L$ for every sample: $\tilde q_1^L = \tilde q_2^L = 1$, and"
        r" it has rank $C$ at every width.",
        r"\nabla_{h^{L-1}} f_k = (W^L)_k",
        identical(last, NETWORK.W[NETWORK.depth].T, ANY_PHI),
    )
    return whole, block


def subtraction(account: Account) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """The mean over samples subtracted from every gradient."""
    J = sp.Matrix.vstack(*NETWORK.integers(SAMPLES)["gradient"].values())
    outputs = NETWORK.widths[-1]
    projector = sp.kronecker_product(sp.eye(outputs), sp.eye(SAMPLES) - sp.ones(SAMPLES) / SAMPLES)
    columns = [[J.col(k * SAMPLES + n) for n in range(SAMPLES)] for k in range(outputs)]
    means = [sum(of_one, sp.zeros(J.rows, 1)) / SAMPLES for of_one in columns]
    direct = J * J.T / SAMPLES - sum((m * m.T for m in means), sp.zeros(J.rows, J.rows))
    account.move(
        r"Eq. 22. Subtraction of the mean gradients is a projector between the gradients, which takes the vector of ones of"
        r" every output away.",
        r"\bar F = \sum_k \left(\mathbb{E} \nabla f_k \nabla f_k^\top - \mathbb{E} \nabla f_k\,"
        r" \mathbb{E} \nabla f_k^\top\right)"
        r" = R \left(I_C \otimes (I - \tfrac{1}{N} \mathbf{1} \mathbf{1}^\top)\right) R^\top",
        identical(direct, J * projector * J.T / SAMPLES, ON_DRAW),
    )
    k1, k2 = sp.symbols("k1 k2")
    found, expected = [], []
    for number in NUMBERS:
        P = sp.eye(number) - sp.ones(number) / number
        found += [*(P * ((k1 - k2) * sp.eye(number) + k2 * sp.ones(number)) * P)]
        expected += [*((k1 - k2) * P)]
    account.move(
        r"Of $K$ it leaves a multiple of itself: $\kappa_2$ is gone but for the difference.",
        r"(I - \tfrac{1}{N} \mathbf{1} \mathbf{1}^\top)\, K\, (I - \tfrac{1}{N} \mathbf{1} \mathbf{1}^\top) = (\kappa_1 -"
        r" \kappa_2) (I - \tfrac{1}{N} \mathbf{1} \mathbf{1}^\top)",
        identical(found, expected, "for $N = 2, 3, 4, 5$"),
    )
    alpha = SYMBOLS["alpha_tot"]
    fisher = left_over(alpha * M / N, SYMBOLS["kappa1"], SYMBOLS["kappa2"], alpha * M**2)
    kernel = left_over(alpha, SYMBOLS["kappa1_ntk"], SYMBOLS["kappa2_ntk"], C * N)
    account.move(
        r"So $C (N - 1)$ eigenvalues lie at one place, of $P \sim \alpha M^2$ for $F$ and of $C N$ for the tangent kernel.",
        rf"\bar m_\lambda(F) \sim {latex(fisher[0])}, \quad \bar m_\lambda(\Theta) \sim {latex(kernel[0])}",
        identical(fisher[1], C * (N - 1) * fisher[2] ** 2 / (alpha * M**2)),
        identical(kernel[1], (N - 1) * kernel[2] ** 2 / N),
    )
    return fisher, kernel


def left_over(scale: sp.Expr, k1: sp.Expr, k2: sp.Expr, count: sp.Expr) -> list[sp.Expr]:
    """Mean, second moment and place of the eigenvalues that the projector leaves."""
    place = scale * (k1 - k2)
    return [C * (N - 1) * place / count, C * (N - 1) * place**2 / count, place]


# --- landing


def land(account: Account, whole: list, block: list, fisher: list, kernel: list) -> None:
    """The formulas of the package."""
    from fimtheory import catalogue
    from fimtheory.theory.deep_fisher import fisher_centred
    from fimtheory.theory.feature_metric import feature_block, feature_metric
    from fimtheory.theory.tangent_kernel import tangent_kernel_centred

    for id, ours, theirs, sentence in (
        ("karakida2020.thm5.1", whole, feature_metric(), "The package's theorem 5.1."),
        ("karakida2020.secD.2", block, feature_block(), "The package's formulas for the blocks of $A$."),
        ("karakida2020.eq22", fisher, fisher_centred(), "The package's mean-subtracted $F$."),
        ("karakida2020.sec4.2", kernel, tangent_kernel_centred(), "The package's mean-subtracted tangent kernel."),
    ):
        claim = catalogue.find(id)
        account.land(claim.id, sentence, claim.statement, identical(ours, [e for _, e in theirs.items()]))


def main() -> Account:
    """Derive, land, print."""
    account = Account("Theorem 5.1: the metric of inputs and features, and mean-subtracted metrics")
    feature_gradients(account)
    large_width(account)
    whole, block = theorem(account)
    fisher, kernel = subtraction(account)
    land(account, whole, block, fisher, kernel)
    print(account)
    return account


if __name__ == "__main__":
    main()
