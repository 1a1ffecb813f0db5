"""Measured relative metrics: against dense matrices built entry by entry, and the same whoever draws them."""

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation.expected_relative import NeuronBatch, simulate_batches, simulate_units, unit_statistics
from fimtheory.simulation.measurements import generator
from fimtheory.simulation.networks import Architecture


def slope(t):
    return 1 - np.tanh(t) ** 2


BATCH = NeuronBatch(slope, q=1.5, bias=0.5, input_variance=2.0, ratio=1.5)
SCARCE = NeuronBatch(lambda t: 1.0 * (t > 0), ratio=0.5)
NAMES = [f"relative.{name}" for name in ("perpendicular", "parallel", "ratio", "cross", "alone", "block[1]", "block[2]",
         "moment[1]", "moment[2]", "moment[3]", "stieltjes[-0.5]", "rank", "top")]  # fmt: skip
SMALL = Architecture((6, 7, 8, 2), 2.0, 0.3, phi=np.tanh, dphi=slope)


@pytest.mark.parametrize("batch", [BATCH, SCARCE], ids=["more inputs", "fewer inputs"])
def test_against_dense_matrices(batch):
    measured = simulate_batches(batch, 8, 3, 7, NAMES)
    for i in range(3):
        x = generator(7, i, 0).standard_normal((batch.inputs(8), 8)) * batch.input_variance**0.5
        w = np.zeros(8)
        w[0] = (batch.q / batch.input_variance) ** 0.5
        augmented, G = np.column_stack([x, np.ones(len(x))]), np.zeros((9, 9))
        for row in augmented:
            G += batch.nu(w @ row[:8] + batch.bias) * np.outer(row, row) / len(x)
        values, block = np.linalg.eigvalsh(G[:8, :8]), np.linalg.eigvalsh(G[np.ix_([0, 8], [0, 8])])
        across = (np.trace(G[:8, :8]) - G[0, 0]) / 7
        expected = [across, G[0, 0], across / G[0, 0], G[0, 8], G[8, 8], *block]
        expected += [(values**k).mean() for k in (1, 2, 3)]
        expected += [(1 / (-0.5 - values)).mean(), (values > 1e-10).mean(), values.max()]
        found = [measured.values(name)[i] for name in NAMES]
        assert np.allclose(found, expected, rtol=1e-10, atol=1e-13)


def test_every_input_has_its_own_weights():
    """Without dependence on the weights c is 1; with it, c of three inputs by hand."""
    flat = simulate_batches(NeuronBatch(np.ones_like, ratio=50), 4, 40, 1, ["relative.isotropic"])
    assert abs(flat.mean("relative.isotropic") - 1) < 4 * flat.standard_error("relative.isotropic")
    found = simulate_batches(NeuronBatch(slope, q=3.0, bias=0.7, ratio=1.5), 2, 1, 4, ["relative.isotropic"])
    draw = generator(4, 0, 1)
    x, w, c = draw.standard_normal((3, 2)), draw.standard_normal((3, 2)) * 1.5**0.5, draw.standard_normal(3) * 0.7
    by_hand = np.mean([slope(w[i] @ x[i] + c[i]) * x[i] @ x[i] / 2 for i in range(3)])
    assert np.isclose(found.mean("relative.isotropic"), by_hand, rtol=1e-12)


def block_mean(network, inputs, layer):
    """tr F^{ll} over the number of parameters, from differences of the outputs."""
    step, count, total = 1e-5, 0, 0.0
    for values in (network.weights[layer - 1], network.biases[layer - 1]):
        for place in np.ndindex(values.shape):
            outputs = []
            for sign in (1, -1):
                values[place] += sign * step
                outputs.append(output(network, inputs))
                values[place] -= sign * step
            total += (((outputs[0] - outputs[1]) / (2 * step)) ** 2).sum() / len(inputs)
            count += 1
    return total / count


def output(network, h):
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        h = np.tanh(h @ weight.T + bias)
    return h @ network.weights[-1].T + network.biases[-1]


def test_units_against_dense_metrics():
    from fimtheory.simulation.backends import numpy_backend
    from fimtheory.simulation.networks import drawn, forward

    statistics = ("mean", "second_moment", "lambda_max", "over_fisher")
    names = [f"relative.layer[{l}].{what}" for l in (1, 2) for what in statistics]
    measured = simulate_units(SMALL, slope, 5, 2, 3, names)
    for i in range(2):
        network, inputs = drawn(SMALL, 5, 3, i, numpy_backend())
        features = forward(SMALL, network, inputs, numpy_backend()).features
        for l in (1, 2):
            h = np.column_stack([features[l - 1], np.ones(5)])
            weights = np.column_stack([network.weights[l - 1], network.biases[l - 1]])
            metrics = [(h.T * slope(h @ w)) @ h / 5 for w in weights]
            values = np.array([np.linalg.eigvalsh(g) for g in metrics])
            expected = [values.mean(), (values**2).mean(), values[:, -1].mean()]
            expected.append(values.mean() / block_mean(network, inputs, l))
            found = [measured.values(name)[i] for name in names[4 * l - 4 : 4 * l]]
            assert np.allclose(found, expected, rtol=1e-8)


def test_seeds_decide_and_workers_do_not():
    first, second = (simulate_batches(BATCH, 5, 6, 9, NAMES, workers=n) for n in (1, 3))
    assert all((first.values(name) == second.values(name)).all() for name in NAMES)
    longer = simulate_batches(BATCH, 5, 8, 9, NAMES[:2])
    assert (longer.values(NAMES[1])[:6] == first.values(NAMES[1])).all()
    assert (simulate_batches(BATCH, 5, 6, 10, NAMES).values(NAMES[0]) != first.values(NAMES[0])).all()
    names = ["relative.layer[2].lambda_max"]
    one, two = (simulate_units(SMALL, slope, 4, 5, 9, names, workers=n) for n in (1, 2))
    assert (one.values(names[0]) == two.values(names[0])).all()


def test_constants_may_come_back_as_one_number():
    assert unit_statistics(np.eye(2), np.ones((2, 3)), 2) == {"mean": 0.5, "second_moment": 0.25, "lambda_max": 0.5}
    measured = simulate_batches(NeuronBatch(lambda t: 2.0), 4, 2, 1, ["relative.alone"])
    assert (measured.values("relative.alone") == 2).all()


@pytest.mark.parametrize(
    "name",
    ["relative.nothing", "relative.block[3]", "relative.moment[0]", "relative.moment[x]", "relative.stieltjes[1]",
     "relative.rank[2]"],
)  # fmt: skip
def test_refused_names(name):
    with pytest.raises(InputError, match="is not measured"):
        simulate_batches(BATCH, 5, 2, 1, [name])


def test_refusals():
    with pytest.raises(InputError, match="nothing across"):
        simulate_batches(BATCH, 1, 2, 1, ["relative.alone"])
    with pytest.raises(InputError, match="nothing is to be measured"):
        simulate_batches(BATCH, 3, 2, 1, [])
    for name in ("relative.layer[3].mean", "relative.layer[1].rank", "relative.mean"):
        with pytest.raises(InputError, match="layers being 1 to 2"):
            simulate_units(SMALL, slope, 3, 2, 1, [name])
