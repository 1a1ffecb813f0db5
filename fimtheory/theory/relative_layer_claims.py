r"""What document sun2016 says on the metrics of layers, of two layers and of networks, put to the definition.

The definition is E[score score'], for networks of a few units: in symbols, or by sums over all outcomes of the responses
(:mod:`fimtheory.theory.score_enumeration`).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np
import sympy as sp

from fimtheory.activations import activation
from fimtheory.claims import Agreement, Identity, Ordering, Source, claim
from fimtheory.theory.relative_fisher import neuron
from fimtheory.theory.relative_information_claims import Law, bernoulli, categorical, finite, gaussian, signs
from fimtheory.theory.relative_layers import (
    RelativeMetric,
    augmented,
    linear_layer,
    network_metric,
    nonlinear_layer,
    output_factor,
    softmax_layer,
    two_layers,
)
from fimtheory.theory.score_enumeration import Shapes, enumerated, network, stack

Array = np.ndarray
Statements = dict[str, Identity | Agreement | Ordering]
_ROUNDING = 1e-12  # of matrices whose entries are of order one
_X = sp.symbols("x_1:3", real=True)
_BATCH = ("a batch is the mean over its inputs",)
_INDEPENDENT = ("given W and x the outputs are independent", *_BATCH)


@functools.cache
def _draw(*shapes: tuple[int, int], seed: int = 3) -> tuple[Array, ...]:
    """Matrices of fixed random numbers."""
    draw = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
    return tuple(draw.standard_normal(shape) for shape in shapes)


_INPUTS, _SHAPES = (5, 3), ((3, 4), (5, 2))  # five inputs; three to four to two units, the second layer with biases


def _whole(response: str, phi: str, shapes: Shapes = _SHAPES) -> Agreement:
    """The metric of all parameters against the definition."""
    X, *weights = _draw(_INPUTS, *shapes)
    return Agreement(
        lambda: network_metric(response, activation_of(phi), weights, X).matrix,
        lambda: enumerated(response, network(phi, shapes, X), stack(weights)),
        _ROUNDING,
    )


def activation_of(text: str):
    """An activation with its parameters, as one word of text."""
    name, *values = text.split(" ")
    return activation(name, parameters=None, **dict(value.split("=") for value in values))


# -- eqs. 4 to 6, 9, 10


def _stochastic_network(x: int) -> tuple[Law, tuple[sp.Symbol, ...]]:
    """Two hidden units in {0, 1} and one output in {0, 1}: the law of the output, summed over the hidden units.

    The parameters are the exponentials of the weights, in which everything is rational.
    """
    w, c = sp.symbols("w_1:3", positive=True), sp.symbols("c_1:3", positive=True)
    hidden = [bernoulli(weight**x) for weight in w]
    total = {0: sp.S.Zero, 1: sp.S.Zero}
    for h in itertools.product((0, 1), repeat=2):
        p = sp.Mul(*(sp.exp(law.log(value)) for law, value in zip(hidden, h, strict=True)))
        output = bernoulli(c[0] ** h[0] * c[1] ** h[1] / 2)
        total = {y: share + p * sp.exp(output.log(y)) for y, share in total.items()}
    return finite(total), (*w, *c)


@claim(
    "sun2016.eqs4_6",
    title="The Fisher information of a network over a batch",
    statement=r"p(y \mid x) = \sum_h p(y \mid h)\, p(h \mid x),\quad g(\Theta) = \frac{1}{n} \sum_i \mathbb{E}"
    r" \left[\frac{\partial l_i}{\partial \Theta} \frac{\partial l_i}{\partial \Theta^\top}\right] = -\frac{1}{n} \sum_i"
    r" \mathbb{E} \frac{\partial^2 l_i}{\partial \Theta\, \partial \Theta^\top},\quad \delta^\top g\, \delta ="
    r" \frac{1}{n} \sum_i \mathbb{E} \left(\delta^\top \frac{\partial l_i}{\partial \Theta}\right)^2",
    source=Source("sun2016", "eqs. 4-6"),
    assumptions=("eq. 5 for stochastic hidden units as well as for deterministic ones", *_BATCH),
    subject=None,
)
def predict_networks() -> Statements:
    """Stochastic hidden units in symbols; deterministic ones, of several responses, by sums over outcomes."""
    (law, theta), (other, _) = _stochastic_network(1), _stochastic_network(2)
    mean = lambda f: (f(law) + f(other)) / 2  # noqa: E731
    found: Statements = {"eq. 4 sums to one": Identity(sp.Add(*(sp.exp(law.log(y)) for y in (0, 1))), sp.S.One)}
    for a, b in ((theta[0], theta[1]), (theta[1], theta[2])):
        score, hessian = mean(lambda p, a=a, b=b: p.score_form(a, b)), mean(lambda p, a=a, b=b: p.hessian_form(a, b))
        found[f"eq. 5, {a} {b}"] = Identity(score, hessian)
    for response in ("bernoulli:sigmoid", "bernoulli:tanh", "gaussian:linear", "softmax"):
        found[f"eq. 5, {response}"] = _whole(response, "tanh")
    delta = _draw((22,), seed=4)[0]
    X, *weights = _draw(_INPUTS, *_SHAPES)
    metric = functools.cache(lambda: network_metric("softmax", "tanh", weights, X))
    dense = lambda: enumerated("softmax", network("tanh", _SHAPES, X), stack(weights))  # noqa: E731
    return found | {"eq. 6": Agreement(lambda: metric().length(delta), lambda: delta @ dense() @ delta, _ROUNDING * 22)}


@claim(
    "sun2016.eqs9_10",
    title="The relative metric of a layer and its squared length",
    statement=r"g^h(\theta \mid \theta_f) = \mathbb{E}_{p(h \mid \theta, \theta_f)} \left[\frac{\partial \ln p}{\partial"
    r" \theta} \frac{\partial \ln p}{\partial \theta^\top}\right],\quad \delta^\top g^h \delta = \mathbb{E}"
    r" \left[\delta^\top \frac{\partial \ln p}{\partial \theta}\right]^2",
    source=Source("sun2016", "definition 1, eqs. 9-10"),
    assumptions=("x, and all other parameters, are given",),
    subject=None,
)
def predict_definition() -> dict[str, Identity]:
    """A layer of two tanh units in {-1, 1} with two inputs: each entry, and the length of any direction."""
    W, delta = sp.Matrix(2, 2, sp.symbols("w_1:5", real=True)), sp.symbols("d_1:5", real=True)
    theta = [*W.col(0), *W.col(1)]
    t = (W.T * sp.Matrix(_X)).T
    units = [signs(sp.tanh(s)) for s in t]
    layer = finite({y: _together(units, y) for y in itertools.product((-1, 1), repeat=2)})
    nu = [1 - sp.tanh(s) ** 2 for s in t]
    expected = sp.kronecker_product(sp.diag(*nu), sp.Matrix(_X) * sp.Matrix(_X).T)
    places = ((0, 0), (0, 1), (0, 2), (3, 3))
    found = {f"g_{i + 1}{j + 1}": Identity(layer.score_form(theta[i], theta[j]), expected[i, j]) for i, j in places}
    steps = [sp.Add(*(d * x for d, x in zip(delta[2 * i : 2 * i + 2], _X, strict=True))) for i in range(2)]
    along = layer.average(lambda y: _derivative(layer.log(y), theta, delta) ** 2)
    return found | {"length": Identity(along, sp.Add(*(n * s**2 for n, s in zip(nu, steps, strict=True))))}


def _together(laws: Sequence[Law], outcomes: Sequence[int]) -> sp.Expr:
    """The probability of independent outcomes."""
    return sp.Mul(*(sp.exp(law.log(y)) for law, y in zip(laws, outcomes, strict=True)))


def _derivative(e: sp.Expr, theta: Sequence[sp.Symbol], delta: Sequence[sp.Symbol]) -> sp.Expr:
    return sp.Add(*(d * sp.diff(e, s) for s, d in zip(theta, delta, strict=True)))


# -- one layer


def _masses(constant: Callable[[int], sp.Expr]) -> dict[str, Identity]:
    """The integral of exp(constant - |y - mu|^2/(2 sigma^2)) over y, for one, two and three outputs."""
    y, mu = sp.symbols("y mu", real=True)
    sigma = sp.Symbol("s", positive=True)
    one = sp.integrate(sp.exp(-((y - mu) ** 2) / (2 * sigma**2)), (y, -sp.oo, sp.oo))
    spread = sp.log(sigma**2)
    return {f"{m} outputs": Identity(sp.exp(constant(m) - m * spread / 2) * one**m, sp.S.One) for m in (1, 2, 3)}


@claim(
    "sun2016.eq65",
    title="The log density of a linear layer",
    statement=r"\ln p(y) = -\frac{D_y}{2} \ln 2 \pi - \frac{D_y}{2} \ln \sigma^2 - \frac{1}{2 \sigma^2} \sum_{i=1}^{D_y}"
    r" (y_i - w_i^\top \tilde x)^2",
    source=Source("sun2016", "eqs. 64-65"),
    assumptions=("a Gaussian response",),
    as_printed=r"\ln p(y) = -\frac{1}{2} \ln 2 \pi - \frac{D_y}{2} \ln \sigma^2 - \frac{1}{2 \sigma^2} \sum_{i=1}^{D_y}"
    r" (y_i - w_i^\top \tilde x)^2",
    printed=lambda: _masses(lambda m: -sp.log(2 * sp.pi) / 2),
    subject=None,
)
def predict_normalisation() -> dict[str, Identity]:
    """The density integrates to one; with the printed constant only where there is one output."""
    return _masses(lambda m: -m * sp.log(2 * sp.pi) / 2)


@claim(
    "sun2016.eq22",
    title="The metric of a linear layer",
    statement=r"\frac{\partial \ln p}{\partial w_i} = -\frac{1}{\sigma^2} (w_i^\top \tilde x - y_i)\, \tilde x,\quad"
    r" g^y(W) = \frac{1}{\sigma^2} \operatorname{diag}\left[\tilde x \tilde x^\top, \ldots, \tilde x \tilde x^\top\right]",
    source=Source("sun2016", "eqs. 22, 66-70"),
    assumptions=_INDEPENDENT,
    subject=None,
)
def predict_linear_layer() -> Statements:
    """Scores of two outputs of two inputs and their means; the matrix of a batch against sums over outcomes."""
    sigma, W, y = sp.Symbol("s", positive=True), sp.Matrix(2, 2, sp.symbols("w_1:5", real=True)), sp.symbols("y_1:3")
    t = (W.T * sp.Matrix(_X)).T
    log = sp.Add(*(gaussian(t[i], sigma).log(y[i]) for i in range(2)))
    found: Statements = {
        f"eq. 66, w_{k + 1}{i + 1}": Identity(sp.diff(log, W[k, i]), -(t[i] - y[i]) * _X[k] / sigma**2)
        for k, i in itertools.product(range(2), repeat=2)
    }
    residuals = {y[i]: t[i] + sigma * u for i, u in enumerate(sp.symbols("u_1:3"))}
    for i, j in ((0, 1), (0, 0)):
        product = sp.diff(log, W[0, i]) * sp.diff(log, W[1, j])
        printed = (y[i] - t[i]) * (y[j] - t[j]) * _X[0] * _X[1] / sigma**4
        found[f"eq. 67, {i + 1} {j + 1}"] = Identity(product, printed)
        mean = _standard_mean(product.subs(residuals))
        found[f"eq. {69 if i == j else 68}"] = Identity(mean, sp.Integer(i == j) * _X[0] * _X[1] / sigma**2)
    X, W1 = _draw(_INPUTS, (3, 2))
    dense = lambda: enumerated("gaussian:linear", network("tanh", [(3, 2)], X), stack([W1]))  # noqa: E731
    found["eq. 70"] = Agreement(lambda: linear_layer(X, 2, "1/2").matrix, lambda: 4 * dense(), 4 * _ROUNDING)
    return found


def _standard_mean(e: sp.Expr) -> sp.Expr:
    """The mean of a polynomial in independent standard normal u_1, u_2."""
    powers = sp.Poly(sp.expand(e), *sp.symbols("u_1:3"))
    moment = lambda k: sp.factorial2(k - 1) if k % 2 == 0 else 0  # noqa: E731
    return sp.Add(*(c * moment(i) * moment(j) for (i, j), c in powers.terms()))


@claim(
    "sun2016.eq23",
    title="The metric of a layer of independent units",
    statement=r"p(y \mid W, x) = \prod_i p(y_i \mid w_i, x),\quad g^y(W) = \operatorname{diag}\left[\nu_f(w_1, x)\,"
    r" \tilde x \tilde x^\top, \ldots, \nu_f(w_m, x)\, \tilde x \tilde x^\top\right]",
    source=Source("sun2016", "eqs. 23, 71-74"),
    assumptions=(
        *_INDEPENDENT,
        "eq. 73 is read as a block diagonal matrix, as the sentence after it says, not as the column that the text shows",
    ),
    subject=None,
)
def predict_nonlinear_layer() -> Statements:
    """A tanh unit beside a Gaussian one, in symbols, whatever is observed; batches against sums over outcomes."""
    W, y, sigma = (
        sp.Matrix(2, 2, sp.symbols("w_1:5", real=True)),
        sp.Symbol("y", real=True),
        sp.Symbol("s", positive=True),
    )
    t = (W.T * sp.Matrix(_X)).T
    first, second = signs(sp.tanh(t[0])), gaussian(t[1] ** 3, sigma)
    found: Statements = {}
    for value in (-1, 1):
        both = first.log(value) + second.log(y)
        found[f"eq. 73, y_1 = {value}, off the diagonal"] = Identity(sp.diff(both, W[0, 0], W[1, 1]), sp.S.Zero)
        own = sp.diff(first.log(value), W[0, 0], W[1, 0])
        found[f"eq. 73, y_1 = {value}, on the diagonal"] = Identity(sp.diff(both, W[0, 0], W[1, 0]), own)
    nu = {0: 1 - sp.tanh(t[0]) ** 2, 1: 9 * t[1] ** 4 / sigma**2}
    for i, law in enumerate((first, second)):
        block = nu[i] * _X[0] * _X[1]
        found[f"eq. 74, unit {i + 1}"] = Identity(law.hessian_form(W[0, i], W[1, i]), block)
    X, W1 = _draw(_INPUTS, (3, 4))
    for response in ("bernoulli:tanh", "bernoulli:sigmoid", "gaussian:softplus"):
        found[f"eq. 23, {response}"] = Agreement(
            lambda response=response: nonlinear_layer(response, W1, X).matrix,
            lambda response=response: enumerated(response, network("tanh", [(3, 4)], X), stack([W1])),
            _ROUNDING,
        )
    return found


@claim(
    "sun2016.eq25",
    title="The metric of a softmax layer",
    statement=r"\frac{\partial^2 \ln p(y = i)}{\partial w_j\, \partial w_k^\top} = (-\delta_{jk} \eta_j + \eta_j \eta_k)\,"
    r" \tilde x \tilde x^\top \text{ for every } i,\quad g^y(W) = \left[(\eta_j \delta_{jk} - \eta_j \eta_k)\, \tilde x"
    r" \tilde x^\top\right]_{jk}",
    source=Source("sun2016", "eqs. 24-25, 75-79"),
    assumptions=("y is one of m classes", *_BATCH),
    subject=None,
)
def predict_softmax_layer() -> Statements:
    """Three classes and two inputs in symbols; a diagonal block as that of a logistic neuron; a batch by outcomes."""
    W = sp.Matrix(2, 3, sp.symbols("w_1:7", real=True))
    logits = (W.T * sp.Matrix(_X)).T
    law = categorical(*map(sp.exp, logits))
    eta = [sp.exp(law.log(y)) for y in (1, 2, 3)]
    found: Statements = {}
    for i, j in itertools.product(range(2), repeat=2):
        score = (sp.Integer(i == j) - eta[j]) * _X[0]
        found[f"eq. 77, i = {i + 1}, j = {j + 1}"] = Identity(sp.diff(law.log(i + 1), W[0, j]), score)
    for j, k in ((0, 0), (0, 1)):
        block = (-sp.Integer(j == k) * eta[j] + eta[j] * eta[k]) * _X[0] * _X[1]
        for i in (1, 2, 3):
            found[f"eq. 78, i = {i}, j = {j + 1}, k = {k + 1}"] = Identity(sp.diff(law.log(i), W[0, j], W[1, k]), block)
        found[f"eq. 79, {j + 1} {k + 1}"] = Identity(law.score_form(W[0, j], W[1, k]), -block)
    rest = sp.log(sp.exp(logits[1]) + sp.exp(logits[2]))
    neuron_like = bernoulli(sp.exp(logits[0] - rest))
    found["as a logistic neuron"] = Identity(eta[0] - eta[0] ** 2, sp.exp(neuron_like.log(0) + neuron_like.log(1)))
    X, W1 = _draw(_INPUTS, (3, 4))
    dense = lambda: enumerated("softmax", network("tanh", [(3, 4)], X), stack([W1]))  # noqa: E731
    return found | {"eq. 25": Agreement(lambda: softmax_layer(W1, X).matrix, dense, _ROUNDING)}


# -- two layers, whole networks

_KINKED = ("elu alpha=1/4", "leaky_relu alpha=1/4", "softplus")
_EITHER = ("tanh", "sigmoid", "relu")
_ENDS = ("bernoulli:sigmoid", "gaussian:linear", "softmax")


def _first_layer(response: str, phi: str, route: Callable[..., RelativeMetric]) -> Agreement:
    """The metric of W, C being given, against the definition."""
    X, W, C = _draw(_INPUTS, *_SHAPES)
    outputs = lambda theta: network(phi, _SHAPES, X)(np.concatenate([theta, stack([C])]))  # noqa: E731
    return Agreement(
        lambda: route(response, phi, W, C, X).matrix, lambda: enumerated(response, outputs, stack([W])), _ROUNDING
    )


def _derived(response: str, phi: str, W: Array, C: Array, X: Array) -> RelativeMetric:
    return two_layers(response, activation_of(phi), W, C, X)


def as_printed_in_eq_26(response: str, phi: str, W: Array, C: Array, X: Array) -> RelativeMetric:
    """The metric of two layers with nu_f (at sigma = 1) in the place of f'."""
    kind = "bernoulli" if phi in ("tanh", "sigmoid") else "gaussian"
    unit = neuron(f"{kind}:{phi.split(' ')[0]}", **dict(v.split("=") for v in phi.split(" ")[1:]))
    t = X @ W
    A = output_factor(response, augmented(activation_of(phi).numpy(t)) @ C)
    return RelativeMetric((A @ C[:-1].T * np.asarray(unit.numpy(t))[:, None, :],), (X,))


