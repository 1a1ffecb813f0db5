"""fimtheory spectrum and fimtheory optimal as a user meets them: keys, digits, files, one-line refusals."""

import json
import re

import mpmath
import pytest

from tests.test_cli import run, run_json


def quantity(q):
    assert set(q) >= {"formula", "latex", "value", "status"}
    return float(q["value"])


def test_spectrum_has_the_documented_keys(capsys):
    found = run_json(capsys, "spectrum", "erf_alpha", "--param", "alpha=1", "--points", "11")
    assert {name: quantity(q) for name, q in found["constants"].items()} == pytest.approx(
        {"eta": 1, "eta_prime": 1.225700003785691, "zeta": 0.9135828428288513}, rel=1e-14
    )
    assert list(found["edges"]) == ["z1", "z2", "z3", "z4", "z5", "z6"]
    assert len(found["moments"]) == 6
    assert quantity(found["moments"][0]) == pytest.approx((1 + 1.225700003785691) / 2, rel=1e-14)
    assert found["atoms"] == []
    assert len(found["density"]["lambda"]) == len(found["density"]["rho"]) == 11
    assert found["gap"]["open"] is False


def test_linear_layer(capsys):
    """Eq. 17 of Pennington and Worah (2018) by mpmath's elliptic integrals, in the parameter."""
    found = run_json(capsys, "spectrum", "x", "--at", "1", "4", "13/2", "--digits", "25")
    (atom,) = found["atoms"]
    assert (quantity(atom["location"]), quantity(atom["mass"])) == (0, 0.5)
    with mpmath.workdps(40):
        for x, rho in zip((1, 4, mpmath.mpf(13) / 2), found["density"]["rho"], strict=True):
            m = (8 - mpmath.mpf(x)) * x / 16
            golden = mpmath.ellipe(m) / (2 * mpmath.pi**2)
            golden += (4 - x) * mpmath.ellipk(m) / (8 * mpmath.pi**2) if x != 4 else 0
            assert abs(mpmath.mpf(rho) / golden - 1) < mpmath.mpf(10) ** -24
    assert found["density"]["lambda"] == ["1", "4", "6.5"]


def test_outliers_are_labelled_heuristic(capsys):
    found = run_json(capsys, "spectrum", "f_opt", "--points", "1")["outliers"]
    assert found["status"] == "heuristic"
    assert {band["region"] for band in found["bands"]} == {"below", "gap", "above"}
    assert 0 < found["lambda_min"] < 0.9 < 2.3 < found["lambda_max"]
    assert "heuristic" in run(capsys, "spectrum", "f_opt", "--points", "1")[1]
    assert run_json(capsys, "spectrum", "linear", "--points", "1")["outliers"]["bands"] == []
    assert "outliers" not in run_json(capsys, "spectrum", "srelu")


def test_the_mean_that_was_subtracted(capsys):
    """ReLU: b_0^2 = 1/(2 pi), and Var f + 2 b_2^2 + sqrt(6) b_0 b_4 by its Hermite coefficients, in exact numbers."""
    found = run_json(capsys, "spectrum", "relu", "--centred", "--points", "1")["mean_outliers"]
    b0, b2, b4 = (2 * mpmath.pi) ** -0.5, (4 * mpmath.pi) ** -0.5, -((48 * mpmath.pi) ** -0.5)
    assert found["per_width"] == pytest.approx(float(b0**2))
    assert found["constant"] == pytest.approx(float(0.5 - b0**2 + 2 * b2**2 + mpmath.sqrt(6) * b0 * b4))
    assert found["slope"] == pytest.approx(float(2 * b2**2))
    assert "mean_outliers" not in run_json(capsys, "spectrum", "tanh", "--centred", "--points", "1")


def test_two_atoms_and_no_density(capsys):
    found = run_json(capsys, "spectrum", "abs", "--centred", "--points", "3")
    assert [quantity(a["location"]) for a in found["atoms"]] == pytest.approx([1 - 2 / mpmath.pi, 1])
    assert [quantity(a["mass"]) for a in found["atoms"]] == [0.5, 0.5]
    assert set(found["density"]["rho"]) == {"0"}
    assert "no continuous part" in run(capsys, "spectrum", "abs", "--centred")[1]


