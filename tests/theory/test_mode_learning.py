"""Learning curves of single modes, against gradient descent in rational arithmetic, quadrature and closed forms."""

from fractions import Fraction

import numpy as np
import pytest
from mpmath import mp

from fimtheory.errors import InputError
from fimtheory.theory import mode_learning
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_corrections import divided_differences
from fimtheory.theory.mode_learning import ModeLearning
from fimtheory.theory.mode_targets import orthonormal, project

RELU = KernelModes("relu", 3, degrees=6)
LAMBDA = {0: Fraction(9, 16), 1: Fraction(1, 4), 2: Fraction(9, 256), 4: Fraction(1, 1024)}


def descended(eigenvalue, rate, momentum, steps):
    """What is missing after each step of gradient descent on lambda (v - 1)^2/2 from v = 0, in exact fractions."""
    v, before, found = Fraction(0), Fraction(0), []
    for _ in range(steps + 1):
        found.append(1 - v)
        v, before = v - rate * eigenvalue * (v - 1) + momentum * (v - before), v
    return found


@pytest.mark.parametrize("momentum", [Fraction(0), Fraction(1, 16), Fraction(9, 16), Fraction(15, 16)])
@pytest.mark.parametrize("rate", [Fraction(1, 2), Fraction(16, 9), Fraction(7, 2), Fraction(4)])
@pytest.mark.parametrize("degree", LAMBDA)
def test_curves_are_those_of_descent(degree, rate, momentum):
    exact = [float(h) for h in descended(LAMBDA[degree], rate, momentum, 40)]
    learning = ModeLearning(RELU, {degree: 1}, float(rate), float(momentum))
    t = np.arange(41)
    np.testing.assert_allclose(learning.residual(degree, t), exact, rtol=0, atol=1e-12 * max(1, np.abs(exact).max()))
    np.testing.assert_allclose(learning.curve(degree, t), 1 - np.array(exact), atol=1e-12 * max(1, np.abs(exact).max()))


