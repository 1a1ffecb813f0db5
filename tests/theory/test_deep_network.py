"""The network of the theorems, its coefficients by hand, and the formulas against eigenvalues of the dual matrix."""

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.catalogue import by_paper, find
from fimtheory.claims import AtEveryWidth, GivenOutputs
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.notation import SYMBOLS
from fimtheory.theory.deep_fisher import dual_statistics, fisher, fisher_block
from fimtheory.theory.deep_network import DeepNetwork, input_statistics
from fimtheory.theory.feature_metric import feature_metric
from fimtheory.theory.order_parameters import predict as predict_order_parameters
from fimtheory.theory.tangent_kernel import tangent_kernel
from tests.oracles import close

M, N, C = (SYMBOLS[name] for name in "MNC")
ALPHAS = (sp.Rational(1, 2), sp.Integer(2), sp.Rational(3, 2))


def network(name="tanh", **changes):
    return DeepNetwork(ft.activation(name), **({"depth": 3, "sigma_w2": 3, "sigma_b2": "0.64"} | changes))


@pytest.mark.parametrize("alphas", [(), ALPHAS])
def test_coefficients(alphas):
    """The sums of the theorems written out, from the order parameters."""
    net = network(alphas=alphas)
    o, found = net.order_parameters, net.coefficients
    a = [mp.mpf(v.p) / v.q for v in (alphas or (sp.S.One,) * 3)]
    alpha = a[1] * a[0] + a[2] * a[1]
    w, b = mp.mpf(3), mp.mpf(64) / 100
    for t, hat, tilde in ((1, o.qhat1, o.qtilde1), (2, o.qhat2, o.qtilde2)):
        kappa = (a[0] * tilde[1] * hat[0] + a[1] * tilde[2] * hat[1] + a[2] * tilde[3] * hat[2]) / alpha
        tangent = sum(w * tilde[l] * hat[l - 1] + b * tilde[l] for l in (1, 2, 3)) / alpha
        feature = w * (tilde[1] + tilde[2] + tilde[3]) / sum(a)
        assert close(found[f"kappa{t}"], kappa, 14)
        assert close(found[f"kappa{t}_ntk"], tangent, 14)
        assert close(found[f"kappa{t}_feature"], feature, 14)
        assert not close(found[f"kappa{t}"], mp.mpf("1.03") * kappa, 14)
    assert close(found["alpha_tot"], alpha, 15)
    assert close(found["alpha_sum"], sum(a), 15)


def test_coefficients_of_a_linear_network():
    """w = 2, b = 1, L = 2: qhat1 = 1, 3; qhat2 = 0, 1; qtilde = 2, 1; kappa1 = 2 + 3, kappa2 = 0 + 1."""
    net = network("linear", depth=2, sigma_w2=2, sigma_b2=1)
    assert (net.coefficients["kappa1"], net.coefficients["kappa2"]) == (5, 1)
    assert (net.coefficients["kappa1_ntk"], net.coefficients["kappa2_ntk"]) == (2 * 5 + 3, 2 + 3)
    assert (net.coefficients["kappa1_feature"], net.coefficients["kappa2_feature"]) == (3, 3)
    assert net.evaluate(fisher().mean, 100) == mp.mpf(5) * 10 / 100


@pytest.mark.parametrize(("outputs", "samples"), [(1, 2), (2, 3), (3, 4)])
def test_statistics_are_those_of_the_dual_matrix(outputs, samples):
    """Eigenvalues of scale * I_C (x) K in exact rational arithmetic, filled up with zeros to the count."""
    scale, k1, k2, count = sp.Rational(7, 3), sp.Rational(9, 4), sp.Rational(2, 5), sp.Integer(40)
    K = sp.Matrix(samples, samples, lambda i, j: k1 if i == j else k2)
    eigenvalues = (scale * sp.kronecker_product(sp.eye(outputs), K)).eigenvals(multiple=True)
    found = dual_statistics(scale, k1, k2, count)
    values = {N: samples, C: outputs}
    assert found.mean.subs(values) == sum(eigenvalues) / count
    assert found.second_moment.subs(values) == sum(e**2 for e in eigenvalues) / count
    assert found.lambda_max.subs(values) == max(eigenvalues)
    assert found.second_moment.subs(values) != sum(eigenvalues) / count


