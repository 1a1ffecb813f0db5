"""``fimtheory report``: everything about one activation, as a page, LaTeX source, figures and verdicts."""

from __future__ import annotations

import argparse
import json

from fimtheory.cli.options import (
    DONE,
    FELL_SHORT,
    add_activation,
    add_network_options,
    deep_network,
    new_verb,
    progress,
    whole_numbers,
)


def add(verbs) -> None:
    """Declare the verb."""
    verb = new_verb(
        verbs,
        "report",
        run,
        "Everything about one activation: HTML page, LaTeX source, figures, verdicts.",
        "gelu -o report/",
        "'x*Phi(2*x)' -o out --networks 100",
        "tanh -o out --sigma-w2 3 --sigma-b2 0.64 --no-simulation",
    )
    verb.set_defaults(timeout=0)  # simulations may rightly take hours
    add_activation(verb)
    add_network_options(verb)
    verb.add_argument("-o", "--output", required=True, metavar="DIR", help="directory to write to")
    verb.add_argument("--ladder", default="", metavar="M1,M2,...", help="widths to simulate (default 128,256,512,1024)")
    verb.add_argument("--networks", type=int, default=24, metavar="S", help="networks at each width (default 24)")
    verb.add_argument("--no-simulation", action="store_true", help="theory only")


def run(options: argparse.Namespace) -> int:
    """Carry it out."""
    from fimtheory.report.activation_report import write_report
    from fimtheory.report.content import ReportOptions

    network = deep_network(options)
    ladder = whole_numbers("--ladder", options.ladder) if options.ladder else (128, 256, 512, 1024)
    networks = 0 if options.no_simulation else options.networks
    chosen = ReportOptions(ladder, networks, options.seed, options.digits)
    written = write_report(network, options.output, chosen, progress("networks"))
    if options.json:
        print(json.dumps(written.as_json(), indent=1))
    else:
        print(written.text())
    return DONE if not written.contradicted else FELL_SHORT
