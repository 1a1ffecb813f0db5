"""Verdicts on the claims about one logistic neuron: right ones hold, wrong ones and the printed order are contradicted.

Fixed beforehand: the quick size has ten runs on the original labels and sixteen on flipped ones.
"""

import dataclasses
import functools

import numpy as np
import pytest

from fimtheory.catalogue import find
from fimtheory.claims import Agreement, Below, Ordering, Verdict
from fimtheory.errors import InputError
from fimtheory.report.neuron_training_figures import draw
from fimtheory.simulation.neuron_training import METHODS, NeuronExperiment
from fimtheory.verification import neuron_training as module
from fimtheory.verification import verify
from fimtheory.verification.neuron_training import (
    NeuronExperimentSetting,
    neuron_curves,
    neuron_panel,
    problem_of,
    separable,
)

QUICK = NeuronExperimentSetting.quick()
CLAIMS = ["sun2016.fig4", "sun2016.fig4_best", "sun2016.sec5_whitening", "sun2016.fig4c", "sun2016.sec5_condition",
          "fimtheory.natural.decay", "fimtheory.natural.digit_rates", "fimtheory.natural.overfitting"]  # fmt: skip


@functools.cache
def evidence(id):
    return verify(find(id), QUICK)


@pytest.mark.parametrize("id", CLAIMS)
def test_claims_are_supported(id):
    found = evidence(id)
    assert found.verdict is Verdict.SUPPORTED, found.checks
    assert len(found.checks) >= 2
    assert found.status == ("corrected" if id == "sun2016.fig4" else "supported")


def test_the_printed_order_fails_where_there_is_a_minimum():
    """Whitening alone comes closer to the minimum than natural gradient alone."""
    contradicted = {
        check.observable for check in evidence("sun2016.fig4").printed if check.verdict is Verdict.CONTRADICTED
    }
    assert contradicted == {"neuron.excess[NGD/WhiteGD] [3 vs 5, 240 images, 15% flipped]"}


def turned(name):
    """The same ratio the other way round."""
    head, _, pair = name[:-1].partition("[")
    mark = "-" if head.endswith("test") else "/"
    return f"{head}[{mark.join(reversed(pair.split(mark)))}]"


@pytest.mark.parametrize("id", CLAIMS)
def test_wrong_claims_are_contradicted(id):
    """Every comparison turned round; rates 3 % off."""
    claim = find(id)

    def wrong(problem):
        found = {}
        for name, statement in claim.predict(problem).items():
            if isinstance(statement, Agreement):
                found[name] = dataclasses.replace(
                    statement, right=lambda right=statement.right: 1.03 * np.asarray(right())
                )
            elif isinstance(statement, Ordering):
                found[name] = Ordering(statement.right, statement.left)
            else:
                found[turned(name)] = statement
        return found

    checks = verify(dataclasses.replace(claim, predict=wrong, predict_printed=None), QUICK).checks
    assert Verdict.SUPPORTED not in {check.verdict for check in checks}
    assert Verdict.CONTRADICTED in {check.verdict for check in checks}


def test_a_bound_that_is_too_low_is_contradicted():
    claim = dataclasses.replace(
        find("sun2016.sec5_whitening"), predict=lambda _: {"neuron.curvature[WhiteGD/GD]": Below(-3.0)}
    )
    assert verify(claim, QUICK).verdict is Verdict.CONTRADICTED


def test_what_is_told_and_what_is_measured():
    original, flipped = QUICK.experiments
    assert separable(original)
    assert not separable(flipped)
    problem = problem_of(flipped)
    Z, signs = problem.samples("WhiteNGD")[3]
    assert Z.shape == (240, 65)
    assert set(signs) == {-1.0, 1.0}
    curves = neuron_curves(original)
    found = NeuronExperimentSetting((original,)).simulate(
        ["neuron.depth[GD/NGD]", "neuron.early[NGD/WhiteGD]", "neuron.test[GD-NGD]", "neuron.curvature[WhiteGD/GD]"]
    )
    assert found.widths == (240,)
    measured = found.ensembles[240]
    depths = {method: -curve.best_curves for method, curve in curves.items()}
    final = np.log(depths["GD"][:, 100] / depths["NGD"][:, 100])
    early = np.log(depths["NGD"][:, 5] / depths["WhiteGD"][:, 5])
    assert measured.values("neuron.depth[GD/NGD]") == pytest.approx(final)
    assert measured.values("neuron.early[NGD/WhiteGD]") == pytest.approx(early)
    errors = {method: curve.test_errors[curve.best] for method, curve in curves.items()}
    assert measured.values("neuron.test[GD-NGD]") == pytest.approx(errors["GD"] - errors["NGD"])
    second = Z.T @ Z / 240
    assert np.linalg.eigvalsh(second)[-1] == pytest.approx(1.0)  # white


