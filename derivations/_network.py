"""A tiny network in symbols, with an arbitrary activation: the ground on which exact statements are checked.

The Jacobian is what differentiation of the outputs gives; nothing about backward signals goes into it.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp


class dphi(sp.Function):
    """The derivative of the activation."""


class phi(sp.Function):
    """An activation of which nothing is known but the name of its derivative."""

    def fdiff(self, argindex=1):
        return dphi(self.args[0])


@dataclass(frozen=True)
class Network:
    """u^l = W^l h^(l-1) + b^l, h^l = phi(u^l), h^0 = x, f = u^L, for the widths (M_0, ..., M_L)."""

    widths: tuple[int, ...]

    @property
    def depth(self) -> int:
        """The number L of layers."""
        return len(self.widths) - 1

    @functools.cached_property
    def x(self) -> sp.Matrix:
        """The input."""
        return sp.Matrix([sp.Symbol(f"x_{j}") for j in range(self.widths[0])])

    @functools.cached_property
    def W(self) -> dict[int, sp.Matrix]:
        """The weights by layer."""
        sizes = zip(self.widths[1:], self.widths[:-1], strict=True)
        return {
            l: sp.Matrix(rows, columns, lambda i, j, l=l: sp.Symbol(f"W^{l}_{i}_{j}"))
            for l, (rows, columns) in enumerate(sizes, start=1)
        }

    @functools.cached_property
    def b(self) -> dict[int, sp.Matrix]:
        """The biases by layer."""
        return {l: sp.Matrix([sp.Symbol(f"b^{l}_{i}") for i in range(self.widths[l])]) for l in self.W}

    @functools.cached_property
    def u(self) -> dict[int, sp.Matrix]:
        """The pre-activations by layer; the last are the outputs."""
        found = {1: self.W[1] * self.x + self.b[1]}
        for l in range(2, self.depth + 1):
            found[l] = self.W[l] * found[l - 1].applyfunc(phi) + self.b[l]
        return found

    @functools.cached_property
    def h(self) -> dict[int, sp.Matrix]:
        """The features by layer, the input among them."""
        return {0: self.x} | {l: self.u[l].applyfunc(phi) for l in range(1, self.depth)}

    @functools.cached_property
    def delta(self) -> dict[int, sp.Matrix]:
        """The backward signals by layer: column k is the signal of output k."""
        found = {self.depth: sp.eye(self.widths[-1])}
        for l in range(self.depth - 1, 0, -1):
            found[l] = sp.diag(*self.u[l].applyfunc(dphi)) * self.W[l + 1].T * found[l + 1]
        return found

    def parameters(self, l: int) -> list[sp.Symbol]:
        """The weights and the bias of unit 1, of unit 2, and so on."""
        return [s for i in range(self.widths[l]) for s in (*self.W[l].row(i), self.b[l][i])]

    def gradient(self, l: int) -> sp.Matrix:
        """Derivatives of the outputs in the parameters of one layer: one column an output."""
        return sp.Matrix([[sp.diff(f, s) for f in self.u[self.depth]] for s in self.parameters(l)])

    def linear(self, expression: sp.Expr) -> sp.Expr:
        """An expression of this network for the activation phi(t) = t."""
        return expression.replace(phi, lambda t: t).replace(dphi, lambda t: sp.S.One)

    def integers(self, samples: int) -> dict[str, dict[int, sp.Matrix]]:
        """Gradients, backward signals and features of one network with small integer parameters and inputs.

        The activation is phi(t) = t + t^2, so everything is exact. Columns are ordered as (k, n), n fastest; the
        features have one column a sample.
        """
        draw = random.Random(samples)
        theta = [s for l in self.W for s in self.parameters(l)]
        values = [sp.Integer(draw.randint(-2, 2)) for _ in theta]
        points = [[*(sp.Integer(draw.randint(-2, 2)) for _ in self.x), *values] for _ in range(samples)]
        wanted = {"gradient": {l: self.gradient(l) for l in self.W}, "delta": self.delta, "h": self.h}
        known = [{"phi": lambda t: t + t**2, "dphi": lambda t: 1 + 2 * t}, "sympy"]

        def columns(matrix: sp.Matrix) -> sp.Matrix:
            f = sp.lambdify([*self.x, *theta], matrix, modules=known)
            found = [sp.Matrix(f(*point)) for point in points]
            return sp.Matrix.hstack(*(m.col(k) for k in range(matrix.cols) for m in found))

        return {name: {l: columns(m) for l, m in by_layer.items()} for name, by_layer in wanted.items()}


def hadamard_sum(delta: Mapping, h: Mapping, outputs: int, scale=lambda l: 1, shift=1) -> sp.Matrix:
    """sum_l (delta_l' delta_l) o (1 (x) (scale_l h_(l-1)' h_(l-1) + shift)), backward times forward overlaps."""

    def layer(l: int) -> sp.Matrix:
        overlap = (scale(l) * h[l - 1].T * h[l - 1]).applyfunc(lambda e: e + shift)
        return (delta[l].T * delta[l]).multiply_elementwise(sp.kronecker_product(sp.ones(outputs), overlap))

    return functools.reduce(lambda a, b: a + b, (layer(l) for l in delta))


def gaussian_mean(polynomial: sp.Expr, variances: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """The mean of a polynomial in independent centred Gaussian variables."""

    def moment(variance: sp.Expr, k: int) -> sp.Expr:
        return variance ** (k // 2) * sp.factorial2(k - 1) if k % 2 == 0 else sp.S.Zero

    terms = sp.Poly(polynomial, *variances).terms()
    return sum(a * sp.prod(map(moment, variances.values(), powers)) for powers, a in terms)
