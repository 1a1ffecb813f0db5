import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import fimtheory
from fimtheory.errors import InputError
from fimtheory.simulation import cupy_backend, numpy_backend


def test_a_backend_survives_pickling():
    assert pickle.loads(pickle.dumps(numpy_backend())) == numpy_backend()


def test_unknown_precision():
    with pytest.raises(InputError, match="'float64' or 'float32'"):
        numpy_backend("float16")


def test_missing_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(InputError, match=r'pip install "fimtheory\[cupy\]"'):
        cupy_backend()


def test_simulation_sees_no_theory():
    # A bare parent package, so that only what simulation itself imports is loaded.
    script = f"""
import sys, types
package = types.ModuleType("fimtheory")
package.__path__ = {list(map(str, [Path(fimtheory.__file__).parent]))!r}
sys.modules["fimtheory"] = package
import fimtheory.simulation
print(*sorted({{name.split(".")[1] for name in sys.modules if name.startswith("fimtheory.")}}))
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(answer.stdout.split()) <= {"simulation", "errors", "claims"}
