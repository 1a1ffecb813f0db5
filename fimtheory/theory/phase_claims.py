r"""Signal propagation as claims. The second routes share nothing with the first: the maps are iterated, layer by layer.

For erf the maps are elementary, E phi(U) phi(V) = (2/pi) asin(2 q c/(1 + 2 q)); for ReLU there is the arc-cosine kernel;
expectations of tanh are taken by Gauss-Hermite sums or by mpmath's own quadrature.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.activations import activation
from fimtheory.claims import Agreement, Identity, Ordering, Source, claim
from fimtheory.gaussian.field import VARIANCE
from fimtheory.notation import SYMBOLS
from fimtheory.theory.phase_edge import critical_decay, edge_of_chaos, near_edge
from fimtheory.theory.phase_moments import Moments
from fimtheory.theory.phases import FixedPoint, phase

w, b, q, c = SYMBOLS["sigma_w2"], SYMBOLS["sigma_b2"], SYMBOLS["q"], SYMBOLS["c"]

_POINTS = (("1.2", "0.1"), ("2", "0.1"), ("3", "0.64"))  # (sigma_w^2, sigma_b^2) in both phases of tanh and of erf
_SUMS = 1e-6  # Gauss-Hermite sums of 200 nodes are better than that for tanh at q < 3
_FLOAT = 1e-9  # what is left after rounding, of iterations that have converged
_WORKING = 30
_ACTIVATIONS = ("tanh", "relu", "gelu", "sin", "gaussian", "step", "softplus", "x*exp(-x**2)", "relu_squared")


def _settled(name: str, weight: str, bias: str) -> FixedPoint:
    reached = phase(activation(name), weight, bias).reached
    assert reached is not None
    return reached


def _iterated(step: Callable, start, layers: int):
    for _ in range(layers):
        start = step(start)
    return start


def _erf_length(weight: str, bias: str) -> Callable:
    return lambda at: mp.mpf(weight) * 2 / mp.pi * mp.asin(2 * at / (1 + 2 * at)) + mp.mpf(bias)


def _erf_correlation(weight: str, bias: str) -> Callable:
    """C of erf, at the length of the 300th layer."""
    at = _iterated(_erf_length(weight, bias), mp.mpf(1), 300)
    return lambda r: (mp.mpf(weight) * 2 / mp.pi * mp.asin(2 * at * r / (1 + 2 * at)) + mp.mpf(bias)) / at


def _at_points(value: Callable) -> Callable[[], list[float]]:
    """A number for each of the points, at the working precision."""

    def values() -> list[float]:
        with mp.workdps(_WORKING):
            return [float(value(*point)) for point in _POINTS]

    return values


def _remaining_share(step: Callable, start, limit, layers: int):
    """The factor by which a deviation from the limit shrinks in the last of many layers."""
    before = _iterated(step, start, layers)
    return abs((step(before) - limit) / (before - limit))


@claim(
    "poole2016.length_map",
    title="Where lengths settle",
    statement=r"q^{l+1} = V(q^l) = \sigma_w^2\, \mathbb{E}\,\phi(\sqrt{q^l}\,Z)^2 + \sigma_b^2 \;\to\; q^*",
    source=Source("poole2016", "the length map"),
    assumptions=("widths are large", "a fixed point exists above or below the first length"),
    subject=None,
)
def length_map() -> dict:
    """The fixed points of tanh against 300 layers by Gauss-Hermite sums."""

    def layers() -> list[float]:
        z, weights = np.polynomial.hermite_e.hermegauss(200)
        weights = weights / weights.sum()

        def last(weight: float, bias: float) -> float:
            return _iterated(lambda at: weight * weights @ np.tanh(np.sqrt(at) * z) ** 2 + bias, 1.0, 300)

        return [last(float(weight), float(bias)) for weight, bias in _POINTS]

    return {"q*": Agreement(_at_points(lambda *at: _settled("tanh", *at).q), layers, _SUMS)}


@claim(
    "fimtheory.length_map_stability",
    title="No length oscillates",
    statement=r"\frac{q\, m'(q)}{m(q)} \ge -\frac12,\quad m(q) = \mathbb{E}\,\phi(\sqrt{q}\,Z)^2 \quad\Rightarrow\quad "
    r"V'(q^*) \ge -\frac12 \cdot \frac{q^* - \sigma_b^2}{q^*}",
    source=Source("fimtheory", "extends Poole et al. (2016), the length map"),
    assumptions=("phi is square-integrable",),
    subject=None,
)
def length_map_stability() -> dict:
    """Elasticities of E phi^2 over six decades of q; localised activations come close to the bound."""

    def elasticities() -> list[float]:
        lengths = [mp.mpf(10) ** k for k in (-3, -1, 0, 1, 3)]
        moments = [Moments(activation(name), 8) for name in _ACTIVATIONS]
        return [float(at * of.length_slope(at) / of.length(at)) for of in moments for at in lengths]

    return {"q m'/m": Ordering(lambda: [-0.5], elasticities)}


@claim(
    "poole2016.chi1",
    title="The slope of the correlation map",
    statement=r"\mathcal{C}'(c) = \sigma_w^2\, I_{\phi'}[q^*, c\,q^*],\quad "
    r"\mathcal{C}'(1) = \chi_1 = \sigma_w^2\, \mathbb{E}\,\phi'(\sqrt{q^*}\,Z)^2",
    source=Source("poole2016", "the correlation map and chi_1"),
    assumptions=("widths are large", "the length has settled"),
    subject=None,
)
def slope() -> dict:
    """Price's theorem for closed duals; chi_1 of erf against a one-sided numerical derivative of its map."""
    duals = [(name, activation(name)) for name in ("erf", "relu")]
    identities: dict = {
        f"{name}: dI/dc": Identity(sp.diff(phi.dual(q, c), c), q * phi.dual_derivative(q, c)) for name, phi in duals
    }
    measured = _at_points(lambda *at: mp.diff(_erf_correlation(*at), 1, direction=-1))
    return identities | {"chi_1": Agreement(_at_points(lambda *at: _settled("erf", *at).chi1), measured, _FLOAT)}


