"""``fimtheory spectrum``: the eigenvalue distribution of one hidden layer."""

from __future__ import annotations

import argparse

from fimtheory.cli.options import DONE, add_activation, chosen_activation, new_verb, progress, show
from fimtheory.errors import InputError

MOST_POINTS = 100_000
MOST_MOMENTS = 60


def add(verbs) -> None:
    """Declare the verb."""
    verb = new_verb(
        verbs,
        "spectrum",
        run,
        "The limiting spectrum of the Fisher information matrix of one hidden layer.",
        "erf_alpha --param alpha=1",
        "f_opt --plot spectrum.svg",
        "relu --centred --at 0.3 1/2 2",
        "tanh --aspect 2,1/2 --points 200 --json",
        "srelu --param alpha=0 --finite 64 --networks 5",
    )
    verb.set_defaults(timeout=0)  # simulations may rightly take long
    add_activation(verb)
    verb.add_argument("--centred", action="store_true", help="subtract the Gaussian mean of the activation first")
    verb.add_argument(
        "--aspect", default="1,1", metavar="g0,g1", help="input and output width over hidden width (default 1,1)"
    )
    verb.add_argument("--points", type=int, default=41, metavar="n", help="points of the density (default 41)")
    verb.add_argument("--at", nargs="+", default=[], metavar="LAMBDA", help="the density at these points only")
    verb.add_argument("--moments", type=int, default=6, metavar="K", help="moments m_1 .. m_K (default 6)")
    verb.add_argument("--finite", type=int, metavar="n", help="also a layer of finite hidden width n")
    verb.add_argument("--networks", type=int, default=3, metavar="S", help="finite: random layers drawn (default 3)")
    verb.add_argument("--seed", type=int, default=1, metavar="K", help="seed of the simulation (default 1)")
    verb.add_argument("--plot", metavar="FILE", help="draw the density to FILE (.svg, .pdf, .png)")


def run(options: argparse.Namespace) -> int:
    """Carry it out."""
    from fimtheory.activations import parse_number
    from fimtheory.report import spectrum
    from fimtheory.theory.single_layer import SingleLayer

    _check(options)
    if options.plot:
        from fimtheory.report import figures

        figures.check_path(options.plot)
    phi = chosen_activation(options)
    at = [parse_number(text) for text in options.at]
    layer = SingleLayer(phi.centred() if options.centred else phi, _aspect(options.aspect), options.digits)
    found = spectrum.spectrum(layer, options.points, at, options.moments)
    if options.centred and layer.is_square and not phi.parameter_list and phi.mean != 0:
        found["mean_outliers"] = spectrum.mean_outliers(phi)
    if options.finite:
        drawn = spectrum.finite(layer, options.finite, options.networks, options.seed, progress("networks"))
        found["finite"] = drawn
    if options.plot:
        _plot(layer, options.plot)
    show(options, found, spectrum.spectrum_text)
    return DONE


def _check(options: argparse.Namespace) -> None:
    for name, most in (("points", MOST_POINTS), ("moments", MOST_MOMENTS), ("finite", 4096), ("networks", 10_000)):
        value = getattr(options, name)
        least = 0 if name == "networks" else 1
        if value is not None and not least <= value <= most:
            raise InputError(f"--{name} {value} is not possible: give a whole number from {least} to {most}")
    if options.seed < 0:
        raise InputError(f"--seed {options.seed} is negative: give a whole number from 0")


def _aspect(text: str) -> tuple:
    from fimtheory.activations import parse_number

    parts = text.split(",")
    if len(parts) != 2:
        raise InputError(f"--aspect {text!r} is not understood: write g0,g1 such as 2,1/2")
    return tuple(parse_number(part) for part in parts)


def _plot(layer, path: str) -> None:
    from fimtheory.gaussian.quantity import number
    from fimtheory.report import figures, spectrum_figures

    layer.activation._require_numbers()
    points = layer.law.grid(2000)
    edges = {name: float(number(point, 16)) for name, point in layer.edges.items()}
    figure = spectrum_figures.density(
        (points, layer.law.density(points)), edges if layer.is_square else {}, layer.law.atoms
    )
    figures.save(figure, path)
