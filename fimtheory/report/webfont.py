"""The mathematics font of the page: STIX Two Math, cut down to the glyphs used and embedded.

MathML needs a font with an OpenType MATH table, and few systems have one. The SIL Open Font License 1.1 allows
embedding and modification; the copyright and licence entries stay inside the font.
"""

from __future__ import annotations

import base64
import logging
from importlib.metadata import distribution
from io import BytesIO
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

# Letters that MathML sets in italics without naming them, and the glyphs that only layout asks for.
_ITALIC_LATIN = {0x210E} | set(range(0x1D434, 0x1D468)) - {0x1D455}
_ITALIC_GREEK = set(range(0x1D6FC, 0x1D71C))
_LAYOUT = set(map(ord, "√−′″‴∞")) | set(range(0x20, 0x7F))
_TALL_GLYPHS = "()[]{}⌊⌋⌈⌉√"
_WIDEST = 1.15  # of the width of the ordinary glyph


def font_face(text: str, family: str) -> str:
    """A CSS ``@font-face`` rule with every glyph that ``text`` and the mathematics in it need."""
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    encoded = base64.b64encode(_subset(text)).decode("ascii")
    return (
        "/* STIX Two Math, (c) The STIX Fonts Project Authors, SIL Open Font License 1.1 */\n"
        f'@font-face{{font-family:"{family}";src:url(data:font/woff;base64,{encoded}) format("woff")}}'
    )


def _subset(text: str) -> bytes:
    options = subset.Options(layout_features=["kern", "ccmp"], hinting=False, name_IDs=[0, 1, 2, 13, 14])
    options.set(flavor="woff")
    options.drop_tables = [*options.drop_tables, "DSIG", "gasp"]
    font = TTFont(BytesIO(_source().read_bytes()), lazy=True, recalcTimestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=set(map(ord, text)) | _LAYOUT | _ITALIC_LATIN | _ITALIC_GREEK)
    cutter.subset(font)
    _narrow_tall_glyphs(font)
    out = BytesIO()
    subset.save_font(font, out, options)
    return out.getvalue()


def _source() -> Path:
    """The full font inside ziamath, found without importing that package."""
    return Path(str(distribution("ziamath").locate_file("ziamath/fonts/STIXTwoMath-Regular.ttf")))


def _narrow_tall_glyphs(font: TTFont) -> None:
    """Make the tall parentheses and radicals about as wide as the ordinary ones.

    Chromium reserves the width of the widest variant around whichever one it draws, so that a small root would be
    followed by a gap; narrow variants, as TeX's own fonts have them, leave none.
    """
    variants = font["MATH"].table.MathVariants
    names = font.getBestCmap() or {}
    for character in _TALL_GLYPHS:
        base = names.get(ord(character))
        if base not in variants.VertGlyphCoverage.glyphs:
            continue
        construction = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(base)]
        tall = {record.VariantGlyph for record in construction.MathGlyphVariantRecord}
        tall |= {part.glyph for part in construction.GlyphAssembly.PartRecords}
        for glyph in sorted(tall):
            _squeeze(font, glyph, round(_WIDEST * font["hmtx"][base][0]))


def _squeeze(font: TTFont, glyph: str, limit: int) -> None:
    width, bearing = font["hmtx"][glyph]
    if width > limit:
        outline = font["glyf"][glyph]
        outline.coordinates.scale((limit / width, 1))
        outline.coordinates.toInt()
        font["hmtx"][glyph] = (limit, round(bearing * limit / width))
