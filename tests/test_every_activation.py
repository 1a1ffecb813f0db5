"""Every line of the gallery against numbers computed here: a new line there adds its tests here.

The oracle of an activation is written by hand for mpmath, with its derivative and its kinks; expectations are mpmath
quadratures at 30 digits, split at the kinks. Two-variable quantities meet the package's quadrature (which shares
nothing with the closed forms), nested mpmath integrals, the Hermite series and each other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.activations import ENTRIES, Parameter
from fimtheory.errors import JumpError
from fimtheory.gaussian import quadrature
from fimtheory.gaussian.expectation import PairExpectation
from fimtheory.gaussian.quantity import number
from tests.activation_oracles import ORACLES, Oracle
from tests.oracles import close, gauss, gauss_pair

DEGREES = range(7)
POINTS = ((sp.Rational(13, 10), sp.Rational(-3, 5)), (sp.Rational(2, 5), sp.Rational(7, 10)))


@dataclass(frozen=True)
class Case:
    """One gallery line at one value of its parameters."""

    name: str
    values: tuple[tuple[str, sp.Rational], ...]

    def __str__(self) -> str:
        return "-".join([self.name, *(str(value).replace("/", "_") for _, value in self.values)])

    @functools.cached_property
    def phi(self) -> ft.Activation:
        return ft.activation(self.name).at(**dict(self.values))

    @functools.cached_property
    def oracle(self) -> Oracle:
        """The oracle with the parameters filled in, every value computed once."""
        if self.name not in ORACLES:
            pytest.fail(
                f"the gallery has the line {self.name!r}: add its line to ORACLES in tests/activation_oracles.py"
            )
        given = ORACLES[self.name]

        values = [mp.mpf(v.p) / v.q for _, v in self.values]

        def bound(function: Callable) -> Callable:
            return functools.cache(lambda x: function(x, *values))

        kinks = tuple(h(*values) if callable(h) else mp.mpf(h) for h in given.kinks)
        return Oracle(bound(given.f), given.derivative and bound(given.derivative), kinks)

    def expectation(self, integrand: Callable):
        """E integrand(Z, phi(Z)), from the oracle."""
        return gauss(lambda z: integrand(z, self.oracle.f(z)), self.oracle.kinks)


def _cases(samples: int) -> list:
    found = []
    for entry in ENTRIES:
        parameters = [Parameter(name, domain) for name, domain in entry.parameters.items()]
        for k in range(samples if parameters else 1):
            found.append(pytest.param(Case(entry.name, tuple((p.name, p.samples[k]) for p in parameters))))
    return [pytest.param(*p.values, id=str(p.values[0])) for p in found]


every_sample = pytest.mark.parametrize("case", _cases(3))
every_line = pytest.mark.parametrize("case", _cases(1))


@functools.cache
def hermite(k: int, z):
    """He_k(z) by its recursion He_(k+1) = z He_k - k He_(k-1)."""
    return mp.mpf(1) if k == 0 else z * hermite(k - 1, z) - (k - 1) * hermite(k - 2, z) if k > 1 else z


def floats(phi: ft.Activation, q, c, derivative: bool = False) -> float:
    """The pair expectation in double precision, by adaptive panels."""
    function = phi.numpy_derivative if derivative else phi.numpy
    kinks = [float(h) for h in phi.kinks]
    return quadrature.pair_float(function, function, float(q), float(q), float(c), kinks, kinks)


def test_every_oracle_belongs_to_a_line():
    assert set(ORACLES) == {entry.name for entry in ENTRIES}


@every_sample
def test_mean_and_eta(case):
    assert close(number(case.phi.mean, 18), case.expectation(lambda z, f: f), 15)
    assert close(number(case.phi.eta, 18), case.expectation(lambda z, f: f * f), 15)


@every_sample
def test_eta_prime(case):
    if case.oracle.derivative is None:
        with pytest.raises(JumpError, match="jumps"):
            _ = case.phi.eta_prime
        return
    exact = gauss(lambda z: case.oracle.derivative(z) ** 2, case.oracle.kinks)
    assert close(number(case.phi.eta_prime, 18), exact, 15)


@every_sample
def test_zeta(case):
    """E phi'(Z) = E Z phi(Z) (Stein), jumps included."""
    assert close(number(case.phi.zeta, 18), case.expectation(lambda z, f: z * f) ** 2, 15)
    assert close(number(case.phi.zeta, 18), number(case.phi.hermite(1), 18) ** 2, 15)


@every_sample
def test_hermite_coefficients(case):
    for k in DEGREES:
        exact = case.expectation(lambda z, f, k=k: f * hermite(k, z)) / mp.sqrt(mp.factorial(k))
        assert close(number(case.phi.hermite(k), 18), exact, 15), k


@every_line
def test_the_comparison_can_fail(case):
    """3 % off, a dropped square, a dropped 1/sqrt(k!): none of them passes for the truth."""
    exact = case.expectation(lambda z, f: f * f)
    value = number(case.phi.eta, 18)
    assert not close(mp.mpf("1.03") * value, exact, 15)
    assert not close(value * (1 + mp.mpf(10) ** -14), exact, 15)
    dropped = case.expectation(lambda z, f: abs(f))
    assert case.name in ("step", "sign", "ternary") or not close(value, dropped, 15)


