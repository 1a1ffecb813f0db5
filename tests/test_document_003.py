"""Every numbered equation of document 003, both figures and its propositions belong to a claim with a verdict to give."""

import re

import pytest

from fimtheory.catalogue import by_paper, find
from fimtheory.claims import Verdict
from fimtheory.report.paper_figures import FIGURES
from fimtheory.verification import verify

CLAIMS = by_paper("sun2016")
EQUATIONS = range(1, 82)
OTHER_PLACES = (
    "definition 1",
    "proposition 2",
    "figure 4",
    "figure 5",
    "section 4",
    "section 5.1",
    "section 5.2",
    "section 6",
)

# claim: what is printed differently
CORRECTED = {
    "sun2016.natural_families",  # F is the logarithm of the moment generating function
    "sun2016.dual_coordinates",  # A^(-T), not A^(-1)
    "sun2016.estimators",  # the variance I^-1/n, not I^-1/sqrt n
    "sun2016.sec3.1.4",  # nu of ELU is continuous for alpha = 1 alone
    "sun2016.eq26",  # f' f', not nu nu
    "sun2016.eq65",  # ln 2 pi once an output
    "sun2016.sec4_rank",  # D_h min(n, D_x + 1)
    "sun2016.eqs51_53",  # x for x~
    "sun2016.sec6_mirror",  # Bregman's divergence
    "sun2016.sec5_2_normalisation",
    "sun2016.fig4",  # only where the classes are separable
    "sun2016.fig5",  # Adam comes deeper on separable images
    "sun2016.sec5_2_sharp",
    "sun2016.sec5_2_variation",
    "fimtheory.relative.two_layer_scores",
}


def equations(location):
    """The numbers in ``eqs. 22, 66-70 and 75``.

    >>> sorted(equations("eqs. 5, 6-7 and 9; section 12"))
    [5, 6, 7, 9]
    """
    found = set()
    for listed in re.findall(r"eqs?\. ([\d\-, and]+)", location):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", listed):
            found.update(range(int(first), int(last or first) + 1))
    return found


@pytest.mark.parametrize("number", EQUATIONS)
def test_every_equation_has_a_claim(number):
    assert [c.id for c in CLAIMS if number in equations(c.source.location)]


@pytest.mark.parametrize("place", OTHER_PLACES)
def test_every_other_place_has_a_claim(place):
    assert [c.id for c in CLAIMS if place in c.source.location.lower()]


def test_the_printed_forms_that_differ():
    assert {c.id for c in CLAIMS if c.as_printed} == CORRECTED


def test_printed_sentences_on_the_network_experiment_are_refuted():
    """On the same networks, trained once; the other printed forms are refuted in the tests of their own claims."""
    for id in ("sun2016.fig5", "sun2016.sec5_2_sharp", "sun2016.sec5_2_variation"):
        evidence = verify(find(id), quick=True)
        assert evidence.status == "corrected", [c for c in evidence.checks if c.verdict is not Verdict.SUPPORTED]


def test_figures_belong_to_claims():
    own = ("neuron_scores", "conditioning", "batch_law")
    for id in ("sun2016.fig4", "sun2016.fig5", *(f"fimtheory.relative.{name}" for name in own)):
        assert id in FIGURES
        assert find(id)
