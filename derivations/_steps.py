"""What the derivations share: an account of steps, and the two checks that every step has to pass.

A check returns its evidence in words, or raises :class:`Broken`; a step without evidence is no step.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sympy as sp
from mpmath import mp

DIGITS = 15  # every numerical check of every derivation; the working precision is WORKING
WORKING = 20


class Broken(AssertionError):
    """A step whose two sides differ."""


def identical(left, right, where: str = "") -> str:
    """Both sides are equal, shown by algebra; matrices and sequences entry by entry. ``where`` says for which cases."""
    for a, b in zip(_entries(left), _entries(right), strict=True):
        difference = sp.expand(a - b)
        if difference != 0 and sp.simplify(difference) != 0:
            raise Broken(f"{a} is not {b}: the difference is {difference}")
    return f"exactly {where}".strip()


def agreeing(left: Callable, right: Callable, variable: str, points: Sequence[sp.Rational]) -> str:
    """Two functions of one variable agree to ``DIGITS`` decimals at the points."""
    with mp.workdps(WORKING):
        for point in points:
            x = mp.mpf(point.p) / point.q
            a, b = left(x), right(x)
            if abs(a - b) > mp.mpf(10) ** -DIGITS:
                raise Broken(f"at {variable} = {point} the two sides are {a} and {b}")
    return f"to {DIGITS} decimals at ${variable} = {', '.join(map(str, points))}$"


def random_points(low: int, high: int, count: int, seed: int) -> list[sp.Rational]:
    """Rational points of (low, high), the same at every run."""
    draw = random.Random(seed)
    return [low + (high - low) * sp.Rational(draw.randrange(10, 90), 100) for _ in range(count)]


def _entries(side) -> list[sp.Expr]:
    return [sp.sympify(e) for e in side] if isinstance(side, sp.MatrixBase | list | tuple) else [sp.sympify(side)]


@dataclass(frozen=True)
class Step:
    """A sentence and its formula, LaTeX both, and why one may believe it."""

    sentence: str
    formula: str
    evidence: str

    def __str__(self) -> str:
        return f"\\item {self.sentence}\n  \\[ {self.formula} \\]\n  \\emph{{{self.evidence}}}"


@dataclass
class Account:
    """A derivation as it is read: title and steps in order; ``print`` gives LaTeX."""

    title: str
    steps: list[Step] = field(default_factory=list)
    landings: list[str] = field(default_factory=list)

    def define(self, sentence: str, formula: str) -> None:
        """A definition: there is nothing to check."""
        self.steps.append(Step(sentence, formula, "Definition."))

    def move(self, sentence: str, formula: str, *evidence: str) -> None:
        """A step that the script has checked."""
        if not evidence:
            raise Broken(f"no check of the move: {sentence}")
        self.steps.append(Step(sentence, formula, f"Checked {'; '.join(dict.fromkeys(evidence))}."))

    def limit(self, sentence: str, formula: str, reason: str) -> None:
        """A step that is no identity but holds as M grows: the reason says where its evidence is."""
        self.steps.append(Step(sentence, formula, f"Asymptotic. {reason}"))

    def land(self, target: str, sentence: str, formula: str, *evidence: str) -> None:
        """The comparison of what was derived with what the package claims under the name ``target``."""
        if not evidence:
            raise Broken(f"no comparison with {target}")
        self.landings.append(target)
        self.steps.append(Step(sentence, formula, f"Landing: compared {'; '.join(dict.fromkeys(evidence))}."))

    def __str__(self) -> str:
        steps = "\n".join(map(str, self.steps))
        return f"\\section*{{{self.title}}}\n\\begin{{enumerate}}\n{steps}\n\\end{{enumerate}}"
