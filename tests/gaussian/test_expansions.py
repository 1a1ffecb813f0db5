"""The ends of the dual: its first non-analytic term against high-precision duals, its limits against small and large q."""

import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.errors import InputError, NoClosedForm
from fimtheory.gaussian.quantity import number

q, c = sp.Symbol("q", positive=True), sp.Symbol("c", real=True)
AT = sp.Rational(7, 5)
EXPONENTS = {
    "step": sp.Rational(1, 2),
    "sign": sp.Rational(1, 2),
    "hardshrink": sp.Rational(1, 2),
    "ternary": sp.Rational(1, 2),
    "relu": sp.Rational(3, 2),
    "leaky_relu": sp.Rational(3, 2),
    "hardtanh": sp.Rational(3, 2),
    "elu": sp.Rational(3, 2),
    "shifted_relu": sp.Rational(3, 2),
    "hard_swish": sp.Rational(3, 2),
    "relu_squared": sp.Rational(5, 2),
    "celu": sp.Rational(5, 2),
    "relu_cubed": sp.Rational(7, 2),
}


def fixed(name: str) -> ft.Activation:
    phi = ft.activation(name)
    return phi.with_values({p.name: p.samples[0] for p in phi.parameter_list})


@pytest.mark.parametrize("name", EXPONENTS)
@pytest.mark.parametrize("end", [1, -1])
def test_first_singular_term(name, end):
    """What the analytic terms leave, divided by e^exponent, tends to the coefficient like e^(1/2) or e."""
    phi = fixed(name)
    expansion = phi.expansion(AT, end)
    if expansion.exponent is None:  # at c = -1, where no kink faces another
        assert end == -1
        assert name == "shifted_relu"
        return
    if end == 1:
        assert expansion.exponent == EXPONENTS[name]
    gaps = []
    for power in (8, 10, 12):
        e = sp.Rational(1, 10**power)
        dual = number(phi.dual(AT, end * (1 - e)), 80)
        left = sp.Float(mp.nstr(dual, 80), 80) - sp.N(sum(a * e**j for j, a in enumerate(expansion.analytic)), 80)
        gaps.append(abs(left / e**expansion.exponent - expansion.coefficient.evalf(40)))
    size = abs(expansion.coefficient.evalf(40))
    assert gaps[-1] < 1e-4 * size
    assert gaps[1] < gaps[0] / 5
    assert gaps[2] < gaps[1] / 5
    assert gaps[-1] < 0.03 * size / 2  # 3 % off would show


def test_without_closed_form():
    """softsign: f'' jumps by -4 at 0."""
    expansion = ft.activation("softsign").expansion(1)
    assert expansion.exponent == sp.Rational(5, 2)
    assert sp.simplify(expansion.coefficient + 32 * sp.sqrt(2) / (15 * sp.pi)) == 0


def test_smooth_functions_have_no_singular_term():
    for name in ("gelu", "erf", "sin", "tanh"):
        expansion = ft.activation(name).expansion(q)
        assert expansion.exponent is None
        assert expansion.coefficient is None
    gelu = ft.activation("gelu").expansion(1)
    assert sp.simplify(gelu.analytic[1] + ft.activation("gelu").eta_prime) == 0


def test_symbolic_parameters():
    expansion = ft.activation("leaky_relu").expansion(q)
    alpha = ft.activation("leaky_relu").parameters[0]
    assert sp.simplify(expansion.coefficient - sp.sqrt(2) * q * (1 - alpha) ** 2 / (3 * sp.pi)) == 0


@pytest.mark.parametrize("name", ["relu", "gelu", "erf", "tanh", "hardtanh", "elu", "sin", "tanhshrink", "step"])
def test_small_variance(name):
    phi, tiny, at = fixed(name), sp.Rational(1, 10**10), sp.Rational(1, 3)
    leading = phi.small_variance(at)
    ratio = number(phi.dual(tiny, at), 25) / number(tiny**leading.power * leading.profile, 25)
    assert float(ratio) == pytest.approx(1, abs=1e-4)
    assert float(ratio) != pytest.approx(1.03, abs=1e-4)


@pytest.mark.parametrize(
    "name", ["relu", "gelu", "erf", "tanh", "hardtanh", "silu", "softplus", "hard_swish", "arctan", "isrlu"]
)
def test_large_variance(name):
    """The ratio tends to 1 like a power of q."""
    phi, at = fixed(name), sp.Rational(1, 3)
    leading = phi.large_variance(at)
    ratios = [
        float(number(phi.dual(size, at), 20) / number(size**leading.power * leading.profile, 20))
        for size in (10**4, 10**6)
    ]
    assert abs(ratios[1] - 1) <= abs(ratios[0] - 1) / 5 + 1e-15
    assert ratios[1] == pytest.approx(1, abs=0.03)


def test_refusals_and_forms():
    with pytest.raises(InputError, match="the ends are 1 and -1"):
        ft.activation("relu").expansion(1, end=0)
    with pytest.raises(NoClosedForm, match="not that of a power"):
        ft.activation("exp").large_variance()
    expansion = ft.activation("step").expansion(1)
    assert expansion.as_json()["exponent"] == "1/2"
    assert expansion._repr_latex_().startswith("$")
