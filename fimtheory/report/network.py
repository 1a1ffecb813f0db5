"""What ``fimtheory network`` shows: order parameters and the statistics of every metric, beside simulation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sympy as sp
from mpmath import mp

from fimtheory.errors import InputError
from fimtheory.gaussian.quantity import as_decimal
from fimtheory.latex import latex
from fimtheory.simulation import Ensemble
from fimtheory.theory.deep_fisher import Statistics, fisher, fisher_block, fisher_centred
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.feature_metric import feature_block, feature_metric
from fimtheory.theory.kernel_training import critical_rate
from fimtheory.theory.softmax_fisher import SoftmaxMetric, softmax_statistics
from fimtheory.theory.tangent_kernel import tangent_kernel, tangent_kernel_centred
from fimtheory.verification import simulate_network_ladder

METRICS: dict[str, Statistics] = {
    "F": fisher(),
    "F_centred": fisher_centred(),
    "NTK": tangent_kernel(),
    "NTK_centred": tangent_kernel_centred(),
    "A": feature_metric(),
}
BLOCKS: dict[str, Statistics] = {"F_blocks": fisher_block(), "A_blocks": feature_block()}
SOFTMAX = ("F_cross", "A_cross")
_FIRST_BLOCK = {"F_blocks": 1, "A_blocks": 0}
_OBSERVED = {"mean": "mean", "second_moment": "second_moment", "max": "lambda_max"}
_ORDERS = (("qhat1", 0), ("qhat2", 0), ("qtilde1", 1), ("qtilde2", 1))


def network(
    net: DeepNetwork,
    width: int,
    simulate: int = 0,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Everything ``fimtheory network`` prints."""
    net.require_theorem()
    digits = net.digits
    coefficients = {name: as_decimal(value, digits) for name, value in net.coefficients.items() if name != "alpha_tot"}
    found: dict[str, Any] = {
        "network": _described(net, width),
        "order_parameters": {
            name: [as_decimal(value, digits) for _, value in _by_layer(net, name, shift)] for name, shift in _ORDERS
        },
        "coefficients": coefficients | {"alpha": as_decimal(net.coefficients["alpha_tot"], digits)},
        "statistics": {name: _statistics(net, s, width) for name, s in METRICS.items()}
        | {name: [_statistics(net, s, width, l) for l in range(1, net.depth + 1)] for name, s in BLOCKS.items()}
        | {name: _softmax(net, width, name) for name in SOFTMAX},
        "critical_learning_rate": _quantity(net, critical_rate(), width),
    }
    if simulate:
        metrics = frozenset({*METRICS, *BLOCKS, *SOFTMAX})
        ladder = simulate_network_ladder(net, (width,), simulate, seed, metrics, progress)
        found["simulation"] = _simulated(ladder.ensembles[width], net) | {"networks": simulate, "seed": seed}
    return found


def _described(net: DeepNetwork, width: int) -> dict[str, Any]:
    return {
        "activation": net.name,
        "formula": "; ".join(dict.fromkeys(str(phi.expression) for phi in net.activations)),
        "depth": net.depth,
        "sigma_w2": _one_or_all(net.weight_variances),
        "sigma_b2": _one_or_all(net.bias_variances),
        "width": width,
        "outputs": net.outputs,
        "samples": net.samples,
        "widths": [str(a) for a in net.alphas],
        "input_norm": str(net.input_norm),
        "input_overlap": str(net.input_overlap),
    }


def _one_or_all(values: tuple[sp.Rational, ...]) -> str:
    """A number where all layers agree, else the list of all."""
    return ",".join(map(str, values if len(set(values)) > 1 else values[:1]))


def _by_layer(net: DeepNetwork, name: str, shift: int) -> Iterator[tuple[int, mp.mpf]]:
    numbers = getattr(net.order_parameters, name)
    return ((layer, numbers[layer]) for layer in range(shift, net.depth + shift))


