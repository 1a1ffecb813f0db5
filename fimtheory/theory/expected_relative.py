r"""Relative Fisher metrics of one neuron, averaged over Gaussian inputs: two eigenvalues, three with a bias.

A neuron with weights w and bias b sees t = w.x + b; its relative metric is nu(t) x~ x~', x~ = (x', 1)'. Over inputs
x ~ N(0, s I_d), t = b + sqrt(q) Z with q = s |w|^2, and only the direction w^ of the weights is special:

    E nu(t) x x' = s [m_0 (I - w^ w^') + m_2 w^ w^'],    m_k = E nu(b + sqrt(q) Z) Z^k,

and beside it sqrt(s) m_1 w^ for the bias against the weights, m_0 for the bias alone. By Stein's identity m_2 - m_0 =
q E nu''(t): a metric is well conditioned where nu hardly bends over the range of t.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.activations import gallery, parse_number
from fimtheory.activations.gallery import BY_NAME
from fimtheory.emission import emit
from fimtheory.errors import DivergentExpectation, InputError, OutsideAssumptions
from fimtheory.functions import density
from fimtheory.gaussian.admissible import split_at_singularities
from fimtheory.gaussian.expectation import of_pieces
from fimtheory.gaussian.integrals import Expectation
from fimtheory.gaussian.pieces import Pieces
from fimtheory.gaussian.quadrature import with_numbers
from fimtheory.gaussian.quantity import number
from fimtheory.latex import latex
from fimtheory.theory.homogeneous import DIMENSION
from fimtheory.theory.relative_fisher import Neuron, neuron
from fimtheory.theory.responses import PARAMETERS

Number = sp.Expr | str | float
Multiplicities = tuple[tuple[sp.Expr, sp.Expr], ...]

_LONGEST = 40  # operations; longer formulas are left in the order in which they were found
_FAR = (20, 25)  # standard deviations at which growth is judged
_CLOSE, _DECADES = (sp.Rational(1, 10**6), sp.Rational(1, 10**9)), math.log(1000)  # distances from a singularity


@dataclass(frozen=True, init=False)
class ExpectedMetric:
    """E nu(t) x~ x~' over inputs x ~ N(0, ``input_variance`` I_d), for one neuron with t = bias + sqrt(q) Z.

    ``one`` is a :class:`~fimtheory.theory.relative_fisher.Neuron` or its name ``"RESPONSE:ACTIVATION"``; ``q`` =
    input_variance |w|^2. All three numbers may be symbols or text such as ``"1/2"``. Results are SymPy expressions:
    closed where nu is in the class of :mod:`fimtheory.gaussian`, integrals with any number of digits otherwise.

    *Source*: our own; Sun and Nielsen (2016), section 3, have nu. *Holds when* inputs are Gaussian and isotropic. Raises
    :class:`DivergentExpectation` where E nu is infinite, :class:`OutsideAssumptions` where nu = 0,
    :class:`InputError` for impossible numbers.

    >>> metric = ExpectedMetric("poisson:exp", q=sp.Symbol("q", positive=True))
    >>> metric.eigenvalues
    ((exp(q/2), d - 1), ((q + 1)*exp(q/2), 1))
    >>> metric.condition_number
    q + 1
    """

    neuron: Neuron
    q: sp.Expr
    bias: sp.Expr
    input_variance: sp.Expr

    def __init__(self, one: Neuron | str, q: Number = 1, bias: Number = 0, input_variance: Number = 1) -> None:
        given = neuron(one) if isinstance(one, str) else one
        if not isinstance(given, Neuron):
            raise InputError(f"{given!r} is not a neuron: write RESPONSE:ACTIVATION, for instance bernoulli:tanh")
        numbers = {"q": q, "bias": bias, "input_variance": input_variance}
        for name, value in {"neuron": given, **{name: as_number(name, e) for name, e in numbers.items()}}.items():
            object.__setattr__(self, name, value)
        for name, what in (("q", "a variance of t"), ("input_variance", "a variance of inputs")):
            value = getattr(self, name)
            if not value.is_positive:
                raise InputError(f"{name} = {value} is not {what}: give a positive number, or a positive symbol")
        if self.bias.is_real is False:
            raise InputError(f"bias = {self.bias} is not real: give a real number, or a real symbol")
        _require_information(self.shifted, given.name)
        _require_integrable(self.shifted, given.name, self.q)

    def __repr__(self) -> str:
        bias = f", bias {self.bias}" if self.bias != 0 else ""
        return f"<ExpectedMetric of {self.neuron.name} at q = {self.q}{bias}: {self.perpendicular}, {self.parallel}>"

    def _repr_latex_(self) -> str:
        outer = r"\hat w \hat w^\top"
        across, along = (rf"\left({latex(e)}\right)" for e in (self.perpendicular, self.parallel))
        return (
            rf"$\displaystyle \mathbb{{E}}\, \nu(t)\, x x^\top = {across} \left(I - {outer}\right) + {along}\, {outer}$"
        )

    # -- moments

    @functools.cached_property
    def shifted(self) -> Pieces:
        """nu(bias + x) by its pieces: what is averaged over x ~ N(0, q)."""
        f, b = self.neuron.pieces, self.bias
        if b == 0:
            return f
        x = f.variable
        return Pieces(x, tuple(h - b for h in f.breaks), tuple(e.subs(x, x + b) for e in f.expressions))

    def moment(self, k: int, power: int = 1) -> sp.Expr:
        """m_k = E nu(t)^power Z^k.

        >>> ExpectedMetric("gaussian:relu", bias=1).moment(1)
        sqrt(2)*exp(-1/2)/(2*sqrt(pi))
        """
        x = self.shifted.variable
        scale, f = _separated(self.shifted)
        found = of_pieces(f.map(lambda e: e**power * x**k), self.q)
        return shortest(scale**power * found / self.q ** sp.Rational(k, 2))

    @functools.cached_property
    def perpendicular(self) -> sp.Expr:
        """s m_0, the eigenvalue across the weights."""
        return self.input_variance * self.moment(0)

    @functools.cached_property
    def parallel(self) -> sp.Expr:
        """s m_2, the eigenvalue along the weights, where the bias is not learned."""
        return self.input_variance * self.moment(2)

    @functools.cached_property
    def block(self) -> sp.Matrix:
        """The 2 x 2 block on (w^, bias): [[s m_2, sqrt(s) m_1], [sqrt(s) m_1, m_0]].

        >>> ExpectedMetric("gaussian:relu", bias=0, input_variance=4).block
        Matrix([
        [                 2, sqrt(2)/sqrt(pi)],
        [sqrt(2)/sqrt(pi),              1/2]])
        """
        cross = sp.sqrt(self.input_variance) * self.moment(1)
        return sp.Matrix([[self.parallel, cross], [cross, self.moment(0)]])

    # -- eigenvalues

    @property
    def eigenvalues(self) -> Multiplicities:
        """(eigenvalue, multiplicity) of E nu x x', across the weights first; one where both agree.

        >>> ExpectedMetric("gaussian:relu").eigenvalues
        ((1/2, d),)
        """
        return _merged(((self.perpendicular, DIMENSION - 1), (self.parallel, sp.S.One)))

    @property
    def eigenvalues_with_bias(self) -> Multiplicities:
        """The same for E nu x~ x~': those of :attr:`block` in place of the one along the weights, the smaller first."""
        (along, cross), (_, alone) = self.block.tolist()
        if cross == 0:
            pair = (along, alone)
        else:
            middle, root = (along + alone) / 2, sp.sqrt((along - alone) ** 2 + 4 * cross**2) / 2
            pair = (shortest(middle - root), shortest(middle + root))
        return _merged(((self.perpendicular, DIMENSION - 1), *((e, sp.S.One) for e in pair)))

    def layer(self, units: int | sp.Expr) -> Multiplicities:
        """Those of a layer of so many units whose weights have one length: block-diagonal, each eigenvalue so often.

        >>> ExpectedMetric("gaussian:sin").layer(3)
        ((exp(-2)/2 + 1/2, 3*d - 3), (1/2 - 3*exp(-2)/2, 3))
        """
        if isinstance(units, bool) or not sp.sympify(units).is_positive or sp.sympify(units).is_integer is False:
            raise InputError(f"units = {units} is not possible: give a whole number from 1, or a positive symbol")
        return tuple((e, sp.expand(units * count)) for e, count in self.eigenvalues)

    @property
    def condition_number(self) -> sp.Expr:
        """The larger of m_0 and m_2 over the smaller: how far plain gradients are from natural ones."""
        return _condition([e for e, _ in self.eigenvalues])

    @property
    def condition_number_with_bias(self) -> sp.Expr:
        """The largest over the smallest of the eigenvalues with the bias.

        >>> ExpectedMetric("bernoulli:tanh").condition_number_with_bias == ExpectedMetric("bernoulli:tanh").condition_number
        True
        """
        return _condition([e for e, _ in self.eigenvalues_with_bias])

    # -- small and large variances

    @property
    def curvature(self) -> sp.Expr:
        """E nu''(t) in the weak sense, so that m_2 = m_0 + q E nu''(t).

        A jump J of nu at h adds J (h - b) p(h)/q, p the density of t, and a jump K of nu' adds K p(h). *Source*: Stein's
        identity, twice. *Holds when* E nu is finite and nu is piecewise smooth.

        >>> ExpectedMetric("poisson:exp").curvature, ExpectedMetric("gaussian:hardtanh").curvature
        (exp(1/2), -sqrt(2)*exp(-1/2)/sqrt(pi))
        """
        (scale, f), q = _separated(self.shifted), self.q
        first = f.derivative()
        total = of_pieces(first.derivative(), q)
        for h, jump in first.jumps:
            total += jump * _density(h, q)
        for h, jump in f.jumps:
            total += jump * h / q * _density(h, q)
        return shortest(scale * total)

    @property
    def small_variance(self) -> sp.Expr:
        """The limit of m_0 and of m_2 for q -> 0: nu(b), the mean of both sides where nu jumps there. Every metric is
        round when all inputs are near one point.

        >>> ExpectedMetric("gaussian:relu", sp.Symbol("q", positive=True)).small_variance
        1/2
        """
        f, zero = self.shifted, sp.S.Zero
        beside = [e.subs(f.variable, zero) for lo, hi, e in f.intervals if not (lo.is_positive or hi.is_negative)]
        return sum(beside, zero) / len(beside)

    def saturation(self, digits: int = 16) -> tuple[mp.mpf, mp.mpf]:
        r"""The limits of sqrt(q) m_0 and q^(3/2) m_2 for q -> infinity: the integrals of nu and of nu (t - b)^2 over
        sqrt(2 pi), by quadrature. The condition number grows as q times their ratio: saturation.

        For bernoulli:tanh the integrals are 2 and pi^2/6, for bernoulli:sigmoid 1 and pi^2/3. *Holds when* nu falls faster
        than |t|^-3; raises :class:`OutsideAssumptions` where it does not.

        >>> across, along = ExpectedMetric("bernoulli:tanh").saturation()
        >>> mp.nstr(across / along * mp.pi**2, 14)
        '12.0'
        """
        _require_decay(self.neuron)
        f, x = self.shifted, self.shifted.variable
        with mp.workdps(digits + 10):
            total = [_integral(f.map(lambda e, k=k: e * x**k)) / mp.sqrt(2 * mp.pi) for k in (0, 2)]
        return total[0], total[1]


