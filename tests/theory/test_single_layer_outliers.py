"""Outliers of one hidden layer: against double averages of the resolvent, quadrature, and H of random weights."""

import dataclasses
import functools

import numpy as np
import pytest
import scipy.linalg
import scipy.special
import sympy as sp
from mpmath import mp
from scipy.sparse.linalg import eigsh

import fimtheory as ft
from fimtheory.errors import InputError, JumpError, OutsideAssumptions
from fimtheory.notation import SYMBOLS
from fimtheory.simulation.expected_fisher import ExpectedFisher
from fimtheory.theory.single_layer import special_points
from fimtheory.theory.single_layer_outliers import (
    Outliers,
    constants,
    extreme_eigenvalues,
    mean_outliers,
    outlier_bands,
    scaling_bound,
)
from fimtheory.verification.judgement import CONTRADICTION, SUPPORT, extrapolate
from tests.oracles import close, gauss

CUBIC = "x + (x**2 - 1)/(2*sqrt(2)) + 2*(x**3 - 3*x)/(5*sqrt(6))"  # every constant of the theory is at work
KNOWN = ("alpha", "beta", "omega", "chi")  # what no function here can do without
ROOT_2, ROOT_6 = np.sqrt(2), np.sqrt(6)
by_hand = {  # formula: (f, f') in mpmath, kinks
    CUBIC: (
        lambda x: x + (x**2 - 1) / (2 * mp.sqrt(2)) + 2 * (x**3 - 3 * x) / (5 * mp.sqrt(6)),
        lambda x: 1 + x / mp.sqrt(2) + 6 * (x**2 - 1) / (5 * mp.sqrt(6)),
        (),
    ),
    "erf(4*x)": (lambda x: mp.erf(4 * x), lambda x: 8 / mp.sqrt(mp.pi) * mp.exp(-16 * x * x), ()),
    "max(x, 0) - 1/sqrt(2*pi)": (lambda x: max(x, 0) - 1 / mp.sqrt(2 * mp.pi), lambda x: mp.mpf(x > 0), (0,)),
    "max(x, 0)": (lambda x: max(x, 0), lambda x: mp.mpf(x > 0), (0,)),
    "abs(x) - sqrt(2/pi)": (lambda x: abs(x) - mp.sqrt(2 / mp.pi), mp.sign, (0,)),
    "tanh(2*x)": (lambda x: mp.tanh(2 * x), lambda x: 2 * mp.sech(2 * x) ** 2, ()),
}
CENTRED = [name for name in by_hand if name != "max(x, 0)"]


@functools.cache
def outliers(formula):
    return Outliers(ft.activation(formula))


def with_constants(formula, **factors):
    """The theory with some constants wrong by a factor."""
    wrong, right = Outliers(ft.activation(formula)), outliers(formula).constants
    changed = {name: factor * getattr(right, name) for name, factor in factors.items()}
    wrong.__dict__["constants"] = dataclasses.replace(right, **changed)
    return wrong


# -- constants


@pytest.mark.parametrize("formula", by_hand)
def test_constants_against_quadrature_of_their_definitions(formula):
    f, df, kinks = by_hand[formula]
    r = lambda x: x * df(x)  # noqa: E731
    mean = functools.partial(gauss, kinks=kinks)
    b1, r1 = mean(lambda x: x * f(x)), mean(lambda x: x * r(x))
    f_mean, r_mean = mean(f), mean(r)
    golden = {
        "mean": f_mean,
        "b1": b1,
        "b2": mean(lambda x: (x * x - 1) * f(x)) / mp.sqrt(2),
        "alpha": mean(lambda x: df(x) ** 2) - b1**2,
        "beta": mean(lambda x: (f(x) - f_mean - b1 * x) ** 2),
        "zeta": b1**2,
        "r1": r1,
        "omega": mean(lambda x: (r(x) - r_mean - r1 * x) ** 2),
        "chi": mean(lambda x: (r(x) - r_mean - r1 * x) * (f(x) - f_mean - b1 * x)),
    }
    found = constants(ft.activation(formula)).numbers()
    assert all(close(getattr(found, name), value, 13) for name, value in golden.items())


