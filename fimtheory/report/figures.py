"""The drawings of a report, from plain arrays: Matplotlib figures made without pyplot.

Every colour that a dark page must change is one of ``PALETTE``; :func:`to_svg` turns it into a CSS variable that
falls back to the colour itself, so that the same file stands alone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from itertools import pairwise
from pathlib import Path
from typing import Any, ParamSpec

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from fimtheory.errors import InputError
from fimtheory.files import write_whole

# Okabe and Ito's colours, which all common forms of colour vision tell apart.
PALETTE = {"ink": "#1c1c1a", "muted": "#7d7a73", "grid": "#dedbd3", "blue": "#0072b2", "orange": "#d55e00",
           "green": "#009e73"}  # fmt: skip
INK, MUTED, GRID, BLUE, ORANGE, GREEN = PALETTE.values()

_STYLE: dict[Any, Any] = {
    "font.family": "serif", "font.serif": ["STIXGeneral"], "mathtext.fontset": "stix", "font.size": 12,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": MUTED, "axes.linewidth": 0.6,
    "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 3, "ytick.major.size": 3,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 12.5, "axes.titlepad": 8,
    "axes.unicode_minus": True, "lines.linewidth": 1.5, "lines.solid_capstyle": "round",
    "legend.frameon": False, "legend.fontsize": 11, "legend.handlelength": 1.6,
    "svg.fonttype": "path", "svg.hashsalt": "fimtheory", "pdf.fonttype": 42, "figure.dpi": 72,
}  # fmt: skip
_PANEL = (3.75, 2.6)
P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the style of the report, and fix the layout, which would otherwise move a little at every export."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with rc_context(_STYLE):
            figure = draw(*args, **kwargs)
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        return figure

    return styled


@styled
def activation_and_derivative(x: ArrayLike, f: ArrayLike, df: ArrayLike, kinks: Sequence[float] = ()) -> Figure:
    """The activation and its derivative side by side; curves are interrupted at the ``kinks``."""
    figure, (left, right) = panels(1, 2)
    for axes, values, name, colour in ((left, f, r"$\phi(x)$", BLUE), (right, df, r"$\phi^{\!\prime}(x)$", ORANGE)):
        _zero_lines(axes)
        _interrupted(axes, np.asarray(x, float), np.asarray(values, float), kinks, colour)
        axes.set(xlabel="$x$", title=name)
    return figure


@styled
def hermite_spectrum(coefficients: ArrayLike, *, log: bool = False) -> Figure:
    """The shares b_k^2 / sum b_j^2 of the normalized Hermite coefficients; colour tells the sign of b_k."""
    b = np.asarray(coefficients, float)
    share = b**2 / np.sum(b**2)
    degree = np.arange(b.size)
    figure, (axes,) = panels(1, 1, size=(7.5, 2.6))
    for selected, colour, label in ((b > 0, BLUE, "$b_k > 0$"), (b < 0, ORANGE, "$b_k < 0$")):
        if selected.any():
            axes.bar(degree[selected], share[selected], width=0.62, color=colour, label=label)
    if log:
        axes.set_yscale("log")
    axes.set(xlabel="degree $k$", ylabel=r"share $b_k^2 \,/\, \Vert b \Vert^2$", xlim=(-0.6, b.size - 0.4))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper right")
    return figure


@styled
def dual_curves(c: ArrayLike, dual: ArrayLike, dual_derivative: ArrayLike, linear: bool = True) -> Figure:
    """The dual activation and the dual of the derivative over the correlation; ``linear`` adds the diagonal."""
    figure, (left, right) = panels(1, 2)
    for axes, values, name, colour in (
        (left, dual, r"$\kappa(c)$", BLUE),
        (right, dual_derivative, r"$\dot\kappa(c)$", ORANGE),
    ):
        axes.plot(c, values, color=colour)
        axes.set(xlabel="correlation $c$", title=name)
        axes.xaxis.set_major_locator(FixedLocator([-1, -0.5, 0, 0.5, 1]))
        _zero_lines(axes)
    if linear:
        left.plot([-1, 1], [-1, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    return figure


@styled
def order_parameters(
    layers_forward: ArrayLike,
    qhat1: ArrayLike,
    qhat2: ArrayLike,
    layers_backward: ArrayLike,
    qtilde1: ArrayLike,
    qtilde2: ArrayLike,
) -> Figure:
    """The forward and the backward order parameters, layer by layer."""
    figure, (left, right) = panels(1, 2)
    for axes, layers, first, second, accent, title in (
        (left, layers_forward, qhat1, qhat2, "hat", "forward"),
        (right, layers_backward, qtilde1, qtilde2, "tilde", "backward"),
    ):
        for values, colour, marker, index in ((first, BLUE, "o", 1), (second, ORANGE, "s", 2)):
            axes.plot(layers, values, color=colour, marker=marker, markersize=4.5, linewidth=1,
                      label=rf"$\{accent}{{q}}_{index}^{{\,l}}$")  # fmt: skip
        axes.set(xlabel="layer $l$", title=title)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
    return figure


@styled
def ladder(
    widths: ArrayLike,
    means: ArrayLike,
    standard_errors: ArrayLike,
    theory: float,
    extrapolated: float,
    extrapolated_se: float,
    fit_widths: ArrayLike,
    fit_values: ArrayLike,
    label: str,
) -> Figure:
    """One statistic against 1/M: measurements, their fit, the extrapolation to infinite width, the theory."""
    figure, (axes,) = panels(1, 1, size=(5.6, 3.3))
    _draw_ladder(axes, widths, means, standard_errors, theory, extrapolated, extrapolated_se, fit_widths, fit_values)
    axes.set(xlabel="$1/M$", ylabel=label)
    axes.legend(loc="best")
    return figure


@styled
def ladder_grid(ladders: Sequence[Mapping[str, Any]], columns: int = 3) -> Figure:
    """Small multiples of :func:`ladder`; every mapping holds its arguments by name."""
    rows = -(-len(ladders) // columns)
    figure, grid = panels(rows, columns, size=(2.5 * columns, 2.1 * rows + 0.4))
    for axes, arguments in zip(grid, ladders, strict=False):
        _draw_ladder(axes, **{name: value for name, value in arguments.items() if name != "label"})
        axes.set_title(arguments["label"])
    for axes in grid[len(ladders) :]:
        axes.set_axis_off()
    for axes in grid[max(0, len(ladders) - columns) : len(ladders)]:
        axes.set_xlabel("$1/M$")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(handles))
    return figure


def to_svg(figure: Figure) -> str:
    """The figure as an SVG element that adapts to its page: same input, same text; no prolog, dates or references."""
    with rc_context(_STYLE):
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        FigureCanvasSVG(figure).print_svg(buffer, metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg ") :]
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)  # would style the page
    svg = svg.replace("<svg ", '<svg style="stroke-linejoin: round; stroke-linecap: butt" ', 1)
    for name, colour in PALETTE.items():
        svg = svg.replace(colour, f"var(--figure-{name}, {colour})")
    return svg


def check_path(path: str) -> str:
    """The suffix of a file that can be drawn to; :class:`InputError` before anything is computed, if it cannot."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"cannot draw to {path!r}: end the name in {', '.join(FORMATS)}")
    return suffix


