"""From the leaves of the cone recursion to the formula a careful author would print.

Square factors leave the radicals, mirror images of the normal distribution function are brought to one
representative (then to the shorter one), pi/2 + asin becomes pi - acos where that is shorter, pairs of exponentials
become hyperbolic functions, and a common factor stands in front.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, combinations
from math import gcd, lcm, prod

import sympy as sp
from flint import fmpz_mpoly

from fimtheory.functions import BivariateNormalCDF, Phi
from fimtheory.gaussian.cone import Leaf, Matrix, Sum, Vector
from fimtheory.gaussian.field import CORRELATION, COVARIANCE_FORM, VARIANCE, Field, sample_points
from fimtheory.gaussian.rational import RationalFunction, factorised

_VARIABLES = (VARIANCE, CORRELATION, *COVARIANCE_FORM)  # every other symbol is a parameter of the functions

_ORDERLY = 1.1  # a formula by powers of its parameters may be a little longer

Combination = list[tuple[sp.Expr, sp.Expr]]  # sum of (number, function)


@dataclass(frozen=True)
class Key:
    """What multiplies a rational coefficient: a surd (powers of pi included), sqrt(radical), exp(exponent), a function."""

    surd: sp.Expr
    radical: RationalFunction
    exponent: RationalFunction
    function: sp.Expr = sp.S.One


def textbook(field: Field, sums: dict[sp.Expr, Sum]) -> sp.Expr:
    """sum_s s * (sum of leaves), the s irrational factors outside the field, as one SymPy expression."""
    return _Writer(field).write(sums)


class _Writer:
    def __init__(self, field: Field) -> None:
        self.field = field
        self.terms: dict[Key, RationalFunction] = {}

    def write(self, sums: dict[sp.Expr, Sum]) -> sp.Expr:
        for surd, leaves in sums.items():
            for leaf, coefficient in leaves.items():
                self._expand(leaf, coefficient, surd)
        parts = self._by_parameters()
        whole = self._laid_out(self.terms)
        if len(parts) < 2:
            return whole
        powers = sp.Add(*(self.field.as_expr(power) * self._laid_out(terms) for power, terms in parts))
        return powers if sp.count_ops(powers) < _ORDERLY * sp.count_ops(whole) else whole

    def _laid_out(self, terms: dict[Key, RationalFunction]) -> sp.Expr:
        self.terms = terms
        self._shorten_mirrors()
        self._prefer_arccos()
        return self._assemble()

    def _add(self, key: Key, value: RationalFunction) -> None:
        total = self.terms.get(key, self.field.zero) + value
        if total:
            self.terms[key] = total
        else:
            self.terms.pop(key, None)

    # -- leaves to terms

    def _expand(self, leaf: Leaf, coefficient: RationalFunction, surd: sp.Expr) -> None:
        weight, number, radical = self._inverse_root(leaf.radicand)
        surd = surd * number * (2 * sp.pi) ** sp.Rational(-leaf.halves, 2)
        for factor, function in self._orthant(leaf.mean, leaf.covariance):
            rational, irrational = (surd * factor).as_coeff_Mul()
            self._add(Key(irrational, radical, leaf.exponent, function), coefficient * weight * self.field(rational))

    def _inverse_root(self, r: RationalFunction) -> tuple[RationalFunction, sp.Expr, RationalFunction]:
        """r^(-1/2) = weight * number * sqrt(radical) for r > 0, the radical a polynomial over the integers.

        Squares leave the radical, unless their root may have either sign.
        """
        field = self.field
        content, factors = (r.numer * r.denom).factor_squarefree()
        outside, inside = field.one / field.lift(r.numer), field.one
        for factor, multiplicity in factors:
            base, half = field.lift(factor), int(multiplicity) // 2
            if half % 2 and field.is_positive(base) is None:
                half = 0
            outside, inside = outside * base**half, inside * base ** (int(multiplicity) - 2 * half)
        number = int(content)
        if number < 0:
            number, inside = -number, -inside
        return outside * self._sign(outside), sp.sqrt(number), inside

    def _sign(self, value: RationalFunction) -> int:
        """The sign of a function without zeros on the domain: where no rule gives it, the sign at one point."""
        positive = self.field.is_positive(value)
        if positive is None:
            expression = self.field.expr(value)
            (point,) = sample_points(expression.free_symbols, count=1)
            positive = not expression.subs(point).is_negative
        return 1 if positive else -1

    def _ratio(self, top: RationalFunction, *under: RationalFunction) -> sp.Expr:
        """top / sqrt(prod under), as a root of the square where that cancels something."""
        if not top:
            return sp.S.Zero
        product = prod(under, start=self.field.one)
        square, sign = top * top / product, self.field.is_positive(top)
        if sign is not None and _size(square) < _size(top) + _size(product):
            weight, number, radical = self._inverse_root(self.field.one / square)
            root = sp.Mul(number, *self._times_root(weight, radical))
            return root if sign else -root
        weight, number, radical = self._inverse_root(product)
        return sp.Mul(number, *self._times_root(weight * top, radical))

    def _times_root(self, coefficient: RationalFunction, radical: RationalFunction) -> list[sp.Expr]:
        """The factors of coefficient * sqrt(radical), the radical below the line where it cancels there."""
        if radical == self.field.one:
            return self._tidy(coefficient)
        half = sp.S.Half
        base = radical.numer
        while not (coefficient.denom % base):
            coefficient, half = coefficient * radical, half - 1
        up, down = base, self.field.one.numer
        if half == sp.S.Half:
            up, down = self._split_root(coefficient, base)
            coefficient = coefficient * self.field.lift(down)
        above, below = (sp.Mul(*self._tidy_polynomial(part)) for part in (up, down))
        return [*self._tidy(coefficient), above**half, 1 / sp.sqrt(below)]

    def _split_root(self, coefficient: RationalFunction, base: fmpz_mpoly) -> tuple[fmpz_mpoly, fmpz_mpoly]:
        """The factors of a radical that belong under the fraction line, coefficient * sqrt(up * down) / down."""
        down = self.field.one.numer
        for factor, _ in factorised(base)[1]:
            positive = self.field.is_positive(self.field.lift(factor))
            if positive is not None and not (coefficient.denom % factor):
                down = down * (factor if positive else -factor)
        return base / down, down

    def _tidy(self, value: RationalFunction) -> list[sp.Expr]:
        """The factors of a rational function over coprime integers (SymPy would multiply out -1 (a + b))."""
        (top, numerator), (bottom, denominator) = _primitive(value.numer), _primitive(value.denom)
        number = top / bottom
        if self.field.is_positive(self.field.lift(denominator)) is False:
            number, denominator = -number, -denominator
        below = sp.Mul(*self._tidy_polynomial(denominator))
        return [number, *self._tidy_polynomial(numerator), 1 / below]

    def _tidy_polynomial(self, polynomial) -> list[sp.Expr]:
        """Number, common monomial, and the shortest of: expanded, a difference of squares, factored, by powers of c."""
        if len(polynomial) < 2:
            return [self.field.as_expr(polynomial)]
        common = polynomial.term_content()
        rest = polynomial / common
        if sum(c < 0 for c in rest.coeffs()) * 2 > len(rest):
            common, rest = -common, -rest
        content, monomial = _primitive(common)
        forms = self._squares(rest), self._factored(rest), sp.collect(self.field.as_expr(rest), CORRELATION)
        return [content, self.field.as_expr(monomial), min(forms, key=sp.count_ops)]

    def _factored(self, polynomial: fmpz_mpoly) -> sp.Expr:
        number, factors = factorised(polynomial)
        shown = (_oriented(self._squares(factor), int(power)) for factor, power in factors)
        return prod(shown, start=sp.Integer(int(number)))

    def _squares(self, polynomial: fmpz_mpoly) -> sp.Expr:
        """A polynomial as B^2 - A^2 with B a factored sum (a determinant), where that is shorter."""
        expanded, terms = self.field.as_expr(polynomial), polynomial.to_dict()
        for k in range(len(self.field.generators)):
            even = {m: c for m, c in terms.items() if m[k] == 0}
            square = {m: c for m, c in terms.items() if m[k] == 2}
            if len(even) > 1 and len(square) == 1 and len(even) + 1 == len(terms):
                base, tail = (self.field.polynomial(part) for part in (even, square))
                return min(sp.factor(self.field.as_expr(base)) + self.field.as_expr(tail), expanded, key=sp.count_ops)
        return expanded

    # -- powers of the parameters

    def _by_parameters(self) -> list[tuple[fmpz_mpoly, dict[Key, RationalFunction]]]:
        """The terms by the power of the parameters in front of them, where these occur nowhere else."""
        places = [k for k, g in enumerate(self.field.generators) if g.is_Symbol and g not in _VARIABLES]
        parts: dict[tuple, dict[Key, RationalFunction]] = {}
        for key, value in self.terms.items():
            if any(self._is_inside(k, key, value) for k in places):
                return []
            for monomial, coefficient in value.numer.terms():
                power = tuple(n if k in places else 0 for k, n in enumerate(monomial))
                rest = {tuple(0 if k in places else n for k, n in enumerate(monomial)): coefficient}
                terms = parts.setdefault(power, {})
                added = RationalFunction.quotient(self.field.polynomial(rest), value.denom)
                terms[key] = terms.get(key, self.field.zero) + added
        return [(self.field.polynomial({power: 1}), terms) for power, terms in parts.items()]

    def _is_inside(self, k: int, key: Key, value: RationalFunction) -> bool:
        """Whether a generator occurs elsewhere than in the numerator of a coefficient."""
        g = self.field.generators[k]
        elements = (key.radical, key.exponent, self.field.lift(value.denom))
        return key.function.has(g) or key.surd.has(g) or any(e and self.field.uses(e, g) for e in elements)

    # -- orthant probabilities

    def _orthant(self, mean: Vector, covariance: Matrix) -> Combination:
        """P(Y > 0) for Y ~ N(mean, covariance)."""
        groups = _independent(covariance)
        if len(groups) > 1:
            return _product(self._orthant(*_marginal(mean, covariance, group)) for group in groups)
        if not mean:
            return [(sp.S.One, sp.S.One)]
        if len(mean) == 1:
            return self._phi(mean[0], covariance[0][0])
        if not any(mean):
            return self._central(covariance)
        return self._bivariate(mean, covariance)

    def _phi(self, top: RationalFunction, variance: RationalFunction) -> Combination:
        """Phi(-t) = 1 - Phi(t)."""
        if not top:
            return [(sp.S.Half, sp.S.One)]
        if self._is_mirrored(top):
            return [(sp.S.One, sp.S.One), (sp.S.NegativeOne, Phi(self._ratio(-top, variance)))]
        return [(sp.S.One, Phi(self._ratio(top, variance)))]

    def _bivariate(self, mean: Vector, covariance: Matrix) -> Combination:
        """Phi_2 with unmirrored arguments: Phi_2(-h, k; rho) = Phi(k) - Phi_2(h, k; -rho)."""
        for i, j in ((0, 1), (1, 0)):
            if self._is_mirrored(mean[i]):
                flipped = tuple(-m if k == i else m for k, m in enumerate(mean))
                (a, b), (_, d) = covariance
                rest = self._bivariate(flipped, ((a, -b), (-b, d)))
                return self._phi(mean[j], covariance[j][j]) + [(-number, function) for number, function in rest]
        h, k = (self._ratio(m, covariance[i][i]) for i, m in enumerate(mean))
        h, k = sorted((h, k), key=sp.default_sort_key)
        return [(sp.S.One, BivariateNormalCDF(h, k, self._correlation(covariance, 0, 1)))]

    def _is_mirrored(self, top: RationalFunction) -> bool:
        positive = self.field.is_positive(top) if top else True
        return not positive if positive is not None else bool(top.numer.leading_coefficient() < 0)

    def _correlation(self, covariance: Matrix, i: int, j: int) -> sp.Expr:
        return self._ratio(covariance[i][j], covariance[i][i], covariance[j][j])

    def _central(self, covariance: Matrix) -> Combination:
        """2^-n plus the sum of arcsines over pairs: 1/(2 pi) in two dimensions, 1/(4 pi) in three."""
        n = len(covariance)
        result: Combination = [(sp.Rational(1, 2**n), sp.S.One)]
        for i, j in combinations(range(n), 2):
            rho = self._correlation(covariance, i, j)
            sign = -1 if rho.could_extract_minus_sign() else 1
            result.append((sign / (2 ** (n - 1) * sp.pi), sp.asin(sign * rho)))
        return result

    # -- choosing between equal forms

    def _shorten_mirrors(self) -> None:
        """Phi(t) -> 1 - Phi(-t) and Phi_2 -> its mirror images wherever that leaves fewer terms."""
        for key in [k for k in self.terms if isinstance(k.function, BivariateNormalCDF)]:
            self._rewrite(key, list(_bivariate_images(key.function)))
        for key in [k for k in self.terms if isinstance(k.function, Phi)]:
            t = key.function.args[0]
            self._rewrite(key, [[(sp.S.One, sp.S.One), (sp.S.NegativeOne, Phi(-t))]])

    def _prefer_arccos(self) -> None:
        """pi/2 + asin = pi - acos and pi/2 - asin = acos, where that shortens the constant beside them."""
        for key in [k for k in self.terms if isinstance(k.function, sp.asin)]:
            acos = sp.acos(key.function.args[0])
            half = (-sp.pi / 2, sp.S.One)
            self._rewrite(key, [[(sp.S.One, sp.pi - acos), half], [(sp.S.NegativeOne, acos), (sp.pi / 2, sp.S.One)]])

    def _rewrite(self, key: Key, images: list[Combination]) -> None:
        """Replace the function of a term by the equal combination that makes the whole sum shortest."""
        if key not in self.terms:
            return
        before = dict(self.terms)
        best, shortest = before, _length(before)
        value = before[key]
        for image in images:
            self.terms = {k: v for k, v in before.items() if k != key}
            for number, function in image:
                rational, irrational = (key.surd * number).as_coeff_Mul()
                self._add(replace(key, surd=irrational, function=function), value * self.field(rational))
            if _length(self.terms) < shortest:
                best, shortest = self.terms, _length(self.terms)
        self.terms = best

    # -- layout

    def _assemble(self) -> sp.Expr:
        """Terms that share surd and exponential stand together; what all groups share stands in front."""
        groups: dict[tuple[sp.Expr, RationalFunction], dict[Key, RationalFunction]] = {}
        for key, value in self.terms.items():
            groups.setdefault((key.surd, key.exponent), {})[key] = value
        front = self._common(self.terms.values()) if len(groups) > 1 else self.field.one
        rows = []
        for (surd, exponent), terms in groups.items():
            common = self._common(terms.values()) if len(terms) > 1 else front
            plain = surd is sp.S.One and not exponent and common == front
            content = common if plain else common * self._number([value / common for value in terms.values()])
            radicals = {key.radical for key in terms}
            shared = radicals.pop() if len(radicals) == 1 and len(terms) > 1 else self.field.one
            body = self._sum({replace(k, radical=k.radical / shared): v / content for k, v in terms.items()})
            rows.append((sp.Mul(surd, *self._times_root(content / front, shared), body), exponent))
        total = sp.Add(*(e if not a else e * sp.exp(self._exponent(a)) for e, a in self._hyperbolic(rows)))
        return sp.Mul(*self._tidy(front), total)

    def _sum(self, terms: dict[Key, RationalFunction]) -> sp.Expr:
        """Coefficients times functions; functions whose coefficients differ by a number stand together."""
        rows: dict[tuple[RationalFunction, RationalFunction], list[sp.Expr]] = {}
        for key, value in terms.items():
            (top, numer), (bottom, denom) = _primitive(value.numer), _primitive(value.denom)
            if numer.leading_coefficient() < 0:
                top, numer = -top, -numer
            shape = RationalFunction(numer, denom)
            rows.setdefault((shape, key.radical), []).append(top / bottom * key.function)
        return sp.Add(*(sp.Mul(*self._times_root(shape, r), sp.Add(*f)) for (shape, r), f in rows.items()))

    def _exponent(self, value: RationalFunction) -> sp.Expr:
        return sp.Mul(*self._tidy(value))

    def _common(self, values: Iterable[RationalFunction]) -> RationalFunction:
        """The polynomial factors that several rational functions share, above and below the line."""
        first, *others = values
        numerator, denominator = first.numer, first.denom
        for value in others:
            numerator, denominator = numerator.gcd(value.numer), denominator.gcd(value.denom)
        return self.field.lift(_primitive(numerator)[1]) / self.field.lift(_primitive(denominator)[1])

    def _number(self, values: Iterable[RationalFunction]) -> RationalFunction:
        """The rational number that leaves several coefficients with coprime integers, mostly positive."""
        values = list(values)
        contents = [_primitive(v.numer)[0] / _primitive(v.denom)[0] for v in values]
        signs = [1 if c > 0 else -1 for v in values for c in self.field.oriented(v)[0].coeffs()]
        number = sp.Rational(gcd(*(int(c.p) for c in contents)), lcm(*(int(c.q) for c in contents)))
        return self.field(number if sum(signs) >= 0 else -number)

    def _hyperbolic(self, rows: list[tuple[sp.Expr, RationalFunction]]) -> list[tuple[sp.Expr, RationalFunction]]:
        """c e^A + c e^B -> 2c e^((A+B)/2) cosh((A-B)/2), and sinh for the difference."""
        rows = list(rows)
        for first, second in combinations(list(rows), 2):
            (c, a), (d, b) = first, second
            if not (a and b) or first not in rows or second not in rows or c not in (d, -d):
                continue
            half, even = (a - b) / 2, c == d
            if half.numer.leading_coefficient() < 0:
                half, c = -half, d
            rows.remove(first)
            rows.remove(second)
            rows.append((2 * c * (sp.cosh if even else sp.sinh)(self._exponent(half)), (a + b) / 2))
        return rows


def _primitive(polynomial: fmpz_mpoly) -> tuple[sp.Integer, fmpz_mpoly]:
    """(content, primitive part), the content positive."""
    if not polynomial:
        return sp.S.One, polynomial
    content = polynomial.content()  # pyright: ignore[reportAttributeAccessIssue]
    return sp.Integer(int(content)), polynomial / content


def _size(value: RationalFunction) -> int:
    return len(value.numer) + len(value.denom)


def _length(terms: dict[Key, RationalFunction]) -> int:
    return sum(len(value.numer) for value in terms.values())


def _oriented(e: sp.Expr, power: int) -> sp.Expr:
    """(a - 1)^2 as an author writes it: (1 - a)^2."""
    flipped = power % 2 == 0 and e.is_Add and e.as_coeff_Add()[0].is_negative
    return (-e if flipped else e) ** power


def _independent(covariance: Matrix) -> list[list[int]]:
    groups: list[list[int]] = []
    for i in range(len(covariance)):
        linked = [group for group in groups if any(covariance[i][j] for j in group)]
        groups = [group for group in groups if group not in linked] + [[*chain.from_iterable(linked), i]]
    return groups


def _marginal(mean: Vector, covariance: Matrix, group: list[int]) -> tuple[Vector, Matrix]:
    return tuple(mean[i] for i in group), tuple(tuple(covariance[i][j] for j in group) for i in group)


def _product(parts: Iterator[Combination]) -> Combination:
    result: Combination = [(sp.S.One, sp.S.One)]
    for part in parts:
        result = [(v * w, f * g) for v, f in result for w, g in part]
    return result


def _bivariate_images(function: sp.Expr) -> Iterator[Combination]:
    h, k, rho = function.args
    one, minus = sp.S.One, sp.S.NegativeOne
    yield [(one, Phi(h)), (one, Phi(k)), (minus, one), (one, BivariateNormalCDF(-h, -k, rho))]
    yield [(one, Phi(h)), (minus, BivariateNormalCDF(h, -k, -rho))]
    yield [(one, Phi(k)), (minus, BivariateNormalCDF(-h, k, -rho))]
