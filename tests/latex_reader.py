r"""Reads a LaTeX formula the way a mathematician does, and evaluates it. Nothing of the package is used here.

Juxtaposition binds tighter than sums; a function without parentheses takes the next token, or fraction bar, only;
braces are invisible and group nothing. What two readers could read in two ways is refused: ``2 \frac{1}{3}``,
``\sin x^{2}``, ``\sin x \left(a + b\right)``, ``\sin x/2``, ``1/2 x``, ``a + -b``, ``q_1^2^{3}``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from operator import ge, gt, le, lt

from mpmath import mp, mpf

DIGITS = 30

_SPACE = re.compile(r"(?:\s|\\[,;: ]|\\quad(?![A-Za-z]))*")
_TOKEN = re.compile(
    r"\\left\||\\right\||\\(?:left|right)(?=[()\[\]])|\\(?:begin|end)\{cases\}|\\operatorname\{\w+\}"
    r"|\\text\{otherwise\}|\\mathbf\{1\}|\\Phi_2|\\\\|\\[A-Za-z]+|\d+(?:\.\d+)?|[-+/^,;<>&{}()\[\]e]"
)
_STOPS = {"", "+", "-", ")", "]", "}", ",", ";", "&", "<", ">", "/", r"\right|", r"\\", r"\end{cases}"}
_STOPS |= {r"\leq", r"\geq", r"\wedge"}
_RELATIONS = {"<": lt, ">": gt, r"\leq": le, r"\geq": ge}
_BARE = {rf"\{name}": getattr(mp, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "log")}
_BARE |= {r"\arccos": mp.acos, r"\arcsin": mp.asin, r"\arctan": mp.atan}
_CALLS = {
    **_BARE,
    r"\Phi": mp.ncdf,
    r"\Phi_2": lambda h, k, rho: _bivariate(h, k, rho, mp.prec),
    r"\sigma": lambda u: 1 / (1 + mp.exp(-u)),
    r"\max": max,
    r"\min": min,
    r"\operatorname{softplus}": lambda u: mp.log1p(mp.exp(u)),
    **{rf"\operatorname{{{name}}}": getattr(mp, name) for name in ("erf", "erfc", "sign")},
}


class Unreadable(ValueError):
    """The string is no formula, or one that can be read in two ways."""


def evaluate(latex: str, values: Mapping[str, object]) -> mpf:
    r"""The value of a formula, given the values of its symbols by their LaTeX.

    >>> evaluate(r"\frac{1}{2} \left(1 + x^{2}\right)", {"x": 3})
    mpf('5.0')
    """
    with mp.workdps(DIGITS + 15):
        reader = _Reader(_tokens(latex, values), {name: mp.convert(value) for name, value in values.items()})
        result = reader.sum()
        if reader.next:
            raise Unreadable(f"{reader.next!r} where the formula should end: {latex}")
    with mp.workdps(DIGITS):
        return +result


def _tokens(latex: str, symbols: Mapping[str, object]) -> list[str]:
    names = "|".join(re.escape(s) + "(?![A-Za-z])" * (s[0] == "\\") for s in sorted(symbols, key=len, reverse=True))
    pattern = re.compile(f"(?:{names})|{_TOKEN.pattern}" if names else _TOKEN.pattern)
    tokens, position = [], _SPACE.match(latex).end()
    while position < len(latex):
        match = pattern.match(latex, position)
        if not match:
            raise Unreadable(f"{latex[position:][:20]!r} is not known: {latex}")
        tokens += [match[0]] * (match[0] not in (r"\left", r"\right"))
        position = _SPACE.match(latex, match.end()).end()
    return tokens


class _Reader:
    """Recursive descent; ``kind`` says what the last factor was: a number, a power of one, a bare function, ..."""

    def __init__(self, tokens: list[str], values: dict[str, mpf]) -> None:
        self.tokens, self.values, self.at, self.kind = tokens, values, 0, ""

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def found(self, token: str) -> bool:
        self.at += (is_next := self.next == token)
        return is_next

    def take(self, token: str) -> None:
        if not self.found(token):
            self.refuse(f"{self.next or 'the end'} where {token} should be")

    def refuse(self, reason: str) -> None:
        raise Unreadable(f"{reason}: {' '.join(self.tokens)} after {' '.join(self.tokens[: self.at][-8:])}")

    def sum(self) -> mpf:
        value = -self.product() if self.found("-") else self.product()
        while True:
            if self.found("+"):
                value += self.product()
            elif self.found("-"):
                value -= self.product()
            else:
                return value

    def product(self) -> mpf:
        value = self.factor()
        while self.next not in _STOPS:
            left, dot = self.kind, self.found(r"\cdot")
            value *= self.factor()
            if not dot and self._is_ambiguous(left, self.kind):
                self.refuse(f"{left} beside {self.kind}")
        if self.next == "/":
            if self.kind == "bare":
                self.refuse("a function without parentheses before a slash")
            self.take("/")
            value /= self.factor()
            if self.next not in _STOPS - {"/"}:
                self.refuse("a product after a slash")
        return value

    @staticmethod
    def _is_ambiguous(left: str, right: str) -> bool:
        mixed = left == "number" and right in ("number power", "number fraction")
        return right == "number" or mixed or (left == "bare" and right not in ("bare", "call"))

    def factor(self) -> mpf:
        value = self.atom()
        if self.next == "^":
            if self.kind in ("bare", "fraction", "number fraction", "cases") or "^" in self.tokens[self.at - 1]:
                self.refuse(f"a power of {self.kind}")
            kind = {"number": "number power", "call": "call"}.get(self.kind, "other")
            self.take("^")
            value, self.kind = value ** self.argument(), kind
        if isinstance(value, mp.mpc) or self.next == "^":
            self.refuse(f"{value} is not real, or a double superscript")
        return value

    def argument(self) -> mpf:
        """What follows a superscript: a group in braces, or one token."""
        return self.closed("}") if self.found("{") else self.token()

    def token(self) -> mpf:
        name = self.next
        if name not in self.values and name not in (r"\pi", "e") and not re.fullmatch(r"\d", name):
            self.refuse("no single token")
        return self.atom()

    def atom(self) -> mpf:
        name = self.next
        self.at += 1
        self.kind = "other"
        if name in self.values:
            return self.values[name]
        if name[:1].isdigit():
            self.kind = "number"
            return mpf(name)
        readers = {
            "(": lambda: self.closed(")"),
            r"\left|": lambda: abs(self.closed(r"\right|")),
            r"\frac": self.fraction,
            r"\sqrt": self.root,
            r"\pi": lambda: +mp.pi,
            "e": lambda: +mp.e,
            r"\mathbf{1}": self.indicator,
            r"\begin{cases}": self.cases,
        }
        if name in readers:
            return readers[name]()
        if name not in _CALLS:
            self.refuse(f"{name or 'nothing'} is not known")
        return self.call(name)

    def closed(self, end: str) -> mpf:
        value = self.sum()
        self.take(end)
        self.kind = "other"
        return value

    def fraction(self) -> mpf:
        start = self.at
        self.take("{")
        top = self.closed("}")
        self.take("{")
        bottom = self.closed("}")
        numbers = all(token in "{}" or token.isdigit() for token in self.tokens[start : self.at])
        self.kind = "number fraction" if numbers else "fraction"
        return top / bottom

    def root(self) -> mpf:
        degree = self.closed("]") if self.found("[") else 2
        self.take("{")
        return mp.root(self.closed("}"), int(degree))

    def indicator(self) -> mpf:
        self.take("[")
        truth = self.condition()
        self.take("]")
        self.kind = "other"
        return mpf(truth)

    def condition(self) -> bool:
        truth = True
        while True:
            left = self.sum()
            relation = _RELATIONS.get(self.next) or self.refuse("no relation")
            self.at += 1
            truth &= relation(left, self.sum())
            if not self.found(r"\wedge"):
                return truth

    def cases(self) -> mpf:
        chosen = []
        while not self.found(r"\end{cases}"):
            value = self.sum()
            self.take("&")
            chosen += [value] * (self.found(r"\text{otherwise}") or self.condition())
            self.found(r"\\")
        self.kind = "cases"
        return chosen[0]

    def call(self, name: str) -> mpf:
        """A function: its power, then its arguments in parentheses, or one token."""
        power = self.argument() if self.found("^") else mpf(1)
        if power == -1:
            self.refuse("the power -1 between a function and its argument means the inverse function")
        braces = self.found("{")
        if self.found("("):
            arguments = [self.sum()]
            while self.next in (",", ";"):
                self.at += 1
                arguments.append(self.sum())
            self.take(")")
            kind = "call"
        elif name in _BARE and not braces:
            arguments, kind = [self.fraction() if self.found(r"\frac") else self.token()], "bare"
        else:
            self.refuse(f"{name} without parentheses")
        if braces:
            self.take("}")
        self.kind = kind
        return _CALLS[name](*arguments) ** power


@functools.lru_cache(maxsize=10_000)
def _bivariate(h: mpf, k: mpf, rho: mpf, precision: int) -> mpf:
    """P(X < h, Y < k) for standard normal X, Y of correlation rho = sin(theta) (Plackett 1954)."""

    def density(theta: mpf) -> mpf:
        return mp.exp(-(h * h + k * k - 2 * h * k * mp.sin(theta)) / (2 * mp.cos(theta) ** 2))

    return mp.ncdf(h) * mp.ncdf(k) + mp.quad(density, [0, mp.asin(rho)]) / (2 * mp.pi)
