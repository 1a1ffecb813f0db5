"""Constants and exponents against the density itself, on ladders of distances, and against the means they stand for."""

import dataclasses
import itertools

import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.gaussian.quantity import number
from fimtheory.spectra import TwoModeLaw
from fimtheory.theory.single_layer import eta, eta_prime, special_points, zeta
from fimtheory.theory.single_layer_singularities import root_at_z1, roots_at_z4, singularities

LADDER = [mp.mpf(10) ** -k for k in (3, 4, 5, 6)]  # times the distance to the nearest other special point
DIGITS = 30
CASES = {
    "no gap": ("3/2", "1/2", "1/2"),
    "hardly nonlinear": ("3/5", "1/5", "9/10"),
    "gap": ("9/4", "1/4", "1/4"),
    "opening gap": (5, 1, 1),
    "linear": (0, 0, "2/3"),
}
POINTS = [
    pytest.param(case, point, side, id=f"{name}, {point.name} {side}")
    for name, case in CASES.items()
    for point in singularities(*case)
    for side in ("left", "right")
]


def numbers(case):
    return tuple(sp.Rational(x) for x in case)


class Law:
    """The density at a signed distance from a special point, to 30 digits; what was asked is kept."""

    def __init__(self, case, point):
        others = [other.location for other in singularities(*case) if other != point]
        nearest = min(abs(sp.N(other - point.location, 40)) for other in others)
        self.law, self.location = TwoModeLaw(*(mp.mpf(x.p) / x.q for x in numbers(case))), point.location
        self.ladder = [d * mp.mpf(nearest) for d in LADDER]
        self.values = {}

    def __call__(self, offset):
        if offset not in self.values:
            with mp.workdps(60):
                self.values[offset] = self.law.density_digits(self.location._to_mpmath(mp.prec) + offset, DIGITS)
        return self.values[offset]


def estimate(density, term, sign, d):
    """The constant as seen at distance d: the density over the power, or a combination free of its smooth part."""
    power = mp.mpf(term.exponent.p) / term.exponent.q
    if not term.logarithmic:
        return density(sign * d) / d**power
    weights = {1: (2, -3, 1), 2: (-8, 14, -7, 1)}[int(term.exponent)]  # vanishes on polynomials up to the power
    logs = sum(w * mp.mpf(2) ** (power * i) * i * mp.log(2) for i, w in enumerate(weights))
    return sum(w * density(sign * 2**i * d) for i, w in enumerate(weights)) / (logs * d**power)


def agrees(density, term, sign):
    """What is seen on the ladder extrapolates to the constant; the next terms are d and d log d, so twice (Richardson)."""
    with mp.workdps(DIGITS):
        constant = sp.N(term.constant, DIGITS)._to_mpmath(mp.prec)
        seen = [estimate(density, term, sign, d) for d in density.ladder]
        for _ in range(2):
            seen = [(10 * near - far) / 9 for far, near in itertools.pairwise(seen)]
        return abs(seen[-1] / constant - 1) < mp.mpf(10) ** -6


@pytest.mark.parametrize(("case", "point", "side"), POINTS)
def test_against_the_density(case, point, side):
    density, term = Law(case, point), getattr(point, side)
    sign = -1 if side == "left" else 1
    if term is None:
        assert [density(sign * d) for d in density.ladder] == [0] * len(LADDER)
        return
    assert agrees(density, term, sign)
    for factor in ("1.03", "0.97"):
        wrong = dataclasses.replace(term, constant=term.constant * sp.Rational(factor))
        assert not agrees(density, wrong, sign)


def test_a_wrong_exponent_is_seen():
    case = CASES["no gap"]
    first, *_ = singularities(*case)
    density = Law(case, first)
    assert agrees(density, first.right, 1)
    assert not agrees(density, dataclasses.replace(first.right, exponent=sp.Rational(-1, 3)), 1)


def test_a_jump_of_the_slope_at_z3_is_refuted():
    """As printed, the derivative is discontinuous there; its difference across the point vanishes instead."""
    case = CASES["no gap"]
    z3 = next(point for point in singularities(*case) if "z3" in point.names)
    density = Law(case, z3)
    jumps = [abs(density(2 * d) - density(d) - density(-d) + density(-2 * d)) / d for d in density.ladder]
    assert all(after < before / 5 for before, after in itertools.pairwise(jumps))


def mean_root(constant, slope):
    """E sqrt((constant + slope t)_+)/(2 pi) for the Marchenko-Pastur variable t = 4 cos^2 s; a zero is a cut."""
    zero = -constant / slope / 4
    cuts = [0, mp.acos(mp.sqrt(zero)), mp.pi / 2] if 0 < zero < 1 else [0, mp.pi / 2]

    def integrand(s):
        return mp.sin(s) ** 2 * mp.sqrt(max(constant + slope * 4 * mp.cos(s) ** 2, mp.zero))

    return 4 / mp.pi * mp.quad(integrand, cuts) / (2 * mp.pi)


