r"""The smoothness of a dual at c = 1: the first term that is no power of 1 - c, and what it owes to the jumps.

*Source*: our own; for ReLU the exponent 3/2 is visible in the arc-cosine kernel of Cho, Saul (2009).
*Lands on*: `activation("step").expansion`, `activation("relu_cubed").expansion`, `activation("hardtanh").expansion`.
*Departs from the text*: there is none to depart from. A step loses the probability that U and V lie on different
sides of it; everything else follows by differentiating in c.
*Assumptions*: f is piecewise smooth, m is the order of the first derivative that jumps, q > 0.
"""

from __future__ import annotations

import sympy as sp
from _steps import Account, agreeing, identical, random_points
from mpmath import mp

from fimtheory.activations import activation
from fimtheory.functions import density
from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

q, c = SYMBOLS["q"], SYMBOLS["c"]
e, t = sp.symbols("e t", positive=True)
h, x = sp.symbols("h x", real=True)
m = sp.Symbol("m", integer=True, nonnegative=True)

POINTS = random_points(0, 1, 2, seed=4)


def one_step(account: Account) -> sp.Expr:
    """What a single step loses."""
    account.define(
        r"$U$ and $V$ are centred Gaussian of variance $q$ and correlation $c = 1 - e$; $f = \mathbf{1}[x > h]$.",
        r"I(c) = \mathbb{E}\, f(U)\, f(V)",
    )
    account.move(
        r"Only pairs on different sides of $h$ are lost: $f(U) f(V) = f(U) - f(U) (1 - f(V))$.",
        r"I(1) - I(c) = P(U > h > V)",
        identical([a - a * (1 - b) for a in (0, 1) for b in (0, 1)], [a * b for a in (0, 1) for b in (0, 1)]),
    )
    account.move(
        r"By Plackett's identity the loss is the integral of the bivariate density at $(h, h)$ over the correlation,"
        r" and $c = \cos \theta$ takes the root away.",
        r"P(U > h > V) = \frac{1}{2 \pi} \int_0^{\theta} \exp\left(-\frac{h^2}{q (1 + \cos s)}\right) \mathrm{d}s,"
        r" \quad \theta = \arccos c",
        agreeing(_lost_by_plackett, _lost_by_brute_force, "e", POINTS),
    )
    lost = density(h / sp.sqrt(q)) * sp.sqrt(e / sp.pi)
    integrand = sp.exp(-(h**2) / (q * (1 + sp.cos(t)))) / (2 * sp.pi)
    account.move(
        r"To first order the integrand is its value at zero, $\frac{1}{2 \pi} e^{-h^2/(2 q)}$, and $\theta$ is"
        r" $\sqrt{2 e}$. With $\varphi$ the standard normal density,",
        r"P(U > h > V) = \varphi\left(\frac{h}{\sqrt{q}}\right) \sqrt{\frac{e}{\pi}} + O(e^{3/2})",
        identical(integrand.subs(t, 0) * sp.sqrt(2 * e), lost),
        identical(sp.limit(sp.acos(1 - e) / sp.sqrt(e), e, 0), sp.sqrt(2)),
    )
    return lost


def _lost_by_plackett(at):
    """At q = 1 and h = 1/2."""
    return mp.quad(lambda s: mp.exp(-mp.mpf(1) / 4 / (1 + mp.cos(s))), [0, mp.acos(1 - at)]) / (2 * mp.pi)


def _lost_by_brute_force(at):
    """P(U > 1/2 > V) as an integral over U of the conditional probability."""
    r, half = 1 - at, mp.mpf(1) / 2
    return mp.quad(lambda u: mp.npdf(u) * mp.ncdf((half - r * u) / mp.sqrt(1 - r * r)), [half, 1, 2, 4, 12])


def many_jumps(account: Account, lost: sp.Expr) -> None:
    """Jumps J_i at h_i: the diagonal pairs count."""
    jump, other = sp.symbols("J_1 J_2", real=True)
    account.move(
        r"A function with jumps $J_i$ at $h_i$ is a sum of steps and a continuous function. Two steps at different"
        r" places give $P(U > h_1, V > h_2)$, smooth at $c = 1$; so the squares of the jumps add up.",
        r"I(1) - I(c) = \sum_i J_i^2\, \varphi\left(\frac{h_i}{\sqrt{q}}\right) \sqrt{\frac{e}{\pi}} + \dots",
        identical(sp.expand((jump + other) ** 2).coeff(jump * other), 2),
        identical(lost.subs(h, -h), lost),
    )


def every_order(account: Account) -> sp.Expr:
    """From f^(m) back to f, by m integrations in c."""
    account.move(
        r"The derivative of a dual in $c$ is $q$ times the dual of the derivative (Price), so $\partial_c^m I$ is $q^m$"
        r" times the dual of $f^{(m)}$, which jumps. For polynomials, which determine the identity:",
        r"\partial_c\, \mathbb{E}\, f(U)\, f(V) = q\, \mathbb{E}\, f'(U)\, f'(V)",
        *(
            identical(sp.diff(activation(x**k).dual(q, c), c), q * activation(k * x ** (k - 1)).dual(q, c))
            for k in (2, 3, 4)
        ),
    )
    power = sp.gamma(sp.Rational(3, 2)) / sp.gamma(m + sp.Rational(3, 2))
    account.move(
        r"$m$ integrations of $\sqrt{e}$ in $e$ give $e^{m + 1/2}$ with a quotient of Gamma functions; each one in"
        r" $c = 1 - e$ brings a sign.",
        r"\sqrt{e} \;\to\; \frac{\Gamma(3/2)}{\Gamma(m + 3/2)}\, e^{m + 1/2}",
        *(
            identical(sp.diff(power.subs(m, k) * e ** (k + sp.S.Half), e, k), sp.sqrt(e), f"for $m = {k}$")
            for k in range(4)
        ),
    )
    constant = sp.simplify((-1) ** (m + 1) * q**m * power / sp.sqrt(sp.pi))
    account.move(
        r"Together: the first term of $I(1 - e)$ that is no power of $e$ has the exponent $m + 1/2$ and the coefficient",
        r"C = \frac{(-1)^{m + 1}\, q^m}{2\, \Gamma(m + 3/2)} \sum_i J_i^2\, \varphi\left(\frac{h_i}{\sqrt{q}}\right)",
        identical(constant, (-1) ** (m + 1) * q**m / (2 * sp.gamma(m + sp.Rational(3, 2)))),
    )
    return constant


# --- landing


def land(account: Account, constant: sp.Expr) -> None:
    """The package reads the jumps off the activation."""
    centre, edge = density(sp.S.Zero), density(1 / sp.sqrt(q))
    for name, order, strength in (("step", 0, centre), ("relu_cubed", 3, 36 * centre), ("hardtanh", 1, 2 * edge)):
        found = activation(name).expansion(q)
        account.land(
            f'activation("{name}").expansion',
            rf"The package's coefficient, with the exponent ${latex(found.exponent)}$.",
            rf"C = {latex(found.coefficient)}",
            identical([found.exponent, found.coefficient], [order + sp.S.Half, constant.subs(m, order) * strength]),
        )


def main() -> Account:
    """Derive, land, print."""
    account = Account("The smoothness of a kernel")
    lost = one_step(account)
    many_jumps(account, lost)
    land(account, every_order(account))
    print(account)
    return account


if __name__ == "__main__":
    main()
