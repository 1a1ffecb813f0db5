r"""One hidden layer of finite width: the exact mean eigenvalue.

Given X, a pre-activation w.X is Gaussian of variance q = |X|^2/n0, and n0 q has a chi-squared law with n0 degrees of
freedom. Hence, at any widths and without a limit,

    E tr H / (n1 (n0 + n2)) = (g0 g1 E[q eta'(q)] + g1 E eta(q)) / (g0 + g1),

with eta(q) = E f(sqrt(q) Z)^2, eta'(q) = E f'(sqrt(q) Z)^2, g0 = n0/n1, g1 = n2/n1. The Gaussian mean of f is free.
"""

from __future__ import annotations

from functools import partial

import sympy as sp
from flint import arb
from mpmath import mp

from fimtheory.activations import Activation, activation
from fimtheory.claims import Agreement, Identity, Source, claim
from fimtheory.emission import emit
from fimtheory.errors import DivergentExpectation, InputError
from fimtheory.gaussian.enclosure import precision
from fimtheory.gaussian.field import VARIANCE
from fimtheory.gaussian.quantity import number
from fimtheory.notation import SYMBOLS
from fimtheory.theory.single_layer import SQUARE, Aspect, SingleLayer


def mean_integrand(phi: Activation, aspect: Aspect = SQUARE) -> sp.Expr:
    """What is averaged over q: (g0 g1 q eta'(q) + g1 eta(q)) / (g0 + g1).

    >>> import fimtheory as ft
    >>> mean_integrand(ft.activation("relu"))
    q/2
    """
    g0, g1 = aspect
    slope, size = phi.second_moment_derivative(VARIANCE), phi.second_moment(VARIANCE)
    return (g0 * g1 * VARIANCE * slope + g1 * size) / (g0 + g1)


def finite_width_mean(phi: Activation, inputs: int, aspect: Aspect = SQUARE) -> sp.Expr | None:
    """E tr H / (n1 (n0 + n2)) for n0 = ``inputs``, as a formula where eta(q), eta'(q) are sums of powers; else None.

    *Source*: our own. *Holds* at any widths.

    >>> import fimtheory as ft
    >>> finite_width_mean(ft.activation("f_opt"), 16), SingleLayer(ft.activation("f_opt")).moment(1)
    (173/104, 19/13)
    """
    _require_inputs(inputs)
    total = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(mean_integrand(phi, aspect))):
        coefficient, power = term.as_independent(VARIANCE)
        base, exponent = power.as_base_exp() if power != 1 else (VARIANCE, sp.S.Zero)
        if base != VARIANCE or not exponent.is_Rational:
            return None
        total += coefficient * chi_squared_moment(inputs, exponent)
    return sp.simplify(total)


def chi_squared_moment(inputs: int, power: sp.Expr) -> sp.Expr:
    """E q^power for n0 q chi-squared with n0 = ``inputs`` degrees of freedom.

    >>> chi_squared_moment(10, sp.Integer(2))
    6/5
    """
    half = sp.Rational(inputs, 2)
    return sp.gammasimp(sp.gamma(half + power) / sp.gamma(half)) / half**power


def finite_width_mean_number(phi: Activation, inputs: int, aspect: Aspect = SQUARE, digits: int = 16) -> mp.mpf:
    """The same as a number, for any activation with a square-integrable derivative: one integral over a pre-activation.

    Raises :class:`DivergentExpectation` where f grows so fast that the mean is infinite at this width.

    >>> import fimtheory as ft
    >>> float(finite_width_mean_number(ft.activation("f_opt"), 16)) == 173 / 104
    True
    """
    exact = finite_width_mean(phi, inputs, aspect)
    if exact is not None:
        return number(exact, digits)
    return _mean_by_density(phi, inputs, aspect, digits)


def _mean_by_density(phi: Activation, inputs: int, aspect: Aspect, digits: int) -> mp.mpf:
    g0, g1 = aspect
    with mp.workdps(digits + 10):
        size = _mean_square(phi, inputs, sp.Rational(inputs, 2))
        slope = _mean_square(phi.derivative, inputs, sp.Rational(inputs, 2) + 1)  # E[q g] is E g with one more half
        weights = (number(g, digits + 5) for g in (g0 * g1 / (g0 + g1), g1 / (g0 + g1)))
        return mp.fdot(weights, (slope, size))


