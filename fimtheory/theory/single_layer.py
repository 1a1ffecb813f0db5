r"""The spectrum of one hidden layer: Y(X) = W2 f(W1 X), squared loss, Gaussian weights and inputs, large width.

H = E_X J'J over all weights of W1 (n1 x n0, entries N(0, 1/n0)) and W2 (n2 x n1, entries N(0, 1/n1)); widths
n0 : n1 : n2 = g0 : 1 : g1. The whole theorem is one 2 x 2 matrix. With alpha = eta' - zeta, beta = eta - zeta and a, b
the squared singular values of W2 and W1,

    M(a, b) = [[g1 alpha + zeta a, zeta sqrt(ab)], [zeta sqrt(ab), beta + zeta b]]

has the eigenvalues of H that belong to one pair of singular values; a and b are independent and follow
Marchenko-Pastur laws (``derivations/pennington2018_theorem1.py``). Moments are per eigenvalue: H has n1 (n0 + n2).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation, activation, parse_number
from fimtheory.claims import Agreement, Identity, Source, claim
from fimtheory.emission import emit
from fimtheory.errors import InputError, NotCertified, OutsideAssumptions
from fimtheory.gaussian.certification import equal
from fimtheory.gaussian.quantity import number
from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS
from fimtheory.spectra import TwoModeLaw

eta, eta_prime, zeta, z = (SYMBOLS[name] for name in ("eta", "eta_prime", "zeta", "z"))
ALPHA, BETA = eta_prime - zeta, eta - zeta

MAX_MOMENT = 60
_NARROWEST = 1e-40  # of zeta, beside alpha: no more than this can be told apart on the real line
_LONGEST = 120  # operations of a formula that is worth multiplying out
_SMALL_MEAN = 12  # a Gaussian mean below 10^-12 of sqrt(eta), of an activation without closed form, is rounding

Aspect = tuple[sp.Expr, sp.Expr]
SQUARE: Aspect = (sp.S.One, sp.S.One)


def theorem_matrix(a, b, aspect: Aspect = SQUARE) -> sp.Matrix:
    """M(a, b): its two eigenvalues are those of H on the singular pair with squared singular values a of W2, b of W1.

    *Source*: equivalent to Pennington, Worah (2018), theorem 1. *Holds when* n is large and f has zero Gaussian mean.

    >>> theorem_matrix(0, 4).eigenvals()
    {eta_prime - zeta: 1, eta + 3*zeta: 1}
    """
    a, b = sp.sympify(a), sp.sympify(b)
    coupling = zeta * sp.sqrt(a) * sp.sqrt(b)
    return sp.Matrix([[aspect[1] * ALPHA + zeta * a, coupling], [coupling, BETA + zeta * b]])


def special_points() -> dict[str, sp.Expr]:
    """z_1 .. z_6 of the square layer: the eigenvalues of M at the corners a, b in {0, 4}.

    *Source*: Pennington, Worah (2018), eqs. 23 and 24. z_1 and z_6 are the ends of the limiting spectrum, not the
    extreme eigenvalues of H, a multiple of n of which stay outside (:mod:`fimtheory.theory.single_layer_outliers`).

    >>> special_points()["z2"]
    eta + 3*zeta
    """
    middle = (eta + eta_prime + 6 * zeta) / 2
    radius = sp.sqrt((eta_prime - eta) ** 2 + 64 * zeta**2) / 2
    return {
        "z1": eta - zeta,
        "z2": eta + 3 * zeta,
        "z3": middle - radius,
        "z4": eta_prime - zeta,
        "z5": eta_prime + 3 * zeta,
        "z6": middle + radius,
    }


def corner_eigenvalues(aspect: Aspect) -> list[sp.Expr]:
    """The eigenvalues of M(a, b) with a, b at the ends of their Marchenko-Pastur laws, or absent (zero).

    >>> len(corner_eigenvalues(SQUARE))
    18
    """
    g0, g1 = aspect
    firsts = [sp.S.Zero, (1 - sp.sqrt(g1)) ** 2, (1 + sp.sqrt(g1)) ** 2]
    seconds = [sp.S.Zero, (1 - 1 / sp.sqrt(g0)) ** 2, (1 + 1 / sp.sqrt(g0)) ** 2]
    found = []
    for matrix in (theorem_matrix(a, b, aspect) for a in firsts for b in seconds):
        middle, gap = matrix.trace() / 2, matrix[0, 0] - matrix[1, 1]
        radius = sp.sqrt(gap**2 + 4 * matrix[0, 1] ** 2) / 2
        found += [middle - radius, middle + radius]
    return found


def singular_value_moment(k: int, ratio: sp.Expr) -> sp.Expr:
    """E a^k for the squared singular values a of a ratio n x n matrix with entries N(0, 1/n), per column.

    The k-th Narayana polynomial of the ratio; at ratio 1 the Catalan number.

    >>> singular_value_moment(3, sp.S.One), singular_value_moment(2, sp.Symbol("g"))
    (5, g**2 + g)
    """
    if k == 0:
        return sp.S.One
    return sum((sp.binomial(k, r) * sp.binomial(k, r - 1) * ratio**r / k for r in range(1, k + 1)), sp.S.Zero)


@functools.lru_cache(maxsize=256)
def spectral_moment(k: int, aspect: Aspect = SQUARE) -> sp.Expr:
    """The k-th moment of the limiting spectrum, m_k = lim tr H^k / (n1 (n0 + n2)), as a polynomial in the constants.

    Formula: k/2 times the coefficient of x^k in -E log det(1 - x M), that is, with C_i the Catalan numbers,
    m_k = (alpha^k + beta^k)/2 + sum_{i+j >= 1} k/(2(i+j)) binom(i+j, i) C_i C_j zeta^(i+j)
    sum_{r+s = k-i-j} binom(i+r-1, r) binom(j+s-1, s) alpha^r beta^s; Narayana polynomials for rectangular layers.
    *Source*: our own; k = 1, 2 are Pennington, Worah (2018), eq. 27. *As printed* there, the trace is divided by n,
    where 2 n^2 eigenvalues are averaged.

    >>> spectral_moment(1), spectral_moment(2)
    (eta/2 + eta_prime/2, eta**2/2 + eta_prime**2/2 + 2*zeta**2)
    """
    if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k <= MAX_MOMENT:
        raise InputError(f"moment {k} is not offered: give a whole number from 0 to {MAX_MOMENT}")
    if k == 0:
        return sp.S.One
    g0, g1 = aspect
    alpha, beta = g1 * ALPHA, BETA
    total = g0 * alpha**k + g1 * beta**k
    for i in range(k + 1):
        for j in range(max(0, 1 - i), k + 1 - i):
            total += _traces(i, j, aspect) * zeta ** (i + j) * _shifts(k, i, j, alpha, beta)
    return sp.expand(total / (g0 + g1))


def _traces(i: int, j: int, aspect: Aspect) -> sp.Expr:
    """sum over singular pairs of a^i b^j, per n1^2: a vanishing power counts the directions of the other side."""
    g0, g1 = aspect
    first = singular_value_moment(i, g1) if i else g1
    second = singular_value_moment(j, 1 / g0) if j else g0
    # W1 W1' has n1 rows and entries N(0, 1/n0): its moments per row are those per column at ratio 1/g0, times g0.
    return first * (second * g0 if j else second)


def _shifts(k: int, i: int, j: int, alpha: sp.Expr, beta: sp.Expr) -> sp.Expr:
    rest = k - i - j
    weights = (_negative_binomial(i, r) * _negative_binomial(j, rest - r) for r in range(rest + 1))
    series = sum((w * alpha**r * beta ** (rest - r) for r, w in enumerate(weights)), sp.S.Zero)
    return sp.Rational(k, i + j) * sp.binomial(i + j, i) * series


def _negative_binomial(i: int, r: int) -> sp.Integer:
    """The coefficient of x^r in (1 - x)^(-i)."""
    return sp.Integer(r == 0) if i == 0 else sp.binomial(i + r - 1, r)


def conditioning() -> sp.Expr:
    """m_2/m_1^2, the measure of conditioning of Pennington, Worah (2018), section 4.1: 1 or more, scale-invariant.

    >>> conditioning().subs({eta: 1, eta_prime: 1, zeta: 1})
    3
    """
    return 2 * (eta**2 + eta_prime**2 + 4 * zeta**2) / (eta + eta_prime) ** 2


def printed_integrand(point: sp.Expr, l1: sp.Expr, l2: sp.Expr) -> sp.Expr:
    """The integrand of Pennington, Worah (2018), eq. 20, against dmu_1(l1) dmu_2(l2), measures of mass zeta each."""
    denominator = BETA * ALPHA + l1 * (point - eta + zeta) + l2 * (point - eta_prime + zeta) - point**2
    return (l1 + l2 - 2 * point) / (2 * zeta**2 * denominator)


@dataclass(frozen=True)
class SingleLayer:
    """A hidden layer with an activation, and the limiting spectrum of its Fisher information matrix.

    ``aspect`` is (n0/n1, n2/n1), exact. Raises :class:`OutsideAssumptions` where the Gaussian mean is not zero, where
    the derivative is not square-integrable, or where an aspect ratio is not positive.

    >>> import fimtheory as ft
    >>> layer = SingleLayer(ft.activation("f_opt"))
    >>> layer.conditioning, layer.moment(1), layer.special_points["z1"]
    (21/19, 19/13, 12/13)
    """

    activation: Activation
    aspect: Aspect = SQUARE
    digits: int = 16

    def __post_init__(self) -> None:
        object.__setattr__(self, "aspect", tuple(_ratio(g) for g in self.aspect))
        if len(self.aspect) != 2:
            raise InputError(f"{len(self.aspect)} aspect ratios: give two, input and output width over hidden width")
        require_zero_mean(self.activation)
        if self.constants["eta_prime"] == 0:  # a divergent eta' is refused here too, not later
            raise OutsideAssumptions(f"{self.activation.name} is constant: it has no spectrum", "f is not constant")

    def __repr__(self) -> str:
        shape = "" if self.is_square else f", aspect {self.aspect[0]}:1:{self.aspect[1]}"
        return f"<SingleLayer of {self.activation.name}{shape}>"

    def _repr_latex_(self) -> str:
        a, b = sp.symbols("a b", positive=True)
        entries = theorem_matrix(a, b, self.aspect).applyfunc(lambda e: self.substitute(e))
        rows = (" & ".join(latex(entries[i, j]) for j in range(2)) for i in range(2))
        return r"$\displaystyle M(a, b) = \begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}$"

    @property
    def is_square(self) -> bool:
        """Whether all three widths agree."""
        return self.aspect == SQUARE

    @functools.cached_property
    def constants(self) -> dict[str, sp.Expr]:
        """eta, eta', zeta, exactly."""
        phi = self.activation
        found = {"eta": phi.eta, "eta_prime": phi.eta_prime, "zeta": phi.zeta}
        return {name: _shorter(value) for name, value in found.items()}

    def substitute(self, formula: sp.Expr) -> sp.Expr:
        """A formula in the symbols eta, eta', zeta, for this activation."""
        return _shorter(formula.subs({SYMBOLS[name]: value for name, value in self.constants.items()}))

    @property
    def special_points(self) -> dict[str, sp.Expr]:
        """z_1 .. z_6 (of the square layer)."""
        if not self.is_square:
            raise OutsideAssumptions(
                "z_1 to z_6 are those of a square layer: see law.edges for this one", "square layers"
            )
        return {name: self.substitute(point) for name, point in special_points().items()}

    @property
    def edges(self) -> dict[str, sp.Expr]:
        """z_1 .. z_6 of a square layer; of any other one all special points, e_1, e_2, ... from left to right.

        Those are eigenvalues of M(a, b) with a and b at the ends of their laws, or where one of them is absent.
        """
        if self.is_square:
            return self.special_points
        self.activation._require_numbers()
        exact = [self.substitute(e) for e in corner_eigenvalues(self.aspect)]
        values = [float(number(e, 16)) for e in exact]
        nearest = (min(zip(values, exact, strict=True), key=lambda pair: abs(pair[0] - x))[1] for x in self.law.edges)
        return {f"e{k}": e for k, e in enumerate(nearest, start=1)}

    def moment(self, k: int) -> sp.Expr:
        """m_k, exactly."""
        return self.substitute(spectral_moment(k, self.aspect))

    @property
    def conditioning(self) -> sp.Expr:
        """m_2/m_1^2, exactly."""
        of_moments = self.moment(2) / self.moment(1) ** 2
        return min(self.substitute(conditioning()), of_moments, key=sp.count_ops) if self.is_square else of_moments

    @property
    def atoms(self) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
        """(location, mass) of every eigenvalue of positive weight, exactly.

        Directions that no singular value reaches: n0 (n1 - n2) at g1 alpha, n2 (n1 - n0) at beta, where positive. For
        a linear f every pair of singular values adds an eigenvalue 0; for zeta = 0 all eigenvalues are alpha or beta.

        >>> import fimtheory as ft
        >>> SingleLayer(ft.activation("linear")).atoms
        ((0, 1/2),)
        """
        g0, g1 = self.aspect
        low, high = self.substitute(BETA), self.substitute(g1 * ALPHA)
        free = sp.S.One if self.has_zero_slope else sp.S.Zero
        masses = {low: g1 * sp.Max(1 - g0, free), high: g0 * sp.Max(1 - g1, free)}
        if self.is_linear:
            everywhere = g0 * sp.Max(1 - g1, 0) + g1 * sp.Max(1 - g0, 0) + sp.Min(1, g1) * sp.Min(1, g0)
            masses = {sp.S.Zero: everywhere}
        return tuple((place, mass / (g0 + g1)) for place, mass in masses.items() if mass > 0)

    @functools.cached_property
    def is_linear(self) -> bool:
        """Whether alpha = beta = 0."""
        return not self.activation.parameter_list and not any(self.shifts(20)[:2])

    @functools.cached_property
    def has_zero_slope(self) -> bool:
        """Whether zeta = 0: the mean of f' vanishes, as for even f."""
        return self.constants["zeta"] == 0 or (not self.activation.parameter_list and not self.shifts(20)[2])

    def shifts(self, digits: int | None = None) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
        """alpha, beta, zeta as numbers; the differences are formed before rounding, however close f is to linear."""
        wanted = digits or self.digits
        return tuple(_number_or_zero(self.substitute(e), wanted) for e in (ALPHA, BETA, zeta))

    @functools.cached_property
    def law(self) -> TwoModeLaw:
        """The limiting spectrum: density, distribution function, quantiles, samples, Stieltjes transform."""
        self.activation._require_numbers()
        shifts = self.shifts(20)
        if 0 < shifts[2] < _NARROWEST * max(shifts):
            raise OutsideAssumptions(
                f"zeta of {self.activation.name} is {mp.nstr(shifts[2], 3)}, too small beside eta' to resolve: the spectrum"
                " is two clusters of width 4 zeta, at eta and at eta'",
                "zeta is 0 or comparable with eta",
            )
        alpha, beta, slope = map(float, shifts)
        return TwoModeLaw(alpha, beta, slope, aspect=(float(self.aspect[0]), float(self.aspect[1])))

    def density(self, point: mp.mpf) -> mp.mpf:
        """The density at one point, to ``digits`` significant digits."""
        return self._exact_law.density_digits(point, self.digits)

    @functools.cached_property
    def _exact_law(self) -> TwoModeLaw:
        digits = 2 * self.digits + 30  # a point may be as close to a special one as its digits can tell
        with mp.workdps(digits):
            return TwoModeLaw(*self.shifts(digits), aspect=tuple(number(g, digits) for g in self.aspect))


