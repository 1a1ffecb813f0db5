"""Every error a user can cause: one clear line saying what was given, why it cannot be, what to write instead."""

from __future__ import annotations


class FimtheoryError(Exception):
    """Base of all errors raised on purpose; the command line prints the message and nothing else."""


class InputError(FimtheoryError, ValueError):
    """Unusable input: the command line answers with exit code 2."""


class ParseError(InputError):
    """A formula that the safe parser does not accept."""


class DivergentExpectation(InputError):
    """The Gaussian expectation asked for is infinite or does not exist."""


class JumpError(DivergentExpectation):
    """The square of a delta function: a weak derivative of a function with a jump, squared."""


class OutsideAssumptions(InputError):
    """A theorem was asked about a case that its assumptions exclude; ``violated`` names the assumption."""

    def __init__(self, message: str, violated: str) -> None:
        super().__init__(message)
        self.violated = violated


class TimeLimitExceeded(InputError):
    """A command took longer than it was given."""


class NoClosedForm(FimtheoryError):
    """The expectation exists, but has no closed form in the class of Gaussian atoms."""


class NotCertified(FimtheoryError):
    """No proof was found: the value may be known numerically, but carries no certificate."""


class NotConverged(FimtheoryError):
    """A numerical procedure stopped short of its goal; ``estimate`` is the best value it reached."""

    def __init__(self, message: str, estimate: float) -> None:
        super().__init__(message)
        self.estimate = estimate
