"""fimtheory phase as a user meets it: keys, digits, files, one-line refusals."""

import math

import mpmath
import pytest

from tests.test_cli import run, run_json

QUANTITY = {"formula", "latex", "value", "status"}


def test_the_documented_keys(capsys):
    found = run_json(capsys, "phase", "erf", "--sigma-w2", "3", "--sigma-b2", "0.1", "--points", "4")
    assert found["phase"] == "chaotic"
    (point,) = found["fixed_points"]
    assert point["reached"]
    for name in ("q", "c", "chi1", "chi", "length_slope", "xi_q", "xi_c", "xi_grad"):
        assert set(point[name]) == QUANTITY
    q, c = (float(point[name]["value"]) for name in ("q", "c"))
    arcsine = lambda t: 6 / math.pi * math.asin(2 * t / (1 + 2 * q)) + 0.1  # noqa: E731
    assert arcsine(q) == pytest.approx(q, rel=1e-14)
    assert arcsine(c * q) / q == pytest.approx(c, rel=1e-14)
    assert found["maps"]["length"]["formula"] == "sigma_b2 + 2*sigma_w2*asin(2*q/(2*q + 1))/pi"
    assert found["edge"]["sigma_w2"]["formula"] == "pi*sqrt(4*q + 1)/4"
    assert [row["q"] for row in found["edge"]["points"]] == ["0.01", "0.215", "4.64", "100"]


def test_digits(capsys):
    """The fixed point of erf satisfies its equation, to 40 digits in mpmath."""
    found = run_json(capsys, "phase", "erf", "--digits", "40", "--points", "1")
    with mpmath.workdps(50):
        q = mpmath.mpf(found["fixed_points"][0]["q"]["value"])
        assert abs(4 / mpmath.pi * mpmath.asin(2 * q / (1 + 2 * q)) + mpmath.mpf(1) / 10 - q) < mpmath.mpf(10) ** -39


def test_relu_in_closed_form(capsys):
    found = run_json(capsys, "phase", "relu", "--sigma-w2", "2", "--sigma-b2", "0")
    assert found["phase"] == "critical"
    assert found["maps"]["chi1"]["formula"] == "sigma_w2/2"
    assert found["edge"]["is_point"]
    assert found["edge"]["decay"] == found["edge"]["decay"] | {"exponent": "2"}
    assert found["edge"]["decay"]["coefficient"]["formula"] == "9*pi**2/2"
    assert [p["xi_c"] and p["xi_c"]["value"] for p in found["fixed_points"]] == [None, "inf"]


def test_free_parameters(capsys):
    found = run_json(capsys, "phase", "leaky_relu")
    assert found["phase"] is None
    assert found["edge"]["sigma_w2"] == found["edge"]["sigma_w2"] | {"formula": "2/(alpha**2 + 1)", "value": None}
    assert "--param" in run(capsys, "phase", "leaky_relu")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tanh"], ["chaotic, signals settle here", "edge of chaos, a curve", "at sigma_b2 = 1/10"]),
        (["relu"], ["unbounded", "a single point", "9*pi**2/2"]),
        (["sign"], ["chi_1  = inf", "no edge of chaos: the function jumps"]),
        (["softplus"], ["unbounded", "sigma_b2 < 0 at every length"]),
        (["gelu"], ["not attracting", "signals leave q", "see --json", "starts at sigma_w2 = 4"]),
        (["linear", "--sigma-w2", "1/2"], ["every correlation is kept"]),
        (["1"], ["constant"]),
    ],
)
def test_text(capsys, arguments, words):
    code, out, err = run(capsys, "phase", *arguments)
    assert (code, err) == (0, "")
    assert all(word in out for word in words)


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_plots(capsys, tmp_path, suffix):
    path = tmp_path / f"map.{suffix}"
    code, _, err = run(capsys, "phase", "erf", "--points", "1", "-o", str(path))
    assert (code, err) == (0, "")
    assert path.stat().st_size > 20_000
    assert list(tmp_path.iterdir()) == [path]


def test_the_default_drawing(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = run_json(capsys, "phase", "relu", "--plot", "--sigma-w2-range", "1,3")
    assert found["figure"] == "phase.svg"
    drawn = (tmp_path / "phase.svg").read_bytes()
    assert run(capsys, "phase", "relu", "--plot", "--sigma-w2-range", "1,3")[0] == 0
    assert (tmp_path / "phase.svg").read_bytes() == drawn


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tanh", "--sigma-w2", "-1"], "no variance"),
        (["tanh", "--sigma-b2", "x"], "unknown name 'x'"),
        (["tanh", "--sigma-w2", "1/0"], "zero"),
        (["tanh", "--points", "0"], "--points 0"),
        (["tanh", "--sigma-w2-range", "1"], "write LO,HI"),
        (["tanh", "--sigma-w2-range", "2,1"], "is empty"),
        (["tanh", "--sigma-b2-range=-1,1"], "is empty"),
        (["tanh", "--plot", "-o", "map.gif"], "end the name in"),
        (["sign", "--plot"], "delta"),
        (["leaky_relu", "--plot"], "free parameters"),
        (["sqrt(abs(x))"], "not square-integrable"),
        (["tahn"], "did you mean tanh"),
        (["exp(x**2/8)"], "converges only"),
    ],
)
def test_refusals_are_one_line(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, "phase", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