@claim(
    "sun2016.eq26",
    title="The metric of two layers",
    statement=r"G_{ij} = \sum_{l=1}^{D_y} c_{il} c_{jl}\, \nu_f(c_l, h)\, f'(w_i^\top \tilde x)\, f'(w_j^\top \tilde x)\,"
    r" \tilde x \tilde x^\top",
    source=Source("sun2016", "eqs. 26, 80-81"),
    assumptions=(
        "the first layer is deterministic, h = f(W'x), and only y is observed, given W, C and x",
        "with a softmax, (C S C')_ij stands for the sum over l",
        "nu_f = f' for tanh, for the logistic function, and for ReLU at sigma = 1: there the printed form holds",
    ),
    as_printed=r"G_{ij} = \sum_{l=1}^{D_y} c_{il} c_{jl}\, \nu_f(c_l, h)\, \nu_f(w_i, x)\, \nu_f(w_j, x)\, \tilde x \tilde"
    r" x^\top",
    printed=lambda: {f"{phi}": _first_layer("gaussian:linear", phi, as_printed_in_eq_26) for phi in _KINKED},
    subject=None,
)
def predict_two_layers() -> Statements:
    """The definition by outcomes: ELU, PReLU with slope 1/4, relu_omega with iota = 0, and where nu_f is f'."""
    found: Statements = {f"{phi}, {end}": _first_layer(end, phi, _derived) for phi in _KINKED for end in _ENDS}
    found |= {f"{phi}, as printed": _first_layer("softmax", phi, as_printed_in_eq_26) for phi in _EITHER}
    return found