def shortest(e: sp.Expr) -> sp.Expr:
    """A formula as it is, multiplied out or with common factors in front, whichever is shortest."""
    if sp.count_ops(e) > _LONGEST or e.has(Expectation):
        return e
    # An exponential is one symbol: to SymPy, e^2000 is a polynomial of degree 2000 in e.
    symbols = {power: sp.Dummy(positive=True) for power in e.atoms(sp.exp)}
    factored = sp.factor(e.xreplace(symbols)).xreplace({symbol: power for power, symbol in symbols.items()})
    return min((e, sp.expand(e, power_exp=False), factored), key=sp.count_ops)


def as_number(name: str, value: Number) -> sp.Expr:
    """A number, exactly; text such as ``"1/2"`` is read, symbols stay. :class:`InputError` for anything else."""
    if isinstance(value, str):
        return parse_number(value)
    infinite = isinstance(value, float) and not np.isfinite(value)
    if isinstance(value, bool) or infinite or not isinstance(value, int | float | sp.Expr):
        raise InputError(f"{name} = {value!r} is not a number: write for instance {name}=1/2 as text")
    return sp.Rational(str(value)) if isinstance(value, float) else sp.sympify(value)


def _separated(f: Pieces) -> tuple[sp.Expr, Pieces]:
    """What all pieces have in common and does not depend on the variable, such as 1/sigma^2, and the rest."""
    common = {e.as_independent(f.variable, as_Add=False)[0] for e in f.expressions if e != 0}
    if len(common) != 1:
        return sp.S.One, f
    (scale,) = common
    return scale, f.map(lambda e: e / scale)


