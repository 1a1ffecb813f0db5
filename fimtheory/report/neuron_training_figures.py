"""Figure: one logistic neuron on handwritten digits, the best learning curve of four methods in every experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from fimtheory.report.figures import BLUE, GREEN, MUTED, ORANGE, panels, styled
from fimtheory.verification.neuron_training import NeuronExperimentSetting, NeuronPanel, neuron_panel

Progress = Callable[[int, int], None]

_COLOURS = (MUTED, GREEN, ORANGE, BLUE)  # GD, WhiteGD, NGD, WhiteNGD
_DASHES = ((0, (4, 2)), "-", (0, (4, 2)), "-")  # whitened ones are solid
_COLUMNS, _PANEL = 4, (3.1, 2.75)
_DEPTHS = (1, 0, -1, -10, -100, -1000, -10000)
_ROOM = 60.0  # for the legend, above losses of order one


def draw(quick: bool, progress: Progress | None = None, setting: NeuronExperimentSetting | None = None) -> Figure:
    """The experiments of a setting, all of them unless ``quick``; means and standard errors over runs."""
    one = setting or (NeuronExperimentSetting.quick() if quick else NeuronExperimentSetting())
    done, found = [0], []

    def report(_: int, total: int) -> None:
        done[0] += 1
        if progress is not None:
            progress(done[0], total * len(one.experiments))

    for experiment in one.experiments:
        found.append(neuron_panel(experiment, report))
    return learning_curves(found)


@styled
def learning_curves(found: Sequence[NeuronPanel]) -> Figure:
    """One panel an experiment: ln of the loss where the classes are separable, the excess over its minimum elsewhere."""
    columns = min(_COLUMNS, len(found))
    rows = -(-len(found) // columns)
    figure, axes = panels(rows, columns, size=(_PANEL[0] * columns, _PANEL[1] * rows))
    for place, panel in zip(axes, found, strict=False):
        _panel(place, panel)
    for place in axes[len(found) :]:
        place.set_axis_off()
    return figure


def _panel(axes: Axes, panel: NeuronPanel) -> None:
    epochs = np.arange(panel.means.shape[1])
    shown = (lambda values: values) if panel.separable else np.exp
    for method, (rate, momentum), mean, error, colour, dashes in zip(
        panel.methods, panel.configurations, panel.means, panel.errors, _COLOURS, _DASHES, strict=True
    ):
        label = rf"{method}: $\gamma = {rate:g}$, $\mu = {momentum:g}$"
        above = 2.0 if dashes == "-" else 2.1  # dashed lines lie on full ones, where they agree
        axes.plot(epochs, shown(mean), color=colour, linestyle=dashes, zorder=above, label=label)
        axes.fill_between(epochs, shown(mean - error), shown(mean + error), color=colour, alpha=0.2, linewidth=0)
    axes.set(xlabel="epoch", xlim=(0, epochs[-1]))
    axes.set_title(panel.title, fontsize=10.5)
    if panel.separable:
        axes.set_yscale("symlog", linthresh=1.0, linscale=0.6)
        axes.set_ylim(top=_ROOM)
        axes.yaxis.set_major_locator(FixedLocator(_DEPTHS))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\N{MINUS SIGN}")))
        axes.set_ylabel(r"$\ln L$", labelpad=1)
    else:
        axes.set_yscale("log")
        axes.set_ylim(top=_ROOM**2)
        axes.yaxis.set_major_locator(FixedLocator([10.0**k for k in range(-8, 1, 2)]))
        axes.set_ylabel(r"$L/L_{\min} - 1$", labelpad=1)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.legend(loc="upper right", fontsize=8, handlelength=2.2, labelspacing=0.2, borderaxespad=0.1)
