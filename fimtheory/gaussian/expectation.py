"""E f(U) and E f(U) g(V) as SymPy expressions: closed where the class of Gaussian atoms allows, named where not."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import sympy as sp

from fimtheory.emission import stable
from fimtheory.errors import InputError, JumpError, NoClosedForm
from fimtheory.functions import density, sigmoid, softplus
from fimtheory.gaussian.cone import Cone, Sum, accumulate
from fimtheory.gaussian.field import CORRELATION, COVARIANCE_FORM, VARIANCE, Field, sample_points
from fimtheory.gaussian.integrals import Expectation, PairExpectation
from fimtheory.gaussian.normal_form import Atoms, normal_form
from fimtheory.gaussian.pieces import Pieces, pieces
from fimtheory.gaussian.textbook import textbook

_MOST_PRODUCTS = 4000  # a formula of that many terms is no use on paper, and minutes in the making
_SIMPLE = 10**6  # what is larger, or smaller than its inverse, is no normalisation


def expectation(expression: sp.Expr, x: sp.Symbol, q: sp.Expr = sp.S.One) -> sp.Expr:
    """E f(sqrt(q) Z) for Z ~ N(0, 1); an :class:`Expectation` where there is no closed form in the class.

    >>> x = sp.Symbol("x", real=True)
    >>> expectation(sp.Max(x, 0), x)
    sqrt(2)/(2*sqrt(pi))
    >>> expectation(sp.tanh(x) ** 2, x)
    Expectation(tanh(x)**2, x, 1)
    """
    return of_pieces(pieces(expression, x), sp.sympify(q))


@functools.lru_cache(maxsize=4096)
def of_pieces(f: Pieces, q: sp.Expr) -> sp.Expr:
    """E f(sqrt(q) Z) for a function given by its pieces."""
    if q.is_zero:
        return _value_at_zero(f)
    if not q.is_positive:
        return of_pieces(f, VARIANCE).subs(VARIANCE, q)
    for candidate in (lambda: f, lambda: _even_part(f)):
        # The even part alone counts, and may be in the class where f is not.
        with contextlib.suppress(NoClosedForm):
            return _product(candidate(), q).expectation()
    constant, rest = f.expression.as_independent(f.variable, as_Add=True)
    number, rest = rest.as_coeff_Mul()
    return constant + number * Expectation(rest, f.variable, q)


def hermite_coefficient(f: Pieces, k: int) -> sp.Expr:
    """E f(Z) He_k(Z)."""
    he = sp.hermite_prob(k, f.variable)
    try:
        return _product(f, sp.S.One).expectation(sp.Poly(he, f.variable).all_coeffs()[::-1])
    except NoClosedForm:
        return of_pieces(f.map(lambda e: e * he), sp.S.One)


def pair_expectation(
    f: sp.Expr, g: sp.Expr, x: sp.Symbol, q1: sp.Expr, q2: sp.Expr, c: sp.Expr, derivatives: bool = False
) -> sp.Expr:
    """E f(U) g(V), Var U = q1, Var V = q2, correlation c; with ``derivatives``, E f'(U) g'(V) in the weak sense.

    Raises :class:`JumpError` where the product of two deltas would be evaluated at one point (c = 1 or c = -1).

    >>> x, c, q = sp.Symbol("x", real=True), CORRELATION, sp.Symbol("q", positive=True)
    >>> pair_expectation(sp.sign(x), sp.sign(x), x, q, q, c)
    2*asin(c)/pi
    """
    return pair_of_pieces(pieces(f, x), pieces(g, x), *map(sp.sympify, (q1, q2, c)), derivatives)


@functools.lru_cache(maxsize=4096)
def pair_of_pieces(f: Pieces, g: Pieces, q1: sp.Expr, q2: sp.Expr, c: sp.Expr, derivatives: bool = False) -> sp.Expr:
    """The same for functions given by their pieces."""
    if abs(c) == 1 or 0 in (q1, q2):
        return _degenerate(f, g, q1, q2, c, derivatives)
    if q1 == q2 and not q1.is_positive:
        return pair_of_pieces(f, g, VARIANCE, VARIANCE, CORRELATION, derivatives).subs({VARIANCE: q1, CORRELATION: c})
    try:
        forms = [normal_form(f, derivatives), normal_form(g, derivatives)]
        general = AtomProduct(forms, _covariance(q1, q2)).expectation()
    except NoClosedForm:
        if derivatives and (f.jumps or g.jumps):
            raise JumpError("no closed form for the weak derivative of this function with jumps") from None
        if derivatives:
            f, g = f.derivative(), g.derivative()
        return PairExpectation(f.expression, g.expression, f.variable, q1, q2, c)
    return _restore(general, q1, q2).subs(CORRELATION, c)


def weak_pair(
    f: sp.Expr, g: sp.Expr, x: sp.Symbol, q1: sp.Expr, q2: sp.Expr, c: sp.Expr, left: bool, right: bool
) -> sp.Expr:
    """E f(U) g(V), with f' in place of f where ``left``, g' in place of g where ``right``, deltas at jumps included.

    Raises :class:`JumpError` where a delta meets a jump, or another delta, at one point.

    >>> x = sp.Symbol("x", real=True)
    >>> weak_pair(sp.Heaviside(x), sp.cos(x), x, sp.S.One, sp.S.One, sp.S.One, True, False)
    sqrt(2)/(2*sqrt(pi))
    """
    if left == right:
        return pair_expectation(f, g, x, q1, q2, c, derivatives=left)
    if right:
        f, g, q1, q2 = g, f, q2, q1
    split, other = pieces(f, x), pieces(g, x)
    total = pair_of_pieces(split.derivative(), other, q1, q2, c)
    for h, jump in split.jumps:
        # V given U = h
        mean, variance = c * sp.sqrt(q2 / q1) * h, q2 * (1 - c**2)
        given = of_pieces(pieces(g.subs(x, x + mean), x), variance)
        total += jump * density(h / sp.sqrt(q1)) / sp.sqrt(q1) * given
    return total


def covariance_form(f: Pieces, derivatives: bool = False) -> sp.Expr | None:
    """I_f[q_1, q_2] = E f(U) f(V) with variance q_1 and covariance q_2 (of f' with ``derivatives``), None if not closed."""
    variance, covariance = COVARIANCE_FORM
    try:
        forms = [normal_form(f, derivatives)] * 2
        return AtomProduct(forms, ((variance, covariance), (covariance, variance))).expectation()
    except NoClosedForm:
        return None


def weak_square(f: Pieces, q: sp.Expr) -> sp.Expr:
    """E f'(sqrt(q) Z)^2; raises :class:`JumpError` where f jumps."""
    require_continuous(f)
    return of_pieces(f.derivative().map(lambda e: e**2), q)


def weak_mean(f: Pieces, q: sp.Expr) -> sp.Expr:
    """E f'(sqrt(q) Z), deltas included: a jump of size J at h adds J times the density at h."""
    regular = of_pieces(f.derivative(), q)
    return regular + sum(jump * density(h / sp.sqrt(q)) / sp.sqrt(q) for h, jump in f.jumps)


def require_continuous(f: Pieces) -> None:
    """Raise :class:`JumpError` naming the jump of a discontinuous function."""
    if f.jumps:
        (h, jump), *_ = f.jumps
        raise JumpError(
            f"the function jumps by {jump} at {f.variable} = {h}: its derivative holds a delta function, whose square"
            " has no expectation; use a continuous activation (for instance erf(s*x) with a large s)"
        )


# -- the calculus


class AtomProduct:
    """A product of sums of atoms, one sum a Gaussian variable, with everything that its expectations share.

    Coefficients that are not rational in the parameters stay outside the field.
    """

    def __init__(self, forms: list[Atoms], covariance: tuple[tuple[sp.Expr, ...], ...]) -> None:
        split = [[(shape, *part) for shape, c in form.items() for part in _rational_parts(c)] for form in forms]
        if math.prod(map(len, split)) > _MOST_PRODUCTS:
            raise NoClosedForm(f"the closed form would have more than {_MOST_PRODUCTS} terms before any cancels")
        self.field = Field([*(e for row in covariance for e in row), *_field_expressions(split)])
        matrix = tuple(tuple(self.field(e) for e in row) for row in covariance)
        self._cone = functools.cache(lambda shapes: Cone(self.field, shapes, matrix))
        self._sums = [[(shape, self.field(rational), other) for shape, rational, other in terms] for terms in split]
        self._exchangeable = len(forms) == 2 and forms[0] == forms[1] and covariance[0][0] == covariance[1][1]

    def expectation(self, polynomial: Sequence[sp.Expr] = (sp.S.One,)) -> sp.Expr:
        """The expectation of the product times a polynomial in the first variable (coefficients, the constant first)."""
        total: dict[sp.Expr, Sum] = {}
        weights = [(power, self.field(coefficient)) for power, coefficient in enumerate(polynomial) if coefficient]
        for terms, count in self._products():
            shapes, rationals, others = zip(*terms, strict=True)
            number, irrational = sp.Mul(*others).as_coeff_Mul()
            weight, leaves = math.prod(rationals, start=self.field(number * count)), total.setdefault(irrational, {})
            cone = self._cone(tuple(replace(shape, power=0) for shape in shapes))
            for raised, coefficient in weights:
                powers = (shapes[0].power + raised, *(shape.power for shape in shapes[1:]))
                accumulate(leaves, cone.moment(powers), weight * coefficient)
        result = _real(textbook(self.field, total))
        return _recognised(result) if any(irrational.has(sp.Symbol, sp.Add) for irrational in total) else result

    def _products(self) -> Iterable[tuple[tuple, int]]:
        """The terms of the expanded product, and how often each counts: f(U) g(V) and g(U) f(V) may be the same."""
        if not self._exchangeable:
            return ((terms, 1) for terms in itertools.product(*self._sums))
        pairs = itertools.combinations_with_replacement(enumerate(self._sums[0]), 2)
        return (((s, t), 1 if i == j else 2) for (i, s), (j, t) in pairs)


@functools.lru_cache(maxsize=64)
def _product(f: Pieces, q: sp.Expr) -> AtomProduct:
    return AtomProduct([normal_form(f)], ((q,),))


def _real(e: sp.Expr) -> sp.Expr:
    """A real expression without complex exponentials (of sin and cos with a shift, or beside exp): cosines instead."""
    if not e.has(sp.I):
        return e

    def cosines(u: sp.Expr) -> sp.Expr:
        decay, phase = map(sp.factor_terms, sp.expand(u).as_real_imag())
        return sp.exp(decay) * (sp.cos(phase) + sp.I * sp.sin(phase))

    e = e.replace(lambda u: isinstance(u, (sp.cosh, sp.sinh)) and u.has(sp.I), lambda u: u.rewrite(sp.exp))
    e = sp.powsimp(sp.expand(e, power_exp=False), combine="exp")
    e = sp.expand(e.replace(sp.exp, cosines), power_exp=False)
    if e.has(sp.I):
        raise NoClosedForm(f"the imaginary parts of {e} do not cancel: no closed form in this class")
    return sp.factor_terms(e)


def _recognised(e: sp.Expr) -> sp.Expr:
    """Undo a normalisation, phi / sqrt(eta): what is a simple number at all parameters is that number."""
    if not e.has(sp.Function):
        shorter = sp.factor(sp.cancel(sp.together(e)))
        e = shorter if sp.count_ops(shorter) < sp.count_ops(e) else e
    values = (e.subs(point).evalf(40) for point in sample_points(e.free_symbols))
    first = next(values)
    if not (first.is_Float and 1 / _SIMPLE < abs(first) < _SIMPLE):
        return e
    nearest = sp.Rational(round(float(first) * 12), 12)
    close = (abs(value - nearest) < sp.Float("1e-35", 40) for value in itertools.chain([first], values))
    return nearest if all(close) else e


def _rational_parts(coefficient: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """A coefficient as a sum of (rational function of the parameters) * (anything else)."""
    parts = []
    for term in sp.Add.make_args(coefficient if _is_rational(coefficient) else sp.expand(coefficient, deep=False)):
        rational, other = sp.S.One, sp.S.One
        for factor in sp.Mul.make_args(term):
            if _is_rational(factor):
                rational *= factor
            else:
                other *= factor
        parts.append((rational, other))
    return parts


def _is_rational(e: sp.Expr) -> bool:
    if e.is_Add or e.is_Mul:
        return all(map(_is_rational, e.args))
    if e.is_Pow:
        return bool(e.exp.is_Integer) and _is_rational(e.base)
    return bool(e.is_Rational or e.is_Symbol)


def _field_expressions(split: list[list]) -> Iterable[sp.Expr]:
    for shape, rational, _ in (term for form in split for term in form):
        yield from (rational, shape.quadratic, shape.linear)
        yield from (e for e in (shape.above, shape.at) if e is not None)
        for g, d in shape.cdfs:
            yield from _cdf_expressions(g, d)


def _cdf_expressions(g: sp.Expr, d: sp.Expr) -> tuple[sp.Expr, ...]:
    return (d / abs(g), Cone.surd_variance(g)) if Cone.is_surd(g) else (g, d)


_ROOT1, _ROOT2 = sp.Symbol("sqrt_q1", positive=True), sp.Symbol("sqrt_q2", positive=True)


def _covariance(q1: sp.Expr, q2: sp.Expr) -> tuple[tuple[sp.Expr, ...], ...]:
    c = CORRELATION
    if q1 == q2:
        return ((q1, q1 * c), (q1 * c, q1))
    cross = c * _ROOT1 * _ROOT2
    return ((_ROOT1**2, cross), (cross, _ROOT2**2))


def _restore(e: sp.Expr, q1: sp.Expr, q2: sp.Expr) -> sp.Expr:
    return e if q1 == q2 else e.subs({_ROOT1: sp.sqrt(q1), _ROOT2: sp.sqrt(q2)})


def _degenerate(f: Pieces, g: Pieces, q1, q2, c, derivatives: bool) -> sp.Expr:
    """c = 1, c = -1 or a vanishing variance: one Gaussian variable is left."""
    if derivatives:
        require_continuous(f)
        require_continuous(g)
        f, g = f.derivative(), g.derivative()
    x = f.variable
    if q1.is_zero or q2.is_zero:
        return of_pieces(f, q1) * of_pieces(g, q2)
    return of_pieces(pieces(f.expression * g.expression.subs(x, c * sp.sqrt(q2 / q1) * x), x), q1)


def _value_at_zero(f: Pieces) -> sp.Expr:
    for h, _ in f.jumps:
        if h.is_zero:
            raise JumpError(f"the value at {f.variable} = 0 is ambiguous: the function jumps there; take q > 0")
    return f.expression.subs(f.variable, 0)


def _even_part(f: Pieces) -> Pieces:
    """The even part, sigmoid and softplus written with tanh and log cosh, whose parity SymPy knows."""

    def rewrite(e: sp.Expr) -> sp.Expr:
        e = stable(e).replace(sigmoid, lambda u: sp.S.Half + sp.tanh(u / 2) / 2)
        return sp.expand(e.replace(softplus, lambda u: u / 2 + sp.log(2 * sp.cosh(u / 2))))

    try:
        return f.map(rewrite).even_part()
    except InputError as error:  # the kinks of f and their mirror images cannot be ordered
        raise NoClosedForm(str(error)) from None
