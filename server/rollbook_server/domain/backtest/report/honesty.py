"""What the result hangs on, and what it does not say: the honesty box (lab rules 2, 3, 8, 10 and 12)."""

from rollbook_server.domain.backtest.metrics import LEAST_CHAINS, LEAST_DAYS, BacktestPerformance
from rollbook_server.domain.backtest.report.markup import Markup, element, joined
from rollbook_server.domain.backtest.report.numerals import MINUS, counted, money, number, percent, plain
from rollbook_server.domain.backtest.report.subject import Subject
from rollbook_server.domain.backtest.spec import (
    ExitStyle,
    FeeSchedule,
    FillPrice,
    MissingOffer,
    QuoteSource,
    VolatilitySource,
)


def scenarios(subject: Subject) -> list[str]:
    """What makes this run an experiment and no forecast: each is a warning on top of the page."""
    spec, data = subject.spec, subject.metrics.data
    found = []
    if subject.about.state != "SUCCEEDED":
        found.append(f"The run is {subject.about.state}: everything here is about the part that it did.")
    if spec.fills.price is FillPrice.MID:
        found.append("Scenario: orders fill at the middle of the quote. A taker does not get that price.")
    if spec.fills.fees is FeeSchedule.NONE:
        found.append("Scenario: no fees are charged.")
    if spec.fills.without_ticks:
        found.append("Scenario: prices without ticks.")
    if spec.volatility.source is VolatilitySource.CONSTANT and spec.fills.quotes is QuoteSource.MODEL:
        found.append("Scenario: one volatility for the whole run.")
    if spec.fills.quotes is QuoteSource.MODEL and spec.volatility.allow_short_dated:
        found.append("Modelled options of less than five days were allowed: the model is poor there.")
    if data.synthetic_bars_pct:
        found.append("The market is synthetic: it shows how the rules work, not what they earn.")
    return found


def box(subject: Subject) -> Markup:
    """A list of findings, each with a name."""
    items = [
        *_volatility(subject),
        ("Luck", _luck(subject)),
        ("Annualised figures", _annualised(subject)),
        ("Open at the end", _open(subject)),
        *_balance(subject),
        ("Where prices come from", _prices(subject)),
    ]
    return element("dl", *(joined(element("dt", name), element("dd", text)) for name, text in items), class_="honesty")


def _volatility(subject: Subject) -> list[tuple[str, str]]:
    spec, metrics, currency = subject.spec, subject.metrics, subject.currency
    point = metrics.pnl_per_vol_point
    said: list[tuple[str, str]] = []
    if spec.fills.quotes is QuoteSource.RECORDED:
        said.append(("Break-even volatility", "Quotes are recorded, so no volatility was assumed and none is varied."))
    elif metrics.closed_chains:
        own, even = spec.volatility.multiplier or 1.0, metrics.break_even_multiplier
        if even is None:
            text = (
                f"The run assumes {plain(own)} times its source. Run again from 0.5 to 2 times, the same rules came to "
                "no point at which they earn nothing."
            )
        else:
            further = abs(even / own - 1) * 100
            side = "less than" if even < own else "more than"
            text = (
                f"The run assumes {plain(own)} times its source; run again, the same rules earn nothing at "
                f"{number(even, 2)} times, {percent(further, 0)} {side} assumed. "
                + (
                    "If options were cheaper than that, the rules lost."
                    if even < own
                    else "Options must be at least that dear for the rules to earn."
                )
            )
        said.append(("Break-even volatility", text))
    if point is not None:
        text = (
            f"{money(point, currency, signed=True)} for each volatility point that all sales are dearer (same trades, "
            "same buy-backs): the sum of their vegas."
        )
        total = (metrics.usd if currency == "USDC" else metrics.coin).chains_pnl
        if total is not None and point > 0 and not subject.wheel:
            text += f" The result of the closed chains is worth {number(total / point, 1, signed=True)} points of it."
        if spec.exit_style is ExitStyle.TP_AND_ROLL and metrics.break_even_multiplier is not None:
            text += " In a market that is dearer as a whole buy-backs are dearer too: that is the break-even above."
        said.append(("Profit per volatility point", text))
    if metrics.chains_pnl_flat_smile is not None:
        total = metrics.usd.net_profit if subject.wheel else _of_currency(subject).chains_pnl
        said.append((
            "Skew",
            ("The account earns " if subject.wheel else "Closed chains earn ")
            + f"{money(total, currency, signed=True)} with the run's slope of "
            f"{plain(spec.volatility.smile_slope or 0.0)}, "
            f"{money(metrics.chains_pnl_flat_smile, currency, signed=True)} with a flat slope, and "
            f"{money(metrics.chains_pnl_call_skew, currency, signed=True)} with +0.05: crypto's skew has changed sign.",
        ))  # fmt: skip
    return said


def _of_currency(subject: Subject) -> BacktestPerformance:
    return subject.metrics.usd if subject.currency == "USDC" else subject.metrics.coin


