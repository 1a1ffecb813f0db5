"""Whole spectra of deep kernels: what their first moments must be by the order parameters, which know no resolvent."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from fimtheory.activations import activation, named
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.spectra import MarchenkoPastur
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.kernel_spectra import DeepKernels
from fimtheory.theory.unit_kinds import unit_kinds


def kernels(name, depth=3, sigma_w2="1", sigma_b2="0", outputs=1, ratio=0.75, alphas=(), **inputs):
    return DeepKernels(DeepNetwork(named(name), depth, sigma_w2, sigma_b2, outputs, alphas=alphas, **inputs), ratio)


def test_units_of_relu():
    """b(y) = Phi(y (q_2/(q_1 - q_2))^(1/2)); the slope jumps, b' is a Gaussian density."""
    q1, q2 = 1.5, 0.6
    kinds = unit_kinds(activation("relu"), q1, q2)
    y = np.linspace(-8, 8, kinds.share.size)
    t = y * math.sqrt(q2 / (q1 - q2))
    assert np.abs(kinds.slope - ndtr(t)).max() < 1e-10
    density = np.exp(-t * t / 2) / math.sqrt(2 * math.pi * (q1 - q2))
    assert np.abs(kinds.slope_slope - density).max() < 1e-10
    assert np.abs(kinds.slope_noise - ndtr(t) * ndtr(-t) + density**2 * (q1 - q2)).max() < 1e-10


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "softplus"])
def test_kinds_against_duals(name):
    """E b^2 = I_phi'[q1, q2], and noise and field together make E phi^2 - I_phi[q1, q2], for phi and for phi'."""
    phi, q1, q2 = activation(name), 1.3, 0.5
    network = DeepNetwork(phi, 2, "4/5", "1/2", input_overlap="0")
    o = network.order_parameters
    q1, q2 = float(o.q1[1]), float(o.q2[1])
    kinds = unit_kinds(phi, q1, q2)
    assert kinds.share @ kinds.slope**2 == pytest.approx(float(o.qtilde2[1]) / 0.8, rel=1e-8)
    spread = kinds.share @ (kinds.slope**2 * (q1 - q2) + kinds.noise)
    assert spread == pytest.approx(float(o.qhat1[1] - o.qhat2[1]), rel=1e-8)
    slopes = kinds.share @ (kinds.slope_slope**2 * (q1 - q2) + kinds.slope_noise)
    assert slopes == pytest.approx(float(o.qtilde1[1] - o.qtilde2[1]) / 0.8, rel=1e-8)


@pytest.mark.parametrize("alphas", [(), ("3/2", "1", "2")])
@pytest.mark.parametrize(
    ("name", "sigma_w2", "sigma_b2"), [("tanh", "2", "0"), ("relu", "2", "0"), ("softplus", "1", "1/3")]
)
def test_means_of_conjugate_kernels(name, sigma_w2, sigma_b2, alphas):
    """tr K_l/N = qhat_1 - qhat_2."""
    found = kernels(name, 3, sigma_w2, sigma_b2, alphas=alphas)
    o = found.network.order_parameters
    for layer in range(3):
        mean = found.conjugate(layer).moments(1)[0]
        assert mean == pytest.approx(float(o.qhat1[layer] - o.qhat2[layer]), rel=1e-8)


CASES = [
    ("tanh", 3, "2", "0", 1),
    ("tanh", 5, "3/2", "0", 1),
    ("relu", 2, "2", "0", 1),
    ("relu", 2, "2", "1", 1),
    ("relu", 2, "2", "1", 4),
    ("relu", 3, "2", "0", 1),
    ("relu", 3, "2", "0", 10),
]


