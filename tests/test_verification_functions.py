"""Verdicts on claims about function forms: right statements hold, wrong ones are contradicted.

Fixed beforehand: with these networks values of ReLU at one point are known to 0.4 %, variances to 3 %, cosines near 1 to
0.1 %; 3 % (variances: 20 %) wrong must be seen.
"""

import dataclasses
import functools

import numpy as np
import pytest
import sympy as sp

from fimtheory.catalogue import find
from fimtheory.claims import AtEveryWidth, Identity, Verdict
from fimtheory.errors import InputError
from fimtheory.report.function_figures import TITLES, slices_figure
from fimtheory.simulation.function_forms import GROUPS
from fimtheory.theory.function_groups import FORMULAS
from fimtheory.verification import verify
from fimtheory.verification.checks import confront
from fimtheory.verification.function_forms import FunctionsSetting, slice_data

SETTING = FunctionsSetting(
    widths=(100, 150, 200), n_networks=(1500, 1000, 750), ratio_widths=(100, 200, 300), ratio_networks=(300, 200, 150),
    resolution=0.15, seed=11,
)  # fmt: skip
VALUES = ("ho2025.norm_form", "ho2025.coordinate_form", "ho2025.diagonal_form", "fimtheory.functions.stein")
FLUCTUATION = ("fimtheory.functions.fluctuation", "functions.variance[norm,1]")
INNER = ("fimtheory.functions.inner_product", "functions.inner[planar4,planar4]")
SQUARES = ("ho2025.hadamard_squares", "functions.pythagoras[hadamard_square,other_hadamard_square]")


@functools.cache
def measured(id, *names):
    """What a claim predicts for its first activation, and the ladder on which it is measured."""
    claim = find(id)
    ((_, arguments, setting), *_) = SETTING.subjects(claim)
    said = claim.predict(*arguments)
    predicted = {k: v for k, v in said.items() if not isinstance(v, Identity) and (not names or k in names)}
    return predicted, setting.suited_to(predicted).simulate(predicted)


def times(predicted, factor):
    """The same predictions, all of them multiplied."""

    def scaled(value):
        exact = isinstance(value, AtEveryWidth)
        return AtEveryWidth(lambda m: value.predict(m) * factor) if exact else value * sp.Float(factor)

    return {name: scaled(value) for name, value in predicted.items()}


def verdicts(predicted, ladder):
    return {check.verdict for check in confront(predicted, ladder, SETTING.resolution)}


@pytest.mark.parametrize("id", VALUES)
def test_values(id):
    predicted, ladder = measured(id)
    assert verdicts(predicted, ladder) == {Verdict.SUPPORTED}
    for factor in (1.03, 0.97):
        assert Verdict.CONTRADICTED in verdicts(times(predicted, factor), ladder)


@pytest.mark.parametrize("case", [FLUCTUATION, INNER], ids=["fluctuation", "inner product"])
def test_what_is_of_order_one_over_m(case):
    predicted, ladder = measured(*case)
    assert verdicts(predicted, ladder) == {Verdict.SUPPORTED}
    assert verdicts(times(predicted, 1.2), ladder) == {Verdict.CONTRADICTED}


def test_both_terms_of_a_variance_count():
    """E g^2 phi^2 without F^2."""
    _, ladder = measured(*FLUCTUATION)
    dropped = SETTING.layer.fluctuation("norm", 1) + SETTING.layer.value("norm", 1) ** 2
    assert verdicts({FLUCTUATION[1]: AtEveryWidth(lambda m: dropped / m)}, ladder) == {Verdict.CONTRADICTED}


def test_squares_are_not_orthogonal():
    """The printed reading is contradicted by the ladder that supports the exact cosine."""
    predicted, ladder = measured(*SQUARES)
    assert verdicts(predicted, ladder) == {Verdict.SUPPORTED}
    assert verdicts(times(predicted, 1.03), ladder) == {Verdict.CONTRADICTED}
    assert verdicts(find(SQUARES[0]).predict_printed(SETTING.layer), ladder) == {Verdict.CONTRADICTED}


def test_identities_of_claims():
    for id in ("ho2025.norm_form", "ho2025.diagonal_form", "ho2025.offdiagonal_form", "ho2025.orthogonality"):
        said = {k: v for k, v in find(id).predict(SETTING.layer).items() if isinstance(v, Identity)}
        assert said
        claim = dataclasses.replace(find(id), predict=lambda _, said=said: said, predict_printed=None)
        assert verify(claim, SETTING).status == "certified"
        shifted = {k: Identity(v.left, v.right * sp.Rational(103, 100) + sp.Rational(1, 99)) for k, v in said.items()}
        wrong = dataclasses.replace(claim, predict=lambda _, said=shifted: said)
        assert all(c.verdict is Verdict.CONTRADICTED for c in verify(wrong, SETTING).checks)


def test_settings():
    assert SETTING.suited_to(["functions.quotient[norm]"]).widths == SETTING.ratio_widths
    assert SETTING.suited_to(["functions.value[norm,1]"]) is SETTING
    assert SETTING.suited_to(["functions.inner[norm,ones]"]).n_networks == SETTING.ratio_networks
    assert sum(FunctionsSetting.quick().n_networks) < sum(FunctionsSetting().n_networks)
    assert "relu, d = 3" in str(SETTING)
    assert set(GROUPS) == set(FORMULAS)


@pytest.mark.parametrize("name", FORMULAS)
def test_both_sides_mean_the_same_group(name):
    """Typed twice: as a formula for the theory, as an array function for the simulation."""
    w = np.random.default_rng(1).standard_normal((6, 3))
    assert np.abs(SETTING.layer.form(name).at_weights(w) - GROUPS[name](w)).max() < 1e-13


def test_slices():
    """A network of 20,000 units differs from the limit by its fluctuation, five standard deviations at most."""
    slices = slice_data("relu", 3, ("norm", "contrast"), 20_000, points=6, seed=3)
    x = np.zeros((6, 6, 3))
    x[..., 0], x[..., 1] = np.meshgrid(slices.axis, slices.axis)
    for k, name in enumerate(slices.names):
        spread = np.sqrt(SETTING.layer.form(name).fluctuations(x) / slices.width)
        assert np.abs((slices.theory[k] - slices.sampled[k]) / spread).max() < 5
        assert np.abs(slices.theory[k] - SETTING.layer.form(name)(x)).max() == 0
    with pytest.raises(InputError, match="has no plane"):
        slice_data("relu", 1, ("norm",), 10)


def test_the_figure():
    axis = np.linspace(-1, 1, 8)
    fields = np.stack([k * np.add.outer(axis, axis) for k in range(1, len(TITLES) + 1)])
    figure = slices_figure(axis, fields, fields / 2, tuple(TITLES.values()), "$m = 10$")
    images = [a for a in figure.axes if a.get_title() or a.get_xlabel() == "$x_1$"]
    assert len(images) == 2 * len(TITLES)
    for k, title in enumerate(TITLES.values()):
        assert images[k].get_title() == title
        limits = [a.collections[0].get_clim() for a in (images[k], images[len(TITLES) + k])]
        assert limits[0] == limits[1] == (-2 * (k + 1), 2 * (k + 1))