def _density(h: sp.Expr, q: sp.Expr) -> sp.Expr:
    """The density of N(0, q) at h."""
    return density(h / sp.sqrt(q)) / sp.sqrt(q)


def _merged(pairs: Sequence[tuple[sp.Expr, sp.Expr]]) -> Multiplicities:
    """Equal eigenvalues counted together."""
    found: dict[sp.Expr, sp.Expr] = {}
    for e, count in pairs:
        found[e] = found.get(e, sp.S.Zero) + count
    return tuple(found.items())


def _condition(values: Sequence[sp.Expr]) -> sp.Expr:
    """The largest over the smallest; Max over Min where free symbols leave open which is which."""
    if len(values) == 1:
        return sp.S.One
    if not any(e.free_symbols for e in values):
        ordered = sorted(values, key=lambda e: number(e, 20))
        return shortest(ordered[-1] / ordered[0])
    if len(values) == 2:
        ratio = shortest(values[1] / values[0])
        for one in (ratio, 1 / ratio):
            if (one - 1).is_nonnegative:
                return one
        return sp.Max(ratio, 1 / ratio)
    return sp.Max(*values) / sp.Min(*values)


# -- what can be averaged


def _require_information(f: Pieces, name: str) -> None:
    if all(e == 0 for e in f.expressions):
        raise OutsideAssumptions(f"nu of {name} is 0: the output does not depend on the weights", "nu is not 0")


