r"""Output weights at finite width and on finitely many inputs: clusters move, spread and turn; the law of all eigenvalues.

*Source*: ours; extends Takeishi, Iida, Takeuchi (2021), whose clusters are those of infinite width.
*Lands on*: `fimtheory.modes.cluster_shift`, `fimtheory.modes.cluster_spread`,
`fimtheory.modes.largest_eigenvalue_fluctuation`, `fimtheory.modes.eigenspaces`, `fimtheory.modes.exact_moments`,
`fimtheory.modes.deterministic_equivalent`.
*Departs from the text*: the paper's eigenvalues have no width and its inputs no number. Here the matrix is averaged over
independent units, and over independent inputs where these are finitely many, and is expanded about its mean.
*Assumptions*: the second moment is exact. Perturbation takes multiplicities small against the width; the law of all
eigenvalues takes harmonics at different units for independent vectors, which is heuristic. Every other step is exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import sympy as sp
from _network import gaussian_mean
from _steps import Account, identical

from fimtheory.latex import latex

t, z = sp.symbols("t z")
lam, mu, nu = sp.symbols("lambda mu nu", positive=True)

# Three functions on three equally likely units, orthonormal, of sizes that differ from unit to unit.
DESIGN = sp.Matrix([[1, 2, 2], [2, 1, -2], [2, -2, 1]]) / sp.sqrt(3)
VALUES = (lam, lam, mu)  # the first two are a cluster
UNITS = 2


def over_draws(f: Callable[[sp.Matrix], sp.Expr]) -> sp.Expr:
    """The mean of f(E) over all draws of ``UNITS`` units, E the deviation of J from its mean in coordinates of modes."""
    roots = sp.diag(*map(sp.sqrt, VALUES))
    total = sp.S.Zero
    for drawn in itertools.product(range(3), repeat=UNITS):
        rows = sp.Matrix([DESIGN[i, :] for i in drawn])
        total += f(roots * (rows.T * rows / UNITS - sp.eye(3)) * roots)
    return sp.expand(total / 3**UNITS)


def mean_product(*places: int) -> sp.Expr:
    """E g_a g_b ... over one unit of the design."""
    return sp.Rational(1, 3) * sum(sp.Mul(*(DESIGN[i, a] for a in places)) for i in range(3))


def coordinates(account: Account) -> None:
    """From the units to the modes."""
    account.define(
        r"The activation at unit $i$ and input $x$ is a sum over modes, $g_a$ orthonormal under the law of the weights and"
        r" $h_a$ under that of the inputs.",
        r"\phi(w_i \cdot x) = \sum_a \sqrt{\lambda_a}\, g_a(w_i)\, h_a(x), \quad J = \frac{1}{m}\, \mathbb{E}_x\,"
        r" \phi(W x)\, \phi(W x)^\top",
    )
    A = sp.Matrix(2, 3, sp.symbols("A_1:7"))
    account.move(
        r"So $J = A A^\top$ with $A_{ia} = \sqrt{\lambda_a}\, g_a(w_i) / \sqrt{m}$, and $\Sigma = A^\top A$ has the same"
        r" eigenvalues apart from zeros.",
        r"\det(z - A^\top A) = z^{P - m} \det(z - A A^\top)",
        identical(
            (z * sp.eye(3) - A.T * A).det(), sp.expand(z * (z * sp.eye(2) - A * A.T).det()), "for 2 units, 3 modes"
        ),
    )
    places = list(itertools.combinations_with_replacement(range(3), 2))
    found = [over_draws(lambda E, p=p, q=q: E[p] * E[q]) for p in places for q in places]
    expected = [
        sp.sqrt(sp.Mul(*(VALUES[a] for a in (*p, *q))))
        * (mean_product(*p, *q) - (p[0] == p[1]) * (q[0] == q[1]))
        / UNITS
        for p in places
        for q in places
    ]
    account.move(
        r"$\Sigma = \Lambda + E$ has the mean $\Lambda$, and units are independent.",
        r"\mathbb{E}\, E_{ab} E_{cd} = \frac{1}{m} \sqrt{\lambda_a \lambda_b \lambda_c \lambda_d}\, \left(\mathbb{E}\, g_a"
        r" g_b g_c g_d - \delta_{ab} \delta_{cd}\right)",
        identical(found, expected, "over all draws of 2 units from 3, with 3 modes"),
    )


def rotation() -> tuple[sp.Matrix, sp.Matrix, sp.Matrix]:
    """Lambda with a cluster of two and two other modes, a symmetric E, and the rotation that decouples the cluster."""
    L = sp.diag(lam, lam, mu, nu)
    E = sp.Matrix(4, 4, lambda i, j: sp.Symbol(f"E_{min(i, j)}{max(i, j)}"))
    X = sp.zeros(4)
    for b, p in itertools.product((2, 3), (0, 1)):
        X[b, p] = E[b, p] / (lam - L[b, b])
        X[p, b] = -X[b, p]
    return L, E, X


def perturbation(account: Account) -> None:
    """The cluster as a matrix of its own."""
    L, E, X = rotation()
    first = E + L * X - X * L
    second = E * X - X * E + (L * X * X - 2 * X * L * X + X * X * L) / 2
    seen = sp.Matrix(2, 2, lambda p, q: sum(E[p, b] * E[b, q] / (lam - L[b, b]) for b in (2, 3)))
    account.move(
        r"A rotation $e^{X}$ with $X_{bp} = E_{bp} / (\lambda_k - \lambda_b)$ takes the coupling of cluster $k$ to the rest"
        r" away, up to the second order in $E$; that moves eigenvalues at the third.",
        r"\left(e^{-X} (\Lambda + E)\, e^{X}\right)_{pq} = \lambda_k \delta_{pq} + E_{pq} + \sum_{b \notin k}"
        r" \frac{E_{pb} E_{bq}}{\lambda_k - \lambda_b} + O(E^3)",
        identical(first[:2, 2:], sp.zeros(2, 2)),
        identical(sp.simplify(second[:2, :2]), seen, "for a cluster of two and two other modes"),
    )
    shift = over_draws(lambda E: (E[0, 2] ** 2 + E[1, 2] ** 2) / (lam - mu) / 2)
    among = [sp.expand(mean_product(0, 0, b, b) + mean_product(1, 1, b, b)) for b in range(3)]
    account.move(
        r"On average $E_{pq}$ vanishes. The mean of the cluster's $N_k$ eigenvalues is repelled by the others.",
        r"\delta_k = \frac{\lambda_k}{m N_k} \sum_{l \neq k} \frac{\lambda_l S_{kl}}{\lambda_k - \lambda_l}, \quad"
        r" S_{kl} = \sum_{a \in k,\, b \in l} \mathbb{E}\, g_a^2 g_b^2",
        identical(shift, lam * mu * among[2] / (lam - mu) / (2 * UNITS), "over all draws of 2 units, a cluster of two"),
    )
    S = among[0] + among[1]
    spread = over_draws(lambda E: sum(e**2 for e in E[:2, :2]) / 2 - (E[:2, :2].trace() / 2) ** 2)
    mean = over_draws(lambda E: (E[:2, :2].trace() / 2) ** 2)
    account.move(
        r"To first order the cluster is the matrix $E_{pq}$: its eigenvalues spread about their mean, and this fluctuates.",
        r"\mathbb{E}\, \frac{1}{N_k} \sum_{p \in k} (\lambda_p - \bar\lambda)^2 = \frac{\lambda_k^2 S_{kk} (N_k - 1)}{m"
        r" N_k^2}, \quad \operatorname{Var} \bar\lambda = \frac{\lambda_k^2}{m} \left(\frac{S_{kk}}{N_k^2} - 1\right)",
        identical(spread, lam**2 * S / 4 / UNITS, "over the same draws"),
        identical(mean, lam**2 * (S / 4 - 1) / UNITS),
    )


def harmonics(account: Account) -> None:
    """What rotation invariance says of S."""
    x, y, w = sp.symbols("x y w")
    degree_two = [sp.sqrt(15) * e for e in (x * y, y * w, x * w, (x**2 - y**2) / 2)]
    degree_two.append(sp.sqrt(5) / 2 * (2 * w**2 - x**2 - y**2))
    account.move(
        r"Modes are $g_a = R_k(|w|)\, Y_a(w / |w|)$, and the squares of all harmonics of a degree add up to their number.",
        r"\sum_{a \in k} Y_a^2 = N_k, \quad S_{kl} = N_k N_l\, \mathbb{E}\, R_k^2 R_l^2",
        identical(
            sum(f**2 for f in degree_two), sp.expand(5 * (x**2 + y**2 + w**2) ** 2), "for degree 2 in 3 dimensions"
        ),
    )


def eigenvalue_of_both() -> tuple[sp.Expr, sp.Expr]:
    """First and second order of the eigenvalue near lambda of S (1 + tX) S (1 + tY), two modes."""
    x, y = (sp.Matrix(2, 2, [*sp.symbols(f"{c}_00 {c}_01"), *sp.symbols(f"{c}_01 {c}_11")]) for c in "xy")
    S = sp.diag(sp.sqrt(lam), sp.sqrt(mu))
    first, second = sp.symbols("l_1 l_2")
    M = S * (sp.eye(2) + t * x) * S * (sp.eye(2) + t * y)
    equation = sp.expand((M - (lam + t * first + t**2 * second) * sp.eye(2)).det())
    one = sp.solve(equation.coeff(t, 1), first)[0]
    two = sp.solve(equation.coeff(t, 2).subs(first, one), second)[0]
    return sp.simplify(one), sp.simplify(two)


def inputs(account: Account) -> None:
    """Averages over finitely many inputs."""
    account.define(
        r"With $N$ inputs the features are $\phi(w_i \cdot x_n)$. Units and inputs, independent of each other, have the"
        r" Gram matrices",
        r"\frac{1}{m} G^\top G = 1 + X, \quad \frac{1}{N} H^\top H = 1 + Y, \quad J = \frac{1}{m N}\, G \Lambda^{1/2}"
        r" H^\top H \Lambda^{1/2} G^\top",
    )
    G, H = (sp.Matrix(2, 2, sp.symbols(f"{c}_1:5")) for c in "gh")
    S = sp.diag(*map(sp.sqrt, (lam, mu)))
    J, product = G * S * H.T * H * S * G.T, H.T * H * S * G.T * G * S
    account.move(
        r"So the eigenvalues of $J$ that are not zero are those of a product.",
        r"J v = \lambda v, \; v = G \Lambda^{1/2} a \quad \Leftrightarrow \quad (1 + Y)\, \Lambda^{1/2} (1 + X)\,"
        r" \Lambda^{1/2} a = \lambda a",
        identical(J * G * S, G * S * product, "for two units, inputs and modes"),
    )
    one, two = eigenvalue_of_both()
    x00, x01, y00, y01 = sp.symbols("x_00 x_01 y_00 y_01")
    cross = lam * x00 * y00 + 2 * lam * sp.sqrt(lam * mu) * x01 * y01 / (lam - mu)
    account.move(
        r"The eigenvalue near $\lambda_0$, to second order. Products of an $X$ and a $Y$ have mean zero: inputs move and"
        r" spread clusters as units do, with $1/N$ for $1/m$ and the functions $h$ for $g$.",
        r"\lambda_0 \left[1 + X_{00} + Y_{00} + X_{00} Y_{00} + \frac{\lambda_1 X_{01}^2 + 2 \sqrt{\lambda_0 \lambda_1}\,"
        r" X_{01} Y_{01} + \lambda_1 Y_{01}^2}{\lambda_0 - \lambda_1}\right]",
        identical(one, lam * (x00 + y00), "for two modes"),
        identical(two, lam * mu * (x01**2 + y01**2) / (lam - mu) + cross),
    )


def trace_and_turning(account: Account) -> None:
    """Division by the trace; eigenvectors."""
    a, b = sp.symbols("a b")
    ratio = sp.series((1 + t * a) / (1 + t * b), t, 0, 3).removeO()
    account.move(
        r"Let the cluster's mean be $1 + a$ and the trace $1 + b$, relative to their limits, $a$ and $b$ averages over"
        r" units. The quotient adds $\operatorname{Var} b - \operatorname{Cov}(a, b)$ to the shift. For one power of $t$"
        r" both are the mean of $|w|^{2 \alpha}$: nothing is added, and the first-order fluctuation cancels.",
        r"\frac{1 + a}{1 + b} = 1 + (a - b) + (b^2 - a b) + \ldots",
        identical(ratio, 1 + t * (a - b) + t**2 * (b**2 - a * b)),
    )
    first, outside = turned()
    account.move(
        r"The eigenvector of the product, to first order: $a_0 = 1$ and",
        r"a_b = \frac{\lambda_0 Y_{b0} + \sqrt{\lambda_0 \lambda_b}\, X_{b0}}{\lambda_0 - \lambda_b}",
        identical(first, 0, "for two modes"),
    )
    account.move(
        r"What of $v = G \Lambda^{1/2} a$ is outside its own function, mode by mode. The second sum, for finitely many"
        r" inputs, has the overlaps of the functions $h$.",
        r"\sin^2 = \sum_b \left(\frac{\lambda_b X_{b0} + \sqrt{\lambda_0 \lambda_b}\, Y_{b0}}{\lambda_0 -"
        r" \lambda_b}\right)^2, \quad \mathbb{E} \sin^2 = \frac{1}{m N_k} \sum_{l \neq k} \frac{S_{kl}"
        r" \lambda_l^2}{(\lambda_k - \lambda_l)^2} + \frac{1}{N N_k} \sum_{l \neq k} \frac{S'_{kl} \lambda_k"
        r" \lambda_l}{(\lambda_k - \lambda_l)^2}",
        identical(outside, ((mu * X01 + sp.sqrt(lam * mu) * Y01) / (lam - mu)) ** 2, "for two modes"),
    )


X01, Y01 = sp.symbols("X_01 Y_01")


def turned() -> tuple[sp.Expr, sp.Expr]:
    """What the eigenvector leaves of its equation at first order, and how much of it is outside of its function."""
    X, Y = (sp.Matrix([[sp.Symbol(f"{c}_00"), e], [e, sp.Symbol(f"{c}_11")]]) for c, e in (("X", X01), ("Y", Y01)))
    S, K = sp.diag(sp.sqrt(lam), sp.sqrt(mu)), sp.eye(2) + t * X
    a = sp.Matrix([1, t * (lam * Y01 + sp.sqrt(lam * mu) * X01) / (lam - mu)])
    left = (((sp.eye(2) + t * Y) * S * K * S - lam * sp.eye(2)) * a)[1]
    v = S * a
    along = (K * v)[0] ** 2 / (K[0, 0] * (v.T * K * v)[0])
    return sp.simplify(sp.expand(left).coeff(t, 1)), sp.limit(sp.cancel((1 - along) / t**2), t, 0)


def second_moment(m: int | sp.Expr, n: int | sp.Expr, means: Sequence[sp.Expr]) -> sp.Expr:
    """E tr J^2 from the means over pairs that share nothing, a unit, an input, both."""
    none, unit, one_input, both = means
    u, v = 1 / sp.sympify(m), 1 / sp.sympify(n)
    return (1 - u) * (1 - v) * none + u * (1 - v) * unit + v * (1 - u) * one_input + u * v * both


def exact(account: Account) -> None:
    """The second moment without a limit."""
    table = sp.Matrix(3, 2, lambda i, n: sp.Symbol(f"f_{i}{n}"))  # phi at three possible units and two possible inputs

    def mean(f) -> sp.Expr:
        """f(unit, unit, input, input) over independent ones."""
        draws = itertools.product(range(3), range(3), range(2), range(2))
        return sp.expand(sum(f(*draw) for draw in draws) / sp.Integer(36))

    def square(i: int, j: int, n: int, p: int) -> sp.Expr:
        J = [[table[a, n] * table[b, n] + table[a, p] * table[b, p] for b in (i, j)] for a in (i, j)]
        return sum(e**2 for row in J for e in row) / sp.Integer(16)

    def shared(i: int, j: int, n: int, p: int) -> sp.Expr:
        return table[i, n] * table[j, n] * table[i, p] * table[j, p]

    means = [
        mean(shared),
        mean(lambda i, j, n, p: shared(i, i, n, p)),
        mean(lambda i, j, n, p: shared(i, j, n, n)),
        mean(lambda i, j, n, p: shared(i, i, n, n)),
    ]
    account.move(
        r"In $\operatorname{tr} J^2$ two units meet two inputs, and each of the two may be one and the same.",
        r"\mathbb{E} \operatorname{tr} J^2 = \left(1 - \tfrac{1}{m}\right) \left(1 - \tfrac{1}{N}\right) \sum_k N_k"
        r" \lambda_k^2 + \tfrac{1}{m} \left(1 - \tfrac{1}{N}\right) \mathbb{E}_w (\mathbb{E}_x \phi^2)^2 + \tfrac{1}{N}"
        r" \left(1 - \tfrac{1}{m}\right) \mathbb{E}_x (\mathbb{E}_w \phi^2)^2 + \tfrac{1}{m N}\, \mathbb{E}\, \phi^4",
        identical(mean(square), second_moment(2, 2, means), "for an arbitrary $\\phi$, 2 of 3 units and 2 of 2 inputs"),
    )


def whole_spectrum(account: Account) -> list[sp.Expr]:
    """All eigenvalues, multiplicities comparable with the width; their first two moments."""
    r, B = sp.symbols("r_1 r_2"), sp.Matrix([[*sp.symbols("p o")], [*sp.symbols("o q")]])
    row = sp.Matrix(r)
    form = (row.T * B.inv() * row)[0]
    account.move(
        r"A unit of size $\tau$ adds $\frac{\tau}{m} y y^\top$ to $\Sigma - z$, $B$ without it. With $\delta ="
        r" \frac{1}{m}\, y^\top B^{-1} y$ the unit's own entry in the resolvent of $J$ is $-1 / (z (1 + \tau \delta))$.",
        r"\frac{\tau}{m}\, y^\top \left(B + \frac{\tau}{m}\, y y^\top\right)^{-1} y = \frac{\tau \delta}{1 + \tau \delta}",
        identical(
            (t * row.T * (B + t * row * row.T).inv() * row)[0], sp.cancel(t * form / (1 + t * form)), "for 2 modes"
        ),
    )
    account.limit(
        r"$\delta$ settles at its mean, and the resolvent of $\Sigma$ is on average that of $\Lambda$ times a number, $-z\,"
        r" (1 + \Lambda t)$. With inputs of sizes $\sigma$ the same step is taken for them.",
        r"t = -\frac{A B}{z}, \quad m \delta = -\frac{B L}{z}, \quad N \delta' = -\frac{A L}{z}, \quad L = \sum_k"
        r" \frac{N_k \lambda_k}{1 + \lambda_k t}, \quad A = \mathbb{E}\, \frac{\tau}{1 + \tau \delta}, \quad B ="
        r" \mathbb{E}\, \frac{\sigma}{1 + \sigma \delta'}",
        "Heuristic: harmonics of one degree at different units are like independent vectors. Simulated networks of $d^2$"
        " units measure it.",
    )
    A, b, L, m, n = sp.symbols("A B L m N")
    level, delta = -A * b / t, -b * L / (m * z)
    seen = t * L / m
    account.move(
        r"Together they say $\delta A = t L / m$, and $\delta' B = t L / N$. On the sphere all sizes are one: $\delta A ="
        r" 1 - A$ and $\delta' B = 1 - B$, and $z$ is a function of $t$.",
        r"z = -\frac{1}{t} \left(1 - \frac{t L}{m}\right) \left(1 - \frac{t L}{N}\right)",
        identical((delta * A).subs(z, level), seen),
        identical(sp.cancel((1 / (1 + delta) - A).subs(z, level).subs(A, 1 - seen)), 0),
    )
    G = sp.Symbol("G")
    level = -(1 - t * n * lam / (1 + lam * t) / m) / t
    G_of_t = (1 - t * n * lam / (1 + lam * t) / m) / level  # (1 - delta A)/z
    law = lam * z * G**2 - (z - lam * (n / m - 1)) * G + 1  # quadratic equation of m x m matrices with n modes
    account.move(
        r"One cluster of $n$ modes: $G = -t$, and $t$ solves a quadratic equation, that of Marchenko and Pastur for the"
        r" $m \times m$ matrix.",
        r"\lambda z G^2 - \left(z - \lambda \left(\tfrac{n}{m} - 1\right)\right) G + 1 = 0",
        identical(sp.cancel(G_of_t), -t),
        identical(sp.cancel(law.subs({z: level, G: -t})), 0),
    )
    return moments(account)


def moments(account: Account) -> list[sp.Expr]:
    """The first two moments of the law, from the equations in powers of 1/z."""
    T, S2, kappa, kappa_x, m, N, zeta = sp.symbols("T S_2 kappa kappa_x m N zeta")
    delta, primed = sp.S.Zero, sp.S.Zero
    for _ in range(3):  # one more coefficient in zeta = 1/z is right after each
        A, B = 1 - kappa * delta, 1 - kappa_x * primed
        L = T + zeta * A * B * S2
        delta, primed = (
            sum(sp.expand(e).coeff(zeta, k) * zeta**k for k in range(3)) for e in (-zeta * B * L / m, -zeta * A * L / N)
        )
    series = sp.expand(-delta * (1 - kappa * delta))
    found = [series.coeff(zeta, k) for k in (1, 2)]
    expected = [T / m, S2 / m + kappa * T**2 / m**2 + kappa_x * T**2 / (m * N)]
    account.move(
        r"In powers of $1/z$, with $T = \sum_k N_k \lambda_k$ and $\kappa = \mathbb{E}\, \tau^2$, $\kappa' = \mathbb{E}\,"
        r" \sigma^2$: the exact second moment up to relative orders $1/m$ and $1/N$.",
        r"\frac{1}{m} \operatorname{tr} J^2 = \frac{1}{m} \sum_k N_k \lambda_k^2 + \kappa\, \frac{T^2}{m^2} + \kappa'\,"
        r" \frac{T^2}{m N}",
        identical(found, expected),
    )
    return [e.subs({T: 45, S2: 705, kappa: KAPPA, kappa_x: KAPPA, m: 10, N: 20}) for e in found]


KAPPA = sp.Rational(21, 5)  # E r^8/(E r^4)^2 of a Gaussian vector in three dimensions


def square_units(account: Account) -> dict[str, sp.Expr]:
    """phi = t^2 in three dimensions: all of it in rational numbers."""
    w, v = sp.symbols("w_1:4"), sp.symbols("v_1:4")
    law = dict.fromkeys(v, sp.S.One)
    dot, size = sum(a * b for a, b in zip(w, v, strict=True)), sum(a**2 for a in v)
    kernel = sum(a**2 for a in w) * size + 2 * dot**2
    account.move(
        r"For $\phi(t) = t^2$ in three dimensions the kernel is a polynomial with two clusters, $\lambda_0 = 25$ once and"
        r" $\lambda_2 = 4$ five times. All lengths enter as $|w|^4$.",
        r"K(w, w') = |w|^2 |w'|^2 + 2 (w \cdot w')^2, \quad \kappa = \frac{\mathbb{E} |w|^8}{(\mathbb{E} |w|^4)^2} = "
        + latex(KAPPA),
        identical(gaussian_mean(sp.expand(kernel * size), law), sp.expand(25 * sum(a**2 for a in w))),
        identical(gaussian_mean(sp.expand(kernel * v[0] * v[1]), law), 4 * w[0] * w[1]),
        identical(gaussian_mean(sp.expand(size**4), law) / gaussian_mean(sp.expand(size**2), law) ** 2, KAPPA),
    )
    top, second, copies = sp.Integer(25), sp.Integer(4), 5
    trace, gap = top + copies * second, top - second
    eighth = gaussian_mean(sp.expand(sum(a**2 for a in w) ** 4), dict.fromkeys(w, sp.S.One))
    account.move(
        r"Its fourth power.",
        r"\mathbb{E}_x\, (w \cdot x)^8 = 105\, |w|^8",
        identical(gaussian_mean(sp.expand(dot**8), law), sp.expand(105 * sum(a**2 for a in w) ** 4)),
    )
    means = [top**2 + copies * second**2, KAPPA * trace**2, KAPPA * trace**2, 105 * eighth]
    return {
        "shift": top * copies * second * KAPPA / gap,
        "spread": second**2 * KAPPA * (copies - 1),
        "variance": top**2 * (KAPPA - 1),
        "turning": copies * KAPPA * (second / gap) ** 2,
        "turning by inputs": copies * KAPPA * top * second / gap**2,
        "second moment": second_moment(10, 20, means),
    }


# --- landing


def land(account: Account, expected: dict[str, sp.Expr], two_moments: list[sp.Expr]) -> None:
    """The package on the same activation, over all inputs and over N = 2 m."""
    from fimtheory import catalogue
    from fimtheory.theory.kernel_modes import KernelModes
    from fimtheory.theory.mode_equivalent import ModeSpectrum
    from fimtheory.theory.mode_fluctuations import OutputFisher

    modes = KernelModes("x**2", 3, 2)
    wide, both = OutputFisher(modes), OutputFisher(modes, sp.Integer(2))
    three_halves = sp.Rational(3, 2)  # 1/m + 1/N in units of 1/m

    def land_on(place: str, found: list[float], what: list[sp.Expr]) -> None:
        claim = catalogue.find(f"fimtheory.modes.{place}")
        account.land(
            claim.id,
            r"The package's numbers for $\phi(t) = t^2$ in three dimensions.",
            claim.statement,
            identical([_rational(x) for x in found], what),
        )

    shift, spread, variance = (expected[name] for name in ("shift", "spread", "variance"))
    moved = [wide.shift(1), both.shift(1), wide.normalised_shift(1), both.normalised_shift(1)]
    land_on("cluster_shift", moved, [shift, shift * three_halves] * 2)
    land_on("cluster_spread", [wide.spread(2), both.spread(2)], [spread, spread * three_halves])
    land_on(
        "largest_eigenvalue_fluctuation",
        [wide.largest_variance, both.largest_variance],
        [variance, variance * three_halves],
    )
    turning = [wide.turning(1), (both.turning(1) - wide.turning(1)) * 2]
    land_on("eigenspaces", turning, [expected["turning"], expected["turning by inputs"]])
    land_on("exact_moments", [both.second_moment(10)], [expected["second moment"]])
    law = ModeSpectrum(modes, 10, 20)
    land_on("deterministic_equivalent", list(law.moments(2)), two_moments)


def _rational(x: float) -> sp.Rational:
    """The fraction of a denominator up to 10^6 that a float stands for; the float itself, where it is further off."""
    simple = sp.Rational(float(x)).limit_denominator(10**6)
    return simple if abs(float(simple) - x) <= 1e-11 * abs(x) else sp.Rational(float(x))


def main() -> Account:
    """Derive, land, print."""
    account = Account("Output weights at finite width")
    coordinates(account)
    perturbation(account)
    harmonics(account)
    inputs(account)
    trace_and_turning(account)
    exact(account)
    two_moments = whole_spectrum(account)
    land(account, square_units(account), two_moments)
    print(account)
    return account


if __name__ == "__main__":
    main()
