"""Gaussian expectations with proven error bounds, in ball arithmetic.

*Analytic integrands*: the trapezoidal rule on nodes k h, |k| <= n. For g analytic on the rectangle |Re z| <= R,
|Im z| <= d with R = (n + 1/2) h, a contour integral around it gives

    |h sum g(k h) - int_{-R}^{R} g| <= 2/(e^{2 pi d/h} - 1) int_{-R}^{R} |g(x + i d)| dx + 2 d max_y |g(+-R + i y)|,

so that everything is needed on a compact set only, where ball arithmetic covers it with boxes; beyond, on the real
line, the majorants of :mod:`fimtheory.gaussian.growth` hold. *Between kinks*: adaptive Gauss-Legendre quadrature with
error bounds on ellipses (``acb.integral``), each piece by itself.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp
from flint import acb, arb, ctx

from fimtheory.emission import emit
from fimtheory.emission.balls import integral
from fimtheory.errors import NotCertified
from fimtheory.gaussian.growth import Growth, growth
from fimtheory.gaussian.pieces import Pieces

_EPSILON = 0.125  # |f| is measured against exp(epsilon z^2/2): what grows slower costs nothing
MARGIN = 12.0  # nats of error allowed for the constants in front of an exponentially small bound
_WIDEST, _NARROWEST, _SHRINK = 8.0, 0.02, 0.85  # half-widths of strips that are tried, in units of x
_COARSE, _FINEST = 0.5, 1e-3  # widths of boxes in units of x: fine enough for a bound; given up below
MOST_NODES = 400_000
_MOST_EVALUATIONS = 20_000


class precision:
    """Working precision of flint in bits, restored afterwards."""

    def __init__(self, bits: float) -> None:
        self.bits = math.ceil(bits)

    def __enter__(self) -> None:
        self.saved, ctx.prec = ctx.prec, self.bits

    def __exit__(self, *exc) -> None:
        ctx.prec = self.saved


def enclose_expectation(f: Pieces, q: sp.Expr, digits: int) -> arb:
    """A ball that contains E f(sqrt(q) Z), of radius about 10^-digits times the size of f.

    Raises :class:`NotCertified` where no proof is found.

    >>> x = sp.Symbol("x", real=True)
    >>> enclose_expectation(Pieces(x, (), (sp.cos(x),)), sp.Integer(1), 30).overlaps((-arb(1) / 2).exp())
    True
    """
    target = digits * math.log(10) + MARGIN
    with precision(target / math.log(2) + 32):
        scale = number(q).sqrt()
        envelope = Envelope.of(f, scale, target)
        if envelope.strip:
            steps = Steps.planned(envelope.strip, envelope.decay, target + envelope.nats)
            if steps.n <= MOST_NODES and steps.reach < envelope.reach:
                return _trapezoidal(f, scale, envelope, steps)
        return _piecewise(f, scale, envelope, target + envelope.nats)


# -- what is known about one integrand


@dataclass(frozen=True)
class Envelope:
    """|f(scale (x + i y))| <= bound exp(epsilon x^2/2) for |y| <= strip and |x| <= reach, and for all x where y = 0.

    ``strip`` is 0 for a function with kinks, and where no strip of analyticity was found.
    """

    strip: float
    reach: float
    epsilon: float
    bound: arb

    @property
    def decay(self) -> float:
        """What is left of the Gaussian: exp(-decay x^2/2)."""
        return 1 - self.epsilon

    @classmethod
    def of(cls, f: Pieces, scale: arb, target: float) -> Envelope:
        """The envelope on the strip that allows the longest steps among those that can be proven."""
        x, one = f.variable, arb(1)
        tails = growth(f.expressions[0].subs(x, -x), x, one), growth(f.expressions[-1], x, one)
        epsilon = _epsilon(tails, scale)
        ends = [abs(float(number(h) / scale)) for h in f.breaks]
        # Where the majorants take over: beyond every kink, and they hold from x = 1 on.
        reach = max(1.5 * math.sqrt(2 * target / (1 - epsilon)) + 2, float(1 / scale), *(end + 1 for end in ends))
        decay = arb(epsilon) / (2 * scale * scale)
        far = functools.reduce(arb.max, (tail.weighted_supremum(scale * reach, decay) for tail in tails))
        best = None
        with precision(53):
            for strip in ([] if f.breaks else _strips(scale, target)) + [0.0]:
                near = _supremum(f, scale, strip, reach, epsilon)
                if near is None:
                    continue
                found = cls(strip, reach, epsilon, near.max(far))
                if best is not None and found._longest_step(target) <= best._longest_step(target):
                    break
                best = found
        if best is None or not best.bound.is_finite():
            raise NotCertified(f"no bound was found for {f.expression}")
        return best

    def _longest_step(self, target: float) -> float:
        return Steps.planned(self.strip, self.decay, target + self.nats).h if self.strip else 0.0

    @property
    def nats(self) -> float:
        """The logarithm of the bound."""
        return float(self.bound.log().upper()) if self.bound > 0 else 0.0


def _strips(scale: arb, target: float) -> list[float]:
    """Half-widths to try, widest first, in units of the standard deviation."""
    unit, widest = float(scale), math.sqrt(2 * target)
    count = math.ceil(math.log(_WIDEST / _NARROWEST) / -math.log(_SHRINK))
    return list(dict.fromkeys(min(widest, _WIDEST * _SHRINK**k / unit) for k in range(count)))


def _epsilon(tails: Sequence[Growth], scale: arb) -> float:
    """The rate of the Gaussian weight that f is measured against: above that of f itself."""
    own = max(float((2 * tail.curvature * scale * scale).upper()) for tail in tails)
    epsilon = _EPSILON if own < _EPSILON / 2 else (1 + own) / 2
    if not epsilon < 1:
        raise NotCertified("the integrand grows about as fast as the Gaussian decays: no bound was found")
    return epsilon


def _supremum(f: Pieces, scale: arb, strip: float, reach: float, epsilon: float) -> arb | None:
    """sup |f(scale (x + i y))| exp(-epsilon x^2/2) over a rectangle, by boxes; None where a box will not be finite."""
    supremum = arb(0)
    for lo, hi, e in f.intervals:
        left, right = (float(number(h) / scale) if h.is_finite else math.copysign(reach, float(h)) for h in (lo, hi))
        supremum = box_supremum(emit(e, f.variable, "complex"), scale, strip, (left, right), epsilon, supremum)
        if supremum is None:
            return None
    return supremum


def box_supremum(
    function: Callable, scale: arb, strip: float, ends: tuple[float, float], epsilon: float, supremum: arb
) -> arb | None:
    """The largest of ``supremum`` and |function| over the boxes between two ends, nearest to zero first."""
    stack, unit = [ends], float(scale)
    while stack:
        lo, hi = stack.pop()
        nearest = 0.0 if lo <= 0 <= hi else min(abs(lo), abs(hi))
        size = function(acb(_hull(lo, hi), _hull(0.0, strip)) * scale).abs_upper()
        value = size * (-arb(epsilon) * nearest * nearest / 2).exp()
        if value.is_finite() and (value < supremum or (hi - lo) * unit < max(_COARSE, 2 * strip * unit)):
            supremum = supremum.max(value.upper())
        elif (hi - lo) * unit < _FINEST:
            return None
        else:
            middle = (lo + hi) / 2
            stack += [(lo, middle), (middle, hi)] if middle < 0 else [(middle, hi), (lo, middle)]
    return supremum


def _hull(lo: float, hi: float) -> arb:
    return arb(lo).union(arb(hi))


# -- the trapezoidal rule


@dataclass(frozen=True)
class Steps:
    """Nodes k h for |k| <= n, with the half-width of the strip that the error bound uses.

    h is a binary fraction: the nodes are exact.
    """

    h: float
    n: int
    d: float

    @property
    def reach(self) -> arb:
        return (arb(self.n) + arb(0.5)) * self.h

    @classmethod
    def planned(cls, strip: float, decay: float, target: float, variance: float = 1.0) -> Steps:
        """The coarsest step with e^{d^2/(2 variance) - 2 pi d/h} below e^-target for some d up to ``strip``."""
        target = max(target, MARGIN)  # of a function that is tiny everywhere, little is asked
        d = min(strip, math.sqrt(target * variance / 2))  # a wider strip asks for a longer rectangle
        needed = target + d * d / (2 * variance)
        mantissa, exponent = math.frexp(2 * math.pi * d / (needed + MARGIN))
        h = math.ldexp(math.floor(mantissa * 256) / 256, exponent)
        return cls(h, math.ceil(math.sqrt(2 * needed / decay) / h), d)


def rule_error(steps: Steps, decay: float, variance: arb | float = 1.0) -> arb:
    """The bound of the module's first lines, for |g(x + i y)| <= e^{y^2/(2 variance)} e^{-decay x^2/2}/sqrt(2 pi)."""
    d, reach, rate = arb(steps.d), steps.reach, arb(decay)
    aliasing = 2 / rate.sqrt() / ((2 * arb.pi() * d / steps.h).exp() - 1)
    sides = 2 * d * (-rate * reach * reach / 2).exp() / (2 * arb.pi()).sqrt()
    return (d * d / (2 * variance)).exp() * (aliasing + sides)


