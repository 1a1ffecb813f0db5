"""The functions of groups of output weights over a plane of inputs, in theory and in one sampled network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from fimtheory.report.figures import BLUE, INK, ORANGE, panels, styled
from fimtheory.verification.function_forms import slice_data

Progress = Callable[[int, int], None]

TITLES = {
    "norm": r"$v_i \propto |w_i|$",
    "coordinate": r"$w_{i1}$",
    "product": r"$w_{i1} w_{i2} \,/\, |w_i|$",
    "contrast": r"$(w_{i1}^2 - w_{i2}^2) \,/\, |w_i|$",
    "planar4": r"$\mathrm{Re}\,(w_{i1} + \mathrm{i}\, w_{i2})^4 \,/\, |w_i|^3$",
}
_MAP = LinearSegmentedColormap.from_list("signed", [BLUE, "#a9cfe6", "#fbfaf7", "#f0c3a0", ORANGE])
_LEVELS = 7


def draw(quick: bool, progress: Progress | None) -> Figure:
    """ReLU in three dimensions: the four groups of document 001, and a harmonic of degree 4."""
    width, points = (2000, 40) if quick else (10_000, 120)
    slices = slice_data("relu", 3, tuple(TITLES), width, points)
    if progress is not None:
        progress(1, 1)
    return slices_figure(
        slices.axis, slices.theory, slices.sampled, tuple(TITLES.values()), f"$m = {width:,}$".replace(",", r"\,")
    )


@styled
def slices_figure(
    axis: ArrayLike, theory: ArrayLike, sampled: ArrayLike, titles: Sequence[str], network: str
) -> Figure:
    """A column a group: theory above, one network below, on one symmetric scale; arrays of shape (groups, n, n)."""
    above, below = np.asarray(theory, float), np.asarray(sampled, float)
    count = len(titles)
    figure, axes = panels(2, count, size=(2.35 * count + 0.3, 5.6))
    for column, title in enumerate(titles):
        pair = axes[column], axes[count + column]
        most = float(max(np.abs(above[column]).max(), np.abs(below[column]).max()))
        image = _map(pair[0], np.asarray(axis, float), above[column], most)
        _map(pair[1], np.asarray(axis, float), below[column], most)
        pair[0].set_title(title)
        pair[0].set_xticklabels([])
        pair[1].set_xlabel("$x_1$")
        bar = figure.colorbar(image, ax=list(pair), location="bottom", aspect=18, pad=0.03, shrink=0.9)
        bar.outline.set_visible(False)
        bar.locator = MaxNLocator(4, symmetric=True)
        bar.update_ticks()
        if column:
            for one in pair:
                one.set_yticklabels([])
    axes[0].set_ylabel("limit\n$x_2$")
    axes[count].set_ylabel(f"network, {network}\n$x_2$")
    return figure


def _map(axes: Axes, axis: np.ndarray, values: np.ndarray, most: float) -> QuadMesh:
    """Colours and a few level lines, negative ones dashed."""
    image = axes.pcolormesh(axis, axis, values, cmap=_MAP, vmin=-most, vmax=most, shading="gouraud", rasterized=True)
    levels = np.linspace(-most, most, _LEVELS + 2)[1:-1]
    axes.contour(axis, axis, values, levels=levels, colors=INK, linewidths=0.5, alpha=0.6)
    axes.set_aspect("equal")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    return image
