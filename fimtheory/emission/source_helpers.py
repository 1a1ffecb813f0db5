"""Helpers that exported source brings with it, written for JAX and PyTorch alike."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable

from fimtheory.emission import arrays

_TENSORS = '''
def tensors(*values):
    """Numbers become tensors in double precision; tensors stay as they are."""
    return tuple(v if torch.is_tensor(v) else torch.tensor(v, dtype=torch.float64) for v in values)
'''

_OWEN = '''
NODES, WEIGHTS = (ARRAY(v) for v in numpy.polynomial.legendre.leggauss(48))


def owens_t(h, a):
    """Owen's T function by a Gauss-Legendre rule on (0, min(|a|, 1/|a|))."""
    h, size = abs(h), abs(a)
    steep = size > 1
    end = XP.where(steep, 1 / XP.where(steep, size, 1.0), size)
    height = XP.where(steep, h * XP.where(steep, size, 1.0), h)
    x = end[..., None] * (1 + NODES) / 2
    rule = (XP.exp(-(height[..., None] ** 2) * (1 + x * x) / 2) / (1 + x * x) * WEIGHTS).sum(-1) * end / (4 * math.pi)
    p, r = SPECIAL.ndtr(h), SPECIAL.ndtr(height)
    return XP.sign(a) * XP.where(steep, (p + r) / 2 - p * r - rule, rule)


def bivariate_normal_cdf(h, k, rho):
    """P(X < h, Y < k) for standard normal X, Y with correlation rho, by Owen's T function."""
    zero, tiny = 0.0 * (h + k + rho), 1e-300
    h, k, rho = h + zero, k + zero, rho + zero
    root = XP.sqrt(XP.where(abs(rho) < 1, (1 - rho) * (1 + rho), tiny))
    safe_h, safe_k = XP.where(h == 0, tiny, h), XP.where(k == 0, tiny, k)
    at = owens_t(safe_h, (k / safe_h - rho) / root) + owens_t(safe_k, (h / safe_k - rho) / root)
    opposite = (h * k < 0) | ((h * k == 0) & (h + k < 0))
    value = (SPECIAL.ndtr(h) + SPECIAL.ndtr(k)) / 2 - at - XP.where(opposite, 0.5, 0.0)
    value = XP.where((h == 0) & (k == 0), 0.25 + XP.arcsin(rho) / (2 * math.pi), value)
    value = XP.where(rho >= 1, SPECIAL.ndtr(XP.minimum(h, k)), value)
    both = SPECIAL.ndtr(h) + SPECIAL.ndtr(k) - 1
    return XP.where(rho <= -1, XP.where(both > 0, both, 0.0 * both), value)
'''

_QUADRATURE = '''
STEP = 0.1
LINE = STEP * XP.arange(-90, 91)
MASS = STEP * XP.exp(-(LINE**2) / 2) / math.sqrt(2 * math.pi)


def gaussian_pair(f, q1, q2, c):
    """E f(U) f(V), Var U = q1, Var V = q2, correlation c: the trapezoidal rule in (U + V, U - V).

    Accurate to 1e-12 for functions that are analytic in a strip of half-width 1 and variances up to 2.
    """
    q1, q2, c = (XP.ASARRAY(v)[..., None, None] for v in (q1, q2, c))
    along, across = XP.sqrt((1 + c) / 2) * LINE[:, None], XP.sqrt((1 - c) / 2) * LINE
    values = f(XP.sqrt(q1) * (along + across)) * f(XP.sqrt(q2) * (along - across))
    return (values * MASS[:, None] * MASS).sum((-2, -1))
'''

_KINKED = '''
LEGENDRE = tuple(ARRAY(v) for v in numpy.polynomial.legendre.leggauss(16))
GRID = 1.0 * XP.arange(-9, 10)


def panels(edges):
    """Nodes and Gaussian masses of Gauss-Legendre rules between neighbouring edges."""
    half = (edges[..., 1:] - edges[..., :-1])[..., None] / 2
    z = edges[..., :-1, None] + half * (1 + LEGENDRE[0])
    return z, half * LEGENDRE[1] * XP.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def gaussian_pair_kinked(f, kink, q1, q2, c):
    """E f(U) f(V), Var U = q1, Var V = q2, correlation c, for f with one kink.

    Gauss-Legendre panels in (U + V, U - V), cut where U or V passes the kink.
    """
    q1, q2, c = (XP.ASARRAY(v)[..., None, None, None] for v in (q1, q2, c))
    a, b = XP.sqrt((1 + c) / 2), XP.sqrt((1 - c) / 2)
    w, mass = (v[..., None] for v in panels(GRID))
    cuts = [(kink / XP.sqrt(q1) - b * w) / a, (kink / XP.sqrt(q2) + b * w) / a]
    edges = XP.clip(XP.concatenate([*cuts, GRID + 0 * cuts[0]], axis=-1), -9.0, 9.0)
    z, weight = panels(SORT(edges))
    q1, q2, a, shift = (v[..., None] for v in (q1, q2, a, b * w))
    values = f(XP.sqrt(q1) * (a * z + shift)) * f(XP.sqrt(q2) * (a * z - shift)) * weight
    return (values.sum((-2, -1)) * mass[..., 0]).sum((-2, -1))
'''

_TEXTS = {
    "tensors": _TENSORS,
    "bivariate_normal_cdf": _OWEN,
    "gaussian_pair": _QUADRATURE,
    "gaussian_pair_kinked": _KINKED,
}
_SPELLING = {
    "numpy": {"XP": "np", "SPECIAL": "special", "ASARRAY": "asarray", "ARRAY": "np.array", "SORT": "np.sort"},
    "jax": {"XP": "np", "SPECIAL": "special", "ASARRAY": "asarray", "ARRAY": "np.array", "SORT": "np.sort"},
    "torch": {
        "XP": "torch",
        "SPECIAL": "torch.special",
        "ASARRAY": "as_tensor",
        "ARRAY": "torch.tensor",
        "SORT": "(lambda v: torch.sort(v).values)",
    },
}


def texts(names: Iterable[str], language: str) -> list[str]:
    """The helpers of these names, in the spelling of a library."""
    found = []
    for name in sorted(names, reverse=True):
        if name == "bivariate_normal_cdf" and language == "numpy":
            found.append(inspect.getsource(arrays.bivariate_numpy).replace("bivariate_numpy", name).strip())
            continue
        text = _TEXTS[name].strip()
        if language == "torch":
            text = re.sub(r"XP.arange\((.*?)\)", r"torch.arange(\1, dtype=torch.float64)", text)
        for word, spelling in _SPELLING[language].items():
            text = text.replace(word, spelling)
        found.append(text)
    return found