# -- averages and determinant


@functools.cache
def operator_constants(formula):
    """alpha, beta, zeta, b_2, tau = E f'^2 (Z^2 - 1), nu = E Z f f' - zeta and b_1 E f He_3, as numbers."""
    f, df, kinks = by_hand[formula]
    mean = lambda g: float(gauss(g, kinks))  # noqa: E731
    b = [mean(lambda x, k=k: mp.hermite(k, x / mp.sqrt(2)) * f(x)) / 2 ** (k / 2) for k in range(4)]  # E f He_k
    zeta = b[1] ** 2
    alpha, beta = mean(lambda x: df(x) ** 2) - zeta, mean(lambda x: f(x) ** 2) - zeta
    tau, nu = mean(lambda x: df(x) ** 2 * (x * x - 1)), mean(lambda x: x * f(x) * df(x)) - zeta
    return alpha, beta, zeta, b[2] / ROOT_2, tau, nu, b[1] * b[3]


def brute_force(formula, z, a, size=120):
    """det(1 - K G): all five directions of the derivation, every entry a double average over Gauss nodes."""
    alpha, beta, zeta, b2, tau, nu, third = operator_constants(formula)
    x, y = z - alpha, z - beta
    angle = np.pi * np.arange(1, size + 1) / (size + 1)
    nodes, weights = 4 * np.cos(angle) ** 2, 2 / (size + 1) * np.sin(angle) ** 2
    A, B = np.meshgrid(nodes, nodes, indexing="ij")
    R = np.array([[y - zeta * B, zeta * np.sqrt(A * B)], [zeta * np.sqrt(A * B), x - zeta * A]])
    R *= np.outer(weights, weights) / (x * y - zeta * A * y - zeta * B * x)
    zero = np.zeros_like(A)
    v = np.array([[np.sqrt(B), zero], [A * np.sqrt(B), zero], [zero, np.sqrt(A)], [zero, B * np.sqrt(A)]])
    G = np.zeros((5, 5))
    G[:4, :4] = v.reshape(4, -1) @ np.einsum("pqab,jqab->jpab", R, v).reshape(4, -1).T
    G[4, 4] = weights @ ((x - zeta * a) / (x * y - zeta * a * y - zeta * nodes * x))
    K = np.zeros((5, 5))
    K[0, 0] = tau - 2 * third + 2 * b2**2 * (a - 1)
    K[0, 1:] = third, nu - third, third, ROOT_2 * b2**2 * np.sqrt(a)
    K[1:, 0] = K[0, 1:]
    K[4, 4] = b2**2
    return np.linalg.det(np.eye(5) - K @ G)


@pytest.mark.parametrize("formula", CENTRED)
def test_determinant_is_that_of_five_directions(formula):
    found = outliers(formula)
    top = found.regions["above"][0]
    for z, a in ((-0.7, 1.3), (-0.1, 0.2), (1.2 * top, 3.7), (3 * top, 0.5)):
        assert close(found.determinant(z, a), brute_force(formula, z, a), 11)
    for name in KNOWN:
        wrong = with_constants(formula, **{name: 1.03})
        assert any(not close(wrong.determinant(z, 1.0), brute_force(formula, z, 1.0), 6) for z in (-1, -0.1))