def _statistics(net: DeepNetwork, s: Statistics, width: int, layer: int | None = None) -> dict[str, Any]:
    named = {"mean": s.mean, "second_moment": s.second_moment, "max": s.lambda_max}
    return {name: _quantity(net, e, width, layer) for name, e in named.items()}


def _quantity(net: DeepNetwork, e: sp.Expr, width: int, layer: int | None = None) -> dict[str, Any]:
    closed = all(phi.has_closed_form for phi in net.activations)
    return {
        "formula": str(e),
        "latex": latex(e),
        "value": as_decimal(net.evaluate(e, width, layer), net.digits),
        "status": "exact" if closed else "numerical",
    }


def _softmax(net: DeepNetwork, width: int, metric: str) -> dict[str, Any]:
    """Expectations over networks; bounds of the largest eigenvalue, and the C - 1 outliers themselves."""
    try:
        found = softmax_statistics(net, width, metric)
    except InputError as error:
        return {"note": str(error)}
    dual = SoftmaxMetric.of(net, metric).dual
    return {
        "mean": _expected(dual.mean(), found.mean),
        "second_moment": _expected(dual.second_moment(), found.second_moment),
        "max": {"lower": _expected(dual.lower(), found.lower, 4), "upper": _expected(dual.upper(), found.upper)},
        "beta": {name: f"{value:.10g}" for name, value in found.beta.items()},
        "outliers": [
            {
                "value": one.mean,
                "standard_error": one.mean_error,
                "deviation": one.deviation,
                "quantiles": {f"{p:g}": value for p, (value, _) in one.quantiles.items()},
                "separated": share,
            }
            for one, share in zip(found.outliers, found.separated, strict=True)
        ],
    }


def _expected(e: sp.Expr, value: float, digits: int = 10) -> dict[str, Any]:
    """A formula in the coefficients beta, and its expectation to the digits that are known."""
    return {"formula": str(e), "latex": latex(e), "value": f"{value:.{digits}g}", "status": "numerical"}


def _simulated(ensemble: Ensemble, net: DeepNetwork) -> dict[str, Any]:
    def measured(name: str) -> dict[str, Any]:
        error = ensemble.standard_error(name) if ensemble.n_networks > 1 else None
        return {"value": ensemble.mean(name), "standard_error": error}

    def metric(name: str) -> dict[str, Any]:
        return {shown: measured(f"deep.{name}.{observed}") for shown, observed in _OBSERVED.items()}

    layers = range(net.depth)
    orders = {
        name: [measured(key) for layer in layers if (key := f"deep.{name}[{layer + shift}]") in ensemble.names]
        for name, shift in _ORDERS
    }
    blocks = {name: [metric(f"{name}[{layer + first}]") for layer in layers] for name, first in _FIRST_BLOCK.items()}
    return {name: metric(name) for name in (*METRICS, *SOFTMAX)} | blocks | {"order_parameters": orders}


# -- for a terminal


