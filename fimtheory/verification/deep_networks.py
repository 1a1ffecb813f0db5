"""Ladders of the random deep networks that a :class:`~fimtheory.theory.deep_network.DeepNetwork` describes."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from fimtheory.activations import activation
from fimtheory.claims import Claim
from fimtheory.simulation import Architecture, Ladder, simulate_ladder
from fimtheory.theory.deep_network import DeepNetwork

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Setting:
    """The networks on which a claim is checked; the default resolves errors of 3 % in every statistic."""

    activation: str = "tanh"
    depth: int = 3
    sigma_w2: str = "3"
    sigma_b2: str = "0.64"
    outputs: int = 3
    samples: int = 10
    widths: tuple[int, ...] = (64, 128, 256, 512)
    n_networks: tuple[int, ...] = (800, 800, 600, 500)
    seed: int = 1
    resolution: float = 0.03

    @classmethod
    def quick(cls) -> Setting:
        """Smaller networks and fewer: seconds instead of minutes, and some claims stay inconclusive."""
        return cls(widths=(32, 64, 128, 256), n_networks=(400, 400, 300, 200))

    @functools.cached_property
    def network(self) -> DeepNetwork:
        """The network of the theory."""
        return DeepNetwork(
            activation(self.activation), self.depth, self.sigma_w2, self.sigma_b2, self.outputs, self.samples
        )

    def __str__(self) -> str:
        return (
            f"{self.activation}, L={self.depth}, sigma_w^2={self.sigma_w2}, sigma_b^2={self.sigma_b2}, C={self.outputs}, "
            f"N={self.samples}, M={', '.join(map(str, self.widths))}, seed {self.seed}"
        )

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, Setting]]:
        """(mark, arguments of ``predict``, setting) for each activation of a claim; for this one, where it names none."""
        for name in claim.activations or (self.activation,):
            one = replace(self, activation=name)
            yield f" [{name}]" if len(claim.activations) > 1 else "", (one.network,), one

    def suited_to(self, observables: Iterable[str]) -> Setting:
        """This setting: every observable is measured on the same networks."""
        return self

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
    workers = min(4, os.cpu_count() or 1)  # the numbers do not depend on it
    return simulate_ladder(
        functools.partial(architecture_of, network),
        widths,
        network.samples,
        n_networks,
        seed,
        metrics,
        progress=progress,
        workers=workers,
    )


def architecture_of(network: DeepNetwork, width: int) -> Architecture:
    """The random network of one width scale; the only functions passed on are phi and phi'."""
    hidden = tuple(max(1, round(float(a) * width)) for a in network.alphas)
    return Architecture(
        (*hidden, network.outputs),
        tuple(map(float, network.weight_variances)),
        tuple(map(float, network.bias_variances)),
        tuple(phi.numpy for phi in network.activations),
        tuple(phi.numpy_derivative for phi in network.activations),
        float(network.input_norm),
        float(network.input_overlap),
    )


def metrics_of(observables: Iterable[str]) -> frozenset[str]:
    """The metrics to which observables belong: ``deep.F_blocks[2].mean`` belongs to ``F_blocks``."""
    words = (name.split(".") for name in observables)
    return frozenset(parts[1].split("[")[0] for parts in words if len(parts) == 3)
