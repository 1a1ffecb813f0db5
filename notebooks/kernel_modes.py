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
# # The degrees of an activation, and what three theories make of them
#
# One hidden layer, $f(x) = \frac{1}{\sqrt m} \sum_i v_i\, \phi(w_i \cdot x)$, with random weights $w_i \sim
# \mathcal{N}(0, I_d/d)$ and inputs $x \sim \mathcal{N}(0, I_d)$. The Fisher information matrix of its output weights is
#
# $$J = \frac{1}{m}\, \mathbb{E}_x\, \phi(Wx)\, \phi(Wx)^\top .$$
#
# Its spectrum is a staircase where there are many more units than dimensions, a Marchenko-Pastur law where there are as
# many, and one outlier in the theory of deep networks. All three are read off the same list of numbers, one for every
# degree of $\phi$. This notebook goes from $\phi$ to that list, to the three theories, to the functions that the network
# realises, and to the order in which gradient descent learns them.

# %%
from dataclasses import replace

import numpy as np
import sympy as sp

import fimtheory as ft
from fimtheory.report import figures, learning_figures, regime_figures
from fimtheory.simulation.three_regimes import layer_eigenvalues, overlap_outlier
from fimtheory.theory.function_forms import FunctionForm
from fimtheory.theory.mode_equivalent import ModeSpectrum
from fimtheory.theory.mode_learning import ModeLearning
from fimtheory.theory.three_regimes import ThreeRegimes
from fimtheory.verification import confront
from fimtheory.verification.mode_training import LearningSetting, learning_curves
from fimtheory.verification.three_regimes import RegimeSetting, network_of, picture

FORMULA = "relu"
phi = ft.activation(FORMULA)
print(phi)


# %%
class Drawing(str):
    """An SVG text that a notebook shows as a drawing."""

    def _repr_svg_(self):
        return str(self)


# %% [markdown]
# ## 1. Degrees
#
# In degree $k$ the eigenfunctions of the limiting kernel are harmonics of degree $k$ in the direction of $w$, $N(d, k)$ of
# them, times functions of its length. What a degree carries of the trace is a Hermite coefficient of $\phi$, up to $1/d$:
#
# $$\sum_j N(d, k)\, \lambda_{k,j} = b_k^2 + \frac{s_k}{d} + O(d^{-2}), \qquad
# b_k = \mathbb{E}[\phi(Z)\, \mathrm{He}_k(Z)]/\sqrt{k!} .$$
#
# The correction $s_k$ is a quadratic form in $b_k, b_{k+2}, b_{k+4}$: lengths fluctuate by $d^{-1/2}$ and mix them.

# %%
regimes = ThreeRegimes(phi, degrees=5)
d_high = 1000
high = regimes.groups(d_high)
shares = {}
for k, share in enumerate(regimes.shares):
    found = float(sum(mode.total for mode in high.modes if mode.degree == k))
    shares[k] = found, float(share), float(regimes.correction(k))
    print(f"degree {k}: b_k^2 = {share!s:10}  d (N lambda - b_k^2) = {d_high * (found - shares[k][1]):+.5f}"
          f"  s_k = {shares[k][2]:+.5f}")  # fmt: skip

# %% [markdown]
# ## 2. Many units: eigengroups
#
# With $d$ fixed and $m \gg d^2$ the eigenvalues of $J$ stand in groups. For ReLU they are known exactly, and one network
# shows them.

# %%
d, m = 4, 1000
groups = ft.kernel_modes(phi, d, degrees=6, weight_variance=f"1/{d}")
layer = network_of(regimes, 1.0, 1)  # phi and its kinks, nothing else of the theory
measured = layer_eigenvalues(layer, m, d, seed=1) / m
start, means = 0, {}
for cluster in groups.clusters[:4]:
    stop = start + cluster.multiplicity
    means[cluster.degrees[0]] = measured[start:stop].mean()
    exact = cluster.modes[0].eigenvalue or "no formula"
    print(f"degree {cluster.degrees[0]}: {cluster.multiplicity:3d} times {exact!s:24} = {cluster.value:.6f}"
          f"   one network {means[cluster.degrees[0]]:.6f}")  # fmt: skip
    start = stop

# %% [markdown]
# ## 3. As many units as dimensions: a bulk
#
# When $m$ and $d$ grow together, degree 1 has as many eigenvalues as there are units, and higher degrees have so many
# more that they act as a multiple of the identity, a *ridge*. All but a few eigenvalues of $mJ$ follow the law of
#
# $$\sum_{k \ge 2} b_k^2 + b_1^2\, t, \qquad t \sim \mathrm{MP}(m/d),$$
#
# which is the block of the output weights in the theorem of Pennington and Worah (2018). The law of groups of *finite*
# width, of which section 2 was one end, has it as its other end; it is taken here for weights of length one.

# %%
aspect = 0.5
bulk = regimes.bulk(aspect)
print(f"ridge {regimes.ridge} = {bulk.ridge:.5f}, edges {bulk.edges[0]:.5f} and {bulk.edges[1]:.5f}")
between = {}
for width in (50, 200, 800):
    modes = ft.kernel_modes(phi, 2 * width, degrees=12, weight_variance=f"1/{2 * width}", weights="sphere")
    law = ModeSpectrum(modes, width)
    between[width] = float(np.real(law.stieltjes(-0.5 / width))) / width
    print(f"m = {width:3d}: E 1/(-1/2 - t) = {between[width]:.5f}, at finite width")
