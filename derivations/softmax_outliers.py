r"""The outliers of the Fisher information matrix with softmax output: their equation, and why there are C - 1 of them.

*Source*: our own; it replaces theorem 3.4 of Karakida, Akaho, Amari (2020) and eqs. B.10 and B.11.
*Lands on*: `fimtheory.softmax.secular`, `karakida2020.thm3.4`.
*Departs from the text*: the paper finds C eigenvalues of order M. Its last inequality puts v_{i_1} in the place of a
maximiser over a subspace, which need not contain v_{i_1}; and the matrix v_s' Q v_{s'} that it maximises has the null
vector of ones, so it bounds C - 1 eigenvalues from below and says nothing about the C-th.
*Assumptions*: identities for the leading matrix, (alpha M/N) Q (I_C (x) K), of theorem 3.3.
"""

from __future__ import annotations

import functools

import sympy as sp
from _steps import Account, agreeing, identical

# Eigenvalues scale with a and b together, so that a number for one of them is no restriction.
a, b, lam = sp.S.Half, sp.Symbol("b", positive=True), sp.Symbol("lambda")
# Probabilities whose roots are rational: everything below is exact.
ROOTS = [sp.Matrix([1, 2, 2]) / 3, sp.Matrix([6, 2, 3]) / 7]
SAMPLES, OUTPUTS = len(ROOTS), 3
ON_TWO = f"for two samples of rational probabilities, $C = {OUTPUTS}$, $a = 1/2$"
LEVELS = [sp.Rational(k, 40) for k in range(1, 60, 4)]
AT = {b: sp.S.One}


def factor(roots: sp.Matrix) -> sp.Matrix:
    """B = diag(g)^(1/2) - g (g^(1/2))'."""
    g = roots.multiply_elementwise(roots)
    return sp.diag(*roots) - g * roots.T


def weights() -> list[sp.Matrix]:
    """Q_n = diag(g) - g g'."""
    squares = [r.multiply_elementwise(r) for r in ROOTS]
    return [sp.diag(*g) - g * g.T for g in squares]


def leading() -> sp.Matrix:
    """The leading matrix, by blocks of samples."""
    B = [factor(r) for r in ROOTS]
    blocks = [[((a if n == m else 0) + b) * B[n].T * B[m] for m in range(SAMPLES)] for n in range(SAMPLES)]
    return sp.Matrix(sp.BlockMatrix(blocks))


@functools.cache
def resolvents() -> list[sp.Matrix]:
    """(lambda - a Q_n)^(-1), by samples."""
    return [(lam * sp.eye(OUTPUTS) - a * Q).inv().applyfunc(sp.factor) for Q in weights()]


def secular() -> sp.Matrix:
    """S(lambda) = b sum_n Q_n (lambda - a Q_n)^(-1)."""
    terms = (Q * R for Q, R in zip(weights(), resolvents(), strict=True))
    return b * sum(terms, sp.zeros(OUTPUTS)).applyfunc(sp.factor)


def equation(account: Account) -> None:
    """From C N to C dimensions."""
    account.define(
        r"To leading order the dual of $F$ is $(a + b\, \mathbf{1} \mathbf{1}^\top)$ between samples for each output, with"
        r" $a = \frac{\alpha M}{N} (\kappa_1 - \kappa_2)$ and $b = \frac{\alpha M}{N} \kappa_2$. Write every weight as a"
        r" product, $Q_n = B_n B_n^\top$; then $F_{\mathrm{cross}}$ has the non-zero eigenvalues of the matrix $T$ with"
        r" blocks",
        r"T_{nm} = (a\, \delta_{nm} + b)\, B_n^\top B_m, \quad B_n = \operatorname{diag}(g)^{1/2} - g\, (g^{1/2})^\top",
    )
    B = [factor(r) for r in ROOTS]
    Q, one = sp.diag(*weights()), sp.ones(SAMPLES, SAMPLES)
    linear = sp.kronecker_product(a * sp.eye(SAMPLES) + b * one, sp.eye(OUTPUTS))
    account.move(
        r"The factors are right, and $T$ has the eigenvalues of $Q F^*$.",
        r"B_n B_n^\top = Q_n, \quad \det(\lambda - T) = \det(\lambda - Q F^*)",
        identical([e for f in B for e in f * f.T], [e for W in weights() for e in W], ON_TWO),
        identical(leading().charpoly(lam).as_expr(), (Q * linear).charpoly(lam).as_expr(), ON_TWO),
    )
    S, whole = secular(), leading().charpoly(lam).as_expr()
    account.move(
        r"$T$ is a block-diagonal matrix plus one of rank at most $C$, and its characteristic polynomial a product.",
        r"\det(\lambda - T) = \prod_n \det(\lambda - a\, Q_n)\, \det\left(I_C - S(\lambda)\right), \quad S(\lambda) ="
        r" b \sum_n Q_n (\lambda - a\, Q_n)^{-1}",
        identical(
            [whole.subs(lam, level) for level in LEVELS],
            [_product(S.subs(lam, level), level) for level in LEVELS],
            f"{ON_TWO}, at {len(LEVELS)} values of $\\lambda$, more than the degree",
        ),
    )
    slope = sum((W * R * R for W, R in zip(weights(), resolvents(), strict=True)), sp.zeros(OUTPUTS))
    account.move(
        r"Between its poles $S$ falls: minus its derivative is a sum of positive semi-definite matrices. So every"
        r" eigenvalue curve of $S$ crosses 1 at most once above the bulk, the largest eigenvalue of the $a\, Q_n$.",
        r"-S'(\lambda) = b \sum_n Q_n (\lambda - a\, Q_n)^{-2}",
        identical((S.diff(lam) + b * slope).applyfunc(sp.factor), sp.zeros(OUTPUTS), ON_TWO),
    )


