import base64
import re
from collections import Counter
from html.parser import HTMLParser
from io import BytesIO

import pytest
from fontTools.ttLib import TTFont
from sample import LONG, document

from fimtheory.errors import InputError
from fimtheory.report.document import Document, Figure, Section
from fimtheory.report.html import inline, render_html
from fimtheory.report.webfont import font_face

VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Collects elements and checks that every end tag closes the element last opened."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self._open):
            self.text.append(data)

    def having(self, name: str, value: str) -> list[tuple[str, dict[str, str | None]]]:
        return [element for element in self.elements if value in (element[1].get(name) or "").split()]


@pytest.fixture(scope="module")
def source() -> str:
    return render_html(document())


@pytest.fixture(scope="module")
def page(source) -> Page:
    return Page(source)


def test_one_copy_button_an_equation(page):
    equations = [element for element in page.elements if "data-equation" in element[1]]
    buttons = page.having("class", "copy")
    assert len(equations) == len(buttons) == 5
    assert len({attributes["aria-label"] for _, attributes in buttons}) == 5
    assert page.text.count(LONG) == 2  # as annotations, for copying


def test_hostile_strings_are_text(page):
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert any('<script>alert("1")</script> & 50% of $x_1$' in text for text in page.text)


def test_page_is_self_contained(page, source):
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert "default-src 'none'" in source
    assert all(url.startswith(("data:", "#")) for url in re.findall(r"url\(([^)]*)\)", source))


def test_identifiers_are_unique(page):
    repeated = [key for key, n in Counter(a["id"] for _, a in page.elements if "id" in a).items() if n > 1]
    assert not [key for key in repeated if not key.startswith("figure")]  # a glyph drawn twice inside one figure


def test_verdicts_have_words_and_their_own_colours(page, source):
    for verdict in ("supported", "contradicted", "inconclusive"):
        assert len(page.having("class", verdict)) == 1
        assert any(verdict in text for text in page.text)
    colours = dict(re.findall(r"\.(supported|contradicted|inconclusive) \{ color: (.*?); \}", source))
    assert len(set(colours.values())) == 3


def test_equations_are_numbered_and_linked(page):
    assert [attributes["href"] for _, attributes in page.having("class", "number")] == [
        "#eq:phi", "#eq:long", "#equation-3",
    ]  # fmt: skip


def test_page_is_small_and_reproducible(source):
    assert len(source) < 400_000
    assert source == render_html(document())


def test_inline_mathematics():
    assert "<math" in inline("at $x=0$")
    assert inline("a < b & c") == "a &lt; b &amp; c"


@pytest.mark.parametrize(
    "svg",
    ["<svg><script>1</script></svg>", '<svg onload="1"/>', "<svg>", '<svg><use href="http://example.org/a"/></svg>',
     '<svg><foreignObject/></svg>'],
)  # fmt: skip
def test_drawings_that_are_not_only_shapes_are_refused(svg):
    with pytest.raises(InputError, match="figure 'f'"):
        render_html(Document("t", "", "", (Section("s", "s", (Figure(svg, "c", "f", "a"),)),)))


def test_font_covers_the_mathematics_and_has_narrow_radicals():
    data = re.search(r"base64,([^)]*)\)", font_face("∫ϕ𝔼", "F"))
    assert data is not None
    font = TTFont(BytesIO(base64.b64decode(data[1])))
    names = font.getBestCmap()
    assert {ord(c) for c in "∫ϕ𝔼√𝑥𝛼"} <= set(names)
    variants, radical = font["MATH"].table.MathVariants, names[ord("√")]
    construction = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(radical)]
    widths = [font["hmtx"][record.VariantGlyph][0] for record in construction.MathGlyphVariantRecord]
    assert len(widths) > 2
    assert max(widths) <= 1.16 * widths[0]
    assert "SIL Open Font License" in str(font["name"].getDebugName(13))
