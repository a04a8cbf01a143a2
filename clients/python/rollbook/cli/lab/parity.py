"""`rollbook backtest parity CHAIN`: a chain of the ledger beside the lab's, and where the difference comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from rich.text import Text

from rollbook.cli import figures
from rollbook.cli.answers import print_json
from rollbook.cli.closed import ENDED
from rollbook.cli.connection import Session
from rollbook.cli.failures import Stop
from rollbook.cli.figures import DOLLARS, MISSING
from rollbook.cli.groups import mode_title, strategy
from rollbook.cli.lab.lookup import find_run
from rollbook.cli.lab.numbers import USD
from rollbook.cli.lab.run import read_spec, whole_ids
from rollbook.cli.tables import Column, Page
from rollbook.models import (
    ChainParity,
    LineKind,
    ParityFlag,
    ParityParts,
    ParityRow,
    ParityTrade,
    PositionChain,
)

STEPS = (
    ("price", "at the lab's prices"),
    ("fee", "and by its fees"),
    ("timing", "and at its times"),
    ("rule", "and by its rules"),
)
"""The parts in the order in which they are taken from the lab."""

DID = {LineKind.OPENING: "sold", LineKind.CLOSING: "bought", LineKind.SETTLEMENT: "settled"}

MEANING = {
    ParityFlag.MODELLED_QUOTES: "The lab's quotes are those of a model.",
    ParityFlag.PROXY_DELIVERY: "The lab's delivery price was made from bars; what it is off stands in price.",
    ParityFlag.SYNTHETIC_DATA: "The lab's market is made up.",
    ParityFlag.MID_FILLS: "The lab fills at the middle: a scenario.",
    ParityFlag.WITHOUT_OFFER: "The lab bought without an offer, at the mark plus the penalty.",
    ParityFlag.SIMULATED_FILLS: "The chain's own fills are simulated.",
    ParityFlag.ESTIMATED_FEES: "A fee of the chain is the ledger's estimate.",
}


def show_parity(session: Session, position_id: str, spec: str, run_id: str, changes: Sequence[str]) -> None:
    """Asks and prints."""
    session.needs_account()
    if bool(spec) == bool(run_id):
        raise Stop("by which rules? Name a spec with --spec FILE, or a run with --backtest ID")
    if run_id and changes:
        raise Stop("--set changes a spec; a run has its own — say --spec FILE instead of --backtest")
    with session.lab() as lab:
        if run_id:
            answer = lab.get_parity(session.account, position_id, backtest_id=find_run(lab, run_id))
        else:
            rules = read_spec(Path(spec), changes)
            answer = lab.get_parity(session.account, position_id, replace(rules, data=whole_ids(lab, rules)))
    if session.json:
        print_json(answer)
        return
    page = Page()
    assert answer.chain is not None
    assert answer.parity is not None
    _head(page, answer.chain, answer.parity)
    show_tables(page, answer.parity)


def _head(page: Page, chain: PositionChain, parity: ChainParity) -> None:
    state = figures.words(ENDED.get(chain.close_reason, chain.state))
    page.line(f"{chain.position_id} · {mode_title(chain.mode)} · {strategy(chain)} · {state}")
    page.notes([f"account {chain.account}, {figures.minute(chain.open_time)} to {figures.minute(chain.close_time)}"])
    page.line(parting(parity.rows))
    first = next((row.chain.symbol for row in parity.rows if row.chain), "")
    if parity.lab_choice != first:
        page.notes([f"Left to itself the lab would have sold {parity.lab_choice or 'nothing'} in place of {first}."])


def parting(rows: Sequence[ParityRow]) -> str:
    """Until when both did the same."""
    for row in rows:
        mine, theirs = row.moved, row.lab
        if mine is None or theirs is None or _deed(mine) != _deed(theirs):
            return f"They part at leg {row.leg_number}: the chain {_said(row.chain)}, the lab {_said(theirs)}."
    return "The lab would have done the same trades."


def _deed(trade: ParityTrade) -> tuple[object, ...]:
    return trade.kind, trade.symbol, trade.time


def _said(trade: ParityTrade | None) -> str:
    if trade is None:
        return "did nothing more"
    by = f" by {figures.words(trade.trigger)}" if trade.trigger and trade.kind is LineKind.CLOSING else ""
    back = " back" if trade.kind is LineKind.CLOSING else ""
    return f"{DID[trade.kind]} {trade.symbol}{back} on {figures.minute(trade.time)}{by}"


def show_tables(page: Page, parity: ChainParity) -> None:
    """The difference step by step, what both did, and what each trade has to do with it."""
    currency = parity.settlement_currency
    page.table(step_columns(parity), title="Net PnL, with one thing more taken from the lab in each line")
    page.notes(["Part: what that thing gave the chain; above 0 it did better. Each depends on the order of the lines."])
    page.table(trade_columns(parity), title="What both did")
    for unit, parts in ((currency, "parts"), (USD, "parts_usd")):
        if unit == currency or currency not in DOLLARS:
            page.table(part_columns(parity, unit, parts), title=f"Where it comes from, {unit}", sums=True)
    page.notes(MEANING.get(flag, str(flag)) for flag in parity.flags)


def step_columns(parity: ChainParity) -> list[Column]:
    """From the chain's net PnL to the lab's."""
    columns = [Column("", ["The chain as it traded", *(said for _, said in STEPS)])]
    for currency, net, parts in (
        (parity.settlement_currency, parity.net_pnl, parity.parts),
        (USD, parity.net_pnl_usd, parity.parts_usd),
    ):
        assert parts is not None
        given = [getattr(parts, name) for name, _ in STEPS]
        nets = [net]
        for part in given:
            nets.append(nets[-1] - part)
        hidden = currency == USD and parity.settlement_currency in DOLLARS
        columns += [
            Column(currency, money(nets, currency), figure=True, hidden=hidden),
            Column("Part", ["", *money(given, currency)], figure=True, hidden=hidden),
        ]
    return columns


def trade_columns(parity: ChainParity) -> list[Column]:
    """Two rows for each trade: the chain's and the lab's."""
    both = [(row, who, trade) for row in parity.rows for who, trade in (("chain", row.chain), ("lab", row.lab))]
    currency = parity.settlement_currency

    def texts(get: Callable[[ParityTrade], str]) -> list[str]:
        return ["" if trade is None else get(trade) for _, _, trade in both]

    def amounts(get: Callable[[ParityTrade], float], unit: str) -> list[str]:
        return figures.prices(["" if trade is None else _rounded(get(trade), unit) for _, _, trade in both], unit)

    return [
        Column("Leg", [str(row.leg_number) if who == "chain" else "" for row, who, _ in both], figure=True),
        Column("", [who for _, who, _ in both]),
        Column("", [MISSING if trade is None else DID[trade.kind] for _, _, trade in both]),
        Column("Contract", texts(lambda trade: trade.symbol)),
        Column("When", texts(lambda trade: figures.minute(trade.time))),
        Column("Price", amounts(lambda trade: trade.price, currency), figure=True),
        Column("Fee", amounts(lambda trade: trade.fee, currency), figure=True, spare=2),
        Column("Index", amounts(lambda trade: trade.index_price, USD), figure=True, spare=3),
        Column("By", texts(lambda trade: figures.words(trade.trigger)), spare=1),
    ]


def part_columns(parity: ChainParity, currency: str, parts: str) -> list[Column]:
    """A row for each trade, and their sum."""
    rows: list[ParityParts] = [*(getattr(row, parts) for row in parity.rows), getattr(parity, parts)]
    return [
        Column("Leg", [*(str(row.leg_number) for row in parity.rows), ""], figure=True),
        Column("", [*(_kinds(row) for row in parity.rows), "all"]),
        *(
            Column(name.capitalize(), money([getattr(each, name) for each in rows], currency), figure=True)
            for name in (*(name for name, _ in STEPS), "difference")
        ),
    ]


def _kinds(row: ParityRow) -> str:
    """What both did, the chain first where they differ."""
    return " / ".join(dict.fromkeys(DID[trade.kind] for trade in (row.chain, row.lab) if trade))


def money(values: Sequence[float], currency: str) -> list[Text]:
    """Amounts that were made or lost, rounded as the ledger's are."""
    return figures.money([_rounded(value, currency) for value in values], currency)


def _rounded(value: float, currency: str) -> Decimal:
    """Without what is only of doubles."""
    return round(Decimal(repr(value)), 2 if currency in DOLLARS else 8)
