"""Drawings of single-layer spectra, from plain arrays: densities, histograms beside them, conditioning beside gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from fimtheory.report.figures import BLUE, GREEN, GRID, INK, MUTED, ORANGE, panels, styled

Curve = tuple[ArrayLike, ArrayLike]  # eigenvalues and densities
Histogram = tuple[ArrayLike, ArrayLike]  # bin edges and densities
_COLOURS = (BLUE, ORANGE, GREEN, INK, MUTED)
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), "-")


@styled
def density(
    curve: Curve,
    special_points: Mapping[str, float] | None = None,
    atoms: Sequence[tuple[float, float]] = (),
    histogram: Histogram | None = None,
    label: str = "limiting spectrum",
) -> Figure:
    """A density with its special points, on a linear and on a logarithmic scale; a histogram and atoms beside it."""
    typical = _typical(curve)
    if not typical.size:
        return _only_atoms(atoms)
    figure, (left, right) = panels(1, 2, size=(8.6, 3.1))
    for axes in (left, right):
        _draw_density(axes, curve, histogram, label)
        for place, mass in atoms:
            axes.axvline(place, color=ORANGE, linewidth=2.2, label=f"atom of mass {mass:.3g}")
        axes.set(xlabel=r"$\lambda$")
    _mark_points(left, special_points or {})
    left.set_ylim(0, 1.3 * np.quantile(typical, 0.97))
    right.set_yscale("log")
    right.set_ylim(max(np.quantile(typical, 0.02), typical.max() * 1e-5) / 2, 5 * typical.max())
    left.set_ylabel(r"$\rho(\lambda)$")
    left.set_title("linear scale")
    right.set_title("logarithmic scale")
    if histogram is not None or atoms:
        right.legend(loc="upper right")
    return figure


@styled
def densities(curves: Mapping[str, Curve]) -> Figure:
    """Several spectra on one logarithmic scale."""
    figure, (axes,) = panels(1, 1, size=(6.4, 3.6))
    for (label, (points, values)), colour, dash in zip(curves.items(), _COLOURS, _DASHES, strict=False):
        axes.plot(points, _positive(values), color=colour, linestyle=dash, label=label)
    axes.set(xlabel=r"$\lambda$", ylabel=r"$\rho(\lambda)$", yscale="log", ylim=(1e-3, 20))
    axes.legend(loc="upper right")
    return figure


@styled
def histograms(panel: Mapping[str, tuple[Curve, Histogram, float]]) -> Figure:
    """Measured spectra beside the law, one panel each, with an inset on a logarithmic scale; the number is the width."""
    figure, grid = panels(1, len(panel), size=(4.6 * len(panel), 3.4))
    for axes, (title, (curve, histogram, width)) in zip(grid, panel.items(), strict=True):
        _draw_density(axes, curve, histogram, f"width {width:g}")
        heights = np.asarray(histogram[1], float)
        axes.set(xlabel=r"$\lambda$", title=title, ylim=(0, 1.2 * np.quantile(heights, 0.97)))
        inset = axes.inset_axes((0.46, 0.42, 0.52, 0.52))
        inset.patch.set_visible(False)
        _draw_density(inset, curve, histogram, "")
        inset.set_yscale("log")
        inset.set_ylim(max(heights[heights > 0].min(), 1e-4) / 2, 3 * heights.max())
        inset.tick_params(labelsize=9)
    grid[0].set_ylabel(r"$\rho(\lambda)$")
    return figure


@styled
def convergence(curve: Curve, measured: Mapping[str, Histogram]) -> Figure:
    """One law and measured spectra of several widths: how slowly a feature settles."""
    figure, (axes,) = panels(1, 1, size=(6.4, 3.6))
    for (label, (edges, heights)), colour in zip(measured.items(), (ORANGE, GREEN, BLUE, MUTED), strict=False):
        axes.stairs(heights, edges, color=colour, linewidth=1.1, label=label)
    axes.plot(curve[0], _positive(curve[1]), color=INK, label="limit")
    top = max(float(np.max(heights)) for _, heights in measured.values())
    axes.set(xlabel=r"$\lambda$", ylabel=r"$\rho(\lambda)$", ylim=(0, 1.25 * top))
    axes.legend(loc="upper right")
    return figure


@styled
def conditioning_and_gain(
    parameter: ArrayLike,
    conditioning: ArrayLike,
    measured_at: ArrayLike,
    gain: ArrayLike,
    standard_errors: ArrayLike,
    label: str,
) -> Figure:
    r"""Conditioning m_2/m_1^2 (line) and the inverse of the measured one-step gain, which theory says is the same."""
    figure, (axes,) = panels(1, 1, size=(5.6, 3.3))
    gain, errors = np.asarray(gain, float), np.asarray(standard_errors, float)
    axes.plot(parameter, conditioning, color=BLUE, label=r"$m_2 / m_1^2$")
    axes.errorbar(measured_at, 1 / gain, errors / gain**2, fmt="o", color=ORANGE, markersize=4, capsize=2.5,
                  label=r"$-\varepsilon^2 n^2 / \Delta L$, measured")  # fmt: skip
    axes.set(xlabel=rf"${label}$")
    axes.legend(loc="best")
    return figure


@styled
def optimal_activation(x: ArrayLike, values: ArrayLike, references: Mapping[str, ArrayLike], title: str) -> Figure:
    """An activation found by optimisation, beside others."""
    figure, (axes,) = panels(1, 1, size=(5.6, 3.3))
    for (label, heights), colour in zip(references.items(), (MUTED, GREEN, ORANGE), strict=False):
        axes.plot(x, heights, color=colour, linewidth=1, linestyle=(0, (4, 3)), label=label)
    axes.plot(x, values, color=BLUE, label="optimal")
    axes.axhline(0, color=GRID, linewidth=0.8, zorder=0)
    axes.axvline(0, color=GRID, linewidth=0.8, zorder=0)
    axes.set(xlabel="$x$", title=title)
    axes.legend(loc="best")
    return figure


def _only_atoms(atoms: Sequence[tuple[float, float]]) -> Figure:
    """Masses as stems, where there is no density."""
    figure, (axes,) = panels(1, 1, size=(5.6, 3.1))
    places, masses = zip(*atoms, strict=True)
    axes.vlines(places, 0, masses, color=ORANGE, linewidth=2.2)
    axes.plot(places, masses, "o", color=ORANGE, markersize=5)
    span = max(places) - min(places) or 1.0
    axes.set(xlabel=r"$\lambda$", ylabel="mass of the atom", ylim=(0, 1.15 * max(masses)),
             xlim=(min(places) - 0.2 * span, max(places) + 0.2 * span))  # fmt: skip
    return figure


def _draw_density(axes: Axes, curve: Curve, histogram: Histogram | None, label: str) -> None:
    if histogram is not None:
        edges, heights = histogram
        axes.stairs(heights, edges, fill=True, color=ORANGE, alpha=0.35, label=label)
    axes.plot(curve[0], _positive(curve[1]), color=BLUE if histogram is None else INK, linewidth=1.2, label="limit")


def _typical(curve: Curve) -> np.ndarray:
    """Positive heights at equal distances: the points of a curve crowd where it is infinite."""
    points, heights = (np.asarray(part, float) for part in curve)
    inside = np.interp(np.linspace(points.min(), points.max(), 402)[1:-1], points, np.nan_to_num(heights, posinf=0.0))
    return inside[inside > 0]


def _positive(values: ArrayLike) -> np.ndarray:
    """Zero and infinity interrupt a curve, instead of drawing a wall."""
    heights = np.array(values, dtype=float)
    heights[(heights <= 0) | ~np.isfinite(heights)] = np.nan
    return heights


def _mark_points(axes: Axes, points: Mapping[str, float]) -> None:
    """A short dashed line and a name for each special point; names of equal points stand together."""
    together: dict[float, list[str]] = {}
    for name, place in sorted(points.items(), key=lambda item: item[1]):
        near = next((p for p in together if abs(p - place) < 1e-9), place)
        together.setdefault(near, []).append(name.removeprefix("z"))
    span = max(together, default=1.0) - min(together, default=0.0) or 1.0
    previous, level = -np.inf, 0
    for place, names in together.items():
        level = (level + 1) % 3 if place - previous < 0.07 * span else 0
        previous = place
        axes.axvline(place, color=MUTED, linewidth=0.6, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate(rf"$z_{{{','.join(names)}}}$", (place, 0.98 - 0.09 * level), xycoords=("data", "axes fraction"),
                      ha="left", va="top", fontsize=10, xytext=(2, 0), textcoords="offset points")  # fmt: skip
