"""How long a derivation takes, beside SymPy's ``integrate`` and ``stats.E`` and Maxima on the same integrals.

Ours is warm and strict: the code has run once, then every cache of the package and of SymPy is cleared and the
activation is built anew, so that it is the derivation that is timed. SymPy gets each integral as its user would write
it, piece by piece over lines and half-lines, with q, c and s declared positive (which makes it easier), in a process of
its own with a time limit; ``stats.E`` gets the function of one or two standard normal variables; Maxima, where it is
installed, the same integrals as SymPy. A result is right when it agrees to 12 digits with an independent quadrature.

    python benchmarks/calculus.py                       all rows, 60 s a quantity and a system (up to two hours)
    python benchmarks/calculus.py --limit 5 relu gelu   some rows
    python benchmarks/calculus.py --conds none          spare SymPy its conditions of convergence: easier still
    python benchmarks/calculus.py --gallery             ours alone: everything about every activation of the gallery
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
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


def with_stats(pieces: list, quantity: str) -> sp.Expr:
    """The expectations as a user of sympy.stats writes them."""
    from sympy.stats import E, Normal

    slope = quantity in ("eta_prime", "zeta", "dual'")
    parts = [(lo, hi, sp.diff(f, x) if slope else f) for lo, hi, f in pieces]
    f = sp.Piecewise(*((e, (x > lo) & (x <= hi)) for lo, hi, e in parts), (0, True))
    f = parts[0][2] if len(parts) == 1 and parts[0][0] == -oo else f
    first, second = Normal("first", 0, 1), Normal("second", 0, 1)
    if quantity.startswith("dual"):
        left, right = sp.sqrt(q) * first, sp.sqrt(q) * (c * first + sp.sqrt(1 - c**2) * second)
        return E(f.subs(x, left) * f.subs(x, right))
    value = E((f**2 if quantity in ("eta", "eta_prime") else f).subs(x, first))
    return value**2 if quantity == "zeta" else value


def one_quantity(row: str, quantity: str, conds: str, system: str) -> None:
    """The body of the subprocess: seconds as soon as they are known, then the value; one JSON object a line."""
    sp.integrate(sp.exp(-(x**2)), (x, 0, oo))  # SymPy is warm as well: its integrators are loaded
    sp.core.cache.clear_cache()
    start = time.perf_counter()
    if system == "stats.E":
        result = with_stats(ROWS[row][2], quantity)
    else:
        result = with_sympy(ROWS[row][2], quantity, functools.partial(sp.integrate, conds=conds))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "value": None}), flush=True)
    result = result.subs({symbol: AT[symbol.name] for symbol in result.free_symbols if symbol.name in AT})
    if not result.has(sp.Integral) and not result.free_symbols:
        print(json.dumps({"seconds": seconds, "value": str(result.evalf(DIGITS))}), flush=True)


def maxima_script(row: str, quantity: str) -> str:
    """The integrals in Maxima's language; the last line printed is the value at the numbers ``AT``."""

    def integrate(integrand: sp.Expr, *variables: tuple) -> sp.Expr:
        for symbol, lo, hi in variables:
            integrand = sp.Function("integrate")(integrand, symbol, lo, hi)
        return integrand

    def spelled(e: sp.Expr) -> str:
        text = str(e).replace("**", "^").replace("oo", "inf")
        return re.sub(r"\bpi\b", "%pi", re.sub(r"\bE\b", "%e", text))

    values = ", ".join(f"{name} = {value}" for name, value in AT.items())
    return (
        "assume(q > 0, c > 0, c < 1, s > 0)$ fpprec: 25$\n"
        f"result: {spelled(with_sympy(ROWS[row][2], quantity, integrate))}$\n"
        f'if freeof(nounify(integrate), result) then print("value", bfloat(subst([{values}], result)))'
        ' else print("unevaluated")$\n'
    )