def averages_by_mpmath(c, z, a, distance):
    """T(z) and g(z, a) by adaptive quadrature in the angle, with cuts where the integrands are steep."""
    zeta, x, y = mp.mpf(c.zeta), mp.mpf(z) - mp.mpf(c.alpha), mp.mpf(z) - mp.mpf(c.beta)

    def average(g, steep):
        cuts = [0, steep, 30 * steep, mp.pi / 4, mp.pi / 2 - 30 * steep, mp.pi / 2 - steep, mp.pi / 2]
        return 4 / mp.pi * mp.quad(lambda t: g(4 * mp.cos(t) ** 2) * mp.sin(t) ** 2, sorted(cuts))

    def over_b(a):
        s = y * (x - zeta * a) / (zeta * x)  # E b/(s - b) from the known transform of Marchenko-Pastur
        return (s - s * mp.sqrt(1 - 4 / s)) / 2 - 1

    pair = average(lambda a: a * over_b(a) / (zeta * x), mp.sqrt(distance) / 90)
    return pair, average(lambda b: (x - zeta * a) / (x * y - zeta * a * y - zeta * b * x), mp.sqrt(distance) / 90)


@pytest.mark.parametrize("distance", ["1e-1", "1e-4", "1e-8"])
@pytest.mark.parametrize("formula", [CUBIC, "tanh(2*x)", "abs(x) - sqrt(2/pi) + x/100"])
def test_averages_close_to_the_bulk_against_mpmath(formula, distance):
    found, distance = outliers(formula), mp.mpf(distance)
    for region, (lo, hi) in found.regions.items():
        places = {"below": [hi - distance], "above": [lo + distance]}.get(region, [lo + distance, hi - distance])
        for z in map(float, places):
            with mp.workdps(40):
                pair, mode = averages_by_mpmath(found.constants, z, mp.mpf(7) / 10, distance)
            assert close(found.pair_average(z), pair, 11)
            assert close(found.mode_average(z, 0.7), mode, 11)


@pytest.mark.parametrize("formula", by_hand)
def test_locations_are_zeros_and_the_averages_know_no_other_sign_change(formula):
    found = outliers(formula)
    for a in (0.3, 2.0, 3.6):
        for region, (lo, hi) in found.regions.items():
            places = found.scaling(region, a)
            for z in places:
                inside = min(1e-6, (z - lo) / 2, (hi - z) / 2)
                assert found.determinant(z - inside, a) * found.determinant(z + inside, a) < 0
            grid = np.linspace(max(lo, -1), min(hi, 60), 4001)[1:-1]
            signs = np.sign([found.determinant(z, a) for z in grid])
            assert np.count_nonzero(np.diff(signs)) == len([z for z in places if grid[0] < z < grid[-1]])


@pytest.mark.parametrize(
    "name", ["tanh", "sin", "gelu", "softplus", "elu", "silu", "f_opt", "x**2 - 1", "relu_squared"]
)
def test_one_outlier_below_the_bulk_whatever_the_function(name):
    phi = ft.activation(name, alpha=1) if name == "elu" else ft.activation(name)
    found = Outliers(phi.centred())
    for a in (0.0, 0.5, 4.0):
        assert [0 <= z + 1e-12 < found.constants.beta for z in found.scaling("below", a)] == [True]


def test_linear_layers_have_none():
    assert outlier_bands(ft.activation("3*x")) == ()
    assert extreme_eigenvalues(ft.activation("3*x")) == (0.0, 72.0)


def test_radial_outliers_solve_their_equation():
    bands = [b for name in ("f_opt", "abs(x) - sqrt(2/pi) + x/100") for b in outlier_bands(ft.activation(name))]
    found = outliers("abs(x) - sqrt(2/pi) + x/100")
    (band,) = [b for b in bands if (b.family, b.region) == ("radial", "gap")]
    for a, z in zip(band.a, band.location, strict=True):
        assert found.constants.b2**2 * found.mode_average(z, a) == pytest.approx(1, abs=1e-10)
    assert [b.region for b in bands if b.family == "radial"] == ["above", "gap"]


