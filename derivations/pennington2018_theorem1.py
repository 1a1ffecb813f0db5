r"""Theorem 1: the Fisher information matrix of one hidden layer falls into 2 x 2 matrices, one a pair of singular values.

*Source*: Pennington, Worah (2018), eqs. 11, 20 to 22 and theorem 1.
*Lands on*: `theory.single_layer.theorem_matrix`, `theory.single_layer.printed_integrand`.
*Departs from the text*: the paper enumerates graphs and walks. Here the blocks of H are Kronecker products to leading
order, two singular value decompositions diagonalise them, and what is left is M(a, b). The printed double integral is
half the mean trace of its resolvent: theorem 1 is right as printed. Rectangular layers and all multiplicities come out
of the same move, which the paper does not have.
*Assumptions*: inputs N(0, I), weights of variance one over the width of the layer below, E f(Z) = 0. One step is
asymptotic, and exact for linear f. For two units, whose correlation is small, weak derivatives do; at one unit only
E f'(U)^2 U^2 and E f f' U are needed, and no second derivative.
"""

from __future__ import annotations

import functools
import itertools

import sympy as sp
from _network import dphi, gaussian_mean, phi
from _single_layer import SHIFTS, a, alpha, b, beta, printed_integrand, two_modes, z, zeta
from _steps import Account, identical

from fimtheory.latex import latex

rho = sp.Symbol("rho", real=True)
c1, c2, c3 = sp.symbols("c_1 c_2 c_3", real=True)
t, n = sp.symbols("t n", positive=True)
WIDTHS = (2, 3, 2)  # input, hidden, output of the tiny network in symbols
ANY_F = f"for an arbitrary activation, widths {WIDTHS}"
CUBIC = "for every cubic polynomial of mean zero"
SHAPES = [(2, 2, 2), (3, 2, 1), (1, 2, 3), (1, 3, 2), (3, 1, 2), (2, 3, 1)]
SMALL = (1, 2, 3)  # widths at which means over all weights are multiplied out


def generic(rows: int, columns: int, name: str) -> sp.Matrix:
    """A matrix of symbols."""
    return sp.Matrix(rows, columns, sp.symbols(f"{name}0:{rows * columns}", real=True))


W1, W2 = generic(WIDTHS[1], WIDTHS[0], "v"), generic(WIDTHS[2], WIDTHS[1], "w")
X = generic(WIDTHS[0], 1, "x")


def kronecker_form(first: sp.Matrix, second: sp.Matrix, shift: sp.Expr, below: sp.Expr) -> sp.Matrix:
    """The limit of H for the weights W1 (hidden x input) and W2 (output x hidden)."""
    kron, (hidden, inputs), outputs = sp.kronecker_product, first.shape, second.rows
    H11 = kron(zeta * second.T * second + shift * sp.eye(hidden), sp.eye(inputs))
    H22 = kron(sp.eye(outputs), zeta * first * first.T + below * sp.eye(hidden))
    H12 = zeta * kron(second.T, first.T)
    return sp.Matrix(sp.BlockMatrix([[H11, H12], [H12.T, H22]]))


