"""SymPy expressions as source text to paste: NumPy, JAX, PyTorch, Mathematica.

The text stands alone: it imports its library, and brings the helpers it needs (Phi_2, a quadrature) with it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp
from sympy.printing.mathematica import MCodePrinter
from sympy.printing.pycode import PythonCodePrinter

from fimtheory.emission import source_helpers
from fimtheory.emission.stable import stable
from fimtheory.errors import InputError

_INDENT = " " * 4


@dataclass(frozen=True)
class Language:
    """An array library: the imports, the prefix of its functions, and those that are spelled differently."""

    name: str
    imports: tuple[str, ...]
    prefix: str
    special: str
    names: dict[str, str]


LANGUAGES = {
    "numpy": Language(
        "numpy",
        ("import numpy as np", "from scipy import special"),
        "np.",
        "special.",
        {"softplus": "np.logaddexp(0.0, {})"},
    ),
    "jax": Language(
        "jax",
        ("import jax", "import jax.numpy as np", "from jax.scipy import special"),
        "np.",
        "special.",
        {"softplus": "np.logaddexp(0.0, {})"},
    ),
    "torch": Language(
        "torch",
        ("import torch",),
        "torch.",
        "torch.special.",
        {"softplus": "torch.nn.functional.softplus({}, threshold=1000.0)"},
    ),
}
_ELEMENTARY = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh"}
_CONSTANT = "sqrt exp log sin cos tan sinh cosh tanh asin acos atan asinh erf erfc".split()


class _SourcePrinter(PythonCodePrinter):
    """Readable array code; what is constant is left to ``math``."""

    def __init__(self, language: Language) -> None:
        super().__init__({"fully_qualified_modules": False, "allow_unknown_functions": True})
        self.language = language
        self.helpers: set[str] = set()
        self.needs_math = False

    def _call(self, name: str, *arguments: sp.Expr) -> str:
        text = ", ".join(map(self._print, arguments))
        if all(a.is_number for a in arguments) and name in _CONSTANT:
            self.needs_math = True
            return f"math.{name}({text})"
        language = self.language
        special = {"Phi": "ndtr", "erf": "erf", "erfc": "erfc", "sigmoid": "expit"}
        if name in language.names:
            return language.names[name].format(text)
        if name in special:
            return f"{language.special}{special[name]}({text})"
        if name == "BivariateNormalCDF":
            self.helpers.add("bivariate_normal_cdf")
            return f"bivariate_normal_cdf({text})"
        return f"{language.prefix}{_ELEMENTARY.get(name, name)}({text})"

    def _print_Function(self, expr):
        if expr.is_number and type(expr).__name__ not in _CONSTANT:
            return repr(float(expr))
        return self._call(type(expr).__name__, *expr.args)

    def _print_Integer(self, expr):
        return str(expr) if abs(expr) < 2**53 else repr(float(expr))

    def _print_Rational(self, expr):
        return f"{expr.p}/{expr.q}" if max(abs(expr.p), expr.q) < 10**6 else repr(float(expr))

    _print_Half = _print_Rational

    def _print_Pi(self, expr):
        self.needs_math = True
        return "math.pi"

    def _print_Exp1(self, expr):
        self.needs_math = True
        return "math.e"

    def _print_Pow(self, expr, rational=False):
        if expr.exp == sp.S.Half:
            return self._call("sqrt", expr.base)
        if expr.exp == -sp.S.Half:
            return f"1/{self._call('sqrt', expr.base)}"
        return super()._print_Pow(expr, rational=rational)

    def _where(self, condition: str, yes: str, no: str) -> str:
        return f"{self.language.prefix}where({condition}, {yes}, {no})"

    def _print_Max(self, expr):
        return functools.reduce(lambda a, b: self._where(f"{a} > {b}", a, b), map(self._print, self._ordered(expr)))

    def _print_Min(self, expr):
        return functools.reduce(lambda a, b: self._where(f"{a} < {b}", a, b), map(self._print, self._ordered(expr)))

    @staticmethod
    def _ordered(expr):
        """What varies first: libraries want an array in the condition."""
        return sorted(expr.args, key=lambda a: (a.is_number, sp.default_sort_key(a)))

    def _print_Heaviside(self, expr):
        u = self._print(expr.args[0])
        return self._where(f"{u} > 0", "1.0", self._where(f"{u} < 0", "0.0", "0.5"))

    def _print_Piecewise(self, expr):
        code = 'float("nan")'
        for value, condition in reversed(expr.args):
            branch = self._print(value)
            if value.is_number and self.language.name == "torch":  # numbers alone would be in single precision
                branch += f" + 0*{min(map(str, expr.free_symbols))}"
            code = branch if condition == sp.true else self._where(self._print(condition), branch, code)
        return code

    def _print_Abs(self, expr):
        return f"abs({self._print(expr.args[0])})"

    def _print_sign(self, expr):
        return f"{self.language.prefix}sign({self._print(expr.args[0])})"


for _name in "Phi BivariateNormalCDF sigmoid softplus".split() + _CONSTANT[1:]:
    setattr(_SourcePrinter, f"_print_{_name}", _SourcePrinter._print_Function)


class Module:
    """Source text of several functions in one language, with the imports and helpers they need."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise InputError(f"no source can be written for {language!r}: choose one of {', '.join(LANGUAGES)}")
        self.language = LANGUAGES[language]
        self._printer = _SourcePrinter(self.language)
        self._functions: list[str] = []

    def add(self, name: str, arguments: Sequence[sp.Symbol], expression: sp.Expr, doc: str) -> None:
        """A function of the arguments that returns the expression."""
        self._functions.append(self.function(name, arguments, expression, doc))

    def add_text(self, text: str) -> None:
        """A piece of source written elsewhere."""
        self._functions.append(text.strip())

    def require(self, helper: str) -> None:
        """Bring a helper of :mod:`fimtheory.emission.source_helpers`."""
        self._printer.helpers.add(helper)

    def expression(self, e: sp.Expr) -> str:
        """An expression as text."""
        return self._printer.doprint(e)

    def function(self, name: str, arguments: Sequence[sp.Symbol], expression: sp.Expr, doc: str) -> str:
        """The text of one function; common subexpressions get names."""
        self.check(expression)
        shared, (result,) = sp.cse(
            stable(expression), symbols=(sp.Symbol(f"t{k}") for k in range(10**6)), optimizations=None
        )
        names = ", ".join(s.name for s in arguments)
        lines = [f"def {name}({names}):", f'{_INDENT}"""{doc}"""']
        if self.language.name == "torch" and arguments:
            self._printer.helpers.add("tensors")
            lines.append(f"{_INDENT}{names}{',' * (len(arguments) == 1)} = tensors({names})")
        lines += [f"{_INDENT}{symbol} = {self._printer.doprint(e)}" for symbol, e in shared]
        lines.append(f"{_INDENT}return {self._returned(result, arguments)}")
        return "\n".join(lines)

    def _returned(self, result: sp.Expr, arguments: Sequence[sp.Symbol]) -> str:
        text = self._printer.doprint(result)
        return text if result.free_symbols or not arguments else f"{text} + 0*{arguments[0].name}"

    @staticmethod
    def check(expression: sp.Expr) -> None:
        """Refuse what has no text: an integral without closed form."""
        integrals = [node for node in sp.preorder_traversal(expression) if hasattr(node, "kernel")]
        if integrals:
            raise InputError(f"{integrals[0]} has no closed form to write out: emit it for numpy or mpmath instead")

    def text(self) -> str:
        """The whole module."""
        imports = [*(["import math"] if self._printer.needs_math else []), *self.language.imports]
        helpers = source_helpers.texts(self._printer.helpers, self.language.name)
        if any("math." in helper for helper in helpers) and "import math" not in imports:
            imports.insert(0, "import math")
        if any("numpy.polynomial" in helper for helper in helpers):
            imports.insert(1 if imports[0] == "import math" else 0, "import numpy")
        body = "\n\n\n".join([*helpers, *self._functions])
        return "\n".join(_used(imports, body)) + "\n\n\n" + body + "\n"


