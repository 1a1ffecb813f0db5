r"""The density of the single-layer spectrum: one complete elliptic integral, in Carlson's R_F, R_D and R_J.

*Source*: our own; Pennington, Worah (2018), remarks 1 and 2, say that such a reduction exists.
*Lands on*: `spectra.TwoModeLaw.density_digits`.
*Departs from the text*: the paper inverts a double integral. det(l - M) is linear in a and in b, so that a line in the
plane of (a, b) decides how many eigenvalues of M are below l. Its derivative in l is one integral, between two roots of
a quartic: the integral is complete, and the three kinds of remark 1 come out.
*Assumptions*: 0 <= beta < alpha and zeta > 0. The linear layer has its own derivation (`pennington2018_linear.py`).
"""

from __future__ import annotations

import itertools

import sympy as sp
from _single_layer import a, alpha, b, beta, marchenko_pastur, marchenko_pastur_cdf, mean_by_quadrature, two_modes, zeta
from _steps import Account, agreeing, identical, random_points
from mpmath import mp

from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

l = SYMBOLS["lambda"]
u, v = l - alpha, l - beta
LINE = v / zeta - a * v / u  # the b for which l is an eigenvalue
SLOPE = 1 / zeta + a * (alpha - beta) / u**2  # and how it moves with l
w, s = sp.symbols("w s", positive=True)
p0, p1, q0, q1 = sp.symbols("p_0 p_1 q_0 q_1", positive=True)
RADICAND = w * (p0 + p1 * w) * (q0 + q1 * w)

# Two layers without gap, where z_1 < z_3 < z_4 < z_2 < z_5 < z_6, and one with a gap between z_2 and z_4.
GAPLESS = {alpha: sp.Rational(3, 2), beta: sp.Rational(1, 2), zeta: sp.Rational(1, 2)}
WITH_GAP = {alpha: sp.Rational(9, 4), beta: sp.Rational(1, 4), zeta: sp.Rational(1, 4)}
CASES = (GAPLESS, WITH_GAP)


def corners(case: dict) -> list[sp.Expr]:
    """The eigenvalues of M at the corners of [0, 4]^2, in order: between them the density is smooth."""
    found = {e for corner in itertools.product((0, 4), repeat=2) for e in two_modes(*corner).subs(case).eigenvals()}
    return sorted(found, key=float)


def points(case: dict) -> list[sp.Rational]:
    """A rational point in every interval between special points, the gap left out."""
    z = corners(case)
    inside = [sp.Rational(round(100 * (low + 2 * high) / 3), 100) for low, high in itertools.pairwise(z)]
    gap = (case[beta] + 4 * case[zeta], case[alpha])
    return [at for at in inside if not gap[0] < at < gap[1]]


