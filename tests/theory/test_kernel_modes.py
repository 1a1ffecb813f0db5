"""Eigenvalues of every degree against routes that share nothing with Gammas and lengths on panels.

Legendre and Fourier integrals by mpmath, Gegenbauer polynomials of mpmath, singular values of phi(w.x) on tensor grids of
Gauss-Hermite nodes (exact for polynomials), kernels typed here and diagonalised, Mehler's formula, rational recursions.
"""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from mpmath import mp
from scipy.special import eval_gegenbauer, gamma, kv

import fimtheory as ft
from fimtheory.activations.gallery import ENTRIES
from fimtheory.errors import DivergentExpectation, InputError
from fimtheory.theory import radial_modes as radial_module
from fimtheory.theory.kernel_modes import KernelModes
from fimtheory.theory.mode_parity import linear_parts
from fimtheory.theory.sphere import RadialLaw

Q = sp.Rational
HIGH = (401, 1000, 10**6, 10**9)


def eigenvalues(f, d, degrees, **options):
    return [mode.eigenvalue for mode in KernelModes(f, d, degrees, **options).modes]


def values(f, d, degrees, **options):
    return [mode.value for mode in KernelModes(f, d, degrees, **options).modes]


# -- one power


def over_sphere(function, d, k):
    """E function(t) P_k(t) with mpmath's own polynomials; d = 2 is Fourier's cosine, d = 3 Legendre."""
    index = mp.mpf(d - 2) / 2

    def harmonic(angle):
        if d == 2:
            return mp.cos(k * angle)
        return mp.gegenbauer(k, index, mp.cos(angle)) / mp.gegenbauer(k, index, 1)

    def mean(g):
        return mp.quad(lambda a: g(a) * mp.sin(a) ** (d - 2), [0, mp.pi / 2, mp.pi])

    return mean(lambda a: function(mp.cos(a)) * harmonic(a)) / mean(lambda a: mp.mpf(1))


POWERS = {
    "relu": (lambda t: max(t, 0), 1),
    "abs": (lambda t: abs(t), 1),
    "sign": (lambda t: mp.sign(t), 0),
    "step": (lambda t: mp.mpf(t > 0), 0),
    "relu(x)**2": (lambda t: max(t, 0) ** 2, 2),
    "max(x, 0) + min(x, 0)/3": (lambda t: max(t, 0) + min(t, 0) / 3, 1),
    "abs(x)**(1/2)": (lambda t: mp.sqrt(abs(t)), mp.mpf(1) / 2),
}


@pytest.mark.parametrize(("name", "d"), [(name, 2 + 3 * (i % 2)) for i, name in enumerate(POWERS)] + [("relu", 5)])
def test_powers_against_integrals(name, d):
    function, alpha = POWERS[name]
    law = mp.gammaprod([mp.mpf(d) / 2 + alpha], [mp.mpf(d) / 2]) * 2**alpha  # E|w|^(2 alpha)
    expected = [float((over_sphere(function, d, k) * law) ** 2) for k in range(5)]
    assert values(name, d, 4) == pytest.approx(expected, rel=1e-12, abs=1e-24)


def test_rational_in_odd_and_over_pi_squared_in_even_dimensions():
    assert eigenvalues("relu", 3, 6) == [Q(9, 16), Q(1, 4), Q(9, 256), 0, Q(1, 1024), 0, Q(9, 65536)]
    assert eigenvalues("relu", 2, 4) == [4 / sp.pi**2, Q(1, 4), 4 / (9 * sp.pi**2), 0, 4 / (225 * sp.pi**2)]
    assert eigenvalues("relu", 1, 5) == [Q(1, 4), Q(1, 4)]  # the sphere is two points
    assert eigenvalues("sign", 3, 3) == [0, Q(1, 4), 0, Q(1, 64)]
    assert eigenvalues("linear", 7, 3) == [0, 1, 0, 0]


@pytest.mark.parametrize("d", [1, 2, 3, 10, 399, *HIGH])
def test_a_quarter_in_every_dimension(d):
    first = KernelModes("relu", d, 1).modes[1]
    assert (first.eigenvalue, first.value, first.multiplicity) == (Q(1, 4), 0.25, d)


