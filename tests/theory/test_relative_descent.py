"""Averages, bounds, coordinates and counts of relative natural gradient descent, each by another route."""

import itertools

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.theory.relative_descent import averaged_metric, informative_samples, multiplications, staleness


def drawn(seed, *shape):
    return np.random.Generator(np.random.Philox(seed)).standard_normal(shape)


def psd(seed, *stack):
    A = drawn(seed, *stack, 4, 2)  # singular, as a mini batch of two samples is
    return A @ A.swapaxes(-1, -2)


def test_the_average_is_the_recursion():
    """Eq. 32 step by step, for two units at once."""
    batches, G = psd(1, 12, 2), np.broadcast_to(np.eye(4), (2, 4, 4))
    for B in batches:
        G = 0.8 * G + 0.2 * (B + 0.3 * np.eye(4))
    np.testing.assert_allclose(averaged_metric(batches, 0.8, 0.3), G, rtol=1e-12)
    assert not np.allclose(averaged_metric(batches, 0.8 * 1.03, 0.3), G, rtol=1e-3)


def test_nothing_is_remembered_without_decay():
    batches = psd(2, 3)
    np.testing.assert_allclose(averaged_metric(batches, 0.0), batches[-1], rtol=1e-14)


@pytest.mark.parametrize("growth", [1.0, 4.0])
def test_stale_bounds_are_attained(growth):
    """Along an eigenvector where no mini batch has anything, and along one where all have ``growth`` times the old."""
    old = np.diag([2.0, 0.5])
    new, batch = old, growth * np.diag([2.0, 0.0])
    for _ in range(7):
        new = 0.9 * new + 0.1 * batch
    least, most = staleness(0.9, 7, growth)
    np.testing.assert_allclose(np.linalg.eigvals(np.linalg.solve(old, new)), [most, least], rtol=1e-12)


def test_informative_samples_are_moments():
    """Share, mean and covariance of the active samples, straight from them."""
    x, nu = drawn(3, 50, 3), (drawn(4, 50) > 0).astype(float)
    wide = np.column_stack([x, np.ones(50)])
    found = informative_samples((wide * nu[:, None]).T @ wide / 50)
    active = x[nu > 0]
    assert found.share == pytest.approx(len(active) / 50)
    np.testing.assert_allclose(found.mean, active.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(active.T, bias=True), rtol=1e-10, atol=1e-12)
    A = found.whitening
    np.testing.assert_allclose(A @ found.covariance @ A.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(wide @ found.coordinates.T, np.column_stack([(x - found.mean) @ A.T, np.ones(50)]))


@pytest.mark.parametrize("every", [1, 4])
def test_multiplications_are_counted(every):
    """Loop by loop: a multiplication for each index, entries of a symmetric matrix once for each pair i <= j.

    The leading order leaves out D/2 of D (D + 1)/2: the difference is known and added.
    """
    widths, n, T = (5, 4, 3, 2), 6, 10
    plain, relative, last = 0, 0.0, len(widths) - 2
    for layer, (below, m) in enumerate(itertools.pairwise(widths)):
        D = below + 1
        forward = sum(1 for _ in itertools.product(range(n), range(D), range(m)))
        plain += forward * (3 if layer else 2)
        units = m if layer not in (0, last) else 1
        pairs = sum(1 for _ in itertools.combinations_with_replacement(range(D), 2))
        inverse = sum(1 for _ in itertools.product(range(D), repeat=3))
        relative += units * (n * (pairs - D / 2) / every + inverse / T) + sum(
            1 for _ in itertools.product(range(m), range(D), range(D))
        )
    assert multiplications(widths, n) == plain
    assert multiplications(widths, n, T, every) == pytest.approx(plain + relative, rel=1e-14)
    assert multiplications(widths, n, T, every, own=False) < plain + relative


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: averaged_metric(np.eye(2), 0.9), "mini batches"),
        (lambda: averaged_metric(np.zeros((0, 2, 2)), 0.9), "mini batches"),
        (lambda: averaged_metric(psd(1, 2), 1.0), "decay"),
        (lambda: averaged_metric(psd(1, 2), float("nan")), "decay"),
        (lambda: averaged_metric(psd(1, 2), 0.9, -1.0), "damping"),
        (lambda: staleness(0.9, -1, 1.0), "at least 0"),
        (lambda: staleness(0.9, 1, float("nan")), "at least 0"),
        (lambda: informative_samples([[1.0]]), "bias last"),
        (lambda: informative_samples(np.zeros((3, 3))), "learns from no sample"),
        (lambda: informative_samples([[1.0, 1.0], [1.0, 1.0]]).whitening, "covariance"),
        (lambda: multiplications((5,), 3), "whole numbers"),
        (lambda: multiplications((5, 2), 3, period=0), "whole numbers"),
    ],
)
def test_what_cannot_be(call, message):
    with pytest.raises(InputError, match=message):
        call()
