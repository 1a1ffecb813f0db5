"""Function forms: the function of x that output weights v_i = g(w_i) realise, a given function of the hidden weights."""

from __future__ import annotations

import functools
import math
import re

import numpy as np
import sympy as sp

from fimtheory.activations import Activation, activation, parse
from fimtheory.emission import emit
from fimtheory.errors import InputError
from fimtheory.gaussian.integrals import Expectation
from fimtheory.gaussian.quantity import number
from fimtheory.latex import latex
from fimtheory.theory.form_averages import average, collected, is_of_powers
from fimtheory.theory.form_profiles import RadialForm
from fimtheory.theory.harmonics import INPUT, WEIGHT, Space, harmonics, mean, monomials, tidy
from fimtheory.theory.homogeneous import DIMENSION, homogeneous_terms
from fimtheory.theory.sphere import RadialLaw
from fimtheory.theory.square_integrable import require_square_integrable

LAWS = ("gaussian", "sphere")
MOST_TERMS, MOST_DEGREE = 40, 32  # of g; products of two such are formed
MOST_DIMENSIONS = 1000  # exact Gammas of larger numbers are of no use; 'd' gives formulas for all


class FunctionForm:
    r"""F(x) = E_w[g(w) phi(w.x)], the limit of f(x) = sum_i v_i phi(w_i.x)/sqrt(m) for v_i = g(w_i)/sqrt(m), i = 1..m.

    w ~ N(0, ``weight_variance`` I_d), x ~ N(0, I_d), or of fixed lengths on the "sphere"; g is a sum of powers of |w|
    times polynomials in coordinates. A power t_+^alpha takes |w|^q h_k(w), h_k a harmonic of degree k, to a multiple of
    |x|^(alpha-k) h_k(x), by the Funk-Hecke formula; for any phi and a polynomial g, Stein's identity gives
    E[w_a w_b phi(w.x)] = delta_ab E phi + x_a x_b E phi'' at variance |x|^2. Otherwise F is a number alone.

    *Source*: document 001 (ReLU, four groups), extended. *As printed* there: v is a unit vector and w_i ~ N(0, I_d/m),
    which for ReLU gives the function ``unit``.
    *Holds when* E g^2 and E phi(w.x)^2 are finite; with ``dimension`` the symbol "d", for d large enough that they are.

    Raises :class:`InputError` where g is no such sum, names a coordinate beyond d, vanishes, or has no mean square.

    >>> product = FunctionForm("relu", "w1*w2/norm", 3)
    >>> product.form, product.norm2, product.quotient, product.is_eigenfunction
    (3*x_1*x_2/(16*|x|), 9/1280, 9/256, True)
    """

    def __init__(
        self,
        f: str | sp.Expr | Activation,
        g: str | sp.Expr,
        dimension: int | str | sp.Symbol,
        weight_variance: sp.Expr | str | int = 1,
        weights: str = "gaussian",
        inputs: str = "gaussian",
    ) -> None:
        self.activation = activation(f)
        self.dimension = _dimension(dimension)
        self.g = self._with_dimension(weight_function(g))
        for name, law in (("weights", weights), ("inputs", inputs)):
            if law not in LAWS:
                raise InputError(f"{name} = {law!r} is not a law: write 'gaussian' or 'sphere'")
        variance = self._with_dimension(_variance(weight_variance))
        self.weights = RadialLaw(self.dimension, variance, weights == "sphere")
        self.inputs = RadialLaw(self.dimension, sp.S.One, inputs == "sphere")
        self._require_sound()

    def _with_dimension(self, e: sp.Expr) -> sp.Expr:
        return e.subs(DIMENSION, self.dimension)

    def _require_sound(self) -> None:
        d, named = self.dimension, WEIGHT.coordinates(self.g)
        beyond = [s for s in named if isinstance(d, int) and WEIGHT.number(s) > d]
        if beyond:
            raise InputError(f"there is no coordinate {beyond[0]} in {d} dimensions: the last is w_{d}")
        known = {WEIGHT.norm, DIMENSION, *named, *(p.symbol for p in self.activation.parameter_list)}
        unknown = sorted(map(str, self.g.free_symbols - known))
        if unknown:
            raise InputError(
                f"{unknown[0]} is unknown in g = {self.g}: write a text in w1, w2, ... and norm, or WEIGHT.coordinate(1)"
            )
        terms = monomials(self.g, WEIGHT)
        if len(terms) > MOST_TERMS or any(sum(exponents) > MOST_DEGREE for _, exponents in terms):
            raise InputError(
                f"g has {len(terms)} terms: at most {MOST_TERMS} are taken, of degree {MOST_DEGREE} in the coordinates"
            )
        if self.weight_norm2 == 0:
            raise InputError(f"g = {self.g} is 0 everywhere: the output weights vanish; take another function")
        free = self.activation.parameter_list
        if isinstance(d, int) and not free and homogeneous_terms(self.activation) is None:
            require_square_integrable(self.activation, self.weights, self.inputs)

    def __repr__(self) -> str:
        return f"<FunctionForm of {self.activation.name}, g = {self.g}, d = {self.dimension}: F = {self.form}>"

    def _repr_latex_(self) -> str:
        shown = r"\text{a number alone}" if self.form is None else latex(self.form)
        return rf"$\displaystyle g(w) = {latex(self.g)} \quad\mapsto\quad F(x) = {shown}$"

    # -- the function

    @functools.cached_property
    def form(self) -> sp.Expr | None:
        """F, in x_1, x_2, ... and |x|; None where it has no closed form here."""
        return average(self.activation, self.g, self.weights)

    @functools.cached_property
    def unit(self) -> sp.Expr | None:
        """F for a vector v of length 1: F/sqrt(E g^2)."""
        return None if self.form is None else self.form / sp.sqrt(self.weight_norm2)

    @functools.cached_property
    def fluctuation(self) -> sp.Expr | None:
        """m Var f(x) = E[g^2 phi(w.x)^2] - F(x)^2, exact at every width m; a function of x.

        >>> FunctionForm("relu", "norm", 3).fluctuation
        31*|x|**2/16
        """
        squares = average(_squared(self.activation), self.g**2, self.weights)
        if squares is None or self.form is None:
            return None
        difference = squares - self.form**2
        return collected(difference) if is_of_powers(difference) else difference

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """F at points, shape (..., d) to (...)."""
        points, form = self._points(x), self.form
        if form is None or form.has(Expectation):
            return self.radial.values(points)
        return _at(form, INPUT, points, self._at_zero(self.g))

    def fluctuations(self, x: np.ndarray) -> np.ndarray:
        """m Var f at points."""
        points, form = self._points(x), self.fluctuation
        if form is None or form.has(Expectation):
            return self._numerical(_squared(self.activation), self.g**2).values(points) - self(x) ** 2
        zero = self.activation.numpy(0.0) * self._at_zero(self.g**2) - self._at_zero(self.g) ** 2
        return _at(form, INPUT, points, zero)

    def _at_zero(self, g: sp.Expr) -> float:
        """phi(0) E g."""
        return float(self.activation.numpy(0.0)) * _float(mean(g, WEIGHT, self.weights))

    def at_weights(self, w: np.ndarray) -> np.ndarray:
        """g at the rows of a matrix of hidden weights."""
        return _at(self.g, WEIGHT, np.asarray(w, dtype=float), np.nan)

    def _points(self, x: np.ndarray) -> np.ndarray:
        self.activation._require_numbers()
        d, points = self._whole_dimension, np.asarray(x, dtype=float)
        if points.ndim == 0 or points.shape[-1] != d:
            raise InputError(
                f"points of shape {points.shape} are no points of {d} dimensions: give an array (..., {d})"
            )
        return points

    @property
    def _whole_dimension(self) -> int:
        if not isinstance(self.dimension, int):
            raise InputError("numbers need a dimension: give a whole number instead of d")
        return self.dimension

    # -- lengths and angles

    @functools.cached_property
    def weight_norm2(self) -> sp.Expr:
        """E g^2: what |v|^2 tends to."""
        return mean(self.g**2, WEIGHT, self.weights)

    @property
    def norm2(self) -> sp.Expr | None:
        """E F^2 = <v, J v>; None where it is a number alone."""
        return self.inner(self)

    @property
    def quotient(self) -> sp.Expr | None:
        """<v, J v>/<v, v> in the limit: the eigenvalue, where g is an eigenfunction."""
        return None if self.norm2 is None else tidy(self.norm2 / self.weight_norm2)

    @property
    def singular_ratio(self) -> sp.Expr | None:
        """sqrt(E F^2/E g^2)."""
        return None if self.quotient is None else sp.sqrt(self.quotient)

    @property
    def quotient_value(self) -> float:
        """:attr:`quotient` as a number."""
        return self.inner_value(self) / _float(self.weight_norm2)

    @functools.cached_property
    def is_eigenfunction(self) -> bool:
        """Whether g is an eigenfunction: E_x[F(x) phi(w.x)] is a multiple of g.

        Decided by algebra where F is a sum of powers, otherwise to nine digits.
        """
        form, quotient = self.form, self.quotient
        if form is None or quotient is None:
            return self.radial.is_eigenfunction
        back = average(self.activation, INPUT.moved_to(WEIGHT, form), self.inputs)
        if back is None:
            return self.radial.is_eigenfunction
        left = INPUT.moved_to(WEIGHT, back) - quotient * self.g
        return mean(left**2, WEIGHT, self.weights) == 0

    def inner(self, other: FunctionForm) -> sp.Expr | None:
        """E F F' = <v, J v'> in the limit, exact; None where it is a number alone."""
        one, two = self.form, other.form
        if one is None or two is None or not (is_of_powers(one) and is_of_powers(two)):
            return None
        return mean(one * two, INPUT, self.inputs)

    def inner_value(self, other: FunctionForm) -> float:
        """The same as a number."""
        exact = self.inner(other)
        return self.radial.inner(other.radial) if exact is None else _float(exact)

    def shared(self, other: FunctionForm) -> float:
        """E g g' phi^2: E<v, J v'> = E F F' + (E g g' phi^2 - E F F')/m, exact at every width m."""
        squared, both = _squared(self.activation), self.g * other.g
        exact = average(squared, both, self.weights)
        if exact is not None and is_of_powers(exact):
            return _float(mean(exact, INPUT, self.inputs))
        return self._numerical(squared, both).mean

    def cosine(self, other: FunctionForm) -> sp.Expr | None:
        """The cosine between two functions: of v and v' in the metric J, as m grows; 0 where one of them vanishes.

        >>> a, b = (FunctionForm("relu", g, "d") for g in ("w1**2", "w2**2"))
        >>> a.cosine(b), a.weight_cosine(b)
        ((d**2 + 4*d + 5)/(d**2 + 4*d + 7), 1/3)
        """
        inner, one, two = self.inner(other), self.norm2, other.norm2
        if inner is None or one is None or two is None:
            return None
        return inner if inner == 0 else tidy(inner / sp.sqrt(tidy(one * two)))

    def cosine_value(self, other: FunctionForm) -> float:
        """The same as a number."""
        lengths = self.inner_value(self) * other.inner_value(other)
        if lengths == 0:
            raise InputError("a function that is 0 has no angle with others: take another g")
        return self.inner_value(other) / math.sqrt(lengths)

    def weight_cosine(self, other: FunctionForm) -> sp.Expr:
        """The cosine between v and v' themselves."""
        inner = mean(self.g * other.g, WEIGHT, self.weights)
        return inner if inner == 0 else tidy(inner / sp.sqrt(tidy(self.weight_norm2 * other.weight_norm2)))

    @functools.cached_property
    def radial(self) -> RadialForm:
        """The same function by quadrature, whatever the activation."""
        return self._numerical(self.activation, self.g)

    def _numerical(self, f: Activation, g: sp.Expr) -> RadialForm:
        d = self._whole_dimension
        return RadialForm(f._require_numbers(), harmonics(g, WEIGHT, d), self.weights, self.inputs)


