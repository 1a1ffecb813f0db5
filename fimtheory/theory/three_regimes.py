r"""Three theories of one hidden layer as corners of one decomposition by degree.

Weights w_i ~ N(0, I_d/d), i = 1..m, inputs N(0, I_d): in degree k the eigenvalues of J = E_x[phi(Wx) phi(Wx)']/m add up to
b_k^2 + O(1/d), b_k the normalised Hermite coefficients of phi. Three theories read the same numbers:

- d fixed, m large (Takeishi et al. 2021, Ho et al. 2025, for ReLU): N(d, k) equal eigenvalues for every degree;
- m/d -> gamma (Pennington, Worah 2018): for m J degree 1 makes a Marchenko-Pastur law, higher degrees a ridge;
- deep networks (Karakida et al. 2020): two inputs that overlap by c have qhat_2 = sum_k b_k^2 c^k, at c = 0 degree 0 alone.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from math import comb

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation, activation
from fimtheory.emission import emit
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.gaussian.field import CORRELATION
from fimtheory.gaussian.quantity import number
from fimtheory.notation import SYMBOLS
from fimtheory.spectra import MarchenkoPastur
from fimtheory.spectra.arguments import require_number
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.kernel_modes import KernelModes

M = SYMBOLS["M"]

_NONE = 1e-14  # of E phi^2: what is left of a coefficient that is zero, where there is no closed form
_MOST_DEGREES = 40

Array = np.ndarray


@dataclass(frozen=True)
class Bulk:
    """The limiting law of the eigenvalues of m J at m/d -> ``aspect``: ``ridge`` + ``slope`` t, t Marchenko-Pastur.

    ridge = sum_{k>=2} b_k^2, slope = b_1^2. Where the slope is 0 it is an atom, where the aspect exceeds 1 it has one, at
    the ridge.

    >>> bulk = Bulk(ridge=0.5, slope=0.25, aspect=4.0)
    >>> bulk.atom, bulk.edges, bulk.moments(2)
    (0.75, (0.75, 2.75), array([0.75  , 0.8125]))
    """

    ridge: float
    slope: float
    aspect: float

    def __post_init__(self) -> None:
        require_number(self.aspect, "the aspect m/d", 1e-6, 1e6, "between 1e-6 and 1e6")

    @functools.cached_property
    def law(self) -> MarchenkoPastur | None:
        """The part of degree 1: eigenvalues of slope W W'; None where there is none."""
        return MarchenkoPastur(self.aspect, self.slope) if self.slope else None

    @property
    def atom(self) -> float:
        """The mass at the ridge."""
        return self.law.atom if self.law else 1.0

    @property
    def edges(self) -> tuple[float, float]:
        """The ends of the continuous part; the ridge twice where there is none."""
        low, high = self.law.edges if self.law else (0.0, 0.0)
        return self.ridge + low, self.ridge + high

    def density(self, x: Array) -> Array:
        """The density of the continuous part."""
        points = np.asarray(x, float) - self.ridge
        return self.law.density(points) if self.law else np.zeros_like(points)

    def moments(self, count: int) -> Array:
        """E t, E t^2, ... up to the ``count``-th."""
        powers = [1.0, *(self.law.moments(count) if self.law else np.zeros(count))]
        return np.array(
            [sum(comb(k, i) * self.ridge ** (k - i) * powers[i] for i in range(k + 1)) for k in range(1, count + 1)]
        )

    def stieltjes(self, z: complex | float) -> complex:
        """E 1/(z - t)."""
        return complex(self.law.stieltjes(z - self.ridge)) if self.law else 1 / (z - self.ridge)


