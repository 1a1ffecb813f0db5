"""Averaged relative metrics: eigenvalues, mini-batches, units of deep networks.

Golden values: quadrature by mpmath of nu written out by hand, dense matrices averaged over product Gauss-Hermite rules,
Wishart formulas, binomial laws of active inputs.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
import sympy as sp
from mpmath import mp
from scipy.special import iv

from fimtheory.activations import activation
from fimtheory.errors import DivergentExpectation, InputError, OutsideAssumptions
from fimtheory.gaussian.quantity import number
from fimtheory.report.mathml import to_mathml
from fimtheory.spectra import MarchenkoPastur
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.expected_batches import BatchMetric
from fimtheory.theory.expected_layers import RelativeLayer, largest_eigenvalues, relative_layer
from fimtheory.theory.expected_relative import ExpectedMetric, conditioning_table
from fimtheory.theory.expected_weights import over_weights, over_weights_and_inputs
from fimtheory.theory.relative_fisher import neuron

q, sigma, b = sp.Symbol("q", positive=True), sp.Symbol("sigma", positive=True), sp.Symbol("b", real=True)
Q, BIAS, S = sp.Rational(3, 2), sp.Rational(1, 2), sp.Integer(2)

# name, parameters: nu by hand, and where it has kinks
BY_HAND = {
    "gaussian:relu sigma=2": (lambda t: (t > 0) / 4, [0]),
    "gaussian:elu alpha=1/4": (lambda t: np.where(t > 0, 1, np.exp(2 * np.minimum(t, 0)) / 16), [0]),
    "gaussian:hardtanh": (lambda t: 1.0 * (np.abs(t) < 1), [-1, 1]),
    "gaussian:erf": (lambda t: 4 / np.pi * np.exp(-2 * t * t), []),
    "gaussian:x**3-x": (lambda t: (3 * t * t - 1) ** 2, []),
    "bernoulli:tanh": (lambda t: 1 - np.tanh(t) ** 2, []),
    "bernoulli:sigmoid": (lambda t: np.cosh(t / 2) ** -2 / 4, []),
    "bernoulli:sin": (np.ones_like, []),
    "poisson:exp": (np.exp, []),
    "poisson:softplus": (lambda t: (1 + np.exp(-t)) ** -2 / np.log1p(np.exp(t)), []),
    "von_mises:sin kappa=2": (lambda t: 2 * iv(1, 2) / iv(0, 2) * np.cos(t) ** 2, []),
}
IN_MPMATH = {
    "gaussian:elu alpha=1/4": lambda t: mp.mpf(1) if t > 0 else mp.exp(2 * t) / 16,
    "gaussian:hardtanh": lambda t: mp.mpf(bool(-1 < t < 1)),
    "bernoulli:tanh": lambda t: mp.sech(t) ** 2,
    "poisson:exp": mp.exp,
}
each_neuron = pytest.mark.parametrize("text", BY_HAND)


def named(text):
    name, *values = text.split(" ")
    return neuron(name, **dict(value.split("=") for value in values))


def moment_by_hand(text, k, power=1):
    """E nu(b + sqrt(q) Z)^power Z^k."""
    root, bias = mp.sqrt(mp.mpf(3) / 2), mp.mpf(1) / 2
    ends = sorted([-14, 0, 14, *((h - bias) / root for h in BY_HAND[text][1])])
    return mp.quad(lambda z: IN_MPMATH[text](bias + root * z) ** power * z**k * mp.npdf(z), ends)


@pytest.mark.parametrize("text", IN_MPMATH)
def test_moments(text):
    metric = ExpectedMetric(named(text), Q, BIAS, S)
    for k, power in ((0, 1), (1, 1), (2, 1), (4, 2)):
        assert abs(number(metric.moment(k, power), 16) / moment_by_hand(text, k, power) - 1) < 1e-12


@each_neuron
def test_dense_averages(text):
    """The mean of nu x~ x~' over a product rule in three dimensions."""
    nu, kinks = BY_HAND[text]
    z, weight = _rule_between([(h - 0.5) / 1.5**0.5 for h in kinks])
    y, other = np.polynomial.hermite_e.hermegauss(3)
    other = other / math.sqrt(2 * math.pi)
    basis = np.linalg.qr(np.column_stack([np.array([2.0, 1.0, 2.0]), np.eye(3)[:, :2]]))[0]
    grid = np.array(np.meshgrid(z, y, y, indexing="ij")).reshape(3, -1)
    mass = np.einsum("i,j,k->ijk", weight * nu(0.5 + 1.5**0.5 * z), other, other).ravel()
    x = np.vstack([2**0.5 * basis @ grid, np.ones(grid.shape[1])])
    dense = (x * mass) @ x.T
    metric = ExpectedMetric(named(text), Q, BIAS, S)
    for pairs, matrix in ((metric.eigenvalues_with_bias, dense), (metric.eigenvalues, dense[:3, :3])):
        ours = [float(number(e, 16)) for e, count in pairs for _ in range(int(count.subs(_dimension(pairs), 3)))]
        assert np.allclose(sorted(ours), np.linalg.eigvalsh(matrix), rtol=1e-9, atol=1e-12)


