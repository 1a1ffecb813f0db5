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
# # Pathological spectra of the Fisher information metric in deep networks
#
# Karakida, Akaho and Amari (2020), from order parameters to outliers. A network of $L$ layers of widths
# $M_l = \alpha_l M$ has random Gaussian weights and biases, $C$ linear outputs and $N$ Gaussian inputs. Its Fisher
# information matrix has $P \sim \alpha M^2$ eigenvalues, almost all of them tiny, and a few of order $M$.
#
# Change the network in the next cell to study another one.

# %%
import numpy as np
import sympy as sp

import fimtheory as ft
from fimtheory.catalogue import find
from fimtheory.notation import SYMBOLS
from fimtheory.simulation.metric_spectra import network_spectra
from fimtheory.theory.deep_finite_width import cluster_variance
from fimtheory.theory.deep_fisher import fisher, fisher_block
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.theory.kernel_spectra import DeepKernels
from fimtheory.theory.kernel_training import critical_rate_of
from fimtheory.theory.phases import phase
from fimtheory.theory.softmax_fisher import softmax_statistics
from fimtheory.verification import Setting, verify
from fimtheory.verification.deep_networks import architecture_of

tanh = ft.activation("tanh")
network = DeepNetwork(tanh, depth=3, sigma_w2=3, sigma_b2="0.64", outputs=10, samples=100)
M = SYMBOLS["M"]


# %% [markdown]
# ## 1. Order parameters
#
# Two numbers a layer forward, the mean square $\hat q_1$ of the activities and their overlap $\hat q_2$ for two
# inputs; two backward, $\tilde q_1$ and $\tilde q_2$, for the gradients. Everything below is made of them.

# %%
order = network.order_parameters
for l in range(network.depth):
    print(l, float(order.qhat1[l]), float(order.qhat2[l]), float(order.qtilde1[l + 1]), float(order.qtilde2[l + 1]))
state = phase(tanh, 3, "0.64")
print(state, *state.fixed_points, sep="\n")

# %% [markdown]
# ## 2. The statistics of $F$
#
# The dual $F^*$, a $CN \times CN$ matrix, tends to $\frac{\alpha M}{N} I_C \otimes K$, where $K$ has $\kappa_1$ on the
# diagonal and $\kappa_2$ off it: trace, Frobenius norm and largest eigenvalue can be read off. As printed, $\kappa_1$
# and $\kappa_2$ are made of two forward order parameters; one must be a backward one, as the simulation says too.

# %%
statistics = dict(fisher().items())
for name, formula in statistics.items():
    print(name, formula, float(network.evaluate(formula, 1000)))

# %%
setting = Setting(depth=2, outputs=2, widths=(32, 64, 128), n_networks=(800, 800, 800), unequal=(), seed=3)
evidence = verify(find("karakida2020.thm3.1"), setting)
print("ours:", evidence.verdict.value, " as printed:", evidence.printed_verdict.value)
for check in (*evidence.checks, *evidence.printed):
    print(check)

# %% [markdown]
# ## 3. The outliers are split
#
# Theorem 3.2 has $C$ equal eigenvalues $\lambda_{\max}$. At finite width they are split like the eigenvalues of a
# Gaussian orthogonal matrix, as $M^{-1/2}$ relative to their place, which is why the single largest one is a poor
# thing to compare with. Their variance is known in closed form.

# %%
relu = DeepNetwork(ft.activation("relu"), 3, 2, "0.1", outputs=10, samples=10)
variance = cluster_variance(relu)
width = 400
draws = [network_spectra(architecture_of(relu, width), 10, 5, index, ["F"])["F"][:10] for index in range(20)]
place = float(relu.evaluate(fisher().lambda_max, width))
measured = float(np.mean([top.var() for top in draws]))
print("variance of the C largest:", float(variance.subs(M, width)), "expected;", measured, "measured")
print(
    "place:", place, "expected;", float(np.mean(draws)), "measured; the largest:", float(np.mean([t[0] for t in draws]))
)

# %% [markdown]
# ## 4. Softmax output
#
# With a softmax the outliers are dispersed. The paper bounds the largest; to leading order they all solve one
# $C \times C$ equation, and there are at most $C - 1$ of them, not $C$: every $Q_n$ annihilates the vector of ones. The
# law of the logits gives their distribution over networks before any is drawn.

# %%
softmax = softmax_statistics(network, 1000)
print(softmax)
for j, (outlier, share) in enumerate(zip(softmax.outliers, softmax.separated, strict=True), start=1):
    print(j, outlier, f"above the bulk in {share:.0%} of all networks")
number = verify(find("karakida2020.thm3.4"))
print(number.status, "- as printed:", number.printed_verdict.value)

# %% [markdown]
# ## 5. The first layer is different
#
# Inputs do not overlap ($\hat q_2^0 = 0$): the first diagonal block has no outliers, and all its $CN$ eigenvalues tend
# to one place. The other blocks look like $F$.

# %%
tops = {l: float(network.evaluate(fisher_block().lambda_max, 1000, l)) for l in (1, 2, 3)}
print("largest eigenvalue of each block:", tops)

# %% [markdown]
# ## 6. The bulk of the tangent kernel
#
# When $N$ grows with $M$, the noise of the dual is as large as what is left of it after the mean is subtracted. For the
# ReLU network of figure 6 the limiting density is known, outliers apart.

# %%
kernel_network = DeepNetwork(ft.activation("relu"), 3, 2, 0, outputs=2, samples=150)
law = DeepKernels(kernel_network, 1).tangent
spectrum = network_spectra(architecture_of(kernel_network, 150), 150, 7, 0, ["NTK_centred"])["NTK_centred"]
inside = float(np.mean(spectrum < 4.0))
print("share of eigenvalues below 4:", inside, "of one network,", float(law.cdf(4.0)), "in the limit")

# %% [markdown]
# ## 7. Learning rates
#
# Gradient descent on the squared loss converges below the rate $2/\lambda_{\max}$ and diverges above it.

# %%
rate = critical_rate_of(network, 1000)
print("critical rate at M = 1000:", float(rate), " formula of lambda_max:", sp.factor(statistics["lambda_max"]))
