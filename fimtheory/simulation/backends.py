"""The array library of a simulation, as an explicit value: no global switch."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fimtheory.errors import InputError

Array = Any  # an array of whichever library the backend names
DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Backend:
    """An array library and a floating-point type; picklable, so that it can be sent to another process.

    ``name`` is the module to import; ``dtype`` is that of weights and signals (dual matrices are always summed and
    diagonalised in double precision); ``make_generator`` turns a :class:`numpy.random.SeedSequence` into a random
    generator, counter-based; ``to_numpy`` brings an array to the host.
    """

    name: str
    dtype: str
    make_generator: Callable[[np.random.SeedSequence], Any]
    to_numpy: Callable[[Array], np.ndarray]

    @property
    def xp(self) -> Any:
        """The array namespace: the module ``numpy`` or ``cupy``."""
        return importlib.import_module(self.name)

    def normal(self, generator: Any, shape: tuple[int, ...], variance: float = 1.0) -> Array:
        """Independent centred Gaussians of the given variance."""
        values = generator.standard_normal(shape, dtype=self.dtype)
        values *= variance**0.5
        return values


def numpy_backend(dtype: str = "float64") -> Backend:
    """Simulate on the processor.

    >>> numpy_backend().xp.__name__
    'numpy'
    """
    return Backend("numpy", _checked(dtype), _numpy_generator, np.asarray)


def cupy_backend(dtype: str = "float64") -> Backend:
    """Simulate on a GPU. Its random numbers are drawn there and differ from NumPy's of the same seed.

    Raises :class:`InputError` where CuPy is not installed.
    """
    try:
        importlib.import_module("cupy")
    except ImportError:
        raise InputError('the cupy backend needs CuPy, which is missing: pip install "fimtheory[cupy]"') from None
    return Backend("cupy", _checked(dtype), _cupy_generator, _cupy_to_numpy)


def _checked(dtype: str) -> str:
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype!r} is not offered: write 'float64' or 'float32'")
    return dtype


# Named functions, not lambdas: a backend must survive pickling.


def _numpy_generator(seed: np.random.SeedSequence) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def _cupy_generator(seed: np.random.SeedSequence) -> Any:
    random = importlib.import_module("cupy").random
    return random.Generator(random.Philox4x3210(seed))


def _cupy_to_numpy(array: Array) -> np.ndarray:
    return importlib.import_module("cupy").asnumpy(array)
