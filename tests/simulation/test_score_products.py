"""Scores by differences against gradients typed here, log densities and draws against SciPy's distributions.

Fixed beforehand: 40,000 draws know means to 5 of their standard errors; differences of fourth order at step 2^-10 are good
to 1e-9 of a score of order one.
"""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from fimtheory.errors import InputError
from fimtheory.simulation.ladder import ladder_of
from fimtheory.simulation.score_products import ScoreModel, response, simulate_scores

FAMILIES = {
    "bernoulli": ({}, (0.2, 0.7), lambda r: stats.bernoulli(r)),
    "signed_bernoulli": ({}, (-0.6, 0.3), lambda r: stats.rv_discrete(values=([-1, 1], [(1 - r) / 2, (1 + r) / 2]))),
    "binomial": ({"n": 5}, (0.2, 0.7), lambda r: stats.binom(5, r)),
    "gaussian": ({"sigma": 0.7}, (-0.5, 1.2), lambda r: stats.norm(r, 0.7)),
    "poisson": ({}, (0.4, 2.5), lambda r: stats.poisson(r)),
    "exponential": ({}, (0.4, 2.5), lambda r: stats.expon(scale=r)),
    "gamma": ({"shape": 2.5}, (0.4, 2.5), lambda r: stats.gamma(2.5, scale=r / 2.5)),
    "negative_binomial": ({"r": 1.5}, (0.4, 2.5), lambda r: stats.nbinom(1.5, 1.5 / (1.5 + r))),
    "geometric": ({}, (0.4, 2.5), lambda r: stats.geom(1 / (1 + r), loc=-1)),
    "von_mises": ({"kappa": 1.3}, (-0.5, 0.8), lambda r: stats.vonmises(1.3, loc=r)),
}
CONTINUOUS = {"gaussian", "exponential", "gamma", "von_mises"}


def rng():
    return np.random.Generator(np.random.Philox(key=3))


def log_masses(name, distribution, y):
    return distribution.logpdf(y) if name in CONTINUOUS else np.log(distribution.pmf(y))