def jacobian(account: Account) -> None:
    """Eq. 11, and H as a mean of Kronecker products."""
    account.define(
        r"The network has $n_0$ inputs, $n_1$ hidden units and $n_2$ outputs, $X \sim N(0, I)$, and $H$ is the mean over"
        r" $X$ of $J^\top J$, $J$ the Jacobian in all weights.",
        r"\hat Y = W_2\, f(u), \quad u = W_1 X, \quad (W_2)_{ca} \sim N\left(0, \tfrac{1}{n_1}\right), \quad"
        r" (W_1)_{ab} \sim N\left(0, \tfrac{1}{n_0}\right), \quad H = \mathbb{E}_X\, J^\top J",
    )
    u = W1 * X
    outputs = W2 * u.applyfunc(phi)
    direct = sp.Matrix([[sp.diff(y, weight) for weight in (*W1, *W2)] for y in outputs])
    f, slopes = u.applyfunc(phi), sp.diag(*u.applyfunc(dphi))
    kron = sp.kronecker_product
    J1, J2 = kron(W2 * slopes, X.T), kron(sp.eye(WIDTHS[2]), f.T)
    account.move(
        r"Differentiate. With $D = \operatorname{diag} f'(u)$, the Jacobians in the two layers are Kronecker products;"
        r" written out they are eq. 11.",
        r"J^{(1)} = W_2 D \otimes X^\top, \quad J^{(2)} = I \otimes f(u)^\top; \quad"
        r" J^{(1)}_{i, ab} = W_{2, ia}\, f'(u_a)\, X_b, \quad J^{(2)}_{j, cd} = \mathbf{1}[j = c]\, f(u_d)",
        identical(direct, sp.Matrix.hstack(J1, J2), ANY_F),
    )
    account.move(
        r"Products of Kronecker products. What has to be averaged over $X$ stands at one or two hidden units.",
        r"H_{11} = \mathbb{E}\, D W_2^\top W_2 D \otimes X X^\top, \quad H_{12} = \mathbb{E}\, D W_2^\top \otimes X"
        r" f(u)^\top, \quad H_{22} = I \otimes \mathbb{E}\, f(u) f(u)^\top",
        identical(J1.T * J1, kron(slopes * W2.T * W2 * slopes, X * X.T), ANY_F),
        identical(J1.T * J2, kron(slopes * W2.T, X * f.T), ANY_F),
        identical(J2.T * J2, kron(sp.eye(WIDTHS[2]), f * f.T), ANY_F),
    )


def hermite(order: int) -> sp.Expr:
    """The derivative of a cubic c_1 He_1 + c_2 He_2 + c_3 He_3, as a polynomial in t."""
    return sp.diff(c1 * t + c2 * (t**2 - 1) + c3 * (t**3 - 3 * t), t, order)


def stein(account: Account) -> None:
    """The factors X are taken off."""
    x = sp.symbols("x0:2", real=True)
    w, v = sp.symbols("w0:2", real=True), sp.symbols("v0:2", real=True)

    def average(i: int, j: int, factor: sp.Expr = sp.S.One) -> sp.Expr:
        """E f^(i)(w.X) f^(j)(v.X) factor."""
        values = [hermite(k).subs(t, r[0] * x[0] + r[1] * x[1]) for k, r in ((i, w), (j, v))]
        return gaussian_mean(sp.expand(values[0] * values[1] * factor), dict.fromkeys(x, sp.S.One))

    twice = [
        (w[k] * w[l] * average(3, 1) + (w[k] * v[l] + v[k] * w[l]) * average(2, 2) + v[k] * v[l] * average(1, 3))
        + (average(1, 1) if k == l else 0)
        for k, l in itertools.product(range(2), repeat=2)
    ]
    once = [w[k] * average(2, 0) + v[k] * average(1, 1) for k in range(2)]
    account.move(
        r"Stein's identity takes the factors $X$ off. For two hidden units with the weights $w$, $v$ and $U = w \cdot"
        r" X$, $V = v \cdot X$:",
        r"\mathbb{E}\, f'(U) f'(V)\, X X^\top = \mathbb{E} f' f'\, I + \mathbb{E} f''' f'\, w w^\top + \mathbb{E} f'' f''"
        r"\, (w v^\top + v w^\top) + \mathbb{E} f' f'''\, v v^\top, \quad"
        r" \mathbb{E}\, f'(U) f(V)\, X = \mathbb{E} f'' f\; w + \mathbb{E} f' f'\; v",
        identical([average(1, 1, x[k] * x[l]) for k, l in itertools.product(range(2), repeat=2)], twice, CUBIC),
        identical([average(1, 0, x[k]) for k in range(2)], once, CUBIC),
    )


