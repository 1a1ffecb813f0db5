"""LaTeX of publication quality: sums in ascending order, one radical sign, fractions in front, arccos and not acos."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sympy as sp
from sympy.printing.latex import LatexPrinter

from fimtheory.notation import SYMBOL_LATEX, SYMBOLS


def latex(expression: sp.Expr) -> str:
    r"""The LaTeX source of an expression.

    >>> c = sp.Symbol("c", real=True)
    >>> latex(sp.sqrt(1 - c**2) + c * (sp.pi - sp.acos(c)))
    '\\sqrt{1 - c^{2}} + c \\left(\\pi - \\arccos c\\right)'
    """
    return _Printer({"symbol_names": SYMBOL_LATEX}).doprint(sp.sympify(expression))


_COUNTS = {SYMBOLS[name] for name in ("n", "M", "N", "C")}  # whole numbers from 1


class _Printer(LatexPrinter):
    def _print_Add(self, expr, order=None):
        denominators = set(map(_denominator, expr.args))
        if len(denominators) == 1 and (q := denominators.pop()) > 1:
            return rf"\frac{{{self._print(sp.Add(*(q * t for t in expr.args)))}}}{{{q}}}"
        terms = sorted(expr.args, key=_term_order)
        if any(sign == "+" for sign, _ in map(_signed, terms)):
            while _signed(terms[0])[0] == "-":
                terms.append(terms.pop(0))
        first, *others = _arcs_beside_pi(terms)
        text = self._print(first)
        for sign, body in map(_signed, others):
            printed = rf"\left({self._print(body)}\right)" if body.is_Add else self._print(body)
            text += f" {sign} {printed}"
        return text

    def _print_Mul(self, expr):
        """One sign, one fraction, all square roots of a side under one radical, functions last."""
        sign, top, bottom = _fraction(expr)
        if not bottom:
            return sign + self._juxtaposed(top)
        front, beside = _beside(top, bottom)
        fraction = rf"\frac{{{self._alone(front) or '1'}}}{{{self._alone(bottom)}}}"
        return sign + " ".join([fraction] + ([self._juxtaposed(beside)] if beside else []))

    def _print__Root(self, expr):
        above, below = expr.args
        if below == 1:
            return rf"\sqrt{{{self._print(above)}}}"
        return rf"\sqrt{{\frac{{{self._print(above)}}}{{{self._print(below)}}}}}"

    def _alone(self, factors: list) -> str:
        """A whole numerator or denominator: a single sum needs no parentheses."""
        return self._print(factors[0]) if len(factors) == 1 else self._juxtaposed(factors)

    def _juxtaposed(self, factors: list) -> str:
        """Factors side by side: numbers, pi, symbols, roots, polynomials, exponentials, other sums, functions."""
        text = ""
        ordered = sorted(factors, key=_factor_order)
        for k, factor in enumerate(ordered):
            piece = self._print(factor)
            last = k == len(ordered) - 1
            if factor.is_Add or isinstance(factor, sp.Piecewise) or (_is_integral(factor) and not last):
                piece = rf"\left({piece}\right)"
            digits = text[-1:].isdigit() and piece[0].isdigit()
            text += (r" \cdot " if digits else " " if text else "") + piece
        return text

    def _print_Pow(self, expr):
        base, exponent = expr.args
        if _is_integral(base) and exponent.is_Integer and exponent > 0:
            return rf"\left({self._print(base)}\right)^{{{exponent}}}"
        if exponent.is_Rational and exponent < 0:
            return rf"\frac{{1}}{{{self._print(base**-exponent)}}}"
        if base.is_Symbol and exponent.is_Integer and (name := self._print(base)).endswith("^2"):
            return f"{name.removesuffix('2')}{{{2 * exponent}}}"  # sigma_w^2 is a symbol, and its square is sigma_w^4
        if exponent.is_Rational and exponent.q == 2 and exponent.p > 1:
            printed = self._print(base)
            wrapped = self.parenthesize_super(printed) if base.is_Symbol else rf"\left({printed}\right)"
            return rf"{wrapped}^{{{exponent.p}/2}}"
        return super()._print_Pow(expr)

    def _print_Symbol(self, expr, style="plain"):
        """A name of several letters is one symbol, not the product of its letters."""
        return re.sub(r"^[A-Za-z][A-Za-z0-9]+", r"\\mathrm{\g<0>}", super()._print_Symbol(expr, style))

    def _print_exp(self, expr, exp=None):
        body = rf"e^{{{self._inline(expr.args[0])}}}"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"

    _print_ExpBase = _print_exp

    def _print_Exp1(self, expr, exp=None):
        return "e"

    def _inline(self, u: sp.Expr) -> str:
        """An exponent: short fractions with a slash."""
        numerator, denominator = sp.fraction(u, exact=True)
        if denominator == 1 or (numerator.is_Add and denominator.is_Add):
            return self._print(u)
        sign = "-" if numerator.is_Mul and numerator.could_extract_minus_sign() else ""
        numerator = -numerator if sign else numerator
        top, bottom = self._print(numerator), self._print(denominator)
        top = rf"\left({top}\right)" if numerator.is_Add or _has_bare_call(numerator) else top
        bottom = rf"\left({bottom}\right)" if denominator.is_Add or denominator.is_Mul else bottom
        return f"{sign}{top}/{bottom}"

    def _call(self, name: str, expr, exp, bare: bool) -> str:
        """name argument; without parentheses where the argument is one symbol and the name is an operator of TeX."""
        head = name if exp is None else f"{name}^{{{exp}}}"
        body = self._print(expr.args[0])
        return f"{head} {body}" if bare and _is_one_token(expr.args[0], body) else rf"{head}\left({body}\right)"

    def _print_Abs(self, expr, exp=None):
        body = rf"\left|{self._print(expr.args[0])}\right|"
        return body if exp is None else f"{body}^{{{exp}}}"

    def _print_Max(self, expr, exp=None):
        return self._extremum(r"\max", expr, exp)

    def _print_Min(self, expr, exp=None):
        return self._extremum(r"\min", expr, exp)

    def _extremum(self, name: str, expr, exp) -> str:
        arguments = ", ".join(map(self._print, sorted(expr.args, key=lambda a: (a.is_number, sp.default_sort_key(a)))))
        body = rf"{name}\left({arguments}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"

    def _print_Heaviside(self, expr, exp=None):
        return rf"\mathbf{{1}}\left[{self._print(expr.args[0])} > 0\right]"

    def _print_Piecewise(self, expr):
        lines = [rf"{self._print(e)} & {self._print(c)}" for e, c in expr.args[:-1]]
        last, condition = expr.args[-1]
        otherwise = r"\text{otherwise}" if condition == sp.true else self._print(condition)
        lines.append(rf"{self._print(last)} & {otherwise}")
        return r"\begin{cases} " + r" \\ ".join(lines) + r" \end{cases}"


def _is_one_token(argument: sp.Expr, text: str) -> bool:
    """Whether a function needs no parentheses around its argument: a symbol, or one fraction bar."""
    return argument.is_Symbol or re.fullmatch(r"\\frac(\{([^{}]|\{[^{}]*\})*\}){2}", text) is not None


def _call_printer(name: str, bare: bool):
    return lambda self, expr, exp=None: self._call(name, expr, exp, bare)


_BARE = {sp.acos: "arccos", sp.asin: "arcsin", sp.atan: "arctan"}
_BARE |= {f: f.__name__ for f in (sp.sin, sp.cos, sp.tan, sp.sinh, sp.cosh, sp.tanh, sp.log)}
for _function, _name in _BARE.items():
    setattr(_Printer, f"_print_{_function.__name__}", _call_printer(rf"\{_name}", bare=True))
for _name in ("erf", "erfc", "sign"):
    setattr(_Printer, f"_print_{_name}", _call_printer(rf"\operatorname{{{_name}}}", bare=False))


_CORRELATION = sp.Symbol("c", real=True)  # stands behind the variances: q c is a covariance


class _Root(sp.Expr):
    """A radical over a fraction, kept from SymPy's automatic evaluation for printing only."""

    is_commutative = True