def _dimension(pairs):
    return next((symbol for _, count in pairs for symbol in count.free_symbols), sp.Symbol("d"))


def _rule_between(kinks):
    """Gauss-Legendre rules between the kinks."""
    t, w = np.polynomial.legendre.leggauss(60)
    nodes, weights = [], []
    ends = sorted([-11.0, -3.0, 3.0, 11.0, *kinks])
    for lo, hi in pairwise(ends):
        nodes.append(lo + (hi - lo) * (1 + t) / 2)
        weights.append((hi - lo) / 2 * w * np.exp(-(nodes[-1] ** 2) / 2) / math.sqrt(2 * math.pi))
    return np.concatenate(nodes), np.concatenate(weights)


def test_closed_forms():
    relu = ExpectedMetric(neuron("gaussian:relu", sigma=sigma), q)
    assert relu.eigenvalues == ((1 / (2 * sigma**2), sp.Symbol("d", integer=True, positive=True)),)
    assert relu.condition_number == 1
    assert ExpectedMetric("gaussian:erf", q).condition_number == 1 + 4 * q
    poisson = ExpectedMetric("poisson:exp", q)
    assert poisson.condition_number == 1 + q
    (_, _), (low, _), (high, _) = poisson.eigenvalues_with_bias
    assert sp.simplify(low * high - sp.exp(q)) == 0  # det of the block: m_0 m_2 - m_1^2
    elu = ExpectedMetric(neuron("gaussian:elu"), q)
    assert elu.perpendicular.free_symbols >= {q}
    assert {str(e) for e in elu.perpendicular.free_symbols} == {"q", "alpha"}


@pytest.mark.parametrize("text", ["poisson:exp", "bernoulli:tanh", "gaussian:gelu"])
def test_shown(text):
    for metric in (ExpectedMetric(text), ExpectedMetric(text, q, b)):
        to_mathml(metric._repr_latex_().strip("$"), display=True)
        assert repr(metric).startswith(f"<ExpectedMetric of {text} at q = {metric.q}")


def test_large_numbers_are_no_degrees():
    """e^2000 times Phi(-2 sqrt(1000)): E nu = 1/2 + 1/(2 sqrt(2 pi) 2 sqrt(q)) to leading order."""
    metric = ExpectedMetric(neuron("gaussian:elu", alpha=1), 1000)
    by_hand = 0.5 + mp.exp(2000) * mp.ncdf(-2 * mp.sqrt(1000))
    assert abs(number(metric.perpendicular, 16) - by_hand) < 1e-13
    assert abs(by_hand - 0.5 - 1 / mp.sqrt(8000 * mp.pi)) < 1e-5
    for wrong in (0, -1, True, 1.5):
        with pytest.raises(InputError, match="units"):
            metric.layer(wrong)


def test_symbols_stand_for_numbers():
    alpha = sp.Symbol("alpha", positive=True)
    general = ExpectedMetric(neuron("gaussian:elu"), q, b)
    special = ExpectedMetric(neuron("gaussian:elu", alpha="1/4"), Q, BIAS)
    for wanted, formula in ((special.perpendicular, general.perpendicular), (special.parallel, general.parallel)):
        found = formula.subs({alpha: sp.Rational(1, 4), q: Q, b: BIAS})
        assert abs(number(found - wanted, 20)) < 1e-25


