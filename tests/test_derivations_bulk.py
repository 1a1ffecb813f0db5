"""The derivation of kernel spectra breaks when one of its moves, or what it lands on, is wrong."""

import dataclasses

import pytest
import sympy as sp


@pytest.fixture
def script(load):
    return load("kernel_spectra")


@pytest.fixture
def steps(load):
    return load("_steps")


def without_overlap(diagonal):
    """The diagonal as in a centred network."""
    return lambda g1, g2, q1, q2: diagonal(g1, g2, q1, 0)


MOVES = [
    ("diagonal", without_overlap, "entries"),
    ("determinant", lambda f: lambda e1, e2, f1, f2, f3, f4: f(e1, e2, f1, f2, f3, 0), "one_unit"),
    ("potential", lambda f: lambda *a: f(*a) * sp.Rational(103, 100), "stationary"),
    ("fuss_catalan", lambda f: lambda n: [m + 1 for m in f(n)], "product_of_two"),
    ("gaussian_mean", lambda f: lambda e, v: f(e, v) + 1, "units"),
]


@pytest.mark.parametrize(("name", "spoil", "step"), MOVES, ids=[f"{name}-{step}" for name, _, step in MOVES])
def test_wrong_moves_break(script, steps, monkeypatch, name, spoil, step):
    monkeypatch.setattr(script, name, spoil(getattr(script, name)))
    with pytest.raises(steps.Broken):
        getattr(script, step)(steps.Account(""))


def test_a_wrong_law_is_not_landed_on(script, steps, monkeypatch):
    from fimtheory.theory.kernel_spectra import DeepKernels

    whole = DeepKernels._backward

    def wrong(*arguments):
        law = whole(*arguments)
        return dataclasses.replace(law, shift=1.03 * law.shift)

    monkeypatch.setattr(DeepKernels, "_backward", wrong)
    moments = script.fuss_catalan(script.ORDERS)
    with pytest.raises(steps.Broken):
        script.land(steps.Account(""), moments)
