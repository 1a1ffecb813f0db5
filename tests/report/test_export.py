"""Exported code is run, and its numbers compared with ball arithmetic; JAX and PyTorch where they are installed."""

import ast
import functools
import importlib.util
import re

import numpy as np
import pytest
import sympy as sp
from sympy.parsing.mathematica import parse_mathematica

import fimtheory as ft
from fimtheory.activations import ENTRIES
from fimtheory.cli import main
from fimtheory.errors import InputError
from fimtheory.gaussian.quantity import number
from fimtheory.report.export import FORMATS, export
from tests.activation_oracles import ORACLES

LANGUAGES = ["numpy", *(name for name in ("jax", "torch") if importlib.util.find_spec(name))]
PLACES = ((1.25, -0.625), (0.375, 0.75))
every_entry = pytest.mark.parametrize("name", [entry.name for entry in ENTRIES])


@functools.cache
def fixed(name):
    phi = ft.activation(name)
    return phi, phi.with_values({p.name: p.samples[1] for p in phi.parameter_list})


def run(code: str) -> dict:
    """The names that a module defines."""
    namespace: dict = {}
    exec(compile(code, "exported", "exec"), namespace)
    return namespace


def array(language):
    if language == "torch":
        import torch

        return lambda v: torch.tensor(float(v), dtype=torch.float64)
    if language == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        return jax.numpy.float64
    return np.float64


@every_entry
@pytest.mark.parametrize("language", LANGUAGES)
def test_code_runs_and_agrees(name, language):
    free, phi = fixed(name)
    module, make = run(export(free, language)), array(language)
    parameters = [p.samples[1] for p in free.parameter_list]
    size = float(number(phi.second_moment(sp.Rational(5, 4)), 20))
    for x in (-1.125, 0.5, 2.0):
        exact = float(ORACLES[name].f(sp.Float(x)._to_mpmath(60), *(p._to_mpmath(60) for p in parameters)))
        assert float(module["phi"](make(x), *map(make, parameters))) == pytest.approx(exact, rel=1e-12, abs=1e-14)
    for q, c in PLACES:
        for function, exact in (("dual", phi.dual), ("dual_derivative", phi.dual_derivative)):
            found = float(module[function](make(q), make(c), *map(make, parameters)))
            assert found == pytest.approx(
                float(number(exact(sp.Rational(q), sp.Rational(c)), 20)), rel=1e-12, abs=1e-13 * size
            )


@every_entry
def test_every_format_is_text_of_its_language(name):
    free, _ = fixed(name)
    for form in ("jax", "torch", "neural-tangents"):
        tree = ast.parse(export(free, form))
        assert {"phi", "phi_prime", "dual", "dual_derivative"} <= {
            n.name for n in tree.body if isinstance(n, ast.FunctionDef)
        }
    mathematica = export(free, "mathematica")
    assert mathematica.count("[") == mathematica.count("]")
    assert mathematica.count("{") == mathematica.count("}")
    latex = export(free, "latex")
    assert latex.count(r"\left") == latex.count(r"\right")
    assert latex.count("{") == latex.count("}")


def test_arrays_broadcast():
    module = run(export(ft.activation("hardtanh"), "numpy"))
    c = np.linspace(-1, 1, 11)
    with np.errstate(divide="ignore", invalid="ignore"):  # Phi(1/0) is 1 at c = 1
        found = module["dual"](np.array([[0.5], [2.0]]), c)
    exact = ft.emit(ft.activation("hardtanh").dual(*sp.symbols("q c")), sp.symbols("q c"))(np.array([[0.5], [2.0]]), c)
    np.testing.assert_allclose(found, exact, rtol=1e-12)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", ["relu", "sin", "abs", "exp", "relu_cubed", "gaussian"])
