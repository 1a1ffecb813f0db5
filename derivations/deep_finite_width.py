r"""Wide but finite networks: how the C outliers split, which means are exact, and what the last block does.

*Source*: ours; extends Karakida, Akaho, Amari (2020), theorems 3.1 and 3.2 and section 3.2.
*Lands on*: `fimtheory.deep.cluster_splitting`, `fimtheory.deep.exact_mean`, `fimtheory.deep.blocks_first_last`.
*Departs from the text*: the paper has one place for C eigenvalues, and says no more of them. Here the overlaps of
gradients are followed upwards, from the input to the outputs, so that the last weights come last: given everything
below they are independent of it, at every width.
*Assumptions*: exact but for the steps marked asymptotic. Those take M large at fixed depth, outputs and samples; the
recursion of the covariance is heuristic in one point, that overlaps of gradients and the slopes of the next layer are
independent to leading order.
"""

from __future__ import annotations

import itertools

import sympy as sp
from _network import Network, dphi, gaussian_mean
from _steps import Account, agreeing, identical
from mpmath import mp

from fimtheory.notation import SYMBOLS

N, sigma_w2 = SYMBOLS["N"], SYMBOLS["sigma_w2"]
NETWORK = Network((1, 2, 2, 2))
ANY_PHI = f"for an arbitrary activation, widths {NETWORK.widths}, two inputs"
variance = sp.Symbol("s", positive=True)


def at_second(e: sp.Matrix) -> sp.Matrix:
    """The same matrix at another input."""
    return e.subs({x: sp.Symbol(f"{x}'") for x in NETWORK.x})


def own_overlap(l: int) -> sp.Expr:
    """h^l(n).h^l(m) + 1: the overlap of gradients in the parameters of one unit of the layer above."""
    return (NETWORK.h[l].T * at_second(NETWORK.h[l]))[0] + 1


def recursion(account: Account) -> None:
    """Overlaps of gradients, from below."""
    account.define(
        r"Every unit $i$ of layer $l$ has a pre-activation, and this has a gradient in all parameters up to its own.",
        r"\theta^l_{ij}(n, m) = \nabla u^l_i(n) \cdot \nabla u^l_j(m)",
    )
    net, theta = NETWORK, sp.zeros(NETWORK.widths[0])
    for l in range(1, net.depth + 1):
        slopes = sp.diag(*net.u[l - 1].applyfunc(dphi)) if l > 1 else theta
        carried = net.W[l] * slopes * theta * at_second(slopes) * net.W[l].T
        theta = sp.eye(net.widths[l]) * own_overlap(l - 1) + carried
    gradients = sp.Matrix.vstack(*(net.gradient(l) for l in net.W))
    account.move(
        r"The parameters of the layer itself are one unit's own. Those below act through the features.",
        r"\theta^{l+1}_{ij}(n, m) = \delta_{ij} \left(h^l(n) \cdot h^l(m) + 1\right) + \sum_{a, b} W_{ia} W_{jb}\,"
        r" \phi'(u^l_a(n))\, \phi'(u^l_b(m))\, \theta^l_{ab}(n, m)",
        identical(gradients.T * at_second(gradients), theta, ANY_PHI),
    )


def quadratic_form(rows: list, X: sp.Matrix) -> sp.Matrix:
    """w_k' X w_k' for all pairs of rows."""
    return sp.Matrix(len(rows), len(rows), lambda k, j: (sp.Matrix([rows[k]]) * X * sp.Matrix(rows[j]))[0])