limit = bulk.stieltjes(-0.5).real
print(f"limit:   E 1/(-1/2 - t) = {limit:.5f}, the bulk")

# %%
eigenvalues = layer_eigenvalues(layer, 300, 600, seed=2)
inside = eigenvalues[1:]
print(f"one layer: 299 eigenvalues in [{inside.min():.4f}, {inside.max():.4f}], the largest at {eigenvalues[0]:.2f}")

# %% [markdown]
# ## 4. Deep networks: an outlier
#
# The largest one is degree 0: the mean of $\phi$. The theory of deep networks meets it as an order parameter. Two inputs
# that overlap by $c$ have
#
# $$\hat q_2 = \mathbb{E}\,\phi(U)\,\phi(V) = \sum_k b_k^2\, c^k,$$
#
# so that inputs without overlap see $b_0^2$ alone, and $\lambda_{\max}$ over $N$ inputs tends to
# $(\hat q_1 + (N-1)\, \hat q_2)/N$.

# %%
overlaps = {}
few = network_of(regimes, 1.0, 20)
for c in (sp.S.Zero, sp.Rational(1, 2)):
    order = regimes.network(c).order_parameters
    theory = float(regimes.outlier(c, 20))
    drawn = [overlap_outlier(few, 800, float(c), 3, index) / 800 for index in range(40)]
    overlaps[c] = theory, float(np.mean(drawn)), float(np.std(drawn, ddof=1) / 40**0.5)
    print(f"c = {c!s:3}: qhat_2 = {float(order.qhat2[1]):.5f}, lambda_max {theory:.5f}, measured {overlaps[c][1]:.5f}"
          f" +- {overlaps[c][2]:.5f}")  # fmt: skip

# %% [markdown]
# ## 5. One picture
#
# The colours are degrees. The strip on top is the list of numbers; each panel is one of the theories, beside networks.

# %%
found_picture = picture(regimes, quick=True)
drawing = regime_figures.three_panels(found_picture)
Drawing(figures.to_svg(drawing))

# %% [markdown]
# A picture proves nothing. A ladder of widths is extrapolated and judged by rules that were fixed before; and the same
# ladder must refuse a theory that forgets the ridge.

# %%
setting = RegimeSetting(FORMULA, ("1/2",), widths=(60, 90, 120), n_networks=(40, 30, 20), seed=4)
name = "regimes.bulk.moment[1]"
ladder = setting.simulate([name])
right = confront({name: sp.Float(bulk.moments(1)[0])}, ladder)
wrong = confront({name: sp.Float(bulk.moments(1)[0] - bulk.ridge)}, ladder)
print("with the ridge:   ", right[0].verdict.value)
print("without the ridge:", wrong[0].verdict.value)

# %% [markdown]
# ## 6. Function forms
#
# Output weights $v_i = g(w_i)/\sqrt m$ realise the function $F(x) = \mathbb{E}_w[g(w)\, \phi(w \cdot x)]$ as $m$ grows. An
# eigenfunction of degree $k$ goes to a multiple of itself; other choices, such as products of coordinates, do not quite.

# %%
points = np.array([[1.0, 0.5, -0.25], [0.2, -1.0, 0.4]])
rng = np.random.default_rng(5)
W = rng.standard_normal((20_000, 3))
forms = {}
for g in ("norm", "w1", "w1*w2/norm", "w1*w2"):
    form = FunctionForm(phi, g, 3)
    sampled = form.at_weights(W) @ phi(W @ points.T) / len(W)
    forms[g] = form, form(points), sampled, np.sqrt(form.fluctuations(points) / len(W))
    kind = "eigenfunction" if form.is_eigenfunction else "no eigenfunction"
    print(
        f"g = {g:10}  F = {form.form!s:32} {kind:16}  at a point {forms[g][1][0]:+.4f}, one network {sampled[0]:+.4f}"
    )

# %% [markdown]
# ## 7. The order of learning
#
# Gradient descent on $v$ multiplies what is missing of a target by $1 - \eta \lambda$ a step, mode by mode. Low degrees are
# learned first, for their eigenvalues are large: the staircase of section 2 is a time table.

# %%
plan = LearningSetting(FORMULA, initial_variance=0.0, steps=tuple(2**j for j in range(9)))
learning: ModeLearning = plan.problem.learning
times = {mode.degree: learning.time_to(mode, 0.1) for mode in learning.order}
for degree, steps in times.items():
    print(f"degree {degree}: nine tenths are learned after {steps} steps")

# %%
curves = [learning_curves(replace(plan, seed=6), 160, 6)]
timetable = learning_figures.learning(curves)
Drawing(figures.to_svg(timetable))

# %% [markdown]
# ## 8. Another activation
#
# Put `FORMULA = "tanh"` above: degree 0 is gone, and with it the outlier. A function that is centred but not odd keeps
# something of degree 0, since lengths fluctuate: two eigenvalues beside the bulk.

# %%
for other in ("tanh", "sin(x)/3+cos(x)-exp(-1/2)"):
    one = ThreeRegimes(other, 5)
    place = one.spike(aspect)
    print(f"{other}: mean {one.shares[0]}, bulk up to {one.bulk(aspect).edges[1]:.3f},"
          f" {'nothing beside it' if place is None else f'two eigenvalues at {place:.3f}'}")  # fmt: skip
