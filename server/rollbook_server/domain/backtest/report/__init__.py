"""The page about a run: one HTML file that asks nobody for anything, and says everything without its script."""

from collections.abc import Sequence

from rollbook_server.domain.backtest.metrics import BacktestMetrics
from rollbook_server.domain.backtest.report import honesty, ladder, sections, turns
from rollbook_server.domain.backtest.report.markup import Markup, element, joined
from rollbook_server.domain.backtest.report.numerals import (
    TIMES,
    counted,
    day,
    minute,
    money,
    number,
    percent,
)
from rollbook_server.domain.backtest.report.style import POLICY, SCRIPT, STYLE
from rollbook_server.domain.backtest.report.subject import About, DatasetLine, Subject
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestCycle, Equity, Steps
from rollbook_server.domain.backtest.spec import BacktestSpec, ExitStyle, QuoteSource
from rollbook_server.domain.executions import StrategyKind

__all__ = ["About", "DatasetLine", "render"]


def render(
    spec: BacktestSpec,
    metrics: BacktestMetrics,
    equity: Equity,
    chains: Sequence[BacktestChain],
    steps: Steps,
    cycles: Sequence[BacktestCycle] = (),
    about: About | None = None,
) -> str:
    """The page, complete. `spec` is resolved; the rest is the whole of what the run brought forth."""
    subject = Subject(
        spec=spec,
        metrics=metrics,
        equity=equity,
        chains=chains,
        steps=steps,
        cycles=cycles,
        about=about or About(),
    )
    title = spec.name or f"{_kind(subject)} {spec.underlying} options"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title}: backtest report"),
        element("style", Markup(STYLE)),
    )
    main = element("main", _top(subject, title), *_sections(subject), _foot(subject))
    body = element("body", main, element("script", Markup(SCRIPT)))
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en")


def _kind(subject: Subject) -> str:
    kinds = {StrategyKind.CASH_SECURED_PUT: "Cash-secured puts", StrategyKind.WHEEL: "The wheel"}
    kind = kinds.get(subject.spec.strategy or StrategyKind.COVERED_CALL, "Covered calls")
    return f"{kind}, {str(subject.spec.style).lower()}"


def _top(subject: Subject, title: str) -> Markup:
    spec = subject.spec
    style = "take profit and roll" if spec.exit_style is ExitStyle.TP_AND_ROLL else "hold to expiry"
    size = (
        f"{number(spec.quantity, 2)} {spec.underlying} per chain, at most {counted(spec.max_open_chains or 1, 'chain')}"
    )
    return joined(
        element("h1", title),
        element(
            "p",
            f"{_kind(subject)} {spec.underlying} options, preset {spec.preset}, {style}; {size} at once.",
            class_="sub",
        ),
        element(
            "p", f"{day(spec.start_time)} to {day(spec.end_time)}, UTC. Capital: {_capital(subject)}.", class_="sub"
        ),
        *(element("p", text, class_="warning", role="note") for text in honesty.scenarios(subject)),
        element("p", _verdict(subject), class_="verdict"),
        element("ul", *(_tile(*each) for each in _tiles(subject)), class_="tiles"),
    )


def _capital(subject: Subject) -> str:
    spec, hodl = subject.spec, subject.equity.hodl_usd
    if subject.in_cash:
        return money(float(hodl[0]), "USD") + " in cash" if len(hodl) else "cash"
    return money((spec.quantity or 0) * (spec.max_open_chains or 0), spec.underlying)


def _verdict(subject: Subject) -> str:
    """The result in three sentences, with its doubt."""
    metrics = subject.metrics
    linear = subject.currency == "USDC"
    ours, unit = (metrics.usd, "USD") if linear else (metrics.coin, subject.spec.underlying)
    if ours.pnl_vs_hodl is None:
        return "There is no bar yet."
    did = "Gained" if ours.pnl_vs_hodl > 0 else "Lost" if ours.pnl_vs_hodl < 0 else "Made"
    text = (
        f"{did} {money(abs(ours.pnl_vs_hodl), unit)} against {subject.benchmark} in "
        f"{counted(round(metrics.days or 0), 'day')}, with {counted(metrics.closed_chains or 0, 'closed chain')}"
    )
    text += f" of which {percent(metrics.win_rate_pct, 0)} won." if metrics.win_rate_pct is not None else "."
    if ours.chains_pnl_p05 is not None and ours.chains_pnl_p95 is not None:
        sure = ours.chains_pnl_p05 > 0 or ours.chains_pnl_p95 < 0
        text += (
            f" Luck alone could have made it {money(ours.chains_pnl_p05, unit, signed=True)} to "
            f"{money(ours.chains_pnl_p95, unit, signed=True)}" + ("." if sure else ", so even its sign is open.")
        )
    elif subject.wheel:
        text += f" {_turned(subject)}"
    else:
        text += " That is too few chains to tell luck from skill."
    if metrics.break_even_multiplier is not None:
        text += (
            f" The rules break even with options at {number(metrics.break_even_multiplier, 2)} times the volatility "
            f"source; the run assumed {number(subject.spec.volatility.multiplier, 2)}."
        )
    return text


