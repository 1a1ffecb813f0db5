"""The whole report, small: files, contents, verdicts, and nothing computed twice or left behind."""

import json
from html.parser import HTMLParser

import pytest

from fimtheory.activations import activation
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.report.activation_report import write_report
from fimtheory.report.content import Content, ReportOptions
from fimtheory.theory.deep_network import DeepNetwork

SMALL = ReportOptions(ladder=(16, 24, 32), networks=6)


def network(formula: str, **values) -> DeepNetwork:
    return DeepNetwork(activation(formula, **values), 3, "2", "0.1", outputs=2, samples=5)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_report(network("gelu"), tmp_path_factory.mktemp("out") / "report", SMALL)


def test_files(written):
    names = {"index.html", "gelu.tex", "report.json"}
    figures = {"activation", "hermite", "dual", "spectrum", "order_parameters", "ladder"}
    names |= {f"figures/{name}.{suffix}" for name in figures for suffix in ("svg", "pdf")}
    assert set(written.files) == names
    assert {str(p.relative_to(written.directory)) for p in written.directory.rglob("*") if p.is_file()} == names
    assert list(written.directory.parent.iterdir()) == [written.directory]


def test_page_is_self_contained_and_complete(written):
    page = (written.directory / "index.html").read_text(encoding="utf-8")
    HTMLParser().feed(page)
    for source in ("http://", "https://"):
        assert f'src="{source}' not in page
        assert f'href="{source}' not in page
    for title in ("Gaussian constants", "The dual kernel", "Order parameters", "Theory beside simulation"):
        assert title in page
    assert page.count("<math") > 40


def test_data_file_holds_what_the_page_shows(written):
    data = json.loads((written.directory / "report.json").read_text(encoding="utf-8"))
    assert data["eta"]["formula"] == "sqrt(3)/(6*pi) + 1/3"


def test_summary_fits_a_screen_and_ends_with_the_path(written):
    lines = written.text().splitlines()
    assert len(lines) < 24
    assert lines[-1].endswith("index.html")
    assert {check.observable for check in written.checks} == {
        f"deep.{metric}.{name}" for metric in ("F", "NTK") for name in ("mean", "second_moment", "lambda_max")
    }


def test_the_same_seed_writes_the_same_page(written, tmp_path):
    again = write_report(network("gelu"), tmp_path / "report", SMALL)
    first, second = ((w.directory / "index.html").read_text(encoding="utf-8") for w in (written, again))
    assert first == second


@pytest.mark.parametrize(
    "formula", ["x*Phi(2*x)", "tanh", "hardtanh", "where(x < 0, exp(x) - 1, x)", "abs(x)*exp(-x**2)"]
)
def test_odd_activations_without_simulation(formula, tmp_path):
    w = write_report(network(formula), tmp_path, ReportOptions(networks=0))
    assert (w.directory / "index.html").stat().st_size > 50_000
    assert w.checks == ()


def test_an_activation_formula_is_text_not_markup(tmp_path):
    content = Content(network("x*Phi(x) + 0*where(x < 1, 1, 2)"), ReportOptions(networks=0), None)
    assert "<1" not in content.slug
    write_report(content.network, tmp_path, ReportOptions(networks=0))


def test_refusals(tmp_path):
    with pytest.raises(OutsideAssumptions):
        write_report(DeepNetwork(activation("tanh"), 3, "2", "0"), tmp_path, SMALL)
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match="is a file"):
        write_report(network("gelu"), tmp_path / "file", SMALL)
    assert (tmp_path / "file").read_text() == "kept"
    with pytest.raises(InputError, match="three widths"):
        ReportOptions(ladder=(8, 8, 16))
