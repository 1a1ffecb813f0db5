"""Eigenvalues of activations that are sums of powers: the radial operator of each degree has finite rank."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.theory.homogeneous import (
    HomogeneousTerm,
    funk_hecke_coefficient,
    funk_hecke_number,
    funk_hecke_power,
    vanishes,
)
from fimtheory.theory.mode_clusters import KernelMode
from fimtheory.theory.sphere import RadialLaw, multiplicity

_EXACT_UP_TO = 400  # Gammas of larger arguments are not written out, products of more factors neither
_SHORT = 60
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

    def overlap(self, first: tuple[int, int], second: tuple[int, int], of_weights: bool) -> mp.mpf:
        """E R_a^2 R_b^2 of two modes (k, j), on the side of the weights or of the inputs."""
        law = self._weights if of_weights else self._inputs
        with mp.workdps(self._digits + _GUARD):
            one, other = (self._square(k, j, of_weights) for k, j in (first, second))
            return mp.fsum(a * b * law.moment_number(p + q) for p, a in one for q, b in other)

    def _square(self, k: int, j: int, of_weights: bool) -> list[tuple[sp.Expr, mp.mpf]]:
        """R_j^2 as a list of (power, coefficient)."""
        active, column = self._active(k), self._decomposed(k)[1 if of_weights else 2][j]
        loads = list(zip((t.degree for t in active), column, strict=True))
        return [(p + q, a * b) for p, a in loads for q, b in loads]

    @functools.cached_property
    def trace(self) -> sp.Expr | None:
        """E phi(w.x)^2; None where its Gammas are too large to be written."""
        products = self._products
        if self._d > _EXACT_UP_TO and not all(_is_short(p) for p in products):
            return None
        powers = {p: self._weights.moment(p) * self._inputs.moment(p) for p in products}
        return sp.expand(sum(c * sp.powsimp(funk_hecke_power(p, self._d, 0) * powers[p]) for p, c in products.items()))

    @property
    def trace_number(self) -> mp.mpf:
        """E phi(w.x)^2 as a number."""
        with mp.workdps(self._digits + _GUARD):
            return mp.fsum(
                funk_hecke_number(HomogeneousTerm(p, c, sp.S.Zero), self._d, 0)
                * self._weights.moment_number(p)
                * self._inputs.moment_number(p)
                for p, c in self._products.items()
            )

    @property
    def _products(self) -> dict[sp.Expr, sp.Expr]:
        """phi(t)^2 + phi(-t)^2 for t > 0, as {power: coefficient}."""
        found: dict[sp.Expr, sp.Expr] = {}
        for a in self._terms:
            for b in self._terms:
                power = a.degree + b.degree
                found[power] = found.get(power, sp.S.Zero) + a.plus * b.plus + a.minus * b.minus
        return {p: c for p, c in found.items() if sp.expand(c) != 0}

    # -- exact

    def _active(self, k: int) -> list[HomogeneousTerm]:
        """The powers that degree k sees."""
        return [t for t in self._terms if not vanishes(t, k)]

    def _exact(self, k: int) -> list[sp.Expr]:
        """The eigenvalues as expressions; empty where they are roots of higher degree or too large to write."""
        active = self._active(k)
        if not active:
            return [sp.S.Zero]
        if k > _EXACT_UP_TO or (self._d > _EXACT_UP_TO and not all(_is_short(t.degree + k) for t in active)):
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
        # In high dimension all lengths are nearly the same, and powers of them hard to tell apart.
        guard = _GUARD + math.ceil(4 * (len(active) - 1) * math.log10(self._d + 100))
        with mp.workdps(self._digits + guard):
            c = mp.diag([funk_hecke_number(t, self._d, k) for t in active])
            powers = [t.degree for t in active]
            factor, other = _factor(self._weights, powers), _gram(self._inputs, powers)
            values, y = mp.eigsy(factor.T * c * other * c * factor)
            order = sorted(range(len(values)), key=lambda j: -values[j])
            order = order[:1] if self._inputs.fixed else order
            back, forth = factor * (factor.T * factor) ** -1 * y, c * factor * y
            signs = {j: self._sign(back[:, j], powers) for j in order}
            weights = [[signs[j] * x for x in back[:, j]] for j in order]
            inputs = [[signs[j] * x / mp.sqrt(values[j]) for x in forth[:, j]] for j in order]
            return [values[j] for j in order], weights, inputs

    def _sign(self, column: mp.matrix, powers: Sequence[sp.Expr]) -> int:
        """The sign that makes the mean of R_j over the weights positive."""
        return -1 if mp.fsum(x * self._weights.moment_number(p) for x, p in zip(column, powers, strict=True)) < 0 else 1


def _is_short(power: sp.Expr) -> bool:
    """Whether Gamma((power + d)/2)/Gamma(d/2) is a product of few factors, in any dimension."""
    return bool((power / 2).is_Integer) and power / 2 <= _SHORT


def _exact_side(c: Sequence[sp.Expr], powers: Sequence[sp.Expr], law: RadialLaw) -> sp.Matrix:
    return sp.Matrix(len(c), len(c), lambda i, j: c[i] * law.moment(powers[i] + powers[j]))


def _pretty(e: sp.Expr) -> sp.Expr:
    return e if e.is_Rational else sp.factor_terms(sp.powsimp(sp.expand(e)))


def _gram(law: RadialLaw, powers: Sequence[sp.Expr]) -> mp.matrix:
    return mp.matrix([[law.moment_number(a + b) for b in powers] for a in powers])


def _factor(law: RadialLaw, powers: Sequence[sp.Expr]) -> mp.matrix:
    """F with F F' the matrix of moments; one column where the length is fixed, and its rank one."""
    return mp.matrix([[law.moment_number(a)] for a in powers]) if law.fixed else mp.cholesky(_gram(law, powers))
