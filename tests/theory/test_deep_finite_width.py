"""Finite width against random networks written out here, exact enumeration, and closed forms.

Fixed beforehand: what is measured at widths 32 to 256 is extrapolated in 1/M, and has to lie within four of its own
standard errors; a formula with a factor dropped has to lie outside.
"""

import dataclasses
import functools
import itertools
import math

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.catalogue import find
from fimtheory.claims import AtEveryWidth, Verdict
from fimtheory.errors import InputError, NotConverged, OutsideAssumptions
from fimtheory.notation import SYMBOLS
from fimtheory.theory import deep_finite_width, deep_proportional
from fimtheory.theory.deep_exact_means import exact_means, gain
from fimtheory.theory.deep_finite_width import cluster_top, cluster_variance, gradient_overlaps, outlier_variance
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.deep_proportional import pair_noise, second_largest_bounds
from fimtheory.theory.exchangeable_layer import PATTERNS, exchangeable_layer, like, pattern_count
from fimtheory.theory.orthogonal_ensemble import mean_largest_eigenvalue
from fimtheory.verification import Setting, verify
from fimtheory.verification.checks import confront
from fimtheory.verification.finite_width import ClusterSetting, ProportionalSetting
from fimtheory.verification.judgement import extrapolate
from tests.oracles import close

M = SYMBOLS["M"]
WIDTHS, NETWORKS = (32, 64, 128, 256), 200
MIXED = DeepNetwork(
    (ft.activation("tanh"), ft.activation("relu")),
    3,
    (sp.Integer(3), sp.Integer(2), sp.Rational(3, 2)),
    (sp.Rational(16, 25), sp.Rational(1, 10), sp.S.Zero),
    outputs=12,
    samples=4,
    alphas=(sp.Rational(1, 2), sp.Integer(2), sp.S.One),
)

# -- the average over one unit


def test_averages_of_a_step_are_orthant_probabilities():
    """n Gaussian variables of pairwise correlation 1/2 are all positive with probability 1/(n + 1)."""
    unit = exchangeable_layer(ft.activation("relu"), 2.0, 1.0)
    found = {p: unit.slope_average(p) for p in PATTERNS}
    assert all(close(mp.mpf(value), mp.mpf(1) / (max(p) + 2), 11) for p, value in found.items())
    assert close(mp.mpf(unit.bend), 1 / (2 * mp.pi * mp.sqrt(3)), 11)  # the density of two at (0, 0)


def test_averages_of_a_sine():
    """E cos(u) cos(v) = exp(-q1) cosh(q2), and sin(u) given y has the variance (1 - s^2)/2 - (1 - s^4... in closed form."""
    q1, q2 = mp.mpf(2), mp.mpf(1) / 2
    unit = exchangeable_layer(ft.activation("sin"), float(q1), float(q2))
    assert close(mp.mpf(unit.slope_average((0, 1))), mp.exp(-q1) * mp.cosh(q2), 11)
    assert close(mp.mpf(unit.slope_average((0, 0))), (1 + mp.exp(-2 * q1)) / 2, 11)
    assert close(mp.mpf(unit.bend), mp.exp(-q1) * mp.sinh(q2), 11)
    d = mp.exp(-(q1 - q2))  # E[sin u | y] = sqrt(d) sin(s), E[cos 2u | y] = d^2 cos(2 s), s = sqrt(q2) y

    def private(sign):
        def squared(y):
            s = mp.sqrt(q2) * y
            own = sign * (mp.cos(2 * s) * (d - d**2) / 2) + (1 - d) / 2
            return own**2 * mp.npdf(y)

        return mp.quad(squared, [-12, -6, 0, 6, 12])

    assert close(mp.mpf(unit.private[0, 0]), private(1), 11)
    assert close(mp.mpf(unit.private[1, 1]), private(-1), 11)


@pytest.mark.parametrize("name", ["tanh", "gelu", "hardtanh"])
def test_averages_over_two_inputs_are_the_duals(name):
    phi, q1, q2 = ft.activation(name), sp.Integer(3), sp.S.Half
    unit = exchangeable_layer(phi, float(q1), float(q2))
    numbers = (phi.dual_derivative(q1, q2 / q1), phi.second_moment_derivative(q1))
    for pattern, expected in zip(((0, 1), (0, 0)), numbers, strict=True):
        assert close(mp.mpf(unit.slope_average(pattern)), mp.mpf(str(ft.Quantity(expected).value(16))), 10)


