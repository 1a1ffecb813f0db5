"""``fimtheory modes``: eigenvalues and eigenfunctions of the Fisher matrix of the output weights."""

from __future__ import annotations

import argparse

from fimtheory.cli.options import (
    DONE,
    FELL_SHORT,
    add_activation,
    chosen_activation,
    new_verb,
    progress,
    show,
    whole_number,
)
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
        "relu --dim 3 --functions norm 'w1*w2/norm' 'w1**3'",
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
    verb.add_argument(
        "--functions",
        nargs="*",
        metavar="G",
        help="functions that output weights realise: formulas in w1, w2, ... and norm (default: the usual groups)",
    )
    verb.add_argument(
        "--width", metavar="m", help="also a network of m hidden units: where clusters move, how they spread"
    )
    verb.add_argument("--samples", metavar="N", help="average over N inputs (default: over all of them)")
    verb.add_argument("--simulate", default="0", metavar="S", help="draw S networks of that width")
    verb.add_argument("--page", metavar="FILE.html", help="write a page: eigengroups, bulk, outlier of one activation")
    verb.add_argument("--quick", action="store_true", help="page: smaller simulations, less than a minute")
    verb.add_argument("--seed", default="1", metavar="K", help="seed of the simulation (default 1)")


def run(options: argparse.Namespace) -> int:
    """Carry it out."""
    from fimtheory.report import mode_functions, modes

    kernel = _kernel_modes(options)
    at = _finite(options, kernel)
    found = modes.modes(kernel, options.digits)
    if options.functions is not None:
        found["functions"] = mode_functions.functions(kernel, options.functions, options.digits)
    if at is not None:
        found["finite"] = modes.finite(kernel, *at, progress("networks"))
    contradicted = _page(options, kernel, found) if options.page else False
    show(options, found, modes.modes_text)
    return FELL_SHORT if contradicted else DONE


def _page(options: argparse.Namespace, kernel, found: dict) -> bool:
    """Write the page on three theories; whether simulation contradicts one of them."""
    from fimtheory.report import three_regimes

    seed = whole_number("--seed", options.seed, 0)
    written = three_regimes.write(kernel.activation, options.page, options.quick, progress("networks"), seed)
    found["page"] = [str(path) for path in written.files]
    return written.contradicted


def _kernel_modes(options: argparse.Namespace):
    from fimtheory.theory.kernel_modes import KernelModes

    dimension = whole_number("--dim", options.dim)
    return KernelModes(
        chosen_activation(options),
        dimension,
        whole_number("--degrees", options.degrees),
        _weight_variance(options.weight_variance, dimension),
        options.weights,
        options.inputs,
        None if options.radial is None else whole_number("--radial", options.radial),
        options.digits,
    )


def _finite(options: argparse.Namespace, kernel) -> tuple[int, int | None, int, int] | None:
    """(width, samples, networks, seed) where a network of finite width is asked for."""
    networks = whole_number("--simulate", options.simulate, 0, MOST_NETWORKS)
    seed = whole_number("--seed", options.seed, 0)
    if options.width is None:
        if networks or options.samples is not None:
            raise InputError(
                "--simulate and --samples speak of a network of finite width: add for instance --width 1000"
            )
        return None
    kernel.activation._require_numbers()
    width = whole_number("--width", options.width, 2, MOST_UNITS)
    samples = None if options.samples is None else whole_number("--samples", options.samples, 2, MOST_SAMPLES)
    if networks and samples is None and (kernel.activation.name != "relu" or kernel.inputs.fixed):
        raise InputError(
            "--simulate averages over all inputs for relu and Gaussian inputs alone: "
            f"say on how many, for instance --samples {4 * width}"
        )
    return width, samples, networks, seed


def _weight_variance(text: str, dimension: int):
    """A number, or one over ``d``."""
    from fimtheory.activations import parse_number

    head, slash, tail = text.replace(" ", "").partition("/")
    if slash and tail == "d":
        return parse_number(head) / dimension
    return parse_number(text)
