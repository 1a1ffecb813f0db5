"""Control variates: the traces are those of Wishart matrices, the means stay, the scatter goes."""

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation import simulate_single_layer
from fimtheory.simulation.control_variates import controlled, wishart_traces


def squash(h):
    return np.tanh(h)


def slope(h):
    return 1 - np.tanh(h) ** 2


def layers(n, count, seed=1, highest=3):
    names = [f"single_layer.moment[{k}]" for k in range(1, highest + 1)]
    return simulate_single_layer(squash, slope, (), n, (1.0, 0.5), count, seed, observables=names)


@pytest.mark.parametrize("shape", [(2, 3), (4, 2), (5, 5)])
def test_traces_of_wishart_matrices(shape):
    """Against 40,000 draws: within five standard errors, where the wrong power of a width would be far away."""
    draws = np.random.default_rng(3).standard_normal((40_000, *shape))
    squares = np.linalg.svd(draws, compute_uv=False) ** 2
    for j, mean in enumerate(wishart_traces(*shape), start=1):
        traces = (squares**j).sum(axis=1)
        assert abs(traces.mean() - mean) < 5 * traces.std() / 200
        assert abs(traces.mean() - 1.1 * mean) > 5 * traces.std() / 200


def test_means_stay_and_scatter_goes():
    plain = layers(12, 120)
    adjusted = controlled(plain)
    for k in (1, 2, 3):
        name = f"single_layer.moment[{k}]"
        assert abs(adjusted.mean(name) - plain.mean(name)) < 4 * plain.standard_error(name)
        assert adjusted.standard_error(name) < plain.standard_error(name) / 3


def test_standard_errors_are_honest():
    """Means of 30 disjoint ensembles scatter as their standard errors say: a chi-squared test at five sigma."""
    name = "single_layer.moment[2]"
    found = [controlled(layers(8, 40, seed, highest=2)) for seed in range(30)]
    means = np.array([e.mean(name) for e in found])
    errors = np.array([e.standard_error(name) for e in found])
    ratio = means.var(ddof=1) / np.mean(errors**2)
    assert abs(ratio - 1) < 5 * (2 / 29) ** 0.5


def test_few_networks_are_refused():
    with pytest.raises(InputError, match="40 or more"):
        controlled(layers(4, 39))