def function_form(f: str | sp.Expr | Activation, g: str | sp.Expr, dimension: int | str, **options) -> FunctionForm:
    """:class:`FunctionForm` of an activation and a function of the hidden weights.

    >>> function_form("erf", "w1", 3).form
    2*x_1/(sqrt(pi)*sqrt(2*|x|**2 + 1))
    """
    return FunctionForm(f, g, dimension, **options)


@functools.lru_cache(maxsize=256)
def _squared(f: Activation) -> Activation:
    return Activation(f.expression**2, f"{f.name} squared", f.parameter_list)


# -- what the user writes


def weight_function(g: str | sp.Expr) -> sp.Expr:
    """The function of w that a text stands for, in w1, w2, ..., norm = |w| and d.

    >>> weight_function("w1*w2/norm - 2"), weight_function("norm")
    (w_1*w_2/|w| - 2, |w|)
    """
    if not isinstance(g, str):
        found = sp.sympify(g)
        if not isinstance(found, sp.Expr):
            raise InputError(f"{g} is no function of the hidden weights: write a text in w1, w2, ... and norm")
        return found
    numbers = dict.fromkeys(int(n) for n in re.findall(r"\bw([1-9]\d{0,8})\b", g))
    names = {sp.Symbol(f"w{l}", real=True): WEIGHT.coordinate(l) for l in numbers}
    names[sp.Symbol("norm", positive=True)] = WEIGHT.norm
    return parse(g, parameters=[*names, DIMENSION], variable=None).xreplace(names)


