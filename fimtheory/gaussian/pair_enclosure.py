"""E f(U) g(V) with proven error bounds, by the cheapest of three rules.

*Lattice* and *ridge* are trapezoidal rules for functions that are analytic in a strip, in the variables (u, v) and in
(u + v, u - v); *panels* is a Gauss-Legendre rule on rectangles between the kinks.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sympy as sp
from flint import arb, arb_mat, arb_poly

from fimtheory.emission import emit
from fimtheory.errors import NotCertified
from fimtheory.gaussian.enclosure import (
    MARGIN,
    MOST_NODES,
    Envelope,
    Steps,
    box_supremum,
    enclose_expectation,
    number,
    precision,
    rule_error,
    tail_mass,
    widened,
)
from fimtheory.gaussian.pieces import Pieces

_SLOWEST = 0.05  # the least decay of a product that is summed
_MANY_NODES = 25_000
_THIN = 0.002  # a conditional variance below which panels would be too short
_MOST_RECTANGLES = 1_000_000
_RHO = 6.0  # the ellipses of the panels: foci at the ends, sum of the semi-axes rho times the half-width
_AXES = (_RHO + 1 / _RHO) / 2, (_RHO - 1 / _RHO) / 2
_DEEPEST = 40  # bisections of a panel
_MOST_PANELS = 4_000
_SLACK = 1.000001  # error bounds are products of few doubles: far more than their rounding


def enclose_pair(f: Pieces, g: Pieces, q1: sp.Expr, q2: sp.Expr, c: sp.Expr, digits: int) -> arb:
    """A ball that contains E f(U) g(V), Var U = q1, Var V = q2, correlation c in (-1, 1).

    Raises :class:`NotCertified` where no proof is found.
    """
    target = digits * math.log(10) + 2 * MARGIN
    if c.is_negative:
        g, c = g.mirrored(), -c
    with precision(target / math.log(2) + 40):
        if c.is_zero:
            return enclose_expectation(f, q1, digits + 2) * enclose_expectation(g, q2, digits + 2)
        pair = Pair.of(f, g, number(q1).sqrt(), number(q2).sqrt(), number(c), target)
        return pair.enclosure()


@dataclass(frozen=True)
class Pair:
    """E f(s1 U) g(s2 V) for standard U, V with correlation c in [0, 1)."""

    f: Pieces
    g: Pieces
    s1: arb
    s2: arb
    c: arb
    left: Envelope
    right: Envelope
    target: float

    @classmethod
    def of(cls, f: Pieces, g: Pieces, s1: arb, s2: arb, c: arb, target: float) -> Pair:
        left, right = Envelope.of(f, s1, target), Envelope.of(g, s2, target)
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
        """By the cheapest rule; the trapezoidal ones need many nodes for steep functions, panels near c = 1."""
        rules: list[tuple[int, Callable[[], arb]]] = []
        if lattice := self._lattice_steps():
            rules.append((lattice.n, functools.partial(self.lattice, lattice)))
        if ridge := self._ridge_steps():
            rules.append((ridge[0].n * ridge[1].n, functools.partial(self.ridge, *ridge)))
        nodes, rule = min(rules, key=lambda found: found[0], default=(0, self.panels))
        if nodes > _MANY_NODES and float(self.variance) > _THIN:
            with contextlib.suppress(NotCertified):
                return self.panels()
        if nodes > MOST_NODES:
            raise NotCertified("the expectation needs more nodes than are allowed")
        return rule()

    def _lattice_steps(self) -> Steps | None:
        decay, _ = self._inner_average()
        if not (self.strip and decay > _SLOWEST):
            return None
        steps = Steps.planned(self.strip, decay, self.target, float(self.variance))
        return steps if steps.reach < self.reach else None

    def _ridge_steps(self) -> tuple[Steps, Steps] | None:
        decays = self._ridge_decays()
        if not (self.strip and min(decays) > _SLOWEST):
            return None
        parts = self._ridge_slopes()
        z, w = (
            Steps.planned(self.strip / float(part), decay, self.target)
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

    def lattice(self, steps: Steps) -> arb:
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
        error = kappa * (3 * rule_error(steps, decay, s) + 2 * tail_mass(steps.reach, decay))
        return widened(total * h * h / (2 * arb.pi() * s.sqrt()), self.bound * error)

    def _inner_average(self) -> tuple[float, arb]:
        """int e^{epsilon v^2/2} p(u, v) dv = kappa e^{epsilon' u^2/2} phi(u): (1 - epsilon - epsilon', kappa)."""
        left = 1 - self.epsilon * self.variance
        lost = self.epsilon * self.c * self.c / left
        return float((1 - self.epsilon - lost).lower()), 1 / left.sqrt()

    def ridge(self, z: Steps, w: Steps) -> arb:
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
        error = rule_error(z, ez) * nodes + rule_error(w, ew) / arb(ez).sqrt()
        error += tail_mass(z.reach, ez) / arb(ew).sqrt() + tail_mass(w.reach, ew) / arb(ez).sqrt()
        return widened(total * arb(z.h) * arb(w.h) / (2 * arb.pi()), self.bound * error)

    def panels(self) -> arb:
        """A product of Gauss-Legendre rules on rectangles between the kinks.

        On a panel with centre U and half-width r, exp(c u v/s) with u = U + r t, v = V + r' t' is a product of
        factors in t, in t' and of exp(c r r' t t'/s), which is one matrix for all rectangles of a size: a rectangle
        costs two vectors and one bilinear form.
        """
        s, (decay, kappa) = self.variance, self._inner_average()
        if not decay > _SLOWEST:
            raise NotCertified("the integrands grow about as fast as the Gaussian decays: no bound was found")
        needed, sigma = self.target - MARGIN, math.sqrt(float(s))
        reach = arb(max(math.sqrt(2 * needed / decay), *(kink + 1 for kink in self._kinks()), 1.0))
        degree = math.ceil(needed / (2 * math.log(_RHO))) + 2
        left, right = (list(_panels(f, scale, reach, sigma)) for f, scale in ((self.f, self.s1), (self.g, self.s2)))
        if len(left) * len(right) > _MOST_RECTANGLES:
            raise NotCertified("the expectation needs more panels than are allowed")
        nodes = _legendre(degree, needed)
        sides = [[panel.values(nodes, s) for panel in panels] for panels in (left, right)]
        coupling = functools.cache(
            lambda r1, r2: arb_mat(
                [[(self.c * r1.half * r2.half / s * t * u).exp() for u, _ in nodes] for t, _ in nodes]
            )
        )
        total, error = arb(0), 0.0
        smallest = math.exp(-needed) / max(1, len(left) * len(right))
        for a, f in zip(left, sides[0], strict=True):
            for b, g in zip(right, sides[1], strict=True):
                most, rest = self._rectangle(a, b, degree)
                if most < smallest:
                    error += most
                    continue
                error += rest
                total += self._bilinear(a, b, f, g, nodes, coupling(a.size, b.size))
        error = arb(error * _SLACK) + 2 * kappa * tail_mass(reach, decay) * self.bound
        return widened(total / (2 * arb.pi() * s.sqrt()), error)

    def _bilinear(self, a: _Panel, b: _Panel, f: list[arb], g: list[arb], nodes: list, coupling: arb_mat) -> arb:
        """The rule on one rectangle, without the constant of the density."""
        rate = self.c / self.variance
        row = arb_mat([[v * (rate * a.half * t * b.middle).exp() for v, (t, _) in zip(f, nodes, strict=True)]])
        column = arb_mat([[v * (rate * b.half * t * a.middle).exp()] for v, (t, _) in zip(g, nodes, strict=True)])
        return (row * coupling * column)[0, 0] * (rate * a.middle * b.middle).exp()

    def _rectangle(self, a: _Panel, b: _Panel, degree: int) -> tuple[float, float]:
        """Bounds of the integral over a rectangle, and of the error of the rule there.

        A rule of n nodes errs by at most 64/15 M rho^(-2n)/(1 - rho^-2) on (-1, 1), M being the largest modulus on
        the ellipse: it is exact up to degree 2n - 1, the Chebyshev coefficients beyond are below 2 M rho^-k, the odd
        ones do not count, and integral and rule differ by at most 2 + 2/15 on each T_k.
        """
        area, size = 4 * a.radius * b.radius, a.size_on_ellipse * b.size_on_ellipse
        most = area * size * self._density(a, b, 1.0, 0.0)
        ellipses = self._density(a, b, *_AXES) + self._density(b, a, *_AXES)
        rule = 64 / 15 * _RHO ** (-2.0 * degree) / (1 - _RHO**-2) / 2
        return most * _SLACK, area * size * rule * ellipses * _SLACK

    def _density(self, a: _Panel, b: _Panel, along: float, across: float) -> float:
        """The largest modulus of the density, u in the ellipse with these semi-axes around a, v in b."""
        c, s = float(self.c), float(self.variance)
        reach = along * a.radius
        nearest = max(0.0, abs(float(a.middle)) - reach)
        offset = max(0.0, abs(float(b.middle) - c * float(a.middle)) - b.radius - c * reach)
        exponent = ((across * a.radius) ** 2 - offset**2) / (2 * s) - nearest**2 / 2
        return math.exp(min(exponent, 700.0)) / (2 * math.pi * math.sqrt(s))

    def _kinks(self) -> list[float]:
        sides = ((self.f, self.s1), (self.g, self.s2))
        return [abs(float(number(h) / scale)) for pieces, scale in sides for h in pieces.breaks]

    def _functions(self, target: str) -> list[Callable]:
        return [emit(part.expressions[0], part.variable, target) for part in (self.f, self.g)]


@dataclass(frozen=True)
class _Size:
    """The half-width that all panels cut from one piece by the same number of bisections share."""

    piece: int
    depth: int
    half: arb

    def __hash__(self) -> int:
        return hash((self.piece, self.depth))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Size) and (self.piece, self.depth) == (other.piece, other.depth)


@dataclass(frozen=True)
class _Panel:
    """A stretch of the line on whose ellipse |f(scale z)| <= size_on_ellipse."""

    size: _Size
    middle: arb
    scale: arb
    function: Callable
    size_on_ellipse: float

    @property
    def half(self) -> arb:
        return self.size.half

    @property
    def radius(self) -> float:
        return float(self.half)

    def values(self, nodes: list[tuple[arb, arb]], s: arb) -> list[arb]:
        """weight f(scale z) exp(-z^2/(2 s)) at the nodes."""
        points = [(self.middle + self.half * t, weight) for t, weight in nodes]
        return [self.half * w * self.function(self.scale * z) * (-z * z / (2 * s)).exp() for z, w in points]


def _panels(f: Pieces, scale: arb, reach: arb, sigma: float) -> Iterator[_Panel]:
    """Panels between the kinks, short beside sigma, bisected until f is analytic on their ellipses."""
    ends = [-reach, *(number(h) / scale for h in f.breaks), reach]
    for piece, (lo, hi, e) in enumerate(zip(ends, ends[1:], f.expressions, strict=False)):
        count = math.ceil(float((hi - lo) / 2) / min(1.2 * sigma, 0.75))
        function, value = emit(e, f.variable, "complex"), emit(e, f.variable, "ball")
        stack = [(lo + (hi - lo) * (2 * k + 1) / (2 * count), 0) for k in range(count)]
        found = 0
        while stack:
            middle, depth = stack.pop()
            size = _Size(piece, depth, (hi - lo) / (2 * count) / 2**depth)
            largest = _largest_on_ellipse(function, scale, float(middle), float(size.half))
            if largest is not None:
                yield _Panel(size, middle, scale, value, float(largest.upper()))
                found += 1
            elif depth < _DEEPEST and found + len(stack) < _MOST_PANELS:
                stack += [(middle - size.half / 2, depth + 1), (middle + size.half / 2, depth + 1)]
            else:
                raise NotCertified(f"{e} was not found to be analytic between its kinks")


def _largest_on_ellipse(function: Callable, scale: arb, middle: float, half: float) -> arb | None:
    """The largest modulus on a box around the ellipse; None where it is not found to be finite."""
    along, across = (axis * half * _SLACK for axis in _AXES)
    with precision(53):
        return box_supremum(function, scale, across, (middle - along, middle + along), 0.0, arb(0))


@functools.lru_cache(maxsize=32)
def _legendre(degree: int, nats: float) -> list[tuple[arb, arb]]:
    """Nodes and weights on (-1, 1), at the working precision that goes with the accuracy."""
    return [arb.legendre_p_root(degree, k, weight=True) for k in range(degree)]
