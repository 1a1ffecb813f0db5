r"""Three clusters of eigenvalues of ReLU networks: the kernel cut off after the square, and two bounds for every W.

*Source*: document 000 (abstract, statements 1 to 3, the approximate eigenvalues and their share of the trace).
*Lands on*: `takeishi2021.values`, `takeishi2021.ky_fan`, `fimtheory.modes.ky_fan`, `takeishi2021.share`,
`takeishi2021.hadamard`.
*Departs from the text*: the three printed eigenvalues are exact for the kernel without its higher powers, not for ReLU;
the share of 97.7 % is a bound that holds for every W, in every dimension at once, and each dimension has a better one;
Hadamard products span the eigenspaces only as d grows.
*Assumptions*: inputs N(0, I_d); weights N(0, I_d) where an average over them is taken, otherwise anything.
"""

from __future__ import annotations

import sympy as sp
from _steps import Account, agreeing, identical
from mpmath import mp

from fimtheory.activations import activation
from fimtheory.notation import SYMBOLS

c = SYMBOLS["c"]
d = sp.Symbol("d", positive=True)

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
    account.move(
        r"Ky Fan's principle. Let $P$ project on a space of dimension $r$, $\lambda_1 \ge \lambda_2 \ge \dots$ the"
        r" eigenvalues of $J$, and $p_i \in [0, 1]$ the square of the length of $P$ times the $i$-th eigenvector, with"
        r" $\sum_i p_i = r$. No term on the right is negative.",
        r"\sum_{i \le r} \lambda_i - \operatorname{tr} P J = \sum_{i \le r} (1 - p_i) (\lambda_i - \lambda_r) + \sum_{i >"
        r" r} p_i (\lambda_r - \lambda_i)",
        *(identical(*ky_fan(size, r), "for matrices of 4 and 5 rows") for size, r in ((4, 1), (4, 3), (5, 2))),
    )
    account.move(
        r"Let $P$ project on the range of the truncated matrix $J_2$: $P J_2 = J_2$, and $J - J_2$ is positive"
        r" semi-definite.",
        r"\sum_{i \le r} \lambda_i \ge \operatorname{tr} P J = \operatorname{tr} J_2 + \operatorname{tr} P (J - J_2) P \ge"
        r" \operatorname{tr} J_2",
        identical(*projected_trace(), "for matrices of 3 rows, $J_2$ of rank one, $J - J_2$ a square"),
    )
    account.move(
        r"On the diagonal $c = 1$, whatever the lengths are: the share of the trace is a number.",
        r"\frac{\operatorname{tr} J_2}{\operatorname{tr} J} = \frac{K_2(1)}{K(1)} = \frac12 + \frac{3}{2 \pi}",
        identical(TRUNCATED.subs(c, 1) / activation("relu").dual(1, c).subs(c, 1), share()),
    )


def ky_fan(size: int, r: int) -> tuple[sp.Expr, sp.Expr]:
    """Both sides of Ky Fan's principle; the last p_i from their sum."""
    values, p = sp.symbols(f"lambda1:{size + 1}"), sp.symbols(f"p1:{size}")
    p = (*p, r - sum(p))
    left = sum(values[:r]) - sum(x * y for x, y in zip(p, values, strict=True))
    kept = sum((1 - p[i]) * (values[i] - values[r - 1]) for i in range(r))
    return left, kept + sum(p[i] * (values[r - 1] - values[i]) for i in range(r, size))


def projected_trace() -> tuple[sp.Expr, sp.Expr]:
    """tr P J, and tr J_2 plus a sum of squares."""
    g, b = sp.Matrix(sp.symbols("g1:4", real=True)), sp.Matrix(3, 3, sp.symbols("b1:10", real=True))
    P = g * g.T / (g.T * g)[0]
    inside = b.T * P  # the trace of (b' P)' (b' P) is a sum of squares
    return (P * (g * g.T + b * b.T)).trace(), (g.T * g)[0] + (inside.T * inside).trace()


def share() -> sp.Expr:
    """97.7 %."""
    return sp.Rational(1, 2) + 3 / (2 * sp.pi)


