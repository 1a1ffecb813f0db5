"""The derivation of metrics of layers breaks when one of its moves, or what it lands on, is wrong."""

import importlib

import pytest
import sympy as sp

THREE_PER_CENT = sp.Rational(103, 100)


def scaled(f):
    """The same function, 3 % off."""
    return lambda *a: f(*a) * THREE_PER_CENT


def diagonal(covariance):
    """S without the part that makes it singular."""
    return lambda p: sp.diag(*p)


def informations(block):
    """nu_f of a Gaussian response in the place of f', as printed in eq. 26."""
    return lambda S, slopes: block(S, [s**2 for s in slopes])


def one_less(f):
    return lambda *a: f(*a) - 1


# what is replaced, by what, and the step that has to notice
MOVES = [
    ("covariance", diagonal, "response"),
    ("covariance", scaled, "chain_rule"),
    ("block", informations, "two_layers"),
    ("block", scaled, "two_layers"),
    ("slope_at", scaled, "two_layers"),
    ("covariance", diagonal, "null_directions"),
    ("_softmax_rank", one_less, "null_directions"),
    ("layer_rank", one_less, "ranks"),
    ("inputs", lambda f: lambda n, D: sp.ones(n, D), "ranks"),
    ("slope_at", scaled, "rescaling"),
]


@pytest.mark.parametrize(("name", "wrong", "step"), MOVES, ids=lambda x: x if isinstance(x, str) else "")
def test_a_wrong_move_breaks(name, wrong, step, load, monkeypatch):
    steps, module = load("_steps"), load("relative_layers")
    monkeypatch.setattr(module, name, wrong(getattr(module, name)))
    with pytest.raises(steps.Broken):
        getattr(module, step)(steps.Account(""))


def test_the_printed_constant_breaks(load, monkeypatch):
    """ln 2 pi once, whatever the number of outputs."""
    steps, module = load("_steps"), load("relative_layers")
    account, identical = steps.Account(""), module.identical

    def printed(left, right, where=""):
        return identical([e * (2 * sp.pi) ** (sp.Rational(k) / 2) for k, e in enumerate(left)], right, where)

    monkeypatch.setattr(module, "identical", printed)
    with pytest.raises(steps.Broken):
        module.density(account)


@pytest.mark.parametrize(
    ("place", "name", "wrong"),
    [
        ("relative_layers", "output_metric", lambda f: lambda *a: f(*a) + 1e-13),
        ("relative_layers", "two_layers", lambda f: lambda r, phi, W, C, X: f(r, phi, W, 2 * C, X)),
        ("relative_ranks", "softmax_null_space", lambda f: lambda X, m: f(X, m)[:, 1:]),
        ("relative_ranks", "scaling_directions", scaled),
        ("relative_ranks", "one_layer_rank_bound", lambda f: lambda n, D, m: n * m),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_wrong_package_is_not_landed_on(place, name, wrong, load, monkeypatch):
    theory = importlib.import_module(f"fimtheory.theory.{place}")
    steps, module = load("_steps"), load("relative_layers")
    account = steps.Account("")
    constants, counted = module.density(account), module.ranks(account)
    monkeypatch.setattr(theory, name, wrong(getattr(theory, name)))
    with pytest.raises(steps.Broken):
        module.land(account, constants, counted)
