"""Kinks and jumps: where they are, and what is refused."""

import pytest
import sympy as sp

from fimtheory.errors import InputError
from fimtheory.gaussian.pieces import pieces

x = sp.Symbol("x", real=True)
a, b = sp.Symbol("a", positive=True), sp.Symbol("b", real=True)

SPLITS = [
    (sp.Max(x, 0), [0], [0, x]),
    (sp.Abs(x), [0], [-x, x]),
    (sp.Max(-1, sp.Min(1, x)), [-1, 1], [-1, x, 1]),
    (sp.Abs(sp.Abs(x) - 1), [-1, 0, 1], [-x - 1, x + 1, 1 - x, x - 1]),
    (sp.Max(sp.Abs(x) - 2, 0) ** 2, [-2, 2], [(-x - 2) ** 2, 0, (x - 2) ** 2]),
    (sp.Abs(x**2 - 3), [-sp.sqrt(3), sp.sqrt(3)], [x**2 - 3, 3 - x**2, x**2 - 3]),
    (sp.Max(x, x**2), [0, 1], [x**2, x, x**2]),
    (sp.sign(x) * sp.Heaviside(x - 2), [2], [0, 1]),
    (sp.Max(sp.tanh(x), 0), [0], [0, sp.tanh(x)]),
    (sp.Max(sp.exp(x), 0), [], [sp.exp(x)]),
    (sp.Piecewise((x, x < -1), (x**2, x < 2), (0, True)), [-1, 2], [x, x**2, 0]),
    (sp.Piecewise((1, x > 0), (sp.Abs(x + 1), True)), [-1, 0], [-x - 1, x + 1, 1]),
    (sp.Max(x - a, 0), [a], [0, x - a]),
    (sp.Max(x - b, 0), [b], [0, x - b]),
    (sp.Max(a * x, 0), [0], [0, a * x]),
    (sp.Max(-a, sp.Min(a, x)), [-a, a], [-a, x, a]),
    (sp.Abs(x) - sp.Abs(x), [], [0]),
]


@pytest.mark.parametrize(("expression", "breaks", "parts"), SPLITS, ids=lambda v: str(v))
def test_split(expression, breaks, parts):
    found = pieces(expression, x)
    assert list(found.breaks) == breaks
    assert [sp.expand(u - v) for u, v in zip(found.expressions, parts, strict=True)] == [0] * len(parts)


@pytest.mark.parametrize(
    "expression", [sp.Max(b * x, 0), sp.Max(x - a, x * b - 1), sp.Max(sp.Abs(x) - b, 0), sp.Abs(x - a) + sp.Abs(x - b)]
)
def test_unknown_signs_are_refused(expression):
    with pytest.raises(InputError, match=r"sign of .* not known|declare the sign"):
        pieces(expression, x)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (sp.Abs(sp.cos(x)), "cannot locate the kink"),
        (sp.Abs(x**2 - a), "while it has parameters"),
        (sp.Piecewise((x, x < 0)), "end it with a default"),
        (sp.Piecewise((x, sp.And(x > 0, x < 1)), (0, True)), "not an inequality"),
    ],
)
def test_refusals(expression, message):
    with pytest.raises(InputError, match=message):
        pieces(expression, x)


@pytest.mark.parametrize(
    ("expression", "jumps"),
    [
        (sp.sign(x), [(0, 2)]),
        (sp.Max(x, 0), []),
        (sp.Heaviside(x - a) * x, [(a, a)]),
        (sp.Piecewise((x, x < 1), (3 * x, True)), [(1, 2)]),
        (sp.Piecewise((sp.exp(x) - 1, x < 0), (sp.sin(x), True)), []),
    ],
)
def test_jumps(expression, jumps):
    assert pieces(expression, x).jumps == jumps


def test_derivative_and_expression():
    hat = pieces(sp.Max(0, 1 - sp.Abs(x)), x)
    assert hat.derivative().expressions == (0, 1, -1, 0)
    for t in (-2, sp.Rational(-1, 3), sp.Rational(1, 2), 3):
        assert hat.expression.subs(x, t) == max(0, 1 - abs(t))
    assert pieces(x + sp.Abs(x), x).map(lambda e: e * 0).breaks == ()
