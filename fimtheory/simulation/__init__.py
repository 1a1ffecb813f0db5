"""Random networks, measured: the eigenvalue statistics of every metric, without a Jacobian and without any theory.

:func:`simulate` draws networks of one architecture and returns an :class:`Ensemble`; :func:`simulate_ladder` does so at
several widths. What is measured carries a name such as ``deep.F.lambda_max``, by which verification finds it.
Nothing here may import a formula that is to be checked.
"""

from fimtheory.simulation.backends import Backend, cupy_backend, numpy_backend
from fimtheory.simulation.ensemble import METRICS, Ensemble, simulate
from fimtheory.simulation.ladder import Ladder, simulate_ladder
from fimtheory.simulation.networks import Architecture

__all__ = [
    "METRICS",
    "Architecture",
    "Backend",
    "Ensemble",
    "Ladder",
    "cupy_backend",
    "numpy_backend",
    "simulate",
    "simulate_ladder",
]
