"""Networks with as many units as squares of coordinates, m = d^2: the degree two is no cluster but half of the spectrum."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import sympy as sp

from fimtheory.activations import Activation
from fimtheory.claims import GivenOutputs, Source, claim
from fimtheory.errors import InputError
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_equivalent import ModeSpectrum

_DEGREES = 8
_POINTS = (0.025, 0.125)  # a twentieth of the mean eigenvalue of m J and a quarter, for ReLU: the bulk is seen there


@dataclass(frozen=True)
class QuadraticScaling:
    """Networks of m = d^2 units, w_i ~ N(0, I_d/d), over all inputs or N = ``ratio`` m of them.

    >>> from fimtheory.activations import activation
    >>> relu = QuadraticScaling(activation("relu"))
    >>> relu.dimension(144), relu.spectrum(144)
    (12, <ModeSpectrum of relu: d = 12, m = 144, all inputs>)
    """

    activation: Activation
    ratio: sp.Rational | None = None

    def dimension(self, width: int) -> int:
        """d; :class:`InputError` where m is no square."""
        d = math.isqrt(width)
        if width < 1 or d * d != width:
            raise InputError(f"{width} units are no square of a dimension: take for instance {(d + 1) ** 2}")
        return d

    def spectrum(self, width: int, lengths: np.ndarray | None = None) -> ModeSpectrum:
        """The law of the eigenvalues of J, given the lengths |w_i| of one network's units where they are known."""
        inputs = None if self.ratio is None else round(float(self.ratio) * width)
        return ModeSpectrum(_modes(self.activation, self.dimension(width)), width, inputs, lengths)

    def resolvent(self, level: float, width: int, lengths: np.ndarray | None = None) -> float:
        """The mean of s/(s + m lambda) over the eigenvalues lambda of J, s = ``level``: between 0 and 1.

        >>> from fimtheory.activations import activation
        >>> round(QuadraticScaling(activation("relu")).resolvent(0.5, 144), 3)
        0.814
        """
        return float(np.real(-level / width * self.spectrum(width, lengths).stieltjes(-level / width)))


@functools.lru_cache(maxsize=64)
def _modes(activation: Activation, d: int) -> KernelModes:
    return KernelModes(activation, d, _DEGREES, sp.Rational(1, d))


@claim(
    "fimtheory.modes.deterministic_equivalent",
    title="The whole spectrum, multiplicities comparable with the width",
    statement=r"\frac{1}{m} \operatorname{tr} (z - J)^{-1} \simeq \frac{1}{z m} \sum_i \frac{1}{1 + \tau_i \delta},\quad"
    r" m \delta = -\frac{B}{z} \sum_k \frac{N_k \lambda_k}{1 + \lambda_k t},\quad"
    r" N \delta' = -\frac{A}{z} \sum_k \frac{N_k \lambda_k}{1 + \lambda_k t},\quad t = -\frac{A B}{z},\quad"
    r" A = \frac{1}{m} \sum_i \frac{\tau_i}{1 + \tau_i \delta},\quad B = \mathbb{E}\, \frac{\sigma}{1 + \sigma \delta'},"
    r"\quad \tau_i = \frac{|w_i|^{2 \alpha}}{\mathbb{E} |w|^{2 \alpha}}",
    source=Source("fimtheory", "extends takeishi2021: clusters that are no longer small against the width; heuristic"),
    assumptions=(
        "phi is one power t^alpha on either side of 0",
        "w_i ~ N(0, s I_d) and x ~ N(0, I_d) independent",
        "heuristic: harmonics of one degree at different units are like independent vectors",
        "m is large, of any size against the multiplicities",
    ),
    subject="quadratic_scaling",
    activations=("relu", "abs", "step"),
)
def predict_resolvent(scaling: QuadraticScaling) -> dict[str, GivenOutputs]:
    """Resolvents at two points, given the lengths of a network's units."""

    def at(level: float) -> GivenOutputs:
        return GivenOutputs(lambda lengths, width: scaling.resolvent(level, width, lengths))

    return {f"modes.resolvent[{level:g}]": at(level) for level in _POINTS}
