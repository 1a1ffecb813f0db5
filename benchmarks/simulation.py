"""One random network measured: the dual Gram matrices of the package, beside an explicit Jacobian in NumPy.

The Fisher matrix F = J J'/N has P rows, P = O(M^2) parameters. Three ways to its eigenvalue statistics:

- ours: the C N x C N dual matrix as a sum over layers of products of Gram matrices; no Jacobian is formed;
- Jacobian: the P x C N matrix of gradients, then J'J (the forward and backward pass are shared with ours);
- P x P: the Fisher matrix itself, and all its eigenvalues.

Then networks too wide to be stored, in single precision: their weights are drawn again whenever they are needed.

    python benchmarks/simulation.py --widths 64 128 256 512 1024 2048 --streamed 5000 10000 20000
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

from fimtheory.simulation import Architecture, simulate
from fimtheory.simulation.backends import numpy_backend
from fimtheory.simulation.dual_gram import backward
from fimtheory.simulation.metrics import measure
from fimtheory.simulation.networks import Network, draw_network, forward

DEPTH, OUTPUTS, SAMPLES = 3, 3, 50
JACOBIAN_UP_TO, MATRIX_UP_TO = 512, 32  # widths: 600 MB of gradients, a 2100 x 2100 matrix
BACKEND = numpy_backend()


def setting_of(width: int, outputs: int = OUTPUTS) -> Architecture:
    """A tanh network of three weight layers."""
    return Architecture((width,) * DEPTH + (outputs,), 3.0, 0.64, np.tanh, lambda u: 1 - np.tanh(u) ** 2)


def setting(width: int) -> tuple[Architecture, Network, np.ndarray]:
    """The network, drawn once, and its inputs."""
    generator = BACKEND.make_generator(np.random.SeedSequence(1))
    architecture = setting_of(width)
    network = draw_network(architecture, generator, BACKEND)
    return architecture, network, BACKEND.normal(generator, (SAMPLES, width))


def with_duals(architecture: Architecture, network: Network, inputs: np.ndarray) -> float:
    """The largest eigenvalue of F, by the package."""
    return measure(architecture, network, inputs, {"F"}, BACKEND)["deep.F.lambda_top"]


def jacobian(architecture: Architecture, network: Network, inputs: np.ndarray) -> np.ndarray:
    """All gradients of all outputs, shape (C N, P)."""
    pass_forward = forward(architecture, network, inputs, BACKEND)
    blocks = []
    for layer, delta, _ in backward(network, pass_forward, False, BACKEND):
        signals = np.tile(pass_forward.features[layer - 1], (OUTPUTS, 1))
        weights = delta[:, :, None] * signals[:, None, :]
        blocks += [weights.reshape(len(delta), -1), delta]
    return np.hstack(blocks)


def with_jacobian(architecture: Architecture, network: Network, inputs: np.ndarray) -> float:
    """The largest eigenvalue of F from the explicit Jacobian."""
    J = jacobian(architecture, network, inputs)
    return float(np.linalg.eigvalsh(J @ J.T)[-1] / SAMPLES)


def with_matrix(architecture: Architecture, network: Network, inputs: np.ndarray) -> float:
    """The largest eigenvalue of F from F itself."""
    J = jacobian(architecture, network, inputs)
    return float(np.linalg.eigvalsh(J.T @ J)[-1] / SAMPLES)


def timed(function: Callable, *arguments, repeats: int = 3) -> tuple[float, float]:
    """(median seconds, value), after one call that is not counted."""
    value, times = function(*arguments), []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return statistics.median(times), value


def print_streamed(widths: list[int]) -> None:
    """One streamed network a width: seconds, and the most memory that its arrays took."""
    print("\nstreamed weights, float32, C N = 1000: F and F_cross of one network")
    print(f"{'width':>6} {'parameters':>11} {'seconds':>10} {'ns / M^2':>10} {'weights':>10} {'peak memory':>12}")
    for width in sorted(widths):
        architecture = setting_of(width, outputs=10)
        tracemalloc.start()
        start = time.perf_counter()
        simulate(architecture, 100, 1, 1, {"F", "F_cross"}, numpy_backend("float32"), streamed=True)
        seconds = time.perf_counter() - start
        peak = tracemalloc.get_traced_memory()[1] / 2**30
        tracemalloc.stop()
        count = architecture.parameter_count
        print(
            f"{width:6} {count:11} {seconds:8.1f} s {1e9 * seconds / (DEPTH - 1) / width**2:7.0f} ns "
            f"{4 * count / 2**30:7.2f} GB {peak:9.2f} GB",
            flush=True,
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32, 64, 128, 256, 512, 1024, 2048])
    parser.add_argument("--streamed", type=int, nargs="*", default=[2000, 5000, 10000])
    options = parser.parse_args()
    print(f"tanh, L = {DEPTH}, C = {OUTPUTS}, N = {SAMPLES}; one network, forward and backward pass included")
    print(
        f"{'width':>6} {'parameters':>11} {'ours':>12} {'Jacobian':>14} {'P x P':>14}   agreement of the largest eigenvalue"
    )
    for width in options.widths:
        drawn = setting(width)
        seconds, value = timed(with_duals, *drawn)
        shown, differences = [], []
        for function, largest in ((with_jacobian, JACOBIAN_UP_TO), (with_matrix, MATRIX_UP_TO)):
            if width > largest:
                shown.append("--")
                continue
            other, same = timed(function, *drawn)
            differences.append(abs(same / value - 1))
            shown.append(f"{1e3 * other:8.1f} ms")
        agreed = f"{max(differences):.0e}" if differences else "--"
        count = drawn[0].parameter_count
        print(f"{width:6} {count:11} {1e3 * seconds:9.1f} ms {shown[0]:>14} {shown[1]:>14}   {agreed}", flush=True)
    print_streamed(options.streamed)


if __name__ == "__main__":
    main()