def _shorter(e: sp.Expr) -> sp.Expr:
    """Multiplied out where that is shorter: differences of constants then cancel in print too."""
    return min(e, sp.expand(e), key=sp.count_ops) if sp.count_ops(e) <= _LONGEST else e


def require_zero_mean(phi: Activation) -> None:
    """The assumption of theorem 1, eq. 19: E f(Z) = 0. Raises :class:`OutsideAssumptions`, and says how to centre f."""
    if phi.mean == 0 or _is_negligible(phi):
        return
    shown = f" {mp.nstr(number(phi.mean, 6), 4)}" if not phi.mean.free_symbols else f" {phi.mean}"
    raise OutsideAssumptions(
        f"{phi.name} has the Gaussian mean{shown}: the spectrum of one hidden layer needs mean zero; subtract it, with"
        " activation(...).centred() or --centred on the command line",
        "E f(Z) = 0",
    )


def _is_negligible(phi: Activation) -> bool:
    try:
        return equal(phi.mean, 0)
    except NotCertified:
        size = number(phi.mean, 20) if not phi.mean.free_symbols else mp.inf
        return abs(size) < mp.mpf(10) ** -_SMALL_MEAN * mp.sqrt(number(phi.eta, 20))


def _number_or_zero(e: sp.Expr, digits: int) -> mp.mpf:
    """A non-negative number; a ball around zero is zero (f is linear)."""
    return max(number(e, digits), mp.mpf(0))


