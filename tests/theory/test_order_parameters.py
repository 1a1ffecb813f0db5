"""The recursions against their closed forms written out by hand, and against independent quadrature."""

import numpy as np
import pytest
from mpmath import mp

import fimtheory as ft
from fimtheory.errors import DivergentExpectation, JumpError
from fimtheory.theory.order_parameters import order_parameters, recursions
from tests.oracles import close, gauss

W, B = mp.mpf(9) / 5, mp.mpf(1) / 5  # sigma_w^2, sigma_b^2
DEPTH = 5


def by_hand(second, dual, slope, dual_slope, depth=DEPTH, w=W, b=B):
    """qhat1, qhat2, qtilde1, qtilde2 by layer, from functions of (q1, q2)."""
    qhat1, qhat2, points = [mp.mpf(1)], [mp.mpf(0)], []
    for _ in range(1, depth):
        q1, q2 = w * qhat1[-1] + b, w * qhat2[-1] + b
        points.append((q1, q2))
        qhat1.append(second(q1, q2))
        qhat2.append(dual(q1, q2))
    qtilde1, qtilde2 = [mp.mpf(1)], [mp.mpf(1)]
    for q1, q2 in reversed(points):
        qtilde1.insert(0, w * qtilde1[0] * slope(q1, q2))
        qtilde2.insert(0, w * qtilde2[0] * dual_slope(q1, q2))
    return qhat1, qhat2, qtilde1, qtilde2


HAND = {
    # the arc-cosine maps of Cho and Saul 2009
    "relu": (
        lambda q1, q2: q1 / 2,
        lambda q1, q2: (mp.sqrt(q1**2 - q2**2) + q2 * (mp.pi - mp.acos(q2 / q1))) / (2 * mp.pi),
        lambda q1, q2: mp.mpf(1) / 2,
        lambda q1, q2: (mp.pi - mp.acos(q2 / q1)) / (2 * mp.pi),
    ),
    # Williams 1997, and E exp(-U^2 - V^2) = det(I + 2 Sigma)^(-1/2)
    "erf": (
        lambda q1, q2: 2 / mp.pi * mp.asin(2 * q1 / (1 + 2 * q1)),
        lambda q1, q2: 2 / mp.pi * mp.asin(2 * q2 / (1 + 2 * q1)),
        lambda q1, q2: 4 / (mp.pi * mp.sqrt(1 + 4 * q1)),
        lambda q1, q2: 4 / (mp.pi * mp.sqrt((1 + 2 * q1) ** 2 - 4 * q2**2)),
    ),
    "linear": (lambda q1, q2: q1, lambda q1, q2: q2, lambda q1, q2: mp.mpf(1), lambda q1, q2: mp.mpf(1)),
}


def agrees(o, golden, digits, depth=DEPTH):
    names = (o.qhat1, o.qhat2, o.qtilde1, o.qtilde2)
    assert set(o.qhat1) == set(o.qhat2) == set(range(depth))
    assert set(o.qtilde1) == set(o.qtilde2) == set(range(1, depth + 1))
    return all(
        close(found[layer], exact, digits)
        for found, column in zip(names, golden, strict=True)
        for layer, exact in zip(sorted(found), column, strict=True)
    )


@pytest.mark.parametrize("name", HAND)
@pytest.mark.parametrize("digits", [16, 30])
def test_closed_recursions(name, digits):
    with mp.workdps(50):
        golden = by_hand(*HAND[name], w=mp.mpf(9) / 5, b=mp.mpf(1) / 5)
    o = order_parameters(ft.activation(name), DEPTH, "9/5", "1/5", digits)
    assert agrees(o, golden, digits - 1)
    assert not agrees(o, [[mp.mpf("1.03") * v for v in column] for column in golden], digits - 1)


def test_a_linear_network_in_fractions():
    """qhat1 = 1, 2, 18/5 + ..., all rational: w = 3/2, b = 1/2."""
    o = order_parameters(ft.activation("linear"), 4, "3/2", "1/2")
    assert [o.qhat1[l] for l in range(4)] == [1, 2, mp.mpf("3.5"), mp.mpf("5.75")]
    assert [o.qhat2[l] for l in range(4)] == [0, mp.mpf("0.5"), mp.mpf("1.25"), mp.mpf("2.375")]
    assert [o.qtilde1[l] for l in range(1, 5)] == [mp.mpf("3.375"), mp.mpf("2.25"), mp.mpf("1.5"), 1]
    assert o.qtilde2 == o.qtilde1


def lattice(f, a, b):
    """I_f[a, b] = int Dy (int Dx f(sqrt(a - b) x + sqrt(b) y))^2, by the trapezoidal rule: exponentially exact."""
    step = 1 / 32
    z = np.arange(-9, 9 + step / 2, step)
    weight = step * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    inner = f(np.sqrt(a - b) * z[:, None] + np.sqrt(b) * z[None, :])
    return float(weight @ (weight @ inner) ** 2)


def test_tanh_against_quadrature():
    def pair(f):
        return lambda q1, q2: mp.mpf(lattice(f, float(q1), float(q2)))

    golden = by_hand(
        lambda q1, q2: gauss(lambda z: mp.tanh(z) ** 2, q=q1),
        pair(np.tanh),
        lambda q1, q2: gauss(lambda z: mp.sech(z) ** 4, q=q1),
        pair(lambda u: np.cosh(u) ** -2),
        depth=3,
    )
    o = order_parameters(ft.activation("tanh"), 3, "9/5", "1/5", 16)
    assert agrees(o, golden, 14, depth=3)
    assert not agrees(o, [[mp.mpf("1.03") * v for v in column] for column in golden], 14, depth=3)


def test_thirty_digits_agree_with_sixteen():
    few, many = (order_parameters(ft.activation("tanh"), 4, 3, "0.64", digits) for digits in (16, 30))
    for name in ("qhat1", "qhat2", "qtilde1", "qtilde2"):
        left, right = getattr(few, name), getattr(many, name)
        assert all(close(left[layer], right[layer], 15) for layer in right), name


def test_a_shallow_network_has_no_recursion():
    o = order_parameters(ft.activation("relu"), 1, 2, 0)
    assert (o.qhat1, o.qtilde1, o.q1, o.q2) == ({0: 1}, {1: 1}, {1: 2}, {1: 0})


def test_refusals():
    with pytest.raises(JumpError):
        order_parameters(ft.activation("sign"), 3, 1, 0)
    with pytest.raises(DivergentExpectation, match="exceeds 10\\^12 at layer"):
        order_parameters(ft.activation("relu"), 200, 8, 0)


def test_recursions_as_latex():
    found = recursions(ft.activation("relu"))
    assert found["qhat1"] == r"\hat q_1^{l+1} = \frac{q_{1}}{2}"
    assert found["qtilde2"].startswith(r"\tilde q_2^{l} = \sigma_w^2\, \tilde q_2^{l+1} \cdot ")
    assert r"\iint" in recursions(ft.activation("tanh"))["qhat2"]


def test_fixed_point_of_relu():
    """At sigma_w^2 = 2, sigma_b^2 = 0 (He et al. 2015) lengths are kept and correlations drift to one."""
    o = order_parameters(ft.activation("relu"), 30, 2, 0)
    assert all(close(v, 1, 15) for v in (*o.qhat1.values(), *o.qtilde1.values()))
    assert o.q2[29] > 1.9
    assert all(o.q2[l] < o.q2[l + 1] for l in range(1, 29))
