"""E phi(U) phi(V) for activations without a closed form: error and time of ours and of what one would use instead.

The reference is ours at 45 digits. Gauss-Hermite rules take z_1, z_2 on a square grid; they look exact until the
poles of the activation are felt. Times are medians of repeated calls, the first of which is not counted.

    python benchmarks/quadrature.py
"""

from __future__ import annotations

import argparse
import functools
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import sympy as sp
from mpmath import mp
from scipy.integrate import dblquad

import fimtheory as ft
from fimtheory.gaussian import quadrature
from fimtheory.gaussian.expectation import PairExpectation

Q, C = 1.3, 0.4
REACH = 9  # standard deviations: beyond, the density is below double precision
ROWS = {
    "tanh": (np.tanh, mp.tanh, math.tanh),
    "softplus": (lambda x: np.logaddexp(0, x), lambda x: mp.log1p(mp.exp(x)), lambda x: math.log1p(math.exp(x))),
    "silu": (lambda x: x / (1 + np.exp(-x)), lambda x: x / (1 + mp.exp(-x)), lambda x: x / (1 + math.exp(-x))),
}


def exact_digits(phi: ft.Activation, digits: int) -> mp.mpf:
    """Ours in ball arithmetic, to any number of digits."""
    q, c = sp.Rational(str(Q)), sp.Rational(str(C))
    return PairExpectation(phi.expression, phi.expression, phi.variable, q, q, c).digits(digits)


def with_floats(f: Callable) -> float:
    """Ours in double precision."""
    return quadrature.pair_float(f, f, Q, Q, C)


def with_mpmath(f: Callable) -> mp.mpf:
    """mpmath's two-dimensional Gauss-Legendre rule, 15 digits."""
    across = mp.sqrt(1 - mp.mpf(C) ** 2)

    def integrand(y, z):
        return f(mp.sqrt(Q) * y) * f(mp.sqrt(Q) * (C * y + across * z)) * mp.exp(-(y * y + z * z) / 2) / (2 * mp.pi)

    return mp.quad(integrand, [-REACH, 0, REACH], [-REACH, 0, REACH], method="gauss-legendre")


def with_dblquad(f: Callable) -> float:
    """SciPy's adaptive double integral, at the tolerance 1e-12."""
    root, across = math.sqrt(Q), math.sqrt(1 - C**2)

    def integrand(z, y):
        return f(root * y) * f(root * (C * y + across * z)) * math.exp(-(y * y + z * z) / 2) / (2 * math.pi)

    return dblquad(integrand, -REACH, REACH, -REACH, REACH, epsabs=1e-12, epsrel=1e-12)[0]


def with_hermite(f: Callable, degree: int) -> float:
    """The product Gauss-Hermite rule; its nodes are computed in the timed call, as a first call would."""
    z, w = np.polynomial.hermite_e.hermegauss(degree)
    u, v = math.sqrt(Q) * z[:, None], math.sqrt(Q) * (C * z[:, None] + math.sqrt(1 - C**2) * z)
    return float((w[:, None] * w * f(u) * f(v)).sum() / (2 * math.pi))


def timed(function: Callable, budget: float = 2.0) -> tuple[float, object]:
    """(median seconds, value) of calls repeated within a budget of seconds, at least two and at most 20."""
    value, times = function(), []
    while len(times) < 2 or (sum(times) < budget and len(times) < 20):
        start = time.perf_counter()
        value = function()
        times.append(time.perf_counter() - start)
    return statistics.median(times), value


def methods(name: str) -> dict[str, Callable]:
    """Every way to compute the number."""
    phi, (array, multiple, plain) = ft.activation(name), ROWS[name]
    return {
        "ours, 16 digits": functools.partial(exact_digits, phi, 16),
        "ours, 30 digits": functools.partial(exact_digits, phi, 30),
        "ours, floats": functools.partial(with_floats, phi.numpy),
        "mpmath quad 2-D": functools.partial(with_mpmath, multiple),
        "scipy dblquad": functools.partial(with_dblquad, plain),
        **{f"Gauss-Hermite {n}": functools.partial(with_hermite, array, n) for n in (25, 50, 100)},
    }


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(f"{'activation':11} {'method':18} {'time':>12} {'relative error':>16}      (q = {Q}, c = {C})")
    for name in ROWS:
        with mp.workdps(50):
            reference = exact_digits(ft.activation(name), 45)
        for method, function in methods(name).items():
            seconds, value = timed(function)
            with mp.workdps(50):
                error = abs(mp.mpf(value) - reference) / reference
            print(f"{name:11} {method:18} {1e3 * seconds:9.2f} ms {mp.nstr(error, 2):>16}", flush=True)


if __name__ == "__main__":
    main()
