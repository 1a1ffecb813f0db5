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

from fimtheory.claims import Agreement, Ordering, Source, claim
from fimtheory.errors import InputError
from fimtheory.theory.relative_fisher import Neuron
from fimtheory.theory.relative_layers import (
    RelativeMetric,
    augmented,
    network_metric,
    nonlinear_layer,
    real_matrix,
    two_layers,
    weight_matrices,
)
from fimtheory.theory.score_enumeration import enumerated, network, stack

Array = np.ndarray
Statements = dict[str, Agreement | Ordering]
_BATCH = "a batch is the mean over its inputs"
_ROUNDING = 1e-12  # of matrices whose entries are of order one


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
    return (_count("m", m) - 1) * _rank(real_matrix(X, "the inputs"))


def softmax_null_space(X: Any, m: int) -> Array:
    """An orthonormal basis of the null directions of a softmax layer with m classes, of shape (D m, D m - rank).

    They are the V with V' x_n proportional to the vector of ones for every input: V = v 1', which moves all logits alike,
    and anything orthogonal to all inputs. *Source*: our own. *Holds when* no probability vanishes.

    >>> softmax_null_space([[3.0]], m=2).round(6).tolist()
    [[0.707107], [0.707107]]
    """
    inputs, classes = real_matrix(X, "the inputs"), _count("m", m)
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
    inputs = real_matrix(X, "the inputs")
    return min(_count("hidden", hidden) * _rank(inputs), len(inputs) * _count("responses", responses))


def network_rank_bound(n: int, weights: Sequence[Any], softmax: bool = False, homogeneous: bool = False) -> int:
    """The largest rank of the Fisher information of a whole network: min(P less its symmetries, n r).

    r is the number of outputs. With ``softmax`` it is one less, and every input of the last layer has a symmetry, which
    moves all logits alike; with ``homogeneous`` units (ReLU, leaky ReLU) every hidden unit has one, its rescaling.
    *Source*: Sun, Nielsen (2016), section 4, has n for one Bernoulli output; the rest is our own.

    >>> import numpy as np
    >>> network = [np.ones((3, 4)), np.ones((4, 1))]
    >>> network_rank_bound(10, network), network_rank_bound(99, network), network_rank_bound(99, network, homogeneous=True)
    (10, 16, 12)
    """
    Ws = weight_matrices(weights)
    inputs, outputs = Ws[-1].shape
    symmetries = inputs * softmax + sum(W.shape[1] for W in Ws[:-1]) * homogeneous
    return min(sum(W.size for W in Ws) - symmetries, _count("n", n) * (outputs - softmax))


def scaling_directions(weights: Sequence[Any]) -> Array:
    """The directions w_i -> c w_i, c_i -> c_i/c of every hidden unit, one a column: shape (P, hidden units).

    c_i are the weights from unit i to the next layer. They leave the outputs as they are, so that they are null vectors of
    every metric of the whole network, exactly. *Source*: our own. *Holds when* the activation is positively homogeneous,
    f(c t) = c f(t) for c > 0, as ReLU and leaky ReLU; with biases or without.

    >>> scaling_directions([[[2.0]], [[5.0]]]).tolist()
    [[2.0], [-5.0]]
    """
    Ws = weight_matrices(weights)
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
    if not (isinstance(block, RelativeMetric) and isinstance(units, RelativeMetric)):
        raise InputError("two relative metrics are compared: give metric.layer(l) and nonlinear_layer(...)")
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


# -- claims: numbers from the metric as the definition gives it, by sums over outcomes, and its dense decomposition


def _draw(*shapes: tuple[int, int], seed: int = 8) -> tuple[Array, ...]:
    draw = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
    return tuple(draw.standard_normal(shape) for shape in shapes)


def _dense_rank(found: Array) -> int:
    """The rank of a metric, whose eigenvalues have twice the digits of singular values lost."""
    return int(np.linalg.matrix_rank(found, tol=1e-9 * np.linalg.norm(found, 2), hermitian=True))


def _by_definition(response: str, phi: str, weights: Sequence[Array], X: Array) -> Array:
    return enumerated(response, network(phi, [W.shape for W in weights], X), stack(weights))


def _layer_ranks(sizes: Sequence[int]) -> Array:
    """Ranks of layers of three tanh units with four weights each, for batches of these sizes."""
    (W,) = _draw((4, 3))
    return np.array([_dense_rank(_by_definition("bernoulli:tanh", "tanh", [W], *_draw((n, 4), seed=n))) for n in sizes])


_SIZES = (1, 2, 4, 5, 9)


