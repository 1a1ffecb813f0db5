"""What ``fimtheory modes --functions`` shows: the function of the input that a choice of output weights realises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fimtheory.gaussian.quantity import Quantity
from fimtheory.latex import latex
from fimtheory.theory.function_forms import FunctionForm
from fimtheory.theory.function_groups import FORMULAS
from fimtheory.theory.kernel_modes import KernelModes

_SHOWN = ("norm", "coordinate", "product", "contrast", "hadamard", "hadamard_square", "ones", "planar4")
_LONGEST = 70


def functions(found: KernelModes, asked: Sequence[str], digits: int) -> list[dict[str, Any]]:
    """One row a choice v_i = g(w_i): the limit of f_v, its mean square over that of v, its fluctuation.

    ``asked`` are names of groups or formulas in w1, w2, ... and norm; without any, the groups of document 001.
    """
    names = asked or [name for name in _SHOWN if found.dimension > 1 or "w2" not in FORMULAS[name]]
    laws = ("sphere" if law.fixed else "gaussian" for law in (found.weights, found.inputs))
    options = (found.dimension, found.weight_variance, *laws)
    return [_row(FunctionForm(found.activation, FORMULAS.get(name, name), *options), digits) for name in names]


def _row(form: FunctionForm, digits: int) -> dict[str, Any]:
    quotient = form.quotient
    return {
        "weights": str(form.g),
        "function": None if form.form is None else str(form.form),
        "latex": None if form.form is None else latex(form.form),
        "unit": None if form.unit is None else str(form.unit),
        "quotient": _numerical(form) if quotient is None else Quantity(quotient).as_json(digits),
        "fluctuation": None if form.fluctuation is None else str(form.fluctuation),
        "eigenfunction": form.is_eigenfunction,
    }


def _numerical(form: FunctionForm) -> dict[str, str | None]:
    text = f"{form.quotient_value:.10g}"
    return {"formula": None, "latex": text, "value": text, "status": "numerical"}


def functions_text(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The same for a terminal."""
    lines = ["", "  output weights v_i = g(w_i)/sqrt(m) realise sum v_i f(w_i.x)/sqrt(m), which tends to F(x):"]
    for row in rows:
        mark = "an eigenfunction" if row["eigenfunction"] else "no eigenfunction"
        value = row["quotient"]["value"] or row["quotient"]["formula"]
        lines += [
            f"    g = {row['weights']}: F = {_short(row['function'])}",
            f"      E F^2/E g^2 = {value}, {mark}",
        ]
        if row["fluctuation"] and len(row["fluctuation"]) <= _LONGEST:
            lines[-1] += f"; m Var = {row['fluctuation']}"
    return lines


def _short(formula: str | None) -> str:
    if formula is None:
        return "a number at every x, no formula"
    return formula if len(formula) <= _LONGEST else "a long formula, see --json"
