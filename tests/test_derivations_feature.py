"""The derivation of the feature metric breaks when one of its moves, or what it lands on, is wrong."""

import dataclasses
import importlib

import pytest
import sympy as sp

THREE_PER_CENT = sp.Rational(103, 100)


def scaled(f):
    """The same numbers, 3 % off."""
    return lambda *a: [e * THREE_PER_CENT for e in f(*a)]


def without_the_last(f):
    """A list without its last entry's second factor: the largest eigenvalue of one sample."""
    return lambda scale, k1, k2, count: [*f(scale, k1, k2, count)[:2], scale * k1]


@pytest.mark.parametrize(
    ("name", "change"),
    [("statistics", scaled), ("statistics", without_the_last), ("left_over", scaled)],
)
def test_a_wrong_move_breaks(load, monkeypatch, name, change):
    script = load("karakida2020_thm5_1")
    monkeypatch.setattr(script, name, change(getattr(script, name)))
    with pytest.raises(load("_steps").Broken):
        script.main()


@pytest.mark.parametrize(
    ("module", "name"),
    [("feature_metric", "feature_metric"), ("feature_metric", "feature_block"), ("deep_fisher", "fisher_centred"),
     ("tangent_kernel", "tangent_kernel_centred")],
)  # fmt: skip
def test_a_wrong_landing_breaks(load, monkeypatch, module, name):
    script, theory = load("karakida2020_thm5_1"), importlib.import_module(f"fimtheory.theory.{module}")
    right = getattr(theory, name)()
    wrong = dataclasses.replace(right, second_moment=right.second_moment * THREE_PER_CENT)
    monkeypatch.setattr(theory, name, lambda: wrong)
    with pytest.raises(load("_steps").Broken):
        script.main()
