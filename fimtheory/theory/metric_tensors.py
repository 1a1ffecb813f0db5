r"""The metrics of a deep network by their definitions, on one small network: what perturbations, scores and duals say.

Here F, A and the gradients are what the definitions make them, at finite width and without any average over weights;
everything asymptotic starts from these statements. The network, its parameters and its inputs are fixed numbers.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import numpy as np
import sympy as sp

from fimtheory.claims import Agreement, Identity, Source, claim
from fimtheory.notation import SYMBOLS

WIDTHS, SAMPLES = (3, 4, 3, 2), 5
DEPTH, OUTPUTS = len(WIDTHS) - 1, WIDTHS[-1]
_SHAPES = [(rows, columns + 1) for columns, rows in itertools.pairwise(WIDTHS)]  # the bias is the last column
_STEP = 1e-3
_CLOSE = 1e-9  # sixth-order differences of step 1e-3, and products of a few dozen numbers of order one

_EXAMPLE = ("one network of widths 3, 4, 3, 2 with tanh, and five inputs",)


@functools.cache
def parameters() -> np.ndarray:
    """All weights and biases of the example, as one vector."""
    return _draw(1).standard_normal(sum(rows * columns for rows, columns in _SHAPES)) / 2


@functools.cache
def _inputs() -> np.ndarray:
    return _draw(2).standard_normal((SAMPLES, WIDTHS[0]))


def _draw(key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=key))


def _layers(theta: np.ndarray) -> list[np.ndarray]:
    """[W^l, b^l] by layer."""
    ends = np.cumsum([rows * columns for rows, columns in _SHAPES])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(theta, ends), _SHAPES, strict=True)]


def forward(theta: np.ndarray, shifts: list[np.ndarray] | None = None) -> tuple[list[np.ndarray], np.ndarray]:
    """Features h^0..h^{L-1}, each (N, M_l), with a shift added to each where some are given; and outputs (N, C)."""
    h, u, features = _inputs(), _inputs(), []
    for l, layer in enumerate(_layers(theta)):
        features.append(h if shifts is None else h + shifts[l])
        u = features[-1] @ layer[:, :-1].T + layer[:, -1]
        h = np.tanh(u)
    return features, u


def outputs(theta: np.ndarray) -> np.ndarray:
    """f_k(n), of shape (N, C)."""
    return forward(theta)[1]


def backward_signals() -> dict[int, np.ndarray]:
    """delta^l_{k,i}(n) by layer, of shape (N, C, M_l), by the chain rule."""
    layers, (features, _) = _layers(parameters()), forward(parameters())
    found = {DEPTH: np.broadcast_to(np.eye(OUTPUTS), (SAMPLES, OUTPUTS, OUTPUTS))}
    for l in range(DEPTH - 1, 0, -1):
        found[l] = (found[l + 1] @ layers[l][:, :-1]) * (1 - features[l] ** 2)[:, None, :]
    return found


def gradients(l: int) -> np.ndarray:
    """grad f_k(n) in the weights and biases of layer l, of shape (N, C, M_l, M_{l-1} + 1): delta times (h, 1)."""
    below = np.hstack([forward(parameters())[0][l - 1], np.ones((SAMPLES, 1))])
    return backward_signals()[l][:, :, :, None] * below[:, None, None, :]


def feature_gradients() -> np.ndarray:
    """grad_h f_k(n) over h^0..h^{L-1}, of shape (N, C, M_h): W' delta."""
    layers, delta = _layers(parameters()), backward_signals()
    return np.concatenate([delta[l] @ layers[l - 1][:, :-1] for l in range(1, DEPTH + 1)], axis=2)


def jacobian() -> np.ndarray:
    """All gradients, of shape (P, C N), output-major as in fig. 2(a)."""
    flat = [gradients(l).reshape(SAMPLES, OUTPUTS, -1) for l in range(1, DEPTH + 1)]
    return np.concatenate(flat, axis=2).transpose(2, 1, 0).reshape(-1, OUTPUTS * SAMPLES)


def fisher_matrix() -> np.ndarray:
    """F = (1/N) sum over outputs and samples of grad f grad f', of shape (P, P)."""
    return jacobian() @ jacobian().T / SAMPLES


