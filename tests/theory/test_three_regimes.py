"""Three theories of one layer: shares, their 1/d, bulk, spikes and outlier by routes of their own."""

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

from fimtheory.activations import activation, named
from fimtheory.catalogue import find
from fimtheory.claims import Verdict
from fimtheory.errors import InputError
from fimtheory.gaussian.quantity import number
from fimtheory.theory.three_regimes import Bulk, ThreeRegimes
from fimtheory.verification import verify

M = sp.Symbol("M", positive=True)


def test_shares_by_quadrature():
    """b_k of GELU by mpmath from its definition."""
    regimes = ThreeRegimes("gelu", degrees=4)
    for k, share in enumerate(regimes.shares):
        he = sp.lambdify(sp.Symbol("x"), sp.hermite_prob(k, sp.Symbol("x")), "mpmath")
        b = mp.quad(lambda z, he=he: z * mp.ncdf(z) * he(z) * mp.npdf(z), [-12, 0, 12]) / mp.sqrt(mp.factorial(k))
        assert abs(float(number(share, 16)) - float(b**2)) < 1e-14


def test_the_cube_by_hand():
    """(w.x)^3 has the degrees 1 and 3: 9 (d + 4)^2/d^2 in degree 1, and in all E (w.x)^6 = 15 (d + 2)(d + 4)/d^2."""
    cube, d = ThreeRegimes("x**3", degrees=3), sp.Symbol("d")
    first = 9 * (d + 4) ** 2 / d**2
    third = 15 * (d + 2) * (d + 4) / d**2 - first
    assert cube.shares == (0, 9, 0, 6)
    for k, share in ((1, first), (3, third)):
        assert cube.correction(k) == sp.expand(share).coeff(d, -1)
    modes = cube.groups(7).modes
    assert sum(m.multiplicity * m.eigenvalue for m in modes if m.degree == 1) == first.subs(d, 7)
    assert sum(m.multiplicity * m.eigenvalue for m in modes if m.degree == 3) == third.subs(d, 7)


@pytest.mark.parametrize("name", ["tanh", "gelu", "step", "relu(x)-1/2"])
def test_corrections_in_high_dimension(name):
    """d (sum of a degree - b_k^2), whose own correction is O(1/d)."""
    regimes, d = ThreeRegimes(name, degrees=3), 3000
    for k in range(4):
        total = float(sum(m.total for m in regimes.groups(d).modes if m.degree == k))
        assert d * (total - regimes.values[k]) == pytest.approx(float(number(regimes.correction(k), 16)), abs=5e-3)


def test_the_bulk_by_quadrature():
    """Mass, moments and transform of the law from its density."""
    bulk = Bulk(0.3, 0.5, 0.4)
    low, high = bulk.edges
    t, w = np.polynomial.legendre.leggauss(400)
    angle = np.pi / 4 * (t + 1)
    x = low + (high - low) * np.sin(angle) ** 2
    masses = w * np.pi / 4 * (high - low) * np.sin(2 * angle) * bulk.density(x)
    assert masses.sum() == pytest.approx(1, abs=1e-12)
    assert bulk.moments(3) == pytest.approx([masses @ x**k for k in (1, 2, 3)], abs=1e-12)
    assert bulk.stieltjes(-0.7).real == pytest.approx(masses @ (1 / (-0.7 - x)), abs=1e-12)


def test_a_bulk_without_slope_is_an_atom():
    regimes = ThreeRegimes("abs")
    bulk = regimes.bulk(2)
    assert bulk.atom == 1
    assert bulk.edges == (bulk.ridge, bulk.ridge)
    assert bulk.moments(2) == pytest.approx([bulk.ridge, bulk.ridge**2])
    assert bulk.density(np.array([bulk.ridge])) == 0
    assert bulk.stieltjes(-1) == pytest.approx(-1 / (1 + bulk.ridge))


def test_a_linear_layer_is_degree_one_alone():
    linear = ThreeRegimes("linear")
    assert (linear.ridge, linear.remainder, linear.correction(1)) == (0, 0, 0)
    assert linear.bulk(0.5).ridge == 0
    assert linear.outlier(sp.Rational(1, 3)) == sp.Rational(1, 3)


