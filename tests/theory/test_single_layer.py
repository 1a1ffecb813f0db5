"""The single-layer theory: moments against quadrature over singular values, exact atoms, refusals."""

import itertools
import math

import numpy as np
import pytest
import sympy as sp

import fimtheory as ft
from fimtheory.errors import DivergentExpectation, FimtheoryError, InputError, OutsideAssumptions
from fimtheory.theory.single_layer import (
    SingleLayer,
    conditioning,
    eta,
    eta_prime,
    singular_value_moment,
    special_points,
    spectral_moment,
    theorem_matrix,
    zeta,
)

VALUES = {eta: 1.0, eta_prime: 1.6, zeta: 0.45}
ASPECTS = [("1", "1"), ("2", "1"), ("1", "2"), ("1/2", "3"), ("3", "1/4"), ("2/3", "2/3")]


def marchenko_pastur(ratio, nodes=200):
    """Gauss nodes and weights of the continuous part, per row: Chebyshev's second kind, or angles at a hard edge."""
    if ratio == 1:
        theta = (np.arange(nodes) + 0.5) * np.pi / (2 * nodes)
        return 4 * np.cos(theta) ** 2, 2 / nodes * np.sin(theta) ** 2
    k = np.arange(1, nodes + 1) * np.pi / (nodes + 1)
    low, high = (1 - ratio**0.5) ** 2, (1 + ratio**0.5) ** 2
    t = (low + high) / 2 + (high - low) / 2 * np.cos(k)
    return t, ((high - low) / 2) ** 2 * np.sin(k) ** 2 * np.pi / (nodes + 1) / (2 * np.pi * ratio * t)


def moments_by_counting(g0, g1, highest):
    """The mean of lambda^k over all directions of a layer n0 : n1 : n2, pair by pair: no generating function."""
    e, ep, s = VALUES[eta], VALUES[eta_prime], VALUES[zeta]
    alpha, beta = (ep - s) * g1, e - s
    a, wa = marchenko_pastur(g1)  # W2 W2', n2 rows: the weights sum to min(1, 1/g1)
    b, wb = marchenko_pastur(1 / g0)  # W1 W1', n1 rows
    wa, wb = wa * g1, wb  # per n1
    A, B = np.meshgrid(a, b, indexing="ij")
    trace, det = alpha + beta + s * (A + B), alpha * beta + s * (A * beta + B * alpha)
    root = np.sqrt(trace**2 / 4 - det)
    found = []
    for k in range(1, highest + 1):
        pairs = wa @ ((trace / 2 + root) ** k + (trace / 2 - root) ** k) @ wb
        first = wa @ (alpha + s * a) ** k * max(g0 - 1, 0) + max(1 - g1, 0) * g0 * alpha**k
        second = wb @ (beta + s * b) ** k * max(g1 - 1, 0) + max(1 - g0, 0) * g1 * beta**k
        found.append((pairs + first + second) / (g0 + g1))
    return found


@pytest.mark.parametrize("aspect", ASPECTS)
def test_moments_by_counting(aspect):
    g0, g1 = map(sp.Rational, aspect)
    ours = [float(spectral_moment(k, (g0, g1)).subs(VALUES)) for k in range(1, 7)]
    assert ours == pytest.approx(moments_by_counting(float(g0), float(g1), 6), rel=1e-10)


def test_counting_tells_a_wrong_constant():
    ours = float(spectral_moment(3).subs(VALUES | {zeta: 0.45 * 1.03}))
    assert ours != pytest.approx(moments_by_counting(1.0, 1.0, 3)[2], rel=1e-3)


def test_printed_moments():
    """Pennington and Worah (2018), eq. 27, with the trace over 2 n^2."""
    assert spectral_moment(0) == 1
    assert spectral_moment(1) == eta / 2 + eta_prime / 2
    assert sp.expand(spectral_moment(2) - (eta**2 + eta_prime**2 + 4 * zeta**2) / 2) == 0
    assert sp.simplify(conditioning() - spectral_moment(2) / spectral_moment(1) ** 2) == 0


@pytest.mark.parametrize("k", [-1, 61, 1.5, True, "2"])
def test_moments_that_are_none(k):
    with pytest.raises(InputError, match="whole number from 0 to 60"):
        spectral_moment(k)


def test_singular_value_moments_are_catalan_numbers():
    assert [singular_value_moment(k, sp.S.One) for k in range(8)] == [sp.catalan(k) for k in range(8)]


