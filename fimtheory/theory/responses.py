"""Stochastic responses: the laws p(y | parameter) that turn the output of a neuron into an observation.

A response knows its log density and how to average over its outcomes, nothing else. What follows from both, the Fisher
information of whatever drives the parameter, is derived in :mod:`fimtheory.theory.relative_fisher`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from fimtheory.activations import parse, parse_number
from fimtheory.activations.parser import VARIABLE
from fimtheory.emission import emit
from fimtheory.errors import InputError
from fimtheory.gaussian.expectation import expectation
from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

OUTCOME = sp.Symbol("y", real=True)
_THETA = sp.Symbol("theta", real=True)
_MOST_TRIALS = 10**6

Average = Callable[[sp.Expr, sp.Expr], sp.Expr]


@dataclass(frozen=True)
class Response:
    """A law of one observation y, with one parameter that a neuron sets.

    ``log_density(m)`` is log p(y | m) as an expression in :data:`OUTCOME`; ``average(e, m)`` is E e(y) for expressions of
    at most second order in the outcome, such as squares of scores and Hessians. The parameter lies between ``lower`` and
    ``upper``; ``law`` is LaTeX for the law at the parameter f(t), ``outcomes`` says what y may be.
    """

    name: str
    law: str
    outcomes: str
    log_density: Callable[[sp.Expr], sp.Expr] = field(repr=False)
    average: Average = field(repr=False)
    lower: sp.Expr = -sp.oo
    upper: sp.Expr = sp.oo
    parameter: str = "mean"
    advice: str = ""
    parameters: tuple[sp.Symbol, ...] = ()

    def __str__(self) -> str:
        return self.name

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.law}$"


def response(name: str, link: str = "mean", **parameters: Any) -> Response:
    """A response by name.

    ==================  ============================================  ======================================
    name                what f(t) is                                  parameters
    ==================  ============================================  ======================================
    bernoulli           the mean of y: of {0, 1}, or of {-1, 1}       outcomes ("0,1" or "-1,1")
    gaussian            the mean                                      sigma, the standard deviation (1)
    poisson             the mean
    binomial            the probability of a success                  n, the number of trials (1)
    exponential, gamma  the mean                                      shape (1)
    geometric           the mean (y = 0, 1, 2, ...)
    negative_binomial   the mean                                      r, the number of failures (1)
    von_mises           the direction                                 kappa, the concentration (1)
    family              the mean                                      log_partition, psi(x) as a formula
    ==================  ============================================  ======================================

    With ``link="natural"`` f(t) is the natural parameter of the exponential family instead. Parameters are numbers, text
    such as ``"7/10"``, or their own names, which leaves them free (``sigma="sigma"``). Raises :class:`InputError`.

    >>> response("gaussian", sigma="7/10").log_density(sp.Symbol("m"))
    -50*(-m + y)**2/49 - log(2*pi)/2 - log(7/10)
    """
    if name not in _MAKERS:
        raise InputError(f"no response {name!r}: the responses are {', '.join(_MAKERS)}, and softmax for a whole layer")
    if link not in ("mean", "natural"):
        raise InputError(f"no link {link!r}: f(t) is the mean of the response, or its natural parameter (natural)")
    maker, known = _MAKERS[name]
    for key in parameters:
        if key not in known:
            has = f"its parameters are {', '.join(known)}" if known else "it has no parameters"
            raise InputError(f"the response {name} has no parameter {key!r}: {has}")
    return maker(link, **parameters)


# -- laws with few outcomes


def _bernoulli(link: str, outcomes: str = "0,1") -> Response:
    """Two outcomes, averaged by a sum over both."""
    kinds = {"0,1": sp.S.Zero, "-1,1": -sp.S.One}
    low = kinds.get(outcomes.replace(" ", "")) if isinstance(outcomes, str) else None
    if low is None:
        raise InputError(f"outcomes {outcomes!r} are not two known ones: write 0,1 or -1,1")

    def probability(m: sp.Expr) -> sp.Expr:
        """Of the outcome 1, at the mean m."""
        if link == "natural":
            return 1 / (1 + sp.exp(-(1 - low) * m))
        return (m - low) / (1 - low)

    def log_density(m: sp.Expr) -> sp.Expr:
        p, hit = probability(m), (OUTCOME - low) / (1 - low)
        return hit * sp.log(p) + (1 - hit) * sp.log(1 - p)

    def average(e: sp.Expr, m: sp.Expr) -> sp.Expr:
        p = probability(m)
        return p * e.subs(OUTCOME, 1) + (1 - p) * e.subs(OUTCOME, low)

    share = "f(t)" if low == 0 else r"\frac{1 + f(t)}{2}"
    if link == "natural":
        share = r"\frac{1}{1 + e^{-f(t)}}" if low == 0 else r"\frac{1}{1 + e^{-2 f(t)}}"
    label = rf"P(y = 1) = {share}, \quad y \in \{{{low}, 1\}}"
    ends = (-sp.oo, sp.oo) if link == "natural" else (low, sp.S.One)
    return Response(
        "bernoulli", label, f"{low}, 1", log_density, average, *ends, parameter=_parameter(link),
        advice="write gaussian:, or --natural, which makes f the log-odds",
    )  # fmt: skip


# -- the Gaussian


def _gaussian(link: str, sigma: Any = 1) -> Response:
    """Averaged by the calculus of Gaussian expectations."""
    scale = _positive("sigma", sigma, "sigma_y")

    def mean(m: sp.Expr) -> sp.Expr:
        return scale**2 * m if link == "natural" else m

    def log_density(m: sp.Expr) -> sp.Expr:
        return -((OUTCOME - mean(m)) ** 2) / (2 * scale**2) - sp.log(2 * sp.pi) / 2 - sp.log(scale)

    def average(e: sp.Expr, m: sp.Expr) -> sp.Expr:
        x = VARIABLE
        powers = sp.Poly(sp.expand(e.subs(OUTCOME, mean(m) + scale * x)), x).all_coeffs()[::-1]
        return sum((c * expectation(x**k, x) for k, c in enumerate(powers)), sp.S.Zero)

    spread = _SQUARE_LATEX.get(scale, latex(scale**2))
    centre = "f(t)" if link == "mean" else rf"{'' if scale == 1 else spread} f(t)"
    law = rf"y \sim \mathcal{{N}}({centre}, {spread})"
    return Response("gaussian", law, "a real number", log_density, average, parameter=_parameter(link),
                    parameters=_free(scale))  # fmt: skip


_SQUARE_LATEX = {SYMBOLS["sigma_y"]: r"\sigma_y^2"}


# -- other exponential families, by their log-partition


def _family(
    name: str,
    link: str,
    psi: sp.Expr,
    natural: Callable[[sp.Expr], sp.Expr] | None,
    law: str,
    outcomes: str,
    ends: tuple[sp.Expr, sp.Expr],
    natural_ends: tuple[sp.Expr, sp.Expr] = (-sp.oo, sp.oo),
    parameters: tuple[sp.Symbol, ...] = (),
    base: sp.Expr = sp.S.Zero,
    advice: str = "",
    parameter: str = "mean",
) -> Response:
    """p(y) = h(y) exp(theta y - psi(theta)), averaged by E y = psi' and Var y = psi'', the derivatives of sum p = 1."""
    first, second = sp.diff(psi, _THETA), sp.diff(psi, _THETA, 2)

    def theta(m: sp.Expr) -> sp.Expr:
        return m if link == "natural" or natural is None else natural(m)

    def log_density(m: sp.Expr) -> sp.Expr:
        return theta(m) * OUTCOME - psi.subs(_THETA, theta(m)) + base

    def average(e: sp.Expr, m: sp.Expr) -> sp.Expr:
        mean, variance = (_tidy(d.subs(_THETA, theta(m))) for d in (first, second))
        moments = (sp.S.One, mean, variance + mean**2)
        powers = sp.Poly(e, OUTCOME).all_coeffs()[::-1]
        return sum((c * moments[k] for k, c in enumerate(powers)), sp.S.Zero)

    if link == "natural":
        law = rf"p(y) = h(y) \, e^{{\theta y - \psi(\theta)}}, \quad \psi(\theta) = {latex(psi)}, \quad \theta = f(t)"
        ends = natural_ends
    kind = parameter if link == "mean" else _parameter(link)
    return Response(
        name, law, outcomes, log_density, average, *ends, parameter=kind, advice=advice, parameters=parameters
    )


