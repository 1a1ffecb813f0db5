"""The drawing of a phase diagram, from plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from fimtheory.report.figures import BLUE, INK, ORANGE, panels, styled

Line = tuple[ArrayLike, ArrayLike]
_PAPER = "#fbfaf7"
_MAP = LinearSegmentedColormap.from_list("order and chaos", [BLUE, "#a9cfe6", _PAPER, "#f0c3a0", ORANGE])
_BOX = {"facecolor": _PAPER, "edgecolor": "none", "alpha": 0.85, "boxstyle": "round,pad=0.15"}
_LEAST_AREA = 0.015  # of the plane; a smaller region is not labelled
_LEAST_LENGTH = 0.12  # of the plane; a shorter line is not labelled


@styled
def phase_diagram(
    sigma_w2: ArrayLike,
    sigma_b2: ArrayLike,
    log_chi1: ArrayLike,
    regions: Mapping[str, ArrayLike],
    edge: Line,
    depths: Mapping[float, Sequence[Line]],
    title: str,
) -> Figure:
    """ln chi_1 in colour, blue where ordered and orange where chaotic; the edge of chaos, lines of equal depth xi_c.

    ``regions`` are masks on the grid, of shape (len(sigma_b2), len(sigma_w2)), by the name that is written into them.
    """
    w, b, colour = (np.asarray(v, float) for v in (sigma_w2, sigma_b2, log_chi1))
    figure, (axes,) = panels(1, 1, size=(6.6, 4.4))
    most = float(np.clip(np.nanmax(np.abs(colour[np.isfinite(colour)]), initial=0.1), 0.1, 1.0))
    image = axes.pcolormesh(w, b, colour, cmap=_MAP, vmin=-most, vmax=most, shading="gouraud", rasterized=True)
    bar = figure.colorbar(image, ax=axes, label=r"$\ln\, \chi_1$", pad=0.02, extend="both")
    bar.outline.set_visible(False)
    axes.set(xlim=(w[0], w[-1]), ylim=(b[0], b[-1]), xlabel=r"$\sigma_w^2$", ylabel=r"$\sigma_b^2$", title=title)
    taken = np.zeros(colour.shape, bool)
    for rank, (depth, lines) in enumerate(sorted(depths.items())):
        for line in lines:
            _depth_line(axes, line, depth, 0.9 - 0.12 * rank, taken)
    single = {"marker": "o", "markersize": 8, "clip_on": False} if len(np.ravel(edge[0])) == 1 else {}
    axes.plot(*edge, color=INK, linewidth=2.2, **single)
    for name, mask in regions.items():
        _name(axes, name, w, b, np.asarray(mask, bool) & ~taken)
    return figure


def _depth_line(axes: Axes, line: Line, depth: float, height: float, taken: np.ndarray) -> None:
    """A thin line with its depth at a height of its own, which is marked as taken."""
    w, b = (np.asarray(v, float) for v in line)
    axes.plot(w, b, color=INK, linewidth=0.7, linestyle=(0, (4, 2)))
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    x, y = (w - left) / (right - left), (b - low) / (high - low)
    inside = np.flatnonzero((x > 0.03) & (x < 0.97) & (y > 0.03) & (y < 0.93))
    if inside.size == 0 or np.hypot(np.ptp(x[inside]), np.ptp(y[inside])) < _LEAST_LENGTH:
        return
    k = inside[np.abs(y[inside] - height).argmin()]
    axes.annotate(f"{depth:g}", (w[k], b[k]), ha="center", va="center", fontsize=9.5, bbox=_BOX)
    rows, columns = (np.linspace(0, 1, n) for n in taken.shape)
    taken |= (np.abs(rows[:, None] - y[k]) < 0.06) & (np.abs(columns - x[k]) < 0.1)


def _name(axes: Axes, name: str, w: np.ndarray, b: np.ndarray, mask: np.ndarray) -> None:
    """The name of a region at its inmost point."""
    if mask.mean() < _LEAST_AREA:
        return
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    axes.annotate(name, (w[column], b[row]), ha="center", va="center", fontsize=13, style="italic", bbox=_BOX)
