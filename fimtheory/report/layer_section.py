"""The section of a report on one hidden layer: constants, special points, moments and the limiting density."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation
from fimtheory.errors import OutsideAssumptions
from fimtheory.gaussian.quantity import Quantity, as_decimal, number
from fimtheory.references import PAPERS
from fimtheory.report import spectrum_figures
from fimtheory.report.document import Block, Equation, EquationRow, Equations, Figure, Paragraph, Section, literal
from fimtheory.theory.single_layer import SingleLayer, require_zero_mean

POINTS = 1500
_SYMBOLS = {"eta": r"\eta", "eta_prime": r"\eta'", "zeta": r"\zeta"}

Draw = Callable[[str, Any, str, str], Figure]


def layer_section(phi: Activation, digits: int, draw: Draw) -> Section:
    """What theorem 1 of Pennington and Worah (2018) says for an activation, centred where its mean is not zero."""
    layer, shifted = _layer(phi, digits)
    function = r"\phi - \mathbb{E}\,\phi(Z)" if shifted else r"\phi"
    blocks: list[Block] = [
        Paragraph(
            r"A layer $\hat Y(X) = W_2 f(W_1 X)$ with squared loss, Gaussian inputs and weights, all three widths equal to"
            rf" $n \to \infty$, and $f = {function}$. The spectrum of its Fisher information matrix, averaged over the"
            r" inputs, tends to the law of a uniformly chosen eigenvalue of"
        ),
        Equation(
            r"M(a, b) = \begin{pmatrix} \eta' - \zeta + \zeta a & \zeta \sqrt{ab} \\ \zeta \sqrt{ab} & \eta - \zeta +"
            r" \zeta b \end{pmatrix}",
            name="eq:layer",
        ),
        Paragraph(
            r"with $a$ and $b$ independent and Marchenko-Pastur on $[0, 4]$. Source:"
            f" {literal(str(PAPERS['pennington2018']))}, theorem 1, in the form of a matrix."
        ),
        Equations(tuple(_constants(layer, shifted)), "Constants, moments and special points."),
        _figure(layer, draw),
        Paragraph(_story(layer)),
    ]
    return Section("One hidden layer", "layer", tuple(blocks))


def _layer(phi: Activation, digits: int) -> tuple[SingleLayer, bool]:
    try:
        require_zero_mean(phi)
    except OutsideAssumptions:
        return SingleLayer(phi.centred(), digits=digits), True
    return SingleLayer(phi, digits=digits), False


def _constants(layer: SingleLayer, shifted: bool) -> list[EquationRow]:
    named = {f"${_SYMBOLS[name]}$": e for name, e in layer.constants.items()} if shifted else {}
    named |= {r"$m_1$": layer.moment(1), r"$m_2$": layer.moment(2), r"$m_2 / m_1^2$": layer.conditioning}
    named |= {f"$z_{name[1:]}$": point for name, point in layer.special_points.items()}
    return [_row(label, e, layer.digits) for label, e in named.items()]


def _row(label: str, e: sp.Expr, digits: int) -> EquationRow:
    quantity = Quantity(e)
    found = quantity.as_json(digits)
    value = "" if e.is_Rational else as_decimal(mp.mpf(found["value"] or 0), 12)
    return EquationRow(label, quantity.latex, value, found["status"])  # pyright: ignore[reportArgumentType]


def _figure(layer: SingleLayer, draw: Draw) -> Figure:
    points = layer.law.grid(POINTS)
    special = {name: float(number(z, 16)) for name, z in layer.special_points.items()}
    figure = spectrum_figures.density((points, layer.law.density(points)), special, layer.law.atoms)
    return draw(
        "spectrum",
        figure,
        r"The limiting spectrum of the Fisher information matrix of one hidden layer, with its special points $z_1$ to"
        r" $z_6$.",
        "Density of eigenvalues on a linear and on a logarithmic scale",
    )


def _story(layer: SingleLayer) -> str:
    if layer.is_linear:
        return "The activation is linear: half of the eigenvalues are zero."
    if layer.has_zero_slope:
        return r"$\zeta = 0$: the spectrum consists of two atoms of mass $1/2$, at $\eta$ and $\eta'$."
    gap = (
        r"Since $\eta' - \eta > 4 \zeta$, the spectrum has two components, $[z_1, z_2]$ and $[z_4, z_6]$."
        if layer.law.has_gap
        else r"Since $\eta' - \eta \le 4 \zeta$, the spectrum is one interval, $[z_1, z_6]$."
    )
    return gap + (
        r" The density grows like an inverse square root at $z_1$ and $z_4$ and has no atoms. Of the $2 n^2$ eigenvalues of"
        r" a finite layer a small multiple of $n$ lies outside: $z_1$ and $z_6$ are not its extreme eigenvalues."
    )
