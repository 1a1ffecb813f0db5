"""The time limit: it ends Python code, C code and worker processes, says what was running, and leaves nothing behind."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from flint import acb

from fimtheory import cli, timeout
from fimtheory.cli import main
from fimtheory.emission.balls import integral
from fimtheory.errors import TimeLimitExceeded
from fimtheory.timeout import time_limit

BUSY = "while True: pass"
STUCK = "sum(range(10**12))"  # one call of C that holds the interpreter for hours


def spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


# -- the soft limit


def test_a_body_in_time_is_left_alone():
    with time_limit(5, "nothing"):
        done = True
    assert done
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_slow_body_is_stopped_with_a_line_that_names_it():
    before, start = signal.getsignal(signal.SIGALRM), time.perf_counter()
    message = r"^derive 'x' was stopped after 0\.05 s: raise --timeout \(0 is no limit\)$"
    with pytest.raises(TimeLimitExceeded, match=message), time_limit(0.05, "derive 'x'"):
        spin(10)
    assert time.perf_counter() - start < 2
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_no_handler_of_errors_swallows_it():
    def stubborn() -> None:
        for _ in range(100):
            try:
                spin(0.1)
            except Exception:
                continue

    with pytest.raises(TimeLimitExceeded), time_limit(0.05, "a stubborn loop"):
        stubborn()


def garbling() -> None:
    try:
        spin(10)
    except timeout._Expired:  # as an extension module does that is interrupted in the wrong place
        raise SystemError from None


def forgetting() -> None:
    for _ in range(3):  # as a callback of C code does that cannot carry an exception
        with contextlib.suppress(timeout._Expired):
            spin(10)


def integrating() -> None:
    while True:
        integral(lambda z: z.exp(), acb(0), acb(1))


class Destructor:
    def __del__(self) -> None:
        spin(10)


def destroying() -> None:
    for _ in range(3):  # what a destructor raises is reported by the interpreter and dropped
        Destructor()


@pytest.mark.parametrize("body", [garbling, forgetting, destroying])
def test_an_alarm_that_gets_lost_counts(body, monkeypatch, capsys):
    monkeypatch.setattr(timeout, "_AGAIN", 0.05)
    start = time.perf_counter()
    with pytest.raises(TimeLimitExceeded), time_limit(0.05, "a body"):
        body()
    assert time.perf_counter() - start < 5
    assert capsys.readouterr().err == ""


def test_other_losses_are_still_reported(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: reported.append(lost.exc_type))

    class Broken:
        def __del__(self) -> None:
            raise KeyError

    with time_limit(5, "a body"):
        Broken()
    assert reported == [KeyError]


def test_quadrature_in_c_is_stopped_like_any_other():
    """Its callback is where most of the time goes, and cannot raise."""
    for _ in range(20):
        with pytest.raises(TimeLimitExceeded), time_limit(0.01, "an integral"):
            integrating()


def test_an_error_of_the_body_comes_through():
    with pytest.raises(KeyError), time_limit(5, "a body"):
        raise KeyError


def test_zero_is_no_limit():
    with time_limit(0, "a body"):
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        spin(0.05)


def test_another_thread_is_not_limited():
    finished = []

    def body() -> None:
        with time_limit(0.01, "a thread"):
            spin(0.05)
        finished.append(True)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert finished


def test_a_system_without_alarms_is_not_limited(monkeypatch):
    monkeypatch.setattr(timeout, "_HAS_ALARM", False)
    with time_limit(0.01, "a body"):
        spin(0.05)
    assert timeout.supervised(lambda: 7, 0.01, "a body") == 7


# -- the hard limit, in processes of their own


def supervise(work: str, seconds: float, grace: float = 0.5, **options) -> subprocess.Popen:
    """A program that prints the process id of its worker and then does ``work``."""
    program = (
        "import os, sys, time\nfrom fimtheory.timeout import supervised, time_limit\n"
        f"def work():\n    print(os.getpid(), flush=True)\n    {work}\n    return 3\n"
        f"sys.exit(supervised(work, {seconds}, 'the work', {grace}))"
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", program], **pipes, **options)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def ended(process: subprocess.Popen) -> tuple[int, int, str]:
    """(exit code, process id of the worker, standard error)."""
    out, err = process.communicate(timeout=30)
    return process.returncode, int(out), err


def test_the_exit_code_passes_through():
    code, worker, err = ended(supervise("pass", 30))
    assert (code, err) == (3, "")
    assert not is_running(worker)


@pytest.mark.parametrize("work", [BUSY, STUCK], ids=["Python", "C"])
def test_what_does_not_end_is_killed(work):
    start = time.perf_counter()
    code, worker, err = ended(supervise(work, 0.5))
    assert code == 2
    assert err == "fimtheory: the work was stopped after 0.5 s: raise --timeout (0 is no limit)\n"
    assert time.perf_counter() - start < 10
    assert not is_running(worker)


def test_zero_forks_nothing():
    process = supervise("pass", 0)
    assert ended(process) == (3, process.pid, "")


def test_a_crash_is_reported_as_a_shell_does():
    assert ended(supervise(f"os.kill(os.getpid(), {int(signal.SIGKILL)})", 30))[0] == 128 + signal.SIGKILL


def test_termination_reaches_the_worker():
    process = supervise(BUSY, 60)
    worker = int(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert not is_running(worker)


def test_an_interruption_from_the_terminal_arrives_once():
    """The terminal interrupts both processes, and the parent passes its own on: tidying is not disturbed."""
    tidy = "\n    ".join(
        [
            "try:",
            "    print(flush=True)",
            "    time.sleep(60)",
            "except KeyboardInterrupt:",
            "    time.sleep(0.5)",
            "    return 130",
        ]
    )
    process = supervise(tidy, 60, start_new_session=True)
    for _ in range(2):  # the second line is printed where an interruption is expected
        process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


# -- the command line


def test_derive_gives_up_in_one_line(capsys):
    assert main(["derive", "x*Phi(s*x)", "--param", "s>0", "--timeout", "0.001"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "fimtheory: derive 'x*Phi(s*x)' was stopped after 0.001 s: raise --timeout (0 is no limit)\n"


def test_an_answer_that_comes_too_late_is_not_given(capsys, monkeypatch):
    """The alarm got lost in C code, and the work went on."""

    def work(_) -> int:
        with contextlib.suppress(timeout._Expired):
            spin(10)
        print("an answer")
        return 0

    monkeypatch.setattr(cli.derive, "run", work)
    assert main(["derive", "relu", "--timeout", "0.01"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_the_program_keeps_the_limit_too():
    command = [sys.executable, "-m", "fimtheory", "derive", "gelu", "--json", "--timeout"]
    late = subprocess.run([*command, "0.001"], capture_output=True, text=True, timeout=60)
    assert (late.returncode, late.stdout, late.stderr.count("\n")) == (2, "", 1)
    assert "derive 'gelu' was stopped after 0.001 s" in late.stderr
    free, limited = (subprocess.run([*command, limit], capture_output=True, timeout=60) for limit in ("0", "60"))
    assert (free.returncode, free.stdout) == (limited.returncode, limited.stdout)
    assert free.returncode == 0


def test_a_report_that_is_stopped_leaves_nothing(capsys, tmp_path):
    arguments = ["report", "tanh", "-o", str(tmp_path / "report"), "--networks", "4000", "--timeout", "3"]
    assert main(arguments) == 2
    assert "report 'tanh' was stopped after 3 s" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", ["-1", "nan", "inf", "soon", "1e9", ""])
def test_limits_that_are_none_are_refused(capsys, limit):
    with pytest.raises(SystemExit) as stop:
        main(["derive", "relu", f"--timeout={limit}"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(("verb", "default"), [("derive", "60"), ("network", "0"), ("report", "0"), ("claims", "0")])
def test_help_says_what_the_limit_is(capsys, verb, default):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    assert f"(default {default}; 0 is no limit)" in " ".join(capsys.readouterr().out.split())


def test_an_interruption_inside_quadrature_is_not_lost():
    """It is raised when the interpreter enters the callback, before any line of it: C code would drop it."""
    calls = 0

    def integrand(z):
        nonlocal calls
        calls += 1
        if calls == 5:
            signal.raise_signal(signal.SIGINT)
        return z.exp()

    with pytest.raises(KeyboardInterrupt):
        integral(integrand, acb(0), acb(1))
    assert calls == 5  # the rest was skipped
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
