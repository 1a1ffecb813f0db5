"""Truncated kernels and what the largest eigenvalues carry for every weight matrix.

Independent routes: J by quadrature over inputs (an angle in the plane of two weights, cut at the kinks), coefficients by
mpmath's Gegenbauer polynomials, features and their covariance, a search for weights that break the bound.
"""

import itertools

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy.optimize import minimize

from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.truncated_kernel import (
    adversarial_weights,
    ky_fan_bound,
    ky_fan_bound_given,
    span_cosine,
    top_share,
    truncated_eigenvalue,
    truncated_share,
    truncation_rank,
)

POWERS = {
    "relu": (lambda t: np.maximum(t, 0), 1),
    "step": (lambda t: (t > 0) * 1.0, 0),
    "abs": (np.abs, 1),
    "relu_squared": (lambda t: np.maximum(t, 0) ** 2, 2),
    "x**3": (lambda t: t**3, 3),
}
ROUNDING = 1e-12


def by_inputs(phi, alpha, weights):
    """A multiple of J: integrals over the angle of the input in the plane of each two weights, 20 nodes an arc."""
    lengths = np.linalg.norm(weights, axis=1)
    units = weights / lengths[:, None]
    half = np.minimum(np.linalg.norm(units[:, None] - units[None], axis=2) / 2, 1)
    angle = 2 * np.arcsin(half)  # not through the cosine, which loses digits near 0
    quarter = np.full_like(angle, np.pi / 2)
    ends = np.stack([0 * angle, quarter, 3 * quarter, angle + quarter, np.mod(angle - quarter, 2 * np.pi), 4 * quarter])
    ends = np.sort(ends, axis=0)
    t, w = np.polynomial.legendre.leggauss(20)
    kernel = np.zeros_like(angle)
    for low, high in itertools.pairwise(ends):
        for node, mass in zip(t, w, strict=True):
            at = (low + high + (high - low) * node) / 2
            kernel += (high - low) / 2 * mass * phi(np.cos(at)) * phi(np.cos(at - angle))
    return np.outer(lengths, lengths) ** alpha * kernel


def largest(matrix, count):
    values = np.linalg.eigvalsh(matrix)[::-1]
    return values[:count].sum() / values.sum()


@pytest.fixture(scope="module")
def family():
    return adversarial_weights(seed=5)


@pytest.mark.parametrize(("name", "degree"), [("relu", 0), ("relu", 2), ("step", 3), ("abs", 2), ("relu_squared", 3)])
def test_the_bounds_hold_for_hostile_weights(name, degree, family):
    for weights in family:
        bound = ky_fan_bound(name, degree, weights.shape[1])
        share = largest(by_inputs(*POWERS[name], weights), bound.rank)
        assert share >= float(bound.share) - ROUNDING
        assert float(bound.share) >= float(truncated_share(name, degree)) - ROUNDING


@pytest.mark.parametrize("name", POWERS)
def test_top_share_by_inputs(name, family):
    """The kernel of step has an infinite slope at c = 1: there half of the digits are left."""
    tolerance = 1e-8 if name == "step" else 1e-12
    for weights in family[:6]:
        assert top_share(name, weights, 3) == pytest.approx(
            largest(by_inputs(*POWERS[name], weights), 3), abs=tolerance
        )


def test_higher_bounds_and_lower_ranks_fail(family):
    """Directions spread over a circle refute 1 % more, and the same share for one eigenvalue less."""
    (circle,) = (w for w in family if len(w) == 120)
    bound, matrix = ky_fan_bound("relu", 2, 2), by_inputs(*POWERS["relu"], circle)
    assert largest(matrix, bound.rank) < min(1.01 * float(bound.share), 1)
    assert largest(matrix, bound.rank) == pytest.approx(float(bound.share), abs=1e-6)
    assert largest(matrix, bound.rank - 1) < float(bound.share)


