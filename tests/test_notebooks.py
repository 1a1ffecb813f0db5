"""The notebooks run from top to bottom, and end where they say they end."""

import os
import runpy
from pathlib import Path

import pytest

from fimtheory.claims import Verdict

NOTEBOOKS = sorted(Path(__file__).parents[1].joinpath("notebooks").glob("*.py"))


@pytest.fixture(scope="module")
def executed():
    """Execute a notebook once: what it defined and what it printed."""
    done = {}

    def execute(path, capsys):
        if path not in done:
            namespace = runpy.run_path(str(path))
            done[path] = namespace, capsys.readouterr().out
        return done[path]

    return execute


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """A notebook needs no display and no working directory of its own."""
    monkeypatch.setitem(os.environ, "MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_teaches(path, executed, capsys, tmp_path):
    cells = path.read_text(encoding="utf-8").split("\n# %%")
    texts = [cell for cell in cells if cell.startswith(" [markdown]")]
    assert len(texts) >= 5, "a notebook explains what it computes"
    assert any(line.startswith("# # ") for line in texts[0].splitlines()), "the first cell has the title"
    _, printed = executed(path, capsys)
    assert printed
    assert not list(tmp_path.iterdir()), "a notebook leaves no files behind"


def test_a_new_activation_reaches_its_verdict(executed, capsys):
    path = next(path for path in NOTEBOOKS if path.stem == "new_activation")
    found, printed = executed(path, capsys)
    assert float(found["constants"]["zeta"]) == 0.25  # E phi' = E Phi(2Z) + E 2Z density(2Z) = 1/2 + 0
    assert found["certified"]
    for left, right in found["sides"].values():
        assert abs((left - right).subs(found["point"]).evalf(30)) < 1e-20
    assert found["order"].qtilde1[3] == 1
    assert [check.verdict for check in found["checks"]] == [Verdict.SUPPORTED] * 3
    assert [check.verdict for check in found["wrong"]] == [Verdict.CONTRADICTED] * 3
    assert abs(found["kappa"](1.0, 1.0) - float(found["constants"]["eta"])) < 1e-14
    assert found["exported"] in printed
    for drawing in ("shape", "curves", "steps"):
        assert "<svg" in found["figures"].to_svg(found[drawing])


def test_the_paper_on_one_layer_reaches_its_conclusions(executed, capsys):
    path = next(path for path in NOTEBOOKS if path.stem == "pennington2018")
    found, printed = executed(path, capsys)
    assert found["slopes"].status == "corrected"
    assert str(found["best"].conditioning) == "21/19"
    low, high = found["law"].support[0]
    below, above = found["extreme_eigenvalues"](found["ACTIVATION"])
    assert below < low < high <= above
    assert abs(found["sample"].mean() - float(found["layer"].moment(1))) < 5 * found["sample"].std() / 20_000**0.5
    assert all(point.kind in printed for point in found["found"])
    assert "<svg" in found["figures"].to_svg(found["picture"])


def test_a_paper_is_worked_through(executed, capsys):
    """The notebook on deep networks: our forms hold, the printed ones do not, numbers meet one network of its own."""
    path = next(path for path in NOTEBOOKS if path.stem == "karakida2020")
    found, _ = executed(path, capsys)
    assert (found["evidence"].verdict, found["evidence"].printed_verdict) == (Verdict.SUPPORTED, Verdict.CONTRADICTED)
    assert found["number"].status == "corrected"
    assert len(found["softmax"].outliers) == found["network"].outputs - 1
    assert found["tops"][1] < found["tops"][2] < found["tops"][3]
    assert abs(found["inside"] - found["law"].cdf(4.0)) < 0.05  # eigenvalues are rigid: of order 1/N, and N = 150


def test_degrees_meet_in_one_picture(executed, capsys):
    """The notebook on kernel modes: its numbers meet its theories, with margins of finite width named there."""
    path = next(path for path in NOTEBOOKS if path.stem == "kernel_modes")
    found, _ = executed(path, capsys)
    for total, share, correction in found["shares"].values():  # the next term is of order 1/d^2
        assert abs(found["d_high"] * (total - share) - correction) < 1e-3
    for cluster in found["groups"].clusters[:3]:
        assert abs(found["means"][cluster.degrees[0]] / cluster.value - 1) < 5 / found["m"] ** 0.5
    gaps = [abs(value - found["limit"]) for value in found["between"].values()]
    assert gaps[0] > 3 * gaps[1] > 9 * gaps[2]  # of order 1/m, at widths that grow by four
    for theory, mean, error in found["overlaps"].values():
        assert abs(mean - theory) < 4 * error
    assert (found["right"][0].verdict, found["wrong"][0].verdict) == (Verdict.SUPPORTED, Verdict.CONTRADICTED)
    assert [form.is_eigenfunction for form, *_ in found["forms"].values()] == [True, True, True, False]
    for _, limit, sampled, error in found["forms"].values():
        assert (abs(sampled - limit) < 5 * error).all()
    assert list(found["times"]) == [0, 1, 2, 4]
    assert sorted(found["times"].values()) == list(found["times"].values())
    for drawing in ("drawing", "timetable"):
        assert "<svg" in found["figures"].to_svg(found[drawing])


def test_relative_metrics_reach_the_experiment(executed, capsys):
    """The notebook on document 003: forms agree, corrected statements are corrected, whitening and flips tell apart."""
    path = next(path for path in NOTEBOOKS if path.stem == "sun2016")
    found, printed = executed(path, capsys)
    assert found["unit"].certified
    assert printed.count("refused:") == 3
    assert [e.status for e in found["evidence"].values()] == ["certified", "corrected", "corrected"]
    assert (found["layer"].rank, found["softmax"].rank) == (15, 10)
    assert max(found["same_last"], found["given_above"]) < 1e-14
    assert found["first"] > 0.1
    assert found["table"][0].condition_number == 1.0
    straight, flipped = found["final"][0.0], found["final"][0.15]
    assert max(straight["NGD"], straight["WhiteNGD"]) < min(straight["GD"], straight["WhiteGD"])
    assert flipped["GD"] > max(flipped[name] for name in ("WhiteGD", "NGD", "WhiteNGD"))
    for drawing in ("drawing", "picture"):
        assert "<svg" in found["figures"].to_svg(found[drawing])