def test_odd_and_centred():
    tanh = ThreeRegimes("tanh")
    assert tanh.shares[0::2] == (0, 0, 0, 0)
    assert tanh.is_centred
    assert tanh.spike(0.5) is None
    with pytest.raises(InputError, match="no eigenvalue grows"):
        tanh.top(1)
    assert ThreeRegimes("relu").spike(0.5) is None


@pytest.mark.parametrize("aspect", [0.5, 1.5])
def test_spikes_of_a_dense_model(aspect):
    """ridge + b_1^2 W W' + gamma b_2^2 (two projections), by its eigenvalues: fluctuations are of order m^(-1/2)."""
    regimes = ThreeRegimes("sin(x)/3+cos(x)-exp(-1/2)")
    m = 900
    rng = np.random.default_rng(7)
    W = rng.standard_normal((m, round(m / aspect))) / np.sqrt(round(m / aspect))
    directions = np.linalg.qr(rng.standard_normal((m, 2)))[0]
    b1, b2 = float(regimes.values[1]), float(regimes.values[2])
    model = b1 * W @ W.T + aspect * b2 * directions @ directions.T
    model += regimes.bulk(aspect).ridge * np.eye(m)
    values = np.linalg.eigvalsh(model)
    assert values[-2:].mean() == pytest.approx(regimes.spike(aspect), rel=0.03)
    assert values[-3] < 1.02 * regimes.bulk(aspect).edges[1]


def test_the_top_is_degree_zero_in_finite_dimension():
    """m lambda_0(d) + E phi^2 - b_0^2 from exact eigenvalues: the rest is O(1/m)."""
    relu, d, m = ThreeRegimes("relu"), 4000, 2000
    exact = relu.groups(d, 0).modes[0].value + (0.5 - 1 / (2 * np.pi)) / m
    assert float(relu.top(sp.Rational(1, 2)).subs(M, m)) == pytest.approx(exact, abs=1 / m**2)


def test_overlaps_by_the_arc_cosine_kernel():
    """qhat_2 of ReLU by its closed form, typed here, against the sum over degrees and a deep network."""
    relu = ThreeRegimes("relu", degrees=5)
    c = np.array([0.0, 0.3, 0.9, 1.0])
    kernel = (np.sqrt(1 - c**2) + (np.pi - np.arccos(c)) * c) / (2 * np.pi)
    parts = relu.powers(c, 10)
    assert parts.shape == (7, 4)
    assert parts.sum(axis=0) == pytest.approx((0.5 + 9 * kernel) / 10, abs=1e-14)
    network = relu.network(sp.Rational(3, 10))
    assert float(network.order_parameters.qhat2[1]) == pytest.approx(kernel[1], abs=1e-14)


@pytest.mark.parametrize(
    ("f", "match"),
    [("0", "has no degrees"), ("exp(x**2)", "diverges"), ("leaky_relu", "free parameters")],
)
def test_refused(f, match):
    with pytest.raises(InputError, match=match):
        ThreeRegimes(f)


def test_refused_later():
    with pytest.raises(InputError, match="degrees = 0"):
        ThreeRegimes("relu", degrees=0)
    with pytest.raises(InputError, match="infinite"):
        ThreeRegimes("exp(x)").groups(4)
    with pytest.raises(InputError, match="aspect m/d"):
        ThreeRegimes("relu").bulk(0)
    for d in (0, 2.5, True):
        with pytest.raises(InputError, match="dimension"):
            ThreeRegimes("relu").groups(d)
    assert "above" not in repr(ThreeRegimes(activation("relu")))


@pytest.mark.parametrize("id", ["fimtheory.regimes.decomposition", "fimtheory.regimes.layer_block"])
def test_statements_hold(id):
    assert verify(find(id)).verdict is Verdict.SUPPORTED


def test_a_centred_gallery_function():
    """|x| less its mean: two spikes, whatever the aspect, for b_1 = 0."""
    regimes = ThreeRegimes(named("srelu alpha=1"))
    b2 = float(regimes.values[2])
    assert regimes.spike(2) == pytest.approx(1 + 2 * b2, abs=1e-12)
