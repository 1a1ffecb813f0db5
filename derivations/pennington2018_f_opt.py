r"""The best conditioned activation of all, the best odd one, and the worst: an argument of two modes.

*Source*: Pennington, Worah (2018), section 4.1, eqs. 27 and 28; the paper leaves the proof to its supplement. The
argument, the least degree k, and the other objectives are our own.
*Lands on*: `theory.optimal_activations.optimal`, `theory.optimal_activations.best_odd`,
`theory.optimal_activations.best_in_span`, `theory.optimal_activations.OBJECTIVES`.
*Departs from the text*: f_opt is one of four functions, since the sign of either mode is free; that linear f is the
maximum needs no expansion, one sum of non-negative terms shows it.
*Assumptions*: f and f' are square-integrable, E f(Z) = 0, f is not 0; the layer is square and wide, so that eq. 27 holds.
"""

from __future__ import annotations

import sympy as sp
from _single_layer import eta, eta_prime, zeta
from _steps import Account, identical

from fimtheory.activations import activation
from fimtheory.gaussian.expectation import expectation
from fimtheory.latex import latex

x = activation("linear").variable
p, s, u = sp.symbols("p s u", positive=True)
k = sp.Symbol("k", integer=True, positive=True)
MODES = range(1, 6)
b = dict(zip(MODES, sp.symbols("b_1:6", real=True), strict=True))

RATIO = 2 * (1 + s**2 + 4 * p**2) / (1 + s) ** 2


def modes(account: Account) -> None:
    """From a function to two numbers."""
    account.define(
        r"$f$ has Gaussian mean zero and $\eta = 1$, which is only a scale. Expand it in Hermite polynomials; the share"
        r" of degree $k$ is $p_k = b_k^2$.",
        r"f(x) = \sum_{k \geq 1} b_k\, \frac{\mathrm{He}_k(x)}{\sqrt{k!}}, \quad \sum_{k \geq 1} p_k = \eta = 1",
    )
    f = sum(b[j] * sp.hermite_prob(j, x) / sp.sqrt(sp.factorial(j)) for j in MODES)
    found = [expectation(f, x), expectation(f**2, x), expectation(sp.diff(f, x) ** 2, x), expectation(sp.diff(f, x), x)]
    expected = [0, sum(b[j] ** 2 for j in MODES), sum(j * b[j] ** 2 for j in MODES), b[1]]
    account.move(
        r"$\mathrm{He}_k' = k\, \mathrm{He}_{k-1}$, and the polynomials are orthogonal: every degree counts once in"
        r" $\eta$ and $k$ times in $\eta'$.",
        r"\eta' = \sum_{k \geq 1} k\, p_k, \quad \zeta = p_1",
        identical([sp.expand(e) for e in found], expected, f"for degrees up to {MODES[-1]}"),
    )
    printed = 2 * (eta**2 + eta_prime**2 + 4 * zeta**2) / (eta + eta_prime) ** 2
    account.move(
        r"So the measure of conditioning depends on two numbers, $p = \zeta$ and $s = \eta'$. With eq. 27,",
        rf"R(p, s) = \frac{{m_2}}{{m_1^2}} = {latex(RATIO)}",
        identical(printed.subs({eta: 1, eta_prime: s, zeta: p}), RATIO),
    )
    shares = dict(zip(range(1, 7), sp.symbols("p_1:7", positive=True), strict=True))
    total = 1 - sum(shares[j] for j in range(2, 7))
    account.move(
        r"What lies beyond degree two only adds to $s$. All $s$ from $2 - p$ on occur if $p < 1$, by a share of a high"
        r" degree; $p = 1$ is linear $f$, and there $s = 1$.",
        r"s = 2 - p + \sum_{k \geq 3} (k - 2)\, p_k \geq 2 - p",
        identical(
            (sum(j * q for j, q in shares.items()) - 2 + shares[1]).subs(shares[1], total),
            sum((j - 2) * shares[j] for j in range(3, 7)),
            "for degrees up to 6",
        ),
    )


