"""``fimtheory neuron``: relative Fisher metrics, derived from a stochastic model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fimtheory.cli.options import DONE, FELL_SHORT, add_parameters, chosen_parameters, new_verb, show, whole_number
from fimtheory.errors import InputError

if TYPE_CHECKING:
    from fimtheory.report.neuron import Average

MOST_DRAWS = 10**7

# option -> the keyword of the response
_RESPONSE = {
    "sigma": "sigma",
    "kappa": "kappa",
    "shape": "shape",
    "trials": "n",
    "failures": "r",
    "outcomes": "outcomes",
    "log_partition": "log_partition",
}


def add(verbs) -> None:
    """Declare the verb."""
    verb = new_verb(
        verbs,
        "neuron",
        run,
        "The relative Fisher metric of a stochastic neuron, derived from its law: nu(t) x x' with t = w.x.",
        "bernoulli:tanh",
        "gaussian:elu --sigma 0.7 --param alpha=1/4 --at t=-0.5",
        "gaussian:leaky_relu --sigma sigma --json",
        "gaussian:relu_omega --param omega=1/10 --param iota=1/4 --at t=-1,0,1",
        "poisson:softplus --variance q",
        "bernoulli:tanh --at t=-1,0,1 --simulate 100000",
        "gaussian:relu --variance 1 --dim 100 --samples 400",
        "softmax:linear --classes 3 --at t=0,1,-1",
        "family:linear --log-partition 'log(1 + exp(x))' --natural",
    )
    verb.add_argument(
        "activation",
        metavar="RESPONSE:ACT",
        help="the law of the answer (bernoulli, gaussian, poisson, binomial, exponential, gamma, geometric, "
        "negative_binomial, von_mises, family; softmax for a layer) and the function of w.x that sets its mean",
    )
    add_parameters(verb)
    verb.add_argument("--sigma", metavar="S", help="gaussian: standard deviation (default 1; sigma leaves it free)")
    verb.add_argument("--kappa", metavar="K", help="von_mises: concentration (default 1)")
    verb.add_argument("--shape", metavar="K", help="gamma: shape (default 1)")
    verb.add_argument("--trials", metavar="N", help="binomial: number of trials (default 1)")
    verb.add_argument("--failures", metavar="R", help="negative_binomial: number of failures (default 1)")
    verb.add_argument("--outcomes", metavar="A,B", help="bernoulli: 0,1 or -1,1 (default: those whose means f is)")
    verb.add_argument("--log-partition", metavar="PSI", help="family: a formula in x, the natural parameter")
    verb.add_argument("--natural", action="store_true", help="f is the natural parameter instead of the mean")
    verb.add_argument("--classes", metavar="M", help="softmax: number of classes (default 3)")
    verb.add_argument("--at", nargs="+", default=[], metavar="t=T", help="evaluate nu at t=-0.5, or at t=-1,0,1")
    verb.add_argument(
        "--variance", metavar="Q", help="random inputs: average over w.x ~ N(bias, Q); a number, or q to leave it free"
    )
    verb.add_argument("--bias", metavar="B", help="random inputs: the mean of w.x (default: no bias weight)")
    verb.add_argument("--dim", metavar="d", help="random inputs: their dimension, for the metric of a mini-batch")
    verb.add_argument("--samples", metavar="n", help="random inputs: how many a mini-batch has")
    verb.add_argument(
        "--simulate", default="0", metavar="S", help="draw S answers at each t and average squared scores (0: none)"
    )
    verb.add_argument("--seed", default="1", metavar="K", help="seed of the simulation (default 1)")


def run(options: argparse.Namespace) -> int:
    """Carry it out."""
    from fimtheory.report import neuron
    from fimtheory.theory.categorical import stochastic_unit

    domains, values = chosen_parameters(options)
    given = _of_the_response(options)
    if clash := sorted(set(given) & set(values)):
        raise InputError(f"{clash[0]} is given twice, by --param and by its own option: leave one out")
    unit = stochastic_unit(
        options.activation,
        link="natural" if options.natural else "mean",
        classes=3 if options.classes is None else whole_number("--classes", options.classes),
        parameters=domains,
        **given,
        **values,
    )
    at = _points(options.at)
    draws, seed = whole_number("--simulate", options.simulate, 0, MOST_DRAWS), whole_number("--seed", options.seed, 0)
    found = neuron.neuron(unit, options.digits, at, _average(options))
    fits = True
    if draws:
        words = [f"{key}={value}" for key, value in {**given, **values}.items()]
        link = ["link=natural"] if options.natural else []
        name = " ".join(["".join(options.activation.split()), *("".join(word.split()) for word in words), *link])
        found["simulation"], fits = neuron.simulated(unit, name, at, draws, seed)
    show(options, found, neuron.neuron_text)
    return DONE if fits else FELL_SHORT


def _of_the_response(options: argparse.Namespace) -> dict[str, str]:
    """The parameters of the response that have options of their own; each belongs to one response."""
    from fimtheory.theory.responses import PARAMETERS

    head = options.activation.partition(":")[0].strip()
    given = {key: value for option, key in _RESPONSE.items() if (value := getattr(options, option)) is not None}
    for option, key in _RESPONSE.items():
        owners = [name for name, keys in PARAMETERS.items() if key in keys]
        if key in given and head not in owners:
            raise InputError(f"--{option.replace('_', '-')} belongs to {owners[0]}, not to {head}: leave it out")
    if options.classes is not None and head not in ("softmax", "categorical"):
        raise InputError(f"--classes belongs to softmax, not to {head}: leave it out")
    return given


def _points(texts: Sequence[str]) -> list[Any]:
    """The values of t in ``t=-0.5`` or ``t=-1,0,1``."""
    from fimtheory.activations import parse_number

    points = []
    for text in texts:
        name, equals, values = text.partition("=")
        if name.strip() != "t" or not equals or not all(part.strip() for part in values.split(",")):
            raise InputError(f"--at {text!r} is not understood: write for instance --at t=-0.5 or --at t=-1,0,1")
        points += [parse_number(part) for part in values.split(",")]
    return points


def _average(options: argparse.Namespace) -> Average | None:
    """What is averaged over, where averages over random inputs are asked for."""
    from fimtheory.activations import parse_number
    from fimtheory.gaussian.field import VARIANCE
    from fimtheory.report.neuron import Average

    if options.variance is None:
        if options.bias is not None:
            raise InputError("--bias is the mean of w.x over random inputs: say their variance, too: --variance 1")
        if options.dim is not None or options.samples is not None:
            raise InputError("--dim and --samples describe random inputs: say the variance of w.x, too: --variance 1")
        return None
    q = VARIANCE if options.variance.strip() == "q" else parse_number(options.variance)
    if q.is_positive is not True:
        raise InputError(f"--variance {options.variance} is not positive: write for instance --variance 1")
    if (options.dim is None) != (options.samples is None):
        raise InputError("a mini-batch has a dimension and a number of inputs: write both --dim 100 and --samples 400")
    batch = None
    if options.dim is not None:
        if q is VARIANCE or options.bias is not None:
            raise InputError("the spectrum of a mini-batch needs a number for --variance, and no --bias")
        batch = whole_number("--dim", options.dim), whole_number("--samples", options.samples)
    return Average(q, None if options.bias is None else parse_number(options.bias), batch)
