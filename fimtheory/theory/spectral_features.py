r"""Features of the single-layer spectrum: special points, atoms, gap, ordering of the constants, the paper's table.

What happens at each point, with exponents and constants, is in :mod:`fimtheory.theory.single_layer_singularities`; what
stays outside at finite width in :mod:`fimtheory.theory.single_layer_outliers`.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import sympy as sp

from fimtheory.activations import named
from fimtheory.claims import Agreement, Identity, Ordering, Source, claim
from fimtheory.gaussian.quantity import number
from fimtheory.theory.single_layer import (
    ALPHA,
    BETA,
    SingleLayer,
    eta,
    eta_prime,
    printed_integrand,
    special_points,
    theorem_matrix,
    zeta,
)

_ASSUMPTIONS = ("n is large", "E f(Z) = 0", "f' is square-integrable")
CORNERS = {"z1": (0, 0), "z2": (0, 4), "z3": (4, 4), "z4": (0, 0), "z5": (4, 0), "z6": (4, 4)}
TABLE_1 = {
    "linear": "1 1 1 0 4 0 0 4 8",
    "erf_alpha alpha=1": "1 1.226 0.914 0.086 3.741 0.198 0.312 3.966 7.51",
    "srelu alpha=0": "1 1.467 0.733 0.267 3.200 0.491 0.733 3.667 6.377",
    "f_opt": "1 1.923 0.077 0.923 1.231 1.138 1.846 2.154 2.247",
}
_CENTRED = ("tanh", "erf", "sin", "hardtanh", "f_opt", "softsign", "cubic", "srelu alpha=1/5", "tanhshrink")


def gap_excess() -> sp.Expr:
    """Positive iff the limiting spectrum has two components: eta' - eta - 4 zeta, the distance from z_2 to z_4.

    *Source*: our own; Pennington, Worah (2018), section 3.2, mention that a gap may exist.

    >>> points = special_points()
    >>> gap_excess() == points["z4"] - points["z2"]
    True
    """
    return eta_prime - eta - 4 * zeta


@claim(
    "pennington2018.eq23",
    title="Special points z_1 to z_6",
    statement=r"z_1 = \eta - \zeta,\ z_2 = \eta + 3 \zeta,\ z_4 = \eta' - \zeta,\ z_5 = \eta' + 3 \zeta,\ z_{3, 6} ="
    r" \tfrac{1}{2} \left(\eta + \eta' + 6 \zeta \mp \sqrt{(\eta' - \eta)^2 + 64 \zeta^2}\right)",
    source=Source("pennington2018", "Eqs. 23 and 24"),
    assumptions=_ASSUMPTIONS,
    subject=None,
)
def predict_special_points() -> dict[str, Identity]:
    """Each point is an eigenvalue of M at a corner, and a zero of the denominator of eq. 20 at end points."""
    found = {}
    for name, (a, b) in CORNERS.items():
        point = special_points()[name]
        determinant = (point * sp.eye(2) - theorem_matrix(a, b)).det()
        _, denominator = sp.fraction(printed_integrand(point, ALPHA + a * zeta, BETA + b * zeta))
        found |= {f"{name}: determinant": Identity(determinant, 0), f"{name}: eq. 20": Identity(denominator, 0)}
    return found


@claim(
    "pennington2018.ordering",
    title="Ordering of the constants",
    statement=r"0 \le \zeta \le \eta \le \eta',\quad \eta = \zeta \text{ or } \eta = \eta' \iff f \text{ is linear}",
    source=Source("pennington2018", "Section 3.2"),
    assumptions=("E f(Z) = 0", "f' is square-integrable"),
    subject=None,
)
def predict_ordering() -> dict[str, Ordering | Identity]:
    """Hermite series: eta = sum b_k^2, eta' = sum k b_k^2, zeta = b_1^2 over k >= 1; with a margin unless linear."""
    ordered = [(lambda name=name: _constants(name)) for name in _CENTRED]
    found: dict[str, Ordering | Identity] = {
        name: Ordering(lambda f=f: [f()[2], f()[0]], lambda f=f: [f()[0], f()[1]], 1e-9)
        for name, f in zip(_CENTRED, ordered, strict=True)
    }
    x = named("linear")
    return found | {"x: eta = zeta": Identity(x.eta, x.zeta), "x: eta = eta'": Identity(x.eta, x.eta_prime)}


def _constants(name: str) -> list[float]:
    phi = named(name)
    return [float(number(e, 12)) for e in (phi.eta, phi.eta_prime, phi.zeta)]


@claim(
    "pennington2018.eq25",
    title="Ends of the limiting spectrum",
    statement=r"\operatorname{supp} \rho \subset [z_1, z_6],\ z_1 \text{ and } z_6 \text{ its ends}",
    source=Source("pennington2018", "Eq. 25"),
    assumptions=_ASSUMPTIONS,
    subject=None,
)
def predict_ends() -> dict[str, Agreement]:
    """The ends of the law of M, found from its distribution function, for the activations of table 1."""
    found = {}
    for name in TABLE_1:
        layer = SingleLayer(named(name))
        found[f"{name}: mass outside"] = Agreement(lambda f=layer: _outside(f), lambda: [0.0, 1.0], 1e-12)
        found[f"{name}: mass inside the ends"] = Agreement(lambda f=layer: _lost(f), lambda: [0.0, 0.0], 1e-2)
    return found


