"""Verdicts on averaged relative metrics: right statements hold, wrong ones are contradicted.

Fixed beforehand: with 800 batches at 16, 24 and 36 dimensions eigenvalues, entries of the bias and moments are known to
0.6 %, so that 4 % are more than six standard errors; what is extrapolated to 1.5 %, so that 10 % are, as for statistics of
units of networks; the rank of small batches to 2 %, so that 15 % are.
"""

import dataclasses
import functools

import numpy as np
import pytest
import sympy as sp

from fimtheory.catalogue import find
from fimtheory.claims import AtEveryWidth, Verdict
from fimtheory.notation import SYMBOLS
from fimtheory.report.expected_relative_figures import batches, conditioning
from fimtheory.theory.expected_batches import BatchMetric
from fimtheory.theory.expected_relative import ExpectedMetric
from fimtheory.theory.expected_weights import over_weights_and_inputs
from fimtheory.verification import verify
from fimtheory.verification.checks import confront
from fimtheory.verification.expected_relative import BatchSetting, UnitsSetting, batch_spectra, conditioning_curves

M = SYMBOLS["M"]
BATCHES = BatchSetting(widths=(16, 24, 36), n_batches=(800, 800, 800), seed=11, resolution=0.1)
UNITS = UnitsSetting(
    widths=(36, 54, 80, 120), n_networks=(140, 110, 90, 70), seed=11, resolution=0.1, alphas=("3/2", "1", "2")
)
TOPICS = ("two_eigenvalues", "bias_block", "conditioning", "isotropic", "batch_moments", "batch_law")


def predicted(topic, neuron):
    setting = dataclasses.replace(BATCHES, neuron=neuron)
    return find(f"fimtheory.relative.{topic}").predict(setting.metric, sp.Rational(setting.ratio))


@functools.cache
def ladder_of(neuron):
    """One ladder for all statements on a neuron; ``verify`` draws the same numbers."""
    names = {name for topic in TOPICS for name in predicted(topic, neuron)}
    return dataclasses.replace(BATCHES, neuron=neuron).simulate(sorted(names))


def verdicts(prediction, neuron):
    return {check.verdict for check in confront(prediction, ladder_of(neuron), BATCHES.resolution)}


@pytest.mark.parametrize("topic", TOPICS)
def test_supported(topic):
    assert verdicts(predicted(topic, "bernoulli:tanh"), "bernoulli:tanh") == {Verdict.SUPPORTED}


def scaled(value):
    if isinstance(value, AtEveryWidth):
        return AtEveryWidth(lambda d: 1.04 * value.predict(d))
    return value * sp.Float("1.1")


@pytest.mark.parametrize("topic", TOPICS)
def test_few_per_cent_are_contradicted(topic):
    for name, value in predicted(topic, "bernoulli:tanh").items():
        if name != "relative.rank" and not name.startswith("relative.moment[3]"):
            assert verdicts({name: scaled(value)}, "bernoulli:tanh") == {Verdict.CONTRADICTED}, name


def constant(value):
    return AtEveryWidth(lambda _: float(value.evalf(17)))