def mehler(account: Account) -> None:
    """What a small correlation leaves."""
    x, y = sp.symbols("x y", real=True)

    @functools.cache
    def average(i: int, j: int) -> sp.Expr:
        """E f^(i)(U) f^(j)(V) at correlation rho."""
        product = hermite(i).subs(t, x) * hermite(j).subs(t, rho * x + sp.sqrt(1 - rho**2) * y)
        return sp.expand(gaussian_mean(sp.expand(product), dict.fromkeys((x, y), sp.S.One)))

    constants = [average(0, 0).subs(rho, 1), average(1, 1).subs(rho, 1), average(1, 1).subs(rho, 0)]
    account.move(
        r"Mehler's series: in $f = \sum_k c_k\, \mathrm{He}_k$ only equal degrees meet. $c_0 = 0$ by assumption.",
        r"\mathbb{E}\, f(U) f(V) = \sum_{k \geq 1} k!\, c_k^2\, \rho^k, \quad"
        r" \mathbb{E}\, f'(U) f'(V) = \sum_{k \geq 1} k\; k!\, c_k^2\, \rho^{k-1}",
        identical(average(0, 0), c1**2 * rho + 2 * c2**2 * rho**2 + 6 * c3**2 * rho**3, CUBIC),
        identical(average(1, 1), c1**2 + 4 * c2**2 * rho + 18 * c3**2 * rho**2, CUBIC),
    )
    account.move(
        r"The weights of two units are nearly orthogonal unit vectors, $\rho = w \cdot v$ small; those of one unit have"
        r" $\rho = 1$. For two units the means of $f f$ and of $f' f'$ begin with the same $\zeta$, since"
        r" $\mathbb{E} Z f(Z) = \mathbb{E} f'(Z)$.",
        r"\mathbb{E} f f = \begin{cases} \eta & \rho = 1 \\ \zeta \rho + O(\rho^2) \end{cases} \quad"
        r" \mathbb{E} f' f' = \begin{cases} \eta' & \rho = 1 \\ \zeta + O(\rho) \end{cases} \quad"
        r" \mathbb{E} f'' f = O(\rho)",
        identical(constants, [c1**2 + 2 * c2**2 + 6 * c3**2, c1**2 + 4 * c2**2 + 18 * c3**2, c1**2], CUBIC),
        identical([average(0, 0).coeff(rho, 0), average(0, 0).coeff(rho, 1)], [0, c1**2], CUBIC),
        identical(average(2, 0).coeff(rho, 0), 0, CUBIC),
    )


# Squared Frobenius norms of what the Kronecker form drops, summed over the indices of inputs and outputs, up to
# constants of f; and their means. S = W2'W2, R = W1 W1', at the hidden units i and j.
S_ij, S_ii, R_ij, R_ii, R_jj = sp.symbols("S_ij S_ii R_ij R_ii R_jj", real=True)
TWO_UNITS = {
    n * S_ij**2 * R_ij**2: n - 1,  # H11, E f'f' beyond zeta: correlation
    n * S_ij**2 * (R_ii - 1) ** 2: 2 * (n - 1),  # the same: lengths of w
    S_ij**2 * R_ii * R_jj: n - 1,  # H11, E f''f'' w v'
    S_ij**2 * R_ii**2: (n - 1) * (n + 2) / n,  # H11, the same with a third derivative, w w'
    n * R_ij**4: 3 * (n - 1) * (n + 2) / n,  # H22, second order in the correlation
    n * (R_ii - 1) ** 2 * (R_jj - 1) ** 2: 4 * (n - 1),  # H22, E f is zero for unit length only
    n * R_ij**2 * (R_ii - 1) ** 2: 2 * (n - 1) * (n + 4) / n,  # H22, zeta for unit length only
    S_ii * R_ii * R_ij**2: (n - 1) * (n + 2) / n,  # H12, E f''f w: correlation
    S_ii * R_ii * (R_jj - 1) ** 2: 2 * (n - 1),  # the same: E f
    S_ii * R_jj * R_ij**2: (n - 1) * (n + 2) / n,  # H12, E f'f' v beyond zeta: correlation
    S_ii * R_jj * (R_ii - 1) ** 2: 2 * (n - 1),  # the same: lengths of w
}
ONE_UNIT = {
    S_ii**2 * R_ii**2: (n + 2) ** 2 / n,  # H11, E f'f' X X' beyond the identity
    n * S_ii**2 * (R_ii - 1) ** 2: 2 * (n + 2),  # H11, eta' for unit length only
    n * (S_ii - 1) ** 2: 2 * n,  # H11, outgoing weights
    n * (R_ii - 1) ** 2: 2 * n,  # H22, eta for unit length only
    S_ii * R_ii: n,  # H12, E f'f X beyond zeta w
}


