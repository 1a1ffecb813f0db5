# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A new activation, from its formula to a verdict
#
# Somebody proposes a new activation. What does the theory of wide random networks say about it? Five steps:
# derive its Gaussian constants and its dual, certify the digits, run the order parameters of a deep network, confront
# the eigenvalues of its Fisher information matrix with simulated networks, and export the formulas.
#
# The example is a GELU with a steeper gate,
#
# $$\phi(x) = x\,\Phi(2x), \qquad \Phi(x) = \int_{-\infty}^{x} \frac{e^{-t^2/2}}{\sqrt{2\pi}}\,dt .$$
#
# Change the formula in the next cell to study another one: everything below follows.

# %%
import numpy as np
import sympy as sp
from mpmath import mp

import fimtheory as ft
from fimtheory.catalogue import find
from fimtheory.gaussian.expectation import PairExpectation
from fimtheory.gaussian.quantity import decimal
from fimtheory.report import figures
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.verification import Setting, confront, simulate_network_ladder

FORMULA = "x*Phi(2*x)"
phi = ft.activation(FORMULA)
print(phi)


# %%
class Drawing(str):
    """An SVG text that a notebook shows as a drawing."""

    def _repr_svg_(self):
        return str(self)


grid = np.linspace(-3, 3, 241)
shape = figures.activation_and_derivative(grid, phi(grid), phi.numpy_derivative(grid))
Drawing(figures.to_svg(shape))

# %% [markdown]
# ## 1. The constants
#
# Let $Z \sim \mathcal{N}(0, 1)$. Four numbers govern a single layer:
#
# $$\mathbb{E}\,\phi(Z), \qquad \eta = \mathbb{E}\,\phi(Z)^2, \qquad \eta' = \mathbb{E}\,\phi'(Z)^2,
# \qquad \zeta = \bigl(\mathbb{E}\,\phi'(Z)\bigr)^2 .$$
#
# Each is derived, not looked up: $\Phi(2x)$ is the probability that an independent Gaussian lies below $2x$, so that
# every expectation is a moment of a Gaussian vector on a cone.

# %%
constants = {"mean": phi.mean, "eta": phi.eta, "eta_prime": phi.eta_prime, "zeta": phi.zeta}
for name, value in constants.items():
    print(f"{name:10} {decimal(value, 16):20} {value}")

# %% [markdown]
# The normalised Hermite coefficients $b_k = \mathbb{E}[\phi(Z)\,\mathrm{He}_k(Z)]/\sqrt{k!}$ are the coordinates of
# $\phi$ in an orthonormal basis. Parseval's identity $\sum_k b_k^2 = \eta$ says how much of it the first few hold.

# %%
hermite = [phi.hermite(k) for k in range(7)]
held = float(sum(b**2 for b in hermite) / phi.eta)
for k, b in enumerate(hermite):
    print(f"b_{k} = {decimal(b, 10):>14} = {b}")
print(f"b_0, ..., b_6 hold {100 * held:.3f} % of eta")

# %% [markdown]
# ## 2. The dual
#
# Two inputs of a wide network meet in a neuron as centred Gaussian variables $U, V$ of variance $q$ and correlation
# $c$. The dual, or kernel, of the activation is
#
# $$\kappa(q, c) = \mathbb{E}\,\phi(U)\,\phi(V) .$$

# %%
q, c = sp.Symbol("q", positive=True), sp.Symbol("c", real=True)
dual, dual_derivative = phi.dual(q, c), phi.dual_derivative(q, c)
print("dual:              ", ft.latex(dual))
print("dual of derivative:", ft.latex(dual_derivative))

# %% [markdown]
# Two identities must hold, whatever the activation. At $c = 1$ the two variables are one, and the dual is the second
# moment. And by Gaussian integration by parts (Price's theorem) the derivative in $c$ is the dual of the derivative:
#
# $$\kappa(q, 1) = \mathbb{E}\,\phi(\sqrt{q}\,Z)^2, \qquad
# \frac{\partial \kappa}{\partial c}(q, c) = q\;\mathbb{E}\,\phi'(U)\,\phi'(V) .$$

# %%
point = {q: sp.Rational(13, 10), c: sp.Rational(2, 5)}
sides = {
    "value at c = 1": (dual.subs(c, 1), phi.second_moment(q)),
    "Price's theorem": (sp.diff(dual, c), q * dual_derivative),
}
for name, (left, right) in sides.items():
    print(f"{name:16} {decimal(left.subs(point), 20)} = {decimal(right.subs(point), 20)}")

# %%
correlations = np.linspace(-1, 1, 101)
kernel = ft.emit(dual.subs(q, 1), [c])(correlations)
kernel_derivative = ft.emit(dual_derivative.subs(q, 1), [c])(correlations)
curves = figures.dual_curves(correlations, kernel, kernel_derivative, linear=False)
Drawing(figures.to_svg(curves))

# %% [markdown]
# ## 3. A certificate of thirty digits
#
# A formula can be wrong in ways that plots do not show. Two routes that share nothing are compared:
#
# - the closed form, evaluated in ball arithmetic: every rounding error is enclosed;
# - the double integral itself, $\iint \phi(u)\,\phi(v)\,p(u, v)\,du\,dv$, by quadrature in multiple precision.