def test_what_the_averages_refuse():
    relu = ft.activation("relu")
    with pytest.raises(OutsideAssumptions, match="averages over four inputs need q_2 >= 0"):
        exchangeable_layer(relu, 1.0, -0.1)
    with pytest.raises(OutsideAssumptions, match="all inputs look alike"):
        exchangeable_layer(relu, 1.0, 1.0)
    with pytest.raises(NotConverged, match="do not settle"):
        exchangeable_layer(ft.activation("exp(x**2/5)"), 1.0, 0.5)  # E phi'^4 is infinite


def test_patterns():
    assert len(PATTERNS) == 15
    for samples in (1, 2, 3, 5):
        drawn = itertools.product(range(samples), repeat=4)
        counted = dict.fromkeys(PATTERNS, 0)
        for inputs in drawn:
            counted[like(*inputs)] += 1
        assert counted == {p: pattern_count(p, samples) for p in PATTERNS}


# -- the orthogonal ensemble


def test_largest_eigenvalue_of_the_orthogonal_ensemble():
    """Closed forms for C = 2, 3; eigenvalues of sampled matrices; the law of the edge."""
    assert mean_largest_eigenvalue(1) == 0
    assert math.isclose(mean_largest_eigenvalue(2), math.sqrt(math.pi / 2), rel_tol=1e-12)
    assert math.isclose(mean_largest_eigenvalue(3), 1.5 * math.sqrt(6 / math.pi), rel_tol=1e-12)
    G = np.random.default_rng(3).standard_normal((20_000, 6, 6))
    top = np.linalg.eigvalsh((G + G.swapaxes(1, 2)) / math.sqrt(2))[:, -1]
    assert abs(top.mean() - mean_largest_eigenvalue(6)) < 4 * top.std() / math.sqrt(len(top))
    assert abs(mean_largest_eigenvalue(100) / mean_largest_eigenvalue(101) - math.sqrt(99.5 / 100.5)) < 5e-4
    with pytest.raises(InputError, match="no size of a matrix"):
        mean_largest_eigenvalue(0)


# -- overlaps of gradients of random networks, written out


def overlaps(network, width, rng, metric="F"):
    """Sum over layers of backward times forward overlaps of one random network, shape (C, C, N, N)."""
    sizes = [round(float(a) * width) for a in network.alphas] + [network.outputs]
    h, slopes, weights, features = rng.standard_normal((network.samples, sizes[0])), [], [], []
    layers = zip(network.weight_variances, network.bias_variances, sizes, sizes[1:], strict=False)
    for l, (w, b, below, own) in enumerate(layers):
        features.append(h)
        weights.append(rng.standard_normal((own, below)) * math.sqrt(w / below))
        if l < len(network.activations):
            u = h @ weights[-1].T + rng.standard_normal(own) * math.sqrt(b)
            h = network.activations[l].numpy(u)
            slopes.append(np.asarray(network.activations[l].numpy_derivative(u), dtype=float))
    delta = np.repeat(np.eye(network.outputs)[:, None], network.samples, axis=1)
    total = 0
    for l in reversed(range(network.depth)):
        backward, forward = np.einsum("kni,jmi->kjnm", delta, delta, optimize=True), features[l] @ features[l].T
        gradient = delta @ weights[l]
        if metric == "A":
            total = total + np.einsum("kni,jmi->kjnm", gradient, gradient, optimize=True)
        elif metric == "NTK":
            w, b = float(network.weight_variances[l]), float(network.bias_variances[l])
            total = total + backward * (w * forward / features[l].shape[1] + b)
        else:
            total = total + backward * (forward + 1)
        delta = gradient * slopes[l - 1] if l else delta
    return total


def by_pattern(theta, scale):
    """Mean over pairs of outputs of theta_kk'(n, m) theta_kk'(n', m'), by which inputs coincide."""
    C = len(theta)
    pairs = theta[~np.eye(C, dtype=bool)]
    products = np.einsum("pnm,prs->nmrs", pairs, pairs, optimize=True) * scale / len(pairs)
    found = {p: [] for p in PATTERNS}
    for inputs in itertools.product(range(products.shape[0]), repeat=4):
        found[like(*inputs)].append(products[inputs])
    return [np.mean(values) for values in found.values()]


def contrasts(theta, scale):
    """Mean squares of what is private to a pair of inputs: of one output, and of two."""
    C = len(theta)
    found = []
    for a, b, c, d in ((0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2)):
        found.append((theta[..., a, c] - theta[..., a, d] - theta[..., b, c] + theta[..., b, d]) / 2)
    squares = np.square(found).mean(axis=0) * scale
    return [np.trace(squares) / C, (squares.sum() - np.trace(squares)) / (C * (C - 1))]


