r"""A training problem: random networks, targets, a rate and the steps after which one looks; and what the kernel predicts.

Every network starts from its own random outputs, so predictions are made from these: the infinite-width kernel does
the rest. Inputs are either drawn anew for each network, standard Gaussian in a wide input layer, and the kernel has two
eigenvalues; or they are given, and the kernel is that of :mod:`fimtheory.theory.input_kernels`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy as sp

from fimtheory.claims import AtEveryWidth, GivenOutputs, Source, claim
from fimtheory.errors import InputError
from fimtheory.notation import SYMBOLS
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.input_kernels import LayerKernels, infinite_kernel, two_group_kernels
from fimtheory.theory.kernel_training import (
    Trajectory,
    critical_rate,
    critical_rate_of,
    cross_entropy_dynamics,
    mse_trajectory,
)

M = SYMBOLS["M"]
_FACTORS = (sp.Rational(19, 20), sp.Rational(21, 20))  # of the critical rate: just below, just above


@dataclass(frozen=True, eq=False)
class TrainingProblem:
    """Gradient descent at the rate ``fraction * 2/lambda_max(F)``, looked at after each of ``times`` steps.

    ``targets`` of shape ``(N, C)`` are one-hot, for they are used with both losses; ``inputs`` of shape ``(N, M_0)``, or
    None for N(0, I) inputs of dimension alpha_0 M. Raises :class:`InputError`.
    """

    network: DeepNetwork
    targets: np.ndarray
    times: tuple[int, ...]
    fraction: float = 0.25
    parameterisation: str = "ordinary"
    inputs: np.ndarray | None = None

    def __post_init__(self) -> None:
        wanted = (self.network.samples, self.network.outputs)
        if self.targets.shape != wanted:
            raise InputError(f"targets of shape {self.targets.shape} for a network of {wanted}: give shape (N, C)")
        if self.inputs is not None and len(self.inputs) != self.network.samples:
            raise InputError(f"{len(self.inputs)} inputs for {self.network.samples} samples: give one row a sample")
        if not 0 < self.fraction < 1:
            raise InputError(f"fraction = {self.fraction} of the critical rate does not converge: write one below 1")

    @functools.cached_property
    def layers(self) -> LayerKernels:
        """The infinite-width kernels of the inputs."""
        return two_group_kernels(self.network) if self.inputs is None else infinite_kernel(self.network, self.inputs)

    def kernel(self, width: int) -> np.ndarray:
        """Theta, of shape ``(N, N)``, at width scale M."""
        if self.parameterisation == "ntk":
            return self.layers.tangent
        below, *above = self.network.hidden_widths(width)
        return self.layers.ordinary([below if self.inputs is None else self.inputs.shape[1], *above])

    def critical_rate(self, width: int) -> float:
        """2/lambda_max: by its formula for random inputs, from the kernel for given ones."""
        if self.inputs is None:
            return float(critical_rate_of(self.network, width, self.parameterisation))
        return 2 * self.network.samples / float(np.linalg.eigvalsh(self.kernel(width))[-1])

    def rate(self, width: int) -> float:
        """The rate of training."""
        return self.fraction * self.critical_rate(width)

    @functools.cached_property
    def direction(self) -> np.ndarray:
        """Where samples are learned fastest: the top eigenvector of the kernel, of shape ``(N,)``."""
        return np.linalg.eigh(self.layers.tangent)[1][:, -1]

    def trajectory(
        self, outputs: np.ndarray, width: int, loss: str, steps: int, rate: float | None = None
    ) -> Trajectory:
        """The training of a network with these outputs, of shape ``(N, C)``, before it; at its own rate unless given."""
        follow = {"mse": mse_trajectory, "cross_entropy": cross_entropy_dynamics}[loss]
        return follow(self.kernel(width), outputs, self.targets, rate or self.rate(width), steps)


def _given_outputs(problem: TrainingProblem, loss: str, step: int, of: Callable[[Trajectory], float]) -> GivenOutputs:
    return GivenOutputs(lambda outputs, width: of(problem.trajectory(outputs, width, loss, max(step, 1))))


def losses(problem: TrainingProblem, loss: str) -> dict[str, GivenOutputs]:
    """The loss at every time, from the outputs of each network before training."""
    return {
        f"training.{loss}[{t}]": _given_outputs(problem, loss, t, lambda run, t=t: float(run.loss[t]))
        for t in problem.times
    }


def cross_eigenvalues_along(problem: TrainingProblem) -> dict[str, GivenOutputs]:
    """The largest eigenvalue of F_cross at every time."""
    return {
        f"training.lambda_F_cross[{t}]": _given_outputs(
            problem, "cross_entropy", t, lambda run, t=t: float(run.cross_eigenvalues(t)[0])
        )
        for t in problem.times
    }


@claim(
    "karakida2020.eq23",
    title="The rate of gradient descent beyond which it diverges",
    statement=r"\frac{|r_{t+1}|}{|r_t|} = |1 - \eta\, \lambda_{\max}(F)| < 1 \iff \eta < \frac{2}{\lambda_{\max}(F)},\quad "
    r"\frac{2}{\lambda_{\max}(F)} \sim \frac{2 N}{\alpha M (\kappa_1 + (N - 1)\, \kappa_2)}",
    source=Source("karakida2020", "eq. 23"),
    assumptions=(
        "the squared loss",
        "the residual r is small, or the network wide, and r lies along the top eigenvector",
        "kappa_2 > 0",
    ),
    subject="training",
)
def predict_boundary(problem: TrainingProblem) -> dict:
    """The growth of a small residual just below and just above the network's own boundary, and where that is."""
    growth = {
        f"training.growth[{float(r):g}]": AtEveryWidth(lambda width, r=r: float(abs(1 - 2 * r))) for r in _FACTORS
    }
    return growth | {"training.critical_rate": critical_rate(problem.parameterisation).subs(problem.network.values())}


