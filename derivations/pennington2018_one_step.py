r"""One optimal gradient step at the teacher: the gain is a quotient of two traces, and so of two moments.

*Source*: Pennington, Worah (2018), section 4.2, eqs. 31 to 33 and fig. 3.
*Lands on*: `theory.one_step.gain`, `theory.one_step.limiting_gain`.
*Departs from the text*: the paper observes a correlation of the gain with m_2/m_1^2. It is an identity up to corrections
that vanish with epsilon, 1/n and n/M: the gain is epsilon^2 n^2 m_1^2/m_2. The loss of eq. 32 is a sum over samples, not
a mean; their number cancels.
*Assumptions*: the student starts at the teacher; epsilon is small; n is large and the number of samples larger still.
"""

from __future__ import annotations

import random

import sympy as sp
from _network import dphi, gaussian_mean, phi
from _single_layer import eta, eta_prime, zeta
from _steps import Account, identical
from pennington2018_theorem1 import ANY_F, W1, W2, WIDTHS, X

from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

n = SYMBOLS["n"]
epsilon = sp.Symbol("epsilon", positive=True)
samples = sp.Symbol("N_s", positive=True)
m1, m2, step = sp.symbols("m_1 m_2 s", positive=True)
MOMENTS = {m1: (eta + eta_prime) / 2, m2: (eta**2 + eta_prime**2) / 2 + 2 * zeta**2}
ON_DRAW = "on a matrix of small integers"


def quadratic_model(account: Account) -> None:
    """Gradient and Hessian where student and teacher agree."""
    account.define(
        r"Teacher and student have the weights $\theta$; $J_i$ is the Jacobian of the outputs for the input $X_i$, of"
        r" which there are $M$.",
        r"L(\theta) = \sum_{i=1}^{M} \frac{1}{2} |Y_i - \hat Y(X_i)|^2, \quad Y_i = \hat Y(X_i) + e_i, \quad"
        r" e_i \sim N(0, \varepsilon^2 I), \quad H_s = \sum_{i=1}^{M} J_i^\top J_i",
    )
    outputs, theta = W2 * (W1 * X).applyfunc(phi), [*W1, *W2]
    targets, noise = (sp.Matrix(sp.symbols(f"{name}0:{WIDTHS[2]}", real=True)) for name in ("y", "e"))
    loss = sum((y - h) ** 2 for y, h in zip(targets, outputs, strict=True)) / 2
    gradient, J = sp.Matrix([loss]).jacobian(theta).T, outputs.jacobian(theta)
    at_teacher = dict(zip(targets, outputs + noise, strict=True))
    account.move(
        r"At the teacher the gradient of every summand is made of its noise alone.",
        r"g = \nabla L = - \sum_i J_i^\top e_i",
        identical(gradient.subs(at_teacher), -J.T * noise, ANY_F),
    )
    square = {"phi": lambda t: t + t**2, "dphi": lambda t: 1 + 2 * t}
    explicit = gradient.replace(phi, square["phi"]).replace(dphi, square["dphi"])
    hessian, slopes = explicit.jacobian(theta), J.replace(phi, square["phi"]).replace(dphi, square["dphi"])
    no_noise = dict(zip(targets, outputs.replace(phi, square["phi"]), strict=True))
    account.move(
        r"Its Hessian is $J_i^\top J_i$ and a term linear in the noise.",
        r"\nabla^2 L = H_s + O(\varepsilon)",
        identical(hessian.subs(no_noise), slopes.T * slopes, f"for $f(t) = t + t^2$, widths {WIDTHS}"),
    )
    account.limit(
        r"$g$ is of order $\varepsilon$, and so is the best step; third derivatives change the gain by a relative"
        r" $O(\varepsilon)$.",
        r"L(\theta - s g) - L(\theta) = - s |g|^2 + \frac{s^2}{2}\, g^\top H_s\, g + O(\varepsilon^3)",
        r"Taylor's theorem; simulated steps are compared under the claim pennington2018.eq33.",
    )
    first, second = sp.symbols("p q", positive=True)
    model = -step * first + step**2 / 2 * second
    best = sp.solve(sp.diff(model, step), step)[0]
    account.move(
        r"The minimum over $s$.",
        r"\Delta L = - \frac{|g|^4}{2\, g^\top H_s\, g}, \quad s = \frac{|g|^2}{g^\top H_s\, g}",
        identical([best, model.subs(step, best)], [first / second, -(first**2) / (2 * second)]),
        identical(sp.diff(model, step, 2), second),
    )


