r"""What holds among eigenvalues of kernel modes, as claims: each against a route that shares nothing with the first.

The Gammas are compared with integrals over the sphere, sums of eigenvalues with the mean square of phi(w.x), the limit of
large dimension with the eigenvalues of 10^8 dimensions, the operators of finite rank with lengths on a grid.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp
from mpmath import mp

from fimtheory.activations import activation
from fimtheory.claims import Agreement, Identity, Source, claim
from fimtheory.theory.finite_rank_modes import FiniteRankModes
from fimtheory.theory.homogeneous import (
    HomogeneousTerm,
    funk_hecke_number,
    funk_hecke_power,
    homogeneous_terms,
    large_dimension,
)
from fimtheory.theory.radial_modes import radial_modes
from fimtheory.theory.sphere import RadialLaw, multiplicity, zonal

_OURS = Source("fimtheory", "extends takeishi2021: all degrees, all activations")
_WORKING = 30
_FLOAT = 1e-12  # rounding of sums in double precision
_HIGH = 10**8  # a dimension in which 1/d^2 is below double precision
_INTEGRALS = ((1, 3, 0), (1, 3, 4), (1, 6, 2), (2, 5, 3), (0, 4, 1), ("1/2", 3, 2), ("1/2", 7, 5), (3, 2, 5))
_SUMS = (("max(x, 0) + x**2", 3, 0), ("x**3 - 3*x", 4, 1))  # two modes each
_POWERS = ("relu", "abs", "sign", "relu_squared")


def _one_power(name: str) -> HomogeneousTerm:
    terms = homogeneous_terms(activation(name))
    assert terms is not None
    return terms[0]


@claim(
    "fimtheory.modes.homogeneous",
    title="Funk-Hecke coefficients of a power",
    statement=r"\mathbb{E}\, t_+^\alpha P_k(t) = \frac{\Gamma(d/2)\, \Gamma(\alpha + 1)}"
    r"{2^{\alpha+1}\, \Gamma\left(\frac{\alpha - k}{2} + 1\right) \Gamma\left(\frac{\alpha + k + d}{2}\right)},\quad "
    r"\lambda_k = c_k^2\; \mathbb{E}|w|^{2\alpha}\; \mathbb{E}|x|^{2\alpha}",
    source=_OURS,
    assumptions=("$\\alpha > -1$", "$t$ is a coordinate of a uniform point of the sphere of $\\mathbb{R}^d$"),
    subject=None,
)
def homogeneous() -> dict:
    """The Gammas against integrals over one coordinate."""

    def gammas() -> list[float]:
        return [float(funk_hecke_power(sp.Rational(a), d, k)) for a, d, k in _INTEGRALS]

    def integrals() -> list[float]:
        with mp.workdps(_WORKING):
            return [float(_over_sphere(sp.Rational(a), d, k)) for a, d, k in _INTEGRALS]

    return {"c_k": Agreement(gammas, integrals, _FLOAT)}


def _over_sphere(alpha: sp.Rational, d: int, k: int) -> mp.mpf:
    """E t_+^alpha P_k(t) by quadrature over t = cos(theta), with the mass of the sphere by the same quadrature."""
    t = sp.Symbol("t", real=True)
    harmonic, power = sp.lambdify(t, zonal(d, k, t), "mpmath"), mp.mpf(alpha.p) / alpha.q

    def integrand(angle):
        return mp.cos(angle) ** power * harmonic(mp.cos(angle)) * mp.sin(angle) ** (d - 2)

    return mp.quad(integrand, [0, mp.pi / 4, mp.pi / 2]) / mp.quad(
        lambda a: mp.sin(a) ** (d - 2), [0, mp.pi / 2, mp.pi]
    )


@claim(
    "fimtheory.modes.recursion",
    title="From a degree to the next but one",
    statement=r"\lambda_{k+2} = \lambda_k \left(\frac{k - \alpha}{k + d + \alpha}\right)^2",
    source=_OURS,
    assumptions=("$\\phi$ is homogeneous of degree $\\alpha$",),
    subject=None,
)
def recursion() -> dict:
    """As an identity between Gamma functions, in any dimension and degree; and lambda_1 = 1/4 of ReLU."""
    d, k, alpha = (sp.Symbol(name, positive=True) for name in ("d", "k", "alpha"))
    ratio = (k - alpha) / (k + d + alpha)
    step = funk_hecke_power(alpha, d, k + 2), -ratio * funk_hecke_power(alpha, d, k)
    law, c = RadialLaw(d), funk_hecke_power(sp.S.One, d, 1)
    return {
        "c_k": Identity(*step),
        "lambda_1 of ReLU": Identity(c**2 * law.moment(2) ** 2, sp.Rational(1, 4)),
    }


@claim(
    "fimtheory.modes.trace",
    title="The eigenvalues exhaust the trace",
    statement=r"\sum_{k} N(d, k)\, \lambda_k = \mathbb{E}\,\phi(w \cdot x)^2",
    source=_OURS,
    assumptions=("$\\mathbb{E}\\,\\phi(w \\cdot x)^2$ is finite",),
    subject=None,
)
def trace() -> dict:
    """Infinitely many degrees of powers, summed and extrapolated, against the mean square."""

    def sums() -> list[float]:
        with mp.workdps(_WORKING):
            return [float(_all_degrees(_one_power(name), d)) for name in _POWERS for d in (2, 3, 8)]

    def mean_squares() -> list[float]:
        return [float(_modes(name, d).trace_number) for name in _POWERS for d in (2, 3, 8)]

    return {"trace": Agreement(sums, mean_squares, 1e-8)}


def _all_degrees(term: HomogeneousTerm, d: int) -> mp.mpf:
    """sum of N(d, k) lambda_k, by parities, for the terms of each fall like a power of k."""
    law = RadialLaw(d)
    moments = law.moment_number(2 * term.degree) ** 2

    def share(k: int) -> mp.mpf:
        return multiplicity(d, k) * funk_hecke_number(term, d, k) ** 2 * moments

    return mp.fsum(mp.nsum(lambda n, odd=odd: share(2 * int(n) + odd), [0, mp.inf]) for odd in (0, 1))


def _modes(name: str, d: int) -> FiniteRankModes:
    return FiniteRankModes(homogeneous_terms(activation(name)) or (), RadialLaw(d), RadialLaw(d), 16)


@claim(
    "fimtheory.modes.large_dimension",
    title="In high dimension degrees are Hermite degrees",
    statement=r"N(d, k)\, \lambda_k = b_k^2 + \frac{b_k'}{d} + O(d^{-2}),\quad "
    r"b_k = \frac{\mathbb{E}\,\phi(Z)\, \mathrm{He}_k(Z)}{\sqrt{k!}}",
    source=_OURS,
    assumptions=("$w \\sim N(0, I_d/d)$, $x \\sim N(0, I_d)$", "$\\phi$ is a power on each half-line"),
    subject=None,
)
def high_dimension() -> dict:
    """Squared Hermite coefficients, and the coefficients of 1/d, against eigenvalues at d = 10^8."""
    cases = [("relu", 0), ("relu", 1), ("relu", 2), ("sign", 3), ("relu_squared", 1), ("max(x, 0) - x/5", 2)]

    def coefficients(which: int) -> Callable[[], list[float]]:
        return lambda: [float(large_dimension(_one_power(name), k)[which]) for name, k in cases]

    def squares() -> list[float]:
        return [float(activation(name).hermite(k)) ** 2 for name, k in cases]

    def slopes() -> list[float]:
        with mp.workdps(_WORKING):
            return [
                float(_HIGH * (_share(name, k) - mp.mpf(sp.N(activation(name).hermite(k) ** 2, 30))))
                for name, k in cases
            ]

    return {
        "limit": Agreement(coefficients(0), squares, _FLOAT),
        "slope": Agreement(coefficients(1), slopes, 1e-6),
    }


def _share(name: str, k: int) -> mp.mpf:
    """N(d, k) lambda_k/d^alpha in a high dimension."""
    term, law = _one_power(name), RadialLaw(_HIGH)
    scale = law.moment_number(2 * term.degree) ** 2 / mp.mpf(_HIGH) ** mp.mpf(sp.N(term.degree, 30))
    return multiplicity(_HIGH, k) * funk_hecke_number(term, _HIGH, k) ** 2 * scale


@claim(
    "fimtheory.modes.finite_rank",
    title="A sum of powers has as many radial modes as powers",
    statement=r"\{\lambda_{k,j}\}_j = \operatorname{spec}(D\, G_w\, D\, G_x),\quad D = \operatorname{diag}(c_\alpha),\quad "
    r"G_w = \left[\mathbb{E}|w|^{\alpha + \beta}\right],\quad G_x = \left[\mathbb{E}|x|^{\alpha + \beta}\right]",
    source=_OURS,
    assumptions=("$\\phi$ is a sum of powers on each half-line",),
    subject=None,
)
def finite_rank() -> dict:
    """Products of small matrices against singular values of the kernel on a grid of lengths."""

    def matrices() -> list[float]:
        return [float(mode.number) for name, d, k in _SUMS for mode in _modes(name, d).modes(k)]

    def grids() -> list[float]:
        found = [radial_modes(activation(name), (k,), RadialLaw(d), RadialLaw(d), 2) for name, d, k in _SUMS]
        return [value for (modes,) in found for value in modes.eigenvalues]

    return {"eigenvalues": Agreement(matrices, grids, 1e-9)}
