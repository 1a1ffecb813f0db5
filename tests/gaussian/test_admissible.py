"""What may be asked about at all, and what is refused before any calculus."""

import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.errors import DivergentExpectation, InputError
from fimtheory.gaussian.quantity import number
from tests.oracles import close


@pytest.mark.parametrize("formula", ["exp(x**2)", "exp(x**4)", "exp(x**2/4)", "exp(exp(x))", "x*exp(x**2/3)"])
def test_growth_is_refused(formula):
    with pytest.raises(DivergentExpectation, match="grows too fast"):
        ft.activation(formula)


@pytest.mark.parametrize("formula", ["1/x", "tan(x)", "abs(x)**(-3/4)", "1/(x**2 - 2)", "1/sin(x)", "1/(1 - exp(x))"])
def test_singularities_are_refused(formula):
    with pytest.raises(DivergentExpectation, match=r"singularity at x = .* too strong"):
        ft.activation(formula)


@pytest.mark.parametrize("formula", ["log(x)", "sqrt(x)", "sqrt(x - 20) + sqrt(1 - x)", "x**(1/3)", "log(1 - x**2)"])
def test_what_is_not_real_is_refused(formula):
    with pytest.raises(InputError, match="not a real number at x = "):
        ft.activation(formula)


@pytest.mark.parametrize("formula", ["sqrt(-2)*x", "log(-1) + x", "log(sqrt(-1)*x)", "(-2)**(1/3)*relu(x)"])
def test_complex_constants_are_refused(formula):
    with pytest.raises(InputError, match="not a real function: it contains"):
        ft.activation(formula)


@pytest.mark.parametrize(
    ("formula", "exact"),
    [
        # E |Z|^s = 2^(s/2) Gamma((s + 1)/2)/sqrt(pi)
        ("abs(x)**(-1/4)", lambda: mp.mpf(2) ** -0.125 * mp.gamma(mp.mpf(3) / 8) / mp.sqrt(mp.pi)),
        ("abs(x)**(1/2)", lambda: mp.mpf(2) ** 0.25 * mp.gamma(mp.mpf(3) / 4) / mp.sqrt(mp.pi)),
        # E log|Z| = -(gamma + log 2)/2
        ("log(abs(x))", lambda: -(mp.euler + mp.log(2)) / 2),
        # E sin(Z)/Z = int_0^1 E cos(t Z) dt
        ("sin(x)/x", lambda: mp.sqrt(mp.pi / 2) * mp.erf(1 / mp.sqrt(2))),
        ("exp(x**2/5)", lambda: 1 / mp.sqrt(mp.mpf(3) / 5)),
        ("exp(x)", lambda: mp.sqrt(mp.e)),
        ("where(x > 1, sqrt(x), 1)", None),
        ("exp(-x**4)", None),
        ("1/(1 + x**2)", lambda: mp.sqrt(mp.pi * mp.e / 2) * mp.erfc(1 / mp.sqrt(2))),  # Mills' ratio
    ],
)
def test_acceptances(formula, exact):
    phi = ft.activation(formula)
    if exact is not None:
        with mp.workdps(40):
            golden = exact()
        assert close(number(phi.mean, 18), golden, 15)
        assert not close(mp.mpf("1.03") * number(phi.mean, 18), golden, 15)


def test_a_derivative_may_be_too_singular():
    phi = ft.activation("abs(x)**(1/3)")
    assert number(phi.eta, 10) > 0
    with pytest.raises(InputError, match=r"derivative of .* singularity"):
        _ = phi.eta_prime


def test_parameters_take_generic_values():
    assert ft.activation("exp(s*x)", parameters={"s": "positive"}).eta == sp.exp(2 * sp.Symbol("s", positive=True) ** 2)
