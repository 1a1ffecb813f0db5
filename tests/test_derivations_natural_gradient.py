"""The derivation of natural gradient descent breaks when one of its moves, or what it lands on, is wrong."""

import importlib

import pytest
import sympy as sp

SCRIPT = "natural_gradient"
THREE_PER_CENT = sp.Rational(103, 100)


def scaled(f):
    """The same function, 3 % off."""
    return lambda *a: f(*a) * THREE_PER_CENT


def later(f):
    """One epoch more."""
    return lambda epochs, *a: f(epochs + 1, *a)


def transposed(f):
    """The Jacobian on the wrong side."""
    return lambda metric, J: f(metric, J.T)


def absolute(f):
    """Damping that does not know the scale of the metric."""
    return lambda metric: metric + sp.Symbol("epsilon", positive=True) * sp.eye(metric.shape[0])


def printed(f):
    """The slope at the point itself, as in the text."""

    def wrong(potential, module=f.__globals__):
        there = potential.subs(module["OTHER"], simultaneous=True)
        slopes = sp.Matrix([sp.diff(potential, e) for e in module["Theta"]])
        return potential - there - (module["Theta"] - module["Other"]).dot(slopes)

    return wrong


def undamped(f):
    """Plain curvature."""
    return lambda value, values: value


# what is replaced, by what, and the step that has to notice
MOVES = [
    ("natural", scaled, "step"),
    ("pulled_back", transposed, "coordinates"),
    ("second_order", scaled, "coordinates"),
    ("sigmoid", scaled, "neuron"),
    ("damped", absolute, "neuron"),
    ("left_after", later, "near_a_minimum"),
    ("conditioned", undamped, "near_a_minimum"),
    ("conditioned", scaled, "near_a_minimum"),
    ("multipliers", scaled, "separable"),
    ("share", scaled, "separable"),
    ("growth", lambda f: lambda momentum, n: f(momentum, n + 1), "separable"),
    ("natural_flow", scaled, "separable"),
    ("passed", scaled, "separable"),
    ("divergence", printed, "mirror"),
    ("divergence", scaled, "mirror"),
]


@pytest.mark.parametrize(("name", "wrong", "step"), MOVES, ids=lambda x: x if isinstance(x, str) else "")
def test_a_wrong_move_breaks(name, wrong, step, load, monkeypatch):
    steps, module = load("_steps"), load(SCRIPT)
    monkeypatch.setattr(module, name, wrong(getattr(module, name)))
    with pytest.raises(steps.Broken):
        getattr(module, step)(steps.Account(""))


@pytest.mark.parametrize("name", ["natural_gradient", "preconditioned", "amplitudes", "separable_rate", "flow_error"])
def test_a_wrong_theory_is_not_landed_on(name, load, monkeypatch):
    steps, module = load("_steps"), load(SCRIPT)
    theory = importlib.import_module("fimtheory.theory.natural_gradient")
    right = getattr(theory, name)
    monkeypatch.setattr(theory, name, lambda *a, **k: 1.03 * right(*a, **k))
    with pytest.raises(steps.Broken):
        module.land(steps.Account(""))
