"""What a run says in figures: the tiles on top, its tables, and what the result hangs on. Unknown is said with why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from rollbook import (
    Backtest,
    BacktestMetrics,
    BacktestPerformance,
    BacktestSpec,
    BacktestState,
    BacktestStatus,
    DataShares,
    StrategyKind,
)
from rollbook.models import ExitStyle, FeeSchedule, FillPrice, QuoteSource, VolatilitySource
from rollbook_web.numbers import Figure, percent, things, unknown, words
from rollbook_web.pages.lab_fields import STRATEGIES
from rollbook_web.pages.lab_numbers import TIMES, money, ratio
from rollbook_web.pages.tables import Row, Table, Tile

LEAST_DAYS, LEAST_CHAINS = 90, 20
"""The server annualises nothing, and draws no interval, below them; a test holds these to it."""
ENDED = (BacktestState.SUCCEEDED, BacktestState.FAILED, BacktestState.CANCELLED)


class Told:
    """A run's metrics, each with the reason where there is none."""

    def __init__(self, backtest: Backtest) -> None:
        self.spec = backtest.spec or BacktestSpec()
        self.status = backtest.status or BacktestStatus()
        self.metrics = self.status.metrics or BacktestMetrics()
        self.coin = self.metrics.coin or BacktestPerformance()
        self.usd = self.metrics.usd or BacktestPerformance()
        self.unit = self.spec.underlying
        self.settled = self.metrics.settlement_currency
        self.linear = self.settled == "USDC"
        self.puts = self.spec.strategy is StrategyKind.CASH_SECURED_PUT
        self.benchmark = "cash" if self.puts else "HODL"
        """What the account is measured against."""

    @property
    def ended(self) -> bool:
        """Nothing more comes of it."""
        return self.status.state in ENDED

    @property
    def ours(self) -> tuple[tuple[BacktestPerformance, str], tuple[BacktestPerformance, str]]:
        """Both currencies, that of the contracts first."""
        both = ((self.coin, self.unit), (self.usd, "USD"))
        return (both[1], both[0]) if self.linear else both

    def why_annualised(self) -> str:
        """Why a figure of a year is not there."""
        if self.metrics.days is None:
            return "there is no bar yet"
        days, chains = self.metrics.days, self.metrics.closed_chains or 0
        if days >= LEAST_DAYS and chains >= LEAST_CHAINS:
            return "the curve does not move enough for it"
        had = f"{things(round(days), 'day')} and {things(chains, 'closed chain')}"
        return f"{had}: nothing is annualised under {LEAST_DAYS} days or {LEAST_CHAINS} chains"

    def why_chains(self, kind: str = "closed chain") -> str:
        """Why a figure of chains is not there."""
        return f"there is no {kind}" + ("" if self.ended else " yet")

    def why_concluded(self) -> str:
        """Why a figure that asks for the whole run is not there."""
        if self.status.state is BacktestState.SUCCEEDED:
            if not self.metrics.closed_chains:
                return self.why_chains()
            if self.recorded:
                return "quotes are recorded: no volatility was assumed, and none is varied"
            return ""
        return "the run did not come to its end" if self.ended else "measured when the run has ended"

    def why_interval(self) -> str:
        """Why there is no interval."""
        chains = self.metrics.closed_chains or 0
        if chains < LEAST_CHAINS or (self.metrics.days or 0) < LEAST_DAYS:
            return f"{things(chains, 'closed chain')}: under {LEAST_CHAINS} luck cannot be told from skill"
        return self.why_concluded()

    @property
    def recorded(self) -> bool:
        """Quotes come from recorded chains."""
        return self.spec.fills is not None and self.spec.fills.quotes is QuoteSource.RECORDED

    @property
    def assumed(self) -> float | None:
        """The volatility multiplier of the run."""
        return None if self.spec.volatility is None else self.spec.volatility.multiplier


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
    whole = partial(ratio, places=0)
    rows: list[Row] = [
        ("Closed chains", (whole(metrics.closed_chains),)),
        ("Open now" if not told.ended else "Open at the end", (whole(metrics.open_chains),)),
        ("Won: net PnL above 0", (percent(metrics.win_rate_pct, none),)),
        ("Premium kept", (percent(metrics.premium_kept_pct, none),)),
        ("Time in the market", (percent(metrics.time_in_market_pct, "there is no bar yet"),)),
        ("Return on collateral, whole run", (percent(metrics.return_on_collateral_pct, none, money=True),)),
        ("Exposure, mean |delta| per coin", (ratio(metrics.exposure, "no delta was known"),)),
        ("Turnover, capital traded a year", (ratio(metrics.turnover, told.why_annualised(), 1, TIMES),)),
        ("Rolls", (whole(metrics.rolls),)),
        *(
            (f"Legs ended by {each.trigger.replace('_', ' ')}", (_rolled(each.legs, each.rolls),))
            for each in metrics.triggers
        ),
    ]
    if metrics.lowest_balance is not None:
        rows.append(("Lowest USDC balance", (money(metrics.lowest_balance, "USDC", signed=False),)))
    return Table("Activity", ("", "Whole run"), tuple(rows))


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


def warnings(told: Told) -> list[str]:
    """What makes the run an experiment, and no forecast."""
    spec, found = told.spec, []
    fills, volatility = spec.fills, spec.volatility
    if fills is not None and fills.price is FillPrice.MID:
        found.append("Scenario: orders fill at the middle of the quote. A taker does not get that price.")
    if fills is not None and fills.fees is FeeSchedule.NONE:
        found.append("Scenario: no fees are charged.")
    if fills is not None and fills.without_ticks:
        found.append("Scenario: prices without ticks.")
    if volatility is not None and not told.recorded:
        if volatility.source is VolatilitySource.CONSTANT:
            found.append("Scenario: one volatility for the whole run.")
        if volatility.allow_short_dated:
            found.append("Modelled options of less than five days were allowed: the model is poor there.")
    if told.metrics.data is not None and told.metrics.data.synthetic_bars_pct:
        found.append("The market is synthetic: it shows how the rules work, not what they earn.")
    if told.status.state in (BacktestState.FAILED, BacktestState.CANCELLED) and told.metrics.days:
        found.append("The run did not come to its end: all figures are of the part that it did.")
    return found


def kind_of(spec: BacktestSpec | None) -> str:
    """What a run sells, in a line: Covered calls BTC, inverse, take profit and roll, balanced."""
    if spec is None:
        return ""
    strategy = STRATEGIES.get(spec.strategy, words(spec.strategy))
    ends = {ExitStyle.HOLD_TO_EXPIRY: "held to expiry", ExitStyle.TP_AND_ROLL: "take profit and roll"}
    parts = [f"{strategy} {spec.underlying}", str(spec.style).lower(), ends.get(spec.exit_style, ""), spec.preset]
    return ", ".join(part for part in parts if part)


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
