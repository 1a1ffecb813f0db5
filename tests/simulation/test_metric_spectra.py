"""Whole spectra of single networks: traces, squares and tops are those that the statistics of the same network say."""

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation import Architecture, simulate
from fimtheory.simulation.metric_spectra import network_spectra
from fimtheory.simulation.metrics import METRICS

WIDTHS, SAMPLES, SEED, INDEX = (5, 4, 6, 3), 7, 3, 1
NETWORK = Architecture(WIDTHS, 2.0, 0.3, phi=np.tanh, dphi=lambda u: 1 / np.cosh(u) ** 2)
NAMES = ["F", "F_blocks[2]", "F_centred", "NTK", "NTK_centred", "F_cross", "F_cross_blocks[3]", "A", "A_blocks[0]",
         "A_cross"]  # fmt: skip
COUNTS = {"F": 24 + 30 + 21, "F_blocks[2]": 30, "F_cross_blocks[3]": 21, "A": 15, "A_blocks[0]": 5, "NTK": 21}


def count(name):
    return COUNTS.get(name) or COUNTS[name.partition("_")[0]]


@pytest.fixture(scope="module")
def measured():
    """The statistics come from the dual by a route of their own: traces, norms, and the top eigenvalues alone."""
    return simulate(NETWORK, SAMPLES, INDEX + 1, SEED, metrics=METRICS)


@pytest.mark.parametrize("name", NAMES)
def test_moments_and_top(measured, name):
    found = network_spectra(NETWORK, SAMPLES, SEED, INDEX, [name])[name]
    wanted = {key: measured.values(f"deep.{name}.{key}")[INDEX] for key in ("mean", "second_moment", "lambda_max")}
    largest = found[0] if "cross" in name else found[:3].mean()
    assert found.sum() == pytest.approx(wanted["mean"] * count(name), rel=1e-12)
    assert (found**2).sum() == pytest.approx(wanted["second_moment"] * count(name), rel=1e-12)
    assert largest == pytest.approx(wanted["lambda_max"], rel=1e-12)
    assert (np.diff(found) <= 0).all()
    assert (found**2).sum() != pytest.approx(1.03 * wanted["second_moment"] * count(name), rel=0.001)


def test_the_metric_of_features_and_its_dual_agree():
    """A has 15 rows and its dual 21: with two samples the dual is the smaller, and one network has one spectrum."""
    few = network_spectra(NETWORK, 2, SEED, 0, ["A", "A_centred"])
    assert [len(values) for values in few.values()] == [6, 6]
    assert few["A_centred"][3:].max() < 1e-12  # two samples less their mean are one direction an output
    many = network_spectra(NETWORK, SAMPLES, SEED, 0, ["A"])["A"]
    assert len(many) == 15


def test_eigenvalues_of_the_softmax_covariances(measured):
    found = network_spectra(NETWORK, SAMPLES, SEED, INDEX, ["Q"])["Q"]
    g = np.exp(measured.outputs[INDEX])
    g /= g.sum(axis=1, keepdims=True)
    direct = np.concatenate([np.linalg.eigvalsh(np.diag(row) - np.outer(row, row)) for row in g])
    np.testing.assert_allclose(found, np.sort(direct)[::-1], atol=1e-14)


@pytest.mark.parametrize("name", ["G", "F_blocks[0]", "F_blocks[4]", "A_blocks[3]", "F_", "f", "F_blocks[]", ""])
def test_names_that_are_none(name):
    with pytest.raises(InputError, match="there is no metric"):
        network_spectra(NETWORK, SAMPLES, SEED, 0, [name])
