"""Figure: condition numbers of averaged relative metrics over the variance of t, theory through simulated batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fimtheory.report.figures import BLUE, GREEN, INK, MUTED, ORANGE, panels, styled
from fimtheory.verification.expected_relative import ConditioningCurve, conditioning_curves

Progress = Callable[[int, int], None]

_SATURATING = ("gaussian:tanh", "bernoulli:tanh", "bernoulli:sigmoid")
_OTHERS = (
    "gaussian:softplus",
    "gaussian:gelu",
    "gaussian:elu alpha=1",
    "gaussian:leaky_relu alpha=1/10",
    "gaussian:relu",
)
_COLOURS = (BLUE, ORANGE, GREEN, INK, MUTED)
_LIMITS = {"bernoulli:tanh": 12 / np.pi**2, "bernoulli:sigmoid": 3 / np.pi**2}  # of the condition number over q
_POINTS = 120


def draw(quick: bool, progress: Progress | None = None) -> Figure:
    """Saturating neurons on the left, with what they tend to; on the right others, whose condition numbers stay small."""
    variances, places = np.geomspace(0.02, 300, _POINTS), np.geomspace(0.1, 200, 7)
    curves = conditioning_curves((*_SATURATING, *_OTHERS), variances, places, quick, progress=progress)
    return conditioning(curves[: len(_SATURATING)], curves[len(_SATURATING) :])


@styled
def conditioning(saturating: Sequence[ConditioningCurve], others: Sequence[ConditioningCurve]) -> Figure:
    """Curves with points and standard errors; dashed what saturating ones tend to, 12 q/pi^2 and 3 q/pi^2."""
    figure, (left, right) = panels(1, 2, size=(8.6, 3.5))
    for axes, curves in ((left, saturating), (right, others)):
        for curve, colour, marker in zip(curves, _COLOURS, "osD^v", strict=False):
            _draw(axes, curve, colour, marker)
        axes.set(xlabel=r"variance $q$ of $t = w \cdot x$", xscale="log")
    for curve in saturating:
        if curve.neuron.name in _LIMITS:
            q = curve.variances[curve.variances > 3]
            left.plot(q, _LIMITS[curve.neuron.name] * q, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    left.set(yscale="log", title="condition number, saturating")
    right.set(title="condition number, Gaussian response", ylim=(0.97, None))
    left.legend(loc="upper left", fontsize=10)
    right.legend(loc="upper right", fontsize=10)
    return figure


def _draw(axes: Axes, curve: ConditioningCurve, colour: str, marker: str) -> None:
    axes.plot(curve.variances, curve.values, color=colour, label=_label(curve))
    axes.errorbar(
        curve.measured_at, curve.means, curve.standard_errors, fmt=marker, color=colour, markersize=3.6, capsize=1.8,
        linewidth=0.8,
    )  # fmt: skip


def _label(curve: ConditioningCurve) -> str:
    response, _, function = curve.neuron.name.partition(":")
    name = function.split("(")[0].replace("_", " ")
    return f"{response}: {name}" if function in ("tanh", "sigmoid") else name
