"""Softmax outputs: outliers by the secular equation, and coefficients by sums, beside what one would use instead.

Outliers: the C - 1 largest eigenvalues of the leading matrix of one network, beside LAPACK on the C N x C N matrix and
ARPACK on products with it. Time, and the largest error relative to the largest eigenvalue, LAPACK's being the reference.
Coefficients: E beta_1, E beta_2, E beta_3, beside the mean over draws of the logits.

    python benchmarks/softmax.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from fimtheory.theory.logit_law import LogitLaw, covariance_factors
from fimtheory.theory.softmax_outliers import SoftmaxOutliers, leading_dual

SIZES = [(3, 100), (10, 100), (10, 400), (10, 10_000), (30, 100)]
LARGEST_DENSE = 5000
Q1, Q2, A, B = 2.7, 1.2, 0.6, 1.0


def timed(function: Callable, repeats: int = 3) -> tuple[float, np.ndarray]:
    """The best time of a few, and the result."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - start)
    return best, result


def dense(logits: np.ndarray) -> np.ndarray:
    """All eigenvalues by LAPACK."""
    return np.linalg.eigvalsh(leading_dual(logits, A, B))[::-1][: logits.shape[1] - 1]


def arnoldi(logits: np.ndarray) -> np.ndarray:
    """The largest by ARPACK, without the matrix."""
    factors = covariance_factors(logits)
    N, C, _ = factors.shape

    def product(v: np.ndarray) -> np.ndarray:
        w = np.einsum("nij,nj->ni", factors, v.reshape(N, C))
        return np.einsum("nij,ni->nj", factors, A * w + B * w.sum(axis=0)).reshape(-1)

    operator = LinearOperator((N * C, N * C), matvec=product, dtype=float)
    return np.sort(eigsh(operator, C - 1, tol=1e-12, return_eigenvectors=False))[::-1]


def outliers(repeats: int) -> None:
    """One row a size."""
    print("| C, N | ours | error | ARPACK | error | LAPACK |\n|---|---|---|---|---|---|")
    for C, N in SIZES:
        logits = LogitLaw(Q1, Q2, C, N).draw(1, seed=1)[0]
        ours, values = timed(lambda f=logits: SoftmaxOutliers(f, A, B).values, repeats)
        other, by_arnoldi = timed(lambda f=logits: arnoldi(f), repeats)
        if C * N > LARGEST_DENSE:
            gap = np.abs(values - by_arnoldi).max() / values[0]
            print(f"| {C}, {N} | {1e3 * ours:.1f} ms | {gap:.0e} from ARPACK | {1e3 * other:.0f} ms | -- | -- |")
            continue
        whole, reference = timed(lambda f=logits: dense(f), 1)
        errors = [np.abs(v - reference).max() / reference[0] for v in (values, by_arnoldi)]
        print(
            f"| {C}, {N} | {1e3 * ours:.1f} ms | {errors[0]:.0e} | {1e3 * other:.0f} ms | {errors[1]:.0e} |"
            f" {1e3 * whole:.0f} ms |"
        )


def coefficients() -> None:
    """Ours at once; draws by their standard error."""
    print("\n| C, q1, q2 | ours | draws at N = 100 | relative standard errors |\n|---|---|---|---|")
    for C, q1, q2 in [(3, 2.0, 0.5), (10, Q1, Q2), (10, 40.0, 20.0), (1000, 2.0, 0.5)]:
        law, count = LogitLaw(q1, q2, C, 100), 1000 if C < 100 else 100
        seconds, _ = timed(lambda C=C, q1=q1, q2=q2: list(LogitLaw(q1, q2, C, 100).expected.values()))
        drawn, found = timed(lambda law=law, count=count: law.distributions(count, seed=1), 1)
        errors = ", ".join(f"{found[f'beta{k}'].mean_error / law.expected[f'beta{k}']:.0e}" for k in (1, 2, 3))
        print(f"| {C}, {q1:g}, {q2:g} | {1e3 * seconds:.1f} ms | {count} draws: {1e3 * drawn:.0f} ms | {errors} |")


def main() -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="the best time of so many")
    outliers(parser.parse_args().repeats)
    coefficients()


if __name__ == "__main__":
    main()
