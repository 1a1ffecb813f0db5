"""The Marchenko-Pastur law against quadrature of its density, exact rational moments, and matrices."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from mpmath import mp
from scipy.integrate import quad

from fimtheory.errors import InputError
from fimtheory.spectra import MarchenkoPastur
from tests.spectra import oracle

RATIOS = [1.0, 0.3, 2.5, 1e-6, 0.99, 40.0]


def mean(law, f, lo, hi):
    """E f(t) 1[lo < t < hi] over the continuous part, by the substitution that smooths both edges."""
    a, b = law.edges
    angle = [np.arcsin(np.sqrt(np.clip((x - a) / (b - a), 0, 1))) for x in (lo, hi)]
    return quad(
        lambda t: f(x := a + (b - a) * np.sin(t) ** 2) * law.density(x) * (b - a) * np.sin(2 * t),
        *angle,
        epsabs=1e-13,
        epsrel=1e-13,
        points=np.linspace(*angle, 9)[1:-1],
        limit=500,
    )[0]


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_distribution_function_is_the_integral_of_the_density(ratio):
    law = MarchenkoPastur(ratio, 2.0)
    lo, hi = law.edges
    for share in (0.003, 0.3, 0.9, 1.0):
        assert accumulates(law, law, lo + share * (hi - lo))


def accumulates(law, same, t):
    return abs(law.atom + mean(law, lambda x: 1, law.edges[0], t) - same.cdf(t)) < 1e-10


def test_a_wrong_ratio_has_another_distribution():
    assert not accumulates(MarchenkoPastur(0.3), MarchenkoPastur(0.3 * 1.03), 1.0)


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_density_is_the_definition(ratio):
    law = MarchenkoPastur(ratio)
    for share in (1e-6, 0.2, 0.999999):
        t = law.edges[0] + share * (law.edges[1] - law.edges[0])
        nearest = min(t - law.edges[0], law.edges[1] - t)
        with mp.workdps(40):
            exact = oracle.weight(mp.mpf(t), mp.mpf(ratio)) * min(1, 1 / mp.mpf(ratio))
        assert abs(law.density(t) / float(exact) - 1) < 1e-14 + 4 * np.spacing(t) / nearest  # edges are floats


@pytest.mark.parametrize("ratio", [Fraction(1), Fraction(3, 10), Fraction(5, 2)])
def test_moments_count_non_crossing_partitions(ratio):
    narayana = [
        sum(Fraction(comb(k, r) * comb(k, r - 1), k) * ratio ** (r - 1) for r in range(1, k + 1)) for k in range(1, 9)
    ]
    assert np.allclose(
        MarchenkoPastur(ratio, 0.5).moments(8) * 2.0 ** np.arange(1, 9), np.float64(narayana), rtol=1e-14
    )
    law = MarchenkoPastur(ratio)
    assert abs(mean(law, lambda t: t**3, *law.edges) / float(narayana[2]) - 1) < 1e-10


@pytest.mark.parametrize("ratio", RATIOS)
def test_quantiles_invert_the_distribution_function(ratio):
    law = MarchenkoPastur(ratio, 3.0)
    p = np.array([0, 1e-9, 0.2, 0.5, 0.98, 1 - 1e-9, 1]).reshape(7, 1)
    t = law.quantile(p)
    assert t.shape == p.shape
    assert np.all(np.diff(t.ravel()) >= 0)
    bulk = p > law.atom
    assert np.abs(law.cdf(t) - p)[bulk].max() < 1e-12
    assert np.all(t[~bulk] == (0 if law.atom else law.edges[0]))
    assert t[-1] == law.edges[1]


@pytest.mark.parametrize(("k", "m"), [(400, 800), (300, 300), (500, 200)])
def test_eigenvalues_of_a_matrix(k, m):
    """Eigenvalues are rigid: their distribution function is within about 1/(2 rank) of the limit."""
    rng, rank, count = np.random.Generator(np.random.Philox(3)), min(k, m), 4
    draws = [np.linalg.svd(rng.standard_normal((k, m)), compute_uv=False)[::-1] ** 2 / m for _ in range(count)]

    def differs(law):
        bulk = [(law.cdf(t) - law.atom) / (1 - law.atom) - (np.arange(rank) + 0.5) / rank for t in draws]
        means = np.mean(bulk, axis=1)
        return abs(means.mean()) > 1 / (2 * rank) + 4 * means.std(ddof=1) / np.sqrt(count)

    assert not differs(MarchenkoPastur(k / m))
    assert differs(MarchenkoPastur(k / m, 1.03))


@pytest.mark.parametrize("ratio", [1.0, 0.3, 2.5])
def test_the_stieltjes_transform_is_the_average(ratio):
    law = MarchenkoPastur(ratio, 2.0)
    t, w = oracle.angles(ratio, 600)
    z = np.array([1 + 0.5j, -3 - 1j, 20.0, 0.1 + 2j])
    exact = (w / (z[:, None] - 2 * t)).sum(axis=1) * (1 - law.atom) + law.atom / z
    assert np.abs(law.stieltjes(z) - exact).max() < 1e-13
    inside = np.linspace(*law.edges, 12)[1:-1]
    assert np.abs(-law.stieltjes(inside).imag / np.pi - law.density(inside)).max() < 1e-14
    assert law.stieltjes(2 - 1e-300j) == np.conj(law.stieltjes(2))


def test_far_away_the_transform_keeps_its_digits():
    assert abs(MarchenkoPastur(0.5).stieltjes(1e12) * (1e12 - 1) - 1) < 1e-15


def test_samples_follow_the_law_and_begin_alike():
    law = MarchenkoPastur(2.5)
    t = law.sample(20_000, 5)
    assert np.array_equal(t[:100], law.sample(100, 5))
    assert not np.array_equal(t[:100], law.sample(100, (5, 1)))
    spread = np.sqrt((law.moments(2)[1] - law.moments(1)[0] ** 2) / t.size)
    assert abs(t.mean() - 1) < 4 * spread
    assert abs(np.mean(t == 0) - law.atom) < 4 * np.sqrt(0.24 / t.size)
    grid = np.linspace(0, law.edges[1], 50)
    assert np.abs((t[:, None] <= grid).mean(axis=0) - law.cdf(grid)).max() < 1.95 / np.sqrt(t.size)  # 0.1 % level


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (lambda: MarchenkoPastur(0), "the ratio = 0 .* between 1e-50 and 1e50"),
        (lambda: MarchenkoPastur(1, -1), "the scale = -1"),
        (lambda: MarchenkoPastur(float("nan")), "the ratio = nan"),
        (lambda: MarchenkoPastur("1"), "the ratio = 1 .* real number"),
        (lambda: MarchenkoPastur(10**400), "the ratio = 10"),
        (lambda: MarchenkoPastur(1).quantile([0.5, 1.5]), r"outside \[0, 1\]"),
        (lambda: MarchenkoPastur(1).quantile(np.nan), r"outside \[0, 1\]"),
        (lambda: MarchenkoPastur(1).moments(0), "from 1 to 100"),
        (lambda: MarchenkoPastur(1, 1e40).moments(9), "moment 8 is beyond"),
        (lambda: MarchenkoPastur(1).sample(3, -1), "the seed -1"),
        (lambda: MarchenkoPastur(1).sample(-3, 1), "draws"),
        (lambda: MarchenkoPastur(1).stieltjes(np.nan), "nan is not a point"),
        (lambda: MarchenkoPastur(1).density([1, np.nan]), "nan is not a level"),
        (lambda: MarchenkoPastur(1).cdf(np.nan), "nan is not a level"),
    ],
)
def test_what_is_refused(refused, said):
    with pytest.raises(InputError, match=said) as error:
        refused()
    assert "\n" not in str(error.value)
