r"""Signals in deep random networks: why lengths settle, where correlations do, and how they decay at the edge of chaos.

*Source*: the maps are those of Poole et al. (2016) and Schoenholz et al. (2017); the coefficient for ReLU is in Hayou,
Doucet, Rousseau (2019). The bound on the length map and the general law of decay are our own.
*Lands on*: `critical_decay("relu")`, `edge_of_chaos("relu")`, `critical_decay("erf")`, `edge_of_chaos("erf")`.
*Departs from the text*: the edge is parametrised by the length, so that nothing has to be solved for.
*Assumptions*: widths are large; phi is square-integrable and, at the edge, weakly differentiable.
"""

from __future__ import annotations

import sympy as sp
from _steps import Account, agreeing, identical, random_points
from mpmath import mp

from fimtheory.activations import activation
from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

x, q, c = SYMBOLS["x"], SYMBOLS["q"], SYMBOLS["c"]
w, b = SYMBOLS["sigma_w2"], SYMBOLS["sigma_b2"]
e, t, r, A = sp.symbols("e t r A", positive=True)
p = sp.Symbol("p", positive=True)
k = sp.Symbol("k", integer=True, positive=True)

POINTS = random_points(0, 1, 2, seed=7)


def lengths(account: Account) -> None:
    """No length oscillates."""
    account.define(
        r"The variance of a pre-activation in the next layer, for weights of variance $\sigma_w^2$ and biases of variance"
        r" $\sigma_b^2$.",
        r"V(q) = \sigma_w^2\, m(q) + \sigma_b^2, \quad m(q) = \mathbb{E}\, \phi(\sqrt{q}\, Z)^2",
    )
    normal = sp.exp(-(x**2) / (2 * q)) / sp.sqrt(2 * sp.pi * q)
    account.move(
        r"$m$ depends on $q$ through the density of $N(0, q)$ alone, whose derivative has a lower bound.",
        r"q\, \partial_q \varphi_q(x) = \frac12 \left(\frac{x^2}{q} - 1\right) \varphi_q(x) \ge -\frac12 \varphi_q(x)",
        identical(q * sp.diff(normal, q), (x**2 / q - 1) / 2 * normal),
    )
    account.move(
        r"So $q\, m'(q) \ge -m(q)/2$ for every $\phi$, and at a fixed point, where $\sigma_w^2 m = q^* - \sigma_b^2$, the"
        r" slope exceeds $-1$: no fixed point loses its stability by oscillation.",
        r"V'(q^*) \ge -\frac12 \cdot \frac{q^* - \sigma_b^2}{q^*} \ge -\frac12",
        identical((w * (-(q - b) / w / 2) / q), -(q - b) / (2 * q)),
    )
    account.move(
        r"Nor are there cycles of two: $\sqrt{q}\, m(q)$ does not fall, so $V(q) = r > q$ and $V(r) = q$ would give"
        r" $(r - \sigma_b^2) \sqrt{q} \le (q - \sigma_b^2) \sqrt{r}$, while $(q - \sigma_b^2)/\sqrt{q}$ rises.",
        r"\partial_q \frac{q - \sigma_b^2}{\sqrt{q}} = \frac{q + \sigma_b^2}{2 q^{3/2}} > 0",
        identical(sp.diff((q - b) / sp.sqrt(q), q), (q + b) / (2 * q ** sp.Rational(3, 2))),
    )


def correlations(account: Account) -> None:
    """One stable fixed point, and when it is 1."""
    account.define(
        r"At a settled length, the correlation of two pre-activations in the next layer.",
        r"\mathcal{C}(c) = \frac{\sigma_w^2\, I_\phi[q^*, c\, q^*] + \sigma_b^2}{q^*} = \sum_k a_k c^k,"
        r" \quad a_k \ge 0, \quad \sum_k a_k = 1",
    )
    account.move(
        r"The coefficients are squares of Hermite coefficients times $\sigma_w^2/q^*$ (and $\sigma_b^2/q^*$ in $a_0$), so"
        r" $\mathcal{C}$ is convex on $[0, 1]$ with $\mathcal{C}(1) = 1$: a second fixed point exists there, and only one,"
        r" if and only if the slope at 1 exceeds 1. Price's theorem names the slope; for polynomials, which determine it:",
        r"\mathcal{C}'(c) = \sigma_w^2\, I_{\phi'}[q^*, c\, q^*], \quad \mathcal{C}'(1) = \chi_1",
        *(
            identical(sp.diff(activation(x**n).dual(q, c), c), q * activation(n * x ** (n - 1)).dual(q, c))
            for n in (2, 3, 4)
        ),
    )
    odd, even = r - r ** (2 * k + 1), r + r ** (2 * k)
    account.move(
        r"For $c = -r$ every term of $\mathcal{C}(c) - c = \sum_k a_k ((-r)^k + r)$ is non-negative, so a fixed point below"
        r" zero needs all even $a_k$ to vanish, and then is $c = -1$: odd activations without biases.",
        r"(-r)^{2k+1} + r = r \left(1 - r^{2k}\right) \ge 0, \quad (-r)^{2k} + r > 0",
        identical(sp.powsimp(sp.expand(r * (1 - r ** (2 * k)))), odd),
        identical(even.subs(r, 1), 2),
    )


