"""Mirror descent and natural gradient descent: on the law of three outcomes, natural parameters Theta and means H."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp

from fimtheory.claims import Agreement, Identity, Ordering, Source, claim
from fimtheory.theory.natural_gradient import natural_gradient

Array = np.ndarray

_GAMMA = sp.Symbol("gamma", positive=True)
_NATURAL = sp.Matrix(sp.symbols("Theta_1 Theta_2", real=True))
_OTHER = sp.Matrix(sp.symbols("Theta'_1 Theta'_2", real=True))
_POTENTIAL = sp.log(1 + sp.exp(_NATURAL[0]) + sp.exp(_NATURAL[1]))
_TARGET = sp.Matrix(sp.symbols("c_1 c_2", real=True))
_OBJECTIVE = sp.exp(_NATURAL[0] - _NATURAL[1]) + (_NATURAL - _TARGET).dot(_NATURAL - _TARGET) / 2


def _slopes(f: sp.Expr) -> sp.Matrix:
    return sp.Matrix([f]).jacobian(_NATURAL).T


def _at_other(e):
    return e.subs(dict(zip(_NATURAL, _OTHER, strict=True)), simultaneous=True)


def _divergence(slope_at: sp.Matrix) -> sp.Expr:
    """F(Theta) - F(Theta') - (Theta - Theta')' slope."""
    return _POTENTIAL - _at_other(_POTENTIAL) - (_NATURAL - _OTHER).dot(slope_at)


def _values(divergence: sp.Expr) -> Array:
    """A divergence at sixteen pairs of points."""
    of = sp.lambdify((*_NATURAL, *_OTHER), divergence, "numpy")
    corners = [(a, b) for a in (-1.5, 0.5) for b in (-0.25, 2.0)]
    shifted = [(a + 0.75, b - 1.0) for a, b in corners]
    return np.array([of(*one, *other) for one in corners for other in shifted])


def printed_mirror() -> dict:
    """The divergence with the slope of F at the point itself: minus that from the other side, and negative."""
    return {
        "a divergence is positive": Ordering(lambda: np.zeros(16), lambda: _values(_divergence(_slopes(_POTENTIAL))))
    }


@claim(
    "sun2016.sec6_mirror",
    title="Mirror descent is natural gradient descent in the dual coordinates, step by finite step",
    statement=r"\Theta_{t+1} = \operatorname*{arg\,min}_{\Theta} \left(\Theta^\top \nabla L(\Theta_t) + \frac{1}{\gamma} "
    r"B_F(\Theta, \Theta_t)\right),\quad B_F(\Theta, \Theta') = F(\Theta) - F(\Theta') - (\Theta - \Theta')^\top "
    r"\nabla F(\Theta')\quad \Longleftrightarrow\quad H_{t+1} = H_t - \gamma \left(\nabla^2 F^*(H_t)\right)^{-1} "
    r"\nabla_H L,\quad H = \nabla F(\Theta)",
    as_printed=r"\Theta_{t+1} = \operatorname*{arg\,min}_{\Theta} \left(\Theta^\top \nabla F(\Theta_t) + \frac{1}{\gamma} "
    r"D(\Theta, \Theta_t)\right),\quad B_F(\Theta, \Theta') = F(\Theta) - F(\Theta') - (\Theta - \Theta')^\top "
    r"\nabla F(\Theta)",
    source=Source("sun2016", "section 6 (mirror descent)"),
    assumptions=(
        "F is strictly convex; L is what is minimised",
        "the text calls both the objective and the potential F; with one function for both the step would not depend on "
        "what is minimised, so we read the linear term as that of the objective",
        "the metric is the Hessian of F in the coordinates Theta, its inverse in H",
        "in the coordinates Theta the steps agree to first order in gamma only",
    ),
    printed=printed_mirror,
    subject=None,
)
def predict_mirror() -> dict:
    """The potential of three outcomes, whose dual coordinates are their probabilities, and an objective of no symmetry."""
    H = sp.Matrix(sp.symbols("H_1 H_2", positive=True))
    total = 1 - H[0] - H[1]
    back = {_NATURAL[i]: sp.log(H[i] / total) for i in range(2)}
    metric = sp.Matrix([back[e] for e in _NATURAL]).jacobian(H)
    dual_slope = sp.Matrix([_OBJECTIVE.subs(back)]).jacobian(H).T
    natural = metric.inv() * dual_slope
    simplex = {H[0]: sp.exp(_OTHER[0]) / (2 + 2 * sp.exp(_OTHER[0])), H[1]: sp.S.One / 3}  # any point of the simplex
    proximal = _NATURAL.dot(_at_other(_slopes(_OBJECTIVE))) + _divergence(_at_other(_slopes(_POTENTIAL))) / _GAMMA
    stationary = _slopes(proximal) * _GAMMA
    dual_step = _slopes(_POTENTIAL) - _at_other(_slopes(_POTENTIAL)) + _GAMMA * _at_other(_slopes(_OBJECTIVE))
    positive = _values(_divergence(_at_other(_slopes(_POTENTIAL))))
    slope = _slopes(_OBJECTIVE).subs(back)
    return {
        "stationary where H moves by -gamma grad L": Identity(stationary[0], dual_step[0]),
        "natural gradient in H": Identity(natural[0].subs(simplex), slope[0].subs(simplex)),
        "natural gradient in H, second component": Identity(natural[1].subs(simplex), slope[1].subs(simplex)),
        "a divergence is positive": Ordering(lambda: np.zeros(16), lambda: positive),
        "finite steps": Agreement(lambda: _mirror_step(0.2)[0], lambda: _mirror_step(0.2)[1], tolerance=_SEARCHED),
        "gaps in Theta shrink like the square": Agreement(
            lambda: np.linalg.norm(_theta_gap(2e-3)) / np.linalg.norm(_theta_gap(1e-3)), lambda: 4.0, tolerance=0.02
        ),
    }


_SEARCHED = 1e-6  # a minimum that is searched without derivatives of second order


def _numbers(e: sp.Matrix) -> Callable[[Array], Array]:
    of = sp.lambdify(tuple(_NATURAL), e.subs(dict(zip(_TARGET, (0.5, -1.0), strict=True))), "numpy")
    return lambda at: np.array(of(*at), dtype=float).reshape(e.shape)


def _mirror_step(rate: float) -> tuple[Array, Array]:
    """H after one step: by searching the minimum, and by the natural gradient in H."""
    from scipy.optimize import minimize

    here = np.array([0.2, -0.3])
    slope = _numbers(_slopes(_OBJECTIVE))(here)[:, 0]
    F, H = _numbers(sp.Matrix([_POTENTIAL])), _numbers(_slopes(_POTENTIAL))

    def proximal(theta: Array) -> float:
        divergence = float(F(theta)[0, 0] - F(here)[0, 0] - (theta - here) @ H(here)[:, 0])
        return float(theta @ slope) + divergence / rate

    found = minimize(proximal, here, jac=lambda at: slope + (H(at) - H(here))[:, 0] / rate, method="BFGS", tol=1e-12)
    return H(found.x)[:, 0], H(here)[:, 0] - rate * slope


def _theta_gap(rate: float) -> Array:
    """Theta of a step in H, less a step of natural gradient in Theta."""
    here = np.array([0.2, -0.3])
    slope = _numbers(_slopes(_OBJECTIVE))(here)[:, 0]
    means = _numbers(_slopes(_POTENTIAL))(here)[:, 0] - rate * slope
    metric = _numbers(_slopes(_POTENTIAL).jacobian(_NATURAL))(here)
    return np.log(means / (1 - means.sum())) - (here - rate * natural_gradient(slope, metric))
