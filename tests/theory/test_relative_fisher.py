"""Relative metrics of neurons against laws typed in here: sums over outcomes and quadrature in mpmath, differentiated
numerically; activations are the hand-written ones of tests/activation_oracles.py."""

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.activations import gallery
from fimtheory.activations.gallery import BY_NAME
from fimtheory.errors import InputError
from fimtheory.report.mathml import to_mathml
from fimtheory.theory.categorical import Categorical
from fimtheory.theory.relative_fisher import Neuron, neuron
from fimtheory.theory.responses import PARAMETERS, response
from tests.activation_oracles import ORACLES
from tests.test_latex import balanced

PLACES = ("-13/10", "2/5", "9/10")


def squared_score(log_density, outcomes, t):
    """E (d log p/dt)^2 over finitely many outcomes."""
    with mp.workdps(30):
        return mp.fsum(mp.exp(log_density(y, t)) * mp.diff(lambda u, y=y: log_density(y, u), t) ** 2 for y in outcomes)


def two_outcomes(f, low):
    """log p(y) of outcomes low and 1 with mean f."""

    def log_density(y, t):
        p = (f(t) - low) / (1 - low)
        return mp.log(p if y == 1 else 1 - p)

    return log_density


@pytest.mark.parametrize(
    ("text", "f", "low"),
    [
        ("tanh", mp.tanh, -1),
        ("sigmoid", lambda t: 1 / (1 + mp.exp(-t)), 0),
        ("erf", mp.erf, -1),
        ("Phi(x)", mp.ncdf, 0),
    ],
)
def test_two_outcomes(text, f, low):
    n = neuron(f"bernoulli:{text}")
    assert n.certified
    for place in PLACES:
        t = mp.mpf(sp.Rational(place).p) / sp.Rational(place).q
        expected = squared_score(two_outcomes(f, low), (low, 1), t)
        assert float(n.at(sp.Rational(place))) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("name", [name for name in gallery() if name in ORACLES])
def test_every_activation_with_gaussian_output(name):
    """nu = f'^2/sigma^2 by hand-written slopes, at sigma = 7/10; what jumps is refused."""
    oracle, values = ORACLES[name], dict.fromkeys(BY_NAME[name].parameters, "3/4")
    if oracle.derivative is None:
        with pytest.raises(InputError, match="jumps"):
            neuron(f"gaussian:{name}", sigma="7/10", **values)
        return
    n = neuron(f"gaussian:{name}", sigma="7/10", **values)
    assert n.certified
    for place in PLACES:
        t = mp.mpf(sp.Rational(place).p) / sp.Rational(place).q
        slope = oracle.derivative(t, *(mp.mpf(3) / 4 for _ in values))
        assert float(n.at(sp.Rational(place))) == pytest.approx(float(slope**2 / mp.mpf("0.49")), rel=1e-12, abs=1e-14)
        assert float(n.numpy(np.array([float(t)]))[0]) == pytest.approx(float(slope**2) / 0.49, rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("text", ["bernoulli:tanh", "bernoulli:sigmoid", "bernoulli:Phi(x)", "bernoulli:erf"])
def test_saturated_neurons_keep_their_digits(text):
    """NumPy against 40 digits, where 1 - f^2 is far below the rounding of f."""
    n, t = neuron(text), np.array([-30.0, -9.0, 9.0, 30.0] if "h" in text.split(":")[1] else [-5.0, 5.0])
    exact = [float(n.at(sp.Integer(int(v))).evalf(300, maxn=900)) for v in t]
    assert n.numpy(t) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(("trials", "place"), [(1, "2/5"), (4, "-13/10")])
def test_binomial(trials, place):
    def log_density(y, t):
        p = 1 / (1 + mp.exp(-t))
        return mp.log(mp.binomial(trials, y)) + y * mp.log(p) + (trials - y) * mp.log(1 - p)

    n = neuron("binomial:sigmoid", n=trials)
    expected = squared_score(log_density, range(trials + 1), mp.mpf(sp.Rational(place).p) / sp.Rational(place).q)
    assert float(n.at(sp.Rational(place))) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("name", ["geometric", "exponential"])
def test_waiting_times(name):
    """Closed sums and integrals: E (y - m)^2 = m + m^2 and m^2, with the mean m = exp(t), m' = m."""
    found = neuron(f"{name}:exp").at(sp.Rational(2, 5))
    m = mp.exp(mp.mpf(2) / 5)
    assert float(found) == pytest.approx(float(m**2 / (m + m**2) if name == "geometric" else 1), rel=1e-14)


def test_a_stated_family_is_the_one_it_states():
    """Bernoulli by its log-partition, in both parametrisations, and one that no table has: psi = x^4/12 + x^2."""
    psi = "log(1 + exp(x))"
    same = neuron("family:sigmoid", log_partition=psi), neuron("family:linear", link="natural", log_partition=psi)
    for n in same:
        assert n.certified
        assert float(n.at(sp.Rational(2, 5))) == pytest.approx(0.25 / np.cosh(0.2) ** 2, rel=1e-14)
    waiting = neuron("family:-exp(x)", link="natural", log_partition="-log(-x)")  # exponential, by its rate
    assert waiting.at(sp.Rational(1, 2)) == 1
    quartic = neuron("family:sin", link="natural", log_partition="x**4/12 + x**2")
    assert float(quartic.at(sp.Rational(1, 2))) == pytest.approx((np.sin(0.5) ** 2 + 2) * np.cos(0.5) ** 2, rel=1e-14)


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name not in ("family", "von_mises")])
def test_natural_parameters(name):
    """nu = psi'' at the natural parameter: the variance of y there, by differences of psi (30 digits)."""
    psi = {
        "bernoulli": lambda x: mp.log(1 + mp.exp(x)),
        "binomial": lambda x: mp.log(1 + mp.exp(x)),
        "gaussian": lambda x: x**2 / 2,
        "poisson": mp.exp,
        "exponential": lambda x: -mp.log(-x),
        "gamma": lambda x: -mp.log(-x),
        "geometric": lambda x: -mp.log(1 - mp.exp(x)),
        "negative_binomial": lambda x: -mp.log(1 - mp.exp(x)),
    }[name]
    n = neuron(f"{name}:-exp(x)", link="natural")
    assert n.certified
    with mp.workdps(30):
        t = mp.mpf(1) / 2
        expected = mp.diff(psi, -mp.exp(t), 2) * mp.exp(t) ** 2
    assert float(n.at(sp.Rational(1, 2))) == pytest.approx(float(expected), rel=1e-12)


