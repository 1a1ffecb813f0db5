"""The data behind figures 3, 4, 6 and 7 of document 004: spectra and statistics of many networks, beside the theory.

Full size is the paper's; ``quick`` is smaller, for tests and first looks. Each network is a piece of work that is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fimtheory.activations import activation
from fimtheory.claims import Claim
from fimtheory.simulation import simulate
from fimtheory.simulation.metric_spectra import network_spectra
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.softmax_fisher import softmax_statistics
from fimtheory.verification.checkpoints import Checkpoints
from fimtheory.verification.deep_networks import Setting, architecture_of

Progress = Callable[[int, int], None]

SEED = 1
_NETWORKS = {  # activation, sigma_w^2, sigma_b^2, C, and how many times as many networks its scatter needs
    "tanh": ("tanh", "3", "0.64", 10, 1),
    "relu": ("relu", "2", "0.1", 10, 3),
    "linear": ("linear", "1", "0.1", 10, 1),
    "relu without biases": ("relu", "2", "0", 2, 10),
}
_CROSS = "deep.F_cross."
_STATISTICS = ("mean", "second_moment", "lambda_max")


@dataclass(frozen=True)
class Spectra:
    """Eigenvalues of one metric, (networks, number), falling in each row; the network of the theory and its width."""

    network: DeepNetwork
    width: int
    metric: str
    eigenvalues: np.ndarray

    def largest(self, count: int) -> np.ndarray:
        """The ``count`` largest of the first network."""
        return self.eigenvalues[0, :count]

    def without(self, count: int) -> np.ndarray:
        """All but the ``count`` largest of every network."""
        return self.eigenvalues[:, count:].ravel()


@dataclass(frozen=True)
class CrossStatistics:
    """Mean, second moment and largest eigenvalue of F_cross over networks, by width; expectations and bounds.

    ``means``, ``deviations`` and ``theory`` map a statistic to arrays of shape ``(number of widths,)``; the theory also
    has ``lower`` and ``upper``, the bounds of the largest eigenvalue, and ``outlier``, its expected place.
    """

    name: str
    widths: np.ndarray
    means: dict[str, np.ndarray]
    deviations: dict[str, np.ndarray]
    theory: dict[str, np.ndarray]


@dataclass(frozen=True)
class PaperSetting(Setting):
    """The networks of the paper's figures, by the names of ``_NETWORKS``; the default resolves errors of 3 %."""

    samples: int = 100
    widths: tuple[int, ...] = (256, 512, 1024, 2048)
    n_networks: tuple[int, ...] = (160, 120, 80, 60)
    softmax_share: int = 1

    @classmethod
    def quick(cls) -> PaperSetting:
        """Fewer samples, smaller networks, and errors of 5 % resolved: seconds an activation."""
        return cls(samples=40, widths=(128, 256, 512), n_networks=(240, 200, 150), resolution=0.05)

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, PaperSetting]]:
        """(mark, arguments of ``predict``, setting) for each network that a claim names."""
        for name in claim.activations:
            phi, weights, biases, outputs, share = _NETWORKS[name]
            counts = tuple(share * count for count in self.n_networks)
            one = replace(self, activation=phi, sigma_w2=weights, sigma_b2=biases, outputs=outputs, n_networks=counts)
            yield f" [{name}]" if len(claim.activations) > 1 else "", (one.network,), one


def paper_network(name: str, samples: int) -> DeepNetwork:
    """A network of the paper's figures: three layers, and the numbers of its caption."""
    phi, weights, biases, outputs, _ = _NETWORKS[name]
    return DeepNetwork(activation(phi), 3, weights, biases, outputs, samples)


def spectra(
    network: DeepNetwork,
    width: int,
    metrics: Sequence[str],
    networks: int,
    store: Checkpoints,
    progress: Progress | None = None,
) -> dict[str, Spectra]:
    """The eigenvalues of several metrics over many networks; each network is a piece that is kept."""
    architecture, rows = architecture_of(network, width), []
    for index in range(networks):
        rows.append(
            store.piece(
                f"spectra of {', '.join(metrics)}; {_words(network)}, M = {width}, seed {SEED}, network {index}",
                lambda index=index: network_spectra(architecture, network.samples, (SEED, width), index, metrics),
            )
        )
        if progress:
            progress(index + 1, networks)
    return {name: Spectra(network, width, name, np.array([row[name] for row in rows])) for name in metrics}


def _words(network: DeepNetwork) -> str:
    return (
        f"{network.name}, L = {network.depth}, sigma_w^2 = {network.sigma_w2}, sigma_b^2 = {network.sigma_b2}, "
        f"C = {network.outputs}, N = {network.samples}, widths {', '.join(map(str, network.alphas))}"
    )


def cross_statistics(
    name: str,
    widths: Sequence[int],
    networks: int,
    samples: int,
    store: Checkpoints,
    progress: Progress | None = None,
) -> CrossStatistics:
    """Figure 4: one row, for one of its three activations; each width is a piece that is kept."""
    network = paper_network(name, samples)
    measured = [_measured(network, width, networks, store, _after(progress, k * networks, networks * len(widths)))
                for k, width in enumerate(widths)]  # fmt: skip
    expected = [softmax_statistics(network, width) for width in widths]
    theory = {key: np.array([getattr(e, key) for e in expected]) for key in ("mean", "second_moment", "lower", "upper")}
    theory["outlier"] = np.array([e.outliers[0].mean for e in expected])
    return CrossStatistics(
        name,
        np.array(widths),
        {key: np.array([row[key].mean() for row in measured]) for key in _STATISTICS},
        {key: np.array([row[key].std(ddof=1) for row in measured]) for key in _STATISTICS},
        theory,
    )


def _measured(
    network: DeepNetwork, width: int, networks: int, store: Checkpoints, progress: Progress | None
) -> dict[str, np.ndarray]:
    def compute() -> dict[str, np.ndarray]:
        found = simulate(
            architecture_of(network, width), network.samples, networks, (SEED, width), {"F_cross"}, progress=progress
        )
        return {key: found.values(_CROSS + key) for key in _STATISTICS}

    return store.piece(
        f"statistics of F_cross; {_words(network)}, M = {width}, seed {SEED}, {networks} networks", compute
    )


def _after(progress: Progress | None, before: int, total: int) -> Progress | None:
    """The progress of one part of longer work."""
    return None if progress is None else (lambda done, _: progress(before + done, total))


def kernel_figure(
    quick: bool, store: Checkpoints, progress: Progress | None = None
) -> tuple[list[Spectra], list[Spectra]]:
    """Figure 6: tangent kernels of one width for several N, and mean-subtracted ones of several widths with N = M."""
    width, networks, counts = (100, 4, (20, 50, 100)) if quick else (1000, 100, (100, 300, 1000))
    sizes = (50, 100) if quick else (250, 500, 1000)
    total, done = networks * (len(counts) + len(sizes)), 0

    def collected(samples: int, size: int, metric: str) -> Spectra:
        nonlocal done
        report = _after(progress, done, total)
        done += networks
        return spectra(paper_network("relu without biases", samples), size, [metric], networks, store, report)[metric]

    return [collected(n, width, "NTK") for n in counts], [collected(m, m, "NTK_centred") for m in sizes]
