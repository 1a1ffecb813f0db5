"""Weak derivatives with their deltas, and Gaussians that are not centred, against numbers computed here."""

import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.errors import JumpError
from fimtheory.gaussian.quantity import number
from tests.activation_oracles import ORACLES
from tests.oracles import close, gauss, gauss_pair

q, c, mu = sp.Symbol("q", positive=True), sp.Symbol("c", real=True), sp.Symbol("mu", real=True)
Q1, Q2, C = sp.Rational(3, 2), sp.Rational(2, 3), sp.Rational(-1, 3)


@pytest.mark.parametrize("f", ["step(x)", "sign(x - 1)", "where(x > 1/2, x**2, 0)", "tanh(x) + step(x + 1)"])
@pytest.mark.parametrize("g", ["relu(x)", "sin(x)", "step(x)"])
def test_mixed_weak_derivative(f, g):
    """Stein: E U f(U) g(V) = q1 E f'(U) g(V) + c sqrt(q1 q2) E f(U) g'(V)."""
    left = ft.expect_pair(f"x*({f})", g, Q1, Q2, C)
    one = ft.expect_pair(f, g, Q1, Q2, C, derivatives=(1, 0))
    two = ft.expect_pair(f, g, Q1, Q2, C, derivatives=(0, 1))
    right = number(Q1 * one + C * sp.sqrt(Q1 * Q2) * two, 25)
    assert close(number(left, 25), right, 18)
    assert not close(number(left, 25), mp.mpf("1.03") * right, 18)


def test_one_delta_at_equal_arguments():
    """E delta(Z) cos(Z) is the density at 0; a delta on a jump has no value, nor has a squared one."""
    assert ft.expect_pair("step(x)", "cos(x)", 1, 1, 1, derivatives=(1, 0)) == 1 / sp.sqrt(2 * sp.pi)
    with pytest.raises(JumpError):
        ft.expect_pair("step(x)", "step(x)", 1, 1, 1, derivatives=(1, 0))
    with pytest.raises(JumpError):
        ft.expect_pair("step(x)", "step(x)", 1, 1, 1, derivatives=(1, 1))


SHIFTED = ["relu", "step", "abs", "erf", "gelu", "exp", "sin", "hardtanh"]


@pytest.mark.parametrize("name", SHIFTED)
def test_one_variable_off_centre(name):
    """X ~ N(mu, q) with symbolic mu, at mu = 2/5 and q = 3/2."""
    found = number(ft.expect(name, q, mean=mu).subs({q: Q1, mu: sp.Rational(2, 5)}), 20)
    oracle, root = ORACLES[name], mp.sqrt(mp.mpf("1.5"))
    kinks = [(h - mp.mpf("0.4")) / root for h in map(mp.mpf, oracle.kinks)]
    exact = gauss(lambda z: oracle.f(mp.mpf("0.4") + root * z), kinks)
    assert close(found, exact, 14)
    assert not close(mp.mpf("1.03") * found, exact, 14)


@pytest.mark.parametrize("name", [*SHIFTED, "tanh"])
def test_two_variables_off_centre(name):
    means = (sp.Rational(2, 5), sp.Rational(-1, 2))
    found = number(ft.expect_pair(name, "cos", Q1, Q2, C, means=means), 20)
    f, s1, s2 = ORACLES[name].f, mp.sqrt(mp.mpf("1.5")), mp.sqrt(mp.mpf(2) / 3)
    kinks = [h - mp.mpf("0.4") for h in map(mp.mpf, ORACLES[name].kinks)]
    exact = gauss_pair(
        lambda u: f(u + mp.mpf("0.4")), lambda v: mp.cos(v - mp.mpf("0.5")), s1**2, s2**2, mp.mpf(-1) / 3, kinks, ()
    )
    assert close(found, exact, 11)
    assert not close(mp.mpf("1.03") * found, exact, 11)
