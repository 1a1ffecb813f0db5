"""The density of a tangent kernel at N ~ M: our solver beside what one would write first, and beside simulation.

tanh, L = 3, sigma_w^2 = 2, N = M, 400 levels across the support. Errors are relative, against our own density, which
the tests compare with closed forms and exact moments. *Fixed point*: the equations iterated at l + i eps
until steps are below 1e-9, as far as 20,000 iterations go, -Im/pi. *Histogram*: of dense matrices of size N.

    python benchmarks/kernel_spectra.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from fimtheory.activations import activation
from fimtheory.simulation.kernel_matrices import kernel_eigenvalues
from fimtheory.spectra.layerwise import LayeredLaw
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.kernel_spectra import DeepKernels
from fimtheory.verification.deep_networks import architecture_of

LEVELS = 400
KERNELS = DeepKernels(DeepNetwork(activation("tanh"), 3, 2, 0, outputs=1), 1.0)


def by_fixed_point(law: LayeredLaw, l: np.ndarray, eps: float, most: int = 20_000) -> np.ndarray:
    """g <- 1/(c - z), t and A recomputed from it, averaged with the last ones."""
    z = l - law.shift + 1j * eps
    n, a = len(law.layers), law.coefficients
    ratio, b2, s2 = (np.array([x(layer) for layer in law.layers]) for x in (_ratio, _slope, _noise))
    g, t, A = -1 / z, [-1 / z] * n, [x + 0 * z for x in a]
    for _ in range(most):
        before, constant = g, 0
        for k in range(n - 1, -1, -1):
            inner = ratio[k] * (b2[k] * (t[k - 1] if k else 0) + s2[k] * g)
            if k:
                A[k - 1] = a[k - 1] + A[k] * b2[k] / (1 + A[k] * inner)
            constant = constant + A[k] * s2[k] / (1 + A[k] * inner)
        for k in range(n):
            inner = b2[k] * (t[k - 1] if k else 0) + s2[k] * g
            t[k] = inner / (1 + ratio[k] * A[k] * inner)
        g = (g + 1 / (constant - z)) / 2
        if np.abs(g - before).max() < 1e-9 * np.abs(g).max():
            break
    return np.imag(g) / np.pi


def _ratio(layer) -> float:
    return layer.ratio


def _slope(layer) -> float:
    return float(layer.slope[0] ** 2)


def _noise(layer) -> float:
    return float(layer.noise[0])


def row(name: str, method: Callable[[], np.ndarray], exact: np.ndarray) -> None:
    """Print time, median and largest relative error."""
    start = time.perf_counter()
    found = method()
    seconds = time.perf_counter() - start
    error = np.abs(found / exact - 1)
    print(f"| {name} | {seconds:.2f} s | {np.median(error):.0e} | {error.max():.0e} |", flush=True)


def histogram(edges: np.ndarray, size: int, count: int) -> np.ndarray:
    """Shares of bins, from dense matrices."""
    architecture = architecture_of(KERNELS.network, size)
    values = np.concatenate([kernel_eigenvalues(architecture, size, 1, i, ["NTK"])["NTK"] for i in range(count)])
    return np.histogram(values, edges)[0] / values.size


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    law = KERNELS.tangent
    l = law.grid(LEVELS)
    exact = law.density(l)
    print("| method | 400 levels | median error | largest |")
    print("|---|---|---|---|")
    row("edges of the support", lambda: LayeredLaw(law.layers, law.coefficients, law.shift).support and exact, exact)
    row("`density`", lambda: law.density(l), exact)
    step = 1e-4
    row("difference quotient of `cdf`", lambda: (law.cdf(l + step) - law.cdf(l - step)) / (2 * step), exact)
    for eps in (1e-1, 1e-2, 1e-3):
        row(f"fixed point, eps = {eps:g}", lambda e=eps: by_fixed_point(law, l, e), exact)
    edges = np.linspace(law.edges[0], law.edges[-1], 41)
    shares = law.mass(edges[:-1], edges[1:])
    for size, count in ((200, 20), (800, 5)):
        row(
            f"histogram, 40 bins, {count} networks of N = {size}",
            lambda s=size, c=count: histogram(edges, s, c),
            shares,
        )


if __name__ == "__main__":
    main()