def _require_integrable(f: Pieces, name: str, q: sp.Expr) -> None:
    """nu near its singularities below 1/|t|, and far out below the density of t; with free symbols the calculus judges."""
    if set().union(*(e.free_symbols for e in (*f.expressions, *f.breaks))) - {f.variable}:
        return
    split = split_at_singularities(f)
    for lo, hi, e in split.intervals:
        for end, side in ((lo, 1), (hi, -1)):
            if end.is_finite and _growth(e, f.variable, [end + side * step for step in _CLOSE]) > 0.98 * _DECADES:
                raise DivergentExpectation(
                    f"E nu is infinite for {name}: nu = {e} is too singular at {f.variable} = {end}; take a"
                    " smooth mean that reaches the end of its range nowhere, for instance softplus or sigmoid"
                )
    for e, side in ((f.expressions[0], -1), (f.expressions[-1], 1)) if q.is_number else ():
        if _growth(e, f.variable, [side * z * sp.sqrt(q) for z in _FAR]) > 0.49 * (_FAR[1] ** 2 - _FAR[0] ** 2):
            raise DivergentExpectation(
                f"E nu is infinite for {name} at q = {q}: nu = {e} grows too fast; take a smaller q"
            )


def _growth(e: sp.Expr, x: sp.Symbol, places: list[sp.Expr]) -> float:
    """log(e at the second place / e at the first), without overflow; -infinity where e is 0, or 0/0 to 200 digits."""
    with mp.workdps(200):
        function = emit(with_numbers(e, 200), x, "mpmath")
        try:
            near, far = (abs(function(mp.mpf(place.evalf(200)._to_mpmath(700)))) for place in places)
        except ZeroDivisionError:
            return -math.inf
        return float(mp.log(far / near)) if near > 0 < far else -math.inf


