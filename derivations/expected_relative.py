r"""Averaged relative metrics of a neuron: two eigenvalues, a block for the bias, mini-batches, saturation.

*Source*: our own; Sun and Nielsen (2016), section 3.1, define the metric nu(t) x~ x~' that is averaged here, and section 5
says that a mini-batch cannot show it faithfully.
*Lands on*: `fimtheory.relative.two_eigenvalues`, `fimtheory.relative.stein`, `fimtheory.relative.bias_block`,
`fimtheory.relative.batch_moments`, `fimtheory.relative.saturation`.
*Departs from the text*: the document has no averages over inputs.
*Assumptions*: inputs are N(0, s I_d), E nu^2 is finite; nu is piecewise smooth where it is differentiated. Only the law of
a large batch is asymptotic, and its first two moments are derived at every size.
"""

from __future__ import annotations

import sympy as sp
from _network import gaussian_mean
from _steps import Account, agreeing, identical

from fimtheory.functions import density
from fimtheory.gaussian.expectation import expectation
from fimtheory.latex import latex
from fimtheory.notation import SYMBOLS

q = SYMBOLS["q"]
s, n, d = sp.Symbol("s", positive=True), sp.Symbol("n", positive=True), sp.Symbol("d", positive=True)
b, t = sp.symbols("b t", real=True)
Z, rate, ratio = sp.Symbol("Z", real=True), sp.Symbol("a", real=True), sp.Symbol("r", positive=True)
m0, m1, m2 = sp.symbols("m_0 m_1 m_2", real=True)
k0, k2, k4 = sp.symbols("k_0 k_2 k_4", positive=True)
W = sp.Matrix(sp.symbols("w_1 w_2", real=True))
X = sp.Matrix(sp.symbols("x_1 x_2", real=True))
POLYNOMIALS = (t, t**2, t**3 - t)
ON_POLYNOMIALS = rf"for $\nu = {', '.join(map(latex, POLYNOMIALS))}$ and any weights in the plane"


def moment(nu: sp.Expr, k: int, variance: sp.Expr = q) -> sp.Expr:
    """m_k = E nu(b + sqrt(q) Z) Z^k for a polynomial nu."""
    return gaussian_mean(sp.expand(nu.subs(t, b + sp.sqrt(variance) * Z) * Z**k), {Z: sp.S.One})


def input_mean(e: sp.Expr, inputs: sp.Matrix = X) -> sp.Expr:
    """The mean over inputs of a polynomial in their entries."""
    return gaussian_mean(sp.expand(e), dict.fromkeys(inputs, s))


def two_eigenvalues(account: Account) -> tuple[sp.Expr, sp.Expr]:
    """The mean of nu x x'."""
    account.define(
        r"A neuron with weights $w$ and bias $b$ has the relative metric $\nu(t)\, \tilde x \tilde x^\top$. Inputs are"
        r" isotropic Gaussians. Split them along the weights and across.",
        r"t = w \cdot x + b, \quad x = \sqrt{s} \left(Z \hat w + x_\perp\right), \quad q = s\, |w|^2,"
        r" \quad t = b + \sqrt{q}\, Z, \quad m_k = \mathbb{E}\,\nu(b + \sqrt{q}\, Z)\, Z^k",
    )
    square = (W.T * W)[0]
    found, expected = [], []
    for nu in POLYNOMIALS:
        at = nu.subs(t, b + (W.T * X)[0])
        found += [input_mean(at * e) for e in X * X.T]
        first, second = (moment(nu, k, s * square) for k in (0, 2))
        expected += list(s * (first * sp.eye(2) + (second - first) * W * W.T / square))
    account.move(
        r"$x_\perp$ is independent of $t$ and has the covariance $I - \hat w \hat w^\top$; products with $Z$ average to"
        r" zero.",
        r"\mathbb{E}\,\nu(t)\, x x^\top = s \left[m_0 \left(I - \hat w \hat w^\top\right) + m_2\, \hat w \hat w^\top"
        r"\right]",
        identical(found, expected, ON_POLYNOMIALS),
    )
    return s * m0, s * m2


