"""Claims against ladders of random networks."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy as sp

from fimtheory.activations import activation
from fimtheory.claims import Claim, Verdict
from fimtheory.errors import InputError
from fimtheory.notation import SYMBOLS
from fimtheory.simulation import Architecture, Ladder, simulate_ladder
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.verification.judgement import Extrapolation, Judgement, extrapolate, judge

M = SYMBOLS["M"]


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
class Setting:
    """The networks on which a claim is checked; the default resolves errors of 3 % in every statistic."""

    activation: str = "tanh"
    depth: int = 3
    sigma_w2: str = "3"
    sigma_b2: str = "0.64"
    outputs: int = 3
    samples: int = 10
    widths: tuple[int, ...] = (64, 128, 256, 512)
    n_networks: tuple[int, ...] = (800, 800, 600, 500)
    seed: int = 1

    @functools.cached_property
    def network(self) -> DeepNetwork:
        """The network of the theory."""
        return DeepNetwork(
            activation(self.activation), self.depth, self.sigma_w2, self.sigma_b2, self.outputs, self.samples
        )

    def __str__(self) -> str:
        return (
            f"{self.activation}, L={self.depth}, sigma_w^2={self.sigma_w2}, sigma_b^2={self.sigma_b2}, C={self.outputs}, "
            f"N={self.samples}, M={', '.join(map(str, self.widths))}, seed {self.seed}"
        )


@dataclass(frozen=True)
class Evidence:
    """What the simulations said about a claim, and about its printed form where that differs."""

    claim: Claim
    setting: Setting
    checks: tuple[Check, ...]
    printed: tuple[Check, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """CONTRADICTED if any observable is, SUPPORTED if all are, INCONCLUSIVE otherwise."""
        return _combined(self.checks)

    @property
    def printed_verdict(self) -> Verdict | None:
        """The verdict on the printed form; None where it does not differ."""
        return _combined(self.printed) if self.printed else None

    @property
    def status(self) -> str:
        """``stated``, ``supported``, ``corrected`` (ours holds, the printed form does not) or ``refuted``."""
        if self.verdict is Verdict.CONTRADICTED:
            return "refuted"
        if self.verdict is Verdict.INCONCLUSIVE:
            return "stated"
        return "corrected" if self.printed_verdict is Verdict.CONTRADICTED else "supported"


def verify(
    claim: Claim, setting: Setting | None = None, progress: Callable[[int, int], None] | None = None
) -> Evidence:
    """Simulate the ladder of a setting and judge every prediction of a claim, and of its printed form."""
    setting = setting or Setting()
    predicted = claim.predict(setting.network)
    printed = claim.predict_printed(setting.network) if claim.predict_printed else {}
    ladder = simulate_network_ladder(
        setting.network, setting.widths, setting.n_networks, setting.seed, metrics_of(predicted), progress
    )
    return Evidence(claim, setting, confront(predicted, ladder), confront(printed, ladder))


def confront(predicted: Mapping[str, sp.Expr], ladder: Ladder, resolution: float = 0.03) -> tuple[Check, ...]:
    """Compare predictions, each a number times a power of M, with the extrapolated ladder."""
    checks = []
    for observable, expression in predicted.items():
        limit, exponent = sp.expand(expression).as_coeff_exponent(M)
        if limit.free_symbols or not exponent.is_Integer:
            raise InputError(f"the prediction {expression} of {observable} is not a number times a power of M")
        extrapolation = extrapolate(*ladder.series(observable, power=-int(exponent)))
        judgement = judge(float(limit), extrapolation, resolution)
        checks.append(Check(observable, -int(exponent), float(limit), extrapolation, judgement))
    return tuple(checks)


def simulate_network_ladder(
    network: DeepNetwork,
    widths: tuple[int, ...],
    n_networks: int | tuple[int, ...],
    seed: int,
    metrics: frozenset[str],
    progress: Callable[[int, int], None] | None = None,
) -> Ladder:
    """The ladder of random networks that a :class:`DeepNetwork` describes; the only thing passed on is phi and phi'."""
    phi, dphi = network.activation.numpy, network.activation.numpy_derivative

    def architecture(width: int) -> Architecture:
        hidden = tuple(max(1, round(float(a) * width)) for a in network.alphas)
        return Architecture((*hidden, network.outputs), float(network.sigma_w2), float(network.sigma_b2), phi, dphi)

    workers = min(4, os.cpu_count() or 1)  # the numbers do not depend on it
    return simulate_ladder(
        architecture, widths, network.samples, n_networks, seed, metrics, progress=progress, workers=workers
    )


def metrics_of(predicted: Mapping[str, sp.Expr]) -> frozenset[str]:
    """The metrics whose observables are predicted: ``deep.F_blocks[2].mean`` belongs to ``F_blocks``."""
    words = (name.split(".") for name in predicted)
    return frozenset(parts[1].split("[")[0] for parts in words if len(parts) == 3)


def _combined(checks: tuple[Check, ...]) -> Verdict:
    verdicts = {check.verdict for check in checks}
    if Verdict.CONTRADICTED in verdicts:
        return Verdict.CONTRADICTED
    return Verdict.SUPPORTED if verdicts == {Verdict.SUPPORTED} else Verdict.INCONCLUSIVE