@claim(
    "sun2016.sec4_rank",
    title="Ranks of the Fisher information and of relative metrics",
    statement=r"\operatorname{rank} g(\Theta) \leq n,\quad \operatorname{rank} g(\Theta) \leq \sum_l \operatorname{rank}"
    r" g^{h_l}(W_l),\quad \operatorname{rank} g^h(W) = D_h \min(n, D_x + 1)",
    source=Source("sun2016", "section 4"),
    assumptions=(
        "one Bernoulli output for the first, as in eq. 27",
        "for the second: hidden responses of mean f, as in fimtheory.relative.domination",
        "for the third: inputs in general position, nu_f without zeros",
        _BATCH,
    ),
    as_printed=r"\operatorname{rank} g^h(W) \leq n D_h, \text{ an achievable upper bound}",
    printed=lambda: {"layers": Agreement(lambda: _layer_ranks(_SIZES), lambda: 3 * np.array(_SIZES), 0.0)},
    subject=None,
)
def predict_ranks() -> Statements:
    """Batches of up to nine inputs: n D_h is attained up to n = D_x + 1, and no larger rank than D_h (D_x + 1)."""
    X, W, C = _draw((6, 3), (3, 4), (5, 1))
    whole = _dense_rank(_by_definition("bernoulli:sigmoid", "tanh", [W, C], X))
    layers = (
        nonlinear_layer("bernoulli:tanh", W, X),
        nonlinear_layer("bernoulli:sigmoid", C, augmented(np.tanh(X @ W))),
    )
    return {
        "network": Agreement(lambda: whole, lambda: 6, 0.0),
        "sum over layers": Ordering(lambda: whole, lambda: sum(layer.rank for layer in layers)),
        "layers": Agreement(lambda: _layer_ranks(_SIZES), lambda: [one_layer_rank_bound(n, 4, 3) for n in _SIZES], 0.0),
    }


@claim(
    "fimtheory.relative.active_inputs",
    title="The rank of a layer of ReLU units",
    statement=r"\operatorname{rank} g^h(W) = \sum_i \operatorname{rank} \{\tilde x_n : \nu_f(w_i^\top \tilde x_n) \neq 0\}",
    source=Source("fimtheory", "extends sun2016, section 4: units that vanish on one side"),
    assumptions=("independent responses", _BATCH),
    subject=None,
)
def predict_active_inputs() -> Statements:
    """Layers of hard ReLU, six inputs in four dimensions: ranks of dense matrices, below D_h min(n, D_x + 1)."""
    draws = [_draw((4, 5), (6, 4), seed=seed) for seed in range(6)]
    ranks = [one_layer_rank("gaussian:relu", W, X) for W, X in draws]
    return {
        "below the bound": Ordering(lambda: min(ranks), lambda: one_layer_rank_bound(6, 4, 5), margin=1.0),
        "ranks": Agreement(
            lambda: ranks, lambda: [_dense_rank(nonlinear_layer("gaussian:relu", W, X).matrix) for W, X in draws], 0.0
        ),
    }


@claim(
    "fimtheory.relative.softmax_null_space",
    title="Null directions of a softmax layer",
    statement=r"g^y(W)\, V = 0 \iff V^\top \tilde x_n \propto \mathbf{1} \text{ for all } n,\quad \operatorname{rank}"
    r" g^y(W) = (m - 1) \operatorname{rank} \{\tilde x_n\}",
    source=Source("fimtheory", "extends sun2016, eq. 25"),
    assumptions=("no probability vanishes", _BATCH),
    subject=None,
)
def predict_softmax_null_space() -> Statements:
    """Projections on the null space, in closed form and from dense eigenvectors, for few inputs and for many."""
    found: Statements = {}
    for n in (2, 7):
        X, W = _draw((n, 4), (4, 3), seed=n)
        dense = _by_definition("softmax", "tanh", [W], X)
        rank = softmax_rank(X, 3)
        vectors = np.linalg.eigh(dense)[1][:, : dense.shape[0] - rank]
        found[f"{n} inputs, rank"] = Agreement(lambda d=dense: _dense_rank(d), lambda r=rank: r, 0.0)
        found[f"{n} inputs, null space"] = Agreement(
            lambda X=X: _projection(softmax_null_space(X, 3)), lambda v=vectors: _projection(v), _ROUNDING * 100
        )
    return found


def _projection(basis: Array) -> Array:
    return basis @ basis.T


