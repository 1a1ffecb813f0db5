"""The best activation that is monotone, saturates, is odd, or has a bounded slope: Pennington, Worah (2018), eq. 29.

f is constant for |x| >= S and has Gaussian mean zero, so that it is its slope g = f' on [-S, S], and

    eta = Var f = int int g(s) g(t) (Phi(min(s, t)) - Phi(s) Phi(t)) ds dt,   eta' = E g^2,   sqrt(zeta) = E g.

With g constant on the cells of a grid these are two quadratic forms and a linear one, exact but for rounding; the first
costs no more than the others, since its kernel is a product off the diagonal. In the variables y = sqrt(P(cell)) g the
form of eta' is the identity and that of eta is compact, so that the number of iterations does not grow with the grid.
The objective is scale-invariant and not convex: many starts on a coarse grid, the best of them on finer ones.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise

import numpy as np
import sympy as sp
from mpmath import mp
from scipy.special import ndtr

from fimtheory.activations import Activation, activation
from fimtheory.errors import InputError, NotConverged
from fimtheory.theory.optimal_activations import Objective, eta, eta_prime, find_objective, zeta

Array = np.ndarray
Progress = Callable[[int, int], None]

REACH = 8.0  # P(|Z| > 8) = 1e-15: what f does beyond cannot be seen in double precision
MAX_PIECES = 40
_COARSE, _FINEST = 32, 256  # cells of the first and of the last grid
_SETTLED = 1e-6  # a grid whose doubling changes the objective by less is fine enough
_SAME = 1e-5  # starts that end closer than this found the same value
_SLACK = 1e-7  # by which a slope stays below its bound, so that rounding it to decimals cannot lift it above
_NOTHING = 1e9  # the objective of f = 0
_ROUNDS = 20  # of the augmented Lagrangian
_DECIMALS = 50  # of the constant that makes the mean zero: `equal` looks at 40
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


# -- eta, eta' and zeta of a slope that is constant on cells


class Cells:
    """A grid of cells, and the forms eta, eta', sqrt(zeta) of slopes of shape ``(number of cells,)``.

    >>> cells = Cells(np.array([-1.0, 0.0, 1.0]))  # f is clip(x, -1, 1)
    >>> [round(float(value), 12) for value in cells.constants(np.ones(2))]
    [0.516058550962, 0.682689492137, 0.466064942674]
    """

    def __init__(self, edges: Array) -> None:
        self.edges = edges
        half = np.diff(edges)[:, None] / 2
        points, weights = edges[:-1, None] + half * (1 + _NODES), half * _WEIGHTS
        self.probability = (weights * np.exp(-(points**2) / 2)).sum(1) / np.sqrt(2 * np.pi)
        self._below, self._above = (weights * ndtr(points)).sum(1), (weights * ndtr(-points)).sum(1)
        # s < t in one cell: t = s + (end - s) v
        rest = edges[1:, None] - points
        inner = ndtr(-(points[:, :, None] + rest[:, :, None] * (1 + _NODES) / 2)) @ _WEIGHTS * rest / 2
        self._within = 2 * (weights * ndtr(points) * inner).sum(1)

    @property
    def midpoints(self) -> Array:
        """The middles of the cells."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    def covariance(self, g: Array) -> Array:
        """K g, with eta = g'K g, in linear time."""
        below, above = self._below * g, self._above * g
        left = np.concatenate(([0.0], np.cumsum(below)[:-1]))
        right = np.concatenate((np.cumsum(above[::-1])[::-1][1:], [0.0]))
        return self._within * g + self._above * left + self._below * right

    def constants(self, g: Array) -> tuple[float, float, float]:
        """eta, eta', zeta."""
        return float(g @ self.covariance(g)), float(self.probability @ g**2), float(self.probability @ g) ** 2