def test_even_function_by_hand():
    # f = (x^2 - 1)/sqrt 2: zeta = 0, r = x^2 sqrt 2, so the determinant is a cubic over (z - 1)(z - 2)
    z, a = sp.symbols("z a")
    cubic = sp.expand((z - 2) * ((z - 4) * (z - 1) - 4) - 2 * a * (z - 1) ** 2)
    found = Outliers(ft.activation("(x**2 - 1)/sqrt(2)"))
    for value in (sp.Rational(1, 2), 2, 4):
        golden = sorted(map(float, sp.Poly(cubic.subs(a, value), z).nroots(30)))
        places = [z for region in found.regions for z in found.scaling(region, float(value))]
        assert places == pytest.approx(golden, abs=1e-11)


# -- against H of random weights


def draw(n, seed):
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(n,))))
    return generator.standard_normal((n, n)) / np.sqrt(n), generator.standard_normal((n, n)) / np.sqrt(n)


def cubic(x):
    return x + (x**2 - 1) / (2 * ROOT_2) + 2 * (x**3 - 3 * x) / (5 * ROOT_6)


def cubic_slope(x):
    return 1 + x / ROOT_2 + 6 * (x**2 - 1) / (5 * ROOT_6)


WIDTHS, NETWORKS = (10, 14, 20, 28), (40, 30, 16, 8)
BELOW = -0.05  # close to the outliers below the bulk, where the resolvent feels them


@pytest.fixture(scope="module")
def resolvents():
    """By width and network: v'(z - H)^(-1) v/v'v, its mean over scaling and over radial directions; eigenvalues of W2'W2.

    The mean of v'v, which fluctuates from network to network, is divided out.
    """
    found = {}
    for n, count in zip(WIDTHS, NETWORKS, strict=True):
        for seed in range(count):
            W1, W2 = draw(n, seed)
            H = ExpectedFisher.from_weights(W1, W2, cubic, cubic_slope).dense()
            scaling = np.einsum("ax,ab->abx", np.eye(n), W1).reshape(n * n, n)
            radial = np.kron(np.eye(n), np.ones((n, 1)))
            V = scipy.linalg.block_diag(scaling, radial)
            values = (V * np.linalg.solve(BELOW * np.eye(len(H)) - H, V)).sum(axis=0)
            means = [values[part].sum() / (V[:, part] ** 2).sum() for part in (slice(n), slice(n, None))]
            found.setdefault(n, []).append((*means, np.linalg.eigvalsh(W2.T @ W2)))
    return found


def deviation(resolvents, theory, family):
    """Standard errors between the theory and the limit of the mean resolvent of a family of directions."""
    predicted = {"scaling": theory.scaling_resolvent, "radial": theory.radial_resolvent}[family]
    means, errors = [], []
    for draws in resolvents.values():
        values = [{"scaling": scaling, "radial": radial}[family] for scaling, radial, _ in draws]
        ratios = values / np.array([np.mean([predicted(BELOW, a) for a in spectrum]) for *_, spectrum in draws])
        means.append(np.mean(ratios))
        errors.append(np.std(ratios, ddof=1) / np.sqrt(len(ratios)))
    limit = extrapolate(WIDTHS, means, errors, NETWORKS)
    assert limit.p_value > 1e-3
    return (limit.value - 1) / limit.standard_error


@pytest.mark.parametrize("family", ["scaling", "radial"])
def test_resolvents_agree(resolvents, family):
    assert abs(deviation(resolvents, outliers(CUBIC), family)) < SUPPORT


@pytest.mark.parametrize("wrong", [{"chi": 1.03}, {"b2": 0.0}, {"omega": 1.1}, {"r1": 0.5}, {"chi": 0}])
def test_scaling_resolvent_contradicts_wrong_constants(resolvents, wrong):
    assert abs(deviation(resolvents, with_constants(CUBIC, **wrong), "scaling")) > CONTRADICTION


@pytest.mark.parametrize("wrong", [{"b2": 0.0}, {"b2": 1.5}, {"b2": 2.0}])
def test_radial_resolvent_contradicts_wrong_constants(resolvents, wrong):
    assert abs(deviation(resolvents, with_constants(CUBIC, **wrong), "radial")) > CONTRADICTION