def mean_of_dropped(width: int) -> list[sp.Expr]:
    """The mean over all weights of every norm of the two tables, multiplied out."""
    first, second = generic(width, width, "v"), generic(width, width, "w")
    R, S = first * first.T, second.T * second
    variances = dict.fromkeys([*first, *second], sp.Rational(1, width))

    def total(norm: sp.Expr, units: list[tuple[int, int]]) -> sp.Expr:
        at = [{S_ij: S[i, j], S_ii: S[i, i], R_ij: R[i, j], R_ii: R[i, i], R_jj: R[j, j], n: width} for i, j in units]
        return gaussian_mean(sp.expand(sum((norm.subs(values) for values in at), sp.S.Zero)), variances)

    pairs, single = list(itertools.permutations(range(width), 2)), [(i, i) for i in range(width)]
    return [total(norm, pairs) for norm in TWO_UNITS] + [total(norm, single) for norm in ONE_UNIT]


def kronecker_structure(account: Account) -> None:
    """The leading order, how much it drops, and that a linear activation drops nothing."""
    means = [*TWO_UNITS.values(), *ONE_UNIT.values()]
    account.move(
        r"Keep the first terms. What is left out, with $n_0 = n_1 = n_2 = n$: corrections in $\rho \sim n^{-1/2}$, the"
        r" outer products of Stein's identity, and what the deviation of squared lengths from 1 changes. The squared"
        r" Frobenius norms, with $R = W_1 W_1^\top$ and $S = W_2^\top W_2$, have means of order $n$, for instance",
        r"\mathbb{E} \sum_{i \neq j} S_{ij}^2 R_{ii} R_{jj} = n - 1, \quad"
        r" \mathbb{E} \sum_i S_{ii}^2 R_{ii}^2 = \frac{(n + 2)^2}{n}, \quad"
        r" n\, \mathbb{E} \sum_{i \neq j} R_{ij}^4 = \frac{3 (n - 1)(n + 2)}{n}",
        identical(
            [e for width in SMALL for e in mean_of_dropped(width)],
            [e.subs(n, width) for width in SMALL for e in means],
            f"for all {len(means)} kinds of terms and $n = 1, 2, 3$",
        ),
        identical([sp.limit(e / n**2, n, sp.oo) for e in means], [0] * len(means), "in the limit of $1/n^2$ of them"),
    )
    gram, ones = W2.T * W2, sp.ones(WIDTHS[1], WIDTHS[1])
    account.move(
        r"With $\alpha = \eta' - \zeta$ and $\beta = \eta - \zeta$ the leading terms are matrices of the weights alone."
        r" The diagonal of $W_1 W_1^\top$ is 1, that of $W_2^\top W_2$ is $n_2/n_1$ up to $O(n^{-1/2})$.",
        r"S \circ (\zeta\, \mathbf{1} \mathbf{1}^\top + \alpha I) = \zeta S + \alpha \operatorname{diag} S, \quad"
        r" \mathbb{E}\, S_{aa} = \frac{n_2}{n_1}",
        identical(
            gram.multiply_elementwise(zeta * ones + alpha * sp.eye(WIDTHS[1])),
            zeta * gram + alpha * sp.diag(*gram.diagonal()),
        ),
        identical(
            [gaussian_mean(e, dict.fromkeys(W2, sp.Rational(1, WIDTHS[1]))) for e in gram.diagonal()],
            [sp.Rational(WIDTHS[2], WIDTHS[1])] * WIDTHS[1],
            f"for widths {WIDTHS}",
        ),
    )
    account.limit(
        r"The Kronecker structure of $H$.",
        r"H_{11} \sim \left(\zeta\, W_2^\top W_2 + \tfrac{n_2}{n_1}\, \alpha I\right) \otimes I, \quad"
        r" H_{12} \sim \zeta\, W_2^\top \otimes W_1^\top, \quad"
        r" H_{22} \sim I \otimes \left(\zeta\, W_1 W_1^\top + \beta I\right)",
        "The theorem of Hoffman and Wielandt: the sum of the squared displacements of the ordered eigenvalues is at most"
        r" the squared norm of what was dropped, $O(n)$, shared by $2 n^2$ eigenvalues. The law of the spectrum moves by"
        r" $O(n^{-1/2})$; of order $n$ single eigenvalues may move by $O(1)$ and leave it.",
    )
    J = sp.Matrix.hstack(sp.kronecker_product(W2, X.T), sp.kronecker_product(sp.eye(WIDTHS[2]), (W1 * X).T))
    exact = (J.T * J).applyfunc(lambda e: gaussian_mean(sp.expand(e), dict.fromkeys(X, sp.S.One)))
    account.move(
        r"For linear $f$, where $\alpha = \beta = 0$, nothing is dropped, at any widths.",
        r"H_{11} = \zeta\, W_2^\top W_2 \otimes I, \quad H_{12} = \zeta\, W_2^\top \otimes W_1^\top, \quad"
        r" H_{22} = I \otimes \zeta\, W_1 W_1^\top",
        identical(zeta * exact, kronecker_form(W1, W2, sp.S.Zero, sp.S.Zero), f"for widths {WIDTHS}"),
    )


