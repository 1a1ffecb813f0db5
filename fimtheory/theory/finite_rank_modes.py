"""Eigenvalues of activations that are sums of powers: the radial operator of each degree has finite rank."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.gaussian.quantity import number
from fimtheory.theory.homogeneous import HomogeneousTerm, funk_hecke_coefficient, funk_hecke_power
from fimtheory.theory.mode_clusters import KernelMode
from fimtheory.theory.sphere import RadialLaw, multiplicity

_EXACT_UP_TO = 400  # Gammas of larger arguments are not written out
_GUARD = 40


class FiniteRankModes:
    """The modes of phi = a sum of powers, degree by degree.

    With c_alpha the Funk-Hecke coefficients of the powers, G_w and G_x the matrices E|w|^(alpha+beta), E|x|^(alpha+beta):
    the eigenvalues of degree k are those of D G_x D G_w, D = diag(c_alpha).
    """

    def __init__(self, terms: Sequence[HomogeneousTerm], weights: RadialLaw, inputs: RadialLaw, digits: int) -> None:
        self._terms, self._weights, self._inputs, self._digits = terms, weights, inputs, digits
        self._d = int(weights.dimension)
        self._free = any(term.plus.free_symbols | term.minus.free_symbols for term in terms)

    def modes(self, k: int) -> list[KernelMode]:
        """The modes of degree k, largest first; one of eigenvalue zero where the degree vanishes."""
        copies, exact = multiplicity(self._d, k), self._exact(k)
        if self._free:
            return [KernelMode(k, j, copies, e, mp.mpf(0) if e == 0 else mp.nan) for j, e in enumerate(exact)]
        if not self._active(k):
            return [KernelMode(k, 0, copies, sp.S.Zero, mp.mpf(0))]
        values = self._decomposed(k)[0]
        if not exact:
            return [KernelMode(k, j, copies, None, v, float(v) * 10.0**-self._digits) for j, v in enumerate(values)]
        return [KernelMode(k, j, copies, e, v) for j, (e, v) in enumerate(zip(exact, values, strict=True))]

    def profile(self, k: int, j: int, of_weights: bool) -> Callable[[np.ndarray], np.ndarray]:
        """R_j, a sum of the same powers, on the side of the weights or of the inputs."""
        active, columns = self._active(k), self._decomposed(k)[1 if of_weights else 2]
        loads = [(float(term.degree), float(c)) for term, c in zip(active, columns[j], strict=True)]
        return lambda r: sum((c * np.asarray(r, dtype=float) ** p for p, c in loads), np.zeros(np.shape(r)))

    @functools.cached_property
    def trace(self) -> sp.Expr:
        """E phi(w.x)^2."""
        total = sp.S.Zero
        for a in self._terms:
            for b in self._terms:
                both = a.plus * b.plus + a.minus * b.minus
                if both != 0:
                    total += both * self._mean_power(a.degree + b.degree)
        return sp.expand(total)

    def _mean_power(self, power: sp.Expr) -> sp.Expr:
        """E (w.x)_+^power: exact while the Gammas are small, a high-precision number otherwise."""
        if self._d <= _EXACT_UP_TO:
            angle = funk_hecke_power(power, self._d, 0)
            return sp.powsimp(angle * self._weights.moment(power) * self._inputs.moment(power))
        with mp.workdps(self._digits + _GUARD):
            value = self._number_of_power(power, 0) * _moment(self._weights, power) * _moment(self._inputs, power)
            return sp.Float(value, self._digits + 10)

    # -- exact

    def _active(self, k: int) -> list[HomogeneousTerm]:
        """The powers that degree k sees."""
        return [t for t in self._terms if t.part(k) != 0 and not _gamma_pole(t, k)]

    def _exact(self, k: int) -> list[sp.Expr]:
        """The eigenvalues as expressions; empty where they are roots of higher degree or too large to write."""
        active = self._active(k)
        if not active:
            return [sp.S.Zero]
        if self._d + k > _EXACT_UP_TO:
            return []
        c = [funk_hecke_coefficient(t, self._d, k) for t in active]
        powers = [t.degree for t in active]
        sides = [_exact_side(c, powers, law) for law in (self._inputs, self._weights)]
        product = (sides[0] * sides[1]).applyfunc(lambda e: sp.powsimp(sp.expand(e)))
        if len(active) == 1 or self._weights.fixed or self._inputs.fixed:
            return [_pretty(product.trace())]
        if len(active) > 2:
            return []
        half, determinant = product.trace() / 2, sp.expand(product.det())
        root = sp.sqrt(_pretty(half**2 - determinant))
        return [_pretty(half) + root, _pretty(half) - root]

    # -- numbers

    def _decomposed(self, k: int) -> tuple[list[mp.mpf], list[list[mp.mpf]], list[list[mp.mpf]]]:
        """Eigenvalues, and the coefficients of R_j in the powers on both sides."""
        if k not in self._cache:
            self._cache[k] = self._decompose(k)
        return self._cache[k]

    @functools.cached_property
    def _cache(self) -> dict:
        return {}

    def _decompose(self, k: int) -> tuple[list[mp.mpf], list[list[mp.mpf]], list[list[mp.mpf]]]:
        active = self._active(k)
        with mp.workdps(self._digits + _GUARD + 10 * len(active)):
            c = mp.diag([self._number(t, k) for t in active])
            factor, other = _factor(_gram(self._weights, active)), _gram(self._inputs, active)
            values, y = mp.eigsy(factor.T * c * other * c * factor)
            order = sorted(range(len(values)), key=lambda j: -values[j])
            order = order[:1] if self._inputs.fixed else order
            back, forth = factor * (factor.T * factor) ** -1 * y, c * factor * y
            weights = [_signed(back[:, j], back[:, j]) for j in order]
            inputs = [_signed(forth[:, j] / mp.sqrt(values[j]), back[:, j]) for j in order]
            return [values[j] for j in order], weights, inputs

    def _number(self, term: HomogeneousTerm, k: int) -> mp.mpf:
        """c_k of one power, whatever the dimension."""
        return number(term.part(k), mp.dps) * self._number_of_power(term.degree, k)

    def _number_of_power(self, degree: sp.Expr, k: int) -> mp.mpf:
        alpha, d = number(degree, mp.dps), mp.mpf(self._d)
        ratio = mp.exp(mp.loggamma(d / 2) - mp.loggamma((alpha + k + d) / 2))
        return mp.gamma(alpha + 1) * mp.rgamma((alpha - k) / 2 + 1) * ratio / 2 ** (alpha + 1)


def _exact_side(c: Sequence[sp.Expr], powers: Sequence[sp.Expr], law: RadialLaw) -> sp.Matrix:
    return sp.Matrix(len(c), len(c), lambda i, j: c[i] * law.moment(powers[i] + powers[j]))


def _gamma_pole(term: HomogeneousTerm, k: int) -> bool:
    half = (term.degree - k) / 2 + 1
    return bool(half.is_Integer and half <= 0)


def _pretty(e: sp.Expr) -> sp.Expr:
    return e if e.is_Rational else sp.factor_terms(sp.powsimp(sp.expand(e)))


def _moment(law: RadialLaw, power: sp.Expr) -> mp.mpf:
    d, p, variance = mp.mpf(int(law.dimension)), number(power, mp.dps), number(law.variance, mp.dps)
    if law.fixed:
        return (d * variance) ** (p / 2)
    return (2 * variance) ** (p / 2) * mp.exp(mp.loggamma((d + p) / 2) - mp.loggamma(d / 2))


def _gram(law: RadialLaw, terms: Sequence[HomogeneousTerm]) -> mp.matrix:
    return mp.matrix([[_moment(law, a.degree + b.degree) for b in terms] for a in terms])


def _factor(gram: mp.matrix) -> mp.matrix:
    """F with F F' = gram; one column where the length is fixed and the matrix has rank one."""
    n = gram.rows
    if n > 1 and abs(gram[0, 0] * gram[1, 1] - gram[0, 1] ** 2) <= mp.mpf(10) ** (8 - mp.dps) * gram[0, 0] * gram[1, 1]:
        return mp.matrix([[gram[i, 0] / mp.sqrt(gram[0, 0])] for i in range(n)])
    return mp.cholesky(gram)


def _signed(column: mp.matrix, by: mp.matrix) -> list[mp.mpf]:
    """A column as a list, with the sign that makes the largest power in ``by`` positive."""
    sign = -1 if by[len(by) - 1] < 0 else 1
    return [sign * x for x in column]
