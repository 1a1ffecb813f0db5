"""Figure: nu(t) of single neurons by formula, and mean squared scores of simulated responses on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from fimtheory.report.figures import BLUE, GREEN, GRID, INK, MUTED, ORANGE, styled
from fimtheory.verification.score_products import NeuronCurve, neuron_curve

Progress = Callable[[int, int], None]

# label: neuron; those of the document, then others
_OF_THE_DOCUMENT = {
    "tanh": "bernoulli:tanh",
    "sigm": "bernoulli:sigmoid",
    r"$\mathrm{relu}_\omega$, $\iota = 1/4$, $\omega = 1/2$": (
        "gaussian:log(exp(iota*x/omega)+exp(x/omega))*omega iota=1/4 omega=1/2"
    ),
    r"elu, $\alpha = 2/3$": "gaussian:elu alpha=2/3",
}
_OTHERS = {
    "Gaussian, gelu": "gaussian:gelu",
    "Poisson, softplus": "poisson:softplus",
    "exponential, softplus": "exponential:softplus",
}
_COLOURS = (BLUE, ORANGE, GREEN, INK)
_MARKERS = ("o", "s", "D", "^")
_POINTS = (
    np.arange(16) + 0.5
) * 5 / 16 - 2.5  # none at the kink of ELU; further out the rarer outcome of tanh may not occur
_FULL, _QUICK = 8000, 2000  # responses to each of them


def draw(quick: bool = False, progress: Progress | None = None) -> Figure:
    """The four neurons of the document and three others: formulas as lines, Monte Carlo as points, and their distance."""
    draws, total = _QUICK if quick else _FULL, len(_OF_THE_DOCUMENT) + len(_OTHERS)
    found: list[dict[str, NeuronCurve]] = []
    for names in (_OF_THE_DOCUMENT, _OTHERS):
        found.append({})
        for label, name in names.items():
            done = sum(map(len, found))
            found[-1][label] = neuron_curve(name, _POINTS, draws, seed=(1, done))
            if progress is not None:
                progress(done + 1, total)
    return neurons(dict(zip(("four neurons of the document", "three others"), found, strict=True)))


@styled
def neurons(groups: Mapping[str, Mapping[str, NeuronCurve]]) -> Figure:
    """One column a group: nu(t) above, and (measured - formula) in standard errors below."""
    figure = Figure(figsize=(4.6 * len(groups), 4.4), layout="constrained")
    figure.patch.set_visible(False)
    grid = figure.subplots(2, len(groups), squeeze=False, sharex=True, height_ratios=(3.2, 1))
    for (upper, lower), (title, curves) in zip(grid.T, groups.items(), strict=True):
        upper.set_title(title)
        for (label, curve), colour, marker in zip(curves.items(), _COLOURS, _MARKERS, strict=False):
            style = {"color": colour, "marker": marker, "markersize": 3.4, "linestyle": "none"}
            upper.plot(curve.t, curve.nu, color=colour, linewidth=1.1)
            upper.errorbar(
                curve.at, curve.means, curve.standard_errors, label=label, capsize=1.8, elinewidth=0.8, **style
            )
            lower.plot(curve.at, curve.z_scores, **style)
        _finish(upper, lower)
    grid[0, 0].set_ylabel(r"$\nu(t)$")
    grid[1, 0].set_ylabel("distance / s.e.")
    return figure


def _finish(upper: Axes, lower: Axes) -> None:
    low, high = upper.get_ylim()
    upper.set_ylim(min(low, 0.0), high + 0.3 * (high - low))
    upper.legend(loc="upper left", fontsize=9.5, ncols=2, columnspacing=1.0)
    lower.axhspan(-2, 2, color=GRID, alpha=0.5, linewidth=0, zorder=0)
    lower.axhline(0, color=MUTED, linewidth=0.6, zorder=0)
    lower.set(xlabel="$t$", ylim=(-4.4, 4.4))
    lower.yaxis.set_major_locator(MultipleLocator(2))
    for axes in (upper, lower):
        axes.patch.set_visible(False)
