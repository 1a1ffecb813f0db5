r"""One optimal gradient step of a student that starts at its teacher: why conditioning predicts the gain.

Targets are Y_i = W2 f(W1 X_i) + eps_i, eps_i ~ N(0, epsilon^2 I). At the teacher the gradient of the loss summed over
the samples is g = -sum_i J_i' eps_i, with E g g' = epsilon^2 H_s and H_s = sum_i J_i' J_i the Hessian to leading order
in epsilon. The best step along g gains |g|^4/(2 g'H_s g), and both factors concentrate:

    Delta L = -(epsilon^2/2) (tr H)^2 / tr H^2  ->  -epsilon^2 n^2 m_1^2/m_2.

The observed correlation of the gain with m_2/m_1^2 is this identity (``derivations/pennington2018_one_step.py``).
"""

from __future__ import annotations

import sympy as sp

from fimtheory.claims import Identity, Source, claim
from fimtheory.notation import SYMBOLS
from fimtheory.theory.single_layer import SingleLayer, spectral_moment

n = SYMBOLS["n"]
epsilon = sp.Symbol("epsilon", positive=True)


def gain(trace: sp.Expr, squared_norm: sp.Expr) -> sp.Expr:
    """-Delta L of one optimal step, from tr H and tr H^2.

    *Source*: our own; explains Pennington, Worah (2018), fig. 3. *Holds when* epsilon is small and H is large.

    >>> gain(sp.Integer(4), sp.Integer(2))
    4*epsilon**2
    """
    return epsilon**2 * trace**2 / (2 * squared_norm)


def limiting_gain() -> sp.Expr:
    """-Delta L/(epsilon^2 n^2) as n grows, in the constants of the activation: m_1^2/m_2.

    >>> from fimtheory.theory.single_layer import conditioning
    >>> sp.simplify(limiting_gain() * conditioning())
    1
    """
    return spectral_moment(1) ** 2 / spectral_moment(2)


_ACTIVATIONS = ("srelu alpha=0", "erf_alpha alpha=1")


@claim(
    "pennington2018.eq33",
    title="Loss reduction by one optimal gradient step",
    statement=r"-\Delta L = \frac{\varepsilon^2}{2} \frac{(\operatorname{tr} H)^2}{\operatorname{tr} H^2} \to"
    r" \varepsilon^2 n^2\, \frac{m_1^2}{m_2}",
    source=Source("pennington2018", "Eqs. 31 to 33"),
    assumptions=("the student starts at the teacher", "epsilon is small", "n is large, samples outnumber parameters"),
    subject="single_layer",
    activations=_ACTIVATIONS,
)
def predict(layer: SingleLayer) -> dict[str, sp.Expr | Identity]:
    """The gain in units of epsilon^2 n^2, and the algebra that leads to it."""
    counted = gain(2 * n**2 * spectral_moment(1), 2 * n**2 * spectral_moment(2))
    return {
        "single_layer.one_step": sp.Float(float(1 / layer.conditioning)),
        "tr H = 2 n^2 m_1, tr H^2 = 2 n^2 m_2": Identity(counted, epsilon**2 * n**2 * limiting_gain()),
    }
