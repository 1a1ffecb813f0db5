r"""Outliers of one hidden layer: what the 2 x 2 model of theorem 1 leaves out, and where it puts O(n) eigenvalues.

*Source*: our own; the spectrum they stand beside is Pennington, Worah (2018), theorem 1.
*Lands on*: `theory.single_layer_outliers.constants`, `theory.single_layer_outliers.outlier_determinant`,
`theory.single_layer_outliers.scaling_determinant`, `theory.single_layer_outliers.scaling_bound`,
`theory.single_layer_outliers.mean_outliers`.
*Departs from the text*: there is none to depart from. The paper speaks of the limiting spectrum, which O(n) of 2 n^2
eigenvalues do not change. H is taken apart by Hermite degree in the input; the response of one unit to a stretching of
its weights, r(Z) = Z f'(Z), is the one function besides f that counts.
*Assumptions*: a square layer, n large. Heuristic: three steps drop operators whose norm vanishes like n^(-1/2), found
by moments and confirmed on H of random weights, with no bound proved. Means are zero but for the last section.
"""

from __future__ import annotations

import functools

import sympy as sp
from _network import dphi, gaussian_mean, phi
from _single_layer import a, alpha, b, beta, mean, two_modes, z, zeta
from _steps import Account, identical
from pennington2018_theorem1 import ANY_F, W1, W2, WIDTHS, X, generic

from fimtheory.activations import activation
from fimtheory.notation import SYMBOLS

n, eta = SYMBOLS["n"], SYMBOLS["eta"]
b0, b1, b2, b3, b4 = sp.symbols("b_0:5", real=True)
r1, omega, chi, c, p = sp.symbols("r_1 omega chi c p", real=True)
T, g = sp.symbols("T g", real=True)
t = sp.Symbol("t", real=True)
SMALL = (1, 2, 3)  # widths at which means over all weights are multiplied out
QUARTIC = "for every polynomial of degree 4"


def normalised(k: int, at: sp.Expr = t) -> sp.Expr:
    """He_k(t)/sqrt(k!)."""
    return sp.hermite_prob(k, at) / sp.sqrt(sp.factorial(k))


def polynomial(at: sp.Expr = t) -> sp.Expr:
    """f = sum b_k He_k/sqrt(k!) up to degree 4, mean included."""
    return sum(sp.Symbol(f"b_{k}", real=True) * normalised(k, at) for k in range(5))


def average(expression: sp.Expr) -> sp.Expr:
    """The mean over Z = t."""
    return sp.expand(gaussian_mean(sp.expand(expression), {t: sp.S.One}))


def scaling_directions(account: Account) -> None:
    """The second function of a unit."""
    x = generic(WIDTHS[1], 1, "s")
    account.define(
        r"Stretch every row of $W_1$ by its own factor, and the columns of $W_2$ by theirs: $n$ directions each. $r$ is"
        r" what a hidden unit answers.",
        r"V_1 = \operatorname{diag}(x)\, W_1, \quad V_2 = W_2 \operatorname{diag}(x), \quad r(u) = u f'(u)",
    )
    u = W1 * X
    outputs = W2 * u.applyfunc(phi)

    def along(first: sp.Matrix, second: sp.Matrix) -> sp.Matrix:
        moved = zip([*W1, *W2], [*first, *second], strict=True)
        return sum((outputs.diff(weight) * change for weight, change in moved), sp.zeros(WIDTHS[2], 1))

    radial = u.multiply_elementwise(u.applyfunc(dphi))
    account.move(
        r"Differentiate the outputs along them.",
        r"J V_1 = W_2\, (x \circ r(u)), \quad J V_2 = W_2\, (x \circ f(u))",
        identical(along(sp.diag(*x) * W1, 0 * W2), W2 * x.multiply_elementwise(radial), ANY_F),
        identical(along(0 * W1, W2 * sp.diag(*x)), W2 * x.multiply_elementwise(u.applyfunc(phi)), ANY_F),
    )


