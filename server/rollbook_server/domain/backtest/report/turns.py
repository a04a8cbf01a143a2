"""The part of the page about a wheel's cycles: what puts, coins and calls brought, and what the coins cost."""

from rollbook_server.domain.backtest.report.markup import Markup, element, joined, table
from rollbook_server.domain.backtest.report.numerals import NOT_KNOWN, day, money, number
from rollbook_server.domain.backtest.report.subject import Subject
from rollbook_server.domain.backtest.rows import BacktestCycle


def section(subject: Subject) -> Markup:
    """A row for each cycle, and how its figures hang together."""
    if not subject.cycles:
        return element("p", "No put was sold, so no cycle began.", class_="note")
    head = [
        "Cycle", "Began", "Ended", "Chains", "Puts kept", "Put strike", "Delivered at", "Coins bought at",
        "Cost of a coin", "Calls kept", "Call strike", "Coins sold at", "Net PnL", "Now",
    ]  # fmt: skip
    coin = subject.spec.underlying
    return joined(
        table(
            f"Cycles of the wheel, {number(subject.spec.quantity, 2)} {coin} each, in USD",
            head,
            [_row(each) for each in subject.cycles],
            note="Kept is what premiums left after buy-backs and fees. A put in the money at its expiry costs strike "
            "less delivery price, and the coins are bought at the open that follows. Cost of a coin = put strike - "
            "puts kept per coin + bought at - delivered at: no call is sold below it. A call in the money sells the "
            "coins at its delivery price, which with its payoff is its strike. So the net PnL of a completed cycle is "
            "calls kept + coins x (call strike - cost). One that goes on is marked: its coins at the last price, its "
            "option at the ask.",
        ),
        element("p", _waits(subject), class_="note"),
    )


def _row(cycle: BacktestCycle) -> list[str]:
    return [
        f"{cycle.number}",
        day(cycle.start_time),
        NOT_KNOWN if cycle.end_time is None else day(cycle.end_time),
        f"{cycle.chains}",
        _usd(cycle.put_premium - cycle.put_costs),
        number(cycle.put_strike),
        number(cycle.put_delivery_price, 2),
        number(cycle.purchase_price, 2),
        number(cycle.effective_cost, 2),
        NOT_KNOWN if cycle.purchase_time is None else _usd(cycle.call_premium - cycle.call_costs),
        number(cycle.call_strike),
        number(cycle.sale_price, 2),
        _usd(cycle.net_pnl),
        now(cycle),
    ]


def _usd(value: float) -> str:
    return money(value, "USD", signed=True)


def now(cycle: BacktestCycle) -> str:
    """Where a cycle stands."""
    if cycle.end_time is not None:
        return "completed"
    if cycle.purchase_time is not None:
        return "holds its coins"
    return "assigned" if cycle.put_strike is not None else "sells puts"


def _waits(subject: Subject) -> str:
    below = subject.count_of("BELOW_COST")
    if not below:
        return "There was always a call at or above the cost when one was looked for."
    return (
        f"{number(below)} decisions held the coins without a call: all that fitted the selection were below the cost. "
        "Coins that are held far below their cost earn no premium, and no figure of cycles that are completed shows it."
    )
