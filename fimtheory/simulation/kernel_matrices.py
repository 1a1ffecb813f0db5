"""Kernels of single random networks as dense matrices, and their whole spectra, samples as many as units.

``CK[l]`` is the conjugate kernel h^l h^l'/M_l of a layer, ``NTK`` the tangent kernel in its own parameters, ``F`` the dual
of F; with ``_centred``, after subtraction of the mean over samples, output by output.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.backends import numpy_backend
from fimtheory.simulation.control_variates import LEAST, without_controls
from fimtheory.simulation.dual_gram import backward, layer_terms
from fimtheory.simulation.ladder import Ladder, build_ladder
from fimtheory.simulation.measurements import Measurements, Progress, Seed, check_ensemble, collect
from fimtheory.simulation.networks import Architecture, Network, drawn, forward
from fimtheory.simulation.weighted_duals import centred

_KERNEL = re.compile(r"(CK\[\d+\]|CK_centred\[\d+\]|NTK|NTK_centred|F|F_centred)")
_OBSERVABLE = re.compile(r"kernel\.([A-Za-z_]+(?:\[\d+\])?)\.(moment|mass|stieltjes)\[([^\[\]]+)\]")

Array = np.ndarray


@dataclass(frozen=True)
class Question:
    """What an observable asks: a kernel, ``moment``, ``mass`` or ``stieltjes``, and the numbers between the brackets."""

    kernel: str
    kind: str
    numbers: tuple[float, ...]

    @classmethod
    def of(cls, name: str, depth: int) -> Question:
        """From the name of an observable; :class:`InputError` where it is none."""
        match = _OBSERVABLE.fullmatch(name)
        try:
            kernel, kind, numbers = match[1], match[2], tuple(map(float, match[3].split(",")))  # type: ignore[index]
        except (TypeError, ValueError):
            raise InputError(
                f"{name!r} is not measured: write kernel.NTK.moment[2], kernel.CK[1].mass[0.5,1], or kernel.F.stieltjes[-1]"
            ) from None
        _require_kernel(kernel, depth)
        if len(numbers) != (2 if kind == "mass" else 1):
            raise InputError(f"{name!r} has {len(numbers)} numbers in brackets: a mass has two, a moment or point one")
        if (kind == "moment" and not (numbers[0] % 1 == 0 < numbers[0] < 10)) or (
            kind == "stieltjes" and numbers[0] >= 0
        ):
            raise InputError(f"{name!r} is not measured: moments are 1 to 9, and points of a transform are negative")
        return cls(kernel, kind, numbers)

    def answer(self, values: Array) -> float:
        """The observable, from all eigenvalues."""
        first, last = self.numbers[0], self.numbers[-1]
        if self.kind == "mass":
            return float(((values > first) & (values <= last)).mean())
        return float((values**first if self.kind == "moment" else 1 / (first - values)).mean())


@dataclass(frozen=True)
class KernelEnsemble(Measurements):
    """Spectra of independent networks: ``kernel.<name>.moment[k]`` = tr K^k / size, ``kernel.<name>.mass[lo,hi]``, the
    share of eigenvalues in (lo, hi], and ``kernel.<name>.stieltjes[x]`` = tr (x - K)^-1 / size at x < 0."""

    architecture: Architecture
    n_samples: int

    def __repr__(self) -> str:
        return (
            f"<KernelEnsemble of {self.n_networks} networks, widths {self.architecture.widths}, {self.n_samples} "
            f"samples, seed {self.seed}: {len(self.names)} observables>"
        )


def simulate_kernels(
    architecture: Architecture,
    n_samples: int,
    n_networks: int,
    seed: Seed,
    observables: Iterable[str],
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> KernelEnsemble:
    """Draw networks and inputs, and measure all eigenvalues of the kernels that the observables name.

    With 40 networks or more, what the squared norms of weights and inputs explain is taken out: their means are known
    exactly, and those of the C output weights a unit are most of the scatter of tangent kernels. Network ``i`` depends
    on ``seed`` and ``i`` alone. Raises :class:`InputError`.

    >>> wide = Architecture((8, 8, 1), 1.0, 0.0, phi=np.tanh, dphi=lambda u: 1 - np.tanh(u) ** 2)
    >>> simulate_kernels(wide, 4, n_networks=3, seed=1, observables=["kernel.NTK.moment[1]", "kernel.CK[1].mass[0,1]"])
    <KernelEnsemble of 3 networks, widths (8, 8, 1), 4 samples, seed 1: 2 observables>
    """
    check_ensemble(n_networks, seed, workers)
    questions = {name: Question.of(name, architecture.depth) for name in sorted(set(observables))}
    if not questions:
        raise InputError("nothing is to be measured: name observables, as kernel.NTK.moment[1]")
    tasks = [(architecture, n_samples, seed, index, questions) for index in range(n_networks)]
    measured = collect(_measure, tasks, workers, progress)
    controls = measured.pop("controls")
    if n_networks >= LEAST:
        measured = {name: without_controls(values, controls) for name, values in measured.items()}
    return KernelEnsemble(seed, measured, architecture, n_samples)


def simulate_kernels_ladder(
    make_architecture: Callable[[int], Architecture],
    ratio: float,
    widths: Sequence[int],
    n_networks: int | Sequence[int],
    seed: int,
    observables: Iterable[str],
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> Ladder[KernelEnsemble]:
    """:func:`simulate_kernels` at several widths M, on N = ratio M samples, rounded. Raises :class:`InputError`."""
    wanted = tuple(observables)

    def rung(width: int, number: int, report: Progress | None) -> KernelEnsemble:
        n_samples = max(2, round(ratio * width))
        return simulate_kernels(make_architecture(width), n_samples, number, (seed, width), wanted, report, workers)

    return build_ladder(rung, widths, n_networks, progress)


def kernel_eigenvalues(
    architecture: Architecture, n_samples: int, seed: Seed, index: int, names: Iterable[str]
) -> dict[str, Array]:
    """All eigenvalues, ascending, of kernels of the ``index``-th network of a seed, for histograms."""
    for name in (names := tuple(names)):
        _require_kernel(name, architecture.depth)
    return _eigenvalues(architecture, *drawn(architecture, n_samples, seed, index, numpy_backend()), set(names))


def _measure(
    architecture: Architecture, n_samples: int, seed: Seed, index: int, questions: dict[str, Question]
) -> dict[str, float | Array]:
    """All observables of one network, and the controls of its draw."""
    network, inputs = drawn(architecture, n_samples, seed, index, numpy_backend())
    spectra = _eigenvalues(architecture, network, inputs, {question.kernel for question in questions.values()})
    found: dict[str, float | Array] = {"controls": _controls(architecture, network, inputs)}
    return found | {name: question.answer(spectra[question.kernel]) for name, question in questions.items()}


def _controls(architecture: Architecture, network: Network, inputs: Array) -> Array:
    """Squared norms less their means, which are known exactly, relative to them."""
    pairs = zip(network.weights, architecture.weight_variances, strict=True)
    weights = [(w**2).sum() / (len(w) * variance) - 1 for w, variance in pairs]
    return np.array([*weights, (inputs**2).mean() / architecture.input_norm - 1])


def _eigenvalues(architecture: Architecture, network: Network, inputs: Array, names: set[str]) -> dict[str, Array]:
    backend = numpy_backend()
    signals = forward(architecture, network, inputs, backend)
    matrices: dict[str, Array] = {}
    for l, h in enumerate(signals.features):
        if {f"CK[{l}]", f"CK_centred[{l}]"} & names:
            matrices[f"CK[{l}]"] = h @ h.T / h.shape[1]
    families = {name.removesuffix("_centred") for name in names} & {"NTK", "F"}
    for layer, delta, gradient in backward(network, signals, False, backend) if families else ():
        for family, _, dual in layer_terms(
            architecture, layer, signals.features[layer - 1], delta, gradient, families, backend
        ):
            matrices[family] = matrices[family] + dual if family in matrices else dual
    plain = {name: name.replace("_centred", "") for name in names}
    return {
        name: np.linalg.eigvalsh(matrices[kernel] if name == kernel else centred(matrices[kernel], len(inputs)))
        for name, kernel in plain.items()
    }


def _require_kernel(name: str, depth: int) -> None:
    layer = re.search(r"\d+", name)
    if not _KERNEL.fullmatch(name) or (layer and int(layer[0]) >= depth):
        raise InputError(
            f"{name!r} is no kernel of a network of depth {depth}: write NTK, F or CK[l], l < {depth}, or NTK_centred"
        )