def degrees(account: Account) -> tuple[sp.Expr, ...]:
    """Hermite degrees 0, 1 and the rest."""
    f = polynomial()
    r = t * sp.diff(f, t)
    rest_f, rest_r = f - b0 - b1 * t, r - average(r) - average(t * r) * t
    found = average(t * r), average(rest_r**2), average(rest_r * rest_f)
    account.move(
        r"Take both functions apart by Hermite degree: a mean, a linear part, and a rest whose covariance matrix is"
        r" $\begin{pmatrix} \omega & \chi \\ \chi & \beta \end{pmatrix}$. With the normalised coefficients $b_k$ of $f$,",
        r"\mathbb{E}\, r = \sqrt{2}\, b_2, \quad r_1 = \mathbb{E}\, Z r = b_1 + \sqrt{6}\, b_3, \quad"
        r" \omega = \mathbb{E}\, r^2 - 2 b_2^2 - r_1^2, \quad \chi = \tfrac{1}{2}\, \mathbb{E}\, f^2 (Z^2 - 1)"
        r" - \sqrt{2}\, b_0 b_2 - b_1 r_1",
        identical([average(r), found[0]], [sp.sqrt(2) * b2, b1 + sp.sqrt(6) * b3], QUARTIC),
        identical(found[1], average(r**2) - 2 * b2**2 - found[0] ** 2, QUARTIC),
        identical(found[2], average(f**2 * (t**2 - 1)) / 2 - sp.sqrt(2) * b0 * b2 - b1 * found[0], QUARTIC),
    )
    w, v = sp.symbols("w_1 w_2", real=True), sp.symbols("v_1 v_2", real=True)
    x = sp.symbols("x_1 x_2", real=True)
    U, change = (row[0] * x[0] + row[1] * x[1] for row in (w, v))
    cubic = (polynomial() - b4 * normalised(4)).diff(t)
    response = sp.expand(cubic.subs(t, U) * change)
    q, overlap = w[0] ** 2 + w[1] ** 2, w[0] * v[0] + w[1] * v[1]
    linear = [gaussian_mean(sp.expand(response * s), dict.fromkeys(x, sp.S.One)) for s in x]
    slope = b1 + sp.sqrt(6) * b3 * (q - 1) / 2
    account.move(
        r"The answer $f'(w \cdot X)\, v \cdot X$ of a unit to any change $v$ of its weights, $|w| = 1$, has the same three"
        r" parts: only the component of $v$ along $w$ has a mean, and a linear part beyond that of $f$.",
        r"\mathbb{E}\, f'(w \cdot X)\, v \cdot X = \sqrt{2}\, b_2\, w \cdot v, \quad"
        r" \mathbb{E}\, f'(w \cdot X)\, (v \cdot X)\, X = b_1 v + \sqrt{6}\, b_3\, (w \cdot v)\, w",
        identical(gaussian_mean(response, dict.fromkeys(x, sp.S.One)), sp.sqrt(2) * b2 * overlap, "for every cubic"),
        identical(
            linear,
            [slope * vk + sp.sqrt(6) * b3 * overlap * wk for vk, wk in zip(v, w, strict=True)],
            "for every cubic, where $b_1$ is the slope at $|w| = 1$",
        ),
    )
    return found


