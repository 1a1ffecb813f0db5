"""One of the two lengths fixed: the kernel depends on a cosine alone, and its eigenvalues are sums of positive terms.

With |w|^2 = R^2 (or |x|^2 = R^2, by symmetry) the pre-activation is N(0, R^2) and E phi(w.x) phi(w'.x) = kappa(c), the dual
of phi at variance R^2. Its power series in c has the squares of Hermite coefficients, and c^n has Funk-Hecke coefficients
in Gammas: lambda_k = sum_n b_n(R^2)^2 t_{n,k}, no term negative.
"""

from __future__ import annotations

import functools

import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.claims import Agreement, Identity, Ordering, Source, claim
from fimtheory.errors import InputError, NoClosedForm, NotCertified
from fimtheory.gaussian.certification import equal
from fimtheory.gaussian.field import CORRELATION
from fimtheory.gaussian.quantity import number
from fimtheory.theory.homogeneous import funk_hecke_power

_c = CORRELATION
_SHORT = 24  # powers of a + b sqrt(5) above would be whole numbers of many digits that all but cancel


def power_coefficient(n: int | sp.Expr, d: int | sp.Expr, k: int | sp.Expr) -> sp.Expr:
    """t_{n,k}: the average of t^n P_k(t) over the sphere, zero unless n - k = 0, 2, 4, ...; t_{k,k} at any symbol k.

    >>> [power_coefficient(n, 3, 1) for n in range(5)]
    [0, 1/3, 0, 1/5, 0]
    """
    if n != k and (n < k or (n - k) % 2):
        return sp.S.Zero
    return 2 * funk_hecke_power(n, d, k)


def sphere_eigenvalue(activation: Activation, d: int | sp.Expr, k: int | sp.Expr, variance: sp.Expr) -> sp.Expr | None:
    """lambda_k with one length fixed, ``variance`` = R^2 that of the pre-activation; None where no closed form is known.

    A dual that is a polynomial in c gives a finite sum, an arcsine a 2F1, an exponential or hyperbolic function a 0F1 (a
    Bessel function). The dimension and the variance may be symbols, and the degree one that is even or odd.

    *Source*: term by term from the power series; ``derivations/erf_modes.py`` for the arcsine.

    >>> from fimtheory.activations import activation
    >>> sphere_eigenvalue(activation("erf"), 3, 1, sp.S.One)
    4*hyper((1/2, 1/2), (5/2,), 4/9)/(9*pi)
    >>> sphere_eigenvalue(activation("x**3"), 3, 3, sp.S.One)
    12/35
    >>> d, k, q = (sp.Symbol(name, positive=True, odd=name == "k" or None) for name in "dkq")
    >>> sphere_eigenvalue(activation("sin"), d, k, q)
    (q/2)**k*exp(-q)*gamma(d/2)*hyper((), (d/2 + k,), q**2/4)/gamma(d/2 + k)
    """
    try:
        kernel = activation.dual(variance, _c)
    except NoClosedForm:
        return None
    kernel = sp.expand(kernel.replace(sp.acos, lambda u: sp.pi / 2 - sp.asin(u)), power_exp=True)
    total = sp.S.Zero
    for term in sp.Add.make_args(kernel):
        part = _term(term, d, k)
        if part is None:
            return None
        total += part
    return sp.powsimp(total)


def _term(term: sp.Expr, d: int | sp.Expr, k: int | sp.Expr) -> sp.Expr | None:
    """The eigenvalue of one term of a dual."""
    factor, rest = term.as_independent(_c, as_Add=False)
    base, exponent = rest.as_base_exp()
    if rest == 1 or (base == _c and exponent.is_Integer):
        n = 0 if rest == 1 else int(exponent)
        if isinstance(k, sp.Symbol):  # other degrees of the right parity would be 0, too, but not all of them
            return sp.S.Zero if (n - k) % 2 == 1 else None
        return factor * power_coefficient(n, d, k)
    if not isinstance(rest, sp.asin | sp.exp | sp.sinh | sp.cosh):
        return None
    slope = sp.diff(rest.args[0], _c)
    if slope.has(_c) or rest.args[0].subs(_c, 0) != 0:
        return None
    return factor * _series(type(rest), slope, d, k)


