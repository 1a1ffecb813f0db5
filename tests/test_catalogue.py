"""The catalogue: permanent ids, ways to find a claim, and sources that exist."""

import re

import pytest

from fimtheory.catalogue import by_paper, claims, find, search
from fimtheory.claims import Source, claim
from fimtheory.errors import InputError
from fimtheory.references import PAPERS
from fimtheory.report.mathml import to_mathml
from tests.test_latex import balanced


def test_ids_are_unique_and_sorted():
    ids = [c.id for c in claims()]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"[a-z0-9]+(\.[A-Za-z0-9_.]+)+", id) for id in ids)
    # Permanent: an id once given out stays.
    assert {"karakida2020.thm3.1", "karakida2020.sec3.2", "karakida2020.sec4.1", "karakida2020.thm5.1"} <= set(ids)


@pytest.mark.parametrize("c", claims(), ids=lambda c: c.id)
def test_every_claim_is_complete(c):
    assert c.title
    assert c.statement
    assert c.source.paper in PAPERS or c.source.paper == "fimtheory"
    assert c.source.location
    assert isinstance(c.assumptions, tuple)
    assert c.assumptions
    assert c.module.startswith("fimtheory.theory.")
    assert balanced(c.statement)
    to_mathml(c.statement, display=True)
    to_mathml(c.as_printed or c.statement, display=True)
    assert (c.as_printed is None) == (c.predict_printed is None)
    assert c.as_printed is None or (balanced(c.as_printed) and c.as_printed != c.statement)


def test_find():
    assert find("karakida2020.thm3.1").source == Source("karakida2020", "Theorem 3.1; eq. A.4")
    with pytest.raises(InputError, match=r"did you mean karakida2020\.thm5\.1"):
        find("karakida2020.thm5.2")
    with pytest.raises(InputError, match="fimtheory claims lists all"):
        find("qqq")


def test_search():
    assert find("karakida2020.thm3.1") in search("largest eigenvalue F")
    assert find("karakida2020.sec4.1") in search("TANGENT kernel")
    assert search("tangent kernel") != search("eigenvalue")
    assert search("no such words") == ()
    assert set(search("")) == set(claims())


def test_by_paper():
    found = by_paper("karakida2020")
    assert found
    assert {c.source.paper for c in found} == {"karakida2020"}
    with pytest.raises(InputError, match="the papers are"):
        by_paper("nobody1900")


def test_an_id_is_given_once():
    with pytest.raises(RuntimeError, match="registered twice"):
        claim("karakida2020.thm3.1", title="", statement="", source=Source("karakida2020", ""))(lambda _: {})
