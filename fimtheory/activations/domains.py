"""Parameters of activations: a name, a domain, and the SymPy symbol that carries it."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from fimtheory.activations.parser import CONSTANTS, FUNCTIONS
from fimtheory.errors import InputError

# domain name -> (SymPy assumptions, values at which equalities are tested)
_DOMAINS: dict[str, tuple[dict[str, bool], tuple[str, ...]]] = {
    "real": ({"real": True}, ("-3/7", "5/11", "13/9")),
    "positive": ({"positive": True}, ("3/7", "5/4", "17/8")),
    "negative": ({"negative": True}, ("-3/7", "-5/4", "-17/8")),
    "nonnegative": ({"nonnegative": True}, ("3/7", "5/4", "17/8")),
}
_RESERVED = {"x", "q", "c", "sigma", *FUNCTIONS, *CONSTANTS}


@dataclass(frozen=True)
class Parameter:
    """A parameter of an activation.

    >>> Parameter("s", "positive").symbol.is_positive
    True
    """

    name: str
    domain: str = "real"

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name in _RESERVED:
            raise InputError(
                f"{self.name!r} cannot name a parameter: use a word other than x (the variable), q and c (variance and"
                " correlation), sigma (the logistic function in print) and the functions of the parser"
            )
        if self.domain not in _DOMAINS:
            raise InputError(f"unknown domain {self.domain!r} of {self.name}: choose one of {', '.join(_DOMAINS)}")

    @property
    def symbol(self) -> sp.Symbol:
        """The symbol with the assumptions of the domain."""
        return sp.Symbol(self.name, **_DOMAINS[self.domain][0])

    def check(self, value: sp.Expr) -> sp.Expr:
        """``value`` if it lies in the domain; otherwise :class:`InputError`."""
        (assumption,) = _DOMAINS[self.domain][0]
        if value.is_real is False or getattr(value, f"is_{assumption}") is False:
            raise InputError(f"{self.name} = {value} is not {self.domain}: give a {self.domain} number")
        return value

    @property
    def samples(self) -> tuple[sp.Expr, ...]:
        """Admissible values, for tests of equality."""
        return tuple(map(sp.Rational, _DOMAINS[self.domain][1]))
