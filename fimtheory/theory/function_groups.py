"""The groups of output weights of document 001 by name, and networks whose functions are compared with their limits."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import sympy as sp

from fimtheory.activations import Activation
from fimtheory.errors import InputError
from fimtheory.theory.function_forms import FunctionForm
from fimtheory.theory.harmonics import WEIGHT, planar_harmonic, zonal_harmonic

FORMULAS: Mapping[str, str] = {
    "norm": "norm",
    "coordinate": "w1",
    "product": "w1*w2/norm",
    "contrast": "(w1**2 - w2**2)/norm",
    "square": "w1**2/norm",
    "other_square": "w2**2/norm",
    "hadamard": "w1*w2",
    "hadamard_square": "w1**2",
    "other_hadamard_square": "w2**2",
    "hadamard_contrast": "w1**2 - w2**2",
    "ones": "1",
    "planar3": "(w1**3 - 3*w1*w2**2)/norm**2",
    "planar4": "(w1**4 - 6*w1**2*w2**2 + w2**4)/norm**3",
}
EIGENFUNCTIONS = ("norm", "coordinate", "product", "contrast", "planar4")
POINTS = ((1.0, 0.25), (-2.0, 0.5))


def harmonic(k: int, dimension: int | sp.Expr, alpha: sp.Expr | int = 1, planar: bool = False) -> sp.Expr:
    """|w|^(alpha-k) times a harmonic of degree k: an eigenfunction for phi of degree alpha.

    Zonal in the direction of w_1, or Re (w_1 + i w_2)^k.

    >>> harmonic(2, 3), harmonic(3, 3, planar=True)
    ((3*w_1**2/2 - |w|**2/2)/|w|, (w_1**3 - 3*w_1*w_2**2)/|w|**2)
    """
    if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k <= 24:
        raise InputError(f"degree = {k} is not possible: give a whole number from 0 to 24")
    h = planar_harmonic(k) if planar else zonal_harmonic(k, dimension)
    return h * WEIGHT.norm ** (sp.sympify(alpha) - k)


def groups(f: str | sp.Expr | Activation, dimension: int | str = "d", **options) -> dict[str, FunctionForm]:
    """The :class:`FunctionForm` of every group in :data:`FORMULAS` that the dimension has coordinates for.

    >>> {name: form.form for name, form in groups("relu", 3).items() if name in ("norm", "square", "ones")}
    {'norm': 3*|x|/4, 'square': 3*(x_1**2/|x| + |x|)/16, 'ones': sqrt(2)*|x|/(2*sqrt(pi))}
    """
    few = dimension == 1
    return {name: FunctionForm(f, g, dimension, **options) for name, g in FORMULAS.items() if not (few and "w2" in g)}


def cosines(forms: Mapping[str, FunctionForm]) -> dict[tuple[str, str], sp.Expr | None]:
    """The cosine of every pair of functions, exact; None where it is a number alone."""
    names = tuple(forms)
    return {(a, b): forms[a].cosine(forms[b]) for i, a in enumerate(names) for b in names[i + 1 :]}


@dataclass(frozen=True)
class FunctionLayer:
    """One hidden layer whose functions are looked at: an activation in d dimensions, the fixed inputs ``points``."""

    activation: Activation
    dimension: int

    def __repr__(self) -> str:
        return f"<FunctionLayer of {self.activation.name}: d = {self.dimension}>"

    @property
    def points(self) -> np.ndarray:
        """Inputs, of shape (2, d), at which no function of a group vanishes."""
        found = np.full((len(POINTS), self.dimension), 0.25)
        found[:, :2] = np.array(POINTS)[:, : self.dimension]
        return found

    def form(self, name: str) -> FunctionForm:
        """The function of a group."""
        if name not in FORMULAS:
            raise InputError(f"there is no group {name!r}: the groups are {', '.join(FORMULAS)}")
        return _form(self.activation, name, self.dimension)

    def value(self, name: str, point: int) -> float:
        """F of a group at a point, counted from 1."""
        return float(self.form(name)(self.points[point - 1]))

    def fluctuation(self, name: str, point: int) -> float:
        """m Var f at a point."""
        return float(self.form(name).fluctuations(self.points[point - 1]))

    def inner(self, one: str, two: str, width: int) -> float:
        """E<v, J v'> at a width, exact."""
        a, b = self.form(one), self.form(two)
        limit = a.inner_value(b)
        return limit + (a.shared(b) - limit) / width


@functools.lru_cache(maxsize=64)
def _form(activation: Activation, name: str, dimension: int) -> FunctionForm:
    return FunctionForm(activation, FORMULAS[name], dimension)
