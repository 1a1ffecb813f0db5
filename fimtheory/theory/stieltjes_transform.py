r"""The Stieltjes transform of the single-layer spectrum: inversion, Laurent series, the closed form of the density.

G(z) = int rho(t)/(z - t) dt. The law carries three routes that share no code: the density in complete elliptic
integrals, the distribution function by quadrature over the singular values, and G itself on the closed upper half plane.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from mpmath import mp

from fimtheory.activations import named
from fimtheory.claims import Agreement, Source, claim
from fimtheory.gaussian.quantity import number
from fimtheory.theory.single_layer import SingleLayer

_NAMES = ("erf_alpha alpha=1", "srelu alpha=0", "f_opt")
_ASSUMPTIONS = ("n is large", "E f(Z) = 0")


def _layers() -> dict[str, SingleLayer]:
    return {name: SingleLayer(named(name)) for name in _NAMES}


def grid(layer: SingleLayer, count: int = 41, clearance: float = 1e-3) -> np.ndarray:
    """Points across the spectrum, none of them within ``clearance`` of a special point."""
    special = np.array([float(number(z, 16)) for z in layer.special_points.values()])
    points = np.linspace(special.min(), special.max(), count + 2)[1:-1]
    return points[np.abs(points[:, None] - special).min(axis=1) > clearance]


@claim(
    "pennington2018.eq6",
    title="Density from the Stieltjes transform",
    statement=r"G(z) = \int \frac{\rho(t)}{z - t}\, \mathrm{d}t,\quad \rho(\lambda) = -\frac{1}{\pi}"
    r" \lim_{\epsilon \to 0^+} \operatorname{Im} G(\lambda + i \epsilon)",
    source=Source("pennington2018", "Eqs. 4 to 6 and remark 2"),
    assumptions=_ASSUMPTIONS,
    subject=None,
)
def predict_inversion() -> dict[str, Agreement]:
    """The density against -Im G/pi on the real axis, and G off it against the density by Gauss rules.

    The rules meet logarithms at the special points, which leave them seven digits.
    """
    found = {}
    for name, layer in _layers().items():
        points = grid(layer)
        found[f"{name}: inversion"] = Agreement(
            lambda f=layer, x=points: f.law.density(x),
            lambda f=layer, x=points: -np.imag(f.law.stieltjes(x)) / np.pi,
            1e-10,
        )
        found[f"{name}: G off the axis"] = Agreement(
            lambda f=layer: f.law.stieltjes(1 + 1j), lambda f=layer: _by_density(f, 1 + 1j), 1e-7
        )
    return found


def _by_density(layer: SingleLayer, z: complex, nodes: int = 60) -> complex:
    """int rho(t)/(z - t) dt by Gauss rules between special points, t = low + width sin^2 taking the roots away."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    angles, total = np.pi / 4 * (x + 1), 0j
    knots = sorted(float(number(point, 16)) for point in layer.special_points.values())
    for low, high in pairwise(knots):
        t = low + (high - low) * np.sin(angles) ** 2
        total += np.pi / 4 * (w * layer.law.density(t) * (high - low) * np.sin(2 * angles)) @ (1 / (z - t))
    return complex(total)


@claim(
    "pennington2018.eq7",
    title="Laurent series of the Stieltjes transform",
    statement=r"G(z) = \sum_{k \ge 0} \frac{m_k}{z^{k+1}}",
    source=Source("pennington2018", "Eqs. 7 and 8"),
    assumptions=(*_ASSUMPTIONS, r"|z| exceeds the largest point of the spectrum"),
    subject=None,
)
def predict_series() -> dict[str, Agreement]:
    """Fourteen exact moments against G at forty times the mean, where the rest is below 10^-10."""
    points = np.array([120 + 0j, -120 + 0j, 120j])
    return {
        name: Agreement(lambda f=layer: f.law.stieltjes(points), lambda f=layer: _series(f, points), 1e-12)
        for name, layer in _layers().items()
    }


def _series(layer: SingleLayer, points: np.ndarray, terms: int = 14) -> np.ndarray:
    moments = [float(number(layer.moment(k), 16)) for k in range(terms)]
    return sum((m / points ** (k + 1) for k, m in enumerate(moments)), np.zeros_like(points))


@claim(
    "pennington2018.remark1",
    title="The density is a combination of complete elliptic integrals",
    statement=r"\rho(\lambda) = c_F R_F + c_D R_D + c_J R_J,\quad \text{all with first argument } 0",
    source=Source("pennington2018", "Remark 1"),
    assumptions=(*_ASSUMPTIONS, "zeta > 0"),
    subject=None,
)
def predict_elliptic() -> dict[str, Agreement]:
    """Carlson's form at 30 digits against quadrature of the one-dimensional integral, and in double precision."""
    found = {}
    for name, layer in _layers().items():
        points = grid(layer, 7)
        found[f"{name}: 30 digits"] = Agreement(lambda f=layer, x=points: _errors(f, x), lambda: 0.0, 1e-24)
        found[f"{name}: double precision"] = Agreement(
            lambda f=layer, x=points: f.law.density(x), lambda f=layer, x=points: _digits(f, x), 1e-11
        )
    return found


def _digits(layer: SingleLayer, points: np.ndarray) -> list[float]:
    return [float(layer.law.density_digits(mp.mpf(float(x)), 20)) for x in points]


def _errors(layer: SingleLayer, points: np.ndarray) -> list[float]:
    return [float(abs(layer.law.density_digits(mp.mpf(float(x)), 30) - by_quadrature(layer, x))) for x in points]


def by_quadrature(layer: SingleLayer, point: float) -> mp.mpf:
    """The density at a point as the integral over the line det(lambda - M) = 0 in the square of singular values.

    In the angle of the chord the square roots at its ends are smooth.
    """
    with mp.workdps(45):
        alpha, beta, zeta = (mp.mpf(value) for value in (layer.law.alpha, layer.law.beta, layer.law.zeta))
        u, v = mp.mpf(float(point)) - alpha, mp.mpf(float(point)) - beta
        low, high = sorted([u / zeta, u / zeta - 4 * u / v])
        low, high = max(low, mp.mpf(0)), min(high, mp.mpf(4))
        if low >= high:
            return mp.mpf(0)

        def weight(angle: mp.mpf) -> mp.mpf:
            a = (low + high) / 2 - (high - low) / 2 * mp.cos(angle)
            b = v / zeta - a * v / u
            density = mp.sqrt(abs((4 - a) * (4 - b) / (a * b))) / (4 * mp.pi**2)
            return density * (a * v / u**2 + b / v) / 2 * (high - low) / 2 * mp.sin(angle)

        return mp.quad(weight, [0, mp.pi / 2, mp.pi], method="gauss-legendre")
