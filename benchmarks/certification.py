"""Fifty proven digits of Gaussian expectations, beside mpmath's quadrature (no proof) and nested ball integrals (a proof).

One variable: E phi(Z)^2. Two: E phi(U) phi(V) at several variances and correlations, functions with kinks included.
Nested ball integrals are what one writes with python-flint's ``acb.integral``, truncated at 12 standard deviations
(25 digits only: 50 take minutes). Times are process times, the smallest of a few runs, with a warm interpreter; every
result of ours is compared with one of 20 more digits.

    python benchmarks/certification.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import mpmath
import sympy as sp
from flint import acb, arb, ctx

import fimtheory as ft
from fimtheory.gaussian.integrals import Expectation, PairExpectation

DIGITS = 50
SMOOTH = {
    "tanh": mpmath.tanh,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "arctan": mpmath.atan,
}
PLACES = [
    ("1", "1/2"),
    ("1", "19/20"),
    ("1", "999/1000"),
    ("1", "999999/1000000"),
    ("1/10000", "1/2"),
    ("10000", "1/2"),
]
KINKED = ["softsign", "isrlu(1)", "relu(x)*tanh(x)"]


def fastest(compute: Callable, repeats: int = 3) -> tuple[float, object]:
    """The smallest process time in milliseconds, and the result."""
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.process_time()
        result = compute()
        best = min(best, time.process_time() - start)
    return best * 1000, result


def proven(integral: Expectation | PairExpectation, digits: int = DIGITS) -> float:
    """Milliseconds to certify; fails where the digits are not those of a longer computation."""
    milliseconds, found = fastest(lambda: ft.certify(integral, digits))
    assert isinstance(found, ft.Enclosure)
    assert found.digits >= digits
    assert found.ball.overlaps(ft.certify(integral, digits + 20).ball)
    return milliseconds


def pair(name: str, q: str, c: str) -> PairExpectation:
    """E phi(U) phi(V), unevaluated."""
    phi = ft.activation("isrlu", alpha=1) if name == "isrlu(1)" else ft.activation(name)
    return PairExpectation(phi.expression, phi.expression, phi.variable, *map(sp.Rational, (q, q, c)))


def with_mpmath(f: Callable) -> float:
    """E phi(Z)^2 by mpmath's tanh-sinh quadrature at the same number of digits."""
    with mpmath.workdps(DIGITS + 5):
        return fastest(lambda: mpmath.quad(lambda z: f(z) ** 2 * mpmath.npdf(z), mpmath.linspace(-16, 16, 17)), 1)[0]


def nested_balls(c: float, digits: int = 25) -> float:
    """E phi(U) phi(V) of softsign by nested ball integrals."""
    reach, root = acb(12), (1 - arb(c) ** 2).sqrt()

    def f(x, sign):
        return x / (1 + sign * x)

    def outer(z, _):
        cut = -c * z / root
        inner = sum(
            acb.integral(lambda w, _, s=s: f(c * z + root * w, s) * (-w * w / 2).exp(), lo, hi)
            for s, lo, hi in ((-1, -reach, cut), (1, cut, reach))
        )
        return inner * (-z * z / 2).exp()

    def total():
        return sum(
            acb.integral(lambda z, a, s=s: f(z, s) * outer(z, a), lo, hi)
            for s, lo, hi in ((-1, -reach, 0), (1, 0, reach))
        )

    saved, ctx.dps = ctx.dps, digits + 5
    try:
        return fastest(total, 1)[0]
    finally:
        ctx.dps = saved


def main() -> None:
    """Print the tables of the README."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    x = sp.Symbol("x", real=True)
    print(
        f"| {DIGITS} proven digits of | E phi^2 | mpmath, unproven |" + "".join(f" q={q}, c={c} |" for q, c in PLACES)
    )
    print("|---|---|---|" + "---|" * len(PLACES))
    for name, f in SMOOTH.items():
        one = proven(Expectation(ft.activation(name).expression ** 2, x, sp.S.One))
        two = [proven(pair(name, q, c)) for q, c in PLACES]
        print(
            f"| `{name}` | {one:.1f} ms | {with_mpmath(f):.0f} ms |" + "".join(f" {t:.0f} ms |" for t in two),
            flush=True,
        )
    print("\n| with kinks | 25 digits, c=1/2 | 25 digits, c=19/20 | 50 digits, c=1/2 | 25 digits, q=10000 |")
    print("|---|---|---|---|---|")
    for name in KINKED:
        times = [
            proven(pair(name, q, c), n)
            for q, c, n in (("1", "1/2", 25), ("1", "19/20", 25), ("1", "1/2", 50), ("10000", "1/2", 25))
        ]
        print(f"| `{name}` |" + "".join(f" {t:.0f} ms |" for t in times), flush=True)
    print(f"\nnested ball integrals of softsign, 25 digits, c=1/2: {nested_balls(0.5):.0f} ms")


if __name__ == "__main__":
    main()
