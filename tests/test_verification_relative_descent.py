"""Verdicts on the experiment with a ReLU network: right statements hold, wrong ones are contradicted, cheaply.

Small networks, few epochs: what is claimed of the full size is not expected here, and nothing is said of it; the pieces are
tested on statements that hold at any size, and on the same numbers turned around. Fixed beforehand: the best of two rates,
twelve runs of ten epochs.
"""

import dataclasses

import numpy as np
import pytest

from fimtheory.catalogue import claims, find
from fimtheory.claims import Below, Verdict
from fimtheory.report.relative_descent_figures import SHOWN, draw
from fimtheory.simulation.relative_descent import DescentPlan
from fimtheory.verification import verify
from fimtheory.verification.relative_descent import NetworkExperimentSetting

PLAN = DescentPlan(hidden=(24,), train=200, batch=20, epochs=10, look=5, runs=12)
RATES = (("SGD", (0.001, 0.2)), ("Adam", (0.005,)), ("RNGD", (0.2,)))
SETTING = NetworkExperimentSetting(PLAN, RATES)
EXPERIMENT = [claim for claim in claims() if claim.subject == "network_experiment"]


def stated(observables, bound=0.0):
    """A claim with predictions of one's own, in both variants."""
    claim = find("sun2016.fig5")
    return dataclasses.replace(
        claim, predict=lambda _: {name: Below(bound) for name in observables}, predict_printed=None
    )


def test_normalising_conditions():
    """Known without training: tenfold and tenfold on any sample of the digits."""
    evidence = verify(find("fimtheory.relative_descent.condition"), SETTING)
    assert evidence.status == "supported", evidence.checks
    assert [check.observable for check in evidence.checks] == [
        "network.condition[normalised/raw] [original]",
        "network.condition[whitened/normalised] [original]",
    ]


@pytest.mark.parametrize("pair", ["normalised/raw", "whitened/normalised"])
def test_conditioning_further_than_there_is_is_contradicted(pair):
    assert verify(stated([f"network.condition[{pair}]"], bound=-20.0), SETTING).verdict is Verdict.CONTRADICTED


def test_a_ratio_and_its_inverse():
    """One of them at most is supported, and then the other is contradicted, on the same runs."""
    ahead = verify(stated(["network.early[SGD_BNA/SGD]"]), SETTING)
    behind = verify(stated(["network.early[SGD/SGD_BNA]"]), SETTING)
    for one, other in zip(ahead.checks, behind.checks, strict=True):
        assert one.extrapolation.value == pytest.approx(-other.extrapolation.value)
        assert one.judgement.z_score == pytest.approx(-other.judgement.z_score)
    assert ahead.verdict is Verdict.SUPPORTED  # batch normalisation is ahead in the first epoch, by far
    assert behind.verdict is Verdict.CONTRADICTED


def test_variants_are_named_and_differ():
    evidence = verify(stated(["network.final[RNGD/SGD]"], bound=5.0), SETTING)
    assert [check.observable for check in evidence.checks] == [
        "network.final[RNGD/SGD] [original]",
        "network.final[RNGD/SGD] [flipped]",
    ]
    original, flipped = (check.extrapolation.value for check in evidence.checks)
    assert original != flipped
    assert "20% of training labels flipped" in evidence.simulated
    assert "the best of 1 or 2 rates" in evidence.simulated


@pytest.mark.parametrize("claim", EXPERIMENT, ids=lambda c: c.id)
def test_everything_claimed_is_measured(claim):
    """Names that the experiment knows, and finite numbers; at this size no verdict is asked for."""
    observables = {
        name
        for predict in (claim.predict, claim.predict_printed)
        if predict
        for variant in ("original", "flipped")
        for name in predict(variant)
    }
    (ensemble,) = SETTING.simulate(sorted(observables)).ensembles.values()
    assert ensemble.names == tuple(sorted(observables))
    assert all(np.isfinite(ensemble.values(name)).all() for name in observables)
    assert ensemble.n_networks == PLAN.runs


@pytest.mark.parametrize("claim", [c for c in EXPERIMENT if c.predict_printed], ids=lambda c: c.id)
def test_corrections_differ_from_what_is_printed(claim):
    """Somewhere the printed form says the opposite, so that one and the same number cannot support both."""
    opposite = [
        {_turned(name) for name in claim.predict(variant)} & set(claim.predict_printed(variant))
        for variant in ("original", "flipped")
    ]
    assert any(opposite)


def _turned(name):
    kind, pair = name.rstrip("]").split("[")
    return f"{kind}[{'/'.join(reversed(pair.split('/')))}]"


def test_the_full_size_is_the_default():
    full, quick = NetworkExperimentSetting().plan, NetworkExperimentSetting.quick().plan
    assert (full.epochs, full.runs, full.hidden, full.period, full.decay) == (100, 10, (64, 64, 64), 100, 0.995)
    assert max(quick.hidden) < max(full.hidden)
    assert quick.train < full.train
    assert quick.epochs * quick.per_epoch > 10 * quick.period  # what is left of G = I does not matter in the end


def test_the_figure_has_what_it_shows():
    calls = []
    figure = draw(True, lambda done, total: calls.append((done, total)), SETTING)
    cost, other, test, _ = figure.axes
    assert [axes.get_title() for axes in (cost, other)] == ["original labels", "20% of the labels flipped"]
    assert [len(axes.lines) for axes in figure.axes] == [len(SHOWN)] * 4
    assert len(cost.lines[0].get_xdata()) == 10  # a hundred iterations, ten at a time
    assert list(test.lines[0].get_xdata()) == [5, 10]
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts[0] == "SGD (0.2, 0.2)"
    assert texts[-1] == "RNGD (0.2, 0.2)"
    assert calls[-1] == (14, 14)
