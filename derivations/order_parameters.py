r"""Order parameters: from one layer of random weights to the four recursions, and the integral in them.

*Source*: Karakida, Akaho, Amari (2020), section 2.3, eqs. 14 to 18.
*Lands on*: `karakida2020.eq16`, `karakida2020.order_parameters`.
*Departs from the text*: every layer has its own activation and variances, so that it shows which layer's sigma_w^2
stands in which recursion; inputs have any norm and overlap, where the paper has 1 and 0. Given the features below, the
pre-activations are Gaussian at every width, and given the features above all else, one step back is exact below the
outputs; the paper goes to the limit at once.
*Assumptions*: exact for given features; the two steps marked asymptotic need wide layers, the backward one that the
weights of the way back count as drawn anew.
"""

from __future__ import annotations

import sympy as sp
from _network import gaussian_mean
from _steps import Account, agreeing, identical, random_points
from mpmath import mp

from fimtheory.activations import activation
from fimtheory.gaussian.quantity import number
from fimtheory.notation import SYMBOLS

w, b = SYMBOLS["sigma_w2"], SYMBOLS["sigma_b2"]
q1, q2 = sp.symbols("a b", positive=True)
x, y, z = sp.symbols("x y z", real=True)
COEFFICIENTS = sp.symbols("k_0:4", real=True)
WIDTHS = (1, 2, 3)
CUBIC = "for every cubic $\\phi$"
POINTS = random_points(0, 2, 2, seed=9)  # covariances, below the variance 2


def phi(u: sp.Expr, order: int = 0) -> sp.Expr:
    """The general cubic, or its derivative of that order."""
    t = sp.Dummy()
    return sp.diff(sum(k * t**n for n, k in enumerate(COEFFICIENTS)), t, order).subs(t, u)


def features(layer: str, width: int) -> list[sp.Symbol]:
    """The symbols of one vector."""
    return list(sp.symbols(f"{layer}_0:{width}", real=True))


def pre_activations(account: Account) -> None:
    """Covariance of one layer's pre-activations for given features."""
    account.define(
        r"Layer $l$ has its own $\sigma_w^2$, $\sigma_b^2$ and $\phi$. For two inputs $n$ and $m$,",
        r"u_i = \sum_j W_{ij}\, h_j + b_i, \quad W_{ij} \sim N(0, \sigma_w^2 / M_{l-1}), \quad b_i \sim N(0, \sigma_b^2),"
        r" \quad \hat q_1 = \frac{1}{M} |h(n)|^2, \quad \hat q_2 = \frac{1}{M}\, h(n) \cdot h(m)",
    )
    found, expected = [], []
    for width in WIDTHS:
        h, g, row, other = (features(name, width) for name in ("h", "g", "W", "V"))
        variances = dict.fromkeys((*row, *other), w / width) | dict.fromkeys(sp.symbols("b_0 b_1"), b)
        one = sum(map(sp.Mul, row, h)) + sp.Symbol("b_0")
        two = sum(map(sp.Mul, row, g)) + sp.Symbol("b_0")
        apart = sum(map(sp.Mul, other, g)) + sp.Symbol("b_1")
        found += [gaussian_mean(sp.expand(one * e), variances) for e in (two, apart)]
        expected += [w * sum(map(sp.Mul, h, g)) / width + b, 0]
    account.move(
        r"For given features they are jointly Gaussian, independent from unit to unit, and their variance and covariance"
        r" are functions of the overlaps below: at every width.",
        r"\mathbb{E}\, u_i(n)\, u_{i'}(m) = \mathbf{1}[i = i'] \left(\sigma_w^2\, \frac{h(n) \cdot h(m)}{M_{l-1}} +"
        r" \sigma_b^2\right), \quad q_t^l = \sigma_w^2\, \hat q_t^{l-1} + \sigma_b^2",
        identical(found, expected, "for widths 1, 2, 3"),
    )
    account.limit(
        r"The overlaps of the next layer are means over independent units, so that they tend to expectations over a"
        r" Gaussian pair; by induction from the inputs, whose norm and overlap are given.",
        r"\hat q_1^l = \mathbb{E}\, \phi(U)^2, \quad \hat q_2^l = \mathbb{E}\, \phi(U)\, \phi(V) = I_\phi[q_1^l, q_2^l]",
        "The limits are the claim karakida2020.order\\_parameters, which the package confronts with simulated ladders.",
    )


