"""F_cross: the secular equation against dense eigenvalues, statistics against traces, claims against simulation.

The setting of the simulations was fixed beforehand: at 400 networks a width the mean and second moment, given the outputs,
scatter by 10 and 25 %, so the limit of the mean is known to about half a per cent.
"""

import dataclasses

import numpy as np
import pytest
import sympy as sp

import fimtheory as ft
from fimtheory.catalogue import find
from fimtheory.claims import GivenOutputs, Verdict
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.notation import SYMBOLS
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.logit_law import LogitLaw, softmax
from fimtheory.theory.softmax_fisher import SoftmaxMetric, given_outputs, softmax_fisher, softmax_statistics
from fimtheory.theory.softmax_outliers import SoftmaxOutliers, contrasts, leading_dual
from fimtheory.verification import Setting, confront, simulate_network_ladder

# q1, q2, C, N, a, b: few and many samples, one sample, no bulk, no outliers, saturated, equal logits
CASES = {
    "few samples": (2, 1, 3, 10, 5, 1),
    "many samples": (2, 1, 4, 60, 0.5, 1),
    "ten outputs": (3, 1, 10, 12, 1, 0.7),
    "strong bulk": (2, 1, 3, 10, 40, 1),
    "one sample": (2, 1, 5, 1, 1, 1),
    "no bulk": (2, 1, 5, 20, 0, 1),
    "no common part": (2, 1, 5, 20, 1, 0),
    "saturated": (1e4, 5e3, 4, 15, 1, 1),
    "uniform": (0, 0, 4, 5, 1, 1),
    "two outputs": (2, 1, 2, 7, 1, 1),
    "nothing": (2, 1, 3, 4, 0, 0),
}


def example(name, count=6):
    q1, q2, outputs, samples, a, b = CASES[name]
    return SoftmaxOutliers(LogitLaw(float(q1), float(q2), outputs, samples).draw(count, seed=8), float(a), float(b))


def dense(found):
    """All eigenvalues of the leading matrix by network, falling."""
    return np.linalg.eigvalsh([leading_dual(logits, found.a, found.b) for logits in found.logits])[:, ::-1]


@pytest.mark.parametrize("name", CASES)
def test_secular_equation(name):
    found = example(name)
    expected = dense(found)[:, : found.count]
    scale = 1e-300 + expected.max()
    above = found.separated
    assert np.abs(found.values - expected)[above].max(initial=0) <= 1e-12 * scale
    assert np.abs(found.values - expected)[~above].max(initial=0) <= 1e-8 * scale
    if scale > 1e-10:
        assert np.abs(1.03 * found.values - expected).max() > 1e-3 * scale


@pytest.mark.parametrize("name", CASES)
def test_number_and_bounds(name):
    """As many as stand above the bulk among all C N dense eigenvalues; never C of them; bounds hold."""
    found = example(name)
    spectra, scale = dense(found), 1e-12 * (found.a + found.logits.shape[1] * found.b)
    if found.a > 0:
        assert np.array_equal(found.separated.sum(axis=1), (spectra > found.edge[:, None] * (1 + 1e-8)).sum(axis=1))
    assert (spectra[:, found.count] <= found.edge + scale).all()
    assert (found.edge <= found.a / 2).all()
    assert (found.lower <= found.values + scale).all()
    assert (found.values <= found.upper + scale).all()


def test_the_spectrum_is_that_of_the_product():
    """Q F* itself, its blocks written out, has the eigenvalues of the symmetric matrix."""
    found = example("few samples", count=1)
    g = softmax(found.logits[0])
    N, C = g.shape
    product = _product(g, found.a, found.b)
    assert np.allclose(np.sort(np.linalg.eigvals(product).real)[::-1], dense(found)[0], atol=1e-11)
    assert product.shape == (N * C, N * C)