def counting(account: Account) -> None:
    """How many eigenvalues of M are below l."""
    account.define(
        r"$a$, $b$ are independent Marchenko-Pastur variables on $[0, 4]$ with density $p$; $F(\lambda)$ is the mean"
        r" fraction of eigenvalues of $M$ below $\lambda$. Put $u = \lambda - \alpha$, $v = \lambda - \beta$.",
        r"M = \begin{pmatrix} \alpha + \zeta a & \zeta \sqrt{a b} \\ \zeta \sqrt{a b} & \beta + \zeta b \end{pmatrix},"
        r" \quad F(\lambda) = \frac{1}{2}\, \mathbb{E} \left(\mathbf{1}[\lambda_1 < \lambda] + \mathbf{1}[\lambda_2 <"
        r" \lambda]\right), \quad \lambda_1 \leq \lambda_2",
    )
    characteristic = (l * sp.eye(2) - two_modes()).det()
    account.move(
        r"The determinant is linear in $a$ and in $b$: for given $\lambda$ it changes sign across a line.",
        r"\det(\lambda - M) = u v - \zeta a v - \zeta b u = \zeta u \left(b_\lambda(a) - b\right), \quad"
        r" b_\lambda(a) = \frac{v}{\zeta} - \frac{a v}{u}",
        identical(characteristic, u * v - zeta * a * v - zeta * b * u),
        identical(sp.cancel(zeta * u * (LINE - b)), sp.expand(characteristic)),
    )
    delta = alpha - beta
    account.move(
        r"With $\delta = \alpha - \beta > 0$ the shifts separate the eigenvalues: the determinant is not positive at"
        r" $\alpha$, and $M - \beta$ is positive semi-definite.",
        r"\beta \leq \lambda_1 \leq \alpha \leq \lambda_2: \quad \det(\alpha - M) = - \zeta \delta a, \quad"
        r" \det(M - \beta) = \zeta \delta b, \quad \operatorname{tr} (M - \beta) = \delta + \zeta (a + b)",
        identical(characteristic.subs(l, alpha), -zeta * delta * a),
        identical(characteristic.subs(l, beta), zeta * delta * b),
        identical((two_modes() - beta * sp.eye(2)).trace(), delta + zeta * (a + b)),
    )
    account.move(
        r"Below $\alpha$ only $\lambda_1$ can be smaller than $\lambda$, and is if the determinant is negative; above"
        r" $\alpha$ it is, and $\lambda_2$ is too if the determinant is positive. As $u$ changes sign in between, both"
        r" conditions say $b < b_\lambda(a)$.",
        r"F(\lambda) = \frac{1}{2} \left(\mathbf{1}[\lambda > \alpha] + P\left(b < b_\lambda(a)\right)\right), \quad"
        r" \lambda > \beta",
        *(identical(_counted(case), _decided_by_the_line(case), "on a grid of $a$, $b$, $\\lambda$") for case in CASES),
    )


def _grid(case: dict):
    values = [sp.Rational(k, 7) for k in (1, 9, 17, 27)]
    return itertools.product(points(case), values, values)


def _counted(case: dict) -> list[int]:
    """Eigenvalues of M below l, by solving for them."""
    spectra = {(x, y): two_modes(x, y).subs(case).eigenvals(multiple=True) for _, x, y in _grid(case)}
    return [sum(bool(e < at) for e in spectra[x, y]) for at, x, y in _grid(case)]


def _decided_by_the_line(case: dict) -> list[int]:
    line = LINE.subs(case)
    return [bool(at > case[alpha]) + bool(line.subs({l: at, a: x}) > y) for at, x, y in _grid(case)]


def density(account: Account) -> None:
    """One integral."""
    account.move(
        r"The line moves to larger $b$ everywhere as $\lambda$ grows.",
        r"\frac{\partial b_\lambda}{\partial \lambda} = \frac{1}{\zeta} + \frac{\delta a}{u^2} = \frac{v}{u^2}\, a +"
        r" \frac{b}{v} \quad \text{for } b = b_\lambda(a)",
        identical(sp.cancel(sp.diff(LINE, l)), sp.cancel(SLOPE)),
        identical(sp.cancel(SLOPE), sp.cancel(v * a / u**2 + LINE / v)),
    )
    account.move(
        r"Differentiate $F$ under the mean over $a$. $p$ vanishes outside $[0, 4]$.",
        r"\rho(\lambda) = \frac{1}{2} \int p(a)\, p\left(b_\lambda(a)\right) \frac{\partial b_\lambda}{\partial"
        r" \lambda}\; \mathrm{d}a",
        *(agreeing(by_quadrature(case), slope_of_the_count(case), r"\lambda", points(case)) for case in CASES),
    )


def roots(case: dict, at) -> list:
    """0, 4 and the two a at which the line leaves 0 < b < 4, in order: the roots of the quartic."""
    x, y, unit = (at - _number(case[alpha]), at - _number(case[beta]), _number(case[zeta]))
    return sorted([mp.zero, mp.mpf(4), x / unit, x / unit * (1 - 4 * unit / y)])