@claim(
    "fimtheory.relative.rank_bounds",
    title="Ranks of two layers and of whole networks",
    statement=r"\operatorname{rank} g^y(W \mid C) \leq \min(D_h \operatorname{rank} X,\, n r),\quad \operatorname{rank}"
    r" g(\Theta) \leq \min(P - s,\, n r),\quad r = D_y,\; s = 0 \text{ or } r = m - 1,\; s = D_{L-1} \text{ (softmax)}",
    source=Source("fimtheory", "extends sun2016, section 4, to any response"),
    assumptions=("for all weights and inputs; attained by random ones of a network of tanh units", _BATCH),
    subject=None,
)
def predict_rank_bounds() -> Statements:
    """Both are attained by batches of 1, 3 and 9 inputs, for two Bernoulli outputs and for three classes."""
    draws = [(end, _draw((n, 3), (3, 3), (3, m), seed=10 * n + m)) for end, m in _RESPONSES for n in (1, 3, 9)]
    first = [two_layers(end, "tanh", W, C, X).rank for end, (X, W, C) in draws]
    whole = [network_metric(end, "tanh", [W, C], X).rank for end, (X, W, C) in draws]
    bounds = [network_rank_bound(len(X), [W, C], softmax=end == "softmax") for end, (X, W, C) in draws]
    return {
        "two layers": Agreement(lambda: first, lambda: [two_layers_rank_bound(X, 3, 2) for _, (X, _, _) in draws], 0.0),
        "network": Agreement(lambda: whole, lambda: bounds, 0.0),
    }


_RESPONSES = (("bernoulli:sigmoid", 2), ("softmax", 3))


@claim(
    "fimtheory.relative.rescaling",
    title="Directions of rescaling of a ReLU network",
    statement=r"w_i \to c\, w_i,\; c_i \to c_i / c: \quad g(\Theta)\, v_i = 0,\quad v_i = (w_i, -c_i)",
    source=Source("fimtheory", "extends sun2016, section 4: singularities of the Fisher information"),
    assumptions=("positively homogeneous units, such as ReLU and leaky ReLU", "biases or none"),
    subject=None,
)
def predict_rescaling() -> Statements:
    """One null vector a hidden unit, on two hidden layers with biases; tanh units have none."""
    X, *weights = _draw((9, 3), (3, 4), (5, 3), (4, 2))
    directions = scaling_directions(weights)
    found: Statements = {
        phi: Agreement(lambda p=phi: _by_definition("softmax", p, weights, X) @ directions, lambda: 0.0, 10 * _ROUNDING)
        for phi in ("relu", "leaky_relu alpha=1/4")
    }
    rank = lambda: int(np.linalg.matrix_rank(directions))  # noqa: E731
    lengths = np.einsum("pk,pq,qk->k", directions, _by_definition("softmax", "tanh", weights, X), directions)
    return found | {
        "one for each unit": Agreement(rank, lambda: 7, 0.0),
        "not for tanh": Ordering(lambda: 1e-4, lambda: lengths),
    }


@claim(
    "fimtheory.relative.domination",
    title="A layer's relative metric bounds its block of the Fisher information",
    statement=r"\mathcal{I}(\Theta)_{ll} \preceq c\, g^{h_l}(W_l),\quad c = \max_n \lambda_{\max}(V^{1/2} B^\top S B\,"
    r" V^{1/2}),\quad B = \frac{\partial z}{\partial h_l},\quad \operatorname{rank} \mathcal{I}(\Theta)_{ll} \leq"
    r" \operatorname{rank} g^{h_l}(W_l)",
    source=Source("fimtheory", "extends sun2016, section 4: relative metric and block of the Fisher information"),
    assumptions=(
        "deterministic hidden layers",
        "the response of layer l has mean f and variances V (sigma^2 for a Gaussian one)",
        _BATCH,
    ),
    subject=None,
)
def predict_domination() -> Statements:
    """Smallest eigenvalues of c g - I for a Gaussian and a Bernoulli layer; at one input the constant is attained."""
    X, W, C = _draw((6, 3), (3, 4), (5, 3))
    found: Statements = {}
    for phi, response in (("relu", "gaussian:relu"), ("tanh", "bernoulli:tanh")):
        block = _by_definition("softmax", phi, [W, C], X)[: W.size, : W.size]
        units = nonlinear_layer(response, W, X)
        c = domination(network_metric("softmax", phi, [W, C], X).layer(0), units)
        least = lambda u=units, b=block, c=c: np.linalg.eigvalsh(c * u.matrix - b)[0]  # noqa: E731
        found[f"{response}, ordered"] = Ordering(lambda: 0.0, least, margin=-_ROUNDING)
        found[f"{response}, ranks"] = Ordering(lambda b=block: _dense_rank(b), lambda u=units: u.rank)
    one = network_metric("bernoulli:sigmoid", "tanh", [W, C[:, :1]], X[:1]).layer(0)
    alone = nonlinear_layer("bernoulli:tanh", W, X[:1])
    found["attained"] = Agreement(
        lambda: domination(one, alone), lambda: _largest_ratio(one.matrix, alone.matrix), 1e-9
    )
    return found


def _largest_ratio(block: Array, units: Array) -> float:
    """The largest v' block v / v' units v, outside the null space of the second."""
    return float(np.linalg.eigvals(np.linalg.pinv(units, rcond=1e-10) @ block).real.max())
