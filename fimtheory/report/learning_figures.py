"""Figure: gradient descent on the output weights learns one degree after the other, theory through simulated networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from fimtheory.report.figures import BLUE, GREEN, INK, MUTED, ORANGE, panels, styled
from fimtheory.verification.mode_training import LearningCurves, LearningSetting, learning_curves

Progress = Callable[[int, int], None]

_COLOURS = (BLUE, ORANGE, GREEN, INK)
_POINTS = 400
# widths, networks of each, steps
_FULL = ((125, 1000), 20, 2048)
_QUICK = ((48, 160), 12, 512)
_LEARNED = 0.995  # points of a degree end soon after this share: they would lie on one another
_FILLS = ("white", None)  # narrow networks are hollow


def draw(quick: bool, progress: Progress | None = None, setting: LearningSetting | None = None) -> Figure:
    """Shares of each degree that are learned, and the loss, over the steps; means and deviations over networks.

    ``setting`` says which networks: ReLU in three dimensions unless given.
    """
    widths, number, last = _QUICK if quick else _FULL
    steps = tuple(2**j for j in range(int(np.log2(last)) + 1))
    one = replace(setting or LearningSetting(), steps=steps, initial_variance=0.0)
    done = [0]

    def report(_: int, __: int) -> None:
        done[0] += 1
        if progress is not None:
            progress(done[0], number * len(widths))

    return learning(sorted((learning_curves(one, width, number, report) for width in widths), key=lambda c: c.width))


@styled
def learning(curves: Sequence[LearningCurves]) -> Figure:
    """Left the shares by degree, right the loss; one set of points a width, narrowest first, at most two."""
    figure, (left, right) = panels(1, 2, size=(8.6, 3.4))
    problem, t = curves[0].problem, np.unique(np.geomspace(1, curves[0].steps[-1], _POINTS).astype(int))
    modes = problem.learning.modes.modes
    eigenvalue = {mode.degree: mode.eigenvalue or f"{mode.value:.3g}" for mode in modes if mode.index == 0}
    for row, (k, colour) in enumerate(zip(problem.degrees, _COLOURS, strict=False)):
        label = rf"degree {k}, $\lambda = {eigenvalue[k]}$"
        left.plot(t, problem.learning.curve(k, t), color=colour, label=label)
        for one, fill in zip(curves, _FILLS[-len(curves) :], strict=True):
            before = problem.learning.curve(k, one.steps // 2)
            _points(left, one, one.measured[row], one.deviations[row], colour, fill, shown=before < _LEARNED)
    left.axhline(1, color=MUTED, linewidth=0.6, zorder=0)
    left.set(xlabel="step $t$", title="share that is learned", xscale="log", ylim=(-0.05, 1.12))
    right.plot(t, problem.learning.loss(t), color=BLUE, label="theory")
    for one, fill in zip(curves, _FILLS[-len(curves) :], strict=True):
        _points(right, one, one.loss, one.loss_deviation, INK, fill, label=f"$m = {one.width}$")
    right.set(xlabel="step $t$", title=r"loss $\frac{1}{2}\,\mathbb{E}\,(f_t - f^*)^2$", xscale="log", yscale="log")
    right.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    right.yaxis.set_minor_formatter(NullFormatter())
    right.legend(loc="lower left")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=10)
    return figure


def _points(
    axes: Axes,
    one: LearningCurves,
    means: np.ndarray,
    deviations: np.ndarray,
    colour: str,
    fill: str | None,
    label: str | None = None,
    shown: np.ndarray | slice = np.s_[:],
) -> None:
    style = {"color": colour, "markerfacecolor": fill or colour, "markersize": 3.6, "capsize": 1.8, "linewidth": 0.8}
    axes.errorbar(one.steps[shown], means[shown], deviations[shown], fmt="o", label=label, **style)
