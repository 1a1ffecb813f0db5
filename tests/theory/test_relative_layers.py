"""Relative metrics of layers and networks, their ranks and their null directions.

The golden route is automatic differentiation (HIPS autograd) of log densities that are written down here: E[score score']
by the Jacobian of all scores over all outcomes, -E[Hessian] by the Hessian of the mean log density. Nothing is shared with
the package but the order of the parameters. Fixed beforehand: matrices agree to 1e-12 of their largest entry, ranks and
null spaces are those of NumPy's dense decompositions.
"""

import itertools

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from fimtheory.activations import activation
from fimtheory.catalogue import find
from fimtheory.claims import Verdict
from fimtheory.errors import InputError, JumpError
from fimtheory.theory import relative_layers
from fimtheory.theory.relative_fisher import neuron
from fimtheory.theory.relative_layers import (
    RelativeMetric,
    linear_layer,
    network_metric,
    nonlinear_layer,
    output_factor,
    output_metric,
    softmax_layer,
    two_layers,
)
from fimtheory.theory.relative_ranks import (
    domination,
    network_rank_bound,
    one_layer_rank,
    one_layer_rank_bound,
    scaling_directions,
    softmax_null_space,
    softmax_rank,
    two_layers_rank_bound,
)
from fimtheory.theory.score_enumeration import enumerated, network, stack
from fimtheory.verification.statements import decide

SIGMA = 0.7
HIDDEN = {
    "tanh": anp.tanh,
    "sigmoid": lambda t: 1 / (1 + anp.exp(-t)),
    "softplus": lambda t: anp.log(1 + anp.exp(t)),
    "relu": lambda t: t * (t > 0),
    "elu": lambda t: anp.where(t > 0, t, 0.25 * (anp.exp(anp.where(t > 0, 0, t)) - 1)),
    "x**2": lambda t: t**2,
}
RESPONSES = {
    "bernoulli:sigmoid": neuron("bernoulli:sigmoid"),
    "bernoulli:tanh": neuron("bernoulli:tanh"),
    "gaussian:softplus": neuron("gaussian:softplus", sigma="7/10"),
    "softmax": "softmax",
}
SHAPES = {
    "one layer": [(3, 2)],
    "two layers": [(3, 4), (4, 2)],
    "biases": [(3, 2), (3, 3), (4, 2)],
    "one of two with biases": [(3, 3), (3, 2), (3, 3)],
}


def phi(name):
    return activation(name, alpha="1/4") if name == "elu" else activation(name)


def drawn(*shapes, seed=0):
    rng = np.random.default_rng([seed, *np.ravel(shapes)])
    return [rng.standard_normal(shape) for shape in shapes]


def stacked(weights):
    return np.concatenate([np.ravel(W, order="F") for W in weights])


def outputs(theta, hidden, shapes, x):
    """z at one input."""
    h, start = x, 0
    for l, (rows, columns) in enumerate(shapes):
        if l:
            h = HIDDEN[hidden](h)
        if rows > h.shape[0]:
            h = anp.concatenate([h, anp.ones(1)])
        W = anp.reshape(theta[start : start + rows * columns], (columns, rows))
        h, start = anp.dot(W, h), start + rows * columns
    return h


def log_density(response, y, z):
    if response == "softmax":
        return z[y] - anp.log(anp.sum(anp.exp(z)))
    if response == "bernoulli:sigmoid":
        return anp.sum(y * z - anp.log(1 + anp.exp(z)))
    if response == "bernoulli:tanh":
        return anp.sum(anp.log((1 + y * anp.tanh(z)) / 2))
    return -anp.sum((y - anp.log(1 + anp.exp(z))) ** 2) / (2 * SIGMA**2)


def weighted_outcomes(response, z):
    """(probability, outcome); for a Gaussian the two-point rule, exact for polynomials of degree 3."""
    m = len(z)
    if response == "softmax":
        p = np.exp(z - z.max())
        return [(p[y] / p.sum(), y) for y in range(m)]
    low = 0 if response == "bernoulli:sigmoid" else -1
    points = [np.array(y, float) for y in itertools.product((low, 1), repeat=m)]
    if response == "gaussian:softplus":
        return [(0.5**m, np.log(1 + np.exp(z)) + SIGMA * y) for y in points]
    return [(np.exp(log_density(response, y, z)), y) for y in points]


