"""Handwritten digits for experiments on real data: 1797 images of 8 x 8 pixels, which scikit-learn carries with it."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fimtheory.errors import InputError, NotConverged
from fimtheory.simulation.measurements import Seed, check_ensemble, generator

CLASSES = 10
_BRIGHTEST = 16.0
_TEST_SHARE = 0.2
_ORDER, _FLIPS = 0, 1  # streams of random numbers
_FEASIBLE, _INFEASIBLE = 0, 2  # how a linear program ends


@dataclass(frozen=True)
class Digits:
    """Images and their labels: ``inputs`` (n, 64) and ``test_inputs`` in [0, 1], ``labels`` (n,) and ``test_labels``.

    A label is the place of the digit in ``classes``; with all ten classes it is the digit. ``flipped`` is the share of
    ``labels`` that were replaced by another class.
    """

    inputs: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    test_inputs: np.ndarray = field(repr=False)
    test_labels: np.ndarray = field(repr=False)
    classes: tuple[int, ...]
    flipped: float
    seed: Seed

    def __str__(self) -> str:
        among = "ten digits" if len(self.classes) == CLASSES else " and ".join(map(str, self.classes))
        flips = f", {self.flipped:.0%} of labels flipped" if self.flipped else ""
        return f"{len(self.inputs)} images of {among}{flips}, {len(self.test_inputs)} for test, seed {self.seed}"


def digits(
    classes: Sequence[int] | None = None, flipped: float = 0.0, train: int | None = None, seed: Seed = 1
) -> Digits:
    """Images for training and for test, in an order that depends on ``seed`` alone.

    ``classes`` are the digits to be told apart, all ten unless given. The last fifth of the images in this order are for
    test, and the first ``train`` of the others for training (all of them unless given), so that a smaller training set
    is part of a larger one. Of the training labels of each class the share ``flipped`` is replaced by another class of
    ``classes``, drawn at random; test labels are never replaced. Raises :class:`InputError`, also without scikit-learn.

    >>> print(digits(classes=(3, 5), train=100))
    100 images of 3 and 5, 73 for test, seed 1
    """
    chosen = _checked(classes, flipped)
    check_ensemble(1, seed, 1)
    images, targets = _images()
    kept = np.flatnonzero(np.isin(targets, chosen))
    order = generator(seed, _ORDER).permutation(kept)
    available = len(order) - round(_TEST_SHARE * len(order))
    size = available if train is None else train
    if not 1 <= size <= available:
        raise InputError(f"train = {train} is not to be had of {available} training images: write 1 to {available}")
    place = np.searchsorted(np.sort(chosen), targets[order])
    labels = np.argsort(chosen)[place]
    learned = _flip(labels[:size], len(chosen), flipped, seed)
    inputs = images[order]
    return Digits(inputs[:size], learned, inputs[available:], labels[available:], chosen, float(flipped), seed)


def linearly_separable(inputs: np.ndarray, labels: np.ndarray) -> bool:
    """Whether a hyperplane has all of one class on one side and all others on the other; a linear program decides.

    On such data the loss of a logistic neuron has no minimum: it falls to zero as the weights grow. ``inputs`` have
    shape (n, D), ``labels`` (n,) take at most two values. Raises :class:`InputError` and :class:`NotConverged`.

    >>> corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> linearly_separable(corners, np.array([0, 0, 0, 1])), linearly_separable(corners, np.array([0, 1, 1, 0]))
    (True, False)
    """
    from scipy.optimize import linprog

    values = np.unique(labels)
    if len(values) > 2 or len(inputs) != len(labels):
        raise InputError(
            f"{len(values)} classes in {len(labels)} labels of {len(inputs)} inputs: give one of two to each"
        )
    signs = np.where(labels == values[-1], 1.0, -1.0)
    design = signs[:, None] * np.column_stack([inputs, np.ones(len(inputs))])
    nothing = np.zeros(design.shape[1])
    answer = linprog(nothing, A_ub=-design, b_ub=-np.ones(len(design)), bounds=(None, None), method="highs")
    if answer.status not in (_FEASIBLE, _INFEASIBLE):
        raise NotConverged(f"the linear program ended undecided: {answer.message}", float("nan"))
    return answer.status == _FEASIBLE


@functools.cache
def _images() -> tuple[np.ndarray, np.ndarray]:
    """All images, with pixels in [0, 1], and the digits they show."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError('the digits come with scikit-learn: pip install "fimtheory[digits]"') from None
    images, targets = load_digits(return_X_y=True)
    images = images / _BRIGHTEST
    images.flags.writeable = targets.flags.writeable = False
    return images, targets


def _checked(classes: Sequence[int] | None, flipped: float) -> tuple[int, ...]:
    try:
        chosen = tuple(range(CLASSES)) if classes is None else tuple(map(operator.index, classes))
    except TypeError:
        raise InputError(f"classes = {classes!r} are no digits: write for instance (3, 5)") from None
    if len(set(chosen)) < max(2, len(chosen)) or not set(chosen) <= set(range(CLASSES)):
        raise InputError(f"classes = {chosen} are not two or more different digits 0 to 9: write for instance (3, 5)")
    if not 0 <= flipped < 1:
        raise InputError(f"flipped = {flipped} is no share of the labels: write a number from 0 to below 1")
    return chosen


def _flip(labels: np.ndarray, number: int, share: float, seed: Seed) -> np.ndarray:
    """The same share of each class goes to other classes."""
    draw, found = generator(seed, _FLIPS), labels.copy()
    for label in range(number):
        members = draw.permutation(np.flatnonzero(labels == label))
        moved = members[: round(share * len(members))]
        found[moved] = (label + draw.integers(1, number, len(moved))) % number
    return found
