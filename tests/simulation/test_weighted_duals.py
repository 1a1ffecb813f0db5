"""Weights between samples and outputs, and the corners where they vanish: one sample, one output, saturated softmax."""

import mpmath
import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation import METRICS, SOFTMAX_METRICS, Architecture, measure, numpy_backend, simulate
from fimtheory.simulation.networks import draw_network
from fimtheory.simulation.weighted_duals import centred, softmax_factors, softmax_weighted

BACKEND = numpy_backend()


def dtanh(u):
    return 1 - np.tanh(u) ** 2


def tanh_network(*widths, sigma_w2=1.5):
    return Architecture(widths, sigma_w2, 0.3, np.tanh, dtanh)


def test_weights_are_kronecker_products_in_the_order_of_the_dual():
    generator = np.random.default_rng(0)
    C, N = 3, 4
    rows = generator.standard_normal((C * N, 20))
    dual, factors = rows @ rows.T, generator.standard_normal((N, C, C))
    projector = np.kron(np.eye(C), np.eye(N) - 1 / N)
    assert np.allclose(centred(dual, N), projector @ dual @ projector, rtol=0, atol=1e-12)
    T = np.zeros((C * N, C * N))
    for n in range(N):
        T[n::N, n::N] = factors[n]  # the rows k N + n of all outputs k
    assert np.allclose(softmax_weighted(dual, factors), T.T @ dual @ T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("logits", [(0.3, -1.2, 2.0), (0.0, 40.0, -3.0), (5e307, 0.0, -5e307), (7.0, 7.0, 7.0)])
def test_every_entry_of_the_softmax_information_keeps_its_digits(logits):
    B = softmax_factors(np.array([logits]), BACKEND)[0]
    with mpmath.workdps(60):
        powers = [mpmath.exp(mpmath.mpf(f) - max(logits)) for f in logits]
        g = [power / sum(powers) for power in powers]
        exact = [[float(g[i] * ((i == j) - g[j])) for j in range(3)] for i in range(3)]
    assert np.allclose(B @ B.T, exact, rtol=1e-13, atol=1e-300)


def test_outputs_that_overflow_are_an_error():
    with pytest.raises(InputError, match="outputs of the network overflow"):
        softmax_factors(np.array([[0.0, np.inf]]), BACKEND)


def test_softmax_of_one_output_is_constant():
    ensemble = simulate(tanh_network(4, 5, 1), 3, 2, seed=0, metrics=SOFTMAX_METRICS)
    softmax = [name for name in ensemble.names if "cross" in name]
    assert {name.rsplit(".", 1)[1] for name in softmax} == {"mean", "second_moment", "lambda_max"}
    assert all((ensemble.values(name) == 0).all() for name in softmax)


def test_one_sample_has_no_pair_and_no_variation():
    ensemble = simulate(tanh_network(4, 5, 2), 1, 3, seed=0, metrics=METRICS)
    assert {name for name in ensemble.names if "q" in name} == {
        f"deep.{name}" for name in ("qhat1[0]", "qhat1[1]", "qtilde1[1]", "qtilde1[2]")
    }
    assert (ensemble.values("deep.F_centred.lambda_top") == 0).all()
    assert (ensemble.values("deep.F_cross.mean") > 0).all()


def test_fewer_parameters_than_outputs_leave_fewer_outliers():
    architecture = tanh_network(1, 2, 3)
    network = draw_network(architecture, np.random.default_rng(3), BACKEND)
    found = measure(architecture, network, np.array([[0.4], [1.0]]), {"A_cross", "F_cross"}, BACKEND)
    assert [name for name in found if "A_cross.outlier" in name] == [f"deep.A_cross.outlier[{j}]" for j in (1, 2, 3)]
    narrow = tanh_network(1, 4)
    network = draw_network(narrow, np.random.default_rng(3), BACKEND)
    found = measure(narrow, network, np.array([[0.4], [1.0]]), {"A_cross"}, BACKEND)
    assert [name for name in found if "outlier" in name] == ["deep.A_cross.outlier[1]"]


def test_softmax_metrics_come_with_the_outputs_of_every_network():
    architecture = Architecture((3, 2), 1.0, 0.2, np.tanh, dtanh)
    ensemble = simulate(architecture, 4, 5, seed=1, metrics={"F_cross", "NTK"})
    assert ensemble.outputs.shape == (5, 4, 2)
    assert ensemble.n_networks == 5
    assert "outputs" not in ensemble.names
    assert np.array_equal(ensemble.outputs, simulate(architecture, 4, 5, 1, {"A_cross"}, workers=2).outputs)
    assert simulate(architecture, 4, 5, seed=1, metrics={"NTK"}).outputs is None
    # One layer: F_cross = (1/N) sum_n Q_n x (h h' + 1), so its trace needs nothing but outputs and inputs.
    generator = BACKEND.make_generator(np.random.SeedSequence(1, spawn_key=(2,)))
    x = generator.standard_normal((4, 3))
    g = np.exp(ensemble.outputs[2]) / np.exp(ensemble.outputs[2]).sum(axis=1, keepdims=True)
    trace = np.mean((1 - (g**2).sum(axis=1)) * ((x**2).sum(axis=1) + 1))
    assert ensemble.values("deep.F_cross.mean")[2] == pytest.approx(trace / 8, rel=1e-12)
