"""Nothing printed is wrong: what the package prints, read by an independent reader, has the value it was printed from."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest
import sympy as sp
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from mpmath import mp

import fimtheory as ft
from fimtheory.activations import ENTRIES, Activation, Parameter
from fimtheory.errors import JumpError
from fimtheory.functions import BivariateNormalCDF, Phi, sigmoid, softplus
from fimtheory.gaussian.expectation import Expectation, PairExpectation
from fimtheory.gaussian.field import CORRELATION, COVARIANCE_FORM, VARIANCE
from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS, TABLE
from fimtheory.theory.deep_fisher import fisher, fisher_block
from fimtheory.theory.feature_metric import feature_metric
from fimtheory.theory.order_parameters import recursions
from fimtheory.theory.tangent_kernel import tangent_kernel
from tests.activation_oracles import JUMPS
from tests.latex_reader import Unreadable, evaluate

Point = Mapping[sp.Symbol, sp.Expr]

X = sp.Symbol("x", real=True)
Q1, Q2 = COVARIANCE_FORM
NAMES = {row.symbol: row.latex for row in TABLE}
every_entry = pytest.mark.parametrize("name", [entry.name for entry in ENTRIES])


def assert_reads_back(text: str, expression: sp.Expr, point: Point, digits: int = 25) -> None:
    """``text`` is read as the value of ``expression`` at a point; an integral in it is read as a symbol."""
    values = {NAMES.get(symbol, sp.latex(symbol)): value for symbol, value in point.items()}
    integrals = sorted(expression.atoms(Expectation, PairExpectation), key=lambda e: -len(latex(e)))
    for k, integral in enumerate(integrals):
        text = text.replace(latex(integral), f" I_{k} ")
        values[f"I_{k}"] = sp.Rational(7 + k, 5)
        expression = expression.xreplace({integral: values[f"I_{k}"]})
    printed = evaluate(text, values)
    with mp.workdps(40):
        exact = mp.convert(expression.subs(point).evalf(30)._to_mpmath(130))
        assert abs(printed - exact) <= mp.mpf(10) ** -digits * max(1, abs(exact)), (text, point, printed, exact)


# -- the gallery


def points(name: str, parameters: Iterable[Parameter] = ()) -> list[dict[sp.Symbol, sp.Expr]]:
    """Two admissible points: argument, variance, correlation, q_1 = q and q_2 = q c, and the parameters."""
    draw = random.Random(name)
    found = []
    for k in range(2):
        q, c = sp.Rational(draw.randint(20, 300), 97), sp.Rational(draw.randint(-90, 90), 97)
        point = {X: sp.Rational(draw.randint(-200, 200), 101), VARIANCE: q, CORRELATION: c, Q1: q, Q2: q * c}
        found.append(point | {p.symbol: p.samples[draw.randrange(k, 3)] for p in parameters})
    return found


def formulas(phi: Activation) -> Iterator[sp.Expr]:
    """Every formula of an activation; of one with jumps, those that exist."""
    yield from (phi.expression, phi.mean, phi.eta, phi.zeta, phi.second_moment(VARIANCE))
    yield phi.dual(VARIANCE, CORRELATION)
    yield from map(phi.hermite, range(7))
    with contextlib.suppress(JumpError):
        yield phi.dual_derivative(VARIANCE, CORRELATION)
        yield from (phi.derivative.expression, phi.eta_prime, phi.second_moment_derivative(VARIANCE))


@every_entry
def test_formulas_of_the_gallery(name):
    phi = ft.activation(name)
    for expression in formulas(phi):
        for point in points(name, phi.parameter_list):
            assert_reads_back(latex(expression), expression, point)


@pytest.mark.parametrize("name", [entry.name for entry in ENTRIES if entry.parameters])
def test_formulas_at_given_parameters(name):
    """Numbers are laid out in another way than symbols."""
    phi = ft.activation(name)
    for expression in formulas(phi.with_values({p.name: p.samples[0] for p in phi.parameter_list})):
        assert_reads_back(latex(expression), expression, points(name)[0])


@every_entry
def test_integrands_of_the_gallery(name):
    phi = ft.activation(name)
    for expression in formulas(phi):
        for integral in expression.atoms(Expectation):
            assert_integrand_reads_back(integral, points(name, phi.parameter_list)[0])
        for integral in expression.atoms(PairExpectation):
            assert_integrands_read_back(integral, points(name, phi.parameter_list)[0])


def assert_integrand_reads_back(integral: Expectation, point: Point) -> None:
    """E f(sqrt(q) Z): the integrand."""
    f, x, q = integral.args
    body, z = latex(integral).removeprefix(r"\int_{-\infty}^{\infty} \mathrm{D}z\, "), sp.Rational(3, 7)
    assert_reads_back(body, f.subs(x, sp.sqrt(q) * z), {**point, sp.Symbol("z"): z})


def assert_integrands_read_back(integral: PairExpectation, point: Point) -> None:
    """E f(U) g(V): the product of the integrands, and what stands for their arguments."""
    f, g, x, q1, q2, c = integral.args
    body, where = latex(integral).removeprefix(r"\iint \mathrm{D}z_1\,\mathrm{D}z_2\, ").split(r" \quad \left(u = ")
    u, v = where.removesuffix(r"\right)").split(r",\; v = ")
    z1, z2 = sp.Rational(3, 7), sp.Rational(-9, 8)
    at = {**point, **{sp.Symbol(s): z for s, z in (("z_1", z1), ("z_2", z2), ("u", z1), ("v", z2))}}
    assert_reads_back(u, sp.sqrt(q1) * z1, at)
    assert_reads_back(v, sp.sqrt(q2) * (c * z1 + sp.sqrt(1 - c**2) * z2), at)
    assert_reads_back(body, f.subs(x, z1) * g.subs(x, z2), at)


def test_negative_integrands_have_parentheses():
    """Not -\\tanh u\\, -\\tanh v, which is a difference."""
    minus, point = -sp.tanh(X), {VARIANCE: sp.Rational(7, 5), CORRELATION: sp.Rational(1, 3)}
    assert r"\mathrm{D}z\, -" not in latex(Expectation(minus, X, VARIANCE))
    assert_integrands_read_back(PairExpectation(minus, minus, X, VARIANCE, VARIANCE, CORRELATION), point)


# -- deep networks


@every_entry
def test_recursions(name):
    """The printed recursions in q_1 and q_2 against the expectations in the variance and the correlation."""
    phi = ft.activation(name)
    phi = phi.with_values({p.name: p.samples[1] for p in phi.parameter_list})
    w, back1, back2 = SYMBOLS["sigma_w2"], sp.Symbol("back1"), sp.Symbol("back2")
    try:
        printed = recursions(phi)
    except JumpError:
        assert name in JUMPS
        return
    meant = {
        "qhat1": phi.second_moment(Q1),
        "qhat2": phi.dual(Q1, CORRELATION),
        "qtilde1": w * back1 * phi.second_moment_derivative(Q1),
        "qtilde2": w * back2 * phi.dual_derivative(Q1, CORRELATION),
    }
    assert printed.keys() == meant.keys()
    front = {w: sp.Rational(17, 9), back1: sp.Rational(4, 3), back2: sp.Rational(6, 7)}
    for point in points(name):
        for key, text in printed.items():
            right = text.split(" = ", 1)[1]
            for t, symbol in (("1", back1), ("2", back2)):
                right = right.replace(rf"\tilde q_{t}^{{l+1}}", sp.latex(symbol))
            assert_reads_back(right, meant[key], point | front)


@pytest.mark.parametrize("metric", [fisher, fisher_block, tangent_kernel, feature_metric], ids=lambda f: f.__name__)
def test_eigenvalue_statistics(metric):
    draw = random.Random(metric.__name__)
    point = {row.symbol: sp.Rational(draw.randint(1, 300), 97) for row in TABLE}
    for _, formula in metric().items():
        assert_reads_back(latex(formula), formula, point)


# -- any expression

A, B = sp.symbols("a b", positive=True)
AT = (
    {A: sp.Rational(3, 7), B: sp.Rational(9, 5), X: sp.Rational(-5, 4)},
    {A: sp.Rational(12, 11), B: sp.Rational(2, 9), X: sp.Rational(1, 3)},
)
FUNCTIONS = (sp.exp, Phi, sp.acos, sp.asin, sp.sinh, sp.erf, sp.sin, sp.tanh, sp.log, sp.Abs, sigmoid, softplus)
HALVES = tuple(sp.Rational(p, 2) for p in (-5, -3, -1, 1, 3, 5))


def attempt(function: Callable, *arguments: sp.Expr) -> sp.Expr:
    """A SymPy call; what SymPy refuses is no number."""
    try:
        return function(*arguments)
    except (TypeError, ValueError, ZeroDivisionError):
        return sp.nan


def kept(number: sp.Rational, factor: sp.Expr) -> sp.Expr:
    """A number times a sum, not multiplied out."""
    return sp.Mul(number, factor, evaluate=not factor.is_Add)


def _cases(yes: sp.Expr, no: sp.Expr) -> sp.Expr:
    return sp.Piecewise((yes, A < B), (no, True))


def _bivariate(h: sp.Expr, k: sp.Expr) -> sp.Expr:
    return BivariateNormalCDF(h, k, -A / 2)


def compound(inner: st.SearchStrategy[sp.Expr]) -> st.SearchStrategy[sp.Expr]:
    """Sums, products, quotients, powers, functions and multiples of what is given."""
    numbers = st.sampled_from([sp.Integer(k) for k in (-3, -2, -1, 2, 5)] + [sp.Rational(-1, 2), sp.Rational(2, 3)])
    powers = st.sampled_from([sp.Integer(k) for k in (-3, -2, -1, 2, 3)] + [*HALVES, sp.Rational(2, 3)])
    unary = st.sampled_from([sp.sqrt, sp.exp, *FUNCTIONS])
    binary = st.sampled_from([sp.Add, sp.Mul, sp.Max, lambda u, v: u - v, lambda u, v: u / v, _cases, _bivariate])
    return st.one_of(
        st.builds(attempt, st.sampled_from([sp.Add, sp.Mul]), inner, inner, inner),
        st.builds(attempt, binary, inner, inner),
        st.builds(attempt, unary, inner),
        st.builds(attempt, st.just(kept), numbers, inner),
        st.builds(attempt, st.just(sp.Pow), inner, powers),
        st.builds(attempt, st.just(sp.Pow), st.sampled_from([A, B, sp.Integer(2)]), inner),
    )


NUMBERS = st.builds(sp.Rational, st.integers(-7, 7), st.integers(1, 5)) | st.sampled_from([sp.pi, sp.E])
LEAVES = st.sampled_from([A, B, X]) | st.sampled_from([A, B, A + B, X - A, 1 - X**2, -X]) | NUMBERS
TREES = compound(compound(LEAVES | compound(LEAVES)))


def is_real(expression: sp.Expr, point: Point) -> bool:
    """Whether every radicand, every argument of a logarithm or an arc function lies inside its domain."""
    for node in sp.postorder_traversal(expression):
        if isinstance(node, (sp.Pow, sp.log, sp.acos, sp.asin)) and not (node.is_Pow and node.exp.is_Integer):
            u = node.args[0].subs(point).evalf(15)
            if not (u.is_Float and (abs(u) < 0.999 if isinstance(node, (sp.acos, sp.asin)) else u > 1e-6)):
                return False
    return True


@settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(expression=TREES, point=st.sampled_from(AT))
def test_any_expression(expression, point):
    assume(not expression.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I, sp.atan2) and is_real(expression, point))
    value = expression.subs(point).evalf(30)
    assume(value.is_Number and 1e-6 < abs(value) < 1e6)
    assert_reads_back(latex(expression), expression, point, digits=20)


@pytest.mark.parametrize(
    "expression",
    [
        sp.sqrt(6) * sp.sqrt(-X),  # not \sqrt{6 -x}
        sp.sqrt(A) * sp.sqrt(-X) * sp.sqrt(A + B),
        sp.Mul(9, -1 / X**5, sp.sqrt(A + B), evaluate=False),  # not 9 -\frac{1}{x^{5}} \sqrt{a + b}
        sp.exp(sp.sin(X) / 2),  # not e^{\sin x/2}
        sp.exp(-(sp.log(B) ** 2) / (2 * A**2)),
        sp.Abs(X) * sp.log(B),  # not \log b \left|x\right|
        sp.Heaviside(X) * sp.sin(X),
        sp.log(B) * sp.sinh(B) ** sp.Rational(3, 2) * sp.Piecewise((A, A < B), (B, True)),
        (A - B) / 2 * sp.sin(X) + kept(sp.Integer(-1), A + B),
        sp.exp((A + B) / (1 + A)) * (A - B) ** 3 * sp.exp(-sp.exp(-X)),
        sp.exp((1 + A) / B) - sp.exp(-(1 + A) / (3 * B)) + 3 * 2**X,
    ],
    ids=str,
)
def test_what_is_easily_misprinted(expression):
    assert_reads_back(latex(expression), expression, AT[0])


@pytest.mark.parametrize(("power", "name"), [(2, "qtilde1"), (sp.Rational(3, 2), "sigma_w2"), (-2, "qtilde2")])
def test_symbols_with_superscripts(power, name):
    """Not \\sigma_w^2^{2}."""
    symbol = SYMBOLS[name]
    assert_reads_back(latex(symbol**power), symbol**power, {symbol: sp.Rational(8, 7)})


def test_the_square_of_a_variance_is_a_fourth_power():
    """sigma_w^2 is the name of a symbol, whose square is sigma_w^4."""
    for symbol, name in ((SYMBOLS["sigma_w2"], r"\sigma_w"), (SYMBOLS["sigma_b2"], r"\sigma_b")):
        assert latex(symbol**2) == rf"{name}^{{4}}"
        assert evaluate(latex(3 * symbol**2), {name: 2}) == 48
        assert evaluate(latex(1 / symbol**2), {name: 2}) == mp.mpf(1) / 16


def test_names_of_several_letters_are_one_symbol():
    """tanh(ab x) is not the tanh of a product of three."""
    slope = sp.Symbol("ab", positive=True)
    text = latex(sp.tanh(slope * X))
    assert text == r"\tanh\left(\mathrm{ab} x\right)"
    with pytest.raises(Unreadable):
        evaluate(text, {"a": 2, "b": 3, "x": 1})


# -- the reader itself


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (r"\frac{q}{2\pi} \sqrt{1-c^2} + c \arccos c", r"\frac{q}{2\pi} \left(\sqrt{1-c^2} + c \arccos c\right)"),
        (r"q \left(1 - c\right) - c - 1", r"q \left(1 - c\right) - \left(c - 1\right)"),
        (r"e^{-c/2} q", r"e^{-c/\left(2 q\right)}"),
        (r"-q^{2}", r"\left(-q\right)^{2}"),
        (r"\sqrt{q} c", r"\sqrt{q c}"),
        (r"\arccos\left(c\right) + 1 q", r"\left(\arccos c + 1\right) q"),
    ],
)
def test_the_reader_tells_a_wrong_formula(wrong, right):
    values = {"q": sp.Rational(7, 5), "c": sp.Rational(1, 3)}
    assert abs(evaluate(wrong, values) - evaluate(right, values)) > 0.01


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"2 x^{2} - \frac{x}{4} \left(1 + x\right)", lambda x: 2 * x**2 - x / 4 * (1 + x)),
        (r"\tanh^{2} x \cos x", lambda x: mp.tanh(x) ** 2 * mp.cos(x)),
        (r"e^{-x^{2}/\left(2 \pi\right)} \left|1 - x\right|", lambda x: mp.exp(-(x**2) / (2 * mp.pi)) * abs(1 - x)),
        (r"\begin{cases} -1 & x < 0 \\ x^{3/2} & \text{otherwise} \end{cases}", lambda x: mp.sqrt(x) ** 3),
        (r"\Phi_2\left(0,\, 0;\, \frac{1}{x}\right)", lambda x: mp.mpf(1) / 4 + mp.asin(1 / x) / (2 * mp.pi)),
        (r"\max\left(x, 3\right) \cdot 2 \,\mathbf{1}\left[x > 3\right] \sigma\left(x\right)", lambda x: mp.mpf(0)),
        (
            r"\frac{2}{\pi} \arcsin \frac{1}{x} + \cos^{2} \frac{x}{2}",
            lambda x: 2 / mp.pi * mp.asin(1 / x) + mp.cos(x / 2) ** 2,
        ),
        (r"\operatorname{softplus}\left(x\right) - \log\left(1 + e^{x}\right) + \sqrt[3]{x}", mp.cbrt),
    ],
)
def test_the_reader_reads(text, value):
    with mp.workdps(40):
        assert abs(evaluate(text, {"x": sp.Rational(9, 4)}) - value(mp.mpf("2.25"))) < mp.mpf("1e-28")


@pytest.mark.parametrize(
    "text",
    [
        r"2 \frac{1}{3}",
        r"2 3",
        r"\sin x^{2}",
        r"\sin x \left(1 + x\right)",
        r"\sin x/2",
        r"\sin \frac{x}{2} \left(1 + x\right)",
        r"\sin \frac{x}{2} x",
        r"\sin \sqrt{x}",
        r"\sin^{-1} x",
        r"1/2 x",
        r"x + -x",
        r"\sqrt{6 -x} -",
        r"x^{2}^{3}",
        r"\frac{x}{2}^{2}",
        r"{1 + x} x",
        r"\sqrt{-x}",
        r"\int x",
        r"\left(x",
        r"xy",
        "",
    ],
)
def test_the_reader_refuses(text):
    with pytest.raises(Unreadable):
        evaluate(text, {"x": 2})
