r"""Order parameters of wide networks: forward and backward, diagonal and off-diagonal (Karakida et al. 2020, 2.3).

    q_t^l = sigma_w^2 qhat_t^{l-1} + sigma_b^2,   qhat_1^0 and qhat_2^0 those of the inputs (1 and 0 for N(0, I))
    qhat_1^l = E phi(sqrt(q_1^l) Z)^2,            qhat_2^l = I_phi[q_1^l, q_2^l]
    qtilde_1^l = sigma_w^2 qtilde_1^{l+1} E phi'(sqrt(q_1^l) Z)^2,
    qtilde_2^l = sigma_w^2 qtilde_2^{l+1} I_phi'[q_1^l, q_2^l],   qtilde_t^L = 1

with I_f[a, b] = E f(U) f(V), variance a, covariance b: the dual at q = a, c = b/a. Every layer may have its own phi,
sigma_w^2 (in the backward recursion that of the layer above) and sigma_b^2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation, activation
from fimtheory.claims import Agreement, Identity, Source, claim
from fimtheory.errors import DivergentExpectation, InputError
from fimtheory.gaussian.field import CORRELATION, COVARIANCE_FORM
from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS
from fimtheory.theory.layer_map import layer_map
from fimtheory.theory.layer_point import Moments, Point

_GUARD = 4  # decimals for the last operations; what the recursion itself loses is measured
_MOST_DIGITS = 2_000
_LARGEST = 12  # a variance above 10^12 is taken for an explosion


@dataclass(frozen=True)
class OrderParameters:
    """Numbers by layer: ``qhat*[l]`` for l = 0..L-1, ``q*[l]`` and ``qtilde*[l]`` for l = 1..L.

    ``q1[L]`` and ``q2[L]`` are the variance of one output and its covariance for two inputs.
    """

    depth: int
    digits: int
    qhat1: dict[int, mp.mpf]
    qhat2: dict[int, mp.mpf]
    q1: dict[int, mp.mpf]
    q2: dict[int, mp.mpf]
    qtilde1: dict[int, mp.mpf]
    qtilde2: dict[int, mp.mpf]

    def __repr__(self) -> str:
        shown = ", ".join(f"qhat1[{k}]={mp.nstr(v, 6)}" for k, v in list(self.qhat1.items())[:3])
        return f"<OrderParameters of depth {self.depth}: {shown}, ...>"


def order_parameters(
    phi: Activation | Sequence[Activation],
    depth: int,
    sigma_w2,
    sigma_b2,
    digits: int = 16,
    input_norm=1,
    input_overlap=0,
) -> OrderParameters:
    """Run the recursions to ``digits`` correct digits.

    ``phi`` is one activation or L - 1 of them; ``sigma_w2`` and ``sigma_b2`` are numbers or L of them; ``input_norm``
    and ``input_overlap`` are qhat_1^0 and qhat_2^0. Rounding errors are followed through the layers, and where they
    outgrow the decimals carried, the recursion runs again with more. A covariance that passes near zero has absolute
    digits, relative to the variance.

    *Source*: Karakida, Akaho, Amari (2020), eqs. 15, 16 and 18. *Holds when*: widths are large, phi is weakly
    differentiable with square-integrable derivative. Raises :class:`JumpError` where phi jumps and
    :class:`DivergentExpectation` where a variance grows beyond what phi allows.

    >>> import fimtheory as ft
    >>> o = order_parameters(ft.activation("relu"), 3, 2, 0)
    >>> [float(o.qhat1[l]) for l in range(3)], float(o.qtilde1[1])
    ([1.0, 1.0, 1.0], 1.0)
    """
    layers = _layers(phi, depth, sigma_w2, sigma_b2)
    inputs = sp.Rational(str(input_norm)), sp.Rational(str(input_overlap))
    precision = digits + _GUARD + math.ceil(math.log10(depth) + 0.5)  # what a contracting recursion costs
    while precision <= _MOST_DIGITS:
        with mp.workdps(precision + _GUARD):
            run = _Run(layers, precision, *inputs)
            if precision > digits + run.lost:
                return OrderParameters(depth, digits, *run.columns())
        precision = digits + 1 + run.lost
    raise InputError(
        f"the recursion runs along an unstable fixed point, where {depth} layers lose more than {_MOST_DIGITS} digits:"
        " take a smaller depth"
    )


@dataclass(frozen=True)
class _Layer:
    """u = W h + b, and the activation behind it (none behind the last)."""

    phi: Activation | None
    sigma_w2: sp.Rational
    sigma_b2: sp.Rational


def _layers(phi, depth: int, sigma_w2, sigma_b2) -> list[_Layer]:
    """Layers 1..L."""
    activations = (phi,) * (depth - 1) if isinstance(phi, Activation) else tuple(phi)
    columns = (v if isinstance(v, tuple | list) else (v,) * depth for v in (sigma_w2, sigma_b2))
    weights, biases = ([sp.Rational(str(v)) for v in column] for column in columns)
    return [_Layer(*row) for row in zip((*activations, None), weights, biases, strict=True)]


def _number(value: sp.Rational) -> mp.mpf:
    """A rational number at the working precision."""
    return mp.mpf(int(value.p)) / int(value.q)


class _Run:
    """One pass through the layers at a fixed working precision; ``lost`` bounds the decimals that it costs."""

    def __init__(self, layers: list[_Layer], precision: int, norm: sp.Rational, overlap: sp.Rational) -> None:
        self.layers, self.precision = layers, precision
        self.input = _number(norm), _number(overlap), _number(norm - overlap)
        self.variances = [(_number(layer.sigma_w2), _number(layer.sigma_b2)) for layer in layers]
        self.points: list[Point] = []
        self.moments: list[Moments] = []
        changes = (k for k in range(len(layers) - 1, 0, -1) if layers[k].phi and layers[k] != layers[k - 1])
        self._last_change = next(changes, 0)
        self.lost = math.ceil(mp.log10(4 * self._forward()))

    def _forward(self) -> mp.mpf:
        """Fill points and moments; the sum over layers of the relative errors of q_1, in units of the last decimal.

        Those of the gap q_1 - q_2 stay near them: I is convex in c >= 0, so that the gap's own elasticity is at most 1.
        """
        norm, overlap, gap = self.input
        error, errors = mp.mpf(1), mp.mpf(0)
        for k, layer in enumerate(self.layers):
            w, b = self.variances[k]
            point = self._settled(k, Point(w * norm + b, w * overlap + b, w * gap))
            self.points.append(point)
            errors += error
            if layer.phi is None:
                continue
            moments = self._moments(k, layer.phi)
            self.moments.append(moments)
            norm, overlap, gap = moments.second, moments.dual, moments.gap
            w, b = self.variances[k + 1]
            share = w * norm / (w * norm + b) if norm else norm  # a bias has no error
            error = 1 + share * (1 + abs(moments.elasticity) * error)
        return errors

    def _settled(self, k: int, point: Point) -> Point:
        """The point, or the one before where nothing changes any more; a gap that only shrinks is zero in the end."""
        layer, before = self.layers[k], self.points[-1] if self.points else None
        _require_variance(layer, self.layers[max(k - 1, 0)], point.q1, k + 1)
        unit = mp.mpf(10) ** -self.precision
        if layer.phi is None or before is None or k <= self._last_change:
            return point
        pairs = ((point.q1, before.q1), (point.q2, before.q2), (point.gap, before.gap))
        settled = [abs(new - old) <= unit * abs(old) for new, old in pairs]
        if all(settled):
            return before
        if settled[0]:
            point = Point(before.q1, point.q2, point.gap)
        floor = unit / 100 if layer_map(layer.phi).analytic else (unit / 100) ** 2  # a kink feels the root of the gap
        shrinks = point.gap * before.q1 < before.gap * point.q1
        return Point(point.q1, point.q1, mp.mpf(0)) if shrinks and point.gap <= floor * point.q1 else point

    def _moments(self, k: int, phi: Activation) -> Moments:
        point = self.points[k]
        if k and point is self.points[k - 1]:
            return self.moments[-1]
        try:
            return layer_map(phi).at(point, self.precision)
        except DivergentExpectation as error:
            if k == 0:
                raise
            raise DivergentExpectation(
                f"at layer {k + 1}, where the variance is {mp.nstr(point.q1, 6)}: {error}"
            ) from None

    def columns(self) -> tuple[dict[int, mp.mpf], ...]:
        """qhat1, qhat2, q1, q2, qtilde1, qtilde2, by layer."""
        depth, (norm, overlap, _) = len(self.layers), self.input
        qhat1 = dict(enumerate([norm, *(m.second for m in self.moments)]))
        qhat2 = dict(enumerate([overlap, *(m.dual for m in self.moments)]))
        q1, q2 = ({l: getattr(point, name) for l, point in enumerate(self.points, 1)} for name in ("q1", "q2"))
        qtilde1, qtilde2 = {depth: mp.mpf(1)}, {depth: mp.mpf(1)}
        for l in range(depth - 1, 0, -1):
            (w, _), moments = self.variances[l], self.moments[l - 1]
            qtilde1[l] = w * qtilde1[l + 1] * moments.slope
            qtilde2[l] = w * qtilde2[l + 1] * moments.dual_slope
        return qhat1, qhat2, q1, q2, dict(sorted(qtilde1.items())), dict(sorted(qtilde2.items()))


def _require_variance(layer: _Layer, below: _Layer, q: mp.mpf, number: int) -> None:
    phi = layer.phi or below.phi
    of = f" of {phi.name}" if phi else ""
    if q == 0:
        raise InputError(
            f"the variance{of} is zero at layer {number}: the layer below is silent; take sigma_b2 > 0 or"
            " another activation"
        )
    if not mp.isfinite(q) or q > mp.mpf(10) ** _LARGEST:
        raise DivergentExpectation(
            f"the variance{of} exceeds 10^{_LARGEST} at layer {number}: take a smaller sigma_w2 or a smaller depth"
        )


def recursions(phi: Activation) -> dict[str, str]:
    """The recursions written out for one activation, as LaTeX by the name of the left side."""
    q, _ = COVARIANCE_FORM
    forward, backward = phi.covariance_form(), phi.covariance_form(derivatives=True)
    dual = phi.dual(q, CORRELATION) if forward is None else forward
    slope = phi.dual_derivative(q, CORRELATION) if backward is None else backward
    return {
        "qhat1": r"\hat q_1^{l+1} = " + latex(phi.second_moment(q)),
        "qhat2": r"\hat q_2^{l+1} = " + latex(dual),
        "qtilde1": r"\tilde q_1^{l} = \sigma_w^2\, \tilde q_1^{l+1}" + _factor(phi.second_moment_derivative(q)),
        "qtilde2": r"\tilde q_2^{l} = \sigma_w^2\, \tilde q_2^{l+1}" + _factor(slope),
    }


def symbolic_recursions(phi: Activation) -> dict[str, sp.Eq]:
    """The recursions of one activation as equations in the symbols of the notation table, by the name of the left side.

    q_t^l = sigma_w^2 qhat_t^{l-1} + sigma_b^2 is put in; ``qhat1`` and ``qhat2`` are those of layer l. Where the dual
    has no closed form, it stands as an integral. Raises :class:`JumpError` where phi jumps.

    >>> import fimtheory as ft
    >>> symbolic_recursions(ft.activation("relu"))["qhat1"]
    Eq(qhat1_here, qhat1*sigma_w2/2 + sigma_b2/2)
    """
    w, b = SYMBOLS["sigma_w2"], SYMBOLS["sigma_b2"]
    q, covariance = (w * SYMBOLS[name] + b for name in ("qhat1", "qhat2"))
    pair = [(COVARIANCE_FORM[0], q), (COVARIANCE_FORM[1], covariance)]
    forward, backward = (phi.covariance_form(derivatives=side) for side in (False, True))
    dual = phi.dual(q, covariance / q) if forward is None else forward.subs(pair, simultaneous=True)
    slope = phi.dual_derivative(q, covariance / q) if backward is None else backward.subs(pair, simultaneous=True)
    right = {
        "qhat1_here": phi.second_moment(q),
        "qhat2_here": dual,
        "qtilde1": w * SYMBOLS["qtilde1_above"] * phi.second_moment_derivative(q),
        "qtilde2": w * SYMBOLS["qtilde2_above"] * slope,
    }
    return {name.removesuffix("_here"): sp.Eq(SYMBOLS[name], sp.expand(e), evaluate=False) for name, e in right.items()}


def _factor(e: sp.Expr) -> str:
    """An expression as the last factor of a product: sums in parentheses, a factor one left out."""
    if e == 1:
        return ""
    return rf" \left({latex(e)}\right)" if e.is_Add else rf" \cdot {latex(e)}"


@claim(
    "karakida2020.order_parameters",
    title="Order parameters of wide networks",
    statement=r"\hat q_1^{l} = \mathbb{E}\,\phi(\sqrt{q_1^{l}}\,Z)^2,\quad \hat q_2^{l} = I_\phi[q_1^{l}, q_2^{l}],\quad "
    r"\tilde q_1^{l} = \sigma_w^2 \tilde q_1^{l+1}\, \mathbb{E}\,\phi'(\sqrt{q_1^{l}}\,Z)^2,\quad "
    r"\tilde q_2^{l} = \sigma_w^2 \tilde q_2^{l+1} I_{\phi'}[q_1^{l}, q_2^{l}]",
    source=Source("karakida2020", "eqs. 6, 7, 14, 15, 17 and 18"),
    assumptions=("M is large", "phi is weakly differentiable with square-integrable derivative"),
)
def predict(network) -> dict[str, sp.Expr]:
    """Every order parameter that is not fixed by the initial conditions, by observable; one input has no overlap."""
    o, hidden, found = network.order_parameters, range(1, network.depth), {}
    numbers = {"qhat1": o.qhat1, "qtilde1": o.qtilde1}
    if network.samples > 1:
        numbers |= {"qhat2": o.qhat2, "qtilde2": o.qtilde2}
    for name, by_layer in numbers.items():
        found |= {f"deep.{name}[{k}]": sp.Float(by_layer[k], network.digits) for k in hidden}
    return found


# -- the integral itself

_AT = ((1.0, 0.5), (3.0, 2.9), (0.5, 0.0))  # (a, b)
_RULE = 1e-12  # what the trapezoidal rule below promises: the tails beyond 9 are below 1e-18


def _dual(name: str) -> Callable[[], list[float]]:
    return lambda: [
        float(activation(name).dual(sp.Rational(a), sp.Rational(b) / sp.Rational(a)).evalf(20)) for a, b in _AT
    ]


def _product_form(phi: Callable) -> list[float]:
    """E phi(sqrt(a) x) phi(sqrt(a) (c x + sqrt(1 - c^2) y)), on a lattice of x and y."""
    z, weight = _lattice()
    return [
        float(
            weight @ (phi(a**0.5 * z) * (phi(a**0.5 * (b / a * z + (1 - (b / a) ** 2) ** 0.5 * z[:, None])).T @ weight))
        )
        for a, b in _AT
    ]


def _nested_form(phi: Callable) -> list[float]:
    """The mean over y of (the mean over x of phi(sqrt(a - b) x + sqrt(b) y))^2, on the same lattice."""
    z, weight = _lattice()
    return [float(weight @ (phi((a - b) ** 0.5 * z + b**0.5 * z[:, None]) @ weight) ** 2) for a, b in _AT]


def _lattice() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and Gaussian weights of the trapezoidal rule, exponentially exact for functions analytic near the line."""
    z = np.arange(-9, 9 + 1 / 64, 1 / 32)
    return z, np.exp(-z * z / 2) / (32 * np.sqrt(2 * np.pi))


