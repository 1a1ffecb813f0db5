"""Less scatter from the same networks: what the traces of W W' explain is taken out of a measurement.

Most of what tells one random layer from another is in tr W'W, tr (W'W)^2, tr (W'W)^3 of its two weight matrices, whose
means are known exactly at any width. Subtracting a multiple of (trace - its mean) leaves every mean where it is, and
the multiple that fits best removes the shared scatter (control variates).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.single_layer import SingleLayerEnsemble, draw_weights

_POWERS = 3
LEAST = 40  # networks: with fewer, the six fitted multiples show in the standard errors


def controlled(ensemble: SingleLayerEnsemble) -> SingleLayerEnsemble:
    """The ensemble with every observable adjusted; its means estimate the same expectations.

    The scatter is that of the residuals, enlarged for the coefficients that were fitted. The bias of the fit is of the
    order of one standard error over the number of networks. Raises :class:`InputError` for fewer than 40 networks.

    >>> from fimtheory.simulation import simulate_single_layer
    >>> layers = simulate_single_layer(lambda h: h, np.ones_like, (), 6, (1.0, 1.0), 40, 1, observables=_FIRST)
    >>> controlled(layers).standard_error(_FIRST[0]) < 1e-12 < layers.standard_error(_FIRST[0])
    True
    """
    count = ensemble.n_networks
    if count < LEAST:
        raise InputError(f"{count} networks cannot fit six coefficients: simulate {LEAST} or more")
    controls = np.array([_controls(ensemble, index) for index in range(count)])
    return replace(ensemble, observables={n: without_controls(v, controls) for n, v in ensemble.observables.items()})


def without_controls(values: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Values, shape ``(networks,)``, of the same expectation, less what controls of mean zero explain.

    ``controls`` have shape ``(networks, number)``; residuals are enlarged for the fitted coefficients.
    """
    count, centred = len(values), controls - controls.mean(axis=0)
    slopes = np.linalg.lstsq(centred, values - values.mean(), rcond=None)[0]
    enlarged = np.sqrt((count - 1) / (count - 1 - controls.shape[1]))
    mean = values.mean() - controls.mean(axis=0) @ slopes
    return mean + enlarged * (values - values.mean() - centred @ slopes)


_FIRST = ("single_layer.moment[1]",)


def _controls(ensemble: SingleLayerEnsemble, index: int) -> np.ndarray:
    """tr (W'W)^j less its mean, j = 1, 2, 3, for both weight matrices of one network, in units of that mean."""
    relative = []
    for weight in draw_weights(ensemble.widths, ensemble.seed, index):
        squares = np.linalg.svd(weight, compute_uv=False) ** 2 * weight.shape[1]
        means = wishart_traces(*weight.shape)
        relative += [(squares**j).sum() / mean - 1 for j, mean in enumerate(means, start=1)]
    return np.array(relative)


def wishart_traces(rows: int, columns: int) -> tuple[int, int, int]:
    """E tr (Y'Y)^j, j = 1, 2, 3, for a real standard normal matrix Y, exactly.

    >>> wishart_traces(1, 1)  # moments of a chi-squared variable
    (1, 3, 15)
    """
    p, n = rows, columns
    return n * p, n * p * (n + p + 1), n * p * (n * n + p * p + 3 * n * p + 3 * n + 3 * p + 4)
