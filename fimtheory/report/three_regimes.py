"""A page on one activation: three theories of one layer as corners of one decomposition, theory beside simulation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sympy as sp
from matplotlib.figure import Figure as Drawing

from fimtheory.activations import Activation, activation
from fimtheory.claims import Identity
from fimtheory.errors import InputError
from fimtheory.files import write_whole
from fimtheory.gaussian.quantity import Quantity, number
from fimtheory.latex import latex
from fimtheory.report import figures
from fimtheory.report.document import (
    Block,
    Cell,
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
from fimtheory.report.regime_figures import DEGREES, three_panels
from fimtheory.theory.regime_claims import predict_bulk, predict_centred, predict_outlier
from fimtheory.theory.three_regimes import ThreeRegimes
from fimtheory.verification import Check, confront
from fimtheory.verification.three_regimes import Picture, RegimeSetting, picture

Progress = Callable[[int, int], None]

_LISTED = 6  # degrees in the table
_FIGURE = "three_regimes"
_LONGEST = 60  # characters of a formula in a table
_NAMES = {
    "bulk.moment[1]": r"bulk of $mJ$, $\mathbb{E}\,t$",
    "bulk.moment[2]": r"bulk of $mJ$, $\mathbb{E}\,t^2$",
    "top": r"$\lambda_{\max}(J)$, the term in $1/m$",
    "pair": r"$(\lambda_1 + \lambda_2)/2$ of $mJ$",
    "overlap[0.0]": r"$\lambda_{\max}(J_N)$ at $c = 0$",
    "overlap[0.5]": r"$\lambda_{\max}(J_N)$ at $c = 1/2$",
}


@dataclass(frozen=True)
class WrittenPage:
    """The files of a page, the first of which is the page, and the checks that it shows."""

    files: tuple[Path, ...]
    checks: tuple[Check, ...]

    @property
    def contradicted(self) -> bool:
        """Whether simulation contradicts a formula."""
        return any(check.verdict.value == "contradicted" for check in self.checks)


def write(
    phi: str | sp.Expr | Activation,
    path: str | Path,
    quick: bool = False,
    progress: Progress | None = None,
    seed: int = 1,
) -> WrittenPage:
    """Write ``NAME.html``, one page with everything inside, ``NAME.tex`` and ``figures/three_regimes.pdf`` beside it.

    With ``quick``, smaller layers are simulated: less than a minute instead of several. Everything is computed before the
    first file is written. Raises :class:`InputError` where the path cannot be written or phi has no such theory.
    """
    target = Path(path)
    if target.suffix.lower() != ".html":
        raise InputError(f"cannot write a page to {str(path)!r}: end the name in .html")
    if not target.parent.is_dir():
        raise InputError(f"there is no directory {target.parent}: create it, or give another path")
    content = _Content(activation(phi), quick, progress, seed)
    document, drawing = content.document()
    texts = {target: render_html(document), target.with_suffix(".tex"): render_latex(document)}
    drawn = target.parent / "figures" / f"{_FIGURE}.pdf"
    try:
        drawn.parent.mkdir(exist_ok=True)
        for place, text in texts.items():
            write_whole(str(place), text.encode())
        write_whole(str(drawn), figures.to_pdf_bytes(drawing))
    except OSError as error:
        raise InputError(f"cannot write to {target.parent}: {error.strerror}; give another path") from None
    return WrittenPage((*texts, drawn), content.checks)


class _Content:
    """All that the page says."""

    def __init__(self, phi: Activation, quick: bool, progress: Progress | None, seed: int) -> None:
        self.phi, self.seed, self.quick = phi, seed, quick
        self.regimes = ThreeRegimes(phi, DEGREES)
        self.picture: Picture = picture(self.regimes, quick, progress, seed)
        setting = RegimeSetting.quick() if quick else RegimeSetting()
        self.setting = RegimeSetting(phi, ("1/2",), setting.samples, setting.widths, setting.n_networks, seed)
        self.resolution = setting.resolution
        self.checks = self._confronted(progress)

    def _confronted(self, progress: Progress | None) -> tuple[Check, ...]:
        aspect, samples = sp.Rational(self.setting.aspects[0]), self.setting.samples
        said: dict = predict_bulk(self.regimes, aspect, samples)
        if not self.regimes.is_centred:
            said |= predict_outlier(self.regimes, aspect, samples)
        elif self.picture.bulk.spike is not None:
            said |= predict_centred(self.regimes, aspect, samples)
        measured = {name: value for name, value in said.items() if not isinstance(value, Identity)}
        return confront(measured, self.setting.simulate(measured, progress), self.resolution)

    def document(self) -> tuple[Document, Drawing]:
        """The page, and its drawing."""
        drawing = three_panels(self.picture)
        figure = Figure(figures.to_svg(drawing), self._caption(), _FIGURE, "Shares by degree above three panels")
        name = literal(self.phi.name)
        sections = (
            self._degrees(),
            self._panels(figure),
            self._groups(),
            self._bulk(),
            self._outlier(),
            self._verdicts(),
        )
        verdicts = [check.verdict.value for check in self.checks]
        counted = ", ".join(f"{verdicts.count(v)} {v}" for v in ("supported", "inconclusive", "contradicted"))
        return Document(
            title=f"Three theories of one layer with activation {name}",
            subtitle=rf"$\phi(x) = {latex(self.phi.expression)}$",
            abstract="Eigengroups of the Fisher information matrix of the output weights, the bulk of a layer with as many"
            " units as dimensions, and the outlier of deep networks are corners of one decomposition by degree. Simulated"
            f" layers confront {len(verdicts)} of its consequences: **{counted}**.",
            sections=(*sections, self._again()),
            footer=literal(f"fimtheory; {self.setting}"),
        ), drawing

    # -- sections

    def _degrees(self) -> Section:
        r, d = self.regimes, self.picture.groups.dimension
        modes = r.groups(d).modes
        rows: list[tuple[Cell, ...]] = []
        for k in range(min(_LISTED, r.degrees) + 1):
            inside = [m for m in modes if m.degree == k]
            exact = Quantity(r.shares[k])
            total = float(sum(m.total for m in inside))
            rows.append(
                (
                    str(k),
                    f"${exact.latex}$" if exact.is_closed and len(exact.latex) <= _LONGEST else "",
                    f"{r.values[k]:.6g}",
                    f"{r.values[k] / float(number(r.eta, 17)):.2%}".replace("%", r" %"),
                    f"{float(number(r.correction(k), 12)):.4g}",
                    str(inside[0].multiplicity) if inside else "0",
                    f"{total:.6g}",
                )
            )
        above = r.remainder
        rows.append(
            (
                f"above {r.degrees}",
                "",
                f"{above:.6g}",
                f"{above / float(number(r.eta, 17)):.2%}".replace("%", " %"),
                "",
                "",
                "",
            )
        )
        header = ("degree $k$", "$b_k^2$", "value", "share", "$s_k$", f"$N({d}, k)$", rf"$\sum N \lambda$ at $d = {d}$")
        return Section(
            "One decomposition",
            "degrees",
            (
                Paragraph(
                    r"A layer of $m$ units with weights $w_i \sim \mathcal{N}(0, I_d/d)$ sees inputs $x \sim \mathcal{N}(0,"
                    r" I_d)$. The Fisher information matrix of its output weights is"
                ),
                Equation(r"J = \frac{1}{m}\, \mathbb{E}_x\, \phi(W x)\, \phi(W x)^{\top}.", name="eq:J"),
                Paragraph(
                    r"As $m$ grows its eigenfunctions are harmonics of degree $k$ in the direction of $w$ times functions"
                    r" of the length: eigenvalues $\lambda_{k,j}$, each $N(d, k)$ times. What a degree carries is a Hermite"
                    r" coefficient $b_k = \mathbb{E}[\phi(Z)\, \mathrm{He}_k(Z)]/\sqrt{k!}$, up to $1/d$:"
                ),
                Equation(
                    r"\sum_j N(d, k)\, \lambda_{k,j} = b_k^2 + \frac{s_k}{d} + O(d^{-2}), \qquad \sum_k b_k^2 ="
                    r" \mathbb{E}\,\phi(Z)^2,",
                    name="eq:shares",
                ),
                Equation(
                    r"s_k = \binom{k}{2} b_k^2 + 2 k a_k b_k b_{k+2} + a_k^2 b_{k+2}^2 + \frac{1}{2} a_k a_{k+2} b_k"
                    r" b_{k+4}, \qquad a_k = \sqrt{(k+1)(k+2)}.",
                    name="eq:correction",
                ),
                Table(header, tuple(rows), "What every degree carries.", "rlrrrrr"),
            ),
        )

    def _caption(self) -> str:
        g, b, o = self.picture.groups, self.picture.bulk, self.picture.overlaps
        gone = "" if self.regimes.is_centred else ", without the largest of each, which the arrow points to"
        return (
            r"One colour a degree. Top: the shares. Left: eigenvalues of $J$, theory (bars) and one layer of"
            rf" $m = {g.width}$ units in $d = {g.dimension}$ (points). Middle: all eigenvalues of {b.networks} layers of"
            rf" $m = {b.width}$ units in $d = {b.dimension}${gone}; the line is the law, the bar on the axis what its ridge"
            rf" is made of. Right: $\lambda_{{\max}}$ over $N = {o.samples}$ inputs that overlap by $c$; the areas are what"
            rf" every degree adds, the points means and standard errors over {o.networks} layers of $m = {o.width}$ units,"
            r" the same at every $c$; where the first eigenvalues nearly coincide, the largest lies above their limit by a"
            rf" relative $2 (N/m)^{{1/2}}$. Seed {self.seed}."
        )

    def _panels(self, figure: Figure) -> Section:
        return Section("Three regimes in one picture", "picture", (figure,))

    def _groups(self) -> Section:
        g = self.picture.groups
        rows = tuple(
            (str(degree), str(count), f"{value:.5g}", f"{mean:.5g}")
            for (degree, value, count), mean in zip(g.steps, g.means(), strict=True)
        )
        return Section(
            "Many units, few dimensions: eigengroups",
            "groups",
            (
                Paragraph(
                    r"With $d$ fixed and $m \gg d^2$ the spectrum is a staircase; Takeishi, Iida and Takeuchi (2021) and"
                    r" Ho, Takeishi and Takeuchi (2025) describe it for ReLU. A group of $N(d, k)$ eigenvalues is spread by"
                    rf" a relative $(N(d, k)/m)^{{1/2}}$; means are over one layer of $m = {g.width}$ units, counted from"
                    r" the largest."
                ),
                Table(
                    ("degree", "multiplicity", r"$\lambda$, theory", "one layer"),
                    rows,
                    f"Groups at $d = {g.dimension}$.",
                    "rrrr",
                ),
            ),
        )

    def _bulk(self) -> Section:
        law = self.picture.bulk.law
        low, high = law.edges
        rows = (
            self._row(r"ridge, $\sum_{k \ge 2} b_k^2$", self.regimes.ridge if law.ridge else sp.S.Zero),
            self._row(r"$\zeta = b_1^2$", self.regimes.shares[1]),
            EquationRow("edges", rf"[{low:.6g},\ {high:.6g}]"),
        )
        blocks: list[Block] = [
            Paragraph(
                r"With $m/d \to \gamma$ degree 1 has as many eigenvalues as there are units, and higher degrees have many"
                r" more: these act as a multiple of the identity. All but a few eigenvalues of $mJ$ follow the law of"
            ),
            Equation(r"\sum_{k \ge 2} b_k^2 + b_1^2\, t, \qquad t \sim \mathrm{MP}(\gamma).", name="eq:bulk"),
            Paragraph(
                r"This is the block of the output weights in theorem 1 of Pennington and Worah (2018): the entry $\eta -"
                r" \zeta + \zeta b$ of its matrix $M(a, b)$, for $\phi$ less its mean: $\zeta = b_1^2$ and $\eta = \sum_{k"
                r" \ge 1} b_k^2$. At finite width the ends are smeared: lengths of weights differ by $(2d)^{-1/2}$."
            ),
            Equations(rows, rf"The law at $\gamma = {law.aspect:g}$."),
        ]
        return Section("As many units as dimensions: a bulk", "bulk", (*blocks, *self._special(law)))

    def _special(self, law) -> list[Paragraph]:
        words = []
        if law.slope == 0:
            words.append(r"$b_1 = 0$: the law is an atom at the ridge.")
        elif law.ridge == 0:
            words.append("The activation is linear: there is no ridge, and nothing but degree 1.")
        if self.regimes.is_centred and self.picture.bulk.spike is not None:
            words.append(
                r"$b_0 = 0$, but lengths of weights and inputs fluctuate: two eigenvalues of degree 0 stand beside the"
                rf" bulk, at {self.picture.bulk.spike:.5g}."
            )
        return [Paragraph(text) for text in words]

    def _outlier(self) -> Section:
        blocks: list[Block] = [
            Paragraph(
                r"The last hidden layer of a deep network sees $N$ inputs that overlap. As $m \to \infty$ the largest"
                r" eigenvalue of $J_N = \frac{1}{mN} \sum_n \phi(W x_n)\, \phi(W x_n)^{\top}$ is made of the order"
                r" parameters of Karakida, Akaho and Amari (2020) at their first hidden layer,"
            ),
            Equation(
                r"\lambda_{\max}(J_N) \to \frac{\hat q_1 + (N - 1)\, \hat q_2}{N}, \qquad \hat q_2 = \sum_k b_k^2 c^k,"
                r" \qquad \hat q_1 = \sum_k b_k^2.",
                name="eq:outlier",
            ),
        ]
        if self.regimes.is_centred:
            blocks.append(Paragraph(r"$\mathbb{E}\,\phi(Z) = 0$: inputs that do not overlap have no outlier."))
        else:
            top = self.regimes.top(sp.Symbol("gamma", positive=True)).subs(
                sp.Symbol("M", positive=True), sp.Symbol("m")
            )
            blocks += [
                Paragraph(
                    r"Inputs that do not overlap leave degree 0, $\hat q_2 = b_0^2$. Over all inputs, at $m/d \to \gamma$,"
                ),
                Equation(
                    r"\lambda_{\max}(J) = b_0^2 + \frac{\gamma s_0 + \mathbb{E}\,\phi(Z)^2 - b_0^2}{m} + O(m^{-2})"
                    + (rf" = {latex(top)} + O(m^{{-2}})" if len(latex(top)) <= 2 * _LONGEST else "")
                    + ".",
                    name="eq:top",
                ),
            ]
        return Section("Deep networks: an outlier", "outlier", tuple(blocks))

    def _row(self, label: str, e: sp.Expr) -> EquationRow:
        found = Quantity(e).as_json(8)
        return EquationRow(label, str(found["latex"]), "" if e.is_Rational else str(found["value"]), found["status"])  # pyright: ignore[reportArgumentType]

    def _verdicts(self) -> Section:
        rows = []
        for check in self.checks:
            name = check.observable.removeprefix("regimes.").split(" ")[0]
            point = name.partition("stieltjes[")[2].rstrip("]")
            label = _NAMES.get(name) or rf"bulk of $mJ$, $\mathbb{{E}}\,1/({point} - t)$"
            e = check.extrapolation
            rows.append(
                (
                    label,
                    f"{check.predicted:.5g}",
                    f"{e.value:.5g} ± {e.standard_error:.1g}",
                    f"{check.judgement.z_score:+.1f}",
                    VerdictCell(check.verdict.value),
                )
            )
        words = (
            rf"Layers of several widths, $m/d = 1/2$ and $N = {self.setting.samples}$; limits are extrapolated in $1/m$. A"
            f" number is **supported** within three standard errors and {self.resolution:.0%}, **contradicted** from four"
            " standard errors on, otherwise **inconclusive**."
        ).replace("%", r" %")
        header = ("statistic", "theory", r"simulation, $m \to \infty$", "$z$", "verdict")
        return Section(
            "Theory beside simulation",
            "verdicts",
            (Paragraph(words), Table(header, tuple(rows), literal(f"{self.setting}."), "lrrrl")),
        )

    def _again(self) -> Section:
        name = self.phi.name if self.phi.name.isidentifier() else f'"{self.phi.expression}"'
        code = f"fimtheory modes {name} --page FILE.html" + (" --quick" if self.quick else "")
        return Section("Once more", "again", (Code(code, "shell"),))
