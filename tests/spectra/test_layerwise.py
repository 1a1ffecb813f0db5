"""Laws of deep Gram matrices against Marchenko-Pastur, exact moments of sample covariances, and dense matrices."""

import math
from fractions import Fraction

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.spectra import MarchenkoPastur
from fimtheory.spectra.chi_square_rule import chi_square_rule
from fimtheory.spectra.layers import Companion, Layer
from fimtheory.spectra.layerwise import LayeredLaw

THREE = (Layer(0.8, 0, 1), Layer(1.5, 0.7, 0.4), Layer(0.6, 0.8, 0.3))
KINDS = Layer(0.5, [0.2, 0.9, -0.6], [0.1, 1.5, 0.4], [0.3, 0.3, 0.4])
TWO_INTERVALS = LayeredLaw((Layer(4, 0, 1), Layer(0.05, 1, 0.1)), (0, 1))
LAWS = {
    "sum": LayeredLaw(THREE, (0.5, 1.0, 0.7), shift=0.3),
    "top": LayeredLaw(THREE, (0, 0, 1)),
    "kinds": LayeredLaw((Layer(0.8, 0, 1), KINDS), (0.2, 1)),
    "gap": TWO_INTERVALS,
    "atom": LayeredLaw((Layer(4, 0, 1), Layer(3, 1, 0.5)), (1, 1)),
    "unseen": LayeredLaw((Layer(0.7, 0, 1), Layer(0.5, 1, 1), Layer(0.5, 0, 1)), (1, 0, 1)),
}
each_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())


@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5])
def test_one_layer_is_marchenko_pastur(ratio):
    law, known = LayeredLaw((Layer(ratio, 0, 1),), (1,)), MarchenkoPastur(ratio)
    x = np.linspace(-0.5, known.edges[1] + 1, 60) + 1e-4
    assert np.abs(law.density(x) - known.density(x)).max() < 1e-13
    assert np.abs(law.cdf(x) - known.cdf(x)).max() < 1e-13
    z = np.concatenate([x, x + 0.3j, x - 2j])
    assert np.abs(law.stieltjes(z) - known.stieltjes(z)).max() < 1e-11
    assert np.allclose(law.support[0], known.edges, rtol=1e-12, atol=1e-13)
    p = np.array([0.0, 0.1, 0.5, 0.77, 1.0])
    assert np.abs(law.quantile(p) - known.quantile(p)).max() < 1e-9
    assert np.allclose(law.moments(6), known.moments(6), rtol=1e-13)
    assert sum(mass for _, mass in law.atoms) == pytest.approx(known.atom)


def partitions(k, largest):
    """All ways to write k as a sum of parts, as {part: count}."""
    if k == 0:
        yield {}
    for part in range(min(k, largest), 0, -1):
        for rest in partitions(k - part, part):
            yield rest | {part: rest.get(part, 0) + 1}


def sample_covariance_moments(population, ratio):
    """sum ratio^(s-1) k!/((k-s+1)! prod i_j!) prod p_j^i_j over i_1 + 2 i_2 + .. = k, s = i_1 + i_2 + .. (Yin 1986)."""
    found = []
    for k in range(1, len(population) + 1):
        total = Fraction(0)
        for parts in partitions(k, k):
            s = sum(parts.values())
            count = Fraction(math.factorial(k), math.factorial(k - s + 1))
            product = math.prod(population[j - 1] ** i / Fraction(math.factorial(i)) for j, i in parts.items())
            total += ratio ** (s - 1) * count * product
        found.append(total)
    return found


