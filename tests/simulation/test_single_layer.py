import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.special import erf

from fimtheory.errors import InputError
from fimtheory.simulation import (
    SINGLE_LAYER_OBSERVABLES,
    exact_moments,
    mass_name,
    simulate_single_layer,
    simulate_single_layer_ladder,
    single_layer_spectrum,
)
from fimtheory.simulation.single_layer import draw_fisher, draw_weights, layer_widths

SQUARE = (1.0, 1.0)
CHEAP = ("single_layer.moment[1]", "single_layer.moment[2]", "single_layer.conditioning")


def erf_slope(h):
    return 2 / np.sqrt(np.pi) * np.exp(-(h**2))


ERF = (erf, erf_slope, ())


def same(one, other):
    # Threads may change the order of summation in a matrix product, hence no equality bit by bit.
    return all(np.allclose(one.values(name), other.values(name), rtol=1e-10, atol=1e-12) for name in one.names)


def test_every_observable_of_a_small_network_from_its_eigenvalues():
    aspect, windows = (0.5, 1.5), [(0, 0.5), (0.5, 9)]
    ensemble = simulate_single_layer(*ERF, 8, aspect, 2, seed=3, windows=windows)
    assert ensemble.widths == (4, 8, 12)
    assert ensemble.names == (*SINGLE_LAYER_OBSERVABLES, *(mass_name(*window) for window in windows))
    for index in range(2):
        eigenvalues = np.linalg.eigvalsh(draw_fisher(*ERF, (4, 8, 12), 3, index).dense())
        found = {name: ensemble.values(name)[index] for name in ensemble.names}
        moments = [(eigenvalues**k).mean() for k in (1, 2, 3, 4)]
        assert [found[f"single_layer.moment[{k}]"] for k in (1, 2, 3, 4)] == pytest.approx(moments, rel=1e-11)
        assert found["single_layer.conditioning"] == pytest.approx(moments[1] / moments[0] ** 2, rel=1e-11)
        assert found["single_layer.lambda_min"] == eigenvalues[0]
        assert found["single_layer.lambda_max"] == eigenvalues[-1]
        assert found[mass_name(0, 0.5)] == np.mean((eigenvalues >= 0) & (eigenvalues <= 0.5))


def test_a_linear_network_has_an_exact_mean_eigenvalue_and_a_check_that_can_fail():
    """E tr H = n0 E|W2|^2 + n2 E|W1|^2 = n2 n0 + n2 n1, at any widths."""
    n0, n1, n2 = 40, 32, 24
    ensemble = simulate_single_layer(lambda h: h, np.ones_like, (), n1, (1.25, 0.75), 150, 5, observables=CHEAP[:1])
    assert ensemble.widths == (n0, n1, n2)
    exact = n2 * (n0 + n1) / (n1 * (n0 + n2))
    z_score = (ensemble.mean(CHEAP[0]) - exact) / ensemble.standard_error(CHEAP[0])
    assert abs(z_score) < 4
    assert abs(ensemble.mean(CHEAP[0]) - 1.03 * exact) > 5 * ensemble.standard_error(CHEAP[0])


def test_weights_have_the_variances_of_the_model():
    W1, W2 = draw_weights((40, 200, 500), seed=1, index=0)
    assert W1.shape == (200, 40)
    assert W2.shape == (500, 200)
    for matrix, variance in ((W1, 1 / 40), (W2, 1 / 200)):
        assert abs(np.mean(matrix**2) / variance - 1) < 4 * (2 / matrix.size) ** 0.5


def test_large_networks_through_lanczos(monkeypatch):
    arguments = (*ERF, 20, SQUARE, 1, 4)
    windows = [(0.0, 0.2), (0.2, 1.0), (1.0, 9.0)]
    exact = simulate_single_layer(*arguments, windows=windows)
    monkeypatch.setattr("fimtheory.simulation.single_layer._DENSE_SIZE", 0)
    estimate = simulate_single_layer(*arguments, windows=windows, probes=100, steps=40)
    spectrum = single_layer_spectrum(*ERF, 20, SQUARE, 4, probes=100, steps=40)
    assert spectrum.nodes.shape == (100, 40)
    for name in exact.names:
        value, found = exact.values(name)[0], estimate.values(name)[0]
        if name in CHEAP:
            assert found == pytest.approx(value, rel=1e-13)
        elif "lambda" in name:
            assert abs(found - value) < 1e-6 * exact.values("single_layer.lambda_max")[0]
        elif "moment" in name:
            error = spectrum.moment(int(name[-2]))[1]
            assert abs(found - value) < 5 * error
            assert abs(found - 1.03 * value) > 5 * error
    for lo, hi in windows:
        value, (mass, error) = exact.values(mass_name(lo, hi))[0], spectrum.mass(lo, hi)
        assert mass == estimate.values(mass_name(lo, hi))[0]
        assert abs(mass - value) < 5 * error + 1 / 40**2
        assert error < 0.02