def parts_of_h(account: Account) -> None:
    """What different units share."""
    account.limit(
        r"$H$ is the sum over degrees of Gram matrices. Degree 0 is the mean gradient. Degree 1 is the linear part,"
        r" which all units share. Above, two units meet in powers $\rho^k$ of their correlation $\rho \sim n^{-1/2}$,"
        r" $k \geq 2$: only a unit with itself is left, and the mean of $\rho^2$. So, on top of the model of theorem 1,",
        r"\Delta = \underbrace{\Delta_1}_{\text{degree 1}} + (\omega - \alpha)\, E E^\top + \chi\, (E F^\top +"
        r" F E^\top) + Y Y^\top + b_2^2\; I \otimes \tfrac{1}{n} 1 1^\top,"
        r" \quad E x = \operatorname{diag}(x) W_1, \quad F x = W_2 \operatorname{diag}(x)",
        r"Hadamard products with off-diagonal entries of size $n^{-1/2}$, and deviations $|w|^2 - 1$ on diagonals, are"
        r" dropped. On $H$ of random weights the norm of all that is dropped, times $\sqrt{n}$, stays constant from $n ="
        r" 12$ to 48 (for cubics, even functions and erf).",
    )
    account.move(
        r"How large the shared parts are. The mean of $\rho^2$ sums to 1 in the direction $1/\sqrt{n}$: that is the last"
        r" term, of outputs that answer to $|X|^2$ alone. At $|w|^2 = q$ a unit has the mean $b_2 (q - 1)/\sqrt{2}$, and"
        r" over all units its square sums to $b_2^2$.",
        r"\frac{1}{n}\, \mathbb{E} \sum_{a \neq d} (w_a \cdot w_d)^2 = \frac{n - 1}{n}, \quad"
        r" \mathbb{E} \sum_d (|w_d|^2 - 1)^2 = 2",
        identical(
            [e for width in SMALL for e in _correlations(width)],
            [e for width in SMALL for e in (sp.Rational(width - 1, width), 2)],
            "for $n = 1, 2, 3$",
        ),
    )


def _correlations(width: int) -> tuple[sp.Expr, sp.Expr]:
    rows = generic(width, width, "v")
    gram, variances = rows * rows.T, dict.fromkeys(rows, sp.Rational(1, width))
    off = sum((gram[i, j] ** 2 for i in range(width) for j in range(width) if i != j), sp.S.Zero)
    lengths = sum((gram[i, i] - 1) ** 2 for i in range(width))
    return tuple(gaussian_mean(sp.expand(e), variances) for e in (off / width, lengths))


x_, y_ = z - alpha, z - beta
DET = x_ * y_ - zeta * a * y_ - zeta * b * x_
U = sp.Matrix([sp.sqrt(b), 0])  # E on one pair of singular values, up to a random sign and size
V = sp.Matrix([0, sp.sqrt(a)])  # F
Q = (two_modes() - alpha * sp.eye(2)) * U  # what the extra linear part pairs with E
pair = zeta * T  # E of u'(z - M)^(-1) v


def averages(account: Account) -> sp.Matrix:
    """The Gram matrix of u, q, v and the mean of f, in the resolvent."""
    account.limit(
        r"In the singular bases of $W_2$ and $W_1$ the scaling direction $x$ has components $u\, \gamma_{ij}$ and $v\,"
        r" \gamma_{ij}$ on the pair $(a_i, b_j)$, with $\gamma_{ij} = Q_i^\top \operatorname{diag}(x) P_j$ for independent"
        r" random bases $Q$, $P$: averages over both spectra result, the same for all unit vectors $x$.",
        r"u = \begin{pmatrix} \sqrt{b} \\ 0 \end{pmatrix}, \quad v = \begin{pmatrix} 0 \\ \sqrt{a} \end{pmatrix}, \quad"
        r" \mathbb{E}\, \gamma_{ij}^2 = \frac{|x|^2}{n^2}",
        r"Off-diagonal entries of functions of $W_2^\top W_2$ and $W_1 W_1^\top$ are of size $n^{-1/2}$ and independent of"
        r" each other.",
    )
    R = (z * sp.eye(2) - two_modes()).inv()
    account.move(
        r"All averages reduce to one. With $x = z - \alpha$, $y = z - \beta$ and the resolvent $R = (z - M)^{-1}$, before"
        r" averaging:",
        r"x\, u^\top R u = b + y\, u^\top R v, \quad y\, v^\top R v = a + x\, u^\top R v, \quad"
        r" R (M - \alpha) u = x R u - u",
        identical(x_ * (U.T * R * U)[0], b + y_ * (U.T * R * V)[0]),
        identical(y_ * (V.T * R * V)[0], a + x_ * (U.T * R * V)[0]),
        identical(R * Q, x_ * R * U - U),
    )
    first, second = (1 + y_ * pair) / x_, (1 + x_ * pair) / y_
    gram = sp.Matrix(
        [
            [first, x_ * first - 1, pair, 0],
            [x_ * first - 1, x_**2 * first - x_ - zeta, x_ * pair, 0],
            [pair, x_ * pair, second, 0],
            [0, 0, 0, g],
        ]
    )
    account.move(
        r"The means of $a$, $b$ and $a b$ are 1, and $u^\top (M - \alpha) u = \zeta a b$. With $q = (M - \alpha) u$ the"
        r" averages over $a$ and $b$ are",
        r"\langle u R u \rangle = \frac{1 + \zeta y T}{x}, \quad \langle u R v \rangle = \zeta T,"
        r" \quad \langle v R v \rangle = \frac{1 + \zeta x T}{y},"
        r" \quad \langle u R q \rangle = x \langle u R u \rangle - 1, \quad \langle v R q \rangle = \zeta x T,"
        r" \quad \langle q R q \rangle = x^2 \langle u R u \rangle - x - \zeta,"
        r" \quad T = \mathbb{E} \frac{a b}{x y - \zeta a y - \zeta b x}",
        identical([mean(e) for e in (a, b, a * b)], [1, 1, 1]),
        identical([(U.T * R * V)[0], (U.T * Q)[0]], [zeta * a * b / DET, zeta * a * b]),
    )
    return gram


