r"""Function forms: which function of x output weights realise that are a given function of the hidden weights.

*Source*: Ho, Takeishi, Takeuchi (2025), abstract: the functions of four groups of approximate eigenvectors.
*Lands on*: `ho2025.norm_form`, `ho2025.coordinate_form`, `ho2025.offdiagonal_form`, `ho2025.diagonal_form`,
`ho2025.orthogonality`, `ho2025.hadamard_squares`, `fimtheory.functions.stein`, `fimtheory.functions.fluctuation`.
*Departs from the text*: the functions come with their constants, in any dimension d, and not approximately. Hidden weights
are N(0, I_d), output weights g(w_i)/sqrt(m); the printed ones, N(0, I_d/m) and of length one, give F/sqrt(E g^2). The
functions of w_1 o w_1 and w_2 o w_2 are far from orthogonal; those of eigenfunctions are orthogonal exactly.
*Assumptions*: w ~ N(0, I_d), x ~ N(0, I_d); phi = ReLU from the third step on. Only the limit of a mean of independent
terms is asymptotic; its mean and its variance hold at every width.
"""

from __future__ import annotations

import itertools

import sympy as sp
from _steps import Account, identical

from fimtheory.latex import latex

d = sp.Symbol("d", integer=True, positive=True)
r, t = sp.Symbol("|x|", positive=True), sp.Symbol("t", real=True)
x1, x2, w1, w2 = sp.symbols("x_1 x_2 w_1 w_2", real=True)
X = (x1, x2)  # an input in the plane of two coordinates: by symmetry there is no other
HARMONICS = {
    "1": (0, sp.S.One),
    "w_1": (1, w1),
    "w_1 w_2": (2, w1 * w2),
    "w_1^2 - w_2^2": (2, w1**2 - w2**2),
    "w_1^3 - 3 w_1 w_2^2": (3, w1**3 - 3 * w1 * w2**2),
}
POWERS = range(6)


