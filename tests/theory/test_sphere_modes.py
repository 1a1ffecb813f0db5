"""Closed forms with one length fixed, against Gegenbauer quadrature of the dual in mpmath; bounds."""

import mpmath
import numpy as np
import pytest
import sympy as sp

from fimtheory.activations import activation
from fimtheory.errors import InputError
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.sphere_modes import sphere_bounds, sphere_eigenvalue, trigonometric_eigenvalue

KERNELS = {
    "erf": lambda c: 2 / mpmath.pi * mpmath.asin(c * mpmath.mpf(3) / 4),  # q = 3/2
    "sin": lambda c: mpmath.exp(-mpmath.mpf(3) / 2) * mpmath.sinh(c * mpmath.mpf(3) / 2),
    "cos": lambda c: mpmath.exp(-mpmath.mpf(3) / 2) * mpmath.cosh(c * mpmath.mpf(3) / 2),
    "exp": lambda c: mpmath.exp((1 + c) * mpmath.mpf(3) / 2),
    "x**3": lambda c: mpmath.mpf(27) / 8 * (9 * c + 6 * c**3),
}


def by_quadrature(kernel, d, k):
    """E kernel(t) P_k(t) over the sphere, P_k by mpmath's Gegenbauer polynomials."""
    a = mpmath.mpf(d - 2) / 2
    polynomial = lambda t: mpmath.gegenbauer(k, a, t) / mpmath.gegenbauer(k, a, 1)  # noqa: E731
    weight = lambda t: (1 - t * t) ** (a - mpmath.mpf(1) / 2)  # noqa: E731
    mass = mpmath.quad(weight, [-1, 0, 1])
    return mpmath.quad(lambda t: kernel(t) * polynomial(t) * weight(t), [-1, 0, 1]) / mass


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_closed_forms(name, k):
    found = sphere_eigenvalue(activation(name), 5, k, sp.Rational(3, 2))
    assert float(found) == pytest.approx(float(by_quadrature(KERNELS[name], 5, k)), abs=1e-14, rel=1e-12)


def test_a_symbolic_dimension():
    d = sp.Symbol("d", positive=True)
    formula = sphere_eigenvalue(activation("erf"), d, 3, sp.Rational(3, 2))
    assert float(formula.subs(d, 7)) == pytest.approx(float(by_quadrature(KERNELS["erf"], 7, 3)), rel=1e-12)


def test_a_symbolic_degree():
    """One formula for all odd degrees; Phi = (1 + erf(x/sqrt 2))/2 has the eigenvalues of erf/2 at half the variance."""
    k, q = sp.Symbol("k", odd=True, positive=True), sp.Symbol("q", positive=True)
    formula, half = (sphere_eigenvalue(activation(name), 5, k, q) for name in ("erf", "Phi(x)"))
    for degree in (1, 3):
        at = {k: degree, q: sp.Rational(3, 2)}
        assert float(formula.subs(at)) == pytest.approx(float(by_quadrature(KERNELS["erf"], 5, degree)), rel=1e-12)
        assert float(half.subs({k: degree, q: 3})) == pytest.approx(float(formula.subs(at)) / 4, rel=1e-14)
    assert sphere_eigenvalue(activation("x**3"), 5, k, q) is None
    assert sphere_eigenvalue(activation("cos"), 5, k, q) == 0


def test_no_closed_form():
    assert sphere_eigenvalue(activation("tanh"), 3, 1, sp.S.One) is None
    assert trigonometric_eigenvalue(activation("tanh"), 3, 1, 0, sp.S.One) is None


@pytest.mark.parametrize(("name", "k", "terms"), [("erf", 3, 60), ("gelu", 2, 40), ("relu", 0, 40), ("step", 1, 60)])
def test_bounds_hold_the_eigenvalue(name, k, terms):
    """Against the numerical route, which knows nothing of Hermite coefficients; the interval is no wider than promised."""
    low, high = sphere_bounds(activation(name), 4, k, sp.S.One, terms)
    modes = KernelModes(name, 4, k, sp.Rational(1, 4), weights="sphere").modes
    value = next(mode for mode in modes if (mode.degree, mode.index) == (k, 0)).value
    assert float(low) - 1e-13 <= value <= float(high) + 1e-13
    assert 0 < float(high - low) < 2e-2 * value


def test_bounds_need_coefficients():
    with pytest.raises(InputError, match="ask for more"):
        sphere_bounds(activation("erf"), 3, 50, sp.S.One)


@pytest.mark.parametrize(("text", "k", "j"), [("sin", 1, 0), ("3*sin(2*x)", 3, 1), ("cos(x/2)", 0, 2), ("cos", 1, 0)])
def test_trigonometric_functions(text, k, j):
    """One dimension and more reduce to a Gaussian operator: the dense matrix of E cos(w x) on Gauss-Hermite nodes, d = 1,
    has the eigenvalues of total degree k + 2j; the dimension multiplies by a power of the zeroth."""
    x, w = np.polynomial.hermite_e.hermegauss(120)
    w = w / w.sum()
    s = 0.3
    f = activation(text).numpy
    matrix = np.sqrt(np.outer(w, w)) * f(np.sqrt(s) * np.outer(x, x))
    values = np.sort(np.linalg.svd(matrix, compute_uv=False) ** 2)[::-1]
    n = k + 2 * j
    found = float(trigonometric_eigenvalue(activation(text), 1, n % 2, n // 2, sp.Rational(3, 10)))
    odd = text.lstrip("0123456789*").startswith("sin")
    assert found == pytest.approx(values[n // 2] if odd == bool(n % 2) else 0.0, rel=1e-10)


def test_the_sine_in_high_dimension():
    """(2/(1 + r))^d (r - 1)/(1 + r) at s = 1/d: r^2 = 1 + 4/d, so that d lambda tends to exp(-1)."""
    d = 10**6
    with mpmath.workdps(40):
        r = mpmath.sqrt(1 + mpmath.mpf(4) / d)
        expected = float((2 / (1 + r)) ** d * (r - 1) / (1 + r))
    (mode,) = (m for m in KernelModes("sin", d, 1, f"1/{d}", radial=1).modes if m.degree == 1)
    assert mode.value == pytest.approx(expected, rel=1e-15)
    assert d * mode.value == pytest.approx(np.exp(-1), rel=10 / d)
    assert mode.eigenvalue.count_ops() < 40


@pytest.mark.parametrize("text", ["exp(x) - 1", "x + cos(x)", "exp(x) + exp(2*x)", "gelu", "relu"])
def test_what_is_no_wave(text):
    """A constant beside a wave mixes Hermite functions of one parity; the other parity may still be a wave."""
    waves = {k: trigonometric_eigenvalue(activation(text), 3, k, 0, sp.Rational(1, 100)) for k in (0, 1)}
    expected = {"exp(x) - 1": {1}, "x + cos(x)": {0}}.get(text, set())
    assert {k for k, found in waves.items() if found is not None} == expected
