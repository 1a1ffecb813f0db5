r"""Eigenvalues of one hidden layer outside the limiting spectrum: a multiple of n of the 2 n^2, and where they lie.

*Heuristic*: derived by neglecting operators whose norm vanishes like n^(-1/2), and confirmed by simulation; not proved.
The layer is square, n inputs, n hidden units, n outputs. ``derivations/pennington2018_outliers.py`` has the account.

A hidden unit enters H through two functions of its pre-activation Z: f(Z), when an output weight moves, and, when its
row of W1 is stretched (a *scaling direction*: V1 = diag(x) W1, V2 = W2 diag(x)), the radial derivative r(Z) = Z f'(Z).
Taken apart by Hermite degree, mean, linear part b_1 Z and r_1 Z, and the rest with covariance [[omega, chi], [chi, beta]],
H is, up to the neglected operators, the sum of the limiting model and of three parts that act on few directions:

    the linear part of scaling directions     r_1 in place of b_1
    the rest of scaling directions            omega in place of alpha, and chi between W1 and W2
    the mean gradient of output i             length^2 2 b_2^2 a_i along the scaling direction, b_2^2 along the mean of f

with a_i an eigenvalue of W2'W2; b_2^2 once more for outputs that answer to |X|^2 alone (*radial directions*). Bulk and
corrections meet in averages over two Marchenko-Pastur variables, and for each a_i a determinant says where eigenvalues are.
So the outliers form bands, curves z(a) weighted by the law of a; where b_2 = 0, all n of a band share one point.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any, Literal, get_args

import numpy as np
import sympy as sp

from fimtheory.activations import Activation
from fimtheory.claims import Source, claim
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.gaussian.expectation import expectation
from fimtheory.gaussian.quantity import number
from fimtheory.notation import SYMBOLS
from fimtheory.theory.single_layer import require_zero_mean

Region = Literal["below", "gap", "above"]
Family = Literal["scaling", "radial"]

_DIGITS = 20
_CLOSEST = 1e-7  # in units of z_6: a radial outlier closer to the bulk is counted as bulk (its root is then double)
_STEP = 0.25  # of the trapezoidal rule in log(a/(4 - a)), where the integrand is analytic in a strip of width 2 pi
_LOG_ODDS = np.arange(-40, 90, _STEP)
_HEAD, _TAIL = 4 / (1 + np.exp(-_LOG_ODDS)), 4 / (1 + np.exp(_LOG_ODDS))  # a and 4 - a
_MASS = _STEP * 2 / np.pi * np.exp(_LOG_ODDS / 2) / (1 + np.exp(_LOG_ODDS)) ** 2


@dataclass(frozen=True)
class Constants:
    """What the outliers know of an activation f, with r(x) = x f'(x): exact expressions, or numbers.

    ``mean`` E f; ``b1``, ``b2`` Hermite coefficients; ``alpha`` eta' - zeta, ``beta`` Var f - zeta, ``zeta`` b_1^2; ``r1``
    E Z r(Z), ``omega`` Var r - r_1^2, ``chi`` Cov(r, f) - r_1 b_1. E r is sqrt(2) b_2.
    """

    mean: Any
    b1: Any
    b2: Any
    alpha: Any
    beta: Any
    zeta: Any
    r1: Any
    omega: Any
    chi: Any

    def numbers(self) -> Constants:
        """As floating-point numbers; differences are formed before rounding."""
        return Constants(*(float(number(value, _DIGITS)) for value in astuple(self)))


def constants(phi: Activation) -> Constants:
    """The constants of an activation, exactly; kinks are allowed.

    Formula: Stein's identity spares second derivatives, E r = sqrt(2) b_2, E Z r = b_1 + sqrt(6) b_3,
    E r f = E f^2 (Z^2 - 1)/2. Raises :class:`JumpError` where f jumps.

    >>> import fimtheory as ft
    >>> c = constants(ft.activation("x + x**2 - 1"))
    >>> c.alpha, c.beta, c.r1, c.omega, c.chi
    (4, 2, 1, 8, 4)
    """
    x, f, b = phi.variable, phi.expression, [phi.hermite(k) for k in range(4)]
    radial = expectation((x * phi.derivative.expression) ** 2, x)
    product = expectation(f**2 * (x**2 - 1), x) / 2
    r1 = b[1] + sp.sqrt(6) * b[3]
    exact = Constants(
        mean=b[0],
        b1=b[1],
        b2=b[2],
        alpha=phi.eta_prime - b[1] ** 2,
        beta=phi.eta - b[0] ** 2 - b[1] ** 2,
        zeta=b[1] ** 2,
        r1=r1,
        omega=radial - 2 * b[2] ** 2 - r1**2,
        chi=product - sp.sqrt(2) * b[2] * b[0] - r1 * b[1],
    )
    return Constants(*map(sp.expand, astuple(exact)))


def scaling_determinant(z, c: Constants, pair):
    """The determinant of the scaling directions alone: an outlier is a zero, where the mean gradient plays no part.

    Formula: with x = z - alpha, y = z - beta and pair = T(z) = E ab/(xy - zeta a y - zeta b x), this is
    [(1 + zeta y T)(z - omega) - x T r_1 (r_1 y + 2 b_1 chi) - chi^2 (1 + zeta (x + y) T)/y]/x.
    *Source*: our own. *Holds when* n is large; heuristic.
    """
    x, y, t = z - c.alpha, z - c.beta, c.zeta * pair
    linear = x * pair * c.r1 * (c.r1 * y + 2 * c.b1 * c.chi)
    return ((1 + y * t) * (z - c.omega) - linear - c.chi**2 * (1 + (x + y) * t) / y) / x


def outlier_determinant(z, a, c: Constants, pair, mode):
    """The determinant of scaling directions and mean gradient, at an eigenvalue a of W2'W2.

    Formula: (1 - b_2^2 g) D_0 - 2 b_2^2 a (1 + zeta y T)/x, with D_0 the :func:`scaling_determinant` and
    mode = g(z, a) = E_b (x - zeta a)/(xy - zeta a y - zeta b x).
    *Source*: our own. *Holds when* n is large and f has zero Gaussian mean; heuristic.
    """
    source = (1 + (z - c.beta) * c.zeta * pair) / (z - c.alpha)
    return (1 - c.b2**2 * mode) * scaling_determinant(z, c, pair) - 2 * c.b2**2 * a * source


@dataclass(frozen=True)
class Outliers:
    """Where eigenvalues of H lie outside the bulk, for a square hidden layer of large width n. Heuristic.

    With a Gaussian mean of f, n eigenvalues are of order n (:func:`mean_outliers`); they take the mean gradient and the
    radial directions with them, and the scaling directions are left with :func:`scaling_determinant`.

    >>> import fimtheory as ft
    >>> erf = Outliers(ft.activation("erf_alpha", alpha=1))
    >>> round(erf.scaling("below", 1)[0], 6)
    0.029082
    """

    activation: Activation

    def __post_init__(self) -> None:
        self.activation._require_numbers()
        _ = self.exact  # a jump is refused here, not later

    def __repr__(self) -> str:
        return f"<Outliers of {self.activation.name}>"

    @functools.cached_property
    def exact(self) -> Constants:
        """The constants, exactly."""
        return constants(self.activation)

    @functools.cached_property
    def constants(self) -> Constants:
        """The constants as numbers."""
        numbers = self.exact.numbers()
        return numbers if self.has_mean else Constants(0.0, *astuple(numbers)[1:])

    @functools.cached_property
    def has_mean(self) -> bool:
        """Whether the Gaussian mean of f is not zero."""
        try:
            require_zero_mean(self.activation)
        except OutsideAssumptions:
            return True
        return False

    @functools.cached_property
    def regions(self) -> dict[Region, tuple[float, float]]:
        """The intervals free of bulk, between which and infinity outliers can lie: below z_1, z_2 to z_4, above z_6."""
        c = self.constants
        top = (c.alpha + c.beta + 8 * c.zeta + math.hypot(c.alpha - c.beta, 8 * c.zeta)) / 2
        found: dict[Region, tuple[float, float]] = {"below": (-top, c.beta)}
        if c.alpha - c.beta > 4 * c.zeta:
            found["gap"] = (c.beta + 4 * c.zeta, c.alpha)
        found["above"] = (top, math.inf)
        return found

    def pair_average(self, z: float) -> float:
        """T(z) = E ab/(xy - zeta a y - zeta b x) over independent Marchenko-Pastur a and b, x = z - alpha, y = z - beta.

        The average over b is a closed form, that over a a trapezoidal rule with an exponentially small error. Raises
        :class:`OutsideAssumptions` for z in the bulk.
        """
        x, y, zeta = self._shifted(z)
        rest = y * (x - 4 * zeta + zeta * _TAIL)
        root = np.sqrt(np.maximum((rest - 4 * zeta * x) / rest, 0))
        return float(np.sum(_MASS * 4 * _HEAD / (rest * (1 + root) ** 2)))

    def mode_average(self, z: float, a: float) -> float:
        """g(z, a) = E_b (x - zeta a)/(xy - zeta a y - zeta b x), the resolvent of W2 directions at one a: a closed form."""
        x, y, zeta = self._shifted(z)
        rest = y * (x - zeta * a)
        return 2 / (y * (1 + math.sqrt(max((rest - 4 * zeta * x) / rest, 0))))

    def _shifted(self, z: float) -> tuple[float, float, float]:
        """x, y and zeta, for z outside the bulk."""
        c, (below, *gap, above) = self.constants, self.regions.values()
        if not (z < below[1] or z > above[0] or any(lo < z < hi for lo, hi in gap)):
            free = ", ".join(f"between {lo:.6g} and {hi:.6g}" for lo, hi in gap)
            places = ", ".join(filter(None, [f"below {below[1]:.6g}", free, f"above {above[0]:.6g}"]))
            raise OutsideAssumptions(f"z = {z} lies in the bulk: give a point {places}", "z outside the bulk")
        return z - c.alpha, z - c.beta, c.zeta

    def determinant(self, z: float, a: float) -> float:
        """Zero at the outliers of scaling directions for the eigenvalue a of W2'W2; tends to 1 as z grows. Heuristic."""
        c, pair = self.constants, self.pair_average(z)
        if self.has_mean:
            return scaling_determinant(z, c, pair)
        return outlier_determinant(z, a, c, pair, self.mode_average(z, a))

    def scaling_resolvent(self, z: float, a: float) -> float:
        """The limit of v'(z - H)^(-1) v for v = diag(x) W1, x the normalised eigenvector of W2'W2 at a. Heuristic."""
        return 1 / self._secular(z, a)

    def radial_resolvent(self, z: float, a: float) -> float:
        """The same for the direction of W2 in which output x, an eigenvector of W2 W2' at a, answers to |X|^2. Heuristic.

        Formula: g/(1 - b_2^2 g), without a mean of f.
        """
        g = self.mode_average(z, a)
        return g / (1 - self.constants.b2**2 * g)

    def _secular(self, z: float, a: float) -> float:
        """The inverse of the scaling resolvent: it has the zeros of the determinant, and increases between its poles."""
        c, pair = self.constants, self.pair_average(z)
        alone = scaling_determinant(z, c, pair) / self._bulk_resolvent(z)
        return alone if self.has_mean else alone - 2 * c.b2**2 * a / (1 - c.b2**2 * self.mode_average(z, a))

    def _bulk_resolvent(self, z: float) -> float:
        """(1 + zeta y T)/x: the resolvent of the bulk in a scaling direction of W1."""
        x, y, zeta = self._shifted(z)
        return (1 + zeta * y * self.pair_average(z)) / x

    def scaling(self, region: Region, a: float) -> list[float]:
        """Locations z of the outliers of scaling directions in a region, increasing, for an eigenvalue a of W2'W2.

        Below the bulk there is exactly one, unless chi = 0. Accurate to 1e-10. Heuristic.
        """
        if not self._has(region, a):
            return []
        lo, hi = self.regions[region]
        hi = self._beyond(a) if hi == math.inf else hi
        ends = [lo, *self._poles(region, lo, hi, a), hi]
        spans = itertools.pairwise(ends)
        return [z for left, right in spans for z in _increasing_zero(lambda z: self._secular(z, a), left, right)]

    def radial(self, region: Region, a: float) -> list[float]:
        """Locations of the outliers of radial directions, the zeros of 1 - b_2^2 g(z, a). Heuristic.

        Formula: z = beta + b_2^2 k with (b_2^2 (k - 1) - zeta k)(b_2^2 k - delta) = zeta a b_2^2 (k - 1), 0 < k < 2, where
        delta = alpha - beta. None where f has a mean.
        """
        c = self.constants
        if not self._has(region, a) or self.has_mean or c.b2 == 0:
            return []
        square, delta, pull = c.b2**2, c.alpha - c.beta, c.zeta * a
        slope = square - c.zeta
        quadratic = [slope * square, -slope * delta - square * (square + pull), square * (delta + pull)]
        ks = np.roots(quadratic) if c.zeta else [1.0]
        lo, hi = self.regions[region]
        margin = _CLOSEST * self.regions["above"][0]
        places = sorted(c.beta + square * float(k) for k in ks if np.isreal(k) and 0 < k.real < 2)
        return [z for z in places if lo + margin < z < hi - margin]

    def _has(self, region: Region, a: float) -> bool:
        if region not in get_args(Region):
            raise InputError(f"there is no region {region!r}: write one of {', '.join(get_args(Region))}")
        if not 0 <= a < math.inf:
            raise InputError(f"a = {a} is no eigenvalue of W2'W2: give a number from 0 to 4")
        return region in self.regions

    def _poles(self, region: Region, lo: float, hi: float, a: float) -> list[float]:
        """Where the secular function jumps: zeros of the bulk's resolvent (in the gap only), radial outliers."""
        nodes = _increasing_zero(lambda z: -self._bulk_resolvent(z), lo, hi) if region == "gap" else []
        return sorted(nodes + self.radial(region, a))

    def _beyond(self, a: float) -> float:
        """A point above every outlier."""
        z = 2 * self.regions["above"][0] + 1
        while self._secular(z, a) < 0:
            z *= 2
        return z


