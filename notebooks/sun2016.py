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
# # Relative Fisher metrics and natural gradients
#
# Sun and Nielsen (2016) look at one part of a network at a time: a neuron or a layer whose answer is random. Its *relative
# Fisher metric* is the mean of (score)(score)$^\top$ for given input,
#
# $$g(w \mid x) = \mathbb{E}\left[\frac{\partial \log p(y)}{\partial w} \frac{\partial \log p(y)}{\partial w^\top}\right]
# = \nu(t) \, \tilde x \tilde x^\top, \quad t = w^\top \tilde x .$$
#
# This notebook derives $\nu$ from the law of the answer, goes on to layers and networks, averages over random inputs, and
# repeats the first experiment of the paper. Change `NEURON` and run it again.

# %%
from dataclasses import replace

import numpy as np
import sympy as sp

import fimtheory as ft
from fimtheory.catalogue import find
from fimtheory.report import figures, neuron_training_figures, score_figures
from fimtheory.theory.expected_relative import ExpectedMetric, conditioning_table
from fimtheory.theory.relative_layers import augmented, network_metric, nonlinear_layer, softmax_layer, two_layers
from fimtheory.theory.relative_ranks import one_layer_rank_bound, softmax_rank
from fimtheory.verification import verify
from fimtheory.verification.neuron_training import NeuronExperimentSetting, neuron_curves

NEURON = "bernoulli:tanh"


class Drawing:
    """An SVG that a notebook shows."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg


# %% [markdown]
# ## 1. From a law to a metric
#
# A neuron is RESPONSE:ACTIVATION. Nothing is looked up: the log density is differentiated, the square of the score is
# averaged, and so is minus the second derivative. Ball arithmetic proves the two equal.

# %%
unit = ft.neuron(NEURON)
for step in unit.steps:
    print(f"{step.text}:\n    {step.latex}")
print("both forms are equal:", unit.certified)

# %% [markdown]
# ## 2. Other laws, other functions
#
# The factor is $f'^2$ over the variance of the answer. A mean must stay in its range, and must not jump; at a kink the
# package says which value it uses.

# %%
others = ("bernoulli:sigmoid", "gaussian:elu", "poisson:softplus", "geometric:exp", "von_mises:sin")
for text in others:
    print(f"{text:20} nu = {ft.neuron(text).general}  ->  {ft.neuron(text).nu}")
elu = ft.neuron("gaussian:elu", sigma="sigma")
jump = elu.kinks[0].right - elu.kinks[0].left
print("ELU at 0: nu jumps by", sp.factor(jump), "- continuous for alpha = 1 alone")
for text in ("bernoulli:relu", "poisson:tanh", "gaussian:step"):
    try:
        ft.neuron(text)
    except ft.FimtheoryError as error:
        print("refused:", error)

# %%
drawing = score_figures.draw(quick=True)
Drawing(figures.to_svg(drawing))

# %% [markdown]
# ## 3. What the paper says
#
# Every numbered equation is a claim. Where a printed form differs, it is put to the same test as ours and has to fail.

# %%
evidence = {id: verify(find(id), quick=True) for id in ("sun2016.eqs11_12", "sun2016.sec3.1.4", "sun2016.eq26")}
for id, found in evidence.items():
    print(f"{id:18} {found.status:10} {find(id).title}")

# %% [markdown]
# ## 4. Layers and networks
#
# $g = \overline{J^\top S J}$: $S$ is what the output knows about itself, $J$ how outputs move with the parameters. A
# layer of independent units is block-diagonal; softmax couples all units, and does not see a common shift of the logits.

# %%
rng = np.random.default_rng(3)
X = augmented(rng.standard_normal((6, 4)))
W, C = rng.standard_normal((5, 3)), rng.standard_normal((3, 2))
layer, softmax = nonlinear_layer("bernoulli:tanh", W, X), softmax_layer(W, X)
print("a layer of three tanh units:", layer.rank, "of at most", one_layer_rank_bound(len(X), X.shape[1], 3))
print("a softmax layer of three classes:", softmax.rank, "=", softmax_rank(X, 3))
shift = np.tile(rng.standard_normal(5), 3)
print("a common shift of all logits has length", round(softmax.length(shift), 12))

# %% [markdown]
# The relative metric of the last layer is a block of the Fisher information of the whole network. That of the first layer
# is not: the Fisher information asks how its weights move the outputs of the network, the relative metric how they move the
# layer's own answer.

# %%
whole = network_metric("bernoulli:tanh", "tanh", [W, C], X)
hidden = augmented(np.tanh(X @ W))[:, :3]
last = nonlinear_layer("bernoulli:tanh", C, hidden)
same_last = np.abs(whole.layer(1).matrix - last.matrix).max()
first = np.abs(whole.layer(0).matrix - layer.matrix).max()
given_above = np.abs(whole.layer(0).matrix - two_layers("bernoulli:tanh", "tanh", W, C, X).matrix).max()
print(
    f"last layer: {same_last:.1e}; first layer: {first:.2f}; first layer with the second as reference: {given_above:.1e}"
)

# %% [markdown]
# ## 5. Random inputs
#
# Over Gaussian inputs the metric of a neuron has two eigenvalues, one along the weights. Their quotient is what natural
# gradient would undo. A rectifier with noise of fixed size is perfectly round; functions that saturate are not.

# %%
q = sp.Symbol("q", positive=True)
for text in ("gaussian:relu", "gaussian:erf", "poisson:exp"):
    metric = ExpectedMetric(text, q)
    print(f"{text:15} {metric.eigenvalues}, condition {metric.condition_number}")
table = conditioning_table(names=("relu", "gelu", "tanh", "sin", "softplus", "abs"))
for row in table:
    print(f"{row.name:20} {row.condition_number:.4f}")

# %% [markdown]
# ## 6. One logistic neuron on handwritten digits
#
# Gradient descent and natural gradient descent, with and without whitened inputs; for each the best of ten configurations.
# Where a plane separates the classes, the loss has no minimum, and what is compared is how fast the weights grow. With
# flipped labels there is one. Needs scikit-learn: `pip install "fimtheory[digits]"`.

# %%
setting = NeuronExperimentSetting.quick()
small = replace(setting, experiments=tuple(replace(one, runs=6) for one in setting.experiments))
final = {}
for experiment in small.experiments:
    curves = neuron_curves(experiment)
    final[experiment.flipped] = {name: float(one.best_curves[:, -1].mean()) for name, one in curves.items()}
    kind = f"{experiment.flipped:.0%} of labels flipped" if experiment.flipped else "labels as they are"
    print(kind, {name: f"log loss {value:.3f}" for name, value in final[experiment.flipped].items()})

# %%
picture = neuron_training_figures.draw(True, setting=small)
Drawing(figures.to_svg(picture))
