r"""Mean eigenvalues of networks of ReLU type at any widths, exactly.

phi(u) = a u for u > 0 and b u for u < 0: linear, ReLU, leaky ReLU, |u|. Turning one row (W^l_i, b^l_i) into its
negative changes neither its law nor |u^l_i|, and phi'(u)^2 + phi'(-u)^2 = a^2 + b^2 whatever u is. So, with the gain g
= (a^2 + b^2)/2 of a layer,

    E[W_ij W_ij' phi'(u_i)^2 | h^(l-1)] = g delta_jj' sigma_w^2/M_(l-1),    E[phi(u_i)^2 | h^(l-1)] = g E[u_i^2 | h^(l-1)],

and from the output down E[W' delta delta' W | features below] is a multiple of the identity that depends on nothing.
Hence E |delta^l_k|^2 (|h^(l-1)|^2 + 1) is a product of two expectations, and each is that of infinite width.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy as sp

from fimtheory.activations import Activation
from fimtheory.claims import AtEveryWidth, Source, claim
from fimtheory.errors import OutsideAssumptions

if TYPE_CHECKING:
    from fimtheory.theory.deep_network import DeepNetwork


def gain(phi: Activation) -> sp.Expr:
    """(a^2 + b^2)/2 of phi(u) = a u for u > 0, b u for u < 0; :class:`OutsideAssumptions` for any other activation.

    >>> from fimtheory.activations import activation
    >>> gain(activation("relu")), gain(activation("leaky_relu", alpha="1/5")), gain(activation("linear"))
    (1/2, 13/25, 1)
    """
    if phi._require_numbers().kinks in ((), (sp.S.Zero,)):
        t = sp.Symbol("t", positive=True)
        slopes = [sp.cancel(phi.expression.subs(phi.variable, side * t) / t) for side in (1, -1)]
        if not any(slope.free_symbols for slope in slopes):
            return (slopes[0] ** 2 + slopes[1] ** 2) / 2
    raise OutsideAssumptions(
        f"{phi.name} is not linear on either side of 0: means are exact at every width for relu, leaky_relu, abs, linear",
        "phi(u) = a u for u > 0 and b u for u < 0",
    )


@dataclass(frozen=True)
class ExactMeans:
    """Exact expectations of one network: squared signals by layer, and with them the trace of every metric.

    ``forward[l]`` is E |h^l|^2/M_l for l = 0..L-1; ``backward[l-1]`` is E |delta^l_k|^2 for l = 1..L.
    """

    network: DeepNetwork
    forward: tuple[sp.Expr, ...]
    backward: tuple[sp.Expr, ...]

    def widths(self, width: int) -> tuple[int, ...]:
        """(M_0, ..., M_L) at the scale M: alpha_l M rounded, at least 1, and C."""
        return (*self.network.hidden_widths(width), self.network.outputs)

    def block_of_F(self, width: int, layer: int) -> sp.Expr:
        """E of the mean eigenvalue of F^{ll}, l = 1..L."""
        below, own = self.widths(width)[layer - 1 : layer + 1]
        return self._trace(width, layer) / (own * (below + 1))

    def F(self, width: int) -> sp.Expr:
        """E of the mean eigenvalue of F: (C/P) sum_l qtilde_1^l (M_{l-1} qhat_1^{l-1} + 1), P the number of parameters."""
        sizes, layers = self.widths(width), range(1, self.network.depth + 1)
        count = sum(sizes[l] * (sizes[l - 1] + 1) for l in layers)
        return sum((self._trace(width, l) for l in layers), sp.S.Zero) / count

    def _trace(self, width: int, layer: int) -> sp.Expr:
        squares = self.widths(width)[layer - 1] * self.forward[layer - 1] + 1
        return self.network.outputs * self.backward[layer - 1] * squares

    def tangent_kernel(self, width: int) -> sp.Expr:
        """E of the mean eigenvalue of the tangent kernel, the same at every width."""
        n = self.network
        layers = zip(self.backward, n.weight_variances, self.forward, n.bias_variances, strict=True)
        return sum((delta * (w * h + b) for delta, w, h, b in layers), sp.S.Zero)

    def block_of_A(self, width: int, layer: int) -> sp.Expr:
        """E of the mean eigenvalue of the block of A of one layer of activities, l = 0..L-1."""
        return self._gradient(layer) / self.widths(width)[layer]

    def A(self, width: int) -> sp.Expr:
        """E of the mean eigenvalue of A: (C/M_h) sum_l sigma_w^2 qtilde_1^l."""
        L = self.network.depth
        return sum((self._gradient(l) for l in range(L)), sp.S.Zero) / sum(self.widths(width)[:L])

    def _gradient(self, layer: int) -> sp.Expr:
        """sum_k E |grad_{h^l} f_k|^2."""
        return self.network.outputs * self.network.weight_variances[layer] * self.backward[layer]


def exact_means(network: DeepNetwork) -> ExactMeans:
    """The exact expectations of the mean eigenvalue of every metric, at any widths.

    *Source*: ours; extends Karakida, Akaho, Amari (2020), theorem 3.1. *Holds when* every activation is linear on either
    side of 0; any widths, depth, outputs, samples, biases. Raises :class:`OutsideAssumptions` for other activations.

    >>> from fimtheory.activations import activation
    >>> from fimtheory.theory.deep_network import DeepNetwork
    >>> means = exact_means(DeepNetwork(activation("relu"), 2, 3, 1, outputs=2))
    >>> means.F(1), means.F(10)  # 3/2 (M + 1) + (2 M + 1), times 2, over M (M + 1) + 2 (M + 1)
    (2, 25/44)
    """
    gains = [gain(phi) for phi in network.activations]
    weights, biases = network.weight_variances, network.bias_variances
    forward: list[sp.Expr] = [network.input_norm]
    for l, g in enumerate(gains):
        forward.append(g * (weights[l] * forward[-1] + biases[l]))
    backward: list[sp.Expr] = [sp.S.One]
    for l, g in reversed(list(enumerate(gains))):
        backward.insert(0, g * weights[l + 1] * backward[0])
    return ExactMeans(network, tuple(forward), tuple(backward))


@claim(
    "fimtheory.deep.exact_mean",
    title="Mean eigenvalues of networks of ReLU type, exact at any widths",
    statement=r"\mathbb{E}\, m_\lambda(F) = \frac{C}{P} \sum_{l=1}^{L} \tilde q_1^l\, (M_{l-1}\, \hat q_1^{l-1} + 1),\quad"
    r" P = \sum_{l=1}^{L} M_l (M_{l-1} + 1),\quad"
    r" \mathbb{E}\, m_\lambda(\Theta) = \sum_{l=1}^{L} \tilde q_1^l\, (\sigma_w^2\, \hat q_1^{l-1} + \sigma_b^2),\quad"
    r" \mathbb{E}\, m_\lambda(A) = \frac{C}{M_h} \sum_{l=1}^{L} \sigma_w^2\, \tilde q_1^l",
    source=Source("fimtheory", "extends theorem 3.1 of Karakida, Akaho, Amari (2020)"),
    assumptions=("phi(u) = a u for u > 0 and b u for u < 0", "any widths"),
    activations=("relu", "linear", "abs"),
)
def predict(network: DeepNetwork) -> dict[str, AtEveryWidth]:
    """The means of F, the tangent kernel and A, and of all their blocks, at every width."""
    means, L = exact_means(network), network.depth
    found: dict[str, Callable[[int], sp.Expr]] = {
        "deep.F.mean": means.F,
        "deep.NTK.mean": means.tangent_kernel,
        "deep.A.mean": means.A,
    }
    found |= {f"deep.F_blocks[{l}].mean": functools.partial(means.block_of_F, layer=l) for l in range(1, L + 1)}
    found |= {f"deep.A_blocks[{l}].mean": functools.partial(means.block_of_A, layer=l) for l in range(L)}
    return {name: AtEveryWidth(functools.partial(_as_float, mean)) for name, mean in found.items()}


def _as_float(mean: Callable[[int], sp.Expr], width: int) -> float:
    return float(mean(width))
