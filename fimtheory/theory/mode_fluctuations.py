"""Clusters at finite width and on finitely many inputs: where they move, how far they spread, how eigenvectors turn.

J = (1/m) sum_i Phi_i Phi_i' in coordinates where its mean is diag(lambda): second-order perturbation in fluctuations of
relative size (multiplicity/m)^(1/2). The path: ``derivations/mode_fluctuations.py``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import sympy as sp

from fimtheory.claims import AtEveryWidth, Source, claim
from fimtheory.errors import InputError
from fimtheory.notation import SYMBOLS
from fimtheory.theory.funk_hecke import Profile
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_clusters import Cluster, KernelMode

M = SYMBOLS["M"]


@dataclass(frozen=True)
class OutputFisher:
    """The Fisher matrix of the output weights of m hidden units, averaged over all inputs or over N = ``ratio`` m of them.

    Every correction is given as the coefficient of 1/m. Clusters are counted from 1, the largest.

    *Holds when* all multiplicities are small against m, so that clusters do not touch.

    >>> relu = OutputFisher(KernelModes("relu", 3, degrees=20))
    >>> round(relu.largest_variance, 4), round(relu.shift(1), 3)
    (0.2109, 2.582)
    """

    modes: KernelModes
    ratio: sp.Rational | None = None

    def __repr__(self) -> str:
        inputs = "all inputs" if self.ratio is None else f"N = {self.ratio} m inputs"
        return f"<OutputFisher of {self.modes.activation.name}: d = {self.modes.dimension}, {inputs}>"

    def cluster(self, rank: int) -> Cluster:
        """The cluster of this rank; :class:`InputError` where there is none."""
        if not 1 <= rank <= len(self.modes.clusters):
            raise InputError(f"there is no cluster {rank}: the listed degrees have {len(self.modes.clusters)}")
        return self.modes.clusters[rank - 1]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The multiplicities of the clusters, largest eigenvalue first."""
        return tuple(cluster.multiplicity for cluster in self.modes.clusters)

    def shift(self, rank: int) -> float:
        """m (E[mean eigenvalue of the cluster] - lambda_k) as m grows.

        sum over the other modes of lambda_k lambda_l S_kl/(N_k (lambda_k - lambda_l)), S_kl = N_k N_l E R_k^2 R_l^2; with
        N inputs the same for their law, times m/N.
        """
        return sum(weight * side.shift(self.cluster(rank)) for weight, side in self._sides())

    def normalised_shift(self, rank: int) -> float:
        """The same for the cluster's share of the trace, times the mean trace: m (E[mean/tr J] E tr J - lambda_k).

        For one power of t the cluster and the trace fluctuate alike, and the two shifts agree.
        """
        cluster = self.cluster(rank)
        return self.shift(rank) + sum(w * cluster.value * side.ratio_bias(cluster) for w, side in self._sides())

    def spread(self, rank: int) -> float:
        """m E[variance of the eigenvalues within the cluster]: lambda_k^2 S_kk (N_k - 1)/N_k^2."""
        cluster = self.cluster(rank)
        n = cluster.multiplicity
        return sum(w * side.among(cluster) for w, side in self._sides()) * cluster.value**2 * (n - 1) / n**2

    def variance(self, rank: int) -> float:
        """m Var[mean eigenvalue of the cluster]: lambda_k^2 (S_kk/N_k^2 - 1)."""
        cluster = self.cluster(rank)
        n = cluster.multiplicity
        return sum(w * (side.among(cluster) / n**2 - 1) for w, side in self._sides()) * cluster.value**2

    @property
    def largest_variance(self) -> float:
        """m Var[lambda_max]; for ReLU (2/d) lambda_0^2, and 0 where all weights have one length."""
        return self.variance(1)

    @property
    def largest_share_variance(self) -> float:
        """m^2 Var[lambda_max E tr J/tr J] over all inputs, where phi is one power and the largest mode has degree 0.

        2 lambda_0^2 sum over the other modes of N_l (E R^4 lambda_l/(lambda_0 - lambda_l))^2: the fluctuation of order
        1/m is the trace's own, and what is left comes from second-order repulsion.
        """
        cluster = self.cluster(1)
        if self.modes.alpha is None or self.ratio is not None or cluster.degrees != (0,):
            raise InputError(
                "a share of the trace has a variance of order 1/m^2 for one power of t, over all inputs, in degree 0:"
                " elsewhere ask for variance(1)"
            )
        size = self._of_weights.among(cluster)
        return 2 * cluster.value**2 * size * self._of_weights.turning(cluster)

    def turning(self, rank: int) -> float:
        """m E[mean sin^2 between the cluster's eigenvectors and its limiting eigenfunctions at the weights].

        sum over the other modes of S_kl lambda_l^2/(N_k (lambda_k - lambda_l)^2); N inputs add m/N times that of S_kl
        lambda_k lambda_l/(N_k (lambda_k - lambda_l)^2), S_kl of their law.
        """
        cluster = self.cluster(rank)
        turned = self._of_weights.turning(cluster)
        return turned if self.ratio is None else turned + self._of_inputs.turning_by_inputs(cluster) / float(self.ratio)

    def second_moment(self, width: int) -> float:
        """E tr J^2, exact at every width: pairs of units, of inputs, of both."""
        squares, units, inputs, fourth = self._averages
        one_unit, one_input = 1 / width, 0.0 if self.ratio is None else 1 / round(float(self.ratio) * width)
        return (
            (1 - one_unit) * (1 - one_input) * squares
            + one_unit * (1 - one_input) * units
            + one_input * (1 - one_unit) * inputs
            + one_unit * one_input * fourth
        )

    @functools.cached_property
    def _averages(self) -> tuple[float, float, float, float]:
        """E K(w, w')^2, E K(w, w)^2, E K(x, x)^2, E phi^4; K(w, w') = E_x phi(w.x) phi(w'.x) and K(x, x) = E_w phi^2."""
        modes = self.modes
        squares = sum(mode.multiplicity * mode.value**2 for mode in modes.modes)
        of_weights, of_inputs = (float(p @ k**2) for _, p, k in (self._of_weights.diagonal, self._of_inputs.diagonal))
        fourth = float(self._of_weights.diagonal[1] @ _power_mean(modes, 4) @ self._of_inputs.diagonal[1])
        return squares, of_weights, of_inputs, fourth

    def _sides(self) -> Iterator[tuple[float, _Side]]:
        yield 1.0, self._of_weights
        if self.ratio is not None:
            yield 1 / float(self.ratio), self._of_inputs

    @functools.cached_property
    def _of_weights(self) -> _Side:
        return _Side(self.modes, of_weights=True)

    @functools.cached_property
    def _of_inputs(self) -> _Side:
        return _Side(self.modes, of_weights=False)


