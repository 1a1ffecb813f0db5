"""What symmetry says about modes: even degrees see the even part of an activation alone, odd degrees its odd part.

Where one of them is constant or linear, its degrees need no numbers: sigmoid - 1/2 is odd, and the odd part of GELU,
SiLU and softplus is x/2.
"""

from __future__ import annotations

import functools

import sympy as sp

from fimtheory.activations import Activation
from fimtheory.errors import InputError, NotCertified
from fimtheory.gaussian.certification import equal
from fimtheory.gaussian.pieces import Pieces
from fimtheory.theory.homogeneous import HomogeneousTerm


@functools.lru_cache(maxsize=256)
def linear_parts(activation: Activation) -> dict[int, HomogeneousTerm]:
    """{0: the even part, where it is a constant; 1: the odd part, where it is a multiple of x}.

    Equality is decided in ball arithmetic at generic points.

    >>> from fimtheory.activations import activation
    >>> linear_parts(activation("gelu"))
    {1: HomogeneousTerm(degree=1, plus=1/2, minus=-1/2)}
    >>> {k: term.plus for k, term in linear_parts(activation("sigmoid")).items()}, linear_parts(activation("elu", alpha=1))
    ({0: 1/2}, {})
    """
    found = {k: _multiple(activation._pieces, k) for k in (0, 1)}
    return {k: HomogeneousTerm(sp.Integer(k), a, (-1) ** k * a) for k, a in found.items() if a is not None}


def _multiple(f: Pieces, k: int) -> sp.Expr | None:
    """a, where the part of parity k is a x^k; None where it is something else."""
    x = f.variable
    try:
        shifted = f.map(lambda e: e * x**k).even_part()  # x^k times the part
        a = sp.simplify(sp.diff(shifted.expressions[-1], x, 2 * k).subs(x, 0) / sp.factorial(2 * k))
        return a if a.is_finite and all(equal(e, a * x ** (2 * k)) for e in shifted.expressions) else None
    except (InputError, NotCertified):  # kinks that cannot be ordered, or functions that cannot be compared
        return None
