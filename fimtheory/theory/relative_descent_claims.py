"""What is claimed about relative natural gradient descent of a ReLU network without training one: updates and cost."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from fimtheory.claims import Agreement, Ordering, Source, claim
from fimtheory.theory.relative_descent import averaged_metric, informative_samples, multiplications, staleness
from fimtheory.theory.relative_fisher import Neuron, neuron

Array = np.ndarray

_SAMPLES, _INPUTS, _UNITS = 40, 4, 3
_DECAY, _DAMPING = 0.9, 0.05
_ROUNDING = 1e-9


class _Layer:
    """ReLU units on a few samples with a bias, and gradients of any cost: plain formulas, one unit at a time."""

    def __init__(self, seed: int) -> None:
        generator = np.random.Generator(np.random.Philox(seed))
        mixing = generator.standard_normal((_INPUTS, _INPUTS))
        self.x = np.column_stack([generator.standard_normal((_SAMPLES, _INPUTS)) @ mixing + 1, np.ones(_SAMPLES)])
        self.W = generator.standard_normal((_INPUTS + 1, _UNITS))
        self.errors = generator.standard_normal((_SAMPLES, _UNITS))

    @property
    def nu(self) -> Array:
        """The indicator of w . x~ > 0, of shape (n, m)."""
        return (self.x @ self.W > 0).astype(float)

    @property
    def gradient(self) -> Array:
        """Of a cost whose derivatives with respect to the outputs are ``errors``: shape (D, m)."""
        return self.x.T @ (self.errors * self.nu) / _SAMPLES

    @property
    def metrics(self) -> Array:
        """One metric a unit: shape (m, D, D)."""
        return np.array([(self.x * nu[:, None]).T @ self.x / _SAMPLES for nu in self.nu.T])


def _damped(metrics: Array) -> Array:
    return metrics + _DAMPING * np.eye(metrics.shape[-1])


def _whole_layer() -> Array:
    """Minus the step of eq. 31: one dense system for all units, J' J of the outputs plus the damping."""
    layer = _Layer(1)
    jacobians = np.array([np.kron(np.diag(nu), x) for nu, x in zip(layer.nu, layer.x, strict=True)])  # (n, m, m D)
    whole = np.einsum("nki,nkj->ij", jacobians, jacobians) / _SAMPLES
    step = np.linalg.solve(whole + _DAMPING * np.eye(len(whole)), layer.gradient.T.ravel())
    return step.reshape(_UNITS, -1).T


def _unit_by_unit() -> Array:
    layer = _Layer(1)
    blocks = zip(_damped(layer.metrics), layer.gradient.T, strict=True)
    return np.array([np.linalg.solve(G, g) for G, g in blocks]).T


def _by_recursion(batches: int = 30) -> Array:
    """Eq. 32, one mini batch after the other."""
    G = np.broadcast_to(np.eye(_INPUTS + 1), (_UNITS, _INPUTS + 1, _INPUTS + 1))
    for seed in range(batches):
        G = _DECAY * G + (1 - _DECAY) * _damped(_Layer(seed).metrics)
    return G


def _unrolled(batches: int = 30) -> Array:
    return averaged_metric([_Layer(seed).metrics for seed in range(batches)], _DECAY, _DAMPING)


@claim(
    "sun2016.eqs31_33",
    title="The natural gradient of a layer is taken unit by unit, with an averaged metric that is inverted now and then",
    statement=r"\Delta w_l = -\gamma\, G_l^{-1} \frac{\partial E}{\partial w_l},\quad "
    r"G_l^{(t)} = \lambda G_l^{(t-1)} + (1 - \lambda) \left(B_l^{(t)} + \epsilon I\right) = \lambda^t I + "
    r"(1 - \lambda^t)\, \epsilon I + (1 - \lambda) \sum_{s=1}^{t} \lambda^{t-s} B_l^{(s)},\quad "
    r"B_l = \overline{\nu_f(w_l, x_i)\, \tilde x_i \tilde x_i^\top}",
    source=Source("sun2016", "eqs. 31-33"),
    assumptions=(
        "y = f(W' x~), Gaussian responses, a mini batch as the average over its inputs",
        "G starts from the identity",
        "a rate gamma, which no equation prints, is chosen as for the other methods",
    ),
    subject=None,
)
def predict_updates() -> dict[str, Agreement]:
    """Three units, 40 samples: one dense system for the layer, and 30 mini batches one after the other."""
    return {
        "step of eq. 31": Agreement(_unit_by_unit, _whole_layer, _ROUNDING),
        "average of eq. 32": Agreement(_unrolled, _by_recursion, _ROUNDING),
    }


