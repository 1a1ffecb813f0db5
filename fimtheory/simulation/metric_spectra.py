"""All eigenvalues of the metrics of one network, for histograms; :mod:`fimtheory.simulation.metrics` has statistics."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.backends import Array, Backend, numpy_backend
from fimtheory.simulation.dual_gram import backward, layer_terms
from fimtheory.simulation.measurements import Seed
from fimtheory.simulation.networks import Architecture, drawn, forward
from fimtheory.simulation.weighted_duals import centred, centred_rows, softmax_factors, softmax_weighted, weighted_rows

_NAME = re.compile(r"(?P<family>F|NTK|A)(?P<weight>_centred|_cross)?(_blocks\[(?P<block>\d{1,6})\])?")


def network_spectra(
    architecture: Architecture,
    n_samples: int,
    seed: Seed,
    index: int,
    metrics: Collection[str],
    backend: Backend | None = None,
) -> dict[str, np.ndarray]:
    """The eigenvalues, falling, of metrics of the ``index``-th network of a seed, but for zeros that rank forces.

    Names are ``F``, ``NTK`` or ``A``, then nothing, ``_centred`` or ``_cross``, then nothing or ``_blocks[l]``; and
    ``Q``, the eigenvalues of all ``Q_n = diag(g) - g g'``. The network and its inputs are those of
    :func:`fimtheory.simulation.simulate`. There are ``C N`` eigenvalues, or as many as A has rows, if these are fewer.
    Raises :class:`InputError`.

    >>> identity = Architecture((3, 4, 2), 1.0, 0.0, phi=lambda u: u, dphi=lambda u: u**0)
    >>> {name: len(found) for name, found in network_spectra(identity, 5, 1, 0, ["F", "A_cross_blocks[0]", "Q"]).items()}
    {'F': 10, 'A_cross_blocks[0]': 3, 'Q': 10}
    """
    wanted = {name: _parsed(name, architecture) for name in metrics if name != "Q"}
    backend = backend or numpy_backend()
    network, inputs = drawn(architecture, n_samples, seed, index, backend)
    signals = forward(architecture, network, inputs, backend)
    factors = softmax_factors(signals.outputs, backend)
    parts = _Parts(n_samples, factors, backend)
    families = {match["family"] for match in wanted.values()}
    for layer, delta, gradient in backward(network, signals, "A" in families, backend):
        terms = layer_terms(architecture, layer, signals.features[layer - 1], delta, None, families, backend)
        for family, block, dual in terms:
            parts.duals[family, block] = dual
        if gradient is not None:
            parts.gradients[layer - 1] = gradient
    found = {name: parts.eigenvalues(match) for name, match in wanted.items()}
    if "Q" in metrics:
        found["Q"] = _falling(factors @ factors.transpose(0, 2, 1), backend)
    return found


def _parsed(name: str, architecture: Architecture) -> re.Match[str]:
    match = _NAME.fullmatch(name)
    first = 0 if match and match["family"] == "A" else 1
    if match is None or (match["block"] and not first <= int(match["block"]) < first + architecture.depth):
        raise InputError(f"there is no metric {name!r}: write for instance F, F_cross_blocks[2], NTK_centred, A or Q")
    return match


@dataclass
class _Parts:
    """Duals of F and of the tangent kernel by layer, and gradients in the features, of one network."""

    n_samples: int
    factors: Array
    backend: Backend
    duals: dict[tuple[str, int], Array] = field(default_factory=dict)
    gradients: dict[int, Array] = field(default_factory=dict)

    def eigenvalues(self, match: re.Match[str]) -> np.ndarray:
        """Those of one metric."""
        block, weight = match["block"], match["weight"]
        if match["family"] == "A":
            chosen = [self.gradients[int(block)]] if block else [self.gradients[l] for l in sorted(self.gradients)]
            return self._of_features(self.backend.xp.hstack(chosen), weight)
        chosen = [d for (family, l), d in self.duals.items() if family == match["family"] and block in (None, str(l))]
        dual = sum(chosen[1:], chosen[0])
        if weight == "_cross":
            dual = softmax_weighted(dual, self.factors)
        elif weight == "_centred":
            dual = centred(dual, self.n_samples)
        return _falling(dual, self.backend)

    def _of_features(self, rows: Array, weight: str | None) -> np.ndarray:
        """From gradients of shape ``(C N, units)``: the smaller of the metric and its dual."""
        if weight == "_cross":
            rows = weighted_rows(rows, self.factors)
        elif weight == "_centred":
            rows = centred_rows(rows, self.n_samples)
        smaller = rows.T @ rows if rows.shape[1] < len(rows) else rows @ rows.T
        return _falling(smaller / self.n_samples, self.backend)


def _falling(matrices: Array, backend: Backend) -> np.ndarray:
    """All eigenvalues of one matrix or of several; rounding below zero is zero."""
    values = backend.to_numpy(backend.xp.linalg.eigvalsh(matrices)).ravel()
    return np.sort(np.maximum(values, 0))[::-1]