def best_share() -> sp.Expr:
    """In d dimensions."""
    return sp.Rational(1, 2) + lambda_0(d) * (3 * d + 5) / (d + 1) ** 2


def lambda_0(n):
    """The largest eigenvalue in Gammas; of numbers a number, of symbols an expression."""
    gamma = sp.gamma if isinstance(n, sp.Basic) else mp.gamma
    pi = sp.pi if isinstance(n, sp.Basic) else mp.pi
    return n**2 * gamma(n / 2) ** 2 / (4 * pi * gamma((n + 1) / 2) ** 2)


def zonal(account: Account) -> None:
    """The same with zonal polynomials: what is cut off is smaller, and the rank the same."""
    u, v = (sp.Matrix(sp.symbols(f"{name}_1:4", real=True)) for name in "uv")
    traceless = [m * m.T - sp.eye(3) * (m.T * m)[0] / 3 for m in (u, v)]
    account.move(
        r"Cut off in degree instead of power. By the addition theorem a zonal polynomial is an inner product as well, of as"
        r" many features as there are harmonics; those of degree 2 are the symmetric matrices without a trace.",
        r"\frac{d - 1}{d}\, P_2(c) = \sum_{a, b} \left( \frac{w_a w_b}{\lvert w \rvert^2} - \frac{\delta_{ab}}{d} \right)"
        r" \left( \frac{w'_a w'_b}{\lvert w' \rvert^2} - \frac{\delta_{ab}}{d} \right)",
        identical(
            sum(traceless[0].multiply_elementwise(traceless[1])),
            (u.T * v)[0] ** 2 - (u.T * u)[0] * (v.T * v)[0] / 3,
            "for $d = 3$",
        ),
    )
    account.move(
        r"$K(c) = \frac1d \sum_k \lambda_k N(d, k) P_k(c)$ with the eigenvalues $\lambda_k \ge 0$ of random weights, for"
        r" which (derivation of homogeneous activations)",
        r"\lambda_0 = \frac{d^2\, \Gamma(\frac d2)^2}{4 \pi\, \Gamma(\frac{d+1}{2})^2}, \quad \lambda_1 = \frac14, \quad"
        r" \lambda_2 = \frac{\lambda_0}{(d + 1)^2}",
        agreeing(lambda_0, lambda n: n * _kernel_mean(n, 0), "d", [sp.Integer(3), sp.Integer(9)]),
        agreeing(lambda n: mp.mpf(1) / 4, lambda n: n * _kernel_mean(n, 1), "d", [sp.Integer(3), sp.Integer(9)]),
        agreeing(
            lambda n: lambda_0(n) / (n + 1) ** 2, lambda n: n * _kernel_mean(n, 2), "d", [sp.Integer(3), sp.Integer(9)]
        ),
    )
    number = (d - 1) * (d + 2) / 2
    account.move(
        r"Degrees 0, 1 and 2 have the rank of before, and on the diagonal, where $P_k(1) = 1$, keep a larger share. It"
        r" holds for every $W$, too.",
        r"1 + d + \frac{(d - 1)(d + 2)}{2} = r, \quad \sum_{i \le r} \lambda_i(J) \ge \left( \frac12 + \lambda_0 \frac{3 d"
        r" + 5}{(d + 1)^2} \right) \operatorname{tr} J",
        identical(1 + d + number, d * (d + 3) / 2),
        identical((lambda_0(d) + d / 4 + number * lambda_0(d) / (d + 1) ** 2) * 2 / d, best_share()),
    )
    account.limit(
        r"It is the share of random weights in the limit of many units, so none is better in $d$ dimensions.",
        r"\frac{1}{\operatorname{tr} J} \sum_{i \le r} \lambda_i(J) \to \frac12 + \lambda_0 \frac{3 d + 5}{(d + 1)^2}",
        "Measured by the claim on top shares.",
    )


