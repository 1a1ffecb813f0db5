"""One logistic neuron on handwritten digits: the runs on which claims about natural gradient descent are checked."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from fimtheory.claims import Claim
from fimtheory.errors import InputError
from fimtheory.simulation.digits import linearly_separable
from fimtheory.simulation.ladder import Ladder
from fimtheory.simulation.measurements import Measurements
from fimtheory.simulation.neuron_training import (
    METHODS,
    NeuronCurves,
    NeuronExperiment,
    descend,
    designs,
    log_loss,
    log_nu,
    metric,
    minimum,
    train,
)
from fimtheory.theory.neuron_experiment_claims import (
    DECAY_DAMPING,
    DECAY_MOMENTUM,
    DECAY_RATE,
    LEAST_CURVATURE,
    LOCAL_EPOCHS,
    NeuronProblem,
    Samples,
)

Progress = Callable[[int, int], None]
Array = np.ndarray

EARLY, HALFWAY = 5, 50
WITHIN = 0.01  # of the smallest loss: then it is reached
_OFFSET = 1e-5  # from a minimum
_RESOLVED = 2.0**-23  # of the smallest loss, as in single precision: what is closer is at the minimum
_NAME = re.compile(r"neuron\.(?:((?!test)\w+)\[(\w+)/(\w+)\]|(test)\[(\w+)-(\w+)\])")
_PAIRS, _SIZES, _FLIPS, _RUNS = ((3, 5), (4, 9)), (100, 240), (0.0, 0.15), 20
_QUICK = {0.0: 10, 0.15: 16}  # runs; what is left above a minimum scatters more


@dataclass(frozen=True)
class NeuronExperimentSetting:
    """The experiments: pairs of digits, sizes of the training set, labels as they are and flipped; twenty runs of each.

    An observable ``neuron.QUANTITY[A/B]`` has one number a run: ln of the quantity of method A over that of B, each at its
    best configuration; ``neuron.test[A-B]`` is the difference of test errors.

    ===================  ==================================================================================
    ``depth``            minus ln of the training loss after the last epoch
    ``early``            the same after 5 epochs
    ``excess``           the last training loss less its minimum (of which it is taken to be 2^-23 at least)
    ``epochs``           after which the training loss stays within 1 % of its minimum
    ``curvature``        the largest eigenvalue of the second moment of the inputs
    ``start_condition``  the condition number of the damped metric at zero weights
    ``condition``        the same at the minimum of the loss
    ===================  ==================================================================================
    """

    experiments: tuple[NeuronExperiment, ...] = tuple(
        NeuronExperiment(*variant, runs=_RUNS) for variant in product(_PAIRS, _SIZES, _FLIPS)
    )
    resolution: float = 0.03

    @classmethod
    def quick(cls) -> NeuronExperimentSetting:
        """One pair and one size, both kinds of labels, fewer runs: seconds."""
        return cls(tuple(NeuronExperiment(flipped=share, runs=runs) for share, runs in _QUICK.items()))

    def __str__(self) -> str:
        return "; ".join(_described(one) for one in self.experiments)

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, NeuronExperimentSetting]]:
        """(mark, arguments of ``predict``, setting) for each experiment."""
        for one in self.experiments:
            yield f" [{_named(one)}]", (problem_of(one),), replace(self, experiments=(one,))

    def suited_to(self, observables: Iterable[str]) -> NeuronExperimentSetting:
        """This setting: every observable is measured on the same runs."""
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[Measurements]:
        """A ladder of one rung, the size of the training set. Raises :class:`InputError` for several experiments."""
        if len(self.experiments) != 1:
            raise InputError(f"{len(self.experiments)} experiments are not measured at once: name one")
        (experiment,) = self.experiments
        wanted = {name: _parsed(name) for name in observables}
        needed = {method for quantity, *pair in wanted.values() if quantity in _OF_CURVES for method in pair}
        neuron_curves(experiment, [method for method in METHODS if method in needed], progress)
        found = {
            name: _QUANTITIES[quantity](experiment, a) - _QUANTITIES[quantity](experiment, b)
            for name, (quantity, a, b) in wanted.items()
        }
        return Ladder({experiment.train: Measurements(experiment.seed, found)})


def neuron_curves(
    experiment: NeuronExperiment, methods: Iterable[str] = METHODS, progress: Progress | None = None
) -> dict[str, NeuronCurves]:
    """The curves of each method, trained once a session; ``progress(done, total)`` is called after each method."""
    names, found = list(methods), {}
    for done, method in enumerate(names, start=1):
        found[method] = _trained(experiment, method)
        if progress is not None:
            progress(done, len(names))
    return found


@functools.lru_cache(maxsize=128)
def _trained(experiment: NeuronExperiment, method: str) -> NeuronCurves:
    return train(experiment, method)


@functools.lru_cache(maxsize=128)
def separable(experiment: NeuronExperiment) -> bool:
    """Whether a plane separates the classes in every run. Raises :class:`InputError` where it does so in some."""
    data = [experiment.data(run) for run in range(experiment.runs)]
    count = sum(linearly_separable(one.inputs, one.labels) for one in data)
    if 0 < count < len(data):
        raise InputError(f"{count} of {len(data)} training sets are separable: take more images, or fewer flips")
    return count > 0


def problem_of(experiment: NeuronExperiment) -> NeuronProblem:
    """What the theory is told: the data, and what to compare a decay with."""

    def samples(method: str) -> Samples:
        problem = designs(experiment, method)
        return list(zip(problem.Z, problem.signs, strict=True))

    def decay(method: str) -> Array:
        _require_epochs(experiment, HALFWAY + 1)
        one = replace(experiment, rates=(DECAY_RATE,), momenta=(DECAY_MOMENTUM,), damping=DECAY_DAMPING)
        (log_losses,) = _trained(one, method).log_losses
        return (log_losses[:, HALFWAY] - log_losses[:, -1]) / (experiment.epochs - HALFWAY)

    return NeuronProblem(
        experiment.classes,
        experiment.train,
        experiment.flipped,
        separable(experiment),
        samples,
        decay,
        functools.partial(_local, experiment),
    )


@functools.lru_cache(maxsize=32)
def _local(experiment: NeuronExperiment, method: str) -> tuple[list[Array], list[Array]]:
    """Eigenvalues of the metric at the minimum of every run, and what is left of offsets along its eigenvectors."""
    problem, spectra, left = designs(experiment, method), [], []
    step = np.array([[DECAY_RATE, DECAY_MOMENTUM]])
    for Z, signs, margins in zip(problem.Z, problem.signs, _margins_at_minimum(experiment), strict=True):
        best = np.linalg.lstsq(Z, margins * signs, rcond=None)[0]
        h, V = np.linalg.eigh(metric(log_nu(margins[None, None]), Z[None])[0, 0])
        h = np.maximum(h, 0.0)
        followed = V[:, h > LEAST_CURVATURE]
        start = best + _OFFSET * followed.sum(axis=1)
        theta, _ = descend(Z[None], signs[None], start[None], step, LOCAL_EPOCHS, DECAY_DAMPING, "NGD" in method)
        spectra.append(h)
        left.append(followed.T @ (theta[0, 0] - best) / _OFFSET)
    return spectra, left


@dataclass(frozen=True, eq=False)
class NeuronPanel:
    """Mean learning curves of one experiment, the best of each method: ``means`` and ``errors`` (methods, epochs + 1).

    What is averaged over runs is ln L where the classes are separable, and otherwise ln (L/L* - 1), the excess over the
    smallest loss L*, of which 2^-23 counts as none. ``configurations`` are rates and momenta, ``errors`` standard errors.
    """

    experiment: NeuronExperiment
    separable: bool
    methods: tuple[str, ...]
    configurations: tuple[tuple[float, float], ...]
    means: Array = field(repr=False)
    errors: Array = field(repr=False)

    @property
    def title(self) -> str:
        """Digits, number of images, share of flipped labels."""
        return _named(self.experiment)


def neuron_panel(experiment: NeuronExperiment, progress: Progress | None = None) -> NeuronPanel:
    """The best curve of every method; ``progress(done, total)`` is called after each. Raises :class:`InputError`."""
    if experiment.runs < 2:
        raise InputError("one run shows no scatter: write runs=2 or more")
    curves = neuron_curves(experiment, METHODS, progress)
    bottomless = separable(experiment)
    rows = np.array(
        [one.best_curves if bottomless else np.log(_above_minimum(experiment, name)) for name, one in curves.items()]
    )
    spread = rows.std(axis=1, ddof=1) / np.sqrt(experiment.runs)
    best = tuple(one.best_configuration for one in curves.values())
    return NeuronPanel(experiment, bottomless, METHODS, best, rows.mean(axis=1), spread)


# -- quantities of one method, one number a run; logarithms but for the test error


def _depth(experiment: NeuronExperiment, method: str, epoch: int = -1) -> Array:
    depths = -_trained(experiment, method).best_curves[:, epoch]
    if depths.min() <= 0:
        raise InputError(f"{method} has a loss of 1 or more at epoch {epoch}: its depth has no logarithm; train longer")
    return np.log(depths)


def _early(experiment: NeuronExperiment, method: str) -> Array:
    _require_epochs(experiment, EARLY)
    return _depth(experiment, method, EARLY)


def _excess(experiment: NeuronExperiment, method: str) -> Array:
    return np.log(_above_minimum(experiment, method)[:, -1])


def _epochs(experiment: NeuronExperiment, method: str) -> Array:
    outside = _above_minimum(experiment, method) > WITHIN
    last = outside.shape[1] - np.argmax(outside[:, ::-1], axis=1)  # the epoch after the last one outside
    return np.log(last)


def _above_minimum(experiment: NeuronExperiment, method: str) -> Array:
    """(L - L*)/L* along the best curve, (runs, epochs + 1)."""
    least = np.array([log_loss(margins) for margins in _margins_at_minimum(experiment)])
    return np.maximum(np.expm1(_trained(experiment, method).best_curves - least[:, None]), _RESOLVED)


@functools.lru_cache(maxsize=32)
def _margins_at_minimum(experiment: NeuronExperiment) -> Array:
    """s theta . z of all samples of every run; the same function in all coordinates."""
    if separable(experiment):
        raise InputError(f"{_named(experiment)} is separable: its loss has no minimum to compare with")
    white = designs(experiment, "WhiteNGD")
    best = [minimum(Z, signs) for Z, signs in zip(white.Z, white.signs, strict=True)]
    return np.array([(Z @ theta) * s for Z, s, theta in zip(white.Z, white.signs, best, strict=True)])


def _curvature(experiment: NeuronExperiment, method: str) -> Array:
    Z = designs(experiment, method).Z
    return np.log(np.linalg.eigvalsh(Z.transpose(0, 2, 1) @ Z / Z.shape[1])[:, -1])


def _condition(experiment: NeuronExperiment, method: str) -> Array:
    return _damped_condition(experiment, method, _margins_at_minimum(experiment))


def _start_condition(experiment: NeuronExperiment, method: str) -> Array:
    return _damped_condition(experiment, method, np.zeros((experiment.runs, experiment.train)))


def _damped_condition(experiment: NeuronExperiment, method: str, margins: Array) -> Array:
    values = np.linalg.eigvalsh(metric(log_nu(margins[:, None]), designs(experiment, method).Z)[:, 0])
    epsilon = experiment.damping * values.mean(axis=1)
    return np.log(values[:, -1] + epsilon) - np.log(values[:, 0] + epsilon)


def _test(experiment: NeuronExperiment, method: str) -> Array:
    curves = _trained(experiment, method)
    return curves.test_errors[curves.best]


_QUANTITIES: dict[str, Callable[[NeuronExperiment, str], Array]] = {
    "depth": _depth,
    "early": _early,
    "excess": _excess,
    "epochs": _epochs,
    "curvature": _curvature,
    "condition": _condition,
    "start_condition": _start_condition,
    "test": _test,
}


_OF_CURVES = {"depth", "early", "excess", "epochs", "test"}


def _require_epochs(experiment: NeuronExperiment, least: int) -> None:
    if experiment.epochs < least:
        raise InputError(f"epochs = {experiment.epochs} are too few to look at epoch {least}: write at least that many")


def _parsed(name: str) -> tuple[str, str, str]:
    """(quantity, method, other method)."""
    match = _NAME.fullmatch(name)
    quantity, *pair = [part for part in match.groups() if part] if match else ["", "", ""]
    if quantity not in _QUANTITIES or not set(pair) <= set(METHODS):
        raise InputError(
            f"{name!r} is not measured: write neuron.QUANTITY[A/B] with {', '.join(list(_QUANTITIES)[:-1])}, or "
            f"neuron.test[A-B], and two of {', '.join(METHODS)}"
        )
    return quantity, pair[0], pair[1]


def _named(experiment: NeuronExperiment) -> str:
    first, second = experiment.classes
    flips = f", {experiment.flipped:.0%} flipped" if experiment.flipped else ""
    return f"{first} vs {second}, {experiment.train} images{flips}"


def _described(experiment: NeuronExperiment) -> str:
    return f"digits {_named(experiment)}, {experiment.runs} runs of {experiment.epochs} epochs, seed {experiment.seed}"