def test_formulas():
    """As in the papers, with the normalisations that trace and Frobenius norm force."""
    k1, k2, alpha = SYMBOLS["kappa1"], SYMBOLS["kappa2"], SYMBOLS["alpha_tot"]
    F = fisher()
    assert sp.simplify(F.mean - k1 * C / M) == 0
    assert sp.simplify(F.second_moment - alpha * C * (k1**2 + (N - 1) * k2**2) / N) == 0
    assert sp.simplify(F.lambda_max - alpha * M * (k1 + (N - 1) * k2) / N) == 0
    t1, t2 = SYMBOLS["kappa1_ntk"], SYMBOLS["kappa2_ntk"]
    assert sp.simplify(tangent_kernel().second_moment - alpha**2 * (t1**2 + (N - 1) * t2**2)) == 0
    f1, f2, total = SYMBOLS["kappa1_feature"], SYMBOLS["kappa2_feature"], SYMBOLS["alpha_sum"]
    assert sp.simplify(feature_metric().second_moment - total * C * (f1**2 + (N - 1) * f2**2) / (N * M)) == 0
    assert fisher_block().lambda_max.has(SYMBOLS["qtilde2"])


def test_statistics_obey_their_inequalities():
    """mean <= lambda_max, and mean * lambda_max >= second moment, for eigenvalues of one non-negative matrix."""
    net = network()
    for statistics in (fisher(), tangent_kernel(), feature_metric()):
        mean, second, largest = (net.evaluate(e, 1000) for _, e in statistics.items())
        assert 0 < mean < largest
        assert mean**2 < second < mean * largest


# A linear network with w = 2, b = 1, L = 2, C = 10: forward qhat1 = 1, 3 and q^L = 7; backward qtilde1 = 2, 1.
PRINTED = [
    # two forward order parameters in kappa_1: 3*1 + 7*3, where the dual matrix has 2*1 + 1*3
    ("karakida2020.thm3.1", "deep.F.mean", 24 * 10 / M, 5 * 10 / M),
    # the same in kappa_1', and a factor C too many: C (2*3*1 + 3 + 2*7*3 + 7), where it is 2*5 + 1*(2 + 1)
    ("karakida2020.sec4.1", "deep.NTK.mean", 10 * 58, 13),
    # a factor M too many: kappa-tilde = 3, alpha-tilde = 2, N = 100
    ("karakida2020.thm5.1", "deep.A.second_moment", 2 * 10 * sp.Integer(9), 2 * 10 * sp.Integer(9) / M),
    ("karakida2020.thm5.1", "deep.A.mean", 30 / M, 30 / M),
]


@pytest.mark.parametrize(("id", "observable", "as_printed", "ours"), PRINTED)
def test_printed_forms_differ_where_they_should(id, observable, as_printed, ours):
    net, claim = network("linear", depth=2, sigma_w2=2, sigma_b2=1), find(id)
    assert abs(sp.N(sp.simplify(claim.predict_printed(net)[observable] / as_printed)) - 1) < 1e-12
    assert abs(sp.N(sp.simplify(claim.predict(net)[observable] / ours)) - 1) < 1e-12


ON_DEEP_NETWORKS = [c for c in by_paper("karakida2020") if c.subject == "deep_network"]


@pytest.mark.parametrize("claim", ON_DEEP_NETWORKS, ids=lambda c: c.id)
def test_every_claim_predicts_numbers_in_the_width(claim):
    for name, prediction in claim.predict(network(samples=10)).items():
        assert name.startswith("deep.")
        if not isinstance(prediction, GivenOutputs | AtEveryWidth):
            assert sp.sympify(prediction).free_symbols <= {M}