def _denominator(term: sp.Expr) -> int:
    """The denominator of a term, if that is a number (an exponential has none); otherwise 0."""
    number, rest = term.as_coeff_Mul()
    powers = (f.as_base_exp() for f in sp.Mul.make_args(rest) if not isinstance(f, sp.exp))
    return 0 if any(exponent.is_negative for _, exponent in powers) else number.q


def _factors(product: sp.Expr) -> Iterator[sp.Expr]:
    """The factors of a product; SymPy sometimes leaves a product in a product."""
    for factor in product.args:
        yield from _factors(factor) if factor.is_Mul else (factor,)


def _fraction(product: sp.Expr) -> tuple[str, list[sp.Expr], list[sp.Expr]]:
    """Sign, numerator and denominator of a product, square roots collected."""
    top, bottom, above, below = [], [], [], []
    number = sp.S.One
    for factor in _factors(product):
        base, exponent = factor.as_base_exp()
        if factor.is_Rational:
            number *= factor
        elif isinstance(factor, sp.exp) and abs(factor.args[0]) == sp.S.Half:
            (above if factor.args[0] > 0 else below).append(sp.E)
        elif isinstance(factor, sp.exp) or not exponent.is_Rational:
            top.append(factor)
        elif abs(exponent) == sp.S.Half:
            (above if exponent > 0 else below).append(base)
        elif exponent < 0:
            bottom.append(base**-exponent)
        else:
            top.append(factor)
    number, above, below = _rationalised(number, above, below)
    sign, number = ("-", -number) if number < 0 else ("", number)
    top += [sp.Integer(number.p)] * (number.p != 1)
    bottom += [sp.Integer(number.q)] * (number.q != 1)
    if above and below and not bottom:
        top.append(_Root(sp.Mul(*above), sp.Mul(*below)))
    else:
        top += [_root(above)] if above else []
        bottom += [_root(below)] if below else []
    return sign, top, bottom


