r"""The Gaussian-process law of the logits of a wide random network, and the softmax coefficients beta under it.

As the hidden layers grow, the C logits of N inputs become f_k(n) = sqrt(q2) y_k + sqrt(q1 - q2) x_k(n), with
independent standard normal y and x: q1 and q2 are variance and covariance of a logit for one and two inputs. The y_k are
common to all inputs, so the coefficients beta stay random at infinite width, however many inputs there are.

Their expectations need no sampling. With s the sum of the e^f of one input, g_1^p = e^{p f_1}/s^p and s^-p is an
integral of t^{p-1} e^{-t s}/Gamma(p), in which the classes factorise; for two inputs, they do so given nothing but y.
On a logarithmic scale of t every integrand is analytic in the strip |Im u| < pi/2, and sums at equal distances converge
exponentially.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from fimtheory.claims import Agreement, Source, claim
from fimtheory.errors import InputError, OutsideAssumptions

_STEP = 0.2  # in units of log t
_NORMAL_STEP = 0.7  # in standard deviations: sums at this distance over a Gaussian are exact to 1e-17
_REACH = 8.5  # standard deviations that are summed
_TAIL, _HEAD = 37.0, 4.0  # e^-37 and e^(-e^4) are nothing beside 1
_MOST_NODES = 2000
_MOST_VARIANCE = 1e12


def softmax(logits: Any) -> np.ndarray:
    """The probabilities g_k = e^{f_k} / sum_j e^{f_j} along the last axis; no logit is too large.

    >>> softmax([0.0, 1e4, 1e4]).tolist()
    [0.0, 0.5, 0.5]
    """
    f = np.asarray(logits, dtype=float)
    e = np.exp(f - f.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def coefficients(logits: Any) -> dict[str, Any]:
    """The coefficients beta_1 to beta_4 of given logits of shape (..., N, C), each of shape (...).

    Formula: with Q_n = diag(g_n) - g_n g_n', beta_1 = sum_n tr Q_n / N, beta_2 = sum_{n != m} tr Q_n Q_m / N^2,
    beta_3 = sum_n tr Q_n^2 / N, beta_4 = max_k sum_n g_k (1 - g_k) / N.
    *Source*: Karakida, Akaho, Amari (2020), theorem 3.3.

    >>> {name: float(value) for name, value in coefficients(np.zeros((4, 2))).items()}
    {'beta1': 0.5, 'beta2': 0.1875, 'beta3': 0.25, 'beta4': 0.25}
    """
    g = softmax(logits)
    N, others = g.shape[-2], 1 - np.eye(g.shape[-1])  # 1 - g_k is summed from the others: no digits are lost at g_k = 1
    variances = g * (g @ others)
    own = (variances**2 + g**2 * (g**2 @ others)).sum(axis=(-2, -1))
    total = variances.sum(axis=-2)[..., None] * np.eye(g.shape[-1]) - np.swapaxes(g, -1, -2) @ g * others
    return {
        "beta1": variances.sum(axis=(-2, -1)) / N,
        "beta2": ((total**2).sum(axis=(-2, -1)) - own) / N**2,
        "beta3": own / N,
        "beta4": variances.sum(axis=-2).max(axis=-1) / N,
    }


def covariance_factors(logits: Any) -> np.ndarray:
    """B_n with B_n B_n' = Q_n = diag(g_n) - g_n g_n', for logits of shape (..., N, C): shape (..., N, C, C).

    Formula: B_n = diag(g_n)^(1/2) - g_n (g_n^(1/2))'. The columns add up to zero.

    >>> B = covariance_factors([[0.0, 0.0]])[0]
    >>> (B @ B.T).round(12).tolist()
    [[0.25, -0.25], [-0.25, 0.25]]
    """
    g = softmax(logits)
    roots, identity = np.sqrt(g), np.eye(g.shape[-1])
    diagonal = roots * (g @ (1 - identity))
    return diagonal[..., None] * identity - g[..., :, None] * roots[..., None, :] * (1 - identity)


@dataclass(frozen=True)
class Distribution:
    """A random number known from independent draws, with the standard errors that this leaves.

    ``quantiles`` maps a probability to (value, standard error); the errors of quantiles come from the neighbouring order
    statistics.
    """

    mean: float
    mean_error: float
    deviation: float
    deviation_error: float
    quantiles: dict[float, tuple[float, float]]
    count: int

    @classmethod
    def of(cls, values: Any, probabilities: tuple[float, ...] = (0.05, 0.25, 0.5, 0.75, 0.95)) -> Distribution:
        """From draws of shape (count,), of which there must be two.

        >>> Distribution.of([1.0, 2.0, 3.0])
        <Distribution 2 ± 0.58, deviation 1, 3 draws>
        """
        x = np.sort(np.asarray(values, dtype=float))
        if x.ndim != 1 or len(x) < 2:
            raise InputError(f"draws of shape {x.shape} have no spread: give two or more numbers")
        n, deviation = len(x), float(x.std(ddof=1))
        fourth = float(((x - x.mean()) ** 4).mean())
        spread = math.sqrt(max(fourth - x.var() ** 2, 0.0) / n) / (2 * deviation) if deviation > 0 else 0.0
        found = {}
        for p in probabilities:
            margin = math.sqrt(p * (1 - p) / n)
            low, value, high = np.quantile(x, [max(p - margin, 0), p, min(p + margin, 1)])
            found[p] = (float(value), float(high - low) / 2)
        return cls(float(x.mean()), deviation / math.sqrt(n), deviation, spread, found, n)

    def __repr__(self) -> str:
        return f"<Distribution {self.mean:.6g} ± {self.mean_error:.2g}, deviation {self.deviation:.3g}, {self.count} draws>"


@dataclass(frozen=True)
class LogitLaw:
    """The law of the logits of ``samples`` inputs: variance ``q1``, covariance ``q2`` of two inputs, ``outputs`` classes.

    *Holds when* the hidden layers are wide and inputs have one norm and one overlap. Raises :class:`InputError`, and
    :class:`OutsideAssumptions` for a negative covariance, which no common y_k can give.

    >>> law = LogitLaw(2.0, 1.0, outputs=2, samples=10)
    >>> round(law.expected["beta1"], 10)
    0.3028527548
    """

    q1: float
    q2: float
    outputs: int
    samples: int

    def __post_init__(self) -> None:
        for name, least in (("outputs", 1), ("samples", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"{name} = {value} is not possible: give a whole number from {least}")
        if not (0 <= self.q1 <= _MOST_VARIANCE and self.q2 <= self.q1):
            raise InputError(
                f"q1 = {self.q1}, q2 = {self.q2} are no variance and covariance: give 0 <= q2 <= q1 <= {_MOST_VARIANCE:g}"
            )
        if self.q2 < 0:
            raise OutsideAssumptions(
                f"q2 = {self.q2} is negative: two inputs share nothing then; the law is for q2 >= 0", "q2 >= 0"
            )

    @classmethod
    def of(cls, network) -> LogitLaw:
        """The law of a :class:`~fimtheory.theory.deep_network.DeepNetwork`, from its order parameters q_1^L, q_2^L."""
        o, L = network.order_parameters, network.depth
        q1 = float(o.q1[L])
        return cls(q1, min(float(o.q2[L]), q1), network.outputs, network.samples)

    @functools.cached_property
    def expected(self) -> dict[str, float]:
        """The expectations of beta_1, beta_2 and beta_3; absolute errors are below 1e-12.

        Raises :class:`InputError` where the logits of two inputs are so large and so nearly equal that sums at equal
        distances would need more than 2000 terms.
        """
        C, N = self.outputs, self.samples
        if C == 1:
            return dict.fromkeys(("beta1", "beta2", "beta3"), 0.0)
        one, two = self._one_input, self._two_inputs
        return {
            "beta1": 1 - C * one(2),
            "beta2": (N - 1) / N * C * two if N > 1 else 0.0,
            "beta3": C * (one(2) - 2 * one(3) + one(4) + (C - 1) * one(2, 2)),
        }

    def _one_input(self, *powers: int) -> float:
        """E g_1^p, or E g_1^p g_2^r, of one input."""
        step, waves, law = self._tables
        mean = [law @ wave for wave in waves]
        product = math.prod(mean[p] for p in powers) * mean[0] ** (self.outputs - len(powers))
        return float(step * product.sum() / math.gamma(sum(powers)))

    @functools.cached_property
    def _two_inputs(self) -> float:
        """E tr Q_n Q_m / C of two inputs."""
        step, waves, law = self._tables
        weighted = [law[:, None] * wave for wave in waves[:3]]
        none, single, skew, double = (weighted[p].T @ waves[r] for p, r in ((0, 0), (1, 1), (2, 1), (2, 2)))
        rest = none ** (self.outputs - 2)
        summand = rest * (none * (single - 2 * skew + double) + (self.outputs - 1) * single**2)
        return float(step**2 * summand.sum())

    @functools.cached_property
    def _tables(self) -> tuple[float, list[np.ndarray], np.ndarray]:
        """The step in u = log t; E_x w_p(u + f), w_p(v) = e^{p v - e^v}, p = 0..4, by (y, u); the weights of y."""
        own, common = math.sqrt(self.q1 - self.q2), math.sqrt(self.q2)
        step = max(_STEP, 0.5 * own / math.sqrt(self.outputs))  # Gaussian smoothing allows longer steps
        reach = _REACH * math.sqrt(self.q1)
        levels = math.ceil((2 * reach + _TAIL + _HEAD) / step)
        finer = max(1, math.ceil(step / (_NORMAL_STEP * common))) if common > 0 else 1
        half = math.ceil(_REACH * common * finer / step)
        if max(levels, half) > _MOST_NODES:
            raise InputError(
                f"q1 = {self.q1:g} with q2 = {self.q2:g} makes a softmax too sharp: take a smaller variance, or draws"
            )
        place = finer * np.arange(levels + 1) + np.arange(-half, half + 1)[:, None]
        used, where = np.unique(place, return_inverse=True)
        waves = _smoothed(used * (step / finer) - reach - _TAIL, own)
        law = np.exp(-((np.arange(-half, half + 1) * step / finer) ** 2) / (2 * self.q2)) if half else np.ones(1)
        return step, [wave[where.reshape(place.shape)] for wave in waves], law / law.sum()

    def draw(self, count: int, seed: int) -> np.ndarray:
        """Logits of ``count`` independent networks, of shape (count, N, C); draw i depends on ``seed`` and i alone."""
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise InputError(f"count = {count} draws cannot be made: give a whole number from 1")
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise InputError(f"seed = {seed} is no seed: give a whole number from 0")
        logits = np.empty((count, self.samples, self.outputs))
        for index in range(count):
            stream = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(index,))))
            common = math.sqrt(self.q2) * stream.standard_normal(self.outputs)
            logits[index] = common + math.sqrt(self.q1 - self.q2) * stream.standard_normal(logits[index].shape)
        return logits

    def distributions(self, count: int, seed: int) -> dict[str, Distribution]:
        """The coefficients beta_1 to beta_4 over ``count`` independent networks; see :meth:`draw`."""
        return {name: Distribution.of(values) for name, values in coefficients(self.draw(count, seed)).items()}


def _smoothed(v: np.ndarray, deviation: float) -> list[np.ndarray]:
    """E w_p(v + deviation X), w_p(z) = e^{p z - e^z}, for p = 0..4."""
    if deviation < 0.5:
        # a narrow Gaussian: sums over X
        half = math.ceil(_REACH / _NORMAL_STEP) if deviation else 0
        x = _NORMAL_STEP * np.arange(-half, half + 1)
        z, law = v[:, None] + deviation * x, np.exp(-(x**2) / 2)
        return [_waves(p, z) @ law / law.sum() for p in range(5)]
    # a wide one: sums over z, with w_0 as the integral of w_1 beyond z
    z = _STEP * np.arange(-math.ceil(_TAIL / _STEP), math.ceil(_HEAD / _STEP) + 1)
    x = (z - v[:, None]) / deviation
    density = np.exp(-(x**2) / 2) * (_STEP / (deviation * math.sqrt(2 * math.pi)))
    return [ndtr(x) @ _waves(1, z) * _STEP, *(density @ _waves(p, z) for p in range(1, 5))]


def _waves(p: int, z: np.ndarray) -> np.ndarray:
    z = np.minimum(z, 8.0)  # beyond, w_p vanishes
    return np.exp(p * z - np.exp(z))


@claim(
    "fimtheory.logit_law",
    title="Expected softmax coefficients of a wide random network",
    statement=r"f_k(n) = \sqrt{q_2}\, y_k + \sqrt{q_1 - q_2}\, x_k(n),\quad \mathbb{E}\, g_1^2 = \int_0^\infty t\,"
    r" \mathbb{E}[e^{2 f} e^{-t e^f}]\, (\mathbb{E}\, e^{-t e^f})^{C-1}\, \mathrm{d}t",
    source=Source("fimtheory", "extends theorem 3.3 of Karakida et al."),
    assumptions=("the hidden layers are wide", "all inputs have one norm, all pairs one overlap", "q_2 >= 0"),
    subject=None,
)
def predict_expectations() -> dict[str, Agreement]:
    """Two classes against a Gaussian integral of the logistic function; three against independent draws.

    The draws are compared in units of their standard errors, of which five are allowed.
    """
    return {
        "three classes, in standard errors": Agreement(lambda: _in_errors(_THREE.expected), _drawn, 5.0),
        "two classes": Agreement(lambda: [_TWO.expected[name] for name in _NAMES], lambda: _by_logistic(_TWO), 1e-12),
    }


_NAMES = ("beta1", "beta2", "beta3")
_TWO, _THREE = LogitLaw(2.0, 0.75, outputs=2, samples=8), LogitLaw(3.0, 1.0, outputs=3, samples=5)


@functools.cache
def _sampled() -> dict[str, Distribution]:
    return _THREE.distributions(4000, seed=4)


def _in_errors(values: dict[str, float]) -> list[float]:
    return [values[name] / _sampled()[name].mean_error for name in _NAMES]


def _drawn() -> list[float]:
    return _in_errors({name: law.mean for name, law in _sampled().items()})


def _by_logistic(law: LogitLaw) -> list[float]:
    """beta_1, beta_2, beta_3 for C = 2 from v(d) = g_1 g_2 at the difference d of the two logits."""
    x = np.linspace(-9, 9, 361)
    normal = np.exp(-(x**2) / 2)
    normal /= normal.sum()

    def v(d: np.ndarray) -> np.ndarray:
        return 1 / (4 * np.cosh(d / 2) ** 2)

    alone = v(math.sqrt(2 * law.q1) * x)
    given = v(math.sqrt(2 * law.q2) * x[:, None] + math.sqrt(2 * (law.q1 - law.q2)) * x) @ normal
    pairs = (law.samples - 1) / law.samples
    return [float(e) for e in (2 * normal @ alone, 4 * pairs * normal @ given**2, 4 * normal @ alone**2)]