@pytest.mark.parametrize("name", FAMILIES)
def test_log_densities(name):
    """Differences between two parameters: what depends on y alone is left out."""
    parameters, (a, b), distribution = FAMILIES[name]
    family = response(name, **parameters)
    y = np.unique(family.draw(rng(), np.array([a]), (50, 1)))
    expected = log_masses(name, distribution(a), y) - log_masses(name, distribution(b), y)
    assert family.log_density(y, np.full_like(y, a)) - family.log_density(y, np.full_like(y, b)) == pytest.approx(
        expected, rel=1e-10, abs=1e-12
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_draws(name):
    """Means of the cosine and the sine, which know no difference between angles that are one."""
    parameters, pair, distribution = FAMILIES[name]
    draws = response(name, **parameters).draw(rng(), np.array(pair), (40_000, 2))
    for values, r in zip(draws.T, pair, strict=True):
        for function in (np.cos, np.sin):
            found, expected = function(values), mean_of(name, distribution(r), function)
            assert abs(found.mean() - expected) <= 5 * found.std() / 200 + 1e-12  # cos(-1) = cos(1) does not scatter


def mean_of(name, distribution, function):
    if name in CONTINUOUS:
        return distribution.expect(function)
    points = np.arange(-1, 60)
    return function(points) @ distribution.pmf(points)


LOG_PARTITIONS = {
    "bernoulli": lambda t: np.log1p(np.exp(t)),
    "signed_bernoulli": lambda t: np.log(2 * np.cosh(t)),
    "binomial": lambda t: 4 * np.log1p(np.exp(t)),
    "poisson": np.exp,
    "exponential": lambda t: -np.log(-t),
    "geometric": lambda t: -np.log1p(-np.exp(t)),
}


@pytest.mark.parametrize("name", LOG_PARTITIONS)
def test_natural_parameters(name):
    """y t - psi(t), with the log-partitions typed here; draws have the mean psi'."""
    family, psi = response(name, "natural", **({"n": 4} if name == "binomial" else {})), LOG_PARTITIONS[name]
    for t in (-0.3, -1.1):
        y = family.draw(rng(), np.array([t]), (40_000, 1))[:, 0]
        slope = (psi(t + 1e-5) - psi(t - 1e-5)) / 2e-5
        assert abs(y.mean() - slope) < 5 * y.std() / 200
        found = family.log_density(y[:50], np.full(50, t)) - family.log_density(y[:50], np.full(50, -0.6))
        assert found == pytest.approx(y[:50] * (t + 0.6) - psi(t) + psi(-0.6), rel=1e-10, abs=1e-12)


def test_softmax_draws_and_density():
    logits = np.array([[0.3, -1.2, 0.9], [700.0, 701.0, 699.5]])
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    family = response("softmax")
    y = family.draw(rng(), logits, (40_000, 2, 3))
    for n in range(2):
        counts = np.bincount(y[:, n, 0], minlength=3)
        assert np.abs(counts / 40_000 - p[n]).max() < 5 * 0.5 / 200
    assert family.log_density(y[:9], logits)[:, 1, 0] == pytest.approx(np.log(p[1][y[:9, 1, 0]]), rel=1e-12)


def exponential_neuron():
    """The mean is exp(w.x): the score is (y/r - 1) x."""
    draw = rng()
    weights, X, directions = (
        draw.standard_normal((3, 1)) / 3,
        draw.standard_normal((4, 3)),
        draw.standard_normal((2, 3)),
    )
    return ScoreModel(response("exponential"), np.exp, (weights,), X, directions)


def test_scores_of_a_neuron():
    model = exponential_neuron()
    y = model.draw(rng(), 50)
    for k, v in enumerate(model.directions, start=1):
        ratio, along = y[..., 0] / np.exp(model.inputs @ model.weights[0])[:, 0], model.inputs @ v
        first, second = model.derivatives(y, k)
        assert first == pytest.approx((ratio - 1) * along, rel=1e-9, abs=1e-9)
        assert second == pytest.approx(-ratio * along**2, rel=1e-7, abs=1e-7)


def softmax_network(varied=()):
    """tanh layers of 3 and 4 units over 2 inputs, the second with biases, and 3 classes."""
    draw = rng()
    weights = tuple(draw.standard_normal(shape) for shape in ((2, 3), (4, 4), (4, 3)))
    size = sum(weights[l].size for l in varied or range(3))
    X, directions = draw.standard_normal((5, 2)), draw.standard_normal((2, size))
    return ScoreModel(response("softmax"), lambda z: z, weights, X, directions, np.tanh, varied)


@pytest.mark.parametrize("varied", [(), (0,), (2,), (0, 2)])
def test_scores_of_a_network(varied):
    """The chain rule, typed here, with columns stacked layer after layer."""
    model = softmax_network(varied)
    W1, W2, W3 = model.weights
    h1 = np.hstack([np.tanh(model.inputs @ W1), np.ones((5, 1))])
    h2 = np.tanh(h1 @ W2)
    p = np.exp(h2 @ W3)
    p /= p.sum(axis=1, keepdims=True)
    y = model.draw(rng(), 20)
    error = np.eye(3)[y[..., 0]] - p
    back2 = error @ W3.T * (1 - h2**2)
    back1 = back2 @ W2[:3].T * (1 - h1[:, :3] ** 2)
    pairs = ((back1, model.inputs), (back2, h1), (error, h2))
    parts = [np.einsum("ani,nj->anij", *pairs[l]).reshape(20, 5, -1) for l in varied or range(3)]
    score = np.concatenate(parts, axis=-1)
    for k, v in enumerate(model.directions, start=1):
        assert model.derivatives(y, k)[0] == pytest.approx(score @ v, rel=1e-9, abs=1e-9)


def test_the_same_move_of_all_logits_is_not_seen():
    model = softmax_network((2,))
    model = dataclasses.replace(model, directions=np.tile(rng().standard_normal(4), 3)[None])
    assert np.abs(model.derivatives(model.draw(rng(), 30), 1)[0]).max() < 1e-10


def test_both_forms_of_the_metric():
    """Means of squared scores and of minus second derivatives are one number: the Fisher information of log r."""
    model = exponential_neuron()
    found = simulate_scores(model, 500, 40, 7, ["score.length[2]", "score.curvature[2]"])
    expected = ((model.inputs @ model.directions[1]) ** 2).mean()
    for name in found.names:
        assert abs(found.mean(name) - expected) < 4 * found.standard_error(name) < 0.1 * expected


def test_same_numbers_whatever_the_workers():
    model, names = softmax_network(), ("score.length[1]", "score.length[2]")
    one = simulate_scores(model, 30, 8, (5, 30), names, workers=1)
    ladder = ladder_of(simulate_scores, lambda _: model, (10, 30), 8, 5, names, workers=3)
    for name in names:
        assert (one.values(name) == ladder.ensembles[30].values(name)).all()
    assert repr(one) == "<ScoreEnsemble of 8 runs of 30 draws, seed (5, 30): 2 observables>"


@pytest.mark.parametrize("name", ["score.length", "score.length[0]", "score.length[3]", "score.mean[1]", "length[1]"])
def test_not_measured(name):
    with pytest.raises(InputError, match=r"score\.length\[k\] or score\.curvature\[k\] with k from 1 to 2"):
        simulate_scores(exponential_neuron(), 5, 2, 1, [name])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"directions": np.ones((1, 4))}, "4 entries for 3 parameters"),
        ({"inputs": np.ones((2, 2))}, "do not follow each other"),
        ({"inputs": np.full((2, 3), np.nan)}, "finite numbers"),
        ({"weights": (np.ones((4, 1)),)}, "do not follow each other"),
        ({"weights": ()}, "one weight or more"),
        ({"varied": (1,)}, "weights 0 to 0"),
    ],
)
def test_models_that_are_none(change, match):
    with pytest.raises(InputError, match=match):
        dataclasses.replace(exponential_neuron(), **change)


def test_parameters_out_of_range():
    model = dataclasses.replace(exponential_neuron(), f=lambda z: z)
    with pytest.raises(InputError, match="not between 0 and inf"):
        simulate_scores(model, 5, 2, 1, ["score.length[1]"])


@pytest.mark.parametrize(
    ("name", "parameters", "match"),
    [
        ("gaussian", {"sigma": 0.0}, "sigma = 0.0 is no parameter"),
        ("von_mises", {"kappa": float("nan")}, "kappa = nan"),
        ("binomial", {"n": -2}, "n = -2"),
        ("binomial", {"n": 2.5}, "n = 2.5 is no number of trials"),
        ("cauchy", {}, "no response is called 'cauchy'"),
        ("poisson", {"sigma": 1}, "poisson was given sigma: its parameters are none"),
        ("binomial", {}, "binomial was given no parameter: its parameters are n"),
        ("von_mises", {"link": "natural"}, "link = 'natural'"),
    ],
)
def test_responses_that_are_none(name, parameters, match):
    with pytest.raises(InputError, match=match):
        response(name, **parameters)


def test_nothing_to_do():
    with pytest.raises(InputError, match="nothing is to be measured"):
        simulate_scores(exponential_neuron(), 5, 2, 1, [])
    with pytest.raises(InputError, match="draws = 0"):
        simulate_scores(exponential_neuron(), 0, 2, 1, ["score.length[1]"])
