"""Gradient descent of random networks: against automatic differentiation, and its own kernel where that is exact."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

from fimtheory.errors import InputError
from fimtheory.simulation import Architecture, numpy_backend
from fimtheory.simulation.networks import draw_inputs, draw_network, forward
from fimtheory.simulation.training import gradients, growth, kernel_of, one_hot_labels, train
from fimtheory.simulation.training_ensemble import TrainingPlan, simulate_training

BACKEND = numpy_backend()


def dtanh(u):
    return 1 - np.tanh(u) ** 2


def relu(u):
    return np.maximum(u, 0)


def step(u):
    return u > 0


TANH = Architecture((4, 6, 5, 2), (1.5, 2.0, 1.0), (0.3, 0.1, 0.2), np.tanh, dtanh)


def drawn(architecture, n_samples=5, seed=1):
    generator = BACKEND.make_generator(np.random.SeedSequence(seed))
    inputs = draw_inputs(architecture, n_samples, generator, BACKEND)
    return draw_network(architecture, generator, BACKEND), inputs, generator


def outputs_of(parameters, inputs):
    """The tanh network in code that automatic differentiation can read."""
    h = inputs
    for weight, bias in parameters[:-1]:
        h = anp.tanh(anp.dot(h, weight.T) + bias)
    return anp.dot(h, parameters[-1][0].T) + parameters[-1][1]


def loss_by_autograd(parameters, inputs, targets, loss):
    f = outputs_of(parameters, inputs)
    if loss == "mse":
        return anp.sum((targets - f) ** 2) / (2 * len(inputs))
    return -anp.sum(targets * (f - anp.log(anp.sum(anp.exp(f), axis=1, keepdims=True)))) / len(inputs)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("parameterisation", ["ordinary", "ntk"])
def test_descent_against_autograd(loss, parameterisation):
    """Three steps; in the NTK parameterisation those of omega and beta themselves."""
    network, inputs, generator = drawn(TANH)
    targets = np.eye(2)[generator.integers(2, size=5)]
    scales = [(1.0, 1.0)] * 3
    if parameterisation == "ntk":
        layers = zip(TANH.widths, TANH.weight_variances, TANH.bias_variances, strict=False)
        scales = [((w / below) ** 0.5, b**0.5) for below, w, b in layers]
    own = [(w / s, b / t) for w, b, (s, t) in zip(network.weights, network.biases, scales, strict=True)]

    def loss_of_own(parameters):
        scaled = [(s * w, t * b) for (w, b), (s, t) in zip(parameters, scales, strict=True)]
        return loss_by_autograd(scaled, inputs, targets, loss)

    losses = [loss_of_own(own)]
    for _ in range(3):
        slopes = grad(loss_of_own)(own)
        own = [(w - 0.1 * dw, b - 0.1 * db) for (w, b), (dw, db) in zip(own, slopes, strict=True)]
        losses.append(loss_of_own(own))
    run = train(TANH, network, inputs, targets, loss, 0.1, range(4), parameterisation)
    assert run.losses == pytest.approx(np.array(losses), rel=1e-12)
    scaled = [(s * w, t * b) for (w, b), (s, t) in zip(own, scales, strict=True)]
    assert run.outputs[-1] == pytest.approx(outputs_of(scaled, inputs), abs=1e-12)


def test_gradients_against_autograd():
    network, inputs, generator = drawn(TANH)
    errors = generator.standard_normal((5, 2))
    parameters = list(zip(network.weights, network.biases, strict=True))
    want = grad(lambda p: anp.sum(errors * outputs_of(p, inputs)))(parameters)
    for layer, weights, biases in gradients(network, forward(TANH, network, inputs, BACKEND), errors):
        assert weights == pytest.approx(want[layer - 1][0], abs=1e-13)
        assert biases == pytest.approx(want[layer - 1][1], abs=1e-13)


def test_the_network_is_not_changed():
    network, inputs, _ = drawn(TANH)
    before = [w.copy() for w in (*network.weights, *network.biases)]
    train(TANH, network, inputs, np.eye(2)[[0, 1, 0, 1, 0]], "mse", 0.1, [5])
    assert all(np.array_equal(a, b) for a, b in zip(before, (*network.weights, *network.biases), strict=True))


def test_one_layer_follows_its_kernel_exactly():
    """Without hidden layers a network is linear in its parameters, and the tangent kernel is constant."""
    single = Architecture((6, 2), 1.0, 0.5, relu, step)
    network, inputs, generator = drawn(single)
    targets = generator.standard_normal((5, 2))
    for parameterisation in ("ordinary", "ntk"):
        kernel = kernel_of(single, network, inputs, parameterisation, BACKEND)
        rate = 0.5 / np.linalg.eigvalsh(kernel)[-1]
        run = train(single, network, inputs, targets, "mse", rate, [0, 7], parameterisation)
        first, last = ((targets - f).T.ravel() for f in run.outputs)
        assert last == pytest.approx(np.linalg.matrix_power(np.eye(10) - rate * kernel, 7) @ first, abs=1e-12)


def test_kernel_against_autograd():
    network, inputs, _ = drawn(TANH)
    parameters = list(zip(network.weights, network.biases, strict=True))
    columns = []
    for k in range(2):
        for n in range(5):
            slopes = grad(lambda p, n=n, k=k: outputs_of(p, inputs)[n, k])(parameters)
            columns.append(np.concatenate([np.concatenate([dw.ravel(), db]) for dw, db in slopes]))
    assert kernel_of(TANH, network, inputs, "ordinary", BACKEND) == pytest.approx(
        np.array(columns) @ np.array(columns).T / 5, abs=1e-12
    )


@pytest.mark.parametrize("factor", [0.4, 0.95, 1.05, 1.3])
def test_growth_of_a_small_residual(factor):
    """|1 - 2 factor| at a multiple of the network's own 2/lambda_max, to the square of the nudge and rounding."""
    network, inputs, _ = drawn(TANH)
    values, vectors = np.linalg.eigh(kernel_of(TANH, network, inputs, "ordinary", BACKEND))
    top = vectors[:, -1].reshape(2, 5).T
    found = growth(TANH, network, inputs, top, 2 * factor / values[-1], steps=3)
    assert found == pytest.approx(1 - 2 * factor, abs=1e-4)


