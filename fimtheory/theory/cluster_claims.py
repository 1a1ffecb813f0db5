"""What document 000 says about clusters of eigenvalues of ReLU networks, exactly and as printed; the best bound."""

from __future__ import annotations

import functools

import numpy as np
import sympy as sp

from fimtheory.claims import Agreement, AtEveryWidth, Identity, Ordering, Source, claim
from fimtheory.notation import SYMBOLS
from fimtheory.theory.homogeneous import DIMENSION, HomogeneousTerm, homogeneous_eigenvalue, large_dimension
from fimtheory.theory.mode_fluctuations import OutputFisher
from fimtheory.theory.sphere import RadialLaw, multiplicity
from fimtheory.theory.truncated_kernel import (
    adversarial_weights,
    ky_fan_bound,
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
_ROUNDING = 1e-12  # of eigenvalues in double precision; some weights have no eigenvalue beyond the bound's rank


def relu_eigenvalue(k: int, d: int | sp.Expr) -> sp.Expr:
    """lambda_k of ReLU, exact.

    >>> relu_eigenvalue(2, 3)
    9/256
    """
    law = RadialLaw(d)
    return homogeneous_eigenvalue(_RELU, k, law, law)


_family = functools.cache(adversarial_weights)


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
    """Cluster means over the trace d/2; the printed values are below them, by 1/(8 d^2), 0 and 1/(2 d) of their size."""
    d = fisher.modes.dimension
    return _shares_of_trace([relu_eigenvalue(k, d) for k in (0, 1, 2)], d)


@claim(
    "takeishi2021.values",
    title="The printed eigenvalues are those of the kernel cut off after the square",
    statement=r"\frac{\lvert w \rvert \lvert w' \rvert}{2\pi} \Big(1 + \frac{\pi}{2} c + \frac{c^2}{2}\Big): \quad "
    r"\frac{2d+1}{4\pi}, \quad \tfrac14, \quad \frac{1}{2\pi(d+2)}, \qquad \text{relative errors } "
    r"-\frac{1}{8 d^2}, \quad 0, \quad -\frac{1}{2 d} \text{ as } d \to \infty",
    source=Source(_PAPER, "approximate eigenvalues"),
    assumptions=(*_ASSUMED, "c the cosine of two weight vectors, powers above the second left out"),
    subject=None,
)
def printed_values() -> dict[str, Identity]:
    """Where they come from, in any dimension; and how far they are from the exact ones as d grows."""
    d = DIMENSION
    values = (2 * d + 1) / (4 * sp.pi), sp.Rational(1, 4), 1 / (2 * sp.pi * (d + 2))
    found = {f"degree {k}": Identity(truncated_eigenvalue("relu", k, 2, d), v) for k, v in enumerate(values)}
    errors = (0, 0, -sp.Rational(1, 8)), (0, 0, 0), (0, -sp.Rational(1, 2))
    return found | {
        f"degree {k}, relative error, factor of d^-{n}": Identity(_relative_error(k, n), e)
        for k, of_degree in enumerate(errors)
        for n, e in enumerate(of_degree)
    }


def _relative_error(k: int, order: int) -> sp.Expr:
    """The coefficient of d^-order in printed/exact - 1 for large d, the coefficients before it being 0."""
    u = sp.Symbol("u", positive=True)
    printed = (truncated_eigenvalue("relu", k, 2, DIMENSION) * multiplicity(DIMENSION, k) / DIMENSION).subs(
        DIMENSION, 1 / u
    )
    exact = large_dimension(_RELU, k, order + 1)
    return sp.series(printed, u, 0, order + 1).removeO().coeff(u, order) / exact[0] - exact[order] / exact[0]


def _turning(k: int) -> str:
    """How far eigenvectors of degree k are from their limits; ReLU, N inputs."""
    return (
        rf"\frac{{d+2}}{{d}} \sum_{{l \neq {k}}} N_l \Big( \frac1m \frac{{\lambda_l^2}}{{(\lambda_{k} - \lambda_l)^2}} + "
        rf"\frac1N \frac{{\lambda_{k} \lambda_l}}{{(\lambda_{k} - \lambda_l)^2}} \Big) + O(m^{{-2}})"
    )


@claim(
    "takeishi2021.perron_frobenius",
    title="The largest eigenvalue is the Perron-Frobenius eigenvalue",
    statement=r"J_{ij} \ge 0: \quad \text{the eigenvector of } \lambda_{\max} \text{ has one sign, at every width}; "
    r"\quad \mathbb{E} \sin^2 \angle(\text{eigenvector}, \lvert w \rvert) = " + _turning(0),
    source=Source(_PAPER, "abstract, statement 1"),
    assumptions=_ASSUMED,
    subject="kernel_modes",
    activations=("relu",),
)
def perron_frobenius(fisher: OutputFisher) -> dict[str, AtEveryWidth | sp.Expr]:
    """ReLU is not negative: neither is any entry of J, whatever W and the inputs are; the vector tends to the norms."""
    return {"modes.one_sign": AtEveryWidth(lambda m: 1.0), "modes.turned[1]": sp.Float(fisher.turning(1), 17) / M}


@claim(
    "takeishi2021.row_space",
    title="The second cluster is spanned by the rows of the weight matrix",
    statement=r"\mathbb{E} \sin^2 \angle(\text{eigenvectors}, \operatorname{span}\{w_{\cdot 1}, \ldots, w_{\cdot d}\}) = "
    + _turning(1),
    source=Source(_PAPER, "abstract, statement 2"),
    assumptions=(*_ASSUMED, _MANY),
    subject="kernel_modes",
    activations=("relu",),
)
def row_space(fisher: OutputFisher) -> dict[str, sp.Expr]:
    """True in the limit, with the angle that remains at m units and N inputs."""
    return {"modes.turned[2]": sp.Float(fisher.turning(2), 17) / M}


def _printed_hadamard(fisher: OutputFisher) -> dict[str, sp.Expr]:
    return {"modes.hadamard": sp.S.One}


@claim(
    "takeishi2021.hadamard",
    title="Hadamard products of rows, and the first and third cluster",
    statement=r"\overline{\cos^2} \angle(\text{eigenvectors}, \operatorname{span}\{w_a \circ w_b\}) \to "
    r"\frac{(\mathbb{E} r^3)^2}{\mathbb{E} r^2\, \mathbb{E} r^4} = 1 - \frac{1}{2d} + O(d^{-2}); \quad "
    r"\overline{\sin^2} \angle(\ldots, \operatorname{span}\{w_a \circ w_b / \lvert w \rvert\}) = "
    r"\frac{d+2}{d\,m\,(N_0 + N_2)} \sum_{k = 0, 2}"
    r" \sum_{l \neq 0, 2} N_k N_l \Big(\frac{\lambda_l}{\lambda_k - \lambda_l}\Big)^2 + O(m^{-2})",
    as_printed=r"\operatorname{span}\{w_a \circ w_b\} = \text{sum of the eigenspaces of clusters 1 and 3}",
    printed=_printed_hadamard,
    source=Source(_PAPER, "abstract, statement 3"),
    assumptions=(*_ASSUMED, "J is averaged over all inputs", _MANY, "r chi-distributed with d degrees of freedom"),
    subject="kernel_modes",
    activations=("relu all inputs",),
)
def hadamard(fisher: OutputFisher) -> dict[str, sp.Expr]:
    """An approximation at fixed d, good as d grows; division by the norms makes it exact as m grows."""
    return {
        "modes.hadamard": span_cosine(1, 2, fisher.modes.dimension),
        "modes.hadamard_scaled": 1 - sp.Float(_turned_away(fisher), 17) / M,
    }


def _turned_away(fisher: OutputFisher) -> float:
    """m E[mean sin^2 between eigenvectors of degrees 0 and 2 and the span of both]: what leaks to other degrees."""
    modes = [mode for mode in fisher.modes.modes if mode.number > 0]
    inside, outside = ([m for m in modes if (m.degree in (0, 2)) == kept] for kept in (True, False))
    leaked = sum(
        a.multiplicity * b.multiplicity * fisher.modes.overlap(a, b) * (b.value / (a.value - b.value)) ** 2
        for a in inside
        for b in outside
    )
    return leaked / sum(a.multiplicity for a in inside)


@claim(
    "takeishi2021.share",
    title="The three clusters carry 97.7 % of the trace",
    statement=r"\frac12 + \frac{3}{2\pi} = 0.977\ldots \ < \ \frac{1}{d/2} \sum_{k \le 2} N \lambda_k = "
    r"\frac12 + \lambda_0 \frac{3d+5}{(d+1)^2}, \quad \text{equal as } d \to \infty",
    source=Source(_PAPER, "share of the trace"),
    assumptions=(*_ASSUMED, _MANY),
    subject=None,
)
def share() -> dict[str, Identity | Ordering]:
    """What the kernel cut off after the square keeps, below the exact share in the limit of many units."""
    d = DIMENSION
    exact = sp.Rational(1, 2) + relu_eigenvalue(0, d) * (3 * d + 5) / (d + 1) ** 2
    dimensions = (1, 2, 3, 10, 100, 1000)
    return {
        "cut off after the square": Identity(truncated_share("relu", 2), sp.Rational(1, 2) + 3 / (2 * sp.pi)),
        "exact share": Identity(ky_fan_bound("relu", 2, d).share, exact),
        "d to infinity": Identity(
            sum(large_dimension(_RELU, k, 1)[0] for k in range(3)) * 2, truncated_share("relu", 2)
        ),
        "below the exact share": Ordering(
            lambda: [float(truncated_share("relu", 2))] * len(dimensions),
            lambda: [float(ky_fan_bound("relu", 2, n).share) for n in dimensions],
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

    Checked on weights that are far from random; approached only as d grows, for ``fimtheory.modes.ky_fan`` is stronger.
    """
    return {
        "rank": Identity(truncation_rank("relu", 2, DIMENSION), DIMENSION * (DIMENSION + 3) / 2),
        "every W": Ordering(lambda: [float(truncated_share("relu", 2))], lambda: [min(_shares("relu", 2))]),
    }


@claim(
    "fimtheory.modes.ky_fan",
    title="The best bound on the largest eigenvalues that holds for every weight matrix",
    statement=r"\sum_{i \le r} \lambda_i(J) \ge \frac{\sum_{k \le p} N(d, k) \lambda_k}{\sum_k N(d, k) \lambda_k}"
    r" \operatorname{tr} J \quad \text{for every } W, \qquad r = \sum_{k \le p,\, \lambda_k > 0} N(d, k); \qquad "
    r"\text{ReLU}, p = 2: \quad \frac12 + \lambda_0 \frac{3d+5}{(d+1)^2}",
    source=Source("fimtheory", "extends takeishi2021: share of the trace"),
    assumptions=("phi is one power of t on each side of 0", "inputs N(0, I_d); nothing is assumed of W"),
    subject=None,
)
def best_bound() -> dict[str, Agreement | Ordering]:
    """Zonal polynomials instead of powers; 200 directions on a circle reach it but for terms of order 200^(-4)."""
    angles = 2 * np.pi * np.arange(200) / 200
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    kinds = {"relu": 2, "relu_squared": 3, "step": 3, "abs": 2, "x**3": 1}
    every = {
        f"{name}, degrees up to {p}": Ordering(
            lambda name=name, p=p: [float(ky_fan_bound(name, p, w.shape[1]).share) - _ROUNDING for w in _family()],
            lambda name=name, p=p: _shares(name, p),
        )
        for name, p in kinds.items()
    }
    bound = ky_fan_bound("relu", 2, 2)
    return every | {
        "attained": Agreement(lambda: [top_share("relu", circle, int(bound.rank))], lambda: [float(bound.share)], 1e-8)
    }


def _shares(name: str, degree: int) -> list[float]:
    """Of the largest eigenvalues, for weights far from random."""
    return [top_share(name, w, int(truncation_rank(name, degree, w.shape[1]))) for w in _family()]


@claim(
    "fimtheory.modes.top_share",
    title="Random weights attain the best bound",
    statement=r"\mathbb{E}\,\frac{1}{\operatorname{tr} J} \sum_{i \le d(d+3)/2} \lambda_i(J) = \frac12 + \lambda_0 "
    r"\frac{3d+5}{(d+1)^2} + \frac{2 (d + 2)}{d^2\,m} \sum_{k \le 2} \sum_{l > 2} N_k N_l "
    r"\frac{\lambda_k \lambda_l}{\lambda_k - \lambda_l} + O(m^{-2})",
    source=Source("fimtheory", "extends takeishi2021: share of the trace"),
    assumptions=(*_ASSUMED, "J is averaged over all inputs", _MANY),
    subject="kernel_modes",
    activations=("relu all inputs",),
)
def attained_share(fisher: OutputFisher) -> dict[str, sp.Expr]:
    """From above: the limit with its correction, for the share is known too well for a limit alone."""
    bound, trace = ky_fan_bound("relu", 2, fisher.modes.dimension), fisher.modes.trace_value
    slope = sum(fisher.cluster(k).multiplicity * fisher.normalised_shift(k) for k in (1, 2, 3)) / trace
    return {f"modes.top_share[{bound.rank}]": sp.sympify(bound.share) + sp.Float(slope, 17) / M}