def test_free_parameters(capsys):
    found = run_json(capsys, "spectrum", "srelu")
    assert found["density"] is None
    assert found["edges"]["z4"]["value"] is None
    assert "alpha" in found["edges"]["z4"]["formula"]


def test_rectangular(capsys):
    found = run_json(capsys, "spectrum", "tanh", "--aspect", "2,1/2", "--points", "5")
    assert found["layer"]["aspect"] == ["2", "1/2"]
    places = [quantity(q) for q in found["edges"].values()]
    assert places == sorted(places)
    assert "gap" not in found
    assert sum(quantity(a["mass"]) for a in found["atoms"]) == pytest.approx(0.4)


def test_finite_width(capsys):
    found = run_json(capsys, "spectrum", "f_opt", "--points", "3", "--finite", "8", "--networks", "12", "--seed", "3")
    mean = found["finite"]["mean"]
    assert (mean["formula"], mean["status"]) == ("97/52", "exact")  # (19 + 42/8)/13 by hand
    measured = found["finite"]["simulation"]["moments"][0]
    assert abs(measured["value"] - float(mean["value"])) < 5 * measured["standard_error"]
    again = run_json(capsys, "spectrum", "f_opt", "--points", "3", "--finite", "8", "--networks", "12", "--seed", "3")
    assert again == found
    assert "random layers" in run(capsys, "spectrum", "f_opt", "--finite", "8", "--networks", "2")[1]


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_plots(capsys, tmp_path, suffix):
    path = tmp_path / f"spectrum.{suffix}"
    assert run(capsys, "spectrum", "f_opt", "--points", "2", "--plot", str(path))[0] == 0
    assert path.stat().st_size > 5000
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["relu"], "Gaussian mean"),
        (["sign"], "delta"),
        (["abs(x)**(1/3)", "--centred"], "not square-integrable"),
        (["tanh", "--aspect", "1"], "write g0,g1"),
        (["tanh", "--aspect", "1,0"], "aspect ratio 0"),
        (["tanh", "--aspect", "1,-1/2"], "aspect ratio -1/2"),
        (["tanh", "--points", "0"], "--points 0"),
        (["tanh", "--moments", "99"], "from 1 to 60"),
        (["tanh", "--finite", "0"], "--finite 0"),
        (["tanh", "--finite", "4", "--seed", "-1"], "--seed -1"),
        (["tanh", "--at", "1/0"], "zero"),
        (["tanh", "--at", "__import__('os')"], "unknown name"),
        (["tanh", "--plot", "x.gif"], "end the name in"),
        (["erf(s*x)", "--param", "s>0", "--plot", "x.svg"], "free parameters"),
        (["1/x"], "x"),
    ],
)
def test_spectrum_refuses_in_one_line(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, "spectrum", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_optimal_over_all_functions(capsys):
    found = run_json(capsys, "optimal")
    assert found["value"]["formula"] == "21/19"
    assert quantity(found["constants"]["zeta"]) == pytest.approx(1 / 13)
    odd = run_json(capsys, "optimal", "--constraint", "odd")
    assert odd["value"]["formula"] == "11/9"
    assert "not attained" in run(capsys, "optimal", "--objective", "gap")[1]


def test_optimal_under_constraints(capsys, tmp_path):
    path = tmp_path / "best.svg"
    options = ("--constraint", "monotone,odd", "--saturation", "2", "--starts", "3", "--pieces", "8")
    found = run_json(capsys, "optimal", *options, "--plot", str(path))
    assert path.exists()
    # the answer is an activation of the package: its spectrum has the conditioning that was promised
    again = run_json(capsys, "spectrum", found["activation"]["formula"], "--points", "1")
    assert quantity(again["conditioning"]) == pytest.approx(quantity(found["value"]), rel=1e-9)
    assert 11 / 9 < quantity(found["value"]) < 3
    assert found["certificate"]["residual"] < 1e-5


def test_optimal_in_a_family(capsys):
    found = run_json(capsys, "optimal", "--family", "x+t*(x**2-1)", "--param", "t", "--interval", "0,4")
    (best,) = found["best"]
    assert float(best["at"]) == pytest.approx(6**0.5, rel=1e-14)
    assert float(best["value"]) == pytest.approx(21 / 19, rel=1e-14)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--constraint", "convex"], "unknown constraint"),
        (["--constraint", "monotone"], "needs its scale"),
        (["--saturation", "0"], "saturation"),
        (["--saturation", "-1"], "saturation"),
        (["--saturation", "2", "--lipschitz", "0.1"], "larger bound"),
        (["--saturation", "2", "--pieces", "1"], "pieces"),
        (["--family", "relu"], "no family"),
        (["--family", "srelu", "--saturation", "2"], "not for a family"),
        (["--family", "srelu", "--interval", "1"], "write LO,HI"),
        (["--objective", "gap", "--saturation", "3"], "supremum"),
        (["--objective", "beauty"], "invalid choice"),
        (["--constraint", "odd", "--objective", "gap"], "known for conditioning only"),
        (["--plot", "x.gif"], "end the name in"),
    ],
)
def test_optimal_refuses_in_one_line(capsys, arguments, words):
    code, out, err = run(capsys, "optimal", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_claims_of_a_paper_come_in_its_order(capsys):
    rows = json.loads(run(capsys, "claims", "--paper", "pennington2018", "--json")[1])
    ids = [row["id"].split(".")[1] for row in rows]
    assert ids.index("eq7") < ids.index("eq11") < ids.index("eq20")


def test_every_numbered_place_of_the_paper_has_a_claim(capsys):
    """Equations 1 to 33, the theorem, the proposition, the remarks, the table and the figures."""
    rows = json.loads(run(capsys, "claims", "--paper", "pennington2018", "--json")[1])
    places = " ".join(row["location"] for row in rows).lower()
    covered = set()
    for listed in re.findall(r"eqs?\. ((?:\d+(?:, | and | to )?)+)", places):
        for first, last in re.findall(r"(\d+)(?: to (\d+))?", listed):
            covered |= set(range(int(first), int(last or first) + 1))
    assert covered >= set(range(1, 34))
    for place in ("theorem 1", "proposition 1", "remark 1", "remark 2", "remark 3", "table 1"):
        assert place in places
    for figure in ("figure 1 (a)", "figure 1 (b)", "figure 2 (a)", "figure 2 (b)", "figure 3 (a)", "figure 3 (b)"):
        assert figure in places


def test_the_table_to_any_digits(capsys):
    """z_3 and z_6 of f_opt by hand: (44 -+ sqrt(208))/26 with eta = 1, eta' = 25/13, zeta = 1/13."""
    rows = json.loads(run(capsys, "claims", "table", "pennington2018.table1", "--digits", "40", "--json")[1])
    with mpmath.workdps(60):
        for name, sign in (("z3", -1), ("z6", 1)):
            golden = (44 + sign * mpmath.sqrt(12**2 + 64)) / 26
            assert abs(mpmath.mpf(rows["f_opt"][name]) - golden) < mpmath.mpf(10) ** -39
    assert list(rows) == ["linear", "erf_alpha alpha=1", "srelu alpha=0", "f_opt"]
    assert run(capsys, "claims", "table", "pennington2018.eq1")[0] == 2
    assert "z6" in run(capsys, "claims", "table", "pennington2018.table1")[1]


def test_a_figure_by_its_claim(capsys, tmp_path):
    path = tmp_path / "fig2a.pdf"
    assert run(capsys, "claims", "figure", "pennington2018.fig2a", "--quick", "-o", str(path))[0] == 0
    assert path.read_bytes().startswith(b"%PDF")
    for arguments in (["pennington2018.eq20", "-o", str(path)], ["pennington2018.fig2a"], ["-o", str(path)]):
        code, _, err = run(capsys, "claims", "figure", *arguments)
        assert code == 2
        assert err.count("\n") == 1
