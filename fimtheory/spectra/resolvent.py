r"""The resolvent of a linear pencil in the Gram matrices of all layers, as the stationary point of one function.

For Q = sum_l a_l K_l (+ companions) let g = E tr (Q - z)^{-1}/N and t_l = E tr K_l (Q - z)^{-1}/N. Taking the layers
away from the top, each leaves an effective coefficient A_l of K_l behind, and all of these numbers make

    Phi = sum_l E log det_l(A_l, t_{l-1}, g)/ratio_l - sum_l (A_l - a_l) t_l - log g - z g - 1

stationary; its value there is E log det(Q - z)/N. So one gradient holds all equations, its Jacobian is a Hessian, and
the distribution function is -Im Phi/pi, as accurate as the square of what the unknowns are known to.
Unknowns are stored as u = (A_0, .., A_{n-1}, t_0, .., t_{n-1}, g), shape ``(points, 2 n + 1)``.
"""

from __future__ import annotations

import numpy as np

from fimtheory.errors import NotConverged
from fimtheory.spectra.layers import Layer

_START = 4.0  # height above the axis, in units of the spectrum, from which the way down begins
_HIGH, _LOWEST = 1e-4, 1e-15
_STEEPEST, _GENTLEST = 1e-3, 0.97  # factors from one height to the next
_CLEAR = 1e-8  # an imaginary part, relative, that is no rounding error
_SETTLED, _STALLED = 1e-12, 1e-7  # relative steps; next to an edge rounding leaves larger ones
_TINY = np.finfo(float).tiny
_NEWTON_STEPS = 12
_MOST_STAGES = 400
_PORTION = 20_000  # points times kinds at once

Array = np.ndarray


