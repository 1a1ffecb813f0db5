"""``fimtheory modes``: eigenvalues and eigenfunctions of the Fisher matrix of the output weights."""

from __future__ import annotations

import argparse

from fimtheory.cli.options import DONE, add_activation, chosen_activation, new_verb, progress, show
from fimtheory.errors import InputError

MOST_UNITS = 8192
MOST_SAMPLES = 10**7
MOST_NETWORKS = 10_000


def add(verbs) -> None:
    """Declare the verb."""
    verb = new_verb(
        verbs,
        "modes",
        run,
        "Eigenvalues of every degree of the output-weight Fisher matrix of a two-layer network, as its width grows.",
        "relu --dim 10 --degrees 6",
        "relu --dim 3 --width 1000 --simulate 20 --json",
        "tanh --dim 4 --weight-variance 1/d --width 400 --samples 1600 --simulate 10",
        "erf --dim 10 --weights sphere --weight-variance 1/d",
        "leaky_relu --param alpha=1/5 --dim 1000000 --degrees 50",
        "gelu --dim 5 --page gelu.html",
    )
    verb.set_defaults(timeout=0)  # simulations may rightly take long
    add_activation(verb)
    verb.add_argument("--dim", default="10", metavar="d", help="dimension d of the inputs (default 10)")
    verb.add_argument("--degrees", default="6", metavar="K", help="degrees 0 to K (default 6)")
    verb.add_argument(
        "--weight-variance",
        default="1",
        metavar="V",
        help="variance of a hidden weight: a number, 1/d, 2/d (default 1)",
    )
    laws = "gaussian, or sphere: all of one length (default gaussian)"
    verb.add_argument("--weights", default="gaussian", metavar="LAW", help=f"weights of a hidden unit: {laws}")
    verb.add_argument("--inputs", default="gaussian", metavar="LAW", help=f"inputs: {laws}")
    verb.add_argument("--radial", metavar="J", help="radial modes of each degree (default: all that matter)")


def run(options: argparse.Namespace) -> int:
    """Carry it out."""
    from fimtheory.report import modes

    found = modes.modes(_kernel_modes(options), options.digits)
    show(options, found, modes.modes_text)
    return DONE


def _kernel_modes(options: argparse.Namespace):
    from fimtheory.theory.kernel_modes import KernelModes

    dimension = _whole("--dim", options.dim)
    return KernelModes(
        chosen_activation(options),
        dimension,
        _whole("--degrees", options.degrees),
        _weight_variance(options.weight_variance, dimension),
        options.weights,
        options.inputs,
        None if options.radial is None else _whole("--radial", options.radial),
        options.digits,
    )


def _whole(name: str, text: str) -> int:
    if not text.lstrip("+-").isdigit():
        raise InputError(f"{name} {text} is not a whole number: write for instance {name} 6")
    return int(text)


def _weight_variance(text: str, dimension: int):
    """A number, or one over ``d``."""
    from fimtheory.activations import parse_number

    head, slash, tail = text.replace(" ", "").partition("/")
    if slash and tail == "d":
        return parse_number(head) / dimension
    return parse_number(text)
