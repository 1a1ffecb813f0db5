"""What ``fimtheory optimal`` shows: the best activation, its value, and what is known of its optimality."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from matplotlib.figure import Figure

from fimtheory.activations import Activation, activation
from fimtheory.errors import InputError
from fimtheory.gaussian.quantity import Quantity, as_decimal
from fimtheory.latex import latex
from fimtheory.report import spectrum_figures
from fimtheory.theory.constrained_activations import ConstrainedOptimum, constrained_optimum
from fimtheory.theory.optimal_activations import (
    FamilyOptimum,
    Objective,
    best_odd,
    find_objective,
    minimise_family,
    objective_value,
)

Answer = tuple[dict[str, Any], Callable[[], Figure]]
Progress = Callable[[int, int], None]

_CURVE = np.linspace(-4, 4, 801)
_FORMULA_DIGITS = 17


def unconstrained(odd: bool, objective: str, digits: int) -> Answer:
    """The best of all square-integrable functions of zero mean, or of the odd ones among them."""
    goal = find_objective(objective)
    if odd:
        best = best_odd_of(goal)
        found = _head(goal, "odd functions of zero Gaussian mean")
    else:
        best = None if goal.best is None else activation(goal.best)
        found = _head(goal, "all square-integrable functions of zero Gaussian mean")
        found |= {"bound": Quantity(goal.bound).as_json(digits), "reason": goal.reason}
    if best is not None:
        found |= _member(best, goal, digits)
    return found, lambda: _drawing(best or activation("linear"), goal)


def best_odd_of(goal: Objective) -> Activation:
    """The best odd function of an objective, where it is known: the two-mode argument from degree 3 on.

    >>> best_odd_of(find_objective("conditioning")).eta
    1
    """
    if goal.name != "conditioning":
        raise InputError(f"the best odd function is known for conditioning only, not for {goal.name}: add --saturation")
    return best_odd().activation


def family(phi: Activation, interval: tuple, objective: str, digits: int) -> Answer:
    """The best members of a one-parameter family on an interval of its parameter."""
    result = minimise_family(phi, interval=interval, objective=objective, digits=digits)
    found = _head(result.objective, f"{phi.name}, {result.parameter} from {interval[0]} to {interval[1]}")
    found |= {
        "parameter": str(result.parameter),
        "best": [_place(e.at, e.value, e.kind, digits) for e in result.best],
        "extrema": [_place(e.at, e.value, e.kind, digits) for e in (*result.extrema, *result.ends)],
        "interior": result.interior,
        "flat": result.flat,
    }
    return found, lambda: _family_drawing(phi, result)


def constrained(objective: str, saturation: float, progress: Progress | None = None, **options) -> Answer:
    """The best saturating function under constraints, as a formula to take away, with its certificate."""
    best = constrained_optimum(objective, saturation, progress=progress, **options)
    found = _head(best.objective, str(best.constraints))
    found |= {
        "activation": {"name": "optimal", "formula": best.formula, "latex": latex(best.activation.expression)},
        "value": _number(best.value),
        "constants": dict(zip(("eta", "eta_prime", "zeta"), map(_number, best.constants), strict=True)),
        "certificate": {
            "limit": best.limit,
            "limit_error": best.limit_error,
            "residual": best.residual,
            "grid_residual": best.grid_residual,
            "starts": best.starts,
            "reached": best.reached,
            "unsettled": best.unsettled,
            "refinement": [{"cells": cells, "value": value} for cells, value in best.refinement],
        },
    }
    return found, lambda: _constrained_drawing(best)


def _head(goal: Objective, problem: str) -> dict[str, Any]:
    return {
        "objective": {
            "name": goal.name,
            "title": goal.title,
            "formula": str(goal.formula),
            "latex": latex(goal.formula),
        },
        "sense": goal.sense,
        "problem": problem,
    }


def _member(phi: Activation, goal: Objective, digits: int) -> dict[str, Any]:
    constants = {"eta": phi.eta, "eta_prime": phi.eta_prime, "zeta": phi.zeta}
    return {
        "activation": {"name": phi.name, "formula": str(phi.expression), "latex": latex(phi.expression)},
        "value": Quantity(sp.sympify(objective_value(phi, goal))).as_json(digits),
        "constants": {name: Quantity(e).as_json(digits) for name, e in constants.items()},
    }


def _place(at, value, kind: str, digits: int) -> dict[str, str]:
    return {"at": as_decimal(at, digits), "value": as_decimal(value, digits), "kind": kind}


def _number(value: float) -> dict[str, str | None]:
    return {"formula": None, "latex": f"{value:.10g}", "value": f"{value:.12g}", "status": "numerical"}


# -- text


def optimal_text(found: dict[str, Any]) -> str:
    """The same for a terminal."""
    goal = found["objective"]
    lines = [f"{found['sense']} {goal['title']}", f"  over {found['problem']}", ""]
    if "best" in found:
        lines += _family_lines(found)
    elif "activation" in found:
        value = found["value"]
        shown = (
            value["value"] if value["formula"] in (None, value["value"]) else f"{value['formula']} = {value['value']}"
        )
        lines += [f"  f(x) = {found['activation']['formula']}", f"  value {shown}"]
        constants = (f"{name} = {q['value']}" for name, q in found["constants"].items())
        lines.append("  " + ", ".join(constants))
    else:
        lines.append(f"  not attained: the bound is {found['bound']['formula']}")
    if "reason" in found:
        lines.append(f"  {found['reason']}")
    return "\n".join(lines + (_certificate_lines(found["certificate"]) if "certificate" in found else []))


def _family_lines(found: dict[str, Any]) -> list[str]:
    lines = [f"  best: {found['parameter']} = {place['at']}, value {place['value']}" for place in found["best"]]
    if found["flat"]:
        return ["  every member has the same value", *lines]
    if not found["interior"]:
        lines.append("  at an end of the interval: it may improve beyond")
    return lines


def _certificate_lines(certificate: dict[str, Any]) -> list[str]:
    c = certificate
    lines = [
        "",
        f"  with freely chosen slopes {c['limit']:.8g} ± {c['limit_error']:.1g}, by doubling the grid",
        f"  stationary: projected gradient {c['residual']:.1e} (finest grid {c['grid_residual']:.1e})",
        f"  {c['reached']} of {c['starts']} starts found the best value; no theorem calls it global",
    ]
    if c["unsettled"]:
        lines.append("  ever finer alternation of the slope would still improve it: the limit is not attained")
    return lines


# -- drawings


def _drawing(phi: Activation, goal: Objective) -> Figure:
    references = {"$x$": _CURVE}
    title = f"{goal.name}: {phi.name}".replace("_", " ")
    return spectrum_figures.optimal_activation(_CURVE, np.asarray(phi(_CURVE)), references, title)


def _constrained_drawing(best: ConstrainedOptimum) -> Figure:
    scale = float(best.constants[0]) ** 0.5
    curve = {r"$f_{\mathrm{opt}}$ (no constraints)": np.asarray(activation("f_opt")(best.x))}
    inside = {label: np.where(np.abs(y) < 4, y, np.nan) for label, y in curve.items()}
    return spectrum_figures.optimal_activation(best.x, best.y / scale, inside, str(best.constraints))


def _family_drawing(phi: Activation, result: FamilyOptimum) -> Figure:
    symbol = latex(result.parameter)
    members = {rf"${symbol} = {float(e.at):.4g}$": e.at for e in result.ends}
    best = phi.with_values({str(result.parameter): _rational(result.best[0].at)})
    curves = {
        label: np.asarray(phi.with_values({str(result.parameter): _rational(at)})(_CURVE))
        for label, at in members.items()
    }
    return spectrum_figures.optimal_activation(_CURVE, np.asarray(best(_CURVE)), curves, phi.name)


def _rational(value) -> sp.Rational:
    return sp.Rational(as_decimal(value, _FORMULA_DIGITS))
