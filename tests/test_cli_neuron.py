"""fimtheory neuron as a user meets it: keys, values, derivations, averages, one-line refusals with exit code 2."""

import json
import math

import mpmath
import numpy as np
import pytest

from fimtheory.report.mathml import to_mathml
from tests.test_cli import run, run_json
from tests.test_latex import balanced

QUANTITY = {"formula", "latex", "value", "status"}


def test_the_documented_keys(capsys):
    found = run_json(capsys, "neuron", "gaussian:elu", "--sigma", "0.7", "--param", "alpha=1/4", "--at", "t=-0.5")
    assert set(found["nu"]) == QUANTITY
    assert found["agreement"] == "certified"
    assert found["formula"] == "Piecewise((25*exp(2*t)/196, t < 0), (100/49, True))"
    assert float(found["value"]) == pytest.approx(math.exp(-1) / 16 / 0.49, rel=1e-15)
    assert found["values"][0]["t"] == "-0.5"
    assert found["kinks"][0]["left"]["formula"] == "25/196"
    for step in found["steps"]:
        assert balanced(step["latex"])
        to_mathml(step["latex"], display=True)


def test_tanh(capsys):
    found = run_json(capsys, "neuron", "bernoulli:tanh", "--at", "t=-1,0,1/2", "--digits", "30")
    assert found["formula"] == "1 - tanh(t)**2"
    assert found["response"]["outcomes"] == "-1, 1"
    with mpmath.workdps(40):
        for value, t in zip(found["values"], (-1, 0, mpmath.mpf(1) / 2), strict=True):
            assert abs(mpmath.mpf(value["nu"]["value"]) - mpmath.sech(t) ** 2) < mpmath.mpf(10) ** -29


def test_a_kink_names_the_value_that_is_used(capsys):
    code, out, _ = run(capsys, "neuron", "gaussian:relu", "--at", "t=0")
    assert code == 0
    assert "undefined at the kink t = 0: 0 on the left, 1 on the right, which is used" in out


def test_averages_over_inputs(capsys):
    """Against mpmath quadrature of sech^2, with the bias weight, too."""
    found = run_json(capsys, "neuron", "bernoulli:tanh", "--variance", "1", "--bias", "1/2")["expected"]
    values = [float(e["value"]) for e in found["eigenvalues"]]
    moment = [
        float(mpmath.quad(lambda z, k=k: mpmath.sech(z + 0.5) ** 2 * z**k * mpmath.npdf(z), [-12, -2, 0, 2, 12]))
        for k in range(3)
    ]
    middle, root = (moment[2] + moment[0]) / 2, math.hypot((moment[2] - moment[0]) / 2, moment[1])
    assert values == pytest.approx([moment[0], middle - root, middle + root], rel=1e-12)
    free = run_json(capsys, "neuron", "poisson:exp", "--variance", "q")["expected"]
    assert free["condition_number"]["formula"] == "q + 1"


def test_a_mini_batch(capsys):
    """A rectifier sees half of its inputs: a Marchenko-Pastur law of ratio 2 d/n, halved."""
    arguments = ["gaussian:relu", "--variance", "1", "--dim", "100", "--samples", "800"]
    batch = run_json(capsys, "neuron", *arguments)["expected"]["batch"]
    assert batch["edges"] == pytest.approx([(1 - 0.5) ** 2 / 2, (1 + 0.5) ** 2 / 2], abs=1e-9)
    assert batch["condition_number"] == pytest.approx(9, abs=1e-6)
    code, out, _ = run(capsys, "neuron", "poisson:exp", "--variance", "1", "--dim", "10", "--samples", "40")
    assert code == 0
    assert "unbounded" in out


def test_softmax(capsys):
    found = run_json(capsys, "neuron", "softmax:linear", "--classes", "3", "--at", "t=0,1,-1")
    assert found["rank"] == 2
    matrix = [[float(e["value"]) for e in row] for row in found["values"][0]["matrix"]]
    assert [sum(row) for row in matrix] == pytest.approx([0, 0, 0], abs=1e-15)
    assert matrix[0][1] == pytest.approx(-math.e / (1 + math.e + math.exp(-1)) ** 2, rel=1e-14)
    code, out, _ = run(capsys, "neuron", "softmax:tanh", "--classes", "2")
    assert code == 0
    assert "rank of S: 1" in out


