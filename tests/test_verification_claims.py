"""Verdicts on claims by simulation: the right statement is never contradicted, a wrong one always is.

The setting was fixed beforehand: at 600 networks a width the limits of mean and second moment of F are known to better
than 0.5 % (their relative scatter from network to network is near 5 and 10 %), so 3 % is more than six standard errors.
"""

import dataclasses

import pytest
import sympy as sp

from fimtheory.catalogue import find
from fimtheory.claims import Verdict
from fimtheory.errors import OutsideAssumptions
from fimtheory.notation import SYMBOLS
from fimtheory.theory.deep_fisher import fisher
from fimtheory.verification import Evidence, Setting, confront, simulate_network_ladder, verify

M = SYMBOLS["M"]
SETTING = Setting(
    activation="tanh",
    depth=2,
    outputs=2,
    samples=10,
    widths=(32, 64, 128, 256),
    n_networks=(600,) * 4,
    seed=2024,
)


@pytest.fixture(scope="module")
def ladder():
    """One ladder for all statements; ``verify`` draws the same numbers."""
    network = SETTING.network
    return simulate_network_ladder(
        network, SETTING.widths, SETTING.n_networks, SETTING.seed, frozenset({"F", "NTK", "F_blocks"})
    )


def judged(claim, ladder) -> Evidence:
    """What ``verify`` concludes, on a ladder that is already there."""
    printed = claim.predict_printed(SETTING.network) if claim.predict_printed else {}
    return Evidence(
        claim,
        (SETTING,),
        confront(claim.predict(SETTING.network), ladder),
        confront(printed, ladder) if printed else (),
    )


def wrong(claim, change):
    """The claim with another prediction."""

    def predict(network):
        return change(claim.predict(network), network)

    return dataclasses.replace(claim, predict=predict, predict_printed=None)


def only(*names):
    """A change of the predictions of a claim that keeps some observables."""
    return lambda predicted, factor: {k: v * factor for k, v in predicted.items() if k.rsplit(".", 1)[1] in names}


def test_verify_simulates_and_confronts():
    """The pieces that the other tests use one by one; the same numbers again for the same seed."""
    small, claim = dataclasses.replace(SETTING, widths=(8, 16, 32), n_networks=(20,) * 3), find("karakida2020.thm3.1")
    evidence = verify(claim, small)
    assert [check.observable for check in evidence.checks] == [f"deep.F.{name}" for name, _ in fisher().items()]
    drawn = simulate_network_ladder(small.network, small.widths, small.n_networks, small.seed, frozenset({"F"}))
    assert evidence.checks == confront(claim.predict(small.network), drawn)
    assert evidence.printed == confront(claim.predict_printed(small.network), drawn)


@pytest.mark.parametrize("id", ["karakida2020.thm3.1", "karakida2020.sec4.1"])
def test_right_statements_are_not_contradicted(id, ladder):
    evidence = judged(find(id), ladder)
    assert evidence.verdict is not Verdict.CONTRADICTED
    by_name = {check.observable.rsplit(".", 1)[1]: check for check in evidence.checks}
    assert by_name["mean"].verdict is Verdict.SUPPORTED
    assert evidence.printed_verdict is Verdict.CONTRADICTED  # both are misprinted in the source
    assert evidence.status in ("corrected", "stated")


@pytest.mark.parametrize("factor", ["0.97", "1.03"])
@pytest.mark.parametrize("name", ["mean", "second_moment"])
def test_three_percent_are_contradicted(factor, name, ladder):
    claim = find("karakida2020.thm3.1")
    right = judged(wrong(claim, lambda p, _: only(name)(p, 1)), ladder)
    (check,) = right.checks
    assert check.extrapolation.standard_error < 0.005 * check.predicted
    assert right.verdict is not Verdict.CONTRADICTED
    evidence = judged(wrong(claim, lambda p, _: only(name)(p, sp.Rational(factor))), ladder)
    assert evidence.verdict is Verdict.CONTRADICTED
    assert evidence.status == "refuted"


MISTAKES = {
    # kappa_2 for kappa_2^2 in the second moment
    "dropped square": ("second_moment", lambda e, kappa2: e.subs(kappa2**2, kappa2)),
    # trace over the wrong number of eigenvalues
    "missing 1/M": ("mean", lambda e, _: e * M),
    "missing C": ("mean", lambda e, _: e / SYMBOLS["C"]),
    "kappa_2 for kappa_1": ("mean", lambda e, kappa2: e.subs(SYMBOLS["kappa1"], kappa2)),
    "missing 1/N": ("lambda_max", lambda e, _: e * SYMBOLS["N"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_contradicted(name, ladder):
    statistic, change = MISTAKES[name]
    network, right = SETTING.network, dict(fisher().items())[statistic]
    mistaken = change(right, SYMBOLS["kappa2"])
    assert mistaken != right
    claim = dataclasses.replace(
        find("karakida2020.thm3.1"),
        predict=lambda _: {f"deep.F.{statistic}": mistaken.subs(network.values())},
        predict_printed=None,
    )
    assert judged(claim, ladder).verdict is Verdict.CONTRADICTED


def test_order_parameters(ladder):
    evidence = judged(find("karakida2020.order_parameters"), ladder)
    assert evidence.verdict is not Verdict.CONTRADICTED
    swapped = wrong(
        find("karakida2020.order_parameters"),
        lambda p, _: {"deep.qhat1[1]": p["deep.qhat2[1]"], "deep.qhat2[1]": p["deep.qhat1[1]"]},
    )
    assert judged(swapped, ladder).verdict is Verdict.CONTRADICTED


def test_blocks(ladder):
    claim = find("karakida2020.sec3.2")
    assert judged(claim, ladder).verdict is not Verdict.CONTRADICTED
    assert "deep.F_blocks[1].lambda_max" not in claim.predict(SETTING.network)
    shifted = wrong(claim, lambda p, _: {"deep.F_blocks[1].mean": p["deep.F_blocks[2].mean"]})
    assert judged(shifted, ladder).verdict is Verdict.CONTRADICTED


def test_centred_networks_are_not_simulated():
    with pytest.raises(OutsideAssumptions, match="centred"):
        verify(find("karakida2020.thm3.1"), dataclasses.replace(SETTING, sigma_b2="0"))