@claim(
    "poole2016.chaos",
    title="Where correlations settle",
    statement=r"c^{l+1} = \mathcal{C}(c^l) \;\to\; c^*,\quad c^* < 1 \;\Leftrightarrow\; \chi_1 > 1",
    source=Source("poole2016", "order and chaos"),
    assumptions=("widths are large", "the length has settled", "phi is not linear"),
    subject=None,
)
def correlation() -> dict:
    """c* of erf against 2000 layers from c = 1/2."""
    layers = _at_points(lambda *at: _iterated(_erf_correlation(*at), mp.mpf("0.5"), 2000))
    return {"c*": Agreement(_at_points(lambda *at: _settled("erf", *at).c), layers, _FLOAT)}


@claim(
    "schoenholz2017.depth_scales",
    title="Depth scales of lengths and correlations",
    statement=r"|q^l - q^*| \sim e^{-l/\xi_q},\quad |c^l - c^*| \sim e^{-l/\xi_c},\quad "
    r"\xi_q = -\frac{1}{\ln |V'(q^*)|},\quad \xi_c = -\frac{1}{\ln \mathcal{C}'(c^*)}",
    source=Source("schoenholz2017", "the depth scales of forward propagation"),
    assumptions=("widths are large", "not on the edge of chaos"),
    subject=None,
)
def depth_scales() -> dict:
    """Deviations from the limit, measured layer by layer for erf while they still are far above rounding."""

    def of_lengths(*at: str):
        step = _erf_length(*at)
        return -1 / mp.log(_remaining_share(step, mp.mpf(1), _iterated(step, mp.mpf(1), 300), 20))

    def of_correlations(*at: str):
        step = _erf_correlation(*at)
        limit = _iterated(step, mp.mpf("0.5"), 4000)
        return -1 / mp.log(_remaining_share(step, mp.mpf("0.5"), limit, 200))

    return {
        "xi_q": Agreement(_at_points(lambda *at: _settled("erf", *at).xi_q), _at_points(of_lengths), 1e-4),
        "xi_c": Agreement(_at_points(lambda *at: _settled("erf", *at).xi_c), _at_points(of_correlations), 1e-4),
    }


