"""Verdicts on claims about learning curves: right statements hold, wrong ones are contradicted.

Fixed beforehand: with 120 to 240 networks at widths 96 to 256 shares are known to 0.2 % of the whole, so that 3 % of one
half are more than six standard errors; the loss, which has a random start, to 0.6 %, so that 5 % are; m times a correction
is known to 0.2 with 1000 narrow networks.
"""

import dataclasses
import functools
import math

import pytest
import sympy as sp

from fimtheory.catalogue import find
from fimtheory.claims import Verdict
from fimtheory.notation import SYMBOLS
from fimtheory.report.learning_figures import draw
from fimtheory.theory.mode_learning import ModeLearning
from fimtheory.verification import verify
from fimtheory.verification.checks import confront
from fimtheory.verification.judgement import judge
from fimtheory.verification.mode_training import LearningSetting

M = SYMBOLS["M"]
SETTING = LearningSetting(widths=(96, 144, 256), n_networks=(240, 180, 120), seed=5, resolution=0.08, steps=(1, 4, 16))
SMALL = dataclasses.replace(SETTING, widths=(64, 96, 144), n_networks=(200, 150, 100), steps=(4,))
NARROW = dataclasses.replace(
    SETTING, narrow=(48, 96, 160), n_narrow=(1000, 600, 400), narrow_resolution=0.5, steps=(4, 64)
)
CLAIMS = ["fimtheory.learning.modes", "fimtheory.learning.loss", "fimtheory.learning.order",
          "fimtheory.learning.stability"]  # fmt: skip


@functools.cache
def ladder_of(activation, momentum):
    """The problem, and one ladder for all statements on it; ``verify`` draws the same numbers."""
    setting = dataclasses.replace(SETTING, activation=activation, momentum=momentum)
    ids = CLAIMS if not momentum else ["fimtheory.learning.momentum"]
    names = {name for id in ids for name in find(id).predict(setting.problem) if name.startswith("learning.")}
    return setting.problem, setting.simulate(sorted(names))


@pytest.mark.parametrize("id", CLAIMS)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_claims_are_supported(id, activation):
    problem, ladder = ladder_of(activation, 0.0)
    if activation in (find(id).activations or ("relu",)):
        checks = confront(find(id).predict(problem), ladder, SETTING.resolution)
        assert {check.verdict for check in checks} == {Verdict.SUPPORTED}, checks


@pytest.mark.parametrize("id", ["ho2025.gradient_descent", "fimtheory.learning.momentum"])
def test_verify_finds_its_setting(id):
    evidence = verify(find(id), dataclasses.replace(SMALL, resolution=0.2))
    assert evidence.verdict is Verdict.SUPPORTED, evidence.checks
    assert ("momentum" in evidence.simulated) == ("momentum" in id)


def scaled(factor):
    return lambda right, _: right * sp.Float(factor)


def approximate_eigenvalue(_, problem):
    """lambda_2 of the truncated kernel of documents 000 and 001, 1/(2 pi (d + 2)), a tenth below the true one."""
    d = problem.learning.modes.dimension
    return sp.Float(1 - (1 - problem.learning.rate / (2 * math.pi * (d + 2))) ** 16)


def of_flow(_, problem):
    """The curve of gradient flow for that of descent."""
    return sp.Float(float(problem.learning.flow_curve(0, 1)))


def unsquared(_, problem):
    """Factors 1 - eta lambda of the loss that are not squared."""
    return sp.Float(float(problem.learning.loss(2)))


