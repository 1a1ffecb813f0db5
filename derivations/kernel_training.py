r"""Gradient descent of wide networks: what moves the outputs, when the squared loss converges, and the cross-entropy.

*Source*: Karakida, Akaho, Amari (2020), eqs. 23, 29 and 30, and section 3.4.
*Lands on*: `karakida2020.eq23`, `karakida2020.eq30`, `fimtheory.two_groups`, `fimtheory.cross_entropy_rate`.
*Departs from the text*: the text calls Q Theta (y - g) the functional gradient of the cross-entropy. It is the velocity
of the probabilities g; the logits f, by which training is followed, move by Theta (y - g) without Q. And where the text
finds a critical rate for the cross-entropy challenging, a rate that is always safe follows from Q_n <= 1/2.
*Assumptions*: exact for the kernel of the moment; that the kernel stays what it is holds as M grows.
"""

from __future__ import annotations

import sympy as sp
from _network import Network
from _steps import Account, agreeing, identical, random_points

from fimtheory.notation import SYMBOLS

M, N, alpha, kappa1, kappa2 = (SYMBOLS[name] for name in ("M", "N", "alpha_tot", "kappa1", "kappa2"))
eta, lam = sp.symbols("eta_rate lambda_1", positive=True)
SAMPLES, OUTPUTS = 2, 2
WHERE = "for an arbitrary activation, widths (1, 2, 2), two samples"


def on_samples(network: Network, matrix: sp.Matrix) -> list[sp.Matrix]:
    """An expression of the network at every sample."""
    return [matrix.xreplace({network.x[0]: sp.Symbol(f"x_{n}")}) for n in range(SAMPLES)]


def targets() -> sp.Matrix:
    """y_k(n), of shape (C, N)."""
    return sp.Matrix(OUTPUTS, SAMPLES, lambda k, n: sp.Symbol(f"y_{k}_{n}"))


def squared_loss(f: sp.Matrix) -> sp.Expr:
    """(1/2N) sum |y - f|^2, of the columns of f."""
    return sum(e**2 for e in targets() - f) / (2 * SAMPLES)


def chained(network: Network) -> sp.Matrix:
    """The Jacobian by backward signals, (P, N C), n fastest."""
    rows = [sp.kronecker_product(network.delta[l], sp.Matrix([*network.h[l - 1], 1])) for l in network.W]
    samples = on_samples(network, sp.Matrix.vstack(*rows))
    return sp.Matrix.hstack(*(one.col(k) for k in range(OUTPUTS) for one in samples))


def velocity(account: Account, network: Network) -> None:
    """Eqs. 29 and 30, for the kernel of the moment."""
    account.define(
        r"The squared loss, gradient flow of rate $\eta$, and the kernel.",
        r"\mathrm{Loss} = \frac{1}{2 N} \sum_n \|y(n) - f(n)\|^2, \quad \frac{d\theta}{dt} = -\eta\, \nabla \mathrm{Loss},"
        r" \quad \Theta = \nabla f^\top\, \nabla f",
    )
    f = sp.Matrix.hstack(*on_samples(network, network.u[network.depth]))
    theta = [s for l in network.W for s in network.parameters(l)]
    J, error = chained(network), (targets() - f).reshape(SAMPLES * OUTPUTS, 1)
    slopes = sp.Matrix([sp.diff(squared_loss(f), s) for s in theta])
    account.move(
        r"The chain rule: the loss depends on the parameters through the outputs.",
        r"\nabla \mathrm{Loss} = -\frac{1}{N} \nabla f\, (y - f)",
        identical(slopes, -J * error / SAMPLES, WHERE),
    )
    moved = [-sum(sp.diff(e, s) * slope for s, slope in zip(theta, slopes, strict=True)) for e in f]
    account.move(
        r"Once more: the outputs move with the parameters. This holds at every width.",
        r"\frac{df}{dt} = \frac{\eta}{N}\, \Theta\, (y - f)",
        identical(sp.Matrix(moved), J.T * J * error / SAMPLES, WHERE),
    )


def residual_after(steps: int, kernel: sp.Matrix, residual: sp.Matrix) -> sp.Matrix:
    """(I - (eta/N) Theta)^t r_0, one step after another."""
    for _ in range(steps):
        residual = (residual - eta / len(residual) * kernel * residual).applyfunc(sp.expand)
    return residual


def group_rates() -> tuple[sp.Expr, sp.Expr]:
    """lambda_1 on the mean over samples, lambda_2 on deviations from it: eigenvalues of alpha M K/N."""
    return alpha * M / N * (kappa1 + (N - 1) * kappa2), alpha * M / N * (kappa1 - kappa2)


def curve(steps: int, square, square_of_mean) -> sp.Expr:
    """The loss after so many steps, from |r_0|^2/N and the square of the mean of r_0."""
    top, rest = ((1 - eta * value) ** (2 * steps) for value in group_rates())
    return (top * square_of_mean + rest * (square - square_of_mean)) / 2