def _relative_eigenvalues() -> tuple[Array, float]:
    """Those of G_old^(-1) G for every unit after 20 more mini batches; and the growth of the largest of these."""
    old, new = _by_recursion(10), _by_recursion(30)
    growth = max(np.linalg.eigvals(np.linalg.solve(old, _damped(_Layer(s).metrics))).real.max() for s in range(10, 30))
    return np.sort(np.linalg.eigvals(np.linalg.solve(old, new)).real, axis=-1), float(growth)


def _relative_falls() -> Array:
    """The first-order fall of a cost by a stale step over that by a fresh one, for every unit."""
    gradients, metrics = _Layer(30).gradient.T, (_by_recursion(10), _by_recursion(30))
    stale, fresh = (np.array([g @ np.linalg.solve(G, g) for G, g in zip(Gs, gradients, strict=True)]) for Gs in metrics)
    return stale / fresh


@claim(
    "fimtheory.relative_descent.stale",
    title="A stale inverse keeps at least lambda^s of the fall of the cost, and exceeds it only where information is new",
    statement=r"\lambda^s \le \operatorname{eig} G_{t}^{-1} G_{t+s} \le \lambda^s + (1 - \lambda^s)\, c \quad "
    r"\text{if } B_{t+1}, \dots, B_{t+s} \preceq c\, G_t;\quad \text{the same bounds for } "
    r"\nabla E^\top G_t^{-1} \nabla E \,/\, \nabla E^\top G_{t+s}^{-1} \nabla E",
    source=Source("fimtheory", "extends Sun and Nielsen (2016), eqs. 32-33"),
    assumptions=("B are the metrics of mini batches, damping included", "the inverse is s < T iterations old"),
    subject=None,
)
def predict_staleness() -> dict[str, Ordering]:
    """Twenty mini batches after the inverse was taken."""

    def bounds() -> tuple[float, float]:
        return staleness(_DECAY, 20, _relative_eigenvalues()[1])

    return {
        "from above": Ordering(lambda: _relative_eigenvalues()[0][:, -1], lambda: bounds()[1]),
        "from below": Ordering(lambda: bounds()[0], lambda: _relative_eigenvalues()[0][:, 0]),
        "fall of the cost, from above": Ordering(_relative_falls, lambda: bounds()[1]),
        "fall of the cost, from below": Ordering(lambda: bounds()[0], _relative_falls),
    }


# -- which samples a unit learns from


_DISTANCES, _OMEGAS = np.linspace(0.05, 4, 40), np.array([0.02, 0.05])


def _smooth(t: Array, omega: float | Array) -> Array:
    """nu of relu_omega at sigma = 1, iota = 0."""
    return _softplus().numpy(t / omega)


@functools.cache
def _softplus() -> Neuron:
    return neuron("gaussian:softplus")


def _gaussian_means() -> Array:
    """E nu(Z) by the trapezoidal rule, which is exact but for exp(-2 pi^2 omega/step)."""
    step = float(_OMEGAS.min()) / 20
    t = np.arange(-10, 10, step)
    return np.array([step * (_smooth(t, omega) * np.exp(-t * t / 2)).sum() for omega in _OMEGAS]) / np.sqrt(2 * np.pi)


@claim(
    "sun2016.sec5_2_selector",
    title="For small omega nu of a ReLU is nearly the indicator of the samples on which the unit learns",
    statement=r"\left|\operatorname{sigm}^2(t/\omega) - 1_{t > 0}\right| \le 2 e^{-|t|/\omega},\quad "
    r"\mathbb{E}\,\nu(Z) = \frac{1}{2} - \frac{\omega}{\sqrt{2\pi}} + \frac{\pi^2 \omega^3}{6 \sqrt{2\pi}} + O(\omega^5)",
    source=Source("sun2016", "section 5.2 (that nu_relu is approximately binary)"),
    assumptions=("sigma = 1 and iota = 0", "omega is small against the pre-activations", "Z is N(0, 1)"),
    subject=None,
)
def predict_selector() -> dict[str, Agreement | Ordering]:
    """Distances on both sides of the kink, and the mean over a Gaussian pre-activation at small omega."""

    def gaps(sign: int) -> Callable[[], Array]:
        return lambda: np.array([abs(_smooth(sign * _DISTANCES, omega) - (sign > 0)) for omega in (0.5, 1.0)])

    def bound() -> Array:
        return np.array([2 * np.exp(-_DISTANCES / omega) for omega in (0.5, 1.0)])

    return {
        "active": Ordering(gaps(1), bound),
        "inactive": Ordering(gaps(-1), bound),
        "mean": Agreement(
            _gaussian_means,
            lambda: 0.5 - (_OMEGAS - np.pi**2 * _OMEGAS**3 / 6) / np.sqrt(2 * np.pi),
            tolerance=3 * float(_OMEGAS.max()) ** 5,  # the next term is 2.3 omega^5
        ),
    }