def _ratio(value) -> sp.Expr:
    try:
        ratio = parse_number(str(value)) if isinstance(value, float | str) else sp.sympify(value)
    except (TypeError, ValueError):  # errors of the parser are ValueErrors
        raise InputError(f"the aspect ratio {value!r} is not a number: write for instance 2 or 1/2") from None
    if isinstance(value, bool) or not isinstance(ratio, sp.Expr) or not ratio.is_positive or not ratio.is_number:
        raise OutsideAssumptions(
            f"the aspect ratio {value} is not possible: give a positive number, a width over the hidden width",
            "positive aspect ratios",
        )
    return ratio


_WINDOWS = ((0.2, 0.4), (0.4, 0.7))  # in units of the largest point of the spectrum
_ASSUMPTIONS = ("n is large", "E f(Z) = 0", "f' is square-integrable", "n0, n1, n2 are comparable")


def window_masses(layer: SingleLayer) -> dict[str, sp.Expr]:
    """The share of eigenvalues in windows of the upper part of the law, by the name under which it is measured.

    Random norms of rows and columns smear a finite spectrum over n^(-1/2) alpha and n^(-1/2) beta: windows that end
    close to the special points at its lower end would settle as slowly.
    """
    top, found = layer.law.support[-1][1], {}
    for ends in _WINDOWS:
        low, high = (float(f"{end * top:.4g}") for end in ends)
        found[f"single_layer.mass[{low!r},{high!r}]"] = sp.Float(float(layer.law.mass(low, high)))
    return found


