"""The density of a one-hidden-layer spectrum: three routes of ours, beside the double integral that is printed.

alpha = 1, beta = 1/4, zeta = 1/2, equally spaced levels from z_1 to z_6. Error: relative, against 25 digits; time: of 1,000
levels, from fewer for what is slow. *Printed* is -Im G(l + i eps)/pi with G of Pennington and Worah 2018, eq. 20, by a
product rule of n^2 nodes (which is exact for the weights), or by SciPy's `dblquad` in the same angles. *Histogram*: of the
eigenvalues of a million random M(a, b), against the exact mass of every bin.

    python benchmarks/spectrum.py
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
from mpmath import mp
from scipy.integrate import IntegrationWarning, dblquad

from fimtheory.spectra import TwoModeLaw, arc_rule, end_rule
from fimtheory.spectra.arithmetic import FLOATS
from fimtheory.spectra.pair import Pair

ALPHA, BETA, ZETA = 1.0, 0.25, 0.5
LAW = TwoModeLaw(ALPHA, BETA, ZETA)
PAIR = Pair.of(mp.mpf(ALPHA), mp.mpf(BETA), mp.mpf(ZETA), (mp.mpf(1), mp.mpf(1)), FLOATS)
LEVELS = 1000


def by_end_rule(l: np.ndarray) -> np.ndarray:
    """The trapezoidal sum at every level."""
    return end_rule.density(PAIR, PAIR.level(l))


def by_arc_rule(l: np.ndarray) -> np.ndarray:
    """The inversion formula on the axis itself."""
    return -arc_rule.stieltjes(PAIR, l + 0j).imag / np.pi


def integrand(z: np.ndarray, x, y):
    """Of eq. 20, with l1 = alpha + 4 zeta cos^2 x, l2 = beta + 4 zeta cos^2 y; the measures are 4 zeta sin^2/pi dx."""
    l1, l2 = ALPHA + 4 * ZETA * np.cos(x) ** 2, BETA + 4 * ZETA * np.cos(y) ** 2
    denominator = ALPHA * BETA + l1 * (z - BETA) + l2 * (z - ALPHA) - z * z
    measures = (2 * ZETA / np.pi * np.sin(x) * np.sin(y)) ** 2
    return measures * (l1 + l2 - 2 * z) / (2 * ZETA**2 * denominator)


def by_product_rule(l: np.ndarray, eps: float, n: int) -> np.ndarray:
    """The double integral on n^2 nodes, both angles from 0 to pi."""
    angle = np.pi * np.arange(1, n + 1) / (n + 1)
    total = [integrand(x + 1j * eps, angle[:, None], angle).sum() * (np.pi / (n + 1)) ** 2 for x in l]
    return -np.imag(total) / np.pi


def by_dblquad(l: np.ndarray, eps: float) -> np.ndarray:
    """The double integral, adaptively, to a relative 1e-6."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IntegrationWarning)
        values = [
            4
            * dblquad(lambda y, x, z=x + 1j * eps: integrand(z, x, y).imag, 0, np.pi / 2, 0, np.pi / 2, epsrel=1e-6)[0]
            for x in l
        ]
    return -np.array(values) / np.pi


def row(name: str, method: Callable, l: np.ndarray) -> None:
    """Print the time of 1,000 levels, and the median and the largest relative error."""
    method(l[:2])
    start = time.perf_counter()
    found = method(l)
    seconds = (time.perf_counter() - start) * LEVELS / l.size
    exact = np.array([float(LAW.density_digits(x, 25)) for x in l[:: max(1, l.size // 100)]])
    error = np.abs(found[:: max(1, l.size // 100)] / exact - 1)
    shown = f"{1e3 * seconds:.1f} ms" if seconds < 1 else f"{seconds:.0f} s"
    print(f"| {name} | {shown} | {np.median(error):.0e} | {error.max():.0e} |", flush=True)


def digits_rows() -> None:
    """Print the time of one level to many digits."""
    for digits in (30, 100, 300):
        start = time.perf_counter()
        value = LAW.density_digits(2.0, digits)
        seconds = time.perf_counter() - start
        with mp.workdps(digits + 30):
            error = abs(value / LAW.density_digits(2.0, digits + 20) - 1)
            print(f"| one level to {digits} digits | {1e3 * seconds:.1f} ms | {mp.nstr(error, 1)} | |", flush=True)


def histogram_row(draws: int, bins: int) -> None:
    """Print the same for a histogram."""
    start = time.perf_counter()
    a, b = (4 * np.random.default_rng(seed).beta(0.5, 1.5, draws) for seed in (1, 2))
    mean, half = (ALPHA + BETA + ZETA * (a + b)) / 2, (ALPHA - BETA + ZETA * (a - b)) / 2
    radius = np.hypot(half, ZETA * np.sqrt(a * b))
    edges = np.linspace(LAW.edges[0], LAW.edges[-1], bins + 1)
    found, _ = np.histogram(np.concatenate([mean + radius, mean - radius]), edges)
    seconds = time.perf_counter() - start
    error = np.abs(found / (2 * draws) / np.diff(LAW.cdf(edges)) - 1)
    print(f"| histogram, {bins} bins | {seconds:.1f} s | {np.median(error):.0e} | {error.max():.0e} |")


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    l = np.linspace(LAW.edges[0], LAW.edges[-1], LEVELS + 2)[1:-1]
    print("| method | 1,000 levels | median error | largest |")
    print("|---|---|---|---|")
    row("`density` (elliptic integrals, end rule where they cancel)", LAW.density, l)
    row("end rule alone", by_end_rule, l)
    row("arc rule: -Im G(l + i0)/pi", by_arc_rule, l)
    digits_rows()
    for eps, n in [(1e-1, 100), (1e-2, 100), (1e-2, 400), (1e-3, 400), (1e-3, 2000)]:
        row(f"printed, eps = {eps:g}, {n}^2 nodes", lambda x, e=eps, n=n: by_product_rule(x, e, n), l[5::50])
    for eps in (1e-1, 1e-2):
        row(f"printed, eps = {eps:g}, `dblquad`", lambda x, e=eps: by_dblquad(x, e), l[100::300])
    histogram_row(10**6, 100)


if __name__ == "__main__":
    main()
