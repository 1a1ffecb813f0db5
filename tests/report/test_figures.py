import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.report import figures, spectrum_figures

X = np.linspace(-2, 2, 21)
WIDTHS = np.array([64, 128, 256, 512])
LADDER = {
    "widths": WIDTHS, "means": 1 + 1 / WIDTHS, "standard_errors": np.full(4, 0.01), "theory": 1.0,
    "extrapolated": 1.001, "extrapolated_se": 0.01, "fit_widths": [64, 1e9], "fit_values": [1.015, 1.0],
    "label": r"$\kappa_1$",
}  # fmt: skip
CURVE = X, np.where(np.abs(X) < 2, 1 / (0.01 + (X + 2) ** 2), np.inf)
HISTOGRAM = np.linspace(-2, 2, 5), np.array([1.0, 2.0, 0.5, 0.1])
DRAW = {
    "activation": lambda: figures.activation_and_derivative(X, np.maximum(X, 0), X > 0, kinks=[0.0]),
    "spectrum": lambda: figures.hermite_spectrum([0.4, 0.5, 0.3, 0, -0.1], log=True),
    "dual": lambda: figures.dual_curves(X / 2, X**2, X**3),
    "orders": lambda: figures.order_parameters(range(3), [1, 2, 3], [1, 1, 1], range(1, 3), [1, 2], [0.5, 0.6]),
    "ladder": lambda: figures.ladder(**LADDER),
    "grid": lambda: figures.ladder_grid([LADDER] * 5),
    "density": lambda: spectrum_figures.density(CURVE, {"z1": -2.0, "z4": -2.0, "z6": 2.0}, [(0.5, 0.25)], HISTOGRAM),
    "atoms": lambda: spectrum_figures.density((X, 0 * X), {}, [(0.0, 0.5), (1.0, 0.5)]),
    "densities": lambda: spectrum_figures.densities({"a": CURVE, "b": CURVE}),
    "histograms": lambda: spectrum_figures.histograms({"a": (CURVE, HISTOGRAM, 32)}),
    "convergence": lambda: spectrum_figures.convergence(CURVE, {"n = 8": HISTOGRAM}),
    "gain": lambda: spectrum_figures.conditioning_and_gain(X, 2 + X**2, [0, 1], [0.5, 0.4], [0.1, 0.1], r"\alpha"),
    "optimal": lambda: spectrum_figures.optimal_activation(X, X**3, {"x": X}, "a title"),
}


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_svg_is_deterministic_and_adapts(draw):
    figure = draw()
    svg = figures.to_svg(figure)
    assert svg == figures.to_svg(figure) == figures.to_svg(draw())
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert not re.search(r"(?<!, )#[0-9a-f]{6}\b", svg), "a colour that a dark page could not change"
    assert all(value.startswith("#") for e in root.iter() for key, value in e.attrib.items() if key.endswith("href"))
    assert "<metadata" not in svg
    assert "<style" not in svg
    assert "<!DOCTYPE" not in svg


def test_pdf_is_deterministic():
    first, second = (figures.to_pdf_bytes(DRAW["ladder"]()) for _ in range(2))
    assert first == second
    assert first.startswith(b"%PDF")


def test_curves_are_interrupted_at_kinks():
    left, right = DRAW["activation"]().axes
    for axes in (left, right):
        curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
        assert [bool(np.all(np.asarray(line.get_xdata()) < 0)) for line in curves] == [True, False]


def test_ladder_shows_zero_theory_and_extrapolation():
    (axes,) = DRAW["ladder"]().axes
    assert 0.0 in axes.get_xticks()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["theory", "measured", "extrapolated"]


def test_spectrum_is_a_share():
    (axes,) = figures.hermite_spectrum([3, -4]).axes
    heights = sorted(patch.get_height() for patch in axes.patches)
    assert heights == pytest.approx([9 / 25, 16 / 25])


def test_pyplot_is_never_loaded():
    code = "import sys, fimtheory.report.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_files_by_suffix(tmp_path):
    for suffix, magic in ((".svg", b"<svg"), (".pdf", b"%PDF"), (".png", b"\x89PNG")):
        path = tmp_path / f"drawing{suffix}"
        figures.save(DRAW["densities"](), str(path))
        assert path.read_bytes().startswith(magic)
    with pytest.raises(InputError, match="end the name in"):
        figures.save(DRAW["densities"](), str(tmp_path / "drawing.gif"))
    with pytest.raises(OSError, match="No such file"):
        figures.save(DRAW["densities"](), str(tmp_path / "nowhere" / "drawing.svg"))
    assert len(list(tmp_path.iterdir())) == 3


def test_equal_special_points_share_their_name():
    texts = [text.get_text() for text in DRAW["density"]().axes[0].texts]
    assert texts == ["$z_{1,4}$", "$z_{6}$"]


def test_atoms_alone_are_stems():
    (axes,) = DRAW["atoms"]().axes
    assert axes.get_ylabel() == "mass of the atom"
