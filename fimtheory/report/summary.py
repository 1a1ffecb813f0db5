"""What ``--json`` and the terminal show: the same dictionaries, once as JSON and once as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from fimtheory.activations import ENTRIES, Activation
from fimtheory.claims import Claim
from fimtheory.errors import DivergentExpectation, InputError, NoClosedForm
from fimtheory.gaussian.field import CORRELATION, VARIANCE
from fimtheory.gaussian.quantity import Quantity, as_decimal
from fimtheory.latex import latex
from fimtheory.references import bibtex_of, cited
from fimtheory.simulation import Ensemble
from fimtheory.theory.deep_fisher import Statistics, fisher, fisher_block
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.feature_metric import feature_metric
from fimtheory.theory.order_parameters import recursions
from fimtheory.theory.tangent_kernel import tangent_kernel
from fimtheory.verification import Check, Decision, Evidence, simulate_network_ladder

HERMITE = 7
NO_CLOSED_FORM = "no closed form of usable size exists in the class of Gaussian atoms; values are those of integrals"
_SIMULATED = {"mean": "mean", "second_moment": "second_moment", "max": "lambda_max"}

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
            "name": phi.name,
            "formula": str(phi.expression),
            "latex": latex(phi.expression),
            "parameters": {p.name: p.domain for p in phi.parameter_list},
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


# -- network

METRICS: dict[str, Statistics] = {"F": fisher(), "NTK": tangent_kernel(), "A": feature_metric()}


def network(
    net: DeepNetwork,
    width: int,
    simulate: int = 0,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Everything ``fimtheory network`` prints."""
    net.require_theorem()
    o, digits = net.order_parameters, net.digits

    def decimals(numbers: dict[int, Any]) -> list[str]:
        return [as_decimal(value, digits) for _, value in sorted(numbers.items())]

    coefficients = {name: as_decimal(value, digits) for name, value in net.coefficients.items() if name != "alpha_tot"}
    found: dict[str, Any] = {
        "network": {
            "activation": net.activation.name,
            "formula": str(net.activation.expression),
            "depth": net.depth,
            "sigma_w2": str(net.sigma_w2),
            "sigma_b2": str(net.sigma_b2),
            "width": width,
            "outputs": net.outputs,
            "samples": net.samples,
            "widths": [str(a) for a in net.alphas],
        },
        "order_parameters": {
            "qhat1": decimals(o.qhat1),
            "qhat2": decimals(o.qhat2),
            "qtilde1": decimals(o.qtilde1),
            "qtilde2": decimals(o.qtilde2),
        },
        "coefficients": coefficients | {"alpha": as_decimal(net.coefficients["alpha_tot"], digits)},
        "statistics": {name: _statistics(net, s, width) for name, s in METRICS.items()}
        | {"F_blocks": [_statistics(net, fisher_block(), width, layer) for layer in range(1, net.depth + 1)]},
    }
    if simulate:
        metrics = frozenset({*METRICS, "F_blocks"})
        ladder = simulate_network_ladder(net, (width,), simulate, seed, metrics, progress)
        found["simulation"] = _simulated(ladder.ensembles[width], net) | {"networks": simulate, "seed": seed}
    return found


def _statistics(net: DeepNetwork, s: Statistics, width: int, layer: int | None = None) -> dict[str, Any]:
    status = "exact" if net.activation.has_closed_form else "numerical"
    named = {"mean": s.mean, "second_moment": s.second_moment, "max": s.lambda_max}
    return {
        name: {
            "formula": str(e),
            "latex": latex(e),
            "value": as_decimal(net.evaluate(e, width, layer), net.digits),
            "status": status,
        }
        for name, e in named.items()
    }


def _simulated(ensemble: Ensemble, net: DeepNetwork) -> dict[str, Any]:
    def measured(name: str) -> dict[str, Any]:
        error = ensemble.standard_error(name) if ensemble.n_networks > 1 else None
        return {"value": ensemble.mean(name), "standard_error": error}

    def metric(name: str) -> dict[str, Any]:
        return {shown: measured(f"deep.{name}.{observed}") for shown, observed in _SIMULATED.items()}

    layers = range(net.depth)
    orders = {
        name: [measured(f"deep.{name}[{layer + shift}]") for layer in layers]
        for name, shift in (("qhat1", 0), ("qhat2", 0), ("qtilde1", 1), ("qtilde2", 1))
    }
    blocks = [metric(f"F_blocks[{layer + 1}]") for layer in layers]
    return {name: metric(name) for name in METRICS} | {"F_blocks": blocks, "order_parameters": orders}


def network_text(found: dict[str, Any]) -> str:
    """The same for a terminal."""
    n, o, simulation = found["network"], found["order_parameters"], found.get("simulation")
    lines = [
        f"{n['activation']}: L = {n['depth']}, sigma_w^2 = {n['sigma_w2']}, sigma_b^2 = {n['sigma_b2']}, M = {n['width']},"
        f" C = {n['outputs']}, N = {n['samples']}",
        "",
        "  layer        qhat1              qhat2              qtilde1            qtilde2",
    ]
    for layer in range(n["depth"] + 1):
        forward = [o[name][layer] if layer < n["depth"] else "" for name in ("qhat1", "qhat2")]
        backward = [o[name][layer - 1] if layer else "" for name in ("qtilde1", "qtilde2")]
        lines.append(f"  {layer:<5d}" + "".join(f" {value[:18]:<18s}" for value in forward + backward))
    coefficients = (f"{name} = {value[:12]}" for name, value in found["coefficients"].items())
    lines += ["", "  " + ", ".join(coefficients), ""]
    head = f"  {'metric':7s} {'statistic':14s} {'theory (M -> oo)':20s}"
    networks = f"simulation ({simulation['networks']} networks)" if simulation else ""
    lines.append(head + f"{networks:26s} formula")
    for metric in METRICS:
        for name, quantity in found["statistics"][metric].items():
            measured = _measured(simulation[metric][name]) if simulation else ""
            lines.append(f"  {metric:7s} {name:14s} {quantity['value'][:18]:20s}{measured:26s} {quantity['formula']}")
    lines += ["", "  max is the place of the cluster of C outliers; simulated: the mean of the C largest eigenvalues"]
    return "\n".join(lines)


def _measured(found: dict[str, Any]) -> str:
    error = f" ± {found['standard_error']:.2g}" if found["standard_error"] is not None else ""
    return f"{found['value']:.6g}{error}"


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
    setting = None if evidence.setting is None else str(evidence.setting)
    return [
        {"form": form, "observable": check.observable} | _found(check) | {"setting": setting}
        for form, checks in forms
        for check in checks
    ]


def _found(check: Check | Decision) -> dict[str, Any]:
    if isinstance(check, Decision):
        return {"verdict": check.verdict.value, "certified": check.certified, "reason": check.reason}
    return {
        "power_of_M": check.power,
        "predicted": check.predicted,
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
    return (
        f"{item['observable'] + power:32s} predicted {item['predicted']:<12.6g} measured"
        f" {item['extrapolated']:.6g} ± {item['standard_error']:.2g} (z = {item['z']:.1f}) {item['verdict']}"
    )
