"""Every derivation runs, prints typesettable LaTeX, lands where its header says, and breaks when a move is wrong."""

import ast
import re

import pytest
import sympy as sp

from fimtheory.report.mathml import to_mathml
from tests.conftest import DERIVATIONS

SCRIPTS = sorted(path for path in DERIVATIONS.glob("*.py") if not path.name.startswith("_"))
LANDING = "# --- landing"
ABOVE_LANDING = {"notation", "latex", "functions", "gaussian", "activations", "spectra"}

each_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)


def package_imports(tree):
    """(line, module of the package) for every import of the package, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        split = (f"{name}.".split(".") for name in names)
        yield from ((node.lineno, module) for package, module, *_ in split if package == "fimtheory")


def test_there_are_derivations():
    assert len(SCRIPTS) >= 3


@each_script
def test_runs_prints_and_lands(path, load, capsys):
    module = load(path.stem)
    account = module.main()
    printed = capsys.readouterr().out
    assert printed.startswith(rf"\section*{{{account.title}}}")
    assert all(step.formula in printed for step in account.steps)
    lands_on = module.__doc__.split("*Lands on*:")[1].split("\n*")[0]
    assert account.landings == re.findall("`([^`]+)`", lands_on)
    for step in account.steps:
        to_mathml(step.formula, display=True)
        for inline in re.findall(r"\$([^$]+)\$", step.sentence + step.evidence):
            to_mathml(inline)


@each_script
def test_header_and_entry(path):
    tree = ast.parse(path.read_text())
    for heading in ("*Source*:", "*Lands on*:", "*Departs from the text*:", "*Assumptions*:"):
        assert heading in ast.get_docstring(tree)
    assert ast.unparse(tree.body[-1]) == "if __name__ == '__main__':\n    main()"


@pytest.mark.parametrize("path", sorted(DERIVATIONS.glob("*.py")), ids=lambda path: path.stem)
def test_what_is_to_be_proved_is_not_imported_above_the_landing(path):
    source = path.read_text()
    lines = source.splitlines()
    if path in SCRIPTS:
        assert lines.count(LANDING) == 1
        landing = lines.index(LANDING) + 1
    else:
        landing = len(lines) + 1
    above = {module for line, module in package_imports(ast.parse(source)) if line < landing}
    assert above <= ABOVE_LANDING


def test_the_import_rule_can_fail():
    tree = ast.parse(
        "from fimtheory import catalogue\ndef f():\n    import fimtheory.theory.deep_fisher\nimport fimtheory"
    )
    assert set(package_imports(tree)) == {(1, "catalogue"), (3, "theory"), (4, "")}


def test_wrong_identities_break(load):
    steps = load("_steps")
    x = sp.Symbol("x")
    assert steps.identical((x + 1) ** 2, x**2 + 2 * x + 1) == "exactly"
    with pytest.raises(steps.Broken):
        steps.identical((x + 1) ** 2, x**2 + 1)
    with pytest.raises(steps.Broken):
        steps.identical(sp.Matrix([1, x]), sp.Matrix([1, 2 * x]))
    with pytest.raises(ValueError, match="shorter"):
        steps.identical([x, x], [x])
    points = steps.random_points(0, 1, 2, seed=1)
    assert steps.agreeing(lambda t: t * t, lambda t: t**2, "t", points)
    with pytest.raises(steps.Broken):
        steps.agreeing(lambda t: t * t, lambda t: t * t + 1e-14, "t", points)
    with pytest.raises(steps.Broken):
        steps.Account("").move("a move that nobody checks", "1 = 1")


def test_a_wrong_density_breaks_the_kernel(load, monkeypatch):
    script = load("arc_cosine_kernel")
    monkeypatch.setattr(script, "p", script.p * (1 + script.c))
    with pytest.raises(load("_steps").Broken):
        script.main()


@pytest.mark.parametrize("name", ["karakida2020_thm3_1", "tangent_kernel"])
def test_forgotten_biases_break_the_exact_dual(name, load, monkeypatch):
    script = load(name)
    whole = script.hadamard_sum
    monkeypatch.setattr(script, "hadamard_sum", lambda *a, **k: whole(*a, **(k | {"shift": 0})))
    with pytest.raises(load("_steps").Broken):
        script.main()


def test_a_wrong_theorem_is_not_landed_on(load, monkeypatch):
    from fimtheory.theory import tangent_kernel as theory

    def with_the_printed_factor():
        return theory.dual_statistics(theory.alpha, theory.kappa1, theory.kappa2, theory.N)

    monkeypatch.setattr(theory, "tangent_kernel", with_the_printed_factor)
    with pytest.raises(load("_steps").Broken):
        load("tangent_kernel").main()
