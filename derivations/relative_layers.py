r"""Metrics of layers and networks: from the law of the response to J' S J, and what ranks it leaves.

*Source*: Sun, Nielsen (2016), sections 3.2, 3.3 and 4, eqs. 22 to 27 and 64 to 81.
*Lands on*: `sun2016.eq65`, `sun2016.eq25`, `sun2016.eq26`, `fimtheory.relative.softmax_null_space`,
`fimtheory.relative.rescaling`, `sun2016.sec4_rank`.
*Departs from the text*: eqs. 26 and 81 have nu_f where the derivative f' belongs; both are equal exactly where the
argument of f is the natural parameter of the response. The constant of eq. 65 lacks the factor D_y. The rank n D_h of
section 4 is bounded by D_h (D_x + 1) as well.
*Assumptions*: given the weights below and the inputs, hidden layers are deterministic; laws are smooth in their parameters.
Everything is exact. Where a statement about all sizes is checked on some, the account names them.
"""

from __future__ import annotations

import itertools

import sympy as sp
from _steps import Account, agreeing, identical, random_points

x = sp.Matrix(sp.symbols("x_1:3", real=True))
W = sp.Matrix(2, 2, sp.symbols("w_1:5", real=True))  # columns are units
C = sp.Matrix(2, 2, sp.symbols("c_1:5", real=True))
THETA = [*W.col(0), *W.col(1)]
ODDS = sp.symbols("s_1:4", positive=True)  # e^z of three logits
PAIR = (sp.Symbol("p", positive=True), 1 - sp.Symbol("p", positive=True))  # probabilities of two classes
f, sigma, t = sp.Function("f"), sp.Symbol("sigma", positive=True), sp.Symbol("t", real=True)
TWO = "for two units and two inputs"
THREE = "for three classes"


def lowest(side) -> list[sp.Expr]:
    """Entries in lowest terms: equal quotients look the same."""
    return [sp.cancel(e) for e in side]


def shares(weights) -> list[sp.Expr]:
    """p of e^z."""
    return [s / sp.Add(*weights) for s in weights]


def covariance(p) -> sp.Matrix:
    """diag(p) - p p'."""
    return sp.diag(*p) - sp.Matrix(p) * sp.Matrix(p).T


def slope_at(u: sp.Expr) -> sp.Expr:
    """f' at a point, for any f."""
    return sp.diff(f(t), t).subs(t, u)


def block(S: sp.Matrix, slopes: list[sp.Expr]) -> sp.Matrix:
    """The metric of W in z = C' f(W' x): G_ij = (C S C')_ij f'(t_i) f'(t_j) x x', unit by unit."""
    D = sp.diag(*slopes)
    return sp.kronecker_product(D * C * S * C.T * D, x * x.T)


def response(account: Account) -> None:
    """The information of the response in the outputs."""
    account.define(
        r"The outputs $z$ of a layer are the parameters of a law of the observation $y$. All that its law says on"
        r" changes of $z$ is the covariance of the score.",
        r"S(z) = \mathbb{E} \left[\frac{\partial \ln p}{\partial z} \frac{\partial \ln p}{\partial z^\top}\right]",
    )
    p, entries = shares(ODDS), list(itertools.product(range(3), repeat=2))
    derivative = lambda e, k: ODDS[k] * sp.diff(e, ODDS[k])  # d/dz_k of a function of e^z  # noqa: E731
    S = covariance(p)
    scores = [[derivative(sp.log(q), k) for k in range(3)] for q in p]
    account.move(
        r"One of $m$ classes, $p(y) = \eta_y = e^{z_y} / \sum_i e^{z_i}$: the score is $e_y - \eta$, and its second"
        r" derivative is the same for every class that may be observed.",
        r"\frac{\partial \ln p(y)}{\partial z_j} = \delta_{yj} - \eta_j, \quad \frac{\partial^2 \ln p(y)}{\partial"
        r" z_j\, \partial z_k} = -\eta_j \delta_{jk} + \eta_j \eta_k, \quad S = \operatorname{diag}(\eta) - \eta"
        r" \eta^\top",
        identical(lowest(s for row in scores for s in row), lowest(int(y == k) - p[k] for y, k in entries), THREE),
        identical(
            lowest(derivative(scores[y][j], k) for y in range(3) for j, k in entries),
            lowest([-S[j, k] for j, k in entries] * 3),
            THREE,
        ),
        identical(
            lowest(sp.Add(*(q * s[j] * s[k] for q, s in zip(p, scores, strict=True))) for j, k in entries),
            lowest(S[j, k] for j, k in entries),
            THREE,
        ),
    )


