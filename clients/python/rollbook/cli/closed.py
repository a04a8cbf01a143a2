"""`rollbook closed`: what is over and what it earned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rollbook._exact import percent, total
from rollbook.cli import figures, flags
from rollbook.cli.answers import gathered, print_json
from rollbook.cli.connection import Session
from rollbook.cli.groups import by_money, several_accounts
from rollbook.cli.tables import Column, Page
from rollbook.models import ChainState, CloseReason, PositionChain

ENDED = {
    CloseReason.BOUGHT_BACK: "bought back",
    CloseReason.EXPIRED: "expired",
    CloseReason.SETTLED: "delivered",
    CloseReason.ROLL_ABANDONED: "roll given up",
    CloseReason.ORDER_CANCELLED: "never filled",
}


def show_closed(session: Session, filters: dict[str, Any], limit: int) -> None:
    """Asks and prints."""
    with session.client() as client:
        answer = gathered(client.list_chains, "chains", limit, states=(ChainState.CLOSED,), **filters)
    if session.json:
        print_json(answer)
        return
    filled = [chain for chain in answer.chains if chain.legs]
    page = Page()
    if not filled:
        page.line("Nothing is closed.")
    accounts = several_accounts(filled)
    for title, currency, chains in by_money((chain, chain) for chain in filled):
        _table(page, title, chains, currency, accounts)
    page.notes(flags.legend(flag for chain in filled for flag in _flags(chain)))
    if len(filled) < len(answer.chains):
        left_out = figures.count(len(answer.chains) - len(filled), "chain")
        page.line(f"Not shown, and in no statistic: {left_out} whose orders never filled.")
    if answer.next_page_token:
        page.line(f"These are the newest {limit}: raise --limit, or say 0 for all. The sums are of what is shown.")


def _flags(chain: PositionChain) -> list[str]:
    return [*([flags.NO_USD] if chain.net_pnl_usd is None else []), *flags.of_chain(chain)]


def _table(page: Page, title: str, chains: Sequence[PositionChain], currency: str, accounts: bool) -> None:
    net = figures.sum_of([chain.net_pnl for chain in chains])
    usd = figures.sum_of([chain.net_pnl_usd for chain in chains])
    won = sum(chain.net_pnl is not None and chain.net_pnl > 0 for chain in chains)
    returned = None if net is None else percent(net, total(chain.leg_one_premium for chain in chains))
    kept = percent(total(chain.gross_pnl for chain in chains), total(chain.total_premium for chain in chains))
    page.table(
        [
            Column("Account", [*(chain.account for chain in chains), ""], hidden=not accounts),
            Column("Position", [*(chain.position_id for chain in chains), "Sum"], folds=True),
            Column("Last contract", [*(_last_contract(chain) for chain in chains), f"{won} of {len(chains)} won"]),
            Column("Closed", [*(figures.day(chain.close_time) for chain in chains), ""]),
            Column("Days", [*(figures.days(chain.holding_days) for chain in chains), ""], figure=True, spare=1),
            Column("Rolls", [*(str(chain.num_rolls) for chain in chains), ""], figure=True, spare=2),
            Column(
                f"Net {currency}", figures.money([*(chain.net_pnl for chain in chains), net], currency), figure=True
            ),
            Column(
                "Net USD",
                figures.money([*(chain.net_pnl_usd for chain in chains), usd], "USD"),
                figure=True,
                hidden=currency in figures.DOLLARS,
            ),
            Column(
                "Return %", figures.percents([*(chain.realized_pnl_pct for chain in chains), returned]), figure=True
            ),
            Column(
                "Kept %",
                figures.percents([*(chain.premium_kept_pct for chain in chains), kept]),
                figure=True,
                spare=3,
            ),
            Column("Ended", [*(ENDED.get(chain.close_reason, "") for chain in chains), ""], folds=True),
            Column("Look at", [*(", ".join(_flags(chain)) for chain in chains), ""], folds=True),
        ],
        title=title,
        sums=True,
    )
    blind = sum(chain.net_pnl_usd is None for chain in chains)
    if blind:
        page.notes([f"The sum in USD leaves out {figures.count(blind, 'chain')}."])


def _last_contract(chain: PositionChain) -> str:
    last = chain.legs[-1].instrument
    return last.symbol if last else ""
