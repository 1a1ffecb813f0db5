import re
import shutil
import subprocess

import pytest
from sample import HOSTILE, LONG, UNBREAKABLE, document, drawing

from fimtheory.errors import InputError
from fimtheory.report.document import Document, Equation, Section, literal
from fimtheory.report.figures import to_pdf_bytes
from fimtheory.report.latex import breakable, inline, render_latex


@pytest.fixture(scope="module")
def source() -> str:
    return render_latex(document())


def test_braces_and_environments_balance(source):
    bare = re.sub(r"%.*", "", source.replace(r"\%", "")).replace(r"\{", "").replace(r"\}", "")
    assert bare.count("{") == bare.count("}")
    opened: list[str] = []
    for command, name in re.findall(r"\\(begin|end)\{(\w+)\}", source.split(r"\begin{document}")[1]):
        if command == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name if opened else name == "document"
    assert not opened
    assert source.isascii()


def test_text_is_escaped():
    assert inline(literal("50% & $5 #_{}^~\\")) == (
        r"50\% \& \$5 \#\_\{\}\textasciicircum{}\textasciitilde{}\textbackslash{}"
    )
    assert r"\input" not in inline(literal(HOSTILE))
    assert inline("σ→€") == r"\ensuremath{\sigma }\ensuremath{\to }\ensuremath{\text{[U+20AC]}}"


def test_formula_that_is_none_is_refused():
    with pytest.raises(InputError, match="input"):
        render_latex(Document("t", "", "", (Section("s", "s", (Equation(r"\input{/etc/hostname}"),)),)))


@pytest.mark.parametrize("latex", [LONG, UNBREAKABLE, r"\left.\frac{1}{2}\right|", r"\left\{x\right\}"])
def test_breakable_has_no_outer_left(latex):
    changed = breakable(latex)
    assert changed.count("{") - changed.count("}") == latex.count("{") - latex.count("}")
    assert changed.count(r"\left") == changed.count(r"\right")
    assert r"\left" not in re.sub(r"\{[^{}]*\}", "", re.sub(r"\{[^{}]*\}", "", changed))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_article_compiles_and_nothing_leaves_the_page(source, tmp_path):
    (tmp_path / "figures").mkdir()
    for name in ("activation", "again"):
        (tmp_path / "figures" / f"{name}.pdf").write_bytes(to_pdf_bytes(drawing()))
    (tmp_path / "report.tex").write_text(source)
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stdout[-2000:]
    assert "Overfull \\hbox" not in run.stdout
    assert (tmp_path / "report.pdf").stat().st_size > 10_000
