r"""Gradient descent of wide networks: the tangent kernel Theta stays what it is, and moves the outputs.

With the losses (1/2N) sum_n |y(n) - f(n)|^2 and -(1/N) sum_n sum_k y_k(n) log g_k(n), g = softmax f, a step of rate eta is

    f_{t+1} - f_t = (eta/N) Theta (y - f_t),       f_{t+1} - f_t = (eta/N) Theta (y - g_t),

for each output by itself: Theta is N x N, and in the ordinary parameterisation Theta/N is the dual F* of the Fisher
information. The first is linear: it converges if and only if eta < 2/lambda_max(F). The second has F_cross, which
follows g, in the place of F.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.errors import InputError
from fimtheory.notation import SYMBOLS
from fimtheory.theory.deep_fisher import fisher
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.logit_law import covariance_factors, softmax
from fimtheory.theory.tangent_kernel import tangent_kernel

_SYMMETRIC = 1e-9  # relative asymmetry and negativity that rounding may leave in a kernel
_PROBABILITIES = 1e-9

Array = np.ndarray


# -- the boundary of the rates


def critical_rate(parameterisation: str = "ordinary") -> sp.Expr:
    """The rate 2/lambda_max beyond which gradient descent on the squared loss diverges at first, as a formula.

    Formula: 2 N / (alpha M (kappa_1 + (N-1) kappa_2)); 2 N / (alpha (kappa_1' + (N-1) kappa_2')) in the NTK
    parameterisation. *Source*: Karakida, Akaho, Amari (2020), eq. 23 with theorem 3.1. *Holds when* M is large and
    kappa_2 > 0. Beyond it the loss grows until the kernel gives way (Lewkowycz et al. 2020), or without end.

    >>> critical_rate().subs({SYMBOLS["N"]: 1, SYMBOLS["M"]: 50})
    1/(25*alpha_tot*kappa1)
    """
    if _checked_parameterisation(parameterisation) == "ordinary":
        return 2 / fisher().lambda_max
    return 2 * SYMBOLS["N"] / tangent_kernel().lambda_max


def critical_rate_of(network: DeepNetwork, width: int, parameterisation: str = "ordinary") -> mp.mpf:
    """:func:`critical_rate` of a network of width scale M, as a number.

    >>> from fimtheory.activations import activation
    >>> relu = DeepNetwork(activation("relu"), 2, 2, 0, outputs=1, samples=1)
    >>> float(critical_rate_of(relu, 100)), float(critical_rate_of(relu, 100, "ntk"))
    (0.01, 0.5)
    """
    network.require_theorem()
    return network.evaluate(critical_rate(parameterisation), width)


def safe_cross_entropy_rate(parameterisation: str = "ordinary") -> sp.Expr:
    """The rate 4/lambda_max(F) below which gradient descent on the cross-entropy lowers the loss at every step.

    The curvature F_cross is at most lambda_max(F)/2 whatever the labels and the logits, for no Q_n exceeds 1/2, and the
    loss is convex in what the kernel moves. No larger constant would do: two equal inputs of opposite labels need it.
    *Source*: extends Karakida, Akaho, Amari (2020), eq. 23. *Holds when* M is large and kappa_2 > 0.

    >>> safe_cross_entropy_rate() / critical_rate()
    2
    """
    return 2 * critical_rate(parameterisation)


# -- squared loss


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Training seen in function space: ``logits`` of shape ``(steps + 1, N, C)``, and the kernel that moves them."""

    kernel: Array
    rate: float
    logits: Array
    targets: Array
    loss: Array

    def __repr__(self) -> str:
        losses = f"loss {self.loss[0]:.4g} to {self.loss[-1]:.4g}"
        return f"<Trajectory of {len(self.loss) - 1} steps at rate {self.rate:.4g}: {losses}>"

    @functools.cached_property
    def lambda_max(self) -> float:
        """The largest eigenvalue of F, the same at every step."""
        return float(_eigenvalues(self.kernel)[-1]) / len(self.kernel)

    def cross_eigenvalues(self, step: int) -> Array:
        """The C N eigenvalues of the dual of F_cross at a step, descending."""
        return cross_eigenvalues(self.kernel, self.logits[step])

    def cross_bounds(self, step: int) -> tuple[float, float]:
        """Bounds on the largest of them, :func:`cross_bounds`."""
        return cross_bounds(self.kernel, self.logits[step])

    def instantaneous_rate(self, step: int) -> float:
        """2/lambda_max(F_cross) at a step: the boundary of the cross-entropy, which moves and is no promise."""
        return 2 / float(self.cross_eigenvalues(step)[0])