def _product(S: sp.Matrix, level: sp.Rational) -> sp.Expr:
    return (sp.eye(OUTPUTS) - S).det() * sp.prod((level * sp.eye(OUTPUTS) - a * W).det() for W in weights())


def number(account: Account) -> None:
    """How many eigenvalues are above a level."""
    ones = sp.ones(OUTPUTS, 1)
    account.move(
        r"Probabilities add up to one, so $Q_n$ annihilates the vector of ones, and so does $S$: one of the $C$ curves is"
        r" zero, and at most $C - 1$ cross 1.",
        r"Q_n \mathbf{1} = 0, \quad S(\lambda) \mathbf{1} = 0",
        identical([e for W in weights() for e in W * ones], [0] * (SAMPLES * OUTPUTS), ON_TWO),
        identical((secular() * ones).applyfunc(sp.cancel), sp.zeros(OUTPUTS, 1), ON_TWO),
    )
    polynomial = sp.Poly(leading().charpoly(lam).as_expr().subs(AT), lam)
    account.move(
        r"At any level, in the bulk too, the eigenvalues above it are counted by those of the $a\, Q_n$ above it and by the"
        r" curves above 1 there: two ways to eliminate a block of one symmetric matrix, and Sylvester's law of inertia.",
        r"\#\{\lambda_i(T) > \lambda\} = \sum_n \#\{\lambda_i(a\, Q_n) > \lambda\} + \#\{\lambda_i(S(\lambda)) > 1\}",
        identical(
            [_above(polynomial, level) for level in LEVELS],
            [_by_inertia(level) for level in LEVELS],
            f"at {len(LEVELS)} levels, by Sturm's theorem",
        ),
    )


def _above(polynomial: sp.Poly, level: sp.Rational) -> int:
    """The number of roots above a level, which is none."""
    return sum(k for factor, k in polynomial.sqf_list()[1] for _ in range(factor.count_roots(level, None)))


def _by_inertia(level: sp.Rational) -> int:
    z = sp.Symbol("z")
    polynomials = [sp.Poly((a * W).charpoly(z).as_expr(), z) for W in weights()]
    at = secular().subs(AT).subs(lam, level)
    return sum(_above(p, level) for p in polynomials) + _above(sp.Poly(at.charpoly(z).as_expr(), z), sp.S.One)


def simple_cases(account: Account) -> None:
    """One sample; samples of equal probabilities."""
    W = weights()[0]
    mu, z = sp.Symbol("mu", positive=True), sp.Symbol("z")
    account.move(
        r"One sample: an eigenvalue $\mu$ of $Q_1$ becomes $(a + b)\, \mu$.",
        r"\frac{b\, \mu}{\lambda - a\, \mu} = 1 \iff \lambda = (a + b)\, \mu",
        identical(sp.solve(b * mu / (lam - a * mu) - 1, lam), [(a + b) * mu]),
    )
    blocks = [[((a if n == m else 0) + b) * W for m in range(2)] for n in range(2)]
    repeated = sp.Matrix(sp.BlockMatrix(blocks)).charpoly(z).as_expr()
    expected = (((a + 2 * b) * W).charpoly(z).as_expr() * (a * W).charpoly(z).as_expr()).expand()
    account.move(
        r"Equal probabilities at all samples: $C - 1$ eigenvalues $(a + N b)\, \mu$ of the order $M$, and the others are"
        r" $a\, \mu$, of the order $M/N$. The $C$-th is among the latter.",
        r"\det(\lambda - T) = \det(\lambda - (a + N b)\, Q)\, \det(\lambda - a\, Q)^{N - 1}",
        identical(repeated, expected, "for $N = 2$"),
    )


