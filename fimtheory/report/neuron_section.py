"""The section of a report on one stochastic neuron: its relative Fisher metric for the usual responses."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from fimtheory.activations import Activation
from fimtheory.errors import DivergentExpectation, InputError
from fimtheory.gaussian.quantity import Quantity
from fimtheory.latex import latex
from fimtheory.references import PAPERS
from fimtheory.report.document import Block, Equation, EquationRow, Equations, Paragraph, Section, literal
from fimtheory.theory.expected_relative import ExpectedMetric
from fimtheory.theory.relative_fisher import Neuron
from fimtheory.theory.responses import response

_ZERO_ONE, _SIGNS = r"$y \in \{0, 1\}$, mean $\phi(t)$", r"$y \in \{-1, 1\}$, mean $\phi(t)$"
_RESPONSES = {
    r"$y \sim \mathcal{N}(\phi(t), 1)$": ("gaussian", {}),
    _ZERO_ONE: ("bernoulli", {"outcomes": "0,1"}),
    _SIGNS: ("bernoulli", {"outcomes": "-1,1"}),
    r"$y \sim \mathrm{Poisson}(\phi(t))$": ("poisson", {}),
}


def neuron_section(phi: Activation, digits: int) -> Section | None:
    """nu(t) for every usual response whose mean phi can be, and its two eigenvalues over Gaussian inputs."""
    units = {label: unit for label, (name, values) in _RESPONSES.items() if (unit := _unit(phi, name, values))}
    if _ZERO_ONE in units:
        units.pop(_SIGNS, None)  # phi is a probability already
    if not units:
        return None
    rows = [EquationRow(label, rf"\nu(t) = {latex(unit.nu)}", "", "exact") for label, unit in units.items()]
    averages = [row for label, unit in units.items() for row in _averages(label, unit, digits)]
    blocks: list[Block] = [
        Paragraph(
            r"A neuron with weights $w$ sees $t = w^\top \tilde x$ and answers with a random $y$ of mean $\phi(t)$. Its "
            r"relative Fisher metric, the mean of (score)(score)$^\top$ given $x$, is"
        ),
        Equation(r"g(w \mid x) = \nu(t) \, \tilde x \tilde x^\top", name="eq:neuron"),
        Paragraph(rf"Source: {literal(str(PAPERS['sun2016']))}, definition 1, eq. 21."),
        Equations(tuple(rows), "The factor of the metric, by response."),
    ]
    if averages:
        blocks.append(
            Paragraph(
                r"Over inputs $x \sim \mathcal{N}(0, I_d)$ with $|w| = 1$ the metric has one eigenvalue across $w$, "
                r"$\mathbb{E}\,\nu(Z)$, $d - 1$ times, and one along it, $\mathbb{E}\,\nu(Z) Z^2$; their quotient is its "
                "condition number."
            )
        )
        blocks.append(Equations(tuple(averages), "The metric averaged over Gaussian inputs."))
    return Section("A stochastic neuron", "neuron", tuple(blocks))


def _unit(phi: Activation, name: str, values: dict[str, str]) -> Neuron | None:
    try:
        return Neuron(response(name, **values), phi)
    except InputError:  # phi is no mean of this response
        return None


def _averages(label: str, unit: Neuron, digits: int) -> Iterator[EquationRow]:
    try:
        metric = ExpectedMetric(unit)
        found = {r"\mathbb{E}\,\nu": metric.perpendicular, r"\mathbb{E}\,\nu Z^2": metric.parallel}
        found[r"\text{condition}"] = metric.condition_number
    except (DivergentExpectation, InputError):
        return
    for name, e in found.items():
        yield _row(f"{label}: ${name}$", e, digits)


def _row(label: str, e: sp.Expr, digits: int) -> EquationRow:
    quantity = Quantity(e)
    found = quantity.as_json(min(digits, 12))
    value = "" if e.is_Rational else found["value"] or ""
    return EquationRow(label, quantity.latex, value, found["status"])  # pyright: ignore[reportArgumentType]
