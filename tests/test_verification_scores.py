"""Verdicts on relative Fisher metrics by Monte Carlo: right metrics hold, wrong ones are contradicted.

Fixed beforehand: the relative scatter of a squared score is between 1.4 (Gaussian) and 3 (exponential); 70,000 responses go
to each of five inputs, so that ratios are known to 0.3 to 0.7 per cent, and seven per cent are ten standard errors or more.
"""

import dataclasses
import functools

import numpy as np
import pytest

from fimtheory.catalogue import find
from fimtheory.claims import AtEveryWidth, Verdict
from fimtheory.errors import InputError
from fimtheory.report import score_figures
from fimtheory.theory.relative_layers import network_metric, softmax_layer, two_layers
from fimtheory.theory.responses import PARAMETERS
from fimtheory.theory.score_claims import Subsystem
from fimtheory.verification import LayerSetting, confront, verify
from fimtheory.verification.score_products import ScoreSetting, distance_from_kinks, neuron_curve

ELU = "gaussian:elu alpha=1/4 sigma=7/10"
RELU_NETWORK = "network: relu -> relu -> gaussian:linear sigma=1/2"
CASES = [
    ("neuron_scores", "bernoulli:tanh"),
    ("neuron_scores", ELU),
    ("neuron_scores", "negative_binomial:softplus r=3/2"),
    ("neuron_curvatures", "exponential:exp"),
    ("layer_scores", "layer: softmax"),
    ("two_layer_scores", "two layers: leaky_relu alpha=1/4 -> gaussian:elu alpha=1/2 sigma=2"),
    ("network_scores", "network: tanh -> tanh -> softmax"),
    ("network_scores", RELU_NETWORK),
    ("network_curvatures", "network: tanh -> tanh -> softmax"),
]


def claim(place):
    return find(f"fimtheory.relative.{place}")


@functools.cache
def setting_of(part):
    return dataclasses.replace(ScoreSetting.quick(), subsystem=part, n_runs=(10, 10, 10))


@functools.cache
def ladder_of(part):
    names = [f"score.{kind}[{k}]" for kind in ("length", "curvature") for k in (1, 2, 3)]
    return setting_of(part).simulate(names)


def judged(part, predicted):
    """The verdicts on mean squares along the first three directions, by Monte Carlo."""
    rows = {name: predicted[name] for name in predicted if not name.endswith("[4]")}
    return [check.verdict for check in confront(rows, ladder_of(part), setting_of(part).resolution)]


def along(part, values):
    """Predictions from three numbers."""
    return {f"score.length[{k}]": AtEveryWidth(lambda draws, value=value: value) for k, value in enumerate(values, 1)}


@pytest.mark.parametrize(("place", "part"), CASES, ids=range(len(CASES)))
def test_supported(place, part):
    assert part in claim(place).activations
    assert set(judged(part, claim(place).predict(setting_of(part).problem))) == {Verdict.SUPPORTED}


@pytest.mark.parametrize("factor", [0.93, 1.07])
@pytest.mark.parametrize(("place", "part"), CASES, ids=range(len(CASES)))
def test_seven_per_cent_are_contradicted(place, part, factor):
    right = claim(place).predict(setting_of(part).problem)
    wrong = {name: AtEveryWidth(lambda n, p=p: factor * p.predict(n)) for name, p in right.items()}
    assert Verdict.CONTRADICTED in judged(part, wrong)


def test_sigma_without_its_square_is_contradicted():
    right = claim("neuron_scores").predict(setting_of(ELU).problem)
    wrong = {name: AtEveryWidth(lambda n, p=p: 0.7 * p.predict(n)) for name, p in right.items()}
    assert set(judged(ELU, wrong)) == {Verdict.CONTRADICTED}


def test_a_neuron_without_its_slope_is_contradicted():
    """1/V instead of f'^2/V, at sigma = 7/10."""
    problem = setting_of(ELU).problem
    wrong = [((problem.inputs @ v) ** 2).mean() / 0.49 for v in problem.directions]
    assert Verdict.CONTRADICTED in judged(ELU, along(ELU, wrong))


