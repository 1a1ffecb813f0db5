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
from flint import acb, arb, arb_poly, ctx

from fimtheory.emission import emit
from fimtheory.emission.balls import integral
from fimtheory.errors import NotCertified
from fimtheory.gaussian.growth import Growth, growth
from fimtheory.gaussian.pieces import Pieces

_EPSILON = 0.125  # |f| is measured against exp(epsilon z^2/2): what grows slower costs nothing
_MARGIN = 12.0  # nats of error allowed for the constants in front of an exponentially small bound
_WIDEST, _NARROWEST, _SHRINK = 8.0, 0.02, 0.85  # half-widths of strips that are tried, in units of x
_COARSE, _FINEST = 0.5, 1e-3  # widths of boxes in units of x: fine enough for a bound; given up below
_SLOWEST = 0.05  # the least decay of a product that is summed
_MOST_NODES = 400_000
_MOST_PAIRS = 1_000_000
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
    target = digits * math.log(10) + _MARGIN
    with precision(target / math.log(2) + 32):
        scale = _number(q).sqrt()
        envelope = _Envelope.of(f, scale, target)
        if envelope.strip:
            steps = _Steps.planned(envelope.strip, envelope.decay, target + envelope.nats)
            if steps.n <= _MOST_NODES and steps.reach < envelope.reach:
                return _trapezoidal(f, scale, envelope, steps)
        return _piecewise(f, scale, envelope, target + envelope.nats)


def enclose_pair(f: Pieces, g: Pieces, q1: sp.Expr, q2: sp.Expr, c: sp.Expr, digits: int) -> arb:
    """A ball that contains E f(U) g(V), Var U = q1, Var V = q2, correlation c in (-1, 1).

    Raises :class:`NotCertified` where no proof is found.
    """
    target = digits * math.log(10) + 2 * _MARGIN
    if c.is_negative:
        g, c = _mirrored(g), -c
    with precision(target / math.log(2) + 40):
        pair = _Pair.of(f, g, _number(q1).sqrt(), _number(q2).sqrt(), _number(c), target)
        return pair.enclosure()


# -- what is known about one integrand


@dataclass(frozen=True)
class _Envelope:
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
    def of(cls, f: Pieces, scale: arb, target: float) -> _Envelope:
        """The envelope on the strip that allows the longest steps among those that can be proven."""
        x, one = f.variable, arb(1)
        tails = growth(f.expressions[0].subs(x, -x), x, one), growth(f.expressions[-1], x, one)
        epsilon = _epsilon(tails, scale)
        ends = [abs(float(_number(h) / scale)) for h in f.breaks]
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
        return _Steps.planned(self.strip, self.decay, target + self.nats).h if self.strip else 0.0

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
        left, right = (float(_number(h) / scale) if h.is_finite else math.copysign(reach, float(h)) for h in (lo, hi))
        supremum = _box_supremum(emit(e, f.variable, "complex"), scale, strip, (left, right), epsilon, supremum)
        if supremum is None:
            return None
    return supremum


