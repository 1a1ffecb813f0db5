"""The one table of symbols: ASCII name, SymPy symbol, LaTeX, meaning. Reports print the rows a formula uses."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp


@dataclass(frozen=True)
class Row:
    """One symbol of the subject; formulas in ``meaning`` stand between dollars."""

    name: str
    latex: str
    meaning: str
    assumptions: tuple[str, ...] = ("positive",)

    @property
    def symbol(self) -> sp.Symbol:
        """The SymPy symbol."""
        return sp.Symbol(self.name, **dict.fromkeys(self.assumptions, True))


TABLE = (
    Row("x", "x", "the argument of the activation, a pre-activation", ("real",)),
    Row("q", "q", "variance of a pre-activation"),
    Row("c", "c", "correlation of two pre-activations", ("real",)),
    Row("eta", r"\eta", r"mean square of the activation, $\mathbb{E}\,f(Z)^2$"),
    Row("eta_prime", r"\eta'", r"mean square of its derivative, $\mathbb{E}\,f'(Z)^2$"),
    Row("zeta", r"\zeta", r"square of the mean derivative, $(\mathbb{E}\,f'(Z))^2$", ("nonnegative",)),
    Row("lambda", r"\lambda", "an eigenvalue, the argument of a density", ("real",)),
    Row("z", "z", "the argument of a Stieltjes transform", ("complex",)),
    Row("n", "n", "width of the single hidden layer"),
    Row("M", "M", r"width scale: layer $l$ has $\alpha_l M$ units"),
    Row("N", "N", "number of input samples"),
    Row("C", "C", "number of network outputs"),
    Row("sigma_w2", r"\sigma_w^2", "variance of the weights, times the width of the layer below"),
    Row("sigma_b2", r"\sigma_b^2", "variance of the biases", ("nonnegative",)),
    Row("alpha_tot", r"\alpha", r"sum of $\alpha_l \alpha_{l-1}$ over hidden layers: $P \sim \alpha M^2$ parameters"),
    Row("alpha_sum", r"\tilde\alpha", r"sum of $\alpha_l$ over input and hidden layers"),
    Row("kappa1", r"\kappa_1", "diagonal order parameter of $F$"),
    Row("kappa2", r"\kappa_2", "off-diagonal order parameter of $F$"),
    Row("kappa1_ntk", r"\kappa_1'", "diagonal order parameter of the tangent kernel"),
    Row("kappa2_ntk", r"\kappa_2'", "off-diagonal order parameter of the tangent kernel"),
    Row("kappa1_feature", r"\tilde\kappa_1", "diagonal order parameter of the feature metric $A$"),
    Row("kappa2_feature", r"\tilde\kappa_2", "off-diagonal order parameter of the feature metric $A$"),
    Row("beta1", r"\beta_1", r"softmax coefficient $\sum_n \operatorname{tr} Q_n / N$", ("nonnegative",)),
    Row(
        "beta2", r"\beta_2", r"softmax coefficient $\sum_{n \neq m} \operatorname{tr} Q_n Q_m / N^2$", ("nonnegative",)
    ),
    Row("beta3", r"\beta_3", r"softmax coefficient $\sum_n \operatorname{tr} Q_n^2 / N$", ("nonnegative",)),
    Row("beta4", r"\beta_4", r"softmax coefficient $\max_k \sum_n g_k(n) (1 - g_k(n)) / N$", ("nonnegative",)),
    Row("qhat1", r"\hat q_1^{l-1}", "mean square of the activities one layer below"),
    Row("qhat2", r"\hat q_2^{l-1}", "overlap of the activities for two inputs one layer below"),
    Row("qtilde1", r"\tilde q_1^{l}", "squared norm of the backward signal at the layer"),
    Row("qtilde2", r"\tilde q_2^{l}", "overlap of the backward signals for two inputs at the layer"),
    Row("qhat1_here", r"\hat q_1^{l}", "mean square of the activities at the layer"),
    Row("qhat2_here", r"\hat q_2^{l}", "overlap of the activities for two inputs at the layer"),
    Row("qtilde1_above", r"\tilde q_1^{l+1}", "squared norm of the backward signal one layer above"),
    Row("qtilde2_above", r"\tilde q_2^{l+1}", "overlap of the backward signals for two inputs one layer above"),
    Row("alpha_l", r"\alpha_l", "width of the layer in units of $M$"),
    Row("t", "t", r"the pre-activation of a neuron, $w^\top \tilde x$", ("real",)),
    Row("sigma_y", r"\sigma_y", "standard deviation of a Gaussian response"),
    Row("kappa_y", r"\kappa_y", "concentration of a von Mises response"),
    Row("k_y", r"k_y", "shape of a Gamma response"),
    Row("r_y", r"r_y", "number of failures of a negative binomial response"),
    Row("alpha_below", r"\alpha_{l-1}", "width of the layer below in units of $M$"),
)

SYMBOLS = {row.name: row.symbol for row in TABLE}
SYMBOL_LATEX = {row.symbol: row.latex for row in TABLE}


def rows_of(expression: sp.Expr) -> list[Row]:
    """The rows of the table whose symbols occur in an expression.

    >>> [row.name for row in rows_of(SYMBOLS["kappa1"] * SYMBOLS["C"] / SYMBOLS["M"])]
    ['M', 'C', 'kappa1']
    """
    return [row for row in TABLE if row.symbol in expression.free_symbols]
