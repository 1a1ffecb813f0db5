"""The random deep network of Karakida, Akaho and Amari (2020): what is asked, checked once, for every theorem.

L layers of widths M_l = alpha_l M (l < L) and C linear outputs; W^l ~ N(0, sigma_w^2/M_{l-1}), b^l ~ N(0, sigma_b^2);
N inputs of mean square qhat_1^0 and mean product qhat_2^0: 1 and 0 for N(0, I), as in the paper. Activations and
variances may differ from layer to layer, which the paper does not consider and its proofs allow.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
import sympy as sp
from mpmath import mp

from fimtheory.activations import Activation, parse_number
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.gaussian.quantity import number
from fimtheory.notation import SYMBOLS
from fimtheory.theory.order_parameters import OrderParameters, order_parameters

MAX_DEPTH = 10_000
_GUARD = 15  # decimals carried beyond those asked for
_NEARLY_EQUAL = 0.2  # a spread of norms and overlaps below this share of the norm passes without a word


@dataclass(frozen=True)
class DeepNetwork:
    """A random network; ``alphas`` are the width ratios alpha_0, ..., alpha_{L-1} (all 1 unless given).

    ``activation`` is one activation or a tuple of L - 1, for the hidden layers; ``sigma_w2`` and ``sigma_b2`` are numbers
    or tuples of L, for the layers 1, ..., L. ``input_norm`` is qhat_1^0, the mean square of an input's entries, and
    ``input_overlap`` is qhat_2^0, the mean product of those of two inputs. Raises :class:`InputError` with one line for
    anything that is no network.

    >>> from fimtheory.activations import activation
    >>> network = DeepNetwork((activation("relu"), activation("tanh")), 3, ("2", "1", "1"), 0)
    >>> network.name, network.weight_variances
    ('relu, tanh', (2, 1, 1))
    """

    activation: Activation | tuple[Activation, ...]
    depth: int
    sigma_w2: sp.Rational | tuple[sp.Rational, ...]
    sigma_b2: sp.Rational | tuple[sp.Rational, ...]
    outputs: int = 10
    samples: int = 100
    alphas: tuple[sp.Rational, ...] = field(default=())
    digits: int = 16
    input_norm: sp.Rational = sp.S.One
    input_overlap: sp.Rational = sp.S.Zero

    def __post_init__(self) -> None:
        _require_whole("depth", self.depth, 1, MAX_DEPTH)
        _require_whole("outputs", self.outputs, 1, 100_000)
        _require_whole("samples", self.samples, 1, 10_000_000)
        _require_whole("digits", self.digits, 1, 1_000)
        self._check_activations()
        for name in ("sigma_w2", "sigma_b2"):
            object.__setattr__(self, name, self._variances(name, getattr(self, name)))
        alphas = tuple(_rational("widths", a) for a in self.alphas) or (sp.S.One,) * self.depth
        if len(alphas) != self.depth or min(alphas) <= 0:
            raise InputError(
                f"a network of depth {self.depth} has {self.depth} positive width ratios alpha_0..alpha_{self.depth - 1},"
                f" not {', '.join(map(str, alphas))}"
            )
        object.__setattr__(self, "alphas", alphas)
        self._check_inputs()

    def _check_activations(self) -> None:
        if isinstance(self.activation, list):
            object.__setattr__(self, "activation", tuple(self.activation))
        given = self.activation if isinstance(self.activation, tuple) else (self.activation,)
        for phi in given:
            if not isinstance(phi, Activation):
                raise InputError(f'{phi!r} is not an activation: write for instance fimtheory.activation("relu")')
            phi._require_numbers()
        hidden = self.depth - 1
        if isinstance(self.activation, tuple) and len(given) != hidden:
            raise InputError(
                f"a network of depth {self.depth} has {_count(hidden, 'hidden layer')}: give one activation or {hidden},"
                f" not {len(given)}"
            )

    def _variances(self, name: str, given) -> sp.Rational | tuple[sp.Rational, ...]:
        if not isinstance(given, tuple | list):
            return _variance(name, given)
        if len(given) != self.depth:
            raise InputError(
                f"a network of depth {self.depth} has {_count(self.depth, 'layer')}: give one {name} or {self.depth},"
                f" not {len(given)}"
            )
        return tuple(_variance(name, value) for value in given)

    def _check_inputs(self) -> None:
        norm, overlap = (_rational(name, getattr(self, name)) for name in ("input_norm", "input_overlap"))
        object.__setattr__(self, "input_norm", norm)
        object.__setattr__(self, "input_overlap", overlap)
        if norm <= 0:
            raise InputError(f"input_norm = {norm} is not a mean square of inputs: give a positive number")
        if overlap > norm:
            raise InputError(f"input_overlap = {overlap} is more than input_norm = {norm}: give at most the norm")
        if self.samples > 1 and overlap * (self.samples - 1) < -norm:
            raise InputError(
                f"{self.samples} inputs of norm {norm} cannot all overlap by {overlap}: give at least"
                f" -input_norm/(samples - 1) = {-norm / (self.samples - 1)}"
            )

    @classmethod
    def for_inputs(cls, inputs, activation, depth: int, sigma_w2, sigma_b2, **options) -> DeepNetwork:
        """The network that sees the rows of a data matrix (N, M_0): ``samples``, ``input_norm`` and ``input_overlap``
        are those of :func:`input_statistics`, whose ``warning`` says how well the data suit the theorems."""
        found = input_statistics(inputs)
        measured = {"samples": found.samples, "input_norm": found.norm, "input_overlap": found.overlap}
        taken = sorted(measured.keys() & options.keys())
        if taken:
            raise InputError(f"{', '.join(taken)} follow from the inputs: leave them out")
        return cls(activation, depth, sigma_w2, sigma_b2, **options, **measured)

    @property
    def activations(self) -> tuple[Activation, ...]:
        """phi^l by hidden layer l = 1, ..., L-1, at the index l - 1."""
        given = self.activation
        return given if isinstance(given, tuple) else (given,) * (self.depth - 1)

    def hidden_widths(self, width: int) -> tuple[int, ...]:
        """(M_0, ..., M_{L-1}) at the scale M: alpha_l M rounded, at least 1."""
        return tuple(max(1, round(float(a) * width)) for a in self.alphas)

    @property
    def name(self) -> str:
        """The activations in words: one name, or one a layer where they differ."""
        given = self.activation if isinstance(self.activation, tuple) else (self.activation,)
        return given[0].name if len(set(given)) == 1 else ", ".join(phi.name for phi in given) or "no activation"

    @property
    def weight_variances(self) -> tuple[sp.Rational, ...]:
        """sigma_w^2 by layer l = 1, ..., L, at the index l - 1."""
        return self.sigma_w2 if isinstance(self.sigma_w2, tuple) else (self.sigma_w2,) * self.depth

    @property
    def bias_variances(self) -> tuple[sp.Rational, ...]:
        """sigma_b^2 by layer l = 1, ..., L, at the index l - 1."""
        return self.sigma_b2 if isinstance(self.sigma_b2, tuple) else (self.sigma_b2,) * self.depth

    @functools.cached_property
    def order_parameters(self) -> OrderParameters:
        """The order parameters, layer by layer."""
        return order_parameters(
            self.activations,
            self.depth,
            self.weight_variances,
            self.bias_variances,
            self.digits,
            self.input_norm,
            self.input_overlap,
        )

    @functools.cached_property
    def coefficients(self) -> dict[str, mp.mpf]:
        """alpha, kappa_1, kappa_2 and their primed and tilded companions, by the names of the notation table.

        kappa_t = sum_l alpha_{l-1} qtilde_t^l qhat_t^{l-1} / alpha; kappa_t' = sum_l (sigma_w^2 qtilde_t^l qhat_t^{l-1} +
        sigma_b^2 qtilde_t^l) / alpha; kappa-tilde_t = sum_l sigma_w^2 qtilde_t^l / alpha-tilde, variances of layer l.
        """
        with mp.workdps(self.digits + _GUARD):
            return self._coefficients()

    def _coefficients(self) -> dict[str, mp.mpf]:
        o, a, layers = self.order_parameters, self.alphas, range(1, self.depth + 1)
        w, b = ([sp.S.Zero, *variances] for variances in (self.weight_variances, self.bias_variances))
        w, b = list(map(_mpf, w)), list(map(_mpf, b))
        alpha, total = sum((a[k] * a[k - 1] for k in layers[:-1]), sp.S.Zero), sum(a)
        found: dict[str, mp.mpf] = {"alpha_tot": _mpf(alpha), "alpha_sum": _mpf(total)}
        for t, forward, backward in ((1, o.qhat1, o.qtilde1), (2, o.qhat2, o.qtilde2)):
            if alpha:
                weights = sum(_mpf(a[k - 1]) * backward[k] * forward[k - 1] for k in layers)
                tangent = sum(w[k] * backward[k] * forward[k - 1] + b[k] * backward[k] for k in layers)
                found[f"kappa{t}"], found[f"kappa{t}_ntk"] = weights / _mpf(alpha), tangent / _mpf(alpha)
            found[f"kappa{t}_feature"] = sum(w[k] * backward[k] for k in layers) / _mpf(total)
        return found

    def require_theorem(self) -> None:
        """The assumptions of theorem 3.1: a hidden layer, and a network that is not centred (kappa_2 > 0).

        One input has no overlap with another, and kappa_2 does not enter.
        """
        if self.depth < 2:
            raise OutsideAssumptions(
                f"depth {self.depth} has no hidden layer: the statistics hold for depth 2 and more", "a hidden layer"
            )
        if self.samples == 1:
            return
        kappa2, least = self.coefficients["kappa2"], mp.mpf(10) ** -(self.digits - 4) * self.coefficients["kappa1"]
        if abs(kappa2) <= least:
            biases = ", ".join(map(str, dict.fromkeys(self.bias_variances)))
            raise OutsideAssumptions(
                f"the network of {self.name} with sigma_b2 = {biases} is centred (kappa_2 = 0): theorem"
                " 3.1 excludes it; take sigma_b2 > 0, or an activation whose Gaussian mean is not zero",
                "kappa_2 > 0",
            )
        if kappa2 < 0:
            raise OutsideAssumptions(
                f"kappa_2 = {mp.nstr(kappa2, 4)} is negative: theorem 3.1 excludes it; take an input_overlap of zero or"
                " more, or a larger sigma_b2",
                "kappa_2 > 0",
            )

    def values(self) -> dict[sp.Symbol, sp.Expr | mp.mpf]:
        """Numbers for every symbol but M; for sigma_w^2 and sigma_b^2 where all layers agree."""
        fixed: dict[sp.Symbol, sp.Expr | mp.mpf] = {SYMBOLS[name]: v for name, v in self.coefficients.items()}
        fixed |= {SYMBOLS["C"]: sp.Integer(self.outputs), SYMBOLS["N"]: sp.Integer(self.samples)}
        columns = {"sigma_w2": self.weight_variances, "sigma_b2": self.bias_variances}
        return fixed | {SYMBOLS[name]: column[0] for name, column in columns.items() if len(set(column)) == 1}

    def layer_values(self, layer: int) -> dict[sp.Symbol, sp.Expr | mp.mpf]:
        """Numbers for the symbols of one layer l = 1..L, sigma_w^2 and sigma_b^2 its own; alpha_L = C/M."""
        _require_whole("layer", layer, 1, self.depth)
        o, M = self.order_parameters, SYMBOLS["M"]
        own = self.alphas[layer] if layer < self.depth else sp.Integer(self.outputs) / M
        named = {
            "qhat1": o.qhat1[layer - 1],
            "qhat2": o.qhat2[layer - 1],
            "qtilde1": o.qtilde1[layer],
            "qtilde2": o.qtilde2[layer],
            "alpha_below": self.alphas[layer - 1],
            "alpha_l": own,
            "sigma_w2": self.weight_variances[layer - 1],
            "sigma_b2": self.bias_variances[layer - 1],
        }
        return self.values() | {SYMBOLS[name]: value for name, value in named.items()}

    def evaluate(self, expression: sp.Expr, width: int, layer: int | None = None) -> mp.mpf:
        """A formula in the symbols of the notation table as a number at width scale M."""
        _require_whole("width", width, 1, 10**12)
        values = self.values() if layer is None else self.layer_values(layer)
        fixed = {s: sp.sympify(v).subs(SYMBOLS["M"], width) if isinstance(v, sp.Expr) else v for s, v in values.items()}
        return number(expression, self.digits, fixed | {SYMBOLS["M"]: sp.Integer(width)})


def _mpf(value: sp.Rational) -> mp.mpf:
    return mp.mpf(int(value.p)) / int(value.q)


def _rational(name: str, value) -> sp.Rational:
    try:
        result = parse_number(str(value)) if isinstance(value, float | str) else sp.sympify(value)
    except (TypeError, ValueError):  # errors of the parser are ValueErrors
        raise InputError(f"{name} = {value!r} is not a number: write for instance 0.64 or 16/25") from None
    if isinstance(value, bool) or not isinstance(result, sp.Rational):
        raise InputError(f"{name} = {value} is not a rational number: write for instance 0.64 or 16/25")
    return result


def _require_whole(name: str, value, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"{name} = {value} is not possible: give a whole number from {least} to {most}")


def _variance(name: str, value) -> sp.Rational:
    result = _rational(name, value)
    if name == "sigma_w2" and result <= 0:
        raise InputError(f"sigma_w2 = {result} is not a variance of weights: give a positive number")
    if result < 0:
        raise InputError(f"{name} = {result} is not a variance: give zero or a positive number")
    return result


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


# -- data


@dataclass(frozen=True)
class InputStatistics:
    """What the theorems need of data: ``norm`` = qhat_1^0 and ``overlap`` = qhat_2^0, means over rows and pairs of rows.

    The theorems take all rows to have this norm and all pairs this overlap; ``spread`` says how far they are from it: the
    standard deviations of the norms and of the overlaps, divided by ``norm``. Unpacks as ``norm, overlap``.
    """

    norm: sp.Rational
    overlap: sp.Rational
    spread: tuple[float, float]
    samples: int

    def __iter__(self):
        return iter((self.norm, self.overlap))

    @property
    def warning(self) -> str | None:
        """One line where the inputs are not as alike as the theorems assume; None where they are."""
        norms, overlaps = self.spread
        if max(self.spread) <= _NEARLY_EQUAL:
            return None
        return (
            f"the theorems assume equal norms and equal overlaps: here norms spread by {norms:.0%} and overlaps by"
            f" {overlaps:.0%} of the norm; scale the rows to one length and subtract the mean row"
        )


def input_statistics(inputs) -> InputStatistics:
    """Mean square qhat_1^0 and mean product qhat_2^0 of the rows x(n) of a data matrix of shape (N, M_0), with spread.

    Formula: norm = mean_n |x(n)|^2 / M_0, overlap = mean_{n != m} x(n).x(m) / M_0; the overlap of one row is put to 0.
    *Source*: Karakida, Akaho, Amari (2020), eq. 14 at l = 0. Raises :class:`InputError` for what is no data matrix.

    >>> norm, overlap = input_statistics([[1, 1], [3, 1]])
    >>> norm, overlap
    (3, 2)
    """
    X = _data_matrix(inputs)
    rows, columns = X.shape
    scale = 2.0 ** np.frexp(np.abs(X).max())[1]  # a power of two: squares cannot overflow, and nothing is rounded
    X = X / scale
    norms = (X * X).sum(axis=1) / columns
    norm = sp.Rational(float(norms.mean()))
    overlap, deviation = _overlaps(X, norms) if rows > 1 else (0.0, 0.0)
    least = -norm / (rows - 1) if rows > 1 else sp.S.Zero
    bounded = min(max(sp.Rational(overlap), least), norm)  # rounding must not leave the possible overlaps
    unit = sp.Rational(float(scale)) ** 2
    return InputStatistics(
        norm * unit, bounded * unit, (float(norms.std() / norms.mean()), deviation / float(norm)), rows
    )


def _overlaps(X: np.ndarray, norms: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation over pairs of different rows, from sums: N^2 numbers would not fit."""
    rows, columns = X.shape
    pairs = rows * (rows - 1)
    mean = float((X.sum(axis=0) ** 2).sum() / columns - norms.sum()) / pairs
    gram = (X.T @ X if columns < rows else X @ X.T) / columns
    square = float((gram**2).sum() - (norms**2).sum()) / pairs
    return mean, max(square - mean**2, 0.0) ** 0.5


def _data_matrix(inputs) -> np.ndarray:
    """Finite real numbers of shape (N, M_0), not all zero."""
    try:
        X = np.asarray(inputs, dtype=float)
    except (TypeError, ValueError):
        raise InputError("the inputs are no matrix of real numbers: give an array of shape (N, M_0)") from None
    if X.ndim != 2 or 0 in X.shape:
        raise InputError(
            f"inputs of shape {X.shape} are no data matrix: give an array of shape (N, M_0), a row an input"
        )
    if not np.isfinite(X).all():
        raise InputError("the inputs hold NaN or infinity: give finite numbers")
    if not X.any():
        raise InputError("every input is zero: its norm qhat_1^0 must be positive")
    return X
