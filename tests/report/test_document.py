import pytest

from fimtheory.errors import InputError
from fimtheory.report.document import Equation, Figure, Section, Span, Table, VerdictCell, literal, spans


def test_spans_of_every_kind():
    assert list(spans(r"a $x$ **b $y$** `c$` \$5")) == [
        Span("text", "a "),
        Span("math", "x"),
        Span("text", " "),
        Span("bold", "b $y$"),
        Span("text", " "),
        Span("code", "c$"),
        Span("text", " $5"),
    ]


@pytest.mark.parametrize("text", ["", "5 $", "a ** b", "`", r"\alpha", "$$"])
def test_marker_without_partner_is_text(text):
    assert "".join(span.text for span in spans(text)) == text
    assert all(span.kind == "text" for span in spans(text))


@pytest.mark.parametrize("text", ["$x$", "**b**", "`c`", r"\$x$", "\\", "a$", "2*x**2 + `"])
def test_literal_text_survives(text):
    assert list(spans(literal(text))) == [Span("text", text)]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Equation("x", name='"><b>'),
        lambda: Equation("x", status="proved"),
        lambda: Section("t", "a b", ()),
        lambda: Figure("<svg/>", "c", "../../etc", "a"),
        lambda: VerdictCell("fine"),
        lambda: Table(("a", "b"), (("1",),)),
        lambda: Table(("a", "b"), (), align="lx"),
    ],
)
def test_impossible_blocks_are_refused(wrong):
    with pytest.raises(InputError):
        wrong()