def test_moments_of_nested_layers():
    """Exact rational arithmetic: moments of an affine image, and of a sample covariance, three times."""
    layers = [
        (Fraction(4, 5), 0, Fraction(1)),
        (Fraction(3, 2), Fraction(1, 2), Fraction(2, 5)),
        (Fraction(3, 5), 2, 1),
    ]
    moments = [Fraction(0)] * 6
    for ratio, slope, noise in layers:
        full = [Fraction(1), *moments]
        population = [
            sum(
                math.comb(k, j) * (Fraction(slope) ** 2) ** j * full[j] * Fraction(noise) ** (k - j)
                for j in range(k + 1)
            )
            for k in range(1, 7)
        ]
        moments = sample_covariance_moments(population, ratio)
    law = LayeredLaw([Layer(float(r), float(b), float(s)) for r, b, s in layers], (0, 0, 1))
    assert np.allclose(law.moments(6) / np.array(moments, dtype=float), 1, atol=1e-13)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_products_of_square_matrices(depth):
    """Fuss-Catalan numbers, and the edge (L + 1)^(L + 1)/L^L; at 0 the density is infinite."""
    law = LayeredLaw((Layer(1, 0, 1), *[Layer(1, 1, 0)] * (depth - 1)), (*[0] * (depth - 1), 1))
    exact = [math.comb((depth + 1) * k, k) / (depth * k + 1) for k in range(1, 8)]
    assert np.allclose(law.moments(7), exact, rtol=1e-12)
    assert law.support[0] == pytest.approx((0, (depth + 1) ** (depth + 1) / depth**depth), rel=1e-12)
    assert law.density(0) == math.inf
    assert law.atoms == ()


def integral(law, f):
    """int f density, Gauss-Legendre in the angle that opens the square roots at both ends of every interval."""
    t, w = np.polynomial.legendre.leggauss(160)
    angle, total = np.pi / 4 * (t + 1), 0.0
    for lo, hi in law.support:
        l = lo + (hi - lo) * np.sin(angle) ** 2
        total += np.pi / 4 * (w * law.density(l) * f(l) * (hi - lo) * np.sin(2 * angle)).sum()
    return total


@each_law
def test_density_against_moments(law):
    """The density comes from the resolvent on the axis, the moments from power series at infinity."""
    atoms = {k: sum(mass * place**k for place, mass in law.atoms) for k in range(4)}
    exact = [1, *law.moments(3)]
    for k in range(4):
        assert integral(law, lambda l, k=k: l**k) + atoms[k] == pytest.approx(exact[k], rel=1e-8)


@each_law
def test_distribution_function_against_density(law):
    """One is a value of the stationary function, the other a derivative: a difference quotient, to h^4."""
    h = 1e-3 * (law.support[0][1] - law.support[0][0])
    x = np.concatenate([lo + (hi - lo) * np.array([0.2, 0.5, 0.8]) for lo, hi in law.support])
    slope = (8 * (law.cdf(x + h) - law.cdf(x - h)) - (law.cdf(x + 2 * h) - law.cdf(x - 2 * h))) / (12 * h)
    assert np.abs(slope / law.density(x) - 1).max() < 1e-7
    assert law.cdf(law.edges[-1]) == 1
    assert law.cdf(law.edges[0] - 1) == 0


def test_gap():
    """K_0 has rank 1/4: a quarter of the mass lies above, the rest at the noise, smeared by a ratio of 1/20."""
    (_, low), (high, _) = TWO_INTERVALS.support
    assert low < 0.2 < 0.9 < high
    assert np.abs(TWO_INTERVALS.cdf([low, (low + high) / 2, high]) - 0.75).max() < 1e-12
    assert TWO_INTERVALS.density((low + high) / 2) == 0
    assert TWO_INTERVALS.quantile(0.75) == pytest.approx(low, abs=1e-6)
    levels = TWO_INTERVALS.grid(11)
    assert levels.size == 11
    assert (TWO_INTERVALS.density(levels) > 0).all()


HARD = {
    "thin": LayeredLaw((Layer(1e4, 0, 1), Layer(1e4, 0.6, 0.03)), (0.4, 1.0), shift=0.02),
    "deep": LayeredLaw((Layer(1, 0, 1), *[Layer(1, 0.7, 0.05)] * 11), [0.1] * 12, shift=0.06),
}


