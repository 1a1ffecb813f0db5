"""``fimtheory network``: order parameters and eigenvalue statistics of a random deep network."""

from __future__ import annotations

import argparse

from fimtheory.cli.options import DONE, add_activation, add_network_options, deep_network, new_verb, progress, show


def add(verbs) -> None:
    """Declare the verb."""
    verb = new_verb(
        verbs,
        "network",
        run,
        "Order parameters and eigenvalue statistics of a random deep network, beside simulation.",
        "tanh --depth 3 --sigma-w2 3 --sigma-b2 0.64",
        "relu --depth 4 --sigma-w2 2 --sigma-b2 0.1 --width 500 --simulate 10 --json",
        "'tanh; relu' --depth 3 --sigma-w2 3,2,1 --sigma-b2 0.1 --widths 1,2,1/2",
        "gelu --inputs data.csv --depth 5",
    )
    verb.set_defaults(timeout=0)  # simulations may rightly take hours
    add_activation(verb)
    add_network_options(verb)
    verb.add_argument("--width", type=int, default=1000, metavar="M", help="width scale M (default 1000)")
    verb.add_argument("--simulate", type=int, default=0, metavar="S", help="simulate S networks of that width")


def run(options: argparse.Namespace) -> int:
    """Carry it out."""
    from fimtheory.report.network import network, network_text

    net = deep_network(options)
    found = network(net, options.width, options.simulate, options.seed, progress("networks"))
    show(options, found, network_text)
    return DONE