def bounds(account: Account) -> None:
    """What is left of theorem 3.4."""
    indicators = sp.kronecker_product(sp.ones(SAMPLES, 1), sp.eye(OUTPUTS))
    mean = sum(weights(), sp.zeros(OUTPUTS)) / SAMPLES
    linear = sp.kronecker_product(a * sp.eye(SAMPLES) + b * sp.ones(SAMPLES, SAMPLES), sp.eye(OUTPUTS))
    top = a + SAMPLES * b
    account.move(
        r"On the span of the mean gradients $v_k$, $F_{\mathrm{cross}}$ is a multiple of the mean of the $Q_n$. By Cauchy's"
        r" interlacing its $r$-th eigenvalue bounds the $r$-th of $F_{\mathrm{cross}}$ from below. This is the matrix of"
        r" eq. B.11; it has the null vector $\mathbf{1}$, and for $r = C$ the bound is zero.",
        r"v_k^\top F_{\mathrm{cross}} v_{k'} = \lambda_{\max}(F)\, \frac{1}{N} \sum_n Q_n(k, k'), \quad \lambda_r \geq"
        r" \lambda_{\max}(F)\, \lambda_r\left(\frac{1}{N} \sum_n Q_n\right)",
        identical(
            indicators.T * linear * sp.diag(*weights()) * linear * indicators / (SAMPLES * top), top * mean, ON_TWO
        ),
        identical(mean * sp.ones(OUTPUTS, 1), sp.zeros(OUTPUTS, 1), ON_TWO),
    )
    B = sp.Matrix.hstack(*(factor(r) for r in ROOTS))
    account.move(
        r"The part of $T$ with $b$ has rank $C - 1$ only. By Weyl's inequality the $C$-th eigenvalue is at most the largest"
        r" of the other part: it does not grow with $M$ where $N$ does.",
        r"\lambda_C(T) \leq 0 + a \max_n \lambda_{\max}(Q_n) \leq \frac{a}{2} = \frac{\alpha M}{2 N} (\kappa_1 - \kappa_2)",
        identical((B.T * B).rank(), OUTPUTS - 1, ON_TWO),
    )


# --- landing


def land(account: Account) -> None:
    """The eigenvalues of the package against the roots of the polynomial."""
    import numpy as np

    from fimtheory import catalogue
    from fimtheory.theory.softmax_outliers import SoftmaxOutliers

    logits = np.array([[2 * np.log(float(r)) for r in roots] for roots in ROOTS])
    ours = SoftmaxOutliers(logits, float(a), float(AT[b]))
    polynomial = sp.Poly(sp.cancel(leading().charpoly(lam).as_expr().subs(AT) / lam**SAMPLES), lam)
    roots = sorted(polynomial.nroots(n=30), reverse=True)
    places = sp.sympify([1, 2])
    secular_claim, number_claim = (catalogue.find(id) for id in ("fimtheory.softmax.secular", "karakida2020.thm3.4"))
    account.land(
        secular_claim.id,
        "The two largest eigenvalues of the package are the two largest roots.",
        secular_claim.statement,
        agreeing(lambda j: roots[int(j) - 1], lambda j: ours.values[int(j) - 1], "j", places),
    )
    account.land(
        number_claim.id,
        "Its lower bounds are eigenvalues of the mean of the weights.",
        number_claim.statement,
        agreeing(lambda j: _mean_eigenvalues()[int(j) - 1], lambda j: ours.lower[int(j) - 1], "j", places),
    )


def _mean_eigenvalues() -> list[sp.Expr]:
    mean = sum(weights(), sp.zeros(OUTPUTS)) / SAMPLES
    top = (a + SAMPLES * b).subs(AT)
    return sorted((sp.N(top * e, 30) for e in mean.eigenvals(multiple=True)), reverse=True)


def main() -> Account:
    """Derive, land, print."""
    account = Account("The outliers of the Fisher information matrix with softmax output")
    equation(account)
    number(account)
    simple_cases(account)
    bounds(account)
    land(account)
    print(account)
    return account


if __name__ == "__main__":
    main()
