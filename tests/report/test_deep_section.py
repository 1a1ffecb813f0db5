"""What a report says of softmax output and of the phase: the numbers of the theory, and nothing where there are none."""

import pytest
from mpmath import mp

import fimtheory as ft
from fimtheory.report.deep_section import phase_section, softmax_section
from fimtheory.theory.softmax_fisher import softmax_statistics


def rows(section):
    return {row.label: row.value for block in section.blocks for row in getattr(block, "rows", ())}


def test_softmax_output():
    network = ft.deep_network("relu", 3, 2, "0.1", outputs=3, samples=5)
    expected, found = softmax_statistics(network, 100), rows(softmax_section(network, 100))
    assert float(found[r"$m_\lambda$"]) == pytest.approx(expected.mean, rel=1e-5)
    assert (
        float(found[r"$\lambda_{\max} \geq$"]) < float(found[r"$\lambda_1$"]) < float(found[r"$\lambda_{\max} \leq$"])
    )
    assert r"$\lambda_3$" not in found  # C - 1 of them


def test_the_phase_of_a_relu_network_is_known_by_hand():
    """w = 1, b = 1/2: q* = b/(1 - w/2) = 1, chi_1 = w/2, and both depths are 1/log 2."""
    found = rows(phase_section(ft.deep_network("relu", 3, 1, "1/2"), 16))
    assert (found["$q^*$"], found[r"$\chi_1$"], found["$c^*$"]) == ("1", "0.5", "1")
    assert float(found[r"$\xi_c$"]) == pytest.approx(float(1 / mp.log(2)), rel=1e-7)


def test_no_fixed_point_no_table():
    section = phase_section(ft.deep_network("relu", 3, 3, "1/2"), 16)
    assert rows(section) == {}
    assert "unbounded" in section.blocks[0].text
