"""Every numbered equation, theorem and figure of document 004 belongs to a claim, as its location says."""

import re

import pytest

from fimtheory.catalogue import by_paper
from fimtheory.report.paper_figures import draw

CLAIMS = by_paper("karakida2020")
EQUATIONS = [str(k) for k in range(1, 32)]
EQUATIONS += [f"{part}.{k}" for part, last in (("A", 11), ("B", 11), ("C", 2), ("D", 8)) for k in range(1, last + 1)]
_NUMBER = r"(?:[A-D]\.)?\d+"


def numbers(location):
    """The equations that a location names: ``eqs. 1 to 3, 5 and A.2; eq. 25``."""
    found = set()
    for words in re.findall(rf"eqs?\. ({_NUMBER}(?:(?: to |, | and |, and ){_NUMBER})*)", location):
        for first, last in re.findall(rf"({_NUMBER})(?: to ({_NUMBER}))?", words):
            part, _, low = first.rpartition(".")
            high = (last or first).rpartition(".")[2]
            found |= {f"{part}.{k}" if part else str(k) for k in range(int(low), int(high) + 1)}
    return found


def test_the_reading_of_locations():
    assert numbers("Theorem 3.1; eqs. A.4 to A.6") == {"A.4", "A.5", "A.6"}
    assert numbers("eqs. 1, 2, 3 and 5") == {"1", "2", "3", "5"}
    assert numbers("Section 4.1") == set()


@pytest.mark.parametrize("equation", EQUATIONS)
def test_every_equation_has_a_claim(equation):
    assert [claim.id for claim in CLAIMS if equation in numbers(claim.source.location)]


@pytest.mark.parametrize("place", ["Theorem 3.1", "Theorem 3.2", "Theorem 3.3", "Theorem 3.4", "Theorem 5.1", "Section 3.2",
                                   "Section 4.1", *(f"Figure {k}" for k in range(3, 8))])  # fmt: skip
def test_every_theorem_and_figure_has_a_claim(place):
    assert [claim.id for claim in CLAIMS if place in claim.source.location]


def test_reduced_figures_are_drawn(tmp_path):
    """The quickest of them in full; what it keeps is what it draws from the second time."""
    first = draw("karakida2020.fig7a", quick=True, directory=tmp_path)
    kept = sorted(tmp_path.iterdir())
    again = draw("karakida2020.fig7a", quick=True, directory=tmp_path)
    assert len(kept) == 5
    assert sorted(tmp_path.iterdir()) == kept
    for one, two in zip(first.axes, again.axes, strict=True):
        assert one.get_title() == two.get_title()
        assert [p.get_data().values.tolist() for p in one.patches] == [
            p.get_data().values.tolist() for p in two.patches
        ]