def determinant(account: Account, gram: sp.Matrix) -> sp.Expr:
    """det(1 - K G) and its short form."""
    ratio = (r1 - b1) / b1
    account.limit(
        r"The parts of $\Delta$ in these terms. The extra linear part of a scaling direction pairs with $q$, and with"
        r" itself by $(r_1 - b_1)^2\, \mathbb{E}\, a b$. The mean gradient of the output with the singular value"
        r" $\sqrt{a}$ (in the basis of $W_2$) is $\sqrt{2 a}\, b_2$ times $E$ plus $b_2$ times a unit vector $e$ of"
        r" $V_2$, which meets only itself.",
        r"\Delta = (\omega - \alpha + (r_1 - b_1)^2)\, u u^\top + \frac{r_1 - b_1}{b_1} (u q^\top + q u^\top) +"
        r" \chi (u v^\top + v u^\top) + m m^\top, \quad m = \sqrt{2 a}\, b_2\, u + b_2\, e",
        r"$\mathbb{E}\, a b = 1$, and $q = \zeta \sqrt{a b}\, (\sqrt{a}, \sqrt{b})^\top$ is the linear part of the model.",
    )
    K = sp.zeros(4, 4)
    K[0, 0] = omega - alpha + (r1 - b1) ** 2 + 2 * a * b2**2
    K[0, 1] = K[1, 0] = ratio
    K[0, 2] = K[2, 0] = chi
    K[0, 3] = K[3, 0] = sp.sqrt(2 * a) * b2**2
    K[3, 3] = b2**2
    first, second = sp.symbols("x y", real=True)
    plain = {zeta: b1**2, alpha: z - first, beta: z - second}
    found = (sp.eye(4) - K * gram).subs(plain).det(method="berkowitz")
    account.move(
        r"The linear part of the model and its correction are both there.",
        r"q = \zeta \sqrt{a b} \begin{pmatrix} \sqrt{a} \\ \sqrt{b} \end{pmatrix}",
        identical(Q, zeta * sp.sqrt(a * b) * sp.Matrix([sp.sqrt(a), sp.sqrt(b)])),
    )
    alone = (1 + y_ * pair) * (z - omega) - x_ * T * r1 * (r1 * y_ + 2 * b1 * chi)
    alone = (alone - chi**2 * (1 + (x_ + y_) * pair) / y_) / x_
    short = (1 - b2**2 * g) * alone - 2 * b2**2 * a * (1 + y_ * pair) / x_
    account.move(
        r"An eigenvalue $z$ outside the bulk is a zero of $\det(1 - \Delta R)$, a determinant of order 4. It is linear in"
        r" $T$, $g$ and $a$.",
        r"\det = (1 - b_2^2 g)\, D_0 - 2 b_2^2 a\, \frac{1 + \zeta y T}{x}, \quad D_0 = \frac{1}{x} \left[(1 + \zeta y T)"
        r" (z - \omega) - x T r_1 (r_1 y + 2 b_1 \chi) - \frac{\chi^2}{y} (1 + \zeta (x + y) T)\right]",
        identical(sp.cancel(found - short.subs(plain)), 0),
    )
    angle = sp.Symbol("s", positive=True)
    partial = (sp.tan(angle) - angle) / sp.pi
    account.move(
        r"If $\chi \neq 0$, exactly one zero lies below $z_1 = \beta$, for every $a$. The determinant over $\langle u R u"
        r" \rangle (1 - b_2^2 g)$ is the inverse of a diagonal entry of a resolvent, so it increases, from $-\infty$. At"
        r" $z_1$, where $y = 0$, it goes to $+\infty$: $\langle v R v \rangle$ contains the mean of $1/b$, which for $b ="
        r" 4 \cos^2 s$ grows as $\tan s$.",
        r"\frac{4}{\pi} \int_0^{s} \frac{\sin^2 s'}{4 \cos^2 s'}\, \mathrm{d}s' = \frac{\tan s - s}{\pi} \to \infty \quad"
        r" (s \to \pi/2)",
        identical([partial.subs(angle, 0), sp.diff(partial, angle)], [0, sp.tan(angle) ** 2 / sp.pi]),
        identical(sp.limit(1 / partial, angle, sp.pi / 2, "-"), 0),
    )
    return short