def minimum(account: Account) -> sp.Expr:
    """Over s, then over p."""
    account.move(
        r"For given $p$ the ratio falls in $s$ up to $1 + 4 p^2$ and rises beyond.",
        r"\frac{\partial R}{\partial s} = \frac{4 (s - 1 - 4 p^2)}{(1 + s)^3}",
        identical(sp.diff(RATIO, s), 4 * (s - 1 - 4 * p**2) / (1 + s) ** 3),
    )
    edge = (sp.sqrt(17) - 1) / 8
    account.move(
        r"Is this place admissible? $1 + 4 p^2 \geq 2 - p$ from $p^*$ on.",
        rf"p^* = {latex(edge)}",
        identical((4 * p**2 + p - 1).subs(p, edge), 0),
        identical(sp.expand(4 * (p - edge) * (p + (sp.sqrt(17) + 1) / 8)), 4 * p**2 + p - 1),
    )
    upper = (1 + 4 * p**2) / (1 + 2 * p**2)
    account.move(
        r"If $p \geq p^*$, the least value is that at $s = 1 + 4 p^2$; it increases in $p$, so none is below that at"
        r" $p^*$.",
        rf"\min_s R = {latex(upper)}, \quad \frac{{\mathrm{{d}}}}{{\mathrm{{d}} p}} \min_s R = \frac{{4 p}}"
        r"{(1 + 2 p^2)^2} > 0",
        identical([RATIO.subs(s, 1 + 4 * p**2), sp.diff(upper, p)], [upper, 4 * p / (1 + 2 * p**2) ** 2]),
    )
    lower = RATIO.subs(s, 2 - p)
    account.move(
        r"If $p \leq p^*$, the least value is that at $s = 2 - p$, where only the degrees one and two are left.",
        r"\min_s R = \frac{2 (5 - 4 p + 5 p^2)}{(3 - p)^2}, \quad \frac{\mathrm{d}}{\mathrm{d} p} \min_s R ="
        r" \frac{4 (13 p - 1)}{(3 - p)^3}",
        identical(
            [lower, sp.diff(lower, p)], [2 * (5 - 4 * p + 5 * p**2) / (3 - p) ** 2, 4 * (13 * p - 1) / (3 - p) ** 3]
        ),
    )
    best = sp.Rational(1, 13)
    account.move(
        r"The two agree at $p^*$, and $1/13$ is below it: $4 p^2 + p - 1$ is negative there. So this is the minimum over"
        r" all functions, and it is attained by two modes only.",
        r"R \geq R\left(\frac{1}{13}, \frac{25}{13}\right) = \frac{21}{19}",
        identical([lower.subs(p, edge), lower.subs(p, best)], [upper.subs(p, edge), sp.Rational(21, 19)]),
        identical((4 * p**2 + p - 1).subs(p, best), -sp.Rational(152, 169)),
    )
    printed = (x + sp.sqrt(6) * (x**2 - 1)) / sp.sqrt(13)
    two = sp.sqrt(best) * x + sp.sqrt(1 - best) * (x**2 - 1) / sp.sqrt(2)
    account.move(
        r"The signs of $b_1$ and $b_2$ are free, and eq. 28 is one choice of four.",
        r"f_{\mathrm{opt}}(x) = \pm \frac{x}{\sqrt{13}} \pm \sqrt{\frac{12}{13}}\, \frac{x^2 - 1}{\sqrt{2}}",
        identical(two, printed, "for two plus signs"),
    )
    return printed


