"""Whether a function may be asked about at all: real, and square-integrable against the Gaussian.

The tests are numerical and made before any calculus: growth is judged far out in ball arithmetic (no overflow),
singularities where a denominator or a logarithm vanishes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import sympy as sp
from flint import arb, ctx
from mpmath import mp

from fimtheory.emission import emit
from fimtheory.errors import DivergentExpectation, InputError
from fimtheory.gaussian.field import sample_points
from fimtheory.gaussian.pieces import Pieces
from fimtheory.gaussian.quadrature import with_numbers

_FAR = 140
_MOST_ZEROS = 100
_GRID = np.linspace(-12, 12, 4801) + 1 / math.pi / 1000


def admissible(f: Pieces, label: str = "") -> Pieces:
    """f with integrable singularities added to its breaks; raises where f is not real or not square-integrable.

    Raises :class:`InputError` (not real, a pole) or :class:`DivergentExpectation` (growth).

    >>> x = sp.Symbol("x", real=True)
    >>> admissible(Pieces(x, (), (1 / x,)))
    Traceback (most recent call last):
    ...
    fimtheory.errors.DivergentExpectation: 1/x is not square-integrable: it has a singularity at x = 0 that is too strong
    """
    label = label or str(f.expression)
    sampled = _with_sample_parameters(f)
    _require_real_constants(label, sampled)
    inside = _singularities(sampled)
    for place in inside:
        _require_weak_singularity(label, sampled, place)
    _require_real(label, sampled, inside)
    _require_growth(label, sampled)
    return _with_breaks(f, [sp.nsimplify(place) for place in inside])


def split_at_singularities(f: Pieces) -> Pieces:
    """f (without parameters) with its weak or removable singularities, such as that of sin(x)/x, among its breaks."""
    return _with_breaks(f, [sp.nsimplify(place) for place in _singularities(f)])


def _singularities(f: Pieces) -> list[float]:
    singular = sorted({place for e in f.expressions for place in _singular_places(e, f.variable)}, key=abs)
    return [place for place in singular if _near_piece(f, place)]


def _with_sample_parameters(f: Pieces) -> Pieces:
    """Parameters replaced by generic values in their domains."""
    free = set().union(*(e.free_symbols for e in (*f.expressions, *f.breaks))) - {f.variable}
    (values,) = sample_points(free, count=1)
    expressions = tuple(with_numbers(e.subs(values), 30) for e in f.expressions)
    return Pieces(f.variable, tuple(h.subs(values) for h in f.breaks), expressions)


def _singular_places(e: sp.Expr, x: sp.Symbol) -> Iterator[float]:
    for node in sp.preorder_traversal(e):
        if isinstance(node, sp.Pow) and node.base.has(x) and (node.exp.is_negative or not node.exp.is_integer):
            yield from _real_zeros(node.base, x)
        elif isinstance(node, sp.log):
            yield from _real_zeros(node.args[0], x)
        elif isinstance(node, sp.tan):
            yield from _real_zeros(sp.cos(node.args[0]), x)


def _real_zeros(u: sp.Expr, x: sp.Symbol) -> list[float]:
    polynomial = u.as_poly(x)
    if polynomial is not None and (polynomial.domain.is_ZZ or polynomial.domain.is_QQ):
        return [float(root) for root in polynomial.real_roots()]
    function = emit(u, x)
    values = np.asarray(function(_GRID), dtype=float)
    changes = np.flatnonzero(np.sign(values[1:]) * np.sign(values[:-1]) < 0)
    if len(changes) > _MOST_ZEROS:
        raise InputError(f"{u} vanishes at more than {_MOST_ZEROS} places: a function may not be singular at so many")
    places = [_bisected(function, *map(float, _GRID[k : k + 2])) for k in changes]
    dips = (
        np.flatnonzero((np.abs(values[1:-1]) < np.abs(values[:-2])) & (np.abs(values[1:-1]) < np.abs(values[2:]))) + 1
    )
    places += [round(float(_GRID[k]), 6) for k in dips if abs(values[k]) < 1e-6]
    return [0.0 if abs(place) < 1e-12 else place for place in places]


def _bisected(function: Callable, lo: float, hi: float) -> float:
    """A zero between two points of opposite sign."""
    positive = float(function(hi)) > 0
    for _ in range(60):
        middle = (lo + hi) / 2
        lo, hi = (lo, middle) if (float(function(middle)) > 0) == positive else (middle, hi)
    return (lo + hi) / 2


def _near_piece(f: Pieces, place: float) -> bool:
    """Whether the singular expression is the one in force on a side of ``place``."""
    for lo, hi, e in f.intervals:
        if float(lo) <= place <= float(hi) and any(abs(place - s) < 1e-9 for s in _singular_places(e, f.variable)):
            return True
    return False


def _require_weak_singularity(label: str, sampled: Pieces, place: float) -> None:
    """|f| must stay below |x - place|^(-1/2)."""
    for lo, hi, e in sampled.intervals:
        for side in (-1, 1):
            probe = [place + side * 10.0**-k for k in (5, 8)]
            if not all(float(lo) < t < float(hi) for t in probe):
                continue
            near, nearer = (abs(e.subs(sampled.variable, sp.Rational(t)).evalf(30)._to_mpmath(100)) for t in probe)
            if nearer > near > 0 and mp.log10(nearer / near) / 3 > 0.49:
                raise DivergentExpectation(
                    f"{label} is not square-integrable: it has a singularity at {sampled.variable} = {place:.6g}"
                    " that is too strong"
                )


def _require_real_constants(label: str, sampled: Pieces) -> None:
    for e in (*sampled.breaks, *sampled.expressions):
        for node in sp.preorder_traversal(e):
            if node.is_number and node.is_real is False:
                raise InputError(f"{label} is not a real function: it contains {node}; check roots and logarithms")


def _require_real(label: str, sampled: Pieces, singular: list[float]) -> None:
    for lo, hi, e in sampled.intervals:
        if e.is_real:
            continue
        grid = _GRID[(float(lo) < _GRID) & (float(hi) > _GRID)]
        grid = grid[[all(abs(t - place) > 1e-3 for place in singular) for t in grid]] if singular else grid
        values = np.asarray(emit(e, sampled.variable)(grid), dtype=float) if grid.size else grid
        bad = grid[np.isnan(values)]
        if bad.size:
            raise InputError(
                f"{label} is not a real number at {sampled.variable} = {bad[0]:.4g}: write where(...) or abs"
            )


def _require_growth(label: str, sampled: Pieces) -> None:
    """f(x)^2 exp(-x^2/2) must fall faster than exp(-x^2/100) far out."""
    for e, side in ((sampled.expressions[0], -1), (sampled.expressions[-1], 1)):
        if _growth_rate(e, sampled.variable, side) > 0.245:
            raise DivergentExpectation(
                f"E f(Z)^2 diverges for f = {label}: it grows too fast; |f| must stay below exp(a x^2) with a < 1/4"
            )


def _growth_rate(e: sp.Expr, x: sp.Symbol, side: int) -> float:
    """log|f(x)|/x^2 far out on one side; infinite where it exceeds every range."""
    saved, ctx.prec = ctx.prec, 200
    try:
        size = emit(e, x, "ball")(arb(side * _FAR)).abs_upper() + arb(2) ** -(10**6)
        rate = float(size.log()) / _FAR**2 if size.is_finite() else math.inf
    finally:
        ctx.prec = saved
    return math.inf if math.isnan(rate) else rate


def _with_breaks(f: Pieces, places: list[sp.Expr]) -> Pieces:
    extra = [p for p in places if all(abs(float(p) - float(h)) > 1e-9 for h in f.breaks if not h.free_symbols)]
    if not extra or any(h.free_symbols for h in f.breaks):
        return f
    breaks = sorted([*f.breaks, *extra], key=float)
    expressions = []
    for lo in (-math.inf, *map(float, breaks)):
        expressions.append(f.expressions[sum(float(h) <= lo for h in f.breaks)])
    return Pieces(f.variable, tuple(breaks), tuple(expressions))
