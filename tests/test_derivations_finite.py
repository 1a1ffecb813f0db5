"""The derivation on finite width breaks when one of its moves, or what it lands on, is wrong."""

import importlib

import pytest
import sympy as sp

THREE_PER_CENT = sp.Rational(103, 100)


def scaled(f):
    """The same function, 3 % off."""
    return lambda *a: f(*a) * THREE_PER_CENT


def without_cross_terms(f):
    """A quadratic form that keeps the diagonal of X alone."""
    return lambda rows, X: f(rows, sp.diag(*X.diagonal()))


def without_biases(terms):
    """The three terms of a network without the 1 of its first layer of biases."""

    def wrong(signs):
        first, *others = terms(signs)
        return [first * 4 // 5, *others]  # the input is 2: 2^2 + 1 becomes 2^2

    return wrong


# what is replaced in the script, by what, and the step that has to notice
MOVES = [
    ("own_overlap", lambda f: lambda l: f(l) - 1, "recursion"),
    ("own_overlap", lambda f: lambda l: f(l) - 1, "last_block"),
    ("quadratic_form", without_cross_terms, "splitting"),
    ("gaussian_mean", scaled, "splitting"),
    ("gaussian_mean", scaled, "covariance"),
    ("_in_order", lambda f: lambda p: f(p) and p != (0, 1, 0, 1), "covariance"),
    ("_shared_cosines", lambda f: lambda: (f()[0], scaled(f()[1])), "covariance"),
    ("one_network", without_biases, "exact_means"),
    ("VARIANCES", lambda v: (v[0], (v[1][0], sp.Integer(9)), v[2]), "exact_means"),  # a pre-activation is zero
]


@pytest.mark.parametrize(("name", "wrong", "step"), MOVES, ids=lambda x: x if isinstance(x, str) else "")
def test_a_wrong_move_breaks(name, wrong, step, load, monkeypatch):
    steps, module = load("_steps"), load("deep_finite_width")
    original = getattr(module, name)
    monkeypatch.setattr(module, name, wrong(original))
    with pytest.raises(steps.Broken):
        getattr(module, step)(steps.Account(""))


# module of the theory, function, and what is made of it
LANDINGS = [
    ("deep_finite_width", "cluster_variance", scaled),
    ("deep_exact_means", "gain", scaled),
]


@pytest.mark.parametrize(("theory", "name", "wrong"), LANDINGS)
def test_a_wrong_theory_is_not_landed_on(theory, name, wrong, load, monkeypatch):
    steps, module = load("_steps"), load("deep_finite_width")
    module.land(steps.Account(""))
    target = importlib.import_module(f"fimtheory.theory.{theory}")
    monkeypatch.setattr(target, name, wrong(getattr(target, name)))
    with pytest.raises(steps.Broken):
        module.land(steps.Account(""))
