"""The kernel of a homogeneous activation cut off in powers of the cosine: low rank, and a bound for every weight matrix."""

from __future__ import annotations

from math import comb

import numpy as np
import sympy as sp

from fimtheory.activations import Activation, activation
from fimtheory.emission import emit
from fimtheory.errors import OutsideAssumptions
from fimtheory.gaussian.field import CORRELATION
from fimtheory.theory.homogeneous import HomogeneousTerm, funk_hecke_power, homogeneous_terms
from fimtheory.theory.sphere import RadialLaw


def single_power(f: str | Activation) -> tuple[Activation, HomogeneousTerm]:
    """An activation that is one power on each side of 0; :class:`OutsideAssumptions` otherwise."""
    phi = activation(f)
    terms = homogeneous_terms(phi)
    if terms is None or len(terms) != 1:
        raise OutsideAssumptions(
            f"{phi.name} is not one power of |x| on each side of 0: the bound is for relu, step, abs, x**3 and their like",
            "homogeneous",
        )
    return phi, terms[0]


def truncated_share(f: str | Activation, degree: int) -> sp.Expr:
    """The share of the trace in the powers up to ``degree`` of the cosine, for every weight matrix.

    K(w, w') = |w|^alpha |w'|^alpha sum_n b_n^2 cos^n, b_n the Hermite coefficients of phi: on the diagonal cos = 1.

    *Source*: document 000, the share of the trace carried by its three clusters. *Holds when* phi is one power.

    >>> truncated_share("relu", 2)
    3/(2*pi) + 1/2
    """
    phi, _ = single_power(f)
    return sp.expand(sum(phi.hermite(n) ** 2 for n in range(degree + 1)) / phi.eta)


def truncation_rank(f: str | Activation, degree: int, dimension: int | sp.Expr) -> int | sp.Expr:
    """The largest possible rank of the powers up to ``degree``: cos^n |w|^alpha |w'|^alpha has as features
    |w|^(alpha-n) times the monomials of degree n, and among them, by |w|^2 = sum w_a^2, those of n - 2.

    >>> sp.factor(truncation_rank("relu", 2, sp.Symbol("d"))), truncation_rank("sign", 3, 4)
    (d*(d + 3)/2, 20)
    """
    phi, _ = single_power(f)
    seen = [max((n for n in range(parity, degree + 1, 2) if phi.hermite(n) != 0), default=None) for parity in (0, 1)]
    if isinstance(dimension, int):
        return sum(comb(dimension + n - 1, n) for n in seen if n is not None)
    rising = [sp.Mul(*[dimension + j for j in range(n)]) / sp.factorial(n) for n in seen if n is not None]
    return sp.expand(sum(rising))


def truncated_eigenvalue(f: str | Activation, k: int, degree: int, dimension: int | sp.Expr) -> sp.Expr:
    """The eigenvalue of degree k of the kernel cut off after the power ``degree``, weights N(0, I_d).

    *Source*: document 000: its three approximate eigenvalues are those of ReLU cut off after the square.

    >>> d = sp.Symbol("d", positive=True)
    >>> [truncated_eigenvalue("relu", k, 2, d) for k in (0, 1, 2)]
    [(2*d + 1)/(4*pi), 1/4, 1/(2*pi*(d + 2))]
    """
    phi, term = single_power(f)
    # Degree k of t^n: both half-lines, n and k of one parity.
    powers = (2 * phi.hermite(n) ** 2 * funk_hecke_power(n, dimension, k) for n in range(k, degree + 1, 2))
    return sp.factor(sp.expand(sum(powers) * RadialLaw(dimension).moment(2 * term.degree)))


def span_cosine(alpha: int | sp.Expr, power: int, dimension: int | sp.Expr) -> sp.Expr:
    """cos^2 between |w|^alpha Y_k and |w|^power Y_k: how well a span of monomials of that degree meets an eigenspace.

    (E |w|^(power + alpha))^2 / (E |w|^(2 alpha) E |w|^(2 power)).

    >>> span_cosine(1, 2, 3)
    128/(45*pi)
    """
    law = RadialLaw(dimension)
    return sp.simplify(law.moment(power + alpha) ** 2 / (law.moment(2 * alpha) * law.moment(2 * power)))


def top_share(f: str | Activation, weights: np.ndarray, degree: int) -> float:
    """The share of tr J in its largest eigenvalues, as many as the rank of the truncation, for one weight matrix (m, d)."""
    phi, term = single_power(f)
    lengths = np.linalg.norm(weights, axis=1)
    cosines = np.clip(weights @ weights.T / np.outer(lengths, lengths), -1, 1)
    alpha = float(term.degree)
    kernel = np.outer(lengths, lengths) ** alpha * np.asarray(emit(phi.dual(1, CORRELATION), CORRELATION)(cosines))
    values = np.linalg.eigvalsh(kernel)[::-1]
    return float(values[: int(truncation_rank(phi, degree, weights.shape[1]))].sum() / values.sum())


def adversarial_weights(seed: int = 1) -> list[np.ndarray]:
    """Weight matrices that are far from Gaussian, and one found by descending the share itself.

    Random, of rank one, all rows on a cone, in opposite pairs, on a grid of directions, one row a million times longer.
    """
    rng = np.random.default_rng(seed)
    m, d = 24, 2
    angles = 2 * np.pi * np.arange(m) / m
    grid = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    cone = np.concatenate([np.ones((m, 1)), 0.3 * rng.standard_normal((m, 1))], axis=1)
    half = rng.standard_normal((m // 2, d))
    longest = rng.standard_normal((m, d))
    longest[0] *= 1e6
    found = [rng.standard_normal((m, d)), np.outer(rng.standard_normal(m), [1.0, 2.0]), cone,
             np.concatenate([half, -half]), grid, longest, rng.standard_normal((40, 3))]  # fmt: skip
    return [*found, _worst(grid, rng)]


def _worst(start: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random descent of the share from a grid of directions."""
    best, least = start, top_share("relu", start, 2)
    for step in 0.3 * 0.97 ** np.arange(120):
        tried = best + step * rng.standard_normal(best.shape)
        share = top_share("relu", tried, 2)
        if share < least:
            best, least = tried, share
    return best
