"""Kernels averaged over inputs against closed forms typed here and against quadrature; layers drawn the same way twice."""

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import erf

from fimtheory.errors import InputError
from fimtheory.simulation.ladder import ladder_of
from fimtheory.simulation.three_regimes import (
    RegimeNetwork,
    averaged_kernel,
    layer_eigenvalues,
    overlap_outlier,
    simulate_regimes,
)


def relu(h):
    return np.maximum(h, 0)


@pytest.fixture
def weights():
    return np.random.default_rng(3).standard_normal((30, 20)) / np.sqrt(20)


def test_arc_sine_kernel(weights):
    """E erf(u) erf(v) = (2/pi) arcsin(2 cov/sqrt((1 + 2 var u)(1 + 2 var v))) (Williams)."""
    squares = (weights**2).sum(axis=1)
    expected = 2 / np.pi * np.arcsin(2 * weights @ weights.T / np.sqrt(np.outer(1 + 2 * squares, 1 + 2 * squares)))
    assert np.abs(averaged_kernel(weights, erf) - expected).max() < 1e-13


def test_arc_cosine_kernel_of_parallel_units():
    """ReLU in two dimensions, units as close as they come: what is neglected is below the stated tail of the series."""
    angles = np.linspace(0, np.pi, 40)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    expected = (np.sin(np.abs(angles[:, None] - angles)) + (np.pi - np.abs(angles[:, None] - angles)) * np.cos(
        angles[:, None] - angles)) / (2 * np.pi)  # fmt: skip
    found = averaged_kernel(directions, relu, (0.0,))
    # b_k^2 <= 0.2 k^(-5/2) at even k: from k = 200 on they add up to 0.1 * (2/3) * 200^(-3/2)
    assert np.abs(found - expected).max() < 0.1 * (2 / 3) * 200**-1.5


def test_kinks_away_from_zero():
    """clip(h, -1, 1/2) for two units, by an adaptive rule in two dimensions."""
    W = np.array([[1.0, 0.0], [0.6, 0.9]])
    f = lambda h: np.clip(h, -1, 0.5)  # noqa: E731
    density = lambda y, x: f(x) * f(0.6 * x + 0.9 * y) * np.exp(-(x * x + y * y) / 2) / (2 * np.pi)  # noqa: E731
    expected = sum(dblquad(density, a, b, -9, 9, epsabs=1e-9)[0] for a, b in ((-9, -1), (-1, 0.5), (0.5, 9)))
    assert averaged_kernel(W, f, (-1.0, 0.5))[0, 1] == pytest.approx(expected, abs=1e-7)


def test_eigenvalues_are_those_of_the_kernel():
    """The linear layer is W W', of rank d."""
    network = RegimeNetwork(lambda h: h, aspect=2.0)
    values = layer_eigenvalues(network, 12, 6, 1)
    assert np.abs(values[6:]).max() < 1e-14 < values[5]


def test_outlier_of_equal_inputs():
    """At c = 1 all inputs are one: N f f'/N has one eigenvalue, the squared length of f."""
    network = RegimeNetwork(np.tanh, samples=5)
    rows = np.random.Generator(np.random.Philox(np.random.SeedSequence(4, spawn_key=(0, 1)))).standard_normal((50, 6))
    assert overlap_outlier(network, 50, 1.0, 4) == pytest.approx((np.tanh(rows[:, 0]) ** 2).sum(), rel=1e-12)


def test_same_numbers_whatever_the_workers_and_the_widths():
    network, names = RegimeNetwork(relu, (0.0,)), ("regimes.top", "regimes.overlap[0.5]", "regimes.bulk.moment[2]")
    one = simulate_regimes(network, 24, 45, (5, 24), names, workers=1)
    ladder = ladder_of(simulate_regimes, lambda _: network, (16, 24), 45, 5, names, workers=3)
    for name in names:
        assert (one.values(name) == ladder.ensembles[24].values(name)).all()
    assert repr(one) == "<RegimeEnsemble of 45 networks, m = 24, d = 48, seed (5, 24): 3 observables>"


def test_controls_leave_the_mean_and_take_the_scatter():
    """tr K of a linear layer is tr W'W: nothing is left of it, and its mean is known."""
    network = RegimeNetwork(lambda h: h, aspect=1.0, samples=3)
    plain = simulate_regimes(network, 20, 30, 1, ["regimes.pair", "regimes.overlap[1.0]"])
    controlled = simulate_regimes(network, 20, 100, 1, ["regimes.pair", "regimes.overlap[1.0]"])
    assert controlled.standard_error("regimes.overlap[1.0]") < 1e-10
    assert controlled.mean("regimes.overlap[1.0]") == pytest.approx(20, abs=1e-9)
    assert abs(controlled.mean("regimes.pair") - plain.mean("regimes.pair")) < 4 * plain.standard_error("regimes.pair")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("regimes.bulk.moment[0]", "moments are"),
        ("regimes.bulk.moment", "moments are"),
        ("regimes.bulk.stieltjes[1]", "negative"),
        ("regimes.overlap[1.5]", "between 0 and 1"),
        ("regimes.top[2]", "has no number"),
        ("regimes.bottom", "is not measured"),
        ("regimes.overlap[x]", "is not measured"),
    ],
)
def test_refused(name, match):
    with pytest.raises(InputError, match=match):
        simulate_regimes(RegimeNetwork(relu), 8, 2, 1, [name])


def test_nothing_to_measure():
    with pytest.raises(InputError, match="nothing is to be measured"):
        simulate_regimes(RegimeNetwork(relu), 8, 2, 1, [])
    with pytest.raises(InputError, match="not finite"):
        averaged_kernel(np.eye(2), lambda h: np.full_like(h, np.nan))
