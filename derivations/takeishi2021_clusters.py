r"""Three clusters of eigenvalues of ReLU networks: the kernel cut off after the square, and a bound for every W.

*Source*: document 000 (abstract, statements 1 to 3, the approximate eigenvalues and their share of the trace).
*Lands on*: `takeishi2021.values`, `takeishi2021.share`, `takeishi2021.ky_fan`, `takeishi2021.hadamard`.
*Departs from the text*: the three printed eigenvalues are exact for the kernel without its higher powers, not for ReLU;
the share of 97.7 % is a bound that holds for every W; Hadamard products span the eigenspaces only as d grows.
*Assumptions*: inputs N(0, I_d); weights N(0, I_d) where an average over them is taken, otherwise anything.
"""

from __future__ import annotations

import sympy as sp
from _steps import Account, agreeing, identical, random_points
from mpmath import mp

from fimtheory.activations import activation
from fimtheory.notation import SYMBOLS

c = SYMBOLS["c"]
d = sp.Symbol("d", positive=True)
e = sp.Symbol("e", positive=True)

POINTS = random_points(0, 1, 2, seed=3)
TRUNCATED = (1 + sp.pi * c / 2 + c**2 / 2) / (2 * sp.pi)


def series(account: Account) -> None:
    """The arc-cosine kernel in powers of the cosine."""
    relu = activation("relu")
    dual = relu.dual(1, c)
    powers = [sp.simplify(dual.diff(c, n).subs(c, 0) / sp.factorial(n)) for n in range(5)]
    account.move(
        r"With $c$ the cosine of two weight vectors the kernel of ReLU is $\lvert w \rvert \lvert w' \rvert\, K(c)$. Its"
        r" power series starts so, and by Mehler's formula all its coefficients are squares of Hermite coefficients:",
        r"K(c) = \frac{1}{2 \pi} \left(1 + \frac{\pi}{2} c + \frac{c^2}{2} + \frac{c^4}{24} + \dots\right), \quad [c^n] K"
        r" = b_n^2 \ge 0",
        identical(powers, [relu.hermite(n) ** 2 for n in range(5)], r"for $n \le 4$"),
        identical(powers[:3], [sp.expand(TRUNCATED).coeff(c, n) for n in range(3)], r"for $n \le 2$"),
    )


def bound(account: Account) -> None:
    """Low rank, and Ky Fan."""
    u, v = (sp.Matrix(sp.symbols(f"{name}_1:4", real=True)) for name in "uv")
    squares = sum(u[a] * u[b] * v[a] * v[b] for a in range(3) for b in range(3))
    account.move(
        r"A power of $c$ is an inner product of features: a sum of squares with positive coefficients, so every power of"
        r" the series, cut off or not, is positive semi-definite on any weight vectors.",
        r"\lvert w \rvert \lvert w' \rvert\, c^2 = \sum_{a, b} \frac{w_a w_b}{\lvert w \rvert} \frac{w'_a w'_b}{\lvert w'"
        r" \rvert}",
        identical((u.T * v)[0] ** 2, squares, "for $d = 3$"),
    )
    account.move(
        r"The powers 0 and 2 share their features, since $\lvert w \rvert = \sum_a w_a^2/\lvert w \rvert$; with the $d$"
        r" coordinates of power 1 the kernel cut off after the square has at most the rank",
        r"r = \frac{d (d + 1)}{2} + d = \frac{d (d + 3)}{2}",
        identical(d * (d + 1) / 2 + d, d * (d + 3) / 2),
    )
    P, J = sp.Matrix([[1, 2], [2, 4]]) / 5, sp.Matrix([[1, 2], [2, 4]])
    account.move(
        r"Let $P$ project on the range of the truncated matrix $J_2$. By Ky Fan's principle the $r$ largest eigenvalues of"
        r" $J$ add up to at least $\operatorname{tr} P J$, and $J - J_2$ is positive semi-definite.",
        r"\sum_{i \le r} \lambda_i(J) \ge \operatorname{tr} P J \ge \operatorname{tr} P J_2 = \operatorname{tr} J_2",
        identical(list(P * J), list(J), "for a matrix of rank one"),
        identical(list(P * P), list(P), "for a matrix of rank one"),
    )
    account.move(
        r"On the diagonal $c = 1$, whatever the lengths are: the share of the trace is a number.",
        r"\frac{\operatorname{tr} J_2}{\operatorname{tr} J} = \frac{K_2(1)}{K(1)} = \frac12 + \frac{3}{2 \pi}",
        identical(TRUNCATED.subs(c, 1) / activation("relu").dual(1, c).subs(c, 1), share()),
    )


def share() -> sp.Expr:
    """97.7 %."""
    return sp.Rational(1, 2) + 3 / (2 * sp.pi)


