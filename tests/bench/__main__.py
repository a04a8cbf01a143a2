"""`make bench`: numbers for people, never a gate."""

import argparse
import os
import platform
import tempfile
from pathlib import Path

import google.protobuf
import grpc
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from rollbook_server.storage.sqlite import VERSION
from tests.bench import lab, page, streams
from tests.bench.commands import commands
from tests.bench.figures import FULL, QUICK, Figure, past, profile, writes

CACHE = Path(tempfile.gettempdir()) / "rollbook-bench"
"""Big ledgers are kept between runs."""


def machine() -> str:
    """What the figures were measured on."""
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"SQLite {VERSION}, grpcio {grpc.__version__}, protobuf {google.protobuf.__version__}, "
        f"load before {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few calls on a small ledger: shows that it works")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="only write where the time of a call goes")
    given = parser.parse_args()
    scale = QUICK if given.quick else FULL
    console, screen = Console(width=120), Console(stderr=True)
    line = machine()
    with tempfile.TemporaryDirectory(prefix="rollbook-bench-") as name, Progress(console=screen, transient=True) as bar:
        folder = Path(name)
        if given.profile is not None:
            profile(folder, given.profile, scale)
            return
        task = bar.add_task("", total=None)

        def tell(what: str) -> None:
            bar.reset(task, description=what, total=scale.entries if "ledger of" in what else None)

        figures: list[Figure] = [*writes(folder, scale, tell)]
        figures += commands(folder, scale, tell)
        figures += streams.streams(folder, streams.QUICK if given.quick else streams.FULL, tell)
        figures += page.pages(folder, page.QUICK if given.quick else page.FULL, tell)
        figures += lab.runs(folder, lab.QUICK if given.quick else lab.FULL, tell)
        figures += lab.scales(folder, lab.QUICK if given.quick else lab.FULL, tell)
        figures += lab.jobs(folder, lab.QUICK if given.quick else lab.FULL, tell)
        kept = folder if given.quick else CACHE
        figures += past(kept, scale, tell, lambda done: bar.advance(task, done))
    print(line)
    table = Table("figure", "measured", "aim", box=None, pad_edge=False)
    for figure in figures:
        table.add_row(figure.name, figure.measured, figure.aim)
    console.print(table)


if __name__ == "__main__":
    main()