def _luck(subject: Subject) -> str:
    ours = _of_currency(subject)
    if subject.wheel:
        return (
            f"{counted(subject.metrics.completed_cycles or 0, 'completed cycle')} on one path of prices. No interval "
            "is drawn: what chains lose the coins may gain, so that chains drawn by themselves say nothing of both."
        )
    if ours.chains_pnl_p05 is None or ours.chains_pnl_p95 is None:
        return f"Fewer than {LEAST_CHAINS} closed chains: no interval is drawn, because luck cannot be told from skill."
    sure = ours.chains_pnl_p05 > 0 or ours.chains_pnl_p95 < 0
    low, high = (money(each, subject.currency, signed=True) for each in (ours.chains_pnl_p05, ours.chains_pnl_p95))
    return (
        f"The same number of chains, drawn again in blocks, gives {low} to {high} in nine cases of ten (10,000 draws, "
        f"seed {subject.spec.seed}). "
        + ("Zero is outside." if sure else "Zero is inside: the sign of the result is not established.")
        + " It says nothing of markets that these data do not hold."
    )


def _annualised(subject: Subject) -> str:
    metrics = subject.metrics
    days, chains = metrics.days or 0.0, metrics.closed_chains or 0
    if days >= LEAST_DAYS and chains >= LEAST_CHAINS:
        return (
            f"From {counted(round(days), 'day')} and {counted(chains, 'closed chain')}; daily returns, 365 days a "
            f"year, no riskless rate."
            + ("" if subject.in_cash else f" Sharpe against {subject.benchmark} leaves the underlying's own moves out.")
        )
    return (
        f"None: {number(days, 1)} days and {counted(chains, 'closed chain')}, and nothing is annualised under "
        f"{LEAST_DAYS} days or {LEAST_CHAINS} chains."
    )


def _open(subject: Subject) -> str:
    marked = [chain for chain in subject.chains if chain.open_at_end]
    going = [each for each in subject.cycles if each.end_time is None]
    if going:
        return (
            f"{counted(len(going), 'cycle')}: its coins at the last price and its option at the ask, marked "
            f"{money(sum(each.net_pnl for each in going), 'USD', signed=True)}. In the equity, and in no statistic of "
            "cycles."
        )
    if not marked:
        return "No chain."
    return (
        f"{counted(len(marked), 'chain')}, marked at the ask for "
        f"{money(sum(chain.net_pnl for chain in marked), subject.currency, signed=True)}: in the equity, and in no "
        "statistic of chains."
    )


def _balance(subject: Subject) -> list[tuple[str, str]]:
    lowest = subject.metrics.lowest_balance
    if subject.wheel and lowest is not None:
        financed = (
            f"The cash went down to {money(lowest, 'USDC')}: coins were dearer than what there was. No interest on "
            "that was charged."
            if lowest < 0
            else f"The cash was {money(lowest, 'USDC')} at the lowest: no coin was bought on credit."
        )
        return [
            ("Financing", financed),
            (
                "Coins",
                "Bought at the open after the settlement and sold at the delivery price, without a fee or a spread. "
                "The venue settles in cash: what the price does between its settlement and the purchase is in the cost "
                "of the coins.",
            ),
        ]
    if lowest is not None and lowest < 0:
        return [(
            "Financing",
            f"The USDC balance went down to {money(lowest, 'USDC')}: losses of linear calls are owed in USDC while the "
            "capital is coins. No interest on that was charged.",
        )]  # fmt: skip
    if lowest is not None:
        return [("Financing", "The USDC balance was never below zero: no loss had to be financed.")]
    if subject.in_cash and subject.currency != "USDC":
        return [(
            "Cover",
            f"An inverse put's loss in coin has no bound (K / S {MINUS} 1): the cash covers it in USD, and the coins "
            "must be bought when they are owed.",
        )]  # fmt: skip
    return []


def _prices(subject: Subject) -> str:
    spec = subject.spec
    fills, volatility = spec.fills, spec.volatility
    if fills.quotes is QuoteSource.RECORDED:
        quotes = "Recorded bids and asks"
    else:
        source = {
            VolatilitySource.INDEX: "a volatility index",
            VolatilitySource.REALIZED: f"realized volatility (half-life {plain(volatility.half_life_days or 0)} days)",
            VolatilitySource.CONSTANT: f"the level {plain(100 * (volatility.level or 0))} %",
        }[volatility.source or VolatilitySource.REALIZED]
        quotes = (
            f"Black-76 on {plain(volatility.multiplier or 1)} times {source}, smile slope "
            f"{plain(volatility.smile_slope or 0)} and curvature {plain(volatility.smile_curvature or 0)}, forward "
            f"basis {plain(100 * (spec.forward_basis or 0))} % a year, half spread "
            f"{plain(fills.half_spread_vol_points or 0)} volatility points "
            f"({plain(fills.short_dated_half_spread_vol_points or 0)} below five days)"
        )
    at = "the middle" if fills.price is FillPrice.MID else "sold at the bid and bought at the ask"
    fees = "no fees" if fills.fees is FeeSchedule.NONE else "the venue's taker fees by date"
    missing = (
        "held until there is an offer"
        if fills.missing_offer is MissingOffer.HOLD
        else f"bought at the mark plus {plain(100 * (fills.penalty or 0))} %"
    )
    return (
        f"{quotes}; {at}, with {fees}; a leg that nobody offers is {missing}. A decision fills at the next bar's open, "
        "and delivery prices are made from the bar before 08:00 UTC (a proxy). Size is constant and moves no market."
    )
