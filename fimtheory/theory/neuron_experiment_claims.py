"""What is claimed about the training of one logistic neuron on handwritten digits, and the problem it is claimed of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from fimtheory.claims import Agreement, Below, Ordering, Source, claim
from fimtheory.theory.natural_gradient import amplitudes, preconditioned, separable_rate

Array = np.ndarray
Samples = list[tuple[Array, Array]]  # inputs (n, D) with a column of ones, and signs (n,), of every run

DECAY_RATE, DECAY_MOMENTUM, DECAY_DAMPING = 0.5, 0.8, 0.01  # no sample is thrown to the wrong side at this rate
LOCAL_EPOCHS, LEAST_CURVATURE = 30, 1e-4
_LINEAR = 1e-3  # what the offset, of 1e-5, leaves of the linear law
_FAR = 0.01  # what is left of the start of training in a rate, and of the last turns of the weights
_NATURAL, _ORDINARY = ("NGD", "WhiteNGD"), ("GD", "WhiteGD")
_CHOICE = (
    "digits of 8 x 8 pixels with one bias, full batches, 100 epochs, twenty training sets; for each method the rate and "
    "momentum of the grid with the smallest mean training loss"
)
_BOTTOMLESS = (
    "on separable classes the loss has no minimum: the final loss is the exponential of minus the smallest margin, and "
    "measures how far |theta| has grown; it is followed as a logarithm, for most are below the smallest double"
)
_BOTTOM = "with 15 % of labels flipped and 240 images the classes are not separable: all that is left is how fast"


@dataclass(frozen=True, eq=False)
class NeuronProblem:
    """Digits to be told apart, from ``train`` images of which the share ``flipped`` has wrong labels.

    ``separable`` says whether a plane separates the classes in every run (they are told apart in none if it is False).
    ``samples`` gives the training sets as a method sees them, ``decay`` the measured fall of the logarithm of its loss an
    epoch, one number a run, from epoch 50 to 100 at rate 1/2 and momentum 0.8. ``local`` gives, where the loss has a
    minimum, the eigenvalues of the metric there, and what a descent with this rate and momentum leaves after 30 epochs of
    a small offset along each eigenvector whose eigenvalue is above 1e-4; one array a run.
    """

    classes: tuple[int, int]
    train: int
    flipped: float
    separable: bool
    samples: Callable[[str], Samples] = field(repr=False)
    decay: Callable[[str], Array] = field(repr=False)
    local: Callable[[str], tuple[list[Array], list[Array]]] = field(repr=False)


def _deeper(natural: str, ordinary: str, separable: bool) -> str:
    """Negative where natural gradient comes deeper: in depth, or in what is left above the minimum."""
    return f"neuron.depth[{ordinary}/{natural}]" if separable else f"neuron.excess[{natural}/{ordinary}]"


def printed_deeper(problem: NeuronProblem) -> dict:
    """Both natural methods below both ordinary ones, everywhere."""
    return {_deeper(a, b, problem.separable): Below() for a, b in product(_NATURAL, _ORDINARY)}


@claim(
    "sun2016.fig4",
    title="Natural gradient reaches deeper than ordinary gradients, but where there is a minimum whitening does as well",
    statement=r"L_{\text{NGD}}, L_{\text{WhiteNGD}} < L_{\text{GD}}, L_{\text{WhiteGD}} \text{ if separable},"
    r"\quad L_{\text{NGD}}, L_{\text{WhiteNGD}} < L_{\text{GD}}, L_{\text{WhiteGD}} < L_{\text{NGD}} \text{ if not}",
    as_printed=r"L_{\text{NGD}}, L_{\text{WhiteNGD}} < L_{\text{GD}}, L_{\text{WhiteGD}} \text{ in different cases}",
    source=Source("sun2016", "figure 4; section 5.1"),
    assumptions=(_CHOICE, _BOTTOMLESS, _BOTTOM, "the images and sizes of the text were others"),
    printed=printed_deeper,
    subject="neuron_experiment",
)
def predict_deeper(problem: NeuronProblem) -> dict:
    """The order of final training losses: all natural ones below all ordinary ones only without a minimum."""
    if problem.separable:
        return printed_deeper(problem)
    return {_deeper(a, "GD", False): Below() for a in _NATURAL} | {"neuron.excess[WhiteGD/NGD]": Below()}


@claim(
    "sun2016.fig4_best",
    title="Where there is a minimum whitened natural gradient comes closer than plain, and reaches it first of all",
    statement=r"L_{\text{WhiteNGD}} < L_{\text{NGD}},\quad T_{\text{WhiteNGD}} < T_{\text{NGD}}, T_{\text{WhiteGD}}, "
    r"T_{\text{GD}}",
    source=Source("sun2016", "figure 4; section 5.1 (among all methods WhiteNGD performs best)"),
    assumptions=(
        _CHOICE,
        _BOTTOM + ": T is the number of epochs after which the loss stays within 1 % of its minimum",
        "on separable classes NGD and WhiteNGD take turns: where a larger rate survived in all runs, the loss is smaller",
    ),
    subject="neuron_experiment",
)
def predict_best(problem: NeuronProblem) -> dict:
    """The last loss and the epochs, where there is a minimum."""
    if problem.separable:
        return {}
    epochs = {f"neuron.epochs[WhiteNGD/{other}]": Below() for other in ("GD", "WhiteGD", "NGD")}
    return {"neuron.excess[WhiteNGD/NGD]": Below(), **epochs}


@claim(
    "sun2016.sec5_whitening",
    title="Whitening improves gradient descent, and allows larger rates",
    statement=r"L_{\text{WhiteGD}} < L_{\text{GD}},\quad \lambda_{\max}\left(\overline{z z^\top}\right)_{\text{WhiteGD}} < "
    r"\lambda_{\max}\left(\overline{z z^\top}\right)_{\text{GD}},\quad \gamma < \frac{8}{\lambda_{\max}\left(\overline{z "
    r"z^\top}\right)} \text{ descends}",
    source=Source("sun2016", "figure 4; section 5.1 (a whitened coordinate system allows larger learning rates)"),
    assumptions=(_CHOICE, "the metric is at most a quarter of the second moment of the inputs, as nu <= 1/4"),
    subject="neuron_experiment",
)
def predict_whitening(problem: NeuronProblem) -> dict:
    """Final losses, the largest eigenvalue of the second moment, and descent at 99 % of the bound on the rate."""
    name = "neuron.depth[GD/WhiteGD]" if problem.separable else "neuron.excess[WhiteGD/GD]"
    descent = {
        f"every step descends, {method}": Ordering(
            lambda method=method: _losses(problem, method)[1:], lambda method=method: _losses(problem, method)[:-1]
        )
        for method in _ORDINARY
    }
    return {name: Below(), "neuron.curvature[WhiteGD/GD]": Below(), **descent}


def _losses(problem: NeuronProblem, method: str) -> Array:
    """Thirty steps from zero weights, without momentum, at 99 % of 8/lambda_max: those of the first training set."""
    Z, signs = problem.samples(method)[0]
    rate = 0.99 * 8 / np.linalg.eigvalsh(Z.T @ Z / len(Z))[-1]
    theta, found = np.zeros(Z.shape[1]), []
    for _ in range(30):
        margins = signs * (Z @ theta)
        found.append(np.logaddexp(0.0, -margins).mean())
        theta = theta + rate * (signs / (1 + np.exp(margins))) @ Z / len(Z)
    return np.array(found)


@claim(
    "sun2016.fig4c",
    title="In the first epochs whitened gradient descent can be ahead of natural gradient",
    statement=r"L_{\text{WhiteGD}}(5) < L_{\text{NGD}}(5), L_{\text{WhiteNGD}}(5)",
    source=Source("sun2016", "figure 4c; section 5.1 (in the first several epochs)"),
    assumptions=(
        _CHOICE,
        "one case shows that it can: digits 3 and 5, 240 images, labels as they are; each method at the rate that is best "
        "after 100 epochs, which for WhiteGD is 100 and for NGD 1",
    ),
    subject="neuron_experiment",
)
def predict_early(problem: NeuronProblem) -> dict:
    """The depth after five epochs, in one case."""
    if (problem.classes, problem.train, problem.flipped) != ((3, 5), 240, 0.0):
        return {}
    return {f"neuron.early[{other}/WhiteGD]": Below() for other in _NATURAL}


@claim(
    "sun2016.sec5_condition",
    title="In whitened coordinates the metric is better conditioned",
    statement=r"\operatorname{cond}(g + \epsilon I)_{\text{WhiteNGD}} < \operatorname{cond}(g + \epsilon I)_{\text{NGD}}",
    source=Source("sun2016", "section 5.1 (RFIM is expected to have better conditions in average)"),
    assumptions=(
        "digits of 8 x 8 pixels with one bias, twenty training sets; both metrics at the same function",
        "at zero weights, and where the loss has a minimum also there; epsilon is 1 % of the mean eigenvalue",
    ),
    subject="neuron_experiment",
)
def predict_condition(problem: NeuronProblem) -> dict:
    """The condition number of the damped metric at the start, and at the end where there is one."""
    names = ("start_condition",) if problem.separable else ("start_condition", "condition")
    return {f"neuron.{name}[WhiteNGD/NGD]": Below() for name in names}


@claim(
    "fimtheory.natural.decay",
    title="On separable digits the support vectors set the pace of natural gradient descent",
    statement=r"\ln L_{50} - \ln L_{100} = 50\, \frac{\gamma}{1 - \mu} \left(1 + \frac{\epsilon}{D} \sum_i a_i "
    r"|z_i|^2\right)^{-1}",
    source=Source("fimtheory", "extends Sun and Nielsen (2016), figure 4"),
    assumptions=(
        "the classes are separable; w = sum_i a_i s_i z_i is the separating direction of largest margin",
        "rate 1/2, momentum 0.8, damping 0.01 of the mean eigenvalue, from epoch 50 to 100",
    ),
    subject="neuron_experiment",
)
def predict_decay(problem: NeuronProblem) -> dict:
    """Measured over predicted fall of ln L in every run, NGD and WhiteNGD."""

    def predicted(method: str) -> Array:
        return np.array(
            [separable_rate(Z, s, DECAY_RATE, DECAY_MOMENTUM, DECAY_DAMPING) for Z, s in problem.samples(method)]
        )

    if not problem.separable:
        return {}
    return {
        f"fall of the loss, {method}": Agreement(
            lambda method=method: problem.decay(method) / predicted(method), lambda: 1.0, tolerance=_FAR
        )
        for method in _NATURAL
    }


@claim(
    "fimtheory.natural.digit_rates",
    title="The rates of all four methods near the minimum, on digits with flipped labels",
    statement=r"\frac{v_i^\top (\theta_{30} - \theta^*)}{v_i^\top (\theta_0 - \theta^*)} = r_{30}(h_i),\quad "
    r"r_{t+1} = (1 + \mu - \gamma h)\, r_t - \mu\, r_{t-1},\quad h \to \frac{h}{h + \epsilon} "
    r"\text{ in natural gradient descent}",
    source=Source("fimtheory", "extends Sun and Nielsen (2016), figure 4"),
    assumptions=(
        "the loss has a minimum, and the metric there the eigenvalues h_i, of which those above 1e-4 are followed: along "
        "a pixel that only images of one class have the minimum is at infinity",
        "rate 1/2, momentum 0.8, damping 0.01 of the mean eigenvalue, from an offset of 1e-5 along every eigenvector",
    ),
    subject="neuron_experiment",
)
def predict_local(problem: NeuronProblem) -> dict:
    """Measured and predicted amplitudes of every eigenvector in every run, for each method."""

    def predicted(method: str) -> Array:
        spectra, _ = problem.local(method)
        damping = DECAY_DAMPING if method in _NATURAL else None
        curved = (h if damping is None else preconditioned(h, damping) for h in spectra)
        left = (amplitudes(h, DECAY_RATE, DECAY_MOMENTUM, LOCAL_EPOCHS)[-1] for h in curved)
        return np.concatenate([r[h > LEAST_CURVATURE] for r, h in zip(left, spectra, strict=True)])

    if problem.separable:
        return {}
    return {
        f"offsets, {method}": Agreement(
            lambda method=method: np.concatenate(problem.local(method)[1]),
            lambda method=method: predicted(method),
            tolerance=_LINEAR,
        )
        for method in (*_ORDINARY, *_NATURAL)
    }


@claim(
    "fimtheory.natural.overfitting",
    title="On noisy labels the methods that come deeper make more errors on other images",
    statement=r"e_{\text{GD}} < e_{\text{WhiteGD}}, e_{\text{NGD}}, e_{\text{WhiteNGD}} \text{ with flipped labels}",
    source=Source("fimtheory", "extends Sun and Nielsen (2016), figure 4"),
    assumptions=(_CHOICE, "e is the share of test images, whose labels are right, that are told wrongly"),
    subject="neuron_experiment",
)
def predict_overfitting(problem: NeuronProblem) -> dict:
    """Differences of test errors, with flipped labels."""
    if not problem.flipped:
        return {}
    return {f"neuron.test[GD-{other}]": Below() for other in ("WhiteGD", *_NATURAL)}
