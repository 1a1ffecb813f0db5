r"""One hidden unit seen by many inputs: what averages over two and four of them the unit gives.

All inputs of the theory have the same variance q_1 and any two of them the same covariance q_2, so the pre-activations
of one unit are u(n) = sqrt(q_1 - q_2) x(n) + sqrt(q_2) y: a part of its own for every input, and one that all inputs
share. Given y the inputs are independent, and an average over any number of them is one integral over y of products of
*conditional moments*, averages over x. Double precision; the digits are those that two quadratures agree on.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fimtheory.activations import Activation
from fimtheory.errors import NotConverged, OutsideAssumptions
from fimtheory.theory.gaussian_panels import edges, rule

Pattern = tuple[int, ...]

# Which of four inputs (n, m, n', m') coincide: equal numbers stand for equal inputs, new ones in order of appearance.
PATTERNS: tuple[Pattern, ...] = tuple(
    p for p in itertools.product(range(4), repeat=4) if all(k <= max(p[:i], default=-1) + 1 for i, k in enumerate(p))
)

# (width, reach) of panels, finer and finer; the reach grows too, so that a heavy tail is noticed.
_PANELS = ((1.0, 10.0), (0.5, 11.0), (0.25, 12.0))
_AGREEMENT, _SMALL = 1e-10, 1e-6  # relative, or to the smaller size where a value is next to nothing
_ALIKE = 1e-10  # relative to q_1: two inputs closer than this are one
_ROWS = 200  # values of y at a time, which bounds the memory


def pattern_count(pattern: Pattern, samples: int) -> int:
    """How many (n, m, n', m') of ``samples`` inputs coincide in this pattern.

    >>> sum(pattern_count(p, 10) for p in PATTERNS)
    10000
    """
    return math.perm(samples, max(pattern) + 1)


def like(*inputs: int) -> Pattern:
    """The pattern in which some inputs coincide, whatever they are called.

    >>> like(7, 3, 7, 1)
    (0, 1, 0, 2)
    """
    names = {n: k for k, n in enumerate(dict.fromkeys(inputs))}
    return tuple(names[n] for n in inputs)


@dataclass(frozen=True)
class ExchangeableLayer:
    """Averages over one hidden unit, for an activation at the variance q_1 and covariance q_2 of its layer.

    ``slopes`` has E prod_i phi'(u(n_i)) by how often each input occurs: (2, 1, 1) for two equal inputs among four.
    ``private`` is the 2 x 2 matrix E_y Cov(f, g | y)^2 for f, g in (phi, phi'): what the product f(u(n)) g(u(m)) of two
    inputs has in common with no product in which one of them is replaced. ``bend`` is E phi''(u(n)) phi''(u(m)).
    """

    slopes: dict[tuple[int, ...], float]
    private: np.ndarray
    bend: float

    def slope_average(self, pattern: Pattern) -> float:
        """E prod_i phi'(u(n_i)) over inputs that coincide as the pattern says."""
        return self.slopes[tuple(sorted(Counter(pattern).values(), reverse=True))]


@functools.lru_cache(maxsize=256)
def exchangeable_layer(phi: Activation, q1: float, q2: float) -> ExchangeableLayer:
    """The averages of one layer, to ten digits.

    Raises :class:`OutsideAssumptions` where the inputs are negatively correlated or all alike, and
    :class:`NotConverged` where phi' is too steep or grows too fast for the quadrature.

    >>> from fimtheory.activations import activation
    >>> relu = exchangeable_layer(activation("relu"), 1.0, 0.5)
    >>> round(relu.slope_average((0, 0, 0, 0)), 10), round(relu.slope_average((0, 1)), 10)  # 1/2, 1/4 + asin(1/2)/2pi
    (0.5, 0.3333333333)
    """
    if q2 < 0:
        raise OutsideAssumptions(
            f"two inputs have the covariance {q2:.3g} < 0 in a layer: averages over four inputs need q_2 >= 0",
            "q_2 >= 0",
        )
    if q1 - q2 <= _ALIKE * q1:
        raise OutsideAssumptions(
            f"all inputs look alike in a layer (q_1 = {q1:.6g}, q_2 = {q2:.6g}): take a smaller depth, or a smaller"
            " sigma_b2",
            "q_2 < q_1",
        )
    previous = _averages(phi, q1, q2, *_PANELS[0])
    for step, reach in _PANELS[1:]:
        current = _averages(phi, q1, q2, step, reach)
        if np.all(abs(current - previous) <= _AGREEMENT * np.maximum(abs(current), _SMALL)):
            return _named(current)
        previous = current
    raise NotConverged(
        f"averages of the slope of {phi.name} over four inputs do not settle at q_1 = {q1:.6g}: it is too steep or grows"
        " too fast there; take a smaller sigma_w2 or sigma_b2",
        float(previous.max()),
    )


_SIZES = ((1, 1), (2,), (1, 1, 1, 1), (2, 1, 1), (2, 2), (3, 1), (4,))


def _named(values: np.ndarray) -> ExchangeableLayer:
    slopes = dict(zip(_SIZES, map(float, values), strict=False))
    own, mixed, steep, bend = values[len(_SIZES) :]
    return ExchangeableLayer(slopes, np.array([[own, mixed], [mixed, steep]]), float(bend))


def _averages(phi: Activation, q1: float, q2: float, step: float, reach: float) -> np.ndarray:
    """Every number of :class:`ExchangeableLayer`, at one width of panels."""
    own, shared = math.sqrt(q1 - q2), math.sqrt(q2)
    kinks = np.array([float(h) for h in phi.kinks])
    # Seen through the average over x, a kink is a layer of width own/shared.
    layers = [(h + k * own) / shared for h in kinks for k in (-8, -4, -2, -1, 0, 1, 2, 4, 8)] if shared else []
    y, weight = rule(edges(step, reach, np.array([layers]))[0])
    rows = [y[i : i + _ROWS] for i in range(0, len(y), _ROWS)]
    moments = np.concatenate([_conditional(phi, own, shared * row, kinks, step, reach) for row in rows], axis=1)
    slope, square, cube, fourth, value, value2, mixed, tilt = moments
    powers = {1: slope, 2: square, 3: cube, 4: fourth}
    functions = [functools.reduce(np.multiply, (powers[size] for size in sizes)) for sizes in _SIZES]
    functions += [(value2 - value**2) ** 2, (mixed - value * slope) ** 2, (square - slope**2) ** 2]
    functions += [tilt**2 / (q1 - q2)]  # E[phi''(u) | y] = E[x phi'(u) | y]/sqrt(q1 - q2), by Stein
    return np.array([f @ weight for f in functions])


def _conditional(
    phi: Activation, own: float, shift: np.ndarray, kinks: np.ndarray, step: float, reach: float
) -> np.ndarray:
    """Averages over x at every shift: phi', its powers to the fourth, phi, phi^2, phi phi', x phi'; shape (8, rows)."""
    x, weight = rule(edges(step, reach, (kinks - shift[:, None]) / own))
    u = shift[:, None] + own * x
    f, g = _values(phi.numpy, u), _values(phi.numpy_derivative, u)
    functions = (g, g**2, g**3, g**4, f, f**2, f * g, x * g)
    return np.array([(function * weight).sum(axis=1) for function in functions])


def _values(function: Callable, u: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.asarray(function(u), dtype=float), u.shape)