def _increasing_zero(f: Callable[[float], float], left: float, right: float) -> list[float]:
    """The zero of an increasing function inside an interval, at whose ends it may be infinite; none: an empty list."""
    from scipy.optimize import brentq

    inset = 1e-13 * (right - left) + 4 * np.finfo(float).eps * max(abs(left), abs(right))
    left, right = left + inset, right - inset
    if left >= right or not f(left) < 0 < f(right):
        return []
    return [float(brentq(f, left, right, xtol=1e-14, rtol=4 * np.finfo(float).eps))]


@dataclass(frozen=True)
class Band:
    """A curve of outliers: ``location`` over eigenvalues ``a`` of W2'W2 with weights of their law; NaN: none there.

    ``order`` numbers the bands of one family in one region upwards.
    """

    family: Family
    region: Region
    order: int
    a: np.ndarray
    weight: np.ndarray
    location: np.ndarray

    @property
    def share(self) -> float:
        """Its number of eigenvalues, in units of n."""
        return float(self.weight[np.isfinite(self.location)].sum())

    @property
    def mean(self) -> float:
        """The mean of its eigenvalues."""
        return float(np.nansum(self.weight * self.location) / self.share)

    def __repr__(self) -> str:
        lo, hi = np.nanmin(self.location), np.nanmax(self.location)
        return (
            f"<Band of {self.family} directions, {self.region}: {self.share:.3g} n eigenvalues, {lo:.6g} to {hi:.6g}>"
        )


