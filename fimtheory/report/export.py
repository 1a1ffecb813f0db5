"""One activation as code or text to paste: NumPy, JAX, PyTorch, Neural Tangents, Mathematica, LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import sympy as sp

from fimtheory.activations import Activation
from fimtheory.emission.source import Module, mathematica
from fimtheory.errors import DivergentExpectation, InputError
from fimtheory.gaussian import expectation as gaussian
from fimtheory.gaussian.field import CORRELATION, VARIANCE
from fimtheory.gaussian.integrals import Expectation, PairExpectation
from fimtheory.latex import latex

FORMATS = ("numpy", "jax", "torch", "neural-tangents", "mathematica", "latex")
_Q1, _Q2 = sp.Symbol("q1", positive=True), sp.Symbol("q2", positive=True)
_WIDEST = 150  # characters of LaTeX on a line, about

_CAMEL = {"eta_prime": "etaPrime"}  # an underscore is a pattern there
_EXACT = "closed form"
_SUMMED = "by quadrature: 1e-12 for q up to 2"


def export(phi: Activation, form: str) -> str:
    """The source text of phi, phi', its dual and the dual of phi'.

    Raises :class:`InputError` for an unknown format, and for a function with kinks whose dual has no closed form.

    >>> from fimtheory.activations import activation
    >>> print(export(activation("relu"), "mathematica").splitlines()[3])
    dual[q_, c_] := (1/2)*q*(c*(Pi - ArcCos[c]) + (1 - c^2)^(1/2))/Pi
    """
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}: choose one of {', '.join(FORMATS)}")
    writers: dict[str, Callable[[Activation], str]] = {
        "neural-tangents": _neural_tangents,
        "mathematica": _mathematica,
        "latex": _latex,
    }
    return writers[form](phi) if form in writers else _arrays(phi, form)


def _slope(phi: Activation) -> sp.Expr:
    """phi' away from jumps."""
    return phi._pieces.derivative().expression


def _constants(phi: Activation) -> list[tuple[str, str, sp.Expr | None]]:
    """(name, LaTeX, value); None where it does not exist."""

    def value(compute: Callable[[], sp.Expr]) -> sp.Expr | None:
        try:
            return compute()
        except DivergentExpectation:
            return None

    return [
        ("mean", r"\mathbb{E}\,\phi(Z)", value(lambda: phi.mean)),
        ("eta", r"\eta", value(lambda: phi.eta)),
        ("eta_prime", r"\eta'", value(lambda: phi.eta_prime)),
        ("zeta", r"\zeta", value(lambda: phi.zeta)),
    ]


def _is_open(e: sp.Expr) -> bool:
    return e.has(Expectation, PairExpectation)


def _heading(phi: Activation, comment: str) -> str:
    shown = [f"{name} = {value}" for name, _, value in _constants(phi) if value is not None and not _is_open(value)]
    return "\n".join(f"{comment} {line}" for line in (f"phi(x) = {phi.expression}", *shown))


# -- array libraries


def _arrays(phi: Activation, language: str) -> str:
    module = _module(phi, language)
    _add_dual(module, phi, "dual", [VARIANCE, CORRELATION], phi.dual(VARIANCE, CORRELATION), "phi")
    slope = phi.dual_derivative(VARIANCE, CORRELATION)
    _add_dual(module, phi, "dual_derivative", [VARIANCE, CORRELATION], slope, "phi_prime")
    return _heading(phi, "#") + "\n\n" + module.text()


def _module(phi: Activation, language: str) -> Module:
    module = Module(language)
    for name, e, doc in (("phi", phi.expression, "phi(x)"), ("phi_prime", _slope(phi), "phi'(x), away from jumps")):
        module.add(name, [phi.variable, *phi.parameters], e, f"{doc} = {e}.")
    return module


def _add_dual(module: Module, phi: Activation, name: str, variables: Sequence[sp.Symbol], e: sp.Expr, of: str) -> None:
    *variances, _ = variables
    doc = f"E {of}(U) {of}(V), Var U = {variances[0]}, Var V = {variances[-1]}, correlation c"
    if not _is_open(e):
        module.add(name, [*variables, *phi.parameters], e, f"{doc}: {_EXACT}.")
        return
    if len(phi.kinks) > 1:
        raise InputError(
            f"the dual of {phi.name} has no closed form, and kinks that an exported quadrature would not resolve:"
            " use phi.dual_function(q) or ft.emit instead"
        )
    helper = "gaussian_pair_kinked" if phi.kinks else "gaussian_pair"
    place = "".join(f", {module.expression(kink)}" for kink in phi.kinks)
    module.require(helper)
    names = ", ".join(s.name for s in (*variables, *phi.parameters))
    inner = "".join(f", {s.name}" for s in phi.parameters)
    given = f"{variances[0]}, {variances[-1]}, c"
    module.add_text(
        f'def {name}({names}):\n    """{doc}, {_SUMMED}."""\n'
        f"    return {helper}(lambda x: {of}(x{inner}){place}, {given})"
    )