def test_mathematica_means_the_same(name):
    """Read again by SymPy's own parser of the language."""
    phi = ft.activation(name)
    line = next(line for line in export(phi, "mathematica").splitlines() if line.startswith("dual["))
    read = parse_mathematica(line.partition(":= ")[2])
    values = {sp.Symbol("q"): sp.Rational(5, 4), sp.Symbol("c"): sp.Rational(-3, 7)}
    exact = number(phi.dual(*values.values()), 30)
    assert abs(read.subs(values).evalf(30) - sp.Float(str(exact), 20)) < 1e-14


class _Stax:
    """A stand-in for neural_tangents.stax that keeps what a layer is made of."""

    @staticmethod
    def Elementwise(fn, nngp_fn, d_nngp_fn):
        return fn, nngp_fn, d_nngp_fn


@pytest.mark.parametrize("name", ["gelu", "leaky_relu", "tanh"])
def test_neural_tangents_layer(name):
    """The layer's kernel functions take (cov12, var1, var2); run on NumPy, whose names are those of jax.numpy."""
    free, phi = fixed(name)
    code = export(free, "neural-tangents")
    assert "import jax.numpy as np\n" in code
    for given, stand_in in (("import jax.numpy as np", "import numpy as np"), ("from jax.scipy", "from scipy")):
        code = code.replace(given, stand_in)
    code = re.sub(r"^import jax$|^from neural_tangents import stax$", "", code, flags=re.M)
    module = run("stax = None\n" + code)
    module["stax"] = _Stax
    layer = next(value for key, value in module.items() if key[:1].isupper() and callable(value))
    f, nngp, slope = layer(*(float(p.samples[1]) for p in free.parameter_list))
    assert float(f(0.5)) == pytest.approx(float(phi.numpy(0.5)), rel=1e-12)
    q1, q2, c = sp.Rational(3, 2), sp.Rational(2, 3), sp.Rational(1, 4)
    at = (float(c) * float(q1 * q2) ** 0.5, float(q1), float(q2))
    exact = ft.expect_pair(phi, phi, q1, q2, c)
    assert float(nngp(*at)) == pytest.approx(float(number(exact, 20)), rel=1e-12)
    derived = ft.expect_pair(phi.derivative, phi.derivative, q1, q2, c)
    assert float(slope(*at)) == pytest.approx(float(number(derived, 20)), rel=1e-12)


def test_sources_of_emit():
    q, c = sp.symbols("q c")
    code = ft.emit(ft.activation("relu").dual(q, c), [q, c], "source:numpy")
    assert run(code)["f"](2.0, 1.0) == pytest.approx(1.0, rel=1e-15)
    assert ft.emit(sp.sqrt(q), q, "source:mathematica") == "f[q_] := q^(1/2)\n"
    with pytest.raises(InputError, match="has no closed form to write out"):
        ft.emit(ft.activation("tanh").dual(q, c), [q, c], "source:numpy")


def test_refusals():
    with pytest.raises(InputError, match="kinks that an exported quadrature would not resolve"):
        export(ft.activation("tanh(clip(x, -1, 1))"), "numpy")
    with pytest.raises(InputError, match="unknown format 'fortran': choose one of numpy"):
        export(ft.activation("relu"), "fortran")


def test_command(tmp_path, capsys):
    target = tmp_path / "gelu.py"
    assert main(["export", "gelu", "--to", "numpy", "-o", str(target)]) == 0
    assert capsys.readouterr().out == ""
    assert run(target.read_text())["phi"](0.0) == 0
    assert main(["export", "gelu", "--to", "latex"]) == 0
    assert capsys.readouterr().out.startswith("% Z ~ N(0, 1)")
    assert main(["export", "gelu", "--to", "numpy", "-o", str(tmp_path)]) == 2
    assert "cannot write" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["gelu.py"]
    with pytest.raises(SystemExit):
        main(["export", "gelu", "--to", "cobol"])
    message = capsys.readouterr().err
    assert all(form in message for form in FORMATS)
