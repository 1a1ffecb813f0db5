"""Training of stacked networks: gradients by automatic differentiation, metrics and steps unit by unit, the protocol.

HIPS autograd differentiates a forward pass that is written here anew; metrics and natural gradients are computed naively,
one unit and one dense linear system at a time.
"""

import dataclasses
import math

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import scipy.linalg

from fimtheory.errors import InputError
from fimtheory.simulation.descent_ensemble import (
    best_curves,
    condition_numbers,
    simulate_descent,
)
from fimtheory.simulation.descent_methods import Adam, Gradient, RelativeNatural
from fimtheory.simulation.digit_network import (
    EPSILON,
    NORMALISATIONS,
    Network,
    augmented,
    backward,
    cross_entropy,
    draw_network,
    forward,
)
from fimtheory.simulation.digits import digits
from fimtheory.simulation.relative_descent import METHODS, DescentPlan, descend_on_digits
from fimtheory.simulation.unit_metrics import from_diagonals, inverses, own_metrics, shared_metric
from fimtheory.theory.relative_fisher import neuron

WIDTHS = (5, 4, 6, 3)
STACK = (2, 3)  # rates, runs
N = 7
SMALL = DescentPlan(hidden=(32, 16), train=200, batch=20, epochs=10, look=5, runs=4, precision="float64")


def drawn(normalisation="plain", seed=3):
    """Stacked networks with parameters of no special values, inputs and labels."""
    generator = np.random.default_rng(seed)
    one = draw_network(generator, WIDTHS, normalisation)
    parts = [
        [np.array(array) + 0.3 * generator.standard_normal((*STACK, *array.shape)) for array in arrays]
        for arrays in (one.weights, one.scales, one.shifts)
    ]
    x = augmented(generator.standard_normal((STACK[1], N, WIDTHS[0])))
    return Network(*parts, normalisation), x, generator.integers(0, WIDTHS[-1], (STACK[1], N))


def cost(parameters, normalisation, x, labels):
    """The mean cross-entropy of one network."""
    layers = len(WIDTHS) - 1
    weights, scales, shifts = parameters[:layers], parameters[layers : 2 * layers - 1], parameters[2 * layers - 1 :]

    def normalise(h, l):
        centred = h - anp.mean(h, axis=0)
        return centred / anp.sqrt(anp.mean(centred**2, axis=0) + EPSILON) * scales[l] + shifts[l]

    h = x
    for l, W in enumerate(weights[:-1]):
        h = anp.dot(h, W)
        if normalisation == "before":
            h = normalise(h, l)
        h = h * (h > 0)
        if normalisation == "after":
            h = normalise(h, l)
        h = anp.concatenate([h, anp.ones((N, 1))], axis=1)
    z = anp.dot(h, weights[-1])
    return anp.mean(anp.log(anp.sum(anp.exp(z), axis=1)) - z[anp.arange(N), labels])


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_gradients_are_those_of_automatic_differentiation(normalisation):
    network, x, labels = drawn(normalisation)
    signals = forward(network, x)
    costs = cross_entropy(signals.preactivations[-1], labels).mean(axis=-1)
    gradients = backward(network, signals, labels)
    for place in np.ndindex(*STACK):
        own = [array[place] for array in network.parameters]
        data = (normalisation, x[place[1]], labels[place[1]])
        assert costs[place] == pytest.approx(cost(own, *data), rel=1e-12)
        expected = autograd.grad(lambda p, data=data: cost(p, *data))(own)
        for found, right in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(found[place], right, rtol=1e-9, atol=1e-12)


