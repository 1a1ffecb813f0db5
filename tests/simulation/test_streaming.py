"""Weights that are drawn again whenever they are needed, against the same weights in memory."""

import tracemalloc

import numpy as np
import pytest

from fimtheory.simulation import METRICS, Architecture, measure, numpy_backend, simulate
from fimtheory.simulation.networks import Network
from fimtheory.simulation.streaming import StreamedMatrix, streamed_network


def dtanh(u):
    return 1 - np.tanh(u) ** 2


def stored(network):
    weights = [np.concatenate([block for _, block in weight.blocks()]) for weight in network.weights]
    return Network(tuple(weights), network.biases)


@pytest.mark.parametrize("block_entries", [1, 30, 10**6])  # a block is one row, a few, and all
@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-12), ("float32", 1e-3)])
def test_every_statistic_is_that_of_the_stored_network(block_entries, dtype, error):
    backend = numpy_backend(dtype)
    architecture = Architecture((5, 12, 9, 3), (1.5, 0.7, 2.0), 0.3, np.tanh, dtanh)
    network = streamed_network(architecture, np.random.SeedSequence(4, spawn_key=(2,)), backend, block_entries)
    x = backend.normal(np.random.default_rng(0), (4, 5))
    streamed = measure(architecture, network, x, METRICS, backend)
    reference = measure(architecture, stored(network), x, METRICS, backend)
    for name, value in reference.items():
        assert streamed[name] == pytest.approx(value, rel=error, abs=1e-12 if dtype == "float64" else 1e-4), name


def test_the_law_of_the_weights():
    matrix = StreamedMatrix((400, 300), 2.0 / 300, np.random.SeedSequence(9), numpy_backend(), block_rows=70)
    W = np.concatenate([block for _, block in matrix.blocks()])
    assert W.shape == (400, 300)
    assert W.var() == pytest.approx(2.0 / 300, rel=4 * (2 / W.size) ** 0.5)
    assert len(np.unique(W)) == W.size  # no block is drawn twice
    correlations = np.corrcoef(W) - np.eye(400)
    assert np.abs(correlations).max() < 6 / 300**0.5


def test_layers_and_networks_have_weights_of_their_own():
    architecture = Architecture((6, 6, 6), 1.0, 1.0, np.tanh, dtanh)
    drawn = [
        stored(streamed_network(architecture, np.random.SeedSequence(1, spawn_key=(index,)), numpy_backend()))
        for index in range(3)
    ]
    numbers = np.concatenate([array.ravel() for one in drawn for array in (*one.weights, *one.biases)])
    assert len(np.unique(numbers)) == len(numbers)


def test_ensembles_agree_in_law_and_share_their_inputs():
    architecture = Architecture((5, 12, 9, 2), 1.5, 0.3, np.tanh, dtanh)
    streamed = simulate(architecture, 4, 600, seed=3, streamed=True)
    reference = simulate(architecture, 4, 600, seed=3)
    assert np.array_equal(streamed.values("deep.qhat1[0]"), reference.values("deep.qhat1[0]"))
    for name in ("deep.F.mean", "deep.NTK.lambda_max", "deep.A.second_moment"):
        assert not set(streamed.values(name)) & set(reference.values(name))
        error = np.hypot(streamed.standard_error(name), reference.standard_error(name))
        assert abs(streamed.mean(name) - reference.mean(name)) < 4 * error
    assert np.allclose(simulate(architecture, 4, 5, 3, workers=2, streamed=True).values("deep.F.mean"),
                       streamed.values("deep.F.mean")[:5], rtol=1e-12)  # fmt: skip


def test_memory_holds_a_block_and_not_the_weights():
    width = 3000
    architecture = Architecture((width, width, width, 2), 1.5, 0.3, np.tanh, dtanh)
    network = streamed_network(architecture, np.random.SeedSequence(1), numpy_backend("float32"), 10 * width)
    x = np.ones((2, width), dtype="float32")
    tracemalloc.start()
    measure(architecture, network, x, {"F"}, numpy_backend("float32"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.05 * 4 * 2 * width**2  # of the bytes of the two large layers
