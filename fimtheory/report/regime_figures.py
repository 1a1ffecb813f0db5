"""Figure: three theories of one layer, in one colour a degree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from fimtheory.activations import Activation
from fimtheory.report.figures import BLUE, GREEN, INK, MUTED, ORANGE, styled
from fimtheory.theory.three_regimes import Bulk, ThreeRegimes
from fimtheory.verification.three_regimes import BulkHistogram, Groups, Overlaps, Picture, picture

Progress = Callable[[int, int], None]

DEGREES = 5  # that have a colour of their own
# Okabe and Ito's, as in the palette; the last is for all higher degrees.
COLOURS = (ORANGE, BLUE, GREEN, "#cc79a7", "#56b4e9", "#e69f00", MUTED)
_WIDE = 0.09  # of the strip: narrower shares have no room for their label
_DOTS = {"linestyle": "none", "marker": "o", "markersize": 2.6, "color": INK, "zorder": 4}


def draw(quick: bool = False, progress: Progress | None = None, phi: str | Activation = "relu") -> Figure:
    """Shares by degree; eigengroups at d = 4, bulk at m = d/2, outlier over overlapping inputs: theory and simulation."""
    return three_panels(picture(ThreeRegimes(phi, DEGREES), quick, progress))


@styled
def three_panels(found: Picture) -> Figure:
    """One strip of shares, which is the legend, and three panels."""
    figure = Figure(figsize=(11.25, 4.5), layout="constrained")
    figure.patch.set_visible(False)
    grid = figure.add_gridspec(2, 3, height_ratios=(0.13, 1))
    strip, *panels = (figure.add_subplot(place) for place in (grid[0, :], grid[1, 0], grid[1, 1], grid[1, 2]))
    for axes in (strip, *panels):
        axes.patch.set_visible(False)
    _shares(strip, found.regimes)
    _groups(panels[0], found.groups)
    _bulk(panels[1], found.regimes, found.bulk)
    _overlaps(panels[2], found.overlaps)
    return figure


def _colour(degree: int) -> str:
    return COLOURS[min(degree, len(COLOURS) - 1)]


def _parts(regimes: ThreeRegimes) -> list[tuple[int, float]]:
    """(degree, share of E phi^2) of every degree that has one; all higher ones together as the last."""
    values = np.array([*regimes.values, regimes.remainder])
    return [(k, float(v)) for k, v in enumerate(values / values.sum()) if v > 1e-9 * values.sum()]


def _shares(axes: Axes, regimes: ThreeRegimes) -> None:
    left = 0.0
    for k, share in _parts(regimes):
        axes.barh(0, share, left=left, height=1, color=_colour(k), edgecolor="white", linewidth=0.8)
        name = f"degree {k}" if k <= DEGREES else f"above {DEGREES}"
        if share > _WIDE:
            axes.text(left + share / 2, 0, f"{name}: {share:.1%}", ha="center", va="center", color="white", fontsize=11)
        left += share
    small = [
        f"{k if k <= DEGREES else f'above {DEGREES}'}: {share:.2%}" for k, share in _parts(regimes) if share <= _WIDE
    ]
    axes.set(xlim=(0, 1), ylim=(-0.5, 0.5))
    axes.set_title(r"shares $b_k^2$ of $\mathbb{E}\,\phi(Z)^2$" + (", and degree " if small else "") + ", ".join(small))
    axes.set_axis_off()


def _groups(axes: Axes, found: Groups) -> None:
    start = 0
    for degree, value, count in found.steps:
        axes.plot([start + 0.55, start + count + 0.45], [value, value], color=_colour(degree), linewidth=4, alpha=0.75,
                  solid_capstyle="butt")  # fmt: skip
        start += count
    ranks = np.arange(1, start + 1)
    axes.plot(ranks, found.measured[:start], **_DOTS)
    lowest, highest = min(float(found.measured[:start].min()), found.steps[-1][1]), found.steps[0][1]
    axes.set(xscale="log", yscale="log", xlim=(0.5, max(1.2 * start, 12)), xlabel="rank", ylabel=r"eigenvalue of $J$",
             title=rf"$m \gg d^2$: eigengroups ($d = {found.dimension}$)")  # fmt: skip
    axes.set_ylim(min(max(lowest, 1e-7 * highest) / 2, highest / 30), 3 * highest)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())


def _bulk(axes: Axes, regimes: ThreeRegimes, found: BulkHistogram) -> None:
    law, end = found.law, float(found.edges[-1])
    axes.stairs(found.heights, found.edges, fill=True, color=BLUE, alpha=0.35)
    low, high = law.edges
    if high > low:
        t = low + (high - low) * np.sin(np.linspace(0, np.pi / 2, 400)[1:-1]) ** 2
        axes.plot(t, law.density(t), color=INK, linewidth=1.2)
    top = 1.3 * float(found.heights.max())
    _ridge(axes, regimes, law, "right" if law.ridge > 0.15 * end else "left")
    if found.spike is not None:
        axes.plot([found.spike] * 2, [0, 0.4 * top], color=ORANGE, linewidth=1.6)
        axes.text(found.spike, 0.42 * top, "degree 0,\ntwice", color=ORANGE, ha="center", va="bottom", fontsize=10)
    if not regimes.is_centred:
        axes.annotate("", (1.0, 0.55), (0.86, 0.55), xycoords="axes fraction",
                      arrowprops={"arrowstyle": "->", "color": ORANGE, "linewidth": 1.4})  # fmt: skip
        axes.text(0.99, 0.58, f"degree 0,\nat {found.top:.3g}", color=ORANGE, ha="right", va="bottom", fontsize=10,
                  transform=axes.transAxes)  # fmt: skip
    axes.set(xlim=(0, end), ylim=(0, top), xlabel=r"eigenvalue of $m J$", ylabel="density",
             title=rf"$m \sim d$: bulk ($m = {found.width}$, $d = {found.dimension}$)")  # fmt: skip
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _ridge(axes: Axes, regimes: ThreeRegimes, law: Bulk, alignment: str) -> None:
    """The ridge as a bar along the axis, made of the degrees from 2 on."""
    if law.ridge == 0:
        return
    left = 0.0
    for k, share in (*enumerate(regimes.values[2:], start=2), (DEGREES + 1, regimes.remainder)):
        axes.axvspan(left, left + share, ymax=0.05, color=_colour(k), linewidth=0)
        left += share
    axes.axvline(law.ridge, ymax=0.9, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.text(law.ridge, 0.9, " ridge ", color=INK, ha=alignment, va="top", fontsize=10,
              transform=axes.get_xaxis_transform())  # fmt: skip


def _overlaps(axes: Axes, found: Overlaps) -> None:
    stacked = np.cumsum(found.parts, axis=0)
    below = np.zeros(found.overlaps.size)
    for degree, above in enumerate(stacked):
        axes.fill_between(found.overlaps, below, above, color=_colour(degree), linewidth=0, alpha=0.75)
        below = above
    axes.errorbar(found.measured_at, found.means, found.standard_errors, linestyle="none", marker="o", markersize=3.5,
                  color=INK, capsize=2, elinewidth=0.9, zorder=4, clip_on=False)  # fmt: skip
    axes.set(xlim=(0, 1), xlabel="overlap $c$ of the inputs", ylabel=r"$\lambda_{\max}(J_N)$",
             title=rf"deep networks: $\hat q_2 = \Sigma_k b_k^2 c^k$ ($N = {found.samples}$)")  # fmt: skip
    axes.set_ylim(0, 1.06 * max(float(stacked[-1].max()), float(found.means.max())))
