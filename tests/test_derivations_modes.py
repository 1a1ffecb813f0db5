"""The derivations of kernel modes break when one of their moves, or what they land on, is wrong."""

import dataclasses

import pytest
import sympy as sp


def broken(load, name, stage=None):
    """The whole derivation, or one stage of it, which takes an account."""
    steps, script = load("_steps"), load(name)
    with pytest.raises(steps.Broken):
        getattr(script, stage)(steps.Account("")) if stage else script.main()


def test_a_wrong_rodrigues_factor_breaks(load, monkeypatch):
    script = load("homogeneous_modes")
    right = script.rodrigues
    monkeypatch.setattr(script, "rodrigues", lambda n, k: -right(n, k))
    broken(load, "homogeneous_modes", "angular")


def test_a_wrong_gamma_breaks(load, monkeypatch):
    """The ladder of Gammas one step off: right at no degree but one."""
    script = load("homogeneous_modes")
    right = script.coefficient
    monkeypatch.setattr(script, "coefficient", lambda a, n, k: right(a, n + 1, k))
    broken(load, "homogeneous_modes")


@pytest.mark.parametrize("name", ["arcsine_ratio", "power_ratio"])
def test_a_wrong_ratio_of_terms_breaks(name, load, monkeypatch):
    script = load("erf_modes")
    right = getattr(script, name)
    monkeypatch.setattr(script, name, lambda n, *rest: right(n + 1, *rest))
    broken(load, "erf_modes")


def test_a_kernel_cut_off_elsewhere_breaks(load, monkeypatch):
    script = load("takeishi2021_clusters")
    monkeypatch.setattr(script, "TRUNCATED", script.TRUNCATED + script.c**4 / (48 * sp.pi))
    broken(load, "takeishi2021_clusters")


def test_a_wrong_angle_breaks(load, monkeypatch):
    script = load("takeishi2021_clusters")
    right = script.cosine
    monkeypatch.setattr(script, "cosine", lambda n: right(n) * (1 + n / 10**10))
    broken(load, "takeishi2021_clusters", "hadamard")


def test_a_wrong_largest_eigenvalue_breaks(load, monkeypatch):
    """One dimension off: right in the limit of many alone."""
    script = load("takeishi2021_clusters")
    right = script.lambda_0
    monkeypatch.setattr(script, "lambda_0", lambda n: right(n + 1))
    broken(load, "takeishi2021_clusters", "zonal")


@pytest.mark.parametrize("name", ["ky_fan", "projected_trace"])
def test_a_wrong_side_of_ky_fan_breaks(name, load, monkeypatch):
    script = load("takeishi2021_clusters")
    right = getattr(script, name)

    def wrong(*given):
        left, other = right(*given)
        return left, other + left / 10**12

    monkeypatch.setattr(script, name, wrong)
    broken(load, "takeishi2021_clusters", "bound")


def test_a_wrong_bound_breaks(load, monkeypatch):
    from fimtheory.theory import truncated_kernel

    right = truncated_kernel.ky_fan_bound

    def wrong(*given):
        bound = right(*given)
        return dataclasses.replace(bound, share=bound.share * sp.Rational(103, 100))

    monkeypatch.setattr(truncated_kernel, "ky_fan_bound", wrong)
    broken(load, "takeishi2021_clusters")


@pytest.mark.parametrize("name", ["truncated_eigenvalue", "truncated_share", "truncation_rank", "span_cosine"])
def test_wrong_landings_break(name, load, monkeypatch):
    from fimtheory.theory import truncated_kernel

    right = getattr(truncated_kernel, name)
    monkeypatch.setattr(truncated_kernel, name, lambda *given: right(*given) * sp.Rational(103, 100))
    broken(load, "takeishi2021_clusters")
