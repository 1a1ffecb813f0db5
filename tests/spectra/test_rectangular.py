"""Layers that are not square: against dense matrices of the Kronecker model, the definition, and product rules."""

import numpy as np
import pytest
from mpmath import mp

from fimtheory.spectra import TwoModeLaw
from tests.spectra import oracle

CONSTANTS = (1.0, 0.25, 0.5)
WIDTHS = [(36, 24, 32), (12, 24, 36), (12, 24, 16), (36, 24, 12), (24, 24, 12), (12, 24, 24), (24, 24, 24)]
ASPECTS = [(2, 3), (0.5, 3), (0.5, 0.3), (2, 0.3), (1, 4), (0.25, 1), (1.001, 0.998)]


def law_of(widths, constants=CONSTANTS):
    n0, n1, n2 = widths
    return TwoModeLaw(*constants, aspect=(n0 / n1, n2 / n1))


def eigenvalues(widths, constants, seed):
    """Of (V1, V2) -> (zeta W2'W2 V1 + alpha (n2/n1) V1 + zeta W2' V2 W1, V2 (zeta W1 W1' + beta) + zeta W2 V1 W1')."""
    (n0, n1, n2), (alpha, beta, zeta) = widths, constants
    rng = np.random.Generator(np.random.Philox(seed))
    w1, w2 = rng.standard_normal((n1, n0)) / np.sqrt(n0), rng.standard_normal((n2, n1)) / np.sqrt(n1)
    first = np.kron(zeta * w2.T @ w2 + alpha * n2 / n1 * np.eye(n1), np.eye(n0))
    second = np.kron(np.eye(n2), zeta * w1 @ w1.T + beta * np.eye(n1))
    mixed = zeta * np.kron(w2.T, w1.T)
    return np.linalg.eigvalsh(np.block([[first, mixed], [mixed.T, second]]))


