"""The figures of the papers, drawn anew by their claims' ids: ``fimtheory claims figure pennington2018.fig1a``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sympy as sp
from matplotlib.figure import Figure

from fimtheory.activations import named
from fimtheory.errors import InputError
from fimtheory.report import (
    expected_relative_figures,
    function_figures,
    learning_figures,
    neuron_training_figures,
    regime_figures,
    relative_descent_figures,
    score_figures,
    spectrum_figures,
)
from fimtheory.report.network_paper_figures import FIGURES as NETWORK_FIGURES
from fimtheory.theory.single_layer import SingleLayer
from fimtheory.verification.checkpoints import Checkpoints
from fimtheory.verification.paper_figures import FULL_WIDTH, QUICK_WIDTH, gain_curve, measured_spectrum

Progress = Callable[[int, int], None]

_CURVES = {"$x$": "linear", r"$\mathrm{erf}_1$": "erf_alpha alpha=1", r"$\mathrm{srelu}_0$": "srelu alpha=0",
           r"$f_{\mathrm{opt}}$": "f_opt"}  # fmt: skip


def _figure_1(name: str, title: str) -> Callable[[bool, Progress | None], Figure]:
    def draw(quick: bool, progress: Progress | None) -> Figure:
        found = measured_spectrum(name, QUICK_WIDTH if quick else FULL_WIDTH, progress=progress)
        panel = ((found.points, found.density), (found.edges, found.heights), found.width)
        return spectrum_figures.histograms({title: panel})

    return draw


def _figure_2a(quick: bool, progress: Progress | None) -> Figure:
    curves = {}
    for label, name in _CURVES.items():
        law = SingleLayer(named(name)).law
        points = law.grid(400 if quick else 4000)
        curves[label] = (points, law.density(points))
    return spectrum_figures.densities(curves)


def _figure_2b(quick: bool, progress: Progress | None) -> Figure:
    """The lower end of the spectrum of erf_1, where finite widths are far from the limit."""
    widths = (8, 16, QUICK_WIDTH) if quick else (32, 64, FULL_WIDTH)
    spectra = [measured_spectrum("erf_alpha alpha=1", n, 8, progress=progress, end=1.0) for n in widths]
    curve = spectra[-1].points, spectra[-1].density
    inside = curve[0] < 1.0
    measured = {f"$n = {found.width}$": (found.edges, found.heights) for found in spectra}
    return spectrum_figures.convergence((curve[0][inside], curve[1][inside]), measured)


def _figure_3(family: str, label: str, ends: tuple[str, str]) -> Callable[[bool, Progress | None], Figure]:
    def draw(quick: bool, progress: Progress | None) -> Figure:
        low, high = map(sp.Rational, ends)
        count, width, networks = (4, QUICK_WIDTH, 8) if quick else (11, FULL_WIDTH, 4)
        parameters = [low + (high - low) * sp.Rational(k, count - 1) for k in range(count)]
        found = gain_curve(family, parameters, width, networks, progress=progress)
        return spectrum_figures.conditioning_and_gain(
            found.parameter, found.conditioning, found.measured_at, found.gain, found.standard_error, label
        )

    return draw


FIGURES: dict[str, Callable[[bool, Progress | None], Figure]] = {
    "pennington2018.fig1a": _figure_1("linear", "linear"),
    "pennington2018.fig1b": _figure_1("erf_alpha alpha=1", r"$\mathrm{erf}_1$"),
    "pennington2018.fig2a": _figure_2a,
    "pennington2018.fig2b": _figure_2b,
    "pennington2018.fig3a": _figure_3("srelu", r"\alpha", ("-1", "1")),
    "pennington2018.fig3b": _figure_3("erf_alpha", r"\alpha", ("1/2", "3")),
    "ho2025.offdiagonal_form": function_figures.draw,
    "ho2025.gradient_descent": learning_figures.draw,
    "fimtheory.regimes.decomposition": regime_figures.draw,
    "sun2016.fig4": neuron_training_figures.draw,
    "sun2016.fig5": relative_descent_figures.draw,
    "fimtheory.relative.neuron_scores": score_figures.draw,
    "fimtheory.relative.conditioning": expected_relative_figures.draw,
    "fimtheory.relative.batch_law": expected_relative_figures.draw_batches,
}


def draw(id: str, quick: bool = False, progress: Progress | None = None, directory: Path | None = None) -> Figure:
    """The figure of a claim, at the paper's size, or smaller with ``quick``. Raises :class:`InputError`.

    Figures of deep networks take long: what is finished is kept in ``directory`` and found there again.

    >>> len(draw("pennington2018.fig2a", quick=True).axes[0].lines)
    4
    """
    if id in NETWORK_FIGURES:
        return NETWORK_FIGURES[id](quick, progress, Checkpoints(directory))
    if id not in FIGURES:
        raise InputError(f"{id!r} has no figure: the figures are {', '.join([*FIGURES, *NETWORK_FIGURES])}")
    if directory is not None:
        raise InputError(f"{id} is not made in pieces that could be kept: leave --resume out")
    return FIGURES[id](quick, progress)
