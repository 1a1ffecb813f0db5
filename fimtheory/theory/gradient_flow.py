r"""What gradient descent does to outputs: exact statements on one small network, and what they make of a fixed kernel.

The small network is that of :mod:`fimtheory.theory.metric_tensors`. Its outputs are analytic in the parameters, so a
derivative is the imaginary part at an imaginary step, exact to rounding: no derivative of a formula goes into it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp

from fimtheory.activations import activation
from fimtheory.claims import Agreement, Ordering, Source, claim
from fimtheory.theory import metric_tensors as example
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.input_kernels import two_group_kernels
from fimtheory.theory.kernel_training import (
    Trajectory,
    critical_rate_of,
    cross_entropy_dynamics,
    mse_curve,
    mse_dynamics,
    mse_loss,
)
from fimtheory.theory.logit_law import softmax

_IMAGINARY = 1e-30j
_CLOSE = 1e-12  # sums of a few dozen products of numbers of order one
_EXAMPLE = ("one network of widths 3, 4, 3, 2 with tanh, and five inputs",)
_SIGMA_W2, _SIGMA_B2 = 1.7, 0.6

Array = np.ndarray


def _labels() -> Array:
    return np.eye(example.OUTPUTS)[np.arange(example.SAMPLES) % example.OUTPUTS]


def _slope(function: Callable[[Array], Array], theta: Array, direction: Array) -> Array:
    """The derivative of an analytic function along a direction."""
    return np.imag(function(theta + _IMAGINARY * direction)) / abs(_IMAGINARY)


def _probabilities(f: Array) -> Array:
    powers = np.exp(f)  # analytic, for logits of order one
    return powers / powers.sum(axis=-1, keepdims=True)


def squared_loss(theta: Array) -> Array:
    """sum |y - f|^2 / 2N of the small network."""
    return ((_labels() - example.outputs(theta)) ** 2).sum() / (2 * example.SAMPLES)


def softmax_loss(theta: Array) -> Array:
    """-sum y log g / N of the small network."""
    return -(_labels() * np.log(_probabilities(example.outputs(theta)))).sum() / example.SAMPLES


def velocity(loss: Callable[[Array], Array], of: Callable[[Array], Array] = example.outputs) -> Array:
    """The velocity of the outputs, or of a function of the parameters, under d theta/dt = -grad loss; both by slopes."""
    theta = example.parameters()
    gradient = np.array([_slope(loss, theta, one) for one in np.eye(len(theta))])
    return _slope(of, theta, -gradient)


def _moved(errors: Array) -> Array:
    """(1/N) Theta errors, for errors of shape (N, C), Theta from gradients by the chain rule."""
    J = example.jacobian()
    return (J.T @ (J @ errors.T.ravel()) / example.SAMPLES).reshape(example.OUTPUTS, -1).T


@claim(
    "karakida2020.eq29",
    title="At every width the velocity of the outputs is the tangent kernel times the error",
    statement=r"\frac{df}{dt} = \frac{\eta}{N}\, \Theta\, (y - f),\quad \Theta = \nabla_\theta f^\top\, \nabla_\theta f",
    source=Source("karakida2020", "eqs. 29 and 30"),
    assumptions=(*_EXAMPLE, "gradient flow on the squared loss; Theta is that of the moment"),
    subject=None,
)
def predict_velocity() -> dict[str, Agreement]:
    """All outputs on all inputs."""
    error = _labels() - example.outputs(example.parameters())
    return {"velocity of f": Agreement(lambda: velocity(squared_loss), lambda: _moved(error), _CLOSE)}


@claim(
    "karakida2020.sec3.4",
    title="With the cross-entropy the logits move by the kernel alone, and the probabilities by Q times it",
    statement=r"\frac{df}{dt} = \frac{\eta}{N}\, \Theta\, (y - g),\quad "
    r"\frac{dg}{dt} = \frac{\eta}{N}\, Q\, \Theta\, (y - g)",
    source=Source("karakida2020", "Section 3.4 (there Q Theta (y - g) is called the functional gradient)"),
    assumptions=(*_EXAMPLE, "gradient flow on the cross-entropy of a softmax"),
    subject=None,
)
def predict_softmax_velocity() -> dict[str, Agreement]:
    """Logits and probabilities."""
    g = softmax(example.outputs(example.parameters()))
    moved = _moved(_labels() - g)
    return {
        "velocity of f": Agreement(lambda: velocity(softmax_loss), lambda: moved, _CLOSE),
        "velocity of g": Agreement(
            lambda: velocity(softmax_loss, lambda theta: _probabilities(example.outputs(theta))),
            lambda: g * moved - g * (g * moved).sum(axis=1, keepdims=True),
            _CLOSE,
        ),
    }


def _scales() -> Array:
    """The standard deviation of every parameter of the small network, in the order of its parameters."""
    rows = [
        np.tile([*[np.sqrt(_SIGMA_W2 / columns)] * columns, np.sqrt(_SIGMA_B2)], height)
        for columns, height in zip(example.WIDTHS[:-1], example.WIDTHS[1:], strict=True)
    ]
    return np.concatenate(rows)


def _tangent_kernel_by_slopes() -> Array:
    """Theta from derivatives in omega and beta, (C N, C N), output-major."""
    scales = _scales()
    own = example.parameters() / scales
    columns = [_slope(lambda w: example.outputs(scales * w), own, one).T.ravel() for one in np.eye(len(own))]
    return np.array(columns).T @ np.array(columns)


def _tangent_kernel_by_layers() -> Array:
    """sum_l (delta . delta)(sigma_w^2 h . h/M_{l-1} + sigma_b^2)."""
    delta, features = example.backward_signals(), example.forward(example.parameters())[0]
    total = np.zeros((example.OUTPUTS * example.SAMPLES,) * 2)
    for l, h in enumerate(features, start=1):
        rows = delta[l].transpose(1, 0, 2).reshape(len(total), -1)
        overlap = _SIGMA_W2 * h @ h.T / h.shape[1] + _SIGMA_B2
        total += rows @ rows.T * np.tile(overlap, (example.OUTPUTS, example.OUTPUTS))
    return total


@claim(
    "karakida2020.eq31",
    title="The NTK parameterisation multiplies every derivative by the standard deviation of its parameter",
    statement=r"W^l_{ij} = \frac{\sigma_w}{\sqrt{M_{l-1}}}\, \omega^l_{ij},\quad b^l_i = \sigma_b\, \beta^l_i,\quad "
    r"\Theta(k, k')_{nm} = \sum_{l=1}^{L} \delta_k^l(n) \cdot \delta_{k'}^l(m) "
    r"\left(\frac{\sigma_w^2}{M_{l-1}}\, h^{l-1}(n) \cdot h^{l-1}(m) + \sigma_b^2\right)",
    source=Source("karakida2020", "eqs. 29 and 31, appendix C"),
    assumptions=_EXAMPLE,
    subject=None,
)
def predict_parameterisation() -> dict[str, Agreement]:
    """The gradients of the first output on the first input, and the whole kernel."""
    first = example.jacobian()[:, 0]

    def own_gradient() -> Array:
        scales = _scales()
        own = example.parameters() / scales
        return np.array([_slope(lambda w: example.outputs(scales * w), own, one)[0, 0] for one in np.eye(len(own))])

    return {
        "one gradient": Agreement(own_gradient, lambda: _scales() * first, _CLOSE),
        "the kernel": Agreement(_tangent_kernel_by_slopes, _tangent_kernel_by_layers, _CLOSE),
    }


# -- a fixed kernel


def _wide_network() -> DeepNetwork:
    return DeepNetwork(activation("relu"), 3, 2, sp.Rational(1, 10), outputs=3, samples=12)


def _leading_kernel(network: DeepNetwork, width: int) -> Array:
    """N F* to leading order, alpha M K: the kernel of the ordinary parameterisation without what biases add."""
    layers = two_group_kernels(network)
    return sum(
        (
            width * float(a) * back * hat
            for a, back, hat in zip(network.alphas, layers.backward, layers.forward, strict=True)
        ),
        np.zeros((network.samples,) * 2),
    )


@claim(
    "fimtheory.two_groups",
    title="The squared loss on random inputs: one rate for the mean over samples, one for all else",
    statement=r"\frac{1}{2}\left[(1 - \eta \lambda_1)^{2t}\, |\bar r_0|^2 + (1 - \eta \lambda_2)^{2t}"
    r"\left(\tfrac{1}{N} \sum_n |r_0(n)|^2 - |\bar r_0|^2\right)\right],\quad "
    r"\lambda_1 = \tfrac{\alpha M}{N} (\kappa_1 + (N-1)\, \kappa_2),\quad "
    r"\lambda_2 = \tfrac{\alpha M}{N} (\kappa_1 - \kappa_2)",
    source=Source("fimtheory", "extends Karakida, Akaho, Amari (2020), eqs. 30 and A.4"),
    assumptions=("M is large at fixed N and t", "random inputs, kappa_2 > 0"),
    subject=None,
)
def predict_two_groups() -> dict[str, Agreement]:
    """Forty steps of one residual, by the two rates and by powers of the matrix."""
    network, width = _wide_network(), 300
    rate = 0.4 * float(critical_rate_of(network, width))
    r = np.random.Generator(np.random.Philox(key=4)).standard_normal((network.samples, network.outputs)) + 0.5
    square, of_mean = float((r**2).sum() / len(r)), float((r.mean(axis=0) ** 2).sum())
    return {
        "loss": Agreement(
            lambda: mse_loss(mse_dynamics(_leading_kernel(network, width), r, rate, 40)),
            lambda: mse_curve(network, width, rate, 40, square, of_mean),
            1e-10,
        )
    }


def _softmax_run(multiple: float, steps: int = 60) -> Trajectory:
    """Cross-entropy of three classes at a multiple of 2/lambda_max(F), the infinite-width kernel of random inputs."""
    network, width = _wide_network(), 300
    draw = np.random.Generator(np.random.Philox(key=5))
    logits = draw.standard_normal((network.samples, network.outputs))
    labels = np.eye(network.outputs)[draw.integers(network.outputs, size=network.samples)]
    rate = multiple * float(critical_rate_of(network, width))
    return cross_entropy_dynamics(_leading_kernel(network, width), logits, labels, rate, steps)


def _along(run: Trajectory, of: Callable[[int], float]) -> Array:
    return np.array([of(t) for t in range(0, len(run.loss), 4)])


@claim(
    "karakida2020.fig5.bounds",
    title="The bounds of theorem 3.3 hold all along training, and the largest eigenvalue falls towards zero",
    statement=r"\beta_4\, \lambda_{\max}(F) \le \lambda_{\max}(F_{\mathrm{cross}}) \le \sqrt{\alpha\, s_\lambda}\, M,\quad "
    r"\lambda_{\max}(F_{\mathrm{cross}}) \le \tfrac{1}{2} \lambda_{\max}(F) \quad\text{for every } g_t",
    source=Source("karakida2020", "Section 3.4 and Figure 5 (right)"),
    assumptions=("the infinite-width kernel of random inputs, one trajectory", "kappa_2 > 0"),
    subject=None,
)
def predict_bounds() -> dict[str, Ordering]:
    """Both bounds, and that the last step of the trajectory has a tenth of the first eigenvalue."""
    run = _softmax_run(0.5, steps=400)

    def largest() -> Array:
        return _along(run, lambda t: run.cross_eigenvalues(t)[0])

    return {
        "below half of F": Ordering(largest, lambda: run.lambda_max / 2),
        "upper bound": Ordering(largest, lambda: _along(run, lambda t: run.cross_bounds(t)[1])),
        "lower bound": Ordering(lambda: _along(run, lambda t: run.cross_bounds(t)[0]), largest),
        "towards zero": Ordering(lambda: largest()[-1], lambda: largest()[0] / 10),
    }


@claim(
    "fimtheory.cross_entropy_rate",
    title="A rate below which the cross-entropy falls at every step: twice the boundary of the squared loss",
    statement=r"\eta < \frac{4}{\lambda_{\max}(F)} \implies \mathrm{Loss}_{t+1} < \mathrm{Loss}_t",
    source=Source("fimtheory", "extends Karakida, Akaho, Amari (2020), eq. 23, to the cross-entropy"),
    assumptions=(
        "the tangent kernel stays what it is",
        "the loss is convex and its curvature F_cross is at most lambda_max(F)/2, for no Q_n exceeds 1/2",
    ),
    subject=None,
)
def predict_safe_rate() -> dict[str, Ordering]:
    """A trajectory just below; and one of two samples that contradict each other, just below and just above."""
    run = _softmax_run(2 * 0.99)

    def end(multiple: float) -> float:
        """How far from g = 1/2 two equal inputs of opposite labels are driven, from close by; lambda_max(F) = 1."""
        same, start = np.ones((2, 2)), np.array([[0.01, -0.01]] * 2)
        return float(abs(cross_entropy_dynamics(same, start, np.eye(2), 4 * multiple, 300).logits[-1, 0, 0]))

    return {
        "falls": Ordering(lambda: run.loss[1:], lambda: run.loss[:-1]),
        "the constant is sharp": Ordering(lambda: end(0.98), lambda: end(1.02), 0.01),
    }