@pytest.mark.parametrize("d", [3, 10, 10**6])
def test_recursion_in_rational_numbers(d):
    """lambda_{k+2}/lambda_k = ((k-1)/(k+d+1))^2 from lambda_0, up to degree 50, to double precision."""
    found = KernelModes("relu", d, 50).modes
    expected = mp.mpf(found[0].number)
    for k in range(0, 50, 2):
        ratio = Fraction((k - 1) ** 2, (k + d + 1) ** 2)
        expected = expected * ratio.numerator / ratio.denominator
        assert found[k + 2].value == pytest.approx(float(expected), rel=1e-15)
        assert found[k + 3 if k < 48 else 49].value == 0


def test_the_first_eigenvalue_of_a_million_dimensions():
    """E relu(w.x/|w|) = 1/sqrt(2 pi) = c_0 E|x|, and E|x| = sqrt(d) (1 - 1/(4d) + 1/(32 d^2) + O(d^-3))."""
    d = 10**6
    length = mp.sqrt(d) * (1 - mp.mpf(1) / (4 * d) + mp.mpf(1) / (32 * d**2))
    assert values("relu", d, 0)[0] == pytest.approx(float(d**2 / (2 * mp.pi * length**2)), rel=1e-15)


def test_no_overflow():
    modes = KernelModes("relu", 10**6, 200)
    top = modes.modes[-1]
    assert top.multiplicity > 10**600
    assert top.value == 0.0 < top.number
    # As d grows, N lambda_k/trace tends to 2 b_k^2 = ((k-3)!!)^2/(pi k!); corrections are of order k^2/d.
    assert modes.share(top) == pytest.approx(float(mp.fac2(197) ** 2 / (mp.pi * mp.factorial(200))), rel=0.1)
    assert 0 < modes.tail < 0.01 * modes.trace_value
    steep = KernelModes("tanh", 10**6, 81, weight_variance="1/1000000", radial=1).modes[-1]
    assert steep.multiplicity > 10**300
    assert np.isfinite([steep.value, steep.error]).all()


def test_free_parameters_stay():
    alpha = ft.activation("leaky_relu").parameters[0]
    modes = KernelModes("leaky_relu", 3, 3)
    found = [sp.expand(mode.eigenvalue) for mode in modes.modes]
    even, odd = (1 - alpha) ** 2, (1 + alpha) ** 2
    assert found == [sp.expand(e) for e in (Q(9, 16) * even, Q(1, 4) * odd, Q(9, 256) * even, sp.S.Zero)]
    assert sp.expand(modes.trace) == sp.expand(Q(3, 2) * (1 + alpha**2))
    with pytest.raises(InputError, match="alpha=1/5"):
        _ = modes.clusters


def test_laws_on_the_sphere():
    """c_k alone, times the fixed lengths."""
    c = [Q(1, 4), Q(1, 6), Q(1, 16), 0, -Q(1, 96)]  # 1/2 int_0^1 t P_k(t) dt
    assert eigenvalues("relu", 3, 4, weights="sphere", inputs="sphere") == [9 * x**2 for x in c]
    assert eigenvalues("relu", 3, 4, weights="sphere", weight_variance="1/3") == [3 * x**2 for x in c]
    squares = eigenvalues("relu_squared", 3, 0), eigenvalues("relu_squared", 3, 0, weights="sphere")
    assert squares == ([Q(225, 36)], [Q(135, 36)])  # E|w|^4 = 15 and 9


# -- sums of powers


