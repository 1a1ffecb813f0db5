"""Claims on averaged relative metrics: see :mod:`fimtheory.theory.expected_relative` and its neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.claims import Agreement, AtEveryWidth, Identity, Ordering, Source, claim
from fimtheory.gaussian.quantity import number
from fimtheory.notation import SYMBOLS
from fimtheory.spectra import MarchenkoPastur
from fimtheory.theory.expected_batches import BatchMetric
from fimtheory.theory.expected_layers import RelativeLayer
from fimtheory.theory.expected_relative import ExpectedMetric
from fimtheory.theory.expected_weights import over_weights_and_inputs
from fimtheory.theory.relative_fisher import Neuron, neuron

M, q = SYMBOLS["M"], SYMBOLS["q"]

_GAUSSIAN = ("inputs are N(0, s I_d)", "E nu is finite")
_POINTS = (0.25, 1.0)  # of the transform of a batch, below 0, in units of its mean eigenvalue
_RULE = 1e-10


def _source(what: str) -> Source:
    return Source("fimtheory", f"extends Sun and Nielsen (2016), {what}")


def _float(e: sp.Expr) -> float:
    return float(number(e, 16))


def _constant(e: sp.Expr) -> AtEveryWidth:
    """An expected value that is the same in all dimensions."""
    value = _float(e)
    return AtEveryWidth(lambda _: value)


@claim(
    "fimtheory.relative.two_eigenvalues",
    title="The relative metric of a neuron, averaged over inputs, has two eigenvalues",
    statement=r"\mathbb{E}\,\nu(t)\, x x^\top = s \left[m_0 \left(I - \hat w \hat w^\top\right) + m_2\, \hat w \hat"
    r" w^\top\right],\quad m_k = \mathbb{E}\,\nu(b + \sqrt{q} Z)\, Z^k,\quad q = s |w|^2",
    source=_source("section 3.1"),
    assumptions=_GAUSSIAN,
    subject="relative_batch",
    activations=("gaussian:elu alpha=1", "bernoulli:tanh", "poisson:exp", "gaussian:relu"),
)
def predict_two(metric: ExpectedMetric, ratio: sp.Rational) -> dict[str, AtEveryWidth]:
    """Both eigenvalues, in every dimension."""
    return {
        "relative.perpendicular": _constant(metric.perpendicular),
        "relative.parallel": _constant(metric.parallel),
    }


@claim(
    "fimtheory.relative.bias_block",
    title="With a bias, two more eigenvalues from a block of size two",
    statement=r"\mathbb{E}\,\nu(t)\, \tilde x \tilde x^\top \big|_{\hat w, 1} = \begin{pmatrix} s\, m_2 & \sqrt{s}\, m_1 \\"
    r" \sqrt{s}\, m_1 & m_0 \end{pmatrix}",
    source=_source("section 3.1"),
    assumptions=_GAUSSIAN,
    subject="relative_batch",
    activations=("gaussian:elu alpha=1", "bernoulli:tanh", "gaussian:relu"),
)
def predict_block(metric: ExpectedMetric, ratio: sp.Rational) -> dict[str, AtEveryWidth | sp.Expr]:
    """Its entries, and what the eigenvalues of the block of a batch tend to as inputs grow in number."""
    low, high = sorted((e for e, _ in metric.eigenvalues_with_bias[-2:]), key=_float)
    return {
        "relative.cross": _constant(metric.block[0, 1]),
        "relative.alone": _constant(metric.block[1, 1]),
        "relative.block[1]": sp.Float(_float(low)),
        "relative.block[2]": sp.Float(_float(high)),
    }


@claim(
    "fimtheory.relative.conditioning",
    title="Condition numbers of averaged relative metrics",
    statement=r"\kappa = \frac{\max(m_0, m_2)}{\min(m_0, m_2)}",
    source=_source("section 3.1"),
    assumptions=(*_GAUSSIAN, "the bias is not learned"),
    subject="relative_batch",
    activations=("bernoulli:tanh", "bernoulli:sigmoid", "gaussian:gelu", "gaussian:softplus", "gaussian:tanh"),
)
def predict_conditioning(metric: ExpectedMetric, ratio: sp.Rational) -> dict[str, sp.Expr]:
    """The ratio m_0/m_2 that a batch shows as it grows."""
    return {"relative.ratio": sp.Float(_float(metric.perpendicular) / _float(metric.parallel))}


@claim(
    "fimtheory.relative.closed_conditioning",
    title="Condition numbers in closed form",
    statement=r"\kappa = 1\ (\text{gaussian:relu}),\quad 1\ (\text{bernoulli:sin}),\quad 1 + q\ (\text{poisson:exp}),\quad"
    r" 1 + 4 q\ (\text{gaussian:erf})",
    source=_source("section 3.1"),
    assumptions=(*_GAUSSIAN, "there is no bias"),
    subject=None,
)
def predict_closed() -> dict[str, Identity]:
    """What the calculus finds, against formulas made by hand."""
    closed = {"gaussian:relu": sp.S.One, "bernoulli:sin": sp.S.One, "poisson:exp": 1 + q, "gaussian:erf": 1 + 4 * q}
    return {name: Identity(ExpectedMetric(neuron(name), q).condition_number, e) for name, e in closed.items()}


@claim(
    "fimtheory.relative.stein",
    title="A metric is round where nu does not bend",
    statement=r"m_2 - m_0 = q\, \mathbb{E}\,\nu''(t) = q \left[\mathbb{E}\,\nu''_{\mathrm{reg}}(t) + \sum_h K_h\, p(h)"
    r" + \sum_h J_h\, \frac{h - b}{q}\, p(h)\right]",
    source=_source("section 3.1"),
    assumptions=(*_GAUSSIAN, "nu is piecewise smooth: jumps J of nu, jumps K of nu', density p of t"),
    subject=None,
)
def predict_stein() -> dict[str, Identity | Agreement]:
    """By the calculus for kinks and jumps with a bias, by quadrature for tanh."""
    found: dict[str, Identity | Agreement] = {}
    for name in ("gaussian:elu", "gaussian:hardtanh", "gaussian:gelu"):
        metric = ExpectedMetric(neuron(name), q, sp.Rational(1, 3))
        found[name] = Identity(metric.parallel - metric.perpendicular, q * metric.curvature)
    tanh = ExpectedMetric(neuron("bernoulli:tanh"), sp.Integer(2), sp.Rational(1, 3))
    found["bernoulli:tanh"] = Agreement(
        lambda: [_float(tanh.parallel) - _float(tanh.perpendicular)], lambda: [2 * _float(tanh.curvature)], _RULE
    )
    return found


_FAR = (50, 200)  # variances


@claim(
    "fimtheory.relative.saturation",
    title="A saturating neuron is as ill-conditioned as its input varies",
    statement=r"\sqrt{q}\, m_0 \to \int \frac{\nu(t)}{\sqrt{2 \pi}}\, \mathrm{d}t,\quad q^{3/2}\, m_2 \to"
    r" \int \frac{\nu(t)\, (t - b)^2}{\sqrt{2 \pi}}\, \mathrm{d}t,\quad"
    r" \kappa \sim \frac{12 q}{\pi^2}\ (\text{bernoulli:tanh}),\quad"
    r" \kappa \sim \frac{3 q}{\pi^2}\ (\text{bernoulli:sigmoid})",
    source=_source("section 3.1"),
    assumptions=(*_GAUSSIAN, "nu falls faster than |t|^-3", "q is large"),
    subject=None,
)
def predict_saturation() -> dict[str, Agreement | Ordering]:
    """The constants by their series, and bounds: 0 <= limit - sqrt(q) m_0 <= (limit of q^(3/2) m_2)/(2 q)."""
    found: dict[str, Agreement | Ordering] = {}
    for name, constants in (("bernoulli:tanh", (2, mp.pi**2 / 6)), ("bernoulli:sigmoid", (1, mp.pi**2 / 3))):
        exact = np.array([float(c / mp.sqrt(2 * mp.pi)) for c in constants])
        found[f"constants of {name}"] = Agreement(_constants(name), lambda exact=exact: exact, _RULE)
        found[f"approach of {name}"] = Ordering(
            lambda name=name, exact=exact: _defects(name, exact[0]),
            lambda exact=exact: [exact[1] / (2 * v) for v in _FAR],
        )
    return found


def _constants(name: str) -> Callable[[], list[float]]:
    return lambda: [float(e) for e in ExpectedMetric(neuron(name)).saturation()]


def _defects(name: str, limit: float) -> list[float]:
    """limit - sqrt(q) m_0 at large variances."""
    return [limit - v**0.5 * _float(ExpectedMetric(neuron(name), sp.Integer(v)).moment(0)) for v in _FAR]


@claim(
    "fimtheory.relative.isotropic",
    title="Over weights and inputs the metric is a multiple of the identity",
    statement=r"\mathbb{E}_{w, b, x}\,\nu(w \cdot x + b)\, x x^\top = c\, I,\quad c = \mathbb{E}\,\nu\!\left("
    r"\sqrt{\sigma_w^2 \chi^2_{d+2}/d + \sigma_b^2}\, Z\right)",
    source=_source("section 3.1"),
    assumptions=("w ~ N(0, sigma_w^2 I/d), b ~ N(0, sigma_b^2), x ~ N(0, I_d)", "E nu is finite"),
    subject="relative_batch",
    activations=("gaussian:elu alpha=1", "bernoulli:tanh", "poisson:exp"),
)
def predict_isotropic(metric: ExpectedMetric, ratio: sp.Rational) -> dict[str, AtEveryWidth]:
    """c at sigma_w^2 = q and sigma_b = bias, in every dimension."""
    one, w, b = metric.neuron, metric.q, metric.bias**2
    return {"relative.isotropic": AtEveryWidth(lambda d: over_weights_and_inputs(one, d, w, b))}


@claim(
    "fimtheory.relative.batch_moments",
    title="First two moments of the metric of a mini-batch, at any size",
    statement=r"\frac{1}{d}\,\mathbb{E} \operatorname{tr} G = \frac{s}{d} \left[(d - 1) m_0 + m_2\right],\quad"
    r" \frac{1}{d}\,\mathbb{E} \operatorname{tr} G^2 = \frac{s^2}{d} \left["
    r"\frac{(d^2 - 1) k_0 + 2 (d - 1) k_2 + k_4}{n}"
    r" + \left(1 - \frac{1}{n}\right) \left((d - 1) m_0^2 + m_2^2\right)\right],\quad k_j = \mathbb{E}\,\nu^2 Z^j",
    source=_source("section 5"),
    assumptions=("inputs are N(0, s I_d)", "E nu^2 is finite"),
    subject="relative_batch",
    activations=("gaussian:elu alpha=1", "bernoulli:tanh", "gaussian:relu scarce"),
)
def predict_moments(metric: ExpectedMetric, ratio: sp.Rational) -> dict[str, AtEveryWidth]:
    """Both moments, for n = ratio d inputs."""

    def at(what: str) -> AtEveryWidth:
        return AtEveryWidth(lambda d: _float(getattr(BatchMetric(metric, d, ratio * d), what)))

    return {"relative.moment[1]": at("mean"), "relative.moment[2]": at("second_moment")}


@claim(
    "fimtheory.relative.batch_law",
    title="The spectrum of a mini-batch: a Marchenko-Pastur law with weights nu",
    statement=r"z = \frac{1}{m(z)} + s\, \mathbb{E}\,\frac{\nu(t)}{1 - y s\, \nu(t)\, m(z)},\quad y = \lim \frac{d}{n},"
    r"\quad \frac{\operatorname{rank} G}{d} \to \min\!\left(1, \frac{P(\nu > 0)}{y}\right)",
    source=_source("section 5"),
    assumptions=("d and n are large, d/n -> y", "inputs are N(0, s I_d)", "nu is bounded"),
    subject="relative_batch",
    activations=("bernoulli:tanh", "gaussian:relu", "gaussian:relu scarce", "gaussian:leaky_relu alpha=1/10 scarce"),
)
def predict_law(metric: ExpectedMetric, ratio: sp.Rational) -> dict[str, sp.Expr]:
    """The transform at two points, the third moment and, where inputs are lost, the rank."""
    batch = BatchMetric(metric, ratio.q, ratio.p)
    first, _, third = batch.law.moments(3)
    found = {"relative.moment[3]": sp.Float(third), "relative.rank": sp.Float(_float(batch.rank))}
    for share in _POINTS:
        x = float(f"{-share * first:.3g}")
        found[f"relative.stieltjes[{x!r}]"] = sp.Float(np.real(batch.law.stieltjes(x)))
    return found


@claim(
    "fimtheory.relative.relu_batch",
    title="A mini-batch of a rectifier sees half of its inputs",
    statement=r"\nu = \mathbf{1}[t > 0]:\quad \lambda_\pm = \frac{1}{2} \left(1 \pm \sqrt{2 d / n}\right)^2,\quad"
    r" \frac{\lambda_+}{\lambda_-} < 2 \iff \frac{n}{d} > 2 \left(\frac{\sqrt{2} + 1}{\sqrt{2} - 1}\right)^2 ="
    r" 67.9\ldots,\quad \frac{\operatorname{rank} G}{d} = \min\!\left(1, \frac{n}{2 d}\right)",
    source=_source("section 5"),
    assumptions=("gaussian:relu with unit variance, without bias", "d and n are large, d/n fixed"),
    subject=None,
)
def predict_relu() -> dict[str, Agreement | Identity]:
    """Edges and density of the general law against the Marchenko-Pastur law of ratio 2 d/n, halved; where the condition
    number of a batch is 2, that of the averaged metric being 1."""
    batch = BatchMetric(ExpectedMetric(neuron("gaussian:relu")), 3, 16)
    halved = MarchenkoPastur(6 / 16, 0.5)
    levels = np.linspace(*halved.edges, 9)[1:-1]
    scarce = BatchMetric(ExpectedMetric(neuron("gaussian:relu")), 3, 4)
    return {
        "rank": Identity(scarce.rank, sp.Rational(2, 3)),
        "condition number": Agreement(
            lambda: [BatchMetric(batch.metric, 1000, n).condition_number < 2 for n in (67_000, 68_000)],
            lambda: [n / 1000 > 2 * ((2**0.5 + 1) / (2**0.5 - 1)) ** 2 for n in (67_000, 68_000)],
            0.0,
        ),
        "density": Agreement(lambda: batch.law.density(levels), lambda: halved.density(levels), _RULE),
        "edges": Agreement(
            lambda: batch.law.edges, lambda: [(1 - (6 / 16) ** 0.5) ** 2 / 2, (1 + (6 / 16) ** 0.5) ** 2 / 2], _RULE
        ),
    }


@claim(
    "fimtheory.relative.batch_outlier",
    title="The direction of the weights stands out of the spectrum of a mini-batch",
    statement=r"\lambda = s\, \mathbb{E}\,\frac{\nu(t)\, Z^2}{1 - y s\, \nu(t)\, m(\lambda)}",
    source=_source("section 5"),
    assumptions=("d and n are large, d/n -> y", "inputs are N(0, s I_d)", "nu is bounded", "lambda is outside the law"),
    subject="relative_batch",
    activations=("gaussian:tanhshrink ample",),
)
def predict_outlier(metric: ExpectedMetric, ratio: sp.Rational) -> dict[str, sp.Expr]:
    """The largest eigenvalue."""
    return {"relative.top": sp.Float(BatchMetric(metric, ratio.q, ratio.p).outliers[-1])}


@claim(
    "fimtheory.relative.deep_layer",
    title="Relative metrics of the units of a deep network",
    statement=r"m_\lambda \to \hat q_1^{l-1}\, \mathbb{E}\,\nu(u),\quad s_\lambda \sim \frac{\alpha_{l-1} M}{N} \left[(\hat"
    r" q_1^{l-1})^2\, \mathbb{E}\,\nu^2 + (N - 1) (\hat q_2^{l-1})^2\, \mathbb{E}\,\nu \nu'\right],\quad"
    r" \lambda_{\max} \sim \frac{\alpha_{l-1} M}{N}\, \mathbb{E}\,\lambda_{\max}\!"
    r"\left[(\hat q_1 - \hat q_2) \operatorname{diag} \nu_n"
    r" + \hat q_2 \sqrt{\nu} \sqrt{\nu}^\top\right]",
    source=Source(
        "fimtheory", "extends Sun and Nielsen (2016), section 3.2, and Karakida, Akaho, Amari (2020), section 3"
    ),
    assumptions=("M is large at fixed N", "qhat_2 > 0 below the layer, for the largest eigenvalue"),
    subject="relative_units",
    activations=("bernoulli:tanh", "gaussian:tanh", "gaussian:relu"),
)
def predict_layer(network, one: Neuron) -> dict[str, sp.Expr]:
    """Three statistics of every hidden layer; no largest eigenvalue where inputs do not overlap."""
    found: dict[str, sp.Expr] = {}
    for l in range(1, network.depth):
        layer = RelativeLayer(network, l, one)
        found[f"relative.layer[{l}].mean"] = layer.mean
        found[f"relative.layer[{l}].second_moment"] = layer.second_moment
        if network.order_parameters.qhat2[l - 1] > 0:
            found[f"relative.layer[{l}].lambda_max"] = layer.lambda_max
    return found


@claim(
    "fimtheory.relative.depth_behind",
    title="Fisher information shrinks or grows with the depth behind a layer, relative metrics do not",
    statement=r"\frac{m_\lambda(g^l)}{m_\lambda(F^{ll})} \sim \frac{\alpha_l M\, \mathbb{E}\,\nu(u)}{C\, \tilde q_1^l}",
    source=Source(
        "fimtheory", "extends Sun and Nielsen (2016), section 3.2, and Karakida, Akaho, Amari (2020), section 3.2"
    ),
    assumptions=("M is large at fixed N", "g^l is the relative metric of a unit of layer l, averaged over units"),
    subject="relative_units",
    activations=("bernoulli:tanh", "gaussian:relu"),
)
def predict_over_fisher(network, one: Neuron) -> dict[str, sp.Expr]:
    """The mean eigenvalue over that of the diagonal block of F, in every hidden layer."""
    layers = (RelativeLayer(network, l, one) for l in range(1, network.depth))
    return {f"relative.layer[{layer.layer}].over_fisher": layer.over_fisher for layer in layers}
