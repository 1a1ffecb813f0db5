r"""Gradient descent on the output weights of one hidden layer: from the gradient to one curve for every mode, and momentum;
then what finitely many units and inputs change in the mean.

*Source*: Ho, Takeishi, Takeuchi (2025), abstract: gradient descent prioritises the leading eigendirections.
*Lands on*: `fimtheory.learning.modes`, `fimtheory.learning.loss`, `fimtheory.learning.stability`,
`fimtheory.learning.momentum`, `fimtheory.learning.finite_width`.
*Departs from the text*: the text says which functions are learned first; here each has its curve, at every degree.
*Assumptions*: exact for any features up to the limit; the limit and its first correction hold as m and N grow.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import sympy as sp
from _steps import Account, identical

eta, beta = sp.symbols("eta_rate beta", positive=True)
lam, x = sp.symbols("lambda_1 x", real=True)
INPUTS, UNITS = 3, 2
WHERE = f"for arbitrary features of {UNITS} units on {INPUTS} inputs"
MOST = 4  # steps that are multiplied out


def missing(t: int, value: sp.Expr = lam) -> sp.Expr:
    """h_t: the share of a mode that is missing after t steps."""
    return (1 - eta * value) ** t


def features() -> sp.Matrix:
    """phi(w_i . x_n)/sqrt(m), (N, m)."""
    return sp.Matrix(INPUTS, UNITS, lambda n, i: sp.Symbol(f"phi_{n}_{i}"))


def loss(outputs: sp.Matrix, target: sp.Matrix) -> sp.Expr:
    """(1/2N) sum (f - f*)^2."""
    return sum(e**2 for e in outputs - target) / (2 * INPUTS)


def function_space(account: Account) -> None:
    """The gradient, and the step of the outputs that it makes."""
    account.define(
        r"Output weights $v$, features $\Phi_{n i} = \varphi(w_i \cdot x_n)/\sqrt{m}$, $N$ inputs.",
        r"f = \Phi v, \quad \mathcal{L} = \frac{1}{2 N} \|f - f^*\|^2, \quad v_{t+1} = v_t - \eta\, \nabla_v \mathcal{L}",
    )
    phi, v = features(), sp.Matrix(sp.symbols(f"v_0:{UNITS}"))
    y = sp.Matrix(sp.symbols(f"y_0:{INPUTS}"))
    gradient = sp.Matrix([sp.diff(loss(phi * v, y), one) for one in v])
    account.move(
        r"The loss is quadratic in $v$; its curvature $J$ is the Fisher matrix of the output weights.",
        r"\nabla_v \mathcal{L} = J v - b, \quad J = \tfrac{1}{N} \Phi^\top \Phi, \quad b = \tfrac{1}{N} \Phi^\top f^*",
        identical(gradient, (phi.T * phi * v - phi.T * y) / INPUTS, WHERE),
    )
    K = phi * phi.T / INPUTS
    account.move(
        r"So what is missing of the target is multiplied by one matrix at every step.",
        r"f^* - f_{t+1} = (I - \eta K)\, (f^* - f_t), \quad K = \tfrac{1}{N} \Phi \Phi^\top",
        identical(y - phi * (v - eta * gradient), (sp.eye(INPUTS) - eta * K) * (y - phi * v), WHERE),
    )


def curves(account: Account) -> None:
    """One mode: geometric sum, boundary, loss."""
    account.limit(
        r"As $m$ and $N$ grow, $K$ becomes the kernel $\mathbb{E}_w\, \varphi(w \cdot x)\, \varphi(w \cdot x')$ on"
        r" functions of $x$: a function $F_a$ of degree $k$ in the mode $a$ is multiplied by $\lambda_a$.",
        r"K F_a = \lambda_a F_a, \quad \mathbb{E}\, F_a F_b = \delta_{ab}",
        "Ladders of trained networks are under fimtheory.learning.modes.",
    )
    learned = [sum(eta * lam * missing(s) for s in range(t)) for t in range(MOST)]
    account.move(
        r"Every component learns by itself, a geometric sum. A mode of eigenvalue zero is never learned.",
        r"\langle f_t, F_a \rangle = \sum_{s < t} \eta \lambda_a\, (1 - \eta \lambda_a)^s\, f^*_a ="
        r" \left(1 - (1 - \eta \lambda_a)^t\right) f^*_a",
        identical([1 - missing(t) for t in range(MOST)], learned, f"for $t < {MOST}$"),
    )
    account.move(
        r"What is missing shrinks if and only if $0 < \eta \lambda_a < 2$: all of it, if the largest eigenvalue allows.",
        r"(1 - \eta \lambda)^2 - 1 = \eta \lambda\, (\eta \lambda - 2)",
        identical(missing(2) - 1, eta * lam * (eta * lam - 2)),
    )
    a, b, s = sp.symbols("f_a f_b sigma_0", real=True)
    la, lb = sp.symbols("lambda_a lambda_b", positive=True)
    g = sp.symbols("g_a g_b", real=True)
    start = [s * sp.sqrt(value) * one for value, one in zip((la, lb), g, strict=True)]  # sigma_0 sqrt(lambda) N(0, 1)
    parts = [(one - own) ** 2 * missing(2, value) for one, own, value in zip((a, b), start, (la, lb), strict=True)]
    account.move(
        r"The loss is half the sum of squares. Random $v(0)$ of variance $\sigma_0^2$ starts $f$ with the covariance"
        r" $\sigma_0^2 K$: independent components of variance $\sigma_0^2 \lambda_a$, to be unlearned at the same rates.",
        r"\mathcal{L}_t = \frac{1}{2} \sum_a \left({f^*_a}^2 + \sigma_0^2 \lambda_a\right) (1 - \eta \lambda_a)^{2t}",
        identical(_gaussian_mean(sum(parts), g), _expected(((a, la), (b, lb)), s, 1) * 2, "for two modes, $t = 1$"),
    )


def _gaussian_mean(e: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> sp.Expr:
    """The mean over independent N(0, 1) variables of a polynomial of degree two in each."""
    for g in symbols:
        p = sp.Poly(sp.expand(e), g)
        e = p.coeff_monomial(1) + p.coeff_monomial(g**2)
    return e


def _expected(parts: tuple[tuple[sp.Expr, sp.Expr], ...], s: sp.Expr, t: int) -> sp.Expr:
    """(1/2) sum (f*_a^2 + sigma_0^2 lambda_a) h_t^2."""
    return sum((f**2 + s**2 * value) * missing(2 * t, value) for f, value in parts) / 2


def heavy_ball(t: int, value: sp.Expr = lam) -> sp.Expr:
    """h_t with momentum, one step after another."""
    before, here = sp.S.One, 1 - eta * value
    for _ in range(t):
        before, here = here, sp.expand((1 + beta - eta * value) * here - beta * before)
    return before


def momentum(account: Account) -> None:
    """Heavy ball: the recursion of one mode, its two roots, its boundary."""
    v, w, b, z = sp.symbols("v w b z")  # here, one step before
    target = b / lam
    after = v - eta * (lam * v - b) + beta * (v - w)
    account.move(
        r"With momentum $v_{t+1} = v_t - \eta\, (J v_t - b) + \beta\, (v_t - v_{t-1})$ what is missing obeys a recursion of"
        r" two steps.",
        r"h_{t+1} = (1 + \beta - \eta \lambda)\, h_t - \beta\, h_{t-1}, \quad h_0 = 1,\ h_1 = 1 - \eta \lambda",
        identical(target - after, (1 + beta - eta * lam) * (target - v) - beta * (target - w)),
    )
    p, q = sp.symbols("p q")
    by_roots = [
        (1 - eta * lam) * sum(p**i * q ** (t - 1 - i) for i in range(t))
        - p * q * sum(p**i * q ** (t - 2 - i) for i in range(t - 1))
        for t in range(1, MOST)
    ]
    roots = {beta: p * q, eta: (1 + p * q - p - q) / lam}
    account.move(
        r"With the roots $p, q$ of $z^2 - (1 + \beta - \eta \lambda) z + \beta$:",
        r"h_t = (1 - \eta \lambda)\, \frac{p^t - q^t}{p - q} - \beta\, \frac{p^{t-1} - q^{t-1}}{p - q}",
        identical(
            [heavy_ball(t).subs(roots, simultaneous=True) for t in range(1, MOST)],
            [e.subs(eta, roots[eta]) for e in by_roots],
            f"for $1 \\le t < {MOST}$",
        ),
    )
    polynomial = z**2 - (1 + beta - eta * lam) * z + beta
    account.move(
        r"The product of the roots is $\beta < 1$. Complex ones have the modulus $\sqrt\beta$; a real one leaves the unit"
        r" circle where the polynomial vanishes at $z = 1$, for $\lambda = 0$ alone, or at $z = -1$.",
        r"\eta\, \lambda_{\max} < 2\, (1 + \beta)",
        identical(polynomial.subs(z, 1), eta * lam),
        identical(polynomial.subs(z, -1), 2 * (1 + beta) - eta * lam),
    )


# -- finite width

# A small world in which everything is exact: three weights (inputs) of equal probability, three functions sqrt(3) O of
# them, orthonormal, with squares that are not constant.
ROTATION = sp.Matrix([[1, 2, 2], [2, 1, -2], [2, -2, 1]]) / 3
EIGENVALUES = (sp.Rational(1, 2), sp.Rational(1, 3), sp.Rational(1, 5))
POINTS = range(3)
RATE = sp.Rational(3, 4)


def divided(h: Callable[[sp.Expr], sp.Expr], *at: sp.Expr) -> sp.Expr:
    """The divided difference h[at_1, at_2, ...] of a polynomial, points that coincide included."""
    if len(at) == 1:
        return h(at[0])
    first, last = sp.Symbol("first"), sp.Symbol("last")
    quotient = sp.cancel((divided(h, first, *at[1:-1]) - divided(h, last, *at[1:-1])) / (first - last))
    return quotient.subs({first: at[0], last: at[-1]}, simultaneous=True)


def by_width(h: Callable, a: int, loads: list[sp.Expr], values: tuple[sp.Expr, ...]) -> sp.Expr:
    """c_m: sum_b kappa_ab lambda_a lambda_b h[a, a, b] - lambda_a^2 h''/2, ``loads`` = N_b kappa_ab."""
    own = values[a]
    total = sum(k * own * b * divided(h, own, own, b) for k, b in zip(loads, values, strict=True))
    return total - own**2 * divided(h, own, own, own)


def by_inputs(h: Callable, a: int, loads: list[sp.Expr], values: tuple[sp.Expr, ...]) -> sp.Expr:
    """c_N: sum_b kappa'_ab (lambda_b h[a, b] + lambda_a lambda_b h[a, a, b]) - lambda_a h' - lambda_a^2 h''/2."""
    own = values[a]
    total = sum(
        k * b * (divided(h, own, b) + own * divided(h, own, own, b)) for k, b in zip(loads, values, strict=True)
    )
    return total - own * divided(h, own, own) - own**2 * divided(h, own, own, own)


def averages(count: int) -> list[sp.Matrix]:
    """(1/n) sum_i g_a g_b over n draws of points, for every outcome: all are equally likely."""
    return [
        3 * sum((ROTATION[:, i] * ROTATION[:, i].T for i in drawn), sp.zeros(3)) / count
        for drawn in product(POINTS, repeat=count)
    ]


def first_order(of: Callable[[sp.Matrix], sp.Expr], degree: int) -> sp.Expr:
    """The coefficient of 1/n in the mean of a polynomial of an average of n draws, from n = 1, ..., degree."""
    means = [(sp.Rational(1, n), sum(map(of, averages(n))) / 3**n) for n in range(1, degree + 1)]
    # A polynomial in 1/n of the degree of the polynomial less one.
    return sp.Poly(sp.interpolate(means, x), x).coeff_monomial(x) if degree > 1 else sp.S.Zero


def kappas(a: int) -> list[sp.Expr]:
    """E g_a^2 g_b^2 of the small world."""
    return [sum(9 * ROTATION[a, i] ** 2 * ROTATION[b, i] ** 2 for i in POINTS) / 3 for b in POINTS]


def perturbation(account: Account) -> None:
    """Second order of a function of a matrix."""
    X = sp.Matrix(3, 3, lambda i, j: sp.Symbol(f"X_{i}{j}"))
    L, e = sp.diag(*EIGENVALUES), sp.Symbol("epsilon")
    for t in (2, 3):
        power = (sp.eye(3) - RATE * (L + e * X)) ** t
        second = sp.Poly(sp.expand(power[0, 0]), e).coeff_monomial(e**2)
        predicted = sum(
            divided(lambda z, t=t: (1 - RATE * z) ** t, EIGENVALUES[0], EIGENVALUES[0], EIGENVALUES[b])
            * X[0, b]
            * X[b, 0]
            for b in POINTS
        )
        evidence = identical(second, predicted, "for three modes, $t = 2, 3$")
    account.move(
        r"At finite $m$ and $N$ the matrix that moves the modes is $\Lambda + X$. To second order an entry on the diagonal"
        r" holds divided differences of $h_t(z) = (1 - \eta z)^t$.",
        r"h(\Lambda + X)_{aa} = h(\lambda_a) + h'(\lambda_a)\, X_{aa} + \sum_b h[\lambda_a, \lambda_a, \lambda_b]\, X_{ab}"
        r" X_{ba} + O(X^3)",
        evidence,
    )


def finite_width(account: Account) -> None:
    """What units and inputs add, against all outcomes of the small world."""
    L = sp.diag(*EIGENVALUES)
    root = sp.diag(*map(sp.sqrt, EIGENVALUES))

    def step(t: int) -> Callable:
        return lambda z: (1 - RATE * z) ** t

    def units(t: int, a: int) -> Callable:
        return lambda A: ((sp.eye(3) - RATE * root * A * root) ** t)[a, a]

    account.move(
        r"Units: $X = \Lambda^{1/2} (A - I) \Lambda^{1/2}$ with the average $A_{ab}$ of $g_a g_b$ over $m$ weights, so"
        r" $\mathbb{E}\, X_{ab} X_{ba} = \lambda_a \lambda_b\, (\mathbb{E}\, g_a^2 g_b^2 - \delta_{ab})/m$.",
        r"c_m = \sum_b \lambda_a \lambda_b\, \mathbb{E}\, g_a^2 g_b^2\, h[\lambda_a, \lambda_a, \lambda_b] -"
        r" \tfrac{1}{2} \lambda_a^2\, h''(\lambda_a)",
        identical(
            [first_order(units(t, a), t) for t in (2, 3) for a in POINTS],
            [by_width(step(t), a, kappas(a), EIGENVALUES) for t in (2, 3) for a in POINTS],
            "by all outcomes of a law of three weights, $t = 2, 3$",
        ),
    )

    def inputs(t: int, a: int) -> Callable:
        return lambda B: ((sp.eye(3) - RATE * B * L) ** t * B)[a, a]

    account.move(
        r"Inputs: on $N$ of them the missing share is $[(I - \eta B \Lambda)^t B]_{aa}$, $B_{ab}$ the average of $F_a F_b$."
        r" The last factor is correlated with the others.",
        r"c_N = \sum_b \mathbb{E}\, F_a^2 F_b^2 \left(\lambda_b h[\lambda_a, \lambda_b] + \lambda_a \lambda_b"
        r" h[\lambda_a, \lambda_a, \lambda_b]\right) - \lambda_a h'(\lambda_a) - \tfrac{1}{2} \lambda_a^2 h''(\lambda_a)",
        identical(
            [first_order(inputs(t, a), t + 1) for t in (1, 2) for a in POINTS],
            [by_inputs(step(t), a, kappas(a), EIGENVALUES) for t in (1, 2) for a in POINTS],
            "by all outcomes of a law of three inputs, $t = 1, 2$",
        ),
    )
    account.move(
        r"The sum over all harmonics of a degree is the same in all directions: only lengths are left, for every harmonic"
        r" of the mode $a$.",
        r"\sum_{b \in l} Y_b(\omega)^2 = N(d, l), \quad \sum_{b \in l} \mathbb{E}\, g_a^2 g_b^2 = N(d, l)\,"
        r" \mathbb{E}\, R_a(r)^2 R_l(r)^2",
        identical([sum(e**2 for e in one) for one in _on_the_sphere()], [3, 5], "for $d = 3$, $l = 1, 2$"),
    )


def _on_the_sphere() -> list[list[sp.Expr]]:
    """The harmonics of degrees 1 and 2 of mean square one, d = 3, in two angles."""
    u, p = sp.symbols("u p", real=True)
    a, b, c = sp.sin(u) * sp.cos(p), sp.sin(u) * sp.sin(p), sp.cos(u)
    second = [sp.sqrt(15) * e for e in (a * b, b * c, a * c, (a**2 - b**2) / 2)]
    return [[sp.sqrt(3) * e for e in (a, b, c)], [*second, sp.sqrt(5) / 2 * (3 * c**2 - 1)]]


# --- landing


def land(account: Account) -> None:
    """The package's curves of a ReLU network in three dimensions, where eigenvalues and rates are dyadic."""
    from fimtheory import catalogue
    from fimtheory.theory.kernel_modes import KernelModes
    from fimtheory.theory.mode_learning import ModeLearning

    rate, friction = sp.Rational(1, 2), sp.Rational(1, 4)
    values, copies = [sp.Rational(9, 16), sp.Rational(1, 4), sp.Rational(9, 256)], [1, 3, 5]
    modes = KernelModes("relu", 3, degrees=2, weights="sphere", inputs="sphere")
    plain = ModeLearning(modes, {0: 1, 1: 2, 2: 1}, float(rate), initial_variance=1)
    heavy = ModeLearning(modes, {0: 1}, float(rate), momentum=float(friction))
    where = "for degrees 0, 1, 2 and $t = 1, 2, 3$"

    def of(t: int, e: Callable = missing) -> list[sp.Expr]:
        return [e(t, value).subs({eta: rate, beta: friction}) for value in values]

    account.land(
        "fimtheory.learning.modes",
        "The curves of a ReLU network.",
        catalogue.find("fimtheory.learning.modes").statement,
        *(_same([plain.curve(k, t) for k in range(3)], [1 - h for h in of(t)], where) for t in (1, 2, 3)),
    )
    rest = sp.Rational(3, 2) - sum(n * value for n, value in zip(copies, values, strict=True))
    parts = [(sp.sqrt(c**2 + n * v), v) for c, n, v in zip((1, 2, 1), copies, values, strict=True)]
    account.land(
        "fimtheory.learning.loss",
        "The loss from a random start; the degrees above 2 carry the rest of the trace.",
        catalogue.find("fimtheory.learning.loss").statement,
        *(
            _same([plain.loss(t)], [(_expected(parts, 0, t) + rest / 2).subs(eta, rate)], "for $t = 1, 2$")
            for t in (1, 2)
        ),
    )
    account.land(
        "fimtheory.learning.stability",
        "The boundary of the rates.",
        catalogue.find("fimtheory.learning.stability").statement,
        identical(sp.nsimplify(plain.stable_rate, rational=True, tolerance=1e-14), 2 / values[0]),
    )
    account.land(
        "fimtheory.learning.momentum",
        "The two roots of the package against the recursion.",
        catalogue.find("fimtheory.learning.momentum").statement,
        *(_same([heavy.residual(k, t) for k in range(3)], of(t, heavy_ball), where) for t in (1, 2, 3)),
    )
    loads, spectrum = (
        [*copies, 1],
        (*values, sp.S.Zero),
    )  # on spheres all kappa are one; the rest counts at eigenvalue 0
    for t in (2, 3):
        for a in range(3):
            want = _with_rest(lambda z, t=t: missing(t, z).subs(eta, rate), a, loads, spectrum, rest)
            evidence = _same(plain.corrections(a, t), want, "for degrees 0, 1, 2 and $t = 2, 3$, all lengths fixed")
    account.land(
        "fimtheory.learning.finite_width",
        "Both corrections of a ReLU network.",
        catalogue.find("fimtheory.learning.finite_width").statement,
        evidence,
    )


def _with_rest(h: Callable, a: int, loads: list, values: tuple, rest: sp.Expr) -> list[sp.Expr]:
    """c_m and c_N, with the trace that is in no listed mode."""
    own = values[a]
    double, single = divided(h, own, own, 0), divided(h, own, 0)
    return [
        by_width(h, a, loads, values) + own * rest * double,
        by_inputs(h, a, loads, values) + rest * (single + own * double),
    ]


def _same(found, want: list[sp.Expr], where: str) -> str:
    """Doubles against exact dyadic numbers."""
    return identical([sp.Rational(round(float(e) * 2**46), 2**46) for e in found], want, where)


def main() -> Account:
    """Derive, land, print."""
    account = Account("Gradient descent learns one degree after the other")
    function_space(account)
    curves(account)
    momentum(account)
    perturbation(account)
    finite_width(account)
    land(account)
    print(account)
    return account


if __name__ == "__main__":
    main()