def on_grid(function, d, nodes):
    """Squared singular values of phi(w.x) between tensor grids: exact for polynomials of low degree."""
    z, p = np.polynomial.hermite_e.hermegauss(nodes)
    points = np.stack(np.meshgrid(*[z] * d, indexing="ij"), axis=-1).reshape(-1, d)
    masses = np.prod(np.stack(np.meshgrid(*[p / p.sum()] * d, indexing="ij"), axis=-1).reshape(-1, d), axis=1)
    root = np.sqrt(masses)
    return np.linalg.svd(root[:, None] * function(points @ points.T) * root, compute_uv=False) ** 2


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("formula", ["x**3 - 3*x", "x**2 - 1", "x**3 + x**2/2 - x + 3", "x**5 - 2*x**3 + x"])
def test_polynomials_against_singular_values(formula, d):
    phi = ft.activation(formula)
    expected = on_grid(phi.numpy, d, 7)
    modes = KernelModes(phi, d, 5)
    found = sorted((m.value for m in modes.modes for _ in range(m.multiplicity)), reverse=True)
    assert found == pytest.approx(list(expected[: len(found)]), rel=1e-9, abs=1e-12 * expected[0])
    assert modes.trace_value == pytest.approx(expected.sum(), rel=1e-12)
    assert modes.tail == pytest.approx(0, abs=1e-12 * modes.trace_value)
    assert float(sp.N(modes.trace)) == pytest.approx(modes.trace_value, rel=1e-14)


def test_two_powers_exactly():
    """x^3 - 3x in 3 dimensions: two modes of degree 1, with sum 360 and product 324."""
    modes = [m for m in KernelModes("x**3 - 3*x", 3, 1).modes if m.degree == 1]
    assert sp.expand(modes[0].eigenvalue * modes[1].eigenvalue) == 324
    assert sp.expand(modes[0].eigenvalue + modes[1].eigenvalue) == 360
    assert [m.value for m in modes] == pytest.approx([float(m.eigenvalue) for m in modes], rel=1e-15)


def test_lengths_of_different_laws():
    """relu + x^2 with weights on the sphere has one mode a degree: E_x of the square of sum c_a R^a |x|^a."""
    found = [m for m in KernelModes("x*step(x) + x**2", 3, 2, weights="sphere").modes if m.value > 0]
    assert [m.degree for m in found] == [0, 1, 2]
    with mp.workdps(20):
        R = mp.sqrt(3)
        c = {(1, 0): mp.mpf(1) / 4, (2, 0): mp.mpf(1) / 3, (1, 2): mp.mpf(1) / 16, (2, 2): mp.mpf(2) / 15}
        density = lambda r: mp.sqrt(2 / mp.pi) * r**2 * mp.exp(-(r**2) / 2)  # noqa: E731
        for mode in (found[0], found[2]):
            k = mode.degree
            mean = mp.quad(lambda r, k=k: density(r) * (c[1, k] * R * r + c[2, k] * (R * r) ** 2) ** 2, [0, 2, 5, 20])
            assert mode.value == pytest.approx(float(mean), rel=1e-13)


def test_high_dimension_tells_powers_apart():
    """Three modes over 60 decades: D G D G has rational entries at odd powers; its invariants are exact."""
    d = 10**6
    found = [m.number for m in KernelModes("x**5 - 2*x**3 + x", d, 1).modes if m.degree == 1]
    moments = {2 * n: sp.prod([sp.Integer(d) + 2 * j for j in range(n)]) for n in range(1, 6)}  # E|x|^2n
    gram = sp.Matrix(3, 3, lambda i, j: moments[2 * (i + j + 1)])
    c = sp.diag(Q(1, d), -2 * Q(3, d * (d + 2)), Q(15, d * (d + 2) * (d + 4)))  # E t^(p+1)
    product = c * gram * c * gram
    with mp.workdps(60):
        assert abs(mp.fsum(found) / mp.mpf(int(product.trace() * 1)) - 1) < mp.mpf(10) ** -14
        determinant = product.det()
        exact = mp.mpf(int(determinant.p)) / int(determinant.q)
        assert abs(mp.fprod(found) / exact - 1) < mp.mpf(10) ** -14


# -- any activation


