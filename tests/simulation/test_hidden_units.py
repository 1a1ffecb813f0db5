"""Pair moments against expectations done by hand: hardtanh, whose second derivative is two delta functions."""

import numpy as np
import pytest
from mpmath import mp

from fimtheory.errors import InputError
from fimtheory.simulation.hidden_units import pair_moments


def hardtanh(h):
    return np.clip(h, -1, 1)


def hardtanh_slope(h):
    return np.abs(h) < 1


def given(p, q, c):
    """E[f'(V) | U = u] and E[f(V) | U = u] as functions of u, for U ~ N(0, p^2), V ~ N(0, q^2) of correlation c."""
    sigma = q * mp.sqrt(1 - c**2)

    def bounds(u):
        return (-1 - c * q * u / p) / sigma, (1 - c * q * u / p) / sigma

    def inside(u):
        lo, hi = bounds(u)
        return mp.ncdf(hi) - mp.ncdf(lo)

    def clipped(u):
        lo, hi = bounds(u)
        return c * q * u / p * inside(u) + sigma * (mp.npdf(lo) - mp.npdf(hi)) + mp.ncdf(-hi) - mp.ncdf(lo)

    return inside, clipped


def integrated(p, q, c):
    """E00 and E11: what is left is one integral over U."""
    inside, clipped = given(p, q, c)
    # Seen from U, the kinks of V are layers of width sigma around u = +-p/(c q).
    cuts = sorted({k * place for k in (-1, 1) for place in (0, 1, p / (abs(c) * q), 3, 9)})
    value = mp.quad(lambda u: mp.npdf(u, 0, p) * max(-1, min(1, u)) * clipped(u), cuts)
    slope = mp.quad(lambda u: mp.npdf(u, 0, p) * inside(u), [u for u in cuts if abs(u) <= 1])
    return [float(value), float(slope)]


def local(p, q, c):
    """E20, E22 and E31 without an integral: f'' is the sum over k = -1, 1 of -k delta(h - k)."""
    inside, clipped = given(p, q, c)
    sigma = q * mp.sqrt(1 - c**2)
    mixed = sum(-k * mp.npdf(k, 0, p) * clipped(k) for k in (-1, 1))
    pairs = [(k, l) for k in (-1, 1) for l in (-1, 1)]
    second = sum(k * l * mp.npdf(k, 0, p) * mp.npdf(l, c * q * k / p, sigma) for k, l in pairs)
    third = sum(k * mp.diff(lambda u: mp.npdf(u, 0, p) * inside(u), k) for k in (-1, 1))
    return [float(mixed), float(second), float(third)]


# The first two are summed as series, the others integrated in the plane of the two units.
@pytest.mark.parametrize("c", [0.3, -0.9, 0.99, -0.9995])
def test_a_function_with_kinks(c):
    p, q = mp.mpf("0.8"), mp.mpf("1.3")
    W1 = np.array([[0.8, 0.0, 0.0], [1.3 * c, 0.0, 1.3 * np.sqrt(1 - c**2)]])
    found = list(vars(pair_moments(W1, hardtanh, hardtanh_slope, kinks=[-1, 1])).values())
    with mp.workdps(20):
        whole, forth, back = integrated(p, q, c), local(p, q, mp.mpf(c)), local(q, p, mp.mpf(c))
    # Second and third derivatives are read off moments divided by 1 - c^2.
    tolerance = 1e-11 / (1 - c**2)
    assert np.allclose([matrix[0, 1] for matrix in found], whole + forth, rtol=0, atol=tolerance)
    assert np.allclose([matrix[1, 0] for matrix in found], whole + back, rtol=0, atol=tolerance)


def test_the_oracle_can_contradict():
    right, wrong = ((*integrated(1, 1, c), *local(1, 1, c)) for c in (0.5, 0.515))
    assert all(abs(one - other) > 1e-3 for one, other in zip(right, wrong, strict=True))


def test_series_and_plane_agree_where_either_serves(monkeypatch):
    W1 = np.array([[0.9, 0.0, 0.2], [0.3, 0.7, 0.1], [-0.4, 0.2, 0.9]])
    arguments = (W1, lambda h: np.tanh(h) + 0.2 * h**2, lambda h: 1 - np.tanh(h) ** 2 + 0.4 * h)
    series = pair_moments(*arguments)
    monkeypatch.setattr("fimtheory.simulation.hidden_units._largest_correlation", lambda terms: 0.0)
    for one, other in zip(vars(series).values(), vars(pair_moments(*arguments)).values(), strict=True):
        assert np.allclose(one, other, rtol=1e-11, atol=1e-11)


def test_kinks_are_points():
    with pytest.raises(InputError, match="finite points"):
        pair_moments(np.eye(2), np.abs, np.sign, kinks=[np.nan])


def test_one_unit_with_itself():
    W1 = np.array([[1.2, -0.5]])
    m, q = pair_moments(W1, lambda h: h**3, lambda h: 3 * h**2), 1.69
    assert m.E00[0, 0] == pytest.approx(15 * q**3, rel=1e-12)
    assert m.E11[0, 0] == pytest.approx(27 * q**2, rel=1e-12)
    assert m.E11[0, 0] + 2 * q * m.E31[0, 0] == pytest.approx(9 * 15 * q**2, rel=1e-12)  # E f'^2 Z^2
    assert (m.E11[0, 0] + m.E20[0, 0]) * q == pytest.approx(45 * q**3, rel=1e-12)  # E f f' h


def test_a_missing_kink_is_noticed_and_a_jump_refused():
    W1 = np.array([[0.9, 0.3], [0.1, 0.8]])
    with pytest.raises(InputError, match="name every kink"):
        pair_moments(W1, lambda h: np.maximum(h - 0.3, 0), lambda h: h > 0.3)
    with pytest.raises(InputError, match="f jumps"):
        pair_moments(W1, np.sign, np.zeros_like, kinks=[0])
    with pytest.raises(InputError, match="df is not the derivative"):
        pair_moments(W1, np.tanh, lambda h: 1.001 * (1 - np.tanh(h) ** 2))
    # f'^2 grows as exp(h^2/1.6), and the density of the first h falls as exp(-h^2/1.8).
    with pytest.raises(InputError, match="E f'\\^2 be finite"):
        pair_moments(W1, lambda h: np.exp(h**2 / 3.2), lambda h: h / 1.6 * np.exp(h**2 / 3.2))


@pytest.mark.parametrize(
    ("W1", "f", "df", "message"),
    [
        ([[1.0, 0.0], [0.0, 0.0]], np.sin, np.cos, "no weights"),
        ([[1.0], [0.5]], np.sin, np.cos, "n0 >= 2"),
        ([[1.0, 0.0], [1.0, 1e-5]], np.sin, np.cos, "units 0 and 1"),
        ([[1.0, 0.0]], lambda h: 1 / h, lambda h: -1 / h**2, "converge|not finite"),
        ([[1.0, 0.0]], lambda h: h.sum(), np.cos, "elementwise"),
    ],
)
def test_refusals(W1, f, df, message):
    with pytest.raises(InputError, match=message):
        pair_moments(np.array(W1), f, df)
