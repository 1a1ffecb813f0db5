r"""The arc-cosine kernel: E relu(U) relu(V) for centred Gaussian U, V of variance q and correlation c.

*Source*: Cho, Saul (2009), the kernel of degree one; used by Karakida, Akaho, Amari (2020) in eqs. 15 and 18 for ReLU.
*Lands on*: `activation("relu").dual`, `activation("relu").dual_derivative`, `activation("step").dual`.
*Departs from the text*: the paper's kernel is twice ours, a function of the angle theta = arccos c, and comes from a
change of variables in the plane. Here no integral over the plane is ever done: Stein's identity takes off one factor
after the other until a boundary term and an orthant probability are left, and Plackett's identity gives the
probability. These are the moves of the package's own calculus, by hand.
*Assumptions*: q > 0 and -1 < c < 1; the values at c = -1, 1 follow by continuity.
"""

from __future__ import annotations

import functools

import sympy as sp
from _steps import Account, agreeing, identical, random_points
from mpmath import mp

from fimtheory.activations import activation
from fimtheory.gaussian.expectation import pair_expectation
from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

q, c = SYMBOLS["q"], SYMBOLS["c"]
x, y = sp.symbols("x y", real=True)
p = sp.exp(-(x**2 - 2 * c * x * y + y**2) / (2 * (1 - c**2))) / (2 * sp.pi * sp.sqrt(1 - c**2))

POINTS = random_points(-1, 0, 1, seed=2) + random_points(0, 1, 1, seed=2)
HALF_LINE = [0, 10]  # the Gaussian weight beyond 10 is below 10^-21


def over_quadrant(integrand: sp.Expr):
    """c -> the integral of an expression over x, y > 0, by brute force."""
    f = sp.lambdify((x, y, c), integrand, "mpmath", cse=True)
    return functools.cache(lambda at: mp.quad(lambda s, t: f(s, t, at), HALF_LINE, HALF_LINE, method="gauss-legendre"))


def over_edge(integrand: sp.Expr):
    """c -> the integral of an expression over y > 0, by brute force."""
    f = sp.lambdify((y, c), integrand, "mpmath", cse=True)
    return lambda at: mp.quad(lambda t: f(t, at), HALF_LINE)


def function_of_c(expression: sp.Expr):
    """c -> the value of a closed expression."""
    return sp.lambdify(c, expression, "mpmath")


kernel_by_quadrature = over_quadrant(x * y * p)
orthant_by_quadrature = over_quadrant(p)


def define_and_scale(account: Account) -> None:
    """From two variances to none."""
    account.define(
        r"$U$ and $V$ are centred Gaussian, both of variance $q$, with correlation $c$; $\phi(x) = \max(x, 0)$.",
        r"k(q, c) = \mathbb{E}\, \phi(U)\, \phi(V)",
    )
    a = sp.Symbol("a", positive=True)
    account.move(
        r"The function is homogeneous, $\phi(\sqrt{q}\, x) = \sqrt{q}\, \phi(x)$, so the variance comes out in front."
        r" $X$ and $Y$ now have variance one, and $p$ is their density.",
        r"k(q, c) = q\, K(c), \quad K(c) = \mathbb{E}\, X Y\, \mathbf{1}[X > 0]\, \mathbf{1}[Y > 0], \quad"
        r" p(x, y) = \frac{1}{2 \pi \sqrt{1 - c^2}} \exp\left(-\frac{x^2 - 2 c x y + y^2}{2 (1 - c^2)}\right)",
        identical([sp.Max(sp.sqrt(q) * a, 0), sp.Max(-sp.sqrt(q) * a, 0)], [sp.sqrt(q) * a, 0]),
    )


def integrate_by_parts(account: Account) -> None:
    """From the kernel to a boundary term and a probability."""
    account.move(
        "Stein's identity: multiplication by $x$ is a derivative of the density.",
        r"x\, p = -\partial_x p - c\, \partial_y p",
        identical(x * p, -sp.diff(p, x) - c * sp.diff(p, y)),
    )
    divergence = sp.diff(y * p, x) + c * sp.diff(y * p, y)
    account.move(
        r"Multiply by $y$. The integrand of $K$ is $c\, p$ minus a divergence.",
        r"x y\, p = c\, p - \left(\partial_x (y p) + c\, \partial_y (y p)\right)",
        identical(x * y * p, c * p - divergence),
    )
    boundary = over_edge(y * p.subs(x, 0))
    account.move(
        r"Integrate over the quadrant. The flux through the edge $y = 0$ vanishes with $y$; the edge $x = 0$ leaves a"
        r" boundary term $B$, and $c\, p$ leaves the probability $P$ of the quadrant.",
        r"K(c) = B(c) + c\, P(c), \quad B(c) = \int_0^\infty y\, p(0, y)\, dy, \quad"
        r" P(c) = \mathbb{P}(X > 0,\, Y > 0)",
        agreeing(kernel_by_quadrature, lambda at: boundary(at) + at * orthant_by_quadrature(at), "c", POINTS),
    )


