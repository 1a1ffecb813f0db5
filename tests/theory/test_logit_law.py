"""The law of the logits: expectations against Gaussian quadrature, exact special cases and independent draws."""

import math

import numpy as np
import pytest
from mpmath import mp

from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.theory.logit_law import Distribution, LogitLaw, coefficients, covariance_factors, softmax
from fimtheory.theory.softmax_algebra import printed_coefficients
from tests.oracles import gaussian_nodes

NAMES = ("beta1", "beta2", "beta3")


def close(found, expected, tolerance=1e-12):
    return abs(found - expected) <= tolerance * max(1, abs(expected))


def two_classes(q1, q2, samples):
    """For C = 2 by nested Gauss-Legendre panels: Q = v [[1, -1], [-1, 1]], v the derivative of the logistic function."""

    def v(d):
        return 1 / (4 * mp.cosh(d / 2) ** 2)

    with mp.workdps(18):
        nodes = gaussian_nodes((), 9, 3, 4, mp.prec)
        own, common = mp.sqrt(2 * (mp.mpf(q1) - mp.mpf(q2))), mp.sqrt(2 * mp.mpf(q2))
        pair = sum(w * sum(u * v(common * y + own * x) for x, u in nodes) ** 2 for y, w in nodes)
        one, square = (sum(w * v(mp.sqrt(2 * mp.mpf(q1)) * z) ** p for z, w in nodes) for p in (1, 2))
        return 2 * one, 4 * pair * (samples - 1) / samples, 4 * square


@pytest.mark.parametrize(("q1", "q2"), [("0.5", "0.125"), ("1.5", "1.25")])
def test_two_classes(q1, q2):
    found = LogitLaw(float(q1), float(q2), outputs=2, samples=4).expected
    for name, value in zip(NAMES, two_classes(q1, q2, 4), strict=True):
        assert close(found[name], float(value))
        assert not close(found[name] * 1.03, float(value))


def test_three_classes_at_one_input():
    """beta_1 and beta_3 by the trapezoidal rule over two differences of logits, exact for analytic integrands."""
    q1 = 2.5
    x = np.linspace(-9, 9, 241)
    weight = np.exp(-(x**2) / 2)
    weight = np.outer(weight, weight) / weight.sum() ** 2
    # f1 - f3 and f2 - f3 have variance 2 q1 and covariance q1
    first = math.sqrt(2 * q1) * x[:, None] + 0 * x
    second = math.sqrt(q1 / 2) * x[:, None] + math.sqrt(1.5 * q1) * x
    beta = coefficients(np.stack([first, second, 0 * first], axis=-1)[:, :, None])
    found = LogitLaw(q1, 1.0, outputs=3, samples=7).expected
    for name in ("beta1", "beta3"):
        assert close(found[name], (weight * beta[name]).sum())


@pytest.mark.parametrize("outputs", [2, 3, 10, 500])
@pytest.mark.parametrize("q1", [0.0, 1e-6, 0.7, 40.0])
def test_inputs_that_share_nothing_or_all(outputs, q1):
    """q2 = 0: E tr Q Q' = tr (E Q)^2 = beta_1^2/(C - 1). q2 = q1: E tr Q Q' = E tr Q^2."""
    nothing, everything = (LogitLaw(q1, q2, outputs, samples=5).expected for q2 in (0.0, q1))
    assert close(nothing["beta2"], 0.8 * nothing["beta1"] ** 2 / (outputs - 1))
    assert close(everything["beta2"], 0.8 * everything["beta3"])
    assert close(nothing["beta1"], everything["beta1"])


def test_no_logits_are_uniform():
    found = LogitLaw(0.0, 0.0, outputs=4, samples=2).expected
    assert [found[name] for name in NAMES] == pytest.approx([3 / 4, 3 / 32, 3 / 16], abs=1e-13)


@pytest.mark.parametrize(("outputs", "q1", "q2"), [(3, 2.0, 0.5), (10, 4.0, 3.0)])
def test_draws_have_the_expectations(outputs, q1, q2):
    """5,000 draws: within four standard errors; the next covariance but one is told apart."""
    law = LogitLaw(q1, q2, outputs, samples=6)
    drawn = law.distributions(5000, seed=11)
    for name in NAMES:
        assert abs(drawn[name].mean - law.expected[name]) < 4 * drawn[name].mean_error
    other = LogitLaw(q1, q2 / 2, outputs, samples=6).expected["beta2"]
    assert abs(drawn["beta2"].mean - other) > 4 * drawn["beta2"].mean_error


