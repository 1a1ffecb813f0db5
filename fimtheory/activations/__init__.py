"""Activation functions: the safe parser, the gallery, and the object that derives everything from a formula."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any

import sympy as sp

from fimtheory.activations.activation import Activation
from fimtheory.activations.domains import Parameter
from fimtheory.activations.gallery import BY_NAME, ENTRIES, find
from fimtheory.activations.parser import VARIABLE, parse, parse_number
from fimtheory.errors import InputError, ParseError

__all__ = ["ENTRIES", "Activation", "Parameter", "activation", "gallery", "named", "parse", "parse_number"]


def gallery() -> tuple[str, ...]:
    """The names of the gallery.

    >>> "gelu" in gallery()
    True
    """
    return tuple(entry.name for entry in ENTRIES)


def activation(
    formula: str | sp.Expr | Activation, *, parameters: Mapping[str, str] | None = None, **values: Any
) -> Activation:
    """An activation from a gallery name, a formula in ``x``, or a SymPy expression.

    ``parameters`` declares free parameters of a formula with their domains (``real``, ``positive``, ``negative``,
    ``nonnegative``); keyword arguments give parameters values (numbers, or text such as ``"1/5"``, read exactly).

    Raises :class:`ParseError` or :class:`InputError` with one line that says what to write instead.

    >>> activation("leaky_relu").parameters
    (alpha,)
    >>> activation("leaky_relu", alpha="1/5").eta
    13/25
    >>> activation("erf(s*x)", parameters={"s": "positive"}).zeta
    4*s**2/(pi*(2*s**2 + 1))
    """
    numbers = {name: _number(name, value) for name, value in values.items()}
    if isinstance(formula, Activation):
        return formula.with_values(numbers)
    if isinstance(formula, sp.Expr):
        return _from_expression(formula, parameters or {}).with_values(numbers)
    if not isinstance(formula, str):
        raise InputError(f"an activation is a name, a formula or a SymPy expression, not {type(formula).__name__}")
    entry = find(formula)
    if entry is not None:
        extra = set(parameters or {}) - set(entry.parameters)
        if extra:
            raise InputError(f"{entry.name} has no parameter {sorted(extra)[0]!r}: {_listed(entry.parameters)}")
        domains = {**entry.parameters, **(parameters or {})}
        return _from_text(entry.formula, entry.name, domains, numbers)
    return _from_text(
        formula, " ".join(formula.split()), {**dict.fromkeys(numbers, "real"), **(parameters or {})}, numbers
    )


def named(text: str) -> Activation:
    """A name or a formula without blanks, followed by values of parameters: an activation as one word of text.

    >>> named("srelu alpha=0").name
    'srelu(alpha=0)'
    """
    formula, *values = text.split(" ")
    return activation(formula, parameters=None, **dict(value.split("=") for value in values))


def _from_text(text: str, name: str, domains: Mapping[str, str], numbers: Mapping[str, sp.Expr]) -> Activation:
    declared = tuple(Parameter(key, domain) for key, domain in domains.items())
    unknown = set(numbers) - set(domains)
    if unknown:
        raise InputError(f"{name} has no parameter {sorted(unknown)[0]!r}: {_listed(domains)}")
    try:
        expression = parse(text, [p.symbol for p in declared])
    except ParseError as error:
        raise _with_gallery(text, error) from None
    fixed = {p.symbol: p.check(numbers[p.name]) for p in declared if p.name in numbers}
    label = ", ".join(f"{symbol}={value}" for symbol, value in fixed.items())
    return Activation(
        expression.subs(fixed),
        f"{name}({label})" if label and find(name) else name,
        tuple(p for p in declared if p.name not in numbers and p.symbol in expression.free_symbols),
    )


def _from_expression(expression: sp.Expr, domains: Mapping[str, str]) -> Activation:
    symbols = sorted(expression.free_symbols, key=str)
    free = [s for s in symbols if s.name not in domains]
    if len(free) > 1 and any(s.name == "x" for s in free):
        free = [s for s in free if s.name == "x"]
    if len(free) != 1:
        listed = ", ".join(map(str, free)) or "none"
        raise InputError(f"which symbol is the variable? free symbols: {listed}; name it x or declare the others")
    declared = tuple(Parameter(s.name, domains.get(s.name, _domain(s))) for s in symbols if s != free[0])
    renamed = {free[0]: VARIABLE} | {s: p.symbol for s in symbols for p in declared if s.name == p.name}
    return Activation(expression.xreplace(renamed), str(expression), declared)


def _domain(symbol: sp.Symbol) -> str:
    return next((d for d in ("positive", "negative", "nonnegative") if getattr(symbol, f"is_{d}")), "real")


def _number(name: str, value: Any) -> sp.Expr:
    if isinstance(value, str):
        return parse_number(value)
    infinite = isinstance(value, float) and not math.isfinite(value)
    if isinstance(value, bool) or infinite or not isinstance(value, int | float | sp.Expr):
        raise InputError(f"{name} = {value!r} is not a number: write for instance {name}=1/5 as text")
    return sp.Rational(str(value)) if isinstance(value, float) else sp.sympify(value)


def _listed(domains: Mapping[str, str]) -> str:
    return f"its parameters are {', '.join(domains)}" if domains else "it has no parameters"


def _with_gallery(text: str, error: ParseError) -> ParseError:
    """For a single word that nothing knows, name the gallery too."""
    word = text.strip()
    if not word.isidentifier():
        return error
    close = difflib.get_close_matches(word, BY_NAME, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return ParseError(
        f"unknown activation {word!r}{hint}: the gallery has {', '.join(gallery())}; or write a formula in x"
    )
