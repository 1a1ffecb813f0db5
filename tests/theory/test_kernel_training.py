"""Dynamics of a fixed kernel: against matrix powers, exact rationals, autograd of the loss, draws of Gaussian outputs."""

import autograd.numpy as anp
import numpy as np
import pytest
import sympy as sp
from autograd import grad
from scipy.linalg import expm

import fimtheory as ft
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.notation import SYMBOLS
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.input_kernels import two_group_kernels
from fimtheory.theory.kernel_training import (
    critical_rate,
    critical_rate_of,
    cross_bounds,
    cross_eigenvalues,
    cross_entropy,
    cross_entropy_dynamics,
    expected_residual,
    mse_curve,
    mse_dynamics,
    mse_flow,
    mse_loss,
    mse_trajectory,
    safe_cross_entropy_rate,
)
from fimtheory.theory.logit_law import coefficients
from fimtheory.theory.training_problem import TrainingProblem

N, C = 7, 3
DRAW = np.random.default_rng(3)
ROOT = DRAW.standard_normal((N, N + 2))
THETA = ROOT @ ROOT.T
R, F = DRAW.standard_normal((2, N, C))
Y = np.eye(C)[DRAW.integers(C, size=N)]
TOP = np.linalg.eigvalsh(THETA)[-1] / N


def network(name="tanh", samples=N, **options):
    return DeepNetwork(ft.activation(name), 3, 2, sp.Rational(1, 5), C, samples, **options)


def test_squared_loss_is_a_matrix_power():
    found = mse_dynamics(THETA, R, 0.7 / TOP, 9)
    step = np.eye(N) - 0.7 / TOP / N * THETA
    for t in range(10):
        assert found[t] == pytest.approx(np.linalg.matrix_power(step, t) @ R, abs=1e-12)


def test_exact_rational_dynamics():
    """A kernel of small integers, three steps in exact arithmetic."""
    theta, r = sp.Matrix([[3, 1], [1, 2]]), sp.Matrix([1, -2])
    exact = [(sp.eye(2) - sp.Rational(1, 10) / 2 * theta) ** t * r for t in range(4)]
    found = mse_dynamics([[3, 1], [1, 2]], [[1], [-2]], 0.1, 3)[..., 0]
    assert found == pytest.approx(np.array([[float(x) for x in row] for row in exact]), rel=1e-14)


@pytest.mark.parametrize(("multiple", "falls"), [(0.99, True), (1.01, False)])
def test_the_boundary(multiple, falls):
    loss = mse_loss(mse_dynamics(THETA, R, 2 * multiple / TOP, 3000))
    assert (loss[-1] < loss[0]) == falls


def test_flow_is_the_matrix_exponential():
    """Against SciPy's Padé approximants, and Euler steps whose error is known: x^2/(2 steps), x = t lambda."""
    times = [0.0, 0.3, 2.0]
    for t, residual in zip(times, mse_flow(THETA, R, 1.0, times), strict=True):
        assert residual == pytest.approx(expm(-t * THETA / N) @ R, abs=1e-12)
    euler = mse_dynamics(THETA, R, 2.0 / 20_000, 20_000)[-1]
    assert mse_flow(THETA, R, 1.0, [2.0])[0] == pytest.approx(euler, abs=(2 * TOP) ** 2 / 40_000 * np.linalg.norm(R))


def test_trajectories_start_at_the_logits():
    run = mse_trajectory(THETA, F, Y, 0.1 / TOP, 5)
    assert run.logits[0] == pytest.approx(F)
    assert run.loss == pytest.approx(mse_loss(Y - run.logits))
    assert run.lambda_max == pytest.approx(TOP)


def test_cross_entropy_step_is_the_gradient_of_the_loss():
    """f moves by -(eta) Theta grad_f loss, the gradient from automatic differentiation."""

    def loss(f):
        return -anp.sum(Y * (f - anp.log(anp.sum(anp.exp(f), axis=1, keepdims=True)))) / N

    run = cross_entropy_dynamics(THETA, F, Y, 0.3, 2)
    for t in (0, 1):
        assert run.logits[t + 1] == pytest.approx(run.logits[t] - 0.3 * THETA @ grad(loss)(run.logits[t]), abs=1e-13)
        assert run.loss[t] == pytest.approx(loss(run.logits[t]), rel=1e-13)


def test_soft_labels_and_extreme_logits():
    soft = np.full((N, C), 1 / C)
    run = cross_entropy_dynamics(THETA, np.zeros((N, C)), soft, 1.0, 3)
    assert np.abs(run.logits).max() < 1e-15
    far = cross_entropy([[1e4, 0.0]], [[0.0, 1.0]])
    assert float(far) == pytest.approx(1e4)


def test_cross_eigenvalues_against_the_dense_fisher_matrix():
    """sum_n J_n Q_n J_n'/N over 40 parameters, for gradients with J_k'J_k' = delta_kk' Theta."""
    gradients = np.kron(np.eye(C), ROOT.T).reshape(C * (N + 2), C, N)
    g = np.exp(F) / np.exp(F).sum(axis=1, keepdims=True)
    dense = sum(gradients[:, :, n] @ (np.diag(g[n]) - np.outer(g[n], g[n])) @ gradients[:, :, n].T for n in range(N))
    assert cross_eigenvalues(THETA, F) == pytest.approx(np.linalg.eigvalsh(dense / N)[::-1][: C * N], abs=1e-12)


