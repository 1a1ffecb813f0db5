"""The recursions against their closed forms written out by hand, and against independent quadrature.

Tolerances are the digits that are asked for; a golden value is computed with so many more that its own errors, however
the recursion amplifies them, stay below: 250 decimals for closed forms by hand.
"""

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.errors import DivergentExpectation, InputError, JumpError
from fimtheory.gaussian.integrals import PairExpectation
from fimtheory.notation import SYMBOLS
from fimtheory.theory.order_parameters import order_parameters, recursions, symbolic_recursions
from tests.oracles import close, gauss

W, B = mp.mpf(9) / 5, mp.mpf(1) / 5  # sigma_w^2, sigma_b^2
DEPTH = 5


def by_hand(second, dual, slope, dual_slope, depth=DEPTH, w=W, b=B, overlap=0):
    """qhat1, qhat2, qtilde1, qtilde2 by layer, from functions of (q1, q2)."""
    qhat1, qhat2, points = [mp.mpf(1)], [mp.mpf(overlap)], []
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
    o = order_parameters(phi_of(name), DEPTH, "9/5", "1/5", digits)
    assert agrees(o, golden, digits - 1)
    assert not agrees(o, [[mp.mpf("1.03") * v for v in column] for column in golden], digits - 1)


def leaky(side):
    """x + (4/5) relu(-x): of mean relu(U) V = q2/2, the four products leave 16/25 of ReLU's and 1/5 of the identity's."""
    relu, linear = HAND["relu"][side], HAND["linear"][side]
    return lambda q1, q2: (16 * relu(q1, q2) + 5 * linear(q1, q2)) / 25


def sine(power):
    """Of sin and cos: E sin U sin V = exp(-q1) sinh(q2), E cos U cos V = exp(-q1) cosh(q2)."""
    f = (mp.sinh, mp.cosh)[power]
    return lambda q1, q2: mp.exp(-q1) * f(q2)


HAND |= {
    "leaky_relu alpha=1/5": tuple(map(leaky, range(4))),
    "sin": (
        lambda q1, q2: sine(0)(q1, q1),
        sine(0),
        lambda q1, q2: sine(1)(q1, q1),
        sine(1),
    ),
}

# (activation, sigma_w^2, sigma_b^2, overlap of the inputs); ordered, critical and chaotic
DEEP = [
    ("relu", 2, "0", "0"),
    ("relu", 1, "0.1", "0.3"),  # the gap goes to zero, and the slope feels its root
    ("leaky_relu alpha=1/5", "1.5", "0.1", "0"),
    ("erf", 1, "0.1", "0.3"),
    ("erf", 9, "0.1", "0.3"),
    ("erf", 9, "0", "0.99999999999999999999"),  # two inputs, nearly one, that chaos drives apart
    ("sin", 3, "0.2", "-0.01"),
]


@pytest.mark.parametrize(("name", "w", "b", "overlap"), DEEP)
@pytest.mark.parametrize("digits", [12, 16, 30])
def test_a_hundred_layers(name, w, b, overlap, digits):
    with mp.workdps(250):
        golden = by_hand(*HAND[name], depth=100, w=mp.mpf(w), b=mp.mpf(b), overlap=mp.mpf(overlap))
    o = order_parameters(phi_of(name), 100, w, b, digits, input_overlap=overlap)
    for found, column in zip((o.qhat1, o.qhat2, o.qtilde1, o.qtilde2), golden, strict=True):
        for layer, exact in zip(sorted(found), column, strict=True):
            assert abs(found[layer] - exact) <= mp.mpf(10) ** -digits * abs(exact), layer


def phi_of(name):
    name, *values = name.split()
    return ft.activation(name, **dict(value.split("=") for value in values))


def test_the_depth_needs_more_digits_than_are_asked_for():
    """By hand in the digits asked for, the same recursion is wrong: the cases above are hard enough to tell."""
    with mp.workdps(16):
        rounded = by_hand(*HAND["erf"], depth=100, w=mp.mpf(9), b=mp.mpf(0), overlap=mp.mpf("0.99999999999999999999"))
    o = order_parameters(ft.activation("erf"), 100, 9, 0, 16, input_overlap="0.99999999999999999999")
    assert not all(close(rounded[1][layer], o.qhat2[layer], 2) for layer in range(100))