def edge(account: Account) -> tuple[sp.Expr, sp.Expr]:
    """The curve chi_1 = 1."""
    gain, moment = sp.symbols("g m", positive=True)
    solved = sp.solve([w * gain - 1, w * moment + sp.Symbol("b") - q], [w, sp.Symbol("b")], dict=True)[0]
    account.move(
        r"Both conditions at the edge are linear in the variances, once the length is given.",
        r"\sigma_w^2 = \frac{1}{\mathbb{E}\, \phi'(\sqrt{q}\, Z)^2}, \quad"
        r" \sigma_b^2 = q - \frac{m(q)}{\mathbb{E}\, \phi'(\sqrt{q}\, Z)^2}",
        identical([solved[w], solved[sp.Symbol("b")]], [1 / gain, q - moment / gain]),
    )
    return gain, moment


def decay(account: Account) -> sp.Expr:
    """From the recursion of 1 - c to its power law."""
    step = e - A * e**p
    power = sp.Rational(3, 2)
    account.move(
        r"At the edge $e = 1 - c$ is mapped to $e - A e^p$. Its power $e^{1 - p}$ grows by a constant a layer, to leading"
        r" order; shown for the two exponents that occur, $p = 2$ (smooth) and $p = 3/2$ (a kink).",
        r"(e - A e^p)^{1 - p} = e^{1 - p} + A (p - 1) + o(1)",
        *(
            identical(sp.limit((step ** (1 - p) - e ** (1 - p)).subs(p, n), e, 0, "+"), A * (n - 1), f"for $p = {n}$")
            for n in (sp.Integer(2), power)
        ),
    )
    law = (A * (p - 1)) ** (-1 / (p - 1))
    account.move(
        r"Adding up $l$ layers gives the law, which is a power of $l$ and no exponential.",
        r"1 - c^l \sim \left(A (p - 1)\, l\right)^{-1/(p - 1)}",
        identical((law ** (1 - p)).subs(p, 2), A),
        identical((law ** (1 - p)).subs(p, power), A / 2),
    )
    return law


def relu(account: Account, law: sp.Expr) -> sp.Expr:
    """The arc-cosine kernel at sigma_w^2 = 2."""
    account.move(
        r"For ReLU $m(q) = q/2$ and $\mathbb{E}\, \phi'^2 = 1/2$: the edge is $\sigma_w^2 = 2$, $\sigma_b^2 = 0$ at every"
        r" length, and the map is the arc-cosine kernel.",
        r"\mathcal{C}(c) = \frac{\sqrt{1 - c^2} + c\, (\pi - \arccos c)}{\pi}",
        agreeing(_relu_map, _relu_by_quadrature, "c", POINTS),
    )
    kernel = (sp.sqrt(e * (2 - e)) + (1 - e) * (sp.pi - sp.acos(1 - e))) / sp.pi
    curve = kernel.subs(e, 1 - sp.cos(t))
    loss = sp.simplify((sp.sin(t) - t * sp.cos(t)) / sp.pi)  # C(cos t) - cos t
    amplitude = sp.limit(loss / (1 - sp.cos(t)) ** sp.Rational(3, 2), t, 0, "+")
    account.move(
        r"With $c = \cos t$ the gain $\mathcal{C}(c) - c$ is $(\sin t - t \cos t)/\pi$, that is $t^3/(3 \pi)$ to leading"
        r" order, and $e = t^2/2$.",
        r"A = \lim_{t \to 0} \frac{\sin t - t \cos t}{\pi\, (1 - \cos t)^{3/2}} = " + latex(amplitude),
        agreeing(
            lambda v: mp.mpf(sp.N(curve.subs(t, sp.Rational(str(v))), 25)) - mp.cos(v),
            lambda v: (mp.sin(v) - v * mp.cos(v)) / mp.pi,
            "t",
            POINTS,
        ),
        identical(amplitude, 2 * sp.sqrt(2) / (3 * sp.pi)),
    )
    coefficient = law.subs({p: sp.Rational(3, 2), A: amplitude})
    account.move(
        r"The law with $p = 3/2$:",
        r"1 - c^l \sim " + latex(9 * sp.pi**2 / 2) + r"\, l^{-2}",
        identical(coefficient, 9 * sp.pi**2 / 2),
    )
    return coefficient


