"""Settings of deep networks, and theory against simulation where every layer differs from every other.

With equal widths, one activation and one variance, a mistaken index of a layer changes nothing; here it is contradicted.
"""

import dataclasses

import pytest

from fimtheory.catalogue import find
from fimtheory.claims import Verdict
from fimtheory.verification import Setting, confront, metrics_of, simulate_network_ladder
from fimtheory.verification.deep_networks import architecture_of

CLAIMS = ("karakida2020.thm3.1", "karakida2020.sec4.1", "karakida2020.thm5.1", "karakida2020.order_parameters")
UNLIKE = Setting(
    activation=("relu", "tanh"),
    sigma_w2=("2", "3/2", "1"),
    sigma_b2=("1/10", "1/2", "0"),
    alphas=("1", "1/2", "3/2"),
    input_norm="2",
    input_overlap="1/2",
    outputs=2,
    samples=6,
    widths=(32, 64, 128, 256),
    n_networks=(500,) * 4,
    seed=2024,
    resolution=0.05,
)


@pytest.fixture(scope="module")
def ladder():
    setting = UNLIKE
    return simulate_network_ladder(
        setting.network, setting.widths, setting.n_networks, setting.seed, frozenset({"F", "NTK", "A"})
    )


@pytest.mark.parametrize("claim", CLAIMS)
def test_layers_unlike_each_other(claim, ladder):
    checks = confront(find(claim).predict(UNLIKE.network), ladder, UNLIKE.resolution)
    assert {
        check.observable: check.judgement.reason for check in checks if check.verdict is not Verdict.SUPPORTED
    } == {}


@pytest.mark.parametrize(
    "change",
    [
        {"activation": ("tanh", "relu")},
        {"sigma_w2": ("2", "1", "3/2")},
        {"sigma_b2": ("1/2", "1/10", "0")},
        {"alphas": ("1/2", "1", "3/2")},
        {"input_norm": "1"},
        {"input_overlap": "0"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_layer_out_of_place_is_contradicted(change, ladder):
    wrong = dataclasses.replace(UNLIKE, **change)
    checks = confront(find("karakida2020.thm3.1").predict(wrong.network), ladder, UNLIKE.resolution)
    assert Verdict.CONTRADICTED in {check.verdict for check in checks}


def test_the_architecture_of_a_setting():
    found = architecture_of(UNLIKE.network, 10)
    assert found.widths == (10, 5, 15, 2)
    assert (found.weight_variances, found.bias_variances) == ((2.0, 1.5, 1.0), (0.1, 0.5, 0.0))
    assert (found.input_norm, found.input_overlap) == (2.0, 0.5)
    assert [float(phi(-3.0)) for phi in found.activations] == pytest.approx([0.0, -0.9950547536867305])
    assert architecture_of(dataclasses.replace(UNLIKE, alphas=("1", "1/100", "1")).network, 10).widths == (10, 1, 10, 2)


def test_a_setting_says_what_is_unusual():
    assert str(UNLIKE) == (
        "(relu, tanh), L=3, sigma_w^2=(2, 3/2, 1), sigma_b^2=(1/10, 1/2, 0), C=2, N=6, M=32, 64, 128, 256, "
        "alpha=(1, 1/2, 3/2), inputs of norm 2 and overlap 1/2, seed 2024"
    )
    assert "alpha" not in str(Setting())


def test_softmax_outputs_get_more_networks_once():
    setting = Setting(n_networks=(10, 20, 30, 40), softmax_share=3)
    assert setting.suited_to(["deep.F_blocks[1].mean", "deep.qhat1[1]"]) == setting
    more = setting.suited_to(["deep.F_cross_blocks[2].second_moment"])
    assert more.n_networks == (30, 60, 90, 120)
    one_by_one = ["deep.F_cross.mean", "deep.F_cross.outlier[1]"]  # outliers are predicted given the outputs
    assert setting.suited_to(one_by_one).n_networks == setting.n_networks
    assert more.suited_to(["deep.F_cross.mean"]) == more
    assert Setting.quick().suited_to(["deep.A_cross.mean"]).n_networks == Setting.quick().n_networks


def test_metrics_of_observables():
    names = ["deep.F_cross_blocks[2].outlier[1]", "deep.qhat1[2]", "deep.NTK_centred.lambda_max", "deep.F.mean"]
    assert metrics_of(names) == {"F_cross_blocks", "NTK_centred", "F"}
