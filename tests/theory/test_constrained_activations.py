"""The constrained problem by other routes: mpmath quadrature, another discretisation and optimiser, bounds."""

import functools
from itertools import pairwise

import numpy as np
import pytest
from mpmath import mp

import fimtheory as ft
from fimtheory.errors import InputError
from fimtheory.gaussian.quantity import number
from fimtheory.theory.constrained_activations import constrained_optimum
from fimtheory.theory.optimal_activations import OBJECTIVES, objective_value
from fimtheory.theory.single_layer import SingleLayer
from fimtheory.theory.slope_problem import Cells, Constraints, Problem, least_zeta, saturated_variance
from tests.oracles import close, gauss

EDGES = np.array([-2.5, -1.2, -0.3, 0.1, 0.9, 2.0])


@functools.cache
def solved(**wishes):
    """Solutions that several tests look at."""
    return constrained_optimum(**({"starts": 4, "pieces": 16} | wishes))


def solve(**wishes):
    return solved(**wishes)


def draws(seed):
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))


# -- the forms


def by_quadrature(edges, g):
    """eta, eta', zeta of the piecewise linear function, by mpmath."""
    pieces = [(mp.mpf(a), mp.mpf(b), mp.mpf(s)) for (a, b), s in zip(pairwise(map(float, edges)), g, strict=True)]
    f = lambda x: sum(s * min(max(x, a), b) for a, b, s in pieces)  # noqa: E731
    slope = lambda x: sum(s for a, b, s in pieces if a < x < b)  # noqa: E731
    mean = gauss(f, edges)
    return gauss(lambda x: (f(x) - mean) ** 2, edges), gauss(lambda x: slope(x) ** 2, edges), gauss(slope, edges) ** 2


@pytest.mark.parametrize("seed", [1, 2])
def test_forms_against_quadrature(seed):
    g = draws(seed).normal(size=len(EDGES) - 1)
    golden = by_quadrature(EDGES, map(float, g))
    assert all(close(v, exact, 13) for v, exact in zip(Cells(EDGES).constants(g), golden, strict=True))
    assert not any(close(1.03 * v, exact, 13) for v, exact in zip(Cells(EDGES).constants(g), golden, strict=True))


def test_a_small_cell_loses_no_digits():
    """Cells of width 1e-6: f is nearly sign(x) times a constant, of variance 1e-12 (1 - ...)."""
    s = mp.mpf("1e-6")
    with mp.workdps(40):
        golden = 2 * mp.quad(lambda x: x**2 * mp.npdf(x), [0, s]) + 2 * s**2 * mp.ncdf(-s)
    assert close(Cells(np.array([-1e-6, 0.0, 1e-6])).constants(np.ones(2))[0], golden, 13)


@pytest.mark.parametrize("saturation", [1e-3, 0.1, 1.0, 3.0, 12.0])
def test_largest_variance_of_a_bounded_slope(saturation):
    s = mp.mpf(saturation)
    assert close(saturated_variance(saturation), gauss(lambda x: min(max(x, -s), s) ** 2, [-s, s]), 12)


def test_no_slope_in_the_unit_ball_has_more_variance():
    cells, generator = Cells(np.linspace(-2, 2, 9)), draws(3)
    values = [cells.constants(generator.uniform(-1, 1, 8))[0] for _ in range(500)]
    assert max(values) < cells.constants(np.ones(8))[0] == pytest.approx(saturated_variance(2.0), rel=1e-13)


