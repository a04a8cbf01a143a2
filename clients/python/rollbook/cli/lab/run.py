"""`rollbook backtest run SPEC.yaml`: a spec becomes a run, or two."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rollbook import Lab, specs
from rollbook.cli.answers import print_json
from rollbook.cli.connection import Session
from rollbook.cli.failures import Stop
from rollbook.cli.lab.head import about
from rollbook.cli.lab.lookup import cut, pick_dataset
from rollbook.cli.lab.options import BOTH, EXITS, one_of
from rollbook.cli.lab.watch import watch_runs
from rollbook.cli.tables import Page
from rollbook.errors import NotFound
from rollbook.models import Backtest, BacktestSpec, DatasetKind, DataSpec, ExitStyle, ListBacktestsResponse

KINDS = {
    "spot_dataset_id": DatasetKind.BARS,
    "volatility_dataset_id": DatasetKind.VOLATILITY,
    "quotes_dataset_id": DatasetKind.OPTION_CHAINS,
}


def run_spec(session: Session, file: Path, changes: Sequence[str], exit_style: str, *, watch: bool) -> None:
    """Reads, queues and prints, or watches."""
    exits = one_of(exit_style, EXITS, "--exit") if exit_style else ""
    spec = read_spec(file, changes)
    with session.lab() as lab:
        spec = replace(spec, data=whole_ids(lab, spec))
        runs = list(_queued(lab, spec, exits))
        if not session.json:
            say_queued(runs, watch=watch)
        elif not watch:
            print_json(ListBacktestsResponse(backtests=tuple(runs)))
        if watch:
            watch_runs(session, lab, [run.backtest_id for run in runs])


def read_spec(file: Path, changes: Sequence[str]) -> BacktestSpec:
    """The spec of a file, or of stdin, with what is said in its place."""
    return _changed(_read(file), changes)


def _read(file: Path) -> BacktestSpec:
    name = "stdin" if str(file) == "-" else str(file)
    try:
        return specs.parse(sys.stdin.read()) if str(file) == "-" else specs.load(file)
    except OSError as error:
        raise Stop(f"{name} cannot be read: {error.strerror} — nothing was sent") from None
    except specs.SpecError as error:
        raise Stop(f"{name}: {error} — nothing was sent; --example shows a spec") from None


def _changed(spec: BacktestSpec, changes: Sequence[str]) -> BacktestSpec:
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals:
            raise Stop(f"--set is FIELD=VALUE, and {change!r} is not — for example selection.target_delta=0.25")
        try:
            spec = specs.changed(spec, path.strip(), text.strip())
        except specs.SpecError as error:
            raise Stop(f"--set {change}: {error} — nothing was sent") from None
    return spec


def whole_ids(lab: Lab, spec: BacktestSpec) -> DataSpec:
    """The data by its whole ids."""
    said = spec.data or DataSpec()
    datasets = list(lab.iterate_datasets(page_size=500)) if any(getattr(said, name) for name in KINDS) else []
    found = {}
    for name, kind in KINDS.items():
        if getattr(said, name):
            # Where none fits, all of them: the server says better what is wrong with it.
            fitting = [each for each in datasets if each.kind is kind and each.underlying == spec.underlying]
            field = f"spec.data.{name}"
            try:
                found[name] = pick_dataset(fitting, getattr(said, name), field)
            except NotFound:
                found[name] = pick_dataset(datasets, getattr(said, name), field)
    return replace(said, **found)


def _queued(lab: Lab, spec: BacktestSpec, exits: str) -> Iterator[Backtest]:
    if exits == BOTH:
        yield from lab.create_exit_styles(spec)
        return
    yield lab.create_backtest(with_exits(spec, exits) if exits else spec)


def with_exits(spec: BacktestSpec, exits: str) -> BacktestSpec:
    """The spec with an exit style of EXITS; what is held to expiry has no rules of exit."""
    spec = replace(spec, exit_style=ExitStyle(exits.upper().replace("-", "_")))
    return replace(spec, exits=None) if spec.exit_style is ExitStyle.HOLD_TO_EXPIRY else spec


def say_queued(runs: Sequence[Backtest], *, watch: bool) -> None:
    """Which runs were queued, and how to see them."""
    page = Page()
    for run in runs:
        page.line(f"Queued {run.backtest_id}")
        page.notes([about(run)])
    if not watch:
        page.line(f"It goes on by itself: `rollbook backtest watch {cut(runs[0].backtest_id)}` shows it.")
