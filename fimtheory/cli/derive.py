"""``fimtheory derive``: everything that follows from an activation alone."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from fimtheory.cli.options import DONE, add_activation, chosen_activation, new_verb, show
from fimtheory.errors import InputError


def add(verbs) -> None:
    """Declare the verb."""
    verb = new_verb(
        verbs,
        "derive",
        run,
        "Constants, Hermite coefficients, duals and recursions of an activation.",
        "relu",
        "leaky_relu --param alpha=1/5",
        "'erf(s*x)' --param 's>0' --json",
        "'log(1+exp(x))' --digits 30",
        "tanh --at q=1.3 c=0.4",
    )
    add_activation(verb)
    verb.add_argument("--at", nargs="+", default=[], metavar="NAME=VALUE", help="evaluate the duals at q=... c=...")


def run(options: argparse.Namespace) -> int:
    """Carry it out."""
    from fimtheory.report import summary

    phi = chosen_activation(options)
    derived = summary.derive(phi, options.digits, _point(options.at))
    show(options, derived, summary.derive_text)
    return DONE


def _point(texts: Sequence[str]) -> dict[str, Any]:
    from fimtheory.activations import parse_number

    point = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in ("q", "c"):
            raise InputError(f"--at {text!r} is not understood: write for instance --at q=1.3 c=0.4")
        point[name] = parse_number(value)
    return point