def _dimension(given: int | str | sp.Symbol) -> int | sp.Symbol:
    if given in ("d", DIMENSION):
        return DIMENSION
    whole = isinstance(given, int | np.integer | sp.Integer) and not isinstance(given, bool)
    if whole and 1 <= int(given) <= MOST_DIMENSIONS:
        return int(given)
    raise InputError(f"dimension = {given} is not possible: give a whole number from 1 to {MOST_DIMENSIONS}, or 'd'")


def _variance(given: sp.Expr | str | int) -> sp.Expr:
    value = parse(given, parameters=[DIMENSION], variable=None) if isinstance(given, str) else sp.sympify(given)
    if not isinstance(value, sp.Expr) or not value.is_positive or value.free_symbols - {DIMENSION}:
        raise InputError(f"weight_variance = {given} is not a positive number: write for instance 1 or 1/d")
    return value


def _at(e: sp.Expr, space: Space, points: np.ndarray, at_zero: float) -> np.ndarray:
    """e at an array of points (..., d); where they vanish, powers of the length are of no use and the value is given."""
    names, lengths = space.coordinates(e), np.linalg.norm(points, axis=-1)
    columns = (points[..., space.number(s) - 1] for s in names)
    values = emit(e, [space.norm, *names])(np.where(lengths == 0, 1.0, lengths), *columns)
    return np.where(lengths == 0, at_zero, np.asarray(values, dtype=float))


def _float(e: sp.Expr) -> float:
    return float(number(e, 17))
