r"""The relative Fisher metric of a softmax layer: one of m classes is observed, and logits are f(t_1), ..., f(t_m).

The units are coupled, so the metric has blocks: g = S (x) x~ x~' with an m x m matrix S, derived here from the law of the
class as mean product of scores and as minus the mean Hessian.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import sympy as sp

from fimtheory.activations import Activation, activation
from fimtheory.errors import InputError, NotCertified
from fimtheory.gaussian.certification import equal
from fimtheory.latex import latex
from fimtheory.theory.relative_fisher import Neuron, Step, neuron, require_continuous
from fimtheory.theory.relative_layers import SOFTMAX, output_metric

MOST_CLASSES = 8


class Categorical:
    r"""A softmax layer with m classes and logits f(t_k), t_k = w_k'x~.

    ``matrix`` is S in the probabilities p_k, S = diag(f') (diag(p) - p p') diag(f'). Where f is the identity the vector of
    ones is in its null space: the law does not change when all logits move together. The rank of S is m - 1 where no slope
    f' vanishes.

    *Source*: Sun and Nielsen 2016, eqs. 24-25, 75-79 (f the identity). Raises :class:`InputError` for less than 2 classes.

    >>> Categorical(2).matrix.tolist()
    [[p_1*(1 - p_1), -p_1*p_2], [-p_1*p_2, p_2*(1 - p_2)]]
    """

    def __init__(self, classes: int = 3, f: str | Activation = "linear") -> None:
        if not isinstance(classes, int) or not 2 <= classes <= MOST_CLASSES:
            raise InputError(f"{classes} classes cannot be written out: take 2 to {MOST_CLASSES}")
        self.classes = classes
        self.activation = activation(f)
        require_continuous(self.activation)
        self.t = sp.symbols(f"t_1:{classes + 1}", real=True)
        self.p = sp.symbols(f"p_1:{classes + 1}", positive=True)

    @property
    def name(self) -> str:
        """softmax:ACTIVATION."""
        return f"softmax:{self.activation.name}"

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The symbols that are still free."""
        return self.activation.parameters

    def __repr__(self) -> str:
        return f"Categorical({self.classes}, {self.activation.name!r})"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex}$"

    @property
    def latex(self) -> str:
        """The metric, as a line of LaTeX."""
        rows = r" \\ ".join(" & ".join(latex(e) for e in self.matrix.row(k)) for k in range(self.classes))
        return rf"g(W \mid x) = \begin{{pmatrix}} {rows} \end{{pmatrix}} \otimes \tilde x \tilde x^\top"

    @functools.cached_property
    def logits(self) -> tuple[sp.Expr, ...]:
        """f(t_1), ..., f(t_m)."""
        x = self.activation.variable
        return tuple(self.activation.expression.subs(x, t) for t in self.t)

    @functools.cached_property
    def slopes(self) -> tuple[sp.Expr, ...]:
        """f'(t_1), ..., f'(t_m): the regular part, at kinks from the right."""
        slope = self.activation._pieces.derivative().expression
        return tuple(slope.subs(self.activation.variable, t) for t in self.t)

    @functools.cached_property
    def probabilities(self) -> tuple[sp.Expr, ...]:
        """p_k = exp(f(t_k)) / sum_i exp(f(t_i))."""
        total = sum((sp.exp(z) for z in self.logits), sp.S.Zero)
        return tuple(sp.exp(z) / total for z in self.logits)

    @functools.cached_property
    def matrix(self) -> sp.Matrix:
        """S, in the probabilities p_1, ..., p_m and the slopes."""
        p, d = self.p, self.slopes
        return sp.Matrix(
            self.classes, self.classes, lambda i, j: d[i] * d[j] * (p[i] * (1 - p[i]) if i == j else -p[i] * p[j])
        )

    # -- from the definition, in logits z: p(y) = exp(z_y) / sum_i exp(z_i)

    @functools.cached_property
    def _in_logits(self) -> list[tuple[sp.Expr, sp.Expr, sp.Expr]]:
        """(mean product of scores, minus mean second derivative, p_i (delta_ij - p_j)) for i, j = 1, 1 and 1, 2."""
        z = sp.symbols(f"z_1:{self.classes + 1}", real=True)
        weights = [sp.exp(v) for v in z]
        total = sp.Add(*weights)
        p = [w / total for w in weights]
        scores = [[sp.diff(v - sp.log(total), u) for u in z[:2]] for v in z]
        found = []
        for i, j in ((0, 0), (0, 1)):
            product = sum((q * score[i] * score[j] for q, score in zip(p, scores, strict=True)), sp.S.Zero)
            curvature = sum((-q * sp.diff(score[i], z[j]) for q, score in zip(p, scores, strict=True)), sp.S.Zero)
            found.append((product, curvature, p[i] * ((1 if i == j else 0) - p[j])))
        return found

    @functools.cached_property
    def certified(self) -> bool:
        """Whether both forms of the definition are proven equal to diag(p) - p p', in logits.

        One entry on the diagonal and one beside it: the law is the same for every order of the classes.
        """
        try:
            return all(equal(score, other) for score, *others in self._in_logits for other in others)
        except NotCertified:
            return False

    def at(self, *t: sp.Expr) -> sp.Matrix:
        """S at numbers t_1, ..., t_m.

        >>> Categorical(2).at(0, 0).tolist()
        [[1/4, -1/4], [-1/4, 1/4]]
        """
        if len(t) != self.classes:
            raise InputError(f"{len(t)} numbers are no logits of {self.classes} classes: give {self.classes}")
        point = dict(zip(self.t, map(sp.sympify, t), strict=True))
        values = {p: e.subs(point) for p, e in zip(self.p, self.probabilities, strict=True)}
        return self.matrix.subs(values).subs(point)

    def numpy(self, t) -> np.ndarray:
        """S at points of shape (..., m), as an array (..., m, m)."""
        if self.parameters:
            raise InputError(f"{self.name} has free parameters {self.parameters}: give them values")
        points = np.asarray(t, dtype=float)
        logits = np.broadcast_to(self.activation.numpy(points), points.shape)
        d = np.broadcast_to(self.activation.numpy_derivative(points), points.shape)
        S = output_metric(SOFTMAX, logits.reshape(-1, self.classes)).reshape(*points.shape, self.classes)
        return d[..., :, None] * S * d[..., None, :]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The derivation, line by line."""
        return tuple(_steps(self))


def stochastic_unit(
    text: str, *, link: str = "mean", classes: int = 3, parameters=None, **values
) -> Neuron | Categorical:
    """What ``RESPONSE:ACTIVATION`` stands for: a layer for ``softmax``, one neuron for every other response.

    The arguments are those of :func:`fimtheory.theory.relative_fisher.neuron`; ``classes`` belongs to softmax.

    >>> stochastic_unit("softmax:linear", classes=2), stochastic_unit("poisson:exp")
    (Categorical(2, 'linear'), Neuron('poisson:exp', nu = exp(t)))
    """
    head, _, tail = text.partition(":")
    if head.strip() not in ("softmax", "categorical"):
        return neuron(text, link=link, parameters=parameters, **values)
    if link != "mean":
        raise InputError("the logits of softmax are natural parameters already: leave the link out")
    return Categorical(classes, activation(tail.strip() or "linear", parameters=parameters, **values))


def _steps(c: Categorical) -> Iterator[Step]:
    yield Step(
        "The response, one of m classes",
        rf"P(y = k) = p_k = \frac{{e^{{f(t_k)}}}}{{\sum_{{i=1}}^{{{c.classes}}} e^{{f(t_i)}}}}, "
        r"\quad t_k = w_k^\top \tilde x",
    )
    yield Step("Its log density", r"\log p(y) = f(t_y) - \log \sum_i e^{f(t_i)}")
    yield Step("The score", r"\frac{\partial \log p(y)}{\partial w_j} = (\delta_{yj} - p_j) \, f'(t_j) \, \tilde x")
    yield Step(
        "The mean product of two scores, a sum over the classes",
        r"\sum_y p_y (\delta_{yj} - p_j)(\delta_{yk} - p_k) \, f'(t_j) f'(t_k) = "
        r"(\delta_{jk} \, p_j - p_j p_k) \, f'(t_j) f'(t_k)",
    )
    yield Step(
        "The second derivative",
        r"\frac{\partial^2 \log p(y)}{\partial t_j \partial t_k} = -(\delta_{jk} \, p_j - p_j p_k) \, f'(t_j) f'(t_k) "
        r"+ \delta_{jk} (\delta_{yj} - p_j) \, f''(t_j)",
    )
    yield Step(
        "Minus its mean, which is the same: what multiplies f'' has mean zero",
        r"-\mathbb{E} \frac{\partial^2 \log p}{\partial t_j \partial t_k} = "
        r"(\delta_{jk} \, p_j - p_j p_k) \, f'(t_j) f'(t_k)",
    )
    x = c.activation.variable
    f = c.activation.expression.subs(x, sp.Symbol("t", real=True))
    yield Step("This function", rf"f(t) = {latex(f)}")
    yield Step("All blocks", c.latex)