def splitting(account: Account) -> None:
    """The C x C matrix T, given what lies below the outputs."""
    account.define(
        r"The vectors $\nu_k$, constant on the samples of output $k$, span the outliers' space. Given all below the"
        r" last weights, $T$ is a constant and a quadratic form in their $C$ rows, with a symmetric $X$ that is the same"
        r" for all.",
        r"T_{kk'} = \nu_k^\top F^* \nu_{k'} = \frac{1}{N^2} \sum_{n, m} \theta^L_{kk'}(n, m) = \delta_{kk'} t +"
        r" w_k^\top X w_{k'}, \quad w_{ka} \sim \mathcal{N}(0, s)",
    )
    found, expected = [], []
    for size, outputs in ((1, 2), (2, 2), (1, 3), (2, 3)):
        rows = [sp.symbols(f"w{k}_0:{size}") for k in range(outputs)]
        X = sp.Matrix(size, size, lambda i, j: sp.Symbol(f"X_{min(i, j)}{max(i, j)}"))
        T, law = quadratic_form(rows, X), {w: variance for row in rows for w in row}
        v = variance**2 * sum(e**2 for e in X)
        spread = sum(e**2 for e in T) / outputs - (T.trace() / outputs) ** 2
        found += [gaussian_mean(sp.expand(e), law) for e in (T[0, 1], T[0, 1] ** 2, (T[0, 0] - T[1, 1]) ** 2, spread)]
        expected += [0, v, 4 * v, v * sp.Rational((outputs - 1) * (outputs + 2), outputs)]
    account.move(
        r"So entries off the diagonal have mean zero and variance $v = s^2 \|X\|^2$, and two entries on it differ by twice"
        r" as much as independent ones of variance $v$ would: beyond the shift that all share, $2 v$. These are the"
        r" variances of the Gaussian orthogonal ensemble, and they alone give the mean spread of the $C$ eigenvalues.",
        r"\mathbb{E}\, T_{12}^2 = v, \quad \mathbb{E} (T_{11} - T_{22})^2 = 4 v, \quad \mathbb{E}\, \frac{1}{C}"
        r" \sum_k (\lambda_k - \bar\lambda)^2 = \mathbb{E} \left[ \frac{\|T\|^2}{C} - \left(\frac{\operatorname{tr}"
        r" T}{C}\right)^2 \right] = \frac{(C - 1)(C + 2)}{C}\, v",
        identical(found, expected, "for $C = 2, 3$ and one and two units below"),
    )


def largest(account: Account) -> None:
    """Two outputs."""
    a, b, r = sp.symbols("a b r", positive=True)
    z = sp.Symbol("z")
    eigenvalues = sp.Matrix([[a, b], [b, -a]]).charpoly(z).as_expr()
    account.move(
        r"How far the largest stands above the mean, where $T$ is Gaussian: for two outputs $T$ less its mean is a"
        r" reflection, with two independent entries of variance $v$.",
        r"\lambda_{\max} - \bar\lambda = \sqrt{a^2 + b^2}, \quad \mathbb{E}\, \sqrt{a^2 + b^2} = g_2 \sqrt{v}, \quad"
        r" g_2 = \sqrt{\pi / 2}",
        identical(eigenvalues, z**2 - a**2 - b**2),
        identical(sp.integrate(r * r * sp.exp(-(r**2) / 2), (r, 0, sp.oo)), sp.sqrt(sp.pi / 2)),
    )


