"""What is claimed about gradient descent on output weights, and the learning problems on which it is checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import sympy as sp

from fimtheory.claims import Agreement, Ordering, Source, claim
from fimtheory.errors import InputError
from fimtheory.notation import SYMBOLS
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_learning import ModeLearning

M = SYMBOLS["M"]
GROWTH_FACTORS = ("0.95", "1.05")  # of the critical rate: just below, just above
_UNDER_WAY = (0.1, 0.98)  # shares between which a curve says something about its rate
_APART = 0.1  # shares of two degrees whose order is the same in every network that is wide enough to speak of
_OF_ORDER_ONE = 1.0  # corrections times m: smaller ones need far too many networks to be seen
_DIMENSIONS = (2, 3, 4, 5, 8, 16, 64, 256)
_LIMITS = ("m and N are large at fixed degrees and t", "inputs are N(0, I_d), weights N(0, I_d)")


@dataclass(frozen=True, eq=False)
class LearningProblem:
    """A target of unit norm in each of ``degrees``, looked at after each of ``steps``; N = ``ratio`` m inputs.

    Raises :class:`InputError`.
    """

    learning: ModeLearning
    degrees: tuple[int, ...]
    steps: tuple[int, ...]
    ratio: float = 2.0

    def __post_init__(self) -> None:
        if not self.ratio > 0:
            raise InputError(f"ratio = {self.ratio} leaves no inputs: write N/m as a positive number")

    def curve(self, degree: int, step: int) -> float:
        """The share of a degree that is learned after so many steps."""
        return float(self.learning.curve(degree, step))

    def under_way(self) -> Iterator[tuple[int, int]]:
        """(degree, step) wherever learning has begun and is not over."""
        low, high = _UNDER_WAY
        pairs = ((k, t) for k in self.degrees for t in self.steps)
        return ((k, t) for k, t in pairs if low < self.curve(k, t) < high)

    def distinct(self) -> list[int]:
        """The steps at which the curves of all degrees are clearly apart."""
        curves = {t: [self.curve(k, t) for k in self.degrees] for t in self.steps}
        return [t for t, shares in curves.items() if min(-np.diff(shares), default=0.0) >= _APART]


def leading_degrees(modes: KernelModes, least: float = 1e-3) -> tuple[int, ...]:
    """The degrees whose eigenvalue is at least ``least`` of the largest, by eigenvalue.

    >>> leading_degrees(KernelModes("relu", 3))
    (0, 1, 2, 4)
    """
    first = [mode for mode in modes.modes if mode.index == 0]
    largest = max(mode.value for mode in first)
    kept = sorted((m for m in first if m.value >= least * largest > 0), key=lambda m: (-m.value, m.degree))
    return tuple(mode.degree for mode in kept)


def _progress(problem: LearningProblem) -> dict[str, sp.Expr]:
    return {f"learning.progress[{k},{t}]": sp.Float(problem.curve(k, t)) for k, t in problem.under_way()}


@claim(
    "fimtheory.learning.modes",
    title="Gradient descent learns each degree at a rate of its own, its eigenvalue",
    statement=r"\frac{\langle f_t, F_k \rangle}{\langle f^*, F_k \rangle} = 1 - (1 - \eta \lambda_k)^t,\quad "
    r"f_t = \sum_a \left(1 - (1 - \eta \lambda_a)^t\right) f^*_a",
    source=Source("fimtheory", "extends Ho, Takeishi, Takeuchi (2025), abstract"),
    assumptions=(*_LIMITS, "only the output weights are trained, from zero", "full batches"),
    subject="mode_learning",
    activations=("relu", "tanh"),
)
def predict_progress(problem: LearningProblem) -> dict[str, sp.Expr]:
    """Shares of every degree at every step, where they are neither near 0 nor near 1."""
    return _progress(problem)


@claim(
    "fimtheory.learning.loss",
    title="The loss is a sum over modes of powers that shrink one after the other",
    statement=r"\mathcal{L}_t = \frac{1}{2} \sum_a \left({f^*_a}^2 + \sigma_0^2 N_a \lambda_a\right) "
    r"(1 - \eta \lambda_a)^{2t} + \mathcal{L}_\infty",
    source=Source("fimtheory", "extends Ho, Takeishi, Takeuchi (2025), abstract"),
    assumptions=(*_LIMITS, "v(0) is N(0, sigma_0^2 I_m); the mean over it", "full batches"),
    subject="mode_learning",
)
def predict_loss(problem: LearningProblem) -> dict[str, sp.Expr]:
    """The loss at every step."""
    return {f"learning.loss[{t}]": sp.Float(float(problem.learning.loss(t))) for t in problem.steps}


@claim(
    "fimtheory.learning.order",
    title="Degrees are learned in the order of their eigenvalues",
    statement=r"\lambda_a > \lambda_b \implies \frac{\langle f_t, F_a \rangle}{\langle f^*, F_a \rangle} > "
    r"\frac{\langle f_t, F_b \rangle}{\langle f^*, F_b \rangle},\quad \eta \lambda_{\max} \le 1",
    source=Source("fimtheory", "extends Ho, Takeishi, Takeuchi (2025), abstract"),
    assumptions=(*_LIMITS, "eta is at most half of the critical rate", "full batches"),
    subject="mode_learning",
    activations=("relu", "tanh"),
)
def predict_order(problem: LearningProblem) -> dict[str, sp.Expr]:
    """In every network, at every step that tells the degrees apart."""
    return {f"learning.in_order[{t}]": sp.S.One for t in problem.distinct()}


@claim(
    "ho2025.gradient_descent",
    title="Gradient descent of a ReLU network learns the four groups of functions before all others",
    statement=r"T_k(\varepsilon) \sim \frac{\ln(1/\varepsilon)}{\eta \lambda_k},\quad "
    r"\lambda_0 > \lambda_1 > \lambda_2 > \lambda_k \ (k > 2),\quad "
    r"|x|,\ \ x_a,\ \ \frac{x_a x_b}{|x|},\ \ \frac{x_a^2 - x_b^2}{|x|}",
    source=Source("ho2025", "abstract (that these functions are prioritised by gradient descent)"),
    assumptions=(*_LIMITS, "only the output weights are trained, from zero", "d is at least 2"),
    subject="mode_learning",
    activations=("relu",),
)
def predict_priority(problem: LearningProblem) -> dict:
    """The steps that degrees 0, 1, 2 and all others to 12 take in many dimensions, and the order in every network."""

    def steps(degrees: range) -> np.ndarray:
        rows = [ModeLearning(KernelModes("relu", d, 12), {0: 1.0}) for d in _DIMENSIONS]
        return np.array([[one.time_to(k, 0.01) for k in degrees] for one in rows])

    in_order = {f"learning.in_order[{t}]": sp.S.One for t in problem.distinct()}
    groups, others = range(3), range(3, 13)
    return {
        **in_order,
        **_progress(problem),
        "steps to 99 %, one group after the other": Ordering(
            lambda: steps(groups)[:, :-1], lambda: steps(groups)[:, 1:], margin=1.0
        ),
        "steps to 99 %, all others": Ordering(
            lambda: steps(groups).max(axis=1), lambda: steps(others).min(axis=1), margin=1.0
        ),
    }


@claim(
    "fimtheory.learning.stability",
    title="Training of the output weights diverges beyond twice the inverse of the largest eigenvalue",
    statement=r"\left|\frac{\langle f^* - f_t, F \rangle}{\langle f^*, F \rangle}\right|^{1/t} = "
    r"|1 - \eta \lambda_{\max}| < 1 \iff \eta < \frac{2}{\lambda_{\max}}",
    source=Source("fimtheory", "extends Ho, Takeishi, Takeuchi (2025), abstract"),
    assumptions=(*_LIMITS, "the target lies in the mode of the largest eigenvalue"),
    subject="mode_learning",
    activations=("relu", "tanh"),
)
def predict_growth(problem: LearningProblem) -> dict[str, sp.Expr]:
    """The growth of what is missing just below and just above the critical rate."""
    learning = problem.learning
    largest = max(mode.value for mode in learning.modes.modes)
    rates = {r: float(r) * learning.stable_rate for r in GROWTH_FACTORS}
    return {f"learning.growth[{r}]": sp.Float(abs(1 - rate * largest)) for r, rate in rates.items()}


@claim(
    "fimtheory.learning.finite_width",
    title="The mean learning curve at finite width and on finitely many inputs, to first order",
    statement=r"\mathbb{E} \left[1 - \frac{\langle f_t, F_a \rangle}{f^*_a}\right] = h_t(\lambda_a) + \frac{c_m}{m} + "
    r"\frac{c_N}{N},\quad c_m = \sum_b N_b \kappa_{ab} \lambda_a \lambda_b h[\lambda_a, \lambda_a, \lambda_b] - "
    r"\tfrac{1}{2} \lambda_a^2 h'',\quad c_N = \sum_b N_b \kappa'_{ab} \left(\lambda_b h[\lambda_a, \lambda_b] + "
    r"\lambda_a \lambda_b h[\lambda_a, \lambda_a, \lambda_b]\right) - \lambda_a h' - \tfrac{1}{2} \lambda_a^2 h''",
    source=Source("fimtheory", "extends Ho, Takeishi, Takeuchi (2025), abstract"),
    assumptions=(
        *_LIMITS,
        "h_t = (1 - eta lambda)^t with divided differences h[.]",
        "only the output weights are trained",
    ),
    subject="narrow_learning",
    activations=("relu", "tanh"),
)
def predict_corrections(problem: LearningProblem) -> dict[str, sp.Expr]:
    """Progress and its correction at every degree and step under way, where m times the correction is of order one."""
    found = {}
    for k, t in problem.under_way():
        by_width, by_inputs = problem.learning.corrections(k, t)
        ahead = -by_width - by_inputs / problem.ratio
        if abs(ahead) >= _OF_ORDER_ONE:
            found[f"learning.progress[{k},{t}]"] = sp.Float(problem.curve(k, t)) + sp.Float(ahead) / M
    return found


@claim(
    "fimtheory.learning.momentum",
    title="With momentum every mode is a damped oscillator of its own",
    statement=r"h_{t+1} = (1 + \beta - \eta \lambda)\, h_t - \beta\, h_{t-1},\quad h_0 = 1,\quad h_1 = 1 - \eta \lambda,"
    r"\quad \eta < \frac{2 (1 + \beta)}{\lambda_{\max}}",
    source=Source("fimtheory", "extends Ho, Takeishi, Takeuchi (2025), abstract"),
    assumptions=(*_LIMITS, "heavy ball, v(1) from one step of gradient descent"),
    subject="momentum_learning",
)
def predict_momentum(problem: LearningProblem) -> dict:
    """Shares of every degree under way; and the two-root form against the recursion, at 200 rates and 60 steps."""
    learning = problem.learning

    def recursion() -> np.ndarray:
        before, here = np.ones(len(_rates)), 1 - _rates
        rows = [before, here]
        for _ in range(58):
            before, here = here, (1 + learning.momentum - _rates) * here - learning.momentum * before
            rows.append(here)
        return np.array(rows)

    def roots() -> np.ndarray:
        by_rate = [ModeLearning(learning.modes, {0: 1.0}, rate, learning.momentum) for rate in _rates / _largest]
        return np.array([one.residual(0, np.arange(60)) for one in by_rate]).T

    _largest = max(mode.value for mode in learning.modes.modes)
    _rates = np.linspace(0.01, 1.99 * (1 + learning.momentum), 200)
    return _progress(problem) | {"two roots": Agreement(roots, recursion, 1e-11)}
