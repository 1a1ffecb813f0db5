"""Optimal activations against other routes: brute force over modes, hand formulas in mpmath, dense scans, identities."""

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.theory.optimal_activations import (
    OBJECTIVES,
    best_in_span,
    best_odd,
    find_objective,
    minimise_family,
    objective_value,
    optimal,
)
from tests.oracles import close, gauss

GENERATOR = np.random.Generator(np.random.Philox(np.random.SeedSequence(20181)))


def printed(name, s, p):
    """Eqs. 23, 24 and 27 of Pennington and Worah at eta = 1, eta' = s, zeta = p, written out again for arrays."""
    mean, top = (1 + s) / 2, (1 + s + 6 * p + np.sqrt((s - 1) ** 2 + 64 * p**2)) / 2
    if name == "conditioning":
        return ((1 + s**2) / 2 + 2 * p**2) / mean**2
    if name == "gap":
        return (s - p - 1 - 3 * p) / mean
    return top / {"lambda_max_over_mean": mean, "bulk_condition": 1 - p}[name]


def random_modes(count, modes=12):
    """eta' and zeta of random square-integrable functions: sparse and dense mixtures of Hermite modes 1 .. modes."""
    weights = GENERATOR.dirichlet(np.full(modes, 0.15), size=count)
    return weights @ np.arange(1, modes + 1), weights[:, 0]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_mixture_of_modes_beats_the_bound(name):
    goal, (s, p) = OBJECTIVES[name], random_modes(200_000)
    values = goal.sign * printed(name, s, np.minimum(p, 1 - 1e-12))
    best = goal.sign * float(goal.bound)
    assert values.min() >= best - 1e-12
    if goal.best is not None:
        assert values.min() < 1.03 * best  # a bound off by 3 % would be refuted


@pytest.mark.parametrize("name", [name for name, goal in OBJECTIVES.items() if goal.best])
def test_the_bound_is_attained_where_said(name):
    goal = OBJECTIVES[name]
    assert sp.simplify(objective_value(ft.activation(goal.best), name) - goal.bound) == 0


def test_the_gap_has_a_supremum_only():
    x = ft.activation("linear").variable
    values = [objective_value(ft.activation(sp.hermite_prob(k, x)), "gap") for k in (2, 5, 11)]
    assert values == [2 * sp.Rational(k - 1, k + 1) for k in (2, 5, 11)]
    assert OBJECTIVES["gap"].best is None


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_are_those_of_the_paper_and_scale_invariant(name):
    constants = (sp.Rational(3, 2), sp.Rational(7, 3), sp.Rational(1, 4))
    eta, s, p = map(float, constants)
    value = objective_value(constants, name)
    assert float(value) == pytest.approx(float(printed(name, np.float64(s / eta), np.float64(p / eta))), rel=1e-14)
    assert sp.simplify(objective_value(tuple(5 * c for c in constants), name) - value) == 0


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_limit_of_steep_functions(name):
    value = printed(name, np.float64(1e12), np.float64(0.5))
    limit = OBJECTIVES[name].steep
    assert value > 1e11 if limit == sp.oo else abs(value - float(limit)) < 1e-10


@pytest.mark.parametrize("k", [2, 3, 4, 7])
def test_best_in_span_against_a_dense_scan(k):
    best = best_in_span(k)
    p = np.linspace(0, 1, 400_001)
    values = printed("conditioning", p + k * (1 - p), p)
    assert abs(p[values.argmin()] - float(best.p)) < 1e-5
    assert values.min() == pytest.approx(float(best.conditioning), abs=1e-10)
    phi = best.activation
    assert (phi.mean, sp.simplify(phi.eta - 1), sp.simplify(phi.zeta - best.p)) == (0, 0, 0)
    assert sp.simplify(phi.eta_prime - best.eta_prime) == 0
    assert sp.simplify(objective_value(phi) - best.conditioning) == 0


def test_symbolic_degree():
    k = sp.Symbol("k", integer=True, positive=True)
    general = best_in_span(k)
    assert sp.simplify(general.conditioning.subs(k, 2) - sp.Rational(21, 19)) == 0
    assert sp.limit(general.conditioning, k, sp.oo) == sp.Rational(5, 3)
    with pytest.raises(InputError, match="is a symbol"):
        _ = general.activation