def test_coinciding_roots():
    """eta lambda = (1 - sqrt(beta))^2: the two roots are one, 1/2."""
    learning = ModeLearning(RELU, {1: 1}, 1.0, 0.25)  # eta lambda = 1/4
    exact = descended(Fraction(1, 4), Fraction(1), Fraction(1, 4), 50)
    np.testing.assert_allclose(learning.residual(1, np.arange(51)), [float(h) for h in exact], rtol=1e-12)
    near = ModeLearning(RELU, {1: 1}, 1.0 + 1e-9, 0.25)
    np.testing.assert_allclose(near.residual(1, np.arange(51)), learning.residual(1, np.arange(51)), rtol=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_divergence_is_infinite(momentum):
    loss = ModeLearning(RELU, {0: 1}, 100.0, momentum).loss([0, 1, 1000])
    assert loss == pytest.approx([0.5, (1 - 100 * 9 / 16) ** 2 / 2, np.inf])


def test_large_numbers_of_steps():
    slow = ModeLearning(RELU, {4: 1}, rate=1e-3)
    with mp.workdps(40):
        exact = 1 - (1 - mp.mpf(1e-3) / 1024) ** 10**6
    assert float(slow.curve(4, 10**6)) == pytest.approx(float(exact), rel=1e-9)
    assert slow.flow_curve(4, 10**6) == pytest.approx(-np.expm1(-1e3 / 1024), rel=1e-14)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_the_boundary(momentum):
    unit = ModeLearning(RELU, {0: 1}, momentum=momentum).stable_rate
    below, above = (ModeLearning(RELU, {0: 1}, factor * unit, momentum) for factor in (0.99, 1.01))
    assert below.is_stable
    assert not above.is_stable
    assert abs(below.residual(0, 4000)) < 1e-3 < 1e3 < abs(above.residual(0, 4000))
    at_three_per_cent = ModeLearning(RELU, {0: 1}, 1.03 * unit, momentum)
    assert not at_three_per_cent.is_stable
    assert ModeLearning(RELU, {0: 1}, momentum=momentum).rate == pytest.approx(unit / 4)


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("eps", [0.5, 0.1, 1e-6])
@pytest.mark.parametrize("rate", [0.3, 16 / 9, 3.0])
def test_time_to(momentum, eps, rate):
    learning = ModeLearning(RELU, {0: 1}, rate, momentum)
    for degree in (0, 1, 2):
        steps = learning.time_to(degree, eps)
        shares = np.abs(learning.residual(degree, np.arange(steps + 1)))
        assert shares[-1] <= eps < shares[:-1].min()
    assert learning.time_to(3, eps) == np.inf


def test_degrees_are_learned_in_order():
    learning = ModeLearning(RELU, {4: 1, 2: 1, 0: 1, 3: 1, 1: 1})
    assert [mode.degree for mode in learning.order] == [0, 1, 2, 4, 3]
    steps = [learning.time_to(mode, 0.01) for mode in learning.order]
    assert steps == sorted(steps)
    assert len(set(steps)) == 5


def test_loss():
    learning = ModeLearning(RELU, {0: 3, 1: 4, 3: 12}, rate=1.0)
    t = np.arange(6)
    exact = (9 * (1 - 9 / 16) ** (2 * t) + 16 * 0.75 ** (2 * t) + 144) / 2
    np.testing.assert_allclose(learning.loss(t), exact, rtol=1e-14)
    assert learning.floor == 72
    # From a random start E f_0^2 = sigma^2 E phi(w.x)^2 = sigma^2 d/2.
    start = ModeLearning(RELU, {0: 1}, initial_variance=0.5)
    assert float(start.loss(0)) == pytest.approx((1 + 0.5 * 1.5) / 2, rel=1e-14)
    assert start.loss(10**7) == pytest.approx(start.floor, rel=1e-12)


# -- targets


def test_a_teacher_neuron():
    """relu(u.x): c_k^2 = N c_k(1)^2 E|x|^2, by Legendre integrals of degree k in d = 3; the rest are degrees 8, 10, ..."""
    found = project(RELU, "relu")
    for mode, c in found.coefficients.items():
        k = mode.degree
        integral = mp.quad(lambda t, k=k: t * mp.legendre(k, t), [0, 1]) / 2
        assert abs(c) == pytest.approx(float(abs(integral) * mp.sqrt(3 * (2 * k + 1))), abs=1e-12)
    assert found.remainder == pytest.approx(0.5 - sum(c**2 for c in found.coefficients.values()), abs=1e-13)
    assert 0 < found.remainder < 1e-3
    assert {mode.degree for mode in found.coefficients} == {0, 1, 2, 4, 6}


@pytest.mark.parametrize("activation", ["relu", "tanh", "relu(x) + x**2"])
@pytest.mark.parametrize("law", ["gaussian", "sphere"])
@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_functions_and_formulas_agree(activation, law, dimension):
    """One function in two ways: as a neuron, and evaluated at points."""
    modes = KernelModes(activation, dimension, degrees=5, inputs=law)
    formula = project(modes, "tanh(x) + x**2/3")
    points = project(modes, lambda x: np.tanh(x[:, 0]) + x[:, 0] ** 2 / 3)
    for mode, c in formula.coefficients.items():
        assert points.coefficients[mode] == pytest.approx(c, abs=2e-8)
    assert points.remainder == pytest.approx(formula.remainder, abs=1e-7)


def test_orthonormal_polynomials():
    """d = 3: Legendre, whose mean square under the uniform law of t is 1/(2k+1)."""
    t, w = np.polynomial.legendre.leggauss(20)
    rows = orthonormal(3, 6, t)
    np.testing.assert_allclose(rows * (w / 2) @ rows.T, np.eye(7), atol=1e-13)
    np.testing.assert_allclose(orthonormal(2, 4, np.cos(t))[4], np.sqrt(2) * np.cos(4 * t), atol=1e-12)


# -- finite width


@pytest.mark.parametrize("momentum", [0.0, 0.4])
@pytest.mark.parametrize("steps", [0, 1, 2, 7, 60])
def test_divided_differences(steps, momentum):
    """Against differences in 60 digits, far apart and 1e-10 close."""
    a, rate = 0.3, 1.7
    others = np.array([0.1, 0.3 + 1e-10, 0.0])
    found = divided_differences(a, others, steps, rate, momentum)

    def h(z):
        before, here = mp.mpf(1), 1 - mp.mpf(rate) * z
        for _ in range(steps):
            before, here = here, (1 + mp.mpf(momentum) - mp.mpf(rate) * z) * here - mp.mpf(momentum) * before
        return before

    with mp.workdps(60):
        for matrix, b in zip(found, map(mp.mpf, others), strict=True):
            slope = mp.diff(h, mp.mpf(a))
            single = (h(b) - h(mp.mpf(a))) / (b - mp.mpf(a))
            double = (single - slope) / (b - mp.mpf(a))
            exact = [float(e) for e in (slope, single, double)]
            scale = max(1.0, steps**2)
            assert [matrix[0, 1], matrix[1, 2], matrix[0, 2]] == pytest.approx(exact, abs=1e-12 * scale, rel=1e-11)


def tanh_squared(rho):
    """E tanh(rho Z)^2 by the trapezoidal rule, which is exact to rounding for what is analytic."""
    z = np.linspace(-10, 10, 4001)[:, None]
    return (np.tanh(rho * z) ** 2 * np.exp(-(z**2) / 2)).sum(axis=0) * 0.005 / np.sqrt(2 * np.pi)


MEAN_SQUARES = {
    "relu": lambda rho: rho**2 / 2,
    "relu(x) - 0.5": lambda rho: rho**2 / 2 - rho / np.sqrt(2 * np.pi) + 0.25,
    "tanh": tanh_squared,
}


@pytest.mark.parametrize("activation", MEAN_SQUARES)
def test_the_first_step_is_known_exactly(activation):
    """E K_aa = lambda_a at every width: after one step c_m = 0, and c_N = -eta (E[F_a(x)^2 E_w phi(w.x)^2] - lambda_a),
    with w.x Gaussian of variance |x|^2 and |x| of the Rayleigh law (d = 2)."""
    modes = KernelModes(activation, 2, degrees=6)
    by_width, by_inputs = ModeLearning(modes, {1: 1}, rate=0.8).corrections(1, 1)
    mode = next(m for m in modes.modes if m.degree == 1)
    rho, w = np.polynomial.legendre.leggauss(200)
    rho, w = 5 * (rho + 1), 5 * w
    masses = w * rho * np.exp(-(rho**2) / 2)
    direct = masses @ (modes.input_profile(mode)(rho) ** 2 * MEAN_SQUARES[activation](rho))
    assert by_width == 0
    assert by_inputs == pytest.approx(-0.8 * (direct - mode.value), rel=1e-9)


def test_finite_width():
    """One line, one mode: the mean of (1 - eta s) s' over averages of squares, in rational arithmetic."""
    line = ModeLearning(KernelModes("linear", 1, degrees=1), {1: 1}, rate=0.5)
    # E s = 1, E s^2 = 1 + 2/m: what is missing after two steps is 1 - 2 eta + eta^2 (1 + 2/m)
    assert line.finite_width(1, 2, width=50) == pytest.approx(1 - (1 - 1 + 0.25 * (1 + 2 / 50)), abs=1e-14)
    assert line.finite_width(1, 0, width=50, inputs=7) == 0


# -- what may be asked


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 0}, "rate = 0"),
        ({"rate": -1.0}, "write a positive learning rate"),
        ({"rate": float("nan")}, "rate = nan"),
        ({"rate": "fast"}, "rate = fast"),
        ({"momentum": 1.0}, "never comes to rest"),
        ({"momentum": -0.1}, "momentum = -0.1"),
        ({"initial_variance": -1}, "initial_variance = -1"),
        ({"target": {9: 1.0}}, "9 is no mode of relu: write a degree from 0 to 6"),
        ({"target": {(1, 3): 1.0}}, "no mode"),
        ({"target": {1: "x"}}, "no finite number"),
        ({"target": {1: float("inf")}}, "no finite number"),
        ({"target": "relu("}, "relu"),
        ({"target": 3}, "is no function"),
        ({"target": lambda x: x[:, 1]}, "more than x_1"),
        ({"target": lambda x: x}, "return a finite number each"),
        ({"target": lambda x: np.log(x[:, 0] - 100)}, "finite number"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_is_refused(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        ModeLearning(RELU, **({"target": {1: 1.0}} | arguments))
    assert "\n" not in str(caught.value)


def test_what_a_curve_refuses(monkeypatch):
    learning = ModeLearning(RELU, {1: 1})
    for steps in (-1, 0.5, [1, -2], True, "x", None):
        with pytest.raises(InputError, match="no number of steps"):
            learning.curve(1, steps)
    with pytest.raises(InputError, match="no time"):
        learning.flow_curve(1, -0.1)
    with pytest.raises(InputError, match="no mode"):
        learning.curve(7, 1)
    for eps in (0, 1, -1, "x", None):
        with pytest.raises(InputError, match="number between 0 and 1"):
            learning.time_to(1, eps)
    with pytest.raises(InputError, match="eigenvalue 0"):
        learning.corrections(3, 4)
    with pytest.raises(InputError, match="one whole number"):
        learning.corrections(1, [1, 2])
    for width in (0, 2.5, "x"):
        with pytest.raises(InputError, match=f"width = {width}"):
            learning.finite_width(1, 1, width=width)
    with pytest.raises(InputError, match="no time"):
        learning.flow_curve(1, "soon")
    with pytest.raises(InputError, match="nothing is finite"):
        ModeLearning(RELU, {1: 1}, 100.0, 0.5).corrections(1, 1000)
    monkeypatch.setattr(mode_learning, "MOST_STEPS", 10**4)
    with pytest.raises(InputError, match="more than 10000 steps: take a larger rate"):
        ModeLearning(RELU, {1: 1}, 1e-3, 0.5).time_to(4, 0.1)
