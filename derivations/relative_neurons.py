r"""Relative Fisher metrics of single neurons: from the law of the answer to the number in front of x~ x~'.

*Source*: document 003, definition 1, eqs. 11 to 21 and 34 to 63 (Sun and Nielsen 2016).
*Lands on*: `sun2016.eqs44_46`, `sun2016.eqs11_12`, `sun2016.eqs13_14`, `sun2016.eq58`, `sun2016.eqs17_18`,
`sun2016.eqs19_20`, `sun2016.sec3.1.4`, `fimtheory.relative.responses`.
*Departs from the text*: eqs. 51 and 52 have $x$ for $\tilde x$ in their denominators; the metric of ELU is continuous for
$\alpha = 1$ alone; laws with any variance function are treated at once.
*Assumptions*: $f$ is continuous, and differentiable but for finitely many points; the law of $y$ depends on $w$ through
$t = w^\top \tilde x$ alone.
"""

from __future__ import annotations

import sympy as sp
from _steps import Account, identical

from fimtheory.functions import sigmoid
from fimtheory.notation import SYMBOLS

t = SYMBOLS["t"]
y, m, s, b = sp.symbols("y m s b", real=True)
v = sp.Symbol("v", positive=True)
scale = SYMBOLS["sigma_y"]
f = sp.Function("f")(t)
LIMITS = {sp.Derivative(f, (t, 2)): b, sp.Derivative(f, t): s, f: m}


def named(e: sp.Expr) -> sp.Expr:
    """f'', f', f as symbols b, s, m."""
    for derivative, symbol in LIMITS.items():
        e = e.subs(derivative, symbol)
    return e


def chain_rule(account: Account) -> None:
    """Why one number is all there is."""
    w1, w2, x1, x2 = sp.symbols("w_1 w_2 x_1 x_2", real=True)
    weights, inputs = (w1, w2), (x1, x2)
    log = sp.Function("L")(w1 * x1 + w2 * x2)
    u = sp.Symbol("u", real=True)
    first, second = (sp.diff(sp.Function("L")(u), u, k) for k in (1, 2))
    at = {u: w1 * x1 + w2 * x2}
    account.define(
        r"The answer of a neuron has a law $p(y \mid t)$, $t = w^\top \tilde x$. Its relative Fisher metric is the mean of"
        r" (score)(score)$^\top$ for the given input.",
        r"g(w \mid x) = \mathbb{E}\left[\frac{\partial \log p}{\partial w} \frac{\partial \log p}{\partial w^\top}\right]",
    )
    account.move(
        r"Weights enter through $t$ alone, so the chain rule leaves $\tilde x \tilde x^\top$ and two means.",
        r"\frac{\partial \log p}{\partial w} = \frac{\partial \log p}{\partial t} \tilde x, \quad "
        r"\frac{\partial^2 \log p}{\partial w \partial w^\top} = "
        r"\frac{\partial^2 \log p}{\partial t^2} \tilde x \tilde x^\top",
        identical(
            [sp.diff(log, a).doit() for a in weights] + [sp.diff(log, a, c).doit() for a in weights for c in weights],
            [(first.subs(at) * x).doit() for x in inputs]
            + [(second.subs(at) * x * z).doit() for x in inputs for z in inputs],
            "for two weights",
        ),
    )


def two_outcomes(account: Account) -> sp.Expr:
    """Bernoulli: a sum over both outcomes."""
    logs = {1: sp.log(f), 0: sp.log(1 - f)}
    masses = {1: m, 0: 1 - m}
    score = sum(masses[k] * named(sp.diff(logs[k], t)) ** 2 for k in logs)
    hessian = -sum(masses[k] * named(sp.diff(logs[k], t, 2)) for k in logs)
    nu = s**2 / (m * (1 - m))
    account.move(
        r"Two outcomes, $P(y = 1) = m = f(t)$, $s = f'(t)$: the mean square of the score is a sum of two terms.",
        r"\nu = m \left(\frac{s}{m}\right)^2 + (1 - m) \left(\frac{s}{1 - m}\right)^2 = \frac{s^2}{m (1 - m)}",
        identical(score, nu),
    )
    account.move(
        r"Minus the mean second derivative is the same: $f''$ is multiplied by $m/m - (1 - m)/(1 - m) = 0$.",
        r"-\mathbb{E} \frac{\partial^2 \log p}{\partial t^2} = \frac{s^2}{m (1 - m)}",
        identical(hessian, nu),
    )
    sign = nu.subs({m: (1 + m) / 2, s: s / 2}, simultaneous=True)
    account.move(
        r"Outcomes $\pm 1$ with the mean $m$ have $P(y = 1) = (1 + m)/2$, whose slope is $s/2$.",
        r"\nu = \frac{s^2}{1 - m^2}",
        identical(sign, s**2 / (1 - m**2)),
    )
    return nu


def slope_of(e: sp.Expr) -> sp.Expr:
    """The derivative in t of a function of v = e^t."""
    return v * sp.diff(e, v)


