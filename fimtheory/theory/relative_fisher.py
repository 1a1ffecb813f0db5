r"""Relative Fisher metrics of one neuron, derived from its stochastic model.

A neuron sees t = w'x~ and answers with a random y whose law has the parameter f(t). Its relative Fisher metric is

    g(w | x) = E[(d log p / dw)(d log p / dw)'] = -E[d^2 log p / dw dw'] = nu(t) x~ x~',

and the number nu(t) is all there is to find. It is computed from log p in both ways, and the two are compared in ball
arithmetic. Layers and networks are in :mod:`fimtheory.theory.relative_layers`, averages over random weights and inputs in
:mod:`fimtheory.theory.expected_relative`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from fimtheory.activations import Activation, activation
from fimtheory.emission import emit
from fimtheory.errors import InputError, NotCertified
from fimtheory.functions import Phi, sigmoid
from fimtheory.gaussian.certification import equal
from fimtheory.gaussian.field import sample_points
from fimtheory.gaussian.pieces import Pieces
from fimtheory.gaussian.quadrature import with_numbers
from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS
from fimtheory.theory.responses import PARAMETERS, Response, response

T = SYMBOLS["t"]
_F = sp.Function("f")(T)
_VALUE, _SLOPE, _BEND = sp.symbols("f f' f''", real=True)
_GRID = np.concatenate([np.linspace(-12, 12, 2401), [-1000, -100, -50, -20, 20, 50, 100, 1000]])
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Step:
    """One line of a derivation: what is done, and the formula it leads to."""

    text: str
    latex: str


@dataclass(frozen=True)
class Kink:
    """A point where f has a kink: nu from the left and from the right.

    Where they differ nu is undefined at the point itself, which a random input meets with probability zero; every function
    of this package then takes the value from the right, ``used``.
    """

    at: sp.Expr
    left: sp.Expr
    right: sp.Expr

    @property
    def continuous(self) -> bool:
        """Whether nu passes the kink without a jump."""
        return bool(sp.simplify(self.left - self.right) == 0)

    @property
    def used(self) -> sp.Expr:
        """The value taken at the point: the limit from the right."""
        return self.right


class Neuron:
    """A stochastic neuron: a response and the function f that sets its parameter; built by :func:`neuron`.

    ================  ==================================================================
    ``nu``            the factor of x~ x~' in the metric, an expression in t
    ``general``       nu for any f, in the symbols f and f'
    ``score_form``    E[(d log p / dt)^2], as it comes out of the definition
    ``hessian_form``  -E[d^2 log p / dt^2], likewise
    ``certified``     whether ball arithmetic proves the two equal at generic points
    ``steps``         the derivation, line by line
    ``kinks``         where nu has to be defined by a convention
    ``pieces``        nu piece by piece in the variable of activations, for Gaussian expectations
    ================  ==================================================================

    *Source*: Sun and Nielsen 2016, Definition 1, sections 3.1.1-3.1.5. *Holds when* f is continuous
    and differentiable but for finitely many points.
    """

    def __init__(self, law: Response, f: Activation) -> None:
        self.response = law
        self.activation = f
        require_continuous(f)
        _require_range(law, f)

    @property
    def name(self) -> str:
        """RESPONSE:ACTIVATION."""
        return f"{self.response.name}:{self.activation.name}"

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The symbols that are still free, of the response and of f."""
        return (*self.activation.parameters, *self.response.parameters)

    def __repr__(self) -> str:
        return f"Neuron({self.name!r}, nu = {self.nu})"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex}$"

    @property
    def latex(self) -> str:
        """The metric, as a line of LaTeX."""
        return rf"g(w \mid x) = \nu(t) \, \tilde x \tilde x^\top, \quad \nu(t) = {latex(self.nu)}"

    # -- the derivation for any f

    @functools.cached_property
    def general(self) -> sp.Expr:
        """nu in terms of f and f'.

        >>> neuron("gaussian:tanh", sigma="sigma").general
        f'**2/sigma_y**2
        """
        return _oriented(sp.factor(self._averaged(_named(sp.diff(self._log_density, T)) ** 2)))

    @functools.cached_property
    def _log_density(self) -> sp.Expr:
        return self.response.log_density(_F)

    def _averaged(self, e: sp.Expr) -> sp.Expr:
        return self.response.average(e, _VALUE)

    # -- the derivation for this f, piece by piece

    @functools.cached_property
    def score_pieces(self) -> Pieces:
        """E[(d log p / dt)^2] on every piece of f, not simplified."""
        return self._derived(lambda log_density: sp.diff(log_density, T) ** 2)

    @functools.cached_property
    def hessian_pieces(self) -> Pieces:
        """-E[d^2 log p / dt^2] on every piece of f, not simplified."""
        return self._derived(lambda log_density: -sp.diff(log_density, T, 2))

    def _derived(self, integrand: Callable[[sp.Expr], sp.Expr]) -> Pieces:
        f = self.activation._pieces
        found = []
        for piece in f.expressions:
            mean = piece.subs(f.variable, T)
            # A law that does not change with t carries no information on it, also where it is degenerate.
            flat = not mean.has(T)
            found.append(sp.S.Zero if flat else self.response.average(integrand(self.response.log_density(mean)), mean))
        return Pieces(T, f.breaks, tuple(found))

    @property
    def score_form(self) -> sp.Expr:
        """E[(d log p / dt)^2] as it comes out."""
        return self.score_pieces.expression

    @property
    def hessian_form(self) -> sp.Expr:
        """-E[d^2 log p / dt^2] as it comes out."""
        return self.hessian_pieces.expression

    @functools.cached_property
    def certified(self) -> bool:
        """Whether E[score^2], -E[Hessian] and nu are proven equal in ball arithmetic, on every piece."""
        rows = zip(self.score_pieces.expressions, self.hessian_pieces.expressions, self._nu.expressions, strict=True)
        # Equal whatever the moments of a von Mises law are: Bessel functions stand as free symbols.
        free = {e: sp.Dummy(positive=True) for row in self.score_pieces.expressions for e in row.atoms(sp.besseli)}
        try:
            return all(equal(score.xreplace(free), other.xreplace(free)) for score, *others in rows for other in others)
        except NotCertified:
            return False

    # -- the result

    @functools.cached_property
    def _nu(self) -> Pieces:
        f = self.activation._pieces
        tidy = []
        for piece, score in zip(f.expressions, self.score_pieces.expressions, strict=True):
            value = piece.subs(f.variable, T)
            general = self.general.subs({_VALUE: value, _SLOPE: sp.diff(value, T)}) if score != 0 else score
            tidy.append(_shortest(general))
        return Pieces(T, f.breaks, tuple(tidy))

    @functools.cached_property
    def nu(self) -> sp.Expr:
        """nu as an expression in t.

        >>> neuron("bernoulli:tanh").nu, neuron("bernoulli:sigmoid").nu, neuron("gaussian:relu").nu
        (1 - tanh(t)**2, (1 - sigmoid(t))*sigmoid(t), Piecewise((0, t < 0), (1, True)))
        """
        return self._nu.map(lambda e: e).expression

    @functools.cached_property
    def pieces(self) -> Pieces:
        """nu piece by piece, in the variable of activations: what the calculus of Gaussian expectations takes."""
        x = self.activation.variable
        merged = self._nu.map(lambda e: e.subs(T, x))
        return Pieces(x, merged.breaks, merged.expressions)

    @functools.cached_property
    def kinks(self) -> tuple[Kink, ...]:
        """The kinks of f, with nu on either side."""
        rows = zip(self._nu.breaks, self._nu.expressions, self._nu.expressions[1:], strict=False)
        return tuple(Kink(h, _limit(left, h, "-"), _limit(right, h, "+")) for h, left, right in rows)

    def kink_at(self, t: sp.Expr) -> Kink | None:
        """The kink at t where nu jumps, if there is one."""
        return next((kink for kink in self.kinks if kink.at == t and not kink.continuous), None)

    def at(self, t: Any) -> sp.Expr:
        """nu at a number t; the limit from the right at a kink.

        >>> neuron("gaussian:elu", alpha="1/4").at(0), neuron("bernoulli:tanh").at(0)
        (1, 1)
        """
        place = sp.sympify(t)
        if place.is_real is not True or place.is_finite is False:
            raise InputError(f"t = {t} is not a real number: write for instance t=-1/2")
        return _limit(self._nu.expressions[sum(bool(h <= place) for h in self._nu.breaks)], place, "+")

    @functools.cached_property
    def numpy(self) -> Callable[[Any], Any]:
        """nu as a vectorised NumPy function of t; all parameters must have values."""
        if self.parameters:
            names = ", ".join(map(str, self.parameters))
            raise InputError(
                f"{self.name} has free parameters ({names}): give values, for instance {self.parameters[0]}=1/5"
            )
        constants = {e: sp.Float(e.evalf(25), 25) for e in self.nu.atoms(sp.besseli)}
        return emit(with_numbers(_saturating(self.nu.xreplace(constants)), 20), T)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The derivation, from the law of y to nu."""
        return tuple(_steps(self))


def neuron(text: str | Response, f: Any = None, *, link: str = "mean", parameters: Any = None, **values: Any) -> Neuron:
    """A stochastic neuron from ``RESPONSE:ACTIVATION`` (or a :class:`Response` and an activation).

    Keywords are parameters of the response (:func:`fimtheory.theory.responses.response`) or of the activation. A Bernoulli
    response takes the outcomes {0, 1} where f stays within [0, 1], and {-1, 1} where it stays within [-1, 1].
    ``parameters`` declares free parameters of a formula, as in :func:`fimtheory.activation`. Raises :class:`InputError` for
    unknown names, sigma <= 0, a function that leaves the range of the parameter, or one that jumps.

    >>> neuron("gaussian:elu", sigma="7/10", alpha="1/4").nu
    Piecewise((25*exp(2*t)/196, t < 0), (100/49, True))
    """
    if isinstance(text, Response):
        return Neuron(text, activation(f, parameters=parameters, **values))
    head, colon, tail = text.partition(":")
    if not colon or not head.strip() or not tail.strip():
        raise InputError(
            f"{text!r} is no neuron: write RESPONSE:ACTIVATION, for instance bernoulli:tanh or gaussian:elu"
        )
    of_law = {key: values.pop(key) for key in PARAMETERS.get(head.strip(), ()) if key in values}
    phi = activation(tail.strip(), parameters=parameters, **values)
    if head.strip() == "softmax":
        raise InputError("softmax couples the units of a layer: take fimtheory.neuron or Categorical(3)")
    if head.strip() == "bernoulli" and "outcomes" not in of_law and link == "mean":
        return Neuron(_fitting(phi), phi)
    return Neuron(response(head.strip(), link, **of_law), phi)


def _fitting(phi: Activation) -> Response:
    """The outcomes whose means hold the values of phi."""
    laws = [response("bernoulli", outcomes=outcomes) for outcomes in ("0,1", "-1,1")]
    fitting = [law for law in laws if _outside(law, phi) is None]
    if fitting:
        return fitting[0]
    t, value = _outside(laws[1], phi) or (0.0, 0.0)
    raise InputError(
        f"{phi.name} is no mean of two outcomes: at t = {t:.4g} it is {value:.4g}, outside [0, 1] and [-1, 1]; "
        f"write gaussian:{phi.name}, or --natural, which makes it the log-odds"
    )


# -- what cannot be


def require_continuous(f: Activation) -> None:
    """Raises :class:`InputError` where f jumps."""
    if jumps := f._pieces.jumps:
        raise InputError(
            f"{f.name} jumps at {jumps[0][0]}: the law of y then jumps with the weights and has no Fisher metric there; "
            "take a continuous function, for instance sigmoid(10*x) for a step"
        )


def _require_range(law: Response, f: Activation) -> None:
    if (found := _outside(law, f)) is None:
        return
    t, value = found
    ends = f"[{law.lower}, {law.upper}]" if law.upper != sp.oo else f"[{law.lower}, infinity)"
    ends = ends if law.lower != -sp.oo else f"(-infinity, {law.upper}]"
    hint = law.advice
    if law.name == "bernoulli" and law.lower == 0:
        wider = response("bernoulli", outcomes="-1,1")
        if _outside(wider, f) is None:
            hint = "take the outcomes -1,1, whose probability is (1 + f)/2"
    raise InputError(
        f"{f.name} is {value:.4g} at t = {t:.4g}, but the {law.parameter} of {law.name} lies in {ends}: {hint}"
    )


def _outside(law: Response, f: Activation) -> tuple[float, float] | None:
    """(t, f(t)) where f leaves the range of the parameter, on a grid and far out, at generic values of parameters."""
    if law.lower == -sp.oo and law.upper == sp.oo:
        return None
    low, high = float(law.lower), float(law.upper)
    for values in _samples(f):
        with np.errstate(all="ignore"):
            function = emit(with_numbers(f.expression.subs(values), 20), f.variable)
            found = np.broadcast_to(np.asarray(function(_GRID), dtype=float), _GRID.shape)
        bad = np.flatnonzero((found < low - _ROUNDING) | (found > high + _ROUNDING))
        if bad.size:
            first = bad[np.argmin(np.abs(np.abs(_GRID[bad]) - 2))]  # near 2: clearly outside, and not far out
            return float(_GRID[first]), float(found[first])
    return None


def _samples(f: Activation) -> Iterator[dict]:
    free = set(f.parameters)
    yield from sample_points(free, count=3) if free else ({},)


# -- formulas as an author would write them


def _named(e: sp.Expr) -> sp.Expr:
    """f(t), f'(t), f''(t) as symbols."""
    return e.subs(sp.Derivative(_F, (T, 2)), _BEND).subs(sp.Derivative(_F, T), _SLOPE).subs(_F, _VALUE)


