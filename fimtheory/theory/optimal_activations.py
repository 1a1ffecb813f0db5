r"""The activations that suit a single hidden layer best: over all functions, over spans and families of them.

Objectives are scale-invariant functions of eta, eta' and zeta. In Hermite modes, p_k = b_k^2 at eta = sum p_k = 1, these
are eta' = sum k p_k and zeta = p_1: two numbers, p = zeta and s = eta', and the functions without a Gaussian mean fill
{0 <= p < 1, s >= 2 - p} and the point p = s = 1 of linear f. So an extremum over all square-integrable functions is one
over a plane region, and functions with two modes reach it (``derivations/pennington2018_f_opt.py``).

What a monotone or saturating function can do is the subject of :mod:`fimtheory.theory.constrained_activations`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation, activation, parse_number
from fimtheory.emission import emit
from fimtheory.errors import InputError
from fimtheory.gaussian.quantity import Quantity, number
from fimtheory.theory.single_layer import (
    conditioning,
    eta,
    eta_prime,
    require_zero_mean,
    special_points,
    spectral_moment,
    zeta,
)

Sense = Literal["minimise", "maximise"]
Constants = tuple[sp.Expr, sp.Expr, sp.Expr]

MAX_DEGREE = 40
_SCAN = 240  # places where the slope of a family is looked at
_COARSE_SCAN = 24  # the same, where every look is an integral
_GUARD = 20


@dataclass(frozen=True)
class Objective:
    """What is to be minimised or maximised, and how far that goes over all square-integrable f of Gaussian mean zero.

    ``formula`` in eta, eta', zeta; ``bound`` the infimum (supremum); ``best`` the name or formula of a function that
    attains it, up to the signs of its modes, or None where none does; ``steep`` the limit as eta' grows without bound.
    """

    name: str
    title: str
    formula: sp.Expr
    sense: Sense
    bound: sp.Expr
    best: str | None
    steep: sp.Expr
    reason: str

    @property
    def sign(self) -> int:
        """1 where the objective is minimised, -1 where it is maximised."""
        return 1 if self.sense == "minimise" else -1

    def at(self, constants: Constants) -> sp.Expr:
        """The value at (eta, eta', zeta); infinite where a denominator vanishes (z_1 of a linear function)."""
        value = self.formula.subs(dict(zip((eta, eta_prime, zeta), map(sp.sympify, constants), strict=True)))
        return sp.oo if value.has(sp.zoo) else value


_Z, _MEAN = special_points(), spectral_moment(1)

OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective(
            "conditioning",
            "second moment over squared mean, m_2/m_1^2",
            conditioning(),
            "minimise",
            sp.Rational(21, 19),
            "f_opt",
            sp.Integer(2),
            "the two modes x and He_2, at p = 1/13",
        ),
        Objective(
            "lambda_max_over_mean",
            "largest eigenvalue of the bulk over the mean, z_6/m_1",
            _Z["z6"] / _MEAN,
            "minimise",
            sp.Rational(4, 3),
            "(x**2 - 1)/sqrt(2)",
            sp.Integer(2),
            "z_6/m_1 > 4/3 is 18 p + 3 sqrt((s-1)^2 + 64 p^2) > 1 + s, true for all s >= 2 - p but s = 2, p = 0",
        ),
        Objective(
            "bulk_condition",
            "condition number of the bulk, z_6/z_1",
            _Z["z6"] / _Z["z1"],
            "minimise",
            sp.Integer(2),
            "(x**2 - 1)/sqrt(2)",
            sp.oo,
            "z_6/z_1 grows with s, and at s = 2 - p it is at least 2 (1 + p)/(1 - p)",
        ),
        Objective(
            "gap",
            "width of the gap over the mean, (z_4 - z_2)/m_1, positive where there is a gap",
            (_Z["z4"] - _Z["z2"]) / _MEAN,
            "maximise",
            sp.Integer(2),
            None,
            sp.Integer(2),
            "2 (s - 1 - 4 p)/(s + 1) stays below 2 and tends to it: He_k gives 2 (k - 1)/(k + 1)",
        ),
    )
}