def squared_dynamics(account: Account) -> None:
    """Discrete steps with a kernel that stays, and the two groups of random inputs."""
    account.limit(
        r"In the limit of large $M$ the kernel is the same for every network and at every step, and the same for every"
        r" output by itself.",
        r"f_{t+1} - f_t = \frac{\eta}{N}\, \Theta\, (y - f_t), \quad"
        r" r_t = y - f_t = \left(I - \frac{\eta}{N} \Theta\right)^t r_0",
        "Ladders of trained networks are under karakida2020.eq30.",
    )
    account.move(
        r"Along an eigenvector of $F^* = \Theta/N$ the residual shrinks if and only if $\eta \lambda < 2$.",
        r"(1 - \eta \lambda)^2 - 1 = \eta \lambda\, (\eta \lambda - 2)",
        identical((1 - eta * lam) ** 2 - 1, eta * lam * (eta * lam - 2)),
    )
    count = 3
    kernel = (alpha * M * ((kappa1 - kappa2) * sp.eye(count) + kappa2 * sp.ones(count, count))).applyfunc(sp.expand)
    r = sp.Matrix([sp.Symbol(f"r_{n}") for n in range(count)])
    square, mean = sum(e**2 for e in r) / count, sum(r) / count
    losses = [sum(e**2 for e in residual_after(t, kernel, r)) / (2 * count) for t in (1, 2)]
    account.move(
        r"For random inputs $\Theta = \alpha M K$: one rate for the mean over samples $\bar r_0$, one for all deviations"
        r" from it, $\lambda_1 = \alpha M (\kappa_1 + (N - 1)\, \kappa_2)/N$ and"
        r" $\lambda_2 = \alpha M (\kappa_1 - \kappa_2)/N$.",
        r"\mathrm{Loss}_t = \frac{1}{2} \left[(1 - \eta \lambda_1)^{2t}\, \bar r_0^2 +"
        r" (1 - \eta \lambda_2)^{2t} \left(\tfrac{1}{N} |r_0|^2 - \bar r_0^2\right)\right]",
        identical(losses, [curve(t, square, mean**2).subs(N, count) for t in (1, 2)], "for $N = 3$, $t = 1, 2$"),
    )


def probabilities(f: sp.Matrix) -> sp.Matrix:
    """The softmax of a column."""
    powers = f.applyfunc(sp.exp)
    return powers / sum(powers)


def softmax_weight(g: sp.Matrix) -> sp.Matrix:
    """Q = diag(g) - g g'."""
    return sp.diag(*g) - g * g.T


def cross_entropy(account: Account) -> None:
    """What the cross-entropy puts in the place of y - f, and where Q enters."""
    f = sp.Matrix(sp.symbols("f_1:4"))
    y = sp.Matrix([*sp.symbols("y_1:3"), 1 - sum(sp.symbols("y_1:3"))])
    g = probabilities(f)
    loss = -sum(a * sp.log(b) for a, b in zip(y, g, strict=True))
    account.move(
        r"The cross-entropy of one sample has the slope $g - y$ in the logits, for labels that sum to one. So $y - g$"
        r" takes the place of $y - f$.",
        r"\nabla_f \left(-\sum_k y_k \log g_k\right) = g - y, \quad f_{t+1} - f_t = \frac{\eta}{N}\, \Theta\, (y - g_t)",
        identical([sp.diff(loss, e) for e in f], list(g - y), "for $C = 3$"),
    )
    account.move(
        r"The probabilities move by $Q$ times the velocity of the logits; this is where $Q \Theta (y - g)$ belongs.",
        r"\frac{\partial g}{\partial f} = Q = \operatorname{diag}(g) - g g^\top, \quad"
        r" \frac{dg}{dt} = \frac{\eta}{N}\, Q\, \Theta\, (y - g)",
        identical(g.jacobian(f), softmax_weight(g), "for $C = 3$"),
    )


