"""The statistics behind a verdict, on synthetic ladders of known truth; all seeds and thresholds fixed in advance."""

import subprocess
import sys

import numpy as np
import pytest

from fimtheory.claims import Verdict
from fimtheory.errors import InputError
from fimtheory.simulation import Architecture, simulate_ladder
from fimtheory.verification import Extrapolation, extrapolate, judge
from fimtheory.verification.judgement import judge_below

WIDTHS = np.array([100.0, 200.0, 400.0, 800.0])


def draw_ladder(generator, law, n, spread=0.3, widths=WIDTHS):
    """Means and standard errors of n Gaussian networks a width, with a scatter that falls as 1/sqrt(M)."""
    rungs = [law(M) + spread * (100 / M) ** 0.5 * generator.standard_normal(n) for M in widths]
    errors = [rung.std(ddof=1) / n**0.5 for rung in rungs]
    return widths, [rung.mean() for rung in rungs], errors, [n] * len(widths)


def fit(value=2.0, error=0.001, dof=50.0, p_value=0.5):
    return Extrapolation(value, error, dof, 1.0, 0.1, None, 1.0, 1, p_value)


@pytest.mark.parametrize("n", [10, 30, 100])
def test_z_scores_have_unit_variance(n):
    generator = np.random.default_rng(n)
    fits = [extrapolate(*draw_ladder(generator, lambda M: 2 + 5 / M, n)) for _ in range(2000)]
    z = np.array([judge(2.0, one).z_score for one in fits])
    # Standard error of the standard deviation 0.016; the choice between two laws adds a few hundredths.
    assert abs(z.std() - 1) < 0.08
    assert abs(z.mean()) < 4 / 2000**0.5
    assert np.mean(np.abs(z) > 4) < 0.002
    slopes = np.array([(one.slope - 5) / one.slope_standard_error for one in fits if one.curvature is None])
    assert abs(slopes.std() - 1) < 0.15


def test_the_test_of_the_fit_is_calibrated_for_few_networks():
    generator = np.random.default_rng(1)
    p = np.array(
        [extrapolate(*draw_ladder(generator, lambda M: 2 + 5 / M, 10, widths=WIDTHS[:3])).p_value for _ in range(4000)]
    )
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / 4000) ** 0.5)


def test_curvature_is_used_where_it_is_needed_and_only_there():
    generator = np.random.default_rng(2)
    bent = extrapolate(*draw_ladder(generator, lambda M: 2 + 5 / M + 3000 / M**2, 50, spread=0.01))
    assert bent.curvature == pytest.approx(3000, rel=0.05)
    assert abs(judge(2.0, bent).z_score) < 4
    straight = extrapolate(*draw_ladder(generator, lambda M: 2 + 5 / M, 50, spread=0.01))
    assert straight.curvature is None
    three = extrapolate(*draw_ladder(generator, lambda M: 2 + 3000 / M**2, 50, spread=0.01, widths=WIDTHS[:3]))
    assert three.curvature is None
    assert judge(2.0, three).verdict is Verdict.INCONCLUSIVE
    assert "do not follow" in judge(2.0, three).reason


def test_a_right_prediction_is_supported_and_one_wrong_by_three_percent_contradicted():
    generator = np.random.default_rng(3)
    for _ in range(50):
        ladder = extrapolate(*draw_ladder(generator, lambda M: 2 + 5 / M, 40, spread=0.05))
        assert judge(2.0, ladder).verdict is Verdict.SUPPORTED
        assert judge(2.06, ladder).verdict is Verdict.CONTRADICTED
        assert judge(1.94, ladder).verdict is Verdict.CONTRADICTED


def test_noise_is_inconclusive_and_says_how_many_networks_are_missing():
    judgement = judge(2.0, fit(error=0.058, dof=1e6))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reason.endswith("need about 9 times as many networks")


@pytest.mark.parametrize(
    ("deviation", "verdict"),
    [(2.99, "SUPPORTED"), (3.01, "INCONCLUSIVE"), (3.99, "INCONCLUSIVE"), (4.01, "CONTRADICTED")],
)
def test_the_limits_of_the_rules(deviation, verdict):
    judgement = judge(2.0, fit(value=2.0 - deviation * 0.001, dof=1e9))
    assert judgement.verdict is Verdict[verdict]
    assert judgement.z_score == pytest.approx(-deviation, abs=1e-4)
    assert judgement.relative_deviation == pytest.approx(-deviation * 0.0005)
    assert judge(2.0, fit(value=2.0 - deviation * 0.001, p_value=1e-4)).verdict is Verdict.INCONCLUSIVE


