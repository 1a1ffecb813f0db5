r"""The outliers of the Fisher information matrix with softmax output: an equation where the paper has bounds.

To leading order the non-zero eigenvalues of F_cross are those of the C N x C N matrix with blocks

    a B_n' B_m [n = m] + b B_n' B_m,   B_n B_n' = Q_n = diag(g_n) - g_n g_n',

a = s (k1 - k2), b = s k2 for a dual s I_C (x) K. Above the eigenvalues a mu of the a Q_n (the *bulk*), lambda is one of
its eigenvalues if and only if 1 is one of the C x C matrix

    S(lambda) = b sum_n Q_n (lambda - a Q_n)^(-1).

Every Q_n annihilates the vector of ones, since the g_k(n) add up to one; so S has C - 1 eigenvalue curves that matter, each
falls with lambda, and there are at most C - 1 outliers. At any lambda, the number of eigenvalues above it is the number
of a mu above it plus the number of curves above 1 there, by Sylvester's law of inertia.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from fimtheory.claims import Agreement, Ordering, Source, claim
from fimtheory.errors import InputError
from fimtheory.theory.logit_law import LogitLaw, covariance_factors, softmax

_CLEARANCE = 1e-8  # relative to the bulk edge: an eigenvalue closer to it counts as bulk
_NEWTON_STEPS, _BISECTIONS = 100, 45
_SETTLED = 1e-13  # the relative step after which Newton's method has converged
_LARGEST_BATCH = 2**22  # numbers held at once


@dataclass(frozen=True)
class SoftmaxOutliers:
    """The C - 1 largest eigenvalues of the leading matrix for given logits, of shape (..., N, C): a batch of networks.

    ``a`` and ``b`` are not negative. *Source*: our own. *Holds when* M is large: then a = alpha M (kappa_1 - kappa_2)/N
    and b = alpha M kappa_2/N for F_cross (:func:`fimtheory.theory.softmax_fisher.outliers` knows the other metrics).
    Errors are below 1e-12 (a + N b) above the bulk, and 1e-8 of it inside. Raises :class:`InputError`.

    >>> SoftmaxOutliers(np.zeros((5, 2)), a=1.0, b=1.0).values.tolist()
    [3.0]
    """

    logits: np.ndarray
    a: float
    b: float

    def __post_init__(self) -> None:
        logits = np.asarray(self.logits, dtype=float)
        if logits.ndim < 2 or 0 in logits.shape or not np.isfinite(logits).all():
            raise InputError(f"logits of shape {logits.shape} are none: give finite numbers of shape (..., N, C)")
        for name, value in (("a", self.a), ("b", self.b)):
            if not 0 <= value < np.inf:
                raise InputError(f"{name} = {value} is not possible: give zero or a positive number")
        object.__setattr__(self, "logits", logits)

    def __repr__(self) -> str:
        return f"<SoftmaxOutliers of logits of shape {self.logits.shape}, a = {self.a:.6g}, b = {self.b:.6g}>"

    @property
    def count(self) -> int:
        """C - 1, the number of eigenvalues that may leave the bulk."""
        return self.logits.shape[-1] - 1

    @functools.cached_property
    def edge(self) -> np.ndarray:
        """a max_n lambda_max(Q_n), the upper end of the bulk, at most a/2; shape (...)."""
        return self._shaped(self.a * self._modes[0].max(axis=1, initial=0))

    @functools.cached_property
    def lower(self) -> np.ndarray:
        """(a/N + b) lambda_j(sum_n Q_n): lower bounds of the eigenvalues, by Cauchy's interlacing; shape (..., C-1)."""
        return self._shaped((self.a / self.logits.shape[-2] + self.b) * self._of_sum, self.count)

    @functools.cached_property
    def upper(self) -> np.ndarray:
        """b lambda_j(sum_n Q_n) plus the edge: upper bounds, by Weyl's inequality; shape (..., C-1)."""
        return self._shaped(self.b * self._of_sum, self.count) + self.edge[..., None]

    @functools.cached_property
    def separated(self) -> np.ndarray:
        """Whether the eigenvalue stands above the bulk: truth values of shape (..., C-1)."""
        networks = np.arange(len(self._starts))
        curves = [np.linalg.eigvalsh(self._matrices(self._starts[part], part)) for part in self._parts(networks)]
        return self._shaped(np.concatenate(curves)[:, ::-1] > 1, self.count)

    @functools.cached_property
    def values(self) -> np.ndarray:
        """The C - 1 largest eigenvalues, falling, whether or not they stand above the bulk; shape (..., C-1)."""
        if self.b == 0:
            bulk = np.sort(self.a * self._modes[0], axis=1)[:, ::-1]
            return self._shaped(bulk[:, : self.count], self.count)
        above = self.separated.reshape(-1)
        found = np.empty(above.size)
        for which, solve in ((above, self._roots), (~above, self._counted)):
            for part in self._parts(np.flatnonzero(which)):
                found[part] = solve(part)
        return self._shaped(found, self.count)

    @functools.cached_property
    def directions(self) -> np.ndarray:
        """The combination u of outputs that each outlier belongs to, S u = u: unit vectors of shape (..., C-1, C).

        The entries of u add up to zero, the largest of them is positive, and sum_nk w_n(k) grad f_k(n) with
        w_n = Q_n (lambda - a Q_n)^(-1) u is the eigenvector of F_cross. Where the eigenvalue is in the bulk, S may have
        no such u, and the entries are not numbers.
        """
        found = np.full((self.separated.size, self.count + 1), np.nan)
        for part in self._parts(np.flatnonzero(self.separated.reshape(-1))):
            u = self._curves(self.values.reshape(-1)[part], part)[2] @ contrasts(self.count + 1).T
            largest = np.take_along_axis(u, np.abs(u).argmax(axis=1)[:, None], axis=1)
            found[part] = u * np.sign(largest)
        return self._shaped(found, self.count, self.count + 1)

    def _shaped(self, found: np.ndarray, *tail: int) -> np.ndarray:
        return found.reshape((*self.logits.shape[:-2], *tail))

    @functools.cached_property
    def _covariances(self) -> np.ndarray:
        """Q_n on the orthogonal complement of the ones, by network and n: shape (networks, N, C-1, C-1)."""
        networks = self.logits.reshape(-1, *self.logits.shape[-2:])
        factors = contrasts(self.count + 1).T @ covariance_factors(networks)
        return factors @ np.swapaxes(factors, -1, -2)

    @functools.cached_property
    def _modes(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues mu of all Q_n, (networks, N (C-1)), and their eigenvectors as columns, (networks, C-1, N (C-1))."""
        mu, vectors = np.linalg.eigh(self._covariances)
        mu, columns = np.maximum(mu, 0), np.moveaxis(vectors, 1, 2)
        modes = mu.shape[1] * self.count
        return mu.reshape(len(mu), modes), columns.reshape(len(mu), self.count, modes)

    @functools.cached_property
    def _of_sum(self) -> np.ndarray:
        """The eigenvalues of sum_n Q_n, falling: (networks, C-1)."""
        return np.maximum(np.linalg.eigvalsh(self._covariances.sum(axis=1))[:, ::-1], 0)

    # A pair (network, j), j = 0..C-2, is the number network * (C - 1) + j.

    def _parts(self, pairs: np.ndarray) -> list[np.ndarray]:
        """Networks, or pairs, in portions that fit into memory."""
        size = max(1, _LARGEST_BATCH // max(1, self._modes[1][0].size))
        return [pairs[k : k + size] for k in range(0, len(pairs), size)]

    @functools.cached_property
    def _starts(self) -> np.ndarray:
        """By network, a level just above the bulk, and above zero."""
        scale = self.upper.reshape(len(self._modes[0]), self.count).max(axis=1, initial=np.finfo(float).tiny)
        return np.maximum(self.edge.reshape(-1) * (1 + _CLEARANCE), 1e-14 * scale)

    def _matrices(self, level: np.ndarray, networks: np.ndarray) -> np.ndarray:
        """S of each of the networks at a level of its own."""
        mu, vectors = (part[networks] for part in self._modes)
        return (vectors * self._weights(level, mu)[:, None, :]) @ np.swapaxes(vectors, 1, 2)

    def _weights(self, level: np.ndarray, mu: np.ndarray, power: int = 1) -> np.ndarray:
        """b mu/(lambda - a mu)^power: the eigenvalues of a summand of S, and of minus its derivative."""
        distance = level[:, None] - self.a * mu
        return self.b * mu / np.where(distance == 0, np.finfo(float).eps * level[:, None], distance) ** power

    def _curves(self, level: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The j-th largest eigenvalue of S at one level a pair, minus its derivative, and its eigenvector."""
        heights, vectors = np.linalg.eigh(self._matrices(level, pairs // self.count))
        rank = (self.count - 1 - pairs % self.count)[:, None]
        u = np.take_along_axis(vectors, rank[..., None], axis=2)[..., 0]
        mu, modes = (part[pairs // self.count] for part in self._modes)
        slope = (self._weights(level, mu, 2) * (u[:, None, :] @ modes)[:, 0] ** 2).sum(axis=1)
        return np.take_along_axis(heights, rank, axis=1)[:, 0], slope, u

    def _roots(self, pairs: np.ndarray) -> np.ndarray:
        """Where curves cross 1 above the bulk: Newton's method for the reciprocal, almost a straight line, in a bracket."""
        low, high = self._starts[pairs // self.count], self.upper.reshape(-1)[pairs]
        level = np.maximum(low, self.lower.reshape(-1)[pairs])
        for _ in range(_NEWTON_STEPS):
            height, slope, _ = self._curves(level, pairs)
            low, high = np.where(height > 1, level, low), np.where(height > 1, high, level)
            following = level + (height - 1) * height / slope
            following = np.where((low <= following) & (following <= high), following, (low + high) / 2)
            moved, level = np.abs(following - level), following
            if (moved <= _SETTLED * level).all():
                break
        return level

    def _counted(self, pairs: np.ndarray) -> np.ndarray:
        """Eigenvalues in the bulk: bisection on the number of eigenvalues above a level."""
        low = self.lower.reshape(-1)[pairs]
        high = np.minimum(self.upper.reshape(-1)[pairs], self._starts[pairs // self.count])
        mu, wanted = self._modes[0][pairs // self.count], pairs % self.count + 1
        for _ in range(_BISECTIONS):
            level = (low + high) / 2
            curves = np.linalg.eigvalsh(self._matrices(level, pairs // self.count))
            enough = (self.a * mu > level[:, None]).sum(axis=1) + (curves > 1).sum(axis=1) >= wanted
            low, high = np.where(enough, level, low), np.where(enough, high, level)
        return (low + high) / 2


def contrasts(outputs: int) -> np.ndarray:
    """An orthonormal basis, as columns, of the vectors of ``outputs`` numbers that add up to zero.

    >>> contrasts(3).T.round(3).tolist()
    [[0.707, -0.707, 0.0], [0.408, 0.408, -0.816]]
    """
    k = np.arange(1, outputs)
    steps = np.triu(np.ones((outputs, outputs - 1))) - np.eye(outputs, outputs - 1, -1) * k
    return steps / np.sqrt(k * (k + 1))


def leading_dual(logits: np.ndarray, a: float, b: float) -> np.ndarray:
    """The C N x C N matrix itself, index (n, k) with k fastest, for logits of shape (N, C).

    >>> leading_dual(np.zeros((1, 2)), 1.0, 1.0).round(12).tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    """
    factors = covariance_factors(logits)
    N, C, _ = factors.shape
    side_by_side = np.swapaxes(factors, 0, 1).reshape(C, N * C)
    same_sample = np.kron(np.eye(N), np.ones((C, C)))
    return (a * same_sample + b) * (side_by_side.T @ side_by_side)


def _examples() -> list[SoftmaxOutliers]:
    """Eight networks each with many samples and with few; with a > b in the second."""
    return [
        SoftmaxOutliers(LogitLaw(2.0, 1.0, outputs=4, samples=40).draw(8, seed=1), a=0.5, b=1.0),
        SoftmaxOutliers(LogitLaw(5.0, 1.0, outputs=3, samples=6).draw(8, seed=2), a=6.0, b=1.0),
    ]


def _spectra(example: SoftmaxOutliers) -> np.ndarray:
    """All eigenvalues of the leading matrix, falling, by network: a route of its own."""
    matrices = [leading_dual(logits, example.a, example.b) for logits in example.logits]
    return np.linalg.eigvalsh(matrices)[:, ::-1]


@claim(
    "fimtheory.softmax.secular",
    title="The largest eigenvalues of the Fisher information matrix with softmax output, to leading order",
    statement=r"\det\left[I_C - b \sum_{n=1}^{N} Q_n \left(\lambda I_C - a\, Q_n\right)^{-1}\right] = 0,\quad "
    r"a = \frac{\alpha M}{N} (\kappa_1 - \kappa_2),\quad b = \frac{\alpha M}{N}\, \kappa_2",
    source=Source("fimtheory", "extends theorems 3.3 and 3.4 of Karakida et al."),
    assumptions=("exact for the leading matrix", "lambda is no eigenvalue of a Q_n"),
    subject=None,
)
def predict_secular() -> dict[str, Agreement]:
    """The C - 1 largest eigenvalues, and how many stand above the bulk, against dense eigenvalues; 1e-10 is rounding."""
    found = {}
    for example in _examples():
        name = f"N = {example.logits.shape[-2]}"
        found[f"{name}: number above the bulk"] = Agreement(
            lambda e=example: e.separated.sum(axis=1),
            lambda e=example: (_spectra(e) > e.edge[:, None] * (1 + _CLEARANCE)).sum(axis=1),
            0.0,
        )
        found[f"{name}: eigenvalues"] = Agreement(
            lambda e=example: e.values, lambda e=example: _spectra(e)[:, : e.count], 1e-10
        )
    return found


def _printed_bound() -> dict[str, Ordering]:
    """Eq. B.11 at r = C, with the output of the smallest variance."""
    example = _examples()[0]
    top = example.a + example.logits.shape[-2] * example.b
    g = softmax(example.logits)
    bound = top * (g * (1 - g)).mean(axis=1).min(axis=1)
    return {"C-th eigenvalue": Ordering(lambda: bound, lambda: _spectra(example)[:, example.count])}


@claim(
    "karakida2020.thm3.4",
    title="C - 1 eigenvalues of order M with softmax output, not C",
    statement=r"\lambda_r \geq \lambda_{\max}(F)\, \lambda_r\left(\frac{1}{N} \sum_{n} Q_n\right)\ (r < C),\quad"
    r" \lambda_C \leq \frac{\alpha M}{N} (\kappa_1 - \kappa_2) \max_n \lambda_{\max}(Q_n) \leq \frac{\alpha M}{2 N}"
    r" (\kappa_1 - \kappa_2)",
    source=Source("karakida2020", "Theorem 3.4; eqs. B.10 and B.11"),
    assumptions=("M is large", "kappa_2 > 0", "no output has probability 0 or 1 at all samples"),
    as_printed=r"\lambda_r \geq \lambda_{\max}(F)\, \frac{1}{N} \sum_n g_{i_1}(n) (1 - g_{i_1}(n)),\quad r = 1, \ldots, C",
    printed=_printed_bound,
    subject=None,
)
def predict_number() -> dict[str, Ordering]:
    """Bounds on dense eigenvalues of the leading matrix: from below for r < C, from above for r = C.

    The C gradients of the outputs are one direction short: Q_n sees differences of outputs only, and where N grows with
    M the C-th eigenvalue stays behind. The proof of the paper takes v_{i_1} for a maximiser of a subspace that need not
    contain it.
    """
    example = _examples()[0]
    return {
        "r < C": Ordering(lambda: example.lower, lambda: _spectra(example)[:, : example.count]),
        "r < C, from above": Ordering(lambda: _spectra(example)[:, : example.count], lambda: example.upper),
        "the bulk": Ordering(lambda: example.edge, lambda: example.a / 2),
        "r = C": Ordering(lambda: _spectra(example)[:, example.count], lambda: example.edge),
    }