def tail_mass(reach: arb, decay: float) -> arb:
    """int over |x| > reach of e^{-decay x^2/2}/sqrt(2 pi)."""
    rate = arb(decay)
    return (reach * (rate / 2).sqrt()).erfc() / rate.sqrt()


def _trapezoidal(f: Pieces, scale: arb, envelope: Envelope, steps: Steps) -> arb:
    function, h = emit(f.expressions[0], f.variable, "ball"), arb(steps.h)
    total = function(arb(0))
    for k in range(1, steps.n + 1):
        z = k * h
        total += (-z * z / 2).exp() * (function(scale * z) + function(-scale * z))
    error = rule_error(steps, envelope.decay) + tail_mass(steps.reach, envelope.decay)
    return widened(total * h / (2 * arb.pi()).sqrt(), envelope.bound * error)


def widened(value: arb, error: arb) -> arb:
    if not (value.is_finite() and error.is_finite()):
        raise NotCertified("the integrand is not finite in ball arithmetic")
    return value + arb(0, error.upper())


def number(value: sp.Expr) -> arb:
    return emit(value, [], "ball")()


# -- from kink to kink


def _cuts(f: Pieces, scale: arb, reach: arb) -> list[tuple[acb, acb, Callable]]:
    """The pieces of z -> f(scale z) between -reach and reach, as (from, to, function of x = scale z)."""
    ends = [-reach, *(number(h) / scale for h in f.breaks), reach]
    functions = (emit(e, f.variable, "complex") for e in f.expressions)
    return [(acb(lo), acb(hi), e) for lo, hi, e in zip(ends, ends[1:], functions, strict=False)]


def _integral(integrand: Callable[[acb], acb], lo: acb, hi: acb, tolerance: arb) -> acb:
    return integral(integrand, lo, hi, abs_tol=tolerance, rel_tol=tolerance, eval_limit=_MOST_EVALUATIONS)


def _piecewise(f: Pieces, scale: arb, envelope: Envelope, target: float) -> arb:
    reach, tolerance, total = arb(envelope.reach), (-arb(target)).exp(), arb(0)
    for lo, hi, e in _cuts(f, scale, reach):
        total += _integral(lambda z, e=e: e(scale * z) * (-z * z / 2).exp(), lo, hi, tolerance).real
    return widened(total / (2 * arb.pi()).sqrt(), envelope.bound * tail_mass(reach, envelope.decay))
