"""Steps and rates of natural gradient descent, against SciPy, scikit-learn's support vectors, and the simulated neuron."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.svm import SVC

from fimtheory.errors import InputError
from fimtheory.simulation.neuron_training import NeuronExperiment, descend, designs, log_loss, minimum, train
from fimtheory.theory.natural_gradient import (
    amplitudes,
    contraction,
    epochs_per_digit,
    flow_error,
    maximal_margin,
    natural_gradient,
    preconditioned,
    separable_rate,
)

DRAW = np.random.default_rng(11)
G = (lambda a: a @ a.T)(DRAW.normal(size=(4, 4)))
SLOPE = DRAW.normal(size=4)


def test_the_step_is_the_minimum_of_the_model():
    """Searched by SciPy from zero, with and without damping."""
    for damping, g in ((0.0, G), (0.1, G + 0.1 * np.trace(G) / 4 * np.eye(4))):
        found = minimize(lambda d, g=g: d @ SLOPE + d @ g @ d / (2 * 0.3), np.zeros(4), tol=1e-12)
        assert -0.3 * natural_gradient(SLOPE, G, damping) == pytest.approx(found.x, abs=1e-5)


def test_batches():
    metrics, slopes = np.stack([G, 2 * G, np.eye(4)]), np.stack([SLOPE, SLOPE, SLOPE])
    for damping in (0.0, 0.3):
        found = natural_gradient(slopes, metrics, damping)
        assert found[1] == pytest.approx(found[0] / 2, rel=1e-12)
        assert found[2] == pytest.approx(SLOPE / (1 + damping), rel=1e-12)
        assert natural_gradient(2 * SLOPE, 2 * G, damping) == pytest.approx(found[0], rel=1e-12)


def test_a_singular_metric_takes_the_shortest_step():
    half = DRAW.normal(size=(4, 2))
    g, slope = half @ half.T, half @ np.array([1.0, -2.0])
    found = natural_gradient(slope, g)
    assert g @ found == pytest.approx(slope, abs=1e-12)
    kernel = np.linalg.svd(half.T)[2][2:]
    assert kernel @ found == pytest.approx(np.zeros(2), abs=1e-12)
    limit = natural_gradient(slope, g, 1e-9)
    assert limit == pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.8])
def test_contraction(momentum):
    """Against the spectral radius of the companion matrix, and against what is left after many epochs."""
    h, rate = np.array([0.01, 0.4, 1.0, 1.7]), 0.9
    radius = [max(abs(np.linalg.eigvals([[1 + momentum - rate * e, -momentum], [1, 0]]))) for e in h]
    assert contraction(h, rate, momentum) == pytest.approx(np.array(radius), rel=1e-7)
    left = np.abs(amplitudes(h, rate, momentum, 240))
    envelope = (left[-40:].max(axis=0) / left[-140:-100].max(axis=0)) ** (1 / 100)
    assert envelope == pytest.approx(np.array(radius), rel=1e-2)


def test_epochs():
    assert epochs_per_digit(contraction([0.5], 1.0)) == pytest.approx([np.log(10) / np.log(4)])
    assert epochs_per_digit([0.0, 2.0]).tolist() == [0.0, np.inf]
    assert preconditioned([0.0, 0.0]).tolist() == [0.0, 0.0]
    assert preconditioned([0.0, 2.0], 0.5) == pytest.approx([0.0, 0.8])


def test_local_rates_of_the_simulated_neuron():
    """Digits with flipped labels: a descent from near the minimum, all four methods, after 30 epochs."""
    experiment = NeuronExperiment(flipped=0.15, runs=1)
    for method in ("GD", "NGD", "WhiteGD", "WhiteNGD"):
        problem = designs(experiment, method)
        best = minimum(problem.Z[0], problem.signs[0])
        t = problem.Z[0] @ best
        H = (problem.Z[0].T / (2 + 2 * np.cosh(t))) @ problem.Z[0] / len(t)
        h, V = np.linalg.eigh(H)
        kept = h > 1e-4  # pixels that a few images of one class have: their minimum is at infinity
        offset = V[:, kept].sum(axis=1) * 1e-7
        natural = "NGD" in method
        configurations = np.array([[1.0, 0.0], [0.5, 0.8]])
        found, _ = descend(problem.Z, problem.signs, (best + offset)[None], configurations, 30, 0.01, natural)
        curved = preconditioned(np.maximum(h, 0.0), 0.01) if natural else np.maximum(h, 0.0)
        for k, (rate, momentum) in enumerate(configurations):
            measured = V.T @ (found[0, k] - best) / 1e-7
            assert measured[kept] == pytest.approx(amplitudes(curved, rate, momentum, 30)[-1][kept], abs=1e-3)


@pytest.mark.parametrize("method", ["GD", "WhiteGD"])
def test_the_margin_is_that_of_a_support_vector_machine(method):
    """scikit-learn's, with the column of ones as one more input."""
    problem = designs(NeuronExperiment(train=100, runs=1, flipped=0.1), method)
    found = maximal_margin(problem.Z[0], problem.signs[0])
    kernel = problem.Z[0] @ problem.Z[0].T
    machine = SVC(C=1e9, kernel="precomputed", tol=1e-8).fit(kernel, problem.signs[0])
    assert found.margin <= 1 / np.linalg.norm(machine.dual_coef_[0] @ problem.Z[0][machine.support_]) * (1 + 1e-4)
    margins = problem.signs[0] * (problem.Z[0] @ found.direction)
    assert margins.min() == pytest.approx(1.0, abs=1e-6)
    assert found.multipliers.min() >= 0
    assert found.multipliers @ np.abs(margins - 1) == pytest.approx(0.0, abs=1e-6 * found.multipliers.sum())
    assert found.multipliers.sum() == pytest.approx(found.margin**-2, rel=1e-8)


