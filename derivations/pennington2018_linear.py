r"""The spectrum of a linear hidden layer: half an atom at 0, and the law of the sum of two Marchenko-Pastur variables.

*Source*: Pennington, Worah (2018), section 2.5, eqs. 17 and 18.
*Lands on*: `theory.linear_layer.linear_density`.
*Departs from the text*: the paper sums a series of moments. Here the density of a + b is one integral, an E at once, and
Landen's transformation brings it to the printed form. K and E are functions of the *parameter*, as eq. 18 has them,
not of the modulus. At l = 4 the printed formula is 0 times infinity; it stands for its limit 1/(2 pi^2).
*Assumptions*: f(x) = x, so that alpha = beta = 0 and zeta = 1 in M(a, b) (`pennington2018_theorem1.py`).
"""

from __future__ import annotations

import sympy as sp
from _single_layer import a, alpha, b, beta, marchenko_pastur, mean, two_modes, zeta
from _steps import Account, agreeing, identical, random_points
from mpmath import mp

from fimtheory.notation import SYMBOLS

l = SYMBOLS["lambda"]
y, h, g, k, m = sp.symbols("y h g k m", positive=True)
BELOW, ABOVE = random_points(0, 4, 2, seed=5), random_points(4, 8, 2, seed=6)
ENDS = {h: l / 2, g: 4 - l / 2}


def rank_one(account: Account) -> None:
    """The two eigenvalues."""
    M = two_modes().subs({alpha: 0, beta: 0, zeta: 1})
    account.define(
        r"$a$ and $b$ are independent with the density $p(t) = \sqrt{(4 - t)/t}/(2 \pi)$ on $[0, 4]$.",
        r"M(a, b) = \begin{pmatrix} a & \sqrt{a b} \\ \sqrt{a b} & b \end{pmatrix}",
    )
    account.move(
        r"The eigenvalues are $0$ and $a + b$: half of the spectrum is an atom at 0.",
        r"\det(z - M) = z (z - a - b), \quad \rho(\lambda) = \frac{1}{2} \delta(\lambda) + \frac{1}{2}"
        r" \int p(a)\, p(\lambda - a)\; \mathrm{d}a",
        identical((l * sp.eye(2) - M).det(), l * (l - a - b)),
    )


def one_integral(account: Account) -> None:
    """An even integrand."""
    first, second = l / 2 + y, l / 2 - y
    radicand = (4 - first) / first * (4 - second) / second
    account.move(
        r"Put $a = \lambda/2 + y$, $b = \lambda/2 - y$. Four roots pair up; $h$ or $g$ ends the integral, whichever is"
        r" smaller.",
        r"\rho = \frac{1}{8 \pi^2} \int_{|y| < \min(h, g)} \sqrt{\frac{g^2 - y^2}{h^2 - y^2}}\; \mathrm{d}y, \quad"
        r" h = \frac{\lambda}{2}, \quad g = 4 - \frac{\lambda}{2}",
        identical(sp.cancel(radicand), sp.cancel(((g**2 - y**2) / (h**2 - y**2)).subs(ENDS))),
        agreeing(convolution, even_integral, r"\lambda", BELOW + ABOVE),
    )
    account.move(
        r"With $y = h \sin \theta$ the case $h < g$ is Legendre's second integral; with $y = g \sin \theta$ the case"
        r" $h > g$ takes two kinds.",
        r"\rho = \begin{cases} \frac{g}{4 \pi^2} E(h^2/g^2) & \lambda < 4 \\ \frac{1}{4 \pi^2 h} \left[h^2 E(g^2/h^2) -"
        r" (h^2 - g^2) K(g^2/h^2)\right] & \lambda > 4 \end{cases}",
        agreeing(even_integral, legendre, r"\lambda", BELOW + ABOVE),
    )


def convolution(at):
    """Half the density of a + b, by brute force; a = low + width sin^2 takes away the roots at the ends."""
    low, high = max(at - 4, mp.zero), min(at, mp.mpf(4))

    def integrand(angle):
        t = low + (high - low) * mp.sin(angle) ** 2
        return marchenko_pastur(t) * marchenko_pastur(at - t) * (high - low) * mp.sin(2 * angle)

    with mp.extradps(20):
        return mp.quad(integrand, [0, mp.pi / 2], method="gauss-legendre") / 2


def even_integral(at):
    """The same in y, for y = min(h, g) sin."""
    inner, outer = at / 2, 4 - at / 2
    end = min(inner, outer)

    def integrand(angle):
        square = (end * mp.sin(angle)) ** 2
        return mp.sqrt((outer**2 - square) / (inner**2 - square)) * end * mp.cos(angle)

    with mp.extradps(20):
        return 2 * mp.quad(integrand, [0, mp.pi / 2], method="gauss-legendre") / (8 * mp.pi**2)