def test_number_of_outliers_below_the_bulk():
    # erf(4x): the band is one point, 0.028, far from the bulk's end at 0.226
    (band,) = outlier_bands(ft.activation("erf(4*x)"))
    assert band.share == pytest.approx(1)
    cut = (band.mean + outliers("erf(4*x)").regions["below"][1]) / 2
    slope = lambda x: 8 / np.sqrt(np.pi) * np.exp(-16 * x * x)  # noqa: E731
    for n, seed in ((8, 1), (16, 1), (24, 1)):
        H = ExpectedFisher.from_weights(*draw(n, seed), lambda x: scipy.special.erf(4 * x), slope)
        assert np.count_nonzero(np.linalg.eigvalsh(H.dense()) < cut) == n


RELU = (lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(float), (0.0,))


TOP_WIDTHS, TOP_NETWORKS = (16, 24, 36, 48), (30, 20, 12, 8)


@pytest.fixture(scope="module")
def relu_tops():
    """By width and network: the mean of the n largest eigenvalues, the mean of a, and the excess of |W1|^2 over n."""
    found = {}
    for n, count in zip(TOP_WIDTHS, TOP_NETWORKS, strict=True):
        for seed in range(count):
            W1, W2 = draw(n, seed)
            operator = ExpectedFisher.from_weights(W1, W2, *RELU).linear_operator()
            tops = eigsh(operator, k=n, which="LA", v0=np.ones(2 * n * n), tol=1e-5, return_eigenvectors=False)
            found.setdefault(n, []).append((tops.mean(), (W2**2).sum() / n, (W1**2).sum() - n))
    return found


@pytest.mark.parametrize(("wrong", "holds"), [({}, True), ({"slope": 0}, False), ({"square": 1.03}, False)])
def test_eigenvalues_of_order_n(relu_tops, wrong, holds):
    phi = ft.activation("relu")
    b0, b2 = float(phi.mean), float(phi.hermite(2))
    means, errors = [], []
    for n, draws in relu_tops.items():
        band = mean_outliers(phi, n)
        level = band.level + n * b0**2 * (wrong.get("square", 1) - 1)
        slope = wrong.get("slope", band.slope)
        shared = ROOT_2 * b0 * b2  # times |W1|^2 - n: the shift of all n eigenvalues of a network
        excess = [top - level - slope * a - shared * shift for top, a, shift in draws]
        means.append(np.mean(excess))
        errors.append(np.std(excess, ddof=1) / np.sqrt(len(excess)))
        assert band.spread == pytest.approx(shared * np.sqrt(2))  # the variance of |W1|^2 is 2
    limit = extrapolate(TOP_WIDTHS, means, errors, TOP_NETWORKS)
    score = abs(limit.value) / limit.standard_error
    assert score < SUPPORT if holds else score > CONTRADICTION


# -- the bound


@pytest.mark.parametrize("slope", [0.0, 0.2, -1.0])
def test_scaling_directions_of_a_shifted_homogeneous_function(slope):
    # exact at any width: f = g - c, g homogeneous; such a direction changes the network by c W2 x
    c = (1 - slope) / np.sqrt(2 * np.pi)
    f = lambda x: np.where(x > 0, x, slope * x) - c  # noqa: E731
    W1, W2 = draw(12, 7)
    H = ExpectedFisher.from_weights(W1, W2, f, lambda x: np.where(x > 0, 1.0, slope), (0.0,))
    x = draw(12, 8)[0][0]
    direction = np.concatenate([(x[:, None] * W1).ravel(), (-W2 * x).ravel()])
    changed = c**2 * np.sum((W2 @ x) ** 2)
    assert direction @ H.matvec(direction) == pytest.approx(changed, rel=1e-10)
    norms = (W1**2).sum(axis=1) + (W2**2).sum(axis=0)
    pencil = np.linalg.eigvalsh(c**2 * W2.T @ W2 / np.sqrt(np.outer(norms, norms)))
    assert (np.linalg.eigvalsh(H.dense())[:12] <= pencil + 1e-12).all()