def blocks_alone(matrix, sizes):
    """A matrix without the blocks off its diagonal."""
    owner = np.repeat(np.arange(len(sizes)), sizes)
    return np.where(owner[:, None] == owner, matrix, 0)


def test_softmax_without_its_other_blocks_is_contradicted():
    """Both on the sum and on the difference of two units: with the opposite sign of the error."""
    problem = setting_of("layer: softmax").problem
    wrong = blocks_alone(softmax_layer(*problem.weights, problem.inputs).matrix, [3, 3, 3])
    verdicts = judged("layer: softmax", along("layer: softmax", [v @ wrong @ v for v in problem.directions]))
    assert verdicts[1:] == [Verdict.CONTRADICTED] * 2


@pytest.mark.parametrize("part", [CASES[5][1], "two layers: softplus -> bernoulli:sigmoid"])
def test_the_printed_form_of_two_layers_is_contradicted(part):
    assert Verdict.CONTRADICTED in judged(part, claim("two_layer_scores").predict_printed(setting_of(part).problem))


@pytest.mark.parametrize("phi", ["tanh", "sigmoid", "relu"])
def test_where_the_printed_form_is_the_same(phi):
    problem = setting_of(f"two layers: {phi} -> bernoulli:tanh").problem
    right, printed = (
        p(problem) for p in (claim("two_layer_scores").predict, claim("two_layer_scores").predict_printed)
    )
    assert [p.predict(1) for p in printed.values()] == pytest.approx([p.predict(1) for p in right.values()], rel=1e-12)


def test_two_layers_without_their_other_blocks_are_contradicted():
    part = CASES[5][1]
    problem = setting_of(part).problem
    metric = two_layers(problem.output, problem.activation, *problem.weights, problem.inputs)
    wrong = blocks_alone(metric.matrix, [3, 3, 3, 3])
    assert judged(part, along(part, [v @ wrong @ v for v in problem.directions]))[1:] == [Verdict.CONTRADICTED] * 2


def test_a_network_of_separate_layers_is_contradicted():
    """The blocks of different layers dropped: along a direction in the first and the last."""
    problem = setting_of(RELU_NETWORK).problem
    metric = network_metric(problem.output, problem.activation, problem.weights, problem.inputs)
    wrong = blocks_alone(metric.matrix, [D * m for D, m in metric.shapes])
    v = problem.directions[3]
    ladder = setting_of(RELU_NETWORK).simulate(["score.length[4]"])
    for value, verdict in ((v @ wrong @ v, Verdict.CONTRADICTED), (metric.length(v), Verdict.SUPPORTED)):
        predicted = {"score.length[4]": AtEveryWidth(lambda draws, value=value: value)}
        assert [check.verdict for check in confront(predicted, ladder, 0.05)] == [verdict]


def test_verify_takes_every_problem_of_a_claim():
    two = dataclasses.replace(claim("layer_scores"), activations=("layer: bernoulli:tanh", "layer: softmax"))
    evidence = verify(two, ScoreSetting(draws=(500, 1000, 2000), n_runs=(20, 20, 20), resolution=0.1))
    assert evidence.status == "supported"
    assert len(evidence.checks) == 6
    assert "layer: softmax, 5 inputs, 500, 1000, 2000 draws to each (20, 20, 20 runs), seed 1" in evidence.simulated


@pytest.mark.parametrize("part", [CASES[5][1], RELU_NETWORK, "von_mises:leaky_relu alpha=1/4 kappa=2"])
def test_no_difference_crosses_a_kink(part):
    """At the ends of the steps, 2 * 2^-10 along each direction, all pre-activations are on the side where they were."""
    setting = setting_of(part)
    assert distance_from_kinks(setting.problem, setting.model) > 0.03
    sides = [np.sign(t) for t in setting.model.fields()]
    for v in setting.problem.directions:
        for step in (-(2.0**-9), 2.0**-9):
            assert all((np.sign(t) == s).all() for t, s in zip(setting.model.fields(step * v), sides, strict=True))