def least_degree(account: Account) -> tuple[sp.Expr, sp.Expr]:
    """Functions of degree one and of degrees from k on; odd functions are among those with k = 3."""
    least = k - (k - 1) * p
    best = (k - 1) ** 2 / (k**2 + 2 * k + 5)
    account.move(
        r"The same with no degree between one and $k$: $s \geq k - (k - 1) p$, and along this line",
        r"\frac{\mathrm{d} R}{\mathrm{d} p} = \frac{4 \left((k^2 + 2 k + 5)\, p - (k - 1)^2\right)}"
        r"{(k + 1 - (k - 1) p)^3}",
        identical(
            sp.diff(RATIO.subs(s, least), p),
            4 * ((k**2 + 2 * k + 5) * p - (k - 1) ** 2) / (k + 1 - (k - 1) * p) ** 3,
        ),
    )
    value = (5 * k**2 - 2 * k + 5) / (3 * k**2 + 2 * k + 3)
    account.move(
        r"The zero is the minimum, since $1 + 4 p^2$ is not yet admissible there:",
        r"p = \frac{(k - 1)^2}{k^2 + 2 k + 5}, \quad k - (k - 1) p - 1 - 4 p^2 = \frac{8 (k - 1) (3 k^2 + 2 k + 3)}"
        r"{(k^2 + 2 k + 5)^2} > 0",
        identical(
            (least - 1 - 4 * p**2).subs(p, best),
            8 * (k - 1) * (3 * k**2 + 2 * k + 3) / (k**2 + 2 * k + 5) ** 2,
        ),
    )
    account.move(
        r"Its value increases in $k$, from $21/19$ to $5/3$. The derivative in $k$ shows it.",
        rf"R_k = {latex(value)}, \quad \frac{{\mathrm{{d}} R_k}}{{\mathrm{{d}} k}} = \frac{{16 (k^2 - 1)}}"
        r"{(3 k^2 + 2 k + 3)^2}",
        identical(RATIO.subs(s, least).subs(p, best), value),
        identical(
            [sp.diff(value, k), sp.limit(value, k, sp.oo)],
            [16 * (k**2 - 1) / (3 * k**2 + 2 * k + 3) ** 2, sp.Rational(5, 3)],
        ),
    )
    account.move(
        r"Odd functions have odd degrees, and $k = 3$ is the least after one.",
        r"f \text{ odd}: \quad R \geq R\left(\frac{1}{5}, \frac{13}{5}\right) = \frac{11}{9}",
        identical(
            [e.subs(k, 3) for e in (best, least.subs(p, best), value)],
            [sp.Rational(n, d) for n, d in ((1, 5), (13, 5), (11, 9))],
        ),
    )
    return best, value


def maximum(account: Account) -> None:
    """Linear functions are the worst."""
    account.move(
        r"From above: a sum of two terms that are not negative, since $s \geq 1 \geq p$. Both vanish for linear $f$ alone.",
        r"(3 - R) (1 + s)^2 = (s - 1) (s + 7) + 8 (1 - p^2) \geq 0",
        identical((3 - RATIO) * (1 + s) ** 2, (s - 1) * (s + 7) + 8 * (1 - p**2)),
    )


