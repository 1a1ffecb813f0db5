"""Claims on three theories as corners of one decomposition: see :mod:`fimtheory.theory.three_regimes`."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

import numpy as np
import sympy as sp

from fimtheory.activations import activation
from fimtheory.claims import Agreement, Identity, Source, claim
from fimtheory.gaussian.quantity import number
from fimtheory.notation import SYMBOLS
from fimtheory.theory.homogeneous import HomogeneousTerm, homogeneous_terms, large_dimension
from fimtheory.theory.mode_equivalent import ModeSpectrum
from fimtheory.theory.single_layer import singular_value_moment, theorem_matrix
from fimtheory.theory.three_regimes import Bulk, ThreeRegimes

M, eta, zeta = (SYMBOLS[name] for name in ("M", "eta", "zeta"))

_LAYER = ("m and d are large, m/d -> gamma", "weights N(0, I_d/d), inputs N(0, I_d)", "E phi(Z)^2 is finite")
_DIMENSION = 2000
_OVERLAPS = (sp.Rational(1, 4), sp.Rational(1, 2))
_TERMS = 30  # of the series in the overlap: at 1/2 the next ones are below 2^-30


@claim(
    "fimtheory.regimes.decomposition",
    title="What a degree carries, in high dimension and in overlapping inputs",
    statement=r"\sum_j N(d, k)\, \lambda_{k,j} = b_k^2 + \frac{s_k}{d} + O(d^{-2}),\quad s_k = \binom{k}{2} b_k^2 + 2 k a_k"
    r" b_k b_{k+2} + a_k^2 b_{k+2}^2 + \frac{1}{2} a_k a_{k+2} b_k b_{k+4},\quad a_k = \sqrt{(k+1)(k+2)},\quad"
    r" \hat q_2 = \sum_k b_k^2 c^k",
    source=Source("fimtheory", "extends Takeishi, Iida, Takeuchi (2021) and Karakida, Akaho, Amari (2020), eq. 10"),
    assumptions=("weights N(0, I_d/d), inputs N(0, I_d)", "E phi^2 is finite in dimension d"),
    subject=None,
)
def predict_decomposition() -> dict[str, Identity | Agreement]:
    """Gammas at large d against Hermite coefficients, for powers; numbers for others; the law of groups of finite width,
    whose limit at m ~ d is the bulk; the order parameter as a series."""
    found: dict[str, Identity | Agreement] = {}
    for name in ("relu", "relu_squared"):
        regimes, term = ThreeRegimes(name), _power(name)
        for k in (0, 1, 2, 4):
            share, slope = large_dimension(term, k)
            found[f"N lambda_{k} [{name}]"] = Identity(share, regimes.shares[k])
            found[f"its 1/d [{name}]"] = Identity(slope, regimes.correction(k))
    gelu = ThreeRegimes("gelu", degrees=4)
    found["1/d [gelu]"] = Agreement(
        lambda: _slopes(gelu), lambda: [float(number(gelu.correction(k), 16)) for k in range(5)], 1e-4
    )
    relu, point = ThreeRegimes("relu", degrees=12), -0.5
    found["from eigengroups to the bulk"] = Agreement(
        lambda: _between(relu, point), lambda: relu.bulk(0.5).stieltjes(point).real, 1e-3
    )
    found["qhat_2"] = Agreement(lambda: list(_series("relu")), lambda: list(_order_parameters("relu")), 1e-9)
    return found


def _power(name: str) -> HomogeneousTerm:
    """An activation that is one power."""
    terms = homogeneous_terms(activation(name))
    assert terms is not None
    return terms[0]


def _slopes(regimes: ThreeRegimes) -> np.ndarray:
    """d (sum of the degree - b_k^2) at d = 2000 and 4000, extrapolated: what is left is of order 1/d^2."""
    near, far = (d * (_totals(regimes, d) - regimes.values) for d in (_DIMENSION, 2 * _DIMENSION))
    return 2 * far - near


def _between(regimes: ThreeRegimes, point: float) -> float:
    """The transform of the law of m J at finite d = 2m, d = 800 and 1600, extrapolated: the rest is of order 1/d^2."""
    near, far = (float(np.real(ModeSpectrum(regimes.groups(2 * m), m).stieltjes(point / m))) / m for m in (400, 800))
    return 2 * far - near


def _totals(regimes: ThreeRegimes, d: int) -> np.ndarray:
    modes = regimes.groups(d).modes
    return np.array([float(sum(m.total for m in modes if m.degree == k)) for k in range(regimes.degrees + 1)])


def _series(name: str) -> Iterator[float]:
    shares = ThreeRegimes(name, degrees=_TERMS).values
    for c in _OVERLAPS:
        yield float(np.polynomial.polynomial.polyval(float(c), shares))


def _order_parameters(name: str) -> Iterator[float]:
    regimes = ThreeRegimes(name)
    for c in _OVERLAPS:
        yield float(regimes.network(c).order_parameters.qhat2[1])


@claim(
    "fimtheory.regimes.layer_block",
    title="The block of the output weights in the theorem on one layer",
    statement=r"M_{22}(a, b) = \eta - \zeta + \zeta b,\quad \zeta = b_1^2,\quad \eta = \sum_{k \ge 1} b_k^2,\quad"
    r" b \sim \mathrm{MP}(m/d)",
    source=Source("fimtheory", "extends Pennington and Worah (2018), theorem 1"),
    assumptions=("phi less its Gaussian mean", "m and d are large and in proportion"),
    subject=None,
)
def predict_block() -> dict[str, Identity | Agreement]:
    """The entry of the matrix, its constants by degree, and the moments of the law by those of singular values."""
    a, b = sp.symbols("a b", positive=True)
    gelu = ThreeRegimes("gelu")
    return {
        "entry": Identity(theorem_matrix(a, b)[1, 1], eta - zeta + zeta * b),
        "zeta": Identity(gelu.activation.zeta, gelu.shares[1]),
        "ridge": Identity(gelu.activation.centred().eta - gelu.activation.zeta, gelu.ridge),
        "moments": Agreement(lambda: gelu.bulk(1.5).moments(4), lambda: _moments_of_block(gelu.bulk(1.5), 4), 1e-12),
    }


def _moments_of_block(bulk: Bulk, count: int) -> np.ndarray:
    """E (ridge + zeta b)^k, with b by the moments of singular values of an m x d matrix, per row."""
    ratio = sp.Rational(str(bulk.aspect))
    of_b = [sp.S.One, *(singular_value_moment(i, ratio) / ratio for i in range(1, count + 1))]
    powers = range(1, count + 1)
    return np.array([
        float(sum(comb(k, i) * bulk.ridge ** (k - i) * bulk.slope**i * of_b[i] for i in range(k + 1))) for k in powers
    ])  # fmt: skip


@claim(
    "fimtheory.regimes.bulk",
    title="As many units as dimensions: a Marchenko-Pastur law on a ridge",
    statement=r"\operatorname{spec}(m J) \to \sum_{k \ge 2} b_k^2 + b_1^2\, \mathrm{MP}(\gamma)\quad\text{but for finitely"
    r" many eigenvalues},\quad m/d \to \gamma",
    source=Source("fimtheory", "extends Pennington and Worah (2018), theorem 1, and Takeishi, Iida, Takeuchi (2021)"),
    assumptions=_LAYER,
    subject="regimes",
    activations=("relu", "tanh"),
)
def predict_bulk(regimes: ThreeRegimes, aspect: sp.Rational, samples: int) -> dict[str, sp.Expr]:
    """Two moments of all eigenvalues but the largest, and the Stieltjes transform at two points below 0."""
    law = regimes.bulk(float(aspect))
    moments = law.moments(2)
    found = {f"regimes.bulk.moment[{k}]": sp.Float(value) for k, value in enumerate(moments, start=1)}
    points = [float(f"{-share * moments[0]:.3g}") for share in (0.25, 1)]
    return found | {f"regimes.bulk.stieltjes[{x!r}]": sp.Float(law.stieltjes(x).real) for x in points}


@claim(
    "fimtheory.regimes.outlier",
    title="Degree 0 is the outlier of deep networks",
    statement=r"\lambda_{\max}(J) = b_0^2 + \frac{\gamma s_0 + \eta - b_0^2}{m} + O(m^{-2}),\quad \lambda_{\max}(J_N) \to"
    r" \frac{\hat q_1 + (N - 1) \hat q_2}{N},\quad \hat q_2 = \sum_k b_k^2 c^k = b_0^2\ \text{at}\ c = 0",
    source=Source("fimtheory", "extends Karakida, Akaho, Amari (2020), theorem 3.1"),
    assumptions=(*_LAYER, "b_0 is not 0", "J_N: N inputs of equal length that overlap by c"),
    subject="regimes",
    activations=("relu", "gelu"),
)
def predict_outlier(regimes: ThreeRegimes, aspect: sp.Rational, samples: int) -> dict[str, sp.Expr | Identity]:
    """The outlier over all inputs with its first correction; over N inputs at two overlaps; what b_0^2 is in a network."""
    phi, half = regimes.activation, sp.Rational(1, 2)
    over_inputs = {
        f"regimes.overlap[{float(c)!r}]": M * sp.Float(number(regimes.outlier(c, samples), 16))
        for c in (sp.S.Zero, half)
    }
    return {
        "regimes.top": regimes.top(aspect).evalf(16),
        **over_inputs,
        "qhat_2 of orthogonal inputs": Identity(phi.dual(1, 0), regimes.shares[0]),
    }


@claim(
    "fimtheory.regimes.centred",
    title="Centring leaves two eigenvalues of degree 0",
    statement=r"b_0 = 0,\ b_2^2 > b_1^2 (1 + \gamma^{-1/2}):\quad \lambda_1, \lambda_2(m J) \to \sum_{k \ge 2} b_k^2 +"
    r" b_2^2 \left( \gamma + \frac{b_1^2}{b_2^2 - b_1^2} \right)",
    source=Source("fimtheory", "extends Karakida, Akaho, Amari (2020), section 4.1"),
    assumptions=(*_LAYER, "E phi(Z) = 0"),
    subject="regimes",
    activations=("srelu alpha=1", "sin(x)/3+cos(x)-exp(-1/2)"),
)
def predict_centred(regimes: ThreeRegimes, aspect: sp.Rational, samples: int) -> dict[str, sp.Expr]:
    """The mean of the two largest eigenvalues."""
    return {"regimes.pair": sp.Float(regimes.spike(float(aspect)))}
