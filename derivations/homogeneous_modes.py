r"""Eigenvalues of every degree for an activation that is one power on a half-line: Rodrigues, by parts, Beta, duplication.

*Source*: documents 000 and 001 treat ReLU, approximately and up to degree 2; the Funk-Hecke theorem.
*Lands on*: `fimtheory.modes.homogeneous`, `fimtheory.modes.recursion`, `fimtheory.modes.trace`.
*Departs from the text*: nothing is truncated, so there is an eigenvalue in every degree, and the values of the first
three are exact. Hidden weights are $N(0, I_d)$ and the matrix has a factor $1/m$; the text has $N(0, I_d/m)$ without it.
*Assumptions*: f(t) = t_+^alpha with alpha > -1/2, weights and inputs N(0, I_d), the width m to infinity first.
"""

from __future__ import annotations

import sympy as sp
from _steps import WORKING, Account, agreeing, identical, random_points
from mpmath import mp

t, alpha = sp.Symbol("t", real=True), sp.Symbol("alpha", positive=True)
u = sp.Symbol("u")  # a degree that need not be whole: no Gamma sits on a pole
d, k = sp.Symbol("d", positive=True, integer=True), sp.Symbol("k", nonnegative=True, integer=True)

CASES = [(dimension, degree) for dimension in (3, 5) for degree in range(4)]
POINTS = random_points(0, 2, 2, seed=6)


def legendre(dimension: int, degree: int) -> sp.Expr:
    """P_k in this dimension, from orthogonality alone: Gram-Schmidt on powers, P_k(1) = 1."""
    weight = (1 - t**2) ** sp.Rational(dimension - 3, 2)
    found: list[sp.Expr] = []
    for n in range(degree + 1):
        p = t**n
        for q in found:
            p -= q * sp.integrate(t**n * q * weight, (t, -1, 1)) / sp.integrate(q * q * weight, (t, -1, 1))
        found.append(sp.expand(p))
    return sp.expand(found[-1] / found[-1].subs(t, 1))


def rodrigues(dimension: int, degree: int) -> sp.Expr:
    """The same polynomial as a derivative."""
    s = sp.Rational(dimension - 3, 2)
    factor = sp.Rational(-1, 2) ** degree * sp.gamma(s + 1) / sp.gamma(degree + s + 1)
    return sp.expand(sp.cancel(factor * (1 - t**2) ** (-s) * sp.diff((1 - t**2) ** (degree + s), t, degree)))


def coefficient(a, dimension, degree) -> sp.Expr:
    """What the derivation arrives at."""
    a, dimension, degree = map(sp.sympify, (a, dimension, degree))
    lower = sp.gamma((a - degree) / 2 + 1) * sp.gamma((a + degree + dimension) / 2)
    return sp.gamma(dimension / 2) * sp.gamma(a + 1) / (2 ** (a + 1) * lower)


