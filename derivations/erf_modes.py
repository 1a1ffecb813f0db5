r"""The eigenvalues of erf with weights on a sphere: an arcsine, term by term, is a Gauss hypergeometric function.

*Source*: documents 000 and 001 treat ReLU alone; the arcsine kernel is Williams' (1997).
*Lands on*: `fimtheory.modes.erf_sphere`.
*Departs from the text*: there is none to depart from.
*Assumptions*: $|w| = R$ for all hidden units, inputs N(0, I_d), the width m to infinity.
"""

from __future__ import annotations

import itertools

import sympy as sp
from _steps import Account, agreeing, identical, random_points
from mpmath import mp

from fimtheory.activations import activation
from fimtheory.notation import SYMBOLS

c, q = SYMBOLS["c"], SYMBOLS["q"]
d, i, k, n = sp.symbols("d i k n", positive=True)
t = sp.Symbol("t", real=True)

POINTS = random_points(0, 1, 3, seed=9)


def kernel(account: Account) -> None:
    """The dual, and its power series."""
    account.move(
        r"All pre-activations have the variance $q = R^2$; the kernel is the dual of erf, a function of the cosine $c$.",
        r"\kappa(c) = \frac{2}{\pi} \arcsin(g c), \quad g = \frac{2 q}{1 + 2 q}",
        identical(activation("erf").dual(q, c), 2 * sp.asin(2 * q * c / (1 + 2 * q)) / sp.pi),
    )
    series = [sp.asin(t).series(t, 0, 12).removeO().coeff(t, j) for j in range(1, 12, 2)]
    account.move(
        r"The coefficients of the arcsine have a simple ratio.",
        r"\arcsin c = \sum_n a_n c^n, \quad \frac{a_{n+2}}{a_n} = \frac{n^2}{(n + 1)(n + 2)}",
        identical(
            [b / a for a, b in itertools.pairwise(series)],
            [arcsine_ratio(sp.Integer(j)) for j in range(1, 10, 2)],
            r"for $n \le 9$",
        ),
    )


def arcsine_ratio(j) -> sp.Expr:
    """a_{j+2}/a_j."""
    return j**2 / ((j + 1) * (j + 2))


def power_ratio(j, degree, dimension) -> sp.Expr:
    """The same for the averages of t^j P_k(t)."""
    return (j + 1) * (j + 2) / ((j - degree + 2) * (j + degree + dimension))


def powers(account: Account) -> None:
    """What a power of the cosine contributes to a degree."""
    cases = [(j, degree, dimension) for dimension in (3, 5) for degree in (1, 2, 3) for j in (degree, degree + 2)]
    account.move(
        r"A power $c^n$ multiplies degree $k$ by the average $t_{n,k}$ of $t^n P_k(t)$ over the sphere, zero unless $n - k$"
        r" is even and not negative; in the Gammas of the derivation of homogeneous activations",
        r"\frac{t_{n+2,k}}{t_{n,k}} = \frac{(n + 1)(n + 2)}{(n - k + 2)(n + k + d)}",
        identical(
            [_average(j + 2, degree, dimension) / _average(j, degree, dimension) for j, degree, dimension in cases],
            [power_ratio(sp.Integer(j), degree, dimension) for j, degree, dimension in cases],
            "for $d = 3, 5$ and $k \\le 3$",
        ),
    )


def _average(j: int, degree: int, dimension: int) -> sp.Expr:
    s = sp.Rational(dimension - 2, 2)
    polynomial = sp.gegenbauer(degree, s, t) / sp.gegenbauer(degree, s, 1)
    weight = (1 - t**2) ** sp.Rational(dimension - 3, 2)
    return sp.integrate(sp.expand(t**j * polynomial * weight), (t, -1, 1)) / sp.integrate(weight, (t, -1, 1))


def summed(account: Account) -> None:
    """The series of a degree."""
    product = (arcsine_ratio(n) * power_ratio(n, k, d)).subs(n, k + 2 * i)
    account.move(
        r"In degree $k$ the terms are $n = k + 2 i$, and the ratio of neighbours is that of a Gauss series: the factors"
        r" $(n+1)(n+2)$ cancel.",
        r"\frac{a_{n+2}\, t_{n+2,k}}{a_n\, t_{n,k}} = \frac{(i + \frac k2)^2}{(i + 1)(i + k + \frac d2)}",
        identical(product, (i + k / 2) ** 2 / ((i + 1) * (i + k + d / 2))),
    )
    account.move(
        r"So degree $k$, odd, has the eigenvalue",
        r"\lambda_k = \frac{2}{\pi}\, a_k\, t_{k,k}\, g^k\, {}_2F_1\!\left(\tfrac k2, \tfrac k2; k + \tfrac d2; g^2\right)",
        *(agreeing(lambda g, j=j: _gauss(g, j), lambda g, j=j: _quadrature(g, j), "g", POINTS) for j in (1, 3)),
    )


def _leading(degree: int) -> sp.Expr:
    return sp.asin(t).series(t, 0, degree + 1).removeO().coeff(t, degree) * _average(degree, degree, 3)


def _gauss(g, degree: int):
    """d = 3."""
    first = _leading(degree)
    half = mp.mpf(degree) / 2
    return 2 / mp.pi * mp.mpf(first.p) / first.q * g**degree * mp.hyp2f1(half, half, degree + mp.mpf(3) / 2, g**2)


def _quadrature(g, degree: int):
    return mp.quad(lambda x: mp.asin(g * x) * mp.legendre(degree, x), [-1, 0, 1]) / mp.pi


# --- landing


def main() -> Account:
    """Derive, compare with the package, print."""
    from fimtheory.catalogue import find
    from fimtheory.theory.sphere_modes import sphere_eigenvalue

    account = Account("Eigenvalues of erf with weights on a sphere")
    kernel(account)
    powers(account)
    summed(account)
    find("fimtheory.modes.erf_sphere")
    g = sp.Rational(2, 3)
    ours = [
        2 * _leading(j) * g**j * sp.hyper([sp.Rational(j, 2)] * 2, [j + sp.Rational(3, 2)], g**2) / sp.pi
        for j in (1, 3, 5)
    ]
    account.land(
        "fimtheory.modes.erf_sphere",
        "The eigenvalues that the package finds at $R = 1$ in three dimensions.",
        r"\lambda_1, \lambda_3, \lambda_5",
        identical([sphere_eigenvalue(activation("erf"), 3, j, sp.S.One) for j in (1, 3, 5)], ours),
    )
    print(account)
    return account


if __name__ == "__main__":
    main()
