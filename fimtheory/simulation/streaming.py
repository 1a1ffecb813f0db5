"""Networks too wide to be stored: a block of rows is drawn, used, forgotten, and drawn again on the way back.

Random numbers are counter-based, so a block is a function of the seed, the layer and its place. What remains in memory
are the signals, linear in the width, where the weights are quadratic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fimtheory.simulation.backends import Array, Backend
from fimtheory.simulation.networks import Architecture, Network

BLOCK_ENTRIES = 2**22  # of a block of rows; the numbers of a seed depend on it


@dataclass(frozen=True)
class StreamedMatrix:
    """A matrix of independent centred Gaussians that is only ever multiplied: ``signals @ W`` and ``signals @ W.T``.

    >>> from fimtheory.simulation import numpy_backend
    >>> W = StreamedMatrix((3, 2), 1.0, np.random.SeedSequence(1), numpy_backend(), block_rows=2)
    >>> (np.eye(3) @ W).shape, np.array_equal(np.eye(3) @ W, (np.eye(2) @ W.T).T)
    ((3, 2), True)
    """

    shape: tuple[int, int]
    variance: float
    seed: np.random.SeedSequence
    backend: Backend
    block_rows: int

    __array_ufunc__ = None  # arrays on the left leave the product to __rmatmul__

    def blocks(self) -> Iterator[tuple[slice, Array]]:
        """Yield ``(rows, W[rows])``, from the first row to the last."""
        rows, columns = self.shape
        for place, start in enumerate(range(0, rows, self.block_rows)):
            generator = self.backend.make_generator(_child(self.seed, place))
            taken = slice(start, min(start + self.block_rows, rows))
            yield taken, self.backend.normal(generator, (taken.stop - start, columns), self.variance)

    def __rmatmul__(self, signals: Array) -> Array:
        total = self.backend.xp.zeros((len(signals), self.shape[1]), dtype=self.backend.dtype)
        for rows, block in self.blocks():
            total += signals[:, rows] @ block
        return total

    @property
    def T(self) -> StreamedTranspose:
        """The transpose."""
        return StreamedTranspose(self)


@dataclass(frozen=True)
class StreamedTranspose:
    """The transpose of a :class:`StreamedMatrix`, for ``signals @ W.T``."""

    matrix: StreamedMatrix

    __array_ufunc__ = None

    def __rmatmul__(self, signals: Array) -> Array:
        return self.matrix.backend.xp.hstack([signals @ block.T for _, block in self.matrix.blocks()])


def streamed_network(
    architecture: Architecture, seed: np.random.SeedSequence, backend: Backend, block_entries: int = BLOCK_ENTRIES
) -> Network:
    """A network of streamed weights, drawn as :func:`fimtheory.simulation.networks.draw_network` draws stored ones.

    Layer ``l`` draws its biases from ``seed``'s descendant ``(l, 0)``, and its weights, in blocks of as many rows as
    ``block_entries`` allows, from ``(l, 1, 0)``, ``(l, 1, 1)``, ...

    >>> from fimtheory.simulation import measure, numpy_backend
    >>> backend = numpy_backend()
    >>> linear = Architecture((3, 4, 2), 1.0, 0.0, phi=lambda u: u, dphi=lambda u: u**0)
    >>> network = streamed_network(linear, np.random.SeedSequence(1), backend)
    >>> found = measure(linear, network, np.eye(3), {"A"}, backend)
    >>> W, V = (np.eye(len(b)) @ w for w, b in zip(network.weights, network.biases))
    >>> bool(np.isclose(found["deep.A.mean"], (np.sum(V**2) + np.sum((V @ W) ** 2)) / 7))
    True
    """
    weights, biases = [], []
    sizes = zip(architecture.widths, architecture.widths[1:], strict=False)
    variances = zip(architecture.weight_variances, architecture.bias_variances, strict=True)
    for layer, ((columns, rows), (weight, bias)) in enumerate(zip(sizes, variances, strict=True), start=1):
        own, block_rows = _child(seed, layer), max(1, block_entries // columns)
        biases.append(backend.normal(backend.make_generator(_child(own, 0)), (rows,), bias))
        weights.append(StreamedMatrix((rows, columns), weight / columns, _child(own, 1), backend, block_rows))
    return Network(tuple(weights), tuple(biases))


def _child(seed: np.random.SeedSequence, place: int) -> np.random.SeedSequence:
    """A descendant that, unlike one spawned, does not depend on how often the seed was asked."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, place))