def test_training_below_and_above_the_boundary():
    """A wide network at 0.9 and at 1.1 of 2/lambda_max, from a small residual: one falls, the other grows at first."""
    wide = Architecture((300, 300, 300, 2), 3.0, 0.64, np.tanh, dtanh)
    network, inputs, _ = drawn(wide, 10)
    values, vectors = np.linalg.eigh(kernel_of(wide, network, inputs, "ordinary", BACKEND))
    targets = forward(wide, network, inputs, BACKEND).outputs + 1e-3 * vectors[:, -1].reshape(2, 10).T
    below, above = (
        train(wide, network, inputs, targets, "mse", 2 * f / values[-1], range(0, 21, 5)).losses for f in (0.9, 1.1)
    )
    assert below == pytest.approx(below[0] * 0.8 ** (2 * np.arange(0, 21, 5)), rel=0.1)
    assert above == pytest.approx(above[0] * 1.2 ** (2 * np.arange(0, 21, 5)), rel=0.1)


def test_eigenvalues_along_training():
    network, inputs, _ = drawn(TANH)
    run = train(TANH, network, inputs, np.eye(2)[[0, 1, 0, 1, 0]], "cross_entropy", 0.01, (0, 200), eigenvalues=True)
    kernel = kernel_of(TANH, network, inputs, "ordinary", BACKEND)
    assert run.lambda_F[0] == pytest.approx(np.linalg.eigvalsh(kernel)[-2:].mean())
    assert (run.lambda_F_cross < run.lambda_F).all()


def test_overflow_is_an_error():
    network, inputs, _ = drawn(Architecture((4, 5, 3, 2), 2.0, 0.0, relu, step))
    with pytest.raises(InputError, match="overflow at step"), np.errstate(all="ignore"):
        train(Architecture((4, 5, 3, 2), 2.0, 0.0, relu, step), network, inputs, np.ones((5, 2)), "mse", 50.0, [500])