def test_few_degrees_of_freedom_weaken_a_verdict():
    assert judge(2.0, fit(value=2.0045, dof=1e9)).verdict is Verdict.CONTRADICTED
    assert judge(2.0, fit(value=2.0045, dof=5)).verdict is Verdict.SUPPORTED
    assert judge(2.0, fit(error=0.015, dof=1e9)).verdict is Verdict.SUPPORTED
    assert judge(2.0, fit(error=0.015, dof=5)).verdict is Verdict.INCONCLUSIVE


def test_a_prediction_of_zero_needs_a_scale():
    assert judge(0.0, fit(value=0.0005)).verdict is Verdict.INCONCLUSIVE
    assert "scale" in judge(0.0, fit(value=0.0005)).reason
    assert judge(0.0, fit(value=0.0005), scale=1.0).verdict is Verdict.SUPPORTED
    assert judge(0.0, fit(value=0.1)).verdict is Verdict.CONTRADICTED


def test_quantities_without_scatter():
    constant = extrapolate(WIDTHS, [1.0] * 4, [0.0] * 4, [10] * 4)
    assert judge(1.0, constant).verdict is Verdict.SUPPORTED
    assert judge(1.0 + 1e-6, constant).verdict is Verdict.CONTRADICTED
    vanishing = extrapolate(WIDTHS, [0.0] * 4, [0.0] * 4, [10] * 4)
    assert judge(0.0, vanishing, scale=1.0).verdict is Verdict.SUPPORTED
    undescribed = extrapolate(WIDTHS, 1 + WIDTHS**-0.5, [0.0] * 4, [10] * 4)
    assert judge(1.0, undescribed).verdict is Verdict.INCONCLUSIVE


def test_an_exact_theory_of_linear_networks_is_supported():
    def linear(width):
        return Architecture((width, width, 2), 1.2, 0.3, lambda u: u, np.ones_like)

    ladder = simulate_ladder(linear, [8, 16, 32, 64], n_samples=8, n_networks=400, seed=11, metrics={"NTK"})
    exact = 1.2 * (1.2 + 0.3) + (1.2 * (1.2 + 0.3) + 0.3)  # sum over layers of qtilde1 (sigma_w2 qhat1 + sigma_b2)
    extrapolation = extrapolate(*ladder.series("deep.NTK.mean"))
    assert judge(exact, extrapolation).verdict is Verdict.SUPPORTED
    assert judge(1.05 * exact, extrapolation).verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (0, [100, 100, 200], "three different positive widths"),
        (0, [100, 200], "do not agree"),
        (1, [1.0, np.nan, 1.0], "leave that width out"),
        (1, ["a", "b", "c"], "sequences of numbers"),
        (2, [0.1, -0.1, 0.1], "negative"),
        (3, [10, 10, 4], "4 networks"),
    ],
)
def test_bad_ladders(column, value, message):
    ladder = [[100, 200, 400], [1.0, 1.0, 1.0], [0.1, 0.1, 0.1], [10, 10, 10]]
    ladder[column] = value
    with pytest.raises(InputError, match=message):
        extrapolate(*ladder)


def test_bad_prediction():
    with pytest.raises(InputError, match="no finite number"):
        judge(float("inf"), fit())


def test_verification_loads_no_scipy_stats():
    script = "import sys, fimtheory.verification; print('scipy.stats' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_below_is_judged_by_the_scatter_of_runs():
    generator = np.random.default_rng(5)
    runs = generator.standard_normal(10)  # standard error about 0.3
    assert judge_below(runs.mean() + 3.0, runs)[1].verdict is Verdict.SUPPORTED
    assert judge_below(runs.mean() - 3.0, runs)[1].verdict is Verdict.CONTRADICTED
    assert judge_below(runs.mean() + 0.3, runs)[1].verdict is Verdict.INCONCLUSIVE
    with pytest.raises(InputError, match="at least 4 runs"):
        judge_below(0.0, [1.0, 2.0])


def test_below_is_calibrated():
    """A mean that equals the bound is called below as rarely as three standard errors say, however few the runs."""
    generator = np.random.default_rng(6)
    wrong = sum(judge_below(0.0, generator.standard_normal(5))[1].verdict is Verdict.SUPPORTED for _ in range(4000))
    assert wrong <= 5.4 + 4 * 5.4**0.5  # 0.00135 of 4000, and four standard deviations