def rotation(size: int, which: int) -> sp.Matrix:
    """A rational orthogonal matrix, by Cayley's formula; ``which`` makes different ones of a size."""
    skew = sp.Matrix(size, size, lambda i, j: (i - j) * sp.Rational(which, i + j + 1))
    return (sp.eye(size) - skew) * (sp.eye(size) + skew).inv()


def singular(rows: int, columns: int, offset: int) -> sp.Matrix:
    """Singular values offset + 1, offset + 2, ... on the diagonal of a rectangular matrix."""
    return sp.Matrix(rows, columns, lambda i, j: offset + i + 1 if i == j else 0)


def in_singular_bases(S: sp.Matrix, T: sp.Matrix) -> sp.Matrix:
    """H in the bases of singular vectors: pairs (i, j) of the first layer, then pairs (i, j) of the second."""
    (outputs, hidden), inputs = S.shape, T.cols
    pairs = [(0, i, j) for i in range(hidden) for j in range(inputs)]
    pairs += [(1, i, j) for i in range(outputs) for j in range(hidden)]
    s = [S[i, i] if i < min(S.shape) else 0 for i in range(max(S.shape))]
    r = [T[j, j] if j < min(T.shape) else 0 for j in range(max(T.shape))]

    def entry(p: int, q: int) -> sp.Expr:
        (layer, i, j), (other, *same) = pairs[p], pairs[q]
        return two_modes(s[i] ** 2, r[j] ** 2)[layer, other] if [i, j] == same else sp.S.Zero

    return sp.Matrix(len(pairs), len(pairs), entry)


def by_multiplicity(S: sp.Matrix, T: sp.Matrix) -> sp.Expr:
    """The characteristic polynomial, factor by factor."""
    (outputs, hidden), inputs = S.shape, T.cols
    s, r = ([D[i, i] ** 2 for i in range(min(D.shape))] for D in (S, T))
    p, q = len(s), len(r)
    factors = [(z * sp.eye(2) - two_modes(x, y)).det() for x in s for y in r]
    factors += [(z - alpha) ** ((hidden - p) * inputs), (z - beta) ** ((hidden - q) * outputs)]
    factors += [(z - alpha - zeta * x) ** (inputs - q) for x in s] + [(z - beta - zeta * y) ** (outputs - p) for y in r]
    return sp.prod(factors)


