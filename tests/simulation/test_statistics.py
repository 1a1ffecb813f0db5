import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation import Architecture, numpy_backend, simulate
from fimtheory.simulation import statistics as statistics_module
from fimtheory.simulation.statistics import largest_eigenvalues, metric_statistics

BACKEND = numpy_backend()


def gram(n, rank, seed=0):
    rows = np.random.default_rng(seed).standard_normal((n, rank))
    return rows @ rows.T / rank


def test_small_matrices_agree_with_the_whole_spectrum():
    matrix = gram(40, 60)
    assert largest_eigenvalues(matrix, 5, BACKEND) == pytest.approx(np.linalg.eigvalsh(matrix)[::-1][:5], rel=1e-12)


def test_repeated_outliers_of_a_large_matrix_are_all_found():
    kernel = gram(160, 320) + 1.0  # one outlier near 160 above a bulk below 4
    found = largest_eigenvalues(np.kron(np.eye(10), kernel), 11, BACKEND)
    reference = np.linalg.eigvalsh(kernel)[::-1]
    assert found[:10] == pytest.approx([reference[0]] * 10, rel=1e-12)
    assert found[10] == pytest.approx(reference[1], rel=1e-12)


@pytest.mark.parametrize("separated", [True, False])
def test_iteration_and_its_dense_fallback(monkeypatch, separated):
    monkeypatch.setattr(statistics_module, "_DENSE_SIZE", 100)
    matrix = gram(300, 600) + (np.ones((300, 300)) if separated else 0.0)
    count = 1 if separated else 3
    converged = statistics_module._subspace_iteration(matrix, count, BACKEND) is not None
    assert converged == separated
    expected = np.linalg.eigvalsh(matrix)[::-1][:count]
    assert largest_eigenvalues(matrix, count, BACKEND) == pytest.approx(expected, rel=1e-12)


def test_fewer_eigenvalues_than_outputs():
    dual = np.diag([6.0, 0.0, 0.0])  # a metric with a single eigenvalue, for three outputs
    assert metric_statistics(dual, 1, 3, BACKEND)["lambda_max"] == 6.0


def test_overflow_is_an_error_and_not_a_number():
    explosive = Architecture((3, 3, 1), 1.0, 1.0, phi=lambda u: u * 1e308, dphi=np.ones_like)
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(InputError, match="overflow"):
        simulate(explosive, n_samples=2, n_networks=1, seed=0, metrics={"F"})