@pytest.mark.parametrize(
    ("id", "name", "change"),
    [
        ("modes", "progress[0,1]", scaled("1.03")),
        ("modes", "progress[1,4]", scaled("0.97")),
        ("modes", "progress[2,16]", approximate_eigenvalue),
        ("modes", "progress[0,1]", of_flow),
        ("loss", "loss[4]", unsquared),
        ("loss", "loss[16]", scaled("1.05")),
        ("order", "in_order[4]", scaled("0.97")),
        ("stability", "growth[1.05]", scaled("0.9")),
        ("momentum", "progress[2,16]", scaled("1.03")),
    ],
    ids=lambda x: getattr(x, "__name__", x),
)
def test_wrong_statements_are_contradicted(id, name, change):
    problem, ladder = ladder_of("relu", 0.5 if id == "momentum" else 0.0)
    right = find(f"fimtheory.learning.{id}").predict(problem)[f"learning.{name}"]
    (check,) = confront({f"learning.{name}": change(right, problem)}, ladder, SETTING.resolution)
    assert check.verdict is Verdict.CONTRADICTED, check


def test_the_wrong_order_is_contradicted():
    """Components expected the other way round."""
    problem, plan = SMALL.problem, SMALL.plan
    backwards = dataclasses.replace(SMALL)
    vars(backwards)["plan"] = dataclasses.replace(plan, components=plan.components[::-1])
    predicted = find("fimtheory.learning.order").predict(problem)
    (check,) = confront(predicted, backwards.simulate(predicted), SMALL.resolution)
    assert check.verdict is Verdict.CONTRADICTED


@pytest.fixture(scope="module")
def narrow():
    claim = dataclasses.replace(find("fimtheory.learning.finite_width"), activations=("relu",))
    return verify(claim, NARROW)


def test_corrections_are_supported(narrow):
    assert narrow.verdict is Verdict.SUPPORTED, narrow.checks
    assert len(narrow.checks) >= 3
    assert narrow.settings[0].widths == NARROW.narrow


@pytest.mark.parametrize("mistake", ["without inputs", "lengths forgotten"])
def test_wrong_corrections_are_contradicted(mistake, narrow):
    """Both against the very numbers that support the right one."""
    problem = NARROW.problem
    if mistake == "without inputs":
        ahead = -problem.learning.corrections(2, 64)[0]
    else:  # kappa = 1: what corrections are where all lengths are fixed
        spheres = dataclasses.replace(NARROW, weights="sphere", inputs="sphere").problem.learning
        by_width, by_inputs = spheres.corrections(2, 64)
        ahead = -by_width - by_inputs / problem.ratio
    (check,) = [check for check in narrow.checks if check.observable.startswith("learning.progress[2,64]")]
    assert judge(ahead, check.extrapolation, NARROW.narrow_resolution).verdict is Verdict.CONTRADICTED


def test_spheres_and_other_dimensions():
    """Other laws and another dimension, where eigenvalues are no longer rational."""
    setting = dataclasses.replace(SETTING, dimension=2, weights="sphere", steps=(1, 4), fraction=0.3)
    claim = dataclasses.replace(find("fimtheory.learning.modes"), activations=("relu(x)+x**2/4",))
    evidence = verify(claim, setting)
    assert evidence.verdict is Verdict.SUPPORTED, evidence.checks
    assert "sphere weights" in evidence.simulated


def test_the_full_size_is_the_default():
    assert max(LearningSetting.quick().widths) < max(LearningSetting().widths) <= 1000
    assert "m=120, 240, 480, 960" in str(LearningSetting())
    assert isinstance(LearningSetting().problem.learning, ModeLearning)


def test_the_figure_has_what_it_shows():
    calls = []
    figure = draw(True, lambda done, total: calls.append((done, total)))
    left, right = figure.axes
    assert [line.get_label() for line in left.lines if line.get_label().startswith("degree")] == [
        r"degree 0, $\lambda = 9/16$",
        r"degree 1, $\lambda = 1/4$",
        r"degree 2, $\lambda = 9/256$",
        r"degree 4, $\lambda = 1/1024$",
    ]
    assert list(right.get_legend_handles_labels()[1]) == ["theory", "$m = 48$", "$m = 160$"]
    assert calls[-1] == (24, 24)
