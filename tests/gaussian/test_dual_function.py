"""Compiled duals: against closed forms in ball arithmetic, proven enclosures, and arrays against single points."""

import math

import mpmath
import numpy as np
import pytest
import sympy as sp

import fimtheory as ft
from fimtheory.errors import InputError
from fimtheory.gaussian.dual_function import DualFunction, PairFunction, Resolved
from fimtheory.gaussian.integrals import PairExpectation
from fimtheory.gaussian.quantity import number

CORRELATIONS = [-1.0, -1 + 1e-12, -0.99, -0.5, 0.0, 0.3, 0.9, 0.999, 1 - 1e-6, 1 - 1e-12]
CLOSED = ["relu", "step", "hardtanh", "abs", "gelu"]
OPEN = ["tanh", "softsign"]
q, c = sp.Symbol("q", positive=True), sp.Symbol("c", real=True)


def build(name: str) -> ft.Activation:
    head, _, value = name.partition("(")
    phi = ft.activation(head)
    return phi.with_values({phi.parameter_list[0].name: sp.sympify(value.rstrip(")"))}) if value else phi


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("variance", [1e-4, 1.0, 1e4])
def test_against_closed_forms(name, variance):
    """The exact dual at 40 digits: 1e-13 of I(1) everywhere, six digits of the defect at c = 1 - 1e-12."""
    phi, exact = build(name), sp.Rational(variance)
    compiled, whole = phi.dual_function(variance), number(phi.second_moment(exact), 40)
    for correlation in CORRELATIONS:
        value = number(phi.dual(exact, sp.Rational(correlation)), 40)
        with mpmath.workdps(40):
            lost = float(1 - value / whole)
        assert abs(compiled(correlation) - value) <= 1e-13 * whole
        floor = 0 if correlation > 0 else 1e-15  # at c = -1, an even function has a small defect, too: of no digits
        assert compiled.defect(correlation) == pytest.approx(lost, rel=1e-7, abs=floor)
        assert compiled.defect(correlation) != pytest.approx(1.0001 * lost + floor * 10, rel=1e-7, abs=floor)


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("variance", [1e-4, 1.0, 9.0])
def test_against_enclosures(name, variance):
    phi, exact = build(name), sp.Rational(variance)
    compiled = phi.dual_function(variance)
    for correlation in (-0.9, -0.2, 0.0, 0.5, 0.97):
        pair = PairExpectation(phi.expression, phi.expression, phi.variable, exact, exact, sp.Rational(correlation))
        assert float(compiled(correlation)) == pytest.approx(float(ft.certify(pair, 17)), rel=1e-12)


def test_defect_of_a_smooth_function_near_one():
    """1 - I(c)/I(1) is (1 - c) q E phi'^2/E phi^2 there, to a relative (1 - c)."""
    phi = ft.activation("tanh")
    slope = float(ft.certify(phi.eta_prime, 20)) / float(ft.certify(phi.eta, 20))
    assert float(phi.dual_function(1).defect(one_minus_c=1e-12)) == pytest.approx(1e-12 * slope, rel=1e-8, abs=0)


def test_two_functions_and_two_variances():
    pair = ft.expect_pair("tanh(x)", "max(x, 0)*tanh(x)", q, 3 * q, c)
    function = ft.emit(pair, [q, c])
    for at in (-0.8, 0.1, 0.95):
        exact = float(ft.certify(pair.subs({q: sp.Rational(7, 5), c: sp.Rational(at)}), 17))
        assert float(function(1.4, at)) == pytest.approx(exact, rel=1e-12)


def test_arrays_are_single_points():
    """Interpolated and computed one by one; shapes broadcast."""
    function = ft.emit(ft.activation("tanh").dual(q, c), [q, c])
    grid = np.linspace(-1, 1, 401)
    many = function(np.array([[0.5], [2.0]]), grid)
    assert many.shape == (2, 401)
    few = [[float(function(variance, at)) for at in grid[::80]] for variance in (0.5, 2.0)]
    np.testing.assert_allclose(many[:, ::80], few, rtol=1e-12, atol=1e-14)


def test_ends():
    compiled = ft.activation("softplus").dual_function(2)
    assert float(compiled.defect(1.0)) == 0
    assert float(compiled(1.0)) == compiled.second_moment
    assert "variance=2" in repr(compiled)


def test_resolution_is_honest():
    """Waves shorter than any panel are not resolved, and not passed for a result."""
    with pytest.raises(ft.FimtheoryError, match="too rough"):
        Resolved.of(lambda x: np.sin(1e5 * x), 1.0)


def test_pair_function():
    f, g = Resolved.of(np.tanh, 1.0), Resolved.of(lambda x: x, 2.0)
    values = PairFunction(f, g)(np.array([-0.5, 0.25]))
    slope = values[1] / 0.25
    assert values[0] == pytest.approx(-0.5 * slope, rel=1e-13)  # Stein: E tanh(U) V = c s2 E tanh'
    assert slope == pytest.approx(2 * float(ft.certify(ft.expect("1 - tanh(x)**2"), 17)), rel=1e-13)


def test_refusals():
    compiled = DualFunction(np.tanh, 1.0)
    with pytest.raises(InputError, match=r"outside \[-1, 1\]"):
        compiled(1.5)
    with pytest.raises(InputError, match="either c or one_minus_c"):
        compiled.defect()
    with pytest.raises(InputError, match="free parameters"):
        ft.activation("leaky_relu").dual_function(1)
    with pytest.raises(InputError, match="q = 0"):
        ft.activation("relu").dual_function(0)
    assert math.isfinite(float(compiled(0.5)))
