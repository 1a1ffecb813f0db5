"""The digits, their split and their flipped labels; separability against a perceptron and against random labels."""

import sys

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation import digits as module
from fimtheory.simulation.digits import digits, linearly_separable


def rows(array):
    return {row.tobytes() for row in array}


def test_all_of_them():
    data = digits()
    assert data.inputs.shape == (1438, 64)
    assert data.test_inputs.shape == (359, 64)
    assert (data.inputs.min(), data.inputs.max()) == (0.0, 1.0)
    counts = np.bincount(np.concatenate([data.labels, data.test_labels]))
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # the documented class sizes


def test_the_order_depends_on_the_seed_alone():
    small, large = digits((3, 5), train=50, seed=2), digits((3, 5), train=120, seed=2)
    assert np.array_equal(small.inputs, large.inputs[:50])
    assert np.array_equal(small.labels, large.labels[:50])
    assert np.array_equal(small.test_inputs, large.test_inputs)
    assert rows(large.inputs).isdisjoint(rows(large.test_inputs))
    assert not np.array_equal(large.inputs, digits((3, 5), train=120, seed=(2, 1)).inputs)


def test_labels_are_places_in_the_classes():
    one, other = digits((9, 4), train=60), digits((4, 9), train=60)
    assert np.array_equal(one.inputs, other.inputs)
    assert np.array_equal(one.labels, 1 - other.labels)


@pytest.mark.parametrize("classes", [(3, 5), None])
def test_flips_are_balanced(classes):
    true = digits(classes, train=300 if classes is None else 200)
    flipped = digits(classes, 0.15, len(true.labels))
    assert np.array_equal(true.inputs, flipped.inputs)
    assert np.array_equal(true.test_labels, flipped.test_labels)
    wrong = true.labels != flipped.labels
    for label, count in enumerate(np.bincount(true.labels)):
        assert wrong[true.labels == label].sum() == round(0.15 * count)
    assert set(flipped.labels) == set(true.labels)


def test_separability():
    """Two digits are separable, as a perceptron that stops proves; with flips and n > 2 D they are not."""
    data = digits((3, 5), train=240)
    design = np.column_stack([data.inputs, np.ones(240)]) * (2 * data.labels - 1)[:, None]
    weights = np.zeros(65)
    for _ in range(2000):
        mistakes = design[design @ weights <= 0]
        if not len(mistakes):
            break
        weights += mistakes.mean(axis=0)
    assert (design @ weights > 0).all()
    assert linearly_separable(data.inputs, data.labels)
    flipped = digits((3, 5), flipped=0.15, train=240)
    assert not linearly_separable(flipped.inputs, flipped.labels)
    draw = np.random.default_rng(1)
    cloud, labels = draw.normal(size=(150, 20)), draw.integers(0, 2, 150)
    assert not linearly_separable(cloud, labels)
    assert linearly_separable(cloud, cloud @ np.ones(20) > 0.3)
    assert linearly_separable(cloud, np.ones(150))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": (3,)}, "not two or more different digits"),
        ({"classes": (3, 3)}, "not two or more different digits"),
        ({"classes": (3, 10)}, "not two or more different digits"),
        ({"classes": ("a", "b")}, "are no digits"),
        ({"classes": (3, 5), "flipped": 1.0}, "no share of the labels"),
        ({"classes": (3, 5), "flipped": float("nan")}, "no share of the labels"),
        ({"classes": (3, 5), "train": 293}, "write 1 to 292"),
        ({"classes": (3, 5), "train": 0}, "write 1 to 292"),
        ({"seed": -1}, "seed = -1 is negative"),
    ],
)
def test_unusable_requests(arguments, message):
    with pytest.raises(InputError, match=message):
        digits(**arguments)


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    module._images.cache_clear()
    with pytest.raises(InputError, match=r"fimtheory\[digits\]"):
        digits()


def test_unusable_separability():
    with pytest.raises(InputError, match="3 classes in 3 labels"):
        linearly_separable(np.zeros((3, 2)), np.arange(3))
    with pytest.raises(InputError, match="give one of two to each"):
        linearly_separable(np.zeros((3, 2)), np.array([0, 1]))