@claim(
    "schoenholz2017.critical_line",
    title="The edge of chaos",
    statement=r"\chi_1 = 1 \;\Leftrightarrow\; \sigma_w^2 = \frac{1}{\mathbb{E}\,\phi'(\sqrt{q}\,Z)^2},\quad "
    r"\sigma_b^2 = q - \sigma_w^2\, \mathbb{E}\,\phi(\sqrt{q}\,Z)^2",
    source=Source("schoenholz2017", "the critical line"),
    assumptions=("widths are large", "phi is weakly differentiable with square-integrable derivative"),
    subject=None,
)
def critical_line() -> dict:
    """tanh at two biases, by root finding on mpmath's own integrals."""
    biases = ("0.05", "0.3")
    edge = edge_of_chaos(activation("tanh"))
    found = lambda: [float(edge.at_bias(bias, 10)[0].sigma_w2) for bias in biases]  # noqa: E731
    return {"sigma_w^2": Agreement(found, lambda: [_tanh_edge(bias) for bias in biases], 1e-8)}


def _tanh_edge(bias: str) -> float:
    def moment(function: Callable, at) -> mp.mpf:
        return 2 * mp.quad(lambda z: mp.npdf(z) * function(mp.tanh(mp.sqrt(at) * z)), [0, 2, 8], maxdegree=4)

    def weight(at) -> mp.mpf:
        return 1 / moment(lambda t: (1 - t * t) ** 2, at)

    length = mp.findroot(lambda at: weight(at) * moment(lambda t: t * t, at) + mp.mpf(bias) - at, (0.4, 0.6), tol=1e-18)
    return float(weight(length))


@claim(
    "fimtheory.relu_phase",
    title="ReLU: one fixed point, and an edge that is a point",
    statement=r"q^* = \frac{\sigma_b^2}{1 - \sigma_w^2/2},\quad \chi_1 = \frac{\sigma_w^2}{2},\quad "
    r"\text{edge of chaos: } (\sigma_w^2, \sigma_b^2) = (2, 0)",
    source=Source("fimtheory", "extends Schoenholz et al. (2017), the critical line"),
    assumptions=("widths are large", r"sigma_w^2 < 2"),
    subject=None,
)
def relu_phase() -> dict:
    """The length map at its fixed point, and the condition of the edge."""
    phi, fixed = activation("relu"), b / (1 - w / 2)
    edge = edge_of_chaos(phi)
    return {
        "V(q*) = q*": Identity(w * phi.second_moment(q).subs(q, fixed) + b, fixed),
        "chi_1": Identity(w * phi.second_moment_derivative(q), w / 2),
        "bias on the edge": Identity(edge.sigma_b2, 0),
        "edge": Identity(edge.sigma_w2, 2),
    }


@claim(
    "hayou2019.critical_decay",
    title="Correlations of ReLU at its edge",
    statement=r"1 - c^l \sim \frac{9 \pi^2}{2\, l^2}",
    source=Source("hayou2019", "the edge of chaos of ReLU-like activations"),
    assumptions=("widths are large", r"sigma_w^2 = 2 and sigma_b^2 = 0"),
    subject=None,
)
def relu_decay() -> dict:
    """The arc-cosine kernel iterated over 4000 layers in e = 1 - c, extrapolated in 1/l."""

    def step(e):
        c = 1 - e
        return e - (mp.sqrt(e * (2 - e)) - c * mp.acos(c)) / mp.pi

    found = critical_decay(activation("relu")).coefficient
    return {
        "coefficient": Identity(found, 9 * sp.pi**2 / 2),
        "iterated": Agreement(lambda: [float(found) ** -0.5], lambda: [_increment(step, 0.5, 2000)], 1e-4),
    }