def _tidy(e: sp.Expr) -> sp.Expr:
    return sp.cancel(sp.powsimp(sp.expand(e, power_exp=False), deep=True)) if e.has(sp.exp, sp.log) else sp.cancel(e)


def _poisson(link: str) -> Response:
    return _family(
        "poisson", link, sp.exp(_THETA), sp.log, r"y \sim \operatorname{Poisson}(f(t))", "0, 1, 2, ...",
        (sp.S.Zero, sp.oo), base=-sp.log(sp.factorial(OUTCOME)), advice="write poisson:softplus or poisson:exp",
    )  # fmt: skip


def _binomial(link: str, n: Any = 1) -> Response:
    count = _trials("n", n)
    return _family(
        "binomial", link, count * sp.log(1 + sp.exp(_THETA)), lambda m: sp.log(m) - sp.log(1 - m),
        rf"y \sim \operatorname{{Binomial}}({count}, f(t))", f"0, ..., {count}", (sp.S.Zero, sp.S.One),
        base=sp.log(sp.binomial(count, OUTCOME)), advice="write for instance binomial:sigmoid",
        parameter="probability of a success",
    )  # fmt: skip


def _gamma(link: str, shape: Any = 1, name: str = "gamma") -> Response:
    k = _positive("shape", shape, "k_y")
    kind = (
        r"\operatorname{Exponential}"
        if name == "exponential"
        else rf"\operatorname{{Gamma}}(\text{{shape }} {latex(k)})"
    )
    law = rf"y \sim {kind}, \quad \mathbb{{E}}\, y = f(t)"
    base = sp.S.Zero if k == 1 else (k - 1) * sp.log(OUTCOME) - sp.loggamma(k)
    return _family(
        name, link, -k * sp.log(-_THETA), lambda m: -k / m, law, "a positive number", (sp.S.Zero, sp.oo),
        (-sp.oo, sp.S.Zero), _free(k), base, advice=f"write {name}:softplus or {name}:exp",
    )  # fmt: skip


