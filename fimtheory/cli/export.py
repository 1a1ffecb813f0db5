"""``fimtheory export``: an activation as code or text to paste."""

from __future__ import annotations

import argparse
import json

from fimtheory.cli.options import DONE, add_activation, chosen_activation, new_verb


def add(verbs) -> None:
    """Declare the verb."""
    from fimtheory.report.export import FORMATS

    verb = new_verb(
        verbs,
        "export",
        run,
        "An activation, its slope and its duals as code or text to paste.",
        "gelu --to jax",
        "leaky_relu --to neural-tangents -o leaky.py",
        "'x*Phi(s*x)' --param 's>0' --to mathematica",
    )
    add_activation(verb)
    verb.add_argument("--to", required=True, choices=FORMATS, metavar="FORMAT", help=f"one of {', '.join(FORMATS)}")
    verb.add_argument("-o", "--output", metavar="FILE", help="write to a file (default: standard output)")


def run(options: argparse.Namespace) -> int:
    """Carry it out."""
    from fimtheory.files import write_whole
    from fimtheory.report.export import export

    phi = chosen_activation(options)
    code = export(phi, options.to)
    if options.output:
        write_whole(options.output, code.encode())
    if options.json:
        print(json.dumps({"activation": phi.name, "format": options.to, "code": code}, indent=1))
    elif not options.output:
        print(code, end="")
    return DONE