@pytest.mark.parametrize("text", ["gaussian:elu alpha=1/4", "gaussian:hardtanh"])
def test_curvature(text):
    """Stein's identity with kinks and jumps; the left side by quadrature."""
    metric = ExpectedMetric(named(text), Q, BIAS)
    difference = moment_by_hand(text, 2) - moment_by_hand(text, 0)
    assert abs(number(Q * metric.curvature, 16) - difference) < 1e-12


def test_small_and_large_variances():
    assert ExpectedMetric("bernoulli:tanh", bias=b).small_variance == 1 - sp.tanh(b) ** 2
    assert ExpectedMetric("gaussian:relu").small_variance == sp.Rational(1, 2)
    assert ExpectedMetric("gaussian:relu", bias=1).small_variance == 1
    across, along = ExpectedMetric("bernoulli:sigmoid").saturation()
    assert abs(across * mp.sqrt(2 * mp.pi) - 1) < 1e-14
    assert abs(along * mp.sqrt(2 * mp.pi) - mp.pi**2 / 3) < 1e-13
    across, along = ExpectedMetric("gaussian:arctan", bias=1).saturation()  # integrals of (1 + t^2)^-2: pi/2 and pi/2
    assert abs(across * mp.sqrt(2 * mp.pi) - mp.pi / 2) < 1e-13
    assert abs(along * mp.sqrt(2 * mp.pi) - mp.pi) < 1e-13
    far = ExpectedMetric("bernoulli:tanh", 2000)
    assert abs(float(number(far.condition_number, 16)) * math.pi**2 / (12 * 2000) - 1) < 1e-3


@pytest.mark.parametrize("name", ["gaussian:relu", "gaussian:softplus", "poisson:exp"])
def test_what_does_not_saturate(name):
    with pytest.raises(OutsideAssumptions, match="faster than"):
        ExpectedMetric(name).saturation()


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("poisson:relu", {}, DivergentExpectation, "too singular at x = 0"),
        ("poisson:abs", {"q": q}, DivergentExpectation, "too singular at x = 0"),
        ("bernoulli:hardtanh", {}, DivergentExpectation, "too singular at x = -1"),
        ("gaussian:exp(x**2/5)", {"q": 2}, DivergentExpectation, "grows too fast"),
        ("gaussian:1", {}, OutsideAssumptions, "does not depend on the weights"),
        ("gaussian:relu", {"q": 0}, InputError, "not a variance of t"),
        ("gaussian:relu", {"q": True}, InputError, "not a number"),
        ("gaussian:relu", {"q": math.nan}, InputError, "not a number"),
        ("gaussian:relu", {"bias": sp.I}, InputError, "not real"),
        ("gaussian:relu", {"input_variance": -1}, InputError, "not a variance of inputs"),
        (3, {}, InputError, "not a neuron"),
    ],
)
def test_refusals(name, options, error, words):
    with pytest.raises(error, match=words):
        ExpectedMetric(name, **options)


def test_means_that_vanish_harmlessly():
    """Poisson x^2 has nu = 4 on both sides of a mean that vanishes."""
    assert ExpectedMetric("poisson:quadratic", q).eigenvalues[0][0] == 4


# -- averages over weights


def test_over_weights():
    assert over_weights("gaussian:erf", q) == 4 / (sp.pi * sp.sqrt(1 + 4 * q))
    assert over_weights("bernoulli:tanh", 2, "1/4", 3) == ExpectedMetric("bernoulli:tanh", sp.Rational(25, 4)).moment(0)
    with pytest.raises(InputError, match="sigma_b2"):
        over_weights("gaussian:erf", 1, -1)
    with pytest.raises(InputError, match="whole number"):
        over_weights_and_inputs("gaussian:erf", 0)
    for name, sigma_w2 in (("poisson:exp", 2), ("poisson:exp", "3/2"), ("poisson:relu", 1)):
        with pytest.raises(DivergentExpectation, match="infinite"):
            over_weights_and_inputs(name, 1, sigma_w2)