def density(account: Account) -> list[sp.Expr]:
    """The constant of a Gaussian layer."""
    y, mu = sp.symbols("y mu", real=True)
    one = sp.integrate(sp.exp(-((y - mu) ** 2) / (2 * sigma**2)), (y, -sp.oo, sp.oo))
    constants = [-m * sp.log(2 * sp.pi * sigma**2) / 2 for m in (1, 2, 3)]
    account.move(
        r"$D_y$ independent Gaussian outputs of variance $\sigma^2$: each of them brings its own factor $(2 \pi"
        r" \sigma^2)^{-1/2}$, so that $\ln 2 \pi$ has the factor $D_y$, which eq. 65 prints for $\ln \sigma^2$ only.",
        r"\ln p(y) = -\frac{D_y}{2} \ln 2 \pi - \frac{D_y}{2} \ln \sigma^2 - \frac{1}{2 \sigma^2} \sum_i (y_i -"
        r" z_i)^2, \quad S = \frac{1}{\sigma^2} I",
        identical([sp.exp(c) * one**m for m, c in enumerate(constants, start=1)], [1, 1, 1], "for $D_y = 1, 2, 3$"),
    )
    return constants


def chain_rule(account: Account) -> None:
    """J' S J, for a layer."""
    z = (W.T * x).T
    J = z.jacobian(THETA)
    account.move(
        r"The chain rule. With $J = \partial z / \partial \theta$ the score in $\theta$ is $J^\top$ times that in $z$,"
        r" and $J$ is no random variable. For $z = W^\top x$ the rows of $J$ are those of a tensor product, parameters"
        r" being the columns of $W$ one below the other.",
        r"g(\theta) = J^\top S\, J, \quad z = W^\top x: \quad J = I_m \otimes x^\top, \quad g(W) = S \otimes x x^\top",
        identical(J, sp.kronecker_product(sp.eye(2), x.T), TWO),
        identical(
            _direct(z),
            sp.kronecker_product(covariance(PAIR), x * x.T),
            f"{TWO}, from the log density of two classes",
        ),
        identical(
            J.T * (sp.eye(2) / sigma**2) * J,
            sp.diag(x * x.T, x * x.T) / sigma**2,
            f"{TWO}, the block diagonal matrix of eq. 22",
        ),
    )


def _direct(z: sp.Matrix) -> sp.Matrix:
    """E[score score'] of two classes with the logits z(theta), without the chain rule.

    Scores depend on ratios of the e^z alone, which may thus be replaced by the probabilities.
    """
    log = [z[y] - sp.log(sp.exp(z[0]) + sp.exp(z[1])) for y in range(2)]
    named = {sp.exp(z[k]): PAIR[k] for k in range(2)}
    scores = [sp.Matrix([sp.diff(e, s).subs(named) for s in THETA]) for e in log]
    total = sp.zeros(len(THETA))
    for p, score in zip(PAIR, scores, strict=True):
        total += p * score * score.T
    return total


