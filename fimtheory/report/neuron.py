"""What ``fimtheory neuron`` shows: the metric, how it follows from the law, its values, its averages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.gaussian.quantity import Quantity, decimal
from fimtheory.latex import latex
from fimtheory.report import summary
from fimtheory.theory.categorical import Categorical
from fimtheory.theory.expected_batches import BatchMetric
from fimtheory.theory.expected_relative import ExpectedMetric
from fimtheory.theory.relative_fisher import Kink, Neuron, Step
from fimtheory.verification.score_products import neuron_curve

_POINTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)  # where answers are drawn unless the user says
_CLEAR = 0.05  # of kinks: a squared score is measured by differences, which must not cross one
_CONTRADICTION = 5.0  # standard errors, of the worst of a few points


@dataclass(frozen=True)
class Average:
    """Random inputs: the variance of w.x, the value of the bias weight if there is one, and (d, n) of a mini-batch."""

    variance: sp.Expr
    bias: sp.Expr | None = None
    batch: tuple[int, int] | None = None


def neuron(
    unit: Neuron | Categorical, digits: int = 16, at: Sequence[Any] = (), average: Average | None = None
) -> dict[str, Any]:
    """Everything about one stochastic unit; ``at`` are values of t, ``average`` says what is averaged over."""
    if isinstance(unit, Categorical):
        if average is not None:
            raise InputError("averages over random inputs are known for one neuron: leave --variance out for softmax")
        return _layer(unit, digits, at)
    values = [_value(unit, t, digits) for t in at]
    nu = Quantity(unit.nu).as_json(digits)
    if len(values) == 1:
        nu["value"] = values[0]["nu"]["value"]
    return {
        "neuron": unit.name,
        "response": {
            "name": unit.response.name,
            "law_latex": unit.response.law,
            "outcomes": unit.response.outcomes,
            "sets": unit.response.parameter,
            "free": [str(symbol) for symbol in unit.response.parameters],
        },
        "activation": summary.activation(unit.activation),
        **nu,
        "nu": nu,
        "metric_latex": unit.latex,
        "general": {"formula": str(unit.general), "latex": latex(unit.general)},
        "score_form": {"formula": str(unit.score_form), "latex": latex(unit.score_form)},
        "hessian_form": {"formula": str(unit.hessian_form), "latex": latex(unit.hessian_form)},
        "agreement": _agreement(unit),
        "steps": _steps(unit.steps),
        "kinks": [_kink(kink, digits) for kink in unit.kinks],
        "values": values,
        "expected": None if average is None else _expected(unit, average, digits),
    }


def _agreement(unit: Neuron | Categorical) -> str:
    return "certified" if unit.certified else "not certified"


def _steps(steps: Sequence[Step]) -> list[dict[str, str]]:
    return [{"text": step.text, "latex": step.latex} for step in steps]


def _value(unit: Neuron, t: sp.Expr, digits: int) -> dict[str, Any]:
    jump = unit.kink_at(t)
    note = None
    if jump is not None:
        note = f"undefined at the kink t = {t}: {jump.left} on the left, {jump.right} on the right, which is used"
    return {"t": decimal(t, digits), "nu": _quantity(unit.at(t), digits), "note": note}


def _quantity(e: sp.Expr, digits: int) -> dict[str, str | None]:
    """A quantity, which may be infinite: nu at the end of the range of a mean."""
    if e.is_infinite:
        return {"formula": "oo", "latex": r"\infty", "value": None, "status": "exact"}
    return Quantity(e).as_json(digits)


def _kink(kink: Kink, digits: int) -> dict[str, Any]:
    return {
        "t": str(kink.at),
        "left": _quantity(kink.left, digits),
        "right": _quantity(kink.right, digits),
        "continuous": kink.continuous,
        "used": "right",
    }


def _expected(unit: Neuron, average: Average, digits: int) -> dict[str, Any]:
    """Averages over inputs x ~ N(0, I_d): without a bias weight, or with one, and on a mini-batch."""
    variance, bias = average.variance, average.bias
    metric = ExpectedMetric(unit, variance, sp.S.Zero if bias is None else bias)
    pairs = metric.eigenvalues if bias is None else metric.eigenvalues_with_bias
    condition = metric.condition_number if bias is None else metric.condition_number_with_bias
    return {
        "variance": str(variance),
        "bias": None if bias is None else str(bias),
        "eigenvalues": [{"multiplicity": str(count), **Quantity(e).as_json(digits)} for e, count in pairs],
        "condition_number": Quantity(condition).as_json(digits),
        "metric_latex": metric._repr_latex_().strip("$").removeprefix(r"\displaystyle ") if bias is None else None,
        "batch": None if average.batch is None else _batch(metric, *average.batch, digits),
    }


def _batch(metric: ExpectedMetric, dimension: int, inputs: int, digits: int) -> dict[str, Any]:
    """The metric of a mini-batch: exact moments, and its spectrum where the law has ends."""
    batch = BatchMetric(metric, dimension, inputs)
    found: dict[str, Any] = {
        "dimension": dimension,
        "inputs": inputs,
        "mean": Quantity(batch.mean).as_json(digits),
        "second_moment": Quantity(batch.second_moment).as_json(digits),
        "rank": Quantity(batch.rank).as_json(digits),
        "edges": None,
        "outliers": None,
        "condition_number": None,
        "note": None,
    }
    try:
        spectrum = {"edges": list(batch.law.edges), "outliers": list(batch.outliers)}
    except OutsideAssumptions as error:
        return found | {"note": str(error)}
    condition = batch.condition_number
    return found | spectrum | {"condition_number": condition if np.isfinite(condition) else None}


def _layer(unit: Categorical, digits: int, at: Sequence[Any]) -> dict[str, Any]:
    """A softmax layer: the matrix in front of x~ x~'."""
    count = unit.classes
    if at and len(at) != count:
        raise InputError(f"--at has {len(at)} values for {count} classes: write one logit a class, as t=0,1,-1")
    exact = unit.at(*at) if at else None
    return {
        "neuron": unit.name,
        "response": {"name": "softmax", "outcomes": f"1, ..., {count}", "sets": "logits", "free": []},
        "activation": summary.activation(unit.activation),
        "formula": str(unit.matrix.tolist()),
        "latex": unit.latex,
        "value": None,
        "status": "exact",
        "metric_latex": unit.latex,
        "agreement": _agreement(unit),
        "steps": _steps(unit.steps),
        "rank": count - 1,
        "null_vector": ["1"] * count if unit.activation.expression == unit.activation.variable else None,
        "values": []
        if exact is None
        else [
            {
                "t": [decimal(t, digits) for t in at],
                "matrix": [[Quantity(e).as_json(digits) for e in exact.row(k)] for k in range(count)],
            }
        ],
        "expected": None,
    }


