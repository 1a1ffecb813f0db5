"""The second route alone, against integrals known by hand; 30 digits and double precision."""

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

from fimtheory.emission import emit
from fimtheory.errors import DivergentExpectation, NotConverged
from fimtheory.gaussian import quadrature
from fimtheory.gaussian.pieces import pieces
from tests.oracles import close

x = sp.Symbol("x", real=True)


def absolute_moment(k):
    """E |Z|^k = 2^(k/2) Gamma((k + 1)/2)/sqrt(pi)."""
    return mp.mpf(2) ** (mp.mpf(k) / 2) * mp.gamma(mp.mpf(k + 1) / 2) / mp.sqrt(mp.pi)


KNOWN = {
    "cos": (sp.cos(x), 1, lambda: mp.exp(-mp.mpf(1) / 2)),
    "cos 5x, q=2": (sp.cos(5 * x), 2, lambda: mp.exp(-25)),
    "exp": (sp.exp(x), 3, lambda: mp.exp(mp.mpf(3) / 2)),
    "relu": (sp.Max(x, 0), 2, lambda: 1 / mp.sqrt(mp.pi)),
    "relu^2": (sp.Max(x, 0) ** 2, 1, lambda: mp.mpf(1) / 2),
    "step": (sp.Heaviside(x - 1), 1, lambda: mp.erfc(1 / mp.sqrt(2)) / 2),
    "|x|": (sp.Abs(x), 1, lambda: absolute_moment(1)),
    "|x|^3": (sp.Abs(x) ** 3, 1, lambda: absolute_moment(3)),
    "|x|^7": (sp.Abs(x) ** 7, 1, lambda: absolute_moment(7)),
    "x^12": (x**12, 1, lambda: mp.mpf(10395)),
    "gaussian": (sp.exp(-3 * x**2), 1, lambda: 1 / mp.sqrt(7)),
    "clip": (sp.Max(-1, sp.Min(1, x)) ** 2, 1, lambda: 1 - mp.sqrt(2 / (mp.pi * mp.e))),
}


@pytest.mark.parametrize("name", KNOWN)
def test_one_variable(name):
    f, q, known = KNOWN[name]
    split = pieces(f, x)
    found = quadrature.expectation_digits(split, sp.Integer(q), 30)
    with mp.workdps(45):
        exact = known()
    assert abs(found - exact) <= mp.mpf(10) ** -30 * max(abs(exact), mp.mpf(10) ** -12)
    assert not close(mp.mpf("1.03") * found, exact, 12) or abs(exact) < 1e-9
    double = quadrature.expectation_float(emit(f, x), float(q), [float(h) for h in split.breaks])
    assert abs(double - exact) <= 1e-13 * max(1, float(exact))


def test_a_zero_is_zero():
    assert abs(quadrature.expectation_digits(pieces(sp.sin(x), x), sp.S.One, 20)) < mp.mpf(10) ** -30


PAIRS = {
    "sign": (sp.sign(x), sp.sign(x), lambda c: 2 / mp.pi * mp.asin(c)),  # Sheppard
    "relu": (sp.Max(x, 0), sp.Max(x, 0), lambda c: (mp.sqrt(1 - c**2) + c * (mp.pi - mp.acos(c))) / (2 * mp.pi)),
    "relu, step": (sp.Max(x, 0), sp.Heaviside(x), lambda c: (1 + c) / (2 * mp.sqrt(2 * mp.pi))),
    "sin": (sp.sin(x), sp.sin(x), lambda c: mp.exp(-1) * mp.sinh(c)),
    "exp, x": (sp.exp(x), x, lambda c: c * mp.exp(mp.mpf(1) / 2)),
    "erf": (sp.erf(x), sp.erf(x), lambda c: 2 / mp.pi * mp.asin(2 * c / 3)),  # Williams
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("c", [sp.Rational(-3, 5), sp.Rational(99, 100)], ids=str)
def test_two_variables(name, c):
    f, g, known = PAIRS[name]
    left, right = pieces(f, x), pieces(g, x)
    with mp.workdps(40):
        exact = known(mp.mpf(c.p) / c.q)
    functions, kinks = (emit(f, x), emit(g, x)), [[float(h) for h in p.breaks] for p in (left, right)]
    double = quadrature.pair_float(*functions, 1.0, 1.0, float(c), *kinks)
    assert close(double, exact, 11)
    if c < 0 or not left.breaks:
        found = quadrature.pair_digits(left, right, sp.S.One, sp.S.One, c, 16)
        assert close(found, exact, 16)
        assert not close(mp.mpf("1.03") * found, exact, 16)


@pytest.mark.parametrize("c", [-1.0, 0.0, 1.0])
def test_ends_of_the_correlation(c):
    relu, kink = emit(sp.Max(x, 0), x), [0.0]
    exact = {-1.0: 0.0, 0.0: 1 / (2 * np.pi), 1.0: 0.5}[c]
    assert quadrature.pair_float(relu, relu, 1.0, 1.0, c, kink, kink) == pytest.approx(exact, rel=1e-12, abs=1e-14)


def test_precision_is_restored():
    before = mp.prec
    quadrature.expectation_digits(pieces(sp.tanh(x) ** 2, x), sp.S.One, 40)
    assert mp.prec == before


def test_refusals():
    with pytest.raises(DivergentExpectation, match="not finite"):
        quadrature.expectation_digits(pieces(1 / x, x), sp.S.One, 10)
    with pytest.raises(NotConverged):
        quadrature.expectation_float(lambda z: np.sign(np.sin(1e9 * z)), 1.0)
