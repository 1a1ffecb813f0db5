"""The training of one logistic neuron, against slow and plain code, automatic differentiation, mpmath and SciPy."""

import autograd.numpy as anp
import mpmath as mp
import numpy as np
import pytest
from autograd import grad
from scipy.optimize import minimize

from fimtheory.errors import InputError, NotConverged
from fimtheory.simulation.neuron_training import (
    METHODS,
    NeuronCurves,
    NeuronExperiment,
    descend,
    designs,
    gradient,
    log_loss,
    log_nu,
    metric,
    minimum,
    natural_direction,
    train,
)
from fimtheory.theory.relative_fisher import neuron

SMALL = NeuronExperiment(train=60, runs=2, epochs=6, rates=(0.1, 1.0))
DRAW = np.random.default_rng(3)
Z = DRAW.normal(size=(2, 30, 4))
SIGNS = DRAW.choice([-1.0, 1.0], size=(2, 30))
THETA = DRAW.normal(size=(2, 3, 4))
MARGINS = (THETA @ Z.transpose(0, 2, 1)) * SIGNS[:, None]


def cross_entropy(theta, run):
    """Eq. 29, as it stands."""
    y = (SIGNS[run] + 1) / 2
    p = 1 / (1 + anp.exp(-Z[run] @ theta))
    return anp.mean(-y * anp.log(p) - (1 - y) * anp.log(1 - p))


def plain(run, start, rate, momentum, epochs, natural):
    """One trajectory, one epoch after the other, by dense inverses."""
    y, theta, velocity, losses = (SIGNS[run] + 1) / 2, start.copy(), 0.0, []
    for _ in range(epochs + 1):
        losses.append(cross_entropy(theta, run))
        p = 1 / (1 + np.exp(-Z[run] @ theta))
        direction = Z[run].T @ (p - y) / len(y)
        if natural:
            g = sum(w * np.outer(z, z) for w, z in zip(p * (1 - p), Z[run], strict=True)) / len(y)
            direction = np.linalg.inv(g + 0.01 * np.trace(g) / 4 * np.eye(4)) @ direction
        velocity = momentum * velocity - rate * direction
        theta = theta + velocity
    return losses


def test_loss_and_gradient():
    """Against automatic differentiation of eq. 29."""
    found = gradient(MARGINS, Z, SIGNS)
    for run in range(2):
        for k in range(3):
            assert np.exp(log_loss(MARGINS)[run, k]) == pytest.approx(cross_entropy(THETA[run, k], run), rel=1e-13)
            assert found[run, k] == pytest.approx(grad(cross_entropy)(THETA[run, k], run), abs=1e-14)


@pytest.mark.parametrize("margin", [-800.0, -3.0, 0.0, 5.0, 29.9, 30.1, 90.0])
def test_small_and_large_losses(margin):
    with mp.workdps(400):
        expected = mp.log(mp.log1p(mp.exp(-mp.mpf(margin))))
    assert float(log_loss(np.array([margin]))) == pytest.approx(float(expected), rel=1e-13)
    assert float(log_loss(np.array([margin, margin + 5000]))) == pytest.approx(float(expected) - np.log(2), rel=1e-12)


def test_the_metric_is_that_of_the_theory():
    """nu of a sigmoid neuron with outcomes 0 and 1, derived symbolically from its law."""
    nu = neuron("bernoulli:sigmoid").numpy(THETA[0, 0] @ Z[0].T)
    assert np.exp(log_nu(MARGINS))[0, 0] == pytest.approx(nu, rel=1e-12)
    expected = np.einsum("i,ij,ik->jk", nu, Z[0], Z[0]) / 30
    assert metric(log_nu(MARGINS), Z)[0, 0] == pytest.approx(expected, rel=1e-12)


def test_the_direction_has_no_scale():
    """Weights far below the smallest double: the direction is that of weights moved to the middle of the range."""
    margins = np.array([[[800.0, 803.0, 805.0]]])
    inputs, signs = Z[:1, :3], np.ones((1, 3))
    found = natural_direction(margins, inputs, signs, 0.01)[0, 0]
    weights = np.exp(-np.array([0.0, 3.0, 5.0]))
    g = np.einsum("i,ij,ik->jk", weights, inputs[0], inputs[0])
    expected = np.linalg.solve(g + 0.01 * np.trace(g) / 4 * np.eye(4), -inputs[0].T @ weights)
    assert found == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("natural", [False, True])
