"""Every statement of the abstracts of documents 000 and 001 belongs to a claim, and each claim has a verdict to give."""

import pytest

from fimtheory.catalogue import by_paper, find
from fimtheory.claims import Verdict
from fimtheory.report.paper_figures import FIGURES
from fimtheory.verification import verify

PLACES = {
    "takeishi2021": ["statement 1", "statement 2", "statement 3", "approximate eigenvalues", "share of the trace"],
    "ho2025": ["F_0", "F_l", "F_{gamma gamma}", "F_{alpha beta}", "orthogonality", "gradient descent"],
}


@pytest.mark.parametrize(("paper", "place"), [(paper, place) for paper in PLACES for place in PLACES[paper]])
def test_every_statement_has_a_claim(paper, place):
    assert [claim.id for claim in by_paper(paper) if place in claim.source.location]


def test_the_printed_forms_that_differ():
    """What holds in a limit of the dimension alone, or in the mean over a cluster, is printed as if it always held."""
    printed = {claim.id for paper in PLACES for claim in by_paper(paper) if claim.as_printed}
    assert printed == {"takeishi2021.clusters", "takeishi2021.hadamard", "ho2025.hadamard_squares"}


@pytest.mark.parametrize("id", ["takeishi2021.values", "takeishi2021.share", "takeishi2021.ky_fan"])
def test_what_needs_no_simulation_holds(id):
    assert verify(find(id)).verdict is Verdict.SUPPORTED


def test_figures_belong_to_claims():
    for id in ("ho2025.offdiagonal_form", "ho2025.gradient_descent", "fimtheory.regimes.decomposition"):
        assert id in FIGURES
        assert find(id)
