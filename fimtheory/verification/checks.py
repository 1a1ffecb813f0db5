"""Claims against simulation and against second routes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import sympy as sp

from fimtheory.claims import Agreement, AtEveryWidth, Below, Claim, GivenOutputs, Identity, Ordering, Verdict
from fimtheory.errors import InputError
from fimtheory.notation import SYMBOLS
from fimtheory.simulation import Ladder
from fimtheory.verification.deep_figures import PaperSetting
from fimtheory.verification.deep_networks import Setting
from fimtheory.verification.expected_relative import BatchSetting, UnitsSetting
from fimtheory.verification.finite_width import ClusterSetting, ProportionalSetting
from fimtheory.verification.function_forms import FunctionsSetting
from fimtheory.verification.judgement import Extrapolation, Judgement, extrapolate, judge, judge_below, pool
from fimtheory.verification.kernel_modes import ModesSetting
from fimtheory.verification.kernel_spectra import KernelSetting
from fimtheory.verification.mode_training import LearningSetting
from fimtheory.verification.neuron_training import NeuronExperimentSetting
from fimtheory.verification.quadratic_scaling import QuadraticSetting
from fimtheory.verification.relative_descent import NetworkExperimentSetting
from fimtheory.verification.score_products import ScoreSetting
from fimtheory.verification.single_layers import LayerSetting
from fimtheory.verification.statements import Decision, decide
from fimtheory.verification.three_regimes import RegimeSetting
from fimtheory.verification.training import TrainingSetting

M = SYMBOLS["M"]
Progress = Callable[[int, int], None]
_COUNTS = "single_layer.count["


class AnySetting(Protocol):
    """The random networks on which claims of one subject are checked; each subject has a class of them."""

    @classmethod
    def quick(cls) -> AnySetting:
        """A smaller one than the default."""
        ...

    @property
    def resolution(self) -> float:
        """The relative error that is resolved."""
        ...

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, AnySetting]]:
        """(a mark that tells them apart, the arguments of ``predict``, the setting) for all that a claim speaks about."""
        ...

    def suited_to(self, observables: Iterable[str]) -> AnySetting:
        """The setting on which these observables are measured."""
        ...

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[Any]:
        """The ladder on which they are."""
        ...


_KINDS: dict[str, type[AnySetting]] = {
    "deep_network": Setting,
    "paper_network": PaperSetting,
    "single_layer": LayerSetting,
    "rectangular_layer": LayerSetting,
    "activation": LayerSetting,
    "outlier_cluster": ClusterSetting,
    "proportional_network": ProportionalSetting,
    "kernel_spectrum": KernelSetting,
    "kernel_modes": ModesSetting,
    "function_forms": FunctionsSetting,
    "quadratic_scaling": QuadraticSetting,
    "regimes": RegimeSetting,
    "neuron_experiment": NeuronExperimentSetting,
    "network_experiment": NetworkExperimentSetting,
    "relative_batch": BatchSetting,
    "relative_units": UnitsSetting,
    "relative_metric": ScoreSetting,
    **dict.fromkeys(("mode_learning", "momentum_learning", "narrow_learning"), LearningSetting),
    **dict.fromkeys(("training", "ntk_training", "given_inputs_training"), TrainingSetting),
}


@dataclass(frozen=True)
class Check:
    """One observable: the predicted limit of observable * M^power, what the ladder extrapolates to, the judgement.

    ``is_bound``: the prediction is one from above, and what is compared with it a mean over runs.
    """

    observable: str
    power: int
    predicted: float
    extrapolation: Extrapolation
    judgement: Judgement
    is_bound: bool = False

    @property
    def verdict(self) -> Verdict:
        """The verdict of the judgement."""
        return self.judgement.verdict

    def __repr__(self) -> str:
        e = self.extrapolation
        return (
            f"<Check {self.observable}: predicted {'below ' * self.is_bound}{self.predicted:.6g}, "
            f"extrapolated {e.value:.6g} ± {e.standard_error:.2g}, {self.verdict.value}>"
        )


@dataclass(frozen=True)
class Evidence:
    """What simulations and second routes said about a claim, and about its printed form where that differs."""

    claim: Claim
    settings: tuple[AnySetting, ...]
    checks: tuple[Check | Decision, ...]
    printed: tuple[Check | Decision, ...] = ()

    @property
    def simulated(self) -> str | None:
        """The networks that were simulated, in words; None where nothing was."""
        return "; ".join(dict.fromkeys(map(str, self.settings))) or None

    @property
    def verdict(self) -> Verdict:
        """CONTRADICTED if any check is, SUPPORTED if all are, INCONCLUSIVE otherwise."""
        return _combined(self.checks)

    @property
    def printed_verdict(self) -> Verdict | None:
        """The verdict on the printed form; None where it does not differ."""
        return _combined(self.printed) if self.printed else None

    @property
    def status(self) -> str:
        """``stated``, ``supported``, ``certified`` (all of it by proven identities), ``corrected`` (ours holds, the
        printed form does not) or ``refuted``."""
        if self.verdict is Verdict.CONTRADICTED:
            return "refuted"
        if self.verdict is Verdict.INCONCLUSIVE:
            return "stated"
        if self.printed_verdict is Verdict.CONTRADICTED:
            return "corrected"
        return "certified" if all(isinstance(c, Decision) and c.certified for c in self.checks) else "supported"


def verify(
    claim: Claim, setting: AnySetting | None = None, progress: Progress | None = None, quick: bool = False
) -> Evidence:
    """Judge everything a claim says, and its printed form: predictions on the ladder of a setting, statements directly.

    ``setting`` is a :class:`Setting` for claims on deep networks and a :class:`LayerSetting` for those on one hidden
    layer; the default is the full size, with ``quick`` a smaller one.
    """
    kind = _KINDS.get(claim.subject or "")
    if setting is None and kind:
        setting = kind.quick() if quick else kind()
    if setting is not None and not (kind and isinstance(setting, kind)):
        raise InputError(f"{claim.id} is no claim on what {type(setting).__name__} describes: leave the setting out")
    checks, printed, settings = [], [], []
    for mark, subject, one in setting.subjects(claim) if setting else [("", (), None)]:
        said = (claim.predict(*subject), claim.predict_printed(*subject) if claim.predict_printed else {})
        observables = [name for part in said for name, value in part.items() if not _is_statement(value)]
        if one is not None:
            one = one.suited_to(observables)  # the evidence names the networks that were simulated
            settings += [one] if observables else []
        ladder = one.simulate(observables, progress) if one is not None and observables else None
        for part, found in zip(said, (checks, printed), strict=True):
            found += [_marked(check, mark) for check in _judged(part, ladder, one)]
    return Evidence(claim, tuple(settings), tuple(checks), tuple(printed))


def _judged(said: Mapping, ladder: Ladder | None, setting: AnySetting | None) -> Iterator[Check | Decision]:
    for name, value in said.items():
        if _is_statement(value):
            yield decide(name, value)
        elif ladder is None or setting is None:
            raise InputError(f"{name} is to be measured, but nothing is simulated")
        else:
            yield from confront({name: value}, ladder, setting.resolution)


def _is_statement(value) -> bool:
    return isinstance(value, Identity | Agreement | Ordering)


def _marked(check: Check | Decision, mark: str) -> Check | Decision:
    return replace(check, observable=check.observable + mark)


def confront(predicted: Mapping[str, Any], ladder: Ladder, resolution: float = 0.03) -> tuple[Check, ...]:
    """Compare predictions with a ladder.

    A number times a power of M is compared with the extrapolated limit, and in limit + slope/M the slope with that of
    measured - limit. :class:`GivenOutputs` and :class:`AtEveryWidth` give the ratio of measured and predicted, which is 1
    in the limit or at every width. :class:`Below` is judged on the runs of the widest rung.
    """
    checks = []
    for observable, expression in predicted.items():
        if isinstance(expression, GivenOutputs | AtEveryWidth):
            checks.append(_ratio(observable, expression, ladder, resolution))
            continue
        if isinstance(expression, Below):
            checks.append(_below(observable, expression, ladder))
            continue
        if sp.sympify(expression).is_Add:
            checks.append(_correction(observable, expression, ladder, resolution))
            continue
        limit, exponent = sp.expand(expression).as_coeff_exponent(M)
        if limit.free_symbols or not exponent.is_Integer:
            raise InputError(f"the prediction {expression} of {observable} is not a number times a power of M")
        extrapolation = extrapolate(*ladder.series(observable, power=-int(exponent)))
        scale = 1.0 if observable.startswith(_COUNTS) else None  # eigenvalues per unit of width, not their own number
        judgement = judge(float(limit), extrapolation, resolution, scale)
        checks.append(Check(observable, -int(exponent), float(limit), extrapolation, judgement))
    return tuple(checks)


def _below(observable: str, prediction: Below, ladder: Ladder) -> Check:
    runs = ladder.ensembles[ladder.widths[-1]].values(observable)
    return Check(observable, 0, prediction.bound, *judge_below(prediction.bound, runs), is_bound=True)


def _correction(observable: str, expression: sp.Expr, ladder: Ladder, resolution: float) -> Check:
    """A prediction limit + slope/M: M (measured - limit) has the limit ``slope``."""
    limit, slope = expression.coeff(M, 0), expression.coeff(M, -1)
    if sp.expand(expression - limit - slope / M) != 0 or (limit + slope).free_symbols:
        raise InputError(f"the prediction {expression} of {observable} is not a number and a number over M")
    widths, means, errors, numbers = ladder.series(observable, power=1)
    found = extrapolate(widths, means - float(limit) * widths, errors, numbers)
    name = f"{observable} (less its limit {float(limit):.6g})"
    return Check(name, 1, float(slope), found, judge(float(slope), found, resolution))


def _ratio(observable: str, prediction: GivenOutputs | AtEveryWidth, ladder: Ladder, resolution: float) -> Check:
    rows = []
    for width, ensemble in ladder.ensembles.items():
        measured = ensemble.values(observable)
        if isinstance(prediction, GivenOutputs):
            expected = np.array([prediction.predict(outputs, width) for outputs in ensemble.outputs])
        else:
            expected = np.full(len(measured), prediction.predict(width))
        ratio = measured / expected
        rows.append((width, ratio.mean(), ratio.std(ddof=1) / np.sqrt(len(ratio)), len(ratio)))
    found = (extrapolate if isinstance(prediction, GivenOutputs) else pool)(*zip(*rows, strict=True))
    what = "measured/predicted, given the outputs" if isinstance(prediction, GivenOutputs) else "measured/predicted"
    return Check(f"{observable} ({what})", 0, 1.0, found, judge(1.0, found, resolution))


def _combined(checks: tuple[Check | Decision, ...]) -> Verdict:
    verdicts = {check.verdict for check in checks}
    if Verdict.CONTRADICTED in verdicts:
        return Verdict.CONTRADICTED
    return Verdict.SUPPORTED if verdicts == {Verdict.SUPPORTED} else Verdict.INCONCLUSIVE
