"""fimtheory: a symbolic-plus-numeric theory engine for the Fisher information of random neural networks.

>>> import fimtheory as ft
>>> phi = ft.activation("relu")
>>> phi.eta, phi.eta_prime, phi.zeta
(1/2, 1/2, 1/4)
"""

from __future__ import annotations

import sympy as _sp

from fimtheory.activations import Activation, activation, gallery
from fimtheory.emission import emit
from fimtheory.errors import FimtheoryError
from fimtheory.gaussian import expectation as _gaussian
from fimtheory.gaussian.certification import Enclosure, certify, equal
from fimtheory.gaussian.quantity import Quantity
from fimtheory.latex import latex

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Enclosure",
    "FimtheoryError",
    "Quantity",
    "activation",
    "certify",
    "deep_network",
    "emit",
    "equal",
    "expect",
    "expect_pair",
    "gallery",
    "kernel_modes",
    "latex",
    "neuron",
    "single_layer",
]


def expect(f: str | _sp.Expr | Activation, q: _sp.Expr | int = 1, mean: _sp.Expr | int = 0) -> _sp.Expr:
    """E f(X) for X ~ N(mean, q): closed where a closed form exists, otherwise an integral with ``evalf(n)``.

    >>> expect("relu(x)**2")
    1/2
    >>> expect("step(x)", mean=_sp.Symbol("mu", real=True))
    Phi(mu)
    """
    phi = activation(f)
    return _gaussian.expectation(_shifted(phi, mean), phi.variable, _sp.sympify(q))


def expect_pair(f, g, q1, q2, c, means=(0, 0), derivatives=(0, 0)) -> _sp.Expr:
    """E f(U) g(V) for jointly Gaussian U ~ N(means[0], q1), V ~ N(means[1], q2) with correlation c.

    ``derivatives=(1, 0)`` takes f' in the weak sense: a jump J of f at h contributes J delta(x - h).

    >>> c = _sp.Symbol("c", real=True)
    >>> expect_pair("x", "x**3", 1, 1, c)
    3*c
    >>> expect_pair("step(x)", "x", 1, 4, c, derivatives=(1, 1))
    sqrt(2)/(2*sqrt(pi))
    """
    left, right = activation(f), activation(g)
    x, at = left.variable, (*map(_sp.sympify, (q1, q2, c)),)
    first, second = _shifted(left, means[0]), _shifted(right, means[1])
    return _gaussian.weak_pair(first, second, x, *at, *map(bool, derivatives))


def single_layer(f: str | _sp.Expr | Activation, aspect=(1, 1), digits: int = 16):
    """One hidden layer with an activation of zero Gaussian mean, and the limiting spectrum of its Fisher information.

    ``aspect`` is (input width, output width) over the hidden width. See
    :class:`fimtheory.theory.single_layer.SingleLayer`; ``single_layer(f).law`` has density, quantiles and samples.

    >>> layer = single_layer("f_opt")
    >>> layer.conditioning, layer.special_points["z1"], layer.law.has_gap
    (21/19, 12/13, True)
    """
    from fimtheory.theory.single_layer import SingleLayer

    return SingleLayer(activation(f), aspect, digits)


def kernel_modes(f: str | _sp.Expr | Activation, dimension: int, degrees: int = 6, **options):
    """Eigenvalues of every degree of the output-weight Fisher matrix of a two-layer network, as its width grows.

    ``options`` are those of :class:`fimtheory.theory.kernel_modes.KernelModes`: ``weight_variance``, ``weights``,
    ``inputs``, ``radial``, ``digits``.

    >>> relu = kernel_modes("relu", 3, degrees=2)
    >>> [(mode.degree, mode.multiplicity, mode.eigenvalue) for mode in relu.modes]
    [(0, 1, 9/16), (1, 3, 1/4), (2, 5, 9/256)]
    """
    from fimtheory.theory.kernel_modes import KernelModes

    return KernelModes(activation(f), dimension, degrees, **options)


def neuron(text: str, **options):
    """A stochastic neuron ``RESPONSE:ACTIVATION`` and its relative Fisher metric nu(t) x~ x~', derived from its law.

    ``options`` are parameters of the response (``sigma``, ``outcomes``, ``kappa``, ``n``, ...), of the activation, and
    ``link="natural"``; ``softmax:linear`` with ``classes=3`` is a whole layer. See
    :func:`fimtheory.theory.relative_fisher.neuron`.

    >>> neuron("bernoulli:tanh").nu, neuron("gaussian:elu", sigma="7/10", alpha="1/4").at(-1)
    (1 - tanh(t)**2, 25*exp(-2)/196)
    """
    from fimtheory.theory.categorical import stochastic_unit

    return stochastic_unit(text, **options)


def deep_network(f, depth: int, sigma_w2, sigma_b2, **options):
    """A random deep network: order parameters, coefficients, and what every metric of its Fisher family is made of.

    ``f`` is an activation, or one for each hidden layer in a list; ``sigma_w2`` and ``sigma_b2`` are numbers, or lists with
    one for each layer. ``options`` are those of :class:`fimtheory.theory.deep_network.DeepNetwork`: ``outputs``,
    ``samples``, ``alphas``, ``digits``, ``input_norm``, ``input_overlap``.

    >>> network = deep_network(["relu", "linear"], 3, 2, [0, 0, 1], outputs=2)
    >>> network.name, float(network.order_parameters.qtilde1[1])
    ('relu, linear', 2.0)
    """
    from fimtheory.theory.deep_network import DeepNetwork

    phi = tuple(map(activation, f)) if isinstance(f, list | tuple) else activation(f)
    return DeepNetwork(phi, depth, sigma_w2, sigma_b2, **options)


def _shifted(phi: Activation, mean) -> _sp.Expr:
    mu = _sp.sympify(mean)
    return phi.expression.subs(phi.variable, phi.variable + mu) if mu != 0 else phi.expression