@pytest.mark.parametrize(("name", "b"), [("tanh", 0), ("erf", 0), ("linear", 0), ("sin", 0)])
def test_centred_networks_are_refused(name, b):
    with pytest.raises(OutsideAssumptions, match="centred") as caught:
        network(name, sigma_b2=b).require_theorem()
    assert caught.value.violated == "kappa_2 > 0"
    network(name, sigma_b2="0.1").require_theorem()
    network("relu", sigma_b2=0).require_theorem()


def test_overlapping_inputs_are_not_centred():
    """Two inputs with an overlap leave one behind in every layer: kappa_2 > 0 without biases; a negative one does not."""
    network(sigma_b2=0, input_overlap="0.2").require_theorem()
    with pytest.raises(OutsideAssumptions, match="is negative: theorem 3") as caught:
        network(sigma_b2=0, samples=3, input_overlap="-0.2").require_theorem()
    assert caught.value.violated == "kappa_2 > 0"


def test_one_input_has_no_overlap():
    """kappa_2 does not enter at N = 1, and the statistics are those of kappa_1 alone."""
    net = network(sigma_b2=0, samples=1)
    net.require_theorem()
    assert fisher().second_moment.subs(N, 1).has(SYMBOLS["kappa2"]) is False
    names = predict_order_parameters(net)
    assert "deep.qhat1[1]" in names
    assert not any("2[" in name for name in names)


def test_faint_networks_are_not_taken_for_centred():
    """kappa_2 is small because everything is: with kappa_2/kappa_1 it is not."""
    net = network("relu", sigma_w2="1e-30", sigma_b2=0)
    assert 0 < net.coefficients["kappa2"] < 1e-28
    net.require_theorem()


