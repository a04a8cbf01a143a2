"""The parts of the page about a run: curves, chains, rules and data. The headline and the page are in `report`."""

from collections import defaultdict
from dataclasses import asdict

import numpy as np

from rollbook_server.domain.backtest.market import Floats
from rollbook_server.domain.backtest.money import leg_profit
from rollbook_server.domain.backtest.report import charts
from rollbook_server.domain.backtest.report.charts import Line
from rollbook_server.domain.backtest.report.markup import Markup, element, joined, table
from rollbook_server.domain.backtest.report.months import heat_table, monthly
from rollbook_server.domain.backtest.report.numerals import (
    NOT_KNOWN,
    TIMES,
    counted,
    day,
    minute,
    money,
    number,
    percent,
    plain,
)
from rollbook_server.domain.backtest.report.subject import Subject
from rollbook_server.domain.backtest.returns import drawdown
from rollbook_server.domain.backtest.rows import BacktestChain, StepOutcome, Trigger

MOST_BARS = 400
"""With more chains a bar is the sum of several."""

_OUTCOMES = {
    StepOutcome.TRADED: "A chain was opened",
    StepOutcome.MAX_OPEN_CHAINS: "As many chains as allowed were open",
    StepOutcome.NO_CANDIDATES: "No contract fitted the selection",
    StepOutcome.BELOW_MIN_SCORE: "The best score was below the minimum",
    StepOutcome.NO_BID: "No bid, or none that paid its fee",
    StepOutcome.NO_DATA: "No bar, no volatility or no fresh snapshot",
    StepOutcome.BELOW_COST: "All contracts were below what the coins cost",
}
_SHARES = {
    "missing_bars_pct": ("Bars missing in the period", "decisions and exits there wait for the next bar"),
    "stale_volatility_pct": ("Bars with no or a stale volatility", "older than two of its intervals"),
    "modelled_legs_pct": ("Legs at modelled quotes", "the rest at recorded ones"),
    "proxy_deliveries_pct": ("Settlements at a delivery price made from bars", "15 basis points off, root mean square"),
    "missing_snapshots_pct": ("Decisions without a fresh snapshot", "of those that looked for a contract"),
    "synthetic_bars_pct": ("Bars of a synthetic market", "made, not recorded"),
}


def figures(subject: Subject) -> Markup:
    """All figures, in coin and in USD."""
    metrics, coin = subject.metrics, subject.spec.underlying
    ours, usd = metrics.coin, metrics.usd

    def both(name: str, field: str, write: str = "money") -> list[str]:
        first, second = getattr(ours, field), getattr(usd, field)
        if write == "money":
            return [name, money(first, coin, signed=True), money(second, "USD", signed=True)]
        if write == "cost":
            return [name, money(first, coin), money(second, "USD")]
        if write == "percent":
            return [name, percent(first, signed=field == "return_pct"), percent(second, signed=field == "return_pct")]
        return [name, number(first, 2), number(second, 2)]

    curve = [
        both("Net profit", "net_profit"),
        both(f"Benchmark ({subject.benchmark})", "hodl_profit"),
        both("Profit against the benchmark", "pnl_vs_hodl"),
        both("Return on the capital", "return_pct", "percent"),
        both("Largest drawdown", "max_drawdown", "cost"),
        both("Largest drawdown, of the peak", "max_drawdown_pct", "percent"),
        both("Volatility, annualised", "volatility_pct", "percent"),
        both("Sharpe", "sharpe", "ratio"),
        both("Sharpe against the benchmark", "sharpe_vs_hodl", "ratio"),
        both("Sortino", "sortino", "ratio"),
        both("Calmar", "calmar", "ratio"),
    ]
    if subject.in_cash and len(subject.equity.time):
        index = subject.equity.index_price
        held = float(subject.equity.hodl_usd[0] * (index[-1] / index[0] - 1))
        curve.insert(2, [f"Holding {coin} instead", money(0.0, coin), money(held, "USD", signed=True)])
    chains = [
        both("Net PnL of closed chains", "chains_pnl"),
        both("5 % of resamples are below", "chains_pnl_p05"),
        both("95 % of resamples are below", "chains_pnl_p95"),
        both("Profit factor", "profit_factor", "ratio"),
        both("Average winner", "average_winner"),
        both("Average loser", "average_loser"),
        both("Premiums received", "premium", "cost"),
        both("Fees paid", "fees", "cost"),
    ]
    single = [
        ["Closed chains", number(metrics.closed_chains)],
        ["Open at the end", number(metrics.open_chains)],
        [f"Won (net PnL above 0 {subject.currency})", percent(metrics.win_rate_pct)],
        ["Premium kept", percent(metrics.premium_kept_pct)],
        ["Time in the market", percent(metrics.time_in_market_pct)],
        ["Return on collateral, whole run", percent(metrics.return_on_collateral_pct, signed=True)],
        ["Exposure, mean |delta| per coin of capital", number(metrics.exposure, 2)],
        ["Turnover, capital traded a year", number(metrics.turnover, 1) + (TIMES if metrics.turnover else "")],
        ["Rolls", number(metrics.rolls)],
    ]
    if metrics.lowest_balance is not None:
        single.append(["Lowest USDC balance", money(metrics.lowest_balance, "USDC")])
    if subject.wheel:
        single += [
            ["Cycles that began", number(metrics.cycles)],
            ["Cycles completed", number(metrics.completed_cycles)],
            ["Completed cycles won", percent(metrics.cycle_win_rate_pct)],
            ["Mean net PnL of a completed cycle", money(metrics.average_cycle_pnl, "USD", signed=True)],
            ["Mean days of a completed cycle", number(metrics.average_cycle_days, 1)],
        ]
    head = ["", f"In {coin}", "In USD"]
    return element(
        "div",
        table("The account, marked at every bar", head, curve),
        table(
            "Chains",
            head,
            chains,
            note="Each cash line is turned into the other currency at the underlying's price of its own time; the "
            "account is valued at the price of each bar."
            + (
                " Chains are the options alone: what the coins made is in the account and in the cycles."
                * subject.wheel
            ),
        ),
        table("Activity", ["", "Whole run"], single),
        reconciliation(subject),
        class_="columns",
    )


