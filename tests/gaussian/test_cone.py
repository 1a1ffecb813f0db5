"""Moments on a cone: the algorithm itself, on cases with known answers and against panels of quadrature."""

import pytest
import sympy as sp
from mpmath import mp

from fimtheory.errors import DivergentExpectation, NoClosedForm
from fimtheory.functions import Phi
from fimtheory.gaussian.cone import Cone
from fimtheory.gaussian.expectation import Expectation, expectation, pair_expectation
from fimtheory.gaussian.field import COVARIANCE_FORM, Field
from fimtheory.gaussian.normal_form import Shape, normal_form
from fimtheory.gaussian.pieces import pieces
from fimtheory.gaussian.quantity import number
from tests.oracles import close, gauss

x = sp.Symbol("x", real=True)
c, q, h = sp.Symbol("c", real=True), sp.Symbol("q", positive=True), sp.Symbol("h", positive=True)
b, q1, q2 = sp.Symbol("b", real=True), *COVARIANCE_FORM
half = sp.S.Half

ATOMS = [
    (sp.Symbol("x", real=True) ** 4, {Shape(power=4): 1}),
    (sp.exp(-(x**2) / 2 + 3 * x), {Shape(quadratic=-half, linear=sp.Integer(3)): 1}),
    (x * Phi(2 * x - 1), {Shape(power=1, cdfs=((sp.Integer(2), -sp.S.One),)): 1}),
    (sp.erf(x), {Shape(cdfs=((sp.sqrt(2), sp.S.Zero),)): 2, Shape(): -1}),
    (sp.cosh(x), {Shape(linear=sp.S.One): half, Shape(linear=-sp.S.One): half}),
    (sp.Abs(x), {Shape(power=1): -1, Shape(power=1, above=sp.S.Zero): 2}),
    (sp.Heaviside(x - h), {Shape(above=h): 1}),
    (2**x, {Shape(linear=sp.log(2)): 1}),
    (sp.Max(x, 0) - sp.Max(-x, 0), {Shape(power=1): 1}),
]


@pytest.mark.parametrize(("f", "atoms"), ATOMS, ids=str)
def test_normal_form(f, atoms):
    assert normal_form(pieces(f, x)) == atoms


def test_normal_form_of_weak_derivatives():
    assert normal_form(pieces(sp.sign(x - h), x), deltas=True) == {Shape(at=h): 2}
    assert normal_form(pieces(sp.Max(x, 0), x), deltas=True) == {Shape(above=sp.S.Zero): 1}
    assert normal_form(pieces(x + sp.Heaviside(x), x), deltas=True) == {Shape(): 1, Shape(at=sp.S.Zero): 1}


@pytest.mark.parametrize(
    "f", [sp.tanh(x), sp.exp(x**3), Phi(x**2), sp.sqrt(1 + x**2), sp.log(2 + sp.cos(x)), sp.cos(x**2)]
)
def test_outside_the_class(f):
    with pytest.raises(NoClosedForm, match="not a finite sum"):
        normal_form(pieces(f, x))


MOMENTS = [
    # integrand for SymPy, for mpmath, kinks
    (x**3 * sp.Heaviside(x - half), lambda t: t**3 if t > 0.5 else mp.mpf(0), (0.5,)),
    (x**2 * Phi(3 * x - 1), lambda t: t**2 * mp.ncdf(3 * t - 1), ()),
    (x * Phi(x) ** 2, lambda t: t * mp.ncdf(t) ** 2, ()),
    (Phi(x) * Phi(2 * x) * sp.exp(-(x**2)), lambda t: mp.ncdf(t) * mp.ncdf(2 * t) * mp.exp(-t * t), ()),
    (Phi(x) ** 3 * x**3, lambda t: mp.ncdf(t) ** 3 * t**3, ()),
    (Phi(1 - x) * Phi(x / 2 + 1), lambda t: mp.ncdf(1 - t) * mp.ncdf(t / 2 + 1), ()),
    (sp.erf(x) * sp.erf(x - 1), lambda t: mp.erf(t) * mp.erf(t - 1), ()),
    (x * sp.exp(x / 2) * sp.Heaviside(1 - x), lambda t: t * mp.exp(t / 2) if t < 1 else mp.mpf(0), (1,)),
    (sp.Abs(x - 1) * Phi(x), lambda t: abs(t - 1) * mp.ncdf(t), (1,)),
    (sp.Max(0, 1 - sp.Abs(x)), lambda t: max(mp.mpf(0), 1 - abs(t)), (-1, 0, 1)),
    (sp.Abs(x) ** 3 * sp.exp(-(x**2) / 3), lambda t: abs(t) ** 3 * mp.exp(-t * t / 3), (0,)),
]


