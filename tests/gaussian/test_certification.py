"""Enclosures against mpmath's own quadrature, and against each other: a proof that can fail is one that is tried."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx

import fimtheory as ft
from fimtheory.activations import parse
from fimtheory.errors import InputError, NotCertified
from fimtheory.gaussian.certification import certify, enclose, equal
from fimtheory.gaussian.enclosure import precision
from fimtheory.gaussian.field import CORRELATION
from fimtheory.gaussian.growth import growth
from fimtheory.gaussian.integrals import Expectation, PairExpectation
from fimtheory.gaussian.pair_enclosure import Pair
from fimtheory.gaussian.pieces import pieces

x = sp.Symbol("x", real=True)
ANALYTIC = {
    "tanh(x)": mpmath.tanh,
    "log(1 + exp(x))": lambda t: mpmath.log1p(mpmath.exp(t)),
    "x*sigmoid(x)": lambda t: t / (1 + mpmath.exp(-t)),
    "x*tanh(log(1 + exp(x)))": lambda t: t * mpmath.tanh(mpmath.log1p(mpmath.exp(t))),
    "atan(x)": mpmath.atan,
    "x/sqrt(1 + x**2)": lambda t: t / mpmath.sqrt(1 + t * t),
    "exp(x/5 + x**2/10)*tanh(x)": lambda t: mpmath.exp(t / 5 + t * t / 10) * mpmath.tanh(t),
    "cos(x**2)": lambda t: mpmath.cos(t * t),
    "exp(tanh(x)) - log(1 + x**2)": lambda t: mpmath.exp(mpmath.tanh(t)) - mpmath.log1p(t * t),
}
KINKED = {
    "x/(1 + abs(x))": lambda t: t / (1 + abs(t)),
    "max(x, 0)*tanh(x)": lambda t: max(t, 0) * mpmath.tanh(t),
    "where(x < 1, sigmoid(x), 2)": lambda t: 1 / (1 + mpmath.exp(-t)) if t < 1 else mpmath.mpf(2),
}


def line(f, q):
    """E f(sqrt(q) Z) by mpmath's quadrature between multiples of one standard deviation and +-1."""
    root = mpmath.sqrt(q)
    cuts = sorted({*map(mpmath.mpf, range(-14, 15)), 1 / root, -1 / root})
    return mpmath.quad(lambda z: f(root * z) * mpmath.npdf(z), cuts)


def holds(ball: arb, golden, decimals) -> bool:
    """Whether a ball meets a value known to a number of decimals."""
    saved, ctx.dps = ctx.dps, 60
    try:
        return ball.overlaps(arb(mpmath.nstr(golden, 38), arb(10) ** -decimals))
    finally:
        ctx.dps = saved


@pytest.mark.parametrize("formula", [*ANALYTIC, *KINKED])
@pytest.mark.parametrize("q", [1, sp.Rational(1, 7), 30])
def test_one_variable(formula, q):
    # exp(x^2/10) is integrable for q < 5 only; mpmath does not follow the waves of cos(30 x^2).
    q = sp.sympify(min(q, 1) if "x**2/10" in formula or "cos" in formula else q)
    integral = Expectation(parse(formula) + 2, x, q)
    found = certify(integral, 30)
    assert found.digits >= 30
    with mpmath.workdps(40):
        golden = line({**ANALYTIC, **KINKED}[formula], mpmath.mpf(q.p) / q.q) + 2
        assert holds(found.ball, golden, 29)
        assert not holds(found.ball, golden * (1 + mpmath.mpf(10) ** -25), 29)


ARRAYS = {
    "tanh(x)": np.tanh,
    "log(1 + exp(x))": lambda t: np.logaddexp(0, t),
    "atan(x)": np.arctan,
    "x/(1 + abs(x))": lambda t: t / (1 + abs(t)),
    "max(x, 0)*tanh(x)": lambda t: np.maximum(t, 0) * np.tanh(t),
}


@pytest.mark.parametrize("formula", ARRAYS)
@pytest.mark.parametrize("c", [sp.Rational(-7, 10), sp.Rational(1, 3)])
def test_two_variables(formula, c):
    """Against a nested quadrature in double precision: trapezoidal in v, Gauss-Legendre in u from 0 to both sides."""
    found = certify(PairExpectation(parse(formula), x + sp.tanh(x), x, sp.Rational(3, 2), sp.Rational(2, 3), c), 20)
    s1, s2, slope, s = np.sqrt(1.5), np.sqrt(2 / 3), float(c), np.sqrt(1 - float(c) ** 2)
    v = np.arange(-80, 81)[:, None, None] / 8
    t, weight = np.polynomial.legendre.leggauss(60)
    kink = -slope * v / s  # where u = 0
    golden = 0.0
    for side in (-1, 1):
        edges = kink + side * np.arange(0, 20)
        z = edges[..., None] + side * (1 + t) / 2
        values = ARRAYS[formula](s1 * (slope * v[..., None] + s * z)) * np.exp(-z * z / 2) * weight / 2
        inner = values.sum(axis=(2, 3))[..., None]
        golden += (inner * (s2 * v + np.tanh(s2 * v)) * np.exp(-v * v / 2)).sum() / 8 / (2 * np.pi)
    assert float(found) == pytest.approx(golden, rel=1e-12)
    assert golden * (1 + 1e-9) not in found


