r"""Whole spectra of deep kernels, samples as many as units: the equations of the resolvent, and what they give.

*Source*: Fan, Wang (2020), theorems 3.4 and 3.7, for centred networks; Karakida, Akaho, Amari (2020), Fig. 6 (right).
*Lands on*: `fanwang2020.thm3.4`, `fimtheory.mean_subtracted_spectrum`.
*Departs from the text*: networks need not be centred. After mean subtraction units are of several kinds, the diagonal of
the tangent kernel has the product of two fluctuations, and the slopes of the last hidden layer enter. The equations are
those of one stationary function, whose value is the logarithm of the determinant.
*Assumptions*: exact but for the steps marked asymptotic, which hold as N and M grow in proportion.
"""

from __future__ import annotations

import sympy as sp
from _network import gaussian_mean
from _steps import Account, identical

from fimtheory.latex import latex

A, a, b, c, s, g, t, z, gamma, w = sp.symbols("A a b c s g t z gamma w")
q1, q2, g1, g2 = sp.symbols("q_1 q_2 g_1 g_2")
ORDERS = 7


def diagonal(g1, g2, q1, q2) -> sp.Expr:
    """What the identity has to add, where backward and forward overlaps multiply."""
    return (g1 - g2) * (q1 - q2)


def entries(account: Account) -> None:
    """The products of overlaps, entry by entry."""
    eta, fluctuation = sp.symbols("eta gamma_nm")
    account.define(
        r"A layer of the tangent kernel is a product of overlaps, $n \neq m$: their limits and fluctuations of order"
        r" $M^{-1/2}$. The diagonal has $\tilde q_1 = g_1$ and $q_1$, the others $g_2$ and $q_2$.",
        r"\Theta^l_{nm} = (g_2 + \gamma_{nm})(q_2 + \eta_{nm})",
    )
    account.move(
        r"Multiplied out; the last term is of order $1/M$, and the first is constant: mean subtraction removes it.",
        r"\Theta^l_{nm} = g_2 q_2 + g_2 \eta_{nm} + q_2 \gamma_{nm} + \gamma_{nm} \eta_{nm}",
        identical((g2 + fluctuation) * (q2 + eta), g2 * q2 + g2 * eta + q2 * fluctuation + fluctuation * eta),
    )
    told = g2 * q2 + g2 * (q1 - q2) + q2 * (g1 - g2)
    account.move(
        r"On the diagonal the matrices $\eta$, $\gamma$ of mean-subtracted overlaps have $q_1 - q_2$, $g_1 - g_2$. What is"
        r" missing there is the product of the two.",
        r"g_1 q_1 = g_2 q_2 + g_2 (q_1 - q_2) + q_2 (g_1 - g_2) + (g_1 - g_2)(q_1 - q_2)",
        identical(g1 * q1, told + diagonal(g1, g2, q1, q2)),
    )


def units(account: Account) -> None:
    """A unit given what all samples have in common."""
    x, m, sigma = sp.symbols("x m sigma")
    u = m + sigma * x
    f, slope = u + u**2 + u**3, 1 + 2 * u + 3 * u**2
    mean, linear, square = (gaussian_mean(sp.expand(e), {x: sp.S.One}) for e in (f, x * f, f**2))
    expected = gaussian_mean(sp.expand(slope), {x: sp.S.One})
    account.move(
        r"Over the samples the pre-activation is $m + \sigma x$, $m = \sqrt{q_2}\, y$ the same for all,"
        r" $\sigma^2 = q_1 - q_2$. Its part linear in the field is $b = \mathbb{E}\, \phi'$, by Stein's identity.",
        r"\mathbb{E}\, x\, \phi(m + \sigma x) = \sigma\, \mathbb{E}\, \phi'(m + \sigma x)",
        identical(linear, sp.expand(sigma * expected), r"for $\phi(u) = u + u^2 + u^3$"),
    )
    rest = f - mean - expected * sigma * x
    account.move(
        r"What is left is uncorrelated with the field.",
        r"s^2 = \operatorname{Var} \phi - b^2 (q_1 - q_2)",
        identical(
            gaussian_mean(sp.expand(rest**2), {x: sp.S.One}),
            sp.expand(square - mean**2 - expected**2 * sigma**2),
            r"for the same $\phi$",
        ),
        identical(gaussian_mean(sp.expand(rest * x), {x: sp.S.One}), 0),
    )
    account.limit(
        r"Units are independent given the layer below. For different samples the field has the covariance"
        r" $\sigma_w^2 K_{l-1}$, and $\mathbb{E}\, \phi \phi$ is linear in it to leading order.",
        r"K_l \simeq \frac{1}{M_l} \sum_i r_i r_i^\top, \quad"
        r" \mathbb{E}\, r_i r_i^\top = b_i^2 \sigma_w^2 K_{l-1} + s_i^2 I",
        "The simulated ladders of the claims measure it.",
    )