def moments_measured(layer: SingleLayer, highest: int) -> dict[str, sp.Expr]:
    """m_1, m_2, ... by the name under which they are measured."""
    return {f"single_layer.moment[{k}]": sp.Float(float(number(layer.moment(k), 16))) for k in range(1, highest + 1)}


@claim(
    "pennington2018.thm1",
    title="The limiting spectrum of one hidden layer",
    statement=r"\frac{1}{2 n^2} \mathbb{E} \operatorname{tr} (z - H)^{-1} \to G(z) = \frac{1}{2}\, \mathbb{E}"
    r" \operatorname{tr} (z - M(a, b))^{-1},\quad M = \begin{pmatrix} \eta' - \zeta + \zeta a & \zeta \sqrt{ab} \\"
    r" \zeta \sqrt{ab} & \eta - \zeta + \zeta b \end{pmatrix}",
    source=Source("pennington2018", "Theorem 1 and eqs. 19 to 22"),
    assumptions=_ASSUMPTIONS,
    subject="single_layer",
    activations=("erf_alpha alpha=1", "srelu alpha=0"),
)
def predict_spectrum(layer: SingleLayer) -> dict[str, sp.Expr]:
    """Four moments, and the shares of eigenvalues in two windows."""
    return moments_measured(layer, 4) | window_masses(layer)


