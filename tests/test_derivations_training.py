"""The derivation on training breaks when one of its moves, or what it lands on, is wrong."""

import importlib

import pytest
import sympy as sp

SCRIPT = "kernel_training"
THREE_PER_CENT = sp.Rational(103, 100)


def scaled(f):
    """The same function, 3 % off."""
    return lambda *a: f(*a) * THREE_PER_CENT


def one_group(group_rates):
    """The rate of the mean for everything."""
    return lambda: (group_rates()[0],) * 2


def without_outer_product(weight):
    """Q without the part that makes it singular."""
    return lambda g: sp.diag(*g)


def unnormalised(probabilities):
    """Powers that are not divided by their sum."""
    return lambda f: f.applyfunc(sp.exp)


# what is replaced, by what, and the step that has to notice
MOVES = [
    ("chained", scaled, "velocity"),
    ("squared_loss", scaled, "velocity"),
    ("group_rates", one_group, "squared_dynamics"),
    ("curve", scaled, "squared_dynamics"),
    ("residual_after", lambda f: lambda t, *a: f(t + 1, *a), "squared_dynamics"),
    ("probabilities", unnormalised, "cross_entropy"),
    ("softmax_weight", without_outer_product, "cross_entropy"),
    ("softmax_weight", without_outer_product, "safe_rate"),
    ("probabilities", scaled, "safe_rate"),
]


@pytest.mark.parametrize(("name", "wrong", "step"), MOVES, ids=lambda x: x if isinstance(x, str) else "")
def test_a_wrong_move_breaks(name, wrong, step, load, monkeypatch):
    steps, module = load("_steps"), load(SCRIPT)
    monkeypatch.setattr(module, name, wrong(getattr(module, name)))
    given = [load("_network").Network((1, 2, 2))] if step == "velocity" else []
    with pytest.raises(steps.Broken):
        getattr(module, step)(steps.Account(""), *given)


@pytest.mark.parametrize("name", ["critical_rate", "mse_dynamics", "mse_curve", "safe_cross_entropy_rate"])
def test_a_wrong_theory_is_not_landed_on(name, load, monkeypatch):
    steps, module = load("_steps"), load(SCRIPT)
    module.land(steps.Account(""))
    target = importlib.import_module("fimtheory.theory.kernel_training")
    wrong = (
        scaled(getattr(target, name)) if "rate" in name else (lambda f: lambda *a: f(*a) * 1.03)(getattr(target, name))
    )
    monkeypatch.setattr(target, name, wrong)
    with pytest.raises(steps.Broken):
        module.land(steps.Account(""))
