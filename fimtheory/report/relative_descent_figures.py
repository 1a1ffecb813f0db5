"""Figure: relative natural gradient descent of a ReLU network beside SGD, Adam and batch normalisation, on digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fimtheory.report.figures import BLUE, GREEN, ORANGE, panels, styled
from fimtheory.simulation.descent_ensemble import BestCurves, best_curves
from fimtheory.theory.network_experiment_claims import VARIANTS
from fimtheory.verification.relative_descent import NetworkExperimentSetting

Progress = Callable[[int, int], None]
Curves = Mapping[str, BestCurves]

SMOOTHED = 10  # iterations, as in the document
_COLOURS = {"SGD": BLUE, "Adam": ORANGE, "RNGD": GREEN}
_LINES = {"": "-", "BNA": (0, (4, 1.5)), "BNB": (0, (1, 1.2))}
SHOWN = ("SGD", "SGD_BNA", "SGD_BNB", "Adam", "Adam_BNA", "Adam_BNB", "RNGD")


def draw(quick: bool, progress: Progress | None = None, setting: NetworkExperimentSetting | None = None) -> Figure:
    """Costs of mini batches and test errors at the best rate of each method; means over runs."""
    one = setting or (NetworkExperimentSetting.quick() if quick else NetworkExperimentSetting())
    found: dict[str, dict[str, BestCurves]] = {variant: {} for variant in VARIANTS}
    tasks = [(variant, method) for variant in VARIANTS for method in SHOWN]
    for done, (variant, method) in enumerate(tasks, start=1):
        plan = replace(one.plan, flipped=VARIANTS[variant])
        found[variant][method] = best_curves(method, plan, one.rates)
        if progress is not None:
            progress(done, len(tasks))
    return descents(found, one.plan.per_epoch)


@styled
def descents(found: Mapping[str, Curves], per_epoch: int) -> Figure:
    """A column for each variant of the data: the cost above, on a logarithmic axis, and the test error below."""
    figure, axes = panels(2, len(found), size=(4.6 * len(found), 6.4))
    above, below = axes[: len(found)], axes[len(found) :]
    for (variant, curves), cost, test in zip(found.items(), above, below, strict=True):
        for method in SHOWN:
            _draw(cost, test, curves[method], per_epoch)
        flips = VARIANTS[variant]
        cost.set(title=f"{flips:.0%} of the labels flipped" if flips else "original labels", yscale="log")
        test.set(xlabel="epoch", ylim=(0, None))
    above[0].set_ylabel("training cost of a mini batch")
    below[0].set_ylabel("share of errors on test images")
    _legend(figure, found)
    return figure


def _draw(cost: Axes, test: Axes, one: BestCurves, per_epoch: int) -> None:
    name, _, normalised = one.method.partition("_")
    style = {"color": _COLOURS[name], "linestyle": _LINES[normalised], "linewidth": 2.0 if name == "RNGD" else 1.1}
    blocks = one.costs.shape[-1] // SMOOTHED
    smooth = one.costs[:, : blocks * SMOOTHED].astype(float).reshape(-1, blocks, SMOOTHED).mean(axis=(0, 2))
    cost.plot((np.arange(blocks) + 0.5) * SMOOTHED / per_epoch, smooth, **style)
    test.plot(one.looks, one.test_errors.mean(axis=0), **style)


def _legend(figure: Figure, found: Mapping[str, Curves]) -> None:
    """The rates that were chosen, in the order of the columns."""
    lines = figure.axes[0].lines
    labels = [
        f"{method.replace('_', ' ')} ({', '.join(f'{curves[method].rate:g}' for curves in found.values())})"
        for method in SHOWN
    ]
    figure.legend(lines, labels, loc="outside lower center", ncols=4, fontsize=10, title_fontsize=10,
                  title="method (best rate, left and right)")  # fmt: skip
