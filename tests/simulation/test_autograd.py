"""Every metric of a small network by automatic differentiation of its outputs: Jacobians and Hessians of HIPS autograd.

Nothing is taken from the package but the parameters that were drawn and the numbers under test. The Jacobian of the
softmax metrics is weighted by autograd's own Hessian of log-sum-exp, and the metrics are diagonalised whole.
"""

import itertools

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from fimtheory.simulation import EIGENSPACE, METRICS, SOFTMAX_METRICS, Architecture, measure, numpy_backend
from fimtheory.simulation.networks import draw_network

BACKEND = numpy_backend()
N = 4


def step(u):
    return u > 0


def dtanh(u):
    return 1 - np.tanh(u) ** 2


def relu(u):
    return np.maximum(u, 0.0)


DIFFERENTIABLE = {np.tanh: anp.tanh, np.sin: anp.sin, relu: lambda u: u * (u > 0)}
PER_LAYER = Architecture(
    (3, 6, 5, 4, 3), (1.7, 2.0, 0.6, 1.2), (0.4, 0.0, 0.9, 0.2), (np.tanh, relu, np.sin), (dtanh, step, np.cos)
)
ARCHITECTURES = {
    "tanh": Architecture((4, 5, 3, 2), 1.7, 0.4, np.tanh, dtanh),
    "relu": Architecture((4, 6, 5, 3), 2.0, 0.1, relu, step),
    "per layer": PER_LAYER,
}


def outputs(architecture, weights, biases, h, kicks=None):
    """f of one sample; ``kicks[l]`` is added to h^l."""
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        h = anp.dot(W, h if kicks is None else h + kicks[layer]) + b
        if layer < architecture.depth - 1:
            h = DIFFERENTIABLE[architecture.activations[layer]](h)
    return h


def parameter_jacobians(architecture, network, x, scaled=False):
    """d f_k(n) / d theta, shape (N, C, P), and the slices of its layers.

    ``scaled`` multiplies weights by sigma_w / sqrt(M_(l-1)) and biases by sigma_b, and takes derivatives with respect
    to the standard Gaussians that are left.
    """
    shapes, factors, flat = [], [], []
    for weight, bias, w, b in zip(
        network.weights, network.biases, architecture.weight_variances, architecture.bias_variances, strict=True
    ):
        for array, factor in ((weight, np.sqrt(w / weight.shape[1])), (bias, np.sqrt(b))):
            factor = factor if scaled else 1.0
            shapes.append(array.shape)
            factors.append(factor)
            flat.append((array / factor if factor else np.zeros_like(array)).ravel())
    ends = np.cumsum([0, *(part.size for part in flat)])

    def function(theta, sample):
        arrays = [
            factor * theta[start:end].reshape(shape)
            for factor, shape, start, end in zip(factors, shapes, ends, ends[1:], strict=False)
        ]
        return outputs(architecture, arrays[::2], arrays[1::2], sample)

    J = np.array([autograd.jacobian(function)(np.concatenate(flat), sample) for sample in x])
    return J, [slice(start, end) for start, end in zip(ends[::2], ends[2::2], strict=False)]


def feature_jacobians(architecture, network, x):
    """d f_k(n) / d (h^0, ..., h^(L-1)), shape (N, C, M_h), and the slices of its layers."""
    ends = np.cumsum([0, *architecture.widths[:-1]])
    slices = [slice(start, end) for start, end in itertools.pairwise(ends)]

    def function(kick, sample):
        return outputs(architecture, network.weights, network.biases, sample, [kick[one] for one in slices])

    return np.array([autograd.jacobian(function)(np.zeros(ends[-1]), sample) for sample in x]), slices


def softmax_weights(architecture, network, x):
    """The Hessian of log sum_k exp f_k in f, at every sample."""
    hessian = autograd.hessian(lambda f: anp.log(anp.sum(anp.exp(f))))
    return np.array([hessian(outputs(architecture, network.weights, network.biases, sample)) for sample in x])


def metrics(J, Q):
    """Raw, centred and softmax averages of gradients of shape (N, C, parameters)."""
    raw = np.einsum("nkp,nkq->pq", J, J) / N
    return raw, raw - np.einsum("kp,kq->pq", J.mean(axis=0), J.mean(axis=0)), np.einsum("nkp,nkj,njq->pq", J, Q, J) / N


def explicit_metrics(architecture, network, x, Q):
    """Every metric whole, by its name; ``Q`` is that of :func:`softmax_weights`."""
    found = {}
    J, layers = parameter_jacobians(architecture, network, x)
    found["F"], found["F_centred"], found["F_cross"] = metrics(J, Q)
    for l, part in enumerate(layers, start=1):
        found[f"F_blocks[{l}]"], _, found[f"F_cross_blocks[{l}]"] = metrics(J[:, :, part], Q)
    H, layers = feature_jacobians(architecture, network, x)
    found["A"], _, found["A_cross"] = metrics(H, Q)
    for l, part in enumerate(layers):
        found[f"A_blocks[{l}]"] = metrics(H[:, :, part], Q)[0]
    K, _ = parameter_jacobians(architecture, network, x, scaled=True)
    for name, rows in (("NTK", K), ("NTK_centred", K - K.mean(axis=0))):
        rows = rows.reshape(-1, rows.shape[2])
        found[name] = rows @ rows.T
    return found


def statistics(name, metric, C):
    eigenvalues = np.linalg.eigvalsh(metric)[::-1]
    top = eigenvalues[:C]
    found = {"mean": eigenvalues.mean(), "second_moment": (eigenvalues**2).mean()}
    if name.split("[")[0] in SOFTMAX_METRICS:
        return found | {"lambda_max": top[0]} | {f"outlier[{j}]": value for j, value in enumerate(top, start=1)}
    return found | {"lambda_max": top.mean(), "lambda_top": top[0], "cluster_variance": top.var()}


def disagreements(architecture, weights_of_softmax=softmax_weights):
    """The observables of a drawn network that differ from the explicit ones beyond 1e-10."""
    generator = np.random.default_rng(11)
    network = draw_network(architecture, generator, BACKEND)
    x = generator.standard_normal((N, architecture.widths[0]))
    measured = measure(architecture, network, x, sorted(set(METRICS) - {EIGENSPACE}), BACKEND)
    Q = weights_of_softmax(architecture, network, x)
    expected = {
        f"deep.{name}.{statistic}": value
        for name, metric in explicit_metrics(architecture, network, x, Q).items()
        for statistic, value in statistics(name, metric, architecture.outputs).items()
    }
    assert {name for name in measured if "q" not in name} == set(expected)
    return {name for name, value in expected.items() if measured[name] != pytest.approx(value, rel=1e-10, abs=1e-12)}


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_every_statistic_is_that_of_automatic_differentiation(architecture):
    assert disagreements(architecture) == set()


def test_a_wrong_weight_of_the_softmax_is_noticed_in_every_softmax_metric_and_no_other():
    found = disagreements(PER_LAYER, lambda *drawn: 1.03 * softmax_weights(*drawn))
    assert {name.split(".")[1].split("[")[0] for name in found} == set(SOFTMAX_METRICS)