class Resolvent:
    """The equations of sum_l a_l K_l, scaled so that its spectrum lies within [0, 1]."""

    def __init__(self, layers: tuple[Layer, ...], coefficients: tuple[float, ...]) -> None:
        self.n = len(layers)
        self.coefficients = np.array(coefficients, dtype=float)
        self.weights = [layer.per_kind for layer in layers]
        self.polynomials = [layer.polynomial() for layer in layers]
        # Rules with complex nodes leave errors in imaginary parts, sums of real terms do not.
        self.blur = _CLEAR if any(map(np.iscomplexobj, self.polynomials)) else 0.0

    # -- the function and its derivatives

    def _determinants(self, u: Array, l: int) -> tuple[Array, list[Array], dict[tuple[int, int], Array]]:
        """det_l and its derivatives in A_l, t_{l-1}, g, by numbers 0, 1, 2; shape ``(points, kinds)`` each."""
        e1, e2, f1, f2, f3, f4 = self.polynomials[l]
        A, g = u[:, l, None], u[:, -1, None]
        t = u[:, self.n + l - 1, None] if l else 0 * g
        by_t, by_g = f1 + f3 * g, f2 + f3 * t + 2 * f4 * g
        inner = f1 * t + f2 * g + f3 * t * g + f4 * g * g
        second = {(0, 1): by_t, (0, 2): by_g, (1, 2): A * f3, (2, 2): 2 * A * f4}
        return 1 + e1 * t + e2 * g + A * inner, [inner, e1 + A * by_t, e2 + A * by_g], second

    def _places(self, l: int) -> list[tuple[int, int]]:
        """(number of the variable in det_l, its place in u)."""
        return [(0, l), *([(1, self.n + l - 1)] if l else []), (2, 2 * self.n)]

    def derivatives(self, u: Array, z: Array) -> tuple[Array, Array]:
        """Gradient and Hessian of Phi, shapes ``(points, 2 n + 1)`` and ``(points, 2 n + 1, 2 n + 1)``."""
        n, size = self.n, 2 * self.n + 1
        gradient, hessian = np.zeros_like(u), np.zeros((len(u), size, size), dtype=u.dtype)
        for l in range(n):
            value, first, second = self._determinants(u, l)
            rates = [d / value for d in first]
            for i, at in self._places(l):
                gradient[:, at] += rates[i] @ self.weights[l]
                for j, beside in self._places(l):
                    bent = second.get((min(i, j), max(i, j)))
                    rate = -rates[i] * rates[j] if bent is None else bent / value - rates[i] * rates[j]
                    hessian[:, at, beside] += rate @ self.weights[l]
            hessian[:, l, n + l] -= 1
            hessian[:, n + l, l] -= 1
        gradient[:, :n] -= u[:, n : 2 * n]
        gradient[:, n : 2 * n] += self.coefficients - u[:, :n]
        gradient[:, -1] -= 1 / u[:, -1] + z
        hessian[:, -1, -1] += 1 / u[:, -1] ** 2
        return gradient, hessian

    def phase(self, u: Array, z: Array) -> Array:
        """-Im Phi/pi at solutions for real z: the mass below.

        1 + A x is A times 1/A + x; A lies in the lower half-plane and what it multiplies in the upper one, so that
        each factor has its own logarithm, also where it is real.
        """
        total = -_log_above(u[:, -1]) - u[:, -1] * z
        for l in range(self.n):
            e1, e2, f1, f2, f3, f4 = self.polynomials[l]
            A, g = u[:, l, None], u[:, -1, None]
            t = u[:, self.n + l - 1, None] if l else 0 * g
            other = 1 + e1 * t + e2 * g
            own = 1 / A + (f1 * t + f2 * g + f3 * t * g + f4 * g * g) / other
            logs = _log_above(own) + np.conj(_log_above(A))
            total += (np.log(other) + logs) @ self.weights[l]
            total -= (u[:, l] - self.coefficients[l]) * u[:, self.n + l]
        return -np.imag(total) / np.pi

    # -- solutions

    def solve(self, z: Array) -> Array:
        """:meth:`_solve` in portions whose arrays stay in the cache."""
        portion = max(8, _PORTION // max(w.size for w in self.weights))
        parts = [self._solve(z[start : start + portion]) for start in range(0, z.size, portion)]
        return np.concatenate(parts) if parts else np.empty((0, 2 * self.n + 1), dtype=complex)

    def _solve(self, z: Array) -> Array:
        """The unknowns at points of the closed upper half-plane, on the axis the limit from above.

        Solutions with positive imaginary parts are unique: so from the first heights above z Newton's method tries z
        itself, and goes all the way down where it finds none, which is off the spectrum.
        """
        height = np.full(z.shape, _START)
        u = self._newton(self._far(z + 1j * height), z + 1j * height)[0]
        found, factor = np.empty_like(u), np.full(z.shape, 0.1)
        open_ = np.arange(z.size)
        for _ in range(_MOST_STAGES):
            tried = open_[(height[open_] >= _HIGH) | (height[open_] <= _LOWEST)]
            v, settled = self._newton(u[tried], z[tried])
            done = settled & _above(self, v, _CLEAR)
            deep = ~done & (height[tried] <= _LOWEST)
            found[tried[done]] = v[done]
            found[tried[deep]] = _grounded(np.where(settled[deep, None], v[deep], u[tried[deep]]))
            open_ = np.setdiff1d(open_, tried[done | deep])
            if not open_.size:
                return found
            self._descend(u, z, height, factor, open_)
        raise NotConverged(f"the resolvent was not found at {open_.size} of {z.size} points", complex(z[open_[0]]).real)

    def _descend(self, u: Array, z: Array, height: Array, factor: Array, open_: Array) -> None:
        """One step down at the points still open, in place; a step that fails is tried again shorter."""
        lower = height[open_] * factor[open_]
        v, settled = self._newton(u[open_], z[open_] + 1j * lower)
        good = settled & _above(self, v, -self.blur)
        moved = open_[good]
        u[moved], height[moved] = v[good], lower[good]
        factor[moved] = np.maximum(factor[moved] / 4, _STEEPEST)
        factor[open_[~good]] = np.minimum(np.sqrt(factor[open_[~good]]), _GENTLEST)

    def _far(self, z: Array) -> Array:
        """The unknowns far away: -1/z times moments of order zero, and the coefficients that they leave behind."""
        u = np.empty((z.size, 2 * self.n + 1), dtype=complex)
        u[:, -1] = -1 / z
        mean, above = 0.0, 0.0
        for l, (weights, (_, _, f1, f2, _, _)) in enumerate(zip(self.weights, self.polynomials, strict=True)):
            mean = float(np.real(weights @ (f1 * mean + f2)))
            u[:, self.n + l] = -mean / z
        for l in range(self.n - 1, -1, -1):
            left = self.coefficients[l] + above
            u[:, l] = left
            e1, _, f1, *_ = self.polynomials[l]
            above = float(np.real(self.weights[l] @ (e1 + left * f1)))
        return u

    def _newton(self, u: Array, z: Array) -> tuple[Array, Array]:
        """Newton's method from u, and where it settled."""
        u, settled = u.copy(), np.zeros(len(u), dtype=bool)
        open_, last = np.arange(len(u)), np.full(len(u), np.inf)
        with np.errstate(all="ignore"):  # what diverges is not kept
            for _ in range(_NEWTON_STEPS):
                gradient, hessian = self.derivatives(u[open_], z[open_])
                usable = np.isfinite(hessian).all(axis=(1, 2)) & np.isfinite(gradient).all(axis=1)
                open_, gradient, hessian = open_[usable], gradient[usable], hessian[usable]
                step = _solved(hessian, gradient)
                u[open_] -= step
                size = np.max(np.abs(step) / np.maximum(np.abs(u[open_]), _TINY), axis=1)
                near = (size <= _SETTLED) | (size <= _STALLED) & (size >= last[open_] / 2)
                last[open_] = size
                settled[open_[near]] = True
                open_ = open_[~near]
                if not open_.size:
                    break
        return u, settled


def _solved(hessian: Array, gradient: Array) -> Array:
    try:
        return np.linalg.solve(hessian, gradient[..., None])[..., 0]
    except np.linalg.LinAlgError:  # one of them is singular
        return (np.linalg.pinv(hessian) @ gradient[..., None])[..., 0]


def _above(equations: Resolvent, u: Array, margin: float) -> Array:
    """Where t and g lie above the axis, by a relative margin, and the coefficients not above it."""
    traces, left = u[:, equations.n :], u[:, : equations.n]
    rounding = max(1e-14, equations.blur) * np.abs(left)
    return np.all(np.imag(traces) > margin * np.abs(traces), axis=1) & np.all(np.imag(left) <= rounding, axis=1)


def _grounded(u: Array) -> Array:
    """Numbers that are real but for rounding, made real; the others as they are."""
    return np.where(np.abs(np.imag(u)) <= _CLEAR * np.abs(u), np.real(u) + 0j, u)


def _log_above(x: Array) -> Array:
    """The logarithm of a number above the axis, or of the conjugate of one below; on the axis from above."""
    return np.log(np.abs(x)) + 1j * np.abs(np.angle(x))
