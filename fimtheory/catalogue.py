"""Every claim of the package, found by id, by paper or by words."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re

from fimtheory import theory
from fimtheory.claims import Claim, registered
from fimtheory.errors import InputError
from fimtheory.references import OURS, PAPERS


def claims() -> tuple[Claim, ...]:
    """All claims, in the order of their ids.

    >>> "karakida2020.thm3.1" in [claim.id for claim in claims()]
    True
    """
    for module in pkgutil.iter_modules(theory.__path__, theory.__name__ + "."):
        importlib.import_module(module.name)
    return tuple(claim for _, claim in sorted(registered().items()))


def find(id: str) -> Claim:
    """The claim of an id; :class:`InputError` names the nearest where there is none."""
    by_id = {claim.id: claim for claim in claims()}
    if id not in by_id:
        close = difflib.get_close_matches(id, by_id, n=1, cutoff=0.3)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise InputError(f"no claim {id!r}{hint}: fimtheory claims lists all {len(by_id)}")
    return by_id[id]


def by_paper(paper: str) -> tuple[Claim, ...]:
    """The claims of one paper, equations, figures and theorems in the paper's order; ``fimtheory`` are our own."""
    if paper not in (*PAPERS, OURS):
        raise InputError(f"no paper {paper!r}: the papers are {', '.join([*PAPERS, OURS])}")
    return tuple(sorted((claim for claim in claims() if claim.source.paper == paper), key=_place))


def _place(claim: Claim) -> tuple:
    """Numbers in an id count as numbers: eq2 comes before eq11."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", claim.id))


def search(words: str) -> tuple[Claim, ...]:
    """The claims whose id, title, statement or source hold every word."""
    wanted = words.lower().split()
    return tuple(
        claim
        for claim in claims()
        if all(w in f"{claim.id} {claim.title} {claim.statement} {claim.source.location}".lower() for w in wanted)
    )
