"""Radial modes: how the lengths of weights and inputs share one degree, for activations that are no sum of powers.

The radial operator of degree k maps g(r) to E_r[c_k(r rho) g(r)]; its squared singular values are the eigenvalues of
degree k. It is discretised on Gauss nodes of both lengths (Nystrom) and decomposed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.errors import InputError
from fimtheory.theory.funk_hecke import Profile
from fimtheory.theory.sphere import RadialLaw, multiplicity

_NODES = 96
_NOISE = 1e-15
_REACH = 13.5  # standard deviations of a length that double precision sees


@dataclass(frozen=True)
class RadialModes:
    """The radial modes of one degree, largest first.

    ``eigenvalues`` and their stated absolute ``errors`` have shape (count,); ``weight_profiles`` R_j at the
    ``weight_nodes`` (shape (count, nodes), E R_j^2 = 1 under ``weight_masses``), and the same for the inputs, with signs
    such that R'_j(rho) = E[R_j(r) c_k(r rho)]/s_j.
    """

    degree: int
    dimension: int
    table: Profile = field(repr=False)
    place: int
    eigenvalues: np.ndarray
    errors: np.ndarray
    weight_nodes: np.ndarray
    weight_masses: np.ndarray
    weight_profiles: np.ndarray
    input_nodes: np.ndarray
    input_masses: np.ndarray
    input_profiles: np.ndarray

    def weight_profile(self, j: int, r: np.ndarray) -> np.ndarray:
        """R_j at any lengths of a weight, continued by the operator itself."""
        return self._continued(r, self.input_nodes, self.input_masses * self.input_profiles[j], j)

    def input_profile(self, j: int, rho: np.ndarray) -> np.ndarray:
        """R'_j at any lengths of an input."""
        return self._continued(rho, self.weight_nodes, self.weight_masses * self.weight_profiles[j], j)

    def _continued(self, at: np.ndarray, nodes: np.ndarray, loads: np.ndarray, j: int) -> np.ndarray:
        products = np.multiply.outer(np.asarray(at, dtype=float), nodes)
        if products.size and products.max() > self.table.largest * (1 + 1e-12):
            raise InputError(
                f"the length {np.max(at):.4g} is longer than all but a share 1e-30 of the law: take one below "
                f"{self.table.largest / nodes[-1]:.4g}"
            )
        copies = multiplicity(self.dimension, self.degree)
        return self.table.row(self.place, products) @ loads / np.sqrt(self.eigenvalues[j] * copies)


def radial_modes(
    activation: Activation,
    degrees: Sequence[int],
    weights: RadialLaw,
    inputs: RadialLaw,
    count: int,
    rate: float = 0.0,
) -> tuple[RadialModes, ...]:
    """The ``count`` largest radial modes of every degree, for an activation that grows no faster than exp(``rate`` |x|).

    The error of an eigenvalue is stated as its change when nodes and panels are doubled, plus rounding. Kinks away from 0
    make convergence slow and irregular: there, every singular value of a degree may be off by three times the largest
    change among them. What the table of c_k leaves unresolved moves every singular value by at most its norm.
    """
    d = int(weights.dimension)
    _, coarse = _decomposed(activation, tuple(degrees), weights, inputs, _NODES, 1, rate)
    table, fine = _decomposed(activation, tuple(degrees), weights, inputs, 2 * _NODES, 2, rate)
    (r, p), (rho, q) = _nodes(weights, inputs, 2 * _NODES, rate)
    scale = np.sqrt(sum(float(s @ s) for _, s, _ in fine))
    found, irregular = [], any(h != 0 for h in activation.kinks)
    products, logarithm = np.multiply.outer(r, rho), np.add.outer(p, q) / 2
    for place, (degree, (_, s0, _), (u, s, v)) in enumerate(zip(degrees, coarse, fine, strict=True)):
        n, share = min(count, s.size, s0.size), float(1 / mp.mpf(max(multiplicity(d, degree), 1)))
        s, s0 = s[:n], s0[:n]
        change = 3 * np.abs(s - s0).max(initial=0.0) if irregular else np.abs(s - s0)
        doubt = np.linalg.norm(table.unresolved(place, products, logarithm)) + _NOISE * scale
        errors = ((s + s0) * change + (2 * s + doubt) * doubt) * share
        sides = (r, np.exp(p), u[:, :n].T * np.exp(-p / 2)), (rho, np.exp(q), v[:n] * np.exp(-q / 2))
        found.append(RadialModes(degree, d, table, place, s**2 * share, errors, *sides[0], *sides[1]))
    return tuple(found)


@functools.lru_cache(maxsize=16)
def _decomposed(activation, degrees, weights, inputs, n, refinement, rate) -> tuple[Profile, tuple[tuple, ...]]:
    """c_k as a table, and (U, s, V) of sqrt(p_i) sqrt(N) c_k(r_i rho_j) sqrt(q_j) for every degree."""
    (r, p), (rho, q) = _nodes(weights, inputs, n, rate)
    profile = Profile(activation, int(weights.dimension), degrees, float(r[-1] * rho[-1]), refinement, rate)
    blocks = profile(np.multiply.outer(r, rho), np.add.outer(p, q) / 2)
    return profile, tuple(_signed(*np.linalg.svd(block, full_matrices=False)) for block in blocks)


def _nodes(weights: RadialLaw, inputs: RadialLaw, n: int, rate: float) -> tuple[tuple, tuple]:
    """Lengths and logarithms of their masses, as far out as exp(rate r rho) still matters."""
    return weights.log_nodes(n, beyond(weights, inputs, rate)), inputs.log_nodes(n, beyond(inputs, weights, rate))


def beyond(law: RadialLaw, other: RadialLaw, rate: float) -> float:
    """By how many standard deviations a factor exp(rate r rho) beside sqrt(p q) moves the lengths that matter."""
    scale = max(rate, 0.0) * math.sqrt(float(law.variance) * float(other.variance))
    if law.fixed or scale == 0:
        return 0.0
    if other.fixed:
        return 2 * scale * math.sqrt(float(other.dimension))
    return (math.sqrt(float(law.dimension)) + _REACH) * (1 / math.sqrt(1 - 2 * scale) - 1)


def _signed(u: np.ndarray, s: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """With weight profiles that are positive on average, whatever the library chose."""
    signs = np.where(u.sum(axis=0) < 0, -1.0, 1.0)
    return u * signs, s, v * signs[:, None]
