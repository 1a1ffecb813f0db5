"""Eigenvalues in a symbolic dimension, and degree, of an activation that is one power on each half-line."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import sympy as sp

from fimtheory.activations import Activation, activation
from fimtheory.errors import InputError
from fimtheory.latex import latex
from fimtheory.theory.homogeneous import (
    DIMENSION,
    HomogeneousTerm,
    homogeneous_eigenvalue,
    homogeneous_terms,
    large_dimension,
    vanishes,
)
from fimtheory.theory.sphere import RadialLaw, multiplicity

DEGREE = sp.Symbol("k", integer=True, nonnegative=True)


@dataclass(frozen=True)
class ModeFormula:
    """lambda_k and its multiplicity N(d, k), in d, and in k while ``degree`` is a symbol."""

    term: HomogeneousTerm
    degree: int | sp.Symbol
    eigenvalue: sp.Expr
    multiplicity: sp.Expr

    def at(self, dimension: int, degree: int | None = None) -> sp.Expr:
        """The eigenvalue at numbers.

        >>> [mode_formula("relu").at(3, k) for k in range(5)]
        [9/16, 1/4, 9/256, 0, 1/1024]
        """
        if isinstance(self.degree, sp.Symbol) == (degree is None):
            raise InputError("the degree is a symbol: give it a number" if degree is None else "the degree is fixed")
        k = self.degree if degree is None else degree
        if vanishes(self.term, int(k)):
            return sp.S.Zero
        return sp.simplify(self.eigenvalue.subs({DIMENSION: sp.Integer(dimension), DEGREE: sp.Integer(int(k))}))

    @functools.cached_property
    def limit(self) -> tuple[sp.Expr, sp.Expr]:
        """N lambda/d^alpha = a + b/d + O(1/d^2), weights and inputs N(0, I_d): (a, b). a is a Hermite coefficient squared.

        >>> mode_formula("relu", 0).limit
        (1/(2*pi), 1/(4*pi))
        """
        if isinstance(self.degree, sp.Symbol):
            raise InputError("the limit of large dimension is known degree by degree: give a degree")
        a, b = large_dimension(self.term, self.degree)
        return a, b

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle \lambda_{{{self.degree}}} = {latex(self.eigenvalue)}$"


def mode_formula(
    f: str | sp.Expr | Activation,
    degree: int | None = None,
    weight_variance: sp.Expr | int = 1,
    weights: str = "gaussian",
    inputs: str = "gaussian",
) -> ModeFormula:
    """The eigenvalue of one degree for a symbolic dimension; of all degrees, in the symbol k, where none is given.

    lambda_k = c_k^2 E|w|^(2 alpha) E|x|^(2 alpha), with the Gammas of
    :func:`fimtheory.theory.homogeneous.funk_hecke_power`. Parameters of the activation may be free. With k a symbol, a
    Gamma function at a pole stands for infinity: the odd degrees of ReLU from 3 on vanish.

    Raises :class:`InputError` where more than one power enters.

    >>> formula = mode_formula("relu")
    >>> formula.eigenvalue
    d**2*gamma(d/2)**2/(16*gamma((3 - k)/2)**2*gamma((d + k + 1)/2)**2)
    >>> mode_formula("leaky_relu", 1).eigenvalue, mode_formula("relu", 2).multiplicity
    ((alpha + 1)**2/4, (d - 1)*(d + 2)/2)
    """
    phi = activation(f)
    if degree is not None and (isinstance(degree, bool) or not isinstance(degree, int) or degree < 0):
        raise InputError(f"degree {degree} is none: give a whole number from 0 on, or leave it out for a formula in k")
    terms = homogeneous_terms(phi)
    seen = [t for t in terms or () if degree is None or not vanishes(t, degree)] or list(terms or ())[:1]
    if len(seen) != 1:
        raise InputError(
            f"{phi.name} is not one power on each half-line: its modes in a given dimension are those of kernel_modes"
        )
    (term,) = seen
    k = DEGREE if degree is None else degree
    sides = ((weights, sp.sympify(weight_variance)), (inputs, sp.S.One))
    laws = [RadialLaw(DIMENSION, variance, _is_fixed(law)) for law, variance in sides]
    eigenvalue = homogeneous_eigenvalue(term, k, *laws)
    tidy = sp.factor_terms if degree is None else sp.factor
    return ModeFormula(term, k, tidy(eigenvalue), sp.sympify(multiplicity(DIMENSION, k)))


def _is_fixed(law: str) -> bool:
    if law not in ("gaussian", "sphere"):
        raise InputError(f"{law!r} is not a law of weights or inputs: write 'gaussian' or 'sphere'")
    return law == "sphere"