@pytest.mark.parametrize("law", [*LAWS.values(), *HARD.values()], ids=[*LAWS, *HARD])
def test_square_roots_at_edges(law):
    """The density rises as the square root of the distance.

    At 1 and 4 parts in a million of the scale of an edge the next term is of the order 1e-6, and an edge wrong by 1e-8
    of it shows.
    """
    for lo, hi in law.support:
        for edge, sign in ((lo, 1), (hi, -1)):
            step = 1e-6 * min(hi - lo, edge - law.shift) * np.array([1, 4])
            if edge > law.shift:
                first, second = law.density(edge + sign * step)
                assert second / first == pytest.approx(2, abs=2e-3)
                assert law.density(edge - sign * step[0]) == 0


@each_law
def test_quantiles_and_samples(law):
    p = np.array([0.31, 0.6, 0.9])
    q = law.quantile(p)
    atom = sum(mass for _, mass in law.atoms)
    assert np.abs(law.cdf(q) - np.maximum(p, atom)).max() < 1e-10
    sample = law.sample(200, seed=3)
    assert np.allclose(sample[:50], law.sample(50, seed=3), rtol=1e-9)
    assert abs(sample.mean() - law.moments(1)[0]) < 5 * sample.std() / np.sqrt(200)


def test_scale_and_shift():
    base, other = LAWS["kinds"], LayeredLaw(LAWS["kinds"].layers, (0.6, 3), shift=-2)
    x = base.grid(7)
    assert np.allclose(other.density(3 * x - 2) * 3, base.density(x), rtol=1e-11)
    assert np.allclose(
        other.moments(2), [3 * base.moments(1)[0] - 2, *(9 * base.moments(2)[1:] - 12 * base.moments(1) + 4)]
    )


def with_slopes(factor=1.0, outputs=1):
    """A law whose units have companions, and the numbers of the units."""
    u, share = chi_square_rule(outputs)
    one = np.ones(u.size)
    companion = Companion(0.4 * one, 0.5 * one, 0.2 * one, factor * 0.6 * u)
    return LayeredLaw((Layer(0.5, 0, 1), Layer(0.8, 0.7 * one, 0.6 * one, share, companion)), (0.3, 1.0))


def dense_with_slopes(n, seed):
    """All eigenvalues of one matrix with companions, drawn by its definition."""
    draw = np.random.Generator(np.random.Philox(seed))
    m0, m1 = round(n / 0.5), round(n / 0.8)
    x = draw.standard_normal((n, m0)) / np.sqrt(m0)
    field = x @ draw.standard_normal((m0, m1))
    noise = draw.standard_normal((2, n, m1))
    r = 0.7 * field + np.sqrt(0.6) * noise[0]
    other = 0.4 * field + 0.2 / np.sqrt(0.6) * noise[0] + np.sqrt(0.5 - 0.04 / 0.6) * noise[1]
    other = other * np.sqrt(0.6) * draw.standard_normal(m1)
    return np.linalg.eigvalsh(0.3 * x @ x.T + (r @ r.T + other @ other.T) / m1)


def test_companions_against_dense_matrices():
    """Four matrices of 500 x 500: shares are known to about 1/500; a factor 1.2 in the weights shows."""
    values = np.concatenate([dense_with_slopes(500, seed) for seed in range(4)])
    law, wrong = with_slopes(), with_slopes(factor=1.2)
    levels = np.quantile(values, [0.1, 0.3, 0.5, 0.7, 0.9])
    found = np.array([(values <= level).mean() for level in levels])
    assert np.abs(law.cdf(levels) - found).max() < 0.01 < np.abs(wrong.cdf(levels) - found).max()
    assert values.mean() == pytest.approx(law.moments(1)[0], rel=0.02)
    assert law.support[-1][1] == math.inf
    low = law.support[0][0]
    assert law.density(low + 4e-7) / law.density(low + 1e-7) == pytest.approx(2, abs=1e-3)
    assert law.cdf(1e4) == pytest.approx(1, abs=1e-8)