def test_no_hidden_layer_is_refused():
    with pytest.raises(OutsideAssumptions, match="no hidden layer"):
        network(depth=1).require_theorem()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 0}, "depth = 0 is not possible"),
        ({"depth": -3}, "whole number from 1"),
        ({"depth": 2.5}, "depth = 2.5"),
        ({"depth": True}, "depth = True"),
        ({"depth": 10**9}, "whole number from 1 to"),
        ({"sigma_w2": 0}, "not a variance of weights"),
        ({"sigma_w2": "-1"}, "not a variance of weights"),
        ({"sigma_b2": "-0.1"}, "not a variance"),
        ({"sigma_w2": "abc"}, "not a number"),
        ({"sigma_w2": float("nan")}, "not a number"),
        ({"sigma_w2": "inf"}, "not a"),
        ({"sigma_b2": "1/0"}, "not a number"),
        ({"sigma_b2": "1e999999999"}, "not a number"),
        ({"sigma_b2": "sqrt(2)"}, "not a rational number"),
        ({"outputs": 0}, "outputs = 0"),
        ({"samples": 0}, "samples = 0"),
        ({"alphas": (1, 1)}, "3 positive width ratios"),
        ({"alphas": (1, 0, 1)}, "3 positive width ratios"),
        ({"alphas": (1, "x", 1)}, "not a number"),
    ],
)
def test_errors(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        network(**changes)
    assert len(str(caught.value).splitlines()) == 1


RELU, TANH = ft.activation("relu"), ft.activation("tanh")


@pytest.mark.parametrize(
    ("activation", "changes", "message"),
    [
        ((RELU, TANH), {"depth": 4}, "depth 4 has 3 hidden layers: give one activation or 3, not 2"),
        ((RELU,), {"depth": 1}, "depth 1 has no hidden layers: give one activation or 0, not 1"),
        ((RELU, TANH), {"depth": 2}, "depth 2 has 1 hidden layer: give one activation or 1, not 2"),
        ((RELU, "tanh"), {}, "'tanh' is not an activation"),
        ("relu", {}, "'relu' is not an activation"),
        ((RELU, ft.activation("leaky_relu")), {}, "alpha=1/5"),
        (RELU, {"sigma_w2": (1, 2)}, "depth 3 has 3 layers: give one sigma_w2 or 3, not 2"),
        (RELU, {"sigma_w2": (1, 0, 1)}, "sigma_w2 = 0 is not a variance of weights"),
        (RELU, {"sigma_b2": (0, 0, -1)}, "sigma_b2 = -1 is not a variance"),
        (RELU, {"sigma_b2": (0, "x", 1)}, "is not a number"),
        (RELU, {"input_norm": 0}, "input_norm = 0"),
        (RELU, {"input_norm": -1}, "input_norm = -1"),
        (RELU, {"input_norm": float("inf")}, "input_norm = inf"),
        (RELU, {"input_overlap": 2}, "more than input_norm = 1"),
        (RELU, {"input_overlap": "-0.5", "samples": 4}, "give at least -input_norm/\\(samples - 1\\) = -1/3"),
        (RELU, {"digits": 0}, "digits = 0"),
    ],
)
def test_errors_of_layers_and_inputs(activation, changes, message):
    with pytest.raises(InputError, match=message) as caught:
        DeepNetwork(activation, **({"depth": 3, "sigma_w2": 3, "sigma_b2": "0.64"} | changes))
    assert len(str(caught.value).splitlines()) == 1


def test_layers_that_differ():
    """The sums of the theorems written out for three layers with activations and variances of their own."""
    net = DeepNetwork(
        (RELU, TANH), 3, ("2", "1", "1/2"), ("0", "1/4", "3"), alphas=ALPHAS, input_norm=2, input_overlap="1/2"
    )
    assert (net.name, net.activations) == ("relu, tanh", (RELU, TANH))
    assert (net.weight_variances, net.bias_variances) == ((2, 1, sp.S.Half), (0, sp.Rational(1, 4), 3))
    o, a, w, b = net.order_parameters, [0.5, 2, 1.5], [2, 1, 0.5], [0, 0.25, 3]
    alpha = a[1] * a[0] + a[2] * a[1]
    assert (o.qhat1[0], o.qhat2[0], o.q1[1], o.q2[1]) == (2, 0.5, 4, 1)
    for t, hat, tilde in ((1, o.qhat1, o.qtilde1), (2, o.qhat2, o.qtilde2)):
        kappa = sum(a[k - 1] * tilde[k] * hat[k - 1] for k in (1, 2, 3)) / alpha
        tangent = sum((w[k - 1] * hat[k - 1] + b[k - 1]) * tilde[k] for k in (1, 2, 3)) / alpha
        assert close(net.coefficients[f"kappa{t}"], kappa, 14)
        assert close(net.coefficients[f"kappa{t}_ntk"], tangent, 14)
        assert close(net.coefficients[f"kappa{t}_feature"], sum(w[k - 1] * tilde[k] for k in (1, 2, 3)) / sum(a), 14)
    assert SYMBOLS["sigma_w2"] not in net.values()
    assert [net.layer_values(k)[SYMBOLS["sigma_w2"]] for k in (1, 2, 3)] == [2, 1, sp.S.Half]
    assert [net.layer_values(k)[SYMBOLS["sigma_b2"]] for k in (1, 2, 3)] == [0, sp.Rational(1, 4), 3]


def test_equal_layers_are_one_layer():
    one, many = network("tanh"), DeepNetwork((TANH, TANH), 3, (3, 3, 3), ("0.64",) * 3)
    assert one.coefficients == many.coefficients
    assert (one.name, many.name, many.values()) == ("tanh", "tanh", one.values())
    assert one.values()[SYMBOLS["sigma_w2"]] == 3


def test_no_hidden_layer():
    """One linear layer: qtilde = 1, kappa-tilde = sigma_w^2, and no kappa, for alpha is an empty sum."""
    net = DeepNetwork((), 1, 2, "1/2")
    assert net.activations == ()
    assert net.name == "no activation"
    assert (net.coefficients["kappa1_feature"], net.coefficients["kappa2_feature"]) == (2, 2)
    assert "kappa1" not in net.coefficients
    assert (net.order_parameters.q1[1], net.order_parameters.q2[1]) == (2.5, 0.5)


def test_a_constant_activation():
    """Nothing passes back: only the last layer sees parameters, kappa = alpha_{L-1} qhat^{L-1}/alpha."""
    net = network("2 + 0*x", alphas=ALPHAS)
    assert net.coefficients["kappa1"] == net.coefficients["kappa2"] == mp.mpf(1.5) * 4 / 4
    net.require_theorem()


def test_a_deep_network_is_no_matter_of_time():
    """Two thousand layers at the edge of chaos: the mean square is one in each, and kappa_1 = L/(L - 1)."""
    net = DeepNetwork(RELU, 2_000, 2, 0)
    assert close(net.coefficients["kappa1"], mp.mpf(2_000) / 1_999, 15)


# -- data


def test_input_statistics():
    """Sums over rows and pairs written out."""
    X = np.random.default_rng(3).normal(size=(7, 5)) + 1
    gram = X @ X.T / 5
    pairs = gram[~np.eye(7, dtype=bool)]
    found = input_statistics(X)
    assert abs(float(found.norm) - np.diag(gram).mean()) < 1e-14
    assert abs(float(found.overlap) - pairs.mean()) < 1e-14
    expected = np.diag(gram).std() / np.diag(gram).mean(), pairs.std() / np.diag(gram).mean()
    assert np.allclose(found.spread, expected, atol=1e-12)
    assert found.samples == 7
    wide, scaled = input_statistics(X.T), input_statistics(3e160 * X)
    assert wide.samples == 5
    assert abs(float(scaled.norm / sp.Rational(3 * 10**160) ** 2) / float(found.norm) - 1) < 1e-14
    assert np.allclose(scaled.spread, found.spread, atol=1e-12)


def test_inputs_that_are_not_alike_are_noticed():
    X = np.random.default_rng(3).normal(size=(20, 4_000))
    assert input_statistics(X).warning is None
    X[0] *= 5
    assert "norms spread by" in input_statistics(X).warning


def test_a_network_for_data():
    X = np.array([[1.0, 1.0], [3.0, 1.0]])
    net = DeepNetwork.for_inputs(X, TANH, 3, 1, "0.1", outputs=4)
    assert (net.samples, net.input_norm, net.input_overlap, net.outputs) == (2, 3, 2, 4)
    with pytest.raises(InputError, match="samples follow from the inputs"):
        DeepNetwork.for_inputs(X, TANH, 3, 1, "0.1", samples=4)


def test_centred_data_have_the_least_overlap():
    """Rows that sum to zero: sum over pairs = -sum of squares, and rounding must not make it less."""
    X = np.random.default_rng(5).normal(size=(6, 9))
    net = DeepNetwork.for_inputs(X - X.mean(axis=0), RELU, 2, 1, 0)
    assert abs(float(net.input_overlap * 5 / net.input_norm) + 1) < 1e-14


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([1.0, 2.0], "shape \\(2,\\) are no data matrix"),
        (np.zeros((0, 3)), "no data matrix"),
        (np.zeros((3, 0)), "no data matrix"),
        (np.zeros((3, 2)), "every input is zero"),
        ([[1.0, float("nan")]], "NaN or infinity"),
        ([[1.0, float("inf")]], "NaN or infinity"),
        ([["a", "b"]], "no matrix of real numbers"),
        ([[1.0], [1.0, 2.0]], "no matrix of real numbers"),
        ([[1j, 1.0]], "no matrix of real numbers"),
        (None, "no data matrix"),
    ],
)
def test_what_is_no_data_matrix(inputs, message):
    with pytest.raises(InputError, match=message) as caught:
        input_statistics(inputs)
    assert len(str(caught.value).splitlines()) == 1


def test_one_row():
    assert input_statistics([[2.0, 0.0]]).overlap == 0
    DeepNetwork.for_inputs([[2.0, 0.0]], TANH, 3, 1, 0).require_theorem()


def test_free_parameters_are_refused():
    with pytest.raises(InputError, match="alpha=1/5"):
        network("leaky_relu")
