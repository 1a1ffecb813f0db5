"""Forms of an expression that do not overflow."""

from __future__ import annotations

import sympy as sp

from fimtheory.functions import sigmoid, softplus


def stable(e: sp.Expr) -> sp.Expr:
    """log(1 + exp(u)) -> softplus(u) and exp(u)/(1 + exp(u)) -> sigmoid(u), which do not overflow."""
    if not e.has(sp.exp):
        return e
    u = sp.Wild("u")
    e = e.replace(sp.log(1 + sp.exp(u)), softplus(u))
    e = e.replace(1 / (1 + sp.exp(u)), sigmoid(-u))
    return e.replace(sp.exp(u) * sigmoid(-u), sigmoid(u))
