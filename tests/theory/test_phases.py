"""Phases of deep networks against routes of their own: iterated maps, SciPy's and mpmath's integrals, kernels by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest
import sympy as sp
from mpmath import mp
from scipy.integrate import quad

from fimtheory.activations import activation
from fimtheory.errors import InputError, JumpError, OutsideAssumptions
from fimtheory.theory.phase_diagram import phase_diagram
from fimtheory.theory.phase_edge import critical_decay, edge_of_chaos, near_edge
from fimtheory.theory.phase_moments import GRID, Moments, gains, lengths
from fimtheory.theory.phases import depth_scale, fixed_points, phase

CLOSE = 1e-9  # SciPy's quad reaches 1e-10 on these integrals


def mean(function, q, kinks=(0.0,)):
    """E f(sqrt(q) Z) by SciPy, from kink to kink."""
    ends = [-12.0, *sorted(h / math.sqrt(q) for h in kinks), 12.0]
    density = lambda z: function(math.sqrt(q) * z) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    return sum(quad(density, a, b, epsabs=1e-13, limit=200)[0] for a, b in pairwise(ends))


def iterate(step, start, layers):
    for _ in range(layers):
        start = step(start)
    return start


# -- fixed points


@pytest.mark.parametrize(("w", "b"), [(0.8, 0.3), (2.0, 0.1), (3.0, 0.64)])
def test_tanh_against_layers_by_scipy(w, b):
    found = phase(activation("tanh"), w, b).reached
    q = iterate(lambda q: w * mean(lambda x: math.tanh(x) ** 2, q) + b, w + b, 60)
    assert float(found.q) == pytest.approx(q, rel=CLOSE)
    assert float(found.chi1) == pytest.approx(w * mean(lambda x: math.cosh(x) ** -4, q), rel=CLOSE)
    length = lambda q: w * mean(lambda x: math.tanh(x) ** 2, q)  # noqa: E731
    assert float(found.length_slope) == pytest.approx((length(q + 1e-4) - length(q - 1e-4)) / 2e-4, rel=1e-6)


def test_many_digits():
    """The equation of the fixed point on mpmath's own integral, at 40 digits."""
    found = phase(activation("tanh"), "3/2", "1/5", digits=40).reached
    with mp.workdps(50):
        moment = 2 * mp.quad(lambda z: mp.npdf(z) * mp.tanh(mp.sqrt(found.q) * z) ** 2, [0, 1, 2, 4, 8, 16])
        assert abs(mp.mpf(3) / 2 * moment + mp.mpf(1) / 5 - found.q) < mp.mpf(10) ** -39
        assert abs(mp.mpf(3) / 2 * moment + mp.mpf(1) / 5 - found.q * (1 + mp.mpf(10) ** -37)) > mp.mpf(10) ** -39


def test_depths_to_many_digits():
    found = phase(activation("erf"), 3, "1/10", digits=30).reached
    with mp.workdps(45):
        for depth, factor in ((found.xi_q, found.length_slope), (found.xi_c, found.chi), (found.xi_grad, found.chi1)):
            assert abs(depth * abs(mp.log(factor)) - 1) < mp.mpf(10) ** -30
        arcsine = 6 / mp.pi * mp.asin(2 * found.c * found.q / (1 + 2 * found.q)) + mp.mpf(1) / 10
        assert abs(arcsine / found.q - found.c) < mp.mpf(10) ** -30


def test_erf_in_closed_form():
    """C(c) = (w (2/pi) asin(2 q c/(1 + 2 q)) + b)/q, iterated from c = 1/2."""
    w, b = 3.0, 0.1
    arcsine = lambda t: w * 2 / math.pi * math.asin(t)  # noqa: E731
    q = iterate(lambda q: arcsine(2 * q / (1 + 2 * q)) + b, 1.0, 500)
    c = iterate(lambda c: (arcsine(2 * q * c / (1 + 2 * q)) + b) / q, 0.5, 2000)
    slope = w * 2 / math.pi * 2 / (1 + 2 * q) / math.sqrt(1 - (2 * q * c / (1 + 2 * q)) ** 2)
    found = phase(activation("erf"), w, b).reached
    assert found.name == "chaotic"
    assert [float(v) for v in (found.q, found.c, found.chi)] == pytest.approx([q, c, slope], rel=1e-12)
    assert float(found.xi_c) == pytest.approx(-1 / math.log(slope), rel=1e-10)
    assert float(found.xi_grad) == pytest.approx(1 / math.log(found.chi1), rel=1e-12)


