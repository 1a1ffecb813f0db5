"""``fimtheory network`` on every metric: keys, layers that differ, inputs from data, figures that can be resumed."""

import json

import numpy as np
import pytest

from tests.test_cli import run, run_json

SMALL = ("--width", "40", "--outputs", "3", "--samples", "4")


def test_every_metric_beside_simulation(capsys):
    found = run_json(capsys, "network", "tanh", "--sigma-w2", "3", "--sigma-b2", "0.64", *SMALL, "--simulate", "40")
    theory, measured = found["statistics"], found["simulation"]
    for metric in ("F", "F_centred", "NTK", "NTK_centred", "A"):
        for name in ("mean", "second_moment"):
            predicted, simulated = float(theory[metric][name]["value"]), measured[metric][name]
            assert 0.5 * predicted < simulated["value"] < 2 * predicted
            assert simulated["standard_error"] > 0
    for metric in ("F_cross", "A_cross"):
        lower, upper = (float(theory[metric]["max"][end]["value"]) for end in ("lower", "upper"))
        assert lower < theory[metric]["outliers"][0]["value"] < upper
        assert len(theory[metric]["outliers"]) == 2
        assert set(theory[metric]["mean"]) == {"formula", "latex", "value", "status"}
        assert 0.5 * lower < measured[metric]["max"]["value"] < 2 * upper
    for blocks in ("F_blocks", "A_blocks"):
        assert len(theory[blocks]) == len(measured[blocks]) == 3
        assert {"mean", "second_moment", "max"} == set(theory[blocks][0])
    rate = float(found["critical_learning_rate"]["value"])
    assert rate * float(theory["F"]["max"]["value"]) == pytest.approx(2, rel=1e-14)


def test_layers_that_differ(capsys):
    found = run_json(
        capsys, "network", "tanh; leaky_relu alpha=1/5", "--sigma-w2", "3,2,1", "--sigma-b2", "0,0.1,1",
        "--widths", "1,2,1/2", *SMALL,
    )  # fmt: skip
    assert found["network"]["activation"] == "tanh, leaky_relu(alpha=1/5)"
    assert (found["network"]["sigma_w2"], found["network"]["sigma_b2"]) == ("3,2,1", "0,1/10,1")
    orders = found["order_parameters"]
    slope = (1 + 0.2**2) / 2  # E phi'^2 of the second activation, and sigma_w^2 = 1 above it
    assert float(orders["qtilde1"][1]) == pytest.approx(slope, rel=1e-14)
    assert float(orders["qhat1"][2]) == pytest.approx(slope * (2 * float(orders["qhat1"][1]) + 0.1), rel=1e-13)


@pytest.mark.parametrize("ending", [".npy", ".csv", ".txt"])
def test_inputs_from_a_file(capsys, tmp_path, ending):
    inputs, path = np.array([[1.0, 2.0, 2.0], [2.0, -1.0, 2.0]]), tmp_path / f"inputs{ending}"
    if ending == ".npy":
        np.save(path, inputs)
    else:
        np.savetxt(path, inputs, delimiter="," if ending == ".csv" else " ")
    code, out, err = run(capsys, "network", "relu", "--inputs", str(path), "--width", "40", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["network"]["samples"] == 2
    assert found["network"]["input_norm"] == "3"
    assert float(found["order_parameters"]["qhat2"][0]) == pytest.approx(4 / 3, rel=1e-15)
    assert err.count("\n") <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tanh;relu;erf",), "give one activation or 2, not 3"),
        (("tanh;;relu", "--depth", "4"), "the formula is empty"),
        (("tanh; relu", "--param", "s=1"), "--param with several activations"),
        (("tanh", "--sigma-w2", "3,,1"), "no list of numbers"),
        (("tanh", "--sigma-b2", "1,2"), "3 layers: give one sigma_b2 or 3, not 2"),
        (("tanh", "--inputs", "no such file"), "cannot be read"),
        (("tanh", "--input-overlap", "2"), "more than input_norm = 1"),
        (("tanh", "--input-norm", "0"), "give a positive number"),
        (("tanh", "--samples", "5", "--input-overlap", "-0.2"), "is negative"),
        (("tanh", "--width", "0"), "width = 0 is not possible"),
    ],
)
def test_refusals_are_one_line(capsys, arguments, message):
    code, out, err = run(capsys, "network", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_table_of_words_is_refused(capsys, tmp_path):
    path = tmp_path / "words.csv"
    path.write_text("one,two\n")
    code, out, err = run(capsys, "network", "tanh", "--inputs", str(path))
    assert (code, out) == (2, "")
    assert "no table of numbers" in err


def test_a_report_is_about_one_activation(capsys, tmp_path):
    code, _, err = run(capsys, "report", "tanh; relu", "-o", str(tmp_path / "report"))
    assert code == 2
    assert "one activation" in err
    assert not list(tmp_path.iterdir())


def test_centred_and_single(capsys):
    """One input has no overlap: then a centred network is no exception, and a softmax of one output is constant."""
    found = run_json(
        capsys,
        "network",
        "tanh",
        "--sigma-b2",
        "0",
        "--width",
        "40",
        "--outputs",
        "1",
        "--samples",
        "1",
        "--simulate",
        "5",
    )
    assert float(found["statistics"]["F_cross"]["mean"]["value"]) == 0
    assert float(found["statistics"]["F_centred"]["mean"]["value"]) == 0
    assert found["simulation"]["F"]["mean"]["value"] > 0
    assert found["simulation"]["order_parameters"]["qhat2"] == []


def test_a_thousand_layers_in_words(capsys):
    code, out, _ = run(capsys, "network", "relu", "--depth", "1000", "--digits", "12", *SMALL)
    assert code == 0
    assert len(out.splitlines()) < 120


def test_figures_in_pieces(capsys, tmp_path):
    target = tmp_path / "fig3a.svg"
    command = (
        "claims",
        "figure",
        "karakida2020.fig3a",
        "--quick",
        "-o",
        str(target),
        "--resume",
        str(tmp_path / "pieces"),
    )
    assert run(capsys, *command)[0] == 0
    assert target.read_text().startswith("<?xml") or "<svg" in target.read_text()[:200]
    assert len(list((tmp_path / "pieces").iterdir())) == 5
    code, _, err = run(
        capsys, "claims", "figure", "pennington2018.fig2a", "--quick", "-o", str(target), "--resume", "x"
    )
    assert code == 2
    assert "leave --resume out" in err
