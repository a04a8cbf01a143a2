"""The newest decisions and chains of a run as rows of tables."""

from __future__ import annotations

from rollbook import BacktestChain, BacktestCycle, BacktestStep
from rollbook.models import StepOutcome
from rollbook_web.numbers import Figure, count, estimate, moment, unknown
from rollbook_web.pages.lab_numbers import money, ratio

OUTCOMES = {
    StepOutcome.TRADED: "opened a chain",
    StepOutcome.MAX_OPEN_CHAINS: "enough chains open",
    StepOutcome.NO_CANDIDATES: "no contract fits",
    StepOutcome.BELOW_MIN_SCORE: "score too low",
    StepOutcome.NO_BID: "no bid that pays its fee",
    StepOutcome.NO_DATA: "no data",
    StepOutcome.BELOW_COST: "none at or above the coins' cost",
}
STEP_HEADS = ("Decision (UTC)", "What came of it", "Best contract", "Index", "Candidates", "Score")
CHAIN_HEADS = ("Chain", "Opened (UTC)", "Contracts", "End", "Rolls", "Premium", "Fees", "Net PnL", "In USD")
CYCLE_HEADS = (
    "Cycle",
    "From (UTC)",
    "To (UTC)",
    "Chains",
    "Premiums",
    "Bought at",
    "Cost a coin",
    "Sold at",
    "Net PnL",
)


def cycle_cells(cycle: BacktestCycle) -> list[Figure]:
    """A turn of a wheel, in USD."""
    net = money(cycle.net_pnl, "USD")
    if cycle.end_time is None:
        net = estimate(net, "as if its coins were sold at the index, and its option bought at the ask")
    premium = cycle.put_premium + cycle.call_premium
    return [
        Figure(f"{cycle.number}"),
        moment(cycle.start_time),
        moment(cycle.end_time, "it goes on" + (" at the end of the data" if cycle.open_at_end else "")),
        count(cycle.chains),
        money(premium, "USD", signed=False),
        money(cycle.purchase_price, "USD", "no put was in the money yet", signed=False),
        money(cycle.effective_cost, "USD", "no put was in the money yet", signed=False),
        money(cycle.sale_price, "USD", "no call was in the money yet", signed=False),
        net,
    ]


def step_cells(step: BacktestStep) -> list[Figure]:
    """A decision."""
    outcome = OUTCOMES.get(step.outcome, str(step.outcome).lower().replace("_", " "))
    none = {
        StepOutcome.MAX_OPEN_CHAINS: "enough chains were open: nobody looked for one",
        StepOutcome.NO_DATA: "there was no data to choose by",
    }.get(step.outcome, "no contract fits the selection")
    chain = f" {step.chain_number}" if step.chain_number else ""
    return [
        moment(step.decision_time),
        Figure(outcome.replace("a chain", f"chain{chain}") if chain else outcome),
        Figure(step.best_symbol) if step.best_symbol else unknown(none),
        money(step.index_price, "USD", signed=False),
        count(step.candidates),
        ratio(step.best_score, none, 3),
    ]


def chain_cells(chain: BacktestChain, unit: str) -> list[Figure]:
    """A chain, in the currency that its contracts settle in."""
    legs = [leg.symbol for leg in chain.legs]
    net, usd = money(chain.net_pnl, unit), money(chain.net_pnl_usd, "USD")
    if chain.open_at_end or chain.close_time is None:
        net, usd = (estimate(each, "as if bought at the ask") for each in (net, usd))
    return [
        Figure(f"{chain.number}"),
        moment(chain.open_time),
        Figure(legs[-1] + (f" (+{len(legs) - 1})" if len(legs) > 1 else ""), " → ".join(legs)) if legs else unknown(""),
        _end(chain),
        Figure(f"{chain.num_rolls}"),
        money(chain.premium, unit, signed=False),
        money(chain.fees, unit, signed=False),
        net,
        usd,
    ]


def _end(chain: BacktestChain) -> Figure:
    if chain.open_at_end:
        return Figure("open at the end", "marked at its ask, and left out of the win rate")
    if chain.close_time is None:
        return Figure("open")
    trigger = chain.legs[-1].trigger.replace("_", " ") if chain.legs else ""
    return Figure(
        trigger or str(chain.close_reason).lower().replace("_", " "), f"{chain.close_time:%Y-%m-%d %H:%M} UTC"
    )
