"""Ladders of networks on N = ratio M samples, and densities beside histograms, for whole spectra of deep kernels."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from fimtheory.activations import named
from fimtheory.claims import Claim
from fimtheory.simulation.kernel_matrices import KernelEnsemble, kernel_eigenvalues, simulate_kernels_ladder
from fimtheory.simulation.ladder import Ladder
from fimtheory.simulation.measurements import WORKERS
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.kernel_spectra import DeepKernels
from fimtheory.verification.deep_networks import architecture_of

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class KernelSetting:
    """The networks on which claims on whole spectra are checked; the default resolves errors of 3 %.

    ``activation`` is text such as ``"srelu alpha=0"``; N = ``ratio`` M. All eigenvalues are computed. Widths are
    unequal unless ``alphas`` says otherwise: equal ones hide errors in the ratios N/M_l. Take widths of which N and all
    M_l are whole multiples: what is rounded shows as scatter of order 1/M from width to width.
    """

    activation: str = "tanh"
    depth: int = 3
    sigma_w2: str = "1"
    sigma_b2: str = "0"
    outputs: int = 1
    ratio: float = 0.75
    alphas: tuple[str, ...] = ("3/2", "1", "5/4")
    widths: tuple[int, ...] = (80, 120, 180, 272)
    n_networks: tuple[int, ...] = (2400, 1800, 1200, 800)
    seed: int = 1
    resolution: float = 0.03

    @classmethod
    def quick(cls) -> KernelSetting:
        """Smaller networks and fewer, and errors of 8 % resolved: seconds a claim."""
        return cls(widths=(60, 84, 120, 168), n_networks=(500, 400, 300, 200), resolution=0.08)

    @functools.cached_property
    def kernels(self) -> DeepKernels:
        """The kernels of the theory."""
        return DeepKernels(
            DeepNetwork(
                named(self.activation), self.depth, self.sigma_w2, self.sigma_b2, self.outputs, alphas=self.alphas
            ),
            self.ratio,
        )

    def __str__(self) -> str:
        widths = ", ".join(map(str, self.widths))
        return (
            f"{self.activation}, L={self.depth}, sigma_w^2={self.sigma_w2}, sigma_b^2={self.sigma_b2}, C={self.outputs}, "
            f"N/M={self.ratio:g}, alpha={', '.join(self.alphas) or 1}, M={widths}, seed {self.seed}"
        )

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, KernelSetting]]:
        """(mark, arguments of ``predict``, setting) for each activation of a claim; for this one, where it names none."""
        for name in claim.activations or (self.activation,):
            one = replace(self, activation=name)
            mark = f" [{name}]" if len(claim.activations) > 1 else ""
            yield mark, (one.kernels,), one

    def suited_to(self, observables: Iterable[str]) -> KernelSetting:
        """This setting: every observable is measured on the same networks."""
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[KernelEnsemble]:
        """The ladder on which the observables are measured."""
        return simulate_kernels_ladder(
            functools.partial(architecture_of, self.kernels.network),
            self.ratio,
            self.widths,
            self.n_networks,
            self.seed,
            observables,
            progress,
            workers=WORKERS,
        )


@dataclass(frozen=True)
class SpectrumData:
    """A density on a grid of ``levels``, and the histogram of measured eigenvalues, as shares per unit of length."""

    name: str
    levels: np.ndarray
    density: np.ndarray
    edges: np.ndarray
    measured: np.ndarray
    beyond: float  # the share of measured eigenvalues outside the histogram: outliers

    def __repr__(self) -> str:
        return f"<SpectrumData of {self.name}: {self.levels.size} levels, {self.measured.size} bins>"


def spectrum_data(
    setting: KernelSetting, name: str, width: int = 400, n_networks: int = 10, points: int = 400, bins: int = 60
) -> SpectrumData:
    """The limiting density of a kernel (``"NTK_centred"``, ``"CK[2]"``) beside all eigenvalues of networks of one width."""
    law = setting.kernels.law(name)
    architecture = architecture_of(setting.kernels.network, width)
    n_samples = max(2, round(setting.ratio * width))
    drawn = [
        kernel_eigenvalues(architecture, n_samples, (setting.seed, width), i, [name])[name] for i in range(n_networks)
    ]
    values = np.concatenate(drawn)
    levels = np.sort(law.grid(points))
    edges = np.linspace(max(0.0, levels[0] - 0.05 * (levels[-1] - levels[0])), levels[-1], bins + 1)
    counts = np.histogram(values, edges)[0]
    measured = counts / (values.size * np.diff(edges))
    return SpectrumData(name, levels, law.density(levels), edges, measured, 1 - counts.sum() / values.size)