@functools.cache
def measured(metric):
    """(limit, its standard error) of V by pattern, and of the two contrasts."""
    rows = []
    for width in WIDTHS:
        rng = np.random.default_rng((2024, width))
        scale = 1 / width if metric == "F" else width
        draws = [overlaps(MIXED, width, rng, metric) for _ in range(NETWORKS)]
        values = np.array([by_pattern(theta, scale) + contrasts(theta, scale) for theta in draws])
        rows.append((values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(NETWORKS)))
    fits = [extrapolate(WIDTHS, *np.transpose([(m[i], e[i]) for m, e in rows]), [NETWORKS] * 4) for i in range(17)]
    return [(fit.value, fit.standard_error) for fit in fits]


def scores(metric, predicted):
    return [abs(value - p) / error for (value, error), p in zip(measured(metric), predicted, strict=False)]


@pytest.mark.parametrize("metric", ["F", "NTK", "A"])
def test_covariance_of_overlaps(metric):
    V = gradient_overlaps(MIXED, metric).covariance
    assert max(scores(metric, [V[p] for p in PATTERNS])) < 4


def test_a_dropped_average_over_four_inputs_is_noticed(monkeypatch):
    def pairs_alone(phi, q1, q2):
        unit = exchangeable_layer(phi, q1, q2)
        two = {(0, 0): unit.slopes[2,], (0, 1): unit.slopes[1, 1]}
        slopes = {s: two[0, 0] ** 2 if sum(s) == 4 else v for s, v in unit.slopes.items()}
        return dataclasses.replace(unit, slopes=slopes)

    monkeypatch.setattr(deep_finite_width, "exchangeable_layer", pairs_alone)
    V = gradient_overlaps(MIXED, "F").covariance
    assert max(scores("F", [V[p] for p in PATTERNS])) > 6


def test_variance_of_the_projected_matrix():
    """v from its patterns and counts against the sum over all (n, m, n', m')."""
    V = gradient_overlaps(MIXED, "F").covariance
    total = sum(V[like(*inputs)] for inputs in itertools.product(range(4), repeat=4)) / 4**4
    assert math.isclose(float(outlier_variance(MIXED).subs(M, 1)), total, rel_tol=1e-11)
    assert math.isclose(float(cluster_variance(MIXED).subs(M, 10)), 10 * total * 11 * 14 / 12, rel_tol=1e-11)
    top = math.sqrt(10 * total) * mean_largest_eigenvalue(12)
    assert math.isclose(float(cluster_top(MIXED).subs(M, 10)), top, rel_tol=1e-9)


def test_blocks_add_up_in_the_mean():
    """S of F is the sum of the blocks', and the last block has no covariance."""
    whole = gradient_overlaps(MIXED, "F").mean
    blocks = [gradient_overlaps(MIXED, "F_blocks", l) for l in (1, 2, 3)]
    assert np.allclose(np.sum([b.mean for b in blocks], axis=0), whole, rtol=1e-12)
    alpha = float(MIXED.coefficients["alpha_tot"])
    assert math.isclose(whole[0], alpha * float(MIXED.coefficients["kappa1"]), rel_tol=1e-9)
    assert math.isclose(whole[1], alpha * float(MIXED.coefficients["kappa2"]), rel_tol=1e-9)
    assert set(blocks[-1].covariance.values()) == {0.0}
    layers = [gradient_overlaps(MIXED, "A_blocks", l).mean[0] for l in (0, 1, 2)]
    assert math.isclose(sum(layers), gradient_overlaps(MIXED, "A").mean[0], rel_tol=1e-12)


@pytest.mark.parametrize(
    ("metric", "layer"), [("F_blocks", None), ("F_blocks", 0), ("F_blocks", 4), ("A_blocks", 3), ("F", 1), ("G", None)]
)
def test_metrics_that_do_not_exist(metric, layer):
    with pytest.raises(InputError, match=r"give one of F, NTK, A"):
        gradient_overlaps(MIXED, metric, layer)


def test_one_output_and_centred_networks():
    with pytest.raises(OutsideAssumptions, match="nothing splits"):
        cluster_variance(dataclasses.replace(MIXED, outputs=1))
    with pytest.raises(OutsideAssumptions, match="centred"):
        cluster_variance(DeepNetwork(ft.activation("tanh"), 3, 3, 0))


# -- end blocks


def dual(theta):
    C, _, N, _ = theta.shape
    return theta.transpose(0, 2, 1, 3).reshape(C * N, C * N) / N