def _product(g, a, b):
    N, C = g.shape
    Q = np.zeros((N * C, N * C))
    for n in range(N):
        Q[n * C : (n + 1) * C, n * C : (n + 1) * C] = np.diag(g[n]) - np.outer(g[n], g[n])
    return Q @ np.kron(a * np.eye(N) + b, np.eye(C))


def test_directions():
    """w_n = Q_n (lambda - a Q_n)^(-1) u is an eigenvector of Q F*."""
    found = example("many samples", count=2)
    assert found.separated.all()
    for logits, values, directions in zip(found.logits, found.values, found.directions, strict=True):
        g = softmax(logits)
        product, one = _product(g, found.a, found.b), np.eye(g.shape[1])
        for value, u in zip(values, directions, strict=True):
            weights = [np.diag(p) - np.outer(p, p) for p in g]
            w = np.concatenate([W @ np.linalg.solve(value * one - found.a * W, u) for W in weights])
            assert np.allclose(product @ w, value * w, atol=1e-12 * value)
            assert abs(u.sum()) < 1e-12
            assert np.linalg.norm(u) == pytest.approx(1)
            assert u[np.abs(u).argmax()] > 0
    assert np.isnan(example("no common part").directions).all()


def test_a_batch_is_its_members(monkeypatch):
    found = example("ten outputs")
    alone = np.array([SoftmaxOutliers(logits, found.a, found.b).values for logits in found.logits])
    assert np.allclose(found.values, alone, rtol=1e-12)
    monkeypatch.setattr("fimtheory.theory.softmax_outliers._LARGEST_BATCH", 1)  # every pair by itself
    assert np.allclose(example("ten outputs").values, found.values, rtol=1e-12)
    assert SoftmaxOutliers(found.logits.reshape(2, 3, *found.logits.shape[1:]), 1.0, 0.7).values.shape == (2, 3, 9)
    assert SoftmaxOutliers(np.zeros((4, 5, 1)), 1.0, 1.0).values.shape == (4, 0)


def test_contrasts():
    for outputs in (1, 2, 5):
        B = contrasts(outputs)
        assert np.allclose(B.T @ B, np.eye(outputs - 1), atol=1e-15)
        assert np.allclose(B.sum(axis=0), 0, atol=1e-15)


def test_the_number_does_not_grow_to_c():
    """Where N grows with M, C - 1 eigenvalues over M keep their size, and the C-th falls as 1/M."""
    outputs, sizes, shares = 4, (20, 80, 320), []
    for size in sizes:  # a = (kappa_1 - kappa_2) M/N and b = kappa_2 M/N at N = M
        logits = LogitLaw(2.0, 1.0, outputs, size).draw(2, seed=3)
        spectra = np.linalg.eigvalsh([leading_dual(f, 1.0, 1.0) for f in logits])[:, ::-1].mean(axis=0)
        shares.append(spectra[outputs - 2 : outputs] / size)
    last, next_one = np.transpose(shares)
    assert last.min() > 0.5 * last.max()
    assert np.all(next_one[1:] < next_one[:-1] / 3)


def network(**changes):
    given = {"depth": 3, "sigma_w2": 3, "sigma_b2": "0.64", "outputs": 3, "samples": 6} | changes
    return DeepNetwork(ft.activation(given.pop("activation", "tanh")), **given)


