"""The derivations of the single-layer spectrum break when one of their moves, or what they land on, is wrong."""

import dataclasses
import importlib

import pytest
import sympy as sp
from mpmath import mp

THREE_PER_CENT = sp.Rational(103, 100)


def scaled(f):
    """The same function, 3 % off."""
    return lambda *a, **k: f(*a, **k) * THREE_PER_CENT


def uncoupled(two_modes):
    """M without the block that couples the layers."""
    return lambda *a, **k: sp.diag(*two_modes(*a, **k).diagonal())


def misplaced(kronecker_form):
    """H with W1' where W1 belongs."""
    return lambda first, *rest: kronecker_form(first.T if first.is_square else first, *rest)


def of_modulus(legendre):
    """K and E read as functions of the modulus."""

    def wrong(at):
        inner, outer = at / 2, 4 - at / 2
        return outer * mp.ellipe(inner / outer) / (4 * mp.pi**2) if inner < outer else legendre(at)

    return wrong


def carlson(integrals):
    """R_J with a factor 3 % off."""
    return lambda *a: [x * factor for x, factor in zip(integrals(*a), (1, mp.mpf("1.03"), 1), strict=True)]


# script, what is replaced in it, by what, and the step that has to notice
MOVES = [
    ("moments", "shifted_powers", lambda f: lambda i, r: f(i + 1, r), "expansion"),
    ("moments", "closed_form", scaled, "moments"),
    ("moments", "closed_form", scaled, "linear_network"),
    ("moments", "two_modes", uncoupled, "logarithm"),
    ("moments", "two_modes", uncoupled, "moments"),
    ("moments", "printed_integrand", scaled, "moments"),
    ("moments", "mean", scaled, "moments"),
    ("theorem1", "hermite", lambda f: lambda k: f(k) + int(k == 0), "mehler"),
    ("theorem1", "hermite", lambda f: lambda k: f(k) * (THREE_PER_CENT if k == 3 else 1), "stein"),
    (
        "theorem1",
        "TWO_UNITS",
        lambda t: {norm: mean * THREE_PER_CENT for norm, mean in t.items()},
        "kronecker_structure",
    ),
    ("theorem1", "kronecker_form", misplaced, "singular_values"),
    ("theorem1", "two_modes", uncoupled, "singular_values"),
    ("theorem1", "by_multiplicity", lambda f: lambda S, T: f(T.T, S.T), "singular_values"),
    ("theorem1", "printed_integrand", scaled, "printed_integral"),
    ("theorem1", "two_modes", uncoupled, "printed_integral"),
    ("density", "LINE", lambda e: -e, "counting"),
    ("density", "SLOPE", lambda e: e * THREE_PER_CENT, "density"),
    ("density", "marchenko_pastur", scaled, "density"),
    ("density", "RADICAND", lambda e: e * THREE_PER_CENT, "quartic"),
    ("linear", "legendre", of_modulus, "one_integral"),
    ("linear", "marchenko_pastur", scaled, "one_integral"),
    ("linear", "ENDS", lambda ends: {k: v * THREE_PER_CENT for k, v in ends.items()}, "landen"),
    ("special_points", "PRINTED", lambda t: t | {"z3": t["z3"] * THREE_PER_CENT}, "locations"),
    ("special_points", "two_modes", uncoupled, "support"),
    ("special_points", "gaussian_mean", scaled, "order"),
    ("special_points", "two_modes", uncoupled, "no_atoms"),
    ("singularities", "p", lambda e: e * THREE_PER_CENT, "near_the_corners"),
    ("singularities", "at_z1", lambda e: e * THREE_PER_CENT, "first_peak"),
    ("singularities", "at_z4", lambda t: t | {(1, -1): t[1, 1]}, "second_peak"),
    ("singularities", "log_slope", lambda e: e * THREE_PER_CENT, "infinite_slopes"),
    ("singularities", "closed_form", lambda f: lambda *a: scaled(f(*a)), "linear_edge"),
    ("singularities", "corner", lambda e: e * THREE_PER_CENT, "last_corner"),
    ("singularities", "legendre", scaled, "linear_layer"),
    ("one_step", "gaussian_mean", scaled, "noise_means"),
    ("one_step", "dphi", lambda dphi: sp.sin, "quadratic_model"),
    ("one_step", "dphi", lambda dphi: sp.sin, "many_samples"),
    ("one_step", "MOMENTS", lambda t: {k: v * THREE_PER_CENT for k, v in t.items()}, "the_gain"),
]