def test_outliers_of_the_last_block_are_equal():
    """delta^L_k = e_k, so a network of one layer is a last block: C copies, whatever its inputs."""
    one_layer = DeepNetwork(ft.activation("tanh"), 1, 3, "0.64", outputs=3, samples=4)
    values = np.linalg.eigvalsh(dual(overlaps(one_layer, 20, np.random.default_rng(5)))).reshape(-1, 3)
    assert np.allclose(values, values[:, :1], rtol=1e-10)
    two_layers = dataclasses.replace(one_layer, depth=2, alphas=())
    split = np.linalg.eigvalsh(dual(overlaps(two_layers, 20, np.random.default_rng(5))))[-3:]
    assert split.max() / split.min() > 1.01


def test_claim_on_end_blocks():
    """The last block's largest eigenvalue is known to 1 % here; the second block's is not the formula's."""
    claim, setting = find("fimtheory.deep.blocks_first_last"), Setting(widths=(32, 64, 128), n_networks=(400, 400, 400))
    last, second = "deep.F_blocks[3].lambda_top", "deep.F_blocks[2].lambda_top"
    predicted = claim.predict(setting.network)[last]
    ladder = setting.simulate([last])
    assert verdicts({last: predicted}, ladder, 0.05) == {Verdict.SUPPORTED}
    assert verdicts({last: predicted * sp.Float("1.1")}, ladder, 0.05) == {Verdict.CONTRADICTED}
    assert verdicts({second: predicted}, ladder, 0.05) == {Verdict.CONTRADICTED}
    with pytest.raises(OutsideAssumptions, match="inputs overlap"):
        claim.predict(dataclasses.replace(MIXED, input_overlap=sp.Rational(1, 4)))


def verdicts(predicted, ladder, resolution):
    return {check.verdict for check in confront(predicted, ladder, resolution)}


# -- exact means


def enumerated(network, widths):
    """Means over *all* networks with weights +-sqrt(sigma_w^2/M_{l-1}) and biases +-sqrt(sigma_b^2), in integers.

    Rows of independent signs are all that the theorem asks of the weights. Variances are chosen so that both roots are
    integers; the inputs so that no pre-activation is zero.
    """
    x = np.array([3, 1])[: widths[0]]
    layers = zip(network.weight_variances, network.bias_variances, widths, widths[1:], strict=False)
    roots = [(int(sp.sqrt(w / below)), int(sp.sqrt(b)), own, below) for w, b, below, own in layers]
    counts = [own * (below + 1) for _, _, own, below in roots]
    signs = np.array(list(itertools.product((-1, 1), repeat=sum(counts))))
    h, slopes, weights, squares = np.broadcast_to(x, (len(signs), len(x))), [], [], [int(x @ x)]
    for l, (w, b, own, below) in enumerate(roots):
        these = signs[:, sum(counts[:l]) : sum(counts[: l + 1])].reshape(-1, own, below + 1)
        weights.append(w * these[..., :below])
        u = np.einsum("sij,sj->si", weights[-1], h) + b * these[..., below]
        assert l == network.depth - 1 or u.all()
        if l < network.depth - 1:
            slopes.append(np.where(u > 0, *(int(v) for v in SLOPES[network.activations[l].name])))
            squares.append((slopes[-1] * u) ** 2)
            h = slopes[-1] * u
    traces, delta = [], np.ones((len(signs), 1), dtype=int)
    for l in reversed(range(network.depth)):
        below = squares[l] if l == 0 else squares[l].sum(axis=1)
        traces.insert(0, sp.Rational(int(((delta**2).sum(axis=1) * (below + 1)).sum()), len(signs)))
        delta = np.einsum("sij,si->sj", weights[l], delta) * (slopes[l - 1] if l else 1)
    return traces, counts


SLOPES = {"relu": (1, 0), "linear": (1, 1), "abs": (1, -1), "leaky_relu(alpha=2)": (1, 2)}


@pytest.mark.parametrize("name", SLOPES)
def test_exact_means_by_enumeration(name):
    """All 2^15 networks of widths 2, 2, 2, 1, biases included, in exact arithmetic."""
    phi = ft.activation("leaky_relu", alpha=2) if name.startswith("leaky") else ft.activation(name)
    SLOPES.setdefault(phi.name, SLOPES[name])
    network = DeepNetwork(phi, 3, (2, 8, 2), (25, 49, 4), outputs=1, alphas=(2, 2, 2), input_norm=5)
    traces, counts = enumerated(network, (2, 2, 2, 1))
    means = exact_means(network)
    assert means.widths(1) == (2, 2, 2, 1)
    assert [means.block_of_F(1, l) * counts[l - 1] for l in (1, 2, 3)] == traces
    assert means.F(1) == sum(traces) / sum(counts)
    assert means.F(2) != means.F(1)


