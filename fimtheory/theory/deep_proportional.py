r"""Second moments where the number of samples grows with the width, N = M/rho: the noise of single entries counts.

At fixed N the dual of F tends to (alpha M/N) I_C (x) K and its entries fluctuate as M^(1/2)/N, which is lost. With N
proportional to M there are C^2 N^2 entries, and after the mean over samples is subtracted their fluctuations are as
large in the sum of squares as the eigenvalues alpha M (kappa_1 - kappa_2)/N = rho alpha (kappa_1 - kappa_2) themselves.
What the subtraction leaves of an entry (n, m) is what it has in common with no other entry of its row or column:

- of two different outputs, the interaction of V^L (:mod:`fimtheory.theory.deep_finite_width`) over four inputs;
- of one output, twice that kind of noise (rows of the last weights with themselves), and what the overlaps of features
  carry up: Q^l of h^l(n).h^l(m)/M_l and B^l of the mean overlap of gradients S^l, in units of M^(-1/2),

      Q^l = a_l Q^(l-1) + z_l,    B^(l+1) = alpha_l Q^l + sigma_w^2 (E phi'phi' B^l + S^l (e_l Q^(l-1) + y_l)),

  with a_l = sigma_w^2 E phi'phi', e_l = sigma_w^2 E phi''phi'', Q^0 of the inputs of variance (qhat_1^0 - qhat_2^0)^2 /
  alpha_0, and (z_l, y_l) the interaction of phi(u(n)) phi(u(m)) and phi'(u(n)) phi'(u(m)) averaged over M_l units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.claims import Source, claim
from fimtheory.errors import InputError
from fimtheory.notation import SYMBOLS
from fimtheory.theory.deep_finite_width import gradient_overlaps, terms
from fimtheory.theory.exchangeable_layer import exchangeable_layer, like

if TYPE_CHECKING:
    from fimtheory.theory.deep_network import DeepNetwork

M = SYMBOLS["M"]


@dataclass(frozen=True)
class PairNoise:
    """Variances, in units of 1/M, of what is private to a pair n != m in the overlap of two gradients, in units of M.

    ``same`` is for one output, ``different`` for two; ``features`` is the part of ``same`` that comes from below.
    """

    same: float
    different: float
    features: float


def pair_noise(network: DeepNetwork) -> PairNoise:
    """The noise of single entries of the dual of F that is private to a pair of samples.

    For any four different inputs, (D(1, 3) - D(1, 4) - D(2, 3) + D(2, 4))/2 has this variance, D(n, m) =
    grad f_k(n) . grad f_k'(m)/M^(1/2). *Source*: ours. *Holds when* M is large, inputs are Gaussian, qhat_2 and q_2 are
    not negative, and phi' has a fourth moment; *heuristic* as :mod:`fimtheory.theory.deep_finite_width`. Raises
    :class:`OutsideAssumptions`.

    >>> from fimtheory.activations import activation
    >>> from fimtheory.theory.deep_network import DeepNetwork
    >>> noise = pair_noise(DeepNetwork(activation("linear"), 2, 3, 1))
    >>> round(noise.same, 9), noise.different  # B^2 = (3 + 3) Q^0 + z, where z has variance 3^2
    (45.0, 0.0)
    """
    network.require_theorem()
    covariance = gradient_overlaps(network, "F").covariance

    def interaction(n: int, m: int) -> float:
        """Of V(1 2; n m) in n and m."""
        others = ((n, m, 1), (n, 4, -1), (3, m, -1), (3, 4, 1))
        return sum(sign * covariance[like(1, 2, a, b)] for a, b, sign in others)

    different, features = interaction(1, 2), _feature_noise(network)
    return PairNoise(different + interaction(2, 1) + features, different, features)


def _feature_noise(network: DeepNetwork) -> float:
    """The variance of B^L."""
    o, own = network.order_parameters, [other for _, other in terms(network, "F").own]
    weights, ratios = [float(w) for w in network.weight_variances], [float(a) for a in network.alphas]
    start, mean = np.array([1.0, ratios[0]]), own[0]
    covariance = np.outer(start, start) * float(o.qhat1[0] - o.qhat2[0]) ** 2 / ratios[0]
    for l, phi in enumerate(network.activations, start=1):
        unit = exchangeable_layer(phi, float(o.q1[l]), float(o.q2[l]))
        pair, below, above = unit.slope_average((0, 1)), weights[l - 1], weights[l]
        enter = np.array([[1, 0], [ratios[l], above * mean]])  # of noise in phi phi and phi'phi' into (Q, B)
        carry = enter @ np.array([[below * pair, 0], [below * unit.bend, 0]]) + np.diag([0, above * pair])
        covariance = carry @ covariance @ carry.T + enter @ unit.private @ enter.T / ratios[l]
        mean = own[l] + above * pair * mean
    return float(covariance[1, 1])


@dataclass(frozen=True)
class Bounds:
    """What theorem 3.2 says of the largest eigenvalue lambda' beyond the C outliers: low <= lambda' <= (squares M)^(1/2)

    ``squares`` times M is the sum of squares of all eigenvalues of the mean-subtracted F; ``places`` is the part of it
    that the infinite-width dual gives and ``noise`` the rest, the constant c_2.
    """

    low: float
    places: float
    noise: float

    @property
    def squares(self) -> float:
        """The sum of squares, in units of M."""
        return self.places + self.noise


def second_largest_bounds(network: DeepNetwork, ratio) -> Bounds:
    """The bounds on the second largest eigenvalue at N = M/ratio, with their constants.

    Formula: low = rho alpha (kappa_1 - kappa_2), c_1 = 0; places = C rho (alpha (kappa_1 - kappa_2))^2, noise =
    c_2 = C (same + (C - 1) different) of :func:`pair_noise`. *Source*: Karakida, Akaho, Amari (2020), eq. 21, which
    leaves c_1 and c_2 open. *Holds when* M is large, N = M/rho, and see :func:`pair_noise`. Raises :class:`InputError`.

    >>> from fimtheory.activations import activation
    >>> from fimtheory.theory.deep_network import DeepNetwork
    >>> bounds = second_largest_bounds(DeepNetwork(activation("linear"), 2, 3, 1, outputs=2), 2)
    >>> bounds.low, bounds.places, round(bounds.noise, 9)  # alpha kappa = 7 and 1
    (12.0, 144.0, 90.0)
    """
    rho = _positive(ratio)
    noise, k, C = pair_noise(network), network.coefficients, network.outputs
    place = float(k["alpha_tot"] * (k["kappa1"] - k["kappa2"]))
    return Bounds(rho * place, C * rho * place**2, C * (noise.same + (C - 1) * noise.different))


def _positive(ratio) -> float:
    try:
        value = float(ratio)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 < value < math.inf:
        raise InputError(f"ratio = {ratio} is not possible: give a positive number, M/N")
    return value


@claim(
    "karakida2020.eq21",
    title="Bounds on the second largest eigenvalue: their constants, and what the upper one bounds",
    statement=r"\rho\, \alpha (\kappa_1 - \kappa_2) \leq \lambda_{\max}' \leq \sqrt{P\, s_\lambda(\bar F)},\quad"
    r" m_\lambda(\bar F) \sim \frac{C}{M} (\kappa_1 - \kappa_2),\quad"
    r" P\, s_\lambda(\bar F) \sim \left(C \alpha^2 \rho\, (\kappa_1 - \kappa_2)^2 + c_2\right) M,\quad"
    r" c_2 = C \left(w_{=} + (C - 1)\, w_{\neq}\right)",
    source=Source("karakida2020", "Theorem 3.2, eq. 21 (the constants are ours)"),
    assumptions=(
        "N = M/rho, M is large",
        "heuristic: overlaps of gradients and slopes of the next layer are independent to leading order",
        "the network is not centred: kappa_2 > 0",
    ),
    subject="proportional_network",
)
def predict_bounds(network: DeepNetwork, ratio) -> dict[str, sp.Expr]:
    """Mean and second moment of the mean-subtracted F at N = M/ratio, in M: the two sums from which the bounds follow.

    lambda' is at least the mean of the C (N-1) eigenvalues that are left, and at most the root of their squares.
    """
    found, k = second_largest_bounds(network, ratio), network.coefficients
    with mp.workdps(network.digits):
        gap = sp.Float(network.outputs * (k["kappa1"] - k["kappa2"]), network.digits)
        second = sp.Float(found.squares / float(k["alpha_tot"]), 12)
    return {"deep.F_centred.mean": gap / M, "deep.F_centred.second_moment": second / M}
