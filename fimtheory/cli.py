"""The command line: ``fimtheory derive | export | gallery | network | report | claims``.

Exit codes: 0 done, 1 a check fell short, 2 unusable input (one line on standard error), 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from fimtheory import __version__
from fimtheory.errors import FimtheoryError, InputError
from fimtheory.timeout import supervised, time_limit

MAX_DIGITS = 300
MAX_SECONDS = 1e6
TIMEOUT = 60
DONE, FELL_SHORT, UNUSABLE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code, never shows a traceback for what a user can cause.

    Without ``arguments`` this is the program itself, which owns its process and keeps its time limit by force.
    """
    options = _parser().parse_args(arguments)
    if arguments is None:
        return supervised(lambda: _answer(options), options.timeout, _what(options))
    return _answer(options)


def _answer(options: argparse.Namespace) -> int:
    answer = io.StringIO()  # all of it or nothing: the limit may strike while it is written
    try:
        with time_limit(options.timeout, _what(options)), contextlib.redirect_stdout(answer):
            code = options.run(options)
        print(answer.getvalue(), end="", flush=True)
        return code
    except FimtheoryError as error:
        print(f"fimtheory: {' '.join(str(error).split())}", file=sys.stderr)
        return UNUSABLE if isinstance(error, InputError) else FELL_SHORT
    except BrokenPipeError:
        # The reader of a pipe (head, less) has gone: what it wanted it has.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        print(f"fimtheory: cannot write {error.filename or 'the output'}: {error.strerror}", file=sys.stderr)
        return UNUSABLE
    except RecursionError:
        print("fimtheory: the formula is too deeply nested: simplify it", file=sys.stderr)
        return UNUSABLE
    except OverflowError:
        print("fimtheory: a number in the formula is too large or too small to compute with", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print("\nfimtheory: interrupted, nothing was written", file=sys.stderr)
        return INTERRUPTED


def _what(options: argparse.Namespace) -> str:
    """The command in a few words, for a message."""
    text = getattr(options, "activation", "")
    return f"{options.verb} {text[:60]!r}" if text else options.verb


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        """One line and exit code 2."""
        print(f"fimtheory: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(UNUSABLE)


def _parser() -> _Parser:
    parser = _Parser(
        prog="fimtheory",
        description="Exact formulas, numbers and checks for the Fisher information of random neural networks.",
        epilog="examples:\n  fimtheory derive relu\n  fimtheory derive 'x*Phi(s*x)' --param 's>0'\n"
        "  fimtheory network tanh --depth 3 --sigma-w2 3 --sigma-b2 0.64 --simulate 5\n"
        "  fimtheory report gelu -o report/\n  fimtheory claims verify karakida2020.thm3.1",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fimtheory {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND", parser_class=_Parser)
    _add_derive(verbs)
    _add_export(verbs)
    _add_gallery(verbs)
    _add_network(verbs)
    _add_report(verbs)
    _add_claims(verbs)
    return parser


def _verb(verbs, name: str, run: Callable, summary: str, *examples: str) -> argparse.ArgumentParser:
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


def _add_activation(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("activation", metavar="ACT", help="a gallery name (relu, gelu, tanh, ...) or a formula in x")
    verb.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="P",
        help="a parameter: s, s>0, s<0, s>=0 (free) or s=1/3 (fixed); repeat for more",
    )


def _add_derive(verbs) -> None:
    verb = _verb(
        verbs,
        "derive",
        _derive,
        "Constants, Hermite coefficients, duals and recursions of an activation.",
        "relu",
        "leaky_relu --param alpha=1/5",
        "'erf(s*x)' --param 's>0' --json",
        "'log(1+exp(x))' --digits 30",
        "tanh --at q=1.3 c=0.4",
    )
    _add_activation(verb)
    verb.add_argument("--at", nargs="+", default=[], metavar="NAME=VALUE", help="evaluate the duals at q=... c=...")


def _add_export(verbs) -> None:
    from fimtheory.report.export import FORMATS

    verb = _verb(
        verbs,
        "export",
        _export,
        "An activation, its slope and its duals as code or text to paste.",
        "gelu --to jax",
        "leaky_relu --to neural-tangents -o leaky.py",
        "'x*Phi(s*x)' --param 's>0' --to mathematica",
    )
    _add_activation(verb)
    verb.add_argument("--to", required=True, choices=FORMATS, metavar="FORMAT", help=f"one of {', '.join(FORMATS)}")
    verb.add_argument("-o", "--output", metavar="FILE", help="write to a file (default: standard output)")


def _add_gallery(verbs) -> None:
    _verb(verbs, "gallery", _gallery, "The named activations, their formulas, origins and aliases.", "", "--json")


def _add_network(verbs) -> None:
    verb = _verb(
        verbs,
        "network",
        _network,
        "Order parameters and eigenvalue statistics of a random deep network, beside simulation.",
        "tanh --depth 3 --sigma-w2 3 --sigma-b2 0.64",
        "relu --depth 4 --sigma-w2 2 --sigma-b2 0.1 --width 500 --simulate 10 --json",
    )
    verb.set_defaults(timeout=0)  # simulations may rightly take hours
    _add_activation(verb)
    _add_network_options(verb)
    verb.add_argument("--width", type=int, default=1000, metavar="M", help="width scale M (default 1000)")
    verb.add_argument("--simulate", type=int, default=0, metavar="S", help="simulate S networks of that width")


def _add_network_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--depth", type=int, default=3, metavar="L", help="number of layers L (default 3)")
    verb.add_argument("--sigma-w2", default="2", metavar="V", help="variance of the weights (default 2)")
    verb.add_argument("--sigma-b2", default="0.1", metavar="V", help="variance of the biases (default 0.1)")
    verb.add_argument("--outputs", type=int, default=10, metavar="C", help="number of outputs C (default 10)")
    verb.add_argument("--samples", type=int, default=100, metavar="N", help="number of input samples N (default 100)")
    verb.add_argument("--widths", default="", metavar="a0,a1,...", help="width ratios alpha_0..alpha_{L-1} (default 1)")
    verb.add_argument("--seed", type=int, default=1, metavar="K", help="seed of the simulation (default 1)")


def _add_report(verbs) -> None:
    verb = _verb(
        verbs,
        "report",
        _report,
        "Everything about one activation: HTML page, LaTeX source, figures, verdicts.",
        "gelu -o report/",
        "'x*Phi(2*x)' -o out --networks 100",
        "tanh -o out --sigma-w2 3 --sigma-b2 0.64 --no-simulation",
    )
    verb.set_defaults(timeout=0)  # simulations may rightly take hours
    _add_activation(verb)
    _add_network_options(verb)
    verb.add_argument("-o", "--output", required=True, metavar="DIR", help="directory to write to")
    verb.add_argument("--ladder", default="", metavar="M1,M2,...", help="widths to simulate (default 128,256,512,1024)")
    verb.add_argument("--networks", type=int, default=24, metavar="S", help="networks at each width (default 24)")
    verb.add_argument("--no-simulation", action="store_true", help="theory only")


def _add_claims(verbs) -> None:
    verb = _verb(
        verbs,
        "claims",
        _claims,
        "The catalogue of claims, and their verdicts.",
        "",
        "--paper karakida2020",
        "show karakida2020.thm3.1 --bibtex",
        "verify karakida2020.thm3.1",
        "find tangent kernel",
    )
    verb.set_defaults(timeout=0)  # simulations may rightly take hours
    verb.add_argument(
        "action", nargs="?", default="list", choices=("list", "show", "verify", "find"), help="what to do"
    )
    verb.add_argument("words", nargs="*", metavar="ID", help="claim ids (verify: all if none), or words to find")
    verb.add_argument("--paper", metavar="P", help="only the claims of one paper")
    verb.add_argument("--bibtex", action="store_true", help="show: print the BibTeX entry of the source")


# -- the verbs; what they need is imported when they run, so that --help is instant


def _derive(options: argparse.Namespace) -> int:
    from fimtheory.report import summary

    phi = _activation(options)
    derived = summary.derive(phi, options.digits, _point(options.at))
    _print(options, derived, summary.derive_text)
    return DONE


def _export(options: argparse.Namespace) -> int:
    from fimtheory.report.export import export

    phi = _activation(options)
    code = export(phi, options.to)
    if options.output:
        _write(options.output, code)
    if options.json:
        print(json.dumps({"activation": phi.name, "format": options.to, "code": code}, indent=1))
    elif not options.output:
        print(code, end="")
    return DONE


def _gallery(options: argparse.Namespace) -> int:
    from fimtheory.report import summary

    _print(options, {"gallery": summary.gallery()}, lambda found: summary.gallery_text(found["gallery"]))
    return DONE


def _write(path: str, text: str) -> None:
    """All of the text or nothing: a file that was there stays until the new one is complete."""
    part = f"{path}.part"
    try:
        with open(part, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        if os.path.exists(part):
            os.remove(part)


def _network(options: argparse.Namespace) -> int:
    from fimtheory.report import summary

    network = _deep_network(options)
    progress = _progress("networks")
    found = summary.network(network, options.width, options.simulate, options.seed, progress)
    _print(options, found, summary.network_text)
    return DONE


def _report(options: argparse.Namespace) -> int:
    from fimtheory.report.activation_report import write_report
    from fimtheory.report.content import ReportOptions

    network = _deep_network(options)
    ladder = _whole_numbers("--ladder", options.ladder) if options.ladder else (128, 256, 512, 1024)
    networks = 0 if options.no_simulation else options.networks
    chosen = ReportOptions(ladder, networks, options.seed, options.digits)
    written = write_report(network, options.output, chosen, _progress("networks"))
    if options.json:
        print(json.dumps(written.as_json(), indent=1))
    else:
        print(written.text())
    return DONE if not written.contradicted else FELL_SHORT


def _claims(options: argparse.Namespace) -> int:
    from fimtheory import catalogue
    from fimtheory.report import summary
    from fimtheory.verification import verify

    if options.action in ("show", "verify") and options.words:
        chosen = tuple(catalogue.find(id) for id in options.words)
    elif options.action == "show":
        raise InputError("which claim? write for instance: fimtheory claims show karakida2020.thm3.1")
    else:
        chosen = catalogue.search(" ".join(options.words))
    if options.paper:
        of_paper = catalogue.by_paper(options.paper)
        chosen = tuple(claim for claim in chosen if claim in of_paper)
    if options.action == "verify":
        evidence = {claim.id: verify(claim, progress=_progress(claim.id)) for claim in chosen}
    else:
        evidence = {}
    rows = [summary.claim(claim, evidence.get(claim.id)) for claim in chosen]
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print(summary.claims_text(rows, full=options.action in ("show", "verify"), bibtex=options.bibtex))
    settled = all(e.status in ("supported", "corrected") for e in evidence.values())
    return DONE if settled else FELL_SHORT


# -- options to objects


def _activation(options: argparse.Namespace):
    from fimtheory.activations import activation

    domains, values = {}, {}
    for text in options.param:
        name, kind, value = _parameter(text)
        (values if kind == "value" else domains)[name] = value
    return activation(options.activation, parameters=domains, **values)


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


def _point(texts: Sequence[str]) -> dict[str, Any]:
    from fimtheory.activations import parse_number

    point = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in ("q", "c"):
            raise InputError(f"--at {text!r} is not understood: write for instance --at q=1.3 c=0.4")
        point[name] = parse_number(value)
    return point


def _deep_network(options: argparse.Namespace):
    from fimtheory.activations import parse_number
    from fimtheory.theory.deep_network import DeepNetwork

    alphas = tuple(parse_number(part) for part in options.widths.split(",")) if options.widths else ()
    weights, biases = parse_number(options.sigma_w2), parse_number(options.sigma_b2)
    return DeepNetwork(
        _activation(options), options.depth, weights, biases, options.outputs, options.samples, alphas, options.digits
    )


def _whole_numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} {text!r} is not a list of whole numbers: write for instance 100,200,400") from None


def _print(options: argparse.Namespace, found: dict, text: Callable[[dict], str]) -> None:
    print(json.dumps(found, indent=1) if options.json else text(found))


def _progress(what: str) -> Callable[[int, int], None] | None:
    """A counter on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        end = "\r" if done < total else "\r" + " " * 60 + "\r"
        print(f"  {what}: {done}/{total}", end=end, file=sys.stderr, flush=True)

    return show
