"""fimtheory: a symbolic-plus-numeric theory engine for the Fisher information of random neural networks.

>>> import fimtheory as ft
>>> phi = ft.activation("relu")
>>> phi.eta, phi.eta_prime, phi.zeta
(1/2, 1/2, 1/4)
"""

from __future__ import annotations

import sympy as _sp

from fimtheory.activations import Activation, activation, gallery
from fimtheory.emission import emit
from fimtheory.errors import FimtheoryError
from fimtheory.gaussian import expectation as _gaussian
from fimtheory.gaussian.certification import Enclosure, certify, equal
from fimtheory.gaussian.quantity import Quantity
from fimtheory.latex import latex

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Enclosure",
    "FimtheoryError",
    "Quantity",
    "activation",
    "certify",
    "emit",
    "equal",
    "expect",
    "expect_pair",
    "gallery",
    "latex",
]


def expect(f: str | _sp.Expr | Activation, q: _sp.Expr | int = 1) -> _sp.Expr:
    """E f(sqrt(q) Z), Z ~ N(0, 1): closed where a closed form exists, otherwise an integral with ``evalf(n)``.

    >>> expect("relu(x)**2")
    1/2
    """
    phi = activation(f)
    return _gaussian.expectation(phi.expression, phi.variable, _sp.sympify(q))


def expect_pair(f, g, q1, q2, c) -> _sp.Expr:
    """E f(U) g(V) for centred jointly Gaussian U, V with variances q1, q2 and correlation c.

    >>> c = _sp.Symbol("c", real=True)
    >>> expect_pair("x", "x**3", 1, 1, c)
    3*c
    """
    left, right = activation(f), activation(g)
    return _gaussian.pair_expectation(left.expression, right.expression, left.variable, q1, q2, c)
