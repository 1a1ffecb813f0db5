"""Statements that need no simulation: identities in ball arithmetic, numbers found in two independent ways, orderings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fimtheory.claims import Agreement, Identity, Ordering, Statement, Verdict
from fimtheory.errors import InputError, NotCertified
from fimtheory.gaussian.certification import equal


@dataclass(frozen=True)
class Decision:
    """The verdict on one statement; ``certified`` where the decision is a proof at the points that were tried."""

    observable: str
    verdict: Verdict
    reason: str
    certified: bool = False

    def __repr__(self) -> str:
        return f"<Decision {self.observable}: {self.verdict.value}, {self.reason}>"


def decide(name: str, statement: Statement) -> Decision:
    """Whether a statement holds. Raises :class:`InputError` where there is nothing to compare.

    >>> import sympy as sp
    >>> c = sp.Symbol("c", real=True)
    >>> decide("arcs", Identity(sp.asin(c) + sp.acos(c), sp.pi / 2))
    <Decision arcs: supported, equal in ball arithmetic at generic points>
    """
    match statement:
        case Identity():
            return _identity(name, statement)
        case Agreement():
            return _agreement(name, statement)
        case Ordering():
            return _ordering(name, statement)
    raise InputError(f"{name} is no statement but a {type(statement).__name__}")


def _identity(name: str, statement: Identity) -> Decision:
    try:
        holds = equal(statement.left, statement.right)
    except NotCertified as error:
        return Decision(name, Verdict.INCONCLUSIVE, str(error))
    if holds:
        return Decision(name, Verdict.SUPPORTED, "equal in ball arithmetic at generic points", certified=True)
    return Decision(name, Verdict.CONTRADICTED, "the two sides are proven different at a generic point", certified=True)


def _agreement(name: str, statement: Agreement) -> Decision:
    left, right = _pair(name, statement.left(), statement.right())
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        return Decision(name, Verdict.INCONCLUSIVE, "a number is not finite")
    worst = float(np.abs(left - right).max())
    verdict = Verdict.SUPPORTED if worst <= statement.tolerance else Verdict.CONTRADICTED
    return Decision(name, verdict, f"{_largest(left, worst)}, allowed {statement.tolerance:.1g}")


def _largest(left: np.ndarray, worst: float) -> str:
    count = f"{left.size} numbers differ by at most" if left.size > 1 else "the numbers differ by"
    return f"{count} {worst:.2g}"


def _ordering(name: str, statement: Ordering) -> Decision:
    left, right = _pair(name, statement.left(), statement.right())
    if np.isnan(left).any() or np.isnan(right).any():
        return Decision(name, Verdict.INCONCLUSIVE, "a number is undefined")
    least = float((right - left).min())
    verdict = Verdict.SUPPORTED if least >= statement.margin else Verdict.CONTRADICTED
    return Decision(name, verdict, f"the smallest difference of {left.size} is {least:.3g}")


def _pair(name: str, left, right) -> tuple[np.ndarray, np.ndarray]:
    kind = complex if np.iscomplexobj(left) or np.iscomplexobj(right) else float
    a, b = np.broadcast_arrays(np.asarray(left, kind), np.asarray(right, kind))
    if a.size == 0:
        raise InputError(f"{name} compares no numbers: a check without a sample point is none")
    return a, b