def test_kinks_say_which_value_is_used():
    relu, elu, smooth = neuron("gaussian:relu"), neuron("gaussian:elu", alpha=1), neuron("gaussian:gelu")
    assert [(k.at, k.left, k.right, k.used, k.continuous) for k in relu.kinks] == [(0, 0, 1, 1, False)]
    assert relu.at(0) == 1
    assert relu.kink_at(sp.S.Zero) is not None
    assert relu.numpy(np.array([-1e-9, 0.0, 1e-9])).tolist() == [0.0, 1.0, 1.0]
    assert [k.continuous for k in elu.kinks] == [True]
    assert elu.kink_at(sp.S.Zero) is None
    assert not smooth.kinks
    hard = neuron("poisson:relu")  # the mean itself reaches the end of its range: 1/t
    assert (hard.kinks[0].left, hard.at(0), hard.at(2)) == (0, sp.oo, sp.Rational(1, 2))


def test_printed_as_an_author_would():
    assert str(neuron("bernoulli:tanh").general) == "f'**2/(1 - f**2)"
    assert str(neuron("bernoulli:sigmoid").general) == "f'**2/(f*(1 - f))"
    assert str(neuron("bernoulli:exp(-x**2)").nu) == "4*t**2/(exp(t**2) - 1)"
    assert str(neuron("bernoulli:sin").nu) == "1"


