"""The law of a square layer against its definition in multiprecision, eq. 17 of the paper, and product rules."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from mpmath import mp
from scipy.integrate import quad

from fimtheory.errors import InputError
from fimtheory.spectra import TwoModeLaw
from tests.spectra import oracle

# overlapping, gap, beta next to nothing, alpha next to beta, the gap about to open
LAWS = [(1.0, 0.25, 0.5), (3.0, 0.5, 0.5), (1.0, 1e-12, 0.5), (2.0, 1.5, 0.3), (2.25, 0.25, 0.5)]
SQUARE_RATIOS = (1, 1)


def around(law, step):
    """Levels on both sides of every special point."""
    return np.array([z + sign * step for z in law.edges for sign in (-1, 1)])


def agrees(law, constants, l, tolerance):
    """Relative agreement with the definition; where nothing is, exactly nothing."""
    exact = oracle.density(*constants, float(l))
    return abs(law.density(l) - float(exact)) <= tolerance * float(exact)


@pytest.mark.parametrize("constants", LAWS)
def test_density_away_from_the_special_points(constants):
    law = TwoModeLaw(*constants)
    levels = [(z + w) / 2 for z, w in pairwise(sorted(law.edges)) if w - z > 1e-9]
    assert len(levels) >= 4
    exact = np.array([float(oracle.density(*constants, l)) for l in levels])
    assert np.all(np.abs(law.density(levels) - exact) <= 1e-11 * np.minimum(1, exact))  # and 0 in the gap


@pytest.mark.parametrize("constants", LAWS[:4])
def test_density_next_to_the_special_points(constants):
    law = TwoModeLaw(*constants)
    assert all(agrees(law, constants, l, 1e-9) for l in around(law, 1e-6))


@pytest.mark.parametrize("i", range(3))
def test_a_constant_off_by_three_per_cent_is_seen(i):
    wrong = list(LAWS[0])
    wrong[i] *= 1.03
    assert not agrees(TwoModeLaw(*LAWS[0]), wrong, 2.5, 1e-11)


@pytest.mark.parametrize("constants", LAWS[:3])
def test_distribution_function(constants):
    law = TwoModeLaw(*constants)
    levels = [*around(law, 1e-6)[::3], *law.grid(7)]
    levels = [l for l in levels if l > law.edges[0]]
    assert max(abs(law.cdf(l) - float(oracle.counted(*constants, l))) for l in levels) < 1e-13


def integrated(law, f=lambda l: 1.0):
    """int f rho between special points, by a substitution that smooths inverse square roots at both ends."""

    def panel(lo, hi):
        def integrand(t):
            l = lo + (hi - lo) * np.sin(t) ** 2
            return f(l) * law.density(l) * (hi - lo) * np.sin(2 * t)

        return quad(integrand, 0, np.pi / 2, epsabs=1e-12, limit=200)[0]

    return sum(panel(lo, hi) for lo, hi in pairwise(sorted(set(law.edges))))


@pytest.mark.parametrize("constants", [*LAWS[:2], LAWS[3], (0, 0, 1)])
def test_total_mass(constants):
    law = TwoModeLaw(*constants)
    atoms = sum(mass for _, mass in law.atoms)
    assert abs(integrated(law) + atoms - 1) < 1e-10
    assert abs(integrated(law, lambda l: l**2) - law.moments(2)[1]) < 1e-9
    assert law.cdf(law.edges[-1]) == 1
    assert law.cdf(np.nextafter(min(law.edges), -1)) == 0


def equation_17(l):
    """The density of a linear layer as printed, with K and E of the parameter m."""
    m = (8 - l) * l / 16
    return mp.ellipe(m) / (2 * mp.pi**2) + (4 - l) * mp.ellipk(m) / (8 * mp.pi**2)


def test_linear_layer():
    law = TwoModeLaw(0, 0, 1)
    levels = np.array([1e-9, 0.3, 3.9999, 4.0001, 5.5, 7.999])
    with mp.workdps(40):
        exact = np.array([float(equation_17(mp.mpf(l))) for l in levels])
    assert np.abs(law.density(levels) / exact - 1).max() < 1e-12
    assert np.abs(law.density(4) * 2 * np.pi**2 - 1) < 1e-14  # where eq. 17 reads 0 times infinity
    assert law.density(0) == pytest.approx(1 / (2 * np.pi), rel=1e-15)
    assert law.density([-1e-300, 8.0, 9.0]).tolist() == [0, 0, 0]
    assert law.atoms == ((0.0, 0.5),)
    assert law.cdf([-1e-300, 0]).tolist() == [0, 0.5]
    with mp.workdps(45):
        l = mp.mpf(6) / 5
        assert abs(law.density_digits(Fraction(6, 5), 40) / equation_17(l) - 1) < 1e-39
        assert abs(law.density_digits(4, 40) * 2 * mp.pi**2 - 1) < 1e-39


@pytest.mark.parametrize("l", [0.3, 1.7, 0.250001, 4.6598])
def test_digits(l):
    exact = oracle.density(*LAWS[0], l, digits=40)
    with mp.workdps(45):
        assert abs(TwoModeLaw(*LAWS[0]).density_digits(l, 38) / exact - 1) < 1e-37


def test_digits_at_special_points_and_for_exact_constants():
    third = TwoModeLaw(1, Fraction(1, 3), Fraction(1, 2))
    with mp.workdps(45):
        z2, beside = (
            third.density_digits(Fraction(7, 3), 30),
            third.density_digits(mp.mpf(7) / 3 + mp.mpf(10) ** -40, 30),
        )
        assert abs(z2 - beside) < 1e-29  # finite, with a logarithmic slope
        assert abs(z2 - third.density(7 / 3)) < 1e-13
        assert abs(third.density_digits(1.5, 30) - TwoModeLaw(1, 1 / 3, 0.5).density_digits(1.5, 30)) > 1e-20
    assert third.density_digits(1, 20) == mp.inf
    assert third.density_digits(0, 20) == third.density_digits(9, 20) == 0


@pytest.mark.parametrize("constants", LAWS)
def test_infinite_at_two_special_points_and_finite_at_four(constants):
    z1, z2, z3, z4, z5, z6 = TwoModeLaw(*constants).edges
    density = TwoModeLaw(*constants).density
    assert density([z1, z4]).tolist() == [math.inf, math.inf]
    assert np.isfinite(density([z2, z3, z5, z6])[[z != z4 for z in (z2, z3, z5, z6)]]).all()
    assert density([z1 - 1e-9, z6 + 1e-9, -math.inf, math.inf]).tolist() == [0, 0, 0, 0]


def test_nothing_in_the_gap():
    law = TwoModeLaw(3, 0.5, 0.5)
    assert law.has_gap
    assert law.support == ((0.5, 2.5), (3.0, law.edges[-1]))
    assert law.density([2.500000001, 2.75, 2.999999999]).tolist() == [0, 0, 0]
    assert law.cdf([2.5, 2.75, 3]).tolist() == [0.5, 0.5, 0.5]
    assert law.quantile([0.5, np.nextafter(0.5, 1)]).tolist() == [2.5, 3.0]
    assert not TwoModeLaw(2.5, 0.5, 0.5).has_gap
    assert TwoModeLaw(2.5001, 0.5, 0.5).has_gap


def test_special_points_are_the_eigenvalues_at_the_corners():
    alpha, beta, zeta = LAWS[0]
    corners = [
        np.linalg.eigvalsh([[alpha + zeta * a, zeta * math.sqrt(a * b)], [zeta * math.sqrt(a * b), beta + zeta * b]])
        for a in (0, 4)
        for b in (0, 4)
    ]
    z = TwoModeLaw(*LAWS[0]).edges
    assert {round(x, 12) for x in np.ravel(corners)} == {round(x, 12) for x in z}
    assert z[2] < z[5]
    assert (z[0], z[1], z[3], z[4]) == (beta, beta + 4 * zeta, alpha, alpha + 4 * zeta)


def test_the_third_special_point_keeps_its_digits():
    tiny = TwoModeLaw(3e-20, 1e-20, 1).edges[2]
    with mp.workdps(60):
        exact = mp.eigsy(mp.matrix([[4 + mp.mpf(3e-20), 4], [4, 4 + mp.mpf(1e-20)]]), eigvals_only=True)[0]
    assert abs(tiny / float(exact) - 1) < 1e-15


@pytest.mark.parametrize("constants", [*LAWS, (0, 0, 1), (0.7, 0.7, 0.2)])
def test_moments_and_stieltjes_transform_are_averages_of_the_matrix(constants):
    law = TwoModeLaw(*constants)
    matrices, weights = oracle.matrices(*constants, SQUARE_RATIOS, 120)
    values = np.linalg.eigvalsh(matrices)
    moments = [(weights @ values**k).mean() for k in range(1, 9)]
    assert np.allclose(law.moments(8), moments, rtol=1e-12)
    z = np.array([1 + 1j, -0.7, 3 - 0.8j, 2.0 + 30j])
    exact = [(weights @ (1 / (x - values))).mean() for x in z]
    assert np.abs(law.stieltjes(z) - exact).max() < 1e-10


@pytest.mark.parametrize("constants", [*LAWS, (0, 0, 1)])
def test_the_inversion_formula(constants):
    """-Im G(l + i0)/pi, by the arc rule, is the density: to rounding, measured against G where that is large."""
    law = TwoModeLaw(*constants)
    levels = np.concatenate([law.grid(100), around(law, 1e-6)])
    transform = law.stieltjes(levels)
    assert np.abs(-transform.imag / np.pi - law.density(levels)).max() < 1e-13 * np.abs(transform).max()
    middle = np.array([(z + w) / 2 for z, w in pairwise(sorted(set(law.edges)))])
    assert np.abs(law.stieltjes(middle + 1e-9j) - law.stieltjes(middle)).max() < 1e-6


def test_transform_at_the_singular_points():
    law = TwoModeLaw(*LAWS[0])
    assert law.stieltjes([law.edges[0], law.edges[3]]).imag.tolist() == [-math.inf, -math.inf]
    assert np.isfinite(law.stieltjes([law.edges[1], law.edges[2], law.edges[4], law.edges[5]])).all()
    assert law.stieltjes(2 - 0.5j) == np.conj(law.stieltjes(2 + 0.5j))


@pytest.mark.parametrize("constants", [*LAWS, (0, 0, 1), (0.7, 0.7, 0.2)])
def test_quantiles(constants):
    law = TwoModeLaw(*constants)
    p = np.array([[0, 1e-9, 1e-3, 0.2], [0.5, 0.7, 1 - 1e-9, 1]])
    l = law.quantile(p)
    assert l.shape == p.shape
    assert np.all(np.diff(l.ravel()) >= 0)
    assert (l[0, 0], l[-1, -1]) == (min(law.edges), max(law.edges))
    atoms = np.isin(l, [location for location, _ in law.atoms])
    lower, upper = (law.cdf(np.nextafter(l, end)) for end in (-np.inf, np.inf))  # no float is nearer
    assert np.all((lower - 1e-12 <= p) & (p <= upper + 1e-12) | atoms)


def test_windows():
    law = TwoModeLaw(*LAWS[0])
    assert law.mass([0, 1], [1, 9]) == pytest.approx([0.5, 0.5], abs=1e-15)
    assert law.mass(-1, 9) == 1
    assert abs(law.mass(2, 3) - quad(law.density, 2, 3, points=[law.edges[1]], epsabs=1e-13)[0]) < 1e-12


@pytest.mark.parametrize("constants", [LAWS[0], LAWS[1], (0, 0, 1)])
def test_samples(constants):
    law = TwoModeLaw(*constants)
    l = law.sample(100_000, 11)
    assert np.array_equal(l[:50], law.sample(50, 11))

    def distance(other):
        grid = other.grid(200)
        return np.abs(np.searchsorted(np.sort(l), grid, side="right") / l.size - other.cdf(grid)).max() * np.sqrt(
            l.size
        )

    assert distance(law) < 1.95  # Kolmogorov-Smirnov, level 0.1 %
    assert distance(TwoModeLaw(*constants[:2], constants[2] * 1.06)) > 1.95
    assert {location for location, _ in law.atoms} <= set(l)


def test_exchanging_the_modes_changes_nothing():
    law, mirrored = TwoModeLaw(*LAWS[0]), TwoModeLaw(0.25, 1.0, 0.5)
    levels = law.grid(50)
    assert np.array_equal(law.density(levels), mirrored.density(levels))
    assert np.array_equal(law.cdf(levels), mirrored.cdf(levels))
    assert law.moments(6) == pytest.approx(mirrored.moments(6), rel=1e-15)


def test_scale():
    law, levels = TwoModeLaw(*LAWS[0]), TwoModeLaw(*LAWS[0]).grid(40)
    for scale in (2.0**-140, 2.0**140):
        scaled = TwoModeLaw(*(x * scale for x in LAWS[0]))
        assert scaled.density(levels * scale) * scale == pytest.approx(law.density(levels), rel=1e-13)
        assert scaled.cdf(levels * scale) == pytest.approx(law.cdf(levels), abs=1e-14)


@pytest.mark.parametrize("l", [1e-280, 1e-100, 1e-30])
def test_a_vanishing_first_point(l):
    """beta = 0: the density is c/sqrt(l) down to the smallest numbers."""
    law = TwoModeLaw(1, 0, 0.5)
    assert law.density(l) * math.sqrt(l) == pytest.approx(law.density(1e-20) * 1e-10, rel=1e-8)
    assert law.density([5e-324, -5e-324]).tolist() == [law.density(1e-290), 0]
    assert abs(law.stieltjes(5e-324j) / law.stieltjes(1e-290j) - 1) < 1e-14


@pytest.mark.parametrize("aspect", [(1, 1), (Fraction(3, 10), Fraction(7, 10)), (Fraction(11, 10), Fraction(1, 10))])
@pytest.mark.parametrize("zeta", [0.5, Fraction(1, 7), 0])
def test_an_atom_is_where_it_is_said_to_be(aspect, zeta):
    """Also where the location is no float: the one that is printed counts."""
    law = TwoModeLaw(Fraction(1, 3), aspect[1] * Fraction(1, 3) if zeta else 0.1, zeta, aspect=aspect)
    for location, mass in law.atoms:
        assert law.cdf(location) - law.cdf(np.nextafter(location, -1)) == pytest.approx(mass, abs=1e-7)
        assert law.quantile(law.cdf(location) - mass / 2) == location
        assert location in law.sample(200, 1)


def test_without_coupling_there_are_two_atoms():
    law = TwoModeLaw(1, 0.25, 0)
    assert (law.atoms, law.support, law.has_gap) == (((0.25, 0.5), (1.0, 0.5)), (), False)
    assert law.density([0.25, 0.7, 1]).tolist() == [0, 0, 0]
    assert law.cdf([0.2, 0.25, 0.9, 1]).tolist() == [0, 0.5, 0.5, 1]
    assert law.quantile([0, 0.5, 0.51, 1]).tolist() == [0.25, 0.25, 1, 1]
    assert set(law.sample(50, 1)) == {0.25, 1.0}
    assert law.stieltjes(2) == 0.5 / 1.75 + 0.5
    assert TwoModeLaw(0, 0, 0).atoms == ((0.0, 1.0),)


def test_the_grid_crowds_near_the_special_points():
    law = TwoModeLaw(*LAWS[0])
    grid = law.grid(500)
    assert grid.shape == (500,)
    assert np.all(np.diff(grid) > 0)
    assert all(np.abs(grid - z).min() < 1e-4 for z in law.edges)
    assert np.isfinite(law.density(grid)).all()


def test_repr_can_be_read_and_evaluated():
    law = TwoModeLaw(1, 0.25, 0.5, aspect=(2, 0.5))
    assert repr(law) == "TwoModeLaw(alpha=1, beta=0.25, zeta=0.5, aspect=(2, 0.5))"
    assert eval(repr(law)) == law
    assert repr(TwoModeLaw(1, 0.25, 0.5)) == "TwoModeLaw(alpha=1, beta=0.25, zeta=0.5)"


LAW = TwoModeLaw(*LAWS[0])


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (lambda: TwoModeLaw(-1, 0, 1), "alpha = -1"),
        (lambda: TwoModeLaw(1, 0, math.inf), "zeta = inf"),
        (lambda: TwoModeLaw(1, math.nan, 1), "beta = nan"),
        (lambda: TwoModeLaw(1, 1e-200, 1), "beta = 1e-200"),
        (lambda: TwoModeLaw(1, "0", 1), "beta = 0"),
        (lambda: TwoModeLaw(1, 1j, 1), "beta = 1j"),
        (lambda: TwoModeLaw(True, 0, 1), "alpha = True"),
        (lambda: TwoModeLaw(1, None, 1), "beta = None"),
        (lambda: TwoModeLaw(10**400, 0, 1), "alpha = 10"),
        (lambda: TwoModeLaw(1, 0, 1, aspect=2), "two numbers"),
        (lambda: TwoModeLaw(1, 0, 1, aspect=(1, 0)), "an aspect ratio = 0"),
        (lambda: LAW.density(math.nan), "nan is not a level"),
        (lambda: LAW.cdf([0, math.nan]), "nan is not a level"),
        (lambda: LAW.stieltjes(math.nan), "nan is not a point"),
        (lambda: LAW.quantile(-0.1), r"outside \[0, 1\]"),
        (lambda: LAW.mass(2, 1), "lo <= hi"),
        (lambda: LAW.moments(1.5), "whole number from 1"),
        (lambda: TwoModeLaw(1e20, 0, 1).moments(20), "moment 16 is beyond"),
        (lambda: LAW.grid(0), "0 points"),
        (lambda: LAW.sample(10, "x"), "the seed 'x'"),
        (lambda: LAW.sample(1.5, 1), "1.5 draws"),
        (lambda: LAW.density_digits(2, 0), "0 digits"),
        (lambda: LAW.density_digits(math.inf, 10), "the level = inf"),
        (lambda: LAW.density_digits([1, 2], 10), "the level"),
    ],
)
def test_what_is_refused(refused, said):
    with pytest.raises(InputError, match=said) as error:
        refused()
    assert "\n" not in str(error.value)