def _informative(layer: _Layer) -> list[Array]:
    """For each unit, the inputs with w . x~ > 0 in the coordinates of :func:`informative_samples`."""
    found = [informative_samples(G).coordinates for G in layer.metrics]
    return [layer.x[nu > 0] @ M.T for nu, M in zip(layer.nu.T, found, strict=True)]


def _second_moments() -> Array:
    return np.array([u.T @ u / len(u) for u in _informative(_Layer(2))])


def _natural_step() -> Array:
    layer = _Layer(2)
    return np.array([np.linalg.solve(G, g) for G, g in zip(layer.metrics, layer.gradient.T, strict=True)])


def _step_in_own_coordinates() -> Array:
    """A step of ordinary descent of v with v . u = w . x~, divided by the share, and what it makes of w."""
    layer, steps = _Layer(2), []
    for G, nu, errors in zip(layer.metrics, layer.nu.T, layer.errors.T, strict=True):
        samples = informative_samples(G)
        u = layer.x @ samples.coordinates.T
        steps.append(samples.coordinates.T @ (u.T @ (errors * nu)) / _SAMPLES / samples.share)
    return np.array(steps)


@claim(
    "sun2016.sec5_2_decorrelated",
    title="A unit's natural gradient is its gradient where the samples on which it is active are centred and decorrelated",
    statement=r"G_l^{-1} \frac{\partial E}{\partial w_l} = \frac{1}{p_l} M_l^\top \frac{\partial E}{\partial v_l},\quad "
    r"w_l^\top \tilde x = v_l^\top M_l \tilde x,\quad M_l \tilde x = (A_l (x - \mu_l), 1)^\top,\quad "
    r"\mathbb{E}\left[M_l \tilde x \tilde x^\top M_l^\top \mid w_l^\top \tilde x > 0\right] = I",
    source=Source("sun2016", "section 5.2 (that RNGD centres and decorrelates informative samples)"),
    assumptions=(
        "there is a bias, and no damping: with it, or without a bias, only in part",
        "nu is the indicator of w' x~ > 0, p its mean, mu and (A' A)^(-1) mean and covariance of x where it is 1",
    ),
    subject=None,
)
def predict_own_coordinates() -> dict[str, Agreement]:
    """Three ReLU units, each with its own mean and covariance."""
    return {
        "centred and decorrelated": Agreement(
            _second_moments, lambda: np.broadcast_to(np.eye(_INPUTS + 1), (_UNITS, _INPUTS + 1, _INPUTS + 1)), _ROUNDING
        ),
        "step": Agreement(_natural_step, _step_in_own_coordinates, _ROUNDING),
    }


# -- batch normalisation of the inputs of a linear layer


_SIGMA = 0.7
_WORSE = np.array([[2.0, -2.0, 2.0], [-2.0, 0.0, -1.0], [1.0, 0.0, 2.0]]) * np.sqrt(3)
_SIX = np.vstack([_WORSE, -_WORSE])  # mean zero; six samples


def _linear_metric(x: Array) -> Array:
    """Eq. 22: the block of one unit of a linear layer."""
    wide = np.column_stack([x, np.ones(len(x))])
    return wide.T @ wide / len(x) / _SIGMA**2


def _normalised(x: Array) -> Array:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def _scaled_conditions() -> Array:
    """D kappa(S Sigma S) for 200 random diagonal S, over a thousandfold range, and for none."""
    generator = np.random.Generator(np.random.Philox(5))
    covariance = np.cov(_correlated().T, bias=True)
    scales = 10.0 ** generator.uniform(-1.5, 1.5, (200, len(covariance)))
    scales[0] = 1.0
    return len(covariance) * np.linalg.cond(scales[:, :, None] * covariance * scales[:, None, :])