def simulated(unit: Neuron | Categorical, name: str, at: Sequence[Any], draws: int, seed: int) -> tuple[dict, bool]:
    """Squared scores of ``draws`` answers at every t, beside nu; and whether theory passes within five standard errors.

    ``name`` says the neuron in words, as :class:`fimtheory.theory.score_claims.Subsystem` reads it. Points at kinks are
    left out.
    """
    if isinstance(unit, Categorical):
        raise InputError("answers are simulated for one neuron: leave --simulate out for softmax")
    if unit.parameters:
        raise InputError(f"{unit.name} has free parameters: give them values to simulate, for instance --param alpha=1")
    if unit.response.name == "family":
        raise InputError("a family is stated up to h(y), so that no answer can be drawn: take a response by its name")
    if draws < 100:
        raise InputError(f"--simulate {draws} answers have no standard error worth the name: write 100 or more")
    kinks = [float(kink.at) for kink in unit.kinks]
    points = [float(t) for t in at] or list(_POINTS)
    clear = np.array([t for t in points if all(abs(t - h) > _CLEAR for h in kinks)])
    if not clear.size:
        raise InputError("squared scores cannot be measured at a kink: take t at least 0.05 away from it")
    curve = neuron_curve(name, clear, draws, seed)
    rows = [
        {
            "t": float(t),
            "nu": float(nu),
            "mean_squared_score": float(mean),
            "standard_error": float(error),
            "z": float(z),
        }
        for t, nu, mean, error, z in zip(
            curve.at, curve.predicted, curve.means, curve.standard_errors, curve.z_scores, strict=True
        )
    ]
    return {"draws": draws, "seed": seed, "points": rows}, bool(np.abs(curve.z_scores).max() < _CONTRADICTION)


# -- text