@claim(
    "pennington2018.remark3",
    title="A weak derivative suffices",
    statement=r"f \in \{\text{centred, normalised } |x|,\ \text{hardtanh}\}:\ \text{the spectrum is that of theorem 1}",
    source=Source("pennington2018", "Remark 3"),
    assumptions=_ASSUMPTIONS,
    subject="single_layer",
    activations=("srelu alpha=1", "hardtanh"),
)
def predict_weak(layer: SingleLayer) -> dict[str, sp.Expr]:
    """The same for functions with a kink; at alpha = 1, where zeta = 0, the masses of two atoms are in the moments."""
    return moments_measured(layer, 3) | (window_masses(layer) if layer.constants["zeta"] != 0 else {})


@claim(
    "fimtheory.rectangular_layer",
    title="The limiting spectrum of rectangular layers",
    statement=r"M(a, b) = \begin{pmatrix} g_1 (\eta' - \zeta) + \zeta a & \zeta \sqrt{ab} \\ \zeta \sqrt{ab} & \eta -"
    r" \zeta + \zeta b \end{pmatrix},\quad n_0 : n_1 : n_2 = g_0 : 1 : g_1",
    source=Source("fimtheory", "extends Pennington and Worah (2018), theorem 1"),
    assumptions=_ASSUMPTIONS,
    subject="rectangular_layer",
    activations=("erf_alpha alpha=1",),
)
def predict_rectangular(layer: SingleLayer) -> dict[str, sp.Expr]:
    """Three moments and two windows, for the aspect of the setting."""
    return moments_measured(layer, 3) | window_masses(layer)


