"""Nothing printed is wrong: what the package prints, read back by an independent reader, has the value it had."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import sympy as sp
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from mpmath import mp

import fimtheory as ft
from fimtheory.activations import ENTRIES, Activation, Parameter
from fimtheory.errors import JumpError
from fimtheory.functions import BivariateNormalCDF, Phi, sigmoid, softplus
from fimtheory.gaussian.expectation import Expectation, PairExpectation
from fimtheory.gaussian.field import CORRELATION, COVARIANCE_FORM, VARIANCE
from fimtheory.latex import latex
from fimtheory.notation import TABLE
from fimtheory.theory.deep_fisher import fisher, fisher_block
from fimtheory.theory.feature_metric import feature_metric
from fimtheory.theory.order_parameters import recursions
from fimtheory.theory.tangent_kernel import tangent_kernel
from tests.latex_reader import Unreadable, evaluate

X = sp.Symbol("x", real=True)
Q1, Q2 = COVARIANCE_FORM
every_entry = pytest.mark.parametrize("name", [entry.name for entry in ENTRIES])


def same(printed, value: sp.Expr, digits: int = 25) -> bool:
    with mp.workdps(40):
        exact = mp.convert(value.evalf(30)._to_mpmath(130))
        return bool(abs(printed - exact) <= mp.mpf(10) ** -digits * max(1, abs(exact)))


def assert_reads_back(text: str, expression: sp.Expr, point: dict[sp.Symbol, sp.Rational], digits: int = 25) -> None:
    """``text`` is read as ``expression``; an integral in it is read as a symbol."""
    integrals = sorted(expression.atoms(Expectation, PairExpectation), key=lambda e: -len(latex(e)))
    values = {sp.latex(symbol): value for symbol, value in point.items()}
    for k, integral in enumerate(integrals):
        assert latex(integral) in text
        text = text.replace(latex(integral), f" I_{k} ")
        values[f"I_{k}"] = sp.Rational(7 + k, 5)
        expression = expression.xreplace({integral: values[f"I_{k}"]})
    assert same(evaluate(text, values), expression.subs(point), digits), (text, point)


def points(name: str, parameters: tuple[Parameter, ...] = ()) -> list[dict[sp.Symbol, sp.Rational]]:
    """Two admissible points: argument, variance, correlation, q_1 = q and q_2 = q c, and the parameters."""
    draw = random.Random(name)
    found = []
    for k in range(2):
        q, c = sp.Rational(draw.randint(20, 300), 97), sp.Rational(draw.randint(-90, 90), 97)
        x = sp.Rational(draw.randint(-200, 200), 97)
        point = {X: x, VARIANCE: q, CORRELATION: c, Q1: q, Q2: q * c}
        found.append(point | {p.symbol: p.samples[draw.randrange(k, 3)] for p in parameters})
    return found


def formulas(phi: Activation) -> Iterator[sp.Expr]:
    """Every formula of an activation; of one with jumps, those that exist."""
    yield from (phi.expression, phi.mean, phi.eta, phi.zeta, phi.second_moment(VARIANCE))
    yield from (phi.dual(VARIANCE, CORRELATION), phi.dual_derivative(VARIANCE, CORRELATION))
    yield from map(phi.hermite, range(7))
    try:
        yield from (phi.derivative.expression, phi.eta_prime, phi.second_moment_derivative(VARIANCE))
    except JumpError:
        assert phi.name in ("step", "sign")


@every_entry
def test_formulas_of_the_gallery(name):
    phi = ft.activation(name)
    for expression in formulas(phi):
        for point in points(name, phi.parameter_list):
            assert_reads_back(latex(expression), expression, point)
