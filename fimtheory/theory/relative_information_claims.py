r"""What document sun2016 says on Fisher information in general: its forms, coordinates, submanifolds, divergences.

Everything is exact and symbolic. A law is written down by its log density and by how it averages over outcomes: sums over
finitely many of them, moments of a Gaussian or a Poisson variable; scores and Hessians are derivatives that SymPy takes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from fimtheory.claims import Identity, Ordering, Source, claim

OfOutcome = Callable[[Any], sp.Expr]
_U, _Y = sp.symbols("u y", real=True)
_SMOOTH = ("the law is smooth in its parameters, and its support does not depend on them",)
_FAMILY = "a regular natural exponential family"


def derivative(e: sp.Expr, *symbols: sp.Symbol) -> sp.Expr:
    """The derivative by each symbol in turn, left as it comes out: ball arithmetic needs no short form."""
    return sp.diff(e, *symbols, simplify=False)


@dataclass(frozen=True)
class Law:
    """A law of an outcome y: its log density ``log(y)``, and ``average(g)``, the mean of g(y)."""

    log: OfOutcome
    average: Callable[[OfOutcome], sp.Expr]

    def score_form(self, a: sp.Symbol, b: sp.Symbol) -> sp.Expr:
        """E[(d log p/da)(d log p/db)]."""
        return self.average(lambda y: sp.diff(self.log(y), a) * sp.diff(self.log(y), b))

    def hessian_form(self, a: sp.Symbol, b: sp.Symbol) -> sp.Expr:
        """-E[d^2 log p/da db]."""
        return self.average(lambda y: -derivative(self.log(y), a, b))

    def root_form(self, a: sp.Symbol, b: sp.Symbol) -> sp.Expr:
        """The integral of 4 (d sqrt p/da)(d sqrt p/db), as the mean of the integrand over p."""

        def slope(y: Any, s: sp.Symbol) -> sp.Expr:
            root = sp.exp(self.log(y) / 2)
            return sp.diff(root, s) / root

        return self.average(lambda y: 4 * slope(y, a) * slope(y, b))

    def metric(self, parameters: Sequence[sp.Symbol]) -> sp.Matrix:
        """The score form of all pairs."""
        return sp.Matrix(len(parameters), len(parameters), lambda i, j: self.score_form(parameters[i], parameters[j]))


def finite(probabilities: Mapping[Any, sp.Expr]) -> Law:
    """A law of finitely many outcomes."""
    return Law(lambda y: sp.log(probabilities[y]), lambda g: sp.Add(*(p * g(y) for y, p in probabilities.items())))


def bernoulli(odds: sp.Expr) -> Law:
    """y in {0, 1}; the odds of 1 are e^t at the log-odds t."""
    return finite({0: 1 / (1 + odds), 1: odds / (1 + odds)})


def signs(mean: sp.Expr) -> Law:
    """y in {-1, 1}, of given mean."""
    return finite({y: (1 + y * mean) / 2 for y in (-1, 1)})


def categorical(*weights: sp.Expr) -> Law:
    """y in {1, ..., m}, with probabilities proportional to weights, which are e^z at the logits z of a softmax."""
    return finite({y: w / sp.Add(*weights) for y, w in enumerate(weights, start=1)})


def gaussian(mean: sp.Expr, sigma: sp.Expr) -> Law:
    """A normal variable; averages of polynomials in y."""

    def average(g: OfOutcome) -> sp.Expr:
        powers = sp.Poly(sp.expand(g(_Y).subs(_Y, mean + sigma * _U)), _U).all_coeffs()[::-1]
        return sp.Add(*(c * sp.factorial2(k - 1) for k, c in enumerate(powers) if k % 2 == 0))

    return Law(lambda y: -((y - mean) ** 2) / (2 * sigma**2) - sp.log(2 * sp.pi * sigma**2) / 2, average)


def poisson(mean: sp.Expr) -> Law:
    """A count; averages of polynomials of second order in y."""
    moments = (sp.S.One, mean, mean + mean**2)

    def average(g: OfOutcome) -> sp.Expr:
        powers = sp.Poly(sp.expand(g(_Y)), _Y).all_coeffs()[::-1]
        return sp.Add(*(c * moments[k] for k, c in enumerate(powers)))

    return Law(lambda y: y * sp.log(mean) - mean - sp.loggamma(y + 1), average)


# -- eqs. 1 to 3

_A, _B = sp.symbols("a b", real=True)
_NATURAL = sp.Symbol("theta_2", negative=True)
_S, *_W = sp.symbols("s w_1:4", positive=True)
_CLASSES = categorical(sp.exp(_A), sp.exp(_B), sp.S.One)
_PARTITION = sp.log(sp.exp(_A) + sp.exp(_B) + 1)

Laws = Mapping[str, tuple[Law, tuple[sp.Symbol, ...]]]


def _laws() -> Laws:
    """Laws with parameters that are nothing special."""
    one, two, three = _W
    return {
        "Bernoulli": (bernoulli(one + two**2), (one, two)),
        "Gaussian": (gaussian(_A, _S), (_A, _S)),
        "Poisson": (poisson(one + two**2), (one, two)),
        "categorical": (categorical(one, two, three), (one, two)),
    }


def _pairs(parameters: Sequence[sp.Symbol]) -> list[tuple[sp.Symbol, sp.Symbol]]:
    return list(itertools.combinations_with_replacement(parameters, 2))


def forms(laws: Laws) -> dict[str, Identity]:
    """The score form of every pair of parameters against the other two forms."""
    found = {}
    for name, (law, parameters) in laws.items():
        for s, t in _pairs(parameters):
            score = law.score_form(s, t)
            found[f"{name}: Hessian, {s} {t}"] = Identity(score, law.hessian_form(s, t))
            found[f"{name}: roots, {s} {t}"] = Identity(score, law.root_form(s, t))
    return found


@claim(
    "sun2016.eqs1_2",
    title="Three forms of the Fisher information",
    statement=r"\mathcal{I}_{ij} = \mathbb{E} \left[\frac{\partial l}{\partial \Theta_i} \frac{\partial l}{\partial"
    r" \Theta_j}\right] = -\mathbb{E} \left[\frac{\partial^2 l}{\partial \Theta_i \partial \Theta_j}\right] = 4 \int"
    r" \frac{\partial \sqrt{p}}{\partial \Theta_i} \frac{\partial \sqrt{p}}{\partial \Theta_j}\, \mathrm{d} x",
    source=Source("sun2016", "eqs. 1-2"),
    assumptions=_SMOOTH,
    subject=None,
)
def predict_forms() -> dict[str, Identity]:
    """Bernoulli, Gaussian (mean and deviation), Poisson and three classes."""
    return forms(_laws())


def _hessians(potential: Callable[[sp.Expr], sp.Expr]) -> dict[str, Identity]:
    """The information of natural families against the Hessian of a function of F."""
    spread = sp.sqrt(-1 / (2 * _NATURAL))
    square = -(_A**2) / (4 * _NATURAL) - sp.log(-2 * _NATURAL) / 2
    families = {
        "Bernoulli": (bernoulli(sp.exp(_A)), sp.log(1 + sp.exp(_A)), (_A,)),
        "Poisson": (poisson(sp.exp(_A)), sp.exp(_A), (_A,)),
        "Gaussian": (gaussian(-_A / (2 * _NATURAL), spread), square, (_A, _NATURAL)),
        "softmax": (_CLASSES, _PARTITION, (_A, _B)),
    }
    return {
        f"{name}, {s} {t}": Identity(law.score_form(s, t), derivative(potential(F), s, t))
        for name, (law, F, parameters) in families.items()
        for s, t in _pairs(parameters)
    }


@claim(
    "sun2016.natural_families",
    title="The information of an exponential family is the Hessian of a logarithm",
    statement=r"l(\Theta) = \Theta^\top t(x) - F(\Theta),\quad \mathcal{I}(\Theta) = \nabla^2 F(\Theta),\quad F(\Theta) ="
    r" \ln \int e^{\Theta^\top t(x)}\, \mathrm{d} x",
    source=Source("sun2016", "section 1, after eq. 2"),
    assumptions=(_FAMILY, "as printed: F is called the moment generating function, whose logarithm it is"),
    as_printed=r"\mathcal{I}(\Theta) = \nabla^2 F(\Theta),\quad F(\Theta) = \int e^{\Theta^\top t(x)}\, \mathrm{d} x",
    printed=lambda: _hessians(sp.exp),
    subject=None,
)
def predict_families() -> dict[str, Identity]:
    """Bernoulli, Poisson, Gaussian with two parameters, softmax; printed, a Bernoulli law would have e^theta."""
    return _hessians(lambda F: F)


@claim(
    "sun2016.eq3",
    title="The observed metric",
    statement=r"-\frac{\partial^2 \ln p(y)}{\partial t^2} = \nu(t) \text{ for every } y \text{ where } f \text{ is the"
    r" natural parameter},\qquad -\frac{\partial^2 \ln p(y)}{\partial t^2} = \nu(t) - \frac{(y - f) f''}{\sigma^2} \text{"
    r" for } y \sim \mathcal{N}(f(t), \sigma^2)",
    source=Source("sun2016", "eq. 3"),
    assumptions=_SMOOTH,
    subject=None,
)
def predict_observed() -> dict[str, Identity]:
    """One observation of a logistic neuron, a tanh neuron or a class does for all; of a Gaussian only their mean does."""
    bend = lambda e: derivative(e, _A, _A)  # noqa: E731
    f, tanh, odds = sp.log(1 + sp.exp(_A)), sp.tanh(_A), sp.exp(_A)
    law, nu = gaussian(f, _S), sp.diff(f, _A) ** 2 / _S**2
    observed = -bend(law.log(_Y))
    logistic, angle = sp.diff(1 / (1 + sp.exp(-_A)), _A), _CLASSES.score_form(_A, _B)
    return {
        **{f"logistic, y = {y}": Identity(-bend(bernoulli(odds).log(y)), logistic) for y in (0, 1)},
        **{f"tanh, y = {y}": Identity(-bend(signs(tanh).log(y)), 1 - tanh**2) for y in (-1, 1)},
        **{f"softmax, y = {y}": Identity(-derivative(_CLASSES.log(y), _A, _B), angle) for y in (1, 2, 3)},
        "Gaussian": Identity(observed, nu - (_Y - f) * bend(f) / _S**2),
        "Gaussian, on average": Identity(law.average(lambda y: observed.subs(_Y, y)), nu),
    }


def _estimates(shrinking: Callable[[sp.Expr], sp.Expr]) -> dict[str, Identity]:
    """The variance of the mean of n observations, for families in their mean, against 1/(information shrinking(n))."""
    n, mean = sp.Symbol("n", positive=True), _W[0]
    laws = {"Gaussian": gaussian(mean, _S), "Poisson": poisson(mean), "Bernoulli": finite({0: 1 - mean, 1: mean})}
    return {
        name: Identity(law.average(lambda y: (y - mean) ** 2) / n, 1 / (law.score_form(mean, mean) * shrinking(n)))
        for name, law in laws.items()
    }


@claim(
    "sun2016.estimators",
    title="The variance of a maximum likelihood estimate",
    statement=r"\hat\Theta_n \sim G\left(\Theta,\, \frac{1}{n}\, \mathcal{I}^{-1}(\Theta)\right)",
    source=Source("sun2016", "section 1, maximum likelihood"),
    assumptions=(
        "n independent observations; in the mean of an exponential family the variance is this at every n",
        "G has the mean and the variance as its arguments, as the document defines it",
    ),
    as_printed=r"\hat\Theta_n = G\left(\Theta,\, \mathcal{I}^{-1}(\Theta) / \sqrt{n}\right)",
    printed=lambda: _estimates(sp.sqrt),
    subject=None,
)
def predict_estimators() -> dict[str, Identity]:
    """The mean of n observations is the estimate, for Gaussian, Poisson and Bernoulli laws; the Cramer-Rao bound."""
    return _estimates(lambda n: n)


# -- coordinates and submanifolds


@claim(
    "sun2016.reparametrisation",
    title="The metric in other coordinates",
    statement=r"\mathcal{I}_\Theta(\Theta) = J^\top\, \mathcal{I}_\Lambda(\Lambda)\, J,\quad J_{ij} = \frac{\partial"
    r" \Lambda_i}{\partial \Theta_j}",
    source=Source("sun2016", "section 1, reparametrisation"),
    assumptions=_SMOOTH,
    subject=None,
)
def predict_covariance() -> dict[str, Identity]:
    """A Gaussian by natural parameters and by mean and deviation; classes by odds and by probabilities."""
    moments = sp.Matrix([-_A / (2 * _NATURAL), sp.sqrt(-1 / (2 * _NATURAL))])
    weights = _W[:2]
    shares = sp.Matrix(weights) / (1 + sp.Add(*weights))
    p, q = sp.symbols("p q", positive=True)
    direct = finite({1: p, 2: q, 3: 1 - p - q})
    cases = {
        "Gaussian": (gaussian(*moments), gaussian(_B, _S).metric((_B, _S)), (_B, _S), moments, (_A, _NATURAL)),
        "classes": (categorical(*weights, sp.S.One), direct.metric((p, q)), (p, q), shares, weights),
    }
    found = {}
    for name, (law, metric, old, coordinates, new) in cases.items():
        J = coordinates.jacobian(new)
        moved = J.T * metric.subs(dict(zip(old, coordinates, strict=True)), simultaneous=True) * J
        for i, j in ((0, 0), (0, 1), (1, 1)):
            found[f"{name}, {i + 1} {j + 1}"] = Identity(law.score_form(new[i], new[j]), moved[i, j])
    return found


_AFFINE = sp.Matrix(2, 2, sp.symbols("A_11 A_12 A_21 A_22", positive=True))


def _transformed(back: sp.Matrix) -> dict[str, Identity]:
    """H of the coordinates A Theta, whose potential is F(A^-1 Theta), against back H."""
    old, new = (_A, _B), sp.symbols("T_1 T_2", real=True)
    H = sp.Matrix([sp.diff(_PARTITION, s) for s in old])
    moved = _PARTITION.subs(dict(zip(old, _AFFINE.inv() * sp.Matrix(new), strict=True)), simultaneous=True)
    here = dict(zip(new, _AFFINE * sp.Matrix(old), strict=True))
    return {
        f"H_{i + 1}": Identity(sp.diff(moved, new[i]).subs(here, simultaneous=True), (back * H)[i]) for i in range(2)
    }


@claim(
    "sun2016.dual_coordinates",
    title="Dual coordinates of an exponential family",
    statement=r"H = \nabla F(\Theta),\quad \left\langle \frac{\partial}{\partial H_i}, \frac{\partial}{\partial \Theta_j}"
    r" \right\rangle = \delta_{ij},\quad \tilde\Theta = A \Theta + b,\quad \tilde H = A^{-\top} H + c",
    source=Source("sun2016", "section 1, dual affine coordinates"),
    assumptions=(_FAMILY,),
    as_printed=r"\tilde\Theta = A \Theta + b,\quad \tilde H = A^{-1} H + c",
    printed=lambda: _transformed(_AFFINE.inv()),
    subject=None,
)
def predict_dual_coordinates() -> dict[str, Identity]:
    """Three classes: the transpose keeps H = grad F; mixed coordinates (Theta_1, H_2) make the metric diagonal."""
    old = (_A, _B)
    H = sp.Matrix([sp.diff(_PARTITION, s) for s in old])
    metric = _CLASSES.metric(old)
    bases = H.jacobian(old).inv().T * metric
    mixed = sp.Matrix([_A, H[1]]).jacobian(old).inv()
    return {
        **{f"<1, {j + 1}>": Identity(bases[0, j], sp.Integer(j == 0)) for j in range(2)},
        "mixed coordinates": Identity((mixed.T * metric * mixed)[0, 1], sp.S.Zero),
        **_transformed(_AFFINE.inv().T),
    }


@claim(
    "sun2016.prop2",
    title="The metric of a part is that of a submanifold",
    statement=r"\theta_2 = (\theta_1, \tilde\theta_1):\quad g^h(\theta_1) = E^\top g^h(\theta_2)\, E,\quad E ="
    r" \frac{\partial \theta_2}{\partial \theta_1} = \begin{bmatrix} I \\ 0 \end{bmatrix}",
    source=Source("sun2016", "proposition 2"),
    assumptions=("the other parameters are given", "the same response h"),
    subject=None,
)
def predict_submanifold() -> dict[str, Identity]:
    """A coordinate plane, as the proposition has it, and a curve, as tied weights would make."""
    metric, third = categorical(*_W).metric(_W), sp.Rational(1, 3)
    fixed, plane = categorical(*_W[:2], third), metric.subs(_W[2], third)
    curve = sp.Matrix([_S, _S**2, 1 + _S])
    E, here = curve.diff(_S), dict(zip(_W, curve, strict=True))
    pulled = (E.T * metric.subs(here, simultaneous=True) * E)[0]
    places = ((0, 0), (0, 1), (1, 1))
    return {
        **{f"plane, {i + 1} {j + 1}": Identity(fixed.score_form(_W[i], _W[j]), plane[i, j]) for i, j in places},
        "curve": Identity(categorical(*curve).score_form(_S, _S), pulled),
    }


# -- divergences and statistics

_CURVES: dict[str, Callable[[sp.Expr], Law]] = {
    "Bernoulli": lambda t: bernoulli(t + t**2),
    "categorical": lambda t: categorical(t**2, t, sp.S.One),
    "Gaussian": lambda t: gaussian(t**2, 1 + t),
    "Poisson": lambda t: poisson(1 + t**2),
}


@claim(
    "fimtheory.relative.divergence",
    title="The metric as the second order of the divergence",
    statement=r"\operatorname{KL}(p_\theta \| p_{\theta + \delta}) = \frac{g(\theta)}{2} \delta^2 - \frac{\mathbb{E}\,"
    r" l'''}{6} \delta^3 + O(\delta^4),\quad \frac{\operatorname{KL}(p_\theta \| p_{\theta + \delta}) +"
    r" \operatorname{KL}(p_{\theta + \delta} \| p_\theta)}{2} = \frac{1}{2}\, g\left(\theta + \frac{\delta}{2}\right)"
    r" \delta^2 + O(\delta^4)",
    source=Source("fimtheory", "extends sun2016, eqs. 6 and 10: what the squared length measures"),
    assumptions=_SMOOTH,
    subject=None,
)
def predict_divergence() -> dict[str, Identity]:
    """Derivatives of divergences in closed form, up to the third, along a curve in the parameters of each law."""
    t = sp.Symbol("t", positive=True)
    order = lambda e, k: derivative(e, *[t] * k).subs(t, _S)  # noqa: E731
    found = {}
    for name, at in _CURVES.items():
        here, there = at(_S), at(t)
        ratio = lambda y, p=here, q=there: p.log(y) - q.log(y)  # noqa: E731
        third = lambda y, p=here: -derivative(p.log(y), _S, _S, _S)  # noqa: E731
        forward, back = here.average(ratio), there.average(lambda y, r=ratio: -r(y))
        g = here.score_form(_S, _S)
        found |= {
            f"{name}, first order": Identity(order(forward, 1), sp.S.Zero),
            f"{name}, second order": Identity(order(forward, 2), g),
            f"{name}, third order": Identity(order(forward, 3), here.average(third)),
            f"{name}, both ways": Identity(order(forward + back, 3) / 2, 3 * sp.diff(g, _S) / 2),
        }
    return found


_STATISTICS = {  # outcomes of two coins with the same odds, grouped by a statistic
    "the sum": ([(0, 0)], [(0, 1), (1, 0)], [(1, 1)]),
    "whether both fell alike": ([(0, 0), (1, 1)], [(0, 1), (1, 0)]),
    "whether any is 1": ([(0, 0)], [(0, 1), (1, 0), (1, 1)]),
}


def kept_and_lost(groups: Sequence[Sequence[tuple[int, int]]]) -> tuple[sp.Expr, sp.Expr]:
    """I_T of a statistic of two coins, and E Var(score | T)."""
    coin, odds, kept, lost = bernoulli(_S), _S, sp.S.Zero, sp.S.Zero
    for group in groups:
        logs = [coin.log(a) + coin.log(b) for a, b in group]
        weights, scores = [sp.exp(log) for log in logs], [sp.diff(log, odds) for log in logs]
        p = sp.Add(*weights)
        score = sp.diff(p, odds) / p
        kept += p * score**2
        lost += sp.Add(*(w * (s - score) ** 2 for w, s in zip(weights, scores, strict=True)))
    return kept, lost


@claim(
    "sun2016.sec6_statistics",
    title="A statistic loses information unless it is sufficient",
    statement=r"I_X(\Theta) - I_T(\Theta) = \mathbb{E} \operatorname{Var}\left(\frac{\partial l_X}{\partial \Theta}\, \Big|"
    r" \, T\right) \succeq 0,\quad \text{zero if and only if } T \text{ is sufficient}",
    source=Source("sun2016", "section 6, Markov morphisms"),
    assumptions=_SMOOTH,
    subject=None,
)
def predict_information_loss() -> dict[str, Identity | Ordering]:
    """Two coins of unknown odds: their sum keeps all; what other statistics lose is a conditional variance."""
    whole = 2 * bernoulli(_S).score_form(_S, _S)
    pairs = {name: kept_and_lost(groups) for name, groups in _STATISTICS.items()}
    points = (0.2, 0.7, 1.9, 4.0)

    def at(e: sp.Expr) -> Callable[[], list[float]]:
        return lambda: [float(e.subs(_S, sp.Rational(str(t)))) for t in points]

    (_, nothing), *others = pairs.values()
    return {
        **{name: Identity(whole, kept + lost) for name, (kept, lost) in pairs.items()},
        "the sum loses nothing": Identity(nothing, sp.S.Zero),
        **{f"lost, {k}": Ordering(lambda: [0.0], at(lost), margin=1e-3) for k, (_, lost) in enumerate(others)},
    }