def feature_matrix() -> np.ndarray:
    """A = (1/N) sum over outputs and samples of grad_h f grad_h f', of shape (M_h, M_h)."""
    return np.einsum("nki,nkj->ij", feature_gradients(), feature_gradients()) / SAMPLES


def _slope(function: Callable[[float], np.ndarray]) -> np.ndarray:
    """The derivative at zero by differences of sixth order: no derivative of any formula goes into it."""
    weights = {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}
    return np.sum([w * (function(k * _STEP) - function(-k * _STEP)) for k, w in weights.items()], axis=0) / _STEP


def _direction(size: int) -> np.ndarray:
    return _draw(3).standard_normal(size)


def _quadratic_by_differences() -> float:
    """E |f(theta + d theta) - f(theta)|^2 for a step to first order."""
    theta = parameters()
    change = _slope(lambda e: outputs(theta + e * _direction(len(theta))))
    return (change**2).sum() / SAMPLES


def _feature_quadratic(first_only: bool) -> tuple[float, float]:
    """E |f(h + dh) - f(h)|^2 by differences, and dh' A dh; over all features, or the inputs alone."""
    direction = _direction(sum(WIDTHS[:-1]))
    if first_only:
        direction = np.where(np.arange(len(direction)) < WIDTHS[0], direction, 0)
    shifts = np.split(direction, np.cumsum(WIDTHS[:-1])[:-1])
    change = _slope(lambda e: forward(parameters(), [e * s for s in shifts])[1])
    return (change**2).sum() / SAMPLES, float(direction @ feature_matrix() @ direction)