def two_layers(account: Account) -> None:
    """The metric of the first of two layers, and what is printed."""
    hidden = (W.T * x).applyfunc(f)
    z = (C.T * hidden).T
    slopes = [slope_at(u) for u in W.T * x]
    account.move(
        r"Two layers, $z = C^\top f(W^\top x)$, with $C$ given. $\partial h_i / \partial w_i = f'(w_i^\top x)\, x$"
        r" whatever the law of a response of the hidden units would be, since none is drawn: eqs. 26 and 81 have"
        r" $\nu_f$ in that place.",
        r"J = C^\top \operatorname{diag}(f'(w_i^\top x)) \otimes x^\top, \quad G_{ij} = (C S C^\top)_{ij}\,"
        r" f'(w_i^\top x)\, f'(w_j^\top x)\, x x^\top",
        identical(z.jacobian(THETA), sp.kronecker_product(C.T * sp.diag(*slopes), x.T), f"{TWO}, any $f$"),
        identical(_direct(z), block(covariance(PAIR), slopes), f"{TWO} and two classes, any $f$"),
    )
    slope, V = sp.symbols("f' V", positive=True)
    mean = 1 / (1 + sp.exp(-t))
    canonical = [(sp.tanh(t), 1 - sp.tanh(t) ** 2), (mean, sp.expand(mean * (1 - mean)))]
    account.move(
        r"A response of mean $f$ and variance $V$ has $\nu_f = f'^2/V$, which is $f'$ exactly where $V = f'$ (or $f' ="
        r" 0$): where $t$ is the natural parameter of the response, as for tanh in $\{-1, 1\}$ and for the logistic"
        r" function in $\{0, 1\}$. For a Gaussian one it takes $f' = \sigma^2$: ReLU with $\iota = 0$, $\sigma = 1$,"
        r" not ELU.",
        r"\nu_f - f' = \frac{f'}{V} (f' - V)",
        identical(slope**2 / V - slope, slope / V * (slope - V)),
        identical(
            [sp.diff(g, t) for g, _ in canonical], [v for _, v in canonical], "for tanh and the logistic function"
        ),
    )


def null_directions(account: Account) -> None:
    """Where the softmax has no length."""
    p, v = sp.symbols("p_1:4", positive=True), sp.symbols("v_1:4", real=True)
    rest = {p[2]: 1 - p[0] - p[1]}
    form = (sp.Matrix(v).T * covariance(p) * sp.Matrix(v))[0]
    spread = sp.Add(*(p[i] * p[j] * (v[i] - v[j]) ** 2 for i, j in itertools.combinations(range(3), 2)))
    account.move(
        r"The quadratic form of the softmax is a variance. It vanishes only for equal numbers, as all $\eta_i$ are"
        r" positive: the rank of $S$ is $m - 1$, and the product of its other eigenvalues does not vanish.",
        r"v^\top S v = \sum_{i < j} \eta_i \eta_j (v_i - v_j)^2, \quad S \mathbf{1} = 0, \quad \det"
        r" \left(S_{jk}\right)_{j, k < m} = \eta_1 \cdots \eta_m",
        identical(form.subs(rest), spread.subs(rest), THREE),
        identical((covariance(p) * sp.ones(3, 1)).subs(rest), sp.zeros(3, 1), THREE),
        identical(covariance(p)[:2, :2].det().subs(rest), (p[0] * p[1] * p[2]).subs(rest), THREE),
    )
    ranks = {(n, D, m): _softmax_rank(n, D, m) for n, D, m in ((1, 2, 3), (2, 2, 3), (4, 2, 3), (2, 3, 2), (5, 3, 3))}
    account.move(
        r"A batch has the mean of these forms at $v = V^\top x_n$: null are the $V$ whose columns have the same"
        r" products with every input, so that $g$ has the rank of $m - 1$ copies of the inputs.",
        r"\langle V, V \rangle_g = \frac{1}{n} \sum_n \sum_{i < j} \eta_i \eta_j \left((v_i - v_j)^\top x_n\right)^2,"
        r" \quad \operatorname{rank} g(W) = (m - 1) \operatorname{rank} \{x_n\}",
        identical(
            [*ranks.values()],
            [(m - 1) * min(n, D) for n, D, m in ranks],
            "on inputs in general position, for $(n, D, m) = " + ", ".join(map(str, ranks)) + "$",
        ),
    )


def inputs(n: int, D: int) -> sp.Matrix:
    """n inputs in general position: powers of different numbers."""
    return sp.Matrix(n, D, lambda i, k: sp.Integer(i + 2) ** k)


