r"""Ranks, null directions and orderings of relative metrics.

A metric J' S J of n inputs has at most n r independent rows, r the rank of the output metric: the number of outputs, one
less for a softmax. A layer whose units respond by themselves has one such row for every unit and input, but no more than
D for every unit; a network that is observed at its end only has n r for all of its parameters together.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from fimtheory.errors import InputError
from fimtheory.theory.relative_fisher import Neuron
from fimtheory.theory.relative_layers import RelativeMetric, matrix, nonlinear_layer

Array = np.ndarray


def one_layer_rank_bound(n: int, D: int, m: int) -> int:
    """The largest rank of the metric of a layer of m independent units with D inputs each (bias included): m min(n, D).

    *Source*: corrects Sun, Nielsen (2016), section 4. *As printed*, n m, "an achievable upper bound": it is achieved for
    n <= D only, for a unit has no more than D weights. *Holds when* the units respond independently.

    >>> one_layer_rank_bound(n=50, D=4, m=3), one_layer_rank_bound(n=2, D=4, m=3)
    (12, 6)
    """
    return _count("m", m) * min(_count("n", n), _count("D", D))


def one_layer_rank(response: Neuron | str, W: Any, X: Any) -> int:
    """The rank of the metric of a layer of independent units: sum_i rank {x_n : nu(w_i' x_n) != 0}.

    A unit of hard ReLU loses the inputs on which it is inactive; saturation loses none, before nu underflows. ``W`` has
    the shape (D, m), ``X`` (n, D); ranks of inputs are those of ``numpy.linalg.matrix_rank``. *Source*: our own.

    >>> one_layer_rank("gaussian:relu", [[1.0, -1.0], [0.0, -1.0]], [[1.0, 0.0], [1.0, 1.0]])
    2
    """
    layer = nonlinear_layer(response, W, X)
    active = np.diagonal(layer.signals[0], axis1=1, axis2=2) != 0
    return sum(_rank(layer.inputs[0][unit]) for unit in active.T)


def softmax_rank(X: Any, m: int) -> int:
    """The rank of the metric of a softmax layer with m classes: (m - 1) rank X, whatever its weights.

    *Source*: our own. *Holds when* no probability vanishes.

    >>> softmax_rank([[1.0, 0.0], [2.0, 0.0]], m=3)
    2
    """
    return (_count("m", m) - 1) * _rank(matrix(X, "the inputs"))


def softmax_null_space(X: Any, m: int) -> Array:
    """An orthonormal basis of the null directions of a softmax layer with m classes, of shape (D m, D m - rank).

    They are the V with V' x_n proportional to the vector of ones for every input: V = v 1', which moves all logits alike,
    and anything orthogonal to all inputs. *Source*: our own. *Holds when* no probability vanishes.

    >>> softmax_null_space([[3.0]], m=2).round(6).tolist()
    [[0.707107], [0.707107]]
    """
    inputs, classes = matrix(X, "the inputs"), _count("m", m)
    _, _, right = np.linalg.svd(inputs)
    seen, unseen = np.split(right, [_rank(inputs)])
    alike = np.kron(np.full((1, classes), classes**-0.5), seen)
    return np.vstack([alike, np.kron(np.eye(classes), unseen)]).T


def two_layers_rank_bound(X: Any, hidden: int, responses: int) -> int:
    """The largest rank of the first layer's metric when only the second layer responds: min(D_h rank X, n r).

    ``responses`` is r: the number of outputs, one less for a softmax. *Source*: our own, for Sun, Nielsen (2016), eq. 26.

    >>> two_layers_rank_bound([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], hidden=8, responses=2)
    6
    """
    inputs = matrix(X, "the inputs")
    return min(_count("hidden", hidden) * _rank(inputs), len(inputs) * _count("responses", responses))


def network_rank_bound(n: int, weights: Sequence[Any], responses: int, homogeneous: bool = False) -> int:
    """The largest rank of the Fisher information of a whole network: min(P, n r), r as in :func:`two_layers_rank_bound`.

    With ``homogeneous`` units (ReLU, leaky ReLU) every hidden unit has a direction of rescaling, and P is replaced by P
    less the number of hidden units. *Source*: Sun, Nielsen (2016), section 4, where r = 1; the rest is our own.

    >>> import numpy as np
    >>> network = [np.ones((3, 4)), np.ones((4, 1))]
    >>> network_rank_bound(10, network, 1), network_rank_bound(99, network, 1), network_rank_bound(99, network, 1, True)
    (10, 16, 12)
    """
    Ws = [matrix(W, f"weight matrix {l + 1}") for l, W in enumerate(weights)]
    symmetries = sum(W.shape[1] for W in Ws[:-1]) if homogeneous else 0
    return min(sum(W.size for W in Ws) - symmetries, _count("n", n) * _count("responses", responses))


def scaling_directions(weights: Sequence[Any]) -> Array:
    """The directions w_i -> c w_i, c_i -> c_i/c of every hidden unit, one a column: shape (P, hidden units).

    c_i are the weights from unit i to the next layer. They leave the outputs as they are, so that they are null vectors of
    every metric of the whole network, exactly. *Source*: our own. *Holds when* the activation is positively homogeneous,
    f(c t) = c f(t) for c > 0, as ReLU and leaky ReLU; with biases or without.

    >>> scaling_directions([[[2.0]], [[5.0]]]).tolist()
    [[2.0], [-5.0]]
    """
    Ws = [matrix(W, f"weight matrix {l + 1}") for l, W in enumerate(weights)]
    starts = np.cumsum([0, *(W.size for W in Ws)])
    found = []
    for l, (W, C) in enumerate(itertools.pairwise(Ws)):
        for i in range(W.shape[1]):
            into, out = np.zeros_like(W), np.zeros_like(C)
            into[:, i], out[i] = W[:, i], -C[i]
            direction = np.zeros(starts[-1])
            direction[starts[l] : starts[l + 1]] = into.T.ravel()
            direction[starts[l + 1] : starts[l + 2]] = out.T.ravel()
            found.append(direction)
    return np.array(found).reshape(len(found), starts[-1]).T


def domination(block: RelativeMetric, units: RelativeMetric) -> float:
    r"""The smallest c for which A_l' A_l <= c diag(nu) at every input, so that the Fisher block is at most c times g^h.

    ``block`` is one layer of a :func:`~fimtheory.theory.relative_layers.network_metric`, ``units`` the
    :func:`~fimtheory.theory.relative_layers.nonlinear_layer` of the same weights and inputs with a response of its own.
    With f' the slopes and V the variances of that response,

        F_l <= c g^h(W_l),     c = max_n lambda_max(V^(1/2) B' S B V^(1/2)),     B = dz/dh_l :

    what a layer's own response does not see, the end of the network does not see either, and the rank of F_l is never
    the larger one. *Source*: our own, for Sun, Nielsen (2016), section 4. *Holds when* the response has mean f(t).

    >>> from fimtheory.theory.relative_layers import network_metric
    >>> W, C, X = [[1.0, 2.0]], [[3.0], [4.0]], [[1.0]]
    >>> whole = network_metric("gaussian:linear", "relu", [W, C], X)
    >>> round(domination(whole.layer(0), nonlinear_layer("gaussian:relu", W, X)), 12)
    25.0
    """
    A, N = block.signals[0], units.signals[0]
    roots = np.diagonal(N, axis1=1, axis2=2)
    if (
        len(block.signals) > 1
        or block.shapes != units.shapes
        or not np.array_equal(N, roots[:, :, None] * np.eye(N.shape[2]))
    ):
        raise InputError(
            "a layer of a network and the same layer of independent units: give metric.layer(l), nonlinear_layer(...)"
        )
    dead = roots == 0
    if (A != 0).any(axis=1)[dead].any():
        return float("inf")
    ratio = A / np.where(dead, 1.0, roots)[:, None, :]
    return float((np.linalg.norm(ratio, 2, axis=(1, 2)) ** 2).max())


def _rank(inputs: Array) -> int:
    return int(np.linalg.matrix_rank(inputs)) if len(inputs) else 0


def _count(name: str, number: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise InputError(f"{name} = {number!r}: give a whole number, 1 or more")
    return int(number)
