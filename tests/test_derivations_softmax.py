"""The derivations on softmax outputs break when one of their moves, or what they land on, is wrong."""

import dataclasses

import pytest
import sympy as sp

THREE_PER_CENT = sp.Rational(103, 100)


def scaled(f):
    """The same function, 3 % off."""
    return lambda *a: f(*a) * THREE_PER_CENT


def diagonal(weight):
    """Q without the part that makes it singular."""
    return lambda g: sp.diag(*g)


def with_factor(k, factor):
    """One of the coefficients times a factor."""
    return lambda f: lambda g: (found := f(g)) | {k: found[k] * factor}


# script, what is replaced in it, by what, and the step that has to notice
MOVES = [
    ("karakida2020_softmax", "weight", diagonal, "information"),
    ("karakida2020_softmax", "weight", diagonal, "half"),
    ("karakida2020_softmax", "_entry", scaled, "dual"),
    ("karakida2020_softmax", "coefficients", with_factor(1, 2), "statistics"),
    ("karakida2020_softmax", "coefficients", with_factor(2, THREE_PER_CENT), "statistics"),
    ("karakida2020_softmax", "coefficients", with_factor(3, THREE_PER_CENT), "statistics"),
    ("karakida2020_softmax", "mean", scaled, "bounds"),
    ("softmax_outliers", "factor", scaled, "equation"),
    ("softmax_outliers", "secular", scaled, "equation"),
    ("softmax_outliers", "weights", lambda f: lambda: [W + sp.eye(3) / 100 for W in f()], "number"),
    ("softmax_outliers", "secular", lambda f: lambda: 2 * f(), "number"),
    ("softmax_outliers", "weights", lambda f: lambda: [W + sp.eye(3) / 100 for W in f()], "bounds"),
]


@pytest.mark.parametrize(("script", "name", "wrong", "step"), MOVES, ids=lambda x: x if isinstance(x, str) else "")
def test_a_wrong_move_breaks(script, name, wrong, step, load, monkeypatch):
    steps, module = load("_steps"), load(script)
    monkeypatch.setattr(module, name, wrong(getattr(module, name)))
    with pytest.raises(steps.Broken):
        getattr(module, step)(steps.Account(""))


def test_a_wrong_theorem_is_not_landed_on(load, monkeypatch):
    from fimtheory.theory import softmax_fisher as theory

    right = theory.softmax_fisher()
    monkeypatch.setattr(
        theory, "softmax_fisher", lambda: dataclasses.replace(right, k1=theory.C * right.k1)
    )  # the printed factor C
    steps, module = load("_steps"), load("karakida2020_softmax")
    account = steps.Account("")
    found = module.statistics(account) | module.bounds(account)
    with pytest.raises(steps.Broken):
        module.land(account, found)


@pytest.mark.parametrize("name", ["values", "lower"])
def test_a_wrong_outlier_is_not_landed_on(name, load, monkeypatch):
    from fimtheory.theory.softmax_outliers import SoftmaxOutliers

    right = getattr(SoftmaxOutliers, name).func
    monkeypatch.setattr(SoftmaxOutliers, name, property(lambda self: right(self) + 1e-13))
    steps, module = load("_steps"), load("softmax_outliers")
    with pytest.raises(steps.Broken):
        module.land(steps.Account(""))