def _softmax_rank(n: int, D: int, m: int) -> int:
    """The rank of a batch with fixed probabilities, in whole numbers."""
    X, total = inputs(n, D), sp.zeros(D * m)
    for i in range(n):
        p = shares([sp.Integer(1 + (i + k) % 3) for k in range(m)])
        total += sp.kronecker_product(covariance(p), X.row(i).T * X.row(i))
    return total.rank()


def layer_rank(n: int, D: int, active: list[list[int]]) -> int:
    """The rank of a batch of n inputs for units that are active on some of them, with nu = 1 there."""
    X, total = inputs(n, D), sp.zeros(D * len(active))
    for i in range(n):
        total += sp.kronecker_product(sp.diag(*(int(i in unit) for unit in active)), X.row(i).T * X.row(i))
    return total.rank()


def ranks(account: Account) -> dict[tuple[int, int], int]:
    """One layer of independent units."""
    found = {
        (n, D): layer_rank(n, D, [list(range(n))] * 2) for n, D in ((1, 3), (2, 3), (3, 3), (4, 3), (6, 3), (5, 2))
    }
    account.move(
        r"Units that respond by themselves. $S$ is diagonal, and unit $i$ has the matrix $\sum_n \nu_i(n)\, x_n"
        r" x_n^\top / n$, of the rank of its inputs with $\nu_i(n) > 0$: no more than $D_x + 1$, bias included,"
        r" however many there are. For $n > D_x + 1$ the bound $n D_h$ of section 4 is not achievable.",
        r"\operatorname{rank} g^h(W) = \sum_i \operatorname{rank} \{x_n : \nu_i(n) > 0\} \leq D_h \min(n, D_x + 1)",
        identical(
            [*found.values()],
            [2 * min(n, D) for n, D in found],
            "for two units and $(n, D_x + 1) = " + ", ".join(map(str, found)) + "$",
        ),
        identical(
            [layer_rank(5, 3, [[0], [1, 2], [0, 1, 3, 4], []])], [1 + 2 + 3], "for four units with inactive inputs"
        ),
    )
    return found


def rescaling(account: Account) -> None:
    """Directions that no response sees."""
    u, c = W.col(0), C.row(0)
    hidden = (W.T * x).applyfunc(f)
    z = (C.T * hidden).T
    parameters, direction = [*u, *c], [*u, *(-c)]
    moved = z.jacobian(parameters) * sp.Matrix(direction)
    a, T = sp.Symbol("a", real=True), (W.T * x)[0]
    euler = slope_at(T) * T - f(T)
    account.move(
        r"A network. Let weights into a hidden unit grow and those out of it shrink. The outputs move by what is"
        r" missing in Euler's identity, $t f'(t) = f(t)$, which holds for ReLU and its relatives, $f(t) = a t$ on"
        r" either side of $0$: these directions have no length in any metric.",
        r"\delta w_i = w_i,\; \delta c_i = -c_i: \quad J\, \delta = c_i \left(t_i f'(t_i) - f(t_i)\right)",
        identical(moved, (euler * c).T, f"{TWO}, any $f$"),
        identical(sp.diff(a * t, t) * t - a * t, 0),
    )


def last_layer(account: Account) -> None:
    """The relation of relative metrics and blocks of the whole."""
    D, B = sp.diag(*sp.symbols("d_1:3", real=True)), sp.Matrix(2, 2, sp.symbols("b_1:5", real=True))
    S, c = sp.Matrix([[sp.Symbol("s_11"), sp.Symbol("s_12")], [sp.Symbol("s_12"), sp.Symbol("s_22")]]), sp.Symbol("c")
    account.move(
        r"Of the whole network a layer sees the block $\mathcal{I}_{ll} = (D B^\top S B D) \otimes h h^\top$, $D ="
        r" \operatorname{diag} f'$, $B = \partial z / \partial h_l$. The last layer has no $D$ and no $B$: its block"
        r" is its own metric. Below, a Gaussian response of the layer itself has $D^2/\sigma^2$ in this place, and"
        r" bounds it.",
        r"\frac{c}{\sigma^2}\, D^2 - D B^\top S B D = D \left(\frac{c}{\sigma^2} I - B^\top S B\right) D \succeq 0"
        r" \quad \text{for } c \geq \sigma^2 \lambda_{\max}(B^\top S B)",
        identical(c / sigma**2 * D**2 - D * B.T * S * B * D, D * (c / sigma**2 * sp.eye(2) - B.T * S * B) * D),
    )