def _score_products() -> np.ndarray:
    """E_y [score score'] of p(y|x) = N(f, I), averaged over inputs; exact, for the score is linear in y."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    grid = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, OUTPUTS)  # y - f
    mass = np.outer(weights, weights).ravel() / (2 * np.pi)
    J = jacobian().reshape(-1, OUTPUTS, SAMPLES)
    scores = np.einsum("pkn,gk->gnp", J, grid)
    return np.einsum("g,gnp,gnq->pq", mass, scores, scores) / SAMPLES


def _kronecker_block(l: int, m: int) -> np.ndarray:
    """E [delta^l delta^m' (x) h^{l-1} h^{m-1}'] of output 0."""
    delta, (features, _) = backward_signals(), forward(parameters())
    blocks = [
        np.kron(np.outer(delta[l][n, 0], delta[m][n, 0]), np.outer(features[l - 1][n], features[m - 1][n]))
        for n in range(SAMPLES)
    ]
    return np.mean(blocks, axis=0)


def _weight_block(l: int, m: int) -> np.ndarray:
    """The weight part of the block (l, m) of the F of output 0, from gradients by differences."""
    left, right = (_gradients_by_differences(k)[:, :, :-1].reshape(SAMPLES, -1) for k in (l, m))
    return left.T @ right / SAMPLES


def _gradients_by_differences(l: int, output: int = 0) -> np.ndarray:
    """grad f_0(n) in the parameters of layer l, of shape (N, M_l, M_{l-1} + 1)."""
    theta, sizes = parameters(), [rows * columns for rows, columns in _SHAPES]
    start = sum(sizes[: l - 1])
    columns = [
        _slope(lambda e, i=i: outputs(theta + e * np.eye(len(theta))[i])[:, output])
        for i in range(start, start + sizes[l - 1])
    ]
    return np.stack(columns, axis=1).reshape(SAMPLES, *_SHAPES[l - 1])


@claim(
    "karakida2020.eq5",
    title="Gradients are backward signals times features",
    statement=r"\frac{\partial f_k}{\partial W_{ij}^l} = \delta_{k,i}^l h_j^{l-1},\quad "
    r"\frac{\partial f_k}{\partial b_i^l} = \delta_{k,i}^l,\quad "
    r"\delta_{k,i}^l = \phi'(u_i^l) \sum_j \delta_{k,j}^{l+1} W_{ji}^{l+1}",
    source=Source("karakida2020", "eqs. 1, 2, 3 and 5"),
    assumptions=_EXAMPLE,
    subject=None,
)
def predict_gradients() -> dict[str, Agreement]:
    """Every gradient of the first output, by the chain rule and by differences of the outputs."""
    return {
        f"layer {l}": Agreement(lambda l=l: gradients(l)[:, 0], lambda l=l: _gradients_by_differences(l), _CLOSE)
        for l in range(1, DEPTH + 1)
    }


@claim(
    "karakida2020.eq8",
    title="F measures the answer of the outputs to a change of the parameters",
    statement=r"\mathbb{E}\, \|f(x; \theta + d\theta) - f(x; \theta)\|^2 \sim d\theta^\top F\, d\theta",
    source=Source("karakida2020", "eqs. 8, 9 and 10"),
    assumptions=_EXAMPLE,
    subject=None,
)
def predict_perturbation() -> dict[str, Agreement]:
    """One direction in the space of parameters."""
    v = _direction(len(parameters()))
    return {"quadratic form": Agreement(_quadratic_by_differences, lambda: v @ fisher_matrix() @ v, _CLOSE)}


@claim(
    "karakida2020.eq11",
    title="A measures the answer of the outputs to a change of inputs and features",
    statement=r"\mathbb{E}\, \|f(h + dh; \theta) - f(h; \theta)\|^2 \sim dh^\top A\, dh,\quad "
    r"\mathbb{E}\, \|f(x + dx; \theta) - f(x; \theta)\|^2 \sim dx^\top A^{00}\, dx",
    source=Source("karakida2020", "eqs. 11, 12 and 13"),
    assumptions=(*_EXAMPLE, "dh is the same for every input"),
    subject=None,
)
def predict_feature_perturbation() -> dict[str, Agreement]:
    """One direction over all features, and one over the inputs."""
    return {
        where: Agreement(
            lambda only=only: _feature_quadratic(only)[0], lambda only=only: _feature_quadratic(only)[1], _CLOSE
        )
        for where, only in (("inputs and features", False), ("inputs", True))
    }


@claim(
    "karakida2020.eq19",
    title="F is the Fisher information of Gaussian responses",
    statement=r"\mathbb{E}\left[\nabla_\theta \log p\, \nabla_\theta \log p^\top\right] = F,\quad "
    r"p(y|x; \theta) \propto \exp\left(-\tfrac{1}{2} \|y - f(x; \theta)\|^2\right)",
    source=Source("karakida2020", "eqs. 19 and 20"),
    assumptions=_EXAMPLE,
    subject=None,
)
def predict_regression() -> dict[str, Agreement]:
    """Products of scores averaged over responses by a Gauss rule that is exact for them."""
    return {"all entries": Agreement(_score_products, fisher_matrix, _CLOSE)}


@claim(
    "karakida2020.eqA1",
    title="Blocks of F as Kronecker products",
    statement=r"F_k^{ll'} = \mathbb{E}\left[\delta_k^l (\delta_k^{l'})^\top \otimes h^{l-1} (h^{l'-1})^\top\right]",
    source=Source("karakida2020", "eq. A.1"),
    assumptions=(*_EXAMPLE, "the weights alone, without biases"),
    subject=None,
)
def predict_kronecker() -> dict[str, Agreement]:
    """Two blocks, one of them off the diagonal."""
    return {
        f"block {l}, {m}": Agreement(
            lambda l=l, m=m: _kronecker_block(l, m), lambda l=l, m=m: _weight_block(l, m), _CLOSE
        )
        for l, m in ((2, 2), (1, 2))
    }


def _nonzero_eigenvalues(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.eigvalsh(matrix)[-OUTPUTS * SAMPLES :]


@claim(
    "karakida2020.eqA2",
    title="F and its dual have the same non-zero eigenvalues",
    statement=r"F = R R^\top,\quad F^* = R^\top R,\quad F^*(k, k') = \nabla_\theta f_k^\top \nabla_\theta f_{k'} / N",
    source=Source("karakida2020", "eqs. A.2 and A.3"),
    assumptions=_EXAMPLE,
    subject=None,
)
def predict_dual() -> dict[str, Agreement]:
    """All of them, of the P x P matrix and of the C N x C N one."""
    return {
        "eigenvalues": Agreement(
            lambda: _nonzero_eigenvalues(fisher_matrix()),
            lambda: _nonzero_eigenvalues(jacobian().T @ jacobian() / SAMPLES),
            _CLOSE,
        )
    }


def _layer_dual(l: int) -> np.ndarray:
    """The dual of one diagonal block: backward overlaps times forward overlaps, the bias as a feature 1."""
    delta = backward_signals()[l].transpose(1, 0, 2).reshape(OUTPUTS * SAMPLES, -1)
    h = forward(parameters())[0][l - 1]
    return delta @ delta.T * np.tile(h @ h.T + 1, (OUTPUTS, OUTPUTS)) / SAMPLES


@claim(
    "fimtheory.dual_sum",
    title="The dual of F is a sum over layers of backward overlaps times forward overlaps",
    statement=r"F^*_{(k n)(k' m)} = \frac{1}{N} \sum_{l=1}^{L} \left(\delta_k^l(n) \cdot \delta_{k'}^l(m)\right)"
    r" \left(h^{l-1}(n) \cdot h^{l-1}(m) + 1\right)",
    source=Source("fimtheory", "extends karakida2020, eqs. A.3 and A.9"),
    assumptions=_EXAMPLE,
    subject=None,
)
def predict_dual_sum() -> dict[str, Agreement]:
    """Every entry, against inner products of gradients."""
    return {
        "all entries": Agreement(
            lambda: sum(_layer_dual(l) for l in range(1, DEPTH + 1)),
            lambda: jacobian().T @ jacobian() / SAMPLES,
            _CLOSE,
        )
    }


def _feature_dual() -> np.ndarray:
    """The dual of the A of output 0: sums of W' delta . W' delta over the layers."""
    layers, delta = _layers(parameters()), backward_signals()
    signals = [delta[l][:, 0] @ layers[l - 1][:, :-1] for l in range(1, DEPTH + 1)]
    return np.sum([s @ s.T for s in signals], axis=0) / SAMPLES


def _eigenvector_image() -> tuple[np.ndarray, np.ndarray]:
    """A_k R v = lambda R v for an eigenvector v of the dual: both sides."""
    R = feature_gradients()[:, 0].T / np.sqrt(SAMPLES)
    values, vectors = np.linalg.eigh(_feature_dual())
    image = R @ vectors[:, -1]
    return R @ R.T @ image, values[-1] * image


@claim(
    "karakida2020.eqD1",
    title="A and its dual",
    statement=r"(A_k^*)_{nm} = \frac{1}{N} \sum_{l=1}^{L} \left((W^l)^\top \delta_k^l(n)\right) \cdot "
    r"\left((W^l)^\top \delta_k^l(m)\right),\quad A_k^* v = \lambda v \;\Rightarrow\; A_k R_k v = \lambda R_k v",
    source=Source("karakida2020", "eqs. D.1, D.3, D.4 and D.5"),
    assumptions=_EXAMPLE,
    subject=None,
)
def predict_feature_dual() -> dict[str, Agreement]:
    """Its entries, and the way from its eigenvectors to those of A."""

    def products() -> np.ndarray:
        return feature_gradients()[:, 0] @ feature_gradients()[:, 0].T / SAMPLES

    return {
        "entries": Agreement(_feature_dual, products, _CLOSE),
        "eigenvectors": Agreement(lambda: _eigenvector_image()[0], lambda: _eigenvector_image()[1], _CLOSE),
    }


@claim(
    "karakida2020.eqA5",
    title="Eigenvalues of K",
    statement=r"\det(z - K) = \left(z - \kappa_1 - (N-1)\, \kappa_2\right) \left(z - \kappa_1 + \kappa_2\right)^{N-1}",
    source=Source("karakida2020", "eqs. A.5 and A.6"),
    assumptions=("K has kappa_1 on the diagonal and kappa_2 off it", "N = 2, 3, 4, 5"),
    subject=None,
)
def predict_eigenvalues() -> dict[str, Identity]:
    """The characteristic polynomial, written out."""
    k1, k2, z = SYMBOLS["kappa1"], SYMBOLS["kappa2"], sp.Symbol("z", real=True)
    found = {}
    for samples in (2, 3, 4, 5):
        K = (k1 - k2) * sp.eye(samples) + k2 * sp.ones(samples)
        product = (z - k1 - (samples - 1) * k2) * (z - k1 + k2) ** (samples - 1)
        found[f"N = {samples}"] = Identity((z * sp.eye(samples) - K).det(), product)
    return found