def test_gain():
    assert gain(ft.activation("abs")) == 1
    assert gain(ft.activation("3*x")) == 9
    for name in ("tanh", "softplus", "relu(x - 1)", "relu(x) + 1", "hardtanh", "x**2"):
        with pytest.raises(OutsideAssumptions, match="not linear on either side of 0") as caught:
            gain(ft.activation(name))
        assert caught.value.violated.startswith("phi(u)")
    with pytest.raises(InputError, match="alpha=1/5"):
        gain(ft.activation("leaky_relu"))


def test_claim_on_exact_means():
    """At widths 2 to 8, where biases are a fifth of the parameters and limits are far off."""
    setting = Setting(activation="relu", widths=(2, 4, 8), n_networks=(1000, 700, 500))
    predict = find("fimtheory.deep.exact_mean").predict
    predicted = predict(setting.network)
    ladder = setting.simulate(predicted)
    assert verdicts(predicted, ladder, 0.15) == {Verdict.SUPPORTED}
    more = {name: AtEveryWidth(lambda width, p=p: 1.15 * p.predict(width)) for name, p in predicted.items()}
    assert verdicts(more, ladder, 0.15) == {Verdict.CONTRADICTED}
    wide = {name: AtEveryWidth(lambda width, p=p: 1e6 * p.predict(10**6 * width)) for name, p in predicted.items()}
    assert verdicts({"deep.F.mean": wide["deep.F.mean"]}, ladder, 0.15) != {Verdict.SUPPORTED}


# -- samples in proportion to the width


def test_noise_private_to_a_pair(monkeypatch):
    noise = pair_noise(MIXED)
    assert max(scores_of_contrasts(noise)) < 4
    assert 0 < noise.features < noise.same
    assert max(scores_of_contrasts(dataclasses.replace(noise, same=noise.same - noise.features))) > 4
    flat = lambda *a: dataclasses.replace(exchangeable_layer(*a), private=np.zeros((2, 2)))  # noqa: E731
    monkeypatch.setattr(deep_proportional, "exchangeable_layer", flat)
    assert max(scores_of_contrasts(pair_noise(MIXED))) > 4


def scores_of_contrasts(noise):
    found = measured("F")[-2:]
    return [abs(value - p) / error for (value, error), p in zip(found, (noise.same, noise.different), strict=True)]


def test_bounds_hold_and_the_upper_one_is_a_sum_of_squares():
    """Ten networks of width 64 with 32 samples: the second largest eigenvalue, and the claim on the sum of squares."""
    network = DeepNetwork(ft.activation("tanh"), 3, 3, "0.64", outputs=2, samples=32)
    bounds = second_largest_bounds(network, 2)
    for i in range(10):
        values = np.linalg.eigvalsh(dual(overlaps(network, 64, np.random.default_rng((9, i)))))
        assert bounds.low < values[-3] < math.sqrt(64 * bounds.squares)
    for ratio in (0, -1, "a", math.nan, None):
        with pytest.raises(InputError, match="give a positive number, M/N"):
            second_largest_bounds(network, ratio)


def test_claim_on_the_bounds():
    """Known to 4 % here, and the noise of single entries is 18 % of the sum of squares."""
    claim = find("karakida2020.eq21")
    setting = ProportionalSetting(widths=(16, 32, 64), n_networks=(500, 300, 200), outputs=2, resolution=0.15)
    assert verify(claim, setting).verdict is Verdict.SUPPORTED
    assert "N=M/2" in str(setting)

    def without_noise(network, ratio):
        name, bounds = "deep.F_centred.second_moment", second_largest_bounds(network, ratio)
        return {name: claim.predict(network, ratio)[name] * bounds.places / bounds.squares}

    assert verify(dataclasses.replace(claim, predict=without_noise), setting).verdict is not Verdict.SUPPORTED


# -- the cluster itself


def test_claim_on_the_cluster():
    """A's outliers stand clearest; their variance is known to 3 % here, and a v without its C + 2 is far off."""
    name = "deep.A.cluster_variance"
    setting = ClusterSetting(widths=(32, 64, 128), n_networks=(300, 300, 300))
    predicted = find("fimtheory.deep.cluster_splitting").predict(setting.network)[name]
    ladder = setting.simulate([name])
    assert verdicts({name: predicted}, ladder, 0.15) == {Verdict.SUPPORTED}
    assert verdicts({name: predicted * sp.Rational(10, 12)}, ladder, 0.15) == {Verdict.CONTRADICTED}
