"""The derivation of metrics of neurons breaks when one of its moves, or what it lands on, is wrong."""

import importlib

import pytest
import sympy as sp

SCRIPT = "relative_neurons"


def scaled(f):
    """The same function, 3 % off."""
    return lambda *a: f(*a) * sp.Rational(103, 100)


# what is replaced, by what, and the step that has to notice
MOVES = [
    ("named", scaled, "two_outcomes"),
    ("named", lambda f: lambda e: f(e).subs(sp.Symbol("s", real=True), 1), "two_outcomes"),  # f' dropped
    ("slope_of", scaled, "hyperbolic_and_logistic"),
    ("gaussian_mean", scaled, "gaussian_output"),
    ("gaussian_mean", lambda f: lambda e: e.subs(sp.Symbol("y", real=True), 0), "gaussian_output"),
]


@pytest.mark.parametrize(("name", "wrong", "step"), MOVES)
def test_a_wrong_move_breaks(name, wrong, step, load, monkeypatch):
    steps, module = load("_steps"), load(SCRIPT)
    monkeypatch.setattr(module, name, wrong(getattr(module, name)))
    with pytest.raises(steps.Broken):
        getattr(module, step)(steps.Account(""))


@pytest.mark.parametrize("name", ["nu", "general", "score_pieces"])
def test_a_wrong_theory_is_not_landed_on(name, load, monkeypatch):
    steps, module = load("_steps"), load(SCRIPT)
    neuron = importlib.import_module("fimtheory.theory.relative_fisher").Neuron
    right = getattr(neuron, name).func
    if name == "score_pieces":
        wrong = property(lambda self: right(self).map(lambda e: e * sp.Rational(103, 100)))
    else:
        wrong = property(lambda self: right(self) * sp.Rational(103, 100))
    monkeypatch.setattr(neuron, name, wrong)
    with pytest.raises(steps.Broken):
        module.main()
