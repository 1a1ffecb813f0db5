"""E f(U) and E f(U) g(V) at unequal variances, of unequal functions, at jumps and at the ends of every range.

Golden values are classical formulas, named beside them.
"""

import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.errors import DivergentExpectation, InputError, JumpError
from fimtheory.functions import Phi, sigmoid
from fimtheory.gaussian.expectation import Expectation, PairExpectation, expectation, pair_expectation
from fimtheory.gaussian.quantity import number
from tests.oracles import close, gauss

x = sp.Symbol("x", real=True)
c = sp.Symbol("c", real=True)
q1, q2, q = sp.symbols("q1 q2 q", positive=True)
h = sp.Symbol("h", positive=True)
root1, root2 = sp.sqrt(q1), sp.sqrt(q2)
r = c * root1 * root2
step, relu = sp.Heaviside(x), sp.Max(x, 0)
AT = [
    {q1: sp.Rational(2, 3), q2: sp.Rational(7, 4), c: sp.Rational(-2, 5), h: sp.Rational(3, 4), q: sp.Rational(9, 7)},
    {q1: sp.Rational(5), q2: sp.Rational(1, 8), c: sp.Rational(6, 7), h: sp.Rational(1, 5), q: sp.Rational(1, 6)},
]


def agree(left: sp.Expr, right: sp.Expr, digits: int = 40) -> bool:
    return all(abs((left - right).subs(at).evalf(digits + 10)) < sp.Float(10, 50) ** -digits for at in AT)


def density(u, q):
    return sp.exp(-(u**2) / (2 * q)) / sp.sqrt(2 * sp.pi * q)


def joint_density(u, v):
    """Of (U, V) at (u, v)."""
    s = 1 - c**2
    form = (u**2 / q1 - 2 * c * u * v / (root1 * root2) + v**2 / q2) / s
    return sp.exp(-form / 2) / (2 * sp.pi * root1 * root2 * sp.sqrt(s))