def test_an_unstable_fixed_point():
    """phi = x^2 at sigma_w^2 = 1/3 keeps q = 1, E phi^2 = 3 and E phi'^2 = 4, while errors double in every layer."""
    o = order_parameters(ft.activation("quadratic"), 200, "1/3", 0, input_norm=3)
    assert all(close(v, 3, 16) for v in o.qhat1.values())
    with mp.workdps(30):
        assert all(close(o.qtilde1[layer], (mp.mpf(4) / 3) ** (200 - layer), 16) for layer in o.qtilde1)
    with pytest.raises(InputError, match="unstable fixed point"):
        order_parameters(ft.activation("quadratic"), 9_000, "1/3", 0, input_norm=3)


SMOOTH = [("tanh", "1.5", "0.1"), ("tanh", 9, "0.1"), ("softplus", 1, "0.1"), ("silu", 2, "0.1")]


@pytest.mark.parametrize(("name", "w", "b"), SMOOTH)
def test_a_hundred_layers_without_closed_form(name, w, b):
    """Against the trapezoidal rule in double precision, whose errors are below 1e-15 a layer and in a hundred layers
    below 1e-12, since a contracting recursion forgets them and the backward one adds them up."""
    golden = by_hand(*rules(name), depth=100, w=mp.mpf(w), b=mp.mpf(b), overlap=mp.mpf("0.3"))
    o = order_parameters(ft.activation(name), 100, w, b, 12, input_overlap="0.3")
    assert agrees(o, golden, 12, depth=100)
    assert not agrees(o, [[mp.mpf("1.0000001") * v for v in column] for column in golden], 12, depth=100)


FUNCTIONS = {
    "tanh": (np.tanh, lambda u: np.cosh(u) ** -2.0),
    "softplus": (lambda u: np.logaddexp(0, u), lambda u: 1 / (1 + np.exp(-u))),
    "silu": (
        lambda u: u / (1 + np.exp(-u)),
        lambda u: (1 + u / (1 + np.exp(u))) / (1 + np.exp(-u)),
    ),
}


def rules(name):
    """The four expectations on a lattice: fine enough for the strips of analyticity of the functions above."""
    f, df = FUNCTIONS[name]

    def rule(g, same):
        return lambda q1, q2: mp.mpf(lattice(g, float(q1), float(q1 if same else q2), step=1 / 12))

    return rule(f, True), rule(f, False), rule(df, True), rule(df, False)


@pytest.mark.parametrize(
    ("name", "w", "b", "depth", "most"),
    [
        ("tanh", 3, "0.64", 8, 34),
        ("softplus", 1, "0.1", 20, 34),
        ("elu", 1, "0.1", 25, 60),
        ("gelu", "1.5", "0.1", 100, 60),
    ],
)
def test_few_digits_agree_with_many(name, w, b, depth, most):
    phi = phi_of("elu alpha=1" if name == "elu" else name)
    *few, many = (order_parameters(phi, depth, w, b, digits) for digits in (12, 16, 30, most))
    for o in few:
        for column in ("qhat1", "qhat2", "qtilde1", "qtilde2"):
            left, right = getattr(o, column), getattr(many, column)
            assert all(abs(left[k] - right[k]) <= mp.mpf(10) ** -o.digits * abs(right[k]) for k in right), column