# --- landing


def land(account: Account, constants: list[sp.Expr], counted: dict[tuple[int, int], int]) -> None:
    """The functions and claims of the package."""
    import numpy as np

    from fimtheory import catalogue
    from fimtheory.theory import relative_layers as layers
    from fimtheory.theory import relative_ranks as package

    claims = {name: catalogue.find(f"sun2016.{name}") for name in ("eq65", "eq25", "eq26", "sec4_rank")}
    ours = {name: catalogue.find(f"fimtheory.relative.{name}") for name in ("softmax_null_space", "rescaling")}
    stated = claims["eq65"].predict()
    one = sp.sqrt(2 * sp.pi) * sigma
    account.land(
        claims["eq65"].id,
        "The density of the package has the same constant.",
        claims["eq65"].statement,
        identical(
            [stated[f"{m} outputs"].left.subs(sp.Symbol("s", positive=True), sigma) for m in (1, 2, 3)],
            [sp.exp(e) * one**m for m, e in enumerate(constants, start=1)],
        ),
    )
    account.land(
        claims["eq25"].id,
        "The package's output metric of two classes at the logits $(t, 0)$.",
        claims["eq25"].statement,
        agreeing(
            lambda s: _angle(s),
            lambda s: float(layers.output_metric("softmax", [[float(s), 0.0]])[0, 0, 1]),
            "t",
            random_points(-2, 2, 3, seed=3),
        ),
    )
    numbers = dict(zip([*x, *THETA, *C], map(sp.Integer, (2, -1, 3, 1, 1, -2, 1, 2, -3, 1)), strict=True))
    point = [np.array(e.subs(numbers), float) for e in (W, C, x.T)]
    squared = [2 * u for u in W.T * x]  # the slopes of f = t^2
    account.land(
        claims["eq26"].id,
        "The package's metric of two layers for $f(t) = t^2$, on small integers.",
        claims["eq26"].statement,
        identical(
            sp.Matrix(layers.two_layers("gaussian:linear", "x**2", *point).matrix).applyfunc(sp.Rational),
            block(sp.eye(2), squared).subs(numbers),
        ),
    )
    few, classes = np.array(inputs(2, 3), float), 3
    basis = package.softmax_null_space(few, classes)
    account.land(
        ours["softmax_null_space"].id,
        "The dimension of the package's null space, for two inputs of three numbers and three classes.",
        ours["softmax_null_space"].statement,
        identical([basis.shape[1]], [3 * classes - _softmax_rank(2, 3, classes)]),
    )
    zero = sp.S.Zero
    directions = package.scaling_directions([point[0], point[1]])
    account.land(
        ours["rescaling"].id,
        "The package's directions on the same integers.",
        ours["rescaling"].statement,
        identical(
            [sp.Rational(e) for e in directions[:, 0]],
            [e.subs(numbers) for e in (*W.col(0), zero, zero, -C[0, 0], zero, -C[0, 1], zero)],
        ),
    )
    account.land(
        claims["sec4_rank"].id,
        "The package's bound for one layer of two units, attained.",
        claims["sec4_rank"].statement,
        identical([package.one_layer_rank_bound(n, D, 2) for n, D in counted], [*counted.values()]),
    )


def _angle(t):
    """S_12 at the logits (t, 0)."""
    from mpmath import mp

    return sp.lambdify(PAIR[0], covariance(PAIR)[0, 1], "mpmath")(1 / (1 + mp.exp(-t)))


def main() -> Account:
    """Derive, land, print."""
    account = Account("Relative metrics of layers and networks")
    response(account)
    constants = density(account)
    chain_rule(account)
    two_layers(account)
    null_directions(account)
    counted = ranks(account)
    rescaling(account)
    last_layer(account)
    land(account, constants, counted)
    print(account)
    return account


if __name__ == "__main__":
    main()
