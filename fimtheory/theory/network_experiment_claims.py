"""What is claimed about the training of a ReLU network on handwritten digits, by relative natural gradient and others.

The variants of the data are digits as they are ("original") and with a share of training labels replaced by others
("flipped").
"""

from __future__ import annotations

import numpy as np

from fimtheory.claims import Below, Source, claim

VARIANTS = {"original": 0.0, "flipped": 0.2}  # shares of training labels that are replaced by others
_SGD, _ADAM = ("SGD", "SGD_BNA", "SGD_BNB"), ("Adam", "Adam_BNA", "Adam_BNB")
_NORMALISED = ("SGD_BNA", "SGD_BNB", "Adam_BNA", "Adam_BNB")
_OTHERS = (*_SGD, *_ADAM)
_BUT_ADAM = tuple(method for method in _OTHERS if method != "Adam")
_PROTOCOL = (
    "digits of 8 x 8 pixels, network 64-64-64-64-10, 1400 images in mini batches of 50, 100 epochs, ten paired runs",
    "each method at the rate of smallest mean final cost; T = 100, lambda = 0.995, epsilon = 0.01, omega = 0",
)
_FITTED = "with the original labels the costs of all methods go to zero: what is compared is how fast"


def _below(observable: str, methods: tuple[str, ...], other: str = "RNGD", reverse: bool = False) -> dict[str, Below]:
    """ln of costs of ``other`` over those of each of the methods, or the reverse, is negative."""
    pairs = [(method, other) if reverse else (other, method) for method in methods]
    return {f"network.{observable}[{a}/{b}]": Below() for a, b in pairs}


@claim(
    "sun2016.fig5",
    title="RNGD comes far deeper than all others on noisy labels; on the original ones Adam comes deeper in the end",
    statement=r"E_{\text{RNGD}} < E_m \ \forall m \text{ with flipped labels},\quad E_{\text{RNGD}} < E_m \ "
    r"\forall m \ne \text{Adam},\ E_{\text{Adam}} < E_{\text{RNGD}} \text{ on the original ones}",
    source=Source("sun2016", "figure 5; section 5.2 (that RNGD significantly improves the learning curve)"),
    assumptions=(*_PROTOCOL, "E is the mean cost over the last tenth of the iterations", _FITTED),
    as_printed=r"E_{\text{RNGD}} < E_m \ \forall m",
    printed=lambda variant: _below("final", _OTHERS),
    subject="network_experiment",
)
def predict_final(variant: str) -> dict[str, Below]:
    """Final costs of RNGD beside the six other methods."""
    if variant == "flipped":
        return _below("final", _OTHERS)
    return _below("final", _BUT_ADAM) | _below("final", ("Adam",), reverse=True)


@claim(
    "fimtheory.relative_descent.early",
    title="In the first epochs RNGD is ahead of SGD, and with noisy labels behind batch normalisation",
    statement=r"E_{\text{RNGD}}(10) < E_{\text{SGD}}(10),\quad E_{\text{BN}}(10) < E_{\text{RNGD}}(10) "
    r"\text{ with flipped labels}",
    source=Source("fimtheory", "extends Sun and Nielsen (2016), figure 5"),
    assumptions=(*_PROTOCOL, "E(10) is the mean cost of epoch 10; G is then still a quarter identity", _FITTED),
    subject="network_experiment",
)
def predict_early(variant: str) -> dict[str, Below]:
    """Costs when a tenth of the training is over."""
    found = _below("early", ("SGD",))
    return found if variant == "original" else found | _below("early", _NORMALISED, reverse=True)


@claim(
    "sun2016.sec5_2_sharp",
    title="The sharp ratio of RNGD is smaller than that of the others, but on original labels Adam's is smaller still",
    statement=r"\frac{1}{\tau M} \sum_{t > (1 - \tau) M} E_t:\quad \text{RNGD} < m \ \forall m \ne \text{Adam},\quad "
    r"\text{Adam} < \text{RNGD on original labels},\quad \tau = \frac{1}{100}",
    source=Source("sun2016", "figure 5, table; section 5.2 (a smaller sharp ratio)"),
    assumptions=(
        *_PROTOCOL,
        "M is the number of all iterations; the values of tau in the table are lost",
        "with flipped labels Adam scatters so much that ten runs leave the order of the two open at this tau",
        _FITTED,
    ),
    as_printed=r"\frac{1}{\tau M} \sum_{t > (1 - \tau) M} E_t:\ \text{RNGD} < m \ \forall m",
    printed=lambda variant: _below("sharp", _OTHERS),
    subject="network_experiment",
)
def predict_sharp(variant: str) -> dict[str, Below]:
    """Costs over the last hundredth of the iterations."""
    found = _below("sharp", _BUT_ADAM)
    return found | _below("sharp", ("Adam",), reverse=True) if variant == "original" else found