def test_all_four_signs_are_optimal():
    x = ft.activation("linear").variable
    for first in (1, -1):
        for second in (1, -1):
            assert objective_value(ft.activation(first * x + second * sp.sqrt(6) * (x**2 - 1))) == sp.Rational(21, 19)
    assert sp.expand(optimal().expression - ft.activation("f_opt").expression) == 0


def test_best_odd_is_odd():
    phi = best_odd().activation
    assert sp.expand(phi.expression + phi.expression.subs(phi.variable, -phi.variable)) == 0
    assert objective_value(phi) == sp.Rational(11, 9)


@pytest.mark.parametrize("k", [0, 1, -2, 2.5, True, "2", 41, sp.Symbol("k")])
def test_degrees_refused(k):
    with pytest.raises(InputError, match=r"a whole number from 2 to 40|not an integer"):
        best_in_span(k)


# -- families


def srelu_by_hand(a):
    """m_2/m_1^2 of the shifted leaky ReLU at any precision: eta = 1, from the integrals over two half-lines."""
    a = mp.mpmathify(a)
    norm = (1 + a**2) / 2 - (1 + a) ** 2 / (2 * mp.pi)
    s, p = (1 + a**2) / (2 * norm), (1 - a) ** 2 / (4 * norm)
    return 2 * (1 + s**2 + 4 * p**2) / (1 + s) ** 2


def erf_by_hand(a):
    """The same for erf(a^2 x), by quadrature alone."""
    t = mp.mpmathify(a) ** 2
    slope = lambda x: 2 * t / mp.sqrt(mp.pi) * mp.exp(-((t * x) ** 2))  # noqa: E731
    eta = gauss(lambda x: mp.erf(t * x) ** 2, digits=25)
    s, p = gauss(lambda x: slope(x) ** 2, digits=25) / eta, gauss(slope, digits=25) ** 2 / eta
    return 2 * (1 + s**2 + 4 * p**2) / (1 + s) ** 2


def test_srelu_to_thirty_digits():
    best = minimise_family(ft.activation("srelu"), "alpha", (-1, 1), digits=30)
    with mp.workdps(50):
        golden = mp.findroot(lambda a: mp.diff(srelu_by_hand, a), (0.3, 0.8), solver="anderson")
    (place,) = best.best
    assert best.interior
    assert place.kind == "minimum"
    assert close(place.at, golden, 29)
    assert not close(place.at, golden * mp.mpf("1.03"), 29)
    with mp.workdps(50):
        assert close(place.value, srelu_by_hand(golden), 29)


def test_the_mirror_image_of_srelu_is_found_too():
    """f(-x) is srelu at 1/alpha, up to its sign."""
    best = minimise_family(ft.activation("srelu"), interval=(-3, 3))
    low, high = (place.at for place in best.best)
    assert close(low * high, 1, 15)
    assert [e.kind for e in best.extrema] == ["maximum", "minimum", "maximum", "minimum"]
    assert [mp.nstr(e.at, 10) for e in best.extrema[::2]] == ["-1.0", "1.0"]  # linear, and |x|


def test_erf_against_quadrature():
    best = minimise_family(ft.activation("erf_alpha"), "alpha", ("1/100", 4))
    (place,) = best.best
    assert close(place.value, erf_by_hand(place.at), 14)
    assert not close(place.value, erf_by_hand(place.at * mp.mpf("1.03")), 4)
    with mp.workdps(25):
        step = mp.mpf("1e-5")
        below, here, above = (erf_by_hand(place.at + k * step) for k in (-1, 0, 1))
        slope, curvature = (above - below) / (2 * step), (above - 2 * here + below) / step**2
        assert curvature > 0
        assert abs(slope) < curvature * step / 100


