"""Linear and ReLU networks: the mean eigenvalue has an exact expectation at any widths.

Turning a row (W^l_i, b^l_i) into its negative leaves its law and |u^l_i| alone. So, given h^(l-1), every ReLU gate is
open with probability 1/2 whatever the size of the signal, and the gates of layer l + 1 halve the second moments of
their rows: E[W_ij W_ij' phi'(u_i)^2 | h^l] = delta_jj' sigma_w2 / (2 M_l). Hence, from the output down, the components
of W' delta are uncorrelated given the features below, E[|delta^l_k|^2 | h^(l-1)] is the constant qtilde_1^l of infinite
width, and E |delta^l_k|^2 (|h^(l-1)|^2 + 1) factorises. In linear networks the factors are independent outright.
"""

import numpy as np
import pytest

from fimtheory.simulation import Architecture, simulate

WIDTHS, SIGMA_W2, SIGMA_B2, INPUT_NORM = (4, 6, 3, 2), (1.5, 0.8, 1.2), (0.5, 0.2, 0.7), 1.3
L, C = 3, 2
FUNCTIONS = {1.0: (lambda u: u, np.ones_like), 0.5: (lambda u: np.maximum(u, 0), lambda u: u > 0)}  # by their gain
GAINS = {"linear": (1.0, 1.0), "relu": (0.5, 0.5), "relu, then linear": (0.5, 1.0)}


def simulated(kind):
    phi, dphi = zip(*(FUNCTIONS[gain] for gain in GAINS[kind]), strict=True)
    architecture = Architecture(WIDTHS, SIGMA_W2, SIGMA_B2, phi, dphi, INPUT_NORM)
    return simulate(architecture, n_samples=3, n_networks=2000, seed=2024)


def exact_means(kind, bias_inputs=1):
    """The expectations; ``bias_inputs=0`` forgets that a bias is a weight from a constant input 1."""
    gains = GAINS[kind]
    qhat, qtilde = [INPUT_NORM], {L: 1.0}
    for layer in range(1, L):
        qhat.append(gains[layer - 1] * (SIGMA_W2[layer - 1] * qhat[-1] + SIGMA_B2[layer - 1]))
    for layer in range(L - 1, 0, -1):
        qtilde[layer] = gains[layer - 1] * SIGMA_W2[layer] * qtilde[layer + 1]
    counts = [WIDTHS[layer] * (WIDTHS[layer - 1] + 1) for layer in range(1, L + 1)]
    traces = [C * qtilde[layer] * (WIDTHS[layer - 1] * qhat[layer - 1] + bias_inputs) for layer in range(1, L + 1)]
    feature_traces = [C * SIGMA_W2[layer] * qtilde[layer + 1] for layer in range(L)]
    ntk = sum(
        qtilde[layer] * (SIGMA_W2[layer - 1] * qhat[layer - 1] + SIGMA_B2[layer - 1]) for layer in range(1, L + 1)
    )
    means = {"F": sum(traces) / sum(counts), "NTK": ntk, "A": sum(feature_traces) / sum(WIDTHS[:-1])}
    means |= {f"F_blocks[{layer}]": traces[layer - 1] / counts[layer - 1] for layer in range(1, L + 1)}
    return means | {f"A_blocks[{layer}]": feature_traces[layer] / WIDTHS[layer] for layer in range(L)}


@pytest.mark.parametrize("kind", GAINS)
def test_exact_mean_eigenvalues_and_a_check_that_can_fail(kind):
    ensemble = simulated(kind)

    def z_score(metric, value):
        name = f"deep.{metric}.mean"
        return (ensemble.mean(name) - value) / ensemble.standard_error(name)

    for metric, value in exact_means(kind).items():
        assert abs(z_score(metric, value)) < 4, metric
    assert z_score("F", exact_means(kind, bias_inputs=0)["F"]) > 5