def angular(account: Account) -> None:
    """The average of t_+^alpha P_k(t)."""
    account.define(
        r"$t$ is one coordinate of a uniform point of the sphere in $\mathbb{R}^d$, $P_k$ the polynomials orthogonal under"
        r" its law, $P_k(1) = 1$. By the Funk-Hecke theorem degree $k$ is multiplied by",
        r"c_k = \frac{\Gamma(\frac d2)}{\sqrt{\pi}\, \Gamma(\frac{d-1}{2})} \int_0^1 t^\alpha P_k(t)\, (1 - t^2)^{(d-3)/2}"
        r"\, \mathrm{d}t",
    )
    account.move(
        r"Rodrigues' formula writes $P_k$ and the weight as a derivative.",
        r"P_k\, (1 - t^2)^{(d-3)/2} = \left(-\tfrac12\right)^k \frac{\Gamma(\frac{d-1}{2})}{\Gamma(k + \frac{d-1}{2})}"
        r" \frac{\mathrm{d}^k}{\mathrm{d}t^k} (1 - t^2)^{k + (d-3)/2}",
        identical([rodrigues(*c) for c in CASES], [legendre(*c) for c in CASES], "for $d = 3, 5$ and $k \\le 3$"),
    )
    whole = [(n, degree) for n in (4, 5) for degree in (1, 2, 3)]
    account.move(
        r"Integrate by parts $k$ times. The boundary terms vanish for $\alpha > k - 1$; both sides are analytic in"
        r" $\alpha$, which gives the others.",
        r"\int_0^1 t^\alpha \frac{\mathrm{d}^k}{\mathrm{d}t^k} (1 - t^2)^{k + (d-3)/2} \mathrm{d}t = (-1)^k"
        r" \frac{\Gamma(\alpha + 1)}{\Gamma(\alpha - k + 1)} \int_0^1 t^{\alpha - k} (1 - t^2)^{k + (d-3)/2}\, \mathrm{d}t",
        identical([_by_parts(n, j) for n, j in whole], [_directly(n, j) for n, j in whole], "for $d = 5$"),
    )
    account.move(
        r"What is left is a Beta function in $t^2$, and Legendre's duplication formula leaves two Gammas below.",
        r"c_k = \frac{\Gamma(\frac d2)\, \Gamma(\alpha + 1)}{2^{\alpha + 1}\, \Gamma(\frac{\alpha - k}{2} + 1)\,"
        r" \Gamma(\frac{\alpha + k + d}{2})}",
        agreeing(lambda a: _number(a, 6, 1), lambda a: _quadrature(a, 6, 1), r"\alpha", POINTS),
        agreeing(lambda a: _number(a, 4, 3), lambda a: _quadrature(a, 4, 3), r"\alpha", POINTS),
    )


def _by_parts(n: int, degree: int) -> sp.Expr:
    inner = sp.integrate(sp.expand(t ** (n - degree) * (1 - t**2) ** (degree + 1)), (t, 0, 1))
    return (-1) ** degree * sp.ff(n, degree) * inner


def _directly(n: int, degree: int) -> sp.Expr:
    return sp.integrate(sp.expand(t**n * sp.diff((1 - t**2) ** (degree + 1), t, degree)), (t, 0, 1))


def _number(a, dimension: int, degree: int):
    upper = [mp.mpf(dimension) / 2, a + 1]
    return mp.gammaprod(upper, [(a - degree) / 2 + 1, (a + degree + dimension) / 2]) / 2 ** (a + 1)


def _quadrature(a, dimension: int, degree: int):
    polynomial = sp.lambdify(t, _gegenbauer(dimension, degree), "mpmath")
    norm = mp.gammaprod([mp.mpf(dimension) / 2], [(mp.mpf(dimension) - 1) / 2]) / mp.sqrt(mp.pi)
    with mp.workdps(WORKING + 15):
        return norm * mp.quad(lambda x: x**a * polynomial(x) * mp.sqrt(1 - x * x) ** (dimension - 3), [0, 0.01, 0.5, 1])


def _gegenbauer(dimension: int, degree: int) -> sp.Expr:
    return sp.gegenbauer(degree, sp.Rational(dimension - 2, 2), t) / sp.gegenbauer(
        degree, sp.Rational(dimension - 2, 2), 1
    )


def radial(account: Account) -> sp.Expr:
    """The lengths, and the eigenvalue."""
    account.move(
        r"With $w = r \omega$ and $x = \varrho \xi$ the map $g \mapsto \mathbb{E}_w\, g(w)\, f(w \cdot x)$ takes"
        r" $r^\alpha Y_k(\omega)$ to a multiple of $\varrho^\alpha Y_k(\xi)$: the power of $r \varrho$ factorises. Twice,"
        r" for weights and inputs,",
        r"\lambda_k = c_k^2 \left(\mathbb{E}\, r^{2 \alpha}\right)^2, \quad \mathbb{E}\, r^2 = d",
        agreeing(_norm_through_relu, lambda rho: rho * 3 * _number(mp.mpf(1), 3, 0), r"\varrho", POINTS),
        identical([_mean_square(n) for n in (1, 2, 3)], [1, 2, 3], "for $d = 1, 2, 3$"),
    )
    eigenvalue = d**2 * coefficient(1, d, k) ** 2
    account.move(
        r"For ReLU, $\alpha = 1$: $\lambda_1$ is $1/4$ in every dimension, odd degrees from 3 on sit on a pole of the Gamma"
        r" function and vanish, and the rest follow from two by two.",
        r"\lambda_{k+2} = \lambda_k \left(\frac{k - 1}{k + d + 1}\right)^2",
        identical(sp.gammasimp(eigenvalue.subs(k, 1)), sp.Rational(1, 4)),
        identical(sp.powdenest(sp.expand_func(_coefficient_ratio())), ((1 - u) / (u + d + 1)), "as functions of $k$"),
    )
    return eigenvalue


