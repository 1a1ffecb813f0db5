r"""Theorem 3.3: the eigenvalue statistics of the Fisher information matrix with softmax output.

*Source*: Karakida, Akaho, Amari (2020), section 3.3 and appendix B.1, eqs. 24 to 28 and B.1 to B.9.
*Lands on*: `karakida2020.thm3.3`, `karakida2020.eqB7`, `karakida2020.eq28`.
*Departs from the text*: the mean has no factor C: the trace of Q_n is the sum over the outputs already. Eq. B.4 has
C (1 - beta_1) and the theorem C beta_1, with the beta_1 of the theorem; both are refuted. Eq. 28 is sharpened: no Q_n has
an eigenvalue above 1/2, where the paper has 1.
*Assumptions*: identities up to the step marked asymptotic, which is theorem 3.1's. Then M is large and kappa_2 > 0.
"""

from __future__ import annotations

import itertools

import sympy as sp
from _network import Network
from _steps import Account, identical

from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

M, N = SYMBOLS["M"], SYMBOLS["N"]
alpha, kappa1, kappa2 = SYMBOLS["alpha_tot"], SYMBOLS["kappa1"], SYMBOLS["kappa2"]
beta = {k: SYMBOLS[f"beta{k}"] for k in (1, 2, 3, 4)}
NETWORK, SAMPLES = Network((2, 2, 2)), 2
SIZES = [(2, 1), (2, 2), (3, 2), (2, 3)]  # (C, N) at which sums over outputs and samples are written out
ON_SIZES = f"for $(C, N) = {', '.join(map(str, SIZES))}$"
THREE = "for three outputs"


def softmax(x: list) -> list[sp.Expr]:
    """g of e^f = x."""
    return [e / sum(x) for e in x]


def weight(g: list) -> sp.Matrix:
    """Q of one sample."""
    return sp.diag(*g) - sp.Matrix(g) * sp.Matrix(g).T


def probabilities(outputs: int, samples: int) -> list[list[sp.Expr]]:
    """g_k(n) by n: symbols that add up to one."""
    free = [[sp.Symbol(f"g_{k}({n})") for k in range(1, outputs)] for n in range(1, samples + 1)]
    return [[*g, 1 - sum(g)] for g in free]


def mean(values: list) -> sp.Expr:
    """The mean over samples."""
    return sp.Add(*values) / len(values)


def coefficients(g: list[list[sp.Expr]]) -> dict[int, sp.Expr]:
    """beta_1, beta_2 and beta_3 as printed."""
    pairs = [(a, b) for (n, a), (m, b) in itertools.product(enumerate(g), repeat=2) if n != m]
    dot = lambda a, b: sp.Add(*(p * r for p, r in zip(a, b, strict=True)))  # noqa: E731
    square = lambda a: [p**2 for p in a]  # noqa: E731
    return {
        1: 1 - mean([dot(a, a) for a in g]),
        2: sp.Add(*(dot(b, a) - 2 * dot(square(b), a) + dot(b, a) ** 2 for a, b in pairs)) / len(g) ** 2,
        3: mean([dot([1 - 2 * p for p in a], square(a)) + dot(a, a) ** 2 for a in g]),
    }


def information(account: Account) -> None:
    """Where Q comes from."""
    x = sp.symbols("x_1:4", positive=True)
    g = softmax(x)
    slopes = [[x[i] * sp.diff(p, x[i]) for i in range(3)] for p in g]
    entries = list(itertools.product(range(3), repeat=2))
    Q = weight(g)
    account.define(
        r"The outputs $f_k$ go through a softmax, and an observation is one of $C$ classes.",
        r"g_k = \frac{e^{f_k}}{\sum_j e^{f_j}}, \quad p(y) = \prod_{k=1}^{C} g_k^{y_k}, \quad Q_n ="
        r" \operatorname{diag}(g(n)) - g(n) g(n)^\top",
    )
    account.move(
        r"The scores of a categorical variable have the covariance $Q$. The chain rule makes it the weight between"
        r" gradients of outputs.",
        r"\sum_y p(y)\, \frac{\partial \log p(y)}{\partial f_k} \frac{\partial \log p(y)}{\partial f_{k'}} = Q(k, k'),"
        r" \quad F_{\mathrm{cross}} = \frac{1}{N} \sum_n \sum_{k, k'} \nabla f_k(n)\, Q_n(k, k')\, \nabla f_{k'}(n)^\top",
        identical(
            [sum(s[i] * s[j] / p for p, s in zip(g, slopes, strict=True)) for i, j in entries],
            [Q[i, j] for i, j in entries],
            THREE,
        ),
    )
    roots = [[x[i] * sp.diff(sp.sqrt(p), x[i]) for i in range(3)] for p in g]
    account.move(
        r"The square roots of the probabilities have the same metric, up to the factor 4.",
        r"4 \sum_j \frac{\partial \sqrt{g_j}}{\partial f_k} \frac{\partial \sqrt{g_j}}{\partial f_{k'}} = Q(k, k')",
        identical([4 * sum(r[i] * r[j] for r in roots) for i, j in entries], [Q[i, j] for i, j in entries], THREE),
    )


