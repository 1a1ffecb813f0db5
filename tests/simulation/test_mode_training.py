"""Training of output weights, measured: descent itself, harmonics, and independence of everything that may not matter."""

import dataclasses

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation.mode_training import (
    Component,
    LearningPlan,
    descend,
    harmonic,
    simulate_learning,
)


def relu(u):
    return np.maximum(u, 0)


def length(r):
    return r / np.sqrt(3)  # E|x|^2 = 3


PLAN = LearningPlan(relu, 3, tuple(Component(k, length, length) for k in (0, 1, 2)), rate=0.9, critical_rate=32 / 9)
NAMES = ["learning.progress[0,4]", "learning.progress[2,16]", "learning.loss[4]", "learning.in_order[4]"]


def test_descent_follows_the_gradient():
    """Against the loss itself, differentiated numerically, in a network small enough to see every weight."""
    rng = np.random.Generator(np.random.Philox(3))
    phi, y = rng.standard_normal((7, 4)), rng.standard_normal((7, 1))

    def loss(v):
        return ((phi @ v - y) ** 2).mean() / 2

    def gradient(v):
        return np.array([loss(v + e[:, None]) - loss(v - e[:, None]) for e in 1e-4 * np.eye(4)])[:, None] / 2e-4

    found = list(descend(phi.T @ phi / 7, phi.T @ y / 7, np.ones((4, 1)), 0.3, 0.6, [1, 2, 3]))
    v, before = np.ones((4, 1)), np.ones((4, 1))
    for one in found:
        v, before = v - 0.3 * gradient(v) + 0.6 * (v - before), v
        np.testing.assert_allclose(one, v, rtol=1e-9)


@pytest.mark.parametrize("dimension", [1, 2, 3, 6])
def test_harmonics(dimension):
    """Mean squares one, orthogonal, and of their degree."""
    rng = np.random.Generator(np.random.Philox(5))
    x = rng.standard_normal((100_000, dimension))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    values = np.array([harmonic(k, x) for k in range(2 if dimension == 1 else 5)])
    np.testing.assert_allclose(values @ values.T / len(x), np.eye(len(values)), atol=0.04)
    # |x|^k Y_k(x/|x|) is harmonic, for this k alone
    for k in range(2, len(values)):

        def extended(p, power=k, k=k):
            r = np.linalg.norm(p, axis=1)
            return r**power * harmonic(k, p / r[:, None])

        assert np.abs(laplacian(extended, x[:50])).max() < 1e-3
        assert np.abs(laplacian(lambda p, k=k: extended(p, k + 1), x[:50])).max() > 1


def laplacian(function, points, step=1e-3):
    """By second differences."""
    d = points.shape[1]
    shifted = sum(function(points + sign * step * e) for e in np.eye(d) for sign in (1, -1))
    return (shifted - 2 * d * function(points)) / step**2


def test_the_measurements_are_those_of_training():
    """One network, everything drawn and trained once more by hand, as one target and not as the sum of three."""
    plan = dataclasses.replace(PLAN, initial_variance=0.3, momentum=0.2)
    ensemble = simulate_learning(plan, 20, 2, seed=(4, 20), observables=["learning.loss[6]", "learning.loss[0]"])
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence((4, 20), spawn_key=(1,))))
    W, x = rng.standard_normal((20, 3)), rng.standard_normal((40, 3))
    v = before = np.sqrt(0.3) * rng.standard_normal(20)
    r = np.linalg.norm(x, axis=1)
    y = r / np.sqrt(3) + x[:, 0] + np.sqrt(15 / 4) * (x[:, 0] ** 2 - x[:, 1] ** 2) / r / np.sqrt(3)
    phi = relu(x @ W.T) / np.sqrt(20)
    assert ensemble.values("learning.loss[0]")[1] == pytest.approx(((phi @ v - y) ** 2).mean() / 2, rel=1e-12)
    for _ in range(6):
        v, before = v - 0.9 * phi.T @ (phi @ v - y) / 40 + 0.2 * (v - before), v
    assert ensemble.values("learning.loss[6]")[1] == pytest.approx(((phi @ v - y) ** 2).mean() / 2, rel=1e-12)


def test_growth_is_that_of_powers():
    """One unit, one input direction: K is a number, and each step multiplies what is missing by 1 - rate K."""
    line = Component(1, lambda r: r, lambda r: r)
    plan = LearningPlan(lambda u: u, 1, (line,), rate=0.5, critical_rate=2.0)
    ensemble = simulate_learning(plan, 6, 3, seed=2, observables=["learning.growth[1.05]", "learning.progress[1,1]"])
    K = ensemble.values("learning.progress[1,1]")
    for index in range(3):
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(2, spawn_key=(index,))))
        s, q = (rng.standard_normal(6) ** 2).mean(), (rng.standard_normal(12) ** 2).mean()
        assert K[index] == pytest.approx(0.5 * s * q * q, rel=1e-12)
        assert ensemble.values("learning.growth[1.05]")[index] == pytest.approx(abs(1 - 2.1 * s * q), rel=1e-10)


def test_spheres():
    """All lengths are those of the spheres: tr J is then the same in every network of one odd, linear unit."""
    plan = dataclasses.replace(
        PLAN, phi=lambda u: u, components=(Component(1, length, length),), weights_on_sphere=True, inputs_on_sphere=True,
        weight_variance=4.0,
    )  # fmt: skip
    one = simulate_learning(plan, 1, 60, seed=1, observables=["learning.progress[1,0]", "learning.loss[0]"])
    assert np.abs(one.values("learning.progress[1,0]")).max() < 1e-12
    free = simulate_learning(PLAN, 30, 5, seed=1, observables=["learning.loss[0]"])
    assert free.values("learning.loss[0]").std() > 0.01


def test_seeds_workers_and_companions():
    first = simulate_learning(PLAN, 24, 6, 7, NAMES)
    again = simulate_learning(PLAN, 24, 6, 7, NAMES[1:2], workers=3)
    other = simulate_learning(PLAN, 24, 6, 8, NAMES[1:2])
    np.testing.assert_array_equal(first.values(NAMES[1]), again.values(NAMES[1]))
    assert not np.allclose(first.values(NAMES[1]), other.values(NAMES[1]))


def test_controls_take_scatter_out_and_leave_means():
    many = simulate_learning(PLAN, 100, 240, 3, NAMES[:1])
    few = [simulate_learning(PLAN, 100, 24, (3, part), NAMES[:1]) for part in range(10)]  # too few to be adjusted
    plain = np.concatenate([one.values(NAMES[0]) for one in few])
    assert many.values(NAMES[0]).std() < 0.6 * plain.std()
    error = np.hypot(many.standard_error(NAMES[0]), plain.std() / np.sqrt(plain.size))
    assert abs(many.mean(NAMES[0]) - plain.mean()) < 4 * error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"observables": []}, "no observable is named"),
        ({"observables": ["learning.progress[1]"]}, "is not measured: write learning.progress"),
        ({"observables": ["learning.growth[-1]"]}, "is not measured"),
        ({"observables": ["learning.progress[5,1]"]}, "no component of the target has degree 5, but 0, 1, 2"),
        ({"width": 0}, "width = 0"),
        ({"n_networks": 0}, "no ensemble"),
        ({"seed": -1}, "negative"),
    ],
)
def test_what_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        simulate_learning(**({"plan": PLAN, "width": 4, "n_networks": 2, "seed": 1, "observables": NAMES} | change))