PAIRS = {
    # Isserlis
    "x, x^3": (x, x**3, 3 * r * q2),
    "x^2, x^2": (x**2, x**2, q1 * q2 + 2 * r**2),
    # Stein: E g(V) U = r E g'(V)
    "x, sign": (x, sp.sign(x), r * 2 * density(0, q2)),
    "x, exp": (x, sp.exp(x), r * sp.exp(q2 / 2)),
    "x, erf": (x, sp.erf(x), 2 * r / sp.sqrt(sp.pi * (1 + 2 * q2))),
    # characteristic functions
    "exp, sin": (sp.exp(x), sp.sin(x), sp.exp((q1 - q2) / 2) * sp.sin(r)),
    "exp, exp": (sp.exp(x), sp.exp(-2 * x), sp.exp(q1 / 2 + 2 * q2 - 2 * r)),
    # Sheppard; E sign(U) P(Z < V) with V - Z of variance 1 + q2
    "sign, sign": (sp.sign(x), sp.sign(x), 2 / sp.pi * sp.asin(c)),
    "sign, 2 Phi - 1": (sp.sign(x), 2 * Phi(x) - 1, 2 / sp.pi * sp.asin(c * root2 / sp.sqrt(1 + q2))),
    "erf, erf": (
        sp.erf(x),
        sp.erf(x),
        2 / sp.pi * sp.asin(2 * r / sp.sqrt((1 + 2 * q1) * (1 + 2 * q2))),
    ),
    # E U 1[U > 0] 1[V > 0] = sqrt(q1)(1 + c)/(2 sqrt(2 pi)): Stein's two boundary terms
    "relu, step": (relu, step, root1 * (1 + c) / (2 * sp.sqrt(2 * sp.pi))),
    # Cho and Saul at unequal norms
    "relu, relu": (
        relu,
        relu,
        root1 * root2 / (2 * sp.pi) * (sp.sqrt(1 - c**2) + c * (sp.pi - sp.acos(c))),
    ),
    # trigonometric phases: nothing imaginary is left in what is printed
    "cos shifted, x": (sp.cos(2 * x - 1), x, 2 * r * sp.exp(-2 * q1) * sp.sin(1)),
    "exp sin, x": (sp.exp(x) * sp.sin(x), x, r * (sp.sin(q1) + sp.cos(q1))),
    "cos shifted, itself": (
        sp.cos(x + h),
        sp.cos(x + h),
        sp.exp(-(q1 + q2) / 2) * (sp.exp(r) + sp.exp(-r) * sp.cos(2 * h)) / 2,
    ),
    # det(I + A Sigma)^(-1/2), A = diag(1, 2)
    "gaussian, gaussian": (
        sp.exp(-(x**2) / 2),
        sp.exp(-(x**2)),
        1 / sp.sqrt((1 + q1) * (1 + 2 * q2) - 2 * r**2),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name):
    f, g, known = PAIRS[name]
    found = pair_expectation(f, g, x, q1, q2, c)
    assert agree(found, known)
    assert not found.has(sp.I)
    assert not agree(found, sp.Rational(103, 100) * known)
    swapped = pair_expectation(g, f, x, q2, q1, c)
    assert agree(swapped, known)


WEAK = {
    # the delta of sign is 2 delta(x), of step delta(x)
    "sign, sign": (sp.sign(x), sp.sign(x), 4 * joint_density(0, 0)),
    "step, sign": (step, sp.sign(x), 2 * joint_density(0, 0)),
    "step at h, step": (sp.Heaviside(x - h), step, joint_density(h, 0)),
    "step at h, step at -1": (sp.Heaviside(x - h), sp.Heaviside(x + 1), joint_density(h, -1)),
    "sign, relu": (sp.sign(x), relu, 2 * density(0, q1) / 2),
    "sign, x^2": (sp.sign(x - h), x**2, 2 * density(h, q1) * 2 * c * root2 * h / root1),
    "x + step, x": (x + step, x, 1 + density(0, q1)),
    "relu, abs": (relu, sp.Abs(x), sp.asin(c) / sp.pi),
}


@pytest.mark.parametrize("name", WEAK)
def test_weak_derivatives(name):
    f, g, known = WEAK[name]
    found = pair_expectation(f, g, x, q1, q2, c, derivatives=True)
    assert agree(found, known)
    assert not agree(found, sp.Rational(103, 100) * known)


@pytest.mark.parametrize(
    ("f", "known"),
    [
        (x**6, 15 * q**3),
        (sp.cos(3 * x), sp.exp(-9 * q / 2)),
        (sp.exp(-2 * x), sp.exp(2 * q)),
        (sp.Abs(x) ** 3, 4 * q * sp.sqrt(q) / sp.sqrt(2 * sp.pi)),
        (Phi(2 * x + h), Phi(h / sp.sqrt(1 + 4 * q))),
        (sp.Max(x - h, 0), sp.sqrt(q) * density(h / sp.sqrt(q), 1) - h * Phi(-h / sp.sqrt(q))),  # Bachelier
        (sp.Heaviside(x) * (sp.exp(x) - 1), sp.exp(q / 2) * Phi(sp.sqrt(q)) - sp.S.Half),  # Black and Scholes
        (x * sp.erf(x), 2 * q / sp.sqrt(sp.pi * (1 + 2 * q))),
        (sp.exp(x**2 / 100), 1 / sp.sqrt(1 - q / 50)),
    ],
    ids=str,
)
def test_one_variable(f, known):
    found = expectation(f, x, sp.Rational(1, 6))
    known = known.subs(q, sp.Rational(1, 6))
    assert agree(found, known)
    assert not agree(found, sp.Rational(103, 100) * known)


def test_jumps():
    with pytest.raises(JumpError, match="jumps by 2 at x = 0"):
        pair_expectation(sp.sign(x), x, x, q, q, sp.S.One, derivatives=True)
    with pytest.raises(JumpError):
        pair_expectation(sp.sign(x), sp.sign(x), x, q, q, sp.S.NegativeOne, derivatives=True)
    with pytest.raises(JumpError, match="no closed form"):
        pair_expectation(step * sp.tanh(x + 1), x, x, q, q, c, derivatives=True)
    with pytest.raises(JumpError, match="ambiguous"):
        expectation(sp.sign(x), x, sp.S.Zero)
    with pytest.raises(JumpError):
        ft.activation("sign").second_moment_derivative(1)


@pytest.mark.parametrize(
    ("f", "g", "ends"),
    [
        # at c = 1, -1, 0; E relu = sqrt(q/(2 pi)) etc.
        (relu, relu, (q / 2, 0, q / (2 * sp.pi))),
        (relu, sp.Abs(x), (q / 2, q / 2, q / sp.pi)),
        (x, x**3, (3 * q**2, -3 * q**2, 0)),
        (sp.exp(x), sp.exp(x), (sp.exp(2 * q), 1, sp.exp(q))),
        (sp.sign(x), sp.sign(x), (1, -1, 0)),
        (step, x, (sp.sqrt(q / (2 * sp.pi)), -sp.sqrt(q / (2 * sp.pi)), 0)),
    ],
    ids=str,
)
def test_ends_of_the_correlation(f, g, ends):
    for correlation, known in zip((1, -1, 0), ends, strict=True):
        assert agree(pair_expectation(f, g, x, q, q, sp.Integer(correlation)), sp.sympify(known)), correlation


def test_ends_of_the_correlation_at_unequal_variances():
    found = pair_expectation(relu, relu, x, q1, q2, sp.S.One)
    assert agree(found, root1 * root2 / 2)
    assert agree(pair_expectation(x, sp.exp(x), x, q1, q2, sp.S.NegativeOne), -root1 * root2 * sp.exp(q2 / 2))


def test_vanishing_variance():
    assert expectation(sp.cos(x) + relu, x, sp.S.Zero) == 1
    assert pair_expectation(sp.exp(x), x**2, x, sp.S.Zero, q, c) == q
    assert pair_expectation(sp.cos(x), sp.cos(x), x, sp.S.Zero, sp.S.Zero, c) == 1
    assert ft.activation("tanh").dual(0, c) == 0


def test_divergence():
    with pytest.raises(DivergentExpectation):
        expectation(sp.exp(x**2), x, sp.S.One)
    with pytest.raises(DivergentExpectation, match="converges only where"):
        expectation(sp.exp(x**2), x, q)


def test_no_closed_form_is_a_named_integral():
    mean = expectation(sp.tanh(x) ** 2, x, q)
    assert isinstance(mean, Expectation)
    assert mean.free_symbols == {q}
    assert mean.subs(x, 3) == mean
    pair = pair_expectation(sp.tanh(x), sigmoid(x), x, q1, q2, c)
    assert isinstance(pair, PairExpectation)
    assert pair.free_symbols == {q1, q2, c}
    assert pair.subs(x, 3) == pair


def test_symmetry_gives_what_no_atom_can():
    assert expectation(sp.tanh(x) ** 3, x, q) == 0
    assert expectation(sigmoid(x), x, q) == sp.S.Half
    assert expectation(x * sp.log(1 + sp.exp(x)), x, q) == q / 2


def test_where_the_normal_distribution_function_would_be_complex():
    """A kink beside a wave: by symmetry where that helps, an integral otherwise, never a complex formula."""
    half_wave = sp.Heaviside(x) * sp.cos(x)
    assert expectation(half_wave, x, sp.S.One) == sp.exp(-sp.S.Half) / 2
    pair = pair_expectation(half_wave, half_wave, x, sp.S.One, sp.S.One, sp.S.Half)
    assert isinstance(pair, PairExpectation)
    # E cos(Z) 1[Z > 1], by the oracle's quadrature
    tail = expectation(sp.Heaviside(x - 1) * sp.cos(x), x, sp.S.One)
    assert close(number(tail, 16), gauss(lambda z: mp.cos(z) if z > 1 else mp.mpf(0), (1,)), 15)


@pytest.mark.parametrize("c", [sp.S.Half, sp.Rational(-2, 3)], ids=str)
def test_a_singularity_that_can_be_integrated(c):
    """E log|U| log|V| = (gamma + log 2)^2/4 + asin(c)^2/2; its derivative in c is E 1/(UV) = asin(c)/sqrt(1 - c^2)."""
    with mp.workdps(30):
        golden = (mp.euler + mp.log(2)) ** 2 / 4 + mp.asin(mp.mpf(c.p) / c.q) ** 2 / 2
    found = number(ft.activation("log(abs(x))").dual(1, c), 16)
    assert close(found, golden, 14)
    assert not close(mp.mpf("1.03") * found, golden, 14)


def test_waves_of_a_square():
    """E cos(Z^2) = Re (1 - 2i)^(-1/2), outside the class but no divergence."""
    assert close(number(expectation(sp.cos(x**2), x, sp.S.One), 16), mp.re(1 / mp.sqrt(1 - 2j)), 15)


def test_digits_of_a_named_integral():
    """E tanh(Z)^2 and E tanh(U) tanh(V) with 30 digits agree with those of a wider precision."""
    mean = Expectation(sp.tanh(x) ** 2, x, sp.S.One)
    assert close(mean.evalf(30), mean.evalf(45), 29)
    pair = PairExpectation(sp.tanh(x), sp.tanh(x), x, sp.S.One, sp.Integer(2), sp.Rational(-1, 3))
    assert close(pair.evalf(30), pair.evalf(45), 29)
    assert close(number(pair, 16), pair.evalf(45), 15)


def test_public_functions():
    assert ft.expect("x**4", 2) == 12
    assert ft.expect_pair("sign(x)", "sign(x)", 1, 3, c) == 2 * sp.asin(c) / sp.pi
    with pytest.raises(InputError):
        ft.expect("x**")