def save(figure: Figure, path: str) -> None:
    """Write a figure to a file, as its name says: .svg, .pdf or .png; all of it or nothing."""
    write_whole(path, FORMATS[check_path(path)](figure))


def _svg_bytes(figure: Figure) -> bytes:
    return to_svg(figure).encode()


def _png_bytes(figure: Figure) -> bytes:
    with rc_context(_STYLE):
        buffer = io.BytesIO()
        FigureCanvasAgg(figure)
        figure.savefig(buffer, format="png", dpi=200, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def to_pdf_bytes(figure: Figure) -> bytes:
    """The figure as a PDF file, without date."""
    with rc_context(_STYLE):
        buffer = io.BytesIO()
        FigureCanvasPdf(figure).print_pdf(buffer, metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return buffer.getvalue()


FORMATS = {".svg": _svg_bytes, ".pdf": to_pdf_bytes, ".png": _png_bytes}


def panels(rows: int, columns: int, size: tuple[float, float] | None = None) -> tuple[Figure, list[Axes]]:
    """An empty figure of rows and columns, and its axes row by row."""
    figure = Figure(figsize=size or (_PANEL[0] * columns, _PANEL[1] * rows), layout="constrained")
    figure.patch.set_visible(False)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.patch.set_visible(False)
    return figure, list(grid.flat)


def _zero_lines(axes: Axes) -> None:
    axes.axhline(0, color=GRID, linewidth=0.8, zorder=0)
    axes.axvline(0, color=GRID, linewidth=0.8, zorder=0)


def _interrupted(axes: Axes, x: np.ndarray, values: np.ndarray, kinks: Sequence[float], colour: str) -> None:
    """One line for each smooth piece: a jump is not a steep slope."""
    edges = [-np.inf, *sorted(kinks), np.inf]
    for low, high in pairwise(edges):
        inside = (x > low) & (x < high)
        axes.plot(x[inside], values[inside], color=colour)


def _draw_ladder(
    axes: Axes,
    widths: ArrayLike,
    means: ArrayLike,
    standard_errors: ArrayLike,
    theory: float,
    extrapolated: float,
    extrapolated_se: float,
    fit_widths: ArrayLike,
    fit_values: ArrayLike,
) -> None:
    inverse = 1 / np.asarray(widths, float)
    points = {"linestyle": "none", "capsize": 2.5, "elinewidth": 1, "capthick": 1, "markersize": 4.5}
    axes.axhline(theory, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1, label="theory")
    axes.plot(1 / np.asarray(fit_widths, float), fit_values, color=BLUE, linewidth=0.9, alpha=0.7, zorder=2)
    axes.errorbar(inverse, means, standard_errors, fmt="o", color=BLUE, label="measured", **points)
    axes.errorbar([0], [extrapolated], [extrapolated_se], fmt="D", color=ORANGE, label="extrapolated", zorder=4,
                  clip_on=False, **points)  # fmt: skip
    axes.set_xlim(-0.06 * inverse.max(), 1.06 * inverse.max())
    axes.xaxis.set_major_locator(FixedLocator(_spread(inverse)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"1/{round(1 / value)}" if value else "0"))
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _spread(inverse: np.ndarray, gap: float = 0.2) -> list[float]:
    """Zero and those of the measured positions that leave room for their labels, the widest spacing first."""
    ticks = [0.0]
    for position in sorted(set(inverse), reverse=True):
        if all(abs(position - other) >= gap * inverse.max() for other in ticks):
            ticks.append(float(position))
    return sorted(ticks)
