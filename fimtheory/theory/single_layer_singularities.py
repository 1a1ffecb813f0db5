r"""What the limiting single-layer density does at its special points z_1 .. z_6: exponents and constants.

The density is smooth between the special points, which are the eigenvalues of M(a, b) at the corners of [0, 4]^2. With
delta = alpha - beta = eta' - eta > 0 and zeta > 0, and with the z_i of
:func:`fimtheory.theory.single_layer.special_points`:

=====  ======================  ====================================================================
point  behaviour               leading term, d the distance from the point
=====  ======================  ====================================================================
z_1    inverse square root     C d^(-1/2), above only
z_4    inverse square root     C d^(-1/2), with different constants; none below where there is a gap
z_2    logarithmic slope       C (l - z) log|l - z|, where delta < 4 zeta
z_2    linear edge             C d, the end of the left part where delta > 4 zeta
z_5    logarithmic slope       C (l - z) log|l - z|
z_3    logarithmic curvature   C (l - z)^2 log|l - z|: the slope is continuous
z_6    quadratic edge          C d^2, the end of the spectrum
=====  ======================  ====================================================================

(``derivations/pennington2018_singularities.py``). *Source*: our own. *As printed* in Pennington, Worah (2018), section
3.2, there are delta functions at z_1 and z_4 and the derivative is discontinuous at z_3 and z_5.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp
from mpmath import mp

from fimtheory.activations import parse_number
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.gaussian.quantity import number

_HALF = sp.Rational(1, 2)
_DIGITS = 40


@dataclass(frozen=True)
class Side:
    """The leading singular term on one side of a special point: constant d^exponent, times log d where logarithmic.

    Where the term is logarithmic, a smooth function is added to it; elsewhere it is the leading term of the density.
    """

    constant: sp.Expr
    exponent: sp.Rational
    logarithmic: bool = False

    def term(self, distance: sp.Expr) -> sp.Expr:
        """The term at a positive distance from the point.

        >>> Side(sp.Integer(3), sp.Integer(1), True).term(sp.Symbol("d"))
        3*d*log(d)
        """
        return self.constant * distance**self.exponent * (sp.log(distance) if self.logarithmic else 1)


@dataclass(frozen=True)
class Singularity:
    """A special point: the names that fall on it, its place, what happens, on the left and on the right of it.

    A side is None where the density vanishes or is smooth up to the point; ``mass`` is that of an atom.
    """

    names: tuple[str, ...]
    location: sp.Expr
    kind: str
    left: Side | None = None
    right: Side | None = None
    mass: sp.Expr = sp.S.Zero

    @property
    def name(self) -> str:
        """The name, or all names that coincide: ``z1``, ``z2 = z4``."""
        return " = ".join(self.names)


def singularities(alpha, beta, zeta) -> tuple[Singularity, ...]:
    """The special points of the density in ascending order, with exact exponents and constants.

    ``alpha`` = eta' - zeta, ``beta`` = eta - zeta and ``zeta`` are numbers; floats are taken at their decimal value, named
    integrals to 40 digits.
    Coinciding points are one: z_2 = z_4 at the opening of the gap (delta = 4 zeta), atoms for linear f (alpha = beta = 0)
    and for zeta = 0. Raises :class:`OutsideAssumptions` unless 0 <= beta <= alpha and zeta >= 0, as every activation of
    zero mean has it.

    >>> [(point.name, point.location, point.kind) for point in singularities(2, 1, 1)][:2]
    [('z1', 1, 'inverse square root'), ('z3', 11/2 - sqrt(65)/2, 'logarithmic curvature')]
    >>> singularities(0, 0, 1)[0].mass, singularities(0, 0, 1)[-1].left.constant
    (1/2, 1/(256*pi))
    """
    alpha, beta, zeta = (_exact(value, name) for value, name in ((alpha, "alpha"), (beta, "beta"), (zeta, "zeta")))
    delta = alpha - beta
    if min(map(_sign, (beta, delta, zeta))) < 0:
        raise OutsideAssumptions(
            f"alpha = {alpha}, beta = {beta}, zeta = {zeta} belong to no activation: they are eta' - zeta, eta - zeta and"
            " zeta, so give 0 <= beta <= alpha and zeta >= 0",
            "0 <= zeta <= eta <= eta'",
        )
    if _sign(zeta) == 0:
        return _atoms(alpha, beta)
    if _sign(delta) == 0:
        return _single_shift(beta, zeta)
    return (
        Singularity(("z1",), beta, "inverse square root", right=Side(root_at_z1(delta, zeta), -_HALF)),
        _curvature(alpha, beta, zeta),
        *_around_the_gap(alpha, beta, zeta),
        _slope(("z5",), alpha + 4 * zeta, log_slope(4 * zeta + delta, zeta)),
        _last_edge(alpha, beta, zeta),
    )


def root_at_z1(delta: sp.Expr, zeta: sp.Expr) -> sp.Expr:
    """The constant of (l - z_1)^(-1/2): E sqrt(1/zeta + a/delta)/(2 pi), a Marchenko-Pastur; delta, zeta > 0.

    Formula: 2 [(1 + k) K(-k) - (1 - k) E(-k)]/(3 pi^2 k sqrt(zeta)), k = 4 zeta/delta; K and E of the parameter.

    >>> root_at_z1(sp.Integer(4), sp.Integer(1))
    sqrt(2)*gamma(1/4)**2/(6*pi**(5/2))
    """
    k = 4 * zeta / delta
    elliptic = (1 + k) * sp.elliptic_k(-k) - (1 - k) * sp.elliptic_e(-k)
    return 2 * elliptic / (3 * sp.pi**2 * k * sp.sqrt(zeta))


def roots_at_z4(delta: sp.Expr, zeta: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """The constants of |l - z_4|^(-1/2) below and above: E sqrt((b/delta - 1/zeta)_+)/(2 pi), and with the other sign.

    Below, the constant is 0 where delta >= 4 zeta. ``delta`` and ``zeta`` are positive numbers.

    >>> roots_at_z4(sp.Integer(4), sp.Integer(1))
    (0, 4/(3*pi**2))
    """
    k = 4 * zeta / delta
    scale = 2 / (3 * sp.pi**2 * sp.sqrt(zeta))
    K, E = sp.elliptic_k, sp.elliptic_e
    match _sign(k - 1):
        case 0:
            return sp.S.Zero, 2 * scale
        case -1:
            return sp.S.Zero, scale * ((1 + k) * E(k) - (1 - k) * K(k)) / k
    below = (k + 1) * E(1 - 1 / k) - 2 * K(1 - 1 / k)
    above = (k + 1) * E(1 / k) - (k - 1) * K(1 / k)
    return scale * below / sp.sqrt(k), scale * above / sp.sqrt(k)


def log_slope(other: sp.Expr, zeta: sp.Expr) -> sp.Expr:
    """The constant C of C (l - z) log|l - z| at z_5 and z_2; ``other`` is 4 zeta + delta at z_5, 4 zeta - delta at z_2.

    The slope of the density is C log|l - z| there. Formula: sqrt(other)/(32 pi^2 zeta^(5/2)).

    >>> log_slope(sp.Integer(4), sp.Integer(1))
    1/(16*pi**2)
    """
    return sp.sqrt(other) / (32 * sp.pi**2 * zeta ** sp.Rational(5, 2))


def corner_strength(u: sp.Expr, v: sp.Expr) -> sp.Expr:
    """(u^2 + v^2)^3/(4 |u v|^(9/2)), u = z - alpha, v = z - beta, at the corner (4, 4): z_3 and z_6.

    Divided by pi it is the constant of the edge at z_6, by pi^2 that of the logarithm at z_3.

    >>> corner_strength(sp.Integer(8), sp.Integer(8))
    1/256
    """
    return (u**2 + v**2) ** 3 / (4 * sp.Abs(u * v) ** sp.Rational(9, 2))


def _corner(alpha: sp.Expr, beta: sp.Expr, zeta: sp.Expr, sign: int) -> tuple[sp.Expr, sp.Expr]:
    """z_3 (sign -1) or z_6 (sign 1), and its strength."""
    centre, radius = (alpha + beta) / 2 + 4 * zeta, sp.sqrt((alpha - beta) ** 2 + 64 * zeta**2) / 2
    z = centre + sign * radius
    return z, corner_strength(z - alpha, z - beta)


def _curvature(alpha: sp.Expr, beta: sp.Expr, zeta: sp.Expr) -> Singularity:
    z, strength = _corner(alpha, beta, zeta, -1)
    side = Side(strength / sp.pi**2, sp.Integer(2), logarithmic=True)
    return Singularity(("z3",), z, "logarithmic curvature", side, side)


def _last_edge(alpha: sp.Expr, beta: sp.Expr, zeta: sp.Expr) -> Singularity:
    z, strength = _corner(alpha, beta, zeta, 1)
    return Singularity(("z6",), z, "quadratic edge", left=Side(strength / sp.pi, sp.Integer(2)))


def _slope(names: tuple[str, ...], z: sp.Expr, constant: sp.Expr) -> Singularity:
    left, right = (Side(sign * constant, sp.S.One, logarithmic=True) for sign in (-1, 1))
    return Singularity(names, z, "logarithmic slope", left, right)


def _around_the_gap(alpha: sp.Expr, beta: sp.Expr, zeta: sp.Expr) -> tuple[Singularity, ...]:
    """z_4 and z_2 in ascending order, or the one point in which they meet."""
    delta, z2 = alpha - beta, beta + 4 * zeta
    width = delta - 4 * zeta
    below, above = roots_at_z4(delta, zeta)
    right = Side(above, -_HALF)
    if _sign(width) == 0:
        left = Side(5 / (128 * sp.pi * zeta ** sp.Rational(5, 2)), sp.Rational(3, 2))
        return (Singularity(("z2", "z4"), alpha, "opening gap", left, right),)
    if _sign(width) > 0:
        edge = Side(sp.pi * log_slope(width, zeta), sp.S.One)
        z4 = Singularity(("z4",), alpha, "inverse square root", right=right)
        return Singularity(("z2",), z2, "linear edge", left=edge), z4
    z4 = Singularity(("z4",), alpha, "inverse square root", Side(below, -_HALF), right)
    return z4, _slope(("z2",), z2, log_slope(-width, zeta))


def _single_shift(beta: sp.Expr, zeta: sp.Expr) -> tuple[Singularity, ...]:
    """alpha = beta, as for linear f: half an atom, and the law of beta + zeta (a + b)."""
    start = Side(1 / (2 * sp.pi * zeta), sp.S.Zero)
    return (
        Singularity(("z1", "z3", "z4"), beta, "atom", right=start, mass=_HALF),
        _slope(("z2", "z5"), beta + 4 * zeta, 2 * log_slope(4 * zeta, zeta)),
        _last_edge(beta, beta, zeta),
    )


def _atoms(alpha: sp.Expr, beta: sp.Expr) -> tuple[Singularity, ...]:
    """zeta = 0: nothing but atoms."""
    first, second = ("z1", "z2", "z3"), ("z4", "z5", "z6")
    if _sign(alpha - beta) == 0:
        return (Singularity(first + second, beta, "atom", mass=sp.S.One),)
    return tuple(Singularity(names, z, "atom", mass=_HALF) for names, z in ((first, beta), (second, alpha)))


def _exact(value, name: str) -> sp.Expr:
    try:
        found = parse_number(str(value)) if isinstance(value, float | str) else sp.sympify(value)
    except (TypeError, ValueError):  # errors of the parser are ValueErrors
        raise _not_a_number(value, name) from None
    if isinstance(value, bool) or not isinstance(found, sp.Expr) or found.free_symbols or not found.is_real:
        raise _not_a_number(value, name)
    if found.is_Float:
        return sp.Rational(found)
    return found if found.is_number else sp.Rational(mp.nstr(number(found, _DIGITS), _DIGITS))


def _not_a_number(value, name: str) -> InputError:
    return InputError(f"{name} = {value!r} is not a real number: write for instance 1/2 or 0.5")


def _sign(e: sp.Expr) -> int:
    """The sign of a number, 0 where its enclosure contains 0."""
    return int(sp.sign(number(e)))