def covariance(account: Account) -> None:
    """What X is for large M."""
    account.limit(
        r"For large $M$ the diagonal of $\theta^l$ tends to $M S^l$, and two entries off it have the covariance $M V^l$."
        r" Take the recursion's square: $M_l$ terms $a = b$ with $S^l$, and $M_l^2$ terms $a \neq b$ with $V^l$.",
        r"V^{l+1}(n m; n' m') = \sigma_w^4 \left[ \frac{1}{\alpha_l} S^l(n, m)\, S^l(n', m')\, \mathbb{E}\, \phi'_n"
        r" \phi'_m \phi'_{n'} \phi'_{m'} + \mathbb{E}\, \phi'_n \phi'_{n'}\, \mathbb{E}\, \phi'_m \phi'_{m'}\, V^l(n m;"
        r" n' m') \right], \quad S^{l+1}(n, m) = \alpha_l\, \hat q^l(n, m) + \sigma_w^2\, \mathbb{E}\, \phi'_n \phi'_m\,"
        r" S^l(n, m)",
        "Heuristic: the slopes of layer $l$ and $\\theta^l$ are taken for independent. The package confronts all fifteen"
        " values of $V^L$ with simulated networks.",
    )
    linear = linear_two_layers()
    account.move(
        r"Where it can be done by hand: two layers, $\phi' = 1$, any width, given the inputs. There is no $V^1$, and"
        r" $M S^1(n, m) = x(n) \cdot x(m) + 1$.",
        r"\mathbb{E}\, \theta^2_{12}(n, m)\, \theta^2_{12}(n', m') = \frac{\sigma_w^4}{M_1} \left(x(n) \cdot x(m) +"
        r" 1\right) \left(x(n') \cdot x(m') + 1\right)",
        identical(*linear, "for $M_1 = 1, 2, 3$"),
    )
    account.move(
        r"All inputs have one variance and one covariance, $u(n) = \sqrt{q_1 - q_2}\, x(n) + \sqrt{q_2}\, y$, and given"
        r" $y$ they are independent. An average over four of them is one integral over $y$.",
        r"\mathbb{E}\, f(u(1)) f(u(2)) f(u(3)) f(u(4)) = \mathbb{E}_y\, \mathbb{E}[f(u) \mid y]^4",
        agreeing(*_shared_cosines(), "q_2", [sp.Rational(1, 5), sp.Rational(7, 10)]),
    )
    counts = [sp.ff(N, max(p) + 1) for p in itertools.product(range(4), repeat=4) if _in_order(p)]
    account.move(
        r"Which of the four inputs coincide is one of fifteen patterns. One with $b$ different inputs occurs"
        r" $N (N - 1) \cdots (N - b + 1)$ times, and the average over all of them is exact in $N$.",
        r"v = \frac{1}{N^4} \sum_{n, m, n', m'} V^L(n m; n' m'), \quad \sum_{\text{patterns}} N (N - 1) \cdots (N - b + 1)"
        r" = N^4",
        identical(sp.expand_func(sum(counts)), N**4),
    )


def linear_two_layers() -> tuple[list, list]:
    """E theta_12 theta_12 over the last weights of a linear network, and the formula."""
    overlap, other = sp.symbols("o o'")
    found, expected = [], []
    for width in (1, 2, 3):
        rows = [sp.symbols(f"w{k}_0:{width}") for k in (1, 2)]
        inner = sum(a * b for a, b in zip(*rows, strict=True))
        law = {w: sigma_w2 / width for row in rows for w in row}
        found.append(gaussian_mean(sp.expand(inner * (overlap + 1) * inner * (other + 1)), law))
        expected.append(sigma_w2**2 / width * (overlap + 1) * (other + 1))
    return found, expected


def _in_order(p: tuple) -> bool:
    return all(k <= max(p[:i], default=-1) + 1 for i, k in enumerate(p))


def _shared_cosines():
    """E of four cosines with q_1 = 1: by the variance of sums with signs, and by the integral over y."""

    def by_sums(q2):
        signs = itertools.product((-1, 1), repeat=3)
        return sum(mp.exp(-(4 * (1 - q2) + q2 * (1 + sum(s)) ** 2) / 2) for s in signs) / 8

    def by_integral(q2):
        mean = mp.exp(-(1 - q2) / 2)
        return mp.quad(lambda y: (mean * mp.cos(mp.sqrt(q2) * y)) ** 4 * mp.npdf(y), [-12, -6, 0, 6, 12])

    return by_sums, by_integral


