"""What documents 000 and 001 say about clusters of eigenvalues of ReLU networks, exactly and as printed."""

from __future__ import annotations

import sympy as sp

from fimtheory.claims import Agreement, AtEveryWidth, Identity, Ordering, Source, claim
from fimtheory.notation import SYMBOLS
from fimtheory.theory.homogeneous import DIMENSION, HomogeneousTerm, homogeneous_eigenvalue
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_fluctuations import OutputFisher
from fimtheory.theory.sphere import RadialLaw, multiplicity
from fimtheory.theory.truncated_kernel import (
    adversarial_weights,
    span_cosine,
    top_share,
    truncated_eigenvalue,
    truncated_share,
    truncation_rank,
)

M = SYMBOLS["M"]
_PAPER = "takeishi2021"
_RELU = HomogeneousTerm(sp.S.One, sp.S.One, sp.S.Zero)
_ASSUMED = (
    "one hidden layer of ReLU units, J the Fisher matrix of the output weights",
    "hidden weights N(0, I_d) (the paper: N(0, I_d/m), and J without 1/m), inputs N(0, I_d)",
)
_MANY = "m to infinity at fixed d"


def relu_eigenvalue(k: int, d: int | sp.Expr) -> sp.Expr:
    """lambda_k of ReLU, exact.

    >>> relu_eigenvalue(2, 3)
    9/256
    """
    law = RadialLaw(d)
    return homogeneous_eigenvalue(_RELU, k, law, law)


def _shares_of_trace(values: list[sp.Expr], d: int) -> dict[str, sp.Expr]:
    return {f"modes.share[{rank}]": sp.sympify(v) * 2 / d for rank, v in enumerate(values, start=1)}


def _printed_clusters(fisher: OutputFisher) -> dict[str, sp.Expr]:
    d = fisher.modes.dimension
    return _shares_of_trace([truncated_eigenvalue("relu", k, 2, d) for k in (0, 1, 2)], d)


@claim(
    "takeishi2021.clusters",
    title="Three clusters of eigenvalues",
    statement=r"\lambda_0 = \frac{d^2\,\Gamma(\frac d2)^2}{4\pi\,\Gamma(\frac{d+1}{2})^2} \ (1\times), \quad "
    r"\lambda_1 = \tfrac14 \ (d \times), \quad \lambda_2 = \frac{\lambda_0}{(d+1)^2} \ (\tfrac{(d-1)(d+2)}{2} \times)",
    as_printed=r"\lambda_0 \approx \frac{2d+1}{4\pi}, \quad \lambda_1 \approx \tfrac14, \quad "
    r"\lambda_2 \approx \frac{1}{2\pi(d+2)}",
    printed=_printed_clusters,
    source=Source(_PAPER, "abstract, statements 1 to 3; approximate eigenvalues"),
    assumptions=(*_ASSUMED, _MANY),
    subject="kernel_modes",
    activations=("relu",),
)
def clusters(fisher: OutputFisher) -> dict[str, sp.Expr]:
    """Cluster means over the trace d/2; the printed values are approximations, good to 1/(4 d) and 3/(2 d)."""
    d = fisher.modes.dimension
    return _shares_of_trace([relu_eigenvalue(k, d) for k in (0, 1, 2)], d)


@claim(
    "takeishi2021.values",
    title="The printed eigenvalues are those of the kernel cut off after the square",
    statement=r"\frac{\lvert w \rvert \lvert w' \rvert}{2\pi} \Big(1 + \frac{\pi}{2} c + \frac{c^2}{2}\Big): \quad "
    r"\frac{2d+1}{4\pi}, \quad \tfrac14, \quad \frac{1}{2\pi(d+2)}",
    source=Source(_PAPER, "approximate eigenvalues"),
    assumptions=(*_ASSUMED, "c the cosine of two weight vectors, powers above the second left out"),
    subject=None,
)
def printed_values() -> dict[str, Identity | Agreement]:
    """Where they come from, in any dimension; and how far they are from the exact ones as d grows."""
    d = DIMENSION
    values = (2 * d + 1) / (4 * sp.pi), sp.Rational(1, 4), 1 / (2 * sp.pi * (d + 2))
    found = {f"degree {k}": Identity(truncated_eigenvalue("relu", k, 2, d), v) for k, v in enumerate(values)}
    large = 10**6
    exact = {mode.degree: mode.value for mode in KernelModes("relu", large, 2).modes}
    return found | {
        "relative error times d, d large": Agreement(
            lambda: [large * (float(values[k].subs(d, large)) / exact[k] - 1) for k in (0, 2)],
            lambda: [0.0, -0.5],
            1e-4,
        )
    }


@claim(
    "takeishi2021.perron_frobenius",
    title="The largest eigenvalue is the Perron-Frobenius eigenvalue",
    statement=r"J_{ij} \ge 0: \quad \text{the eigenvector of } \lambda_{\max} \text{ has one sign, at every width}",
    source=Source(_PAPER, "abstract, statement 1"),
    assumptions=_ASSUMED,
    subject="kernel_modes",
    activations=("relu",),
)
def perron_frobenius(fisher: OutputFisher) -> dict[str, AtEveryWidth]:
    """ReLU is not negative: neither is any entry of J, whatever W and the inputs are."""
    return {"modes.one_sign": AtEveryWidth(lambda m: 1.0)}


