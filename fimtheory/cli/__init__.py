"""The command line: ``fimtheory derive | export | gallery | network | phase | spectrum | modes | neuron | optimal
| report | claims``.

Exit codes: 0 done, 1 a check fell short, 2 unusable input (one line on standard error), 130 interrupted. A module a verb.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence

from fimtheory import __version__
from fimtheory.cli import claims, derive, export, gallery, modes, network, neuron, optimal, phase, report, spectrum
from fimtheory.cli.options import DONE, FELL_SHORT, INTERRUPTED, UNUSABLE, Parser
from fimtheory.errors import FimtheoryError, InputError
from fimtheory.timeout import supervised, time_limit

VERBS = (derive, export, gallery, network, phase, spectrum, modes, neuron, optimal, report, claims)


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


def _parser() -> Parser:
    parser = Parser(
        prog="fimtheory",
        description="Exact formulas, numbers and checks for the Fisher information of random neural networks.",
        epilog="examples:\n  fimtheory derive relu\n  fimtheory derive 'x*Phi(s*x)' --param 's>0'\n"
        "  fimtheory network tanh --depth 3 --sigma-w2 3 --sigma-b2 0.64 --simulate 5\n"
        "  fimtheory report gelu -o report/\n  fimtheory claims verify karakida2020.thm3.1",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fimtheory {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND", parser_class=Parser)
    for verb in VERBS:
        verb.add(verbs)
    return parser