@pytest.mark.parametrize("formula", ["tanh(x)", "x*sigmoid(x)"])
@pytest.mark.parametrize("q", ["1/1000", "1", "50"])
@pytest.mark.parametrize("c", ["-9/10", "1/100", "19/20", "999999/1000000"])
def test_few_digits_contain_many(formula, q, c):
    """The ball of few digits, with other nodes, contains the one of many."""
    integral = PairExpectation(parse(formula), parse(formula), x, sp.Rational(q), sp.Rational(q), sp.Rational(c))
    few, many = integral.enclosure(12), integral.enclosure(40)
    assert few.contains(many.mid())
    assert 0 < many.rad() < few.rad() < 1e-10


def test_three_rules_are_three_routes():
    """They share no node and no error bound."""
    f, g = pieces(sp.tanh(x), x), pieces(x * sp.atan(x) + x, x)
    with precision(160):
        pair = Pair.of(f, g, arb(1), arb(3) / 2, arb(2) / 5, 70.0)
        lattice, ridge, panels = pair.lattice(pair._lattice_steps()), pair.ridge(*pair._ridge_steps()), pair.panels()
        assert lattice.overlaps(ridge)
        assert lattice.overlaps(panels)
        assert max(lattice.rad(), ridge.rad(), panels.rad()) < 1e-20


def test_growth_is_a_bound():
    """At points of the line, in double precision."""
    for formula in [*ANALYTIC, "x**3*exp(-x/2)", "(1 + x**2)**(1/3)", "1/(1 + x**4)", "log(2 + x**2)*cos(x)"]:
        f = parse(formula)
        bound, number = growth(f, x, arb(1)), sp.lambdify(x, f.rewrite(sp.exp), "mpmath")
        for t in (1, 1.5, 3, 7, 20, 50):
            majorant = bound.factor * arb(t) ** bound.power * (bound.rate * t + bound.curvature * t * t).exp()
            assert abs(number(mpmath.mpf(t))) <= float(majorant.upper()) * (1 + 1e-12)


def test_the_public_face():
    found = ft.certify(ft.expect("tanh(x)**2"), 50)
    assert found.value == "0.39429449039784117441645977244411956057379074942231"
    assert found.lower < found.upper
    assert sp.Rational(found.value) in ft.certify(ft.expect("tanh(x)**2"), 10)
    assert sp.Rational(found.value) + sp.Rational(1, 10**49) not in found
    with mpmath.workdps(40):
        gelu = line(lambda t: (t * mpmath.ncdf(t)) ** 2, 1)
        assert holds(ft.certify(ft.activation("gelu").eta, 20).ball, gelu, 19)
    assert float(ft.certify(sp.sqrt(2))) == pytest.approx(2**0.5)
    assert found._repr_latex_().startswith("$0.394294")


def test_refusals():
    with pytest.raises(InputError, match="only a number can be certified: give values to c, q"):
        certify(ft.activation("tanh").dual(sp.Symbol("q", positive=True), CORRELATION))
    with pytest.raises(NotCertified, match="no bound was found"):
        certify(ft.expect("log(abs(x))*tanh(x)**2"))
    with pytest.raises(NotCertified, match="no growth bound"):
        certify(Expectation(sp.gamma(x), x, sp.Integer(1)))


def test_what_is_not_proven_is_numerical():
    assert ft.Quantity(ft.expect("log(abs(x))*tanh(x)**2")).as_json()["status"] == "numerical"
    assert ft.Quantity(ft.expect("tanh(x)**2")).as_json()["status"] == "certified"


def test_zero_is_enclosed_not_claimed():
    ball = enclose(Expectation(sp.tanh(x), x, sp.Integer(1)), 10)
    assert ball.contains(0)
    assert ball.rad() < 1e-60


def test_equality():
    c, q = CORRELATION, sp.Symbol("q", positive=True)
    relu = ft.activation("relu").dual(q, c)
    cho = q / (2 * sp.pi) * (sp.sqrt(1 - c**2) + (sp.pi - sp.acos(c)) * c)
    assert equal(relu, cho)
    assert not equal(relu, cho * (1 + sp.Rational(1, 10**30)))
    assert equal(ft.expect("sigmoid(x)**2 - sigmoid(x)"), ft.expect("(tanh(x/2)**2 - 1)/4"))
    assert not equal(ft.expect("tanh(x)**2"), ft.expect("tanh(x)**4"))