def stein(account: Account) -> None:
    """m_2 - m_0."""
    wave = sp.exp(rate * Z)
    rates = sp.sympify([1, -2, "1/3"])
    average = [expectation(wave.subs(rate, a) * (Z**2 - 1), Z) for a in rates]
    account.move(
        r"Integrate by parts twice: $(z^2 - 1)\, e^{-z^2/2}$ is the second derivative of $e^{-z^2/2}$.",
        r"m_2 - m_0 = \mathbb{E}\,\nu(b + \sqrt{q}\, Z) \left(Z^2 - 1\right) = q\, \mathbb{E}\,\nu''(t)",
        identical(sp.diff(density(Z), Z, 2), (Z**2 - 1) * density(Z)),
        identical(
            [moment(nu, 2) - moment(nu, 0) for nu in POLYNOMIALS],
            [q * moment(sp.diff(nu, t, 2), 0) for nu in POLYNOMIALS],
            rf"for $\nu = {', '.join(map(latex, POLYNOMIALS))}$",
        ),
        identical(average, [a**2 * sp.exp(a**2 / 2) for a in rates], r"for $e^{t}, e^{-2t}, e^{t/3}$"),
    )
    c = sp.Rational(3, 4)
    step, bend = sp.Heaviside(Z - c), sp.Max(Z - c, 0)
    account.move(
        r"A jump $J$ of $\nu$ at $h$, and a jump $K$ of $\nu'$, leave boundary terms; $p$ is the density of $t$.",
        r"q\, \mathbb{E}\,\nu'' = q\, \mathbb{E}\,\nu''_{\mathrm{reg}} + q\, K\, p(h) + J\, (h - b)\, p(h)",
        identical(expectation(step * (Z**2 - 1), Z), c * density(c), r"for a step at $3/4$, $q = 1$"),
        identical(expectation(bend * (Z**2 - 1), Z), density(c), r"for a kink at $3/4$, $q = 1$"),
    )


def bias_block(account: Account) -> sp.Matrix:
    """The bias beside the weights."""
    square = (W.T * W)[0]
    found, expected = [], []
    for nu in POLYNOMIALS:
        at = nu.subs(t, b + (W.T * X)[0])
        found += [input_mean(at * e) for e in (*X, sp.S.One)]
        expected += [
            *(sp.sqrt(s) * moment(nu, 1, s * square) * e / sp.sqrt(square) for e in W),
            moment(nu, 0, s * square),
        ]
    account.move(
        r"The bias has the input 1: its row is the mean of $\nu\, x$, which points along the weights, and of $\nu$.",
        r"\mathbb{E}\,\nu(t)\, x = \sqrt{s}\, m_1 \hat w, \quad \mathbb{E}\,\nu(t) = m_0",
        identical(found, expected, ON_POLYNOMIALS),
    )
    block = sp.Matrix([[s * m2, sp.sqrt(s) * m1], [sp.sqrt(s) * m1, m0]])
    z, size = sp.Symbol("z"), 3
    whole = sp.diag(*[s * m0] * (size - 1), block)
    middle, root = (s * m2 + m0) / 2, sp.sqrt((s * m2 - m0) ** 2 + 4 * s * m1**2) / 2
    account.move(
        r"So weights and bias together have $s\, m_0$, $d - 1$ times, and the two eigenvalues of a block.",
        r"\lambda_\pm = \frac{s\, m_2 + m_0 \pm \sqrt{(s\, m_2 - m_0)^2 + 4 s\, m_1^2}}{2}",
        identical(
            whole.charpoly(z).as_expr(),
            (z - s * m0) ** (size - 1) * (z - middle - root) * (z - middle + root),
            f"for $d = {size}$",
        ),
    )
    return block


def batch(account: Account) -> sp.Expr:
    """E tr G^2/d."""
    account.define(r"A mini-batch of $n$ inputs shows", r"G = \frac{1}{n} \sum_{i=1}^{n} \nu(t_i)\, x_i x_i^\top")
    radii = [gaussian_mean(sum(e**2 for e in Y) ** k, dict.fromkeys(Y, sp.S.One)) for Y in _normals() for k in (1, 2)]
    account.move(
        r"One input alone has $\nu^2 |x|^4$, and $|x|^2 = s \left(Z^2 + |x_\perp|^2\right)$. With $k_j = \mathbb{E}\,\nu^2"
        r" Z^j$:",
        r"\mathbb{E}\, |x_\perp|^2 = d - 1, \quad \mathbb{E}\, |x_\perp|^4 = d^2 - 1, \quad"
        r" \mathbb{E}\,\nu^2 |x|^4 = s^2 \left[(d^2 - 1)\, k_0 + 2 (d - 1)\, k_2 + k_4\right]",
        identical(radii, [e for size in range(2, 6) for e in (size - 1, size**2 - 1)], "for $d = 2, 3, 4, 5$"),
    )
    alone = s**2 * ((d**2 - 1) * k0 + 2 * (d - 1) * k2 + k4)
    pairs = s**2 * ((d - 1) * m0**2 + m2**2)
    result = (alone / n + (1 - 1 / n) * pairs) / d
    found, expected = _second_moments(result)
    account.move(
        r"Two different inputs are independent: their $n (n - 1)$ pairs have the trace of the squared mean.",
        r"\frac{1}{d}\, \mathbb{E} \operatorname{tr} G^2 = \frac{s^2}{d} \left["
        r"\frac{(d^2 - 1)\, k_0 + 2 (d - 1)\, k_2 + k_4}{n}"
        r" + \left(1 - \frac{1}{n}\right) \left((d - 1)\, m_0^2 + m_2^2\right)\right]",
        identical(found, expected, r"for $\nu = t, t^2$, $d = 2$ and $n = 1, 2, 3$, all products of entries averaged"),
    )
    return result


