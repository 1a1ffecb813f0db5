"""Ladders for what happens beside the limit: clusters of outliers that split, samples that grow with the width."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fimtheory.claims import Claim
from fimtheory.simulation import Ladder
from fimtheory.simulation.ladder import build_ladder
from fimtheory.verification.deep_networks import Progress, Setting, metrics_of, simulate_network_ladder


@dataclass(frozen=True)
class ClusterSetting(Setting):
    """Ten outputs, so that a network's own variance of outliers is known to 20 %, and overlaps large enough for the
    outliers to stand clear of the rest at every width; the default resolves errors of 5 %."""

    activation: str = "relu"
    sigma_w2: str = "2"
    sigma_b2: str = "0.1"
    outputs: int = 10
    widths: tuple[int, ...] = (128, 256, 512, 1024)
    n_networks: tuple[int, ...] = (1500, 1500, 1200, 800)
    resolution: float = 0.05

    @classmethod
    def quick(cls) -> ClusterSetting:
        """Smaller networks of unequal widths alone, and errors of 8 % resolved."""
        return cls(
            widths=(64, 128, 256, 512), n_networks=(600, 600, 400, 300), resolution=0.08, alphas=("3/2", "1", "2")
        )


@dataclass(frozen=True)
class ProportionalSetting(Setting):
    """N = M/ratio samples at width M; ``samples`` is not used."""

    widths: tuple[int, ...] = (32, 64, 128, 256)
    n_networks: tuple[int, ...] = (2000, 1000, 500, 200)
    ratio: int = 2

    @classmethod
    def quick(cls) -> ProportionalSetting:
        """Smaller networks, and errors of 8 % resolved."""
        return cls(widths=(16, 32, 64, 128), n_networks=(1600, 1200, 800, 400), resolution=0.08)

    def __str__(self) -> str:
        return super().__str__().replace(f"N={self.samples}", f"N=M/{self.ratio}")

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, ProportionalSetting]]:
        """(mark, arguments of ``predict``, setting): one network and its ratio M/N."""
        yield "", (self.network, self.ratio), self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder:
        """The ladder on which the observables are measured, with its own number of samples at each width."""
        metrics = metrics_of(observables)

        def rung(width: int, number: int, report: Progress | None):
            network = replace(self.network, samples=width // self.ratio)
            one = simulate_network_ladder(network, (width,), number, self.seed, metrics, report)
            return one.ensembles[width]

        return build_ladder(rung, self.widths, self.n_networks, progress)
