r"""Features of the single-layer spectrum: special points, atoms, gap, ordering of the constants, the paper's table.

What happens at each point, with exponents and constants, is in :mod:`fimtheory.theory.single_layer_singularities`; what
stays outside at finite width in :mod:`fimtheory.theory.single_layer_outliers`.
"""

from __future__ import annotations

import functools
from functools import partial

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation, named
from fimtheory.claims import Agreement, Identity, Ordering, Source, claim
from fimtheory.gaussian.quantity import as_decimal, number
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
from fimtheory.theory.single_layer_outliers import outlier_bands, scaling_bound
from fimtheory.theory.single_layer_singularities import Side, Singularity, singularities

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
    found: dict[str, Ordering | Identity] = {
        name: Ordering(partial(_constants, name, "zeta", "eta"), partial(_constants, name, "eta", "eta_prime"), 1e-9)
        for name in _CENTRED
    }
    x = named("linear")
    return found | {"x: eta = zeta": Identity(x.eta, x.zeta), "x: eta = eta'": Identity(x.eta, x.eta_prime)}


def _constants(name: str, *which: str) -> list[float]:
    phi = named(name)
    return [float(number(getattr(phi, constant), 12)) for constant in which]


def outliers_below(phi: Activation, level: float) -> float:
    """The number of outliers that lie below the limiting spectrum and a level, in units of n. Heuristic.

    >>> [round(outliers_below(named("erf"), level), 12) for level in (0.01, 0.02)]
    [0.0, 1.0]
    """
    bands = [band for band in outlier_bands(phi, 400) if band.region == "below"]
    return sum(float(band.weight[band.location < level].sum()) for band in bands)


@claim(
    "pennington2018.eq25",
    title="Ends of the limiting spectrum, and what stays outside",
    statement=r"\operatorname{supp} \rho \subset [z_1, z_6],\quad \text{but for } \mathrm{erf}_2,\ n \text{ eigenvalues"
    r" of } H \text{ stay near } 0.034, \text{ below } z_1 = 0.268",
    source=Source("pennington2018", "Eq. 25"),
    assumptions=(*_ASSUMPTIONS, "the number of outliers: heuristic"),
    as_printed=r"\lambda_{\min} = z_1,\ \lambda_{\max} = z_6",
    printed=lambda layer: {_ISOLATED: sp.S.Zero},
    subject="single_layer",
    activations=("erf_alpha alpha=2",),
)
def predict_ends(layer: SingleLayer) -> dict[str, Agreement | sp.Expr]:
    """The law ends at z_1 and z_6; the number of eigenvalues below 0.15 tends to n."""
    return {
        "mass up to z_1 and up to z_6": Agreement(partial(_up_to_the_ends, layer), lambda: [0.0, 1.0], 1e-12),
        "the ends of the support": Agreement(partial(_support, layer), partial(_ends, layer), 1e-12),
        _ISOLATED: sp.Float(outliers_below(layer.activation, 0.15)),
    }


_ISOLATED = "single_layer.count[-inf,0.15]"


def _ends(layer: SingleLayer) -> list[float]:
    return [float(number(layer.special_points[name], 16)) for name in ("z1", "z6")]


def _support(layer: SingleLayer) -> list[float]:
    return [layer.law.support[0][0], layer.law.support[-1][1]]


def _up_to_the_ends(layer: SingleLayer) -> list[float]:
    return [float(layer.law.cdf(end)) for end in _ends(layer)]


@claim(
    "pennington2018.nondegenerate",
    title="Nonlinear layers may be degenerate all the same",
    statement=r"z_1 > 0 \text{ for every nonlinear } f,\quad \text{but } \lambda_{\min}(H) \to 0 \text{ for shifted ReLU}",
    source=Source("pennington2018", "Section 3.2"),
    assumptions=_ASSUMPTIONS,
    as_printed=r"\lambda_{\min} = z_1 > 0 \text{ for every nonlinear activation function}",
    printed=lambda layer: {_SMALLEST: sp.Float(_ends(layer)[0])},
    subject="single_layer",
    activations=("srelu alpha=0",),
)
def predict_degeneracy(layer: SingleLayer) -> dict[str, Identity]:
    """Moving a row of W1 and a column of W2 apart leaves f(W1 X) less its mean alone, so H has small eigenvalues there.

    Their bound is an exact inequality; the printed form is put to the measured smallest eigenvalue.
    """
    return {"bound of the lowest eigenvalue": Identity(scaling_bound(layer.activation), 0)}


_SMALLEST = "single_layer.lambda_min"


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
    right, left = (float(number(layer.special_points[name], 16)) for name in ("z4", "z2"))
    return right, left


def _between(layer: SingleLayer) -> float:
    right, left = _overlap(layer)
    return float(layer.law.mass(left + 1e-12, right - 1e-12))


def table_1(digits: int = 16) -> dict[str, dict[str, str]]:
    """Table 1 of Pennington, Worah (2018) to any number of digits: activation, column, decimal string.

    >>> table_1(20)["f_opt"]["z3"], table_1(20)["linear"]["z6"]
    ('1.1376074960824631857', '8')
    """
    return {
        name: {column: as_decimal(number(e, digits + 5), digits) for column, e in _columns(name).items()}
        for name in TABLE_1
    }