def determinant(e1, e2, f1, f2, f3, f4) -> sp.Expr:
    """The polynomial to which a unit's determinant comes down."""
    return 1 + e1 * t + e2 * g + A * (f1 * t + f2 * g + f3 * t * g + f4 * g**2)


def one_unit(account: Account) -> None:
    """A unit taken out of the matrix."""
    r = sp.Matrix(sp.symbols("r_1 r_2"))
    p, q, o = sp.symbols("p q o")
    B = sp.Matrix([[p, o], [o, q]])
    delta = (r.T * B.inv() * r)[0]
    account.move(
        r"A unit is a matrix of rank one, and its quadratic form in the resolvent without it, $\delta = r^\top B^{-1} r$,"
        r" tells the one with it.",
        r"r^\top (B + A\, r r^\top)^{-1} r = \frac{\delta}{1 + A \delta}, \quad"
        r" \det(B + A\, r r^\top) = (1 + A \delta) \det B",
        identical((r.T * (B + A * r * r.T).inv() * r)[0], delta / (1 + A * delta), "for two samples"),
        identical((B + A * r * r.T).det(), sp.expand(sp.cancel((1 + A * delta) * B.det()))),
    )
    b2, s2, e = sp.symbols("b' s' e")
    small = sp.Matrix([[b * b * t + s * g, b * b2 * t + e * g], [b * b2 * t + e * g, b2**2 * t + s2 * g]]) * gamma
    mixed, both = b**2 * s2 + b2**2 * s - 2 * b * b2 * e, s * s2 - e**2
    told = determinant(
        *(gamma * x for x in (c * b2**2, c * s2, b**2, s, gamma * c * mixed, gamma * c * both)),
    )
    account.move(
        r"With its slope as a second feature, $D = \operatorname{diag}(A, c)$, and $\Delta$ is a matrix, linear in $t$ and"
        r" $g$: the determinant is still linear in $t$.",
        r"\det(1 + D \Delta) = 1 + e_1 t + e_2 g + A (f_1 t + f_2 g + f_3 t g + f_4 g^2)",
        identical((sp.eye(2) + sp.diag(A, c) * small).det(), sp.expand(told)),
    )
    account.limit(
        r"Every $\delta_i$ tends to its mean, with $g = \mathbb{E} \operatorname{tr} (Q - z)^{-1}/N$ and"
        r" $t_l = \mathbb{E} \operatorname{tr} K_l (Q - z)^{-1} / N$, as units are many.",
        r"\delta_i = \gamma_l \left(b_i^2 t_{l-1} + s_i^2 g\right), \quad \gamma_l = N / M_l",
        "Traces of that many independent terms; the laws are compared with dense matrices in the tests.",
    )


def potential(A0, A1, t0, t1, a0, a1, ratio0, ratio1) -> sp.Expr:
    """Phi for two layers with units of one kind."""
    first = sp.log(1 + ratio0 * A0 * g) / ratio0
    second = sp.log(1 + ratio1 * A1 * (b**2 * t0 + s * g)) / ratio1
    return first + second - (A0 - a0) * t0 - (A1 - a1) * t1 - sp.log(g) - z * g - 1


def stationary(account: Account) -> None:
    """The equations are those of a stationary point."""
    A0, A1, t0, t1, a0, a1, r0, r1 = sp.symbols("A_0 A_1 t_0 t_1 a_0 a_1 gamma_0 gamma_1")
    phi = potential(A0, A1, t0, t1, a0, a1, r0, r1)
    inner = b**2 * t0 + s * g
    account.move(
        r"From the top: $a_1 K_1$ leaves $\frac{A_1 b^2}{1 + A_1 \delta}$ on $K_0$ and $\frac{A_1 s^2}{1 + A_1 \delta}$ on"
        r" the identity behind, and so on downward. These equations say that one function is stationary in all unknowns.",
        r"\Phi = \sum_l \frac{1}{\gamma_l} \mathbb{E} \log(1 + A_l \delta_l) - \sum_l (A_l - a_l) t_l - \log g - z g - 1",
        identical(
            [sp.diff(phi, v) for v in (A0, A1, t0, t1, g)],
            [
                g / (1 + r0 * A0 * g) - t0,
                inner / (1 + r1 * A1 * inner) - t1,
                a0 + A1 * b**2 / (1 + r1 * A1 * inner) - A0,
                a1 - A1,
                A0 / (1 + r0 * A0 * g) + A1 * s / (1 + r1 * A1 * inner) - 1 / g - z,
            ],
            "for two layers",
        ),
    )
    account.move(
        r"Its value is $\mathbb{E} \log \det(Q - z)/N$: the derivative is right, and it begins like $\log(-z)$. So the"
        r" distribution function is $-\operatorname{Im} \Phi / \pi$.",
        r"\frac{\mathrm{d} \Phi}{\mathrm{d} z} = \frac{\partial \Phi}{\partial z} = -g",
        identical(sp.diff(phi, z), -g),
    )


