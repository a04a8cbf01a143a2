"""Cycles of a wheel as a table, and `rollbook backtest cycles ID`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rollbook.cli import figures
from rollbook.cli.answers import gathered, print_json
from rollbook.cli.connection import Session
from rollbook.cli.figures import MISSING
from rollbook.cli.lab import numbers
from rollbook.cli.lab.lookup import find_run
from rollbook.cli.lab.metrics import spec_of
from rollbook.cli.tables import Column, Page
from rollbook.models import BacktestCycle, StrategyKind

NOTE = (
    "Cost: put strike - puts kept per coin + bought - delivered; no call is sold below it. Chains are the options "
    "alone: what coins made is in the account and in the cycles."
)


def show_cycles(session: Session, said: str, limit: int) -> None:
    """Asks and prints."""
    with session.lab() as lab:
        run = lab.get_backtest(find_run(lab, said))
        answer = gathered(lab.list_backtest_cycles, "cycles", limit, backtest_id=run.backtest_id)
    if session.json:
        print_json(answer)
        return
    page = Page()
    if not answer.cycles:
        wheel = spec_of(run).strategy is StrategyKind.WHEEL
        page.line("No cycle has begun." if wheel else "This is no wheel: it has no cycles.")
        return
    page.table(cycle_columns(answer.cycles))
    page.notes([NOTE])
    if answer.next_page_token:
        page.line("There are more: raise --limit, or say 0 for all.")


def cycle_columns(cycles: Sequence[BacktestCycle]) -> list[Column]:
    """A row for each cycle; money is USD, kept is after buy-backs and fees."""

    def figure(head: str, get: Callable[[BacktestCycle], Any], spare: int = 0) -> Column:
        return Column(head, [get(cycle) for cycle in cycles], figure=True, spare=spare)

    return [
        figure("#", lambda cycle: str(cycle.number)),
        Column("Began", [figures.minute(cycle.start_time) for cycle in cycles], spare=3),
        Column("Ended", [figures.minute(cycle.end_time) for cycle in cycles], spare=1),
        figure("Chains", lambda cycle: f"{cycle.chains:,}", 2),
        figure("Puts kept", lambda cycle: numbers.gain(cycle.put_premium - cycle.put_costs, numbers.USD), 5),
        figure("Put strike", lambda cycle: numbers.amount(cycle.put_strike, numbers.USD), 4),
        figure("Delivered", lambda cycle: numbers.amount(cycle.put_delivery_price, numbers.USD), 7),
        figure("Bought", lambda cycle: numbers.amount(cycle.purchase_price, numbers.USD), 6),
        figure("Cost", lambda cycle: numbers.plain(cycle.effective_cost, 2)),
        figure("Calls kept", lambda cycle: _calls(cycle), 5),
        figure("Call strike", lambda cycle: numbers.amount(cycle.call_strike, numbers.USD), 4),
        figure("Sold", lambda cycle: numbers.amount(cycle.sale_price, numbers.USD), 6),
        figure("PnL USD", lambda cycle: numbers.gain(cycle.net_pnl, numbers.USD)),
        Column("Now", [_now(cycle) for cycle in cycles]),
    ]


def _calls(cycle: BacktestCycle) -> Any:
    return numbers.gain(cycle.call_premium - cycle.call_costs, numbers.USD) if cycle.purchase_time else MISSING


def _now(cycle: BacktestCycle) -> str:
    if cycle.end_time:
        return "completed"
    if cycle.purchase_time:
        return "holds coins"
    return "assigned" if cycle.put_strike is not None else "sells puts"