def test_layers_that_differ():
    """relu, erf, linear with variances of their own, by hand; and the order matters."""
    names, w, b = ("relu", "erf", "linear"), (2, 1, "3/2", "1/2"), (0, "1/5", 1, 2)
    with mp.workdps(40):
        ws, bs = ([mp.mpf(v) if not isinstance(v, str) else mp.mpf(eval_ratio(v)) for v in column] for column in (w, b))
        qhat, points = [(mp.mpf(2), mp.mpf(1) / 3)], []
        for name, sigma_w2, sigma_b2 in zip(names, ws, bs, strict=False):
            q1, q2 = (sigma_w2 * v + sigma_b2 for v in qhat[-1])
            points.append((q1, q2))
            qhat.append((HAND[name][0](q1, q2), HAND[name][1](q1, q2)))
        qtilde = [(mp.mpf(1), mp.mpf(1))]
        for name, point, above in reversed(list(zip(names, points, ws[1:], strict=True))):
            qtilde.insert(0, tuple(above * v * HAND[name][t](*point) for v, t in zip(qtilde[0], (2, 3), strict=True)))
        last = tuple(ws[3] * v + bs[3] for v in qhat[-1])
    o = order_parameters([ft.activation(n) for n in names], 4, w, b, 20, input_norm=2, input_overlap="1/3")
    assert all(close(o.qhat1[k], qhat[k][0], 20) and close(o.qhat2[k], qhat[k][1], 20) for k in range(4))
    assert all(close(o.qtilde1[k + 1], v, 20) and close(o.qtilde2[k + 1], u, 20) for k, (v, u) in enumerate(qtilde))
    assert close(o.q1[4], last[0], 20)
    assert close(o.q2[4], last[1], 20)
    turned = order_parameters([ft.activation(n) for n in reversed(names)], 4, w, b, 20, 2, "1/3")
    assert not close(turned.qhat1[3], qhat[3][0], 2)


def eval_ratio(text):
    above, below = text.split("/")
    return mp.mpf(above) / mp.mpf(below)


@pytest.mark.parametrize("s", ["3", "1/7", "1e-40"])
def test_relu_does_not_know_the_scale_of_its_weights(s):
    """sigma_w^2 -> s sigma_w^2 without biases: qhat^l gains s^l and qtilde^l gains s^(L-l)."""
    before, after = (order_parameters(ft.activation("relu"), 9, f"{w}", 0, 20) for w in (2, sp.Rational(s) * 2))
    for t in "12":
        for l in range(1, 9):
            with mp.workdps(30):
                factor = eval_ratio(s) if "/" in s else mp.mpf(s)
                forward, backward = (getattr(before, f"{name}{t}")[l] for name in ("qhat", "qtilde"))
                assert close(getattr(after, f"qhat{t}")[l] / factor**l, forward, 19)
                assert close(getattr(after, f"qtilde{t}")[l] / factor ** (9 - l), backward, 19)


@pytest.mark.parametrize("name", ["tanh", "hardtanh", "linear"])
def test_centred_networks_keep_exact_zeros(name):
    o = order_parameters(ft.activation(name), 6, "1.7", 0)
    assert all(value == 0 for value in o.qhat2.values())
    assert all(value > 0 for value in o.qtilde2.values())


def test_a_constant_activation_passes_nothing_back():
    o = order_parameters(ft.activation("2 + 0*x"), 4, 3, "1/2")
    assert [o.qhat1[l] for l in range(4)] == [1, 4, 4, 4]
    assert [o.qhat2[l] for l in range(4)] == [0, 4, 4, 4]
    assert [o.qtilde1[l] for l in range(1, 5)] == [o.qtilde2[l] for l in range(1, 5)] == [0, 0, 0, 1]


def test_equal_inputs_stay_equal():
    o = order_parameters(ft.activation("tanh"), 30, 9, "0.1", input_overlap=1)
    assert (o.qhat1, o.qtilde1) == (o.qhat2, o.qtilde2)


def test_opposite_inputs():
    """Of an odd function the overlap is minus the length; of any other, E phi(U) phi(-U)."""
    o = order_parameters(ft.activation("tanh"), 4, 2, 0, input_overlap=-1)
    assert all(close(o.qhat2[l], -o.qhat1[l], 16) and close(o.qtilde2[l], o.qtilde1[l], 16) for l in range(1, 4))
    o = order_parameters(ft.activation("relu"), 2, 2, 0, input_overlap=-1)
    assert (o.qhat1[1], o.qhat2[1], o.qtilde2[1]) == (1, 0, 0)


