"""Funk-Hecke coefficients in double precision against Bessel functions, Gammas and integrals of polynomials in mpmath."""

import numpy as np
import pytest
from mpmath import mp

from fimtheory.activations import activation
from fimtheory.errors import InputError
from fimtheory.theory.funk_hecke import Profile, coefficients
from fimtheory.theory.sphere import multiplicity

DEGREES = (0, 1, 2, 3, 10, 21, 60)
ROUNDING = 1e-13  # of the root mean square of phi(s t)


def measured(f, d, s, rate=0.0):
    return coefficients(activation(f), d, DEGREES, np.array([s]), rate=rate)[:, 0]


def wave(d, k, square):
    """sqrt(N) |E exp(z t) P_k(t)| for z^2 = +s^2 or -s^2: a Bessel function of order k + d/2 - 1, as 0F1."""
    half = mp.mpf(d) / 2
    size = mp.sqrt(abs(square)) / 2
    leading = mp.sqrt(multiplicity(d, k)) * size**k * mp.gammaprod([half], [half + k])
    return leading * mp.hyp0f1(half + k, mp.mpf(square) / 4)


@pytest.mark.parametrize("d", [1, 2, 3, 10, 1000, 10**6])
@pytest.mark.parametrize("s", [1e-6, 1.0, 7.3, 400.0])
def test_waves_against_bessel_functions(d, s):
    degrees = [k for k in DEGREES if k < 2 or d > 1]
    with mp.workdps(40):
        square = -(mp.mpf(s) ** 2)
        signs = {k: (-1) ** (k // 2) for k in degrees}
        sine = [float(signs[k] * wave(d, k, square)) if k % 2 else 0.0 for k in degrees]
        cosine = [0.0 if k % 2 else float(signs[k] * wave(d, k, square)) for k in degrees]
        mean = wave(d, 0, 4 * square)  # E cos(2 s t)
        scales = [float(mp.sqrt((1 + side * mean) / 2)) for side in (-1, 1)]
    for f, expected, scale in zip(("sin", "cos"), (sine, cosine), scales, strict=True):
        found = measured(f, d, s)[: len(degrees)]
        assert np.abs(found - expected).max() < ROUNDING * scale


@pytest.mark.parametrize(("d", "s"), [(3, 30.0), (100, 100.0), (1000, 100.0), (10**6, 100.0)])
def test_growth_takes_the_integral_further_out(d, s):
    """At d = 100, s = 100 most of E exp(2 s t) lies where the weight alone is below exp(-50)."""
    with mp.workdps(40):
        expected = [float(wave(d, k, mp.mpf(s) ** 2)) for k in DEGREES]
        scale = float(mp.sqrt(wave(d, 0, 4 * mp.mpf(s) ** 2)))
    assert np.abs(measured("exp", d, s, rate=1.0) - expected).max() < ROUNDING * scale


@pytest.mark.parametrize("d", [2, 3, 10, 1000, 10**6, 10**9])
def test_powers_against_gammas(d):
    """Typed here; at a root mean square of 1/2 of the largest argument s = sqrt(d)."""
    with mp.workdps(60):
        half = mp.mpf(d) / 2
        gammas = [mp.gammaprod([half, 2], [mp.mpf(1 - k) / 2 + 1, mp.mpf(1 + k) / 2 + half]) / 4 for k in DEGREES]
        expected = [float(mp.sqrt(d * mp.mpf(multiplicity(d, k))) * c) for k, c in zip(DEGREES, gammas, strict=True)]
    assert np.abs(measured("relu", d, np.sqrt(d)) - expected).max() < ROUNDING / np.sqrt(2)


@pytest.mark.parametrize("s", [0.5, 1.0, 1.001, 3.0, 250.0])
def test_kinks_against_polynomials(s):
    """d = 3: int of (s t - 1) P_k over (1/s, 1), and of s t P_k over |t| < 1/s; polynomials of degree k + 1."""
    with mp.workdps(60):
        h = min(1 / mp.mpf(s), mp.mpf(1))

        def mean(k, function, low, high):
            return float(mp.sqrt(2 * k + 1) / 2 * mp.quad(lambda t: function(t) * mp.legendre(k, t), [low, high]))

        ramp = [mean(k, lambda t: s * t - 1, h, 1) for k in DEGREES]
        clip = [mean(k, lambda t: s * t, -h, h) + (1 - (-1) ** k) * mean(k, lambda t: mp.mpf(1), h, 1) for k in DEGREES]
    for f, expected in (("relu(x - 1)", ramp), ("clip(x, -1, 1)", clip)):
        assert np.abs(measured(f, 3, s) - expected).max() < ROUNDING * max(1, s) / 2


@pytest.mark.parametrize("d", [2, 3])
def test_a_steep_function(d):
    """tanh(100 t): its scale is a hundredth of the sphere."""
    with mp.workdps(25):
        ends = [0, *(mp.mpf(2) ** -j for j in range(8, 0, -1)), mp.pi / 2]
        weight = lambda a: mp.cos(a) ** (d - 2)  # noqa: E731
        mass = mp.quad(weight, [0, mp.pi / 2])

        def harmonic(k, t):
            return mp.chebyt(k, t) if d == 2 else mp.legendre(k, t)

        odd = [k for k in DEGREES if k % 2]
        expected = {
            k: float(
                mp.sqrt(multiplicity(d, k))
                * mp.quad(lambda a, k=k: mp.tanh(100 * mp.sin(a)) * harmonic(k, mp.sin(a)) * weight(a), ends)
                / mass
            )
            for k in odd
        }
    found = dict(zip(DEGREES, measured("tanh", d, 100.0), strict=True))
    assert max(abs(found[k] - expected.get(k, 0.0)) for k in DEGREES) < ROUNDING


@pytest.mark.parametrize(("f", "rate", "d"), [("tanh", 0.0, 3), ("relu(x - 1)", 0.0, 2), ("exp", 1.0, 100)])
def test_tables_against_values(f, rate, d):
    """At points between the nodes of a table, relative to the size of c_0 there."""
    table = Profile(activation(f), d, (0, 1, 5), 60.0, 1, rate)
    s = np.geomspace(1e-3, 60, 37)
    values = coefficients(activation(f), d, (0, 1, 5), s, rate=rate)
    size = np.maximum(np.abs(values).max(axis=0), 1e-3)
    assert np.abs((table(s) - values) / size).max() < 1e-12


@pytest.mark.parametrize(
    ("f", "d", "s", "message"),
    [
        ("exp", 1, 800.0, "not finite"),
        ("exp", 3, 800.0, "not finite"),
        ("tanh", 3, 1e300, "too many scales"),
        ("relu", 2, 1e6, "too many scales"),
        ("elu", 3, 1.0, "alpha=1/5"),
    ],
)
def test_refusals(f, d, s, message):
    with pytest.raises(InputError, match=message) as caught:
        measured(f, d, s)
    assert "\n" not in str(caught.value)
