"""Moments of a Gaussian vector on a cone: the one algorithm behind every closed form.

To find the expectation of a product of atoms, every Phi(g x + d) is written as P(z < g x + d) with a fresh
independent z ~ N(0, 1); the exponentials tilt the Gaussian; what is left is

    E[ x_1^{n_1} x_2^{n_2} 1{a_k . X > b_k for all k} ],

and Stein's identity E[(x_i - mu_i) h(X)] = sum_j Sigma_ij E[d_j h(X)] lowers the degree. Its boundary terms (the
derivative of an indicator is a delta) are the same problem in one dimension less, and the recursion ends in
orthant probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp
from sympy.polys.fields import FracElement

from fimtheory.errors import DivergentExpectation, JumpError, NoClosedForm
from fimtheory.gaussian.field import Field, is_positive
from fimtheory.gaussian.normal_form import Shape

Vector = tuple[FracElement, ...]
Matrix = tuple[Vector, ...]


@dataclass(frozen=True)
class Leaf:
    """(2 pi)^(-halves/2) radicand^(-1/2) exp(exponent) P(Y > 0), with Y ~ N(mean, covariance)."""

    halves: int
    radicand: FracElement
    exponent: FracElement
    mean: Vector = ()
    covariance: Matrix = ()


Sum = dict[Leaf, FracElement]


@dataclass(frozen=True)
class Gaussian:
    """X ~ N(mean, covariance) restricted to a . X > b for every (a, b) in ``constraints``."""

    mean: Vector
    covariance: Matrix
    constraints: tuple[tuple[Vector, FracElement], ...]

    def condition(self, a: Vector, b: FracElement) -> tuple[Gaussian, FracElement, FracElement]:
        """X given a . X = b (constraints kept), with b - E a.X and Var a.X."""
        s = tuple(_dot(row, a) for row in self.covariance)
        variance, offset = _dot(a, s), b - _dot(a, self.mean)
        mean = tuple(m + si * offset / variance for m, si in zip(self.mean, s, strict=True))
        covariance = tuple(
            tuple(entry - si * sj / variance for entry, sj in zip(row, s, strict=True))
            for row, si in zip(self.covariance, s, strict=True)
        )
        return Gaussian(mean, covariance, self.constraints), offset, variance

    def without(self, k: int) -> Gaussian:
        """The same Gaussian with the k-th constraint dropped."""
        return Gaussian(self.mean, self.covariance, self.constraints[:k] + self.constraints[k + 1 :])


class Cone:
    """Expectations of products of atoms in one or two variables over a field of parameters."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._moments: dict[tuple, Sum] = {}

    def expectation(self, shapes: tuple[Shape, ...], covariance: Matrix) -> Sum:
        """E prod_i atom_i(x_i) for centred jointly Gaussian x_i with the given covariance."""
        field, p = self.field, len(shapes)
        cdfs = [(i, g, d) for i, shape in enumerate(shapes) for g, d in shape.cdfs]
        core_mean, core, radicand, exponent = self._tilt(shapes, covariance)
        size = p + len(cdfs)
        unit = [tuple(field.one if i == j else field.zero for j in range(size)) for i in range(size)]
        variances, constraints = [], []
        for k, (i, g, d) in enumerate(cdfs):
            direction, offset, variance = self._cdf_constraint(g, d)
            constraints.append((tuple(direction * u - z for u, z in zip(unit[i], unit[p + k], strict=True)), -offset))
            variances.append(variance)
        constraints += [(unit[i], field(s.above)) for i, s in enumerate(shapes) if s.above is not None]
        full = [
            tuple(core[i][j] if i < p and j < p else variances[i - p] if i == j else field.zero for j in range(size))
            for i in range(size)
        ]
        zeros = (field.zero,) * len(cdfs)
        gaussian, prefactor = Gaussian(core_mean + zeros, tuple(full), tuple(constraints)), Leaf(0, radicand, exponent)
        for i, shape in enumerate(shapes):
            if shape.at is not None:
                gaussian, prefactor = self._on_boundary(gaussian, prefactor, unit[i], field(shape.at))
        return self._moment(tuple(shape.power for shape in shapes), gaussian, prefactor)

    @staticmethod
    def is_surd(g: sp.Expr) -> bool:
        """Whether a slope is an irrational real number, such as the sqrt(2) of erf."""
        return bool(g.is_number and not g.is_Rational and g.is_real)

    def _cdf_constraint(self, g: sp.Expr, d: sp.Expr) -> tuple[FracElement, FracElement, FracElement]:
        """z < g x + d as (direction) x + (offset) - z > 0 with Var z: an irrational g > 0 goes into the variance."""
        if self.is_surd(g):
            size = sp.Abs(g)
            return self.field(sp.sign(g)), self.field(d / size), self.field(sp.nsimplify(1 / size**2))
        return self.field(g), self.field(d), self.field.one

    def _tilt(self, shapes: tuple[Shape, ...], covariance: Matrix) -> tuple[Vector, Matrix, FracElement, FracElement]:
        """Absorb exp(sum a_i x_i^2 + b_i x_i): new mean, new covariance, det(I - 2 Sigma A), exponent."""
        field = self.field
        a = [field(shape.quadratic) for shape in shapes]
        b = tuple(field(shape.linear) for shape in shapes)
        determinant = field.one
        if any(a):
            system = [
                [(1 if i == j else 0) - 2 * covariance[i][j] * a[j] for j in range(len(a))] for i in range(len(a))
            ]
            self._require_convergence(system)
            if len(a) == 1:
                determinant = field.one * system[0][0]
                covariance = ((covariance[0][0] / determinant,),)
            else:
                (m, n), (r, s) = system
                determinant = m * s - n * r
                inverse = ((s / determinant, -n / determinant), (-r / determinant, m / determinant))
                columns = list(zip(*covariance, strict=True))
                covariance = tuple(tuple(_dot(row, column) for column in columns) for row in inverse)
        mean = tuple(_dot(row, b) for row in covariance)
        return mean, covariance, determinant, _dot(b, mean) / 2

    def _require_convergence(self, system: list[list[FracElement]]) -> None:
        """I - 2 Sigma A must have positive eigenvalues, along the whole way from A = 0."""
        minors = [system[i][i] for i in range(len(system))]
        if len(system) == 2:
            minors.append(system[0][0] * system[1][1] - system[0][1] * system[1][0])
            minors[:2] = [system[0][0] + system[1][1]]
        for minor in minors:
            expression = self.field.expr(minor)
            positive = is_positive(expression)
            if positive is None:
                raise DivergentExpectation(
                    f"the Gaussian expectation converges only where {expression} > 0: give the variance a value there"
                )
            if not positive:
                raise DivergentExpectation("the Gaussian expectation diverges: the function grows too fast")

    def _moment(self, powers: tuple[int, ...], gaussian: Gaussian, prefactor: Leaf) -> Sum:
        key = (powers, gaussian, prefactor)
        if key not in self._moments:
            self._moments[key] = self._lowered(powers, gaussian, prefactor)
        return self._moments[key]

    def _lowered(self, powers: tuple[int, ...], gaussian: Gaussian, prefactor: Leaf) -> Sum:
        if not any(powers):
            return self._orthant(gaussian, prefactor)
        i = max(range(len(powers)), key=lambda k: powers[k])
        lowered = _lower(powers, i)
        total: Sum = {}
        if gaussian.mean[i]:
            _accumulate(total, self._moment(lowered, gaussian, prefactor), gaussian.mean[i])
        for j, n in enumerate(lowered):
            if n and gaussian.covariance[i][j]:
                weight = n * gaussian.covariance[i][j]
                _accumulate(total, self._moment(_lower(lowered, j), gaussian, prefactor), weight)
        for k, (a, b) in enumerate(gaussian.constraints):
            weight = _dot(gaussian.covariance[i], a)
            if weight:
                face, leaf = self._on_boundary(gaussian.without(k), prefactor, a, b)
                _accumulate(total, self._moment(lowered, face, leaf), weight)
        return total

    def _on_boundary(self, gaussian: Gaussian, leaf: Leaf, a: Vector, b: FracElement) -> tuple[Gaussian, Leaf]:
        """Multiply by delta(a . X - b): its density goes into the leaf, the rest is conditioned."""
        conditioned, offset, variance = gaussian.condition(a, b)
        exponent = leaf.exponent - offset * offset / (2 * variance)
        return conditioned, Leaf(leaf.halves + 1, leaf.radicand * variance, exponent)

    def _orthant(self, gaussian: Gaussian, leaf: Leaf) -> Sum:
        means, normals = [], []
        for a, b in gaussian.constraints:
            mean = _dot(a, gaussian.mean) - b
            if any(_dot(row, a) for row in gaussian.covariance):
                means.append(mean)
                normals.append(a)
            elif not self._certainly_positive(mean):
                return {}
        if any(self.field.uses(mean, sp.I) for mean in means):
            raise NoClosedForm("the expectation needs the normal distribution function at complex arguments")
        images = [tuple(_dot(row, a) for row in gaussian.covariance) for a in normals]
        covariance = tuple(tuple(_dot(a, image) for image in images) for a in normals)
        if len(means) > 3 or (len(means) == 3 and any(means)):
            raise NoClosedForm(
                f"the expectation needs an orthant probability in {len(means)} dimensions: no closed form in this class"
            )
        return {Leaf(leaf.halves, leaf.radicand, leaf.exponent, tuple(means), covariance): self.field.one}

    def _certainly_positive(self, mean: FracElement) -> bool:
        expression = self.field.expr(mean)
        if expression.is_zero or expression.is_positive is None:
            raise JumpError("a delta function sits where the other factor jumps: the product has no meaning")
        return bool(expression.is_positive)


def _dot(u: Vector, v: Vector) -> FracElement:
    return sum((a * b for a, b in zip(u, v, strict=True) if a and b), u[0] * 0)


def _lower(powers: tuple[int, ...], i: int) -> tuple[int, ...]:
    return (*powers[:i], powers[i] - 1, *powers[i + 1 :])


def _accumulate(total: Sum, terms: Sum, weight: FracElement) -> None:
    for leaf, coefficient in terms.items():
        updated = total.get(leaf, weight * 0) + weight * coefficient
        if updated:
            total[leaf] = updated
        else:
            total.pop(leaf, None)
