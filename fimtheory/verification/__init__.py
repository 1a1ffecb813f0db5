"""Where theory and simulation meet: claims, ladders of widths, verdicts."""

from fimtheory.verification.checks import Check, Evidence, Setting, confront, simulate_network_ladder, verify
from fimtheory.verification.judgement import Extrapolation, Judgement, extrapolate, judge

__all__ = [
    "Check",
    "Evidence",
    "Extrapolation",
    "Judgement",
    "Setting",
    "confront",
    "extrapolate",
    "judge",
    "simulate_network_ladder",
    "verify",
]