def legendre(at):
    """The two cases in K and E of the parameter."""
    inner, outer = at / 2, 4 - at / 2
    if inner < outer:
        return outer * mp.ellipe((inner / outer) ** 2) / (4 * mp.pi**2)
    ratio = (outer / inner) ** 2
    both = inner**2 * mp.ellipe(ratio) - (inner**2 - outer**2) * mp.ellipk(ratio)
    return both / (4 * mp.pi**2 * inner)


def landen(account: Account) -> sp.Expr:
    """The printed form."""
    moduli = random_points(0, 1, 3, seed=8)
    big, small = (lambda x: 4 * x / (1 + x) ** 2), (lambda x: x**2)
    account.move(
        r"Landen's transformation.",
        r"m = \frac{4 k}{(1 + k)^2}: \quad K(m) = (1 + k) K(k^2), \quad (1 + k) E(m) = 2 E(k^2) - (1 - k^2) K(k^2)",
        agreeing(lambda x: mp.ellipk(big(x)), lambda x: (1 + x) * mp.ellipk(small(x)), "k", moduli),
        agreeing(
            lambda x: (1 + x) * mp.ellipe(big(x)),
            lambda x: 2 * mp.ellipe(small(x)) - (1 - x**2) * mp.ellipk(small(x)),
            "k",
            moduli,
        ),
    )
    # K and E at m in terms of those at the smaller parameter, k = h/g below 4 and k = g/h above.
    K, E = sp.symbols("K E")
    at_m = {"K": (1 + k) * K, "E": (2 * E - (1 - k**2) * K) / (1 + k)}
    printed = at_m["E"] / (2 * sp.pi**2) + (4 - l) * at_m["K"] / (8 * sp.pi**2)
    parameter = (8 - l) * l / 16
    account.move(
        r"As $h + g = 4$ and $g - h = 4 - \lambda$, both cases become eq. 17.",
        r"\rho = \frac{1}{2 \pi^2} E(m) + \frac{4 - \lambda}{8 \pi^2} K(m), \quad m = \frac{4 h g}{(h + g)^2} ="
        r" \frac{(8 - \lambda) \lambda}{16}",
        identical((4 * h * g / (h + g) ** 2).subs(ENDS), parameter),
        identical(sp.cancel(printed.subs(k, h / g).subs(ENDS)), sp.cancel((g * E / (4 * sp.pi**2)).subs(ENDS))),
        identical(
            sp.cancel(printed.subs(k, g / h).subs(ENDS)),
            sp.cancel(((h**2 * E - (h**2 - g**2) * K) / (4 * sp.pi**2 * h)).subs(ENDS)),
        ),
    )
    return sp.elliptic_e(parameter) / (2 * sp.pi**2) + (4 - l) * sp.elliptic_k(parameter) / (8 * sp.pi**2)


def special_values(account: Account, density: sp.Expr) -> None:
    """At 4, at 0, and the moments."""
    account.move(
        r"At $\lambda = 4$, where $h = g$ and $m = 1$, the integrand is 1; the logarithm of $K$ is beaten by $4 -"
        r" \lambda$. At $0$ the density is finite.",
        r"\rho(4) = \frac{1}{8 \pi^2} \int_{-2}^{2} \mathrm{d}y = \frac{1}{2 \pi^2}, \quad \rho(0^+) = \frac{1}{2 \pi}",
        identical(sp.integrate(1 / (8 * sp.pi**2), (y, -ENDS[h].subs(l, 4), ENDS[h].subs(l, 4))), 1 / (2 * sp.pi**2)),
        identical(sp.elliptic_e(1) / (2 * sp.pi**2), 1 / (2 * sp.pi**2)),
        identical(density.subs(l, 0), 1 / (2 * sp.pi)),
    )
    f = sp.lambdify(l, density, "mpmath")
    account.move(
        r"The moments of the density are halves of the sums of eq. 16.",
        r"\int_0^8 \lambda^k \rho(\lambda)\; \mathrm{d}\lambda = \frac{1}{2}\, \mathbb{E} (a + b)^k = \frac{1}{2}"
        r" \sum_{j=0}^{k} \binom{k}{j} C_j\, C_{k-j}",
        agreeing(
            lambda order: mp.quad(lambda x: x**order * f(x), [0, 4, 8]),
            lambda order: mp.mpf(int(mean((a + b) ** int(order)))) / 2,
            "k",
            [sp.Integer(order) for order in range(4)],
        ),
    )


# --- landing


def land(account: Account, density: sp.Expr) -> None:
    """The function of the package, at 4 too."""
    from fimtheory.theory.linear_layer import linear_density

    account.land(
        "theory.linear_layer.linear_density",
        "The package's density.",
        r"\rho(\lambda), \quad \rho(4) = \frac{1}{2 \pi^2}",
        identical(density, linear_density()),
        identical(1 / (2 * sp.pi**2), linear_density(sp.Integer(4))),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("The spectrum of a linear hidden layer")
    rank_one(account)
    one_integral(account)
    density = landen(account)
    special_values(account, density)
    land(account, density)
    print(account)
    return account


if __name__ == "__main__":
    main()
