r"""All moments of the spectrum of one hidden layer, from the logarithm of one 2 x 2 determinant.

*Source*: Pennington, Worah (2018), sections 2.3 to 2.5 and eqs. 7, 12, 13, 16, 27; the closed form is our own.
*Lands on*: `theory.single_layer.spectral_moment`, `theory.single_layer.conditioning`.
*Departs from the text*: the paper counts graphs; here the determinant of 1 - x M is linear in a and in b, and its
logarithm is expanded. As printed, eqs. 8, 14 and 27 divide the trace by n, and eq. 16 by nothing; H has 2 n^2
eigenvalues, so that the mean over them is tr H^k/(2 n^2), and the sum of eq. 16 is the limit of tr H^d/n^2. The
explicit m_1 and m_2 of eq. 27 are those of the mean.
*Assumptions*: the spectrum of H tends to that of M(a, b) (`pennington2018_theorem1.py`); large z in the Laurent series.
"""

from __future__ import annotations

import itertools
import random

import sympy as sp
from _network import gaussian_mean
from _single_layer import SHIFTS, a, alpha, b, beta, eta, eta_prime, mean, printed_integrand, two_modes, z, zeta
from _steps import Account, identical

from fimtheory.latex import latex

x, s, t = sp.symbols("x s t", positive=True)
ORDERS = range(1, 7)
IN_ORDERS = f"for $k = 1, \\ldots, {ORDERS[-1]}$"


def coefficients(series: sp.Expr, variable: sp.Symbol, orders: range) -> list[sp.Expr]:
    """Coefficients of the Taylor series of a rational function, by long division of polynomials."""
    top, bottom = (sp.Poly(side, variable) for side in sp.fraction(sp.together(series)))
    lead, found = bottom.coeff_monomial(1), []
    for k in range(orders[-1] + 1):
        rest = sum((bottom.coeff_monomial(variable**i) * found[k - i] for i in range(1, k + 1)), sp.S.Zero)
        found.append(sp.cancel((top.coeff_monomial(variable**k) - rest) / lead))
    return [found[k] for k in orders]


def blocks_of_traces(account: Account) -> None:
    """Proposition 1, and what it says of H."""
    draw = random.Random(2)
    rows, columns, degrees = 3, (2, 3), (1, 2, 3)
    A = [sp.Matrix(rows, k, lambda i, j: sp.Integer(draw.randint(-3, 3))) for k in columns]
    whole = sp.Matrix.hstack(*A)
    words = {d: list(itertools.product((0, 1), repeat=d)) for d in degrees}
    outer = [sum(sp.prod([A[i] * A[i].T for i in word]).trace() for word in words[d]) for d in degrees]
    inner = [
        sum(
            sp.prod([A[i].T * A[j] for i, j in zip((word[-1], *word), word, strict=False)]).trace() for word in words[d]
        )
        for d in degrees
    ]
    account.move(
        r"Proposition 1: powers of a Gram matrix in terms of its blocks. Put the Jacobians of all inputs on top of each"
        r" other, over the root of their number: the blocks $A_i^\top A_j$ are then the means"
        r" $\mathbb{E}_X\, J^{(i) \top} J^{(j)}$, and this is eq. 13. It is multiplication of block matrices.",
        r"\operatorname{tr}\, (A^\top A)^d = \sum_{w \in \{1, 2\}^d} \operatorname{tr} \prod_{i=1}^{d} A_{w_i}"
        r" A_{w_i}^\top = \sum_{w \in \{1, 2\}^d} \operatorname{tr} \prod_{i=1}^{d} A_{w_{i-1}}^\top A_{w_i},"
        r" \quad w_0 = w_d",
        identical([((whole.T * whole) ** d).trace() for d in degrees], outer, "on a matrix of small integers, $d < 4$"),
        identical(outer, inner, "on a matrix of small integers, $d < 4$"),
    )


