"""The object: what it shows, its parameters, its derived activations, and its errors."""

import numpy as np
import pytest
import sympy as sp

import fimtheory as ft
from fimtheory.activations import ENTRIES, Parameter, gallery
from fimtheory.activations.gallery import BY_NAME
from fimtheory.errors import FimtheoryError, InputError, JumpError, ParseError
from fimtheory.gaussian.quantity import number

x = sp.Symbol("x", real=True)


def test_repr():
    assert repr(ft.activation("relu")) == "Activation('relu', Max(0, x))"
    assert repr(ft.activation("leaky_relu")).endswith("parameters=(alpha,))")
    assert ft.activation("leaky_relu", alpha="1/5").name == "leaky_relu(alpha=1/5)"
    assert ft.activation("erf(s*x)", s=2).name == "erf(s*x)"


def test_latex():
    assert ft.activation("gelu")._repr_latex_() == r"$\displaystyle \phi(x) = x \Phi\left(x\right)$"


def test_gallery():
    assert gallery() == tuple(entry.name for entry in ENTRIES)
    required = (
        "linear relu leaky_relu relu_squared abs step sign hardtanh elu gelu silu softplus sigmoid tanh erf sin gaussian"
        " f_opt srelu erf_alpha"
    )
    assert set(required.split()) <= set(gallery())
    assert len(BY_NAME) == sum(1 + len(entry.aliases) for entry in ENTRIES)


@pytest.mark.parametrize("alias", sorted(set(BY_NAME) - set(gallery())))
def test_aliases(alias):
    assert ft.activation(alias) == ft.activation(BY_NAME[alias].name)


def test_three_ways_in():
    assert ft.activation("gelu") == ft.activation("x*Phi(x)") == ft.activation(ft.activation("gelu"))
    y = sp.Symbol("y")
    assert ft.activation(sp.tanh(y)) == ft.activation("tanh")
    b = sp.Symbol("b", positive=True)
    phi = ft.activation(sp.tanh(b * x))
    assert [p.domain for p in phi.parameter_list] == ["positive"]


def test_equality_and_hash():
    one, other = ft.activation("relu"), ft.activation("max(0, x)")
    assert one == other
    assert hash(one) == hash(other)
    assert one != ft.activation("abs")
    assert one != "relu"
    assert len({one, other, ft.activation("tanh")}) == 2