@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize("saturation", [0.5, 1.0, 2.5])
def test_least_zeta_against_steps_and_random_monotone_functions(saturation, odd):
    """Steps at every place of a grid, and random sums of a few: none below, one near the infimum."""
    cells, generator, bound = (
        Cells(np.linspace(-saturation, saturation, 2001)),
        draws(4),
        least_zeta(saturation, True, odd),
    )
    steps = []
    for count in (1, 1, 1, 2, 3) * 60:
        g = np.zeros(2000)
        g[generator.integers(0, 2000, count)] = generator.exponential(size=count)
        steps.append(g + g[::-1] if odd else g)
    steps += [
        np.eye(1, 2000, 1999)[0] + (np.eye(1, 2000, 0)[0] if odd else 0),
        np.eye(1, 2000, 1000)[0] + np.eye(1, 2000, 999)[0],
    ]
    ratios = [zeta / eta for eta, _, zeta in map(cells.constants, steps)]
    assert bound * (1 - 1e-9) < min(ratios) < 1.01 * bound


@pytest.mark.parametrize("lipschitz", [None, 2.0])
@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_against_differences(name, odd, lipschitz):
    cells = Cells(np.linspace(-2, 2, 13))
    problem = Problem(OBJECTIVES[name], Constraints(2.0, False, odd, lipschitz), cells)
    y = problem.variables(draws(5).uniform(0.2, 0.9, 12) * np.where(cells.midpoints > 0, 1, -0.4))
    arguments = (0.7, 10.0) if lipschitz else ()
    _, gradient = problem.lagrangian(y, *arguments)
    for index, direction in enumerate(np.eye(len(y))):
        step = 1e-6 * direction
        slope = (problem.lagrangian(y + step, *arguments)[0] - problem.lagrangian(y - step, *arguments)[0]) / 2e-6
        assert gradient[index] == pytest.approx(slope, rel=1e-6, abs=1e-7)


# -- optima


def test_without_monotonicity_the_bound_of_all_functions_is_approached():
    best = solve(saturation=7, monotone=False)
    assert abs(best.limit - 21 / 19) < best.limit_error
    assert 21 / 19 < best.value < 1.03 * 21 / 19


def test_the_odd_bound_is_approached():
    best = solve(saturation=7, monotone=False, odd=True)
    assert abs(best.limit - 11 / 9) < best.limit_error
    assert 11 / 9 < best.value < 1.03 * 11 / 9


def other_route(edges, name, monotone, starts=2):
    """SLSQP on the values of f at the edges, with moments by a trapezoidal rule of 40001 points: nothing is shared."""
    from scipy.optimize import minimize

    x = np.linspace(-9, 9, 40_001)
    weights = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * (x[1] - x[0])
    hats = np.array([np.interp(x, edges, row) for row in np.eye(len(edges))])
    first, second = hats @ weights, (hats * weights) @ hats.T
    cdf = np.array([float(mp.ncdf(e)) for e in edges])
    probability, widths = np.diff(cdf), np.diff(edges)

    def objective(v):
        eta, g = v @ second @ v - (first @ v) ** 2, np.diff(v) / widths
        return OBJECTIVES[name].sign * float(printed(name, probability @ g**2 / eta, (probability @ g) ** 2 / eta))

    rising = [{"type": "ineq", "fun": np.diff}] if monotone else []
    fixed = [{"type": "eq", "fun": lambda v: v @ second @ v - (first @ v) ** 2 - 1}]
    found = []
    for seed in range(starts):
        v = np.cumsum(np.abs(draws(seed).normal(size=len(edges)))) if monotone else draws(seed).normal(size=len(edges))
        result = minimize(
            objective, v, method="SLSQP", constraints=rising + fixed, options={"maxiter": 500, "ftol": 1e-12}
        )
        found.append(result.fun)
    return min(found)


def printed(name, s, p):
    """Conditioning and condition number at eta = 1, by hand."""
    if name == "conditioning":
        return 2 * (1 + s**2 + 4 * p**2) / (1 + s) ** 2
    return (1 + s + 6 * p + np.sqrt((s - 1) ** 2 + 64 * p**2)) / (2 * (1 - p))