def safe_rate(account: Account) -> None:
    """Q_n <= 1/2, the rate that follows, and that no larger one would do."""
    g1, g2 = sp.symbols("g_1 g_2")
    g = sp.Matrix([g1, g2, 1 - g1 - g2])
    v, low, high, mean = sp.Matrix(sp.symbols("v_1:4")), *sp.symbols("v_a v_b m")
    variance = sum(p * e**2 for p, e in zip(g, v, strict=True)) - (g.T * v)[0] ** 2
    account.move(
        r"$Q$ is the variance of $v$ under $g$.",
        r"v^\top Q v = \sum_k g_k v_k^2 - \Big(\sum_k g_k v_k\Big)^2",
        identical((v.T * softmax_weight(g) * v)[0], variance, "for $C = 3$"),
    )
    account.move(
        r"A variance is at most $(v_b - m)(m - v_a)$ with the mean $m$ and the smallest and largest $v_a$, $v_b$, for"
        r" the mean of $(v_b - v)(v - v_a)$ is not negative; that is at most $(v_b - v_a)^2/4$, and this at most"
        r" $(v_a^2 + v_b^2)/2 \le |v|^2/2$. So no $Q_n$ exceeds $1/2$, and $F_{\mathrm{cross}}$ not half of $F$.",
        r"\tfrac{1}{4} (v_b - v_a)^2 - (v_b - m)(m - v_a) = \left(m - \tfrac{1}{2} (v_a + v_b)\right)^2, \quad"
        r" \tfrac{1}{2} (v_a^2 + v_b^2) - \tfrac{1}{4} (v_b - v_a)^2 = \tfrac{1}{4} (v_a + v_b)^2",
        identical(
            [
                (high - low) ** 2 / 4 - (high - mean) * (mean - low),
                (low**2 + high**2) / 2 - (high - low) ** 2 / 4,
            ],
            [(mean - (low + high) / 2) ** 2, (low + high) ** 2 / 4],
        ),
    )
    account.limit(
        r"With a kernel that stays, the loss is a convex function of the parameters whose curvature is at most"
        r" $\lambda_{\max}(F)/2$. A step of rate $\eta$ lowers such a function by at least"
        r" $\eta (1 - \eta \lambda_{\max}(F)/4)$ times the square of its gradient.",
        r"\eta < \frac{4}{\lambda_{\max}(F)} \implies \mathrm{Loss}_{t+1} < \mathrm{Loss}_t",
        "The kernel stays as M grows; trajectories are under fimtheory.cross_entropy_rate.",
    )
    u = sp.Symbol("u", real=True)
    pair = probabilities(sp.Matrix([u, -u]))
    step = u + eta / 2 * sum(y - pair[0] for y in (1, 0))
    account.move(
        r"No larger constant would do. Two equal inputs of opposite labels, $\Theta_{nm} = 1$, $\lambda_{\max}(F) = 1$,"
        r" $f = (u, -u)$: the fixed point $u = 0$ attracts if and only if $|1 - \eta/2| < 1$.",
        r"u_{t+1} = u_t - \frac{\eta}{2} \tanh u_t",
        identical(step.rewrite(sp.exp), (u - eta / 2 * sp.tanh(u)).rewrite(sp.exp)),
        identical(sp.diff(step, u).subs(u, 0), 1 - eta / 2),
    )


# --- landing


def land(account: Account) -> None:
    """The package's boundary, dynamics, curve and safe rate."""
    import numpy as np

    from fimtheory import activation, catalogue
    from fimtheory.theory.deep_network import DeepNetwork
    from fimtheory.theory.kernel_training import critical_rate, mse_curve, mse_dynamics, safe_cross_entropy_rate

    account.land(
        "karakida2020.eq23",
        "The boundary of the rates, with the largest eigenvalue of theorem 3.1.",
        catalogue.find("karakida2020.eq23").statement,
        identical(critical_rate(), 2 / group_rates()[0]),
    )
    kernel, r = sp.Matrix([[3, 1], [1, 2]]), sp.Matrix([1, -2])
    found = mse_dynamics(np.array(kernel, dtype=float), np.array(r, dtype=float), 0.25, 3)
    exact = [residual_after(t, kernel, r).subs(eta, sp.Rational(1, 4)) for t in range(4)]
    account.land(
        "karakida2020.eq30",
        "Three steps with a kernel of integers, at a rate that a double holds exactly.",
        catalogue.find("karakida2020.eq30").statement,
        *(_same(row[:, 0], want, f"for step {t}") for t, (row, want) in enumerate(zip(found, exact, strict=True))),
    )
    network = DeepNetwork(activation("linear"), 2, 1, 1, outputs=1, samples=4)
    known = {s: sp.nsimplify(str(v)) for s, v in network.values().items()} | {M: sp.Integer(10)}
    account.land(
        "fimtheory.two_groups",
        "The curve of a linear network, whose order parameters are rational, at random rates below the boundary.",
        catalogue.find("fimtheory.two_groups").statement,
        agreeing(
            lambda rate: mse_curve(network, 10, float(rate), 5, 3.0, 2.0)[5],
            lambda rate: float(curve(5, 3, 2).subs(known).subs(eta, sp.Float(rate, 20))),
            r"\eta",
            [x / 64 for x in random_points(0, 1, 3, seed=6)],
        ),
    )
    account.land(
        "fimtheory.cross_entropy_rate",
        "The safe rate of the package.",
        catalogue.find("fimtheory.cross_entropy_rate").statement,
        identical(safe_cross_entropy_rate(), 4 / group_rates()[0]),
    )


def _same(found, want: sp.Matrix, where: str) -> str:
    """Doubles against exact numbers."""
    return identical([sp.Rational(round(float(x) * 2**40), 2**40) for x in found], list(want), where)


def main() -> Account:
    """Derive, land, print."""
    account = Account("Training with a kernel that stays")
    velocity(account, Network((1, 2, 2)))
    squared_dynamics(account)
    cross_entropy(account)
    safe_rate(account)
    land(account)
    print(account)
    return account


if __name__ == "__main__":
    main()