def _normals() -> list[list[sp.Symbol]]:
    """The d - 1 coordinates across the weights, for d = 2..5."""
    return [list(sp.symbols(f"y_1:{size}", real=True)) for size in range(2, 6)]


def _second_moments(formula: sp.Expr) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """E tr G^2/d in two dimensions with weights (1, 0), from all products of entries, and the formula."""
    found, expected = [], []
    for nu in (t, t**2):
        for count in (1, 2, 3):
            inputs = sp.Matrix(2, count, lambda i, j: sp.Symbol(f"x_{i}{j}", real=True))
            weights = sp.diag(*(nu.subs(t, b + inputs[0, j]) for j in range(count)))
            G = inputs * weights * inputs.T / count
            found.append(input_mean((G * G).trace() / 2, inputs))
            values = {m0: moment(nu, 0, s), m2: moment(nu, 2, s)}
            values |= {k: moment(nu**2, j, s) for j, k in ((0, k0), (2, k2), (4, k4))}
            expected.append(formula.subs(values).subs({d: 2, n: count}))
    return found, expected


def law(account: Account, second: sp.Expr) -> None:
    """The whole spectrum of a large batch."""
    account.limit(
        r"Given the $\nu_i$, the entries across the weights are free: $G$ is a sample covariance matrix with random"
        r" weights, and at $d/n \to y$ each input adds its share to the inverse of the transform.",
        r"z = \frac{1}{m(z)} + s\, \mathbb{E}\,\frac{\nu}{1 - y\, s\, \nu\, m(z)}, \quad m(z) = \lim \frac{1}{d}\,"
        r" \mathbb{E} \operatorname{tr} (z - G)^{-1}",
        "The claim fimtheory.relative.batch\\_law is confronted with simulated ladders.",
    )
    y, u = sp.symbols("y u", positive=True)  # u = 1/z
    first, next_ = s * m0, s**2 * (m0**2 + y * k0)
    m = u + first * u**2 + next_ * u**3
    defect = sp.expand(1 + s * m0 * m + y * s**2 * k0 * m**2 - m / u)  # times m, to second order in m
    account.move(
        r"Large $z$ gives its moments one after the other, and the second is the limit of the exact one.",
        r"m(z) = \frac{1}{z} + \frac{s\, m_0}{z^2} + \frac{s^2 \left(m_0^2 + y\, k_0\right)}{z^3} + \ldots",
        identical([defect.coeff(u, power) for power in range(3)], [0, 0, 0]),
        identical(sp.limit(second.subs(d, y * n), n, sp.oo), next_),
    )


def saturation(account: Account) -> dict[str, tuple[sp.Expr, sp.Expr]]:
    """Large variances."""
    gap = sp.Symbol("x", positive=True)
    account.move(
        r"For large $q$ the density of $t$ is flat where $\nu$ lives. With $0 \leq 1 - e^{-x} \leq x$:",
        r"0 \leq \frac{1}{\sqrt{2 \pi}} \int \nu(t)\, \mathrm{d}t - \sqrt{q}\, m_0 \leq"
        r" \frac{1}{2 q \sqrt{2 \pi}} \int \nu(t) (t - b)^2\, \mathrm{d}t,"
        r" \quad q^{3/2} m_2 \to \frac{1}{\sqrt{2 \pi}} \int \nu(t) (t - b)^2\, \mathrm{d}t",
        identical([sp.diff(gap + sp.exp(-gap), gap), sp.diff(1 - sp.exp(-gap), gap)], [1 - sp.exp(-gap), sp.exp(-gap)]),
    )
    series = 4 * ratio / (1 + ratio) ** 2
    k = sp.Symbol("k", integer=True, positive=True)
    account.move(
        r"For tanh, $\nu = 1 - \tanh^2 t$ is a geometric series in $r = e^{-2 t}$, $t > 0$.",
        r"1 - \tanh^2 t = \frac{4 r}{(1 + r)^2} = 4 \sum_{k \geq 1} (-1)^{k-1} k\, r^k",
        identical((1 - sp.tanh(t) ** 2).rewrite(sp.exp), series.subs(ratio, sp.exp(-2 * t))),
        identical(
            [sp.series(series, ratio, 0, 8).removeO().coeff(ratio, j) for j in range(1, 8)],
            [4 * (-1) ** (j - 1) * j for j in range(1, 8)],
            "up to $r^7$",
        ),
    )
    term = sp.integrate(t**2 * sp.exp(-2 * k * t), (t, 0, sp.oo))
    second = 2 * sp.summation(sp.simplify(4 * (-1) ** (k - 1) * k * term), (k, 1, sp.oo))
    account.move(
        r"Term by term, and twice for both sides:",
        r"\int (1 - \tanh^2 t)\, \mathrm{d}t = 2, \quad \int t^2 (1 - \tanh^2 t)\, \mathrm{d}t = 2 \sum_{k \geq 1}"
        r" \frac{(-1)^{k-1}}{k^2} = \frac{\pi^2}{6}",
        identical(sp.diff(sp.tanh(t), t), 1 - sp.tanh(t) ** 2),
        identical(second, sp.pi**2 / 6),
    )
    logistic, v = 1 / (1 + sp.exp(-t)), sp.Symbol("v", real=True)
    account.move(
        r"The logistic function $f$ has $\nu = f (1 - f)$, a quarter of that of tanh at $v = t/2$. So its integrals are"
        r" $2 / 4$ and $2^3 / 4$ times those of tanh, $1$ and $\pi^2/3$.",
        r"\kappa \sim \frac{m_0}{m_2}: \quad \frac{12 q}{\pi^2}\ (\tanh), \quad \frac{3 q}{\pi^2}\ (\text{logistic})",
        identical((logistic * (1 - logistic)).subs(t, 2 * v), ((1 - sp.tanh(v) ** 2) / 4).rewrite(sp.exp)),
        identical([q * 2 / second, q / (2 * second)], [12 * q / sp.pi**2, 3 * q / sp.pi**2]),
    )
    root = sp.sqrt(2 * sp.pi)
    return {"bernoulli:tanh": (2 / root, second / root), "bernoulli:sigmoid": (1 / root, 2 * second / root)}