def test_a_family_without_closed_form(monkeypatch):
    """tanh(s x): the slope from Stein's identity and Gauss-Legendre panels; few looks, since each is an integral."""
    from fimtheory.theory import optimal_activations as theory

    monkeypatch.setattr(theory, "_COARSE_SCAN", 2)
    family = ft.activation("tanh(s*x)", parameters={"s": "positive"})
    best = minimise_family(family, "s", (5, 6), digits=8)

    def by_hand(t):
        eta = gauss(lambda x: mp.tanh(t * x) ** 2, digits=25)
        slopes = [gauss(lambda x, k=k: (t * mp.sech(t * x) ** 2) ** k, digits=25) for k in (1, 2)]
        s, p = slopes[1] / eta, slopes[0] ** 2 / eta
        return 2 * (1 + s**2 + 4 * p**2) / (1 + s) ** 2

    (place,) = best.best
    with mp.workdps(25):
        step = mp.mpf("1e-3")
        below, here, above = (by_hand(place.at + k * step) for k in (-1, 0, 1))
        assert close(place.value, here, 8)
        vertex = step * (below - above) / (2 * (above - 2 * here + below))
        assert above - 2 * here + below > 0
        assert abs(vertex) < step / 100


@pytest.mark.parametrize("name", OBJECTIVES)
def test_best_of_a_scan(name):
    """No member at 2000 places is better, and the best of them is near."""
    goal, best = OBJECTIVES[name], minimise_family(ft.activation("srelu"), "alpha", ("-9/10", "9/10"), name)
    a = np.linspace(-0.9, 0.9, 2001)
    norm = (1 + a**2) / 2 - (1 + a) ** 2 / (2 * np.pi)
    values = goal.sign * printed(name, (1 + a**2) / (2 * norm), (1 - a) ** 2 / (4 * norm))
    assert values.min() == pytest.approx(goal.sign * float(best.best[0].value), abs=1e-6)
    assert best.interior == (name == "conditioning")


def test_a_flat_family_says_so():
    best = minimise_family(ft.activation("s*x", parameters={"s": "positive"}), "s", (1, 2))
    assert best.flat
    assert best.extrema == ()
    assert repr(best) == "<conditioning is 3 for every s>"


def test_a_symmetric_family_has_two_minimisers_and_a_maximum_at_zero():
    best = minimise_family(ft.activation("a*x + x**2 - 1", parameters={"a": "real"}), "a", (-1, 1))
    assert [(e.kind, mp.nstr(e.at, 8)) for e in best.extrema] == [
        ("minimum", "-0.40824829"),
        ("maximum", "0.0"),
        ("minimum", "0.40824829"),
    ]
    assert len(best.best) == 2
    assert all(close(e.value, mp.mpf(21) / 19, 15) for e in best.best)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("linear",), "no family of one parameter"),
        (("srelu", "beta"), "has no parameter 'beta'"),
        (("erf_alpha", "alpha", (0, 1)), "is not positive"),
        (("srelu", "alpha", (1, -1)), "empty"),
        (("srelu", "alpha", 3), "two ends"),
        (("srelu", "alpha", (0, 1), "speed"), "unknown objective 'speed'"),
        (("srelu", "alpha", (0, 1), "conditioning", 0), "0 digits"),
    ],
)
def test_families_refused(arguments, message):
    name, *rest = arguments
    with pytest.raises(InputError, match=message) as refused:
        minimise_family(ft.activation(name), *rest)
    assert "\n" not in str(refused.value)


def test_activations_refused():
    with pytest.raises(OutsideAssumptions, match="Gaussian mean"):
        objective_value(ft.activation("relu"))
    with pytest.raises(InputError, match="is constant"):
        objective_value(ft.activation("0*x"))
    with pytest.raises(InputError, match="choose one of conditioning"):
        find_objective("nothing")


# -- the derivation breaks where it is tampered with


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "derivations"))
    return importlib.import_module("pennington2018_f_opt")


def test_a_forgotten_square_breaks_the_derivation(script, monkeypatch):
    monkeypatch.setattr(script, "RATIO", script.RATIO.subs(script.p**2, script.p))
    with pytest.raises(AssertionError, match="is not"):
        script.main()


def test_a_wrong_span_is_not_landed_on(script, monkeypatch):
    from fimtheory.theory import optimal_activations as theory

    right = theory.best_in_span
    monkeypatch.setattr(theory, "best_in_span", lambda k: replace(right(k), p=right(k).p * sp.Rational(103, 100)))
    with pytest.raises(AssertionError, match="is not"):
        script.main()