def mse_dynamics(kernel, residual, rate: float, steps: int) -> Array:
    """The residuals y - f_t of gradient descent on the squared loss, of shape ``(steps + 1, N, C)``.

    Formula: r_t = (I - (eta/N) Theta)^t r_0, by the eigenvectors of Theta. ``kernel`` is Theta, ``(N, N)``; ``residual``
    is r_0, ``(N, C)``. *Source*: Karakida, Akaho, Amari (2020), eq. 30, one step at a time. Raises :class:`InputError`
    for a kernel that is not symmetric and positive semi-definite, a rate that is not positive, and other shapes.

    >>> mse_dynamics([[2.0, 0.0], [0.0, 4.0]], [[1.0], [1.0]], rate=0.5, steps=2)[..., 0]
    array([[1.  , 1.  ],
           [0.5 , 0.  ],
           [0.25, 0.  ]])
    """
    theta, r = _checked_kernel(kernel, residual)
    _check_steps(rate, steps)
    values, vectors = np.linalg.eigh(theta)
    return _along(vectors, (1 - rate * values / len(theta)) ** np.arange(steps + 1)[:, None], r)


def mse_flow(kernel, residual, rate: float, times: Sequence[float]) -> Array:
    """The same for gradient flow, at any times, of shape ``(len(times), N, C)``: r(t) = exp(-eta t Theta/N) r(0).

    *Source*: Karakida, Akaho, Amari (2020), eq. 30. Raises :class:`InputError` as :func:`mse_dynamics` does.

    >>> mse_flow([[1.0]], [[3.0]], rate=1.0, times=[0.0, np.log(3.0)]).ravel().round(12)
    array([3., 1.])
    """
    theta, r = _checked_kernel(kernel, residual)
    _check_steps(rate, 1)
    values, vectors = np.linalg.eigh(theta)
    return _along(vectors, np.exp(-rate * np.outer(np.asarray(times, dtype=float), values) / len(theta)), r)


def _along(vectors: Array, factors: Array, residual: Array) -> Array:
    return vectors @ (factors[:, :, None] * (vectors.T @ residual))


def mse_loss(residuals) -> Array:
    """(1/2N) sum_n |r(n)|^2 for residuals of shape ``(..., N, C)``.

    >>> float(mse_loss([[1.0, 2.0], [0.0, 1.0]]))
    1.5
    """
    r = np.asarray(residuals, dtype=float)
    return (r**2).sum(axis=(-2, -1)) / (2 * r.shape[-2])


def mse_curve(network: DeepNetwork, width: int, rate: float, steps: int, square: float, square_of_mean: float) -> Array:
    r"""The loss of a network on random inputs after 0, ..., ``steps`` steps, from two numbers about its first residual.

    Formula: (1/2) [(1 - eta lambda_1)^{2t} m + (1 - eta lambda_2)^{2t} (s - m)], with s = (1/N) sum_n |r_0(n)|^2
    (``square``), m = |(1/N) sum_n r_0(n)|^2 (``square_of_mean``), lambda_1 = alpha M (kappa_1 + (N-1) kappa_2)/N for
    the mean over samples and lambda_2 = alpha M (kappa_1 - kappa_2)/N for all deviations from it. *Source*: extends
    Karakida, Akaho, Amari (2020), eqs. 30 and A.4. *Holds when* M is large and kappa_2 > 0. Raises
    :class:`InputError` for numbers that no residual has. See :func:`expected_residual` for s and m of random networks.

    >>> from fimtheory.activations import activation
    >>> relu = DeepNetwork(activation("relu"), 2, 2, 0, outputs=1, samples=1)
    >>> mse_curve(relu, 100, rate=0.0025, steps=2, square=2.0, square_of_mean=2.0)
    array([1.    , 0.25  , 0.0625])
    """
    _check_steps(rate, steps)
    if not 0 <= square_of_mean <= square < np.inf:
        raise InputError(
            f"square = {square}, square_of_mean = {square_of_mean}: no residual has these; the mean has the smaller square"
        )
    network.require_theorem()
    top = float(network.evaluate(fisher().lambda_max, width))
    rest = float(network.evaluate(_second_group(), width))
    t = 2 * np.arange(steps + 1)
    return ((1 - rate * top) ** t * square_of_mean + (1 - rate * rest) ** t * (square - square_of_mean)) / 2