def neuron_text(found: dict[str, Any]) -> str:
    """The same for a terminal."""
    lines = [f"{found['neuron']}   (f(t): the {found['response']['sets']}; y: {found['response']['outcomes']})", ""]
    if found["response"]["name"] == "softmax":
        return "\n".join([*lines, *_layer_lines(found)])
    lines += [
        f"  nu(t) = {found['formula']}",
        f"        = {found['general']['formula']} with f = {found['activation']['name']}",
    ]
    lines += ["", f"  E[(d log p/dt)^2] = -E[d^2 log p/dt^2]: {found['agreement']}"]
    for kink in found["kinks"]:
        left, right = kink["left"]["formula"], kink["right"]["formula"]
        state = f"continuous, {right}" if kink["continuous"] else f"undefined: {left} | {right}, the right one is used"
        lines.append(f"  at t = {kink['t']}: {state}")
    lines += ["", *(_value_line(value) for value in found["values"])]
    if found["expected"]:
        lines += ["", *_expected_lines(found["expected"])]
    if "simulation" in found:
        lines += ["", *_simulated_lines(found["simulation"])]
    lines += ["", *(f"  {step['text']}:\n      {step['latex']}" for step in found["steps"])]
    return "\n".join(line for k, line in enumerate(lines) if line or (k and lines[k - 1]))


def _expected_lines(found: dict[str, Any]) -> list[str]:
    with_bias = "" if found["bias"] is None else f", and a bias weight {found['bias']}"
    lines = [f"  averaged over x ~ N(0, I_d) with w.x of variance {found['variance']}{with_bias}: eigenvalues"]
    rows = [
        *((f"({e['multiplicity']} times)", e) for e in found["eigenvalues"]),
        ("condition", found["condition_number"]),
    ]
    lines += [f"    {label:16} {_number_or_formula(e)}" for label, e in rows]
    return [*lines, *_batch_lines(found["batch"])] if found["batch"] else lines


def _batch_lines(batch: dict[str, Any]) -> list[str]:
    lines = [f"  on a mini-batch of {batch['inputs']} inputs in {batch['dimension']} dimensions"]
    for label, name in (("mean", "mean"), ("second moment", "second_moment"), ("rank / d", "rank")):
        lines.append(f"    {label:16} {_number_or_formula(batch[name])}")
    if batch["note"]:
        return [*lines, f"    {batch['note']}"]
    ends = f"{batch['edges'][0]:.6g} to {batch['edges'][-1]:.6g}"
    outside = ", ".join(f"{value:.6g}" for value in batch["outliers"])
    condition = batch["condition_number"]
    lines.append(f"    {'eigenvalues':16} {ends}" + (f", and {outside} beside them" if outside else ""))
    return [*lines, f"    {'condition':16} " + ("infinite: some are 0" if condition is None else f"{condition:.6g}")]


def _simulated_lines(found: dict[str, Any]) -> list[str]:
    lines = [f"  {found['draws']} answers at each t (seed {found['seed']}): mean squared score, nu, distance"]
    for row in found["points"]:
        measured = f"{row['mean_squared_score']:.5g} ± {row['standard_error']:.2g}"
        lines.append(f"    t = {row['t']:<6g} {measured:>22}   {row['nu']:.5g}   {row['z']:+.1f} standard errors")
    return lines


def _number_or_formula(e: dict[str, Any]) -> str:
    if e["formula"] is None:
        return f"{e['value']} ({e['status']})" if e["value"] else "an integral: give values to what is free"
    if e["formula"].startswith("Max(") and not e["value"]:
        return "the larger of their quotient and its inverse"
    return e["formula"] + (f" = {e['value']}" if e["value"] and e["value"] != e["formula"] else "")


def _value_line(value: dict[str, Any]) -> str:
    quantity = value["nu"]
    text = quantity["value"] or quantity["formula"]
    return f"  nu({value['t']}) = {text}" + (f"   ({value['note']})" if value["note"] else "")


def _layer_lines(found: dict[str, Any]) -> list[str]:
    lines = [f"  S = {found['formula']}, and the metric is S (x) x~ x~'", f"  two derivations: {found['agreement']}"]
    lines.append(f"  rank of S: {found['rank']}" + (", S 1 = 0" if found["null_vector"] else ""))
    for value in found["values"]:
        lines += [f"\n  at t = {', '.join(value['t'])}:"]
        lines += ["    " + "  ".join(f"{e['value'] or e['formula']:>22}" for e in row) for row in value["matrix"]]
    return [*lines, "", *(f"  {step['text']}:\n      {step['latex']}" for step in found["steps"])]
