"""The Fisher information of one hidden layer, averaged over all inputs, as an operator: no sampled input, no Jacobian.

The network is Y(X) = W2 f(W1 X) with X ~ N(0, I); squared loss, so H = E J'J over the entries of W1 (n1 x n0) and
W2 (n2 x n1). The averages over X are pair moments of hidden units (:mod:`fimtheory.simulation.hidden_units`).
What is left is Hadamard products and six matrix products: H times a vector costs O(n^3), and tr H and tr H^2 are exact
in O(n^2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.backends import Array, Backend, numpy_backend
from fimtheory.simulation.hidden_units import Function, PairMoments, checked_weights, pair_moments

_LARGEST_DENSE = 12_000  # 1.2 GB
_BATCH = 2**24  # entries of the vectors multiplied at a time


@dataclass(frozen=True)
class ExpectedFisher:
    """H = E_X J'J of given weights. Parameters are ordered as ``[W1.ravel(), W2.ravel()]``.

    With B = W2'W2, w_a the rows of W1, and the expectations Eij of :class:`PairMoments`, its blocks are::

        H11[ab, de] = B_ad (E11 I + E31[a,d] w_a w_a' + E31[d,a] w_d w_d' + E22 (w_a w_d' + w_d w_a'))[b, e]
        H12[ab, cd] = W2_ca (w_db E11[a,d] + w_ab E20[a,d])
        H22[cd, eg] = delta_ce E00[d,g]

    *Source*: Pennington, Worah (2018), eqs. 3 and 11, averaged with Stein's lemma. *Holds when* f is continuous with
    square-integrable f', at any widths and for any mean of f. Make one with :meth:`from_weights`.

    >>> W1, W2 = np.array([[3.0, 4.0]]), np.array([[2.0]])
    >>> H = ExpectedFisher.from_weights(W1, W2, f=lambda h: h, df=np.ones_like)
    >>> np.rint(H.dense()).astype(int).tolist()  # the output is 2 w.x, its gradient (2 x, w.x)
    [[4, 0, 6], [0, 4, 8], [6, 8, 25]]
    >>> round(H.trace(), 9), round(H.squared_norm(), 9)
    (33.0, 857.0)
    """

    W1: Array
    W2: Array
    moments: PairMoments
    backend: Backend

    @classmethod
    def from_weights(
        cls,
        W1: Any,
        W2: Any,
        f: Function,
        df: Function,
        kinks: Sequence[float] = (),
        backend: Backend | None = None,
    ) -> ExpectedFisher:
        """H at weights ``W1`` of shape ``(n1, n0)`` and ``W2`` of shape ``(n2, n1)``, arrays of NumPy.

        ``f`` and ``df`` are functions of NumPy arrays, ``kinks`` the points where either is not smooth. The moments are
        found on the processor in double precision; products run on the backend. Raises :class:`InputError`.
        """
        W1, W2 = checked_weights(W1, W2)
        backend = backend or numpy_backend()
        moments = pair_moments(W1, f, df, kinks)
        moved = (backend.xp.asarray(matrix, dtype=backend.dtype) for matrix in vars(moments).values())
        W1, W2 = (backend.xp.asarray(matrix, dtype=backend.dtype) for matrix in (W1, W2))
        return cls(W1, W2, PairMoments(*moved), backend)

    @property
    def layer_sizes(self) -> tuple[int, int]:
        """The numbers of entries of W1 and of W2: the sizes of the diagonal blocks."""
        return self.W1.size, self.W2.size

    @property
    def shape(self) -> tuple[int, int]:
        """``(n1 (n0 + n2), n1 (n0 + n2))``."""
        size = sum(self.layer_sizes)
        return size, size

    @cached_property
    def _tables(self) -> tuple[Array, Array, Array]:
        """B E11, B E31, B E22, entry by entry."""
        gram = self.W2.T @ self.W2
        return gram * self.moments.E11, gram * self.moments.E31, gram * self.moments.E22

    def matvec(self, vector: Array) -> Array:
        """H times a vector of shape ``(size,)``, an array of the backend."""
        return self.matmat(vector.reshape(-1, 1))[:, 0]

    def matmat(self, vectors: Array) -> Array:
        """H times the columns of an array of shape ``(size, count)``."""
        vectors = self.backend.xp.asarray(vectors, dtype=self.backend.dtype)
        if vectors.ndim != 2 or len(vectors) != self.shape[0]:
            raise InputError(f"H of size {self.shape[0]} cannot multiply an array of shape {vectors.shape}")
        step = max(1, _BATCH // self.shape[0])
        parts = [self._product(vectors[:, i : i + step]) for i in range(0, vectors.shape[1], step)]
        return self.backend.xp.concatenate(parts, axis=1)

    def _product(self, vectors: Array) -> Array:
        xp, count, first = self.backend.xp, vectors.shape[1], self.layer_sizes[0]
        V1 = xp.ascontiguousarray(vectors[:first].T).reshape(count, *self.W1.shape)
        V2 = xp.ascontiguousarray(vectors[first:].T).reshape(count, *self.W2.shape)
        one, two = self._apply(V1, V2)
        return xp.concatenate([one.reshape(count, -1), two.reshape(count, -1)], axis=1).T

    def _apply(self, V1: Array, V2: Array) -> tuple[Array, Array]:
        """The two layers of H V, each with a leading axis of vectors."""
        xp, m, (slopes, thirds, seconds) = self.backend.xp, self.moments, self._tables
        overlap = V1 @ self.W1.T  # v_a . w_d
        own = xp.diagonal(overlap, axis1=1, axis2=2)  # v_a . w_a
        back = self.W2.T @ V2
        turned = overlap.swapaxes(1, 2)
        along_others = seconds * turned + thirds.T * own[:, None, :] + m.E11 * back
        along_own = (thirds * turned + m.E20 * back).sum(axis=2) + own @ seconds
        one = slopes @ V1 + along_others @ self.W1 + along_own[:, :, None] * self.W1
        two = V2 @ m.E00 + self.W2 @ (m.E11 * overlap + m.E20 * own[:, :, None])
        return one, two

    def dense(self) -> np.ndarray:
        """H as a matrix on the host. Raises :class:`InputError` above 12,000 parameters."""
        if self.shape[0] > _LARGEST_DENSE:
            raise InputError(
                f"H of size {self.shape[0]} is too large to be written out (limit {_LARGEST_DENSE}): "
                "multiply with matvec, or use stochastic_lanczos"
            )
        matrix = self.backend.to_numpy(self.matmat(np.eye(self.shape[0])))
        return (matrix + matrix.T) / 2

    def linear_operator(self) -> Any:
        """H as a :class:`scipy.sparse.linalg.LinearOperator` on arrays of NumPy."""
        from scipy.sparse.linalg import LinearOperator

        def product(vectors: np.ndarray) -> np.ndarray:
            return self.backend.to_numpy(self.matmat(vectors.reshape(len(vectors), -1))).reshape(vectors.shape)

        return LinearOperator(self.shape, matvec=product, matmat=product, rmatvec=product, dtype=np.dtype(float))

    def trace(self) -> float:
        """tr H, exact."""
        return sum(self.block_traces())

    def block_traces(self) -> tuple[float, float]:
        """tr H11 and tr H22, exact."""
        m, q = self.moments, (self.W1**2).sum(axis=1)
        own = self.W1.shape[1] * m.E11.diagonal() + 2 * m.E31.diagonal() * q
        return float((self.W2**2).sum(axis=0) @ own), self.W2.shape[0] * float(m.E00.trace())

    def squared_norm(self) -> float:
        """tr H^2, exact at any size: the squared Frobenius norm of the blocks, in O(n^2)."""
        one, off, two = self.block_squared_norms()
        return one + 2 * off + two

    def block_squared_norms(self) -> tuple[float, float, float]:
        """The squared Frobenius norms of H11, H12 and H22, exact."""
        m, cross = self.moments, self.W1 @ self.W1.T
        gram, q = self.W2.T @ self.W2, cross.diagonal()
        other, product = m.E31.T, q[:, None] * q
        # H11[a, d] = B_ad (E11 I + K), K in the plane of w_a and w_d:
        trace = m.E31 * q[:, None] + other * q + 2 * m.E22 * cross
        square = (m.E31 * q[:, None]) ** 2 + (other * q) ** 2 + 2 * (m.E22**2 * (product + cross**2))
        square += 2 * m.E31 * other * cross**2 + 4 * m.E22 * cross * (m.E31 * q[:, None] + other * q)
        one = gram**2 * (self.W1.shape[1] * m.E11**2 + 2 * m.E11 * trace + square)
        off = gram.diagonal()[:, None] * (m.E11**2 * q + 2 * m.E11 * m.E20 * cross + m.E20**2 * q[:, None])
        return float(one.sum()), float(off.sum()), self.W2.shape[0] * float((m.E00**2).sum())


def exact_moments(fisher: ExpectedFisher) -> tuple[float, float]:
    """m_1 = tr H / size and m_2 = tr H^2 / size: exact, without an eigenvalue.

    >>> H = ExpectedFisher.from_weights(np.eye(1), np.eye(1), f=lambda h: h, df=np.ones_like)
    >>> [round(moment, 12) for moment in exact_moments(H)]  # H = [[1, 1], [1, 1]]
    [1.0, 2.0]
    """
    return fisher.trace() / fisher.shape[0], fisher.squared_norm() / fisher.shape[0]
