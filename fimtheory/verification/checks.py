"""Claims against simulation and against second routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import sympy as sp

from fimtheory.claims import Agreement, Claim, Identity, Ordering, Verdict
from fimtheory.errors import InputError
from fimtheory.notation import SYMBOLS
from fimtheory.simulation import Ladder
from fimtheory.theory.single_layer import SQUARE
from fimtheory.verification.deep_networks import Setting
from fimtheory.verification.judgement import Extrapolation, Judgement, extrapolate, judge
from fimtheory.verification.single_layers import LayerSetting
from fimtheory.verification.statements import Decision, decide

M = SYMBOLS["M"]
Progress = Callable[[int, int], None]
AnySetting = Setting | LayerSetting
_KINDS = {"deep_network": Setting, "single_layer": LayerSetting, "rectangular_layer": LayerSetting,
          "activation": LayerSetting}  # fmt: skip
_COUNTS = "single_layer.count["
RECTANGLE = (sp.Rational(3, 2), sp.Rational(1, 2))  # the aspect on which claims about rectangular layers are checked


@dataclass(frozen=True)
class Check:
    """One observable: the predicted limit of observable * M^power, what the ladder extrapolates to, the judgement."""

    observable: str
    power: int
    predicted: float
    extrapolation: Extrapolation
    judgement: Judgement

    @property
    def verdict(self) -> Verdict:
        """The verdict of the judgement."""
        return self.judgement.verdict

    def __repr__(self) -> str:
        e = self.extrapolation
        return (
            f"<Check {self.observable}: predicted {self.predicted:.6g}, extrapolated {e.value:.6g} ± "
            f"{e.standard_error:.2g}, {self.verdict.value}>"
        )


@dataclass(frozen=True)
class Evidence:
    """What simulations and second routes said about a claim, and about its printed form where that differs."""

    claim: Claim
    setting: AnySetting | None
    checks: tuple[Check | Decision, ...]
    printed: tuple[Check | Decision, ...] = ()

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
    if claim.subject == "rectangular_layer" and isinstance(setting, LayerSetting) and setting.aspect == SQUARE:
        setting = replace(setting, aspect=RECTANGLE)
    checks, printed = [], []
    for mark, subject, one in _subjects(claim, setting):
        said = (claim.predict(*subject), claim.predict_printed(*subject) if claim.predict_printed else {})
        observables = [name for part in said for name, value in part.items() if not _is_statement(value)]
        if isinstance(one, LayerSetting):
            setting = one = one.suited_to(observables)  # the evidence names the layers that were simulated
        ladder = one.simulate(observables, progress) if one is not None and observables else None
        for part, found in zip(said, (checks, printed), strict=True):
            found += [_marked(check, mark) for check in _judged(part, ladder, one)]
    return Evidence(claim, setting, tuple(checks), tuple(printed))


def _subjects(claim: Claim, setting: AnySetting | None) -> Iterator[tuple[str, tuple, AnySetting | None]]:
    """(a word that tells them apart, the arguments of ``predict``, the setting) for everything a claim speaks about."""
    match setting:
        case Setting():
            yield "", (setting.network,), setting
        case LayerSetting():
            for one in setting.each(claim.activations):
                subject = one.phi if claim.subject == "activation" else one.layer
                yield f" [{one.activation}]" if len(claim.activations) > 1 else "", (subject,), one
        case None:
            yield "", (), None


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


def confront(predicted: Mapping[str, sp.Expr], ladder: Ladder, resolution: float = 0.03) -> tuple[Check, ...]:
    """Compare predictions, each a number times a power of M, with the extrapolated ladder."""
    checks = []
    for observable, expression in predicted.items():
        limit, exponent = sp.expand(expression).as_coeff_exponent(M)
        if limit.free_symbols or not exponent.is_Integer:
            raise InputError(f"the prediction {expression} of {observable} is not a number times a power of M")
        extrapolation = extrapolate(*ladder.series(observable, power=-int(exponent)))
        scale = 1.0 if observable.startswith(_COUNTS) else None  # eigenvalues per unit of width, not their own number
        judgement = judge(float(limit), extrapolation, resolution, scale)
        checks.append(Check(observable, -int(exponent), float(limit), extrapolation, judgement))
    return tuple(checks)


def _combined(checks: tuple[Check | Decision, ...]) -> Verdict:
    verdicts = {check.verdict for check in checks}
    if Verdict.CONTRADICTED in verdicts:
        return Verdict.CONTRADICTED
    return Verdict.SUPPORTED if verdicts == {Verdict.SUPPORTED} else Verdict.INCONCLUSIVE
