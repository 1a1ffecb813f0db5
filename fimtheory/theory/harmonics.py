"""Powers of a length times polynomials in a few coordinates: their harmonics and averages, in any number of dimensions.

The length is a symbol of its own, so that w_1^2 - |w|^2/d is written down without the other coordinates and d may be a
symbol too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import sympy as sp

from fimtheory.errors import InputError
from fimtheory.theory.sphere import RadialLaw, zonal

MOST_TERMS = 2000
MOST_DEGREE = 64
Monomial = tuple[sp.Expr, tuple[int, ...]]  # a power of the length, the exponents of the coordinates


@dataclass(frozen=True)
class Space:
    """The symbols of a vector: its coordinates, numbered from 1, and its length."""

    letter: str

    @property
    def norm(self) -> sp.Symbol:
        """The length."""
        return sp.Symbol(f"|{self.letter}|", positive=True)

    def coordinate(self, l: int) -> sp.Symbol:
        """The coordinate of number l."""
        return sp.Symbol(f"{self.letter}_{l}", real=True)

    def coordinates(self, e: sp.Expr) -> tuple[sp.Symbol, ...]:
        """The coordinates that an expression names, in their order."""
        return tuple(sorted((s for s in e.free_symbols if self.number(s)), key=self.number))

    def number(self, s: sp.Basic) -> int:
        """The number of a coordinate; 0 for any other symbol."""
        head, _, tail = str(s).partition("_")
        return int(tail) if head == self.letter and tail.isdecimal() and s == self.coordinate(int(tail)) else 0

    def moved_to(self, other: Space, e: sp.Expr) -> sp.Expr:
        """The same function of another vector."""
        names = {s: other.coordinate(self.number(s)) for s in self.coordinates(e)}
        return e.xreplace({self.norm: other.norm, **names})


WEIGHT, INPUT = Space("w"), Space("x")


@dataclass(frozen=True)
class Harmonic:
    """|w|^``power`` times a harmonic ``polynomial``, homogeneous of this ``degree``, in coordinates and |w|^2."""

    degree: int
    power: sp.Expr
    polynomial: sp.Expr

    @property
    def growth(self) -> sp.Expr:
        """The degree of homogeneity of the whole."""
        return self.power + self.degree


def monomials(g: sp.Expr, space: Space) -> dict[Monomial, sp.Expr]:
    """{(power of the length, exponents of the coordinates that g names): coefficient}.

    Raises :class:`InputError` where g is no such sum, or is one of more than 2000 terms.

    >>> w = WEIGHT
    >>> monomials(w.coordinate(1) ** 2 / w.norm - 3 * w.norm * w.coordinate(2), w) == {(-1, (2, 0)): 1, (1, (0, 1)): -3}
    True
    """
    if _most_terms(g) > MOST_TERMS:
        raise InputError(f"the function has more than {MOST_TERMS} terms when written out: take a lower power")
    names, norm = space.coordinates(g), space.norm
    found: dict[Monomial, sp.Expr] = {}
    masks: dict[sp.Expr, sp.Expr] = {}
    expanded = sp.expand(_masked(sp.sympify(g), (norm, *names), masks))
    unmasked = {dummy: e for e, dummy in masks.items()}
    for term in sp.Add.make_args(expanded) if expanded != 0 else ():
        coefficient, rest = term.as_independent(norm, *names, as_Add=False)
        powers = rest.as_powers_dict()
        exponents = tuple(powers.pop(s, sp.S.Zero) for s in names)
        power = powers.pop(norm, sp.S.Zero)
        powers.pop(sp.S.One, None)
        if powers or not all(e.is_Integer and e >= 0 for e in exponents) or power.has(norm, *names):
            raise InputError(
                f"{term} is no power of |{space.letter}| times a polynomial: write for instance w1*w2/norm"
            )
        if sum(exponents) > MOST_DEGREE:
            raise InputError(f"{term} has degree {sum(exponents)} in the coordinates: at most {MOST_DEGREE} are taken")
        key = power.xreplace(unmasked), tuple(map(int, exponents))
        found[key] = found.get(key, sp.S.Zero) + coefficient
    return {key: c.xreplace(unmasked) for key, c in found.items() if c != 0}


def _masked(e: sp.Expr, names: tuple[sp.Symbol, ...], masks: dict[sp.Expr, sp.Expr]) -> sp.Expr:
    """e with a symbol for every part that is free of the names: expand would multiply 1/((d + 1) |w|) out."""
    if e.is_Atom:
        return e
    if not e.has(*names):
        return masks.setdefault(e, sp.Dummy())
    parts = e.args
    if e.is_Mul or e.is_Add:
        free, rest = e.as_independent(*names)
        parts = (free, *(rest.args if isinstance(rest, e.func) else (rest,)))
    return e.func(*(_masked(part, names, masks) for part in parts))


def _most_terms(e: sp.Expr) -> int:
    """A bound on the number of terms of e written out."""
    if e.is_Add:
        return sum(map(_most_terms, e.args))
    if e.is_Mul:
        return math.prod(map(_most_terms, e.args))
    if e.is_Pow and e.base.is_Add and e.exp.is_Integer and e.exp > 0:
        t = _most_terms(e.base)
        return math.comb(int(e.exp) + t - 1, t - 1)
    return 1


def mean(g: sp.Expr, space: Space, law: RadialLaw) -> sp.Expr:
    """E g under directions that are uniform and lengths of a law; its dimension may be a symbol.

    Raises :class:`InputError` where it is infinite.

    >>> d, x = sp.Symbol("d", integer=True, positive=True), INPUT
    >>> mean(x.coordinate(1) ** 2 * x.coordinate(2) ** 2 / x.norm**2, x, RadialLaw(d))
    1/(d + 2)
    """
    by_growth: dict[sp.Expr, sp.Expr] = {}
    for (power, exponents), c in monomials(g, space).items():
        if any(a % 2 for a in exponents):
            continue
        size = sum(exponents)
        by_growth[power + size] = by_growth.get(power + size, sp.S.Zero) + c * _on_sphere(exponents, law.dimension)
    return tidy(sp.Add(*(c * law.moment(p) for p, c in by_growth.items())))


def _on_sphere(exponents: tuple[int, ...], d: int | sp.Expr) -> sp.Expr:
    """The average of a monomial of even exponents over the unit sphere."""
    above = sp.Mul(*(sp.factorial2(a - 1) for a in exponents))
    return above / sp.Mul(*(d + 2 * j for j in range(sum(exponents) // 2)))


def tidy(e: sp.Expr) -> sp.Expr:
    """One fraction, its Gammas cancelled: of Gamma(d/2 + s) only 0 <= s < 1 are left, so that zero is seen to be zero.

    >>> d = sp.Symbol("d", integer=True, positive=True)
    >>> tidy(sp.gamma(d / 2 + 1) / sp.gamma(d / 2) - d / 2)
    0
    """
    return sp.factor(e.xreplace({g: _lowered(g.args[0]) for g in e.atoms(sp.gamma)}))


def _lowered(u: sp.Expr) -> sp.Expr:
    """Gamma(u) as a product and the Gamma of u less whole numbers."""
    shift, rest = sp.expand(u).as_coeff_Add()
    n = sp.floor(shift)
    a = rest + shift - n
    return sp.gamma(a) * (sp.rf(a, n) if n >= 0 else 1 / sp.rf(a + n, -n))


def harmonics(g: sp.Expr, space: Space, d: int | sp.Expr) -> tuple[Harmonic, ...]:
    """g as a sum of powers of the length times harmonics, lowest degrees first.

    A polynomial p of degree m is the sum of |w|^2j h_j, h_j of degree k = m - 2j: Laplace's operator, j times, leaves
    4^j j! (d/2 + k) ... (d/2 + k + j - 1) h_j and multiples of |w|^2, which :func:`_top` removes.

    >>> d, w = sp.Symbol("d", integer=True, positive=True), WEIGHT
    >>> [(h.degree, h.power, h.polynomial) for h in harmonics(w.coordinate(1) ** 2 / w.norm, w, d)]
    [(0, 1, 1/d), (2, -1, w_1**2 - |w|**2/d)]
    """
    names = space.coordinates(g)
    found: dict[tuple[int, sp.Expr], sp.Expr] = {}
    for (power, degree), polynomial in _homogeneous(monomials(g, space), names).items():
        for j in range(degree // 2 + 1):
            k = degree - 2 * j
            scale = 4**j * math.factorial(j) * sp.rf(sp.sympify(d) / 2 + k, j)
            part = _top(_laplacian(polynomial, names, j) / scale, k, space, d)
            found[k, power + 2 * j] = found.get((k, power + 2 * j), sp.S.Zero) + part
    parts = [Harmonic(k, power, _collected(h, space)) for (k, power), h in found.items()]
    if isinstance(d, int) and len(names) >= d:  # all coordinates are named, and w_1^2 - |w|^2 on the line is 0
        parts = [h for h in parts if mean(h.polynomial**2, space, RadialLaw(d, fixed=True)) != 0]
    return tuple(sorted((h for h in parts if h.polynomial != 0), key=lambda h: (h.degree, str(h.power))))


def _collected(h: sp.Expr, space: Space) -> sp.Expr:
    return sp.Add(*(tidy(c) * product(key, h, space) for key, c in monomials(h, space).items()))


def product(key: Monomial, g: sp.Expr, space: Space) -> sp.Expr:
    """The monomial of g that a key of :func:`monomials` stands for."""
    power, exponents = key
    return space.norm**power * sp.Mul(*(s**a for s, a in zip(space.coordinates(g), exponents, strict=True)))


def _homogeneous(terms: dict[Monomial, sp.Expr], names: tuple[sp.Symbol, ...]) -> dict[tuple[sp.Expr, int], sp.Expr]:
    """{(power of the length, degree): polynomial}."""
    found: dict[tuple[sp.Expr, int], sp.Expr] = {}
    for (power, exponents), c in terms.items():
        term = c * sp.Mul(*(s**a for s, a in zip(names, exponents, strict=True)))
        found[power, sum(exponents)] = found.get((power, sum(exponents)), sp.S.Zero) + term
    return found


def _laplacian(p: sp.Expr, names: tuple[sp.Symbol, ...], times: int) -> sp.Expr:
    for _ in range(times):
        p = sp.Add(*(sp.diff(p, s, 2) for s in names))
    return p


def _top(p: sp.Expr, k: int, space: Space, d: int | sp.Expr) -> sp.Expr:
    """The harmonic of degree k in a homogeneous polynomial of degree k: p less multiples of |w|^2."""
    a, names = sp.sympify(d) / 2 + k - 2, space.coordinates(p)
    total = p
    for i in range(1, k // 2 + 1):
        below = (-4) ** i * math.factorial(i) * sp.ff(a, i)
        total += space.norm ** (2 * i) * _laplacian(p, names, i) / below
    return total


def zonal_harmonic(k: int, d: int | sp.Expr, space: Space = WEIGHT) -> sp.Expr:
    """The harmonic of degree k that depends on w_1 and |w| alone, 1 at the first unit vector.

    >>> zonal_harmonic(2, 3)
    3*w_1**2/2 - |w|**2/2
    """
    t = sp.Dummy()
    terms = sp.Poly(zonal(d, k, t), t).terms()
    return sp.Add(*(tidy(c) * space.coordinate(1) ** j * space.norm ** (k - j) for (j,), c in terms))


def planar_harmonic(k: int, space: Space = WEIGHT) -> sp.Expr:
    """Re (w_1 + i w_2)^k, a harmonic in any number of dimensions from 2.

    >>> planar_harmonic(3)
    w_1**3 - 3*w_1*w_2**2
    """
    a, b = space.coordinate(1), space.coordinate(2)
    return sp.Add(*((-1) ** j * math.comb(k, 2 * j) * a ** (k - 2 * j) * b ** (2 * j) for j in range(k // 2 + 1)))
