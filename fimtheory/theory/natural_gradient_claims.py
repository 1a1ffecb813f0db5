"""What is claimed about the steps of natural gradient descent: exact statements, and how fast it trains one neuron."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import sympy as sp

from fimtheory.claims import Agreement, Identity, Source, claim
from fimtheory.theory.natural_gradient import (
    amplitudes,
    contraction,
    flow_error,
    maximal_margin,
    natural_gradient,
    preconditioned,
    separable_rate,
)
from fimtheory.theory.relative_fisher import Neuron, T, neuron

_A, _B, _C = sp.symbols("g_11 g_12 g_22", positive=True)
_G = sp.Matrix([[_A, _B], [_B, _C]])
_SLOPE = sp.Matrix(sp.symbols("l_1 l_2", real=True))
_STEP = sp.Matrix(sp.symbols("d_1 d_2", real=True))
_GAMMA, _EPSILON, _SCALE = sp.symbols("gamma epsilon s", positive=True)
_EXACTLY = 1e-11  # rounding of small linear systems

# Six samples with a bias, of classes that no line separates, and four that one does.
_MIXED = np.array([[2, 1, 1], [1, -1, 1], [-1, 2, 1], [-2, -1, 1], [0.75, -0.5, 1], [-1, -2, 1]])
_MIXED_SIGNS = np.array([1.0, 1, -1, -1, -1, 1])
_APART = np.array([[2, 1, 1], [1, 3, 1], [-1, 0, 1], [0.5, -2, 1]])
_APART_SIGNS = np.array([1.0, 1, -1, -1])

Array = np.ndarray


def _model(metric: sp.Matrix) -> sp.Expr:
    """delta' grad L + delta' g delta/(2 gamma)."""
    return (_STEP.T * _SLOPE)[0] + (_STEP.T * metric * _STEP)[0] / (2 * _GAMMA)


def _minimised(metric: sp.Matrix) -> dict:
    """The model is its value at -gamma g^(-1) grad L and a square."""
    best = -_GAMMA * metric.inv() * _SLOPE
    at_best = _model(metric).subs(dict(zip(_STEP, best, strict=True)), simultaneous=True)
    rest = _STEP - best
    return {
        "the model less its value at the step": Identity(
            _model(metric) - at_best, (rest.T * metric * rest)[0] / (2 * _GAMMA)
        ),
        "the smallest value": Identity(at_best, -_GAMMA * (_SLOPE.T * metric.inv() * _SLOPE)[0] / 2),
    }


@functools.cache
def _sigmoid() -> Neuron:
    return neuron("bernoulli:sigmoid")


class _Neuron:
    """A logistic neuron on a few samples: plain formulas, one trajectory at a time."""

    def __init__(self, Z: Array, signs: Array) -> None:
        self.Z, self.signs = Z, signs

    def gradient(self, theta: Array) -> Array:
        errors = -self.signs / (1 + np.exp(self.signs * (self.Z @ theta)))
        return errors @ self.Z / len(self.Z)

    def metric(self, theta: Array) -> Array:
        nu = _sigmoid().numpy(-np.abs(self.Z @ theta))  # even, and accurate on this side however small it is
        return (self.Z.T * nu) @ self.Z / len(self.Z)

    def minimum(self) -> Array:
        theta = np.zeros(self.Z.shape[1])
        for _ in range(30):
            theta = theta - natural_gradient(self.gradient(theta), self.metric(theta))
        return theta

    def direction(self, theta: Array, damping: float | None) -> Array:
        slope = self.gradient(theta)
        return slope if damping is None else natural_gradient(slope, self.metric(theta), damping)

    def descend(self, theta: Array, rate: float, momentum: float, epochs: int, damping: float | None) -> Array:
        """theta after every epoch, (epochs + 1, D)."""
        rows, velocity = [theta], np.zeros_like(theta)
        for _ in range(epochs):
            velocity = momentum * velocity - rate * self.direction(rows[-1], damping)
            rows.append(rows[-1] + velocity)
        return np.array(rows)

    def log_loss(self, theta: Array) -> float:
        return float(np.log(np.logaddexp(0.0, -self.signs * (self.Z @ theta)).mean()))


_CROSSED, _SEPARABLE = _Neuron(_MIXED, _MIXED_SIGNS), _Neuron(_APART, _APART_SIGNS)


@claim(
    "sun2016.eq7",
    title="The step that lowers the loss most at a cost in the metric is along the natural gradient",
    statement=r"\operatorname*{arg\,min}_{\delta} \left(L + \delta^\top \nabla L + \frac{1}{2 \gamma} \delta^\top g\, "
    r"\delta\right) = -\gamma\, g^{-1} \nabla L",
    source=Source("sun2016", "eq. 7; section 2 (Moore-Penrose inverse)"),
    assumptions=(
        "the loss is replaced by its linear part",
        "where g is singular: the gradient lies in its range, g^(-1) is the Moore-Penrose inverse, and the step is the "
        "shortest of all minimisers",
    ),
    subject=None,
)
def predict_step() -> dict:
    """The model as a complete square; and a singular metric, g = Z' N Z/n of two samples of three numbers."""
    Z, nu = _MIXED[:2], np.array([0.25, 0.1])
    slope = np.array([0.4, -0.2]) @ Z / 2

    def shortest() -> Array:
        """Weighted least squares: sqrt(nu) Z delta = r/sqrt(nu), whose solution of least norm LAPACK finds."""
        return np.linalg.lstsq(np.sqrt(nu)[:, None] * Z, np.array([0.4, -0.2]) / np.sqrt(nu), rcond=None)[0]

    return _minimised(_G) | {
        "a singular metric": Agreement(
            lambda: natural_gradient(slope, (Z.T * nu) @ Z / 2), shortest, tolerance=_EXACTLY
        )
    }