def saturated_variance(saturation: float) -> float:
    """The variance of clip(Z, -S, S), the largest of any f that saturates at S and has |f'| <= 1.

    Formula: 1 - 2 S phi(S) + 2 (S^2 - 1) Phi(-S). So a bound L on |f'|/sqrt(eta) can be met if and only if
    L^2 times this is 1 or more; the kernel of eta is positive, and slopes of one sign add up best.

    >>> round(saturated_variance(1.0), 12), round(saturated_variance(1000.0), 12)
    (0.516058550962, 1.0)
    """
    density = np.exp(-(saturation**2) / 2) / np.sqrt(2 * np.pi)
    if saturation < 0.1:  # 1 - (1 - ...) would cancel
        return float(np.ones(2) @ Cells(np.array([-saturation, 0, saturation])).covariance(np.ones(2)))
    return float(1 - 2 * saturation * density + 2 * (saturation**2 - 1) * ndtr(-saturation))


def least_zeta(saturation: float, monotone: bool, odd: bool) -> float:
    """The infimum of zeta/eta over the functions that saturate at S.

    Formula: 0 unless f is monotone; then phi(S)^2/(Phi(S) Phi(-S)), a step at S, or for odd f the smaller of 2/pi, a
    step at 0, and 2 phi(S)^2/Phi(-S), two steps: eta is convex in a slope of given mean and largest at a vertex.

    >>> round(least_zeta(0.001, True, False), 5), least_zeta(1, False, True)
    (0.63662, 0.0)
    """
    if not monotone:
        return 0.0
    density = np.exp(-(saturation**2) / 2) / np.sqrt(2 * np.pi)
    tail = ndtr(-saturation)
    return float(min(2 / np.pi, 2 * density**2 / tail) if odd else density**2 / (tail * ndtr(saturation)))


# -- the class of functions and its problem on a grid


@dataclass(frozen=True)
class Constraints:
    """What f has to be: constant for |x| >= ``saturation``; monotone, odd, |f'| <= ``lipschitz`` sqrt(eta).

    Raises :class:`InputError` where no function is left.
    """

    saturation: float
    monotone: bool = True
    odd: bool = False
    lipschitz: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "saturation", _positive("saturation", self.saturation))
        if self.lipschitz is None:
            return
        object.__setattr__(self, "lipschitz", _positive("lipschitz", self.lipschitz))
        least = saturated_variance(self.saturation) ** -0.5
        if self.lipschitz < least * (1 + 1e-5):
            raise InputError(
                f"lipschitz = {self.lipschitz:g}: a function that saturates at {self.saturation:g} has slopes up to"
                f" {least:.7g} sqrt(eta) at least, clip(x, -{self.saturation:g}, {self.saturation:g}) alone no more;"
                " give a larger bound"
            )

    def __str__(self) -> str:
        words = [word for word, on in (("monotone", self.monotone), ("odd", self.odd)) if on]
        bound = [f"|f'| <= {self.lipschitz:g} sqrt(eta)"] if self.lipschitz is not None else []
        return ", ".join([*words, f"constant for |x| >= {self.saturation:g}", *bound])


def _positive(name: str, value) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} = {value!r} is not a number: write for instance {name}=3") from None
    if isinstance(value, bool) or not 0 < number < np.inf:
        raise InputError(f"{name} = {value} is not possible: give a positive number, for instance {name}=3")
    return number


@dataclass(frozen=True)
class Point:
    """A slope on a grid, the objective there, and how far it is from stationary."""

    cells: Cells
    slope: Array
    value: float
    residual: float


