"""Harmonics against Laplace's operator in all coordinates, averages against moments of independent Gaussians.

The oracle here writes |w|^2 out as a sum of squares of d coordinates; the package never does.
"""

import pytest
import sympy as sp

from fimtheory.errors import InputError
from fimtheory.theory.harmonics import (
    WEIGHT,
    harmonics,
    mean,
    monomials,
    planar_harmonic,
    tidy,
    zonal_harmonic,
)
from fimtheory.theory.homogeneous import DIMENSION
from fimtheory.theory.sphere import RadialLaw

a, b, c = (WEIGHT.coordinate(l) for l in (1, 2, 3))
r = WEIGHT.norm
POLYNOMIALS = [a**2, a * b, a**3 * b, a**2 * b**2, a**4 - 3 * a * b + 5, a * b * c**2, (a + 2 * b) ** 3]


def written_out(e, d):
    """e in all of its d coordinates; even powers of the length only."""
    return sp.expand(e.subs(r, sp.sqrt(sum(WEIGHT.coordinate(l) ** 2 for l in range(1, d + 1)))))


def gaussian_mean(e, d):
    """E e over d independent standard Gaussians."""
    names = [WEIGHT.coordinate(l) for l in range(1, d + 1)]
    terms = sp.Poly(written_out(e, d), *names).terms()
    moments = [(k, sp.Mul(*(0 if n % 2 else sp.factorial2(n - 1) for n in powers))) for powers, k in terms]
    return sum(k * m for k, m in moments)


@pytest.mark.parametrize("p", POLYNOMIALS, ids=str)
@pytest.mark.parametrize("d", [3, 4, DIMENSION], ids=str)
def test_decomposition(p, d):
    parts = harmonics(p, WEIGHT, d)
    assert sp.expand(sp.cancel(sum(r**h.power * h.polynomial for h in parts) - p)) == 0
    for h in parts:
        scaled = h.polynomial.subs({a: 2 * a, b: 2 * b, c: 2 * c, r: 2 * r}, simultaneous=True)
        assert sp.expand(scaled - 2**h.degree * h.polynomial) == 0
        for dimension in (3, 5):
            if d in (dimension, DIMENSION):
                full = written_out(h.polynomial.subs(DIMENSION, dimension), dimension)
                names = [WEIGHT.coordinate(l) for l in range(1, dimension + 1)]
                assert sp.expand(sum(sp.diff(full, s, 2) for s in names)) == 0


@pytest.mark.parametrize("e", [*POLYNOMIALS, r**2 * a**2, r**4 * a**2 * b**2 - 7 * r**2 + 1], ids=str)
@pytest.mark.parametrize("d", [3, 4])
def test_means(e, d):
    assert mean(e, WEIGHT, RadialLaw(d)) == gaussian_mean(e, d)
    assert tidy(mean(e, WEIGHT, RadialLaw(DIMENSION)).subs(DIMENSION, d)) == gaussian_mean(e, d)


def test_means_with_odd_powers_of_the_length():
    """E w_1^2/|w| = E|w|/d, and E 1/|w| for d = 3 is sqrt(2/pi): int r exp(-r^2/2) dr times 4 pi/(2 pi)^(3/2)."""
    law = RadialLaw(3)
    assert mean(1 / r, WEIGHT, law) == sp.sqrt(2 / sp.pi)
    assert mean(a**2 / r, WEIGHT, law) == mean(r, WEIGHT, law) / 3
    with pytest.raises(InputError, match="take a power above -3"):
        mean(r**-3, WEIGHT, law)


@pytest.mark.parametrize("k", range(7))
def test_known_harmonics(k):
    d = 4
    for h in (zonal_harmonic(k, d), planar_harmonic(k)):
        (part,) = harmonics(h, WEIGHT, d)
        assert (part.degree, part.power) == (k, 0)
        assert sp.expand(part.polynomial - h) == 0
    assert zonal_harmonic(k, d).subs({a: 1, r: 1}) == 1


def test_different_harmonics_are_orthogonal():
    shapes = [(k, zonal_harmonic(k, DIMENSION)) for k in range(4)] + [(k, planar_harmonic(k)) for k in (2, 3)]
    for j, h in shapes:
        for k, g in shapes:
            if j != k:
                assert mean(h * g, WEIGHT, RadialLaw(DIMENSION)) == 0


def test_what_vanishes_in_few_dimensions():
    assert [h.degree for h in harmonics(a**2, WEIGHT, 1)] == [0]
    assert [h.degree for h in harmonics(a**3, WEIGHT, 2)] == [1, 3]
    assert harmonics(a**2 + b**2 - r**2, WEIGHT, 2) == ()


@pytest.mark.parametrize("e", [sp.exp(a), sp.sqrt(a), a / b, a**r, r**a, a ** sp.Rational(3, 2), (a + b) ** -1])
def test_what_is_no_such_sum(e):
    with pytest.raises(InputError, match="write for instance"):
        monomials(e, WEIGHT)


def test_sizes_are_bounded_before_anything_is_written_out():
    with pytest.raises(InputError, match="more than 2000 terms"):
        monomials((a + b + c + r) ** 60, WEIGHT)
    with pytest.raises(InputError, match="at most 64"):
        monomials(a**65, WEIGHT)


def test_denominators_in_d_stay_apart():
    d = DIMENSION
    assert monomials(a / ((d + 1) * r), WEIGHT) == {(-1, (1,)): 1 / (d + 1)}


def test_tidy_sees_zeros():
    d = DIMENSION
    assert tidy(sp.gamma((d + 3) / 2) - (d + 1) / 2 * sp.gamma((d + 1) / 2)) == 0
    assert tidy(sp.gamma((d - 1) / 2) * (d - 1) / 2 - sp.gamma((d + 1) / 2)) == 0
    assert tidy(sp.gamma((d + 3) / 2) - sp.gamma((d + 1) / 2)) != 0
