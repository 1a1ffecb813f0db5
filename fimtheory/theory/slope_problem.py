"""Activations as slopes on a grid: eta, eta', zeta as forms, the constraints, and an objective's stationary points.

f saturates and has Gaussian mean zero, so that it is its slope g = f', and

    eta = Var f = int int g(s) g(t) (Phi(min(s, t)) - Phi(s) Phi(t)) ds dt,   eta' = E g^2,   sqrt(zeta) = E g.

With g constant on the cells of a grid these are two quadratic forms and a linear one, exact but for rounding; the first
costs no more than the others, since its kernel is a product off the diagonal. In the variables y = sqrt(P(cell)) g the
form of eta' is the identity and that of eta is compact, so that the number of iterations does not grow with the grid.
A bound on the slope reads |g| <= 1, L^2 eta >= 1, since the scale of f is free.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy as sp
from scipy.special import ndtr

from fimtheory.errors import InputError
from fimtheory.theory.optimal_activations import Objective, eta, eta_prime, zeta

Array = np.ndarray

LEAST_SATURATION = 1e-6
SLACK = 1e-7  # by which a slope stays below its bound, so that rounding it to decimals cannot lift it above
_NOTHING = 1e9  # the objective of f = 0
_ROUNDS = 20  # of the augmented Lagrangian
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
        if self.saturation < LEAST_SATURATION:
            raise InputError(
                f"saturation = {self.saturation:g}: so steep a function is a step, of conditioning 2, not to be told from"
                f" others in double precision; give {LEAST_SATURATION:g} or more"
            )
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
        self.evaluate = compiled(objective)
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
        return self.constraints.lipschitz * (1 - SLACK)

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
        value = self.lagrangian(y)[0] if excess >= -SLACK / 2 else np.inf
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
            if unmet < SLACK / 100:
                break
            penalty, previous = penalty * (4 if unmet > previous / 4 else 1), unmet
        return y, multiplier, excess

    def best_ramp(self) -> Array:
        """Of the slopes that are 1 on one interval (on two, if f is odd) and meet L^2 eta = 1, the best."""
        target = 1 / self._bound**2
        ramps = []
        for first in range(self.half if self.constraints.odd else 0, len(self.root)):
            last = bisect_left(
                range(first + 1, len(self.root) + 1), target, key=lambda end: self._variance(self._interval(first, end))
            )
            if first + 1 + last > len(self.root):
                break
            ramps.append(self._shortened(first, first + 1 + last, target))
        return min(ramps or [np.ones_like(self.root)], key=lambda g: self.lagrangian(self.variables(g))[0])

    def _interval(self, first: int, end: int) -> Array:
        g = np.zeros_like(self.root)
        g[first:end] = 1.0
        return np.maximum(g, g[::-1]) if self.constraints.odd else g

    def _shortened(self, first: int, end: int, target: float) -> Array:
        """The interval with a smaller slope on its last cell, so that eta is the target."""
        g, change = self._interval(first, end - 1), self._interval(end - 1, end)
        square, product = self._variance(change), float(change @ self.cells.covariance(g))
        missing = target - self._variance(g)
        return g + change * min((np.sqrt(product**2 + square * missing) - product) / square, 1.0)

    def _variance(self, g: Array) -> float:
        return float(g @ self.cells.covariance(g))

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
def compiled(objective: Objective) -> Callable[..., list[float]]:
    """The objective, to be minimised, and its partial derivatives in eta, eta', zeta, as a function of three floats."""
    symbols = (eta, eta_prime, zeta)
    formula = objective.sign * objective.formula
    return sp.lambdify(symbols, [formula, *(sp.diff(formula, s) for s in symbols)], "math", cse=True)