@pytest.mark.parametrize(
    ("name", "monotone"), [("conditioning", True), ("conditioning", False), ("bulk_condition", True)]
)
def test_against_another_optimiser_on_another_discretisation(name, monotone):
    edges = np.linspace(-3, 3, 13)
    problem = Problem(OBJECTIVES[name], Constraints(3.0, monotone), Cells(edges))
    ours = min(
        problem.solve(np.abs(draws(seed).normal(size=12)) if monotone else draws(seed).normal(size=12)).value
        for seed in range(6)
    )
    theirs = other_route(edges, name, monotone)
    assert ours == pytest.approx(theirs, rel=1e-5)


CASES = (
    {"saturation": 3},
    {"saturation": 3, "odd": True},
    {"saturation": 3, "lipschitz": 2.5},
    {"saturation": 3, "objective": "bulk_condition"},
)
each_case = pytest.mark.parametrize("wishes", CASES, ids=str)


@each_case
def test_the_exported_function_is_in_its_class(wishes):
    best = solve(**wishes)
    phi, saturation = ft.activation(best.formula), wishes["saturation"]
    assert phi == best.activation
    assert len(phi.kinks) <= 17
    assert max(abs(number(h, 20)) for h in phi.kinks) <= saturation
    x = np.linspace(-saturation, saturation, 1001)
    assert np.diff(phi(x)).min() >= -1e-12
    assert phi(saturation) == pytest.approx(phi(40.0), abs=1e-12)
    assert phi(-saturation) == pytest.approx(phi(-40.0), abs=1e-12)
    if wishes.get("odd"):
        assert np.abs(phi(x) + phi(-x)).max() < 1e-12
    if "lipschitz" in wishes:
        assert np.abs(phi.numpy_derivative(x)).max() <= wishes["lipschitz"] * float(number(phi.eta, 16)) ** 0.5


@each_case
def test_the_package_takes_the_function_and_agrees(wishes):
    best = solve(**wishes)
    SingleLayer(best.activation)  # a Gaussian mean would be refused
    exact = [number(c, 16) for c in (best.activation.eta, best.activation.eta_prime, best.activation.zeta)]
    assert all(close(v, c, 12) for v, c in zip(best.constants, exact, strict=True))
    assert close(best.value, number(objective_value(best.activation, best.objective), 16), 12)


@each_case
def test_no_small_change_of_slopes_improves(wishes):
    """The certificate of stationarity by another route: random changes within the class, on the pieces of f."""
    best, generator = solve(**wishes), draws(6)
    name, cells = best.objective.name, Cells(best.knots)
    steps = 0
    for _ in range(400):
        change = generator.normal(size=len(best.slopes)) * generator.choice([1e-2, 1e-3, 1e-4])
        g = np.maximum(best.slopes * (1 + change), 0)
        g = (g + g[::-1]) / 2 if wishes.get("odd") else g
        constants = cells.constants(g)
        if "lipschitz" in wishes and np.abs(g).max() > wishes["lipschitz"] * np.sqrt(constants[0]):
            continue
        steps += 1
        variance, slopes, linear = constants
        assert printed(name, slopes / variance, linear / variance) >= best.value - 1e-6
    assert steps > 0
    assert best.residual < 1e-6
    assert best.grid_residual < 1e-6


@each_case
def test_grids_are_nested_and_the_export_is_near_their_limit(wishes):
    best = solve(**wishes)
    values = [value for _, value in best.refinement]
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(values))
    assert best.limit <= values[-1]
    assert best.value < 1.01 * best.limit
    assert best.reached >= 1


def test_more_constraints_cost_more():
    free, monotone, odd = solve(saturation=3, monotone=False), solve(saturation=3), solve(saturation=3, odd=True)
    bounded, narrow = solve(saturation=3, lipschitz=2.5), solve(saturation=2)
    assert free.limit < monotone.limit < odd.limit
    assert monotone.limit < bounded.limit
    assert monotone.limit < narrow.limit
    loose = solve(saturation=3, lipschitz=50)
    assert loose.limit == pytest.approx(monotone.limit, abs=1e-6)