def test_moments_cost_no_eigenvalue(monkeypatch):
    monkeypatch.setattr("fimtheory.simulation.single_layer.Spectrum", None)
    ensemble = simulate_single_layer(*ERF, 6, SQUARE, 2, 1, observables=CHEAP)
    assert ensemble.names == CHEAP
    assert ensemble.values(CHEAP[1])[1] == exact_moments(draw_fisher(*ERF, (6, 6, 6), 1, 1))[1]


def test_numbers_do_not_depend_on_workers_networks_or_observables():
    alone = simulate_single_layer(*ERF, 5, SQUARE, 6, seed=3)
    assert same(alone, simulate_single_layer(*ERF, 5, SQUARE, 6, seed=3, workers=2))
    with ThreadPoolExecutor(2) as executor:
        assert same(alone, simulate_single_layer(*ERF, 5, SQUARE, 6, seed=3, workers=executor))
    few = simulate_single_layer(*ERF, 5, SQUARE, 2, seed=3, observables=CHEAP)
    assert all(np.array_equal(few.values(name), alone.values(name)[:2]) for name in CHEAP)
    other = simulate_single_layer(*ERF, 5, SQUARE, 6, seed=4)
    assert not set(alone.values(CHEAP[0])) & set(other.values(CHEAP[0]))


def test_ladder():
    calls = []
    ladder = simulate_single_layer_ladder(
        *ERF, [8, 4], (2.0, 0.5), [3, 4], 1, observables=CHEAP, progress=lambda *call: calls.append(call)
    )
    assert ladder.widths == (4, 8)
    assert ladder.ensembles[8].widths == (16, 8, 4)
    widths, means, errors, numbers = ladder.series("single_layer.conditioning", power=1)
    assert widths.tolist() == [4, 8]
    assert numbers.tolist() == [4, 3]
    assert means[1] == 8 * ladder.ensembles[8].mean("single_layer.conditioning")
    assert errors[0] == 4 * ladder.ensembles[4].standard_error("single_layer.conditioning")
    assert calls == [(done, 7) for done in range(1, 8)]
    alone = simulate_single_layer_ladder(*ERF, [4], (2.0, 0.5), 4, 1, observables=CHEAP)
    assert np.array_equal(alone.ensembles[4].values(CHEAP[0]), ladder.ensembles[4].values(CHEAP[0]))


def test_a_spectrum_for_figures():
    spectrum = single_layer_spectrum(*ERF, 6, (1.0, 0.5), seed=2, index=1)
    eigenvalues = np.linalg.eigvalsh(draw_fisher(*ERF, (6, 6, 3), 2, 1).dense())
    assert np.array_equal(spectrum.nodes[0], eigenvalues)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_ends_the_run(workers):
    calls = []

    def f(h):
        calls.append(h)
        time.sleep(0.002)
        if len(calls) >= 5:
            raise KeyboardInterrupt
        return h

    with pytest.raises(KeyboardInterrupt):
        simulate_single_layer(f, np.ones_like, (), 2, SQUARE, 300, seed=0, observables=CHEAP, workers=workers)
    assert len(calls) < 300


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n": 0}, "leaves a layer empty"),
        ({"aspect": (1.0, 0.01)}, "leaves a layer empty"),
        ({"aspect": (1.0,)}, "leaves a layer empty"),
        ({"n_networks": 0}, "at least 1"),
        ({"seed": -1}, "negative"),
        ({"workers": 0}, "workers = 0"),
        ({"observables": "single_layer.conditioning"}, "collection of names"),
        ({"observables": ()}, "nothing is to be measured"),
        ({"observables": ["single_layer.moment[5]"]}, "'single_layer.moment\\[5\\]' is not measured"),
        ({"observables": ["single_layer.mass[a,b]"]}, "is not measured"),
        ({"windows": [(1.0, 0.5)]}, "is not measured"),
    ],
)
def test_bad_input(changed, message):
    arguments = {"n": 3, "aspect": SQUARE, "n_networks": 2, "seed": 0, "observables": CHEAP} | changed
    with pytest.raises(InputError, match=message):
        simulate_single_layer(erf, erf_slope, (), **arguments)


def test_a_function_that_vanishes():
    with pytest.raises(InputError, match="f vanishes"):
        simulate_single_layer(np.zeros_like, np.zeros_like, (), 3, SQUARE, 1, 0, observables=CHEAP)


def test_aspects_are_rounded():
    assert layer_widths(7, (0.5, 1.5)) == (4, 7, 10)
