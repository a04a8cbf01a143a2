"""The part of the page about a wheel's cycles: what puts, coins and calls brought, and what the coins cost."""

from rollbook_server.domain.backtest.report.markup import Markup, element, joined, table
from rollbook_server.domain.backtest.report.numerals import MINUS, NOT_KNOWN, SPACE, TIMES, day, minute, money, number
from rollbook_server.domain.backtest.report.subject import Subject
from rollbook_server.domain.backtest.rows import BacktestCycle, StepOutcome


def section(subject: Subject) -> Markup:
    """A row for each cycle, how its figures hang together, and where its coins' cost comes from."""
    if not subject.cycles:
        return element("p", "No put was sold, so no cycle began.", class_="note")
    size = f"{number(subject.spec.quantity, 2)} {subject.spec.underlying} each"
    bought = [each for each in subject.cycles if each.purchase_time is not None]
    return joined(
        table(
            f"Cycles of the wheel, {size}, in USD",
            ["Cycle", "Now", "Began", "Ended", "Chains", "Puts kept", "Cost of a coin", "Call strike", "Calls kept",
             "Net PnL"],
            [_turn(each) for each in subject.cycles],
            note="Kept is what premiums left after buy-backs and fees. The net PnL of a completed cycle is calls kept "
            f"+ coins{TIMES} (call strike {MINUS} cost of a coin). One that goes on is marked: its coins at the last "
            "price, its option at the ask.",
        ),
        table(
            "What the coins cost, USD per coin",
            ["Cycle", "Put strike", "Puts kept per coin", "Put delivered at", "Bought (UTC)", "Bought at",
             "Cost of a coin", "Sold at"],
            [_cost(each) for each in bought],
            note="A put in the money at its expiry costs its strike less the delivery price, and the coins are bought "
            f"at the open that follows. So they cost put strike {MINUS} puts kept {MINUS} delivered at + bought at, "
            "and no call is sold below that. A call in the money sells them at its delivery price, which with its "
            "payoff makes its strike.",
        )
        if bought
        else None,
        element("p", _waits(subject), class_="note"),
    )  # fmt: skip


def _turn(cycle: BacktestCycle) -> list[str]:
    return [
        f"{cycle.number}",
        now(cycle),
        day(cycle.start_time),
        NOT_KNOWN if cycle.end_time is None else day(cycle.end_time),
        f"{cycle.chains}",
        _usd(cycle.put_premium - cycle.put_costs),
        number(cycle.effective_cost, 2),
        number(cycle.call_strike),
        NOT_KNOWN if cycle.purchase_time is None else _usd(cycle.call_premium - cycle.call_costs),
        _usd(cycle.net_pnl),
    ]


def _cost(cycle: BacktestCycle) -> list[str]:
    return [
        f"{cycle.number}",
        number(cycle.put_strike),
        number((cycle.put_premium - cycle.put_costs) / cycle.quantity, 2),
        number(cycle.put_delivery_price, 2),
        minute(cycle.purchase_time),
        number(cycle.purchase_price, 2),
        number(cycle.effective_cost, 2),
        number(cycle.sale_price, 2),
    ]


def _usd(value: float) -> str:
    return money(value, "USD", signed=True).removesuffix(f"{SPACE}USD")


def now(cycle: BacktestCycle) -> str:
    """Where a cycle stands."""
    if cycle.end_time is not None:
        return "completed"
    if cycle.purchase_time is not None:
        return "holds its coins"
    return "assigned" if cycle.put_strike is not None else "sells puts"


def _waits(subject: Subject) -> str:
    below = subject.count_of(StepOutcome.BELOW_COST)
    if not below:
        return "There was always a call at or above the cost when one was looked for."
    return (
        f"{number(below)} decisions held the coins without a call: all that fitted the selection were below the cost. "
        "Coins far below their cost earn no premium, which no figure of completed cycles shows."
    )
