"""Whole spectra of output weights against Marchenko-Pastur, quadrature by mpmath, exact moments and random matrices."""

import functools

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

from fimtheory.activations import activation
from fimtheory.catalogue import find
from fimtheory.claims import GivenOutputs, Verdict
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.spectra.marchenko_pastur import MarchenkoPastur
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_equivalent import ModeSpectrum
from fimtheory.theory.mode_fluctuations import OutputFisher
from fimtheory.theory.quadratic_scaling import QuadraticScaling
from fimtheory.verification.checks import confront
from fimtheory.verification.quadratic_scaling import QuadraticSetting

RULE = 1e-8  # the rule for Gaussian lengths promises 1e-9


def on_sphere(name, d, degrees, **options):
    return KernelModes(name, d, degrees, weights="sphere", **options)


def integrals(law, low, high, powers=5, n=1000):
    """Mass and moments between two ends of the support, in the angle that resolves roots at both."""
    angle = (np.arange(n) + 0.5) * np.pi / n
    x = (low + high) / 2 - (high - low) / 2 * np.cos(angle)
    mass = law.density(x) * np.sin(angle) * np.pi / n * (high - low) / 2
    return np.array([mass @ x**p for p in range(powers)])


@pytest.mark.parametrize(("d", "m"), [(30, 100), (100, 30), (50, 50)])
def test_one_cluster_is_marchenko_pastur(d, m):
    """Linear units on the sphere: J = W W'/m has d modes of eigenvalue 1."""
    law, known = ModeSpectrum(on_sphere("linear", d, 3), m), MarchenkoPastur(d / m)
    z = np.array([-0.3, 0.7 + 0.2j, 0.8, 9.0])
    assert np.allclose(law.stieltjes(z), (1 - d / m) / z + d / m * known.stieltjes(z), rtol=1e-9, atol=0)
    assert law.atom == pytest.approx(max(0, 1 - d / m), abs=1e-15)
    assert np.allclose(law.moments(5), d / m * known.moments(5), rtol=1e-12)
    low, high = law.support[-1]
    assert high == pytest.approx(known.edges[1], rel=1e-12)
    assert low == pytest.approx(known.edges[0], rel=1e-9) or (d == m and low < 1e-6)


def test_finitely_many_inputs_are_a_product_of_two():
    """As many coordinates, units and inputs: Fuss-Catalan numbers, whose law ends at 27/4."""
    law = ModeSpectrum(on_sphere("linear", 40, 1, inputs="sphere"), 40, 40)
    assert np.allclose(law.moments(5), [1, 3, 12, 55, 273], rtol=1e-12)
    assert law.support[-1][1] == pytest.approx(27 / 4, rel=1e-10)
    z = 7.5
    w = np.roots([1 / z, 0, -1, 1])  # w = z G of w = 1 + w^3/z, the root near 1
    assert law.stieltjes(z).real == pytest.approx(float(min(w, key=lambda r: abs(r - 1)).real) / z, rel=1e-9)


def test_gaussian_lengths_by_quadrature():
    """The two equations at z < 0, averages over chi^2_3 by mpmath, solved by bisection."""
    d, m, z = 3, 20, mp.mpf(-1) / 50
    modes = KernelModes("relu", d, 8)
    law = modes.weights

    def average(f):
        weighted = lambda u: mp.sqrt(u / (2 * mp.pi)) * mp.exp(-u / 2) * f(u / 3)  # noqa: E731
        return mp.quad(weighted, [0, 0.1, 1, 4, 10, 30, 90])

    def defect(delta):
        t = -average(lambda s: s / (1 + s * delta)) / z
        total = modes.tail + mp.fsum(k.multiplicity * k.value / (1 + k.value * t) for k in modes.modes)
        return m * delta + total / z

    with mp.workdps(20):
        delta = mp.findroot(defect, (mp.mpf("0.1"), mp.mpf(4)), solver="anderson")
        expected = average(lambda s: 1 / (1 + s * delta)) / z
    assert float(law.moment(2)) == 3
    found = ModeSpectrum(modes, m).stieltjes(float(z))
    assert abs(found - float(expected)) < RULE * abs(float(expected))


def test_second_moment():
    """All pairs of different units count in the law, m^2 of m (m - 1): it exceeds the exact one by sum N lambda^2/m."""
    modes, m = KernelModes("relu", 3, 40), 50
    squares = sum(mode.multiplicity * mode.value**2 for mode in modes.modes)
    exact = OutputFisher(modes).second_moment(m)
    assert m * ModeSpectrum(modes, m).moments(2)[1] == pytest.approx(exact + squares / m, rel=1e-10)


def test_mass_and_moments_on_the_support():
    law = ModeSpectrum(on_sphere("relu", 10, 8), 200)
    found = np.array([integrals(law, *ends) for ends in law.support])
    assert found[-2:, 0] == pytest.approx([10 / 200, 1 / 200], rel=1e-6)
    assert found.sum(axis=0) == pytest.approx([1, *law.moments(4)], rel=1e-6)


def test_a_single_eigenvalue_moves_as_perturbation_says():
    """What lies in the uppermost interval, at m = 10^5: corrections to the shift are of relative size 1e-4."""
    modes, m = on_sphere("relu", 3, 10), 10**5
    law, top = ModeSpectrum(modes, m), modes.clusters[0].value
    mean = m * integrals(law, *law.support[-1])[1]
    assert (mean - top) * m == pytest.approx(OutputFisher(modes).shift(1), rel=1e-3)


