"""Random formulas in the language of the parser, right and wrong, and how many of them a run tries."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from fimtheory.activations.parser import FUNCTIONS

NIGHTLY = bool(os.environ.get("FIMTHEORY_NIGHTLY"))
PARAMETERS = {"a": "real", "s": "positive"}


def runs(few: int, many: int) -> settings:
    """``few`` examples, the same in every run; ``many`` others in every nightly one. They are shown as drawn."""
    return settings(
        max_examples=many if NIGHTLY else few,
        derandomize=not NIGHTLY,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def drawn(make: Callable[[Random], object]) -> st.SearchStrategy:
    """What ``make`` draws from a random generator of its own: examples resemble each other less than Hypothesis's do."""
    return st.integers(0, 2**64).map(lambda seed: make(Random(seed)))


_EXTREMES = ["9" * 60, "9" * 61, *"1e30 1e-30 1e60 1e-60 1e61 64 65 0.000000001 1e400 0x10 2j 1__0".split()]
_UNKNOWN = "y t relux __import__ eval x1 q c sinus é lambda None True self".split()
_FORBIDDEN = (
    "{0}^{1} | {0}.real | {0}[{1}] | {0} < {1} | not {0} | ({0}, {1}) | [{0}] | {0} if {1} else 0 | {0}//{1} | {0}%{1}"
    " | {0}@{1} | lambda: {0} | f'{0}' | {0}; {1} | {0}! | ({0} | {0}) | {0} {1} | ~{0} | x := {0} | where({0}, {1}, 0)"
    " | where(0 < {0} < 1, {1}, 0) | max({0}, key={1}) | max(*{0}) | {0}.__class__({1}) | 'x'*{0} | {0} and {1} | # {0}"
).split(" | ")
_CHARACTERS = "()+-*/.,<>=_ \n\0'\"\\#0123456789exsa^|{}[]@:;!~é∞"


class Grammar:
    """Formulas of a given depth; ``odd`` is the share of what no formula may contain."""

    def __init__(self, random: Random, odd: float = 0.0) -> None:
        self.random, self.odd = random, odd

    def formula(self, depth: int) -> str:
        if self.random.random() < self.odd:
            return self._forbidden(depth)
        if depth == 0 or self.random.random() < 0.15:
            return self._leaf()
        kinds = {self._operation: 5, self._call: 5, self._power: 1, self._opposite: 1}
        (kind,) = self.random.choices(list(kinds), list(kinds.values()))
        return kind(depth - 1)

    def _leaf(self) -> str:
        one = self.random.randint
        numbers = [f"{one(0, 12)}", f"{one(1, 40)}/{one(1, 40)}", f"{one(0, 9)}.{one(0, 999)}"]
        return self.random.choice(["x", "x", "x", "x", *PARAMETERS, "pi", "e", ".5", "3.", "1_000", *numbers])

    def _space(self) -> str:
        return self.random.choice(["", "", "", " ", "  ", "\t", "\n"])

    def _operation(self, depth: int) -> str:
        operator = self._space() + self.random.choice("+-*/+-*") + self._space()
        return self.random.choice(["({}{}{})", "{}{}{}"]).format(self.formula(depth), operator, self.formula(depth))

    def _power(self, depth: int) -> str:
        exponents = ["0", "1", "2", "2", "3", "3", "-1", "1/2", "7", "64", "(-2)", self.formula(0)]
        return f"({self.formula(depth)})**{self.random.choice(exponents)}"

    def _opposite(self, depth: int) -> str:
        return f"-{self.formula(depth)}"

    def _call(self, depth: int) -> str:
        name = self.random.choice(list(FUNCTIONS))
        arguments = [self.formula(depth) for _ in range(self.random.choice(FUNCTIONS[name][1]))]
        if name == "where":
            arguments[0] += self._space() + self.random.choice("< <= > >=".split()) + self.formula(0)
        return f"{name}({self._space()}{', '.join(arguments)}{self._space()})"

    def _forbidden(self, depth: int) -> str:
        """Extreme numbers, unknown names, wrong numbers of arguments, and syntax of other languages."""
        kind, inner = self.random.randrange(4), max(0, depth - 1)
        if kind == 0:
            return self.random.choice(_EXTREMES)
        if kind == 1:
            return self.random.choice(_UNKNOWN)
        if kind == 2:
            name = self.random.choice([*FUNCTIONS, *_UNKNOWN])
            return f"{name}({','.join(self.formula(inner) for _ in range(self.random.randint(0, 5)))})"
        return self.random.choice(_FORBIDDEN).replace("{0}", self.formula(inner)).replace("{1}", self.formula(0))


def well_formed(random: Random) -> str:
    """A formula that the parser may still refuse, of a division by zero for instance."""
    return Grammar(random).formula(random.choice([1, 2, 2, 3]))


def odd(random: Random) -> str:
    """A formula with something strange or forbidden in it, mostly."""
    return Grammar(random, odd=0.15).formula(random.choice([1, 2, 3, 4]))


def mutated(random: Random) -> str:
    """A formula with a few characters lost, doubled, replaced or inserted."""
    text = well_formed(random)
    for _ in range(random.randint(1, 4)):
        place = random.randint(0, len(text))
        new = "".join(random.choices(_CHARACTERS, k=random.randint(0, 2)))
        text = text[:place] + new + text[place + random.randint(0, 2) :]
    return text


def repeated(random: Random) -> str:
    """The same few characters over and over: nests, chains and numbers of any length."""
    piece, end = random.choice(
        [("(", "x"), ("-", "x"), ("x+", "x"), ("exp(", "x"), ("x**", "x"), ("1", ""), ("[", ""), ("~", "x")]
    )
    times = random.choice([3, 30, 59, 61, 150, 300, 1000, 3000])
    closed = ")" * times if "(" in piece and random.random() < 0.8 else ""
    return piece * times + end + closed


WELL_FORMED = drawn(well_formed)
ANYTHING = st.one_of(
    drawn(odd),
    drawn(odd),
    drawn(mutated),
    drawn(repeated),
    st.text(max_size=80),
    st.binary(max_size=80).map(lambda data: data.decode("utf-8", "surrogateescape")),
)
