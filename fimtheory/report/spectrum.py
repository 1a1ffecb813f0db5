"""What ``fimtheory spectrum`` shows: one dictionary, once as JSON and once as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.gaussian.quantity import Quantity, as_decimal, number
from fimtheory.latex import latex
from fimtheory.theory.finite_layer import finite_width_mean, finite_width_mean_number, mean_correction
from fimtheory.theory.single_layer import SingleLayer
from fimtheory.theory.single_layer_outliers import extreme_eigenvalues, outlier_bands
from fimtheory.theory.single_layer_outliers import mean_outliers as outliers_of_mean
from fimtheory.theory.spectral_features import gap_excess
from fimtheory.verification import LayerSetting

Progress = Callable[[int, int], None]

_EXTREMES = ("single_layer.lambda_min", "single_layer.lambda_max")
_MOST_FOR_EXTREMES = 128  # the smallest eigenvalue of a wider layer takes minutes
_LONGEST = 90  # characters of a formula on the terminal


def spectrum(layer: SingleLayer, points: int = 101, at: Sequence[sp.Expr] = (), moments: int = 6) -> dict[str, Any]:
    """Constants, special points, moments, atoms and density; values are null while parameters are free."""
    digits, phi = layer.digits, layer.activation

    def shown(e: sp.Expr) -> dict[str, str | None]:
        return Quantity(e).as_json(digits)

    free = bool(phi.parameter_list)
    atoms = () if free else layer.atoms
    found = {
        "layer": {
            "activation": phi.name,
            "formula": str(phi.expression),
            "latex": latex(phi.expression),
            "parameters": {p.name: p.domain for p in phi.parameter_list},
            "aspect": [str(g) for g in layer.aspect],
        },
        "constants": {name: shown(value) for name, value in layer.constants.items()},
        "edges": {name: shown(point) for name, point in layer.edges.items()},
        "moments": [shown(layer.moment(k)) for k in range(1, moments + 1)],
        "conditioning": shown(layer.conditioning),
        "atoms": [{"location": shown(place), "mass": shown(mass)} for place, mass in atoms],
    }
    if layer.is_square and not free:
        found["outliers"] = _outliers(layer)
    if layer.is_square:
        found["gap"] = {"excess": shown(layer.substitute(gap_excess())), "open": None if free else layer.law.has_gap}
    return found | {"density": None if free else _density(layer, points, at)}


def _outliers(layer: SingleLayer) -> dict[str, Any]:
    """What stays outside the limiting spectrum: heuristic, in units of n."""
    low, high = extreme_eigenvalues(layer.activation)
    bands = [
        {
            "region": band.region,
            "directions": band.family,
            "eigenvalues_per_n": band.share,
            "lowest": float(np.nanmin(band.location)),
            "highest": float(np.nanmax(band.location)),
            "mean": band.mean,
        }
        for band in outlier_bands(layer.activation)
    ]
    return {"status": "heuristic", "bands": bands, "lambda_min": low, "lambda_max": high}


def mean_outliers(phi: Activation) -> dict[str, Any]:
    """The n eigenvalues that the mean of an activation adds to the spectrum of the centred one: heuristic.

    lambda(a) = per_width n + constant + slope a, a an eigenvalue of W2'W2.
    """
    first, second = (outliers_of_mean(phi, n) for n in (1, 2))
    rate = second.level - first.level
    return {"status": "heuristic", "per_width": rate, "constant": first.level - rate, "slope": first.slope}


def _density(layer: SingleLayer, points: int, at: Sequence[sp.Expr]) -> dict[str, list[str]]:
    digits = layer.digits
    chosen = [number(x, digits + 5) for x in at] or [mp.mpf(float(x)) for x in layer.law.grid(points)]
    values = [layer.density(x) for x in chosen]
    return {
        "lambda": [as_decimal(x, digits) for x in chosen],
        "rho": ["inf" if mp.isinf(v) else as_decimal(v, digits) for v in values],
    }


def finite(
    layer: SingleLayer, width: int, networks: int, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """A layer of finite width: its exact mean eigenvalue, and what random networks of that width show."""
    phi, inputs = layer.activation, max(1, round(float(layer.aspect[0]) * width))
    exact = finite_width_mean(phi, inputs, layer.aspect)
    value = as_decimal(finite_width_mean_number(phi, inputs, layer.aspect, layer.digits), layer.digits)
    found: dict[str, Any] = {
        "width": width,
        "mean": {
            "formula": None if exact is None else str(exact),
            "latex": None if exact is None else latex(exact),
            "value": value,
            "status": "numerical" if exact is None else "exact",
        },
        "mean_correction": Quantity(mean_correction(phi, layer.aspect)).as_json(min(layer.digits, 16)),
    }
    if networks:
        setting = LayerSetting(phi, layer.aspect, (width,), (networks,), seed, controls=False)
        found["simulation"] = _measured(setting, layer, progress) | {"networks": networks, "seed": seed}
    return found


def _measured(setting: LayerSetting, layer: SingleLayer, progress: Progress | None) -> dict[str, Any]:
    low, high = (float(x) for x in (layer.law.support[0][0], layer.law.support[-1][1]))
    above, below = f"single_layer.count[{high:.6g},inf]", f"single_layer.count[-inf,{low:.6g}]"
    names = [*(f"single_layer.moment[{k}]" for k in range(1, 5)), below, above]
    if setting.widths[0] <= _MOST_FOR_EXTREMES:
        names += _EXTREMES
    ladder = setting.simulate(names, progress)
    (ensemble,) = ladder.ensembles.values()

    def shown(name: str) -> dict[str, float | None]:
        error = ensemble.standard_error(name) if ensemble.n_networks > 1 else None
        return {"value": ensemble.mean(name), "standard_error": error}

    return {
        "moments": [shown(f"single_layer.moment[{k}]") for k in range(1, 5)],
        "below": shown(below),
        "above": shown(above),
    } | {name.split(".")[1]: shown(name) for name in _EXTREMES if name in names}


def spectrum_text(found: dict[str, Any]) -> str:
    """The same for a terminal."""
    layer = found["layer"]
    shape = "" if layer["aspect"] == ["1", "1"] else f", widths {layer['aspect'][0]} : 1 : {layer['aspect'][1]}"
    lines = [f"{layer['activation']}: f(x) = {layer['formula']}{shape}", ""]
    for part in ("constants", "edges"):
        lines += [_line(name, quantity) for name, quantity in found[part].items()] + [""]
    lines += [_line(f"m_{k}", quantity) for k, quantity in enumerate(found["moments"], start=1)]
    lines += [_line("m_2/m_1^2", found["conditioning"]), ""]
    lines += [_atom(atom) for atom in found["atoms"]]
    if found.get("gap") and found["gap"]["open"] is not None and found["constants"]["zeta"]["value"] != "0":
        lines.append(f"  {'two components' if found['gap']['open'] else 'one component'}")
    lines += _outlier_lines(found.get("outliers")) + _mean_lines(found.get("mean_outliers"))
    if found["density"] and set(found["density"]["rho"]) == {"0"}:
        lines.append("  no continuous part")
    elif found["density"]:
        lines += ["", f"  {'lambda':22s} density"]
        pairs = zip(found["density"]["lambda"], found["density"]["rho"], strict=True)
        lines += [f"  {x:22s} {rho}" for x, rho in pairs]
    else:
        lines.append("  the density needs values for the parameters: --param NAME=VALUE")
    return "\n".join(lines + (_finite_lines(found["finite"]) if found.get("finite") else []))


def _mean_lines(found: dict[str, Any] | None) -> list[str]:
    if not found:
        return []
    slope = f" + {found['slope']:.4g} a, a an eigenvalue of W2'W2" if found["slope"] else ""
    return [
        "",
        "  with its mean, the activation has n more eigenvalues (heuristic):",
        f"    near {found['per_width']:.4g} n + {found['constant']:.4g}{slope}",
    ]


def _outlier_lines(outliers: dict[str, Any] | None) -> list[str]:
    if not outliers or not outliers["bands"]:
        return []
    lines = ["", "  outside the limiting spectrum of a wide layer (heuristic):"]
    for band in outliers["bands"]:
        ends = f"{band['lowest']:.4g}" + (f" to {band['highest']:.4g}" if band["highest"] > band["lowest"] else "")
        where = {"below": "below", "gap": "in the gap", "above": "above"}[band["region"]]
        lines.append(f"    {band['eigenvalues_per_n']:.3g} n eigenvalues {where}, at {ends}")
    return lines


def _atom(atom: dict[str, Any]) -> str:
    place, mass = atom["location"], atom["mass"]
    return f"  atom of mass {mass['formula'] or mass['value']} at {place['value']}"


def _finite_lines(finite: dict[str, Any]) -> list[str]:
    mean = finite["mean"]
    lines = ["", f"  at width {finite['width']}: mean eigenvalue {mean['value']} (exact over the random weights)"]
    simulation = finite.get("simulation")
    if simulation:
        lines.append(f"  {simulation['networks']} random layers, seed {simulation['seed']}:")
        lines += [f"    m_{k:<15d} {_plus_minus(m)}" for k, m in enumerate(simulation["moments"], start=1)]
        lines += [
            f"    {label:17s} {_plus_minus(simulation[name])}"
            for name, label in (
                ("lambda_min", "smallest"),
                ("lambda_max", "largest"),
                ("below", "below, per unit"),
                ("above", "above, per unit"),
            )
            if name in simulation
        ]
        lines.append("    below and above: eigenvalues outside the limiting spectrum, divided by the width")
    return lines


def _plus_minus(measured: dict[str, float | None]) -> str:
    error = measured["standard_error"]
    return f"{measured['value']:.6g}" + ("" if error is None else f" ± {error:.2g}")


def _line(name: str, quantity: dict[str, str | None]) -> str:
    formula, value = quantity["formula"], quantity["value"]
    if formula is None:
        return f"  {name:12s} {value or 'an integral: give values to what is free'}"
    if value and len(formula) > _LONGEST:
        return f"  {name:12s} {value} (formula: --json)"
    return f"  {name:12s} {formula}" + (f" = {value}" if value and value != formula else "")
