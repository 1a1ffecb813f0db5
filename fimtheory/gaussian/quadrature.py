"""Numerical Gaussian expectations, independent of the cone calculus: the second route.

Two engines. *Digits*: any requested number of digits of E f(U) and E f(U) g(V) in multiple precision, by the
trapezoidal rule (smooth integrands) and double-exponential substitutions (from kink to kink), step halved until the
answer stands. *Arrays*: double precision, adaptive Gauss-Legendre panels cut at the kinks, relative accuracy 1e-12.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import sympy as sp
from flint import arb, arb_poly, ctx
from mpmath import mp

from fimtheory.emission import emit
from fimtheory.errors import DivergentExpectation, NotConverged
from fimtheory.gaussian.pieces import Pieces

_GUARD = 16  # decimals carried beyond those asked for
_FLOOR = 1e-12  # below this the digits are absolute: a zero has no significant digits
_LEVELS = 12
_NEARLY_ONE = 0.97  # beyond this correlation the bivariate density is too thin for a square lattice

# -- digits


def _significant(compute: Callable[[int], mp.mpf], digits: int) -> mp.mpf:
    """A value to ``digits`` significant digits, of a computation that is absolutely accurate below the floor.

    A tiny value is computed again with as many more decimals: if it shrinks with them, it is zero.
    """
    value = compute(digits)
    if value == 0 or abs(value) >= _FLOOR:
        return value
    finer = compute(digits + int(-mp.log10(abs(value))) + 2)
    return finer if abs(finer) > abs(value) / 10**6 else mp.mpf(0)


def expectation_digits(f: Pieces, q: sp.Expr, digits: int) -> mp.mpf:
    """E f(sqrt(q) Z) to ``digits`` significant digits.

    >>> x = sp.Symbol("x", real=True)
    >>> value = expectation_digits(Pieces(x, (), (sp.cos(x),)), sp.Integer(1), 30)
    >>> abs(value - mp.exp(mp.mpf(-1) / 2)) < 1e-16
    True
    """
    return _significant(lambda n: _expectation(f, q, n), digits)


def _expectation(f: Pieces, q: sp.Expr, digits: int) -> mp.mpf:
    with _precision(digits):
        parts, scale = _ball_pieces(f), _ball_number(q).sqrt()
        return _rounded(_halved(lambda level: _line(parts, scale, arb(0), level, digits), digits), digits)


def pair_digits(f: Pieces, g: Pieces, q1: sp.Expr, q2: sp.Expr, c: sp.Expr, digits: int) -> mp.mpf:
    """E f(U) g(V) with Var U = q1, Var V = q2, correlation c in (-1, 1), to ``digits`` significant digits."""
    return _significant(lambda n: _pair(f, g, q1, q2, c, n), digits)


def _pair(f: Pieces, g: Pieces, q1: sp.Expr, q2: sp.Expr, c: sp.Expr, digits: int) -> mp.mpf:
    with _precision(digits):
        s1, s2, rho = _ball_number(q1).sqrt(), _ball_number(q2).sqrt(), _ball_number(c)
        outer, inner = _ball_pieces(f), _ball_pieces(g)
        if len(outer) == len(inner) == 1 and abs(float(rho)) < _NEARLY_ONE:
            lattice = functools.partial(_lattice, outer[0][2], inner[0][2], s1, s2, rho, digits=digits)
            return _rounded(_halved(lattice, digits), digits)
        slope, across = rho * s2 / s1, s2 * (1 - rho * rho).sqrt()

        def total(level: int) -> arb:
            """The outer integrand is e(u) E[g(V) | U = u]."""
            weighted = [
                (lo, hi, lambda u, e=e: e(u) * _line(inner, across, slope * u, level, digits)) for lo, hi, e in outer
            ]
            return _line(weighted, s1, arb(0), level, digits)

        return _rounded(_halved(total, digits), digits)


def _lattice(f: Callable, g: Callable, s1: arb, s2: arb, c: arb, level: int, digits: int) -> arb:
    """Trapezoidal rule for both variables at once on the lattice (i h, j h).

    exp(c u v/(1 - c^2)) is r^(i j) there, so the inner sums are values of one polynomial: f and g are evaluated
    once a node, not once a pair.
    """
    step, variance = arb(1) / 2**level, 1 - c * c
    n = math.ceil(_reach(digits) * 2**level)
    gauss = [(-((k * step) ** 2) / (2 * variance)).exp() for k in range(n + 1)]
    inner = arb_poly([gauss[abs(j)] * g(s2 * (j * step)) for j in range(-n, n + 1)])
    ratio = (c * step * step / variance).exp()
    total = arb(0)
    for i in range(-n, n + 1):
        point = ratio**i
        total += gauss[abs(i)] * f(s1 * (i * step)) * inner(point) / point**n
    return total * step * step / (2 * arb.pi() * variance.sqrt())


def _reach(digits: int) -> float:
    """Where the Gaussian tail is below the working accuracy."""
    return math.sqrt(2 * math.log(10) * (digits + _GUARD)) + 1


def _line(parts: list, scale: arb, shift: arb, level: int, digits: int) -> arb:
    """E of a piecewise function of N(shift, scale^2), ``parts`` being (lo, hi, function), at step 2^-level."""
    total, reach = arb(0), _reach(digits)
    for lo, hi, e in parts:
        a, b = float((lo - shift) / scale), float((hi - shift) / scale)
        if b <= -reach or a >= reach:
            continue
        for v, weight in _nodes(lo if a > -reach else None, hi if b < reach else None, scale, shift, level, digits):
            z = (v - shift) / scale
            if abs(float(z)) > reach:  # beyond the tail, perhaps beyond the piece
                continue
            total += weight * (-z * z / 2).exp() * e(v)
    return total / (2 * arb.pi()).sqrt()


def _nodes(
    lo: arb | None, hi: arb | None, scale: arb, shift: arb, level: int, digits: int
) -> Iterator[tuple[arb, arb]]:
    """Nodes v on (lo, hi), None being infinity, with weights for z = (v - shift)/scale.

    A node near an end is that end plus a small distance: nothing is lost where the function is singular there.
    """
    if lo is not None and hi is not None:
        half = (hi - lo) / 2
        nodes = _tanh_sinh(level, digits)
        return ((hi - half * d if upper else lo + half * d, half / scale * w) for upper, d, w in nodes)
    if lo is not None:
        return ((lo + scale * d, w) for d, w in _half_line(level, digits))
    if hi is not None:
        return ((hi - scale * d, w) for d, w in _half_line(level, digits))
    step, n = arb(1) / 2**level, math.ceil(_reach(digits) * 2**level)
    return ((shift + scale * (k * step), step) for k in range(-n, n + 1))


def _depth(digits: int, factor: float) -> float:
    """Where a double exponential exp(-factor e^t) falls below the working accuracy."""
    return math.log(math.log(10) * (digits + _GUARD) / factor) + 0.5


@functools.lru_cache(maxsize=64)
def _tanh_sinh(level: int, digits: int) -> list[tuple[bool, arb, arb]]:
    """(upper half, distance from the nearer end of (-1, 1), weight)."""
    step, nodes = arb(1) / 2**level, []
    n = math.ceil(_depth(digits, math.pi / 2) * 2**level)
    for k in range(-n, n + 1):
        t = k * step
        u = arb.pi() / 2 * t.sinh()
        nodes.append((k > 0, 2 / (1 + (2 * abs(u)).exp()), step * arb.pi() / 2 * t.cosh() / u.cosh() ** 2))
    return nodes


@functools.lru_cache(maxsize=64)
def _half_line(level: int, digits: int) -> list[tuple[arb, arb]]:
    """(distance from 0, weight) of t -> exp(t - exp(-t)) on (0, oo)."""
    step, nodes = arb(1) / 2**level, []
    reach = math.log(2 * _reach(digits)) + 0.1
    for k in range(-math.ceil(_depth(digits, 1.0) * 2**level), math.ceil(reach * 2**level) + 1):
        t = k * step
        decay = (-t).exp()
        z = (t - decay).exp()
        nodes.append((z, step * z * (1 + decay)))
    return nodes


def _halved(rule: Callable[[int], arb], digits: int) -> arb:
    """Halve the step until the answer stands.

    Halving squares the error of these rules, so agreement to 60 % of the digits is accuracy to 120 % of them.
    """
    previous, current = None, arb(0)
    for level in range(1, _LEVELS):
        current = rule(level)
        if not current.is_finite():
            raise DivergentExpectation("the integrand of this Gaussian expectation is not finite on the real line")
        if previous is not None:
            size = max(_FLOOR, abs(float(current.mid())))
            if abs(float((current - previous).mid())) <= 10.0 ** -(0.6 * digits + 4) * size:
                return current
        previous = current
    raise NotConverged(f"the quadrature did not reach {digits} digits", float(current.mid()))


class _precision:
    """Working precision of flint and mpmath for a number of digits, restored afterwards."""

    def __init__(self, digits: int) -> None:
        self.bits = int((digits + 2 * _GUARD) * 3.33)

    def __enter__(self) -> None:
        self.saved = ctx.prec, mp.prec
        ctx.prec, mp.prec = self.bits, self.bits

    def __exit__(self, *exc) -> None:
        ctx.prec, mp.prec = self.saved


def _rounded(value: arb, digits: int) -> mp.mpf:
    return mp.mpf(value.mid().str(digits + _GUARD, radius=False))


def _ball_number(value: sp.Expr) -> arb:
    return emit(sp.sympify(value), [], "ball")()


def _ball_pieces(f: Pieces) -> list[tuple[arb, arb, Callable]]:
    ends = [arb("-inf"), *(_ball_number(h) for h in f.breaks), arb("+inf")]
    functions = [emit(with_numbers(e, int(ctx.dps)), f.variable, "ball") for e in f.expressions]
    return list(zip(ends, ends[1:], functions, strict=False))


def exact(value) -> sp.Expr:
    """A multiprecision number as a rational, so that nothing is lost on the way through SymPy."""
    if isinstance(value, mp.mpf):
        sign, mantissa, exponent, _ = value._mpf_
        return sp.Integer((-1) ** sign * int(mantissa)) * sp.Integer(2) ** int(exponent)
    return sp.sympify(value)


def with_numbers(e: sp.Expr, digits: int) -> sp.Expr:
    """An expression with the integrals in it that are constants replaced by their values to ``digits`` digits.

    A centred tanh-like activation, phi - E phi(Z), has such a constant in its formula.
    """
    constants = {n for n in sp.preorder_traversal(e) if hasattr(n, "digits") and not n.free_symbols}
    return e.xreplace({n: exact(n.digits(digits)) for n in constants})


# -- arrays

_REACH = 12.0
_ORDER = 20
_MOST_PANELS = 20_000


@functools.cache
def _legendre(order: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(order)


def _panel_sums(function: Callable, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """Gauss-Legendre sums of function(z) density(z) over many panels at once, shape (panels,)."""
    t, w = _legendre(_ORDER)
    half = (hi - lo)[:, None] / 2
    z = (hi + lo)[:, None] / 2 + half * t
    values = np.asarray(function(z.ravel()), dtype=float).reshape(z.shape)
    return (values * np.exp(-z * z / 2) * half * w).sum(axis=1) / math.sqrt(2 * math.pi)


def _adaptive(function: Callable, cuts: Sequence[float], rtol: float) -> float:
    """int function(z) density(z) dz: panels are halved until each agrees with its halves."""
    inside = sorted({h for h in cuts if -_REACH < h < _REACH} | {-_REACH, *np.arange(-11.0, 12.0), _REACH})
    lo, hi = np.array(inside[:-1]), np.array(inside[1:])
    whole, done = _panel_sums(function, lo, hi), 0.0
    scale = np.abs(whole).sum()
    for _ in range(50):
        middle = (lo + hi) / 2
        halves = _panel_sums(function, np.concatenate([lo, middle]), np.concatenate([middle, hi]))
        left, right = np.split(halves, 2)
        bad = np.abs(left + right - whole) > rtol * scale * 0.1
        done += (left + right)[~bad].sum()
        if not bad.any():
            return float(done)
        lo, hi = np.concatenate([lo[bad], middle[bad]]), np.concatenate([middle[bad], hi[bad]])
        whole = np.concatenate([left[bad], right[bad]])
        if lo.size > _MOST_PANELS:
            break
    raise NotConverged(f"the quadrature did not reach a relative accuracy of {rtol}", float(done + whole.sum()))


def expectation_float(f: Callable, q: float, breaks: Sequence[float] = (), rtol: float = 1e-13) -> float:
    """E f(sqrt(q) Z) in double precision for a vectorised f with kinks at ``breaks``.

    >>> round(expectation_float(np.abs, 1.0, breaks=[0.0]) * math.sqrt(math.pi / 2), 14)
    1.0
    """
    scale = math.sqrt(q)
    return _adaptive(lambda z: f(scale * z), [h / scale for h in breaks], rtol)


def pair_float(
    f: Callable,
    g: Callable,
    q1: float,
    q2: float,
    c: float,
    breaks_f: Sequence[float] = (),
    breaks_g: Sequence[float] = (),
    rtol: float = 1e-12,
) -> float:
    """E f(U) g(V) in double precision, Var U = q1, Var V = q2, correlation c in [-1, 1]."""
    s1, s2, sine = math.sqrt(q1), math.sqrt(q2), math.sqrt((1 - c) * (1 + c))
    cuts_f = [h / s1 for h in breaks_f]
    if sine == 0:
        return _adaptive(lambda z: f(s1 * z) * g(c * s2 * z), cuts_f + [c * h / s2 for h in breaks_g], rtol)
    cuts_g = np.array([h / s2 for h in breaks_g], dtype=float)

    def given(z: np.ndarray, panels: int) -> np.ndarray:
        """E[g(V) | U = s1 z]: panels of w cut where c z + sine w meets a kink; shape of z."""
        grid = np.broadcast_to(np.linspace(-_REACH, _REACH, panels + 1), (z.size, panels + 1))
        kinks = np.clip((cuts_g - c * z[:, None]) / sine, -_REACH, _REACH)
        edges = np.sort(np.concatenate([grid, kinks], axis=1), axis=1)
        t, weight = _legendre(_ORDER)
        half = np.diff(edges, axis=1)[..., None] / 2
        w = edges[:, :-1, None] + half * (1 + t)
        values = np.asarray(g(s2 * (c * z[:, None, None] + sine * w)), dtype=float)
        return (values * np.exp(-w * w / 2) * half * weight).sum(axis=(1, 2)) / math.sqrt(2 * math.pi)

    # A kink of g seen through the inner average is a layer of width sine / |c|: cut the outer panels there too.
    layers = [h / c + k * sine / c for h in cuts_g for k in (-8, -4, -2, 0, 2, 4, 8)] if c else []
    # A value far below the size of its factors, a zero above all, is accurate relative to 1 % of that size.
    second = (
        expectation_float(lambda u, h=h: h(u) ** 2, q, k, 1e-6) for h, q, k in ((f, q1, breaks_f), (g, q2, breaks_g))
    )
    size = math.sqrt(math.prod(second)) / 100
    previous = math.nan
    for panels in (12, 24, 48, 96, 192, 384, 768):
        rule = functools.partial(lambda z, panels: f(s1 * z) * given(z, panels), panels=panels)
        current = _adaptive(rule, [*cuts_f, *layers], rtol)
        if abs(current - previous) <= rtol * max(abs(current), size):
            return current
        previous = current
    raise NotConverged(f"the quadrature did not reach a relative accuracy of {rtol}", previous)