def by_autograd(response, hidden, shapes, weights, X, hessian=False):
    theta = stacked(weights)
    total = 0
    for x in X:
        z = outputs(theta, hidden, shapes, x)
        for p, y in weighted_outcomes(response, z):

            def log(t, x=x, y=y):
                return log_density(response, y, outputs(t, hidden, shapes, x))

            if hessian:
                total = total - p * autograd.hessian(log)(theta)
            else:
                score = autograd.grad(log)(theta)
                total = total + p * np.outer(score, score)
    return total / len(X)


def close(found, expected, tolerance=1e-12):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max(initial=0) <= tolerance * np.abs(expected).max(initial=1)


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    ("response", "hidden"),
    [("softmax", "elu"), ("bernoulli:sigmoid", "relu"), ("bernoulli:tanh", "tanh"), ("gaussian:softplus", "x**2")],
)
def test_networks_against_scores_of_autograd(response, hidden, shapes):
    X, *weights = drawn((3, 3), *shapes)
    metric = network_metric(RESPONSES[response], phi(hidden), weights, X)
    close(metric.matrix, by_autograd(response, hidden, shapes, weights, X))


@pytest.mark.parametrize(("response", "hidden"), [("softmax", "tanh"), ("gaussian:softplus", "softplus")])
def test_networks_against_hessians_of_autograd(response, hidden):
    shapes = [(2, 2), (3, 2)]
    X, *weights = drawn((2, 2), *shapes)
    metric = network_metric(RESPONSES[response], phi(hidden), weights, X)
    close(metric.matrix, by_autograd(response, hidden, shapes, weights, X, hessian=True), 1e-10)


def test_layers_are_networks_of_one_layer():
    X, W = drawn((4, 3), (3, 2))
    for response, unit in RESPONSES.items():
        layer = softmax_layer(W, X) if response == "softmax" else nonlinear_layer(unit, W, X)
        close(layer.matrix, by_autograd(response, "tanh", [(3, 2)], [W], X))
    gaussian = neuron("gaussian:linear", sigma="7/10")
    close(linear_layer(X, 2, "7/10").matrix, nonlinear_layer(gaussian, W, X).matrix)


def test_slopes_and_informations_of_hidden_units():
    """The printed eq. 26 with nu_f for f' is right for tanh, and wrong for ELU by far more than rounding."""
    X, W, C = drawn((4, 3), (3, 4), (4, 2))
    for name, kind, same in (("tanh", "bernoulli", True), ("relu", "gaussian", True), ("elu", "gaussian", False)):
        f = phi(name)
        nu = neuron(f"{kind}:{name}", **({"alpha": "1/4"} if name == "elu" else {})).numpy(X @ W)
        A = output_factor("softmax", f.numpy(X @ W) @ C)
        printed = RelativeMetric((A @ C.T * np.asarray(nu)[:, None, :],), (X,)).matrix
        found = two_layers("softmax", f, W, C, X).matrix
        assert (np.abs(found - printed).max() < 1e-12) == same
        assert same or np.abs(found - printed).max() > 0.03 * np.abs(found).max()


# -- what a metric offers

METRICS = {
    "wide": lambda: network_metric("softmax", "tanh", drawn((3, 4), (4, 3)), *drawn((20, 3))),
    "few inputs": lambda: network_metric("softmax", "tanh", drawn((3, 4), (5, 3)), *drawn((2, 3))),
    "layer": lambda: nonlinear_layer("bernoulli:tanh", *drawn((3, 4)), *drawn((5, 3))),
    "inactive": lambda: nonlinear_layer("gaussian:relu", *drawn((3, 4)), *drawn((2, 3))),
    "linear": lambda: linear_layer(drawn((5, 3))[0], 2, 2),
}


