"""Activations made of powers: phi(t) = sum of p t_+^alpha + n (-t)_+^alpha, and their Funk-Hecke coefficients in Gammas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.theory.sphere import RadialLaw, multiplicity, to_mpf

_U = sp.Symbol("u", positive=True)
DIMENSION = sp.Symbol("d", integer=True, positive=True)


@dataclass(frozen=True)
class HomogeneousTerm:
    """``plus`` t^degree for t > 0 and ``minus`` |t|^degree for t < 0."""

    degree: sp.Expr
    plus: sp.Expr
    minus: sp.Expr

    def part(self, k: int | sp.Expr) -> sp.Expr:
        """plus + (-1)^k minus: all that degree k sees of the two sides."""
        return self.plus + (-1) ** k * self.minus


def homogeneous_terms(activation: Activation) -> tuple[HomogeneousTerm, ...] | None:
    """The powers of which phi is a sum, in growing degree; None where it is no such sum.

    >>> from fimtheory.activations import activation
    >>> homogeneous_terms(activation("relu"))
    (HomogeneousTerm(degree=1, plus=1, minus=0),)
    >>> [(term.degree, term.plus, term.minus) for term in homogeneous_terms(activation("x**3 - abs(x)"))]
    [(1, -1, -1), (3, 1, -1)]
    >>> homogeneous_terms(activation("tanh")) is None, homogeneous_terms(activation("relu(x - 1)")) is None
    (True, True)
    """
    f = activation._pieces
    if any(h != 0 for h in f.breaks):
        return None
    x = f.variable
    plus, minus = _powers(f.expressions[-1].subs(x, _U)), _powers(f.expressions[0].subs(x, -_U))
    if plus is None or minus is None:
        return None
    degrees = sorted({*plus, *minus}, key=lambda p: float(p))
    return tuple(HomogeneousTerm(p, plus.get(p, sp.S.Zero), minus.get(p, sp.S.Zero)) for p in degrees)


def _powers(e: sp.Expr) -> dict[sp.Expr, sp.Expr] | None:
    """{power of u: coefficient}, or None."""
    found: dict[sp.Expr, sp.Expr] = {}
    expanded = sp.expand(e)
    for term in sp.Add.make_args(expanded) if expanded != 0 else ():
        coefficient, power = term.as_independent(_U, as_Add=False)
        base, exponent = power.as_base_exp()
        if power == 1:
            exponent = sp.S.Zero
        elif base != _U or not exponent.is_number:
            return None
        found[exponent] = found.get(exponent, sp.S.Zero) + coefficient
    return {p: c for p, c in found.items() if c != 0}


def funk_hecke_power(alpha: sp.Expr, d: int | sp.Expr, k: int | sp.Expr) -> sp.Expr:
    r"""The average of t_+^alpha P_k(t) over the sphere, t one coordinate of a uniform point of S^(d-1).

    Gamma(d/2) Gamma(alpha+1) / (2^(alpha+1) Gamma((alpha-k)/2 + 1) Gamma((alpha+k+d)/2)), zero where the first Gamma
    of the denominator is infinite: k - alpha = 2, 4, ...

    *Holds when* alpha > -1 and d >= 1 (d = 1 with k = 0, 1); d and k may be symbols.
    *Source*: Rodrigues' formula; ``derivations/homogeneous_modes.py``.

    >>> [funk_hecke_power(1, 3, k) for k in range(5)]
    [1/4, 1/6, 1/16, 0, -1/96]
    """
    alpha, d, k = map(sp.sympify, (alpha, d, k))
    vanishing = (alpha - k) / 2 + 1
    if vanishing.is_Integer and vanishing <= 0:
        return sp.S.Zero
    top = _gamma_ratio(d / 2, (alpha + k + d) / 2)
    return sp.gamma(alpha + 1) / (2 ** (alpha + 1) * sp.gamma(vanishing)) * top


def _gamma_ratio(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    """Gamma(a)/Gamma(b), a product where b - a is a whole number."""
    steps = sp.expand(b - a)
    if steps.is_Integer and 0 <= steps <= 400:
        return 1 / sp.Mul(*[a + j for j in range(int(steps))])
    return sp.gamma(a) / sp.gamma(b)


def funk_hecke_coefficient(term: HomogeneousTerm, d: int | sp.Expr, k: int | sp.Expr) -> sp.Expr:
    """c_k: the average of phi(t) P_k(t) over the sphere for phi = one :class:`HomogeneousTerm`."""
    return term.part(k) * funk_hecke_power(term.degree, d, k)


def vanishes(term: HomogeneousTerm, k: int) -> bool:
    """Whether c_k is exactly 0, in every dimension: by symmetry, or since phi is a polynomial of lower degree in disguise.

    >>> relu = HomogeneousTerm(sp.S.One, sp.S.One, sp.S.Zero)
    >>> [k for k in range(8) if vanishes(relu, k)]
    [3, 5, 7]
    """
    steps = (k - term.degree) / 2
    return bool(steps.is_Integer and steps >= 1) or sp.expand(term.part(k)).is_zero is True


def funk_hecke_number(term: HomogeneousTerm, d: int, k: int) -> mp.mpf:
    """c_k at the working precision of mpmath, in any dimension and degree without overflow.

    >>> float(funk_hecke_number(HomogeneousTerm(sp.S.One, sp.S.One, sp.S.Zero), 10**6, 1) * 10**6)
    0.5
    """
    if vanishes(term, k):
        return mp.mpf(0)
    alpha, half = to_mpf(term.degree), mp.mpf(d) / 2
    lower = [(alpha - k) / 2 + 1, (alpha + k) / 2 + half]
    return to_mpf(term.part(k)) * mp.gammaprod([half, alpha + 1], lower) / 2 ** (alpha + 1)


def homogeneous_eigenvalue(term: HomogeneousTerm, k: int, weights: RadialLaw, inputs: RadialLaw) -> sp.Expr:
    """lambda_k = c_k^2 E|w|^(2 alpha) E|x|^(2 alpha), the eigenvalue of degree k; d may be a symbol.

    >>> law = RadialLaw(3)
    >>> [homogeneous_eigenvalue(HomogeneousTerm(sp.S.One, sp.S.One, sp.S.Zero), k, law, law) for k in range(5)]
    [9/16, 1/4, 9/256, 0, 1/1024]
    """
    c = funk_hecke_coefficient(term, weights.dimension, k)
    if c == 0:
        return sp.S.Zero
    power = 2 * term.degree
    return sp.powsimp(c**2 * weights.moment(power) * inputs.moment(power))


def large_dimension(terms: HomogeneousTerm | Sequence[HomogeneousTerm], k: int, order: int = 2) -> tuple[sp.Expr, ...]:
    """The first coefficients, in powers of 1/d, of what degree k carries of the trace: w ~ N(0, I_d/d), x ~ N(0, I_d).

    N(d, k) sum_j lambda_{k,j} = N sum over powers a, b of c_a c_b E|w|^(a+b) E|x|^(a+b); for one power t_+^a this is
    N lambda_k/d^a at w ~ N(0, I_d). The first coefficient is b_k^2, the squared Hermite coefficient of phi.

    >>> large_dimension(HomogeneousTerm(sp.S.One, sp.S.One, sp.S.Zero), 2)
    (1/(4*pi), -1/(8*pi))
    """
    terms = (terms,) if isinstance(terms, HomogeneousTerm) else tuple(terms)
    u = sp.Symbol("u", positive=True)  # 1/d
    weights, inputs = RadialLaw(DIMENSION, 1 / DIMENSION), RadialLaw(DIMENSION)
    found = [sp.S.Zero] * order
    for a in terms:
        for b in terms:
            pair = funk_hecke_coefficient(a, DIMENSION, k) * funk_hecke_coefficient(b, DIMENSION, k)
            power = a.degree + b.degree
            share = multiplicity(DIMENSION, k) * pair * weights.moment(power) * inputs.moment(power)
            series = sp.series(_stirling_ratio(share, order, u), u, 0, order).removeO() if pair != 0 else sp.S.Zero
            found = [sum_ + series.coeff(u, j) for j, sum_ in enumerate(found)]
    return tuple(sp.factor_terms(sp.simplify(coefficient)) for coefficient in found)


def _stirling_ratio(e: sp.Expr, order: int, u: sp.Symbol) -> sp.Expr:
    """e in u = 1/d, every Gamma(d/2 + s) by Stirling's series relative to Gamma(d/2)."""
    x = 1 / (2 * u)
    replaced = {}
    for g in e.atoms(sp.gamma):
        if not g.has(DIMENSION):
            continue
        s = sp.expand(g.args[0] - DIMENSION / 2)
        log = s * sp.log(x) + sum(
            (-1) ** (j + 1) * (sp.bernoulli(j + 1, s) - sp.bernoulli(j + 1, 0)) / (j * (j + 1)) / x**j
            for j in range(1, order + 1)
        )
        replaced[g] = sp.exp(log)
    return sp.powsimp(sp.expand_power_base(e.subs(replaced).subs(DIMENSION, 1 / u), force=True), force=True)
