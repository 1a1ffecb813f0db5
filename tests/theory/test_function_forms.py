"""Function forms against integrals over the plane of hidden weights, which know no harmonics and no Stein identity.

In two dimensions F(x) = E_w[g(w) phi(w.x)] is an integral over the length and the angle of w, here by Gauss-Legendre
panels that end where w.x changes its sign. Fixed beforehand: closed forms agree to 1e-12, numerical ones to 1e-9.
"""

import numpy as np
import pytest
import sympy as sp
from scipy.special import erf, ndtr

from fimtheory.activations import activation
from fimtheory.errors import InputError
from fimtheory.theory.function_forms import FunctionForm, function_form
from fimtheory.theory.function_groups import EIGENFUNCTIONS, FORMULAS, FunctionLayer, cosines, groups, harmonic
from fimtheory.theory.harmonics import WEIGHT
from fimtheory.theory.homogeneous import DIMENSION
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_functions import ModeFunction

X = (0.75, -0.5)
PHI = {
    "relu": lambda u: np.maximum(u, 0),
    "relu_squared": lambda u: np.maximum(u, 0) ** 2,
    "x + abs(x)/2": lambda u: u + np.abs(u) / 2,
    "erf": erf,
    "gelu": lambda u: u * ndtr(u),
    "tanh": np.tanh,
}
G = {
    "norm": np.hypot,
    "w1*w2/norm": lambda a, b: a * b / np.hypot(a, b),
    "w1**2": lambda a, b: a**2,
    "1": lambda a, b: np.ones_like(a),
    "w1 - 2*w2": lambda a, b: a - 2 * b,
    "w1**3/norm": lambda a, b: a**3 / np.hypot(a, b),
}


def panels(ends):
    x, w = np.polynomial.legendre.leggauss(40)
    low, width = np.array(ends[:-1])[:, None], np.diff(ends)[:, None]
    return (low + width * (x + 1) / 2).ravel(), (width * w / 2).ravel()


def plane_form(phi, g, power=1):
    """E (g(w) phi(w.x))^power over w ~ N(0, I_2)."""
    angles, turns = panels(np.arctan2(X[1], X[0]) + np.pi / 2 * np.arange(-1, 4))
    lengths, steps = panels([0, 2, 4, 6, 8, 11])
    a, b = np.multiply.outer(lengths, np.cos(angles)), np.multiply.outer(lengths, np.sin(angles))
    values = (G[g](a, b) * PHI[phi](a * X[0] + b * X[1])) ** power
    return float((steps * lengths * np.exp(-(lengths**2) / 2)) @ values @ turns / (2 * np.pi))


CASES = [("relu", g) for g in G] + [("relu_squared", "w1**3/norm"), ("x + abs(x)/2", "w1 - 2*w2"), ("erf", "w1 - 2*w2"),
         ("gelu", "w1**2"), ("gelu", "w1*w2/norm"), ("tanh", "w1**3/norm")]  # fmt: skip


@pytest.mark.parametrize(("phi", "g"), CASES)
def test_forms_and_fluctuations_in_the_plane(phi, g):
    form, x = FunctionForm(phi, g, 2), np.array(X)
    value, square = plane_form(phi, g), plane_form(phi, g, 2)
    accuracy = 1e-12 if form.form is not None else 1e-9
    assert abs(form(x) - value) < accuracy
    assert abs(form.radial.values(x) - value) < 1e-9
    assert abs(form.fluctuations(x) - (square - value**2)) < 1e-9


@pytest.mark.parametrize(("phi", "g"), [("relu", "w1**2"), ("x + abs(x)/2", "w1**3/norm"), ("relu_squared", "norm")])
@pytest.mark.parametrize("d", [2, 3, 7])
def test_any_dimension_holds_each(phi, g, d):
    one, every = FunctionForm(phi, g, d), FunctionForm(phi, g, "d")
    points = np.random.default_rng(1).standard_normal((4, d))
    at = FunctionForm(phi, g, d)
    at.form = every.form.subs(DIMENSION, d)
    assert np.abs(at(points) - one(points)).max() < 1e-13
    for name in ("norm2", "quotient", "weight_norm2"):
        assert sp.simplify(getattr(every, name).subs(DIMENSION, d) - getattr(one, name)) == 0


@pytest.mark.parametrize("d", [2, 3, 6])
@pytest.mark.parametrize(
    ("name", "k"), [("norm", 0), ("coordinate", 1), ("product", 2), ("contrast", 2), ("planar4", 4)]
)
def test_quotients_of_eigenfunctions_are_the_eigenvalues(name, k, d):
    form = FunctionForm("relu", FORMULAS[name], d)
    (mode,) = (m for m in KernelModes("relu", d).modes if m.degree == k)
    assert sp.simplify(form.quotient - mode.eigenvalue) == 0
    assert form.is_eigenfunction
    assert form.singular_ratio**2 == form.quotient


