"""Statements decided without simulation: right ones hold, wrong ones are contradicted, undecidable ones stay open."""

import numpy as np
import pytest
import sympy as sp

from fimtheory.claims import Agreement, Identity, Ordering, Verdict
from fimtheory.errors import InputError
from fimtheory.verification import decide

c = sp.Symbol("c", real=True)


def test_identities():
    right = decide("arcs", Identity(sp.asin(c) + sp.acos(c), sp.pi / 2))
    assert right.verdict is Verdict.SUPPORTED
    assert right.certified
    wrong = decide("arcs", Identity(sp.asin(c) + sp.acos(c), sp.pi * sp.Rational(515, 1000)))
    assert wrong.verdict is Verdict.CONTRADICTED


def test_agreements():
    numbers = np.array([1.0, 2.0])
    assert decide("", Agreement(lambda: numbers, lambda: numbers + 1e-13, 1e-12)).verdict is Verdict.SUPPORTED
    assert decide("", Agreement(lambda: numbers, lambda: numbers * 1.03, 1e-12)).verdict is Verdict.CONTRADICTED
    assert decide("", Agreement(lambda: 1j, lambda: 1j + 1e-13, 1e-12)).verdict is Verdict.SUPPORTED
    assert decide("", Agreement(lambda: [np.nan], lambda: [1.0], 1e-12)).verdict is Verdict.INCONCLUSIVE
    assert decide("", Agreement(lambda: np.inf, lambda: np.inf, 1e-12)).verdict is Verdict.INCONCLUSIVE


def test_orderings():
    assert decide("", Ordering(lambda: [0.0, 1.0], lambda: [1.0, 1.0])).verdict is Verdict.SUPPORTED
    assert decide("", Ordering(lambda: [0.0, 1.0], lambda: [1.0, 1.0], 0.1)).verdict is Verdict.CONTRADICTED
    assert decide("", Ordering(lambda: [2.0], lambda: [1.0])).verdict is Verdict.CONTRADICTED
    assert decide("", Ordering(lambda: [np.nan], lambda: [1.0])).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("statement", [Agreement(list, list, 1.0), Ordering(list, list)])
def test_a_check_without_a_sample_point_is_an_error(statement):
    with pytest.raises(InputError, match="compares no numbers"):
        decide("nothing", statement)


def test_what_is_no_statement():
    with pytest.raises(InputError, match="no statement"):
        decide("five", 5)
