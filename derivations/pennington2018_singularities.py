r"""What the single-layer density does at z_1 .. z_6: exponents and constants, by looking at one corner at a time.

*Source*: our own; Pennington, Worah (2018), section 3.2, names peaks and discontinuous slopes.
*Lands on*: `theory.single_layer_singularities.singularities`.
*Departs from the text*: the paper has delta functions at z_1 and z_4, and a discontinuous derivative at z_3 and z_5. The
peaks are inverse square roots without mass; at z_5 (and z_2, without a gap) the slope is infinite like a logarithm; at
z_3 it is continuous, and the second derivative is infinite like a logarithm. With a gap the left part ends linearly.
*Assumptions*: 0 <= beta < alpha and zeta > 0 (`pennington2018_special_points.py`); linear f at the end.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp
from _single_layer import a, alpha, b, beta, mean_by_quadrature, two_modes, zeta
from _steps import Account, agreeing, identical, random_points
from mpmath import mp
from pennington2018_density import GAPLESS, LINE, SLOPE, WITH_GAP, closed_form, l, relations
from pennington2018_linear import legendre

from fimtheory.latex import latex

delta, e, k, s, t, y = sp.symbols("delta epsilon kappa s t y", positive=True)
u, v = sp.symbols("u v", real=True)
OPENING = {alpha: sp.Rational(9, 4), beta: sp.Rational(1, 4), zeta: sp.Rational(1, 2)}  # delta = 4 zeta
LINEAR = {alpha: sp.S.Zero, beta: sp.S.Zero, zeta: sp.S.One}
CASES = "without a gap, with one, at its opening, and for linear $f$"
p = sp.sqrt((4 - t) / t) / (2 * sp.pi)
RELATIONS = relations(Account(""))
FAR = [sp.Integer(20), sp.Integer(24)]  # distances 10^-n: what the leading term neglects is below 15 decimals
DEEP = 180  # digits: the elliptic form cancels near the special points

# The line through (a, b) solved for a, for b > 0; and how fast it moves. delta = alpha - beta.
OTHER_LINE = (l - alpha) / zeta - b * (l - alpha) / (l - beta)
OTHER_SLOPE = 1 / zeta - b * (alpha - beta) / (l - beta) ** 2

at_z1 = 2 * ((1 + k) * sp.elliptic_k(-k) - (1 - k) * sp.elliptic_e(-k)) / (3 * sp.pi**2 * k)
at_z4 = {  # by the sign of kappa - 1 and the side; kappa = 4 zeta/delta, all divided by sqrt(zeta)
    (-1, 1): 2 * ((1 + k) * sp.elliptic_e(k) - (1 - k) * sp.elliptic_k(k)) / (3 * sp.pi**2 * k),
    (1, 1): 2 * ((k + 1) * sp.elliptic_e(1 / k) - (k - 1) * sp.elliptic_k(1 / k)) / (3 * sp.pi**2 * sp.sqrt(k)),
    (1, -1): 2 * ((k + 1) * sp.elliptic_e(1 - 1 / k) - 2 * sp.elliptic_k(1 - 1 / k)) / (3 * sp.pi**2 * sp.sqrt(k)),
}
log_slope = sp.sqrt(4 * zeta + delta) / (32 * sp.pi**2 * zeta ** sp.Rational(5, 2))
corner = (u**2 + v**2) ** 3 / (4 * sp.Abs(u * v) ** sp.Rational(9, 2))


class Density:
    """A density in closed form, very near to a special point."""

    def __init__(self, case: dict, f: Callable | None = None) -> None:
        self.case, self.f = case, f or closed_form(case, *RELATIONS)

    def at(self, z: sp.Expr, offset):
        """The density at z + offset."""
        return self.f(z.subs(self.case)._to_mpmath(mp.prec) + offset)

    def scaled(self, z: sp.Expr, side: int, power: sp.Rational):
        """n -> density / distance^power at the distance 10^-n."""

        def value(n):
            with mp.workdps(DEEP):
                d = mp.mpf(10) ** -n
                return self.at(z, side * d) / d ** (mp.mpf(power.p) / power.q)

        return value

    def logarithm(self, z: sp.Expr, side: int, power: int):
        """n -> C, from rho = polynomial of the degree of the power + C (side d)^power log d, at d = 10^-n.

        A combination of the values at d, 2d, 4d, ... that vanishes on the polynomial.
        """
        weights = {1: (2, -3, 1), 2: (-8, 14, -7, 1)}[power]
        on_logarithm = sum(w * 2 ** (power * i) * i for i, w in enumerate(weights)) * side**power

        def value(n):
            with mp.workdps(DEEP):
                d = mp.mpf(10) ** -n
                total = sum(w * self.at(z, side * 2**i * d) for i, w in enumerate(weights))
                return total / (on_logarithm * d**power * mp.log(2))

        return value

    def number(self, constant: sp.Expr):
        """n -> the constant for this case, whatever n."""
        fixed = self.case[alpha] - self.case[beta]
        value = constant.subs({k: 4 * zeta / delta}).subs({delta: fixed}).subs(self.case)
        return lambda n: sp.N(value, 30)._to_mpmath(mp.prec)


def near_the_corners(account: Account) -> None:
    """The two ends of the law of Marchenko and Pastur."""
    account.define(
        r"The density of the spectrum is one integral over the line $b = b_\lambda(a)$; $u = \lambda - \alpha$, $v ="
        r" \lambda - \beta$, $\delta = \alpha - \beta$.",
        r"\rho(\lambda) = \frac{1}{2} \int p(a)\, p(b_\lambda(a))\, b_\lambda'(a)\; \mathrm{d}a, \quad b_\lambda ="
        r" \frac{v}{\zeta} - \frac{a v}{u}, \quad b_\lambda' = \frac{1}{\zeta} + \frac{\delta a}{u^2}",
    )
    account.define(
        r"Every constant is also compared with the density in Carlson's integrals at the distance $\varepsilon ="
        r" 10^{-n}$ from the point, without a gap and with one. A term $C \varepsilon \log |\varepsilon|$ is taken out"
        r" of the values at $\varepsilon$, $2 \varepsilon$, $4 \varepsilon$ by a combination in which the smooth part"
        r" cancels.",
        r"\frac{\rho(4 \varepsilon) - 3 \rho(2 \varepsilon) + 2 \rho(\varepsilon)}{2 \varepsilon \log 2} \to C",
    )
    account.move(
        r"$p$ has an inverse square root at one end and a square root at the other.",
        r"p(t) \sim \frac{1}{\pi \sqrt{t}} \; (t \to 0), \quad p(4 - t) \sim \frac{\sqrt{t}}{4 \pi} \; (t \to 0)",
        identical(sp.limit(p * sp.sqrt(t), t, 0), 1 / sp.pi),
        identical(sp.limit(p.subs(t, 4 - t) / sp.sqrt(t), t, 0), 1 / (4 * sp.pi)),
    )
    account.move(
        r"The same integral over $b$: exchanging the layers exchanges $a$ with $b$, $\alpha$ with $\beta$, $u$ with $v$,"
        r" and changes the sign of $\delta$.",
        r"a_\lambda = \frac{u}{\zeta} - \frac{b u}{v}, \quad a_\lambda' = \frac{1}{\zeta} - \frac{\delta b}{v^2}",
        identical(two_modes().det().subs({a: b, b: a, alpha: beta, beta: alpha}, simultaneous=True), two_modes().det()),
        identical(sp.cancel(sp.diff(OTHER_LINE, l)), sp.cancel(OTHER_SLOPE)),
        identical(sp.cancel(LINE.subs(a, OTHER_LINE)), b),
    )


def leading_weight(line: sp.Expr, slope: sp.Expr, at: sp.Expr, offset: sp.Expr) -> sp.Expr:
    """The limit of (sqrt(distance) p(line) slope)^2 as l tends to the point: rational throughout."""
    square = (p.subs(t, line) * slope) ** 2 * e
    return sp.cancel(sp.cancel(square.subs(l, at + offset)).subs(e, 0))


def first_peak(account: Account) -> None:
    """z_1."""
    ratios = random_points(0, 3, 3, seed=9)
    limit = leading_weight(LINE, SLOPE, beta, e)
    account.move(
        r"$z_1$, from above: $v \to 0$, and $b_\lambda = v (1/\zeta + a/\delta)$ is small for all $a$.",
        r"\rho \sim C\, (\lambda - z_1)^{-1/2}, \quad C = \frac{1}{2 \pi}\, \mathbb{E} \sqrt{\frac{1}{\zeta} +"
        r" \frac{a}{\delta}}",
        identical(sp.cancel(limit - (1 / zeta + a / (alpha - beta)) / sp.pi**2), 0),
    )
    account.move(
        r"With $a = 4 \cos^2 \theta$ this is a complete elliptic integral; $\kappa = 4 \zeta/\delta$.",
        r"C_1 = " + latex(at_z1 / sp.sqrt(zeta)),
        agreeing(
            lambda x: mean_by_quadrature(lambda q: mp.sqrt(1 + x * q / 4)) / (2 * mp.pi),
            sp.lambdify(k, at_z1, "mpmath"),
            r"\kappa",
            ratios,
        ),
        *(
            agreeing(d.scaled(beta, 1, -sp.S.Half), d.number(at_z1 / sp.sqrt(zeta)), "n", FAR)
            for d in map(Density, (GAPLESS, WITH_GAP))
        ),
    )


def second_peak(account: Account) -> None:
    """z_4, from both sides."""
    small, large = random_points(0, 1, 2, seed=10), random_points(1, 4, 2, seed=10)
    weights = [leading_weight(OTHER_LINE, OTHER_SLOPE, alpha, side * e) for side in (1, -1)]
    account.move(
        r"$z_4$: $u \to 0$, and $a_\lambda = u (1/\zeta - b/v)$ is small for all $b$ for which it has the right sign. Of"
        r" the two sides the lower one is empty if $\delta \geq 4 \zeta$.",
        r"\rho \sim C_\pm\, |\lambda - z_4|^{-1/2}, \quad C_\pm = \frac{1}{2 \pi}\, \mathbb{E}"
        r" \sqrt{\left(\pm \frac{1}{\zeta} \mp \frac{b}{\delta}\right)_+}",
        identical(
            [sp.cancel(w) for w in weights],
            [sp.cancel(q * (1 / zeta - b / (alpha - beta)) / sp.pi**2) for q in (1, -1)],
        ),
    )

    def root(side: int):
        def value(x):
            low, high = (0, min(4, 4 / x)) if side > 0 else (4 / x, 4)
            return mean_by_quadrature(lambda q: mp.sqrt(abs(1 - x * q / 4)), low, high) / (2 * mp.pi)

        return value

    with_gap, gapless = Density(WITH_GAP), Density(GAPLESS)
    checks = [((-1, 1), small, with_gap), ((1, 1), large, gapless), ((1, -1), large, gapless)]
    account.move(
        r"Again complete elliptic integrals: above for $\kappa < 1$ and $\kappa > 1$, below for $\kappa > 1$.",
        ", \\quad ".join(latex(form / sp.sqrt(zeta)) for form in at_z4.values()),
        *(agreeing(root(case[1]), sp.lambdify(k, at_z4[case], "mpmath"), r"\kappa", at) for case, at, _ in checks),
        *(
            agreeing(d.scaled(alpha, case[1], -sp.S.Half), d.number(at_z4[case] / sp.sqrt(zeta)), "n", FAR)
            for case, _, d in checks
        ),
    )


def infinite_slopes(account: Account) -> None:
    """z_5, and z_2 without a gap."""
    primitive = sp.sqrt(y * (y + s)) - s * sp.log(sp.sqrt(y) + sp.sqrt(y + s))
    below = sp.sqrt(y * (y - s)) + s * sp.log(sp.sqrt(y) + sp.sqrt(y - s))
    account.move(
        r"The integral at a corner with one square root and one inverse square root; $s$ of either sign. The upper end"
        r" gives a smooth function of $s$, the lower end does not.",
        r"\int_{\max(0, -s)}^{T} \sqrt{\frac{y}{y + s}}\; \mathrm{d}y = \frac{s}{2} \log |s| + \text{smooth in } s",
        identical(sp.diff(primitive, y) * sp.sqrt(y + s) * sp.sqrt(y), y),
        identical(sp.diff(below, y) * sp.sqrt(y - s) * sp.sqrt(y), y),
        identical(-primitive.subs(y, 0), s / 2 * sp.log(s)),
        identical(-below.subs(y, s), -s / 2 * sp.log(s)),
    )
    at_z5 = {alpha: beta + delta, l: beta + delta + 4 * zeta}
    slope = SLOPE.subs(a, 4).subs(at_z5)
    account.move(
        r"$z_5$: the line passes the corner $(4, 0)$. Put $a = 4 - y$, $\lambda = z_5 + \varepsilon$.",
        r"b_\lambda = \frac{v}{u} \left(y + \frac{\varepsilon}{\zeta}\right), \quad b_\lambda' = \frac{4 \zeta +"
        r" \delta}{4 \zeta^2}",
        identical(
            sp.cancel(LINE.subs({a: 4 - y, l: alpha + 4 * zeta + e})),
            sp.cancel(((l - beta) / (l - alpha) * (y + e / zeta)).subs(l, alpha + 4 * zeta + e)),
        ),
        identical(sp.cancel(slope), (4 * zeta + delta) / (4 * zeta**2)),
    )
    found = slope * sp.sqrt(4 * zeta / (4 * zeta + delta)) / (2 * 4 * sp.pi * sp.pi) / (2 * zeta)
    account.move(
        r"Together: the slope is infinite like a logarithm, on both sides.",
        r"\rho = \text{smooth} + C_5\, \varepsilon \log |\varepsilon|, \quad C_5 = \frac{1}{2} \cdot \frac{1}{4 \pi}"
        r" \cdot \frac{1}{\pi} \sqrt{\frac{u}{v}}\; b_\lambda' \cdot \frac{1}{2 \zeta} = " + latex(log_slope),
        identical(sp.simplify(found / log_slope), 1),
        *(
            agreeing(d.logarithm(alpha + 4 * zeta, side, 1), d.number(log_slope), "n", FAR)
            for d in map(Density, (GAPLESS, WITH_GAP))
            for side in (1, -1)
        ),
    )
    gapless = Density(GAPLESS)
    account.move(
        r"$z_2$, if $\delta < 4 \zeta$: the line passes the corner $(0, 4)$, and the layers are exchanged.",
        r"\rho = \text{smooth} + C_2\, \varepsilon \log |\varepsilon|, \quad C_2 = "
        + latex(sp.sqrt(4 * zeta - delta) / sp.sqrt(4 * zeta + delta) * log_slope),
        *(
            agreeing(
                gapless.logarithm(beta + 4 * zeta, side, 1), gapless.number(log_slope.subs(delta, -delta)), "n", FAR
            )
            for side in (1, -1)
        ),
    )


def linear_edge(account: Account) -> None:
    """z_2 with a gap, and the opening of the gap."""
    account.move(
        r"$z_2$, if $\delta > 4 \zeta$: now $u < 0$, the line rises in $a$ and leaves the square at once. With $\lambda ="
        r" z_2 - \varepsilon$ it cuts a triangle off the corner.",
        r"4 - b_\lambda = \frac{\varepsilon}{\zeta} - \frac{a v}{|u|}, \quad b_\lambda' = \frac{1}{\zeta}, \quad"
        r" \int_0^A \sqrt{\frac{c (A - a)}{a}}\; \mathrm{d}a = \frac{\pi}{2} \sqrt{c}\, A",
        identical(
            sp.cancel((4 - LINE).subs(l, beta + 4 * zeta - e) - e / zeta),
            sp.cancel((a * (l - beta) / (l - alpha)).subs(l, beta + 4 * zeta - e)),
        ),
        identical(SLOPE.subs(a, 0), 1 / zeta),
        identical(sp.gamma(sp.S.Half) * sp.gamma(sp.Rational(3, 2)), sp.pi / 2),
    )
    ratio = 4 * zeta / (delta - 4 * zeta)  # v/|u|
    found = sp.sqrt(ratio) / ratio / zeta * sp.pi / 2 / (2 * 4 * sp.pi * sp.pi * zeta)
    edge = sp.sqrt(delta - 4 * zeta) / (32 * sp.pi * zeta ** sp.Rational(5, 2))
    with_gap, opening = Density(WITH_GAP), Density(OPENING)
    account.move(
        r"The left part of the spectrum ends linearly.",
        r"\rho \sim \frac{\sqrt{\delta - 4 \zeta}}{32 \pi \zeta^{5/2}}\, (z_2 - \lambda)",
        identical(sp.simplify((found / edge) ** 2), 1),
        agreeing(with_gap.scaled(beta + 4 * zeta, -1, sp.S.One), with_gap.number(edge), "n", FAR),
    )
    where = {b: 4 - e * y / zeta, l: alpha - e, beta: alpha - 4 * zeta}
    account.move(
        r"At the opening of the gap, $\delta = 4 \zeta$, the corner $(0, 4)$ meets the side $a = 0$. With $\lambda = z_4 -"
        r" \varepsilon$ and $b = 4 - \varepsilon y/\zeta$, to leading order in $\varepsilon$:",
        r"a_\lambda = \frac{\varepsilon^2 (1 - y)}{4 \zeta^2}, \quad |a_\lambda'| = \frac{\varepsilon}{\zeta^2}"
        r" \left(\frac{1}{2} - \frac{y}{4}\right), \quad \int_0^1 \sqrt{\frac{y}{1 - y}} \left(\frac{1}{2} - \frac{y}{4}"
        r"\right) \mathrm{d}y = \frac{5 \pi}{32}",
        identical(
            sp.cancel(sp.cancel(OTHER_LINE.subs(where, simultaneous=True) / e**2).subs(e, 0)), (1 - y) / (4 * zeta**2)
        ),
        identical(
            sp.cancel(sp.cancel(-OTHER_SLOPE.subs(where, simultaneous=True) / e).subs(e, 0)), (2 - y) / (4 * zeta**2)
        ),
        identical(_beta(sp.Rational(3, 2), sp.S.Half) / 2 - _beta(sp.Rational(5, 2), sp.S.Half) / 4, 5 * sp.pi / 32),
    )
    left = 5 / (128 * sp.pi * zeta ** sp.Rational(5, 2))
    pieces = 1 / (2 * 4 * sp.pi * sp.pi) * zeta ** -sp.Rational(3, 2) * (2 * zeta) / zeta**2 * 5 * sp.pi / 32
    right = 4 / (3 * sp.pi**2 * sp.sqrt(zeta))
    account.move(
        r"So the two parts touch there: the left one ends with the power $\frac{3}{2}$, the right one begins with an"
        r" inverse square root, whose constant is elementary.",
        r"\rho \sim \frac{5}{128 \pi \zeta^{5/2}}\, (z_4 - \lambda)^{3/2}, \quad \rho \sim \frac{4}{3 \pi^2"
        r" \sqrt{\zeta}}\, (\lambda - z_4)^{-1/2}",
        identical(sp.powsimp(pieces / left), 1),
        identical(4 / sp.pi * sp.integrate(sp.sin(t) ** 3, (t, 0, sp.pi / 2)) / (2 * sp.pi), right * sp.sqrt(zeta)),
        agreeing(opening.scaled(alpha, -1, sp.Rational(3, 2)), opening.number(left), "n", FAR),
        agreeing(opening.scaled(alpha, 1, -sp.S.Half), opening.number(right), "n", FAR),
    )


def _beta(x: sp.Rational, w: sp.Rational) -> sp.Expr:
    return sp.gamma(x) * sp.gamma(w) / sp.gamma(x + w)


def last_corner(account: Account) -> None:
    """z_3 and z_6."""
    half = s / 2
    primitive = (y - half) / 2 * sp.sqrt(y * (y - s)) - s**2 / 4 * sp.log(sp.sqrt(y) + sp.sqrt(y - s))
    mirrored = (y + half) / 2 * sp.sqrt(y * (y + s)) - s**2 / 4 * sp.log(sp.sqrt(y) + sp.sqrt(y + s))
    account.move(
        r"At the corner $(4, 4)$ there are two square roots. If the line passes through, $s$ of either sign; if it cuts"
        r" the corner off, $s > 0$:",
        r"\int_{\max(0, s)}^{T} \sqrt{y (y - s)}\; \mathrm{d}y = \frac{s^2}{8} \log |s| + \text{smooth in } s, \quad"
        r" \int_0^s \sqrt{y (s - y)}\; \mathrm{d}y = \frac{\pi s^2}{8}",
        identical(sp.diff(primitive, y) * sp.sqrt(y) * sp.sqrt(y - s), y * (y - s)),
        identical(sp.diff(mirrored, y) * sp.sqrt(y) * sp.sqrt(y + s), y * (y + s)),
        identical([-primitive.subs(y, s), -mirrored.subs(y, 0)], [s**2 / 8 * sp.log(s)] * 2),
        identical(_beta(sp.Rational(3, 2), sp.Rational(3, 2)), sp.pi / 8),
    )
    slope = SLOPE.subs({a: 4, l: u + alpha}).subs({zeta: u * v / (4 * (u + v)), alpha: beta + v - u})
    account.move(
        r"$z_3$ and $z_6$: with $a = 4 - y$ the line is $4 - b = - b_\lambda' \varepsilon - (v/u)\, y$ to leading order,"
        r" so $s = b_\lambda' \varepsilon |u/v|$ in size. At the corner $u v = 4 \zeta (u + v)$.",
        r"b_\lambda' = \frac{1}{\zeta} + \frac{4 \delta}{u^2} = \frac{4 (u^2 + v^2)}{u^2 v}",
        identical(sp.diff((4 - LINE).subs(a, 4 - y), y), -(l - beta) / (l - alpha)),
        identical(sp.cancel(slope), sp.cancel(4 * (u**2 + v**2) / (u**2 * v))),
    )
    up, vp = sp.symbols("u_+ v_+", positive=True)
    size = sp.sqrt(vp / up) / (2 * 16 * sp.pi**2) * (4 * (up**2 + vp**2) / (up**2 * vp)) ** 3 * (up / vp) ** 2 / 8
    account.move(
        r"Together, with $S = (u^2 + v^2)^3/(4 |u v|^{9/2})$ at the point. At $z_3$ the slope is continuous and the second"
        r" derivative infinite like a logarithm; the spectrum ends quadratically at $z_6$.",
        r"z_3: \; \rho = \text{smooth} + \frac{S}{\pi^2}\, \varepsilon^2 \log |\varepsilon|, \quad z_6: \; \rho \sim"
        r" \frac{S}{\pi}\, \varepsilon^2",
        identical(sp.powsimp(sp.expand_power_base(size / corner.subs({u: up, v: vp}) * sp.pi**2)), 1),
        *(check for case in (GAPLESS, WITH_GAP) for check in _at_the_corner(case)),
    )


def edge_point(sign: int) -> tuple[sp.Expr, sp.Expr]:
    """z_3 (sign -1) or z_6 (sign 1), and S there."""
    z = (alpha + beta) / 2 + 4 * zeta + sign * sp.sqrt((alpha - beta) ** 2 + 64 * zeta**2) / 2
    return z, corner.subs({u: z - alpha, v: z - beta})


def _at_the_corner(case: dict) -> list[str]:
    d, (z3, inner), (z6, outer) = Density(case), edge_point(-1), edge_point(1)
    checks = [agreeing(d.logarithm(z3, side, 2), d.number(inner / sp.pi**2), "n", FAR) for side in (1, -1)]
    return [*checks, agreeing(d.scaled(z6, -1, sp.Integer(2)), d.number(outer / sp.pi), "n", FAR)]


def linear_layer(account: Account) -> None:
    """alpha = beta = 0 and zeta = 1: two special points meet at 4, three at 0."""
    linear = Density(LINEAR, legendre)
    constants = (1 / (2 * sp.pi), 2 * log_slope.subs({delta: 0, zeta: 1}), corner.subs({u: 8, v: 8}) / sp.pi)
    account.move(
        r"Linear $f$, $\zeta = 1$ (eq. 17): beside its atom at 0 the density begins with a finite value. $z_2$ and $z_5$"
        r" meet at 4 and their logarithms add up. It ends quadratically at 8.",
        r"\rho(0^+) = \frac{1}{2 \pi}, \quad C_2 + C_5 = \frac{1}{8 \pi^2}, \quad \rho \sim \frac{(8 -"
        r" \lambda)^2}{256 \pi}",
        identical(constants, [1 / (2 * sp.pi), 1 / (8 * sp.pi**2), 1 / (256 * sp.pi)]),
        agreeing(linear.scaled(sp.S.Zero, 1, sp.S.Zero), linear.number(constants[0]), "n", FAR),
        *(agreeing(linear.logarithm(sp.Integer(4), q, 1), linear.number(constants[1]), "n", FAR) for q in (1, -1)),
        agreeing(linear.scaled(sp.Integer(8), -1, sp.Integer(2)), linear.number(constants[2]), "n", FAR),
    )


# --- landing


def land(account: Account) -> None:
    """The records of the package for the three cases."""
    from fimtheory.theory.single_layer_singularities import singularities

    evidence = []
    for case in (GAPLESS, WITH_GAP, OPENING, LINEAR):
        claimed = {point.name: point for point in singularities(case[alpha], case[beta], case[zeta])}
        for (name, side), constant in derived(case).items():
            ours = constant.subs({k: 4 * zeta / delta}).subs(delta, case[alpha] - case[beta]).subs(case)
            evidence.append(identical(ours, getattr(claimed[name], side).constant, CASES))
    account.land(
        "theory.single_layer_singularities.singularities",
        "The constants of the package.",
        r"C_1, \ldots, C_6",
        *evidence,
    )


def derived(case: dict) -> dict[tuple[str, str], sp.Expr]:
    """The constants of this derivation by point and side."""
    if case is LINEAR:
        slope, last = 2 * log_slope.subs(delta, 0), corner.subs({u: 8 * zeta, v: 8 * zeta}) / sp.pi
        sides = {("z2 = z5", "left"): -slope, ("z2 = z5", "right"): slope, ("z6", "left"): last}
        return sides | {("z1 = z3 = z4", "right"): 1 / (2 * sp.pi * zeta)}
    root, edge = sp.sqrt(zeta), sp.Rational(5, 2)
    (_, inner), (_, outer) = edge_point(-1), edge_point(1)
    found = {
        ("z1", "right"): at_z1 / root,
        ("z3", "left"): inner / sp.pi**2,
        ("z3", "right"): inner / sp.pi**2,
        ("z5", "left"): -log_slope,
        ("z5", "right"): log_slope,
        ("z6", "left"): outer / sp.pi,
    }
    if case is GAPLESS:
        other = log_slope.subs(delta, -delta)
        found |= {("z4", "right"): at_z4[1, 1] / root, ("z4", "left"): at_z4[1, -1] / root}
        found |= {("z2", "left"): -other, ("z2", "right"): other}
    elif case is WITH_GAP:
        found[("z4", "right")] = at_z4[-1, 1] / root
        found[("z2", "left")] = sp.sqrt(delta - 4 * zeta) / (32 * sp.pi * zeta**edge)
    else:
        found |= {("z2 = z4", "left"): 5 / (128 * sp.pi * zeta**edge), ("z2 = z4", "right"): 4 / (3 * sp.pi**2 * root)}
    return found


def main() -> Account:
    """Derive, land, print."""
    account = Account("The singularities of the single-layer density")
    near_the_corners(account)
    first_peak(account)
    second_peak(account)
    infinite_slopes(account)
    linear_edge(account)
    last_corner(account)
    linear_layer(account)
    land(account)
    print(account)
    return account


if __name__ == "__main__":
    main()
