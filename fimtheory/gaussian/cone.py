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
from typing import NamedTuple

import sympy as sp

from fimtheory.errors import DivergentExpectation, JumpError, NoClosedForm
from fimtheory.gaussian.field import Field
from fimtheory.gaussian.normal_form import Shape
from fimtheory.gaussian.rational import RationalFunction

Vector = tuple[RationalFunction, ...]
Matrix = tuple[Vector, ...]


@dataclass(frozen=True)
class Leaf:
    """(2 pi)^(-halves/2) radicand^(-1/2) exp(exponent) P(Y > 0), with Y ~ N(mean, covariance)."""

    halves: int
    radicand: RationalFunction
    exponent: RationalFunction
    mean: Vector = ()
    covariance: Matrix = ()


Sum = dict[Leaf, RationalFunction]


class Gaussian(NamedTuple):
    """X ~ N(mean, covariance)."""

    mean: Vector
    covariance: Matrix

    def condition(self, a: Vector, b: RationalFunction) -> tuple[Gaussian, RationalFunction, RationalFunction]:
        """X given a . X = b, with b - E a.X and Var a.X."""
        s = tuple(_dot(row, a) for row in self.covariance)
        variance, offset = _dot(a, s), b - _dot(a, self.mean)
        slope = tuple(si / variance for si in s)
        mean = tuple(m + t * offset for m, t in zip(self.mean, slope, strict=True))
        covariance = tuple(
            tuple(entry - si * t for entry, t in zip(row, slope, strict=True))
            for row, si in zip(self.covariance, s, strict=True)
        )
        return Gaussian(mean, covariance), offset, variance