@claim(
    "karakida2020.eq16",
    title="Two forms of the integral I_phi, and its ends",
    statement=r"I_\phi[a, b] ="
    r" \iint \mathrm{D}x\, \mathrm{D}y\, \phi(\sqrt{a}\, x)\, \phi(\sqrt{a}\, (c x + \sqrt{1 - c^2}\, y))"
    r" = \int \mathrm{D}y \left(\int \mathrm{D}x\, \phi(\sqrt{a - b}\, x + \sqrt{b}\, y)\right)^2,\quad c = b/a,\quad"
    r" I_\phi[a, a] = \mathbb{E}\,\phi(\sqrt{a} Z)^2,\quad I_\phi[a, 0] = (\mathbb{E}\,\phi(\sqrt{a} Z))^2,\quad"
    r" \partial_b I_\phi[a, b] = I_{\phi'}[a, b]",
    source=Source("karakida2020", "eq. 16 and the line below"),
    assumptions=("0 <= b <= a for the second form", "phi is square-integrable"),
    subject=None,
)
def predict_integral() -> dict[str, Identity | Agreement]:
    """Ends and slope as identities for closed duals, the forms by quadrature for tanh, which has none, and erf."""
    (a, b), found = COVARIANCE_FORM, {}
    for name in ("relu", "erf", "gelu"):
        phi = activation(name)
        form, slope = phi.covariance_form(), phi.covariance_form(derivatives=True)
        mean = phi.hermite(0, a)
        found[f"{name}: b = a"] = Identity(phi.dual(a, 1), phi.second_moment(a))
        found[f"{name}: b = 0"] = Identity(phi.dual(a, 0), mean**2)
        found[f"{name}: slope in b"] = Identity(sp.diff(form, b), slope)
    for name, phi in (("erf", activation("erf").numpy), ("tanh", np.tanh)):
        found[f"{name}: over x and y"] = Agreement(_dual(name), lambda phi=phi: _product_form(phi), _RULE)
        found[f"{name}: nested"] = Agreement(_dual(name), lambda phi=phi: _nested_form(phi), _RULE)
    return found
