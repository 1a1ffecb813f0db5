"""Hermite coefficients for symbolic k against those of every given k; the Mehler series against the dual."""

import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.activations import ENTRIES
from fimtheory.errors import InputError, NoClosedForm
from fimtheory.gaussian.quantity import number
from tests.oracles import close, gauss

k = sp.Symbol("k", integer=True, nonnegative=True)
q, c = sp.Symbol("q", positive=True), sp.Symbol("c", real=True)
WITHOUT = {"elu", "selu", "celu", "gabor"}  # an exponential beside a kink, a Gaussian times a wave
WITH = [entry.name for entry in ENTRIES if ft.activation(entry.name).has_closed_form and entry.name not in WITHOUT]


@pytest.mark.parametrize("name", WITH)
def test_general_formula(name):
    """At k = 0..12, the derivations for a given k share no rule with the general one."""
    phi = ft.activation(name)
    general, values = phi.hermite(k), {p.symbol: p.samples[1] for p in phi.parameter_list}
    for degree in range(13):
        found = sp.N(general.subs(k, degree).doit().subs(values), 30)
        exact = sp.N(phi.hermite(degree).subs(values), 30)
        assert abs(found - exact) < 1e-24, degree


def test_a_general_formula_at_a_large_degree():
    """b_40 of GELU and ReLU by mpmath's quadrature at 60 digits."""
    for name, f in (("gelu", lambda z: z * mp.ncdf(z)), ("relu", lambda z: max(z, mp.mpf(0)))):
        with mp.workdps(60):
            exact = gauss(lambda z, f=f: f(z) * mp.hermite(40, z / mp.sqrt(2)) / 2**20, (0,), digits=55)
            exact /= mp.sqrt(mp.factorial(40))
            found = mp.mpf(str(sp.N(ft.activation(name).hermite(k).subs(k, 40), 30)))
            assert close(found, exact, 20)
            assert not close(1.03 * found, exact, 20)


def test_printed_forms():
    assert str(ft.activation("exp").hermite(k)) == "exp(1/2)/sqrt(factorial(k))"
    assert str(ft.activation("sin").hermite(k)) == "exp(-1/2)*sin(pi*k/2)/sqrt(factorial(k))"
    relu = ft.activation("relu").hermite(k)
    assert relu.args[0] == (sp.S.Half, sp.Eq(k, 1))
    assert ft.activation("cubic").hermite(k).args[-1] == (0, True)


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_no_general_formula(name):
    with pytest.raises(NoClosedForm, match="no general formula in k is known"):
        ft.activation(name).hermite(k)


def test_coefficients_at_a_variance():
    phi = ft.activation("hardtanh")
    exact = gauss(
        lambda z: max(-1, min(1, mp.sqrt(mp.mpf("1.7")) * z)) * (z**3 - 3 * z), (-1 / mp.sqrt(1.7), 1 / mp.sqrt(1.7))
    )
    found = number(phi.hermite(3, sp.Rational(17, 10)), 18)
    assert close(found, exact / mp.sqrt(6), 13)
    assert number(phi.hermite(3, q).subs(q, sp.Rational(17, 10)), 18) == pytest.approx(found, rel=1e-15)


@pytest.mark.parametrize("name", ["relu", "erf", "tanh", "hardtanh", "softsign"])
def test_mehler_series(name):
    """The dual lies within the bound of its series; 3 % more does not."""
    phi, variance, at = ft.activation(name), sp.Rational(3, 2), sp.Rational(2, 5)
    series = phi.mehler(8, variance)
    dual = number(phi.dual(variance, at), 18)
    gap = abs(number(series(at), 18) - dual)
    assert gap <= number(series.bound(at), 18) + mp.mpf(10) ** -16
    assert abs(number(series(at), 18) - mp.mpf("1.03") * dual) > number(series.bound(at), 18)
    assert len(series.squares) == 8


def test_refusals():
    phi = ft.activation("relu")
    for bad in (-1, 1.5, True, "3", sp.Symbol("k")):
        with pytest.raises(InputError, match="the degree must be an integer"):
            phi.hermite(bad)
    with pytest.raises(InputError, match="number of terms"):
        phi.mehler(0)
