"""What document sun2016 says about single neurons, and what holds for every other response."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.claims import Agreement, Identity, Ordering, Source, claim
from fimtheory.functions import sigmoid
from fimtheory.theory.relative_fisher import Neuron, T, neuron

Statements = dict[str, Identity | Agreement | Ordering]

_NEURON = ("t = w.x~ with the augmented input x~ = (x, 1)", "the law of y is that of the text, given x")
_SMOOTH_RELU = "omega*log(exp(iota*x/omega) + exp(x/omega))"
_IOTA = "the first exponential is read as exp(iota t/omega), as its derivative has it"
_GRID = np.linspace(-4, 4, 33)


def _source(place: str) -> Source:
    return Source("sun2016", place)


def _both_forms(n: Neuron, nu: sp.Expr) -> Statements:
    """nu from the squared score and from the Hessian, as they come out of the definition."""
    return {"score": Identity(n.score_form, nu), "hessian": Identity(n.hessian_form, nu), "nu": Identity(n.nu, nu)}


def _on_pieces(n: Neuron, values: list[sp.Expr]) -> Statements:
    """The same for a neuron with kinks, piece by piece from the left."""
    found: Statements = {}
    rows = zip(n.score_pieces.expressions, n.hessian_pieces.expressions, values, strict=True)
    for k, (score, hessian, nu) in enumerate(rows):
        found |= {f"score[{k}]": Identity(score, nu), f"hessian[{k}]": Identity(hessian, nu)}
    return found


# -- two outcomes


@claim(
    "sun2016.eqs34_37",
    title="Hyperbolic functions",
    statement=r"\tanh t = \frac{e^t - e^{-t}}{e^t + e^{-t}}, \quad \tanh'(t) = \operatorname{sech}^2 t = 1 - \tanh^2 t",
    source=_source("eqs. 34-37"),
    assumptions=("t is real",),
    subject=None,
)
def hyperbolic() -> Statements:
    """Definitions and the derivative."""
    up, down = sp.exp(T), sp.exp(-T)
    sech = 2 / (up + down)
    return {
        "definition": Identity(sp.tanh(T), (up - down) / (up + down)),
        "product": Identity(sech**2, (1 + sp.tanh(T)) * (1 - sp.tanh(T))),
        "derivative": Identity(sp.diff((up - down) / (up + down), T), sech**2),
    }


@claim(
    "sun2016.eqs44_46",
    title="A neuron with two outcomes",
    statement=r"g(w) = \left(\frac{1}{p^+} + \frac{1}{p^-}\right) \frac{\partial p^+}{\partial w} "
    r"\frac{\partial p^+}{\partial w^\top} = \frac{1}{p^+ p^-} \frac{\partial p^+}{\partial w} "
    r"\frac{\partial p^+}{\partial w^\top}",
    source=_source("eqs. 44-46"),
    assumptions=("p^+ + p^- = 1, both positive", "p^+ depends on w through w.x~"),
    subject=None,
)
def two_outcomes() -> Statements:
    """For any probability: p stands for p^+, s for its derivative in t."""
    p, s = sp.symbols("f f'", real=True)
    general = neuron("bernoulli:sigmoid").general
    return {
        "sum": Identity(p * (s / p) ** 2 + (1 - p) * (-s / (1 - p)) ** 2, general),
        "quotient": Identity(general, s**2 / (p * (1 - p))),
    }


@claim(
    "sun2016.eqs11_12",
    title="The tanh neuron",
    statement=r"P(y = 1) = \frac{1 + \tanh t}{2}: \quad \nu_{\tanh} = 1 - \tanh^2 t = \operatorname{sech}^2 t",
    source=_source("eqs. 11-12, 47-50"),
    assumptions=_NEURON,
    subject=None,
)
def tanh_neuron() -> Statements:
    """Mean squared score, Hessian and the product of eq. 50."""
    n, mu = neuron("bernoulli:tanh"), sp.tanh(T)
    product = (sp.diff(mu, T) / 2) ** 2 / ((1 - mu) / 2 * (1 + mu) / 2)
    return {"product": Identity(product, n.nu), **_both_forms(n, 4 / (sp.exp(T) + sp.exp(-T)) ** 2)}


_BIAS_FREE = sp.Symbol("s", real=True)  # w.x without the bias


@claim(
    "sun2016.eqs51_53",
    title="The tanh neuron by its Hessian",
    statement=r"P(y = \pm 1) = \frac{e^{\pm w^\top \tilde x}}{e^{w^\top \tilde x} + e^{-w^\top \tilde x}}, \quad "
    r"\nu = \frac{d^2}{dt^2} \log(e^t + e^{-t}) = \operatorname{sech}^2 t",
    source=_source("eqs. 51-53"),
    assumptions=_NEURON,
    as_printed=r"P(y = \pm 1) = \frac{e^{\pm w^\top \tilde x}}{e^{w^\top x} + e^{-w^\top x}}",
    printed=lambda: {"sum": Identity((sp.exp(T) + sp.exp(-T)) / (sp.exp(_BIAS_FREE) + sp.exp(-_BIAS_FREE)), sp.S.One)},
    subject=None,
)
def tanh_by_hessian() -> Statements:
    """The denominators as printed have x for x~: with a bias the two probabilities do not add up to 1."""
    total = sp.exp(T) + sp.exp(-T)
    p = sp.exp(T) / total
    return {
        "sum": Identity(p + sp.exp(-T) / total, sp.S.One),
        "probability": Identity(p, (1 + sp.tanh(T)) / 2),
        "curvature": Identity(sp.diff(sp.log(total), T, 2), neuron("bernoulli:tanh").nu),
    }


@claim(
    "sun2016.eqs13_14",
    title="The logistic neuron",
    statement=r"P(y = 1) = \sigma(t) = \frac{1}{1 + e^{-t}}: \quad \nu_{\mathrm{sigm}} = \sigma(t) (1 - \sigma(t))",
    source=_source("eqs. 13-14, 38-39, 54-57"),
    assumptions=_NEURON,
    subject=None,
)
def logistic_neuron() -> Statements:
    """With the derivative of eq. 39."""
    n, mu = neuron("bernoulli:sigmoid"), 1 / (1 + sp.exp(-T))
    return {
        "derivative": Identity(sp.diff(mu, T), mu * (1 - mu)),
        **_both_forms(n, sp.exp(-T) / (1 + sp.exp(-T)) ** 2),
    }


# -- Gaussian outputs


@claim(
    "sun2016.eq58",
    title="A neuron with Gaussian output",
    statement=r"y \sim \mathcal{N}(\mu(t), \sigma_y^2): \quad g(w) = \frac{1}{\sigma_y^2} \frac{\partial \mu}{\partial w} "
    r"\frac{\partial \mu}{\partial w^\top}",
    source=_source("eq. 58"),
    assumptions=("the mean depends on w through w.x~", "sigma_y does not depend on w"),
    subject=None,
)
def gaussian_output() -> Statements:
    """For any mean f."""
    n = neuron("gaussian:tanh", sigma="sigma")
    slope, scale = sp.Symbol("f'", real=True), n.response.parameters[0]
    return {"general": Identity(n.general, slope**2 / scale**2)}


@claim(
    "sun2016.eqs15_16",
    title="The PReLU neuron",
    statement=r"\nu = \frac{1}{\sigma_y^2} \;\text{for}\; t > 0, \quad \frac{\iota^2}{\sigma_y^2} \;\text{for}\; t < 0, "
    r"\quad \text{undefined at}\; t = 0",
    source=_source("eqs. 15-16"),
    assumptions=(*_NEURON, "0 <= iota < 1", "the letter iota, lost in print, stands where eq. 18 has it"),
    subject=None,
)
def prelu_neuron() -> Statements:
    """Both sides of the kink, where the metric jumps by (1 - iota^2)/sigma_y^2."""
    n = neuron("gaussian:max(x, 0) + iota*min(x, 0)", sigma="sigma", parameters={"iota": "nonnegative"})
    (iota,), (scale,) = n.activation.parameters, n.response.parameters
    kink = n.kinks[0]
    return {
        **_on_pieces(n, [iota**2 / scale**2, 1 / scale**2]),
        "jump": Identity(kink.right - kink.left, (1 - iota**2) / scale**2),
    }


def _smooth_relu(**values: str) -> Neuron:
    return neuron(
        f"gaussian:{_SMOOTH_RELU}", sigma="sigma", parameters={"omega": "positive", "iota": "nonnegative"}, **values
    )


@claim(
    "sun2016.eqs17_18",
    title="The smoothed PReLU neuron",
    statement=r"\mathrm{relu}_\omega(t) = \omega \log(e^{\iota t/\omega} + e^{t/\omega}): \quad \nu = \frac{1}{\sigma_y^2} "
    r"\left(\iota + (1 - \iota) \, \sigma\left(\tfrac{1 - \iota}{\omega} t\right)\right)^2, \quad "
    r"0 \le \mathrm{relu}_\omega - \mathrm{relu} \le \omega \log 2",
    source=_source("eqs. 17-18, 40-41, 59-60"),
    assumptions=(*_NEURON, "omega > 0, 0 <= iota < 1", _IOTA),
    subject=None,
)
def smooth_prelu() -> Statements:
    """The derivative of eq. 41, nu of eqs. 18 and 60, and how fast relu_omega becomes relu."""
    n = _smooth_relu()
    omega, iota = (next(s for s in n.activation.parameters if s.name == name) for name in ("omega", "iota"))
    slope = iota + (1 - iota) * sigmoid((1 - iota) * T / omega)
    f = n.activation.expression.subs(n.activation.variable, T)
    return {
        "derivative": Identity(sp.diff(f, T), slope),
        **_both_forms(n, slope**2 / n.response.parameters[0] ** 2),
        "limit": Ordering(lambda: _excess(1e-2), lambda: np.full(_GRID.shape, 1e-2 * np.log(2) * (1 + 1e-12))),
        "sharp": Agreement(lambda: _excess(1e-3)[_GRID == 0], lambda: 1e-3 * np.log(2), 1e-12),
        "above": Ordering(lambda: np.zeros(1), lambda: _excess(0.5)[_GRID == 1.0]),
    }


def _excess(omega: float) -> np.ndarray:
    """relu_omega - relu on the grid, iota = 1/4."""
    smooth = omega * np.logaddexp(_GRID / 4 / omega, _GRID / omega)
    return smooth - np.where(_GRID < 0, _GRID / 4, _GRID)


@claim(
    "sun2016.eqs19_20",
    title="The ELU neuron",
    statement=r"\nu_{\mathrm{elu}} = \frac{1}{\sigma_y^2} \;\text{for}\; t \ge 0, \quad "
    r"\frac{\alpha^2}{\sigma_y^2} e^{2 t} \;\text{for}\; t < 0",
    source=_source("eqs. 19-20, 42-43, 61-63"),
    assumptions=(*_NEURON, "alpha > 0"),
    subject=None,
)
def elu_neuron() -> Statements:
    """Piece by piece."""
    n = neuron("gaussian:elu", sigma="sigma")
    (alpha,), (scale,) = n.activation.parameters, n.response.parameters
    return _on_pieces(n, [alpha**2 * sp.exp(2 * T) / scale**2, 1 / scale**2])


def _elu_jump() -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    n = neuron("gaussian:elu", sigma="sigma")
    kink = n.kinks[0]
    return kink.right - kink.left, n.activation.parameters[0], n.response.parameters[0]


@claim(
    "sun2016.sec3.1.4",
    title="Whether the metric of ELU is continuous",
    statement=r"\nu_{\mathrm{elu}}(0^+) - \nu_{\mathrm{elu}}(0^-) = \frac{1 - \alpha^2}{\sigma_y^2}",
    source=_source("section 3.1.4, after eq. 20"),
    assumptions=(*_NEURON, "alpha > 0; continuous for alpha = 1 alone, as f' is"),
    as_printed=r"\nu_{\mathrm{elu}}(0^+) = \nu_{\mathrm{elu}}(0^-) \quad \text{for every}\; \alpha > 0",
    printed=lambda: {"jump": Identity(_elu_jump()[0], sp.S.Zero)},
    subject=None,
)
def elu_jump() -> Statements:
    """The jump at 0."""
    jump, alpha, scale = _elu_jump()
    return {
        "alpha = 1": Identity(jump.subs(alpha, 1), sp.S.Zero),
        "jump": Identity(jump, (1 - alpha**2) / scale**2),
    }


@claim(
    "sun2016.eq21",
    title="One form for all neurons",
    statement=r"g(w \mid x) = \nu_f(t) \, \tilde x \tilde x^\top, \quad \nu_f > 0, \quad \nu_{\tanh}, \nu_{\mathrm{sigm}} "
    r"\;\text{largest at}\; 0",
    source=_source("eq. 21"),
    assumptions=(*_NEURON, "relu is the smoothed one of eq. 18: nu of the hard ReLU is 0 for t < 0"),
    subject=None,
)
def one_form() -> Statements:
    """nu > 0 on a grid for the four functions, and where it is largest."""
    names = ("bernoulli:tanh", "bernoulli:sigmoid", "gaussian:elu alpha=1", "")
    units = [_named(name) if name else _smooth_relu(omega="1/2", iota="0") for name in names]

    def values(n: Neuron) -> np.ndarray:
        free = dict.fromkeys(n.response.parameters, 1)
        return np.array([float(n.at(sp.Rational(t)).subs(free)) for t in _GRID[::4]])

    return {
        **{f"positive[{k}]": Ordering(lambda: np.zeros(1), lambda n=n: values(n), 1e-9) for k, n in enumerate(units)},
        "largest": Ordering(
            lambda: [n.numpy(_GRID[_GRID != 0]).max() for n in units[:2]],
            lambda: [float(n.numpy(np.zeros(1))[0]) for n in units[:2]],
            1e-3,
        ),
    }


def _named(text: str) -> Neuron:
    head, *values = text.split(" ")
    return neuron(head, parameters=None, **dict(value.split("=") for value in values))


# -- every other response


def _series(log_density: Callable, t: float) -> mp.mpf:
    """E (d log p/dt)^2 over y = 0, 1, 2, ...: the law typed in, its score by numerical differentiation."""
    with mp.workdps(30):
        return mp.nsum(lambda y: _squared_score(log_density, y, t), [0, mp.inf])


def _integral(log_density: Callable, t: float, ends: list) -> mp.mpf:
    with mp.workdps(30):
        return mp.quad(lambda y: _squared_score(log_density, y, t), ends)


def _squared_score(log_density: Callable, y, t: float) -> mp.mpf:
    return mp.exp(log_density(y, mp.mpf(t))) * mp.diff(lambda u: log_density(y, u), mp.mpf(t)) ** 2


def _softplus(t):
    return mp.log1p(mp.exp(t))


def _poisson(y, t):
    return y * mp.log(_softplus(t)) - _softplus(t) - mp.loggamma(y + 1)


def _negative_binomial(y, t):
    m, r = _softplus(t), mp.mpf(5) / 2
    odds = y * mp.log(m / (m + r)) + r * mp.log(r / (m + r))
    return odds + mp.loggamma(y + r) - mp.loggamma(r) - mp.loggamma(y + 1)


def _gamma(y, t):
    m, k = _softplus(t), mp.mpf(3)
    return k * mp.log(k / m) + (k - 1) * mp.log(y) - k * y / m - mp.loggamma(k)


def _von_mises(y, t):
    kappa = mp.mpf(3) / 2
    return kappa * mp.cos(y - mp.tanh(t)) - mp.log(2 * mp.pi * mp.besseli(0, kappa))


_PLACES = (-0.8, 0.6)


@claim(
    "fimtheory.relative.responses",
    title="Other responses by their own sums and integrals",
    statement=r"\nu = \frac{f'^2}{V(f)}, \quad V = f \;(\text{Poisson}), \; f + \frac{f^2}{r} \;"
    r"(\text{negative binomial}), \; \frac{f^2}{k} \;(\text{Gamma}); \quad "
    r"\nu = \kappa_y \frac{I_1(\kappa_y)}{I_0(\kappa_y)} f'^2 \;(\text{von Mises})",
    source=Source("fimtheory", "extends sun2016, eq. 9, to other laws"),
    assumptions=("f is the mean of y, for von Mises its direction", "regular laws"),
    subject=None,
)
def other_responses() -> Statements:
    """Against sums and quadrature of laws typed in here, to the accuracy of numerical derivatives."""
    counts = {
        "poisson": (neuron("poisson:softplus"), _poisson),
        "negative_binomial": (neuron("negative_binomial:softplus", r="5/2"), _negative_binomial),
    }
    continuous = {
        "gamma": (neuron("gamma:softplus", shape="3"), _gamma, [0, 1, 4, 16, mp.inf]),
        "von_mises": (neuron("von_mises:tanh", kappa="3/2"), _von_mises, [-mp.pi, 0, mp.pi]),
    }
    found: Statements = {}
    for name, (n, law) in counts.items():
        found[name] = Agreement(
            lambda n=n: n.numpy(np.array(_PLACES)),
            lambda law=law: [float(_series(law, t)) for t in _PLACES],
            1e-9,
        )
    for name, (n, law, ends) in continuous.items():
        found[name] = Agreement(
            lambda n=n: _numbers(n),
            lambda law=law, ends=ends: [float(_integral(law, t, ends)) for t in _PLACES],
            1e-9,
        )
    return found


def _numbers(n: Neuron) -> list[float]:
    return [float(n.at(sp.Rational(str(t)))) for t in _PLACES]


@claim(
    "fimtheory.relative.natural_parameter",
    title="Natural parameters: the information is the curvature of the log-partition",
    statement=r"\theta = f(t): \quad \nu = \psi''(f) f'^2 = \frac{m'^2}{V(m)}, \quad m = \psi'(f(t))",
    source=Source("fimtheory", "extends sun2016, section 1, to neurons"),
    assumptions=("a one-parameter exponential family with log-partition psi",),
    subject=None,
)
def natural_parameter() -> Statements:
    """One law, parametrised twice."""
    pairs = {
        "bernoulli": (neuron("bernoulli:sin", link="natural"), neuron("bernoulli:sigmoid(sin(x))")),
        "poisson": (neuron("poisson:tanh", link="natural"), neuron("poisson:exp(tanh(x))")),
        "gaussian": (neuron("gaussian:tanh", link="natural", sigma=2), neuron("gaussian:4*tanh(x)", sigma=2)),
        "exponential": (neuron("exponential:-exp(x)", link="natural"), neuron("exponential:exp(-x)")),
    }
    return {name: Identity(a.nu, b.nu) for name, (a, b) in pairs.items()}