def _norm_through_relu(rho):
    """E |w| relu(w . x) in three dimensions: u along x, and the mean of |w| over the plane across it."""

    def mean_length(u):
        return u + mp.exp(u * u / 2) * mp.sqrt(mp.pi / 2) * mp.erfc(u / mp.sqrt(2))

    return rho * mp.quad(lambda u: u * mp.npdf(u) * mean_length(u), [0, 1, 4, 14])


def _mean_square(n: int) -> sp.Expr:
    r = sp.Symbol("r", positive=True)
    density = r ** (n - 1) * sp.exp(-(r**2) / 2)
    return sp.integrate(r**2 * density, (r, 0, sp.oo)) / sp.integrate(density, (r, 0, sp.oo))


def _coefficient_ratio() -> sp.Expr:
    """c_{k+2}/c_k for ReLU, of which lambda has the square."""
    return coefficient(1, d, u + 2) / coefficient(1, d, u)


def total(account: Account) -> None:
    """The sum of all eigenvalues."""
    account.move(
        r"By the addition theorem the harmonics of degree $k$ have the mean square sum $N(d, k)$, so Parseval's identity"
        r" adds up to the trace.",
        r"\sum_k N(d, k)\, \lambda_k = d^2\, \mathbb{E}\, t_+^2 = \frac{d}{2}",
        agreeing(_sum_of_all, lambda n: n / 2, "d", [sp.Integer(5), sp.Integer(8)]),
    )


def _sum_of_all(n):
    def term(j):
        degree = 2 * j
        copies = mp.binomial(n + degree - 1, degree) - (mp.binomial(n + degree - 3, degree - 2) if j else 0)
        return copies * (n * _number(mp.mpf(1), n, degree)) ** 2

    with mp.workdps(WORKING + 10):
        return n / mp.mpf(4) + mp.nsum(term, [0, mp.inf])


# --- landing


def main() -> Account:
    """Derive, compare with the package, print."""
    from fimtheory.catalogue import find
    from fimtheory.theory.homogeneous import funk_hecke_power
    from fimtheory.theory.kernel_modes import KernelModes

    account = Account("Eigenvalues of every degree of a homogeneous activation")
    angular(account)
    eigenvalue = radial(account)
    total(account)
    for name in ("homogeneous", "recursion", "trace"):
        find(f"fimtheory.modes.{name}")
    cases = [(a, n, j) for a in (0, 1, 2) for n in (2, 3, 6) for j in (0, 1)]
    account.land(
        "fimtheory.modes.homogeneous",
        "The coefficient that the package uses.",
        r"c_k(t_+^\alpha)",
        identical([funk_hecke_power(*case) for case in cases], [coefficient(*case) for case in cases], "for 18 cases"),
    )
    relu = {n: [mode.eigenvalue for mode in KernelModes("relu", n, 4).modes] for n in (3, 4)}
    account.land(
        "fimtheory.modes.recursion",
        "The even degrees of ReLU, found by the package for given dimensions.",
        r"\lambda_0, \lambda_2, \lambda_4",
        identical(
            [relu[n][j] for n in relu for j in (0, 2, 4)],
            [eigenvalue.subs({d: n, k: j}) for n in relu for j in (0, 2, 4)],
            "for $d = 3, 4$",
        ),
    )
    account.land(
        "fimtheory.modes.trace",
        "The trace that the package states.",
        r"\frac{d}{2}",
        identical([KernelModes("relu", n, 0).trace for n in (1, 2, 7)], [sp.Rational(n, 2) for n in (1, 2, 7)]),
    )
    print(account)
    return account


if __name__ == "__main__":
    main()
