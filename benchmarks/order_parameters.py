"""Order parameters of a thousand layers: ours, beside Gauss-Hermite rules in NumPy and nested quadrature in SciPy.

*Ours*: the recursion to 12 digits, warm (the first run, which derives and compiles, in its own column), and to 30. *GH*:
the same recursion in double precision, every expectation on a grid of 100 x 100 Gauss-Hermite nodes, as one writes it.
*dblquad*: one layer, two pair expectations to six digits, times the number of layers. Errors are the largest relative
ones of qhat_2 and qtilde_2 over all layers, against ours to 30 digits; those of ours, at 12, against the same. An error
of 1 and more: kinks missed by the grid change every factor of qtilde_2, or a double has underflowed.

    python benchmarks/order_parameters.py [--depth 1000]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.theory.order_parameters import OrderParameters, order_parameters

ROWS = [  # ordered, critical and chaotic; with and without closed form
    ("relu", "2", "0"),
    ("relu", "1", "0.1"),
    ("erf", "3", "0.1"),
    ("gelu", "1.5", "0.1"),
    ("elu", "1", "0.1"),
    ("tanh", "1.5", "0.1"),
    ("tanh", "3", "0.64"),
    ("tanh", "9", "0.1"),
    ("tanh", "1", "0"),
    ("silu", "2", "0.1"),
    ("softplus", "1", "0.1"),
]
NODES = 100

Columns = dict[str, np.ndarray]


def timed(compute: Callable):
    """Seconds and result."""
    start = time.perf_counter()
    result = compute()
    return time.perf_counter() - start, result


def gauss_hermite(phi: ft.Activation, depth: int, w: float, b: float) -> Columns:
    """qhat_2 and qtilde_2 by layer: 10^4 products for each expectation."""
    z, weight = np.polynomial.hermite_e.hermegauss(NODES)
    weight = weight / weight.sum()
    f, df = phi.numpy, phi.numpy_derivative
    norm, overlap, overlaps, slopes = 1.0, 0.0, [0.0], []
    for _ in range(1, depth):
        q, c = w * norm + b, (w * overlap + b) / (w * norm + b)
        u, v = np.sqrt(q) * z[:, None], np.sqrt(q) * (c * z[:, None] + np.sqrt(max(1 - c * c, 0.0)) * z)
        norm = float(weight @ f(np.sqrt(q) * z) ** 2)
        overlap = float(weight @ (f(u) * f(v)) @ weight)
        overlaps.append(overlap)
        slopes.append(float(weight @ (df(u) * df(v)) @ weight))
    backward = np.cumprod([1.0, *(w * s for s in reversed(slopes))])[::-1]
    return {"qhat2": np.array(overlaps), "qtilde2": backward}


def dblquad_layer(phi: ft.Activation) -> float:
    """Seconds for one pair expectation of phi and one of phi' at q = 1, c = 1/2."""
    from scipy.integrate import dblquad

    def of(f):
        def integrand(y, x):
            return float(f(x) * f(0.5 * x + np.sqrt(0.75) * y)) * np.exp(-(x * x + y * y) / 2) / (2 * np.pi)

        return dblquad(integrand, -8, 8, -8, 8, epsabs=1e-6, epsrel=1e-6)

    warnings.simplefilter("ignore")  # kinks make QUADPACK complain, and take its time
    return timed(lambda: [of(f) for f in (phi.numpy, phi.numpy_derivative)])[0]


def columns(o: OrderParameters) -> dict[str, list[mp.mpf]]:
    """What is compared, by layer."""
    return {name: [value for _, value in sorted(getattr(o, name).items())] for name in ("qhat2", "qtilde2")}


def worst(found, exact: dict[str, list[mp.mpf]]) -> float:
    """The largest relative error; where a double has underflowed, all of it."""
    with mp.workdps(40):
        pairs = [(mp.mpf(a), e) for name in exact for a, e in zip(found[name], exact[name], strict=True) if e]
        return float(max(abs(a / e - 1) for a, e in pairs))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depth", type=int, default=1000, metavar="L")
    depth = parser.parse_args().depth
    print(
        "| activation | sigma_w^2, sigma_b^2 | first | ours, 12 | error | ours, 30 | GH | error | GH/ours | dblquad |"
    )
    print("|---" * 10 + "|")
    for name, w, b in ROWS:
        phi = ft.activation(name)
        phi = phi.with_values({p.name: sp.S.One for p in phi.parameter_list})
        ours = {n: lambda n=n, phi=phi, w=w, b=b: order_parameters(phi, depth, w, b, n) for n in (12, 30)}
        first, _ = timed(ours[12])
        again, few = timed(ours[12])
        ours[30]()
        slow, many = timed(ours[30])
        exact = columns(many)
        usual, grid = timed(lambda phi=phi, w=w, b=b: gauss_hermite(phi, depth, float(w), float(b)))
        nested = depth * dblquad_layer(phi)
        cells = [f"{first:.2f} s", f"{again:.2f} s", f"{worst(columns(few), exact):.0e}", f"{slow:.2f} s"]
        cells += [f"{usual:.2f} s", f"{worst(grid, exact):.0e}", f"{usual / again:.1f}", f"{nested:.0f} s"]
        print(f"| `{name}` | {w}, {b} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