def the_integral(account: Account) -> None:
    """Eq. 16, its second form, its ends and its slope."""
    normal = dict.fromkeys((x, y, z), sp.S.One)
    c = q2 / q1
    product = (sp.sqrt(q1) * x, sp.sqrt(q1) * (c * x + sp.sqrt(1 - c**2) * y))
    nested = (sp.sqrt(q1 - q2) * x + sp.sqrt(q2) * y, sp.sqrt(q1 - q2) * z + sp.sqrt(q2) * y)
    covariances = [
        gaussian_mean(sp.expand(u * v), normal)
        for pair in (product, nested)
        for u, v in ((pair[0],) * 2, pair, (pair[1],) * 2)
    ]
    account.move(
        r"Two ways to write the pair, with standard normal $x$, $y$, $z$ and $c = b/a$: in both, the variances are $a$ and"
        r" the covariance is $b$. In the second, $U$ and $V$ are independent given $y$, and the mean of the product is"
        r" the square of a mean.",
        r"I_\phi[a, b] = \iint \mathrm{D}x\, \mathrm{D}y\, \phi(\sqrt{a}\, x)\, \phi(\sqrt{a}\, (c x + \sqrt{1 - c^2}\, y))"
        r" = \int \mathrm{D}y \left(\int \mathrm{D}x\, \phi(\sqrt{a - b}\, x + \sqrt{b}\, y)\right)^2",
        identical(covariances, [q1, q2, q1] * 2),
        identical(_mean(*product), sp.expand(_squared_mean(nested[0])), CUBIC),
    )
    whole = _mean(*product)
    account.move(
        r"Its ends are one input twice, and two that share nothing. Its slope in the covariance is the same integral of"
        r" the derivative (Price), so the slope of the forward recursion is a factor of the backward one.",
        r"I_\phi[a, a] = \mathbb{E}\, \phi(U)^2, \quad I_\phi[a, 0] = (\mathbb{E}\, \phi(U))^2, \quad"
        r" \partial_b I_\phi[a, b] = I_{\phi'}[a, b]",
        identical(whole.subs(q2, q1), _mean(product[0], product[0]), CUBIC),
        identical(whole.subs(q2, 0), gaussian_mean(sp.expand(phi(product[0])), {x: sp.S.One}) ** 2, CUBIC),
        identical(sp.diff(whole, q2), _mean(*product, 1), CUBIC),
    )
    difference = sp.expand((phi(product[0]) - phi(product[1])) ** 2 / 2)
    account.move(
        r"What is left of the gap between two inputs is a mean square: nothing cancels where they are nearly one, and"
        r" the gap can be carried from layer to layer to its own digits.",
        r"\hat q_1 - \hat q_2 = \frac{1}{2}\, \mathbb{E} \left(\phi(U) - \phi(V)\right)^2, \quad"
        r" q_1^{l+1} - q_2^{l+1} = \sigma_w^2 \left(\hat q_1^l - \hat q_2^l\right)",
        identical(gaussian_mean(difference, normal), whole.subs(q2, q1) - whole, CUBIC),
        identical((w * q1 + b) - (w * q2 + b), w * (q1 - q2)),
    )


def _mean(u: sp.Expr, v: sp.Expr, order: int = 0) -> sp.Expr:
    """E phi(u) phi(v), or of the derivatives of that order."""
    product = sp.expand(phi(u, order) * phi(v, order))
    return sp.expand(gaussian_mean(product, dict.fromkeys((x, y), sp.S.One)))


def _squared_mean(u: sp.Expr) -> sp.Expr:
    """E over y of (E over x of phi(u))^2."""
    inner = gaussian_mean(sp.expand(phi(u)), {x: sp.S.One})
    return gaussian_mean(sp.expand(inner**2), {y: sp.S.One})


def backward(account: Account) -> None:
    """One step of the backward signals."""
    account.define(
        r"The backward signals answer for the pre-activations, $\delta^L_{k,i} = \mathbf{1}[i = k]$, and the weights of"
        r" the layer above carry them down.",
        r"\delta^l_i = \phi'(u^l_i) \sum_j W^{l+1}_{ji}\, \delta^{l+1}_j, \quad \tilde q_1 = |\delta(n)|^2, \quad"
        r" \tilde q_2 = \delta(n) \cdot \delta(m)",
    )
    found, expected = [], []
    for width in WIDTHS:
        slopes, others = features("s", width), features("t", width)
        above, below = features("d", 2), features("e", 2)
        weights = [features(f"W{i}", 2) for i in range(width)]
        variances = dict.fromkeys((s for row in weights for s in row), w / width)
        overlap = sum(
            s * t * sum(map(sp.Mul, row, above)) * sum(map(sp.Mul, row, below))
            for s, t, row in zip(slopes, others, weights, strict=True)
        )
        found.append(gaussian_mean(sp.expand(overlap), variances))
        expected.append(w * sum(map(sp.Mul, slopes, others)) / width * sum(map(sp.Mul, above, below)))
    account.move(
        r"The mean over these weights, for given slopes and signals above: the overlap above, times the mean product of"
        r" slopes, times $\sigma_w^2$ of the layer above. At $l = L - 1$ the signals above are constant: exact there.",
        r"\mathbb{E}\, \delta^l(n) \cdot \delta^l(m) = \sigma_{w, l+1}^2 \left(\frac{1}{M_l} \sum_i \phi'(u_i(n))\,"
        r" \phi'(u_i(m))\right) \delta^{l+1}(n) \cdot \delta^{l+1}(m)",
        identical(found, [sp.expand(e) for e in expected], "for widths 1, 2, 3 and two units above"),
    )
    account.limit(
        r"Further down the signals above depend on the weights they pass; in a wide network this is forgotten, and the"
        r" mean of slopes is an expectation over the same Gaussian pair.",
        r"\tilde q_1^l = \sigma_{w, l+1}^2\, \tilde q_1^{l+1}\, \mathbb{E}\, \phi'(U)^2, \quad"
        r" \tilde q_2^l = \sigma_{w, l+1}^2\, \tilde q_2^{l+1}\, I_{\phi'}[q_1^l, q_2^l], \quad \tilde q_t^L = 1",
        "The gradient independence of the paper; the claim karakida2020.order\\_parameters measures what it is worth.",
    )


