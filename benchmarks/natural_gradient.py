"""What an epoch of relative natural gradient descent costs beside plain descent, Adam and batch normalisation.

A network 64-64-64-64-10 on 1400 digits of 8 x 8 pixels in mini batches of 50, double precision, one network and a stack of
thirty. Ours finds the metrics of all units of a layer in one matrix product and inverts them as one batch, every T
iterations; *sparse* averages every tenth mini batch only. Beside it stands what one would write first: a loop over units,
each with its product and its inverse. Times are those of an epoch, the best of a few; ratios are to plain descent.

    python benchmarks/natural_gradient.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from fimtheory.simulation.descent_methods import Adam, Gradient, Method, RelativeNatural
from fimtheory.simulation.digit_network import (
    Array,
    Network,
    Signals,
    augmented,
    backward,
    draw_network,
    forward,
)
from fimtheory.simulation.digits import digits

WIDTHS, TRAIN, BATCH = (64, 64, 64, 64, 10), 1400, 50
STACK = 30
RATE = 1e-3  # small: no path matters here


class LoopOverUnits:
    """Eqs. 31-33 as they are printed: each unit of each hidden layer in its turn."""

    def __init__(self, period: int, decay: float = 0.995, damping: float = 1e-2) -> None:
        self.period, self.decay, self.damping, self.iteration = period, decay, damping, 0
        self.metrics: list[list[Array]] = []
        self.inverses: list[list[Array]] = []

    def directions(self, gradients: list[Array], signals: Signals) -> list[Array]:
        """Those of :class:`RelativeNatural`, for one network."""
        last = len(gradients) - 1
        if not self.metrics:
            self.metrics = [[np.eye(len(g)) for _ in range(self._units(g, l, last))] for l, g in enumerate(gradients)]
        for l, (x, z) in enumerate(zip(signals.features, signals.preactivations, strict=True)):
            for unit in range(len(self.metrics[l])):
                nu = np.ones(len(x)) if l in (0, last) else (z[:, unit] > 0).astype(float)
                found = (x * nu[:, None]).T @ x / len(x) + self.damping * np.eye(x.shape[1])
                self.metrics[l][unit] = self.decay * self.metrics[l][unit] + (1 - self.decay) * found
        if self.iteration % self.period == 0:
            self.inverses = [[np.linalg.inv(G) for G in layer] for layer in self.metrics]
        self.iteration += 1
        steps = [g.copy() for g in gradients]
        for l, layer in enumerate(self.inverses):
            for unit in range(gradients[l].shape[1]):
                steps[l][:, unit] = layer[unit if len(layer) > 1 else 0] @ gradients[l][:, unit]
        return steps

    def _units(self, gradient: Array, layer: int, last: int) -> int:
        return 1 if layer in (0, last) else gradient.shape[1]


CASES: dict[str, tuple[str, Callable[[], Method]]] = {
    "SGD": ("plain", Gradient),
    "SGD, batch normalisation after": ("after", Gradient),
    "Adam": ("plain", Adam),
    "Adam, batch normalisation after": ("after", Adam),
    "RNGD sparse, T = 100": ("plain", lambda: RelativeNatural(period=100, every=10)),
    "RNGD, T = 100": ("plain", lambda: RelativeNatural(period=100)),
    "RNGD, T = 10": ("plain", lambda: RelativeNatural(period=10)),
    "RNGD, T = 1": ("plain", lambda: RelativeNatural(period=1)),
    "loop over units, T = 100": ("plain", lambda: LoopOverUnits(period=100)),
    "loop over units, T = 1": ("plain", lambda: LoopOverUnits(period=1)),
}


def epoch(normalisation: str, method: Method, stack: tuple[int, ...], repeats: int) -> float:
    """The best time of a few epochs of one network, or of a stack; the first, with its allocations, is not timed."""
    generator = np.random.default_rng(1)
    one = draw_network(generator, WIDTHS, normalisation)
    parts = [
        [np.broadcast_to(a, (*stack, *a.shape)).copy() for a in arrays]
        for arrays in (one.weights, one.scales, one.shifts)
    ]
    network, data, best = Network(*parts, normalisation), digits(train=TRAIN), np.inf
    x, labels = augmented(data.inputs), data.labels
    for _ in range(repeats + 1):
        start = time.perf_counter()
        for batch in generator.permutation(TRAIN).reshape(-1, BATCH):
            signals = forward(network, np.broadcast_to(x[batch], (*stack, BATCH, x.shape[1])))
            gradients = backward(network, signals, labels[batch])
            for array, step in zip(network.parameters, method.directions(gradients, signals), strict=True):
                array -= RATE * step
        best = min(best, time.perf_counter() - start) if _ else best
    return best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=4, help="epochs of which the best is taken (default 4)")
    options = parser.parse_args()
    print(f"| method | an epoch | ratio | of {STACK} at once, each | ratio |\n|---|---|---|---|---|")
    plain: list[float] = []
    for name, (normalisation, make) in CASES.items():
        alone = epoch(normalisation, make(), (), options.repeats)
        stacked = epoch(normalisation, make(), (STACK,), options.repeats) / STACK if "loop" not in name else None
        plain = plain or [alone, stacked or alone]
        cells = [f"{1e3 * alone:.1f} ms", f"{alone / plain[0]:.1f}"]
        cells += [f"{1e3 * stacked:.1f} ms", f"{stacked / plain[1]:.1f}"] if stacked else ["--", "--"]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