class ThreeRegimes:
    """The decomposition of one activation by degree, and what three theories make of it.

    ``degrees`` is the highest degree that is listed. Raises :class:`InputError` for an activation with E phi(Z)^2 = 0 or
    infinite.

    >>> relu = ThreeRegimes("relu", degrees=3)
    >>> relu.shares, relu.ridge
    ((1/(2*pi), 1/4, 1/(4*pi), 0), 1/4 - 1/(2*pi))
    >>> relu.outlier(), relu.correction(0)
    (1/(2*pi), 1/(4*pi))
    """

    def __init__(self, f: str | sp.Expr | Activation, degrees: int = 6) -> None:
        self.activation = activation(f)._require_numbers()
        if isinstance(degrees, bool) or not isinstance(degrees, int) or not 1 <= degrees <= _MOST_DEGREES:
            raise InputError(f"degrees = {degrees} is not possible: give a whole number from 1 to {_MOST_DEGREES}")
        self.degrees = degrees
        self.eta = self.activation.eta
        if number(self.eta, 16) == 0:
            raise OutsideAssumptions("phi = 0 has no degrees: give a function that is not zero", "phi is not zero")

    def __repr__(self) -> str:
        return f"<ThreeRegimes of {self.activation.name}: degrees 0 to {self.degrees}>"

    # -- the decomposition

    def coefficient(self, k: int) -> sp.Expr:
        """b_k = E[phi(Z) He_k(Z)]/sqrt(k!), exact; 0 where it vanishes."""
        found = self._coefficients
        if k not in found:
            b = self.activation.hermite(k)
            found[k] = sp.S.Zero if b == 0 or abs(number(b, 16)) ** 2 <= _NONE**2 * number(self.eta, 16) else b
        return found[k]

    @functools.cached_property
    def _coefficients(self) -> dict[int, sp.Expr]:
        return {}

    @functools.cached_property
    def shares(self) -> tuple[sp.Expr, ...]:
        """b_0^2, b_1^2, ...: what every degree carries of E phi(Z)^2."""
        return tuple(self.coefficient(k) ** 2 for k in range(self.degrees + 1))

    @functools.cached_property
    def values(self) -> Array:
        """The shares in double precision."""
        return np.array([float(number(b, 17)) for b in self.shares])

    @functools.cached_property
    def remainder(self) -> float:
        """What the degrees that are not listed carry."""
        return self._positive(self.eta - sum(self.shares))

    @property
    def ridge(self) -> sp.Expr:
        """sum_{k>=2} b_k^2 = E phi^2 - b_0^2 - b_1^2."""
        return sp.expand(self.eta - self.shares[0] - self.shares[1])

    @property
    def is_centred(self) -> bool:
        """Whether b_0 = 0: then no eigenvalue grows with the width."""
        return self.shares[0] == 0

    def _positive(self, e: sp.Expr) -> float:
        """A number that cannot be negative; what is below rounding is zero."""
        value = number(e, 20) if e != 0 else mp.mpf(0)
        return float(value) if value > _NONE * number(self.eta, 16) else 0.0

    def correction(self, k: int) -> sp.Expr:
        r"""s_k: the eigenvalues of degree k of J in dimension d add up to b_k^2 + s_k/d + O(1/d^2).

        s_k = k(k-1)/2 b_k^2 + 2 k a_k b_k b_{k+2} + a_k^2 b_{k+2}^2 + a_k a_{k+2} b_k b_{k+4}/2, a_k^2 = (k+1)(k+2).

        *Source*: our own. Lengths of weights and inputs fluctuate by d^(-1/2), which mixes degrees k and k + 2; Gegenbauer
        polynomials differ from Hermite's by 1/d. *Holds when* weights are N(0, I_d/d), inputs N(0, I_d).

        >>> ThreeRegimes("linear").correction(1), ThreeRegimes("abs").correction(2)
        (0, -1/(2*pi))
        """
        b, b2, b4 = (self.coefficient(k + i) for i in (0, 2, 4))
        a, a2 = (sp.sqrt((i + 1) * (i + 2)) for i in (k, k + 2))
        squares = sp.Rational(k * (k - 1), 2) * b**2 + a**2 * b2**2
        return sp.expand(squares + 2 * k * a * b * b2 + a * a2 * b * b4 / 2)

    # -- eigengroups: fixed dimension, many units

    def groups(self, d: int, degrees: int | None = None) -> KernelModes:
        """Eigenvalues and multiplicities of J at fixed d as m grows, weights N(0, I_d/d)."""
        whole = isinstance(d, int) and not isinstance(d, bool) and d > 0
        if not whole:
            raise InputError(f"d = {d} is not a dimension: give a whole number from 1")
        return KernelModes(self.activation, d, self.degrees if degrees is None else degrees, sp.Rational(1, d))

    # -- bulk: as many units as dimensions

    def bulk(self, aspect: float) -> Bulk:
        """The law of all but a few eigenvalues of m J at m/d -> ``aspect``.

        The block of the output weights in Pennington, Worah (2018), theorem 1, whose zeta is b_1^2 and whose eta is
        E phi^2 - b_0^2: the lower right entry of the matrix M(a, b), b Marchenko-Pastur.
        """
        return Bulk(self._positive(self.ridge), float(self.values[1]), float(aspect))

    def top(self, aspect: sp.Expr | str | float) -> sp.Expr:
        r"""The largest eigenvalue of J at m/d -> gamma, b_0^2 + (gamma s_0 + E phi^2 - b_0^2)/m, up to O(1/m^2).

        That of degree 0 in dimension d = m/gamma, and what finitely many units add. Raises :class:`OutsideAssumptions`
        where b_0 = 0.

        >>> ThreeRegimes("relu").top(2)
        1/(2*pi) + 1/(2*M)
        """
        if self.is_centred:
            raise OutsideAssumptions(
                f"{self.activation.name} has Gaussian mean 0: no eigenvalue grows with the width", "E phi(Z) is not 0"
            )
        share = self.shares[0]
        return share + sp.expand(sp.sympify(aspect) * self.correction(0) + self.eta - share) / M

    def spike(self, aspect: float) -> float | None:
        r"""Where two eigenvalues of m J stand beside the bulk if b_0 = 0; None where they are inside.

        Centring does not remove degree 0: lengths of weights and inputs fluctuate, and leave two modes of eigenvalue
        b_2^2/d. ridge + b_2^2 (gamma + b_1^2/(b_2^2 - b_1^2)) where b_2^2 > b_1^2 (1 + gamma^(-1/2)).
        """
        if not self.is_centred:
            return None
        b1, b2 = float(self.values[1]), float(number(self.coefficient(2) ** 2, 17))
        if b2 == 0 or b2 <= b1 * (1 + aspect**-0.5):
            return None
        return self.bulk(aspect).ridge + b2 * (aspect + b1 / (b2 - b1))

    # -- deep networks: what two inputs share

    def network(self, overlap: sp.Rational = sp.S.Zero, samples: int = 100) -> DeepNetwork:
        """The network of depth 2 whose last hidden layer this is, on inputs that overlap."""
        return DeepNetwork(self.activation, 2, 1, 0, outputs=1, samples=samples, input_overlap=overlap)

    def outlier(self, overlap: sp.Expr | str | int = 0, samples: int | None = None) -> sp.Expr:
        """The largest eigenvalue of J over N inputs that overlap by c, as m grows: (qhat_1 + (N - 1) qhat_2)/N.

        qhat_2 = sum_k b_k^2 c^k is the order parameter of the first hidden layer of a deep network; b_0^2 at c = 0. Without
        ``samples``, the limit N -> infinity.
        """
        c = sp.sympify(overlap)
        pair = self.activation.dual(1, c) if c != 0 else self.shares[0]
        return pair if samples is None else (self.eta + (samples - 1) * pair) / samples

    def powers(self, overlaps: Array, samples: int) -> Array:
        """b_k^2 (1 + (N - 1) c^k)/N: what every degree, and the rest, adds to :meth:`outlier`; shape (degrees + 2, n)."""
        c = np.asarray(overlaps, float)
        parts = [b * (1 + (samples - 1) * c**k) / samples for k, b in enumerate(self.values)]
        pair = np.where(c == 1, float(number(self.eta, 17)), self.values[0])  # and in between the dual
        inside = (c > 0) & (c < 1)
        pair[inside] = emit(self.activation.dual(sp.S.One, CORRELATION), [CORRELATION])(c[inside])
        total = (float(number(self.eta, 17)) + (samples - 1) * pair) / samples
        return np.array([*parts, np.maximum(total - sum(parts), 0.0)])
