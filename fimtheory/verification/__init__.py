"""Where theory and simulation meet: claims, ladders of widths, verdicts."""

from fimtheory.verification.checks import Check, Evidence, confront, verify
from fimtheory.verification.deep_networks import Setting, metrics_of, simulate_network_ladder
from fimtheory.verification.judgement import Extrapolation, Judgement, extrapolate, judge, pool
from fimtheory.verification.single_layers import LayerSetting
from fimtheory.verification.statements import Decision, decide

__all__ = [
    "Check",
    "Decision",
    "Evidence",
    "Extrapolation",
    "Judgement",
    "LayerSetting",
    "Setting",
    "confront",
    "decide",
    "extrapolate",
    "judge",
    "metrics_of",
    "pool",
    "simulate_network_ladder",
    "verify",
]
