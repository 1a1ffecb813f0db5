"""``fimtheory gallery``: the activations that have a name."""

from __future__ import annotations

import argparse

from fimtheory.cli.options import DONE, new_verb, show


def add(verbs) -> None:
    """Declare the verb."""
    new_verb(verbs, "gallery", run, "The named activations, their formulas, origins and aliases.", "", "--json")


def run(options: argparse.Namespace) -> int:
    """Carry it out."""
    from fimtheory.report import summary

    show(options, {"gallery": summary.gallery()}, lambda found: summary.gallery_text(found["gallery"]))
    return DONE
