"""What a claim is: an id, a statement, its source, and the observables in which it can be confronted.

Theory modules decorate the functions that compute a result with :func:`claim`; simulation names what it measures
by the same :class:`Observable` names; only :mod:`fimtheory.verification` sees both.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field


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

    ``observables`` are the names under which simulation measures what ``function`` predicts; ``as_printed`` is the
    LaTeX of the source where it differs from ``statement``; ``printed_function`` evaluates that printed form, so that
    a misprint is refuted by the same check that supports the correction.
    """

    id: str
    statement: str
    source: Source | None
    function: Callable
    assumptions: tuple[str, ...] = ()
    observables: tuple[str, ...] = ()
    as_printed: str | None = None
    printed_function: Callable | None = None
    symbols: tuple[str, ...] = field(default=())


_REGISTRY: dict[str, Claim] = {}


def claim(
    id: str,
    *,
    statement: str,
    source: Source | None = None,
    assumptions: tuple[str, ...] = (),
    observables: tuple[str, ...] = (),
    as_printed: str | None = None,
    printed: Callable | None = None,
    symbols: tuple[str, ...] = (),
) -> Callable[[Callable], Callable]:
    """Register the decorated function as the executable form of a claim; the function itself is unchanged."""

    def register(function: Callable) -> Callable:
        if id in _REGISTRY:
            raise RuntimeError(f"claim id {id!r} is registered twice")
        _REGISTRY[id] = Claim(
            id, statement, source, function, assumptions, observables, as_printed, printed, symbols
        )
        return function

    return register


def registered() -> dict[str, Claim]:
    """All claims registered so far, by id (import :mod:`fimtheory.catalogue` to have every theory module loaded)."""
    return dict(_REGISTRY)
