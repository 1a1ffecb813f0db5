"""fimtheory modes as a user meets it: keys, digits, dimensions one, two and a million, one-line refusals."""

import math

import mpmath
import numpy as np
import pytest
from scipy.special import eval_legendre

from tests.test_cli import run, run_json

QUANTITY = {"formula", "latex", "value", "status"}


def test_the_documented_keys(capsys):
    """ReLU in three dimensions: c_k by Legendre polynomials and mpmath, lambda_k = 9 c_k^2."""
    found = run_json(capsys, "modes", "relu", "--dim", "3", "--degrees", "6")
    assert [mode["degree"] for mode in found["modes"]] == list(range(7))
    for mode in found["modes"]:
        assert set(mode["eigenvalue"]) == QUANTITY
        assert mode["multiplicity"] == 2 * mode["degree"] + 1
        c = mpmath.quad(lambda t, k=mode["degree"]: t * mpmath.legendre(k, t) / 2, [0, 1])
        assert float(mode["eigenvalue"]["value"]) == pytest.approx(9 * float(c) ** 2, abs=1e-15)
    assert found["trace"]["formula"] == "3/2"


def test_digits(capsys):
    found = run_json(capsys, "modes", "relu", "--dim", "4", "--degrees", "2", "--digits", "40")
    with mpmath.workdps(50):
        exact = (16 * mpmath.quad(lambda s: s * mpmath.sqrt(1 - s**2), [0, 1]) ** 2 * 4) / mpmath.pi**2
        assert abs(mpmath.mpf(found["modes"][0]["eigenvalue"]["value"]) - exact) < mpmath.mpf(10) ** -39


def test_the_circle_is_a_fourier_series(capsys):
    """d = 2: lambda_k = 4 |Fourier coefficient of (cos)_+|^2, by the fast Fourier transform."""
    found = run_json(capsys, "modes", "relu", "--dim", "2", "--degrees", "5")
    angles = 2 * np.pi * np.arange(2**16) / 2**16
    fourier = np.abs(np.fft.rfft(np.maximum(np.cos(angles), 0)))[:6] / angles.size
    values = [float(mode["eigenvalue"]["value"]) for mode in found["modes"]]
    assert values == pytest.approx(4 * fourier**2, abs=1e-8)
    assert [mode["multiplicity"] for mode in found["modes"]] == [1, 2, 2, 2, 2, 2]


def test_the_line_has_two_degrees(capsys):
    found = run_json(capsys, "modes", "relu", "--dim", "1", "--degrees", "6")
    assert [(m["degree"], m["multiplicity"], m["eigenvalue"]["formula"]) for m in found["modes"]] == [
        (0, 1, "1/4"),
        (1, 1, "1/4"),
    ]


def test_a_million_dimensions(capsys):
    """The recursion lambda_{k+2} = lambda_k ((k-1)/(k+d+1))^2 down to degree 50, in rational arithmetic."""
    found = run_json(capsys, "modes", "relu", "--dim", "1000000", "--degrees", "50")
    values = [float(mode["eigenvalue"]["value"]) for mode in found["modes"]]
    for k in range(0, 49, 2):
        assert values[k + 2] == pytest.approx(values[k] * ((k - 1) / (k + 1000001)) ** 2, rel=1e-14)
    assert found["modes"][50]["multiplicity"] == math.comb(1000049, 50) - math.comb(1000047, 48)


def test_a_function_without_powers(capsys):
    """tanh with weights and inputs on spheres: one radial mode, (E tanh(s t) P_1(t))^2 by quadrature, s = sqrt(3)."""
    options = ("--dim", "3", "--weights", "sphere", "--inputs", "sphere", "--weight-variance", "1/d", "--degrees", "1")
    found = run_json(capsys, "modes", "tanh", *options)
    t, w = np.polynomial.legendre.leggauss(60)
    c = w @ (np.tanh(math.sqrt(3) * t) * eval_legendre(1, t)) / 2
    mode = found["modes"][1]
    assert mode["eigenvalue"]["status"] == "numerical"
    assert mode["eigenvalue"]["formula"] is None
    assert float(mode["eigenvalue"]["value"]) == pytest.approx(c**2, rel=1e-12)