def _relu_map(at):
    return (mp.sqrt(1 - at * at) + at * (mp.pi - mp.acos(at))) / mp.pi


def _relu_by_quadrature(at):
    """2 E relu(U) relu(V) at q = 1, in polar coordinates: U = R cos s, V = R cos(s - theta), E R^2 = 2."""
    theta = mp.acos(at)
    angles = mp.quad(lambda s: mp.cos(s) * mp.cos(s - theta), [theta - mp.pi / 2, mp.pi / 2])
    return 2 * 2 * angles / (2 * mp.pi)


def erf(account: Account, law: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """A smooth activation, in closed form."""
    gain, kernel = 4 / (sp.pi * sp.sqrt(1 + 4 * q)), 2 * sp.asin(2 * q * c / (1 + 2 * q)) / sp.pi
    slope = 4 * q / (sp.pi * sp.sqrt((1 + 2 * q) ** 2 - 4 * q**2 * c**2))
    account.move(
        r"For $\phi = \mathrm{erf}$ the dual is an arcsine, and its slope at $c = 1$ is $q\, \mathbb{E}\, \phi'^2$"
        r" (compared as squares: both are positive).",
        r"I_\phi[q, c\, q] = \frac{2}{\pi} \arcsin \frac{2 q c}{1 + 2 q}, \quad"
        r" \mathbb{E}\, \phi'(\sqrt{q}\, Z)^2 = " + latex(gain),
        identical(activation("erf").dual(q, c), kernel),
        identical([sp.diff(kernel, c) ** 2, slope.subs(c, 1) ** 2], [slope**2, (q * gain) ** 2]),
        agreeing(_erf_gain, lambda v: mp.mpf(4) / mp.pi / mp.sqrt(1 + 4 * v), "q", POINTS),
    )
    amplitude = sp.cancel(sp.diff(sp.log(slope), c).subs(c, 1) / 2)
    coefficient = law.subs({p: 2, A: amplitude})
    account.move(
        r"The amplitude is half the second derivative of $\mathcal{C}$ at 1, where the first is 1: half the logarithmic"
        r" derivative of the slope.",
        r"A = \frac{\mathcal{C}''(1)}{2} = "
        + latex(amplitude)
        + r", \quad 1 - c^l \sim "
        + latex(1 / amplitude)
        + r"\, l^{-1}",
        identical(amplitude, 2 * q**2 / (1 + 4 * q)),
        identical(coefficient, 1 / amplitude),
    )
    return gain, coefficient


def _erf_gain(at):
    """E phi'(sqrt(q) Z)^2 = (4/pi) E exp(-2 q Z^2) by quadrature."""
    return 4 / mp.pi * 2 * mp.quad(lambda z: mp.npdf(z) * mp.exp(-2 * at * z * z), [0, 1, 3, 6, 12])


# --- landing


def land(account: Account, of_relu: sp.Expr, gain: sp.Expr, of_erf: sp.Expr) -> None:
    """The package finds the same from the activation alone."""
    from fimtheory.theory import phase_edge

    decays = {name: phase_edge.critical_decay(activation(name)) for name in ("relu", "erf")}
    edges = {name: phase_edge.edge_of_chaos(activation(name)) for name in ("relu", "erf")}
    moment = 2 * sp.asin(2 * q / (1 + 2 * q)) / sp.pi
    for name, coefficient, exponent in (("relu", of_relu, 2), ("erf", of_erf, 1)):
        account.land(
            f'critical_decay("{name}")',
            "The package's coefficient and exponent.",
            rf"1 - c^l \sim {latex(decays[name].coefficient)}\, l^{{-{exponent}}}",
            identical([decays[name].coefficient, decays[name].exponent], [coefficient, exponent]),
        )
        expected = [2, 0] if name == "relu" else [1 / gain, q - moment / gain]
        account.land(
            f'edge_of_chaos("{name}")',
            "The package's edge.",
            rf"\sigma_w^2 = {latex(edges[name].sigma_w2)}, \quad \sigma_b^2 = {latex(edges[name].sigma_b2)}",
            identical([edges[name].sigma_w2, edges[name].sigma_b2], expected),
        )


def main() -> Account:
    """Derive, land, print."""
    account = Account("Order, chaos and the edge between them")
    lengths(account)
    correlations(account)
    edge(account)
    law = decay(account)
    land(account, relu(account, law), *erf(account, law))
    print(account)
    return account


if __name__ == "__main__":
    main()
