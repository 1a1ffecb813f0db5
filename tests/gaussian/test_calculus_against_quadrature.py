"""Random members of the class: what the calculus says in closed form, adaptive quadrature says too."""

import sympy as sp
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fimtheory.emission import emit
from fimtheory.functions import Phi
from fimtheory.gaussian import quadrature
from fimtheory.gaussian.expectation import Expectation, PairExpectation, expectation, pair_expectation
from fimtheory.gaussian.pieces import pieces
from fimtheory.gaussian.quantity import number

x = sp.Symbol("x", real=True)


def rationals(lo: int, hi: int, denominator: int = 8):
    """Fractions between two whole numbers."""
    return st.integers(lo * denominator, hi * denominator).map(lambda n: sp.Rational(n, denominator))


polynomials = st.lists(rationals(-2, 2, 4), min_size=1, max_size=4).map(
    lambda coefficients: sum((a * x**k for k, a in enumerate(coefficients)), sp.S.Zero)
)
kinks = st.tuples(
    st.sampled_from((lambda u: sp.Max(u, 0), sp.Abs, sp.sign, sp.Heaviside, lambda u: sp.Min(u, 1))), rationals(-2, 2)
).map(lambda made: made[0](x - made[1]))
smooth = st.one_of(
    rationals(-1, 1).map(lambda b: sp.exp(b * x)),
    rationals(0, 2).map(lambda a: sp.exp(-a * x**2)),
    st.tuples(rationals(-3, 3), rationals(-2, 2)).map(lambda gd: Phi(gd[0] * x + gd[1])),
    st.tuples(rationals(-3, 3), rationals(-2, 2)).map(lambda gd: sp.erf(gd[0] * x + gd[1])),
)
waves = st.builds(
    lambda wave, w, d: wave(w * x + d), st.sampled_from((sp.sin, sp.cos)), rationals(-3, 3), rationals(0, 2)
)
members = st.one_of(
    st.builds(lambda p, k, t, e: p * k + t * e, polynomials, kinks, polynomials, st.one_of(smooth, waves)),
    st.builds(lambda p, k, e: (p + k) * e, polynomials, kinks, smooth),
)
simple = st.one_of(
    kinks,
    st.builds(lambda p, e: p + e, polynomials, st.one_of(smooth, waves)),
    st.builds(lambda p, e: p * e, polynomials, waves),
    st.builds(lambda k, e: k * e, kinks, smooth),
)
variances = rationals(0, 3).map(lambda q: q + sp.Rational(1, 8))
correlations = st.integers(-9, 9).map(lambda n: sp.Rational(n, 10))
ci = settings(  # a failure is shown as drawn: to shrink symbolic integrals takes minutes
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


def numeric(f: sp.Expr):
    """f for arrays, and its kinks."""
    return emit(f, x), [float(h) for h in pieces(f, x).breaks]


@ci
@given(f=members, q=variances)
def test_one_variable(f, q):
    function, breaks = numeric(f)
    found = expectation(f, x, q)
    assert not found.has(Expectation)
    size = quadrature.expectation_float(lambda z: abs(function(z)) + 1e-3, float(q), breaks, rtol=1e-6)
    second = quadrature.expectation_float(function, float(q), breaks)
    assert abs(float(number(found)) - second) <= 1e-10 * size


@ci
@given(f=simple, g=simple, q1=variances, q2=variances, c=correlations)
def test_two_variables(f, g, q1, q2, c):
    (left, left_kinks), (right, right_kinks) = numeric(f), numeric(g)
    found = pair_expectation(f, g, x, q1, q2, c)
    size = 1e-3 + max(
        quadrature.expectation_float(lambda z: left(z) ** 2, float(q1), left_kinks, rtol=1e-6),
        quadrature.expectation_float(lambda z: right(z) ** 2, float(q2), right_kinks, rtol=1e-6),
    )
    if found.has(PairExpectation):  # three kinks or normal distribution functions off the centre: honestly unevaluated
        return
    second = quadrature.pair_float(left, right, float(q1), float(q2), float(c), left_kinks, right_kinks, rtol=1e-11)
    assert abs(float(number(found)) - second) <= 1e-9 * size
