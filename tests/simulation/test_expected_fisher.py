"""The expected Fisher information against its definition E J'J, by exact cubature and by sampled inputs."""

from dataclasses import replace

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation import ExpectedFisher, exact_moments, numpy_backend
from fimtheory.simulation.hidden_units import PairMoments

POLYNOMIALS = {
    "linear": (lambda h: h, np.ones_like),
    "square": (lambda h: h**2 - 1, lambda h: 2 * h),
    "cube": (lambda h: h**3, lambda h: 3 * h**2),
    "with a mean": (lambda h: 2 + h - h**2 / 3 + h**3 / 5, lambda h: 1 - 2 * h / 3 + 3 * h**2 / 5),
}
MOMENTS = ("E00", "E11", "E20", "E22", "E31")
SHAPES = [(1, 1, 1), (2, 2, 2), (2, 5, 3), (3, 4, 2)]


def weights(n0, n1, n2, seed=0):
    generator = np.random.default_rng(seed)
    return generator.standard_normal((n1, n0)) / n0**0.5, generator.standard_normal((n2, n1)) / n1**0.5


def jacobian(W1, W2, f, df, inputs):
    """d Y_i / d (W1, W2) for every input, shape ``(inputs, n2, parameters)``, from the definition (eq. 11)."""
    h = inputs @ W1.T
    one = np.einsum("ca,sa,sb->scab", W2, df(h), inputs)
    two = np.einsum("ce,sd->sced", np.eye(len(W2)), f(h))
    return np.concatenate([part.reshape(len(inputs), len(W2), -1) for part in (one, two)], axis=2)