@pytest.mark.parametrize("constants", [CONSTANTS, (0.0, 0.0, 1.0), (0.7, 0.2, 0.0)])
@pytest.mark.parametrize("widths", WIDTHS[:5])
def test_multiplicities_are_exact(widths, constants):
    small = tuple(n // 4 for n in widths)
    found, law = eigenvalues(small, constants, 1), law_of(widths, constants)
    assert found.size == small[1] * (small[0] + small[2])
    counts = {location: np.sum(np.abs(found - location) < 1e-9) for location, _ in law.atoms}
    assert counts == {location: pytest.approx(mass * found.size, abs=1e-9) for location, mass in law.atoms}
    inside = sum(np.sum((found > lo - 1e-9) & (found < hi + 1e-9)) for lo, hi in law.support)
    assert sum(counts.values()) + inside >= 0.8 * found.size  # few eigenvalues cross the edges at this size


@pytest.mark.parametrize("widths", WIDTHS)
def test_distribution_of_dense_matrices(widths):
    """Singular values are rigid: distribution functions are within one singular value of the limit."""
    found = eigenvalues(widths, CONSTANTS, 2)

    def distance(law):
        grid = np.concatenate([law.grid(100), [location + 1e-9 for location, _ in law.atoms]])
        return np.abs(np.searchsorted(found, grid, side="right") / found.size - law.cdf(grid)).max()

    assert distance(law_of(widths)) < 1 / min(widths)
    assert distance(law_of(widths, (1.0, 0.25, 0.5**2))) > 1 / min(widths)


def parts(aspect, constants):
    """Eigenvalues, weights: coupled pairs on a product rule, and the uncoupled ones."""
    (g0, g1), (alpha, beta, zeta) = aspect, constants
    matrices, weights = oracle.matrices(g1 * alpha, beta, zeta, (g1, 1 / g0), 240)
    (a, p), (b, q) = oracle.angles(g1, 240), oracle.angles(1 / g0, 240)
    yield np.linalg.eigvalsh(matrices).ravel(), np.repeat(weights, 2) * min(g0, 1) * min(g1, 1)
    yield g1 * alpha + zeta * a, p * max(g0 - 1, 0) * min(g1, 1)
    yield beta + zeta * b, q * max(g1 - 1, 0) * min(g0, 1)
    yield np.array([g1 * alpha, beta]), np.array([max(1 - g1, 0) * g0, max(1 - g0, 0) * g1])


@pytest.mark.parametrize("aspect", ASPECTS[:6])
@pytest.mark.parametrize("constants", [CONSTANTS, (0.1, 1.0, 0.5)])
def test_moments_and_stieltjes_transform_are_averages(aspect, constants):
    law = TwoModeLaw(*constants, aspect=aspect)
    values, weights = (np.concatenate(x) for x in zip(*parts(aspect, constants), strict=True))
    weights = weights / sum(aspect)
    assert weights.sum() == pytest.approx(1, abs=1e-13)
    assert np.allclose(law.moments(6), [weights @ values**k for k in range(1, 7)], rtol=1e-12)
    z = np.array([1 + 1j, -0.7 + 0.2j, 3 - 0.8j, 2.0 + 30j])
    assert np.abs(law.stieltjes(z) - (weights / (z[:, None] - values)).sum(axis=1)).max() < 1e-10


@pytest.mark.parametrize("aspect", [ASPECTS[i] for i in (0, 1, 2, 6)])
def test_density_is_the_definition(aspect):
    (g0, g1), (alpha, beta, zeta) = aspect, CONSTANTS
    law = TwoModeLaw(*CONSTANTS, aspect=aspect)

    def exact(l):
        with mp.workdps(30):
            ratios = mp.mpf(g1), 1 / mp.mpf(g0)
            upper = ratios[0] * alpha
            coupled = (upper, beta, zeta, l, ratios) if upper >= beta else (beta, upper, zeta, l, ratios[::-1])
            total = 2 * min(g0, 1) * min(g1, 1) * oracle.density(*coupled)
            for shift, ratio, mass in [
                (upper, ratios[0], max(g0 - 1, 0) * min(g1, 1)),
                (beta, ratios[1], max(g1 - 1, 0) * min(g0, 1)),
            ]:
                t, (lo, hi) = (l - shift) / zeta, oracle.edges(ratio)
                total += mass * oracle.weight(t, ratio) / zeta if lo < t < hi else 0
            return float(total / (mp.mpf(g0) + g1))

    levels = np.sort([*law.grid(3), *(np.mean(interval) for interval in law.support)])
    wanted = np.array([exact(mp.mpf(l)) for l in levels])
    assert np.all(np.abs(law.density(levels) - wanted) <= 1e-11 * wanted)  # and 0 where it is 0
    assert np.count_nonzero(wanted) >= 2


@pytest.mark.parametrize("aspect", ASPECTS[:2])
def test_digits(aspect):
    """The coupled part and the shifted one in one sum, at 18 digits: against floats, and between two precisions."""
    law = TwoModeLaw(*CONSTANTS, aspect=aspect)
    for l in (np.mean(interval) for interval in law.support):
        with mp.workdps(50):
            assert abs(law.density_digits(l, 18) / law.density_digits(l, 25) - 1) < mp.mpf(10) ** -17
        assert abs(law.density_digits(l, 18) / law.density(l) - 1) < 1e-13


@pytest.mark.parametrize("aspect", [*ASPECTS, (0.01, 100), (1e-8, 1e8)])
def test_routes_agree_and_masses_add_up(aspect):
    law = TwoModeLaw(*CONSTANTS, aspect=aspect)
    levels = law.grid(120)
    density = law.density(levels)
    assert np.abs(-law.stieltjes(levels).imag / np.pi - density).max() < 1e-12 * density.max()
    assert np.all(np.diff(law.cdf(levels)) >= 0)
    assert law.cdf(law.edges[-1]) == 1
    # the integral of the density over each piece of the support is the mass that the distribution function sees there
    t, w = np.polynomial.legendre.leggauss(40)
    for lo, hi in zip(law.edges[:-1], law.edges[1:], strict=True):
        angle = np.pi / 4 * (t + 1)
        l = lo + (hi - lo) * np.sin(angle) ** 2
        inside = np.pi / 4 * w @ (law.density(l) * (hi - lo) * np.sin(2 * angle))
        atom = dict(law.atoms).get(hi, 0)
        assert abs(inside - (law.mass(lo, hi) - atom)) < 2e-4


@pytest.mark.parametrize("aspect", ASPECTS)
def test_quantiles_and_samples(aspect):
    law = TwoModeLaw(*CONSTANTS, aspect=aspect)
    p = np.linspace(0, 1, 51)
    l = law.quantile(p)
    atoms = np.isin(l, [location for location, _ in law.atoms])
    assert np.all(np.diff(l) >= 0)
    assert np.abs(law.cdf(l) - p)[~atoms].max() < 1e-12
    assert np.all(law.cdf(np.nextafter(l, -1))[atoms] <= p[atoms] + 1e-12)
    draws, grid = np.sort(law.sample(40_000, 7)), law.grid(100)
    assert np.abs(np.searchsorted(draws, grid, side="right") / draws.size - law.cdf(grid)).max() < 1.95 / 200
    assert all(abs(np.mean(draws == location) - mass) < 0.01 for location, mass in law.atoms)


def test_a_ratio_of_one_is_the_square_layer_and_one_next_to_it_tends_to_it():
    square, near = TwoModeLaw(*CONSTANTS), TwoModeLaw(*CONSTANTS, aspect=(1 + 1e-9, 1 - 1e-9))
    levels = np.array([0.4, 0.9, 1.3, 2.0, 3.1, 4.5])
    assert np.abs(near.density(levels) - square.density(levels)).max() < 1e-7
    assert near.edges[0] == pytest.approx(square.edges[0], abs=1e-8)
    assert TwoModeLaw(*CONSTANTS, aspect=(1.0, 1)) == square


def test_special_points_increase_and_contain_the_ends_of_the_support():
    law = TwoModeLaw(*CONSTANTS, aspect=(2, 3))
    assert list(law.edges) == sorted(set(law.edges))
    assert {end for interval in law.support for end in interval} <= set(law.edges)
    assert law.has_gap