@claim(
    "sun2016.sec5_2_variation",
    title="Costs of RNGD vary less than those of the others, also on a logarithmic axis",
    statement=r"\operatorname{sd}(\ln E_t)_{\text{RNGD}} < \operatorname{sd}(\ln E_t)_m,\quad "
    r"\operatorname{sd}(E_t)_{\text{RNGD}} < \operatorname{sd}(E_t)_m \ (m \ne \text{Adam on original labels})",
    source=Source("sun2016", "section 5.2 (a larger variation, which is actually not much)"),
    assumptions=(*_PROTOCOL, "t runs over the last tenth of the iterations; single mini batches, without smoothing"),
    as_printed=r"\operatorname{sd}(\ln E_t)_{\text{RNGD}} > \operatorname{sd}(\ln E_t)_m",
    printed=lambda variant: _below("variation", _OTHERS, reverse=True),
    subject="network_experiment",
)
def predict_variation(variant: str) -> dict[str, Below]:
    """Standard deviations of costs and of their logarithms."""
    return _below("variation", _OTHERS) | _below("deviation", _OTHERS if variant == "flipped" else _BUT_ADAM)


@claim(
    "sun2016.sec5_2_overfit",
    title="With noisy labels RNGD overfits, and so does Adam",
    statement=r"\min_t L_{\text{test}}(t) < \tfrac{3}{4}\, L_{\text{test}}(\infty) \text{ with flipped labels}",
    source=Source("sun2016", "section 5.2 (that this structure overfits the input data)"),
    assumptions=(*_PROTOCOL, "test labels are right; on the original labels the test loss of RNGD hardly rises"),
    subject="network_experiment",
)
def predict_overfit(variant: str) -> dict[str, Below]:
    """The loss on test images at its smallest, over that at the end; stated with flipped labels only."""
    if variant == "original":
        return {}
    return {f"network.overfit[{method}]": Below(float(np.log(0.75))) for method in ("RNGD", "Adam")}


@claim(
    "sun2016.sec5_2_batch_normalisation",
    title="Batch normalisation speeds up SGD at first; on original labels it then holds the cost up",
    statement=r"E_{\text{BN}}(10) < E_{\text{SGD}}(10),\quad E_{\text{BN}}(\infty) > E(\infty) \text{ on original labels},"
    r"\quad E_{\text{BN}}(\infty) < E_{\text{SGD}}(\infty) \text{ on flipped ones}",
    source=Source("sun2016", "figure 5; section 5.2 (the good performance of batch normalisation)"),
    assumptions=(
        *_PROTOCOL,
        _FITTED,
        "normalised after (BNA) and before (BNB) the activation; costs with the moments of the mini batch",
    ),
    subject="network_experiment",
)
def predict_batch_normalisation(variant: str) -> dict[str, Below]:
    """With and without, at epoch 10 and at the end."""
    found = {f"network.early[{method}/SGD]": Below() for method in _SGD[1:]}
    if variant == "flipped":
        return found | {f"network.final[{method}/SGD]": Below() for method in _SGD[1:]}
    held_up = [(family[0], method) for family in (_SGD, _ADAM) for method in family[1:]]
    return found | {f"network.final[{plain}/{method}]": Below() for plain, method in held_up}


@claim(
    "fimtheory.relative_descent.condition",
    title="On digits normalising conditions the metric of a linear layer; correlations remain until pixels are whitened",
    statement=r"\kappa(g)_{\text{normalised}} < \tfrac{1}{10}\, \kappa(g)_{\text{raw}},\quad "
    r"\kappa(g)_{\text{whitened}} < \tfrac{1}{10}\, \kappa(g)_{\text{normalised}}",
    source=Source("fimtheory", "extends Sun and Nielsen (2016), section 5.2"),
    assumptions=("1400 digits of 8 x 8 pixels and a bias, without singular dimensions",),
    subject="network_experiment",
)
def predict_condition(variant: str) -> dict[str, Below]:
    """Condition numbers on the training images, which do not depend on labels: once."""
    if variant == "flipped":
        return {}
    tenth = Below(float(np.log(0.1)))
    return {f"network.condition[{pair}]": tenth for pair in ("normalised/raw", "whitened/normalised")}


@claim(
    "fimtheory.relative_descent.sparse",
    title="Metrics averaged over every tenth mini batch only serve as well",
    statement=r"E_{\text{sparse}} < 2\, E_{\text{RNGD}}",
    source=Source("fimtheory", "extends Sun and Nielsen (2016), eq. 32"),
    assumptions=(*_PROTOCOL, "an old mini batch fades as fast as before: lambda^10 each time"),
    subject="network_experiment",
)
def predict_sparse(variant: str) -> dict[str, Below]:
    """Final costs, at a fraction of the multiplications."""
    return {"network.final[RNGD_sparse/RNGD]": Below(float(np.log(2)))}
