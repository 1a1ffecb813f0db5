"""The only door for text: what it reads, what it refuses, and that it executes nothing and never tarries."""

import builtins
import os
import time

import pytest
import sympy as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fimtheory as ft
from fimtheory.activations import parse, parse_number
from fimtheory.activations.parser import FUNCTIONS, VARIABLE
from fimtheory.errors import InputError, ParseError
from fimtheory.functions import Phi, sigmoid, softplus

x = VARIABLE
a = sp.Symbol("a", real=True)

ACCEPTED = [
    ("x", x),
    ("  2*x + 1 ", 2 * x + 1),
    ("0.1*x", x / 10),
    (".5", sp.S.Half),
    ("1e-3*x", x / 1000),
    ("1_000", sp.Integer(1000)),
    ("2**-3", sp.Rational(1, 8)),
    ("x**2/3", x**2 / 3),
    ("-x**2", -(x**2)),
    ("+x - -x", 2 * x),
    ("x*Phi(x)", x * Phi(x)),
    ("max(x, 0) + a*min(x, 0)", sp.Max(x, 0) + a * sp.Min(x, 0)),
    ("max(x, 0, -1)", sp.Max(x, 0, -1)),
    ("relu(x)", sp.Max(x, 0)),
    ("clip(x, -1, 1)", sp.Max(-1, sp.Min(1, x))),
    ("where(x < 0, a*(exp(x) - 1), x)", sp.Piecewise((a * (sp.exp(x) - 1), x < 0), (x, True))),
    ("where(x >= 1, 1, x)", sp.Piecewise((1, x >= 1), (x, True))),
    ("step(x) + sign(x)", sp.Heaviside(x) + sp.sign(x)),
    ("phi(x)", sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)),
    ("sigmoid(x) + softplus(2*x)", sigmoid(x) + softplus(2 * x)),
    ("sin(pi*x) + e", sp.sin(sp.pi * x) + sp.E),
    ("erf(x)*erfc(x)*cos(x)*tanh(x)*atan(x)", sp.erf(x) * sp.erfc(x) * sp.cos(x) * sp.tanh(x) * sp.atan(x)),
    ("sqrt(abs(x))", sp.sqrt(sp.Abs(x))),
]


@pytest.mark.parametrize(("text", "expression"), ACCEPTED)
def test_accepted(text, expression):
    assert parse(text, [a]) == expression


@pytest.mark.parametrize(
    ("text", "value"), [("1/5", sp.Rational(1, 5)), ("0.2", sp.Rational(1, 5)), ("sqrt(2)", sp.sqrt(2)), ("-3", -3)]
)
def test_numbers(text, value):
    assert parse_number(text) == value


HOSTILE = {
    "call": "__import__('os').system('touch {canary}')",
    "builtin": "open('{canary}', 'w')",
    "eval": "eval('1')",
    "attribute": "x.__class__",
    "method": "x.subs(x, 1)",
    "subscript": "x[0]",
    "lambda": "lambda: 0",
    "conditional": "x if x else 1",
    "comparison": "x < 1",
    "chain": "where(0 < x < 1, 1, 0)",
    "boolean": "x and x",
    "not": "not x",
    "true": "True",
    "none": "None",
    "string": "'x'",
    "bytes": "b'x'",
    "f-string": "f'{{x}}'",
    "walrus": "(y := x)",
    "comprehension": "[t for t in (1, 2)]",
    "generator": "max(t for t in (1, 2))",
    "tuple": "x, 1",
    "set": "{{x}}",
    "dict": "{{1: x}}",
    "star": "max(*(1, 2))",
    "keyword": "max(x, 0, key=x)",
    "await": "await x",
    "yield": "(yield x)",
    "statement": "import os",
    "assignment": "x = 1",
    "semicolon": "x; x",
    "newline": "x\nx",
    "comment only": "# x",
    "empty": "   ",
    "unclosed": "relu(",
    "unopened": "relu)",
    "operator": "x +",
    "bitwise": "x | 1",
    "invert": "~x",
    "floor": "x // 2",
    "modulo": "x % 2",
    "matmul": "x @ x",
    "shift": "1 << 1000000000",
    "caret": "x^2",
    "bare function": "relu",
    "arity": "max(x)",
    "too many": "exp(x, x)",
    "imaginary": "2j*x",
    "hexadecimal": "0xff",
    "huge power": "9**9**9",
    "power tower": "10**(10**10)",
    "rational power": "(10**60)**64",
    "large exponent": "x**100000",
    "huge exponent": "1e999999999",
    "many digits": "1" * 500,
    "more digits than int reads": "1" * 1900,
    "division": "x/0",
    "hidden division": "x/(1 - 1)",
    "power of zero": "0**-1",
    "log of zero": "log(0)",
    "infinite tangent": "tan(pi/2)",
    "parentheses": "(" * 10_000 + "x" + ")" * 10_000,
    "deep": "(" * 500 + "x" + ")" * 500,
    "calls": "exp(" * 300 + "x" + ")" * 300,
    "minus": "-" * 1500 + "x",
    "spaced minus": "- " * 900 + "x",
    "long sum": "x+" * 990 + "x",
    "tower": "x**" * 600 + "x",
    "very long": "x + " * 100_000 + "x",
    "null": "x\0",
    "control": "x\x07",
    "alias": "ｅval('1')",
    "cyrillic": "ехр(x)",
    "look-alike": "х + 1",
    "superscript": "x²",
    "minus sign": "x − 1",
    "infinity": "inf*x",
    "not a number": "nan",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name, tmp_path, monkeypatch):
    """Each is refused in one line and in an instant, and nothing runs."""
    canary = tmp_path / "canary"
    text = HOSTILE[name].format(canary=canary) if "{" in HOSTILE[name] else HOSTILE[name]
    for module, function in ((os, "system"), (builtins, "eval"), (builtins, "exec"), (builtins, "open")):
        monkeypatch.setattr(module, function, lambda *_, **__: pytest.fail("executed"))
    start = time.perf_counter()
    with pytest.raises(ParseError) as caught:
        parse(text)
    elapsed = time.perf_counter() - start
    monkeypatch.undo()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 600
    assert message.isprintable()
    assert elapsed < 1
    assert not canary.exists()