def _number(exact: sp.Rational):
    return mp.mpf(exact.p) / exact.q


def _lambdified(expression: sp.Expr, case: dict):
    return sp.lambdify((l, a), expression.subs(case), "mpmath")


def by_quadrature(case: dict):
    """l -> the density, by brute force; a = low + width sin^2 takes away the roots at the ends."""
    line, slope = _lambdified(LINE, case), _lambdified(SLOPE, case)

    def at(point):
        _, low, high, _ = roots(case, point)

        def integrand(angle):
            t = low + (high - low) * mp.sin(angle) ** 2
            weight = marchenko_pastur(t) * marchenko_pastur(line(point, t)) * slope(point, t)
            return weight * (high - low) * mp.sin(2 * angle)

        with mp.extradps(20):
            return mp.quad(integrand, [0, mp.pi / 2], method="gauss-legendre") / 2

    return at


def slope_of_the_count(case: dict):
    """l -> the derivative of F, as a numerical limit of differences."""
    line = _lambdified(LINE, case)

    def count(point):
        cuts = [x for x in roots(case, point) if 0 <= x <= 4]
        return sum(
            mean_by_quadrature(lambda t: marchenko_pastur_cdf(line(point, t)), *ends)
            for ends in itertools.pairwise(cuts)
        )

    return lambda point: mp.diff(count, point) / 2


def quartic(account: Account) -> None:
    """The ends of the integral are roots of what stands under the root."""
    A, B = u / zeta * (1 - 4 * zeta / v), u / zeta
    account.move(
        r"$p(t) = \sqrt{t (4 - t)}/(2 \pi t)$. On the line, $b (4 - b)$ is a quadratic polynomial in $a$ with roots $A$"
        r" and $B$, where the line meets $b = 4$ and $b = 0$. Let $Q$ be the quartic with the roots $0, 4, A, B$.",
        r"\rho = \frac{1}{8 \pi^2} \left|\frac{u}{v}\right| \int \left(\frac{v}{u^2}\, a + \frac{b}{v}\right)"
        r" \frac{(4 - a)(4 - b)}{\sqrt{Q(a)}}\; \mathrm{d}a, \quad A = \frac{u}{\zeta} \left(1 - \frac{4 \zeta}{v}"
        r"\right), \quad B = \frac{u}{\zeta}, \quad Q = a (a - 4)(a - A)(a - B)",
        identical(sp.cancel(LINE * (4 - LINE)), sp.cancel(-((v / u) ** 2) * (a - A) * (a - B))),
    )
    account.move(
        r"The integral extends over the common part of $[0, 4]$ and the interval between $A$ and $B$. Of the four ends"
        r" of two overlapping intervals the middle ones bound the common part: with the roots of $Q$ in order, it is"
        r" $[r_2, r_3]$, and $(a - r_2)/(r_3 - a) = w$ maps it to the half-line. With $p_0 = r_2 - r_1$, $p_1 = r_3 -"
        r" r_1$, $q_0 = r_4 - r_2$, $q_1 = r_4 - r_3$:",
        r"\frac{\mathrm{d}a}{\sqrt{Q(a)}} = \frac{\mathrm{d}w}{\sqrt{R(w)}}, \quad R(w) = w\, (p_0 + p_1 w)(q_0 + q_1"
        r" w), \quad a = r_3 - (r_3 - r_2)\, s, \quad s = \frac{1}{1 + w}",
        *substituted(),
    )


def substituted() -> list[str]:
    """Q da^-2 against R dw^-2, and the new form of a."""
    r1, r2, r3, r4 = sp.symbols("r_1:5", real=True)
    names = {p0: r2 - r1, p1: r3 - r1, q0: r4 - r2, q1: r4 - r3}
    at = (r2 + r3 * w) / (1 + w)
    Q = (at - r1) * (at - r2) * (r3 - at) * (r4 - at)
    return [
        identical(sp.cancel(Q / sp.diff(at, w) ** 2), sp.cancel(RADICAND.subs(names))),
        identical(sp.cancel(at), sp.cancel(r3 - (r3 - r2) / (1 + w))),
        identical(sp.cancel((at - r2) / (r3 - at)), w),
    ]


