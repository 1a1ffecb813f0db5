"""One layer of units over N samples: what its Gram matrix takes over from the layer below, and what it adds.

The units of a layer are independent given the layer below. Unit i has the feature r_i, a vector over samples with mean
zero and covariance b_i^2 K + s_i^2 I, where K is the Gram matrix below; the layer's own is (1/M_l) sum_i r_i r_i'.
Units may be of several kinds, (b, s^2) with a probability each. A unit may carry a companion r_i', a second feature
correlated with the first (its slope, where the first is its value), whose products c_i r_i' r_i'' / M_l are added to
the matrix whose spectrum is sought.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from fimtheory.errors import InputError
from fimtheory.spectra.arguments import require_number

Array = np.ndarray


@dataclass(frozen=True)
class Companion:
    """Second features b' z + eps' beside b z + eps: shape ``(kinds,)`` each; ``weight`` is c, ``cross`` is E eps eps'.

    Weights are positive numbers, or nodes of a rule below the axis (:mod:`fimtheory.spectra.chi_square_rule`).
    """

    slope: Array
    noise: Array
    cross: Array
    weight: Array


@dataclass(frozen=True)
class Layer:
    """Units of a layer: ``ratio`` = N/M_l, and for every kind of unit b, s^2 and its probability, shape ``(kinds,)``.

    Numbers stand for one kind. Raises :class:`InputError` for what is no layer.

    >>> Layer(2, slope=0.5, noise=1).polynomial()[2:4].ravel()
    array([0.5, 2. ])
    """

    ratio: float
    slope: Array
    noise: Array
    share: Array = field(default_factory=lambda: np.ones(1))
    companion: Companion | None = None

    def __post_init__(self) -> None:
        require_number(self.ratio, "the ratio N/M of a layer", 1e-6, 1e6, "between 1e-6 and 1e6")
        object.__setattr__(self, "ratio", float(self.ratio))
        for name in ("slope", "noise"):
            object.__setattr__(self, name, np.atleast_1d(np.asarray(getattr(self, name), dtype=float)))
        object.__setattr__(self, "share", np.atleast_1d(self.share))
        if not self.slope.shape == self.noise.shape == self.share.shape:
            raise InputError("slope, noise and share of a layer differ in shape: give a number each for every kind")
        if not (np.isfinite(self.slope).all() and np.isfinite(self.noise).all() and self.noise.min() >= 0):
            raise InputError("a layer needs finite slopes, and variances of noise that are not negative")
        if (np.real(self.share).min() < 0 and self.companion is None) or abs(self.share.sum() - 1) > 1e-6:
            raise InputError(f"the shares of the kinds of units sum to {self.share.sum():.6g}: give probabilities")

    def scaled(self, factor: float) -> Layer:
        """The layer in a matrix that is ``factor`` times as large: only what it adds by itself changes."""
        if self.companion is None:
            return self
        return replace(self, companion=replace(self.companion, weight=factor * self.companion.weight))

    @property
    def sees_below(self) -> bool:
        """Whether anything of the layer below is taken over."""
        return bool(self.slope.any() or (self.companion is not None and self.companion.slope.any()))

    @property
    def is_linear(self) -> bool:
        """Whether the layer adds nothing of its own."""
        return not self.noise.any()

    @property
    def per_kind(self) -> Array:
        """Probabilities over the ratio, the weights of :meth:`determinant` and its slopes."""
        return self.share / self.ratio

    def polynomial(self) -> Array:
        """e_1, e_2, f_1, .., f_4 of det(1 + D Delta) = 1 + e_1 t + e_2 g + A (f_1 t + f_2 g + f_3 t g + f_4 g^2).

        D = diag(A, c) are the coefficients of a unit's features, Delta = ratio (t b b' + g Cov eps) what the resolvent
        makes of them. Shape ``(6, kinds)``.
        """
        own = self.ratio * np.array([self.slope**2, self.noise])
        zero = np.zeros_like(self.slope)
        if self.companion is None:
            return np.array([zero, zero, *own, zero, zero])
        other, c = self.companion, self.ratio * self.companion.weight
        mixed = self.slope**2 * other.noise + other.slope**2 * self.noise - 2 * self.slope * other.slope * other.cross
        both = self.noise * other.noise - other.cross**2
        return np.array([c * other.slope**2, c * other.noise, *own, self.ratio * c * mixed, self.ratio * c * both])
