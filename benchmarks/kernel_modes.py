"""Eigenvalues of degrees 0 to 20: ours beside direct Gegenbauer quadrature, in time and digits.

ReLU with Gaussian weights and inputs, in closed form; tanh with both on spheres of squared radii 1 and d, numerically.
What a user would write: SciPy's `quad` of phi(s t) C_k(t) (1 - t^2)^((d-3)/2), or a Gauss-Gegenbauer rule of 400 nodes.
The reference is a double exponential rule at 50 digits that shares nothing with either. Errors: the largest of N lambda_k,
relative to the trace, and the largest relative one of an eigenvalue that is not zero; *fails* where a result is no number.

    python benchmarks/kernel_modes.py
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
from mpmath import mp
from scipy.integrate import quad
from scipy.special import eval_gegenbauer, gammaln, roots_gegenbauer

from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.radial_modes import _decomposed as radial_modes
from fimtheory.theory.sphere import multiplicity

DIMENSIONS = (2, 3, 10, 100, 1000)
DEGREES = 20
CASES = {"relu": (lambda u: np.maximum(u, 0), lambda u: max(u, mp.mpf(0))), "tanh": (np.tanh, mp.tanh)}


def scale(name: str, d: int) -> tuple[float, float]:
    """The argument of phi at t = 1, and what c_k^2 is multiplied by."""
    return (1.0, float(d) ** 2) if name == "relu" else (float(np.sqrt(d)), 1.0)


def ours(name: str, d: int) -> np.ndarray:
    """The package, every cache of the object cold."""
    radial_modes.cache_clear()
    if name == "relu":
        modes = KernelModes("relu", d, DEGREES).modes
    else:
        modes = KernelModes("tanh", d, DEGREES, f"1/{d}", "sphere", "sphere").modes
    return np.array([mode.value for mode in modes if mode.index == 0])


def by_quad(name: str, d: int) -> np.ndarray:
    """One adaptive integral a degree."""
    phi, (s, factor), a = CASES[name][0], scale(name, d), (d - 2) / 2
    norm = np.exp(gammaln(d / 2) - gammaln((d - 1) / 2)) / np.sqrt(np.pi)

    def coefficient(k: int) -> float:
        def f(angle: float) -> float:
            t = np.sin(angle)
            polynomial = np.cos(k * np.arccos(t)) if d == 2 else eval_gegenbauer(k, a, t) / eval_gegenbauer(k, a, 1.0)
            return float(phi(s * t) * polynomial * np.cos(angle) ** (d - 2))

        return norm * (quad(f, -np.pi / 2, 0, limit=200)[0] + quad(f, 0, np.pi / 2, limit=200)[0])

    return np.array([factor * coefficient(k) ** 2 for k in range(DEGREES + 1)])


def by_gauss(name: str, d: int) -> np.ndarray:
    """One rule for all degrees."""
    phi, (s, factor), a = CASES[name][0], scale(name, d), (d - 2) / 2
    if d == 2:
        t = np.cos((np.arange(400) + 0.5) * np.pi / 400)
        weights = np.full(400, 1 / 400)
        polynomials = np.array([np.cos(k * np.arccos(t)) for k in range(DEGREES + 1)])
    else:
        t, weights = roots_gegenbauer(400, a)
        weights = weights / weights.sum()
        polynomials = np.array([eval_gegenbauer(k, a, t) / eval_gegenbauer(k, a, 1.0) for k in range(DEGREES + 1)])
    return factor * (polynomials @ (weights * phi(s * t))) ** 2


def reference(name: str, d: int) -> list[mp.mpf]:
    """Double exponential quadrature on both halves, polynomials by their recurrence."""
    phi = CASES[name][1]
    with mp.workdps(50):
        s, factor = (mp.mpf(1), mp.mpf(d) ** 2) if name == "relu" else (mp.sqrt(d), mp.mpf(1))
        step, totals, mass = mp.mpf(1) / 80, [mp.mpf(0)] * (DEGREES + 1), mp.mpf(0)
        for j in range(-400, 401):
            u = j * step
            t = 1 / (1 + mp.exp(-mp.pi * mp.sinh(u)))
            weight = t * (1 - t) * mp.cosh(u) * (1 - t * t) ** (mp.mpf(d - 3) / 2) if t < 1 else mp.mpf(0)
            mass += 2 * weight
            plus, minus = weight * phi(s * t), weight * phi(-s * t)
            before, here = mp.mpf(1), t
            for k in range(DEGREES + 1):
                value = before if k == 0 else here
                totals[k] += value * (plus + (-1) ** k * minus)
                if k >= 1:
                    before, here = here, ((2 * k + d - 2) * t * here - k * before) / (k + d - 2)
        return [factor * (total / mass) ** 2 for total in totals]


def errors(found: np.ndarray, exact: list[mp.mpf], d: int) -> str:
    """The two errors in one cell."""
    if not np.isfinite(found).all():
        return "fails"
    shares = [multiplicity(d, k) * e for k, e in enumerate(exact)]
    trace, largest, relative = mp.fsum(shares), mp.mpf(0), mp.mpf(0)
    for k, (value, e) in enumerate(zip(found, exact, strict=True)):
        largest = max(largest, multiplicity(d, k) * abs(mp.mpf(float(value)) - e) / trace)
        if e > mp.mpf(10) ** -40:  # the reference leaves about this of a zero
            relative = max(relative, abs(mp.mpf(float(value)) / e - 1))
    return f"{mp.nstr(largest, 1)}, {mp.nstr(relative, 1)}"


def timed(function: Callable, repeats: int) -> tuple[float, np.ndarray]:
    """The best time of a few, and the result."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - start)
    return best, result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="times of which the best is taken (default 3)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    KernelModes("relu", 3, 2).modes, KernelModes("tanh", 3, 2, "1/3", "sphere", "sphere").modes  # warm
    print("| phi, d | ours | errors | quad | errors | Gauss-Gegenbauer 400 | errors |\n|---|---|---|---|---|---|---|")
    for name in CASES:
        for d in DIMENSIONS:
            exact, cells = reference(name, d), []
            for method, repeats in ((ours, options.repeats), (by_quad, 1), (by_gauss, options.repeats)):
                seconds, found = timed(lambda method=method, name=name, d=d: method(name, d), repeats)
                cells += [f"{1e3 * seconds:.1f} ms", errors(found, exact, d)]
            print(f"| {name}, {d} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