def noise_means(account: Account) -> None:
    """Means over the noise, and how little there is beside them."""
    draw = random.Random(5)
    J = sp.Matrix(3, 4, lambda i, j: sp.Integer(draw.randint(-2, 2)))
    H, e = J.T * J, sp.Matrix(sp.symbols("e0:3", real=True))
    g = -J.T * e
    variances = dict.fromkeys(e, epsilon**2)

    def average(expression: sp.Expr) -> sp.Expr:
        return gaussian_mean(sp.expand(expression), variances)

    length, curvature = (g.T * g)[0], (g.T * H * g)[0]
    means = [epsilon**2 * H.trace(), epsilon**2 * (H**2).trace()]
    account.move(
        r"The means over the noise are traces.",
        r"\mathbb{E}\, g g^\top = \varepsilon^2 H_s, \quad \mathbb{E} |g|^2 = \varepsilon^2 \operatorname{tr} H_s, \quad"
        r" \mathbb{E}\, g^\top H_s\, g = \varepsilon^2 \operatorname{tr} H_s^2",
        identical((g * g.T).applyfunc(average), epsilon**2 * H, ON_DRAW),
        identical([average(length), average(curvature)], means, ON_DRAW),
    )
    variance = [average((q - mean) ** 2) for q, mean in zip((length, curvature), means, strict=True)]
    account.move(
        r"And their variances are traces of higher powers.",
        r"\operatorname{Var} |g|^2 = 2 \varepsilon^4 \operatorname{tr} H_s^2, \quad \operatorname{Var} g^\top H_s\, g = 2"
        r" \varepsilon^4 \operatorname{tr} H_s^4",
        identical(variance, [2 * epsilon**4 * (H**2).trace(), 2 * epsilon**4 * (H**4).trace()], ON_DRAW),
    )
    count, m4 = 2 * n**2, sp.Symbol("m_4", positive=True)
    account.move(
        r"Traces are moments times the number $2 n^2$ of eigenvalues. The relative variances fall like $1/n^2$: in a"
        r" large network a single draw of the noise shows the mean.",
        r"\frac{2 \operatorname{tr} H^2}{(\operatorname{tr} H)^2} = \frac{m_2}{n^2 m_1^2}, \quad"
        r" \frac{2 \operatorname{tr} H^4}{(\operatorname{tr} H^2)^2} = \frac{m_4}{n^2 m_2^2}",
        identical(2 * count * m2 / (count * m1) ** 2, m2 / (n * m1) ** 2),
        identical(2 * count * m4 / (count * m2) ** 2, m4 / (n * m2) ** 2),
    )