def radial_directions(account: Account) -> None:
    """Outputs that answer to |X|^2."""
    k, s, delta = sp.symbols("k s delta", positive=True)
    place = y_ * (x_ - zeta * a) / (zeta * x_)
    transform = (s - sp.sqrt(s**2 - 4 * s)) / 2
    account.move(
        r"For $e$, as for the radial directions, $a$ stays fixed and $b$ is averaged: the Marchenko-Pastur transform at"
        r" $s = y (x - \zeta a)/(\zeta x)$.",
        r"g = \mathbb{E}_b \frac{x - \zeta a}{x y - \zeta a y - \zeta b x} = \frac{s - \sqrt{s^2 - 4 s}}{2 y}",
        identical(y_ * (x_ - zeta * a) / DET, place / (place - b)),
        identical(sp.expand(transform**2 - s * transform + s), 0),
    )
    x = b2**2 * k - delta
    quadratic = (b2**2 * (k - 1) - zeta * k) * x - zeta * a * b2**2 * (k - 1)
    at_k = b2**2 * k * (x - zeta * a) / (zeta * x)
    account.move(
        r"So $1 = b_2^2 g$ is a quadratic equation for $k = y/b_2^2 \in (0, 2)$, with $\delta = \alpha - \beta$.",
        r"k^2 - s k + s = 0 \;\Leftrightarrow\; (b_2^2 (k - 1) - \zeta k)(b_2^2 k - \delta) = \zeta a\, b_2^2 (k - 1)",
        identical((k**2 - at_k * k + at_k) * zeta * x / k, -quadratic),
    )