def _oriented(e: sp.Expr) -> sp.Expr:
    """A quotient as an author writes it: 1 - f and not f - 1 in a denominator, 1 - f^2 and not (1 - f)(1 + f)."""
    top, bottom = sp.fraction(e)
    for factor in sp.Mul.make_args(bottom):
        base, exponent = factor.as_base_exp()
        if not (base.is_Add and base.as_coeff_Add()[0].is_negative and exponent.is_Integer):
            continue
        turned = sp.expand(-top) if exponent % 2 else top
        if turned.is_Add or not turned.could_extract_minus_sign():
            top, bottom = turned, bottom / factor * sp.expand(-base) ** exponent
    return top / min(bottom, sp.expand(bottom), key=sp.count_ops)


def _shortest(e: sp.Expr) -> sp.Expr:
    """The shortest of several equal forms."""
    waves = e.has(sp.sin, sp.cos, sp.tan)
    forms = [e, *(form(e) for form in (_cancelled, _trigonometric if waves else sp.powsimp))]
    forms += [_oriented(sp.factor(forms[1]))] if sp.count_ops(forms[1]) < 60 else []
    return min(forms, key=sp.count_ops)


def _cancelled(e: sp.Expr) -> sp.Expr:
    """Cancelled, with every function of t as one symbol: exp(t) and exp(2 t) are powers of one."""
    return _oriented(sp.powsimp(sp.cancel(sp.expand(e, power_exp=True, mul=False, multinomial=False)), deep=True))


