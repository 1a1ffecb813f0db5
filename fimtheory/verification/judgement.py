"""Verdicts: a theory of infinite width against simulations of finite ones.

One width with a tolerance proves nothing, for the corrections are O(1/M). A ladder of widths is extrapolated, and the
limit is compared with the prediction in units of its own standard error, by rules fixed before any number was seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import fdtrc, ndtr, ndtri, stdtr, stdtrit

from fimtheory.claims import Verdict
from fimtheory.errors import InputError

CURVATURE_LEVEL = 0.01  # a fit of a + b/M rejected at this level is replaced by one with a curvature
FIT_LEVEL = 1e-3  # a fit rejected at this level supports and contradicts nothing
SUPPORT, CONTRADICTION = 3.0, 4.0  # in standard errors

_ROUNDING = 1e-12  # relative: what a quantity without scatter from network to network is known to


@dataclass(frozen=True)
class Extrapolation:
    """The limit of infinite width, ``value``, of ``value(M) = value + slope / M (+ curvature / M^2)``.

    ``effective_dof`` are the Student degrees of freedom of ``(value - truth) / standard_error``; ``chi2`` is the
    weighted sum of squared residuals on ``dof`` degrees of freedom, and ``p_value`` the probability of a larger one.
    """

    value: float
    standard_error: float
    effective_dof: float
    slope: float
    slope_standard_error: float
    curvature: float | None
    chi2: float
    dof: int
    p_value: float

    def __repr__(self) -> str:
        law = f"{self.value:.6g} ± {self.standard_error:.2g} + ({self.slope:.4g} ± {self.slope_standard_error:.2g})/M"
        curvature = "" if self.curvature is None else f" + ({self.curvature:.4g})/M^2"
        return f"<Extrapolation {law}{curvature}, chi2 = {self.chi2:.3g} on {self.dof}, p = {self.p_value:.2g}>"


@dataclass(frozen=True)
class Judgement:
    """A verdict on a prediction, with the ``z_score`` and relative deviation of the extrapolation from it."""

    verdict: Verdict
    z_score: float
    relative_deviation: float
    reason: str


def extrapolate(widths: Any, means: Any, standard_errors: Any, n_networks: Any) -> Extrapolation:
    """Extrapolate the ensemble means of several widths to infinite width, by weighted least squares.

    The law is ``a + b/M``; where it is rejected (p < 0.01) and there are at least four widths, ``a + b/M + c/M^2``. The
    standard errors are themselves estimated, from ``n_networks`` networks a width, and that is accounted for: in the
    variance of ``a`` by the factor ``1 + 4 sum_i p_i (1 - h_i) / nu_i`` of Kenward and Roger (Biometrics 53, 1997),
    with ``p_i`` the share of width ``i`` in the variance, ``h_i`` its leverage and ``nu_i = n_networks - 1``; in the
    degrees of freedom of its Student law, ``1 / sum_i (p_i^2 / nu_i)``, by Satterthwaite; in the test of the fit by
    Johansen (Biometrika 67, 1980). This is accurate from about 10 networks a width and refused below 5. A quantity
    without scatter is taken as known to rounding, 1e-12 of its size. Arguments have shape ``(number of widths,)``.
    Raises :class:`InputError`.

    >>> round(extrapolate([100, 200, 400], [3.25, 3.125, 3.0625], [0.0, 0.0, 0.0], [10, 10, 10]).value, 9)
    3.0
    """
    M, y, errors, numbers = _checked(widths, means, standard_errors, n_networks)
    fit = _fit(M, y, errors, numbers - 1, degree=1)
    if fit.p_value < CURVATURE_LEVEL and len(M) >= 4:
        fit = _fit(M, y, errors, numbers - 1, degree=2)
    return fit


def pool(widths: Any, means: Any, standard_errors: Any, n_networks: Any) -> Extrapolation:
    """The one number that all widths measure, where nothing depends on the width: a fit without the term in 1/M.

    Arguments, standard errors and the test of the fit are those of :func:`extrapolate`. Raises :class:`InputError`.

    >>> round(pool([10, 20, 40], [2.0, 2.0, 2.0], [0.1, 0.1, 0.1], [50, 50, 50]).value, 9)
    2.0
    """
    M, y, errors, numbers = _checked(widths, means, standard_errors, n_networks)
    return _fit(M, y, errors, numbers - 1, degree=0)


def _fit(M: np.ndarray, y: np.ndarray, errors: np.ndarray, nu: np.ndarray, degree: int) -> Extrapolation:
    unit = M.min()  # powers of unit/M instead of 1/M keep the least squares well conditioned
    design = (unit / M)[:, None] ** np.arange(degree + 1)
    errors = np.maximum(errors, _ROUNDING * (np.abs(y).max() or 1.0))
    Q, R = np.linalg.qr(design / errors[:, None])
    sensitivity = np.linalg.solve(R, Q.T)  # of each coefficient, to each mean in units of its standard error
    coefficients = sensitivity @ (y / errors)
    spare = 1 - (Q**2).sum(axis=1)  # one minus the leverage

    variances = (sensitivity**2).sum(axis=1)
    shares = sensitivity**2 / variances[:, None]
    deviations = np.sqrt(variances * (1 + 4 * (shares * spare / nu).sum(axis=1)))

    chi2 = (((y - design @ coefficients) / errors) ** 2).sum()
    dof = len(M) - degree - 1
    A = (spare**2 / nu).sum()
    p_value = fdtrc(dof, dof * (dof + 2) / (3 * A), chi2 / (dof + 2 * A - 6 * A / (dof + 2)))
    return Extrapolation(
        value=float(coefficients[0]),
        standard_error=float(deviations[0]),
        effective_dof=float(1 / (shares[0] ** 2 / nu).sum()),
        slope=float(coefficients[1] * unit) if degree else 0.0,
        slope_standard_error=float(deviations[1] * unit) if degree else 0.0,
        curvature=float(coefficients[2] * unit**2) if degree == 2 else None,
        chi2=float(chi2),
        dof=dof,
        p_value=float(p_value),
    )


def judge(
    predicted: float, extrapolation: Extrapolation, resolution: float = 0.03, scale: float | None = None
) -> Judgement:
    """Compare a predicted limit with an extrapolated one. The rules, fixed in advance:

    - INCONCLUSIVE where the ladder does not follow its law (p < 1e-3);
    - otherwise CONTRADICTED where ``|z| >= 4``;
    - otherwise SUPPORTED where ``|z| < 3`` and the limit is known to agree within ``resolution``: deviation and three
      standard errors together are at most ``resolution * scale``, with ``scale = |predicted|`` unless given, so that a
      prediction wrong by ``resolution`` is supported once in a thousand times however noisy the ladder;
    - otherwise INCONCLUSIVE.

    With few networks ``z`` has a Student law. It is reported as the normal score of equal probability, and "three
    standard errors" is the Student quantile of equal probability, so 3 and 4 mean what they mean for a Gaussian. A
    prediction of zero has no relative error: it is supported only on an explicit ``scale``. Raises :class:`InputError`.
    """
    if not math.isfinite(predicted):
        raise InputError(f"predicted = {predicted} is no finite number: there is nothing to compare")
    scale = abs(predicted) if scale is None else scale
    deviation = extrapolation.value - float(predicted)
    z = _normal_score(deviation / extrapolation.standard_error, extrapolation.effective_dof)
    reach = stdtrit(extrapolation.effective_dof, ndtr(SUPPORT)) * extrapolation.standard_error
    verdict, reason = _decide(z, extrapolation.p_value, abs(deviation), reach, resolution * scale)
    return Judgement(verdict, z, deviation / float(scale) if scale else math.nan, reason)


def judge_below(bound: float, values: Any) -> tuple[Extrapolation, Judgement]:
    """Whether the mean of runs is below a bound: (the mean with its standard error, the judgement).

    SUPPORTED where the mean is three standard errors below, CONTRADICTED where it is four above, INCONCLUSIVE otherwise;
    as in :func:`judge` these are Student quantiles of equal probability. Raises :class:`InputError` below 4 runs.

    >>> judge_below(0.0, [-1.0, -1.1, -0.9, -1.05, -0.95])[1].verdict
    <Verdict.SUPPORTED: 'supported'>
    """
    runs = np.asarray(values, dtype=float)
    if runs.ndim != 1 or len(runs) < 4 or not np.isfinite(runs).all():
        raise InputError(f"{runs.shape} finite numbers cannot be judged: give one number a run, of at least 4 runs")
    mean, dof = float(runs.mean()), len(runs) - 1
    error = max(float(runs.std(ddof=1)) / math.sqrt(len(runs)), _ROUNDING * (abs(mean) or 1.0))
    z = _normal_score((mean - bound) / error, dof)
    side = "below" if z < 0 else "above"
    reason = f"the mean of {len(runs)} runs is {abs(z):.1f} standard errors {side} {bound:g}"
    verdict = Verdict.INCONCLUSIVE
    if z <= -SUPPORT:
        verdict = Verdict.SUPPORTED
    elif z >= CONTRADICTION:
        verdict = Verdict.CONTRADICTED
    found = Extrapolation(mean, error, float(dof), 0.0, 0.0, None, 0.0, 0, 1.0)
    return found, Judgement(verdict, z, (mean - bound) / abs(bound) if bound else math.nan, reason)


def _decide(z: float, p_value: float, deviation: float, reach: float, allowed: float) -> tuple[Verdict, str]:
    distance = f"the limit is {abs(z):.1f} standard errors from the prediction"
    if p_value < FIT_LEVEL:
        return Verdict.INCONCLUSIVE, f"the widths do not follow the law in 1/M (p = {p_value:.1g}): take larger widths"
    if abs(z) >= CONTRADICTION:
        return Verdict.CONTRADICTED, distance
    if abs(z) >= SUPPORT:
        return Verdict.INCONCLUSIVE, f"{distance}: need more networks to tell"
    if allowed == 0:
        return Verdict.INCONCLUSIVE, "a prediction of zero has no relative error: give the scale to compare with"
    if deviation + reach > allowed:
        needed = max(2, math.ceil((reach / max(allowed - deviation, allowed / 4)) ** 2))
        return Verdict.INCONCLUSIVE, f"{distance}, but these are too large: need about {needed} times as many networks"
    return Verdict.SUPPORTED, f"{distance}, and agrees within the resolution"


def _normal_score(t: float, dof: float) -> float:
    """The standard normal quantile of equal probability; beyond about 37 the probability underflows."""
    tail = max(float(stdtr(dof, -abs(t))), np.finfo(float).tiny)
    return math.copysign(-float(ndtri(tail)), t)


def _checked(*columns: Any) -> list[np.ndarray]:
    try:
        arrays = [np.asarray(column, dtype=float) for column in columns]
    except (TypeError, ValueError):
        raise InputError("widths, means, standard_errors and n_networks must be sequences of numbers") from None
    M, _, errors, numbers = arrays
    if M.ndim != 1 or any(array.shape != M.shape for array in arrays):
        raise InputError(f"shapes {[array.shape for array in arrays]} do not agree: give one number for each width")
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError("a ladder with infinite or missing numbers cannot be extrapolated: leave that width out")
    if len(np.unique(M)) < len(M) or len(M) < 3 or M.min() <= 0:
        raise InputError(f"widths {M.tolist()} cannot test a + b/M: give at least three different positive widths")
    if errors.min() < 0:
        raise InputError(f"standard errors {errors.tolist()} contain a negative number: give them as positive ones")
    if numbers.min() < 5:
        raise InputError(f"{numbers.min():g} networks give no trustworthy standard error: simulate 10 or more a width")
    return arrays
