r"""The kernel of the hidden layer cut off in degree: low rank, and shares of the trace that hold for every weight matrix.

For one power t_+^alpha (and its mirror image) the kernel E_x phi(w.x) phi(w'.x) is |w|^alpha |w'|^alpha K(c), c the cosine
of the two weights. Both of its expansions, in powers c^n and in zonal polynomials P_k(c), have coefficients that are not
negative, so that whatever is cut off is positive semi-definite on any weights. By Ky Fan's principle the largest
eigenvalues of J, as many as the rank of what is kept, carry at least the share of the trace that is kept.

Powers explain the values that document 000 prints and give a bound for all dimensions at once, :func:`truncated_share`;
zonal polynomials give the best bound in each dimension, :func:`ky_fan_bound`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
import sympy as sp

from fimtheory.activations import Activation, activation
from fimtheory.emission import emit
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.gaussian.field import CORRELATION
from fimtheory.theory.gaussian_panels import edges, rule
from fimtheory.theory.homogeneous import HomogeneousTerm, funk_hecke_power, homogeneous_eigenvalue, homogeneous_terms
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.sphere import RadialLaw, multiplicity

_MOST_DEGREES = 200
_STEPS, _REACHES = (0.25, 0.125), (12.0, 16.0)  # panels of the two rules whose difference is the error
_ROWS = 250  # integrated at once
_RESOLVED = 1e-9
_ABSENT = 1e-12  # a power with less of the trace is left out, of the rank as well


def single_power(f: str | Activation) -> tuple[Activation, HomogeneousTerm]:
    """An activation that is one power on each side of 0; :class:`OutsideAssumptions` otherwise."""
    phi = activation(f)
    terms = homogeneous_terms(phi)
    if terms is None or len(terms) != 1:
        raise OutsideAssumptions(
            f"{phi.name} is not one power of |x| on each side of 0, as relu, step, abs or x**3: for a given weight matrix "
            "ask for ky_fan_bound_given",
            "homogeneous",
        )
    return phi, terms[0]


def truncated_share(f: str | Activation, degree: int) -> sp.Expr:
    """The share of tr J in the powers up to ``degree`` of the cosine: the same for every weight matrix in any dimension.

    sum_{n <= degree} b_n^2 / eta, b_n the Hermite coefficients of phi, as cos = 1 on the diagonal. The largest eigenvalues,
    as many as :func:`truncation_rank`, carry at least this share; :func:`ky_fan_bound` tends to it as d grows.

    *Source*: document 000, the share of the trace carried by its three clusters. *Holds when* phi is one power on each
    side of 0, and inputs are Gaussian. Raises :class:`OutsideAssumptions` for other phi.

    >>> truncated_share("relu", 2)
    3/(2*pi) + 1/2
    """
    phi, _ = single_power(f)
    return sp.expand(sum(phi.hermite(n) ** 2 for n in range(_degree(degree) + 1)) / phi.eta)


def truncation_rank(f: str | Activation, degree: int, dimension: int | sp.Expr) -> int | sp.Expr:
    """The largest possible rank of the powers up to ``degree``.

    cos^n |w|^alpha |w'|^alpha has as features |w|^(alpha-n) times the monomials of degree n, and among them, by |w|^2 =
    sum w_a^2, those of n - 2. The rank is also that of the zonal polynomials up to ``degree``, the sum of N(d, k).

    >>> sp.factor(truncation_rank("relu", 2, sp.Symbol("d"))), truncation_rank("sign", 3, 4)
    (d*(d + 3)/2, 20)
    """
    phi, _ = single_power(f)
    degree, dimension = _degree(degree), _dimension(dimension)
    seen = [max((n for n in range(parity, degree + 1, 2) if phi.hermite(n) != 0), default=None) for parity in (0, 1)]
    if isinstance(dimension, int):
        return sum(comb(dimension + n - 1, n) for n in seen if n is not None)
    rising = [sp.Mul(*[dimension + j for j in range(n)]) / sp.factorial(n) for n in seen if n is not None]
    return sp.expand(sum(rising))


def truncated_eigenvalue(f: str | Activation, k: int, degree: int, dimension: int | sp.Expr) -> sp.Expr:
    """The eigenvalue of degree k of the kernel cut off after the power ``degree``, weights N(0, I_d), m to infinity.

    E|w|^(2 alpha) sum_{n <= degree} b_n^2 t_{n,k}, t_{n,k} the average of t^n P_k(t) over the sphere; never above lambda_k.

    *Source*: document 000: its three approximate eigenvalues are those of ReLU cut off after the square.

    >>> d = sp.Symbol("d", positive=True)
    >>> [truncated_eigenvalue("relu", k, 2, d) for k in (0, 1, 2)]
    [(2*d + 1)/(4*pi), 1/4, 1/(2*pi*(d + 2))]
    """
    phi, term = single_power(f)
    k, degree, dimension = _degree(k), _degree(degree), _dimension(dimension)
    # Degree k of t^n: both half-lines, n and k of one parity.
    powers = (2 * phi.hermite(n) ** 2 * funk_hecke_power(n, dimension, k) for n in range(k, degree + 1, 2))
    return sp.factor(sp.expand(sum(powers) * RadialLaw(dimension).moment(2 * term.degree)))


def span_cosine(alpha: int | sp.Expr, power: int, dimension: int | sp.Expr) -> sp.Expr:
    """cos^2 between |w|^alpha Y_k and |w|^power Y_k under weights N(0, I_d), in every degree k.

    (E |w|^(power + alpha))^2 / (E |w|^(2 alpha) E |w|^(2 power)): how well a span of monomials of degree ``power`` meets
    the eigenspaces of an activation of degree alpha.

    >>> span_cosine(1, 2, 3)
    128/(45*pi)
    """
    law = RadialLaw(_dimension(dimension))
    return sp.simplify(law.moment(power + alpha) ** 2 / (law.moment(2 * alpha) * law.moment(2 * power)))


@dataclass(frozen=True)
class KyFanBound:
    """The ``rank`` largest eigenvalues of J carry at least ``share`` of its trace."""

    rank: int | sp.Expr
    share: sp.Expr | float


def ky_fan_bound(f: str | Activation, degree: int, dimension: int | sp.Expr) -> KyFanBound:
    r"""What the largest eigenvalues of J carry of its trace at least, for every weight matrix with rows in R^d.

    share = sum_{k <= degree} N(d, k) lambda_k / sum_k N(d, k) lambda_k, rank = the sum of those N(d, k) with lambda_k > 0:
    by the addition theorem |w|^alpha |w'|^alpha P_k(c) has rank N(d, k), and K(c) is a sum of them with coefficients
    that are not negative.

    *Source*: ours; document 000 has the share of ReLU as d grows, 97.7 %. *Holds when* phi is one power on each side of 0
    and inputs are Gaussian, or of one length. It cannot be improved: weights in uniform directions, of any lengths
    independent of them, approach it as m grows. Raises :class:`OutsideAssumptions` for other phi.

    >>> ky_fan_bound("relu", 2, 3), ky_fan_bound("step", 1, 2)
    (KyFanBound(rank=9, share=127/128), KyFanBound(rank=3, share=4/pi**2 + 1/2))
    """
    phi, term = single_power(f)
    degree, dimension = _degree(degree), _dimension(dimension)
    share = _symbolic_share(phi, term, degree, dimension) if isinstance(dimension, sp.Expr) else None
    if share is None:
        share = _share(KernelModes(phi, int(dimension), degree))
    return KyFanBound(truncation_rank(phi, degree, dimension), share)


def _symbolic_share(phi: Activation, term: HomogeneousTerm, degree: int, d: sp.Expr) -> sp.Expr:
    unit, inputs = RadialLaw(d, 1 / d, fixed=True), RadialLaw(d)  # the lengths of the weights do not matter
    kept = (multiplicity(d, k) * homogeneous_eigenvalue(term, k, unit, inputs) for k in range(degree + 1))
    return sp.Add(*kept) / phi.eta


def _share(modes: KernelModes) -> sp.Expr | float:
    """What the modes carry of the trace; a number where the Gammas are too large to be written."""
    exact = {mode.degree: mode.multiplicity * mode.eigenvalue for mode in modes.modes if mode.eigenvalue is not None}
    degrees = [k for k in range(modes.degrees + 1) if multiplicity(modes.dimension, k)]
    if modes.trace is not None and list(exact) == degrees:
        share = sp.cancel(sp.Add(*exact.values()) / modes.trace)
        return sp.expand(share) if share.is_number else sp.factor(share)
    modes.activation._require_numbers()
    return float(sum(mode.total for mode in modes.modes) / modes.trace_value)


def ky_fan_bound_given(f: str | Activation, degree: int, weights: np.ndarray) -> KyFanBound:
    """The same for any activation and one weight matrix (m, d): only the lengths of its rows enter the share.

    E phi(w.x) phi(w'.x) = sum_n a_n(|w|) a_n(|w'|) c^n, a_n(r) the Hermite coefficients of phi(r z): the powers up to
    ``degree`` have the share sum_i sum_n a_n(|w_i|)^2 / sum_i E phi(|w_i| z)^2, and each the rank binom(d+n-1, n). Powers
    that vanish are left out of both.

    Inputs are N(0, I_d). Raises :class:`InputError` where phi(|w| z) is not resolved to 9 digits.

    >>> bound = ky_fan_bound_given("tanh", 3, np.ones((5, 2)))
    >>> bound.rank, round(bound.share, 6)
    (6, 0.966576)
    """
    phi = activation(f)._require_numbers()
    weights, degree = _rows(weights), _degree(degree)
    lengths = np.linalg.norm(weights, axis=1)
    parts = np.array_split(lengths, -(-len(lengths) // _ROWS))
    coarse, fine = (
        sum((_squares(phi, degree, part, *rule_) for part in parts), np.zeros(degree + 2))
        for rule_ in zip(_STEPS, _REACHES, strict=True)
    )
    total = fine[-1]
    if not (np.isfinite(total) and total > 0 and np.abs(fine - coarse).max() <= _RESOLVED * total):
        raise InputError(
            f"{phi.name} varies or grows too fast over weights of length {lengths.max():.3g}: give shorter rows"
        )
    shares = fine[:-1] / total
    seen = [n for n in range(degree + 1) if shares[n] > _ABSENT]
    return KyFanBound(sum(comb(weights.shape[1] + n - 1, n) for n in seen), float(shares[seen].sum()))


def _squares(phi: Activation, degree: int, lengths: np.ndarray, step: float, reach: float) -> np.ndarray:
    """sum_i a_n(|w_i|)^2 for n = 0..degree, and sum_i E phi(|w_i| z)^2 last."""
    kinks = np.array([float(h) for h in phi._pieces.breaks])
    z, weight = rule(edges(step, reach, kinks / lengths[:, None]))
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.asarray(phi.numpy(lengths[:, None] * z))
        below, here = np.zeros_like(z), np.ones_like(z)
        found = []
        for n in range(degree + 1):
            found.append((((values * here * weight).sum(axis=1)) ** 2).sum())
            below, here = here, (z * here - np.sqrt(n) * below) / np.sqrt(n + 1)
        return np.array([*found, (values**2 * weight).sum()])


def top_share(f: str | Activation, weights: np.ndarray, count: int) -> float:
    """The share of tr J in its ``count`` largest eigenvalues, for one weight matrix (m, d) and all Gaussian inputs.

    phi is one power on each side of 0. Accurate to rounding, but for jumps: for step and sign to 8 digits, as their kernels
    have an infinite slope at c = 1. Raises :class:`InputError` for rows of zeros, which have no direction.

    >>> top_share("relu", np.eye(2), 1) == 1 / 2 + 1 / (2 * np.pi)
    True
    """
    phi, term = single_power(f)
    phi._require_numbers()
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
        raise InputError(f"{count} eigenvalues cannot be added: give a whole number, as the rank of a bound")
    weights = _rows(weights)
    weights = weights / np.abs(weights).max()  # lengths enter by their ratios alone
    lengths = np.linalg.norm(weights, axis=1)
    units = weights / lengths[:, None]
    cosines = np.clip(units @ units.T, -1, 1)
    np.fill_diagonal(cosines, 1.0)
    kernel = np.asarray(emit(phi.dual(1, CORRELATION), CORRELATION)(cosines))
    values = np.linalg.eigvalsh(np.outer(lengths, lengths) ** float(term.degree) * kernel)[::-1]
    return float(values[:count].sum() / values.sum())


def adversarial_weights(seed: int = 1) -> list[np.ndarray]:
    """Weight matrices that are far from Gaussian, and some that come close to the bound.

    Gaussian, all rows nearly equal, of rank one, on a cone, in opposite pairs, one row a million times longer than the
    others; then directions spread as evenly as can be: on a circle, and the 24 roots of D_4.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    half, longest = rng.standard_normal((12, 2)), rng.standard_normal((24, 2))
    longest[0] *= 1e6
    angles = 2 * np.pi * np.arange(120) / 120
    signs = [(a, b, s, t) for a in range(4) for b in range(a) for s in (1, -1) for t in (1, -1)]
    roots = np.zeros((24, 4))
    for row, (a, b, s, t) in zip(roots, signs, strict=True):
        row[[a, b]] = s, t
    return [
        rng.standard_normal((24, 2)),
        rng.standard_normal((40, 3)),
        np.array([[1.0, 2.0, 3.0]]) + 1e-6 * rng.standard_normal((24, 3)),
        np.outer(rng.standard_normal(24), [1.0, 2.0]),
        np.concatenate([np.ones((24, 1)), 0.3 * rng.standard_normal((24, 1))], axis=1),
        np.concatenate([half, -half]),
        longest,
        np.stack([np.cos(angles), np.sin(angles)], axis=1),
        roots,
    ]


def _rows(weights: np.ndarray) -> np.ndarray:
    found = np.asarray(weights, dtype=float)
    if found.ndim != 2 or found.size == 0 or not np.isfinite(found).all():
        raise InputError(f"weights of shape {found.shape} are no matrix (m, d) of finite numbers: give one row a unit")
    if not np.abs(found).max(axis=1).all():
        raise InputError("a row of zeros has no direction: leave it out, it adds nothing to J")
    return found


def _degree(given: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= _MOST_DEGREES:
        raise InputError(f"degree = {given} is not possible: give a whole number from 0 to {_MOST_DEGREES}")
    return given


def _dimension(given: int | sp.Expr) -> int | sp.Expr:
    value = sp.sympify(given)
    if isinstance(given, sp.Expr) and value.free_symbols:
        return given
    if isinstance(given, bool) or not isinstance(value, sp.Integer) or value < 1:
        raise InputError(f"dimension = {given} is not possible: give a whole number from 1, or a symbol")
    return int(value)
