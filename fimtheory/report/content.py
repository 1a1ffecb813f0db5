"""What the report of an activation says, in which order. It reads theory and verdicts, and computes nothing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory import catalogue
from fimtheory.activations import Activation
from fimtheory.emission import emit
from fimtheory.errors import InputError, NotConverged
from fimtheory.gaussian.field import CORRELATION
from fimtheory.gaussian.quantity import as_decimal
from fimtheory.latex import latex
from fimtheory.notation import TABLE
from fimtheory.references import PAPERS
from fimtheory.report import figures, summary
from fimtheory.report.deep_section import phase_section, softmax_section
from fimtheory.report.document import (
    Block,
    Code,
    Document,
    Equation,
    EquationRow,
    Equations,
    Figure,
    Paragraph,
    Section,
    Table,
    VerdictCell,
    literal,
)
from fimtheory.report.html import render_html
from fimtheory.report.latex import render_latex
from fimtheory.report.layer_section import layer_section
from fimtheory.report.network import METRICS
from fimtheory.report.neuron_section import neuron_section
from fimtheory.simulation import Ladder
from fimtheory.theory.deep_fisher import Statistics
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.verification import Check, confront, metrics_of, simulate_network_ladder

RESOLUTION = 0.05
CLAIMS = ("karakida2020.thm3.1", "karakida2020.sec4.1")
REFERENCE_WIDTH = 1000
_NAMES = {"mean": r"m_\lambda", "second_moment": r"s_\lambda", "lambda_max": r"\lambda_{\max}"}
_METRICS = {"F": "F", "NTK": r"\Theta"}
_CAPTIONS = {"F": "the Fisher information matrix $F$", "NTK": r"the tangent kernel $\Theta$"}


@dataclass(frozen=True)
class ReportOptions:
    """Ladder of widths, networks a width (0: no simulation), seed, digits."""

    ladder: tuple[int, ...] = (128, 256, 512, 1024)
    networks: int = 24
    seed: int = 1
    digits: int = 16

    def __post_init__(self) -> None:
        if len(set(self.ladder)) < 3 or min(self.ladder) < 2:
            raise InputError(f"the ladder {list(self.ladder)} cannot be extrapolated: give three widths or more")
        if self.networks != 0 and self.networks < 5:
            raise InputError(f"{self.networks} networks give no standard error: simulate 5 or more at each width")


class Content:
    """All that a report says, and its files."""

    def __init__(self, network: DeepNetwork, options: ReportOptions, progress) -> None:
        self.network, self.options, self.phi = network, options, the_activation(network)
        self.slug = re.sub(r"[^A-Za-z0-9]+", "_", self.phi.name).strip("_")[:40] or "activation"
        self.derived = summary.derive(self.phi, options.digits)
        self.drawings: dict[str, Any] = {}
        self.ladder: Ladder | None = None
        self.checks: tuple[Check, ...] = ()
        if options.networks:
            self._confront(progress)

    def _confront(self, progress) -> None:
        predicted = {k: v for id in CLAIMS for k, v in catalogue.find(id).predict(self.network).items()}
        self.ladder = simulate_network_ladder(
            self.network, self.options.ladder, self.options.networks, self.options.seed, metrics_of(predicted), progress
        )
        self.checks = confront(predicted, self.ladder, RESOLUTION)

    def write(self, workshop: Path) -> list[str]:
        """Write every file; returns their names."""
        document = self.document()
        (workshop / "figures").mkdir()
        texts = {
            "index.html": render_html(document),
            f"{self.slug}.tex": render_latex(document),
            "report.json": json.dumps(self.derived, indent=1),
        }
        for name, text in texts.items():
            (workshop / name).write_text(text, encoding="utf-8")
        for name, (figure, svg) in self.drawings.items():
            (workshop / "figures" / f"{name}.svg").write_text(svg, encoding="utf-8")
            (workshop / "figures" / f"{name}.pdf").write_bytes(figures.to_pdf_bytes(figure))
        drawn = [f"figures/{name}.{suffix}" for name in self.drawings for suffix in ("svg", "pdf")]
        return [*texts, *drawn]

    def _figure(self, name: str, figure, caption: str, alt: str) -> Figure:
        svg = figures.to_svg(figure)
        self.drawings[name] = (figure, svg)
        return Figure(svg, caption, name, alt)

    def document(self) -> Document:
        """The report as a document."""
        n = self.network
        simulated = f", {self.options.networks} networks at each width" if self.checks else ""
        return Document(
            title=f"The Fisher information of random networks with activation {literal(self.phi.name)}",
            subtitle=rf"$\phi(x) = {latex(self.phi.expression)}$",
            abstract=self._abstract(),
            sections=tuple(
                section
                for section in (
                    self._activation(),
                    self._constants(),
                    self._dual(),
                    layer_section(self.phi, self.options.digits, self._figure),
                    neuron_section(self.phi, self.options.digits),
                    self._recursions(),
                    self._network(),
                    self._statistics(),
                    softmax_section(n, REFERENCE_WIDTH),
                    phase_section(n, self.options.digits),
                    self._comparison(),
                    self._reading(),
                )
                if section
            ),
            footer=literal(
                f"fimtheory; L = {n.depth}, sigma_w^2 = {n.sigma_w2}, sigma_b^2 = {n.sigma_b2}, C = {n.outputs}, "
                f"N = {n.samples}, seed {self.options.seed}{simulated}"
            ),
        )

    def _abstract(self) -> str:
        closed = "in closed form" if self.phi.has_closed_form else "as integrals (no closed form in the class)"
        words = [
            f"Gaussian constants, Hermite coefficients and dual kernels {closed}; the limiting spectrum of the Fisher "
            "information matrix of one hidden layer; the order parameters of a deep network "
            r"with random weights; mean, second moment and largest eigenvalue of its Fisher information matrix and of its "
            "tangent kernel."
        ]
        if self.checks:
            verdicts = [check.verdict.value for check in self.checks]
            counted = ", ".join(f"{verdicts.count(v)} {v}" for v in ("supported", "inconclusive", "contradicted"))
            words.append(f"Simulated networks confront each of the {len(verdicts)} statistics: **{counted}**.")
        return " ".join(words)

    def _activation(self) -> Section:
        x = np.linspace(-4, 4, 801)
        kinks = tuple(float(h) for h in self.phi.kinks)
        plot = figures.activation_and_derivative(x, self.phi.numpy(x), self.phi.numpy_derivative(x), kinks)
        where = ", ".join(f"${latex(h)}$" for h in self.phi.kinks)
        blocks: list[Block] = [
            Equation(rf"\phi(x) = {latex(self.phi.expression)}", name="eq:phi"),
            Equation(rf"\phi'(x) = {latex(self.phi.derivative.expression)}", name="eq:dphi"),
        ]
        if kinks:
            blocks.append(Paragraph(f"The function or its derivative is not smooth at $x$ = {where}."))
        figure = self._figure(
            "activation", plot, r"The activation $\phi$ and its derivative $\phi'$.", "Plot of phi and its derivative"
        )
        return Section("The activation", "activation", (*blocks, figure))

    def _constants(self) -> Section:
        labels = {
            "mean": r"$\mathbb{E}\,\phi(Z)$",
            "eta": r"$\eta = \mathbb{E}\,\phi(Z)^2$",
            "eta_prime": r"$\eta' = \mathbb{E}\,\phi'(Z)^2$",
            "zeta": r"$\zeta = (\mathbb{E}\,\phi'(Z))^2$",
        }
        rows = [self._row(label, self.derived[name]) for name, label in labels.items()]
        hermite = [self._row(f"$b_{k}$", q) for k, q in enumerate(self.derived["hermite"])]
        numbers = [float(q["value"]) for q in self.derived["hermite"]]
        figure = self._figure(
            "hermite",
            figures.hermite_spectrum(numbers),
            r"The Hermite spectrum: the share $b_k^2 / \sum_j b_j^2$ of each degree among those listed.",
            "Bar chart of the shares of the Hermite coefficients",
        )
        return Section(
            "Gaussian constants",
            "constants",
            (
                Paragraph(
                    r"$Z$ is a standard normal variable, $\mathrm{D}z$ its distribution, and "
                    r"$b_k = \mathbb{E}[\phi(Z)\,\mathrm{He}_k(Z)] / \sqrt{k!}$ with the probabilists' Hermite polynomials."
                ),
                Equations(tuple(rows), "Constants."),
                Equations(tuple(hermite), "The first normalised Hermite coefficients."),
                figure,
            ),
        )

    def _row(self, label: str, quantity: dict[str, Any]) -> EquationRow:
        value, formula = quantity["value"], quantity["formula"]
        rational = formula is not None and re.fullmatch(r"-?[0-9/]+", formula)
        shown = "" if value is None or rational else as_decimal(mp.mpf(value), 12)
        return EquationRow(label, quantity["latex"], shown, quantity["status"])

    def _dual(self) -> Section:
        c = np.linspace(-1, 1, 81)
        inner = np.clip(c, -1 + 1e-12, 1 - 1e-12) if self.phi.has_closed_form else c
        dual, slope = (_curve(e(sp.S.One, CORRELATION), inner) for e in (self.phi.dual, self.phi.dual_derivative))
        figure = self._figure(
            "dual",
            figures.dual_curves(c, dual, slope),
            r"The dual of $\phi$ and of $\phi'$ at $q = 1$; the dashed line is the diagonal.",
            "Curves of the dual of phi and of its derivative over the correlation",
        )
        return Section(
            "The dual kernel",
            "dual",
            (
                Paragraph(
                    r"$U$ and $V$ are centred Gaussian variables of variance $q$ and correlation $c$. "
                    r"$\Phi$ is the standard normal distribution function, $\Phi_2(h, k; \rho)$ the bivariate one."
                    if self.derived["dual"]["formula"] and "Phi" in str(self.derived["dual"]["latex"])
                    else r"$U$ and $V$ are centred Gaussian variables of variance $q$ and correlation $c$."
                ),
                self._equation(r"\mathbb{E}\,\phi(\sqrt{q}\,Z)^2 = ", "second_moment"),
                self._equation(r"\mathbb{E}\,\phi(U)\,\phi(V) = ", "dual"),
                self._equation(r"\mathbb{E}\,\phi'(U)\,\phi'(V) = ", "dual_derivative"),
                figure,
            ),
        )

    def _equation(self, left: str, name: str) -> Equation:
        quantity = self.derived[name]
        return Equation(left + str(quantity["latex"]), name=f"eq:{name}", status=quantity["status"])

    def _recursions(self) -> Section:
        equations = tuple(
            Equation(source, name=f"eq:{name}") for name, source in (self.derived["recursions"] or {}).items()
        )
        where = (
            r"The pre-activations of layer $l+1$ have variance $q_1 = \sigma_w^2 \hat q_1^{l} + \sigma_b^2$ and covariance "
            r"$q_2 = \sigma_w^2 \hat q_2^{l} + \sigma_b^2$ for two different inputs"
        )
        tail = "." if self.phi.has_closed_form else r", and $c = q_2/q_1$."
        start = (
            r"The recursions start from $\hat q_1^{0} = 1$, $\hat q_2^{0} = 0$ forwards and from $\tilde q_1^{L} = "
            r"\tilde q_2^{L} = 1$ backwards; in the backward ones $q_1$ and $q_2$ are those of layer $l$."
        )
        return Section("Order parameters", "recursions", (Paragraph(where + tail), *equations, Paragraph(start)))

    def _network(self) -> Section:
        n, o = self.network, self.network.order_parameters
        rows = []
        for layer in range(n.depth + 1):
            cells = [o.qhat1.get(layer), o.qhat2.get(layer), o.qtilde1.get(layer), o.qtilde2.get(layer)]
            rows.append((str(layer), *("" if v is None else as_decimal(v, 10) for v in cells)))
        figure = self._figure(
            "order_parameters",
            figures.order_parameters(
                list(o.qhat1),
                _floats(o.qhat1),
                _floats(o.qhat2),
                list(o.qtilde1),
                _floats(o.qtilde1),
                _floats(o.qtilde2),
            ),
            "Order parameters layer by layer: forwards (left) and backwards (right).",
            "Plot of the order parameters over the layers",
        )
        ratios = "" if set(n.alphas) == {sp.S.One} else rf", $\alpha_l = {', '.join(map(latex, n.alphas))}$"
        setting = (
            rf"A network of $L = {n.depth}$ layers with $\sigma_w^2 = {latex(n.sigma_w2)}$, "
            rf"$\sigma_b^2 = {latex(n.sigma_b2)}$, $C = {n.outputs}$ outputs and $N = {n.samples}$ inputs{ratios}."
        )
        table = Table(
            ("layer", r"$\hat q_1$", r"$\hat q_2$", r"$\tilde q_1$", r"$\tilde q_2$"),
            tuple(rows),
            "Order parameters.",
            "rrrrr",
        )
        return Section("A network", "network", (Paragraph(setting), table, figure))

    def _statistics(self) -> Section:
        values = self.network.coefficients
        named = [row for row in TABLE if row.name in values and "feature" not in row.name and row.name != "alpha_sum"]
        coefficients = Equations(
            tuple(
                EquationRow(f"${row.latex}$", _KAPPA[row.name], as_decimal(values[row.name], 12), "") for row in named
            ),
            "Coefficients.",
        )
        tables = [self._metric(name, METRICS[name]) for name in _METRICS]
        source = PAPERS["karakida2020"]
        return Section(
            "Eigenvalue statistics",
            "statistics",
            (
                Paragraph(
                    rf"The limits as $M \to \infty$, with numbers at $M = {REFERENCE_WIDTH}$; "
                    r"$\lambda_{\max}$ is the place of a cluster of $C$ nearly equal outliers. "
                    rf"Source: {literal(str(source))}, theorem 3.1 and section "
                    "4.1, with the normalisations re-derived."
                ),
                coefficients,
                *tables,
            ),
        )

    def _metric(self, metric: str, statistics: Statistics) -> Equations:
        rows = []
        for name, e in statistics.items():
            value = as_decimal(self.network.evaluate(e, REFERENCE_WIDTH), 8)
            rows.append(EquationRow(f"${_NAMES[name]}({_METRICS[metric]})$", latex(e), value, ""))
        return Equations(tuple(rows), f"Statistics of {_CAPTIONS[metric]}.")

    def _comparison(self) -> Section | None:
        if self.ladder is None:
            return None
        widths = self.ladder.widths
        rows = []
        for check in self.checks:
            _, means, errors, _ = self.ladder.series(check.observable, check.power)
            e = check.extrapolation
            rows.append(
                (
                    f"${_label(check)}$",
                    f"{check.predicted:.5g}",
                    *(_with_error(mean, error) for mean, error in zip(means, errors, strict=True)),
                    _with_error(e.value, e.standard_error),
                    f"{check.judgement.z_score:+.1f}",
                    VerdictCell(check.verdict.value),
                )
            )
        table = Table(
            ("statistic", "theory", *(f"$M = {width}$" for width in widths), r"$M \to \infty$", "$z$", "verdict"),
            tuple(rows),
            f"Theory beside simulation: means over {self.options.networks} networks at each width, standard errors in "
            "units of the last digits, and the extrapolation to infinite width.",
            "l" + "r" * (len(widths) + 3) + "l",
        )
        figure = self._figure(
            "ladder",
            figures.ladder_grid([self._ladder_of(check) for check in self.checks]),
            "Each statistic against $1/M$: simulations with standard errors, their fit, the extrapolation, the theory.",
            "Small multiples of simulated statistics against the inverse width, with the theoretical limit",
        )
        reasons = [
            f"${_label(c)}$: {literal(c.judgement.reason)}." for c in self.checks if c.verdict.value != "supported"
        ]
        return Section(
            "Theory beside simulation", "simulation", (table, figure, *(Paragraph(reason) for reason in reasons))
        )

    def _ladder_of(self, check: Check) -> dict[str, Any]:
        assert self.ladder is not None
        widths, means, errors, _ = self.ladder.series(check.observable, check.power)
        e = check.extrapolation
        inverse = np.linspace(0, 1 / min(widths), 60)[1:]
        fitted = e.value + e.slope * inverse + (e.curvature or 0.0) * inverse**2
        return {
            "widths": widths,
            "means": means,
            "standard_errors": errors,
            "theory": check.predicted,
            "extrapolated": e.value,
            "extrapolated_se": e.standard_error,
            "fit_widths": 1 / inverse,
            "fit_values": fitted,
            "label": f"${_label(check)}$",
        }

    def _reading(self) -> Section:
        n = self.network
        rows = tuple((f"${row.latex}$", row.meaning) for row in TABLE if row.name in _USED)
        method = (
            "Closed forms come from one algorithm: the activation is written as a sum of Gaussian atoms, and Stein's "
            "identity reduces every expectation to orthant probabilities. **exact** marks a closed form, **certified** an "
            "integral whose digits carry a proven error bound, **numerical** one evaluated without proof."
        )
        verdicts = (
            "A statistic is **supported** where the extrapolated value lies within three standard errors of the theory and "
            f"deviation and error together stay below {RESOLUTION:.0%} of it; **contradicted** from four standard errors "
            "on; otherwise **inconclusive**: then take more networks or larger widths."
        )
        values = f" --depth {n.depth} --sigma-w2 {n.sigma_w2} --sigma-b2 {n.sigma_b2} --outputs {n.outputs}"
        name = self.phi.name if self.phi.name.isidentifier() else f'"{self.phi.expression}"'
        again = f"fimtheory report {name} -o DIR \\\n {values} \\\n  --samples {n.samples} --seed {self.options.seed}"
        blocks = [Paragraph(method)] + ([Paragraph(verdicts)] if self.checks else [])
        symbols = Table(("symbol", "meaning"), rows, "Symbols.", "ll")
        return Section("How to read this", "reading", (*blocks, symbols, Code(again, "shell")))


_KAPPA = {
    "alpha_tot": r"\sum_{l=1}^{L-1} \alpha_l\, \alpha_{l-1}",
    "kappa1": r"\sum_{l=1}^{L} \frac{\alpha_{l-1}}{\alpha}\, \tilde q_1^{l}\, \hat q_1^{l-1}",
    "kappa2": r"\sum_{l=1}^{L} \frac{\alpha_{l-1}}{\alpha}\, \tilde q_2^{l}\, \hat q_2^{l-1}",
    "kappa1_ntk": r"\frac{1}{\alpha} \sum_{l=1}^{L} \left(\sigma_w^2\, \hat q_1^{l-1} + \sigma_b^2\right) \tilde q_1^{l}",
    "kappa2_ntk": r"\frac{1}{\alpha} \sum_{l=1}^{L} \left(\sigma_w^2\, \hat q_2^{l-1} + \sigma_b^2\right) \tilde q_2^{l}",
}
_USED = {"q", "c", "M", "N", "C", "sigma_w2", "sigma_b2", *_KAPPA}


def the_activation(network: DeepNetwork) -> Activation:
    """The activation that a report is about. Raises :class:`InputError` for a network whose layers differ."""
    phi, variances = network.activation, (network.sigma_w2, network.sigma_b2)
    if isinstance(phi, tuple) or any(isinstance(value, tuple) for value in variances):
        raise InputError(
            "a report is about one activation in equal layers: give one activation and single variances, or ask"
            " fimtheory network"
        )
    return phi


def _curve(expression: sp.Expr, c: np.ndarray) -> np.ndarray:
    """Values over the correlation, for the eye: where double precision falls short of its goal, what it reached."""
    function = emit(expression, CORRELATION)
    values = np.empty_like(c)
    for k, point in enumerate(c):
        try:
            values[k] = function(point)
        except NotConverged as error:
            values[k] = error.estimate
    return values


def _floats(numbers: dict[int, mp.mpf]) -> list[float]:
    return [float(value) for value in numbers.values()]


def _label(check: Check) -> str:
    _, metric, name = check.observable.split(".")
    symbol = f"{_NAMES[name]}({_METRICS[metric]})"
    return {0: symbol, 1: rf"M\, {symbol}", -1: rf"{symbol} / M"}[check.power]


def _with_error(value: float, error: float) -> str:
    """1.2345(67): the error in units of the last digits."""
    if not error > 0:
        return f"{value:.5g}"
    decimals = max(0, 1 - int(np.floor(np.log10(error))))
    return f"{value:.{decimals}f}({round(error * 10**decimals)})"
