"""Drawings of deep networks, from plain arrays: spectra with their outliers, statistics against width, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator
from numpy.typing import ArrayLike

from fimtheory.report.figures import BLUE, GREEN, INK, MUTED, ORANGE, panels, styled

_COLOURS = (BLUE, ORANGE, GREEN, INK, MUTED)
_DASHES = {"limit": "-", "bound": (0, (5, 2)), "quantile": (0, (1.5, 1.5))}


@dataclass(frozen=True)
class SpectrumPanel:
    """Counts of eigenvalues in bins, with and without the C largest of each network; places that theory gives.

    ``places`` maps a label to one place or several; ``single`` are the largest eigenvalues of one network.
    """

    title: str
    edges: np.ndarray
    counts: np.ndarray
    without: np.ndarray | None = None
    places: Mapping[str, ArrayLike] = field(default_factory=dict)
    single: np.ndarray | None = None


@dataclass(frozen=True)
class Series:
    """One statistic at several widths: mean and standard deviation over networks, and lines of the theory.

    ``lines`` maps a label to (kind, values), kind one of ``limit``, ``bound``, ``quantile``.
    """

    title: str
    widths: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    lines: Mapping[str, tuple[str, np.ndarray]]


@styled
def spectra(panel: Sequence[SpectrumPanel]) -> Figure:
    """Histograms of eigenvalues over many networks, the number on a logarithmic scale."""
    figure, grid = panels(1, len(panel), size=(4.3 * len(panel), 3.3))
    for axes, one in zip(grid, panel, strict=True):
        axes.stairs(one.counts, one.edges, color=INK, linewidth=1.1, label="all eigenvalues")
        if one.without is not None:
            axes.stairs(one.without, one.edges, color=ORANGE, linewidth=1.2, linestyle=(0, (3, 1.5)),
                        label="without the $C$ largest")  # fmt: skip
        for (label, places), colour in zip(one.places.items(), (BLUE, GREEN), strict=False):
            for index, place in enumerate(np.atleast_1d(np.asarray(places, float))):
                axes.axvline(place, color=colour, linewidth=1.2, label=label if index == 0 else None, zorder=0)
        if one.single is not None:
            axes.plot(one.single, np.full(len(one.single), 0.7), "s", color=BLUE, markersize=3.5, clip_on=False,
                      label="the largest of one network")  # fmt: skip
        axes.set(xlabel=r"$\lambda$", title=one.title, yscale="log", ylim=(0.5, 3 * max(1.0, float(one.counts.max()))))
    grid[0].set_ylabel("number of eigenvalues")
    _legend_below(figure, grid[0])
    return figure


@styled
def against_width(rows: Sequence[Sequence[Series]]) -> Figure:
    """A grid of statistics against the width, both on logarithmic scales: points with deviations, lines of the theory."""
    figure, grid = panels(len(rows), len(rows[0]), size=(3.4 * len(rows[0]), 2.7 * len(rows)))
    for axes, one in zip(grid, (series for row in rows for series in row), strict=True):
        axes.errorbar(one.widths, one.means, _inside(one.means, one.deviations), fmt="o", color=INK, markersize=3.5,
                      capsize=2.5, linewidth=1, label="networks")  # fmt: skip
        for (label, (kind, values)), colour in zip(one.lines.items(), (BLUE, ORANGE, GREEN, MUTED), strict=False):
            axes.plot(one.widths, values, color=colour, linestyle=_DASHES[kind], linewidth=1.3, label=label)
        axes.set(title=one.title, xscale="log", yscale="log")
        axes.set_xticks(one.widths, [f"{width:g}" for width in one.widths])
        axes.minorticks_off()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for axes in grid[-len(rows[0]) :]:
        axes.set_xlabel("width $M$")
    _legend_below(figure, grid[len(rows[0]) - 1])
    return figure


def _inside(means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Error bars that stay on a logarithmic scale."""
    return np.vstack([np.minimum(deviations, 0.95 * means), deviations])


@styled
def training(
    steps: ArrayLike, loss: Series, eigenvalues: Mapping[str, tuple[ArrayLike, ArrayLike]], theory: Mapping[str, tuple]
) -> Figure:
    """Loss and largest eigenvalues along training.

    ``loss.widths`` are the measured steps; ``eigenvalues`` maps a label to (means, deviations) at them; ``theory`` maps
    a label to (kind, values at ``steps``).
    """
    figure, (left, right) = panels(1, 2, size=(8.6, 3.2))
    left.errorbar(loss.widths, loss.means, loss.deviations, fmt="o", color=INK, markersize=3.5, capsize=2, linewidth=1,
                  label="networks")  # fmt: skip
    for (label, (kind, values)), colour in zip(loss.lines.items(), (BLUE, ORANGE), strict=False):
        left.plot(steps, values, color=colour, linestyle=_DASHES[kind], label=label)
    left.set(xlabel="step", title=loss.title)
    left.set_ylim(bottom=0)
    left.legend(loc="upper right")
    for (label, (means, deviations)), (colour, mark) in zip(
        eigenvalues.items(), ((MUTED, "x"), (INK, "o")), strict=False
    ):
        right.errorbar(loss.widths, means, deviations, fmt=mark, color=colour, markersize=4, capsize=2, linewidth=1,
                       label=label)  # fmt: skip
    for (label, (kind, values)), colour in zip(theory.items(), _COLOURS, strict=False):
        right.plot(steps, values, color=colour, linestyle=_DASHES[kind], label=label)
    right.set(xlabel="step", title="largest eigenvalues", yscale="log")
    _legend_below(figure, right)
    return figure


def _legend_below(figure: Figure, axes: Axes) -> None:
    """The legend of one panel below all of them, where no line runs through it."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 3), fontsize=10)


@styled
def kernel_spectra(
    by_samples: Mapping[str, tuple[np.ndarray, np.ndarray]],
    centred: Mapping[str, tuple[np.ndarray, np.ndarray]],
    limit: tuple[np.ndarray, np.ndarray] | None,
) -> Figure:
    """Left: eigenvalues over N of tangent kernels for several N; right: mean-subtracted ones, and their limit."""
    figure, (left, right) = panels(1, 2, size=(8.6, 3.3))
    for axes, histograms in ((left, by_samples), (right, centred)):
        for (label, (edges, heights)), colour in zip(histograms.items(), _COLOURS, strict=False):
            axes.stairs(np.where(heights > 0, heights, np.nan), edges, color=colour, linewidth=1.1, label=label)
    if limit is not None:
        right.plot(*limit, color=INK, linewidth=1.4, label="limit")
        least = min(float(heights[heights > 0].min()) for _, heights in centred.values())
        right.set_ylim(bottom=least / 3)  # the tail of the limit goes on, far below one eigenvalue
    _density_axes(left, r"$\lambda / N$", "tangent kernel")
    _density_axes(right, r"$\lambda$", "mean-subtracted")
    return figure


def _density_axes(axes: Axes, label: str, title: str) -> None:
    axes.set(xlabel=label, ylabel="density", title=title, yscale="log")
    axes.legend(loc="upper right")
