import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation import Architecture, numpy_backend, simulate


def dtanh(u):
    return 1 - np.tanh(u) ** 2


TANH = Architecture((5, 6, 4, 2), 1.5, 0.3, np.tanh, dtanh)


def same(one, other):
    # Threads may change the order of summation in a matrix product, hence no equality bit by bit.
    return all(np.allclose(one.values(name), other.values(name), rtol=1e-12, atol=1e-13) for name in one.names)


def test_numbers_do_not_depend_on_workers():
    alone = simulate(TANH, 4, 12, seed=3)
    assert same(alone, simulate(TANH, 4, 12, seed=3, workers=3))
    with ThreadPoolExecutor(2) as executor:
        assert same(alone, simulate(TANH, 4, 12, seed=3, workers=executor))
        assert executor.submit(int).result() == 0  # the caller's executor is left open


def test_numbers_do_not_depend_on_the_number_of_networks_or_metrics():
    many, few = simulate(TANH, 4, 9, seed=3), simulate(TANH, 4, 2, seed=3, metrics={"NTK"})
    for name in few.names:
        assert np.array_equal(many.values(name)[:2], few.values(name))


def test_networks_and_seeds_differ():
    values = simulate(TANH, 4, 6, seed=3, metrics={"F"}).values("deep.F.mean")
    others = simulate(TANH, 4, 6, seed=4, metrics={"F"}).values("deep.F.mean")
    assert len({*values, *others}) == 12


def test_single_precision_stays_single_and_agrees():
    seen = set()

    def phi(u):
        seen.add(str(u.dtype))
        return np.tanh(u)

    network = Architecture((5, 6, 4, 2), 1.5, 0.3, phi, lambda u: dtanh(u.astype("float64")))
    ensemble = simulate(network, 4, 400, seed=3, metrics={"F"}, backend=numpy_backend("float32"))
    assert seen == {"float32"}
    reference = simulate(TANH, 4, 400, seed=5, metrics={"F"})
    error = np.hypot(ensemble.standard_error("deep.F.mean"), reference.standard_error("deep.F.mean"))
    assert abs(ensemble.mean("deep.F.mean") - reference.mean("deep.F.mean")) < 4 * error


def test_summaries():
    ensemble = simulate(TANH, 4, 7, seed=3, metrics={"F"})
    values = ensemble.values("deep.F.lambda_top")
    assert ensemble.mean("deep.F.lambda_top") == pytest.approx(np.mean(values))
    assert ensemble.standard_error("deep.F.lambda_top") == pytest.approx(np.std(values, ddof=1) / 7**0.5)
    assert (ensemble.values("deep.F.lambda_top") >= ensemble.values("deep.F.lambda_max")).all()
    assert np.all(ensemble.values("deep.qtilde1[3]") == 1)
    with pytest.raises(InputError, match=r"'deep\.A\.mean' was not measured"):
        ensemble.mean("deep.A.mean")
    with pytest.raises(InputError, match="n_networks >= 2"):
        simulate(TANH, 4, 1, seed=3, metrics={"F"}).standard_error("deep.F.mean")


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_counts_every_network(workers):
    calls = []
    simulate(TANH, 4, 5, seed=0, metrics=(), progress=lambda *call: calls.append(call), workers=workers)
    assert calls == [(done, 5) for done in range(1, 6)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_ends_the_run(workers):
    calls = []

    def phi(u):
        calls.append(u)
        time.sleep(0.002)
        if len(calls) >= 5:  # two threads may pass 5 together
            raise KeyboardInterrupt
        return u

    with pytest.raises(KeyboardInterrupt):
        simulate(Architecture((2, 2, 1), 1.0, 0.0, phi, np.ones_like), 2, 300, seed=0, metrics=(), workers=workers)
    assert len(calls) < 300


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_samples": 0}, "at least 1"),
        ({"n_networks": 0}, "at least 1"),
        ({"seed": -1}, "negative"),
        ({"metrics": {"G"}}, "F, F_blocks, NTK, A, A_blocks, F_centred"),
        ({"metrics": "F"}, "collection of names"),
        ({"workers": 0}, "workers = 0"),
    ],
)
def test_bad_input(changed, message):
    arguments = {"n_samples": 3, "n_networks": 2, "seed": 0} | changed
    with pytest.raises(InputError, match=message):
        simulate(TANH, **arguments)