@pytest.mark.parametrize("dimension", [1, 2, 50])
def test_over_weights_and_inputs(dimension):
    """exp: E e^(|x|^2/(2d)) |x|^2/d is a Laplace transform of chi^2; in one dimension tanh by a square rule."""
    found = over_weights_and_inputs("poisson:exp", dimension, "1/2", "1/4")
    by_hand = math.exp(1 / 8) * (1 - 1 / (2 * dimension)) ** (-dimension / 2 - 1)
    assert abs(found / by_hand - 1) < 1e-12
    if dimension == 1:
        z, weight = np.polynomial.hermite_e.hermegauss(160)
        w, x = np.meshgrid(z, z)
        mass = np.outer(weight, weight) / (2 * math.pi)
        square = (mass * x**2 * (1 - np.tanh(w * x) ** 2)).sum()
        assert abs(over_weights_and_inputs("bernoulli:tanh", 1) - square) < 1e-4


def test_table():
    rows = conditioning_table(response="poisson", names=["exp", "relu", "softplus", "tanh"])
    assert [row.name for row in rows] == ["poisson:softplus", "poisson:exp"]
    assert rows[1].condition_number == 2
    for options, words in (
        ({"names": ["rleu"]}, "no activation"),
        ({"q": q}, "at one variance"),
        ({"q": -1}, "not a variance"),
        ({"response": "gausian"}, "no response"),
    ):
        with pytest.raises(InputError, match=words):
            conditioning_table(**options)


# -- mini-batches


def test_wishart():
    d, n = sp.symbols("d n", positive=True, integer=True)
    batch = BatchMetric(ExpectedMetric("gaussian:linear", input_variance=q), d, n)
    assert sp.simplify(batch.mean - q) == 0
    assert sp.simplify(batch.second_moment - q**2 * (d + n + 1) / n) == 0


def test_one_dimension():
    """E G^2 by hand: (1/n) E nu^2 x^4 + (1 - 1/n) (E nu x^2)^2."""
    text = "bernoulli:tanh"
    batch = BatchMetric(ExpectedMetric(text, Q, BIAS, S), 1, 3)
    by_hand = 4 * (moment_by_hand(text, 4, 2) / 3 + 2 * moment_by_hand(text, 2) ** 2 / 3)
    assert abs(number(batch.second_moment, 16) - by_hand) < 1e-12


@pytest.mark.parametrize(("d", "n"), [(1, 4), (3, 4)])
def test_relu_is_marchenko_pastur(d, n):
    law, halved = BatchMetric(ExpectedMetric("gaussian:relu"), d, n).law, MarchenkoPastur(2 * d / n, 0.5)
    assert np.allclose([law.edges[0], law.edges[-1]], halved.edges, rtol=1e-12)
    assert np.allclose(law.moments(4), halved.moments(4), rtol=1e-12)
    assert math.isclose(sum(mass for _, mass in law.atoms), halved.atom, abs_tol=1e-12)
    assert BatchMetric(ExpectedMetric("gaussian:relu"), d, n).rank == min(sp.Integer(1), sp.Rational(n, 2 * d))


def test_moments_of_the_law():
    """Its first two moments are the limits of the exact ones; the third by the expansion of the equation."""
    metric = ExpectedMetric("bernoulli:tanh", Q, BIAS, S)
    found = BatchMetric(metric, 1, 2).law.moments(3)
    first, second, third = (2**k * float(number(metric.moment(0, k), 16)) for k in (1, 2, 3))
    y = 0.5
    assert np.allclose(found, [first, first**2 + y * second, first**3 + 3 * y * first * second + y**2 * third])
    large = BatchMetric(metric, 10**6, 2 * 10**6)
    assert np.allclose(found[:2], [float(number(large.mean, 16)), float(number(large.second_moment, 16))], rtol=1e-5)