def test_theory_beside_answers_that_are_drawn(capsys):
    arguments = ["gaussian:elu", "--sigma", "0.7", "--param", "alpha=1/4", "--simulate", "4000", "--at", "t=0,-1,1"]
    code, out, _ = run(capsys, "neuron", *arguments, "--json")
    points = json.loads(out)["simulation"]["points"]
    assert code == 0
    assert [point["t"] for point in points] == [-1.0, 1.0]  # not at the kink
    for point in points:
        assert abs(point["z"]) < 5
        assert point["standard_error"] < 0.05 * point["nu"]


def test_a_silent_neuron_is_no_contradiction(capsys):
    """Where nu is 0, squares of rounding are no evidence against it, however little they scatter."""
    arguments = ["gaussian:relu", "--simulate", "200", "--seed", "99999999999999999999", "--at", "t=-2,-1"]
    code, out, _ = run(capsys, "neuron", *arguments, "--json")
    assert code == 0
    assert all(abs(point["z"]) < 1e-6 for point in json.loads(out)["simulation"]["points"])


def test_a_wrong_metric_falls_short(capsys, monkeypatch):
    from fimtheory.theory.relative_fisher import Neuron

    monkeypatch.setattr(Neuron, "numpy", property(lambda self: lambda t: 1.1 * (1 - np.tanh(t) ** 2)))
    assert run(capsys, "neuron", "bernoulli:tanh", "--simulate", "100000")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gaussian:relu", "--sigma", "0"], "sigma = 0 is not possible"),
        (["gaussian:relu", "--sigma", "-1"], "sigma = -1 is not possible"),
        (["bernoulli:tanh", "--outcomes", "0,1"], "probability is (1 + f)/2"),
        (["bernoulli:relu"], "write gaussian:relu, or --natural"),
        (["gaussian:sign"], "jumps at 0"),
        (["poisson:relu", "--variance", "1"], "E nu is infinite"),
        (["gaussian"], "write RESPONSE:ACTIVATION"),
        (["gaussian:relu", "--at", "x=1"], "--at t=-0.5"),
        (["gaussian:relu", "--at", "t="], "--at t=-0.5"),
        (["gaussian:relu", "--kappa", "2"], "--kappa belongs to von_mises, not to gaussian"),
        (["family:x", "--sigma", "2"], "--sigma belongs to gaussian, not to family"),
        (["gaussian:relu", "--classes", "2"], "--classes belongs to softmax, not to gaussian"),
        (["gaussian:relu", "--param", "beta=2"], "no parameter 'beta'"),
        (["gaussian:relu", "--variance", "-1"], "--variance -1 is not positive"),
        (["gaussian:relu", "--bias", "1"], "say their variance"),
        (["gaussian:relu", "--dim", "3"], "say the variance"),
        (["gaussian:relu", "--variance", "1", "--dim", "3"], "write both"),
        (["gaussian:relu", "--variance", "q", "--dim", "3", "--samples", "9"], "needs a number"),
        (["gaussian:relu", "--variance", "1", "--dim", "0", "--samples", "9"], "dimension = 0 is not possible"),
        (["gaussian:elu", "--sigma", "1", "--param", "sigma=2"], "sigma is given twice"),
        (["softmax:linear", "--classes", "x"], "--classes x is not a whole number"),
        (["softmax:linear", "--classes", "99"], "2 to 8"),
        (["softmax:linear", "--at", "t=1"], "1 values for 3 classes"),
        (["softmax:linear", "--variance", "1"], "leave --variance out"),
        (["bernoulli:tanh", "--simulate", "5"], "write 100 or more"),
        (["bernoulli:tanh", "--simulate", "-5"], "--simulate -5 is not possible"),
        (["gaussian:elu", "--simulate", "1000"], "has free parameters"),
        (["gaussian:relu", "--simulate", "1000", "--at", "t=0"], "cannot be measured at a kink"),
        (["softmax:linear", "--simulate", "1000"], "leave --simulate out"),
        (["family:x", "--natural", "--log-partition", "exp(x)", "--simulate", "1000"], "no answer can be drawn"),
        (["gaussian:__import__('os').system('id')"], "not allowed"),
    ],
)
def test_refusals(capsys, arguments, words):
    code, out, err = run(capsys, "neuron", *arguments)
    assert code == 2
    assert not out
    assert words in err
    assert err.count("\n") == 1