@claim(
    "pennington2018.eq20",
    title="The printed double integral is half the trace of the resolvent of M",
    statement=r"G(z) = \iint \frac{\lambda_1 + \lambda_2 - 2 z}{2 \zeta^2 ((\eta - \zeta)(\eta' - \zeta) + \lambda_1 (z"
    r" - \eta + \zeta) + \lambda_2 (z - \eta' + \zeta) - z^2)}\, \mathrm{d}\mu_1 \mathrm{d}\mu_2 = \frac{1}{2}\, \mathbb{E}"
    r" \operatorname{tr} (z - M(a, b))^{-1}",
    source=Source("pennington2018", "Eqs. 20 and 22"),
    assumptions=("the measures of eq. 22 have mass zeta each", "zeta > 0"),
    subject=None,
)
def predict_transform() -> dict[str, Identity | Agreement]:
    """The integrands agree in lambda_1 = alpha + zeta a, lambda_2 = beta + zeta b; the integrals at complex z."""
    a, b, x = *sp.symbols("a b", positive=True), sp.Symbol("x", real=True)
    resolvent = (x * sp.eye(2) - theorem_matrix(a, b)).inv().trace() / 2
    printed = zeta**2 * printed_integrand(x, ALPHA + zeta * a, BETA + zeta * b)
    points = np.array([1.5 + 0.5j, -1 + 0.25j, 9 + 1j])
    layer = SingleLayer(activation("erf_alpha", alpha=1))
    return {
        "integrand": Identity(resolvent, printed),
        "integral": Agreement(
            lambda: [printed_integral(layer, point) for point in points], lambda: layer.law.stieltjes(points), 1e-10
        ),
        "mass of a measure": Identity(4 * zeta / sp.pi * sp.integrate(sp.cos(x) ** 2, (x, 0, sp.pi / 2)), zeta),
    }


def printed_integral(layer: SingleLayer, point: complex, nodes: int = 400) -> complex:
    """Eq. 20 at a complex point by the trapezoidal rule in the angles of eq. 22, l = end + 4 zeta sin^2."""
    angles = (np.arange(nodes) + 0.5) * np.pi / (2 * nodes)
    sizes = {SYMBOLS[name]: float(number(value, 16)) for name, value in layer.constants.items()}
    slope = sizes[zeta]
    weights = 4 * slope / np.pi * np.cos(angles) ** 2 * np.pi / (2 * nodes)
    variables = sp.symbols("l_1 l_2 z_0")
    integrand = emit(printed_integrand(variables[2], *variables[:2]).subs(sizes), variables)
    l1, l2 = (float(sizes[e] - slope) + 4 * slope * np.sin(angles) ** 2 for e in (eta_prime, eta))
    return complex(weights @ integrand(l1[:, None], l2[None, :], point) @ weights)


@claim(
    "pennington2018.eq27",
    title="First two moments of the spectrum",
    statement=r"m_1 = \frac{\eta + \eta'}{2},\quad m_2 = \frac{\eta^2 + \eta'^2 + 4 \zeta^2}{2},\quad m_k ="
    r" \frac{1}{2 n^2} \operatorname{tr} H^k",
    source=Source("pennington2018", "Eq. 27"),
    assumptions=_ASSUMPTIONS,
    as_printed=r"m_1 = \frac{1}{n} \operatorname{tr} H = \frac{\eta + \eta'}{2}",
    printed=lambda: {"tr H / n": Identity(SYMBOLS["n"] * (eta + eta_prime), (eta + eta_prime) / 2)},
    subject=None,
)
def predict_moments() -> dict[str, Identity]:
    """The moments of M over products of Marchenko-Pastur variables, whose first two moments are 1 and 2."""
    a, b = sp.symbols("a b", positive=True)
    catalan = {a**i * b**j: sp.catalan(i) * sp.catalan(j) for i in range(3) for j in range(3) if i + j}
    found = {}
    for k, printed in ((1, (eta + eta_prime) / 2), (2, (eta**2 + eta_prime**2 + 4 * zeta**2) / 2)):
        terms = sp.Poly((theorem_matrix(a, b) ** k).trace() / 2, a, b).terms()
        mean = sum(c * catalan.get(a**i * b**j, sp.S.One) for (i, j), c in terms)
        found |= {f"m_{k}": Identity(mean, printed), f"m_{k} by Catalan numbers": Identity(spectral_moment(k), printed)}
    return found
