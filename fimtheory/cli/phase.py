"""``fimtheory phase``: fixed points, the edge of chaos, depth scales."""

from __future__ import annotations

import argparse

from fimtheory.cli.options import DONE, add_activation, chosen_activation, new_verb, show
from fimtheory.errors import InputError

MOST_POINTS = 1000
DRAWING = "phase.svg"


def add(verbs) -> None:
    """Declare the verb."""
    verb = new_verb(
        verbs,
        "phase",
        run,
        "How signals travel through a deep random network: order, chaos and the edge between them.",
        "tanh",
        "relu --sigma-w2 2 --sigma-b2 0",
        "erf --sigma-w2 3 --sigma-b2 0.64 --digits 30 --json",
        "tanh --plot",
        "gelu --sigma-w2-range 1,4 --sigma-b2-range 0,0.5 --plot -o gelu.pdf",
    )
    add_activation(verb)
    verb.add_argument("--sigma-w2", default="2", metavar="V", help="variance of the weights (default 2)")
    verb.add_argument("--sigma-b2", default="0.1", metavar="V", help="variance of the biases (default 0.1)")
    verb.add_argument("--points", type=int, default=9, metavar="n", help="rows of the table of the edge (default 9)")
    verb.add_argument("--plot", action="store_true", help="draw the map of the plane")
    verb.add_argument("--sigma-w2-range", metavar="LO,HI", help="plot: the weights (default 0.5,4)")
    verb.add_argument("--sigma-b2-range", metavar="LO,HI", help="plot: the biases (default 0,0.5)")
    verb.add_argument(
        "-o", "--output", metavar="FILE", help=f"plot: where to draw, .svg, .pdf or .png (default {DRAWING})"
    )


def run(options: argparse.Namespace) -> int:
    """Carry it out."""
    from fimtheory.report import phase

    if not 1 <= options.points <= MOST_POINTS:
        raise InputError(f"--points {options.points} is not possible: give a whole number from 1 to {MOST_POINTS}")
    draws, path = _drawing(options)
    weights, biases = (_range(options, name, default) for name, default in (("w2", "0.5,4"), ("b2", "0,0.5")))
    phi = chosen_activation(options)
    found = phase.phase(phi, options.sigma_w2, options.sigma_b2, options.points, options.digits)
    if draws:
        from fimtheory.report import figures

        figures.save(phase.drawing(phi, weights, biases), path)
        found["figure"] = path
    show(options, found, phase.phase_text)
    return DONE


def _drawing(options: argparse.Namespace) -> tuple[bool, str]:
    """Whether and where to draw; options that only a drawing has ask for one."""
    asked = (options.output, options.sigma_w2_range, options.sigma_b2_range)
    draws, path = options.plot or any(text is not None for text in asked), options.output or DRAWING
    if draws:
        from fimtheory.report import figures

        figures.check_path(path)
    return draws, path


def _range(options: argparse.Namespace, name: str, default: str) -> tuple[float, float]:
    from fimtheory.activations import parse_number

    text = getattr(options, f"sigma_{name}_range") or default
    parts = text.split(",")
    if len(parts) != 2:
        raise InputError(f"--sigma-{name}-range {text!r} is not understood: write LO,HI such as {default}")
    low, high = (float(parse_number(part)) for part in parts)
    if not 0 <= low < high <= 1e6:
        raise InputError(f"--sigma-{name}-range {text} is empty: give 0 <= LO < HI <= 10^6")
    return low, high