def test_each_unit_has_its_own_metric():
    """The sum over samples of nu x~ x~', one sample and one unit after the other; odd and even sides."""
    generator = np.random.default_rng(1)
    for D in (4, 5):
        x, nu = generator.standard_normal((*STACK, N, D)), generator.random((*STACK, N, 3))
        found = from_diagonals(own_metrics(x, nu))
        assert found.shape == (*STACK, 3, D, D)
        for place in np.ndindex(*STACK):
            for unit in range(3):
                naive = sum(nu[place][i, unit] * np.outer(x[place][i], x[place][i]) for i in range(N))
                np.testing.assert_allclose(found[place][unit], naive, rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(shared_metric(x)[place], sum(np.outer(row, row) for row in x[place]), atol=1e-15)


def naive_metrics(network, x, method, before):
    """Block-diagonal metrics of all layers after one more mini batch (eq. 32), unit by unit."""
    signals, blocks = forward(network, x), []
    for layer, z in enumerate(signals.preactivations):
        h = np.broadcast_to(signals.features[layer], (*STACK, *signals.features[layer].shape[-2:]))
        for unit in range(z.shape[-1]):
            inner = layer in (0, len(WIDTHS) - 2)
            nu = np.ones(z.shape[:-1]) if inner else 1 / (1 + np.exp(-z[..., unit] / method.omega)) ** 2
            mean = np.einsum("rsn,rsni,rsnj->rsij", nu, h, h) / N + method.damping * np.eye(h.shape[-1])
            blocks.append(mean)
    if before is None:
        before = [np.eye(block.shape[-1]) for block in blocks]
    return [method.decay * old + (1 - method.decay) * new for old, new in zip(before, blocks, strict=True)]


def test_a_step_solves_the_block_diagonal_system():
    """Two mini batches; eqs. 23, 31 and 32 by one dense solve for all parameters of a network."""
    network, x, labels = drawn()
    method, expected = RelativeNatural(period=1, decay=0.8, damping=0.05, omega=0.7), None
    for scale in (1.0, 0.5):
        signals = forward(network, scale * x)
        gradients = backward(network, signals, labels)
        steps = method.directions(gradients, signals)
        expected = naive_metrics(network, scale * x, method, expected)
        for place in np.ndindex(*STACK):
            dense = scipy.linalg.block_diag(*(block[place] for block in expected))
            stacked = np.concatenate([g[place].T.ravel() for g in gradients])
            found = np.concatenate([s[place].T.ravel() for s in steps])
            np.testing.assert_allclose(dense @ found, stacked, rtol=1e-9, atol=1e-12)


def test_the_hard_selector_is_the_limit_of_the_smooth_one():
    network, x, labels = drawn()
    signals = forward(network, x)
    hard, smooth = RelativeNatural(), RelativeNatural(omega=1e-4)
    for method in (hard, smooth):
        method.directions(backward(network, signals, labels), signals)
    for a, b in zip(hard.metrics(), smooth.metrics(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_selectors_are_the_coefficients_of_the_theory():
    """nu as derived from Gaussian responses, for ReLU and for the smooth one, which is softplus(t/omega) omega."""
    z = np.linspace(-3, 3, 50)
    selected = {omega: RelativeNatural(omega=omega)._selector(z) for omega in (0.0, 0.7)}
    np.testing.assert_allclose(selected[0.0], neuron("gaussian:relu").numpy(z), rtol=1e-14)
    np.testing.assert_allclose(selected[0.7], neuron("gaussian:softplus").numpy(z / 0.7), rtol=1e-13)


def test_inverses_stay_for_a_period():
    network, x, labels = drawn()
    method, changed = RelativeNatural(period=3), []
    for scale in (1.0, 2.0, 3.0, 4.0, 5.0):
        before = method.inverses
        signals = forward(network, scale * x)
        method.directions(backward(network, signals, labels), signals)
        changed.append(method.inverses is not before)
    assert changed == [True, False, False, True, False]


def test_sparse_averages_forget_as_fast():
    """On the same mini batch again and again, averaging every third one leaves the same metric after each third."""
    network, x, labels = drawn()
    signals = forward(network, x)
    gradients = backward(network, signals, labels)
    dense, sparse, kept = RelativeNatural(), RelativeNatural(every=3), 0.995
    for method in (dense, sparse):
        for _ in range(4):
            method.directions(gradients, signals)
    for fine, coarse in zip(dense.metrics(), sparse.metrics(), strict=True):
        start = np.broadcast_to(np.eye(fine.shape[-1]), fine.shape)
        batch = (fine - kept**4 * start) / (1 - kept**4)
        np.testing.assert_allclose(coarse, kept**6 * start + (1 - kept**6) * batch, rtol=1e-9, atol=1e-12)


def test_adam_in_closed_form():
    """With one and the same gradient both averages are that gradient: every step is its sign."""
    network, x, labels = drawn()
    signals = forward(network, x)
    gradients = backward(network, signals, labels)
    adam = Adam()
    for _ in range(3):
        steps = adam.directions(gradients, signals)
    large = [np.abs(g) > 1e-4 for g in gradients]
    for step, g, where in zip(steps, gradients, large, strict=True):
        np.testing.assert_allclose(step[where], np.sign(g[where]), rtol=2e-4)
    assert Gradient().directions(gradients, signals) is gradients


def test_adam_averages():
    """Two different gradients, against the definition."""
    adam, (first, second) = Adam(), (np.array([[2.0]]), np.array([[-1.0]]))
    adam.directions([first], None)
    (step,) = adam.directions([second], None)
    mean = 0.1 * (0.9 * first + second) / (1 - 0.9**2)
    square = 0.001 * (0.999 * first**2 + second**2) / (1 - 0.999**2)
    np.testing.assert_allclose(step, mean / (np.sqrt(square) + 1e-8), rtol=1e-12)


def test_inverses():
    generator = np.random.default_rng(2)
    A = generator.standard_normal((3, 5, 5))
    G = A @ A.swapaxes(-1, -2) + np.eye(5)
    np.testing.assert_allclose(inverses(G) @ G, np.broadcast_to(np.eye(5), G.shape), atol=1e-9)
    singular = np.ones((1, 4, 4), np.float32)
    assert np.isfinite(inverses(1e30 * singular)).all()  # rank one, and no damping is left beside it


def test_large_losses_and_small_ones():
    """-ln p_y at logits beyond the range of exp, and its gradient where p_y is 1 in double precision."""
    logits, labels = np.array([[[1000.0, 0.0, -5.0]], [[45.0, 0.0, 0.0]]]), np.array([1])
    np.testing.assert_allclose(cross_entropy(logits, labels)[:, 0], [1000.0, 45 + math.log1p(2 * math.exp(-45))])
    right = cross_entropy(logits, np.array([0]))
    assert right[1, 0] == pytest.approx(2 * math.exp(-45), rel=1e-14)
    network = Network([np.array([[45.0, 0.0, 0.0]])])
    (gradient,) = backward(network, forward(network, np.ones((1, 1))), np.array([0]))
    np.testing.assert_allclose(gradient[0], np.array([-2, 1, 1]) * math.exp(-45), rtol=1e-14)


# -- the protocol


def test_rates_do_not_mix():
    """A network trained alone takes the same path as beside others; so does a run, whatever the number of runs."""
    beside = descend_on_digits("RNGD", (0.05, 0.2), dataclasses.replace(SMALL, epochs=5))
    alone = descend_on_digits("RNGD", (0.2,), dataclasses.replace(SMALL, epochs=5, runs=1))
    np.testing.assert_allclose(beside.costs[1, :1], alone.costs[0], rtol=1e-6)
    np.testing.assert_array_equal(beside.test_errors[1, :1], alone.test_errors[0])


def test_runs_are_paired():
    """First weights and mini batches of a run are the same for all methods without normalisation."""
    plan = dataclasses.replace(SMALL, epochs=1, look=1)
    first = [descend_on_digits(m, (1e-3,), plan).costs[0, :, 0] for m in ("SGD", "Adam", "RNGD")]
    assert len(np.unique(first[0])) == plan.runs
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(first[0], first[2])


def test_plain_descent_in_a_loop():
    """One run again, with arrays of one network and the formula of the step written out."""
    plan = dataclasses.replace(SMALL, epochs=1, look=1, runs=1)
    costs = descend_on_digits("SGD", (0.3,), plan).costs[0, 0]
    data, widths = digits(train=plan.train, seed=(plan.seed, 0)), (64, *plan.hidden, 10)
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(plan.seed, spawn_key=(0, 0))))
    W = draw_network(generator, widths).weights
    order = np.random.Generator(np.random.Philox(np.random.SeedSequence(plan.seed, spawn_key=(1, 0, 1))))
    found = []
    for batch in order.permutation(plan.train).reshape(-1, plan.batch):
        network, x, y = Network(W), augmented(data.inputs[batch]), data.labels[batch]
        signals = forward(network, x)
        found.append(cross_entropy(signals.preactivations[-1], y).mean())
        W = [w - 0.3 * g for w, g in zip(W, backward(network, signals, y), strict=True)]
    np.testing.assert_allclose(costs, found, rtol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns(method):
    rates = {"SGD": (0.2,), "Adam": (0.005,), "RNGD": (0.2,)}
    descent = descend_on_digits(method, rates[method.partition("_")[0]], SMALL)
    assert descent.costs.shape == (1, 4, 100)
    assert descent.looks == (5, 10)
    assert (descent.costs[0, :, -10:].mean(axis=-1) < 0.5 * math.log(10)).all()
    assert descent.test_errors[0, :, -1].mean() < 0.5  # 0.9 by chance
    assert (descent.test_losses > 0).all()


def test_what_diverges_is_missing_and_never_chosen():
    """Without a warning; the other rates are not disturbed."""
    rates = (0.1, 1e80)
    for method in ("SGD", "RNGD"):
        found = descend_on_digits(method, rates, SMALL)
        alone = descend_on_digits(method, rates[:1], SMALL)
        assert np.isnan(found.costs[1, :, -1]).all()
        assert np.isnan(found.test_losses[1]).all()
        np.testing.assert_allclose(found.costs[0], alone.costs[0], rtol=1e-6)
        assert best_curves(method, SMALL, ((method, rates),)).rate == 0.1
    with pytest.raises(InputError, match="diverges at every rate"):
        best_curves("SGD", SMALL, (("SGD", (1e80,)),))


def test_precisions_agree():
    """Single precision moves costs by less than a thousandth while paths stay together."""
    plan = dataclasses.replace(SMALL, epochs=2, look=1)
    double, single = (
        descend_on_digits("RNGD", (0.1,), dataclasses.replace(plan, precision=p)).costs for p in ("float64", "float32")
    )
    np.testing.assert_allclose(single, double, rtol=1e-3)
    assert single.dtype == np.float32


RATES = (("SGD", (0.1, 0.3)), ("Adam", (0.005,)), ("RNGD", (0.1,)))


def test_observables():
    """Each recomputed from the curves; the rate of smallest final cost is chosen."""
    names = [f"network.{k}[RNGD/SGD]" for k in ("final", "sharp", "early", "deviation", "variation", "test")]
    found = simulate_descent(SMALL, [*names, "network.overfit[SGD]"], RATES)
    raw = {m: descend_on_digits(m, dict(RATES)[m], SMALL) for m in ("SGD", "RNGD")}
    finals = raw["SGD"].costs[..., -10:].mean(axis=(1, 2))
    best = {"SGD": int(finals.argmin()), "RNGD": 0}
    assert found.curves["SGD"].rate == (0.1, 0.3)[best["SGD"]]
    a, b = (raw[m].costs[best[m]].astype(float) for m in ("RNGD", "SGD"))
    expected = {
        "final": np.log(a[:, 90:].mean(axis=1) / b[:, 90:].mean(axis=1)),
        "sharp": np.log(a[:, 98:].mean(axis=1) / b[:, 98:].mean(axis=1)),
        "early": np.log(a[:, 8:10].mean(axis=1) / b[:, 8:10].mean(axis=1)),
        "deviation": np.log(a[:, 90:].std(axis=1) / b[:, 90:].std(axis=1)),
        "variation": np.log(np.log(a[:, 90:]).std(axis=1) / np.log(b[:, 90:]).std(axis=1)),
        "test": np.log(raw["RNGD"].test_losses[0, :, -1] / raw["SGD"].test_losses[best["SGD"], :, -1]),
    }
    for kind, values in expected.items():
        np.testing.assert_allclose(found.values(f"network.{kind}[RNGD/SGD]"), values, rtol=1e-9)
    losses = raw["SGD"].test_losses[best["SGD"]]
    np.testing.assert_allclose(found.values("network.overfit[SGD]"), np.log(losses.min(axis=1) / losses[:, -1]))


def test_condition_numbers():
    """Normalised and whitened by other means, without the pixels that are black in every image."""
    found = condition_numbers(SMALL, 0)
    x = digits(train=SMALL.train, seed=(SMALL.seed, 0)).inputs
    x = x[:, np.ptp(x, axis=0) > 0]
    covariance = np.cov(x.T, bias=True)
    correlations = np.linalg.eigvalsh(np.corrcoef(x.T))
    assert found["normalised"] == pytest.approx(max(correlations.max(), 1) / min(correlations.min(), 1), rel=1e-6)
    raw = np.block([[covariance + np.outer(x.mean(axis=0), x.mean(axis=0)), x.mean(axis=0)[:, None]],
                    [x.mean(axis=0)[None], np.ones((1, 1))]])  # fmt: skip
    assert found["raw"] == pytest.approx(np.linalg.cond(raw), rel=1e-6)
    assert found["whitened"] == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DescentPlan(train=120, batch=50), "whole number of mini batches"),
        (lambda: DescentPlan(hidden=()), "hidden"),
        (lambda: DescentPlan(decay=1.0), "decay"),
        (lambda: DescentPlan(damping=0.0), "damping"),
        (lambda: DescentPlan(runs=0), "from 1 on"),
        (lambda: DescentPlan(precision="half"), "float32 or float64"),
        (lambda: descend_on_digits("Newton", (0.1,), SMALL), "one of SGD"),
        (lambda: descend_on_digits("SGD", (0.1, -1.0), SMALL), "positive numbers"),
        (lambda: descend_on_digits("SGD", (), SMALL), "positive numbers"),
        (lambda: best_curves("Adam", SMALL, (("SGD", (0.1,)),)), r"rates = \(\) of Adam"),
        (lambda: simulate_descent(SMALL, []), "no observable"),
        (lambda: simulate_descent(SMALL, ["network.final[SGD]"]), "not measured"),
        (lambda: simulate_descent(SMALL, ["network.final[SGD/Newton]"]), "not measured"),
        (lambda: simulate_descent(SMALL, ["network.condition[raw/raw]"]), "not measured"),
        (lambda: simulate_descent(SMALL, ["network.overfit[SGD/Adam]"]), "not measured"),
        (lambda: draw_network(np.random.default_rng(1), (5,)), "widths"),
        (lambda: draw_network(np.random.default_rng(1), (5, 3), "between"), "normalisation"),
    ],
)
def test_what_cannot_be_trained(call, message):
    with pytest.raises(InputError, match=message):
        call()
