"""Formulas in symbolic dimension against numbers, and limits of large dimension against a dimension that is large."""

import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.errors import InputError
from fimtheory.theory.homogeneous import DIMENSION, homogeneous_terms, large_dimension
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_formula import mode_formula
from fimtheory.theory.sphere import multiplicity


def eigenvalues(f, d, degrees):
    return [mode.eigenvalue for mode in KernelModes(f, d, degrees).modes]


def test_formulas_at_numbers():
    for name in ("relu", "sign", "relu_cubed"):
        general = mode_formula(name)
        for d in (1, 2, 5):
            degrees = 1 if d == 1 else 5
            expected = eigenvalues(name, d, degrees)
            assert [general.at(d, k) for k in range(degrees + 1)] == expected
            assert [mode_formula(name, k).at(d) for k in range(degrees + 1)] == expected
    assert mode_formula("relu", 2).multiplicity.subs(DIMENSION, 5) == 14


@pytest.mark.parametrize("name", ["relu", "relu_squared", "sign", "max(x, 0) - x/5"])
def test_large_dimension_against_numbers(name):
    d = 10**7
    modes = KernelModes(name, d, 3, weight_variance=f"1/{d}")
    for k in range(4):
        a, b = (float(x) for x in mode_formula(name, k).limit)
        assert a == pytest.approx(float(ft.activation(name).hermite(k)) ** 2, abs=1e-15)
        assert float((modes.modes[k].total - mp.mpf(a)) * d) == pytest.approx(b, abs=1e-5)


def test_multiplicities_count_harmonics():
    """Homogeneous polynomials of degree k are |x|^(2j) times harmonics: binom(d+k-1, k) in all."""
    for d in (1, 2, 3, 6):
        for k in range(7):
            total = sum(multiplicity(d, k - 2 * j) for j in range(k // 2 + 1))
            assert total == sp.binomial(d + k - 1, k)
    assert multiplicity(10**6, 3) == 10**6 * (10**6 - 1) * (10**6 + 4) // 6


def test_large_dimension_of_a_sum():
    """relu + x^2: both powers see degree 0, and their product counts as well."""
    d, terms = 10**7, homogeneous_terms(ft.activation("x*step(x) + x**2"))
    modes = KernelModes("x*step(x) + x**2", d, 2, weight_variance=f"1/{d}")
    for k in range(3):
        a, b = large_dimension(terms, k)
        found = mp.fsum(m.total for m in modes.modes if m.degree == k)
        with mp.workdps(30):
            assert float((found - mp.mpf(sp.N(a, 30))) * d) == pytest.approx(float(b), abs=1e-5)


def test_refused_formulas():
    for arguments, message in (
        (("tanh",), "not one power"),
        (("x + x**2",), "not one power"),
        (("relu", -1), "degree -1"),
        (("relu", 2, 1, "box"), "'box' is not a law"),
    ):
        with pytest.raises(InputError, match=message):
            mode_formula(*arguments)
    with pytest.raises(InputError, match="give a degree"):
        _ = mode_formula("relu").limit
    with pytest.raises(InputError, match="fixed"):
        mode_formula("relu", 2).at(3, 2)