def _second_group() -> sp.Expr:
    """alpha M (kappa_1 - kappa_2)/N, the eigenvalue of F on deviations from the mean over samples."""
    a, k1, k2, M, N = (SYMBOLS[name] for name in ("alpha_tot", "kappa1", "kappa2", "M", "N"))
    return a * M * (k1 - k2) / N


def expected_residual(network: DeepNetwork, targets) -> tuple[float, float]:
    """The means over networks of (1/N) sum_n |r_0(n)|^2 and |(1/N) sum_n r_0(n)|^2, for targets of shape ``(N, C)``.

    The outputs of a wide random network are Gaussian and independent of one another, of variance q_1^L and covariance
    q_2^L between samples; the squared loss is linear in both numbers, so :func:`mse_curve` then is its mean.
    *Source*: extends Karakida, Akaho, Amari (2020), eq. 15. Raises :class:`InputError`.

    >>> from fimtheory.activations import activation
    >>> relu = DeepNetwork(activation("relu"), 2, 2, 0, outputs=1, samples=2)
    >>> square, square_of_mean = expected_residual(relu, [[1.0], [-1.0]])
    >>> round(square, 12), round(square_of_mean - 1 / np.pi, 12)
    (3.0, 1.0)
    """
    y = _checked_outputs("targets", targets)
    N, C = y.shape
    q1, q2 = (float(q[network.depth]) for q in (network.order_parameters.q1, network.order_parameters.q2))
    return float((y**2).sum() / N + C * q1), float((y.mean(axis=0) ** 2).sum() + C * (q1 + (N - 1) * q2) / N)


# -- cross-entropy


def cross_entropy(logits, labels) -> Array:
    """-(1/N) sum_n sum_k y_k(n) log g_k(n) for logits of shape ``(..., N, C)``.

    >>> float(cross_entropy([[0.0, 0.0]], [[1.0, 0.0]]) / np.log(2.0))
    1.0
    """
    f, y = np.asarray(logits, dtype=float), np.asarray(labels, dtype=float)
    top = f.max(axis=-1, keepdims=True)
    log_total = top + np.log(np.exp(f - top).sum(axis=-1, keepdims=True))
    return (y * (log_total - f)).sum(axis=(-2, -1)) / f.shape[-2]


def cross_entropy_dynamics(kernel, logits, labels, rate: float, steps: int) -> Trajectory:
    """Gradient descent on the cross-entropy, step by step: f_{t+1} = f_t + (eta/N) Theta (y - softmax f_t).

    ``logits`` are f_0 and ``labels`` y, both ``(N, C)``; labels are one-hot, or any probabilities. *Source*: Karakida,
    Akaho, Amari (2020), section 3.4 with eq. 30; the velocity of the probabilities themselves is dg/dt = (eta/N)
    Q Theta (y - g). Raises :class:`InputError` as :func:`mse_dynamics` does, and for labels that are no probabilities.

    >>> start = cross_entropy_dynamics([[4.0]], [[0.0, 0.0]], [[1.0, 0.0]], rate=1.0, steps=1)
    >>> start.logits[1], start.cross_eigenvalues(0)
    (array([[ 2., -2.]]), array([2., 0.]))
    """
    theta, f = _checked_kernel(kernel, logits)
    y = _checked_labels(labels, f.shape)
    _check_steps(rate, steps)
    found = np.empty((steps + 1, *f.shape))
    found[0] = f
    for step in range(steps):
        found[step + 1] = found[step] + rate / len(theta) * theta @ (y - softmax(found[step]))
    return Trajectory(theta, float(rate), found, y, cross_entropy(found, y))


def mse_trajectory(kernel, logits, targets, rate: float, steps: int) -> Trajectory:
    """:func:`mse_dynamics` as a :class:`Trajectory` of the outputs."""
    y = _checked_outputs("targets", targets)
    f = _checked_outputs("logits", logits)
    if y.shape != f.shape:
        raise InputError(f"targets of shape {y.shape} for logits of shape {f.shape}: give one row a sample in both")
    residuals = mse_dynamics(kernel, y - f, rate, steps)
    return Trajectory(np.asarray(kernel, dtype=float), float(rate), y - residuals, y, mse_loss(residuals))