@pytest.mark.parametrize(("m", "d"), [(9, 2), (14, 3)])
def test_a_search_finds_no_exception(m, d):
    """From random weights down to less than a third of the distance to the bound, and not below it."""
    bound = ky_fan_bound("relu", 2, d)

    def share(flat):
        w = flat.reshape(m, d)
        lengths = np.linalg.norm(w, axis=1)
        angle = np.arccos(np.clip(w @ w.T / np.outer(lengths, lengths), -1, 1))
        kernel = np.outer(lengths, lengths) * (np.sin(angle) + (np.pi - angle) * np.cos(angle))
        return largest(kernel, bound.rank)

    start = np.random.Generator(np.random.Philox(7)).standard_normal(m * d)
    found = minimize(share, start, method="L-BFGS-B", options={"maxiter": 60})
    above = share(start) - float(bound.share), found.fun - float(bound.share)
    assert -ROUNDING <= above[1] < above[0] / 3


def test_random_weights_approach_the_bound():
    """Whatever law the lengths have: four times as many units leave a quarter of the distance, less than half for sure."""
    rng = np.random.Generator(np.random.Philox(3))
    directions = rng.standard_normal((800, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    bound = ky_fan_bound("relu", 2, 3)
    assert bound.share == sp.Rational(127, 128)
    for lengths in (np.ones(800), rng.exponential(size=800)):
        weights = directions * lengths[:, None]
        above = [top_share("relu", weights[:m], bound.rank) - 127 / 128 for m in (200, 800)]
        assert 0 <= above[1] < above[0] / 2


def test_the_share_of_all_dimensions_is_smaller():
    rng = np.random.Generator(np.random.Philox(4))
    wide = top_share("relu", rng.standard_normal((250, 12)), truncation_rank("relu", 2, 12))
    assert float(truncated_share("relu", 2)) < float(ky_fan_bound("relu", 2, 12).share) <= wide


@pytest.mark.parametrize(
    ("name", "degree", "d"), [("relu", 2, 4), ("step", 3, 4), ("abs", 4, 3), ("relu_squared", 1, 3)]
)
def test_shares_by_quadrature(name, degree, d):
    """N(d, k) (E phi(t) P_k(t))^2 over E phi(t)^2 on the sphere: Legendre polynomials, or Chebyshev's U_k/(k + 1)."""
    alpha, right, left = POWERS[name][1], 1, (1 if name == "abs" else 0)
    second_kind = lambda k, t: (1, 2 * t, 4 * t * t - 1, 8 * t**3 - 4 * t)[k] / (k + 1)  # noqa: E731
    zonal = {3: mpmath.legendre, 4: second_kind}[d]
    number = {3: lambda k: 2 * k + 1, 4: lambda k: (k + 1) ** 2}[d]

    def mean(f):
        weight = lambda t: mpmath.sqrt(1 - t * t) ** (d - 3)  # noqa: E731
        both = mpmath.quad(lambda t: weight(t) * (right * f(t) + left * f(-t)), [0, 1])
        return both / (2 * mpmath.quad(weight, [0, 1]))

    kept = sum(number(k) * mean(lambda t, k=k: abs(t) ** alpha * zonal(k, t)) ** 2 for k in range(degree + 1))
    expected = kept / mean(lambda t: abs(t) ** (2 * alpha))
    assert float(ky_fan_bound(name, degree, d).share) == pytest.approx(float(expected), rel=1e-12)


def test_a_symbolic_dimension_and_its_limit():
    d = sp.Symbol("d", positive=True)
    general = ky_fan_bound("relu", 2, d)
    for n in (1, 2, 3, 8):
        assert sp.simplify(general.share.subs(d, n) - ky_fan_bound("relu", 2, n).share) == 0
        assert general.rank.subs(d, n) == ky_fan_bound("relu", 2, n).rank
    near, far = (float(ky_fan_bound("relu", 2, n).share) for n in (200, 400))
    assert 2 * far - near == pytest.approx(float(truncated_share("relu", 2)), abs=2e-5)


def test_many_dimensions():
    """10^6: the Gammas by mpmath."""
    d = mpmath.mpf(10) ** 6
    with mpmath.workdps(30):
        first = d**2 * mpmath.gammaprod([d / 2] * 2, [(d + 1) / 2] * 2) / (4 * mpmath.pi)
        expected = mpmath.mpf(1) / 2 + first * (3 * d + 5) / (d + 1) ** 2
    assert ky_fan_bound("relu", 2, 10**6).share == pytest.approx(float(expected), rel=1e-14)


def test_free_parameters():
    share = ky_fan_bound("leaky_relu", 2, 3).share
    (alpha,) = share.free_symbols
    for slope, name in ((0, "relu"), (1, "linear"), (-1, "abs")):
        assert share.subs(alpha, slope) == ky_fan_bound(name, 2, 3).share
    with pytest.raises(InputError, match="free parameters"):
        ky_fan_bound("leaky_relu", 2, 10**5)


def test_truncated_kernels_are_positive_parts():
    """The rest of the kernel is positive semi-definite, by the eigenvalues of its matrix on random weights."""
    w = np.random.Generator(np.random.Philox(2)).standard_normal((30, 3))
    lengths = np.linalg.norm(w, axis=1)
    c = np.clip(w @ w.T / np.outer(lengths, lengths), -1, 1)
    cut = np.outer(lengths, lengths) * (1 + np.pi * c / 2 + c**2 / 2) / 2
    assert np.linalg.eigvalsh(by_inputs(*POWERS["relu"], w) - cut).min() > -1e-10
    assert np.linalg.eigvalsh(by_inputs(*POWERS["relu"], w) - 1.03 * cut).min() < -1e-3
    assert np.linalg.matrix_rank(cut, tol=1e-9) == truncation_rank("relu", 2, 3) == 9


def test_truncated_eigenvalues_by_gram_matrices():
    """The kernel cut off after the square has the features |w|, w_a, w_a w_b/|w|: their covariance by 10^6 draws."""
    w = np.random.Generator(np.random.Philox(4)).standard_normal((1_000_000, 3))
    lengths = np.linalg.norm(w, axis=1)
    upper = np.triu_indices(3)
    products = w[:, upper[0]] * w[:, upper[1]] / lengths[:, None] * np.where(upper[0] == upper[1], 1, np.sqrt(2))
    features = np.column_stack([lengths, w * np.sqrt(np.pi / 2), products / np.sqrt(2)]) / np.sqrt(2 * np.pi)
    values = np.linalg.eigvalsh(features.T @ features / len(w))[::-1]
    expected = [float(truncated_eigenvalue("relu", k, 2, 3)) for k in (0, 1, 2)]
    assert values[0] == pytest.approx(expected[0], rel=6e-3)
    assert values[1:4] == pytest.approx([expected[1]] * 3, rel=6e-3)
    assert values[4:9] == pytest.approx([expected[2]] * 5, rel=1.2e-2)


@pytest.mark.parametrize(("name", "degree"), [("relu", 8), ("abs", 8), ("step", 9)])
def test_truncated_eigenvalues_grow_towards_the_exact_ones(name, degree):
    exact = {m.degree: m.value for m in KernelModes(name, 3, degree).modes}
    for k in range(degree + 1):
        found = [float(truncated_eigenvalue(name, k, n, 3)) for n in range(k, degree + 1)]
        assert found == sorted(found)
        assert found[-1] <= exact[k]
    assert float(truncated_eigenvalue("relu_squared", 2, 40, 3)) == pytest.approx(
        KernelModes("relu_squared", 3, 2).modes[2].value, rel=1e-3
    )


def test_the_angle_of_hadamard_products_closes():
    """d (1 - cos^2) tends to 1/2: two dimensions, extrapolated in 1/d."""
    near, far = (d * (1 - float(span_cosine(1, 2, d))) for d in (200, 400))
    assert 2 * far - near == pytest.approx(1 / 2, abs=1e-4)


# -- any activation, given weights


@pytest.mark.parametrize(("name", "phi"), [("tanh", np.tanh), ("sin", np.sin), ("x*exp(-x**2/2)", None)])
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_given_weights_of_any_activation(name, phi, degree):
    """J as a sum over 120 x 120 Gauss-Hermite nodes in the plane."""
    phi = phi or (lambda t: t * np.exp(-(t**2) / 2))
    x, mass = np.polynomial.hermite_e.hermegauss(120)
    mass = mass / mass.sum()
    inputs = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    weights = np.random.Generator(np.random.Philox(8)).standard_normal((40, 2))
    features = phi(weights @ inputs.T)
    matrix = (features * np.outer(mass, mass).ravel()) @ features.T
    bound = ky_fan_bound_given(name, degree, weights)
    assert bound.share - 1e-8 <= largest(matrix, bound.rank) < 1
    assert largest(matrix, 1) < bound.share  # as many as the rank are needed


def test_given_weights_by_mpmath():
    r = mpmath.sqrt(2)

    def mean(f):
        return 2 * mpmath.quad(lambda z: mpmath.npdf(z) * f(z), [0, 1, 3, 12])

    total = mean(lambda z: mpmath.tanh(r * z) ** 2)
    first, third = mean(lambda z: mpmath.tanh(r * z) * z), mean(lambda z: mpmath.tanh(r * z) * (z**3 - 3 * z))
    expected = (first**2 + third**2 / 6) / total
    assert ky_fan_bound_given("tanh", 3, np.ones((5, 2))).share == pytest.approx(float(expected), rel=1e-12)


def test_given_weights_of_powers():
    """The share of one power is the same number for all; the rank counts every power for itself."""
    for weights in adversarial_weights(3)[:4]:
        bound, d = ky_fan_bound_given("relu", 2, weights), weights.shape[1]
        assert bound.share == pytest.approx(float(truncated_share("relu", 2)), rel=1e-12)
        assert bound.rank == 1 + d + d * (d + 1) // 2
    many = np.random.Generator(np.random.Philox(1)).standard_normal((600, 2))  # more rows than are integrated at once
    assert ky_fan_bound_given("abs", 2, many).share == pytest.approx(float(truncated_share("abs", 2)), rel=1e-12)


# -- refusals


def test_only_powers_have_the_bound_for_all():
    for name in ("tanh", "relu(x) + x**2", "relu(x - 1)"):
        with pytest.raises(OutsideAssumptions, match="ask for ky_fan_bound_given"):
            ky_fan_bound(name, 2, 3)
        with pytest.raises(OutsideAssumptions, match="not one power"):
            truncated_share(name, 2)


@pytest.mark.parametrize("degree", [-1, 1.5, True, 10**6])
def test_impossible_degrees(degree):
    for ask in (lambda: truncated_share("relu", degree), lambda: ky_fan_bound("relu", degree, 3)):
        with pytest.raises(InputError, match=r"degree = .* is not possible"):
            ask()


@pytest.mark.parametrize("dimension", [0, -2, 2.5, sp.Rational(1, 2)])
def test_impossible_dimensions(dimension):
    for ask in (ky_fan_bound, truncation_rank):
        with pytest.raises(InputError, match=r"dimension = .* is not possible"):
            ask("relu", 2, dimension)


@pytest.mark.parametrize("weights", [np.ones(3), np.zeros((0, 2)), np.array([[1.0, np.nan]]), np.ones((2, 2, 2))])
def test_no_matrix(weights):
    for ask in (lambda: top_share("relu", weights, 1), lambda: ky_fan_bound_given("tanh", 2, weights)):
        with pytest.raises(InputError, match="no matrix"):
            ask()


@pytest.mark.parametrize("count", [-1, 1.5, True])
def test_impossible_counts(count):
    with pytest.raises(InputError, match="cannot be added"):
        top_share("relu", np.eye(2), count)


def test_rows_without_direction():
    with pytest.raises(InputError, match="row of zeros"):
        top_share("relu", np.array([[1.0, 0.0], [0.0, 0.0]]), 1)


def test_unresolved_activations():
    for name, weights in (("exp", [[9.0]]), ("sin", [[1e4]]), ("tanh", [[1e3]])):
        with pytest.raises(InputError, match="too fast over weights of length"):
            ky_fan_bound_given(name, 2, np.array(weights))


def test_lengths_enter_by_their_ratios():
    weights = adversarial_weights()[1]
    assert top_share("x**3", 1e200 * weights, 3) == pytest.approx(top_share("x**3", weights, 3), rel=1e-12)
