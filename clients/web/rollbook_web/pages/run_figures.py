"""What a run says in figures: the tiles on top, its tables, and what the result hangs on. Unknown is said with why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from rollbook import (
    DataShares,
)
from rollbook_web.numbers import Figure, percent, things, unknown
from rollbook_web.pages.lab_numbers import TIMES, money, ratio
from rollbook_web.pages.tables import Row, Table, Tile
from rollbook_web.pages.told import Told


def tiles(told: Told) -> list[Tile]:
    """The figures that stand on top."""
    (first, unit), (second, other) = told.ours
    metrics = told.metrics
    none = "there is no bar yet"

    def two(name: str, field: str) -> Tile:
        more = money(getattr(second, field), other, none)
        return Tile(name, money(getattr(first, field), unit, none), more.text, more.title)

    fall = percent(second.max_drawdown_pct, none)
    sharpe = ratio(second.sharpe_vs_hodl, told.why_annualised())
    return [
        two(f"Against {told.benchmark}", "pnl_vs_hodl"),
        two("Net profit", "net_profit"),
        Tile("Largest drawdown", percent(first.max_drawdown_pct, none), f"{fall.text} in {other}", fall.title),
        Tile(
            f"Sharpe against {told.benchmark}",
            ratio(first.sharpe_vs_hodl, told.why_annualised()),
            f"{sharpe.text} in {other}",
            sharpe.title,
        ),
        Tile(
            "Chains won",
            percent(metrics.win_rate_pct, told.why_chains(), places=0),
            f"of {things(metrics.closed_chains or 0, 'closed chain')}",
        ),
        _break_even(told),
    ]


def _break_even(told: Told) -> Tile:
    figure = ratio(
        told.metrics.break_even_multiplier,
        told.why_concluded() or "none from 0.5 to 2 times: the rules came to no point at which they earn nothing",
        unit=TIMES,
    )
    more = "quotes are recorded" if told.recorded else f"assumed {ratio(told.assumed, unit=TIMES).text}"
    return Tile("Break-even volatility", figure, more)


Write = Callable[[float | None, str, str], Figure]


def account(told: Told, benchmark: str = "") -> Table:
    """The account, marked at every bar. `benchmark` is its name, if it is not to be said what it is."""
    benchmark = benchmark or told.benchmark
    none, year = "there is no bar yet", told.why_annualised()
    cost = partial(money, signed=False)
    share, signed = _of_percent(), _of_percent(won=True)
    return _both(
        told,
        "The account, marked at every bar",
        [
            ("Net profit", "net_profit", money, none),
            (f"Profit of {benchmark}", "hodl_profit", money, none),
            (f"Against {benchmark}", "pnl_vs_hodl", money, none),
            ("Return on the capital", "return_pct", signed, none),
            ("Largest drawdown", "max_drawdown", cost, none),
            ("Largest drawdown, of the peak", "max_drawdown_pct", share, none),
            ("Volatility, a year", "volatility_pct", share, year),
            ("Sharpe", "sharpe", _ratio, year),
            (f"Sharpe against {benchmark}", "sharpe_vs_hodl", _ratio, year),
            ("Sortino", "sortino", _ratio, year),
            ("Calmar", "calmar", _ratio, year),
        ],
    )


def chains(told: Told) -> Table:
    """Statistics of the chains, with their interval."""
    none, cost = told.why_chains(), partial(money, signed=False)
    interval = told.why_interval() or "not drawn"
    return _both(
        told,
        "Chains",
        [
            ("Net PnL of closed chains", "chains_pnl", money, none),
            ("5 % of resamples are below", "chains_pnl_p05", money, interval),
            ("95 % of resamples are below", "chains_pnl_p95", money, interval),
            ("Profit factor", "profit_factor", _ratio, told.why_chains("chain that lost")),
            ("Average winner", "average_winner", money, told.why_chains("chain that won")),
            ("Average loser", "average_loser", money, told.why_chains("chain that lost")),
            ("Premiums received", "premium", cost, none),
            ("Fees paid", "fees", cost, none),
        ],
        note="The interval is a bootstrap over blocks of chains; it knows no market that these data do not hold.",
    )


def activity(told: Told) -> Table:
    """What has one value, not two."""
    metrics, none = told.metrics, told.why_chains()
    collateral = "of a wheel its coins are half of what it earns" if told.wheel else none
    whole = partial(ratio, places=0)
    rows: list[Row] = [
        ("Closed chains", (whole(metrics.closed_chains),)),
        ("Open now" if not told.ended else "Open at the end", (whole(metrics.open_chains),)),
        ("Won: net PnL above 0", (percent(metrics.win_rate_pct, none),)),
        ("Premium kept", (percent(metrics.premium_kept_pct, none),)),
        ("Time in the market", (percent(metrics.time_in_market_pct, "there is no bar yet"),)),
        ("Return on collateral, whole run", (percent(metrics.return_on_collateral_pct, collateral, money=True),)),
        ("Exposure, mean |delta| per coin", (ratio(metrics.exposure, "no delta was known"),)),
        ("Turnover, capital traded a year", (ratio(metrics.turnover, told.why_annualised(), 1, TIMES),)),
        ("Rolls", (whole(metrics.rolls),)),
        *(
            (f"Legs ended by {each.trigger.replace('_', ' ')}", (_rolled(each.legs, each.rolls),))
            for each in metrics.triggers
        ),
    ]
    if told.wheel:
        rows += _cycles(told)
    if metrics.lowest_balance is not None:
        rows.append(("Lowest USDC balance", (money(metrics.lowest_balance, "USDC", signed=False),)))
    return Table("Activity", ("", "Whole run"), tuple(rows))


def _cycles(told: Told) -> list[Row]:
    """Of a wheel."""
    metrics, none = told.metrics, "no cycle is complete" + ("" if told.ended else " yet")
    whole = partial(ratio, places=0)
    return [
        ("Cycles", (whole(metrics.cycles, "there is no bar yet"),)),
        ("Complete cycles", (whole(metrics.completed_cycles, "there is no bar yet"),)),
        ("Complete cycles won", (percent(metrics.cycle_win_rate_pct, none),)),
        ("Average complete cycle", (money(metrics.average_cycle_pnl, "USD", none),)),
        ("Average days of one", (ratio(metrics.average_cycle_days, none, 1),)),
    ]


def _rolled(legs: int, rolls: int) -> Figure:
    return Figure(f"{legs:,}" + (f", {rolls:,} rolled" if rolls else ""), f"{legs} legs, of these {rolls} by a roll")


def shares(told: Told) -> Table:
    """How good the data was."""
    data = told.metrics.data or DataShares()
    end = told.why_concluded() or "it does not apply to this run"
    recorded = "" if told.recorded else "quotes are modelled"
    rows: list[Row] = [
        (name, (percent(getattr(data, field), why, places=2),))
        for name, field, why in (
            ("Bars missing in the period", "missing_bars_pct", "there is no bar yet"),
            ("Bars with no or a stale volatility", "stale_volatility_pct", end),
            ("Legs at modelled quotes", "modelled_legs_pct", "there is no leg"),
            ("Settlements at a price made from bars", "proxy_deliveries_pct", "no leg has expired"),
            ("Decisions without a fresh snapshot", "missing_snapshots_pct", recorded),
            ("Bars of a synthetic market", "synthetic_bars_pct", end),
        )
    ]
    return Table("Data: shares of the run", ("", "Share"), tuple(rows))


def hangs_on(told: Told) -> Table:
    """What the result hangs on: the volatility that was assumed, and the smile."""
    metrics, why = told.metrics, told.why_concluded()
    total = told.ours[0][0].chains_pnl
    points = ratio(None, why or "a leg's volatility is not known")
    if metrics.pnl_per_vol_point and total is not None and metrics.pnl_per_vol_point > 0:
        points = ratio(total / metrics.pnl_per_vol_point, places=1)
    rows: list[Row] = [
        ("Volatility assumed, times its source", (unknown(why) if told.recorded else ratio(told.assumed, unit=TIMES),)),
        ("Break-even volatility, times the same", (_break_even(told).figure,)),
        ("PnL per volatility point", (money(metrics.pnl_per_vol_point, told.settled, why),)),
        ("Volatility points that the result is worth", (points,)),
        ("PnL of closed chains", (money(total, told.settled, told.why_chains()),)),
        ("PnL with a flat smile", (money(metrics.chains_pnl_flat_smile, told.settled, why),)),
        ("PnL with a slope of +0.05", (money(metrics.chains_pnl_call_skew, told.settled, why),)),
    ]
    return Table(
        "What this result hangs on",
        ("", "Figure"),
        tuple(rows),
        "Sold options earn what the assumed volatility says they earn. A run that only profits above a break-even "
        "multiplier that you believe in does not profit.",
    )


def _both(told: Told, caption: str, lines: Sequence[tuple[str, str, Write, str]], note: str = "") -> Table:
    rows = tuple(
        (name, tuple(write(getattr(side, field), unit, why) for side, unit in told.ours))
        for name, field, write, why in lines
    )
    return Table(caption, ("", *(f"In {unit}" for _, unit in told.ours)), rows, note)


def _of_percent(*, won: bool = False) -> Write:
    return lambda value, _, why: percent(value, why, money=won)


def _ratio(value: float | None, _: str, why: str) -> Figure:
    return ratio(value, why)