def _neural_tangents(phi: Activation) -> str:
    module = _module(phi, "jax")
    f, pairs = phi._pieces, [_Q1, _Q2, CORRELATION]
    _add_dual(module, phi, "dual", pairs, gaussian.pair_of_pieces(f, f, *pairs), "phi")
    slope = gaussian.pair_of_pieces(f, f, *pairs, derivatives=True)
    _add_dual(module, phi, "dual_derivative", pairs, slope, "phi_prime")
    arguments = ", ".join(s.name for s in phi.parameters)
    inner = "".join(f", {s.name}" for s in phi.parameters)
    module.add_text(f'''
def {_camel(phi.name)}({arguments}):
    """A layer for neural_tangents.stax.serial: the nonlinearity with its exact kernels."""

    def correlation(cov12, var1, var2):
        return np.clip(cov12 / np.sqrt(var1 * var2), -1.0, 1.0)

    def nngp_fn(cov12, var1, var2):
        return dual(var1, var2, correlation(cov12, var1, var2){inner})

    def d_nngp_fn(cov12, var1, var2):
        return dual_derivative(var1, var2, correlation(cov12, var1, var2){inner})

    return stax.Elementwise(lambda x: phi(x{inner}), nngp_fn, d_nngp_fn)
''')
    text = module.text()
    head, separator, body = text.partition("\n\n\n")
    return _heading(phi, "#") + f"\n\n{head}\nfrom neural_tangents import stax{separator}{body}"


def _camel(name: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", name.partition("(")[0])
    return "".join(word[:1].upper() + word[1:] for word in words) if name.isidentifier() else "Activation"


# -- text


def _mathematica(phi: Activation) -> str:
    parameters = "".join(f", {s.name}_" for s in phi.parameters)
    given = "".join(f", {s.name}" for s in phi.parameters)
    lines = [f"(* phi(x) = {phi.expression} *)"]
    lines.append(f"phi[x_{parameters}] := {mathematica(phi.expression)}")
    lines.append(f"phiPrime[x_{parameters}] := {mathematica(_slope(phi))}")
    for name, of, e in (
        ("dual", "phi", phi.dual(VARIANCE, CORRELATION)),
        ("dualDerivative", "phiPrime", phi.dual_derivative(VARIANCE, CORRELATION)),
    ):
        if _is_open(e):
            second = "Sqrt[q] (c z + Sqrt[1 - c^2] w)"
            body = (
                f"NIntegrate[{of}[Sqrt[q] z{given}] {of}[{second}{given}] Exp[-(z^2 + w^2)/2]/(2 Pi), "
                "{z, -Infinity, Infinity}, {w, -Infinity, Infinity}]"
            )
        else:
            body = mathematica(e)
        lines.append(f"{name}[q_, c_{parameters}] := {body}")
    heads = f"[{parameters[2:]}]" if given else ""
    for name, _, value in _constants(phi):
        if value is not None and not _is_open(value):
            lines.append(f"{_CAMEL.get(name, name)}{heads} := {mathematica(value)}")
    return "\n".join(lines) + "\n"


def _latex(phi: Activation) -> str:
    rows = [(r"\phi(x)", phi.expression)]
    rows += [(head, value) for _, head, value in _constants(phi) if value is not None]
    q, c = latex(VARIANCE), latex(CORRELATION)
    pair = r"\mathbb{E}\,\phi(U)\,\phi(V)"
    slope = r"\mathbb{E}\,\phi'(U)\,\phi'(V)"
    rows += [(pair, phi.dual(VARIANCE, CORRELATION)), (slope, phi.dual_derivative(VARIANCE, CORRELATION))]
    body = " \\\\\n".join(line for head, e in rows for line in _aligned(head, e))
    where = rf"% Z ~ N(0, 1); U, V ~ N(0, {q}) with correlation {c}; needs amsmath"
    return f"{where}\n\\begin{{align*}}\n{body}\n\\end{{align*}}\n"


def _aligned(head: str, e: sp.Expr) -> list[str]:
    """The lines of one equation: a long sum is broken between its terms."""
    whole = latex(e)
    terms = re.split(r" (?=[+-] )", whole) if e.is_Add and len(whole) > _WIDEST else [whole]
    lines, depth = [], 0
    for term in terms:  # a sign inside brackets is no place to break
        if lines and (depth or len(lines[-1]) + len(term) < _WIDEST):
            lines[-1] += f" {term}"
        else:
            lines.append(term)
        depth += len(re.findall(r"\\left|\{", term)) - len(re.findall(r"\\right|\}", term))
    return [f"{head} &= {lines[0]}", *(rf"&\quad {line}" for line in lines[1:])]