@pytest.mark.parametrize("name", METRICS)
def test_everything_follows_from_the_factor(name):
    g = METRICS[name]()
    n, r, P = g.factor.shape
    assert (P, n * r, n) == (g.parameter_count, g.n_rows, g.n_inputs)
    dense = np.einsum("nrp,nrq->pq", g.factor, g.factor) / n
    close(g.matrix, dense)
    close(g.eigenvalues, np.linalg.eigvalsh(dense)[::-1], 1e-12)
    rows = g.factor.reshape(n * r, P)
    close(g.dual, rows @ rows.T / n)
    assert g.rank == np.linalg.matrix_rank(rows)
    null = g.null_space
    assert null.shape == (P, P - g.rank)
    close(null.T @ null, np.eye(P - g.rank))
    assert np.abs(g.factor @ null).max(initial=0) < 1e-12
    v = np.random.default_rng(1).standard_normal(P)
    close(g.apply(v), dense @ v)
    assert g.length(v) == pytest.approx(v @ dense @ v, rel=1e-12)
    close(g.velocity(v), g.factor @ v)
    assert f"{P} parameters" in repr(g)


def test_blocks_of_units_and_of_layers():
    X, W, C = drawn((6, 3), (3, 4), (4, 2))
    whole = network_metric("softmax", "tanh", [W, C], X)
    one, two = slice(0, 12), slice(12, 20)
    for (l, k), (rows, columns) in {(0, 0): (one, one), (0, 1): (one, two), (1, 0): (two, one)}.items():
        close(whole.layer_block(l, k), whole.matrix[rows, columns])
    close(whole.layer(1).matrix, softmax_layer(C, np.tanh(X @ W)).matrix)
    blocks = two_layers("softmax", "tanh", W, C, X).blocks
    for i, j in itertools.product(range(4), repeat=2):
        close(blocks[i, j], whole.matrix[3 * i : 3 * i + 3, 3 * j : 3 * j + 3])
    with pytest.raises(InputError, match="those of one layer"):
        _ = whole.blocks


def test_output_metrics():
    (z,) = drawn((4, 3))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    close(output_metric("softmax", z), np.array([np.diag(q) - np.outer(q, q) for q in p]))
    close(output_metric("bernoulli:tanh", z), np.array([np.diag(1 / np.cosh(t) ** 2) for t in z]))
    assert output_metric("softmax", 1000 * z).max() <= 0.25


def test_a_dead_unit_and_a_kink():
    X = np.array([[1.0, 0.0], [0.0, 1.0]])
    g = nonlinear_layer(
        "gaussian:relu", [[0.0], [-1.0]], X
    )  # pre-activations 0 and -1: the value at 0 is from the right
    close(g.matrix, np.diag([0.5, 0.0]))
    assert g.rank == 1


# -- ranks


@pytest.mark.parametrize("n", [1, 3, 4, 7])
def test_ranks_of_one_layer(n):
    X, W = drawn((n, 4), (4, 3))
    g = nonlinear_layer("bernoulli:tanh", W, X)
    assert g.rank == one_layer_rank("bernoulli:tanh", W, X) == one_layer_rank_bound(n, 4, 3) == 3 * min(n, 4)
    assert softmax_layer(W, X).rank == softmax_rank(X, 3) == 2 * min(n, 4)


def test_saturation_loses_no_rank():
    """Singular values of a saturated unit fall below rounding; the exact rank counts them."""
    X, W = np.eye(2), np.array([[0.0, -40.0], [0.0, -45.0]])
    g = nonlinear_layer("gaussian:sigmoid", W, X)
    assert one_layer_rank("gaussian:sigmoid", W, X) == 4
    assert g.rank == 2


@pytest.mark.parametrize("seed", range(4))
def test_relu_loses_inactive_inputs(seed):
    X, W = drawn((5, 4), (4, 6), seed=seed)
    active = X @ W > 0
    expected = sum(np.linalg.matrix_rank(X[unit]) if unit.any() else 0 for unit in active.T)
    assert one_layer_rank("gaussian:relu", W, X) == expected == nonlinear_layer("gaussian:relu", W, X).rank
    assert expected < one_layer_rank_bound(5, 4, 6)


@pytest.mark.parametrize("X", [drawn((2, 4))[0], drawn((6, 4))[0], np.ones((3, 4))], ids=["few", "many", "equal"])
def test_null_space_of_a_softmax_layer(X):
    (W,) = drawn((4, 3))
    g, basis = softmax_layer(W, X), softmax_null_space(X, 3)
    close(basis.T @ basis, np.eye(basis.shape[1]))
    assert basis.shape[1] == 12 - softmax_rank(X, 3) == 12 - g.rank
    close(basis @ basis.T, g.null_space @ g.null_space.T, 1e-10)
    alike = np.kron(np.ones(3), np.arange(4.0))  # V = v 1', column by column
    assert np.abs(g.apply(alike)).max() < 1e-12