def homogeneous(account: Account, short: sp.Expr) -> sp.Expr:
    """Where the smallest eigenvalue tends to zero."""
    up, down = sp.symbols("k_+ k_-", real=True)
    for_both = [t * sp.diff(slope * t - c, t) - (slope * t - c) for slope in (up, down)]
    account.move(
        r"Shifted homogeneous functions $f = h - c$, $h$ of degree 1 (ReLU, leaky ReLU, $|x|$, less their means): $r - f ="
        r" c$ by Euler. Stretch rows of $W_1$ and shrink columns of $W_2$: only the constant is felt.",
        r"J (\operatorname{diag}(x) W_1, - W_2 \operatorname{diag}(x)) = c\, W_2 x, \quad"
        r" \lambda_{\min} \leq \frac{c^2 |W_2 x|^2}{\sum_a x_a^2 (|w_a|^2 + |W_2 e_a|^2)}",
        identical(for_both, [c, c], "on both sides of the kink"),
    )
    at = {omega: p**2 * beta, chi: p * beta, r1: p * b1, z: 0, a: 0, zeta: b1**2}
    account.move(
        r"The determinant agrees: for $r - p f$ constant, degree $p$, it vanishes at $z = 0$ and $a = 0$, whatever $T$ and"
        r" $g$. The smallest eigenvalue of a square $W_2^\top W_2$ tends to zero, and with it the one of $H$.",
        r"\omega = p^2 \beta, \quad \chi = p \beta, \quad r_1 = p\, b_1 \quad \Rightarrow \quad \det(z = 0, a = 0) = 0",
        identical(short.subs(at), 0),
    )
    plane = sp.Matrix([[omega + r1**2, chi + r1 * b1], [chi + r1 * b1, beta + zeta]])
    means = sp.Matrix([sp.sqrt(2) * b2, b0])
    bound = plane + a * means * means.T
    shifted = {omega: p**2 * beta, chi: p * beta, r1: p * b1, zeta: b1**2, b0: 0, b2: p * c / sp.sqrt(2)}
    slope = sp.limit(sp.cancel(bound.subs(shifted).det() / bound.subs(shifted).trace()) / a, a, 0)
    account.move(
        r"In general $H$ in the plane of the two scaling directions is $\operatorname{Cov}(r, f) + a\, m m^\top$, $m ="
        r" (\mathbb{E}\, r, \mathbb{E} f)$: its smallest eigenvalue bounds the outlier. For $f = h - c$, where $h$ has the"
        r" mean $c$ and $\mathbb{E}\, r = p c$, it begins with",
        r"\frac{p^2 c^2}{1 + p^2}\, a",
        identical(sp.simplify(slope), p**2 * c**2 / (1 + p**2)),
    )
    return bound


def gaussian_means(account: Account) -> sp.Expr:
    """Eigenvalues of order n."""
    q = sp.Symbol("q", positive=True)
    level = average(polynomial(sp.sqrt(q) * t))
    account.move(
        r"With a mean $b_0$ the mean gradient is of length $\sqrt{n}$, and each output has an eigenvalue of order $n$. A"
        r" unit with $|w|^2 = q$ has the mean",
        r"\mathbb{E} f(\sqrt{q} Z) = b_0 + \frac{b_2}{\sqrt{2}} (q - 1) + \frac{\sqrt{24}\, b_4}{8} (q - 1)^2 + \dots",
        identical(level, b0 + b2 / sp.sqrt(2) * (q - 1) + sp.sqrt(24) * b4 / 8 * (q - 1) ** 2, QUARTIC),
    )
    shift = sp.Symbol("h", real=True)
    moments = [1, 0, 2 / n, 8 / n**2, 12 / n**2 + 48 / n**3]
    square = sp.Poly(sp.expand(level.subs(q, 1 + shift) ** 2), shift)
    length = sum(factor * moments[k] for (k,), factor in square.terms())
    rest = sp.limit(sp.expand(n * length - n * b0**2), n, sp.oo)
    account.move(
        r"$n q$ is chi-squared with $n$ degrees of freedom. Over all units the squares sum to",
        r"n b_0^2 + b_2^2 + \sqrt{6}\, b_0 b_4, \quad"
        r" \operatorname{Var} \sum_d \sqrt{2}\, b_0 b_2 (q_d - 1) = 4 b_0^2 b_2^2",
        identical([_central_moment(k) for k in range(5)], moments, "for the first four central moments"),
        identical(rest, b2**2 + sp.sqrt(6) * b0 * b4, QUARTIC),
        identical(n * 2 * b0**2 * b2**2 * moments[2], 4 * b0**2 * b2**2),
    )
    account.limit(
        r"Add what the scaling directions give to the mean gradient, $2 b_2^2 a$, and the mean of the rest of $H$ along"
        r" $1/\sqrt{n}$, $\zeta + \beta + b_2^2 = \eta - b_0^2 + b_2^2$. The direction is then used up: $m$ and the radial"
        r" directions leave the determinant, and $D_0$ stays.",
        r"\lambda(a) = n b_0^2 + \eta - b_0^2 + 2 b_2^2 + \sqrt{6}\, b_0 b_4 + 2 b_2^2 a",
        r"Second-order perturbation theory changes this by $O(1/n)$.",
    )
    return rest + 2 * b2**2 * a + n * b0**2 + eta - b0**2 + b2**2