def singular_values(account: Account) -> None:
    """Two singular value decompositions, and what remains."""
    rotated, expected, whole, factored = [], [], [], []
    values = {alpha: sp.Rational(5, 3), beta: sp.Rational(2, 7), zeta: sp.Rational(3, 4)}
    kron = sp.kronecker_product
    for inputs, hidden, outputs in SHAPES:
        S, T = singular(outputs, hidden, 0), singular(hidden, inputs, 1)
        U1, V1, U2, V2 = (rotation(k, i) for i, k in enumerate((hidden, inputs, outputs, hidden), start=1))
        H = kronecker_form(U1 * T * V1.T, U2 * S * V2.T, alpha, beta)
        basis = sp.diag(kron(V2, V1), kron(U2, U1))
        rotated += [*(basis.T * H * basis).applyfunc(sp.expand), *(basis.T * basis)]
        expected += [*in_singular_bases(S, T), *sp.eye(basis.rows)]
        whole.append(H.subs(values).to_DM().charpoly())
        factored.append(sp.Poly(by_multiplicity(S, T).subs(values), z).all_coeffs())
    shapes = "for $(n_0, n_1, n_2) = " + ", ".join(map(str, SHAPES)) + "$"
    account.move(
        r"Decompose $W_2 = U_2 S V_2^\top$ and $W_1 = U_1 T V_1^\top$ and turn the basis by $V_2 \otimes V_1$ in the first"
        r" layer, by $U_2 \otimes U_1$ in the second. $S$, $T$ are diagonal, so a pair $(i, j)$ of singular values only"
        r" meets itself, in the other layer. From here on $\alpha$ stands for $\frac{n_2}{n_1} \alpha$.",
        r"H \to \begin{pmatrix} (\zeta S^\top S + \alpha I) \otimes I & \zeta S^\top \otimes T^\top \\"
        r" \zeta S \otimes T & I \otimes (\zeta T T^\top + \beta I) \end{pmatrix}, \quad"
        rf" M(s_i^2, t_j^2) \text{{ on each pair}}, \quad M(a, b) = {latex(two_modes())}",
        identical(rotated, expected, shapes),
    )
    account.move(
        r"Directions of one layer that find no partner keep their diagonal entry. With $p = \min(n_1, n_2)$ and $q ="
        r" \min(n_0, n_1)$ all $n_1 (n_0 + n_2)$ eigenvalues are accounted for; a square layer has pairs only.",
        r"\det(z - H) = \prod_{i \leq p,\, j \leq q} \det\left(z - M(s_i^2, t_j^2)\right) (z - \alpha)^{(n_1 - p) n_0}"
        r" (z - \beta)^{(n_1 - q) n_2} \prod_{i \leq p} (z - \alpha - \zeta s_i^2)^{n_0 - q}"
        r" \prod_{j \leq q} (z - \beta - \zeta t_j^2)^{n_2 - p}",
        identical([e for c in whole for e in c], [e for c in factored for e in c], shapes),
    )
    account.limit(
        r"$W_1$ and $W_2$ are independent. For $n_0 = n_1 = n_2$ the squared singular values of either follow the law"
        r" of Marchenko and Pastur with ratio 1, and all pairs occur: $a$ and $b$ are independent.",
        r"\frac{1}{2 n^2} \operatorname{tr}\, (z - H)^{-1} \to G(z) = \frac{1}{2}\, \mathbb{E} \operatorname{tr}"
        r"\left(z - M(a, b)\right)^{-1}, \quad p(t) = \frac{1}{2 \pi} \sqrt{\frac{4 - t}{t}}",
        "The law of Marchenko and Pastur (1967); rectangular layers have its ratios $n_2/n_1$ and $n_1/n_0$.",
    )