def test_erf_on_the_sphere_against_legendre():
    """The kernel of erf is an arcsine of the cosine: one Legendre integral a degree."""
    t, w = np.polynomial.legendre.leggauss(200)
    kernel = 2 / np.pi * np.arcsin(2 * 3 * t / (1 + 2 * 3))
    expected = [float(w @ (kernel * eval_gegenbauer(k, 0.5, t))) / 2 for k in range(6)]
    found = KernelModes("erf", 3, 5, weights="sphere")
    assert [m.value for m in found.modes] == pytest.approx(expected, abs=1e-14)
    assert found.trace == 2 * sp.asin(Q(6, 7)) / sp.pi


def erf_in_the_plane(n):
    """2/pi asin(2 w.w'/sqrt((1 + 2|w|^2)(1 + 2|w'|^2))) on a polar grid of n Laguerre lengths and 48 angles."""
    angles = 2 * np.pi * np.arange(48) / 48
    half_square, p = np.polynomial.laguerre.laggauss(n)
    keep = p > 1e-18
    r, p = np.sqrt(2 * half_square[keep]), p[keep]
    points = (r[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)).reshape(-1, 2)
    root = np.sqrt(np.repeat(p, angles.size) / angles.size)
    length = np.sqrt(1 + 2 * (points**2).sum(axis=1))
    kernel = 2 / np.pi * np.arcsin(np.clip(2 * points @ points.T / np.outer(length, length), -1, 1))
    return np.linalg.eigvalsh(root[:, None] * kernel * root)[::-1][:8]


def test_erf_with_gaussian_weights_against_a_dense_kernel():
    """To what the grid of lengths resolves: the change from a coarser one."""
    coarse, fine = erf_in_the_plane(40), erf_in_the_plane(60)
    modes = KernelModes("erf", 2, 7)
    found = sorted((m.value for m in modes.modes for _ in range(m.multiplicity)), reverse=True)[:8]
    unresolved = float(np.abs(fine - coarse).max())
    assert unresolved < 1e-3 * fine[7]
    assert np.abs(np.array(found) - fine).max() < unresolved