def relations(account: Account) -> tuple[sp.Poly, sp.Poly]:
    """Two derivatives that integrate to zero, times sqrt(R): a polynomial in s, and one in s and d = 1/(q_0 + q_1 w)."""
    root, d = sp.sqrt(RADICAND), sp.Symbol("d")
    first, second = (sp.cancel(sp.diff(root / below, w) * root) for below in ((1 + w) ** 2, (q0 + q1 * w) * (1 + w)))
    residue = sp.cancel(second * (q0 + q1 * w)).subs(w, -q0 / q1)
    regular = sp.cancel(second - residue / (q0 + q1 * w))
    J = sp.Poly(sp.cancel(first.subs(w, 1 / s - 1)), s)
    D = sp.Poly(sp.cancel(regular.subs(w, 1 / s - 1)) + sp.cancel(residue) * d, s, d)
    account.move(
        r"The numerator is a cubic in $s$. Let $J_k$ be the integral of $s^k/\sqrt{R}$ and $D$ that of $1/((q_0 + q_1 w)"
        r" \sqrt{R})$. The derivative of a function that vanishes at both ends removes $J_3$.",
        r"0 = \int_0^\infty \left(\frac{\sqrt{R}}{(1 + w)^2}\right)' \mathrm{d}w =" + _combination(J),
        identical(sp.cancel(J.as_expr().subs(s, 1 / (1 + w))), first),
        identical(J.degree(), 3),
    )
    account.move(
        r"Another one removes $J_2$.",
        r"0 = \int_0^\infty \left(\frac{\sqrt{R}}{(q_0 + q_1 w)(1 + w)}\right)' \mathrm{d}w =" + _combination(D),
        identical(sp.cancel(D.as_expr().subs({s: 1 / (1 + w), d: 1 / (q0 + q1 * w)})), second),
        identical([D.degree(s), D.degree(d)], [2, 1]),
    )
    return J, D


def _combination(relation: sp.Poly) -> str:
    """A relation between integrals as LaTeX."""
    names = [*(f"J_{k}" for k in range(4)), "D"]
    factors = [relation.coeff_monomial(s**k) for k in range(4)]
    factors += [relation.coeff_monomial(relation.gens[1])] if len(relation.gens) > 1 else []
    terms = (rf"\left({latex(sp.factor(c))}\right) {name}" for c, name in zip(factors, names, strict=False) if c != 0)
    return " + ".join(terms)


def elliptic(account: Account, J: sp.Poly, D: sp.Poly) -> None:
    """Carlson's three functions, and the density."""
    samples = random_points(1, 4, 2, seed=7)
    account.move(
        r"What is left are Carlson's complete integrals; the density is their combination (remark 1 of the paper).",
        r"J_0 = 2 R_F(0, p_0 q_1, p_1 q_0), \quad J_1 = \frac{2}{3 \sqrt{p_1 q_1}} R_J\left(0, \frac{p_0}{p_1}, \frac{q_0"
        r"}{q_1}, 1\right), \quad D = \frac{2}{3 q_1 \sqrt{p_1 q_1}} R_D\left(0, \frac{p_0}{p_1}, \frac{q_0}{q_1}\right)",
        *(
            agreeing(
                lambda t, k=k: integrals(t, 2, 3, t + 1)[k], lambda t, k=k: brute(t, 2, 3, t + 1)[k], "p_0", samples
            )
            for k in range(3)
        ),
    )
    account.move(
        r"The density, at a point between any two neighbouring special points.",
        r"\rho = \frac{1}{8 \pi^2} \left|\frac{u}{v}\right| \left(g_0 J_0 + g_1 J_1 + g_2 J_2 + g_3 J_3\right)",
        *(agreeing(closed_form(case, J, D), by_quadrature(case), r"\lambda", points(case)) for case in CASES),
    )