def test_variances_far_from_one():
    """What vanishes does so with all its digits, and what explodes is refused."""
    o = order_parameters(ft.activation("tanh"), 4, "1e-300", 0, input_overlap="1/2")
    assert close(o.qhat1[3] * mp.mpf(10) ** 900, 1, 15)
    assert close(o.qhat2[3] / o.qhat1[3], mp.mpf("0.5"), 15)
    o = order_parameters(ft.activation("relu"), 1_000, "1e-300", 0)
    assert close(o.qhat1[999], mp.mpf("5e-301") ** 999, 15)
    assert close(o.qtilde1[1], mp.mpf("5e-301") ** 999, 15)
    with pytest.raises(DivergentExpectation, match="the variance of tanh exceeds 10\\^12 at layer 1"):
        order_parameters(ft.activation("tanh"), 3, "1e300", 0)


def test_a_silent_layer_is_refused():
    with pytest.raises(InputError, match="is zero at layer 2: the layer below is silent"):
        order_parameters(ft.activation("0*x"), 3, 1, 0)


def test_the_layer_where_an_expectation_diverges_is_named():
    """E phi^2 = (1 - q/2)^(-1/2), so that q = 1.2, 1.2/0.4^(1/2) = 1.897, 1.2/(1 - 0.9487)^(1/2) = 5.297 > 2."""
    with pytest.raises(DivergentExpectation, match=r"at layer 3, where the variance is 5\.297") as caught:
        order_parameters(ft.activation("exp(x**2/8)"), 5, "1.2", 0)
    assert len(str(caught.value).splitlines()) == 1


def test_a_linear_network_in_fractions():
    """qhat1 = 1, 2, 18/5 + ..., all rational: w = 3/2, b = 1/2."""
    o = order_parameters(ft.activation("linear"), 4, "3/2", "1/2")
    assert [o.qhat1[l] for l in range(4)] == [1, 2, mp.mpf("3.5"), mp.mpf("5.75")]
    assert [o.qhat2[l] for l in range(4)] == [0, mp.mpf("0.5"), mp.mpf("1.25"), mp.mpf("2.375")]
    assert [o.qtilde1[l] for l in range(1, 5)] == [mp.mpf("3.375"), mp.mpf("2.25"), mp.mpf("1.5"), 1]
    assert o.qtilde2 == o.qtilde1


def lattice(f, a, b, step=1 / 32):
    """I_f[a, b] = int Dy (int Dx f(sqrt(a - b) x + sqrt(b) y))^2, by the trapezoidal rule: exponentially exact."""
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


@pytest.mark.parametrize("name", ["relu", "erf"])
def test_symbolic_recursions(name):
    """At numbers they are one step by hand."""
    equations = symbolic_recursions(ft.activation(name))
    numbers = {"sigma_w2": 1.8, "sigma_b2": 0.2, "qhat1": 0.7, "qhat2": 0.3, "qtilde1_above": 1.5, "qtilde2_above": 1.1}
    q1, q2 = 1.8 * 0.7 + 0.2, 1.8 * 0.3 + 0.2
    second, dual, slope, dual_slope = (f(q1, q2) for f in HAND[name])
    golden = {"qhat1": second, "qhat2": dual, "qtilde1": 1.8 * 1.5 * slope, "qtilde2": 1.8 * 1.1 * dual_slope}
    for left, value in golden.items():
        found = equations[left].rhs.subs({SYMBOLS[symbol]: number for symbol, number in numbers.items()})
        assert abs(float(found) - float(value)) < 1e-14
        assert equations[left].lhs == SYMBOLS[f"{left}_here" if left.startswith("qhat") else left]


def test_symbolic_recursions_without_closed_form():
    assert symbolic_recursions(ft.activation("tanh"))["qhat2"].rhs.has(PairExpectation)


def test_fixed_point_of_relu():
    """At sigma_w^2 = 2, sigma_b^2 = 0 (He et al. 2015) lengths are kept and correlations drift to one."""
    o = order_parameters(ft.activation("relu"), 30, 2, 0)
    assert all(close(v, 1, 15) for v in (*o.qhat1.values(), *o.qtilde1.values()))
    assert o.q2[29] > 1.9
    assert all(o.q2[l] < o.q2[l + 1] for l in range(1, 29))
