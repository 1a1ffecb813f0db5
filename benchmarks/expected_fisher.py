"""H = E_X J'J of one hidden layer: averaged over inputs exactly, beside averages over sampled inputs.

erf_1, square layers. Ours: the moments of all pairs of hidden units, then products with H, and tr H^2 without any product.
Sampled: H v as a mean over inputs of J'(J v), in one matrix product a layer, with as many inputs as parameters, and a
hundred times fewer; the error is that of H v, relative to its length.

    python benchmarks/expected_fisher.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

import fimtheory as ft
from fimtheory.simulation import ExpectedFisher
from fimtheory.simulation.single_layer import draw_weights

PHI = ft.activation("erf_alpha", alpha=1)


def timed(action: Callable) -> tuple[float, object]:
    """Seconds of the better of two runs, and what it returned."""
    best, value = np.inf, None
    for _ in range(2):
        start = time.perf_counter()
        value = action()
        best = min(best, time.perf_counter() - start)
    return best, value


def sampled_product(W1: np.ndarray, W2: np.ndarray, v: np.ndarray, inputs: int, batch: int = 4096) -> np.ndarray:
    """J'(J v) averaged over inputs: (J v)_i = W2 (f'(h) * (V1 x)) + V2 f(h), and the transpose of that."""
    n1, n0 = W1.shape
    V1, V2 = v[: W1.size].reshape(n1, n0), v[W1.size :].reshape(W2.shape)
    one, two = np.zeros_like(W1), np.zeros_like(W2)
    generator = np.random.default_rng(5)
    for start in range(0, inputs, batch):
        x = generator.standard_normal((min(batch, inputs - start), n0))
        h = x @ W1.T
        value, slope = PHI.numpy(h), PHI.numpy_derivative(h)
        change = (slope * (x @ V1.T)) @ W2.T + value @ V2.T
        one += ((change @ W2) * slope).T @ x
        two += change.T @ value
    return np.concatenate([one.ravel(), two.ravel()]) / inputs


def row(n: int) -> str:
    """One width."""
    W1, W2 = draw_weights((n, n, n), 1, 0)
    v = np.random.default_rng(2).standard_normal(2 * n * n)
    build, H = timed(lambda: ExpectedFisher.from_weights(W1, W2, PHI.numpy, PHI.numpy_derivative))
    once, exact = timed(lambda: H.matvec(v))
    norm, _ = timed(lambda: (H.trace(), H.squared_norm()))
    cells = [f"{n}", f"{2 * n * n}", f"{build:.2f} s", f"{1e3 * once:.1f} ms", f"{1e3 * norm:.1f} ms"]
    for inputs in (n * n // 50, 2 * n * n):
        seconds, product = timed(lambda inputs=inputs: sampled_product(W1, W2, v, inputs))
        error = np.linalg.norm(product - exact) / np.linalg.norm(exact)
        cells.append(f"{seconds:.2f} s, {error:.0e}")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 128, 256, 512], help="default 64 128 256 512")
    widths = parser.parse_args().widths
    heads = "width n | parameters | ours: moments | H v | tr H, tr H^2 | n^2/50 inputs: time, error | 2 n^2 inputs"
    print(f"| {heads} |\n" + "|---" * 7 + "|")
    for n in widths:
        print(row(n), flush=True)


if __name__ == "__main__":
    main()
