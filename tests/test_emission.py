"""One expression, four targets: what NumPy, mpmath and ball arithmetic make of it, against mpmath by hand."""

import warnings

import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx
from mpmath import mp

import fimtheory as ft
from fimtheory.emission import emit
from fimtheory.errors import InputError, NotCertified
from fimtheory.functions import BivariateNormalCDF, Phi, sigmoid, softplus
from fimtheory.gaussian.field import VARIANCE

x, y = sp.Symbol("x", real=True), sp.Symbol("y", real=True)


def _piecewise(t):
    return mp.expm1(t) if t < 0 else t * t


# expression in x, the same by hand in mpmath
FUNCTIONS = [
    (sp.Max(x, 0, sp.Rational(1, 3)), lambda t: max(t, mp.mpf(1) / 3)),
    (sp.Min(x, 1) ** 2, lambda t: min(t, mp.mpf(1)) ** 2),
    (sp.Max(-1, sp.Min(1, x)), lambda t: max(-mp.mpf(1), min(mp.mpf(1), t))),
    (sp.Piecewise((sp.exp(x) - 1, x < 0), (x**2, True)), _piecewise),
    (sp.Heaviside(x) + x, lambda t: t + (1 if t > 0 else mp.mpf(1) / 2 if t == 0 else 0)),
    (sp.sign(x) * 2, lambda t: 2 * mp.sign(t)),
    (sp.Abs(x) ** 3, lambda t: abs(t) ** 3),
    (Phi(x), lambda t: mp.erfc(-t / mp.sqrt(2)) / 2),
    (x * Phi(2 * x - 1), lambda t: t * mp.erfc((1 - 2 * t) / mp.sqrt(2)) / 2),
    (sp.erf(x) + sp.erfc(2 * x), lambda t: mp.erf(t) + mp.erfc(2 * t)),
    (sigmoid(x), lambda t: 1 / (1 + mp.exp(-t))),
    (softplus(x), lambda t: mp.log(1 + mp.exp(t))),
    (sp.log(1 + sp.exp(x)), lambda t: mp.log(1 + mp.exp(t))),
    (1 / (1 + sp.exp(x)), lambda t: 1 / (1 + mp.exp(t))),
    (sp.tanh(x) * sp.cos(x) + sp.sinh(x / 3), lambda t: mp.tanh(t) * mp.cos(t) + mp.sinh(t / 3)),
    (sp.atan(x) + sp.asinh(x), lambda t: mp.atan(t) + mp.asinh(t)),
    (sp.asin(x / 20) - sp.acos(x / 20), lambda t: mp.asin(t / 20) - mp.acos(t / 20)),
    (sp.sqrt(1 + x**2) ** 3 / sp.pi + sp.E, lambda t: mp.sqrt(1 + t * t) ** 3 / mp.pi + mp.e),
    (sp.exp(-(x**2) / 2) * sp.sqrt(2), lambda t: mp.exp(-t * t / 2) * mp.sqrt(2)),
    (sp.Rational(1, 3) * x**-2 + sp.Float("0.1", 30) * 0, lambda t: 1 / (3 * t * t)),
]
GRID = [mp.mpf(n) / 8 for n in (-80, -27, -9, -1, 1, 5, 8, 30, 77)]
ids = [str(e) for e, _ in FUNCTIONS]


@pytest.mark.parametrize(("expression", "by_hand"), FUNCTIONS, ids=ids)
def test_numpy(expression, by_hand):
    function = emit(expression, x)
    with mp.workdps(30):
        exact = np.array([float(by_hand(t)) for t in GRID])
    found = function(np.array([float(t) for t in GRID]))
    np.testing.assert_allclose(found, exact, rtol=2e-14, atol=1e-15)
    assert [float(function(float(t))) for t in GRID] == pytest.approx(list(found), rel=1e-15)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(1.03 * found, exact, rtol=2e-14, atol=1e-15)


@pytest.mark.parametrize(("expression", "by_hand"), FUNCTIONS, ids=ids)
def test_mpmath(expression, by_hand):
    function = emit(expression, x, "mpmath")
    for t in GRID:
        with mp.workdps(45):
            exact = by_hand(t)
        with mp.workdps(35):
            assert abs(function(t) - exact) <= mp.mpf(10) ** -30 * max(1, abs(exact))