def dual(account: Account) -> None:
    """The dual of F_cross."""
    J = sp.Matrix.vstack(*NETWORK.integers(SAMPLES)["gradient"].values())
    outputs = NETWORK.widths[-1]
    weights = [
        sum(x) ** 2 * weight(softmax(x)) for x in map(sp.sympify, ([1, 2], [3, 1]))
    ]  # whole numbers, as the gradients are
    order = list(itertools.product(range(outputs), range(SAMPLES)))
    Q = sp.Matrix(len(order), len(order), lambda i, j: _entry(weights, order[i], order[j]))
    summed = sp.zeros(J.rows, J.rows)
    for n, k, j in itertools.product(range(SAMPLES), range(outputs), range(outputs)):
        summed += weights[n][k, j] * J.col(order.index((k, n))) * J.col(order.index((j, n))).T
    z = sp.Symbol("z")
    account.move(
        r"With all gradients side by side, $F_{\mathrm{cross}}$ is a product of four factors, and moving the last to the"
        r" front changes no eigenvalue but zeros.",
        r"F_{\mathrm{cross}} = R\, Q\, R^\top, \quad F^*_{\mathrm{cross}} = Q F^*, \quad F^* = R^\top R, \quad \det(z -"
        r" F_{\mathrm{cross}}) = z^{P - C N} \det(z - Q F^*)",
        identical(J * Q * J.T, summed, "on a random network of small integers"),
        identical(
            (J * Q * J.T).charpoly(z).as_expr(),
            z ** (J.rows - J.cols) * (Q * J.T * J).charpoly(z).as_expr(),
            "on a random network of small integers",
        ),
    )


def _entry(weights: list[sp.Matrix], row: tuple[int, int], column: tuple[int, int]) -> sp.Expr:
    (k, n), (j, m) = row, column
    return weights[n][k, j] if n == m else sp.S.Zero


def leading(g: list[list[sp.Expr]]) -> sp.Matrix:
    """Q (I_C (x) K) by blocks of samples: Q_n times kappa_1 or kappa_2."""
    blocks = [[weight(a) * (kappa1 if n == m else kappa2) for m in range(len(g))] for n, a in enumerate(g)]
    return sp.Matrix(sp.BlockMatrix(blocks))


def statistics(account: Account) -> dict[str, sp.Expr]:
    """Trace and trace of the square."""
    account.limit(
        r"In a wide network the dual of $F$ is what theorem 3.1 makes of it.",
        r"F^* \sim \frac{\alpha M}{N}\, I_C \otimes K, \quad P \sim \alpha M^2",
        "The step of the derivation of theorem 3.1, karakida2020\\_thm3\\_1.py.",
    )
    scale = alpha * M / N
    draws = [(probabilities(C, n), n) for C, n in SIZES]
    trace = kappa1 * beta[1] * N
    account.move(
        r"The trace. $Q_n$ has the trace $1 - \sum_k g_k(n)^2$, the sum over the outputs being done: there is no factor"
        r" $C$ left, which theorem 3.3 and eq. B.4 print.",
        r"\operatorname{tr}\, Q (I_C \otimes K) = N \beta_1 \kappa_1, \quad \beta_1 = 1 - \frac{1}{N} \sum_n \sum_k"
        rf" g_k(n)^2, \quad m_\lambda \sim {latex(scale * trace / (alpha * M**2))}",
        identical(
            [leading(g).trace() for g, _ in draws],
            [trace.subs({beta[1]: coefficients(g)[1], N: n}) for g, n in draws],
            ON_SIZES,
        ),
    )
    square = N**2 * beta[2] * kappa2**2 + N * beta[3] * kappa1**2
    account.move(
        r"The trace of the square. Pairs of samples meet in $\operatorname{tr} Q_n Q_m$, which is a polynomial in the"
        r" probabilities; its terms are those of $\beta_2$ and $\beta_3$ as printed.",
        r"\operatorname{tr} \left(Q (I_C \otimes K)\right)^2 = N^2 \beta_2 \kappa_2^2 + N \beta_3 \kappa_1^2, \quad"
        r" \beta_2 = \frac{1}{N^2} \sum_{n \neq m} \operatorname{tr} Q_n Q_m, \quad \beta_3 = \frac{1}{N} \sum_n"
        rf" \operatorname{{tr}} Q_n^2, \quad s_\lambda \sim {latex(sp.expand(scale**2 * square / (alpha * M**2)))}",
        identical(
            [(leading(g) ** 2).trace() for g, _ in draws],
            [square.subs({beta[2]: coefficients(g)[2], beta[3]: coefficients(g)[3], N: n}) for g, n in draws],
            ON_SIZES,
        ),
    )
    return {"mean": scale * trace / (alpha * M**2), "second_moment": scale**2 * square / (alpha * M**2)}


