"""What ``--json`` and the terminal show: the same dictionaries, once as JSON and once as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from fimtheory.activations import ENTRIES, Activation
from fimtheory.claims import Claim
from fimtheory.errors import DivergentExpectation, InputError, NoClosedForm
from fimtheory.gaussian.field import CORRELATION, VARIANCE
from fimtheory.gaussian.quantity import Quantity
from fimtheory.latex import latex
from fimtheory.references import bibtex_of, cited
from fimtheory.theory.order_parameters import recursions
from fimtheory.verification import Check, Decision, Evidence

HERMITE = 7
NO_CLOSED_FORM = "no closed form of usable size exists in the class of Gaussian atoms; values are those of integrals"


def activation(phi: Activation) -> dict[str, Any]:
    """Name, formula, parameters with their domains."""
    return {
        "name": phi.name,
        "formula": str(phi.expression),
        "latex": latex(phi.expression),
        "parameters": {p.name: p.domain for p in phi.parameter_list},
    }


# -- derive


def derive(phi: Activation, digits: int = 16, at: dict[str, sp.Expr] | None = None) -> dict[str, Any]:
    """Everything ``fimtheory derive`` prints; ``at`` gives q and c values."""
    point = {"q": VARIANCE, "c": CORRELATION} | (at or {})
    q, c = point["q"], point["c"]

    def shown(compute: Callable[[], sp.Expr]) -> dict[str, str | None]:
        try:
            return Quantity(compute()).as_json(digits)
        except DivergentExpectation as error:
            return {"formula": None, "latex": r"\text{undefined}", "value": None, "status": "exact", "note": str(error)}

    return {
        "activation": {
            **activation(phi),
            "closed_form": phi.has_closed_form,
            "note": None if phi.has_closed_form else NO_CLOSED_FORM,
        },
        "mean": shown(lambda: phi.mean),
        "eta": shown(lambda: phi.eta),
        "eta_prime": shown(lambda: phi.eta_prime),
        "zeta": shown(lambda: phi.zeta),
        "hermite": [shown(lambda k=k: phi.hermite(k)) for k in range(HERMITE)],
        "second_moment": shown(lambda: phi.second_moment(q)),
        "dual": shown(lambda: phi.dual(q, c)),
        "dual_derivative": shown(lambda: phi.dual_derivative(q, c)),
        "expansion": _expansion(phi, q),
        "at": {name: str(value) for name, value in (at or {}).items()},
        "recursions": _recursions(phi),
    }


def _expansion(phi: Activation, q: sp.Expr) -> dict[str, Any] | None:
    """The first non-analytic term of the dual at c = 1; None where the jumps cannot be told."""
    try:
        found = phi.expansion(q)
    except (InputError, NoClosedForm):
        return None
    terms = {"exponent": found.exponent, "coefficient": found.coefficient}
    return {name: None if value is None else Quantity(value).as_json() for name, value in terms.items()}


def _recursions(phi: Activation) -> dict[str, str] | None:
    try:
        return recursions(phi)
    except DivergentExpectation:
        return None


_LABELS = {
    "mean": "E phi(Z)",
    "eta": "E phi(Z)^2",
    "eta_prime": "E phi'(Z)^2",
    "zeta": "(E phi'(Z))^2",
    "second_moment": "E phi(sqrt(q) Z)^2",
    "dual": "E phi(U) phi(V)",
    "dual_derivative": "E phi'(U) phi'(V)",
}


def derive_text(found: dict[str, Any]) -> str:
    """The same for a terminal."""
    activation = found["activation"]
    free = ", ".join(f"{name} ({domain})" for name, domain in activation["parameters"].items())
    lines = [f"{activation['name']}: phi(x) = {activation['formula']}" + (f"   parameters: {free}" if free else "")]
    if activation["note"]:
        lines.append(f"  {activation['note']}")
    lines.append("")
    for name, label in _LABELS.items():
        lines.append(_line(f"{name:16s} {label:20s}", found[name]))
    lines.append("")
    for k, coefficient in enumerate(found["hermite"]):
        lines.append(_line(f"{f'b_{k}':16s} {f'E phi He_{k}/sqrt({k}!)':20s}", coefficient))
    if found["expansion"]:
        lines.append("\n" + _smoothness(found["expansion"]))
    where = ", ".join(f"{name} = {value}" for name, value in found["at"].items())
    lines.append(f"\nZ ~ N(0, 1); Var U = Var V = q, correlation c{'; at ' + where if where else ''}")
    return "\n".join(lines)


def _smoothness(expansion: dict[str, Any]) -> str:
    exponent, coefficient = expansion["exponent"], expansion["coefficient"]
    if exponent is None:
        return "  the dual is smooth at c = 1"
    return (
        f"  first non-analytic term of the dual at c = 1: ({coefficient['formula']})*(1 - c)**({exponent['formula']})"
    )


def gallery() -> list[dict[str, Any]]:
    """Every activation of the gallery: name, formula, parameters with their domains, origin, aliases."""
    return [
        {
            "name": entry.name,
            "formula": entry.formula,
            "parameters": entry.parameters,
            "origin": entry.origin,
            "aliases": list(entry.aliases),
        }
        for entry in ENTRIES
    ]


def gallery_text(rows: list[dict[str, Any]]) -> str:
    """The same for a terminal."""
    width = max(len(row["name"]) for row in rows)
    lines = []
    for row in rows:
        free = ", ".join(f"{name} {domain}" for name, domain in row["parameters"].items())
        notes = [
            row["origin"],
            *([f"with {free}"] if free else []),
            *([f"also {', '.join(row['aliases'])}"] if row["aliases"] else []),
        ]
        lines.append(f"{row['name']:{width}}  {row['formula']}\n{'':{width}}  {'; '.join(notes)}")
    return "\n".join(lines)


def _line(head: str, quantity: dict[str, Any]) -> str:
    if quantity.get("note"):
        return f"  {head} undefined: {quantity['note']}"
    formula, value = quantity["formula"], quantity["value"]
    if formula is None:
        return (
            f"  {head} {value} ({quantity['status']})"
            if value
            else f"  {head} an integral: give values to what is free"
        )
    return f"  {head} {formula}" + (f" = {value}" if value and value != formula else "")


# -- claims


def claim(c: Claim, evidence: Evidence | None = None) -> dict[str, Any]:
    """One row of ``fimtheory claims``."""
    return {
        "id": c.id,
        "paper": c.source.paper,
        "location": c.source.location,
        "title": c.title,
        "statement_latex": c.statement,
        "as_printed_latex": c.as_printed,
        "assumptions": list(c.assumptions),
        "module": c.module,
        "status": evidence.status if evidence else "stated",
        "verdict": evidence.verdict.value if evidence else None,
        "evidence": _evidence(evidence) if evidence else [],
    }


def _evidence(evidence: Evidence) -> list[dict[str, Any]]:
    forms = (("ours", evidence.checks), ("as printed", evidence.printed))
    return [
        {"form": form, "observable": check.observable} | _found(check) | {"setting": evidence.simulated}
        for form, checks in forms
        for check in checks
    ]


def _found(check: Check | Decision) -> dict[str, Any]:
    if isinstance(check, Decision):
        return {"verdict": check.verdict.value, "certified": check.certified, "reason": check.reason}
    return {
        "power_of_M": check.power,
        "predicted": check.predicted,
        "is_bound": check.is_bound,
        "extrapolated": check.extrapolation.value,
        "standard_error": check.extrapolation.standard_error,
        "slope": check.extrapolation.slope,
        "z": check.judgement.z_score,
        "verdict": check.verdict.value,
        "reason": check.judgement.reason,
    }


def claims_text(rows: list[dict[str, Any]], full: bool = False, bibtex: bool = False) -> str:
    """The same for a terminal."""
    if not rows:
        return "no claim matches"
    if not full:
        return "\n".join(f"{row['id']:32s} {row['status']:10s} {row['title']} ({row['location']})" for row in rows)
    return "\n\n".join(_claim_text(row, bibtex) for row in rows)


def _claim_text(row: dict[str, Any], bibtex: bool) -> str:
    lines = [
        f"{row['id']}: {row['title']}",
        f"  source      {cited(row['paper'])}, {row['location']}",
        f"  statement   {row['statement_latex']}",
    ]
    if row["as_printed_latex"]:
        lines.append(f"  as printed  {row['as_printed_latex']}")
    lines += [f"  assumes     {'; '.join(row['assumptions'])}", f"  computed by {row['module']}"]
    lines.append(f"  status      {row['status']}" + (f", verdict {row['verdict']}" if row["verdict"] else ""))
    if row["evidence"] and row["evidence"][0]["setting"]:
        lines.append(f"  simulated   {row['evidence'][0]['setting']}")
    lines += [f"    {item['form']:10s} {_check_text(item)}" for item in row["evidence"]]
    return "\n".join([*lines, bibtex_of(row["paper"])] if bibtex else lines)


def _check_text(item: dict[str, Any]) -> str:
    if "predicted" not in item:
        return f"{item['observable']}: {item['verdict']}, {item['reason']}"
    power = {0: "", 1: " * M", -1: " / M"}.get(item["power_of_M"], f" * M^{item['power_of_M']}")
    below = "below " if item["is_bound"] else ""
    return (
        f"{item['observable'] + power:32s} predicted {below}{item['predicted']:<12.6g} measured"
        f" {item['extrapolated']:.6g} ± {item['standard_error']:.2g} (z = {item['z']:.1f}) {item['verdict']}"
    )
