r"""LaTeX as an author of a textbook sets it: golden strings, and braces that balance for every line of the gallery."""

import re

import pytest
import sympy as sp

import fimtheory as ft
from fimtheory.activations import ENTRIES
from fimtheory.errors import JumpError
from tests.activation_oracles import JUMPS

q, c, x = sp.Symbol("q", positive=True), sp.Symbol("c", real=True), sp.Symbol("x", real=True)
a, b = sp.Symbol("a", real=True), sp.Symbol("b", real=True)

DUALS = {
    "relu": r"\frac{q}{2 \pi} \left(\sqrt{1 - c^{2}} + c \left(\pi - \arccos c\right)\right)",
    "step": r"\frac{\pi - \arccos c}{2 \pi}",
    "sign": r"\frac{2}{\pi} \arcsin c",
    "erf": r"\frac{2}{\pi} \arcsin \frac{2 q c}{1 + 2 q}",
    "gaussian": r"\frac{1}{\sqrt{\left(1 + q\right)^{2} - q^{2} c^{2}}}",
    "sin": r"e^{-q} \sinh\left(q c\right)",
    "exp(x)": r"e^{q \left(1 + c\right)}",
    "gelu": r"\frac{q}{2 \pi} \left(\frac{q \left(1 + q + c^{2} \left(1 - q\right)\right)}"
    r"{\left(1 + q\right) \sqrt{\left(1 + q\right)^{2} - q^{2} c^{2}}}"
    r" + c \left(\pi - \arccos \frac{q c}{1 + q}\right)\right)",
}


@pytest.mark.parametrize("name", DUALS)
def test_duals(name):
    assert ft.latex(ft.activation(name).dual(q, c)) == DUALS[name]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (ft.activation("relu").mean, r"\frac{1}{\sqrt{2 \pi}}"),
        (ft.activation("gelu").eta, r"\frac{1}{3} + \frac{1}{2 \pi \sqrt{3}}"),
        (ft.activation("erf").eta, r"\frac{2}{\pi} \arcsin \frac{2}{3}"),
        (ft.activation("tanh").eta, r"\int_{-\infty}^{\infty} \mathrm{D}z\, \tanh^{2} z"),
        (sp.sqrt(2) / 2, r"\frac{1}{\sqrt{2}}"),
        (-a / 2, r"-\frac{a}{2}"),
        (a - b, "a - b"),
        (-a - b, "-a - b"),
        (a**2 + a + 1, "1 + a + a^{2}"),
        (-(a + 1), r"-1 - a"),
        (a * (b + 1), r"a \left(1 + b\right)"),
        (sp.exp(-a / 2), "e^{-a/2}"),
        (sp.Rational(3, 2) * a, r"\frac{3 a}{2}"),
        (a ** sp.Rational(3, 2), "a^{3/2}"),
        (1 / (1 + a), r"\frac{1}{1 + a}"),
        (sp.Abs(x), r"\left|x\right|"),
        (sp.Max(x, 0), r"\max\left(x, 0\right)"),
        (sp.sin(x) ** 2, r"\sin^{2} x"),
        (sp.Heaviside(x), r"\mathbf{1}\left[x > 0\right]"),
        (sp.Piecewise((0, x < 0), (x, True)), r"\begin{cases} 0 & x < 0 \\ x & \text{otherwise} \end{cases}"),
    ],
)
def test_small_forms(expression, text):
    assert ft.latex(expression) == text


def balanced(text: str) -> bool:
    """Braces, \\left and \\right, \\begin and \\end close in the order in which they open."""
    stack = []
    for token in re.findall(r"\\left|\\right|\\begin\{cases\}|\\end\{cases\}|[{}]", text):
        if token in ("{", r"\left", r"\begin{cases}"):
            stack.append(token)
        elif not stack or stack.pop() != {"}": "{", r"\right": r"\left", r"\end{cases}": r"\begin{cases}"}[token]:
            return False
    return not stack


def test_the_check_of_balance_can_fail():
    assert balanced(r"\frac{a}{\left(b\right)}")
    assert not balanced(r"\frac{a}{\left(b}\right)")
    assert not balanced(r"\frac{a}{b")
    assert not balanced(r"a}")


@pytest.mark.parametrize("name", [entry.name for entry in ENTRIES])
def test_every_line_of_the_gallery(name):
    phi = ft.activation(name)
    formulas = [phi.expression, phi.mean, phi.eta, phi.zeta, phi.hermite(3), phi.dual(q, c), phi.dual_derivative(q, c)]
    try:
        formulas.append(phi.eta_prime)
    except JumpError:
        assert name in JUMPS
    for text in map(ft.latex, formulas):
        assert balanced(text)
        assert not re.search(r"acos|asin|atan|\bpi\b(?<!\\pi)|\*|Phi\b(?<!\\Phi)|  ", text), text