def test_relu_at_its_edge_keeps_every_length():
    found = phase(activation("relu"), 2, 0, input_norm="3/2")
    assert found.name == "critical"
    assert (found.reached.q, found.reached.c) == (3, 1)
    assert mp.isinf(found.reached.xi_c)
    assert not found.reached.attracting
    (zero,) = phase(activation("relu"), "19/10", 0).fixed_points
    assert (zero.q, zero.attracting, zero.c) == (0, True, None)
    assert float(zero.chi1) == 0.95


@pytest.mark.parametrize(("w", "b"), [(2, "1/10"), (3, 0), ("5/2", 1)])
def test_relu_grows_without_bound(w, b):
    found = phase(activation("relu"), w, b)
    assert (found.name, found.reached) == ("unbounded", None)


def test_relu_far_from_the_grid():
    found = phase(activation("relu"), sp.Rational(2) - sp.Rational(1, 10**14), 1).reached
    assert float(found.q) == pytest.approx(2e14, rel=1e-12)


def test_two_fates():
    """x^2: V(q) = 3 w q^2 + b has the roots (1 -+ sqrt(1 - 12 w b))/(6 w); long signals explode, short ones settle."""
    phi, w, b = activation("x**2"), sp.Rational(1, 20), 1
    low, high = ((1 + sign * math.sqrt(1 - 12 / 20)) / (6 / 20) for sign in (-1, 1))
    found = phase(phi, w, b)
    assert [float(p.q) for p in found.fixed_points] == pytest.approx([low, high], rel=1e-14)
    assert [p.attracting for p in found.fixed_points] == [True, False]
    assert found.reached is found.fixed_points[0]
    assert phase(phi, w, b, input_norm=20 * (high - 1) * 1.01).reached is None
    assert phase(phi, w, b, input_norm=20 * (high - 1) * 0.99).reached is not None


def test_two_fixed_points_about_to_merge():
    """The same at 12 w b = 1 - 10^-6: between two points of the grid."""
    phi, w = activation("x**2"), (1 - sp.Rational(1, 10**6)) / 12
    low, high = ((1 + sign * 1e-3) / (6 * float(w)) for sign in (-1, 1))
    assert [float(p.q) for p in fixed_points(phi, w, 1)] == pytest.approx([low, high], rel=1e-9)
    assert fixed_points(phi, (1 + sp.Rational(1, 10**6)) / 12, 1) == ()


def test_odd_without_biases():
    """C(0) = 0: signals become orthogonal; tanh x = x - x^3/3 gives q* ~ (w - 1)/2 for small w - 1."""
    zero, found = fixed_points(activation("tanh"), "1.0001", 0)
    assert (zero.q, zero.attracting, zero.name) == (0, False, "chaotic")
    assert float(found.q) == pytest.approx(0.5e-4, rel=1e-3)
    assert found.c == 0
    assert phase(activation("tanh"), 1, 0).name == "critical"
    tiny = fixed_points(activation("tanh"), "1.0000000000001", 0)[1]
    assert float(tiny.q) == pytest.approx(0.5e-13, rel=1e-9)


def test_degenerate_activations():
    constant = phase(activation("1"), 1, 1).reached
    assert (constant.q, constant.chi1, constant.c, constant.xi_c) == (2, 0, 1, 0)
    assert phase(activation("tanh"), 0, 1).reached.q == 1
    assert phase(activation("linear"), 1, 1).reached is None
    assert phase(activation("linear"), "1/2", 1).reached.q == 2
    localised = phase(activation("gaussian"), 2, "1/10").reached
    assert localised.length_slope < 0
    assert localised.attracting


def test_a_jump_is_always_chaotic():
    """sign: C(c) = (w (2/pi) asin c + b)/(w + b)."""
    found = phase(activation("sign"), 2, "1/10").reached
    c = iterate(lambda c: (4 / math.pi * math.asin(c) + 0.1) / 2.1, 0.5, 500)
    assert mp.isinf(found.chi1)
    assert found.name == "chaotic"
    assert float(found.c) == pytest.approx(c, rel=1e-12)
    with pytest.raises(JumpError, match="delta"):
        edge_of_chaos(activation("sign"))