def test_saturated():
    """C = 2 at q1 = 10^6: E v(sqrt(2 q1) Z) tends to the density of the difference at zero, 1/sqrt(4 pi q1)."""
    found = LogitLaw(1e6, 5e5, outputs=2, samples=3).expected
    assert found["beta1"] == pytest.approx(2 / math.sqrt(4 * math.pi * 1e6), rel=1e-5)
    assert LogitLaw(1e6, 5e5, outputs=10, samples=3).expected["beta1"] < 0.01
    with pytest.raises(InputError, match="too sharp"):
        _ = LogitLaw(1e6, 1e6 - 1, outputs=10, samples=3).expected


def test_one_output_and_one_input():
    assert set(LogitLaw(2.0, 1.0, 1, 5).expected.values()) == {0.0}
    assert LogitLaw(2.0, 1.0, 3, 1).expected["beta2"] == 0.0
    assert LogitLaw(2.0, 1.0, 3, 1).expected["beta3"] == LogitLaw(2.0, 1.0, 3, 9).expected["beta3"]


def test_coefficients_as_printed():
    logits = 3 * np.random.default_rng(1).standard_normal((2, 3, 6, 4))
    found = coefficients(logits)
    for index in np.ndindex(2, 3):
        for name, value in printed_coefficients(softmax(logits[index])).items():
            assert found[name].shape == (2, 3)
            assert found[name][index] == pytest.approx(value, rel=1e-12)


def test_no_digits_are_lost_at_certainty():
    """Two outputs of which one is certain to 1e-35: g (1 - g) = e^-80 to leading order, at all inputs."""
    found = coefficients(np.full((4, 2), [0.0, 80.0]))
    small = math.exp(-80)
    assert found["beta1"] == pytest.approx(2 * small, rel=1e-13)
    assert found["beta3"] == pytest.approx(4 * small**2, rel=1e-13)
    B = covariance_factors([[0.0, 80.0]])[0]
    assert (B @ B.T)[1, 1] == pytest.approx(small, rel=1e-13)
    assert np.isfinite(coefficients(np.full((2, 3), [0.0, 1e300, -1e300]))["beta2"])


def test_factors():
    g = softmax(np.random.default_rng(2).standard_normal((5, 4)))
    B = covariance_factors(np.log(g))
    assert np.allclose(B @ np.swapaxes(B, 1, 2), g[:, :, None] * np.eye(4) - g[:, :, None] * g[:, None, :], atol=1e-15)
    assert np.allclose(B.sum(axis=1), 0, atol=1e-15)


def test_draws():
    law = LogitLaw(3.0, 2.0, outputs=4, samples=3)
    drawn = law.draw(4000, seed=5)
    assert np.array_equal(drawn[:7], law.draw(7, seed=5))
    assert not np.array_equal(drawn[:7], law.draw(7, seed=6))
    covariance = np.einsum("inc,imc->nm", drawn, drawn) / (4000 * 4)
    assert np.allclose(covariance, 2 + np.eye(3), atol=5 * 3 * math.sqrt(2 / 16000))
    assert abs(np.einsum("inc,ind->cd", drawn, drawn) / 12000 - 3 * np.eye(4)).max() < 0.3


def test_a_distribution_knows_its_errors():
    """Repeated 400 times for a normal number: the scatter of every estimate is the error it states."""
    x = np.random.default_rng(3).standard_normal((400, 400))
    found = [Distribution.of(row) for row in x]
    assert np.std([d.mean for d in found]) == pytest.approx(np.mean([d.mean_error for d in found]), rel=0.15)
    assert np.std([d.deviation for d in found]) == pytest.approx(np.mean([d.deviation_error for d in found]), rel=0.15)
    for p in (0.05, 0.5, 0.95):
        values, errors = zip(*(d.quantiles[p] for d in found), strict=True)
        assert np.std(values) == pytest.approx(np.mean(errors), rel=0.2)
    assert np.mean([d.quantiles[0.95][0] for d in found]) == pytest.approx(1.645, abs=0.03)


def test_input_errors():
    for wrong in ((-1.0, 0.0, 2, 2), (1.0, 2.0, 2, 2), (math.nan, 0.0, 2, 2), (1e13, 0.0, 2, 2)):
        with pytest.raises(InputError, match="no variance and covariance"):
            LogitLaw(*wrong)
    with pytest.raises(OutsideAssumptions, match="negative"):
        LogitLaw(1.0, -0.1, 2, 2)
    with pytest.raises(InputError, match="outputs = 0"):
        LogitLaw(1.0, 0.5, 0, 2)
    with pytest.raises(InputError, match="samples = True"):
        LogitLaw(1.0, 0.5, 2, True)
    law = LogitLaw(1.0, 0.5, 2, 2)
    with pytest.raises(InputError, match="count = 0"):
        law.draw(0, 1)
    with pytest.raises(InputError, match=r"seed = -1"):
        law.draw(1, -1)
    with pytest.raises(InputError, match="two or more"):
        Distribution.of([1.0])