def test_labels_of_a_teacher():
    network, inputs, _ = drawn(TANH)
    labels = one_hot_labels(TANH, network, inputs, BACKEND)
    best = forward(TANH, network, inputs, BACKEND).outputs.argmax(axis=1)
    assert np.array_equal(labels.argmax(axis=1), best)
    assert np.array_equal(labels.sum(axis=1), np.ones(5))


NAMES = [
    "training.mse[2]",
    "training.cross_entropy[0]",
    "training.cross_entropy[3]",
    "training.lambda_F[3]",
    "training.lambda_F_cross[3]",
    "training.lambda_F_drift[3]",
    "training.growth[0.95]",
    "training.critical_rate",
]
PLAN = TrainingPlan(np.eye(2)[[0, 1, 0, 1]], 0.05, np.full(4, 0.5))


def test_ensembles_do_not_depend_on_workers_or_company():
    alone = simulate_training(TANH, PLAN, 6, (3, 1), NAMES)
    assert set(alone.names) == set(NAMES)
    assert alone.outputs.shape == (6, 4, 2)
    together = simulate_training(TANH, PLAN, 6, (3, 1), NAMES, workers=2)
    few = simulate_training(TANH, PLAN, 2, (3, 1), NAMES[:1])
    assert all(np.allclose(alone.values(n), together.values(n), rtol=1e-9) for n in NAMES)
    assert np.array_equal(few.values(NAMES[0]), alone.values(NAMES[0])[:2])
    assert len(set(alone.values(NAMES[0]))) == 6


def test_given_inputs_are_those_of_every_network():
    inputs = np.random.default_rng(1).standard_normal((4, 4))
    found = simulate_training(TANH, TrainingPlan(PLAN.targets, 0.05, PLAN.direction, inputs=inputs), 1, 5, NAMES[1:2])
    generator = BACKEND.make_generator(np.random.SeedSequence(5, spawn_key=(0,)))
    network = draw_network(TANH, generator, BACKEND)
    assert found.outputs[0] == pytest.approx(forward(TANH, network, inputs, BACKEND).outputs)


def test_critical_rate_is_linear_in_the_step():
    """A network of one layer: 2 over the mean of the Rayleigh quotients, whatever the rate of the plan."""
    single = Architecture((3, 2), 1.0, 0.5, relu, step)
    found = [
        simulate_training(single, TrainingPlan(PLAN.targets, rate, PLAN.direction), 3, 1, ["training.critical_rate"])
        for rate in (0.01, 0.1)
    ]
    generator = BACKEND.make_generator(np.random.SeedSequence(1, spawn_key=(0,)))
    inputs = draw_inputs(single, 4, generator, BACKEND)
    gram = inputs @ inputs.T + 1
    want = 2 * 4 / (PLAN.direction @ gram @ PLAN.direction)
    for one in found:
        assert one.values("training.critical_rate")[0] == pytest.approx(want, rel=1e-7)


@pytest.mark.parametrize(
    "name",
    ["training.mse", "training.mse[1.5]", "training.growth[]", "training.growth[0]", "deep.F.mean", "training.x[1]"],
)
def test_unknown_observables(name):
    with pytest.raises(InputError, match="not measured in training"):
        simulate_training(TANH, PLAN, 2, 1, [name])


def test_refusals():
    network, inputs, _ = drawn(TANH)
    targets = np.zeros((5, 2))
    for change, message in [
        ({"loss": "hinge"}, "'mse' or 'cross_entropy'"),
        ({"rate": 0.0}, "positive learning rate"),
        ({"times": []}, "increasing whole numbers"),
        ({"times": [3, 1]}, "increasing whole numbers"),
        ({"targets": np.zeros((4, 2))}, "write shape"),
        ({"inputs": np.zeros((5, 3))}, "do not enter 4 units"),
        ({"parameterisation": "x"}, "'ordinary' or 'ntk'"),
    ]:
        call = {"inputs": inputs, "targets": targets, "loss": "mse", "rate": 0.1, "times": [1]} | change
        with pytest.raises(InputError, match=message):
            train(TANH, network, **call)
    with pytest.raises(InputError, match="no observable"):
        simulate_training(TANH, PLAN, 2, 1, [])