@pytest.mark.parametrize(
    "metric",
    ["F_cross", "F_cross_blocks[1]", "F_cross_blocks[2]", "F_cross_blocks[3]", "A_cross", "A_cross_blocks[1]"],
)
def test_predictions_given_the_outputs(metric):
    """Trace, sum of squares and largest eigenvalues of the leading matrix, over the number of eigenvalues."""
    net, width = network(alphas=("1/2", 2, "3/2")), 40
    one = SoftmaxMetric.of(net, metric)
    count = {"F_cross": 4 * width**2, "A_cross": 4 * width, "A_cross_blocks[1]": 2 * width}.get(metric)
    if count is None:
        count = {1: width**2, 2: 3 * width**2, 3: 3 * 1.5 * width}[one.layer]
    a, b = one.poles(width)
    logits = LogitLaw.of(net).draw(1, seed=2)[0]
    eigenvalues = np.linalg.eigvalsh(leading_dual(logits, a, b))[::-1]
    expected = {"mean": eigenvalues.sum() / count, "second_moment": (eigenvalues**2).sum() / count}
    expected |= {f"outlier[{j + 1}]": eigenvalues[j] for j in range(3)}
    found = given_outputs(net, metric)
    assert all(isinstance(value, GivenOutputs) for value in found.values())
    names = {name.removeprefix(f"deep.{metric}.") for name in found}
    assert {"mean", "second_moment"} <= names <= set(expected) - {"outlier[3]"}
    assert ("outlier[1]" in names) == (metric != "F_cross_blocks[1]")
    for name, value in found.items():
        assert value.predict(logits, width) == pytest.approx(expected[name.removeprefix(f"deep.{metric}.")], rel=1e-8)


@pytest.mark.parametrize("metric", ["F_cross", "F_cross_blocks[2]", "A_cross"])
def test_expected_statistics(metric):
    """Against statistics of leading matrices of 400 other draws, in their standard errors."""
    net, width = network(), 100
    found = softmax_statistics(net, width, metric)
    one = SoftmaxMetric.of(net, metric)
    a, b = one.poles(width)
    spectra = dense(SoftmaxOutliers(LogitLaw.of(net).draw(400, seed=77), a, b))
    count = 2 * width**2 if metric == "F_cross" else width**2 if "blocks" in metric else 3 * width
    for expected, drawn in ((found.mean, spectra), (found.second_moment, spectra**2)):
        values = drawn.sum(axis=1) / count
        assert abs(expected - values.mean()) < 4 * values.std() / 20
    for j, law in enumerate(found.outliers):
        error = np.hypot(law.mean_error, spectra[:, j].std() / 20)
        assert abs(law.mean - spectra[:, j].mean()) < 4 * error
        assert law.quantiles[0.05][0] < law.quantiles[0.5][0] < law.quantiles[0.95][0]
    assert found.lower < spectra[:, 0].mean() < found.upper
    assert found.lower > (found.beta["beta1"] / 3) * (a + 6 * b) * 0.999  # the largest of three is above their mean
    assert repr(found).startswith(f"<SoftmaxStatistics of {metric} at M = 100: mean")


