"""Random two-layer networks whose output weights are given functions of their hidden weights: what they compute.

v_i = g(w_i)/sqrt(m) and f(x) = sum_i v_i phi(w_i.x)/sqrt(m). The functions g are those of :data:`GROUPS`, by name.
Observables of one network, p counting the fixed points from 1:

- ``functions.value[g,p]``: f at the point;
- ``functions.variance[g,p]``: its squared deviation from the mean of the ensemble, without bias;
- ``functions.inner[g,h]``: <v, J v'> over N = ``samples`` fresh inputs N(0, I), or over all of them;
- ``functions.quotient[g]``: <v, J v>/<v, v>;
- ``functions.pythagoras[g,h]``: half the squared length in J of the sum of v and v', each made of length 1 in J: one
  and the cosine between the functions, 1 where they are orthogonal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from fimtheory.errors import InputError
from fimtheory.simulation.measurements import (
    Measurements,
    Progress,
    Seed,
    check_ensemble,
    collect,
    generator,
    squared_deviations,
)
from fimtheory.simulation.output_fisher import relu_kernel

Array = np.ndarray
_NAME = re.compile(r"functions\.(\w+)\[(\w+)(?:,(\w+))?\]")
_BLOCK = 4_000_000  # pre-activations at a time
_POINT, _PAIR, _SINGLE = ("value", "variance"), ("inner", "pythagoras"), ("quotient",)


def _length(w: Array) -> Array:
    return np.linalg.norm(w, axis=1)


GROUPS: Mapping[str, Callable[[Array], Array]] = {
    "norm": _length,
    "coordinate": lambda w: w[:, 0],
    "product": lambda w: w[:, 0] * w[:, 1] / _length(w),
    "contrast": lambda w: (w[:, 0] ** 2 - w[:, 1] ** 2) / _length(w),
    "square": lambda w: w[:, 0] ** 2 / _length(w),
    "other_square": lambda w: w[:, 1] ** 2 / _length(w),
    "hadamard": lambda w: w[:, 0] * w[:, 1],
    "hadamard_square": lambda w: w[:, 0] ** 2,
    "other_hadamard_square": lambda w: w[:, 1] ** 2,
    "hadamard_contrast": lambda w: w[:, 0] ** 2 - w[:, 1] ** 2,
    "ones": lambda w: np.ones(len(w)),
    "planar3": lambda w: ((w[:, 0] + 1j * w[:, 1]) ** 3).real / _length(w) ** 2,
    "planar4": lambda w: ((w[:, 0] + 1j * w[:, 1]) ** 4).real / _length(w) ** 3,
}


@dataclass(frozen=True)
class FunctionNetwork:
    """m hidden units with weights N(0, ``weight_variance`` I), looked at in fixed ``points`` of shape (points, d).

    Without ``samples``, J is averaged over all Gaussian inputs, which is possible for ReLU alone.
    """

    phi: Callable[[Array], Array]
    points: Array
    samples: int | None = None
    weight_variance: float = 1.0

    @property
    def dimension(self) -> int:
        """Coordinates of an input."""
        return self.points.shape[1]

    def weights(self, m: int, rng: np.random.Generator) -> Array:
        """W, of shape (m, d)."""
        return rng.standard_normal((m, self.dimension)) * np.sqrt(self.weight_variance)

    def realised(self, w: Array, names: Sequence[str], x: Array) -> Array:
        """f of every group at points (n, d), of shape (groups, n); units in blocks."""
        v, total, step = _outputs(w, names), np.zeros((len(names), len(x))), max(1, _BLOCK // len(x))
        for i in range(0, len(w), step):
            total += v[:, i : i + step] @ self.phi(w[i : i + step] @ x.T)
        return total / len(w)

    def gram(self, w: Array, names: Sequence[str], rng: np.random.Generator) -> Array:
        """<v, J v'> for all pairs of groups."""
        if self.samples is None:
            v = _outputs(w, names)
            return v @ relu_kernel(w) @ v.T / len(w) ** 2
        f = self.realised(w, names, rng.standard_normal((self.samples, self.dimension)))
        return f @ f.T / self.samples