def _trigonometric(e: sp.Expr) -> sp.Expr:
    return sp.trigsimp(sp.cancel(e))


def _saturating(e: sp.Expr) -> sp.Expr:
    """Without differences of nearly equal numbers far out: sech^2 u = 4 sigmoid(2 u) sigmoid(-2 u), and so on."""
    u = sp.Wild("u")
    forms = {
        1 - sigmoid(u): sigmoid(-u),
        1 - sp.tanh(u) ** 2: 4 * sigmoid(2 * u) * sigmoid(-2 * u),
        1 - Phi(u): Phi(-u),
        1 - sp.erf(u) ** 2: sp.erfc(u) * sp.erfc(-u),
    }
    for near, far in forms.items():
        e = e.replace(near, far)
    return e


def _limit(e: sp.Expr, place: sp.Expr, side: str) -> sp.Expr:
    """The value at a place, or the limit from one side where the formula has none."""
    value = e.subs(T, place)
    return sp.limit(e, T, place, side) if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo) else value


# -- the derivation, line by line


def _steps(n: Neuron) -> Iterator[Step]:
    law = n.response
    score = _named(sp.diff(n._log_density, T))
    second = _named(sp.diff(n._log_density, T, 2))
    yield Step("The response", rf"{law.law}, \quad t = w^\top \tilde x")
    yield Step("Its log density at the value f of f(t)", rf"\log p(y) = {latex(_readable(law.log_density(_VALUE)))}")
    yield Step(
        "The score, by the chain rule dt/dw = x~",
        rf"\frac{{\partial \log p}}{{\partial w}} = {_bracketed(_brief(score))} \, \tilde x",
    )
    yield Step(
        "The mean of its square",
        rf"\mathbb{{E}}\left(\frac{{\partial \log p}}{{\partial t}}\right)^2 = {latex(n.general)}",
    )
    yield Step("The second derivative", rf"\frac{{\partial^2 \log p}}{{\partial t^2}} = {latex(_brief(second))}")
    yield Step(
        "Minus its mean, which is the same: what multiplies f'' has mean zero",
        rf"-\mathbb{{E}} \frac{{\partial^2 \log p}}{{\partial t^2}} = {latex(_curvature(n, second))}",
    )
    f = n.activation
    slope = f._pieces.derivative().expression.subs(f.variable, T)
    yield Step("This function", rf"f(t) = {latex(f.expression.subs(f.variable, T))}, \quad f'(t) = {latex(slope)}")
    yield Step("Inserted", n.latex)


def _curvature(n: Neuron, second: sp.Expr) -> sp.Expr:
    return _oriented(sp.factor(-n._averaged(second)))


def _brief(e: sp.Expr) -> sp.Expr:
    """A score or Hessian, collected in f' and f''."""
    collected = sp.collect(sp.expand(e), (_BEND, _SLOPE), lambda c: _oriented(sp.factor(c)))
    return min((e, _oriented(sp.factor(e)), collected), key=sp.count_ops)


def _readable(e: sp.Expr) -> sp.Expr:
    """Logarithms of quotients without leading minus."""
    return e.replace(sp.log, lambda u: sp.log(_oriented(sp.factor(u)) if u.has(_VALUE) else u))


def _bracketed(e: sp.Expr) -> str:
    return rf"\left({latex(e)}\right)" if e.is_Add else latex(e)
