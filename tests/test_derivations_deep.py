"""The derivation of the order parameters breaks when one of its moves, or what it lands on, is wrong."""

import pytest
import sympy as sp

from fimtheory.theory import order_parameters

THREE_PER_CENT = sp.Rational(103, 100)


def scaled(f):
    """The same function, 3 % off."""
    return lambda *a, **k: f(*a, **k) * THREE_PER_CENT


def undifferentiated(f):
    """E phi(u) phi(v) where the derivatives belong."""
    return lambda u, v, order=0: f(u, v)


# what is replaced in the script, by what, and the step that has to notice
MOVES = [
    ("gaussian_mean", scaled, "pre_activations"),
    ("gaussian_mean", scaled, "backward"),
    ("_squared_mean", scaled, "the_integral"),
    ("_mean", scaled, "the_integral"),
    ("_mean", undifferentiated, "the_integral"),
]


@pytest.mark.parametrize(("name", "wrong", "step"), MOVES)
def test_a_wrong_move_breaks(name, wrong, step, load, monkeypatch):
    steps, script = load("_steps"), load("order_parameters")
    getattr(script, step)(steps.Account(""))
    monkeypatch.setattr(script, name, wrong(getattr(script, name)))
    with pytest.raises(steps.Broken):
        getattr(script, step)(steps.Account(""))


def lower_weights(recursion):
    """The backward recursion with sigma_w^2 of the layer itself, not of the one above."""
    return lambda names, weights, *rest: [
        *recursion(names, weights, *rest)[:2],
        *recursion(names, [weights[-1], *weights[:-1]], *rest)[2:],
    ]


def as_in_the_paper(recursion):
    """The paper's inputs, norm 1 and overlap 0, whatever the network's are."""
    return lambda names, weights, biases, norm, overlap: recursion(names, weights, biases, norm / 2, overlap * 0)


@pytest.mark.parametrize("wrong", [lower_weights, as_in_the_paper])
def test_a_wrong_recursion_does_not_land(wrong, load, monkeypatch):
    steps, script = load("_steps"), load("order_parameters")
    monkeypatch.setattr(script, "recursion", wrong(script.recursion))
    with pytest.raises(steps.Broken):
        script.land(steps.Account(""))


def test_a_wrong_theory_is_not_landed_on(load, monkeypatch):
    """A factor 1.03 in the slopes of the package."""
    steps, script = load("_steps"), load("order_parameters")
    right = order_parameters._Run.columns

    def wrong(run):
        *forward, first, second = right(run)
        return *forward, first, {l: value * (1 if l == run_depth(run) else 1.03) for l, value in second.items()}

    monkeypatch.setattr(order_parameters._Run, "columns", wrong)
    with pytest.raises(steps.Broken):
        script.land(steps.Account(""))


def run_depth(run):
    return len(run.layers)
