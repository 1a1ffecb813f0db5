from xml.etree import ElementTree

import pytest

from fimtheory.errors import InputError
from fimtheory.report.mathml import to_mathml

FORMULAS = {
    r"\frac{q}{2\pi}\left(\sqrt{1-c^{2}}+c\left(\pi-\arccos c\right)\right)": "mfrac",
    r"\int_{-\infty}^{\infty}\!\mathrm{D}z\,\phi(\sqrt{q}\,z)^{2}": "msubsup",
    r"\hat q_1^{l+1}": "mover",
    r"\tilde{q}_2^{l}": "mover",
    r"\Phi_2\left(h,k;\rho\right)": "msub",
    r"\operatorname{erf}{\left(\frac{x}{\sqrt{2}} \right)}": "mfrac",
    r"\begin{cases} x & \text{for}\: x \geq 0 \\\alpha x & \text{otherwise} \end{cases}": "mtable",
    r"\begin{aligned}a&=b\\&=c\end{aligned}": "mtable",
    r"\mathbb{E}\left[\phi'(z)^{2}\right]": "msup",
    r"\sum_{l=1}^{L}\frac{\alpha_{l-1}}{\alpha}": "munderover",
    r"\lambda_{\max}\sim\sigma_w^{2}\varphi": "msub",
    r"\binom{n}{k}\mathbf{x}^{\top}\boldsymbol{\theta}\mathcal{N}": "mfrac",
    r"\sqrt[3]{x}+\overline{x+y}+\text{if } x\in\mathbb{R}\setminus\{0\}": "mroot",
}


def parsed(latex: str) -> ElementTree.Element:
    return ElementTree.fromstring(to_mathml(latex, display=True))


def of(tag: str, latex: str) -> list[ElementTree.Element]:
    return list(parsed(latex).iter(tag))


@pytest.mark.parametrize(("latex", "element"), FORMULAS.items())
def test_formula_converts_and_keeps_its_source(latex, element):
    math = parsed(latex)
    assert math.tag == "math"
    assert math.get("display") == "block"
    assert math.find(f".//{element}") is not None
    annotation = math.find("./semantics/annotation")
    assert annotation is not None
    assert annotation.get("encoding") == "application/x-tex"
    assert annotation.text == latex
    assert not any("\\" in (element.text or "") for element in math.iter() if element is not annotation)


@pytest.mark.parametrize(
    ("latex", "named"),
    [(r"\foo{x}", r"\foo"), (r"\frac{1}", "argument"), (r"\left(x", r"\right"), (r"\input{x}", r"\input"),
     (r"\begin{foo}x\end{foo}", "foo"), ("a % b", "%"), ("x}", "}"), ("a$b$", "$")],
)  # fmt: skip
def test_unsupported_input_is_refused_by_name(latex, named):
    with pytest.raises(InputError, match="cannot typeset") as caught:
        to_mathml(latex)
    assert named in str(caught.value).split(":", 1)[1]


def test_only_tall_contents_stretch_their_fences():
    flat = [mo.get("stretchy") for mo in of("mo", r"\left(x\right)") if mo.text in "()"]
    tall = [mo.get("stretchy") for mo in of("mo", r"\left(\frac{1}{x}\right)") if mo.text in "()"]
    assert flat == ["false", "false"]
    assert tall == [None, None]


def test_the_brace_of_cases_stretches():
    (brace,) = [mo for mo in of("mo", r"\begin{cases}1&2\\3&4\end{cases}") if mo.text == "{"]
    assert brace.get("stretchy") is None


def test_no_thin_space_between_a_function_and_its_argument():
    assert all(mo.get("lspace") != "0.1667em" for mo in of("mo", r"\phi\left(x\right)") if mo.text == "(")


@pytest.mark.parametrize("latex", [r"\phi'", r"\phi''(x)", r"q_1'", r"\phi'^{2}"])
def test_primes_stand_beside_their_base(latex):
    (prime,) = [mo for mo in of("mo", latex) if mo.text in ("′", "″")]
    for scripts in parsed(latex).iter():
        if scripts.tag in ("msup", "msubsup"):
            assert all(element.text != prime.text for element in scripts[-1].iter())


def test_overline_is_drawn_by_the_style_sheet():
    (line,) = [row for row in of("mrow", r"\overline{x+y}") if row.get("class") == "overline"]
    assert len(line) == 1


def test_markup_in_text_stays_text():
    source = to_mathml(r"\text{<script>} < 1")
    assert "<script" not in source
    assert "&lt;script&gt;" in source
