"""Numbers to N correct significant digits, and the object that carries them."""

import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.errors import InputError
from fimtheory.gaussian.quantity import Quantity, as_decimal, decimal, number

x = sp.Symbol("x", real=True)

# Digits of classical constants: pi, sqrt 2, e^pi sqrt 163 (OEIS A000796, A002193, A060295)
PI = "3.14159265358979323846264338327950288419716939937510"
ROOT2 = "1.41421356237309504880168872420969807856967187537694"


@pytest.mark.parametrize("digits", [1, 5, 16, 30, 50])
def test_digits_of_pi(digits):
    found = decimal(sp.pi, digits)
    assert len(found.replace(".", "").lstrip("0")) <= digits
    assert abs(mp.mpf(found) - mp.mpf(PI[: digits + 1])) <= mp.mpf(10) ** (1 - digits)
    with mp.workdps(60):
        assert abs(mp.mpf(found) - mp.mpf(PI)) <= mp.mpf(10) ** (1 - digits) / 2


@pytest.mark.parametrize(
    ("expression", "digits", "text"),
    [
        (sp.Rational(1, 3), 5, "0.33333"),
        (sp.Rational(2, 3), 5, "0.66667"),
        (sp.Rational(1, 8), 16, "0.125"),
        (sp.Integer(7), 16, "7"),
        (sp.S.Zero, 16, "0"),
        (-sp.sqrt(2), 20, "-1.4142135623730950488"),
        (sp.Rational(-1, 3), 3, "-0.333"),
        (sp.sqrt(2) ** 2 - 2, 10, "0"),
        (sp.cos(1) ** 2 + sp.sin(1) ** 2 - 1, 10, "0"),
        (sp.exp(sp.pi * sp.sqrt(163)), 34, "262537412640768743.9999999999992501"),
        (sp.exp(sp.pi * sp.sqrt(163)) - 262537412640768744, 5, "-7.4993e-13"),
        (sp.Rational(1, 10**12), 4, "1.0e-12"),
        (sp.Integer(10) ** 30, 4, "1.0e+30"),
    ],
)
def test_decimal(expression, digits, text):
    assert decimal(expression, digits) == text


def test_rounding():
    assert as_decimal(mp.mpf("2.4999999"), 3) == "2.5"
    assert as_decimal(mp.mpf("0.0123456"), 3) == "0.0123"
    assert decimal(sp.Rational(99999, 100000), 3) == "1"


def test_integrals_have_as_many_digits_as_asked_for():
    eta = ft.activation("tanh").eta
    many = decimal(eta, 40)
    for digits in (5, 16, 25):
        with mp.workdps(60):
            assert abs(mp.mpf(decimal(eta, digits)) - mp.mpf(many)) <= mp.mpf(10) ** -digits


def test_free_symbols_have_no_value():
    quantity = Quantity(ft.activation("leaky_relu").eta)
    assert quantity.value() is None
    assert quantity.as_json()["value"] is None
    assert quantity.as_json()["formula"] == "alpha**2/2 + 1/2"


def test_status():
    exact, numerical = Quantity(ft.activation("relu").mean), Quantity(ft.activation("tanh").eta)
    assert (exact.status, numerical.status) == ("exact", "certified")
    assert numerical.as_json()["formula"] is None
    assert r"\int" in numerical.latex
    assert exact._repr_latex_() == r"$\displaystyle \frac{1}{\sqrt{2 \pi}}$"
    assert exact.value(30) == "0.398942280401432677939946059934"  # 1/sqrt(2 pi), OEIS A231863


def test_number_with_values():
    q = sp.Symbol("q", positive=True)
    assert number(2 * q, 16, {q: mp.mpf(1) / 4}) == mp.mpf("0.5")
    with pytest.raises(InputError, match="no value"):
        number(q, 16)
    with pytest.raises(InputError, match="digits cannot be given"):
        number(sp.pi, 0)