@pytest.mark.parametrize(("text", "near"), [("rleu(x)", "relu"), ("sigmod(x)", "sigmoid"), ("sofplus(x)", "softplus")])
def test_unknown_functions_suggest_the_nearest(text, near):
    with pytest.raises(ParseError, match=f"did you mean {near}"):
        parse(text)


def test_unknown_names():
    with pytest.raises(ParseError, match=r"unknown name 'y'.*--param y"):
        parse("x + y")
    with pytest.raises(ParseError, match="did you mean alpha"):
        parse("alhpa*x", [sp.Symbol("alpha")])
    with pytest.raises(ParseError, match="did you mean gelu"):
        ft.activation("gleu")
    with pytest.raises(ParseError, match="unknown name 'x'"):
        parse_number("x")
    with pytest.raises(ParseError, match="not a real number"):
        parse_number("sqrt(-1)")
    with pytest.raises(ParseError, match="must be text"):
        parse(3)


def test_hints_say_what_to_write():
    for text, hint in (
        ("x^2", r"write \*\*"),
        ("relu", r"write relu\(x\)"),
        ("where(x, 1, 0)", r"where\(x < 0, a, b\)"),
    ):
        with pytest.raises(ParseError, match=hint):
            parse(text)


fuzz = settings(derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
leaves = st.sampled_from(["x", "a", "pi", "e", "0", "1", "2", "0.5", "1/3", "1e-3", "64"])


def _nested(inner):
    unary = st.tuples(st.sampled_from([*FUNCTIONS, "-", "y", "__import__"]), inner).map(lambda t: f"{t[0]}({t[1]})")
    binary = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**", "<", ","]), inner).map(
        lambda t: f"({t[0]}{t[1]}{t[2]})"
    )
    return st.one_of(unary, binary, st.tuples(inner, inner, inner).map(lambda t: f"where({t[0]}<{t[1]},{t[2]},x)"))


def _attempt(call):
    """(the refusal, None) or (None, the result); anything but a refusal in one line is an error of the test."""
    try:
        return None, call()
    except InputError as refusal:
        return (refusal, None) if len(str(refusal).splitlines()) == 1 else pytest.fail(f"two lines: {refusal}")


@settings(fuzz, max_examples=300)
@given(st.one_of(st.text(max_size=60), st.text("x+-*/()0123456789.eE^,<> relumaxphi_\n", max_size=40)))
def test_random_text(text):
    """Only errors meant for the user come out."""
    refusal, _ = _attempt(lambda: parse(text))
    assert refusal is None or isinstance(refusal, ParseError)


@settings(fuzz, max_examples=150)
@given(st.recursive(leaves, _nested, max_leaves=8))
def test_random_formulas(text):
    start = time.perf_counter()
    refusal, expression = _attempt(lambda: parse(text, [a]))
    assert isinstance(refusal, ParseError) or expression.free_symbols <= {x, a}
    assert time.perf_counter() - start < 5


@settings(fuzz, max_examples=60)
@given(st.recursive(leaves, _nested, max_leaves=4))
def test_random_activations(text):
    """Through the whole door: an activation, or one line saying why not."""
    refusal, phi = _attempt(lambda: ft.activation(text, parameters={"a": "positive"}))
    assert isinstance(refusal, InputError) or isinstance(phi, ft.Activation)
