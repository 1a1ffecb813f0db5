r"""Whole spectra of deep kernels, samples as many as units: conjugate kernels, the tangent kernel, the dual of F.

N/M -> ratio, inputs N(0, I). After subtraction of the mean over samples

    K_l = (1/M_l) sum_i r_i r_i',  r_i = b_i (field with covariance sigma_w^2 K_{l-1}) + s_i (white noise),

units i being of several kinds where pre-activations of different inputs overlap (:mod:`fimtheory.theory.unit_kinds`), and

    Theta = sum_l [qtilde_2^l sigma_w^2 K_{l-1} + q_2^l Gamma_l + (qtilde_1^l - qtilde_2^l)(q_1^l - q_2^l) I],

Gamma_l the Gram matrix of the backward signals less its mean. For centred networks this is Fan and Wang (2020); units of
several kinds, and Gamma, are our own. What the subtraction removes has rank one, one more for each output: the spectra
hold for the kernels themselves, up to so many outliers.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass

import numpy as np
import sympy as sp

from fimtheory.claims import Source, claim
from fimtheory.errors import InputError, OutsideAssumptions
from fimtheory.spectra.arguments import require_number
from fimtheory.spectra.chi_square_rule import chi_square_rule
from fimtheory.spectra.layers import Companion, Layer
from fimtheory.spectra.layerwise import LayeredLaw
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.unit_kinds import UnitKinds, unit_kinds

_NONE = 1e-12  # an overlap below, relative, is none
_POINTS = (0.25, 1.0)  # of the Stieltjes transform, below 0, in units of the mean eigenvalue

Array = np.ndarray


@dataclass(frozen=True)
class DeepKernels:
    """The kernels of a random network on N = ratio M samples, and their limiting spectra.

    Raises :class:`InputError` for a ratio that is not positive, :class:`OutsideAssumptions` where a spectrum is not known.

    >>> from fimtheory.activations import activation
    >>> kernels = DeepKernels(DeepNetwork(activation("linear"), 2, 1, 0), 1)
    >>> kernels.conjugate(1).moments(4)
    array([ 1.,  3., 12., 55.])
    """

    network: DeepNetwork
    ratio: float

    def __post_init__(self) -> None:
        require_number(self.ratio, "the ratio N/M", 1e-6, 1e6, "between 1e-6 and 1e6")

    def conjugate(self, layer: int) -> LayeredLaw:
        """The law of the conjugate kernel (1/M_l) H_l H_l' of a layer l = 0..L-1, N eigenvalues.

        *Source*: Fan, Wang (2020), theorem 3.4, for centred networks; units of several kinds are our own. *Holds when*
        N and M grow in proportion; up to one outlier, which the subtraction of the mean over samples removes.
        """
        if isinstance(layer, bool) or not isinstance(layer, int) or not 0 <= layer < self.network.depth:
            raise InputError(
                f"layer {layer} has no conjugate kernel: give a whole number from 0 to {self.network.depth - 1}"
            )
        return LayeredLaw(self._forward[: layer + 1], (*[0.0] * layer, 1.0))

    @functools.cached_property
    def tangent(self) -> LayeredLaw:
        """The law of the tangent kernel in its own parameters, C N eigenvalues.

        *Source*: Fan, Wang (2020), theorem 3.7, for centred networks; otherwise our own. *Holds when* N and M grow in
        proportion, and pre-activations do not overlap below the last hidden layer (q_2^l = 0 for l <= L - 2); up to C
        outliers, which mean subtraction removes. *As printed*, Karakida, Akaho, Amari (2020) show it in Fig. 6 (right).
        """
        o, w, layers = self.network.order_parameters, self.network.weight_variances, range(1, self.network.depth + 1)
        self._require_none({l: float(o.q2[l] / o.q1[l]) for l in layers[:-2]}, "q_2")
        scales = {l: float(w[l - 1]) for l in layers}
        overlap = float(o.q2[layers[-2]]) if len(layers) > 1 else 0.0
        return self._backward(scales, {l: float(o.q1[l] - o.q2[l]) for l in layers}, overlap)

    @functools.cached_property
    def fisher(self) -> LayeredLaw:
        """The law of the mean-subtracted dual of F, which has C N of the eigenvalues of F; the others are 0.

        *Source*: our own; Karakida, Akaho, Amari (2020), eq. 22, define the matrix. *Holds when* N and M grow in
        proportion, and activities do not overlap below the last but one layer (qhat_2^l = 0 for l <= L - 3).
        """
        o, layers = self.network.order_parameters, range(1, self.network.depth + 1)
        self._require_none({l: float(o.qhat2[l - 1] / o.qhat1[l - 1]) for l in layers[:-2]}, "qhat_2")
        scales = {l: 1 / self._ratio(l - 1) for l in layers}
        spread = {l: float(o.qhat1[l - 1] - o.qhat2[l - 1]) * scales[l] for l in layers}
        overlap = float(o.qhat2[layers[-2] - 1]) * scales[layers[-2]] if len(layers) > 1 else 0.0
        return self._backward(scales, spread, overlap)

    def law(self, name: str) -> LayeredLaw:
        """The law of a kernel by the name it is measured under: ``CK[l]``, ``NTK``, ``F``, all also with ``_centred``."""
        kernel = name.replace("_centred", "")
        match = re.fullmatch(r"CK\[(\d+)\]", kernel)
        if match:
            return self.conjugate(int(match[1]))
        if kernel not in ("NTK", "F"):
            raise InputError(f"{name!r} is no kernel with a known spectrum: write NTK, F or CK[l]")
        return self.tangent if kernel == "NTK" else self.fisher

    # -- layers

    def _ratio(self, layer: int) -> float:
        """N/M_l."""
        return float(self.ratio) / float(self.network.alphas[layer])

    def _kinds(self, layer: int) -> UnitKinds:
        o = self.network.order_parameters
        return unit_kinds(self.network.activations[layer - 1], float(o.q1[layer]), float(o.q2[layer]))

    @functools.cached_property
    def _forward(self) -> tuple[Layer, ...]:
        """The layers l = 0..L-1 as they pass signals on."""
        o, found = self.network.order_parameters, []
        found.append(Layer(self._ratio(0), np.zeros(1), np.array([float(o.qhat1[0] - o.qhat2[0])])))
        for l in range(1, self.network.depth):
            if o.qhat1[l] - o.qhat2[l] <= _NONE * o.qhat1[l]:
                raise OutsideAssumptions(
                    f"the activities of layer {l} are the same for all inputs: there is no spectrum to show; take another"
                    " activation, or a smaller sigma_b2",
                    "activities differ between inputs",
                )
            kinds, weight = self._kinds(l), math.sqrt(self.network.weight_variances[l - 1])
            found.append(Layer(self._ratio(l), weight * kinds.slope, kinds.noise, kinds.share))
        return tuple(found)

    def _backward(self, scales: dict[int, float], spread: dict[int, float], overlap: float) -> LayeredLaw:
        """The sum over layers l of scale_l qtilde_2^l K_{l-1}, of what differs on the diagonal, and of Gamma_{L-1}."""
        o, L = self.network.order_parameters, self.network.depth
        coefficients = tuple(scales[l] * float(o.qtilde2[l]) for l in range(1, L + 1))
        shift = sum(float(o.qtilde1[l] - o.qtilde2[l]) * spread[l] for l in range(1, L + 1))
        layers = self._forward
        if overlap > _NONE * sum(spread.values()):
            layers = (*layers[:-1], self._with_slopes(overlap))
        return LayeredLaw(layers, coefficients, shift)

    def _with_slopes(self, overlap: float) -> Layer:
        """The last hidden layer with overlap * Gamma_{L-1}, made of the slopes phi' times the output weights.

        The C weights of a unit point in one direction of output space: in a share 1/C of all directions its slope
        counts, with weights of squared length chi^2_C, and in the others it does not. So spectra depend on C: blocks that
        couple different outputs have no mean, but as many entries as the others.
        """
        kinds, L, outputs = self._kinds(self.network.depth - 1), self.network.depth, self.network.outputs
        lengths, probabilities = chi_square_rule(outputs)
        if outputs > 1:
            lengths, probabilities = np.append(lengths, 0), np.append(probabilities / outputs, 1 - 1 / outputs)

        def every(of_kind: Array, of_length: Array | float = 1.0) -> Array:
            return np.multiply.outer(of_kind, of_length * np.ones(lengths.size)).ravel()

        weight = math.sqrt(self.network.weight_variances[L - 2])
        companion = Companion(
            weight * every(kinds.slope_slope),
            every(kinds.slope_noise),
            every(kinds.cross),
            every(np.ones(kinds.share.size), overlap * float(self.network.weight_variances[L - 1]) * lengths),
        )
        share = every(kinds.share, probabilities)
        return Layer(self._ratio(L - 1), weight * every(kinds.slope), every(kinds.noise), share, companion)

    def _require_none(self, overlaps: dict[int, float], name: str) -> None:
        for layer, overlap in overlaps.items():
            if abs(overlap) > _NONE:
                raise OutsideAssumptions(
                    f"{name} = {overlap:.3g} (relative) at layer {layer} of {self.network.depth}: this spectrum is known"
                    " where only the last hidden layer overlaps; take a centred network, or fewer layers",
                    f"{name} = 0 below the last hidden layer",
                )


def _statements(kernels: DeepKernels, *names: str) -> dict[str, sp.Expr]:
    """Two moments of kernels by name, and the Stieltjes transform at two points below 0, which sees the lower end.

    Smooth averages of eigenvalues have expansions in 1/M; shares of windows have not, where finite widths smear a steep
    end, and higher moments scatter.
    """
    found: dict[str, sp.Expr] = {}
    for name in names:
        law = kernels.law(name)
        moments = law.moments(2)
        found |= {f"kernel.{name}.moment[{k}]": sp.Float(m) for k, m in enumerate(moments, start=1)}
        for share in _POINTS:
            x = float(f"{-share * moments[0]:.3g}")
            found[f"kernel.{name}.stieltjes[{x!r}]"] = sp.Float(np.real(law.stieltjes(x)))
    return found


_ASSUMPTIONS = ("N and M are large and in proportion", "inputs are independent N(0, I)")


@claim(
    "fanwang2020.thm3.4",
    title="Spectra of the conjugate kernels of centred networks, samples as many as units",
    statement=r"\mu_l = \rho^{\mathrm{MP}}_{\gamma_l} \boxtimes \left(\zeta_l \sigma_w^2 \cdot \mu_{l-1}"
    r" + \hat q_1^l - \zeta_l \sigma_w^2 \hat q_1^{l-1}\right),\quad \gamma_l = N / M_l,\quad"
    r" \zeta_l = \left(\mathbb{E}\, \phi'(\sqrt{q_1^l} Z)\right)^2",
    source=Source("fanwang2020", "Theorem 3.4"),
    assumptions=(*_ASSUMPTIONS, "the network is centred: E phi = 0 at every layer"),
    subject="kernel_spectrum",
    activations=("tanh", "srelu alpha=0"),
)
def predict_conjugate(kernels: DeepKernels) -> dict[str, sp.Expr]:
    """The kernels of all hidden layers."""
    return _statements(kernels, *(f"CK[{l}]" for l in range(1, kernels.network.depth)))


@claim(
    "fanwang2020.thm3.7",
    title="Spectrum of the tangent kernel of centred networks, samples as many as units",
    statement=r"\Theta \simeq \sum_{l=1}^{L} \left[\sigma_w^2 \tilde q_2^l\, K_{l-1}"
    r" + (\tilde q_1^l - \tilde q_2^l)\, q_1^l\, I\right]",
    source=Source("fanwang2020", "Theorem 3.7"),
    assumptions=(*_ASSUMPTIONS, "the network is centred: E phi = 0 at every layer"),
    subject="kernel_spectrum",
    activations=("tanh", "srelu alpha=0"),
)
def predict_tangent(kernels: DeepKernels) -> dict[str, sp.Expr]:
    """The tangent kernel."""
    return _statements(kernels, "NTK")


@claim(
    "fimtheory.mean_subtracted_conjugate_kernel",
    title="Spectra of mean-subtracted conjugate kernels: units of several kinds",
    statement=r"K_l \simeq \frac{1}{M_l} \sum_i r_i r_i^\top,\quad \mathbb{E}\, r_i r_i^\top ="
    r" b(y_i)^2 \sigma_w^2 K_{l-1} + s(y_i)^2 I,\quad y_i \sim \mathcal{N}(0, 1)",
    source=Source("fimtheory", "extends Fan and Wang (2020), theorem 3.4, to networks that are not centred; heuristic"),
    assumptions=_ASSUMPTIONS,
    subject="kernel_spectrum",
    activations=("relu", "softplus"),
)
def predict_centred_conjugate(kernels: DeepKernels) -> dict[str, sp.Expr]:
    """The kernels of all hidden layers."""
    return _statements(kernels, *(f"CK_centred[{l}]" for l in range(1, kernels.network.depth)))


@claim(
    "fimtheory.mean_subtracted_spectrum",
    title="Limiting density of the mean-subtracted tangent kernel and of the mean-subtracted F",
    statement=r"\Theta \simeq \sum_{l=1}^{L} \left[\sigma_w^2 \tilde q_2^l K_{l-1} + q_2^l \Gamma_l"
    r" + (\tilde q_1^l - \tilde q_2^l)(q_1^l - q_2^l) I\right],\quad"
    r" \Gamma_{L-1} = \frac{\sigma_w^2}{M_{L-1}} \sum_i \nu_i^2\, r_i' r_i'^\top",
    source=Source("fimtheory", "the density of Fig. 6 (right) of Karakida, Akaho and Amari (2020); heuristic"),
    assumptions=(*_ASSUMPTIONS, "pre-activations overlap in the last hidden layer at most"),
    subject="kernel_spectrum",
    activations=("relu",),
)
def predict_mean_subtracted(kernels: DeepKernels) -> dict[str, sp.Expr]:
    """Both."""
    return _statements(kernels, "NTK_centred", "F_centred")
