"""Runs side by side, in figures: what they are called, what differs in their specs, and how each did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rollbook import Backtest, CompareBacktestsResponse
from rollbook_web.numbers import Figure, unknown
from rollbook_web.pages import lab_queue, run_figures
from rollbook_web.pages.lab_fields import FIELDS, word_of
from rollbook_web.pages.tables import Row, Table
from rollbook_web.pages.told import Told


def names_of(runs: Sequence[Backtest]) -> list[str]:
    """What the runs are called; equal names are told apart by their place."""
    names = [lab_queue.name_of(run) for run in runs]
    return [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, 1)]


def differences(found: CompareBacktestsResponse) -> Table:
    """What differs in the specs."""
    rows: list[Row] = [
        (
            FIELDS[each.field].label if each.field in FIELDS else each.field,
            tuple(
                Figure(word_of(each.field, value), each.field) if value else unknown("unset: off, or not used")
                for value in each.values
            ),
        )
        for each in found.differences
    ]
    note = "" if rows else "Nothing: they are the same run."
    return Table("What differs in their specifications", ("",), tuple(rows), note)


def side_by_side(runs: Sequence[Backtest]) -> list[Table]:
    """The figures of several runs: each row one figure, each column one run."""
    state: Row = ("State", tuple(Figure(lab_queue.state_of(run)) for run in runs))
    parts = [list(_parts(Told(run))) for run in runs]
    tables: list[Table] = []
    for place, (caption, _) in enumerate(parts[0]):
        found: dict[str, list[Figure]] = {}
        for column, part in enumerate(parts):
            for name, figure in part[place][1]:
                row = found.setdefault(name, [unknown("this run has no such figure") for _ in runs])
                row[column] = figure
        rows: tuple[Row, ...] = tuple((name, tuple(row)) for name, row in found.items())
        tables.append(Table(caption, ("",), rows if tables else (state, *rows)))
    return tables


def last(runs: Sequence[Backtest]) -> str:
    """What each has made against its benchmark, in a sentence."""
    made = (run_figures.tiles(Told(run))[0].figure.text for run in runs)
    return "; ".join(f"{name} {text}" for name, text in zip(names_of(runs), made, strict=True))


def _parts(told: Told) -> Iterator[tuple[str, list[tuple[str, Figure]]]]:
    """All figures of a run; of those in two currencies the coin's first, whatever its contracts settle in."""
    for table in (run_figures.account(told, "the benchmark"), run_figures.chains(told)):
        rows = []
        for name, cells in table.rows:
            in_coin, in_usd = reversed(cells) if told.linear else cells
            rows += [(f"{name}, coin", in_coin), (f"{name}, USD", in_usd)]
        yield table.caption, rows
    for table in (run_figures.activity(told), run_figures.hangs_on(told), run_figures.shares(told)):
        yield table.caption, [(name, figure) for name, (figure,) in table.rows]
