r"""The moments of a layer whose activation has kinks, for two inputs that are close (c > 0.99).

With U = s (a z + b w), V = s (a z - b w), s^2 = q_1, b^2 = (1 - c)/2, a^2 + b^2 = 1, the difference phi(U) - phi(V) is
small with b, and nothing is lost: Gauss-Legendre panels in z and w, cut where U or V passes a kink, and in w where two
such lines cross. In between all is analytic, and the order grows until the sums stand.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import sympy as sp
from flint import arb, ctx
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.emission import emit, stable
from fimtheory.gaussian.enclosure import precision
from fimtheory.gaussian.pieces import pieces
from fimtheory.gaussian.quadrature import with_numbers
from fimtheory.theory.layer_point import BITS, GUARD, Moments, Point, Unresolved, Way, ball, rounded

_ORDERS = (12, 18, 27, 40, 60, 90)
_PANELS = 4  # on (0, reach)

OneInput = Callable[[mp.mpf, int], tuple[mp.mpf, mp.mpf, mp.mpf]]
Function = Callable[[arb], arb]


class KinkedMap(Way):
    """Panels between kinks; what one input is enough for (second moment, slope, elasticity) comes from elsewhere."""

    def __init__(self, phi: Activation, one_input: OneInput) -> None:
        split = pieces(phi.expression, phi.variable)
        self._variable, self._breaks, self._one_input = phi.variable, split.breaks, one_input
        self._formulas = [(stable(e), stable(sp.diff(e, phi.variable))) for e in split.expressions]
        self._emitted = functools.lru_cache(maxsize=8)(self._functions)
        self._enough: dict[tuple[int, int, int], int] = {}  # the order, by digits and the size of variance and gap

    def at(self, point: Point, digits: int) -> Moments:
        if point.gap == 0 or 100 * point.gap >= point.q1:
            raise Unresolved
        second, slope, elasticity = self._one_input(point.q1, digits + GUARD)
        left, dual_slope = self._standing(point, digits)
        return Moments(second, second - left, left, slope, dual_slope, elasticity)

    def _standing(self, point: Point, digits: int) -> tuple[mp.mpf, mp.mpf]:
        """Half of E (phi(U) - phi(V))^2 and E phi'(U) phi'(V): half as high an order again, 1.5 times the digits."""
        kind = digits, math.ceil(mp.log(point.q1, 2)), point.loss
        with precision((digits + 2 * GUARD + point.loss) * BITS):
            tolerance, previous = arb(10) ** -(3 * digits // 4 + 1), None
            for order in _ORDERS:
                if order < self._enough.get(kind, 0):
                    continue
                current = self._sums(point, digits, order)
                agree = previous and all(abs(a - b) < tolerance * b for a, b in zip(previous, current, strict=True))
                if agree or order == self._enough.get(kind):
                    self._enough[kind] = order
                    return rounded(current[0]), rounded(current[1])
                previous = current
        raise Unresolved

    def _functions(self, digits: int) -> list[tuple[Function, Function]]:
        """phi and phi' on every piece."""
        return [
            (
                emit(with_numbers(f, digits), self._variable, "ball"),
                emit(with_numbers(g, digits), self._variable, "ball"),
            )
            for f, g in self._formulas
        ]

    def _sums(self, point: Point, digits: int, order: int) -> tuple[arb, arb]:
        """Both expectations at one order; w and -w give the same."""
        q1, half = ball(point.q1), ball(point.gap) / ball(point.q1) / 2
        s, along, across = q1.sqrt(), (1 - half).sqrt(), half.sqrt()
        kinks = [emit(h, (), "ball")() / s for h in self._breaks]
        functions = self._emitted(digits + 2 * GUARD + point.loss)
        reach = math.ceil(math.sqrt(2 * math.log(10) * (digits + GUARD)))
        grid = [arb(reach * k) / _PANELS for k in range(-_PANELS, _PANELS + 1)]
        crossings = [(h - k) / (2 * across) for h in kinks for k in kinks if h > k]
        left = slopes = arb(0)
        for w, outer in _nodes(grid[_PANELS:], crossings, order):
            shift = across * w
            cuts = [(h + sign * shift) / along for h in kinks for sign in (-1, 1)]
            for lo, hi in _panels(grid, cuts):
                middle = along * (lo + hi) / 2
                f, df = functions[sum(bool(middle + shift > h) for h in kinks)]
                g, dg = functions[sum(bool(middle - shift > h) for h in kinks)]
                for z, inner in _between(lo, hi, order):
                    u, v = s * (along * z + shift), s * (along * z - shift)
                    weight, difference = outer * inner, f(u) - g(v)
                    left += (weight * difference * difference).mid()
                    slopes += (weight * df(u) * dg(v)).mid()
        return left.mid(), (2 * slopes).mid()


def _panels(grid: Sequence[arb], cuts: Sequence[arb]) -> Iterator[tuple[arb, arb]]:
    """Neighbouring ends, those of the grid and what is cut between them."""
    ends = sorted([*grid, *(c.mid() for c in cuts if grid[0] < c < grid[-1])], key=functools.cmp_to_key(_order))
    return itertools.pairwise(ends)


def _order(a: arb, b: arb) -> int:
    return -1 if a < b else int(a > b)


def _nodes(grid: Sequence[arb], cuts: Sequence[arb], order: int) -> Iterator[tuple[arb, arb]]:
    """Nodes and Gaussian weights on all panels."""
    return (node for lo, hi in _panels(grid, cuts) for node in _between(lo, hi, order))


def _between(lo: arb, hi: arb, order: int) -> Iterator[tuple[arb, arb]]:
    """Nodes of one panel, with weights against the standard normal density."""
    middle, half = (lo + hi) / 2, (hi - lo) / 2
    scale = half / (2 * arb.pi()).sqrt()
    for node, weight in _legendre(order, ctx.prec):
        z = (middle + half * node).mid()
        yield z, (scale * weight * (-z * z / 2).exp()).mid()


@functools.lru_cache(maxsize=64)
def _legendre(order: int, bits: int) -> list[tuple[arb, arb]]:
    """Nodes and weights of Gauss and Legendre on (-1, 1), at the working precision."""
    pairs = (arb.legendre_p_root(order, k, weight=True) for k in range(order))
    return [(node.mid(), weight.mid()) for node, weight in pairs]
