"""Verdicts on claims about one hidden layer: right statements hold, wrong ones are contradicted.

Fixed beforehand: with 60 networks at widths 32, 64, 128 the limits of the first two moments, which cost no eigenvalue,
are known to better than 0.5 % (their scatter, less what the traces of the weights explain, is near 1 %).
"""

import dataclasses

import pytest
import sympy as sp

from fimtheory.catalogue import claims, find
from fimtheory.claims import Agreement, Identity, Ordering, Verdict
from fimtheory.errors import InputError
from fimtheory.verification import LayerSetting, Setting, verify

SETTING = LayerSetting(widths=(32, 64, 128), n_networks=(60, 60, 60), seed=7)
MATHEMATICS = [c for c in claims() if c.subject is None]


@pytest.mark.parametrize("claim", MATHEMATICS, ids=lambda c: c.id)
def test_statements_without_simulation(claim):
    evidence = verify(claim)
    assert evidence.verdict is Verdict.SUPPORTED, [c for c in evidence.checks if c.verdict is not Verdict.SUPPORTED]
    assert evidence.printed_verdict in (None, Verdict.CONTRADICTED)
    assert evidence.status == ("corrected" if claim.predict_printed else evidence.status)
    assert evidence.simulated is None


def spoiled(statement):
    """The same statement, wrong by three per cent (an ordering: turned around)."""
    match statement:
        case Identity(left, right):
            return Identity(left, right * sp.Rational(103, 100) if right != 0 else sp.Rational(3, 100))
        case Agreement(left, right, tolerance):
            return Agreement(left, lambda: _shifted(right()), tolerance)
        case Ordering(left, right, margin):
            return Ordering(right, left, margin)
    raise TypeError(statement)


def _shifted(values):
    import numpy as np

    return 1.03 * np.asarray(values) + 0.03


@pytest.mark.parametrize("claim", MATHEMATICS, ids=lambda c: c.id)
def test_wrong_statements_are_contradicted(claim):
    name, statement = list(claim.predict().items())[-1]
    wrong = dataclasses.replace(claim, predict=lambda: {name: spoiled(statement)}, predict_printed=None)
    assert verify(wrong).verdict is Verdict.CONTRADICTED


def only_two_moments(claim, factor=1, change=None):
    names = ("single_layer.moment[1]", "single_layer.moment[2]")

    def predict(layer):
        found = {name: claim.predict(layer)[name] * factor for name in names}
        return change(found) if change else found

    return dataclasses.replace(claim, predict=predict, predict_printed=None, activations=("erf_alpha alpha=1",))


def test_moments_of_theorem_1():
    claim = find("pennington2018.thm1")
    evidence = verify(only_two_moments(claim), SETTING)
    assert evidence.status == "supported"
    assert all(c.extrapolation.standard_error < 0.005 * c.predicted for c in evidence.checks)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: {k: v * sp.Float("1.03") for k, v in p.items()},
        lambda p: {k: v * sp.Float("0.97") for k, v in p.items()},
        lambda p: {"single_layer.moment[2]": p["single_layer.moment[1]"] ** 2},
        lambda p: {"single_layer.moment[1]": 2 * p["single_layer.moment[1]"]},
    ],
    ids=["3 % more", "3 % less", "dropped fluctuation", "trace over n^2"],
)
def test_mistakes_are_contradicted(change):
    claim = only_two_moments(find("pennington2018.thm1"), change=change)
    assert verify(claim, SETTING).verdict is Verdict.CONTRADICTED


def test_rectangular_layers_take_their_aspect():
    evidence = verify(only_two_moments(find("fimtheory.rectangular_layer")), SETTING)
    assert evidence.status == "supported"
    assert evidence.settings[0].aspect != (1, 1)


def test_extreme_eigenvalues_are_not_the_ends():
    setting = LayerSetting(counted_widths=(12, 16, 20), counted_networks=(40, 40, 40))
    evidence = verify(find("pennington2018.eq25"), setting)
    assert evidence.status == "corrected"
    assert evidence.simulated.startswith("widths n = 12, 16, 20 (40, 40, 40 networks)")
    assert evidence.printed_verdict is Verdict.CONTRADICTED


def test_shifted_relu_is_degenerate():
    setting = LayerSetting(counted_widths=(8, 12, 16), counted_networks=(60, 60, 60))
    evidence = verify(find("pennington2018.nondegenerate"), setting)
    assert evidence.status == "corrected"
    (smallest,) = evidence.printed
    assert abs(smallest.extrapolation.value) < 0.01 < smallest.predicted


def test_one_step():
    """Known to 2 %: supported within 8 %, and contradicted at 20 %."""
    setting = LayerSetting(widths=(16, 24, 32), n_networks=(60, 60, 60), resolution=0.08)
    claim = dataclasses.replace(find("pennington2018.eq33"), activations=("srelu alpha=0",))
    assert verify(claim, setting).verdict is Verdict.SUPPORTED
    wrong = dataclasses.replace(
        claim, predict=lambda layer: {"single_layer.one_step": claim.predict(layer)["single_layer.one_step"] * 1.2}
    )
    assert verify(wrong, setting).verdict is Verdict.CONTRADICTED


def test_a_setting_of_the_wrong_kind():
    with pytest.raises(InputError, match="no claim on what LayerSetting"):
        verify(find("pennington2018.eq20"), SETTING)
    with pytest.raises(InputError, match="no claim on what Setting"):
        verify(find("pennington2018.thm1"), Setting())
    with pytest.raises(InputError, match="no claim on what LayerSetting"):
        verify(find("karakida2020.thm3.1"), SETTING)


def test_the_full_size_is_the_default():
    assert min(LayerSetting().n_networks) >= 40
    assert max(LayerSetting.quick().widths) < max(LayerSetting().widths)
    assert sum(Setting.quick().n_networks) < sum(Setting().n_networks)
    assert Setting.quick().alphas == Setting().unequal  # one shape instead of two
    assert "widths n = 32, 64, 128" in str(SETTING)