class Problem:
    """An objective and constraints on a grid; the variables are y = sqrt(P(cell)) g, of the right half if f is odd."""

    def __init__(self, objective: Objective, constraints: Constraints, cells: Cells) -> None:
        self.objective, self.constraints, self.cells = objective, constraints, cells
        self.root = np.sqrt(cells.probability)
        self.evaluate = _compiled(objective)
        self.half = len(self.root) // 2
        free = self.root[self.half :] if constraints.odd else self.root
        bounded = constraints.lipschitz is not None
        upper = free if bounded else np.full(len(free), np.inf)
        self.bounds = (np.zeros(len(free)) if constraints.monotone else -upper, upper)

    def slope(self, y: Array) -> Array:
        """g on all cells."""
        return self._unfolded(y) / self.root

    def variables(self, g: Array) -> Array:
        """y of a slope, odd part and bounds enforced."""
        y = g * self.root
        if self.constraints.odd:
            y = (y + y[::-1])[self.half :] / 2
        if self.constraints.lipschitz is None:
            y = y / max(np.linalg.norm(y), 1e-300)
        return np.clip(y, *self.bounds)

    def _unfolded(self, y: Array) -> Array:
        return np.concatenate((y[::-1], y)) if self.constraints.odd else y

    def _folded(self, gradient: Array) -> Array:
        return gradient[self.half :] + gradient[: self.half][::-1] if self.constraints.odd else gradient

    def forms(self, y: Array) -> tuple[tuple[float, float, float], tuple[Array, Array, Array]]:
        """eta, eta', zeta and their gradients in y."""
        whole = self._unfolded(y)
        image = self.cells.covariance(whole / self.root) / self.root
        mean = float(self.root @ whole)
        gradients = (2 * image, 2 * whole, 2 * mean * self.root)
        first, second, third = map(self._folded, gradients)
        variance = float(whole @ image)
        # Of an almost linear f, rounding must not make z_1 = eta - zeta vanish.
        return (variance, float(whole @ whole), min(mean**2, variance * (1 - 1e-12))), (first, second, third)

    def lagrangian(self, y: Array, multiplier: float = 0.0, penalty: float = 0.0) -> tuple[float, Array]:
        """Objective (to be minimised), augmented by the constraint L^2 eta >= 1 of the bounded variables."""
        constants, gradients = self.forms(y)
        if constants[0] <= 0:  # all slopes at their bound 0: a line search that went too far
            return _NOTHING, np.zeros_like(y)
        value, *partials = self.evaluate(*constants)
        gradient = sum(p * g for p, g in zip(partials, gradients, strict=True))
        if penalty:
            short = multiplier - penalty * self.excess(constants[0])
            if short > 0:
                value += short**2 / (2 * penalty)
                gradient = gradient - short * self._bound**2 * gradients[0]
        return value, np.asarray(gradient)

    @property
    def _bound(self) -> float:
        assert self.constraints.lipschitz is not None
        return self.constraints.lipschitz * (1 - _SLACK)

    def excess(self, variance: float) -> float:
        """L^2 eta - 1, not negative where the slopes (of size 1 at most) meet their bound."""
        return self._bound**2 * variance - 1

    def residual(self, y: Array, multiplier: float = 0.0) -> float:
        """The projected gradient of the Lagrangian, times |y|: of a scale-invariant objective a pure number."""
        _, gradient = self.lagrangian(y)
        size = np.linalg.norm(y)
        if multiplier:
            gradient = gradient - multiplier * self._bound**2 * self.forms(y)[1][0]
        step = y - np.clip(y - gradient * size**2, *self.bounds)
        return float(np.linalg.norm(step) / size)

    def solve(self, g: Array, iterations: int = 2000) -> Point:
        """A stationary point from a start, by L-BFGS-B, within an augmented Lagrangian if slopes are bounded.

        Where the bound is not met after all, the value is infinite.
        """
        y, multiplier, excess = self.variables(g), 0.0, 0.0
        if self.constraints.lipschitz is None:
            y = self._descend(y, 0.0, 0.0, iterations)
        else:
            y, multiplier, excess = self._constrained(y, iterations)
        value = self.lagrangian(y)[0] if excess >= -_SLACK / 2 else np.inf
        return Point(self.cells, self.slope(y), value, self.residual(y, multiplier))

    def _constrained(self, y: Array, iterations: int) -> tuple[Array, float, float]:
        """y, the multiplier, and what is left of the bound: negative where it is exceeded."""
        multiplier, penalty, previous = 0.0, 10.0, np.inf
        excess = self.excess(self.forms(y)[0][0])
        for _ in range(_ROUNDS):
            y = self._descend(y, multiplier, penalty, iterations)
            excess = self.excess(self.forms(y)[0][0])
            multiplier = max(multiplier - penalty * excess, 0.0)
            unmet = abs(min(excess, multiplier / penalty))
            if unmet < _SLACK / 100:
                break
            penalty, previous = penalty * (4 if unmet > previous / 4 else 1), unmet
        return y, multiplier, excess

    def _descend(self, y: Array, multiplier: float, penalty: float, iterations: int) -> Array:
        from scipy.optimize import minimize

        found = minimize(
            self.lagrangian,
            y,
            args=(multiplier, penalty),
            jac=True,
            method="L-BFGS-B",
            bounds=np.column_stack(self.bounds),
            options={"maxiter": iterations, "maxfun": 2 * iterations, "ftol": 1e-16, "gtol": 1e-10, "maxcor": 20},
        )
        return found.x


