"""An activation function, and everything about it that is a Gaussian expectation."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import sympy as sp

from fimtheory.activations.domains import Parameter
from fimtheory.activations.parser import VARIABLE
from fimtheory.emission import emit
from fimtheory.errors import DivergentExpectation, InputError, NoClosedForm
from fimtheory.gaussian import expectation as gaussian
from fimtheory.gaussian.admissible import admissible
from fimtheory.gaussian.dual_function import DualFunction
from fimtheory.gaussian.expansions import Expansion, Leading, large_variance, near, small_variance
from fimtheory.gaussian.field import CORRELATION, VARIANCE
from fimtheory.gaussian.hermite import MehlerSeries, coefficient, general_coefficient, mehler, scaled
from fimtheory.gaussian.normal_form import normal_form
from fimtheory.gaussian.pieces import pieces
from fimtheory.gaussian.quadrature import with_numbers
from fimtheory.latex import latex

X = VARIABLE


class Activation:
    """phi: a real function, square-integrable against the Gaussian. Immutable; raw, never silently centred or scaled.

    Built by :func:`fimtheory.activation`. All constants are SymPy expressions, Z ~ N(0, 1):

    ========================  ==================================================
    ``mean``                  E phi(Z)
    ``eta``                   E phi(Z)^2
    ``eta_prime``             E phi'(Z)^2
    ``zeta``                  (E phi'(Z))^2
    ``hermite(k)``            E[phi(Z) He_k(Z)] / sqrt(k!), k a number or a symbol
    ``mehler(terms)``         the first terms of the dual in powers of c
    ``second_moment(q)``      E phi(sqrt(q) Z)^2
    ``dual(q, c)``            E phi(U) phi(V), Var U = Var V = q, correlation c
    ``dual_derivative(q, c)`` E phi'(U) phi'(V)
    ``dual_function(q)``      the dual as a fast function of arrays of c
    ``expansion(q)``          the dual near c = 1, with its first non-analytic term
    ========================  ==================================================
    """

    def __init__(self, expression: sp.Expr, name: str, parameters: tuple[Parameter, ...] = ()) -> None:
        self.name = name
        self.expression = expression
        self.variable = X
        self.parameter_list = parameters
        self._pieces = admissible(pieces(expression, X), name)

    # -- identity

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The symbols that are still free."""
        return tuple(p.symbol for p in self.parameter_list)

    def __repr__(self) -> str:
        free = f", parameters={self.parameters}" if self.parameter_list else ""
        return f"Activation({self.name!r}, {self.expression}{free})"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle \phi(x) = {latex(self.expression)}$"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Activation) and self.expression == other.expression

    def __hash__(self) -> int:
        return hash(self.expression)

    def __call__(self, x):
        """phi at numbers or arrays (all parameters must have values)."""
        return self.numpy(x)

    @functools.cached_property
    def numpy(self):
        """phi as a vectorised NumPy function."""
        return emit(with_numbers(self._require_numbers().expression, 20), X)

    @functools.cached_property
    def numpy_derivative(self):
        """phi' as a vectorised NumPy function (the regular part of the weak derivative)."""
        return emit(with_numbers(self._require_numbers()._pieces.derivative().expression, 20), X)

    def _require_numbers(self) -> Activation:
        if self.parameter_list:
            names = ", ".join(p.name for p in self.parameter_list)
            first = self.parameter_list[0].name
            raise InputError(f"{self.name} has free parameters ({names}): give values, for instance {first}=1/5")
        return self

    @property
    def kinks(self) -> tuple[sp.Expr, ...]:
        """Where phi or phi' jumps."""
        return self._pieces.breaks

    @functools.cached_property
    def has_closed_form(self) -> bool:
        """Whether phi is a finite sum of Gaussian atoms, so that its duals are closed (or named) expressions."""
        try:
            normal_form(self._pieces)
            return not self.dual(VARIANCE, CORRELATION).has(gaussian.PairExpectation)
        except NoClosedForm:
            return False
        except DivergentExpectation:  # closed, but only for some variances
            return True

    # -- one Gaussian variable

    @property
    def mean(self) -> sp.Expr:
        """E phi(Z)."""
        return gaussian.of_pieces(self._pieces, sp.S.One)

    @property
    def eta(self) -> sp.Expr:
        """E phi(Z)^2."""
        return self.second_moment(sp.S.One)

    @property
    def eta_prime(self) -> sp.Expr:
        """E phi'(Z)^2; :class:`JumpError` where phi jumps."""
        return self.second_moment_derivative(sp.S.One)

    @property
    def zeta(self) -> sp.Expr:
        """(E phi'(Z))^2."""
        mean = gaussian.weak_mean(self._pieces, sp.S.One)
        # An exponential is one symbol: to SymPy, e^(-500000) is a polynomial of degree 500000 in e.
        symbols = {e: sp.Dummy() for e in mean.atoms(sp.exp)}
        factored = sp.factor(mean.xreplace(symbols)).xreplace({s: e for e, s in symbols.items()})
        return min(factored, mean, key=sp.count_ops) ** 2

    def second_moment(self, q) -> sp.Expr:
        """E phi(sqrt(q) Z)^2."""
        return gaussian.of_pieces(self._pieces.map(lambda e: e**2), _variance(q))

    def second_moment_derivative(self, q) -> sp.Expr:
        """E phi'(sqrt(q) Z)^2; :class:`JumpError` where phi jumps, :class:`InputError` where phi' is too singular."""
        gaussian.require_continuous(self._pieces)
        admissible(self._pieces.derivative(), f"the derivative of {self.name}")
        return gaussian.weak_square(self._pieces, _variance(q))

    def hermite(self, k: int | sp.Symbol, q=1) -> sp.Expr:
        """The normalised Hermite coefficient b_k(q) = E[phi(sqrt(q) Z) He_k(Z)] / sqrt(k!), k = 0, 1, 2, ...

        For an integer symbol k, the general formula; :class:`NoClosedForm` where none is known.

        >>> from fimtheory.activations import activation
        >>> activation("sin").hermite(sp.Symbol("k", integer=True, nonnegative=True))
        exp(-1/2)*sin(pi*k/2)/sqrt(factorial(k))
        """
        f = self._pieces if q == 1 else scaled(self._pieces, _variance(q))
        if _is_degree(k):
            return general_coefficient(f, k)
        if not isinstance(k, int) or isinstance(k, bool) or k < 0:
            raise InputError(
                f"hermite({k!r}): the degree must be an integer 0, 1, 2, ..., or a symbol declared integer and nonnegative"
            )
        return coefficient(f, k)

    def mehler(self, terms: int, q=1) -> MehlerSeries:
        """The first terms of dual(q, c) = sum b_k(q)^2 c^k, with a bound of what they leave out."""
        if not isinstance(terms, int) or terms < 1:
            raise InputError(f"mehler({terms!r}): the number of terms must be an integer 1, 2, ...")
        return mehler(self._pieces if q == 1 else scaled(self._pieces, _variance(q)), terms)

    # -- the ends of the dual

    def expansion(self, q, end: int = 1) -> Expansion:
        """dual(q, c) near c = 1 (or -1): analytic terms, and the first term that is none, which measures smoothness.

        >>> from fimtheory.activations import activation
        >>> relu = activation("relu").expansion(1)
        >>> relu.exponent, relu.coefficient
        (3/2, sqrt(2)/(3*pi))
        """
        if end not in (1, -1):
            raise InputError(f"expansion at c = {end}: the ends are 1 and -1")
        return near(self._pieces, _variance(q), end)

    def small_variance(self, c=CORRELATION) -> Leading:
        """dual(q, c) ~ q^power profile(c) for q -> 0."""
        return small_variance(self._pieces, sp.sympify(c))

    def large_variance(self, c=CORRELATION) -> Leading:
        """dual(q, c) ~ q^power profile(c) for q -> infinity; :class:`NoClosedForm` without power growth."""
        return large_variance(self._pieces, sp.sympify(c))

    # -- two Gaussian variables

    def dual(self, q, c) -> sp.Expr:
        """E phi(U) phi(V), Var U = Var V = q, correlation c in [-1, 1]."""
        return gaussian.pair_of_pieces(self._pieces, self._pieces, *_variance_and_correlation(q, c))

    def dual_derivative(self, q, c) -> sp.Expr:
        """E phi'(U) phi'(V) in the weak sense: deltas at jumps included, :class:`JumpError` at c = 1."""
        return gaussian.pair_of_pieces(self._pieces, self._pieces, *_variance_and_correlation(q, c), derivatives=True)

    def dual_function(self, q) -> DualFunction:
        """The dual at a fixed variance, compiled for arrays of correlations; 1 - I(c)/I(1) to its own digits.

        >>> from fimtheory.activations import activation
        >>> relu = activation("relu").dual_function(1)
        >>> round(float(relu.defect(one_minus_c=1e-12)) * 1e12, 5)
        1.0
        """
        variance = float(_variance(q))
        if variance == 0:
            raise InputError("the variance q = 0 leaves nothing to compile: take q > 0")
        breaks = [float(h) for h in self._require_numbers().kinks]
        return DualFunction(self.numpy, variance, breaks, jumps=bool(self._pieces.jumps))

    def covariance_form(self, derivatives: bool = False) -> sp.Expr | None:
        """I_phi[q_1, q_2], the dual at variance q_1 and covariance q_2 (``derivatives``: of phi'); None if not closed."""
        return gaussian.covariance_form(self._pieces, derivatives)

    # -- other activations

    @property
    def derivative(self) -> Activation:
        """phi' as an activation; :class:`JumpError` where phi jumps (a delta is no function)."""
        gaussian.require_continuous(self._pieces)
        return Activation(self._pieces.derivative().expression, f"{self.name}'", self.parameter_list)

    def centred(self) -> Activation:
        """phi - E phi(Z)."""
        return Activation(self.expression - self.mean, f"centred {self.name}", self.parameter_list)

    def normalised(self) -> Activation:
        """phi / sqrt(eta)."""
        return Activation(self.expression / sp.sqrt(self.eta), f"normalised {self.name}", self.parameter_list)

    def at(self, **values) -> Activation:
        """The same activation with some parameters fixed."""
        return self.with_values({name: sp.sympify(value) for name, value in values.items()})

    def with_values(self, values: Mapping[str, sp.Expr]) -> Activation:
        """Fix parameters by name; :class:`InputError` for a name that is no parameter or a value out of its domain."""
        known = {p.name: p for p in self.parameter_list}
        for name in values:
            if name not in known:
                has = f"its parameters are {', '.join(known)}" if known else "it has no parameters"
                raise InputError(f"{self.name} has no parameter {name!r}: {has}")
        fixed = {known[name].symbol: known[name].check(value) for name, value in values.items()}
        rest = tuple(p for p in self.parameter_list if p.name not in values)
        label = ", ".join(f"{symbol}={value}" for symbol, value in fixed.items())
        name = f"{self.name}({label})" if label and "(" not in self.name else self.name
        return Activation(self.expression.subs(fixed), name, rest)


def _is_degree(k: Any) -> bool:
    """Whether k is a symbol for 0, 1, 2, ..."""
    return isinstance(k, sp.Symbol) and bool(k.is_integer and k.is_nonnegative)


def _variance(q) -> sp.Expr:
    value = sp.sympify(q)
    if value.is_negative or value.is_real is False:
        raise InputError(f"the variance q = {q} is not a non-negative number")
    return value


def _variance_and_correlation(q, c) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    correlation = sp.sympify(c)
    if correlation.is_number and (correlation.is_real is False or abs(correlation) > 1):
        raise InputError(f"the correlation c = {c} lies outside [-1, 1]")
    return _variance(q), _variance(q), correlation