def _ends(layer: SingleLayer) -> tuple[float, float]:
    points = layer.special_points
    return float(number(points["z1"], 16)), float(number(points["z6"], 16))


def _outside(layer: SingleLayer) -> list[float]:
    low, high = _ends(layer)
    return [float(layer.law.cdf(low - 1e-9)), float(layer.law.cdf(high))]


def _lost(layer: SingleLayer) -> list[float]:
    """Half the mass within a hundredth of the range of each end would be gone if the ends lay inside."""
    low, high = _ends(layer)
    step = 1e-6 * (high - low)
    near = [layer.law.mass(low - step, low + step), layer.law.mass(high - step, high + step)]
    atom = 0.5 if layer.constants["eta"] == layer.constants["zeta"] else 0.0
    return [float(near[0]) - atom, float(near[1])]


_PEAKED = ("erf_alpha alpha=1", "srelu alpha=0", "f_opt")


def _printed_peaks() -> dict[str, Ordering]:
    """Delta functions would keep their mass in however small a window; a thousandth would be little for a peak."""
    return {
        f"{name}: mass at z_1 and z_4": Ordering(lambda: [1e-3, 1e-3], partial(_peaks, name, 1e-12)) for name in _PEAKED
    }


@claim(
    "pennington2018.eq26",
    title="No atoms, but inverse square roots at z_1 and z_4",
    statement=r"\rho(\lambda) \sim c_1 (\lambda - z_1)^{-1/2},\ \rho(\lambda) \sim c_4^{\pm} |\lambda - z_4|^{-1/2};"
    r"\quad \text{no atom unless } f \text{ is linear or } \zeta = 0",
    source=Source("pennington2018", "Eq. 26"),
    assumptions=(*_ASSUMPTIONS, "f is not linear, zeta > 0"),
    as_printed=r"\text{delta function peaks at } z_1 \text{ and } z_4",
    printed=_printed_peaks,
    subject=None,
)
def predict_peaks() -> dict[str, Agreement]:
    """The mass within epsilon of z_1 and z_4 falls as the square root: to a tenth for a hundredth of epsilon."""
    return {
        f"{name}: mass near z_1, z_4": Agreement(partial(_decay, name), lambda: [0.1, 0.1], 1e-3) for name in _PEAKED
    }


def _peaks(name: str, epsilon: float) -> np.ndarray:
    layer = SingleLayer(named(name))
    points = (float(number(layer.special_points[z], 17)) for z in ("z1", "z4"))
    return np.array([float(layer.law.mass(z - epsilon, z + epsilon)) for z in points])


def _decay(name: str) -> np.ndarray:
    return _peaks(name, 1e-8) / _peaks(name, 1e-6)


@claim(
    "pennington2018.fig2a",
    title="The spectrum may have two components",
    statement=r"\text{a gap } (z_2, z_4) \iff \eta' - \eta > 4 \zeta",
    source=Source("pennington2018", "Section 3.2 and figure 2 (a)"),
    assumptions=(*_ASSUMPTIONS, "zeta > 0"),
    subject=None,
)
def predict_gap() -> dict[str, Identity | Agreement | Ordering]:
    """f_opt has a gap, in which there is no mass; erf_1 and srelu_0 have none, and mass between z_2 and z_4."""
    points, opt = special_points(), SingleLayer(named("f_opt"))
    found: dict[str, Identity | Agreement | Ordering] = {
        "z_4 - z_2": Identity(points["z4"] - points["z2"], gap_excess()),
        "f_opt: mass in the gap": Agreement(lambda: _between(opt), lambda: 0.0, 1e-12),
        "f_opt: the left component has half the mass": Agreement(lambda: opt.law.cdf(1.5), lambda: 0.5, 1e-12),
    }
    for name in ("erf_alpha alpha=1", "srelu alpha=0"):
        layer = SingleLayer(named(name))
        found[f"{name}: density between z_4 and z_2"] = Ordering(
            lambda: np.full(9, 1e-3), lambda f=layer: f.law.density(np.linspace(*_overlap(f), 11)[1:-1])
        )
    return found


def _overlap(layer: SingleLayer) -> tuple[float, float]:
    return tuple(float(number(layer.special_points[name], 16)) for name in ("z4", "z2"))


def _between(layer: SingleLayer) -> float:
    right, left = _overlap(layer)
    return float(layer.law.mass(left + 1e-12, right - 1e-12))


@claim(
    "pennington2018.table1",
    title="Table of constants and special points",
    statement=r"\eta, \eta', \zeta, z_1, \ldots, z_6 \text{ of } x,\ \mathrm{erf}_1,\ \mathrm{srelu}_0,\ f_{\mathrm{opt}}",
    source=Source("pennington2018", "Table 1"),
    assumptions=_ASSUMPTIONS,
    subject=None,
)
def predict_table() -> dict[str, Agreement]:
    """Every printed number is the exact one, rounded: to half a unit of its last digit."""
    found = {}
    for name, row in TABLE_1.items():
        layer = SingleLayer(named(name))
        columns = layer.constants | layer.special_points
        for column, printed in zip(columns, row.split(), strict=True):
            half = 0.5 * 10.0 ** -len(printed.partition(".")[2])
            exact = columns[column]
            found[f"{name}: {column}"] = Agreement(
                lambda e=exact: float(number(e, 12)), lambda p=printed: float(p), half * (1 + 1e-9)
            )
    return found