def cross_eigenvalues(kernel, logits) -> Array:
    """The C N eigenvalues of the dual of F_cross for a kernel Theta and logits f, descending.

    Formula: those of B' (I_C x Theta/N) B, with B_n = diag(sqrt g) - g sqrt(g)' and B_n B_n' = Q_n = diag(g) - g g'.
    The others of the P eigenvalues of F_cross are zero. *Source*: Karakida, Akaho, Amari (2020), eqs. 25 and B.3.

    >>> cross_eigenvalues([[1.0]], [[0.0, 0.0]])
    array([0.5, 0. ])
    """
    theta, f = _checked_kernel(kernel, logits)
    factors = covariance_factors(f)
    N, C = f.shape
    dual = np.einsum("nka,nm,mkb->namb", factors, theta / N, factors, optimize=True).reshape(N * C, N * C)
    return np.maximum(np.linalg.eigvalsh(dual)[::-1], 0.0)


def cross_bounds(kernel, logits) -> tuple[float, float]:
    """Bounds on the largest eigenvalue of F_cross: a Rayleigh quotient below, the Frobenius norm above.

    Formula: lambda_max(F) max_k sum_n v_n^2 g_k(n) (1 - g_k(n)), v the top eigenvector of Theta, and
    sqrt(sum_nm (Theta_nm/N)^2 tr Q_n Q_m). *Source*: Karakida, Akaho, Amari (2020), theorem 3.3: for the Theta of random
    inputs v_n^2 = 1/N, the bounds are beta_4 lambda_max(F) and sqrt(alpha s_lambda) M.

    >>> cross_bounds([[1.0]], [[0.0, 0.0]])
    (0.25, 0.5)
    """
    theta, f = _checked_kernel(kernel, logits)
    g, N = softmax(f), len(f)
    values, vectors = np.linalg.eigh(theta)
    lower = values[-1] / N * (vectors[:, -1] ** 2 @ (g * (1 - g))).max()
    q = g[:, :, None] * (np.eye(f.shape[1]) - g[:, None, :])
    overlaps = np.einsum("nij,mij->nm", q, q, optimize=True)
    return float(lower), float(np.sqrt(((theta / N) ** 2 * overlaps).sum()))


# -- what may be asked


def _eigenvalues(kernel: Array) -> Array:
    return np.linalg.eigvalsh(kernel)


def _checked_parameterisation(name: str) -> str:
    if name not in ("ordinary", "ntk"):
        raise InputError(f"parameterisation {name!r} is not known: write 'ordinary' or 'ntk'")
    return name


def _checked_kernel(kernel, outputs) -> tuple[Array, Array]:
    theta = _checked_outputs("kernel", kernel)
    f = _checked_outputs("logits or residual", outputs)
    if theta.shape != (len(f), len(f)):
        raise InputError(f"a kernel of shape {theta.shape} for {len(f)} samples: give one row and one column a sample")
    size = np.abs(theta).max()
    if np.abs(theta - theta.T).max() > _SYMMETRIC * size:
        raise InputError("the kernel is not symmetric: give Theta of shape (N, N), with Theta[n, m] = Theta[m, n]")
    if _eigenvalues(theta)[0] < -_SYMMETRIC * size * len(theta):
        raise InputError("the kernel has a negative eigenvalue: a tangent kernel J'J has none")
    return theta, f


def _checked_outputs(name: str, values) -> Array:
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"the {name} is no array of numbers: give one row a sample") from None
    if array.ndim != 2 or 0 in array.shape or not np.isfinite(array).all():
        raise InputError(f"the {name} of shape {array.shape}: give a matrix of finite numbers, one row a sample")
    return array


def _checked_labels(labels, shape: tuple[int, ...]) -> Array:
    y = _checked_outputs("labels", labels)
    if y.shape != shape:
        raise InputError(f"labels of shape {y.shape} for logits of shape {shape}: write one-hot rows, one a sample")
    if y.min() < 0 or np.abs(y.sum(axis=1) - 1).max() > _PROBABILITIES:
        raise InputError("the labels are no probabilities: write one-hot rows, or rows that sum to one")
    return y


def _check_steps(rate: float, steps: int) -> None:
    if not (np.isfinite(rate) and rate > 0):
        raise InputError(f"rate = {rate} does not descend: write a positive learning rate")
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
        raise InputError(f"steps = {steps}: write a whole number from 1 on")
