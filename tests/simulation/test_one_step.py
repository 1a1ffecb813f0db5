"""One optimal step against a brute-force minimisation, and against the quadratic form it must approach."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from fimtheory.errors import InputError, NotConverged
from fimtheory.simulation import (
    ExpectedFisher,
    OptimalStep,
    exact_moments,
    optimal_step,
    simulate_one_step,
    simulate_one_step_ladder,
)
from fimtheory.simulation.one_step import ONE_STEP, _Experiment, _minimise
from fimtheory.simulation.single_layer import draw_fisher, draw_weights

SAMPLES, EPSILON = 5000, 0.2  # more than one batch; a perturbation so large that the loss is no parabola


def tanh_slope(h):
    return 1 - np.tanh(h) ** 2


def brute_force(weights, seed):
    """The loss of eq. 32, its gradient by differences, and a bounded search along the line."""
    experiment = _Experiment(*weights, np.tanh, tanh_slope, SAMPLES, EPSILON, np.random.SeedSequence(seed))
    inputs, noise = (np.concatenate(parts) for parts in zip(*experiment.batches(), strict=True))
    teacher = np.concatenate([part.ravel() for part in weights])
    targets = np.tanh(inputs @ weights[0].T) @ weights[1].T + noise

    def loss(parameters):
        W1, W2 = (
            part.reshape(w.shape) for part, w in zip(np.split(parameters, [weights[0].size]), weights, strict=True)
        )
        return ((targets - np.tanh(inputs @ W1.T) @ W2.T) ** 2).sum() / 2

    steps = 1e-5 * np.eye(len(teacher))
    gradient = np.array([(loss(teacher + step) - loss(teacher - step)) / 2e-5 for step in steps])
    scale = 1 / SAMPLES
    found = minimize_scalar(
        lambda s: loss(teacher - s * scale * gradient), bounds=(0, 20), method="bounded", options={"xatol": 1e-7}
    )
    return found.fun - loss(teacher), found.x * scale


def test_against_a_search_on_the_loss_itself():
    weights = draw_weights((3, 4, 2), seed=1, index=0)
    step = optimal_step(*weights, np.tanh, tanh_slope, SAMPLES, EPSILON, seed=9)
    loss_change, step_size = brute_force(weights, 9)
    assert step.loss_change == pytest.approx(loss_change, rel=1e-6)
    assert step.step_size == pytest.approx(step_size, rel=1e-3)


def test_a_small_perturbation_sees_the_quadratic_form_and_contradicts_a_wrong_one():
    """-Delta L = |g|^4/(2 g' M H g) along the very gradient g, with the expected H for that of the samples."""
    ratios = []
    for index in range(30):
        weights = draw_weights((8, 8, 8), 3, index)
        fisher = ExpectedFisher.from_weights(*weights, np.tanh, tanh_slope)
        experiment = _Experiment(*weights, np.tanh, tanh_slope, 20_000, 1e-3, np.random.SeedSequence(index))
        g = np.concatenate([part.ravel() for part in experiment.descent()])
        gain = (g @ g) ** 2 / (2 * 20_000 * g @ fisher.matvec(g))
        step = optimal_step(*weights, np.tanh, tanh_slope, 20_000, 1e-3, seed=index)
        ratios.append(-step.loss_change / gain)
    error = np.std(ratios, ddof=1) / len(ratios) ** 0.5
    assert abs(np.mean(ratios) - 1) < 4 * error
    assert abs(np.mean(ratios) - 1.03) > 5 * error


def test_the_average_gain_is_set_by_two_moments():
    """-Delta L/(epsilon^2 n^2) = m_1^2/m_2 of that network's H, up to a scatter of relative size 1/n."""
    n, number, seed = 16, 60, 3
    gains = simulate_one_step(np.tanh, tanh_slope, n, number, seed).values(ONE_STEP)
    moments = [exact_moments(draw_fisher(np.tanh, tanh_slope, (), (n, n, n), seed, i)) for i in range(number)]
    ratio = gains / [first**2 / second for first, second in moments]
    error = ratio.std(ddof=1) / number**0.5
    assert abs(ratio.mean() - 1) < 4 * error
    assert abs(ratio.mean() - 1.1) > 5 * error


def test_small_and_large_perturbations_agree_to_leading_order():
    """The loss change is computed as a difference of predictions: 1e-7 of the targets costs no digits."""
    weights = draw_weights((6, 6, 6), seed=2, index=0)
    gains = [
        -optimal_step(*weights, np.tanh, tanh_slope, 500, epsilon, seed=4).loss_change / epsilon**2
        for epsilon in (1e-3, 1e-7)
    ]
    assert gains[0] == pytest.approx(gains[1], rel=1e-3)


def test_ensembles_and_ladders():
    calls = []
    ladder = simulate_one_step_ladder(
        np.tanh, tanh_slope, [4, 3], [2, 3], 1, progress=lambda *call: calls.append(call), workers=2
    )
    assert ladder.widths == (3, 4)
    assert ladder.names == (ONE_STEP,)
    assert calls == [(done, 5) for done in range(1, 6)]
    alone = simulate_one_step(np.tanh, tanh_slope, 4, 2, (1, 4), n_samples=8 * 16)
    assert np.allclose(alone.values(ONE_STEP), ladder.ensembles[4].values(ONE_STEP), rtol=1e-9)


@pytest.mark.parametrize("guess", [1e-4, 0.3, 1.0, 2.9, 1e3])
def test_the_search_from_any_guess(guess):
    """(s - 1)^2 (s + 2) decreases from 2 at 0 to 0 at 1, and is no parabola."""
    evaluated = []

    def changes(steps):
        evaluated.extend(steps)
        return [(s - 1) ** 2 * (s + 2) - 2 for s in steps]

    step = _minimise(changes, guess)
    assert step.loss_change == pytest.approx(-2, rel=1e-6)
    assert step.step_size == pytest.approx(1, abs=2e-3)
    assert isinstance(step, OptimalStep)


def test_a_loss_without_minimum():
    with pytest.raises(NotConverged, match="no minimum"):
        _minimise(lambda steps: [-s for s in steps], 1.0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_samples": 0}, "at least 1"),
        ({"epsilon": 0.0}, "positive"),
        ({"epsilon": np.inf}, "positive"),
        ({"f": np.zeros_like, "df": np.zeros_like}, "gradient vanishes"),
        ({"W2": np.ones((2, 3))}, "W2 of shape"),
        ({"f": np.sum}, "elementwise"),
    ],
)
def test_bad_input(changed, message):
    arguments = {"W1": np.eye(2), "W2": np.eye(2), "f": np.tanh, "df": tanh_slope, "n_samples": 9, "epsilon": 0.1}
    with pytest.raises(InputError, match=message):
        optimal_step(**(arguments | changed), seed=0)