@claim(
    "takeishi2021.row_space",
    title="The second cluster is spanned by the rows of the weight matrix",
    statement=r"\mathbb{E} \sin^2 \angle(\text{eigenvectors}, \operatorname{span}\{w_{\cdot 1}, \ldots, w_{\cdot d}\}) = "
    r"\frac{d+2}{d\,m} \sum_{l \neq 1} N_l \Big(\frac{\lambda_l}{\lambda_1 - \lambda_l}\Big)^2 + O(m^{-2})",
    source=Source(_PAPER, "abstract, statement 2"),
    assumptions=(*_ASSUMED, "J is averaged over all inputs", _MANY),
    subject="kernel_modes",
    activations=("relu all inputs",),
)
def row_space(fisher: OutputFisher) -> dict[str, sp.Expr]:
    """True in the limit, with the angle that remains at m units."""
    return {"modes.turned[2]": sp.Float(fisher.turning(2), 17) / M}


def _printed_hadamard(fisher: OutputFisher) -> dict[str, sp.Expr]:
    return {"modes.hadamard": sp.S.One}


@claim(
    "takeishi2021.hadamard",
    title="Hadamard products of rows, and the first and third cluster",
    statement=r"\overline{\cos^2} \angle(\text{eigenvectors}, \operatorname{span}\{w_a \circ w_b\}) \to "
    r"\frac{(\mathbb{E} r^3)^2}{\mathbb{E} r^2\, \mathbb{E} r^4} = 1 - \frac{1}{2d} + O(d^{-2}), \quad "
    r"\text{and } 1 \text{ for } \operatorname{span}\{w_a \circ w_b / \lvert w \rvert\}",
    as_printed=r"\operatorname{span}\{w_a \circ w_b\} = \text{sum of the eigenspaces of clusters 1 and 3}",
    printed=_printed_hadamard,
    source=Source(_PAPER, "abstract, statement 3"),
    assumptions=(*_ASSUMED, "J is averaged over all inputs", _MANY, "r chi-distributed with d degrees of freedom"),
    subject="kernel_modes",
    activations=("relu all inputs",),
)
def hadamard(fisher: OutputFisher) -> dict[str, sp.Expr]:
    """An approximation at fixed d, good as d grows; division by the norms makes it exact."""
    return {"modes.hadamard": span_cosine(1, 2, fisher.modes.dimension), "modes.hadamard_scaled": sp.S.One}


@claim(
    "takeishi2021.share",
    title="The three clusters carry 97.7 % of the trace",
    statement=r"\frac12 + \frac{3}{2\pi} = 0.977\ldots \ \le \ \frac{1}{d/2} \sum_{k \le 2} N \lambda_k = "
    r"\frac12 + \lambda_0 \frac{3d+5}{(d+1)^2}, \quad \text{equal as } d \to \infty",
    source=Source(_PAPER, "share of the trace"),
    assumptions=_ASSUMED,
    subject=None,
)
def share() -> dict[str, Identity | Ordering]:
    """The bound of the truncated kernel, and the exact share in the limit of many units."""
    d = DIMENSION
    lambda0 = relu_eigenvalue(0, d)
    total = sum(multiplicity(d, k) * relu_eigenvalue(k, d) for k in range(3)) * 2 / d
    dimensions = (1, 2, 3, 10, 100)
    return {
        "truncated kernel": Identity(truncated_share("relu", 2), sp.Rational(1, 2) + 3 / (2 * sp.pi)),
        "exact share": Identity(total, sp.Rational(1, 2) + lambda0 * (3 * d + 5) / (d + 1) ** 2),
        "bound below share": Ordering(
            lambda: [float(truncated_share("relu", 2))] * len(dimensions),
            lambda: [
                float(sum(multiplicity(n, k) * relu_eigenvalue(k, n) for k in range(3)) * 2 / n) for n in dimensions
            ],
        ),
    }


@claim(
    "takeishi2021.ky_fan",
    title="The share holds for every weight matrix",
    statement=r"\sum_{i \le d(d+3)/2} \lambda_i(J) \ge \Big(\frac12 + \frac{3}{2\pi}\Big) \operatorname{tr} J "
    r"\quad \text{for every } W",
    source=Source(_PAPER, "share of the trace"),
    assumptions=("inputs N(0, I_d); nothing is assumed of W",),
    subject=None,
)
def ky_fan() -> dict[str, Identity | Ordering]:
    """J minus its truncation is positive semi-definite: powers of a Gram matrix with positive coefficients.

    Checked on weights that are far from random; the bound is approached only as d grows.
    """
    family = adversarial_weights()
    bound = float(truncated_share("relu", 2))
    return {
        "rank": Identity(truncation_rank("relu", 2, DIMENSION), DIMENSION * (DIMENSION + 3) / 2),
        "adversarial": Ordering(lambda: [bound] * len(family), lambda: [top_share("relu", w, 2) for w in family]),
    }
