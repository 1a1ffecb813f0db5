r"""What is printed for the activations that everybody knows, to the letter; and that the letters mean the right thing.

The golden text is read by the reader of the tests, which knows nothing of the package, and compared with quadrature
of functions that are written down here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import sympy as sp
from mpmath import mp, mpf

import fimtheory as ft
from fimtheory.gaussian.field import CORRELATION, VARIANCE
from tests.latex_reader import evaluate
from tests.oracles import close, gauss, gauss_pair

GOLDEN = {
    name: {quantity: " ".join(text.split()) for quantity, text in texts.items()}
    for name, texts in tomllib.loads(Path(__file__).with_name("golden_latex.toml").read_text(encoding="utf-8")).items()
}
ALPHA = sp.Rational(3, 7)
POINTS = [(sp.Rational(7, 5), sp.Rational(-2, 5)), (sp.Rational(2, 3), sp.Rational(5, 7))]
DIGITS = 12

every_activation = pytest.mark.parametrize("name", GOLDEN)


@dataclass(frozen=True)
class Oracle:
    """An activation, its derivative, and where they have kinks."""

    phi: Callable
    slope: Callable
    kinks: tuple[int, ...] = ()


def step(x: mpf) -> mpf:
    return mpf(x > 0)


ORACLES = {
    "relu": Oracle(lambda x: x * step(x), step, (0,)),
    "leaky_relu": Oracle(lambda x: x if x > 0 else ALPHA * x, lambda x: mpf(1) if x > 0 else mpf(3) / 7, (0,)),
    "abs": Oracle(abs, mp.sign, (0,)),
    "erf": Oracle(mp.erf, lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    "gelu": Oracle(lambda x: x * mp.ncdf(x), lambda x: mp.ncdf(x) + x * mp.npdf(x)),
    "sin": Oracle(mp.sin, mp.cos),
    "cos": Oracle(mp.cos, lambda x: -mp.sin(x)),
    "exp": Oracle(mp.exp, mp.exp),
    "gaussian": Oracle(lambda x: mp.exp(-x * x / 2), lambda x: -x * mp.exp(-x * x / 2)),
    "elu": Oracle(
        lambda x: x if x > 0 else 3 * mp.expm1(x) / 7, lambda x: mpf(1) if x > 0 else 3 * mp.exp(x) / 7, (0,)
    ),
    "hardtanh": Oracle(lambda x: max(mpf(-1), min(mpf(1), x)), lambda x: mpf(abs(x) < 1), (-1, 1)),
    "relu_squared": Oracle(lambda x: x * x * step(x), lambda x: 2 * x * step(x), (0,)),
    "step": Oracle(step, lambda _: mpf(0), (0,)),
}


def read(text: str, q: sp.Rational, c: sp.Rational) -> mpf:
    return evaluate(text, {"q": q, "c": c, r"\alpha": ALPHA})


@every_activation
def test_the_text(name):
    phi = ft.activation(name)
    printed = {
        "eta": phi.eta,
        "dual": phi.dual(VARIANCE, CORRELATION),
        "dual_derivative": phi.dual_derivative(VARIANCE, CORRELATION),
    }
    assert {quantity: ft.latex(formula) for quantity, formula in printed.items()} == GOLDEN[name]


@every_activation
def test_eta_means_the_right_thing(name):
    oracle = ORACLES[name]
    exact = gauss(lambda x: oracle.phi(x) ** 2, oracle.kinks)
    assert close(read(GOLDEN[name]["eta"], *POINTS[0]), exact, DIGITS)


@every_activation
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_the_dual_means_the_right_thing(name, point):
    oracle, (q, c) = ORACLES[name], point
    exact = gauss_pair(oracle.phi, oracle.phi, q, q, c, oracle.kinks, oracle.kinks)
    assert close(read(GOLDEN[name]["dual"], q, c), exact, DIGITS)


@pytest.mark.parametrize("name", [name for name in GOLDEN if name != "step"])
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_the_dual_of_the_derivative_means_the_right_thing(name, point):
    oracle, (q, c) = ORACLES[name], point
    exact = gauss_pair(oracle.slope, oracle.slope, q, q, c, oracle.kinks, oracle.kinks)
    assert close(read(GOLDEN[name]["dual_derivative"], q, c), exact, DIGITS)


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_two_deltas_are_a_density(point):
    """E delta(U) delta(V) is the density of (U, V) at the origin: 1/(2 pi sqrt(det Sigma))."""
    q, c = point
    determinant = sp.Matrix([[q, q * c], [q * c, q]]).det()
    exact = 1 / (2 * mp.pi * mp.sqrt(mp.mpmathify(determinant)))
    assert close(read(GOLDEN["step"]["dual_derivative"], q, c), exact, DIGITS)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("relu", r"\pi - \arccos c", r"\arccos c"),
        ("erf", "1 + 2 q", "2 + q"),
        ("elu", "- 2 e^{q/2}", "+ 2 e^{q/2}"),
        ("hardtanh", r";\, -c\right)", r";\, c\right)"),
        ("gelu", r"\left(1 - q\right)", r"\left(1 + q\right)"),
    ],
)
def test_a_misprint_would_be_noticed(name, right, wrong):
    text, (q, c) = GOLDEN[name]["dual"], POINTS[0]
    assert right in text
    assert not close(read(text.replace(right, wrong, 1), q, c), read(text, q, c), 3)
