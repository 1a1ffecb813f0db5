"""Fully connected random networks: the architecture, a draw of its parameters and inputs, and the forward pass."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.backends import Array, Backend

PerLayer = float | Sequence[float]
Elementwise = Callable[[Any], Any]


@dataclass(frozen=True)
class Architecture:
    """``u^l = W^l h^(l-1) + b^l``, ``h^l = phi_l(u^l)``, ``f = u^L``, with Gaussian weights, biases and inputs.

    ``W^l_ij ~ N(0, sigma_w2 / M_(l-1))`` and ``b^l_i ~ N(0, sigma_b2)`` (Karakida, Akaho, Amari 2020, eqs. 1, 3, 6).
    ``widths`` is ``(M_0, ..., M_L)``, with ``M_L = C`` linear outputs; ``sigma_w2`` and ``sigma_b2`` are one number, or
    one for each layer ``l = 1..L``; ``phi`` and ``dphi`` (its derivative) map an array of the simulation's backend to
    an array of the same shape, and are one function, or one for each hidden layer ``l = 1..L-1``. Inputs are Gaussian
    with ``E |h^0(n)|^2 / M_0 = input_norm`` and ``E h^0(n) . h^0(m) / M_0 = input_overlap`` for different samples.
    Raises :class:`InputError`.

    >>> network = Architecture((4, 5, 3, 2), 2.0, (0.1, 0.1, 0.0), phi=lambda u: u, dphi=lambda u: u**0)
    >>> network.depth, network.outputs, network.parameter_counts, network.feature_count
    (3, 2, (25, 18, 8), 12)
    >>> network.weight_variances, network.bias_variances
    ((2.0, 2.0, 2.0), (0.1, 0.1, 0.0))
    """

    widths: tuple[int, ...]
    sigma_w2: PerLayer
    sigma_b2: PerLayer
    phi: Elementwise | Sequence[Elementwise]
    dphi: Elementwise | Sequence[Elementwise]
    input_norm: float = 1.0
    input_overlap: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", _checked_widths(self.widths))
        for value in self.weight_variances:
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"sigma_w2 = {value} is no variance of weights: write a finite number above 0")
        for value in self.bias_variances:
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"sigma_b2 = {value} is no variance of biases: write 0 or a finite number above")
        _check_functions("phi", self.phi, self.depth - 1)
        _check_functions("dphi", self.dphi, self.depth - 1)
        _check_inputs(self.input_norm, self.input_overlap)

    @functools.cached_property
    def weight_variances(self) -> tuple[float, ...]:
        """``sigma_w2`` of the layers ``l = 1..L``."""
        return _numbers("sigma_w2", self.sigma_w2, self.depth)

    @functools.cached_property
    def bias_variances(self) -> tuple[float, ...]:
        """``sigma_b2`` of the layers ``l = 1..L``."""
        return _numbers("sigma_b2", self.sigma_b2, self.depth)

    @property
    def activations(self) -> tuple[Elementwise, ...]:
        """``phi`` of the hidden layers ``l = 1..L-1``."""
        return _per_layer("phi", self.phi, self.depth - 1, "hidden layers")

    @property
    def activation_derivatives(self) -> tuple[Elementwise, ...]:
        """``dphi`` of the hidden layers ``l = 1..L-1``."""
        return _per_layer("dphi", self.dphi, self.depth - 1, "hidden layers")

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


@dataclass(frozen=True)
class Signals:
    """A forward pass on ``N`` samples.

    ``features`` are ``[h^0, ..., h^(L-1)]`` and ``slopes`` ``[phi'(u^1), ..., phi'(u^(L-1))]``, each of shape
    ``(N, M_l)``; ``outputs`` are the ``f``, of shape ``(N, C)``.
    """

    features: list[Array]
    slopes: list[Array]
    outputs: Array


def draw_network(architecture: Architecture, generator: Any, backend: Backend) -> Network:
    """Draw all weights and biases, from the first layer to the last."""
    weights, biases = [], []
    layers = zip(
        architecture.widths,
        architecture.widths[1:],
        architecture.weight_variances,
        architecture.bias_variances,
        strict=False,
    )
    for columns, rows, weight_variance, bias_variance in layers:
        weights.append(backend.normal(generator, (rows, columns), weight_variance / columns))
        biases.append(backend.normal(generator, (rows,), bias_variance))
    return Network(tuple(weights), tuple(biases))


def draw_inputs(architecture: Architecture, n_samples: int, generator: Any, backend: Backend) -> Array:
    """Gaussian inputs of the norm and overlap that the architecture asks for, of shape ``(N, M_0)``.

    The covariance between samples, ``(norm - overlap) I + overlap 11'``, has two eigenvalues, and its square root acts
    on independent Gaussians. Raises :class:`InputError` where one of them is negative.
    """
    norm, overlap = architecture.input_norm, architecture.input_overlap
    common = norm + (n_samples - 1) * overlap
    if common < 0:
        raise InputError(
            f"{n_samples} inputs of norm {norm:g} cannot overlap by {overlap:g}, pair by pair: write an input_overlap "
            f"of at least {-norm / (n_samples - 1):g}"
        )
    own = backend.normal(generator, (n_samples, architecture.widths[0]))
    return own * (norm - overlap) ** 0.5 + own.mean(axis=0) * (common**0.5 - (norm - overlap) ** 0.5)


def drawn(architecture: Architecture, n_samples: int, seed: Any, index: int, backend: Backend) -> tuple[Network, Array]:
    """The ``index``-th network of a seed and its ``n_samples`` inputs, which are drawn first."""
    generator = backend.make_generator(np.random.SeedSequence(seed, spawn_key=(index,)))
    inputs = draw_inputs(architecture, n_samples, generator, backend)
    return draw_network(architecture, generator, backend), inputs


def forward(architecture: Architecture, network: Network, inputs: Array, backend: Backend) -> Signals:
    """The signals of ``inputs``, of shape ``(N, M_0)``."""
    features, slopes = [inputs], []
    functions = zip(architecture.activations, architecture.activation_derivatives, strict=True)
    for weight, bias, (phi, dphi) in zip(network.weights, network.biases, functions, strict=False):
        preactivation = features[-1] @ weight.T + bias
        features.append(_apply("phi", phi, preactivation, backend))
        slopes.append(_apply("dphi", dphi, preactivation, backend))
    return Signals(features, slopes, features[-1] @ network.weights[-1].T + network.biases[-1])


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


def _check_inputs(norm: float, overlap: float) -> None:
    if not (math.isfinite(norm) and norm > 0):
        raise InputError(f"input_norm = {norm} is no mean square of an input: write a finite number above 0")
    if not (math.isfinite(overlap) and abs(overlap) <= norm):
        raise InputError(
            f"input_overlap = {overlap} exceeds input_norm = {norm}: write a number between -{norm} and it"
        )


def _check_functions(name: str, functions: Any, hidden_layers: int) -> None:
    _per_layer(name, functions, hidden_layers, "hidden layers")
    for function in functions if isinstance(functions, tuple | list) else (functions,):
        if not callable(function):
            raise InputError(f"{name} = {function!r} cannot be called: give a function of one array")


def _numbers(name: str, values: Any, depth: int) -> tuple[float, ...]:
    given = _per_layer(name, values, depth, "layers")
    try:
        return tuple(float(value) for value in given)
    except (TypeError, ValueError):
        raise InputError(f"{name} = {values!r} is no number: write one, or one for each layer") from None


def _per_layer(name: str, values: Any, count: int, layers: str) -> tuple:
    """One value for all layers, or one for each."""
    if not isinstance(values, tuple | list):
        return (values,) * count
    if len(values) != count:
        raise InputError(f"{name} has {len(values)} entries for {count} {layers}: write one, or one for each")
    return tuple(values)