@claim(
    "sun2016.eq27",
    title="The Fisher information of a network with one Bernoulli output",
    statement=r"g(\Theta) = \frac{1}{n} \sum_i \left[\mu_i \frac{\partial \ln \mu_i}{\partial \Theta} \frac{\partial \ln"
    r" \mu_i}{\partial \Theta^\top} + (1 - \mu_i) \frac{\partial \ln (1 - \mu_i)}{\partial \Theta} \frac{\partial \ln (1 -"
    r" \mu_i)}{\partial \Theta^\top}\right] = \frac{1}{n} \sum_i \frac{1}{\mu_i (1 - \mu_i)} \frac{\partial"
    r" \mu_i}{\partial \Theta} \frac{\partial \mu_i}{\partial \Theta^\top}",
    source=Source("sun2016", "eq. 27"),
    assumptions=("read as the mean over the inputs i, which the printed right-hand sides leave to the index",),
    subject=None,
)
def predict_bernoulli_network() -> Statements:
    """Both forms in symbols for one hidden unit; a network of two hidden layers by outcomes."""
    a, b, c, x = sp.symbols("a b c x", real=True)
    mu = 1 / (1 + sp.exp(-c * sp.tanh(a * x + b)))
    law = finite({0: 1 - mu, 1: mu})
    quotient = lambda s, t: sp.diff(mu, s) * sp.diff(mu, t) / (mu * (1 - mu))  # noqa: E731
    found: Statements = {
        f"{s} {t}": Identity(law.score_form(s, t), quotient(s, t)) for s, t in ((a, a), (a, c), (b, c))
    }
    return found | {"two hidden layers": _whole("bernoulli:sigmoid", "tanh", ((3, 4), (5, 3), (4, 1)))}