def outlier_bands(phi: Activation, points: int = 32) -> tuple[Band, ...]:
    """All bands of outliers of order 1, on the Gauss nodes of the law of a. Heuristic.

    *Source*: our own. *Holds when* the layer is square and n is large. Shares and means of bands that end inside
    (0, 4) are as coarse as the grid. Raises what :class:`Outliers` raises.

    >>> import fimtheory as ft
    >>> outlier_bands(ft.activation("f_opt"))[0]
    <Band of scaling directions, below: 1 n eigenvalues, 0.0138434 to 0.399342>
    """
    if isinstance(points, bool) or not isinstance(points, int) or not 1 <= points <= 10_000:
        raise InputError(f"{points} points of a band: give a whole number from 1 to 10000")
    outliers = Outliers(phi)
    angle = np.pi * np.arange(points, 0, -1) / (2 * points + 1)
    a, weight = 4 * np.cos(angle) ** 2, 4 / (2 * points + 1) * np.sin(angle) ** 2
    bands = []
    for region in outliers.regions:
        families: tuple[tuple[Family, Callable], ...] = (("scaling", outliers.scaling), ("radial", outliers.radial))
        for family, locate in families:
            found = [locate(region, float(v)) for v in a]
            for order in range(max(map(len, found))):
                location = np.array([row[order] if order < len(row) else np.nan for row in found])
                bands.append(Band(family, region, order, a, weight, location))
    return tuple(bands)


