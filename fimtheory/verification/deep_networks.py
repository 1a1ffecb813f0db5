"""Ladders of the random deep networks that a :class:`~fimtheory.theory.deep_network.DeepNetwork` describes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from fimtheory.activations import activation
from fimtheory.claims import Claim
from fimtheory.simulation import EIGENSPACE, SOFTMAX_METRICS, Architecture, Ladder, simulate_ladder
from fimtheory.simulation.measurements import WORKERS
from fimtheory.theory.deep_network import DeepNetwork

Progress = Callable[[int, int], None]
PerLayer = str | tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """The networks on which a claim is checked; the default resolves errors of 3 % in every statistic.

    The fields are those of :class:`DeepNetwork`, as text. ``softmax_share`` times as many networks are drawn where
    softmax outputs are measured: those statistics scatter by 20 to 45 % from network to network, however wide, and
    scatter does not shrink with the width as that of the others does. Everything is checked a second time at the width
    ratios ``unequal``, where these fit the depth: equal widths hide errors in every alpha_l. Eigenspaces need the
    ``clear_widths``: below, an outlier now and then falls among the rest, and takes its direction along.
    """

    activation: PerLayer = "tanh"
    depth: int = 3
    sigma_w2: PerLayer = "3"
    sigma_b2: PerLayer = "0.64"
    outputs: int = 3
    samples: int = 10
    widths: tuple[int, ...] = (128, 256, 512, 1024)
    n_networks: tuple[int, ...] = (1600, 1200, 900, 600)
    seed: int = 1
    resolution: float = 0.03
    alphas: tuple[str, ...] = ()
    input_norm: str = "1"
    input_overlap: str = "0"
    softmax_share: int = 4
    unequal: tuple[str, ...] = ("3/2", "1", "2")
    clear_widths: tuple[int, ...] = (256, 512, 1024)
    clear_networks: tuple[int, ...] = (300, 200, 150)

    @classmethod
    def quick(cls) -> Setting:
        """Fewer networks, of unequal widths alone, and errors of 5 % resolved: half a minute a claim."""
        return cls(
            n_networks=(1000, 800, 500, 300),
            resolution=0.05,
            softmax_share=1,
            alphas=("3/2", "1", "2"),
        )

    @functools.cached_property
    def network(self) -> DeepNetwork:
        """The network of the theory."""
        names = self.activation
        return DeepNetwork(
            activation(names) if isinstance(names, str) else tuple(map(activation, names)),
            self.depth,
            self.sigma_w2,
            self.sigma_b2,
            self.outputs,
            self.samples,
            self.alphas,
            input_norm=self.input_norm,
            input_overlap=self.input_overlap,
        )

    def __str__(self) -> str:
        parts = [
            _words(self.activation),
            f"L={self.depth}",
            f"sigma_w^2={_words(self.sigma_w2)}",
            f"sigma_b^2={_words(self.sigma_b2)}",
            f"C={self.outputs}",
            f"N={self.samples}",
            f"M={', '.join(map(str, self.widths))}",
        ]
        if self.alphas:
            parts.append(f"alpha={_words(self.alphas)}")
        if (self.input_norm, self.input_overlap) != ("1", "0"):
            parts.append(f"inputs of norm {self.input_norm} and overlap {self.input_overlap}")
        return ", ".join([*parts, f"seed {self.seed}"])

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, Setting]]:
        """(mark, arguments of ``predict``, setting) for each activation of a claim, or this one; at both shapes."""
        shapes = (self.alphas, self.unequal) if len(self.unequal) == self.depth and not self.alphas else (self.alphas,)
        for name, alphas in itertools.product(claim.activations or (self.activation,), shapes):
            one = replace(self, activation=name, alphas=alphas)
            marks = [_words(name)] if len(claim.activations) > 1 else []
            marks += [f"alpha = {', '.join(alphas)}"] if alphas else []
            yield f" [{'; '.join(marks)}]" if marks else "", (one.network,), one

    def suited_to(self, observables: Iterable[str]) -> Setting:
        """This setting, with more networks where softmax outputs are measured, and wider ones for eigenspaces."""
        if EIGENSPACE in metrics_of(observables):
            return replace(self, widths=self.clear_widths, n_networks=self.clear_networks)
        one_by_one = any("outlier[" in name for name in observables)  # given the outputs, networks scatter little
        if one_by_one or metrics_of(observables).isdisjoint(SOFTMAX_METRICS):
            return self
        return replace(self, n_networks=tuple(self.softmax_share * n for n in self.n_networks), softmax_share=1)

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder:
        """The ladder on which the observables are measured."""
        return simulate_network_ladder(
            self.network, self.widths, self.n_networks, self.seed, metrics_of(observables), progress
        )


def simulate_network_ladder(
    network: DeepNetwork,
    widths: tuple[int, ...],
    n_networks: int | tuple[int, ...],
    seed: int,
    metrics: frozenset[str],
    progress: Progress | None = None,
) -> Ladder:
    """The ladder of random networks that a :class:`DeepNetwork` describes."""
    architecture = functools.partial(architecture_of, network)
    return simulate_ladder(
        architecture, widths, network.samples, n_networks, seed, metrics, progress=progress, workers=WORKERS
    )


def architecture_of(network: DeepNetwork, width: int) -> Architecture:
    """The network at one width M; of its theory, nothing but phi and phi' is passed on."""
    return Architecture(
        (*network.hidden_widths(width), network.outputs),
        tuple(map(float, network.weight_variances)),
        tuple(map(float, network.bias_variances)),
        tuple(phi.numpy for phi in network.activations),
        tuple(phi.numpy_derivative for phi in network.activations),
        float(network.input_norm),
        float(network.input_overlap),
    )


def metrics_of(observables: Iterable[str]) -> frozenset[str]:
    """The metrics to which observables belong.

    >>> metrics_of(["deep.F_cross_blocks[2].outlier[1]", "deep.qhat1[2]"])
    frozenset({'F_cross_blocks'})
    """
    words = (name.split(".") for name in observables)
    return frozenset(parts[1].split("[")[0] for parts in words if len(parts) == 3)


def _words(values: PerLayer) -> str:
    return values if isinstance(values, str) else f"({', '.join(values)})"
