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
# # The spectrum of the Fisher information matrix of a single-hidden-layer network
#
# Pennington and Worah (2018), from their theorem to what it leaves open. A layer $\hat Y(X) = W_2 f(W_1 X)$ with
# squared loss has the Fisher information matrix $H = \mathbb{E}_X J'J$ with $2 n^2$ eigenvalues. What is their
# distribution for random Gaussian weights and a large width $n$?
#
# Change the activation in the next cell to study another one. Its Gaussian mean must be zero; `.centred()` sees to
# that.

# %%
import numpy as np
import sympy as sp

import fimtheory as ft
from fimtheory.catalogue import find
from fimtheory.report import figures, spectrum_figures
from fimtheory.theory.finite_layer import finite_width_mean_number, mean_correction
from fimtheory.theory.optimal_activations import best_odd, minimise_family, optimal
from fimtheory.theory.single_layer import special_points, spectral_moment, theorem_matrix
from fimtheory.theory.single_layer_outliers import extreme_eigenvalues, outlier_bands
from fimtheory.theory.single_layer_singularities import singularities
from fimtheory.verification import LayerSetting, verify

ACTIVATION = ft.activation("erf_alpha", alpha=1)
layer = ft.single_layer(ACTIVATION)
print(layer, {name: str(value) for name, value in layer.constants.items()})


# %%
class Drawing(str):
    """An SVG text that a notebook shows as a drawing."""

    def _repr_svg_(self):
        return str(self)


# %% [markdown]
# ## 1. The theorem is a matrix
#
# In the bases of singular vectors of $W_1$ and $W_2$, $H$ falls apart into $2 \times 2$ blocks: one for every pair
# of squared singular values $a$ of $W_2$ and $b$ of $W_1$, which are independent and follow the Marchenko-Pastur law
# on $[0, 4]$ (`derivations/pennington2018_theorem1.py` has every step). The printed double integral is half the
# trace of its resolvent.

# %%
a, b = sp.symbols("a b", positive=True)
matrix = theorem_matrix(a, b)
moments = [spectral_moment(k) for k in (1, 2, 3)]
print(matrix, *moments, sep="\n")

# %% [markdown]
# ## 2. A law, not a formula
#
# The density is a combination of complete elliptic integrals. Three routes that share no code agree: Carlson's
# integrals, the Stieltjes transform on the real axis, and samples of the random matrix $M(a, b)$.

# %%
law = layer.law
grid = law.grid(1000)
transform = law.stieltjes(grid)
sample = law.sample(20_000, seed=1)
difference = np.abs(law.density(grid) + np.imag(transform) / np.pi) / np.abs(transform)
print("largest difference of two routes, relative to |G|:", difference.max())
print("mean of a sample:", sample.mean(), "exactly:", float(sp.N(layer.moment(1))))

points = {name: float(sp.N(z)) for name, z in layer.special_points.items()}
heights, edges = np.histogram(sample, bins=80, density=True)
picture = spectrum_figures.density((grid, law.density(grid)), points, law.atoms, (edges, heights), "a sample")
Drawing(figures.to_svg(picture))

# %% [markdown]
# ## 3. What happens at the six special points
#
# The paper sees delta functions at $z_1$ and $z_4$ and kinks at $z_3$ and $z_5$. There are no atoms (unless $f$ is
# linear or $\zeta = 0$): the density is infinite like an inverse square root. At $z_3$ its slope is continuous; at
# $z_5$ it is infinite on both sides, logarithmically.

# %%
shifts = [layer.substitute(e) for e in (sp.Symbol("eta_prime", positive=True), sp.Symbol("eta", positive=True))]
zeta = layer.constants["zeta"]
found = singularities(shifts[0] - zeta, shifts[1] - zeta, zeta)
for point in found:
    print(f"{point.name:4s} {float(sp.N(point.location)):.6f}  {point.kind}")
slopes = verify(find("pennington2018.slopes"))
print(slopes.status, "- the printed statement is", slopes.printed_verdict.value)

# %% [markdown]
# ## 4. Conditioning
#
# $m_2/m_1^2$ measures how far the spectrum is spread. In Hermite modes it depends on two numbers only, and a linear
# activation is the worst. Along the two families of the paper the best members are in closed form but for a root.

# %%
best, odd = optimal(), best_odd()
print("all functions:", best.conditioning, " odd ones:", odd.conditioning)
leaky = minimise_family(ft.activation("srelu"), interval=(0, 1))
print(leaky)

# %% [markdown]
# ## 5. Finite width
#
# The mean eigenvalue is known exactly at every width. A few eigenvalues never join the limit: for each unit, the
# direction in which its row of $W_1$ is stretched. Their place follows from a small determinant (heuristic,
# confirmed by simulation), so $z_1$ and $z_6$ are not the extreme eigenvalues of $H$.

# %%
means = {n: float(finite_width_mean_number(ACTIVATION, n)) for n in (8, 32, 128)}
correction = float(sp.N(mean_correction(ACTIVATION)))
print("mean eigenvalue by width:", means, " first correction:", correction, "/n")
bands = outlier_bands(ACTIVATION)
print(bands, "extremes:", extreme_eigenvalues(ACTIVATION), "limiting spectrum:", law.support)

# %% [markdown]
# ## 6. Against random layers
#
# $H$ is averaged over all inputs exactly, so that nothing but the width separates a random layer from the limit. The
# ladder of widths is extrapolated; a prediction that is 3 % off is contradicted.

# %%
setting = LayerSetting(widths=(32, 64, 128), n_networks=(60, 60, 60), seed=3)
ladder = setting.simulate(["single_layer.moment[1]", "single_layer.moment[2]"])
for k in (1, 2):
    widths, values, errors, _ = ladder.series(f"single_layer.moment[{k}]")
    shown = ", ".join(f"n = {n}: {v:.4f} ± {e:.4f}" for n, v, e in zip(widths, values, errors, strict=True))
    print(f"m_{k} = {float(sp.N(layer.moment(k))):.4f};  {shown}")
z = special_points()
print("a gap opens where", sp.simplify(z["z4"] - z["z2"]), "> 0; here:", law.has_gap)
