"""What ``fimtheory modes`` shows: eigenvalues of every degree, and what a network of finite width makes of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.gaussian.quantity import Quantity, as_decimal
from fimtheory.latex import latex
from fimtheory.report import summary
from fimtheory.report.mode_functions import functions_text
from fimtheory.theory.homogeneous import large_dimension
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_clusters import KernelMode
from fimtheory.theory.mode_fluctuations import OutputFisher
from fimtheory.verification.kernel_modes import measure_clusters

Progress = Callable[[int, int], None]

_DEGREES = 16  # of which the corrections take account; what is beyond them enters as a remainder
_MOST_CLUSTERS = 6
_SMALL = 1 / 4  # a cluster is looked at while its multiplicity is below this share of the units
_FEW = 1e-4  # of an eigenvalue: a larger error is shown
_LONGEST = 44  # characters of a formula in the table


def modes(found: KernelModes, digits: int) -> dict[str, Any]:
    """Eigenvalues with multiplicities and shares, the trace, the formula for any dimension."""
    phi, free = found.activation, bool(found.activation.parameter_list)
    return {
        "activation": summary.activation(phi),
        "dimension": found.dimension,
        "weight_variance": str(found.weight_variance),
        "weights": _law(found.weights.fixed),
        "inputs": _law(found.inputs.fixed),
        "modes": [_mode(found, mode, digits, free) for mode in found.modes],
        "trace": _trace(found, digits, free),
        "remainder": None if free else as_decimal(mp.mpf(found.tail), min(digits, 8)),
        "formulas": _formulas(found, digits),
    }


def _law(fixed: bool) -> str:
    return "sphere" if fixed else "gaussian"


def _mode(found: KernelModes, mode: KernelMode, digits: int, free: bool) -> dict[str, Any]:
    return {
        "degree": mode.degree,
        "radial": mode.index,
        "multiplicity": mode.multiplicity,
        "eigenvalue": _eigenvalue(mode, digits),
        "estimate": mode.value if mode.error else None,
        "error": mode.error or None,
        "eigenfunction": _eigenfunction(found, mode, "w"),
        "function": _eigenfunction(found, mode, "x"),
        "share": None if free else found.share(mode),
    }


def _eigenfunction(found: KernelModes, mode: KernelMode, of: str) -> str | None:
    """The eigenvector in terms of the weights, or the function of x that it realises over sqrt(lambda)."""
    if mode.number == 0:
        return None
    length = f"R(|{of}|)" if found.alpha is None else _power(found.alpha, of)
    harmonic = f"Y_{mode.degree}({of}/|{of}|)" if mode.degree else ""
    return " ".join(filter(None, (length, harmonic))) or "1"


def _power(alpha: sp.Expr, of: str) -> str:
    return "" if alpha == 0 else f"|{of}|" if alpha == 1 else f"|{of}|^{alpha}"


def _eigenvalue(mode: KernelMode, digits: int) -> dict[str, str | None]:
    """The common form of a quantity; of a number without formula only the digits that its error leaves."""
    if mode.eigenvalue is not None:
        return Quantity(mode.eigenvalue).as_json(digits)
    kept = digits if mode.error == 0 else max(1, min(digits, int(mp.floor(mp.log10(mode.number / mode.error)))))
    text = as_decimal(mode.number, kept)
    return {"formula": None, "latex": text, "value": text, "status": "numerical"}


def _trace(found: KernelModes, digits: int, free: bool) -> dict[str, str | None] | None:
    if found.trace is not None and not found.trace.has(sp.Float):
        return Quantity(found.trace).as_json(digits)
    if free:
        return None
    text = as_decimal(mp.mpf(found.trace_value), min(digits, 12))
    return {"formula": None, "latex": text, "value": text, "status": "numerical"}


def _formulas(found: KernelModes, digits: int) -> list[dict[str, Any]] | None:
    """lambda_k in a symbolic dimension, and what N lambda_k tends to; None where phi is no single power."""
    if found.alpha is None or found.terms is None:
        return None
    rows = []
    gaussian = not (found.weights.fixed or found.inputs.fixed) and not found.activation.parameter_list
    for mode in found.modes:
        formula = found.formula(mode.degree)
        if formula is None or formula == 0:
            continue
        row = {"degree": mode.degree, "formula": str(formula), "latex": latex(formula)}
        if gaussian and mode.degree <= 8:
            limit, slope = large_dimension(found.terms[0], mode.degree)
            row |= {"share_limit": Quantity(limit).as_json(digits), "share_slope": Quantity(slope).as_json(digits)}
        rows.append(row)
    return rows


# -- finite width


def finite(
    found: KernelModes, width: int, samples: int | None, networks: int, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """The clusters of ``width`` units on ``samples`` inputs, or averaged over all: theory to order 1/m, and measured."""
    degrees, laws = max(found.degrees, _DEGREES), (_law(found.weights.fixed), _law(found.inputs.fixed))
    deep = KernelModes(found.activation, found.dimension, degrees, found.weight_variance, *laws)
    fisher = OutputFisher(deep, None if samples is None else sp.Rational(samples, width))
    ranks = _separate(fisher, width)
    result = {
        "width": width,
        "samples": samples,
        "trace": deep.trace_value,
        "second_moment": fisher.second_moment(width),
        "clusters": [_cluster(fisher, k, width) for k in ranks],
    }
    if networks:
        drawn = measure_clusters(fisher, width, ranks, networks, seed, progress)
        result["simulation"] = {"networks": networks, "seed": seed} | drawn
    return result


def _separate(fisher: OutputFisher, width: int) -> list[int]:
    """The ranks of the largest clusters, up to the first that is many units wide or reaches the next."""
    clusters, ranks = fisher.modes.clusters, []
    for rank, (here, below) in enumerate(itertools.pairwise(clusters), start=1):
        reach = 2 * _root(fisher.spread(rank) / width, here.value)
        if here.multiplicity > _SMALL * width or reach > here.value - below.value or rank > _MOST_CLUSTERS:
            return ranks
        ranks.append(rank)
    return ranks or ([1] if len(clusters) == 1 else [])


def _root(variance: float, size: float) -> float:
    """A standard deviation; 0 where nothing but rounding is left."""
    return float(np.sqrt(variance)) if variance > 1e-12 * size**2 else 0.0


def _cluster(fisher: OutputFisher, rank: int, width: int) -> dict[str, Any]:
    cluster = fisher.cluster(rank)
    return {
        "degrees": list(cluster.degrees),
        "multiplicity": cluster.multiplicity,
        "limit": cluster.value,
        "mean": cluster.value + fisher.shift(rank) / width,
        "scatter": _root(fisher.variance(rank) / width, cluster.value),
        "spread": _root(fisher.spread(rank) / width, cluster.value),
    }


# -- text


def modes_text(found: dict[str, Any]) -> str:
    """The same for a terminal."""
    f, d = found["activation"], found["dimension"]
    lines = [
        f"{f['name']}: f(x) = {f['formula']}",
        f"  d = {d}, weights {_text_of_law(found['weights'], found['weight_variance'], d)}, "
        f"inputs {_text_of_law(found['inputs'], '1', d)}",
        "  eigenvalues of E_x[f(Wx) f(Wx)']/m as the number m of hidden units grows",
        "",
    ]
    lines += _table(found["modes"])
    if found["trace"]:
        kept = (
            f", of which {_percent(1 - float(found['remainder']) / float(found['trace']['value']))} are listed"
            if (found["remainder"] is not None and float(found["trace"]["value"]))
            else ""
        )
        lines += ["", f"  trace {_formula_and_value(found['trace'])}{kept}"]
    lines += _functions(found["modes"]) + _symbolic(found["formulas"])
    lines += functions_text(found["functions"]) if "functions" in found else []
    lines += _finite_lines(found["finite"]) if "finite" in found else []
    lines += ["", f"  open {found['page'][0]}"] if "page" in found else []
    return "\n".join(lines)


def _finite_lines(finite: dict[str, Any]) -> list[str]:
    inputs = "averaged over all inputs" if finite["samples"] is None else f"on {finite['samples']} inputs"
    drawn = finite.get("simulation")
    head = ["degree", "multiplicity", "m to infinity", f"mean at m = {finite['width']}", "from network to network",
            "within the cluster"]  # fmt: skip
    if drawn:
        head += ["measured mean", "measured within"]
    rows = [head]
    for place, row in enumerate(finite["clusters"]):
        cells = [" and ".join(map(str, row["degrees"])), str(row["multiplicity"])]
        cells += [f"{row['limit']:.6g}", f"{row['mean']:.6g}"]
        cells += [f"± {row[name]:.2g}" if row[name] else "" for name in ("scatter", "spread")]
        if drawn:
            measured = drawn["clusters"][place]
            cells += [_plus_minus(measured["mean"]), f"± {measured['spread']['value']:.2g}"]
            cells[-1] = cells[-1] if row["multiplicity"] > 1 else ""
        rows.append(cells)
    lines = ["", f"  {finite['width']} units, {inputs}, to order 1/m:", *_aligned(rows)]
    if not finite["clusters"]:
        lines[-1] = "    no cluster is small against so few units: take more"
    traces = [f"  E tr J = {finite['trace']:.6g} and E tr J^2 = {finite['second_moment']:.6g}, exact at this width"]
    if drawn:
        traces.append(
            f"  {drawn['networks']} networks, seed {drawn['seed']}: tr J = {_plus_minus(drawn['trace'])}, "
            f"tr J^2 = {_plus_minus(drawn['second_moment'])}"
        )
    return lines + traces


def _plus_minus(measured: dict[str, float | None]) -> str:
    error = measured["standard_error"]
    return f"{measured['value']:.6g}" + ("" if error is None else f" ± {error:.2g}")


def _aligned(cells: list[list[str]]) -> list[str]:
    widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
    return ["  " + "  ".join(f"{c:{n}s}" for c, n in zip(line, widths, strict=True)).rstrip() for line in cells]


def _text_of_law(law: str, variance: str, d: int) -> str:
    if law == "gaussian":
        return f"N(0, {variance})" if variance != "1" else "N(0, 1)"
    return f"on the sphere of squared radius {sp.sympify(variance) * d}"


def _table(rows: list[dict[str, Any]]) -> list[str]:
    several = any(row["radial"] for row in rows)
    head = ["degree", *(["radial"] if several else []), "multiplicity", "eigenvalue", "share of the trace"]
    cells = [head]
    for row in rows:
        share = "" if row["share"] is None else _percent(row["share"])
        cells.append(
            [
                str(row["degree"]),
                *([str(row["radial"])] if several else []),
                str(row["multiplicity"]),
                _with_error(row),
                share,
            ]
        )
    return _aligned(cells)


def _with_error(row: dict[str, Any]) -> str:
    """The digits that hold; where these are few, the estimate and its error."""
    estimate, error = row["estimate"], row["error"]
    if estimate is None or error < _FEW * estimate:
        return _formula_and_value(row["eigenvalue"])
    return f"{estimate:.4g} ± {error:.1g}"


def _formula_and_value(quantity: dict[str, str | None]) -> str:
    formula, value = quantity["formula"], quantity["value"]
    if formula is None or (value and len(formula) > _LONGEST):
        return value or "give values to the parameters"
    return formula if value in (None, formula) else f"{formula} = {value}"


def _functions(rows: list[dict[str, Any]]) -> list[str]:
    """What an eigenvector is, on the largest degree there is."""
    shown = [row for row in rows if row["eigenfunction"]]
    if not shown:
        return []
    row = shown[-1]
    k = row["degree"]
    what = f", Y_{k} any harmonic of degree {k}" if k else ""
    return [
        f"  eigenvectors of degree {k}: v_i ~ {row['eigenfunction']} at w = w_i{what};",
        f"  a unit one realises the function {row['function']} of x, scaled to the mean square lambda_{k}",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _symbolic(rows: list[dict[str, Any]] | None) -> list[str]:
    if not rows:
        return []
    lines = ["", "  in any dimension d:"]
    lines += [f"    lambda_{row['degree']} = {row['formula']}" for row in rows[:4]]
    known = [row for row in rows if "share_limit" in row]
    if known:
        lines += ["  and as d grows, multiplicity times eigenvalue over d^a, a the degree of homogeneity, tends to"]
        lines += [f"    degree {row['degree']}: {_formula_and_value(row['share_limit'])}" for row in known[:4]]
    return lines