def catalan_numbers(account: Account) -> None:
    """What is averaged over."""
    account.define(
        r"$a$ and $b$ are independent, with the density $\sqrt{(4 - t)/t}/(2 \pi)$ on $[0, 4]$; the spectrum of $H$ is"
        r" the law of an eigenvalue of $M$ chosen at random, with $\alpha = \eta' - \zeta$, $\beta = \eta - \zeta$.",
        rf"M(a, b) = {latex(two_modes())}, \quad m_k = \frac{{1}}{{2}}\, \mathbb{{E}} \operatorname{{tr}} M^k",
    )
    substituted = sp.sqrt((4 - t) / t).subs(t, 4 * sp.cos(s) ** 2) * 8 * sp.cos(s) * sp.sin(s) / (2 * sp.pi)
    account.move(
        r"$t = 4 \cos^2 s$ takes the roots away; the moments are Catalan numbers.",
        r"\mathbb{E}\, a^k = \frac{4}{\pi} \int_0^{\pi/2} (4 \cos^2 s)^k \sin^2 s\; \mathrm{d}s = C_k ="
        r" \frac{1}{k+1} \binom{2k}{k}",
        identical(substituted**2, (4 / sp.pi * sp.sin(s) ** 2) ** 2, "for the square of the density"),
        *(
            identical(
                4 / sp.pi * sp.integrate((4 * sp.cos(s) ** 2) ** k * sp.sin(s) ** 2, (s, 0, sp.pi / 2)),
                sp.catalan(k),
                f"for $k \\leq {ORDERS[-1]}$",
            )
            for k in (0, *ORDERS)
        ),
    )


def logarithm(account: Account) -> None:
    """tr M^k as a coefficient, and the determinant that is linear in a and in b."""
    entries = sp.Matrix(2, 2, sp.symbols("m_11 m_12 m_21 m_22"))
    minus_log = (
        sp.series(-sp.log(1 - t), t, 0, 5).removeO().subs(t, 1 - (sp.eye(2) - x * entries).det(method="berkowitz"))
    )
    account.move(
        r"$-\log \det$ generates the traces of powers.",
        r"\operatorname{tr} M^k = k\, [x^k] \left(-\log \det (1 - x M)\right)",
        *(
            identical(k * sp.expand(minus_log).coeff(x, k), (entries**k).trace(), "for any $M$ and $k < 5$")
            for k in range(1, 5)
        ),
    )
    A, B = zeta * x * a / (1 - x * alpha), zeta * x * b / (1 - x * beta)
    account.move(
        r"The determinant has no term in $a b$: the blocks that couple the layers are of rank one in each pair.",
        r"\det(1 - x M) = (1 - x \alpha)(1 - x \beta)(1 - A - B), \quad A = \frac{\zeta x a}{1 - x \alpha}, \quad"
        r" B = \frac{\zeta x b}{1 - x \beta}",
        identical(
            sp.cancel((sp.eye(2) - x * two_modes()).det()), sp.cancel((1 - x * alpha) * (1 - x * beta) * (1 - A - B))
        ),
    )


def shifted_powers(i: int, r: int) -> sp.Integer:
    """The coefficient of y^r in (1 - y)^(-i)."""
    return sp.binomial(i + r - 1, r) if i else sp.Integer(r == 0)


def expansion(account: Account) -> None:
    """The two series."""
    A, B, scale = sp.symbols("A B epsilon")
    top = ORDERS[-1]
    binomials = sum(
        sp.binomial(i + j, i) * A**i * B**j / (i + j) for i in range(top + 1) for j in range(top + 1 - i) if i + j
    )
    logs = sp.series(-sp.log(1 - scale), scale, 0, top + 1).removeO().subs(scale, A + B)
    account.move(
        r"The logarithm series and the binomial theorem.",
        r"-\log(1 - A - B) = \sum_{i+j \geq 1} \frac{1}{i+j} \binom{i+j}{i} A^i B^j",
        identical(sp.expand(logs), binomials, f"up to order {top}"),
    )
    account.move(
        r"The denominators of $A^i$ and $B^j$ are geometric series raised to a power; for $i = 0$ only $r = 0$ is left.",
        r"(1 - x \alpha)^{-i} = \sum_{r \geq 0} \binom{i+r-1}{r} \alpha^r x^r",
        *(
            identical(
                coefficients((1 - x * alpha) ** -i, x, range(top + 1)),
                [shifted_powers(i, r) * alpha**r for r in range(top + 1)],
                f"for $i, r \\leq {top}$",
            )
            for i in range(top + 1)
        ),
    )