def test_free_parameters(capsys):
    found = run_json(capsys, "modes", "leaky_relu", "--dim", "4", "--degrees", "1")
    assert found["modes"][1]["eigenvalue"] == found["modes"][1]["eigenvalue"] | {
        "formula": "(alpha**2 + 2*alpha + 1)/4",
        "value": None,
    }
    assert found["modes"][1]["share"] is None
    assert "alpha" in run(capsys, "modes", "leaky_relu", "--dim", "4")[1]


def test_a_network_of_finite_width(capsys):
    """Trace d/2 and tr J^2 of ReLU, by hand: (1 - 1/m) sum N lambda^2 + (d (d + 2)/4)/m, the sum by mpmath."""
    options = ("--dim", "3", "--width", "200", "--simulate", "30", "--seed", "2")
    found = run_json(capsys, "modes", "relu", *options)["finite"]
    kernel = lambda c: (mpmath.sqrt(1 - c**2) + (mpmath.pi - mpmath.acos(c)) * c) / (2 * mpmath.pi)  # noqa: E731
    squares = 9 * mpmath.quad(lambda c: kernel(c) ** 2 / 2, [-1, 0, 1])
    assert found["second_moment"] == pytest.approx(float((1 - 1 / 200) * squares + 15 / 4 / 200), rel=1e-9)
    assert [row["multiplicity"] for row in found["clusters"][:3]] == [1, 3, 5]
    for row, drawn in zip(found["clusters"], found["simulation"]["clusters"], strict=True):
        deviation = drawn["mean"]["value"] - row["mean"]
        assert abs(deviation) < 4 * drawn["mean"]["standard_error"] + 0.1 * abs(row["mean"] - row["limit"])
    again = run_json(capsys, "modes", "relu", *options)["finite"]
    assert again == found


def test_clusters_that_touch_are_left_out(capsys):
    found = run_json(capsys, "modes", "tanh", "--dim", "4", "--width", "60", "--samples", "90", "--simulate", "2")
    assert [row["degrees"] for row in found["finite"]["clusters"]] == [[1]]
    assert "no cluster is small" in run(capsys, "modes", "sign", "--dim", "40", "--width", "60")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["relu"], ["65536/(3969*pi**2)", "in any dimension d", "1/(2*pi)", "|w| Y_6(w/|w|)"]),
        (["step", "--dim", "3"], ["Y_5(w/|w|)", "trace 1/2"]),
        (["tanh", "--dim", "2"], ["radial", "R(|w|) Y_5(w/|w|)"]),
        (["1", "--dim", "2", "--degrees", "0"], ["100 %"]),
        (["x**3 - 3*x", "--dim", "3", "--degrees", "3"], ["54*sqrt(11) + 180"]),
    ],
)
def test_text(capsys, arguments, words):
    code, out, err = run(capsys, "modes", *arguments)
    assert (code, err) == (0, "")
    assert all(word in out for word in words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["relu", "--dim", "0"], "whole number from 1"),
        (["relu", "--dim", "2.5"], "--dim 2.5"),
        (["relu", "--degrees", "-1"], "whole number from 0"),
        (["relu", "--degrees", "1.5"], "--degrees 1.5"),
        (["relu", "--weights", "cube"], "'gaussian' or 'sphere'"),
        (["relu", "--inputs", "cube"], "'gaussian' or 'sphere'"),
        (["relu", "--weight-variance", "0"], "positive"),
        (["relu", "--weight-variance=-1/d"], "positive"),
        (["relu", "--radial", "0"], "radial"),
        (["exp"], "below 0.25"),
        (["exp(x**2/8)"], "on the sphere"),
        (["1/x"], "not square-integrable"),
        (["gelu_scaled"], "free parameters"),
        (["relu", "--simulate", "3"], "add for instance --width"),
        (["relu", "--width", "1"], "from 2 to"),
        (["relu", "--width", "100000"], "from 2 to"),
        (["tanh", "--width", "100", "--simulate", "3"], "--samples 400"),
        (["relu", "--width", "10", "--simulate", "-1"], "from 0 to"),
        (["leaky_relu", "--width", "10"], "free parameters"),
    ],
)
def test_refusals(capsys, arguments, words):
    code, out, err = run(capsys, "modes", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
