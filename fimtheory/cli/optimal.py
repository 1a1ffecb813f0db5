"""``fimtheory optimal``: the activations that condition one hidden layer best."""

from __future__ import annotations

import argparse

from fimtheory.cli.options import DONE, chosen_activation, new_verb, progress, show
from fimtheory.errors import InputError

OBJECTIVES = ("conditioning", "lambda_max_over_mean", "bulk_condition", "gap")
CONSTRAINTS = ("monotone", "odd")


def add(verbs) -> None:
    """Declare the verb."""
    verb = new_verb(
        verbs,
        "optimal",
        run,
        "The activation that conditions one hidden layer best: over all functions, a family, or under constraints.",
        "",
        "--constraint odd",
        "--constraint monotone,odd --saturation 2 --plot best.svg",
        "--constraint monotone --saturation 3 --lipschitz 1.5 --objective lambda_max_over_mean",
        "--family srelu --interval=-1,1",
        "--family 'x+t*(x**2-1)' --param t --interval 0,4 --json",
    )
    verb.add_argument(
        "--objective", default="conditioning", choices=OBJECTIVES, help="default: conditioning, m_2/m_1^2"
    )
    verb.add_argument(
        "--constraint", default="", metavar="C", help="monotone, odd or both, with a comma between (default: none)"
    )
    verb.add_argument("--saturation", metavar="S", help="f is constant for |x| >= S; monotone needs it")
    verb.add_argument("--lipschitz", metavar="L", help="|f'| <= L sqrt(eta)")
    verb.add_argument("--pieces", type=int, default=24, metavar="K", help="linear pieces of the answer (default 24)")
    verb.add_argument("--starts", type=int, default=12, metavar="S", help="random starts of the search (default 12)")
    verb.add_argument("--seed", type=int, default=0, metavar="K", help="seed of the starts (default 0)")
    verb.add_argument(
        "--family", dest="activation", metavar="ACT", help="the best member of a one-parameter family instead"
    )
    verb.add_argument("--param", action="append", default=[], metavar="P", help="family: its parameter, as in derive")
    verb.add_argument("--interval", metavar="LO,HI", help="family: where the parameter may lie (default -1,1)")
    verb.add_argument("--plot", metavar="FILE", help="draw the activation to FILE (.svg, .pdf, .png)")


def run(options: argparse.Namespace) -> int:
    """Carry it out."""
    from fimtheory.report import figures, optimal

    if options.plot:
        figures.check_path(options.plot)
    constraints = _constraints(options.constraint)
    if options.activation:
        _refuse_with_family(options)
        found, drawing = optimal.family(
            chosen_activation(options), _interval(options), options.objective, options.digits
        )
    elif options.saturation is None:
        if "monotone" in constraints or options.lipschitz:
            raise InputError("a monotone or Lipschitz activation needs its scale: add --saturation S, for instance 3")
        found, drawing = optimal.unconstrained("odd" in constraints, options.objective, options.digits)
    else:
        found, drawing = optimal.constrained(
            options.objective,
            _number("saturation", options.saturation),
            monotone="monotone" in constraints,
            odd="odd" in constraints,
            lipschitz=None if options.lipschitz is None else _number("lipschitz", options.lipschitz),
            pieces=options.pieces,
            starts=options.starts,
            seed=options.seed,
            progress=progress("search"),
        )
    if options.plot:
        figures.save(drawing(), options.plot)
    show(options, found, optimal.optimal_text)
    return DONE


def _constraints(text: str) -> set[str]:
    found = {part.strip() for part in text.split(",") if part.strip()}
    unknown = sorted(found - set(CONSTRAINTS))
    if unknown:
        raise InputError(f"unknown constraint {unknown[0]!r}: write monotone, odd or monotone,odd")
    return found


def _refuse_with_family(options: argparse.Namespace) -> None:
    for name in ("constraint", "saturation", "lipschitz"):
        if getattr(options, name):
            raise InputError(f"--{name} is not for a family: its members are what they are; leave it out")


def _interval(options: argparse.Namespace) -> tuple:
    from fimtheory.activations import parse_number

    if options.interval is None:
        return (-1, 1)
    ends = options.interval.split(",")
    if len(ends) != 2:
        raise InputError(f"--interval {options.interval!r} is not understood: write LO,HI such as 0,4")
    return tuple(parse_number(end) for end in ends)


def _number(name: str, text: str) -> float:
    from fimtheory.activations import parse_number

    try:
        return float(parse_number(text))
    except OverflowError:
        raise InputError(f"--{name} {text} is too large: give a moderate number") from None