def test_companions_against_moments():
    """E 1/(z - l) far away is its moment series, whose coefficients use no resolvent."""
    law, z = with_slopes(outputs=3), 400j
    series = sum(m / z ** (k + 1) for k, m in enumerate([1, *law.moments(6)]))
    assert abs(law.stieltjes(z) / series - 1) < 1e-9


def test_dense_matrices_with_kinds():
    """The sum of two layers with three kinds of units; a slope wrong by a tenth shows."""
    n, draw = 600, np.random.Generator(np.random.Philox(5))
    m0, m1 = round(n / 0.8), round(n / 0.5)
    x = draw.standard_normal((n, m0)) / np.sqrt(m0)
    kind = np.repeat(np.arange(3), np.round(np.array(KINDS.share) * m1).astype(int))
    r = KINDS.slope[kind] * (x @ draw.standard_normal((m0, m1)))
    r += np.sqrt(KINDS.noise[kind]) * draw.standard_normal((n, m1))
    values = np.linalg.eigvalsh(0.2 * x @ x.T + r @ r.T / m1)
    levels = np.quantile(values, [0.1, 0.3, 0.5, 0.7, 0.9])
    law, wrong = (
        LAWS["kinds"],
        LayeredLaw((Layer(0.8, 0, 1), Layer(0.5, KINDS.slope * 1.1, KINDS.noise, KINDS.share)), (0.2, 1)),
    )
    found = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    assert np.abs(law.cdf(levels) - found).max() < 0.005 < np.abs(wrong.cdf(levels) - found).max()


@pytest.mark.parametrize("dof", [1, 2, 3, 10, 200])
def test_chi_square_rule(dof):
    """Moments C, C (C + 2); and E 1/(u + 2 C) against adaptive quadrature."""
    from scipy.integrate import quad
    from scipy.stats import chi2

    u, share = chi_square_rule(dof)
    assert abs(share.sum() - 1) < 1e-9
    assert abs(share @ u / dof - 1) < 1e-8
    assert abs(share @ u**2 / (dof * (dof + 2)) - 1) < 1e-7
    exact = quad(lambda v: 2 * v * chi2.pdf(v * v, dof) / (v * v + 2 * dof), 0, np.inf, epsabs=1e-13)[0]
    assert abs(share @ (1 / (u + 2 * dof)) / exact - 1) < 1e-9


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: LayeredLaw((), ()), "0 coefficients for 0 layers"),
        (lambda: LayeredLaw(THREE, (1, 1)), "2 coefficients for 3 layers"),
        (lambda: LayeredLaw(THREE, (1, 1, 0)), "the last is positive"),
        (lambda: LayeredLaw(THREE, (1, -1, 1)), "not negative"),
        (lambda: LayeredLaw(THREE[1:], (1, 1)), "nothing below it"),
        (lambda: LayeredLaw(THREE, (1, math.nan, 1)), "a coefficient = nan"),
        (lambda: Layer(0, 0, 1), "ratio N/M of a layer = 0"),
        (lambda: Layer(1, 0, -1), "variances of noise"),
        (lambda: Layer(1, [0, 1], 1), "differ in shape"),
        (lambda: Layer(1, [0, 1], [1, 1], [0.5, 0.6]), "sum to 1.1"),
        (lambda: TWO_INTERVALS.grid(0), "make no grid"),
        (lambda: TWO_INTERVALS.mass(2, 1), "ends before it begins"),
        (lambda: TWO_INTERVALS.quantile(1.1), "outside"),
        (lambda: TWO_INTERVALS.density(math.nan), "nan is not a level"),
        (lambda: TWO_INTERVALS.moments(0), "0 moments are not offered"),
    ],
)
def test_errors(make, match):
    with pytest.raises(InputError, match=match):
        make()
