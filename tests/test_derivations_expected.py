"""The derivation of averaged relative metrics breaks when one of its moves, or what it lands on, is wrong."""

import functools

import pytest
import sympy as sp


@pytest.fixture
def script(load):
    return load("expected_relative")


def test_a_wrong_moment_breaks(script, load, monkeypatch):
    right = script.moment
    monkeypatch.setattr(script, "moment", lambda nu, k, *rest: right(nu, k, *rest) * (1 + sp.Rational(k, 10**12)))
    for move in (script.two_eigenvalues, script.stein, script.bias_block):
        with pytest.raises(load("_steps").Broken):
            move(load("_steps").Account(""))


def test_inputs_of_another_variance_break(script, load, monkeypatch):
    right = script.input_mean
    monkeypatch.setattr(script, "input_mean", lambda e, *rest: right(e, *rest).subs(script.s, 2 * script.s))
    for move in (script.two_eigenvalues, script.batch):
        with pytest.raises(load("_steps").Broken):
            move(load("_steps").Account(""))


def test_a_second_moment_without_its_pairs_breaks(script, load, monkeypatch):
    right = script._second_moments
    monkeypatch.setattr(script, "_second_moments", lambda formula: right(formula.subs(script.m2, script.m0)))
    with pytest.raises(load("_steps").Broken):
        script.batch(load("_steps").Account(""))


def test_a_law_with_another_second_moment_breaks(script, load):
    with pytest.raises(load("_steps").Broken):
        script.law(load("_steps").Account(""), script.s**2 * (script.m0**2 + 2 * script.d / script.n * script.k0))


@pytest.mark.parametrize("name", ["perpendicular", "parallel", "curvature", "second_moment", "saturation"])
def test_wrong_landings_break(name, script, load, monkeypatch):
    from fimtheory.theory.expected_batches import BatchMetric
    from fimtheory.theory.expected_relative import ExpectedMetric

    owner = BatchMetric if name == "second_moment" else ExpectedMetric
    right, steps = owner.__dict__[name], load("_steps")
    results = moves(script)
    if name == "saturation":
        monkeypatch.setattr(owner, name, lambda self, digits=16: tuple(1.03 * e for e in right(self, digits)))
    else:
        function = right.func if hasattr(right, "func") else right.fget
        monkeypatch.setattr(owner, name, property(lambda self: function(self) * sp.Rational(103, 100)))
    with pytest.raises(steps.Broken):
        script.land(steps.Account(""), *results)


@functools.cache
def moves(script):
    """What the derivation arrives at."""
    account = script.Account("")
    pair, block = script.two_eigenvalues(account), script.bias_block(account)
    return pair, block, script.batch(account), script.saturation(account)
