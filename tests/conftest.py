"""What several test files share."""

import importlib
from pathlib import Path

import pytest

DERIVATIONS = Path(__file__).parent.parent / "derivations"


@pytest.fixture
def load(monkeypatch):
    """Import a module of the folder of derivations, as a script there would."""
    monkeypatch.syspath_prepend(str(DERIVATIONS))
    return importlib.import_module
