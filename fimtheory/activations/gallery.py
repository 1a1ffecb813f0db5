"""The gallery: one line an activation. Everything else about it is derived.

A new line here is a new activation for the whole package and for ``tests/test_every_activation.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """A named activation: formula in the language of the parser, parameters with their domains, origin, aliases."""

    name: str
    formula: str
    origin: str
    parameters: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


_REAL, _POSITIVE = "real", "positive"

ENTRIES = (
    # polynomials
    Entry("linear", "x", "the identity", aliases=("identity",)),
    Entry("quadratic", "x**2", "polynomial networks (Livni, Shalev-Shwartz and Shamir 2014)", aliases=("square",)),
    Entry("cubic", "x**3", "third power (Chen and Manning 2014)", aliases=("cube",)),
    # rectifiers and other powers of half-lines
    Entry("relu", "relu(x)", "rectified linear unit; its dual is the arc-cosine kernel (Cho and Saul 2009)"),
    Entry(
        "leaky_relu",
        "max(x, 0) + alpha*min(x, 0)",
        "Maas, Hannun and Ng 2013; PReLU where alpha is learnt (He et al. 2015)",
        {"alpha": _REAL},
        ("prelu", "parametric_relu"),
    ),
    Entry(
        "relu_squared",
        "relu(x)**2",
        "squared ReLU (So et al. 2021); arc-cosine kernel of degree 2",
        aliases=("relu2", "squared_relu"),
    ),
    Entry("relu_cubed", "relu(x)**3", "cubed ReLU; arc-cosine kernel of degree 3", aliases=("relu3",)),
    Entry("shifted_relu", "relu(x - b)", "ReLU with a bias", {"b": _REAL}, ("biased_relu",)),
    Entry(
        "thresholded_relu",
        "where(x > theta, x, 0)",
        "Konda, Memisevic and Krueger 2014; jumps at theta",
        {"theta": _POSITIVE},
        ("threshold",),
    ),
    Entry("relu6", "clip(x, 0, 6)", "Krizhevsky 2010"),
    Entry("abs", "abs(x)", "absolute value", aliases=("absolute", "modulus")),
    Entry(
        "softshrink",
        "max(x - theta, 0) + min(x + theta, 0)",
        "soft thresholding",
        {"theta": _POSITIVE},
        ("soft_shrink",),
    ),
    Entry("hardshrink", "where(abs(x) > theta, x, 0)", "hard thresholding", {"theta": _POSITIVE}, ("hard_shrink",)),
    # piecewise constant
    Entry("step", "step(x)", "Heaviside step; arc-cosine kernel of degree 0", aliases=("heaviside", "binary_step")),
    Entry("sign", "sign(x)", "sign; Grothendieck's identity", aliases=("signum", "sgn")),
    Entry("ternary", "step(x - theta) - step(-x - theta)", "ternary quantiser with a dead zone", {"theta": _POSITIVE}),
    # piecewise polynomial, saturating
    Entry("hardtanh", "clip(x, -1, 1)", "piecewise linear tanh (Collobert 2004)", aliases=("hard_tanh", "htanh")),
    Entry(
        "hard_sigmoid",
        "clip(x/6 + 1/2, 0, 1)",
        "piecewise linear logistic (Howard et al. 2019)",
        aliases=("hardsigmoid",),
    ),
    Entry("hard_swish", "x*clip(x/6 + 1/2, 0, 1)", "Howard et al. 2019", aliases=("hardswish", "hard_silu")),
    # exponential on the left
    Entry(
        "elu", "where(x < 0, alpha*(exp(x) - 1), x)", "Clevert, Unterthiner and Hochreiter 2015", {"alpha": _POSITIVE}
    ),
    Entry(
        "selu",
        "1.0507009873554805*where(x < 0, 1.6732632423543772*(exp(x) - 1), x)",
        "self-normalising unit (Klambauer et al. 2017)",
    ),
    Entry("celu", "where(x < 0, alpha*(exp(x/alpha) - 1), x)", "Barron 2017", {"alpha": _POSITIVE}),
    # error functions and their relatives
    Entry("erf", "erf(x)", "error function; its dual is an arcsine (Williams 1997)"),
    Entry("erfc", "erfc(x)", "complementary error function"),
    Entry(
        "erf_alpha",
        "erf(alpha**2*x)/sqrt(4/pi*atan(sqrt(1 + 4*alpha**4)) - 1)",
        "normalised erf of slope alpha^2 (Pennington and Worah 2018, eq. 30)",
        {"alpha": _POSITIVE},
    ),
    Entry("gelu", "x*Phi(x)", "Gaussian error linear unit (Hendrycks and Gimpel 2016)"),
    Entry("gelu_scaled", "x*Phi(s*x)", "GELU of another width (Hendrycks and Gimpel 2016)", {"s": _POSITIVE}),
    Entry("gelu_derivative", "Phi(x) + x*phi(x)", "slope of the GELU", aliases=("dgelu",)),
    Entry("geglu", "x**2*Phi(x)", "GEGLU with one argument for both factors (Shazeer 2020)"),
    # exponentials and waves
    Entry("exp", "exp(x)", "exponential", aliases=("exponential",)),
    Entry("gaussian", "exp(-x**2/2)", "Gaussian bump", aliases=("gauss", "rbf")),
    Entry("gabor", "exp(-x**2/2)*cos(w*x)", "Gabor function (Gabor 1946)", {"w": _POSITIVE}),
    Entry("mexican_hat", "(1 - x**2)*exp(-x**2/2)", "second Hermite function (Ricker 1953)", aliases=("ricker",)),
    Entry("sin", "sin(x)", "sine", aliases=("sine",)),
    Entry("siren", "sin(w*x)", "Sitzmann et al. 2020", {"w": _POSITIVE}),
    Entry("cos", "cos(x)", "cosine; random Fourier features (Rahimi and Recht 2007)", aliases=("cosine",)),
    Entry("sin_squared", "sin(x)**2", "squared sine"),
    Entry("snake", "x + sin(a*x)**2/a", "Ziyin, Hartwig and Ueda 2020", {"a": _POSITIVE}),
    Entry("sinh", "sinh(x)", "hyperbolic sine"),
    Entry("cosh", "cosh(x)", "hyperbolic cosine"),
    # optimal for the spectrum of one hidden layer
    Entry("f_opt", "(x + sqrt(6)*(x**2 - 1))/sqrt(13)", "best conditioned spectrum (Pennington and Worah 2018)"),
    Entry(
        "srelu",
        "(sqrt(2*pi)*(max(x, 0) + alpha*max(-x, 0)) - (1 + alpha))/sqrt(pi*(1 + alpha**2) - (1 + alpha)**2)",
        "centred, normalised leaky ReLU (Pennington and Worah 2018, eq. 30)",
        {"alpha": _REAL},
    ),
    # outside the class: logistic
    Entry("sigmoid", "sigmoid(x)", "logistic function", aliases=("logistic", "expit")),
    Entry("log_sigmoid", "-softplus(-x)", "logarithm of the logistic function", aliases=("logsigmoid",)),
    Entry("silu", "x*sigmoid(x)", "sigmoid linear unit (Elfwing, Uchibe and Doya 2017)", aliases=("swish",)),
    Entry("swish_beta", "x*sigmoid(beta*x)", "Ramachandran, Zoph and Le 2017", {"beta": _POSITIVE}),
    Entry("quick_gelu", "x*sigmoid(1.702*x)", "logistic approximation of the GELU (Hendrycks and Gimpel 2016)"),
    Entry("softplus", "softplus(x)", "Dugas et al. 2001"),
    Entry("softplus_beta", "softplus(beta*x)/beta", "softplus of sharpness beta", {"beta": _POSITIVE}),
    Entry(
        "smooth_leaky_relu",
        "iota*x + omega*softplus((1 - iota)*x/omega)",
        "leaky ReLU of slope iota, rounded over omega: omega log(exp(iota x/omega) + exp(x/omega)) (Sun and Nielsen 2016)",
        {"iota": "nonnegative", "omega": _POSITIVE},
        ("relu_omega", "smooth_prelu"),
    ),
    Entry("logish", "x*log(1 + sigmoid(x))", "Zhu et al. 2021"),
    # outside the class: tanh and erf of something
    Entry("tanh", "tanh(x)", "hyperbolic tangent"),
    Entry("lecun_tanh", "1.7159*tanh(2*x/3)", "LeCun et al. 1998", aliases=("scaled_tanh",)),
    Entry("tanhshrink", "x - tanh(x)", "what tanh leaves of x", aliases=("tanh_shrink",)),
    Entry(
        "gelu_tanh",
        "x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))/2",
        "tanh approximation of the GELU (Hendrycks and Gimpel 2016)",
        aliases=("gelu_new", "gelu_approximate"),
    ),
    Entry("mish", "x*tanh(softplus(x))", "Misra 2019"),
    Entry("serf", "x*erf(softplus(x))", "Nag and Bhattacharyya 2021"),
    Entry("tanhexp", "x*tanh(exp(x))", "Liu and Di 2020"),
    # outside the class: algebraic and arctan
    Entry("arctan", "atan(x)", "arctangent", aliases=("atan",)),
    Entry("softsign", "x/(1 + abs(x))", "Bergstra et al. 2009", aliases=("soft_sign",)),
    Entry("isru", "x/sqrt(1 + alpha*x**2)", "inverse square root unit (Carlile et al. 2017)", {"alpha": _POSITIVE}),
    Entry(
        "isrlu",
        "where(x < 0, x/sqrt(1 + alpha*x**2), x)",
        "inverse square root linear unit (Carlile et al. 2017)",
        {"alpha": _POSITIVE},
    ),
    Entry("squareplus", "(x + sqrt(x**2 + b))/2", "Barron 2021", {"b": _POSITIVE}),
    Entry("bent_identity", "(sqrt(x**2 + 1) - 1)/2 + x", "identity with a bend at zero"),
)


def _plain(name: str) -> str:
    """As libraries differ in case, hyphens and underscores, so may users."""
    return name.strip().lower().replace("_", "").replace("-", "")


BY_NAME = {name: entry for entry in ENTRIES for name in (entry.name, *entry.aliases)}
_BY_PLAIN_NAME = {_plain(name): entry for name, entry in BY_NAME.items()}


def find(name: str) -> Entry | None:
    """The entry of a name or alias: ``LeakyReLU``, ``leaky-relu`` and ``leaky_relu`` are one.

    >>> find("LeakyReLU").name
    'leaky_relu'
    """
    return _BY_PLAIN_NAME.get(_plain(name))