def curves(subject: Subject) -> Markup:
    """Equity and drawdown in the settlement currency, then in the other."""
    equity, coin = subject.equity, subject.spec.underlying
    in_coin = _curve(subject, coin, equity.equity_coin, equity.hodl_coin)
    in_usd = _curve(subject, "USD", equity.equity_usd, equity.hodl_usd)
    return joined(in_usd, in_coin) if subject.currency == "USDC" else joined(in_coin, in_usd)


def _curve(subject: Subject, unit: str, ours: Floats, hodl: Floats) -> Markup:
    time, benchmark = subject.equity.time, subject.benchmark[0].upper() + subject.benchmark[1:]
    falls = [-100 * drawdown(each, float(hodl[0]))[1] for each in (ours, hodl)]
    below = [Line("Drawdown", "loss", falls[0])]
    if falls[1].any():
        below.append(Line(benchmark, "hodl", falls[1]))
    names = f"{subject.benchmark} in {unit}"
    return joined(
        _figure(
            f"Equity in {unit}",
            charts.lines(
                f"Equity and {names}: from {money(float(hodl[0]), unit)} to {money(float(ours[-1]), unit)}, benchmark "
                f"{money(float(hodl[-1]), unit)}",
                time,
                [Line("Equity", "ours", ours), Line(benchmark, "hodl", hodl)],
                unit,
            ),
            ("ours", "Equity"),
            ("hodl", benchmark),
        ),
        _figure(
            f"Drawdown in {unit}, % of the peak",
            charts.lines(
                f"Drawdown of equity in {unit}, at most {percent(-float(falls[0].min()))} of the peak",
                time,
                below,
                "%",
                height=120,
                filled=True,
            ),
            *([("loss", "Equity"), ("hodl", benchmark)] if len(below) > 1 else []),
        ),
    )


def _figure(name: str, chart: Markup, *key: tuple[str, str]) -> Markup:
    return element(
        "figure",
        element(
            "div",
            element("b", name),
            *(element("span", element("i"), element("em", text), class_=class_) for class_, text in key),
            class_="key",
        ),
        chart,
        element("div", class_="read"),
    )


