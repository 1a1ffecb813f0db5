r"""The report as an article for pdflatex, with packages of every TeX distribution only.

A formula too wide for its place is first broken at its relations and operators (with ``\left`` and ``\right``
replaced by fixed sizes, as TeX breaks no line inside them), then, if one piece is still too wide, scaled down.
"""

from __future__ import annotations

import re
import unicodedata
from importlib.resources import files

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
    spans,
)
from fimtheory.report.mathml import to_mathml

_ESCAPES = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", '"': r"\textquotedbl{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "-": r"{-}", "`": r"\textasciigrave{}",
    **{character: "\\" + character for character in "&%$#_{}"},
}  # fmt: skip
_SYMBOLS = {
    "−": "-", "≈": r"\approx", "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "±": r"\pm", "×": r"\times", "·": r"\cdot",
    "→": r"\to", "∞": r"\infty", "′": r"'", "∈": r"\in", "√": r"\surd", "∫": r"\int", "∑": r"\sum", "²": "^{2}",
}  # fmt: skip
_TEXT_SYMBOLS = {"–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''", "…": r"\ldots{}", "\u00a0": "~"}
_VERDICTS = {"supported": r"$\checkmark$", "contradicted": r"$\times$", "inconclusive": "?"}
_TOKEN = re.compile(r"\\(left|right)\s*(\\[a-zA-Z]+|\\.|.)|\\[a-zA-Z]+|\\.|.", re.DOTALL)
_TALL = re.compile(r"\\(?:[dt]?frac|sum|int|prod|binom|begin|sqrt)")
_LONG_CELL = 40  # characters; longer text is set as a paragraph
_LONG_TABLE = 30  # rows; a longer table may break across pages


def render_latex(document: Document) -> str:
    """The article; its figures are expected as ``figures/NAME.pdf`` beside it."""
    parts = [
        files("fimtheory.report").joinpath("assets", "preamble.tex").read_text("utf-8"),
        rf"\hypersetup{{pdftitle={{{_escape(_plain(document.title))}}}}}",
        rf"\title{{{inline(document.title)}" + _optional(r"\\[0.4em]\large ", inline(document.subtitle)) + "}",
        "\\author{}\\date{}\n\\begin{document}\n\\maketitle",
        _optional("\\begin{abstract}\n", inline(document.abstract), "\n\\end{abstract}"),
        *map(_section, document.sections),
        _optional("\\bigskip\\hrule\\smallskip\n{\\footnotesize ", inline(document.footer), "\\par}"),
        "\\end{document}\n",
    ]
    return "\n\n".join(filter(None, parts))


def inline(text: str) -> str:
    """Running text with its inline mathematics, as LaTeX."""
    parts = []
    for span in spans(text):
        match span.kind:
            case "math":
                parts.append(f"${_math(span.text)}$")
            case "bold":
                parts.append(rf"\textbf{{{inline(span.text)}}}")
            case "code":
                parts.append(rf"\texttt{{{_escape(span.text)}}}")
            case "text":
                parts.append(_escape(span.text))
    return "".join(parts)


def breakable(latex: str) -> str:
    r"""The formula with its outer ``\left ... \right`` at fixed sizes, so that lines may break inside them.

    >>> breakable(r"c\left(a+b\right)+\left(\frac{1}{2}\right)")
    'c\\mathopen{(}a+b\\mathclose{)}+\\biggl(\\frac{1}{2}\\biggr)'
    """
    out: list[str] = []
    opened: list[tuple[int, bool, str]] = []
    depth = 0
    for token in _TOKEN.finditer(latex):
        out.append(token[0])
        depth += {"{": 1, r"\begin": 1, "}": -1, r"\end": -1}.get(token[0], 0)
        if token[1] == "left":
            opened.append((len(out) - 1, depth == 0, token[2]))
        elif token[1] == "right":
            start, outer, delimiter = opened.pop()
            if outer:
                tall = bool(_TALL.search("".join(out[start:])))
                out[start], out[-1] = _fixed("l", delimiter, tall), _fixed("r", token[2], tall)
    return "".join(out)


def _fixed(side: str, delimiter: str, tall: bool) -> str:
    if tall or delimiter == ".":
        return rf"\bigg{side}{delimiter}"
    return rf"\math{'open' if side == 'l' else 'close'}{{{delimiter}}}"


def _section(section: Section) -> str:
    title = rf"\texorpdfstring{{{inline(section.title)}}}{{{_escape(_plain(section.title))}}}"
    return "\n\n".join([rf"\section{{{title}}}\label{{{section.anchor}}}", *map(_block, section.blocks)])


def _block(block: Block) -> str:
    match block:
        case Paragraph(text):
            return inline(text)
        case Equation():
            return _equation(block)
        case Equations():
            return _equations(block)
        case Table():
            return _table(block)
        case Figure():
            return _figure(block)
        case Code(text):
            lines = (_escape(line).replace(" ", "~") or "~" for line in text.splitlines())
            return "\\begin{quote}\\ttfamily\\small\\raggedright\n" + "\\\\\n".join(lines) + "\n\\end{quote}"