def test_special_points_are_eigenvalues_at_corners():
    points = {name: float(z.subs(VALUES)) for name, z in special_points().items()}
    corners = [
        np.linalg.eigvalsh(np.array(theorem_matrix(a, b).subs(VALUES), dtype=float))
        for a, b in itertools.product((0, 4), repeat=2)
    ]
    spectrum = np.sort(np.concatenate(corners))
    expected = sorted([*points.values(), points["z1"], points["z4"]])
    assert np.allclose(spectrum, expected, atol=1e-12)


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("name", ["erf", "abs", "linear"])
def test_atoms(name, aspect):
    """Against the numerical law, which counts them on its own."""
    layer = SingleLayer(ft.activation(name).centred(), aspect)
    exact = sorted((float(place), float(mass)) for place, mass in layer.atoms)
    numeric = sorted(layer.law.atoms)
    assert np.allclose(exact, numeric, atol=1e-12)


def test_nearly_linear_keeps_its_digits():
    phi = ft.activation("x + e0*(x**2 - 1)", parameters={"e0": "positive"}).at(e0=sp.Rational(1, 10**9))
    layer = SingleLayer(phi)
    alpha, beta, _ = layer.shifts(20)
    # eta' - zeta = 4 e^2, eta - zeta = 2 e^2 by hand
    assert float(alpha) == pytest.approx(4e-18, rel=1e-14)
    assert float(beta) == pytest.approx(2e-18, rel=1e-14)
    assert layer.law.alpha == pytest.approx(4e-18, rel=1e-14)


def test_f_opt_in_exact_numbers():
    layer = SingleLayer(ft.activation("f_opt"))
    assert layer.constants == {"eta": 1, "eta_prime": sp.Rational(25, 13), "zeta": sp.Rational(1, 13)}
    assert layer.conditioning == sp.Rational(21, 19)
    assert layer.law.has_gap


def test_free_parameters_stay():
    layer = SingleLayer(ft.activation("srelu"))
    (alpha,) = layer.activation.parameters
    assert layer.moment(1).free_symbols == {alpha}
    assert float(layer.special_points["z4"].subs(alpha, 0)) == pytest.approx(0.7335, abs=5e-5)
    with pytest.raises(InputError, match="free parameters"):
        _ = layer.law


@pytest.mark.parametrize(
    ("formula", "aspect", "error", "words"),
    [
        ("relu", (1, 1), OutsideAssumptions, r"Gaussian mean 0\.3989.*centred"),
        ("softplus", (1, 1), OutsideAssumptions, r"Gaussian mean 0\.8061.*--centred"),
        ("sign", (1, 1), DivergentExpectation, "delta"),
        ("0", (1, 1), OutsideAssumptions, "constant"),
        ("tanh", (0, 1), OutsideAssumptions, "aspect ratio 0"),
        ("tanh", (1, -2), OutsideAssumptions, "aspect ratio -2"),
        ("tanh", (1, "x"), InputError, "x"),
        ("tanh", (1, 1, 1), InputError, "give two"),
        ("tanh", (float("nan"), 1), InputError, "nan"),
    ],
)
def test_refusals_are_one_line(formula, aspect, error, words):
    with pytest.raises(error, match=words) as raised:
        SingleLayer(ft.activation(formula), aspect)
    assert isinstance(raised.value, FimtheoryError)
    assert "\n" not in str(raised.value)


def test_centred_functions_without_closed_mean_are_accepted():
    layer = SingleLayer(ft.activation("softplus").centred())
    assert 1 < float(sp.N(layer.conditioning)) < 3


def test_repr_names_what_it_is():
    assert repr(SingleLayer(ft.activation("f_opt"), (2, "1/2"))) == "<SingleLayer of f_opt, aspect 2:1:1/2>"
    assert math.isclose(float(SingleLayer(ft.activation("f_opt"), (2, 0.5)).aspect[1]), 0.5)


def test_a_tiny_zeta_is_refused_not_rounded():
    layer = SingleLayer(ft.activation("sin(40*x)"))
    with pytest.raises(OutsideAssumptions, match="two clusters"):
        _ = layer.law
    assert float(SingleLayer(ft.activation("cos").centred()).law.zeta) == 0  # an even function has zeta = 0


def test_edges_of_rectangular_layers_are_exact():
    layer = SingleLayer(ft.activation("f_opt"), ("2", "1/2"))
    exact = [float(e) for e in layer.edges.values()]
    assert np.allclose(exact, layer.law.edges, rtol=1e-14)
    assert all(e.is_number and not e.has(sp.Float) for e in layer.edges.values())
    with pytest.raises(InputError, match="free parameters"):
        _ = SingleLayer(ft.activation("srelu"), (2, 1)).edges


def test_latex_is_the_matrix():
    assert r"\begin{pmatrix} \frac{24 + a}{13}" in SingleLayer(ft.activation("f_opt"))._repr_latex_()
