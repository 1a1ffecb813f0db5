import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation import Architecture, numpy_backend, simulate
from fimtheory.simulation.networks import draw_inputs, draw_network, forward


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
        ({"widths": (3, 3, 2), "phi": (np.tanh, "sin")}, "phi has 2 entries for 1 hidden layers"),
        ({"widths": (3, 3, 2), "dphi": (1.0,)}, "dphi = 1.0 cannot be called"),
        ({"sigma_w2": (1.0, 2.0)}, "sigma_w2 has 2 entries for 1 layers"),
        ({"sigma_w2": [-1.0]}, "sigma_w2 = -1.0"),
        ({"sigma_b2": ()}, "sigma_b2 has 0 entries"),
        ({"sigma_b2": "much"}, "sigma_b2 = 'much' is no number"),
        ({"sigma_b2": None}, "sigma_b2 = None is no number"),
        ({"input_norm": 0.0}, "input_norm = 0.0"),
        ({"input_norm": float("inf")}, "input_norm = inf"),
        ({"input_overlap": 1.5}, "input_overlap = 1.5 exceeds input_norm = 1.0"),
        ({"input_overlap": float("nan")}, "input_overlap = nan"),
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


def test_layers_of_their_own():
    network = Architecture((3, 200, 300, 2), (1.0, 2.0, 3.0), (0.0, 0.5, 0.0), (np.tanh, np.sin), (np.cos, np.exp))
    drawn = draw_network(network, np.random.default_rng(1), numpy_backend())
    assert drawn.weights[1].var() == pytest.approx(2.0 / 200, rel=4 * (2 / 60000) ** 0.5)
    assert drawn.biases[1].var() == pytest.approx(0.5, rel=4 * (2 / 300) ** 0.5)
    assert not drawn.biases[0].any()
    x = np.random.default_rng(2).standard_normal((5, 3))
    signals = forward(network, drawn, x, numpy_backend())
    u = x @ drawn.weights[0].T + drawn.biases[0]
    v = np.tanh(u) @ drawn.weights[1].T + drawn.biases[1]
    f = np.sin(v) @ drawn.weights[2].T + drawn.biases[2]
    found = [*signals.features, *signals.slopes, signals.outputs]
    for array, expected in zip(found, [x, np.tanh(u), np.sin(v), np.cos(u), np.exp(v), f], strict=True):
        assert np.allclose(array, expected, rtol=1e-14)


@pytest.mark.parametrize(("norm", "overlap"), [(1.0, 0.0), (2.0, 1.5), (0.5, -0.1), (3.0, 3.0), (3.0, -1.0)])
def test_inputs_have_the_covariance_asked_for(norm, overlap):
    n_samples, width = 4, 40_000
    network = Architecture((width, 2), 1.0, 0.1, np.tanh, np.cos, norm, overlap)
    x = draw_inputs(network, n_samples, np.random.default_rng(5), numpy_backend())
    expected = overlap + (norm - overlap) * np.eye(n_samples)
    # An inner product of Gaussians with covariance S has variance (S_nn S_mm + S_nm^2) / M.
    deviation = np.sqrt((norm**2 + expected**2) / width)
    assert (np.abs(x @ x.T / width - expected) < 4.5 * deviation).all()
    if overlap == norm:
        assert np.allclose(x, x[0], atol=1e-12)
    if overlap == -norm / (n_samples - 1):
        assert np.allclose(x.sum(axis=0), 0, atol=1e-12)


def test_plain_inputs_are_standard_gaussians_as_drawn():
    network = Architecture((3, 2), 1.0, 0.1, np.tanh, np.cos)
    x = draw_inputs(network, 4, np.random.default_rng(5), numpy_backend())
    assert np.array_equal(x, np.random.default_rng(5).standard_normal((4, 3)))


def test_too_many_inputs_cannot_all_oppose_each_other():
    network = Architecture((3, 2), 1.0, 0.1, np.tanh, np.cos, 1.0, -0.5)
    assert simulate(network, 3, 1, seed=0).n_networks == 1
    with pytest.raises(InputError, match=r"4 inputs of norm 1 cannot overlap by -0\.5.*at least -0\.333333"):
        simulate(network, 4, 1, seed=0)