def _exponential(link: str) -> Response:
    return _gamma(link, 1, "exponential")


def _negative_binomial(link: str, r: Any = 1, name: str = "negative_binomial") -> Response:
    count = _positive("r", r, "r_y")
    kind = r"\operatorname{Geometric}" if name == "geometric" else rf"\operatorname{{NegativeBinomial}}({latex(count)})"
    law = rf"y \sim {kind}, \quad \mathbb{{E}}\, y = f(t)"
    base = sp.S.Zero if count == 1 else sp.loggamma(OUTCOME + count) - sp.loggamma(count) - sp.loggamma(OUTCOME + 1)
    return _family(
        name, link, -count * sp.log(1 - sp.exp(_THETA)), lambda m: sp.log(m) - sp.log(count + m), law, "0, 1, 2, ...",
        (sp.S.Zero, sp.oo), (-sp.oo, sp.S.Zero), _free(count), base, advice=f"write {name}:softplus or {name}:exp",
    )  # fmt: skip


def _geometric(link: str) -> Response:
    return _negative_binomial(link, 1, "geometric")


def _given_family(link: str, log_partition: Any = None) -> Response:
    """A family that the user states: psi in the variable x, the natural parameter."""
    if not isinstance(log_partition, str):
        raise InputError("which family? give its log-partition in x, for instance log_partition='log(1 + exp(x))'")
    psi = parse(log_partition).subs(VARIABLE, _THETA)
    domain = _domain(psi, log_partition)
    natural = None if link == "natural" else _inverse(sp.diff(psi, _THETA), log_partition)
    return _family(
        "family", link, psi, natural,
        rf"p(y) = h(y) \, e^{{\theta y - \psi(\theta)}}, \quad \psi(\theta) = {latex(psi)}, \quad \psi'(\theta) = f(t)",
        "those of the family", _ends_of_mean(psi), domain, advice="choose f within the range of psi', or --natural",
    )  # fmt: skip