def closed_form(k: int) -> sp.Expr:
    """m_k in alpha, beta and zeta."""
    total = alpha**k + beta**k
    for i in range(k + 1):
        for j in range(max(0, 1 - i), k + 1 - i):
            rest = k - i - j
            powers = sum(
                shifted_powers(i, r) * shifted_powers(j, rest - r) * alpha**r * beta ** (rest - r)
                for r in range(rest + 1)
            )
            weight = sp.Rational(k, i + j) * sp.binomial(i + j, i) * sp.catalan(i) * sp.catalan(j)
            total += weight * zeta ** (i + j) * powers
    return sp.expand(total / 2)


def moments(account: Account) -> None:
    """The closed form, by three other routes."""
    account.move(
        r"$-\log(1 - x \alpha)$ and $-\log(1 - x \beta)$ give $\alpha^k$ and $\beta^k$. Take the mean of the rest: $a$"
        r" and $b$ are independent, so $a^i b^j$ becomes $C_i\, C_j$. Collect $x^k$.",
        r"m_k = \frac{\alpha^k + \beta^k}{2} + \frac{1}{2} \sum_{i+j \geq 1} \frac{k}{i+j} \binom{i+j}{i} C_i\, C_j\,"
        r" \zeta^{i+j} \sum_{r+s = k-i-j} \binom{i+r-1}{r} \binom{j+s-1}{s} \alpha^r \beta^s",
        identical(
            [mean(sp.expand((two_modes() ** k).trace() / 2)) for k in ORDERS],
            [closed_form(k) for k in ORDERS],
            f"against the mean of $\\operatorname{{tr}} M^k$ multiplied out, {IN_ORDERS}",
        ),
    )
    printed = zeta**2 * printed_integrand(alpha + zeta * a, beta + zeta * b)
    laurent = coefficients(printed.subs(z, 1 / x), x, range(1, ORDERS[-1] + 2))
    account.move(
        r"For large $z$ the printed $G(z)$ generates the same numbers (eq. 7). Its measures are the laws of"
        r" $\lambda_1 = \alpha + \zeta a$ and $\lambda_2 = \beta + \zeta b$, times $\zeta$ each.",
        r"G(z) = \sum_{k \geq 0} \frac{m_k}{z^{k+1}}",
        identical(
            [mean(sp.expand(e)) for e in laurent],
            [sp.S.One, *(closed_form(k) for k in ORDERS)],
            f"against the Laurent series of the printed integrand, {IN_ORDERS}",
        ),
    )
    first, second = (sp.expand(closed_form(k).subs(SHIFTS)) for k in (1, 2))
    account.move(
        r"In the constants of the activation (eq. 27):",
        rf"m_1 = {latex((eta + eta_prime) / 2)}, \quad m_2 = \frac{{\eta^2 + \eta'^2}}{{2}} + 2 \zeta^2",
        identical([first, second], [(eta + eta_prime) / 2, (eta**2 + eta_prime**2) / 2 + 2 * zeta**2]),
    )


