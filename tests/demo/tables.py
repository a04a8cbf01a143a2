"""The book at the end, read from the ledger: open chains, closed chains, one of them in full, the portfolio."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table

from rollbook import (
    AsyncClient,
    CashLine,
    ChainState,
    ChainValuation,
    CloseReason,
    GetPortfolioResponse,
    LegState,
    LineKind,
    Mode,
    PositionChain,
    PositionLeg,
)

UNKNOWN = "?"
PAGE = 500
STALE = timedelta(hours=1)
HOW = {
    CloseReason.BOUGHT_BACK: "bought back",
    CloseReason.EXPIRED: "expired worthless",
    CloseReason.SETTLED: "settled in the money",
    CloseReason.ROLL_ABANDONED: "roll given up",
    CloseReason.ORDER_CANCELLED: "order never filled",
}


async def show_book(ledger: AsyncClient, console: Console, now: datetime) -> None:
    """Ask the ledger and print."""
    page = await ledger.list_chains(mode=Mode.DRY_RUN, page_size=PAGE)
    chains = sorted(page.chains, key=lambda chain: (chain.settlement_currency, chain.position_id))
    values = {value.position_id: value for value in page.valuations}
    over = [chain for chain in chains if chain.state is ChainState.CLOSED]
    rolled = max(over, key=lambda chain: (chain.num_rolls, len(chain.legs)), default=None)
    tables = [_open_table([chain for chain in chains if chain not in over], values, now), _closed_table(over)]
    if rolled is not None:
        tables.append(_lines_table(rolled, (await ledger.get_chain(rolled.position_id)).lines))
    tables.append(_portfolio_table(await ledger.get_portfolio(mode=Mode.DRY_RUN)))
    for table in tables:
        console.print(table)
        console.print()


def _table(title: str, *columns: str) -> Table:
    """Columns whose name begins with ">" are figures, those with "~" are words that may be broken."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False, padding=0
    )
    for column in columns:
        name = column.lstrip(">~")
        table.add_column(name, justify="right" if column[:1] == ">" else "left", no_wrap=column[:1] != "~")
    return table


def _open_table(chains: Sequence[PositionChain], values: dict[str, ChainValuation], now: datetime) -> Table:
    table = _table(
        "Open chains at the mark, before fees (uncovered: the coin loss of an inverse put has no bound)",
        "Position", "Contract", ">DTE", ">Qty", ">Entry", ">Mark", ">Unrealized", ">USD", ">Captured", "~ Look at",
    )  # fmt: skip
    for chain in chains:
        value = values.get(chain.position_id)
        leg = next((leg for leg in chain.legs if leg.state is LegState.OPEN), None)
        table.add_row(
            chain.position_id,
            *_leg_cells(chain, leg, value, now),
            "" if value is None else _money(value.unrealized_pnl, chain.settlement_currency),
            "" if value is None else _dollars(value.unrealized_pnl_usd),
            "" if value is None else _percent(value.premium_captured_pct),
            f" {', '.join(_flags(chain, value, now))}",
        )
    return table


def _leg_cells(
    chain: PositionChain, leg: PositionLeg | None, value: ChainValuation | None, now: datetime
) -> tuple[str, ...]:
    if leg is None or leg.instrument is None or leg.instrument.expiry_time is None:
        return (chain.working_orders[0].symbol if chain.working_orders else "", "", "", "", "")
    mark = next((each.mark_price for each in value.legs if each.leg_number == leg.leg_number), None) if value else None
    return (
        leg.instrument.symbol,
        f"{(leg.instrument.expiry_time - now) / timedelta(days=1):.1f}",
        _plain(leg.open_quantity),
        _price(leg.entry_price, chain.settlement_currency),
        _price(mark, chain.settlement_currency),
    )


def _flags(chain: PositionChain, value: ChainValuation | None, now: datetime) -> list[str]:
    flags = []
    if chain.state is ChainState.FLAT:
        flags.append("roll half done")
    if chain.working_orders:
        flags.append("order rests")
    if chain.collateral_insufficient:
        flags.append("uncovered")
    if chain.num_rolls:
        flags.append("rolled")
    if value and value.mark_time and now - value.mark_time > STALE:
        flags.append("old mark")
    return flags