def test_bounded_slopes_run_from_bound_to_bound():
    """Where more eta' helps, slopes are 0 or L sqrt(eta)."""
    best = solve(saturation=3, lipschitz=2.5)
    assert best.unsettled
    assert not solve(saturation=3).unsettled
    at_bound = np.isclose(best.slopes, 2.5 * best.constants[0] ** 0.5, rtol=1e-5) | np.isclose(best.slopes, 0)
    assert np.count_nonzero(~at_bound) <= 1


def test_no_single_ramp_of_the_largest_slope_is_better():
    """L clip(x, a, b) with eta = 1: for every a one b, and the integrals by hand."""
    from scipy.optimize import brentq

    def constants(a, b, slope=2.5):
        below, above, fa, fb = (*map(ncdf, (a, -b)), npdf(a), npdf(b))
        inside = 1 - below - above
        first = a * below + fa - fb + b * above
        second = a * a * below + inside + a * fa - b * fb + b * b * above
        return slope**2 * (second - first**2), slope**2 * inside, (slope * inside) ** 2

    ncdf, npdf = (lambda t: float(mp.ncdf(t))), (lambda t: float(mp.npdf(t)))
    values = []
    for a in np.linspace(-3, 2.9, 119):
        if constants(a, 3)[0] > 1:
            b = brentq(lambda end, a=a: constants(a, end)[0] - 1, a + 1e-9, 3)
            values.append(printed("conditioning", *constants(a, b)[1:]))
    best = solve(saturation=3, lipschitz=2.5)
    assert best.value < min(values) + 1e-4
    assert best.limit - best.limit_error < min(values)


def test_the_gap_opens_as_far_as_the_bound_allows():
    """With |f'| = L everywhere and zeta = 0, eta' = L^2 P(|Z| < S) eta: no f of the class has a larger gap."""
    best = solve(objective="gap", saturation=3, monotone=False, lipschitz=3)
    most = 9 * float(mp.erf(3 / mp.sqrt(2)))
    assert 2 * (most - 1) / (most + 1) > best.value > 0.97 * 2 * (most - 1) / (most + 1)


def test_largest_eigenvalue_is_attained_where_zeta_can_be_small():
    best = solve(objective="lambda_max_over_mean", saturation=3)
    assert best.value < 2
    assert best.constants[2] < best.constants[0] / 3


def test_the_same_numbers_from_the_same_seed():
    seen = []
    first = constrained_optimum(starts=3, pieces=8, seed=5, progress=lambda done, total: seen.append((done, total)))
    second = constrained_optimum(starts=3, pieces=8, seed=5)
    assert (first.formula, first.refinement) == (second.formula, second.refinement)
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(first.x) == len(first.y)
    assert "kinks" in repr(first)
    assert first._repr_latex_().startswith("$")


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"saturation": 0}, "give a positive number"),
        ({"saturation": -1}, "give a positive number"),
        ({"saturation": float("inf")}, "give a positive number"),
        ({"saturation": float("nan")}, "give a positive number"),
        ({"saturation": "wide"}, "is not a number"),
        ({"saturation": True}, "give a positive number"),
        ({"lipschitz": 0}, "lipschitz = 0 is not possible"),
        ({"lipschitz": 1.0}, "1.002506"),
        ({"saturation": 1.0, "lipschitz": 1.3}, "1.392036"),
        ({"objective": "gap"}, "only the supremum 2"),
        ({"objective": "lambda_max_over_mean", "saturation": 1.0}, "only the infimum 2"),
        ({"objective": "speed"}, "unknown objective"),
        ({"pieces": 41}, "from 8 to 40"),
        ({"pieces": 9.5}, "from 8 to 40"),
        ({"saturation": 1e-300}, "1e-06 or more"),
        ({"starts": 1}, "from 2 to 10000"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_refused_in_one_line(wishes, message):
    with pytest.raises(InputError, match=message) as refused:
        constrained_optimum(**wishes)
    assert "\n" not in str(refused.value)
