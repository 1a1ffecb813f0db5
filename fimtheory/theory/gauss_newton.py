r"""From the squared loss to the Gauss-Newton matrix H = E_X J'J of one hidden layer, its Jacobian and its traces.

Everything here is exact at any width, and is checked on small networks in symbols.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import sympy as sp

from fimtheory.claims import Identity, Source, claim
from fimtheory.notation import SYMBOLS
from fimtheory.theory.single_layer import eta, eta_prime

n = SYMBOLS["n"]
_X, _Y = sp.symbols("X_1:3", real=True), sp.symbols("Y_1:3", real=True)
_W1 = sp.Matrix(2, 2, sp.symbols("u_1:5", real=True))
_W2 = sp.Matrix(2, 2, sp.symbols("w_1:5", real=True))
_THETA = [*_W1, *_W2]
_DIRECTION = sp.symbols("v_1:9", real=True)
_A1 = sp.Matrix(2, 2, sp.symbols("a_1:5", real=True))
_A2 = sp.Matrix(2, 1, sp.symbols("b_1:3", real=True))


def activation_of(u: sp.Expr) -> sp.Expr:
    """A nonlinear activation for the small networks, with nothing special about it."""
    return sp.sin(u) + u**2 / 3


def _outputs() -> sp.Matrix:
    return _W2 * (_W1 * sp.Matrix(_X)).applyfunc(activation_of)


def _along(e: sp.Expr, order: int) -> sp.Expr:
    """The derivative of an expression along the direction v in parameter space, of first or second order."""
    pairs = list(zip(_THETA, _DIRECTION, strict=True))
    if order == 1:
        return sp.Add(*(v * sp.diff(e, t) for t, v in pairs))
    return sp.Add(*(v * w * sp.diff(e, t, s) for (t, v), (s, w) in itertools.product(pairs, pairs)))


@claim(
    "pennington2018.eq1",
    title="The Hessian is the Gauss-Newton matrix and a term of the residuals",
    statement=r"\nabla^2 \mathcal{L} = \mathbb{E}\, J' J + \mathbb{E} \sum_\alpha (\hat Y - Y)_\alpha \nabla^2 \hat"
    r" Y_\alpha",
    source=Source("pennington2018", "Eqs. 1 to 3"),
    assumptions=("squared loss", "f is twice differentiable"),
    subject=None,
)
def predict_hessian() -> dict[str, Identity]:
    """The second derivative of the loss along any direction, for widths 2, 2, 2."""
    outputs = _outputs()
    loss = sum((y - h) ** 2 for y, h in zip(_Y, outputs, strict=True)) / 2
    parts = sum(_along(h, 1) ** 2 + (h - y) * _along(h, 2) for y, h in zip(_Y, outputs, strict=True))
    return {"second derivative along v": Identity(_along(loss, 2), parts)}


def jacobian_entry(output: int, layer: int, row: int, column: int) -> sp.Expr:
    """dY_i/dW1_ab = W2_ia f'((W1 X)_a) X_b and dY_j/dW2_cd = delta_cj f((W1 X)_d), for widths 2, 2, 2."""
    u, t = _W1 * sp.Matrix(_X), sp.Symbol("t", real=True)
    if layer == 1:
        return _W2[output, row] * sp.diff(activation_of(t), t).subs(t, u[row]) * _X[column]
    return sp.Integer(output == row) * activation_of(u[column])


@claim(
    "pennington2018.eq11",
    title="Entries of the Jacobian",
    statement=r"J^{(1)}_{i, ab} = W^{(2)}_{ia} f'((W^{(1)} X)_a) X_b,\quad J^{(2)}_{j, cd} = \delta_{cj} f((W^{(1)} X)_d)",
    source=Source("pennington2018", "Eqs. 10 and 11"),
    assumptions=("f is weakly differentiable",),
    subject=None,
)
def predict_jacobian() -> dict[str, Identity]:
    """The derivative of each output along any direction, from the entries."""
    places = [(layer, a, b) for layer in (1, 2) for a in range(2) for b in range(2)]
    found = {}
    for i, output in enumerate(_outputs()):
        entries = sp.Add(*(v * jacobian_entry(i, *place) for v, place in zip(_DIRECTION, places, strict=True)))
        found[f"output {i + 1} along v"] = Identity(_along(output, 1), entries)
    return found


def words(length: int) -> list[tuple[int, ...]]:
    """All words in the letters 1, 2: the blocks that a trace visits."""
    return list(itertools.product((1, 2), repeat=length))


def _product(matrices: Sequence[sp.Matrix]) -> sp.Matrix:
    product = sp.eye(matrices[0].rows)
    for matrix in matrices:
        product = product * matrix
    return product


@claim(
    "pennington2018.prop1",
    title="Traces of powers in terms of blocks",
    statement=r"\operatorname{tr} (A'A)^d = \sum_{b \in \{1, 2\}^d} \operatorname{tr} \prod_i A_{b_i} A_{b_i}' = \sum_{b}"
    r" \operatorname{tr} A_{b_d}' A_{b_1} \prod_{i=1}^{d-1} A_{b_i}' A_{b_{i+1}}",
    source=Source("pennington2018", "Proposition 1 and eqs. 12 and 13"),
    assumptions=("A = [A_1, A_2] with any numbers of rows and columns",),
    subject=None,
)
def predict_traces() -> dict[str, Identity]:
    """Both forms for d = 2, 3 with two columns and one; the rows of A are all outputs at all inputs (eq. 13)."""
    blocks = {1: _A1, 2: _A2}
    whole = sp.Matrix.hstack(_A1, _A2)
    found = {}
    for d in (2, 3):
        trace = ((whole.T * whole) ** d).trace()
        rows = sum(_product([blocks[k] * blocks[k].T for k in word]).trace() for word in words(d))
        closed = [(*word, word[0]) for word in words(d)]
        cycles = sum(_product([blocks[j].T * blocks[k] for j, k in itertools.pairwise(w)]).trace() for w in closed)
        found |= {f"d = {d}, by rows": Identity(trace, rows), f"d = {d}, by columns": Identity(trace, cycles)}
    return found


@claim(
    "pennington2018.eq14",
    title="Moments per eigenvalue",
    statement=r"m_k = \lim_{n \to \infty} \frac{1}{2 n^2}\, \mathbb{E} \operatorname{tr} H^k",
    source=Source("pennington2018", "Eqs. 8, 9 and 14"),
    assumptions=("n is large",),
    as_printed=r"m_k = \frac{1}{n}\, \mathbb{E}_W \operatorname{tr} H^k",
    printed=lambda: {"m_1": Identity(_mean_trace() / n, (eta + eta_prime) / 2)},
    subject=None,
)
def predict_normalisation() -> dict[str, Identity]:
    """H has 2 n^2 eigenvalues, whose mean is (eta + eta')/2."""
    return {"m_1": Identity(_mean_trace() / (2 * n**2), (eta + eta_prime) / 2)}


def _mean_trace() -> sp.Expr:
    """E tr H to leading order: n^2 weights of W2 with E f^2 each, n^2 of W1 with E (W2'W2)_aa E f'^2 E X_b^2 each."""
    return n**2 * eta + n**2 * eta_prime
