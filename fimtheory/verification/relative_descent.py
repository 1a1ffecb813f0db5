"""The experiment of document 003 on a ReLU network, whose runs are compared method by method.

There is no width to extrapolate in: the ladder has one rung, and statements are on means over runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from fimtheory.claims import Claim
from fimtheory.simulation.descent_ensemble import RATES, DescentEnsemble, Rates, simulate_descent
from fimtheory.simulation.ladder import Ladder
from fimtheory.simulation.relative_descent import DescentPlan
from fimtheory.theory.network_experiment_claims import VARIANTS

Progress = Callable[[int, int], None]

_QUICK = DescentPlan(hidden=(32, 32, 32), train=700, epochs=100, look=10, runs=12)
_QUICK_RATES: Rates = (("SGD", (0.2,)), ("Adam", (0.004,)), ("RNGD", (0.2,)))


@dataclass(frozen=True)
class NetworkExperimentSetting:
    """Networks 64-64-64-64-10 on scikit-learn's digits, as they are and with flipped labels; needs the extra ``digits``.

    The default is the full size: 10 runs, 4 to 7 rates a method, 100 epochs.
    """

    plan: DescentPlan = field(default_factory=DescentPlan)
    rates: Rates = RATES
    resolution: float = 0.0  # nothing is extrapolated

    @classmethod
    def quick(cls) -> NetworkExperimentSetting:
        """Narrower networks, fewer images, one rate a method: half a minute for all claims."""
        return cls(_QUICK, _QUICK_RATES)

    def __str__(self) -> str:
        plan, grid = self.plan, " or ".join(str(n) for n in sorted({len(rates) for _, rates in self.rates}))
        flips = f", {plan.flipped:.0%} of training labels flipped" if plan.flipped else ""
        return (
            f"{plan.train} digits 8 x 8{flips}, hidden units {', '.join(map(str, plan.hidden))}, {plan.epochs} epochs of "
            f"mini batches of {plan.batch}, {plan.runs} runs, the best of {grid} rates, T={plan.period}, "
            f"lambda={plan.decay:g}, epsilon={plan.damping:g}, seed {plan.seed}"
        )

    def subjects(self, claim: Claim) -> Iterator[tuple[str, tuple, NetworkExperimentSetting]]:
        """(mark, arguments of ``predict``, setting): the digits as they are, and with a share of their labels flipped."""
        for variant, flipped in VARIANTS.items():
            yield f" [{variant}]", (variant,), replace(self, plan=replace(self.plan, flipped=flipped))

    def suited_to(self, observables: Iterable[str]) -> NetworkExperimentSetting:
        """This setting: every observable is measured on the same networks."""
        return self

    def simulate(self, observables: Iterable[str], progress: Progress | None = None) -> Ladder[DescentEnsemble]:
        """The one rung on which they are measured."""
        return Ladder({self.plan.train: simulate_descent(self.plan, tuple(observables), self.rates, progress)})