@pytest.mark.parametrize(("name", "depth", "sigma_w2", "sigma_b2", "outputs"), CASES)
def test_means_of_tangent_kernel_and_f(name, depth, sigma_w2, sigma_b2, outputs):
    """tr/(C N) = alpha (kappa_1' - kappa_2'), and M alpha (kappa_1 - kappa_2)/N for the dual of F, by the theorems."""
    alphas = ("3/2", "1", "2", "1/2", "1")[:depth]
    found = kernels(name, depth, sigma_w2, sigma_b2, outputs, alphas=alphas)
    c = {key: float(value) for key, value in found.network.coefficients.items()}
    tangent = c["alpha_tot"] * (c["kappa1_ntk"] - c["kappa2_ntk"])
    assert found.tangent.moments(1)[0] == pytest.approx(tangent, rel=1e-7)
    fisher = c["alpha_tot"] * (c["kappa1"] - c["kappa2"]) / found.ratio
    assert found.fisher.moments(1)[0] == pytest.approx(fisher, rel=1e-7)


def test_linear_networks_are_products():
    """No noise: Fuss-Catalan moments at equal widths, and Marchenko-Pastur without a hidden layer."""
    found = kernels("linear", 4, ratio=1)
    exact = [math.comb(5 * k, k) / (4 * k + 1) for k in range(1, 6)]
    assert np.allclose(found.conjugate(3).moments(5), exact, rtol=1e-12)
    assert found.tangent.atoms == ()
    single = kernels("linear", 1, "2", "1", ratio=0.5)
    x = np.linspace(0.1, 6, 20)
    assert np.abs(single.tangent.density(x) - MarchenkoPastur(0.5, 2).density(x)).max() < 1e-13
    assert kernels("linear", 2, ratio=2).conjugate(1).atoms == ((0.0, 0.5),)


def test_inputs_of_another_norm_and_overlap():
    """The kernel of the inputs scales with what they do not share."""
    found = kernels("relu", 2, "1", "0", input_norm="2", input_overlap="1/2")
    assert np.allclose(found.conjugate(0).moments(4), 1.5 ** np.arange(1, 5) * MarchenkoPastur(0.75).moments(4))


def test_kinds_matter():
    """With one average unit in place of all kinds the second moment of a ReLU layer is 1 % off and more."""
    law = kernels("relu", 2, "2", "2").conjugate(1)
    top = law.layers[-1]
    b2, s2 = top.share @ top.slope**2, top.share @ top.noise
    average = type(law)((law.layers[0], type(top)(top.ratio, math.sqrt(b2), s2)), law.coefficients)
    assert average.moments(1)[0] == pytest.approx(law.moments(1)[0])
    assert abs(average.moments(2)[1] / law.moments(2)[1] - 1) > 0.01


def test_outputs_share_the_slopes():
    """The slopes of a unit act in the direction of its C weights: E chi^4_C/C = C + 2 enters the second moment."""
    laws = {c: kernels("relu", 2, "2", "1", outputs=c).tangent for c in (1, 4, 100)}
    means, seconds = ({c: law.moments(2)[k] for c, law in laws.items()} for k in (0, 1))
    assert means[1] == pytest.approx(means[4], rel=1e-8)
    assert seconds[4] > 1.01 * seconds[1]
    assert (seconds[100] - seconds[1]) / (seconds[4] - seconds[1]) == pytest.approx(33, rel=1e-5)


def test_refusals():
    with pytest.raises(OutsideAssumptions, match=r"q_2 = .* at layer 2 of 4"):
        _ = kernels("relu", 4, "2").tangent
    with pytest.raises(OutsideAssumptions, match=r"q_2 = .* at layer 1 of 3"):
        _ = kernels("tanh", 3, "2", "1/2").tangent
    with pytest.raises(OutsideAssumptions, match="qhat_2"):
        _ = kernels("relu", 4, "2").fisher
    with pytest.raises(InputError, match="ratio N/M = 0"):
        kernels("tanh", ratio=0)
    with pytest.raises(InputError, match="from 0 to 2"):
        kernels("tanh").conjugate(3)
    with pytest.raises(InputError, match="no kernel with a known spectrum"):
        kernels("tanh").law("A")
    with pytest.raises(OutsideAssumptions, match="the same for all inputs"):
        _ = DeepKernels(DeepNetwork(activation("1"), 2, 1, 0), 1).tangent
    assert kernels("tanh").law("CK_centred[2]").moments(1) == kernels("tanh").conjugate(2).moments(1)
