"""The card of some training data: what it is, how it was made, what it must not be used for."""

from collections.abc import Mapping

from rollbook_server.domain.backtest.outcomes import TrainingRows
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.backtest.training_schema import COLUMNS
from rollbook_server.domain.backtest.training_statistics import RewardStatistics, TrainingStatistics
from rollbook_server.domain.clock import DAY, SECOND, Micros, moment

_WHAT = {
    TrainingRows.EXAMPLES: "What the run did at each decision: one row with its state, its action and its reward.",
    TrainingRows.CANDIDATES: (
        "What the run could have done at each decision: a row for doing nothing, and one for each contract that could "
        "be sold, with the reward of its chain as it would have been, alone, under the same rules of exit and the same "
        "fills. `taken` marks what the run did."
    ),
}


def card(spec: BacktestSpec, told: TrainingStatistics, run: Mapping[str, str], files: Mapping[str, str]) -> str:
    """Markdown. `run` has ids and digests by what they are, `files` the SHA-256 of each file by its name."""
    assert spec.strategy is not None
    lines = [
        f"# Training {told.rows.value.lower()}: {spec.underlying} {spec.strategy.value.lower()}",
        "",
        _WHAT[told.rows],
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {name} | `{value}` |" for name, value in run.items()),
        f"| schema version | {told.schema_version} |",
        f"| data hash (of the rows, whatever their format) | `{told.data_hash}` |",
        *(f"| SHA-256 of {name} | `{value}` |" for name, value in files.items()),
        "",
        "## Figures",
        "",
        "| | |",
        "| --- | --- |",
        f"| rows | {told.examples:,} |",
        f"| that sell a contract | {told.opened:,} |",
        f"| that skip | {told.skipped:,} |",
        f"| that would not have filled | {told.unfilled:,} |",
        f"| chains with a profit | {_percent(told.win_rate)} |",
        f"| reward in coin, a day: average, minimum, maximum | {_reward(told.reward_coin)} |",
        f"| reward in USD, a day: average, minimum, maximum | {_reward(told.reward_usd)} |",
        f"| decisions | {_time(told.first_decision_time)} to {_time(told.last_decision_time)} |",
        f"| train | {told.train:,} |",
        f"| validation, from {_time(told.validation_time)} | {told.validation:,} |",
        f"| test, from {_time(told.test_time)} | {told.test:,} |",
        f"| embargo (the longest label, {told.longest_label_seconds * SECOND / DAY:.2f} days, before either) | "
        f"{told.embargo:,} |",
        f"| left out: chain still open at the end of the data | {told.open_at_end:,} |",
        f"| left out: decisions without data, or whose state was not all known | {told.without_state:,} |",
        "",
        "## What to mind",
        "",
        "- Rewards are of a simulation: sold options earn what the assumed volatility says they earn: see the report.",
        "- Train on rows of TRAIN, choose on VALIDATION, judge once on TEST. EMBARGO is for none of them: its labels "
        "may reach into what comes after.",
        "- Rows overlap in time. `weight` counts a story that many rows tell once.",
        "- What is left out near the end of the data are the longer chains: the last rows are of the shorter ones.",
        "- label_* and reward_* are of the future, `taken` and `outcome` are of the run: none of them is an input.",
        "- SKIP's reward is 0; what the capital would have earned elsewhere is not in it.",
        "",
        "## Columns",
        "",
        "| column | type | meaning |",
        "| --- | --- | --- |",
        *(f"| {each.name} | {each.type} | {each.meaning} |" for each in COLUMNS),
        "",
    ]
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.2f} %"


def _reward(reward: RewardStatistics | None) -> str:
    return "none" if reward is None else f"{reward.average:.8f}, {reward.minimum:.8f}, {reward.maximum:.8f}"


def _time(instant: Micros | None) -> str:
    return "none" if instant is None else moment(instant).strftime("%Y-%m-%d %H:%M")