def _closed_table(chains: Sequence[PositionChain]) -> Table:
    table = _table(
        "Closed chains: exact, after fees; return on the premium of the first leg",
        "Position", "Last contract", ">Rolls", ">Days", ">Net PnL", ">USD", ">Return", " How",
    )  # fmt: skip
    for chain in chains:
        how = HOW.get(chain.close_reason, str(chain.close_reason))
        if not chain.legs:  # it never had a fill: no figure, and in no statistic
            table.add_row(chain.position_id, *[""] * 6, f" {how}")
            continue
        currency, last = chain.settlement_currency, chain.legs[-1].instrument
        table.add_row(
            chain.position_id,
            last.symbol if last else "",
            str(chain.num_rolls or ""),
            "" if chain.holding_days is None else f"{chain.holding_days:.1f}",
            f"{_money(chain.net_pnl, currency)} {currency:4}",
            _money(chain.net_pnl_usd, "USD"),
            _percent(chain.realized_pnl_pct),
            f" {how}",
        )
    return table


def _lines_table(chain: PositionChain, lines: Sequence[CashLine]) -> Table:
    currency = chain.settlement_currency
    table = _table(
        f"One chain in full, {chain.position_id}: every figure is a sum over such lines",
        "Time", "What", "Contract", ">Quantity", ">Price", ">Fee", f">Cash in {currency}", ">Cash in USD",
    )  # fmt: skip
    words = {LineKind.OPENING: "sold", LineKind.CLOSING: "bought back", LineKind.SETTLEMENT: "settled"}
    for line in lines:
        table.add_row(
            f"{line.time:%d %b %H:%M}" if line.time else "",
            words.get(line.kind, str(line.kind)),
            line.symbol,
            _plain(line.quantity),
            "" if line.price is None else _price(line.price, currency),
            _exact(line.fee),
            _exact(line.cash),
            _money(line.cash_usd, "USD"),
        )
    table.add_section()
    table.add_row(
        "", "net PnL", "", "", "", _exact(chain.fees), _exact(chain.net_pnl), _money(chain.net_pnl_usd, "USD")
    )
    return table


def _portfolio_table(portfolio: GetPortfolioResponse) -> Table:
    table = _table(
        "Portfolio: coins of different kinds are never added, fees are estimated",
        "", ">Open", ">Closed", ">Won", ">Rolls", ">Fees", ">Closed PnL", ">USD", ">Unrealized", ">USD", ">Collateral",
    )  # fmt: skip
    values = {value.settlement_currency: value for value in portfolio.valuations}
    for row in portfolio.rows:
        currency = row.settlement_currency
        value = values.get(currency)
        table.add_row(
            currency,
            str(row.open_chains + row.flat_chains + row.pending_chains),
            str(row.closed_chains),
            str(row.winning_chains),
            str(row.rolls),
            _price(row.fees, currency),
            _money(row.closed_net_pnl, currency),
            _money(row.closed_net_pnl_usd, "USD"),
            _money(None if value is None else value.unrealized_pnl, currency),
            _money(None if value is None else value.unrealized_pnl_usd, "USD"),
            _price(row.collateral, currency),
        )
    return table


def _dollars(amount: Decimal | None) -> str:
    """Whole dollars, for what changes with the next mark."""
    return UNKNOWN if amount is None else f"{amount:+,.0f}"


def _is_dollars(currency: str) -> bool:
    return currency in ("USD", "USDC")


def _money(amount: Decimal | None, currency: str) -> str:
    """With its sign, and coloured by it."""
    if amount is None:
        return UNKNOWN
    text = f"{amount:+,.2f}" if _is_dollars(currency) else f"{amount:+.5f}"
    return f"[red]{text}[/]" if amount < 0 else f"[green]{text}[/]"


def _price(amount: Decimal | None, currency: str) -> str:
    if amount is None:
        return UNKNOWN
    return f"{amount:,.2f}" if _is_dollars(currency) else f"{amount:.5f}"


def _percent(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.1f} %"


def _plain(amount: Decimal | None) -> str:
    """Without the zeros at its end."""
    return "" if amount is None else f"{amount.normalize():f}"


def _exact(amount: Decimal | None) -> str:
    """All its digits."""
    return UNKNOWN if amount is None else _plain(amount)
