"""The report of one activation on disk: everything is made aside and moved into place at the end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fimtheory.errors import InputError
from fimtheory.report.content import Content, ReportOptions, the_activation
from fimtheory.theory.deep_network import DeepNetwork
from fimtheory.verification import Check


@dataclass(frozen=True)
class Written:
    """What was written, for the terminal."""

    activation: str
    directory: Path
    files: tuple[str, ...]
    derived: dict[str, Any]
    checks: tuple[Check, ...]

    @property
    def contradicted(self) -> bool:
        """Whether simulation contradicts a formula."""
        return any(check.verdict.value == "contradicted" for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Paths, quantities and verdicts."""
        return {
            "activation": self.activation,
            "index": str(self.directory / "index.html"),
            "files": list(self.files),
            "derived": self.derived,
            "verdicts": {check.observable: check.verdict.value for check in self.checks},
        }

    def text(self) -> str:
        """One screen."""
        lines = [f"{self.activation}: phi(x) = {self.derived['activation']['formula']}", ""]
        for name in ("mean", "eta", "eta_prime", "zeta"):
            quantity = self.derived[name]
            lines.append(f"  {name:10s} {quantity['value'] or 'undefined':20s} {quantity['formula'] or ''}")
        lines.append(f"  {'dual':10s} {self.derived['dual']['formula'] or 'an integral: no closed form in the class'}")
        if self.checks:
            lines += ["", f"  {'observable':24s} {'theory':>12s} {'simulation, M -> oo':>24s} {'z':>6s}  verdict"]
        for check in self.checks:
            e, power = check.extrapolation, {0: "", 1: " * M", -1: " / M"}[check.power]
            measured = f"{e.value:.5g} ± {e.standard_error:.2g}"
            lines.append(
                f"  {check.observable + power:24s} {check.predicted:>12.5g} {measured:>24s}"
                f" {check.judgement.z_score:>6.1f}  {check.verdict.value}"
            )
        return "\n".join([*lines, "", f"  open {self.directory / 'index.html'}"])


def write_report(
    network: DeepNetwork,
    directory: str | Path,
    options: ReportOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write ``index.html``, ``NAME.tex`` and ``figures/`` for the activation of a network.

    Everything is made in a folder beside the target and moved there at the end: an interrupted report leaves nothing.
    Raises :class:`InputError` where the directory cannot be written or the network is outside the theorems.
    """
    options, target = options or ReportOptions(), Path(directory)
    network.require_theorem()
    the_activation(network)
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file: give a directory to write the report to")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(prefix=".fimtheory-", dir=target if target.is_dir() else target.parent))
    except OSError as error:
        raise InputError(f"cannot write to {target}: {error.strerror}; give another directory with -o") from None
    try:
        content = Content(network, options, progress)
        files = content.write(workshop)
        _move(workshop, target, files)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return Written(content.phi.name, target, tuple(files), content.derived, content.checks)


def _move(workshop: Path, target: Path, files: list[str]) -> None:
    for name in files:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        (workshop / name).replace(place)
