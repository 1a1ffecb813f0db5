"""A document with one of everything, hostile strings included."""

import numpy as np

from fimtheory.report import figures
from fimtheory.report.document import (
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

HOSTILE = '<script>alert("1")</script> & 50% of $x_1$ \\input{passwd} #^~{} `**'

LONG = r"\kappa(c)=\frac{q}{2\pi}\left(\sqrt{1-c^{2}}+c\left(\pi-\arccos c\right)\right)" + "".join(
    rf"+\frac{{{k}\alpha^{{2}}q}}{{2\pi}}\left(\sqrt{{1-c^{{{k}}}}}-c\arccos c\right)" for k in range(2, 9)
)
TERMS = "+".join(rf"{k}\sqrt{{2}}\operatorname{{erf}}{{\left(x_{k} \right)}}" for k in range(9))
UNBREAKABLE = rf"y=\frac{{{TERMS}}}{{8}}"


def drawing() -> figures.Figure:
    x = np.linspace(-2, 2, 41)
    return figures.activation_and_derivative(x, np.maximum(x, 0), (x > 0).astype(float), kinks=[0.0])


def document() -> Document:
    plot = Figure(figures.to_svg(drawing()), "The activation $\\phi$.", "activation", f"plot of {HOSTILE}")
    blocks = (
        Paragraph(f"A formula $\\phi'(x)$, **bold with $x$**, `code_#<b>`; {literal(HOSTILE)} σ → €"),
        Equation(r"\phi(x)=\max(0,x)", name="eq:phi", note="A note on $x$.", status="exact", value="0.5"),
        Equation(LONG, name="eq:long", status="certified"),
        Equation(UNBREAKABLE, status="numerical"),
        Equations((EquationRow("mean $m$", r"\frac{1}{2}", "0.5", "exact"), EquationRow("long", LONG)), "Constants."),
        Table(
            ("Claim", "$z$", "Verdict"),
            (
                (literal(HOSTILE), "0.1", VerdictCell("supported")),
                ("b", "9.0", VerdictCell("contradicted")),
                ("c", "−1.5", VerdictCell("inconclusive")),
            ),
            caption="Verdicts.",
            align="lrl",
        ),
        plot,
        Figure(plot.svg, "Again.", "again", "the same plot"),
        Code("print('<&>')\n\n    indented_{x} \\end{verbatim}", "python"),
    )
    section = Section("One $x$ & two", "one", blocks)
    return Document("Title $\\phi$", literal(HOSTILE), "Abstract.", (section,), "Footer.")