def exact_means(account: Account) -> None:
    """Activations that are linear on either side of 0."""
    a, b, u = sp.symbols("a b u", positive=True)
    w = sp.symbols("w_1 w_2", real=True)
    slope, value = {1: a, -1: b}, {1: a * u, -1: -b * u}
    flips = [[w[i] * w[j] * slope[s] ** 2 for s in (1, -1)] for i, j in ((0, 0), (0, 1))]
    account.move(
        r"Let $\phi(u) = a u$ for $u > 0$ and $b u$ for $u < 0$. A row of weights with its bias and its negative are"
        r" equally likely. The average over the two does not know the size of $u$ any more.",
        r"\tfrac12 \sum_{\pm} (\pm w_i)(\pm w_j)\, \phi'(\pm u)^2 = g\, w_i w_j, \quad \tfrac12 \sum_{\pm} \phi(\pm u)^2 ="
        r" g\, u^2, \quad g = \frac{a^2 + b^2}{2}",
        identical([sum(f) / 2 for f in flips], [(a**2 + b**2) / 2 * w[0] * w[j] for j in (0, 1)]),
        identical(sum(v**2 for v in value.values()) / 2, (a**2 + b**2) / 2 * u**2),
    )
    found, expected = enumerated()
    account.move(
        r"Hence $\mathbb{E}[W^\top \delta \delta^\top W \mid \text{features below}]$ is a multiple of the identity, from"
        r" the output down, and the trace of every block is a product of two averages. Only the signs were used:"
        r" all networks with weights $\pm\sqrt{\sigma_w^2 / M_{l-1}}$ show it.",
        r"\mathbb{E}\, |\delta^l_k|^2 \left(|h^{l-1}|^2 + 1\right) = \tilde q_1^l \left(M_{l-1}\, \hat q_1^{l-1} +"
        r" 1\right), \quad \hat q_1^l = g\, (\sigma_w^2\, \hat q_1^{l-1} + \sigma_b^2), \quad \tilde q_1^l = g\,"
        r" \sigma_w^2\, \tilde q_1^{l+1}",
        identical(found, expected, "over all 4096 networks of widths 1, 2, 2, 1 with $a = 3$, $b = 2$"),
    )


A, B = sp.Integer(3), sp.Integer(2)
# Integer roots of sigma_w^2/M_{l-1} and sigma_b^2, and no pre-activation that is zero.
VARIANCES = ((sp.Integer(1), sp.Integer(49)), (sp.Integer(2), sp.Integer(16)), (sp.Integer(8), sp.Integer(1)))
WIDTHS, INPUT = (1, 2, 2, 1), sp.Integer(2)


def enumerated() -> tuple[list, list]:
    """E |delta^l|^2 (|h^(l-1)|^2 + 1) for l = 1, 2, 3: over all signs of weights and biases, and by the formula."""
    sizes = [*(own * (below + 1) for below, own in itertools.pairwise(WIDTHS[:3])), WIDTHS[2]]
    totals = [0, 0, 0]
    draws = list(itertools.product((-1, 1), repeat=sum(sizes)))
    for signs in draws:
        for l, term in enumerate(one_network(iter(signs))):
            totals[l] += term
    forward, backward = [INPUT**2], [sp.S.One]
    gain = (A**2 + B**2) / 2
    for w, b in VARIANCES[:2]:
        forward.append(gain * (w * forward[-1] + b))
    for w, _ in reversed(VARIANCES[1:]):
        backward.insert(0, gain * w * backward[0])
    products = [d * (m * h + 1) for d, m, h in zip(backward, WIDTHS, forward, strict=False)]
    return [sp.Rational(total, len(draws)) for total in totals], products


def one_network(signs) -> list[int]:
    """The three terms of one network of integers; the bias of the output is in none of them."""
    h, features, slopes, weights = [int(INPUT)], [], [], []
    for l, (w, b) in enumerate(VARIANCES):
        root, bias = int(sp.sqrt(w / WIDTHS[l])), int(sp.sqrt(b))
        features.append(h)
        rows = [[root * next(signs) for _ in h] for _ in range(WIDTHS[l + 1])]
        weights.append(rows)
        if l < 2:
            u = [sum(x * y for x, y in zip(row, h, strict=True)) + bias * next(signs) for row in rows]
            slopes.append([int(A if v > 0 else B) for v in u])
            h = [s * v for s, v in zip(slopes[-1], u, strict=True)]
    delta, terms = [1], []
    for l in (2, 1, 0):
        terms.insert(0, sum(d * d for d in delta) * (sum(x * x for x in features[l]) + 1))
        if l:
            columns = zip(*weights[l], strict=True)
            delta = [
                s * sum(w * d for w, d in zip(column, delta, strict=True))
                for s, column in zip(slopes[l - 1], columns, strict=True)
            ]
    return terms


