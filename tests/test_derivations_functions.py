"""The derivation of function forms breaks when one of its moves, or what it lands on, is wrong."""

import pytest
import sympy as sp


def test_it_lands(load, capsys):
    account = load("function_forms").main()
    assert account.landings[0] == "ho2025.norm_form"
    assert len(account.landings) == 8
    assert r"\frac{5 + 4 d + d^{2}}{7 + 4 d + d^{2}}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["half_moment", "chi"])
def test_a_wrong_moment_breaks(name, load, monkeypatch):
    script = load("function_forms")
    right = getattr(script, name)
    monkeypatch.setattr(script, name, lambda j: right(j) * (1 + sp.Rational(j, 10**9)))
    with pytest.raises(load("_steps").Broken):
        script.main()


def test_a_wrong_average_over_the_sphere_breaks(load, monkeypatch):
    """As if coordinates of a unit vector were independent Gaussians of variance 1/d."""
    script = load("function_forms")

    def independent(e):
        terms = sp.Poly(e, script.w1, script.w2).terms()
        return sum(
            c * sp.factorial2(a - 1) * sp.factorial2(b - 1) / script.d ** ((a + b) // 2)
            for (a, b), c in terms
            if a % 2 == b % 2 == 0
        )

    monkeypatch.setattr(script, "on_sphere", independent)
    with pytest.raises(load("_steps").Broken):
        script.main()


def test_a_function_that_is_no_harmonic_breaks(load, monkeypatch):
    script = load("function_forms")
    monkeypatch.setitem(script.HARMONICS, "w_1^2", (2, script.w1**2))
    with pytest.raises(load("_steps").Broken):
        script.main()


@pytest.mark.parametrize("name", ["norm", "hadamard_square"])
def test_wrong_landings_break(name, load, monkeypatch):
    from fimtheory.theory import function_groups

    script, right = load("function_forms"), function_groups.groups

    def wrong(*arguments):
        found = right(*arguments)
        found[name].form = found[name].form * sp.Rational(103, 100)
        return found

    monkeypatch.setattr(function_groups, "groups", wrong)
    with pytest.raises(load("_steps").Broken):
        script.main()
