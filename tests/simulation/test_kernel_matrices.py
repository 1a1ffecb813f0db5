"""Dense kernels against explicit Jacobians by complex steps, and the names of what is measured."""

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation import Architecture, numpy_backend
from fimtheory.simulation.kernel_matrices import (
    KernelEnsemble,
    kernel_eigenvalues,
    simulate_kernels,
    simulate_kernels_ladder,
)
from fimtheory.simulation.networks import draw_inputs, draw_network

N, SEED = 5, 7
NAMES = ("CK[0]", "CK[1]", "CK_centred[1]", "NTK", "NTK_centred", "F", "F_centred")


def network(width=6, outputs=2):
    return Architecture((width, width, outputs), 1.7, 0.4, np.tanh, lambda u: 1 - np.tanh(u) ** 2)


def outputs_of(parameters, x):
    """f(x), shape (N, C), of a network with one hidden layer; the parameters may be complex."""
    w1, b1, w2, b2 = parameters
    return np.tanh(x @ w1.T + b1) @ w2.T + b2


def jacobian(parameters, x):
    """d f_k(n) / d parameter, shape (P, C N), by complex steps, and the hidden activities."""
    arrays, rows = [array.astype(complex) for array in parameters], []
    for array in arrays:
        for i in np.ndindex(array.shape):
            array[i] += 1e-30j
            rows.append(outputs_of(arrays, x).imag.T.ravel() / 1e-30)
            array[i] = array[i].real
    return np.array(rows)


def test_against_jacobians():
    architecture, backend = network(), numpy_backend()
    found = kernel_eigenvalues(architecture, N, SEED, 0, NAMES)
    generator = backend.make_generator(np.random.SeedSequence(SEED, spawn_key=(0,)))
    x = draw_inputs(architecture, N, generator, backend)
    drawn = draw_network(architecture, generator, backend)
    parameters = (drawn.weights[0], drawn.biases[0], drawn.weights[1], drawn.biases[1])
    J, h = jacobian(parameters, x), np.tanh(x @ drawn.weights[0].T + drawn.biases[0])
    scales = np.concatenate([np.full(p.size, s) for p, s in zip(parameters, (1.7 / 6, 0.4, 1.7 / 6, 0.4), strict=True)])
    expected = {"CK[0]": x @ x.T / 6, "CK[1]": h @ h.T / 6, "NTK": J.T * scales @ J, "F": J.T @ J / N}
    centre = np.eye(N) - 1 / N
    for name in ("CK[1]", "NTK", "F"):
        P = np.kron(np.eye(len(expected[name]) // N), centre)
        expected[name.replace("K[", "K_centred[") if "[" in name else f"{name}_centred"] = P @ expected[name] @ P
    assert set(found) == set(expected)
    for name, values in found.items():
        assert np.abs(values - np.linalg.eigvalsh(expected[name])).max() < 1e-12, name


def test_observables_are_averages_of_eigenvalues():
    names = ["kernel.NTK.moment[3]", "kernel.CK[1].mass[0.1,0.5]", "kernel.F_centred.stieltjes[-0.5]"]
    ensemble = simulate_kernels(network(), N, 3, SEED, names)
    assert isinstance(ensemble, KernelEnsemble)
    for index in range(3):
        e = kernel_eigenvalues(network(), N, SEED, index, ["NTK", "CK[1]", "F_centred"])
        assert ensemble.values(names[0])[index] == pytest.approx((e["NTK"] ** 3).mean())
        assert ensemble.values(names[1])[index] == ((e["CK[1]"] > 0.1) & (e["CK[1]"] <= 0.5)).mean()
        assert ensemble.values(names[2])[index] == pytest.approx((1 / (-0.5 - e["F_centred"])).mean())


def test_control_variates_keep_the_mean():
    """Less scatter, and the same expectation: 400 networks with controls against 400 in portions too small for them."""
    name = "kernel.NTK.moment[1]"
    wide = network(width=16, outputs=1)
    controlled = simulate_kernels(wide, 8, 400, SEED, [name])
    plain = np.concatenate([simulate_kernels(wide, 8, 20, (SEED, part), [name]).values(name) for part in range(1, 21)])
    assert controlled.values(name).std() < 0.5 * plain.std()
    error = np.hypot(controlled.standard_error(name), plain.std() / 20)
    assert abs(controlled.mean(name) - plain.mean()) < 4 * error


def test_workers_do_not_matter():
    name = "kernel.F.moment[2]"
    one, four = (simulate_kernels(network(), N, 6, SEED, [name], workers=w).values(name) for w in (1, 4))
    assert np.array_equal(one, four)


def test_ladder_takes_samples_in_proportion():
    ladder = simulate_kernels_ladder(network, 1.5, (4, 8), 3, SEED, ["kernel.CK[1].moment[1]"])
    assert [ensemble.n_samples for ensemble in ladder.ensembles.values()] == [6, 12]
    assert ladder.widths == (4, 8)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("kernel.NTK.median", "is not measured"),
        ("kernel.A.moment[1]", "no kernel of a network of depth 2"),
        ("kernel.CK[2].moment[1]", "no kernel of a network of depth 2"),
        ("kernel.NTK.moment[0]", "moments are 1 to 9"),
        ("kernel.NTK.moment[x]", "is not measured"),
        ("kernel.NTK.mass[1]", "a mass has two"),
        ("kernel.NTK.stieltjes[0.5]", "points of a transform are negative"),
    ],
)
def test_errors(name, match):
    with pytest.raises(InputError, match=match):
        simulate_kernels(network(), N, 2, SEED, [name])


def test_nothing_to_measure():
    with pytest.raises(InputError, match="nothing is to be measured"):
        simulate_kernels(network(), N, 2, SEED, [])
    with pytest.raises(InputError, match="no kernel"):
        kernel_eigenvalues(network(), N, SEED, 0, ["CK"])
