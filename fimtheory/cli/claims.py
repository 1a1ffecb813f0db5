"""``fimtheory claims``: the catalogue, and verdicts on what it says."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from fimtheory.cli.options import DONE, FELL_SHORT, new_verb, progress
from fimtheory.errors import InputError

SETTLED = ("supported", "certified", "corrected")


def add(verbs) -> None:
    """Declare the verb."""
    verb = new_verb(
        verbs,
        "claims",
        run,
        "The catalogue of claims, and their verdicts.",
        "",
        "--paper karakida2020",
        "show karakida2020.thm3.1 --bibtex",
        "verify karakida2020.thm3.1",
        "verify --paper pennington2018 --quick",
        "find tangent kernel",
        "figure pennington2018.fig1b -o fig1b.pdf",
        "figure karakida2020.fig3a -o fig3a.pdf --resume unfinished/",
        "table pennington2018.table1 --digits 30",
    )
    verb.set_defaults(timeout=0)  # simulations may rightly take hours
    verb.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=("list", "show", "verify", "find", "figure", "table"),
        help="what to do",
    )
    verb.add_argument("words", nargs="*", metavar="ID", help="claim ids (verify: all if none), or words to find")
    verb.add_argument("--paper", metavar="P", help="only the claims of one paper")
    verb.add_argument("--quick", action="store_true", help="verify, figure: smaller and fewer networks")
    verb.add_argument("-o", "--output", metavar="FILE", help="figure: where to draw it (.svg, .pdf, .png)")
    verb.add_argument("--resume", metavar="DIR", help="figure: keep finished networks in DIR, and go on from there")
    verb.add_argument("--bibtex", action="store_true", help="show: print the BibTeX entry of the source")


def run(options: argparse.Namespace) -> int:
    """Carry it out."""
    from fimtheory import catalogue
    from fimtheory.report import summary
    from fimtheory.verification import verify

    if options.action == "figure":
        return _figure(options)
    if options.action == "table":
        return _table(options)
    if options.action in ("show", "verify") and options.words:
        chosen = tuple(catalogue.find(id) for id in options.words)
    elif options.action == "show":
        raise InputError("which claim? write for instance: fimtheory claims show karakida2020.thm3.1")
    else:
        chosen = catalogue.search(" ".join(options.words))
    if options.paper:
        chosen = tuple(claim for claim in catalogue.by_paper(options.paper) if claim in chosen)
    if options.action == "verify":
        evidence = {claim.id: verify(claim, progress=progress(claim.id), quick=options.quick) for claim in chosen}
    else:
        evidence = {}
    rows = [summary.claim(claim, evidence.get(claim.id)) for claim in chosen]
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print(summary.claims_text(rows, full=options.action in ("show", "verify"), bibtex=options.bibtex))
    settled = all(e.status in SETTLED for e in evidence.values())
    return DONE if settled else FELL_SHORT


def _figure(options: argparse.Namespace) -> int:
    from fimtheory.report import figures, paper_figures

    if len(options.words) != 1 or not options.output:
        raise InputError("one figure and one file: fimtheory claims figure pennington2018.fig2a -o fig2a.pdf")
    figures.check_path(options.output)
    directory = Path(options.resume) if options.resume else None
    drawing = paper_figures.draw(options.words[0], options.quick, progress(options.words[0]), directory)
    figures.save(drawing, options.output)
    if options.json:
        print(json.dumps({"id": options.words[0], "file": options.output}))
    return DONE


def _table(options: argparse.Namespace) -> int:
    from fimtheory.theory.spectral_features import table_1

    if options.words != ["pennington2018.table1"]:
        raise InputError("which table? there is one: fimtheory claims table pennington2018.table1 --digits 30")
    rows = table_1(options.digits)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        for name, columns in rows.items():
            print(name, *(f"  {column:10s} {value}" for column, value in columns.items()), sep="\n")
    return DONE