def _power_mean(modes: KernelModes, power: int) -> np.ndarray:
    """E phi(r rho t)^power over t, at the nodes of both lengths."""
    from fimtheory.activations import Activation

    (r, _), (rho, _) = modes.weights.nodes(), modes.inputs.nodes()
    raised = Activation(modes.activation.expression**power, f"{modes.activation.name} to the {power}")
    return Profile(raised, modes.dimension, [0], float(r[-1] * rho[-1]), 1)(np.multiply.outer(r, rho))[0]


@dataclass(frozen=True)
class _Side:
    """What the sampling of one side, weights or inputs, does to the clusters."""

    modes: KernelModes
    of_weights: bool

    @functools.cached_property
    def diagonal(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lengths, their masses, and E phi^2 at each: the sum of N_l lambda_l R_l^2 over all modes."""
        (r, p), (rho, q) = self.modes.weights.nodes(), self.modes.inputs.nodes()
        squares = _power_mean(self.modes, 2)
        return (r, p, squares @ q) if self.of_weights else (rho, q, p @ squares)

    @functools.cached_property
    def _squares(self) -> dict[tuple[int, int], np.ndarray]:
        """R^2 of every mode at the lengths."""
        lengths, profile = self.diagonal[0], self.modes.profile if self.of_weights else self.modes.input_profile
        return {(m.degree, m.index): profile(m)(lengths) ** 2 for m in self.modes.modes if m.number > 0}

    def _mean_square(self, cluster: Cluster) -> np.ndarray:
        """The sum of g_a^2 over the cluster, averaged over directions, at the lengths."""
        return sum((m.multiplicity * self._squares[m.degree, m.index] for m in cluster.modes), np.zeros(1))

    def among(self, cluster: Cluster) -> float:
        """S_kk: the mean of the squared sum of g_a^2 over the cluster."""
        return float(self.diagonal[1] @ self._mean_square(cluster) ** 2)

    def _others(self, cluster: Cluster) -> Iterator[tuple[KernelMode, float]]:
        """(mode, S_kl) for every mode outside the cluster."""
        own, masses = self._mean_square(cluster), self.diagonal[1]
        for mode in self.modes.modes:
            if mode.number > 0 and mode not in cluster.modes:
                yield mode, float(masses @ (own * self._squares[mode.degree, mode.index])) * mode.multiplicity

    def _unlisted(self, cluster: Cluster) -> float:
        """The sum of lambda_l S_kl over the degrees that are not listed, all of them small."""
        listed = sum(
            m.multiplicity * m.value * self._squares[m.degree, m.index] for m in self.modes.modes if m.number > 0
        )
        return float(self.diagonal[1] @ (self._mean_square(cluster) * (self.diagonal[2] - listed)))

    def shift(self, cluster: Cluster) -> float:
        n, own = cluster.multiplicity, cluster.value
        seen = sum(own * m.value * s / (own - m.value) for m, s in self._others(cluster))
        return (seen + self._unlisted(cluster)) / n

    def turning(self, cluster: Cluster) -> float:
        own = cluster.value
        return sum(s * (m.value / (own - m.value)) ** 2 for m, s in self._others(cluster)) / cluster.multiplicity

    def turning_by_inputs(self, cluster: Cluster) -> float:
        own = cluster.value
        seen = sum(s * own * m.value / (own - m.value) ** 2 for m, s in self._others(cluster))
        return (seen + self._unlisted(cluster) / own) / cluster.multiplicity

    def ratio_bias(self, cluster: Cluster) -> float:
        """Var T - Cov(cluster, T), both relative: what division by the trace T adds at order 1/m."""
        _, masses, squares = self.diagonal
        trace, own = squares / (masses @ squares), self._mean_square(cluster) / cluster.multiplicity
        return float(masses @ (trace**2 - own * trace))


_BOTH = ("relu", "tanh")
_ASSUMED = (
    "w_i ~ N(0, s I_d) and x ~ N(0, I_d) independent",
    "d fixed: the multiplicities are small against the number m of units",
)


def _exact(x: float) -> sp.Expr:
    return sp.Float(x, 17)


@claim(
    "fimtheory.modes.limit",
    title="Clusters of the output-weight Fisher matrix",
    statement=r"\lambda_k \text{ with multiplicity } N(d, k): \quad \frac{1}{N} \sum_{\text{cluster}} \lambda(J) "
    r"\Big/ \operatorname{tr} J \to \frac{\lambda_k}{\mathbb{E}\,\phi(w \cdot x)^2}",
    source=Source("fimtheory", "extends takeishi2021 to all degrees and activations"),
    assumptions=_ASSUMED,
    subject="kernel_modes",
    activations=("relu", "tanh", "gelu"),
)
def cluster_limits(fisher: OutputFisher) -> dict[str, sp.Expr]:
    """Shares of the three largest clusters."""
    trace = fisher.modes.trace_value
    return {f"modes.share[{k}]": _exact(fisher.cluster(k).value / trace) for k in (1, 2, 3)}


@claim(
    "fimtheory.modes.exact_moments",
    title="Trace and second moment at every width and number of inputs",
    statement=r"\mathbb{E} \operatorname{tr} J = \mathbb{E}\,\phi^2, \quad \mathbb{E} \operatorname{tr} J^2 = "
    r"(1 - \tfrac{1}{m})(1 - \tfrac{1}{N}) \sum_k N \lambda_k^2 + \tfrac{1}{m} (1 - \tfrac{1}{N}) "
    r"\mathbb{E}_w (\mathbb{E}_x \phi^2)^2 + \tfrac{1}{N} (1 - \tfrac{1}{m}) \mathbb{E}_x (\mathbb{E}_w \phi^2)^2 "
    r"+ \tfrac{1}{mN} \mathbb{E}\,\phi^4",
    source=Source("fimtheory", "extends takeishi2021: moments without a limit"),
    assumptions=("w_i ~ N(0, s I_d) and x ~ N(0, I_d) independent",),
    subject="kernel_modes",
    activations=_BOTH,
)
def exact_moments(fisher: OutputFisher) -> dict[str, AtEveryWidth]:
    """Pairs that share a unit, an input, both or neither."""
    trace = fisher.modes.trace_value
    return {"modes.trace": AtEveryWidth(lambda m: trace), "modes.second_moment": AtEveryWidth(fisher.second_moment)}


@claim(
    "fimtheory.modes.cluster_shift",
    title="Where clusters move at finite width",
    statement=r"\frac{1}{N} \sum_{\text{cluster}} \frac{\lambda(J)}{\operatorname{tr} J} \, \mathbb{E}\,\phi^2 = "
    r"\lambda_k + \frac{\lambda_k}{m} \sum_{l \neq k} \frac{N_l \lambda_l}{\lambda_k - \lambda_l} \mathbb{E} R_k^2 R_l^2"
    r" + O(m^{-2})",
    source=Source("fimtheory", "extends takeishi2021: finite width"),
    assumptions=(*_ASSUMED, "phi one power of t (otherwise the trace contributes a further term)"),
    subject="kernel_modes",
    activations=_BOTH,
)
def cluster_shift(fisher: OutputFisher) -> dict[str, sp.Expr]:
    """The largest cluster, and for one power of t the second: repulsion from the others."""
    trace = fisher.modes.trace_value
    return {
        f"modes.share[{k}]": _exact(fisher.cluster(k).value / trace) + _exact(fisher.normalised_shift(k) / trace) / M
        for k in ((1, 2) if fisher.modes.alpha is not None else (1,))
    }


@claim(
    "fimtheory.modes.cluster_spread",
    title="How far clusters spread at finite width",
    statement=r"\mathbb{E}\,\frac{1}{N} \sum_{\text{cluster}} (\lambda(J) - \bar\lambda)^2 = "
    r"\frac{\lambda_k^2 (N - 1)}{m} \, \mathbb{E} R_k^4 + O(m^{-2})",
    source=Source("fimtheory", "extends takeishi2021: finite width"),
    assumptions=_ASSUMED,
    subject="kernel_modes",
    activations=("relu",),
)
def cluster_spread(fisher: OutputFisher) -> dict[str, sp.Expr]:
    """The second cluster; with N inputs a second term in m/N."""
    return {"modes.spread[2]": _exact(fisher.spread(2)) / M}


@claim(
    "fimtheory.modes.largest_eigenvalue_fluctuation",
    title="Fluctuation of the largest eigenvalue",
    statement=r"m \operatorname{Var} \lambda_{\max}(J) \to \lambda_0^2 (\mathbb{E} R_0^4 - 1), \quad "
    r"\text{ReLU: } \tfrac{2}{d} \lambda_0^2",
    source=Source("fimtheory", "extends takeishi2021: finite width"),
    assumptions=_ASSUMED,
    subject="kernel_modes",
    activations=("relu",),
)
def largest_fluctuation(fisher: OutputFisher) -> dict[str, sp.Expr]:
    """Units of different length, not directions, make it fluctuate."""
    return {"modes.scatter[1]": _exact(fisher.largest_variance) / M}


@claim(
    "fimtheory.modes.largest_share_fluctuation",
    title="Fluctuation of the largest eigenvalue as a share of the trace",
    statement=r"m^2 \operatorname{Var} \Big( \frac{\lambda_{\max}(J)}{\operatorname{tr} J} \Big)\, (\mathbb{E}\, \phi^2)^2"
    r" \to 2 \lambda_0^2 (\mathbb{E} R_0^4)^2 \sum_{l \neq 0} N_l \Big( \frac{\lambda_l}{\lambda_0 - \lambda_l} \Big)^2",
    source=Source("fimtheory", "extends takeishi2021: finite width"),
    assumptions=(*_ASSUMED, "phi is one power of t", "J is averaged over all inputs"),
    subject="kernel_modes",
    activations=("relu all inputs",),
)
def largest_share_fluctuation(fisher: OutputFisher) -> dict[str, sp.Expr]:
    """The trace takes the lengths of units out; repulsion by the other clusters is left, a power of m below."""
    return {"modes.share_scatter[1]": _exact(fisher.largest_share_variance / fisher.modes.trace_value**2) / M**2}


@claim(
    "fimtheory.modes.eigenspaces",
    title="How far eigenvectors are from their limits",
    statement=r"\mathbb{E} \sin^2 = \frac{1}{m} \sum_{l \neq k} N_l \, \mathbb{E} R_k^2 R_l^2 "
    r"\Big( \frac{\lambda_l}{\lambda_k - \lambda_l} \Big)^2 + \frac{1}{N} \sum_{l \neq k} N_l \, \mathbb{E} {R'_k}^2"
    r" {R'_l}^2 \frac{\lambda_k \lambda_l}{(\lambda_k - \lambda_l)^2} + O(m^{-2})",
    source=Source("fimtheory", "extends takeishi2021: finite width"),
    assumptions=_ASSUMED,
    subject="kernel_modes",
    activations=("relu",),
)
def eigenspaces(fisher: OutputFisher) -> dict[str, sp.Expr]:
    """The largest against the norms |w_i|, the second cluster against the columns of W."""
    return {f"modes.turned[{k}]": _exact(fisher.turning(k)) / M for k in (1, 2)}