def _used(imports: Sequence[str], body: str) -> list[str]:
    """The imports that the text mentions."""
    return [line for line in imports if re.search(rf"\b{re.escape(line.split()[-1].split('.')[-1])}\b", body)]


# -- Mathematica


class _MathematicaPrinter(MCodePrinter):
    def _print_Phi(self, expr):
        return f"CDF[NormalDistribution[], {self._print(expr.args[0])}]"

    def _print_BivariateNormalCDF(self, expr):
        h, k, rho = map(self._print, expr.args)
        return f"CDF[BinormalDistribution[{rho}], {{{h}, {k}}}]"

    def _print_sigmoid(self, expr):
        return f"LogisticSigmoid[{self._print(expr.args[0])}]"

    def _print_softplus(self, expr):
        return f"Log[1 + Exp[{self._print(expr.args[0])}]]"

    def _print_Piecewise(self, expr):
        *cases, (default, condition) = expr.args
        if condition != sp.true:
            cases, default = expr.args, sp.nan
        listed = ", ".join(f"{{{self._print(value)}, {self._print(when)}}}" for value, when in cases)
        return f"Piecewise[{{{listed}}}, {self._print(default)}]"

    def _print_Heaviside(self, expr):
        return f"HeavisideTheta[{self._print(expr.args[0])}]"


def mathematica(expression: sp.Expr) -> str:
    """An expression in the language of Mathematica; integrals become NIntegrate.

    >>> mathematica(sp.sqrt(sp.Symbol("q")) * sp.acos(sp.Symbol("c")))
    'q^(1/2)*ArcCos[c]'
    """
    Module.check(expression)
    return _MathematicaPrinter({"user_functions": {}}).doprint(expression)


def source(expression: sp.Expr, arguments: Sequence[sp.Symbol], language: str) -> str:
    """Source text of one function ``f`` of the arguments.

    >>> c = sp.Symbol("c")
    >>> print(source(sp.sqrt(1 - c**2), [c], "numpy"))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def f(c):
        \"\"\"sqrt(1 - c**2)\"\"\"
        return np.sqrt(1 - c**2)
    <BLANKLINE>
    """
    if language == "mathematica":
        heads = ", ".join(f"{s.name}_" for s in arguments)
        return f"f[{heads}] := {mathematica(expression)}\n"
    module = Module(language)
    module.add("f", arguments, expression, str(expression))
    return module.text()
