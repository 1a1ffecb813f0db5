r"""The linear hidden layer, f(x) = x: H is W2 W2' (x) I + I (x) W1' W1 and a null space of half its dimension.

Its non-zero eigenvalues are sums a + b of squared singular values of W2 and W1; the density of such a sum of two
Marchenko-Pastur variables is a complete elliptic integral (``derivations/pennington2018_linear.py``).
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from fimtheory.claims import Agreement, Identity, Ordering, Source, claim
from fimtheory.notation import SYMBOLS
from fimtheory.spectra import TwoModeLaw
from fimtheory.theory.single_layer import eta, eta_prime, spectral_moment, zeta

l = SYMBOLS["lambda"]
LINEAR = {eta: sp.S.One, eta_prime: sp.S.One, zeta: sp.S.One}
_HIGHEST = 8  # moments compared
_GRID = np.array([0.05, 0.5, 1.3, 2.2, 3.1, 3.9, 4.1, 5.0, 6.3, 7.2, 7.9])


def linear_density(point: sp.Expr = l) -> sp.Expr:
    """The density on (0, 8) of the spectrum of a linear layer, beside half an atom at 0.

    Formula: E(m)/(2 pi^2) + (4 - lambda) K(m)/(8 pi^2), m = (8 - lambda) lambda/16 the *parameter*: K(m) =
    int (1 - m sin^2)^(-1/2). *Source*: Pennington, Worah (2018), eqs. 17 and 18. At lambda = 4 the second term is
    0 * infinity; its limit is 0, and the density 1/(2 pi^2).

    >>> linear_density(sp.Integer(4))
    1/(2*pi**2)
    """
    if point == 4:
        return 1 / (2 * sp.pi**2)
    m = (8 - point) * point / 16
    return sp.elliptic_e(m) / (2 * sp.pi**2) + (4 - point) * sp.elliptic_k(m) / (8 * sp.pi**2)


def _density_by_modulus(points: np.ndarray) -> np.ndarray:
    """Eq. 17 with K and E read as functions of the modulus, as many books write them."""
    from scipy.special import ellipe, ellipk

    m = ((8 - points) * points / 16) ** 2
    return ellipe(m) / (2 * np.pi**2) + (4 - points) * ellipk(m) / (8 * np.pi**2)


@claim(
    "pennington2018.eq16",
    title="Moments of the linear layer",
    statement=r"\lim_{n \to \infty} \frac{1}{n^2}\, \mathbb{E} \operatorname{tr} H^d = 2 m_d ="
    r" \sum_{k=0}^{d} \binom{d}{k} C_{d-k} C_k",
    source=Source("pennington2018", "Eqs. 15 and 16"),
    assumptions=("f(x) = x", "n is large"),
    as_printed=r"\operatorname{tr} H^d = \sum_{k=0}^{d} \binom{d}{k} C_{d-k} C_k",
    printed=lambda: {f"d = {d}": Identity(_trace(d), _binomial_sum(d)) for d in range(1, _HIGHEST + 1)},
    subject=None,
)
def predict_moments() -> dict[str, Identity]:
    """The binomial sum of Catalan numbers is twice the moment per eigenvalue; a trace has n^2 times that size."""
    doubled = (2 * spectral_moment(d).subs(LINEAR) for d in range(1, _HIGHEST + 1))
    return {f"d = {d}": Identity(moment, _binomial_sum(d)) for d, moment in enumerate(doubled, start=1)}


def _binomial_sum(d: int) -> sp.Integer:
    return sum((sp.binomial(d, k) * sp.catalan(d - k) * sp.catalan(k) for k in range(d + 1)), sp.S.Zero)


def _trace(d: int) -> sp.Expr:
    return 2 * SYMBOLS["n"] ** 2 * spectral_moment(d).subs(LINEAR)


@claim(
    "pennington2018.eq17",
    title="Spectrum of the linear layer",
    statement=r"\rho(\lambda) = \frac{1}{2} \delta(\lambda) + \left[\frac{E(m)}{2 \pi^2} + \frac{(4 - \lambda) K(m)}"
    r"{8 \pi^2}\right] \mathbf{1}_{[0, 8]}(\lambda),\quad m = \frac{(8 - \lambda) \lambda}{16}",
    source=Source("pennington2018", "Eqs. 17 and 18"),
    assumptions=("f(x) = x", "n is large", "K and E are functions of the parameter m, as eq. 18 has them"),
    subject=None,
)
def predict_density() -> dict[str, Agreement | Identity]:
    """Eq. 17 against the general law at alpha = beta = 0, its limit at 4, and the atom."""
    law = TwoModeLaw(0.0, 0.0, 1.0)
    return {
        "density": Agreement(lambda: law.density(_GRID), _printed_density, 1e-11),
        "density at 4": Agreement(lambda: law.density(4.0), lambda: 1 / (2 * np.pi**2), 1e-11),
        "mass of the atom at 0": Agreement(lambda: law.cdf(0.0), lambda: 0.5, 1e-14),
        "K and E at m = 1/2": Identity(_elliptic_by_gamma(), sp.elliptic_k(sp.S.Half)),
    }


def _printed_density() -> np.ndarray:
    return np.array([float(sp.N(linear_density(sp.Float(str(x), 30)), 20)) for x in _GRID])


def _elliptic_by_gamma() -> sp.Expr:
    """K at the parameter 1/2 is elementary in Gamma(1/4); at the modulus 1/2 it is not."""
    return sp.gamma(sp.Rational(1, 4)) ** 2 / (4 * sp.sqrt(sp.pi))


@claim(
    "pennington2018.eq18",
    title="Convention of the elliptic integrals",
    statement=r"K(m) = \int_0^{\pi/2} \frac{\mathrm{d}\theta}{\sqrt{1 - m \sin^2 \theta}}:\ m \text{ is the parameter}",
    source=Source("pennington2018", "Eq. 18"),
    assumptions=("f(x) = x",),
    subject=None,
)
def predict_convention() -> dict[str, Agreement | Ordering]:
    """Only so has eq. 17 the mass 1/2; read as the modulus, which many books write, its argument is far off."""
    law = TwoModeLaw(0.0, 0.0, 1.0)
    return {
        "mass of the continuous part": Agreement(_continuous_mass, lambda: 0.5, 1e-9),
        "the modulus would not do": Ordering(
            lambda: 1e-2, lambda: np.abs(law.density(_GRID) - _density_by_modulus(_GRID)).max()
        ),
    }


def _continuous_mass() -> float:
    from scipy.integrate import quad
    from scipy.special import ellipe, ellipkm1

    def density(x: float) -> float:
        complement = (4 - x) ** 2 / 16  # 1 - m, without cancellation
        return ellipe(1 - complement) / (2 * np.pi**2) + (4 - x) * ellipkm1(complement) / (8 * np.pi**2)

    return sum(quad(density, *ends, epsabs=1e-12, limit=200)[0] for ends in ((0, 4), (4, 8)))