def _turned(subject: Subject) -> str:
    """What came of the cycles, in a sentence."""
    metrics = subject.metrics
    done = counted(metrics.completed_cycles or 0, "cycle") + " completed"
    mean = money(metrics.average_cycle_pnl, "USD", signed=True)
    text = f"{done}, {mean} each on average." if metrics.completed_cycles else f"{done}."
    for cycle in subject.cycles:
        if cycle.end_time is None:
            text += f" The newest one {turns.now(cycle)}, marked {money(cycle.net_pnl, 'USD', signed=True)}."
    return text


def _tile(name: str, value: str, more: str, sign: float | None = None) -> Markup:
    colour = None if not sign else "gain" if sign > 0 else "loss"
    return element("li", element("span", name), element("strong", value, class_=colour), element("span", more))


def _tiles(subject: Subject) -> list[tuple[str, str, str, float | None]]:
    metrics, coin = subject.metrics, subject.spec.underlying
    both = [(metrics.coin, coin), (metrics.usd, "USD")]
    (ours, unit), (other, other_unit) = reversed(both) if subject.currency == "USDC" else both
    return [
        ("Against " + subject.benchmark, money(ours.pnl_vs_hodl, unit, signed=True),
         money(other.pnl_vs_hodl, other_unit, signed=True), ours.pnl_vs_hodl),
        ("Net profit", money(ours.net_profit, unit, signed=True),
         money(other.net_profit, other_unit, signed=True), ours.net_profit),
        ("Largest drawdown", percent(ours.max_drawdown_pct),
         f"in {unit}; {percent(other.max_drawdown_pct)} in {other_unit}", None),
        ("Sharpe vs benchmark", number(ours.sharpe_vs_hodl, 2),
         f"in {unit}; {number(other.sharpe_vs_hodl, 2)} in {other_unit}", None),
        ("Cycles won", percent(metrics.cycle_win_rate_pct, 0),
         f"of {metrics.completed_cycles} completed", None) if subject.wheel else
        ("Chains won", percent(metrics.win_rate_pct, 0),
         f"profit factor {number(ours.profit_factor, 2)}", None),
        ("Break-even volatility", _times(metrics.break_even_multiplier),
         _assumed(subject), None),
    ]  # fmt: skip


def _assumed(subject: Subject) -> str:
    if subject.spec.fills.quotes is QuoteSource.RECORDED:
        return "quotes are recorded"
    return f"assumed {_times(subject.spec.volatility.multiplier)}"


def _times(multiplier: float | None) -> str:
    return number(multiplier, 2) + (TIMES if multiplier else "")


def _sections(subject: Subject) -> list[Markup]:
    bars = len(subject.equity.time) > 0
    made: list[tuple[str, str, Sequence[Markup | None]]] = [
        ("honesty", "What this result hangs on", [honesty.box(subject)]),
        ("equity", "Equity and drawdown", [sections.curves(subject)] if bars else []),
        ("months", "Monthly returns", [sections.months(subject)] if bars else []),
        ("figures", "All figures", [sections.figures(subject)]),
        *([("cycles", "Cycles", [turns.section(subject)])] if subject.wheel else []),
        ("chains", "Chains", [sections.chain_bars(subject), sections.extremes(subject)]),
        ("ladder", "A chain and its rolls",
         [ladder.section(subject.spec, subject.currency, subject.equity, subject.chains)] if bars else []),
        ("rules", "What the rules did", [sections.triggers(subject), sections.decisions(subject)]),
        ("data", "Data", [sections.data(subject)]),
        ("spec", "The whole specification", [sections.specification(subject)]),
    ]  # fmt: skip
    return [
        element(
            "section", element("h2", name, id=f"{anchor}-title"), *parts, id=anchor, aria_labelledby=f"{anchor}-title"
        )
        for anchor, name, parts in made
    ]


def _foot(subject: Subject) -> Markup:
    about = subject.about
    lines = [
        ("Backtest", about.backtest_id),
        ("Run digest (spec, data, engine)", about.run_digest),
        ("Result digest (chains, decisions, equity)", about.result_digest),
        ("Engine", about.engine_version),
        ("Created", f"{minute(about.create_time)} UTC" if about.create_time is not None else ""),
    ]
    return element(
        "footer",
        *(element("p", f"{name}: ", element("code", text)) for name, text in lines if text),
        element(
            "p",
            "Runs with the same run digest have the same results, bit for bit. Made by Rollbook; a backtest is a model "
            "and no promise.",
            class_="note",
        ),
    )
