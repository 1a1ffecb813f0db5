r"""Theorem 3.1: mean, second moment and largest eigenvalue of the Fisher information matrix of a wide random network.

*Source*: Karakida, Akaho, Amari (2020), theorems 3.1 and 3.2, section 3.2, appendices A.1 and A.2.
*Lands on*: `karakida2020.thm3.1`, `karakida2020.sec3.2`.
*Departs from the text*: as printed (in the converted text at least) kappa_1 and kappa_2 multiply two forward order
parameters, qhat^l qhat^{l-1}. The dual Gram matrix is a product of backward and forward overlaps, so one factor must be
backward, qtilde^l qhat^{l-1}, as the paper itself has it for the diagonal blocks in section 3.2. The formula of the
dual matrix comes first without any limit, biases included, for every width and activation; the paper goes to the limit
at once.
*Assumptions*: exact up to the step marked asymptotic. From there M is large at fixed depth, outputs and order
parameters; and kappa_2 > 0, so that the corrections o(M)/N to the entries of the dual matrix are small beside its
largest eigenvalue and its Frobenius norm when N grows with M.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp
from _network import Network, gaussian_mean, hadamard_sum
from _steps import Account, agreeing, identical

from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

M, N, C = (SYMBOLS[name] for name in "MNC")
alpha, kappa1, kappa2 = SYMBOLS["alpha_tot"], SYMBOLS["kappa1"], SYMBOLS["kappa2"]
sigma_w2 = SYMBOLS["sigma_w2"]
NETWORK, SAMPLES = Network((2, 3, 2, 2)), 3
OUTPUTS = NETWORK.widths[-1]
ON_DRAW = f"on a random network of small integers, widths {NETWORK.widths}, {SAMPLES} samples"
ANY_PHI = f"for an arbitrary activation, widths {NETWORK.widths}"
SIZES = [(1, 1), (1, 2), (2, 2), (2, 3), (3, 4)]  # (C, N) at which matrices are written out


def explicit(k1: sp.Expr, k2: sp.Expr, samples: int) -> sp.Matrix:
    """K: one number on the diagonal, another off it."""
    return sp.Matrix(samples, samples, lambda n, m: k1 if n == m else k2)


@dataclass(frozen=True)
class Layers:
    """Symbols of every layer of a deep network: width ratios, forward and backward order parameters."""

    depth: int

    @property
    def widths(self) -> list[sp.Expr]:
        """M_0, ..., M_L."""
        return [a * M for a in self.alphas] + [C]

    @property
    def alphas(self) -> list[sp.Symbol]:
        """alpha_0, ..., alpha_{L-1}."""
        return [sp.Symbol(f"alpha_{l}", positive=True) for l in range(self.depth)]

    @property
    def products(self) -> list[sp.Expr]:
        """(alpha_{l-1} M qhat^{l-1}, qtilde^l) by layer l = 1..L."""
        pairs = [(sp.Symbol(f"qhat_{l - 1}"), sp.Symbol(f"qtilde_{l}")) for l in range(1, self.depth + 1)]
        return [(a * M * forward, backward) for a, (forward, backward) in zip(self.alphas, pairs, strict=True)]

    @property
    def alpha(self) -> sp.Expr:
        """sum over hidden layers of alpha_l alpha_{l-1}."""
        return sum(a * b for a, b in zip(self.alphas, self.alphas[1:], strict=False))

    @property
    def kappa(self) -> sp.Expr:
        """(1/alpha) sum over layers of alpha_{l-1} qtilde^l qhat^{l-1}."""
        return sum(forward * backward for forward, backward in self.products) / (M * self.alpha)


DEPTHS = [Layers(depth) for depth in (2, 3, 4)]


def dual(account: Account, draw: dict) -> None:
    """F, its dual, and what they have in common."""
    account.define(
        r"The network has $L$ layers of widths $M_l = \alpha_l M$, $l < L$, and $M_L = C$ linear outputs"
        r" $f_k = u^L_k$. $\nabla$ is the derivative in all weights and biases, and $n$ numbers $N$ inputs.",
        r"u^l = W^l h^{l-1} + b^l, \quad h^l = \phi(u^l), \quad"
        r" F = \sum_{k=1}^{C} \frac{1}{N} \sum_{n=1}^{N} \nabla f_k(n)\, \nabla f_k(n)^\top",
    )
    J = sp.Matrix.vstack(*draw["gradient"].values())
    sums = sum((J.col(k) * J.col(k).T for k in range(J.cols)), sp.zeros(J.rows, J.rows))
    z = sp.Symbol("z")
    primal, small = ((J * J.T).charpoly(z).as_expr(), (J.T * J).charpoly(z).as_expr())
    account.move(
        r"Put all gradients side by side. $F$ is a Gram matrix, and its dual has the same non-zero eigenvalues; for"
        r" $P \geq C N$ the others of $F$, $P - C N$ in number, are zero.",
        r"R = \frac{1}{\sqrt{N}} \left[\nabla f_1(1), \ldots, \nabla f_C(N)\right], \quad F = R R^\top, \quad"
        r" F^* = R^\top R, \quad \det(z - F) = z^{P - C N} \det(z - F^*)",
        identical(J * J.T, sums, ON_DRAW),
        identical(primal, z ** (J.rows - J.cols) * small, ON_DRAW),
    )


def gradients(account: Account, draw: dict) -> None:
    """The chain rule, and the exact form of the dual."""
    account.define(
        r"The backward signal of output $k$ says how $f_k$ answers to a pre-activation.",
        r"\delta^l_{k, i} = \frac{\partial f_k}{\partial u^l_i}, \quad \delta^L_{k, i} = \mathbf{1}[i = k], \quad"
        r" \delta^l_{k, i} = \phi'(u^l_i) \sum_j W^{l+1}_{ji}\, \delta^{l+1}_{k, j}",
    )
    chained = [
        sp.kronecker_product(NETWORK.delta[l], sp.Matrix([*NETWORK.h[l - 1], 1])) for l in range(1, NETWORK.depth + 1)
    ]
    direct = [NETWORK.gradient(l) for l in range(1, NETWORK.depth + 1)]
    account.move(
        r"In every layer the gradient is a Kronecker product of the backward signal and of the features below; the bias"
        r" is a weight from the constant 1.",
        r"\nabla_{(W^l, b^l)} f_k = \delta^l_k \otimes \begin{pmatrix} h^{l-1} \\ 1 \end{pmatrix}",
        identical(sp.Matrix.vstack(*direct), sp.Matrix.vstack(*chained), ANY_PHI),
    )
    J = sp.Matrix.vstack(*draw["gradient"].values())
    account.move(
        r"Inner products of Kronecker products are products of inner products. Hence the dual is, exactly, a sum over"
        r" layers of backward overlaps times forward overlaps.",
        r"F^*_{(k n)(k' m)} = \frac{1}{N} \sum_{l=1}^{L} \left(\delta^l_k(n) \cdot \delta^l_{k'}(m)\right)"
        r" \left(h^{l-1}(n) \cdot h^{l-1}(m) + 1\right)",
        identical(J.T * J, hadamard_sum(draw["delta"], draw["h"], OUTPUTS), ON_DRAW),
    )


def large_width(account: Account) -> None:
    """The one step that is no identity."""
    account.limit(
        r"Sums over many units average themselves. For two samples ($t = 2$, $n \neq m$) or one ($t = 1$, $n = m$) the"
        r" overlaps tend to order parameters, and different outputs decouple.",
        r"\frac{1}{M_{l-1}} h^{l-1}(n) \cdot h^{l-1}(m) \to \hat q_t^{l-1}, \quad"
        r" \delta^l_k(n) \cdot \delta^l_{k'}(m) \to \mathbf{1}[k = k']\, \tilde q_t^l",
        "The only step that is not an identity. The limits are the claim karakida2020.order\\_parameters, which the"
        " package confronts with simulated ladders of widths.",
    )
    widths = (1, 2, 3, 4)
    account.move(
        r"How fast, in the simplest case: where $\phi' = 1$, the backward signals one layer below the outputs are the"
        r" rows of $W^L$. Take two of them, $w$ and $w'$, with $M$ entries of variance $\sigma_w^2 / M$. Their overlap"
        r" has mean zero, and it and the squared norm fluctuate as $M^{-1/2}$.",
        r"\mathbb{E}\, w \cdot w' = 0, \quad"
        r" \mathbb{E}\, (w \cdot w')^2 = \frac{\sigma_w^4}{M}, \quad \mathbb{E}\, |w|^2 = \sigma_w^2, \quad"
        r" \mathbb{E} \left(|w|^2 - \sigma_w^2\right)^2 = \frac{2 \sigma_w^4}{M}",
        identical(
            [e for width in widths for e in _overlap_fluctuations(width)],
            [e for width in widths for e in (0, sigma_w2**2 / width, sigma_w2, 2 * sigma_w2**2 / width)],
            "for $M = 1, 2, 3, 4$",
        ),
    )
    overlaps = [sum((forward + 1) * backward for forward, backward in layers.products) for layers in DEPTHS]
    account.move(
        r"Put them in. The 1 of a bias stands beside $M_{l-1}\, \hat q_t^{l-1}$: there are $M_{l-1}$ weights for one"
        r" bias, and the biases are lost to leading order. What is left defines $\kappa_t$, a sum of"
        r" products of one backward and one forward order parameter.",
        r"F^* \sim \frac{\alpha M}{N}\, I_C \otimes K, \quad K_{nm} ="
        r" \begin{cases} \kappa_1 & n = m \\ \kappa_2 & n \neq m \end{cases}, \quad"
        r" \kappa_t = \sum_{l=1}^{L} \frac{\alpha_{l-1}}{\alpha}\, \tilde q_t^l\, \hat q_t^{l-1},"
        r" \quad \alpha = \sum_{l=1}^{L-1} \alpha_l\, \alpha_{l-1}",
        identical(
            [sp.limit(sp.expand(overlap / M), M, sp.oo) for overlap in overlaps],
            [sp.expand(sp.cancel(layers.alpha * layers.kappa)) for layers in DEPTHS],
            "for $L = 2, 3, 4$",
        ),
    )


def _overlap_fluctuations(width: int) -> list[sp.Expr]:
    """E w.w', E (w.w')^2, E |w|^2 and the variance of |w|^2 for two rows of variance sigma_w^2/M."""
    rows = [sp.symbols(f"{name}0:{width}") for name in ("w", "v")]
    variances = {s: sigma_w2 / width for row in rows for s in row}
    overlap = sum(a * b for a, b in zip(*rows, strict=True))
    norm = sum(a**2 for a in rows[0])
    return [gaussian_mean(e, variances) for e in (overlap, overlap**2, norm, (norm - sigma_w2) ** 2)]


def eigenvalues(account: Account) -> None:
    """Those of K, and of the whole dual."""
    found, expected = [], []
    for samples in (2, 3, 4, 5):
        K, ones = explicit(kappa1, kappa2, samples), sp.ones(samples, 1)
        differences = [sp.eye(samples).col(0) - sp.eye(samples).col(n) for n in range(1, samples)]
        found += [*(K * ones), *(e for d in differences for e in K * d)]
        expected += [(kappa1 + (samples - 1) * kappa2) * e for e in ones]
        expected += [(kappa1 - kappa2) * e for d in differences for e in d]
    account.move(
        r"$K$ is a multiple of the identity plus a matrix of rank one. The vector of ones and the $N - 1$ differences"
        r" of unit vectors are a basis of eigenvectors.",
        r"K \mathbf{1} = \left(\kappa_1 + (N-1)\, \kappa_2\right) \mathbf{1}, \quad"
        r" K (e_1 - e_n) = (\kappa_1 - \kappa_2) (e_1 - e_n)",
        identical(found, expected, "for $N = 2, 3, 4, 5$"),
    )
    z = sp.Symbol("z")
    tensor = sp.kronecker_product(sp.eye(2), explicit(kappa1, kappa2, 3)).charpoly(z).as_expr()
    account.move(
        r"The tensor product with $I_C$ repeats every eigenvalue $C$ times.",
        r"\det(z - I_C \otimes K) = \left[\left(z - \kappa_1 - (N-1)\, \kappa_2\right)"
        r" \left(z - \kappa_1 + \kappa_2\right)^{N-1}\right]^C",
        identical(tensor, ((z - kappa1 - 2 * kappa2) * (z - kappa1 + kappa2) ** 2) ** 2, "for $C = 2$, $N = 3$"),
    )


def parameter_count(account: Account) -> None:
    """P, to leading order."""
    counts = [sum(m * (below + 1) for below, m in zip(d.widths, d.widths[1:], strict=False)) for d in DEPTHS]
    account.move(
        r"The number of parameters. Biases and the last layer are of order $M$.",
        r"P = \sum_{l=1}^{L} M_l\, (M_{l-1} + 1) \sim \alpha M^2",
        identical(
            [sp.limit(sp.expand(count / M**2), M, sp.oo) for count in counts],
            [layers.alpha for layers in DEPTHS],
            "for $L = 2, 3, 4$",
        ),
    )


def statistics(scale: sp.Expr, k1: sp.Expr, k2: sp.Expr, count: sp.Expr) -> list[sp.Expr]:
    """Sum / count, sum of squares / count and largest of the eigenvalues of scale I_C (x) K."""
    top, rest = scale * (k1 + (N - 1) * k2), scale * (k1 - k2)
    return [C * (top + (N - 1) * rest) / count, C * (top**2 + (N - 1) * rest**2) / count, top]


def theorem(account: Account) -> list[sp.Expr]:
    """Trace, Frobenius norm and top eigenvalue of the dual, over the eigenvalues of F."""
    matrices = [sp.kronecker_product(sp.eye(outputs), explicit(kappa1, kappa2, samples)) for outputs, samples in SIZES]
    trace, frobenius = C * N * kappa1, C * N * (kappa1**2 + (N - 1) * kappa2**2)
    account.move(
        r"The sum of the eigenvalues is the trace, the sum of their squares is the squared Frobenius norm.",
        r"\operatorname{tr}(I_C \otimes K) = C N \kappa_1, \quad"
        r" \|I_C \otimes K\|^2 = C N \left(\kappa_1^2 + (N-1)\, \kappa_2^2\right)",
        identical(statistics(sp.S.One, kappa1, kappa2, sp.S.One)[:2], [trace, frobenius]),
        identical(
            [e for m in matrices for e in (m.trace(), sum(entry**2 for entry in m))],
            [e.subs({C: outputs, N: samples}) for outputs, samples in SIZES for e in (trace, frobenius)],
            f"for $(C, N) = {', '.join(map(str, SIZES))}$",
        ),
    )
    found = statistics(alpha * M / N, kappa1, kappa2, alpha * M**2)
    forms = [
        kappa1 * C / M,
        alpha * C * (kappa1**2 + (N - 1) * kappa2**2) / N,
        alpha * M * (kappa1 + (N - 1) * kappa2) / N,
    ]
    names = (r"m_\lambda", r"s_\lambda", r"\lambda_{\max}")
    account.move(
        r"Theorem 3.1. Sums over the eigenvalues of $F$ are sums over those of $F^*$, but $F$ has $P$ of them; and"
        r" since $\kappa_2 > 0$, the eigenvalue of the vector of ones is the largest.",
        r", \quad ".join(rf"{name} \sim {latex(form)}" for name, form in zip(names, forms, strict=True)),
        identical(found, forms),
    )
    return forms


def eigenvectors(account: Account, draw: dict) -> None:
    """The mean gradients."""
    J = sp.Matrix.vstack(*draw["gradient"].values())
    indicators = sp.kronecker_product(sp.eye(OUTPUTS), sp.ones(SAMPLES, 1))
    means = [
        sum((J.col(k * SAMPLES + n) for n in range(SAMPLES)), sp.zeros(J.rows, 1)) / SAMPLES for k in range(OUTPUTS)
    ]
    account.move(
        r"Theorem 3.2, first half. If $F^* \nu = \lambda \nu$, then $F (R \nu) = R F^* \nu = \lambda R \nu$. For the"
        r" top eigenvectors $\nu_k$, which are $1/\sqrt{N}$ on the samples of output $k$, the vector $R \nu_k$ is the"
        r" mean gradient.",
        r"F R = R F^*, \quad R \nu_k = \frac{1}{N} \sum_{n=1}^{N} \nabla f_k(n) = \mathbb{E}[\nabla f_k]",
        identical((J * J.T) * J, J * (J.T * J), ON_DRAW),
        identical(J * indicators / SAMPLES, sp.Matrix.hstack(*means), ON_DRAW),
    )


def blocks(account: Account) -> list[sp.Expr]:
    """One layer alone."""
    below, own = SYMBOLS["alpha_below"], SYMBOLS["alpha_l"]
    k1, k2 = (SYMBOLS[f"qtilde{t}"] * SYMBOLS[f"qhat{t}"] for t in (1, 2))
    found = statistics(below * M / N, k1, k2, own * below * M**2)
    account.move(
        r"The diagonal block of one layer has one summand of the dual, $(\alpha_{l-1} M / N)\, I_C \otimes K^l$ with"
        r" $\tilde q_t^l\, \hat q_t^{l-1}$ for $\kappa_t$, and $\alpha_l\, \alpha_{l-1} M^2$ eigenvalues, $\alpha_L = C"
        r" / M$. The summands add up to the whole.",
        rf"m_\lambda^l \sim {latex(C * k1 / (own * M))}, \quad \sum_{{l=1}}^{{L}} \alpha_{{l-1}}\,"
        r" \tilde q_t^l\, \hat q_t^{l-1} = \alpha\, \kappa_t",
        identical(found[0], C * k1 / (own * M)),
        identical(
            [sum(forward * backward for forward, backward in layers.products) / M for layers in DEPTHS],
            [layers.alpha * layers.kappa for layers in DEPTHS],
            "for $L = 2, 3, 4$",
        ),
    )
    return found


def printed(account: Account) -> None:
    """Why the printed kappa cannot be meant."""
    last = NETWORK.gradient(NETWORK.depth)
    norm = sum(e**2 for e in NETWORK.h[NETWORK.depth - 1]) + 1
    account.move(
        r"The printed $\kappa_t = \sum_l (\alpha_{l-1} / \alpha)\, \hat q_t^l\, \hat q_t^{l-1}$ has a second forward"
        r" parameter. The last layer refutes it without any limit: the gradient in its parameters holds the features"
        r" below and nothing else, so its summand is $\alpha_{L-1}\, \hat q_t^{L-1}$, as $\tilde q_t^L = 1$ says, and"
        r" no $\hat q_t^L$ can occur.",
        r"|\nabla_{(W^L, b^L)} f_k|^2 = |h^{L-1}|^2 + 1",
        identical([sum(e**2 for e in last.col(k)) for k in range(OUTPUTS)], [norm] * OUTPUTS, ANY_PHI),
    )


# --- landing


def land(account: Account, whole: list, block: list) -> None:
    """The formulas of the package, and its kappa for one network."""
    from fimtheory import catalogue
    from fimtheory.activations import activation
    from fimtheory.theory.deep_fisher import fisher, fisher_block
    from fimtheory.theory.deep_network import DeepNetwork

    network = DeepNetwork(activation("relu"), 3, "9/5", "1/10", alphas=("1", "2", "1/2"))
    account.land(
        catalogue.find("karakida2020.thm3.1").id,
        "The package's theorem 3.1, and its $\\kappa_1$ and $\\kappa_2$ for a ReLU network of depth 3.",
        catalogue.find("karakida2020.thm3.1").statement,
        identical(whole, [e for _, e in fisher().items()]),
        agreeing(
            lambda t: _kappa(network, t), lambda t: network.coefficients[f"kappa{int(t)}"], "t", sp.sympify([1, 2])
        ),
    )
    account.land(
        catalogue.find("karakida2020.sec3.2").id,
        "The package's formulas for the blocks.",
        catalogue.find("karakida2020.sec3.2").statement,
        identical(block, [e for _, e in fisher_block().items()]),
    )


def _kappa(network, t):
    """kappa_t of the derivation from the package's order parameters of a network of depth 3."""
    o = network.order_parameters
    forward, backward = (o.qhat1, o.qtilde1) if t == 1 else (o.qhat2, o.qtilde2)
    layers = Layers(3)
    values = dict(zip(layers.alphas, network.alphas, strict=True))
    values |= {sp.Symbol(f"qhat_{l}"): sp.Float(forward[l], 25) for l in range(3)}
    values |= {sp.Symbol(f"qtilde_{l}"): sp.Float(backward[l], 25) for l in range(1, 4)}
    return sp.cancel(layers.kappa).subs(values)._to_mpmath(80)


def main() -> Account:
    """Derive, land, print."""
    account = Account("Theorem 3.1: the eigenvalue statistics of the Fisher information matrix")
    draw = NETWORK.integers(SAMPLES)
    dual(account, draw)
    gradients(account, draw)
    large_width(account)
    eigenvalues(account)
    parameter_count(account)
    whole = theorem(account)
    eigenvectors(account, draw)
    block = blocks(account)
    printed(account)
    land(account, whole, block)
    print(account)
    return account


if __name__ == "__main__":
    main()