def bounds(account: Account) -> dict[str, sp.Expr]:
    """Both sides of the largest eigenvalue."""
    C, samples = 2, 3
    g = probabilities(C, samples)
    top = alpha * M * (kappa1 + (N - 1) * kappa2) / N
    forms, expected = [], []
    for k in range(C):
        ones = sp.Matrix([int(j == k) for _ in range(samples) for j in range(C)])
        Q = sp.diag(*map(weight, g))
        linear = sp.kronecker_product(_explicit(samples), sp.eye(C))
        # |R nu|^2 and (R nu)' F_cross (R nu), with F* = linear
        forms.append((ones.T * linear * Q * linear * ones)[0] / (ones.T * linear * ones)[0])
        expected.append((kappa1 + (samples - 1) * kappa2) * mean([a[k] * (1 - a[k]) for a in g]))
    account.move(
        r"The mean gradient $v_k \propto R \nu_k$ of an output is an eigenvector of $F$, so its quadratic form is a mean of"
        r" variances; no eigenvalue but the largest need be above it.",
        r"v_k^\top F_{\mathrm{cross}}\, v_k = \lambda_{\max}(F)\, \frac{1}{N} \sum_n g_k(n) (1 - g_k(n)), \quad"
        r" \lambda_{\max} \geq \beta_4 \lambda_{\max}(F)",
        identical(forms, expected, "for $(C, N) = (2, 3)$"),
    )
    return {"lower": beta[4] * top}


def _explicit(samples: int) -> sp.Matrix:
    return sp.Matrix(samples, samples, lambda n, m: kappa1 if n == m else kappa2)


def half(account: Account) -> None:
    """No Q_n exceeds 1/2."""
    g, x, c = probabilities(3, 1)[0], sp.Matrix(sp.symbols("x_1:4")), sp.Symbol("c")
    shifted = [e - c for e in x]
    variance = (
        sum(p * e**2 for p, e in zip(g, shifted, strict=True))
        - sum(p * e for p, e in zip(g, shifted, strict=True)) ** 2
    )
    account.move(
        r"The quadratic form of $Q_n$ is the variance of a number that takes the value $x_k$ with probability $g_k$,"
        r" whatever is subtracted from all of them.",
        r"x^\top Q\, x = \sum_k g_k (x_k - c)^2 - \left(\sum_k g_k (x_k - c)\right)^2",
        identical((x.T * weight(g) * x)[0], variance, THREE),
    )
    u, v = sp.symbols("u v")
    account.move(
        r"Let $c$ be half-way between the largest $u$ and the smallest $v$ of the $x_k$: every $(x_k - c)^2$ is at most"
        r" $(u - v)^2/4$, and this at most half of $|x|^2$. Two outputs of probability 1/2 attain it.",
        r"\frac{(u - v)^2}{4} = \frac{u^2 + v^2}{2} - \frac{(u + v)^2}{4} \leq \frac{|x|^2}{2}, \quad \lambda_{\max}(Q_n)"
        r" \leq \frac{1}{2}, \quad \lambda_i(F_{\mathrm{cross}}) \leq \frac{1}{2} \lambda_i(F)",
        identical((u - v) ** 2 / 4, (u**2 + v**2) / 2 - (u + v) ** 2 / 4),
        identical(max(weight([sp.S.Half, sp.S.Half]).eigenvals()), sp.S.Half),
    )


# --- landing


def land(account: Account, found: dict[str, sp.Expr]) -> None:
    """The formulas of the package."""
    from fimtheory import catalogue
    from fimtheory.theory.softmax_fisher import softmax_fisher

    ours = softmax_fisher()
    claims = {name: catalogue.find(f"karakida2020.{name}") for name in ("thm3.3", "eqB7", "eq28")}
    account.land(
        claims["thm3.3"].id,
        "Mean and second moment of the package.",
        claims["thm3.3"].statement,
        identical([found["mean"], found["second_moment"]], [ours.mean(), ours.second_moment()]),
    )
    account.land(
        claims["eqB7"].id,
        "Its bounds: the second is the root of the sum of all squared eigenvalues.",
        claims["eqB7"].statement,
        identical(
            [found["lower"], alpha * M**2 * found["second_moment"]],
            [ours.lower(), ours.upper() ** 2],
        ),
    )
    account.land(
        claims["eq28"].id,
        r"Its ordering; the mean is $\beta_1 \leq 1 - 1/C$ times $1/C$ of that of $F$.",
        claims["eq28"].statement,
        identical(sp.cancel(ours.mean() * M / kappa1), beta[1]),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("Theorem 3.3: the eigenvalue statistics with softmax output")
    information(account)
    dual(account)
    found = statistics(account) | bounds(account)
    half(account)
    land(account, found)
    print(account)
    return account


if __name__ == "__main__":
    main()