def last_block(account: Account) -> None:
    """F^{LL}."""
    last = NETWORK.gradient(NETWORK.depth)
    account.move(
        r"In the last layer the backward signal is a unit vector. The dual of that block is a tensor product at every"
        r" width: each of its eigenvalues has $C$ equal copies, and nothing splits.",
        r"\nabla_L f_k(n) \cdot \nabla_L f_{k'}(m) = \delta_{kk'} \left(h^{L-1}(n) \cdot h^{L-1}(m) + 1\right)",
        identical(last.T * at_second(last), sp.eye(NETWORK.widths[-1]) * own_overlap(NETWORK.depth - 1), ANY_PHI),
    )


# --- landing


def land(account: Account) -> None:
    """The package's covariance for two linear layers, its exact means, and its last block."""
    from fimtheory import catalogue
    from fimtheory.activations import activation
    from fimtheory.theory.deep_exact_means import exact_means as package_means
    from fimtheory.theory.deep_finite_width import cluster_variance
    from fimtheory.theory.deep_network import DeepNetwork

    # Two linear layers: S^1 is 1 for n = m and 0 otherwise, so v = sigma_w^4/N^2.
    network = DeepNetwork(activation("linear"), 2, 3, 1, outputs=4, samples=5)
    spread = cluster_variance(network).subs(SYMBOLS["M"], 1)
    account.land(
        catalogue.find("fimtheory.deep.cluster_splitting").id,
        "The package's variance of the outliers, for two linear layers with $\\sigma_w^2 = 3$, 4 outputs, 5 samples.",
        r"\frac{(C-1)(C+2)}{C}\, \frac{\sigma_w^4}{N^2}\, M",
        identical(
            sp.Rational(str(round(float(spread), 10))), sp.Rational(3 * 6, 4) * 9 / 25, "after rounding to ten decimals"
        ),
    )
    weights, biases = zip(*VARIANCES, strict=True)
    kinked = activation(f"{A}*max(x, 0) + {B}*min(x, 0)")
    means = package_means(DeepNetwork(kinked, 3, weights, biases, outputs=1, alphas=WIDTHS[:3], input_norm=INPUT**2))
    account.land(
        catalogue.find("fimtheory.deep.exact_mean").id,
        "The package's exact means of the three blocks, for the networks of all signs.",
        catalogue.find("fimtheory.deep.exact_mean").statement,
        identical(
            [means.block_of_F(1, l) * WIDTHS[l] * (WIDTHS[l - 1] + 1) for l in (1, 2, 3)],
            enumerated()[0],
        ),
    )
    predicted = catalogue.find("fimtheory.deep.blocks_first_last").predict(network)["deep.F_blocks[2].lambda_top"]
    account.land(
        catalogue.find("fimtheory.deep.blocks_first_last").id,
        "The package's largest eigenvalue of the last block: $(M/N) (\\hat q_1^1 + (N - 1)\\, \\hat q_2^1)$ with"
        " $\\hat q_1^1 = 4$ and $\\hat q_2^1 = 1$.",
        catalogue.find("fimtheory.deep.blocks_first_last").statement,
        identical(sp.nsimplify(predicted, rational=True), SYMBOLS["M"] * (4 + 4 * 1) / sp.Integer(5)),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("Finite width: outliers that split, exact means, and the last block")
    recursion(account)
    splitting(account)
    largest(account)
    covariance(account)
    exact_means(account)
    last_block(account)
    land(account)
    print(account)
    return account


if __name__ == "__main__":
    main()