@pytest.mark.parametrize(("expression", "by_hand"), FUNCTIONS, ids=ids)
def test_balls_enclose(expression, by_hand):
    function = emit(expression, x, "ball")
    saved, ctx.dps = ctx.dps, 40
    try:
        for t in GRID:
            ball = function(arb(int(t * 8)) / 8)
            with mp.workdps(60):
                exact = by_hand(t)
                assert ball.is_finite()
                assert ball.rel_accuracy_bits() > 90 or abs(ball) < 1e-30
                assert ball.overlaps(arb(mp.nstr(exact, 55)))
                assert not ball.overlaps(arb(mp.nstr(exact * mp.mpf("1.03") + mp.mpf(10) ** -20, 55)))
    finally:
        ctx.dps = saved


def test_a_wide_ball_gives_a_wide_answer():
    ball = emit(sp.sin(x) + sp.Max(x, 0), x, "ball")(arb(1, 0.5))
    assert ball.contains(arb("1.75"))
    assert float(ball.rad()) > 0.5


def test_values_at_the_kink():
    assert float(emit(sp.Heaviside(x), x)(0.0)) == 0.5
    assert emit(sp.Heaviside(x), x, "mpmath")(0) == 0.5
    assert float(emit(sp.sign(x), x)(0.0)) == 0
    assert float(emit(sp.Max(x, 0), x)(0.0)) == 0


@pytest.mark.parametrize(
    ("expression", "limits"),
    [
        (sigmoid(x), (0, 1)),
        (softplus(x), (0, 1e4)),
        (sp.log(1 + sp.exp(x)), (0, 1e4)),
        (1 / (1 + sp.exp(x)), (1, 0)),
        (Phi(x), (0, 1)),
        (sp.tanh(x), (-1, 1)),
        (sp.Piecewise((sp.exp(x) - 1, x < 0), (x, True)), (-1, 1e4)),
        (sp.exp(-(x**2)), (0, 0)),
    ],
    ids=str,
)
def test_large_arguments(expression, limits):
    """No overflow, and no warning (warnings are errors here)."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(emit(expression, x)(np.array([-1e4, 1e4])), limits, atol=1e-300)


def test_shapes():
    function = emit(x * y, [x, y])
    assert function(np.ones((3, 1)), np.ones(4)).shape == (3, 4)
    assert np.ndim(function(2.0, 3.0)) == 0
    assert function(2, 3) == 6
    constant = emit(sp.Rational(1, 2), x)
    np.testing.assert_array_equal(constant(np.zeros((2, 3))), np.full((2, 3), 0.5))
    assert float(constant(1.0)) == 0.5
    assert emit(x, [x, y])(np.zeros(3), np.zeros((2, 1))).shape == (2, 3)
    assert float(emit(sp.pi, [])()) == pytest.approx(np.pi)
    assert emit(x**2, x)(np.float32(3)).dtype == np.float32


BIVARIATE = [  # h, k, rho
    (0.3, -0.7, 0.5),
    (-1.2, -0.4, -0.8),
    (2.0, 1.0, 0.95),
    (0.0, 0.6, -0.3),
    (-0.5, 0.0, 0.7),
    (0.0, 0.0, 0.25),
    (1.0, -1.0, 0.0),
    (0.4, 0.4, 0.999),
]


@pytest.mark.parametrize(("h", "k", "rho"), BIVARIATE)
def test_bivariate_normal(h, k, rho):
    """P(X < h, Y < k) = int_{-oo}^h phi(u) Phi((k - rho u)/sqrt(1 - rho^2)) du, by mpmath."""
    a, b, r = sp.symbols("a b r", real=True)
    with mp.workdps(30):
        root = mp.sqrt(1 - mp.mpf(rho) ** 2)
        cuts = sorted({mp.mpf(-12), mp.mpf(-4), *(mp.mpf(h) - mp.mpf(s) for s in ("0", "0.1", "0.5", "2"))})
        exact = mp.quad(lambda u: mp.npdf(u) * mp.ncdf((mp.mpf(k) - mp.mpf(rho) * u) / root), cuts)
    e = BivariateNormalCDF(a, b, r)
    assert float(emit(e, [a, b, r])(h, k, rho)) == pytest.approx(float(exact), rel=1e-13)
    with mp.workdps(25):
        assert abs(emit(e, [a, b, r], "mpmath")(mp.mpf(h), mp.mpf(k), mp.mpf(rho)) - exact) < mp.mpf(10) ** -20
    ball = emit(e, [a, b, r], "ball")(arb(h), arb(k), arb(rho))
    assert abs(float(ball.mid()) - float(exact)) <= float(ball.rad()) + 1e-15
    swapped = emit(e, [a, b, r])(k, h, rho)
    assert float(swapped) == pytest.approx(float(exact), rel=1e-13)
    assert abs(float(e.subs({a: h, b: k, r: rho}).evalf(20)) - float(exact)) < 1e-14


def test_bivariate_normal_at_the_ends():
    a, b, r = sp.symbols("a b r", real=True)
    function = emit(BivariateNormalCDF(a, b, r), [a, b, r])
    ndtr = emit(Phi(a), a)
    assert float(function(0.3, 0.8, 1.0)) == pytest.approx(float(ndtr(0.3)), rel=1e-14)
    assert float(function(0.3, 0.8, -1.0)) == pytest.approx(float(ndtr(0.3) + ndtr(0.8)) - 1, rel=1e-14)
    assert float(function(-0.3, -0.8, -1.0)) == 0
    assert function(np.zeros(3), 0.0, np.array([-0.5, 0.0, 0.5])) == pytest.approx([1 / 6, 1 / 4, 1 / 3], rel=1e-14)


def test_the_functions_know_their_calculus():
    """Derivatives against mpmath's numerical ones."""
    r = sp.Symbol("r", real=True)
    for e, s, at in (
        (Phi(x), x, {x: 0.7}),
        (sigmoid(x), x, {x: -0.4}),
        (softplus(x), x, {x: 1.1}),
        (BivariateNormalCDF(x, y, r), x, {x: 0.3, y: -0.2, r: 0.4}),
        (BivariateNormalCDF(x, y, r), y, {x: 0.3, y: -0.2, r: 0.4}),
        (BivariateNormalCDF(x, y, r), r, {x: 0.3, y: -0.2, r: 0.4}),
    ):
        symbols = list(at)
        function = emit(e, symbols, "mpmath")
        with mp.workdps(25):
            numeric = mp.diff(lambda t, f=function, s=s, at=at: f(*(t if v == s else at[v] for v in at)), at[s])
        assert float(emit(sp.diff(e, s), symbols)(*at.values())) == pytest.approx(float(numeric), rel=1e-12)