def test_directions_see_pairs_of_units():
    """u and v, u and -v: half their difference is the block of two units alone."""
    _, plus, minus = setting_of("layer: softmax").problem.directions
    assert (plus[:3] == minus[:3]).all()
    assert (plus[3:6] == -minus[3:6]).all()
    assert not plus[6:].any()


def test_a_negative_seed():
    with pytest.raises(InputError, match="seed = -1 is negative"):
        _ = ScoreSetting(seed=-1).problem


def test_a_setting_is_its_seed():
    one, same, other = (ScoreSetting(ELU, seed=seed).problem for seed in (5, 5, 6))
    assert (one.weights[0] == same.weights[0]).all()
    assert not np.allclose(one.weights[0], other.weights[0])


@functools.cache
def curves():
    """Those of the figure; 4000 draws a point know nu to 2 per cent (Gaussian) or 5 (exponential)."""
    found = {}
    for group in (score_figures._OF_THE_DOCUMENT, score_figures._OTHERS):
        found |= {
            name: neuron_curve(name, score_figures._POINTS, 4000, seed=(1, len(found) + 1)) for name in group.values()
        }
    return found


def test_curves_of_single_neurons():
    """Points all along t: mean squares of 16 distances each, and no point far out."""
    assert len(curves()) == 7
    for curve in curves().values():
        assert np.abs(curve.z_scores).max() < 5
        assert (curve.z_scores**2).mean() < 1 + 5 * (2 / 16) ** 0.5


def test_a_curve_without_its_square_is_far():
    """f' in place of f'^2 for ELU: wrong where f' is not 0 or 1."""
    curve = curves()["gaussian:elu alpha=2/3"]
    wrong = dataclasses.replace(curve, predicted=np.where(curve.at < 0, np.sqrt(curve.predicted), curve.predicted))
    assert (wrong.z_scores**2).mean() > 200


def test_curves_are_cut_at_kinks():
    curve = curves()["gaussian:elu alpha=2/3"]
    assert np.isnan(curve.nu[curve.t == 0]).all()
    assert np.isfinite(curve.nu[curve.t != 0]).all()


def test_squares_that_do_not_scatter():
    """At t = 0 the score of a fair coin is 1/2 up to its sign."""
    assert abs(neuron_curve("bernoulli:sigmoid", np.array([0.0]), 20).z_scores[0]) < 1


def test_a_curve_is_of_one_neuron():
    with pytest.raises(InputError, match="no single neuron"):
        neuron_curve("layer: softmax", np.array([0.0]), 5)


def test_the_figure_shows_curves_points_and_distances():
    calls = []
    figure = score_figures.draw(quick=True, progress=lambda done, total: calls.append((done, total)))
    upper = figure.axes[:2]
    assert [len(axes.containers) for axes in upper] == [4, 3]
    assert calls == [(k, 7) for k in range(1, 8)]


def test_every_response_of_the_engine_is_drawn():
    """But for families that are given by their log-partition alone."""
    assert {name.split(":")[0] for name in claim("neuron_scores").activations} == set(PARAMETERS) - {"family"}


def test_a_setting_of_the_wrong_kind():
    with pytest.raises(InputError, match="no claim on what LayerSetting"):
        verify(claim("layer_scores"), LayerSetting())


@pytest.mark.parametrize(
    "text",
    ["layer: tanh -> softmax", "two layers: bernoulli:tanh", "network: softmax", "pair: softmax",
     "network: relu -> tanh -> softmax", "two layers: relu -> relu -> softmax",
     "gaussian:elu alpha", "network: elu alpha -> softmax"],
)  # fmt: skip
def test_no_subsystem(text):
    with pytest.raises(InputError, match="is no subsystem: write for instance"):
        Subsystem.of(text)


def test_softmax_is_no_neuron():
    with pytest.raises(InputError, match="write 'layer: softmax'"):
        Subsystem.of("softmax")
