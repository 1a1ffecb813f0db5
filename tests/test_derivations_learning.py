"""The derivation of learning curves breaks when one of its moves, or what it lands on, is wrong."""

import importlib

import pytest
import sympy as sp

SCRIPT = "mode_learning"
THREE_PER_CENT = sp.Rational(103, 100)


def scaled(f):
    """The same function, 3 % off."""
    return lambda *a: f(*a) * THREE_PER_CENT


def faster(f):
    """One step more."""
    return lambda t, *a: f(t + 1, *a)


def without_lengths(f):
    """kappa = 1: the squares of the functions taken as constant."""
    return lambda a: [1, 1, 1]


def normalised(f):
    """The mean square of one harmonic for that of all."""
    return lambda: [[e / len(one) for e in one] for one in f()]


# what is replaced, by what, and the step that has to notice
MOVES = [
    ("loss", scaled, "function_space"),
    ("missing", faster, "curves"),
    ("missing", scaled, "curves"),
    ("_expected", scaled, "curves"),
    ("_gaussian_mean", lambda f: lambda e, symbols: sp.expand(e).subs(dict.fromkeys(symbols, 0)), "curves"),
    ("heavy_ball", faster, "momentum"),
    ("divided", scaled, "perturbation"),
    ("by_width", scaled, "finite_width"),
    ("by_inputs", scaled, "finite_width"),
    ("kappas", without_lengths, "finite_width"),
    ("_on_the_sphere", normalised, "finite_width"),
]


@pytest.mark.parametrize(("name", "wrong", "step"), MOVES, ids=lambda x: x if isinstance(x, str) else "")
def test_a_wrong_move_breaks(name, wrong, step, load, monkeypatch):
    steps, module = load("_steps"), load(SCRIPT)
    monkeypatch.setattr(module, name, wrong(getattr(module, name)))
    with pytest.raises(steps.Broken):
        getattr(module, step)(steps.Account(""))


@pytest.mark.parametrize("name", ["curve", "loss", "residual", "corrections"])
def test_a_wrong_theory_is_not_landed_on(name, load, monkeypatch):
    steps, module = load("_steps"), load(SCRIPT)
    learning = importlib.import_module("fimtheory.theory.mode_learning").ModeLearning
    right = getattr(learning, name)

    def wrong(self, *arguments):
        found = right(self, *arguments)
        return tuple(1.03 * e for e in found) if isinstance(found, tuple) else 1.03 * found

    monkeypatch.setattr(learning, name, wrong)
    with pytest.raises(steps.Broken):
        module.land(steps.Account(""))
