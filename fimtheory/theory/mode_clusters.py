"""One eigenvalue of the output-weight Fisher matrix with its multiplicity, and those that coincide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp
from mpmath import mp


@dataclass(frozen=True)
class KernelMode:
    """One eigenvalue: degree k, ``index`` of its radial mode, ``multiplicity`` N(d, k).

    ``eigenvalue`` is exact, or None where it is a ``number`` alone, with a stated absolute ``error``. While parameters of
    the activation are free, ``number`` is nan.
    """

    degree: int
    index: int
    multiplicity: int
    eigenvalue: sp.Expr | None
    number: mp.mpf
    error: float = 0.0

    @property
    def value(self) -> float:
        """The eigenvalue in double precision."""
        return float(self.number)

    @property
    def total(self) -> mp.mpf:
        """N(d, k) lambda: what the mode carries of the trace, in any dimension."""
        return self.multiplicity * self.number


@dataclass(frozen=True)
class Cluster:
    """Modes that share one eigenvalue."""

    modes: tuple[KernelMode, ...]

    @property
    def multiplicity(self) -> int:
        """How many eigenvalues it holds."""
        return sum(mode.multiplicity for mode in self.modes)

    @property
    def value(self) -> float:
        """Their common value."""
        return self.modes[0].value

    @property
    def degrees(self) -> tuple[int, ...]:
        """The degrees that meet here."""
        return tuple(mode.degree for mode in self.modes)


def clusters_of(modes: Iterable[KernelMode]) -> tuple[Cluster, ...]:
    """Modes of equal eigenvalue together, largest first, zeros left out."""
    groups: list[list[KernelMode]] = []
    for mode in sorted((m for m in modes if m.number > 0), key=lambda m: (-m.number, m.degree)):
        first = groups[-1][0] if groups else None
        if first is not None and abs(first.number - mode.number) <= 1e-13 * first.number + mode.error:
            groups[-1].append(mode)
        else:
            groups.append([mode])
    return tuple(Cluster(tuple(group)) for group in groups)