@functools.cache
def _compiled(objective: Objective) -> Callable[..., list[float]]:
    """The objective, to be minimised, and its partial derivatives in eta, eta', zeta, as a function of three floats."""
    symbols = (eta, eta_prime, zeta)
    formula = objective.sign * objective.formula
    return sp.lambdify(symbols, [formula, *(sp.diff(formula, s) for s in symbols)], "math", cse=True)


# -- many starts, finer grids, and a function to take away


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
        from fimtheory.latex import latex

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
    for name, count, most in (("pieces", pieces, MAX_PIECES), ("starts", starts, 10_000)):
        if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= most:
            raise InputError(f"{name} = {count!r} is not possible: give a whole number from 2 to {most}")
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
    """The slope to start from: of a clipped line first, then polynomials of random Hermite coefficients."""
    x = problem.cells.midpoints
    if index == 0:
        return np.where(np.abs(x) < 1, 1.0, 0.0)
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
    while len(best.slope) < _FINEST:
        before = best.value
        edges = np.linspace(best.cells.edges[0], best.cells.edges[-1], 2 * len(best.slope) + 1)
        problem = Problem(goal, constraints, Cells(edges))
        points = [problem.solve(np.repeat(point.slope, 2)) for point in points]
        best = min(points, key=lambda p: p.value)
        points, level = [best], level + 1
        history.append((len(best.slope), goal.sign * best.value))
        report(level)
        if abs(best.value - before) < _SETTLED * (1 + abs(before)):
            break
    return best, tuple(history)


def _wants_slope(goal: Objective, point: Point) -> bool:
    constants = point.cells.constants(point.slope)
    return _compiled(goal)(*constants)[2] * constants[1] < -1e-6 * (1 + abs(point.value))


def _exported(goal: Objective, constraints: Constraints, fine: Point, pieces: int) -> ConstrainedOptimum:
    """A function of few pieces in the same class: kinks where the slope varies, slopes solved for once more."""
    knots = _knots(fine, pieces, constraints)
    start = np.interp((knots[1:] + knots[:-1]) / 2, fine.cells.midpoints, fine.slope)
    fit = Problem(goal, constraints, Cells(knots)).solve(start)
    knots, g = _merged(*_oriented(fit))
    constants = Cells(knots).constants(g)
    value = _compiled(goal)(*constants)[0] * goal.sign
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


def _knots(fine: Point, pieces: int, constraints: Constraints) -> Array:
    """Edges of the pieces: the error of a constant slope is least where (density g'^2)^(1/3) is shared out equally."""
    x, edges = fine.cells.midpoints, fine.cells.edges
    g = fine.slope
    density = np.cbrt(np.exp(-(x**2) / 2) * np.gradient(g, x) ** 2)
    density += 0.02 * density.max() + 1e-12
    if constraints.odd:
        density = (density + density[::-1]) / 2
    share = np.concatenate(([0.0], np.cumsum(density)))
    places = np.interp(
        np.linspace(0, share[-1], 2 * (pieces // 2) + 1 if constraints.odd else pieces + 1), share, edges
    )
    decimals = max(4 - int(np.floor(np.log10(edges[-1]))), 1)
    rounded = np.unique(np.round(np.clip(places, edges[0], edges[-1]), decimals))
    if constraints.odd:
        right = rounded[rounded > 0]
        rounded = np.concatenate((-right[::-1], [0.0], right))
    inside = rounded[np.abs(rounded) < edges[-1] * (1 - 1e-9)]
    end = np.floor(edges[-1] * 10.0**decimals) / 10.0**decimals
    return np.concatenate(([-end], inside[np.abs(inside) < end], [end]))


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