@claim(
    "sun2016.eq8",
    title="The natural gradient is the same vector in all coordinates, a finite step only in those that are affine to them",
    statement=r"g^{-1}(\Theta) \nabla L(\Theta) = \left(J^\top g(\Lambda) J\right)^{-1} J^\top \nabla L(\Lambda) = "
    r"J^{-1} g^{-1}(\Lambda) \nabla L(\Lambda),\quad J = \frac{\partial \Lambda}{\partial \Theta};\qquad "
    r"\Lambda(\Theta + \delta \Theta) - \Lambda - \delta \Lambda = O(\gamma^2)",
    source=Source("sun2016", "eq. 8"),
    assumptions=("J is invertible", "the difference of finite steps vanishes where Lambda is affine in Theta"),
    subject=None,
)
def predict_invariance() -> dict:
    """Two dimensions, any Jacobian; one step of a logistic neuron in coordinates that bend, at gamma and gamma/2."""
    J = sp.Matrix(2, 2, sp.symbols("J_11 J_12 J_21 J_22", positive=True))
    left = (J.T * _G * J).inv() * J.T * _SLOPE
    right = J.inv() * _G.inv() * _SLOPE
    names = ("first component", "second component")
    return {name: Identity(a, b) for name, a, b in zip(names, left, right, strict=True)} | {
        "affine coordinates": Agreement(lambda: _gap(0.5, _affine), lambda: np.zeros(3), tolerance=_EXACTLY),
        "gaps of finite steps shrink like the square": Agreement(
            lambda: np.linalg.norm(_gap(2e-3, _bent)) / np.linalg.norm(_gap(1e-3, _bent)), lambda: 4.0, tolerance=0.02
        ),
    }


def _affine(theta: Array) -> tuple[Array, Array]:
    J = np.array([[2.0, 1.0, 0.0], [0.0, 1.0, -1.0], [1.0, 0.0, 3.0]])
    return J @ theta + 1, J


def _bent(theta: Array) -> tuple[Array, Array]:
    a, b, c = theta
    J = np.array([[1 + a**2, 0.0, 0.0], [2 * a, 1.0, 0.0], [0.0, np.cos(b), 2.0]])
    return np.array([a + a**3 / 3, b + a**2, 2 * c + np.sin(b)]), J


def _gap(rate: float, coordinates: Callable[[Array], tuple[Array, Array]]) -> Array:
    """Lambda of a step in Theta, less a step in Lambda; metric and gradient by their laws of transformation."""
    theta = np.array([0.3, -0.4, 0.2])
    slope, g = _CROSSED.gradient(theta), _CROSSED.metric(theta)
    here, J = coordinates(theta)
    back = np.linalg.inv(J)
    there, _ = coordinates(theta - rate * natural_gradient(slope, g))
    return there - (here - rate * natural_gradient(back.T @ slope, back.T @ g @ back))


