"""Every statistic against explicit Jacobians, obtained by complex steps from nothing but the outputs of the network."""

import numpy as np
import pytest

from fimtheory.simulation import METRICS, Architecture, numpy_backend
from fimtheory.simulation.ensemble import measure
from fimtheory.simulation.networks import draw_network

BACKEND = numpy_backend()
N = 3


def tanh_network(widths, sigma_w2=1.7, sigma_b2=0.4):
    return Architecture(widths, sigma_w2, sigma_b2, np.tanh, lambda u: 1 - np.tanh(u) ** 2)


def outputs(weights, biases, x, kick=None):
    """f for one sample x; ``kick = (l, i, step)`` adds step to the i-th component of h^l."""
    h = x.astype(complex)
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        if kick is not None and kick[0] == layer:
            h = h.copy()
            h[kick[1]] += kick[2]
        h = W @ h + b
        if layer < len(weights) - 1:
            h = np.tanh(h)
    return h


def parameter_jacobians(network, x):
    """For each layer, d f_k(n) / d (weights, then biases): shape (P_l, C * N), columns k N + n."""
    weights, biases = ([array.astype(complex) for array in arrays] for arrays in (network.weights, network.biases))
    jacobians = []
    for layer in range(len(weights)):
        rows = []
        for parameters in (weights[layer], biases[layer]):
            for i in np.ndindex(parameters.shape):
                parameters[i] += 1e-30j
                f = np.array([outputs(weights, biases, sample) for sample in x])
                parameters[i] = parameters[i].real
                rows.append((f.imag / 1e-30).T.ravel())
        jacobians.append(np.array(rows))
    return jacobians


def feature_jacobians(network, x, widths):
    """For each l = 0..L-1, d f_k(n) / d h^l: shape (M_l, C * N)."""
    return [
        np.array(
            [
                np.array(
                    [outputs(network.weights, network.biases, sample, (layer, i, 1e-30j)).imag / 1e-30 for sample in x]
                ).T.ravel()
                for i in range(widths[layer])
            ]
        )
        for layer in range(len(widths) - 1)
    ]


def expected(architecture, network, x):
    """Every metric as the explicit matrix, and the statistics of all its eigenvalues."""
    J = parameter_jacobians(network, x)
    H = feature_jacobians(network, x, architecture.widths)
    ntk = []
    for columns, block in zip(architecture.widths, J, strict=False):
        biases = len(block) - len(block) // (columns + 1) * columns
        scale = np.full(len(block), np.sqrt(architecture.sigma_w2 / columns))
        scale[-biases:] = np.sqrt(architecture.sigma_b2)
        ntk.append(scale[:, None] * block)
    theta = np.concatenate(ntk).T @ np.concatenate(ntk)
    metrics = {"NTK": theta}
    metrics |= {name: np.concatenate(K) @ np.concatenate(K).T / N for name, K in (("F", J), ("A", H))}
    metrics |= {f"F_blocks[{layer}]": block @ block.T / N for layer, block in enumerate(J, start=1)}
    metrics |= {f"A_blocks[{layer}]": block @ block.T / N for layer, block in enumerate(H)}
    found = {}
    for name, metric in metrics.items():
        eigenvalues = np.linalg.eigvalsh(metric)[::-1]
        found |= {
            f"deep.{name}.mean": eigenvalues.mean(),
            f"deep.{name}.second_moment": (eigenvalues**2).mean(),
            f"deep.{name}.lambda_max": eigenvalues[: architecture.outputs].mean(),
            f"deep.{name}.lambda_top": eigenvalues[0],
        }
    return found


@pytest.mark.parametrize("widths", [(4, 5, 3, 2), (3, 2), (2, 1, 3), (5, 4, 4, 4, 1)])
def test_every_statistic_is_that_of_the_explicit_metric(widths):
    architecture = tanh_network(widths)
    generator = np.random.default_rng(7)
    network = draw_network(architecture, generator, BACKEND)
    x = generator.standard_normal((N, widths[0]))
    measured = measure(architecture, network, x, METRICS, BACKEND)
    reference = expected(architecture, network, x)
    assert {name for name in measured if "q" not in name} == set(reference)
    for name, value in reference.items():
        assert measured[name] == pytest.approx(value, rel=1e-10), name


def test_order_parameters_by_explicit_loops():
    widths = (4, 5, 3, 2)
    architecture = tanh_network(widths)
    generator = np.random.default_rng(8)
    network = draw_network(architecture, generator, BACKEND)
    x = generator.standard_normal((N, widths[0]))
    measured = measure(architecture, network, x, (), BACKEND)

    h = x
    for layer in range(3):
        same = np.mean([h[n] @ h[n] for n in range(N)]) / widths[layer]
        other = np.mean([h[n] @ h[m] for n in range(N) for m in range(N) if n != m]) / widths[layer]
        assert measured[f"deep.qhat1[{layer}]"] == pytest.approx(same, rel=1e-12)
        assert measured[f"deep.qhat2[{layer}]"] == pytest.approx(other, rel=1e-12)
        h = np.tanh(h @ network.weights[layer].T + network.biases[layer])
    for layer, block in enumerate(parameter_jacobians(network, x), start=1):
        # The derivative with respect to the bias b^l is delta^l.
        delta = block[-widths[layer] :].reshape(widths[layer], 2, N)
        same = np.mean([delta[:, k, n] @ delta[:, k, n] for k in range(2) for n in range(N)])
        pairs = [(k, n, m) for k in range(2) for n in range(N) for m in range(N) if n != m]
        other = np.mean([delta[:, k, n] @ delta[:, k, m] for k, n, m in pairs])
        assert measured[f"deep.qtilde1[{layer}]"] == pytest.approx(same, rel=1e-12)
        assert measured[f"deep.qtilde2[{layer}]"] == pytest.approx(other, rel=1e-12)


def test_only_the_metrics_asked_for_are_measured():
    architecture = tanh_network((3, 4, 2))
    network = draw_network(architecture, np.random.default_rng(1), BACKEND)
    x = np.ones((N, 3))
    everything = measure(architecture, network, x, METRICS, BACKEND)
    for metric in METRICS:
        alone = measure(architecture, network, x, {metric}, BACKEND)
        assert {name.split(".")[1].split("[")[0] for name in alone if "q" not in name} == {metric}
        assert all(everything[name] == value for name, value in alone.items())
