"""Eigenvectors of the Fisher matrix of the output weights, and the functions they realise, for any activation."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import sympy as sp

from fimtheory.errors import InputError
from fimtheory.theory.form_profiles import on_directions
from fimtheory.theory.harmonics import WEIGHT, harmonics, mean
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_clusters import KernelMode
from fimtheory.theory.sphere import RadialLaw


@dataclass(frozen=True)
class ModeFunction:
    r"""An eigenfunction g(w) = R(|w|) Y(w/|w|), E g^2 = 1, and its function F(x) = sqrt(lambda) R'(|x|) Y(x/|x|).

    F(x) = E_w[g(w) phi(w.x)], R and R' the radial profiles of the ``mode``. Y is the ``harmonic``, a polynomial in w_1,
    w_2, ... and |w|, homogeneous of the mode's degree, made of mean square 1 on the sphere.

    Raises :class:`InputError` where it is no harmonic of that degree.

    >>> modes = KernelModes("relu", 3)
    >>> f = ModeFunction(modes, modes.modes[2], WEIGHT.coordinate(1) * WEIGHT.coordinate(2))
    >>> round(float(f(np.array([1.0, 1.0, 0.0]))) ** 2 * 512, 12)  # sqrt(5) (3/16) x_1 x_2/|x|
    45.0
    """

    modes: KernelModes
    mode: KernelMode
    harmonic: sp.Expr

    def __post_init__(self) -> None:
        parts = harmonics(self.harmonic, WEIGHT, self.modes.dimension)
        if len(parts) != 1 or (parts[0].degree, parts[0].power) != (self.mode.degree, 0):
            raise InputError(
                f"{self.harmonic} is no harmonic of degree {self.mode.degree} in {self.modes.dimension} dimensions: take "
                "zonal_harmonic or planar_harmonic of that degree"
            )

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """F at points, shape (..., d) to (...)."""
        lengths = np.linalg.norm(x, axis=-1)
        return np.sqrt(self.mode.value) * self.modes.input_profile(self.mode)(lengths) * self._angular(x)

    def at_weights(self, w: np.ndarray) -> np.ndarray:
        """g at the rows of a matrix of hidden weights: the eigenvector, times sqrt(m)."""
        return self.modes.profile(self.mode)(np.linalg.norm(w, axis=-1)) * self._angular(w)

    def _angular(self, points: np.ndarray) -> np.ndarray:
        lengths = np.linalg.norm(points, axis=-1, keepdims=True)
        unit = points / np.where(lengths == 0, 1, lengths)
        return on_directions(self.harmonic, unit) / self._scale

    @functools.cached_property
    def _scale(self) -> float:
        d = self.modes.dimension
        return float(sp.sqrt(mean(self.harmonic**2, WEIGHT, RadialLaw(d, sp.Rational(1, d), fixed=True))))