def _correlated() -> Array:
    """Samples of ten unlike, correlated inputs."""
    generator = np.random.Generator(np.random.Philox(6))
    x = generator.standard_normal((60, 10)) + generator.standard_normal((60, 1))
    return x * np.geomspace(0.1, 10, 10) + 3


@claim(
    "sun2016.sec5_2_normalisation",
    title="Normalised inputs make the diagonal of a linear layer's metric uniform; they need not condition it better",
    statement=r"x_j \text{ of mean } 0, \text{ variance } 1:\quad \operatorname{diag} g(W) = \frac{1}{\sigma^2},\quad "
    r"\operatorname{eig} g = \frac{1}{\sigma^2} \left(\operatorname{eig} R \cup \{1\}\right),\quad "
    r"\kappa(R) \le D \min_S \kappa(S \Sigma S)",
    source=Source("sun2016", "section 5.2 (batch normalisation, by eq. 22)"),
    assumptions=(
        "R is the matrix of correlations of the D inputs, Sigma that of their covariances, S diagonal",
        "correlations stay: only whitening makes the metric a multiple of the identity",
        "the bound is van der Sluis' (1969): normalising is the best scaling up to a factor of D",
    ),
    as_printed=r"x_j \text{ of mean } 0, \text{ variance } 1:\quad \kappa(g) \text{ is smaller than before}",
    printed=lambda: {
        "condition number": Ordering(
            lambda: np.linalg.cond(_linear_metric(_normalised(_SIX))), lambda: np.linalg.cond(_linear_metric(_SIX))
        )
    },
    subject=None,
)
def predict_normalisation() -> dict[str, Agreement | Ordering]:
    """Ten correlated inputs for what holds; six samples of three inputs for what does not."""

    def eigenvalues() -> Array:
        correlations = np.linalg.eigvalsh(np.corrcoef(_correlated().T))
        return np.sort(np.append(correlations, 1.0)) / _SIGMA**2

    return {
        "bound": Ordering(lambda: np.linalg.cond(np.corrcoef(_correlated().T)), _scaled_conditions),
        "diagonal": Agreement(
            lambda: np.diag(_linear_metric(_normalised(_correlated()))), lambda: np.full(11, 1 / _SIGMA**2), _ROUNDING
        ),
        "eigenvalues": Agreement(
            lambda: np.linalg.eigvalsh(_linear_metric(_normalised(_correlated()))), eigenvalues, _ROUNDING
        ),
    }


# -- what an iteration costs


_DOCUMENT = ((784, 64, 64, 64, 10), 50)  # its network; its mini batches are not printed


@claim(
    "sun2016.sec5_2_cost",
    title="An iteration costs ten times one of plain descent, two or three times one if metrics are averaged more rarely",
    statement=r"\#_{\text{RNGD}} - \#_{\text{SGD}} = \sum_l \left[u_l \left(\frac{n D_l^2}{2 k} + \frac{D_l^3}{T}\right) "
    r"+ m_l D_l^2\right],\quad \#_{\text{SGD}} \approx 3 n \sum_l D_l m_l",
    source=Source("sun2016", "section 5.2 (that RNGD's time per iteration is much more than that of the others)"),
    assumptions=(
        "multiplications to leading order; u = m in hidden layers with a metric for each unit, 1 where it is shared",
        "mini batches of n = 50, every k-th of which is averaged, T = 100",
        "the time is that of the metrics, not of their inverses; benchmarks/natural_gradient.py has seconds",
    ),
    subject=None,
)
def predict_cost() -> dict[str, Ordering]:
    """The document's network at T = 100 and 1, and 64-64-64-64-10 when every tenth mini batch is averaged."""
    small = ((64, 64, 64, 64, 10), 50)
    return {
        "at T = 1 more than eighty times": Ordering(
            lambda: 80 * multiplications(*_DOCUMENT), lambda: multiplications(*_DOCUMENT, period=1)
        ),
        "every tenth mini batch: less than three times": Ordering(
            lambda: multiplications(*small, period=100, every=10), lambda: 3 * multiplications(*small)
        ),
        "more than ten times": Ordering(
            lambda: 10 * multiplications(*_DOCUMENT), lambda: multiplications(*_DOCUMENT, period=100)
        ),
    }