def _mean_square(f: Activation, inputs: int, shape: sp.Rational) -> mp.mpf:
    """E f(sqrt(q) Z)^2 for a Gamma variable q of that shape and rate inputs/2: sqrt(q) Z has a Bessel density."""
    value, root = emit(f.expression, f.variable, "mpmath"), mp.sqrt(inputs)
    order = mp.mpf(int(shape.p)) / int(shape.q) - mp.mpf(1) / 2
    constant = root / (2**order * mp.sqrt(mp.pi) * mp.gamma(order + mp.mpf(1) / 2))

    def weighted(x: mp.mpf) -> mp.mpf:
        t = root * x
        return constant * t**order * _bessel_k(order, t) * (value(x) ** 2 + value(-x) ** 2)

    far = 40 + 4 * mp.dps / root
    if weighted(2 * far) > weighted(far) > 0:
        raise DivergentExpectation(
            f"the mean eigenvalue of {f.name} is infinite with {inputs} inputs: pre-activations have exponential tails"
            " at finite width; take more inputs"
        )
    ends = {abs(number(h, mp.dps)) for h in f.kinks} | {mp.mpf(0), mp.mpf(2), mp.mpf(5)}
    return mp.quad(weighted, [*sorted(ends), mp.inf])


def _bessel_k(order: mp.mpf, t: mp.mpf) -> mp.mpf:
    """K of any order; FLINT's, since mpmath's takes a hundred times as long at whole orders."""
    digits = mp.dps + 5
    with precision(3.33 * digits + 20):
        return mp.mpf(arb(mp.nstr(t, digits)).bessel_k(arb(mp.nstr(order, digits))).mid().str(digits, radius=False))


def mean_correction(phi: Activation, aspect: Aspect = SQUARE) -> sp.Expr:
    """c in E tr H / (n1 (n0 + n2)) = m_1 + c/n0 + O(1/n0^2): the second derivative of the integrand at q = 1.

    >>> import fimtheory as ft
    >>> mean_correction(ft.activation("f_opt"))
    42/13
    """
    return sp.simplify(sp.diff(mean_integrand(phi, aspect), VARIANCE, 2).subs(VARIANCE, 1))


def _require_inputs(inputs: int) -> None:
    if isinstance(inputs, bool) or not isinstance(inputs, int) or inputs < 1:
        raise InputError(f"{inputs} inputs make no layer: give a whole number from 1")


@claim(
    "fimtheory.finite_layer_mean",
    title="Exact mean eigenvalue of one hidden layer at finite width",
    statement=r"\frac{\mathbb{E} \operatorname{tr} H}{2 n^2} = \frac{1}{2}\, \mathbb{E}\left[q\, \eta'(q) +"
    r" \eta(q)\right],\quad n q \sim \chi^2_n",
    source=Source("fimtheory", "extends Pennington and Worah (2018), eq. 27"),
    assumptions=("any width",),
    subject=None,
)
def predict() -> dict[str, Agreement | Identity]:
    """Averages over the variance against integrals over the pre-activation, and the limit of large width."""
    found: dict[str, Agreement | Identity] = {}
    for phi in (activation("f_opt"), activation("srelu", alpha=0)):
        for inputs in (3, 16):
            by_density = partial(_by_density, phi, inputs)
            by_moments = partial(finite_width_mean, phi, inputs)
            found[f"{phi.name}, n = {inputs}"] = Agreement(lambda f=by_moments: float(f() or sp.nan), by_density, 1e-12)
    n, layer = SYMBOLS["n"], SingleLayer(activation("f_opt"))
    exact = (layer.moment(1) + mean_correction(layer.activation) / n).subs(n, 16)
    return found | {"f_opt: the correction is exact": Identity(exact, finite_width_mean(layer.activation, 16))}


def _by_density(phi: Activation, inputs: int) -> float:
    return float(_mean_by_density(phi, inputs, SQUARE, 16))
