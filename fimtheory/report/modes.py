"""What ``fimtheory modes`` shows: eigenvalues of every degree, and what a network of finite width makes of them."""

from __future__ import annotations

from typing import Any

import sympy as sp
from mpmath import mp

from fimtheory.gaussian.quantity import Quantity, as_decimal
from fimtheory.latex import latex
from fimtheory.theory.homogeneous import large_dimension
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_clusters import KernelMode

_LONGEST = 44  # characters of a formula in the table


def modes(found: KernelModes, digits: int) -> dict[str, Any]:
    """Eigenvalues with multiplicities and shares, the trace, the formula for any dimension."""
    phi, free = found.activation, bool(found.activation.parameter_list)
    return {
        "activation": {
            "name": phi.name,
            "formula": str(phi.expression),
            "latex": latex(phi.expression),
            "parameters": {p.name: p.domain for p in phi.parameter_list},
        },
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


# -- text


def modes_text(found: dict[str, Any]) -> str:
    """The same for a terminal."""
    f = found["activation"]
    lines = [
        f"{f['name']}: f(x) = {f['formula']}",
        f"  d = {found['dimension']}, weights {_text_of_law(found['weights'], found['weight_variance'], found['dimension'])}, "
        f"inputs {_text_of_law(found['inputs'], '1', found['dimension'])}",
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
    return "\n".join(lines)


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
                _formula_and_value(row["eigenvalue"]),
                share,
            ]
        )
    widths = [max(len(line[k]) for line in cells) for k in range(len(head))]
    return ["  " + "  ".join(f"{c:{n}s}" for c, n in zip(line, widths, strict=True)).rstrip() for line in cells]


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
