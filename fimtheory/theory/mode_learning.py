r"""Gradient descent on the output weights of one hidden layer: it learns one degree after the other.

f(x) = sum_i v_i phi(w_i . x)/sqrt(m), the loss is (1/2) E_x (f - f*)^2, and gradient descent on v alone starts at v = 0.
As m and the number N of inputs grow, what is missing of f* shrinks in every mode by itself, by 1 - eta lambda a step.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from fimtheory.errors import InputError
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_clusters import KernelMode
from fimtheory.theory.mode_corrections import corrections
from fimtheory.theory.mode_targets import Function, Key, Target, Teacher, mode_of, project

MOST_STEPS = 10**7

Array = np.ndarray


class ModeLearning:
    r"""Learning curves of a target in the modes of a kernel.

    What is missing of the component of f* in a mode of eigenvalue lambda is multiplied by h_t = (1 - eta lambda)^t in t
    steps of the rate eta. With ``momentum`` beta (heavy ball, v_{t+1} = v_t - eta grad + beta (v_t - v_{t-1})),
    h_{t+1} = (1 + beta - eta lambda) h_t - beta h_{t-1}, h_1 = 1 - eta lambda, h_0 = 1.

    ``target``: {degree, (degree, index) or mode: norm in L2}; or a formula psi for the teacher neuron psi(u . x), |u| = 1;
    or a function of points (n, d) that depends on x_1 and |x| alone. ``rate`` is a quarter of :attr:`stable_rate` unless
    given. ``initial_variance`` is that of independent v_i(0) ~ N(0, .).

    *Source*: document 001 (Ho, Takeishi, Takeuchi 2025): gradient descent prefers the leading eigendirections; exact for
    every degree here. *Holds when* m and N are large at fixed degrees and t; see :meth:`finite_width`. Raises
    :class:`InputError`.

    >>> relu = ModeLearning(KernelModes("relu", 3), {0: 1, 1: 1, 2: 1}, rate=1)
    >>> [round(float(relu.curve(k, 2)), 15) for k in (0, 1)], float(relu.loss(0))  # eigenvalues 9/16 and 1/4
    ([0.80859375, 0.4375], 1.5)
    """

    def __init__(
        self,
        modes: KernelModes,
        target: Mapping[Key, float] | Teacher | Function,
        rate: float | None = None,
        momentum: float = 0.0,
        initial_variance: float = 0.0,
    ) -> None:
        self.modes = modes
        modes.activation._require_numbers()
        self.target: Target = project(modes, target)
        self.momentum = _number("momentum", momentum, 0.0, "a number from 0 to 1, 1 excluded")
        if self.momentum >= 1:
            raise InputError(f"momentum = {momentum} never comes to rest: write a number from 0 to 1, 1 excluded")
        self.initial_variance = _number("initial_variance", initial_variance, 0.0, "a number from 0 on")
        self.rate = self.stable_rate / 4 if rate is None else _number("rate", rate, 0.0, "a positive learning rate")
        if self.rate == 0:
            raise InputError("rate = 0 does not descend: write a positive learning rate")

    def __repr__(self) -> str:
        momentum = f", momentum {self.momentum:g}" if self.momentum else ""
        return f"<ModeLearning of {self.modes.activation.name}: d = {self.modes.dimension}, rate {self.rate:.4g}{momentum}>"

    # -- the boundary of the rates

    @functools.cached_property
    def stable_rate(self) -> float:
        """2 (1 + beta)/lambda_max: gradient descent diverges beyond.

        >>> ModeLearning(KernelModes("relu", 3), {0: 1}).stable_rate * 9 / 32
        1.0
        """
        largest = max(mode.value for mode in self.modes.modes)
        if largest <= 0:
            raise InputError(f"{self.modes.activation.name} has no eigenvalue above 0 here: nothing is learned")
        return 2 * (1 + self.momentum) / largest

    @property
    def is_stable(self) -> bool:
        """Whether every mode converges: the rate is below :attr:`stable_rate`."""
        return self.rate < self.stable_rate

    @property
    def order(self) -> tuple[KernelMode, ...]:
        """The modes of the target as small rates learn them: by eigenvalue, largest first; those never learned last."""
        return tuple(sorted(self.target.coefficients, key=lambda mode: (-mode.value, mode.degree)))

    # -- curves

    def residual(self, mode: Key, t) -> Array:
        """h_t, the share of the component in a mode that is missing after t steps (whole numbers, any shape)."""
        return self._residual(mode_of(self.modes, mode).value, _steps(t))

    def curve(self, mode: Key, t) -> Array:
        """1 - h_t, the share that is learned: f_t = (1 - h_t) f* in this mode.

        >>> slow = ModeLearning(KernelModes("relu", 3), {2: 1}, rate=1e-12)
        >>> bool(abs(slow.curve(2, 100) / (100 * 1e-12 * 9 / 256) - 1) < 1e-9)  # no digits are lost
        True
        """
        steps, value = _steps(t), self.rate * mode_of(self.modes, mode).value
        if self.momentum or value >= 1:
            return 1 - self._residual(value / self.rate, steps)
        return -np.expm1(steps * np.log1p(-value))

    def flow_curve(self, mode: Key, t) -> Array:
        """The same for gradient flow, 1 - exp(-eta lambda t/(1 - beta)), t >= 0 in steps, not necessarily whole.

        >>> relu = ModeLearning(KernelModes("relu", 3), {0: 1}, rate=16 / 9)
        >>> float(relu.flow_curve(0, np.log(2.0)))
        0.5
        """
        try:
            times = np.asarray(t, dtype=float)
        except (TypeError, ValueError):
            times = np.array(np.nan)
        if not (times >= 0).all():
            raise InputError(f"t = {t} is no time of training: write numbers from 0 on")
        return -np.expm1(-self.rate / (1 - self.momentum) * mode_of(self.modes, mode).value * times)

    def _residual(self, value: float, steps: Array) -> Array:
        x = self.rate * value
        with np.errstate(over="ignore"):  # beyond the boundary, infinity is the answer
            if self.momentum == 0:
                return (1 - x) ** steps
            return self._with_momentum(x, steps)

    def _with_momentum(self, x: float, steps: Array) -> Array:
        """(1 - x) S_t - beta S_{t-1}, S_t = (p^t - q^t)/(p - q) = p^(t-1) u_t for the roots p, q of
        z^2 - (1 + beta - x) z + beta, |p| >= |q|; accurate where they nearly coincide."""
        half, size = (1 + self.momentum - x) / 2, np.sqrt(self.momentum)
        gap = np.arcsinh(np.emath.sqrt((half - size) * (half + size)) / size)  # the roots are +-size exp(+-gap)
        p = np.copysign(size, half) * np.exp(gap)

        def u(t: Array) -> Array:
            return t if gap == 0 else np.expm1(-2 * gap * t) / np.expm1(-2 * gap)

        return np.real(p ** (steps - 2.0) * (p * (1 - x) * u(steps) - self.momentum * u(steps - 1)))

    # -- the loss

    def loss(self, t) -> Array:
        """(1/2) E_x (f_t - f*)^2, the mean over v(0) where that is random.

        Formula: (1/2) [sum_a (c_a^2 + s2_0 N_a lambda_a) h_t(lambda_a)^2 + remainder + s2_0 tail], c_a the norms of the
        target, s2_0 the initial variance. What lies in no listed mode counts as never learned:
        list more degrees where the remainder of the target matters.

        >>> relu = ModeLearning(KernelModes("relu", 3), {1: 2, 3: 1}, rate=4)  # odd degrees from 3 on are not reached
        >>> relu.loss([0, 1, 2])
        array([2.5, 0.5, 0.5])
        """
        steps = _steps(t)
        total = np.full(steps.shape, self.target.remainder + self.initial_variance * self.modes.tail)
        for mode in self._moving:
            total = total + self._weight(mode) * self._residual(mode.value, steps) ** 2
        return total / 2

    @property
    def _moving(self) -> tuple[KernelMode, ...]:
        """The modes with a part in the loss."""
        return self.modes.modes if self.initial_variance else tuple(self.target.coefficients)

    def _weight(self, mode: KernelMode) -> float:
        start = self.initial_variance * mode.multiplicity * mode.value
        return self.target.coefficients.get(mode, 0.0) ** 2 + start

    @property
    def floor(self) -> float:
        """What the loss tends to at a stable rate: half the mean square of f* in modes of eigenvalue zero, or in none.

        >>> ModeLearning(KernelModes("relu", 3), {1: 2, 3: 1}).floor
        0.5
        """
        never = sum(c**2 for mode, c in self.target.coefficients.items() if mode.value == 0)
        return (never + self.target.remainder + self.initial_variance * self.modes.tail) / 2

    # -- how long it takes

    def time_to(self, mode: Key, eps: float) -> int | float:
        """The steps until at most ``eps`` of the component is missing; ``inf`` for what is never learned.

        Formula: the smallest t >= log eps/log |1 - eta lambda|; with momentum, the first t with |h_t| <= eps.

        >>> relu = ModeLearning(KernelModes("relu", 3), {0: 1}, rate=1)
        >>> [relu.time_to(k, 0.1) for k in (0, 1, 2, 3)]
        [3, 9, 65, inf]
        """
        if not (isinstance(eps, int | float | np.floating) and 0 < eps < 1):
            raise InputError(f"eps = {eps} is no share of what is to be learned: write a number between 0 and 1")
        found = mode_of(self.modes, mode)
        if self.momentum:
            return self._first_step(found, eps)
        left = abs(1 - self.rate * found.value)
        if left >= 1:
            return np.inf
        log_left = (
            np.log1p(-self.rate * found.value) if self.rate * found.value < 1 else np.log(left) if left else -np.inf
        )
        steps = max(1, int(np.ceil(np.log(eps) / log_left)))
        return steps if steps == 1 or abs(self.residual(found, steps - 1)) > eps else steps - 1

    def _first_step(self, mode: KernelMode, eps: float) -> int | float:
        if not 0 < self.rate * mode.value < 2 * (1 + self.momentum):
            return np.inf
        start, length = 1, 1024
        while start <= MOST_STEPS:
            below = np.flatnonzero(np.abs(self._residual(mode.value, np.arange(start, start + length))) <= eps)
            if below.size:
                return start + int(below[0])
            start, length = start + length, 2 * length
        raise InputError(f"degree {mode.degree} takes more than {MOST_STEPS} steps: take a larger rate")

    # -- finite width

    def finite_width(self, mode: Key, t: int, width: int, inputs: int | None = None) -> float:
        """The mean over networks of the share that is learned, to first order in 1/m and 1/N.

        1 - h_t - c_m/m - c_N/N, see :meth:`corrections`; ``inputs`` N are all of them where None. The share is
        (1/N) sum_n f_t(x_n) F(x_n)/c for f* = c F + other modes. Raises :class:`InputError` for a mode of eigenvalue 0.
        """
        by_width, by_inputs = self.corrections(mode, t)
        for name, number in (("width", width), ("inputs", inputs)):
            if number is not None and (not isinstance(number, int | np.integer) or number < 1):
                raise InputError(f"{name} = {number}: write a whole number from 1 on")
        return float(self.curve(mode, t)) - by_width / width - (0 if inputs is None else by_inputs / inputs)

    def corrections(self, mode: Key, t: int) -> tuple[float, float]:
        r"""c_m and c_N: E of the missing share is h_t(lambda_a) + c_m/m + c_N/N + second order.

        With divided differences h[., .] of h_t, kappa_ab = E R_a^2 R_b^2 over the weights and kappa'_ab over the inputs,

            c_m = sum_b N_b kappa_ab lambda_a lambda_b h[a, a, b] - lambda_a^2 h''/2,
            c_N = sum_b N_b kappa'_ab (lambda_b h[a, b] + lambda_a lambda_b h[a, a, b]) - lambda_a h' - lambda_a^2 h''/2.

        *Source*: ``derivations/mode_learning.py``. Unlisted modes enter by their trace, at eigenvalue 0.

        >>> line = ModeLearning(KernelModes("linear", 1, degrees=1), {1: 1}, rate=0.5)
        >>> line.corrections(1, 2)  # h_2(s) = (1 - s/2)^2 of a mean of m squares: E s^2 = 1 + 2/m
        (0.5, -0.5)
        """
        a, steps = mode_of(self.modes, mode), _steps(t)
        if a.value <= 0:
            raise InputError(f"degree {a.degree} has eigenvalue 0: there is no curve to correct")
        if steps.ndim:
            raise InputError(f"t = {t}: write one whole number of steps")
        with np.errstate(over="ignore", invalid="ignore"):
            found = corrections(self.modes, a, int(steps), self.rate, self.momentum)
        if not np.isfinite(found).all():
            raise InputError(
                f"after {steps} steps at a rate beyond {self.stable_rate:.4g} nothing is finite: take fewer"
            )
        return found


def _steps(t) -> Array:
    """Steps as whole numbers."""
    given = np.asarray(t)
    if given.dtype == bool or not np.issubdtype(given.dtype, np.integer) or (given < 0).any():
        raise InputError(f"t = {t} is no number of steps: write whole numbers from 0 on")
    return given.astype(np.int64)


def _number(name: str, value: float, least: float, what: str) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = np.nan
    if not (np.isfinite(found) and found >= least):
        raise InputError(f"{name} = {value} is not possible: write {what}")
    return found