# %%
DIGITS = 30
q0, c0 = point[q], point[c]
integral = PairExpectation(phi.expression, phi.expression, phi.variable, q0, q0, c0)
with mp.workdps(DIGITS + 10):
    by_formula = mp.mpf(decimal(dual.subs(point), DIGITS + 5))
    by_quadrature = integral.digits(DIGITS + 5)
    difference = abs(by_formula - by_quadrature) / by_quadrature
    certified = difference < mp.mpf(10) ** -DIGITS
    print("closed form:", mp.nstr(by_formula, DIGITS))
    print("quadrature: ", mp.nstr(by_quadrature, DIGITS))
print(f"relative difference {mp.nstr(difference, 2)}: {'the digits agree' if certified else 'THE ROUTES DIFFER'}")

# %% [markdown]
# ## 4. A deep network
#
# A network of depth $L$ with weights of variance $\sigma_w^2/M$ and biases of variance $\sigma_b^2$ turns these
# expectations into recursions, forward for the signals and backward for the gradients:
#
# $$\hat q_1^{\,l} = \mathbb{E}\,\phi\bigl(\sqrt{q_1^{\,l}}\,Z\bigr)^2, \qquad
# \hat q_2^{\,l} = \kappa\bigl(q_1^{\,l},\, q_2^{\,l}/q_1^{\,l}\bigr), \qquad
# q_t^{\,l} = \sigma_w^2\,\hat q_t^{\,l-1} + \sigma_b^2,$$
#
# $$\tilde q_1^{\,l} = \sigma_w^2\,\tilde q_1^{\,l+1}\,\mathbb{E}\,\phi'\bigl(\sqrt{q_1^{\,l}}\,Z\bigr)^2, \qquad
# \tilde q_2^{\,l} = \sigma_w^2\,\tilde q_2^{\,l+1}\,\mathbb{E}\,\phi'(U)\,\phi'(V), \qquad \tilde q_t^{\,L} = 1 .$$
#
# Index 1 belongs to one sample, index 2 to a pair of different samples.

# %%
setting = Setting(FORMULA, depth=3, sigma_w2="2", sigma_b2="1/4", outputs=2, samples=8,
                  widths=(40, 80, 160, 320), n_networks=(1500, 1200, 900, 600), seed=7)  # fmt: skip
network: DeepNetwork = setting.network
order = network.order_parameters
for name in ("qhat1", "qhat2", "qtilde1", "qtilde2"):
    numbers = getattr(order, name)
    print(f"{name:8}", "  ".join(f"l={layer}: {mp.nstr(value, 8)}" for layer, value in numbers.items()))

# %% [markdown]
# ## 5. Theory beside simulation
#
# Karakida, Akaho and Amari (2020) give the mean, the second moment and the largest eigenvalue of the Fisher
# information matrix of such a network when its width $M$ is large. Their theorem 3.1 is in the catalogue; here are its
# predictions for our activation, as powers of $M$.

# %%
theorem = find("karakida2020.thm3.1")
predicted = theorem.predict(network)
for observable, prediction in predicted.items():
    print(f"{observable:24} {prediction.evalf(8)}")

# %% [markdown]
# One width with a tolerance would prove nothing, for the corrections are $O(1/M)$. We simulate a *ladder* of widths,
# fit $a + b/M$, and compare the limit $a$ with the theory in units of its standard error. The verdict is one of
# supported, contradicted, inconclusive; the rules were fixed before any number was seen.

# %%
ladder = simulate_network_ladder(network, setting.widths, setting.n_networks, setting.seed, frozenset({"F"}))
checks = confront(predicted, ladder)
for check in checks:
    print(f"{check.observable:24} theory {check.predicted:.5f}   limit {check.extrapolation.value:.5f}"
          f" +- {check.extrapolation.standard_error:.5f}   {check.verdict.value}")  # fmt: skip

# %% [markdown]
# A check is worth having only if it can fail. The same simulations, confronted with a theory whose numbers are wrong
# by 5 %, must contradict it.

# %%
wrong = confront({name: 1.05 * value for name, value in predicted.items()}, ladder)
for check in wrong:
    print(f"{check.observable:24} wrong by 5 %: {check.verdict.value}")

# %%
largest = checks[-1]
widths, means, errors, _ = ladder.series(largest.observable, largest.power)
fit = largest.extrapolation
line = np.linspace(min(widths), 100 * max(widths), 2)
steps = figures.ladder(widths, means, errors, largest.predicted, fit.value, fit.standard_error,
                       line, fit.value + fit.slope / line, r"$\lambda_{\max} / M$")  # fmt: skip
Drawing(figures.to_svg(steps))

# %% [markdown]
# ## 6. Take it away
#
# The dual as a vectorised NumPy function of $q$ and $c$, and as LaTeX for a paper.

# %%
kappa = ft.emit(dual, [q, c])
print("kappa(1, c) at c = -1, 0, 1:", kappa(1.0, np.array([-1.0, 0.0, 1.0])))
exported = rf"\kappa(q, c) = {ft.latex(dual)}"
print(exported)
