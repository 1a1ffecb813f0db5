"""Clusters at finite width: one dimension, where all is elementary; sums over modes and over fine grids."""

from fractions import Fraction

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_fluctuations import OutputFisher


def test_one_dimension_by_hand():
    """ReLU, d = 1: units of either sign do not meet, and J has the eigenvalues sum w^2/(2m) over each sign.

    Both have the mean 1/4 at every m; their difference has E (A - B)^2 = m E w^4, and their sum Var w^2 = 2 a unit.
    """
    fisher = OutputFisher(KernelModes("relu", 1))
    assert fisher.sizes == (2,)
    assert fisher.shift(1) == pytest.approx(0, abs=1e-12)
    assert fisher.spread(1) == pytest.approx(3 / 16, rel=1e-12)
    assert fisher.variance(1) == pytest.approx(2 / 16, rel=1e-12)


@pytest.mark.parametrize(("m", "ratio"), [(2, None), (5, 2), (7, 1)])
def test_second_moment_by_hand(m, ratio):
    """The four averages of ReLU in one dimension: 1/8, E w^4/4, the same, and E (wx)_+^4 = 9/2."""
    exact, u = Fraction(0), Fraction(1, m)
    v = Fraction(0) if ratio is None else Fraction(1, ratio * m)
    for weight, mean in (
        ((1 - u) * (1 - v), Fraction(1, 8)),
        (u * (1 - v), Fraction(3, 4)),
        (v * (1 - u), Fraction(3, 4)),
        (u * v, Fraction(9, 2)),
    ):
        exact += weight * mean
    assert OutputFisher(KernelModes("relu", 1), ratio).second_moment(m) == pytest.approx(float(exact), rel=1e-12)


def test_second_moment_of_a_smooth_activation():
    """tanh over N inputs, d = 1: sums over a fine grid of weights and of inputs, which converge exponentially."""
    x = np.linspace(-10, 10, 801)
    p = np.exp(-(x**2) / 2)
    p = p / p.sum()
    f = np.tanh(np.outer(x, x))
    kernel = f @ (p[:, None] * f.T)
    m, n = 4, 8
    units = p @ np.diag(kernel) ** 2
    expected = (
        (1 - 1 / m) * (1 - 1 / n) * (p @ kernel**2 @ p)
        + (1 / m * (1 - 1 / n) + 1 / n * (1 - 1 / m)) * units
        + p @ f**4 @ p / (m * n)
    )
    assert OutputFisher(KernelModes("tanh", 1), 2).second_moment(m) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_shift_by_sums_over_pairs_of_modes(name):
    """The perturbation series mode by mode, on another grid of lengths."""
    modes = KernelModes(name, 2, 9)
    top = modes.clusters[0]
    r = (np.arange(700) + 0.5) / 100  # Rayleigh's density beyond 7 is 1e-10
    p = r * np.exp(-(r**2) / 2) / 100
    own = sum(k.multiplicity * modes.profile(k)(r) ** 2 for k in top.modes)
    total = 0.0
    for k in modes.modes:
        if k.number > 0 and k not in top.modes:
            coupling = p @ (own * k.multiplicity * modes.profile(k)(r) ** 2)
            total += top.value * k.value * coupling / (top.value - k.value) / top.multiplicity
    found = OutputFisher(modes).shift(1)
    assert abs(found - total) < 0.02 * found  # what is not listed, a hundredth of the trace
    assert found > total


def test_the_unlisted_count():
    """Six degrees and sixty say the same, since what is not listed enters as a whole."""
    few, many = (OutputFisher(KernelModes("relu", 4, degrees)) for degrees in (6, 60))
    for rank in (1, 2, 3):
        assert few.shift(rank) == pytest.approx(many.shift(rank), rel=1e-3)


def test_one_power_shares_its_fluctuations_with_the_trace():
    fisher = OutputFisher(KernelModes("relu_squared", 3, 8), 2)
    assert fisher.normalised_shift(2) == pytest.approx(fisher.shift(2), rel=1e-9)
    smooth = OutputFisher(KernelModes("tanh", 3, 8), 2)
    assert abs(smooth.normalised_shift(1) - smooth.shift(1)) > 0.01 * smooth.shift(1)


def test_units_of_one_length_hold_the_largest_eigenvalue():
    sphere = OutputFisher(KernelModes("relu", 5, 8, weights="sphere"))
    assert sphere.largest_variance == pytest.approx(0, abs=1e-12)
    gaussian = OutputFisher(KernelModes("relu", 5, 8))
    assert gaussian.largest_variance == pytest.approx(2 / 5 * gaussian.cluster(1).value ** 2, rel=1e-12)


def test_inputs_and_units_change_places():
    """N inputs over all units act as N units over all inputs where both have one law."""
    modes = KernelModes("relu", 3, 12)
    few = OutputFisher(modes, 1)
    for what in (few.shift, few.spread, few.variance):
        assert what(2) == pytest.approx(2 * getattr(OutputFisher(modes), what.__name__)(2), rel=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OutputFisher(KernelModes("relu", 3)).shift(9), "no cluster 9"),
        (lambda: OutputFisher(KernelModes("relu", 3)).spread(0), "no cluster 0"),
        (lambda: OutputFisher(KernelModes("tanh", 3)).largest_share_variance, "one power"),
        (lambda: OutputFisher(KernelModes("relu", 3), 2).largest_share_variance, "all inputs"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(InputError, match=message):
        make()