def months(subject: Subject) -> Markup:
    """Heat tables in both currencies."""
    equity, coin = subject.equity, subject.spec.underlying
    made = []
    for unit, ours, hodl in (
        (coin, equity.equity_coin, equity.hodl_coin),
        ("USD", equity.equity_usd, equity.hodl_usd),
    ):
        first = float(hodl[0])
        made.append(
            heat_table(
                f"Return by month in {unit}, %",
                monthly(equity.time, ours, first),
                monthly(equity.time, hodl, first),
                "Cash" if subject.in_cash else f"{coin} held",
            )
        )
    if subject.currency == "USDC":
        made.reverse()
    begin, end = day(int(equity.time[0])), day(int(equity.time[-1]))
    return joined(*made, element("p", f"UTC months; the run begins {begin} and ends {end}.", class_="note"))


def chain_bars(subject: Subject) -> Markup:
    """PnL of each chain in order of its opening."""
    chains = sorted(subject.chains, key=lambda each: (each.open_time, each.number))
    if not chains:
        return element("p", "No chain was opened.", class_="note")
    together = -(-len(chains) // MOST_BARS)
    groups = [chains[row : row + together] for row in range(0, len(chains), together)]
    heights = np.array([sum(each.net_pnl for each in group) for group in groups])
    kinds = [
        "open" if any(each.open_at_end for each in group) else "gain" if height > 0 else "loss"
        for group, height in zip(groups, heights, strict=True)
    ]
    currency = subject.currency
    unit = "each bar is a chain" if together == 1 else f"each bar is {together} chains"
    name = f"Net PnL per chain in {currency}, in order of opening; {unit}"
    marked = [("hodl", "Open at the end, marked")] if "open" in kinds else []
    return _figure(
        name,
        charts.bars(
            name,
            heights,
            [_told(group, currency) for group in groups],
            kinds,
        ),
        *marked,
    )  # fmt: skip


def _told(group: list[BacktestChain], currency: str) -> str:
    if len(group) > 1:
        total = money(sum(each.net_pnl for each in group), currency, signed=True)
        return f"Chains {group[0].number} to {group[-1].number}, from {day(group[0].open_time)}: {total}"
    chain = group[0]
    end = "open at the end" if chain.open_at_end else day(chain.close_time)
    return (
        f"Chain {chain.number}, {day(chain.open_time)} to {end}, {chain.legs[0].symbol if chain.legs else ''}"
        f"{', ' + counted(chain.num_rolls, 'roll') if chain.num_rolls else ''}: "
        f"{money(chain.net_pnl, currency, signed=True)}"
    )


def extremes(subject: Subject) -> Markup | None:
    """The worst and the best closed chains."""
    closed = sorted((each for each in subject.chains if not each.open_at_end), key=lambda each: each.net_pnl)
    if len(closed) < 10:
        return None
    rows = [
        [
            f"{chain.number}",
            minute(chain.open_time),
            minute(chain.close_time),
            chain.legs[0].symbol,
            f"{chain.num_rolls}",
            money(chain.premium, subject.currency),
            money(chain.net_pnl, subject.currency, signed=True),
            money(chain.net_pnl_usd, "USD", signed=True),
        ]
        for chain in (*closed[:5], *closed[-5:])
    ]
    head = ["Chain", "Opened (UTC)", "Ended (UTC)", "First contract", "Rolls", "Premium", "Net PnL", "Net PnL, USD"]
    return table("The five worst and the five best closed chains", head, rows)


def triggers(subject: Subject) -> Markup:
    """What each rule did to the legs that it ended."""
    profits: dict[str, list[float]] = defaultdict(list)
    for chain in subject.chains:
        for leg in chain.legs:
            if leg.close_time is not None:
                profits[leg.trigger].append(leg_profit(leg))
    rolls = {each.trigger: each.rolls for each in subject.metrics.triggers}
    rows = [
        [
            rule.replace("_", " ").capitalize(),
            number(len(profits[rule])),
            number(rolls.get(rule, 0)),
            percent(100 * sum(each > 0 for each in profits[rule]) / len(profits[rule])),
            money(float(np.mean(profits[rule])), subject.currency, signed=True),
            money(sum(profits[rule]), subject.currency, signed=True),
        ]
        for rule in Trigger
        if profits[rule]
    ]
    if not rows:
        return element("p", "No leg has ended.", class_="note")
    return table(
        "PnL of legs by the rule that ended them",
        ["Rule", "Legs", "Rolled", "Won", "Mean per leg", "PnL, net of fees"],
        rows,
        note="A defended leg is a loss that the next leg of its chain was sold against: read it with the chains.",
    )


def reconciliation(subject: Subject) -> Markup:
    """Chains and equity say the same, and what is between them."""
    metrics = subject.metrics
    rows = []
    if subject.wheel:
        return _turned(subject)
    marked = [each for each in subject.chains if each.open_at_end]
    for unit, ours, settled in (
        (subject.spec.underlying, metrics.coin, subject.currency != "USDC"),
        ("USD", metrics.usd, subject.currency == "USDC"),
    ):
        if not settled or ours.chains_pnl is None or ours.pnl_vs_hodl is None:
            continue
        open_pnl = sum(each.net_pnl for each in marked)
        rows = [
            ["Closed chains, net", money(ours.chains_pnl, unit, signed=True)],
            ["Chains open at the end, marked", money(open_pnl, unit, signed=True)],
            ["Equity less the benchmark", money(ours.pnl_vs_hodl, unit, signed=True)],
            ["Unexplained", money(ours.pnl_vs_hodl - ours.chains_pnl - open_pnl, unit, signed=True)],
        ]
    if not rows:
        return element("p", "Nothing to compare.", class_="note")
    return table("Chains against the account, in the settlement currency", ["", "Amount"], rows)


def _turned(subject: Subject) -> Markup:
    """The same of a wheel, whose coins are in its cycles."""
    made = subject.metrics.usd.pnl_vs_hodl or 0.0
    done, going = (
        sum(each.net_pnl for each in subject.cycles if (each.end_time is None) is still) for still in (False, True)
    )
    rows = [
        ["Completed cycles, net", money(done, "USD", signed=True)],
        ["The cycle that goes on, marked", money(going, "USD", signed=True)],
        ["Equity less the benchmark", money(made, "USD", signed=True)],
        ["Unexplained", money(made - done - going, "USD", signed=True)],
    ]
    return table("Cycles against the account, in the settlement currency", ["", "Amount"], rows)


def decisions(subject: Subject) -> Markup:
    """What decisions came to."""
    outcome = subject.steps.outcome
    rows = [
        [text, number(count), percent(100 * count / len(outcome))]
        for code, text in enumerate(_OUTCOMES[each] for each in StepOutcome)
        if (count := int((outcome == code).sum()))
    ]
    if not rows:
        return element("p", "No decision was made.", class_="note")
    return table(f"What {counted(len(outcome), 'decision')} came to", ["Outcome", "Decisions", "Share"], rows)


def data(subject: Subject) -> Markup:
    """Shares of the run, and the datasets."""
    shares = asdict(subject.metrics.data)
    rows = [
        [name, "does not apply" if shares[field] is None else percent(shares[field], 2), why]
        for field, (name, why) in _SHARES.items()
    ]
    made = [table("Shares of the run", ["Data", "Share", "Meaning"], rows, class_="shares")]
    if subject.about.datasets:
        made.append(
            table(
                "Datasets",
                ["Use", "Name", "Source", "From (UTC)", "To (UTC)", "Gaps", "Content (SHA-256)"],
                [
                    [
                        each.use,
                        each.name + (" (synthetic)" if each.synthetic else ""),
                        each.source,
                        minute(each.first_time),
                        minute(each.last_time),
                        number(each.gaps),
                        element("td", element("code", each.content_hash[:16]), title=each.content_hash),
                    ]
                    for each in subject.about.datasets
                ],
                class_="words",
            )
        )
    return joined(*made)


def specification(subject: Subject) -> Markup:
    """Everything that determines the run."""
    tree = asdict(subject.spec)
    parts = [{name: value for name, value in tree.items() if not isinstance(value, dict)}]
    names = ["Run"]
    for name, value in tree.items():
        if isinstance(value, dict):
            parts.append(value)
            names.append(name.capitalize())
    return element(
        "div",
        *(
            table(
                name,
                ["Field", "Value"],
                [[field, _written(field, value)] for field, value in part.items()],
                class_="words",
            )
            for name, part in zip(names, parts, strict=True)
            if part
        ),
        class_="columns",
    )


def _written(field: str, value: object) -> str:
    if value is None:
        return "off"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field.endswith("_time") and isinstance(value, int):
        return minute(value) + " UTC"
    if field == "seed":
        return str(value)
    if isinstance(value, int | float):
        return plain(value)
    return str(value) or NOT_KNOWN
