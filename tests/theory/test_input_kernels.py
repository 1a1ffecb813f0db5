"""Kernels on given inputs: against arc-cosine formulas typed here, certified integrals, exact numbers, order parameters."""

import numpy as np
import pytest
import sympy as sp

import fimtheory as ft
from fimtheory.errors import DivergentExpectation, InputError, JumpError
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.input_kernels import infinite_kernel, two_group_kernels

W, B = sp.Rational(3, 2), sp.Rational(1, 5)
X = np.random.default_rng(5).standard_normal((6, 4)) * np.linspace(0.5, 2, 6)[:, None]


def network(name, depth=3, w=W, b=B, samples=6):
    return DeepNetwork(ft.activation(name), depth, w, b, 2, samples)


def arc_cosine_kernels(x, depth, w, b):
    """Forward and tangent kernels of deep ReLU networks, by the arc-cosine formulas of order 0 and 1."""
    hat = x @ x.T / x.shape[1]
    tangent = np.zeros_like(hat)
    for layer in range(depth):
        covariance = w * hat + b
        tangent = tangent + covariance
        if layer < depth - 1:
            norms = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
            angle = np.arccos(np.clip(covariance / norms, -1, 1))
            hat = norms * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
            tangent = tangent * w * (np.pi - angle) / (2 * np.pi)
    return covariance, tangent


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_relu_is_the_arc_cosine_kernel(depth):
    found = infinite_kernel(network("relu", depth), X)
    logits, tangent = arc_cosine_kernels(X, depth, float(W), float(B))
    # arccos loses half the digits on the diagonal of the oracle.
    assert found.logits == pytest.approx(logits, rel=1e-7)
    assert found.tangent == pytest.approx(tangent, rel=1e-7)
    off = ~np.eye(6, dtype=bool)
    assert found.tangent[off] == pytest.approx(tangent[off], rel=1e-13)


def test_exact_numbers():
    """Inputs at 60 degrees: the angle pi/3 has an arc-cosine kernel in pi and sqrt 3."""
    x = np.sqrt(2) * np.array([[1, 0], [0.5, np.sqrt(3) / 2]])
    found = infinite_kernel(network("relu", 2, 1, 0), x)
    forward = (np.sqrt(3) / 2 + (2 * np.pi / 3) / 2) / (2 * np.pi)
    assert found.forward[1] == pytest.approx(np.array([[0.5, forward], [forward, 0.5]]), rel=1e-14)
    assert found.backward[0] == pytest.approx(np.array([[0.5, 1 / 3], [1 / 3, 0.5]]), rel=1e-14)
    ordinary = found.ordinary((2, 7))
    assert ordinary[0, 1] == pytest.approx((2 * 0.5 + 1) / 3 + 7 * forward + 1, rel=1e-14)


@pytest.mark.parametrize("name", ["tanh", "silu", "gelu", "erf", "softplus"])
def test_pairs_of_different_norms_against_certified_integrals(name):
    """One layer, each number against 20 digits of ball arithmetic."""
    phi = ft.activation(name)
    found = infinite_kernel(network(name, 2), X[:3])
    covariance = float(W) * X[:3] @ X[:3].T / 4 + float(B)
    for n, m in ((0, 1), (0, 2), (1, 2), (1, 1)):
        q1, q2 = covariance[n, n], covariance[m, m]
        at = sp.Float(q1, 17), sp.Float(q2, 17), sp.Float(min(covariance[n, m] / np.sqrt(q1 * q2), 1.0), 17)
        if n == m:
            want = phi.second_moment(at[0]), phi.second_moment_derivative(at[0])
        else:
            want = ft.expect_pair(phi, phi, *at), ft.expect_pair(phi, phi, *at, derivatives=(1, 1))
        assert found.forward[1][n, m] == pytest.approx(float(want[0].evalf(20)), rel=1e-12)
        assert found.backward[0][n, m] == pytest.approx(float(W * want[1].evalf(20)), rel=1e-12)


def test_kinks_without_closed_form_leave_the_lattice():
    """relu(tanh x): no closed dual, and a kink; against the quadrature that knows the kink."""
    phi = ft.activation("relu(tanh(x))")
    found = infinite_kernel(DeepNetwork(phi, 2, 1, 0, 1, 2), np.array([[1.0, 0.5], [0.3, -0.9]]))
    at = sp.Rational(125, 200), sp.Rational(9, 20), sp.Float(-0.075 / np.sqrt(0.625 * 0.45), 17)
    assert found.forward[1][0, 1] == pytest.approx(float(ft.expect_pair(phi, phi, *at).evalf(15)), rel=1e-9)


def test_two_groups_are_the_order_parameters():
    """Orthogonal inputs of equal norm give every pair the same kernel: that of the order parameters."""
    given = infinite_kernel(network("tanh", 3, samples=4), 2 * np.eye(4))
    random = two_group_kernels(network("tanh", 3, samples=4))
    assert given.tangent == pytest.approx(random.tangent, rel=1e-12)
    assert given.ordinary((4, 9, 9)) == pytest.approx(random.ordinary((4, 9, 9)), rel=1e-12)
    assert given.logits == pytest.approx(random.logits, rel=1e-12)


def test_linear_networks_have_polynomial_kernels():
    found = infinite_kernel(network("linear", 2, 2, 0), X)
    gram = X @ X.T / 4
    assert found.tangent == pytest.approx(2 * 2 * gram + 2 * 2 * gram, rel=1e-13)


def test_repeated_and_opposite_samples():
    x = np.array([[1.0, 2.0], [1.0, 2.0], [-1.0, -2.0]])
    for name in ("relu", "tanh", "gelu"):
        tangent = infinite_kernel(network(name, 3, 2, 0), x).tangent
        assert tangent[0, 1] == pytest.approx(tangent[0, 0], rel=1e-7)
        assert np.isfinite(tangent).all()
    assert infinite_kernel(network("tanh", 3, 2, 0), x).logits[0, 2] < 0


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([1.0, 2.0], "one matrix"),
        ([[1.0, np.nan]], "finite"),
        ([["a"]], "no matrix of numbers"),
        (np.ones((0, 3)), "one matrix"),
    ],
)
def test_bad_inputs(inputs, message):
    with pytest.raises(InputError, match=message):
        infinite_kernel(network("relu"), inputs)


def test_refusals():
    with pytest.raises(InputError, match="sample 1 has no variance at layer 1"):
        infinite_kernel(network("tanh", 2, 1, 0), [[1.0], [0.0]])
    with pytest.raises(JumpError):
        infinite_kernel(network("sign"), X)
    with pytest.raises(DivergentExpectation, match="exceeds"):
        infinite_kernel(network("relu", 60, 9, 0), X)
    with pytest.raises(InputError, match="write 3 of them"):
        two_group_kernels(network("relu")).ordinary((4, 5))