def other_objectives(account: Account) -> dict[str, sp.Expr]:
    """The ends of the spectrum and the gap."""
    root = sp.sqrt(u**2 + 64 * p**2)
    top = (2 + u + 6 * p + root) / 2
    account.define(
        r"With $u = s - 1 \geq 1 - p$, eqs. 23 and 24 at $\eta = 1$:",
        rf"z_6 = {latex(top)}, \quad z_1 = 1 - p, \quad \frac{{z_4 - z_2}}{{m_1}} = \frac{{2 (u - 4 p)}}{{2 + u}}",
    )
    account.move(
        r"The root is $u$ at least. So $z_6/m_1$ is least for $p = 0$ and $u = 1$, $f = \mathrm{He}_2/\sqrt{2}$:",
        r"\left(\frac{z_6}{m_1} - \frac{4}{3}\right) \frac{3 (2 + u)}{2} \geq 9 p + u - 1 \geq 8 p \geq 0",
        identical((2 * top / (2 + u) - sp.Rational(4, 3)) * 3 * (2 + u) / 2, (18 * p + 3 * root - u - 2) / 2),
        identical((18 * p + 3 * u - u - 2) / 2, 9 * p + u - 1),
        identical((9 * p + u - 1).subs(u, 1 - p), 8 * p),
    )
    account.move(
        r"$z_6$ increases in $u$ and $z_1$ does not change: $u = 1 - p$. The root is at least $1 - p$, and $f ="
        r" \mathrm{He}_2/\sqrt{2}$ is best once more.",
        r"\frac{z_6}{z_1} \geq \frac{2 (1 + p)}{1 - p} \geq 2",
        identical(sp.diff(top, u), (1 + u / root) / 2),
        identical((top - root / 2 + u / 2).subs(u, 1 - p), 2 * (1 + p)),
    )
    gap = 2 * (u - 4 * p) / (2 + u)
    account.move(
        r"The gap never reaches twice the mean, but $\mathrm{He}_k$ comes as close as one likes: no function is best.",
        r"2 - \frac{z_4 - z_2}{m_1} = \frac{4 (1 + 2 p)}{2 + u} > 0, \quad \mathrm{He}_k: \frac{2 (k - 1)}{k + 1} \to 2",
        identical(2 - gap, 4 * (1 + 2 * p) / (2 + u)),
        identical(
            [2 * (k - 1) / (k + 1), sp.limit(2 * (k - 1) / (k + 1), k, sp.oo)], [gap.subs(p, 0).subs(u, k - 1), 2]
        ),
    )
    mean = (2 + u) / 2
    return {
        "conditioning": RATIO.subs(s, 1 + u),
        "lambda_max_over_mean": top / mean,
        "bulk_condition": top / (1 - p),
        "gap": gap,
    }


# --- landing


def land(account: Account, printed: sp.Expr, spans: tuple[sp.Expr, sp.Expr], objectives: dict[str, sp.Expr]) -> None:
    """The package's optima."""
    from fimtheory.theory.optimal_activations import OBJECTIVES, best_in_span, best_odd, objective_value, optimal

    best = optimal()
    account.land(
        "theory.optimal_activations.optimal",
        "The package's best function and its value.",
        rf"f_{{\mathrm{{opt}}}}(x) = {latex(printed)}",
        identical([best.expression, objective_value(best.activation)], [printed, sp.Rational(21, 19)]),
    )
    odd = best_odd()
    account.land(
        "theory.optimal_activations.best_odd",
        "The best odd function.",
        rf"f(x) = {latex(odd.expression)}, \quad \frac{{m_2}}{{m_1^2}} = {latex(odd.conditioning)}",
        identical(
            [odd.activation.zeta, odd.activation.eta_prime, objective_value(odd.activation)],
            [sp.Rational(n, d) for n, d in ((1, 5), (13, 5), (11, 9))],
        ),
    )
    general = best_in_span(k)
    account.land(
        "theory.optimal_activations.best_in_span",
        r"The best of the span of $x$ and $\mathrm{He}_k$, for every $k$.",
        rf"p = {latex(general.p)}, \quad \frac{{m_2}}{{m_1^2}} = {latex(general.conditioning)}",
        identical([general.p, general.conditioning], list(spans), "for every $k$"),
    )
    bounds = {name: goal.bound for name, goal in OBJECTIVES.items()}
    account.land(
        "theory.optimal_activations.OBJECTIVES",
        "The objectives, and how far they go.",
        r"\frac{m_2}{m_1^2} \geq \frac{21}{19}, \quad \frac{z_6}{m_1} \geq \frac{4}{3}, \quad \frac{z_6}{z_1} \geq 2,"
        r" \quad \frac{z_4 - z_2}{m_1} < 2",
        identical([OBJECTIVES[name].at((1, 1 + u, p)) for name in objectives], list(objectives.values())),
        identical([bounds[name] for name in objectives], [sp.Rational(21, 19), sp.Rational(4, 3), 2, 2]),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("The best conditioned activation")
    modes(account)
    printed = minimum(account)
    spans = least_degree(account)
    maximum(account)
    land(account, printed, spans, other_objectives(account))
    print(account)
    return account


if __name__ == "__main__":
    main()