def many_samples(account: Account) -> None:
    """The sum over samples is their number times H."""
    f, slopes = (W1 * X).applyfunc(phi), sp.diag(*(W1 * X).applyfunc(dphi))
    J = (W2 * f).jacobian([*W1, *W2])
    small = (X.T * X)[0] * W2 * slopes**2 * W2.T + (f.T * f)[0] * sp.eye(WIDTHS[2])
    account.move(
        r"A single sample has $n$ eigenvalues of order $n$.",
        r"J J^\top = |X|^2\, W_2 D^2 W_2^\top + |f(u)|^2 I, \quad D = \operatorname{diag} f'(u)",
        identical(J * J.T, small, ANY_F),
    )
    pairs = sp.Symbol("t_2", positive=True)  # tr H^2
    single = sp.Symbol("t_1", positive=True)  # E tr (J'J)^2
    account.move(
        r"Samples are independent, so pairs $i \neq j$ give $\operatorname{tr} H^2$. The term of order $n^3$ of one sample"
        r" is smaller than $\operatorname{tr} H^2 \sim n^2$ by $n/M$.",
        r"\frac{1}{M}\, \mathbb{E} \operatorname{tr} H_s = \operatorname{tr} H, \quad \frac{1}{M^2}\, \mathbb{E}"
        r" \operatorname{tr} H_s^2 = \operatorname{tr} H^2 + \frac{1}{M} \left(\mathbb{E} \operatorname{tr}\, (J J^\top)^2"
        r" - \operatorname{tr} H^2\right)",
        *(
            identical(
                sum(single if i == j else pairs for i in range(size) for j in range(size)),
                size**2 * (pairs + (single - pairs) / size),
                "for $M = 1, 2, 3, 4$",
            )
            for size in range(1, 5)
        ),
    )


def the_gain(account: Account) -> tuple[sp.Expr, sp.Expr]:
    """From traces to moments."""
    trace, square = sp.symbols("t_1 t_2", positive=True)
    whole = (epsilon**2 * samples * trace) ** 2 / (2 * epsilon**2 * samples**2 * square)
    of_traces = epsilon**2 * trace**2 / (2 * square)
    account.limit(
        r"Numerator and denominator concentrate, $H_s \sim M H$, and $M$ cancels.",
        r"\Delta L \sim - \frac{\varepsilon^2}{2}\, \frac{(\operatorname{tr} H)^2}{\operatorname{tr} H^2}",
        "The relative corrections are those of the last steps, of order $1/n$, $n/M$ and $\\varepsilon$.",
    )
    counted = of_traces.subs({trace: 2 * n**2 * m1, square: 2 * n**2 * m2})
    account.move(
        r"In moments of the spectrum; the measure of conditioning $m_2/m_1^2$ alone decides.",
        r"\Delta L \to - \varepsilon^2 n^2\, \frac{m_1^2}{m_2}",
        identical(whole, of_traces),
        identical(counted, epsilon**2 * n**2 * m1**2 / m2),
    )
    conditioning = (m1**2 / m2).subs(MOMENTS)
    cases = {"f(x) = x": (1, 1, 1), "f_{opt}": (1, sp.Rational(25, 13), sp.Rational(1, 13))}
    values = [conditioning.subs(dict(zip((eta, eta_prime, zeta), c, strict=True))) for c in cases.values()]
    account.move(
        r"The linear network gains least, the best conditioned activation of the paper nearly three times as much.",
        r"\frac{m_1^2}{m_2} = \frac{1}{3} \; (f(x) = x), \quad \frac{19}{21} \; (f_{\mathrm{opt}})",
        identical(values, [sp.Rational(1, 3), sp.Rational(19, 21)]),
    )
    return of_traces, conditioning


# --- landing


def land(account: Account, of_traces: sp.Expr, conditioning: sp.Expr) -> None:
    """The two functions of the package."""
    from fimtheory.theory.one_step import gain, limiting_gain

    trace, square = sp.symbols("t_1 t_2", positive=True)
    account.land(
        "theory.one_step.gain",
        "The package's gain, from two traces.",
        latex(gain(trace, square)),
        identical(of_traces, gain(trace, square)),
    )
    account.land(
        "theory.one_step.limiting_gain",
        r"Its limit, divided by $\varepsilon^2 n^2$.",
        latex(limiting_gain()),
        identical(conditioning, limiting_gain()),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("One optimal gradient step")
    quadratic_model(account)
    noise_means(account)
    many_samples(account)
    land(account, *the_gain(account))
    print(account)
    return account


if __name__ == "__main__":
    main()