def boundary_term(account: Account) -> sp.Expr:
    """B(c): the first moment of a Gaussian on half a line."""
    edge = y * p.subs(x, 0)
    s = sp.Symbol("s", positive=True)
    on_edge = y * sp.exp(-(y**2) / (2 * s**2)) / (2 * sp.pi * s)
    boundary = sp.integrate(on_edge, (y, 0, sp.oo)).subs(s, sp.sqrt(1 - c**2))
    account.move(
        r"On the edge $p(0, y)$ is a Gaussian in $y$ of variance $1 - c^2$, and its first moment is elementary.",
        rf"B(c) = {latex(boundary)}",
        identical(edge, on_edge.subs(s, sp.sqrt(1 - c**2))),
        agreeing(over_edge(edge), function_of_c(boundary), "c", POINTS),
    )
    return boundary


def orthant_probability(account: Account) -> sp.Expr:
    """P(c): its slope is a density, so it is an arcsine."""
    account.move(
        "Plackett's identity: the correlation moves the density as a mixed derivative does.",
        r"\partial_c\, p = \partial_x \partial_y\, p",
        identical(sp.diff(p, c), sp.diff(p, x, y)),
    )
    slope = p.subs({x: 0, y: 0})
    account.move(
        r"A mixed derivative integrates over the quadrant to its value at the corner, so $P$ grows at the rate of the"
        r" density at the origin.",
        rf"P'(c) = \int_0^\infty\!\int_0^\infty \partial_x \partial_y\, p \; dx\, dy = p(0, 0) = {latex(slope)}",
        agreeing(over_quadrant(sp.diff(p, x, y)), function_of_c(slope), "c", POINTS),
    )
    arcsine = sp.Rational(1, 4) + sp.asin(c) / (2 * sp.pi)
    orthant = (sp.pi - sp.acos(c)) / (2 * sp.pi)
    account.move(
        r"At $c = 0$ the two signs are independent, $P(0) = 1/4$. The rate is the derivative of an arcsine, and"
        r" $\arcsin c = \pi/2 - \arccos c$.",
        rf"P(c) = \frac{{1}}{{4}} + \frac{{1}}{{2 \pi}} \arcsin c = {latex(orthant)}",
        identical([sp.diff(arcsine, c), arcsine.subs(c, 0)], [slope, sp.Rational(1, 4)]),
        identical([sp.diff(orthant, c), orthant.subs(c, 0)], [slope, sp.Rational(1, 4)]),
        agreeing(orthant_by_quadrature, function_of_c(orthant), "c", POINTS),
    )
    return orthant


def collect(account: Account, boundary: sp.Expr, orthant: sp.Expr) -> sp.Expr:
    """The kernel, its slope, and its values where they have a meaning."""
    kernel = q / (2 * sp.pi) * (sp.sqrt(1 - c**2) + c * (sp.pi - sp.acos(c)))
    account.move(
        r"Collect $q\, (B + c\, P)$.",
        rf"k(q, c) = {latex(kernel)}",
        identical(q * (boundary + c * orthant), kernel),
        agreeing(kernel_by_quadrature, function_of_c(kernel.subs(q, 1)), "c", POINTS),
    )
    account.move(
        r"The derivative of $\phi$ is the step function, so $\mathbb{E}\, \phi'(U)\, \phi'(V) = P(c)$ whatever $q$. It"
        r" is also the slope of the kernel, as Plackett's identity and two integrations by parts say it must be.",
        r"\frac{\partial k}{\partial c} = q\, \mathbb{E}\, \phi'(U)\, \phi'(V) = q\, P(c)",
        identical(sp.diff(kernel, c), q * orthant),
    )
    account.move(
        r"Three values have a meaning: at $c = 1$ there is one variable, and $\mathbb{E}\, \phi(U)^2$ is half its"
        r" variance; at $c = 0$ two independent ones, and the square of $\mathbb{E}\, \phi(U) = \sqrt{q / (2 \pi)}$; at"
        r" $c = -1$ one of the two factors is always zero.",
        r"k(q, 1) = \frac{q}{2}, \quad k(q, 0) = \frac{q}{2 \pi}, \quad k(q, -1) = 0",
        identical([kernel.subs(c, at) for at in (1, 0, -1)], [q / 2, q / (2 * sp.pi), 0]),
    )
    return kernel


# --- landing


def land(account: Account, kernel: sp.Expr, orthant: sp.Expr) -> None:
    """The package's dual kernels, which its calculus finds without being told any of the above."""
    relu, step = activation("relu"), activation("step")
    account.land(
        'activation("relu").dual',
        r"The package's dual of ReLU is the kernel.",
        rf"k(q, c) = {latex(relu.dual(q, c))}",
        identical(relu.dual(q, c), kernel),
        identical(pair_expectation(relu.expression, relu.expression, relu.variable, q, q, c), kernel),
    )
    account.land(
        'activation("relu").dual_derivative',
        r"Its dual of the derivative of ReLU is the probability of the quadrant,",
        rf"P(c) = {latex(relu.dual_derivative(q, c))}",
        identical(relu.dual_derivative(q, c), orthant),
    )
    account.land(
        'activation("step").dual',
        r"and so is its dual of the step.",
        rf"P(c) = {latex(step.dual(q, c))}",
        identical(step.dual(q, c), orthant),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("The arc-cosine kernel")
    define_and_scale(account)
    integrate_by_parts(account)
    boundary, orthant = boundary_term(account), orthant_probability(account)
    kernel = collect(account, boundary, orthant)
    land(account, kernel, orthant)
    print(account)
    return account


if __name__ == "__main__":
    main()