METRIC = dataclasses.replace(BATCHES, neuron="bernoulli:tanh").metric
ROUND = ExpectedMetric(METRIC.neuron, METRIC.q, 0, METRIC.input_variance)
MISTAKES = {
    "nu without its bias": ("relative.parallel", constant(ROUND.parallel)),
    "along taken for across": ("relative.parallel", constant(METRIC.perpendicular)),
    "s forgotten": ("relative.perpendicular", constant(METRIC.moment(0))),
    "s for its root": ("relative.cross", constant(METRIC.input_variance * METRIC.moment(1))),
    "an entry for an eigenvalue": ("relative.block[1]", METRIC.moment(0).evalf(17)),
    "pairs alone": (
        "relative.moment[2]",
        AtEveryWidth(lambda d: float(BatchMetric(METRIC, d, 10**9).second_moment.evalf(17))),
    ),
    "as many inputs again": (
        "relative.stieltjes[-0.251]",
        sp.Float(BatchMetric(METRIC, 1, 6).law.stieltjes(-0.251).real),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_contradicted(mistake):
    name, value = MISTAKES[mistake]
    assert name in ladder_of("bernoulli:tanh").names
    assert verdicts({name: value}, "bernoulli:tanh") == {Verdict.CONTRADICTED}


def test_lost_inputs():
    """A rectifier with fewer inputs than weights. With a bias it is not a half of them that count, and not all of them."""
    setting = dataclasses.replace(BATCHES, neuron="gaussian:relu", ratio="1/2", n_batches=(500, 500, 500))
    (active,) = (value for name, value in _law(setting).items() if name == "relative.rank")
    ladder = setting.simulate(["relative.rank", "relative.stieltjes[-1.32]"])
    right = {"relative.rank": active, "relative.stieltjes[-1.32]": _law(setting)["relative.stieltjes[-1.32]"]}
    assert {check.verdict for check in confront(right, ladder, 0.15)} == {Verdict.SUPPORTED}
    for wrong in (sp.Rational(1, 4), sp.Rational(1, 2), active * sp.Float("1.15")):
        assert confront({"relative.rank": wrong}, ladder, 0.15)[0].verdict is Verdict.CONTRADICTED


def _law(setting):
    return find("fimtheory.relative.batch_law").predict(setting.metric, sp.Rational(setting.ratio))


def test_few_dimensions():
    """Over weights and inputs, in 2 to 4 dimensions: neither the limit nor chi^2 with d degrees of freedom is right."""
    setting = dataclasses.replace(BATCHES, neuron="bernoulli:tanh", ratio="100", widths=(2, 3, 4), n_batches=(600,) * 3)
    metric, name = setting.metric, "relative.isotropic"
    ladder, w, b = setting.simulate([name]), metric.q, metric.bias**2
    right = find("fimtheory.relative.isotropic").predict(metric, sp.Integer(100))
    assert confront(right, ladder, 0.02)[0].verdict is Verdict.SUPPORTED
    limit = over_weights_and_inputs(metric.neuron, 10_000, w, b)
    fewer = lambda d: over_weights_and_inputs(metric.neuron, d - 1, w * (d - 1) / d, b)  # noqa: E731
    for wrong in (lambda _: limit, fewer):
        assert confront({name: AtEveryWidth(wrong)}, ladder, 0.02)[0].verdict is not Verdict.SUPPORTED


def test_verify_takes_the_setting():
    claim = dataclasses.replace(find("fimtheory.relative.two_eigenvalues"), activations=("gaussian:elu alpha=1",))
    evidence = verify(claim, dataclasses.replace(BATCHES, n_batches=(400, 400, 400)))
    assert evidence.verdict is Verdict.SUPPORTED
    assert "gaussian:elu alpha=1, q=3/2, bias 1/2, s=2, n/d=3, d=16, 24, 36" in evidence.simulated


def test_curves_and_points():
    """Points within five standard errors of their curves, which a curve 5 % off is not."""
    places = np.array([0.5, 4.0])
    curves = conditioning_curves(("gaussian:softplus", "bernoulli:tanh"), places, places, quick=True)
    for curve in curves:
        assert (np.abs(curve.means - curve.values) < 5 * curve.standard_errors).all()
        assert (np.abs(curve.means - 1.05 * curve.values) > 5 * curve.standard_errors).any()
    assert curves[0].values[1] == pytest.approx(1.26077373093343, rel=1e-10)  # m_2/m_0, by mpmath
    figure = conditioning(curves[1:], curves[:1])
    assert [axes.get_legend().get_texts()[0].get_text() for axes in figure.axes] == ["bernoulli: tanh", "softplus"]


def test_spectra_of_batches():
    """400 eigenvalues: a share of them is known to 2.5 %; below the median of the law lie half."""
    (one,) = batch_spectra("bernoulli:tanh", 1.0, [4], 80, 5)
    shares = one.heights * np.diff(one.edges)
    assert np.isclose(shares.sum(), 1)
    median = float(one.batch.law.quantile(0.5))
    assert abs(shares[one.edges[1:] <= median].sum() - 0.5) < 0.08
    assert np.isclose((one.density[1:] + one.density[:-1]) @ np.diff(one.levels) / 2, 1, atol=1e-3)
    (axes,) = batches([one, one]).axes[:1]
    assert axes.get_title() == rf"$n = 4\, d$: $\kappa = {one.batch.condition_number:.3g}$"


# -- units of networks


@functools.cache
def units():
    claim = find("fimtheory.relative.deep_layer")
    ((_, subject, setting),) = UNITS.subjects(dataclasses.replace(claim, activations=("bernoulli:tanh",)))
    prediction = claim.predict(*subject) | find("fimtheory.relative.depth_behind").predict(*subject)
    return prediction, setting.simulate(prediction), setting


def test_units_are_supported():
    prediction, ladder, setting = units()
    assert len(prediction) == 7
    assert {check.verdict for check in confront(prediction, ladder, setting.resolution)} == {Verdict.SUPPORTED}


@pytest.mark.parametrize("factor", ["1.1", "0.9"])
def test_ten_per_cent_are_contradicted(factor):
    prediction, ladder, setting = units()
    for name, value in prediction.items():
        (check,) = confront({name: value * sp.Float(factor)}, ladder, setting.resolution)
        assert check.verdict is Verdict.CONTRADICTED, name


def test_mistakes_on_units_are_contradicted():
    """A backward order parameter in place of nu; a square of the mean for the mean square; overlaps forgotten."""
    prediction, ladder, setting = units()
    network, o = setting.network, setting.network.order_parameters
    top, mean = prediction["relative.layer[2].lambda_max"], prediction["relative.layer[2].mean"]
    wrong = {
        "relative.layer[2].mean": mean * sp.Float(o.qtilde1[2]),
        "relative.layer[1].over_fisher": prediction["relative.layer[1].over_fisher"]
        * sp.Float(o.qtilde1[1] / o.qtilde1[2]),
        "relative.layer[1].mean": prediction["relative.layer[1].mean"] / sp.Float(o.qhat1[0] + 0.1),
        "relative.layer[2].second_moment": network.alphas[1] * M / network.samples * mean**2,
        "relative.layer[2].lambda_max": top - network.alphas[1] * M * sp.Float(o.qhat2[1]) * mean / 2,
    }
    for name, value in wrong.items():
        assert confront({name: value}, ladder, setting.resolution)[0].verdict is Verdict.CONTRADICTED, name