def _root(radicands: list[sp.Expr]) -> sp.Expr:
    """The root of a product: one sign and one number in front, sums as they are."""
    sums = [u for u in radicands if u.is_Add]
    others = sp.Mul.make_args(sp.Mul(*(u for u in radicands if not u.is_Add)))
    return _Root(sp.Mul(*(u for u in others if u != 1), *sums, evaluate=False), sp.S.One)


def _rationalised(number: sp.Rational, above: list, below: list) -> tuple[sp.Rational, list, list]:
    """sqrt(n)/(m n) -> 1/(m sqrt(n))."""
    n = sp.Mul(*(u for u in above if u.is_Integer))
    if n != 1 and number.q % n == 0:
        return number * n, [u for u in above if not u.is_Integer], [*below, n]
    return number, above, below


def _beside(top: list, bottom: list) -> tuple[list, list]:
    """What stands in the numerator, and what stands beside the fraction."""
    functions = [t for t in top if t.is_Function or _is_integral(t) or (_is_sum(t) and _has_functions(t))]
    if any(b.free_symbols for b in bottom):
        functions = [t for t in functions if not isinstance(t, sp.exp)]
        return [t for t in top if t not in functions], functions
    sums = [t for t in top if _is_sum(t) and t not in functions]
    front = [t for t in top if t not in sums and t not in functions]
    short = not any(t.free_symbols for t in front) and len(sums) + len(functions) == 1
    if short and all(sp.count_ops(t) < 12 and (_is_sum(t) or isinstance(t, sp.exp)) for t in sums + functions):
        return front + sums + functions, []
    if functions and all(t.is_Pow or sp.count_ops(t) < 4 for t in sums):
        return front + sums, functions
    return front, sums + functions


def _signed(term: sp.Expr) -> tuple[str, sp.Expr]:
    """The sign of a term of a sum, and the rest; + 2 (a - 1) u is - 2 (1 - a) u, but + (N - 1) u stays."""
    negative, body = term.could_extract_minus_sign(), term
    body = -term if negative else term
    for factor in body.args if body.is_Mul else ():
        if factor.is_Add and factor.as_coeff_Add()[0].is_negative and not factor.free_symbols <= _COUNTS:
            negative = not negative
            body = sp.Mul(*(-f if f is factor else f for f in body.args), evaluate=False)
    return "-" if negative else "+", body


