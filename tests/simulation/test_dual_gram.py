"""Every statistic against explicit Jacobians, obtained by complex steps from nothing but the outputs of the network."""

import numpy as np
import pytest

from fimtheory.simulation import METRICS, SOFTMAX_METRICS, Architecture, measure, numpy_backend
from fimtheory.simulation.networks import draw_network

BACKEND = numpy_backend()
N = 3


def tanh_network(widths, sigma_w2=1.7, sigma_b2=0.4):
    return Architecture(widths, sigma_w2, sigma_b2, np.tanh, lambda u: 1 - np.tanh(u) ** 2)


def outputs(phis, weights, biases, x, kick=None):
    """f for one sample x; ``kick = (l, i, step)`` adds step to the i-th component of h^l."""
    h = x.astype(complex)
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        if kick is not None and kick[0] == layer:
            h = h.copy()
            h[kick[1]] += kick[2]
        h = W @ h + b
        if layer < len(weights) - 1:
            h = phis[layer](h)
    return h


def parameter_jacobians(architecture, network, x):
    """For each layer, d f_k(n) / d (weights, then biases): shape (P_l, C * N), columns k N + n."""
    weights, biases = ([array.astype(complex) for array in arrays] for arrays in (network.weights, network.biases))
    jacobians = []
    for layer in range(len(weights)):
        rows = []
        for parameters in (weights[layer], biases[layer]):
            for i in np.ndindex(parameters.shape):
                parameters[i] += 1e-30j
                f = np.array([outputs(architecture.activations, weights, biases, sample) for sample in x])
                parameters[i] = parameters[i].real
                rows.append((f.imag / 1e-30).T.ravel())
        jacobians.append(np.array(rows))
    return jacobians


def feature_jacobians(architecture, network, x):
    """For each l = 0..L-1, d f_k(n) / d h^l: shape (M_l, C * N), columns k N + n."""
    arguments = architecture.activations, network.weights, network.biases
    jacobians = []
    for layer, width in enumerate(architecture.widths[:-1]):
        rows = []
        for i in range(width):
            f = np.array([outputs(*arguments, sample, (layer, i, 1e-30j)) for sample in x])
            rows.append((f.imag / 1e-30).T.ravel())
        jacobians.append(np.array(rows))
    return jacobians


def averages(rows, logits):
    """The three averages over samples of gradients in the columns k N + n of ``rows``: as defined, matrix by matrix."""
    by_sample = [rows[:, n::N] for n in range(N)]
    mean = sum(by_sample) / N
    softmax = [np.exp(f) / np.exp(f).sum() for f in logits]
    weights = [np.diag(g) - np.outer(g, g) for g in softmax]
    return {
        "": sum(J @ J.T for J in by_sample) / N,
        "_centred": sum(J @ J.T for J in by_sample) / N - mean @ mean.T,
        "_cross": sum(J @ Q @ J.T for J, Q in zip(by_sample, weights, strict=True)) / N,
    }


def tangent_kernels(architecture, jacobians):
    """The kernel in its own parameterisation, and with its mean over samples subtracted on both sides."""
    scaled = []
    variances = zip(architecture.weight_variances, architecture.bias_variances, strict=True)
    for columns, block, (weight, bias) in zip(architecture.widths, jacobians, variances, strict=False):
        rows = len(block) // (columns + 1)
        scaled += [np.sqrt(weight / columns) * block[: rows * columns], np.sqrt(bias) * block[rows * columns :]]
    kernel = np.concatenate(scaled).T @ np.concatenate(scaled)
    projector = np.kron(np.eye(architecture.outputs), np.eye(N) - np.ones((N, N)) / N)
    return {"NTK": kernel, "NTK_centred": projector @ kernel @ projector}


def expected(architecture, network, x):
    """Every metric as the explicit matrix, and the statistics of all its eigenvalues."""
    J = parameter_jacobians(architecture, network, x)
    H = feature_jacobians(architecture, network, x)
    logits = [outputs(architecture.activations, network.weights, network.biases, sample).real for sample in x]
    metrics = tangent_kernels(architecture, J)
    for name, blocks, first in (("F", J, 1), ("A", H, 0)):
        metrics |= {name + weight: metric for weight, metric in averages(np.concatenate(blocks), logits).items()}
        for layer, block in enumerate(blocks, start=first):
            found = averages(block, logits)
            metrics |= {f"{name}_blocks[{layer}]": found[""], f"{name}_cross_blocks[{layer}]": found["_cross"]}
    asked = {name: metric for name, metric in metrics.items() if name.split("[")[0] in METRICS}
    found = {}
    for name, metric in asked.items():
        statistics = dispersed if name.split("[")[0] in SOFTMAX_METRICS else clustered
        values = statistics(np.linalg.eigvalsh(metric)[::-1], architecture.outputs)
        found |= {f"deep.{name}.{statistic}": value for statistic, value in values.items()}
    return found | {"deep.F_eigenspace.share": eigenspace_share(metrics["F"], np.concatenate(J), architecture.outputs)}


def eigenspace_share(F, gradients, C):
    """Mean squared cosine between the span of the mean gradients and that of the top eigenvectors, in parameter space."""
    means = np.column_stack([gradients[:, k * N : (k + 1) * N].mean(axis=1) for k in range(C)])
    plane, _ = np.linalg.qr(means)
    return (np.linalg.norm(plane.T @ np.linalg.eigh(F)[1][:, -C:]) ** 2) / C


def clustered(eigenvalues, C):
    top = eigenvalues[:C]
    return {
        "mean": eigenvalues.mean(),
        "second_moment": (eigenvalues**2).mean(),
        "lambda_max": top.mean(),
        "lambda_top": eigenvalues[0],
        "cluster_variance": (top**2).mean() - top.mean() ** 2,
    }


def dispersed(eigenvalues, C):
    found = {"mean": eigenvalues.mean(), "second_moment": (eigenvalues**2).mean(), "lambda_max": eigenvalues[0]}
    return found | {f"outlier[{j + 1}]": value for j, value in enumerate(eigenvalues[:C]) if C > 1}


PER_LAYER = Architecture(
    (4, 5, 3, 2),
    (1.7, 0.6, 1.2),
    (0.4, 0.0, 0.9),
    (np.tanh, np.sin),
    (lambda u: 1 - np.tanh(u) ** 2, np.cos),
)


@pytest.mark.parametrize(
    "architecture",
    [*map(tanh_network, [(4, 5, 3, 2), (3, 2), (2, 1, 3), (5, 4, 4, 4, 1)]), PER_LAYER],
    ids=lambda architecture: str(architecture.widths) + ("" if architecture is not PER_LAYER else " per layer"),
)
def test_every_statistic_is_that_of_the_explicit_metric(architecture):
    generator = np.random.default_rng(7)
    network = draw_network(architecture, generator, BACKEND)
    x = generator.standard_normal((N, architecture.widths[0]))
    measured = measure(architecture, network, x, METRICS, BACKEND)
    reference = expected(architecture, network, x)
    assert {name for name in measured if "q" not in name} == set(reference)
    for name, value in reference.items():
        assert measured[name] == pytest.approx(value, rel=1e-10, abs=1e-12), name


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
    for layer, block in enumerate(parameter_jacobians(architecture, network, x), start=1):
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
