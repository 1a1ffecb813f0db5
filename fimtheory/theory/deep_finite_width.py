r"""How the C outliers of a metric split at finite width, and what the first and the last block do.

The infinite-width theory puts C equal eigenvalues at one place. At width M the C vectors that are constant on the
samples of one output see the matrix T_kk' = nu_k' (dual) nu_k'. Its shift common to all outputs is of relative order
M^(-1/2); beyond it T is like a matrix of the Gaussian orthogonal ensemble, with variance v off the diagonal and 2 v on
it (exact for any width below: T_kk' is a bilinear form in independent rows of the last weights). So single outliers,
and the largest in particular, approach their limit only as M^(-1/2); their mean does as 1/M.

With u^(l+1)_i = sum_a W_ia h_a and theta^l_ij(n, m) the overlap of the gradients of two units i, j of layer l,

    theta^(l+1)_ij(n, m) = delta_ij o_l(n, m) + sum_ab W_ia W_jb (g_l delta_ab + phi'_a(n) phi'_b(m) theta^l_ab(n, m)),

o_l from the weights of the layer (alpha_l qhat^l for F, in units of M; sigma_w^2 qhat^l + sigma_b^2 for the tangent
kernel) and g_l = 1 where h^l itself is a parameter (the metric A). For large M the diagonal tends to S^l(n, m) and the
covariance of two entries off it to V^l/M,

    V^(l+1)(n m; n' m') = sigma_w^4 [ E (g_l + phi'phi' S^l(n, m)) (g_l + phi'phi' S^l(n', m')) / alpha_l
                                      + E phi'(n)phi'(n') E phi'(m)phi'(m') V^l(n m; n' m') ],     V^0 = S^0 = 0.

*Heuristic*: that theta^l and the slopes of the layer above it are independent to leading order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy as sp

from fimtheory.claims import Source, claim
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.notation import SYMBOLS
from fimtheory.theory.exchangeable_layer import PATTERNS, Pattern, exchangeable_layer, pattern_count
from fimtheory.theory.orthogonal_ensemble import mean_largest_eigenvalue

if TYPE_CHECKING:
    from fimtheory.theory.deep_network import DeepNetwork

M = SYMBOLS["M"]
METRICS = ("F", "F_blocks", "NTK", "A", "A_blocks")


@dataclass(frozen=True)
class Terms:
    """What every layer of parameters adds to the overlap of two gradients: o_l and g_l for l = 0..L-1.

    ``own[l]`` is (o_l(n, n), o_l(n, m)); ``signals[l]`` is g_l.
    """

    own: tuple[tuple[float, float], ...]
    signals: tuple[float, ...]


def terms(network: DeepNetwork, metric: str, layer: int | None = None) -> Terms:
    """The terms of one metric: of F in units of M, of the tangent kernel and of A as they are.

    ``layer`` is the block of F_blocks, 1..L, or of A_blocks, 0..L-1. Raises :class:`InputError`.
    """
    L, o = network.depth, network.order_parameters
    blocks = {"F_blocks": range(1, L + 1), "A_blocks": range(L)}.get(metric)
    if metric not in METRICS or (layer is None) != (blocks is None) or (blocks and layer not in blocks):
        raise InputError(
            f"metric {metric!r} with layer = {layer}: give one of F, NTK, A without a layer, F_blocks with a layer"
            f" 1..{L} or A_blocks with a layer 0..{L - 1}"
        )
    forward = [(float(o.qhat1[l]), float(o.qhat2[l])) for l in range(L)]
    if metric in ("A", "A_blocks"):
        return Terms(((0.0, 0.0),) * L, tuple(float(layer in (None, l)) for l in range(L)))
    if metric == "NTK":
        variances = zip(network.weight_variances, network.bias_variances, strict=True)
        own = [tuple(float(w) * q + float(b) for q in forward[l]) for l, (w, b) in enumerate(variances)]
    else:
        own = [tuple(float(network.alphas[l]) * q * (layer in (None, l + 1)) for q in forward[l]) for l in range(L)]
    return Terms(tuple((same, other) for same, other in own), (0.0,) * L)


@dataclass(frozen=True)
class Overlaps:
    """Overlaps of gradients of two outputs, for large M: ``mean`` is (S(n, n), S(n, m)) of an output with itself.

    ``covariance`` is V(n m; n' m') of two different outputs, by which of the four inputs coincide.
    """

    mean: tuple[float, float]
    covariance: dict[Pattern, float]


def gradient_overlaps(network: DeepNetwork, metric: str, layer: int | None = None) -> Overlaps:
    """S^L and V^L of a metric, by the recursion of this module.

    *Source*: ours; extends Karakida, Akaho, Amari (2020), appendix A. *Holds when* M is large, qhat_2 and q_2 are not
    negative, and phi' has a fourth moment. Raises :class:`OutsideAssumptions` and :class:`InputError`.

    >>> from fimtheory.activations import activation
    >>> from fimtheory.theory.deep_network import DeepNetwork
    >>> two_layers = DeepNetwork(activation("linear"), 2, 3, 1)
    >>> overlaps = gradient_overlaps(two_layers, "F")  # S^1 = 1 for n = m; V^2 = 3^2 (S^1)^2
    >>> [round(overlaps.covariance[p], 9) for p in ((0, 0, 1, 1), (0, 1, 0, 1))]
    [9.0, 0.0]
    """
    found, o = terms(network, metric, layer), network.order_parameters
    weights, ratios = [float(w) for w in network.weight_variances], [float(a) for a in network.alphas]
    mean = tuple(own + weights[0] * found.signals[0] for own in found.own[0])
    covariance = dict.fromkeys(PATTERNS, weights[0] ** 2 * found.signals[0] / ratios[0])
    for l, phi in enumerate(network.activations, start=1):
        unit = exchangeable_layer(phi, float(o.q1[l]), float(o.q2[l]))
        square, g = weights[l] ** 2, found.signals[l]
        pair = (unit.slope_average((0, 0)), unit.slope_average((0, 1)))

        def fresh(p: Pattern, unit=unit, pair=pair, mean=mean, g=g) -> float:
            """E (g + phi'phi' S(n, m)) (g + phi'phi' S(n', m'))."""
            a, b = p[0] != p[1], p[2] != p[3]
            slopes = unit.slope_average(p) if mean[a] and mean[b] else 0.0
            return g * (g + pair[a] * mean[a] + pair[b] * mean[b]) + mean[a] * mean[b] * slopes

        covariance = {
            p: square * (fresh(p) / ratios[l] + pair[p[0] != p[2]] * pair[p[1] != p[3]] * covariance[p])
            for p in PATTERNS
        }
        mean = tuple(found.own[l][t] + weights[l] * (g + pair[t] * mean[t]) for t in (0, 1))
    return Overlaps((mean[0], mean[1]), covariance)


def outlier_variance(network: DeepNetwork, metric: str = "F", layer: int | None = None) -> sp.Expr:
    """The variance of T_kk', k != k', in M: v M for F and its blocks, v/M for the tangent kernel, A and its blocks.

    Formula: v = N^-4 sum over (n, m, n', m') of V^L(n m; n' m'), times N^2 for the tangent kernel, which has no 1/N:
    the sum over 15 patterns of equal inputs, exact in N. *Source*, *Holds when*: see :func:`gradient_overlaps`; the C
    outliers stand clear of the other eigenvalues (kappa_2 > 0).

    >>> from fimtheory.activations import activation
    >>> from fimtheory.theory.deep_network import DeepNetwork
    >>> outlier_variance(DeepNetwork(activation("linear"), 2, 3, 1, samples=10))  # V N^2 patterns / N^4
    0.09*M
    """
    network.require_theorem()
    N, covariance = network.samples, gradient_overlaps(network, metric, layer).covariance
    v = sum(pattern_count(p, N) * covariance[p] for p in PATTERNS) / N**4
    power = 1 if metric.startswith("F") else -1
    return sp.Float(v * N**2 if metric == "NTK" else v, 12) * M**power


def cluster_variance(network: DeepNetwork, metric: str = "F", layer: int | None = None) -> sp.Expr:
    """The variance of the C outliers among themselves, mean of squares less square of mean, in M.

    Formula: (C-1)(C+2)/C times :func:`outlier_variance`. *Source*: ours; extends Karakida, Akaho, Amari (2020), theorem
    3.2. *Holds when* M is large: corrections are O(1/M) relative. Raises :class:`OutsideAssumptions` for C = 1.

    >>> from fimtheory.activations import activation
    >>> from fimtheory.theory.deep_network import DeepNetwork
    >>> cluster_variance(DeepNetwork(activation("linear"), 2, 3, 1, outputs=2, samples=10))
    0.18*M
    """
    C = _several_outputs(network)
    return sp.Rational((C - 1) * (C + 2), C) * outlier_variance(network, metric, layer)


def cluster_top(network: DeepNetwork, metric: str = "F", layer: int | None = None) -> sp.Expr:
    """How far the largest of the C outliers is expected above their mean, in M: sqrt(variance of T_kk') g_C.

    g_C is the mean largest eigenvalue of the orthogonal ensemble,
    :func:`~fimtheory.theory.orthogonal_ensemble.mean_largest_eigenvalue`. *Holds when* M is large: the entries of T are
    then Gaussian. In F it is sqrt(v M) g_C beside a place of order M.

    >>> from fimtheory.activations import activation
    >>> from fimtheory.theory.deep_network import DeepNetwork
    >>> top = cluster_top(DeepNetwork(activation("linear"), 2, 3, 1, outputs=2, samples=10))
    >>> round(float(top.subs(M, 4)) ** 2, 9) == round(0.09 * 4 * 3.141592653589793 / 2, 9)
    True
    """
    v, power = outlier_variance(network, metric, layer).as_coeff_exponent(M)
    return sp.sqrt(v) * mean_largest_eigenvalue(_several_outputs(network)) * M ** (power / 2)


def _several_outputs(network: DeepNetwork) -> int:
    if network.outputs < 2:
        raise OutsideAssumptions("a network with one output has one outlier: nothing splits", "C >= 2")
    return network.outputs


@claim(
    "fimtheory.deep.cluster_splitting",
    title="The C outliers are split like eigenvalues of the orthogonal ensemble",
    statement=r"\frac{1}{C} \sum_{k=1}^{C} (\lambda_k - \bar\lambda)^2 \sim \frac{(C-1)(C+2)}{C}\, M v,\quad"
    r" v = \frac{1}{N^4} \sum_{n, m, n', m'} V^L(n m; n' m'),\quad"
    r" V^{l+1} = \sigma_w^4 \left( \frac{1}{\alpha_l} S^l(n, m)\, S^l(n', m')\, \mathbb{E}\,"
    r" \phi'_n \phi'_m \phi'_{n'} \phi'_{m'} + \mathbb{E}\, \phi'_n \phi'_{n'}\, \mathbb{E}\, \phi'_m \phi'_{m'}\,"
    r" V^l \right),\quad S^{l+1} = \alpha_l \hat q^l + \sigma_w^2\, \mathbb{E}\, \phi'_n \phi'_m\, S^l",
    source=Source("fimtheory", "extends theorem 3.2 of Karakida, Akaho, Amari (2020); heuristic"),
    assumptions=(
        "M is large at fixed N",
        "heuristic: overlaps of gradients and slopes of the next layer are independent to leading order",
        "the network is not centred: kappa_2 > 0",
        "C >= 2",
    ),
    subject="outlier_cluster",
)
def predict_splitting(network: DeepNetwork) -> dict[str, sp.Expr]:
    """The variance of the C largest eigenvalues of F, of the tangent kernel, and of A and its blocks, in M.

    Blocks of F are left out: the first has no outliers, those of the last do not split, and those of the others stand
    clear of the rest only at widths of a thousand (:func:`cluster_variance` holds for them).
    """
    names = {f"deep.A_blocks[{l}].cluster_variance": ("A_blocks", l) for l in range(network.depth)}
    names |= {f"deep.{metric}.cluster_variance": (metric, None) for metric in ("F", "NTK", "A")}
    return {name: cluster_variance(network, *which) for name, which in names.items()}


@claim(
    "fimtheory.deep.blocks_first_last",
    title="The first block of F has no outliers, and in the last one they do not split",
    statement=r"F^{11}: \lambda_1, \ldots, \lambda_{CN} \sim \frac{\alpha_0 M}{N}\, \tilde q_1^1\, \hat q_1^0,\quad"
    r" s_\lambda(F^{11}) \sim \frac{C \alpha_0}{N \alpha_1} (\tilde q_1^1\, \hat q_1^0)^2,\quad"
    r" F^{LL} \cong I_C \otimes \frac{1}{N} (H H^\top + \mathbf{1} \mathbf{1}^\top),\quad"
    r" \lambda_1 = \cdots = \lambda_C \sim \frac{\alpha_{L-1} M}{N} \left(\hat q_1^{L-1} + (N - 1)\, \hat q_2^{L-1}\right)",
    source=Source("fimtheory", "extends section 3.2 of Karakida, Akaho, Amari (2020)"),
    assumptions=("M is large at fixed N", "inputs do not overlap: qhat_2^0 = 0", "phi is weakly differentiable"),
)
def predict_end_blocks(network: DeepNetwork) -> dict[str, sp.Expr]:
    """The second moment of the first block, and the *single* largest eigenvalue of the last one, for one network, in M.

    In the last block alone the single largest eigenvalue settles as 1/M: delta^L_k = e_k exactly, so every eigenvalue
    has C equal copies at every width. In the first block the overlaps of inputs vanish, and all C N eigenvalues spread
    as M^(-1/2) around one place.
    """
    network.require_theorem()
    o, L, a = network.order_parameters, network.depth, network.alphas
    if o.qhat2[0] != 0:
        raise OutsideAssumptions("inputs overlap: the first block has outliers like any other", "qhat_2^0 = 0")
    N, C = network.samples, network.outputs
    same, other = (sp.Float(q[L - 1], network.digits) for q in (o.qhat1, o.qhat2))
    flat = sp.Float(o.qtilde1[1] * o.qhat1[0], network.digits)
    return {
        "deep.F_blocks[1].second_moment": C * a[0] / (N * a[1]) * flat**2,
        f"deep.F_blocks[{L}].lambda_top": a[L - 1] * M * (same + (N - 1) * other) / N,
    }