class Cone:
    """A product of atoms in one or two Gaussian variables, whatever its powers, as a Gaussian restricted to a cone.

    ``shapes`` are the atoms (one a variable, their powers ignored), ``covariance`` that of the centred variables.
    """

    def __init__(self, field: Field, shapes: tuple[Shape, ...], covariance: Matrix) -> None:
        self.field = field
        self._constraints, variances = self._half_spaces(shapes)
        mean, core, radicand, exponent = self._tilt(shapes, covariance)
        zeros = (field.zero,) * len(variances)
        rows = [(*row, *zeros) for row in core]
        fresh = [tuple(v if i == j else field.zero for j in range(len(variances))) for i, v in enumerate(variances)]
        rows += [((field.zero,) * len(shapes) + row) for row in fresh]
        face = Gaussian((*mean, *zeros), tuple(rows)), Leaf(0, radicand, exponent)
        for i, shape in enumerate(shapes):
            if shape.at is not None:
                face = self._on_boundary(*face, self._unit(i, len(rows)), field(shape.at))
        self._faces = {frozenset[int](): face}
        self._moments: dict[tuple[tuple[int, ...], frozenset[int]], Sum] = {}

    def moment(self, powers: tuple[int, ...]) -> Sum:
        """E prod_i x_i^powers[i] atom_i(x_i)."""
        return self._moment(powers, frozenset())

    @staticmethod
    def is_surd(g: sp.Expr) -> bool:
        """Whether a slope is an irrational real number, such as the sqrt(2) of erf."""
        return bool(g.is_number and not g.is_Rational and g.is_real)

    @staticmethod
    def surd_variance(g: sp.Expr) -> sp.Expr:
        """The variance 1/g^2 that takes the place of an irrational slope."""
        return sp.radsimp(1 / sp.expand(g**2))

    # -- the cone

    def _half_spaces(self, shapes: tuple[Shape, ...]) -> tuple[list[tuple[Vector, RationalFunction]], Vector]:
        """The constraints a . X > b on the variables and the fresh z of every Phi, with the variances of the z."""
        cdfs = [(i, *self._cdf_constraint(g, d)) for i, shape in enumerate(shapes) for g, d in shape.cdfs]
        size = len(shapes) + len(cdfs)
        constraints = []
        for k, (i, slope, offset, _) in enumerate(cdfs):
            u, z = self._unit(i, size), self._unit(len(shapes) + k, size)
            constraints.append((tuple(slope * a - b for a, b in zip(u, z, strict=True)), -offset))
        for i, shape in enumerate(shapes):
            if shape.above is not None:
                constraints.append((self._unit(i, size), self.field(shape.above)))
        return constraints, tuple(variance for *_, variance in cdfs)

    def _unit(self, i: int, size: int) -> Vector:
        return tuple(self.field.one if j == i else self.field.zero for j in range(size))

    def _cdf_constraint(self, g: sp.Expr, d: sp.Expr) -> tuple[RationalFunction, RationalFunction, RationalFunction]:
        """z < g x + d as (direction) x + (offset) - z > 0 with Var z: an irrational g > 0 goes into the variance."""
        if self.is_surd(g):
            size = sp.Abs(g)
            return self.field(sp.sign(g)), self.field(d / size), self.field(self.surd_variance(g))
        return self.field(g), self.field(d), self.field.one

    def _tilt(
        self, shapes: tuple[Shape, ...], covariance: Matrix
    ) -> tuple[Vector, Matrix, RationalFunction, RationalFunction]:
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

    def _require_convergence(self, system: list[list[RationalFunction]]) -> None:
        """I - 2 Sigma A must have positive eigenvalues, along the whole way from A = 0."""
        minors = [system[i][i] for i in range(len(system))]
        if len(system) == 2:
            minors.append(system[0][0] * system[1][1] - system[0][1] * system[1][0])
            minors[:2] = [system[0][0] + system[1][1]]
        for minor in minors:
            positive = self.field.is_positive(minor)
            if positive is None:
                raise DivergentExpectation(
                    f"the Gaussian expectation converges only where {self.field.expr(minor)} > 0:"
                    " give the variance a value there"
                )
            if not positive:
                raise DivergentExpectation("the Gaussian expectation diverges: the function grows too fast")

    # -- the recursion

    def _moment(self, powers: tuple[int, ...], face: frozenset[int]) -> Sum:
        key = (powers, face)
        if key not in self._moments:
            self._moments[key] = self._lowered(powers, face) if any(powers) else self._orthant(face)
        return self._moments[key]

    def _lowered(self, powers: tuple[int, ...], face: frozenset[int]) -> Sum:
        """Stein's identity; ``face`` names the constraints that hold with equality."""
        (mean, covariance), _ = self._on_face(face)
        i = max(range(len(powers)), key=lambda k: powers[k])
        lowered = _lower(powers, i)
        total: Sum = {}
        if mean[i]:
            accumulate(total, self._moment(lowered, face), mean[i])
        for j, n in enumerate(lowered):
            if n and covariance[i][j]:
                accumulate(total, self._moment(_lower(lowered, j), face), n * covariance[i][j])
        for k, (a, _) in enumerate(self._constraints):
            weight = _dot(covariance[i], a)
            if k not in face and weight:
                accumulate(total, self._moment(lowered, face | {k}), weight)
        return total

    def _on_face(self, face: frozenset[int]) -> tuple[Gaussian, Leaf]:
        if face not in self._faces:
            *others, k = sorted(face)
            self._faces[face] = self._on_boundary(*self._on_face(frozenset(others)), *self._constraints[k])
        return self._faces[face]

    @staticmethod
    def _on_boundary(gaussian: Gaussian, leaf: Leaf, a: Vector, b: RationalFunction) -> tuple[Gaussian, Leaf]:
        """Multiply by delta(a . X - b): its density goes into the leaf, the rest is conditioned."""
        conditioned, offset, variance = gaussian.condition(a, b)
        exponent = leaf.exponent - offset * offset / (2 * variance)
        return conditioned, Leaf(leaf.halves + 1, leaf.radicand * variance, exponent)

    def _orthant(self, face: frozenset[int]) -> Sum:
        gaussian, leaf = self._on_face(face)
        means, normals = [], []
        for k, (a, b) in enumerate(self._constraints):
            if k in face:
                continue
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

    def _certainly_positive(self, mean: RationalFunction) -> bool:
        positive = self.field.is_positive(mean)
        if not mean or positive is None:
            raise JumpError("a delta function sits where the other factor jumps: the product has no meaning")
        return positive


def accumulate(total: Sum, terms: Sum, weight: RationalFunction) -> None:
    """Add weight * terms to a sum."""
    for leaf, coefficient in terms.items():
        updated = total.get(leaf, weight * 0) + weight * coefficient
        if updated:
            total[leaf] = updated
        else:
            total.pop(leaf, None)


def _dot(u: Vector, v: Vector) -> RationalFunction:
    return sum((a * b for a, b in zip(u, v, strict=True) if a and b), u[0] * 0)


def _lower(powers: tuple[int, ...], i: int) -> tuple[int, ...]:
    return (*powers[:i], powers[i] - 1, *powers[i + 1 :])
