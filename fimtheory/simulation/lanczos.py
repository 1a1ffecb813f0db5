"""Spectra of matrices known only through their products with vectors: stochastic Lanczos quadrature, and both ends.

A random vector of signs v gives v'g(H)v/size, whose mean is tr g(H)/size; Lanczos's tridiagonal matrix gives its Gauss
quadrature, exact for polynomials of degree up to 2 steps - 1. For large matrices one vector is nearly as good as all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fimtheory.errors import InputError, NotConverged

_BREAKDOWN = 1e-12  # a next vector so small, relative to H, spans nothing new
_DENSE = 200  # up to so many rows, all eigenvalues are cheaper than iterations
_RESOLVED = 1e-3  # a residual so small, relative to the mean distance of nodes, marks an eigenvalue


@dataclass(frozen=True)
class Spectrum:
    """Point masses that stand for a spectrum, one row a probe: ``nodes``, ``weights``, ``resolved``.

    Shapes are ``(probes, nodes)``, nodes ascending, the weights of a row sum to one. A ``resolved`` node is an
    eigenvalue, simple or multiple; any other node represents the eigenvalues around it. Every statistic comes as
    ``(mean, standard_error)`` over probes; the statistics of all eigenvalues have standard error 0.
    """

    nodes: np.ndarray
    weights: np.ndarray
    resolved: np.ndarray

    @classmethod
    def from_eigenvalues(cls, eigenvalues: Any) -> Spectrum:
        """The exact spectrum.

        >>> Spectrum.from_eigenvalues([0.0, 1.0, 1.0, 4.0]).moment(2)
        (4.5, 0.0)
        """
        nodes = np.sort(np.asarray(eigenvalues, dtype=float))[None]
        return cls(nodes, np.full(nodes.shape, 1 / nodes.size), np.ones(nodes.shape, dtype=bool))

    def moment(self, k: int) -> tuple[float, float]:
        """tr H^k / size."""
        mean, error = _summary((self.weights * self.nodes**k).sum(axis=1))
        return float(mean), float(error)

    def mass(self, lo: float, hi: float) -> tuple[float, float]:
        """The fraction of the eigenvalues in ``[lo, hi]``.

        An unresolved node is spread evenly to half way to its neighbours: a sharp count of nodes would be wrong by as
        much as a whole weight at each end of the window.

        >>> Spectrum.from_eigenvalues([0.0, 1.0, 1.0, 4.0]).mass(1.0, 2.0)
        (0.5, 0.0)
        """
        left, right = self._cells()
        width = np.where(right > left, right - left, 1)
        inside = np.clip(np.minimum(hi, right) - np.maximum(lo, left), 0, None) / width
        inside = np.where(right > left, inside, (lo <= self.nodes) & (self.nodes <= hi))
        mean, error = _summary((self.weights * inside).sum(axis=1))
        return float(mean), float(error)

    def density(self, points: Any, width: float) -> tuple[np.ndarray, np.ndarray]:
        """The density smoothed by a Gaussian of standard deviation ``width``, at ``points`` of shape ``(m,)``.

        ``width`` should be several distances of nodes: the range of the spectrum over the number of steps.
        """
        if not width > 0:
            raise InputError(f"width = {width} smooths nothing: write a positive standard deviation")
        distance = (np.asarray(points, dtype=float)[:, None, None] - self.nodes) / width
        kernels = np.exp(-(distance**2) / 2) / (width * np.sqrt(2 * np.pi))
        return _summary((self.weights * kernels).sum(axis=2).T)

    def calibrated(self, first: float, second: float) -> Spectrum:
        """The same nodes, with the weights of each probe changed so that m_1 and m_2 take their known values.

        Every weight is multiplied by a quadratic of its node, close to one for a large matrix. This removes most of the
        scatter of the other statistics, which goes with that of the first two moments.
        """
        scale = np.abs(self.nodes).max() or 1.0
        powers = (self.nodes / scale)[:, :, None] ** np.arange(3)
        sums = np.einsum("pj,pji,pjk->pik", self.weights, powers, powers)
        wanted = np.array([1, first / scale, second / scale**2])
        factors = np.linalg.pinv(sums, hermitian=True) @ wanted
        return Spectrum(self.nodes, self.weights * np.einsum("pji,pi->pj", powers, factors), self.resolved)

    def _cells(self) -> tuple[np.ndarray, np.ndarray]:
        """The interval over which each node is spread; a single point for a resolved one."""
        ends = np.concatenate(
            [self.nodes[:, :1], (self.nodes[:, :-1] + self.nodes[:, 1:]) / 2, self.nodes[:, -1:]], axis=1
        )
        return np.where(self.resolved, self.nodes, ends[:, :-1]), np.where(self.resolved, self.nodes, ends[:, 1:])


def _summary(values: np.ndarray) -> tuple[Any, Any]:
    """Mean and standard error over the first axis."""
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.zeros_like(values[0])
    return values.mean(axis=0), error


def stochastic_lanczos(
    matvec: Callable[[np.ndarray], np.ndarray], size: int, probes: int, steps: int, seed: np.random.SeedSequence | int
) -> Spectrum:
    """The spectrum of a symmetric matrix of which only products ``matvec(v)`` are known.

    Each of ``probes >= 2`` random vectors of signs takes ``steps`` products and ``2 steps^2 size`` operations, for
    every new vector is made orthogonal to all before, twice; memory holds ``steps`` vectors. Moments up to
    ``2 steps - 1`` are unbiased. Probe ``i`` depends on ``seed`` and ``i`` alone. Raises :class:`InputError`.

    >>> diagonal = np.array([0.0, 1.0, 1.0, 4.0])
    >>> spectrum = stochastic_lanczos(lambda v: diagonal * v, size=4, probes=2, steps=4, seed=1)
    >>> [round(number, 12) for number in spectrum.mass(0.5, 1.5)]  # signs see every diagonal matrix exactly
    [0.5, 0.0]
    """
    if probes < 2 or steps < 2:
        raise InputError(f"probes = {probes} and steps = {steps}: write at least 2 of each")
    if size < 1:
        raise InputError(f"size = {size} is no matrix: write the number of its rows")
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    rows = [_quadrature(matvec, _signs(size, sequence, probe), min(steps, size)) for probe in range(probes)]
    return _stacked(rows)


def _signs(size: int, sequence: np.random.SeedSequence, probe: int) -> np.ndarray:
    child = np.random.SeedSequence(sequence.entropy, spawn_key=(*sequence.spawn_key, probe))
    return 2.0 * np.random.Generator(np.random.Philox(child)).integers(0, 2, size) - 1


def _quadrature(
    matvec: Callable[[np.ndarray], np.ndarray], start: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes, weights and which nodes are eigenvalues, from at most ``steps`` vectors of the Krylov space."""
    from scipy.linalg import eigh_tridiagonal

    basis = np.empty((steps, len(start)))
    diagonal, off = np.empty(steps), np.empty(steps)
    vector, count = start / np.linalg.norm(start), steps
    for j in range(steps):
        basis[j] = vector
        vector = np.asarray(matvec(vector), dtype=float)
        diagonal[j] = basis[j] @ vector
        for _ in range(2):
            vector = vector - basis[: j + 1].T @ (basis[: j + 1] @ vector)
        off[j] = np.linalg.norm(vector)
        if off[j] <= _BREAKDOWN * (np.abs(diagonal[: j + 1]).max() + off[: j + 1].max()):
            count, off[j] = j + 1, 0.0
            break
        vector /= off[j]
    nodes, rotation = eigh_tridiagonal(diagonal[:count], off[: count - 1])
    residuals = off[count - 1] * np.abs(rotation[-1])
    return nodes, rotation[0] ** 2, residuals <= _RESOLVED * (nodes[-1] - nodes[0]) / count


