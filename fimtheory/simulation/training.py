"""Full-batch gradient descent of random networks, measured as it goes.

The two losses are ``sum |y(n) - f(n)|^2 / 2N`` and the cross-entropy ``-sum y_k(n) log g_k(n) / N`` of a softmax. In
the NTK parameterisation (Karakida, Akaho, Amari 2020, eq. 31) a step of the own parameters is one of the weights whose
rate is multiplied by ``sigma_w2 / M_(l-1)``, and of the biases with ``sigma_b2``: one loop serves both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.backends import Array, Backend, numpy_backend
from fimtheory.simulation.dual_gram import backward, layer_terms
from fimtheory.simulation.metrics import measure_signals
from fimtheory.simulation.networks import Architecture, Network, Signals, forward

LOSSES = ("mse", "cross_entropy")
FAMILIES = {"ordinary": "F", "ntk": "NTK"}  # whose dual is the kernel of gradient descent, up to the N in F


@dataclass(frozen=True)
class Run:
    """Training of one network: ``losses[i]`` and ``outputs[i]`` of shape ``(N, C)`` after ``times[i]`` steps.

    ``lambda_F`` is the mean of the C largest eigenvalues of F at the same times, ``lambda_F_cross`` the largest of
    F_cross; both are empty where they were not asked for.
    """

    times: tuple[int, ...]
    losses: np.ndarray
    outputs: np.ndarray
    lambda_F: np.ndarray = field(default_factory=lambda: np.empty(0))
    lambda_F_cross: np.ndarray = field(default_factory=lambda: np.empty(0))


def train(
    architecture: Architecture,
    network: Network,
    inputs: Array,
    targets: Array,
    loss: str,
    rate: float,
    times: Sequence[int],
    parameterisation: str = "ordinary",
    eigenvalues: bool = False,
    backend: Backend | None = None,
) -> Run:
    """Gradient descent of one network, measured after each of so many steps in ``times``; the network is not changed.

    ``inputs`` have shape ``(N, M_0)``, ``targets`` (outputs to reach, or probabilities of classes) ``(N, C)``. A step
    costs ``6 N P`` operations, and eigenvalues those of the metrics F and F_cross. Raises :class:`InputError`, also
    where the outputs overflow.

    >>> identity = Architecture((1, 1), 1.0, 0.0, phi=lambda u: u, dphi=lambda u: u**0)
    >>> network = Network((np.array([[0.0]]),), (np.array([0.0]),))
    >>> train(identity, network, np.array([[1.0]]), np.array([[1.0]]), "mse", rate=0.25, times=[0, 1, 2]).losses
    array([0.5    , 0.125  , 0.03125])
    """
    backend = backend or numpy_backend()
    wanted = _checked_times(times)
    _check(architecture, inputs, targets, loss, rate)
    rates = layer_rates(architecture, rate, parameterisation)
    rows = []
    for step, current, signals in _descent(architecture, network, inputs, targets, loss, rates, wanted[-1], backend):
        if step in wanted:
            row: dict[str, Any] = {"losses": loss_of(signals.outputs, targets, loss, backend)}
            row["outputs"] = backend.to_numpy(signals.outputs).astype("float64")
            if eigenvalues:
                found = measure_signals(architecture, current, signals, {"F", "F_cross"}, backend)
                row["lambda_F"] = found["deep.F.lambda_max"]
                row["lambda_F_cross"] = found["deep.F_cross.lambda_max"]
            rows.append(row)
    return Run(wanted, **{name: np.array([row[name] for row in rows]) for name in rows[0]})


def kernel_of(architecture: Architecture, network: Network, inputs: Array, parameterisation: str, backend: Backend):
    """``Theta / N``, of shape ``(C N, C N)``: the dual of F, or its counterpart in the NTK parameterisation."""
    family = FAMILIES[_checked_parameterisation(parameterisation)]
    signals = forward(architecture, network, inputs, backend)
    dual = 0.0
    for layer, delta, gradient in backward(network, signals, False, backend):
        terms = layer_terms(architecture, layer, signals.features[layer - 1], delta, gradient, {family}, backend)
        dual = sum((term for _, _, term in terms), start=dual)
    return dual / len(inputs) if family == "NTK" else dual


def growth(
    architecture: Architecture,
    network: Network,
    inputs: Array,
    direction: Array,
    rate: float,
    parameterisation: str = "ordinary",
    steps: int = 1,
    nudge: float = 1e-6,
    backend: Backend | None = None,
) -> float:
    """What a step of gradient descent on the squared loss multiplies a small residual by, along one direction.

    The targets are the network's own outputs, displaced by ``nudge`` along ``direction``, of shape ``(N, C)`` and norm
    one: so small a residual sees a linear network (in double precision). The factor is the geometric mean over
    ``steps``, with the sign of their product; for an eigenvector of ``Theta / N`` and one step, ``1 - rate * lambda``.

    >>> identity = Architecture((1, 1), 1.0, 0.0, phi=lambda u: u, dphi=lambda u: u**0)
    >>> network = Network((np.array([[0.0]]),), (np.array([0.0]),))
    >>> round(growth(identity, network, np.array([[1.0]]), np.array([[1.0]]), rate=2.0), 6)  # lambda = |x|^2 + 1
    -3.0
    """
    backend = backend or numpy_backend()
    targets = forward(architecture, network, inputs, backend).outputs + nudge * direction
    run = train(architecture, network, inputs, targets, "mse", rate, (0, steps), parameterisation, backend=backend)
    first, last = ((backend.to_numpy(targets) - outputs) * direction for outputs in run.outputs)
    ratio = float(last.sum() / first.sum())
    return math.copysign(abs(ratio) ** (1 / steps), ratio)


def layer_rates(architecture: Architecture, rate: float, parameterisation: str) -> list[tuple[float, float]]:
    """The rates of the weights and of the biases of layers 1 to L.

    >>> identity = Architecture((4, 2, 1), 2.0, 0.5, phi=lambda u: u, dphi=lambda u: u**0)
    >>> layer_rates(identity, 1.0, "ntk")
    [(0.5, 0.5), (1.0, 0.5)]
    """
    if _checked_parameterisation(parameterisation) == "ordinary":
        return [(rate, rate)] * architecture.depth
    layers = zip(architecture.widths, architecture.weight_variances, architecture.bias_variances, strict=False)
    return [(rate * weight / below, rate * bias) for below, weight, bias in layers]


def _descent(
    architecture: Architecture,
    network: Network,
    inputs: Array,
    targets: Array,
    loss: str,
    rates: list[tuple[float, float]],
    steps: int,
    backend: Backend,
) -> Iterator[tuple[int, Network, Signals]]:
    """Yield ``(step, network, signals)`` for steps 0 to ``steps``; the arrays of the network change from step to step."""
    current = Network(tuple(w.copy() for w in network.weights), tuple(b.copy() for b in network.biases))
    for step in range(steps + 1):
        signals = forward(architecture, current, inputs, backend)
        if not bool(backend.xp.isfinite(signals.outputs).all()):
            raise InputError(f"the outputs overflow at step {step}: write a smaller rate than {rates[-1][0]:.4g}")
        yield step, current, signals
        if step < steps:
            for layer, weights, biases in gradients(current, signals, _errors(signals.outputs, targets, loss, backend)):
                weights *= rates[layer - 1][0]
                current.weights[layer - 1][...] -= weights
                current.biases[layer - 1][...] -= biases * rates[layer - 1][1]


def gradients(network: Network, signals: Signals, errors: Array) -> Iterator[tuple[int, Array, Array]]:
    """Yield ``(l, gradient in W^l, gradient in b^l)`` for ``l = L..1``, given those in the outputs, ``(N, C)``.

    The weights of a layer are used before its gradient is handed out, so they may be changed on the spot.
    """
    delta = errors
    for layer in range(len(network.weights), 0, -1):
        features, own = signals.features[layer - 1], delta
        if layer > 1:
            delta = (own @ network.weights[layer - 1]) * signals.slopes[layer - 2]
        yield layer, own.T @ features, own.sum(axis=0)


def _errors(outputs: Array, targets: Array, loss: str, backend: Backend) -> Array:
    """The derivative of the loss in the outputs."""
    guess = outputs if loss == "mse" else backend.xp.exp(_log_softmax(outputs, backend))
    return (guess - targets) / len(outputs)


def loss_of(outputs: Array, targets: Array, loss: str, backend: Backend) -> float:
    """One of the two losses, averaged over samples."""
    if loss == "mse":
        return float(((targets - outputs) ** 2).sum()) / (2 * len(outputs))
    return -float((targets * _log_softmax(outputs, backend)).sum()) / len(outputs)


def _log_softmax(outputs: Array, backend: Backend) -> Array:
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    return shifted - backend.xp.log(backend.xp.exp(shifted).sum(axis=1, keepdims=True))


def one_hot_labels(architecture: Architecture, teacher: Network, inputs: Array, backend: Backend) -> np.ndarray:
    """The classes that a teacher network gives the inputs, its largest output, as one-hot rows of shape ``(N, C)``."""
    outputs = backend.to_numpy(forward(architecture, teacher, inputs, backend).outputs)
    return np.eye(outputs.shape[1])[outputs.argmax(axis=1)]


def _checked_times(times: Sequence[int]) -> tuple[int, ...]:
    found = tuple(times)
    if (
        not found
        or any(not isinstance(t, int | np.integer) or t < 0 for t in found)
        or sorted(set(found)) != list(found)
    ):
        raise InputError(f"times = {found}: write increasing whole numbers of steps, from 0 on, e.g. (0, 1, 10)")
    return found


def _checked_parameterisation(name: str) -> str:
    if name not in FAMILIES:
        raise InputError(f"parameterisation {name!r} is not known: write {' or '.join(map(repr, FAMILIES))}")
    return name


def _check(architecture: Architecture, inputs: Array, targets: Array, loss: str, rate: float) -> None:
    if loss not in LOSSES:
        raise InputError(f"loss {loss!r} is not known: write {' or '.join(map(repr, LOSSES))}")
    if not (math.isfinite(rate) and rate > 0):
        raise InputError(f"rate = {rate} does not descend: write a positive learning rate")
    if np.ndim(inputs) != 2 or inputs.shape[1] != architecture.widths[0]:
        raise InputError(
            f"inputs of shape {np.shape(inputs)} do not enter {architecture.widths[0]} units: write (N, M_0)"
        )
    wanted = (len(inputs), architecture.outputs)
    if np.shape(targets) != wanted:
        raise InputError(f"targets of shape {np.shape(targets)} are none of {wanted[1]} outputs: write shape {wanted}")
