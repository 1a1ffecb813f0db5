r"""Relative metrics on a mini-batch: exact moments at any size, and the spectrum where inputs are as many as weights.

G = (1/n) sum_i nu(t_i) x_i x_i' over n inputs x_i ~ N(0, s I_d), t_i = b + w.x_i. Its mean has two eigenvalues, but G
itself is a sample covariance matrix with random weights nu(t_i): at d/n -> y its eigenvalues follow the generalised
Marchenko-Pastur law, whose transform m(z) = E 1/(z - lambda) solves

    z = 1/m(z) + s E[nu/(1 - y s nu m(z))],

and the direction of w may add one eigenvalue outside. Inputs that leave the neuron silent (nu = 0) are lost altogether.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import sympy as sp

from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.gaussian.expectation import of_pieces
from fimtheory.gaussian.quantity import number
from fimtheory.spectra.layers import Layer
from fimtheory.spectra.layerwise import LayeredLaw
from fimtheory.theory.expected_relative import ExpectedMetric, shortest
from fimtheory.theory.gaussian_panels import edges, rule

_REACH, _PANEL = 9.0, 1.0  # of a standard normal variable, and the width of a panel
_RARE = 1e-15  # a share of inputs that does not count
_FAR = 1e3  # where nu is compared with its largest value on the nodes
_FAINT, _SEEN = 1e-3, 1e-6  # nu that is almost 0, relative to the largest, and a share of inputs that matters
_STEPS, _SETTLED = 200, 1e-13  # bisections for an eigenvalue outside, and its relative accuracy
_CLEAR = 1e-9  # next to an edge, relative, where none is looked for

Array = np.ndarray


@dataclass(frozen=True)
class BatchMetric:
    """(1/n) sum_i nu(t_i) x_i x_i' over ``inputs`` n, for the neuron of ``metric`` with weights in ``dimension`` d.

    Moments are exact at any n and d, symbols included; the law needs numbers. *Source*: our own; Sun and Nielsen (2016),
    section 5, say that a mini-batch cannot reflect the geometry faithfully. *Holds when* inputs are Gaussian and isotropic.

    >>> batch = BatchMetric(ExpectedMetric("gaussian:relu"), dimension=100, inputs=400)
    >>> batch.mean, batch.second_moment
    (1/2, 603/1600)
    >>> [round(edge, 12) for edge in batch.law.edges], batch.rank
    ([0.042893218813, 1.457106781187], 1)
    """

    metric: ExpectedMetric
    dimension: int | sp.Expr
    inputs: int | sp.Expr

    def __post_init__(self) -> None:
        for name in ("dimension", "inputs"):
            value = sp.sympify(getattr(self, name))
            if isinstance(getattr(self, name), bool) or not value.is_positive or value.is_integer is False:
                raise InputError(f"{name} = {getattr(self, name)} is not possible: give a whole number from 1")

    def __repr__(self) -> str:
        return f"<BatchMetric of {self.metric.neuron.name}: d = {self.dimension}, n = {self.inputs}>"

    # -- exact moments

    @property
    def mean(self) -> sp.Expr:
        """E tr G/d = s ((d - 1) m_0 + m_2)/d."""
        d, metric = sp.sympify(self.dimension), self.metric
        return shortest(((d - 1) * metric.perpendicular + metric.parallel) / d)

    @property
    def second_moment(self) -> sp.Expr:
        r"""E tr G^2/d at any n and d.

        One input with itself has E nu^2 |x|^4 = s^2 [(d^2 - 1) k_0 + 2 (d - 1) k_2 + k_4], k_j = E nu^2 Z^j; two inputs
        have the trace of the squared mean, s^2 [(d - 1) m_0^2 + m_2^2].

        >>> d, n = sp.symbols("d n", positive=True, integer=True)
        >>> sp.factor(BatchMetric(ExpectedMetric("gaussian:linear"), d, n).second_moment)
        (d + n + 1)/n
        """
        d, n, metric = sp.sympify(self.dimension), sp.sympify(self.inputs), self.metric
        k0, k2, k4 = (metric.moment(j, power=2) for j in (0, 2, 4))
        alone = metric.input_variance**2 * ((d**2 - 1) * k0 + 2 * (d - 1) * k2 + k4)
        pairs = (d - 1) * metric.perpendicular**2 + metric.parallel**2
        return shortest((alone / n + (1 - 1 / n) * pairs) / d)

    # -- the spectrum at d/n fixed

    @property
    def ratio(self) -> float:
        """y = d/n."""
        return _float(sp.sympify(self.dimension) / sp.sympify(self.inputs))

    @functools.cached_property
    def active(self) -> sp.Expr:
        """The probability that an input counts: that nu(t) > 0.

        >>> BatchMetric(ExpectedMetric("gaussian:hardtanh"), 10, 10).active
        -1 + 2*Phi(1)
        """
        return of_pieces(self.metric.shifted.map(lambda e: sp.S.Zero if e == 0 else sp.S.One), self.metric.q)

    @property
    def rank(self) -> sp.Expr:
        """The limit of the rank over d: all of it, or one direction an active input."""
        return sp.Min(1, shortest(self.active * self.inputs / self.dimension))

    @functools.cached_property
    def _nodes(self) -> tuple[Array, Array, Array]:
        """z, the Gaussian weights of a rule between the kinks, and s nu(b + sqrt(q) z)."""
        metric = self.metric
        root, bias, scale = _float(metric.q) ** 0.5, _float(metric.bias), _float(metric.input_variance)
        kinks = np.array([[(_float(kink.at) - bias) / root for kink in metric.neuron.kinks]])
        z, weight = (row[0] for row in rule(edges(_PANEL, _REACH, kinks)))
        return z, weight, scale * np.broadcast_to(metric.neuron.numpy(bias + root * z), z.shape)

    @functools.cached_property
    def kinds(self) -> tuple[Array, Array]:
        """Values of s nu(t) that are not 0 and their probabilities, given that it is not: shape ``(kinds,)`` each.

        Equal values are one kind, so that ReLU has one.
        """
        _, weight, values = self._nodes
        values, which = np.unique(values, return_inverse=True)
        share = np.bincount(which, weight)
        kept = (values > 0) & (share > _RARE)
        if not kept.any():
            raise self._no_law("0 for all but one input in 10^15", "some inputs count")
        return values[kept], share[kept] / share[kept].sum()

    @functools.cached_property
    def law(self) -> LayeredLaw:
        """The limiting law of all eigenvalues but at most one at either end: support, density, cdf, moments, transform.

        For ReLU with unit variance the Marchenko-Pastur law of ratio 2 d/n, halved: edges (1 -+ sqrt(2 d/n))^2/2. Raises
        :class:`OutsideAssumptions` where nu is unbounded, and the law has no end; and where its lower end is made by
        inputs on which nu is almost 0. The moments above are exact there too.
        """
        values, share = self.kinds
        active, top = _float(self.active), float(values.max())
        with np.errstate(all="ignore"):
            far = np.asarray(self.metric.neuron.numpy(np.array([-_FAR, _FAR])), float)
        if not np.all(_float(self.metric.input_variance) * far <= 1.5 * top):
            raise self._no_law("unbounded: the spectrum of a batch has no end", "nu is bounded")
        faint = float(share[values < _FAINT * top].sum())
        if faint > _SEEN and active * (1 - faint) <= self.ratio:
            raise self._no_law("almost 0 for so many inputs that the rest are fewer than d", "d inputs count")
        layer = Layer(self.ratio / active, np.zeros_like(values), values, share)
        return LayeredLaw((layer,), (active,))

    def _no_law(self, what: str, violated: str) -> OutsideAssumptions:
        name = self.metric.neuron.name
        return OutsideAssumptions(f"nu of {name} is {what}; mean and second_moment are exact all the same", violated)

    @functools.cached_property
    def outliers(self) -> tuple[float, ...]:
        r"""Eigenvalues outside the law, which the direction of w adds: none or one on each side.

        The direction w^ is coupled to all others through nu, which depends on it; eliminating them, lambda = s E[nu
        Z^2/(1 - y s nu m(lambda))]. Where eigenvalues 0 exist, none other is below the law. *Holds when* d/n is fixed.

        >>> BatchMetric(ExpectedMetric("gaussian:relu"), 100, 400).outliers
        ()
        """
        z, weight, values = self._nodes
        low, high = self.law.edges[0], self.law.edges[-1]

        def gap(x: float) -> float:
            """The right side less the left."""
            m = float(np.real(self.law.stieltjes(x)))
            return float((weight * z**2) @ (values / (1 - self.ratio * values * m))) - x

        sides = [(high * (1 + _CLEAR), 2 * (high + float((weight * z**2) @ values)))]
        if not self.law.atoms:
            sides.append((low * _CLEAR, low * (1 - _CLEAR)))
        return tuple(sorted(_root(gap, *side) for side in sides if gap(side[0]) > 0 > gap(side[1])))

    @property
    def condition_number(self) -> float:
        """The largest over the smallest eigenvalue of a large batch, outliers included; infinite where some are 0.

        A rectifier, whose averaged metric is round, needs 68 inputs a weight to look better conditioned than 2.

        >>> [round(BatchMetric(ExpectedMetric("gaussian:relu"), 1, n).condition_number, 3) for n in (2, 8, 67, 68)]
        [inf, 9.0, 2.01, 1.999]
        """
        places = (*self.law.edges, *self.outliers)
        return math.inf if self.law.atoms or min(places) <= 0 else max(places) / min(places)


def _float(e: sp.Expr | int) -> float:
    value = sp.sympify(e)
    if value.free_symbols:
        raise InputError(f"{value} has no value: the spectrum of a batch needs numbers throughout")
    return float(number(value, 17))


def _root(gap, low: float, high: float) -> float:
    """Where a function that is positive at ``low`` and negative at ``high`` vanishes."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if gap(middle) > 0 else (low, middle)
        if high - low <= _SETTLED * high:
            break
    return (low + high) / 2