def test_the_same_seed_the_same_numbers():
    first, again, other = (softmax_statistics(network(), 50, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.outliers != other.outliers
    assert (first.mean, first.upper) == (other.mean, other.upper)


def test_corners():
    single = softmax_statistics(network(outputs=1), 50)
    assert (single.mean, single.second_moment, single.lower, single.upper, single.outliers) == (0, 0, 0, 0, ())
    one_sample = softmax_statistics(network(samples=1), 50)
    assert one_sample.beta["beta2"] == 0
    assert len(one_sample.outliers) == 2
    first = softmax_statistics(network(), 50, "F_cross_blocks[1]")
    assert first.separated == (0.0, 0.0)  # inputs have no overlap: no outliers
    linear = softmax_statistics(network(activation="linear"), 50)
    assert linear.lower < linear.outliers[0].mean < linear.upper


def test_refusals():
    with pytest.raises(InputError, match=r"F_cross_blocks\[l\] with l from 1 to 3, or A_cross_blocks"):
        softmax_statistics(network(), 50, "F_cross_blocks[4]")
    with pytest.raises(InputError, match="no softmax metric"):
        softmax_statistics(network(), 50, "A_cross_blocks[3]")
    with pytest.raises(InputError, match="no softmax metric 'F'"):
        softmax_statistics(network(), 50, "F")
    with pytest.raises(InputError, match="width = 0"):
        softmax_statistics(network(), 0)
    with pytest.raises(InputError, match="draws = 1 "):
        softmax_statistics(network(), 50, draws=1)
    with pytest.raises(OutsideAssumptions, match="centred"):
        softmax_statistics(network(sigma_b2=0), 50)
    with pytest.raises(InputError, match="finite numbers"):
        SoftmaxOutliers(np.array([[0.0, np.inf]]), 1.0, 1.0)
    with pytest.raises(InputError, match="shape"):
        SoftmaxOutliers(np.zeros(3), 1.0, 1.0)
    with pytest.raises(InputError, match="b = -1"):
        SoftmaxOutliers(np.zeros((2, 2)), 1.0, -1.0)


SETTING = Setting(depth=2, samples=12, widths=(32, 64, 128, 256), n_networks=(400,) * 4, seed=31, softmax_share=1)


@pytest.fixture(scope="module")
def ladder():
    """One ladder for all statements on F_cross."""
    metrics = frozenset({"F_cross"})
    return simulate_network_ladder(SETTING.network, SETTING.widths, SETTING.n_networks, SETTING.seed, metrics)


def verdicts(predicted, ladder):
    return {check.observable.split(" ")[0].split(".")[-1]: check.verdict for check in confront(predicted, ladder)}


def test_given_outputs_are_simulated(ladder):
    claim = find("karakida2020.thm3.3.given_outputs")
    found = verdicts(claim.predict(SETTING.network), ladder)
    assert found["mean"] is Verdict.SUPPORTED
    assert found["second_moment"] is not Verdict.CONTRADICTED
    assert verdicts(claim.predict_printed(SETTING.network), ladder) == {"mean": Verdict.CONTRADICTED}
    outliers = find("fimtheory.softmax.outliers").predict(SETTING.network)
    mine = {name: p for name, p in outliers.items() if name.startswith("deep.F_cross.")}
    assert verdicts(mine, ladder)["outlier[1]"] is Verdict.SUPPORTED


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_three_per_cent_are_contradicted(factor, ladder):
    claim = find("karakida2020.thm3.3.given_outputs")
    outliers = find("fimtheory.softmax.outliers").predict(SETTING.network)
    right = {
        "deep.F_cross.mean": claim.predict(SETTING.network)["deep.F_cross.mean"],
        "deep.F_cross.outlier[1]": outliers["deep.F_cross.outlier[1]"],
    }
    wrong = {
        name: GivenOutputs(lambda outputs, width, p=p: factor * p.predict(outputs, width)) for name, p in right.items()
    }
    assert set(verdicts(wrong, ladder).values()) == {Verdict.CONTRADICTED}


def test_expectations_are_simulated(ladder):
    """The networks scatter by 30 %: the mean is known to two per cent, and a factor C is refuted."""
    claim = find("karakida2020.thm3.3")
    found = verdicts(claim.predict(SETTING.network), ladder)
    assert Verdict.CONTRADICTED not in found.values()
    assert verdicts(claim.predict_printed(SETTING.network), ladder) == {"mean": Verdict.CONTRADICTED}
    lost = {name: p * sp.Rational(6, 5) for name, p in claim.predict(SETTING.network).items() if name.endswith("mean")}
    assert verdicts(lost, ladder) == {"mean": Verdict.CONTRADICTED}


def test_mistaken_bulk_is_contradicted(ladder):
    """kappa_1 for kappa_1 - kappa_2 on the diagonal of the dual."""
    one = SoftmaxMetric.of(SETTING.network, "F_cross")
    mistaken = dataclasses.replace(one, dual=dataclasses.replace(softmax_fisher(), k2=0 * SYMBOLS["kappa2"]))

    poles = {width: (mistaken.poles(width)[0], one.poles(width)[1]) for width in SETTING.widths}

    def predict(outputs, width):
        return float(SoftmaxOutliers(outputs, *poles[width]).values[0])

    assert verdicts({"deep.F_cross.outlier[1]": GivenOutputs(predict)}, ladder) == {"outlier[1]": Verdict.CONTRADICTED}
