"""The six expectations of a layer against nested quadrature, and the three ways to them against each other.

The oracles give 15 digits of a pair, 30 of one variable; two ways of ours are compared to the digits both promise.
"""

import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.errors import JumpError
from fimtheory.theory.kinked_map import KinkedMap
from fimtheory.theory.layer_map import LayerMap, layer_map
from fimtheory.theory.layer_point import Point, Unresolved
from tests.oracles import close, gauss, gauss_pair

NAMES = ("second", "dual", "gap", "slope", "dual_slope", "elasticity")
FUNCTIONS = {  # mpmath: phi, phi', and the kinks
    "tanh": (mp.tanh, lambda x: mp.sech(x) ** 2, ()),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), lambda x: 1 / (1 + mp.exp(-x)), ()),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2, (0,)),
}


def at(q1, c):
    """The point of a correlation given in decimals, exactly."""
    q1, c = mp.mpf(q1), mp.mpf(c)
    return Point(q1, q1 * c, q1 * (1 - c))


def by_quadrature(name, point):
    f, df, kinks = FUNCTIONS[name]
    q, c = point.q1, point.q2 / point.q1
    second, slope = gauss(lambda x: f(x) ** 2, kinks, q), gauss(lambda x: df(x) ** 2, kinks, q)
    dual, dual_slope = gauss_pair(f, f, q, q, c, kinks, kinks), gauss_pair(df, df, q, q, c, kinks, kinks)
    growth = gauss(lambda x: x * f(x) * df(x), kinks, q)
    return dict(zip(NAMES, (second, dual, second - dual, slope, dual_slope, growth / second), strict=True))


@pytest.mark.parametrize(("name", "q", "c"), [("tanh", 3, "-0.3"), ("softplus", 1, "0.3")])
def test_against_quadrature(name, q, c):
    with mp.workdps(40):
        point = at(q, c)
        found, golden = layer_map(ft.activation(name)).at(point, 20), by_quadrature(name, point)
        assert all(close(getattr(found, key), golden[key], 14) for key in NAMES)
        assert not any(close(getattr(found, key), golden[key] * mp.mpf("1.03"), 14) for key in NAMES)


def test_kinks_without_closed_form():
    with mp.workdps(40):
        point = at(2, "0.5")
        found, golden = layer_map(ft.activation("softsign")).at(point, 16), by_quadrature("softsign", point)
        assert all(close(getattr(found, key), golden[key], 13) for key in NAMES[:-1])
        assert close(found.elasticity, golden["elasticity"], 5)  # an estimate, and all that is needed


@pytest.mark.parametrize("name", ["erf", "gelu", "sin", "gaussian"])
@pytest.mark.parametrize("c", ["0.5", "1e-9", "-0.4", "0.999"])
def test_formulas_and_hermite_series_agree(name, c):
    """Two ways that share no more than the formula of phi, to 25 digits at correlations up to 1 - 10^-3."""
    closed, hermite, *_ = LayerMap(ft.activation(name))._ways
    with mp.workdps(40):
        left, right = closed.at(at("1.7", c), 25), hermite.at(at("1.7", c), 25)
        assert all(close(getattr(left, key), getattr(right, key), 25) for key in NAMES)


@pytest.mark.parametrize("name", ["relu", "elu", "hardtanh"])
@pytest.mark.parametrize("one_minus_c", ["0.009", "1e-25"])
def test_panels_between_kinks_agree_with_formulas(name, one_minus_c):
    """Where activations without closed form need them, tried on some that have one; one kink, and two."""
    phi = ft.activation(name) if name != "elu" else ft.activation("elu", alpha=1)
    closed, _, anything = LayerMap(phi)._ways
    q1, gap = mp.mpf("1.5"), mp.mpf("1.5") * mp.mpf(one_minus_c)
    with mp.workdps(60):
        point = Point(q1, q1 - gap, gap)
        left, right = closed.at(point, 20), KinkedMap(phi, anything.one_input).at(point, 14)
        ratios = [getattr(right, key) / getattr(left, key) for key in NAMES[:-1]]
        assert all(close(ratio, 1, 14) for ratio in ratios)
    with pytest.raises(Unresolved):  # two inputs that are not close are left to others
        KinkedMap(phi, anything.one_input).at(at("1.5", "0.5"), 14)


@pytest.mark.parametrize("name", ["relu", "erf", "tanh"])
def test_a_gap_far_below_rounding_keeps_its_digits(name):
    """gap -> gap E phi'^2 as it goes to zero, with corrections of the order of its root: 10^-30 is far below 10^-14."""
    with mp.workdps(60):
        q1, gap = mp.mpf(2), mp.mpf("1e-30")
        found = layer_map(ft.activation(name)).at(Point(q1, q1 - gap, gap), 20)
        assert close(found.gap / gap, found.slope, 14)
        kink = mp.sqrt(2 * gap / q1) / (2 * mp.pi) if name == "relu" else 0  # of 1/2 - arccos(c)/(2 pi)
        assert close(found.slope - kink, found.dual_slope, 20)
        assert name != "relu" or found.dual_slope < found.slope


def test_a_centred_activation_without_closed_form():
    """softplus minus its mean: a constant that is an integral, and an exact zero at c = 0."""
    phi = ft.activation("softplus").centred()
    with mp.workdps(40):
        found = layer_map(phi).at(at(1, 0), 20)
        raw = by_quadrature("softplus", at(1, 0))
        mean = gauss(FUNCTIONS["softplus"][0])
        assert close(found.second, raw["second"] - mean**2, 20)
        assert found.dual == 0
        assert close(found.dual_slope, raw["dual_slope"], 14)


def test_a_jump_is_refused():
    with pytest.raises(JumpError):
        LayerMap(ft.activation("sign"))


def test_the_answer_does_not_depend_on_what_was_asked_before():
    phi = ft.activation("x*sigmoid(2*x)")
    with mp.workdps(30):
        fresh, used = LayerMap(phi), LayerMap(phi)
        for q, c in ((9, "0.99"), (3, "0.2"), (1, "0.9")):
            used.at(at(q, c), 16)
        left, right = fresh.at(at("0.7", "0.4"), 16), used.at(at("0.7", "0.4"), 16)
        assert left == right


def test_formulas_that_hold_for_some_variances_only():
    """E exp(x^2/4) = (1 - q/2)^(-1/2) at q = 1: the square of phi = exp(x^2/8)."""
    found = layer_map(ft.activation("exp(x**2/8)")).at(Point(mp.mpf(1), mp.mpf(0), mp.mpf(1)), 16)
    assert close(found.second, mp.sqrt(2), 15)
    assert close(found.dual, 1 / (1 - mp.mpf(1) / 4), 15)


def test_vanishing_activation():
    found = layer_map(ft.activation("0*x")).at(Point(mp.mpf(1), mp.mpf(0), mp.mpf(1)), 16)
    assert all(getattr(found, key) == 0 for key in NAMES)


def test_equal_and_opposite_inputs():
    one, q = layer_map(ft.activation("hardtanh")), mp.mpf(2)
    same, opposite = one.at(Point(q, q, mp.mpf(0)), 20), one.at(Point(q, -q, 2 * q), 20)
    exact = sp.N(ft.activation("hardtanh").second_moment(2), 30)
    assert close(same.dual, exact, 15)
    assert close(opposite.dual, -exact, 15)
    assert close(opposite.dual_slope, same.slope, 15)
