"""The printed form of the classical duals: the literature's formula, and the very string an author would write."""

import pytest
import sympy as sp

import fimtheory as ft

q, c = sp.Symbol("q", positive=True), sp.Symbol("c", real=True)
s, alpha = sp.Symbol("s", positive=True), sp.Symbol("alpha", real=True)
theta = sp.acos(c)
RELU = q * (sp.sin(theta) + (sp.pi - theta) * c) / (2 * sp.pi)

# formula, parameters, formula in the literature, printed form
DUALS = {
    # Cho and Saul 2009, arc-cosine kernels of degree 1, 0 and 2
    "relu": ("relu(x)", {}, RELU, "q*(c*(pi - acos(c)) + sqrt(1 - c**2))/(2*pi)"),
    "step": ("step(x)", {}, (sp.pi - theta) / (2 * sp.pi), "(pi - acos(c))/(2*pi)"),
    "relu_squared": (
        "relu(x)**2",
        {},
        q**2 * (3 * sp.sin(theta) * c + (sp.pi - theta) * (1 + 2 * c**2)) / (2 * sp.pi),
        "q**2*(3*c*sqrt(1 - c**2) + (pi - acos(c))*(2*c**2 + 1))/(2*pi)",
    ),
    # max(x, 0) + alpha min(x, 0) = alpha x + (1 - alpha) relu(x), and E U relu(V) = c q/2
    "leaky_relu": (
        "leaky_relu",
        {},
        (1 - alpha) ** 2 * RELU + alpha * c * q,
        "q*(alpha*c + (1 - alpha)**2*(c*(pi - acos(c)) + sqrt(1 - c**2))/(2*pi))",
    ),
    # |x| = relu(x) + relu(-x)
    "abs": ("abs(x)", {}, 2 * RELU + 2 * RELU.subs(c, -c), "2*q*(c*asin(c) + sqrt(1 - c**2))/pi"),
    # Grothendieck's identity (Sheppard 1899)
    "sign": ("sign(x)", {}, 2 / sp.pi * sp.asin(c), "2*asin(c)/pi"),
    # Williams 1997
    "erf": (
        "erf(s*x)",
        {"s": "positive"},
        2 / sp.pi * sp.asin(2 * s**2 * c * q / (1 + 2 * s**2 * q)),
        "2*asin(2*c*q*s**2/(2*q*s**2 + 1))/pi",
    ),
    # E exp(i(aU + bV)) = exp(-q(a^2 + b^2 + 2abc)/2)
    "sin": ("sin(x)", {}, (sp.exp(-q * (1 - c)) - sp.exp(-q * (1 + c))) / 2, "exp(-q)*sinh(c*q)"),
    "cos": ("cos(x)", {}, (sp.exp(-q * (1 - c)) + sp.exp(-q * (1 + c))) / 2, "exp(-q)*cosh(c*q)"),
    "exp": ("exp(x)", {}, sp.exp(q * (1 + c)), "exp(q*(c + 1))"),
    # det(I + Sigma)^(-1/2)
    "gaussian": ("exp(-x**2/2)", {}, ((1 + q) ** 2 - (c * q) ** 2) ** -sp.S.Half, "1/sqrt(-c**2*q**2 + (q + 1)**2)"),
}
POINTS = [
    {q: sp.Rational(5, 4), c: sp.Rational(-3, 5), s: sp.Rational(2, 3), alpha: sp.Rational(1, 7)},
    {q: sp.Rational(1, 3), c: sp.Rational(8, 9), s: sp.Rational(7, 2), alpha: sp.Rational(-9, 4)},
    {q: sp.Rational(7), c: sp.Rational(1, 10), s: sp.Rational(1, 9), alpha: sp.Rational(5)},
]


def agree(left: sp.Expr, right: sp.Expr) -> bool:
    """Equality at three points to 40 digits."""
    return all(abs((left - right).subs(point).evalf(50, chop=False)) < sp.Float("1e-40", 50) for point in POINTS)


@pytest.mark.parametrize("name", DUALS)
def test_dual(name):
    formula, parameters, literature, printed = DUALS[name]
    dual = ft.activation(formula, parameters=parameters).dual(q, c)
    assert agree(dual, literature)
    assert not agree(dual, sp.Rational(103, 100) * literature)
    assert str(dual) == printed


DERIVATIVES = {
    "relu": ("relu(x)", "(pi - acos(c))/(2*pi)"),
    "abs": ("abs(x)", "2*asin(c)/pi"),
    "relu_squared": ("relu(x)**2", "2*q*(c*(pi - acos(c)) + sqrt(1 - c**2))/pi"),
    "erf": ("erf(x)", "4/(pi*sqrt(-4*c**2*q**2 + (2*q + 1)**2))"),
    "sin": ("sin(x)", "exp(-q)*cosh(c*q)"),
    "gaussian": ("exp(-x**2/2)", "c*q/(-c**2*q**2 + (q + 1)**2)**(3/2)"),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_dual_of_the_derivative(name):
    """By Price's theorem from the literature's dual, and as printed."""
    formula, printed = DERIVATIVES[name]
    found = ft.activation(formula).dual_derivative(q, c)
    assert agree(found, sp.diff(DUALS[name][2].subs(s, 1), c) / q)
    assert str(found) == printed


# E Z^2 Phi(Z)^2 = 1/3 + 1/(2 pi sqrt 3); E relu = 1/sqrt(2 pi); E exp = sqrt(e); E erf(sZ)^2 by Williams at c = 1
CONSTANTS = [
    ("x*Phi(x)", {}, "eta", "sqrt(3)/(6*pi) + 1/3"),
    ("x*Phi(x)", {}, "mean", "1/(2*sqrt(pi))"),
    ("relu(x)", {}, "mean", "sqrt(2)/(2*sqrt(pi))"),
    ("exp(x)", {}, "mean", "exp(1/2)"),
    ("exp(x)", {}, "eta", "exp(2)"),
    ("erf(x)", {}, "eta", "2*asin(2/3)/pi"),
    ("erf(s*x)", {"s": "positive"}, "zeta", "4*s**2/(pi*(2*s**2 + 1))"),
    ("sin(x)", {}, "zeta", "exp(-1)"),
    ("cos(x)", {}, "mean", "exp(-1/2)"),
    ("exp(-x**2/2)", {}, "eta", "sqrt(3)/3"),
    ("leaky_relu", {}, "eta", "alpha**2/2 + 1/2"),
    ("leaky_relu", {}, "zeta", "(alpha + 1)**2/4"),
]


@pytest.mark.parametrize(("formula", "parameters", "name", "printed"), CONSTANTS)
def test_constants(formula, parameters, name, printed):
    assert str(getattr(ft.activation(formula, parameters=parameters), name)) == printed


def test_gelu_dual():
    """By Stein's identity applied three times by hand; r = c q, P = E Phi(U) Phi(V), D = E Phi'(U) Phi'(V)."""
    r = c * q
    P = sp.Rational(1, 4) + sp.asin(r / (1 + q)) / (2 * sp.pi)
    D = 1 / (2 * sp.pi * sp.sqrt((1 + q) ** 2 - r**2))
    assert agree(ft.activation("gelu").dual(q, c), r * P + D * (q**2 + r**2 * (1 - q) / (1 + q)))
    assert not agree(ft.activation("gelu").dual(q, c), r * P + D * (q**2 + r * (1 - q) / (1 + q)))
