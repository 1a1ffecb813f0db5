"""The command line as a user meets it: keys, digits, exit codes, one-line refusals, interruption."""

import json
import signal
import subprocess
import sys
import time

import mpmath
import pytest

from fimtheory.activations import gallery
from fimtheory.cli import main


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of one command."""
    try:
        code = main(list(arguments))
    except SystemExit as stop:  # argparse
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *arguments: str) -> dict:
    code, out, err = run(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_derive_relu_prints_the_arc_cosine_kernel(capsys):
    code, out, _ = run(capsys, "derive", "relu")
    assert code == 0
    assert "q*(c*(pi - acos(c)) + sqrt(1 - c**2))/(2*pi)" in out


def test_derive_has_the_documented_keys(capsys):
    found = run_json(capsys, "derive", "gelu")
    assert found["activation"] | {"latex": "", "note": None} == {
        "name": "gelu",
        "formula": "x*Phi(x)",
        "latex": "",
        "parameters": {},
        "closed_form": True,
        "note": None,
    }
    for key in ("mean", "eta", "eta_prime", "zeta", "dual", "dual_derivative"):
        assert set(found[key]) == {"formula", "latex", "value", "status"}
        assert found[key]["status"] == "exact"
    assert len(found["hermite"]) == 7
    assert found["dual"]["value"] is None


@pytest.mark.parametrize(
    ("formula", "oracle"),
    [
        ("x*Phi(x)", lambda z: z * mpmath.ncdf(z)),
        ("log(1+exp(x))", lambda z: mpmath.log1p(mpmath.exp(z))),
    ],
)
def test_thirty_digits(capsys, formula, oracle):
    """Against mpmath's tanh-sinh quadrature on the line."""
    found = run_json(capsys, "derive", formula, "--digits", "30")
    with mpmath.workdps(45):
        goldens = {
            "mean": mpmath.quad(lambda z: oracle(z) * mpmath.npdf(z), mpmath.linspace(-15, 15, 13)),
            "eta": mpmath.quad(lambda z: oracle(z) ** 2 * mpmath.npdf(z), mpmath.linspace(-15, 15, 13)),
        }
        for key, golden in goldens.items():
            assert abs(mpmath.mpf(found[key]["value"]) - golden) < mpmath.mpf(10) ** -30


def test_a_function_outside_the_class_says_so(capsys):
    found = run_json(capsys, "derive", "log(1+exp(x))")
    assert found["eta"]["formula"] is None
    assert found["eta"]["status"] == "certified"
    assert found["activation"]["closed_form"] is False
    assert "no closed form" in run(capsys, "derive", "log(1+exp(x))")[1]


def test_parameters_free_and_fixed(capsys):
    free = run_json(capsys, "derive", "erf(s*x)", "--param", "s > 0")
    assert free["activation"]["parameters"] == {"s": "positive"}
    assert free["eta"]["value"] is None
    fixed = run_json(capsys, "derive", "leaky_relu", "--param", "alpha=1/5")
    assert fixed["eta"] == {"formula": "13/25", "latex": r"\frac{13}{25}", "value": "0.52", "status": "exact"}


def test_duals_at_a_point(capsys):
    found = run_json(capsys, "derive", "relu", "--at", "q=2", "c=1/2")
    with mpmath.workdps(30):  # Cho and Saul 2009: (q/2 pi)(sin t + (pi - t) cos t), t = arccos c
        t = mpmath.acos(0.5)
        golden = 2 / (2 * mpmath.pi) * (mpmath.sin(t) + (mpmath.pi - t) * mpmath.cos(t))
        assert abs(mpmath.mpf(found["dual"]["value"]) - golden) < 1e-15


def test_a_jump_leaves_the_rest_standing(capsys):
    found = run_json(capsys, "derive", "step")
    assert found["eta_prime"]["value"] is None
    assert "jumps" in found["eta_prime"]["note"]
    assert found["zeta"]["formula"] == "1/(2*pi)"