def find_objective(name: str | Objective) -> Objective:
    """The objective of a name. Raises :class:`InputError`, with the names there are.

    >>> find_objective("bulk_condition").bound
    2
    """
    if isinstance(name, Objective):
        return name
    if name not in OBJECTIVES:
        raise InputError(f"unknown objective {name!r}: choose one of {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]


def objective_value(phi: Activation | Constants, objective: str | Objective = "conditioning") -> sp.Expr:
    """An objective at an activation of Gaussian mean zero, or at constants (eta, eta', zeta), exactly.

    Formula: ``conditioning`` m_2/m_1^2 = 2 (eta^2 + eta'^2 + 4 zeta^2)/(eta + eta')^2; ``lambda_max_over_mean`` z_6/m_1;
    ``bulk_condition`` z_6/z_1; ``gap`` (z_4 - z_2)/m_1 = 2 (eta' - eta - 4 zeta)/(eta + eta').
    *Source*: Pennington, Worah (2018), section 4.1, for the first; eqs. 23 and 24 for z_1 to z_6. *Holds when* the layer
    is square and n is large; z_6 and z_1 are the ends of the limiting spectrum, outside of which outliers remain.
    Raises :class:`OutsideAssumptions` where the mean is not zero, :class:`JumpError` where f jumps.

    >>> objective_value(activation("linear")), objective_value(activation("f_opt"))
    (3, 21/19)
    >>> objective_value((1, 2, 0), "bulk_condition"), objective_value((1, 1, 1), "bulk_condition")
    (2, oo)
    """
    goal = find_objective(objective)
    if not isinstance(phi, Activation):
        return goal.at(phi)
    require_zero_mean(phi)
    constants = (phi.eta, phi.eta_prime, phi.zeta)
    if constants[1] == 0:
        raise InputError(f"{phi.name} is constant: it has no spectrum to condition")
    return goal.at(constants)


# -- spans of two Hermite polynomials


@dataclass(frozen=True)
class SpanOptimum:
    """The best conditioned function of span{x, He_k}, normalised to eta = 1: sqrt(p) x + sqrt(1 - p) He_k/sqrt(k!).

    ``p`` is its zeta; the signs of both modes are free. ``degree`` is k, a number or a symbol.
    """

    degree: sp.Expr
    p: sp.Expr
    conditioning: sp.Expr

    @property
    def eta_prime(self) -> sp.Expr:
        """eta' = p + k (1 - p)."""
        return sp.factor(self.degree - (self.degree - 1) * self.p)

    @property
    def expression(self) -> sp.Expr:
        """The function of x, with He_k written out where k is a number."""
        k, x = self.degree, activation("linear").variable
        other = 2 * sp.sqrt((k + 1) / sp.factorial(k)) / (k - 1)
        return sp.sqrt(self.p) * (x + other * sp.hermite_prob(k, x))

    @property
    def activation(self) -> Activation:
        """The function as an activation; k must be a number."""
        if not self.degree.is_Integer:
            raise InputError(f"k = {self.degree} is a symbol: give a number for an activation, or use .expression")
        return Activation(self.expression, f"best of span(x, He_{self.degree})")

    def _repr_latex_(self) -> str:
        return Quantity(self.expression)._repr_latex_()


def best_in_span(k: int | sp.Symbol) -> SpanOptimum:
    """The minimiser of m_2/m_1^2 in span{x, He_k}, which is the best of all functions with no other mode below k.

    Formula: p = (k - 1)^2/(k^2 + 2 k + 5), m_2/m_1^2 = (5 k^2 - 2 k + 5)/(3 k^2 + 2 k + 3).
    *Source*: our own; k = 2 is Pennington, Worah (2018), eq. 28. *Holds when* E f(Z) = 0, k = 2, 3, ... Its value
    increases from 21/19 to 5/3. Raises :class:`InputError`.

    >>> best_in_span(2).p, best_in_span(2).conditioning, best_in_span(4).conditioning
    (1/13, 21/19, 77/59)
    >>> best_in_span(sp.Symbol("k", integer=True, positive=True)).p
    (k - 1)**2/(k**2 + 2*k + 5)
    """
    degree = _degree(k)
    p = (degree - 1) ** 2 / (degree**2 + 2 * degree + 5)
    value = (5 * degree**2 - 2 * degree + 5) / (3 * degree**2 + 2 * degree + 3)
    return SpanOptimum(degree, p, value)


def _degree(k: Any) -> sp.Expr:
    if isinstance(k, sp.Symbol):
        if not k.is_integer:
            raise InputError(f"the symbol {k} is not an integer: declare it with sympy.Symbol('{k}', integer=True)")
        return k
    if isinstance(k, bool) or not isinstance(k, int | sp.Integer) or not 2 <= k <= MAX_DEGREE:
        raise InputError(f"span of x and He_{k}: k must be a whole number from 2 to {MAX_DEGREE}, or a symbol")
    return sp.Integer(k)


def optimal() -> SpanOptimum:
    """The best conditioned of all functions of zero Gaussian mean: (+-x +- sqrt(6) (x^2 - 1))/sqrt(13).

    *Source*: Pennington, Worah (2018), eq. 28.

    >>> optimal().activation.eta, sp.expand(optimal().expression - activation("f_opt").expression)
    (1, 0)
    """
    return best_in_span(2)


def best_odd() -> SpanOptimum:
    """The best conditioned of all odd functions: their second mode is He_3 at the earliest.

    *Source*: our own.

    >>> best_odd().p, best_odd().conditioning
    (1/5, 11/9)
    """
    return best_in_span(3)


# -- families of one parameter


@dataclass(frozen=True)
class Extremum:
    """A place on a family: the parameter, the value of the objective there, and ``kind``: minimum, maximum or end."""

    at: mp.mpf
    value: mp.mpf
    kind: str


@dataclass(frozen=True)
class FamilyOptimum:
    """The objective along a family of one parameter on a closed interval.

    ``extrema`` holds every place inside where the slope was seen to change sign, ``ends`` the two ends; a ``flat``
    family has none of the first, and the same value everywhere. Numbers have ``digits`` digits.
    """

    objective: Objective
    parameter: sp.Symbol
    extrema: tuple[Extremum, ...]
    ends: tuple[Extremum, Extremum]
    digits: int
    flat: bool = False

    @property
    def best(self) -> tuple[Extremum, ...]:
        """The places of the best value: two or more where a symmetry relates them, the first end of a flat family."""
        if self.flat:
            return self.ends[:1]
        places = (*self.extrema, *self.ends)
        best = min(self.objective.sign * e.value for e in places)
        width = mp.mpf(10) ** (2 - self.digits) * (1 + abs(best))
        return tuple(e for e in places if self.objective.sign * e.value <= best + width)

    @property
    def interior(self) -> bool:
        """Whether the best value is attained inside; otherwise it is at an end, and may improve beyond."""
        return all(e.kind != "end" for e in self.best)

    def __repr__(self) -> str:
        if self.flat:
            return f"<{self.objective.name} is {mp.nstr(self.ends[0].value, 8)} for every {self.parameter}>"
        shown = " and ".join(mp.nstr(e.at, 8) for e in self.best)
        where = "inside" if self.interior else "at an end"
        return f"<{self.objective.name} {mp.nstr(self.best[0].value, 8)} at {self.parameter} = {shown}, {where}>"


def minimise_family(
    phi: Activation,
    parameter: str | sp.Symbol | None = None,
    interval: tuple = (-1, 1),
    objective: str | Objective = "conditioning",
    digits: int = 16,
) -> FamilyOptimum:
    """The best member of a family of activations with one free parameter, on a closed interval of that parameter.

    The closed form is differentiated; the sign of the slope at many places brackets every extremum (an extremum and its
    neighbour closer than 1/240 of the interval can hide from it), and a bracketing root finder gives ``digits`` digits,
    confirmed by the signs on both sides. Without closed form there are fewer places, and they take some ten seconds.
    A ``gap`` is maximised. *Source*: our own; Pennington, Worah (2018), fig. 3, plot two families.
    Raises :class:`InputError`, :class:`OutsideAssumptions`.

    >>> minimise_family(activation("srelu"), "alpha", (-1, 1))
    <conditioning 1.196602 at alpha = 0.5715735, inside>
    """
    goal = find_objective(objective)
    name = _parameter(phi, parameter)
    low, high = _interval(phi, name, interval)
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 200:
        raise InputError(f"{digits} digits of a minimiser are not offered: ask for 1 to 200")
    formula = objective_value(phi, goal)
    closed = Quantity(formula).is_closed
    slope = _number_function(sp.diff(formula, name), name, digits, closed)
    value = _number_function(formula, name, digits, closed)
    with mp.workdps(digits + _GUARD):
        a, b = number(low, digits + _GUARD), number(high, digits + _GUARD)
        first, last = (Extremum(t, value(t), "end") for t in (a, b))
        places = [a + (b - a) * (2 * k + 1) / (2 * n) for n in [_SCAN if closed else _COARSE_SCAN] for k in range(n)]
        slopes = [slope(t) for t in places]
        if _is_flat(slopes, first.value, last.value, digits):
            return FamilyOptimum(goal, name, (), (first, last), digits, flat=True)
        found = tuple(Extremum(t, value(t), kind) for t, kind in _sign_changes(slope, places, slopes, digits))
    return FamilyOptimum(goal, name, found, (first, last), digits)


def _parameter(phi: Activation, parameter: str | sp.Symbol | None) -> sp.Symbol:
    free = phi.parameters
    names = ", ".join(map(str, free)) or "none"
    if len(free) != 1:
        raise InputError(f"{phi.name} is no family of one parameter (free: {names}): give values to all but one")
    if parameter is not None and str(parameter) != str(free[0]):
        raise InputError(f"{phi.name} has no parameter {str(parameter)!r}: its free parameter is {names}")
    return free[0]


def _interval(phi: Activation, name: sp.Symbol, interval: tuple) -> tuple[sp.Expr, sp.Expr]:
    """The ends, exactly and in the domain of the parameter."""
    if not isinstance(interval, tuple | list) or len(interval) != 2:
        raise InputError(f"interval = {interval!r}: give two ends, for instance (0.1, 3)")
    (domain,) = phi.parameter_list
    low, high = (domain.check(parse_number(str(end))) for end in interval)
    if not low < high:
        raise InputError(f"the interval of {name} from {low} to {high} is empty: give the smaller end first")
    return low, high


def _number_function(e: sp.Expr, name: sp.Symbol, digits: int, closed: bool) -> Callable[[mp.mpf], mp.mpf]:
    """A formula as a function of the parameter; a pole (z_1 = 0 of a linear member) is infinite."""
    compiled = emit(e, name, "mpmath") if closed else lambda t: number(e, digits + 3, {name: t})

    def value(t: mp.mpf) -> mp.mpf:
        try:
            return compiled(t)
        except ZeroDivisionError:
            return mp.inf

    return value


def _is_flat(slopes: list[mp.mpf], first: mp.mpf, last: mp.mpf, digits: int) -> bool:
    rounding = mp.mpf(10) ** -digits * (1 + abs(first))
    return max(map(abs, slopes)) < rounding and (last == first or abs(last - first) < rounding)


def _sign_changes(
    slope: Callable, places: list[mp.mpf], slopes: list[mp.mpf], digits: int
) -> Iterator[tuple[mp.mpf, str]]:
    """Where the slope changes sign, and what the objective has there."""
    seen = [(t, mp.sign(s)) for t, s in zip(places, slopes, strict=True) if s != 0]
    for (left, before), (right, after) in pairwise(seen):
        if before != after:
            yield _root(slope, left, right, before, digits), "minimum" if after > 0 else "maximum"


def _root(slope: Callable, left: mp.mpf, right: mp.mpf, before: mp.mpf, digits: int) -> mp.mpf:
    """The change of sign in a bracket: the secant's guess where the signs beside it confirm it, else by bisection."""
    width = (right - left) * mp.mpf(10) ** -(digits + 1)
    guess = mp.findroot(slope, (left, right), solver="anderson", verify=False, maxsteps=60, tol=mp.mpf(10) ** -digits)
    guess = min(max(guess, left + width), right - width) if abs(guess) > width else mp.zero
    if mp.sign(slope(guess - width)) == before and mp.sign(slope(guess + width)) == -before:
        return guess
    while right - left > width:
        middle = (left + right) / 2
        left, right = (middle, right) if mp.sign(slope(middle)) == before else (left, middle)
    return (left + right) / 2
