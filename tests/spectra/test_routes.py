"""The three routes to a density, against each other: elliptic integrals, the end rule, the arc rule."""

import numpy as np
import pytest
from mpmath import mp

from fimtheory.errors import NotConverged
from fimtheory.spectra import TwoModeLaw, arc_rule, elliptic, end_rule, inversion
from fimtheory.spectra.arithmetic import FLOATS, MULTIPRECISION
from fimtheory.spectra.inversion import invert
from fimtheory.spectra.pair import Pair

CONSTANTS = [(1.0, 0.25, 0.5), (3.0, 0.5, 0.5), (1.0, 0.0, 0.5), (0.0, 0.0, 1.0), (1.0, 0.999, 0.01)]
EPS = np.finfo(float).eps


def square(constants, kind=FLOATS):
    with mp.workdps(60):
        return Pair.of(*map(mp.mpf, constants), (mp.mpf(1), mp.mpf(1)), kind)


def levels_of(constants, count=300):
    pair, law = square(constants), TwoModeLaw(*constants)
    grid = np.concatenate([law.grid(count), *(np.array([z - 1e-6, z + 1e-6]) for z in law.edges)])
    level = pair.level(grid[grid > constants[1]])
    return pair, grid[grid > constants[1]][level.width > 0], level[level.width > 0]


@pytest.mark.parametrize("constants", CONSTANTS)
def test_the_closed_form_loses_what_it_says_and_no_more(constants):
    pair, _, level = levels_of(constants)
    closed, size = elliptic.density(pair, level)
    rule = end_rule.density(pair, level)
    assert np.all(np.abs(closed - rule) < 8 * EPS * size)
    assert np.mean(size < 1e3 * closed) > 0.8  # it is the ordinary route


def test_a_dropped_term_is_noticed():
    pair, _, level = levels_of(CONSTANTS[0])
    closed, size = elliptic.density(pair, level)
    assert np.mean(np.abs(1.03 * closed - end_rule.density(pair, level)) < 8 * EPS * size) < 0.05


@pytest.mark.parametrize("constants", CONSTANTS)
def test_the_end_rule_is_converged(constants, monkeypatch):
    pair, _, level = levels_of(constants)
    coarse = end_rule.density(pair, level), end_rule.share_below(pair, level)
    monkeypatch.setattr(end_rule, "_STEP", 0.3)
    monkeypatch.setattr(end_rule, "_REACH", 110.0)
    assert np.abs(coarse[0] / end_rule.density(pair, level) - 1).max() < 20 * EPS
    assert np.abs(coarse[1] - end_rule.share_below(pair, level)).max() < 20 * EPS


@pytest.mark.parametrize("constants", CONSTANTS)
def test_the_arc_rule_is_converged(constants, monkeypatch):
    pair, l, _ = levels_of(constants, 60)
    z = np.concatenate([l + 0j, l + 0.3j])
    coarse = arc_rule.stieltjes(pair, z)
    monkeypatch.setattr(arc_rule, "_STEP", 0.15)
    monkeypatch.setattr(arc_rule, "_REACH", 110.0)
    assert np.abs(coarse / arc_rule.stieltjes(pair, z) - 1).max() < 50 * EPS


def test_both_routes_in_multiprecision():
    with mp.workdps(60):
        pair = square(CONSTANTS[0], MULTIPRECISION)
        level = pair.level(np.array([mp.mpf("0.3"), mp.mpf(2), mp.mpf("4.6")], dtype=object))
        closed, _ = elliptic.density(pair, level)
        assert max(abs(closed / end_rule.density(pair, level, 45) - 1)) < mp.mpf(10) ** -45


def test_distances_between_branch_points_do_not_cancel():
    """1e-13 beside z_3 and z_6: the gaps between branch points, formed from stored special points, in 60 digits."""
    constants = CONSTANTS[0]
    exact, pair = square(constants, MULTIPRECISION), square(constants)
    for z in (TwoModeLaw(*constants).edges[i] for i in (1, 2, 4, 5)):
        l = z - 1e-13
        with mp.workdps(60):
            wanted = exact.level(np.array([mp.mpf(l)], dtype=object))
        found = pair.level(np.array([l]))
        for name in ("left_lead", "right_lead", "width"):
            assert getattr(found, name)[0] / float(getattr(wanted, name)[0]) - 1 == pytest.approx(0, abs=8 * EPS)


def test_complete_integrals_by_substitution():
    """a = r2 + D sin^2 t: int y^n da/sqrt|Q| = 2 int cos(t)^(2 n) dt / sqrt((e + D sin^2)(f + D cos^2)) over (0, pi/2)."""
    e, D, f = 0.3, 1.7, 0.02
    t = np.pi * (np.arange(400) + 0.5) / 800
    root = np.sqrt((e + D * np.sin(t) ** 2) * (f + D * np.cos(t) ** 2))
    integrals, _ = elliptic.complete_integrals(e, D, f, FLOATS)
    for n, integral in enumerate(integrals):
        assert integral == pytest.approx(2 * np.mean(np.cos(t) ** (2 * n) / root) * np.pi / 2, rel=1e-13)


def test_inversion_of_functions_that_are_flat_or_steep_at_the_ends():
    p = np.array([1e-12, 0.3, 1 - 1e-9])
    for power in (1 / 3, 1, 7):
        x = invert(lambda x, i, n=power: (x**n - p[i], n * x ** (n - 1)), np.zeros(3), np.ones(3))
        assert np.abs(x**power / p - 1).max() < 1e-14


def test_inversion_refuses_what_has_no_zero(monkeypatch):
    monkeypatch.setattr(inversion, "_MOST_STEPS", 20)
    with pytest.raises(NotConverged, match="1 of 2 inversions"):
        invert(lambda x, which: (x - which, np.full(x.shape, which)), np.zeros(2), np.array([1.0, 2.0]))