def recursion(names: list[str], weights: list[str], biases: list[str], norm, overlap) -> list[list[mp.mpf]]:
    """The four recursions as derived, from the duals of the activations: qhat_1, qhat_2, qtilde_1, qtilde_2."""
    hats, slopes = [(norm, overlap)], []
    for name, sigma_w2, sigma_b2 in zip(names, weights, biases, strict=False):
        above = [mp.mpf(sigma_w2) * hat + mp.mpf(sigma_b2) for hat in hats[-1]]
        known = activation(name)
        first = sp.Float(above[0], 30)
        c = sp.Float(above[1] / above[0], 30)
        hats.append((number(known.second_moment(first), 25), number(known.dual(first, c), 25)))
        slopes.append((number(known.second_moment_derivative(first), 25), number(known.dual_derivative(first, c), 25)))
    tildes = [(mp.mpf(1), mp.mpf(1))]
    for pair, sigma_w2 in zip(reversed(slopes), reversed(weights), strict=False):
        tildes.insert(0, tuple(mp.mpf(sigma_w2) * t * s for t, s in zip(tildes[0], pair, strict=True)))
    return [*map(list, zip(*hats, strict=True)), *map(list, zip(*tildes, strict=True))]


# --- landing


def _nested_erf(at):
    """The second form for erf at the variance 2: the trapezoidal rule twice, its error of the order exp(-60)."""
    line = [(mp.mpf(k) / 4, mp.npdf(mp.mpf(k) / 4) / 4) for k in range(-38, 39)]
    own, common = mp.sqrt(2 - at), mp.sqrt(at)
    return mp.fsum(m * mp.fsum(n * mp.erf(own * s + common * t) for s, n in line) ** 2 for t, m in line)


def land(account: Account) -> None:
    """The package's integral, and its recursions for layers that differ."""
    from fimtheory import catalogue
    from fimtheory.theory.deep_network import DeepNetwork

    account.land(
        catalogue.find("karakida2020.eq16").id,
        r"The package's $I_{\mathrm{erf}}[2, b]$, a closed formula, and the nested integral.",
        r"I_\phi[a, b] = \int \mathrm{D}y \left(\int \mathrm{D}x\, \phi(\sqrt{a - b}\, x + \sqrt{b}\, y)\right)^2",
        agreeing(_nested_erf, lambda at: number(activation("erf").dual(2, sp.Float(at, 25) / 2), 20), "b", POINTS),
    )
    names, weights, biases = ["relu", "erf", "gelu"], ["2", "1.5", "1", "0.5"], ["0", "0.25", "1", "2"]
    network = DeepNetwork(
        tuple(activation(name) for name in names),
        4,
        tuple(weights),
        tuple(biases),
        input_norm=2,
        input_overlap="0.5",
        digits=20,
    )
    claim = catalogue.find("karakida2020.order_parameters")
    predicted, derived = claim.predict(network), recursion(names, weights, biases, mp.mpf(2), mp.mpf("0.5"))
    account.land(
        claim.id,
        "The package's order parameters of a ReLU, an erf and a GELU layer with variances of their own.",
        claim.statement,
        *(
            agreeing(
                lambda l, column=column, first=first: column[int(l) - first],
                lambda l, name=name: mp.mpf(predicted[f"deep.{name}[{int(l)}]"]),
                "l",
                sp.sympify([1, 2, 3]),
            )
            for name, column, first in zip(("qhat1", "qhat2", "qtilde1", "qtilde2"), derived, (0, 0, 1, 1), strict=True)
        ),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("Order parameters of wide networks")
    pre_activations(account)
    the_integral(account)
    backward(account)
    land(account)
    print(account)
    return account


if __name__ == "__main__":
    main()