def _columns(name: str) -> dict[str, sp.Expr]:
    layer = SingleLayer(named(name))
    return layer.constants | layer.special_points


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
        for (column, exact), printed in zip(_columns(name).items(), row.split(), strict=True):
            half = 0.5 * 10.0 ** -len(printed.partition(".")[2])
            found[f"{name}: {column}"] = Agreement(
                lambda e=exact: float(number(e, 12)), lambda p=printed: float(p), half * (1 + 1e-9)
            )
    return found


# -- what happens at the special points


@claim(
    "pennington2018.slopes",
    title="Slopes at z_3 and z_5",
    statement=r"\rho' \text{ is continuous at } z_3;\quad \rho'(\lambda) \sim C \log |\lambda - z_5| \text{ on both sides}",
    source=Source("pennington2018", "Section 3.2"),
    assumptions=(*_ASSUMPTIONS, "zeta > 0, f is not linear"),
    as_printed=r"\rho' \text{ is discontinuous at } z_3 \text{ and } z_5",
    printed=lambda: {
        f"{name}: a jump at z_3": Ordering(lambda: 1e-3, partial(_slope_jump, name, "z3", 1e-20)) for name in _PEAKED
    },
    subject=None,
)
def predict_slopes() -> dict[str, Agreement]:
    """Difference quotients at distances 1e-10 and 1e-20, in multiprecision."""
    found = {}
    for name in _PEAKED:
        found[f"{name}: no jump at z_3"] = Agreement(partial(_slope_jump, name, "z3", 1e-20), lambda: 0.0, 1e-15)
        found[f"{name}: logarithm at z_5"] = Agreement(
            partial(_logarithms, name, "z5"), partial(_log_constants, name, "z5"), 1e-8
        )
    return found


@claim(
    "fimtheory.singularities",
    title="Exponents and constants at the special points",
    statement=r"\rho \sim C_1 (\lambda - z_1)^{-1/2},\ C_4^{\pm} |\lambda - z_4|^{-1/2},\ C_6 (z_6 - \lambda)^2,"
    r" \text{ and a linear edge at } z_2 \text{ where there is a gap}",
    source=Source("fimtheory", "corrects Pennington and Worah (2018), eq. 26"),
    assumptions=(*_ASSUMPTIONS, "zeta > 0, f is not linear"),
    subject=None,
)
def predict_singularities() -> dict[str, Agreement]:
    """Leading terms against the density at distance 1e-16, as ratios; corrections are below 1e-6 of them."""
    return {name: Agreement(partial(_leading_ratios, name), lambda: 1.0, 1e-6) for name in _PEAKED}


@functools.lru_cache(maxsize=8)
def _at_high_precision(name: str) -> tuple[SingleLayer, tuple[Singularity, ...]]:
    layer = SingleLayer(named(name), digits=60)
    return layer, singularities(*(layer.substitute(e) for e in (ALPHA, BETA, zeta)))


def _sides(point: Singularity) -> list[tuple[int, Side]]:
    return [(sign, side) for sign, side in ((-1, point.left), (1, point.right)) if side is not None]


def _leading_ratios(name: str, distance: str = "1e-16") -> list[float]:
    """density/(leading term) on every side where the leading term is a power."""
    layer, points = _at_high_precision(name)
    found = []
    with mp.workdps(80):
        for point in points:
            for sign, side in _sides(point):
                if not side.logarithmic:
                    density = layer.density(number(point.location, 70) + sign * mp.mpf(distance))
                    found.append(float(density / number(side.term(sp.Rational(distance)), 40)))
    return found


def _quotient(name: str, point: str, sign: int, distance: str) -> mp.mpf:
    """The difference quotient of the density between the distances d and 2 d from a special point, on one side."""
    layer, _ = _at_high_precision(name)
    with mp.workdps(80):
        place, d = number(layer.special_points[point], 70), mp.mpf(distance)
        return sign * (layer.density(place + sign * 2 * d) - layer.density(place + sign * d)) / d


def _slope_jump(name: str, point: str, distance: float) -> float:
    right, left = (_quotient(name, point, sign, str(distance)) for sign in (1, -1))
    return float(abs(right - left))


def _logarithms(name: str, point: str) -> list[float]:
    """How the slope grows with the logarithm of the distance, on both sides."""
    span = mp.log(mp.mpf("1e-20")) - mp.log(mp.mpf("1e-10"))
    quotients = ([_quotient(name, point, sign, d) for d in ("1e-20", "1e-10")] for sign in (-1, 1))
    return [float((near - far) / span) for near, far in quotients]


def _log_constants(name: str, point: str) -> list[float]:
    """The same from the theory: C (l - z) log|l - z| has the slope C log|l - z| on either side."""
    _, points = _at_high_precision(name)
    (found,) = (p for p in points if point in p.names)
    return [sign * float(number(side.constant, 16)) for sign, side in _sides(found)]