def test_density_of_random_lengths_has_mass_one():
    """Nothing is lost between clusters, where the density falls by hundreds of decades."""
    law = ModeSpectrum(KernelModes("relu", 12, 12), 150, 300)
    log = np.linspace(np.log(1e-6), np.log(30), 4000)
    mass = np.sum(law.density(np.exp(log)) * np.exp(log)) * (log[1] - log[0])
    assert mass == pytest.approx(1, abs=1e-4)
    with pytest.raises(OutsideAssumptions, match="has no ends"):
        _ = law.support


def test_a_network_s_own_lengths():
    """Lengths at the quantiles of their law say what the law says."""
    from scipy.special import gammaincinv

    modes = KernelModes("relu", 6, 6)
    n = 20000
    lengths = np.sqrt(2 * gammaincinv(3, (np.arange(n) + 0.5) / n))
    z = [-0.02, 0.1 + 0.05j]
    assert np.allclose(
        ModeSpectrum(modes, 50, weight_lengths=lengths).stieltjes(z), ModeSpectrum(modes, 50).stieltjes(z), rtol=1e-3
    )


def test_below_the_axis_and_beside_the_spectrum():
    law = ModeSpectrum(KernelModes("relu", 5, 6), 30)
    assert law.stieltjes(0.2 - 0.1j) == law.stieltjes(0.2 + 0.1j).conjugate()
    assert law.density([-1.0, 0.0]).tolist() == [0.0, 0.0]
    assert law.stieltjes(1e6) * 1e6 == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ModeSpectrum(KernelModes("tanh", 3, 3), 10), "no single power"),
        (lambda: ModeSpectrum(KernelModes("tanh", 3, 3, weights="sphere"), 10, 20), "take inputs='sphere'"),
        (lambda: ModeSpectrum(KernelModes("relu", 3, 3), 0), "width = 0"),
        (lambda: ModeSpectrum(KernelModes("relu", 3, 3), 10, True), "inputs = True"),
        (lambda: ModeSpectrum(KernelModes("relu", 3, 3), 10, weight_lengths=[1, -1]), "positive numbers"),
        (lambda: ModeSpectrum(KernelModes("relu", 3, 3), 10).stieltjes(0), "z = 0"),
        (lambda: ModeSpectrum(KernelModes("relu", 3, 3), 10).moments(0), "moments"),
        (lambda: QuadraticScaling(activation("relu")).spectrum(50), "no square"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(InputError, match=message) as refused:
        make()
    assert "\n" not in str(refused.value)


def test_tanh_on_the_sphere():
    """One radial mode a degree: the law of all m eigenvalues, beside 30 matrices averaged over 20000 inputs a unit."""
    d, m = 6, 40
    law = ModeSpectrum(on_sphere("tanh", d, 7), m)
    assert law.moments(1)[0] * m == pytest.approx(on_sphere("tanh", d, 7).trace_value, rel=1e-12)
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(5)))
    found = []
    for _ in range(30):
        w = rng.standard_normal((m, d))
        w *= np.sqrt(d) / np.linalg.norm(w, axis=1, keepdims=True)
        features = np.tanh(w @ rng.standard_normal((d, 20000)))
        values = np.linalg.eigvalsh(features @ features.T / (m * 20000))
        found.append((1 / (-0.02 - values)).mean())
    error = np.std(found) / np.sqrt(30)
    assert abs(np.mean(found) - law.stieltjes(-0.02).real) < 4 * error + 0.003 * abs(np.mean(found))


# -- verdicts

CLAIM = "fimtheory.modes.deterministic_equivalent"
SETTING = QuadraticSetting(widths=(36, 64, 144), n_networks=(80, 60, 50), resolution=0.02)


@pytest.fixture(scope="module")
def ladder():
    return SETTING.simulate(find(CLAIM).predict(SETTING.scaling))


def verdicts(predicted, ladder):
    return {check.verdict for check in confront(predicted, ladder, SETTING.resolution)}


def test_supported(ladder):
    assert verdicts(find(CLAIM).predict(SETTING.scaling), ladder) == {Verdict.SUPPORTED}


@functools.cache
def modes_of(width, degrees=8, variance=1):
    d = round(width**0.5)
    return KernelModes("relu", d, degrees, variance * sp.Rational(1, d))


WRONG = {
    "the second degree smeared out": lambda w, m: ModeSpectrum(modes_of(m, 1), m, weight_lengths=w),
    "weights 3 % longer": lambda w, m: ModeSpectrum(modes_of(m, 8, sp.Rational("1.06")), m, weight_lengths=1.03 * w),
    "3 % more units": lambda w, m: ModeSpectrum(modes_of(m), round(1.03 * m), weight_lengths=w),
    "twice as many inputs as units": lambda w, m: ModeSpectrum(modes_of(m), m, 2 * m, weight_lengths=w),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_laws_are_contradicted(wrong, ladder):
    def predict(lengths, width):
        z = -0.125 / width
        return float(np.real(z * WRONG[wrong](lengths, width).stieltjes(z)))

    assert verdicts({"modes.resolvent[0.125]": GivenOutputs(predict)}, ladder) == {Verdict.CONTRADICTED}
