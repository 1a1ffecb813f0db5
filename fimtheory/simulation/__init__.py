"""Random networks, measured: the eigenvalue statistics of every metric, without a Jacobian and without any theory.

:func:`simulate` draws networks of one architecture and returns an :class:`Ensemble`; :func:`simulate_ladder` does so at
several widths. :func:`simulate_single_layer` and :func:`simulate_single_layer_ladder` do it for one hidden layer and
the Fisher information averaged over all inputs, :class:`ExpectedFisher`.
What is measured carries a name such as ``deep.F.lambda_max``, by which verification finds it.
Nothing here may import a formula that is to be checked.
"""

from fimtheory.simulation.backends import Backend, cupy_backend, numpy_backend
from fimtheory.simulation.ensemble import Ensemble, simulate
from fimtheory.simulation.expected_fisher import ExpectedFisher, exact_moments
from fimtheory.simulation.ladder import Ladder, simulate_ladder
from fimtheory.simulation.lanczos import Spectrum, extreme_eigenvalues, stochastic_lanczos
from fimtheory.simulation.measurements import Measurements
from fimtheory.simulation.metrics import EIGENSPACE, METRICS, PLAIN_METRICS, SOFTMAX_METRICS, measure
from fimtheory.simulation.networks import Architecture
from fimtheory.simulation.one_step import OptimalStep, optimal_step, simulate_one_step, simulate_one_step_ladder
from fimtheory.simulation.single_layer import (
    SINGLE_LAYER_OBSERVABLES,
    SingleLayerEnsemble,
    mass_name,
    simulate_single_layer,
    simulate_single_layer_ladder,
    single_layer_spectrum,
)

__all__ = [
    "EIGENSPACE",
    "METRICS",
    "PLAIN_METRICS",
    "SINGLE_LAYER_OBSERVABLES",
    "SOFTMAX_METRICS",
    "Architecture",
    "Backend",
    "Ensemble",
    "ExpectedFisher",
    "Ladder",
    "Measurements",
    "OptimalStep",
    "SingleLayerEnsemble",
    "Spectrum",
    "cupy_backend",
    "exact_moments",
    "extreme_eigenvalues",
    "mass_name",
    "measure",
    "numpy_backend",
    "optimal_step",
    "simulate",
    "simulate_ladder",
    "simulate_one_step",
    "simulate_one_step_ladder",
    "simulate_single_layer",
    "simulate_single_layer_ladder",
    "single_layer_spectrum",
    "stochastic_lanczos",
]
