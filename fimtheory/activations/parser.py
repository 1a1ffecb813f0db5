"""The only door for text: a formula in, a SymPy expression out, nothing executed.

The text is parsed into Python's syntax tree, and the tree is translated node by node; whatever is not on the list
below is refused. Sizes are bounded before anything is built.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable, Iterable

import sympy as sp

from fimtheory.errors import ParseError
from fimtheory.functions import Phi, density, sigmoid, softplus

MAX_LENGTH = 2000
MAX_DEPTH = 60
MAX_EXPONENT = 64
MAX_DIGITS = 60
MAX_ARGUMENT = 10**6

VARIABLE = sp.Symbol("x", real=True)


def _relu(u: sp.Expr) -> sp.Expr:
    return sp.Max(u, 0)


def _clip(u: sp.Expr, lo: sp.Expr, hi: sp.Expr) -> sp.Expr:
    return sp.Max(lo, sp.Min(u, hi))


def _where(condition: sp.Basic, yes: sp.Expr, no: sp.Expr) -> sp.Expr:
    return sp.Piecewise((yes, condition), (no, True))


# name -> (function, how many arguments)
FUNCTIONS: dict[str, tuple[Callable, tuple[int, ...]]] = {
    **{
        name: (getattr(sp, name), (1,)) for name in "erf erfc exp log sin cos tan sinh cosh tanh atan sqrt sign".split()
    },
    "Phi": (Phi, (1,)),
    "phi": (density, (1,)),
    "sigmoid": (sigmoid, (1,)),
    "softplus": (softplus, (1,)),
    "abs": (sp.Abs, (1,)),
    "step": (lambda u: sp.Heaviside(u), (1,)),
    "relu": (_relu, (1,)),
    "max": (sp.Max, (2, 3, 4)),
    "min": (sp.Min, (2, 3, 4)),
    "clip": (_clip, (3,)),
    "where": (_where, (3,)),
}
_STEEP = frozenset("exp sinh cosh tanh erf erfc phi Phi sigmoid softplus".split())
CONSTANTS: dict[str, sp.Expr] = {"pi": sp.pi, "e": sp.E}
_DECIMAL = re.compile(r"(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,9}))?")
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_COMPARISONS = {ast.Lt: sp.Lt, ast.LtE: sp.Le, ast.Gt: sp.Gt, ast.GtE: sp.Ge}


def parse(text: str, parameters: Iterable[sp.Symbol] = (), variable: sp.Symbol | None = VARIABLE) -> sp.Expr:
    """The expression that a formula in the variable ``x`` and declared parameters stands for.

    Accepted: numbers, ``+ - * / **``, parentheses, comparisons inside ``where(condition, a, b)``, the constants
    ``pi`` and ``e``, and the functions in :data:`FUNCTIONS`. Raises :class:`ParseError` with one line saying what is
    wrong and what to write instead.

    >>> parse("x*Phi(2*x) + 0.1")
    x*Phi(2*x) + 1/10
    """
    if not isinstance(text, str):
        raise ParseError(f"a formula must be text, not {type(text).__name__}")
    _check_size(text)
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise ParseError(_syntax_message(text, error)) from None
    except (ValueError, RecursionError, MemoryError):
        raise ParseError(f"cannot read {_short(text)}: it is no formula; write for instance x*Phi(x)") from None
    names = {symbol.name: symbol for symbol in parameters}
    if variable is not None:
        names[variable.name] = variable
    _check_depth(tree)
    try:
        expression = _Translator(text.strip(), names).expression(tree.body)
    except ParseError:
        raise
    except (TypeError, ValueError, ArithmeticError, RecursionError):  # SymPy's own, of comparisons above all
        raise ParseError(f"{_short(text)} has no real value as it stands: check what is compared and divided") from None
    if expression.has(sp.zoo, sp.nan, sp.oo, -sp.oo):
        raise ParseError(f"{_short(text)} is infinite or undefined as it stands: check for a division by zero")
    return expression


def parse_number(text: str) -> sp.Expr:
    """A number such as ``1/5``, ``0.2`` or ``sqrt(2)``, exactly.

    >>> parse_number("0.2")
    1/5
    """
    value = parse(text, variable=None)
    if not value.is_real:
        raise ParseError(f"{_short(text)} is not a real number: write for instance 1/5 or sqrt(2)")
    return value


class _Translator:
    def __init__(self, text: str, names: dict[str, sp.Symbol]) -> None:
        self.text = text
        self.names = names

    def expression(self, node: ast.AST) -> sp.Expr:
        match node:
            case ast.Constant():
                return self._number(node)
            case ast.Name(id=name):
                return self._name(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.expression(operand)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.expression(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return self._binary(type(op), self.expression(left), self.expression(right))
            case ast.BinOp(op=ast.BitXor()):
                raise ParseError(f"^ is not a power here: write ** in {_short(self.text)}")
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(name, args)
        raise ParseError(f"{self._source(node)} is not allowed in a formula: {_ALLOWED}")

    def _number(self, node: ast.Constant) -> sp.Expr:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise ParseError(f"{self._source(node)} is not a number: {_ALLOWED}")
        match = _DECIMAL.fullmatch((ast.get_source_segment(self.text, node) or "").replace("_", ""))
        if not match:
            raise ParseError(f"{self._source(node)} is not a decimal number: write for instance 0.1 or 1/10")
        if len(match[1]) > MAX_DIGITS or abs(int(match[2] or 0)) > MAX_DIGITS:
            raise ParseError(f"the number {self._source(node)} has more than {MAX_DIGITS} digits: write it shorter")
        return sp.Rational(match[0])

    def _name(self, name: str) -> sp.Expr:
        if name in self.names:
            return self.names[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in FUNCTIONS:
            raise ParseError(f"{name} is a function: write {name}(x)")
        raise ParseError(_unknown(name, [*self.names, *CONSTANTS, *FUNCTIONS]) + _declare(name))

    def _binary(self, op: type, left: sp.Expr, right: sp.Expr) -> sp.Expr:
        if op is ast.Add:
            return left + right
        if op is ast.Sub:
            return left - right
        if op is ast.Mult:
            return left * right
        if op is ast.Div:
            if right.is_zero:
                raise ParseError(f"division by zero in {_short(self.text)}")
            return left / right
        return self._power(left, right)

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        if exponent.is_number and (not exponent.is_real or abs(exponent) > MAX_EXPONENT):
            raise ParseError(f"the exponent {_short(str(exponent))} is too large: at most {MAX_EXPONENT}")
        if base.is_zero and exponent.is_negative:
            raise ParseError(f"division by zero in {_short(self.text)}")
        if base.is_Rational and len(str(base)) * abs(float(exponent) if exponent.is_number else 1) > 400:
            raise ParseError(f"a power in {_short(self.text)} has too many digits")
        return base**exponent

    def _call(self, name: str, arguments: list[ast.expr]) -> sp.Expr:
        if name not in FUNCTIONS:
            raise ParseError(_unknown(name, list(FUNCTIONS)))
        function, arity = FUNCTIONS[name]
        if len(arguments) not in arity:
            expected = " or ".join(map(str, arity))
            raise ParseError(f"{name} takes {expected} argument{'s' * (arity != (1,))}, not {len(arguments)}")
        if name == "where":
            return _where(self._condition(arguments[0]), *map(self.expression, arguments[1:]))
        values = [self.expression(argument) for argument in arguments]
        if name in _STEEP and values[0].is_number and abs(values[0]) > MAX_ARGUMENT:
            raise ParseError(f"{name} of a number beyond {MAX_ARGUMENT} in {_short(self.text)} is out of range")
        return function(*values)

    def _condition(self, node: ast.AST) -> sp.Basic:
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
                return _COMPARISONS[type(op)](self.expression(left), self.expression(right))
        raise ParseError(f"{self._source(node)} is not a condition: write one comparison, as in where(x < 0, a, b)")

    def _source(self, node: ast.AST) -> str:
        return _short(ast.get_source_segment(self.text, node) or self.text)


_ALLOWED = "use numbers, x, declared parameters, + - * / **, parentheses and the functions " + ", ".join(FUNCTIONS)


def _check_size(text: str) -> None:
    if not text.strip():
        raise ParseError("the formula is empty: write for instance x*Phi(x)")
    if "#" in text:
        raise ParseError(f"{_short(text)} contains #: a formula holds no comments")
    if len(text) > MAX_LENGTH:
        raise ParseError(f"the formula has {len(text)} characters: at most {MAX_LENGTH} are read")
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    operators = max((len(run) for run in _runs(text, "+-~*")), default=0)
    if deepest > MAX_DEPTH or operators > MAX_DEPTH:
        raise ParseError(f"the formula is nested more than {MAX_DEPTH} deep: simplify it")


def _check_depth(tree: ast.AST) -> None:
    level, depth = [tree], 0
    while level:
        level, depth = [child for node in level for child in ast.iter_child_nodes(node)], depth + 1
    if depth > MAX_DEPTH * 4:
        raise ParseError(f"the formula is a chain of more than {MAX_DEPTH * 4} operations: simplify it")


def _runs(text: str, characters: str) -> list[str]:
    return "".join(c if c in characters else " " for c in "".join(text.split())).split()


def _syntax_message(text: str, error: SyntaxError) -> str:
    if text.count("(") != text.count(")"):
        return f"cannot read {_short(text)}: the parentheses do not match"
    place = f" at column {error.offset}" if error.offset else ""
    return f"cannot read {_short(text)}: {error.msg}{place}; write for instance x*Phi(2*x)"


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"unknown name {_short(name)}{hint}: the names here are {', '.join(known)}"


def _declare(name: str) -> str:
    return (
        f"; declare a parameter with --param {name} or parameters={{'{name}': 'real'}}" if name.isidentifier() else ""
    )


def _short(text: str, limit: int = 60) -> str:
    flat = " ".join(text.split())
    flat = "".join(c if c.isprintable() else "?" for c in flat)
    return repr(flat if len(flat) <= limit else flat[: limit - 3] + "...")