def test_outliers():
    """Six batches of 100 dimensions: the top of 1200 inputs scatters by a few per cent, the one below stays at the edge."""
    metric = ExpectedMetric("gaussian:tanhshrink")
    batch, draw, tops = BatchMetric(metric, 1, 12), np.random.default_rng(5), []
    for _ in range(6):
        x = draw.standard_normal((1200, 100))
        tops.append(np.linalg.eigvalsh((x.T * metric.neuron.numpy(x[:, 0])) @ x / len(x))[-2:])
    inside, top = np.mean(tops, axis=0)
    (place,) = batch.outliers
    edge = batch.law.edges[-1]
    assert place > 1.1 * edge
    assert abs(top / place - 1) < 0.06
    assert abs(inside / edge - 1) < 0.06


def test_batches_that_have_no_law():
    with pytest.raises(OutsideAssumptions, match="unbounded"):
        BatchMetric(ExpectedMetric("poisson:exp"), 2, 3).law  # noqa: B018
    with pytest.raises(OutsideAssumptions, match="almost 0"):
        BatchMetric(ExpectedMetric("gaussian:softplus"), 4, 3).law  # noqa: B018
    with pytest.raises(OutsideAssumptions, match="all but one input"):
        BatchMetric(ExpectedMetric("gaussian:relu", 1, -40), 2, 3).law  # noqa: B018
    with pytest.raises(InputError, match="has no value"):
        BatchMetric(ExpectedMetric("gaussian:relu", q), 2, 3).law  # noqa: B018
    for wrong in (0, 1.5, True):
        with pytest.raises(InputError, match="whole number"):
            BatchMetric(ExpectedMetric("gaussian:relu"), wrong, 3)


# -- units of deep networks

NETWORK = DeepNetwork(activation("relu"), 3, 2, "1/2", outputs=2, samples=5, alphas=("3/2", "1", "2"))


def test_units_of_relu_networks():
    """nu is 0 or 1: active inputs are binomial given what they share."""
    layer, o = relative_layer(NETWORK, 2, "gaussian:relu"), NETWORK.order_parameters
    c, gap, overlap = o.q2[2] / o.q1[2], o.qhat1[1] - o.qhat2[1], o.qhat2[1]

    def silent(z):
        return mp.ncdf(-mp.sqrt(c / (1 - c)) * z) ** 5 * mp.npdf(z)

    tops = gap * (1 - mp.quad(silent, [-10, 0, 10])) + overlap * mp.mpf(5) / 2
    M = sp.Symbol("M", positive=True)
    assert abs(layer.lambda_max / M * 5 / tops - 1) < 1e-3
    both = mp.mpf(1) / 4 + mp.asin(c) / (2 * mp.pi)
    square = (o.qhat1[1] ** 2 / 2 + 4 * overlap**2 * both) / 5
    assert abs(layer.second_moment / M / square - 1) < 1e-12
    assert abs(layer.mean - o.qhat1[1] / 2) < 1e-12
    assert abs(layer.lambda_max_many / M / (overlap / 2) - 1) < 1e-12


def test_the_metric_of_the_whole_network_knows_the_depth_behind():
    """qtilde_1 = (sigma_w^2/2)^(L-l) for ReLU; the relative metric has 1/2 whatever the depth."""
    M = sp.Symbol("M", positive=True)
    for depth in (3, 5):
        network = DeepNetwork(activation("relu"), depth, 1, 0, outputs=1, samples=2)
        layer = relative_layer(network, 1, "gaussian:relu")
        assert abs(layer.mean - 0.5) < 1e-14
        assert abs(layer.fisher_mean * M - 0.5 ** (depth - 1)) < 1e-14


def test_largest_eigenvalues():
    draw = np.random.default_rng(3)
    nu = draw.random((20, 6)) * (draw.random((20, 6)) < 0.7)
    dense = [np.linalg.eigvalsh(1.3 * np.diag(v) + 0.7 * np.outer(v**0.5, v**0.5))[-1] for v in nu]
    assert np.allclose(largest_eigenvalues(nu, 2.0, 0.7), dense, rtol=1e-12)


def test_refused_layers():
    for wrong in (0, 3, True, 1.0):
        with pytest.raises(InputError, match="not hidden"):
            RelativeLayer(NETWORK, wrong, neuron("gaussian:relu"))
    with pytest.raises(OutsideAssumptions, match="do not overlap"):
        relative_layer(NETWORK, 1, "gaussian:relu").lambda_max  # noqa: B018
