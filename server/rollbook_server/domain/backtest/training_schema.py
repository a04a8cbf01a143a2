"""The columns of training data: their order, types and meanings. A row says what was known, what was done, and what
came of it: state_* and action, label_* and reward_*.
"""

from dataclasses import dataclass

from rollbook_server.domain.backtest.market_states import CHANGE_DAYS, RETURN_DAYS, VOLATILITY_DAYS

SCHEMA_VERSION = 1
"""Another one whenever a column is added, goes, or means something else."""

SKIP, OPEN = "SKIP", "OPEN"
NONE = "NONE"
"""In place of a text: CSV cannot tell an empty one from a missing one."""
TRAIN, VALIDATION, TEST, EMBARGO = "TRAIN", "VALIDATION", "TEST", "EMBARGO"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Types are numpy's, `str` is text."""

    name: str
    type: str
    meaning: str


_TIME = "microseconds since 1970, UTC"

ROW_COLUMNS = (
    Column("schema_version", "i4", "Of this table."),
    Column("decision", "i8", "Number of the decision in its run, from 0 on."),
    Column("decision_time", "i8", f"When it was made, {_TIME}; all of state_* was known by then."),
    Column("state_spot", "f8", "Close of the newest bar, USD."),
    *(
        Column(f"state_return_{days}d", "f8", f"Log of that close over the newest one known {days} d before.")
        for days in RETURN_DAYS
    ),
    *(
        Column(f"state_realized_vol_{days}d", "f8", f"Root of the summed squared log returns of {days} d, a year.")
        for days in VOLATILITY_DAYS
    ),
    Column("state_vol_level", "f8", "Volatility at the money as the run assumes it, a fraction a year."),
    *(
        Column(f"state_vol_change_{days}d", "f8", f"Its difference to the newest one known {days} d before.")
        for days in CHANGE_DAYS
    ),
    Column("state_history_days", "f8", "Days of data before; a window that is longer is cut to it."),
    Column("state_open_chains", "f8", "Chains of the run that were open just before; a fill at that instant is later."),
    Column("state_candidates", "f8", "Contracts within the spec's ranges, whether anybody bids or not."),
    Column("state_candidate_dte_days", "f8", "Of the contract that the action sells: days to its expiry. SKIP: 0."),
    Column("state_candidate_delta", "f8", "Its absolute delta. SKIP: 0."),
    Column("state_candidate_moneyness", "f8", "Log of its strike over the spot. SKIP: 0."),
    Column("state_candidate_volatility", "f8", "Its volatility, a fraction a year. SKIP: 0."),
    Column("state_candidate_bid", "f8", "What a sale fills at, per coin in the settlement currency. SKIP: 0."),
    Column("state_candidate_score", "f8", "Its score by the spec's formula. SKIP: 0."),
    Column("action", "str", f"{OPEN} sells the contract, {SKIP} sells nothing."),
    Column("action_symbol", "str", f"The contract. {SKIP}: {NONE}."),
    Column("taken", "i4", "1 if the run did this, else 0: a counterfactual."),
    Column("outcome", "str", "What the run's decision came to, see StepOutcome."),
    Column("label_end_time", "i8", f"When the reward was known: the end of the chain, {_TIME}. {SKIP}: decision_time."),
    Column("label_filled", "i4", "1 if the sale filled at the next open, else 0: nothing came of it."),
    Column("label_rolls", "i4", "Rolls of the chain."),
    Column("label_trigger", "str", f"The rule that ended it. Without a chain: {NONE}."),
    Column("label_net_pnl_coin", "f8", "Net PnL of the chain after fees, in coins."),
    Column("label_net_pnl_usd", "f8", "The same in USD, each cash line at the index of its time."),
    Column("label_collateral_days_coin", "f8", "Collateral times days, leg by leg, in coins."),
    Column("label_collateral_days_usd", "f8", "The same in USD, each leg at the index of its open."),
    Column("reward_coin", "f8", "Net PnL / collateral days, in coins: a fraction a day. Without a chain: 0."),
    Column("reward_usd", "f8", "The same in USD."),
)
"""Of a row by itself."""

PLACE_COLUMNS = (
    Column(
        "overlap", "i8", "Rows with a chain whose time, decision to label_end_time, overlaps this one's, itself too."
    ),
    Column("weight", "f8", "1 / overlap: what the row counts for, as labels that overlap tell the same story."),
    Column(
        "split",
        "str",
        f"{TRAIN}, {VALIDATION} or {TEST}, by time: 70, 15 and 15 % of the decisions. {EMBARGO}: less than the longest "
        "label before the next of them, for none.",
    ),
)
"""Of a row among all others."""

COLUMNS = (*ROW_COLUMNS, *PLACE_COLUMNS)
