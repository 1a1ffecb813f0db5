"""Function forms in numbers, for activations that are no sums of powers: one function of |x| a harmonic."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import sympy as sp

from fimtheory.activations import Activation
from fimtheory.emission import emit
from fimtheory.theory.funk_hecke import Profile
from fimtheory.theory.harmonics import INPUT, WEIGHT, Harmonic, mean
from fimtheory.theory.sphere import RadialLaw, multiplicity

_SAME = 1e-9


class RadialForm:
    r"""F(x) = sum over the parts |w|^q h_k(w) of g of u(|x|) h_k(x/|x|), u(rho) = E_r[r^(q+k) c_k(r rho)].

    Accurate to ten digits where r^(d-1) g is smooth in r: integer powers of |w|, or d not small.
    """

    def __init__(self, f: Activation, parts: Sequence[Harmonic], weights: RadialLaw, inputs: RadialLaw) -> None:
        self._f, self._parts = f, parts
        self._weights, self._inputs = weights, inputs
        self._d = int(weights.dimension)

    def _degrees(self) -> list[int]:
        return sorted({h.degree for h in self._parts})

    def _operators(self, rho: np.ndarray) -> dict[int, np.ndarray]:
        """c_k(r rho) at the lengths of the weights, by degree."""
        r, _ = self._weights.nodes()
        degrees = self._degrees()
        table = Profile(self._f, self._d, degrees, float(r[-1] * max(rho.max(initial=0.0), 1e-300)), 1)
        found = table(np.multiply.outer(rho, r))
        return {k: c / np.sqrt(float(multiplicity(self._d, k))) for k, c in zip(degrees, found, strict=True)}

    def _on_lengths(self, rho: np.ndarray) -> list[np.ndarray]:
        """u of every part at lengths of an input."""
        r, masses = self._weights.nodes()
        operators = self._operators(rho)
        return [operators[h.degree] @ (masses * r ** float(h.growth)) for h in self._parts]

    def values(self, x: np.ndarray) -> np.ndarray:
        """F at points, shape (..., d)."""
        rho = np.linalg.norm(x, axis=-1)
        unit = x / np.where(rho == 0, 1, rho)[..., None]
        profiles = self._on_lengths(rho.ravel())
        angular = (on_directions(h.polynomial, unit) for h in self._parts)
        return sum((u.reshape(rho.shape) * a for u, a in zip(profiles, angular, strict=True)), np.zeros(rho.shape))

    @functools.cached_property
    def _at_inputs(self) -> list[np.ndarray]:
        return self._on_lengths(self._inputs.nodes()[0])

    def inner(self, other: RadialForm) -> float:
        """E F F'."""
        masses, total = self._inputs.nodes()[1], 0.0
        for h, u in zip(self._parts, self._at_inputs, strict=True):
            for k, v in zip(other._parts, other._at_inputs, strict=True):
                if h.degree == k.degree:
                    total += float(masses @ (u * v)) * _angular(h, k, self._d)
        return total

    @property
    def mean(self) -> float:
        """E F."""
        masses = self._inputs.nodes()[1]
        constants = [(h, u) for h, u in zip(self._parts, self._at_inputs, strict=True) if h.degree == 0]
        return sum(float(masses @ u) * float(h.polynomial) for h, u in constants)

    @functools.cached_property
    def is_eigenfunction(self) -> bool:
        """Whether the radial function of every degree and direction comes back as one multiple of itself."""
        (r, p), (rho, q) = self._weights.nodes(), self._inputs.nodes()
        operators = self._operators(rho)
        backs = [operators[h.degree].T @ (q * u) for h, u in zip(self._parts, self._at_inputs, strict=True)]
        starts = [r ** float(h.growth) for h in self._parts]
        ratios = [float(p @ (a * b)) / float(p @ a**2) for a, b in zip(starts, backs, strict=True)]
        largest = max(map(abs, ratios))
        return all(
            abs(c - ratios[0]) <= _SAME * largest
            and np.sqrt(p @ (b - c * a) ** 2) <= _SAME * largest * np.sqrt(p @ a**2)
            for a, b, c in zip(starts, backs, ratios, strict=True)
        )


def on_directions(h: sp.Expr, unit: np.ndarray) -> np.ndarray:
    """A polynomial in the coordinates of w and |w| = 1, at unit vectors of shape (..., d)."""
    names, on_sphere = WEIGHT.coordinates(h), h.subs(WEIGHT.norm, 1)
    if not names:
        return np.full(unit.shape[:-1], float(on_sphere))
    return np.asarray(emit(on_sphere, names)(*(unit[..., WEIGHT.number(s) - 1] for s in names)), dtype=float)


def _angular(a: Harmonic, b: Harmonic, d: int) -> float:
    """The average of the product of two harmonics over the unit sphere."""
    product = WEIGHT.moved_to(INPUT, a.polynomial * b.polynomial)
    return float(mean(product, INPUT, RadialLaw(d, sp.Rational(1, d), fixed=True)))
