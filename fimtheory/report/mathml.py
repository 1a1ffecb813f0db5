"""LaTeX to MathML Core, which browsers set natively: selectable, accessible, with the LaTeX kept as an annotation.

The conversion is math-core's; what follows it are small repairs of what browsers then draw badly.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html.entities import html5
from xml.etree import ElementTree

from math_core import LatexError, LatexToMathML

from fimtheory.errors import InputError

_TALL = frozenset({"mfrac", "msqrt", "mroot", "munder", "mover", "munderover", "mtable"})
_PRIMES = frozenset("′″‴⁗")
_COMBINING_UNDERLINE = "\u0332"  # what the converter stretches over an expression
_INVISIBLE_SEPARATOR = "\u2063"
_XML_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})


@lru_cache(maxsize=4096)
def to_mathml(latex: str, *, display: bool = False) -> str:
    """A ``<math>`` element, well-formed as XML and as HTML.

    >>> "<mi>q</mi>" in to_mathml("q^{2}")
    True
    >>> to_mathml(r"\\nonsense")
    Traceback (most recent call last):
    fimtheory.errors.InputError: cannot typeset '\\\\nonsense': Unknown command "\\nonsense".
    """
    if re.search(r"(?<!\\)%", latex):
        raise InputError(f"cannot typeset {latex!r}: an unescaped % would hide the rest, write \\%")
    try:
        source = _converter().convert_with_local_state(latex, displaystyle=display)
    except LatexError as error:
        reason = re.sub(r"^\d+: ", "", str(error))  # the offset is of no use to a reader
        raise InputError(f"cannot typeset {latex!r}: {reason}") from error
    math = ElementTree.fromstring(re.sub(r"&(\w+);", _numeric, source))
    for repair in (_unstretch_flat_fences, _drop_fence_space, _lower_primes, _overline):
        repair(math)
    return ElementTree.tostring(math, encoding="unicode")


@lru_cache(maxsize=1)
def _converter() -> LatexToMathML:
    return LatexToMathML(annotation=True, fancy_error=False)


def _numeric(entity: re.Match[str]) -> str:
    """HTML names such as ``&ApplyFunction;`` are not XML."""
    name = entity[1]
    return entity[0] if name in _XML_ENTITIES else html5[name + ";"]


def _unstretch_flat_fences(math: ElementTree.Element) -> None:
    r"""``\left(x\right)`` around a single line needs no stretching, and Chromium pads every stretchy fence."""
    for row in math.iter("mrow"):
        fences = [child for child in row if child.tag == "mo" and child.get("stretchy") is None]
        enclosed = len(row) > 1 and row[0] in fences and row[-1] in fences and row[-1].text != _INVISIBLE_SEPARATOR
        if enclosed and not any(_is_tall(element) for element in row.iter()):
            for fence in (row[0], row[-1]):
                fence.set("stretchy", "false")


def _is_tall(element: ElementTree.Element) -> bool:
    return (element.tag in _TALL and element.get("accent") != "true") or element.text in ("∫", "∑", "∏")


def _drop_fence_space(math: ElementTree.Element) -> None:
    r"""TeX puts a thin space before ``\left(``; after a function name it reads as a product."""
    for element in math.iter("mo"):
        if element.text and element.text in "([{|⌊‖" and element.get("lspace") == "0.1667em":
            element.set("lspace", "0")


def _lower_primes(math: ElementTree.Element) -> None:
    """Fonts draw the prime raised already; as a superscript it would be raised twice and shrunk."""
    for scripts in list(math.iter()):
        exponent = scripts[-1] if scripts.tag in ("msup", "msubsup") else None
        if exponent is None:
            continue
        prime = exponent[0] if exponent.tag == "mrow" and len(exponent) else exponent
        if prime.text not in _PRIMES:
            continue
        prime.attrib.update(lspace="0", rspace="0")
        (scripts if prime is exponent else exponent).remove(prime)
        primed = ElementTree.Element("mrow")
        primed.extend((scripts[0], prime))
        scripts[0] = primed
        if prime is exponent:
            scripts.tag = {"msup": "mrow", "msubsup": "msub"}[scripts.tag]


def _overline(math: ElementTree.Element) -> None:
    """No accent stretches to a whole expression in every font; the style sheet draws a border on top instead."""
    for over in math.iter("mover"):
        if len(over) == 2 and over[1].text == _COMBINING_UNDERLINE:
            over.remove(over[1])
            over.attrib.clear()
            over.tag = "mrow"
            over.set("class", "overline")
