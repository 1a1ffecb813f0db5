"""How long a derivation takes, beside SymPy's ``integrate`` on the same integrals.

Ours is warm and strict: the code has run once, then every cache of the package and of SymPy is cleared and the
activation is built anew, so that it is the derivation that is timed. SymPy gets each integral as its user would write
it, piece by piece over lines and half-lines, with q, c and s declared positive (which makes it easier), in a process of
its own with a time limit. A result is right when it agrees to 12 digits with an independent quadrature.

    python benchmarks/calculus.py                       all rows, 20 s a quantity (up to 20 minutes)
    python benchmarks/calculus.py --limit 5 relu gelu   some rows
    python benchmarks/calculus.py --conds none          spare SymPy its conditions of convergence: easier still
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.gaussian.pieces import Pieces
from fimtheory.gaussian.quadrature import expectation_digits, pair_digits
from fimtheory.gaussian.quantity import number

x, u, v = sp.symbols("x u v", real=True)
q, c, s = sp.symbols("q c s", positive=True)
alpha = sp.Symbol("alpha", real=True)
oo = sp.oo
AT = {"q": sp.Rational(13, 10), "c": sp.Rational(2, 5), "s": sp.Rational(3, 2), "alpha": sp.Rational(1, 5)}
DIGITS = 20

# name: (formula of ours, parameters, the same function as a user writes it for SymPy: (from, to, expression))
ROWS = {
    "relu": ("relu", {}, [(0, oo, x)]),
    "leaky_relu(alpha)": ("leaky_relu", {}, [(-oo, 0, alpha * x), (0, oo, x)]),
    "relu_squared": ("relu_squared", {}, [(0, oo, x**2)]),
    "hardtanh": ("hardtanh", {}, [(-oo, -1, sp.Integer(-1)), (-1, 1, x), (1, oo, sp.Integer(1))]),
    "elu(alpha)": ("elu", {}, [(-oo, 0, alpha * (sp.exp(x) - 1)), (0, oo, x)]),
    "sin": ("sin", {}, [(-oo, oo, sp.sin(x))]),
    "gaussian": ("gaussian", {}, [(-oo, oo, sp.exp(-(x**2) / 2))]),
    "erf": ("erf", {}, [(-oo, oo, sp.erf(x))]),
    "erf(s*x)": ("erf(s*x)", {"s": "positive"}, [(-oo, oo, sp.erf(s * x))]),
    "gelu": ("gelu", {}, [(-oo, oo, x * (1 + sp.erf(x / sp.sqrt(2))) / 2)]),
}

OURS: dict[str, Callable[[ft.Activation], sp.Expr]] = {
    "mean": lambda phi: phi.mean,
    "eta": lambda phi: phi.eta,
    "eta_prime": lambda phi: phi.eta_prime,
    "zeta": lambda phi: phi.zeta,
    "dual": lambda phi: phi.dual(q, c),
    "dual'": lambda phi: phi.dual_derivative(q, c),
}


# -- SymPy


def with_sympy(pieces: list, quantity: str, integrate: Callable) -> sp.Expr:
    """The integrals of a quantity as a user of SymPy writes them."""
    slope = [(lo, hi, sp.diff(f, x)) for lo, hi, f in pieces]
    match quantity:
        case "mean":
            return line(pieces, integrate)
        case "eta":
            return line(squared(pieces), integrate)
        case "eta_prime":
            return line(squared(slope), integrate)
        case "zeta":
            return line(slope, integrate) ** 2
        case "dual":
            return plane(pieces, integrate)
    return plane(slope, integrate)


def squared(pieces: list) -> list:
    """The square of a function given by its pieces."""
    return [(lo, hi, f**2) for lo, hi, f in pieces]


def line(pieces: list, integrate: Callable) -> sp.Expr:
    """E f(Z) as a sum of integrals against the standard normal density."""
    density = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    return sum((integrate(f * density, (x, lo, hi)) for lo, hi, f in pieces), sp.S.Zero)


def plane(pieces: list, integrate: Callable) -> sp.Expr:
    """E f(U) f(V) as a sum of double integrals against the bivariate normal density."""
    exponent = -(u**2 - 2 * c * u * v + v**2) / (2 * q * (1 - c**2))
    density = sp.exp(exponent) / (2 * sp.pi * q * sp.sqrt(1 - c**2))
    total = sp.S.Zero
    for (a, b, f), (lo, hi, g) in itertools.product(pieces, pieces):
        integrand = f.subs(x, u) * g.subs(x, v) * density
        total += integrate(integrand, (v, lo, hi), (u, a, b)) if integrand != 0 else 0
    return total


def one_quantity(row: str, quantity: str, conds: str) -> None:
    """The body of the subprocess: seconds as soon as they are known, then the value; one JSON object a line."""
    sp.integrate(sp.exp(-(x**2)), (x, 0, oo))  # SymPy is warm as well: its integrators are loaded
    sp.core.cache.clear_cache()
    start = time.perf_counter()
    result = with_sympy(ROWS[row][2], quantity, functools.partial(sp.integrate, conds=conds))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "value": None}), flush=True)
    result = result.subs({symbol: AT[symbol.name] for symbol in result.free_symbols})
    if not result.has(sp.Integral):
        print(json.dumps({"seconds": seconds, "value": str(result.evalf(DIGITS))}), flush=True)


def outcome_with_sympy(row: str, quantity: str, truth: mp.mpf, limit: float, conds: str) -> tuple[float, str]:
    """(seconds, "right" | "wrong" | "unevaluated" | "time out" | "error"), in a process of its own."""
    command = [sys.executable, __file__, "--one", row, quantity, "--conds", conds]
    grace = 10.0  # to import SymPy, and to evaluate the result
    try:
        answer = subprocess.run(command, capture_output=True, timeout=limit + grace, check=False)
        output, failed = answer.stdout, answer.returncode != 0
    except subprocess.TimeoutExpired as expired:
        output, failed = expired.stdout or b"", False
    reports = [json.loads(line) for line in output.decode().splitlines()] or [{"seconds": limit + grace, "value": None}]
    seconds, value = reports[-1]["seconds"], reports[-1]["value"]
    if failed:
        return seconds, "error"
    if seconds > limit:
        return limit, "time out"
    if value is None:
        return seconds, "unevaluated"
    return seconds, "right" if agrees(value, truth) else "wrong"


def agrees(value: str, truth: mp.mpf) -> bool:
    """Twelve digits; a complex or undefined value is no agreement."""
    found = sp.sympify(value)
    return bool(found.is_real) and abs(mp.mpf(str(found)) - truth) <= 1e-12 * max(1, abs(truth))


# -- ours


def build(row: str) -> ft.Activation:
    """The activation, from its formula."""
    formula, parameters, _ = ROWS[row]
    return ft.activation(formula, parameters=parameters)


def forget() -> None:
    """Clear every cache of the package and of SymPy."""
    for name, module in list(sys.modules.items()):
        if name.startswith("fimtheory"):
            for member in vars(module).values():
                if hasattr(member, "cache_clear"):
                    member.cache_clear()
    sp.core.cache.clear_cache()


def ours(row: str, quantity: str, repeats: int = 5) -> tuple[float, sp.Expr]:
    """(median milliseconds, result) of a derivation with nothing remembered."""
    OURS[quantity](build(row))
    times = []
    for _ in range(repeats):
        forget()
        phi = build(row)
        start = time.perf_counter()
        result = OURS[quantity](phi)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times), result


def truth(row: str, quantity: str) -> mp.mpf:
    """The value at the numbers ``AT``, by quadrature: no part of the calculus is used."""
    pieces = [(lo, hi, f.subs({s: AT["s"], alpha: AT["alpha"]})) for lo, hi, f in ROWS[row][2]]
    if pieces[0][0] != -oo:
        pieces = [(-oo, pieces[0][0], sp.S.Zero), *pieces]
    breaks = tuple(sp.sympify(lo) for lo, _, _ in pieces[1:])
    f = Pieces(x, breaks, tuple(f for _, _, f in pieces))
    if quantity in ("eta_prime", "zeta", "dual'"):
        f = f.map(lambda e: sp.diff(e, x))
    if quantity.startswith("dual"):
        return pair_digits(f, f, AT["q"], AT["q"], AT["c"], DIGITS)
    f = f.map(lambda e: e**2) if quantity in ("eta", "eta_prime") else f
    value = expectation_digits(f, sp.S.One, DIGITS)
    return value**2 if quantity == "zeta" else value


# -- the table


def measure(row: str, limit: float, conds: str) -> None:
    """Print the lines of one activation."""
    truths = {quantity: truth(row, quantity) for quantity in OURS}
    mine = {quantity: ours(row, quantity) for quantity in OURS}
    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(lambda name: outcome_with_sympy(row, name, truths[name], limit, conds), OURS))
    for quantity, (seconds, outcome) in zip(OURS, theirs, strict=True):
        milliseconds, expression = mine[quantity]
        values = {symbol: AT[symbol.name] for symbol in expression.free_symbols}
        assert agrees(str(number(expression, DIGITS, values)), truths[quantity]), (row, quantity)
        theirs_shown = f"{seconds:7.2f} s" if outcome == "right" else f"{outcome} ({seconds:.2g} s)"
        sign = ">" if outcome == "time out" else " "
        ratio = f"{sign}{1e3 * seconds / milliseconds:7.0f}" if outcome in ("right", "time out") else "      --"
        print(f"{row:18} {quantity:10} {milliseconds:8.1f} ms   {theirs_shown:22} {ratio}", flush=True)


def main() -> None:
    """Read the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"any of: {', '.join(ROWS)} (default: all)")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds for SymPy a quantity (default 20)")
    parser.add_argument("--conds", choices=("piecewise", "none"), default="piecewise", help="passed to integrate")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one_quantity(*options.one, options.conds)
        return
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"no row {sorted(unknown)[0]!r}: choose among {', '.join(ROWS)}")
    print(f"{'activation':18} {'quantity':10} {'ours':>11}   {'SymPy integrate':22}    ratio")
    for row in options.rows or ROWS:
        measure(row, options.limit, options.conds)


if __name__ == "__main__":
    main()
