"""What a claim is: an id, a statement, its source, and what can be checked about it.

Theory modules decorate the function that computes a result with :func:`claim`. It returns, by name, *predictions*: SymPy
expressions for observables, which simulation measures under the same names; and *statements*: equalities and
inequalities to be decided without simulation. Only :mod:`fimtheory.verification` sees both sides.
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
    """Where a statement was printed: a key of :mod:`fimtheory.references` and the place in that paper.

    ``paper`` is ``fimtheory`` for results of our own; ``location`` then names what they extend.
    """

    paper: str
    location: str


@dataclass(frozen=True)
class Identity:
    """Two SymPy expressions that are equal for all admissible values of their symbols; decided in ball arithmetic."""

    left: Any
    right: Any


@dataclass(frozen=True)
class Agreement:
    """Arrays of numbers found in two independent ways, which differ by at most ``tolerance``.

    The tolerance is known beforehand: the accuracy that the weaker route promises, or half a unit of the last printed
    digit. Both sides are functions, so that a catalogue costs nothing.
    """

    left: Callable[[], Any]
    right: Callable[[], Any]
    tolerance: float


@dataclass(frozen=True)
class Ordering:
    """Arrays of numbers of which the left ones are smaller than the right ones, by at least ``margin``."""

    left: Callable[[], Any]
    right: Callable[[], Any]
    margin: float = 0.0


Statement = Identity | Agreement | Ordering


@dataclass(frozen=True)
class GivenOutputs:
    """A statistic of one network, predicted from that network's own outputs: ``predict(outputs, width)``.

    ``outputs`` are the logits, of shape ``(N, C)``, and ``width`` is the scale M. For what does not average itself out
    in a wide network: measured over predicted, network by network, must tend to 1.
    """

    predict: Callable[[Any, int], float]


@dataclass(frozen=True)
class AtEveryWidth:
    """The expected value of an observable at every width scale M, not only in the limit: ``predict(width)``."""

    predict: Callable[[int], float]


@dataclass(frozen=True)
class Below:
    """An observable whose mean over runs is smaller than ``bound``: for qualitative statements on experiments.

    What is compared is measured as one number a run, such as the logarithm of a ratio of two losses.
    """

    bound: float = 0.0


@dataclass(frozen=True)
class Claim:
    """An executable statement with a permanent id.

    ``predict`` maps names to predictions (SymPy expressions in the width scale, one number times a power of it or a limit
    with its correction in 1/M; :class:`GivenOutputs`, :class:`AtEveryWidth` or :class:`Below`) or to statements;
    ``predict_printed`` does the same for the form in the source, where that differs, so that a misprint is refuted by the
    very check that supports the correction. ``subject`` says what they
    are functions of: a ``"deep_network"``; a ``"single_layer"`` or ``"rectangular_layer"`` with each of ``activations``
    (formulas or gallery names) in turn, or the ``"activation"`` of one, where its mean is not zero; other random
    networks, for which :mod:`fimtheory.verification` has settings; or nothing (``None``).
    """

    id: str
    title: str
    statement: str
    predict: Callable[..., dict]
    source: Source
    assumptions: tuple[str, ...] = ()
    as_printed: str | None = None
    predict_printed: Callable[..., dict] | None = None
    subject: str | None = "deep_network"
    activations: tuple[str, ...] = ()

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
    printed: Callable[..., dict] | None = None,
    subject: str | None = "deep_network",
    activations: tuple[str, ...] = (),
) -> Callable[[Callable], Callable]:
    """Register the decorated function as the executable form of a claim; the function itself is unchanged."""

    def register(predict: Callable) -> Callable:
        if id in _REGISTRY:
            raise RuntimeError(f"claim id {id!r} is registered twice")
        _REGISTRY[id] = Claim(
            id, title, statement, predict, source, assumptions, as_printed, printed, subject, activations
        )
        return predict

    return register


def registered() -> dict[str, Claim]:
    """All claims registered so far, by id; :mod:`fimtheory.catalogue` loads every module that has some."""
    return dict(_REGISTRY)
