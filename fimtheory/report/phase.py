"""What ``fimtheory phase`` shows: fixed points at one point of the plane, the edge of chaos, a map of the plane."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.errors import InputError
from fimtheory.gaussian.field import VARIANCE
from fimtheory.gaussian.quantity import Quantity, as_decimal
from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS
from fimtheory.report import phase_figures
from fimtheory.theory.phase_diagram import phase_diagram
from fimtheory.theory.phase_edge import EdgeOfChaos, EdgePoint, NearEdge, critical_decay, edge_of_chaos, near_edge
from fimtheory.theory.phase_moments import linear_length
from fimtheory.theory.phases import FixedPoint, Phase, variance
from fimtheory.theory.phases import phase as phase_at

_LONGEST = 90  # characters of a formula on the terminal
_w, _b = SYMBOLS["sigma_w2"], SYMBOLS["sigma_b2"]


def phase(phi: Activation, sigma_w2: str, sigma_b2: str, points: int, digits: int) -> dict[str, Any]:
    """The maps, the phase at one point, and the edge of chaos; values are null while parameters are free."""
    weight, bias = variance("sigma_w2", sigma_w2), variance("sigma_b2", sigma_b2)
    free = bool(phi.parameter_list)
    found: dict[str, Any] = {
        "activation": {
            "name": phi.name,
            "formula": str(phi.expression),
            "latex": latex(phi.expression),
            "parameters": {p.name: p.domain for p in phi.parameter_list},
        },
        "sigma_w2": str(weight),
        "sigma_b2": str(bias),
        "maps": _maps(phi, digits),
    }
    found |= {"phase": None, "fixed_points": []} if free else _phase(phase_at(phi, weight, bias, digits))
    return found | {"edge": _edge(phi, bias, points, digits)}


def _maps(phi: Activation, digits: int) -> dict[str, Any]:
    """V and chi_1 in q; the fixed point, where V is linear."""
    formulas = {"length": _w * phi.second_moment(VARIANCE) + _b}
    if not phi._pieces.jumps:
        formulas["chi1"] = _w * phi.second_moment_derivative(VARIANCE)
    mu = linear_length(phi)
    if mu is not None:
        formulas["q_star"] = _b / (1 - _w * mu)
    return {name: Quantity(e).as_json(digits) for name, e in formulas.items()}


def _phase(found: Phase) -> dict[str, Any]:
    rows = [_fixed_point(p, found.digits) | {"reached": p is found.reached} for p in found.fixed_points]
    return {"phase": found.name, "fixed_points": rows}


def _fixed_point(point: FixedPoint, digits: int) -> dict[str, Any]:
    numbers = ("q", "c", "chi1", "chi", "length_slope", "xi_q", "xi_c", "xi_grad")
    return {"name": point.name, "attracting": point.attracting} | {
        name: _number(getattr(point, name), digits) for name in numbers
    }


def _number(value: mp.mpf | None, digits: int) -> dict[str, str | None] | None:
    if value is None:
        return None
    text = "inf" if mp.isinf(value) else as_decimal(value, digits)
    return {"formula": None, "latex": r"\infty" if text == "inf" else text, "value": text, "status": "numerical"}


def _edge(phi: Activation, bias: sp.Expr, points: int, digits: int) -> dict[str, Any]:
    """The curve, a table of it, and what happens on and beside it; or the reason why there is none."""
    try:
        edge = edge_of_chaos(phi)
    except InputError as error:
        return {"exists": False, "reason": str(error)}
    found: dict[str, Any] = {
        "exists": True,
        "is_point": edge.is_point,
        "sigma_w2": Quantity(edge.sigma_w2).as_json(digits),
        "sigma_b2": Quantity(edge.sigma_b2).as_json(digits),
        "decay": _decay(phi, digits),
    }
    return found if phi.parameter_list else found | _numbers_of_edge(edge, bias, points, digits)


def _decay(phi: Activation, digits: int) -> dict[str, Any] | None:
    try:
        decay = critical_decay(phi)
    except InputError:  # linear: nothing decays
        return None
    return {"exponent": str(decay.exponent), "coefficient": Quantity(decay.coefficient).as_json(digits)}


def _numbers_of_edge(edge: EdgeOfChaos, bias: sp.Expr, points: int, digits: int) -> dict[str, Any]:
    there = (edge.bias_on_grid() > 0).any() or edge.is_point
    if not there:
        return {"exists": False, "reason": "chi_1 = 1 would need sigma_b2 < 0 at every length"}
    start = None if edge.start is None else Quantity(edge.start).as_json(digits)
    beside = () if edge.is_point or bias == 0 else near_edge(edge.activation, bias, digits)
    return {
        "start": start,
        "points": [_edge_point(p, digits) for p in edge.points(points, digits=digits)],
        "at_sigma_b2": [_beside(near, digits) for near in beside],
    }


def _edge_point(point: EdgePoint, digits: int) -> dict[str, Any]:
    return {name: as_decimal(getattr(point, name), digits) for name in ("q", "sigma_w2", "sigma_b2", "length_slope")}


def _beside(near: NearEdge, digits: int) -> dict[str, Any]:
    power = sp.nsimplify(sp.Float(near.power))
    return _edge_point(near.edge, digits) | {
        "rate": as_decimal(near.rate, digits),
        "amplitude": as_decimal(near.amplitude, digits),
        "power": str(power),
    }


def drawing(phi: Activation, sigma_w2: Sequence[float], sigma_b2: Sequence[float]) -> Figure:
    """The map of the plane: ln chi_1, the edge of chaos, lines of equal correlation depth."""
    (w_low, w_high), (b_low, b_high) = sigma_w2, sigma_b2
    diagram = phase_diagram(phi, (w_low, w_high), (b_low, b_high))
    with np.errstate(divide="ignore"):
        log_chi1 = np.log(diagram.chi1)
    finite = np.where(np.isfinite(log_chi1), log_chi1, -10.0)
    bounded = ~diagram.unbounded
    regions = {
        "ordered": bounded & (finite < 0),
        "chaotic": bounded & (finite > 0),
        "lengths unbounded": diagram.unbounded,
    }
    title = rf"{phi.name}: edge of chaos and lines of equal depth $\xi_c$"
    return phase_figures.phase_diagram(
        diagram.sigma_w2, diagram.sigma_b2, finite, regions, diagram.edge, diagram.depths, title
    )


# -- text


def phase_text(found: dict[str, Any]) -> str:
    """The same for a terminal."""
    f = found["activation"]
    lines = [f"{f['name']}: f(x) = {f['formula']}", ""]
    lines += [_formula(name, found["maps"][key]) for key, name in _MAPS if key in found["maps"]]
    where = f"at sigma_w2 = {found['sigma_w2']}, sigma_b2 = {found['sigma_b2']}: "
    lines += ["", where + _summary(found)]
    for row in found["fixed_points"]:
        lines += _fixed_point_lines(row)
    return "\n".join([*lines, "", *_edge_lines(found["edge"], found["sigma_b2"])])


_MAPS = (("length", "V(q)"), ("chi1", "chi_1(q)"), ("q_star", "q*"))


def _summary(found: dict[str, Any]) -> str:
    if found["phase"] is None:
        return "give values to the parameters, --param NAME=VALUE"
    if found["phase"] == "unbounded":
        return "unbounded, lengths grow without limit"
    return found["phase"]


def _formula(name: str, quantity: dict[str, str | None]) -> str:
    formula = quantity["formula"]
    shown = "no closed form" if formula is None else formula if len(formula) <= _LONGEST else "see --json"
    return f"  {name:12s} {shown}"


def _fixed_point_lines(row: dict[str, Any]) -> list[str]:
    fate = "signals settle here" if row["reached"] else "attracting" if row["attracting"] else "not attracting"
    lines = [f"  q* = {row['q']['value']} ({row['name']}, {fate})"]
    lines.append(f"    V'(q*) = {row['length_slope']['value']}, depth xi_q = {row['xi_q']['value']}")
    lines.append(f"    chi_1  = {row['chi1']['value']}, depth of gradients = {row['xi_grad']['value']}")
    if row["c"]:
        lines.append(
            f"    c*     = {row['c']['value']}, C'(c*) = {row['chi']['value']}, depth xi_c = {row['xi_c']['value']}"
        )
    return lines


def _edge_lines(edge: dict[str, Any], bias: str) -> list[str]:
    if not edge["exists"]:
        return [f"no edge of chaos: {edge['reason']}"]
    lines = ["edge of chaos, " + ("a single point" if edge["is_point"] else "a curve in the length q")]
    lines += [_formula("sigma_w2", edge["sigma_w2"]), _formula("sigma_b2", edge["sigma_b2"])]
    lines += _decay_lines(edge["decay"])
    if "points" not in edge:
        return lines
    if edge["start"]:
        lines.append(f"  it starts at sigma_w2 = {edge['start']['formula']}, sigma_b2 = 0")
    if not edge["is_point"]:
        lines += ["", *_table(edge["points"])]
    for point in edge["at_sigma_b2"]:
        lines += ["", *_beside_lines(point, bias)]
    return lines


def _decay_lines(decay: dict[str, Any] | None) -> list[str]:
    if decay is None:
        return ["  on it, every correlation is kept"]
    formula, power = decay["coefficient"]["formula"], decay["exponent"]
    law = f"1 - c_l ~ K l^(-{power})" if power != "1" else "1 - c_l ~ K/l"
    return [f"  on it, {law}", _formula("K", decay["coefficient"])] if formula else [f"  on it, {law}"]


def _table(points: Iterable[dict[str, str]]) -> list[str]:
    rows = [("q", "sigma_w2", "sigma_b2", "")]
    for p in points:
        rows.append((p["q"], p["sigma_w2"], p["sigma_b2"], "signals leave q" if float(p["length_slope"]) > 1 else ""))
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    return [
        "  " + "  ".join(f"{cell:{n}s}" for cell, n in zip(row, [*widths, 0], strict=True)).rstrip() for row in rows
    ]


def _beside_lines(point: dict[str, str], bias: str) -> list[str]:
    rate, amplitude, kink = float(point["rate"]), float(point["amplitude"]), point["power"] != "2"
    d = "d" if rate > 0 else "|d|"
    small = f"({abs(rate) / amplitude:.4g} {d})^2" if kink else f"{abs(rate) / amplitude:.4g} {d}"
    leaving = ", a length that signals leave" if float(point["length_slope"]) > 1 else ""
    return [
        f"  at sigma_b2 = {bias}: sigma_w2 = {point['sigma_w2']}, q = {point['q']}{leaving}; at a distance d of it",
        f"    chi_1 - 1 ~ {rate:.4g} d, chaotic for {'d > 0' if rate > 0 else 'd < 0'}",
        f"    ordered: xi_c ~ {1 / abs(rate):.4g}/|d|",
        f"    chaotic: xi_c ~ {(2 if kink else 1) / abs(rate):.4g}/{d}, 1 - c* ~ {small}",
    ]