@pytest.mark.parametrize(("n", "hidden"), [(1, 5), (3, 5), (9, 2)])
def test_ranks_of_two_layers_and_networks(n, hidden):
    for response, m, r in (("bernoulli:sigmoid", 2, 2), ("softmax", 3, 2)):
        X, W, C = drawn((n, 3), (3, hidden), (hidden, m))
        assert two_layers(response, "tanh", W, C, X).rank == two_layers_rank_bound(X, hidden, r)
        whole = network_metric(response, "tanh", [W, C], X)
        assert whole.rank == network_rank_bound(n, [W, C], softmax=response == "softmax")


def test_one_bernoulli_output():
    X, *weights = drawn((7, 3), (3, 4), (5, 1))
    assert network_metric("bernoulli:sigmoid", "tanh", weights, X).rank == 7  # of 17 parameters


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_rescaling_a_unit_changes_nothing(name):
    f = activation(name, alpha="1/4") if name == "leaky_relu" else activation(name)
    X, *weights = drawn((40, 3), (3, 4), (5, 3), (4, 2))
    g, directions = network_metric("softmax", f, weights, X), scaling_directions(weights)
    assert directions.shape == (g.parameter_count, 7)
    assert np.linalg.matrix_rank(directions) == 7
    assert np.abs(g.factor @ directions).max() < 1e-12
    assert g.rank <= network_rank_bound(40, weights, softmax=True, homogeneous=True) == 35 - 7 - 4
    assert np.abs(network_metric("softmax", "tanh", weights, X).factor @ directions).max() > 0.01


@pytest.mark.parametrize(
    ("name", "response"), [("relu", "gaussian:relu"), ("tanh", "bernoulli:tanh"), ("elu", "gaussian:elu")]
)
def test_domination(name, response):
    X, W, C = drawn((5, 3), (3, 4), (4, 3))
    unit = neuron(response, **({"alpha": "1/4"} if name == "elu" else {}))
    block, units = network_metric("softmax", phi(name), [W, C], X).layer(0), nonlinear_layer(unit, W, X)
    c = domination(block, units)
    B, t = C.T, X @ W
    S = output_metric("softmax", phi(name).numpy(t) @ C)
    V = 1 - np.tanh(t) ** 2 if name == "tanh" else np.ones_like(t)
    slopes = phi(name).numpy_derivative(t) != 0
    inner = np.sqrt(V * slopes)[:, :, None] * (B.T @ S @ B) * np.sqrt(V * slopes)[:, None, :]
    assert c == pytest.approx(np.linalg.eigvalsh(inner).max(), rel=1e-12)
    assert np.linalg.eigvalsh(c * units.matrix - block.matrix).min() > -1e-12
    assert block.rank <= units.rank
    alone = network_metric("softmax", phi(name), [W, C], X[:1]).layer(0), nonlinear_layer(unit, W, X[:1])
    assert np.linalg.eigvalsh(0.97 * domination(*alone) * alone[1].matrix - alone[0].matrix).min() < -1e-4


def test_no_bound_where_the_units_are_blind():
    X, W, C = drawn((5, 3), (3, 4), (4, 3))
    block = network_metric("softmax", "tanh", [W, C], X).layer(0)
    assert domination(block, nonlinear_layer("gaussian:relu", W, X)) == np.inf


# -- what cannot be

