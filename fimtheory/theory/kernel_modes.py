"""Eigenvalues of every degree of the Fisher matrix of the output weights, as the hidden layer grows."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation, activation, parse_number
from fimtheory.errors import InputError
from fimtheory.gaussian.quantity import number
from fimtheory.theory.finite_rank_modes import FiniteRankModes
from fimtheory.theory.homogeneous import DIMENSION, HomogeneousTerm, homogeneous_eigenvalue, homogeneous_terms
from fimtheory.theory.mode_clusters import Cluster, KernelMode, clusters_of
from fimtheory.theory.mode_parity import linear_parts
from fimtheory.theory.mode_trace import closed_trace, trace_number
from fimtheory.theory.radial_modes import RadialModes, radial_modes
from fimtheory.theory.sphere import RadialLaw, multiplicity
from fimtheory.theory.sphere_modes import sphere_eigenvalue, trigonometric_eigenvalue
from fimtheory.theory.square_integrable import growth_rate, require_square_integrable

LAWS = ("gaussian", "sphere")
MOST_DIMENSIONS = 10**9
MOST_DEGREES = 2000
_RADIAL = 8
_ENOUGH = 1e-9
_UNRESOLVED = 1e-6  # of the trace
_EXTREME = 10**60


class KernelModes:
    r"""Eigenvalues, multiplicities and eigenfunctions of the output-weight Fisher matrix of one hidden layer.

    f(x) = sum_i v_i phi(w_i . x)/sqrt(m), w_i ~ N(0, ``weight_variance`` I_d), x ~ N(0, I_d), i = 1..m: the Fisher matrix
    of v is J = E_x[phi(Wx) phi(Wx)']/m. As m grows its eigenvalues become those of the kernel E_x[phi(w.x) phi(w'.x)]
    under the law of w: in degree k, lambda_{k,j} with multiplicity N(d, k) and eigenfunctions R_j(|w|) Y_k(w/|w|). One
    power t_+^alpha has one radial mode |w|^alpha and an eigenvalue in Gammas, a sum of powers as many as there are powers,
    any other phi infinitely many.

    *Source*: documents 000 and 001 (ReLU, three clusters, approximate), extended to all degrees and activations.
    *As printed* there: w_i ~ N(0, I_d/m), without 1/m: the same matrix for ReLU. ``weights`` and ``inputs`` are
    "gaussian", or on the "sphere" of the same mean square length.

    Raises :class:`InputError` for an impossible dimension or degree, and where E phi(w.x)^2 is infinite.

    >>> relu = KernelModes("relu", 3, degrees=4)
    >>> [(mode.degree, mode.multiplicity, mode.eigenvalue) for mode in relu.modes]
    [(0, 1, 9/16), (1, 3, 1/4), (2, 5, 9/256), (3, 7, 0), (4, 9, 1/1024)]
    >>> relu.trace, relu.formula(2).subs(relu.d, 3)
    (3/2, 9/256)
    """

    d = DIMENSION

    def __init__(
        self,
        f: str | sp.Expr | Activation,
        dimension: int,
        degrees: int = 6,
        weight_variance: sp.Expr | str | int = 1,
        weights: str = "gaussian",
        inputs: str = "gaussian",
        radial: int | None = None,
        digits: int = 16,
    ) -> None:
        self.activation = activation(f)
        self.dimension = _whole("dimension", dimension, 1, MOST_DIMENSIONS)
        self.degrees = _whole("degrees", degrees, 0, MOST_DEGREES)
        self.weight_variance = _variance(weight_variance, self.dimension)
        for name, law in (("weights", weights), ("inputs", inputs)):
            if law not in LAWS:
                raise InputError(f"{name} = {law!r} is not a law: write 'gaussian' or 'sphere'")
        self.digits = digits
        self.weights = RadialLaw(self.dimension, self.weight_variance, weights == "sphere")
        self.inputs = RadialLaw(self.dimension, sp.S.One, inputs == "sphere")
        self.terms = homogeneous_terms(self.activation)
        self._radial = None if radial is None else _whole("radial", radial, 1, 64)
        if self.terms is None:
            require_square_integrable(self.activation._require_numbers(), self.weights, self.inputs)

    def __repr__(self) -> str:
        return (
            f"<KernelModes of {self.activation.name}: d = {self.dimension}, degrees 0 to {self.degrees}, "
            f"weight variance {self.weight_variance}>"
        )

    def _repr_latex_(self) -> str:
        rows = [rf"{m.degree} & {m.multiplicity} & {_shown(m)}" for m in self.modes if m.number != 0]
        body = r" \\ ".join([r"k & N & \lambda", *rows])
        return rf"$\displaystyle \begin{{array}}{{rrl}} {body} \end{{array}}$"

    @property
    def alpha(self) -> sp.Expr | None:
        """The degree of homogeneity, where phi is one power."""
        return self.terms[0].degree if self.terms is not None and len(self.terms) == 1 else None

    # -- eigenvalues

    @functools.cached_property
    def modes(self) -> tuple[KernelMode, ...]:
        """All modes of the degrees 0 to ``degrees``, ordered by degree and size; zero eigenvalues are listed."""
        return tuple(m for k in self._existing for m in self._of_degree(k)[: self._radial])

    def _of_degree(self, k: int) -> list[KernelMode]:
        return self._powers.modes(k) if self._sees_powers(k) else self._closed(k) or self._numerical(k)

    @property
    def _existing(self) -> range:
        """The degrees there are: on S^0 two alone."""
        return range(min(self.degrees, 1) + 1 if self.dimension == 1 else self.degrees + 1)

    def _sees_powers(self, k: int) -> bool:
        """Whether degree k sees nothing of phi but powers: of all of it, or of its part of the parity of k."""
        return self.terms is not None or k % 2 in self._parts

    @functools.cached_property
    def _parts(self) -> dict[int, HomogeneousTerm]:
        return linear_parts(self.activation) if self.terms is None else {}

    @functools.cached_property
    def _powers(self) -> FiniteRankModes:
        terms = tuple(self._parts.values()) if self.terms is None else self.terms
        return FiniteRankModes(terms, self.weights, self.inputs, self.digits)

    @functools.cached_property
    def _radial_modes(self) -> dict[int, RadialModes]:
        degrees = tuple(k for k in self._existing if not self._sees_powers(k))
        rate, count = growth_rate(self.activation), self._radial or _RADIAL
        found = radial_modes(self.activation, degrees, self.weights, self.inputs, count, rate)
        return {one.degree: one for one in found}

    def _numerical(self, k: int) -> list[KernelMode]:
        found, copies = self._radial_modes[k], multiplicity(self.dimension, k)
        pairs = zip(found.eigenvalues, found.errors, strict=True)
        modes = [KernelMode(k, j, copies, None, mp.mpf(float(v)), float(e)) for j, (v, e) in enumerate(pairs)]
        doubt = copies * mp.mpf(modes[0].error)
        if modes[0].number < modes[0].error and doubt > _UNRESOLVED * self.trace_value:
            raise InputError(
                f"degree {k} of {self.activation.name} is not resolved: it varies too fast over the lengths of these "
                "weights and inputs; take a smaller weight variance"
            )
        return self._that_matter(modes)

    def _that_matter(self, modes: list[KernelMode]) -> list[KernelMode]:
        """The first, and those with a share of the trace above their error; all where their number was asked for."""
        if self._radial is not None:
            return modes
        return [m for m in modes if m.index == 0 or (m.total > _ENOUGH * self.trace_value and m.value > m.error)]

    def _closed(self, k: int) -> list[KernelMode]:
        """The modes of a degree in closed form: where one length is fixed and the dual is known, and of sine and cosine."""
        one_length = self.weights.fixed != self.inputs.fixed
        count = 1 if one_length else self._radial or _RADIAL
        found = (
            [self._closed_eigenvalue(k, j) for j in range(count)] if one_length or not self.weights.fixed else [None]
        )
        copies = multiplicity(self.dimension, k)
        modes = [KernelMode(k, j, copies, e, number(e, self.digits + 5)) for j, e in enumerate(found) if e is not None]
        return self._that_matter(modes)

    def _closed_eigenvalue(self, k: int, index: int) -> sp.Expr | None:
        if self.weights.fixed or self.inputs.fixed:
            return sphere_eigenvalue(self.activation, self.dimension, k, self.weight_variance * self.dimension)
        return trigonometric_eigenvalue(self.activation, self.dimension, k, index, self.weight_variance)

    @functools.cached_property
    def clusters(self) -> tuple[Cluster, ...]:
        """Modes of equal eigenvalue together, largest first, zeros left out."""
        self.activation._require_numbers()
        return clusters_of(self.modes)

    def formula(self, k: int) -> sp.Expr | None:
        """lambda_k for a symbolic dimension ``d``, where phi is one power; None otherwise.

        >>> KernelModes("relu", 10).formula(0)
        d**2*gamma(d/2)**2/(4*pi*gamma(d/2 + 1/2)**2)
        """
        if self.alpha is None or self.terms is None:
            return None
        weights, inputs = (RadialLaw(DIMENSION, law.variance, law.fixed) for law in (self.weights, self.inputs))
        return homogeneous_eigenvalue(self.terms[0], k, weights, inputs)

    # -- the trace

    @functools.cached_property
    def trace(self) -> sp.Expr | None:
        """E phi(w.x)^2, the sum of all eigenvalues; None where it has no closed form here."""
        if self.terms is not None:
            return self._powers.trace
        return closed_trace(self.activation, self.weights, self.inputs)

    @functools.cached_property
    def trace_value(self) -> float:
        """The trace as a number."""
        self.activation._require_numbers()
        if self.terms is not None:
            return float(self._powers.trace_number)
        if self.trace is not None:
            return float(number(self.trace, 17))
        return trace_number(self.activation, self.weights, self.inputs)

    def share(self, mode: KernelMode) -> float:
        """N lambda over the trace."""
        return float(mode.total / self.trace_value) if mode.number != 0 else 0.0

    @property
    def tail(self) -> float:
        """The trace that the listed modes leave over."""
        return max(0.0, self.trace_value - float(mp.fsum(m.total for m in self.modes)))

    # -- eigenfunctions

    def profile(self, mode: KernelMode) -> Callable[[np.ndarray], np.ndarray]:
        """R_j(|w|) of the eigenfunction R_j(|w|) Y_k(w/|w|), E R_j^2 = 1; :class:`InputError` where lambda is 0."""
        _require_positive(mode)
        if self._sees_powers(mode.degree):
            return self._powers.profile(mode.degree, mode.index, of_weights=True)
        return functools.partial(self._resolved(mode).weight_profile, mode.index)

    def input_profile(self, mode: KernelMode) -> Callable[[np.ndarray], np.ndarray]:
        """The same for the function of x that an eigenvector realises: F(x) = sqrt(lambda) R'_j(|x|) Y_k(x/|x|)."""
        _require_positive(mode)
        if self._sees_powers(mode.degree):
            return self._powers.profile(mode.degree, mode.index, of_weights=False)
        return functools.partial(self._resolved(mode).input_profile, mode.index)

    def _resolved(self, mode: KernelMode) -> RadialModes:
        found = self._radial_modes[mode.degree]
        if mode.index >= found.errors.size or not found.eigenvalues[mode.index] > found.errors[mode.index]:
            raise InputError(
                f"the profile of degree {mode.degree}, index {mode.index} lies below what double precision resolves: "
                "take a mode with a larger eigenvalue"
            )
        return found

    def overlap(self, a: KernelMode, b: KernelMode) -> float:
        """E R_a(|w|)^2 R_b(|w|)^2: how far the eigenfunctions of two modes are large at the same weights.

        One power t^alpha: E|w|^(4 alpha)/(E|w|^(2 alpha))^2, for ReLU (d + 2)/d; 1 on the sphere.
        """
        return self._overlap(a, b, of_weights=True)

    def input_overlap(self, a: KernelMode, b: KernelMode) -> float:
        """The same under the law of the inputs."""
        return self._overlap(a, b, of_weights=False)

    def _overlap(self, a: KernelMode, b: KernelMode, of_weights: bool) -> float:
        for mode in (a, b):
            _require_positive(mode)
        if self._sees_powers(a.degree) and self._sees_powers(b.degree):
            return float(self._powers.overlap((a.degree, a.index), (b.degree, b.index), of_weights))
        find, law = (self.profile, self.weights) if of_weights else (self.input_profile, self.inputs)
        r, masses = law.nodes()
        return float(masses @ (find(a)(r) ** 2 * find(b)(r) ** 2))


def _require_positive(mode: KernelMode) -> None:
    if not mode.number > 0:
        raise InputError(
            f"the eigenvalue of degree {mode.degree} is 0: every function of that degree belongs to it; take another mode"
        )


def _shown(mode: KernelMode) -> str:
    return sp.latex(mode.eigenvalue) if mode.eigenvalue is not None else mp.nstr(mp.mpf(mode.value), 8)


def _whole(name: str, value: int, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer | sp.Integer) or not least <= value <= most:
        raise InputError(f"{name} = {value} is not possible: give a whole number from {least} to {most}")
    return int(value)


def _variance(given: sp.Expr | str | int, d: int) -> sp.Expr:
    value = sp.sympify(parse_number(given) if isinstance(given, str) else given)
    is_real = isinstance(value, sp.Expr) and value.is_number and value.is_real
    if not (is_real and sp.Rational(1, _EXTREME) <= value <= _EXTREME):
        raise InputError(f"weight_variance = {given} is not a positive number of usual size: write 1 or 1/{d}")
    return sp.nsimplify(value, rational=True)