@pytest.mark.parametrize(("script", "name", "wrong", "step"), MOVES, ids=lambda x: x if isinstance(x, str) else "")
def test_a_wrong_move_breaks(script, name, wrong, step, load, monkeypatch):
    steps, module = load("_steps"), load(f"pennington2018_{script}")
    original = getattr(module, name)
    monkeypatch.setattr(module, name, wrong(original))
    with pytest.raises(steps.Broken):
        getattr(module, step)(steps.Account(""))


def test_a_wrong_elliptic_integral_breaks_the_density(load, monkeypatch):
    steps, module = load("_steps"), load("pennington2018_density")
    relations = module.relations(steps.Account(""))
    monkeypatch.setattr(module, "integrals", carlson(module.integrals))
    with pytest.raises(steps.Broken):
        module.elliptic(steps.Account(""), *relations)


def slope_term_off(singularities):
    """z_5 with a constant 3 % off."""

    def wrong(*case):
        return tuple(
            dataclasses.replace(point, right=dataclasses.replace(point.right, constant=point.right.constant * 1.03))
            if "z5" in point.names
            else point
            for point in singularities(*case)
        )

    return wrong


def middle_off(special_points):
    """z_3 and z_6 moved."""
    return lambda: {name: z * (THREE_PER_CENT if name in ("z3", "z6") else 1) for name, z in special_points().items()}


# module of the theory, function, what is made of it, script, and what the landing is handed by the derivation
LANDINGS = [
    ("single_layer", "spectral_moment", scaled, "moments"),
    ("single_layer", "conditioning", scaled, "moments"),
    ("single_layer", "theorem_matrix", scaled, "theorem1"),
    ("single_layer", "printed_integrand", scaled, "theorem1"),
    ("single_layer", "special_points", middle_off, "special_points"),
    ("single_layer_singularities", "singularities", slope_term_off, "singularities"),
    ("linear_layer", "linear_density", scaled, "linear"),
    ("one_step", "gain", scaled, "one_step"),
    ("one_step", "limiting_gain", scaled, "one_step"),
]


@pytest.mark.parametrize(("theory", "name", "wrong", "script"), LANDINGS, ids=lambda x: x if isinstance(x, str) else "")
def test_a_wrong_theory_is_not_landed_on(theory, name, wrong, script, load, monkeypatch):
    steps, module = load("_steps"), load(f"pennington2018_{script}")
    account = steps.Account("")
    derived = {
        "linear": lambda: [module.landen(account)],
        "one_step": lambda: module.the_gain(account),
    }.get(script, list)()
    module.land(account, *derived)
    target = importlib.import_module(f"fimtheory.theory.{theory}")
    monkeypatch.setattr(target, name, wrong(getattr(target, name)))
    with pytest.raises(steps.Broken):
        module.land(account, *derived)


def test_a_wrong_density_is_not_landed_on(load, monkeypatch):
    from fimtheory.spectra import TwoModeLaw

    steps, module = load("_steps"), load("pennington2018_density")
    account = steps.Account("")
    relations = module.relations(account)
    right = TwoModeLaw.density_digits
    monkeypatch.setattr(TwoModeLaw, "density_digits", lambda *a: right(*a) * mp.mpf("1.000001"))
    with pytest.raises(steps.Broken):
        module.land(account, *relations)