def extreme_eigenvalues(phi: Activation) -> tuple[float, float]:
    """The smallest and the largest eigenvalue of H for large n: ends of bands, or of the bulk. Heuristic.

    *Source*: our own. *Holds when* the layer is square, n is large and f has zero Gaussian mean
    (:class:`OutsideAssumptions` otherwise: n eigenvalues are of order n). Zero below for shifted ReLU:
    :func:`scaling_bound`.

    >>> import fimtheory as ft
    >>> low, high = extreme_eigenvalues(ft.activation("f_opt"))
    >>> round(low, 6), round(high, 6)
    (0.013384, 12.153466)
    """
    require_zero_mean(phi)
    outliers, ends = Outliers(phi), (0.0, 4.0)
    low, high = outliers.regions["below"][1], outliers.regions["above"][0]
    inner = [band for band in outlier_bands(phi, 8) if band.region != "gap"]
    places = [float(z) for band in inner for z in band.location if np.isfinite(z)]
    for region in ("below", "above"):
        places += [z for a in ends for z in outliers.scaling(region, a) + outliers.radial(region, a)]
    return max(min([low, *places]), 0.0), max([high, *places])


@dataclass(frozen=True)
class MeanOutliers:
    """The n eigenvalues of order n that a Gaussian mean of f brings: location(a) = level + slope a, for a of W2'W2.

    ``spread`` is the standard deviation of a shift that all n of them share, from one W1 to another.
    """

    n: int
    level: float
    slope: float
    spread: float

    def location(self, a):
        """To order 1, for a number or an array."""
        return self.level + self.slope * a

    @property
    def mean(self) -> float:
        """Of the n eigenvalues, and over weights."""
        return self.location(1.0)