# --- landing


def land(account: Account, pair: tuple, block: sp.Matrix, second: sp.Expr, limits: dict) -> None:
    """The package's formulas for two neurons, one of them with a kink, and its constants."""
    from fimtheory import catalogue
    from fimtheory.theory.expected_batches import BatchMetric
    from fimtheory.theory.expected_relative import ExpectedMetric

    at = sp.Rational(1, 2)
    slopes = {"poisson:exp": sp.exp(t), "gaussian:relu": sp.Heaviside(t)}
    metrics = {name: ExpectedMetric(name, q, at, s) for name in slopes}
    values = {name: _values(nu.subs(t, t + at)) for name, nu in slopes.items()}

    def claim(topic: str, sentence: str, *evidence: str) -> None:
        found = catalogue.find(f"fimtheory.relative.{topic}")
        account.land(found.id, sentence, found.statement, *evidence)

    claim(
        "two_eigenvalues",
        r"The package's eigenvalues for an exponential Poisson neuron and a rectifier, at $b = 1/2$.",
        *(
            identical([m.perpendicular, m.parallel], [e.subs(values[name]) for e in pair], f"for {name}")
            for name, m in metrics.items()
        ),
    )
    claim(
        "stein",
        "And their difference by its curvature.",
        *(
            identical(s * q * m.curvature, (pair[1] - pair[0]).subs(values[name]), f"for {name}")
            for name, m in metrics.items()
        ),
    )
    claim(
        "bias_block",
        "The block of the bias.",
        *(identical(m.block, block.subs(values[name]), f"for {name}") for name, m in metrics.items()),
    )
    claim(
        "batch_moments",
        "The second moment of a mini-batch.",
        *(
            identical(BatchMetric(m, 5, 3).second_moment, second.subs(values[name]).subs({d: 5, n: 3}), f"for {name}")
            for name, m in metrics.items()
        ),
    )
    claim(
        "saturation",
        "The constants of saturation.",
        *(_close(ExpectedMetric(name).saturation(20), constants, name) for name, constants in limits.items()),
    )


def _values(nu: sp.Expr) -> dict[sp.Symbol, sp.Expr]:
    """m_k and k_j of nu(t) over t ~ N(0, q)."""
    first = {m: expectation(nu * t**k, t, q) / q ** sp.Rational(k, 2) for k, m in ((0, m0), (1, m1), (2, m2))}
    return first | {k: expectation(nu**2 * t**j, t, q) / q ** sp.Rational(j, 2) for j, k in ((0, k0), (2, k2), (4, k4))}


def _close(found, constants, name: str) -> str:
    """Both numbers to 15 decimals."""
    return agreeing(
        lambda j: found[int(j)],
        lambda j: constants[int(j)].evalf(25)._to_mpmath(80),
        f"\\text{{{name}: }} j",
        [sp.Integer(0), sp.Integer(1)],
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("Relative metrics of neurons, averaged over inputs")
    pair = two_eigenvalues(account)
    stein(account)
    block = bias_block(account)
    second = batch(account)
    law(account, second)
    limits = saturation(account)
    land(account, pair, block, second, limits)
    print(account)
    return account


if __name__ == "__main__":
    main()
