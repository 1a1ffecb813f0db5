r"""What a softmax does to a Fisher information matrix: identities and inequalities that need no random network.

Everything here is exact, for any gradients or for gradients whose dual is the leading matrix itself.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import sympy as sp

from fimtheory.claims import Agreement, Identity, Ordering, Source, claim
from fimtheory.notation import SYMBOLS
from fimtheory.theory.deep_fisher import fisher
from fimtheory.theory.logit_law import LogitLaw, covariance_factors, softmax
from fimtheory.theory.softmax_fisher import softmax_fisher
from fimtheory.theory.softmax_outliers import leading_dual

_F = sp.symbols("f_1:4", real=True)
_ANY = ("the likelihood is a softmax of the outputs",)
_LEADING = ("the dual of F is the leading matrix itself", "kappa_1 >= kappa_2 > 0")


def _probabilities(logits=_F) -> list[sp.Expr]:
    """g for three outputs in symbols."""
    total = sp.Add(*map(sp.exp, logits))
    return [sp.exp(f) / total for f in logits]


def covariance(i: int, j: int) -> sp.Expr:
    """Q(i, j) = g_i delta_ij - g_i g_j for three outputs in symbols."""
    g = _probabilities()
    return g[i] * int(i == j) - g[i] * g[j]


_ENTRIES = [(i, j) for i in range(3) for j in range(i + 1)]


@claim(
    "karakida2020.eq24",
    title="The Fisher information of a softmax likelihood",
    statement=r"\sum_{y} p(y)\, \frac{\partial \log p(y)}{\partial f_k}\, \frac{\partial \log p(y)}{\partial f_{k'}} = g_k"
    r" \delta_{k k'} - g_k g_{k'} = Q(k, k'),\quad p(y) = \prod_{k=1}^{C} g_k^{y_k}",
    source=Source("karakida2020", "eqs. 4 and 24 to 26"),
    assumptions=_ANY,
    subject=None,
)
def predict_information() -> dict[str, Identity]:
    """The covariance of the scores of a categorical variable with three values; eq. 25 is the chain rule."""
    g = _probabilities()

    def information(i: int, j: int) -> sp.Expr:
        return sp.Add(*(p * sp.diff(sp.log(p), _F[i]) * sp.diff(sp.log(p), _F[j]) for p in g))

    return {f"Q({i + 1}, {j + 1})": Identity(information(i, j), covariance(i, j)) for i, j in _ENTRIES}


@claim(
    "karakida2020.eq27",
    title="F_cross as the metric of the square roots of the probabilities",
    statement=r"4 \left\|\sqrt{g(f + \mathrm{d} f)} - \sqrt{g(f)}\right\|^2 \sim \mathrm{d} f^\top Q\, \mathrm{d} f",
    source=Source("karakida2020", "eq. 27"),
    assumptions=_ANY,
    subject=None,
)
def predict_roots() -> dict[str, Identity]:
    """Half the second derivative of the squared distance at zero, for three outputs."""
    moved = sp.symbols("d_1:4", real=True)
    roots = [sp.sqrt(p) for p in _probabilities()]
    shifted = [sp.sqrt(p) for p in _probabilities([f + d for f, d in zip(_F, moved, strict=True)])]
    distance = 4 * sp.Add(*((a - b) ** 2 for a, b in zip(shifted, roots, strict=True)))
    here = dict.fromkeys(moved, 0)
    return {
        f"Q({i + 1}, {j + 1})": Identity(sp.diff(distance, moved[i], moved[j]).subs(here) / 2, covariance(i, j))
        for i, j in _ENTRIES
    }


# Numbers for the statements on matrices: C outputs, N samples, more parameters than C N.
_SAMPLES, _OUTPUTS, _WIDTH = 5, 3, 20
_VALUES = {"alpha_tot": 2, "kappa1": sp.Rational(13, 10), "kappa2": sp.Rational(7, 10), "M": _WIDTH}
_VALUES |= {"N": _SAMPLES, "C": _OUTPUTS}
_COUNT = 2 * _WIDTH**2


@functools.cache
def _logits() -> np.ndarray:
    """Logits of six networks."""
    return LogitLaw(2.0, 1.0, _OUTPUTS, _SAMPLES).draw(6, seed=3)


@functools.cache
def _spectra() -> np.ndarray:
    """Eigenvalues of the leading matrix, falling, by network."""
    unit = 2 * _WIDTH / _SAMPLES
    matrices = [leading_dual(logits, unit * (1.3 - 0.7), unit * 0.7) for logits in _logits()]
    return np.linalg.eigvalsh(matrices)[:, ::-1]


def printed_coefficients(g: np.ndarray) -> dict[str, float]:
    """beta_1 to beta_4 of probabilities of shape (N, C), as theorem 3.3 prints them: sums over pairs of samples."""
    N = len(g)
    pairs = [(g[n], g[m]) for n in range(N) for m in range(N) if n != m]
    return {
        "beta1": 1 - (g**2).sum() / N,
        "beta2": sum((b * a).sum() - 2 * (b**2 * a).sum() + (b * a).sum() ** 2 for a, b in pairs) / N**2,
        "beta3": sum(((1 - 2 * a) * a**2).sum() + (a**2).sum() ** 2 for a in g) / N,
        "beta4": (g * (1 - g)).mean(axis=0).max(),
    }


def _by_network(formula: sp.Expr, printed=lambda beta: beta) -> list[float]:
    """A formula of theorem 3.3 for each of the networks."""
    fixed = {SYMBOLS[name]: value for name, value in _VALUES.items()}
    betas = [printed(printed_coefficients(g)) for g in softmax(_logits())]
    return [float(formula.subs(fixed | {SYMBOLS[k]: v for k, v in beta.items()})) for beta in betas]


@functools.cache
def _gradients() -> np.ndarray:
    """R, of shape (P, C N), for arbitrary gradients; columns by (n, k)."""
    draw = np.random.Generator(np.random.Philox(5))
    return draw.standard_normal((24, _SAMPLES * _OUTPUTS)) / np.sqrt(_SAMPLES)


@functools.cache
def _weights() -> np.ndarray:
    """The block diagonal Q of the first network; rows and columns by (n, k)."""
    factors = covariance_factors(_logits()[0])
    weights = np.zeros((_SAMPLES, _OUTPUTS, _SAMPLES, _OUTPUTS))
    for n, B in enumerate(factors):
        weights[n, :, n] = B @ B.T
    return weights.reshape(_SAMPLES * _OUTPUTS, -1)


def _falling(matrix: np.ndarray) -> np.ndarray:
    return np.sort(np.linalg.eigvals(matrix).real)[::-1][: _SAMPLES * _OUTPUTS]


@claim(
    "karakida2020.eqB1",
    title="F_cross and its dual have the same non-zero eigenvalues",
    statement=r"F_{\mathrm{cross}} = R\, Q\, R^\top,\quad F_{\mathrm{cross}}^* = Q\, F^*,\quad F^* = R^\top R",
    source=Source("karakida2020", "eqs. B.1 to B.3"),
    assumptions=("any gradients",),
    subject=None,
)
def predict_dual() -> dict[str, Agreement]:
    """Dense eigenvalues for gradients drawn at random; F_cross itself as the double sum of eq. 25."""
    R, Q = _gradients, _weights

    def summed() -> np.ndarray:
        g, J = softmax(_logits()[0]), R().reshape(-1, _SAMPLES, _OUTPUTS)
        one = np.eye(_OUTPUTS)
        terms = [
            np.outer(J[:, n, k], J[:, n, j]) * (g[n, k] * one[k, j] - g[n, k] * g[n, j])
            for n, k, j in itertools.product(range(_SAMPLES), range(_OUTPUTS), range(_OUTPUTS))
        ]
        return np.sum(terms, axis=0)

    return {
        "eq. 25": Agreement(lambda: R() @ Q() @ R().T, summed, 1e-12),
        "eigenvalues": Agreement(lambda: _falling(R() @ Q() @ R().T), lambda: _falling(Q() @ (R().T @ R())), 1e-10),
    }


@claim(
    "karakida2020.eqB4",
    title="The mean of the eigenvalues with softmax output",
    statement=r"m_\lambda = \frac{1}{P} \operatorname{tr}(Q F^*) \sim \frac{\beta_1 \kappa_1}{M}",
    source=Source("karakida2020", "eq. B.4"),
    assumptions=_LEADING,
    as_printed=r"m_\lambda \sim C (1 - \beta_1) \frac{\kappa_1}{M}",
    printed=lambda: {
        "mean": Agreement(lambda: _spectra().sum(axis=1) / _COUNT, _printed_mean, 1e-12),
    },
    subject=None,
)
def predict_mean() -> dict[str, Agreement]:
    """The sum of dense eigenvalues over alpha M^2."""
    formula = softmax_fisher().mean()
    return {"mean": Agreement(lambda: _spectra().sum(axis=1) / _COUNT, lambda: _by_network(formula), 1e-12)}


def _printed_mean() -> list[float]:
    return _by_network(_OUTPUTS * softmax_fisher().mean(), lambda beta: beta | {"beta1": 1 - beta["beta1"]})


@claim(
    "karakida2020.eqB5",
    title="The second moment of the eigenvalues with softmax output",
    statement=r"s_\lambda = \frac{1}{P} \operatorname{tr}(Q F^* Q F^*) \sim \alpha \left(\beta_2 \kappa_2^2 + \beta_3"
    r" \frac{\kappa_1^2}{N}\right)",
    source=Source("karakida2020", "eqs. B.5 and B.6"),
    assumptions=_LEADING,
    subject=None,
)
def predict_second_moment() -> dict[str, Agreement]:
    """The sum of squares of dense eigenvalues over alpha M^2; beta_2 and beta_3 as printed."""
    formula = softmax_fisher().second_moment()
    squares = Agreement(lambda: (_spectra() ** 2).sum(axis=1) / _COUNT, lambda: _by_network(formula), 1e-12)
    return {"second moment": squares}


@claim(
    "karakida2020.eqB7",
    title="Bounds on the largest eigenvalue with softmax output",
    statement=r"v_k^\top F_{\mathrm{cross}} v_k = \lambda_{\max}(F)\, \frac{1}{N} \sum_n g_k(n) (1 - g_k(n)),\quad v_k ="
    r" \frac{R \nu_k}{\|R \nu_k\|},\quad \beta_4 \lambda_{\max}(F) \leq \lambda_{\max} \leq \sqrt{P s_\lambda}",
    source=Source("karakida2020", "Theorem 3.3; eqs. B.7 to B.9"),
    assumptions=_LEADING,
    subject=None,
)
def predict_bounds() -> dict[str, Agreement | Ordering]:
    """The quadratic form of the mean gradient, with R = (F*)^(1/2), and both bounds on dense eigenvalues."""

    def forms() -> np.ndarray:
        unit, ones = 2 * _WIDTH / _SAMPLES, np.ones((_SAMPLES, _SAMPLES))
        linear = unit * np.kron((1.3 - 0.7) * np.eye(_SAMPLES) + 0.7 * ones, np.eye(_OUTPUTS))
        R = np.linalg.cholesky(linear).T
        v = R @ np.kron(np.ones((_SAMPLES, 1)), np.eye(_OUTPUTS))
        v = v / np.linalg.norm(v, axis=0)
        return np.einsum("ik,ij,jk->k", v, R @ _weights() @ R.T, v)

    g, dual = softmax(_logits()[0]), softmax_fisher()
    return {
        "quadratic forms": Agreement(forms, lambda: _linear("lambda_max") * (g * (1 - g)).mean(axis=0), 1e-10),
        "from below": Ordering(lambda: _by_network(dual.lower()), lambda: _spectra()[:, 0]),
        "from above": Ordering(lambda: _spectra()[:, 0], lambda: _by_network(dual.upper())),
    }


@claim(
    "karakida2020.eq28",
    title="F_cross is at most half of F",
    statement=r"\lambda_i(F_{\mathrm{cross}}) \leq \lambda_{\max}(Q)\, \lambda_i(F),\quad \lambda_{\max}(Q_n) \leq"
    r" \frac{1}{2},\quad m_\lambda \leq \frac{C - 1}{C^2}\, m_\lambda^{\mathrm{lin}},\quad s_\lambda \leq \frac{1}{4}"
    r" s_\lambda^{\mathrm{lin}},\quad \lambda_{\max} \leq \frac{1}{2} \lambda_{\max}^{\mathrm{lin}}",
    source=Source("karakida2020", "eq. 28 and the end of appendix B.1, with 1/2 where it has 1"),
    assumptions=("any gradients; the last three for the leading matrix",),
    subject=None,
)
def predict_orderings() -> dict[str, Agreement | Ordering]:
    """Dense eigenvalues of both matrices; 1/2 is attained by two outputs of probability 1/2."""
    rank = _SAMPLES * (_OUTPUTS - 1)
    cross = Ordering(
        lambda: _falling(_gradients() @ _weights() @ _gradients().T)[:rank],
        lambda: np.linalg.eigvalsh(_weights())[-1] * _falling(_gradients() @ _gradients().T)[:rank],
    )
    half = leading_dual(np.zeros((1, 2)), 1.0, 0.0)
    return {
        "eigenvalues": cross,
        "Q": Ordering(_largest_of_random_weights, lambda: 0.5, margin=-1e-14),
        "1/2 is attained": Agreement(lambda: np.linalg.eigvalsh(half)[-1], lambda: 0.5, 1e-14),
        "mean": Ordering(
            lambda: _spectra().sum(axis=1) / _COUNT, lambda: (_OUTPUTS - 1) / _OUTPUTS**2 * _linear("mean")
        ),
        "second moment": Ordering(lambda: (_spectra() ** 2).sum(axis=1) / _COUNT, lambda: _linear("second_moment") / 4),
        "largest": Ordering(lambda: _spectra()[:, 0], lambda: _linear("lambda_max") / 2),
    }


def _largest_of_random_weights() -> np.ndarray:
    """lambda_max(Q_n) for 1,200 logit vectors, from nearly equal to saturated ones."""
    draw = np.random.Generator(np.random.Philox(6))
    logits = 50 * draw.random((40, 1, 1)) * draw.standard_normal((40, 30, 4))
    factors = covariance_factors(logits)
    return np.linalg.eigvalsh(factors @ np.swapaxes(factors, -1, -2))[..., -1]


def _linear(name: str) -> float:
    """A statistic of F at the numbers of the matrices."""
    return float(dict(fisher().items())[name].subs({SYMBOLS[key]: value for key, value in _VALUES.items()}))
