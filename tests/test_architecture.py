"""What holds the house together: layers, light imports, short files, honest error handling, no trace of a machine."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fimtheory"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 500

UNTRACKED = re.compile(r"(\.(?!ci$).*|__pycache__|.*\.egg-info|build|dist)")
# Written in two pieces each, so that this file does not name them.
REGISTRIES = "|".join(("py" + r"pi\.org", "python" + "hosted", "npm" + "js", "ana" + r"conda\.org", r"registry\.\w+\."))
MACHINE_PATHS = r"(?<![\w.~:/}-])/(?:home|root|Users|opt|work|mnt|srv|builds|tmp)/\w"
FORBIDDEN_TEXT = re.compile(f"{REGISTRIES}|{MACHINE_PATHS}")


def name(path):
    return str(path.relative_to(ROOT))


def text(path):
    return path.read_bytes().decode("utf-8", errors="ignore")


def python(*arguments):
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)


def loaded(module):
    """Every module in memory after an import, in a fresh interpreter."""
    answer = python("-c", f"import sys, {module}; print(*sys.modules)")
    assert answer.returncode == 0, answer.stderr
    return set(answer.stdout.split())


def repository_files():
    """The files of the repository, found without git: what .gitignore names is left out."""
    for folder, folders, files in os.walk(ROOT):
        top = Path(folder) == ROOT
        folders[:] = [f for f in folders if not UNTRACKED.fullmatch(f) and not (top and f == "report")]
        yield from (Path(folder) / file for file in files if file != ".git" and not file.endswith(".pyc"))


def broad_handlers(tree):
    """Line numbers of handlers that catch everything or swallow what they catch."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            broad = any(kind is None or ast.unparse(kind) in ("Exception", "BaseException") for kind in caught)
            if broad or all(isinstance(statement, ast.Pass) for statement in node.body):
                yield node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node).endswith("suppress(Exception)"):
            yield node.lineno


def test_importing_the_package_is_light():
    assert not loaded("fimtheory") & {"scipy.stats", "matplotlib.pyplot"}


def test_the_report_draws_without_pyplot():
    modules = [f"fimtheory.report.{path.stem}" for path in (PACKAGE / "report").glob("[!_]*.py")]
    assert "matplotlib.pyplot" not in loaded(", ".join(modules))


def test_the_simulation_knows_no_theory():
    strangers = ("fimtheory.theory", "fimtheory.verification", "fimtheory.catalogue")
    assert not {m for m in loaded("fimtheory.simulation") if m.startswith(strangers)}


def test_imports_point_down():
    answer = python("-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_contract_keeps_theory_and_simulation_apart():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    assert contract["exhaustive"]
    assert "theory | simulation" in contract["layers"]


def test_files_are_short():
    assert {name(path): lines for path in MODULES if (lines := len(text(path).splitlines())) > MAX_LINES} == {}


def test_every_module_says_what_it_is():
    assert [name(path) for path in MODULES if not ast.get_docstring(ast.parse(text(path)))] == []


def test_no_error_is_swallowed():
    assert [(name(path), line) for path in MODULES for line in broad_handlers(ast.parse(text(path)))] == []


@pytest.mark.parametrize(
    "handler", ["except: raise", "except Exception: x", "except (KeyError, BaseException): x", "except KeyError: pass"]
)
def test_a_broad_handler_is_found(handler):
    assert list(broad_handlers(ast.parse(f"try: x\n{handler}"))) == [2]


def test_a_broad_suppression_is_found():
    assert list(broad_handlers(ast.parse("with contextlib.suppress(Exception): x"))) == [1]


def test_no_file_names_a_registry_or_a_machine():
    found = {path: FORBIDDEN_TEXT.findall(text(path)) for path in repository_files()}
    assert {name(path): traces for path, traces in found.items() if traces} == {}


@pytest.mark.parametrize("trace", ["see /home" + "/me", "from https://pypi" + ".org", "'/opt" + "/dev/bin'"])
def test_a_trace_of_a_machine_is_found(trace):
    assert FORBIDDEN_TEXT.search(trace)