@pytest.mark.parametrize(("delta", "slope"), [("1/3", "2/5"), ("1", "1/2"), ("3", "1/7"), ("40", "1"), ("1/50", "1")])
def test_elliptic_constants_are_means_of_roots(delta, slope):
    delta, slope = sp.Rational(delta), sp.Rational(slope)
    with mp.workdps(25):
        d, q = mp.mpf(delta.q) / delta.p, mp.mpf(slope.q) / slope.p
        wanted = [mean_root(q, d), mean_root(-q, d), mean_root(q, -d)]
        found = [sp.N(e, 25)._to_mpmath(mp.prec) for e in (root_at_z1(delta, slope), *roots_at_z4(delta, slope))]
        assert all(abs(a - b) < mp.mpf(10) ** -18 for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_locations_are_the_special_points_in_order(case):
    found = singularities(*case)
    alpha, beta, slope = numbers(case)
    values = {eta: beta + slope, eta_prime: alpha + slope, zeta: slope}
    claimed = {name: point.location for point in found for name in point.names}
    assert set(claimed) == set(special_points())
    for name, formula in special_points().items():
        assert sp.simplify(claimed[name] - formula.subs(values)) == 0
    assert all(a.location < b.location for a, b in itertools.pairwise(found))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_constants_scale_with_the_eigenvalues(case):
    """Eigenvalues times 4: a term C d^p of the density becomes C d^p / 4^(p + 1), up to a smooth function."""
    for small, large in zip(singularities(*case), singularities(*(4 * x for x in numbers(case))), strict=True):
        assert (small.names, small.kind, small.mass) == (large.names, large.kind, large.mass)
        assert sp.simplify(4 * small.location - large.location) == 0
        for a, b in ((small.left, large.left), (small.right, large.right)):
            assert (a is None) == (b is None)
            assert a is None or abs(sp.N(a.constant / b.constant - 4 ** (a.exponent + 1), 30)) < 1e-25


def test_atoms():
    whole, halves, linear = singularities(2, 2, 0), singularities(3, 1, 0), singularities(0, 0, 1)
    assert [(point.location, point.mass) for point in whole] == [(2, 1)]
    assert [(point.location, point.mass) for point in halves] == [(1, sp.S.Half), (3, sp.S.Half)]
    assert [point.mass for point in linear] == [sp.S.Half, 0, 0]
    assert all(point.mass == 0 for case in ("no gap", "gap", "opening gap") for point in singularities(*CASES[case]))


def test_kinds_follow_the_gap():
    kinds = {name: {p.name: p.kind for p in singularities(*case)} for name, case in CASES.items()}
    assert kinds["no gap"]["z2"] == "logarithmic slope"
    assert kinds["gap"]["z2"] == "linear edge"
    assert kinds["opening gap"]["z2 = z4"] == "opening gap"
    assert list(kinds["no gap"]) == ["z1", "z3", "z4", "z2", "z5", "z6"]
    assert list(kinds["gap"]) == ["z1", "z3", "z2", "z4", "z5", "z6"]


def test_any_kind_of_number():
    exact = singularities(sp.Rational(3, 10), sp.Rational(1, 10), sp.Rational(9, 10))
    assert singularities(0.3, "0.1", mp.mpf("0.9"))[0].location == exact[0].location
    assert singularities("sqrt(2)", 1, 1)[2].location == sp.sqrt(2)


def test_constants_of_an_activation_without_closed_form():
    phi = ft.activation("tanh")
    first, *_ = singularities(phi.eta_prime - phi.zeta, phi.eta - phi.zeta, phi.zeta)
    with mp.workdps(25):
        rounded = [sp.Rational(str(number(e, 30))) for e in (phi.eta_prime - phi.eta, phi.zeta)]
        assert abs(sp.N(first.right.constant - root_at_z1(*rounded), 25)) < 1e-20


@pytest.mark.parametrize("wrong", [(1, 2, 1), (1, -1, 1), (1, 1, -1)])
def test_no_activation_has_such_constants(wrong):
    with pytest.raises(OutsideAssumptions, match="0 <= beta <= alpha"):
        singularities(*wrong)


@pytest.mark.parametrize("wrong", [None, "x", sp.oo, sp.nan, True, float("nan"), sp.I, sp.Symbol("q"), [1], ""])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(InputError, match=r"^beta = .* is not a real number: write for instance 1/2 or 0.5$"):
        singularities(1, wrong, 1)