def cubature(W1, W2, f, df, nodes):
    """E J'J by a product of Gauss-Hermite rules: exact for polynomials of degree below ``2 nodes`` in each input."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    inputs = np.stack(np.meshgrid(*[x] * W1.shape[1]), axis=-1).reshape(-1, W1.shape[1])
    weight = np.prod(np.stack(np.meshgrid(*[w / w.sum()] * W1.shape[1]), axis=-1).reshape(inputs.shape), axis=1)
    J = jacobian(W1, W2, f, df, inputs)
    return np.einsum("s,sci,scj->ij", weight, J, J)


def with_changed(fisher, name, factor):
    moments = {key: value * factor if key == name else value for key, value in vars(fisher.moments).items()}
    return replace(fisher, moments=PairMoments(**moments))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials_exactly(name, shape):
    arguments = (*weights(*shape), *POLYNOMIALS[name])
    H, exact = ExpectedFisher.from_weights(*arguments).dense(), cubature(*arguments, nodes=6)
    assert np.allclose(H, exact, rtol=0, atol=1e-12 * np.abs(exact).max())


@pytest.mark.parametrize("name", MOMENTS)
def test_every_moment_matters(name):
    arguments = (*weights(3, 4, 2), *POLYNOMIALS["with a mean"])
    wrong, exact = with_changed(ExpectedFisher.from_weights(*arguments), name, 1.03), cubature(*arguments, nodes=6)
    assert np.abs(wrong.dense() - exact).max() > 1e-4 * np.abs(exact).max()


def test_nearly_parallel_units():
    _, W2 = weights(2, 4, 3)
    angles = np.array([0.3, 0.32, 0.3 + np.pi - 0.002, 1.5])
    W1 = np.array([0.5, 1.1, 0.8, 0.9])[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for f, df, nodes in ((*POLYNOMIALS["with a mean"], 6), (np.sin, np.cos, 60)):
        exact = cubature(W1, W2, f, df, nodes)
        H = ExpectedFisher.from_weights(W1, W2, f, df).dense()
        assert np.allclose(H, exact, rtol=0, atol=1e-11 * np.abs(exact).max())


@pytest.mark.parametrize("angle", [0.7, 0.01, 2e-4])
def test_relu_in_the_plane_exactly(angle):
    """A homogeneous f leaves an integral over angles, trigonometric between the kinks; E r^2 = 2."""
    W1, W2 = weights(2, 5, 3, seed=4)
    W1[1] = 1.3 * (np.cos(angle) * W1[0] + np.sin(angle) * np.array([-W1[0, 1], W1[0, 0]]))
    slope = 0.2

    def f(h):
        return np.where(h > 0, h, slope * h)

    def df(h):
        return np.where(h > 0, 1, slope)

    kinks = np.sort(np.concatenate([np.arctan2(-W1[:, 0], W1[:, 1]) % np.pi, [0, np.pi]]))
    t, w = np.polynomial.legendre.leggauss(20)
    half = np.diff(kinks)[:, None] / 2
    angles, weight = (kinks[:-1, None] + half * (1 + t)).ravel(), (half * w).ravel() / (2 * np.pi)
    exact = 0
    for turn in (0, np.pi):
        J = jacobian(W1, W2, f, df, np.stack([np.cos(angles + turn), np.sin(angles + turn)], axis=1))
        exact = exact + 2 * np.einsum("s,sci,scj->ij", weight, J, J)
    fisher = ExpectedFisher.from_weights(W1, W2, f, df, kinks=[0])
    assert np.allclose(fisher.dense(), exact, rtol=0, atol=1e-11)
    assert fisher.squared_norm() == pytest.approx(np.sum(exact**2), rel=1e-15 / np.sin(angle) ** 2 + 1e-12)


def kinked(h):
    return np.maximum(h - 0.4, 0) + h**2 / 3 - 0.3 * h


def kinked_slope(h):
    return (h > 0.4) + 2 * h / 3 - 0.3


def test_sampled_inputs_support_every_moment_and_contradict_a_wrong_one():
    """For each moment the linear function of H that is most sensitive to it, against its mean over sampled inputs."""
    W1, W2 = weights(3, 2, 2, seed=5)
    fisher = ExpectedFisher.from_weights(W1, W2, kinked, kinked_slope, kinks=[0.4])
    H, wrong = fisher.dense(), {name: with_changed(fisher, name, 1.03).dense() for name in MOMENTS}
    generator = np.random.Generator(np.random.Philox(7))
    samples = {name: [] for name in MOMENTS}
    for _ in range(60):
        J = jacobian(W1, W2, kinked, kinked_slope, generator.standard_normal((50_000, 3))).reshape(-1, len(H))
        for name in MOMENTS:
            samples[name].append(((J @ (wrong[name] - H)) * J).sum(axis=1).reshape(-1, 2).sum(axis=1))
    for name in MOMENTS:
        values = np.concatenate(samples[name])
        mean, error = values.mean(), values.std() / len(values) ** 0.5
        assert abs(np.vdot(wrong[name] - H, H) - mean) < 4 * error, name
        assert abs(np.vdot(wrong[name] - H, wrong[name]) - mean) > 5 * error, name


def test_structure():
    W1, W2 = weights(5, 7, 4)
    fisher = ExpectedFisher.from_weights(W1, W2, kinked, kinked_slope, kinks=[0.4])
    H, (one, two) = fisher.dense(), fisher.layer_sizes
    assert fisher.shape == H.shape == (63, 63)
    assert (one, two) == (35, 28)
    product = fisher.matmat(np.eye(63))
    assert np.allclose(product, product.T, atol=1e-13)
    assert np.linalg.eigvalsh(H)[0] > -1e-12
    assert fisher.trace() == pytest.approx(np.trace(H), rel=1e-13)
    assert fisher.squared_norm() == pytest.approx((H**2).sum(), rel=1e-13)
    assert fisher.block_traces() == pytest.approx((np.trace(H[:one, :one]), np.trace(H[one:, one:])), rel=1e-13)
    blocks = H[:one, :one], H[:one, one:], H[one:, one:]
    assert fisher.block_squared_norms() == pytest.approx([(block**2).sum() for block in blocks], rel=1e-13)
    assert exact_moments(fisher) == pytest.approx((np.trace(H) / 63, (H**2).sum() / 63), rel=1e-13)


def test_products(monkeypatch):
    fisher = ExpectedFisher.from_weights(*weights(5, 7, 4), np.tanh, lambda h: 1 - np.tanh(h) ** 2)
    vectors = np.random.default_rng(0).standard_normal((63, 5))
    expected = fisher.dense() @ vectors
    assert np.allclose(fisher.matmat(vectors), expected, rtol=0, atol=1e-13)
    assert np.allclose(fisher.matvec(vectors[:, 0]), expected[:, 0], rtol=0, atol=1e-13)
    assert np.allclose(fisher.linear_operator() @ vectors, expected, rtol=0, atol=1e-13)
    assert np.allclose(fisher.linear_operator().T @ vectors[:, 0], expected[:, 0], rtol=0, atol=1e-13)
    monkeypatch.setattr("fimtheory.simulation.expected_fisher._BATCH", 130)  # two vectors at a time
    assert np.allclose(fisher.matmat(vectors), expected, rtol=0, atol=1e-13)


def test_single_precision_stays_single():
    arguments = (*weights(5, 7, 4), np.tanh, lambda h: 1 - np.tanh(h) ** 2)
    single = ExpectedFisher.from_weights(*arguments, backend=numpy_backend("float32"))
    assert single.matvec(np.ones(63, dtype=np.float32)).dtype == np.float32
    H = ExpectedFisher.from_weights(*arguments).dense()
    assert np.allclose(single.dense(), H, rtol=0, atol=1e-6 * np.abs(H).max())


@pytest.mark.parametrize(
    ("W1", "W2", "message"),
    [
        (np.ones((3, 2)), np.ones((2, 2)), r"shapes \(n1, n0\) and \(n2, n1\)"),
        (np.ones(3), np.ones((2, 3)), "W1 has shape"),
        (np.ones((3, 2)), np.ones((0, 3)), "W2 has shape"),
        (np.array([[1.0, np.nan]]), np.ones((2, 1)), "finite weights"),
    ],
)
def test_bad_weights(W1, W2, message):
    with pytest.raises(InputError, match=message):
        ExpectedFisher.from_weights(W1, W2, np.sin, np.cos)


def test_sizes_that_do_not_fit():
    fisher = ExpectedFisher.from_weights(*weights(2, 3, 2), np.sin, np.cos)
    with pytest.raises(InputError, match=r"size 12 cannot multiply an array of shape \(11, 1\)"):
        fisher.matvec(np.ones(11))
    wide = ExpectedFisher.from_weights(*weights(80, 80, 80), np.sin, np.cos)
    with pytest.raises(InputError, match="12800 is too large"):
        wide.dense()