def integrals(x0, x1, y0, y1) -> tuple:
    """J_0, J_1 and D of p_0, p_1, q_0, q_1 in closed form."""
    scale, x, y = mp.sqrt(x1 * y1), x0 / mp.mpf(x1), y0 / mp.mpf(y1)
    third, second = mp.elliprj(0, x, y, 1), mp.elliprd(0, x, y)
    return 2 * mp.elliprf(0, x0 * y1, x1 * y0), 2 * third / (3 * scale), 2 * second / (3 * y1 * scale)


def brute(x0, x1, y0, y1) -> list:
    """The same by quadrature, with w = tan^2."""
    weights = (lambda t: 1, lambda t: 1 / (1 + t), lambda t: 1 / (y0 + y1 * t))

    def integrand(weight, angle):
        t = mp.tan(angle) ** 2
        return 2 * weight(t) * (1 + t) / mp.sqrt((x0 + x1 * t) * (y0 + y1 * t))

    return [mp.quad(lambda angle, f=f: integrand(f, angle), [0, mp.pi / 2]) for f in weights]


def closed_form(case: dict, J: sp.Poly, D: sp.Poly):
    """l -> the density in R_F, R_J and R_D."""
    powers = sp.lambdify((p0, p1, q0, q1), [J.coeff_monomial(s**k) for k in range(4)], "mpmath")
    others = sp.lambdify((p0, p1, q0, q1), [D.coeff_monomial(m) for m in (1, s, s**2, D.gens[1])], "mpmath")

    def at(point):
        upper, lower, unit = (_number(case[symbol]) for symbol in (alpha, beta, zeta))
        r1, r2, r3, r4 = roots(case, point)
        ends = (r2 - r1, r3 - r1, r4 - r2, r4 - r3)
        j0, j1, d = integrals(*ends)
        e0, e1, e2, e = others(*ends)
        j2 = -(e0 * j0 + e1 * j1 + e * d) / e2
        c0, c1, c2, c3 = powers(*ends)
        j3 = -(c0 * j0 + c1 * j1 + c2 * j2) / c3
        g = numerator(point - upper, point - lower, unit, (r3, r2 - r3))
        return abs((point - upper) / (point - lower)) * mp.fdot(g, (j0, j1, j2, j3)) / (8 * mp.pi**2)

    return at


def numerator(x, y, unit, first: tuple) -> list:
    """Coefficients of (v a/u^2 + b/v)(4 - a)(4 - b) by powers of s; a is linear in s, and so is b on the line."""
    second = (y / unit - first[0] * y / x, -first[1] * y / x)
    weight = [y * p / x**2 + q / y for p, q in zip(first, second, strict=True)]
    product = [mp.one]
    for constant, slope in (weight, (4 - first[0], -first[1]), (4 - second[0], -second[1])):
        product = [constant * p + slope * q for p, q in zip([*product, 0], [0, *product], strict=True)]
    return product


# --- landing


def land(account: Account, J: sp.Poly, D: sp.Poly) -> None:
    """The density of the package."""
    from fimtheory.spectra import TwoModeLaw

    evidence = []
    for case in CASES:
        law = TwoModeLaw(*(float(case[symbol]) for symbol in (alpha, beta, zeta)))
        evidence.append(
            agreeing(
                closed_form(case, J, D), lambda t, law=law: law.density_digits(t, mp.dps), r"\lambda", points(case)
            )
        )
    account.land(
        "spectra.TwoModeLaw.density_digits",
        "The package's density, without and with a gap.",
        r"\rho(\lambda)",
        *evidence,
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("The density of the single-layer spectrum")
    counting(account)
    density(account)
    quartic(account)
    J, D = relations(account)
    elliptic(account, J, D)
    land(account, J, D)
    print(account)
    return account


if __name__ == "__main__":
    main()