def test_no_eigenfunctions():
    forms = groups("relu", "d")
    vanishing = {"planar3"}
    assert {name for name, form in forms.items() if form.is_eigenfunction} == {*EIGENFUNCTIONS} | vanishing
    assert forms["planar3"].form == 0
    for name in ("hadamard", "hadamard_contrast"):
        assert forms[name].quotient == 1 / (2 * sp.pi * (DIMENSION + 2))
    gaps = [(forms["product"].quotient / forms["hadamard"].quotient).subs(DIMENSION, d) for d in (2, 5, 20)]
    assert all(gap > 1 for gap in gaps)


@pytest.mark.parametrize(("phi", "g", "answer"), [("gelu", "w1", True), ("erf", "w1", False), ("gelu", "norm", False),
                                                  ("x + x**2", "w1*w2", True), ("tanh", "w1", False)])  # fmt: skip
def test_eigenfunctions_of_other_activations(phi, g, answer):
    """gelu(t) - t/2 is even: coordinates are eigenvectors with eigenvalue 1/4."""
    form = FunctionForm(phi, g, 3)
    assert form.is_eigenfunction is answer
    assert form.radial.is_eigenfunction is answer
    if phi == "gelu" and answer:
        assert form.quotient == sp.Rational(1, 4)


def test_on_the_sphere_lengths_do_not_matter():
    ones, hadamard = (FunctionForm("relu", g, "d", weights="sphere") for g in ("1", "w1*w2"))
    assert ones.is_eigenfunction
    assert hadamard.is_eigenfunction
    assert ones.quotient == FunctionForm("relu", "norm", "d").quotient
    tanh = FunctionForm("tanh", "w1", 3, weights="sphere")
    w = np.random.default_rng(1).standard_normal((50_000, 3))
    w *= np.sqrt(3) / np.linalg.norm(w, axis=1, keepdims=True)
    terms = w[:, 0] * np.tanh(w @ [1.0, 2.0, -1.0])
    assert tanh.form is None
    assert abs(tanh([1, 2, -1]) - terms.mean()) < 4 * terms.std() / np.sqrt(len(w))


def test_cosines():
    d, found = DIMENSION, cosines(groups("relu", "d"))
    square = d**2 + 4 * d + 7
    assert sp.simplify(found["hadamard_square", "other_hadamard_square"] - (square - 2) / square) == 0
    assert sp.simplify(found["norm", "square"] ** 2 - (d + 1) ** 2 * (d + 2) / (d * square)) == 0
    assert found["norm", "ones"] == found["product", "hadamard"] == 1
    assert found["coordinate", "contrast"] == found["product", "contrast"] == 0
    assert sp.limit(found["hadamard_square", "other_hadamard_square"], d, sp.oo) == 1


def test_a_cosine_by_hand():
    """d = 2, at the angle a: |x| and |x| (1 + cos(a)^2)."""
    norm, square = (FunctionForm("relu", g, 2) for g in ("norm", "w1**2"))
    angles = np.arange(64) * 2 * np.pi / 64
    f = 1 + np.cos(angles) ** 2
    assert abs(norm.cosine_value(square) - f.mean() / np.sqrt((f**2).mean())) < 1e-14
    assert norm.weight_cosine(square) == sp.sqrt(3 * sp.pi) / 4


@pytest.mark.parametrize("phi", ["gelu", "tanh", "relu"])
def test_inner_products_of_any_activation(phi):
    """Functions of independent draws of units, multiplied and averaged over inputs; g g' phi^2 over one draw."""
    a, b = FunctionForm(phi, "w1", 3), FunctionForm(phi, "w1*norm", 3)
    f, pairs, same = a.activation.numpy, [], []
    for seed in range(60):
        w, v, x = np.random.default_rng(seed).standard_normal((3, 500, 3))
        length, outputs = np.linalg.norm(v, axis=1), f(v @ x.T)
        pairs.append(np.mean((w[:, 0] @ f(w @ x.T)) * ((v[:, 0] * length) @ outputs)) / 500**2)
        same.append(np.mean((v[:, 0] ** 2 * length) @ outputs**2) / 500)
    for found, value in ((pairs, a.inner_value(b)), (same, a.shared(b))):
        error = np.std(found, ddof=1) / np.sqrt(len(found))
        assert abs(np.mean(found) - value) < 4 * error
        assert error < 0.02 * value


@pytest.mark.parametrize(("phi", "k", "j"), [("tanh", 1, 1), ("tanh", 3, 0), ("gelu", 2, 0), ("relu", 2, 0)])
def test_functions_of_modes(phi, k, j):
    """E_w[g(w) phi(w.x)] over a sample, and E g^2 = 1."""
    modes = KernelModes(phi, 3, degrees=k, radial=j + 1)
    (mode,) = (m for m in modes.modes if (m.degree, m.index) == (k, j))
    f = ModeFunction(modes, mode, WEIGHT.coordinate(1) if k == 1 else harmonic(k, 3, k, planar=True))
    w = np.random.default_rng(2).standard_normal((20_000, 3))
    x = np.array([[0.3, 1.1, -0.4], [-0.9, 0.2, 0.8]])
    g = f.at_weights(w)
    terms = g[:, None] * modes.activation.numpy(w @ x.T)
    assert abs((g**2).mean() - 1) < 4 * (g**2).std() / np.sqrt(len(w))
    assert np.all(np.abs(terms.mean(axis=0) - f(x)) < 4 * terms.std(axis=0) / np.sqrt(len(w)))
    if phi == "relu":
        form = FunctionForm(phi, "(w1**2 - w2**2)/norm", 3)
        assert np.abs(f(x) - form(x) / float(sp.sqrt(form.weight_norm2))).max() < 1e-12


