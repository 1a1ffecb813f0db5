"""The data behind the figures of document 002: random layers and teachers at a chosen width, beside the theory.

Full size is the paper's: width 128, 2^17 samples. ``quick`` is smaller, for tests and first looks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import sympy as sp

from fimtheory.activations import activation, named
from fimtheory.gaussian.quantity import number
from fimtheory.simulation import single_layer_spectrum
from fimtheory.simulation.measurements import WORKERS
from fimtheory.simulation.one_step import ONE_STEP, simulate_one_step
from fimtheory.theory.single_layer import SingleLayer

Progress = Callable[[int, int], None]

FULL_WIDTH, QUICK_WIDTH = 128, 32
_STEPS, _PROBES = 300, 6  # of stochastic Lanczos quadrature: finer than the bins
_BINS = 80


@dataclass(frozen=True)
class MeasuredSpectrum:
    """The density of a layer's law on a grid, and the histogram of random layers of one width."""

    layer: SingleLayer
    width: int
    points: np.ndarray
    density: np.ndarray
    edges: np.ndarray
    heights: np.ndarray


@dataclass(frozen=True)
class GainCurve:
    """Conditioning along a family, and the measured gain of one optimal step in units of epsilon^2 n^2."""

    family: str
    width: int
    parameter: np.ndarray
    conditioning: np.ndarray
    measured_at: np.ndarray
    gain: np.ndarray
    standard_error: np.ndarray


def measured_spectrum(
    name: str,
    width: int,
    networks: int = 4,
    seed: int = 1,
    progress: Progress | None = None,
    end: float | None = None,
) -> MeasuredSpectrum:
    """The law of an activation and the mean histogram of ``networks`` random layers of a width.

    The bins reach up to ``end``, or a little beyond the law. An atom of the law stays out of the histogram: its
    eigenvalues are left away, and the heights are those of the rest.
    """
    layer = SingleLayer(named(name))
    phi = layer.activation
    functions = phi.numpy, phi.numpy_derivative, tuple(float(h) for h in phi.kinks)
    top = layer.law.support[-1][1]
    edges = np.linspace(0, end or 1.15 * top, (_BINS if end is None else _BINS // 2) + 1)
    heights = np.zeros(len(edges) - 1)
    for index in range(networks):
        spectrum = single_layer_spectrum(*functions, width, (1.0, 1.0), (seed, width), index, _PROBES, _STEPS)
        start = edges.copy()
        if layer.law.atoms:
            start[0] = 1e-8 * top
        masses = [spectrum.mass(lo, hi)[0] for lo, hi in pairwise(start)]
        heights += np.array(masses) / np.diff(edges) / networks
        if progress:
            progress(index + 1, networks)
    points = layer.law.grid(2000)
    return MeasuredSpectrum(layer, width, points, layer.law.density(points), edges, heights)


def gain_curve(
    family: str,
    parameters: Sequence[sp.Rational],
    width: int,
    networks: int,
    seed: int = 1,
    progress: Progress | None = None,
) -> GainCurve:
    """The one-step experiment at several members of a family, and the theory on a fine grid between them."""
    gains, errors = [], []
    total = networks * len(parameters)
    for done, value in enumerate(parameters):
        phi = activation(family, alpha=value)
        before = done * networks
        report = (lambda k, _, before=before: progress(before + k, total)) if progress else None
        found = simulate_one_step(
            phi.numpy, phi.numpy_derivative, width, networks, (seed, done), progress=report, workers=WORKERS
        )
        gains.append(found.mean(ONE_STEP))
        errors.append(found.standard_error(ONE_STEP))
    measured_at = np.array([float(value) for value in parameters])
    fine = [sp.Rational(str(round(x, 6))) for x in np.linspace(measured_at.min(), measured_at.max(), 61)]
    conditioning = [float(number(SingleLayer(activation(family, alpha=x)).conditioning, 12)) for x in fine]
    return GainCurve(
        family,
        width,
        np.array([float(x) for x in fine]),
        np.array(conditioning),
        measured_at,
        np.array(gains),
        np.array(errors),
    )
