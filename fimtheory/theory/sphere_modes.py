"""One of the two lengths fixed: the kernel depends on a cosine alone, and its eigenvalues are sums of positive terms.

With |w|^2 = R^2 (or |x|^2 = R^2, by symmetry) the pre-activation is N(0, R^2) and E phi(w.x) phi(w'.x) = kappa(c), the dual
of phi at variance R^2. Its power series in c has the squares of Hermite coefficients, and c^n has Funk-Hecke coefficients
in Gammas: lambda_k = sum_n b_n(R^2)^2 t_{n,k}, no term negative.
"""

from __future__ import annotations

import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.claims import Agreement, Identity, Source, claim
from fimtheory.errors import InputError, NoClosedForm
from fimtheory.gaussian.field import CORRELATION
from fimtheory.gaussian.quantity import number
from fimtheory.theory.homogeneous import funk_hecke_power

_c = CORRELATION


def power_coefficient(n: int, d: int | sp.Expr, k: int) -> sp.Expr:
    """t_{n,k}: the average of t^n P_k(t) over the sphere, zero unless n - k = 0, 2, 4, ...

    >>> [power_coefficient(n, 3, 1) for n in range(5)]
    [0, 1/3, 0, 1/5, 0]
    """
    if n < k or (n - k) % 2:
        return sp.S.Zero
    return 2 * funk_hecke_power(n, d, k)


def sphere_eigenvalue(activation: Activation, d: int | sp.Expr, k: int, variance: sp.Expr) -> sp.Expr | None:
    """lambda_k with one length fixed, ``variance`` = R^2 that of the pre-activation; None where no closed form is known.

    A dual that is a polynomial in c gives a finite sum, an arcsine a 2F1, an exponential or hyperbolic function a 0F1 (a
    Bessel function). The dimension may be a symbol.

    *Source*: term by term from the power series; ``derivations/erf_modes.py`` for the arcsine.

    >>> from fimtheory.activations import activation
    >>> sphere_eigenvalue(activation("erf"), 3, 1, sp.S.One)
    4*hyper((1/2, 1/2), (5/2,), 4/9)/(9*pi)
    >>> sphere_eigenvalue(activation("x**3"), 3, 3, sp.S.One)
    12/35
    """
    try:
        kernel = sp.expand(activation.dual(variance, _c), power_exp=True)
    except NoClosedForm:
        return None
    total = sp.S.Zero
    for term in sp.Add.make_args(kernel):
        part = _term(term, d, k)
        if part is None:
            return None
        total += part
    return sp.powsimp(total)


def _term(term: sp.Expr, d: int | sp.Expr, k: int) -> sp.Expr | None:
    """The eigenvalue of one term of a dual."""
    factor, rest = term.as_independent(_c, as_Add=False)
    base, exponent = rest.as_base_exp()
    if rest == 1 or (base == _c and exponent.is_Integer):
        return factor * power_coefficient(0 if rest == 1 else int(exponent), d, k)
    if not isinstance(rest, sp.asin | sp.exp | sp.sinh | sp.cosh):
        return None
    slope = sp.diff(rest.args[0], _c)
    if slope.has(_c) or rest.args[0].subs(_c, 0) != 0:
        return None
    return factor * _series(type(rest), slope, d, k)


def _series(function, g: sp.Expr, d: int | sp.Expr, k: int) -> sp.Expr:
    """The eigenvalue of function(g c)."""
    if function in (sp.asin, sp.sinh) and k % 2 == 0:
        return sp.S.Zero
    if function is sp.cosh and k % 2:
        return sp.S.Zero
    half = k + sp.sympify(d) / 2
    if function is sp.asin:
        leading = sp.gamma(sp.Rational(k, 2)) / (sp.sqrt(sp.pi) * sp.gamma(sp.Rational(k + 1, 2)) * k)
        tail = sp.hyper([sp.Rational(k, 2), sp.Rational(k, 2)], [half], g**2)
    else:
        leading, tail = 1 / sp.factorial(k), sp.hyper([], [half], g**2 / 4)
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
    """lambda_{k,index} for phi = a cos(omega x) + b sin(omega x), weights N(0, ``variance`` I), inputs N(0, I); else None.

    The map h -> E_x exp(i omega w.x) h(x) is diagonal in Hermite functions (Mehler): the eigenvalue depends on the total
    degree n = k + 2 ``index`` alone and is geometric in it. With a_0 = 1/(4 s), s = omega^2 ``variance``, and
    A = a_0 + 1/2 + (a_0^2 + a_0)^(1/2): (2 a_0/A)^(d/2) (2 A)^(-n), times a^2 for even n and b^2 for odd n.

    >>> from fimtheory.activations import activation
    >>> trigonometric_eigenvalue(activation("sin"), 1, 1, 0, sp.S.One)
    -2 + sqrt(5)
    """
    x = activation.variable
    cosine, sine, omega = sp.Wild("a", exclude=[x]), sp.Wild("b", exclude=[x]), sp.Wild("w", exclude=[x, 0])
    found = activation.expression.match(cosine * sp.cos(omega * x)) or activation.expression.match(
        sine * sp.sin(omega * x)
    )
    if not found:
        return None
    amplitude = found[cosine] if cosine in found else found[sine]
    n = k + 2 * index
    if (n % 2 == 1) == (cosine in found):
        return sp.S.Zero
    a = 1 / (4 * found[omega] ** 2 * variance)
    large = a + sp.Rational(1, 2) + sp.sqrt(a**2 + a)
    root, ratio = sp.sqrtdenest(sp.sqrt(sp.radsimp(2 * a / large))), sp.radsimp(1 / (2 * large))
    return sp.expand(amplitude**2 * root**d * ratio**n)


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
    "fimtheory.modes.fourier",
    title="Eigenvalues of sine and cosine with Gaussian weights",
    statement=r"\lambda_{k,j} = \big(\tfrac{2a}{A}\big)^{d/2} (2A)^{-(k + 2j)}, \quad a = \tfrac{1}{4s}, \ "
    r"A = a + \tfrac12 + \sqrt{a^2 + a}; \quad s = 1: \ \Big(\tfrac{\sqrt5 - 1}{2}\Big)^{d + 2k + 4j}",
    source=Source("fimtheory", "extends takeishi2021: sin and cos; Mehler's formula"),
    assumptions=("weights N(0, s I_d), inputs N(0, I_d)", "k + 2j odd for the sine, even for the cosine, otherwise 0"),
    subject=None,
)
def fourier() -> dict[str, Identity | Agreement]:
    """At s = 1 powers of the golden ratio; otherwise against radial modes found numerically."""
    from fimtheory.activations import activation
    from fimtheory.theory.radial_modes import radial_modes
    from fimtheory.theory.sphere import RadialLaw

    sine, golden = activation("sin"), (sp.sqrt(5) - 1) / 2
    exact = trigonometric_eigenvalue(sine, 3, 1, 1, sp.S.One)
    half = sp.Rational(1, 2)

    def numerically() -> list[float]:
        (found,) = radial_modes(sine, (1,), RadialLaw(4, half), RadialLaw(4), 3)
        return list(found.eigenvalues)

    return {
        "golden ratio": Identity(exact, golden ** (3 + 2 * 3)),
        "three radial modes": Agreement(
            lambda: [float(number(trigonometric_eigenvalue(sine, 4, 1, j, half), 16)) for j in range(3)],
            numerically,
            1e-13,
        ),
    }