def _series(function, g: sp.Expr, d: int | sp.Expr, k: int | sp.Expr) -> sp.Expr:
    """The eigenvalue of function(g c)."""
    if function is not sp.exp and k % 2 == (1 if function is sp.cosh else 0):
        return sp.S.Zero
    k, end = sp.sympify(k), k + sp.sympify(d) / 2
    if function is sp.asin:
        leading = sp.gamma(k / 2) / (sp.sqrt(sp.pi) * sp.gamma((k + 1) / 2) * k)
        tail = sp.hyper([k / 2, k / 2], [end], g**2)
    else:
        leading, tail = 1 / sp.gamma(k + 1), sp.hyper([], [end], g**2 / 4)
    return leading * g**k * power_coefficient(k, d, k) * tail


def sphere_bounds(
    activation: Activation, d: int, k: int, variance: sp.Expr, terms: int = 40, digits: int = 20
) -> tuple[mp.mpf, mp.mpf]:
    """Two numbers between which lambda_k lies, from the Hermite coefficients below degree ``terms``.

    What is left out is positive, and at most (E phi^2 - sum_{n < terms} b_n^2) t_{n,k} at the first n left out: t_{n,k}
    first grows with n and then falls, so its largest value beyond is taken. Rigorous up to the coefficients, which are
    exact where phi has them in closed form and correct to ``digits`` digits otherwise.

    >>> from fimtheory.activations import activation
    >>> low, high = sphere_bounds(activation("sin"), 3, 1, sp.S.One, terms=20)
    >>> bool(0 < high - low < 1e-15), mp.nstr(low, 12)
    (True, '0.135335283237')
    """
    if terms <= k:
        raise InputError(f"{terms} coefficients do not reach degree {k}: ask for more")
    with mp.workdps(digits + 10):
        squares = [number(activation.hermite(n, variance), digits + 5) ** 2 for n in range(terms)]
        low = mp.fsum(b * number(power_coefficient(n, d, k), mp.dps) for n, b in enumerate(squares))
        left = number(activation.second_moment(variance), digits + 5) - mp.fsum(squares)
        return low, low + max(left, mp.mpf(0)) * _largest_beyond(terms, d, k)


def _largest_beyond(n: int, d: int, k: int) -> mp.mpf:
    """max of t_{m,k} over m >= n: t_{m+2,k} > t_{m,k} exactly while (m+1)(m+2) > (m-k+2)(m+k+d)."""
    n += (n - k) % 2
    while (n + 1) * (n + 2) > (n - k + 2) * (n + k + d):
        n += 2
    return number(power_coefficient(n, d, k), mp.dps)


def trigonometric_eigenvalue(activation: Activation, d: int, k: int, index: int, variance: sp.Expr) -> sp.Expr | None:
    """lambda_{k,index} of sine, cosine, exponential and their like, weights N(0, ``variance`` I), inputs N(0, I).

    Degrees of one parity see the part of phi of that parity. Where it solves phi'' = c phi, a plane wave of wave number
    sqrt(-c), the map h -> E_x phi(w.x) h(x) is diagonal in Hermite functions (Mehler): the eigenvalue is that of the total
    degree n = k + 2 ``index`` and geometric in it. With r = sqrt(1 - 4 c variance):

        lambda = A^2 (2/(1 + r))^d (|1 - r|/(1 + r))^n,    A = phi_even(0), or |phi_odd'(0)|/sqrt(|c|).

    None where phi is nothing of this kind. *Holds when* 4 c ``variance`` < 1, beyond which E phi^2 is infinite.

    >>> from fimtheory.activations import activation
    >>> trigonometric_eigenvalue(activation("sin"), 1, 1, 0, sp.S.One)
    -2 + sqrt(5)
    >>> trigonometric_eigenvalue(activation("exp"), 2, 1, 0, sp.Rational(3, 16))
    16/27
    """
    wave = _wave(activation, k % 2)
    if wave is None:
        return None
    square, c = wave
    n, r = k + 2 * index, sp.sqrt(1 - 4 * c * variance)
    leading, ratio = sp.radsimp(2 / (1 + r)), sp.radsimp(sp.Abs(1 - r) / (1 + r))
    found = square * leading**d * ratio**n
    return sp.expand(found) if d + n <= _SHORT else found