def outcome_with_maxima(row: str, quantity: str, truth: mp.mpf, limit: float) -> tuple[float, str]:
    """The same for Maxima; a question that it asks ("is c positive?") finds no answer and is an error."""
    start = time.perf_counter()
    try:
        answer = subprocess.run(
            ["maxima", "--very-quiet", "--batch-string", maxima_script(row, quantity)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit,
            check=False,
            text=True,
        )
    except subprocess.TimeoutExpired:
        return limit, "time out"
    seconds = time.perf_counter() - start
    found = re.search(r"^value\s+(-?[\d.]+)b(-?\d+)\s*$", answer.stdout, flags=re.M)
    if found:
        return seconds, "right" if agrees(f"{found[1]}e{found[2]}", truth) else "wrong"
    return seconds, "unevaluated" if re.search(r"^unevaluated", answer.stdout, flags=re.M) else "error"


def outcome(system: str, row: str, quantity: str, truth: mp.mpf, limit: float, conds: str) -> tuple[float, str]:
    """(seconds, "right" | "wrong" | "unevaluated" | "time out" | "error"), in a process of its own."""
    if system == "Maxima":
        return outcome_with_maxima(row, quantity, truth, limit)
    command = [sys.executable, __file__, "--one", row, quantity, system, "--conds", conds]
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


def forget(sympy: bool = True) -> None:
    """Clear every cache of the package, and SymPy's own."""
    for name, module in list(sys.modules.items()):
        if name.startswith("fimtheory"):
            for member in vars(module).values():
                if hasattr(member, "cache_clear"):
                    member.cache_clear()
    if sympy:
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


# -- the tables


def systems() -> list[str]:
    """What ours is compared with."""
    return ["integrate", "stats.E", *(["Maxima"] if shutil.which("maxima") else [])]


def measure(row: str, limit: float, conds: str, counts: dict[str, Counter]) -> None:
    """Print the lines of one activation."""
    truths = {quantity: truth(row, quantity) for quantity in OURS}
    mine = {quantity: ours(row, quantity) for quantity in OURS}
    tasks = [(system, quantity) for quantity in OURS for system in systems()]
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda task: outcome(task[0], row, task[1], truths[task[1]], limit, conds), tasks)
        theirs = dict(zip(tasks, found, strict=True))
    for quantity in OURS:
        milliseconds, expression = mine[quantity]
        values = {symbol: AT[symbol.name] for symbol in expression.free_symbols}
        assert agrees(str(number(expression, DIGITS, values)), truths[quantity]), (row, quantity)
        cells = []
        for system in systems():
            seconds, how = theirs[system, quantity]
            counts[system][how] += 1
            cells.append(f"{how} {seconds:.2f} s" if how == "right" else how)
        print(f"{row:18} {quantity:10} {milliseconds:8.1f} ms   " + "".join(f"{cell:18}" for cell in cells), flush=True)


def everything(name: str) -> float:
    """Milliseconds for the constants, b_0..b_6 and both duals of a gallery activation, nothing remembered."""

    def derive() -> None:
        phi = ft.activation(name)
        for compute in (lambda: phi.mean, lambda: phi.eta, lambda: phi.eta_prime, lambda: phi.zeta):
            with contextlib.suppress(ft.FimtheoryError):  # the slope of a function that jumps
                compute()
        for k in range(7):
            phi.hermite(k)
        phi.dual(q, c)
        phi.dual_derivative(q, c)

    derive()
    times = []
    for _ in range(3):
        forget(sympy=False)
        start = time.process_time()
        derive()
        times.append(1e3 * (time.process_time() - start))
    return min(times)


def gallery() -> None:
    """Print the times of everything about every activation with a closed form."""
    names = [name for name in ft.gallery() if ft.activation(name).has_closed_form]
    times = {name: everything(name) for name in names}
    for name, milliseconds in sorted(times.items(), key=lambda item: item[1]):
        print(f"{name:18} {milliseconds:6.1f} ms")
    print(f"median of {len(times)}: {statistics.median(times.values()):.1f} ms; largest {max(times.values()):.1f} ms")


def main() -> None:
    """Read the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"any of: {', '.join(ROWS)} (default: all)")
    parser.add_argument(
        "--limit", type=float, default=60.0, help="seconds for every other system a quantity (default 60)"
    )
    parser.add_argument("--conds", choices=("piecewise", "none"), default="piecewise", help="passed to integrate")
    parser.add_argument("--gallery", action="store_true", help="ours alone, for the whole gallery")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        row, quantity, system = options.one
        one_quantity(row, quantity, options.conds, system)
        return
    if options.gallery:
        gallery()
        return
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"no row {sorted(unknown)[0]!r}: choose among {', '.join(ROWS)}")
    counts = {system: Counter() for system in systems()}
    print(f"{'activation':18} {'quantity':10} {'ours':>11}   " + "".join(f"{system:18}" for system in systems()))
    for row in options.rows or ROWS:
        measure(row, options.limit, options.conds, counts)
    for system, count in counts.items():
        print(f"{system}: " + ", ".join(f"{number} {how}" for how, number in count.most_common()))


if __name__ == "__main__":
    main()
