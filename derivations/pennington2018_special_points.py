r"""The special points z_1 .. z_6: where they come from, the order of the constants, the gap, and why there are no atoms.

*Source*: Pennington, Worah (2018), section 3.2, eqs. 23 to 26, and the order 0 <= zeta <= eta <= eta'.
*Lands on*: `theory.single_layer.special_points`.
*Departs from the text*: the paper reads the points off the poles of its integrand. Here they are the eigenvalues of
M(a, b) at the corners of [0, 4]^2. The locations, eqs. 23 and 24, are right as printed. Eq. 26 is not: the law has no
atoms at z_1 and z_4 unless f is linear or zeta = 0. And eq. 25 holds for the limiting law alone: of order n eigenvalues
of H stay outside of it. What the density does at the points is derived in `pennington2018_singularities.py`.
*Assumptions*: f has Gaussian mean zero; the spectrum of H tends to that of M(a, b) (`pennington2018_theorem1.py`).
"""

from __future__ import annotations

import itertools

import sympy as sp
from _network import gaussian_mean
from _single_layer import SHIFTS, a, alpha, b, beta, eta, eta_prime, two_modes, zeta
from _steps import Account, identical

from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

l = SYMBOLS["lambda"]
u, v = l - alpha, l - beta
DEGREE = 4

middle = eta / 2 + eta_prime / 2 + 3 * zeta
radius = sp.sqrt((eta_prime - eta) ** 2 + 64 * zeta**2) / 2
PRINTED = {
    "z1": eta - zeta,
    "z2": eta + 3 * zeta,
    "z3": middle - radius,
    "z4": eta_prime - zeta,
    "z5": eta_prime + 3 * zeta,
    "z6": middle + radius,
}


def order(account: Account) -> None:
    """0 <= zeta <= eta <= eta', and when there is equality."""
    t = sp.Symbol("t", real=True)
    c = sp.symbols(f"c_1:{DEGREE + 1}", real=True)
    powers = [sp.hermite_prob_poly(k, t) for k in range(1, DEGREE + 1)]
    f = sum(x * p for x, p in zip(c, powers, strict=True))
    slope = sp.diff(f, t)
    first, second, third = (gaussian_mean(sp.expand(e), {t: sp.S.One}) for e in (f**2, slope**2, slope))
    squares = [sp.factorial(k) * x**2 for k, x in enumerate(c, start=1)]
    account.define(
        r"$f = \sum_{k \geq 1} c_k\, \mathrm{He}_k$: the constant term is the Gaussian mean, and is zero.",
        r"\eta = \mathbb{E} f(Z)^2, \quad \eta' = \mathbb{E} f'(Z)^2, \quad \zeta = (\mathbb{E} f'(Z))^2",
    )
    account.move(
        r"Hermite polynomials are orthogonal, and $\mathrm{He}_k' = k\, \mathrm{He}_{k-1}$.",
        r"\eta = \sum_{k \geq 1} k!\, c_k^2, \quad \eta' = \sum_{k \geq 1} k\; k!\, c_k^2, \quad \zeta = c_1^2",
        identical(first, sum(squares), f"for polynomials of degree {DEGREE}"),
        identical(second, sum(k * e for k, e in enumerate(squares, start=1)), f"for polynomials of degree {DEGREE}"),
        identical(third, c[0], f"for polynomials of degree {DEGREE}"),
    )
    account.move(
        r"So $0 \leq \zeta \leq \eta \leq \eta'$: the differences are sums of squares. Either of them is zero only if"
        r" $c_k = 0$ for all $k \geq 2$: if $f$ is linear. And $\alpha - \beta \geq \beta$.",
        r"\beta = \eta - \zeta = \sum_{k \geq 2} k!\, c_k^2, \quad \alpha - \beta = \eta' - \eta = \sum_{k \geq 2} (k -"
        r" 1)\, k!\, c_k^2",
        identical(first - third**2, sum(squares[1:]), f"for polynomials of degree {DEGREE}"),
        identical(
            second - first,
            sum((k - 1) * e for k, e in enumerate(squares, start=1)),
            f"for polynomials of degree {DEGREE}",
        ),
    )