@pytest.mark.parametrize("name", ["tanh", "gaussian", "relu(x) + step(x)", "x*exp(-x**2)", "relu_squared"])
def test_slopes_of_moments_are_derivatives(name):
    moments = Moments(activation(name), 25)
    with mp.workdps(25):
        for q in (mp.mpf("0.3"), mp.mpf(7)):
            assert abs(mp.diff(moments.length, q, h=mp.mpf(10) ** -8) / moments.length_slope(q) - 1) < 1e-7
            assert moments.length_slope(q) * q > -moments.length(q) / 2


def test_the_grid_keeps_relative_accuracy():
    phi = activation("tanh")
    for k in (0, 150, 250, 400):
        assert lengths(phi)[k] == pytest.approx(float(Moments(phi, 16).length(mp.mpf(GRID[k]))), rel=1e-12)
        assert gains(phi)[k] == pytest.approx(float(Moments(phi, 16).gain(mp.mpf(GRID[k]))), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tanh", -1, 0), "sigma_w2 = -1 is no variance"),
        (("tanh", 1, "-1/2"), "sigma_b2"),
        (("tanh", "two", 0), "unknown name 'two'"),
        (("tanh", None, 0), "not a number"),
        (("tanh", math.inf, 0), "infinite|unknown|not a"),
        (("leaky_relu", 1, 0), "free parameters"),
        (("exp(x**2/8)", 1, 0), "converges only"),
        (("sqrt(abs(x))", 1, 0), "take sigma_b2 > 0"),
        (("tanh", 1, 0, 0), "digits"),
    ],
)
def test_refusals(arguments, words):
    name, *rest = arguments
    with pytest.raises(InputError, match=words):
        phase(activation(name), *rest)


def test_what_is_shown():
    found = phase(activation("tanh"), 2, "1/10")
    assert repr(found).startswith("<Phase of tanh at sigma_w2 = 2, sigma_b2 = 1/10: chaotic: q* = 0.8146")
    assert r"\chi_1 = 1.00301" in found._repr_latex_()
    assert "infty" in phase(activation("relu"), 3, 0)._repr_latex_()
    assert float(depth_scale(mp.mpf(1) / 4)) == pytest.approx(1 / math.log(4), rel=1e-15)


# -- the edge of chaos


@pytest.mark.parametrize("name", ["tanh", "gelu", "hardtanh", "softsign"])
def test_the_edge_by_scipy(name):
    phi = activation(name)
    for point in edge_of_chaos(phi).points(3, 0.2, 20):
        q, w, b = (float(v) for v in (point.q, point.sigma_w2, point.sigma_b2))
        kinks = (-1.0, 0.0, 1.0)
        assert w * mean(lambda x: float(phi.numpy_derivative(x)) ** 2, q, kinks) == pytest.approx(1, rel=CLOSE)
        assert w * mean(lambda x: float(phi(x)) ** 2, q, kinks) + b == pytest.approx(q, rel=CLOSE)


def test_the_edge_crossed():
    """At a bias and at a weight: the phases on both sides are what they should be."""
    edge = edge_of_chaos(activation("tanh"))
    (point,) = edge.at_bias("0.05")
    for factor, name in ((0.999, "ordered"), (1.001, "chaotic")):
        assert phase(activation("tanh"), float(point.sigma_w2) * factor, "0.05").name == name
    (again,) = edge.at_weight(str(point.sigma_w2))
    assert float(again.sigma_b2) == pytest.approx(0.05, rel=1e-12)
    assert edge.start == 1
    assert edge_of_chaos(activation("gelu")).start == 4


def test_the_edge_in_closed_form():
    """erf: E phi'^2 = (4/pi)/sqrt(1 + 4 q), by hand."""
    q = sp.Symbol("q", positive=True)
    edge = edge_of_chaos(activation("erf"))
    assert sp.simplify(edge.sigma_w2 - sp.pi * sp.sqrt(1 + 4 * q) / 4) == 0
    leaky = edge_of_chaos(activation("leaky_relu", alpha="1/2"))
    assert leaky.is_point
    assert (leaky.sigma_w2, leaky.sigma_b2) == (sp.Rational(8, 5), 0)
    assert len(leaky.at_bias(0)) == 1
    assert leaky.at_bias(1) == ()
    # sin approaches sigma_w2 = 2 like exp(-2 q), and never is there
    assert edge_of_chaos(activation("sin")).at_weight(2) == ()
    assert edge_of_chaos(activation("softplus")).points() == ()
    with pytest.raises(InputError, match="< 0"):
        edge_of_chaos(activation("softplus")).at_length(1)
    with pytest.raises(InputError, match="q > 0"):
        edge_of_chaos(activation("tanh")).at_length(0)
    with pytest.raises(OutsideAssumptions, match="constant"):
        edge_of_chaos(activation("1"))