@pytest.mark.parametrize("name", ["x**2 - 1", "abs(x) - sqrt(2/pi)", "max(x, 0) - 1/sqrt(2*pi)", "x**3"])
def test_bound_vanishes_where_the_function_is_homogeneous_up_to_a_constant(name):
    phi = ft.activation(name)
    assert scaling_bound(phi) == 0
    assert extreme_eigenvalues(phi)[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", ["sin", "tanh(2*x)", CUBIC, "f_opt"])
def test_bound_lies_above_the_outlier(name):
    for a in (0, 1, 4):
        place = outliers(name).scaling("below", float(a))[0]
        assert 0 < place < float(sp.N(scaling_bound(ft.activation(name), a)))


def test_bound_is_asymptotically_a_rayleigh_quotient():
    bound = scaling_bound(ft.activation("x**2 - 1"), sp.Rational(1, 1000))
    assert float(bound) == pytest.approx(4 / 5 / 1000, rel=1e-3)  # p^2 c^2 a/(1 + p^2), p = 2, c = 1


# -- edges and errors


def test_regions_end_at_the_special_points():
    for name in ("f_opt", "erf(4*x)"):
        phi = ft.activation(name)
        values = {SYMBOLS[key]: getattr(phi, key) for key in ("eta", "eta_prime", "zeta")}
        z = {key: float(sp.N(point.subs(values))) for key, point in special_points().items()}
        regions = Outliers(phi).regions
        ends = [end for lo, hi in regions.values() for end in (lo, hi) if 0 < end < np.inf]
        inside = ("z2", "z4") if len(regions) == 3 else ()
        assert ends == pytest.approx([z[key] for key in ("z1", *inside, "z6")])


def test_bands_weigh_the_law_of_the_eigenvalues():
    band = outlier_bands(ft.activation("f_opt"), 16)[0]
    assert [float(band.weight @ band.a**k) for k in range(4)] == pytest.approx([1, 1, 2, 5])  # Catalan numbers
    fine = outlier_bands(ft.activation("f_opt"), 64)[0]
    assert band.mean == pytest.approx(fine.mean, rel=1e-3)


def test_a_mean_takes_the_mean_gradient_with_it():
    found = outliers("max(x, 0)")
    assert found.has_mean
    assert found.scaling("below", 0.0) == found.scaling("below", 4.0) == pytest.approx([0], abs=1e-12)
    assert all(found.radial(region, 1.0) == [] for region in found.regions)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Outliers(ft.activation("leaky_relu")), InputError, "alpha"),
        (lambda: Outliers(ft.activation("sign")), JumpError, "jump"),
        (lambda: extreme_eigenvalues(ft.activation("relu")), OutsideAssumptions, "mean"),
        (lambda: mean_outliers(ft.activation("tanh"), 10), OutsideAssumptions, "outlier_bands"),
        (lambda: mean_outliers(ft.activation("relu"), 0), InputError, "whole number"),
        (lambda: outlier_bands(ft.activation("tanh"), 2.5), InputError, "whole number"),
        (lambda: scaling_bound(ft.activation("tanh"), -1), InputError, "from 0 to 4"),
        (lambda: outliers("tanh(2*x)").determinant(1.0, 1.0), OutsideAssumptions, "below 0.103"),
        (lambda: outliers("tanh(2*x)").determinant(float("nan"), 1.0), OutsideAssumptions, "in the bulk"),
        (lambda: outliers("tanh(2*x)").scaling("beneath", 1.0), InputError, "one of below, gap, above"),
        (lambda: outliers("tanh(2*x)").radial("below", -1.0), InputError, "from 0 to 4"),
    ],
)
def test_errors_name_what_was_given(call, error, words):
    with pytest.raises(error, match=words):
        call()
