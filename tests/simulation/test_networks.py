import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation import Architecture, numpy_backend, simulate
from fimtheory.simulation.networks import draw_network


def test_counts():
    network = Architecture([4, 5, 3, 2], 1.0, 0.0, np.tanh, np.cos)
    assert network.widths == (4, 5, 3, 2)
    assert (network.depth, network.outputs, network.feature_count) == (3, 2, 12)
    assert network.parameter_count == sum(network.parameter_counts) == 25 + 18 + 8


def test_variances_of_a_draw():
    network = draw_network(
        Architecture((200, 300, 5), 2.0, 0.5, np.tanh, np.cos), np.random.default_rng(0), numpy_backend()
    )
    assert [weight.shape for weight in network.weights] == [(300, 200), (5, 300)]
    # The relative standard deviation of a sample variance of n Gaussians is sqrt(2/n).
    assert network.weights[0].var() == pytest.approx(2.0 / 200, rel=4 * (2 / 60000) ** 0.5)
    assert network.biases[0].var() == pytest.approx(0.5, rel=4 * (2 / 300) ** 0.5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"widths": (5,)}, "at least two positive widths"),
        ({"widths": (5, 0, 1)}, "at least two positive widths"),
        ({"widths": (5, 2.5)}, "no whole numbers"),
        ({"widths": 5}, "no whole numbers"),
        ({"sigma_w2": 0.0}, "sigma_w2 = 0.0"),
        ({"sigma_w2": float("nan")}, "sigma_w2 = nan"),
        ({"sigma_b2": -1.0}, "sigma_b2 = -1.0"),
        ({"phi": "tanh"}, "phi = 'tanh' cannot be called"),
    ],
)
def test_bad_input(changed, message):
    arguments = {"widths": (3, 2), "sigma_w2": 1.0, "sigma_b2": 0.1, "phi": np.tanh, "dphi": np.cos} | changed
    with pytest.raises(InputError, match=message):
        Architecture(**arguments)


def test_an_activation_must_act_elementwise():
    network = Architecture((3, 4, 2), 1.0, 0.1, lambda u: u.sum(axis=1), np.ones_like)
    with pytest.raises(InputError, match="elementwise"):
        simulate(network, 3, 1, seed=0, metrics={"F"})