def same(left: list[sp.Expr], right: list[sp.Expr]) -> str:
    """Rational functions are equal where their reduced fractions are."""
    return identical([sp.cancel(a) for a in left], [sp.cancel(b) for b in right])


def hyperbolic_and_logistic(account: Account) -> tuple[sp.Expr, sp.Expr]:
    """tanh and sigm, as rational functions of v = e^t."""
    tanh, sech2 = (v**2 - 1) / (v**2 + 1), 4 * v**2 / (v**2 + 1) ** 2
    account.move(
        r"For tanh $s = 1 - m^2$, and one factor cancels.",
        r"\nu_{\tanh} = 1 - \tanh^2 t = \operatorname{sech}^2 t",
        same([slope_of(tanh), slope_of(tanh) ** 2 / (1 - tanh**2)], [sech2, sech2]),
    )
    account.move(
        r"In other words $P(y = \pm 1) = e^{\pm t}/(e^t + e^{-t})$, with $\tilde x$ in the denominator as well, and the"
        r" curvature of its logarithm.",
        r"\nu_{\tanh} = \frac{d^2}{dt^2} \log(e^t + e^{-t})",
        same([slope_of(slope_of(sp.log(v + 1 / v))), v / (v + 1 / v)], [sech2, (1 + tanh) / 2]),
    )
    logistic = v / (1 + v)
    account.move(
        r"For the logistic function $s = m (1 - m)$.",
        r"\nu_{\mathrm{sigm}} = \sigma(t) (1 - \sigma(t))",
        same(
            [slope_of(logistic), slope_of(logistic) ** 2 / (logistic * (1 - logistic))],
            [logistic * (1 - logistic)] * 2,
        ),
    )
    return sech2, logistic * (1 - logistic)


def gaussian_mean(e: sp.Expr) -> sp.Expr:
    """E e(y) for y = m + scale u: powers of u have means 1, 0, 1, 0, 3."""
    u = sp.Dummy("u")
    moments = (1, 0, 1, 0, 3)
    powers = sp.Poly(sp.expand(e.subs(y, m + scale * u)), u).all_coeffs()[::-1]
    return sum(c * moments[k] for k, c in enumerate(powers))


def gaussian_output(account: Account) -> sp.Expr:
    """A mean with noise."""
    log = -((y - f) ** 2) / (2 * scale**2)
    nu = s**2 / scale**2
    account.move(
        r"Gaussian answers, $y \sim \mathcal{N}(f(t), \sigma_y^2)$: the score is $(y - m) s / \sigma_y^2$.",
        r"\nu = \mathbb{E} \frac{(y - m)^2 s^2}{\sigma_y^4} = \frac{s^2}{\sigma_y^2}",
        identical(gaussian_mean(named(sp.diff(log, t)) ** 2), nu),
    )
    account.move(
        r"By the second derivative $f''$ comes with $y - m$, whose mean is zero: a kink of $f$ does no harm.",
        r"-\mathbb{E} \frac{(y - m) f'' - s^2}{\sigma_y^2} = \frac{s^2}{\sigma_y^2}",
        identical(-gaussian_mean(named(sp.diff(log, t, 2))), nu),
    )
    return nu


def rectifiers(account: Account) -> tuple[sp.Expr, sp.Expr]:
    """The smoothed PReLU, and ELU at its kink."""
    omega, iota, alpha = sp.symbols("omega iota alpha", positive=True)
    smooth = omega * sp.log(sp.exp(iota * t / omega) + sp.exp(t / omega))
    slope = iota + (1 - iota) / (1 + sp.exp(-(1 - iota) * t / omega))
    account.move(
        r"The smoothed rectifier: divide numerator and denominator of its slope by $e^{t/\omega}$.",
        r"\mathrm{relu}_\omega'(t) = \frac{\iota e^{\iota t/\omega} + e^{t/\omega}}{e^{\iota t/\omega} + e^{t/\omega}} = "
        r"\iota + (1 - \iota) \, \sigma\left(\tfrac{1 - \iota}{\omega} t\right)",
        identical(sp.diff(smooth, t), slope),
    )
    account.move(
        r"It lies above the rectifier by $\omega \log(1 + e^{-(1 - \iota) |t|/\omega})$, at most $\omega \log 2$.",
        r"\mathrm{relu}_\omega(t) = t + \omega \log(1 + e^{-(1 - \iota) t/\omega}) = "
        r"\iota t + \omega \log(1 + e^{(1 - \iota) t/\omega})",
        identical(
            [sp.exp(smooth / omega)] * 2,
            [
                sp.exp(t / omega) * (1 + sp.exp(-(1 - iota) * t / omega)),
                sp.exp(iota * t / omega) * (1 + sp.exp((1 - iota) * t / omega)),
            ],
        ),
    )
    left = sp.diff(alpha * (sp.exp(t) - 1), t) ** 2 / scale**2
    account.move(
        r"ELU has the slope $\alpha e^t$ on the left and $1$ on the right: $\nu$ jumps at $0$ unless $\alpha = 1$.",
        r"\nu(0^+) - \nu(0^-) = \frac{1 - \alpha^2}{\sigma_y^2}",
        identical(1 / scale**2 - left.subs(t, 0), (1 - alpha**2) / scale**2),
    )
    return slope, left