def printed_integral(account: Account) -> None:
    """Eqs. 20 and 22, and the linear case."""
    resolvent = sp.cancel((z * sp.eye(2) - two_modes()).det())
    l1, l2 = alpha + zeta * a, beta + zeta * b
    account.move(
        r"The resolvent of $M$ in the variables $\lambda_1 = \alpha + \zeta a$, $\lambda_2 = \beta + \zeta b$ is the"
        r" printed integrand, times $\zeta^2$.",
        r"\frac{1}{2} \operatorname{tr} (z - M)^{-1} = \frac{1}{2}\, \frac{2 z - \lambda_1 - \lambda_2}{z^2 - z"
        r" (\lambda_1 + \lambda_2) + \beta \lambda_1 + \alpha \lambda_2 - \alpha \beta}",
        identical(sp.cancel(zeta**2 * printed_integrand(l1, l2)), sp.cancel((2 * z - l1 - l2) / (2 * resolvent))),
        identical((z * sp.eye(2) - two_modes()).adjugate().trace(), 2 * z - l1 - l2),
    )
    eta_forms = [(SHIFTS[alpha], l1, a), (SHIFTS[beta], l2, b)]
    account.move(
        r"The printed measures in the same variables are $\zeta$ times the laws of $a$ and $b$: this is the factor"
        r" $\zeta^2$, and theorem 1 is right as printed.",
        r"\mathrm{d}\mu_1 = \frac{1}{2 \pi} \sqrt{\frac{\eta' + 3 \zeta - \lambda_1}{\lambda_1 - \eta' + \zeta}}\;"
        r" \mathrm{d}\lambda_1 = \zeta\, p(a)\, \mathrm{d}a, \quad \mathrm{d}\mu_2 = \zeta\, p(b)\, \mathrm{d}b",
        identical(
            [sp.cancel(((s + 4 * zeta - l) / (l - s)).subs(SHIFTS)) for s, l, _ in eta_forms],
            [(4 - u) / u for *_, u in eta_forms],
        ),
        identical([sp.diff(l, u) for _, l, u in eta_forms], [zeta, zeta]),
    )
    linear = two_modes(shift=sp.S.Zero).subs(beta, 0)
    account.move(
        r"Linear $f$: $M$ has rank one. Half of the spectrum is an atom at 0, the other half the law of $\zeta (a + b)$.",
        r"\alpha = \beta = 0: \quad \det(z - M) = z \left(z - \zeta (a + b)\right)",
        identical((z * sp.eye(2) - linear).det(), z * (z - zeta * (a + b))),
    )


# --- landing


def land(account: Account) -> None:
    """The matrix and the integrand of the package."""
    from fimtheory.theory import single_layer as theory

    g0, g1 = sp.symbols("g0 g1", positive=True)
    account.land(
        "theory.single_layer.theorem_matrix",
        "The package's matrix, for a square layer and for widths $g_0 : 1 : g_1$.",
        rf"M(a, b) = {latex(theory.theorem_matrix(a, b))}",
        identical(two_modes().subs(SHIFTS), theory.theorem_matrix(a, b)),
        identical(two_modes(shift=g1 * alpha).subs(SHIFTS), theory.theorem_matrix(a, b, (g0, g1))),
    )
    l1, l2 = sp.symbols("lambda_1 lambda_2")
    account.land(
        "theory.single_layer.printed_integrand",
        "Eq. 20 as the package has it.",
        latex(theory.printed_integrand(z, l1, l2)),
        identical(printed_integrand(l1, l2).subs(SHIFTS), theory.printed_integrand(z, l1, l2)),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("Theorem 1: the spectrum of one hidden layer")
    jacobian(account)
    stein(account)
    mehler(account)
    kronecker_structure(account)
    singular_values(account)
    printed_integral(account)
    land(account)
    print(account)
    return account


if __name__ == "__main__":
    main()