def _box_supremum(
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


def _mirrored(f: Pieces) -> Pieces:
    x = f.variable
    return Pieces(x, tuple(-h for h in reversed(f.breaks)), tuple(e.subs(x, -x) for e in reversed(f.expressions)))


# -- the trapezoidal rule


@dataclass(frozen=True)
class _Steps:
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
    def planned(cls, strip: float, decay: float, target: float, variance: float = 1.0) -> _Steps:
        """The coarsest step with e^{d^2/(2 variance) - 2 pi d/h} below e^-target for some d up to ``strip``."""
        d = min(strip, math.sqrt(target * variance / 2))  # a wider strip asks for a longer rectangle
        needed = target + d * d / (2 * variance)
        mantissa, exponent = math.frexp(2 * math.pi * d / (needed + _MARGIN))
        h = math.ldexp(math.floor(mantissa * 256) / 256, exponent)
        return cls(h, math.ceil(math.sqrt(2 * needed / decay) / h), d)


def _rule_error(steps: _Steps, decay: float, variance: arb | float = 1.0) -> arb:
    """The bound of the module's first lines, for |g(x + i y)| <= e^{y^2/(2 variance)} e^{-decay x^2/2}/sqrt(2 pi)."""
    d, reach, rate = arb(steps.d), steps.reach, arb(decay)
    aliasing = 2 / rate.sqrt() / ((2 * arb.pi() * d / steps.h).exp() - 1)
    sides = 2 * d * (-rate * reach * reach / 2).exp() / (2 * arb.pi()).sqrt()
    return (d * d / (2 * variance)).exp() * (aliasing + sides)


def _tail_mass(reach: arb, decay: float) -> arb:
    """int over |x| > reach of e^{-decay x^2/2}/sqrt(2 pi)."""
    rate = arb(decay)
    return (reach * (rate / 2).sqrt()).erfc() / rate.sqrt()


def _trapezoidal(f: Pieces, scale: arb, envelope: _Envelope, steps: _Steps) -> arb:
    function, h = emit(f.expressions[0], f.variable, "ball"), arb(steps.h)
    total = function(arb(0))
    for k in range(1, steps.n + 1):
        z = k * h
        total += (-z * z / 2).exp() * (function(scale * z) + function(-scale * z))
    error = _rule_error(steps, envelope.decay) + _tail_mass(steps.reach, envelope.decay)
    return _widened(total * h / (2 * arb.pi()).sqrt(), envelope.bound * error)


def _widened(value: arb, error: arb) -> arb:
    if not (value.is_finite() and error.is_finite()):
        raise NotCertified("the integrand is not finite in ball arithmetic")
    return value + arb(0, error.upper())


def _number(value: sp.Expr) -> arb:
    return emit(value, [], "ball")()


# -- from kink to kink


def _cuts(f: Pieces, scale: arb, reach: arb) -> list[tuple[acb, acb, Callable]]:
    """The pieces of z -> f(scale z) between -reach and reach, as (from, to, function of x = scale z)."""
    ends = [-reach, *(_number(h) / scale for h in f.breaks), reach]
    functions = (emit(e, f.variable, "complex") for e in f.expressions)
    return [(acb(lo), acb(hi), e) for lo, hi, e in zip(ends, ends[1:], functions, strict=False)]


def _integral(integrand: Callable[[acb], acb], lo: acb, hi: acb, tolerance: arb) -> acb:
    return integral(integrand, lo, hi, abs_tol=tolerance, rel_tol=tolerance, eval_limit=_MOST_EVALUATIONS)


def _piecewise(f: Pieces, scale: arb, envelope: _Envelope, target: float) -> arb:
    reach, tolerance, total = arb(envelope.reach), (-arb(target)).exp(), arb(0)
    for lo, hi, e in _cuts(f, scale, reach):
        total += _integral(lambda z, e=e: e(scale * z) * (-z * z / 2).exp(), lo, hi, tolerance).real
    return _widened(total / (2 * arb.pi()).sqrt(), envelope.bound * _tail_mass(reach, envelope.decay))


# -- two variables


@dataclass(frozen=True)
class _Pair:
    """E f(s1 U) g(s2 V) for standard U, V with correlation c in [0, 1)."""

    f: Pieces
    g: Pieces
    s1: arb
    s2: arb
    c: arb
    left: _Envelope
    right: _Envelope
    target: float

    @classmethod
    def of(cls, f: Pieces, g: Pieces, s1: arb, s2: arb, c: arb, target: float) -> _Pair:
        left, right = _Envelope.of(f, s1, target), _Envelope.of(g, s2, target)
        return cls(f, g, s1, s2, c, left, right, target + left.nats + right.nats)

    @property
    def strip(self) -> float:
        return min(self.left.strip, self.right.strip)

    @property
    def epsilon(self) -> float:
        return max(self.left.epsilon, self.right.epsilon)

    @property
    def reach(self) -> float:
        return min(self.left.reach, self.right.reach)

    @property
    def variance(self) -> arb:
        """Of V given U."""
        return (1 - self.c) * (1 + self.c)

    @property
    def bound(self) -> arb:
        return self.left.bound * self.right.bound

    def enclosure(self) -> arb:
        """By the cheapest rule: a node of the lattice costs about as much as one of the ridge's pairs of nodes."""
        lattice, ridge = self._lattice_steps(), self._ridge_steps()
        cost = lattice.n if lattice else math.inf
        if ridge and ridge[0].n * ridge[1].n < min(cost, _MOST_PAIRS):
            return self.ridge(*ridge)
        if lattice and cost < _MOST_NODES:
            return self.lattice(lattice)
        return self.piecewise()

    def _lattice_steps(self) -> _Steps | None:
        decay, _ = self._inner_average()
        if not (self.strip and decay > _SLOWEST):
            return None
        steps = _Steps.planned(self.strip, decay, self.target, float(self.variance))
        return steps if steps.reach < self.reach else None

    def _ridge_steps(self) -> tuple[_Steps, _Steps] | None:
        decays = self._ridge_decays()
        if not (self.strip and min(decays) > _SLOWEST):
            return None
        parts = self._ridge_slopes()
        z, w = (
            _Steps.planned(self.strip / float(part), decay, self.target)
            for part, decay in zip(parts, decays, strict=True)
        )
        return (z, w) if parts[0] * z.reach + parts[1] * w.reach < self.reach else None

    def _ridge_slopes(self) -> tuple[arb, arb]:
        """a and b of u = a z + b w, v = a z - b w."""
        return ((1 + self.c) / 2).sqrt(), ((1 - self.c) / 2).sqrt()

    def _ridge_decays(self) -> tuple[float, float]:
        """epsilon (u^2 + v^2) = epsilon (1 + c) z^2 + epsilon (1 - c) w^2."""
        z, w = (1 - self.epsilon * (1 + sign * self.c) for sign in (1, -1))
        return float(z.lower()), float(w.lower())

    def lattice(self, steps: _Steps) -> arb:
        """The rule for u and v at once on the lattice (i h, j h).

        The density there is G_i G_j t^((i-j)^2) with G_i = exp(-(i h)^2/(2 + 2 c)) and t = exp(-c h^2/(2 - 2 c^2)):
        the double sum is one product of polynomials.

        The error of the sum over j at every real node u, and that of the sum over i of the exact inner integral at
        complex u, are both instances of the rule in one variable: the density at complex u or v has the modulus
        p(u, v) e^{y^2/(2 - 2 c^2)}, and int e^{epsilon v^2/2} p(u, v) dv is Gaussian in u again.
        """
        s, (decay, kappa) = self.variance, self._inner_average()
        h, n = arb(steps.h), steps.n
        gauss = [(-((k * h) ** 2) / (2 * (1 + self.c))).exp() for k in range(n + 1)]
        f, g = self._functions("ball")
        first = arb_poly([gauss[abs(i)] * f(self.s1 * (i * h)) for i in range(-n, n + 1)])
        second = arb_poly([gauss[abs(j)] * g(self.s2 * (j * h)) for j in range(n, -n - 1, -1)])
        product, rate = first * second, self.c * h * h / (2 * s)
        total = sum((product[2 * n + k] * (-rate * k * k).exp() for k in range(-2 * n, 2 * n + 1)), arb(0))
        # Sums over nodes of a Gaussian are below its integral plus h times its largest value.
        kappa = kappa + h / (2 * arb.pi() * s).sqrt()
        error = kappa * (3 * _rule_error(steps, decay, s) + 2 * _tail_mass(steps.reach, decay))
        return _widened(total * h * h / (2 * arb.pi() * s.sqrt()), self.bound * error)

    def _inner_average(self) -> tuple[float, arb]:
        """int e^{epsilon v^2/2} p(u, v) dv = kappa e^{epsilon' u^2/2} phi(u): (1 - epsilon - epsilon', kappa)."""
        left = 1 - self.epsilon * self.variance
        lost = self.epsilon * self.c * self.c / left
        return float((1 - self.epsilon - lost).lower()), 1 / left.sqrt()

    def ridge(self, z: _Steps, w: _Steps) -> arb:
        """The rule for z and w with u = a z + b w, v = a z - b w: as many nodes at c = 1 - 10^-12 as at c = 1/2.

        |u|^2 + |v|^2 = 2 a^2 z^2 + 2 b^2 w^2, so the weights of the envelopes separate as well.
        """
        (a, b), (ez, ew) = self._ridge_slopes(), self._ridge_decays()
        f, g = self._functions("ball")
        total = arb(0)
        across = [(j * arb(w.h), (-((j * arb(w.h)) ** 2) / 2).exp()) for j in range(-w.n, w.n + 1)]
        for i in range(-z.n, z.n + 1):
            along = i * arb(z.h)
            row = sum(
                (gauss * f(self.s1 * (a * along + b * t)) * g(self.s2 * (a * along - b * t)) for t, gauss in across),
                arb(0),
            )
            total += (-along * along / 2).exp() * row
        nodes = 1 / arb(ew).sqrt() + arb(w.h) / (2 * arb.pi()).sqrt()
        error = _rule_error(z, ez) * nodes + _rule_error(w, ew) / arb(ez).sqrt()
        error += _tail_mass(z.reach, ez) / arb(ew).sqrt() + _tail_mass(w.reach, ew) / arb(ez).sqrt()
        return _widened(total * arb(z.h) * arb(w.h) / (2 * arb.pi()), self.bound * error)

    def piecewise(self) -> arb:
        """Nested adaptive integrals from kink to kink; the inner one is a function of complex u."""
        s, (decay, kappa) = self.variance, self._inner_average()
        if not decay > _SLOWEST:
            raise NotCertified("the integrands grow about as fast as the Gaussian decays: no bound was found")
        reach = arb(math.sqrt(2 * self.target / decay)).max(arb(1))
        reach = reach.max(arb(max(self._kinks(), default=0.0)) + 1)
        tolerance = (_MARGIN - arb(self.target)).exp()
        inner = _cuts(self.g, self.s2, reach)

        def average(u: acb) -> acb:
            """int g(s2 v) exp(-(v - c u)^2/(2 s)) dv: as exact as the ball u deserves."""
            fuzz = tolerance + u.rad() / 8
            return sum(
                (
                    _integral(
                        lambda v, g=g: g(self.s2 * v) * (-((v - self.c * u) ** 2) / (2 * s)).exp(), lo, hi, fuzz
                    )
                    for lo, hi, g in inner
                ),
                acb(0),
            )

        total = arb(0)
        for lo, hi, f in _cuts(self.f, self.s1, reach):
            total += _integral(
                lambda u, f=f: f(self.s1 * u) * (-u * u / 2).exp() * average(u), lo, hi, tolerance
            ).real
        error = 2 * kappa * _tail_mass(reach, decay)
        return _widened(total / (2 * arb.pi() * s.sqrt()), self.bound * error)

    def _kinks(self) -> list[float]:
        sides = ((self.f, self.s1), (self.g, self.s2))
        return [abs(float(_number(h) / scale)) for pieces, scale in sides for h in pieces.breaks]

    def _functions(self, target: str) -> list[Callable]:
        return [emit(part.expressions[0], part.variable, target) for part in (self.f, self.g)]
