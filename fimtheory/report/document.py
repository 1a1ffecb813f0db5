"""What a report is made of: a tree of immutable blocks that the renderers turn into HTML and LaTeX.

Text may hold inline mathematics between single dollars, ``**bold**`` and `` `code` ``; a backslash before one of the
three markers makes it literal, and :func:`literal` does so for a string that must not be interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from fimtheory.errors import InputError

Status = Literal["exact", "certified", "numerical", ""]
VerdictWord = Literal["supported", "contradicted", "inconclusive"]
SpanKind = Literal["text", "math", "bold", "code"]

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9:._-]*")
_MARKUP = re.compile(r"\\(?P<text>[$*`])|\$(?P<math>[^$]+)\$|\*\*(?P<bold>.+?)\*\*|`(?P<code>[^`]+)`", re.DOTALL)


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Equation:
    """One displayed, numbered formula; ``name`` is its anchor and label, ``value`` a decimal shown beside it."""

    latex: str
    name: str = ""
    note: str = ""
    status: Status = ""
    value: str = ""

    def __post_init__(self) -> None:
        _check_identifier(self.name, "equation name", optional=True)
        _check_choice(self.status, get_args(Status), "status")


@dataclass(frozen=True)
class EquationRow:
    """One line of :class:`Equations`: a quantity, its formula, its value."""

    label: str
    latex: str
    value: str = ""
    status: Status = ""

    def __post_init__(self) -> None:
        _check_choice(self.status, get_args(Status), "status")


@dataclass(frozen=True)
class Equations:
    """Several formulas side by side as a list of quantities; unnumbered."""

    rows: tuple[EquationRow, ...]
    caption: str = ""


@dataclass(frozen=True)
class VerdictCell:
    """The answer of a check inside a table."""

    verdict: VerdictWord

    def __post_init__(self) -> None:
        _check_choice(self.verdict, get_args(VerdictWord), "verdict")


Cell = str | VerdictCell


@dataclass(frozen=True)
class Table:
    """A table; ``align`` holds one of the letters l, c, r for each column (all l when empty)."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    align: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.headers) for row in self.rows):
            raise InputError(f"every row of the table {self.caption!r} needs {len(self.headers)} cells")
        if self.align and not re.fullmatch(rf"[lcr]{{{len(self.headers)}}}", self.align):
            raise InputError(f"align {self.align!r} needs one of l, c, r for each of {len(self.headers)} columns")

    @property
    def alignment(self) -> str:
        return self.align or "l" * len(self.headers)


@dataclass(frozen=True)
class Figure:
    """A drawing: ``svg`` for the page, ``filename`` (no suffix) for the files beside it, ``alt`` for who cannot see."""

    svg: str
    caption: str
    filename: str
    alt: str

    def __post_init__(self) -> None:
        _check_identifier(self.filename, "figure filename")


@dataclass(frozen=True)
class Code:
    """A listing."""

    text: str
    language: str = ""


Block = Paragraph | Equation | Equations | Table | Figure | Code


@dataclass(frozen=True)
class Section:
    title: str
    anchor: str
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        _check_identifier(self.anchor, "section anchor")


@dataclass(frozen=True)
class Document:
    title: str
    subtitle: str
    abstract: str
    sections: tuple[Section, ...]
    footer: str = ""


@dataclass(frozen=True)
class Span:
    """A piece of running text of one kind, its markers removed."""

    kind: SpanKind
    text: str


def literal(text: str) -> str:
    r"""Text in which dollars, stars and backquotes mean themselves.

    >>> list(spans(literal("$5 * x")))
    [Span(kind='text', text='$5 * x')]
    """
    return re.sub(r"[$*`]", r"\\\g<0>", text)


def spans(text: str) -> Iterator[Span]:
    """The pieces of running text; a marker without partner is an ordinary character.

    >>> list(spans("at $x$ = **0**"))  # doctest: +ELLIPSIS
    [Span(kind='text', text='at '), Span(kind='math', text='x'), ..., Span(kind='bold', text='0')]
    """
    plain, position = "", 0
    for match in _MARKUP.finditer(text):
        plain += text[position : match.start()]
        position = match.end()
        if match["text"]:
            plain += match["text"]
            continue
        if plain:
            yield Span("text", plain)
            plain = ""
        kind: SpanKind = "math" if match["math"] else "bold" if match["bold"] else "code"
        yield Span(kind, match[kind])
    plain += text[position:]
    if plain:
        yield Span("text", plain)


def _check_identifier(value: str, what: str, *, optional: bool = False) -> None:
    if not (_IDENTIFIER.fullmatch(value) or (optional and not value)):
        raise InputError(f"{what} {value!r} must start with a letter and hold only letters, digits and : . _ -")


def _check_choice(value: str, choices: tuple[str, ...], what: str) -> None:
    if value not in choices:
        raise InputError(f"{what} {value!r} is none of {', '.join(filter(None, choices))}")