@claim(
    "sun2016.sec4_last_layer",
    title="The relative metric of the last layer is its block of the Fisher information",
    statement=r"g^y(\theta_L) = \mathcal{I}(\Theta)_{LL},\qquad g^{h_l}(\theta_l) \neq \mathcal{I}(\Theta)_{ll}"
    r" \text{ for } l < L",
    source=Source("sun2016", "section 4"),
    assumptions=("all layers but the last are deterministic", *_BATCH),
    subject=None,
)
def predict_last_layer() -> Statements:
    """Blocks of the definition for the whole network against layers by themselves; the first differs by a tenth or more."""
    X, W, C = _draw(_INPUTS, *_SHAPES)
    h = np.hstack([np.tanh(X @ W), np.ones((len(X), 1))])
    found: Statements = {}
    for response in ("bernoulli:tanh", "gaussian:softplus", "softmax"):
        dense = functools.cache(lambda r=response: enumerated(r, network("tanh", _SHAPES, X), stack([W, C])))
        own = softmax_layer if response == "softmax" else functools.partial(nonlinear_layer, response)
        found[f"last, {response}"] = Agreement(
            lambda own=own: own(C, h).matrix, lambda dense=dense: dense()[W.size :, W.size :], _ROUNDING
        )
        found[f"first, {response}"] = Ordering(
            lambda: [0.1],
            lambda dense=dense: [
                _distance(nonlinear_layer("bernoulli:tanh", W, X).matrix, dense()[: W.size, : W.size])
            ],
        )
    return found