def test_a_mode_needs_a_harmonic_of_its_degree():
    modes = KernelModes("relu", 3)
    with pytest.raises(InputError, match="no harmonic of degree 2"):
        ModeFunction(modes, modes.modes[2], WEIGHT.coordinate(1) ** 2)
    with pytest.raises(InputError, match="degree = -1"):
        harmonic(-1, 3)


def test_parameters_stay_symbols():
    form = function_form("leaky_relu", "w1", "d")
    (alpha,) = form.activation.parameters
    assert sp.simplify(form.form - (1 + alpha) / 2 * sp.Symbol("x_1", real=True)) == 0
    with pytest.raises(InputError, match="free parameters"):
        FunctionForm("leaky_relu", "w1", 3)([1, 0, 0])
    steep = activation("erf(s*x)", parameters={"s": "positive"})
    (s,) = steep.parameters
    form = FunctionForm(steep, "w1", 3)
    assert sp.simplify(form.form.subs(s, 1) - FunctionForm("erf", "w1", 3).form) == 0
    with pytest.raises(InputError, match="free parameters"):
        form.quotient_value  # noqa: B018


def test_at_zero():
    """x_1 x_2/|x| at 0, and an activation that is not 0 there."""
    assert FunctionForm("relu", "w1*w2/norm", 3)(np.zeros((2, 3))).tolist() == [0, 0]
    ones = FunctionForm("x**2 + 1", "1 + w1", 3)
    assert (ones(np.zeros(3)), ones.fluctuations(np.zeros(3))) == (1, 1)


def test_units():
    """What documents call f_v for |v| = 1 has mean square lambda."""
    form = FunctionForm("relu", "norm", 3)
    assert sp.simplify(form.unit - form.form / sp.sqrt(3)) == 0
    assert FunctionForm("relu", "w1", 3, weight_variance="1/d").form == sp.Symbol("x_1", real=True) / 6


def test_what_notebooks_show():
    assert r"x_{1} x_{2}" in FunctionForm("relu", "w1*w2/norm", 3)._repr_latex_()
    assert "a number alone" in FunctionForm("gelu", "norm", 3)._repr_latex_()
    assert repr(FunctionForm("relu", "w1", "d")) == "<FunctionForm of relu, g = w_1, d = d: F = x_1/2>"
    assert repr(FunctionLayer(FunctionForm("relu", "w1", 3).activation, 3)) == "<FunctionLayer of relu: d = 3>"


REFUSED = [
    (("relu", "w4", 3), "no coordinate w_4 in 3 dimensions"),
    (("relu", "w1*w2", 1), "no coordinate w_2"),
    (("relu", "norm**(-2)", 3), "take a power above -3"),
    (("relu", "0", 3), "0 everywhere"),
    (("relu", "w1**2 + w2**2 - norm**2", 2), "0 everywhere"),
    (("relu", "(w1 + w2 + w3 + w4)**60", 5), "more than 2000 terms"),
    (("relu", "(w1 + w2 + w3 + w4)**8", 5), "at most 40"),
    (("relu", "w1**40", 3), "of degree 32"),
    (("relu", "sqrt(w1)", 3), "no power of"),
    (("relu", "w1/w2", 3), "no power of"),
    (("relu", "__import__('os')", 3), "unknown name"),
    (("relu", "w0", 3), "unknown name"),
    (("relu", sp.Symbol("y"), 3), "y is unknown"),
    (("relu", None, 3), "no function of the hidden weights"),
    (("relu", "w1", 0), "dimension = 0"),
    (("relu", "w1", 2.5), r"dimension = 2\.5"),
    (("relu", "w1", True), "dimension = True"),
    (("exp(x)", "w1", 3), "infinite"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=str)
def test_refusals(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        FunctionForm(*arguments)
    assert "\n" not in str(caught.value)


def test_more_refusals():
    with pytest.raises(InputError, match="weight_variance = -1"):
        FunctionForm("relu", "w1", 3, weight_variance=-1)
    with pytest.raises(InputError, match="'cube' is not a law"):
        FunctionForm("relu", "w1", 3, weights="cube")
    with pytest.raises(InputError, match="numbers need a dimension"):
        FunctionForm("relu", "w1", "d")([1, 2])
    with pytest.raises(InputError, match="no points of 3 dimensions"):
        FunctionForm("relu", "w1", 3)([1, 2])
    with pytest.raises(InputError, match="no angle"):
        FunctionForm("erf", "norm", 3).cosine_value(FunctionForm("erf", "w1", 3))
    with pytest.raises(InputError, match="no group 'norms'"):
        FunctionLayer(FunctionForm("relu", "w1", 3).activation, 3).form("norms")