def test_the_margin_against_a_quadratic_program():
    Z, signs = DRAW.normal(size=(7, 3)) + np.array([3.0, 0, 0]), np.ones(7)
    bounds = {"type": "ineq", "fun": lambda w: signs * (Z @ w) - 1, "jac": lambda _: signs[:, None] * Z}
    best = minimize(lambda w: w @ w / 2, np.ones(3), jac=lambda w: w, constraints=[bounds], method="SLSQP", tol=1e-12)
    found = maximal_margin(Z, signs)
    assert found.direction == pytest.approx(best.x, abs=1e-7)
    for unit in (1e-6, 1e6):
        assert maximal_margin(unit * Z, signs).direction == pytest.approx(found.direction / unit, rel=1e-9)
        assert maximal_margin(unit * Z, signs).multipliers == pytest.approx(found.multipliers / unit**2, rel=1e-9)


@pytest.mark.parametrize("method", ["NGD", "WhiteNGD"])
def test_the_decay_of_the_simulated_neuron(method):
    """The loss of separable digits in the second half of 100 epochs; 1 % was fixed beforehand. Flips bring epsilon in."""
    experiment = NeuronExperiment(train=100, flipped=0.1, runs=3, rates=(1.0,), momenta=(0.8,))
    found, problem = train(experiment, method).log_losses[0], designs(experiment, method)
    measured = (found[:, 50] - found[:, 100]) / 50
    predicted = [separable_rate(Z, s, 1.0, 0.8) for Z, s in zip(problem.Z, problem.signs, strict=True)]
    assert measured == pytest.approx(predicted, rel=0.01)
    assert max(predicted) < 4.9
    assert measured != pytest.approx([1.03 * e for e in predicted], rel=0.01)


def test_flow_of_one_weight():
    """Against many small steps of the simulated neuron."""
    Z, signs = np.array([[[1.0], [-1.0]]]), np.array([[1.0, -1.0]])
    for natural, epsilon in ((True, 0.5), (False, 0.0)):
        theta, losses = descend(Z, signs, np.array([[0.3]]), np.array([[1e-3, 0.0]]), 3000, epsilon, natural)
        expected = flow_error([0.0, 3.0], 0.3, natural, epsilon)
        assert 1 - np.exp(-np.exp(losses[0, 0, [0, -1]])) == pytest.approx(expected, rel=1e-3)
        assert np.exp(log_loss(theta[0, 0])) == pytest.approx(np.exp(losses[0, 0, -1]))


def wrong(call, message):
    return pytest.param(call, message, id=message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        wrong(lambda: natural_gradient(SLOPE, np.eye(3)), "does not fit a gradient of shape"),
        wrong(lambda: natural_gradient(1.0, 1.0), "give \\(D, D\\), \\(D,\\)"),
        wrong(lambda: natural_gradient([np.inf], [[1.0]]), "is not finite"),
        wrong(lambda: natural_gradient([1.0, 0.0], [[1.0, 2.0], [0.0, 1.0]]), "is not symmetric"),
        wrong(lambda: natural_gradient([1.0], [[1.0]], -1), "makes the metric indefinite"),
        wrong(lambda: natural_gradient([1.0], [[0.0]], 0.1), "no positive trace"),
        wrong(lambda: preconditioned([1.0], -0.1), "damping = -0.1"),
        wrong(lambda: preconditioned([-1.0]), "curvatures"),
        wrong(lambda: contraction([], 1.0), "are not finite numbers"),
        wrong(lambda: contraction([1.0], 0.0), "write a positive rate"),
        wrong(lambda: amplitudes([1.0], 1.0, 1.0, 3), "momentum = 1.0"),
        wrong(lambda: epochs_per_digit([np.nan]), "they are moduli"),
        wrong(lambda: maximal_margin(np.eye(2), [1, 0]), "signs plus or minus one"),
        wrong(lambda: maximal_margin([[1.0, 0.0], [2.0, 0.0]], [1, -1]), "not separable"),
        wrong(lambda: separable_rate([[1.0]], [1], 1.0, damping=-1), "damping = -1"),
        wrong(lambda: flow_error(-1.0), "write numbers of at least 0"),
    ],
)
def test_unusable_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
