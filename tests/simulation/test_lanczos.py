"""Matrices of known spectrum in a random orthogonal basis."""

from functools import partial

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, eigsh

from fimtheory.errors import InputError, NotConverged
from fimtheory.simulation import Spectrum, extreme_eigenvalues, stochastic_lanczos

SIZE = 3000


def rotated(eigenvalues, seed=0):
    """Products with a symmetric matrix of these eigenvalues: five reflections around the diagonal."""
    normals = np.random.default_rng(seed).standard_normal((5, len(eigenvalues)))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)

    def matvec(v):
        for normal in normals:
            v = v - 2 * normal * (normal @ v)
        v = eigenvalues * v
        for normal in normals[::-1]:
            v = v - 2 * normal * (normal @ v)
        return v

    return matvec


def semicircle(size):
    """Quantiles of the semicircle law on [-2, 2], whose distribution function is closed."""
    x = np.linspace(-2, 2, 20_001)
    return np.interp((np.arange(size) + 0.5) / size, semicircle_mass(x), x)


def semicircle_mass(x):
    return 0.5 + x * np.sqrt(4 - x**2) / (4 * np.pi) + np.arcsin(x / 2) / np.pi


def test_moments_within_their_standard_errors():
    eigenvalues = semicircle(SIZE) + 1
    spectrum = stochastic_lanczos(rotated(eigenvalues), SIZE, probes=30, steps=12, seed=1)
    for k in (1, 2, 3, 4, 23):  # 12 steps are exact up to the moment 23
        mean, error = spectrum.moment(k)
        assert 0 < error < 0.1 * mean
        assert abs(mean - (eigenvalues**k).mean()) < 4 * error
    assert abs(spectrum.moment(1)[0] - 1.03) > 5 * spectrum.moment(1)[1]


def test_two_steps_per_moment_are_enough_and_one_less_is_not():
    eigenvalues, start = semicircle(SIZE) + 1, 7
    exact = stochastic_lanczos(rotated(eigenvalues), SIZE, probes=2, steps=40, seed=start)
    short = stochastic_lanczos(rotated(eigenvalues), SIZE, probes=2, steps=3, seed=start)
    assert np.allclose([short.moment(k)[0] for k in range(6)], [exact.moment(k)[0] for k in range(6)], rtol=1e-12)
    assert abs(short.moment(6)[0] / exact.moment(6)[0] - 1) > 1e-6


def test_masses_of_windows_in_the_bulk():
    spectrum = stochastic_lanczos(rotated(semicircle(SIZE)), SIZE, probes=20, steps=40, seed=2)
    for lo, hi in ((-2.5, -1), (-1, 0.3), (-0.55, 0.55), (1.1, 3)):
        expected = semicircle_mass(min(hi, 2)) - semicircle_mass(max(lo, -2))
        mean, error = spectrum.mass(lo, hi)
        # A node carries 1/40; spreading it leaves an error of second order, 1/40^2.
        assert abs(mean - expected) < 4 * error + 1 / 40**2
        assert abs(mean - 1.05 * expected) > 4 * error + 1 / 40**2
    assert spectrum.mass(-3, 3) == (pytest.approx(1), pytest.approx(0, abs=1e-15))