def any_variance(account: Account) -> None:
    """An exponential family in its mean."""
    theta = sp.Function("theta")(m)
    score = sp.diff(theta, m) * (y - m)
    account.move(
        r"In an exponential family $\log p = \theta y - \psi(\theta) + \log h(y)$, $\psi'(\theta) = m$,"
        r" $\psi''(\theta) = V(m)$, so that $\theta'(m) = 1/V$ and the score in $m$ is $(y - m)/V$.",
        r"\nu = \frac{\mathbb{E} (y - m)^2}{V^2} s^2 = \frac{s^2}{V(m)}",
        identical(
            sp.expand((score * s) ** 2).subs(sp.diff(theta, m), 1 / v),
            sp.expand(((y - m) * s / v) ** 2),
        ),
        identical(v / v**2 * s**2, s**2 / v),
    )
    cases = {
        "Poisson": (sp.log(m), m),
        "negative binomial": (sp.log(m / (m + v)), m + m**2 / v),
        "Gamma": (-v / m, m**2 / v),
    }
    account.move(
        r"The variance is the inverse of $\theta'(m)$: $m$ for Poisson counts ($\theta = \log m$), $m + m^2/r$ for negative"
        r" binomial ones ($\theta = \log \frac{m}{m + r}$), $m^2/k$ for Gamma variables ($\theta = -k/m$).",
        r"V(m) = \frac{1}{\theta'(m)}",
        identical(
            [1 / sp.diff(natural, m) for natural, _ in cases.values()], [variance for _, variance in cases.values()]
        ),
    )


# --- landing


def main() -> Account:
    """Derive, compare with the package, print."""
    from fimtheory.theory.relative_fisher import neuron

    account = Account("Relative Fisher metrics of single neurons")
    chain_rule(account)
    bernoulli = two_outcomes(account)
    sech2, logistic = hyperbolic_and_logistic(account)
    gaussian = gaussian_output(account)
    slope, left = rectifiers(account)
    any_variance(account)
    here = {sp.Symbol("f", real=True): m, sp.Symbol("f'", real=True): s}
    account.land(
        "sun2016.eqs44_46",
        "Two outcomes, as the package derives them.",
        r"\nu = \frac{f'^2}{f (1 - f)}",
        identical(neuron("bernoulli:sigmoid").general.subs(here), bernoulli),
    )
    account.land(
        "sun2016.eqs11_12",
        "The tanh neuron.",
        r"\nu = 1 - \tanh^2 t",
        same([neuron("bernoulli:tanh").nu.subs(sp.tanh(t), (v - 1 / v) / (v + 1 / v))], [sech2]),
    )
    account.land(
        "sun2016.eqs13_14",
        "The logistic neuron.",
        r"\nu = \sigma(t) (1 - \sigma(t))",
        same([neuron("bernoulli:sigmoid").nu.subs(sigmoid(t), v / (1 + v))], [logistic]),
    )
    account.land(
        "sun2016.eq58",
        "Gaussian answers.",
        r"\nu = \frac{f'^2}{\sigma_y^2}",
        identical(neuron("gaussian:tanh", sigma="sigma").general.subs(here), gaussian),
    )
    smooth = neuron(
        "gaussian:omega*log(exp(iota*x/omega) + exp(x/omega))",
        parameters={"omega": "positive", "iota": "positive"},
    )
    account.land(
        "sun2016.eqs17_18",
        "The smoothed rectifier.",
        r"\nu = \left(\iota + (1 - \iota) \, \sigma\left(\tfrac{1 - \iota}{\omega} t\right)\right)^2",
        identical(smooth.nu, slope**2),
    )
    elu = neuron("gaussian:elu", sigma="sigma")
    account.land(
        "sun2016.eqs19_20",
        "ELU, left of its kink.",
        r"\nu = \frac{\alpha^2}{\sigma_y^2} e^{2 t}",
        identical(elu.score_pieces.expressions[0], left),
    )
    kink = elu.kinks[0]
    account.land(
        "sun2016.sec3.1.4",
        "Its jump.",
        r"\frac{1 - \alpha^2}{\sigma_y^2}",
        identical(kink.right - kink.left, 1 / scale**2 - left.subs(t, 0)),
    )
    count = sp.Symbol("r_y", positive=True)
    account.land(
        "fimtheory.relative.responses",
        "Poisson and negative binomial counts.",
        r"\frac{f'^2}{f}, \quad \frac{f'^2}{f + f^2/r}",
        identical(
            [neuron("poisson:exp").general.subs(here), neuron("negative_binomial:exp", r="r").general.subs(here)],
            [s**2 / m, s**2 / (m + m**2 / count)],
        ),
    )
    print(account)
    return account


if __name__ == "__main__":
    main()