@claim(
    "karakida2020.eq30",
    title="Training with the squared loss: the tangent kernel moves the outputs",
    statement=r"f_{t+1} - f_t = \frac{\eta}{N}\, \Theta\, (y - f_t),\quad "
    r"y - f_t = \left(I - \frac{\eta}{N}\, \Theta\right)^t (y - f_0)",
    source=Source("karakida2020", "eq. 30"),
    assumptions=("M is large at fixed N and t", "the NTK parameterisation, full batches", "eta < 2/lambda_max"),
    subject="ntk_training",
)
def predict_mse(problem: TrainingProblem) -> dict:
    """The squared loss at every time."""
    return losses(problem, "mse")


@claim(
    "karakida2020.fig5",
    title="Training with the cross-entropy: the loss, and the largest eigenvalues of F and of F_cross along it",
    statement=r"f_{t+1} - f_t = \frac{\eta}{N}\, \Theta\, (y - g_t),\quad "
    r"\lambda_{\max}(F)_t = \lambda_{\max}(F)_0,\quad "
    r"\lambda_{\max}(F_{\mathrm{cross}})_t = \lambda_{\max}\left(Q_t^{1/2}\, (I_C \otimes \Theta/N)\, Q_t^{1/2}\right)",
    source=Source("karakida2020", "Figure 5 and Section 3.4"),
    assumptions=("M is large at fixed N and t", "full batches", "kappa_2 > 0"),
    subject="training",
)
def predict_cross_entropy(problem: TrainingProblem) -> dict:
    """The cross-entropy and lambda_max(F_cross) at every time, and that lambda_max(F) stays."""
    stays = {f"training.lambda_F_drift[{t}]": sp.S.One for t in problem.times}
    return losses(problem, "cross_entropy") | stays | cross_eigenvalues_along(problem)


@claim(
    "fimtheory.given_inputs",
    title="Training on given inputs, which the kernel knows pair by pair",
    statement=r"\Theta = \sum_{l=1}^{L} \tilde Q^l \circ (M_{l-1}\, \hat Q^{l-1} + 1),\quad "
    r"\tilde Q^{l-1} = \sigma_w^2\, \tilde Q^l \circ \mathbb{E}\, \phi'(U)\, \phi'(V),\quad "
    r"\hat Q^{l} = \mathbb{E}\, \phi(U)\, \phi(V),\quad (U, V) \sim \mathcal{N}(0, \sigma_w^2 \hat Q^{l-1} + \sigma_b^2)",
    source=Source("fimtheory", "extends Karakida, Akaho, Amari (2020), eqs. 15, 18 and 30, to given inputs"),
    assumptions=("hidden layers are wide, at fixed M_0, N and t", "full batches"),
    subject="given_inputs_training",
)
def predict_on_given_inputs(problem: TrainingProblem) -> dict:
    """Both losses, and the largest eigenvalues of F and F_cross, at every time."""
    largest = {
        f"training.lambda_F[{t}]": _given_outputs(problem, "cross_entropy", t, lambda run: run.lambda_max)
        for t in problem.times
    }
    both = losses(problem, "mse") | losses(problem, "cross_entropy")
    return both | largest | cross_eigenvalues_along(problem)