def test_trajectories(natural):
    configurations = np.array([[0.1, 0.0], [1.0, 0.8], [0.5, 0.3]])
    theta, found = descend(Z, SIGNS, THETA[:, 0] / 10, configurations, 12, 0.01, natural)
    assert theta.shape == (2, 3, 4)
    for run in range(2):
        for k, (rate, momentum) in enumerate(configurations):
            expected = plain(run, THETA[run, 0] / 10, rate, momentum, 12, natural)
            assert np.exp(found[run, k]) == pytest.approx(expected, rel=1e-9)


def test_divergence_is_silent_and_never_the_best():
    """Strongly wrong answers have no information: the natural step is of size exp(t) and leaves the doubles."""
    configurations = np.array([[1e300, 0.0], [1e200, 0.8], [0.1, 0.0]])
    for natural in (False, True):
        _, found = descend(Z, SIGNS, THETA[:, 0], configurations, 5, 0.01, natural)
        assert np.isfinite(found[:, 2]).all()
        assert not np.isnan(found).any()
    diverged = np.isinf(found).all(axis=0)
    assert diverged[0, -1]
    assert not diverged[0, 0]
    experiment = NeuronExperiment(runs=2, epochs=5, rates=(1e300, 1e200, 0.1), momenta=(0.0,))
    curves = NeuronCurves(experiment, "NGD", found.transpose(1, 0, 2), np.zeros((3, 2)))
    assert curves.best_configuration == (0.1, 0.0)
    lost = NeuronCurves(experiment, "NGD", np.full((3, 2, 6), np.inf), np.zeros((3, 2)))
    with pytest.raises(NotConverged, match="NGD diverged at every rate"):
        _ = lost.best


@pytest.mark.parametrize("method", METHODS)
def test_a_run_does_not_depend_on_the_others(method):
    few, many = train(SMALL, method), train(NeuronExperiment(**{**vars(SMALL), "runs": 3}), method)
    assert np.array_equal(few.log_losses[:, 0], many.log_losses[:, 0])
    assert few.test_errors.shape == (4, 2)
    assert (few.log_losses[:, :, 0] == few.log_losses[:1, :, 0]).all()
    assert few.log_losses[0, :, 0] == pytest.approx(np.log(np.log(2)), abs=0.1)


def test_whitened_inputs():
    white, plain_ = designs(SMALL, "WhiteGD"), designs(SMALL, "GD")
    X = white.Z[0, :, :-1]
    covariance = X.T @ X / len(X)
    ones = np.diag(covariance) > 0.5
    assert ones.sum() == np.linalg.matrix_rank(np.cov(plain_.Z[0, :, :-1].T))
    assert covariance == pytest.approx(np.diag(ones.astype(float)), abs=1e-10)
    assert X.mean(axis=0) == pytest.approx(np.zeros(64), abs=1e-10)
    assert (white.Z[..., -1] == 1).all()
    assert np.array_equal(white.signs, plain_.signs)


def test_the_minimum():
    """Against SciPy's quasi-Newton method, from another start."""
    found = minimum(Z[0], SIGNS[0])
    other = minimize(lambda theta: cross_entropy(theta, 0), np.ones(4), tol=1e-12)
    assert found == pytest.approx(other.x, abs=1e-5)
    assert grad(cross_entropy)(found, 0) == pytest.approx(np.zeros(4), abs=1e-14)
    with pytest.raises(NotConverged, match="are the classes separable"):
        minimum(Z[0, :4], SIGNS[0, :4])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": (1, 2, 3)}, "one neuron tells two digits apart"),
        ({"runs": 0}, "0 runs of 100 epochs"),
        ({"epochs": 0}, "10 runs of 0 epochs"),
        ({"rates": ()}, "write positive rates"),
        ({"rates": (0.0,)}, "write positive rates"),
        ({"momenta": (1.0,)}, r"momenta in \[0, 1\)"),
        ({"damping": -0.1}, "makes the metric indefinite"),
        ({"damping": float("nan")}, "makes the metric indefinite"),
    ],
)
def test_unusable_experiments(arguments, message):
    with pytest.raises(InputError, match=message):
        NeuronExperiment(**arguments)


def test_an_unknown_method():
    with pytest.raises(InputError, match="write one of GD, WhiteGD, NGD, WhiteNGD"):
        train(SMALL, "SGD")