def _outputs(w: Array, names: Sequence[str]) -> Array:
    return np.stack([GROUPS[name](w) for name in names])


@dataclass(frozen=True)
class FunctionEnsemble(Measurements):
    """Observables of independent two-layer networks of one width."""

    network: FunctionNetwork
    width: int

    def __repr__(self) -> str:
        return (
            f"<FunctionEnsemble of {self.n_networks} networks, m = {self.width}, d = {self.network.dimension}, "
            f"seed {self.seed}: {len(self.names)} observables>"
        )


def simulate_functions(
    network: FunctionNetwork,
    width: int,
    n_networks: int,
    seed: Seed,
    observables: Iterable[str],
    progress: Progress | None = None,
    workers: int | Executor = 1,
) -> FunctionEnsemble:
    """Draw networks of ``width`` units and measure. Network ``i`` depends on ``seed``, the width and ``i`` alone.

    >>> network = FunctionNetwork(lambda u: np.maximum(u, 0), np.eye(3))
    >>> simulate_functions(network, 40, 4, 1, ["functions.value[norm,1]", "functions.inner[norm,ones]"])
    <FunctionEnsemble of 4 networks, m = 40, d = 3, seed 1: 2 observables>
    """
    check_ensemble(n_networks, seed, workers)
    asked = {name: _question(name, network) for name in sorted(set(observables))}
    if not asked:
        raise InputError("nothing is to be measured: name observables, as functions.value[norm,1]")
    measured = collect(_measure, [(network, width, seed, i, asked) for i in range(n_networks)], workers, progress)
    for name, (kind, _, _) in asked.items():
        if kind == "variance":
            measured[name] = squared_deviations(measured[name])
    return FunctionEnsemble(seed, measured, network, width)


def sampled_functions(network: FunctionNetwork, width: int, seed: Seed, names: Sequence[str], x: Array) -> Array:
    """The functions of one network at points (n, d), of shape (groups, n)."""
    return network.realised(network.weights(width, generator(seed, 0)), names, x)


def _question(name: str, network: FunctionNetwork) -> tuple[str, str, str]:
    match = _NAME.fullmatch(name)
    kind, one, two = match.groups(default="") if match else ("", "", "")
    right = two.isdecimal() if kind in _POINT else bool(two) if kind in _PAIR else not two and kind in _SINGLE
    if not right:
        raise InputError(f"{name!r} is no observable of functions: write for instance functions.value[norm,1]")
    if kind in _POINT and not 1 <= int(two) <= len(network.points):
        raise InputError(f"{name!r}: the points are numbered from 1 to {len(network.points)}")
    for group in (one, two) if kind in _PAIR else (one,):
        if group not in GROUPS:
            raise InputError(f"there is no group {group!r}: the groups are {', '.join(GROUPS)}")
    return kind, one, two


def _measure(network: FunctionNetwork, width: int, seed: Seed, index: int, asked: dict) -> dict[str, float | Array]:
    rng = generator(seed, index)
    w = network.weights(width, rng)
    names = list(dict.fromkeys(n for kind, *pair in asked.values() for n in (pair if kind in _PAIR else pair[:1])))
    place = {name: i for i, name in enumerate(names)}
    kinds = {kind for kind, _, _ in asked.values()}
    at_points = network.realised(w, names, network.points) if kinds & {*_POINT} else np.empty((0, 0))
    gram = network.gram(w, names, rng) if kinds - {*_POINT} else np.empty((0, 0))
    row: dict[str, float | Array] = {}
    for observable, (kind, one, two) in asked.items():
        if kind in _POINT:
            row[observable] = float(at_points[place[one], int(two) - 1])
        elif kind == "quotient":
            row[observable] = float(gram[place[one], place[one]] / np.mean(GROUPS[one](w) ** 2))
        else:
            row[observable] = _of_pair(kind, gram, place[one], place[two])
    return row


def _of_pair(kind: str, gram: Array, i: int, j: int) -> float:
    if kind == "inner":
        return float(gram[i, j])
    return float(1 + gram[i, j] / np.sqrt(gram[i, i] * gram[j, j]))
