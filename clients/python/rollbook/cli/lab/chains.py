"""Simulated chains and decisions as tables, and `rollbook backtest chains ID`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rollbook.cli import figures
from rollbook.cli.answers import gathered, print_json
from rollbook.cli.closed import ENDED
from rollbook.cli.connection import Session
from rollbook.cli.lab import numbers
from rollbook.cli.lab.lookup import find_run
from rollbook.cli.lab.metrics import spec_of
from rollbook.cli.tables import Column, Page
from rollbook.models import BacktestChain, BacktestLeg, BacktestSpec, BacktestStep, ContractStyle


def currency_of(spec: BacktestSpec) -> str:
    """What the contracts settle in."""
    return "USDC" if spec.style is ContractStyle.LINEAR else spec.underlying


def show_chains(session: Session, said: str, limit: int) -> None:
    """Asks and prints."""
    with session.lab() as lab:
        run = lab.get_backtest(find_run(lab, said))
        answer = gathered(lab.list_backtest_chains, "chains", limit, backtest_id=run.backtest_id)
    if session.json:
        print_json(answer)
        return
    page = Page()
    if not answer.chains:
        page.line("There are no chains.")
        return
    page.table(leg_columns(answer.chains, currency_of(spec_of(run))))
    page.notes(_proxies(answer.chains))
    if answer.next_page_token:
        page.line("There are more: raise --limit, or say 0 for all.")


def leg_columns(chains: Sequence[BacktestChain], currency: str) -> list[Column]:
    """A row for each leg; what is of the chain stands in its first."""
    rows = [(chain, leg, number == 0) for chain in chains for number, leg in enumerate(chain.legs)]

    def of_chain(get: Callable[[BacktestChain], Any]) -> list[Any]:
        return [get(chain) if first else "" for chain, _, first in rows]

    def of_leg(get: Callable[[BacktestLeg], Any]) -> list[Any]:
        return [get(leg) for _, leg, _ in rows]

    def figure(head: str, cells: list[Any], spare: int = 0) -> Column:
        return Column(head, cells, figure=True, spare=spare)

    return [
        figure("#", of_chain(lambda chain: str(chain.number))),
        Column("Contract", of_leg(lambda leg: leg.symbol)),
        figure("Qty", of_leg(lambda leg: numbers.shortest(leg.quantity)), 6),
        Column("Opened", of_leg(lambda leg: figures.minute(leg.open_time)), spare=1),
        figure("Entry", of_leg(lambda leg: numbers.amount(leg.open_price, currency))),
        figure("Delta", of_leg(lambda leg: numbers.plain(leg.open_delta, 2, "+")), 3),
        figure("Vol", of_leg(lambda leg: _vol(leg.open_volatility)), 5),
        figure("Index", of_leg(lambda leg: numbers.amount(leg.open_index_price, "USD")), 7),
        Column("Closed", of_leg(lambda leg: figures.minute(leg.close_time))),
        figure("Exit", of_leg(lambda leg: _closing(leg, leg.close_price, currency))),
        figure("Index then", of_leg(lambda leg: _closing(leg, leg.close_index_price, "USD")), 4),
        Column("By", of_leg(_by)),
        figure(f"PnL {currency}", of_chain(lambda chain: numbers.gain(chain.net_pnl, currency))),
        figure("PnL USD", of_chain(lambda chain: numbers.gain(chain.net_pnl_usd, "USD")), 2),
    ]


def _vol(volatility: float | None) -> str:
    return numbers.percent(None if volatility is None else 100 * volatility)


def _closing(leg: BacktestLeg, value: float, currency: str) -> str:
    return numbers.amount(value if leg.close_time else None, currency)


def _by(leg: BacktestLeg) -> str:
    marks = ("*" if leg.delivery_is_proxy else "") + ("!" if leg.without_offer else "")
    return f"{leg.trigger.replace('_', ' ')}{marks}"


def _proxies(chains: Sequence[BacktestChain]) -> list[str]:
    legs = [leg for chain in chains for leg in chain.legs]
    notes = ["* The delivery price was made from bars."] if any(leg.delivery_is_proxy for leg in legs) else []
    if any(leg.without_offer for leg in legs):
        notes.append("! Bought without an offer, at the mark plus the penalty.")
    return notes


def chain_columns(chains: Sequence[BacktestChain], currency: str) -> list[Column]:
    """A row for each chain."""
    return [
        Column("#", [str(chain.number) for chain in chains], figure=True),
        Column("Opened", [figures.minute(chain.open_time) for chain in chains], spare=3),
        Column("Closed", [figures.minute(chain.close_time) for chain in chains], spare=2),
        Column("Last contract", [chain.legs[-1].symbol if chain.legs else "" for chain in chains]),
        Column("Rolls", [whole_or_none(chain.num_rolls) for chain in chains], figure=True),
        Column("End", [_end(chain) for chain in chains]),
        Column("Premium", [numbers.amount(chain.premium, currency) for chain in chains], figure=True, spare=4),
        Column("Fees", [numbers.amount(chain.fees, currency) for chain in chains], figure=True, spare=5),
        Column(f"PnL {currency}", [numbers.gain(chain.net_pnl, currency) for chain in chains], figure=True),
        Column("PnL USD", [numbers.gain(chain.net_pnl_usd, "USD") for chain in chains], figure=True, spare=1),
    ]


def whole_or_none(number: int) -> str:
    """Nothing for a zero."""
    return f"{number:,}" if number else ""


def _end(chain: BacktestChain) -> str:
    if chain.close_time is None or chain.open_at_end:
        return "open"
    return figures.words(ENDED.get(chain.close_reason, chain.close_reason))


def step_columns(steps: Sequence[BacktestStep]) -> list[Column]:
    """A row for each decision."""
    return [
        Column("Decision", [figures.minute(step.decision_time) for step in steps]),
        Column("Index", [numbers.amount(step.index_price, "USD") for step in steps], figure=True, spare=2),
        Column("Candidates", [str(step.candidates) for step in steps], figure=True, spare=3),
        Column("Best", [step.best_symbol or figures.MISSING for step in steps]),
        Column("Score", [numbers.plain(step.best_score, 4) for step in steps], figure=True, spare=1),
        Column("Outcome", [_outcome(step) for step in steps]),
    ]


def _outcome(step: BacktestStep) -> str:
    return figures.words(step.outcome) + (f", chain {step.chain_number}" if step.chain_number else "")
