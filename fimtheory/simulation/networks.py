"""Fully connected random networks: the architecture, one draw of its parameters, and the forward pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from operator import index
from typing import Any

from fimtheory.errors import InputError
from fimtheory.simulation.backends import Array, Backend


@dataclass(frozen=True)
class Architecture:
    """``u^l = W^l h^(l-1) + b^l``, ``h^l = phi(u^l)``, ``f = u^L``, with Gaussian weights and biases.

    ``W^l_ij ~ N(0, sigma_w2 / M_(l-1))`` and ``b^l_i ~ N(0, sigma_b2)`` (Karakida, Akaho, Amari 2020, eqs. 1, 3, 6).
    ``widths`` is ``(M_0, ..., M_L)``, with ``M_L = C`` linear outputs; ``phi`` and ``dphi`` (its derivative) map an
    array of the simulation's backend to an array of the same shape. Raises :class:`InputError`.

    >>> network = Architecture((4, 5, 3, 2), 2.0, 0.1, phi=lambda u: u, dphi=lambda u: u**0)
    >>> network.depth, network.outputs, network.parameter_counts, network.feature_count
    (3, 2, (25, 18, 8), 12)
    """

    widths: tuple[int, ...]
    sigma_w2: float
    sigma_b2: float
    phi: Callable[[Any], Any]
    dphi: Callable[[Any], Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", _checked_widths(self.widths))
        if not (math.isfinite(self.sigma_w2) and self.sigma_w2 > 0):
            raise InputError(f"sigma_w2 = {self.sigma_w2} is no variance of weights: write a finite number above 0")
        if not (math.isfinite(self.sigma_b2) and self.sigma_b2 >= 0):
            raise InputError(f"sigma_b2 = {self.sigma_b2} is no variance of biases: write 0 or a finite number above")
        for name in ("phi", "dphi"):
            if not callable(getattr(self, name)):
                raise InputError(f"{name} = {getattr(self, name)!r} cannot be called: give a function of one array")

    @property
    def depth(self) -> int:
        """The number ``L`` of weight layers."""
        return len(self.widths) - 1

    @property
    def outputs(self) -> int:
        """The number ``C`` of outputs."""
        return self.widths[-1]

    @property
    def parameter_counts(self) -> tuple[int, ...]:
        """``P_l = M_l (M_(l-1) + 1)``, weights and biases, for ``l = 1..L``."""
        return tuple(rows * (columns + 1) for columns, rows in zip(self.widths, self.widths[1:], strict=False))

    @property
    def parameter_count(self) -> int:
        """``P``, the number of all weights and biases."""
        return sum(self.parameter_counts)

    @property
    def feature_count(self) -> int:
        """``M_h = M_0 + ... + M_(L-1)``, the number of input and hidden activities."""
        return sum(self.widths[:-1])


@dataclass(frozen=True)
class Network:
    """One draw of the parameters: ``weights[l-1]`` of shape ``(M_l, M_(l-1))``, ``biases[l-1]`` of shape ``(M_l,)``."""

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]


def draw_network(architecture: Architecture, generator: Any, backend: Backend) -> Network:
    """Draw all weights and biases, from the first layer to the last."""
    weights, biases = [], []
    for columns, rows in zip(architecture.widths, architecture.widths[1:], strict=False):
        weights.append(backend.normal(generator, (rows, columns), architecture.sigma_w2 / columns))
        biases.append(backend.normal(generator, (rows,), architecture.sigma_b2))
    return Network(tuple(weights), tuple(biases))


def forward(
    architecture: Architecture, network: Network, inputs: Array, backend: Backend
) -> tuple[list[Array], list[Array]]:
    """Features ``[h^0, ..., h^(L-1)]`` and slopes ``[phi'(u^1), ..., phi'(u^(L-1))]``, each of shape ``(N, M_l)``.

    ``inputs`` has shape ``(N, M_0)``. The outputs themselves are in no metric of squared loss and are not computed.
    """
    features, slopes = [inputs], []
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        preactivation = features[-1] @ weight.T + bias
        features.append(_apply("phi", architecture.phi, preactivation, backend))
        slopes.append(_apply("dphi", architecture.dphi, preactivation, backend))
    return features, slopes


def _apply(name: str, function: Callable[[Any], Any], argument: Array, backend: Backend) -> Array:
    # The conversion keeps single precision single, and lets dphi answer with booleans.
    values = backend.xp.asarray(function(argument), dtype=backend.dtype)
    if values.shape != argument.shape:
        raise InputError(
            f"{name} turned an array of shape {argument.shape} into shape {values.shape}: it must act elementwise"
        )
    return values


def _checked_widths(widths: Any) -> tuple[int, ...]:
    try:
        checked = tuple(index(width) for width in widths)
    except TypeError:
        raise InputError(f"widths = {widths!r} are no whole numbers: write (M_0, ..., M_L), as (100, 100, 9)") from None
    if len(checked) < 2 or min(checked) < 1:
        raise InputError(f"widths = {checked} describe no network: write at least two positive widths (M_0, ..., M_L)")
    return checked
