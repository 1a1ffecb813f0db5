"""Figures 3 to 7 of document 004, drawn anew: ``fimtheory claims figure karakida2020.fig4 -o fig4.pdf``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.figure import Figure

from fimtheory.report import network_figures
from fimtheory.report.network_figures import Series, SpectrumPanel
from fimtheory.theory.deep_fisher import fisher, fisher_block
from fimtheory.theory.feature_metric import feature_block, feature_metric
from fimtheory.theory.kernel_spectra import DeepKernels
from fimtheory.theory.softmax_fisher import softmax_statistics
from fimtheory.verification import deep_figures
from fimtheory.verification.checkpoints import Checkpoints
from fimtheory.verification.deep_figures import Spectra
from fimtheory.verification.training_figure import training_figure

Progress = Callable[[int, int], None]
Draw = Callable[[bool, Progress | None, Checkpoints], Figure]

_BINS, _LEVELS = 70, 240
_TITLES = {"F": "$F$", "F_blocks[2]": "$F^{22}$", "A": "$A$", "A_blocks[0]": "$A^{00}$", "Q": "$Q$",
           "F_cross": r"$F_{\mathrm{cross}}$", "F_cross_blocks[2]": r"$F_{\mathrm{cross}}^{22}$",
           "A_cross": r"$A$, softmax", "A_cross_blocks[0]": r"$A^{00}$, softmax"}  # fmt: skip
_LINEAR = {"F": (fisher(), None), "F_blocks[2]": (fisher_block(), 2), "A": (feature_metric(), None),
           "A_blocks[0]": (feature_block(), 1)}  # fmt: skip


def _spectra(metrics: tuple[str, ...], full: tuple[int, int], small: tuple[int, int]) -> Draw:
    """Histograms for the tanh network of the paper; full and small size are (width, samples)."""

    def draw(quick: bool, progress: Progress | None, store: Checkpoints) -> Figure:
        width, samples = small if quick else full
        network = deep_figures.paper_network("tanh", samples)
        found = deep_figures.spectra(network, width, metrics, 5 if quick else 100, store, progress)
        return network_figures.spectra([_panel(found[name]) for name in metrics])

    return draw


def _panel(found: Spectra) -> SpectrumPanel:
    outputs, name = found.network.outputs, found.metric
    edges = np.linspace(0, 1.03 * found.eigenvalues.max(), _BINS + 1)
    counts = np.histogram(found.eigenvalues, edges)[0]
    if name == "Q":
        return SpectrumPanel(_TITLES[name], edges, counts)
    return SpectrumPanel(
        _TITLES[name],
        edges,
        counts,
        np.histogram(found.without(outputs), edges)[0],
        _places(found),
        found.largest(outputs) if "cross" in name else None,
    )


def _places(found: Spectra) -> Mapping[str, np.ndarray]:
    """Where the theory puts the largest eigenvalues: one place, or those of the C - 1 outliers of a softmax."""
    network, width = found.network, found.width
    if found.metric in _LINEAR:
        statistics, layer = _LINEAR[found.metric]
        return {r"theory, $\lambda_{\max}$": np.array([float(network.evaluate(statistics.lambda_max, width, layer))])}
    expected = softmax_statistics(network, width, found.metric)
    return {"theory, mean outliers": np.array([one.mean for one in expected.outliers])}


def _figure_4(quick: bool, progress: Progress | None, store: Checkpoints) -> Figure:
    """Statistics of F_cross against the width, for tanh, ReLU and linear networks."""
    widths, networks, samples = ((32, 64, 128), 20, 20) if quick else ((63, 125, 250, 500, 1000), 100, 100)
    rows = []
    for part, name in enumerate(("tanh", "relu", "linear")):
        report = _part_of(progress, part, 3)
        rows.append(_row(deep_figures.cross_statistics(name, widths, networks, samples, store, report)))
    return network_figures.against_width(rows)


def _part_of(progress: Progress | None, part: int, parts: int) -> Progress | None:
    return (lambda done, total: progress(part * total + done, parts * total)) if progress else None


def _row(found: deep_figures.CrossStatistics) -> list[Series]:
    lines: dict[str, dict[str, tuple[str, np.ndarray]]] = {
        "mean": {"theory": ("limit", found.theory["mean"])},
        "second_moment": {"theory": ("limit", found.theory["second_moment"])},
        "lambda_max": {
            "theory": ("limit", found.theory["outlier"]),
            "lower bound": ("bound", found.theory["lower"]),
            "upper bound": ("quantile", found.theory["upper"]),
        },
    }
    labels = {"mean": r"$m_\lambda$", "second_moment": r"$s_\lambda$", "lambda_max": r"$\lambda_{\max}$"}
    return [
        Series(f"{found.name}: {labels[key]}", found.widths, found.means[key], found.deviations[key], lines[key])
        for key in labels
    ]


def _figure_5(quick: bool, progress: Progress | None, store: Checkpoints) -> Figure:
    """Training with the cross-entropy: the loss, and the largest eigenvalues of F and of F_cross."""
    found = training_figure(quick, store, progress)
    theory = found.theory
    loss = Series(
        "cross-entropy",
        found.steps,
        found.measured["loss"],
        found.deviation["loss"],
        {"theory, kernel of the inputs": ("limit", theory["loss_given"]),
         "theory, order parameters": ("bound", theory["loss"])},
    )  # fmt: skip
    measured = {
        "$F$, networks": (found.measured["lambda_F"], found.deviation["lambda_F"]),
        r"$F_{\mathrm{cross}}$, networks": (found.measured["lambda_F_cross"], found.deviation["lambda_F_cross"]),
    }
    lines = {
        r"$F_{\mathrm{cross}}$, kernel of the inputs": ("limit", theory["lambda_F_cross_given"]),
        r"$F$, kernel of the inputs": ("limit", theory["lambda_F_given"]),
        "lower bound": ("bound", theory["lower"]),
        "upper bound": ("quantile", theory["upper"]),
    }
    return network_figures.training(found.steps, loss, measured, lines)


def _figure_6(quick: bool, progress: Progress | None, store: Checkpoints) -> Figure:
    """Tangent kernels: eigenvalues over N for several N; mean-subtracted ones with N = M, and their limit."""
    raw, centred = deep_figures.kernel_figure(quick, store, progress)
    left = {f"$N = {one.network.samples}$": _density(one.eigenvalues / one.network.samples) for one in raw}
    right = {f"$N = M = {one.width}$": _density(one.eigenvalues) for one in centred}
    law = DeepKernels(centred[-1].network, 1.0).tangent
    points = np.linspace(law.support[0][0], centred[-1].eigenvalues.max(), _LEVELS)[1:]
    return network_figures.kernel_spectra(left, right, (points, np.asarray(law.density(points))))


def _density(eigenvalues: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    heights, edges = np.histogram(eigenvalues, bins=_BINS, density=True)
    return edges, heights


FIGURES: dict[str, Draw] = {
    "karakida2020.fig3a": _spectra(("F", "F_blocks[2]"), (200, 100), (60, 20)),
    "karakida2020.fig3b": _spectra(("F_cross", "F_cross_blocks[2]", "Q"), (1000, 100), (60, 20)),
    "karakida2020.fig4": _figure_4,
    "karakida2020.fig5": _figure_5,
    "karakida2020.fig6": _figure_6,
    "karakida2020.fig7a": _spectra(("A", "A_blocks[0]"), (500, 1000), (60, 20)),
    "karakida2020.fig7b": _spectra(("A_cross", "A_cross_blocks[0]"), (500, 1000), (60, 20)),
}