def test_a_degenerate_law_carries_no_information():
    """Where hard_sigmoid is 0 or 1 the outcome is certain and does not move with t."""
    n = neuron("bernoulli:hard_sigmoid")
    assert [n.at(t) for t in (-4, 0, 4)] == [0, sp.Rational(1, 9), 0]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("gaussian:relu", {"sigma": "0"}, "sigma = 0 is not possible: give a positive number"),
        ("gaussian:relu", {"sigma": "-1/2"}, "sigma = -1/2 is not possible"),
        ("gaussian:relu", {"sigma": float("inf")}, "is not possible"),
        ("bernoulli:tanh", {"outcomes": "0,1"}, r"tanh is -0.964 at t = -2.*\(1 \+ f\)/2"),
        ("bernoulli:tanh", {"outcomes": "0,2"}, "write 0,1 or -1,1"),
        ("bernoulli:relu", {}, "no mean of two outcomes.*gaussian:relu"),
        ("poisson:tanh", {}, r"lies in \[0, infinity\): write poisson:softplus"),
        ("exponential:exp(x)", {"link": "natural"}, "natural parameter of exponential"),
        ("gaussian:step", {}, "jumps at 0.*sigmoid"),
        ("gauss:relu", {}, "no response 'gauss'"),
        ("gaussian:reluu", {}, "unknown activation"),
        ("gaussian", {}, "write RESPONSE:ACTIVATION"),
        (":relu", {}, "write RESPONSE:ACTIVATION"),
        ("gaussian:relu", {"link": "probit"}, "no link 'probit'"),
        ("gaussian:relu", {"kappa": 1}, "no parameter 'kappa'"),
        ("binomial:sigmoid", {"n": "3/2"}, "no number of trials"),
        ("von_mises:tanh", {"link": "natural"}, "f is its direction"),
        ("family:relu", {}, "give its log-partition"),
        ("family:relu", {"log_partition": "-x**2"}, "a variance, is not positive"),
        (
            "family:x",
            {"log_partition": "-log(-x)", "link": "natural"},
            r"natural parameter of family lies in \(-infinity, 0\]",
        ),
        ("family:relu", {"log_partition": "3*x"}, "a variance, is not positive"),
        ("family:relu", {"log_partition": "x**4 + exp(x)"}, "cannot be solved.*--natural"),
        ("family:relu", {"log_partition": "import os"}, "cannot read|not allowed|is no formula"),
        ("softmax:linear", {}, "softmax couples"),
    ],
)
def test_refusals_are_one_line(text, options, words):
    with pytest.raises(InputError, match=words) as caught:
        neuron(text, **options)
    assert "\n" not in str(caught.value)


def test_free_parameters_have_no_numbers():
    n = neuron("gaussian:elu", sigma="sigma")
    assert [str(symbol) for symbol in n.parameters] == ["alpha", "sigma_y"]
    with pytest.raises(InputError, match="free parameters"):
        n.numpy(0.0)
    with pytest.raises(InputError, match="not a real number"):
        n.at(sp.I)


@pytest.mark.parametrize(
    "text", ["bernoulli:tanh", "gaussian:elu", "poisson:softplus", "von_mises:sin", "geometric:exp"]
)
def test_every_step_can_be_printed(text):
    n = neuron(text)
    assert next(step.text for step in n.steps) == "The response"
    assert n.steps[-1].latex == n.latex
    for step in n.steps:
        assert balanced(step.latex)
        to_mathml(step.latex, display=True)


def test_the_two_forms_differ_for_a_wrong_law(monkeypatch):
    """A density that is not normalised has E[score^2] != -E[Hessian]: the comparison notices."""
    law = response("gaussian")
    wrong = Neuron(
        type(law)(law.name, law.law, law.outcomes, lambda m: 2 * law.log_density(m), law.average), ft.activation("tanh")
    )
    assert not wrong.certified


# -- softmax


def softmax_scores(t):
    """(p, scores) by central differences in 40 digits."""
    with mp.workdps(40):
        point = [mp.mpf(v) for v in t]

        def log_p(y, at):
            return mp.tanh(at[y]) - mp.log(mp.fsum(mp.exp(mp.tanh(v)) for v in at))

        p = [mp.exp(log_p(y, point)) for y in range(len(t))]
        rows = []
        for y in range(len(t)):
            rows.append(
                [
                    mp.diff(lambda u, y=y, j=j: log_p(y, [*point[:j], u, *point[j + 1 :]]), point[j])
                    for j in range(len(t))
                ]
            )
        return np.array(p, float), np.array(rows, float)


def test_softmax_with_any_function():
    unit, t = Categorical(3, "tanh"), (0.3, -1.0, 0.8)
    assert unit.certified
    p, scores = softmax_scores(t)
    expected = np.einsum("y,yi,yj->ij", p, scores, scores)
    assert unit.numpy(t) == pytest.approx(expected, abs=1e-13)
    exact = unit.at(*(sp.Rational(str(v)) for v in t))
    assert np.array(exact.evalf(20), float) == pytest.approx(expected, abs=1e-13)


def test_softmax_has_one_null_direction():
    S = Categorical(5).numpy(np.random.default_rng(1).standard_normal((20, 5)))
    assert np.abs(S.sum(axis=-1)).max() < 1e-15
    assert (np.linalg.matrix_rank(S) == 4).all()


@pytest.mark.parametrize("classes", [1, 0, 9, 2.0])
def test_softmax_refusals(classes):
    with pytest.raises(InputError, match="cannot be written out"):
        Categorical(classes)


def test_the_public_door():
    assert ft.neuron("bernoulli:tanh").nu == neuron("bernoulli:tanh").nu
    assert isinstance(ft.neuron("softmax:linear", classes=2), Categorical)
    with pytest.raises(InputError, match="natural parameters already"):
        ft.neuron("softmax:linear", link="natural")