def test_network_keys_and_values(capsys):
    found = run_json(
        capsys, "network", "relu", "--depth", "2", "--sigma-b2", "0", "--width", "60", "--outputs", "2", "--samples", "5",
        "--simulate", "3",
    )  # fmt: skip
    orders = found["order_parameters"]
    assert orders["qhat1"] == ["1", "1"]
    assert orders["qtilde1"] == ["1", "1"]
    assert [len(orders[name]) for name in ("qhat1", "qhat2", "qtilde1", "qtilde2")] == [2, 2, 2, 2]
    assert set(found["coefficients"]) == {
        "alpha", "alpha_sum", "kappa1", "kappa2", "kappa1_ntk", "kappa2_ntk", "kappa1_feature", "kappa2_feature",
    }  # fmt: skip
    assert found["coefficients"]["kappa1"] == "2"
    with mpmath.workdps(25):  # qhat2 = qtilde2/2 = 1/pi at c = 0: arc-cosine kernels of degree 1 and 0
        assert abs(mpmath.mpf(orders["qhat2"][1]) - 1 / mpmath.pi) < 1e-15
    assert found["statistics"]["F"]["mean"]["formula"] == "C*kappa1/M"
    assert mpmath.mpf(found["statistics"]["F"]["mean"]["value"]) == mpmath.mpf(2 * 2) / 60
    assert len(found["statistics"]["F_blocks"]) == 2
    for metric in ("F", "NTK", "A"):
        for name in ("mean", "second_moment", "max"):
            measured = found["simulation"][metric][name]
            predicted = float(found["statistics"][metric][name]["value"])
            assert measured["standard_error"] > 0
            assert 0.3 * predicted < measured["value"] < 3 * predicted


def test_claims(capsys):
    rows = json.loads(run(capsys, "claims", "--paper", "karakida2020", "--json")[1])
    keys = {"id", "paper", "location", "statement_latex", "as_printed_latex", "status", "verdict", "evidence"}
    assert keys <= set(rows[0])
    assert {row["status"] for row in rows} == {"stated"}
    assert "@article{karakida2020" in run(capsys, "claims", "show", "karakida2020.thm3.1", "--bibtex")[1]


REFUSED = [
    ("derive", "__import__('os').system('x')"),
    ("derive", "x.__class__"),
    ("derive", "lambda: 0"),
    ("derive", "exp(x**2)"),
    ("derive", "1/x"),
    ("derive", "relu("),
    ("derive", "foo(x)"),
    ("derive", "x*y"),
    ("derive", "(" * 10_000 + "x" + ")" * 10_000),
    ("derive", "9**9**9"),
    ("derive", "relu", "--digits", "0"),
    ("derive", "relu", "--at", "c=2"),
    ("derive", "relu", "--at", "q=-1"),
    ("derive", "relu", "--param", "alpha=1"),
    ("derive", "elu", "--param", "alpha=-1"),
    ("derive", "c*x", "--param", "c"),
    ("derive",),
    ("network", "step"),
    ("network", "tanh", "--depth", "0"),
    ("network", "tanh", "--depth", "1"),
    ("network", "tanh", "--sigma-w2=-1"),
    ("network", "tanh", "--sigma-b2", "0"),
    ("network", "leaky_relu"),
    ("network", "tanh", "--widths", "1,2"),
    ("network", "exp(x)", "--depth", "6", "--sigma-w2", "3"),
    ("report", "gelu", "-o", "/dev/null/report"),
    ("report", "gelu", "-o", __file__),
    ("report", "gelu", "-o", "somewhere", "--networks", "2"),
    ("claims", "show", "nope"),
    ("claims", "--paper", "nope"),
    ("frobnicate",),
]


@pytest.mark.parametrize("arguments", REFUSED, ids=lambda a: " ".join(a)[:50])
def test_refused_in_one_line(capsys, arguments):
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("fimtheory: ")
    assert err.count("\n") == 1


def test_an_unknown_name_lists_what_exists_and_the_nearest(capsys):
    _, _, err = run(capsys, "derive", "geluu")
    assert "did you mean gelu?" in err
    assert "softplus" in err


@pytest.mark.parametrize("verb", ["derive", "network", "report", "claims"])
def test_help_has_examples(capsys, verb):
    code, out, _ = run(capsys, verb, "--help")
    assert code == 0
    assert "examples:" in out


def test_every_gallery_name_derives(capsys):
    for name in gallery():
        assert run_json(capsys, "derive", name)["activation"]["name"] == name


def test_interrupting_a_report_leaves_nothing(tmp_path):
    target = tmp_path / "report"
    command = [sys.executable, "-m", "fimtheory", "report", "tanh", "-o", str(target), "--networks", "4000"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for _ in range(600):  # the workshop folder appears when the simulation begins
        if list(tmp_path.iterdir()):
            break
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err + out
    assert "interrupted" in err
    assert list(tmp_path.iterdir()) == []


def test_gallery_is_listed(capsys):
    rows = run_json(capsys, "gallery")["gallery"]
    assert [row["name"] for row in rows] == list(gallery())
    text = run(capsys, "gallery")[1]
    assert "leaky_relu" in text
    assert "also prelu" in text


def test_smoothness_is_shown(capsys):
    found = run_json(capsys, "derive", "relu")["expansion"]
    assert found["exponent"]["formula"] == "3/2"
    assert found["coefficient"]["formula"] == "sqrt(2)*q/(3*pi)"
    assert "(1 - c)**(3/2)" in run(capsys, "derive", "relu")[1]
    assert "smooth at c = 1" in run(capsys, "derive", "tanh")[1]