def linear_network(account: Account) -> None:
    """Eq. 16 at finite width, and its limit."""
    draw, degrees = random.Random(3), (1, 2, 3, 4)
    W1, W2 = (sp.Matrix(2, 2, lambda i, j: sp.Integer(draw.randint(-3, 3))) for _ in range(2))
    J = sp.Matrix.hstack(sp.kronecker_product(W2, sp.eye(2)), sp.kronecker_product(sp.eye(2), W1.T))
    powers = [((J.T * J) ** d).trace() for d in degrees]
    traces = [
        sum(sp.binomial(d, k) * ((W2 * W2.T) ** (d - k)).trace() * ((W1.T * W1) ** k).trace() for k in range(d + 1))
        for d in degrees
    ]
    account.move(
        r"A linear network: the mean over $X$ leaves $H = J^\top J$ with $J = (W_2 \otimes I,\; I \otimes W_1^\top)$,"
        r" and the two summands of $J J^\top = W_2 W_2^\top \otimes I + I \otimes W_1^\top W_1$ commute. This is eq. 16"
        r" before the limit.",
        r"\operatorname{tr} H^d = \sum_{k=0}^{d} \binom{d}{k} \operatorname{tr} (W_2 W_2^\top)^{d-k}"
        r" \operatorname{tr} (W_1^\top W_1)^k",
        identical(powers, traces, "on matrices of small integers, $n = 2$, $d < 5$"),
    )
    widths = (1, 2, 3)
    account.limit(
        r"The squared singular values of an $n \times n$ matrix of variance $1/n$ follow the law of $a$, and their means"
        r" do not fluctuate.",
        r"\frac{1}{n} \operatorname{tr}\, (W W^\top)^k \to C_k",
        "The law of Marchenko and Pastur (1967); the next step shows the rate for the first two.",
    )
    account.move(
        r"The means at width $n$.",
        r"\frac{1}{n}\, \mathbb{E} \operatorname{tr}\, W W^\top = 1, \quad"
        r" \frac{1}{n}\, \mathbb{E} \operatorname{tr}\, (W W^\top)^2 = 2 + \frac{1}{n}",
        identical(
            [e for n in widths for e in _traces_of_a_square_matrix(n)],
            [e for n in widths for e in (1, 2 + sp.Rational(1, n))],
            "for $n = 1, 2, 3$",
        ),
    )
    account.move(
        r"So the sum of products of Catalan numbers is the limit of $\operatorname{tr} H^d/n^2$, and with $\alpha ="
        r" \beta = 0$ and $\zeta = 1$ the closed form is half of it: the mean over $2 n^2$ eigenvalues.",
        r"m_d = \frac{1}{2} \sum_{k=0}^{d} \binom{d}{k} C_{d-k}\, C_k",
        identical(
            [closed_form(d).subs({alpha: 0, beta: 0, zeta: 1}) for d in ORDERS],
            [
                sum(sp.binomial(d, k) * sp.catalan(d - k) * sp.catalan(k) for k in range(d + 1)) / sp.Integer(2)
                for d in ORDERS
            ],
            f"for $d = 1, \\ldots, {ORDERS[-1]}$",
        ),
    )


def _traces_of_a_square_matrix(n: int) -> list[sp.Expr]:
    """E tr W W' / n and E tr (W W')^2 / n for an n x n matrix of entries of variance 1/n."""
    W = sp.Matrix(n, n, sp.symbols(f"w0:{n * n}"))
    variances = dict.fromkeys(W, sp.Rational(1, n))
    gram = W * W.T
    return [gaussian_mean(sp.expand(e.trace() / n), variances) for e in (gram, gram * gram)]


# --- landing


def land(account: Account) -> None:
    """The package's polynomials in eta, eta' and zeta."""
    from fimtheory.theory.single_layer import conditioning, spectral_moment

    account.land(
        "theory.single_layer.spectral_moment",
        "The package's moments.",
        rf"m_3 = {latex(spectral_moment(3))}",
        identical([closed_form(k).subs(SHIFTS) for k in ORDERS], [spectral_moment(k) for k in ORDERS], IN_ORDERS),
    )
    account.land(
        "theory.single_layer.conditioning",
        "The measure of conditioning of section 4.1.",
        rf"\frac{{m_2}}{{m_1^2}} = {latex(conditioning())}",
        identical((closed_form(2) / closed_form(1) ** 2).subs(SHIFTS), conditioning()),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("The moments of the spectrum of one hidden layer")
    blocks_of_traces(account)
    catalan_numbers(account)
    logarithm(account)
    expansion(account)
    moments(account)
    linear_network(account)
    land(account)
    print(account)
    return account


if __name__ == "__main__":
    main()
