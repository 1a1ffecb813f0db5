"""A time limit for a command that holds even inside C code.

Two guards. The *soft* limit is an alarm signal whose handler raises: files are tidied up on the way out. Signals are
handled between two steps of the interpreter only, and one call into C (a product of huge numbers, an eigenvalue
problem) may take minutes. Hence the *hard* limit: the work is done in a child process, which the parent kills when
it does not end by itself within a grace period. Where the system has no such signals, neither limit is enforced.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

from fimtheory.errors import TimeLimitExceeded

GRACE = 5.0
"""Seconds between the soft and the hard limit."""

HARD_STOP = 2
"""The exit code of a command that had to be killed: that of unusable input."""

_AGAIN = 1.0  # seconds until the next alarm: the first may strike where C code drops the exception
_HAS_ALARM = hasattr(signal, "setitimer")
_PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP")


class _Expired(BaseException):
    """Not an ``Exception``: no handler on the way out may take it for an error of its own."""


@contextlib.contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """The soft limit: raises :class:`TimeLimitExceeded` when the body takes longer; 0 seconds are no limit.

    Signals reach the main thread alone: in another one nothing is enforced.

    >>> with time_limit(0.01, "an endless loop"):
    ...     while True:
    ...         pass
    Traceback (most recent call last):
    ...
    fimtheory.errors.TimeLimitExceeded: an endless loop was stopped after 0.01 s: raise --timeout (0 is no limit)
    """
    if not seconds or not _HAS_ALARM or threading.current_thread() is not threading.main_thread():
        yield
        return

    expired = []

    def expire(*_) -> None:
        expired.append(True)
        raise _Expired

    with _silent_losses():
        before = signal.signal(signal.SIGALRM, expire)
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            # The alarm may have struck in the line above, and C code may have made another error of it, or none.
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            if expired:
                raise TimeLimitExceeded(_message(seconds, what)) from None


class Kept:
    """Keeps the first thing that is raised in its body for later."""

    error: BaseException | None = None

    def __enter__(self) -> None: ...

    def __exit__(self, kind, error: BaseException | None, trace) -> bool:
        self.error = self.error or error
        return True


@contextlib.contextmanager
def deferred_signals(kept: Kept) -> Iterator[None]:
    """Keeps what the handlers of Ctrl-C and of the alarm raise, for C code that calls back.

    The interpreter runs handlers when it enters a function: the callback itself, before its first line. What is raised
    there is beyond every ``try`` of the callback, and C code drops it.

    >>> kept = Kept()
    >>> with deferred_signals(kept):
    ...     signal.raise_signal(signal.SIGINT)
    >>> kept.error
    KeyboardInterrupt()
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def deferring(handler: Callable) -> Callable:
        def handle(number: int, frame) -> None:
            with kept:
                handler(number, frame)

        return handle

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGALRM") if hasattr(signal, name)]
    before = {number: handler for number in numbers if callable(handler := signal.getsignal(number))}
    try:
        for number, handler in before.items():
            signal.signal(number, deferring(handler))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _silent_losses() -> Iterator[None]:
    """An alarm that strikes where no exception can leave (a destructor, a callback) is lost without a traceback."""
    before = sys.unraisablehook

    def hook(lost) -> None:
        if lost.exc_type is not _Expired:
            before(lost)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def supervised(work: Callable[[], int], seconds: float, what: str, grace: float = GRACE) -> int:
    """The hard limit: the exit code of ``work``, done in a child process that gets ``seconds`` and the grace period.

    Returns in both processes, in the child with the code that it is to exit with. To be called before any thread
    starts, from the process of a command: one that is embedded has no business to fork.
    """
    if not seconds or not _HAS_ALARM:
        return work()
    child = os.fork()
    if not child:
        signal.signal(signal.SIGINT, _interrupt_once)
        return work()
    _pass_signals_on(child)
    try:
        with time_limit(seconds + grace, what):
            _, status = os.waitpid(child, 0)
    except TimeLimitExceeded:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print(f"fimtheory: {_message(seconds, what)}", file=sys.stderr)
        return HARD_STOP
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code  # killed by a signal: as a shell reports it


def _message(seconds: float, what: str) -> str:
    return f"{what} was stopped after {seconds:g} s: raise --timeout (0 is no limit)"


def _interrupt_once(*_) -> None:
    """Ctrl-C reaches the child twice, from the terminal and from its parent: the second must not disturb the tidying."""
    signal.signal(signal.SIGINT, lambda *_: None)  # SIG_IGN would be reported where the second is pending already
    raise KeyboardInterrupt


def _pass_signals_on(child: int) -> None:
    def pass_on(number: int, _) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    for name in _PASSED_ON:
        signal.signal(getattr(signal, name), pass_on)
