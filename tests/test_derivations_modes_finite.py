"""The derivation on output weights at finite width breaks when one of its moves, or what it lands on, is wrong."""

import importlib

import pytest
import sympy as sp

THREE_PER_CENT = sp.Rational(103, 100)


def scaled(f):
    """The same function, 3 % off."""
    return lambda *a: f(*a) * THREE_PER_CENT


def without_pairs(f):
    """E g_a^2 g_b^2 taken for the product of E g_a^2 and E g_b^2."""
    return lambda *places: sp.S.One if len(places) == 4 else f(*places)


def uneven(design):
    """Functions that are not orthonormal."""
    return sp.diag(1, 1, THREE_PER_CENT) * design


def with_both(f):
    """First and second of a pair, the second 3 % off."""
    return lambda: (f()[0], f()[1] * THREE_PER_CENT)


def other_way(f):
    """The rotation in the other direction."""

    def wrong():
        L, E, X = f()
        return L, E, -X

    return wrong


def without_shared_unit(f):
    """Two units are never the same."""
    return lambda m, n, means: f(m, n, [means[0], means[0], *means[2:]])


# what is replaced in the script, by what, and the step that has to notice
MOVES = [
    ("mean_product", without_pairs, "coordinates"),
    ("mean_product", without_pairs, "perturbation"),
    ("DESIGN", uneven, "coordinates"),
    ("over_draws", scaled, "perturbation"),
    ("rotation", other_way, "perturbation"),
    ("eigenvalue_of_both", with_both, "inputs"),
    ("turned", with_both, "trace_and_turning"),
    ("second_moment", without_shared_unit, "exact"),
    ("second_moment", scaled, "exact"),
    ("KAPPA", lambda kappa: kappa * THREE_PER_CENT, "square_units"),
    ("gaussian_mean", scaled, "square_units"),
]


@pytest.mark.parametrize(("name", "wrong", "step"), MOVES, ids=lambda x: x if isinstance(x, str) else "")
def test_a_wrong_move_breaks(name, wrong, step, load, monkeypatch):
    steps, module = load("_steps"), load("mode_fluctuations")
    monkeypatch.setattr(module, name, wrong(getattr(module, name)))
    with pytest.raises(steps.Broken):
        getattr(module, step)(steps.Account(""))


def dropped(of_units):
    """Overlaps of modes that are taken for one."""
    return property(lambda self: {key: square * 0 + 1 for key, square in of_units.func(self).items()})


# module of the theory, class, member, and what is made of it
LANDINGS = [
    ("mode_fluctuations", "OutputFisher", "shift", scaled),
    ("mode_fluctuations", "OutputFisher", "spread", scaled),
    ("mode_fluctuations", "OutputFisher", "variance", scaled),
    ("mode_fluctuations", "OutputFisher", "turning", scaled),
    ("mode_fluctuations", "OutputFisher", "second_moment", scaled),
    ("mode_fluctuations", "_Side", "_squares", dropped),
    ("mode_equivalent", "ModeSpectrum", "moments", scaled),
]


@pytest.fixture(scope="module")
def expected():
    """What the derivation derives, once."""
    return {}


@pytest.mark.parametrize(("theory", "name", "member", "wrong"), LANDINGS, ids=lambda x: x if isinstance(x, str) else "")
def test_a_wrong_theory_is_not_landed_on(theory, name, member, wrong, load, monkeypatch, expected):
    steps, module = load("_steps"), load("mode_fluctuations")
    if not expected:
        account = steps.Account("")
        expected |= {"numbers": module.square_units(account), "moments": module.moments(account)}
        module.land(account, expected["numbers"], expected["moments"])
    target = getattr(importlib.import_module(f"fimtheory.theory.{theory}"), name)
    monkeypatch.setattr(target, member, wrong(vars(target)[member]))
    with pytest.raises(steps.Broken):
        module.land(steps.Account(""), expected["numbers"], expected["moments"])
