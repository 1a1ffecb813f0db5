"""Duals on arrays of correlations: ours compiled for a variance, beside Gauss-Hermite rules on a product grid.

Error: the largest over c in {-0.9, 0, 0.5, 0.9, 0.99}, relative to I(1), against certified values. Time: of 10^6
correlations for ours (compilation apart), of 10^3 for the grids, as millions of correlations a second. Gauss-Hermite
is what libraries of dual kernels do with an activation that they have no formula for.

    python benchmarks/duals.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import sympy as sp

import fimtheory as ft
from fimtheory.gaussian.integrals import PairExpectation

CHECKED = (-0.9, 0.0, 0.5, 0.9, 0.99)
ROWS = [
    ("tanh", 1.0),
    ("tanh", 100.0),
    ("silu", 1.0),
    ("softsign", 1.0),
    ("isrlu", 25.0),
    ("hardtanh", 1.0),
    ("relu", 1.0),
]


def exact(phi: ft.Activation, q: float, c: float) -> float:
    """A certified value; at c = 0.99 as well."""
    variance, correlation = sp.Rational(q), sp.Rational(c)
    if phi.has_closed_form:
        return float(ft.certify(phi.dual(variance, correlation), 20))
    return float(
        ft.certify(PairExpectation(phi.expression, phi.expression, phi.variable, variance, variance, correlation), 18)
    )


def gauss_hermite(f: Callable, q: float, degree: int) -> Callable:
    """c -> E f(U) f(V) on a product grid."""
    z, w = np.polynomial.hermite_e.hermegauss(degree)
    left = f(np.sqrt(q) * z)

    def dual(c):
        c = np.asarray(c, dtype=float)[..., None, None]
        return (left[:, None] * f(np.sqrt(q) * (c * z[:, None] + np.sqrt(1 - c * c) * z)) * w[:, None] * w).sum(
            (-1, -2)
        ) / (2 * np.pi)

    return dual


def rate(function: Callable, count: int) -> float:
    """Millions of correlations a second, the best of three."""
    c, best = np.linspace(-1, 1, count), np.inf
    for _ in range(3):
        start = time.perf_counter()
        function(c)
        best = min(best, time.perf_counter() - start)
    return count / best / 1e6


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(
        "| activation | q | ours: compile | error | M/s | "
        + " | ".join(f"GH {n}: error | M/s" for n in (25, 50, 100))
        + " |"
    )
    print("|---" * 11 + "|")
    for name, q in ROWS:
        phi = ft.activation(name)
        phi = phi.with_values({p.name: sp.S.One for p in phi.parameter_list})
        truth, whole = [exact(phi, q, c) for c in CHECKED], exact(phi, q, 1)
        start = time.perf_counter()
        compiled = phi.dual_function(q)
        cells = [f"{time.perf_counter() - start:.2f} s"]
        for function, count in [(compiled, 10**6), *((gauss_hermite(phi.numpy, q, n), 10**3) for n in (25, 50, 100))]:
            error = max(abs(float(function(c)) - value) for c, value in zip(CHECKED, truth, strict=True)) / whole
            cells += [f"{error:.0e}", f"{rate(function, count):.2g}"]
        print(f"| `{phi.name}` | {q:g} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