def values(account: Account) -> list[sp.Expr]:
    """The eigenvalues of the truncated kernel over Gaussian weights."""
    first, second, fourth = 1 / d, 1 / d, 3 / (d * (d + 2))  # averages of c^2 and c^4 over the sphere
    harmonic = (d * c**2 - 1) / (d - 1)
    account.move(
        r"The cosine of a uniform direction with a fixed one has $\mathbb{E}\, c^2 = \frac1d$ and $\mathbb{E}\, c^4 ="
        r" \frac{3}{d (d + 2)}$; the harmonic of degree 2 is $P_2 = \frac{d c^2 - 1}{d - 1}$.",
        r"\mathbb{E}\, P_2 = 0, \quad \mathbb{E}\, c^2 P_2 = \frac{2}{d (d + 2)}",
        identical([_sphere_mean(2, n) for n in (3, 5)], [first.subs(d, n) for n in (3, 5)], "for $d = 3, 5$"),
        identical([_sphere_mean(4, n) for n in (3, 5)], [fourth.subs(d, n) for n in (3, 5)], "for $d = 3, 5$"),
        identical(_averaged(harmonic, second, fourth), 0),
        identical(_averaged(c**2 * harmonic, second, fourth), 2 / (d * (d + 2))),
    )
    found = [
        d * _averaged(TRUNCATED, second, fourth),
        d * _averaged(c * TRUNCATED, second, fourth),
        d * _averaged(harmonic * TRUNCATED, second, fourth),
    ]
    account.move(
        r"With $\mathbb{E} \lvert w \rvert^2 = d$ for the lengths, degrees 0, 1 and 2 of the truncated kernel have exactly"
        r" the printed eigenvalues.",
        r"\frac{2 d + 1}{4 \pi}, \quad \frac14, \quad \frac{1}{2 \pi (d + 2)}",
        identical(found, [(2 * d + 1) / (4 * sp.pi), sp.Rational(1, 4), 1 / (2 * sp.pi * (d + 2))]),
    )
    return found


def _sphere_mean(power: int, dimension: int) -> sp.Expr:
    weight = (1 - c**2) ** sp.Rational(dimension - 3, 2)
    return sp.integrate(sp.expand(c**power * weight), (c, -1, 1)) / sp.integrate(weight, (c, -1, 1))


def _averaged(polynomial: sp.Expr, second: sp.Expr, fourth: sp.Expr) -> sp.Expr:
    """A polynomial of the cosine of degree 4 at most."""
    p = sp.Poly(sp.expand(polynomial), c)
    return sp.simplify(p.coeff_monomial(1) + p.coeff_monomial(c**2) * second + p.coeff_monomial(c**4) * fourth)


def hadamard(account: Account) -> None:
    """The span of products of rows."""
    account.move(
        r"A product $w_a w_b$ of coordinates is $r^2$ times a function of the direction, an eigenfunction of degree 0 or 2"
        r" is $r$ times one. Over $r$ the two meet at the angle",
        r"\cos^2 = \frac{(\mathbb{E}\, r^3)^2}{\mathbb{E}\, r^2\; \mathbb{E}\, r^4} = \frac{8\, \Gamma(\frac{d+3}{2})^2}"
        r"{d^2 (d + 2)\, \Gamma(\frac d2)^2}",
        agreeing(cosine, _cosine_by_quadrature, "d", [sp.Integer(3), sp.Integer(10)]),
    )
    account.limit(
        r"It is below one at every $d$; division of the products by $r$ makes it one.",
        r"1 - \cos^2 = \frac{1}{2 d} + O(d^{-2})",
        "Two terms of Stirling's series; the angle itself is measured by the claim.",
    )


def cosine(n):
    """cos^2 in Gammas."""
    return 8 * mp.gamma((n + 3) / 2) ** 2 / (n**2 * (n + 2) * mp.gamma(n / 2) ** 2)


def _cosine_by_quadrature(n):
    def mean(power):
        ends = [0, 1, 3, 6, 16]
        density = mp.quad(lambda r: r ** (n - 1) * mp.exp(-r * r / 2), ends)
        return mp.quad(lambda r: r ** (n - 1 + power) * mp.exp(-r * r / 2), ends) / density

    return mean(3) ** 2 / (mean(2) * mean(4))


# --- landing


def main() -> Account:
    """Derive, compare with the package, print."""
    from fimtheory.catalogue import find
    from fimtheory.theory.truncated_kernel import span_cosine, truncated_eigenvalue, truncated_share, truncation_rank

    account = Account("Three clusters of eigenvalues of ReLU networks")
    series(account)
    bound(account)
    found = values(account)
    hadamard(account)
    for name in ("values", "share", "ky_fan", "hadamard"):
        find(f"takeishi2021.{name}")
    account.land(
        "takeishi2021.values",
        "The eigenvalues of the truncated kernel in the package.",
        r"\lambda_0, \lambda_1, \lambda_2",
        identical([truncated_eigenvalue("relu", k, 2, d) for k in range(3)], found),
    )
    account.land("takeishi2021.share", "The share of the trace.", r"\frac12 + \frac{3}{2 \pi}",
                 identical(truncated_share("relu", 2), share()))  # fmt: skip
    account.land("takeishi2021.ky_fan", "The rank.", r"\frac{d (d + 3)}{2}",
                 identical(truncation_rank("relu", 2, d), d * (d + 3) / 2))  # fmt: skip
    account.land(
        "takeishi2021.hadamard",
        "The angle that the claim has simulated networks compared with.",
        r"\cos^2",
        agreeing(
            lambda n: mp.mpf(str(sp.N(span_cosine(1, 2, int(n)), 25))), cosine, "d", [sp.Integer(3), sp.Integer(10)]
        ),
    )
    print(account)
    return account


if __name__ == "__main__":
    main()