@functools.lru_cache(maxsize=256)
def _wave(activation: Activation, parity: int) -> tuple[sp.Expr, sp.Expr] | None:
    """(A^2, c), where the part of phi of this parity is a wave of amplitude A that solves phi'' = c phi."""
    if activation.kinks:
        return None
    e, x = activation.expression, activation.variable
    part = sp.expand((e + (-1) ** parity * e.subs(x, -x)) / 2)
    if part == 0:
        return sp.S.Zero, sp.S.Zero
    first, third = (sp.diff(part, x, parity + order).subs(x, 0) for order in (0, 2))
    if not (first.is_finite and third.is_finite) or first == 0 or third == 0:
        return None
    c = third / first
    try:
        solves = equal(sp.diff(part, x, 2), c * part)
    except NotCertified:
        return None
    return (first**2 / sp.Abs(c) ** parity, c) if solves else None


@claim(
    "fimtheory.modes.erf_sphere",
    title="Eigenvalues of erf with weights on a sphere",
    statement=r"\lambda_k = \frac{2}{\pi} \, a_k \, t_{k,k} \, g^k \, {}_2F_1\big(\tfrac k2, \tfrac k2; k + \tfrac d2; "
    r"g^2\big), \quad g = \frac{2R^2}{1 + 2R^2}, \quad k \text{ odd}, \quad \arcsin c = \sum a_n c^n",
    source=Source("fimtheory", "extends takeishi2021: erf"),
    assumptions=("|w| = R fixed, inputs N(0, I_d)", "t_{n,k} the Funk-Hecke coefficient of the power n"),
    subject=None,
)
def erf_sphere() -> dict[str, Agreement]:
    """Against direct quadrature of the arcsine kernel with Legendre polynomials, d = 3."""
    from fimtheory.activations import activation

    erf, degrees, variance = activation("erf"), (1, 3, 5), sp.Rational(3, 4)

    def directly() -> list[float]:
        g = mp.mpf(2) * 3 / 4 / (1 + mp.mpf(2) * 3 / 4)
        return [float(mp.quad(lambda t, k=k: mp.asin(g * t) * mp.legendre(k, t), [-1, 0, 1]) / mp.pi) for k in degrees]

    return {
        "lambda_1, lambda_3, lambda_5": Agreement(
            lambda: [float(number(sphere_eigenvalue(erf, 3, k, variance), 16)) for k in degrees], directly, 1e-13
        )
    }


@claim(
    "fimtheory.modes.sine_sphere",
    title="Eigenvalues of the sine with weights on a sphere",
    statement=r"\lambda_k = e^{-R^2} \frac{R^{2k}}{k!} t_{k,k} \, {}_0F_1\big(; k + \tfrac d2; \tfrac{R^4}{4}\big) "
    r"\text{ for odd } k; \quad d = 3: \ \lambda_1 = e^{-R^2} \Big(\frac{\cosh R^2}{R^2} - \frac{\sinh R^2}{R^4}\Big)",
    source=Source("fimtheory", "extends takeishi2021: sin and cos"),
    assumptions=("|w| = R fixed, inputs N(0, I_d)",),
    subject=None,
)
def sine_sphere() -> dict[str, Agreement]:
    """Against the elementary functions that three dimensions give."""
    from fimtheory.activations import activation

    q = (0.3, 1.0, 2.5)
    return {
        "degree 1 in three dimensions": Agreement(
            lambda: [float(number(sphere_eigenvalue(activation("sin"), 3, 1, sp.Rational(str(x))), 16)) for x in q],
            lambda: [float(mp.exp(-x) * (mp.cosh(x) / x - mp.sinh(x) / x**2)) for x in q],
            1e-13,
        )
    }


