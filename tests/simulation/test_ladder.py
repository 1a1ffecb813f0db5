import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.simulation import Architecture, simulate_ladder


def linear(width):
    return Architecture((width, width, 2), 1.0, 0.1, lambda u: u, np.ones_like)


def test_series():
    ladder = simulate_ladder(linear, [8, 4], 3, [5, 6], seed=1, metrics={"F"})
    widths, means, errors, numbers = ladder.series("deep.F.mean")
    assert widths.tolist() == [4, 8]
    assert numbers.tolist() == [6, 5]
    assert means[1] == ladder.ensembles[8].mean("deep.F.mean")
    assert errors[0] == ladder.ensembles[4].standard_error("deep.F.mean")
    _, scaled, scaled_errors, _ = ladder.series("deep.F.mean", power=-1)
    assert np.allclose(scaled, means / widths, rtol=1e-15)
    assert np.allclose(scaled_errors, errors / widths, rtol=1e-15)


def test_a_width_keeps_its_numbers_when_others_are_added():
    one = simulate_ladder(linear, [4], 3, 5, seed=1, metrics={"F"}).ensembles[4]
    two = simulate_ladder(linear, [2, 4], 3, 5, seed=1, metrics={"F"}).ensembles
    assert np.array_equal(one.values("deep.F.mean"), two[4].values("deep.F.mean"))


def test_widths_have_independent_streams():
    narrow, wide = (simulate_ladder(lambda _: linear(4), [m], 3, 5, 1, {"F"}).ensembles[m] for m in (4, 5))
    assert not set(narrow.values("deep.F.mean")) & set(wide.values("deep.F.mean"))


def test_progress_runs_over_all_widths():
    calls = []
    simulate_ladder(linear, [2, 4], 3, [2, 1], seed=1, metrics=(), progress=lambda *call: calls.append(call))
    assert calls == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("widths", "n_networks", "message"),
    [([], 3, "different positive widths"), ([4, 4], 3, "different positive"), ([4, 8], [3], "1 entries for 2 widths")],
)
def test_bad_input(widths, n_networks, message):
    with pytest.raises(InputError, match=message):
        simulate_ladder(linear, widths, 3, n_networks, seed=1)