def _distance(a: Array, b: Array) -> float:
    """The Frobenius distance, of the norm of b."""
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


@claim(
    "sun2016.sec4_balance",
    title="Metrics of largest eigenvalue one bound what a step changes",
    statement=r"\lambda_{\max}(g^{h}) = 1,\quad \|\delta\theta\| \leq \gamma \quad\Rightarrow\quad \mathbb{E}"
    r" \left[\delta\theta^\top \frac{\partial \ln p}{\partial \theta}\right]^2 \leq \gamma^2,\quad \text{attained along the"
    r" first eigenvector}",
    source=Source("sun2016", "section 4, balance of subsystems"),
    assumptions=_BATCH,
    subject=None,
)
def predict_balance() -> Statements:
    """Two layers with metrics of very different scale, each divided by its largest eigenvalue; 50 directions each."""
    X, W, C = _draw(_INPUTS, *_SHAPES)
    layers = {"tanh": nonlinear_layer("bernoulli:tanh", 5 * W, X), "softmax": softmax_layer(C / 9, augmented(X @ W))}
    found: Statements = {}
    for name, metric in layers.items():
        scale = metric.eigenvalues[0]
        (directions,) = _draw((50, metric.parameter_count), seed=6)
        unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        found[f"{name}, bounded"] = Ordering(
            lambda m=metric, s=scale, u=unit: [m.length(v) / s for v in u], lambda: 1.0
        )
        top = np.linalg.eigh(metric.matrix)[1][:, -1]
        found[f"{name}, attained"] = Agreement(lambda m=metric, s=scale, v=top: m.length(v) / s, lambda: 1.0, _ROUNDING)
    return found