@pytest.mark.parametrize(("f", "oracle", "kinks"), MOMENTS, ids=lambda v: str(v) if isinstance(v, sp.Expr) else "")
@pytest.mark.parametrize("variance", [sp.S.One, sp.Rational(9, 4)], ids=str)
def test_moments(f, oracle, kinks, variance):
    found = expectation(f, x, variance)
    assert not found.has(Expectation)
    exact = gauss(oracle, kinks, mp.mpf(variance.p) / variance.q)
    assert close(number(found, 20), exact, 18)
    assert not close(mp.mpf("1.03") * number(found, 20), exact, 18)


def test_orthants_of_three_dimensions():
    """At the centre a sum of arcsines; E Phi(Z)^3 = 1/4, as three independent uniforms have a largest one."""
    assert expectation(Phi(x) ** 3, x, sp.S.One) == sp.Rational(1, 4)
    shifted = expectation(Phi(x - 1) ** 3, x, sp.S.One)
    assert isinstance(shifted, Expectation)
    assert close(number(shifted, 18), gauss(lambda t: mp.ncdf(t - 1) ** 3), 15)


def test_convergence_is_a_definite_form():
    """E exp(a U^2 + a V^2) exists for 2 a q (1 + |c|) < 1."""
    a = sp.Rational(1, 5)
    f = sp.exp(a * x**2)
    at = pair_expectation(f, f, x, sp.S.One, sp.S.One, half)
    assert at == 1 / sp.sqrt(sp.Rational(3, 5) ** 2 - sp.Rational(1, 5) ** 2)  # det(I - 2 a Sigma)^(-1/2)
    with pytest.raises(DivergentExpectation, match="converges only where"):
        pair_expectation(f, f, x, sp.Integer(2), sp.Integer(2), c)
    with pytest.raises(DivergentExpectation, match="diverges"):
        pair_expectation(f, f, x, sp.Integer(4), sp.Integer(4), half)


def test_field():
    field = Field([c, sp.sqrt(2), q])
    assert field.expr(field(1 / (1 - c) - 1 / (1 + c))) == 2 * c / (1 - c**2)
    assert field.uses(field(q * sp.sqrt(2)), sp.sqrt(2))
    assert not field.uses(field(q), sp.sqrt(2))
    assert not field.uses(field(q), sp.sqrt(3))
    with pytest.raises(KeyError):
        field(sp.sqrt(3))


@pytest.mark.parametrize(
    ("e", "answer"),
    [
        (1 - c, True),
        (c**2 - 1, False),
        (1 + q - c * q, True),
        ((1 + q) ** 2 - c**2 * q**2, True),
        (c, None),
        (q - 1, None),
        (1 - 2 * c, None),
        (-q, False),
        (sp.S.Zero, False),
        (sp.sqrt(2) + 2, True),
        (1 / (c - 1), False),
        (1 + b**2, True),
        (-(b**2) * (1 - c), False),
        (b**2, None),
        (1 + b, None),
        (q1**2 - q2**2, True),
        (q2 - q1, False),
        (q1 - 2 * q2, None),
    ],
)
def test_signs_for_every_correlation(e, answer):
    field = Field([e])
    assert field.is_positive(field(e)) is answer


def test_the_square_of_an_imaginary_unit_is_negative():
    """Inside a field I is a generator like any other; only its signs are special."""
    field = Field([sp.I, q])
    assert field.is_positive(field(sp.I) ** 2) is False
    assert field.is_positive(1 - field(q) * field(sp.I) ** 2) is True
    assert field.is_positive(field(sp.I)) is None


def test_atoms_with_a_delta():
    """E U^2 delta(U - h) = h^2 density(h)."""
    field = Field([h, q])
    (leaf, value), *others = Cone(field, (Shape(at=h),), ((field(q),),)).moment((2,)).items()
    assert not others
    assert field.expr(value) == h**2
    assert (leaf.halves, field.expr(leaf.radicand), field.expr(leaf.exponent)) == (1, q, -(h**2) / (2 * q))