def on_sphere(e: sp.Expr) -> sp.Expr:
    """The average over the unit sphere of R^d of a polynomial in two coordinates of omega."""
    total = sp.S.Zero
    for (a, b), c in sp.Poly(e, w1, w2).terms():
        if a % 2 == 0 and b % 2 == 0:
            above = sp.factorial2(a - 1) * sp.factorial2(b - 1)
            total += c * above / sp.Mul(*(d + 2 * j for j in range((a + b) // 2)))
    return sp.together(total)


def legendre(k: int) -> sp.Expr:
    """P_k(t): the part of t^k that is orthogonal to lower powers, 1 at t = 1."""
    p = t**k
    for j in range(k - 2, -1, -2):
        q = legendre(j)
        p -= on_sphere((p * q).subs(t, w1)) / on_sphere((q * q).subs(t, w1)) * q
    return sp.factor(p / p.subs(t, 1))


def half_moment(j: int) -> sp.Expr:
    """E t_+^j for the first coordinate t of a uniform point of the sphere: E Z_+^j/E|w|^j."""
    return sp.gamma(sp.Rational(j + 1, 2)) * sp.gamma(d / 2) / (2 * sp.sqrt(sp.pi) * sp.gamma((d + j) / 2))


def chi(j: int) -> sp.Expr:
    """E |w|^j."""
    return 2 ** sp.Rational(j, 2) * sp.gamma((d + j) / 2) / sp.gamma(d / 2)


def coefficient(k: int) -> sp.Expr:
    """c_k = E t_+ P_k(t)."""
    return sum(c * half_moment(j + 1) for (j,), c in sp.Poly(legendre(k), t).terms())


def gammas(e: sp.Expr) -> sp.Expr:
    """Gammas reduced against each other."""
    return sp.simplify(sp.gammasimp(sp.expand_func(e)))


def mean_of_units(account: Account) -> None:
    """f is a mean of independent terms."""
    account.define(
        r"Output weights that are a function of the hidden ones, $i = 1, \ldots, m$.",
        r"f(x) = \frac{1}{\sqrt{m}} \sum_{i=1}^{m} v_i\, \phi(w_i \cdot x), \quad v_i = \frac{g(w_i)}{\sqrt{m}}, \quad"
        r" F(x) = \mathbb{E}_w\, g(w)\, \phi(w \cdot x)",
    )
    values, chance = sp.symbols("a_1:4"), sp.symbols("p_1:3", positive=True)
    law = list(zip(values, (*chance, 1 - sum(chance)), strict=True))
    found, expected = [], []
    first, second = (sum(p * a**k for a, p in law) for k in (1, 2))
    for m in (1, 2, 3):
        draws = [
            (sum(a for a, _ in draw) / sp.Integer(m), sp.Mul(*(p for _, p in draw)))
            for draw in itertools.product(law, repeat=m)
        ]
        mean = sum(p * f for f, p in draws)
        found += [mean, sum(p * f**2 for f, p in draws) - mean**2]
        expected += [first, (second - first**2) / m]
    account.move(
        r"A mean of $m$ independent terms: its expectation is $F$ at every width, its variance the $m$-th part of"
        r" that of one term. This tends to 0, so $f \to F$.",
        r"\mathbb{E}\, f(x) = F(x), \quad m \operatorname{Var} f(x) = \mathbb{E}\, g(w)^2 \phi(w \cdot x)^2 - F(x)^2",
        identical(found, expected, "for a law on three points and $m = 1, 2, 3$"),
    )


def funk_hecke(account: Account) -> None:
    """Harmonics go to harmonics."""
    left, right = [], []
    for k, h in HARMONICS.values():
        at_x = h.subs({w1: x1, w2: x2}, simultaneous=True)
        for n in POWERS:
            c = on_sphere((t**n * legendre(k)).subs(t, w1))
            # x = rho xi, and the average is homogeneous of degree n in rho.
            left.append(on_sphere(sp.expand((w1 * x1 + w2 * x2) ** n * h)))
            right.append(c * (x1**2 + x2**2) ** sp.Rational(n - k, 2) * at_x if (n - k) % 2 == 0 and n >= k else 0)
    account.move(
        r"Funk and Hecke: averaged over directions $\omega$, a function of $\omega \cdot x$ takes a harmonic $h_k$"
        r" of degree"
        r" $k$ to a multiple of itself. $t$ is one coordinate of $\omega$, $P_k$ the harmonic of degree $k$ in it"
        r" alone.",
        r"\mathbb{E}_\omega\, \phi(\omega \cdot x)\, h_k(\omega) = c_k(|x|)\, h_k\!\left(\frac{x}{|x|}\right), \quad"
        r" c_k(s) = \mathbb{E}_t\, \phi(s t) P_k(t)",
        identical(
            left, right, f"for $\\phi = t^n$, $n \\leq {POWERS[-1]}$, and $h = {', '.join(HARMONICS)}$, at any $d$"
        ),
    )


def relu(account: Account) -> dict[int, sp.Expr]:
    """The coefficients of ReLU, and the powers of |w|."""
    density = sp.Rational(1, 2)  # of one coordinate on the sphere of R^3: uniform on [-1, 1]
    c = {k: gammas(coefficient(k)) for k in range(5)}
    direct = [sp.integrate(t * sp.legendre(k, t) * density, (t, 0, 1)) for k in range(5)]
    account.move(
        r"For ReLU $c_k(s) = c_k s$, from the moments of half a coordinate.",
        r"\mathbb{E}\, t_+^j = \frac{\Gamma(\frac{j+1}{2})\, \Gamma(\frac{d}{2})}{2 \sqrt{\pi}\,"
        r" \Gamma(\frac{d+j}{2})}, \quad c_1 = \frac{1}{2 d}, \quad c_0 = (d + 1)\, c_2",
        identical([gammas(c[k].subs(d, 3)) for k in range(5)], direct, "for $d = 3$, $k \\leq 4$, by integration"),
        identical([c[1], gammas(c[0] / c[2])], [1 / (2 * d), d + 1]),
    )
    account.move(
        r"With $w = |w|\, \omega$ the length comes out as a moment: powers of $|w|$ change the factor of a function,"
        r" but not"
        r" the function. For the power 1 of $|w|$ in all the factor is the singular value, $\sqrt{\lambda_k} = d\,"
        r" |c_k|$.",
        r"g = |w|^q h_k(w): \quad F(x) = c_k\, \mathbb{E} |w|^{q+k+1}\, |x|^{1-k}\, h_k(x), \quad"
        r" \mathbb{E} |w|^j = 2^{j/2}\, \frac{\Gamma(\frac{d+j}{2})}{\Gamma(\frac{d}{2})}, \quad \mathbb{E} |w|^2 = d",
        identical(gammas(chi(2)), d),
        identical(
            [gammas(half_moment(j) * chi(j)) for j in range(1, 5)],
            [
                gammas(2 ** sp.Rational(j, 2) * sp.gamma(sp.Rational(j + 1, 2)) / (2 * sp.sqrt(sp.pi)))
                for j in range(1, 5)
            ],
            "against half-moments of one Gaussian, $j \\leq 4$",
        ),
    )
    return c


def four_groups(account: Account, c: dict[int, sp.Expr]) -> dict[str, sp.Expr]:
    """The functions of the document."""
    forms = {
        "norm": d * c[0] * r,
        "ones": gammas(c[0] * chi(1)) * r,
        "coordinate": gammas(c[1] * chi(2)) * x1,
        "product": d * c[2] * x1 * x2 / r,
        "square": d * c[2] * (x1**2 - r**2 / d) / r + c[0] * r,
        "hadamard_square": gammas(c[2] * chi(3)) * (x1**2 - r**2 / d) / r + gammas(c[0] * chi(3)) * r / d,
    }
    account.move(
        r"The groups. $w_1^2$ is a harmonic of degree 2 and one of degree 0, and $c_0 = (d + 1)\, c_2$ makes one"
        r" form of both.",
        r"|w| \mapsto \sqrt{\lambda_0}\, |x|, \quad w_l \mapsto \frac{x_l}{2}, \quad"
        r" \frac{w_\alpha w_\beta}{|w|} \mapsto \sqrt{\lambda_2}\, \frac{x_\alpha x_\beta}{|x|}, \quad"
        r" \frac{w_\gamma^2}{|w|} \mapsto \sqrt{\lambda_2}\, \frac{x_\gamma^2 + |x|^2}{|x|}",
        identical(forms["coordinate"], x1 / 2),
        identical(gammas(forms["square"] / (d * c[2] * (x1**2 + r**2) / r)), 1),
    )
    return forms


def stein(account: Account, forms: dict[str, sp.Expr]) -> None:
    """Hadamard products by parts."""
    left, right = [], []
    variance = x1**2 + x2**2
    for n in POWERS:
        derivatives = [sp.ff(n, j) * _gaussian_moment(n - j, variance) for j in (0, 1, 2)]
        for a, b in ((0, 0), (0, 1)):
            left.append(_gaussian_pair((w1 * x1 + w2 * x2) ** n * (w1, w2)[a] * (w1, w2)[b]))
            right.append(int(a == b) * derivatives[0] + X[a] * X[b] * derivatives[2])
        left.append(_gaussian_pair((w1 * x1 + w2 * x2) ** n * w1))
        right.append(x1 * derivatives[1])
    account.move(
        r"For any activation, integration by parts takes each factor $w_l$ to a derivative.",
        r"\mathbb{E}\, w_l\, \phi = x_l\, \mathbb{E}\, \phi'(u), \quad \mathbb{E}\, w_\alpha w_\beta\, \phi ="
        r" \delta_{\alpha\beta}\, \mathbb{E}\, \phi(u) + x_\alpha x_\beta\, \mathbb{E}\, \phi''(u), \quad u \sim"
        r" N(0, |x|^2)",
        identical(left, right, f"for $\\phi = t^n$, $n \\leq {POWERS[-1]}$"),
    )
    account.move(
        r"For ReLU $\phi''$ is a point mass at 0, $\mathbb{E}\, \phi''(u) = 1/(\sqrt{2 \pi}\, |x|)$ and"
        r" $\mathbb{E}\, \phi(u) = |x|/\sqrt{2 \pi}$. Both ways meet.",
        r"w_\gamma^2 \mapsto \frac{1}{\sqrt{2 \pi}} \frac{x_\gamma^2 + |x|^2}{|x|}, \quad 1 \mapsto"
        r" \frac{|x|}{\sqrt{2 \pi}}",
        identical(
            [forms["hadamard_square"], forms["ones"]],
            [(r / sp.sqrt(2 * sp.pi) + x1**2 / (sp.sqrt(2 * sp.pi) * r)), r / sp.sqrt(2 * sp.pi)],
        ),
    )


def _gaussian_moment(n: int, variance: sp.Expr) -> sp.Expr:
    return sp.factorial2(n - 1) * variance ** (n // 2) if n >= 0 and n % 2 == 0 else sp.S.Zero


def _gaussian_pair(e: sp.Expr) -> sp.Expr:
    """E over two standard Gaussians w_1, w_2."""
    return sum(
        c * _gaussian_moment(a, sp.S.One) * _gaussian_moment(b, sp.S.One) for (a, b), c in sp.Poly(e, w1, w2).terms()
    )


def inner_products(account: Account) -> list[sp.Expr]:
    """Exactly orthogonal, and nearly parallel."""
    names = list(HARMONICS)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    account.move(
        r"The metric $J$ measures functions, $\langle v, J v' \rangle \to \mathbb{E}\, F F'$. Different harmonics are"
        r" orthogonal: so are the functions of eigenfunctions, exactly.",
        r"\mathbb{E}_\omega\, h(\omega)\, h'(\omega) = 0",
        identical(
            [on_sphere(sp.expand(HARMONICS[a][1] * HARMONICS[b][1])) for a, b in pairs],
            [0] * len(pairs),
            f"for all pairs of ${', '.join(names)}$, at any $d$",
        ),
    )
    one, two = 1 + w1**2, 1 + w2**2
    mixed, square, first = (on_sphere(sp.expand(e)) for e in (one * two, one**2, one))
    cosine, to_norm2 = sp.factor(mixed / square), sp.factor(first**2 / square)
    account.move(
        r"The functions $(x_\gamma^2 + |x|^2)/|x|$ share their part of degree 0: each is nearly parallel to the"
        r" others and to $|x|$, the more so the larger $d$ is.",
        rf"\cos(F_{{11}}, F_{{22}}) = {latex(cosine)}, \quad \cos(F_{{11}}, F_0)^2 = {latex(to_norm2)}",
        identical(
            [cosine, to_norm2],
            [((d + 2) ** 2 + 1) / ((d + 2) ** 2 + 3), (d + 1) ** 2 * (d + 2) / (d * ((d + 2) ** 2 + 3))],
        ),
        identical([sp.limit(e, d, sp.oo) for e in (cosine, to_norm2)], [1, 1], "as $d \\to \\infty$"),
    )
    return [cosine, to_norm2]


def fluctuation(account: Account, c: dict[int, sp.Expr]) -> sp.Expr:
    """The variance of the function of |w|."""
    square = gammas(half_moment(2) * chi(4))
    found = (square - (d * c[0]) ** 2) * r**2
    account.move(
        r"The same average of $g^2 \phi^2$ gives the fluctuation; for $g = |w|$ it is $\mathbb{E}\, t_+^2\,"
        r" \mathbb{E} |w|^4\, |x|^2 - \lambda_0 |x|^2$.",
        r"m \operatorname{Var} f(x) = \left(\frac{d + 2}{2} - \lambda_0\right) |x|^2",
        identical(square, (d + 2) / 2),
    )
    return found


# --- landing


def land(account: Account, forms: dict[str, sp.Expr], cosines: list[sp.Expr], variance: sp.Expr) -> None:
    """The package's forms, cosines and fluctuation, d a symbol."""
    from fimtheory import catalogue
    from fimtheory.theory.function_groups import groups

    package = groups("relu", "d")
    for claim, *names in (
        ("ho2025.norm_form", "norm", "ones"),
        ("ho2025.coordinate_form", "coordinate"),
        ("ho2025.offdiagonal_form", "product"),
        ("ho2025.diagonal_form", "square", "hadamard_square"),
    ):
        found = catalogue.find(claim)
        account.land(
            found.id,
            f"The package's forms, at any $d$: {found.title.lower()}.",
            found.statement,
            identical([gammas(package[name].form / forms[name]) for name in names], [1] * len(names)),
        )
    orthogonal = [package[name] for name in ("norm", "coordinate", "product", "contrast")]
    found = catalogue.find("ho2025.orthogonality")
    account.land(
        found.id,
        "The package's cosines between the functions of four eigenfunctions: the identity.",
        found.statement,
        identical(
            [a.cosine(b) for a in orthogonal for b in orthogonal],
            [int(a is b) for a in orthogonal for b in orthogonal],
        ),
    )
    square, other = package["hadamard_square"], package["other_hadamard_square"]
    found = catalogue.find("ho2025.hadamard_squares")
    account.land(
        found.id,
        "The package's cosines.",
        found.statement,
        identical([square.cosine(other), square.cosine(package["norm"]) ** 2], cosines),
    )
    _land_stein(account)
    found = catalogue.find("fimtheory.functions.fluctuation")
    account.land(
        found.id,
        "The package's fluctuation for $g = |w|$.",
        found.statement,
        identical(gammas(package["norm"].fluctuation / variance), 1),
    )


def _land_stein(account: Account) -> None:
    """A cubic activation, whose derivatives are known by hand."""
    from fimtheory import catalogue
    from fimtheory.theory.function_forms import FunctionForm

    found = catalogue.find("fimtheory.functions.stein")
    cubic = [FunctionForm("x**3 + x**2", g, "d").form for g in ("w1", "w1**2", "w1*w2")]
    account.land(
        found.id,
        r"The package's forms for $\phi = t^3 + t^2$: $\mathbb{E}\, \phi' = 3 |x|^2$, $\mathbb{E}\, \phi'' = 2$.",
        found.statement,
        identical(cubic, [3 * r**2 * x1, r**2 + 2 * x1**2, 2 * x1 * x2]),
    )


def main() -> Account:
    """Derive, land, print."""
    account = Account("Function forms of random two-layer networks")
    mean_of_units(account)
    funk_hecke(account)
    c = relu(account)
    forms = four_groups(account, c)
    stein(account, forms)
    cosines = inner_products(account)
    variance = fluctuation(account, c)
    land(account, forms, cosines, variance)
    print(account)
    return account


if __name__ == "__main__":
    main()
