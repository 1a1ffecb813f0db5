"""The exact mean eigenvalue at finite width: against products of quadratures over weights and inputs."""

import itertools

import numpy as np
import pytest
import sympy as sp

import fimtheory as ft
from fimtheory.errors import DivergentExpectation, InputError
from fimtheory.theory.finite_layer import finite_width_mean, finite_width_mean_number, mean_correction, mean_integrand
from fimtheory.theory.single_layer import SingleLayer

POLYNOMIALS = {"f_opt": 2, "x + x**3/10": 3}


def mean_by_definition(phi, n, g1, degree):
    """E |J|^2 / (n1 (n0 + n2)) for n0 = n, n1 = n, n2 = g1 n, by a product rule over one row of W1 and the input.

    The Jacobian has entries W2_ia f'(w_a.X) X_b and f(w_d.X); E W2_ia^2 = 1/n1. Exact for polynomials.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(2 * degree + 2)
    weights = weights / weights.sum()
    total = 0.0
    for row in itertools.product(range(len(nodes)), repeat=n):
        for x in itertools.product(range(len(nodes)), repeat=n):
            w, X = nodes[list(row)] / n**0.5, nodes[list(x)]
            weight = weights[list(row)].prod() * weights[list(x)].prod()
            u = np.array([w @ X])
            slope, value = phi.numpy_derivative(u)[0], phi.numpy(u)[0]
            total += weight * (g1 * n * slope**2 * (X @ X) + n * g1 * n * value**2)
    return total / (n * (n + g1 * n))


@pytest.mark.parametrize("formula", POLYNOMIALS)
@pytest.mark.parametrize(("n", "g1"), [(1, 1), (2, 1), (2, 3)])
def test_polynomials(formula, n, g1):
    phi = ft.activation(formula)
    exact = finite_width_mean(phi, n, (sp.S.One, sp.Integer(g1)))
    brute = mean_by_definition(phi, n, g1, POLYNOMIALS[formula])
    assert float(exact) == pytest.approx(brute, rel=1e-11)
    assert float(finite_width_mean(phi, n + 1, (sp.S.One, sp.Integer(g1)))) != pytest.approx(brute, rel=1e-3)


@pytest.mark.parametrize("name", ["erf", "tanh", "gelu", "hardtanh"])
def test_other_functions_against_an_average_over_the_variance(name):
    """Generalised Gauss-Laguerre in the variance times SciPy's adaptive quadrature in the pre-activation."""
    from scipy.integrate import quad
    from scipy.special import roots_genlaguerre

    phi, n = ft.activation(name), 6
    nodes, weights = roots_genlaguerre(30, n / 2 - 1)
    weights = weights / weights.sum()
    breaks = [float(h) for h in phi.kinks]

    def at(q):
        def inside(z):
            u = np.array([q**0.5 * z])
            return (q * phi.numpy_derivative(u)[0] ** 2 + phi.numpy(u)[0] ** 2) / 2 * np.exp(-z * z / 2)

        return quad(inside, -12, 12, points=[h / q**0.5 for h in breaks] or None, limit=200)[0] / (2 * np.pi) ** 0.5

    reference = sum(w * at(2 * t / n) for t, w in zip(nodes, weights, strict=True))
    # the Laguerre rule loses digits at the square roots that kinks and large arguments bring
    assert float(finite_width_mean_number(phi, n)) == pytest.approx(reference, rel=2e-4)


def test_thirty_digits_by_two_routes():
    """A kinked function whose second moments are powers of q: Gamma functions against the Bessel density."""
    from fimtheory.theory.finite_layer import _mean_by_density

    phi = ft.activation("srelu", alpha=0)
    exact = sp.N(finite_width_mean(phi, 5), 30)
    assert abs(_mean_by_density(phi, 5, (sp.S.One, sp.S.One), 30) - exact._to_mpmath(120)) < 1e-28


@pytest.mark.parametrize("name", ["f_opt", "srelu", "erf"])
def test_the_limit_and_its_correction(name):
    phi = ft.activation(name)
    phi = phi.at(alpha=0) if phi.parameters else phi
    m1, c = float(sp.N(SingleLayer(phi).moment(1))), float(sp.N(mean_correction(phi)))
    errors = [n * (float(finite_width_mean_number(phi, n)) - m1) - c for n in (50, 100)]
    assert abs(errors[1]) < 0.6 * abs(errors[0]) + 1e-10  # what is left falls as 1/n


def test_the_integrand_at_one_is_the_first_moment():
    phi = ft.activation("sin")
    assert sp.simplify(mean_integrand(phi).subs(sp.Symbol("q", positive=True), 1) - SingleLayer(phi).moment(1)) == 0


def test_refusals():
    with pytest.raises(InputError, match="whole number from 1"):
        finite_width_mean(ft.activation("relu"), 0)
    with pytest.raises(DivergentExpectation, match="take more inputs"):
        finite_width_mean_number(ft.activation("exp(x) - x"), 4)