@claim(
    "fimtheory.modes.hermite_sum",
    title="Eigenvalues as sums of squared Hermite coefficients",
    statement=r"\lambda_k = \sum_{n = k, k+2, \ldots} b_n^2 \, t_{n,k}, \quad t_{n,k} = "
    r"\frac{\Gamma(d/2) \, n!}{2^n \, \Gamma\big(\frac{n-k}{2} + 1\big) \Gamma\big(\frac{n+k+d}{2}\big)}, \quad "
    r"b_n = \frac{\mathbb{E}\,\phi(RZ)\,\mathrm{He}_n(Z)}{\sqrt{n!}}",
    source=Source("fimtheory", "extends takeishi2021: all activations"),
    assumptions=("|w| = R fixed, inputs N(0, I_d)",),
    subject=None,
)
def hermite_sum() -> dict[str, Agreement | Ordering]:
    """Forty terms of GELU, and the two-sided bounds of kinked ReLU, against numbers found on lengths and panels."""
    from fimtheory.activations import activation
    from fimtheory.theory.radial_modes import radial_modes
    from fimtheory.theory.sphere import RadialLaw

    def bounds(name: str, d: int, k: int) -> list[float]:
        return [float(bound) for bound in sphere_bounds(activation(name), d, k, sp.S.One)]

    def numerically(name: str, d: int, k: int) -> float:
        (found,) = radial_modes(activation(name), (k,), RadialLaw(d, sp.Rational(1, d), True), RadialLaw(d), 1)
        return float(found.eigenvalues[0])

    return {
        "GELU, degrees 0 and 2": Agreement(
            lambda: [bounds("gelu", 3, k)[0] for k in (0, 2)],
            lambda: [numerically("gelu", 3, k) for k in (0, 2)],
            1e-13,
        ),
        "ReLU, degree 2, between its bounds": Ordering(
            lambda: [bounds("relu", 6, 2)[0], numerically("relu", 6, 2)],
            lambda: [numerically("relu", 6, 2), bounds("relu", 6, 2)[1]],
        ),
    }


@claim(
    "fimtheory.modes.fourier",
    title="Eigenvalues of sine, cosine and exponential with Gaussian weights",
    statement=r"\lambda_{k,j} = \Big(\frac{2}{1 + r}\Big)^d \Big(\frac{|1 - r|}{1 + r}\Big)^{k + 2j}, \quad "
    r"r = \sqrt{1 + 4s} \ (\sin, \cos), \ \ \sqrt{1 - 4s} \ (\exp); \quad "
    r"\sin, \ s = 1: \ \Big(\frac{\sqrt5 - 1}{2}\Big)^{d + 2k + 4j}",
    source=Source("fimtheory", "extends takeishi2021: sin, cos and exp; Mehler's formula"),
    assumptions=(
        "weights N(0, s I_d), inputs N(0, I_d)",
        "k odd for the sine, even for the cosine, otherwise 0",
        "4s < 1 for the exponential",
    ),
    subject=None,
)
def fourier() -> dict[str, Identity | Agreement]:
    """At s = 1 powers of the golden ratio; otherwise against radial modes found numerically."""
    from fimtheory.activations import activation
    from fimtheory.theory.radial_modes import radial_modes
    from fimtheory.theory.sphere import RadialLaw

    golden, third = (sp.sqrt(5) - 1) / 2, trigonometric_eigenvalue(activation("sin"), 3, 1, 1, sp.S.One)
    cases = [("sin", sp.Rational(1, 2), 0.0), ("exp", sp.Rational(1, 8), 1.0)]

    def geometric() -> list[float]:
        return [
            float(number(trigonometric_eigenvalue(activation(name), 4, 1, j, variance), 16))
            for name, variance, _ in cases
            for j in range(3)
        ]

    def numerically() -> list[float]:
        found = [radial_modes(activation(f), (1,), RadialLaw(4, s), RadialLaw(4), 3, rate) for f, s, rate in cases]
        return [value for (modes,) in found for value in modes.eigenvalues]

    return {
        "golden ratio": Identity(third, golden ** (3 + 2 * 3)),
        "three radial modes": Agreement(geometric, numerically, 1e-13),
    }
