"""Every metric of one given network, by the eigenvalue statistics of its dual."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fimtheory.simulation.backends import Array, Backend
from fimtheory.simulation.dual_gram import backward, layer_terms
from fimtheory.simulation.networks import Architecture, Network, Signals, forward
from fimtheory.simulation.statistics import eigenspace_statistics, metric_statistics, overlaps, softmax_statistics
from fimtheory.simulation.weighted_duals import centred, softmax_factors, softmax_weighted

# A name says whose dual it is (F, NTK, A), how that is weighted (not at all, centred, cross), and whether by blocks.
PLAIN_METRICS = ("F", "F_blocks", "NTK", "A", "A_blocks")
SOFTMAX_METRICS = ("F_cross", "F_cross_blocks", "A_cross")
EIGENSPACE = "F_eigenspace"
METRICS = (*PLAIN_METRICS, "F_centred", "NTK_centred", EIGENSPACE, *SOFTMAX_METRICS)


def measure(
    architecture: Architecture, network: Network, inputs: Array, metrics: Collection[str], backend: Backend
) -> dict[str, float]:
    """All observables of one given network on inputs of shape ``(N, M_0)``, by name."""
    return measure_signals(architecture, network, forward(architecture, network, inputs, backend), metrics, backend)


def measure_signals(
    architecture: Architecture, network: Network, signals: Signals, metrics: Collection[str], backend: Backend
) -> dict[str, float]:
    """:func:`measure`, where the forward pass has been made."""
    softmax = not set(SOFTMAX_METRICS).isdisjoint(metrics)
    factors = softmax_factors(signals.outputs, backend) if softmax else None
    meter = _Meter(architecture, tuple(m for m in METRICS if m in metrics), len(signals.outputs), factors, backend)
    found: dict[str, float] = {}
    totals: dict[str, Array] = {}
    for layer, features in enumerate(signals.features):
        found |= _order_parameters("qhat", layer, features[None], architecture.widths[layer], backend)
    for layer, delta, gradient in backward(network, signals, meter.needs("A"), backend):
        found |= _order_parameters(
            "qtilde", layer, delta.reshape(architecture.outputs, meter.n_samples, -1), 1, backend
        )
        families = [family for family in ("F", "NTK", "A") if meter.needs(family)]
        terms = layer_terms(architecture, layer, signals.features[layer - 1], delta, gradient, families, backend)
        for family, block, dual in terms:
            found |= meter.statistics(family, dual, block)
            if meter.needs(family, blocks=False):
                totals[family] = totals[family] + dual if family in totals else dual
    for family, dual in totals.items():
        found |= meter.statistics(family, dual)
    return found


def _order_parameters(name: str, layer: int, signals: Array, scale: int, backend: Backend) -> dict[str, float]:
    norm, overlap = overlaps(signals, backend)
    found = {f"deep.{name}1[{layer}]": norm / scale}
    return found if overlap is None else found | {f"deep.{name}2[{layer}]": overlap / scale}


@dataclass(frozen=True)
class _Meter:
    """Knows which metrics are asked for, and turns the dual of a family into their statistics."""

    architecture: Architecture
    metrics: tuple[str, ...]
    n_samples: int
    factors: Array | None
    backend: Backend

    def needs(self, family: str, blocks: bool | None = None) -> bool:
        """Whether a metric asked for needs the duals of a family: by blocks, summed, or either (None)."""
        return any(
            _family(metric) == family and (blocks is None or metric.endswith("_blocks") == blocks)
            for metric in self.metrics
        )

    def statistics(self, family: str, dual: Array, block: int | None = None) -> dict[str, float]:
        """The observables of all metrics of a family, of one block or (None) of the sum over all."""
        found: dict[str, float] = {}
        for metric in self.metrics:
            if _family(metric) == family and metric.endswith("_blocks") == (block is not None):
                name = metric if block is None else f"{metric}[{block}]"
                statistics = self._weighted_statistics(metric, dual, self._count(family, block))
                found |= {f"deep.{name}.{statistic}": value for statistic, value in statistics.items()}
        return found

    def _weighted_statistics(self, metric: str, dual: Array, count: int) -> dict[str, float]:
        outputs, backend = self.architecture.outputs, self.backend
        if metric in SOFTMAX_METRICS:
            return softmax_statistics(softmax_weighted(dual, self.factors), count, outputs, backend)
        if metric == EIGENSPACE:
            return eigenspace_statistics(dual, outputs, self.n_samples, backend)
        if metric.endswith("_centred"):
            dual = centred(dual, self.n_samples)
        return metric_statistics(dual, count, outputs, backend)

    def _count(self, family: str, block: int | None) -> int:
        """The number of eigenvalues, zeros included."""
        if family == "NTK":
            return self.architecture.outputs * self.n_samples
        if family == "A":
            return self.architecture.feature_count if block is None else self.architecture.widths[block]
        return self.architecture.parameter_count if block is None else self.architecture.parameter_counts[block - 1]


def _family(metric: str) -> str:
    return metric.partition("_")[0]
