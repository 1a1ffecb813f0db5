"""Figures: condition numbers of averaged relative metrics, and spectra of mini-batches, theory through simulation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fimtheory.gaussian.quantity import number
from fimtheory.report.figures import BLUE, GREEN, GRID, INK, MUTED, ORANGE, panels, styled
from fimtheory.verification.expected_relative import (
    BatchSpectrum,
    ConditioningCurve,
    batch_spectra,
    conditioning_curves,
)

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
_RATIOS = (2, 8, 64)  # inputs a dimension


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


def draw_batches(quick: bool, progress: Progress | None = None) -> Figure:
    """Eigenvalues of mini-batches of more and more inputs, and the two eigenvalues of the averaged metric."""
    dimension, count = (60, 8) if quick else (240, 20)
    return batches(batch_spectra("bernoulli:tanh", 1.0, _RATIOS, dimension, count, progress=progress))


@styled
def batches(spectra: Sequence[BatchSpectrum]) -> Figure:
    """Histograms below the limiting densities; dashed m_0 and m_2, which the batches tend to; a
    triangle where the direction of the weights stands out."""
    figure, row = panels(1, len(spectra), size=(8.6, 2.9))
    for axes, one in zip(row, spectra, strict=True):
        axes.stairs(one.heights, one.edges, fill=True, color=GRID)
        axes.plot(one.levels, one.density, color=BLUE)
        metric, top = one.batch.metric, 1.3 * float(np.quantile(one.density, 0.97))
        for value in (metric.perpendicular, metric.parallel):
            axes.axvline(float(number(value, 16)), color=ORANGE, linewidth=1.0, linestyle=(0, (4, 3)))
        outliers = one.batch.outliers
        axes.plot(outliers, [0.03 * top] * len(outliers), "v", color=BLUE, markersize=5)
        ratio = round(1 / one.batch.ratio)
        axes.set(xlabel="eigenvalue", title=rf"$n = {ratio}\, d$: $\kappa = {one.batch.condition_number:.3g}$")
        axes.set(ylim=(0, top), yticks=[])
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