@claim(
    "sun2016.eqs28_30",
    title="One logistic neuron: its gradient, its metric, which is the Hessian, and the damped step",
    statement=r"\nabla L = \overline{(\operatorname{sigm}(\theta^\top z_i) - y_i)\, z_i},\quad "
    r"\nabla^2 L = \overline{\nu(\theta^\top z_i)\, z_i z_i^\top} = g,\quad "
    r"\delta = -\gamma \left(g + \epsilon I\right)^{-1} \nabla L = \operatorname*{arg\,min}_{\delta} "
    r"\left(\delta^\top \nabla L + \frac{1}{2 \gamma} \delta^\top (g + \epsilon I)\, \delta\right)",
    source=Source("sun2016", "eqs. 28-30; section 5.1"),
    assumptions=(
        "natural gradient descent with gamma = 1 and no damping is Newton's method: the labels are not in the Hessian",
        "epsilon is a number times tr(g)/D: multiplying loss and metric by s changes no step",
        "A whitens where the covariance has no zero eigenvalue",
        "undamped steps are the same with and without whitening, which is affine",
    ),
    subject=None,
)
def predict_neuron() -> dict:
    """One sample of two inputs for the algebra; six samples for whitening."""
    theta, z, y = (
        sp.Matrix(sp.symbols("theta_1:3", real=True)),
        sp.Matrix(sp.symbols("z_1:3", real=True)),
        sp.Symbol("y"),
    )
    t = (theta.T * z)[0]
    p = 1 / (1 + sp.exp(-t))
    loss = -y * sp.log(p) - (1 - y) * sp.log(1 - p)
    nu = _sigmoid().nu.subs(T, t)
    y_real = {y: sp.Symbol("y", positive=True)}
    damped = _G + _EPSILON * (_A + _C) / 2 * sp.eye(2)
    scaled = (damped * _SCALE).inv() * (_SCALE * _SLOPE)
    return {
        "gradient": Identity(sp.diff(loss, theta[0]).subs(y_real), ((p - y) * z[0]).subs(y_real)),
        "Hessian": Identity(sp.diff(loss, theta[0], theta[1]).subs(y_real), nu * z[0] * z[1]),
        "no scale": Identity(scaled[0], (damped.inv() * _SLOPE)[0]),
        **{f"{name}, damped": one for name, one in _minimised(damped).items()},
        "whitened": Agreement(_whitened_moments, lambda: np.eye(3), tolerance=_EXACTLY),
        "one undamped step, whitened or not": Agreement(_white_step, _plain_step, tolerance=_EXACTLY),
    }


def _whitening() -> Array:
    """W with W z = (A (x - a), 1): by a Cholesky factor of the covariance."""
    X = _MIXED[:, :-1]
    a = X.mean(axis=0)
    A = np.linalg.inv(np.linalg.cholesky((X - a).T @ (X - a) / len(X)))
    return np.block([[A, -(A @ a)[:, None]], [np.zeros((1, 2)), np.ones((1, 1))]])


def _whitened_moments() -> Array:
    """Second moments of z: means in the last row, covariances beside them."""
    Z = _MIXED @ _whitening().T
    return Z.T @ Z / len(Z)


def _white_step() -> Array:
    """What a step from zero adds to theta . z of every sample, in whitened coordinates."""
    white = _Neuron(_MIXED @ _whitening().T, _MIXED_SIGNS)
    return white.Z @ natural_gradient(white.gradient(np.zeros(3)), white.metric(np.zeros(3)))


def _plain_step() -> Array:
    return _MIXED @ natural_gradient(_CROSSED.gradient(np.zeros(3)), _CROSSED.metric(np.zeros(3)))


# -- how fast

_NEAR, _LINEAR = 1e-6, 1e-4  # size of an offset, and how far the linear law holds for it
_FAR = 0.01  # what the tails of a loss may add to its rate after so many epochs


@claim(
    "fimtheory.natural.local_rates",
    title="Near a minimum an eigenvalue h contracts like 1 - gamma h, or 1 - gamma h/(h + epsilon) with a damped metric",
    statement=r"\theta_t - \theta^* = \sum_i r_t(h_i)\, c_i\, v_i,\quad "
    r"r_{t+1} = (1 + \mu - \gamma h)\, r_t - \mu\, r_{t-1},\quad h \to \frac{h}{h + \epsilon} "
    r"\text{ in natural gradient descent},\quad L_t - L^* = \frac{1}{2} \sum_i h_i c_i^2 r_t(h_i)^2",
    source=Source("fimtheory", "extends Sun and Nielsen (2016), eq. 30"),
    assumptions=(
        "the metric is the Hessian at the minimum, as for a logistic neuron on classes that are not separable",
        "the offset is small",
        "descent from rest with momentum mu",
    ),
    subject=None,
)
def predict_local_rates() -> dict:
    """Offsets of 1e-6 on six samples after every one of 40 epochs; and the larger root against a companion matrix."""
    best = _CROSSED.minimum()
    h, V = np.linalg.eigh(_CROSSED.metric(best))
    offset = np.array([1.0, -0.5, 0.75])
    cases = [(None, 1.0, 0.0), (None, 2.0, 0.8), (0.01, 0.3, 0.0), (0.1, 1.0, 0.8)]

    def law(damping: float | None, rate: float, momentum: float) -> Array:
        curved = h if damping is None else preconditioned(h, damping)
        return amplitudes(curved, rate, momentum, 40) * (V.T @ offset) @ V.T

    def descent(damping: float | None, rate: float, momentum: float) -> Array:
        return (_CROSSED.descend(best + _NEAR * offset, rate, momentum, 40, damping) - best) / _NEAR

    grid = [(e, rate, mu) for e in (0.02, 0.5, 1.0, 1.9) for rate in (0.5, 1.0) for mu in (0.0, 0.3, 0.8)]
    return {
        "offsets": Agreement(
            lambda: np.array([descent(*case) for case in cases]),
            lambda: np.array([law(*case) for case in cases]),
            tolerance=_LINEAR,
        ),
        "contraction": Agreement(
            lambda: np.array([float(contraction([e], rate, mu)[0]) for e, rate, mu in grid]),
            lambda: np.array(
                [max(abs(np.linalg.eigvals([[1 + mu - rate * e, -mu], [1.0, 0.0]]))) for e, rate, mu in grid]
            ),
            tolerance=1e-7,  # of a double root
        ),
    }


