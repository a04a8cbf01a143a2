"""`rollbook backtest compare ID ID …`: runs side by side, a column for each, and what differs in their specs."""

from __future__ import annotations

from collections.abc import Sequence

from rollbook.cli.answers import print_json
from rollbook.cli.connection import Session
from rollbook.cli.figures import MISSING
from rollbook.cli.lab.head import about
from rollbook.cli.lab.lookup import find_run, shortened
from rollbook.cli.lab.metrics import FACTS, PERFORMANCE, Cell, metrics_of, spec_of
from rollbook.cli.lab.numbers import USD
from rollbook.cli.lab.runs import state_of
from rollbook.cli.tables import Column, Page
from rollbook.models import Backtest, BacktestPerformance, SpecDifference


def compare_runs(session: Session, said: Sequence[str]) -> None:
    """Asks and prints."""
    with session.lab() as lab:
        answer = lab.compare_backtests([find_run(lab, each) for each in said])
    if session.json:
        print_json(answer)
        return
    page = Page()
    heads = shortened(run.backtest_id for run in answer.backtests)
    for head, run in zip(heads, answer.backtests, strict=True):
        page.notes([" · ".join(filter(None, (head, spec_of(run).name, about(run))))])
    if answer.differences:
        page.table(difference_columns(heads, answer.differences), title="What differs in their specs")
    else:
        page.line("Their specs do not differ.")
    page.table(metrics_columns(heads, answer.backtests), title="How they did")


def difference_columns(heads: Sequence[str], differences: Sequence[SpecDifference]) -> list[Column]:
    """A row for each field."""
    fields = [Column("Field", [each.field for each in differences])]
    return fields + [
        Column(head, [each.values[number] or MISSING for each in differences], figure=True)
        for number, head in enumerate(heads)
    ]


def metrics_columns(heads: Sequence[str], runs: Sequence[Backtest]) -> list[Column]:
    """A row for each figure that one of them knows; money says which: in coin, in USD, or of the settlement."""
    came = [metrics_of(run) for run in runs]
    rows: dict[str, list[Cell]] = {"State": [state_of(run) for run in runs]}
    for name, cell in PERFORMANCE.items():
        rows[f"{name}, in coin"] = [
            cell(each.coin or BacktestPerformance(), spec_of(run).underlying)
            for run, each in zip(runs, came, strict=True)
        ]
        rows[f"{name}, in USD"] = [cell(each.usd or BacktestPerformance(), USD) for each in came]
    for name, fact in FACTS.items():
        rows[name] = [fact(each, each.settlement_currency) for each in came]
    known = {name: cells for name, cells in rows.items() if any(str(cell) != MISSING for cell in cells)}
    return [
        Column("", list(known)),
        *(Column(head, [cells[number] for cells in known.values()], figure=True) for number, head in enumerate(heads)),
    ]