@pytest.mark.parametrize(("variance", "d"), [(Q(1, 10), 3), (Q(1, 6), 2)])
def test_exponential_against_mehler(variance, d):
    """phi = exp: eigenvalues lambda_0 q^n in n = k + 2j, (1-q)/(1+q) = sqrt(1-4s), lambda_0 = ((1-q)/sqrt(1-4s))^d."""
    root = np.sqrt(1 - 4 * float(variance))
    q = (1 - root) / (1 + root)
    modes = KernelModes("exp", d, 3, weight_variance=variance)
    for mode in modes.modes:
        expected = ((1 - q) / root) ** d * q ** (mode.degree + 2 * mode.index)
        assert abs(mode.value - expected) < 1e-11 * modes.modes[0].value
    assert modes.trace_value == pytest.approx(root**-d, rel=1e-13)
    assert [c.multiplicity for c in modes.clusters][:3] == [1, d, d * (d + 1) // 2]  # degrees meet in one cluster


@pytest.mark.parametrize(("formula", "d"), [("clip(x, -1, 1)", 1), ("step(x - 1)", 1), ("relu(x - 1)", 1)])
def test_stated_errors_cover_a_finer_grid(formula, d, monkeypatch):
    """Kinks away from 0 are what grids of lengths do worst; against three times the nodes."""
    stated = KernelModes(formula, d, 1, radial=4).modes
    monkeypatch.setattr(radial_module, "_NODES", 3 * radial_module._NODES)
    finer = KernelModes(formula, d, 1, radial=4).modes
    for mode, better in zip(stated, finer, strict=True):
        assert abs(mode.value - better.value) <= mode.error


def test_profiles_are_orthonormal_and_coupled():
    """E R_i R_j = delta, and E_r[c_0(r rho) R(r)] = s R'(rho), c_0 by Legendre integrals."""
    modes = KernelModes("tanh(x)**2", 3, 0, radial=3)
    r, masses = RadialLaw(3).nodes()
    profiles = np.array([modes.profile(m)(r) for m in modes.modes])
    assert profiles * masses @ profiles.T == pytest.approx(np.eye(3), abs=1e-7)
    t, w = np.polynomial.legendre.leggauss(400)
    rho = np.array([0.3, 1.0, 2.5])
    c0 = np.tanh(np.multiply.outer(np.multiply.outer(rho, r), t)) ** 2 @ w / 2
    for mode in modes.modes[:2]:
        assert c0 @ (masses * modes.profile(mode)(r)) == pytest.approx(
            np.sqrt(mode.value) * modes.input_profile(mode)(rho), abs=1e-9
        )
    constant, linear = KernelModes("gelu", 3, 1, radial=1).modes
    assert linear.eigenvalue == Q(1, 4)  # GELU - x/2 is even
    assert constant.eigenvalue is None


def test_signs_and_overlaps_of_powers():
    modes = KernelModes("relu", 3, 4)
    fourth = modes.modes[4]
    at = np.array([0.5, 2.0])
    assert modes.profile(fourth)(at) == pytest.approx(at / np.sqrt(3))
    assert modes.input_profile(fourth)(at) == pytest.approx(-at / np.sqrt(3))  # c_4 = -1/96
    assert modes.overlap(modes.modes[0], fourth) == pytest.approx(5 / 3, rel=1e-15)
    assert modes.input_overlap(fourth, fourth) == pytest.approx(5 / 3, rel=1e-15)
    ball = KernelModes("relu", 3, 1, weights="sphere")
    assert ball.overlap(*ball.modes) == pytest.approx(1, rel=1e-15)
    assert ball.input_overlap(*ball.modes) == pytest.approx(5 / 3, rel=1e-15)
    pair = KernelModes("x*step(x) + x**2", 2, 0)
    r, masses = RadialLaw(2).nodes()
    squares = [pair.profile(m)(r) ** 2 for m in pair.modes]
    assert pair.overlap(*pair.modes) == pytest.approx(float(masses @ (squares[0] * squares[1])), rel=1e-10)
    with pytest.raises(InputError, match="degree 3 is 0"):
        modes.profile(modes.modes[3])


def test_nothing_divided_by_nothing():
    zero = KernelModes("0", 3, 1)
    assert [zero.share(m) for m in zero.modes] == [0, 0]
    assert (zero.trace, zero.tail, zero.clusters) == (0, 0.0, ())


# -- sums


def test_the_tail_of_the_plane():
    """d = 2: lambda_k = 4/(pi^2 (k^2-1)^2) at even k, whose tail mpmath sums."""
    with mp.workdps(25):
        tail = mp.nsum(lambda n: 2 * 4 / (mp.pi**2 * (4 * n**2 - 1) ** 2), [26, mp.inf])
    assert KernelModes("relu", 2, 50).tail == pytest.approx(float(tail), rel=1e-9)  # 1e-15 of the trace


@pytest.mark.parametrize("d", [1, 2, 7])
@pytest.mark.parametrize("name", ["relu(x - 1)", "hardtanh", "tanh"])
def test_traces_against_the_density_of_the_product(name, d):
    """w.x has density |u|^v K_v(|u|)/(sqrt(pi) Gamma(d/2) 2^v), v = (d-1)/2; panels halve towards 0 and meet at 1."""
    phi, v = ft.activation(name), (d - 1) / 2
    ends = np.concatenate([[0], 2.0 ** np.arange(-40, 0), np.arange(1, 81)])
    t, w = np.polynomial.legendre.leggauss(40)
    u = ends[:-1, None] + np.diff(ends)[:, None] * (t + 1) / 2
    density = u**v * kv(v, u) / (np.sqrt(np.pi) * gamma(d / 2) * 2**v)
    expected = (np.diff(ends)[:, None] * w / 2 * density * (phi(u) ** 2 + phi(-u) ** 2)).sum()
    assert KernelModes(phi, d, 0).trace_value == pytest.approx(expected, rel=1e-12)


def test_shares_and_clusters():
    line = KernelModes("relu", 1, 9)
    (cluster,) = line.clusters
    assert (cluster.degrees, cluster.multiplicity, cluster.value) == ((0, 1), 2, 0.25)
    space = KernelModes("relu", 3, 6)
    assert [c.degrees for c in space.clusters] == [(0,), (1,), (2,), (4,), (6,)]
    assert sum(space.share(m) for m in space.modes) + space.tail / space.trace_value == pytest.approx(1, rel=1e-15)
    assert space.share(space.modes[1]) == pytest.approx(1 / 2)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_every_member_of_the_gallery(entry):
    """On the line there are two degrees, and twelve modes of each all but exhaust the trace; refusals take one line."""
    phi = ft.activation(entry.name)
    phi = phi.with_values({p.name: Q(1, 3) for p in phi.parameter_list})
    if entry.name in ("exp", "sinh", "cosh"):
        with pytest.raises(DivergentExpectation, match=r"take a variance below 0\.25, or weights on the sphere$"):
            KernelModes(phi, 1, 1)
        modes = KernelModes(phi, 1, 1, weight_variance="1/10", radial=12)
    else:
        modes = KernelModes(phi, 1, 1, radial=12)
    unresolved = sum(m.error for m in modes.modes)
    total = sum(m.value for m in modes.modes)
    assert 0.9 * modes.trace_value - unresolved <= total <= (1 + 1e-12) * modes.trace_value + unresolved
    if not any(h != 0 for h in phi.kinks):
        assert unresolved < 1e-4 * modes.trace_value


@pytest.mark.parametrize("name", ["sigmoid", "silu", "softplus", "hard_sigmoid", "erfc", "elu", "mish", "snake"])
def test_parity_against_values(name):
    """What is called constant or linear is so at points; what is not called so is not."""
    phi = ft.activation(name)
    phi = phi.with_values({p.name: Q(1, 3) for p in phi.parameter_list})
    x = np.array([0.3, 1.1, 7.9])
    parts = {0: (phi(x) + phi(-x)) / 2, 1: (phi(x) - phi(-x)) / (2 * x)}
    for k, part in parts.items():
        assert (k in linear_parts(phi)) == bool(np.ptp(part) < 1e-12)
        if k in linear_parts(phi):
            assert part == pytest.approx(float(linear_parts(phi)[k].plus), rel=1e-12)


# -- what cannot be asked


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("relu", 0), {}, "dimension = 0"),
        (("relu", 2.5), {}, "dimension = 2.5"),
        (("relu", True), {}, "dimension = True"),
        (("relu", 3, -1), {}, "degrees = -1"),
        (("relu", 3, 10**5), {}, "degrees = 100000"),
        (("relu", 3), {"weights": "uniform"}, "write 'gaussian' or 'sphere'"),
        (("relu", 3), {"inputs": "cube"}, "write 'gaussian' or 'sphere'"),
        (("relu", 3), {"weight_variance": 0}, "weight_variance = 0 is not a positive"),
        (("relu", 3), {"weight_variance": None}, "weight_variance = None"),
        (("relu", 3), {"weight_variance": 10**400}, "of usual size"),
        (("relu", 3), {"weight_variance": float("nan")}, "weight_variance = nan"),
        (("relu", 3), {"weight_variance": "-1/3"}, "weight_variance = -1/3"),
        (("relu", 3), {"radial": 0}, "radial = 0"),
        (("elu", 3), {}, "alpha=1/5"),
        (("exp", 3), {}, "variance below 0.25"),
        (("exp(x/2)", 3), {"weight_variance": 1}, "infinite"),
        (("exp(x**2/8)", 3), {"weight_variance": "1/100"}, "take weights on the sphere"),
        (("exp(x**2/8)", 3), {"weights": "sphere"}, "below 0.1667"),
        (("exp(x**2/8)", 3), {"weights": "sphere", "weight_variance": "1/4"}, "too fast for double precision"),
        (("exp(abs(x)**(3/2)/9)", 3), {}, "infinite"),
        (("cos(40*x)*exp(-x**2)", 2), {}, "varies too fast"),
        (("tanh", 10**6), {}, "too many scales"),
    ],
)
def test_refusals(arguments, options, message):
    with pytest.raises(InputError, match=message) as caught:
        _ = KernelModes(*arguments, **options).modes
    assert "\n" not in str(caught.value)
