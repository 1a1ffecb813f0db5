"""The report as one self-contained page: style, script, drawings and mathematics font inside, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from html import escape
from importlib.resources import files
from itertools import count
from xml.etree import ElementTree

from fimtheory.errors import InputError
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
from fimtheory.report.webfont import font_face

_VERDICTS = {"supported": "✓", "contradicted": "✗", "inconclusive": "?"}
_SVG_ELEMENTS = frozenset({"svg", "g", "path", "defs", "use", "clipPath", "rect", "text", "tspan", "title", "desc"})
_COPY = '<button type="button" class="copy" aria-label="{label}">LaTeX</button>'


def render_html(document: Document) -> str:
    """The whole page; every string of the document is escaped, every formula must be convertible."""
    body = _Body().document(document)
    style = font_face(body, "Report Math") + _asset("page.css")
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; font-src data:; script-src 'sha256-{digest}'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(_plain(document.title))}</title>
<style>{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""


class _Body:
    """Renders one document; the counters number its equations, figures and tables in order."""

    def __init__(self) -> None:
        self._equations, self._figures, self._tables = count(1), count(1), count(1)

    def document(self, document: Document) -> str:
        contents = "".join(f'<li><a href="#{s.anchor}">{inline(s.title)}</a></li>' for s in document.sections)
        sections = "\n".join(self.section(number, s) for number, s in enumerate(document.sections, 1))
        return f"""<button type="button" class="theme" hidden aria-label="Switch between light and dark">◐</button>
<div class="page">
<header>
<h1>{inline(document.title)}</h1>
{_optional("p", "subtitle", inline(document.subtitle))}
{_optional("p", "abstract", inline(document.abstract))}
</header>
<nav aria-label="Contents"><div><h2>Contents</h2><ol>{contents}</ol></div></nav>
<main>
{sections}
</main>
{_optional("footer", "colophon", inline(document.footer))}
</div>"""

    def section(self, number: int, section: Section) -> str:
        blocks = "\n".join(self.block(block) for block in section.blocks)
        title = f"<span>{number}</span><span>{inline(section.title)}</span>"
        return f'<section id="{section.anchor}">\n<h2>{title}</h2>\n{blocks}\n</section>'

    def block(self, block: Block) -> str:
        match block:
            case Paragraph(text):
                return f"<p>{inline(text)}</p>"
            case Equation():
                return self.equation(block)
            case Equations():
                return self.equations(block)
            case Table():
                return self.table(block)
            case Figure():
                return self.figure(block)
            case Code(text, language):
                return f'<pre tabindex="0"><code class="language-{escape(language)}">{escape(text)}</code></pre>'

    def equation(self, equation: Equation) -> str:
        number = next(self._equations)
        anchor = equation.name or f"equation-{number}"
        copy = _COPY.format(label=f"Copy the LaTeX of equation {number}")
        return (
            f'<div class="equation" id="{anchor}" role="group" aria-label="Equation {number}" data-equation>'
            f'<div class="scroll" tabindex="0"><div class="formula">{to_mathml(equation.latex, display=True)}'
            f"{_value(equation.value)}</div></div>"
            f'<div class="side">{_chip(equation.status)}{copy}<a class="number" href="#{anchor}">({number})</a></div>'
            f"{_optional('p', 'note', inline(equation.note))}</div>"
        )

    def equations(self, block: Equations) -> str:
        rows = "".join(_equation_row(row) for row in block.rows)
        head = "<th scope=col>Quantity</th><th scope=col>Formula</th><th scope=col class=r>Value</th><td></td><td></td>"
        caption = _optional("p", "caption", inline(block.caption))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return f'<div class="wide equations">{caption}{table}</div>'

    def table(self, table: Table) -> str:
        columns = table.alignment
        caption = f"<span>Table {next(self._tables)}.</span> {inline(table.caption)}" if table.caption else ""
        headers = zip(columns, table.headers, strict=True)
        head = "".join(f'<th scope="col" class="{c}">{inline(header)}</th>' for c, header in headers)
        rows = "".join(
            "<tr>" + "".join(f'<td class="{c}">{_cell(v)}</td>' for c, v in zip(columns, row, strict=True)) + "</tr>"
            for row in table.rows
        )
        content = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        caption = _optional("p", "caption", caption)
        return f'<div class="wide">{caption}<div class="scroll" tabindex="0">{content}</div></div>'

    def figure(self, figure: Figure) -> str:
        number = next(self._figures)
        caption = f"<figcaption><span>Figure {number}.</span> {inline(figure.caption)}</figcaption>"
        drawing = _scoped(_safe_svg(figure), f"figure{number}-")
        image = f'<div class="drawing" role="img" aria-label="{escape(figure.alt)}">{drawing}</div>'
        return f"<figure>{image}{caption}</figure>"


def inline(text: str) -> str:
    """Running text with its inline mathematics, as escaped HTML."""
    parts = []
    for span in spans(text):
        match span.kind:
            case "math":
                parts.append(to_mathml(span.text))
            case "bold":
                parts.append(f"<strong>{inline(span.text)}</strong>")
            case "code":
                parts.append(f"<code>{escape(span.text)}</code>")
            case "text":
                parts.append(escape(span.text))
    return "".join(parts)


def _plain(text: str) -> str:
    return "".join(span.text for span in spans(text))


def _optional(tag: str, name: str, content: str) -> str:
    return f'<{tag} class="{name}">{content}</{tag}>' if content else ""


def _value(value: str) -> str:
    return f'<span class="value">≈ {escape(value)}</span>' if value else ""


def _chip(status: str) -> str:
    return f'<span class="chip {status}">{status}</span>' if status else ""


def _equation_row(row: EquationRow) -> str:
    copy = _COPY.format(label="Copy the LaTeX of " + escape(_plain(row.label)))
    return (
        f'<tr data-equation><td>{inline(row.label)}</td><td class="scroll" tabindex="0">'
        f'<div class="formula">{to_mathml(row.latex, display=True)}</div></td>'
        f'<td class="r">{_value(row.value)}</td><td>{_chip(row.status)}</td><td class="r">{copy}</td></tr>'
    )


def _cell(cell: Cell) -> str:
    if isinstance(cell, VerdictCell):
        return f'<span class="verdict {cell.verdict}">{_VERDICTS[cell.verdict]} {cell.verdict}</span>'
    return inline(cell)


def _safe_svg(figure: Figure) -> str:
    """A drawing holds shapes only: no script, no link, nothing loaded from elsewhere."""
    try:
        root = ElementTree.fromstring(figure.svg)
    except ElementTree.ParseError as error:
        raise InputError(f"figure {figure.filename!r} is not well-formed SVG: {error}") from error
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        foreign = [value for key, value in element.attrib.items() if key.endswith("href") and not value.startswith("#")]
        handlers = [key for key in element.attrib if key.lower().startswith("on")]
        if name not in _SVG_ELEMENTS or foreign or handlers:
            raise InputError(f"figure {figure.filename!r} holds <{name}> with something other than shapes in it")
    return figure.svg


def _scoped(svg: str, prefix: str) -> str:
    """Identifiers are unique in a file, but the page holds several files."""
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}", svg)


@lru_cache
def _asset(name: str) -> str:
    return files("fimtheory.report").joinpath("assets", name).read_text("utf-8")
