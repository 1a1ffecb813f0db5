"""The derivation of phases breaks when one of its moves, or what it lands on, is wrong."""

import dataclasses

import pytest
import sympy as sp


def test_it_lands(load, capsys):
    assert load("phases").main().landings == [
        'critical_decay("relu")',
        'edge_of_chaos("relu")',
        'critical_decay("erf")',
        'edge_of_chaos("erf")',
    ]
    assert r"\frac{9 \pi^{2}}{2}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["_relu_map", "_erf_gain"])
def test_a_wrong_map_breaks(name, load, monkeypatch):
    script = load("phases")
    right = getattr(script, name)
    monkeypatch.setattr(script, name, lambda at: right(at) * (1 + at / 10**12))
    with pytest.raises(load("_steps").Broken):
        script.main()


def test_a_wrong_law_breaks(load, monkeypatch):
    """p - 1 forgotten: right for smooth activations alone."""
    script = load("phases")
    monkeypatch.setattr(script, "decay", lambda account: script.A ** (-1 / (script.p - 1)))
    with pytest.raises(load("_steps").Broken):
        script.main()


def test_wrong_landings_break(load, monkeypatch):
    from fimtheory.theory import phase_edge

    script, right = load("phases"), phase_edge.critical_decay

    def wrong(phi):
        found = right(phi)
        return dataclasses.replace(found, amplitude=found.amplitude * sp.Rational(103, 100))

    monkeypatch.setattr(phase_edge, "critical_decay", wrong)
    with pytest.raises(load("_steps").Broken):
        script.main()


def test_the_sign_of_the_bias_on_the_edge(load, monkeypatch):
    from fimtheory.theory import phase_edge

    script = load("phases")

    class Wrong(phase_edge.EdgeOfChaos):
        def __init__(self, phi):
            super().__init__(phi)
            self.sigma_b2 = -self.sigma_b2

    monkeypatch.setattr(phase_edge, "edge_of_chaos", Wrong)
    with pytest.raises(load("_steps").Broken):
        script.main()
