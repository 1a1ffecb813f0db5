"""Networks with given output weights: what is measured, against the definitions written out for one network."""

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation.function_forms import (
    GROUPS,
    FunctionNetwork,
    sampled_functions,
    simulate_functions,
)
from fimtheory.simulation.ladder import ladder_of


def relu(u):
    return np.maximum(u, 0)


POINTS = np.array([[1.0, 0.25, 0.5], [-2.0, 0.5, 0.0]])
NETWORK = FunctionNetwork(relu, POINTS)
NAMES = ["functions.value[product,2]", "functions.inner[norm,ones]", "functions.quotient[coordinate]",
         "functions.pythagoras[hadamard_square,contrast]", "functions.variance[norm,1]"]  # fmt: skip


def weights(seed, width, index):
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(index,)))).standard_normal(
        (width, 3)
    )


def test_one_network_by_hand():
    """J from a million inputs: the average over all of them to half a per cent."""
    found = simulate_functions(NETWORK, 30, 3, 5, NAMES)
    w = weights(5, 30, 1)
    v = {name: GROUPS[name](w) / np.sqrt(30) for name in ("product", "norm", "ones", "coordinate")}
    value = v["product"] @ relu(w @ POINTS[1]) / np.sqrt(30)
    assert abs(found.values(NAMES[0])[1] - value) < 1e-14
    features = relu(w @ np.random.default_rng(1).standard_normal((3, 1_000_000)))
    fisher = features @ features.T / (30 * 1_000_000)
    assert abs(found.values(NAMES[1])[1] / (v["norm"] @ fisher @ v["ones"]) - 1) < 0.005
    quotient = v["coordinate"] @ fisher @ v["coordinate"] / (v["coordinate"] @ v["coordinate"])
    assert abs(found.values(NAMES[2])[1] / quotient - 1) < 0.01


def test_variances_have_no_bias():
    values = simulate_functions(NETWORK, 20, 50, 1, ["functions.value[norm,1]"]).values("functions.value[norm,1]")
    squares = simulate_functions(NETWORK, 20, 50, 1, ["functions.variance[norm,1]"])
    assert abs(squares.mean("functions.variance[norm,1]") - values.var(ddof=1)) < 1e-15


def test_finitely_many_inputs_have_the_right_mean():
    """Over 400 networks both ways agree within four standard errors, each known to 3 %."""
    name = "functions.inner[coordinate,coordinate]"
    all_inputs = simulate_functions(NETWORK, 40, 400, 1, [name])
    sampled = simulate_functions(FunctionNetwork(relu, POINTS, samples=100), 40, 400, 2, [name])
    errors = [e.standard_error(name) for e in (all_inputs, sampled)]
    assert max(errors) < 0.03 * all_inputs.mean(name)
    assert abs(all_inputs.mean(name) - sampled.mean(name)) < 4 * np.hypot(*errors)


def test_cosines_are_between_two_and_zero():
    found = simulate_functions(NETWORK, 50, 5, 1, ["functions.pythagoras[norm,norm]", NAMES[3]])
    assert np.abs(found.values("functions.pythagoras[norm,norm]") - 2).max() < 1e-12
    assert np.all((found.values(NAMES[3]) > 0) & (found.values(NAMES[3]) < 2))


def test_numbers_depend_on_seed_width_and_network_alone():
    many = simulate_functions(NETWORK, 25, 8, 3, NAMES[:3], workers=2)
    few = simulate_functions(NETWORK, 25, 4, 3, NAMES[:3])
    assert all(np.array_equal(many.values(name)[:4], few.values(name)) for name in NAMES[:3])
    one = simulate_functions(NETWORK, 25, 4, 3, NAMES[:1])  # products of other shapes round differently
    assert np.abs(one.values(NAMES[0]) - few.values(NAMES[0])).max() < 1e-14
    ladder = ladder_of(simulate_functions, lambda _: NETWORK, [20, 40], [4, 2], 3, NAMES[:1])
    again = ladder_of(simulate_functions, lambda _: NETWORK, [40], [2], 3, NAMES[:1])
    assert np.array_equal(ladder.ensembles[40].values(NAMES[0]), again.ensembles[40].values(NAMES[0]))


def test_blocks_of_units(monkeypatch):
    whole = sampled_functions(NETWORK, 50, 1, ["norm", "planar3"], POINTS)
    monkeypatch.setattr("fimtheory.simulation.function_forms._BLOCK", 14)
    assert np.abs(sampled_functions(NETWORK, 50, 1, ["norm", "planar3"], POINTS) - whole).max() < 1e-14


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("functions.value[norm]", "no observable"),
        ("functions.value[norm,3]", "numbered from 1 to 2"),
        ("functions.value[norm,0]", "numbered from 1"),
        ("functions.value[norms,1]", "no group 'norms'"),
        ("functions.inner[norm]", "no observable"),
        ("functions.inner[norm,one]", "no group 'one'"),
        ("functions.quotient[norm,ones]", "no observable"),
        ("functions.size[norm]", "no observable"),
        ("modes.trace", "no observable"),
    ],
)
def test_refusals(name, message):
    with pytest.raises(InputError, match=message):
        simulate_functions(NETWORK, 10, 2, 1, [name])


def test_more_refusals():
    with pytest.raises(InputError, match="nothing is to be measured"):
        simulate_functions(NETWORK, 10, 2, 1, [])
    with pytest.raises(InputError, match="one network shows no scatter"):
        simulate_functions(NETWORK, 10, 1, 1, ["functions.variance[norm,1]"])
