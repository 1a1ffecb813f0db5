"""What a claim is: an id, a statement, its source, and the observables in which it can be confronted.

Theory modules decorate the function that computes a result with :func:`claim`; simulation names what it measures
by the same observable names; only :mod:`fimtheory.verification` sees both.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Verdict(enum.Enum):
    """The three answers of a check. ``INCONCLUSIVE`` is never shown as success."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Source:
    """Where a statement was printed: a key of :mod:`fimtheory.references` and the place in that paper."""

    paper: str
    location: str


@dataclass(frozen=True)
class Claim:
    """An executable statement with a permanent id.

    ``predict(network)`` maps observable names to predictions, SymPy expressions in the width scale M;
    ``predict_printed`` does the same for the form in the source, where that differs, so that a misprint is refuted by
    the very check that supports the correction.
    """

    id: str
    title: str
    statement: str
    predict: Callable[[Any], dict]
    source: Source
    assumptions: tuple[str, ...] = ()
    as_printed: str | None = None
    predict_printed: Callable[[Any], dict] | None = None

    @property
    def module(self) -> str:
        """The module that carries the statement."""
        return self.predict.__module__


_REGISTRY: dict[str, Claim] = {}


def claim(
    id: str,
    *,
    title: str,
    statement: str,
    source: Source,
    assumptions: tuple[str, ...] = (),
    as_printed: str | None = None,
    printed: Callable[[Any], dict] | None = None,
) -> Callable[[Callable], Callable]:
    """Register the decorated function as the executable form of a claim; the function itself is unchanged."""

    def register(predict: Callable) -> Callable:
        if id in _REGISTRY:
            raise RuntimeError(f"claim id {id!r} is registered twice")
        _REGISTRY[id] = Claim(id, title, statement, predict, source, assumptions, as_printed, printed)
        return predict

    return register


def registered() -> dict[str, Claim]:
    """All claims registered so far, by id; :mod:`fimtheory.catalogue` loads every module that has some."""
    return dict(_REGISTRY)