def _require_decay(one: Neuron) -> None:
    with np.errstate(all="ignore"):
        near, far = (np.abs(np.asarray(one.numpy(np.array([-t, t])), float)) for t in (1e3, 1e4))
    if not np.all((far == 0) | (far < 1e-3 * near * 0.98)):
        raise OutsideAssumptions(
            f"nu of {one.name} does not fall faster than |t|^-3: it does not saturate, and its condition number stays"
            " below a multiple of q",
            "nu falls faster than |t|^-3",
        )


def _integral(f: Pieces) -> mp.mpf:
    """The integral of f over the line, at the working precision."""
    total = mp.mpf(0)
    for lo, hi, e in f.intervals:
        ends = [mp.mpf(end.evalf(mp.dps + 5)._to_mpmath(mp.prec + 20)) if end.is_finite else end for end in (lo, hi)]
        inside = [mp.mpf(0)] if lo.is_infinite and hi.is_infinite else []
        path = [mp.inf if e == sp.oo else -mp.inf if e == -sp.oo else e for e in (ends[0], *inside, ends[1])]
        total += mp.quad(emit(with_numbers(e, mp.dps), f.variable, "mpmath"), path)
    return total


# -- the gallery

_VALUES = {"leaky_relu": {"alpha": "1/10"}, "srelu": {"alpha": "0"}}  # 1 for every other parameter


@dataclass(frozen=True)
class ConditioningRow:
    """One neuron at one variance: its two eigenvalues and their ratio."""

    metric: ExpectedMetric
    condition_number: float

    @property
    def name(self) -> str:
        """The name of the neuron."""
        return self.metric.neuron.name


def conditioning_table(
    q: Number = 1, response: str = "gaussian", names: Sequence[str] | None = None
) -> tuple[ConditioningRow, ...]:
    """Condition numbers of the gallery with one response, best first; parameters are 1 (leaky_relu 1/10, srelu 0).

    Activations that the response refuses (means outside its range, jumps, divergent E nu) are left out. ``names`` are
    those of the gallery; all unless given.

    >>> [(row.name, round(row.condition_number, 3)) for row in conditioning_table(names=["sin", "relu", "quadratic"])]
    [('gaussian:relu', 1.0), ('gaussian:sin', 1.911), ('gaussian:quadratic', 3.0)]
    """
    if not ExpectedMetric("gaussian:linear", q).q.is_number:
        raise InputError(f"q = {q} is not a number: condition numbers are compared at one variance")
    if response not in PARAMETERS:
        raise InputError(f"no response {response!r}: the responses are {', '.join(PARAMETERS)}")
    rows = []
    for name in gallery() if names is None else names:
        if name not in BY_NAME:
            raise InputError(f"no activation {name!r} in the gallery: see fimtheory.activations.gallery()")
        entry = BY_NAME[name]
        values = dict.fromkeys(entry.parameters, "1") | _VALUES.get(entry.name, {})
        try:
            metric = ExpectedMetric(neuron(f"{response}:{entry.name}", **values), q)
            rows.append(ConditioningRow(metric, float(number(metric.condition_number, 16))))
        except InputError:
            continue
    return tuple(sorted(rows, key=lambda row: row.condition_number))