def test_bounds_are_those_of_theorem_3_3():
    """On the kernel of random inputs: beta_4 lambda_max(F), and sqrt(alpha s) M by the betas of the softmax."""
    k1, k2 = 2.0, 0.5
    lower, upper = cross_bounds(np.full((N, N), k2) + (k1 - k2) * np.eye(N), F)
    beta = coefficients(F)
    assert lower == pytest.approx(beta["beta4"] * (k1 + (N - 1) * k2) / N, rel=1e-12)
    assert upper**2 == pytest.approx(beta["beta2"] * k2**2 + beta["beta3"] * k1**2 / N, rel=1e-12)


def test_bounds_hold_for_any_kernel():
    for draw in range(20):
        f = 3 * np.random.default_rng(draw).standard_normal((N, C))
        lower, upper = cross_bounds(THETA, f)
        assert lower <= cross_eigenvalues(THETA, f)[0] <= min(upper, TOP / 2)


def test_critical_rate_is_two_over_the_largest_eigenvalue():
    net = network()
    leading = float(net.evaluate(2 / critical_rate(), 1000))
    ordinary = two_group_kernels(net).ordinary((10**6,) * 3)
    assert leading * 1000 == pytest.approx(np.linalg.eigvalsh(ordinary)[-1] / N, rel=1e-5)  # biases: 1/M of the rest
    tangent = two_group_kernels(net).tangent
    assert float(critical_rate_of(net, 1000, "ntk")) == pytest.approx(
        2 * N / np.linalg.eigvalsh(tangent)[-1], rel=1e-12
    )
    assert sp.simplify(safe_cross_entropy_rate() * SYMBOLS["M"] / critical_rate()).free_symbols == {SYMBOLS["M"]}


def test_closed_curve_with_unequal_widths():
    net = network("relu", alphas=(2, 1, sp.Rational(1, 2)))
    layers = two_group_kernels(net)
    widths = (2e5, 1e5, 5e4)
    kernel = sum(w * b * f for w, b, f in zip(widths, layers.backward, layers.forward, strict=True))
    rate = 0.3 * float(critical_rate_of(net, 100_000))
    curve = mse_curve(net, 100_000, rate, 20, (R**2).sum() / N, (R.mean(axis=0) ** 2).sum())
    assert curve == pytest.approx(mse_loss(mse_dynamics(kernel, R, rate, 20)), rel=1e-10)


def test_expected_residual_against_draws_of_the_gaussian_process():
    net = network()
    covariance = two_group_kernels(net).logits
    root = np.linalg.cholesky(covariance)
    draws = Y - root @ np.random.default_rng(1).standard_normal((20_000, N, C))
    for want, values in zip(
        expected_residual(net, Y),
        ((draws**2).sum(axis=(1, 2)) / N, (draws.mean(axis=1) ** 2).sum(axis=1)),
        strict=True,
    ):
        assert abs(values.mean() - want) < 4 * values.std() / len(values) ** 0.5


def test_instantaneous_rate():
    run = cross_entropy_dynamics(THETA, F, Y, 0.5 / TOP, 30)
    assert run.instantaneous_rate(0) == pytest.approx(2 / cross_eigenvalues(THETA, F)[0])
    assert run.instantaneous_rate(30) > 4 / TOP
    assert "30 steps" in repr(run)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mse_dynamics(THETA, R, 0.0, 5), "positive learning rate"),
        (lambda: mse_dynamics(THETA, R, -1, 5), "positive learning rate"),
        (lambda: mse_dynamics(THETA, R, float("nan"), 5), "positive learning rate"),
        (lambda: mse_dynamics(THETA, R, 0.1, 0), "whole number from 1"),
        (lambda: mse_dynamics(THETA, R, 0.1, 2.5), "whole number from 1"),
        (lambda: mse_dynamics(THETA + np.eye(N, k=1), R, 0.1, 5), "not symmetric"),
        (lambda: mse_dynamics(-THETA, R, 0.1, 5), "negative eigenvalue"),
        (lambda: mse_dynamics(THETA[:3, :3], R, 0.1, 5), "one column a sample"),
        (lambda: mse_dynamics(THETA, R[:, 0], 0.1, 5), "one row a sample"),
        (lambda: mse_dynamics(THETA, R * np.inf, 0.1, 5), "finite"),
        (lambda: mse_dynamics("x", R, 0.1, 5), "no array of numbers"),
        (lambda: mse_flow(THETA, R, -1, [1]), "positive learning rate"),
        (lambda: cross_entropy_dynamics(THETA, F, 2 * Y, 0.1, 5), "no probabilities"),
        (lambda: cross_entropy_dynamics(THETA, F, Y - 1, 0.1, 5), "no probabilities"),
        (lambda: cross_entropy_dynamics(THETA, F, Y[:, :2], 0.1, 5), "one-hot rows"),
        (lambda: mse_trajectory(THETA, F, Y[:, :2], 0.1, 5), "one row a sample in both"),
        (lambda: mse_curve(network(), 10, 0.1, 5, 1.0, 2.0), "smaller square"),
        (lambda: critical_rate("mean field"), "'ordinary' or 'ntk'"),
        (lambda: TrainingProblem(network(), Y[:3], (1,)), r"give shape \(N, C\)"),
        (lambda: TrainingProblem(network(), Y, (1,), inputs=R[:2]), "one row a sample"),
        (lambda: TrainingProblem(network(), Y, (1,), fraction=1.5), "one below 1"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_centred_networks_are_refused():
    centred = DeepNetwork(ft.activation("tanh"), 3, 2, 0, C, N)
    with pytest.raises(OutsideAssumptions, match="centred"):
        critical_rate_of(centred, 100)
    with pytest.raises(OutsideAssumptions, match="centred"):
        mse_curve(centred, 100, 0.1, 5, 2.0, 1.0)