@claim(
    "fimtheory.natural.separable",
    title="On separable classes the loss falls exponentially in damped natural gradient descent, else like 1/t",
    statement=r"\lim_{t \to \infty} -\frac{1}{t} \ln L_t = \frac{\gamma}{1 - \mu} \left(1 + \frac{\epsilon}{D} "
    r"\sum_i a_i |z_i|^2\right)^{-1},\quad \lim_{t \to \infty} t\, L_t = \frac{1 - \mu}{\gamma} |w|^2 "
    r"\text{ in ordinary descent},\quad "
    r"w = \sum_i a_i s_i z_i = \operatorname*{arg\,min} \{|w| : s_i\, w^\top z_i \ge 1\}",
    source=Source("fimtheory", "extends Sun and Nielsen (2016), section 5.1"),
    assumptions=(
        "epsilon tr(g)/D is added to the metric; a_i >= 0 are zero but for support vectors",
        "the rate is small enough that no sample is thrown far to the wrong side",
        "theta grows along w, so that the final loss is what |theta| has grown to: it orders rates, not methods",
        "nu_i is in the end proportional to a_i: the metric selects the support vectors",
    ),
    subject=None,
)
def predict_separable() -> dict:
    """Four samples; one weight on two samples, whose flow has a closed form at all times."""
    t, start, damping = sp.symbols("t theta_0 epsilon", positive=True)
    theta = sp.log((1 + sp.exp(start)) * sp.exp(t / (1 + damping)) - 1)
    cases = [(1.0, 0.0, 0.01), (0.5, 0.8, 0.5), (2.0, 0.5, 0.1)]

    def slope(rate: float, momentum: float, damping: float) -> float:
        path = _SEPARABLE.descend(np.zeros(3), rate, momentum, 60, damping)
        return (_SEPARABLE.log_loss(path[30]) - _SEPARABLE.log_loss(path[60])) / 30

    def weights(rate: float, momentum: float, damping: float) -> Array:
        """Shares of the samples in the metric after 60 epochs."""
        theta = _SEPARABLE.descend(np.zeros(3), rate, momentum, 60, damping)[-1]
        nu = _sigmoid().numpy(-np.abs(_APART @ theta))
        return nu / nu.sum()

    support = maximal_margin(_APART, _APART_SIGNS).multipliers
    return {
        "natural flow of one weight": Identity(sp.diff(theta, t), (1 + sp.exp(-theta)) / (1 + damping)),
        "gradient flow of one weight": Agreement(
            lambda: flow_error([1.0, 10.0, 100.0], 0.5, natural=False), _integrated, tolerance=1e-7
        ),
        "ordinary descent": Agreement(_tail, lambda: np.sum(maximal_margin(_PAIR, _PAIR_SIGNS).direction ** 2), 0.02),
        "only support vectors are left in the metric": Agreement(
            lambda: np.array([weights(*case) for case in cases[1:]]), lambda: support / support.sum(), tolerance=_FAR
        ),
        "rates": Agreement(
            lambda: np.array([slope(*case) for case in cases]),
            lambda: np.array([separable_rate(_APART, _APART_SIGNS, *case) for case in cases]),
            tolerance=_FAR,
        ),
    }


_PAIR, _PAIR_SIGNS = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])


def _integrated() -> Array:
    """1 - p of the differential equation theta' = 1/(1 + exp(theta)), step by step."""
    from scipy.integrate import solve_ivp

    path = solve_ivp(lambda _, x: 1 / (1 + np.exp(x)), (0, 100), [0.5], t_eval=[1, 10, 100], rtol=1e-10, atol=1e-12)
    return 1 / (1 + np.exp(path.y[0]))


def _tail() -> float:
    """t L_t of two orthogonal samples after gradient flow for t = 10^4; what is left out falls like ln(t)/t."""
    from scipy.integrate import solve_ivp

    one = _Neuron(_PAIR, _PAIR_SIGNS)
    path = solve_ivp(lambda _, x: -one.gradient(x), (0, 1e4), np.zeros(2), method="LSODA", rtol=1e-8, atol=1e-10)
    return float(1e4 * np.exp(one.log_loss(path.y[:, -1])))