def marchenko_pastur(account: Account) -> None:
    """One layer."""
    account.move(
        r"One layer, $A_0 = 1$: the last equation is that of Marchenko and Pastur.",
        r"\gamma z g^2 + (z + \gamma - 1) g + 1 = 0",
        identical(
            sp.expand(sp.cancel((1 / g + z - 1 / (1 + gamma * g)) * g * (1 + gamma * g))),
            sp.expand(gamma * z * g**2 + (z + gamma - 1) * g + 1),
        ),
    )


def fuss_catalan(orders: int) -> list[sp.Integer]:
    """Coefficients of w = 1 + x w^3."""
    x, series = sp.Symbol("x"), sp.S.One
    for _ in range(orders):
        series = sum(sp.expand(1 + x * series**3).coeff(x, k) * x**k for k in range(orders + 1))
    return [series.coeff(x, k) for k in range(1, orders + 1)]


def product_of_two(account: Account) -> list[sp.Integer]:
    """A linear network with a hidden layer: all moments."""
    account.move(
        r"Two square layers without noise, $Q = K_1$: the last equation times $g$, in $w = -z g$, says"
        r" $w = 1 / (1 + A_0 g)$, and the others $t_0 = g w$, $A_0 = 1 / (1 + t_0)$.",
        r"\frac{A_0 g}{1 + A_0 g} = 1 + z g",
        identical(sp.cancel(A * g / (1 + A * g)), sp.cancel(1 - 1 / (1 + A * g))),
    )
    below = -w / z
    account.move(
        r"Together a cubic equation.",
        r"w = 1 + \frac{w^3}{z}",
        identical(
            sp.expand(sp.cancel((w * (1 + below / (1 + below * w)) - 1) * (z - w**2))), sp.expand((w - 1) * z - w**3)
        ),
    )
    edge = sp.discriminant(w**3 / z - w + 1, w)
    account.move(
        r"Its moments are the numbers of ternary trees, and its edge is where two roots meet.",
        r"m_k = \frac{1}{2 k + 1} \binom{3 k}{k}, \quad z_+ = \frac{27}{4}",
        identical(fuss_catalan(ORDERS), [sp.binomial(3 * k, k) / (2 * k + 1) for k in range(1, ORDERS + 1)]),
        identical(sp.solve(edge * z**3, z)[-1], sp.Rational(27, 4)),
    )
    return fuss_catalan(ORDERS)


# --- landing


def land(account: Account, moments: list[sp.Integer]) -> None:
    """The package's laws of two networks."""
    from fimtheory import catalogue
    from fimtheory.activations import activation
    from fimtheory.theory.deep_network import DeepNetwork
    from fimtheory.theory.kernel_spectra import DeepKernels

    linear = DeepKernels(DeepNetwork(activation("linear"), 2, 1, 0), 1)
    account.land(
        "fanwang2020.thm3.4",
        "The moments of the package's law for a linear network.",
        catalogue.find("fanwang2020.thm3.4").statement,
        identical([_rational(m) for m in linear.conjugate(1).moments(ORDERS)], moments),
    )
    law = DeepKernels(DeepNetwork(activation("relu"), 2, 2, 0), 1).tangent
    forward, backward = (
        (sp.Integer(2), sp.S.Zero),
        (sp.S.One, sp.Rational(1, 2)),
    )  # of ReLU at sigma_w^2 = 2: q_t^1 and qtilde_t^1
    expected = [2 * backward[1], sp.Integer(2), diagonal(*backward, *forward)]
    first, second, shift = map(latex, expected)
    account.land(
        "fimtheory.mean_subtracted_spectrum",
        r"The coefficients of the package's law for ReLU, $L = 2$, $\sigma_w^2 = 2$.",
        rf"\Theta \simeq {first}\, K_0 + {second}\, K_1 + {shift}\, I",
        identical([_rational(x) for x in (*law.coefficients, law.shift)], expected),
    )


def _rational(x: float) -> sp.Rational:
    """The simple fraction that a float stands for; the float itself, where it is further off than averages over units."""
    simple = sp.Rational(float(x)).limit_denominator(1000)
    return simple if abs(float(simple) - x) <= 1e-9 * abs(x) else sp.Rational(float(x))


def main() -> Account:
    """Derive, land, print."""
    account = Account("Whole spectra of deep kernels")
    entries(account)
    units(account)
    one_unit(account)
    stationary(account)
    marchenko_pastur(account)
    moments = product_of_two(account)
    land(account, moments)
    print(account)
    return account


if __name__ == "__main__":
    main()