def _central_moment(k: int) -> sp.Expr:
    """E (q - 1)^k for n q chi-squared with n degrees of freedom."""
    raw = [functools.reduce(lambda e, i: e * (n + 2 * i), range(j), sp.S.One) / n**j for j in range(k + 1)]
    return sp.expand(sum(sp.binomial(k, j) * (-1) ** (k - j) * raw[j] for j in range(k + 1)))


# --- landing


def land(account: Account, found: tuple, short: sp.Expr, bound: sp.Expr, order_n: sp.Expr) -> None:
    """The package's constants, determinants, bound and eigenvalues of order n."""
    from fimtheory.theory import single_layer_outliers as theory

    quartic = activation("x**4/8 + x**3/3 - x**2 + x/2 + 1")
    coefficients = {symbol: quartic.hermite(k) for k, symbol in enumerate((b0, b1, b2, b3, b4))}
    ours = theory.constants(quartic)
    account.land(
        "theory.single_layer_outliers.constants",
        r"The constants of a quartic.",
        r"r_1, \omega, \chi",
        identical([ours.r1, ours.omega, ours.chi], [e.subs(coefficients) for e in found]),
    )
    symbols = theory.Constants(b0, b1, b2, alpha, beta, zeta, r1, omega, chi)
    account.land(
        "theory.single_layer_outliers.outlier_determinant",
        r"The determinant whose zeros the package finds.",
        r"\det(1 - \Delta R)",
        identical(theory.outlier_determinant(z, a, symbols, T, g), short),
    )
    account.land(
        "theory.single_layer_outliers.scaling_determinant",
        r"The same without the mean gradient.",
        r"D_0",
        identical(theory.scaling_determinant(z, symbols, T), short.subs(b2, 0)),
    )
    at = {omega: ours.omega, chi: ours.chi, r1: ours.r1, beta: ours.beta, zeta: ours.zeta, **coefficients, a: 3}
    low = min(bound.subs(at).eigenvals(), key=lambda e: sp.N(e))
    account.land(
        "theory.single_layer_outliers.scaling_bound",
        r"The bound of the quartic at $a = 3$.",
        r"\min \operatorname{spec}\left(\operatorname{Cov}(r, f) + a\, m m^\top\right)",
        identical(theory.scaling_bound(quartic, 3), low),
    )
    whole = activation("x**4/2 + 2*x**2 + x - 1")  # b_0 = 5/2, b_2^2 = 50, b_4 = sqrt 6
    values = {symbol: whole.hermite(k) for k, symbol in enumerate((b0, b1, b2, b3, b4))} | {n: 10, eta: whole.eta}
    tops = theory.mean_outliers(whole, 10)
    account.land(
        "theory.single_layer_outliers.mean_outliers",
        r"The eigenvalues of order $n$ of another quartic, $n = 10$, at $a = 0$ and $a = 1$.",
        r"\lambda(0), \lambda(1)",
        identical([sp.Rational(tops.location(k)) for k in (0, 1)], [order_n.subs(values | {a: k}) for k in (0, 1)]),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("Outliers of one hidden layer")
    scaling_directions(account)
    found = degrees(account)
    parts_of_h(account)
    short = determinant(account, averages(account))
    radial_directions(account)
    bound = homogeneous(account, short)
    land(account, found, short, bound, gaussian_means(account))
    print(account)
    return account


if __name__ == "__main__":
    main()