def test_atoms_and_outliers_are_not_spread():
    eigenvalues = np.concatenate([np.zeros(SIZE // 2), semicircle(SIZE // 2) + 4, [9.0] * 5, [20.0]])
    spectrum = stochastic_lanczos(rotated(eigenvalues), len(eigenvalues), probes=40, steps=40, seed=3)
    for lo, hi, count in ((-1e-6, 1e-6, SIZE // 2), (1e-3, 7, SIZE // 2), (8.999, 9.001, 5), (19.999, 20.001, 1)):
        mean, error = spectrum.mass(lo, hi)
        assert error > 0
        assert abs(mean - count / len(eigenvalues)) < 4 * error
    assert spectrum.mass(0.5, 1.5)[0] < 1e-3  # the gap


def test_smoothed_density():
    spectrum = stochastic_lanczos(rotated(semicircle(SIZE)), SIZE, probes=20, steps=60, seed=4)
    points, width = np.array([-1.0, 0.0, 1.3, 3.5]), 0.2
    x = semicircle(200_000)
    expected = np.exp(-(((points[:, None] - x) / width) ** 2) / 2).mean(axis=1) / (width * np.sqrt(2 * np.pi))
    density, error = spectrum.density(points, width)
    assert density.shape == error.shape == (4,)
    assert (np.abs(density - expected) < 4 * error + 1e-3).all()
    with pytest.raises(InputError, match="positive standard deviation"):
        spectrum.density(points, 0)


def test_calibration_fixes_two_moments_and_improves_the_next():
    eigenvalues = semicircle(SIZE) + 1
    plain = stochastic_lanczos(rotated(eigenvalues), SIZE, probes=30, steps=20, seed=5)
    fixed = plain.calibrated(eigenvalues.mean(), (eigenvalues**2).mean())
    assert np.allclose(fixed.weights.sum(axis=1), 1, rtol=1e-12)
    for k in (1, 2):
        assert fixed.moment(k) == (pytest.approx((eigenvalues**k).mean(), rel=1e-12), pytest.approx(0, abs=1e-12))
    for k in (3, 4):
        mean, error = fixed.moment(k)
        assert error < plain.moment(k)[1] / 3
        assert abs(mean - (eigenvalues**k).mean()) < 4 * error


def test_a_small_krylov_space_ends_the_iteration():
    eigenvalues = np.repeat([0.0, 1.0, 2.5], [50, 30, 20])
    spectrum = stochastic_lanczos(rotated(eigenvalues), 100, probes=3, steps=50, seed=6)
    assert np.allclose(spectrum.nodes, [0, 1, 2.5], atol=1e-12)
    assert spectrum.resolved.all()
    zero = stochastic_lanczos(lambda v: 0 * v, 5, probes=2, steps=3, seed=6)
    assert zero.mass(0, 0) == (1.0, 0.0)
    assert zero.calibrated(0, 0).mass(0, 0) == (pytest.approx(1), 0.0)


def test_rows_of_different_length():
    # Equal signs are an eigenvector, other signs are not: some probes end after one step, some after two.
    matrix = np.ones((3, 3)) - np.eye(3)
    spectrum = stochastic_lanczos(lambda v: matrix @ v, 3, probes=12, steps=3, seed=0)
    assert set((spectrum.weights > 0).sum(axis=1)) == {1, 2}
    assert np.allclose(spectrum.weights.sum(axis=1), 1)
    assert np.allclose(spectrum.nodes[:, -1], 2)
    assert spectrum.mass(-1.5, 2.5) == (pytest.approx(1), pytest.approx(0, abs=1e-15))


def test_a_probe_depends_on_seed_and_index_alone():
    matvec = rotated(semicircle(200))
    few, many = (stochastic_lanczos(matvec, 200, probes, 10, seed=8).nodes for probes in (2, 4))
    assert np.array_equal(few, many[:2])
    assert not np.array_equal(few, stochastic_lanczos(matvec, 200, 2, 10, seed=9).nodes)


@pytest.mark.parametrize("size", [150, 3000])
def test_both_ends(size):
    eigenvalues = np.concatenate([np.linspace(1, 2, size - 4), [1e-3, 0.4, 2.3, 5.0]])
    low, high = extreme_eigenvalues(rotated_operator(eigenvalues), count=2)
    assert np.allclose(low, [1e-3, 0.4], atol=1e-6 * 5)
    assert np.allclose(high, [2.3, 5.0], atol=1e-6 * 5)


def rotated_operator(eigenvalues):
    matvec = rotated(eigenvalues)
    return LinearOperator((len(eigenvalues),) * 2, matvec=lambda v: matvec(v.ravel()), dtype=float)


def test_an_end_that_is_not_found(monkeypatch):
    monkeypatch.setattr("scipy.sparse.linalg.eigsh", partial(eigsh, maxiter=1))
    with pytest.raises(NotConverged, match="write a larger one"):
        extreme_eigenvalues(rotated_operator(semicircle(3000)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"probes": 1}, "at least 2"), ({"steps": 1}, "at least 2"), ({"size": 0}, "size = 0")],
)
def test_bad_input(changed, message):
    with pytest.raises(InputError, match=message):
        stochastic_lanczos(**({"matvec": lambda v: v, "size": 4, "probes": 2, "steps": 3, "seed": 1} | changed))


def test_bad_counts():
    with pytest.raises(InputError, match="from 1 to 3"):
        extreme_eigenvalues(np.eye(3), count=4)


def test_all_eigenvalues():
    spectrum = Spectrum.from_eigenvalues([3.0, 1.0, 2.0, 2.0])
    assert spectrum.moment(3) == (11.0, 0.0)
    assert spectrum.mass(1.5, 2.0) == (0.5, 0.0)
    assert np.allclose(spectrum.density([2.0], 1e-2)[0], 0.5 / (1e-2 * np.sqrt(2 * np.pi)))