def _domain(psi: sp.Expr, text: str) -> tuple[sp.Expr, sp.Expr]:
    """The natural parameters, an interval where psi is real; psi'' is a variance there, and must be positive."""
    curvature = sp.diff(psi, _THETA, 2)
    functions = [emit(e, _THETA) for e in (psi, curvature)]

    def both(t: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.array([np.broadcast_to(np.asarray(f(t), dtype=float), t.shape) for f in functions])

    def real(t: np.ndarray) -> np.ndarray:
        return np.asarray(np.isfinite(both(t)).all(axis=0))

    grid = np.linspace(-8, 8, 161) + 1e-3
    inside = grid[real(grid)]
    values = both(inside)[1]
    if curvature == 0 or not inside.size or (values <= 0).any():
        where = f" at x = {inside[values <= 0][0]:.3g}" if (values <= 0).any() else ""
        raise InputError(f"{text} is no log-partition: its second derivative, a variance, is not positive{where}")
    return (
        -sp.oo if inside[0] == grid[0] else _end(real, inside[0], inside[0] - 0.1),
        sp.oo if inside[-1] == grid[-1] else _end(real, inside[-1], inside[-1] + 0.1),
    )


def _end(real: Callable[[np.ndarray], np.ndarray], inside: float, outside: float) -> sp.Expr:
    """Where a function ceases to be real, to nine decimals."""
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if real(np.array([middle]))[0] else (inside, middle)
    return sp.Rational(str(round(inside, 9)))


def _inverse(slope: sp.Expr, text: str) -> Callable[[sp.Expr], sp.Expr]:
    """theta as a function of the mean, where SymPy can solve psi'(theta) = mean."""
    m = sp.Dummy("m", positive=True)
    try:
        found = [root for root in sp.solve(sp.Eq(slope, m), _THETA) if not root.has(sp.I)]
    except NotImplementedError:
        found = []
    fitting = [root for root in found if _solves(slope, root, m)]
    if len(fitting) != 1:
        raise InputError(
            f"the mean of the family with log-partition {text} cannot be solved for its natural parameter: "
            "take the natural link (--natural), where f is that parameter"
        )
    return lambda value: fitting[0].subs(m, value)


def _solves(slope: sp.Expr, root: sp.Expr, m: sp.Symbol) -> bool:
    """Whether psi'(root) = m at a point where the root is real."""
    for value in (sp.Rational(1, 3), sp.Rational(7, 3)):
        at = root.subs(m, value).evalf(30)
        if at.is_real and abs((slope.subs(_THETA, at) - value).evalf(30)) < 1e-20:
            return True
    return False


def _ends_of_mean(psi: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """The range of psi', from its limits; the whole line where SymPy does not know them."""
    ends = []
    for side in (-sp.oo, sp.oo):
        try:
            limit = sp.limit(sp.diff(psi, _THETA), _THETA, side)
        except (NotImplementedError, ValueError, TypeError):
            limit = side
        ends.append(limit if limit.is_extended_real else side)
    return min(ends[0], ends[1]), max(ends[0], ends[1])


# -- directions


def _von_mises(link: str, kappa: Any = 1) -> Response:
    """Directions on a circle, averaged by E cos(k (y - m)) = I_k(kappa) / I_0(kappa)."""
    if link == "natural":
        raise InputError("von_mises has two natural parameters: f is its direction, leave --link out")
    k = _positive("kappa", kappa, "kappa_y")

    def log_density(m: sp.Expr) -> sp.Expr:
        return k * sp.cos(OUTCOME - m) - sp.log(2 * sp.pi * sp.besseli(0, k))

    def average(e: sp.Expr, m: sp.Expr) -> sp.Expr:
        angle, sine, cosine = sp.Dummy(real=True), sp.Dummy(), sp.Dummy()
        about = e.subs(OUTCOME, m + angle)
        for wave, symbol in ((sp.sin, sine), (sp.cos, cosine)):
            about = about.replace(wave, lambda u, wave=wave: wave(sp.cancel(u))).subs(wave(angle), symbol)
        powers = sp.Poly(about, sine, cosine)
        mean = sp.besseli(1, k) / sp.besseli(0, k)
        moments = {(0, 0): sp.S.One, (0, 1): mean, (2, 0): mean / k, (1, 0): sp.S.Zero, (1, 1): sp.S.Zero}
        return sum((c * moments[power] for power, c in powers.terms()), sp.S.Zero)  # odd powers of the sine vanish

    law = rf"y \sim \operatorname{{vonMises}}(f(t), {latex(k)})"
    return Response("von_mises", law, "an angle", log_density, average, parameter="direction", parameters=_free(k))


# -- parameters of responses


def _parameter(link: str) -> str:
    return "mean" if link == "mean" else "natural parameter"


def _free(value: sp.Expr) -> tuple[sp.Symbol, ...]:
    return tuple(sorted(value.free_symbols, key=str))


def _positive(name: str, value: Any, symbol: str) -> sp.Expr:
    """A positive number, or the free symbol where the parameter's own name is given."""
    if value in (name, symbol):
        return sp.Symbol(symbol, positive=True)
    number = parse_number(value) if isinstance(value, str) else sp.sympify(value)
    if isinstance(number, sp.Float):
        number = sp.Rational(str(value))
    if number.free_symbols and number.is_positive:
        return number
    if number.is_real is not True or number.is_finite is False or not number.is_positive:
        raise InputError(f"{name} = {value} is not possible: give a positive number, for instance {name}=1/2")
    return number


def _trials(name: str, value: Any) -> sp.Expr:
    number = _positive(name, value, "n_y")
    if not number.is_integer or number > _MOST_TRIALS:
        raise InputError(f"{name} = {value} is no number of trials: give a whole number from 1 to {_MOST_TRIALS}")
    return number


_MAKERS: Mapping[str, tuple[Callable[..., Response], tuple[str, ...]]] = {
    "bernoulli": (_bernoulli, ("outcomes",)),
    "gaussian": (_gaussian, ("sigma",)),
    "poisson": (_poisson, ()),
    "binomial": (_binomial, ("n",)),
    "exponential": (_exponential, ()),
    "gamma": (_gamma, ("shape",)),
    "geometric": (_geometric, ()),
    "negative_binomial": (_negative_binomial, ("r",)),
    "von_mises": (_von_mises, ("kappa",)),
    "family": (_given_family, ("log_partition",)),
}

PARAMETERS: Mapping[str, tuple[str, ...]] = {name: known for name, (_, known) in _MAKERS.items()}
"""The parameters of every response, by name."""