def network_text(found: dict[str, Any]) -> str:
    """The same for a terminal."""
    n, simulation = found["network"], found.get("simulation")
    inputs = "" if (n["input_norm"], n["input_overlap"]) == ("1", "0") else (
        f", inputs of norm {_plain(n['input_norm'])} and overlap {_plain(n['input_overlap'])}"
    )  # fmt: skip
    lines = [
        f"{n['activation']}: L = {n['depth']}, sigma_w^2 = {n['sigma_w2']}, sigma_b^2 = {n['sigma_b2']}, M = {n['width']},"
        f" C = {n['outputs']}, N = {n['samples']}{inputs}",
        "",
        *_order_lines(found["order_parameters"], n["depth"]),
    ]
    coefficients = (f"{name} = {value[:12]}" for name, value in found["coefficients"].items())
    lines += ["", "  " + ", ".join(coefficients), ""]
    networks = f"simulation ({simulation['networks']} networks)" if simulation else ""
    lines.append(f"  {'metric':12s} {'statistic':14s} {'theory (M -> oo)':20s}{networks:26s} formula")
    for metric in METRICS:
        lines += _metric_lines(metric, found["statistics"][metric], simulation and simulation[metric])
    for metric in SOFTMAX:
        lines += _softmax_lines(metric, found["statistics"][metric], simulation and simulation[metric])
    for name, first in _FIRST_BLOCK.items():
        lines += _block_lines(name, first, found["statistics"][name], simulation and simulation[name])
    rate = found["critical_learning_rate"]
    lines += [
        "",
        f"  gradient descent on squared loss converges below the rate 2/max(F) = {rate['value'][:18]}",
        "",
        "  max of F, NTK, A: the place of the cluster of C outliers; simulated: the mean of the C largest eigenvalues.",
        "  max of the mean-subtracted metrics: where all eigenvalues tend at fixed N, with a spread of order M^(-1/2).",
        "  softmax: expectations over networks, which differ much; the outliers are those of 100 draws of the logits' law.",
    ]
    return "\n".join(lines)


def _plain(number: str) -> str:
    """A rational number as a short decimal."""
    return f"{float(sp.Rational(number)):.6g}"


def _order_lines(o: dict[str, list[str]], depth: int, most: int = 24) -> list[str]:
    """A row a layer; of a very deep network the first and the last."""
    lines = ["  layer        qhat1              qhat2              qtilde1            qtilde2"]
    for layer in range(depth + 1):
        if depth >= most and most // 2 <= layer <= depth - most // 2:
            lines += ["  ..."] if layer == most // 2 else []
            continue
        forward = [o[name][layer] if layer < depth else "" for name in ("qhat1", "qhat2")]
        backward = [o[name][layer - 1] if layer else "" for name in ("qtilde1", "qtilde2")]
        lines.append(f"  {layer:<5d}" + "".join(f" {_short(value):<18s}" for value in forward + backward))
    return lines


def _short(value: str, room: int = 18) -> str:
    """A decimal string cut to its room, an exponent kept."""
    digits, e, exponent = value.partition("e")
    return digits[: room - len(e + exponent)] + e + exponent


def _metric_lines(metric: str, statistics: dict[str, Any], simulated: dict[str, Any] | None) -> Iterator[str]:
    for name, quantity in statistics.items():
        measured = _measured(simulated[name]) if simulated else ""
        yield f"  {metric:12s} {name:14s} {_short(quantity['value']):20s}{measured:26s} {quantity['formula']}"


def _softmax_lines(metric: str, statistics: dict[str, Any], simulated: dict[str, Any] | None) -> Iterator[str]:
    if "note" in statistics:
        yield f"  {metric:12s} undefined: {statistics['note']}"
        return
    moments = {name: statistics[name] for name in ("mean", "second_moment")}
    yield from _metric_lines(metric, moments, simulated)
    bounds = " .. ".join(f"{float(q['value']):.4g}" for q in statistics["max"].values())
    measured = _measured(simulated["max"]) if simulated else ""
    yield f"  {metric:12s} {'max':14s} {bounds:20s}{measured:26s} bounds of the largest eigenvalue"
    places = ", ".join(f"{one['value']:.3g}" for one in statistics["outliers"])
    if places:
        yield f"  {metric:12s} {'outliers':14s} {places}"


def _block_lines(name: str, first: int, blocks: list, simulated: list | None, most: int = 6) -> Iterator[str]:
    for index, statistics in enumerate(blocks[:most]):
        yield from _metric_lines(f"{name[0]}[{index + first}]", statistics, simulated[index] if simulated else None)
    if len(blocks) > most:
        yield f"  {name[0]}[{first + most}], ... {len(blocks) - most} more blocks: --json"


def _measured(found: dict[str, Any]) -> str:
    error = f" ± {found['standard_error']:.2g}" if found["standard_error"] is not None else ""
    return f"{found['value']:.6g}{error}"