def _arcs_beside_pi(terms: list[sp.Expr]) -> list[sp.Expr]:
    """pi stands directly before the arc it is added to: u + pi - arccos c."""
    arcs = [k for k, t in enumerate(terms) if any(isinstance(f, (sp.acos, sp.asin)) for f in sp.Mul.make_args(t))]
    constants = [t for t in terms if t.has(sp.pi) and not t.free_symbols]
    if not arcs or len(constants) != 1:
        return terms
    before = [t for t in terms[: arcs[0]] if t not in constants]
    return [*before, *constants, *(t for t in terms[arcs[0] :] if t not in constants)]


def _is_sum(factor: sp.Expr) -> bool:
    return not isinstance(factor, _Root) and factor.as_base_exp()[0].is_Add


def _has_bare_call(product: sp.Expr) -> bool:
    """Whether a product holds a function that prints without parentheses, such as sin x: a slash would join in."""
    calls = (factor.as_base_exp()[0] for factor in sp.Mul.make_args(product))
    arguments = (call.args[0] for call in calls if isinstance(call, tuple(_BARE)))
    return any(u.is_Symbol or sp.fraction(u)[1] != 1 for u in arguments)


def _is_delimited(factor: sp.Expr) -> bool:
    """What opens with a delimiter stands before functions, which would seem to be applied to it."""
    base, exponent = factor.as_base_exp()
    return isinstance(base, sp.Abs | sp.Heaviside | sp.Piecewise) or (base.is_Function and exponent.is_Integer is False)


def _is_integral(factor: sp.Expr) -> bool:
    return type(factor.as_base_exp()[0]).__name__ in ("Expectation", "PairExpectation")


def _factor_order(factor: sp.Expr):
    base = factor.as_base_exp()[0]
    if factor.is_Number:
        rank = 0
    elif factor == sp.pi:
        rank = 1
    elif isinstance(factor, _Root):
        rank = 7 if factor.args[0].has(sp.Add) else 5 if factor.free_symbols else 2
    elif _is_integral(factor):
        rank = 11
    elif isinstance(factor, sp.exp):
        rank = 8
    elif _is_delimited(factor):
        rank = 7
    elif isinstance(base, sp.Function):
        rank = 10
    elif _is_sum(factor):
        rank = 9 if _has_functions(base) else 6
    else:
        rank = 4 if base == _CORRELATION else 3
    return rank, sp.default_sort_key(factor)


def _has_functions(e: sp.Expr) -> bool:
    """Whether e holds more than sums, products, powers and roots."""
    return bool(e.atoms(sp.Function))


def _term_order(term: sp.Expr):
    """Polynomials, functions, exponentials, by ascending degree; images of one function together, signs last."""
    functions = {f for f in term.atoms(sp.Function) if not isinstance(f, sp.exp)}
    integral = any(map(_is_integral, sp.Mul.make_args(term)))
    exponential = any(u.free_symbols for u in term.atoms(sp.exp))
    signs = sum(f.args[-1].could_extract_minus_sign() for f in functions)
    images = sorted(type(f).__name__ for f in functions)
    return (
        bool(functions or integral or term.has(sp.exp)),
        _degree(term),
        exponential,
        images,
        signs,
        sp.default_sort_key(term),
    )


def _degree(term: sp.Expr) -> int:
    """The degree of the polynomial in a term: in everything if it is all there is, else in the parameters."""
    symbols = sorted(term.free_symbols, key=str)
    if symbols and term.is_polynomial(*symbols):
        return sp.Poly(term, *symbols).total_degree()
    front = sp.Mul(*(f for f in sp.Mul.make_args(term) if f.as_base_exp()[0].is_Symbol))
    parameters = sorted((s for s in front.free_symbols if str(s) not in ("q", "c")), key=str)
    return sp.Poly(front, *parameters).total_degree() if parameters and front.is_polynomial(*parameters) else 0
