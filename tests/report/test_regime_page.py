"""The page on three regimes, and its figure, from small layers."""

import pytest

from fimtheory.errors import InputError
from fimtheory.report import figures, regime_figures
from fimtheory.report.three_regimes import write
from fimtheory.theory.three_regimes import ThreeRegimes
from fimtheory.verification import three_regimes as verification
from fimtheory.verification.three_regimes import RegimeSetting, picture


@pytest.fixture
def small(monkeypatch):
    """A page in a second."""
    monkeypatch.setattr(verification, "_QUICK", ((3, 60), (0.5, 40, 4), (5, 60, 4)))
    tiny = RegimeSetting(widths=(24, 36, 48), n_networks=(12, 10, 8), resolution=0.5)
    monkeypatch.setattr(RegimeSetting, "quick", classmethod(lambda cls: tiny))


def test_a_page_is_whole(small, tmp_path):
    written = write("relu", tmp_path / "relu.html", quick=True)
    assert [path.relative_to(tmp_path).as_posix() for path in written.files] == [
        "relu.html",
        "relu.tex",
        "figures/three_regimes.pdf",
    ]
    page, tex = (path.read_text(encoding="utf-8") for path in written.files[:2])
    assert len(written.checks) == 7
    assert not written.contradicted
    for check in written.checks:
        assert f"{check.predicted:.5g}" in page
    assert "<svg" in page
    assert "Seed 1" in page
    assert "m = 40$ units in $d = 80$" in tex
    assert r"\frac{1}{2 \pi}" in tex  # b_0^2
    assert not list(tmp_path.glob("*.part"))


def test_a_centred_activation_says_what_is_left(small, tmp_path):
    written = write("sin(x)/3+cos(x)-exp(-1/2)", tmp_path / "x.html", quick=True)
    page = written.files[0].read_text(encoding="utf-8")
    assert [check.observable for check in written.checks][-1] == "regimes.pair"
    assert "inputs that do not overlap have no outlier" in page
    assert "two eigenvalues of degree 0 stand beside the bulk" in page


def test_a_linear_layer_has_no_ridge(small, tmp_path):
    page = write("linear", tmp_path / "linear.html", quick=True)
    assert "nothing but degree 1" in page.files[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["abs", "linear"])
def test_panels_of_extreme_activations(small, name):
    """Without degree 1 there is no curve in the middle, without others no ridge; every drawing is finite."""
    drawn = regime_figures.draw(True, None, name)
    strip, groups, bulk, overlaps = drawn.axes
    assert len(strip.patches) == {"abs": 4, "linear": 1}[name]
    assert len(bulk.lines) == {"abs": 1, "linear": 1}[name]  # the ridge, or the curve
    assert groups.get_xlabel() == "rank"
    assert overlaps.collections
    assert "nan" not in figures.to_svg(drawn)


def test_one_colour_a_degree(small):
    """The strip, the groups and the areas of the same degree look the same."""
    found = picture(ThreeRegimes("relu", regime_figures.DEGREES), quick=True)
    strip, groups, _, overlaps = regime_figures.three_panels(found).axes
    assert figures.ORANGE.lower() == _hex(strip.patches[0].get_facecolor())
    assert groups.lines[0].get_color() == figures.ORANGE
    assert _hex(overlaps.collections[0].get_facecolor()[0]) == figures.ORANGE.lower()


def _hex(colour):
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour[:3])


@pytest.mark.parametrize(
    ("f", "path", "match"),
    [
        ("relu", "page.pdf", "end the name in .html"),
        ("relu", "nowhere/page.html", "no directory"),
        ("exp(x)", "page.html", "infinite"),
        ("leaky_relu", "page.html", "free parameters"),
    ],
)
def test_refused(small, tmp_path, f, path, match):
    with pytest.raises(InputError, match=match):
        write(f, tmp_path / path, quick=True)
    assert not list(tmp_path.iterdir())