@every_sample
@pytest.mark.parametrize(("q", "c"), POINTS, ids=str)
def test_duals_against_double_precision(case, q, c):
    assert close(number(case.phi.dual(q, c), 18), floats(case.phi, q, c), 11)
    assert close(number(case.phi.second_moment(q), 18), floats(case.phi, q, 1), 11)
    if case.oracle.derivative is not None:
        assert close(number(case.phi.dual_derivative(q, c), 18), floats(case.phi, q, c, derivative=True), 11)
        assert close(number(case.phi.second_moment_derivative(q), 18), floats(case.phi, q, 1, derivative=True), 11)


@every_line
def test_closed_duals_against_multiprecision(case):
    """Of the lines without a closed form, this is the route that is tested above and below."""
    q, c = POINTS[0]
    if not case.phi.has_closed_form:
        assert isinstance(case.phi.dual(q, c), PairExpectation)
        return
    pieces = case.phi._pieces
    assert close(number(case.phi.dual(q, c), 20), quadrature.pair_digits(pieces, pieces, q, q, c, 18), 17)
    if case.oracle.derivative is not None:
        slope = pieces.derivative()
        assert close(number(case.phi.dual_derivative(q, c), 20), quadrature.pair_digits(slope, slope, q, q, c, 18), 17)


@pytest.mark.parametrize("name", ["relu", "gelu", "hardtanh", "elu", "tanh"])
def test_duals_against_nested_integrals(name):
    case = next(p.values[0] for p in _cases(1) if p.values[0].name == name)
    q, c = sp.Rational(5, 4), -sp.S.Half
    f, kinks = case.oracle.f, case.oracle.kinks
    exact = gauss_pair(f, f, mp.mpf("1.25"), mp.mpf("1.25"), mp.mpf("-0.5"), kinks, kinks)
    assert close(number(case.phi.dual(q, c), 18), exact, 11)
    assert not close(mp.mpf("1.03") * number(case.phi.dual(q, c), 18), exact, 11)


@every_line
@pytest.mark.parametrize("c", [sp.Rational(3, 10), sp.Rational(-1, 3)], ids=str)
def test_dual_is_its_hermite_series(case, c):
    """Mehler: dual(1, c) = sum b_k^2 c^k, what is left out being at most |c|^K (eta - sum b_k^2)."""
    squares = [number(case.phi.hermite(k), 18) ** 2 for k in range(9)]
    eta, dual, c = number(case.phi.eta, 18), number(case.phi.dual(1, c), 18), mp.mpf(c.p) / c.q
    partial = sum(b * c**k for k, b in enumerate(squares))
    bound = abs(c) ** len(squares) * (eta - sum(squares)) + mp.mpf("1e-14") * eta
    assert abs(dual - partial) <= bound
    assert abs(mp.mpf("1.03") * dual - partial) > bound or abs(dual) < 40 * bound


@every_sample
def test_parseval(case):
    """eta = sum b_k^2, and eta' = sum k b_k^2 bounds what is left out."""
    squares = [number(case.phi.hermite(k), 18) ** 2 for k in DEGREES]
    left = number(case.phi.eta, 18) - sum(squares)
    assert left > mp.mpf("-1e-15")
    if case.oracle.derivative is not None:
        slope = number(case.phi.eta_prime, 18) - sum(k * b for k, b in enumerate(squares))
        assert left <= slope / len(squares) + mp.mpf("1e-15")


@every_line
def test_ends_of_the_dual(case):
    """dual(q, 1) is the second moment, dual(q, 0) the square of the mean, dual(q, -1) has phi(-x) for a factor."""
    q, f, kinks = sp.Rational(13, 10), case.oracle.f, case.oracle.kinks
    both = {*kinks, *(-h for h in kinks)}
    exact = gauss(lambda z: f(z) ** 2, kinks, mp.mpf("1.3"))
    assert close(number(case.phi.dual(q, 1), 18), exact, 15)
    assert close(number(case.phi.second_moment(q), 18), exact, 15)
    assert close(number(case.phi.dual(q, 0), 18), gauss(f, kinks, mp.mpf("1.3")) ** 2, 15)
    assert close(number(case.phi.dual(q, -1), 18), gauss(lambda z: f(z) * f(-z), both, mp.mpf("1.3")), 15)


@every_line
def test_derivative_of_the_dual(case):
    """d/dc dual(q, c) = q dual_derivative(q, c) (Price), deltas at jumps included."""
    q, c = sp.Symbol("q", positive=True), sp.Symbol("c", real=True)
    at = {q: sp.Rational(13, 10), c: sp.Rational(-3, 5)}
    right = number((q * case.phi.dual_derivative(q, c)).subs(at), 25)
    if case.phi.has_closed_form:
        left, digits = number(sp.diff(case.phi.dual(q, c), c).subs(at), 25), 20
    else:  # five-point difference: error h^4 times a fifth derivative of order one
        h = sp.Rational(1, 1000)
        steps = [number(case.phi.dual(at[q], at[c] + k * h), 25) for k in (-2, -1, 1, 2)]
        left, digits = (steps[0] - 8 * steps[1] + 8 * steps[2] - steps[3]) / (12 * mp.mpf(h.p) / h.q), 9
    assert close(left, right, digits)
    assert not close(mp.mpf("1.03") * left, right, digits)
