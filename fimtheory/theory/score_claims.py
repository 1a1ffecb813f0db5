"""Relative Fisher metrics as what they are by definition: mean products of scores, to be measured by Monte Carlo.

A problem is a subsystem (one neuron, a layer, two layers, a network) with given weights, a few inputs, and directions in
the space of its parameters. Along each of them the squared length in the metric is the mean square of the projected score,
whatever the number of responses drawn: verification draws them from the stated law and differentiates its log density
numerically.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np

from fimtheory.activations import Activation, named
from fimtheory.claims import AtEveryWidth, Source, claim
from fimtheory.errors import InputError
from fimtheory.theory.relative_fisher import Neuron, neuron
from fimtheory.theory.relative_layers import (
    SOFTMAX,
    RelativeMetric,
    linear_layer,
    network_metric,
    nonlinear_layer,
    softmax_layer,
    two_layers,
)
from fimtheory.theory.responses import PARAMETERS, response

Array = np.ndarray
Predictions = dict[str, AtEveryWidth]

KINDS = ("neuron", "layer", "two layers", "network")
_GIVEN = ("given weights and inputs", "y is drawn from the model itself", "the metric is averaged over the inputs")


@dataclass(frozen=True)
class Subsystem:
    """A neuron, a layer, two layers or a network in words: ``kind: activation -> ... -> response``.

    The response is ``softmax`` or ``RESPONSE:ACTIVATION`` followed by values of parameters of both; the activations before
    it are those of hidden layers, one and the same. One neuron needs no kind.

    >>> Subsystem.of("two layers: elu alpha=1/4 -> gaussian:tanh sigma=2").response
    'gaussian:tanh sigma=2'
    """

    kind: str
    hidden: tuple[str, ...]
    response: str

    @classmethod
    def of(cls, text: str) -> Subsystem:
        """Read it. Raises :class:`InputError`."""
        head, colon, chain = text.rpartition(": ")
        *hidden, response = (part.strip() for part in chain.split("->"))
        kind = head.strip() if colon else "neuron"
        fitting = {"two layers": len(hidden) == 1, "network": len(hidden) >= 1}.get(kind, not hidden)
        valued = all("=" in word for part in (*hidden, response) for word in part.split()[1:])
        if kind not in KINDS or not fitting or not valued or len(set(hidden)) > 1:
            raise InputError(
                f"{text!r} is no subsystem: write for instance 'bernoulli:tanh', 'layer: softmax',"
                " 'two layers: elu alpha=1/4 -> bernoulli:tanh' or 'network: tanh -> tanh -> softmax'"
            )
        if kind == "neuron" and response == SOFTMAX:
            raise InputError("softmax is the response of a layer: write 'layer: softmax'")
        return cls(kind, tuple(hidden), response)

    @property
    def values(self) -> dict[str, str]:
        """The parameters that are given to the response and its function, as text."""
        return dict(word.split("=", 1) for word in self.response.split(" ")[1:])

    @property
    def response_values(self) -> dict[str, str]:
        """Those of the response alone."""
        own = PARAMETERS.get(self.response.partition(":")[0], ())
        return {key: value for key, value in self.values.items() if key in own}

    @property
    def output(self) -> Neuron | str:
        """The response in the theory."""
        return SOFTMAX if self.response == SOFTMAX else neuron(self.response.split(" ")[0], **self.values)

    @property
    def activation(self) -> Activation | None:
        """That of the hidden layers."""
        return named(self.hidden[0]) if self.hidden else None


@dataclass(frozen=True, eq=False)
class ScoreProblem:
    """Weights, inputs (n, D) and directions (K, P) of a :class:`Subsystem`.

    The parameters are the columns of the weight matrices, one below the other; of two layers only those of the first.
    """

    output: Neuron | str
    activation: Activation | None
    weights: tuple[Array, ...]
    inputs: Array
    directions: Array

    def lengths(self, metric: RelativeMetric, kind: str = "length") -> Predictions:
        """The predicted mean squares along every direction."""
        return _predicted([metric.length(v) for v in self.directions], kind)


def _predicted(values: Iterable[float], kind: str = "length") -> Predictions:
    return {
        f"score.{kind}[{k}]": AtEveryWidth(lambda draws, value=float(value): value) for k, value in enumerate(values, 1)
    }


def _neuron_lengths(problem: ScoreProblem) -> list[float]:
    """nu(t) (v.x)^2, averaged over the inputs."""
    assert isinstance(problem.output, Neuron)
    nu = np.array([float(problem.output.at(t)) for t in (problem.inputs @ problem.weights[0])[:, 0]])
    return [float((nu * (problem.inputs @ v) ** 2).mean()) for v in problem.directions]


_SMOOTH = "log(exp(iota*x/omega)+exp(x/omega))*omega iota=1/4 omega=1/2"
_NEURONS = (
    "bernoulli:tanh",
    "bernoulli:sigmoid",
    "bernoulli:erf",
    "bernoulli:Phi(x)",
    "bernoulli:sin",
    "bernoulli:gelu link=natural",
    "gaussian:leaky_relu alpha=1/4 sigma=7/10",
    f"gaussian:{_SMOOTH} sigma=1/2",
    "gaussian:elu alpha=1/4 sigma=7/10",
    "gaussian:gelu sigma=2",
    "binomial:sigmoid n=5",
    "poisson:softplus",
    "poisson:exp",
    "poisson:sin link=natural",
    "exponential:softplus",
    "gamma:exp shape=5/2",
    "geometric:exp",
    "negative_binomial:softplus r=3/2",
    "von_mises:leaky_relu alpha=1/4 kappa=2",
)


@claim(
    "fimtheory.relative.neuron_scores",
    title="The metric of a neuron is the mean product of its scores",
    statement=r"\frac{1}{n} \sum_{i=1}^{n} \mathbb{E}_{y \sim p(y | w, x_i)} \left( v^\top \frac{\partial \ln p}{\partial"
    r" w} \right)^2 = \frac{1}{n} \sum_{i=1}^{n} \nu_f(w^\top \tilde x_i)\, (v^\top \tilde x_i)^2",
    source=Source("sun2016", "Definition 1, eqs. 9-10, 12, 14, 16, 18, 20-21 (by Monte Carlo)"),
    assumptions=(*_GIVEN, "no pre-activation is at a kink"),
    subject="relative_metric",
    activations=_NEURONS,
)
def predict_neurons(problem: ScoreProblem) -> Predictions:
    """nu of the engine, along three directions."""
    return _predicted(_neuron_lengths(problem))


@claim(
    "fimtheory.relative.neuron_curvatures",
    title="The metric of a neuron is minus the mean Hessian",
    statement=r"-\frac{1}{n} \sum_{i=1}^{n} \mathbb{E}_{y \sim p(y | w, x_i)}\, v^\top \frac{\partial^2 \ln p}{\partial w"
    r"\, \partial w^\top} v = \frac{1}{n} \sum_{i=1}^{n} \nu_f(w^\top \tilde x_i)\, (v^\top \tilde x_i)^2",
    source=Source("sun2016", "eqs. 2, 3, 5 and 53 (by Monte Carlo)"),
    assumptions=(
        *_GIVEN,
        "no pre-activation is at a kink",
        "f is no natural parameter: where it is, the Hessian does not depend on y, and nothing scatters",
    ),
    subject="relative_metric",
    activations=("bernoulli:erf", "gaussian:elu alpha=1/4 sigma=7/10", "poisson:softplus", "exponential:exp"),
)
def predict_neuron_curvatures(problem: ScoreProblem) -> Predictions:
    """The same numbers as for products of scores."""
    return _predicted(_neuron_lengths(problem), "curvature")


@claim(
    "fimtheory.relative.layer_scores",
    title="The metric of a layer, all units together",
    statement=r"\mathbb{E} \left( v^\top \frac{\partial \ln p}{\partial W} \right)^2 = \sum_{i j} v_i^\top G_{ij} v_j,\quad"
    r" G_{ij} = \delta_{ij}\, \nu_f(w_i^\top \tilde x)\, \tilde x \tilde x^\top \quad \text{or} \quad"
    r" (\eta_i \delta_{ij} - \eta_i \eta_j)\, \tilde x \tilde x^\top",
    source=Source("sun2016", "eqs. 22, 23 and 25 (by Monte Carlo)"),
    assumptions=(*_GIVEN, "no pre-activation is at a kink", "softmax: y is one of m classes"),
    subject="relative_metric",
    activations=(
        "layer: gaussian:linear sigma=7/10",
        "layer: gaussian:elu alpha=1/4",
        "layer: bernoulli:tanh",
        "layer: poisson:softplus",
        "layer: softmax",
    ),
)
def predict_layers(problem: ScoreProblem) -> Predictions:
    """Along directions in which all units move, or two of them: blocks off the diagonal count."""
    (W,), X, output = problem.weights, problem.inputs, problem.output
    if isinstance(output, str):
        return problem.lengths(softmax_layer(W, X))
    if output.name == "gaussian:linear":
        return problem.lengths(linear_layer(X, W.shape[1], 1 / np.sqrt(float(output.nu))))
    return problem.lengths(nonlinear_layer(output, W, X))


def _printed_two_layers(problem: ScoreProblem) -> Predictions:
    """Eq. 26, term by term, with the nu_f that section 3.1 has for f: Bernoulli for tanh and sigm, Gaussian for others."""
    (W, C), X, output, f = problem.weights, problem.inputs, problem.output, problem.activation
    if isinstance(output, str) or f is None:
        return {}
    unit = neuron(f"bernoulli:{f.name}") if f.name in ("tanh", "sigmoid") else neuron(response("gaussian"), f)
    outer, inner = output.numpy(f.numpy(X @ W) @ C), unit.numpy(X @ W)
    values = []
    for v in problem.directions:
        moves, total = X @ v.reshape(W.shape[::-1]).T, 0.0
        for i, j in product(range(W.shape[1]), repeat=2):
            G = (outer @ (C[i] * C[j])) * inner[:, i] * inner[:, j]
            total += (G * moves[:, i] * moves[:, j]).mean()
        values.append(total)
    return _predicted(values)


@claim(
    "fimtheory.relative.two_layer_scores",
    title="Two layers: f' of the hidden units, not their nu",
    statement=r"G_{ij} = \sum_{l=1}^{D_y} c_{il} c_{jl}\, \nu_f(c_l, h)\, f'(w_i^\top \tilde x)\, f'(w_j^\top \tilde x)\,"
    r" \tilde x \tilde x^\top",
    as_printed=r"G_{ij} = \sum_{l=1}^{D_y} c_{il} c_{jl}\, \nu_f(c_l, h)\, \nu_f(w_i, x)\, \nu_f(w_j, x)\,"
    r" \tilde x \tilde x^\top",
    printed=_printed_two_layers,
    source=Source("sun2016", "eq. 26 (by Monte Carlo)"),
    assumptions=(
        *_GIVEN,
        "W varies, C is given; hidden units are deterministic",
        "the printed form holds where nu_f = f': for tanh and the logistic function, and for ReLU at sigma = 1",
    ),
    subject="relative_metric",
    activations=(
        "two layers: elu alpha=1/4 -> bernoulli:tanh",
        "two layers: leaky_relu alpha=1/4 -> gaussian:elu alpha=1/2 sigma=2",
        "two layers: softplus -> bernoulli:sigmoid",
        "two layers: tanh -> bernoulli:tanh",
        "two layers: tanh -> poisson:exp",
        "two layers: elu alpha=1/4 -> softmax",
    ),
)
def predict_two_layers(problem: ScoreProblem) -> Predictions:
    """Along directions in which all hidden units move, or two of them, with equal and with opposite signs."""
    W, C = problem.weights
    return problem.lengths(two_layers(problem.output, problem.activation or "", W, C, problem.inputs))


_NETWORKS = (
    "network: tanh -> bernoulli:sigmoid",
    "network: tanh -> tanh -> softmax",
    "network: relu -> relu -> gaussian:linear sigma=1/2",
    "network: relu -> softmax",
)


@claim(
    "fimtheory.relative.network_scores",
    title="The Fisher information of whole networks is the mean product of their scores",
    statement=r"\frac{1}{n} \sum_{i=1}^{n} \mathbb{E}_{y \sim p(y | x_i, \Theta)} \left( v^\top"
    r" \frac{\partial l_i}{\partial \Theta} \right)^2 = v^\top g(\Theta)\, v,"
    r"\quad g(\Theta) = \frac{1}{n} \sum_{i=1}^{n} J_i^\top S(z_i)\, J_i",
    source=Source("sun2016", "eqs. 5, 6 and 27 (by Monte Carlo)"),
    assumptions=(*_GIVEN, "all weights and biases vary", "no pre-activation is at a kink"),
    subject="relative_metric",
    activations=_NETWORKS,
)
def predict_networks(problem: ScoreProblem) -> Predictions:
    """Along directions in all layers, in two units of the first, and in the first and the last layer."""
    return problem.lengths(_network(problem))


@claim(
    "fimtheory.relative.network_curvatures",
    title="The Fisher information of whole networks is minus their mean Hessian",
    statement=r"g(\Theta) = -\frac{1}{n} \sum_{i=1}^{n} \mathbb{E}_{y \sim p(y | x_i, \Theta)}"
    r" \frac{\partial^2 l_i}{\partial \Theta\, \partial \Theta^\top}",
    source=Source("sun2016", "eq. 5 (by Monte Carlo)"),
    assumptions=(*_GIVEN, "all weights and biases vary", "hidden units are smooth: they have second derivatives"),
    subject="relative_metric",
    activations=(*_NETWORKS[:2], "network: erf -> erf -> gaussian:linear sigma=1/2"),
)
def predict_network_curvatures(problem: ScoreProblem) -> Predictions:
    """Along the same directions."""
    return problem.lengths(_network(problem), "curvature")


def _network(problem: ScoreProblem) -> RelativeMetric:
    return network_metric(problem.output, problem.activation or "", problem.weights, problem.inputs)