def _stacked(rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Spectrum:
    """One spectrum of several probes. A short row, its invariant subspace complete, is filled up with weights zero."""
    length = max(len(nodes) for nodes, _, _ in rows)
    padded = [
        (np.pad(nodes, (0, missing), "edge"), np.pad(weights, (0, missing)), np.pad(resolved, (0, missing), "edge"))
        for nodes, weights, resolved in rows
        for missing in [length - len(nodes)]
    ]
    return Spectrum(*(np.stack(parts) for parts in zip(*padded, strict=True)))


def extreme_eigenvalues(
    operator: Any, count: int = 1, tolerance: float = 1e-6, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` smallest and the ``count`` largest eigenvalues of a symmetric operator, each ascending.

    ``operator`` is a matrix or a :class:`scipy.sparse.linalg.LinearOperator`. Residuals are at most ``tolerance`` times
    the largest absolute eigenvalue, at both ends, and errors are far smaller where an end stands clear. ``seed`` starts the
    iteration. Of a multiple eigenvalue, copies may be missed. Raises :class:`InputError`, and
    :class:`fimtheory.errors.NotConverged`.

    >>> low, high = extreme_eigenvalues(np.diag(np.arange(50.0)), count=2)
    >>> low.round(9).tolist(), high.round(9).tolist()
    ([0.0, 1.0], [48.0, 49.0])
    """
    from scipy.sparse.linalg import LinearOperator, aslinearoperator

    given = aslinearoperator(operator)
    size = given.shape[0]
    if not 1 <= count <= size:
        raise InputError(f"count = {count} of {size} eigenvalues: write a number from 1 to {size}")
    if size <= _DENSE or 4 * count > size:
        values = np.linalg.eigvalsh(given @ np.eye(size))
        return values[:count], values[-count:]
    start = np.random.Generator(np.random.Philox(seed)).standard_normal(size)
    high = _largest(given, count, tolerance, start)
    # The lower end is sought as the upper end of (shift - H), so that its accuracy is relative to H, not to itself.
    shift = high[-1]
    mirrored = LinearOperator(given.shape, matvec=lambda v: shift * v.ravel() - given.matvec(v.ravel()), dtype=float)
    return shift - _largest(mirrored, count, tolerance, start)[::-1], high


def _largest(operator: Any, count: int, tolerance: float, start: np.ndarray) -> np.ndarray:
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    basis = min(len(start) - 1, max(40, 4 * count))
    try:
        values = eigsh(operator, count, which="LA", v0=start, tol=tolerance, ncv=basis, return_eigenvectors=False)
    except ArpackNoConvergence as error:
        best = float(error.eigenvalues.max(initial=np.nan))
        raise NotConverged(f"an end of the spectrum was not found to {tolerance}: write a larger one", best) from None
    return np.sort(values)
