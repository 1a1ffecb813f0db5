"""Rational functions with exact coefficients: quotients of integer polynomials in lowest terms, on top of FLINT."""

from __future__ import annotations

from flint import fmpz_mpoly


class RationalFunction:
    """numer / denom, coprime polynomials over the integers, the leading coefficient of the denominator positive.

    >>> from flint import fmpz_mpoly_ctx
    >>> x, y = (RationalFunction(g, g**0) for g in fmpz_mpoly_ctx.get(("x", "y")).gens())
    >>> 1 / (x - y) - 1 / (x + y)
    2*y/(x^2 - y^2)
    >>> (x**2 - y**2) / (2 * y - 2 * x) == -(x + y) / 2
    True
    """

    __slots__ = ("_hash", "denom", "numer")

    def __init__(self, numer: fmpz_mpoly, denom: fmpz_mpoly) -> None:
        self.numer, self.denom = numer, denom
        self._hash: int | None = None

    @classmethod
    def quotient(cls, numer: fmpz_mpoly, denom: fmpz_mpoly) -> RationalFunction:
        """The quotient of any two polynomials, reduced; ZeroDivisionError for a denominator 0."""
        if denom.is_one():
            return cls(numer, denom)
        if not denom:
            raise ZeroDivisionError("a rational function with denominator 0")
        common = numer.gcd(denom)
        if denom.leading_coefficient() < 0:
            common = -common
        return cls(numer, denom) if common.is_one() else cls(numer / common, denom / common)

    def _coerced(self, value: RationalFunction | int) -> RationalFunction:
        if isinstance(value, RationalFunction):
            return value
        constant = self.numer.context().constant
        return RationalFunction(constant(value), constant(1))

    def __add__(self, other: RationalFunction | int) -> RationalFunction:
        other = self._coerced(other)
        a, b, c, d = self.numer, self.denom, other.numer, other.denom
        if b == d:
            return RationalFunction.quotient(a + c, b)
        common = b.gcd(d)
        if common.is_one():
            return RationalFunction(a * d + c * b, b * d)
        b, d = b / common, d / common
        rest = RationalFunction.quotient(a * d + c * b, common)  # b and d have no factor in common with the sum
        return RationalFunction(rest.numer, rest.denom * b * d)

    def __mul__(self, other: RationalFunction | int) -> RationalFunction:
        other = self._coerced(other)
        left = RationalFunction.quotient(self.numer, other.denom)
        right = RationalFunction.quotient(other.numer, self.denom)
        return RationalFunction(left.numer * right.numer, left.denom * right.denom)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> RationalFunction:
        return RationalFunction(-self.numer, self.denom)

    def __sub__(self, other: RationalFunction | int) -> RationalFunction:
        return self + -other

    def __rsub__(self, other: int) -> RationalFunction:
        return other + -self

    def __truediv__(self, other: RationalFunction | int) -> RationalFunction:
        return self * self._coerced(other)._inverse()

    def __rtruediv__(self, other: int) -> RationalFunction:
        return other * self._inverse()

    def _inverse(self) -> RationalFunction:
        return RationalFunction.quotient(self.denom, self.numer)

    def __pow__(self, exponent: int) -> RationalFunction:
        if exponent < 0:
            return self._inverse() ** -exponent
        return RationalFunction(self.numer**exponent, self.denom**exponent)

    def __bool__(self) -> bool:
        return bool(self.numer)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RationalFunction) and self.numer == other.numer and self.denom == other.denom

    def __hash__(self) -> int:
        if self._hash is None:  # FLINT's polynomials have none; their text is canonical
            self._hash = hash(str(self))
        return self._hash

    def __str__(self) -> str:
        return f"{self._part(self.numer)}/{self._part(self.denom)}"

    __repr__ = __str__

    @staticmethod
    def _part(polynomial: fmpz_mpoly) -> str:
        return f"({polynomial})" if len(polynomial) > 1 else str(polynomial)


def factorised(polynomial: fmpz_mpoly) -> tuple[int, list[tuple[fmpz_mpoly, int]]]:
    """Content and irreducible factors with their powers.

    FLINT's interface raises an overflow for some polynomials with coefficients beyond 64 bits: they stay whole.
    """
    try:
        number, factors = polynomial.factor()
    except OverflowError:
        return 1, [(polynomial, 1)]
    return int(number), [(part, int(power)) for part, power in factors]
