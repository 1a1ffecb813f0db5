"""What the commands share: verbs, options, and the way from options to objects."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from fimtheory.errors import InputError

MAX_DIGITS = 300
MAX_SECONDS = 1e6
TIMEOUT = 60
DONE, FELL_SHORT, UNUSABLE, INTERRUPTED = 0, 1, 2, 130


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str):
        """One line and exit code 2."""
        print(f"fimtheory: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(UNUSABLE)


def new_verb(verbs, name: str, run: Callable, summary: str, *examples: str) -> argparse.ArgumentParser:
    """A verb with the options that all of them have."""
    epilog = "examples:\n" + "\n".join(f"  fimtheory {name} {example}" for example in examples)
    verb = verbs.add_parser(
        name, help=summary, description=summary, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verb.set_defaults(run=run)
    verb.add_argument("--json", action="store_true", help="one JSON object on standard output")
    verb.add_argument("--digits", type=_digits, default=16, metavar="N", help="correct significant digits (default 16)")
    verb.add_argument(
        "--timeout",
        type=_seconds,
        default=TIMEOUT,
        metavar="SECONDS",
        help="give up after that long, with exit code 2 (default %(default)s; 0 is no limit)",
    )
    return verb


def _digits(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MAX_DIGITS:
        raise argparse.ArgumentTypeError(f"{text} digits cannot be given: ask for 1 to {MAX_DIGITS}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is no time limit: write seconds up to {MAX_SECONDS:g}, 0 for none")
    return seconds


def add_activation(verb: argparse.ArgumentParser) -> None:
    """The activation and its parameters."""
    verb.add_argument("activation", metavar="ACT", help="a gallery name (relu, gelu, tanh, ...) or a formula in x")
    add_parameters(verb)


def add_parameters(verb: argparse.ArgumentParser) -> None:
    """Parameters of the activation."""
    verb.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="P",
        help="a parameter: s, s>0, s<0, s>=0 (free) or s=1/3 (fixed); repeat for more",
    )


def add_network_options(verb: argparse.ArgumentParser) -> None:
    """What describes a random deep network."""
    verb.add_argument("--depth", type=int, default=3, metavar="L", help="number of layers L (default 3)")
    each = "or one for each layer 1..L"
    verb.add_argument("--sigma-w2", default="2", metavar="V", help=f"variance of the weights (default 2), {each}")
    verb.add_argument("--sigma-b2", default="0.1", metavar="V", help=f"variance of the biases (default 0.1), {each}")
    verb.add_argument("--outputs", type=int, default=10, metavar="C", help="number of outputs C (default 10)")
    verb.add_argument("--samples", type=int, default=None, metavar="N", help="number of input samples N (default 100)")
    verb.add_argument("--widths", default="", metavar="a0,a1,...", help="width ratios alpha_0..alpha_{L-1} (default 1)")
    verb.add_argument("--input-norm", metavar="Q", help="mean square of an input's entries (default 1)")
    verb.add_argument("--input-overlap", metavar="Q", help="mean product of those of two inputs (default 0)")
    verb.add_argument("--inputs", metavar="FILE", help="measure both from data: .npy, or text with one input a line")
    verb.add_argument("--seed", type=int, default=1, metavar="K", help="seed of the simulation (default 1)")


def chosen_activation(options: argparse.Namespace):
    """The activation that the options name."""
    from fimtheory.activations import activation

    domains, values = chosen_parameters(options)
    return activation(options.activation, parameters=domains, **values)


def chosen_parameters(options: argparse.Namespace) -> tuple[dict[str, str], dict[str, str]]:
    """Domains of free parameters and values of fixed ones, from ``--param``."""
    domains: dict[str, str] = {}
    values: dict[str, str] = {}
    for text in options.param:
        name, kind, value = _parameter(text)
        (values if kind == "value" else domains)[name] = value
    return domains, values


def _parameter(text: str) -> tuple[str, str, str]:
    """``s`` | ``s>0`` | ``s<0`` | ``s>=0`` | ``s=1/3`` -> (name, "domain" or "value", domain or value)."""
    compact = "".join(text.split())
    for suffix, domain in ((">=0", "nonnegative"), (">0", "positive"), ("<0", "negative")):
        if compact.endswith(suffix):
            return compact.removesuffix(suffix), "domain", domain
    name, equals, value = compact.partition("=")
    if equals and not name.endswith((">", "<")):
        return name, "value", value
    if not name.isidentifier():
        raise InputError(f"--param {text!r} is not understood: write s, s>0, s<0, s>=0 or s=1/3")
    return name, "domain", "real"


def deep_network(options: argparse.Namespace):
    """The network that the options describe."""
    from fimtheory.theory.deep_network import DeepNetwork, input_statistics

    described = {
        "depth": options.depth,
        "sigma_w2": _numbers("--sigma-w2", options.sigma_w2),
        "sigma_b2": _numbers("--sigma-b2", options.sigma_b2),
        "outputs": options.outputs,
        "alphas": _several("--widths", options.widths) if options.widths else (),
        "digits": options.digits,
    }
    given = {"samples": options.samples, "input_norm": options.input_norm, "input_overlap": options.input_overlap}
    given = {name: value for name, value in given.items() if value is not None}
    phi = _activations(options)
    if options.inputs is None:
        return DeepNetwork(phi, **described, **given)
    inputs = data_matrix(options.inputs)
    network = DeepNetwork.for_inputs(inputs, phi, **described, **given)
    if warning := input_statistics(inputs).warning:
        print(f"fimtheory: {warning}", file=sys.stderr)
    return network


def _activations(options: argparse.Namespace):
    """One activation, or one for each hidden layer: ``tanh; leaky_relu alpha=1/5``."""
    from fimtheory.activations import activation

    parts = options.activation.split(";")
    if len(parts) == 1:
        return chosen_activation(options)
    if options.param:
        raise InputError(
            "--param with several activations is not clear: write for instance 'tanh; leaky_relu alpha=1/5'"
        )
    found = []
    for words in map(str.split, parts):
        values: dict[str, Any] = dict(word.split("=", 1) for word in words if "=" in word)
        found.append(activation("".join(word for word in words if "=" not in word), parameters=None, **values))
    return tuple(found)


def _several(option: str, text: str) -> tuple[Any, ...]:
    from fimtheory.activations import parse_number

    parts = text.split(",")
    if not all(part.strip() for part in parts):
        raise InputError(f"{option} {text!r} is no list of numbers: write for instance 3 or 3,2,1/2")
    return tuple(parse_number(part) for part in parts)


def _numbers(option: str, text: str):
    """A number, or a tuple of several."""
    first, *others = _several(option, text)
    return (first, *others) if others else first


def data_matrix(path: str):
    """Inputs from a file, one a row: a .npy array, or numbers in text, between commas or blanks."""
    import numpy as np

    try:
        if path.endswith(".npy"):
            return np.load(path, allow_pickle=False)
        with open(path, encoding="utf-8") as file:
            return np.array([[float(part) for part in line.replace(",", " ").split()] for line in file if line.strip()])
    except OSError as error:
        raise InputError(f"--inputs {path} cannot be read: {error.strerror or error}; give another file") from None
    except ValueError as error:
        raise InputError(
            f"--inputs {path} is no table of numbers ({str(error).splitlines()[0]}): write one input a line"
        ) from None


def whole_number(name: str, text: str, least: int | None = None, most: int | None = None) -> int:
    """A whole number between two bounds, where there are any."""
    if not text.lstrip("+-").isdigit():
        raise InputError(f"{name} {text} is not a whole number: write for instance {name} 6")
    value = int(text)
    if (least is not None and value < least) or (most is not None and value > most):
        up_to = "" if most is None else f" to {most}"
        raise InputError(f"{name} {text} is not possible: give a whole number from {least}{up_to}")
    return value


def whole_numbers(option: str, text: str) -> tuple[int, ...]:
    """``100,200,400`` as numbers."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} {text!r} is not a list of whole numbers: write for instance 100,200,400") from None


def show(options: argparse.Namespace, found: dict, text: Callable[[dict], str]) -> None:
    """What was found, as JSON or as text."""
    print(json.dumps(found, indent=1) if options.json else text(found))


def progress(what: str) -> Callable[[int, int], None] | None:
    """A counter on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        end = "\r" if done < total else "\r" + " " * 60 + "\r"
        print(f"  {what}: {done}/{total}", end=end, file=sys.stderr, flush=True)

    return show