def test_decay_of_a_leaky_relu():
    """I = alpha c + (1 - alpha)^2 (sqrt(1 - c^2) + c (pi - acos c))/(2 pi) at q = 1, by hand; 3000 layers."""
    alpha = 0.2

    def step(e):
        c = 1 - e
        kernel = alpha * c + (1 - alpha) ** 2 * (mp.sqrt(e * (2 - e)) + c * (mp.pi - mp.acos(c))) / (2 * mp.pi)
        return 1 - kernel * 2 / (1 + alpha**2)

    with mp.workdps(30):
        near = iterate(step, mp.mpf("0.3"), 1500)
        far = iterate(step, near, 1500)
        rates = [step(e) ** -0.5 - e**-0.5 for e in (near, far)]
    found = critical_decay(activation("leaky_relu", alpha="1/5"))
    assert found.exponent == 2
    assert float(found.coefficient) ** -0.5 == pytest.approx(float(2 * rates[1] - rates[0]), rel=1e-4)
    with pytest.raises(OutsideAssumptions, match="linear"):
        critical_decay(activation("linear"))


def test_a_kink_and_none_decay_differently():
    assert critical_decay(activation("hardtanh"), 1).power == sp.Rational(3, 2)
    assert critical_decay(activation("relu_squared"), 1).power == 2
    assert critical_decay(activation("relu")).coefficient == 9 * sp.pi**2 / 2


@pytest.mark.parametrize(("name", "factor"), [("erf", 1), ("hardtanh", 2)])
def test_depths_beside_the_edge(name, factor):
    """To first order: halving the distance halves the error. With kinks the chaotic side is twice as deep."""
    (near,) = near_edge(activation(name), "0.1", 10)
    assert near.xi_c(0.01) / near.xi_c(-0.01) == pytest.approx(factor, rel=1e-9)
    errors = []
    for d in (0.02, 0.01):
        found = phase(activation(name), float(near.edge.sigma_w2) + d, "0.1", 10).reached
        errors.append([float(found.xi_c / near.xi_c(d)) - 1, float((1 - found.c) / near.one_minus_c(d)) - 1])
    assert np.abs(errors[1]).max() < 0.1
    assert np.divide(*errors) == pytest.approx([2, 2], rel=0.1)
    with pytest.raises(OutsideAssumptions, match="single point"):
        near_edge(activation("relu"), 1)


# -- the plane


def test_the_plane_against_its_points():
    """What is promised: lengths to 10^-3, so chi_1 to twice that; lines to a per cent of their depth."""
    phi = activation("erf")
    diagram = phase_diagram(phi, (0.6, 3), (0.05, 0.5), points=7)
    for row, column in ((0, 6), (3, 3), (6, 0)):
        w, b = (sp.Rational(str(round(v, 10))) for v in (diagram.sigma_w2[column], diagram.sigma_b2[row]))
        assert diagram.chi1[row, column] == pytest.approx(float(phase(phi, w, b, 10).reached.chi1), rel=2e-3)
    assert not diagram.unbounded.any()
    # Depths below 6 are not chaotic here: xi_c is least where sigma_w^2 is largest, and it exceeds 6 there.
    assert min(phase(phi, 3, b, 8).reached.xi_c for b in ("1/20", "1/10", "1/5", "1/2")) > 6
    assert [len(lines) for lines in diagram.depths.values()] == [1, 1, 2, 2, 2]
    for depth, lines in diagram.depths.items():
        for w, b in lines:
            inside = np.flatnonzero((b > 1e-3) & (b < 1))
            k = inside[inside.size // 2]
            found = phase(phi, float(w[k]), float(b[k]), 10).reached
            assert float(found.xi_c) == pytest.approx(depth, rel=1e-2)
    w, b = (v[np.isfinite(v)] for v in diagram.edge)
    k = int(np.abs(b - 0.2).argmin())
    assert float(phase(phi, float(w[k]), float(b[k]), 10).reached.chi1) == pytest.approx(1, abs=1e-6)


def test_the_plane_of_relu():
    diagram = phase_diagram(activation("relu"), (1, 3), (0, 1), points=5)
    assert diagram.edge[0] == pytest.approx([2], rel=1e-12)
    assert diagram.unbounded[1:, 2].all()
    assert not diagram.unbounded[:, 1].any()
    with pytest.raises(InputError, match="empty"):
        phase_diagram(activation("relu"), (3, 1), (0, 1))
