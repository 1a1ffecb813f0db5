"""What document 001 says about the functions of four groups of output weights, exactly, and what goes beyond it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import sympy as sp

from fimtheory.claims import Agreement, AtEveryWidth, Identity, Source, claim
from fimtheory.theory.function_groups import EIGENFUNCTIONS, FunctionLayer, groups
from fimtheory.theory.harmonics import INPUT
from fimtheory.theory.homogeneous import DIMENSION, HomogeneousTerm, homogeneous_eigenvalue
from fimtheory.theory.sphere import RadialLaw

_NETWORK = ("w_i ~ N(0, I_d) and x ~ N(0, I_d) independent", "v_i = g(w_i)/sqrt(m)")
_PRINTED = "printed for a unit vector v and w_i ~ N(0, I_d/m): divide by sqrt(E g^2)"
_D = DIMENSION
_RELU = HomogeneousTerm(sp.S.One, sp.S.One, sp.S.Zero)

Predictions = dict[str, Identity | Agreement | AtEveryWidth | sp.Expr]


@functools.cache
def _forms() -> dict:
    """The groups of ReLU in d dimensions."""
    return groups("relu", "d")


def _eigenvalue(k: int) -> sp.Expr:
    return homogeneous_eigenvalue(_RELU, k, RadialLaw(_D), RadialLaw(_D))


def _exactly(value: float) -> AtEveryWidth:
    return AtEveryWidth(lambda m: value)


def _values(layer: FunctionLayer, *names: str) -> Predictions:
    """f at both points, at every width."""
    return {
        f"functions.value[{name},{p}]": _exactly(layer.value(name, p))
        for name in names
        for p in (1, 2)
        if layer.value(name, p) != 0
    }


def _group_claim(id: str, title: str, statement: str, place: str) -> Callable[[Callable], Callable]:
    return claim(
        f"ho2025.{id}",
        title=title,
        statement=statement,
        source=Source("ho2025", place),
        assumptions=(*_NETWORK, _PRINTED),
        subject="function_forms",
        activations=("relu",),
    )


@_group_claim(
    "norm_form",
    "Function of the first eigenvector",
    r"g = |w| : \quad \mathbb{E} f(x) = \sqrt{\lambda_0} \, |x|, \quad g = 1 : \quad "
    r"\mathbb{E} f(x) = \frac{|x|}{\sqrt{2 \pi}}",
    "abstract, F_0",
)
def norm_form(layer: FunctionLayer) -> Predictions:
    """|w| and the vector of ones: one function, up to a factor."""
    norm = _forms()["norm"].form
    return {"F_0": Identity(norm**2, _eigenvalue(0) * INPUT.norm**2), **_values(layer, "norm", "ones")}


@_group_claim(
    "coordinate_form",
    "Functions of the second group",
    r"g = w_l : \quad \mathbb{E} f(x) = \frac{x_l}{2}",
    "abstract, F_l",
)
def coordinate_form(layer: FunctionLayer) -> Predictions:
    """Linear functions, without any limit in d."""
    return _values(layer, "coordinate")


@_group_claim(
    "diagonal_form",
    "Functions of squares of hidden weights",
    r"g = \frac{w_\gamma^2}{|w|} : \quad \mathbb{E} f(x) = \sqrt{\lambda_2} \, "
    r"\frac{x_\gamma^2 + |x|^2}{|x|}, \quad g = w_\gamma^2 : \quad "
    r"\mathbb{E} f(x) = \frac{1}{\sqrt{2 \pi}} \frac{x_\gamma^2 + |x|^2}{|x|}",
    "abstract, F_{gamma gamma}",
)
def diagonal_form(layer: FunctionLayer) -> Predictions:
    """sqrt(lambda_0) = (d + 1) sqrt(lambda_2): both vectors give one function, of degrees 0 and 2 together."""
    x, square = INPUT, _forms()["square"].form
    printed = _eigenvalue(2) * (x.coordinate(1) ** 2 + x.norm**2) ** 2 / x.norm**2
    return {"F_gamma gamma": Identity(square**2, printed), **_values(layer, "square", "hadamard_square")}


@_group_claim(
    "offdiagonal_form",
    "Functions of products of hidden weights",
    r"g = \frac{w_\alpha w_\beta}{|w|} : \quad \mathbb{E} f(x) = \sqrt{\lambda_2} \, "
    r"\frac{x_\alpha x_\beta}{|x|}, \quad g = w_\alpha w_\beta : \quad "
    r"\mathbb{E} f(x) = \frac{1}{\sqrt{2 \pi}} \frac{x_\alpha x_\beta}{|x|}",
    "abstract, F_{alpha beta}",
)
def offdiagonal_form(layer: FunctionLayer) -> Predictions:
    """The first is an eigenvector, the Hadamard product is not; their functions are proportional."""
    x, product = INPUT, _forms()["product"].form
    printed = _eigenvalue(2) * (x.coordinate(1) * x.coordinate(2)) ** 2 / x.norm**2
    return {"F_alpha beta": Identity(product**2, printed), **_values(layer, "product", "hadamard")}


_PAIRS = tuple((a, b) for i, a in enumerate(EIGENFUNCTIONS) for b in EIGENFUNCTIONS[i + 1 :])
_MEASURED = (("norm", "coordinate"), ("norm", "product"), ("coordinate", "contrast"), ("product", "contrast"))


@claim(
    "ho2025.orthogonality",
    title="Orthogonality of the functions of eigenvectors",
    statement=r"\langle v, J v' \rangle \to \mathbb{E}\, F F' = 0 \quad \text{for } g = |w|, \; w_l, \; "
    r"\frac{w_\alpha w_\beta}{|w|}, \; \frac{w_\alpha^2 - w_\beta^2}{|w|}, \; \ldots",
    source=Source("ho2025", "abstract, inner products that approximate orthogonality"),
    assumptions=_NETWORK,
    subject="function_forms",
    activations=("relu",),
)
def orthogonality(layer: FunctionLayer) -> Predictions:
    """Exact in the limit, in every dimension: harmonics of different degree, or different ones of a degree."""
    exact = {f"<{a}, {b}>": Identity(_forms()[a].inner(_forms()[b]), sp.S.Zero) for a, b in _PAIRS}
    return {**exact, **{f"functions.pythagoras[{a},{b}]": sp.S.One for a, b in _MEASURED}}


def _all_orthogonal(layer: FunctionLayer) -> dict[str, sp.Expr]:
    return {"functions.pythagoras[hadamard_square,other_hadamard_square]": sp.S.One}


@claim(
    "ho2025.hadamard_squares",
    title="Functions of Hadamard squares are nearly parallel",
    statement=r"\cos(F_{\gamma\gamma}, F_{\delta\delta}) = \frac{(d + 2)^2 + 1}{(d + 2)^2 + 3}, \quad "
    r"\cos(F_{\gamma\gamma}, F_0)^2 = \frac{(d + 1)^2 (d + 2)}{d \left((d + 2)^2 + 3\right)}, \quad "
    r"g = w_\gamma^2, \; w_\delta^2, \; |w| \text{ or } 1",
    source=Source("ho2025", "abstract, inner products that approximate orthogonality"),
    assumptions=(
        *_NETWORK,
        "as printed: read with w_gamma o w_gamma itself as the vector of F_{gamma gamma}; for differences of two such "
        "vectors the orthogonality is exact",
    ),
    as_printed=r"\langle F_{\gamma\gamma}, F_{\delta\delta} \rangle \approx 0",
    printed=_all_orthogonal,
    subject="function_forms",
    activations=("relu",),
)
def hadamard_squares(layer: FunctionLayer) -> Predictions:
    """They share the function of degree 0: cosines tend to 1 as d grows, between the vectors themselves it is 1/3."""
    forms, square = _forms(), (_D + 2) ** 2
    pairs = (("hadamard_square", "other_hadamard_square"), ("norm", "hadamard_square"), ("ones", "hadamard_square"))
    cosines = {(a, b): forms[a].cosine(forms[b]) for a, b in pairs}
    return {
        "cos(F_11, F_22)": Identity(cosines[pairs[0]], (square + 1) / (square + 3)),
        "cos(F_11, F_0)^2": Identity(cosines[pairs[1]] ** 2, (_D + 1) ** 2 * (_D + 2) / (_D * (square + 3))),
        **{f"functions.pythagoras[{a},{b}]": sp.Float(1 + _cosine(layer, a, b), 17) for a, b in pairs},
    }


def _cosine(layer: FunctionLayer, one: str, two: str) -> float:
    return layer.form(one).cosine_value(layer.form(two))


@claim(
    "fimtheory.functions.hadamard_quotient",
    title="The printed third eigenvalue is the quotient of Hadamard products",
    statement=r"\frac{\langle v, J v \rangle}{\langle v, v \rangle} \to \frac{1}{2 \pi (d + 2)} \quad "
    r"\text{for } g = w_\alpha w_\beta, \qquad \frac{\lambda_2}{\cdot} = "
    r"\frac{d^2 (d + 2)}{2 (d + 1)^2} \frac{\Gamma(\frac{d}{2})^2}{\Gamma(\frac{d + 1}{2})^2}",
    source=Source("fimtheory", "explains takeishi2021: the third cluster"),
    assumptions=_NETWORK,
    subject=None,
)
def hadamard_quotient() -> dict[str, Identity]:
    """The eigenvalue itself, of w_alpha w_beta/|w|, is larger; their ratio tends to 1 as d grows."""
    printed, half = 1 / (2 * sp.pi * (_D + 2)), _D / 2
    ratio = _D**2 * (_D + 2) / (2 * (_D + 1) ** 2) * sp.gamma(half) ** 2 / sp.gamma(half + sp.S.Half) ** 2
    return {
        "quotient": Identity(_forms()["hadamard"].quotient, printed),
        "contrast": Identity(_forms()["hadamard_contrast"].quotient, printed),
        "eigenvalue": Identity(_forms()["product"].quotient / printed, ratio),
    }


@claim(
    "fimtheory.functions.harmonic",
    title="Functions of harmonics of any degree",
    statement=r"g = |w|^q h_k(w) : \quad \mathbb{E} f(x) = c_k \, \mathbb{E} |w|^{q + k + \alpha} \, "
    r"|x|^{\alpha - k} h_k(x)",
    source=Source("fimtheory", "extends ho2025 to all degrees and powers"),
    assumptions=(*_NETWORK, r"phi(t) a power t^\alpha on either side of 0", "h_k a harmonic of degree k"),
    subject="function_forms",
    activations=("step", "relu_squared", "relu"),
)
def harmonic_forms(layer: FunctionLayer) -> Predictions:
    """Degree 3 by values; degree 4, which is small, by quadrature of the Funk-Hecke coefficient."""
    form, points = layer.form("planar4"), layer.points
    return {"degree 4": Agreement(lambda: form(points), lambda: form.radial.values(points), 1e-12)} | _values(
        layer, "planar3"
    )


@claim(
    "fimtheory.functions.quotient",
    title="Eigenvalues as quotients of functions of the hidden weights",
    statement=r"\frac{\langle v, J v \rangle}{\langle v, v \rangle} \to \frac{\mathbb{E} F^2}{\mathbb{E} g^2} = \lambda_k "
    r"\quad \text{for } g = |w|^{1 - k} h_k(w), \qquad \frac{1}{2 \pi (d + 2)} \quad \text{for } "
    r"g = w_\alpha w_\beta",
    source=Source("fimtheory", "extends takeishi2021 and ho2025"),
    assumptions=_NETWORK,
    subject="function_forms",
    activations=("relu",),
)
def quotients(layer: FunctionLayer) -> Predictions:
    """Degrees 0, 1, 2, and Hadamard products, which are no eigenvectors."""
    names = ("norm", "coordinate", "product", "hadamard")
    return {f"functions.quotient[{name}]": sp.Float(layer.form(name).quotient_value, 17) for name in names}


@claim(
    "fimtheory.functions.fluctuation",
    title="Fluctuation of functions at finite width",
    statement=r"m \operatorname{Var} f(x) = \mathbb{E}\, g(w)^2 \phi(w \cdot x)^2 - F(x)^2",
    source=Source("fimtheory", "extends ho2025: finite width"),
    assumptions=_NETWORK,
    subject="function_forms",
    activations=("relu", "gelu"),
)
def fluctuation(layer: FunctionLayer) -> dict[str, AtEveryWidth]:
    """Exact at every width: f is a mean of independent terms."""

    def at(name: str, p: int) -> AtEveryWidth:
        value = layer.fluctuation(name, p)
        return AtEveryWidth(lambda m: value / m)

    pairs = (("norm", 1), ("coordinate", 1), ("product", 2), ("hadamard_square", 2))
    return {f"functions.variance[{name},{p}]": at(name, p) for name, p in pairs}


@claim(
    "fimtheory.functions.stein",
    title="Functions of polynomials in the hidden weights, for any activation",
    statement=r"\mathbb{E}_w\, \phi = \mathbb{E}\, \phi(u), \quad \mathbb{E}\, w_l \phi = x_l \, \mathbb{E}\, \phi'(u), "
    r"\quad \mathbb{E}\, w_\alpha w_\beta \phi = \delta_{\alpha \beta} \, \mathbb{E}\, \phi(u) + x_\alpha x_\beta \, "
    r"\mathbb{E}\, \phi''(u), \quad u \sim N(0, |x|^2)",
    source=Source("fimtheory", "extends ho2025 to all activations"),
    assumptions=(*_NETWORK, "phi'' in the weak sense"),
    subject="function_forms",
    activations=("erf", "gelu"),
)
def stein(layer: FunctionLayer) -> Predictions:
    """Ones, coordinates and Hadamard products, where they do not vanish by symmetry."""
    return _values(layer, "ones", "coordinate", "hadamard", "hadamard_square")


@claim(
    "fimtheory.functions.inner_product",
    title="Inner products of functions at every width",
    statement=r"\mathbb{E} \langle v, J v' \rangle = \left(1 - \tfrac{1}{m}\right) \mathbb{E}\, F F' "
    r"+ \tfrac{1}{m} \, \mathbb{E}\, g g' \phi^2",
    source=Source("fimtheory", "extends ho2025: finite width"),
    assumptions=_NETWORK,
    subject="function_forms",
    activations=("relu", "gelu"),
)
def inner_product(layer: FunctionLayer) -> dict[str, AtEveryWidth]:
    """Two different units, or one and the same: for degree 4, whose eigenvalue is small, mostly the latter."""

    def at(one: str, two: str) -> AtEveryWidth:
        return AtEveryWidth(lambda m: layer.inner(one, two, m))

    pairs = (("norm", "ones"), ("hadamard_square", "other_hadamard_square"), ("planar4", "planar4"))
    return {f"functions.inner[{a},{b}]": at(a, b) for a, b in pairs}
