"""`rollbook chain ID`: one chain and all that made it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from rollbook.cli import figures, flags
from rollbook.cli.answers import print_json
from rollbook.cli.chain_parts import show_legs, show_lines, show_orders, show_rolls
from rollbook.cli.closed import ENDED
from rollbook.cli.connection import Session
from rollbook.cli.failures import Stop
from rollbook.cli.figures import Figure
from rollbook.cli.groups import mode_title, strategy
from rollbook.cli.tables import Column, Page
from rollbook.models import ChainState, ChainValuation, GetChainResponse, PositionChain

if TYPE_CHECKING:
    from rollbook import Client


def show_chain(session: Session, position_id: str) -> None:
    """Asks and prints."""
    with session.client() as client:
        answer = client.get_chain(position_id) if session.account else _found(client, position_id)
    if session.json:
        print_json(answer)
        return
    chain = answer.chain
    assert chain is not None  # the server says NOT_FOUND instead
    now = datetime.now(UTC)
    page = Page()
    _head(page, chain)
    if chain.legs:
        _sums(page, chain, answer.valuation)
        show_legs(page, chain, answer.valuation)
    show_rolls(page, chain)
    show_orders(page, chain)
    show_lines(page, chain, answer)
    page.notes(flags.legend(_flags(chain, answer.valuation, now)))


def _found(client: Client, position_id: str) -> GetChainResponse:
    """The chain of that name in whatever account it is; only an account makes the name unique."""
    from rollbook.errors import NotFound

    found = []
    for account in sorted({row.account for row in client.get_portfolio(account="").rows}):
        try:
            found.append(client.get_chain(position_id, account=account))
        except NotFound:
            continue
    if not found:
        raise NotFound(f"there is no position {position_id} in any account", reason="POSITION_NOT_FOUND")
    if len(found) > 1:
        accounts = ", ".join(answer.chain.account for answer in found if answer.chain)
        raise Stop(f"several accounts have a position {position_id} ({accounts}): name one with --account")
    return found[0]


def _flags(chain: PositionChain, value: ChainValuation | None, now: datetime) -> list[str]:
    if chain.state in (ChainState.OPEN, ChainState.FLAT):
        return flags.of_position(chain, value, now)
    return flags.of_chain(chain)


def _head(page: Page, chain: PositionChain) -> None:
    state = figures.words(ENDED.get(chain.close_reason, chain.state))
    page.line(f"{chain.position_id} · {mode_title(chain.mode)} · {strategy(chain)} · {state}")
    about = [f"account {chain.account}", chain.venue]
    if chain.open_time:
        about.append(f"opened {figures.minute(chain.open_time)}")
    if chain.state is ChainState.CLOSED and chain.close_time:
        about.append(f"closed {figures.minute(chain.close_time)}, {figures.days(chain.holding_days)} days")
    if chain.exit_style:
        about.append(f"exit {chain.exit_style}")
    if chain.previous_position_id:
        about.append(f"after {chain.previous_position_id}")
    about += [f"{name}={text}" for name, text in chain.labels.items()]
    page.notes([", ".join(about)])
    if chain.flat_reason:
        page.notes([f"Nothing is open: {chain.flat_reason}."])


def _sums(page: Page, chain: PositionChain, value: ChainValuation | None) -> None:
    """Figures in the settlement currency, and in USD where there are any."""
    rows: list[tuple[str, Figure, Figure, str]] = [
        ("Gross PnL", chain.gross_pnl, "", "before fees"),
        ("Fees", chain.fees, "", ", ".join(flags.of_chain(chain))),
        ("Net PnL", chain.net_pnl, chain.net_pnl_usd, _percent(chain.realized_pnl_pct, "of leg 1's premium")),
    ]
    if chain.state is ChainState.OPEN:
        held = value or ChainValuation()
        captured = _percent(held.premium_captured_pct, "captured")
        rows += [
            ("Open credit", chain.open_credit, "", "premium of what is open"),
            ("Unrealized", held.unrealized_pnl, held.unrealized_pnl_usd, captured),
            ("Collateral", chain.collateral, "", flags.UNCOVERED if chain.collateral_insufficient else ""),
        ]
    else:
        kept = _percent(chain.premium_kept_pct, "of all premium kept")
        returned = _percent(chain.return_on_collateral_annualised_pct, "a year on its collateral")
        rows.append(("Cash", chain.net_cash, chain.net_cash_usd, ", ".join(filter(None, (kept, returned)))))
    page.table(
        [
            Column("", [name for name, *_ in rows]),
            Column(chain.settlement_currency, figures.exact([amount for _, amount, *_ in rows]), figure=True),
            Column(
                "USD",
                figures.exact([usd for _, _, usd, _ in rows], least=2),
                figure=True,
                hidden=chain.settlement_currency in figures.DOLLARS,
            ),
            Column("", [about for *_, about in rows], folds=True),
        ]
    )


def _percent(figure: Decimal | None, what: str) -> str:
    return "" if figure is None else figures.percent(figure, what)
