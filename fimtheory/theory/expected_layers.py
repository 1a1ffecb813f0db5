r"""Relative metrics of the units of a deep random network: what a hidden layer shows of its inputs, whatever stands behind.

A unit of layer l sees u_n = w.h_n + b on N inputs and answers with a random response: its relative metric in (w, b) is
(1/N) sum_n nu(u_n) h~_n h~_n', h~ = (h^{l-1}', 1)'. In a wide network its N x N dual is, given the u_n of the unit,

    (alpha_{l-1} M / N) [(qhat_1 - qhat_2) diag(nu_n) + qhat_2 sqrt(nu) sqrt(nu)'],    nu_n = nu(u_n),

qhat those of layer l - 1 and u_n = sqrt(q_2^l) xi + sqrt(q_1^l - q_2^l) zeta_n over the units. The Fisher information
has the backward order parameter of the layer in place of nu: it shrinks or grows with the depth behind, this does not.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import sympy as sp

from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.gaussian.expectation import of_pieces, pair_of_pieces
from fimtheory.gaussian.quadrature import exact
from fimtheory.gaussian.quantity import number
from fimtheory.notation import SYMBOLS
from fimtheory.spectra.inversion import invert
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.expected_relative import ExpectedMetric
from fimtheory.theory.relative_fisher import Neuron, neuron

M = SYMBOLS["M"]
_UNITS = 2**16  # drawn for the largest eigenvalue
_SEED = 2016
_MOST_INPUTS = 2_000

Array = np.ndarray


@dataclass(frozen=True)
class RelativeLayer:
    """The relative metric of one unit of hidden layer l = 1..L-1, averaged over units: three statistics in M.

    *Source*: our own; the metric is that of Sun and Nielsen (2016), section 3.2, order parameters those of Karakida,
    Akaho, Amari (2020). *Holds when* M is large at fixed N. Raises :class:`InputError` for a layer that is not hidden.

    >>> from fimtheory.activations import activation
    >>> layer = RelativeLayer(DeepNetwork(activation("relu"), 3, 2, 0, samples=10), 2, neuron("gaussian:relu"))
    >>> float(layer.mean), layer.second_moment.n(5)
    (0.5, 0.077499*M)
    """

    network: DeepNetwork
    layer: int
    neuron: Neuron

    def __post_init__(self) -> None:
        hidden = self.network.depth - 1
        whole = isinstance(self.layer, int) and not isinstance(self.layer, bool)
        if not whole or not 1 <= self.layer <= hidden:
            raise InputError(f"layer {self.layer} is not hidden: give a whole number from 1 to {hidden}")

    def __repr__(self) -> str:
        return f"<RelativeLayer {self.layer} of {self.network.name} with {self.neuron.name}: mean {self.mean}>"

    # -- the law of pre-activations

    @property
    def _variance(self) -> sp.Expr:
        """q_1^l."""
        return exact(self.network.order_parameters.q1[self.layer])

    @property
    def _correlation(self) -> sp.Expr:
        """q_2^l/q_1^l."""
        o = self.network.order_parameters
        return exact(o.q2[self.layer] / o.q1[self.layer])

    @functools.cached_property
    def average(self) -> sp.Expr:
        """E nu(u)."""
        return self._number(ExpectedMetric(self.neuron, self._variance).moment(0))

    @functools.cached_property
    def average_square(self) -> sp.Expr:
        """E nu(u)^2."""
        return self._number(of_pieces(self.neuron.pieces.map(lambda e: e**2), self._variance))

    @functools.cached_property
    def average_product(self) -> sp.Expr:
        """E nu(u_n) nu(u_m) of two inputs: the dual of nu at variance q_1 and covariance q_2."""
        nu = self.neuron.pieces
        return self._number(pair_of_pieces(nu, nu, self._variance, self._variance, self._correlation))

    def _number(self, e: sp.Expr) -> sp.Expr:
        return sp.Float(number(e, self.network.digits), self.network.digits)

    @property
    def _below(self) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
        """alpha_{l-1}, qhat_1^{l-1} and qhat_2^{l-1}."""
        o, digits = self.network.order_parameters, self.network.digits
        forward = (sp.Float(q[self.layer - 1], digits) for q in (o.qhat1, o.qhat2))
        return self.network.alphas[self.layer - 1], *forward  # type: ignore[return-value]

    # -- statistics

    @property
    def mean(self) -> sp.Expr:
        """The mean eigenvalue, qhat_1^{l-1} E nu(u): it knows nothing of the layers behind."""
        _, qhat1, _ = self._below
        return qhat1 * self.average

    @property
    def second_moment(self) -> sp.Expr:
        """The mean square of its M_{l-1} eigenvalues, (alpha_{l-1} M/N) [qhat_1^2 E nu^2 + (N-1) qhat_2^2 E nu nu']."""
        alpha, qhat1, qhat2 = self._below
        N = self.network.samples
        return alpha * M / N * (qhat1**2 * self.average_square + (N - 1) * qhat2**2 * self.average_product)

    @property
    def lambda_max(self) -> sp.Expr:
        """The largest eigenvalue, averaged over units; to about 1e-3, from 65536 units of infinite width.

        Units are drawn from the law of (xi, zeta) with a fixed seed; what mean, mean square and mean product of nu explain
        is taken out. Raises :class:`OutsideAssumptions` where qhat_2 <= 0: no eigenvalue is isolated then, and the largest
        of a finite width is not near its limit.
        """
        alpha, qhat1, qhat2 = self._below
        if qhat2 <= 0:
            raise OutsideAssumptions(
                f"the activities below layer {self.layer} do not overlap (qhat_2 = {float(qhat2):g}): no eigenvalue stands"
                " apart from the others; take a deeper layer, or inputs that overlap",
                "qhat_2 > 0",
            )
        nu = self._draws()
        tops = largest_eigenvalues(nu, float(qhat1), float(qhat2)) / self.network.samples
        return alpha * M * sp.Float(float(self._controlled(tops, nu)))

    @property
    def lambda_max_many(self) -> sp.Expr:
        """The same for N -> infinity: alpha_{l-1} M qhat_2^{l-1} E nu(u)."""
        alpha, _, qhat2 = self._below
        return alpha * M * qhat2 * self.average

    @property
    def fisher_mean(self) -> sp.Expr:
        """The mean eigenvalue of the diagonal block F^{ll}, C qhat_1^{l-1} qtilde_1^l/(alpha_l M), for comparison."""
        _, qhat1, _ = self._below
        backward = sp.Float(self.network.order_parameters.qtilde1[self.layer], self.network.digits)
        return self.network.outputs * qhat1 * backward / (self.network.alphas[self.layer] * M)

    @property
    def over_fisher(self) -> sp.Expr:
        """Mean over mean: alpha_l M E nu(u)/(C qtilde_1^l), what the layers behind make of the same inputs."""
        return self.mean / self.fisher_mean

    # -- units of infinite width

    def _draws(self) -> Array:
        """nu(u_n) of random units, shape (units, N)."""
        N = self.network.samples
        if N > _MOST_INPUTS:
            raise InputError(f"{N} inputs are too many to draw units for: lambda_max_many has the limit of many inputs")
        o, l = self.network.order_parameters, self.layer
        q1, q2 = float(o.q1[l]), float(o.q2[l])
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(_SEED, spawn_key=(l,))))
        units = max(_UNITS // max(1, N // 20), 1024)
        shared, own = generator.standard_normal((units, 1)), generator.standard_normal((units, N))
        return np.broadcast_to(self.neuron.numpy(q2**0.5 * shared + (q1 - q2) ** 0.5 * own), own.shape)

    def _controlled(self, values: Array, nu: Array) -> float:
        """The mean of ``values``, less what statistics of nu explain whose means are known exactly."""
        N, product = nu.shape[1], float(self.average_product)
        first, square = nu.mean(axis=1), (nu**2).mean(axis=1)
        means = (float(self.average), float(self.average_square), (float(self.average_square) + (N - 1) * product) / N)
        controls = np.stack([first, square, first**2], axis=1) - means
        centred = controls - controls.mean(axis=0)
        slopes = np.linalg.lstsq(centred, values - values.mean(), rcond=None)[0]
        return float(values.mean() - controls.mean(axis=0) @ slopes)


def relative_layer(network: DeepNetwork, layer: int, one: Neuron | str) -> RelativeLayer:
    """The relative metric of a unit of hidden layer l = 1..L-1, with a neuron or its name ``"RESPONSE:ACTIVATION"``.

    >>> from fimtheory.activations import activation
    >>> float(relative_layer(DeepNetwork(activation("relu"), 2, 2, 0), 1, "gaussian:relu").average)
    0.5
    """
    return RelativeLayer(network, layer, neuron(one) if isinstance(one, str) else one)


def largest_eigenvalues(nu: Array, q1: float, q2: float) -> Array:
    """Those of (q1 - q2) diag(nu) + q2 sqrt(nu) sqrt(nu)' for each row of nu, shape (rows, N), q1 >= q2 > 0.

    The largest root of q2 sum_n nu_n/(lambda - (q1 - q2) nu_n) = 1.

    >>> largest_eigenvalues(np.array([[1.0, 1.0], [4.0, 0.0], [0.0, 0.0]]), 3.0, 1.0)
    array([ 4., 12.,  0.])
    """
    total, low = nu.sum(axis=1), (q1 - q2) * nu.max(axis=1)
    found, awake = np.zeros(len(nu)), np.flatnonzero(total > 0)

    def residual(x: Array, which: Array) -> tuple[Array, Array]:
        one = nu[awake[which]]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(one > 0, one / (x[:, None] - (q1 - q2) * one), 0.0)
            slope = np.where(one > 0, share**2 / one, 0.0)
        return 1 - q2 * share.sum(axis=1), q2 * slope.sum(axis=1)

    found[awake] = invert(residual, low[awake], low[awake] + q2 * total[awake])
    return found
