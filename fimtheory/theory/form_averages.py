"""E_w[g(w) phi(w.x)] in closed form: powers by the Funk-Hecke formula, polynomials in w by Stein's identity."""

from __future__ import annotations

import sympy as sp

from fimtheory.activations import Activation
from fimtheory.errors import InputError
from fimtheory.theory.harmonics import INPUT, WEIGHT, Harmonic, harmonics, monomials, product, tidy
from fimtheory.theory.homogeneous import HomogeneousTerm, funk_hecke_coefficient, homogeneous_terms
from fimtheory.theory.mode_parity import linear_parts
from fimtheory.theory.sphere import RadialLaw


def average(f: Activation, g: sp.Expr, law: RadialLaw) -> sp.Expr | None:
    """E_w[g(w) phi(w.x)] as a function of x; None where it has no closed form here.

    >>> from fimtheory.activations import activation
    >>> a, b = WEIGHT.coordinate(1), WEIGHT.coordinate(2)
    >>> average(activation("relu"), a * b, RadialLaw(sp.Symbol("d", integer=True, positive=True)))
    sqrt(2)*x_1*x_2/(2*sqrt(pi)*|x|)
    """
    parts = harmonics(g, WEIGHT, law.dimension)
    terms = _powers_seen(f, {h.degree % 2 for h in parts})
    if terms is not None:
        return _of_powers(terms, parts, law)
    if not law.fixed and not g.has(WEIGHT.norm):
        return _by_stein(f, g, law.variance)
    return None


def _powers_seen(f: Activation, parities: set[int]) -> tuple[HomogeneousTerm, ...] | None:
    """The powers of which phi is a sum, as far as harmonics of these parities see it."""
    terms = homogeneous_terms(f)
    if terms is not None or len(parities) != 1 or f.parameter_list:
        return terms
    parts = linear_parts(f)
    (parity,) = parities
    return (parts[parity],) if parity in parts else None


def _of_powers(terms: tuple[HomogeneousTerm, ...], parts: tuple[Harmonic, ...], law: RadialLaw) -> sp.Expr:
    """The sum of c_k E|w|^(q+k+alpha) |x|^(alpha-k) h_k(x) over powers alpha and harmonics |w|^q h_k(w)."""
    total = sp.S.Zero
    for h in parts:
        for term in terms:
            c = funk_hecke_coefficient(term, law.dimension, h.degree)
            if c != 0:
                scale = c * law.moment(h.growth + term.degree)
                total += scale * INPUT.norm ** (term.degree - h.degree) * WEIGHT.moved_to(INPUT, h.polynomial)
    return collected(total)


def collected(e: sp.Expr) -> sp.Expr:
    """A sum of powers of |x| times monomials, each with one coefficient; what they have in common in front."""
    terms = {key: tidy(c) for key, c in monomials(e, INPUT).items()}
    return sp.factor_terms(sp.Add(*(c * product(key, e, INPUT) for key, c in terms.items())))


def _by_stein(f: Activation, g: sp.Expr, variance: sp.Expr) -> sp.Expr:
    """The sum over j of variance^j/j! E[(x.grad)^j g(w)] E phi^(j)(u), u of variance |x|^2 ``variance``."""
    names = WEIGHT.coordinates(g)
    q, total, j = variance * INPUT.norm**2, sp.S.Zero, 0
    while g != 0:
        weight = _gaussian_mean(g, names, variance)
        if weight != 0:
            total += variance**j / sp.factorial(j) * weight * _mean_derivative(f, j, q)
        g = sp.expand(sp.Add(*(WEIGHT.moved_to(INPUT, s) * sp.diff(g, s) for s in names)))
        j += 1
    return total


def _gaussian_mean(p: sp.Expr, names: tuple[sp.Symbol, ...], variance: sp.Expr) -> sp.Expr:
    """E p(w) of a polynomial whose coefficients may hold anything but w."""
    total = sp.S.Zero
    for exponents, c in sp.Poly(p, *names).terms() if names else [((), p)]:
        if all(a % 2 == 0 for a in exponents):
            total += c * sp.Mul(*(sp.factorial2(a - 1) for a in exponents)) * variance ** sp.Rational(sum(exponents), 2)
    return total


def _mean_derivative(f: Activation, j: int, q: sp.Expr) -> sp.Expr:
    """E phi^(j)(u), u ~ N(0, q), in the weak sense: E[He_j(u/sqrt q) phi(u)]/q^(j/2)."""
    return sp.powsimp(sp.sqrt(sp.factorial(j)) * f.hermite(j, q) / q ** sp.Rational(j, 2))


def is_of_powers(e: sp.Expr) -> bool:
    """Whether e is a sum of powers of |x| times polynomials."""
    try:
        monomials(e, INPUT)
    except InputError:
        return False
    return True