@claim(
    "fimtheory.critical_decay",
    title="Correlations on the edge of chaos",
    statement=r"\mathcal{C}(1 - e) = 1 - \chi_1 e + A\, e^p + \dots \quad\Rightarrow\quad "
    r"1 - c^l \sim \left(A (p - 1)\, l\right)^{-1/(p - 1)},\quad "
    r"p = 2,\; A = \frac{\sigma_w^2 q^*}{2} \mathbb{E}\,\phi''(\sqrt{q^*}\,Z)^2 \text{ for smooth } \phi",
    source=Source("fimtheory", "extends Hayou et al. (2019), the edge of chaos"),
    assumptions=("widths are large", r"chi_1 = 1", "phi is continuous and not linear"),
    subject=None,
)
def decay_on_the_edge() -> dict:
    """erf on its edge at three lengths, 4000 layers by the arcsine, extrapolated in 1/l."""
    lengths = ("0.5", "1", "2")

    def step(text: str) -> Callable:
        at = mp.mpf(text)
        weight = mp.pi / 4 * mp.sqrt(1 + 4 * at)
        ratio, top = 2 * at / (1 + 2 * at), mp.asin(2 * at / (1 + 2 * at))
        return lambda e: weight * 2 / mp.pi / at * (top - mp.asin(ratio * (1 - e)))

    def layers() -> list[float]:
        return [_increment(step(text), 1, 2000) for text in lengths]

    found = critical_decay(activation("erf"), VARIANCE).coefficient
    return {"1/coefficient": Agreement(lambda: [float(1 / found.subs(VARIANCE, sp.Rational(v))) for v in lengths],
                                       layers, 1e-3)}  # fmt: skip


def _increment(step: Callable, power: float, layers: int) -> float:
    """e^(-power) grows by this a layer, far down: two depths, extrapolated in 1/l."""
    with mp.workdps(_WORKING):
        near = _iterated(step, mp.mpf("0.5"), layers)
        far = _iterated(step, near, layers)
        first, second = (step(e) ** -power - e**-power for e in (near, far))
        return float(2 * second - first)


@claim(
    "fimtheory.near_edge",
    title="Beside the edge of chaos",
    statement=r"\chi_1 - 1 \sim \rho\, d,\quad 1 - c^* \sim \left(\frac{\rho\, d}{A}\right)^{1/(p - 1)},\quad "
    r"\xi_c \sim \frac{1}{|\rho\, d|} \;(\chi_1 < 1),\quad \xi_c \sim \frac{1}{(p - 1)\, \rho\, d} \;(\chi_1 > 1)",
    source=Source("fimtheory", "extends Schoenholz et al. (2017), the depth scales of forward propagation"),
    assumptions=("widths are large", "sigma_b^2 is fixed and d is the distance of sigma_w^2 from the edge", "V' < 1"),
    subject=None,
)
def beside_the_edge() -> dict:
    """erf and hardtanh, smooth and kinked: exact phases at two distances, extrapolated to the edge."""
    names, bias, digits = ("erf", "hardtanh"), "0.1", 8

    @functools.cache
    def phases(sign: int) -> list:
        """(beside, how far, what is expected), at two distances for every activation."""
        found = []
        for phi in map(activation, names):
            (near,) = near_edge(phi, bias, digits)
            for d in (0.02 * sign, 0.01 * sign):
                found.append((phase(phi, float(near.edge.sigma_w2) + d, bias, digits).reached, d, near))
        return found

    def check(value: Callable, sign: int) -> Agreement:
        def ratios() -> list[float]:
            found = [value(*row) for row in phases(sign)]
            return [float(2 * close - far) for far, close in zip(found[::2], found[1::2], strict=True)]

        return Agreement(ratios, lambda: [1.0], 1e-2)

    return {
        "chi_1, ordered": check(lambda p, d, near: (p.chi1 - 1) / (near.rate * d), -1),
        "xi_c, ordered": check(lambda p, d, near: p.xi_c / near.xi_c(d), -1),
        "1 - c*": check(lambda p, d, near: (1 - p.c) / near.one_minus_c(d), 1),
        "xi_c, chaotic": check(lambda p, d, near: p.xi_c / near.xi_c(d), 1),
    }