def test_epochs_to_the_minimum():
    """A curve that leaves the neighbourhood of its minimum again has not arrived."""
    flipped = QUICK.experiments[1]
    above = module._above_minimum(flipped, "WhiteGD")
    last = np.exp(module._epochs(flipped, "WhiteGD")).round().astype(int)
    for run, epoch in enumerate(last):
        assert above[run, epoch - 1] > 0.01
        assert (above[run, epoch:] <= 0.01).all()
    assert (np.exp(module._epochs(flipped, "GD")).round() == 101).all()  # not within 100 epochs


@pytest.mark.parametrize(
    "name",
    ["neuron.depth[GD/SGD]", "neuron.size[GD/NGD]", "neuron.test[GD/NGD]", "depth", "neuron.depth[GD-NGD]"],
)
def test_unknown_observables(name):
    with pytest.raises(InputError, match="is not measured: write neuron"):
        NeuronExperimentSetting(QUICK.experiments[:1]).simulate([name])


def test_what_cannot_be_measured():
    short = NeuronExperiment(train=60, runs=4, epochs=1, rates=(1e-2,))
    with pytest.raises(InputError, match="2 experiments are not measured at once"):
        QUICK.simulate(["neuron.depth[GD/NGD]"])
    with pytest.raises(InputError, match="is separable: its loss has no minimum"):
        NeuronExperimentSetting((short,)).simulate(["neuron.excess[GD/NGD]"])
    with pytest.raises(InputError, match="too few to look at epoch 5"):
        NeuronExperimentSetting((short,)).simulate(["neuron.early[GD/NGD]"])
    with pytest.raises(InputError, match="too few to look at epoch 51"):
        problem_of(short).decay("NGD")
    with pytest.raises(InputError, match="one run shows no scatter"):
        neuron_panel(dataclasses.replace(short, runs=1))
    mixed = NeuronExperiment((4, 9), flipped=0.1)
    with pytest.raises(InputError, match="1 of 10 training sets are separable"):
        separable(mixed)


def test_the_full_size_is_the_default():
    full = NeuronExperimentSetting()
    assert len(full.experiments) == 8
    assert min(one.runs for one in full.experiments) > max(one.runs for one in QUICK.experiments)
    assert "digits 4 vs 9, 100 images, 15% flipped, 20 runs of 100 epochs" in str(full)
    assert all(one.epochs == 100 and len(one.configurations) == 10 for one in (*full.experiments, *QUICK.experiments))


def test_the_figure_has_what_it_shows():
    calls = []
    figure = draw(True, lambda done, total: calls.append((done, total)))
    assert calls[-1] == (8, 8)
    for axes, experiment, smallest in zip(figure.axes, QUICK.experiments, (-1000, 0), strict=True):
        labels = axes.get_legend_handles_labels()[1]
        assert [label.split(":")[0] for label in labels] == list(METHODS)
        curves = neuron_curves(experiment)
        for line, label, method in zip(axes.lines, labels, METHODS, strict=True):
            rate, momentum = curves[method].best_configuration
            assert label == rf"{method}: $\gamma = {rate:g}$, $\mu = {momentum:g}$"
            rows = curves[method].best_curves if smallest else np.log(module._above_minimum(experiment, method))
            mean = rows.mean(axis=0)
            assert line.get_ydata() == pytest.approx(mean if smallest else np.exp(mean))
            assert smallest < line.get_ydata().min()
