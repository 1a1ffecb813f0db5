"""Verdicts on three regimes: right statements hold, wrong ones are contradicted; what the figure shows.

Fixed beforehand: 60 to 30 layers know moments of the bulk to one per cent, twice as many the first correction of the
outlier to three.
"""

import functools

import numpy as np
import pytest
import sympy as sp

from fimtheory.catalogue import find
from fimtheory.claims import Identity, Verdict
from fimtheory.theory.three_regimes import ThreeRegimes
from fimtheory.verification.checks import confront
from fimtheory.verification.three_regimes import RegimeSetting, picture

RESOLUTION = 0.1
CASES = [("bulk", "relu"), ("bulk", "tanh"), ("outlier", "gelu"), ("centred", "sin(x)/3+cos(x)-exp(-1/2)")]


@functools.cache
def ladder_of(id, name):
    """The prediction, and the ladder on which it is measured."""
    numbers = (120, 100, 80, 60) if id == "outlier" else (60, 50, 40, 30)
    setting = RegimeSetting(name, ("3/2",), widths=(99, 144, 198, 264), n_networks=numbers, seed=3)
    said = find(f"fimtheory.regimes.{id}").predict(setting.regimes, sp.Rational(3, 2), setting.samples)
    predicted = {key: value for key, value in said.items() if not isinstance(value, Identity)}
    return setting.regimes, predicted, setting.simulate(predicted)


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_supported(case):
    _, predicted, ladder = ladder_of(*case)
    assert {check.verdict for check in confront(predicted, ladder, RESOLUTION)} == {Verdict.SUPPORTED}


@pytest.mark.parametrize("factor", ["1.05", "0.95"])
@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_five_per_cent_are_contradicted(case, factor):
    _, predicted, ladder = ladder_of(*case)
    wrong = {name: sp.expand(value * sp.Float(factor)) for name, value in predicted.items()}
    assert any(check.verdict is Verdict.CONTRADICTED for check in confront(wrong, ladder, RESOLUTION))


def only(name, value, ladder):
    return confront({name: value}, ladder, RESOLUTION)[0].verdict


def test_a_dropped_square_is_contradicted():
    """b_1 instead of b_1^2 times the Marchenko-Pastur law."""
    regimes, _, ladder = ladder_of("bulk", "relu")
    wrong = regimes.bulk(1.5).ridge + 0.5
    assert only("regimes.bulk.moment[1]", sp.Float(wrong), ladder) is Verdict.CONTRADICTED


def test_a_bulk_without_its_ridge_is_contradicted():
    regimes, predicted, ladder = ladder_of("bulk", "relu")
    name = next(name for name in predicted if "stieltjes" in name)
    wrong = regimes.bulk(1.5).law.stieltjes(float(name.partition("[")[2][:-1])).real
    assert only(name, sp.Float(wrong), ladder) is Verdict.CONTRADICTED


def test_an_outlier_without_its_dimension_is_contradicted():
    """gamma s_0 left out of the correction."""
    regimes, predicted, ladder = ladder_of("outlier", "gelu")
    missing = float(regimes.correction(0)) * 1.5
    wrong = predicted["regimes.top"] - missing / sp.Symbol("M", positive=True)
    assert only("regimes.top", wrong, ladder) is Verdict.CONTRADICTED


def test_overlaps_that_do_not_matter_are_contradicted():
    _, predicted, ladder = ladder_of("outlier", "gelu")
    assert only("regimes.overlap[0.5]", predicted["regimes.overlap[0.0]"], ladder) is Verdict.CONTRADICTED


def test_a_spike_on_the_ridge_alone_is_contradicted():
    """ridge + gamma b_2^2, without what the bulk adds."""
    regimes, _, ladder = ladder_of("centred", "sin(x)/3+cos(x)-exp(-1/2)")
    wrong = regimes.bulk(1.5).ridge + 1.5 * float(regimes.values[2])
    assert only("regimes.pair", sp.Float(wrong), ladder) is Verdict.CONTRADICTED


def test_the_picture_is_of_one_layer():
    """Theory beside simulation in each panel, within what finite widths allow: groups m^(-1/2), outliers 5 errors."""
    found = picture(ThreeRegimes("relu", 5), quick=True)
    groups = found.groups
    assert [count for _, _, count in groups.steps] == [1, 4, 9, 25, 49]
    expected = np.array([value for _, value, _ in groups.steps[:3]])
    assert np.abs(np.array(groups.means()[:3]) / expected - 1).max() < 5 / groups.width**0.5
    bulk = found.bulk
    assert (bulk.heights * np.diff(bulk.edges)).sum() == pytest.approx(1, abs=1e-3)
    low, high = bulk.law.edges
    middle = (bulk.edges[1:] + bulk.edges[:-1]) / 2
    outside = (middle < 0.8 * low) | (middle > 1.05 * high)
    assert bulk.heights[outside].sum() < 0.02 * bulk.heights.sum()
    overlaps = found.overlaps
    theory = np.interp(overlaps.measured_at, overlaps.overlaps, overlaps.parts.sum(axis=0))
    assert np.abs((overlaps.means - theory) / overlaps.standard_errors).max() < 5
