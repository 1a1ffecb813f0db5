"""The best activation that is monotone, saturates, is odd, or has a bounded slope: Pennington, Worah (2018), eq. 29.

The objective is scale-invariant and not convex: many starts on a coarse grid of slopes, the best of them on finer ones
(:mod:`fimtheory.theory.slope_problem`), and in the end a piecewise linear function in the same class to take away, whose
own value is reported. No theorem calls it global; the share of starts that reached it is reported too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise

import numpy as np
from mpmath import mp

from fimtheory.activations import Activation, activation
from fimtheory.errors import InputError, NotConverged
from fimtheory.latex import latex
from fimtheory.theory.optimal_activations import Objective, find_objective
from fimtheory.theory.slope_problem import Array, Cells, Constraints, Point, Problem, compiled, least_zeta

Progress = Callable[[int, int], None]

REACH = 8.0  # P(|Z| > 8) = 1e-15: what f does beyond cannot be seen in double precision
MAX_PIECES = 40
_COARSE, _FINEST = 32, 256  # cells of the first and of the last grid
_SETTLED = 1e-6  # a grid whose doubling changes the objective by less is fine enough
_SAME = 1e-5  # starts that end closer than this found the same value
_DECIMALS = 50  # of the constant that makes the mean zero: `equal` looks at 40


@dataclass(frozen=True)
class ConstrainedOptimum:
    """The best function found, as an activation, and what is known of its optimality.

    ``value`` is the objective at ``activation`` itself, a piecewise linear function in the class (``formula`` is its
    text); ``refinement`` has (number of cells, value) of grids of freely chosen slopes, ``limit`` extrapolates them.
    ``residual`` is the projected gradient of the objective on the pieces of ``activation``, ``grid_residual`` on the
    finest grid; ``reached`` of ``starts`` starts found the best value of the first grid, which no theorem calls global.
    ``unsettled`` warns that more eta' at the same eta and zeta would still improve the objective: f' runs from bound to
    bound, and only ever finer alternation attains the limit. Mirror images -f(-x) are as good.
    """

    objective: Objective
    constraints: Constraints
    activation: Activation
    formula: str
    value: float
    constants: tuple[float, float, float]
    limit: float
    limit_error: float
    residual: float
    grid_residual: float
    starts: int
    reached: int
    unsettled: bool
    refinement: tuple[tuple[int, float], ...]
    knots: Array = field(repr=False)
    slopes: Array = field(repr=False)

    @property
    def x(self) -> Array:
        """Abscissae for a plot: a little beyond the kinks."""
        return np.linspace(1.25 * self.knots[0], 1.25 * self.knots[-1], 501)

    @property
    def y(self) -> Array:
        """f there."""
        return np.asarray(self.activation(self.x))

    def __repr__(self) -> str:
        return (
            f"<{self.objective.name} {self.value:.6g}, {len(self.knots)} kinks ({self.constraints}): limit"
            f" {self.limit:.6g}, residual {self.residual:.0e}, {self.reached} of {self.starts} starts>"
        )

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {latex(self.objective.formula)} = {self.value:.6g}$"


def constrained_optimum(
    objective: str | Objective = "conditioning",
    saturation: float = 3.0,
    monotone: bool = True,
    odd: bool = False,
    lipschitz: float | None = None,
    pieces: int = 24,
    starts: int = 12,
    seed: int = 0,
    progress: Progress | None = None,
) -> ConstrainedOptimum:
    """The best activation of zero Gaussian mean that is constant for |x| >= S and meets the constraints asked for.

    *Source*: Pennington, Worah (2018), eq. 29. *Holds when* a minimiser exists: always for ``conditioning`` and
    ``bulk_condition``; for ``lambda_max_over_mean`` if some f of the class has zeta < eta/3, else the infimum is 2, the
    limit of steep f; ``gap`` is maximised and needs ``lipschitz``, since steep f tend to its supremum 2.
    ``starts`` starts, independent of each other and drawn from ``seed``, on 32 cells; the best go on to finer grids.
    The result is fitted again with ``pieces`` linear pieces. ``progress(done, total)`` is called on the way.
    Raises :class:`InputError` for an empty class or a bare infimum, :class:`NotConverged` where no fit meets the bound.

    >>> best = constrained_optimum(saturation=3, pieces=12, starts=4)
    >>> best.activation == activation(best.formula), 1 < best.limit < best.value < 1.3
    (True, True)
    """
    goal, constraints = find_objective(objective), Constraints(saturation, monotone, odd, lipschitz)
    for name, count, least, most in (("pieces", pieces, 8, MAX_PIECES), ("starts", starts, 2, 10_000)):
        if isinstance(count, bool) or not isinstance(count, int) or not least <= count <= most:
            raise InputError(f"{name} = {count!r} is not possible: give a whole number from {least} to {most}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed = {seed!r} is not possible: give a whole number, 0 or more")
    _require_optimum(goal, constraints)
    reach = min(constraints.saturation, REACH)
    report = progress or (lambda done, total: None)
    levels = int(np.log2(_FINEST // _COARSE))
    found = []
    problem = Problem(goal, constraints, Cells(np.linspace(-reach, reach, _COARSE + 1)))
    for index in range(starts):
        found.append(problem.solve(_start(problem, seed, index)))
        report(index + 1, starts + levels + 1)
    values = np.array([point.value for point in found])
    best, history = _refined(goal, constraints, _distinct(found), lambda k: report(starts + k, starts + levels + 1))
    result = _exported(goal, constraints, best, pieces)
    report(starts + levels + 1, starts + levels + 1)
    (_, before), (_, last) = history[-2:]
    return replace(
        result,
        limit=last + (last - before) / 3,
        limit_error=abs(last - before),
        grid_residual=best.residual,
        starts=starts,
        reached=int((values <= values.min() + _SAME).sum()),
        unsettled=_wants_slope(goal, best),
        refinement=history,
    )


def _require_optimum(goal: Objective, constraints: Constraints) -> None:
    """A slope without bound must not pay: compare with the limit of steep functions."""
    if constraints.lipschitz is not None or goal.name not in ("gap", "lambda_max_over_mean"):
        return
    remedy = "bound the slope, for instance lipschitz=3"
    if goal.name == "gap":
        raise InputError(f"the gap has no largest value here, only the supremum 2, the limit of steep f: {remedy}")
    saturation, monotone, odd = constraints.saturation, constraints.monotone, constraints.odd
    if least_zeta(saturation, monotone, odd) >= 1 / 3:
        from scipy.optimize import brentq

        enough = brentq(lambda s: least_zeta(s, monotone, odd) - 1 / 3, 0.01, 10)
        raise InputError(
            f"z_6/m_1 has no least value for saturation {saturation:g}, only the infimum 2, the limit of steep f:"
            f" {remedy}, or take a saturation above {enough:.4g}"
        )


def _start(problem: Problem, seed: int, index: int) -> Array:
    """The slope to start from: a clipped line or the best ramp first, then polynomials of random Hermite coefficients."""
    x = problem.cells.midpoints
    if index == 0:
        return np.where(np.abs(x) < 1, 1.0, 0.0) if problem.constraints.lipschitz is None else problem.best_ramp()
    draw = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(index,))))
    g = np.polynomial.hermite_e.hermeval(x, draw.normal(size=6) / np.sqrt([1, 1, 2, 6, 24, 120]))
    g = np.abs(g) if problem.constraints.monotone else g
    return g / np.sqrt(problem.cells.probability @ g**2)


def _distinct(found: list[Point], most: int = 3) -> list[Point]:
    """The best few of different value."""
    kept: list[Point] = []
    for point in sorted(found, key=lambda p: p.value):
        if len(kept) < most and all(point.value - other.value > _SAME for other in kept):
            kept.append(point)
    return kept


def _refined(
    goal: Objective, constraints: Constraints, points: list[Point], report: Callable[[int], None]
) -> tuple[Point, tuple[tuple[int, float], ...]]:
    """Halve the cells until the objective settles, from each point and then from the best; the history of values."""
    best = points[0]
    history = [(len(best.slope), goal.sign * best.value)]
    level = 0
    while history[-1][0] < _FINEST:
        before = best.value
        count = 2 * history[-1][0]
        edges = np.linspace(best.cells.edges[0], best.cells.edges[-1], count + 1)
        problem = Problem(goal, constraints, Cells(edges))
        starts = [np.repeat(point.slope, count // len(point.slope)) for point in points]
        if (
            constraints.lipschitz is not None
        ):  # slopes at their bounds move by less than a cell: look at all ramps again
            starts.append(problem.best_ramp())
        points = [problem.solve(start) for start in starts]
        best = min([*points, best], key=lambda p: p.value)
        points, level = [best], level + 1
        history.append((count, goal.sign * best.value))
        report(level)
        if abs(best.value - before) < _SETTLED * (1 + abs(before)):
            break
    return best, tuple(history)


def _wants_slope(goal: Objective, point: Point) -> bool:
    constants = point.cells.constants(point.slope)
    return compiled(goal)(*constants)[2] * constants[1] < -1e-6 * (1 + abs(point.value))


def _exported(goal: Objective, constraints: Constraints, fine: Point, pieces: int) -> ConstrainedOptimum:
    """A function of few pieces in the same class: kinks where the slope varies, slopes solved for once more."""
    fits = []
    for knots in _knots(fine, pieces, constraints):
        start = np.interp((knots[1:] + knots[:-1]) / 2, fine.cells.midpoints, fine.slope)
        fits.append(Problem(goal, constraints, Cells(knots)).solve(start))
    fit = min(fits, key=lambda point: point.value)
    knots, g = _merged(*_oriented(fit))
    constants = Cells(knots).constants(g)
    value = compiled(goal)(*constants)[0] * goal.sign
    if constraints.lipschitz is not None and np.abs(g).max() > constraints.lipschitz * np.sqrt(constants[0]):
        raise NotConverged(f"{pieces} pieces were fitted with slopes beyond their bound: take more pieces", value)
    text = _odd_formula(knots, g) if constraints.odd else _formula(knots, g)
    nothing = (np.nan, np.nan, fit.residual, np.nan, 0, 0, False, ())
    return ConstrainedOptimum(goal, constraints, activation(text), text, value, constants, *nothing, knots, g)


def _oriented(fit: Point) -> tuple[Array, Array]:
    """Knots and slopes, in decimals, at eta = 1: rising on the whole, and steeper on the right."""
    g, weights, knots = fit.slope, fit.cells.probability, fit.cells.edges
    g = np.round(g * np.sign(weights @ g or 1) / np.sqrt(fit.cells.constants(g)[0]), 8)
    return (-knots[::-1], g[::-1]) if g @ (weights * fit.cells.midpoints) < 0 else (knots, g)


def _knots(fine: Point, pieces: int, constraints: Constraints) -> list[Array]:
    """Edges of the pieces to try: those that share out (density g'^2)^(1/3), by which the error of a constant slope is
    least, equally; and those where the slope jumps, if that is seldom."""
    x, edges, g = fine.cells.midpoints, fine.cells.edges, fine.slope
    jumps = edges[1:-1][np.abs(np.diff(g)) > 1e-6 * np.abs(g).max()]
    density = np.cbrt(np.exp(-(x**2) / 2) * np.gradient(g, x) ** 2)
    density += 0.02 * density.max() + 1e-12
    if constraints.odd:
        density = (density + density[::-1]) / 2
    share = np.concatenate(([0.0], np.cumsum(density)))
    places = np.interp(
        np.linspace(0, share[-1], 2 * (pieces // 2) + 1 if constraints.odd else pieces + 1), share, edges
    )
    return [_rounded(e, edges[-1], constraints.odd) for e in (places, *([jumps] if len(jumps) < pieces else []))]


def _rounded(places: Array, end: float, odd: bool) -> Array:
    """Places in short decimals between the ends, symmetric with an even number of pieces where f is odd."""
    decimals = 4 - int(np.floor(np.log10(end)))
    last = np.floor(end * 10.0**decimals) / 10.0**decimals
    inside = np.unique(np.round(places, decimals))
    inside = inside[np.abs(inside) < last]
    if odd:
        right = inside[inside > 0]
        inside = np.concatenate((-right[::-1], [0.0], right))
    return np.concatenate(([-last], inside, [last]))


def _merged(knots: Array, g: Array) -> tuple[Array, Array]:
    """Neighbours of equal slope as one piece, flat ends left out."""
    runs = [list(run) for _, run in groupby(range(len(g)), key=lambda i: g[i])]
    while g[runs[0][0]] == 0:
        runs.pop(0)
    while g[runs[-1][0]] == 0:
        runs.pop()
    edges = [knots[run[0]] for run in runs] + [knots[runs[-1][-1] + 1]]
    return np.array(edges), np.array([g[run[0]] for run in runs])


def _formula(knots: Array, g: Array) -> str:
    """A sum of clips, minus its Gaussian mean to so many decimals that the package calls the difference zero."""
    terms = [
        f"{_decimal(s)}*clip(x, {_decimal(a)}, {_decimal(b)})"
        for s, (a, b) in zip(g, pairwise(knots), strict=True)
        if s
    ]
    with mp.workdps(80):
        upper = [mp.npdf(h) - h * mp.ncdf(-h) for h in map(mp.mpf, map(_decimal, knots))]
        lower = map(mp.mpf, map(_decimal, knots[:-1]))
        means = [h + left - right for h, (left, right) in zip(lower, pairwise(upper), strict=True)]
        mean = mp.fsum(mp.mpf(_decimal(s)) * m for s, m in zip(g, means, strict=True))
        units = -int(mp.nint(mean * 10**_DECIMALS))
    whole, part = divmod(abs(units), 10**_DECIMALS)
    return _joined([*terms, *([f"{'-' * (units < 0)}{whole}.{part:0{_DECIMALS}d}"] if units else [])])


def _odd_formula(knots: Array, g: Array) -> str:
    """Pairs of clips, whose Gaussian mean is zero by symmetry."""
    terms = []
    for s, (a, b) in zip(g, pairwise(knots), strict=True):
        a, b, s = map(_decimal, (a, b, s))
        if float(b) > 0 and float(s) != 0:
            terms.append(
                f"{s}*clip(x, -{b}, {b})" if float(a) < 0 else f"{s}*(clip(x, {a}, {b}) + clip(x, -{b}, -{a}))"
            )
    return _joined(terms)


def _joined(terms: list[str]) -> str:
    return " + ".join(terms).replace("+ -", "- ")


def _decimal(value: float) -> str:
    return np.format_float_positional(value, trim="-")