def test_parameters():
    phi = ft.activation("leaky_relu")
    (alpha,) = phi.parameters
    assert alpha.name == "alpha"
    assert phi.eta == (1 + alpha**2) / 2
    assert phi.at(alpha="1/5").eta == sp.Rational(13, 25)
    assert phi.with_values({"alpha": sp.S.Zero}) == ft.activation("relu")
    assert ft.activation("leaky_relu", alpha=0.5) == ft.activation("leaky_relu", alpha="1/2")
    assert ft.activation("relu").parameters == ()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ft.activation("leaky_relu", beta=1), "no parameter 'beta': its parameters are alpha"),
        (lambda: ft.activation("relu", alpha=1), "it has no parameters"),
        (lambda: ft.activation("relu").at(alpha=1), "it has no parameters"),
        (lambda: ft.activation("leaky_relu").at(beta=1), "its parameters are alpha"),
        (lambda: ft.activation("relu", parameters={"s": "positive"}), "has no parameter 's'"),
        (lambda: ft.activation("elu", alpha=-1), "alpha = -1 is not positive"),
        (lambda: ft.activation("elu").at(alpha=0), "not positive"),
        (lambda: ft.activation("elu", alpha=True), "is not a number"),
        (lambda: ft.activation("elu", alpha="x"), "unknown name 'x'"),
        (lambda: ft.activation("elu", alpha=float("nan")), "not a"),
        (lambda: ft.activation("s*x", parameters={"s": "odd"}), "unknown domain 'odd'"),
        (lambda: ft.activation("q*x", parameters={"q": "real"}), "cannot name a parameter"),
        (lambda: ft.activation("x", parameters={"exp": "real"}), "cannot name a parameter"),
        (lambda: ft.activation(3), "is a name, a formula or a SymPy expression, not int"),
        (lambda: ft.activation(sp.Symbol("u") * sp.Symbol("v")), "which symbol is the variable"),
        (lambda: ft.activation("tanh").hermite(-1), "must be an integer"),
        (lambda: ft.activation("tanh").hermite(1.5), "must be an integer"),
        (lambda: ft.activation("tanh").second_moment(-1), "not a non-negative number"),
        (lambda: ft.activation("tanh").dual(-1, 0), "not a non-negative number"),
        (lambda: ft.activation("tanh").dual(1, "3/2"), r"outside \[-1, 1\]"),
        (lambda: ft.activation("tanh").dual(1, sp.I), r"outside \[-1, 1\]"),
        (lambda: ft.activation("leaky_relu")(1.0), "has free parameters .*alpha=1/5"),
    ],
)
def test_errors(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("domain", ["real", "positive", "negative", "nonnegative"])
def test_domains(domain):
    parameter = Parameter("a", domain)
    for value in parameter.samples:
        assert parameter.check(value) == value
    outside = {"real": sp.I, "positive": sp.S.Zero, "negative": sp.S.One, "nonnegative": sp.S.NegativeOne}[domain]
    with pytest.raises(InputError, match=f"not {domain}"):
        parameter.check(outside)


def test_derivative():
    np.testing.assert_array_equal(ft.activation("relu").derivative(np.array([-2.0, 3.0])), [0, 1])
    assert (ft.activation("tanh").derivative.mean ** 2 - ft.activation("tanh").zeta).evalf(20) < 1e-18
    assert ft.activation("relu_squared").derivative.eta == ft.activation("relu_squared").eta_prime
    assert ft.activation("sin").derivative == ft.activation("cos(x)")
    with pytest.raises(JumpError, match="jumps by 2"):
        _ = ft.activation("sign").derivative


@pytest.mark.parametrize("name", ["relu", "gelu", "exp(x)", "leaky_relu", "x**2 + x", "hardtanh"])
def test_centred_and_normalised(name):
    phi = ft.activation(name)
    raw = phi.eta
    assert sp.simplify(phi.centred().mean) == 0
    assert sp.simplify(phi.normalised().eta - 1) == 0
    assert sp.simplify(phi.centred().normalised().eta - 1) == 0
    assert sp.simplify(phi.centred().eta - raw + phi.mean**2) == 0
    assert phi.eta == raw  # the raw function is left alone


def test_normalised_without_closed_form():
    both = ft.activation("softplus").centred().normalised()
    assert abs(both.mean.evalf(20)) < 1e-18
    assert abs(both.eta.evalf(20) - 1) < 1e-18


def test_calls():
    phi = ft.activation("relu")
    grid = np.linspace(-2, 2, 5)
    np.testing.assert_array_equal(phi(grid), [0, 0, 0, 1, 2])
    assert phi(3.0) == 3
    assert phi(grid.reshape(5, 1)).shape == (5, 1)
    np.testing.assert_array_equal(phi.numpy_derivative(grid), [0, 0, phi.numpy_derivative(0.0), 1, 1])


def test_kinks_and_closed_forms():
    assert ft.activation("hardtanh").kinks == (-1, 1)
    assert ft.activation("tanh").kinks == ()
    closed = {entry.name for entry in ENTRIES if ft.activation(entry.name).has_closed_form}
    outside = """sigmoid log_sigmoid silu swish_beta quick_gelu softplus softplus_beta smooth_leaky_relu logish tanh
    lecun_tanh tanhshrink
    gelu_tanh mish serf tanhexp arctan softsign isru isrlu squareplus bent_identity"""
    assert set(gallery()) - closed == set(outside.split())


def test_errors_are_of_the_family():
    assert issubclass(ParseError, InputError)
    assert issubclass(InputError, ValueError)
    assert issubclass(InputError, FimtheoryError)


@pytest.mark.parametrize("name", ["isrlu", "softplus"])
def test_centring_without_closed_mean(name):
    """The subtracted integral is a constant, kinks or not: its own bound variable is not split with the outer one."""
    phi = ft.activation(name)
    phi = phi.at(alpha=1) if phi.parameters else phi
    centred = phi.centred()
    assert abs(number(centred.mean, 20)) < 1e-15
    assert abs(number(centred.eta, 20) - (number(phi.eta, 20) - number(phi.mean, 20) ** 2)) < 1e-15