def locations(account: Account) -> None:
    """The characteristic polynomial at the corners."""
    polynomials = {c: (l * sp.eye(2) - two_modes(*c)).det() for c in itertools.product((0, 4), repeat=2)}
    account.define(
        r"With $\alpha = \eta' - \zeta$, $\beta = \eta - \zeta$, $u = \lambda - \alpha$ and $v = \lambda - \beta$,"
        r" $\lambda$ is an eigenvalue of $M(a, b)$ on a line of the plane of $a$ and $b$.",
        r"\det(\lambda - M) = u v - \zeta a v - \zeta b u",
    )
    expected = {
        (0, 0): ("z1", "z4"),
        (4, 0): ("z1", "z5"),
        (0, 4): ("z2", "z4"),
        (4, 4): ("z3", "z6"),
    }
    account.move(
        r"The density of $(a, b)$ is analytic inside the square $[0, 4]^2$, so that the spectrum can be singular only"
        r" where the line meets a corner or becomes a side: it is a side for $u = 0$ or $v = 0$, and then meets two"
        r" corners. At $(0, 0)$, $(4, 0)$, $(0, 4)$ and $(4, 4)$ the determinant is as follows; its zeros are eqs. 23 and"
        r" 24.",
        r"u v, \quad (u - 4 \zeta)\, v, \quad u\, (v - 4 \zeta), \quad u v - 4 \zeta (u + v)",
        *(
            identical(
                sp.expand(polynomials[corner].subs(SHIFTS)),
                sp.expand(sp.prod(l - PRINTED[name] for name in names)),
            )
            for corner, names in expected.items()
        ),
    )
    delta = alpha - beta
    places = (beta, alpha, beta + 4 * zeta, alpha + 4 * zeta)
    account.move(
        r"At $(4, 4)$ the determinant is positive at $z_1$ and negative at $z_4$, $z_2$ and $z_5$: of its two zeros $z_3$"
        r" lies above $z_1$ and below the three others, $z_6$ above them all. With $\delta = \alpha - \beta$:",
        r"z_1 < z_3 < \min(z_2, z_4), \quad z_6 > z_5: \quad 4 \zeta \delta, \; - 4 \zeta \delta, \; - 16 \zeta^2, \;"
        r" - 16 \zeta^2",
        identical(
            [sp.expand(polynomials[4, 4].subs(l, place)) for place in places],
            [sp.expand(e) for e in (4 * zeta * delta, -4 * zeta * delta, -16 * zeta**2, -16 * zeta**2)],
        ),
    )


def support(account: Account) -> None:
    """Edges and gap."""
    line = v / zeta - a * v / u
    last = (l * sp.eye(2) - two_modes(4, 4)).det()
    account.move(
        r"A fraction $F(\lambda) = \frac{1}{2} (\mathbf{1}[\lambda > \alpha] + P(b < b_\lambda(a)))$ of eigenvalues is"
        r" below $\lambda > \beta$. Between $\beta$ and $\alpha$ the line rises in $a$,"
        r" from $b_\lambda(0) = v/\zeta$: all of the square is below it from $v = 4 \zeta$ on. Above $\alpha$ it falls,"
        r" and all of the square is below it once $b_\lambda(4) \geq 4$, from $z_6$ on.",
        r"b_\lambda(a) = \frac{v}{\zeta} - \frac{a v}{u}, \quad b_\lambda(0) = \frac{v}{\zeta}, \quad b_\lambda(4) - 4"
        r" = \frac{u v - 4 \zeta (u + v)}{\zeta u}",
        identical(line.subs(a, 0), v / zeta),
        identical(sp.cancel(line.subs(a, 4) - 4), sp.cancel(last / (zeta * u))),
        identical(sp.diff(line, a), -v / u),
    )
    account.move(
        r"Hence the support is $[z_1, \min(z_2, z_4)]$ and $[z_4, z_6]$: half of the mass on either part, a gap if and"
        r" only if $z_2 < z_4$, and $z_1$, $z_6$ are the ends.",
        r"\text{gap} \quad \Longleftrightarrow \quad \eta' - \eta > 4 \zeta",
        identical(PRINTED["z4"] - PRINTED["z2"], eta_prime - eta - 4 * zeta),
    )


def no_atoms(account: Account) -> None:
    """Eq. 26."""
    coefficients = sp.Poly((l * sp.eye(2) - two_modes()).det(), a, b)
    account.move(
        r"An atom at $\lambda$ needs a positive probability of $\det(\lambda - M) = 0$. $a$ and $b$ have a density, so a"
        r" line has probability zero; all of the plane it is only if every coefficient vanishes: if $u = v = 0$, that is"
        r" $\alpha = \beta$ and $f$ is linear, or if $\zeta = 0$ and $u v = 0$. The delta functions of eq. 26 do not"
        r" exist otherwise.",
        r"u v, \quad - \zeta v, \quad - \zeta u",
        identical(
            [coefficients.coeff_monomial(m) for m in (1, a, b, a * b)],
            [sp.expand(u * v), sp.expand(-zeta * v), sp.expand(-zeta * u), 0],
        ),
    )
    both = sp.Matrix([u * v, zeta * v, zeta * u])
    account.move(
        r"With $\alpha = \beta$ half of the mass is at $\alpha$; with $\zeta = 0$ half each at $\alpha$ and $\beta$.",
        r"\alpha = \beta: \; \det(\lambda - M) = u \left(u - \zeta (a + b)\right), \quad \zeta = 0: \; \det(\lambda - M)"
        r" = u v",
        identical(
            sp.expand((l * sp.eye(2) - two_modes()).det().subs(beta, alpha)), sp.expand(u * (u - zeta * (a + b)))
        ),
        identical((l * sp.eye(2) - two_modes()).det().subs(zeta, 0), u * v),
        identical(both.subs({l: alpha, beta: alpha}), sp.zeros(3, 1)),
    )


# --- landing


def land(account: Account) -> None:
    """The package's formulas."""
    from fimtheory.theory.single_layer import special_points

    found = special_points()
    account.land(
        "theory.single_layer.special_points",
        "The package's special points.",
        rf"z_3 = {latex(found['z3'])}",
        identical(list(PRINTED.values()), [found[name] for name in PRINTED]),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("The special points of the single-layer spectrum")
    order(account)
    locations(account)
    support(account)
    no_atoms(account)
    land(account)
    print(account)
    return account


if __name__ == "__main__":
    main()