def mean_outliers(phi: Activation, n: int) -> MeanOutliers:
    """The n eigenvalues of order n where E f(Z) = b_0 is not zero, up to terms that vanish as n grows. Heuristic.

    Formula: lambda(a) = n b_0^2 + Var f + 2 b_2^2 + sqrt(6) b_0 b_4 + 2 b_2^2 a, plus one normal variable with standard
    deviation 2 |b_0 b_2| for all n. The bulk is that of f - b_0.
    *Source*: our own. *Holds when* the layer is square and n is large. Raises :class:`OutsideAssumptions` where b_0 = 0.

    >>> import fimtheory as ft
    >>> found = mean_outliers(ft.activation("1 + x"), 100)
    >>> found.level, found.slope, found.spread
    (101.0, 0.0, 0.0)
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise InputError(f"width {n}: give a whole number of hidden units")
    if not Outliers(phi).has_mean:
        raise OutsideAssumptions(
            f"{phi.name} has zero Gaussian mean: no eigenvalue is of order n; see outlier_bands", "E f(Z) is not zero"
        )
    b0, b2, b4 = (phi.hermite(k) for k in (0, 2, 4))
    level = (n - 1) * b0**2 + phi.eta + 2 * b2**2 + sp.sqrt(6) * b0 * b4
    return MeanOutliers(n, *(float(number(e, _DIGITS)) for e in (level, 2 * b2**2, 2 * sp.Abs(b0 * b2))))


def scaling_bound(phi: Activation, a=0) -> sp.Expr:
    """An upper bound, for large n, of the lowest outlier that belongs to an eigenvalue a of W2'W2.

    Formula: the smallest eigenvalue of Cov(r, f) + a m m', r(x) = x f'(x), m = (E r, E f): H in the plane of the two
    scaling directions, diag(x) W1 and W2 diag(x), x the eigenvector. It is zero at a = 0 exactly where r - p f is
    constant, f + c homogeneous of a degree p (ReLU, leaky ReLU and |x| less their means, x^2 - 1): then lambda_min -> 0.
    For p = 1 and any n and weights the k-th smallest eigenvalue of H is at most the k-th of the pencil
    (c^2 W2'W2, diag(|w_a|^2 + |W2 e_a|^2)), about c^2 a_k/2: such a direction changes the network by c W2 x only.
    *Source*: our own. *Holds when* n is large; the inequality for the pencil always.

    >>> import fimtheory as ft
    >>> scaling_bound(ft.activation("srelu", alpha=0)), scaling_bound(ft.activation("x**2 - 1"), 1)
    (0, 7 - sqrt(41))
    """
    c = constants(phi)
    level = sp.sympify(a)
    if not level.is_real or level.is_negative:
        raise InputError(f"a = {a} is no eigenvalue of W2'W2: give a number from 0 to 4")
    radial = c.omega + c.r1**2 + 2 * level * c.b2**2
    plain = c.beta + c.zeta + level * c.mean**2
    mixed = c.chi + c.r1 * c.b1 + level * sp.sqrt(2) * c.b2 * c.mean
    if sp.factor(radial * plain - mixed**2) == 0:
        return sp.S.Zero
    return (radial + plain - sp.sqrt(sp.factor((radial - plain) ** 2 + 4 * mixed**2))) / 2


@claim(
    "fimtheory.mean_outliers",
    title="Eigenvalues of order n where the activation has a mean",
    statement=r"\lambda(a) = n b_0^2 + \operatorname{Var} f + 2 b_2^2 + \sqrt{6}\, b_0 b_4 + 2 b_2^2 a \text{ for the } n"
    r" \text{ eigenvalues } a \text{ of } W_2' W_2",
    source=Source("fimtheory", "extends Pennington and Worah (2018), theorem 1"),
    assumptions=("heuristic", "n is large", "E f(Z) is not zero", "square layers"),
    subject="activation",
    activations=("softplus", "sigmoid"),
)
def predict_mean_outliers(phi: Activation) -> dict[str, sp.Expr]:
    """Two moments, which n of 2 n^2 eigenvalues near n b_0^2 govern: their number and their place."""
    M, square = SYMBOLS["M"], sp.Float(float(number(phi.mean, _DIGITS))) ** 2
    return {f"single_layer.moment[{k}]": M ** (k - 1) * square**k / 2 for k in (2, 3)}


@claim(
    "fimtheory.outliers",
    title="Outliers along scaling directions",
    statement=r"\det(z, a) = 0:\ n \text{ eigenvalues of } H \text{ below } z_1,\ 0.034 \text{ for } \mathrm{erf}_2",
    source=Source("fimtheory", "corrects Pennington and Worah (2018), eq. 25"),
    assumptions=("heuristic", "n is large", "E f(Z) = 0", "square layers"),
    subject="single_layer",
    activations=("erf_alpha alpha=2", "erf_alpha alpha=3"),
)
def predict_outliers(layer) -> dict[str, sp.Expr]:
    """The number of eigenvalues below the middle between the band and the limiting spectrum, per unit of width."""
    (band,) = outlier_bands(layer.activation)
    middle = (band.mean + layer.law.support[0][0]) / 2
    return {f"single_layer.count[-inf,{middle:.3g}]": sp.Float(band.share)}