def _equation(equation: Equation) -> str:
    label = _optional(r"\label{", equation.name, "}")
    formula = _fitted(r"\dimexpr\linewidth-5em", equation.latex, equation.value)
    remark = ". ".join(filter(None, (equation.status.capitalize(), inline(equation.note))))
    return f"\\begin{{equation}}{label}\n{formula}\n\\end{{equation}}" + _optional(
        "\n{\\centering\\footnotesize ", remark, "\\par}"
    )


def _equations(block: Equations) -> str:
    # Inside the table: a caption of its own could stay behind at the end of a page.
    caption = _optional(r"\multicolumn{4}{@{}p{\linewidth}@{}}{", inline(block.caption), r"}\\[3pt]")
    columns = r"@{}P{0.2\linewidth}P{0.48\linewidth}ll@{}"
    rows = "\n".join(map(_equation_row, block.rows))
    # Every longtable is counted, captioned or not; these are not to be.
    listing = _longtable(columns, r"Quantity & Formula & Value & \\ \midrule", rows, caption)
    return f"{listing}\n\\addtocounter{{table}}{{-1}}"


def _equation_row(row: EquationRow) -> str:
    formula = _fitted(r"\linewidth", row.latex)
    value = _optional(r"$\approx ", _escape(row.value), "$")
    return rf"{inline(row.label)} & \airy{{{formula}}} & {value} & {row.status} \\"


def _table(table: Table) -> str:
    longest = [max((len(cell) for cell in column if isinstance(cell, str)), default=0) for column in _columns(table)]
    columns = "".join(
        r"P{0.34\linewidth}" if length > _LONG_CELL else letter
        for letter, length in zip(table.alignment, longest, strict=True)
    )
    caption = _optional(r"\caption{", inline(table.caption), "}")
    head = " & ".join(map(inline, table.headers)) + r" \\ \midrule"
    rows = "\n".join(" & ".join(map(_cell, row)) + r" \\" for row in table.rows)
    columns = f"@{{}}{columns}@{{}}"
    if len(table.rows) > _LONG_TABLE:
        return _longtable(columns, head, rows, _optional("", caption, r"\\"))
    return (
        f"\\begin{{table}}[!htbp]\n\\centering\\small\n{caption}\n\\smallskip\n\\begin{{tabular}}{{{columns}}}\n"
        f"\\toprule\n{head}\n{rows}\n\\bottomrule\n\\end{{tabular}}\n\\end{{table}}"
    )


def _longtable(columns: str, head: str, rows: str, caption: str = "") -> str:
    return (
        f"{{\\small\n\\begin{{longtable}}{{{columns}}}\n{caption}\n\\toprule\n{head}\\endfirsthead\n"
        f"\\toprule\n{head}\\endhead\n{rows}\n\\bottomrule\n\\end{{longtable}}}}"
    )


def _columns(table: Table) -> list[tuple[Cell, ...]]:
    return [tuple(row[i] for row in table.rows) for i in range(len(table.headers))]


def _cell(cell: Cell) -> str:
    if isinstance(cell, VerdictCell):
        return rf"\textcolor{{{cell.verdict}}}{{{_VERDICTS[cell.verdict]} {cell.verdict}}}"
    return inline(cell)


def _figure(figure: Figure) -> str:
    return (
        "\\begin{figure}[!htbp]\n\\centering\n"
        f"\\includegraphics[width=\\naturalwidth]{{figures/{figure.filename}.pdf}}\n"
        f"\\caption{{{inline(figure.caption)}}}\\label{{fig:{figure.filename}}}\n\\end{{figure}}"
    )


def _fitted(width: str, latex: str, value: str = "") -> str:
    formula = _math(latex) + _optional(r"\;\approx\;", _escape(value))
    return rf"\fitted{{{width}}}{{{formula}}}{{{breakable(formula)}}}"


def _math(latex: str) -> str:
    """The formula as given; what the page could not show (or what is no formula at all) is refused here too."""
    to_mathml(latex)
    return "".join(character if character.isascii() else _symbol(character) for character in latex)


def _escape(text: str) -> str:
    return "".join(
        _ESCAPES.get(c) or (c if c.isascii() else _TEXT_SYMBOLS.get(c) or rf"\ensuremath{{{_symbol(c)}}}") for c in text
    )


def _symbol(character: str) -> str:
    """A character that pdflatex may not know: Greek by its name, accented Latin as it is, others by code point."""
    if character in _SYMBOLS:
        return _SYMBOLS[character] + " "
    match = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(character, ""))
    if match and match[2] != "OMICRON":
        name = match[2].replace("LAMDA", "LAMBDA").lower()
        return "\\" + (name if match[1] == "SMALL" else name.capitalize()) + " "
    if character <= "\u017f" and character.isalpha():
        return rf"\text{{{character}}}"
    return rf"\text{{[U+{ord(character):04X}]}}"


def _plain(text: str) -> str:
    return "".join(span.text for span in spans(text))


def _optional(before: str, content: str, after: str = "") -> str:
    return before + content + after if content else ""