def _kernel_mean(n, degree: int):
    """The average of K(c) P_k(c) over the sphere in n dimensions, in the angle."""
    polynomial = (lambda x: 1, lambda x: x, lambda x: (n * x * x - 1) / (n - 1))[degree]

    def kernel(angle):
        return (mp.sin(angle) + (mp.pi - angle) * mp.cos(angle)) / (2 * mp.pi)

    def integral(f):
        return mp.quad(lambda angle: f(angle) * mp.sin(angle) ** (n - 2), [0, mp.pi / 2, mp.pi])

    return integral(lambda angle: kernel(angle) * polynomial(mp.cos(angle))) / integral(lambda angle: 1)


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
    account.move(
        r"It grows with $d$: between dimensions two apart the Gammas cancel.",
        r"\frac{\cos^2_{d+2}}{\cos^2_d} = \frac{(d + 3)^2}{(d + 2)(d + 4)} = 1 + \frac{1}{(d + 2)(d + 4)}",
        identical(sp.expand_func(cosine(d + 2) / cosine(d)), 1 + 1 / ((d + 2) * (d + 4))),
    )
    account.move(
        r"With the limit 1 the logarithms of these ratios at $d, d + 2, \dots$ add up to $-\ln \cos^2$. Each lies between"
        r" $\frac1y - \frac{1}{2 y^2}$ and $\frac1y$, $y = (d+2)(d+4)$, and the sum of $\frac1y$ telescopes: the cosine is"
        r" below one at every $d$, and division of the products by $r$ makes it one.",
        r"\frac{1}{(d + 2)(d + 4)} = \frac12 \left( \frac{1}{d + 2} - \frac{1}{d + 4} \right), \quad 1 - \cos^2 ="
        r" \frac{1}{2 d} + O(d^{-2})",
        identical(1 / ((d + 2) * (d + 4)), (1 / (d + 2) - 1 / (d + 4)) / 2),
        agreeing(lambda n: -mp.log(cosine(n)), _summed_logarithms, "d", [sp.Integer(3), sp.Integer(10)]),
    )


def cosine(n):
    """cos^2 in Gammas; of numbers a number, of symbols an expression."""
    gamma = sp.gamma if isinstance(n, sp.Basic) else mp.gamma
    return 8 * gamma((n + 3) / 2) ** 2 / (n**2 * (n + 2) * gamma(n / 2) ** 2)


def _summed_logarithms(n):
    return mp.nsum(lambda j: mp.log(1 + 1 / ((n + 2 * j + 2) * (n + 2 * j + 4))), [0, mp.inf])


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
    from fimtheory.theory.homogeneous import DIMENSION
    from fimtheory.theory.truncated_kernel import (
        ky_fan_bound,
        span_cosine,
        truncated_eigenvalue,
        truncated_share,
        truncation_rank,
    )

    account = Account("Three clusters of eigenvalues of ReLU networks")
    series(account)
    bound(account)
    found = values(account)
    zonal(account)
    hadamard(account)
    for name in ("values", "share", "ky_fan", "hadamard"):
        find(f"takeishi2021.{name}")
    find("fimtheory.modes.ky_fan")
    account.land(
        "takeishi2021.values",
        "The eigenvalues of the truncated kernel in the package.",
        r"\lambda_0, \lambda_1, \lambda_2",
        identical([truncated_eigenvalue("relu", k, 2, d) for k in range(3)], found),
    )
    account.land(
        "takeishi2021.ky_fan",
        "The rank, and the share of all dimensions.",
        r"\frac{d (d + 3)}{2}, \quad \frac12 + \frac{3}{2 \pi}",
        identical([truncation_rank("relu", 2, d), truncated_share("relu", 2)], [d * (d + 3) / 2, share()]),
    )
    best = ky_fan_bound("relu", 2, d)
    account.land(
        "fimtheory.modes.ky_fan",
        "The bound of each dimension.",
        r"\frac12 + \lambda_0 \frac{3 d + 5}{(d + 1)^2}",
        identical([best.rank, sp.expand_func(best.share)], [d * (d + 3) / 2, best_share()]),
    )
    account.land(
        "takeishi2021.share",
        "The exact share of the three clusters as the claim states it, in two dimensions.",
        r"\frac12 + \frac{44}{9 \pi^2}",
        identical(
            [find("takeishi2021.share").predict()["exact share"].right.subs(DIMENSION, 2), best_share().subs(d, 2)],
            [sp.Rational(1, 2) + 44 / (9 * sp.pi**2)] * 2,
        ),
    )
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