GOOD = {"W": np.ones((3, 2)), "X": np.ones((4, 3))}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear_layer(GOOD["X"], 2, 0), "no standard deviation"),
        (lambda: linear_layer(GOOD["X"], 2, "-1/2"), "no standard deviation"),
        (lambda: linear_layer(GOOD["X"], 2, float("nan")), "no standard deviation"),
        (lambda: linear_layer(GOOD["X"], 0), "whole number"),
        (lambda: linear_layer(GOOD["X"], True), "whole number"),
        (lambda: linear_layer([1.0, 2.0], 2), "given the shape"),
        (lambda: linear_layer([[1.0], [1.0, 2.0]], 2), "matrix of real numbers"),
        (lambda: linear_layer([["a"]], 2), "matrix of real numbers"),
        (lambda: linear_layer([[1j]], 2), "matrix of real numbers"),
        (lambda: linear_layer(np.ones((0, 3)), 2), "at least one row"),
        (lambda: softmax_layer(GOOD["W"], [[1.0, np.nan, 1.0]]), "must be finite"),
        (lambda: softmax_layer(np.ones((4, 2)), GOOD["X"]), "4 rows for 3 inputs"),
        (lambda: softmax_layer(1e308 * GOOD["W"], GOOD["X"]), "outputs must be finite"),
        (lambda: nonlinear_layer("tanh", **GOOD), "no neuron"),
        (lambda: nonlinear_layer(np.tanh, **GOOD), "is no response"),
        (lambda: nonlinear_layer("gaussian:elu", **GOOD), "free parameters"),
        (lambda: network_metric("softmax", "relu", [np.ones((4, 2))], GOOD["X"]), "augmented"),
        (lambda: network_metric("softmax", "relu", [GOOD["W"], np.ones((4, 2))], GOOD["X"]), "one more for biases"),
        (lambda: network_metric("softmax", "relu", [], GOOD["X"]), "at least one"),
        (lambda: network_metric("softmax", "elu", [GOOD["W"], np.ones((2, 2))], GOOD["X"]), "free parameters"),
        (lambda: network_metric("softmax", "exp(x)", [999 * GOOD["W"], np.ones((2, 2))], GOOD["X"]), "not finite"),
        (lambda: network_metric("softmax", "relu", 5, GOOD["X"]), "list of weight matrices"),
        (lambda: softmax_layer(**GOOD).length([1.0]), "6 parameters"),
        (lambda: softmax_layer(**GOOD).apply([np.nan] * 6), "must be finite"),
        (lambda: softmax_layer(**GOOD).layer(1), "no layer 1"),
        (lambda: softmax_layer(**GOOD).layer_block(0, -2), "no layer -2"),
        (lambda: linear_layer(GOOD["X"], 2, None), "no standard deviation"),
        (lambda: domination(softmax_layer(**GOOD), 3), "two relative metrics"),
        (lambda: one_layer_rank_bound(0, 1, 1), "n = 0"),
        (lambda: one_layer_rank_bound(1, 1, 1.5), "m = 1.5"),
        (lambda: network_rank_bound(3, []), "at least one"),
        (lambda: domination(softmax_layer(**GOOD), softmax_layer(**GOOD)), "independent units"),
        (lambda: softmax_rank(GOOD["X"], 0), "whole number"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message) as refusal:
        call()
    assert "\n" not in str(refusal.value)


def test_a_jump_has_no_metric():
    with pytest.raises(JumpError):
        network_metric("softmax", "step", [GOOD["W"], np.ones((2, 2))], GOOD["X"])


def test_what_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(relative_layers, "_LARGEST", 100)
    X, W = drawn((10, 8), (8, 6))
    g = softmax_layer(W, X)
    for name in ("matrix", "factor", "dual", "eigenvalues"):
        with pytest.raises(InputError, match="use apply and length"):
            getattr(g, name)
    assert g.length(np.ones(48)) >= 0


@pytest.mark.parametrize("id", ["sun2016.eq26", "sun2016.eq65", "sun2016.sec4_rank", "sun2016.dual_coordinates"])
def test_every_printed_form_is_refuted_by_itself(id):
    """Not only one of several: but for the case of one output, where the constant of eq. 65 is right."""
    printed = {name: decide(name, s).verdict for name, s in find(id).predict_printed().items()}
    assert {name for name, verdict in printed.items() if verdict is not Verdict.CONTRADICTED} <= {"1 outputs"}


@pytest.mark.parametrize("wrong", ["3 % more", "another response", "a dropped slope"])
def test_the_enumeration_can_disagree(wrong):
    X, W = drawn((4, 3), (3, 2))
    dense = enumerated("bernoulli:tanh", network("tanh", [(3, 2)], X), stack([W]))
    right = nonlinear_layer("bernoulli:tanh", W, X).matrix
    close(right, dense)
    found = {
        "3 % more": 1.03 * right,
        "another response": nonlinear_layer("gaussian:tanh", W, X).matrix,
        "a dropped slope": linear_layer(X, 2).matrix,
    }[wrong]
    assert np.abs(found - dense).max() > 0.01 * np.abs(dense).max()
