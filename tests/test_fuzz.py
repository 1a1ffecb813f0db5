"""Whatever is typed: a formula or one line saying why not; nothing runs, nothing hangs, nobody sees a traceback.

A few hundred inputs in every run, thousands in the nightly one (``make nightly``).
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import pkgutil
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import pytest
import sympy as sp
import sympy.sets.handlers
from hypothesis import given
from hypothesis import strategies as st

import fimtheory as ft
from fimtheory.activations import Parameter, parse
from fimtheory.activations.parser import FUNCTIONS, VARIABLE
from fimtheory.cli import main
from fimtheory.errors import InputError, ParseError, TimeLimitExceeded
from fimtheory.timeout import time_limit
from tests.formulas import ANYTHING, PARAMETERS, WELL_FORMED, runs

T = TypeVar("T")
PARSING = 5.0  # seconds for any text
SYMBOLS = [Parameter(name, domain).symbol for name, domain in PARAMETERS.items()]
LIMIT, LATE = 3, 5  # seconds given to a derivation, and the most it may take to stop


# -- nothing is executed: the interpreter reports what it does


class Watch:
    """Records what the interpreter is asked to run, open or load while it is on. An audit hook stays for ever."""

    RUNS = (
        "exec",
        "open",
        "os.",
        "subprocess.",
        "socket.",
        "import",
        "ctypes.",
        "shutil.",
        "marshal.",
        "pickle.",
        "code.",
    )

    def __init__(self) -> None:
        self.on, self.seen = False, []
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple) -> None:
        if self.on and event.startswith(self.RUNS):
            self.seen.append((event, arguments))

    @contextlib.contextmanager
    def __call__(self):
        self.on, self.seen = True, []
        try:
            yield self.seen
        finally:
            self.on = False


@pytest.fixture(scope="module")
def watch() -> Watch:
    """SymPy loads some of its parts at first use: they are here before, and every function is called once."""
    for module in pkgutil.iter_modules(sympy.sets.handlers.__path__):
        importlib.import_module(f"sympy.sets.handlers.{module.name}")
    for name, (_, arity) in FUNCTIONS.items():
        arguments = ", ".join(["x < 1" if name == "where" else "x/2", "x", "1", "2"][: arity[0]])
        parse(f"{name}({arguments})/3 + 2**(1/3)*{name}({arguments})**2")
    return Watch()


@pytest.mark.parametrize("source", ["eval('1')", "open(__file__).close()", "__import__('os').system('true')"])
def test_the_watch_sees_what_runs(watch, source):
    with watch() as seen:
        eval(source)
    assert seen


# -- the parser


def attempt(make: Callable[[], T], seconds: float) -> T | InputError:
    """What is made of a text, or the refusal, which is one printable line; any other error is one of the test."""
    refusal = None
    with time_limit(seconds, "reading a formula"):
        try:
            return make()
        except TimeLimitExceeded:
            raise
        except InputError as error:
            refusal = error
    assert str(refusal).isprintable(), str(refusal)
    assert len(str(refusal)) < 1000
    return refusal


def read(text: str) -> sp.Expr | InputError:
    return attempt(lambda: parse(text, SYMBOLS), PARSING)


@runs(300, 10_000)
@given(text=ANYTHING)
def test_parsing_anything(watch, text):
    with watch() as seen:
        found = read(text)
    assert seen == []
    assert isinstance(found, ParseError) or found.free_symbols <= {VARIABLE, *SYMBOLS}


@runs(150, 5_000)
@given(text=ANYTHING)
def test_activations_from_anything(text):
    """Through the whole door: real, square-integrable, or one line saying why not."""
    found = attempt(lambda: ft.activation(text, parameters=PARAMETERS), 4 * PARSING)
    assert isinstance(found, InputError) or set(found.parameters) <= set(SYMBOLS)


def test_the_strategies_reach_the_language():
    """Most well-formed texts are read, and every function is among them."""
    accepted, names = [], set()

    @runs(300, 300)
    @given(text=WELL_FORMED)
    def collect(text):
        accepted.append(isinstance(read(text), sp.Expr))
        names.update(name for name in FUNCTIONS if f"{name}(" in text)

    collect()
    assert sum(accepted) > len(accepted) / 2
    assert names == set(FUNCTIONS)


# -- the command


def derive(*arguments: str) -> tuple[int, str, str, float]:
    """(exit code, standard output, standard error, seconds) of ``fimtheory derive``."""
    out, err, start = io.StringIO(), io.StringIO(), time.perf_counter()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(["derive", "--timeout", str(LIMIT), *arguments])
        except SystemExit as stop:  # argparse
            code = stop.code
    return code, out.getvalue(), err.getvalue(), time.perf_counter() - start


def assert_answers(*arguments: str) -> None:
    code, out, err, seconds = derive(*arguments)
    assert seconds < LIMIT + LATE
    assert code in (0, 1, 2)
    if code == 0:
        assert err == ""
        assert not {"--json"} & {*arguments} or json.loads(out)["mean"]
    else:
        assert out == ""
        assert err.startswith("fimtheory: ")
        assert err.count("\n") == 1


OPTIONS = st.lists(
    st.sampled_from([("--json",), ("--digits", "30"), ("--at", "q=2", "c=1/3")]), unique=True, max_size=2
)
FREE = ("--param", "a", "--param", "s>0")
FIXED = ("--param", "a=1/3", "--param", "s=2")


@runs(40, 2_000)
@given(text=WELL_FORMED, parameters=st.sampled_from([FREE, FIXED, FIXED]), options=OPTIONS)
def test_deriving_formulas(text, parameters, options):
    assert_answers(*(word for option in options for word in option), *parameters, "--", text)


@runs(60, 3_000)
@given(text=ANYTHING)
def test_deriving_anything(text):
    assert_answers(*FIXED, "--", text)


ONCE_BROKEN = (
    "erfc(pi**7*s*x)",
    "atan(x - pi)",
    "log(phi(e*pi))",
    "max(x, cosh(1000))",
    "min(x**3, x + 3)",
    "phi(erf(x) + 1000*pi)",
    "clip(x**4, sigmoid(3.297), step(e))",
    "max(x**2 - pi, 0)",
    "tan(exp(-x))",
    "where(x < 1e60, 3, x)",
    "sign(x)*where(1000 > x, 1e-30, x)",
    "cosh(sin(x))",
    "softplus(log(x))",
    "Phi(log(x))",
    "(1/#) + log(\nx))",
    "phi(softplus(cosh(8.198**7)))",
    "cos(x/erfc(1e30))",
    "sigmoid(cos(tan(65*a)))",
    "cosh(tan(x))",
    "(log(13/29 + x)**3)**x",
)


@pytest.mark.parametrize("text", ONCE_BROKEN)
def test_what_was_found_here_once(text):
    assert_answers("--json", *FIXED, "--", text)


def test_tiny_values_are_not_zero():
    _, out, _, _ = derive("--json", "--", "softplus(cos(2) - 64)")
    assert json.loads(out)["eta"]["value"] == "1.119040402495708e-56"  # mpmath: log1p(exp(cos(2) - 64))**2
