"""Radial modes found on lengths, against everything that has a closed form: Mehler's operators, duals known in full."""

import numpy as np
import pytest
import sympy as sp

from fimtheory.activations import activation
from fimtheory.gaussian.quantity import number
from fimtheory.theory.radial_modes import radial_modes
from fimtheory.theory.sphere import RadialLaw
from fimtheory.theory.sphere_modes import sphere_eigenvalue, trigonometric_eigenvalue

Q = sp.Rational
DEGREES = (0, 1, 2, 3)
GROWING = {"exp": 1.0, "sinh(x/2)": 0.5}


def modes(f, weights, inputs, count=1, degrees=DEGREES):
    return radial_modes(activation(f), degrees, weights, inputs, count, GROWING.get(f, 0.0))


@pytest.mark.parametrize(
    "f", ["erf", "erfc", "sin", "cos", "exp", "step", "x**3", "x + sin(x)**2", "sin(x) + cos(2*x)"]
)
def test_one_length_fixed(f):
    """Bessel and hypergeometric functions of the dual, with weights or inputs on the sphere."""
    d, variance = 3, Q(1, 2)
    exact = [float(number(sphere_eigenvalue(activation(f), d, k, d * variance), 16)) for k in DEGREES]
    for laws in ((RadialLaw(d, variance, True), RadialLaw(d)), (RadialLaw(d, variance), RadialLaw(d, fixed=True))):
        for one, value in zip(modes(f, *laws), exact, strict=True):
            assert abs(one.eigenvalues[0] - value) <= one.errors[0] < 1e-12


@pytest.mark.parametrize(
    ("f", "d", "variance"),
    [("sin", 1, Q(1)), ("cos", 2, Q(1, 3)), ("sin(x) + cos(2*x)", 3, Q(1, 2)), ("sinh(x/2)", 5, Q(1, 4)),
     ("exp", 100, Q(1, 10)), ("sin", 1000, Q(1, 1000)), ("cos", 10**4, Q(1, 10**4))],
)  # fmt: skip
def test_mehler(f, d, variance):
    """Three radial modes of every degree within their stated errors, which are roundings of the trace."""
    degrees = DEGREES if d > 1 else (0, 1)
    found = modes(f, RadialLaw(d, variance), RadialLaw(d), 3, degrees)
    exact = [[trigonometric_eigenvalue(activation(f), d, k, j, variance) for j in range(3)] for k in degrees]
    numbers = np.array([[float(number(e, 16)) for e in row] for row in exact])
    for one, row in zip(found, numbers, strict=True):
        assert (np.abs(one.eigenvalues - row) <= one.errors).all()
        assert one.errors.max() < 1e-12 * numbers.max()


@pytest.mark.parametrize(("k", "variance"), [(1, 1.0), (3, 0.3)])
def test_profiles_of_the_sine(k, variance):
    """r^k exp(-a r^2/2): a Gaussian of precision a is sent to one of 1/(1 + b), and back by b = s/(1 + s a).

    So s a^2 + a = 1.
    """
    law = RadialLaw(3, sp.nsimplify(variance))
    (one,) = modes("sin", law, RadialLaw(3), 1, (k,))
    a = (np.sqrt(1 + 4 * variance) - 1) / (2 * variance)
    b = variance / (1 + variance * a)
    r, masses = law.nodes()
    norm = np.sqrt(masses @ (r**k * np.exp(-a * r**2 / 2)) ** 2)
    at = np.array([1e-3, 0.4, 1.0, 2.7])  # rounding is that of the largest value
    assert one.weight_profile(0, at) == pytest.approx(at**k * np.exp(-a * at**2 / 2) / norm, abs=1e-12)
    inward, shape = one.input_profile(0, at), at**k * np.exp(-b * at**2 / 2)
    assert inward == pytest.approx(inward[-1] * shape / shape[-1], abs=1e-12)
    assert inward[-1] * (-1) ** (k // 2) > 0  # c_3 of the sine is negative


def test_profiles_are_orthonormal():
    weights, inputs = RadialLaw(4, Q(1, 2)), RadialLaw(4)
    (one,) = modes("tanh", weights, inputs, 3, (1,))
    for masses, rows in ((one.weight_masses, one.weight_profiles), (one.input_masses, one.input_profiles)):
        assert rows * masses @ rows.T == pytest.approx(np.eye(3), abs=1e-12)
    continued = np.array([one.weight_profile(j, one.weight_nodes) for j in range(3)])
    middle = one.weight_masses > 1e-6
    assert continued[:2, middle] == pytest.approx(one.weight_profiles[:2, middle], rel=1e-8, abs=1e-8)