def test_integrals_have_vectorised_functions():
    """E tanh(U) tanh(V) as a function of (q, c), entry by entry the number of its digits."""
    q, c = sp.Symbol("q", positive=True), sp.Symbol("c", real=True)
    dual = ft.activation("tanh").dual(q, c)
    function = ft.emit(dual, [q, c])
    found = function(np.array([[0.5], [1.5]]), np.array([-0.5, 0.25]))
    assert found.shape == (2, 2)
    for i, variance in enumerate((sp.Rational(1, 2), sp.Rational(3, 2))):
        for j, correlation in enumerate((-sp.S.Half, sp.Rational(1, 4))):
            exact = ft.activation("tanh").dual(variance, correlation).evalf(20)
            assert found[i, j] == pytest.approx(float(exact), rel=1e-11)


def test_errors():
    with pytest.raises(InputError, match=r"unknown target 'fortran': choose one of numpy"):
        emit(x, x, "fortran")
    with pytest.raises(InputError, match="y has no value"):
        emit(x + y, x)
    with pytest.raises(InputError, match="has no ball while q is free"):
        emit(ft.activation("tanh").second_moment(VARIANCE), VARIANCE, "ball")


def test_cupy_is_asked_for_politely():
    try:
        import cupy  # noqa: F401
    except ImportError:
        with pytest.raises(InputError, match=r'pip install "fimtheory\[cupy\]"'):
            emit(x, x, "cupy")


@pytest.mark.parametrize(
    "e",
    [
        sp.gamma(sp.Rational(1, 4)),
        sp.elliptic_k(sp.Rational(1, 3)),
        sp.elliptic_e(sp.Rational(-7, 2)),
        sp.gamma(sp.Rational(-1, 4)) * sp.elliptic_e(sp.Rational(1, 3)),
    ],
    ids=str,
)
def test_special_constants_are_enclosed(e):
    """Against mpmath at 40 digits: not the double precision of Python's own math, whatever the name."""
    with mp.workdps(40):
        reference = sp.lambdify((), e, "mpmath")()
        ball = ft.certify(e, 30)
        assert abs(mp.mpf(ball.value) - reference) < mp.mpf(10) ** -28
        assert ball.digits >= 30


@pytest.mark.parametrize("e", [sp.loggamma(sp.Rational(1, 4)), sp.acosh(3), sp.EulerGamma, sp.elliptic_k(3)], ids=str)
def test_what_has_no_ball_arithmetic_is_not_certified(e):
    with pytest.raises(NotCertified):
        ft.certify(e, 20)


def test_softplus_keeps_its_digits_far_out_on_the_left():
    """log(1 + e^x) is e^x there, and 1 + e^x is 1 to every digit: its ball must not reach zero."""
    ball = emit(softplus(x), x, "ball")(arb(-300))
    assert ball.rel_accuracy_bits() > 40
    assert ball.overlaps(arb(mp.nstr(mp.log1p(mp.exp(-300)), 15)) * arb(1, 1e-13))
